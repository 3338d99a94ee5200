// SPDX-License-Identifier: GPL-2.0-only
/* What the JSON of a report and that of a window have in common. */
#include "json_parts.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "escape.h"
#include "../arena.h"
#include "../histogram.h"

json_t *ts_json_text(const struct ts_json *w, const char *value)
{
	return json_string(ts_utf8_clean(w->arena, value ? value : ""));
}

json_t *ts_json_number(double value)
{
	if (!isfinite(value))
		return json_null();
	if (value == floor(value) && fabs(value) < 0x1p53)
		return json_integer((json_int_t)value);
	return json_real(value);
}

json_t *ts_json_whole(__u64 value)
{
	return value <= LLONG_MAX ? json_integer((json_int_t)value) : json_real((double)value);
}

json_t *ts_json_number_or_text(const struct ts_json *w, const char *value)
{
	char *end;
	unsigned long long parsed;

	errno = 0;
	parsed = strtoull(value, &end, 10);
	if (*value < '0' || *value > '9' || *end || errno)
		return ts_json_text(w, value);
	return ts_json_whole(parsed);
}

json_t *ts_json_labels(const struct ts_json *w, enum ts_family_id id, const char *const *label)
{
	const struct ts_family *family = &ts_families[id];
	json_t *object = json_object();

	for (size_t i = 0; i < family->labels; i++)
		if (label[i] && *label[i])
			json_object_set_new(object, family->label_key[i],
					    ts_json_text(w, label[i]));
	return object;
}

json_t *ts_json_host(const struct ts_json *w)
{
	const struct ts_host *h = &w->window->delta->host;
	json_t *object = json_object();

	json_object_set_new(object, "hostname", ts_json_text(w, h->hostname));
	json_object_set_new(object, "kernel", ts_json_text(w, h->kernel));
	json_object_set_new(object, "machine", ts_json_text(w, h->machine));
	json_object_set_new(object, "boot_id", ts_json_text(w, h->boot_id));
	json_object_set_new(object, "cpus", json_integer(h->cpus));
	json_object_set_new(object, "memory_bytes", ts_json_whole(h->memory_bytes));
	json_object_set_new(object, "tool_version", ts_json_text(w, h->tool_version));
	return object;
}

json_t *ts_json_sufferer(const struct ts_json *w, const struct ts_sufferer *s)
{
	json_t *object = json_object();

	json_object_set_new(object, "family", ts_json_text(w, ts_families[s->family].name));
	json_object_set_new(object, "labels", ts_json_labels(w, s->family, s->label));
	json_object_set_new(object, "pid", s->pid ? json_integer(s->pid) : json_null());
	json_object_set_new(object, "comm", ts_json_text(w, s->comm));
	json_object_set_new(object, "cgroup", ts_json_text(w, s->cgroup));
	json_object_set_new(object, "value", ts_json_number(s->value));
	json_object_set_new(object, "unit",
			    ts_json_text(w, ts_unit_name(ts_families[s->family].unit)));
	return object;
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
		json_array_append_new(pair, ts_json_whole(h->slot[slot]));
		json_array_append_new(array, pair);
	}
	return array;
}

static void histogram_members(json_t *object, const struct ts_histogram *h)
{
	json_object_set_new(object, "count", ts_json_whole(h->count));
	json_object_set_new(object, "sum", ts_json_number(ts_histogram_sum(h)));
	json_object_set_new(object, "max", ts_json_number(ts_histogram_max(h)));
	json_object_set_new(object, "max_is_bound", json_boolean(h->max_is_bound));
	json_object_set_new(object, "p50", ts_json_number(ts_histogram_quantile(h, 0.50)));
	json_object_set_new(object, "p95", ts_json_number(ts_histogram_quantile(h, 0.95)));
	json_object_set_new(object, "p99", ts_json_number(ts_histogram_quantile(h, 0.99)));
	json_object_set_new(object, "scale", json_integer(h->scale));
	json_object_set_new(object, "buckets", buckets(h));
}

static json_t *series(const struct ts_json *w, enum ts_family_id id, const struct ts_series *s)
{
	const struct ts_family *family = &ts_families[id];
	json_t *object = json_object();

	json_object_set_new(object, "labels", ts_json_labels(w, id, s->label));
	if (family->kind == TS_KIND_HISTOGRAM)
		histogram_members(object, s->histogram);
	else if (family->kind != TS_KIND_COUNTER)
		json_object_set_new(object, "value", ts_json_number(s->gauge));
	else
		json_object_set_new(object, "value",
				    family->unit == TS_UNIT_SECONDS
					    ? ts_json_number((double)s->counter / 1e9)
					    : ts_json_whole(s->counter));
	return object;
}

