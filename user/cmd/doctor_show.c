// SPDX-License-Identifier: GPL-2.0-only
/* The doctor's findings as text and as JSON. */
#include "doctor.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <sys/utsname.h>

#include "../core/arena.h"
#include "../core/render/escape.h"
#include "../core/render/render.h"
#include "../core/render/units.h"
#include "../live/capability.h"

static double stats_seconds(const struct ts_doctor *doctor)
{
	return (double)doctor->window.delta->cost.stats_ns / 1e9;
}

static void text_facts(FILE *out, const struct ts_doctor *doctor)
{
	fprintf(out, "\nKernel\n");
	for (size_t i = 0; i < doctor->facts; i++) {
		const struct ts_fact *fact = &doctor->fact[i];

		fprintf(out, "  %-8s %-14s %s\n", ts_fact_state_name(fact->state), fact->name,
			fact->detail);
		if (fact->state != TS_FACT_YES)
			fprintf(out, "  %23s  (%s)\n", "", fact->meaning);
	}
}

static void text_capabilities(FILE *out)
{
	fprintf(out, "\nCapabilities\n");
	for (size_t i = 0; i < ts_capabilities_count; i++) {
		const struct ts_capability *capability = &ts_capabilities[i];
		bool held = ts_capability_held(capability);

		fprintf(out, "  %-8s %s\n", held ? "held" : "missing", capability->name);
		if (!held)
			fprintf(out, "  %8s   lost: %s\n", "", capability->lost);
	}
}

static void text_sources(FILE *out, const struct ts_doctor *doctor, struct ts_arena *arena)
{
	fprintf(out, "\nSources\n");
	for (int i = 0; i < TS_SOURCE_COUNT; i++)
		fprintf(out, "  %-12s %s%*s%s\n", ts_status_name(doctor->source[i].status),
			ts_source_names[i],
			*doctor->source[i].why ? 11 - (int)strlen(ts_source_names[i]) : 0, "",
			ts_escape_terminal(arena, doctor->source[i].why));
}

static int longer(int width, const char *text)
{
	int length = (int)strlen(text);

	return length > width ? length : width;
}

static void text_programs(FILE *out, const struct ts_doctor *doctor, struct ts_arena *arena)
{
	const struct ts_cost *cost = &doctor->window.delta->cost;
	double seconds = stats_seconds(doctor);
	int name = 0, hook = 0;

	for (size_t i = 0; i < cost->probes; i++) {
		name = longer(name, cost->probe[i].name);
		hook = longer(hook, cost->probe[i].hook);
	}
	fprintf(out, "\nBPF programs\n  %-*s %-*s %6s %7s %9s\n", name, "program", hook, "hook",
		"ns", "per s", "CPU");
	for (size_t i = 0; i < cost->probes; i++) {
		const struct ts_probe_cost *p = &cost->probe[i];

		fprintf(out, "  %-*s %-*s ", name, p->name, hook, p->hook);
		if (p->status != TS_STATUS_OK)
			fprintf(out, "%s: %s\n", ts_status_name(p->status),
				ts_escape_terminal(arena, p->why));
		else if (!p->run_count || seconds <= 0)
			fprintf(out, "loaded, did not run\n");
		else
			fprintf(out, "%6.0f %7.0f %7.3f %%\n",
				(double)p->run_ns / (double)p->run_count,
				(double)p->run_count / seconds, (double)p->run_ns / 1e7 / seconds);
	}
	if (seconds > 0)
		fprintf(out,
			"  ns: mean of one run over %.1f s by the kernel's run-time statistics, "
			"their own\n  overhead (some 25 ns) included. CPU: share of one CPU.\n",
			seconds);
	else
		fprintf(out, "  The kernel's run-time statistics could not be switched on: the "
			     "cost is not known.\n");
}

static void text_cost(FILE *out, const struct ts_doctor *doctor, struct ts_arena *arena)
{
	const struct ts_cost *cost = &doctor->window.delta->cost;

	fprintf(out, "\nOwn cost\n");
	fprintf(out, "  start-up %s, snapshot %s, BPF maps %s, resident %s (peak %s)\n",
		ts_human_seconds(arena, doctor->open_seconds),
		ts_human_seconds(arena, (double)cost->snapshot_ns / 1e9),
		ts_human_bytes(arena, (double)cost->map_bytes),
		ts_human_bytes(arena, (double)cost->rss_bytes),
		ts_human_bytes(arena, (double)cost->peak_rss_bytes));
}

static void text_verdict(FILE *out, const struct ts_doctor *doctor)
{
	static const char *const verdicts[] = {
		[TS_HEALTH_FULL] = "Everything works.",
		[TS_HEALTH_PARTIAL] = "Most of it works; what does not is marked above.",
		[TS_HEALTH_NONE] = "Nothing can be measured here.",
	};

	fprintf(out, "\n%s\n", verdicts[doctor->health]);
}

