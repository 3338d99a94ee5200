// SPDX-License-Identifier: GPL-2.0-only
#include "recording_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../core/arena.h"
#include "../core/error.h"
#include "recorder_newest.h"

#define SUFFIX	   ".tsrec"
#define READ_BYTES (1u << 20)

struct ts_recording_file {
	struct ts_recording_file *next; /* of those that are open */
	struct ts_arena *arena;
	struct ts_segment *segment;
	size_t segments, capacity;
	unsigned char *read; /* what came through a pipe, instead of mappings */
	struct ts_recording *recording;
};

/*
 * A mapped file that is cut short (its recorder is started again and drops a torn tail) or cannot
 * be read from disk gives SIGBUS. The missing page becomes one of zeros: a frame on it has a wrong
 * checksum then and counts as damaged, and the rest is read on.
 */
static struct ts_recording_file *open_files;
static struct sigaction old_action;

static bool is_ours(const unsigned char *address)
{
	for (const struct ts_recording_file *file = open_files; file; file = file->next)
		for (size_t i = 0; i < file->segments; i++)
			if (address >= file->segment[i].data &&
			    address < file->segment[i].data + file->segment[i].length)
				return true;
	return false;
}

static unsigned char *page_of(const unsigned char *address)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (unsigned char *)((size_t)address & ~(page - 1));
}

static void on_bus_error(int number, siginfo_t *info, void *context)
{
	int saved = errno;

	if (!is_ours(info->si_addr) ||
	    mmap(page_of(info->si_addr), (size_t)sysconf(_SC_PAGESIZE), PROT_READ,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		sigaction(SIGBUS, &old_action, NULL); /* and the access fails once more */
	errno = saved;
}

static void watch(struct ts_recording_file *file)
{
	struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};

	file->next = open_files;
	open_files = file;
	if (!file->next)
		sigaction(SIGBUS, &action, &old_action);
}

static void unwatch(struct ts_recording_file *file)
{
	struct ts_recording_file **at = &open_files;

	while (*at && *at != file)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = file->next;
	if (!open_files)
		sigaction(SIGBUS, &old_action, NULL);
}

/* Pages that were read stay in the page cache, and no longer count as this process's memory. */
static void release(const unsigned char *data, size_t length)
{
	unsigned char *first = page_of(data), *end = page_of(data + length);

	if (end > first)
		madvise(first, (size_t)(end - first), MADV_DONTNEED);
}

static void add_segment(struct ts_recording_file *file, const char *name, const unsigned char *data,
			size_t length, bool mapped)
{
	file->segment = ts_arena_grow(file->arena, file->segment, file->segments, &file->capacity,
				      sizeof *file->segment);
	file->segment[file->segments++] = (struct ts_segment){
		.name = ts_arena_intern(file->arena, name),
		.data = data,
		.length = length,
		.release = mapped ? release : NULL,
	};
}

static int map_file(struct ts_recording_file *file, int fd, const char *name, size_t length)
{
	void *data;

	if (!length)
		return 0;
	data = mmap(NULL, length, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return ts_err(-errno, "%s cannot be mapped into memory: %s", name, strerror(errno));
	madvise(data, length, MADV_SEQUENTIAL);
	add_segment(file, name, data, length, true);
	return 0;
}

static int read_pipe(struct ts_recording_file *file, int fd, const char *name)
{
	size_t length = 0, capacity = 0;
	ssize_t got;

	do {
		if (capacity - length < READ_BYTES) {
			size_t wanted = capacity * 2 + READ_BYTES;
			unsigned char *larger = realloc(file->read, wanted);

			if (!larger)
				return ts_err(-ENOMEM, "%s is too long for this host's memory",
					      name);
			file->read = larger;
			capacity = wanted;
		}
		got = read(fd, file->read + length, capacity - length);
		if (got < 0 && errno != EINTR)
			return ts_err(-errno, "%s cannot be read: %s", name, strerror(errno));
		length += got > 0 ? (size_t)got : 0;
	} while (got);
	add_segment(file, name, file->read, length, false);
	return 0;
}

static int add_file(struct ts_recording_file *file, int fd, const char *name,
		    const struct stat *status)
{
	if (S_ISREG(status->st_mode))
		return map_file(file, fd, name, (size_t)status->st_size);
	if (S_ISFIFO(status->st_mode))
		return read_pipe(file, fd, name);
	return ts_err(-EINVAL, "%s is neither a file nor a directory nor a pipe", name);
}

static int is_segment(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name), suffix = strlen(SUFFIX);

	return *entry->d_name != '.' && length > suffix &&
	       !strcmp(entry->d_name + length - suffix, SUFFIX);
}

/*
 * What stands beside a file while it is recorded (recorder_newest.h): first, so that what becomes a
 * part of the file in the meantime is found there.
 */
static int add_newest(struct ts_recording_file *file, int directory, const char *path)
{
	static const char *const suffixes[] = {TS_NEWEST_SUFFIX, TS_NEWEST_BEFORE};
	int error = 0;

	for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0] && !error; i++) {
		const char *name = ts_arena_printf(file->arena, "%s%s", path, suffixes[i]);
		int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		struct stat status;

		if (fd < 0)
			continue;
		if (!fstat(fd, &status) && S_ISREG(status.st_mode))
			error = map_file(file, fd, name, (size_t)status.st_size);
		close(fd);
	}
	return error;
}

