// SPDX-License-Identifier: GPL-2.0-only
#include "snapshot.h"

#include <string.h>

#include "arena.h"
#include "histogram.h"

const char *ts_status_name(enum ts_status status)
{
	static const char *const names[] = {
		[TS_STATUS_NO_DATA] = "no-data",   [TS_STATUS_OK] = "ok",
		[TS_STATUS_DISABLED] = "disabled", [TS_STATUS_UNSUPPORTED] = "unsupported",
		[TS_STATUS_FAILED] = "failed",
	};

	return names[status];
}

struct ts_snapshot *ts_snapshot_new(void)
{
	struct ts_arena *arena = ts_arena_new();
	struct ts_snapshot *snapshot = ts_arena_alloc(arena, sizeof *snapshot);

	snapshot->arena = arena;
	ts_for_each_family (id)
		snapshot->family[id].why = "";
	snapshot->host = (struct ts_host){"", "", "", "", 0, 0, ""};
	return snapshot;
}

void ts_snapshot_free(struct ts_snapshot *snapshot)
{
	if (snapshot)
		ts_arena_free(snapshot->arena);
}

void ts_snapshot_family_status(struct ts_snapshot *snapshot, enum ts_family_id id,
			       enum ts_status status, const char *why)
{
	snapshot->family[id].status = status;
	snapshot->family[id].why = ts_arena_intern(snapshot->arena, why);
}

void ts_snapshot_source_status(struct ts_snapshot *snapshot, enum ts_source_id source,
			       enum ts_status status, const char *why)
{
	ts_for_each_family (id)
		if (ts_families[id].source == source)
			ts_snapshot_family_status(snapshot, id, status, why);
}

void ts_snapshot_reserve(struct ts_snapshot *snapshot, enum ts_family_id id, size_t count)
{
	struct ts_family_data *data = &snapshot->family[id];

	if (!count || data->capacity)
		return;
	data->series = ts_arena_alloc(snapshot->arena, count * sizeof *data->series);
	data->capacity = count;
}

struct ts_series *ts_snapshot_series(struct ts_snapshot *snapshot, enum ts_family_id id,
				     const char *const *labels)
{
	struct ts_family_data *data = &snapshot->family[id];
	struct ts_series *series, *last;

	data->series = ts_arena_grow(snapshot->arena, data->series, data->count, &data->capacity,
				     sizeof *data->series);
	last = data->count ? &data->series[data->count - 1] : NULL;
	series = &data->series[data->count++];
	for (size_t i = 0; i < TS_LABELS_MAX; i++) {
		const char *label = labels && i < ts_families[id].labels ? labels[i] : NULL;

		/* Those that stand together often differ in one of their labels only. */
		if (label && last && !strcmp(label, last->label[i]))
			series->label[i] = last->label[i];
		else
			series->label[i] = ts_arena_intern(snapshot->arena, label);
	}
	return series;
}

static struct ts_series *append(struct ts_snapshot *snapshot, enum ts_family_id id,
				const char *const *labels)
{
	struct ts_family_data *data = &snapshot->family[id];

	if (data->status == TS_STATUS_NO_DATA)
		data->status = TS_STATUS_OK;
	return ts_snapshot_series(snapshot, id, labels);
}

void ts_snapshot_counter(struct ts_snapshot *snapshot, enum ts_family_id id,
			 const char *const *labels, __u64 value)
{
	append(snapshot, id, labels)->counter = value;
}

void ts_snapshot_gauge(struct ts_snapshot *snapshot, enum ts_family_id id,
		       const char *const *labels, double value)
{
	append(snapshot, id, labels)->gauge = value;
}

struct ts_histogram *ts_snapshot_histogram(struct ts_snapshot *snapshot, enum ts_family_id id,
					   const char *const *labels, unsigned int scale)
{
	struct ts_series *series = append(snapshot, id, labels);

	series->histogram = ts_histogram_new(snapshot->arena, scale, ts_families[id].unit);
	return series->histogram;
}

struct ts_host ts_host_copy(struct ts_arena *arena, const struct ts_host *host)
{
	return (struct ts_host){
		.hostname = ts_arena_intern(arena, host->hostname),
		.kernel = ts_arena_intern(arena, host->kernel),
		.machine = ts_arena_intern(arena, host->machine),
		.boot_id = ts_arena_intern(arena, host->boot_id),
		.cpus = host->cpus,
		.memory_bytes = host->memory_bytes,
		.tool_version = ts_arena_intern(arena, host->tool_version),
	};
}

