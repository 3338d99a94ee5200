// SPDX-License-Identifier: GPL-2.0-only
#include "recorder_newest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "../core/arena.h"
#include "../core/error.h"

/* A group is complete with so many windows, or when it is long enough and has some. */
#define GROUP_WINDOWS 60
#define GROUP_SECONDS 600
#define GROUP_SOME    6
/* A group is smaller than its windows; one of a single window may be larger by less than that. */
#define GROUP_MORE 256
/* With less room left on the disk than so many times what stands there it becomes a group. */
#define CROWDED 4

/* ---- what a killed recorder left */

/* Up to when windows of a session are in the recording's groups. */
static int grouped_until(const struct ts_recorder_file *recording, __u64 session, __u64 *until)
{
	struct ts_frame_header header;
	__u64 offset = 0;
	int error;

	*until = 0;
	while (!(error = ts_recorder_file_next(recording, &offset, &header))) {
		if (header.type == TS_FRAME_GROUP && header.session == session)
			*until = header.boottime_ns;
		offset += ts_recorder_frame_length(&header);
	}
	return error == -ENODATA ? 0 : error;
}

static int append_left(struct ts_recorder_file *recording, const struct ts_recorder_file *left,
		       char why[TS_WHY])
{
	unsigned char *data = ts_memory_resize(NULL, left->length + 1);
	__u64 offset = 0, session = 0, until = 0;
	struct ts_frame_header header;
	struct ts_bytes bytes = {0};
	int error = 0;

	if (pread(left->descriptor, data, left->length, 0) != (ssize_t)left->length)
		error = ts_because(why, -EIO, "%s cannot be read", left->path);
	while (!error && !ts_recorder_file_next(left, &offset, &header)) {
		__u64 length = ts_recorder_frame_length(&header);

		if (offset + length > left->length)
			break;
		if (header.session != session)
			error = grouped_until(recording, header.session, &until);
		session = header.session;
		if (header.boottime_ns > until)
			ts_bytes_append(&bytes, data + offset, length);
		offset += length;
	}
	if (!error && bytes.length)
		error = ts_recorder_file_append(recording, bytes.data, bytes.length, why);
	if (!error && fsync(recording->descriptor))
		error = ts_because(why, -errno, "%s: %s", recording->path, ts_write_error(-errno));
	ts_bytes_free(&bytes);
	free(data);
	return error;
}

static int take_in(struct ts_recorder_file *recording, const char *path, char why[TS_WHY])
{
	struct ts_recorder_file left;
	struct stat state;
	int error;

	if (lstat(path, &state))
		return errno == ENOENT ? 0
				       : ts_because(why, -errno, "%s: %s", path, strerror(errno));
	error = ts_recorder_file_open(&left, path, false, why);
	if (error)
		return error;
	if (left.cut_off)
		ts_warn("%s: recording was killed while it wrote there: the last %llu bytes, a "
			"torn frame, are cut off",
			path, (unsigned long long)left.cut_off);
	error = append_left(recording, &left, why);
	if (!error && unlink(path))
		error = ts_because(why, -errno, "%s cannot be deleted: %s", path, strerror(errno));
	ts_recorder_file_close(&left);
	return error;
}

/* ---- opening and closing */

static void begin_again(struct ts_newest *newest)
{
	ts_group_writer_free(newest->writer);
	newest->writer = ts_group_writer_new();
	newest->groups.length = 0;
	newest->seconds = 0;
	newest->state = TS_NEWEST_CLEAN;
}

int ts_newest_open(struct ts_newest *newest, struct ts_recorder_file *recording, char why[TS_WHY])
{
	int error;

	ts_newest_close(newest);
	if (snprintf(newest->path, sizeof newest->path, "%s" TS_NEWEST_SUFFIX, recording->path) >=
		    (int)sizeof newest->path ||
	    snprintf(newest->before, sizeof newest->before, "%s" TS_NEWEST_BEFORE,
		     recording->path) >= (int)sizeof newest->before)
		return ts_because(why, -ENAMETOOLONG, "the path of the recording is too long");
	error = take_in(recording, newest->before, why);
	if (!error)
		error = take_in(recording, newest->path, why);
	if (!error)
		begin_again(newest);
	return error;
}

void ts_newest_close(struct ts_newest *newest)
{
	ts_recorder_file_close(&newest->file);
	ts_group_writer_free(newest->writer);
	newest->writer = NULL;
	ts_bytes_free(&newest->groups);
	newest->state = TS_NEWEST_CLEAN;
}

void ts_newest_delete(int directory, const char *name)
{
	static const char *const suffixes[] = {TS_NEWEST_SUFFIX, TS_NEWEST_BEFORE};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
		if (snprintf(path, sizeof path, "%s%s", name, suffixes[i]) < (int)sizeof path)
			unlinkat(directory, path, 0);
}

