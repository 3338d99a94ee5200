// SPDX-License-Identifier: GPL-2.0-only
/* tunescope check: is it worse than the baseline? The answer is the exit code. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "baseline_store.h"
#include "check_self_test.h"
#include "command.h"
#include "options.h"
#include "output.h"
#include "run_files.h"
#include "runs.h"
#include "../core/render/diff.h"

static const char *const severity_choices[] = {"medium", "high", NULL};

struct check_options {
	struct ts_runs_arguments runs;
	const char *baseline, *store, *budgets, *junit;
	int fail_on, color;
	double max_foreign;
	bool strict, no_confirm, self_test, force, json, github, everything;
};

#define AT(member) offsetof(struct check_options, member)
static const struct ts_option options_table[] = {
	{"baseline", 0, "FILE|NAME", ts_option_text, AT(baseline), 0, 0, NULL,
	 "compare with the runs of this recording, or with the baseline of that name"},
	{"store", 0, "DIR", ts_option_text, AT(store), 0, 0, NULL,
	 "where baselines are (default " TS_BASELINE_STORE ")"},
	{"fail-on", 0, "SEVERITY", ts_option_choice, AT(fail_on), 0, 0, severity_choices,
	 "medium (worse by 10 %, or what the budget allows; default) or high (twice that)"},
	{"strict", 0, NULL, ts_option_switch, AT(strict), 0, 0, NULL,
	 "call a change only what is significant at 1 % instead of 2 %"},
	{"budgets", 0, "FILE", ts_option_text, AT(budgets), 0, 0, NULL,
	 "how much each family may change, and which way is worse (default: 10 %)"},
	{"no-confirm", 0, NULL, ts_option_switch, AT(no_confirm), 0, 0, NULL,
	 "fail at once, without doing all runs again"},
	{"self-test", 0, NULL, ts_option_switch, AT(self_test), 0, 0, NULL,
	 "say what the baseline is worth: its false alarms and the smallest change it can find"},
	{"force", 0, NULL, ts_option_switch, AT(force), 0, 0, NULL,
	 "compare although other CPUs, another scope or histogram layout make it doubtful"},
	{"junit", 0, "FILE", ts_option_text, AT(junit), 0, 0, NULL,
	 "write the result as JUnit XML to this file"},
	{"github", 0, NULL, ts_option_switch, AT(github), 0, 0, NULL,
	 "print annotations for GitHub Actions (default: when GITHUB_ACTIONS is true)"},
	{"json", 0, NULL, ts_option_switch, AT(json), 0, 0, NULL,
	 "print the comparison as JSON (schema tunescope.diff/1)"},
	{"max-foreign", 0, "PERCENT", ts_option_count, AT(max_foreign), 1, 1000, NULL,
	 "leave out runs in which others took more of the CPUs than that (default 5)"},
	{"all", 0, NULL, ts_option_switch, AT(everything), 0, 0, NULL, "show all metrics"},
	{"color", 0, "WHEN", ts_option_choice, AT(color), 0, 0, ts_color_choices,
	 "auto, always or never (default auto: on a terminal, unless NO_COLOR is set)"},
	TS_RUNS_OPTIONS(AT(runs), "5", "as many as -n"),
	{0},
};
#undef AT

/* What is compared, and where it comes from. */
struct check {
	const struct check_options *options;
	struct ts_compare_options how;
	struct ts_budget_file budgets;
	struct ts_run_file baseline, file; /* set NULL: none */
	struct ts_runs *runs;		   /* NULL: the current ones come from a file */
	struct ts_run_set *set[2];	   /* done here: at first, and again */
	struct ts_diff *diff[2];
	struct ts_check_verdict verdict;
};

/* ---- the baseline */

static int find_baseline(const struct check_options *options, char path[PATH_MAX])
{
	char class[128];

	snprintf(path, PATH_MAX, "%s", options->baseline);
	if (strchr(options->baseline, '/') || !access(path, F_OK))
		return 0;
	if (!ts_baseline_name_ok(options->baseline))
		return -EINVAL;
	ts_baseline_own_class(class);
	ts_baseline_path(options->store, options->baseline, class, path);
	if (!access(path, F_OK))
		return 0;
	return ts_err(-ENOENT,
		      "check: '%s' is neither a file nor a baseline for machines like this one "
		      "(%s) in %s; `tunescope baseline add` makes one",
		      options->baseline, class, options->store);
}

static int open_baseline(struct check *check)
{
	char path[PATH_MAX];
	int error;

	if (!check->options->baseline)
		return 0;
	error = find_baseline(check->options, path);
	return error ? error : ts_run_file_open(path, &check->baseline);
}

