/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The newest windows of a recording stand one by one in a file beside it (FILE.newest), so that
 * being killed costs the last one at most; when there are enough of them they become one group
 * frame of the recording itself, in half the room. Nothing is ever taken away before what replaces
 * it is on the disk: the group is appended to the recording, the file beside it gets another name
 * (FILE.newest-1), and is deleted when the recording is synced. In between the same windows stand
 * there twice, and a reader takes them once. What a killed recorder left there is appended to the
 * recording as it stands.
 *
 * Whoever reads opens the files beside it first, and the recording last: then nothing can move from
 * one to the other unseen.
 */
#ifndef TUNESCOPE_RECORDER_NEWEST_H
#define TUNESCOPE_RECORDER_NEWEST_H

#include "../core/frame_group.h"
#include "recorder_file.h"
#include "recorder_sync.h"

#define TS_NEWEST_SUFFIX ".newest"
#define TS_NEWEST_BEFORE ".newest-1"

struct ts_newest {
	char path[PATH_MAX], before[PATH_MAX];
	struct ts_recorder_file file; /* where windows stand one by one */
	__u64 before_length;	      /* of the other one, as long as it is there */
	struct ts_group_writer *writer;
	struct ts_bytes groups; /* complete, and not written yet */
	double seconds;		/* in the group that is not complete */
	/* What became a group of the recording is to be synced, and only then deleted. */
	enum { TS_NEWEST_CLEAN, TS_NEWEST_TO_SYNC, TS_NEWEST_SYNCING } state;
	bool told; /* that groups cannot be written */
};

/* Beside that file, which is open: what is left there is appended to it. 0, or an error with why.
 */
int ts_newest_open(struct ts_newest *newest, struct ts_recorder_file *recording, char why[TS_WHY]);
/* What stands in the files stays there. */
void ts_newest_close(struct ts_newest *newest);
/* Deletes what stands beside a recording that is deleted. */
void ts_newest_delete(int directory, const char *name);

/* The frame of a window. */
int ts_newest_append(struct ts_newest *newest, const void *frame, size_t length,
		     const struct ts_window *window, const struct ts_frame_header *header,
		     char why[TS_WHY]);
/* With one more frame of so many bytes: those that stand there, and what their group takes at most.
 */
__u64 ts_newest_room(const struct ts_newest *newest, size_t frame);

/*
 * The windows become a group; most: so many seconds or bytes of them are enough (0: no limit).
 * Returns how many bytes the recording has got. What cannot be written stays where it is, and that
 * is told once.
 */
struct ts_newest_limits {
	double seconds;
	__u64 bytes;
};
bool ts_newest_enough(const struct ts_newest *newest, const struct ts_newest_limits *most);
/* The disk is nearly full: better a group at once. */
bool ts_newest_crowded(const struct ts_newest *newest);
__u64 ts_newest_group(struct ts_newest *newest, struct ts_recorder_file *recording);

/* To be called now and then: syncs without waiting, and deletes what is not needed any more. */
void ts_newest_settle(struct ts_newest *newest, const struct ts_recorder_file *recording,
		      struct ts_sync *sync);
/* The end of the recording: waits for that. */
void ts_newest_end(struct ts_newest *newest, const struct ts_recorder_file *recording);

#endif
