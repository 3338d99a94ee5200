// SPDX-License-Identifier: GPL-2.0-only
/* What runs of a command looked like to the kernel: a table of medians. */
#include "runs.h"

#include <math.h>
#include <string.h>

#include "page.h"
#include "../arena.h"
#include "../compare_judge.h"
#include "../statistics.h"

#define NAME_COLUMNS  44
#define VALUE_COLUMNS 12

/* In this order; of the rest, diff shows what differs, and dump everything. */
static const enum ts_family_id shown[] = {
	TS_FAMILY_COMMAND_TIME,		TS_FAMILY_TASK_CPU,	   TS_FAMILY_RUNQ_LATENCY,
	TS_FAMILY_ONCPU_TIME,		TS_FAMILY_OFFCPU_TIME,	   TS_FAMILY_CONTEXT_SWITCHES,
	TS_FAMILY_TASK_MIGRATIONS,	TS_FAMILY_COMMAND_IO,	   TS_FAMILY_BLOCK_LATENCY,
	TS_FAMILY_DIRTY_THROTTLE_PAUSE, TS_FAMILY_TCP_RETRANSMITS, TS_FAMILY_TCP_CONNECT_LATENCY,
};

struct table {
	struct ts_page page;
	const struct ts_run_set *set;
	const struct ts_run_summary **run;
	size_t runs;
	double *room;
};

/* The values of those runs that have one, sorted; their median. */
static double sorted(struct table *table, const struct ts_metric *metric, size_t *count)
{
	*count = 0;
	for (size_t i = 0; i < table->runs; i++)
		if (!isnan(metric->value[i]))
			table->room[(*count)++] = metric->value[i];
	return *count ? ts_median(table->room, *count) : NAN;
}

static void put_metric(struct table *table, const struct ts_metric *metric)
{
	const struct ts_page *page = &table->page;
	struct ts_arena *arena = page->arena;
	enum ts_family_id id = metric->family;
	double least = INFINITY, most = -INFINITY, median;
	size_t count;

	median = sorted(table, metric, &count);
	for (size_t i = 0; i < count; i++) {
		least = fmin(least, table->room[i]);
		most = fmax(most, table->room[i]);
	}
	if (!count || most <= 0)
		return;
	fprintf(page->out, "  %-*s %*s", NAME_COLUMNS,
		ts_page_safe(page, ts_metric_name(arena, id, metric->label, metric->statistic)),
		VALUE_COLUMNS, ts_metric_value(arena, id, metric->statistic, median));
	if (table->runs > 1)
		fprintf(page->out, "  %*s %*s", VALUE_COLUMNS,
			ts_metric_value(arena, id, metric->statistic, least), VALUE_COLUMNS,
			ts_metric_value(arena, id, metric->statistic, most));
	fputc('\n', page->out);
}

static void put_metrics(struct table *table)
{
	const struct ts_compare_options none = {0};
	struct ts_metric_table *metrics =
		ts_metric_table_new(table->page.arena, table->run, table->runs, &none);

	for (size_t k = 0; k < sizeof shown / sizeof shown[0]; k++)
		for (size_t i = 0; i < metrics->metrics; i++)
			if (metrics->metric[i].family == shown[k])
				put_metric(table, &metrics->metric[i]);
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
	if (table->runs > 1)
		fprintf(page->out, "  %-*s %*s  %*s %*s\n", NAME_COLUMNS, "", VALUE_COLUMNS,
			"median", VALUE_COLUMNS, "least", VALUE_COLUMNS, "most");
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
