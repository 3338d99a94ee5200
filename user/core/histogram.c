// SPDX-License-Identifier: GPL-2.0-only
#include "histogram.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "arena.h"
#include "digits.h"

#define NS_PER_SECOND 1e9
#define ZERO_SLOT     0
#define ONE_SLOT      1
#define FIRST_BUCKET  2 /* slot of raw bucket 0 */

static const __u64 ns_table[32] = TS_HISTOGRAM_NS_TABLE;
static const __u64 bytes_table[32] = TS_HISTOGRAM_BYTES_TABLE;

/* How integers of a unit are bucketed, and what they are worth. */
struct layout {
	const __u64 *table;
	unsigned int first; /* slot of the value 1 */
	__u64 largest;	    /* above it: overflow */
	double per_base;    /* integers in one base unit (second or byte) */
	int unit_exponent;  /* slot 1 ends at 2^unit_exponent base units */
};

static const struct layout seconds_layout = {
	ns_table, TS_HISTOGRAM_NS_FIRST, TS_HISTOGRAM_MAX_NS, NS_PER_SECOND, -30,
};
static const struct layout bytes_layout = {
	bytes_table, TS_HISTOGRAM_BYTES_FIRST, TS_HISTOGRAM_MAX_BYTES, 1, 0,
};

static const struct layout *layout_of(enum ts_unit unit)
{
	return unit == TS_UNIT_SECONDS ? &seconds_layout : &bytes_layout;
}

static unsigned int overflow_slot(unsigned int scale)
{
	return TS_HISTOGRAM_SLOTS(scale) - 1;
}

/* Zero, one and overflow are the same buckets at every scale; of the others 2^drop become one. */
static unsigned int merge_slot(unsigned int slot, unsigned int from_scale, unsigned int into_scale)
{
	if (slot < FIRST_BUCKET)
		return slot;
	return ((slot - FIRST_BUCKET) >> (from_scale - into_scale)) + FIRST_BUCKET;
}

struct ts_histogram *ts_histogram_new(struct ts_arena *arena, unsigned int scale, enum ts_unit unit)
{
	struct ts_histogram *histogram;

	assert(scale <= TS_HISTOGRAM_SCALE_GLOBAL);
	histogram = ts_arena_alloc(arena,
				   sizeof *histogram + TS_HISTOGRAM_SLOTS(scale) * sizeof(__u64));
	histogram->scale = scale;
	histogram->unit = unit;
	return histogram;
}

unsigned int ts_histogram_slot(unsigned int scale, enum ts_unit unit, __u64 value)
{
	const struct layout *layout = layout_of(unit);
	unsigned int e;
	__u64 m, row;

	if (!value)
		return ZERO_SLOT;
	if (value > layout->largest)
		return overflow_slot(scale);
	e = 63 - (unsigned int)__builtin_clzll(value);
	m = value << (63 - e);
	row = layout->table[(m >> 58) & 31];
	return merge_slot(16 * e + layout->first + (row & 31) + (m > row),
			  TS_HISTOGRAM_SCALE_GLOBAL, scale);
}

double ts_histogram_upper_bound(unsigned int scale, enum ts_unit unit, unsigned int slot)
{
	if (slot == ZERO_SLOT)
		return 0;
	if (slot >= overflow_slot(scale))
		return INFINITY;
	return exp2((double)(slot - ONE_SLOT) / (1 << scale) + layout_of(unit)->unit_exponent);
}

void ts_histogram_add(struct ts_histogram *histogram, __u64 value, __u64 times)
{
	if (!times)
		return;
	histogram->slot[ts_histogram_slot(histogram->scale, histogram->unit, value)] += times;
	histogram->count += times;
	histogram->sum += value * times;
	if (value >= histogram->max) {
		histogram->max = value;
		histogram->max_is_bound = false;
	}
}

/* A maximum that was seen beats an equal one that is only a bound. */
static void raise_max(struct ts_histogram *histogram, __u64 max, bool is_bound)
{
	if (max > histogram->max)
		histogram->max_is_bound = is_bound;
	else if (max == histogram->max)
		histogram->max_is_bound = histogram->max_is_bound && is_bound;
	else
		return;
	histogram->max = max;
}

void ts_histogram_add_raw(struct ts_histogram *histogram, __u64 sum, __u64 max, const __u64 *slot)
{
	unsigned int slots = TS_HISTOGRAM_SLOTS(histogram->scale);
	__u64 count = 0;

	for (unsigned int i = 0; i < slots; i++) {
		histogram->slot[i] += slot[i];
		count += slot[i];
	}
	histogram->count += count;
	histogram->sum += sum;
	raise_max(histogram, max, false);
}

void ts_histogram_merge(struct ts_histogram *into, const struct ts_histogram *from)
{
	unsigned int slots = TS_HISTOGRAM_SLOTS(from->scale);

	assert(into->unit == from->unit && from->scale >= into->scale);
	for (unsigned int i = 0; i < slots; i++)
		into->slot[merge_slot(i, from->scale, into->scale)] += from->slot[i];
	into->count += from->count;
	into->sum += from->sum;
	raise_max(into, from->max, from->max_is_bound);
}

static bool started_anew(const struct ts_histogram *later, const struct ts_histogram *earlier)
{
	unsigned int slots = TS_HISTOGRAM_SLOTS(later->scale);

	for (unsigned int i = 0; i < slots; i++)
		if (later->slot[i] < earlier->slot[i])
			return true;
	return false;
}

/*
 * The largest value between two readings. It is known when it set a record; otherwise it lies in
 * the highest bucket that was hit, and below the record.
 */
