// SPDX-License-Identifier: GPL-2.0-only
#include "window.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "error.h"

/*
 * Series nearly always stand in the same order in both snapshots: look where the last match ended
 * before searching, so that a window of n series costs n steps and not n squared.
 */
static const struct ts_series *find_from(const struct ts_family_data *data, size_t labels,
					 const struct ts_series *wanted, size_t *hint)
{
	for (size_t n = 0; n < data->count; n++) {
		const struct ts_series *s = &data->series[(*hint + n) % data->count];
		size_t i;

		for (i = 0; i < labels; i++)
			if (strcmp(s->label[i], wanted->label[i]))
				break;
		if (i == labels) {
			*hint = (size_t)(s - data->series) + 1;
			return s;
		}
	}
	return NULL;
}

static void subtract_series(struct ts_snapshot *delta, enum ts_family_id id,
			    const struct ts_series *later, const struct ts_series *earlier)
{
	struct ts_series *series = ts_snapshot_series(delta, id, later->label);

	switch (ts_families[id].kind) {
	case TS_KIND_COUNTER:
		series->counter = later->counter;
		if (earlier && earlier->counter <= later->counter)
			series->counter -= earlier->counter;
		break;
	case TS_KIND_GAUGE:
	case TS_KIND_PEAK: series->gauge = later->gauge; break;
	case TS_KIND_HISTOGRAM:
		if (earlier && earlier->histogram->scale == later->histogram->scale) {
			series->histogram = ts_histogram_subtract(delta->arena, later->histogram,
								  earlier->histogram);
			break;
		}
		series->histogram = ts_histogram_new(delta->arena, later->histogram->scale,
						     later->histogram->unit);
		ts_histogram_merge(series->histogram, later->histogram);
		break;
	}
}

/* Measured throughout, or the reason why not: that of the snapshot in which it was missing. */
static void subtract_family(struct ts_snapshot *delta, enum ts_family_id id,
			    const struct ts_snapshot *earlier, const struct ts_snapshot *later)
{
	const struct ts_family_data *before = &earlier->family[id], *after = &later->family[id];
	size_t hint = 0;

	if (!ts_status_measured(after->status)) {
		ts_snapshot_family_status(delta, id, after->status, after->why);
		return;
	}
	if (!ts_status_measured(before->status)) {
		ts_snapshot_family_status(delta, id, before->status, before->why);
		return;
	}
	ts_snapshot_family_status(delta, id, after->status, after->why);
	delta->family[id].overflowed = after->overflowed - before->overflowed;
	ts_snapshot_reserve(delta, id, after->count);
	for (size_t i = 0; i < after->count; i++)
		subtract_series(delta, id, &after->series[i],
				before->count ? find_from(before, ts_families[id].labels,
							  &after->series[i], &hint)
					      : NULL);
}

/* They stand in the same order, too. */
static const struct ts_probe_cost *find_probe(const struct ts_cost *cost, const char *name,
					      size_t hint)
{
	for (size_t n = 0; n < cost->probes; n++) {
		const struct ts_probe_cost *probe = &cost->probe[(hint + n) % cost->probes];

		if (!strcmp(probe->name, name))
			return probe;
	}
	return NULL;
}

static void subtract_cost(struct ts_snapshot *delta, const struct ts_snapshot *earlier,
			  const struct ts_snapshot *later)
{
	struct ts_cost *cost = &delta->cost;

	for (size_t i = 0; i < later->cost.probes; i++) {
		struct ts_probe_cost probe = later->cost.probe[i];
		const struct ts_probe_cost *old = find_probe(&earlier->cost, probe.name, i);

		if (old && old->run_count <= probe.run_count) {
			probe.run_count -= old->run_count;
			probe.run_ns -= old->run_ns;
		}
		ts_snapshot_probe(delta, &probe);
	}
	cost->map_bytes = later->cost.map_bytes;
	cost->user_cpu_ns = later->cost.user_cpu_ns - earlier->cost.user_cpu_ns;
	cost->rss_bytes = later->cost.rss_bytes;
	cost->peak_rss_bytes = later->cost.peak_rss_bytes;
	cost->lost_events = later->cost.lost_events - earlier->cost.lost_events;
	cost->snapshot_ns = later->cost.snapshot_ns;
	cost->stats_enabled = later->cost.stats_enabled;
}

void ts_window_note_changes(struct ts_snapshot *delta, const struct ts_setting_value *before,
			    size_t count)
{
	size_t next = 0;

	for (size_t i = 0; i < delta->settings; i++) {
		struct ts_setting_value *now = &delta->setting[i];
		const struct ts_setting_value *then = ts_setting_among(before, count, next, now);

		if (!then)
			continue;
		next = (size_t)(then - before) + 1;
		if (*then->before)
			now->before = ts_arena_intern(delta->arena, then->before);
		else if (then->status == TS_STATUS_OK && now->status == TS_STATUS_OK &&
			 strcmp(then->value, now->value) != 0)
			now->before = ts_arena_intern(delta->arena, then->value);
	}
}

static void copy_facts(struct ts_snapshot *delta, const struct ts_snapshot *later)
{
	struct ts_arena *arena = delta->arena;
	const struct ts_host *host = &later->host;

	delta->monotonic_ns = later->monotonic_ns;
	delta->boottime_ns = later->boottime_ns;
	delta->realtime_ns = later->realtime_ns;
	delta->host = ts_host_copy(arena, host);
	for (size_t i = 0; i < later->settings; i++) {
		const struct ts_setting_value *v = &later->setting[i];

		ts_snapshot_setting(delta, v->id, v->scope, v->status, v->value, v->choices,
				    v->why);
	}
	for (size_t i = 0; i < later->netns_count; i++)
		ts_snapshot_netns(delta, &later->netns[i]);
	for (size_t i = 0; i < later->sufferers; i++)
		ts_snapshot_sufferer(delta, &later->sufferer[i]);
}

