/* SPDX-License-Identifier: GPL-2.0-only */
/* Where baselines are: a directory with a recording for each name and class of machine. */
#ifndef TUNESCOPE_BASELINE_STORE_H
#define TUNESCOPE_BASELINE_STORE_H

#include <limits.h>
#include <stdbool.h>
#include "../core/run_set.h"

#define TS_BASELINE_STORE  ".tunescope/baselines"
#define TS_BASELINE_SUFFIX ".tsrec"

/* Letters, digits, '.', '-' and '_', not beginning with '.'; says so otherwise. */
bool ts_baseline_name_ok(const char *name);
void ts_baseline_path(const char *store, const char *name, const char *class, char path[PATH_MAX]);
/* This machine's class. */
void ts_baseline_own_class(char class[128]);
/* "NAME@CLASS.tsrec" taken apart; false when it is something else. */
bool ts_baseline_split(const char *file, char name[NAME_MAX + 1], char class[NAME_MAX + 1]);

/*
 * Writes the frames of the sessions of some runs, in that order, to a file that then replaces what
 * is there. 0, or a negative errno with the message printed.
 */
struct ts_baseline_part {
	const struct ts_recording *recording;
	__u64 session;
};
int ts_baseline_write(const char *path, const struct ts_baseline_part *part, size_t parts);

#endif
