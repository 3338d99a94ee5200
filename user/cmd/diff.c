// SPDX-License-Identifier: GPL-2.0-only
/* tunescope diff: what changed between two recordings, and whether that can be chance. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "options.h"
#include "output.h"
#include "run_files.h"
#include "runs.h"
#include "../core/error.h"
#include "../core/render/diff.h"

struct diff_options {
	bool json, csv, html, everything, strict;
	const char *budgets;
	int color;
	double max_foreign;
};

#define AT(member) offsetof(struct diff_options, member)
static const struct ts_option options_table[] = {
	{"json", 0, NULL, ts_option_switch, AT(json), 0, 0, NULL,
	 "print the comparison as JSON (schema tunescope.diff/1)"},
	{"csv", 0, NULL, ts_option_switch, AT(csv), 0, 0, NULL,
	 "print a row of comma-separated values for each metric"},
	{"html", 0, NULL, ts_option_switch, AT(html), 0, 0, NULL,
	 "print a page with the distributions of both sides laid over each other"},
	{"budgets", 0, "FILE", ts_option_text, AT(budgets), 0, 0, NULL,
	 "how much each family may change, and which way is worse (default: 10 %)"},
	{"strict", 0, NULL, ts_option_switch, AT(strict), 0, 0, NULL,
	 "call a change only what is significant at 1 % instead of 2 %"},
	{"max-foreign", 0, "PERCENT", ts_option_count, AT(max_foreign), 1, 1000, NULL,
	 "leave out runs in which others took more of the CPUs than that (default 5)"},
	{"all", 0, NULL, ts_option_switch, AT(everything), 0, 0, NULL, "show all metrics"},
	{"color", 0, "WHEN", ts_option_choice, AT(color), 0, 0, ts_color_choices,
	 "auto, always or never (default auto: on a terminal, unless NO_COLOR is set)"},
	{0},
};
#undef AT

static int render(const struct diff_options *options, const struct ts_diff *diff)
{
	struct ts_render_options look = {.everything = options->everything};

	if (options->json) {
		if (ts_render_diff_json(stdout, diff, NULL) && !ferror(stdout)) {
			ts_err(0, "the comparison could not be written as JSON");
			return TS_EXIT_FAILURE;
		}
	} else if (options->csv) {
		ts_render_diff_csv(stdout, diff);
	} else if (options->html) {
		ts_render_diff_html(stdout, diff);
	} else {
		ts_output_options(options->color, &look);
		ts_render_diff(stdout, diff, NULL, &look);
	}
	return TS_EXIT_DONE;
}

/* Two recordings, or one that has both sides (`run --vs`). */
static int compare(const struct diff_options *options, const char *const *path, size_t paths)
{
	struct ts_compare_options how = {.level = options->strict ? TS_COMPARE_STRICT_LEVEL
								  : TS_COMPARE_LEVEL};
	struct ts_budget_file budgets;
	struct ts_run_file file[2];
	struct ts_diff *diff;
	int exit_code;

	if (ts_budget_file_open(options->budgets, &budgets))
		return TS_EXIT_USAGE;
	how.budget = budgets.budget;
	how.budgets = budgets.budgets;
	if (ts_run_files_open(path, paths, file)) {
		ts_budget_file_close(&budgets);
		return TS_EXIT_USAGE;
	}
	diff = ts_diff_make(file[0].set, file[paths - 1].set, &how);
	exit_code = render(options, diff);
	ts_diff_free(diff);
	ts_run_files_close(file, paths);
	ts_budget_file_close(&budgets);
	return exit_code;
}

static int run(const struct ts_command *command, int argc, char **argv)
{
	struct diff_options options = {0};
	const char *path[2];
	size_t paths;
	int exit_code;

	if (!ts_options_parse(command, argc, argv, &options, path, 2, &paths, &exit_code))
		return exit_code;
	if (!paths || options.json + options.csv + options.html > 1) {
		ts_err(0, paths ? "diff: only one of --json, --csv and --html can be had"
				: "diff: which recordings? `tunescope diff BASELINE CURRENT`, or "
				  "one made by `tunescope run --vs`");
		return TS_EXIT_USAGE;
	}
	return compare(&options, path, paths);
}

const struct ts_command ts_command_diff = {
	.name = "diff",
	.arguments = "BASELINE [CURRENT]",
	.summary = "compare the runs of two recordings: what changed, and can it be chance",
	.options = options_table,
	.run = run,
};
