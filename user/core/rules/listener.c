// SPDX-License-Identifier: GPL-2.0-only
#include "listener.h"

#include <math.h>
#include <string.h>

#include "../arena.h"

/* The process that listens stands among the sufferers of any family that sampled the listener. */
static const struct ts_sufferer *find_owner(const struct ts_window *window, const char *netns,
					    const char *port)
{
	const struct ts_snapshot *delta = window->delta;

	for (size_t i = 0; i < delta->sufferers; i++) {
		const struct ts_sufferer *s = &delta->sufferer[i];

		if (ts_families[s->family].source == TS_SOURCE_LISTENERS &&
		    !strcmp(s->label[0], netns) && !strcmp(s->label[1], port))
			return s;
	}
	return NULL;
}

static double samples_in(const struct ts_window *window, const struct ts_listener *listener,
			 const char *state)
{
	return (double)ts_window_counter(window, TS_FAMILY_TCP_ACCEPT_QUEUE_SAMPLES,
					 TS_LABELS(listener->netns, listener->port, state));
}

struct ts_listener ts_listener_read(const struct ts_rule_context *context,
				    const struct ts_series *series)
{
	const struct ts_window *window = context->window;
	struct ts_listener listener = {
		.netns = series->label[0],
		.port = series->label[1],
		.limit = series->gauge,
	};
	const char *const labels[TS_LABELS_MAX] = {listener.netns, listener.port};

	listener.somaxconn =
		ts_window_setting_number(window, TS_SETTING_SOMAXCONN, listener.netns, 0, NAN);
	listener.drops = (double)ts_window_counter(window, TS_FAMILY_TCP_LISTENER_DROPS, labels);
	listener.burst = ts_window_gauge(window, TS_FAMILY_TCP_LISTENER_BURST, labels, 0);
	listener.queue_peak = ts_window_gauge(window, TS_FAMILY_TCP_ACCEPT_QUEUE_PEAK, labels, 0);
	listener.syn_peak = ts_window_gauge(window, TS_FAMILY_TCP_SYN_QUEUE_PEAK, labels, 0);
	listener.empty = samples_in(window, &listener, "empty");
	listener.partial = samples_in(window, &listener, "partial");
	listener.full = samples_in(window, &listener, "full");
	listener.samples = listener.empty + listener.partial + listener.full;
	listener.full_seconds = ts_window_gauge(window, TS_FAMILY_TCP_ACCEPT_QUEUE_FULL, labels, 0);
	listener.owner = find_owner(window, listener.netns, listener.port);
	return listener;
}

bool ts_listener_was_full(const struct ts_listener *listener)
{
	return listener->full > 0 || listener->queue_peak >= 0.9 * listener->limit;
}

const char *ts_listener_text(struct ts_rule_context *context, const struct ts_listener *listener)
{
	if (listener->owner && *listener->owner->comm)
		return ts_text(context, ":%s (%s)", listener->port, listener->owner->comm);
	return ts_text(context, ":%s", listener->port);
}

void ts_listener_name(struct ts_rule_context *context, struct ts_finding *finding,
		      const struct ts_listener *listener)
{
	struct ts_arena *arena = context->report->arena;

	finding->scope = TS_SCOPE_NETNS;
	finding->netns = ts_arena_intern(arena, listener->netns);
	finding->port = ts_arena_intern(arena, listener->port);
	if (!listener->owner)
		return;
	finding->pid = listener->owner->pid;
	finding->comm = ts_arena_intern(arena, listener->owner->comm);
	ts_finding_sufferer(context, finding, listener->owner);
}

static const char *process_text(struct ts_rule_context *context, const struct ts_listener *listener)
{
	if (listener->owner && listener->owner->pid > 0)
		return ts_text(context, "%s (pid %d)",
			       *listener->owner->comm ? listener->owner->comm : "the process",
			       listener->owner->pid);
	return "the application";
}

const char *ts_listener_backlog_remedy(struct ts_rule_context *context,
				       const struct ts_listener *listener, double wanted)
{
	return ts_text(context,
		       "If net.core.somaxconn was raised (it is %.0f) after %s was started, a "
		       "restart alone is enough: the limit of port %s stays what it was when "
		       "listen() was called. Should it be %.0f after the restart, too, that is the "
		       "backlog it asks for: raise it in its configuration to at least %.0f.",
		       listener->somaxconn, process_text(context, listener), listener->port,
		       listener->limit, wanted);
}

__u64 ts_listener_wanted(const struct ts_listener *listener)
{
	return ts_round_up_power_of_two(2 * (listener->limit + listener->burst),
					TS_SOMAXCONN_DEFAULT, TS_SOMAXCONN_MOST);
}

const char *ts_listener_somaxconn_remedy(struct ts_rule_context *context,
					 const struct ts_listener *listener, __u64 wanted)
{
	return ts_text(context,
		       "Then restart %s: the limit is taken when listen() is called. Its own "
		       "listen() backlog must ask for at least %llu; what it asks for cannot be "
		       "seen while somaxconn cuts it short.",
		       process_text(context, listener), (unsigned long long)wanted);
}
