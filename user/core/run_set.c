// SPDX-License-Identifier: GPL-2.0-only
#include "run_set.h"

#include <string.h>

#include "arena.h"

struct ts_run_set *ts_run_set_new(const char *name)
{
	struct ts_arena *arena = ts_arena_new();
	struct ts_run_set *set = ts_arena_alloc(arena, sizeof *set);

	set->arena = arena;
	set->name = ts_arena_strdup(arena, name);
	return set;
}

void ts_run_set_free(struct ts_run_set *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->runs; i++) {
		ts_run_summary_free(set->run[i].summary);
		ts_snapshot_free((struct ts_snapshot *)set->run[i].context);
	}
	ts_arena_free(set->arena);
}

void ts_run_set_begin(struct ts_run_set *set, __u64 session)
{
	set->run = ts_arena_grow(set->arena, set->run, set->runs, &set->capacity, sizeof *set->run);
	set->run[set->runs++] = (struct ts_run){
		.summary = ts_run_summary_new(),
		.facts = {.command = "", .scope = "host"},
		.session = session,
	};
}

/* Only when it is another one: it hardly ever is. */
static void take_context(struct ts_run *run, const struct ts_snapshot *from)
{
	struct ts_snapshot *context;

	if (!from->settings && !*from->host.hostname && run->context)
		return;
	context = ts_snapshot_new();
	context->host = ts_host_copy(context->arena, &from->host);
	for (size_t i = 0; i < from->settings; i++) {
		const struct ts_setting_value *v = &from->setting[i];

		ts_snapshot_setting(context, v->id, v->scope, v->status, v->value, v->choices,
				    v->why);
	}
	for (size_t i = 0; i < from->netns_count; i++)
		ts_snapshot_netns(context, &from->netns[i]);
	ts_snapshot_free((struct ts_snapshot *)run->context);
	run->context = context;
}

void ts_run_set_add(struct ts_run_set *set, const struct ts_window *window)
{
	struct ts_run *run = &set->run[set->runs - 1];
	struct ts_run_facts facts = ts_run_facts_get(window->delta);

	ts_run_summary_add(run->summary, window);
	if (!run->start_realtime_ns)
		run->start_realtime_ns = window->start_realtime_ns;
	if (facts.known) {
		facts.command = ts_arena_intern(set->arena, facts.command);
		run->facts = facts;
	}
	take_context(run, window->delta);
	run->own_cpu_ns += window->delta->cost.user_cpu_ns;
	run->lost_events += window->delta->cost.lost_events;
}

void ts_run_set_end(struct ts_run_set *set)
{
	ts_run_summary_finish(set->run[set->runs - 1].summary);
}

/* All windows of the session that window number first is the first of. */
static void read_session(struct ts_run_set *set, struct ts_recording *recording, size_t first)
{
	__u64 session = recording->window[first].header.session;
	struct ts_window window;
	bool begun = false;

	for (size_t i = first; i < recording->windows; i++) {
		if (recording->window[i].header.session != session ||
		    ts_recording_window(recording, i, &window))
			continue;
		if (!begun)
			ts_run_set_begin(set, session);
		begun = true;
		ts_run_set_add(set, &window);
		ts_window_free(&window);
	}
	if (begun)
		ts_run_set_end(set);
}

static bool seen_before(const struct ts_recording *recording, size_t window)
{
	__u64 session = recording->window[window].header.session;

	/* Sessions hardly ever mix: the one before says it all in most cases. */
	for (size_t i = window; i-- > 0;)
		if (recording->window[i].header.session == session)
			return true;
	return false;
}

struct ts_run_set *ts_run_set_read(struct ts_recording *recording, const char *name)
{
	struct ts_run_set *set = ts_run_set_new(name);

	for (size_t i = 0; i < recording->windows; i++)
		if (!seen_before(recording, i))
			read_session(set, recording, i);
	return set;
}

/* That all runs end with, or 0. */
static int common_status(const struct ts_run_set *set)
{
	int status = set->runs ? set->run[0].facts.exit_status : 0;

	for (size_t i = 1; i < set->runs; i++)
		if (set->run[i].facts.exit_status != status)
			return 0;
	return status;
}

size_t ts_run_set_usable(const struct ts_run_set *set, enum ts_run_side side,
			 const struct ts_run **run)
{
	int status = common_status(set);
	size_t count = 0;

	for (size_t i = 0; i < set->runs; i++) {
		const struct ts_run_facts *facts = &set->run[i].facts;

		if (side != TS_RUN_ALONE && facts->side != side)
			continue;
		if (!facts->known || (facts->ended && facts->exit_status == status))
			run[count++] = &set->run[i];
	}
	return count;
}

bool ts_run_set_has_sides(const struct ts_run_set *set)
{
	bool side[TS_RUN_CURRENT + 1] = {false};

	for (size_t i = 0; i < set->runs; i++)
		side[set->run[i].facts.side] = true;
	return side[TS_RUN_BASELINE] && side[TS_RUN_CURRENT];
}
