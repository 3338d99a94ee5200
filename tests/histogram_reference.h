/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The histogram layout from its definition, for comparing with: slot 0 holds 0, slot n > 0 the
 * values in (2^((n - 2) / 2^scale), 2^((n - 1) / 2^scale)] units, the last one all above 2^36
 * units; a unit is 2^-30 s or one byte. No table and no code of the product is used.
 *
 * long double decides exactly: bounds are either integers, and then exact, or irrational and at
 * least 10^-15 of their value away from any integer below 2^37 (reference_margin measures it),
 * while the rounding is 10^-19.
 */
#ifndef TUNESCOPE_TESTS_HISTOGRAM_REFERENCE_H
#define TUNESCOPE_TESTS_HISTOGRAM_REFERENCE_H

#include <math.h>
#include <stdint.h>

#define REFERENCE_OCTAVES   36
#define REFERENCE_BOUNDS    (REFERENCE_OCTAVES * 16 + 1)
#define REFERENCE_MAX_SCALE 4

struct reference {
	unsigned int bounds;		     /* upper bounds of slots 1 .. bounds */
	long double bound[REFERENCE_BOUNDS]; /* in ns or bytes */
};

static inline void reference_init(struct reference *reference, unsigned int scale,
				  long double values_per_unit)
{
	reference->bounds = (REFERENCE_OCTAVES << scale) + 1;
	for (unsigned int i = 0; i < reference->bounds; i++)
		reference->bound[i] = exp2l((long double)i / (1 << scale)) * values_per_unit;
}

#define REFERENCE_NS_PER_UNIT	 (1e9L / (1 << 30))
#define REFERENCE_BYTES_PER_UNIT 1.0L

static inline unsigned int reference_slot(const struct reference *reference, uint64_t value)
{
	unsigned int low = 0, high = reference->bounds; /* first bound that is not below value */

	if (!value)
		return 0;
	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (reference->bound[middle] < (long double)value)
			low = middle + 1;
		else
			high = middle;
	}
	return low + 1;
}

/* Distance of the bound that is nearest to an integer without being one, relative to the bound. */
static inline long double reference_margin(const struct reference *reference)
{
	long double margin = 1;

	for (unsigned int i = 0; i < reference->bounds; i++) {
		long double bound = reference->bound[i];
		long double distance = fabsl(bound - roundl(bound));

		if (distance != 0)
			margin = fminl(margin, distance / bound);
	}
	return margin;
}

/* xorshift64*: the same numbers everywhere. */
static inline uint64_t reference_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

/* All magnitudes equally likely, 1 .. 2^64 - 1. */
static inline uint64_t reference_random_magnitude(uint64_t *state)
{
	unsigned int shift = (unsigned int)(reference_random(state) >> 58);

	return (reference_random(state) | 1ULL << 63) >> shift;
}

#endif
