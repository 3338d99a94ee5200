// SPDX-License-Identifier: GPL-2.0-only
/* The report as one JSON object: schema tunescope.report/1, docs/report.schema.json. */
#include "render.h"

#include <errno.h>
#include <string.h>

#include "json_parts.h"
#include "units.h"
#include "../arena.h"
#include "../profile.h"
#include "../recording.h"
#include "../rule.h"

#define SCHEMA "tunescope.report/1"

/* Of the whole recording that the window is a slice of: what there is, and what is not. */
static json_t *recording(const struct ts_json *w)
{
	const struct ts_recording *r = w->report->recording;
	json_t *object = json_object();
	const struct {
		const char *key;
		__u64 value;
	} counts[] = {
		{"frames", r->windows},
		{"damaged", r->damages},
		{"duplicates", r->duplicates},
		{"missing_frames", r->missing_frames},
		{"sessions", r->sessions},
		{"open_sessions", r->open_sessions},
		{"clock_steps", r->clock_steps},
		{"unknown_families", r->unknown.families},
		{"unknown_settings", r->unknown.settings},
	};

	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
		json_object_set_new(object, counts[i].key, ts_json_whole(counts[i].value));
	return object;
}

static json_t *window(const struct ts_json *w)
{
	const struct ts_window *win = w->window;
	json_t *object = json_object();
	__u64 end = win->delta->realtime_ns, start = win->start_realtime_ns;

	if (!start)
		start = end - (__u64)(win->seconds * 1e9);
	json_object_set_new(object, "seconds", ts_json_number(win->seconds));
	json_object_set_new(object, "start", ts_json_text(w, ts_utc_time(w->arena, start)));
	json_object_set_new(object, "end", ts_json_text(w, ts_utc_time(w->arena, end)));
	json_object_set_new(object, "missing_seconds", ts_json_number(win->missing_seconds));
	json_object_set_new(object, "profile",
			    ts_json_text(w, w->report->profile ? w->report->profile->name : ""));
	return object;
}

static json_t *scope(const struct ts_json *w, const struct ts_finding *f)
{
	json_t *object = json_object();

	json_object_set_new(object, "kind", ts_json_text(w, ts_scope_name(f->scope)));
	if (*f->netns)
		json_object_set_new(object, "netns", ts_json_number_or_text(w, f->netns));
	if (*f->device)
		json_object_set_new(object, "device", ts_json_text(w, f->device));
	if (*f->cgroup)
		json_object_set_new(object, "cgroup", ts_json_text(w, f->cgroup));
	if (*f->port)
		json_object_set_new(object, "port", ts_json_number_or_text(w, f->port));
	if (f->pid)
		json_object_set_new(object, "pid", json_integer(f->pid));
	if (*f->comm)
		json_object_set_new(object, "comm", ts_json_text(w, f->comm));
	return object;
}

