// SPDX-License-Identifier: GPL-2.0-only
/*
 * Histograms in a frame's payload. Those of a family stand together: for each a number of flags and
 * the scale, then for each that is not empty the number of slots in use, then the distances of
 * these slots from one another, the counts, the sums and the largest values.
 */
#include "frame_payload.h"

#include "arena.h"
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

static unsigned int flags_of(const struct ts_histogram *histogram, unsigned int used,
			     unsigned int top)
{
	unsigned int flags = histogram->scale;

	if (histogram->max_is_bound)
		flags |= MAX_IS_BOUND;
	if (!used && !histogram->sum && !histogram->max)
		return flags | EMPTY;
	if (used && histogram->max_is_bound && top < slots_of(histogram->scale) - 1 &&
	    histogram->max == slot_bound(histogram->scale, histogram->unit, top))
		flags |= MAX_FROM_TOP;
	return flags;
}

static unsigned int slots_used(const struct ts_histogram *histogram, unsigned int *top)
{
	unsigned int used = 0;

	for (unsigned int i = 0; i < slots_of(histogram->scale); i++) {
		if (!histogram->slot[i])
			continue;
		used++;
		*top = i;
	}
	return used;
}

static void put_gaps(struct ts_bytes *out, const struct ts_histogram *histogram)
{
	unsigned int next = 0;

	for (unsigned int i = 0; i < slots_of(histogram->scale); i++) {
		if (!histogram->slot[i])
			continue;
		ts_frame_put_number(out, i - next);
		next = i + 1;
	}
}

static void put_counts(struct ts_bytes *out, const struct ts_histogram *histogram)
{
	for (unsigned int i = 0; i < slots_of(histogram->scale); i++)
		if (histogram->slot[i])
			ts_frame_put_number(out, histogram->slot[i]);
}

void ts_frame_put_histograms(struct ts_bytes *out, const struct ts_series *series, size_t count,
			     struct ts_arena *arena)
{
	__u64 *sums = ts_arena_alloc(arena, count * sizeof *sums);
	__u64 *maxima = ts_arena_alloc(arena, count * sizeof *maxima);
	__u32 *used = ts_arena_alloc(arena, count * sizeof *used);
	size_t filled = 0, explicit_maxima = 0;

	for (size_t i = 0; i < count; i++) {
		const struct ts_histogram *h = series[i].histogram;
		unsigned int top = 0, slots = slots_used(h, &top), flags = flags_of(h, slots, top);

		ts_frame_put_number(out, flags);
		if (flags & EMPTY)
			continue;
		used[filled] = slots;
		sums[filled++] = h->sum;
		if (!(flags & MAX_FROM_TOP))
			maxima[explicit_maxima++] = h->max;
	}
	for (size_t i = 0; i < filled; i++)
		ts_frame_put_number(out, used[i]);
	for (size_t i = 0; i < count; i++)
		put_gaps(out, series[i].histogram);
	for (size_t i = 0; i < count; i++)
		put_counts(out, series[i].histogram);
	ts_frame_put_counters(out, sums, filled);
	ts_frame_put_counters(out, maxima, explicit_maxima);
}

/* ---- reading */

/* What is known of the histograms of a family while they are read. */
struct reading {
	unsigned char *flags;	    /* of each */
	__u32 *used;		    /* of each; 0 when it is empty */
	__u32 *place;		    /* of each slot in use, one histogram after the other */
	__u64 *sums, *maxima;	    /* of those that have one */
	__u64 *counts;		    /* as place */
	size_t filled, maxima_read; /* how many sums and maxima there are */
	size_t slots;		    /* how many places and counts */
};

static void read_flags(struct ts_frame_cursor *cursor, struct reading *reading, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		__u64 flags = ts_frame_take_number(cursor);

		if (flags > KNOWN_FLAGS || (flags & SCALE_MASK) > TS_HISTOGRAM_SCALE_GLOBAL)
			ts_frame_cursor_fail(cursor, "a histogram of an unknown kind");
		reading->flags[i] = cursor->why ? EMPTY : (unsigned char)flags;
		if (flags & EMPTY)
			continue;
		reading->filled++;
		reading->maxima_read += !(flags & MAX_FROM_TOP);
	}
}

