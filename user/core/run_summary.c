// SPDX-License-Identifier: GPL-2.0-only
#include "run_summary.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "compare_families.h"
#include "statistics.h"

#define NS_PER_SECOND 1e9
#define CPU_MODE      1 /* label of cpu_seconds */

const char *ts_statistic_name(enum ts_statistic statistic)
{
	static const char *const names[] = {"p50", "p95", "p99", "mean", "rate", "total"};

	return names[statistic];
}

double ts_statistic_of(const struct ts_histogram *histogram, enum ts_statistic statistic,
		       double seconds)
{
	static const double quantile[] = {0.50, 0.95, 0.99};
	double value;

	if (statistic == TS_STATISTIC_TOTAL)
		return NAN;
	if (statistic == TS_STATISTIC_RATE)
		value = (double)histogram->count / seconds;
	else if (!histogram->count)
		return NAN;
	else if (statistic == TS_STATISTIC_MEAN)
		value = ts_histogram_mean(histogram);
	else
		value = ts_histogram_quantile(histogram, quantile[statistic]);
	return isfinite(value) ? value : NAN;
}

struct ts_run_summary *ts_run_summary_new(void)
{
	struct ts_arena *arena = ts_arena_new();
	struct ts_run_summary *run = ts_arena_alloc(arena, sizeof *run);

	run->arena = arena;
	run->work = ts_arena_new();
	run->last = &run->series;
	run->block_windows = TS_RUN_BLOCK_WINDOWS;
	run->interference = (struct ts_interference){NAN, NAN};
	ts_for_each_family (id)
		run->why[id] = "";
	return run;
}

void ts_run_summary_free(struct ts_run_summary *run)
{
	if (!run)
		return;
	ts_arena_free(run->work);
	ts_arena_free(run->arena);
}

/* ---- series */

static unsigned int bucket_of(enum ts_family_id family, const char *const *label)
{
	__u32 hash = 2166136261u ^ (__u32)family; /* FNV-1a */

	for (size_t i = 0; i < TS_LABELS_MAX; i++) {
		for (const char *c = label[i]; *c; c++)
			hash = (hash ^ (unsigned char)*c) * 16777619u;
		hash = (hash ^ 0xff) * 16777619u;
	}
	return hash % TS_RUN_BUCKETS;
}

const struct ts_run_series *ts_run_summary_find(const struct ts_run_summary *run,
						enum ts_family_id family, const char *const *label)
{
	const struct ts_run_series *series = run->hash[bucket_of(family, label)];

	for (; series; series = series->hash_next) {
		size_t same = 0;

		if (series->family != family)
			continue;
		while (same < TS_LABELS_MAX && !strcmp(series->label[same], label[same]))
			same++;
		if (same == TS_LABELS_MAX)
			return series;
	}
	return NULL;
}

static struct ts_run_series *series_for(struct ts_run_summary *run, enum ts_family_id family,
					const char *const *label)
{
	struct ts_run_series *series =
		(struct ts_run_series *)ts_run_summary_find(run, family, label);
	struct ts_run_series **bucket;

	if (series)
		return series;
	series = ts_arena_alloc(run->arena, sizeof *series);
	series->family = family;
	for (size_t i = 0; i < TS_LABELS_MAX; i++)
		series->label[i] = ts_arena_intern(run->arena, label[i]);
	series->block = ts_arena_alloc(run->work, TS_RUN_BLOCKS * sizeof *series->block);
	bucket = &run->hash[bucket_of(family, label)];
	series->hash_next = *bucket;
	*bucket = series;
	*run->last = series;
	run->last = &series->next;
	run->series_count++;
	return series;
}

/* What the kernel chooses from when a program does not ask for a port of its own. */
struct ports {
	unsigned long first, last;
};

static struct ports chosen_ports(const struct ts_window *window)
{
	struct ports kernel_default = {32768, 60999};

	/* Of the initial namespace: few give another one a range of its own. */
	for (size_t i = 0; i < window->delta->netns_count; i++) {
		const struct ts_netns *netns = &window->delta->netns[i];
		const enum ts_setting_id id = TS_SETTING_IP_LOCAL_PORT_RANGE;

		if (netns->initial)
			return (struct ports){
				(unsigned long)ts_window_setting_number(window, id, netns->inode, 0,
									kernel_default.first),
				(unsigned long)ts_window_setting_number(window, id, netns->inode, 1,
									kernel_default.last),
			};
	}
	return kernel_default;
}

