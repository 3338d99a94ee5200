// SPDX-License-Identifier: GPL-2.0-only
/* What is not the same on both sides of a comparison, besides what was measured. */
#include "run_diff.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "settings.h"
#include "statistics.h"

#define VALUES_SHOWN   4
#define OWN_SHARE_TOLD 0.005 /* of a CPU: differences of own cost below are not worth a word */

/* The different values of the runs of a side, in order of appearance. */
struct values {
	const char *value[VALUES_SHOWN];
	size_t count;
	bool more;
};

static void add_value(struct values *values, const char *value)
{
	for (size_t i = 0; i < values->count; i++)
		if (!strcmp(values->value[i], value))
			return;
	if (values->count < VALUES_SHOWN)
		values->value[values->count++] = value;
	else
		values->more = true;
}

static bool has_value(const struct values *values, const char *value)
{
	for (size_t i = 0; i < values->count; i++)
		if (!strcmp(values->value[i], value))
			return true;
	return false;
}

static bool same_values(const struct values *a, const struct values *b)
{
	if (a->count != b->count || a->more != b->more)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!has_value(b, a->value[i]))
			return false;
	return true;
}

static const char *in_one_line(struct ts_arena *arena, const struct values *values)
{
	const char *line = "";

	for (size_t i = 0; i < values->count; i++)
		line = ts_arena_printf(arena, "%s%s%s", line, i ? ", " : "", values->value[i]);
	return values->more ? ts_arena_printf(arena, "%s, …", line) : line;
}

static void tell(struct ts_diff *diff, const char *what, const struct values *side, bool setting,
		 bool incomparable)
{
	struct ts_difference difference = {
		.what = what,
		.setting = setting,
		.incomparable = incomparable,
	};

	/* Of what one side knows nothing, nothing differs. */
	if (!side[0].count || !side[1].count || same_values(&side[0], &side[1]))
		return;
	for (int k = 0; k < 2; k++)
		difference.value[k] = in_one_line(diff->arena, &side[k]);
	diff->difference = ts_arena_grow(diff->arena, diff->difference, diff->differences,
					 &diff->capacity, sizeof *diff->difference);
	diff->difference[diff->differences++] = difference;
	diff->incomparable += incomparable;
}

/* ---- facts of a run */

typedef const char *fact_of_run(struct ts_arena *arena, const struct ts_run *run);

static const char *cpus(struct ts_arena *arena, const struct ts_run *run)
{
	return run->context->host.cpus ? ts_arena_printf(arena, "%u", run->context->host.cpus) : "";
}

static const char *machine(struct ts_arena *arena, const struct ts_run *run)
{
	return run->context->host.machine;
}

static const char *scope(struct ts_arena *arena, const struct ts_run *run)
{
	return !strcmp(run->facts.scope, "cmd") ? "the command's tasks" : "all of the host";
}

static const char *kernel(struct ts_arena *arena, const struct ts_run *run)
{
	return run->context->host.kernel;
}

static const char *host(struct ts_arena *arena, const struct ts_run *run)
{
	return run->context->host.hostname;
}

static const char *memory(struct ts_arena *arena, const struct ts_run *run)
{
	double gib = (double)run->context->host.memory_bytes / 0x1p30;

	return gib > 0 ? ts_arena_printf(arena, "%.1f GiB", gib) : "";
}

static const char *tool(struct ts_arena *arena, const struct ts_run *run)
{
	return run->context->host.tool_version;
}

static const char *command(struct ts_arena *arena, const struct ts_run *run)
{
	return run->facts.command;
}

static const struct {
	const char *what;
	fact_of_run *fact;
	bool incomparable;
} facts[] = {
	{"CPUs", cpus, true},
	{"machine", machine, true},
	{"scope", scope, true},
	{"kernel", kernel, false},
	{"memory", memory, false},
	{"host", host, false},
	{"tunescope's version", tool, false},
	{"command", command, false},
};

static void look_at_facts(struct ts_diff *diff)
{
	for (size_t f = 0; f < sizeof facts / sizeof facts[0]; f++) {
		struct values side[2] = {0};

		for (int k = 0; k < 2; k++)
			for (size_t i = 0; i < diff->runs[k]; i++) {
				const char *value = facts[f].fact(diff->arena, diff->run[k][i]);

				if (*value)
					add_value(&side[k], value);
			}
		tell(diff, facts[f].what, side, false, facts[f].incomparable);
	}
}

/* ---- layout of histograms */

