/* SPDX-License-Identifier: GPL-2.0-only */
/* Two sets of runs compared: which metrics changed, and what else is not the same. */
#ifndef TUNESCOPE_RUN_DIFF_H
#define TUNESCOPE_RUN_DIFF_H

#include "compare.h"
#include "run_set.h"

/* Something that is not the same on both sides, besides what was measured. */
struct ts_difference {
	const char *what; /* "kernel", "kernel.sched_autogroup_enabled" */
	const char
		*value[2]; /* baseline, current; several, separated by commas, when runs differ */
	bool setting;
	bool incomparable; /* measured values cannot be compared because of it */
};

struct ts_diff {
	struct ts_arena *arena;
	const struct ts_run_set *set[2];
	const struct ts_run **run[2]; /* those that are compared */
	size_t runs[2], left_out[2];  /* the latter were cut short, or failed */
	bool paired;
	struct ts_difference *difference; /* incomparable ones first */
	size_t differences, capacity;
	size_t incomparable;
	struct ts_comparison *comparison;
};

/*
 * Never NULL. The same set twice: its sides, in pairs as they were run. What stands in the sets
 * must stay for as long as the result is used.
 */
struct ts_diff *ts_diff_make(const struct ts_run_set *baseline, const struct ts_run_set *current,
			     const struct ts_compare_options *options);
void ts_diff_free(struct ts_diff *diff); /* NULL is fine */

/* "x86_64-2cpu-32gib": machines whose baselines are kept together. */
const char *ts_machine_class(struct ts_arena *arena, const struct ts_host *host);

/* For ts_diff_make. */
void ts_diff_look_at_differences(struct ts_diff *diff);

/*
 * What is left of a verdict when all was run once more: a regression stands when the same metric
 * regressed again; otherwise, what the second comparison says, and INSUFFICIENT when that regressed
 * elsewhere. *severity: of the regressions that stand.
 */
enum ts_verdict ts_diff_confirm(const struct ts_diff *first, const struct ts_diff *second,
				enum ts_severity *severity);

#endif