/* ---- windows one by one */

int ts_newest_append(struct ts_newest *newest, const void *frame, size_t length,
		     const struct ts_window *window, const struct ts_frame_header *header,
		     char why[TS_WHY])
{
	int error = 0;

	if (newest->file.descriptor >= 0 && ts_recorder_file_moved(&newest->file))
		ts_recorder_file_close(&newest->file);
	if (newest->file.descriptor < 0)
		error = ts_recorder_file_open(&newest->file, newest->path, false, why);
	if (!error)
		error = ts_recorder_file_append(&newest->file, frame, length, why);
	if (error)
		return error;
	ts_group_add(newest->writer, window, header);
	newest->seconds += window->seconds;
	return 0;
}

__u64 ts_newest_room(const struct ts_newest *newest, size_t frame)
{
	__u64 beside = frame + newest->groups.length;

	if (newest->file.descriptor >= 0)
		beside += newest->file.length;
	return 2 * beside + newest->before_length + GROUP_MORE;
}

/* ---- and as a group */

bool ts_newest_enough(const struct ts_newest *newest, const struct ts_newest_limits *most)
{
	unsigned int windows = ts_group_windows(newest->writer);

	if (!windows)
		return false;
	return windows >= GROUP_WINDOWS ||
	       (windows >= GROUP_SOME && newest->seconds >= GROUP_SECONDS) ||
	       (most->seconds > 0 && newest->seconds >= most->seconds) ||
	       (most->bytes && newest->file.length >= most->bytes);
}

bool ts_newest_crowded(const struct ts_newest *newest)
{
	struct statvfs disk;

	return newest->file.descriptor >= 0 && !fstatvfs(newest->file.descriptor, &disk) &&
	       (__u64)disk.f_bavail * disk.f_frsize < CROWDED * newest->file.length;
}

static void tell(struct ts_newest *newest, int error, const char *why)
{
	if (!newest->told)
		ts_err(error,
		       "%s: until it can be written the newest windows stay one by one in %s", why,
		       newest->path);
	newest->told = true;
}

__u64 ts_newest_group(struct ts_newest *newest, struct ts_recorder_file *recording)
{
	struct ts_frame_header header;
	char why[TS_WHY] = "";
	size_t length;
	int error;

	if (ts_group_windows(newest->writer))
		ts_group_finish(newest->writer, &header, &newest->groups);
	newest->seconds = 0;
	length = newest->groups.length;
	if (!length)
		return 0;
	/* What was there before is deleted first: its sync was begun a whole group ago. */
	ts_newest_end(newest, recording);
	if (newest->state != TS_NEWEST_CLEAN)
		return 0;
	error = ts_recorder_file_append(recording, newest->groups.data, length, why);
	if (error) {
		tell(newest, error, why);
		return 0;
	}
	if (newest->told)
		ts_err(0, "%s: the newest windows are a part of it again", recording->path);
	newest->told = false;
	newest->groups.length = 0;
	newest->state = TS_NEWEST_TO_SYNC;
	if (rename(newest->path, newest->before) && errno != ENOENT)
		ts_warn("%s cannot be renamed: %s", newest->path, strerror(errno));
	newest->before_length = newest->file.length;
	ts_recorder_file_close(&newest->file);
	newest->file.length = 0;
	return length;
}

static void delete_before(struct ts_newest *newest)
{
	if (unlink(newest->before) && errno != ENOENT)
		ts_warn("%s cannot be deleted: %s", newest->before, strerror(errno));
	newest->state = TS_NEWEST_CLEAN;
	newest->before_length = 0;
}

void ts_newest_settle(struct ts_newest *newest, const struct ts_recorder_file *recording,
		      struct ts_sync *sync)
{
	if (newest->state == TS_NEWEST_CLEAN && newest->file.descriptor >= 0) {
		ts_sync_start(sync, newest->file.descriptor);
	} else if (newest->state == TS_NEWEST_TO_SYNC) {
		if (ts_sync_now(sync, recording->descriptor))
			newest->state = TS_NEWEST_SYNCING;
	} else if (newest->state == TS_NEWEST_SYNCING && ts_sync_done(sync)) {
		/* After an error they stay there twice, until the next group. */
		if (ts_sync_finish(sync))
			ts_warn("what was recorded may not have reached the disk: it reports an "
				"error");
		else
			delete_before(newest);
		newest->state = TS_NEWEST_CLEAN;
	}
}

void ts_newest_end(struct ts_newest *newest, const struct ts_recorder_file *recording)
{
	if (newest->state == TS_NEWEST_CLEAN)
		return;
	if (fsync(recording->descriptor))
		ts_warn("%s may not have reached the disk: %s", recording->path, strerror(errno));
	else
		delete_before(newest);
}
