/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The segments of a recording in a directory: tunescope-20261121T140000Z.tsrec, named by the time
 * (UTC) of their beginning. Files of other names belong to others and are never touched.
 */
#ifndef TUNESCOPE_RECORDER_SEGMENTS_H
#define TUNESCOPE_RECORDER_SEGMENTS_H

#include "recorder_file.h"

#define TS_SEGMENT_NAME 48

struct ts_segment_file {
	char name[TS_SEGMENT_NAME];
	__u64 bytes;
	/* Its end: in this session by CLOCK_BOOTTIME, of an earlier one (0) by its time of
	 * modification. */
	__u64 boottime_ns, realtime_ns;
};

struct ts_segments {
	char path[PATH_MAX];	      /* of the directory, without a '/' at its end */
	int descriptor;		      /* holds the lock; -1: not open */
	struct ts_segment_file *list; /* oldest first, the one being written last */
	size_t count, capacity;
	__u64 bytes; /* all together */
};

/* Opens, creates with create, and locks the directory, and lists what is in it. */
int ts_segments_open(struct ts_segments *segments, const char *path, bool create, char why[TS_WHY]);
void ts_segments_close(struct ts_segments *segments);
/* Whether the path leads to another directory now, or to none. */
bool ts_segments_moved(const struct ts_segments *segments);

/* A new segment, at the end of the list. */
int ts_segments_new(struct ts_segments *segments, __u64 realtime_ns, struct ts_recorder_file *file,
		    char why[TS_WHY]);
/* The last segment has got so many bytes more, and ends now. */
void ts_segments_grown(struct ts_segments *segments, __u64 bytes, __u64 boottime_ns,
		       __u64 realtime_ns);
/* The last segment was closed without anything in it. */
void ts_segments_forget_empty(struct ts_segments *segments);

/* Deletes number i of the list. What cannot be deleted stays in it. */
int ts_segments_delete(struct ts_segments *segments, size_t i, char why[TS_WHY]);

#endif
