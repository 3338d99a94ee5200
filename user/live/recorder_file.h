/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One file of a recording, open for appending and locked. Functions print nothing: they return a
 * negative errno and say why, because only the recorder knows whether it was told before.
 */
#ifndef TUNESCOPE_RECORDER_FILE_H
#define TUNESCOPE_RECORDER_FILE_H

#include <stdbool.h>
#include <limits.h>
#include "../core/frame.h"

#define TS_WHY 512

/* Formats the reason (printf) and returns error. */
int ts_because(char why[TS_WHY], int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* What an error of writing means to a person. */
const char *ts_write_error(int error);

struct ts_recorder_file {
	int descriptor; /* -1: none is open */
	char path[PATH_MAX];
	__u64 length;  /* end of its last whole frame */
	__u64 cut_off; /* bytes of a torn frame that were cut off when it was opened */
	bool created;  /* did not exist before */
	bool torn;     /* what was written too much could not be taken back yet */
};

/* Opens, or creates, and locks; cuts off a torn tail. exclusive: -EEXIST when it exists. */
int ts_recorder_file_open(struct ts_recorder_file *file, const char *path, bool exclusive,
			  char why[TS_WHY]);
/* Closes; a file that was created for nothing is removed. */
void ts_recorder_file_close(struct ts_recorder_file *file);

/* Whether the path leads to another file now, or to none: removed or renamed by somebody. */
bool ts_recorder_file_moved(const struct ts_recorder_file *file);

/* One write of all of it, or nothing. */
int ts_recorder_file_append(struct ts_recorder_file *file, const void *data, size_t length,
			    char why[TS_WHY]);

/*
 * Replaces the file by its part from the byte offset on, through a file beside it, so that a whole
 * recording is there at any moment.
 */
int ts_recorder_file_drop(struct ts_recorder_file *file, __u64 offset, char why[TS_WHY]);
/* Removes what a killed ts_recorder_file_drop has left behind. */
void ts_recorder_file_clean(const char *path);

/*
 * Finds the next frame at or behind *offset, passing over damage: *offset becomes its beginning.
 * 0, -ENODATA when there is none, or the error of reading.
 */
int ts_recorder_file_next(const struct ts_recorder_file *file, __u64 *offset,
			  struct ts_frame_header *header);

/*
 * Where the last whole frame ends. 0; -EINVAL when this is no recording; or the error of reading.
 * (recorder_tail.c)
 */
int ts_recorder_tail(int descriptor, __u64 size, __u64 *end);

static inline __u64 ts_recorder_frame_length(const struct ts_frame_header *header)
{
	return TS_FRAME_HEADER + (__u64)header->stored_length;
}

#endif
