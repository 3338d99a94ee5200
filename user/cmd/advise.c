// SPDX-License-Identifier: GPL-2.0-only
/* tunescope advise: observe this host for a while and say what to change. */
#include <string.h>

#include "collect_arguments.h"
#include "command.h"
#include "observe.h"
#include "options.h"
#include "output.h"
#include "profile_file.h"
#include "../core/error.h"
#include "../core/profile.h"
#include "../live/collect.h"

struct advise_options {
	double seconds;
	const char *profile;
	struct ts_collect_arguments measure;
	bool json, exit_code, everything;
	int color;
};

#define AT(member) offsetof(struct advise_options, member)
static const struct ts_option options_table[] = {
	{"duration", 'd', "DURATION", ts_option_duration, AT(seconds), 0.1, 86400, NULL,
	 "observe for so long: 500ms, 10s, 2m, 1h; a plain number is seconds (default 10s)"},
	{"profile", 0, "FILE|NAME", ts_option_text, AT(profile), 0, 0, NULL,
	 "thresholds to judge by (default: built in, the same as the profile default)"},
	{"json", 0, NULL, ts_option_switch, AT(json), 0, 0, NULL,
	 "print the report as JSON (schema tunescope.report/1)"},
	{"exit-code", 0, NULL, ts_option_switch, AT(exit_code), 0, 0, NULL,
	 "end with 1 when something is wrong"},
	{"all", 0, NULL, ts_option_switch, AT(everything), 0, 0, NULL,
	 "show all histograms and rules, not only those that help now"},
	{"color", 0, "WHEN", ts_option_choice, AT(color), 0, 0, ts_color_choices,
	 "auto, always or never (default auto: on a terminal, unless NO_COLOR is set)"},
	TS_COLLECT_OPTIONS(AT(measure)),
	{0},
};
#undef AT

static int render(const struct advise_options *options, const struct ts_report *report)
{
	struct ts_render_options look = {.everything = options->everything};

	if (options->json) {
		if (ts_render_json(stdout, report) && !ferror(stdout)) {
			ts_err(0, "the report could not be written as JSON");
			return TS_EXIT_FAILURE;
		}
	} else {
		ts_output_options(options->color, &look);
		ts_render_text(stdout, report, &look);
	}
	return options->exit_code && ts_report_wrong(report) ? TS_EXIT_FINDINGS : TS_EXIT_DONE;
}

static int run(const struct ts_command *command, int argc, char **argv)
{
	struct advise_options options = {.seconds = 10};
	struct ts_profile profile;
	struct ts_window window;
	struct ts_report *report;
	int exit_code;

	if (!ts_options_parse(command, argc, argv, &options, NULL, 0, NULL, &exit_code))
		return exit_code;
	ts_collect_arguments_done(&options.measure);
	if (ts_profile_load(options.profile, &profile))
		return TS_EXIT_USAGE;
	if (ts_observe_once(&options.measure.collect, options.seconds, &window))
		return TS_EXIT_FAILURE;
	ts_observe_check_programs(&options.measure.disabled_programs);
	report = ts_report_make(&window, &profile);
	exit_code = render(&options, report);
	ts_report_free(report);
	ts_window_free(&window);
	return exit_code;
}

const struct ts_command ts_command_advise = {
	.name = "advise",
	.arguments = "",
	.summary = "observe this host and say which settings to change, and which not",
	.options = options_table,
	.run = run,
};
