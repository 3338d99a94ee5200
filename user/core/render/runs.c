// SPDX-License-Identifier: GPL-2.0-only
/* What runs of a command looked like to the kernel: a table of medians. */
#include "runs.h"

#include <math.h>
#include <string.h>

#include "page.h"
#include "../arena.h"
#include "../compare_judge.h"
#include "../statistics.h"

#define NAME_COLUMNS  40
#define VALUE_COLUMNS 10
#define LEAST_TAIL    5 /* a quantile is shown of a fifth of the events it takes to compare it */

/* In this order; of the rest, diff shows what differs, and dump everything. */
static const enum ts_family_id shown[] = {
	TS_FAMILY_COMMAND_TIME,		TS_FAMILY_TASK_CPU,	   TS_FAMILY_RUNQ_LATENCY,
	TS_FAMILY_ONCPU_TIME,		TS_FAMILY_OFFCPU_TIME,	   TS_FAMILY_CONTEXT_SWITCHES,
	TS_FAMILY_TASK_MIGRATIONS,	TS_FAMILY_COMMAND_IO,	   TS_FAMILY_BLOCK_LATENCY,
	TS_FAMILY_DIRTY_THROTTLE_PAUSE, TS_FAMILY_TCP_RETRANSMITS, TS_FAMILY_TCP_CONNECT_LATENCY,
	TS_FAMILY_TCP_SERVICE_TIME,
};

/* A statistic's column; a series has either a rate or a total. */
static const struct {
	const char *title;
	enum ts_statistic statistic, instead;
} columns[] = {
	{"p50", TS_STATISTIC_P50, TS_STATISTIC_P50},
	{"p95", TS_STATISTIC_P95, TS_STATISTIC_P95},
	{"p99", TS_STATISTIC_P99, TS_STATISTIC_P99},
	{"mean", TS_STATISTIC_MEAN, TS_STATISTIC_MEAN},
	{"all", TS_STATISTIC_RATE, TS_STATISTIC_TOTAL},
};
#define COLUMNS (sizeof columns / sizeof columns[0])

struct table {
	struct ts_page page;
	const struct ts_run_set *set;
	const struct ts_run_summary **run;
	size_t runs;
	double *room;
};

/* The median of those runs that have a value; *spread: between the least and the most, of it. */
static double median_of(struct table *table, const struct ts_metric *metric, double *spread)
{
	double events = 0, median;
	size_t count = 0;

	for (size_t i = 0; i < table->runs; i++) {
		if (!isnan(metric->events[i]))
			events += metric->events[i];
		if (!isnan(metric->value[i]))
			table->room[count++] = metric->value[i];
	}
	if (!count)
		return NAN;
	/* A tail of a handful of events is none. */
	if (metric->statistic < TS_STATISTIC_MEAN &&
	    events * LEAST_TAIL < ts_metric_events_needed(metric->statistic))
		return NAN;
	median = ts_median(table->room, count); /* sorts them */
	*spread = median > 0 ? (table->room[count - 1] - table->room[0]) / median : NAN;
	return median;
}

/* One row: the metrics of a series stand behind each other. */
static size_t put_series(struct table *table, const struct ts_metric *metric, size_t metrics)
{
	const struct ts_page *page = &table->page;
	const char *cell[COLUMNS] = {"", "", "", "", ""};
	double spread = NAN, most = 0;
	size_t count = 0;

	for (; count < metrics && metric[count].family == metric->family &&
	       metric[count].label == metric->label;
	     count++) {
		const struct ts_metric *m = &metric[count];

		for (size_t i = 0; i < COLUMNS; i++) {
			double value, this_spread = NAN;

			if (columns[i].statistic != m->statistic &&
			    columns[i].instead != m->statistic)
				continue;
			value = median_of(table, m, &this_spread);
			/* Of a histogram that of its mean. */
			if (isnan(spread) && m->statistic >= TS_STATISTIC_MEAN)
				spread = this_spread;
			most = fmax(most, isnan(value) ? 0 : value);
			cell[i] = ts_metric_value(page->arena, m->family, m->statistic, value);
		}
	}
	if (most <= 0)
		return count;
	fprintf(page->out, "  %-*s", NAME_COLUMNS,
		ts_page_safe(page, ts_metric_series(page->arena, metric->family, metric->label)));
	for (size_t i = 0; i < COLUMNS; i++)
		fprintf(page->out, " %*s", VALUE_COLUMNS, cell[i]);
	if (table->runs > 1 && !isnan(spread))
		fprintf(page->out, " %7.0f %%", 100 * spread);
	fputc('\n', page->out);
	return count;
}

