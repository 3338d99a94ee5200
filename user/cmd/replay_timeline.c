// SPDX-License-Identifier: GPL-2.0-only
#include "replay_timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../core/arena.h"
#include "../core/error.h"
#include "../core/report.h"
#include "../core/render/escape.h"
#include "../core/render/units.h"

/* A finding through windows that follow each other. */
struct span {
	const char *rule, *id, *title, *harm_unit;
	__u64 start_ns, end_ns;
	size_t windows, last; /* number of the last one */
	double harm;
	double worst; /* harm of the window that the title is from */
};

struct timeline {
	struct ts_replay *replay;
	struct ts_arena *arena;
	bool *taken; /* frames, by number */
	double rest_seconds;
	size_t windows; /* judged so far */
	__u64 session;	/* of the last one */
	__u64 start_ns; /* of the first one */
	__u64 end_ns;	/* of the last one */
	struct span *span;
	size_t spans, capacity;
	/* The worst window so far, or the last one as long as nothing was found. */
	struct ts_window worst;
	struct ts_report *worst_report;
	double worst_harm;
};

struct ts_report *ts_replay_judge(const struct ts_replay *replay, const struct ts_window *window)
{
	struct ts_report *report = ts_report_make(window, &replay->profile);
	size_t kept = 0;

	for (size_t i = 0; i < report->rules; i++)
		if (replay->rule[i])
			report->rule[kept++] = report->rule[i];
	report->rules = kept;
	report->recording = replay->recording;
	return report;
}

int ts_replay_show(const struct ts_replay *replay, const struct ts_report *report)
{
	if (!replay->json) {
		ts_render_text(replay->out, report, &replay->look);
	} else if (ts_render_json(replay->out, report) && !ferror(replay->out)) {
		ts_err(0, "the report could not be written as JSON");
		return TS_EXIT_FAILURE;
	}
	return TS_EXIT_DONE;
}

/*
 * The next window: frames of one session from the first one that is left, until they are long
 * enough or there are no more of it. False when no frame is left.
 */
static bool next_window(struct timeline *t, double seconds, size_t *at, struct ts_window *window,
			__u64 *session)
{
	struct ts_recording *recording = t->replay->recording;

	*window = (struct ts_window){0};
	for (size_t i = *at; i < recording->windows; i++) {
		const struct ts_frame_place *place = &recording->window[i];
		double before = window->seconds;

		if (t->taken[i] || !ts_frame_within(place, t->replay->from_ns, t->replay->to_ns) ||
		    (window->delta && place->header.session != *session))
			continue;
		t->taken[i] = true;
		if (ts_recording_add(recording, i, window))
			continue;
		*session = place->header.session;
		if (ts_window_reached(window, seconds, window->seconds - before))
			break;
	}
	while (*at < recording->windows && t->taken[*at])
		++*at;
	return window->delta;
}

static struct span *find_span(struct timeline *t, const struct ts_finding *finding,
			      bool new_session)
{
	/* The latest stand at the end; those that ended before the last window are over. */
	for (size_t i = t->spans; !new_session && i-- > 0;)
		if (t->span[i].last + 1 == t->windows && !strcmp(t->span[i].id, finding->id))
			return &t->span[i];
	return NULL;
}

static void note_finding(struct timeline *t, const struct ts_window *window,
			 const struct ts_finding *finding, bool new_session)
{
	struct span *span = find_span(t, finding, new_session);
	bool fresh = !span;

	if (fresh) {
		t->span = ts_arena_grow(t->arena, t->span, t->spans, &t->capacity, sizeof *t->span);
		span = &t->span[t->spans++];
		*span = (struct span){
			.rule = finding->rule,
			.id = ts_arena_intern(t->arena, finding->id),
			.start_ns = window->start_realtime_ns,
		};
	}
	if (fresh || finding->harm > span->worst) {
		span->title = ts_arena_intern(t->arena, finding->title);
		span->harm_unit = ts_arena_intern(t->arena, finding->harm_unit);
		span->worst = finding->harm;
	}
	span->end_ns = window->delta->realtime_ns;
	span->harm += finding->harm;
	span->last = t->windows;
	span->windows++;
}

/* Keeps the window when it is the worst so far; it owns what it gets. */
static void keep_worst(struct timeline *t, struct ts_window *window, struct ts_report *report)
{
	double harm = -1;

	for (size_t i = 0; i < report->findings; i++)
		if (ts_finding_is_wrong(&report->finding[i]))
			harm = (harm < 0 ? 0 : harm) + report->finding[i].harm_seconds;
	if (t->worst_report && (harm < t->worst_harm || (harm == t->worst_harm && harm >= 0))) {
		ts_report_free(report);
		ts_window_free(window);
		return;
	}
	ts_report_free(t->worst_report);
	ts_window_free(&t->worst);
	t->worst = *window;
	t->worst_report = report;
	t->worst_report->window = &t->worst;
	t->worst_harm = harm;
}