static json_t *evidence(const struct ts_json *w, const struct ts_finding *f)
{
	json_t *array = json_array();

	for (size_t i = 0; i < f->evidence_count; i++) {
		const struct ts_evidence *e = &f->evidence[i];
		json_t *object = json_object();

		json_object_set_new(object, "family", ts_json_text(w, ts_families[e->family].name));
		json_object_set_new(object, "labels", ts_json_labels(w, e->family, e->label));
		json_object_set_new(object, "what", ts_json_text(w, e->what));
		json_object_set_new(object, "value", ts_json_number(e->value));
		json_object_set_new(object, "unit", ts_json_text(w, e->unit));
		json_object_set_new(object, "threshold",
				    e->has_threshold ? ts_json_number(e->threshold) : json_null());
		json_object_set_new(object, "samples", ts_json_whole(e->samples));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *sufferers(const struct ts_json *w, const struct ts_finding *f)
{
	json_t *array = json_array();

	for (size_t i = 0; i < f->sufferer_count; i++)
		json_array_append_new(array, ts_json_sufferer(w, &f->sufferer[i]));
	return array;
}

/* "a, b" -> ["a", "b"] */
static json_t *list(const struct ts_json *w, const char *names)
{
	json_t *array = json_array();
	const char *separators = ", ";

	names += strspn(names, separators);
	while (*names) {
		size_t length = strcspn(names, separators);
		const char *name = ts_arena_printf(w->arena, "%.*s", (int)length, names);

		json_array_append_new(array, ts_json_text(w, name));
		names += length;
		names += strspn(names, separators);
	}
	return array;
}

static json_t *finding(const struct ts_json *w, const struct ts_finding *f)
{
	json_t *object = json_object(), *harm = json_object();
	const struct {
		const char *key, *value;
	} texts[] = {
		{"id", f->id},
		{"rule", f->rule},
		{"title", f->title},
		{"outcome", ts_outcome_name(f->outcome)},
		{"setting", f->setting},
		{"current", f->current},
		{"proposed", f->proposed},
		{"computed", f->computed},
		{"remedy", f->remedy},
		{"risk", f->risk},
		{"takes_effect", f->takes_effect},
		{"expect", f->expect},
		{"apply", f->apply},
		{"undo", f->undo},
	};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		json_object_set_new(object, texts[i].key, ts_json_text(w, texts[i].value));
	if (f->outcome == TS_OUTCOME_NOT_A_SETTING) {
		json_object_set_new(object, "cause", ts_json_text(w, f->cause));
		json_object_set_new(object, "acquits", list(w, f->acquits));
	}
	json_object_set_new(harm, "value", ts_json_number(f->harm));
	json_object_set_new(harm, "unit", ts_json_text(w, f->harm_unit));
	json_object_set_new(object, "harm", harm);
	json_object_set_new(object, "scope", scope(w, f));
	json_object_set_new(object, "confidence", ts_json_number(f->confidence));
	json_object_set_new(object, "evidence", evidence(w, f));
	json_object_set_new(object, "sufferers", sufferers(w, f));
	return object;
}

static json_t *findings(const struct ts_json *w)
{
	json_t *array = json_array();

	for (size_t i = 0; i < w->report->findings; i++)
		json_array_append_new(array, finding(w, &w->report->finding[i]));
	return array;
}

static json_t *rules(const struct ts_json *w)
{
	json_t *array = json_array();

	for (size_t i = 0; i < w->report->rules; i++) {
		const struct ts_rule_result *result = &w->report->rule[i];
		json_t *object = json_object();

		json_object_set_new(object, "rule", ts_json_text(w, result->rule->id));
		json_object_set_new(object, "title", ts_json_text(w, result->rule->title));
		json_object_set_new(object, "outcome",
				    ts_json_text(w, ts_outcome_name(result->outcome)));
		json_object_set_new(object, "why", ts_json_text(w, result->why));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *objectives(const struct ts_json *w)
{
	json_t *array = json_array();

	for (size_t i = 0; i < w->report->objectives; i++)
		json_array_append_new(array, ts_json_objective(w, &w->report->objective[i]));
	return array;
}

int ts_render_json(FILE *out, const struct ts_report *report)
{
	return ts_render_json_audit(out, report, NULL);
}

int ts_render_json_audit(FILE *out, const struct ts_report *report, const struct ts_audit *audit)
{
	struct ts_json w = {.arena = ts_arena_new(), .window = report->window, .report = report};
	json_t *root = json_object();
	int error;

	json_object_set_new(root, "schema", json_string(SCHEMA));
	json_object_set_new(root, "host", ts_json_host(&w));
	json_object_set_new(root, "window", window(&w));
	if (report->recording)
		json_object_set_new(root, "recording", recording(&w));
	json_object_set_new(root, "findings", findings(&w));
	json_object_set_new(root, "rules", rules(&w));
	if (audit)
		json_object_set_new(root, "audit", ts_json_audit(&w, audit));
	json_object_set_new(root, "objectives", objectives(&w));
	json_object_set_new(root, "families", ts_json_families(&w));
	json_object_set_new(root, "settings", ts_json_settings(&w));
	json_object_set_new(root, "namespaces", ts_json_namespaces(&w));
	json_object_set_new(root, "cost", ts_json_cost(&w));
	error = json_dumpf(root, out, JSON_COMPACT | JSON_REAL_PRECISION(12)) ? -EIO : 0;
	if (!error)
		fputc('\n', out);
	json_decref(root);
	ts_arena_free(w.arena);
	return error;
}
