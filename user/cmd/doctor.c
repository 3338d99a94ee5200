// SPDX-License-Identifier: GPL-2.0-only
/* tunescope doctor: what works on this host, what does not and why, and what it costs. */
#include "doctor.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "collect_arguments.h"
#include "command.h"
#include "observe.h"
#include "options.h"
#include "../core/error.h"
#include "../live/capability.h"
#include "../live/clock.h"
#include "../live/collect.h"
#include "../live/privileges.h"

#define MEASURE_SECONDS 2

struct doctor_options {
	struct ts_collect_arguments measure;
	bool json;
};

#define AT(member) offsetof(struct doctor_options, member)
static const struct ts_option options_table[] = {
	{"json", 0, NULL, ts_option_switch, AT(json), 0, 0, NULL,
	 "print JSON (schema tunescope.doctor/1)"},
	TS_COLLECT_OPTIONS(AT(measure)),
	{0},
};
#undef AT

const char *ts_health_name(enum ts_health health)
{
	static const char *const names[] = {
		[TS_HEALTH_FULL] = "full",
		[TS_HEALTH_PARTIAL] = "partial",
		[TS_HEALTH_NONE] = "none",
	};

	return names[health];
}

static double monotonic_seconds(void)
{
	return (double)ts_clock_ns(CLOCK_MONOTONIC) / 1e9;
}

/* A source is what its best family is: ok before no-data before the reason why not. */
static void judge_sources(struct ts_doctor *doctor)
{
	for (int source = 0; source < TS_SOURCE_COUNT; source++) {
		struct ts_source_state *state = &doctor->source[source];
		bool first = true;

		ts_for_each_family (id) {
			enum ts_status status = ts_window_status(&doctor->window, id);

			if ((int)ts_families[id].source != source)
				continue;
			if (status == TS_STATUS_OK) {
				*state = (struct ts_source_state){TS_STATUS_OK, ""};
				break;
			}
			if (first ||
			    (state->status != TS_STATUS_NO_DATA && status == TS_STATUS_NO_DATA))
				*state = (struct ts_source_state){
					status, ts_window_why(&doctor->window, id)};
			first = false;
		}
	}
}

/* What the user switched off is not a fault. */
static enum ts_health judge_health(const struct ts_doctor *doctor,
				   const struct doctor_options *options)
{
	const struct ts_cost *cost = &doctor->window.delta->cost;
	size_t attached = 0, faults = 0;

	for (size_t i = 0; i < cost->probes; i++) {
		attached += cost->probe[i].status == TS_STATUS_OK;
		faults += cost->probe[i].status != TS_STATUS_OK &&
			  cost->probe[i].status != TS_STATUS_DISABLED;
	}
	for (int source = 0; source < TS_SOURCE_COUNT; source++)
		faults += !options->measure.collect.disabled[source] &&
			  (doctor->source[source].status == TS_STATUS_FAILED ||
			   doctor->source[source].status == TS_STATUS_UNSUPPORTED);
	for (size_t i = 0; i < ts_capabilities_count; i++)
		faults += !ts_capability_held(&ts_capabilities[i]);
	if (!faults)
		return TS_HEALTH_FULL;
	return attached ? TS_HEALTH_PARTIAL : TS_HEALTH_NONE;
}

/* False only after a signal; an environment in which nothing works is a finding of the doctor. */
static bool examine(const struct doctor_options *options, struct ts_doctor *doctor)
{
	struct ts_observe_options how = {
		.seconds = MEASURE_SECONDS,
		.progress = isatty(STDERR_FILENO),
		.statistics = true,
	};
	struct ts_collector *collector;
	double start;
	int error;

	doctor->health = TS_HEALTH_NONE;
	doctor->facts = ts_kernel_facts(options->measure.collect.btf_path, doctor->fact);
	ts_observe_signals();
	start = monotonic_seconds();
	if (ts_collector_open(&options->measure.collect, &collector))
		return true;
	doctor->open_seconds = monotonic_seconds() - start;
	error = ts_privileges_drop();
	if (!error)
		error = ts_observe(collector, &how, &doctor->window);
	ts_collector_close(collector);
	if (error)
		return false;
	doctor->opened = true;
	judge_sources(doctor);
	doctor->health = judge_health(doctor, options);
	return true;
}

static int run(const struct ts_command *command, int argc, char **argv)
{
	static const int exit_codes[] = {
		[TS_HEALTH_FULL] = TS_EXIT_DONE,
		[TS_HEALTH_PARTIAL] = TS_EXIT_FINDINGS,
		[TS_HEALTH_NONE] = TS_EXIT_FAILURE,
	};
	struct doctor_options options = {0};
	struct ts_doctor doctor = {0};
	int exit_code;

	if (!ts_options_parse(command, argc, argv, &options, NULL, 0, NULL, &exit_code))
		return exit_code;
	ts_collect_arguments_done(&options.measure);
	if (!examine(&options, &doctor))
		return TS_EXIT_FAILURE;
	exit_code = exit_codes[doctor.health];
	if (!options.json)
		ts_doctor_text(stdout, &doctor);
	else if (ts_doctor_json(stdout, &doctor) && !ferror(stdout))
		exit_code = TS_EXIT_FAILURE;
	ts_window_free(&doctor.window);
	return exit_code;
}

const struct ts_command ts_command_doctor = {
	.name = "doctor",
	.arguments = "",
	.summary = "say what works on this host, what does not and why, and what measuring costs",
	.options = options_table,
	.run = run,
};