/* Before anything is run: the machine. The rest is known when there are runs. */
static bool is_comparable_machine(const struct check *check)
{
	const struct ts_host *host = &check->baseline.set->run[0].context->host;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (check->options->force || !host->cpus || (long)host->cpus == cpus)
		return true;
	ts_err(0,
	       "check: %s is not comparable: it was recorded with %u CPUs, and there are %ld here "
	       "(--force compares all the same)",
	       check->baseline.set->name, host->cpus, cpus);
	return false;
}

static bool is_comparable(const struct check *check, const struct ts_diff *diff)
{
	const struct ts_difference *d = diff->difference;

	if (check->options->force || !diff->incomparable)
		return true;
	while (!d->incomparable)
		d++;
	ts_err(0,
	       "check: the two are not comparable: %s is %s in the baseline, and %s now (--force "
	       "compares all the same)",
	       d->what, d->value[0], d->value[1]);
	return false;
}

/* ---- runs */

/* Exit code that ends the check, or TS_EXIT_DONE. */
static int do_runs(struct check *check, size_t time)
{
	struct ts_runs_end end;
	int error;

	check->set[time] = ts_run_set_new(time ? "now, once more" : "now");
	error = ts_runs_do(check->runs, check->set[time], &end);
	if (end.signal)
		return 128 + end.signal;
	if (error)
		return TS_EXIT_FAILURE;
	if (!end.failed || (check->options->runs.ignore_failure && check->set[time]->runs))
		return TS_EXIT_DONE;
	ts_err(0, "check: the command failed (exit status %d): nothing is judged%s", end.status,
	       check->set[time]->runs ? " (--ignore-failure goes on)" : "");
	return TS_EXIT_FAILURE;
}

static struct ts_diff *compare(struct check *check, size_t time)
{
	const struct ts_run_set *current = check->runs ? check->set[time] : check->file.set;
	const struct ts_run_set *baseline = check->baseline.set ? check->baseline.set : current;

	return ts_diff_make(baseline, current, &check->how);
}

static int exit_code_of(const struct ts_check_verdict *verdict)
{
	if (verdict->verdict == TS_VERDICT_REGRESSED && verdict->severity >= verdict->fail_on)
		return TS_EXIT_FINDINGS;
	return verdict->verdict == TS_VERDICT_INSUFFICIENT ? TS_EXIT_INCONCLUSIVE : TS_EXIT_DONE;
}

/* All runs once more before failing: a machine has bad quarters of an hour. */
static int confirm(struct check *check)
{
	struct ts_check_verdict *verdict = &check->verdict;
	int exit_code;

	fputs("tunescope: it looks worse: all is run once more to confirm it\n", stderr);
	exit_code = do_runs(check, 1);
	if (exit_code)
		return exit_code;
	check->diff[1] = compare(check, 1);
	verdict->verdict = ts_diff_confirm(check->diff[0], check->diff[1], &verdict->severity);
	verdict->confirmed = true;
	verdict->why = verdict->verdict == TS_VERDICT_REGRESSED
			       ? "Run once more, it is worse again."
			       : "It looked worse at first; run once more, that was not confirmed.";
	return TS_EXIT_DONE;
}

static int judge(struct check *check)
{
	struct ts_check_verdict *verdict = &check->verdict;
	int exit_code;

	check->diff[0] = compare(check, 0);
	if (!is_comparable(check, check->diff[0]))
		return TS_EXIT_USAGE;
	*verdict = (struct ts_check_verdict){
		.verdict = check->diff[0]->comparison->overall,
		.severity = check->diff[0]->comparison->severity,
		.fail_on = check->options->fail_on ? TS_SEVERITY_HIGH : TS_SEVERITY_MEDIUM,
		.why = "",
	};
	if (exit_code_of(verdict) == TS_EXIT_FINDINGS && check->runs &&
	    !check->options->no_confirm) {
		exit_code = confirm(check);
		if (exit_code)
			return exit_code;
	}
	verdict->exit_code = exit_code_of(verdict);
	if (verdict->verdict == TS_VERDICT_REGRESSED && !verdict->exit_code)
		verdict->why = "Less than --fail-on asks for.";
	return TS_EXIT_DONE;
}

/* ---- telling */

static int write_junit(const struct check *check, const struct ts_diff *diff)
{
	const char *path = check->options->junit;
	FILE *out = fopen(path, "we");
	int error = 0;

	if (!out)
		return ts_err(-errno, "cannot write %s: %s", path, strerror(errno));
	ts_render_diff_junit(out, diff, &check->verdict);
	if (ferror(out) || fflush(out))
		error = errno ? -errno : -EIO;
	if (fclose(out) && !error)
		error = -errno;
	return error ? ts_err(error, "cannot write %s: %s", path, strerror(-error)) : 0;
}

