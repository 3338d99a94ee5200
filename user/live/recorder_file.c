// SPDX-License-Identifier: GPL-2.0-only
#include "recorder_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODE	   0640
#define COPY_BYTES (1u << 20)

int ts_because(char why[TS_WHY], int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why, TS_WHY, format, arguments);
	va_end(arguments);
	return error;
}

const char *ts_write_error(int error)
{
	switch (-error) {
	case ENOSPC: return "the disk is full";
	case EDQUOT: return "the disk quota is used up";
	case EFBIG: return "the file has reached the largest size allowed (ulimit -f)";
	case EROFS: return "the file system is read-only";
	default: return strerror(-error);
	}
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool ts_recorder_file_moved(const struct ts_recorder_file *file)
{
	struct stat opened, there;

	return fstat(file->descriptor, &opened) || stat(file->path, &there) ||
	       !same_file(&opened, &there);
}

/*
 * Locked, and still what the path leads to: while this process waited for its turn another one may
 * have replaced the file. 0, -EAGAIN to open it again, or the reason.
 */
static int lock(const struct ts_recorder_file *file, char why[TS_WHY])
{
	if (flock(file->descriptor, LOCK_EX | LOCK_NB)) {
		if (errno == EWOULDBLOCK)
			return ts_because(why, -EBUSY, "%s: another tunescope is recording there",
					  file->path);
		/* File systems without locks: better recorded without one than not at all. */
		return 0;
	}
	return ts_recorder_file_moved(file) ? -EAGAIN : 0;
}

static int open_once(struct ts_recorder_file *file, bool exclusive, char why[TS_WHY])
{
	const int flags = O_RDWR | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	struct stat state;
	int error;

	/* Looked at before it is opened: opening a device may do something. */
	if (!exclusive && !stat(file->path, &state)) {
		if (!S_ISREG(state.st_mode))
			return ts_because(why, -EINVAL, "%s is not a regular file", file->path);
		file->descriptor = open(file->path, flags);
	} else {
		file->descriptor = open(file->path, flags | O_CREAT | O_EXCL, MODE);
		file->created = file->descriptor >= 0;
	}
	if (file->descriptor < 0) {
		error = -errno;
		return ts_because(why, error, "%s: %s", file->path, ts_write_error(error));
	}
	return lock(file, why);
}

static int find_tail(struct ts_recorder_file *file, char why[TS_WHY])
{
	struct stat state;
	int error;

	if (fstat(file->descriptor, &state))
		return ts_because(why, -errno, "%s: %s", file->path, strerror(errno));
	error = ts_recorder_tail(file->descriptor, (__u64)state.st_size, &file->length);
	if (error == -EINVAL)
		return ts_because(why, error,
				  "%s holds something else than a recording; it is left as it is",
				  file->path);
	if (error)
		return ts_because(why, error, "%s: %s", file->path, strerror(-error));
	file->cut_off = (__u64)state.st_size - file->length;
	if (file->cut_off && ftruncate(file->descriptor, (off_t)file->length))
		return ts_because(why, -errno, "%s: the torn end cannot be cut off: %s", file->path,
				  strerror(errno));
	return 0;
}

int ts_recorder_file_open(struct ts_recorder_file *file, const char *path, bool exclusive,
			  char why[TS_WHY])
{
	int error = -EAGAIN;

	*file = (struct ts_recorder_file){.descriptor = -1};
	if (strlen(path) >= sizeof file->path)
		return ts_because(why, -ENAMETOOLONG, "the path of the recording is too long");
	strcpy(file->path, path);
	for (int attempt = 0; attempt < 10 && error == -EAGAIN; attempt++) {
		ts_recorder_file_close(file);
		error = open_once(file, exclusive, why);
		/* Somebody else was faster. */
		if (error == -EEXIST && !exclusive)
			error = -EAGAIN;
	}
	if (error == -EAGAIN)
		ts_because(why, error, "%s is being replaced again and again", path);
	if (!error)
		error = find_tail(file, why);
	if (error)
		ts_recorder_file_close(file);
	return error;
}

void ts_recorder_file_close(struct ts_recorder_file *file)
{
	struct stat state;

	if (file->descriptor < 0)
		return;
	if (file->created && !file->length && !fstat(file->descriptor, &state) && !state.st_size &&
	    !ts_recorder_file_moved(file))
		unlink(file->path);
	close(file->descriptor);
	file->descriptor = -1;
}

/* Back to the end of the last whole frame. */
static void take_back(struct ts_recorder_file *file)
{
	file->torn = ftruncate(file->descriptor, (off_t)file->length) != 0;
}

int ts_recorder_file_append(struct ts_recorder_file *file, const void *data, size_t length,
			    char why[TS_WHY])
{
	struct stat state;
	ssize_t written;
	int error;

	if (file->torn)
		take_back(file);
	else if (!fstat(file->descriptor, &state)) /* somebody may have emptied it */
		file->length = (__u64)state.st_size;
	do
		written = write(file->descriptor, data, length);
	while (written < 0 && errno == EINTR);
	if (written == (ssize_t)length) {
		file->length += length;
		return 0;
	}
	/* A short write has no error of its own: what stopped it is what the rest would meet. */
	error = written < 0 ? -errno : -ENOSPC;
	if (written > 0 &&
	    write(file->descriptor, (const char *)data + written, length - (size_t)written) < 0)
		error = -errno;
	take_back(file);
	return ts_because(why, error, "%s: %s", file->path, ts_write_error(error));
}

static int temporary_path(const char *path, char temporary[PATH_MAX])
{
	return snprintf(temporary, PATH_MAX, "%s.tmp", path) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

void ts_recorder_file_clean(const char *path)
{
	char temporary[PATH_MAX];
	struct stat state;
	__u64 end;
	int descriptor;

	if (temporary_path(path, temporary) || lstat(temporary, &state) || !S_ISREG(state.st_mode))
		return;
	descriptor = open(temporary, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (descriptor < 0)
		return;
	/* Somebody's own file of that name stays. */
	if (!ts_recorder_tail(descriptor, (__u64)state.st_size, &end))
		unlink(temporary);
	close(descriptor);
}

static int copy(int from, __u64 offset, __u64 end, int to)
{
	off_t at = (off_t)offset;

	while ((__u64)at < end) {
		__u64 left = end - (__u64)at;
		ssize_t n = sendfile(to, from, &at, left < COPY_BYTES ? (size_t)left : COPY_BYTES);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (!n)
			return -EIO;
	}
	return 0;
}

static void sync_directory(const char *path)
{
	char directory[PATH_MAX], *slash;
	int descriptor;

	strcpy(directory, path);
	slash = strrchr(directory, '/');
	if (slash)
		slash[1] = '\0';
	descriptor = open(slash ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (descriptor < 0)
		return;
	fsync(descriptor);
	close(descriptor);
}

/* Fills the new file and puts it in the place of the old one. */
static int replace(struct ts_recorder_file *file, __u64 offset, const char *temporary,
		   int descriptor)
{
	struct stat state;
	int error;

	if (fstat(file->descriptor, &state))
		return -errno;
	/* Whose it was, as far as that is allowed; not reason enough to fail. */
	if (fchown(descriptor, state.st_uid, state.st_gid) == 0 || state.st_uid == geteuid())
		fchmod(descriptor, state.st_mode & 07777);
	flock(descriptor, LOCK_EX | LOCK_NB);
	error = copy(file->descriptor, offset, file->length, descriptor);
	if (!error && fsync(descriptor))
		error = -errno;
	if (!error && rename(temporary, file->path))
		error = -errno;
	return error;
}

int ts_recorder_file_drop(struct ts_recorder_file *file, __u64 offset, char why[TS_WHY])
{
	char temporary[PATH_MAX];
	int error = temporary_path(file->path, temporary), descriptor;

	if (error)
		return ts_because(why, error, "the path of the recording is too long");
	/* Not O_APPEND yet: sendfile refuses that. */
	descriptor = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (descriptor < 0) {
		error = -errno;
		return ts_because(why, error, "%s (to drop the oldest frames): %s", temporary,
				  ts_write_error(error));
	}
	error = replace(file, offset, temporary, descriptor);
	if (!error && fcntl(descriptor, F_SETFL, O_APPEND))
		error = -errno;
	if (error) {
		unlink(temporary);
		close(descriptor);
		return ts_because(why, error, "%s (to drop the oldest frames): %s", temporary,
				  ts_write_error(error));
	}
	sync_directory(file->path);
	close(file->descriptor);
	file->descriptor = descriptor;
	file->length -= offset;
	file->torn = false;
	return 0;
}
