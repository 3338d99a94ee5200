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
};

struct ts_recorder;

/*
 * Opens for appending, creates what does not exist, cuts off a torn tail, and takes a lock so that
 * two cannot write the same recording. 0, or a negative errno with the message printed. A file that
 * holds something else than a recording is refused.
 */
int ts_recorder_open(const struct ts_recorder_options *options, struct ts_recorder **recorder);

/*
 * Appends a window (and the context, when it changed or is due again). Failure to write is told
 * once on stderr, and so is that it works again; 0, or the negative errno of the write that failed,
 * after which the window is kept.
 */
int ts_recorder_add(struct ts_recorder *recorder, const struct ts_window *window);

/* What was written in this session, and what is waiting. */
struct ts_recorder_state {
	__u64 frames, bytes;   /* written */
	__u64 waiting_windows; /* put together in the one that could not be written yet */
	const char *file;      /* written to now */
};
void ts_recorder_state(const struct ts_recorder *recorder, struct ts_recorder_state *state);

/* Writes the end frame, syncs and closes. 0, or a negative errno with the message printed. */
int ts_recorder_close(struct ts_recorder *recorder);

#endif
