// SPDX-License-Identifier: GPL-2.0-only
/* Totals, quantiles, merging and subtraction against sorted samples. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../user/core/arena.h"
#include "../../user/core/digits.h"
#include "../histogram_reference.h"
#include "histogram_layouts.h"

#define SAMPLES 20000

static const enum ts_unit units[] = {TS_UNIT_SECONDS, TS_UNIT_BYTES};

/* --- samples */

struct samples {
	const char *name;
	uint64_t (*draw)(uint64_t *seed);
};

static double uniform01(uint64_t *seed)
{
	return ((double)(reference_random(seed) >> 11) + 0.5) / 9007199254740992.0;
}

static uint64_t draw_uniform(uint64_t *seed)
{
	return reference_random(seed) % 1000000;
}

static uint64_t draw_magnitudes(uint64_t *seed)
{
	return reference_random(seed) >> (28 + reference_random(seed) % 36);
}

static uint64_t draw_exponential(uint64_t *seed)
{
	return (uint64_t)(-log(uniform01(seed)) * 250000);
}

static uint64_t draw_two_humps(uint64_t *seed)
{
	return (reference_random(seed) % 10 ? 80000 : 12000000) + reference_random(seed) % 5000;
}

static uint64_t draw_heavy_tail(uint64_t *seed)
{
	return (uint64_t)fmin(1000 / pow(uniform01(seed), 2.5), 1e15);
}

static uint64_t draw_constant(uint64_t *seed)
{
	return 4096;
}

static uint64_t draw_tiny(uint64_t *seed)
{
	return reference_random(seed) % 20;
}

static uint64_t draw_zero(uint64_t *seed)
{
	return 0;
}

static const struct samples distributions[] = {
	{"uniform", draw_uniform},
	{"all magnitudes", draw_magnitudes},
	{"exponential", draw_exponential},
	{"two humps", draw_two_humps},
	{"heavy tail", draw_heavy_tail},
	{"constant", draw_constant},
	{"tiny", draw_tiny},
	{"zero", draw_zero},
};

#define for_each_distribution(d)                      \
	for (const struct samples *d = distributions; \
	     d < distributions + sizeof distributions / sizeof *distributions; d++)

