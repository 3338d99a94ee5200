// SPDX-License-Identifier: GPL-2.0-only
/* How measures are computed from a window; their table is in measure_table.c. */
#include "measure.h"

#include <math.h>
#include <string.h>

#include "arena.h"
#include "measure_parts.h"

/* What takes the observations of many has no owner. */
#define OTHER "other"

struct group {
	const char *netns, *port, *device;
	struct ts_histogram *histogram;
	__u64 part, whole;
};

struct ts_measuring {
	const struct ts_measure *measure;
	const struct ts_window *window;
	struct ts_arena *arena;
	struct group *group;
	size_t groups, groups_capacity;
	struct ts_measured *measured;
	size_t count, capacity;
};

const struct ts_measure *ts_measure_by_name(const char *name)
{
	for (size_t i = 0; i < ts_measures_count; i++)
		if (!strcmp(ts_measures[i].name, name))
			return &ts_measures[i];
	return NULL;
}

const char *ts_measure_unit_name(const struct ts_measure *measure)
{
	static const char *const names[] = {
		[TS_MEASURE_SECONDS] = "seconds",
		[TS_MEASURE_RATIO] = "ratio",
	};
	static const char *const rates[][2] = {
		{"connections", "connections/s"},
		{"requests", "requests/s"},
		{"calls", "calls/s"},
	};

	if (measure->unit != TS_MEASURE_PER_SECOND)
		return names[measure->unit];
	for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++)
		if (!strcmp(measure->sample, rates[i][0]))
			return rates[i][1];
	return "1/s";
}

bool ts_measure_measured(const struct ts_measure *measure, const struct ts_window *window)
{
	for (size_t i = 0; i < measure->needs_count; i++)
		if (!ts_window_measured(window, measure->needs[i]))
			return false;
	return true;
}

static void add(struct ts_measuring *m, const struct group *group, double value, __u64 samples)
{
	const struct ts_measure *measure = m->measure;
	struct ts_measured *measured;

	m->measured =
		ts_arena_grow(m->arena, m->measured, m->count, &m->capacity, sizeof *m->measured);
	measured = &m->measured[m->count++];
	*measured = (struct ts_measured){
		.netns = group ? group->netns : "",
		.port = group ? group->port : "",
		.device = group ? group->device : "",
		.known = samples >= measure->least && isfinite(value),
		.value = value,
		.samples = samples,
		.why = "",
	};
	if (!measured->known)
		measured->why = ts_arena_printf(m->arena, "%llu %s seen; at least %llu are needed",
						samples, measure->sample, measure->least);
}

/* The value of a series' label; "" when its family has no such key. */
static const char *label_of(enum ts_family_id id, const struct ts_series *series, const char *key)
{
	for (size_t i = 0; i < ts_families[id].labels; i++)
		if (!strcmp(ts_families[id].label_key[i], key))
			return series->label[i];
	return "";
}

/* The group a series belongs to by netns, port and device; NULL when it belongs to nobody. */
static struct group *group_of(struct ts_measuring *m, enum ts_family_id id,
			      const struct ts_series *series)
{
	const char *netns = label_of(id, series, "netns"), *port = label_of(id, series, "port");
	const char *device = label_of(id, series, "device");

	if (!strcmp(port, OTHER) || !strcmp(device, OTHER))
		return NULL;
	for (size_t i = 0; i < m->groups; i++)
		if (!strcmp(m->group[i].port, port) && !strcmp(m->group[i].netns, netns) &&
		    !strcmp(m->group[i].device, device))
			return &m->group[i];
	m->group =
		ts_arena_grow(m->arena, m->group, m->groups, &m->groups_capacity, sizeof *m->group);
	m->group[m->groups] = (struct group){.netns = netns, .port = port, .device = device};
	return &m->group[m->groups++];
}

/* side=service or outbound, as the measure wants; of block requests only reads and writes. */
static bool wanted(const struct ts_measuring *m, enum ts_family_id id,
		   const struct ts_series *series)
{
	const char *side = label_of(id, series, "side"), *op = label_of(id, series, "op");

	if (*side && strcmp(side, m->measure->variant))
		return false;
	return !*op || !strcmp(op, "read") || !strcmp(op, "write");
}

void ts_measure_quantile(struct ts_measuring *m)
{
	enum ts_family_id id = m->measure->needs[0];

	ts_for_each_series (s, m->window, id) {
		struct group *group = wanted(m, id, s) ? group_of(m, id, s) : NULL;

		if (!group)
			continue;
		if (!group->histogram)
			group->histogram =
				ts_histogram_new(m->arena, s->histogram->scale, s->histogram->unit);
		ts_histogram_merge(group->histogram, s->histogram);
	}
	for (size_t i = 0; i < m->groups; i++)
		add(m, &m->group[i],
		    ts_histogram_quantile(m->group[i].histogram, m->measure->quantile),
		    m->group[i].histogram->count);
}

/* Adds a family's counters to the part or to the whole of each group, or to both. */
static void count_family(struct ts_measuring *m, enum ts_family_id id, bool part, bool whole)
{
	ts_for_each_series (s, m->window, id) {
		struct group *group = wanted(m, id, s) ? group_of(m, id, s) : NULL;

		if (!group)
			continue;
		group->part += part ? s->counter : 0;
		group->whole += whole ? s->counter : 0;
	}
}