static void read_used(struct ts_frame_cursor *cursor, struct reading *reading, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		unsigned int scale = reading->flags[i] & SCALE_MASK;

		if (reading->flags[i] & EMPTY)
			continue;
		reading->used[i] = (__u32)ts_frame_take_count(cursor, slots_of(scale));
		if (!reading->used[i] && reading->flags[i] & MAX_FROM_TOP)
			ts_frame_cursor_fail(cursor, "a histogram has a maximum and no values");
		reading->slots += reading->used[i];
	}
	if (reading->slots > ts_frame_cursor_left(cursor))
		ts_frame_cursor_fail(cursor, "a histogram is cut off");
}

static void read_places(struct ts_frame_cursor *cursor, struct reading *reading, size_t count)
{
	__u32 *place = reading->place;

	for (size_t i = 0; i < count; i++) {
		size_t slots = slots_of(reading->flags[i] & SCALE_MASK), next = 0;

		for (__u32 k = 0; k < reading->used[i]; k++) {
			__u64 gap = ts_frame_take_number(cursor);

			if (gap >= slots - next || next >= slots) {
				ts_frame_cursor_fail(cursor,
						     "a histogram has more slots than there are");
				gap = next = 0;
			}
			*place++ = (__u32)(next + gap);
			next += gap + 1;
		}
	}
}

static bool read_columns(struct ts_frame_cursor *cursor, struct reading *reading, size_t count,
			 struct ts_frame_budget *scratch)
{
	reading->flags = ts_frame_alloc(scratch, cursor, count, sizeof *reading->flags);
	reading->used = ts_frame_alloc(scratch, cursor, count, sizeof *reading->used);
	if (cursor->why)
		return false;
	read_flags(cursor, reading, count);
	read_used(cursor, reading, count);
	reading->place = ts_frame_alloc(scratch, cursor, reading->slots, sizeof *reading->place);
	reading->counts = ts_frame_alloc(scratch, cursor, reading->slots, sizeof *reading->counts);
	reading->sums = ts_frame_alloc(scratch, cursor, reading->filled, sizeof *reading->sums);
	reading->maxima =
		ts_frame_alloc(scratch, cursor, reading->maxima_read, sizeof *reading->maxima);
	if (cursor->why)
		return false;
	read_places(cursor, reading, count);
	for (size_t i = 0; i < reading->slots; i++)
		reading->counts[i] = ts_frame_take_number(cursor);
	ts_frame_take_counters(cursor, reading->sums, reading->filled);
	ts_frame_take_counters(cursor, reading->maxima, reading->maxima_read);
	return !cursor->why;
}

void ts_frame_take_histograms(struct ts_frame_cursor *cursor, struct ts_frame_budget *budget,
			      struct ts_series *series, size_t count, enum ts_unit unit,
			      struct ts_frame_budget *scratch)
{
	struct reading r = {0};
	size_t slot = 0, filled = 0, maximum = 0;

	if (count > ts_frame_cursor_left(cursor))
		ts_frame_cursor_fail(cursor, "histograms are cut off");
	if (!read_columns(cursor, &r, count, scratch))
		return;
	for (size_t i = 0; series && i < count; i++) {
		unsigned int scale = r.flags[i] & SCALE_MASK;
		struct ts_histogram *h = ts_frame_alloc(
			budget, cursor, 1, sizeof *h + slots_of(scale) * sizeof h->slot[0]);

		if (!h)
			return;
		series[i].histogram = h;
		h->scale = scale;
		h->unit = unit;
		h->max_is_bound = r.flags[i] & MAX_IS_BOUND;
		if (r.flags[i] & EMPTY)
			continue;
		for (__u32 k = 0; k < r.used[i]; k++, slot++) {
			h->slot[r.place[slot]] = r.counts[slot];
			h->count += r.counts[slot];
		}
		h->sum = r.sums[filled++];
		h->max = r.flags[i] & MAX_FROM_TOP ? slot_bound(scale, unit, r.place[slot - 1])
						   : r.maxima[maximum++];
	}
}
