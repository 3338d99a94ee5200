// SPDX-License-Identifier: GPL-2.0-only
/* tunescope audit: a guide's list of settings against what this host does. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collect_arguments.h"
#include "command.h"
#include "observe.h"
#include "options.h"
#include "output.h"
#include "profile_file.h"
#include "../core/arena.h"
#include "../core/audit.h"
#include "../core/error.h"
#include "../core/recording.h"
#include "../live/guide_settings.h"
#include "../live/recording_file.h"

#define PLACES_MAX   64
#define READINGS_MAX 512

struct audit_options {
	double seconds;
	const char *profile, *from;
	struct ts_collect_arguments measure;
	bool json, exit_code;
	int color;
};

#define AT(member) offsetof(struct audit_options, member)
static const struct ts_option options_table[] = {
	{"profile", 0, "FILE|NAME", ts_option_text, AT(profile), 0, 0, NULL,
	 "the guide: a profile with [settings]"},
	{"duration", 'd', "DURATION", ts_option_duration, AT(seconds), 0.1, 86400, NULL,
	 "observe for so long: 500ms, 10s, 2m, 1h; a plain number is seconds (default 10s)"},
	{"from", 0, "PATH", ts_option_text, AT(from), 0, 0, NULL,
	 "hold it against a recording instead; only settings that tunescope records are known"},
	{"json", 0, NULL, ts_option_switch, AT(json), 0, 0, NULL,
	 "print the report with the audit as JSON (schema tunescope.report/1)"},
	{"exit-code", 0, NULL, ts_option_switch, AT(exit_code), 0, 0, NULL,
	 "end with 1 when something is needed, or is set and harmful"},
	{"color", 0, "WHEN", ts_option_choice, AT(color), 0, 0, ts_color_choices,
	 "auto, always or never (default auto: on a terminal, unless NO_COLOR is set)"},
	TS_COLLECT_OPTIONS(AT(measure)),
	{0},
};
#undef AT

struct readings {
	struct ts_arena *arena;
	struct ts_reading reading[READINGS_MAX];
	size_t count;
};

static struct ts_reading *add(struct readings *readings, const struct ts_wanted *wanted)
{
	struct ts_reading *reading;

	if (readings->count == READINGS_MAX)
		return NULL;
	reading = &readings->reading[readings->count++];
	*reading = (struct ts_reading){
		.wanted = wanted, .scope = "", .value = "", .why = "", .refused = ""};
	return reading;
}

/* Only what a namespace made for it can show without touching this one. */
static const char *refusal(struct readings *readings, const struct ts_wanted *wanted)
{
	int id = ts_setting_by_name(wanted->name);
	char why[200];

	if (!(id >= 0 && ts_settings[id].scope == TS_SCOPE_NETNS) &&
	    strcmp(wanted->name, "net.ipv4.tcp_congestion_control"))
		return "";
	return ts_guide_accepted(wanted->name, wanted->value, why)
		       ? ""
		       : ts_arena_strdup(readings->arena, why);
}

static void read_host(struct readings *readings, const struct ts_wanted *wanted)
{
	struct ts_guide_value value[PLACES_MAX];
	size_t count = ts_guide_read(wanted->name, value, PLACES_MAX);
	const char *refused = refusal(readings, wanted);

	for (size_t i = 0; i < count; i++) {
		struct ts_reading *reading = add(readings, wanted);

		if (!reading)
			return;
		reading->scope = ts_arena_strdup(readings->arena, value[i].scope);
		reading->value = ts_arena_strdup(readings->arena, value[i].value);
		reading->why = ts_arena_strdup(readings->arena, value[i].why);
		reading->refused = refused;
	}
}

/* Of a setting that has one in each namespace, that of the initial one. */
static bool is_wanted(const struct ts_window *window, const struct ts_setting_value *value,
		      const char *name)
{
	const struct ts_setting *setting = &ts_settings[value->id];
	const struct ts_netns *netns;
	const char *slash = strrchr(name, '/');

	if (strcmp(setting->name, slash ? slash + 1 : name))
		return false;
	if (setting->scope != TS_SCOPE_NETNS)
		return true;
	netns = ts_window_netns(window, value->scope);
	return netns && netns->initial;
}

static void read_window(struct readings *readings, const struct ts_window *window,
			const struct ts_wanted *wanted)
{
	const struct ts_snapshot *delta = window->delta;
	struct ts_reading *reading;
	size_t before = readings->count;

	for (size_t i = 0; i < delta->settings; i++) {
		const struct ts_setting_value *value = &delta->setting[i];

		if (!is_wanted(window, value, wanted->name))
			continue;
		reading = add(readings, wanted);
		if (!reading)
			return;
		if (ts_settings[value->id].scope != TS_SCOPE_NETNS)
			reading->scope = value->scope;
		reading->value = value->value;
		reading->why = value->why;
	}
	reading = readings->count == before ? add(readings, wanted) : NULL;
	if (reading)
		reading->why = "it is not in the recording";
}

