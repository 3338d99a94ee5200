// SPDX-License-Identifier: GPL-2.0-only
/* tunescope replay: what the rules say about a recording, or about any slice of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "options.h"
#include "output.h"
#include "profile_file.h"
#include "replay_timeline.h"
#include "time_option.h"
#include "../core/error.h"
#include "../core/profile.h"
#include "../core/recording.h"
#include "../core/report.h"
#include "../live/recording_file.h"

#define WINDOW_SECONDS_MOST (3650.0 * 86400)

/* --window: a length, or a slice. */
struct window_option {
	double seconds; /* 0: not a length */
	bool is_slice;
	struct ts_time_slice slice;
};

struct replay_options {
	struct ts_time_slice slice;
	struct window_option window;
	struct ts_option_names rules;
	const char *profile;
	bool json, exit_code, everything;
	int color;
};

static int option_window(const struct ts_option *option, const char *value, void *destination,
			 char problem[200])
{
	struct window_option *window = destination;

	*window = (struct window_option){.is_slice = strstr(value, "..")};
	if (window->is_slice)
		return ts_time_slice_parse(value, &window->slice, problem);
	return ts_option_duration(option, value, &window->seconds, problem);
}

#define AT(member) offsetof(struct replay_options, member)
static const struct ts_option options_table[] = {
	{"from", 0, "TIME", ts_option_time, AT(slice.from), 0, 0, NULL,
	 "begin there: 2026-11-21T14:00:00Z (without a zone: local time), 14:00, @SECONDS, +5m "
	 "after the beginning, -10m before the end"},
	{"to", 0, "TIME", ts_option_time, AT(slice.to), 0, 0, NULL, "end there"},
	{"window", 0, "DURATION|FROM..TO", option_window, AT(window), 0.1, WINDOW_SECONDS_MOST,
	 NULL,
	 "judge windows of this length one after the other, instead of all of it at once; or that "
	 "slice, as --from and --to do"},
	{"rule", 0, "ID[,...]", ts_option_names, AT(rules), 0, 0, NULL, "only these rules"},
	{"profile", 0, "FILE|NAME", ts_option_text, AT(profile), 0, 0, NULL,
	 "thresholds to judge by (default: built in, the same as the profile default)"},
	{"json", 0, NULL, ts_option_switch, AT(json), 0, 0, NULL,
	 "print the report as JSON (schema tunescope.report/1); with --window DURATION one a "
	 "line"},
	{"exit-code", 0, NULL, ts_option_switch, AT(exit_code), 0, 0, NULL,
	 "end with 1 when something is wrong"},
	{"all", 0, NULL, ts_option_switch, AT(everything), 0, 0, NULL,
	 "show all histograms and rules, not only those that help now"},
	{"color", 0, "WHEN", ts_option_choice, AT(color), 0, 0, ts_color_choices,
	 "auto, always or never (default auto: on a terminal, unless NO_COLOR is set)"},
	{0},
};
#undef AT

static int rule_number(const char *id)
{
	for (size_t i = 0; i < ts_rules_count; i++)
		if (!strcmp(ts_rules[i]->id, id))
			return (int)i;
	return -1;
}

static int choose_rules(const struct ts_option_names *names, struct ts_replay *replay)
{
	for (size_t i = 0; i < ts_rules_count; i++)
		replay->rule[i] = !names->count;
	for (size_t i = 0; i < names->count; i++) {
		int rule = rule_number(names->name[i]);

		if (rule < 0) {
			ts_err(0, "replay: --rule '%s' is not accepted; the rules are:",
			       names->name[i]);
			for (size_t k = 0; k < ts_rules_count; k++)
				fprintf(stderr, "  %s\n", ts_rules[k]->id);
			return -EINVAL;
		}
		replay->rule[rule] = true;
	}
	for (size_t i = 0; i < ts_rules_count; i++)
		replay->profile.enabled[i] = replay->profile.enabled[i] && replay->rule[i];
	return 0;
}

static int choose_slice(struct replay_options *options)
{
	if (!options->window.is_slice)
		return 0;
	if (options->slice.from.kind || options->slice.to.kind)
		return ts_err(-EINVAL,
			      "replay: --window FROM..TO is a slice, and so are --from and "
			      "--to: only one of them can be had");
	options->slice = options->window.slice;
	return 0;
}

/* The whole slice as one window; without a word when nothing of it can be decoded. */
static int judge_slice(struct ts_replay *replay)
{
	struct ts_window window;
	struct ts_report *report;
	int exit_code;

	if (!ts_recording_slice(replay->recording, replay->from_ns, replay->to_ns, &window))
		return TS_EXIT_DONE;
	report = ts_replay_judge(replay, &window);
	exit_code = ts_replay_show(replay, report);
	replay->found = ts_report_wrong(report) > 0;
	ts_report_free(report);
	ts_window_free(&window);
	return exit_code;
}

static int replay_recording(const struct replay_options *options, struct ts_replay *replay,
			    const char *path)
{
	struct ts_recording_file *file;
	int exit_code = TS_EXIT_USAGE;

	if (ts_recording_file_open(path, &file, &replay->recording))
		return TS_EXIT_USAGE;
	if (!ts_time_slice_resolve(&options->slice, replay->recording, path, &replay->from_ns,
				   &replay->to_ns)) {
		exit_code = options->window.seconds > 0
				    ? ts_replay_timeline(replay, options->window.seconds)
				    : judge_slice(replay);
		if (ts_time_slice_check(replay->recording, path, replay->from_ns, replay->to_ns))
			exit_code = TS_EXIT_USAGE;
	}
	ts_recording_file_close(file);
	if (exit_code == TS_EXIT_DONE && options->exit_code && replay->found)
		exit_code = TS_EXIT_FINDINGS;
	return exit_code;
}

static int run(const struct ts_command *command, int argc, char **argv)
{
	struct replay_options options = {0};
	struct ts_replay replay = {.out = stdout};
	const char *path;
	size_t paths;
	int exit_code;

	if (!ts_options_parse(command, argc, argv, &options, &path, 1, &paths, &exit_code))
		return exit_code;
	if (!paths) {
		ts_err(0,
		       "replay: which recording? `tunescope replay PATH`: a file, or a directory "
		       "of recorded segments");
		return TS_EXIT_USAGE;
	}
	if (choose_slice(&options) || ts_profile_load(options.profile, &replay.profile) ||
	    choose_rules(&options.rules, &replay))
		return TS_EXIT_USAGE;
	ts_output_options(options.color, &replay.look);
	replay.look.everything = options.everything;
	replay.json = options.json;
	return replay_recording(&options, &replay, path);
}

const struct ts_command ts_command_replay = {
	.name = "replay",
	.arguments = "PATH",
	.summary = "judge a recording, or any slice of it, as advise judges the present",
	.options = options_table,
	.run = run,
};
