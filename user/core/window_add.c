// SPDX-License-Identifier: GPL-2.0-only
/* Windows put together: what was counted adds up, what was read at a moment is the later one. */
#include "window.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "arena.h"

#define SUFFERERS_MAX 32 /* of a family */
#define REST_SHARE    0.5

static const char part_missing[] = "not measured in a part of this window: ";

bool ts_window_reached(const struct ts_window *window, double seconds, double last)
{
	return window->seconds >= seconds - last / 2;
}

bool ts_window_is_rest(const struct ts_window *window, double seconds)
{
	return window->seconds < seconds * REST_SHARE;
}

static bool same_labels(const char *const *a, const char *const *b)
{
	for (size_t i = 0; i < TS_LABELS_MAX; i++)
		if (strcmp(a[i], b[i]))
			return false;
	return true;
}

/* Going through the series of a family in the order of the window that is being added. */
struct search {
	struct ts_arena *arena;
	struct ts_family_data *data;
	size_t known; /* series there were before this window */
	size_t next;  /* behind the last one found */
};

/*
 * Both sides keep the same order: the search begins behind the last one found, and a new one goes
 * in there. So a window of n series costs n steps however many have come and gone before.
 */
static struct ts_series *find(struct search *search, const struct ts_series *wanted)
{
	struct ts_family_data *data = search->data;

	for (size_t n = 0; search->known && n < data->count; n++) {
		size_t i = search->next + n < data->count ? search->next + n
							  : search->next + n - data->count;

		if (!same_labels(data->series[i].label, wanted->label))
			continue;
		search->next = i + 1;
		return &data->series[i];
	}
	return NULL;
}

static struct ts_series *insert(struct search *search, const struct ts_series *wanted)
{
	struct ts_family_data *data = search->data;
	struct ts_series *series;

	data->series = ts_arena_grow(search->arena, data->series, data->count, &data->capacity,
				     sizeof *data->series);
	series = &data->series[search->next];
	memmove(series + 1, series, (data->count - search->next) * sizeof *series);
	data->count++;
	search->next++;
	*series = (struct ts_series){0};
	for (size_t i = 0; i < TS_LABELS_MAX; i++)
		series->label[i] = ts_arena_intern(search->arena, wanted->label[i]);
	return series;
}

static void add_histogram(struct ts_arena *arena, struct ts_series *series,
			  const struct ts_histogram *from)
{
	struct ts_histogram *into = series->histogram, *coarser;

	if (!into || into->scale > from->scale) {
		coarser = ts_histogram_new(arena, from->scale, from->unit);
		if (into)
			ts_histogram_merge(coarser, into);
		series->histogram = into = coarser;
	}
	if (from->count || from->sum || from->max)
		ts_histogram_merge(into, from);
}

static void add_series(struct ts_arena *arena, enum ts_kind kind, struct ts_series *series,
		       const struct ts_series *later, bool is_new)
{
	switch (kind) {
	case TS_KIND_COUNTER: series->counter += later->counter; break;
	case TS_KIND_GAUGE: series->gauge = later->gauge; break;
	case TS_KIND_PEAK:
		series->gauge = is_new ? later->gauge : fmax(series->gauge, later->gauge);
		break;
	case TS_KIND_HISTOGRAM: add_histogram(arena, series, later->histogram); break;
	}
}

static bool is_partial(const struct ts_family_data *data)
{
	return !strncmp(data->why, part_missing, sizeof part_missing - 1);
}

/* The status of both together. */
static void add_status(struct ts_arena *arena, struct ts_family_data *into,
		       const struct ts_family_data *later)
{
	bool before = ts_status_measured(into->status), after = ts_status_measured(later->status);
	const struct ts_family_data *chosen = later;
	char text[1024];

	if (before != after) {
		snprintf(text, sizeof text, "%s%s", part_missing, after ? into->why : later->why);
		if (after)
			into->status = later->status;
		into->why = ts_arena_intern(arena, text);
		return;
	}
	if (before && into->status != later->status)
		chosen = into->status == TS_STATUS_OK ? into : later;
	into->status = chosen->status;
	/* What is missing stays missing. */
	if (is_partial(later))
		chosen = later;
	else if (before && is_partial(into))
		chosen = into;
	into->why = ts_arena_intern(arena, chosen->why);
}

static void add_family(struct ts_snapshot *into, enum ts_family_id id,
		       const struct ts_snapshot *from)
{
	struct ts_family_data *data = &into->family[id];
	const struct ts_family_data *later = &from->family[id];
	struct search search = {.arena = into->arena, .data = data, .known = data->count};

	add_status(into->arena, data, later);
	data->overflowed += later->overflowed;
	for (size_t i = 0; i < later->count; i++) {
		struct ts_series *series = find(&search, &later->series[i]);
		bool is_new = !series;

		if (is_new)
			series = insert(&search, &later->series[i]);
		add_series(into->arena, ts_families[id].kind, series, &later->series[i], is_new);
	}
}

static bool same_sufferer(const struct ts_sufferer *a, const struct ts_sufferer *b)
{
	if (a->family != b->family || a->pid != b->pid || strcmp(a->comm, b->comm) ||
	    strcmp(a->cgroup, b->cgroup))
		return false;
	return same_labels(a->label, b->label);
}

