// SPDX-License-Identifier: GPL-2.0-only
#include "run_diff.h"

#include <string.h>

#include "arena.h"

static void take_side(struct ts_diff *diff, int side, const struct ts_run_set *set,
		      enum ts_run_side which)
{
	size_t all = 0;

	diff->set[side] = set;
	diff->run[side] = ts_arena_alloc(diff->arena, (set->runs + 1) * sizeof *diff->run[side]);
	diff->runs[side] = ts_run_set_usable(set, which, diff->run[side]);
	for (size_t i = 0; i < set->runs; i++)
		all += which == TS_RUN_ALONE || set->run[i].facts.side == which;
	diff->left_out[side] = all - diff->runs[side];
}

/* Pairs are what was run next to each other: run i of both sides, and none of them is missing. */
static bool are_pairs(const struct ts_diff *diff)
{
	if (diff->runs[0] != diff->runs[1])
		return false;
	for (size_t i = 0; i < diff->runs[0]; i++)
		if (diff->run[0][i]->facts.number != diff->run[1][i]->facts.number)
			return false;
	return true;
}

static void compare(struct ts_diff *diff, const struct ts_compare_options *options)
{
	struct ts_compare_options paired = *options;
	struct ts_compare_side side[2];

	paired.paired = diff->paired;
	for (int k = 0; k < 2; k++) {
		const struct ts_run_summary **run =
			ts_arena_alloc(diff->arena, (diff->runs[k] + 1) * sizeof *run);

		for (size_t i = 0; i < diff->runs[k]; i++)
			run[i] = diff->run[k][i]->summary;
		side[k] = (struct ts_compare_side){run, diff->runs[k]};
	}
	diff->comparison = ts_compare(&side[0], &side[1], &paired);
}

struct ts_diff *ts_diff_make(const struct ts_run_set *baseline, const struct ts_run_set *current,
			     const struct ts_compare_options *options)
{
	struct ts_arena *arena = ts_arena_new();
	struct ts_diff *diff = ts_arena_alloc(arena, sizeof *diff);
	bool sides = baseline == current;

	diff->arena = arena;
	take_side(diff, 0, baseline, sides ? TS_RUN_BASELINE : TS_RUN_ALONE);
	take_side(diff, 1, current, sides ? TS_RUN_CURRENT : TS_RUN_ALONE);
	diff->paired = sides && are_pairs(diff);
	compare(diff, options);
	ts_diff_look_at_differences(diff);
	return diff;
}

void ts_diff_free(struct ts_diff *diff)
{
	if (!diff)
		return;
	ts_comparison_free(diff->comparison);
	ts_arena_free(diff->arena);
}

const char *ts_machine_class(struct ts_arena *arena, const struct ts_host *host)
{
	unsigned long long gib = 1;

	/* The next power of two: what the firmware and the kernel keep for themselves varies. */
	while (gib << 30 < host->memory_bytes && gib < 1ULL << 30)
		gib *= 2;
	return ts_arena_printf(arena, "%s-%ucpu-%llugib",
			       *host->machine ? host->machine : "unknown", host->cpus, gib);
}

static bool same_metric(const struct ts_change *a, const struct ts_change *b)
{
	if (a->family != b->family || a->statistic != b->statistic)
		return false;
	for (size_t i = 0; i < TS_LABELS_MAX; i++)
		if (strcmp(a->label[i], b->label[i]))
			return false;
	return true;
}

static bool regressed_in(const struct ts_comparison *comparison, const struct ts_change *change)
{
	for (size_t i = 0; i < comparison->changes; i++)
		if (comparison->change[i].verdict == TS_VERDICT_REGRESSED &&
		    same_metric(&comparison->change[i], change))
			return true;
	return false;
}

enum ts_verdict ts_diff_confirm(const struct ts_diff *first, const struct ts_diff *second,
				enum ts_severity *severity)
{
	const struct ts_comparison *again = second->comparison;

	*severity = TS_SEVERITY_NONE;
	for (size_t i = 0; i < again->changes; i++) {
		const struct ts_change *change = &again->change[i];

		if (change->verdict == TS_VERDICT_REGRESSED && change->severity > *severity &&
		    regressed_in(first->comparison, change))
			*severity = change->severity;
	}
	if (*severity != TS_SEVERITY_NONE)
		return TS_VERDICT_REGRESSED;
	return again->overall == TS_VERDICT_REGRESSED ? TS_VERDICT_INSUFFICIENT : again->overall;
}