static void window_max(struct ts_histogram *window, const struct ts_histogram *later,
		       const struct ts_histogram *earlier)
{
	unsigned int slot = overflow_slot(window->scale);
	double bound;

	if (!window->count)
		return;
	window->max = later->max;
	window->max_is_bound = later->max_is_bound;
	if (later->max > earlier->max)
		return;
	while (!window->slot[slot])
		slot--;
	bound = ts_histogram_upper_bound(window->scale, window->unit, slot) *
		layout_of(window->unit)->per_base;
	if (bound < (double)later->max)
		window->max = (__u64)bound;
	window->max_is_bound = slot != ZERO_SLOT;
}

struct ts_histogram *ts_histogram_subtract(struct ts_arena *arena, const struct ts_histogram *later,
					   const struct ts_histogram *earlier)
{
	struct ts_histogram *window = ts_histogram_new(arena, later->scale, later->unit);
	unsigned int slots = TS_HISTOGRAM_SLOTS(later->scale);

	assert(later->unit == earlier->unit && later->scale == earlier->scale);
	if (started_anew(later, earlier)) {
		ts_histogram_merge(window, later);
		return window;
	}
	for (unsigned int i = 0; i < slots; i++) {
		window->slot[i] = later->slot[i] - earlier->slot[i];
		window->count += window->slot[i];
	}
	/* Modulo 2^64: right even when the sum of many sleepers' time has wrapped in between. */
	window->sum = later->sum - earlier->sum;
	window_max(window, later, earlier);
	return window;
}

/* Of a small count the third digit says nothing: chance alone varies it by more than an eighth. */
static unsigned int digits_of(__u64 count)
{
	return count < TS_HISTOGRAM_SMALL ? TS_HISTOGRAM_DIGITS - 1 : TS_HISTOGRAM_DIGITS;
}

void ts_histogram_round(struct ts_histogram *histogram)
{
	unsigned int slots = TS_HISTOGRAM_SLOTS(histogram->scale), fullest = 0;
	__s64 owed[64] = {0}; /* by bits rounded: what the slots so far were rounded down by */

	for (unsigned int i = 0; i < slots; i++) {
		__u64 count = histogram->slot[i], half, rounded;
		unsigned int behind = ts_digits_behind(count, digits_of(count));

		if (behind) {
			half = 1ULL << (behind - 1);
			rounded = (count + (__u64)owed[behind] + half) >> behind << behind;
			owed[behind] += (__s64)(count - rounded);
			histogram->slot[i] = rounded;
		}
		if (histogram->slot[i] > histogram->slot[fullest])
			fullest = i;
	}
	for (unsigned int behind = 0; behind < 64; behind++)
		histogram->slot[fullest] += (__u64)owed[behind];
}

/* The part of a slot that can hold observations, in base units: nothing is above the maximum. */
static void slot_range(const struct ts_histogram *histogram, unsigned int slot, double *lower,
		       double *upper)
{
	double max = ts_histogram_max(histogram);

	*lower = slot == ZERO_SLOT
			 ? 0
			 : ts_histogram_upper_bound(histogram->scale, histogram->unit, slot - 1);
	*upper = fmin(ts_histogram_upper_bound(histogram->scale, histogram->unit, slot), max);
	*lower = fmin(*lower, *upper);
}

double ts_histogram_quantile(const struct ts_histogram *histogram, double q)
{
	unsigned int slots = TS_HISTOGRAM_SLOTS(histogram->scale), slot;
	double rank = fmin(fmax(q, 0), 1) * (double)histogram->count, below = 0, share;
	double lower, upper;

	if (!histogram->count)
		return NAN;
	for (slot = 0; slot < slots - 1; slot++) {
		if (histogram->slot[slot] && below + (double)histogram->slot[slot] >= rank)
			break;
		below += (double)histogram->slot[slot];
	}
	if (slot == overflow_slot(histogram->scale))
		return ts_histogram_max(histogram);
	slot_range(histogram, slot, &lower, &upper);
	share = (rank - below) / (double)histogram->slot[slot];
	if (share >= 1 || lower == upper)
		return upper;
	if (slot < FIRST_BUCKET)
		return lower + (upper - lower) * share;
	return fmin(lower * pow(upper / lower, share), upper);
}

double ts_histogram_count_above(const struct ts_histogram *histogram, double value)
{
	unsigned int slots = TS_HISTOGRAM_SLOTS(histogram->scale);
	double above = 0;

	for (unsigned int slot = 0; slot < slots; slot++) {
		double count = (double)histogram->slot[slot], lower, upper;

		if (!count)
			continue;
		slot_range(histogram, slot, &lower, &upper);
		if (value < lower || (value == lower && slot != ZERO_SLOT))
			above += count;
		else if (value >= upper)
			continue;
		else if (slot < FIRST_BUCKET)
			above += count * (upper - value) / (upper - lower);
		else
			above += count * log(upper / value) / log(upper / lower);
	}
	return above;
}

double ts_histogram_mean(const struct ts_histogram *histogram)
{
	return histogram->count ? ts_histogram_sum(histogram) / (double)histogram->count : NAN;
}

double ts_histogram_max(const struct ts_histogram *histogram)
{
	return histogram->count ? (double)histogram->max / layout_of(histogram->unit)->per_base
				: NAN;
}

double ts_histogram_sum(const struct ts_histogram *histogram)
{
	return (double)histogram->sum / layout_of(histogram->unit)->per_base;
}

__u64 ts_histogram_overflow(const struct ts_histogram *histogram)
{
	return histogram->slot[overflow_slot(histogram->scale)];
}
