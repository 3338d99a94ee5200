// SPDX-License-Identifier: GPL-2.0-only
/* tunescope run: record what the kernel does while a command runs. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "options.h"
#include "output.h"
#include "runs.h"
#include "../core/render/diff.h"

static const struct ts_option options_table[] = {
	TS_RUNS_OPTIONS(0, "1", "0"),
	{0},
};

/* Of the command; of tunescope when that is what went wrong. */
static int exit_code_of(const struct ts_runs_end *end, int error)
{
	if (end->failed)
		return end->status;
	if (error)
		return TS_EXIT_FAILURE;
	return end->signal ? 128 + end->signal : TS_EXIT_DONE;
}

static void summarize(const struct ts_run_set *set)
{
	const struct ts_compare_options none = {0};
	struct ts_render_options look = {0};
	struct ts_diff *diff;

	ts_output_options_of(STDERR_FILENO, TS_COLOR_AUTO, &look);
	ts_render_runs(stderr, set, &look);
	if (!ts_run_set_has_sides(set))
		return;
	diff = ts_diff_make(set, set, &none);
	fputc('\n', stderr);
	ts_render_diff(stderr, diff, NULL, &look);
	ts_diff_free(diff);
}

static int run_command(const struct ts_runs_arguments *arguments, char *const *words)
{
	struct ts_run_set *set;
	struct ts_runs_end end = {0};
	struct ts_runs *runs;
	int error, exit_code;

	exit_code = ts_runs_open(arguments, words, false, &runs);
	if (exit_code)
		return exit_code;
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error of writing */
	set = ts_run_set_new("these runs");
	error = ts_runs_do(runs, set, &end);
	ts_runs_close(runs);
	if (set->runs)
		summarize(set);
	ts_run_set_free(set);
	return exit_code_of(&end, error);
}

static int run(const struct ts_command *command, int argc, char **argv)
{
	struct ts_runs_arguments arguments = {.runs = 1, .interval = 0.25};
	char **words = ts_runs_words(&argc, argv);
	int exit_code;

	if (!ts_options_parse(command, argc, argv, &arguments, NULL, 0, NULL, &exit_code))
		return exit_code;
	ts_collect_arguments_done(&arguments.measure);
	if (!words || !*words) {
		ts_err(0, "run: which command? `tunescope run [options] -- COMMAND [ARGUMENTS]`");
		return TS_EXIT_USAGE;
	}
	return run_command(&arguments, words);
}

const struct ts_command ts_command_run = {
	.name = "run",
	.arguments = "-- COMMAND [ARGUMENTS]",
	.summary = "record exactly while a command runs, and say what the kernel saw of it",
	.options = options_table,
	.run = run,
};
