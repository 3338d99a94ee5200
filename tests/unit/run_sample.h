/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs for tests of comparisons. Either windows with log-normal latencies in the real histogram
 * layout, put through ts_run_summary_add; or, for simulations of many thousand comparisons,
 * finished summaries whose values are set.
 */
#ifndef TUNESCOPE_TEST_RUN_SAMPLE_H
#define TUNESCOPE_TEST_RUN_SAMPLE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../user/core/arena.h"
#include "../../user/core/compare.h"
#include "../../user/core/statistics.h"
#include "../histogram_reference.h"

/* ---- numbers at random */

static inline double random_share(uint64_t *seed)
{
	return ((double)(reference_random(seed) >> 11) + 0.5) / 9007199254740992.0;
}

static inline double random_normal(uint64_t *seed)
{
	double radius = sqrt(-2 * log(random_share(seed)));

	return radius * cos(2 * M_PI * random_share(seed));
}

/* Poisson; a normal distribution where nobody can tell the difference. */
static inline uint64_t random_count(uint64_t *seed, double mean)
{
	double product = 1, limit;
	uint64_t count = 0;

	if (mean > 50)
		return (uint64_t)fmax(0, round(mean + sqrt(mean) * random_normal(seed)));
	limit = exp(-mean);
	while ((product *= random_share(seed)) > limit)
		count++;
	return count;
}

/* ---- windows */

static inline struct ts_window sample_window(double seconds)
{
	struct ts_window window = {.seconds = seconds, .delta = ts_snapshot_new()};

	ts_for_each_family (id)
		ts_snapshot_family_status(window.delta, id, TS_STATUS_NO_DATA, "");
	return window;
}

/* About events values of a log-normal distribution, each bucket's number at random. */
static inline void sample_latencies(struct ts_histogram *histogram, uint64_t *seed, double median,
				    double sigma, double events)
{
	unsigned int slots = TS_HISTOGRAM_SLOTS(histogram->scale);
	double below = 0;

	for (unsigned int slot = 1; slot < slots; slot++) {
		double upper = ts_histogram_upper_bound(histogram->scale, histogram->unit, slot);
		double lower =
			ts_histogram_upper_bound(histogram->scale, histogram->unit, slot - 1);
		double up_to = isinf(upper) ? 1 : erfc(-log(upper / median) / sigma / M_SQRT2) / 2;
		uint64_t count;

		/* A value well inside the bucket; the mean gets the bucket's middle. */
		if ((up_to - below) * events < 1e-6) {
			below = up_to;
			continue;
		}
		count = random_count(seed, (up_to - below) * events);
		if (count && !isinf(upper))
			ts_histogram_add(histogram, (uint64_t)(sqrt(lower * upper) * 1e9), count);
		below = up_to;
	}
}

static inline struct ts_run_summary *clean_run(void)
{
	struct ts_run_summary *run = ts_run_summary_new();

	run->interference = (struct ts_interference){0.01, 0.0};
	return run;
}

/* A run of that many windows of a second with one counter that grows at random by rate. */
static inline struct ts_run_summary *counter_run(uint64_t *seed, enum ts_family_id family,
						 const char *const *labels, double rate,
						 size_t windows)
{
	struct ts_run_summary *run = clean_run();

	for (size_t i = 0; i < windows; i++) {
		struct ts_window window = sample_window(1);
		uint64_t count = random_count(seed, rate);

		if (count)
			ts_snapshot_counter(window.delta, family, labels, count);
		ts_run_summary_add(run, &window);
		ts_window_free(&window);
	}
	ts_run_summary_finish(run);
	return run;
}

/* Likewise with 1000 events of run-queue latency a window. */
static inline struct ts_run_summary *latency_run(uint64_t *seed, double median, unsigned int scale,
						 size_t windows)
{
	struct ts_run_summary *run = clean_run();

	for (size_t i = 0; i < windows; i++) {
		struct ts_window window = sample_window(0.25);

		sample_latencies(
			ts_snapshot_histogram(window.delta, TS_FAMILY_RUNQ_LATENCY, NULL, scale),
			seed, median, 1, 1000);
		ts_run_summary_add(run, &window);
		ts_window_free(&window);
	}
	ts_run_summary_finish(run);
	return run;
}

/* ---- summaries that are set: twelve metrics, four of each of three families */

#define SAMPLE_METRICS 12

static inline struct ts_run_summary *settable_run(void)
{
	struct ts_run_summary *run = clean_run();
	struct ts_window window = sample_window(10);

	ts_snapshot_histogram(window.delta, TS_FAMILY_RUNQ_LATENCY, NULL, 4);
	ts_snapshot_histogram(window.delta, TS_FAMILY_ONCPU_TIME, NULL, 4);
	ts_snapshot_histogram(window.delta, TS_FAMILY_OFFCPU_TIME, NULL, 4);
	ts_run_summary_add(run, &window);
	ts_run_summary_finish(run);
	ts_window_free(&window);
	return run;
}

/* y: ln of each metric; within: its variance within the run. */
static inline void set_run(struct ts_run_summary *run, const double *y, double within)
{
	size_t i = 0;

	for (struct ts_run_series *s = run->series; s; s = s->next, i++) {
		s->events = 1e6;
		s->present = 1;
		for (size_t k = 0; k < TS_STATISTIC_RATE; k++) {
			s->value[k] = exp(y[i * 4 + k]);
			s->variance[k] = within;
		}
		s->value[TS_STATISTIC_RATE] = 1000;
		s->variance[TS_STATISTIC_RATE] = within;
	}
}

static inline void free_runs(struct ts_run_summary **run, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ts_run_summary_free(run[i]);
}

static inline const struct ts_change *change_of(const struct ts_comparison *comparison,
						enum ts_family_id family,
						enum ts_statistic statistic)
{
	for (size_t i = 0; i < comparison->changes; i++)
		if (comparison->change[i].family == family &&
		    comparison->change[i].statistic == statistic)
			return &comparison->change[i];
	fail_msg("no %s of %s", ts_statistic_name(statistic), ts_families[family].name);
	return NULL;
}

static inline struct ts_comparison *compare_runs(struct ts_run_summary **baseline, size_t b,
						 struct ts_run_summary **current, size_t c,
						 const struct ts_compare_options *options)
{
	struct ts_compare_side side[2] = {
		{(const struct ts_run_summary *const *)baseline, b},
		{(const struct ts_run_summary *const *)current, c},
	};

	return ts_compare(&side[0], &side[1], options);
}

#endif
