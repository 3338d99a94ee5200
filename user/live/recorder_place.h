/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where frames go: one file, or the newest of a directory of segments; always the file that the
 * next frame may be appended to within the limits of age and size. All times come from the windows.
 */
#ifndef TUNESCOPE_RECORDER_PLACE_H
#define TUNESCOPE_RECORDER_PLACE_H

#include "recorder.h"
#include "recorder_newest.h"
#include "recorder_segments.h"

struct ts_place {
	bool segmented;
	char path[PATH_MAX]; /* of the directory, or of the file with symbolic links followed */
	__u64 keep_ns;	     /* 0: no limit */
	__u64 maximum_bytes; /* 0: no limit */
	__u64 session;	     /* whose frames are aged by CLOCK_BOOTTIME */
	struct ts_recorder_file file;
	struct ts_newest newest; /* beside it */
	bool direct;		 /* nothing stands there: the recording is to be too small for it */
	struct ts_newest_limits group; /* when windows become one */
	struct ts_segments segments;
	__u64 segment_start_ns; /* CLOCK_BOOTTIME */
	bool deletion_told;	/* that an old segment could not be deleted */
	__s64 written;		/* in files that are closed */
	/*
	 * The age of frames of earlier sessions: wall clock at the first window plus the boot time
	 * that has passed, so that a clock set forth in the middle deletes nothing.
	 */
	__u64 first_realtime_ns, first_boottime_ns;
	/* Up to where the file is known to be too old, and its last context up to there. */
	__u64 old_end, old_context;
};

/* 0, -EINVAL (it is something else), -EBUSY, or another errno, with why. */
int ts_place_open(struct ts_place *place, const struct ts_recorder_options *options, __u64 session,
		  char why[TS_WHY]);
void ts_place_close(struct ts_place *place);

/*
 * Makes room for so many bytes of a window. *begins is set to true when they would stand at the
 * beginning of a file, or at that of what is left of it.
 */
int ts_place_prepare(struct ts_place *place, size_t bytes, const struct ts_window *window,
		     bool *begins, char why[TS_WHY]);
/* A context. */
int ts_place_append(struct ts_place *place, const void *data, size_t length,
		    const struct ts_window *window, char why[TS_WHY]);
/* A window, with its header; the frame is that, or when direct a group of this one. */
int ts_place_append_window(struct ts_place *place, const void *data, size_t length,
			   const struct ts_window *window, const struct ts_frame_header *header,
			   char why[TS_WHY]);
/* After a window, and (at_end) after the last one: groups are made of those that are complete. */
void ts_place_settle(struct ts_place *place, struct ts_sync *sync, bool at_end);
/* How long what is recorded has become, or less, since the place was opened. */
__s64 ts_place_written(const struct ts_place *place);
/*
 * What was prepared could not be written: another file may do after anything but a full disk.
 * Whether it is worth to try again at once.
 */
bool ts_place_failed(struct ts_place *place, int error);

/* Makes room in a single file; as ts_place_prepare. (recorder_trim.c) */
int ts_place_drop_old(struct ts_place *place, size_t bytes, const struct ts_window *window,
		      bool *begins, char why[TS_WHY]);
/* Whether something of that end is to be dropped. boottime_ns 0: of an earlier session. */
bool ts_place_too_old(const struct ts_place *place, const struct ts_window *window,
		      __u64 realtime_ns, __u64 boottime_ns);

#endif
