/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writing a recording (user/core/frame.h) to a file, or to a directory of segments, within limits
 * of age and size. What cannot be written is kept, put together with what follows, and written when
 * that is possible again: a full disk costs resolution, not data.
 */
#ifndef TUNESCOPE_RECORDER_H
#define TUNESCOPE_RECORDER_H

#include "../core/window.h"

struct ts_recorder_options {
	const char *path;    /* a directory (existing, or ending in '/'), or a file */
	double keep_seconds; /* older frames are dropped; 0: never */
	__u64 maximum_bytes; /* the recording stays below; 0: no limit */
	double interval;     /* seconds between windows, as planned */
	/* Called with each window that has been written, put together or not; may be NULL. */
	void (*written)(void *context, const struct ts_window *window);
	void *context;
};

struct ts_recorder;

/*
 * Opens for appending, creates what does not exist, cuts off a torn tail, and takes a lock so that
 * two cannot write the same recording. 0, or a negative errno with the message printed: -EINVAL
 * when the path is or holds something else than a recording (it is left as it is), -EBUSY when
 * another process is writing there.
 */
int ts_recorder_open(const struct ts_recorder_options *options, struct ts_recorder **recorder);

/* The directory that files are created and replaced in, for ts_privileges_drop_writing. */
const char *ts_recorder_directory(const struct ts_recorder *recorder);

/*
 * Appends a window (and the context, when it changed or is due again). Failure to write is told
 * once on stderr, and so is that it works again; 0, or the negative errno of the write that failed,
 * after which the window is kept.
 */
int ts_recorder_add(struct ts_recorder *recorder, const struct ts_window *window);

/* What was written in this session, and what is waiting. */
struct ts_recorder_state {
	__u64 frames, windows, bytes; /* written; windows as they were added */
	double seconds;		      /* measured, in what was written */
	__u64 waiting_windows;	      /* put together in the one that could not be written yet */
	__u64 put_together, lost;     /* windows delayed by write errors, and given up */
	const char *file;	      /* written to now; "" when none */
};
void ts_recorder_state(const struct ts_recorder *recorder, struct ts_recorder_state *state);

/*
 * Writes what is waiting and the end frame, and syncs; nothing is to be added any more. 0, or a
 * negative errno with the message printed when windows are lost because they could not be written.
 */
int ts_recorder_end(struct ts_recorder *recorder);

/* Closes; ends before, when that was not done. As ts_recorder_end. NULL is fine. */
int ts_recorder_close(struct ts_recorder *recorder);

#endif