static const char *stable_netns(const struct ts_window *window, const char *inode)
{
	const struct ts_netns *netns = ts_window_netns(window, inode);

	if (!netns)
		return strcmp(inode, "other") ? "unnamed" : inode;
	if (netns->initial)
		return "initial";
	if (*netns->name)
		return netns->name;
	return *netns->comm ? netns->comm : "unnamed";
}

/*
 * A test's server binds to port 0 as often as not: such ports differ in each run, and only all of
 * them together can be compared.
 */
static const char *stable_port(const struct ports *chosen, const char *port)
{
	char *end;
	unsigned long number = strtoul(port, &end, 10);

	if (end == port || *end || number < chosen->first || number > chosen->last)
		return port;
	return "ephemeral";
}

static void stable_labels(const struct ts_window *window, const struct ports *chosen,
			  enum ts_family_id id, const struct ts_series *from, const char **label)
{
	for (size_t i = 0; i < TS_LABELS_MAX; i++) {
		const char *key = i < ts_families[id].labels ? ts_families[id].label_key[i] : "";

		label[i] = from->label[i];
		if (ts_compare_merges_label(id, i))
			label[i] = "";
		else if (!strcmp(key, "netns"))
			label[i] = stable_netns(window, from->label[i]);
		else if (!strcmp(key, "port"))
			label[i] = stable_port(chosen, from->label[i]);
	}
}

/* ---- blocks */

/* *into += from, at the coarser of their scales. */
static void add_histogram(struct ts_arena *arena, struct ts_histogram **into,
			  const struct ts_histogram *from)
{
	struct ts_histogram *coarser;

	if (!*into || (*into)->scale > from->scale) {
		coarser = ts_histogram_new(arena, from->scale, from->unit);
		if (*into)
			ts_histogram_merge(coarser, *into);
		*into = coarser;
	}
	ts_histogram_merge(*into, from);
}

static void clear_histogram(struct ts_histogram *histogram)
{
	struct ts_histogram empty = {.scale = histogram->scale, .unit = histogram->unit};

	memset(histogram->slot, 0,
	       TS_HISTOGRAM_SLOTS(histogram->scale) * sizeof histogram->slot[0]);
	memcpy(histogram, &empty, sizeof empty);
}

static void join_blocks(struct ts_run_summary *run, struct ts_run_block *block)
{
	for (size_t i = 1; i < TS_RUN_BLOCKS; i++) {
		struct ts_run_block *into = &block[i / 2], *from = &block[i];

		if (i % 2 == 0) {
			/* Trade places, so that the emptied one stays at hand for later blocks. */
			struct ts_run_block moved = *from;

			*from = *into;
			*into = moved;
			continue;
		}
		into->counter += from->counter;
		from->counter = 0;
		if (!from->histogram)
			continue;
		add_histogram(run->work, &into->histogram, from->histogram);
		clear_histogram(from->histogram);
	}
}

static void halve_blocks(struct ts_run_summary *run)
{
	for (struct ts_run_series *s = run->series; s; s = s->next)
		join_blocks(run, s->block);
	ts_for_each_family (id) {
		double *seconds = run->block_seconds[id];

		for (size_t i = 0; i < TS_RUN_BLOCKS / 2; i++)
			seconds[i] = seconds[2 * i] + seconds[2 * i + 1];
		memset(seconds + TS_RUN_BLOCKS / 2, 0, TS_RUN_BLOCKS / 2 * sizeof *seconds);
	}
	run->blocks = TS_RUN_BLOCKS / 2;
	run->block_windows *= 2;
}

/* The block that the next window belongs to. */
static size_t next_block(struct ts_run_summary *run)
{
	if (!run->blocks || run->in_block == run->block_windows) {
		if (run->blocks == TS_RUN_BLOCKS)
			halve_blocks(run);
		run->blocks++;
		run->in_block = 0;
	}
	run->in_block++;
	return run->blocks - 1;
}

