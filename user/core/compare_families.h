/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a change of each family means when runs are compared: the one place where it is decided.
 *
 * More waiting, more errors, longer latencies are worse. How much work was done (context switches,
 * requests, bytes) is neither better nor worse: it depends on what the change was meant to do, so a
 * change is told and fails nothing, unless a budget says which way is worse. On-CPU stretches count
 * as latencies: the same work that takes longer is the commonest regression of all; who made the
 * stretches longer on purpose says so in a budget.
 */
#ifndef TUNESCOPE_COMPARE_FAMILIES_H
#define TUNESCOPE_COMPARE_FAMILIES_H

#include <stdbool.h>
#include "family.h"

enum ts_direction {
	TS_DIRECTION_SKIP, /* not compared */
	TS_DIRECTION_NEUTRAL,
	TS_DIRECTION_UP_WORSE,
	TS_DIRECTION_DOWN_WORSE, /* only through a budget */
};

/* Of a histogram's quantiles and mean. */
enum ts_direction ts_direction_of_values(enum ts_family_id id);
/* Of a counter's rate, or of the rate of a histogram's events. label: NULL for "in general". */
enum ts_direction ts_direction_of_rate(enum ts_family_id id, const char *const *label);

/* Of what a whole run of a command took; SKIP for what has a rate. */
enum ts_direction ts_direction_of_total(enum ts_family_id id, const char *const *label);

/*
 * Whether a label is left out, so that its series are put together: CPUs and sessions are numbered
 * anew in each run, and which of them did the work is chance.
 */
bool ts_compare_merges_label(enum ts_family_id id, size_t key);

#endif
