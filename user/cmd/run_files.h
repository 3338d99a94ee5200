/* SPDX-License-Identifier: GPL-2.0-only */
/* Recordings as sets of runs, and files of budgets: what diff, check and baseline read. */
#ifndef TUNESCOPE_RUN_FILES_H
#define TUNESCOPE_RUN_FILES_H

#include "../core/budgets.h"
#include "../core/run_set.h"
#include "../live/recording_file.h"

struct ts_run_file {
	struct ts_recording_file *file;
	struct ts_recording *recording;
	struct ts_run_set *set;
};

/* 0, or a negative errno with the message printed. Damage is told, and the rest used. */
int ts_run_file_open(const char *path, struct ts_run_file *file);
void ts_run_file_close(struct ts_run_file *file);

/* One, which must have two sides, or two. */
int ts_run_files_open(const char *const *path, size_t paths, struct ts_run_file *file);
void ts_run_files_close(struct ts_run_file *file, size_t files);

struct ts_budget_file {
	struct ts_arena *arena;
	struct ts_budget *budget;
	size_t budgets;
};

/* path NULL: there are none. */
int ts_budget_file_open(const char *path, struct ts_budget_file *file);
void ts_budget_file_close(struct ts_budget_file *file);

#endif
