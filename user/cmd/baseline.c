// SPDX-License-Identifier: GPL-2.0-only
/* tunescope baseline: recordings kept to be compared with, by name and class of machine. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "baseline_store.h"
#include "command.h"
#include "options.h"
#include "output.h"
#include "run_files.h"
#include "runs.h"
#include "../core/arena.h"
#include "../core/error.h"
#include "../core/render/runs.h"
#include "../core/render/units.h"
#include "../core/run_diff.h"

#define FILES_MAX 64

struct baseline_options {
	const char *store;
	double keep;
	bool force;
};

#define AT(member) offsetof(struct baseline_options, member)
static const struct ts_option options_table[] = {
	{"store", 0, "DIR", ts_option_text, AT(store), 0, 0, NULL,
	 "where baselines are (default " TS_BASELINE_STORE ")"},
	{"keep", 0, "RUNS", ts_option_count, AT(keep), 3, 1000, NULL,
	 "keep the newest runs, at most so many (default 30)"},
	{"force", 0, NULL, ts_option_switch, AT(force), 0, 0, NULL,
	 "put runs together that are not comparable"},
	{0},
};
#undef AT

/* What a baseline is going to consist of. */
struct pool {
	struct ts_run_file file[FILES_MAX + 1];
	size_t files;
	struct ts_baseline_part *part;
	size_t parts, capacity;
	struct ts_arena *arena;
	const char *class;
	const struct ts_run_set *first; /* that others must be comparable to */
};

static bool in_pool(const struct pool *pool, __u64 session)
{
	for (size_t i = 0; i < pool->parts; i++)
		if (pool->part[i].session == session)
			return true;
	return false;
}

static int check_comparable(struct pool *pool, const struct ts_run_set *set, bool force)
{
	const struct ts_compare_options none = {0};
	struct ts_diff *diff;
	int error = 0;

	if (!pool->first)
		pool->first = set;
	if (pool->first == set || force)
		return 0;
	diff = ts_diff_make(pool->first, set, &none);
	if (diff->incomparable)
		error = ts_err(-EINVAL,
			       "baseline: %s is not comparable with %s: %s is %s there, and %s "
			       "here (--force puts them together)",
			       set->name, pool->first->name, diff->difference[0].what,
			       diff->difference[0].value[0], diff->difference[0].value[1]);
	ts_diff_free(diff);
	return error;
}

/* Adds the usable runs of a file that are not there yet. Returns how many, or a negative errno. */
static int take_file(struct pool *pool, const char *path, bool force)
{
	struct ts_run_file *file = &pool->file[pool->files];
	const struct ts_run **run;
	size_t usable;
	int taken = 0, error = ts_run_file_open(path, file);

	if (error)
		return error;
	pool->files++;
	run = ts_arena_alloc(pool->arena, (file->set->runs + 1) * sizeof *run);
	usable = ts_run_set_usable(file->set, TS_RUN_ALONE, run);
	if (usable < file->set->runs)
		ts_warn("baseline: %zu runs of %s failed or were cut short and are left out",
			file->set->runs - usable, path);
	error = check_comparable(pool, file->set, force);
	for (size_t i = 0; i < usable && !error; i++) {
		const char *class = ts_machine_class(pool->arena, &run[i]->context->host);

		if (!pool->class)
			pool->class = class;
		if (strcmp(pool->class, class))
			error = ts_err(-EINVAL,
				       "baseline: %s has runs of machines of several "
				       "classes: %s and %s",
				       path, pool->class, class);
		if (error || in_pool(pool, run[i]->session))
			continue;
		pool->part = ts_arena_grow(pool->arena, pool->part, pool->parts, &pool->capacity,
					   sizeof *pool->part);
		pool->part[pool->parts++] =
			(struct ts_baseline_part){file->recording, run[i]->session};
		taken++;
	}
	return error ? error : taken;
}

static void pool_free(struct pool *pool)
{
	ts_run_files_close(pool->file, pool->files);
	ts_arena_free(pool->arena);
}

/* The class of the machine that a file's first usable run was made on. */
static int class_of(const char *path, char class[128])
{
	struct pool look = {.arena = ts_arena_new()};
	int taken = take_file(&look, path, true);

	if (taken > 0)
		snprintf(class, 128, "%s", look.class);
	else if (!taken)
		taken = ts_err(-EINVAL, "baseline: no run of %s can be used", path);
	pool_free(&look);
	return taken < 0 ? taken : 0;
}

