// SPDX-License-Identifier: GPL-2.0-only
/* The report as one JSON object: schema tunescope.report/1, docs/report.schema.json. */
#include "render.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"
#include "units.h"
#include "../arena.h"
#include "../histogram.h"
#include "../profile.h"
#include "../rule.h"

#define SCHEMA "tunescope.report/1"

struct writer {
	struct ts_arena *arena;
	const struct ts_report *report;
};

static json_t *text(const struct writer *w, const char *value)
{
	return json_string(ts_utf8_clean(w->arena, value ? value : ""));
}

/* Whole numbers look like it; what is not a number is null. */
static json_t *number(double value)
{
	if (!isfinite(value))
		return json_null();
	if (value == floor(value) && fabs(value) < 0x1p53)
		return json_integer((json_int_t)value);
	return json_real(value);
}

static json_t *whole(__u64 value)
{
	return value <= LLONG_MAX ? json_integer((json_int_t)value) : json_real((double)value);
}

/* A decimal number as a number, anything else as text. */
static json_t *number_or_text(const struct writer *w, const char *value)
{
	char *end;
	unsigned long long parsed;

	errno = 0;
	parsed = strtoull(value, &end, 10);
	if (*value < '0' || *value > '9' || *end || errno)
		return text(w, value);
	return whole(parsed);
}

static json_t *labels(const struct writer *w, enum ts_family_id id, const char *const *label)
{
	const struct ts_family *family = &ts_families[id];
	json_t *object = json_object();

	for (size_t i = 0; i < family->labels; i++)
		if (label[i] && *label[i])
			json_object_set_new(object, family->label_key[i], text(w, label[i]));
	return object;
}

static json_t *host(const struct writer *w)
{
	const struct ts_host *h = &w->report->window->delta->host;
	json_t *object = json_object();

	json_object_set_new(object, "hostname", text(w, h->hostname));
	json_object_set_new(object, "kernel", text(w, h->kernel));
	json_object_set_new(object, "machine", text(w, h->machine));
	json_object_set_new(object, "boot_id", text(w, h->boot_id));
	json_object_set_new(object, "cpus", json_integer(h->cpus));
	json_object_set_new(object, "memory_bytes", whole(h->memory_bytes));
	json_object_set_new(object, "tool_version", text(w, h->tool_version));
	return object;
}

static json_t *window(const struct writer *w)
{
	const struct ts_window *win = w->report->window;
	json_t *object = json_object();
	__u64 length = (__u64)(win->seconds * 1e9);

	json_object_set_new(object, "seconds", number(win->seconds));
	json_object_set_new(object, "start",
			    text(w, ts_utc_time(w->arena, win->delta->realtime_ns - length)));
	json_object_set_new(object, "end", text(w, ts_utc_time(w->arena, win->delta->realtime_ns)));
	json_object_set_new(object, "profile",
			    text(w, w->report->profile ? w->report->profile->name : ""));
	return object;
}

static json_t *scope(const struct writer *w, const struct ts_finding *f)
{
	json_t *object = json_object();

	json_object_set_new(object, "kind", text(w, ts_scope_name(f->scope)));
	if (*f->netns)
		json_object_set_new(object, "netns", number_or_text(w, f->netns));
	if (*f->device)
		json_object_set_new(object, "device", text(w, f->device));
	if (*f->cgroup)
		json_object_set_new(object, "cgroup", text(w, f->cgroup));
	if (*f->port)
		json_object_set_new(object, "port", number_or_text(w, f->port));
	if (f->pid)
		json_object_set_new(object, "pid", json_integer(f->pid));
	if (*f->comm)
		json_object_set_new(object, "comm", text(w, f->comm));
	return object;
}

