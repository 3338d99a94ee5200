/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one histogram layout of tunescope, compiled into the BPF programs and into user space.
 *
 * Base-2 exponential buckets as in OpenTelemetry: at scale s, bucket i holds the values in
 * (2^(i / 2^s), 2^((i+1) / 2^s)], upper bound inclusive. Times are counted in units of 2^-30 s, so
 * the bounds are exact powers of two in seconds; sizes are counted in bytes.
 *
 *   slot 0        the value 0
 *   slot 1        above 0, up to 1 unit
 *   slot 2 ...    raw bucket index slot - 2 (raw = OpenTelemetry index + 30 * 2^scale for times)
 *   last slot     above 2^TS_HISTOGRAM_MAX_EXPONENT units (64 s, or 64 GiB)
 *
 * Scale 4 (16 buckets an octave) is for global families, scale 3 for those with labels. Two scale-4
 * neighbours are exactly one scale-3 bucket.
 */
#ifndef TUNESCOPE_HISTOGRAM_H
#define TUNESCOPE_HISTOGRAM_H

#include <tunescope/types.h>

#define TS_HISTOGRAM_MAX_EXPONENT 36 /* 2^36 units: 64 s, or 64 GiB */
#define TS_HISTOGRAM_SCALE_GLOBAL 4
#define TS_HISTOGRAM_SCALE_KEYED  3

/* zero, one, 2^scale buckets for each octave, overflow */
#define TS_HISTOGRAM_SLOTS(scale) (2 + (TS_HISTOGRAM_MAX_EXPONENT << (scale)) + 1)
#define TS_HISTOGRAM_SLOTS_GLOBAL TS_HISTOGRAM_SLOTS(TS_HISTOGRAM_SCALE_GLOBAL) /* 579 */
#define TS_HISTOGRAM_SLOTS_KEYED  TS_HISTOGRAM_SLOTS(TS_HISTOGRAM_SCALE_KEYED)	/* 291 */

/* The largest values that are not overflow. */
#define TS_HISTOGRAM_MAX_NS    64000000000ULL
#define TS_HISTOGRAM_MAX_BYTES (1ULL << TS_HISTOGRAM_MAX_EXPONENT)

/*
 * As it stands in a BPF map. The count is the sum of the slots and is not kept twice. sum and max
 * are in nanoseconds (or bytes), exact, whatever bucket the value fell into.
 */
struct ts_histogram_global {
	__u64 sum;
	__u64 max;
	__u64 slot[TS_HISTOGRAM_SLOTS_GLOBAL];
};

struct ts_histogram_keyed {
	__u64 sum;
	__u64 max;
	__u64 slot[TS_HISTOGRAM_SLOTS_KEYED];
};

/*
 * How a value v > 0, in ns or bytes, finds its slot at scale 4 (ts_histogram_slot_ns and _bytes in
 * bpf/core.bpf.h, ts_histogram_slot in user/core/histogram.c):
 *
 *   e = floor(log2(v)), m = v << (63 - e)        the octave, and where in it, as 2^63 .. 2^64 - 1
 *   j = LUT[(m >> 58) & 31], j += m > BOUNDS[j]  how many bucket bounds of that octave lie below v
 *   slot = 16 * e + j + FIRST
 *
 * LUT holds for each 32nd of an octave the number of bounds below its lower end; at most one more
 * lies inside, and the comparison decides it. BOUNDS are the bounds as seen by m, rounded down,
 * which for integers decides v > bound without any error. An octave of nanoseconds does not begin
 * where an octave of 2^-30 s does, hence tables of their own instead of a conversion, which would
 * round. FIRST is the slot of v = 1: 1 byte is 1 unit, 1 ns is 1.07.
 */
#define TS_HISTOGRAM_BYTES_FIRST 1
#define TS_HISTOGRAM_BYTES_LUT                                                                  \
	{                                                                                       \
		0, 1, 2, 3, 3, 4, 4, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, \
			13, 14, 14, 15, 15, 15, 16, 16                                          \
	}
/* floor(2^63 * 2^(j / 16)) for j = 0..15; no value is above the 17th. */
#define TS_HISTOGRAM_BYTES_BOUNDS                                                            \
	{                                                                                    \
		0x8000000000000000ULL, 0x85aac367cc487b14ULL, 0x8b95c1e3ea8bd6e6ULL,         \
			0x91c3d373ab11c336ULL, 0x9837f0518db8a96fULL, 0x9ef5326091a111adULL, \
			0xa5fed6a9b15138eaULL, 0xad583eea42a14ac6ULL, 0xb504f333f9de6484ULL, \
			0xbd08a39f580c36beULL, 0xc5672a115506daddULL, 0xce248c151f8480e3ULL, \
			0xd744fccad69d6af4ULL, 0xe0ccdeec2a94e111ULL, 0xeac0c6e7dd24392eULL, \
			0xf5257d152486cc2cULL, 0xffffffffffffffffULL                         \
	}

#define TS_HISTOGRAM_NS_FIRST 3
#define TS_HISTOGRAM_NS_LUT                                                                     \
	{                                                                                       \
		0, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6, 7, 7, 8, 9, 9, 10, 10, 10, 11, 11, 12, 12, 13, \
			13, 13, 14, 14, 15, 15, 15, 16                                          \
	}
/* floor(2^63 * 2^((j + 2) / 16) * 10^9 / 2^30) for j = 0..15; no value is above the 17th. */
#define TS_HISTOGRAM_NS_BOUNDS                                                               \
	{                                                                                    \
		0x81ffa7a9549ca6e3ULL, 0x87c11235836d16a3ULL, 0x8dc3b8960164a7d9ULL,         \
			0x940a7e28259fb382ULL, 0x9a9867054d512391ULL, 0xa1709975dfb06757ULL, \
			0xa8965f74bf065071ULL, 0xb00d2843e1060dc2ULL, 0xb7d88a12d0dd9ea0ULL, \
			0xbffc43b7e604a922ULL, 0xc87c3e7d03cdbec3ULL, 0xd15c9000bf211c1fULL, \
			0xdaa17c2cd19555dbULL, 0xe44f7742cb56e3ddULL, 0xee6b280000000000ULL, \
			0xf8f969d9b5abf948ULL, 0xffffffffffffffffULL                         \
	}

#endif