int ts_window_make(const struct ts_snapshot *earlier, const struct ts_snapshot *later,
		   struct ts_window *window)
{
	*window = (struct ts_window){0};
	if (strcmp(earlier->host.boot_id, later->host.boot_id))
		return ts_err(-EINVAL, "the two snapshots are from different boots of the host: "
				       "their counters cannot be subtracted");
	if (later->monotonic_ns <= earlier->monotonic_ns)
		return ts_err(-EINVAL, "the later snapshot was taken before the earlier one");

	window->seconds = (later->monotonic_ns - earlier->monotonic_ns) / 1e9;
	window->start_realtime_ns = earlier->realtime_ns;
	window->delta = ts_snapshot_new();
	copy_facts(window->delta, later);
	ts_window_note_changes(window->delta, earlier->setting, earlier->settings);
	ts_for_each_family (id)
		subtract_family(window->delta, id, earlier, later);
	subtract_cost(window->delta, earlier, later);
	return 0;
}

void ts_window_free(struct ts_window *window)
{
	ts_snapshot_free(window->delta);
	*window = (struct ts_window){0};
}

enum ts_status ts_window_status(const struct ts_window *window, enum ts_family_id id)
{
	return window->delta->family[id].status;
}

bool ts_window_measured(const struct ts_window *window, enum ts_family_id id)
{
	enum ts_status status = ts_window_status(window, id);

	return status == TS_STATUS_OK ||
	       (status == TS_STATUS_NO_DATA && *ts_window_why(window, id));
}

const char *ts_window_why(const struct ts_window *window, enum ts_family_id id)
{
	return window->delta->family[id].why;
}

bool ts_series_matches(const struct ts_series *series, const char *const *labels)
{
	for (size_t i = 0; labels && i < TS_LABELS_MAX; i++)
		if (labels[i] && strcmp(labels[i], series->label[i]))
			return false;
	return true;
}

__u64 ts_window_counter(const struct ts_window *window, enum ts_family_id id,
			const char *const *labels)
{
	__u64 sum = 0;

	ts_for_each_series (s, window, id)
		if (ts_series_matches(s, labels))
			sum += s->counter;
	return sum;
}

double ts_window_seconds(const struct ts_window *window, enum ts_family_id id,
			 const char *const *labels)
{
	return ts_window_counter(window, id, labels) / 1e9;
}

double ts_window_gauge(const struct ts_window *window, enum ts_family_id id,
		       const char *const *labels, double missing)
{
	double largest = missing;
	bool found = false;

	ts_for_each_series (s, window, id) {
		if (!ts_series_matches(s, labels) || (found && s->gauge <= largest))
			continue;
		largest = s->gauge;
		found = true;
	}
	return largest;
}

struct ts_histogram *ts_window_histogram(const struct ts_window *window, enum ts_family_id id,
					 const char *const *labels)
{
	struct ts_histogram *merged = NULL;

	ts_for_each_series (s, window, id) {
		if (!ts_series_matches(s, labels))
			continue;
		if (!merged)
			merged = ts_histogram_new(window->delta->arena, s->histogram->scale,
						  s->histogram->unit);
		ts_histogram_merge(merged, s->histogram);
	}
	return merged;
}

const struct ts_setting_value *ts_window_setting(const struct ts_window *window,
						 enum ts_setting_id id, const char *scope)
{
	const struct ts_snapshot *delta = window->delta;

	for (size_t i = 0; i < delta->settings; i++)
		if (delta->setting[i].id == id && !strcmp(delta->setting[i].scope, scope))
			return &delta->setting[i];
	return NULL;
}

double ts_window_setting_number(const struct ts_window *window, enum ts_setting_id id,
				const char *scope, unsigned int i, double missing)
{
	const struct ts_setting_value *setting = ts_window_setting(window, id, scope);
	const char *at;
	char *end;
	double number;

	if (!setting || setting->status != TS_STATUS_OK)
		return missing;
	at = setting->value;
	for (;;) {
		number = strtod(at, &end);
		if (end == at)
			return missing;
		if (!i--)
			return number;
		at = end;
	}
}

const struct ts_netns *ts_window_netns(const struct ts_window *window, const char *inode)
{
	const struct ts_snapshot *delta = window->delta;

	for (size_t i = 0; i < delta->netns_count; i++)
		if (!strcmp(delta->netns[i].inode, inode))
			return &delta->netns[i];
	return NULL;
}

const struct ts_sufferer *ts_window_sufferer(const struct ts_window *window, enum ts_family_id id,
					     const char *const *labels)
{
	const struct ts_snapshot *delta = window->delta;

	for (size_t i = 0; i < delta->sufferers; i++) {
		const struct ts_sufferer *s = &delta->sufferer[i];
		size_t k;

		if (s->family != id)
			continue;
		for (k = 0; labels && k < TS_LABELS_MAX; k++)
			if (labels[k] && strcmp(labels[k], s->label[k]))
				break;
		if (!labels || k == TS_LABELS_MAX)
			return s;
	}
	return NULL;
}

double ts_window_median(const struct ts_window *window, enum ts_family_id id,
			const char *const *labels)
{
	struct ts_histogram *h = ts_window_histogram(window, id, labels);

	return h && h->count ? ts_histogram_quantile(h, 0.5) : NAN;
}