static int tell(const struct check *check)
{
	const struct check_options *options = check->options;
	const struct ts_diff *diff = check->diff[1] ? check->diff[1] : check->diff[0];
	struct ts_render_options look = {.everything = options->everything};
	const char *actions = getenv("GITHUB_ACTIONS");

	if (options->json) {
		if (ts_render_diff_json(stdout, diff, &check->verdict) && !ferror(stdout))
			return ts_err(-EIO, "the comparison could not be written as JSON");
	} else {
		ts_output_options(options->color, &look);
		ts_render_diff(stdout, diff, &check->verdict, &look);
	}
	if (options->github || (actions && !strcmp(actions, "true")))
		ts_render_diff_annotations(options->json ? stderr : stdout, diff, &check->verdict);
	return options->junit ? write_junit(check, diff) : 0;
}

/* ---- all together */

static void close_check(struct check *check)
{
	for (int i = 0; i < 2; i++) {
		ts_diff_free(check->diff[i]);
		ts_run_set_free(check->set[i]);
	}
	ts_runs_close(check->runs);
	if (check->file.set)
		ts_run_file_close(&check->file);
	if (check->baseline.set)
		ts_run_file_close(&check->baseline);
	ts_budget_file_close(&check->budgets);
}

static int get_current(struct check *check, char *const *words, const char *path)
{
	int exit_code;

	if (!words)
		return ts_run_file_open(path, &check->file) ? TS_EXIT_USAGE : TS_EXIT_DONE;
	if (check->baseline.set && !is_comparable_machine(check))
		return TS_EXIT_USAGE;
	exit_code = ts_runs_open(&check->options->runs, words, true, &check->runs);
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error of writing */
	return exit_code ? exit_code : do_runs(check, 0);
}

static int do_check(const struct check_options *options, char *const *words, const char *path)
{
	struct check check = {
		.options = options,
		.how = {.level = options->strict ? TS_COMPARE_STRICT_LEVEL : TS_COMPARE_LEVEL,
			.foreign_max = options->max_foreign / 100},
	};
	int exit_code = TS_EXIT_USAGE;

	if (!ts_budget_file_open(options->budgets, &check.budgets) && !open_baseline(&check)) {
		check.how.budget = check.budgets.budget;
		check.how.budgets = check.budgets.budgets;
		if (options->self_test)
			exit_code = ts_check_self_test(check.baseline.set, &check.how);
		else
			exit_code = get_current(&check, words, path);
		if (!exit_code && !options->self_test)
			exit_code = judge(&check);
		if (!exit_code && !options->self_test)
			exit_code = tell(&check) ? TS_EXIT_FAILURE : check.verdict.exit_code;
	}
	close_check(&check);
	return exit_code;
}

static const char *what_is_missing(const struct check_options *options, char *const *words,
				   size_t paths)
{
	if (!options->baseline && !options->runs.against)
		return "--baseline FILE (or a baseline's name) is needed, or --vs with a command";
	if (options->baseline && options->runs.against)
		return "only one of --baseline and --vs can be had";
	if (options->self_test)
		return options->baseline ? NULL : "--self-test is of a --baseline";
	if (!words && !paths)
		return "what is to be checked? a recording, or `-- COMMAND [ARGUMENTS]`";
	if (words && (paths || !*words))
		return paths ? "a recording or a command is checked, not both"
			     : "which command? `-- COMMAND [ARGUMENTS]`";
	return options->runs.against && !words ? "--vs needs `-- COMMAND [ARGUMENTS]`" : NULL;
}

static int run(const struct ts_command *command, int argc, char **argv)
{
	struct check_options options = {
		.runs = {.runs = 5, .interval = 0.25, .retries = -1},
		.store = TS_BASELINE_STORE,
	};
	char **words = ts_runs_words(&argc, argv);
	const char *path = NULL, *missing;
	size_t paths;
	int exit_code;

	if (!ts_options_parse(command, argc, argv, &options, &path, 1, &paths, &exit_code))
		return exit_code;
	ts_collect_arguments_done(&options.runs.measure);
	missing = what_is_missing(&options, words, paths);
	if (missing) {
		ts_err(0, "check: %s", missing);
		return TS_EXIT_USAGE;
	}
	if (options.runs.retries < 0)
		options.runs.retries = options.runs.runs;
	options.runs.foreign_max = options.max_foreign / 100;
	return do_check(&options, words, path);
}

const struct ts_command ts_command_check = {
	.name = "check",
	.arguments = "--baseline FILE|NAME [FILE | -- COMMAND [ARGUMENTS]]",
	.summary = "is it worse than the baseline? 0 no, 1 yes, 4 cannot be told",
	.options = options_table,
	.run = run,
};
