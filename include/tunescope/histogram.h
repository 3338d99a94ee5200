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
 *   e = floor(log2(v)), m = v << (63 - e)      the octave, and where in it, as 2^63 .. 2^64 - 1
 *   row = TABLE[(m >> 58) & 31]                a row for each 32nd of the octave
 *   slot = 16 * e + FIRST + (row & 31) + (m > row)
 *
 * At most one bucket bound lies in a 32nd of an octave. A row is that bound as seen by m, rounded
 * down (without one, the end of the 32nd), and in its low 8 bits the number of the octave's bounds
 * below. These bits do not matter to the comparison, as m has none there: v is at most 2^36, so m
 * is a multiple of 2^27. For integers, m > bound and m > bound rounded down are the same, so there
 * is no error anywhere.
 *
 * An octave of nanoseconds does not begin where an octave of 2^-30 s does, hence a table of its own
 * instead of a conversion, which would round. FIRST is the slot of v = 1: 1 byte is 1 unit, 1 ns is
 * 1.07.
 */

/* Bounds floor(2^63 * 2^(j / 16)), j = 0..15. */
#define TS_HISTOGRAM_BYTES_FIRST 1
#define TS_HISTOGRAM_BYTES_TABLE                                                             \
	{                                                                                    \
		0x8000000000000000ULL, 0x85aac367cc487b01ULL, 0x8b95c1e3ea8bd602ULL,         \
			0x8fffffffffffff03ULL, 0x91c3d373ab11c303ULL, 0x97ffffffffffff04ULL, \
			0x9837f0518db8a904ULL, 0x9ef5326091a11105ULL, 0xa3ffffffffffff06ULL, \
			0xa5fed6a9b1513806ULL, 0xabffffffffffff07ULL, 0xad583eea42a14a07ULL, \
			0xb3ffffffffffff08ULL, 0xb504f333f9de6408ULL, 0xbbffffffffffff09ULL, \
			0xbd08a39f580c3609ULL, 0xc3ffffffffffff0aULL, 0xc5672a115506da0aULL, \
			0xcbffffffffffff0bULL, 0xce248c151f84800bULL, 0xd3ffffffffffff0cULL, \
			0xd744fccad69d6a0cULL, 0xdbffffffffffff0dULL, 0xdfffffffffffff0dULL, \
			0xe0ccdeec2a94e10dULL, 0xe7ffffffffffff0eULL, 0xeac0c6e7dd24390eULL, \
			0xefffffffffffff0fULL, 0xf3ffffffffffff0fULL, 0xf5257d152486cc0fULL, \
			0xfbffffffffffff10ULL, 0xffffffffffffff10ULL                         \
	}

/* Bounds floor(2^63 * 2^((j + 2) / 16) * 10^9 / 2^30), j = 0..15. */
#define TS_HISTOGRAM_NS_FIRST 3
#define TS_HISTOGRAM_NS_TABLE                                                                \
	{                                                                                    \
		0x81ffa7a9549ca600ULL, 0x87c11235836d1601ULL, 0x8bffffffffffff02ULL,         \
			0x8dc3b8960164a702ULL, 0x93ffffffffffff03ULL, 0x940a7e28259fb303ULL, \
			0x9a9867054d512304ULL, 0x9fffffffffffff05ULL, 0xa1709975dfb06705ULL, \
			0xa7ffffffffffff06ULL, 0xa8965f74bf065006ULL, 0xafffffffffffff07ULL, \
			0xb00d2843e1060d07ULL, 0xb7d88a12d0dd9e08ULL, 0xbbffffffffffff09ULL, \
			0xbffc43b7e604a909ULL, 0xc3ffffffffffff0aULL, 0xc7ffffffffffff0aULL, \
			0xc87c3e7d03cdbe0aULL, 0xcfffffffffffff0bULL, 0xd15c9000bf211c0bULL, \
			0xd7ffffffffffff0cULL, 0xdaa17c2cd195550cULL, 0xdfffffffffffff0dULL, \
			0xe3ffffffffffff0dULL, 0xe44f7742cb56e30dULL, 0xebffffffffffff0eULL, \
			0xee6b28000000000eULL, 0xf3ffffffffffff0fULL, 0xf7ffffffffffff0fULL, \
			0xf8f969d9b5abf90fULL, 0xffffffffffffff10ULL                         \
	}

#endif