void ts_doctor_text(FILE *out, const struct ts_doctor *doctor)
{
	struct ts_arena *arena = ts_arena_new();
	struct utsname host;

	if (uname(&host))
		memset(&host, 0, sizeof host);
	fprintf(out, "tunescope %s on Linux %s %s\n", TUNESCOPE_VERSION,
		ts_escape_terminal(arena, host.release), ts_escape_terminal(arena, host.machine));
	text_facts(out, doctor);
	text_capabilities(out);
	if (doctor->opened) {
		text_sources(out, doctor, arena);
		text_programs(out, doctor, arena);
		text_cost(out, doctor, arena);
	}
	text_verdict(out, doctor);
	ts_arena_free(arena);
}

static json_t *string(struct ts_arena *arena, const char *text)
{
	return json_string(ts_utf8_clean(arena, text));
}

static json_t *json_facts(const struct ts_doctor *doctor, struct ts_arena *arena)
{
	json_t *array = json_array();

	for (size_t i = 0; i < doctor->facts; i++) {
		const struct ts_fact *fact = &doctor->fact[i];

		json_array_append_new(array, json_pack("{s:s, s:s, s:s, s:o}", "name", fact->name,
						       "meaning", fact->meaning, "state",
						       ts_fact_state_name(fact->state), "detail",
						       string(arena, fact->detail)));
	}
	return array;
}

static json_t *json_capabilities(void)
{
	json_t *array = json_array();

	for (size_t i = 0; i < ts_capabilities_count; i++) {
		const struct ts_capability *capability = &ts_capabilities[i];

		json_array_append_new(
			array, json_pack("{s:s, s:b, s:b, s:s}", "name", capability->name, "held",
					 (int)ts_capability_held(capability), "essential",
					 (int)capability->essential, "lost", capability->lost));
	}
	return array;
}

static json_t *json_sources(const struct ts_doctor *doctor, struct ts_arena *arena)
{
	json_t *array = json_array();

	for (int i = 0; doctor->opened && i < TS_SOURCE_COUNT; i++)
		json_array_append_new(array,
				      json_pack("{s:s, s:s, s:o}", "name", ts_source_names[i],
						"status", ts_status_name(doctor->source[i].status),
						"why", string(arena, doctor->source[i].why)));
	return array;
}

static json_t *json_programs(const struct ts_doctor *doctor, struct ts_arena *arena)
{
	const struct ts_cost *cost = doctor->opened ? &doctor->window.delta->cost : NULL;
	json_t *array = json_array();

	for (size_t i = 0; cost && i < cost->probes; i++) {
		const struct ts_probe_cost *p = &cost->probe[i];
		double seconds = stats_seconds(doctor);
		bool measured = p->run_count && seconds > 0;
		json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:o, s:I}", "name", p->name,
					   "source", p->source, "hook", p->hook, "status",
					   ts_status_name(p->status), "why", string(arena, p->why),
					   "instructions", (json_int_t)p->instructions);

		json_object_set_new(object, "verified_instructions",
				    json_integer(p->verified_instructions));
		json_object_set_new(object, "verification_seconds",
				    json_real((double)p->verification_us / 1e6));
		json_object_set_new(object, "ns_per_event",
				    measured ? json_real((double)p->run_ns / (double)p->run_count)
					     : json_null());
		json_object_set_new(object, "events_per_second",
				    seconds > 0 ? json_real((double)p->run_count / seconds)
						: json_null());
		json_object_set_new(object, "cpu_percent",
				    seconds > 0 ? json_real((double)p->run_ns / 1e7 / seconds)
						: json_null());
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *json_cost(const struct ts_doctor *doctor)
{
	const struct ts_cost *cost;

	if (!doctor->opened)
		return json_null();
	cost = &doctor->window.delta->cost;
	return json_pack("{s:f, s:f, s:I, s:I, s:I, s:f}", "start_seconds", doctor->open_seconds,
			 "snapshot_seconds", (double)cost->snapshot_ns / 1e9, "map_bytes",
			 (json_int_t)cost->map_bytes, "rss_bytes", (json_int_t)cost->rss_bytes,
			 "peak_rss_bytes", (json_int_t)cost->peak_rss_bytes, "statistics_seconds",
			 stats_seconds(doctor));
}

int ts_doctor_json(FILE *out, const struct ts_doctor *doctor)
{
	struct ts_arena *arena = ts_arena_new();
	struct utsname host;
	json_t *root;
	int error;

	if (uname(&host))
		memset(&host, 0, sizeof host);
	root = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "schema",
			 "tunescope.doctor/1", "version", TUNESCOPE_VERSION, "health",
			 ts_health_name(doctor->health), "kernel", string(arena, host.release),
			 "facts", json_facts(doctor, arena), "capabilities", json_capabilities(),
			 "sources", json_sources(doctor, arena), "programs",
			 json_programs(doctor, arena), "cost", json_cost(doctor));
	error = json_dumpf(root, out, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) ? -EIO : 0;
	if (!error)
		fputc('\n', out);
	json_decref(root);
	ts_arena_free(arena);
	return error;
}
