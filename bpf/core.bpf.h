/* SPDX-License-Identifier: GPL-2.0-only */
/* Helpers shared by the BPF programs: the histogram index and stores. */
#ifndef TUNESCOPE_CORE_BPF_H
#define TUNESCOPE_CORE_BPF_H

#include <bpf/bpf_helpers.h>
#include <tunescope/histogram.h>

const __u64 ts_histogram_ns_table[32] = TS_HISTOGRAM_NS_TABLE;
const __u64 ts_histogram_bytes_table[32] = TS_HISTOGRAM_BYTES_TABLE;

/* Keeps the compiler from turning arithmetic on a value back into a branch on it. */
#define ts_opaque(value) asm volatile("" : "+r"(value))

/*
 * 1 when value > limit, else 0; both below 2^63 or both not. Written so that the compiler does not
 * see a comparison, which it would turn into a branch.
 */
static __always_inline __u64 ts_above(__u64 value, __u64 limit)
{
	__u64 difference = limit - value;

	ts_opaque(difference);
	return difference >> 63;
}

/*
 * floor(log2(value)) for 0 < value < 2^36. No branch depends on the value, so a mixed stream of
 * latencies costs no mispredictions; two comparisons at a time do not wait for each other, which
 * beats a binary search.
 */
static __always_inline __u64 ts_log2(__u64 value)
{
	__u64 e, shift;

	e = (ts_above(value, 0xfff) + ts_above(value, 0xffffff)) * 12;
	value >>= e;
	shift = (ts_above(value, 0xf) + ts_above(value, 0xff)) * 4;
	value >>= shift;
	/* Now 1..15: their logarithms packed, two bits each. */
	return e + shift + ((0xffffaa50ULL >> (value * 2)) & 3);
}

/* 16 * floor(log2(value)) plus the number of bounds of that octave below value; value > 0. */
static __always_inline __u32 ts_histogram_bounds_below(__u64 value, const __u64 *table)
{
	__u64 e = ts_log2(value), m = value << (63 - e), row = table[(m >> 58) & 31];

	return 16 * e + (row & 31) + ts_above(m, row);
}

/* Slot of a time at scale 4; see <tunescope/histogram.h>. Zero and overflow are both rare. */
static __always_inline __u32 ts_histogram_slot_ns(__u64 ns)
{
	if (ns - 1 >= TS_HISTOGRAM_MAX_NS)
		return ns ? TS_HISTOGRAM_SLOTS_GLOBAL - 1 : 0;
	return TS_HISTOGRAM_NS_FIRST + ts_histogram_bounds_below(ns, ts_histogram_ns_table);
}

/* Slot of a size at scale 4. The largest that is not overflow has a bit more than ts_log2 takes. */
static __always_inline __u32 ts_histogram_slot_bytes(__u64 bytes)
{
	if (bytes - 1 >= TS_HISTOGRAM_MAX_BYTES - 1)
		return bytes ? TS_HISTOGRAM_SLOTS_GLOBAL - 2 +
				       ts_above((bytes - 1) >> TS_HISTOGRAM_MAX_EXPONENT, 0)
			     : 0;
	return TS_HISTOGRAM_BYTES_FIRST +
	       ts_histogram_bounds_below(bytes, ts_histogram_bytes_table);
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
	ts_opaque(
		slot); /* or the bound is checked on what slot was before, unseen by the verifier */
	if (slot >= TS_HISTOGRAM_SLOTS_KEYED)
		return;
	histogram->slot[slot]++;
	histogram->sum += value;
	if (value > histogram->max)
		histogram->max = value;
}

#endif