/* One that was there a moment ago may be gone: recording drops what is too old. */
static int add_from_directory(struct ts_recording_file *file, int directory, const char *path,
			      const char *entry)
{
	const char *slash = path[strlen(path) - 1] == '/' ? "" : "/";
	const char *name = ts_arena_printf(file->arena, "%s%s%s", path, slash, entry);
	int error = add_newest(file, AT_FDCWD, name), fd;
	struct stat status;

	if (error)
		return error;
	fd = openat(directory, entry, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT
			       ? 0
			       : ts_err(-errno, "%s cannot be opened: %s", name, strerror(errno));
	if (!fstat(fd, &status) && S_ISREG(status.st_mode))
		error = add_file(file, fd, name, &status);
	close(fd);
	return error;
}

static int add_directory(struct ts_recording_file *file, int directory, const char *path)
{
	struct dirent **entry = NULL;
	int count = scandirat(directory, ".", &entry, is_segment, alphasort), error = 0;

	if (count < 0)
		return ts_err(-errno, "%s cannot be listed: %s", path, strerror(errno));
	for (int i = 0; i < count; i++) {
		if (!error)
			error = add_from_directory(file, directory, path, entry[i]->d_name);
		free(entry[i]);
	}
	free(entry);
	if (!error && !count)
		error = ts_err(-ENOENT, "%s holds no recording: none of its files ends in " SUFFIX,
			       path);
	return error;
}

static int add_path(struct ts_recording_file *file, const char *path)
{
	int error = add_newest(file, AT_FDCWD, path), fd;
	struct stat status;

	if (error)
		return error;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ts_err(-errno, "%s cannot be opened: %s", path, strerror(errno));
	if (fstat(fd, &status))
		error = ts_err(-errno, "%s cannot be examined: %s", path, strerror(errno));
	else if (S_ISDIR(status.st_mode))
		error = add_directory(file, fd, path);
	else
		error = add_file(file, fd, path, &status);
	close(fd);
	return error;
}

static bool all_damage_is(const struct ts_recording *recording, const char *what)
{
	for (size_t i = 0; i < recording->damages; i++)
		if (strcmp(recording->damage[i].what, what))
			return false;
	return recording->damages;
}

/* Not a single window: why? */
static int nothing_there(const char *path, const struct ts_recording *recording)
{
	const struct ts_damage *first = recording->damage;

	if (all_damage_is(recording, "newer format"))
		return ts_err(-EINVAL,
			      "%s was written by a newer tunescope, in a format that this one "
			      "(%s) does not know",
			      path, TUNESCOPE_VERSION);
	if (all_damage_is(recording, "not a frame"))
		return ts_err(-EINVAL, "%s is not a recording of tunescope", path);
	if (recording->damages)
		return ts_err(-EINVAL,
			      "%s: every frame of it is damaged (%zu places, the first at offset "
			      "%zu of %s: %s)",
			      path, recording->damages, first->offset, first->segment, first->what);
	return ts_err(-ENODATA, "%s holds nothing yet: not one interval was recorded to its end",
		      path);
}

int ts_recording_file_open(const char *path, struct ts_recording_file **file,
			   struct ts_recording **recording)
{
	struct ts_arena *arena = ts_arena_new();
	struct ts_recording_file *f = ts_arena_alloc(arena, sizeof *f);
	int error;

	f->arena = arena;
	error = add_path(f, path);
	if (!error) {
		watch(f);
		f->recording = ts_recording_new(f->segment, f->segments);
		if (!f->recording->windows)
			error = nothing_there(path, f->recording);
	}
	if (error) {
		ts_recording_file_close(f);
		return error;
	}
	*file = f;
	*recording = f->recording;
	return 0;
}

void ts_recording_file_close(struct ts_recording_file *file)
{
	ts_recording_free(file->recording);
	unwatch(file);
	for (size_t i = 0; i < file->segments; i++)
		if (file->segment[i].release)
			munmap((void *)file->segment[i].data, file->segment[i].length);
	free(file->read);
	ts_arena_free(file->arena);
}
