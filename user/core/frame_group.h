/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A group frame: windows that follow each other in one frame, in half the room that they take one
 * by one. A series' name stands there once, and its numbers as how they differ from the window
 * before. What a flipped bit costs is all windows of the group.
 *
 * Of its header (frame.h) the sequence is that of the first window, the context is the number of
 * windows, the times are those of the end of the last one, and the length is that of all together.
 * The payload is sections as elsewhere (frame_payload.h):
 *
 *   windows   the first: their number, then for each the step from the number in the session of the
 *             one before (of the first: from the header's), its context's number, exclusive-ored
 *             with that before, its length, how much the boot time moved more than that, and how
 *             much wall clock moved more than boot time (of the first: from those of the last)
 *   families  how many there are, and how many labels a sufferer has
 *   strings   of all windows, in the order in which they are called
 *   packed    the tables of one window after the other (frame_tables.h), in the order of
 *             enum ts_group_table
 *
 * A later version that measures in a new unit or has a new kind of families must have a new number:
 * the sum of a histogram is packed by the middles of its slots.
 */
#ifndef TUNESCOPE_FRAME_GROUP_H
#define TUNESCOPE_FRAME_GROUP_H

#include "frame.h"

#define TS_GROUP_WINDOWS_MAX 64u /* more are damaged */

enum ts_group_table {
	TS_GROUP_STATUS, /* description, status and reason of each family; what overflowed */
	TS_GROUP_NETNS,
	TS_GROUP_SUFFERERS, /* description of the family, comm, cgroup, labels; pid and harm */
	TS_GROUP_PROBES,
	TS_GROUP_COST,	 /* no labels: a list */
	TS_GROUP_TIMES,	 /* likewise: seconds, and those that are missing */
	TS_GROUP_CLOCKS, /* likewise: zigzag of wall clock and of boot time less the others */
	TS_GROUP_FACTS,
	TS_GROUP_FAMILIES, /* and one for each */
};

struct ts_group_writer;

struct ts_group_writer *ts_group_writer_new(void);
void ts_group_writer_free(struct ts_group_writer *writer); /* NULL is fine */

/* A window, with the header that ts_frame_of_window made, or ts_frame_write_window. */
void ts_group_add(struct ts_group_writer *writer, const struct ts_window *window,
		  const struct ts_frame_header *header);
unsigned int ts_group_windows(const struct ts_group_writer *writer);

/* Appends the frame; the next group begins. */
void ts_group_finish(struct ts_group_writer *writer, struct ts_frame_header *header,
		     struct ts_bytes *out);

/*
 * Reading: the headers of the windows, as they were before (their lengths are 0). 0, or -EPROTO.
 * The payload is valid (ts_frame_payload_valid).
 */
int ts_group_read_headers(const struct ts_frame_header *header, const void *frame,
			  struct ts_frame_header window[TS_GROUP_WINDOWS_MAX], unsigned int *count);

/* The windows one after the other. NULL with why when it cannot be unpacked. */
struct ts_group_reader;
struct ts_group_reader *ts_group_reader_new(const struct ts_frame_header *header, const void *frame,
					    const char **why);
void ts_group_reader_free(struct ts_group_reader *reader); /* NULL is fine */
/* As ts_frame_read_window, of the next one; its own header is from ts_group_read_headers. */
int ts_group_read_window(struct ts_group_reader *reader, const struct ts_frame_header *header,
			 struct ts_window *window, struct ts_frame_unknown *unknown,
			 const char **why);

#endif
