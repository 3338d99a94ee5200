// SPDX-License-Identifier: GPL-2.0-only
#include "cpu_sessions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct ts_cpu_session *find(struct ts_cpu_sessions *sessions, const char *id)
{
	for (size_t i = 0; i < sessions->count; i++)
		if (!strcmp(sessions->session[i].id, id))
			return &sessions->session[i];
	if (sessions->count == TS_CPU_SESSIONS_MAX)
		return NULL;
	sessions->session[sessions->count] = (struct ts_cpu_session){.id = id, .label = {id}};
	return &sessions->session[sessions->count++];
}

static void add_series(const struct ts_rule_context *context, struct ts_cpu_sessions *sessions,
		       const struct ts_series *s)
{
	const char *sharing = s->label[1], *class = s->label[2];
	double waited = (double)s->counter / 1e9;
	struct ts_cpu_session *session;

	if (!strcmp(class, "background"))
		sessions->background += waited;
	if (!strcmp(class, "realtime"))
		sessions->realtime +=
			ts_window_seconds(context->window, TS_FAMILY_SESSION_RUN, s->label);
	/* What shares out time within a cgroup, or by priority, no session has a part in. */
	if (strcmp(class, "normal") || !strcmp(sharing, "cgroup") || ts_rule_is_other(s) ||
	    waited <= 0)
		return;
	session = find(sessions, s->label[0]);
	if (!session)
		return;
	session->waited += waited;
	session->ran += ts_window_seconds(context->window, TS_FAMILY_SESSION_RUN, s->label);
	session->by_task |= !strcmp(sharing, "task");
}

static int fewest_tasks_first(const void *a, const void *b)
{
	const struct ts_cpu_session *x = a, *y = b;

	return (x->tasks > y->tasks) - (x->tasks < y->tasks);
}

static int longest_wait_first(const void *a, const void *b)
{
	const struct ts_cpu_session *x = a, *y = b;

	return (x->waited < y->waited) - (x->waited > y->waited);
}

/*
 * A session that uses less than its part waits only because it comes in turns with others: as many
 * as they have tasks now, and one for each of them (or less, for one that is not always there) with
 * equal parts for the sessions.
 */
static double fair_turns(const struct ts_cpu_sessions *sessions, const struct ts_cpu_session *s)
{
	double tasks = 0, parts = 0;

	for (size_t i = 0; i < sessions->count; i++) {
		if (&sessions->session[i] == s)
			continue;
		tasks += sessions->session[i].tasks;
		parts += fmin(sessions->session[i].tasks, 1);
	}
	return tasks > 0 ? s->ran / (s->ran + s->waited * parts / tasks) : s->share;
}

/*
 * Equal parts of what they all got together (so that CPUs they may not use do not count). What a
 * session could not use of its part is shared out among the others.
 */
static void share_out(struct ts_cpu_sessions *sessions, double seconds)
{
	double left = 0;

	for (size_t i = 0; i < sessions->count; i++) {
		struct ts_cpu_session *s = &sessions->session[i];

		left += s->ran / seconds;
		s->tasks = (s->waited + s->ran) / seconds;
		s->share = s->ran / (s->waited + s->ran);
	}
	if (!sessions->count)
		return;
	qsort(sessions->session, sessions->count, sizeof *sessions->session, fewest_tasks_first);
	for (size_t i = 0; i < sessions->count; i++) {
		struct ts_cpu_session *s = &sessions->session[i];
		double part = fmin(s->tasks, left / (double)(sessions->count - i));

		s->fair = fmin(part / s->tasks, fair_turns(sessions, s));
		left -= part;
	}
	qsort(sessions->session, sessions->count, sizeof *sessions->session, longest_wait_first);
}

void ts_cpu_sessions(const struct ts_rule_context *context, struct ts_cpu_sessions *sessions)
{
	*sessions = (struct ts_cpu_sessions){
		.measured = ts_rule_measured(context, TS_FAMILY_SESSION_WAIT) &&
			    ts_rule_measured(context, TS_FAMILY_SESSION_RUN),
	};
	if (!sessions->measured)
		return;
	ts_for_each_series (s, context->window, TS_FAMILY_SESSION_WAIT)
		add_series(context, sessions, s);
	share_out(sessions, context->window->seconds);
	for (size_t i = 0; i < sessions->count; i++)
		sessions->session[i].leader = ts_window_sufferer(
			context->window, TS_FAMILY_SESSION_WAIT, sessions->session[i].label);
}

const struct ts_cpu_session *ts_cpu_sessions_largest(const struct ts_cpu_sessions *sessions)
{
	const struct ts_cpu_session *largest = NULL;

	for (size_t i = 0; i < sessions->count; i++)
		if (!largest || sessions->session[i].tasks > largest->tasks)
			largest = &sessions->session[i];
	return largest;
}

const char *ts_cpu_session_text(struct ts_rule_context *context,
				const struct ts_cpu_session *session)
{
	return session->leader
		       ? ts_text(context, "session %s (%s)", session->id, session->leader->comm)
		       : ts_text(context, "session %s", session->id);
}
