/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers of which only the first binary digits count, as those of a recording. */
#ifndef TUNESCOPE_DIGITS_H
#define TUNESCOPE_DIGITS_H

#include <linux/types.h>

/* How many of the lowest bits of value are behind its first digits (at least one). */
static inline unsigned int ts_digits_behind(__u64 value, unsigned int digits)
{
	unsigned int length = value ? 64 - (unsigned int)__builtin_clzll(value) : 0;

	return length > digits ? length - digits : 0;
}

/* The part of it that they are. */
static inline __u64 ts_digits_rest(__u64 value, unsigned int digits)
{
	return value & ((1ULL << ts_digits_behind(value, digits)) - 1);
}

/* To the nearest number that has only so many; a number too large for that stays as it is. */
static inline __u64 ts_digits_round(__u64 value, unsigned int digits)
{
	unsigned int behind = ts_digits_behind(value, digits);
	__u64 half = behind ? 1ULL << (behind - 1) : 0;

	return value + half < value ? value : (value + half) >> behind << behind;
}

#endif
