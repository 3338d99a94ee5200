// SPDX-License-Identifier: GPL-2.0-only
#include "statistics.h"

#include <math.h>
#include <stdlib.h>

#define FRACTION_STEPS	 1000
#define FRACTION_ENOUGH	 1e-15
#define SMALLEST_DIVISOR 1e-300
#define NEWTON_STEPS	 200
#define NEWTON_ENOUGH	 1e-12
#define NEWTON_STRIDE	 1.0 /* in the logarithm: the tail must not vanish on the way */

static double not_zero(double x)
{
	return fabs(x) < SMALLEST_DIVISOR ? SMALLEST_DIVISOR : x;
}

/*
 * The continued fraction of the incomplete beta function (DLMF 8.17.22), evaluated from the front
 * as a product of ratios of successive convergents (modified Lentz).
 */
static double beta_fraction(double x, double a, double b)
{
	double numerator = 1, denominator = 1 / not_zero(1 - (a + b) * x / (a + 1));
	double value = denominator;

	for (int m = 1; m < FRACTION_STEPS; m++) {
		double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		double step;

		denominator = 1 / not_zero(1 + even * denominator);
		numerator = not_zero(1 + even / numerator);
		value *= numerator * denominator;
		denominator = 1 / not_zero(1 + odd * denominator);
		numerator = not_zero(1 + odd / numerator);
		step = numerator * denominator;
		value *= step;
		if (fabs(step - 1) < FRACTION_ENOUGH)
			break;
	}
	return value;
}

static double log_gamma(double x)
{
	int sign;

	return lgamma_r(x, &sign);
}

/* The regularized incomplete beta function; y = 1 - x, given apart because it may be tiny. */
static double beta_share(double x, double y, double a, double b)
{
	double front;

	if (x <= 0)
		return 0;
	if (y <= 0)
		return 1;
	front = exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log(y));
	/* The fraction converges quickly on the side of x below the distribution's middle. */
	if (x < (a + 1) / (a + b + 2))
		return front * beta_fraction(x, a, b) / a;
	return 1 - front * beta_fraction(y, b, a) / b;
}

double ts_student_two_sided(double t, double df)
{
	double square = t * t;

	if (isnan(t) || isnan(df) || df <= 0)
		return NAN;
	if (isinf(square))
		return 0;
	return beta_share(df / (df + square), square / (df + square), df / 2, 0.5);
}

static double log_density(double t, double df)
{
	return log_gamma((df + 1) / 2) - log_gamma(df / 2) - log(df * M_PI) / 2 -
	       (df + 1) / 2 * log1p(t * t / df);
}

/*
 * Newton's method on the logarithms of both sides: the logarithm of the tail is concave in that of
 * t, so that from the second step on it comes down to the solution without passing it.
 */
double ts_student_critical(double p, double df)
{
	double t = 1;

	if (isnan(p) || p <= 0)
		return INFINITY;
	if (p >= 1)
		return 0;
	for (int i = 0; i < NEWTON_STEPS; i++) {
		double tail = ts_student_two_sided(t, df);
		double slope = 2 * t * exp(log_density(t, df)) / tail;
		double step = log(tail / p) / slope;

		t *= exp(fmin(fmax(step, -NEWTON_STRIDE), NEWTON_STRIDE));
		if (fabs(step) < NEWTON_ENOUGH)
			break;
	}
	return t;
}

static int by_value(const void *a, const void *b, void *values)
{
	const double *value = values;
	size_t i = *(const size_t *)a, k = *(const size_t *)b;

	if (value[i] != value[k])
		return value[i] < value[k] ? -1 : 1;
	return i < k ? -1 : 1;
}

void ts_holm(const double *p, size_t count, double *adjusted, size_t *order)
{
	double largest = 0;

	for (size_t i = 0; i < count; i++)
		order[i] = i;
	qsort_r(order, count, sizeof *order, by_value, (void *)p);
	for (size_t i = 0; i < count; i++) {
		double corrected = p[order[i]] * (double)(count - i);

		if (corrected > largest)
			largest = corrected;
		adjusted[order[i]] = fmin(largest, 1);
	}
}

double ts_jackknife_variance(double estimate, const double *without, const double *weight,
			     size_t blocks)
{
	double total = 0, centre = 0, variance = 0;

	if (blocks < 2)
		return NAN;
	for (size_t i = 0; i < blocks; i++)
		total += weight[i];
	for (size_t i = 0; i < blocks; i++)
		centre += estimate - (1 - weight[i] / total) * without[i];
	for (size_t i = 0; i < blocks; i++) {
		double ratio = total / weight[i];
		double pseudo = ratio * estimate - (ratio - 1) * without[i];

		variance += (pseudo - centre) * (pseudo - centre) / (ratio - 1);
	}
	variance /= (double)blocks;
	return isfinite(variance) ? variance : NAN;
}

double ts_mean(const double *value, size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += value[i];
	return sum / (double)count;
}

double ts_squares(const double *value, size_t count)
{
	double mean = ts_mean(value, count), sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += (value[i] - mean) * (value[i] - mean);
	return count ? sum : 0;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double ts_median(double *value, size_t count)
{
	if (!count)
		return NAN;
	qsort(value, count, sizeof *value, ascending);
	return (value[(count - 1) / 2] + value[count / 2]) / 2;
}

double ts_combinations(unsigned int n, unsigned int k)
{
	double ways = 1;

	if (k > n)
		return 0;
	for (unsigned int i = 1; i <= k; i++)
		ways = ways * (n - k + i) / i;
	return ways;
}
