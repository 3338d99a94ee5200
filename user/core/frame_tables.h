/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tables of windows that follow each other, packed as how each differs from the one before: a
 * group frame (frame_group.h). A table has rows, of which each is called by a few strings (labels),
 * and columns of numbers. Which row was which in the window before is found by its labels, and a
 * number is mostly the same as there, or near to it.
 *
 * As in frame_packer.h the same calls write and read. Tables are known by their number, and the
 * calls come in the same order when writing and reading.
 */
#ifndef TUNESCOPE_FRAME_TABLES_H
#define TUNESCOPE_FRAME_TABLES_H

#include "frame_packer.h"
#include "frame_payload.h"

#define TS_TABLE_KEYS_MAX    24u /* labels of a row */
#define TS_TABLE_COLUMNS_MAX 2u	 /* columns of numbers */
#define TS_TABLE_ROWS_MAX    (1u << 20)

/* Of times that are rounded (window_round.h), and of the sums of histograms. */
#define TS_TABLE_DIGITS 10u

/* What a number was in the windows before. */
struct ts_table_cell {
	__u64 value;
	unsigned char known;
	unsigned char history; /* whether it was the same, the last times: a bit each */
	unsigned char form;    /* of a double */
	unsigned int before;   /* length of the last difference */
};

/* What a histogram was like in them. */
struct ts_table_past {
	struct ts_table_past *next; /* of those that are free */
	unsigned int scale, seen;
	__u64 first, end;		       /* of the slots in use */
	unsigned int first_before, end_before; /* lengths of how they moved */
	__u32 mean[];			       /* of each slot, in sixteenths */
};

struct ts_table_row {
	struct ts_table_row *next; /* of those that are free */
	unsigned int stamp;	   /* the window it was last in */
	__u32 label[TS_TABLE_KEYS_MAX];
	struct ts_table_cell cell[TS_TABLE_COLUMNS_MAX];
	struct ts_table_past *past;
};

struct ts_table_memory {
	struct ts_table_row **row, **spare;
	size_t rows, capacity;
	__u64 divisor[TS_TABLE_COLUMNS_MAX];
	bool changed;			   /* in the window before */
	bool counts[TS_TABLE_COLUMNS_MAX]; /* of doubles: whole numbers, not negative */
};

/* Where rows are found by their labels; made when the first is not where it was expected. */
struct ts_table_index {
	__u32 *place; /* of a row, from 1; 0: free */
	size_t size, capacity;
	bool made;
};

/* The strings in the order in which rows that are new called them; what followed one is likely to
 * follow it again. */
struct ts_table_said {
	__u32 *string;
	size_t count, capacity;
	__u32 *last; /* by string: behind where it was called last */
	size_t last_capacity;
	size_t follow; /* what is expected next stands there; 0: nothing is */
	bool followed;
};

struct ts_tables {
	struct ts_arena *arena; /* for as long as the group */
	struct ts_packer *packer;
	struct ts_frame_budget budget;
	struct ts_frame_cursor cursor; /* fails when the budget is used up */
	struct ts_table_memory *memory;
	size_t tables;
	unsigned int stamp;
	__u32 newest;	/* string */
	size_t strings; /* reading: the highest number */
	struct ts_table_said said;
	struct ts_table_index index;
	__u64 *number; /* room for a column */
	size_t number_capacity;
	struct ts_table_row *free_row;
	struct ts_table_past *free_past[TS_HISTOGRAM_SCALE_GLOBAL + 1];
	/* Odds. */
	struct ts_pack_odds same_rows[2], same_row[2], known_row[2], follows[2], same_divisor[2],
		counts[2];
	struct ts_pack_odds same[3][16][2];
	struct ts_pack_odds zero[3][TS_PACK_CLASSES], length[3][TS_PACK_CLASSES],
		longer[3][TS_PACK_CLASSES], distance[3][2][TS_PACK_CLASSES];
	struct ts_pack_digits digits[3];
	struct ts_pack_model slots;
	struct ts_pack_odds same_flags[TS_FLAG_EMPTY + 1], same_form[TS_FORMS + 1], is_fullest,
		has_exception, sum_rounded, sum_length;
	unsigned int row_missed, rows_before, skip_before, first_before, end_before, flags_before,
		form_before, sum_before, rest_before;
};

/* One of a window; labels are strings' numbers, of row i and key k at i * keys + k. */
struct ts_table {
	size_t rows, keys;
	__u32 *label;
};

struct ts_tables *ts_tables_new(struct ts_arena *arena, struct ts_packer *packer, size_t tables);
/* Reading: what may be allocated, and the highest number of a string. */
void ts_tables_limit(struct ts_tables *tables, size_t bytes, size_t strings);

/* The next window begins. */
void ts_tables_next(struct ts_tables *tables);

/*
 * The rows of a table; what else is asked for of it follows before those of another one. Reading
 * sets rows and label, from budget.
 */
void ts_tables_rows(struct ts_tables *tables, size_t number, struct ts_table *table,
		    struct ts_frame_budget *budget);
void ts_tables_counters(struct ts_tables *tables, size_t number, unsigned int column, __u64 *values,
			size_t rows);
void ts_tables_gauges(struct ts_tables *tables, size_t number, unsigned int column, double *values,
		      size_t rows);
/* As ts_frame_pack_flags and ts_frame_pack_histograms. */
void ts_tables_flags(struct ts_tables *tables, size_t number, struct ts_histogram *const *histogram,
		     unsigned char *flags, size_t rows);
void ts_tables_histograms(struct ts_tables *tables, size_t number,
			  struct ts_histogram *const *histogram, const unsigned char *flags,
			  size_t rows);

/* What was wrong first, or NULL. */
const char *ts_tables_why(const struct ts_tables *tables);

/* Shared by the parts. */
enum ts_table_kind { TS_TABLE_COUNTER, TS_TABLE_GAUGE, TS_TABLE_SUM };
/* A number that is not the same as before, and not 0 there. */
__u64 ts_tables_near(struct ts_tables *tables, enum ts_table_kind kind, __u64 value, __u64 before,
		     unsigned int digits);

#endif
