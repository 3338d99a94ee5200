// SPDX-License-Identifier: GPL-2.0-only
/* Numeric helpers against printed tables, closed forms and worked examples. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "../../user/core/statistics.h"

static void near(double a, double b, double tolerance)
{
	if (!(fabs(a - b) <= tolerance))
		fail_msg("%.12g is not %.12g (to %g)", a, b, tolerance);
}

/* The usual table of the t distribution, to the digits it is printed with. */
static void critical_values_are_those_of_the_table(void **state)
{
	static const struct {
		double df, p, t;
	} table[] = {
		{1, 0.10, 6.314},   {1, 0.05, 12.706},	{1, 0.01, 63.657}, {2, 0.10, 2.920},
		{2, 0.05, 4.303},   {2, 0.01, 9.925},	{4, 0.05, 2.776},  {4, 0.01, 4.604},
		{4, 0.001, 8.610},  {5, 0.20, 1.476},	{8, 0.05, 2.306},  {8, 0.01, 3.355},
		{8, 0.001, 5.041},  {12, 0.05, 2.179},	{12, 0.01, 3.055}, {18, 0.10, 1.734},
		{18, 0.05, 2.101},  {18, 0.01, 2.878},	{30, 0.05, 2.042}, {60, 0.05, 2.000},
		{120, 0.01, 2.617}, {1e6, 0.05, 1.960},
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		near(ts_student_critical(table[i].p, table[i].df), table[i].t, 0.00051);
		near(ts_student_two_sided(ts_student_critical(table[i].p, table[i].df),
					  table[i].df),
		     table[i].p, 1e-10);
	}
	assert_true(isinf(ts_student_critical(0, 5)));
	near(ts_student_critical(1, 5), 0, 1e-9);
	for (double df = 0.5; df < 1e4; df *= 1.9)
		for (double p = 0.999; p > 1e-12; p *= 0.31)
			near(log(ts_student_two_sided(ts_student_critical(p, df), df) / p), 0,
			     1e-9);
}

/* One and two degrees of freedom have closed forms; so have the ends. */
static void tails_are_those_of_the_closed_forms(void **state)
{
	for (double t = 0.001; t < 1e6; t *= 1.7) {
		double one = 2 / M_PI * atan(1 / t);
		double two = 1 - t / sqrt(2 + t * t);

		near(ts_student_two_sided(t, 1), one, 1e-12 * one + 1e-15);
		near(ts_student_two_sided(-t, 1), one, 1e-12 * one + 1e-15);
		near(ts_student_two_sided(t, 2), two, 1e-12);
		near(ts_student_two_sided(t, 1e7), erfc(t / sqrt(2)), 1e-7);
	}
	near(ts_student_two_sided(0, 7), 1, 0);
	near(ts_student_two_sided(INFINITY, 7), 0, 0);
	assert_true(isnan(ts_student_two_sided(NAN, 7)));
	assert_true(isnan(ts_student_two_sided(1, 0)));
}

/* Four p-values whose correction is quickly done by hand. */
static void holm_steps_down(void **state)
{
	const double p[] = {0.01, 0.04, 0.03, 0.005}, expected[] = {0.03, 0.06, 0.06, 0.02};
	const double large[] = {0.6, 0.9};
	double adjusted[4];
	size_t order[4];

	ts_holm(p, 4, adjusted, order);
	for (size_t i = 0; i < 4; i++)
		near(adjusted[i], expected[i], 1e-15);
	ts_holm(large, 2, adjusted, order);
	near(adjusted[0], 1, 0);
	near(adjusted[1], 1, 0);
	ts_holm(p, 0, adjusted, order);
}

/* Of a mean the jackknife is exact: with equal blocks it is the usual variance of a mean. */
static void jackknife_of_a_mean_is_its_variance(void **state)
{
	const double value[] = {3, 1, 4, 1, 5, 9, 2, 6}, equal[] = {1, 1, 1, 1, 1, 1, 1, 1};
	double without[8], mean = ts_mean(value, 8), expected = 0, total = 0;
	const double size[] = {4, 4, 4, 4, 4, 4, 4, 2};

	for (size_t i = 0; i < 8; i++) {
		without[i] = (mean * 8 - value[i]) / 7;
		expected += (value[i] - mean) * (value[i] - mean) / (7 * 8);
	}
	near(ts_jackknife_variance(mean, without, equal, 8), expected, 1e-12);

	/* Unequal blocks: pseudo-values are the values, each of variance s^2 * total / size. */
	mean = total = expected = 0;
	for (size_t i = 0; i < 8; i++) {
		mean += value[i] * size[i];
		total += size[i];
	}
	mean /= total;
	for (size_t i = 0; i < 8; i++) {
		without[i] = (mean * total - value[i] * size[i]) / (total - size[i]);
		expected += (value[i] - mean) * (value[i] - mean) * size[i] / (total - size[i]) / 8;
	}
	near(ts_jackknife_variance(mean, without, size, 8), expected, 1e-12);
	assert_true(isnan(ts_jackknife_variance(mean, without, size, 1)));
	without[3] = INFINITY;
	assert_true(isnan(ts_jackknife_variance(mean, without, size, 8)));
}

static void sums_medians_and_combinations(void **state)
{
	double odd[] = {3, 1, 2}, even[] = {4, 1, 3, 2};

	near(ts_squares(odd, 3), 2, 1e-15);
	near(ts_squares(odd, 0), 0, 0);
	near(ts_median(odd, 3), 2, 0);
	near(ts_median(even, 4), 2.5, 0);
	assert_true(isnan(ts_median(even, 0)));
	near(ts_combinations(6, 3), 20, 0);
	near(ts_combinations(20, 10), 184756, 0);
	near(ts_combinations(5, 0), 1, 0);
	near(ts_combinations(2, 3), 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(critical_values_are_those_of_the_table),
		cmocka_unit_test(tails_are_those_of_the_closed_forms),
		cmocka_unit_test(holm_steps_down),
		cmocka_unit_test(jackknife_of_a_mean_is_its_variance),
		cmocka_unit_test(sums_medians_and_combinations),
	};

	return cmocka_run_group_tests_name("statistics", tests, NULL, NULL);
}
