/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading a payload: what frame_read.c and frame_read_families.c share. */
#ifndef TUNESCOPE_FRAME_READER_H
#define TUNESCOPE_FRAME_READER_H

#include "frame_payload.h"

/* A family as the frame describes it. */
struct ts_frame_described {
	int id;			    /* in our table; -1: unknown, or recorded in another form */
	int kind;		    /* -1: unknown */
	int unit;		    /* -1: unknown */
	unsigned int keys;	    /* label keys it was recorded with */
	int key[TS_FRAME_KEYS_MAX]; /* which of ours each one is; -1: none */
};

struct ts_frame_reader {
	unsigned int version;				  /* of the frame */
	struct ts_snapshot *snapshot;			  /* what is read goes there */
	struct ts_frame_cursor section[TS_SECTION_COUNT]; /* at is NULL where there is none */
	const char **string;				  /* by number; 0 is "" */
	size_t strings;					  /* the highest number */
	struct ts_frame_budget budget;			  /* in the snapshot's arena */
	struct ts_frame_budget scratch;			  /* while reading */
	struct ts_packer *packer;
	bool packs; /* references as well as numbers */
	const struct ts_frame_cursor
		*before; /* the section that was read before: its newest string */
	const char *why;
	struct ts_frame_described *family; /* of a window, in the frame's order */
	size_t families;
};

/* To be closed in both cases; closing says what was wrong, or NULL. */
int ts_frame_reader_open(struct ts_frame_reader *reader, struct ts_snapshot *into,
			 const struct ts_frame_header *header, const unsigned char *payload);
const char *ts_frame_reader_close(struct ts_frame_reader *reader);

/*
 * The beginning of a table whose rows call strings: returns the number of rows, of which each takes
 * a byte or more of what is left, and at most limit.
 */
size_t ts_frame_read_start(struct ts_frame_reader *reader, enum ts_frame_section section,
			   size_t limit);

/* Numbers that are at most limit. */
void ts_frame_read_numbers(struct ts_frame_reader *reader, struct ts_frame_cursor *cursor,
			   __u32 *values, size_t count, size_t limit);

/* A column of them; NULL when it does not fit. */
__u32 *ts_frame_read_references(struct ts_frame_reader *reader, struct ts_frame_cursor *cursor,
				size_t count, size_t limit);

/* Columns into the same member of count structures. */
void ts_frame_read_texts(struct ts_frame_reader *reader, struct ts_frame_cursor *cursor,
			 void *array, size_t count, size_t size, size_t offset);
void ts_frame_read_statuses(struct ts_frame_reader *reader, struct ts_frame_cursor *cursor,
			    void *array, size_t count, size_t size, size_t offset);

#define TS_FRAME_READ_TEXTS(reader, cursor, array, count, member)          \
	ts_frame_read_texts(reader, cursor, array, count, sizeof *(array), \
			    offsetof(__typeof__(*(array)), member))
#define TS_FRAME_READ_STATUSES(reader, cursor, array, count)                  \
	ts_frame_read_statuses(reader, cursor, array, count, sizeof *(array), \
			       offsetof(__typeof__(*(array)), status))

/* A family by its description; expected: in our table, the one that it most likely is. */
void ts_frame_understand(struct ts_snapshot *snapshot, struct ts_frame_cursor *cursor,
			 const char *text, int expected, struct ts_frame_described *described);
/* What every family is that the frame does not name. */
void ts_frame_nothing_recorded(struct ts_snapshot *snapshot);
enum ts_status ts_frame_status_by_name(const char *name);

void ts_frame_read_families(struct ts_frame_reader *reader, struct ts_frame_unknown *unknown);
void ts_frame_read_sufferers(struct ts_frame_reader *reader);

#endif