/* Families in the order of the table, worst first within one; equals stay in their order. */
static bool sufferer_before(const struct ts_sufferer *a, const struct ts_sufferer *b)
{
	return a->family != b->family ? a->family < b->family : a->value > b->value;
}

/* Insertion: the array is nearly in order already. */
static void sort_sufferers(struct ts_sufferer *array, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct ts_sufferer moved = array[i];
		size_t at = i;

		for (; at && sufferer_before(&moved, &array[at - 1]); at--)
			array[at] = array[at - 1];
		array[at] = moved;
	}
}

static size_t drop_least(struct ts_sufferer *array, size_t count)
{
	size_t kept = 0, of_family = 0;

	for (size_t i = 0; i < count; i++) {
		of_family = i && array[i].family == array[i - 1].family ? of_family + 1 : 1;
		if (of_family <= SUFFERERS_MAX)
			array[kept++] = array[i];
	}
	return kept;
}

static void add_sufferers(struct ts_snapshot *into, const struct ts_snapshot *from)
{
	size_t before = into->sufferers;

	for (size_t i = 0; i < from->sufferers; i++) {
		const struct ts_sufferer *later = &from->sufferer[i];
		size_t k;

		for (k = 0; k < before; k++)
			if (same_sufferer(&into->sufferer[k], later))
				break;
		if (k < before)
			into->sufferer[k].value += later->value;
		else
			ts_snapshot_sufferer(into, later);
	}
	sort_sufferers(into->sufferer, into->sufferers);
	into->sufferers = drop_least(into->sufferer, into->sufferers);
}

/* hint: where it stands in the other window, and as a rule in this one. */
static void add_probe(struct ts_snapshot *into, const struct ts_probe_cost *later, size_t hint)
{
	struct ts_cost *cost = &into->cost;

	for (size_t n = 0; n < cost->probes; n++) {
		struct ts_probe_cost *probe = &cost->probe[(hint + n) % cost->probes];

		if (strcmp(probe->name, later->name))
			continue;
		probe->source = ts_arena_intern(into->arena, later->source);
		probe->hook = ts_arena_intern(into->arena, later->hook);
		probe->status = later->status;
		probe->why = ts_arena_intern(into->arena, later->why);
		probe->run_count += later->run_count;
		probe->run_ns += later->run_ns;
		probe->instructions = later->instructions;
		probe->verified_instructions = later->verified_instructions;
		probe->verification_us = later->verification_us;
		return;
	}
	ts_snapshot_probe(into, later);
}

static void add_cost(struct ts_snapshot *into, const struct ts_snapshot *from)
{
	struct ts_cost *cost = &into->cost;
	const struct ts_cost *later = &from->cost;

	for (size_t i = 0; i < later->probes; i++)
		add_probe(into, &later->probe[i], i);
	cost->map_bytes = later->map_bytes;
	cost->user_cpu_ns += later->user_cpu_ns;
	cost->rss_bytes = later->rss_bytes;
	if (later->peak_rss_bytes > cost->peak_rss_bytes)
		cost->peak_rss_bytes = later->peak_rss_bytes;
	cost->lost_events += later->lost_events;
	cost->snapshot_ns = later->snapshot_ns;
	cost->stats_enabled |= later->stats_enabled;
	cost->stats_ns += later->stats_ns;
}

/* Host facts and settings; a window decoded without its context has none and leaves them alone. */
static void take_context(struct ts_snapshot *into, const struct ts_snapshot *later)
{
	struct ts_arena *arena = into->arena, *for_now;
	const struct ts_host *host = &later->host;
	struct ts_setting_value *before;
	size_t count = into->settings;

	if (!later->settings && !*host->boot_id && !*host->hostname)
		return;
	for_now = ts_arena_new();
	before = ts_arena_alloc(for_now, (count + 1) * sizeof *before);
	for (size_t i = 0; i < count; i++)
		before[i] = into->setting[i];
	into->host = ts_host_copy(arena, host);
	into->settings = 0;
	for (size_t i = 0; i < later->settings; i++) {
		const struct ts_setting_value *v = &later->setting[i];

		ts_snapshot_setting(into, v->id, v->scope, v->status, v->value, v->choices, v->why);
		into->setting[i].before = ts_arena_intern(arena, v->before);
	}
	ts_window_note_changes(into, before, count);
	ts_arena_free(for_now);
}

void ts_window_add(struct ts_window *window, const struct ts_window *addend)
{
	const struct ts_snapshot *later = addend->delta;
	bool first = !window->delta;
	struct ts_snapshot *into;

	if (first) {
		window->delta = ts_snapshot_new();
		window->start_realtime_ns = addend->start_realtime_ns;
	}
	into = window->delta;
	window->seconds += addend->seconds;
	window->missing_seconds += addend->missing_seconds;
	into->monotonic_ns = later->monotonic_ns;
	into->boottime_ns = later->boottime_ns;
	into->realtime_ns = later->realtime_ns;
	take_context(into, later);
	into->netns_count = 0;
	for (size_t i = 0; i < later->netns_count; i++)
		ts_snapshot_netns(into, &later->netns[i]);
	ts_for_each_family (id) {
		if (first)
			ts_snapshot_family_status(into, id, later->family[id].status,
						  later->family[id].why);
		add_family(into, id, later);
	}
	add_sufferers(into, later);
	for (size_t i = 0; i < later->facts; i++)
		ts_snapshot_fact(into, later->fact[i].key, later->fact[i].value);
	add_cost(into, later);
}
