// SPDX-License-Identifier: GPL-2.0-only
/* What a baseline is worth: its own runs compared to each other. */
#include "compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "compare_judge.h"
#include "statistics.h"

#define SEED 0x9e3779b97f4a7c15ULL

/* The next choice in lexicographic order of places, which begins as 0…01…1. */
static bool next_choice(unsigned char *place, size_t runs)
{
	size_t i = runs - 1, k = runs - 1;

	while (i > 0 && place[i - 1] >= place[i])
		i--;
	if (!i)
		return false;
	while (place[k] <= place[i - 1])
		k--;
	place[i - 1] = TS_PLACE_CURRENT;
	place[k] = TS_PLACE_BASELINE;
	for (k = runs - 1; i < k; i++, k--) {
		unsigned char moved = place[i];

		place[i] = place[k];
		place[k] = moved;
	}
	return true;
}

static void shuffle(unsigned char *place, size_t runs, __u64 *state)
{
	for (size_t i = runs - 1; i > 0; i--) {
		unsigned char moved = place[i];
		size_t k;

		*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
		k = (size_t)((*state >> 33) % (i + 1));
		place[i] = place[k];
		place[k] = moved;
	}
}

static void compare_split(const struct ts_metric_table *table, const unsigned char *place,
			  double level, struct ts_judgement *judgement, struct ts_self_test *test)
{
	struct ts_judging judging = {.level = level, .may_decide = true, .brief = true};
	bool regressed = false, improved = false;

	ts_judge(table, place, &judging, judgement);
	for (size_t i = 0; i < table->metrics; i++) {
		regressed |= judgement[i].verdict == TS_VERDICT_REGRESSED;
		improved |= judgement[i].verdict == TS_VERDICT_IMPROVED;
	}
	test->splits++;
	test->regressed += regressed;
	test->improved += improved;
}

static void compare_splits(const struct ts_metric_table *table, double level, size_t maximum,
			   struct ts_judgement *judgement, struct ts_self_test *test)
{
	unsigned char *place = ts_arena_alloc(test->arena, table->runs);
	size_t half = table->runs / 2;
	bool all =
		ts_combinations((unsigned int)table->runs, (unsigned int)half) <= (double)maximum;
	__u64 state = SEED;

	for (size_t i = 0; i < table->runs; i++)
		place[i] = i < table->runs - half ? TS_PLACE_BASELINE : TS_PLACE_CURRENT;
	do {
		if (!all)
			shuffle(place, table->runs, &state);
		compare_split(table, place, level, judgement, test);
	} while (all ? next_choice(place, table->runs) : test->splits < maximum);
}

/* ---- the smallest change */

/* Spread between all the runs, as the test would see it. False when the metric is not testable. */
static bool measure(const struct ts_metric *metric, size_t runs, double *y, struct ts_judgement *j)
{
	double needed = metric->counts ? ts_metric_events_needed(metric->statistic) : 0;
	double within = 0;
	size_t count = 0;

	for (size_t i = 0; i < runs; i++) {
		if (isnan(metric->events[i]))
			continue;
		if (!(metric->value[i] > 0) || metric->events[i] < needed)
			return false;
		within += isfinite(metric->variance[i]) ? metric->variance[i]
							: ts_metric_prior(metric->statistic, 0);
		y[count++] = log(metric->value[i]);
	}
	if (count < TS_COMPARE_MINIMUM_RUNS)
		return false;
	j->runs[0] = count;
	j->squares = ts_squares(y, count) / ((double)count - 1);
	j->prior = ts_metric_prior(metric->statistic, within / (double)count);
	return true;
}

static struct ts_detectable detectable(const struct ts_metric *metric, const struct ts_judgement *j,
				       double usual, size_t tests, double level)
{
	struct ts_detectable found = {.family = metric->family, .statistic = metric->statistic};
	double runs = (double)j->runs[0], df, variance, error, least;

	variance = ts_moderate(j->squares, runs - 1, j->prior, fmax(j->prior, usual), &df);
	df += runs - 1; /* of the current runs */
	error = sqrt(variance * 2 / runs);
	least = fmax(error * ts_student_critical(level / (double)tests, df),
		     log1p(metric->allowed));
	memcpy(found.label, metric->label, sizeof found.label);
	found.spread = sqrt(variance);
	found.smallest = expm1(least + error * ts_student_critical(0.10, df));
	return found;
}

static int worst_first(const void *a, const void *b)
{
	const struct ts_detectable *x = a, *y = b;
	int order = 0;

	if (x->smallest != y->smallest)
		return x->smallest < y->smallest ? 1 : -1;
	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	for (size_t i = 0; i < TS_LABELS_MAX && !order; i++)
		order = strcmp(x->label[i], y->label[i]);
	return order ? order : (int)x->statistic - (int)y->statistic;
}

static void find_smallest(const struct ts_metric_table *table, double level, struct ts_judgement *j,
			  struct ts_self_test *test)
{
	double *y = ts_arena_alloc(test->arena, table->runs * sizeof *y);
	double *squares = ts_arena_alloc(test->arena, table->metrics * sizeof *squares), usual;

	for (size_t i = 0; i < table->metrics; i++) {
		j[i] = (struct ts_judgement){0};
		if (table->metric[i].direction == TS_DIRECTION_NEUTRAL)
			continue;
		j[i].eligible = measure(&table->metric[i], table->runs, y, &j[i]);
		if (j[i].eligible)
			squares[test->metrics++] = j[i].squares;
	}
	test->metric = ts_arena_alloc(test->arena, (test->metrics + 1) * sizeof *test->metric);
	usual = test->metrics ? ts_median(squares, test->metrics) : 0;
	for (size_t i = 0, n = 0; i < table->metrics; i++)
		if (j[i].eligible)
			test->metric[n++] =
				detectable(&table->metric[i], &j[i], usual, test->metrics, level);
	qsort(test->metric, test->metrics, sizeof *test->metric, worst_first);
}

struct ts_self_test *ts_compare_self_test(const struct ts_compare_side *baseline,
					  const struct ts_compare_options *options,
					  size_t maximum_splits)
{
	struct ts_arena *arena = ts_arena_new();
	struct ts_self_test *test = ts_arena_alloc(arena, sizeof *test);
	const struct ts_run_summary **run =
		ts_arena_alloc(arena, (baseline->runs + 1) * sizeof *run);
	struct ts_compare_options none = {0};
	struct ts_judgement *judgement;
	struct ts_metric_table *table;
	double level;

	if (!options)
		options = &none;
	level = options->level > 0 ? options->level : TS_COMPARE_LEVEL;
	test->arena = arena;
	for (size_t i = 0; i < baseline->runs; i++)
		if (ts_run_is_clean(baseline->run[i], options->foreign_max))
			run[test->runs++] = baseline->run[i];
	table = ts_metric_table_new(arena, run, test->runs, options);
	judgement = ts_arena_alloc(arena, (table->metrics + 1) * sizeof *judgement);
	if (test->runs >= 2 * TS_COMPARE_MINIMUM_RUNS && maximum_splits)
		compare_splits(table, level, maximum_splits, judgement, test);
	if (test->runs >= TS_COMPARE_MINIMUM_RUNS)
		find_smallest(table, level, judgement, test);
	return test;
}

void ts_self_test_free(struct ts_self_test *test)
{
	if (test)
		ts_arena_free(test->arena);
}
