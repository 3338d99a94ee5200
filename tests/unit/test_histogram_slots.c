// SPDX-License-Identifier: GPL-2.0-only
/* The bucket of every value against the definition of the layout. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../histogram_reference.h"
#include "histogram_layouts.h"

static void set_reference(struct reference *reference, unsigned int scale, enum ts_unit unit)
{
	reference_init(reference, scale,
		       unit == TS_UNIT_SECONDS ? REFERENCE_NS_PER_UNIT : REFERENCE_BYTES_PER_UNIT);
}

static void check_slot(const struct reference *reference, unsigned int scale, enum ts_unit unit,
		       uint64_t value)
{
	unsigned int slot = ts_histogram_slot(scale, unit, value);
	unsigned int expected = reference_slot(reference, value);

	if (slot != expected)
		fail_msg("scale %u, %s %llu: slot %u, by definition %u", scale, ts_unit_name(unit),
			 (unsigned long long)value, slot, expected);
}

static void slots_follow_the_definition(void **state)
{
	struct reference reference;
	uint64_t seed = 42;

	for_each_layout(scale, unit)
	{
		set_reference(&reference, scale, unit);
		assert_true(reference_margin(&reference) > 1e-15L);
		for (uint64_t value = 0; value <= 1 << 16; value++)
			check_slot(&reference, scale, unit, value);
		for (unsigned int i = 0; i < reference.bounds; i++) {
			uint64_t bound = (uint64_t)reference.bound[i];

			for (uint64_t value = bound > 2 ? bound - 2 : 0; value <= bound + 2;
			     value++)
				check_slot(&reference, scale, unit, value);
		}
		for (int i = 0; i < 500000; i++)
			check_slot(&reference, scale, unit, reference_random_magnitude(&seed));
	}
}

static void extremes(void **state)
{
	for_each_layout(scale, unit)
	{
		unsigned int overflow = slots_at(scale) - 1;

		assert_int_equal(ts_histogram_slot(scale, unit, 0), 0);
		assert_int_equal(ts_histogram_slot(scale, unit, largest(unit)), overflow - 1);
		assert_int_equal(ts_histogram_slot(scale, unit, largest(unit) + 1), overflow);
		assert_int_equal(ts_histogram_slot(scale, unit, UINT64_MAX), overflow);
	}
	assert_int_equal(ts_histogram_slot(4, TS_UNIT_BYTES, 1), 1);
	/* 1 ns is 1.0737 units: above 2^(1/16), at most 2^(2/16); at scale 3 above 1. */
	assert_int_equal(ts_histogram_slot(4, TS_UNIT_SECONDS, 1), 3);
	assert_int_equal(ts_histogram_slot(3, TS_UNIT_SECONDS, 1), 2);
}

static void slots_are_monotone(void **state)
{
	for_each_layout(scale, unit)
	{
		unsigned int last = 0;

		for (uint64_t value = 0; value < largest(unit) * 2; value += 1 + value / 3000) {
			unsigned int slot = ts_histogram_slot(scale, unit, value);

			assert_true(slot >= last);
			assert_true(slot <= last + 1 || value < 64);
			last = slot;
		}
		assert_int_equal(last, slots_at(scale) - 1);
	}
}

static void powers_of_two_are_exact_and_inclusive(void **state)
{
	for_each_layout(scale, unit)
	{
		int unit_exponent = unit == TS_UNIT_SECONDS ? -30 : 0;

		for (int octave = 0; octave <= 36; octave++) {
			unsigned int slot = ((unsigned int)octave << scale) + 1;
			double bound = ldexp(1, octave + unit_exponent);
			double value = bound * per_base(unit);

			assert_true(ts_histogram_upper_bound(scale, unit, slot) == bound);
			if (value != floor(value))
				continue; /* no whole number of nanoseconds */
			assert_int_equal(ts_histogram_slot(scale, unit, (uint64_t)value), slot);
			/* Below 32 buckets are narrower than 1. */
			if (value < 32)
				assert_true(ts_histogram_slot(scale, unit, (uint64_t)value + 1) >
					    slot);
			else
				assert_int_equal(
					ts_histogram_slot(scale, unit, (uint64_t)value + 1),
					slot + 1);
		}
	}
	assert_true(ts_histogram_upper_bound(4, TS_UNIT_SECONDS, 0) == 0);
	assert_true(isinf(ts_histogram_upper_bound(4, TS_UNIT_SECONDS, slots_at(4) - 1)));
}

/* The largest integer of a slot lies in it, the next one does not. */
static void upper_bounds_divide(void **state)
{
	for_each_layout(scale, unit)
	{
		unsigned int divided = 0;

		for (unsigned int slot = 1; slot < slots_at(scale) - 1; slot++) {
			double lower = ts_histogram_upper_bound(scale, unit, slot - 1);
			double upper = ts_histogram_upper_bound(scale, unit, slot);
			uint64_t value = (uint64_t)(upper * per_base(unit));

			if ((double)value <= lower * per_base(unit))
				continue; /* too narrow to hold an integer */
			assert_int_equal(ts_histogram_slot(scale, unit, value), slot);
			if (upper * per_base(unit) < 64)
				assert_true(ts_histogram_slot(scale, unit, value + 1) > slot);
			else
				assert_int_equal(ts_histogram_slot(scale, unit, value + 1),
						 slot + 1);
			divided++;
		}
		assert_true(divided > (31u << scale));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots_follow_the_definition),
		cmocka_unit_test(extremes),
		cmocka_unit_test(slots_are_monotone),
		cmocka_unit_test(powers_of_two_are_exact_and_inclusive),
		cmocka_unit_test(upper_bounds_divide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
