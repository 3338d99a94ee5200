/* SPDX-License-Identifier: GPL-2.0-only */
/* Helpers shared by the BPF programs: the histogram index and stores. */
#ifndef TUNESCOPE_CORE_BPF_H
#define TUNESCOPE_CORE_BPF_H

#include <bpf/bpf_helpers.h>
#include <tunescope/histogram.h>

static const __u8 ts_histogram_lut[32] = TS_HISTOGRAM_LUT;
static const __u64 ts_histogram_bounds[32] = TS_HISTOGRAM_BOUNDS; /* 17 in use: a power of two
								      makes & 31 a bound the
								      verifier understands */

/* Keeps the compiler from turning arithmetic on a value back into a branch on it. */
#define ts_opaque(value) asm volatile("" : "+r"(value))

/*
 * floor(log2(u)) for u > 0 by binary search with the sign bits of differences: no branch depends on
 * the value, so a mixed stream of latencies costs no mispredictions.
 */
static __always_inline __u64 ts_log2(__u64 u)
{
	__u64 e, step;

	e = ((0xffffffffULL - u) >> 63) << 5;
	ts_opaque(e);
	u >>= e;
	step = ((0xffffULL - u) >> 63) << 4;
	ts_opaque(step);
	u >>= step;
	e += step;
	step = ((0xffULL - u) >> 63) << 3;
	ts_opaque(step);
	u >>= step;
	e += step;
	step = ((0xfULL - u) >> 63) << 2;
	ts_opaque(step);
	u >>= step;
	e += step;
	/* u is now 1..15: two bits an entry of floor(log2(u)), packed. */
	return e + ((0xffffaa50ULL >> (u * 2)) & 3);
}

/* Slot of a value in units (2^-30 s, or bytes) at scale 4; see <tunescope/histogram.h>. */
static __always_inline __u32 ts_histogram_slot_units(__u64 u)
{
	__u64 e, m, j;

	if (u - 1 >= 1ULL << TS_HISTOGRAM_MAX_EXPONENT) /* zero, or beyond the range: both rare */
		return u ? TS_HISTOGRAM_SLOTS_GLOBAL - 1 : 0;
	e = ts_log2(u);
	m = u << (63 - e);
	j = ts_histogram_lut[(m >> 58) & 31];
	j += (ts_histogram_bounds[j & 31] - m) >> 63;
	return 16 * e + j + 1;
}

static __always_inline __u32 ts_histogram_slot_ns(__u64 ns)
{
	if (ns >= TS_HISTOGRAM_NS_LIMIT)
		return TS_HISTOGRAM_SLOTS_GLOBAL - 1;
	return ts_histogram_slot_units(TS_HISTOGRAM_NS_TO_UNITS(ns));
}

/* The scale-3 slot that a scale-4 slot lies in. */
static __always_inline __u32 ts_histogram_slot_keyed(__u32 slot)
{
	return slot ? (slot >> 1) + 1 : 0;
}

/*
 * Plain increments: call these only on memory of the current CPU. slot must come from the functions
 * above; the comparison is for the verifier.
 */
static __always_inline void ts_histogram_count_global(struct ts_histogram_global *histogram,
						      __u32 slot, __u64 value)
{
	if (slot >= TS_HISTOGRAM_SLOTS_GLOBAL)
		return;
	histogram->slot[slot]++;
	histogram->sum += value;
	if (value > histogram->max)
		histogram->max = value;
}

static __always_inline void ts_histogram_count_keyed(struct ts_histogram_keyed *histogram,
						     __u32 slot, __u64 value)
{
	slot = ts_histogram_slot_keyed(slot);
	if (slot >= TS_HISTOGRAM_SLOTS_KEYED)
		return;
	histogram->slot[slot]++;
	histogram->sum += value;
	if (value > histogram->max)
		histogram->max = value;
}

#endif
