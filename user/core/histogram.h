/* SPDX-License-Identifier: GPL-2.0-only */
/* Base-2 exponential histograms in user space; the layout is in <tunescope/histogram.h>. */
#ifndef TUNESCOPE_CORE_HISTOGRAM_H
#define TUNESCOPE_CORE_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <tunescope/histogram.h>
#include "family.h"

struct ts_arena;

struct ts_histogram {
	unsigned int scale; /* 3 or 4 (or lower, after merging down) */
	enum ts_unit unit;  /* TS_UNIT_SECONDS or TS_UNIT_BYTES: what a value counts */
	__u64 count;	    /* the sum of the slots */
	__u64 sum;	    /* nanoseconds or bytes */
	__u64 max;	    /* nanoseconds or bytes, exact; after a subtraction see max_is_bound */
	bool max_is_bound;  /* max is only the upper bound of the highest bucket in use */
	__u64 slot[];	    /* TS_HISTOGRAM_SLOTS(scale) of them */
};

/* Zeroed. */
struct ts_histogram *ts_histogram_new(struct ts_arena *arena, unsigned int scale,
				      enum ts_unit unit);

/* The slot a value (ns or bytes) belongs to: the same arithmetic as in the BPF programs. */
unsigned int ts_histogram_slot(unsigned int scale, enum ts_unit unit, __u64 value);

/*
 * Inclusive upper bound of a slot in base units (seconds or bytes); 0 for the zero slot, INFINITY
 * for the overflow slot. The lower bound (exclusive) is that of the slot before.
 */
double ts_histogram_upper_bound(unsigned int scale, enum ts_unit unit, unsigned int slot);

void ts_histogram_add(struct ts_histogram *histogram, __u64 value, __u64 times);

/* One per-CPU copy (or any other) as it stands in a map: sum, max and slots at the same scale. */
void ts_histogram_add_raw(struct ts_histogram *histogram, __u64 sum, __u64 max, const __u64 *slot);

/*
 * into += from. The units must be equal. When the scales differ, from's buckets are merged down on
 * the fly; from->scale must not be below into->scale. Exact: counts and sums add up.
 */
void ts_histogram_merge(struct ts_histogram *into, const struct ts_histogram *from);

/*
 * later - earlier, both cumulative and of one layout. A slot that went down means that the source
 * started anew: then the result is later itself.
 */
struct ts_histogram *ts_histogram_subtract(struct ts_arena *arena, const struct ts_histogram *later,
					   const struct ts_histogram *earlier);

/*
 * Rounds the slots to three binary digits, and small ones to two, so that they take half the room:
 * chance alone varies a count of n by the square root of n. What one is rounded by is made up for
 * by the next one of its size, so that quantiles stay where they are, and what is left over by the
 * fullest one, so that the count stays what it is: all slots but at most that one have only so many
 * digits.
 */
#define TS_HISTOGRAM_DIGITS 3
#define TS_HISTOGRAM_SMALL  64 /* a count below that is small */
void ts_histogram_round(struct ts_histogram *histogram);

/*
 * The value (seconds or bytes) below which the share q (0..1) of the observations lies,
 * interpolated in the logarithm within its bucket (linearly in the zero and one-unit buckets),
 * never above max. NAN when empty. With an observation in the overflow slot the quantiles inside it
 * are max.
 */
double ts_histogram_quantile(const struct ts_histogram *histogram, double q);

/* Observations above value (seconds or bytes); the bucket that holds value is split in the
 * logarithm. */
double ts_histogram_count_above(const struct ts_histogram *histogram, double value);

/* Base units: seconds or bytes. NAN when empty. */
double ts_histogram_mean(const struct ts_histogram *histogram);
double ts_histogram_max(const struct ts_histogram *histogram);
double ts_histogram_sum(const struct ts_histogram *histogram);

/* Observations beyond the range of the layout. */
__u64 ts_histogram_overflow(const struct ts_histogram *histogram);

#endif