static int judge(struct timeline *t, struct ts_window *window, __u64 session)
{
	struct ts_report *report = ts_replay_judge(t->replay, window);
	bool new_session = !t->windows || session != t->session;
	int exit_code = TS_EXIT_DONE;

	if (!t->windows)
		t->start_ns = window->start_realtime_ns;
	t->end_ns = window->delta->realtime_ns;
	t->session = session;
	for (size_t i = 0; i < report->findings; i++) {
		if (!ts_finding_is_wrong(&report->finding[i]))
			continue;
		t->replay->found = true;
		if (!t->replay->json)
			note_finding(t, window, &report->finding[i], new_session);
	}
	t->windows++;
	if (t->replay->json) {
		exit_code = ts_replay_show(t->replay, report);
		ts_report_free(report);
		ts_window_free(window);
	} else {
		keep_worst(t, window, report);
	}
	return exit_code;
}

/* What is left at the end of a session, too short to be compared with its other windows. */
static bool is_rest(const struct timeline *t, const struct ts_window *window, __u64 session,
		    double seconds)
{
	return t->windows && session == t->session && ts_window_is_rest(window, seconds);
}

static int judge_all(struct timeline *t, double seconds)
{
	struct ts_window window;
	__u64 session = 0;
	size_t at = 0;

	while (next_window(t, seconds, &at, &window, &session)) {
		int exit_code;

		if (is_rest(t, &window, session, seconds)) {
			t->rest_seconds += window.seconds;
			ts_window_free(&window);
			continue;
		}
		exit_code = judge(t, &window, session);
		if (exit_code != TS_EXIT_DONE)
			return exit_code;
	}
	return TS_EXIT_DONE;
}

static const char *safe(const struct timeline *t, const char *text)
{
	return ts_escape(t->arena, text, t->replay->look.utf8);
}

static void show_span(const struct timeline *t, const struct span *span)
{
	fprintf(t->replay->out, "%s - %s  %zu window%s  %s  %s  %s",
		ts_utc_time(t->arena, span->start_ns), ts_utc_time(t->arena, span->end_ns),
		span->windows, span->windows == 1 ? "" : "s", span->rule, safe(t, span->id),
		safe(t, span->title));
	if (span->harm > 0)
		fprintf(t->replay->out, "; harm: %s",
			safe(t, ts_human_value(t->arena, span->harm, span->harm_unit)));
	fputc('\n', t->replay->out);
}

static void show(const struct timeline *t, double seconds)
{
	const struct ts_host *host = &t->worst.delta->host;
	FILE *out = t->replay->out;

	fprintf(out, "%s, %s to %s: %zu window%s of %s%s\n\n",
		*host->hostname ? safe(t, host->hostname) : "unknown host",
		ts_utc_time(t->arena, t->start_ns), ts_utc_time(t->arena, t->end_ns), t->windows,
		t->windows == 1 ? "" : "s", ts_human_seconds(t->arena, seconds),
		t->rest_seconds > 0
			? ts_arena_printf(t->arena, "; a rest of %s is too short to be judged",
					  ts_human_seconds(t->arena, t->rest_seconds))
			: "");
	for (size_t i = 0; i < t->spans; i++)
		show_span(t, &t->span[i]);
	if (!t->spans)
		fputs("Nothing was found wrong in any of them.\n", out);
	fprintf(out, "\nThe %s window, %s to %s:\n\n", t->spans ? "worst" : "last",
		ts_utc_time(t->arena, t->worst.start_realtime_ns),
		ts_utc_time(t->arena, t->worst.delta->realtime_ns));
	ts_render_text(out, t->worst_report, &t->replay->look);
}

int ts_replay_timeline(struct ts_replay *replay, double seconds)
{
	struct timeline t = {.replay = replay, .arena = ts_arena_new()};
	int exit_code;

	t.taken = ts_arena_alloc(t.arena, replay->recording->windows * sizeof *t.taken);
	exit_code = judge_all(&t, seconds);
	if (t.windows && exit_code == TS_EXIT_DONE && !replay->json)
		show(&t, seconds);
	ts_report_free(t.worst_report);
	ts_window_free(&t.worst);
	ts_arena_free(t.arena);
	return exit_code;
}