static int compare_values(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t sample[SAMPLES];

static void draw_sorted(const struct samples *distribution, uint64_t seed)
{
	for (int i = 0; i < SAMPLES; i++)
		sample[i] = distribution->draw(&seed);
	qsort(sample, SAMPLES, sizeof *sample, compare_values);
}

static struct ts_histogram *record(struct ts_arena *arena, unsigned int scale, enum ts_unit unit,
				   int from, int to)
{
	struct ts_histogram *histogram = ts_histogram_new(arena, scale, unit);

	for (int i = from; i < to; i++)
		ts_histogram_add(histogram, sample[i], 1);
	return histogram;
}

static void check_quantile(const struct ts_histogram *histogram, const char *name, double q)
{
	double rank = ceil(q * SAMPLES);
	uint64_t exact = sample[rank < 1 ? 0 : (int)rank - 1];
	unsigned int slot = ts_histogram_slot(histogram->scale, histogram->unit, exact);
	double base = per_base(histogram->unit), estimate = ts_histogram_quantile(histogram, q);
	double upper = ts_histogram_upper_bound(histogram->scale, histogram->unit, slot);
	double lower =
		slot ? ts_histogram_upper_bound(histogram->scale, histogram->unit, slot - 1) : 0;

	if (slot == slots_at(histogram->scale) - 1) {
		assert_true(estimate == (double)sample[SAMPLES - 1] / base);
		return;
	}
	if (!(estimate >= lower && estimate <= upper))
		fail_msg("%s, scale %u, q %g: %g outside (%g, %g] of the exact %g", name,
			 histogram->scale, q, estimate, lower, upper, (double)exact / base);
	assert_true(estimate <= (double)sample[SAMPLES - 1] / base);
}

static void quantiles_lie_in_the_bucket_of_the_exact_one(void **state)
{
	static const double q[] = {0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1};

	for_each_distribution(d)
	{
		for (uint64_t seed = 1; seed <= 3; seed++) {
			draw_sorted(d, seed);
			for_each_layout(scale, unit)
			{
				struct ts_arena *arena = ts_arena_new();
				struct ts_histogram *h = record(arena, scale, unit, 0, SAMPLES);

				for (size_t i = 0; i < sizeof q / sizeof *q; i++)
					check_quantile(h, d->name, q[i]);
				assert_true(ts_histogram_quantile(h, 1) ==
						    (double)sample[SAMPLES - 1] / per_base(unit) ||
					    sample[SAMPLES - 1] == 0);
				ts_arena_free(arena);
			}
		}
	}
}

static void totals_are_exact(void **state)
{
	for_each_distribution(d)
	{
		draw_sorted(d, 7);
		for_each_layout(scale, unit)
		{
			struct ts_arena *arena = ts_arena_new();
			struct ts_histogram *h = record(arena, scale, unit, 0, SAMPLES);
			uint64_t sum = 0, slots = 0, overflow = 0;

			for (int i = 0; i < SAMPLES; i++) {
				sum += sample[i];
				overflow += sample[i] > largest(unit);
			}
			for (unsigned int i = 0; i < slots_at(scale); i++)
				slots += h->slot[i];
			assert_int_equal(h->count, SAMPLES);
			assert_int_equal(slots, SAMPLES);
			assert_int_equal(h->sum, sum);
			assert_int_equal(h->max, sample[SAMPLES - 1]);
			assert_false(h->max_is_bound);
			assert_int_equal(ts_histogram_overflow(h), overflow);
			assert_true(ts_histogram_sum(h) == (double)sum / per_base(unit));
			assert_true(ts_histogram_mean(h) == (double)sum / per_base(unit) / SAMPLES);
			assert_true(ts_histogram_max(h) ==
				    (double)sample[SAMPLES - 1] / per_base(unit));
			ts_arena_free(arena);
		}
	}
}

/* Exact where the value is a bound, else off by no more than what shares its bucket. */
static void count_above_agrees_with_the_sample(void **state)
{
	for_each_distribution(d)
	{
		struct ts_arena *arena = ts_arena_new();
		struct ts_histogram *h;
		uint64_t seed = 5;

		draw_sorted(d, 11);
		h = record(arena, 4, TS_UNIT_SECONDS, 0, SAMPLES);
		for (unsigned int slot = 0; slot < slots_at(4) - 1; slot++) {
			double bound = ts_histogram_upper_bound(4, TS_UNIT_SECONDS, slot);
			uint64_t above = 0;

			for (int i = 0; i < SAMPLES; i++)
				above += ts_histogram_slot(4, TS_UNIT_SECONDS, sample[i]) > slot;
			assert_true(ts_histogram_count_above(h, bound) == (double)above);
		}
		for (int n = 0; n < 200; n++) {
			uint64_t value = sample[reference_random(&seed) % SAMPLES];
			unsigned int slot = ts_histogram_slot(4, TS_UNIT_SECONDS, value);
			uint64_t above = 0;
			double estimate = ts_histogram_count_above(h, (double)value / 1e9);

			for (int i = 0; i < SAMPLES; i++)
				above += sample[i] > value;
			assert_true(fabs(estimate - (double)above) <= (double)h->slot[slot]);
		}
		assert_true(ts_histogram_count_above(h, -1) == SAMPLES);
		assert_true(ts_histogram_count_above(h, 1e7) == 0);
		ts_arena_free(arena);
	}
}

static double largest_rounding(double count)
{
	unsigned int digits =
		count < TS_HISTOGRAM_SMALL ? TS_HISTOGRAM_DIGITS - 1 : TS_HISTOGRAM_DIGITS;

	return (double)(1ULL << ts_digits_behind((__u64)count, digits));
}

/* Each slot by no more than its first digit that is left out, and none of the sums up to there by
 * more than one. */
static void check_rounded(const struct ts_histogram *h, const struct ts_histogram *rounded,
			  double fullest)
{
	unsigned int exceptions = 0;
	double drift = 0;

	for (unsigned int slot = 0; slot < slots_at(h->scale); slot++) {
		double count = (double)h->slot[slot], change = (double)rounded->slot[slot] - count;
		bool exception = ts_digits_rest(rounded->slot[slot], TS_HISTOGRAM_DIGITS) != 0;

		exceptions += exception;
		drift += change;
		assert_true(fabs(change) <= largest_rounding(exception ? 2 * fullest : count));
		assert_true(fabs(drift) <= largest_rounding(fullest));
		if (count < 4 && !exception)
			assert_true(change == 0);
	}
	assert_true(exceptions <= 1 && drift == 0);
}

static void rounding_keeps_the_count_and_where_it_lies(void **state)
{
	for_each_distribution(d)
	{
		struct ts_arena *arena = ts_arena_new();
		struct ts_histogram *h, *rounded;
		uint64_t fullest = 0;

		draw_sorted(d, 13);
		h = record(arena, 3, TS_UNIT_SECONDS, 0, SAMPLES);
		rounded = record(arena, 3, TS_UNIT_SECONDS, 0, SAMPLES);
		for (unsigned int slot = 0; slot < slots_at(3); slot++)
			if (h->slot[slot] > fullest)
				fullest = h->slot[slot];
		ts_histogram_round(rounded);
		assert_true(rounded->count == h->count && rounded->sum == h->sum &&
			    rounded->max == h->max);
		check_rounded(h, rounded, (double)fullest);
		ts_arena_free(arena);
	}
}

static void interpolation_is_logarithmic(void **state)
{
	struct ts_arena *arena = ts_arena_new();
	struct ts_histogram *h = ts_histogram_new(arena, 3, TS_UNIT_BYTES);

	/* The bucket (2^9.875, 2^10] filled, and one observation that keeps max out of the way. */
	ts_histogram_add(h, 1024, 1000);
	ts_histogram_add(h, 5000, 1);
	assert_true(fabs(ts_histogram_quantile(h, 500.0 / 1001) - exp2(9.9375)) < 1e-6);
	assert_true(fabs(ts_histogram_count_above(h, exp2(9.9375)) - 501) < 1e-6);
	ts_arena_free(arena);
}

/* --- merging and subtracting */

static void assert_same(const struct ts_histogram *a, const struct ts_histogram *b)
{
	assert_int_equal(a->scale, b->scale);
	assert_int_equal(a->unit, b->unit);
	assert_int_equal(a->count, b->count);
	assert_int_equal(a->sum, b->sum);
	assert_int_equal(a->max, b->max);
	assert_int_equal(a->max_is_bound, b->max_is_bound);
	assert_memory_equal(a->slot, b->slot, slots_at(a->scale) * sizeof *a->slot);
}

static struct ts_histogram *merged(struct ts_arena *arena, unsigned int scale,
				   const struct ts_histogram *a, const struct ts_histogram *b)
{
	struct ts_histogram *sum = ts_histogram_new(arena, scale, a->unit);

	ts_histogram_merge(sum, a);
	if (b)
		ts_histogram_merge(sum, b);
	return sum;
}

static void merging_down_equals_recording_there(void **state)
{
	for_each_distribution(d)
	{
		draw_sorted(d, 13);
		for (size_t u = 0; u < 2; u++) {
			struct ts_arena *arena = ts_arena_new();
			struct ts_histogram *fine = record(arena, 4, units[u], 0, SAMPLES);

			for (unsigned int scale = 0; scale <= 4; scale++)
				assert_same(merged(arena, scale, fine, NULL),
					    record(arena, scale, units[u], 0, SAMPLES));
			ts_arena_free(arena);
		}
	}
}

static void merging_is_commutative_and_associative(void **state)
{
	draw_sorted(&distributions[1], 17);
	for_each_layout(scale, unit)
	{
		struct ts_arena *arena = ts_arena_new();
		struct ts_histogram *a = record(arena, scale, unit, 0, 5000);
		struct ts_histogram *b = record(arena, scale, unit, 5000, 15000);
		struct ts_histogram *c = record(arena, scale, unit, 15000, SAMPLES);

		assert_same(merged(arena, scale, a, b), merged(arena, scale, b, a));
		assert_same(merged(arena, scale, merged(arena, scale, a, b), c),
			    merged(arena, scale, a, merged(arena, scale, b, c)));
		assert_same(merged(arena, scale, merged(arena, scale, a, b), c),
			    record(arena, scale, unit, 0, SAMPLES));
		ts_arena_free(arena);
	}
}

static void merging_keeps_an_exact_maximum(void **state)
{
	struct ts_arena *arena = ts_arena_new();
	struct ts_histogram *a = ts_histogram_new(arena, 3, TS_UNIT_BYTES), *b;

	ts_histogram_add(a, 100, 1);
	b = merged(arena, 3, a, NULL);
	b->max_is_bound = true;
	assert_false(merged(arena, 3, a, b)->max_is_bound);
	assert_false(merged(arena, 3, b, a)->max_is_bound);
	b->max = 101;
	assert_true(merged(arena, 3, a, b)->max_is_bound);
	a->max = 102;
	assert_false(merged(arena, 3, b, a)->max_is_bound);
	ts_arena_free(arena);
}

static void subtracting_undoes_adding(void **state)
{
	for_each_distribution(d)
	{
		draw_sorted(d, 19);
		for_each_layout(scale, unit)
		{
			struct ts_arena *arena = ts_arena_new();
			struct ts_histogram *earlier = record(arena, scale, unit, 0, 10000);
			struct ts_histogram *added = record(arena, scale, unit, 10000, SAMPLES);
			struct ts_histogram *later = merged(arena, scale, earlier, added);
			struct ts_histogram *window = ts_histogram_subtract(arena, later, earlier);

			if (later->max == earlier->max) {
				/* No record was set: only a bound is known. */
				assert_true(window->max >= added->max);
				window->max = added->max;
				window->max_is_bound = false;
			}
			assert_same(window, added);
			ts_arena_free(arena);
		}
	}
}

static void maximum_of_a_window(void **state)
{
	struct ts_arena *arena = ts_arena_new();
	struct ts_histogram *earlier = ts_histogram_new(arena, 4, TS_UNIT_SECONDS), *later, *window;

	ts_histogram_add(earlier, 5000000, 3);
	later = merged(arena, 4, earlier, NULL);
	window = ts_histogram_subtract(arena, later, earlier);
	assert_int_equal(window->count, 0);
	assert_int_equal(window->max, 0);
	assert_true(isnan(ts_histogram_max(window)));

	/* Below the record: the upper bound of the bucket of 1 ms. */
	ts_histogram_add(later, 1000000, 1);
	window = ts_histogram_subtract(arena, later, earlier);
	assert_true(window->max_is_bound);
	assert_int_equal(window->max,
			 ts_histogram_upper_bound(4, TS_UNIT_SECONDS,
						  ts_histogram_slot(4, TS_UNIT_SECONDS, 1000000)) *
				 1e9);
	assert_true(window->max >= 1000000 && window->max < 1045000);

	/* In the record's own bucket: the record bounds it. */
	ts_histogram_add(later, 4999999, 1);
	window = ts_histogram_subtract(arena, later, earlier);
	assert_true(window->max_is_bound);
	assert_int_equal(window->max, 5000000);

	ts_histogram_add(later, 5000001, 1);
	window = ts_histogram_subtract(arena, later, earlier);
	assert_false(window->max_is_bound);
	assert_int_equal(window->max, 5000001);

	/* Overflow has no upper bound of its own. */
	earlier = ts_histogram_new(arena, 4, TS_UNIT_SECONDS);
	ts_histogram_add(earlier, 90000000000ULL, 1);
	later = merged(arena, 4, earlier, NULL);
	ts_histogram_add(later, 70000000000ULL, 1);
	window = ts_histogram_subtract(arena, later, earlier);
	assert_true(window->max_is_bound);
	assert_true(ts_histogram_max(window) == 90);
	ts_arena_free(arena);
}

static void a_source_that_started_anew_is_taken_as_it_is(void **state)
{
	struct ts_arena *arena = ts_arena_new();
	struct ts_histogram *earlier = ts_histogram_new(arena, 3, TS_UNIT_SECONDS);
	struct ts_histogram *later = ts_histogram_new(arena, 3, TS_UNIT_SECONDS);

	ts_histogram_add(earlier, 1000, 10);
	ts_histogram_add(later, 1000, 4);
	ts_histogram_add(later, 5000, 100);
	assert_same(ts_histogram_subtract(arena, later, earlier), later);
	ts_arena_free(arena);
}

static void a_wrapped_sum_still_subtracts(void **state)
{
	struct ts_arena *arena = ts_arena_new();
	struct ts_histogram *earlier = ts_histogram_new(arena, 3, TS_UNIT_SECONDS), *later;

	ts_histogram_add(earlier, 1000, 1);
	earlier->sum = UINT64_MAX - 10;
	later = merged(arena, 3, earlier, NULL);
	ts_histogram_add(later, 1000, 1);
	assert_int_equal(ts_histogram_subtract(arena, later, earlier)->sum, 1000);
	ts_arena_free(arena);
}

static void raw_copies_add_up(void **state)
{
	for_each_layout(scale, unit)
	{
		struct ts_arena *arena = ts_arena_new();
		struct ts_histogram *all, *sum = ts_histogram_new(arena, scale, unit);

		draw_sorted(&distributions[1], 23);
		all = record(arena, scale, unit, 0, SAMPLES);
		for (int cpu = 0; cpu < 4; cpu++) {
			struct ts_histogram *part = record(arena, scale, unit, cpu * (SAMPLES / 4),
							   (cpu + 1) * (SAMPLES / 4));

			ts_histogram_add_raw(sum, part->sum, part->max, part->slot);
		}
		assert_same(sum, all);
		ts_arena_free(arena);
	}
}

static void empty_is_not_zero(void **state)
{
	struct ts_arena *arena = ts_arena_new();
	struct ts_histogram *h = ts_histogram_new(arena, 4, TS_UNIT_SECONDS);

	assert_true(isnan(ts_histogram_quantile(h, 0.5)));
	assert_true(isnan(ts_histogram_mean(h)));
	assert_true(isnan(ts_histogram_max(h)));
	assert_true(ts_histogram_sum(h) == 0);
	assert_true(ts_histogram_count_above(h, 0) == 0);
	ts_histogram_add(h, 12345, 0);
	assert_int_equal(h->count, 0);
	assert_int_equal(h->max, 0);
	ts_arena_free(arena);
}

/* Maps are read while programs count: a slot may be ahead of the maximum, or there is none yet. */
static void a_reading_torn_by_a_running_program_is_harmless(void **state)
{
	struct ts_arena *arena = ts_arena_new();
	struct ts_histogram *h = ts_histogram_new(arena, 4, TS_UNIT_SECONDS);

	ts_histogram_add(h, 1000000, 1);
	h->max = 0;
	assert_true(ts_histogram_quantile(h, 0.5) == 0);
	h->max = 1000;
	assert_true(ts_histogram_quantile(h, 0.5) == 1e-6);
	assert_true(ts_histogram_count_above(h, 2e-6) == 0);
	ts_arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantiles_lie_in_the_bucket_of_the_exact_one),
		cmocka_unit_test(totals_are_exact),
		cmocka_unit_test(count_above_agrees_with_the_sample),
		cmocka_unit_test(rounding_keeps_the_count_and_where_it_lies),
		cmocka_unit_test(interpolation_is_logarithmic),
		cmocka_unit_test(merging_down_equals_recording_there),
		cmocka_unit_test(merging_is_commutative_and_associative),
		cmocka_unit_test(merging_keeps_an_exact_maximum),
		cmocka_unit_test(subtracting_undoes_adding),
		cmocka_unit_test(maximum_of_a_window),
		cmocka_unit_test(a_source_that_started_anew_is_taken_as_it_is),
		cmocka_unit_test(a_wrapped_sum_still_subtracts),
		cmocka_unit_test(raw_copies_add_up),
		cmocka_unit_test(empty_is_not_zero),
		cmocka_unit_test(a_reading_torn_by_a_running_program_is_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