static json_t *evidence(const struct writer *w, const struct ts_finding *f)
{
	json_t *array = json_array();

	for (size_t i = 0; i < f->evidence_count; i++) {
		const struct ts_evidence *e = &f->evidence[i];
		json_t *object = json_object();

		json_object_set_new(object, "family", text(w, ts_families[e->family].name));
		json_object_set_new(object, "labels", labels(w, e->family, e->label));
		json_object_set_new(object, "what", text(w, e->what));
		json_object_set_new(object, "value", number(e->value));
		json_object_set_new(object, "unit", text(w, e->unit));
		json_object_set_new(object, "threshold",
				    e->has_threshold ? number(e->threshold) : json_null());
		json_object_set_new(object, "samples", whole(e->samples));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *sufferers(const struct writer *w, const struct ts_finding *f)
{
	json_t *array = json_array();

	for (size_t i = 0; i < f->sufferer_count; i++) {
		const struct ts_sufferer *s = &f->sufferer[i];
		json_t *object = json_object();

		json_object_set_new(object, "family", text(w, ts_families[s->family].name));
		json_object_set_new(object, "labels", labels(w, s->family, s->label));
		json_object_set_new(object, "pid", s->pid ? json_integer(s->pid) : json_null());
		json_object_set_new(object, "comm", text(w, s->comm));
		json_object_set_new(object, "cgroup", text(w, s->cgroup));
		json_object_set_new(object, "value", number(s->value));
		json_object_set_new(object, "unit",
				    text(w, ts_unit_name(ts_families[s->family].unit)));
		json_array_append_new(array, object);
	}
	return array;
}

/* "a, b" -> ["a", "b"] */
static json_t *list(const struct writer *w, const char *names)
{
	json_t *array = json_array();
	const char *separators = ", ";

	names += strspn(names, separators);
	while (*names) {
		size_t length = strcspn(names, separators);
		const char *name = ts_arena_printf(w->arena, "%.*s", (int)length, names);

		json_array_append_new(array, text(w, name));
		names += length;
		names += strspn(names, separators);
	}
	return array;
}

static json_t *finding(const struct writer *w, const struct ts_finding *f)
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
		json_object_set_new(object, texts[i].key, text(w, texts[i].value));
	if (f->outcome == TS_OUTCOME_NOT_A_SETTING) {
		json_object_set_new(object, "cause", text(w, f->cause));
		json_object_set_new(object, "acquits", list(w, f->acquits));
	}
	json_object_set_new(harm, "value", number(f->harm));
	json_object_set_new(harm, "unit", text(w, f->harm_unit));
	json_object_set_new(object, "harm", harm);
	json_object_set_new(object, "scope", scope(w, f));
	json_object_set_new(object, "confidence", number(f->confidence));
	json_object_set_new(object, "evidence", evidence(w, f));
	json_object_set_new(object, "sufferers", sufferers(w, f));
	return object;
}

static json_t *findings(const struct writer *w)
{
	json_t *array = json_array();

	for (size_t i = 0; i < w->report->findings; i++)
		json_array_append_new(array, finding(w, &w->report->finding[i]));
	return array;
}

static json_t *rules(const struct writer *w)
{
	json_t *array = json_array();

	for (size_t i = 0; i < w->report->rules; i++) {
		const struct ts_rule_result *result = &w->report->rule[i];
		json_t *object = json_object();

		json_object_set_new(object, "rule", text(w, result->rule->id));
		json_object_set_new(object, "title", text(w, result->rule->title));
		json_object_set_new(object, "outcome", text(w, ts_outcome_name(result->outcome)));
		json_object_set_new(object, "why", text(w, result->why));
		json_array_append_new(array, object);
	}
	return array;
}

/* [slot, count] of the slots in use: see include/tunescope/histogram.h for what a slot covers. */
static json_t *buckets(const struct ts_histogram *h)
{
	json_t *array = json_array();

	for (unsigned int slot = 0; slot < (unsigned int)TS_HISTOGRAM_SLOTS(h->scale); slot++) {
		json_t *pair;

		if (!h->slot[slot])
			continue;
		pair = json_array();
		json_array_append_new(pair, json_integer(slot));
		json_array_append_new(pair, whole(h->slot[slot]));
		json_array_append_new(array, pair);
	}
	return array;
}

static void histogram_members(json_t *object, const struct ts_histogram *h)
{
	json_object_set_new(object, "count", whole(h->count));
	json_object_set_new(object, "sum", number(ts_histogram_sum(h)));
	json_object_set_new(object, "max", number(ts_histogram_max(h)));
	json_object_set_new(object, "max_is_bound", json_boolean(h->max_is_bound));
	json_object_set_new(object, "p50", number(ts_histogram_quantile(h, 0.50)));
	json_object_set_new(object, "p95", number(ts_histogram_quantile(h, 0.95)));
	json_object_set_new(object, "p99", number(ts_histogram_quantile(h, 0.99)));
	json_object_set_new(object, "scale", json_integer(h->scale));
	json_object_set_new(object, "buckets", buckets(h));
}

static json_t *series(const struct writer *w, enum ts_family_id id, const struct ts_series *s)
{
	const struct ts_family *family = &ts_families[id];
	json_t *object = json_object();

	json_object_set_new(object, "labels", labels(w, id, s->label));
	if (family->kind == TS_KIND_HISTOGRAM)
		histogram_members(object, s->histogram);
	else if (family->kind != TS_KIND_COUNTER)
		json_object_set_new(object, "value", number(s->gauge));
	else
		json_object_set_new(object, "value",
				    family->unit == TS_UNIT_SECONDS
					    ? number((double)s->counter / 1e9)
					    : whole(s->counter));
	return object;
}

static json_t *families(const struct writer *w)
{
	json_t *array = json_array();

	ts_for_each_family (id) {
		const struct ts_family_data *data = &w->report->window->delta->family[id];
		json_t *object = json_object(), *all = json_array();

		json_object_set_new(object, "name", text(w, ts_families[id].name));
		json_object_set_new(object, "kind", text(w, ts_kind_name(ts_families[id].kind)));
		json_object_set_new(object, "unit", text(w, ts_unit_name(ts_families[id].unit)));
		json_object_set_new(object, "source",
				    text(w, ts_source_names[ts_families[id].source]));
		json_object_set_new(object, "status", text(w, ts_status_name(data->status)));
		json_object_set_new(object, "why", text(w, data->why));
		json_object_set_new(object, "overflowed", whole(data->overflowed));
		for (size_t i = 0; i < data->count; i++)
			json_array_append_new(all,
					      series(w, (enum ts_family_id)id, &data->series[i]));
		json_object_set_new(object, "series", all);
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *settings(const struct writer *w)
{
	const struct ts_snapshot *delta = w->report->window->delta;
	json_t *array = json_array();

	for (size_t i = 0; i < delta->settings; i++) {
		const struct ts_setting_value *v = &delta->setting[i];
		json_t *object = json_object();

		json_object_set_new(object, "name", text(w, ts_settings[v->id].name));
		json_object_set_new(object, "scope", text(w, v->scope));
		json_object_set_new(object, "value", text(w, v->value));
		json_object_set_new(object, "status", text(w, ts_status_name(v->status)));
		json_object_set_new(object, "why", text(w, v->why));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *namespaces(const struct writer *w)
{
	const struct ts_snapshot *delta = w->report->window->delta;
	json_t *array = json_array();

	for (size_t i = 0; i < delta->netns_count; i++) {
		const struct ts_netns *n = &delta->netns[i];
		json_t *object = json_object();

		json_object_set_new(object, "netns", number_or_text(w, n->inode));
		json_object_set_new(object, "name", text(w, n->name));
		json_object_set_new(object, "pid", n->pid ? json_integer(n->pid) : json_null());
		json_object_set_new(object, "comm", text(w, n->comm));
		json_object_set_new(object, "initial", json_boolean(n->initial));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *programs(const struct writer *w, const struct ts_cost *cost)
{
	json_t *array = json_array();

	for (size_t i = 0; i < cost->probes; i++) {
		const struct ts_probe_cost *p = &cost->probe[i];
		json_t *object = json_object();

		json_object_set_new(object, "name", text(w, p->name));
		json_object_set_new(object, "source", text(w, p->source));
		json_object_set_new(object, "hook", text(w, p->hook));
		json_object_set_new(object, "status", text(w, ts_status_name(p->status)));
		json_object_set_new(object, "why", text(w, p->why));
		json_object_set_new(object, "events", whole(p->run_count));
		json_object_set_new(object, "seconds", number((double)p->run_ns / 1e9));
		json_object_set_new(object, "instructions", json_integer(p->instructions));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *cost(const struct writer *w)
{
	const struct ts_cost *c = &w->report->window->delta->cost;
	json_t *object = json_object(), *per_event = json_object();
	double total_ns = 0;

	for (size_t i = 0; i < c->probes; i++) {
		const struct ts_probe_cost *p = &c->probe[i];

		total_ns += (double)p->run_ns;
		if (p->run_count)
			json_object_set_new(per_event, ts_utf8_clean(w->arena, p->name),
					    number((double)p->run_ns / (double)p->run_count));
	}
	json_object_set_new(object, "bpf_ns_per_event", per_event);
	json_object_set_new(object, "bpf_statistics_seconds", number((double)c->stats_ns / 1e9));
	json_object_set_new(object, "bpf_cpu_percent",
			    c->stats_ns ? number(total_ns / (double)c->stats_ns * 100)
					: json_null());
	json_object_set_new(object, "user_cpu_percent",
			    number((double)c->user_cpu_ns / 1e7 / w->report->window->seconds));
	json_object_set_new(object, "rss_bytes", whole(c->rss_bytes));
	json_object_set_new(object, "peak_rss_bytes", whole(c->peak_rss_bytes));
	json_object_set_new(object, "map_bytes", whole(c->map_bytes));
	json_object_set_new(object, "lost_events", whole(c->lost_events));
	json_object_set_new(object, "snapshot_seconds", number((double)c->snapshot_ns / 1e9));
	json_object_set_new(object, "programs", programs(w, c));
	return object;
}

int ts_render_json(FILE *out, const struct ts_report *report)
{
	struct writer w = {.arena = ts_arena_new(), .report = report};
	json_t *root = json_object();
	int error;

	json_object_set_new(root, "schema", json_string(SCHEMA));
	json_object_set_new(root, "host", host(&w));
	json_object_set_new(root, "window", window(&w));
	json_object_set_new(root, "findings", findings(&w));
	json_object_set_new(root, "rules", rules(&w));
	json_object_set_new(root, "objectives", json_array());
	json_object_set_new(root, "families", families(&w));
	json_object_set_new(root, "settings", settings(&w));
	json_object_set_new(root, "namespaces", namespaces(&w));
	json_object_set_new(root, "cost", cost(&w));
	error = json_dumpf(root, out, JSON_COMPACT | JSON_REAL_PRECISION(12)) ? -EIO : 0;
	if (!error)
		fputc('\n', out);
	json_decref(root);
	ts_arena_free(w.arena);
	return error;
}