static bool compared(enum ts_family_id id)
{
	return ts_families[id].kind == TS_KIND_COUNTER || ts_families[id].kind == TS_KIND_HISTOGRAM;
}

static void add_series(struct ts_run_summary *run, const struct ts_window *window,
		       const struct ports *chosen, enum ts_family_id id,
		       const struct ts_series *from, size_t block)
{
	const char *label[TS_LABELS_MAX];
	struct ts_run_series *series;

	stable_labels(window, chosen, id, from, label);
	if (ts_direction_of_rate(id, label) == TS_DIRECTION_SKIP &&
	    ts_direction_of_total(id, label) == TS_DIRECTION_SKIP &&
	    ts_direction_of_values(id) == TS_DIRECTION_SKIP)
		return;
	series = series_for(run, id, label);
	if (ts_families[id].kind == TS_KIND_HISTOGRAM)
		add_histogram(run->work, &series->block[block].histogram, from->histogram);
	else
		series->block[block].counter +=
			(double)from->counter /
			(ts_families[id].unit == TS_UNIT_SECONDS ? NS_PER_SECOND : 1);
}

static void add_steal(struct ts_run_summary *run, const struct ts_window *window)
{
	ts_for_each_series (s, window, TS_FAMILY_CPU_TIME) {
		double seconds = (double)s->counter / NS_PER_SECOND;

		run->cpu_seconds += seconds;
		if (!strcmp(s->label[CPU_MODE], "steal"))
			run->steal_seconds += seconds;
	}
}

static void add_whose(struct ts_run_summary *run, const struct ts_window *window)
{
	const struct {
		const char *who;
		double *seconds;
	} parts[] = {
		{"other", &run->foreign_seconds},
		{"kernel", &run->kernel_seconds},
		{"tunescope", &run->own_seconds},
	};

	if (!ts_status_measured(ts_window_status(window, TS_FAMILY_TASK_CPU)) ||
	    !window->delta->host.cpus || !window->delta->family[TS_FAMILY_TASK_CPU].count)
		return;
	run->capacity_seconds += window->seconds * window->delta->host.cpus;
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		*parts[i].seconds +=
			ts_window_seconds(window, TS_FAMILY_TASK_CPU, TS_LABELS(parts[i].who));
}

void ts_run_summary_add(struct ts_run_summary *run, const struct ts_window *window)
{
	const struct ports chosen = chosen_ports(window);
	size_t block = next_block(run);

	assert(!run->finished);
	run->windows++;
	run->seconds += window->seconds;
	ts_for_each_family (id) {
		enum ts_status status = ts_window_status(window, id);

		if (!compared(id))
			continue;
		if (!ts_status_measured(status)) {
			run->why[id] = ts_arena_intern(run->arena, ts_window_why(window, id));
			continue;
		}
		run->family_seconds[id] += window->seconds;
		run->block_seconds[id][block] += window->seconds;
		ts_for_each_series (s, window, id)
			add_series(run, window, &chosen, id, s, block);
	}
	add_steal(run, window);
	add_whose(run, window);
}

/* ---- finishing */

/* A last block that is too short goes to the one before it. */
static void close_last_block(struct ts_run_summary *run)
{
	size_t last = run->blocks - 1;

	if (run->blocks < 2 || run->in_block >= TS_RUN_BLOCK_WINDOWS)
		return;
	for (struct ts_run_series *s = run->series; s; s = s->next) {
		s->block[last - 1].counter += s->block[last].counter;
		if (s->block[last].histogram)
			add_histogram(run->work, &s->block[last - 1].histogram,
				      s->block[last].histogram);
	}
	ts_for_each_family (id)
		run->block_seconds[id][last - 1] += run->block_seconds[id][last];
	run->blocks--;
}

/* whole less one block: what the jackknife asks. The maximum stays the whole's. */
static void take_away(struct ts_histogram *rest, const struct ts_histogram *whole,
		      const struct ts_histogram *block)
{
	unsigned int slots = TS_HISTOGRAM_SLOTS(whole->scale);

	memcpy(rest, whole, sizeof *whole + slots * sizeof whole->slot[0]);
	if (!block)
		return;
	for (unsigned int i = 0; i < slots; i++)
		rest->slot[i] -= block->slot[i];
	rest->count -= block->count;
	rest->sum -= block->sum;
}

