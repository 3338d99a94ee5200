// SPDX-License-Identifier: GPL-2.0-only
#include "run_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "text_file.h"
#include "../core/arena.h"
#include "../core/error.h"

int ts_run_file_open(const char *path, struct ts_run_file *file)
{
	int error = ts_recording_file_open(path, &file->file, &file->recording);

	file->set = NULL;
	if (error)
		return error;
	file->set = ts_run_set_read(file->recording, path);
	if (file->recording->damages)
		ts_warn("%s: %zu place%s damaged and passed over (%s)", path,
			file->recording->damages, file->recording->damages == 1 ? " is" : "s are",
			file->recording->damage[0].what);
	if (file->set->runs)
		return 0;
	ts_err(0, "%s: there is not one run in it that can be read", path);
	ts_run_file_close(file);
	return -EPROTO;
}

void ts_run_file_close(struct ts_run_file *file)
{
	ts_run_set_free(file->set);
	ts_recording_file_close(file->file);
	*file = (struct ts_run_file){0};
}

int ts_run_files_open(const char *const *path, size_t paths, struct ts_run_file *file)
{
	for (size_t i = 0; i < paths; i++) {
		int error = ts_run_file_open(path[i], &file[i]);

		if (error) {
			ts_run_files_close(file, i);
			return error;
		}
	}
	if (paths > 1 || ts_run_set_has_sides(file[0].set))
		return 0;
	ts_run_files_close(file, paths);
	return ts_err(-EINVAL,
		      "%s has only one side: a second recording is needed, or one made by "
		      "`tunescope run --vs`",
		      path[0]);
}

void ts_run_files_close(struct ts_run_file *file, size_t files)
{
	for (size_t i = 0; i < files; i++)
		ts_run_file_close(&file[i]);
}

int ts_budget_file_open(const char *path, struct ts_budget_file *file)
{
	char *text;
	int error;

	*file = (struct ts_budget_file){0};
	if (!path)
		return 0;
	text = ts_text_file_read(path);
	if (!text)
		return ts_err(-errno, "cannot read the budgets %s: %s", path,
			      errno == EILSEQ ? "it is not a text file" : strerror(errno));
	file->arena = ts_arena_new();
	error = ts_budgets_parse(text, path, file->arena, &file->budget, &file->budgets);
	free(text);
	if (error)
		ts_budget_file_close(file);
	return error;
}

void ts_budget_file_close(struct ts_budget_file *file)
{
	ts_arena_free(file->arena);
	*file = (struct ts_budget_file){0};
}