void ts_snapshot_setting(struct ts_snapshot *snapshot, enum ts_setting_id id, const char *scope,
			 enum ts_status status, const char *value, const char *choices,
			 const char *why)
{
	struct ts_arena *arena = snapshot->arena;

	snapshot->setting = ts_arena_grow(arena, snapshot->setting, snapshot->settings,
					  &snapshot->settings_capacity, sizeof *snapshot->setting);
	snapshot->setting[snapshot->settings++] = (struct ts_setting_value){
		.id = id,
		.scope = ts_arena_intern(arena, scope),
		.value = ts_arena_intern(arena, value),
		.choices = ts_arena_intern(arena, choices),
		.status = status,
		.why = ts_arena_intern(arena, why),
		.before = "",
	};
}

const struct ts_setting_value *ts_setting_among(const struct ts_setting_value *among, size_t count,
						size_t hint, const struct ts_setting_value *wanted)
{
	for (size_t n = 0; n < count; n++) {
		const struct ts_setting_value *v = &among[(hint + n) % count];

		if (v->id == wanted->id && !strcmp(v->scope, wanted->scope))
			return v;
	}
	return NULL;
}

void ts_snapshot_netns(struct ts_snapshot *snapshot, const struct ts_netns *netns)
{
	struct ts_arena *arena = snapshot->arena;

	snapshot->netns = ts_arena_grow(arena, snapshot->netns, snapshot->netns_count,
					&snapshot->netns_capacity, sizeof *snapshot->netns);
	snapshot->netns[snapshot->netns_count++] = (struct ts_netns){
		.inode = ts_arena_intern(arena, netns->inode),
		.name = ts_arena_intern(arena, netns->name),
		.pid = netns->pid,
		.comm = ts_arena_intern(arena, netns->comm),
		.initial = netns->initial,
	};
}

void ts_snapshot_sufferer(struct ts_snapshot *snapshot, const struct ts_sufferer *sufferer)
{
	struct ts_arena *arena = snapshot->arena;
	struct ts_sufferer *copy;

	snapshot->sufferer =
		ts_arena_grow(arena, snapshot->sufferer, snapshot->sufferers,
			      &snapshot->sufferers_capacity, sizeof *snapshot->sufferer);
	copy = &snapshot->sufferer[snapshot->sufferers++];
	*copy = *sufferer;
	for (size_t i = 0; i < TS_LABELS_MAX; i++)
		copy->label[i] = ts_arena_intern(arena, sufferer->label[i]);
	copy->comm = ts_arena_intern(arena, sufferer->comm);
	copy->cgroup = ts_arena_intern(arena, sufferer->cgroup);
}

void ts_snapshot_fact(struct ts_snapshot *snapshot, const char *key, const char *value)
{
	struct ts_annotation fact = {ts_arena_intern(snapshot->arena, key),
				     ts_arena_intern(snapshot->arena, value)};

	for (size_t i = 0; i < snapshot->facts; i++)
		if (!strcmp(snapshot->fact[i].key, key)) {
			snapshot->fact[i] = fact;
			return;
		}
	snapshot->fact = ts_arena_grow(snapshot->arena, snapshot->fact, snapshot->facts,
				       &snapshot->facts_capacity, sizeof *snapshot->fact);
	snapshot->fact[snapshot->facts++] = fact;
}

void ts_snapshot_probe(struct ts_snapshot *snapshot, const struct ts_probe_cost *probe)
{
	struct ts_arena *arena = snapshot->arena;
	struct ts_cost *cost = &snapshot->cost;
	struct ts_probe_cost *copy;

	cost->probe = ts_arena_grow(arena, cost->probe, cost->probes, &cost->probes_capacity,
				    sizeof *cost->probe);
	copy = &cost->probe[cost->probes++];
	*copy = *probe;
	copy->name = ts_arena_intern(arena, probe->name);
	copy->source = ts_arena_intern(arena, probe->source);
	copy->hook = ts_arena_intern(arena, probe->hook);
	copy->why = ts_arena_intern(arena, probe->why);
}

const struct ts_series *ts_snapshot_find(const struct ts_snapshot *snapshot, enum ts_family_id id,
					 const char *const *labels)
{
	const struct ts_family_data *data = &snapshot->family[id];
	size_t i;

	for (const struct ts_series *s = data->series; s && s < data->series + data->count; s++) {
		for (i = 0; i < ts_families[id].labels; i++)
			if (strcmp(s->label[i], labels[i]))
				break;
		if (i == ts_families[id].labels)
			return s;
	}
	return NULL;
}
