// SPDX-License-Identifier: GPL-2.0-only
/*
 * Histograms in a frame's payload. Those of a family stand together: for each a number of flags and
 * the scale, then the sums and the largest values of those that are not empty. Their slots are in a
 * section of their own.
 */
#include "frame_payload.h"

#include <string.h>

#include "arena.h"
#include "frame_slots.h"
#include "histogram.h"

/* The scale in the lowest bits. */
#define SCALE_MASK   7u
#define EMPTY	     8u	 /* no more about it follows */
#define MAX_IS_BOUND 16u /* as in struct ts_histogram */
#define MAX_FROM_TOP 32u /* the maximum is the bound of the highest slot in use and not written */
#define KNOWN_FLAGS  63u

static unsigned int slots_of(unsigned int scale)
{
	return TS_HISTOGRAM_SLOTS(scale);
}

/*
 * The largest value (ns or bytes) of a slot. Found with the integers that sort values into slots,
 * so that it is the same number everywhere. The last slot has no bound.
 */
static __u64 slot_bound(unsigned int scale, enum ts_unit unit, unsigned int slot)
{
	__u64 low = 0, high = 1ULL << 63; /* low is within, high is beyond */

	while (high - low > 1) {
		__u64 middle = low + (high - low) / 2;

		if (ts_histogram_slot(scale, unit, middle) <= slot)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* The highest slot in use; -1 when there is none. */
static int top_slot(const struct ts_histogram *histogram)
{
	int top = (int)slots_of(histogram->scale) - 1;

	while (top >= 0 && !histogram->slot[top])
		top--;
	return top;
}

static unsigned int flags_of(const struct ts_histogram *histogram)
{
	unsigned int flags = histogram->scale;
	int top = top_slot(histogram);

	if (histogram->max_is_bound)
		flags |= MAX_IS_BOUND;
	if (top < 0)
		return histogram->sum || histogram->max ? flags : flags | EMPTY;
	if (histogram->max_is_bound && top < (int)slots_of(histogram->scale) - 1 &&
	    histogram->max == slot_bound(histogram->scale, histogram->unit, (unsigned int)top))
		flags |= MAX_FROM_TOP;
	return flags;
}

void ts_frame_put_histograms(struct ts_bytes *out, const struct ts_series *series, size_t count,
			     struct ts_slot_coder *slots, struct ts_arena *arena)
{
	__u64 *sums = ts_arena_alloc(arena, count * sizeof *sums);
	__u64 *maxima = ts_arena_alloc(arena, count * sizeof *maxima);
	size_t filled = 0, written_maxima = 0;

	for (size_t i = 0; i < count; i++) {
		const struct ts_histogram *h = series[i].histogram;
		unsigned int flags = flags_of(h);

		ts_frame_put_number(out, flags);
		if (flags & EMPTY)
			continue;
		ts_slots_put(slots, h);
		sums[filled++] = h->sum;
		if (!(flags & MAX_FROM_TOP))
			maxima[written_maxima++] = h->max;
	}
	ts_frame_put_counters(out, sums, filled);
	ts_frame_put_counters(out, maxima, written_maxima);
}

/* ---- reading */

/* The columns of a family's histograms. */
struct columns {
	unsigned char *flags;	    /* of each */
	__u64 *sums, *maxima;	    /* of those that have one */
	size_t filled, maxima_read; /* how many these are */
};

static bool read_columns(struct ts_frame_cursor *cursor, struct columns *columns, size_t count,
			 struct ts_frame_budget *scratch)
{
	columns->flags = ts_frame_alloc(scratch, cursor, count, sizeof *columns->flags);
	for (size_t i = 0; !cursor->why && i < count; i++) {
		__u64 flags = ts_frame_take_number(cursor);

		if (flags > KNOWN_FLAGS || (flags & SCALE_MASK) > TS_HISTOGRAM_SCALE_GLOBAL)
			ts_frame_cursor_fail(cursor, "a histogram of an unknown kind");
		columns->flags[i] = (unsigned char)flags;
		if (flags & EMPTY)
			continue;
		columns->filled++;
		columns->maxima_read += !(flags & MAX_FROM_TOP);
	}
	columns->sums = ts_frame_alloc(scratch, cursor, columns->filled, sizeof *columns->sums);
	columns->maxima =
		ts_frame_alloc(scratch, cursor, columns->maxima_read, sizeof *columns->maxima);
	if (cursor->why)
		return false;
	ts_frame_take_counters(cursor, columns->sums, columns->filled);
	ts_frame_take_counters(cursor, columns->maxima, columns->maxima_read);
	return !cursor->why;
}

static size_t histogram_bytes(unsigned int scale)
{
	return sizeof(struct ts_histogram) + slots_of(scale) * sizeof(__u64);
}

static void read_histogram(struct ts_frame_cursor *cursor, struct columns *columns,
			   unsigned char flags, struct ts_slot_coder *slots,
			   struct ts_histogram *histogram)
{
	const char *why;
	int top;

	histogram->max_is_bound = flags & MAX_IS_BOUND;
	if (flags & EMPTY)
		return;
	why = ts_slots_take(slots, histogram, &top);
	if (!why && flags & MAX_FROM_TOP && top < 0)
		why = "a histogram has a maximum and no values";
	if (why) {
		ts_frame_cursor_fail(cursor, why);
		return;
	}
	histogram->sum = *columns->sums++;
	histogram->max = flags & MAX_FROM_TOP
				 ? slot_bound(histogram->scale, histogram->unit, (unsigned int)top)
				 : *columns->maxima++;
}

void ts_frame_take_histograms(struct ts_frame_cursor *cursor, struct ts_frame_budget *budget,
			      struct ts_series *series, size_t count, enum ts_unit unit,
			      struct ts_slot_coder *slots, struct ts_frame_budget *scratch)
{
	struct columns columns = {0};
	struct ts_histogram *passed_over =
		ts_frame_alloc(scratch, cursor, 1, histogram_bytes(TS_HISTOGRAM_SCALE_GLOBAL));

	if (count > ts_frame_cursor_left(cursor))
		ts_frame_cursor_fail(cursor, "histograms are cut off");
	if (!read_columns(cursor, &columns, count, scratch))
		return;
	for (size_t i = 0; !cursor->why && i < count; i++) {
		unsigned int scale = columns.flags[i] & SCALE_MASK;
		struct ts_histogram *histogram = passed_over;

		if (series)
			histogram = series[i].histogram =
				ts_frame_alloc(budget, cursor, 1, histogram_bytes(scale));
		if (!histogram)
			return;
		if (!series)
			memset(histogram, 0, histogram_bytes(scale));
		histogram->scale = scale;
		histogram->unit = unit;
		read_histogram(cursor, &columns, columns.flags[i], slots, histogram);
	}
}