static void put_metrics(struct table *table)
{
	const struct ts_compare_options none = {0};
	struct ts_metric_table *metrics =
		ts_metric_table_new(table->page.arena, table->run, table->runs, &none);

	for (size_t k = 0; k < sizeof shown / sizeof shown[0]; k++)
		for (size_t i = 0; i < metrics->metrics;)
			if (metrics->metric[i].family == shown[k])
				i += put_series(table, &metrics->metric[i], metrics->metrics - i);
			else
				i++;
}

static double mean_share(const struct table *table, size_t offset)
{
	double seconds = 0, capacity = 0;

	for (size_t i = 0; i < table->runs; i++) {
		seconds += *(const double *)((const char *)table->run[i] + offset);
		capacity += table->run[i]->capacity_seconds;
	}
	return capacity > 0 ? 100 * seconds / capacity : NAN;
}

/* Who else was on the CPUs. */
static void put_others(const struct table *table)
{
	const struct {
		const char *name;
		size_t offset;
	} rows[] = {
		{"other tasks", offsetof(struct ts_run_summary, foreign_seconds)},
		{"kernel threads", offsetof(struct ts_run_summary, kernel_seconds)},
		{"tunescope itself", offsetof(struct ts_run_summary, own_seconds)},
	};
	FILE *out = table->page.out;

	if (isnan(mean_share(table, rows[0].offset)))
		return;
	fputs("  beside it, of all CPU time:", out);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		fprintf(out, "%s %s %.2f %%", i ? "," : "", rows[i].name,
			mean_share(table, rows[i].offset));
	fputc('\n', out);
}

static void put_title(const struct table *table, const struct ts_run_facts *facts)
{
	const struct ts_page *page = &table->page;
	const char *scope =
		!strcmp(facts->scope, "cmd")
			? "the scheduler's signals are the command's, all others the host's"
			: "all signals are the host's";

	fprintf(page->out, "%zu run%s of: %s\n  (%s)\n", table->runs, table->runs == 1 ? "" : "s",
		ts_page_safe(page, facts->command), scope);
	fprintf(page->out, "  %-*s", NAME_COLUMNS, table->runs > 1 ? "(medians)" : "");
	for (size_t i = 0; i < COLUMNS; i++)
		fprintf(page->out, " %*s", VALUE_COLUMNS, columns[i].title);
	fputs(table->runs > 1 ? "    spread\n" : "\n", page->out);
}

static void put_side(struct table *table, enum ts_run_side side)
{
	const struct ts_run_set *set = table->set;
	const struct ts_run_facts *facts = NULL;

	table->runs = 0;
	for (size_t i = 0; i < set->runs; i++)
		if (set->run[i].facts.side == side) {
			facts = &set->run[i].facts;
			table->run[table->runs++] = set->run[i].summary;
		}
	if (!facts)
		return;
	put_title(table, facts);
	put_metrics(table);
	put_others(table);
}

void ts_render_runs(FILE *out, const struct ts_run_set *set,
		    const struct ts_render_options *options)
{
	struct ts_arena *arena = ts_arena_new();
	struct table table = {
		.page = {.out = out, .arena = arena, .options = options, .width = options->width},
		.set = set,
		.run = ts_arena_alloc(arena, (set->runs + 1) * sizeof *table.run),
		.room = ts_arena_alloc(arena, (set->runs + 1) * sizeof *table.room),
	};

	for (int side = TS_RUN_ALONE; side <= TS_RUN_CURRENT; side++)
		put_side(&table, (enum ts_run_side)side);
	ts_arena_free(arena);
}