/* All blocks of a series at one scale, and the whole. */
static void sum_blocks(struct ts_run_summary *run, struct ts_run_series *series)
{
	size_t present = 0;

	for (size_t i = 0; i < run->blocks; i++) {
		struct ts_run_block *block = &series->block[i];

		if (block->histogram) {
			add_histogram(run->arena, &series->histogram, block->histogram);
			present += block->histogram->count > 0;
		}
		series->events += block->counter;
		present += block->counter > 0;
	}
	for (size_t i = 0; series->histogram && i < run->blocks; i++) {
		struct ts_histogram **block = &series->block[i].histogram, *coarser;

		if (!*block || (*block)->scale == series->histogram->scale)
			continue;
		coarser = ts_histogram_new(run->work, series->histogram->scale,
					   series->histogram->unit);
		ts_histogram_merge(coarser, *block);
		*block = coarser;
	}
	if (series->histogram)
		series->events = (double)series->histogram->count;
	series->present = run->blocks ? (double)present / (double)run->blocks : 0;
}

struct without {
	double value[TS_STATISTIC_COUNT][TS_RUN_BLOCKS];
	double weight[TS_RUN_BLOCKS];
	size_t blocks;
};

/* The statistics without each of the blocks in which the family was measured. */
static void leave_out(struct ts_run_summary *run, struct ts_run_series *series,
		      struct ts_histogram *rest, struct without *without)
{
	double total = run->family_seconds[series->family];

	without->blocks = 0;
	for (size_t i = 0; i < run->blocks; i++) {
		double seconds = run->block_seconds[series->family][i];
		size_t n = without->blocks;

		if (!(seconds > 0))
			continue;
		without->weight[n] = seconds;
		if (rest)
			take_away(rest, series->histogram, series->block[i].histogram);
		for (int k = 0; rest && k < TS_STATISTIC_COUNT; k++)
			without->value[k][n] = log(ts_statistic_of(rest, k, total - seconds));
		if (!rest)
			without->value[TS_STATISTIC_RATE][n] = log(
				(series->events - series->block[i].counter) / (total - seconds));
		without->blocks++;
	}
}

static void finish_series(struct ts_run_summary *run, struct ts_run_series *series)
{
	double seconds = run->family_seconds[series->family];
	bool is_histogram = ts_families[series->family].kind == TS_KIND_HISTOGRAM;
	struct ts_histogram *rest = NULL;
	struct without without;

	sum_blocks(run, series);
	if (series->histogram)
		rest = ts_histogram_new(run->work, series->histogram->scale,
					series->histogram->unit);
	leave_out(run, series, rest, &without);
	for (int k = 0; k < TS_STATISTIC_COUNT; k++) {
		series->value[k] = series->variance[k] = NAN;
		if (is_histogram && series->histogram)
			series->value[k] = ts_statistic_of(series->histogram, k, seconds);
		else if (!is_histogram && k == TS_STATISTIC_RATE)
			series->value[k] = series->events / seconds;
		else if (!is_histogram && k == TS_STATISTIC_TOTAL)
			series->value[k] = series->events;
		/* A total was measured as it is: nothing in it is a sample. */
		if (k == TS_STATISTIC_TOTAL)
			series->variance[k] = 0;
		else if (series->value[k] > 0)
			series->variance[k] =
				ts_jackknife_variance(log(series->value[k]), without.value[k],
						      without.weight, without.blocks);
	}
	series->block = NULL;
}

void ts_run_summary_finish(struct ts_run_summary *run)
{
	if (run->finished)
		return;
	close_last_block(run);
	for (struct ts_run_series *s = run->series; s; s = s->next)
		finish_series(run, s);
	if (run->cpu_seconds > 0 && isnan(run->interference.steal))
		run->interference.steal = run->steal_seconds / run->cpu_seconds;
	if (run->capacity_seconds > 0 && isnan(run->interference.foreign))
		/* Of a run of milliseconds, what was read a moment too late can be more. */
		run->interference.foreign = fmin(1, run->foreign_seconds / run->capacity_seconds);
	ts_arena_free(run->work);
	run->work = NULL;
	run->finished = true;
}