static void add_scales(struct ts_arena *arena, const struct ts_run *run, enum ts_family_id family,
		       struct values *values)
{
	for (const struct ts_run_series *s = run->summary->series; s; s = s->next)
		if (s->family == family && s->histogram)
			add_value(values, ts_arena_printf(arena, "scale %u", s->histogram->scale));
}

static void look_at_layouts(struct ts_diff *diff)
{
	ts_for_each_family (id) {
		struct values side[2] = {0};

		if (ts_families[id].kind != TS_KIND_HISTOGRAM)
			continue;
		for (int k = 0; k < 2; k++)
			for (size_t i = 0; i < diff->runs[k]; i++)
				add_scales(diff->arena, diff->run[k][i], (enum ts_family_id)id,
					   &side[k]);
		tell(diff,
		     ts_arena_printf(diff->arena, "histogram layout of %s", ts_families[id].name),
		     side, false, true);
	}
}

/* ---- settings */

/* A namespace by what does not change from run to run; NULL: there is nothing of the kind. */
static const char *stable_scope(const struct ts_snapshot *context,
				const struct ts_setting_value *setting)
{
	for (size_t i = 0; i < context->netns_count; i++) {
		const struct ts_netns *netns = &context->netns[i];

		if (strcmp(netns->inode, setting->scope))
			continue;
		if (netns->initial)
			return "";
		return *netns->name ? netns->name : NULL;
	}
	return setting->scope;
}

static const char *setting_name(struct ts_diff *diff, const struct ts_run *run,
				const struct ts_setting_value *setting)
{
	const char *of = stable_scope(run->context, setting);
	const char *name = ts_settings[setting->id].name;

	if (!of)
		return NULL;
	return ts_arena_intern(diff->arena,
			       *of ? ts_arena_printf(diff->arena, "%s (%s)", name, of) : name);
}

/* All settings of all runs: by name the values on both sides. */
struct setting_values {
	const char *name;
	struct values side[2];
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct setting_values *)a)->name,
		      ((const struct setting_values *)b)->name);
}

static struct setting_values *find(struct setting_values *all, size_t count, const char *name,
				   size_t *hint)
{
	/* Names are interned, and nearly always come in the same order in each run. */
	for (size_t n = 0; n < count; n++) {
		size_t i = (*hint + n) % count;

		if (all[i].name == name) {
			*hint = i + 1;
			return &all[i];
		}
	}
	return NULL;
}

static void look_at_settings(struct ts_diff *diff)
{
	struct setting_values *all = NULL, *row;
	size_t count = 0, capacity = 0, hint = 0;

	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < diff->runs[k]; i++) {
			const struct ts_run *run = diff->run[k][i];

			for (size_t s = 0; s < run->context->settings; s++) {
				const struct ts_setting_value *v = &run->context->setting[s];
				const char *name = v->status == TS_STATUS_OK
							   ? setting_name(diff, run, v)
							   : NULL;

				if (!name)
					continue;
				row = find(all, count, name, &hint);
				if (!row) {
					all = ts_arena_grow(diff->arena, all, count, &capacity,
							    sizeof *all);
					row = &all[count++];
					*row = (struct setting_values){.name = name};
				}
				add_value(&row->side[k], v->value);
			}
		}
	if (count)
		qsort(all, count, sizeof *all, by_name);
	for (size_t i = 0; i < count; i++)
		tell(diff, all[i].name, all[i].side, true, false);
}

/* ---- own cost */

static double own_share(const struct ts_diff *diff, int side)
{
	double *share = ts_arena_alloc(diff->arena, (diff->runs[side] + 1) * sizeof *share);
	size_t count = 0;

	for (size_t i = 0; i < diff->runs[side]; i++) {
		const struct ts_run *run = diff->run[side][i];

		if (run->summary->seconds > 0)
			share[count++] = (double)run->own_cpu_ns / 1e9 / run->summary->seconds;
	}
	return count ? ts_median(share, count) : NAN;
}

static void look_at_own_cost(struct ts_diff *diff)
{
	double share[2] = {own_share(diff, 0), own_share(diff, 1)};
	struct values side[2] = {0};

	if (!(fabs(share[0] - share[1]) > OWN_SHARE_TOLD))
		return;
	for (int k = 0; k < 2; k++)
		add_value(&side[k],
			  ts_arena_printf(diff->arena, "%.1f %% of a CPU", 100 * share[k]));
	tell(diff, "tunescope's own cost", side, false, false);
}

void ts_diff_look_at_differences(struct ts_diff *diff)
{
	look_at_facts(diff);
	look_at_layouts(diff);
	look_at_settings(diff);
	look_at_own_cost(diff);
}
