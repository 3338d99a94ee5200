/* SPDX-License-Identifier: GPL-2.0-only */
/* Helpers shared by the BPF programs: the histogram index and stores. */
#ifndef TUNESCOPE_CORE_BPF_H
#define TUNESCOPE_CORE_BPF_H

#include <bpf/bpf_helpers.h>
#include <tunescope/histogram.h>

/* 17 bounds are in use: a power of two makes & 31 a bound the verifier understands. */
const __u8 ts_histogram_ns_lut[32] = TS_HISTOGRAM_NS_LUT;
const __u64 ts_histogram_ns_bounds[32] = TS_HISTOGRAM_NS_BOUNDS;
const __u8 ts_histogram_bytes_lut[32] = TS_HISTOGRAM_BYTES_LUT;
const __u64 ts_histogram_bytes_bounds[32] = TS_HISTOGRAM_BYTES_BOUNDS;

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

/* floor(log2(value)) * 16 plus the number of bounds in that octave below value; value > 0. */
static __always_inline __u32 ts_histogram_bounds_below(__u64 value, const __u8 *lut,
						       const __u64 *bounds)
{
	__u64 e = ts_log2(value), m = value << (63 - e), j = lut[(m >> 58) & 31];

	return 16 * e + j + ((bounds[j & 31] - m) >> 63);
}

/* Slot of a time at scale 4; see <tunescope/histogram.h>. Zero and overflow are both rare. */
static __always_inline __u32 ts_histogram_slot_ns(__u64 ns)
{
	if (ns - 1 >= TS_HISTOGRAM_MAX_NS)
		return ns ? TS_HISTOGRAM_SLOTS_GLOBAL - 1 : 0;
	return TS_HISTOGRAM_NS_FIRST +
	       ts_histogram_bounds_below(ns, ts_histogram_ns_lut, ts_histogram_ns_bounds);
}

/* Slot of a size at scale 4. */
static __always_inline __u32 ts_histogram_slot_bytes(__u64 bytes)
{
	if (bytes - 1 >= TS_HISTOGRAM_MAX_BYTES)
		return bytes ? TS_HISTOGRAM_SLOTS_GLOBAL - 1 : 0;
	return TS_HISTOGRAM_BYTES_FIRST +
	       ts_histogram_bounds_below(bytes, ts_histogram_bytes_lut, ts_histogram_bytes_bounds);
}

/* The name this had when times were converted to units of 2^-30 s: bytes are units. */
#define ts_histogram_slot_units ts_histogram_slot_bytes

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
	ts_opaque(slot); /* or the bound is checked on what slot was before, unseen by the verifier */
	if (slot >= TS_HISTOGRAM_SLOTS_KEYED)
		return;
	histogram->slot[slot]++;
	histogram->sum += value;
	if (value > histogram->max)
		histogram->max = value;
}

#endif