void ts_measure_connection_errors(struct ts_measuring *m)
{
	const enum ts_family_id *needs = m->measure->needs;

	count_family(m, needs[0], true, false); /* resets */
	count_family(m, needs[1], false, true); /* connections that ended */
	count_family(m, needs[2], true, true);	/* attempts dropped */
	for (size_t i = 0; i < m->groups; i++) {
		const struct group *group = &m->group[i];

		/* One connection can bring about several resets. */
		add(m, group, fmin((double)group->part / (double)group->whole, 1), group->whole);
	}
}

void ts_measure_rate(struct ts_measuring *m)
{
	count_family(m, m->measure->needs[0], true, false);
	for (size_t i = 0; i < m->groups; i++)
		add(m, &m->group[i], (double)m->group[i].part / m->window->seconds,
		    m->group[i].part);
}

static __u64 milliseconds(double seconds)
{
	return (__u64)(seconds * 1e3 + 0.5);
}

void ts_measure_cpu(struct ts_measuring *m)
{
	const struct ts_window *w = m->window;
	double total = ts_window_seconds(w, TS_FAMILY_CPU_TIME, NULL);
	double iowait = ts_window_seconds(w, TS_FAMILY_CPU_TIME, TS_LABELS(NULL, "iowait"));
	double idle = ts_window_seconds(w, TS_FAMILY_CPU_TIME, TS_LABELS(NULL, "idle"));
	bool only_iowait = !strcmp(m->measure->variant, "iowait");

	add(m, NULL, (only_iowait ? iowait : total - idle - iowait) / total, milliseconds(total));
}

void ts_measure_pressure(struct ts_measuring *m)
{
	double stalled = ts_window_seconds(m->window, TS_FAMILY_PRESSURE,
					   TS_LABELS(m->measure->variant, "some"));
	bool there = false;

	/* A kernel may lack one of the three. */
	ts_for_each_series (s, m->window, TS_FAMILY_PRESSURE)
		there = there || ts_series_matches(s, TS_LABELS(m->measure->variant, "some"));
	if (there)
		add(m, NULL, fmin(stalled / m->window->seconds, 1),
		    milliseconds(m->window->seconds));
}

void ts_measure_disk(struct ts_measuring *m)
{
	count_family(m, m->measure->needs[0], true, false);
	for (size_t i = 0; i < m->groups; i++)
		add(m, &m->group[i], fmin((double)m->group[i].part / 1e9 / m->window->seconds, 1),
		    milliseconds(m->window->seconds));
}

void ts_measure_network(struct ts_measuring *m)
{
	const struct ts_window *w = m->window;

	ts_for_each_series (s, w, m->measure->needs[1]) {
		const struct group group = {.netns = "", .port = "", .device = s->label[0]};
		double bytes = 0;

		ts_for_each_series (b, w, m->measure->needs[0])
			if (!strcmp(b->label[0], s->label[0]))
				bytes = fmax(bytes, (double)b->counter);
		if (s->gauge > 0)
			add(m, &group, bytes / w->seconds / s->gauge, 1);
	}
}

/* One gauge as a share of another; a value only when both are there. */
static void share_of_gauges(struct ts_measuring *m, enum ts_family_id id, const char *part,
			    const char *whole, bool complement)
{
	double a = ts_window_gauge(m->window, id, TS_LABELS(part), NAN);
	double b = ts_window_gauge(m->window, id, TS_LABELS(whole), NAN);

	if (isfinite(a) && b > 0)
		add(m, NULL, complement ? 1 - a / b : a / b, 1);
}

void ts_measure_memory(struct ts_measuring *m)
{
	share_of_gauges(m, TS_FAMILY_MEMORY, "available", "total", true);
}

void ts_measure_files(struct ts_measuring *m)
{
	share_of_gauges(m, TS_FAMILY_FILE_HANDLES, "allocated", "maximum", false);
}

/* The families it needs and this window lacks, in words; NULL when it has them all. */
static const char *missing(const struct ts_measuring *m)
{
	for (size_t i = 0; i < m->measure->needs_count; i++) {
		enum ts_family_id id = m->measure->needs[i];
		const char *why = ts_window_why(m->window, id);

		if (!ts_window_measured(m->window, id))
			return ts_arena_printf(m->arena, "%s was not measured (%s, %s: %s)",
					       ts_families[id].name,
					       ts_source_names[ts_families[id].source],
					       ts_status_name(ts_window_status(m->window, id)),
					       *why ? why : "nothing looked for it");
	}
	return NULL;
}

const struct ts_measured *ts_measure(const struct ts_measure *measure,
				     const struct ts_window *window, struct ts_arena *arena,
				     size_t *count, const char **why)
{
	struct ts_measuring m = {.measure = measure, .window = window, .arena = arena};

	*count = 0;
	*why = missing(&m);
	if (*why)
		return NULL;
	measure->measure(&m);
	*count = m.count;
	*why = m.count ? ""
		       : ts_arena_printf(arena, "no %s seen; at least %llu are needed",
					 measure->sample, measure->least);
	return m.measured;
}
