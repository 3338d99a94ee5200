/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one histogram layout of tunescope, compiled into the BPF programs and into user space.
 *
 * Base-2 exponential buckets as in OpenTelemetry: at scale s, bucket i holds the values in
 * (2^(i / 2^s), 2^((i+1) / 2^s)], upper bound inclusive. Times are counted in units of 2^-30 s, so
 * the bounds are exact powers of two in seconds; sizes are counted in bytes.
 *
 *   slot 0               the value 0
 *   slot 1               the value 1 unit
 *   slot 2 ...           raw bucket index slot - 2 (raw = OpenTelemetry index + 30 * 2^scale for
 * times) last slot            larger than 2^TS_HISTOGRAM_MAX_EXPONENT units (64 s, or 64 GiB)
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

/*
 * Nanoseconds to units, rounded up, so that a value lies in the bucket whose inclusive upper bound
 * it does not exceed: ceil(ns * 2^30 / 10^9), exact below 1 s and within 1 part in 10^9 above
 * (72057594 is 2^56 / 10^9 rounded down). Only for ns < TS_HISTOGRAM_NS_LIMIT; everything above
 * overflows anyway.
 */
#define TS_HISTOGRAM_NS_LIMIT	     (1ULL << 37)
#define TS_HISTOGRAM_NS_TO_UNITS(ns) (((ns)*72057594ULL + ((1ULL << 26) - 1)) >> 26)

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
 * For each 32nd of an octave the number of bucket bounds below its lower end: at most one more
 * bound lies inside, and comparing with TS_HISTOGRAM_BOUNDS decides it.
 */
#define TS_HISTOGRAM_LUT                                                                        \
	{                                                                                       \
		0, 1, 2, 3, 3, 4, 4, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, \
			13, 14, 14, 15, 15, 15, 16, 16                                          \
	}

/* floor(2^63 * 2^(j/16)) for j = 0..15; no value is above the 17th. */
#define TS_HISTOGRAM_BOUNDS                                                                  \
	{                                                                                    \
		0x8000000000000000ULL, 0x85aac367cc487b14ULL, 0x8b95c1e3ea8bd6e6ULL,         \
			0x91c3d373ab11c336ULL, 0x9837f0518db8a96fULL, 0x9ef5326091a111adULL, \
			0xa5fed6a9b15138eaULL, 0xad583eea42a14ac6ULL, 0xb504f333f9de6484ULL, \
			0xbd08a39f580c36beULL, 0xc5672a115506daddULL, 0xce248c151f8480e3ULL, \
			0xd744fccad69d6af4ULL, 0xe0ccdeec2a94e111ULL, 0xeac0c6e7dd24392eULL, \
			0xf5257d152486cc2cULL, 0xffffffffffffffffULL                         \
	}

#endif