static json_t *family_object(const struct ts_json *w, enum ts_family_id id)
{
	const struct ts_family_data *data = &w->window->delta->family[id];
	json_t *object = json_object(), *all = json_array();

	json_object_set_new(object, "name", ts_json_text(w, ts_families[id].name));
	json_object_set_new(object, "kind", ts_json_text(w, ts_kind_name(ts_families[id].kind)));
	json_object_set_new(object, "unit", ts_json_text(w, ts_unit_name(ts_families[id].unit)));
	json_object_set_new(object, "source",
			    ts_json_text(w, ts_source_names[ts_families[id].source]));
	json_object_set_new(object, "status", ts_json_text(w, ts_status_name(data->status)));
	json_object_set_new(object, "why", ts_json_text(w, data->why));
	json_object_set_new(object, "overflowed", ts_json_whole(data->overflowed));
	for (size_t i = 0; i < data->count; i++)
		json_array_append_new(all, series(w, id, &data->series[i]));
	json_object_set_new(object, "series", all);
	return object;
}

json_t *ts_json_families(const struct ts_json *w)
{
	json_t *array = json_array();

	ts_for_each_family (id) {
		if (w->family && !w->family[id])
			continue;
		json_array_append_new(array, family_object(w, (enum ts_family_id)id));
	}
	return array;
}
json_t *ts_json_settings(const struct ts_json *w)
{
	const struct ts_snapshot *delta = w->window->delta;
	json_t *array = json_array();

	for (size_t i = 0; i < delta->settings; i++) {
		const struct ts_setting_value *v = &delta->setting[i];
		json_t *object = json_object();

		json_object_set_new(object, "name", ts_json_text(w, ts_settings[v->id].name));
		json_object_set_new(object, "scope", ts_json_text(w, v->scope));
		json_object_set_new(object, "value", ts_json_text(w, v->value));
		json_object_set_new(object, "status", ts_json_text(w, ts_status_name(v->status)));
		json_object_set_new(object, "why", ts_json_text(w, v->why));
		json_array_append_new(array, object);
	}
	return array;
}

json_t *ts_json_namespaces(const struct ts_json *w)
{
	const struct ts_snapshot *delta = w->window->delta;
	json_t *array = json_array();

	for (size_t i = 0; i < delta->netns_count; i++) {
		const struct ts_netns *n = &delta->netns[i];
		json_t *object = json_object();

		json_object_set_new(object, "netns", ts_json_number_or_text(w, n->inode));
		json_object_set_new(object, "name", ts_json_text(w, n->name));
		json_object_set_new(object, "pid", n->pid ? json_integer(n->pid) : json_null());
		json_object_set_new(object, "comm", ts_json_text(w, n->comm));
		json_object_set_new(object, "initial", json_boolean(n->initial));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *programs(const struct ts_json *w, const struct ts_cost *cost)
{
	json_t *array = json_array();

	for (size_t i = 0; i < cost->probes; i++) {
		const struct ts_probe_cost *p = &cost->probe[i];
		json_t *object = json_object();

		json_object_set_new(object, "name", ts_json_text(w, p->name));
		json_object_set_new(object, "source", ts_json_text(w, p->source));
		json_object_set_new(object, "hook", ts_json_text(w, p->hook));
		json_object_set_new(object, "status", ts_json_text(w, ts_status_name(p->status)));
		json_object_set_new(object, "why", ts_json_text(w, p->why));
		json_object_set_new(object, "events", ts_json_whole(p->run_count));
		json_object_set_new(object, "seconds", ts_json_number((double)p->run_ns / 1e9));
		json_object_set_new(object, "instructions", json_integer(p->instructions));
		json_array_append_new(array, object);
	}
	return array;
}

json_t *ts_json_cost(const struct ts_json *w)
{
	const struct ts_cost *c = &w->window->delta->cost;
	json_t *object = json_object(), *per_event = json_object();
	double total_ns = 0;

	for (size_t i = 0; i < c->probes; i++) {
		const struct ts_probe_cost *p = &c->probe[i];

		total_ns += (double)p->run_ns;
		if (p->run_count)
			json_object_set_new(
				per_event, ts_utf8_clean(w->arena, p->name),
				ts_json_number((double)p->run_ns / (double)p->run_count));
	}
	json_object_set_new(object, "bpf_ns_per_event", per_event);
	json_object_set_new(object, "bpf_statistics_seconds",
			    ts_json_number((double)c->stats_ns / 1e9));
	json_object_set_new(object, "bpf_cpu_percent",
			    c->stats_ns ? ts_json_number(total_ns / (double)c->stats_ns * 100)
					: json_null());
	json_object_set_new(object, "user_cpu_percent",
			    ts_json_number((double)c->user_cpu_ns / 1e7 / w->window->seconds));
	json_object_set_new(object, "rss_bytes", ts_json_whole(c->rss_bytes));
	json_object_set_new(object, "peak_rss_bytes", ts_json_whole(c->peak_rss_bytes));
	json_object_set_new(object, "map_bytes", ts_json_whole(c->map_bytes));
	json_object_set_new(object, "lost_events", ts_json_whole(c->lost_events));
	json_object_set_new(object, "snapshot_seconds",
			    ts_json_number((double)c->snapshot_ns / 1e9));
	json_object_set_new(object, "programs", programs(w, c));
	return object;
}
