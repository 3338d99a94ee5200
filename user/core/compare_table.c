// SPDX-License-Identifier: GPL-2.0-only
/* The metrics of some runs as a table: a row for each statistic of each series of any of them. */
#include "compare_judge.h"

#include <math.h>

#include "arena.h"

#define COARSEST_COMPARED 3 /* scale: below it a bucket is wider than the change that matters */

static void apply_budget(struct ts_metric *metric, const struct ts_compare_options *options)
{
	for (size_t i = 0; i < options->budgets; i++) {
		const struct ts_budget *budget = &options->budget[i];

		if (budget->family != metric->family ||
		    (budget->statistic >= 0 && budget->statistic != (int)metric->statistic))
			continue;
		metric->allowed = budget->allowed;
		if (budget->direction != TS_DIRECTION_SKIP)
			metric->direction = budget->direction;
	}
}

static double *column(struct ts_metric_table *table)
{
	double *value = ts_arena_alloc(table->arena, table->runs * sizeof *value);

	for (size_t i = 0; i < table->runs; i++)
		value[i] = NAN;
	return value;
}

/* The coarsest scale that any run has a series' histogram at. */
static unsigned int common_scale(const struct ts_run_series *const *series, size_t runs)
{
	unsigned int scale = TS_HISTOGRAM_SCALE_GLOBAL;

	for (size_t i = 0; i < runs; i++)
		if (series[i] && series[i]->histogram && series[i]->histogram->scale < scale)
			scale = series[i]->histogram->scale;
	return scale;
}

static double value_at_scale(struct ts_arena *arena, const struct ts_run_series *series,
			     enum ts_statistic statistic, unsigned int scale)
{
	struct ts_histogram *coarser;

	if (!series->histogram || series->histogram->scale == scale ||
	    statistic >= TS_STATISTIC_MEAN)
		return series->value[statistic];
	if (scale < COARSEST_COMPARED)
		return NAN;
	coarser = ts_histogram_new(arena, scale, series->histogram->unit);
	ts_histogram_merge(coarser, series->histogram);
	return ts_statistic_of(coarser, statistic, 1);
}

static void fill(struct ts_metric_table *table, struct ts_metric *metric,
		 const struct ts_run_series *const *series)
{
	unsigned int scale = common_scale(series, table->runs);

	metric->value = column(table);
	metric->variance = column(table);
	metric->events = column(table);
	metric->present = column(table);
	metric->seconds = column(table);
	for (size_t i = 0; i < table->runs; i++) {
		metric->seconds[i] = table->run[i]->family_seconds[metric->family];
		if (!(metric->seconds[i] > 0))
			continue;
		metric->events[i] = metric->present[i] = 0;
		if (metric->statistic >= TS_STATISTIC_RATE)
			metric->value[i] = 0;
		if (!series[i])
			continue;
		metric->value[i] =
			value_at_scale(table->arena, series[i], metric->statistic, scale);
		metric->variance[i] = series[i]->variance[metric->statistic];
		metric->events[i] = series[i]->events;
		metric->present[i] = series[i]->present;
	}
}

static enum ts_direction direction_of(const struct ts_run_series *series,
				      enum ts_statistic statistic)
{
	if (statistic == TS_STATISTIC_RATE)
		return ts_direction_of_rate(series->family, series->label);
	if (statistic == TS_STATISTIC_TOTAL)
		return ts_direction_of_total(series->family, series->label);
	return ts_direction_of_values(series->family);
}

static void add_series(struct ts_metric_table *table, const struct ts_run_series *first,
		       const struct ts_run_series *const *series,
		       const struct ts_compare_options *options)
{
	const struct ts_family *family = &ts_families[first->family];

	for (int k = 0; k < TS_STATISTIC_COUNT; k++) {
		struct ts_metric metric = {
			.family = first->family,
			.label = first->label,
			.statistic = k,
			.allowed = TS_COMPARE_ALLOWED,
			.counts =
				family->kind == TS_KIND_HISTOGRAM || family->unit == TS_UNIT_COUNT,
			.direction = direction_of(first, k),
		};

		if (metric.direction == TS_DIRECTION_SKIP)
			continue;
		apply_budget(&metric, options);
		fill(table, &metric, series);
		table->metric = ts_arena_grow(table->arena, table->metric, table->metrics,
					      &table->capacity, sizeof *table->metric);
		table->metric[table->metrics++] = metric;
	}
}

struct ts_metric_table *ts_metric_table_new(struct ts_arena *arena,
					    const struct ts_run_summary *const *run, size_t runs,
					    const struct ts_compare_options *options)
{
	struct ts_metric_table *table = ts_arena_alloc(arena, sizeof *table);
	const struct ts_run_series **series;

	table->arena = arena;
	table->runs = runs;
	table->run = ts_arena_alloc(arena, runs * sizeof *table->run);
	series = ts_arena_alloc(arena, runs * sizeof *series);
	for (size_t i = 0; i < runs; i++)
		table->run[i] = run[i];
	for (size_t i = 0; i < runs; i++)
		for (const struct ts_run_series *s = run[i]->series; s; s = s->next) {
			bool seen = false;

			for (size_t k = 0; k < i && !seen; k++)
				seen = ts_run_summary_find(run[k], s->family, s->label);
			for (size_t k = 0; k < runs && !seen; k++)
				series[k] = ts_run_summary_find(run[k], s->family, s->label);
			if (!seen)
				add_series(table, s, series, options);
		}
	return table;
}
