/* SPDX-License-Identifier: GPL-2.0-only */
/* Numeric helpers for comparing runs (compare.h): pure functions of their arguments. */
#ifndef TUNESCOPE_STATISTICS_H
#define TUNESCOPE_STATISTICS_H

#include <stddef.h>

/* The share of a Student t distribution beyond -|t| and |t|; df > 0 need not be whole. */
double ts_student_two_sided(double t, double df);

/* The t >= 0 that leaves the share p (0 < p <= 1) beyond -t and t. */
double ts_student_critical(double p, double df);

/*
 * Holm's step-down correction: adjusted[i] >= p[i] is what p[i] is worth among count tests. order
 * is room for count numbers.
 */
void ts_holm(const double *p, size_t count, double *adjusted, size_t *order);

/*
 * Variance of an estimate from the estimates that leave out one block each (delete-one-block
 * jackknife). weight: the sizes of the blocks, which need not be equal. NAN with fewer than two
 * blocks or when an estimate is not finite.
 */
double ts_jackknife_variance(double estimate, const double *without, const double *weight,
			     size_t blocks);

double ts_mean(const double *value, size_t count);
/* Sum of the squared distances from the mean. */
double ts_squares(const double *value, size_t count);
/* Sorts value. NAN when there is none. */
double ts_median(double *value, size_t count);

/* Ways to choose k of n things; INFINITY when that is beyond a double. */
double ts_combinations(unsigned int n, unsigned int k);

#endif
