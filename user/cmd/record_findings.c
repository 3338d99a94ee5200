// SPDX-License-Identifier: GPL-2.0-only
#include "record_findings.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../core/arena.h"
#include "../core/error.h"
#include "../core/render/render.h"

/* A finding that was not there for so many windows has gone. */
#define GONE_AFTER 30

struct ts_known_finding {
	char *id, *title; /* as they are shown */
	__u64 last;	  /* number of the window it was in */
};

static void local_time(__u64 realtime_ns, char text[32])
{
	time_t seconds = (time_t)(realtime_ns / 1000000000ULL);
	struct tm local;

	localtime_r(&seconds, &local);
	strftime(text, 32, "%Y-%m-%d %H:%M:%S", &local);
}

static struct ts_known_finding *find(const struct ts_finding_watch *watch, const char *id)
{
	for (size_t i = 0; i < watch->count; i++)
		if (!strcmp(watch->known[i].id, id))
			return &watch->known[i];
	return NULL;
}

static char *copy(const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(ts_memory_resize(NULL, size), text, size);
}

static void remember(struct ts_finding_watch *watch, const char *id, const char *title)
{
	if (watch->count == watch->capacity) {
		watch->capacity = watch->capacity ? 2 * watch->capacity : 16;
		watch->known =
			ts_memory_resize(watch->known, watch->capacity * sizeof *watch->known);
	}
	watch->known[watch->count++] =
		(struct ts_known_finding){copy(id), copy(title), watch->judged};
}

static void forget(struct ts_finding_watch *watch, size_t i)
{
	free(watch->known[i].id);
	free(watch->known[i].title);
	watch->known[i] = watch->known[--watch->count];
}

static void take(struct ts_finding_watch *watch, struct ts_report *report,
		 const struct ts_finding *finding, const char *when)
{
	/* They may hold names of devices and processes. */
	const char *id = ts_escape_terminal(report->arena, finding->id);
	const char *title = ts_escape_terminal(report->arena, finding->title);
	struct ts_known_finding *known = find(watch, id);

	if (known) {
		known->last = watch->judged;
		return;
	}
	remember(watch, id, title);
	ts_err(0, "%s found %s: %s", when, id, title);
}

static void judge(struct ts_finding_watch *watch)
{
	struct ts_report *report = ts_report_make(&watch->window, watch->profile);
	char when[32];

	watch->judged++;
	local_time(watch->window.delta->realtime_ns, when);
	for (size_t i = 0; i < report->findings; i++)
		if (ts_finding_is_wrong(&report->finding[i]))
			take(watch, report, &report->finding[i], when);
	for (size_t i = watch->count; i-- > 0;) {
		const struct ts_known_finding *known = &watch->known[i];

		if (watch->judged - known->last < GONE_AFTER)
			continue;
		ts_err(0, "%s gone %s: %s", when, known->id, known->title);
		forget(watch, i);
	}
	ts_report_free(report);
}

void ts_finding_watch_add(struct ts_finding_watch *watch, const struct ts_window *window)
{
	ts_window_add(&watch->window, window);
	if (!ts_window_reached(&watch->window, watch->seconds, window->seconds))
		return;
	judge(watch);
	ts_window_free(&watch->window);
}

void ts_finding_watch_finish(struct ts_finding_watch *watch)
{
	if (watch->window.delta &&
	    (!watch->judged || !ts_window_is_rest(&watch->window, watch->seconds)))
		judge(watch);
	ts_window_free(&watch->window);
}

void ts_finding_watch_free(struct ts_finding_watch *watch)
{
	while (watch->count)
		forget(watch, watch->count - 1);
	free(watch->known);
	ts_window_free(&watch->window);
}