static int put_together(const struct baseline_options *options, const char *name,
			const char *const *path, size_t paths, bool anew)
{
	struct pool pool = {.arena = ts_arena_new()};
	char target[PATH_MAX], class[128];
	int taken = 0, added = 0, error = class_of(path[0], class);
	size_t drop;

	if (!error) {
		ts_baseline_path(options->store, name, class, target);
		if (!anew && !access(target, F_OK))
			taken = take_file(&pool, target, options->force);
	}
	for (size_t i = 0; i < paths && !error && taken >= 0; i++) {
		taken = take_file(&pool, path[i], options->force);
		added += taken > 0 ? taken : 0;
	}
	error = error ? error : taken < 0 ? taken : 0;
	if (!error) {
		drop = pool.parts > (size_t)options->keep ? pool.parts - (size_t)options->keep : 0;
		error = ts_baseline_write(target, pool.part + drop, pool.parts - drop);
		if (!error)
			fprintf(stderr,
				"tunescope: baseline %s for %s: %d run%s added, %zu in all\n", name,
				class, added, added == 1 ? "" : "s", pool.parts - drop);
	}
	pool_free(&pool);
	return !error							  ? TS_EXIT_DONE
	       : error == -EINVAL || error == -ENOENT || error == -EPROTO ? TS_EXIT_USAGE
									  : TS_EXIT_FAILURE;
}

static int add(const struct baseline_options *options, const char *const *word, size_t words)
{
	return put_together(options, word[0], word + 1, words - 1, false);
}

static int update(const struct baseline_options *options, const char *const *word, size_t words)
{
	return put_together(options, word[0], word + 1, words - 1, true);
}

/* ---- what there is */

static void print_row(const char *name, const char *class, const char *path)
{
	struct ts_arena *arena;
	struct ts_run_file file;
	const struct ts_run *last;

	if (ts_run_file_open(path, &file))
		return;
	arena = ts_arena_new();
	last = &file.set->run[file.set->runs - 1];
	printf("%-24s %-24s %4zu runs  %.16s  %s  %s\n", name, class, file.set->runs,
	       ts_utc_time(arena, last->start_realtime_ns),
	       ts_escape_terminal(arena, last->context->host.kernel),
	       ts_escape_terminal(arena, last->facts.command));
	ts_arena_free(arena);
	ts_run_file_close(&file);
}

static int list(const struct baseline_options *options, const char *const *word, size_t words)
{
	struct dirent **entry;
	int count = scandir(options->store, &entry, NULL, alphasort);

	if (count < 0 && errno != ENOENT) {
		ts_err(0, "cannot read %s: %s", options->store, strerror(errno));
		return TS_EXIT_FAILURE;
	}
	for (int i = 0; i < count; i++) {
		char name[NAME_MAX + 1], class[NAME_MAX + 1], path[PATH_MAX];

		if (ts_baseline_split(entry[i]->d_name, name, class)) {
			snprintf(path, sizeof path, "%.3800s/%s", options->store, entry[i]->d_name);
			print_row(name, class, path);
		}
		free(entry[i]);
	}
	if (count >= 0)
		free(entry);
	return TS_EXIT_DONE;
}

static int show(const struct baseline_options *options, const char *const *word, size_t words)
{
	struct ts_render_options look = {0};
	char path[PATH_MAX], class[128];
	struct ts_run_file file;

	ts_baseline_own_class(class);
	ts_baseline_path(options->store, word[0], class, path);
	if (access(path, F_OK)) {
		ts_err(0,
		       "there is no baseline '%s' for machines like this one (%s) in %s; "
		       "`tunescope baseline list` shows what there is",
		       word[0], class, options->store);
		return TS_EXIT_USAGE;
	}
	if (ts_run_file_open(path, &file))
		return TS_EXIT_USAGE;
	ts_output_options(TS_COLOR_AUTO, &look);
	printf("%s\n", path);
	ts_render_runs(stdout, file.set, &look);
	ts_run_file_close(&file);
	return TS_EXIT_DONE;
}

static const struct {
	const char *word;
	size_t least, most; /* words behind it */
	int (*act)(const struct baseline_options *options, const char *const *word, size_t words);
} actions[] = {
	{"add", 2, FILES_MAX, add},
	{"update", 2, FILES_MAX, update},
	{"list", 0, 0, list},
	{"show", 1, 1, show},
};

static int run(const struct ts_command *command, int argc, char **argv)
{
	struct baseline_options options = {.store = TS_BASELINE_STORE, .keep = 30};
	const char *word[FILES_MAX + 1];
	size_t words;
	int exit_code;

	if (!ts_options_parse(command, argc, argv, &options, word, FILES_MAX, &words, &exit_code))
		return exit_code;
	for (size_t i = 0; words && i < sizeof actions / sizeof actions[0]; i++) {
		if (strcmp(word[0], actions[i].word))
			continue;
		if (words - 1 < actions[i].least || words - 1 > actions[i].most)
			break;
		if (actions[i].least && !ts_baseline_name_ok(word[1]))
			return TS_EXIT_USAGE;
		return actions[i].act(&options, word + 1, words - 1);
	}
	ts_err(0, "baseline: `add NAME FILE...`, `update NAME FILE...`, `list` and `show NAME` are "
		  "accepted");
	return TS_EXIT_USAGE;
}

const struct ts_command ts_command_baseline = {
	.name = "baseline",
	.arguments = "add|update|list|show [NAME] [FILE...]",
	.summary = "keep recordings of runs to be compared with, by name and class of machine",
	.options = options_table,
	.run = run,
};