/* Settings that a finding wants in namespaces of others, which is where they are needed. */
static void add_namespaces(struct readings *readings, const struct ts_report *report)
{
	for (size_t i = 0; i < report->findings; i++) {
		const struct ts_finding *finding = &report->finding[i];
		const struct ts_netns *netns = ts_window_netns(report->window, finding->netns);

		if (finding->outcome != TS_OUTCOME_RECOMMEND || !*finding->netns ||
		    (netns && netns->initial))
			continue;
		for (size_t k = 0; k < report->profile->wants; k++) {
			const struct ts_wanted *wanted = &report->profile->wanted[k];
			struct ts_reading *reading = strcmp(wanted->name, finding->setting)
							     ? NULL
							     : add(readings, wanted);

			if (!reading)
				continue;
			reading->scope = finding->netns;
			reading->value = finding->current;
		}
	}
}

static int show(const struct audit_options *options, struct readings *readings,
		struct ts_report *report)
{
	struct ts_render_options look = {0};
	struct ts_audit *audit;

	add_namespaces(readings, report);
	audit = ts_audit_make(report, readings->reading, readings->count);
	if (options->json) {
		if (ts_render_json_audit(stdout, report, audit) && !ferror(stdout)) {
			ts_err(0, "the report could not be written as JSON");
			return TS_EXIT_FAILURE;
		}
	} else {
		ts_output_options(options->color, &look);
		ts_render_audit(stdout, audit, &look);
	}
	return options->exit_code && ts_audit_wrong(audit) ? TS_EXIT_FINDINGS : TS_EXIT_DONE;
}

static int judge(const struct audit_options *options, struct readings *readings,
		 const struct ts_profile *profile, struct ts_window *window,
		 const struct ts_recording *recording)
{
	struct ts_report *report = ts_report_make(window, profile);
	int exit_code;

	report->recording = recording;
	exit_code = show(options, readings, report);
	ts_report_free(report);
	ts_window_free(window);
	return exit_code;
}

static int audit_host(const struct audit_options *options, struct readings *readings,
		      const struct ts_profile *profile)
{
	struct ts_window window;

	for (size_t i = 0; i < profile->wants; i++)
		read_host(readings, &profile->wanted[i]);
	if (ts_observe_once(&options->measure.collect, options->seconds, &window))
		return TS_EXIT_FAILURE;
	ts_observe_check_programs(&options->measure.disabled_programs);
	return judge(options, readings, profile, &window, NULL);
}

static int audit_recording(const struct audit_options *options, struct readings *readings,
			   const struct ts_profile *profile)
{
	struct ts_recording *recording;
	struct ts_recording_file *file;
	struct ts_window window;
	int exit_code = TS_EXIT_USAGE;

	if (ts_recording_file_open(options->from, &file, &recording))
		return TS_EXIT_USAGE;
	if (!ts_recording_slice(recording, 0, ~0ULL, &window)) {
		ts_err(0, "audit: nothing in %s can be decoded", options->from);
	} else {
		for (size_t i = 0; i < profile->wants; i++)
			read_window(readings, &window, &profile->wanted[i]);
		exit_code = judge(options, readings, profile, &window, recording);
	}
	ts_recording_file_close(file);
	return exit_code;
}

static int run(const struct ts_command *command, int argc, char **argv)
{
	static struct readings readings;
	struct audit_options options = {.seconds = 10};
	struct ts_profile profile;
	int exit_code;

	if (!ts_options_parse(command, argc, argv, &options, NULL, 0, NULL, &exit_code))
		return exit_code;
	ts_collect_arguments_done(&options.measure);
	if (!options.profile) {
		ts_err(0, "audit: which guide? `tunescope audit --profile NAME`: a profile with "
			  "[settings], such as family-management");
		return TS_EXIT_USAGE;
	}
	if (ts_profile_load(options.profile, &profile))
		return TS_EXIT_USAGE;
	if (!profile.wants) {
		ts_err(0, "audit: the profile %s has no [settings] to go through", options.profile);
		return TS_EXIT_USAGE;
	}
	readings.arena = ts_arena_new();
	exit_code = options.from ? audit_recording(&options, &readings, &profile)
				 : audit_host(&options, &readings, &profile);
	ts_arena_free(readings.arena);
	return exit_code;
}

const struct ts_command ts_command_audit = {
	.name = "audit",
	.arguments = "",
	.summary = "hold a guide's list of settings against what this host does",
	.options = options_table,
	.run = run,
};
