// SPDX-License-Identifier: GPL-2.0-only
/* A recording to be read, and to be searched with grep: every line begins with its time. */
#include "dump.h"

#include <stdlib.h>
#include <string.h>

#include "dump_settings.h"
#include "escape.h"
#include "units.h"
#include "../arena.h"
#include "../histogram.h"

struct page {
	const struct ts_dump *dump;
	struct ts_arena *arena;		/* of the window being shown */
	const struct ts_window *window; /* likewise */
	const struct ts_window *before; /* the one shown before; {0}: none */
	const char *time;
};

static const char *safe(const struct page *page, const char *text)
{
	return ts_escape(page->arena, text, page->dump->utf8);
}

/* "2026-11-21 14:00:10Z" */
static const char *moment(struct ts_arena *arena, __u64 ns)
{
	const char *utc = ts_utc_time(arena, ns);

	return ts_arena_printf(arena, "%.10s %s", utc, utc + 11);
}

static int by_length(const void *a, const void *b)
{
	const __u64 *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The length that most windows have: the median. */
static double interval(struct ts_arena *arena, const struct ts_recording *r)
{
	__u64 *length = ts_arena_alloc(arena, r->windows * sizeof *length);

	for (size_t i = 0; i < r->windows; i++)
		length[i] = r->window[i].header.duration_ns;
	qsort(length, r->windows, sizeof *length, by_length);
	return (double)length[r->windows / 2] / 1e9;
}

static const char *count_text(struct ts_arena *arena, size_t count, const char *one,
			      const char *many)
{
	return ts_arena_printf(arena, "%zu %s", count, count == 1 ? one : many);
}

static void host_line(const struct page *page, const struct ts_host *host)
{
	if (!*host->hostname) {
		fputs("# unknown host: the part of the recording that names it is missing or "
		      "damaged\n",
		      page->dump->out);
		return;
	}
	fprintf(page->dump->out, "# %s, Linux %s %s, %u CPU%s, %s; recorded by tunescope %s\n",
		safe(page, host->hostname), safe(page, host->kernel), safe(page, host->machine),
		host->cpus, host->cpus == 1 ? "" : "s",
		ts_human_bytes(page->arena, (double)host->memory_bytes),
		*host->tool_version ? safe(page, host->tool_version) : "of an unknown version");
}

/* Of the whole recording, whatever slice of it follows. */
static void header(const struct page *page)
{
	const struct ts_recording *r = page->dump->recording;
	struct ts_arena *arena = page->arena;
	const char *damage = ts_dump_damage(arena, r);
	FILE *out = page->dump->out;

	host_line(page, &page->window->delta->host);
	fprintf(out, "# %s to %s: %s of %s, %s", moment(arena, ts_recording_start(r)),
		moment(arena, ts_recording_end(r)),
		count_text(arena, r->windows, "frame", "frames"),
		ts_human_seconds(arena, interval(arena, r)),
		count_text(arena, r->sessions, "session", "sessions"));
	if (r->open_sessions)
		fprintf(out, " (%zu not ended: killed, or still running)", r->open_sessions);
	if (r->clock_steps)
		fprintf(out,
			", the clock was set %s; times are those of the clock as it stood "
			"last",
			count_text(arena, r->clock_steps, "time", "times"));
	fprintf(out, "\n# %s\n", *damage ? safe(page, damage) : "nothing is damaged or missing");
}

static bool same_host(const struct ts_host *a, const struct ts_host *b)
{
	return !strcmp(a->hostname, b->hostname) && !strcmp(a->kernel, b->kernel) &&
	       !strcmp(a->boot_id, b->boot_id) && a->cpus == b->cpus &&
	       a->memory_bytes == b->memory_bytes && !strcmp(a->tool_version, b->tool_version);
}

static const char *series_name(const struct page *page, const char *name, size_t labels,
			       const char *const *key, const char *const *value)
{
	for (size_t i = 0; i < labels; i++)
		name = ts_arena_printf(page->arena, "%s%s%s=%s", name, i ? "," : "{", key[i],
				       safe(page, value[i]));
	return labels ? ts_arena_printf(page->arena, "%s}", name) : name;
}

static void histogram(const struct page *page, const struct ts_histogram *h, enum ts_unit unit)
{
	const char *name = ts_unit_name(unit);
	struct ts_arena *arena = page->arena;

	fprintf(page->dump->out, "count=%llu p50=%s p95=%s p99=%s max%s%s", h->count,
		ts_human_bare(arena, ts_histogram_quantile(h, 0.50), name),
		ts_human_bare(arena, ts_histogram_quantile(h, 0.95), name),
		ts_human_bare(arena, ts_histogram_quantile(h, 0.99), name),
		h->max_is_bound ? "<=" : "=", ts_human_bare(arena, ts_histogram_max(h), name));
}

static void series_line(const struct page *page, enum ts_family_id id,
			const struct ts_series *series)
{
	const struct ts_family *family = &ts_families[id];
	FILE *out = page->dump->out;
	const char *unit = ts_unit_name(family->unit);

	if (family->kind == TS_KIND_HISTOGRAM ? !series->histogram->count
					      : family->kind == TS_KIND_COUNTER && !series->counter)
		return;
	fprintf(out, "%s  %s  ", page->time,
		series_name(page, family->name, family->labels, family->label_key, series->label));
	if (family->kind == TS_KIND_HISTOGRAM)
		histogram(page, series->histogram, family->unit);
	else if (family->kind == TS_KIND_COUNTER)
		fprintf(out, "+%s",
			ts_human_bare(page->arena,
				      family->unit == TS_UNIT_SECONDS
					      ? (double)series->counter / 1e9
					      : (double)series->counter,
				      unit));
	else
		fputs(ts_human_bare(page->arena, series->gauge, unit), out);
	fputc('\n', out);
}

/* What is not measured is told when that begins, and so is its end. */
static void status_line(const struct page *page, enum ts_family_id id)
{
	const struct ts_family_data *data = &page->window->delta->family[id];
	const struct ts_family_data *old =
		page->before->delta ? &page->before->delta->family[id] : NULL;
	bool fine = ts_status_measured(data->status) && !*data->why;
	bool was_fine = !old || (ts_status_measured(old->status) && !*old->why);

	if (fine ? was_fine : old && old->status == data->status && !strcmp(old->why, data->why))
		return;
	fprintf(page->dump->out, "%s  %s  %s%s%s\n", page->time, ts_families[id].name,
		fine ? "measured again" : ts_status_name(data->status), *data->why ? ": " : "",
		safe(page, data->why));
}

static const char *setting_value(const struct page *page, const struct ts_setting_value *v)
{
	if (v->status == TS_STATUS_OK)
		return safe(page, v->value);
	return ts_arena_printf(page->arena, "%s (%s)", ts_status_name(v->status),
			       safe(page, v->why));
}

static void setting_lines(const struct page *page)
{
	static const char *const keys[] = {"scope"};
	const struct ts_snapshot *delta = page->window->delta;
	const struct ts_setting_value *old;

	for (size_t i = 0; i < delta->settings; i++) {
		const struct ts_setting_value *v = &delta->setting[i];

		if (!ts_setting_changed(page->before->delta, delta, i, &old))
			continue;
		fprintf(page->dump->out, "%s  setting %s = %s", page->time,
			series_name(page, ts_settings[v->id].name, *v->scope ? 1 : 0, keys,
				    &v->scope),
			setting_value(page, v));
		if (old)
			fprintf(page->dump->out, " (was %s)", setting_value(page, old));
		fputc('\n', page->dump->out);
	}
}

static void window_lines(const struct page *page, const struct ts_frame_place *place)
{
	const struct ts_window *window = page->window;
	const struct ts_cost *cost = &window->delta->cost;
	__u64 last = page->before->delta ? page->before->delta->realtime_ns : 0;
	struct ts_arena *arena = page->arena;
	FILE *out = page->dump->out;

	fprintf(out, "%s  window of %s", page->time, ts_human_seconds(arena, window->seconds));
	if (last && place->start_ns > last)
		fprintf(out, ", %s before it are missing",
			ts_human_seconds(arena, (double)(place->start_ns - last) / 1e9));
	fprintf(out, "; tunescope took %.2f %% of one CPU, %s resident, %s events lost\n",
		window->seconds > 0 ? (double)cost->user_cpu_ns / 1e7 / window->seconds : 0,
		ts_human_bytes(arena, (double)cost->rss_bytes),
		ts_human_number(arena, (double)cost->lost_events));
	setting_lines(page);
	ts_for_each_family (id) {
		if (!page->dump->family[id])
			continue;
		status_line(page, (enum ts_family_id)id);
		ts_for_each_series (s, window, id)
			series_line(page, (enum ts_family_id)id, s);
	}
}

void ts_dump_text(const struct ts_dump *dump)
{
	struct ts_window window, before = {0};

	for (size_t i = 0; ts_dump_window(dump, &i, &window); i++) {
		struct page page = {
			.dump = dump,
			.arena = window.delta->arena,
			.window = &window,
			.before = &before,
			.time = moment(window.delta->arena, window.delta->realtime_ns),
		};

		if (!before.delta)
			header(&page);
		else if (!same_host(&before.delta->host, &window.delta->host))
			host_line(&page, &window.delta->host);
		window_lines(&page, &dump->recording->window[i]);
		ts_window_free(&before);
		before = window;
	}
	ts_window_free(&before);
}
