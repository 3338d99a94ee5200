// SPDX-License-Identifier: GPL-2.0-only
/*
 * Peers that are gone hold what a service has for its clients, and keepalive would notice only in
 * hours. Clients that are merely idle look alike.
 */
#include "listener.h"

#include <math.h>
#include <string.h>

#include "../arena.h"

enum { SILENT, WAITING_SHARE, NOTICED };

/* What is proposed, in seconds and probes: others wait for each second of it. */
#define FIRST_PROBE   2
#define PROBE_TIME    1
#define PROBE_NUMBER  3
#define PROBES_LENGTH 15 /* interval times number: longer than this it is shortened as well */

struct service {
	struct ts_listener listener;
	/* Each is the most at any one time: who was gone for a moment only is among both. */
	double gone, present, unknown; /* silent connections, by their other side */
	double time, interval, probes; /* settings; NAN when not read */
	double waiting;		       /* share of the samples with connections to be accepted */
};

static double silent(const struct ts_rule_context *context, const struct ts_listener *l,
		     const char *peer)
{
	return ts_window_gauge(context->window, TS_FAMILY_TCP_SILENT,
			       TS_LABELS(l->netns, "service", l->port, peer), 0);
}

static double setting(const struct ts_rule_context *context, const struct ts_listener *l,
		      enum ts_setting_id id)
{
	return ts_window_setting_number(context->window, id, l->netns, 0, NAN);
}

static struct service measure(const struct ts_rule_context *context, const struct ts_series *series)
{
	struct service s = {.listener = ts_listener_read(context, series)};
	const struct ts_listener *l = &s.listener;

	s.gone = silent(context, l, "gone");
	s.present = silent(context, l, "present");
	s.unknown = silent(context, l, "unknown");
	s.time = setting(context, l, TS_SETTING_TCP_KEEPALIVE_TIME);
	s.interval = setting(context, l, TS_SETTING_TCP_KEEPALIVE_INTVL);
	s.probes = setting(context, l, TS_SETTING_TCP_KEEPALIVE_PROBES);
	s.waiting = l->samples > 0 ? (l->partial + l->full) / l->samples : 0;
	return s;
}

static void add_evidence(struct ts_rule_context *context, struct ts_finding *f,
			 const struct service *s)
{
	const struct ts_listener *l = &s->listener;

	ts_finding_judged(context, f, TS_FAMILY_TCP_SILENT,
			  TS_LABELS(l->netns, "service", l->port, "gone"),
			  "silent connections whose other side is gone", s->gone, "connections",
			  (__u64)l->samples, context->threshold[SILENT]);
	ts_finding_evidence(context, f, TS_FAMILY_TCP_SILENT,
			    TS_LABELS(l->netns, "service", l->port, "present"),
			    "silent connections whose other side is there", s->present,
			    "connections", (__u64)l->samples);
	ts_finding_evidence(context, f, TS_FAMILY_TCP_SILENT,
			    TS_LABELS(l->netns, "service", l->port, "unknown"),
			    "silent connections with other hosts", s->unknown, "connections",
			    (__u64)l->samples);
	ts_finding_judged(
		context, f, TS_FAMILY_TCP_ACCEPT_QUEUE_SAMPLES, TS_LABELS(l->netns, l->port),
		"share of the samples with clients that wait to be accepted", 100 * s->waiting, "%",
		(__u64)l->samples, 100 * context->threshold[WAITING_SHARE]);
	f->harm = s->waiting * context->window->seconds;
	f->harm_unit = "seconds clients waited to be accepted";
	f->harm_seconds = f->harm;
}

static const char *where(struct ts_rule_context *context, const struct service *s)
{
	return ts_text(context, "%s in %s", ts_listener_text(context, &s->listener),
		       ts_rule_netns_text(context, s->listener.netns));
}

static void probe_sooner(struct ts_rule_context *context, const struct service *s)
{
	const char *netns = s->listener.netns;
	struct ts_finding *f = ts_finding_new(context, TS_OUTCOME_RECOMMEND);

	ts_listener_name(context, f, &s->listener);
	ts_finding_propose(context, f, TS_SETTING_TCP_KEEPALIVE_TIME, netns,
			   ts_text(context, "%d", FIRST_PROBE));
	if (s->interval * s->probes > PROBES_LENGTH) {
		ts_finding_propose_coupled(context, f, TS_SETTING_TCP_KEEPALIVE_INTVL, netns,
					   ts_text(context, "%d", PROBE_TIME));
		ts_finding_propose_coupled(context, f, TS_SETTING_TCP_KEEPALIVE_PROBES, netns,
					   ts_text(context, "%d", PROBE_NUMBER));
	}
	ts_finding_identify(context, f, f->setting, "port");
	f->title = ts_text(context, "Clients that are gone hold connections of %s, and others wait",
			   where(context, s));
	f->computed = ts_text(
		context,
		"%.0f silent connections have lost their other side, which would be noticed after "
		"%.0f s and %.0f probes every %.0f s; clients wait now for what they hold, so "
		"probes begin after %d s, which costs an idle connection a small segment each time",
		s->gone, s->time, s->probes, s->interval, FIRST_PROBE);
	f->remedy = "Connections keep the time they began with: restart the service, or wait until "
		    "they end. Better still, the application sets TCP_KEEPIDLE or closes idle "
		    "connections by itself.";
	f->expect = "connections whose client is gone end within seconds, and make room for those "
		    "that wait";
	f->confidence = 0.8;
	add_evidence(context, f, s);
}

static void idle_clients(struct ts_rule_context *context, const struct service *s)
{
	struct ts_finding *f = ts_finding_cause(context, "low-concurrency",
						ts_settings[TS_SETTING_TCP_KEEPALIVE_TIME].name);

	ts_listener_name(context, f, &s->listener);
	ts_finding_identify(context, f, f->cause, "port");
	f->title = ts_text(context, "Idle clients hold the connections of %s, and others wait",
			   where(context, s));
	f->remedy = "They are still there and would answer keepalive: let the application serve "
		    "more connections at once, or close idle ones.";
	f->confidence = 0.7;
	add_evidence(context, f, s);
}

static void judge_service(struct ts_rule_context *context, const struct service *s)
{
	if (isnan(s->time) || isnan(s->interval) || isnan(s->probes))
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"clients of %s wait while connections are silent, but the "
					"keepalive settings could not be read",
					where(context, s));
	else if (s->gone >= context->threshold[SILENT] && s->gone > s->present &&
		 s->gone >= s->present + s->unknown &&
		 s->time + s->interval * s->probes > context->threshold[NOTICED])
		probe_sooner(context, s);
	else if (s->present >= context->threshold[SILENT] && s->present > s->gone + s->unknown)
		idle_clients(context, s);
	else
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"clients of %s wait while %.0f connections are silent; "
					"whether the other sides are still there cannot be told",
					where(context, s), s->gone + s->present + s->unknown);
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	double most = 0;

	ts_for_each_series (series, context->window, TS_FAMILY_TCP_LISTENER_BACKLOG) {
		struct service s;
		double all;

		if (ts_rule_is_other(series))
			continue;
		s = measure(context, series);
		all = s.gone + s.present + s.unknown;
		most = fmax(most, all);
		if (all >= context->threshold[SILENT] &&
		    s.waiting >= context->threshold[WAITING_SHARE])
			judge_service(context, &s);
	}
	if (context->why)
		return context->outcome;
	return ts_rule_without_finding(context, TS_OUTCOME_QUIET,
				       "at most %.0f silent connections of a service (threshold "
				       "%.0f), or nobody waits for one of them to end",
				       most, context->threshold[SILENT]);
}

const struct ts_rule ts_rule_keepalive = {
	.id = "keepalive",
	.title = "Clients that are gone",
	.needs = {TS_FAMILY_TCP_SILENT, TS_FAMILY_TCP_LISTENER_BACKLOG,
		  TS_FAMILY_TCP_ACCEPT_QUEUE_SAMPLES, TS_FAMILY_COUNT},
	.settings = {TS_SETTING_TCP_KEEPALIVE_TIME, TS_SETTING_TCP_KEEPALIVE_INTVL,
		     TS_SETTING_TCP_KEEPALIVE_PROBES, TS_SETTING_COUNT},
	.thresholds =
		{[SILENT] = {"silent_connections", 2, 1, 1e6, "connections",
			     "silent connections of one service, from which on they are judged "
			     "while clients wait"},
		 [WAITING_SHARE] = {"waiting_share", 0.5, 0.05, 1, "share of the samples",
				    "clients wait to be accepted in more of the samples than this"},
		 [NOTICED] = {"noticed_seconds", 60, 1, 1e6, "seconds",
			      "a peer that is gone is noticed after less than this: soon enough"}},
	.judge = judge,
	.explanation =
		"A host that vanishes says nothing: its connections stay established until "
		"keepalive probes go unanswered, by default after two hours and eleven minutes. "
		"Until then they hold what the service has for its clients.\n"
		"Convicts net.ipv4.tcp_keepalive_time: clients wait to be accepted, connections of "
		"the service are silent with a keepalive timer far away, and their other side is "
		"gone: its address is on this host and no such connection is, or the connection is "
		"and has lost its address.\n"
		"Acquits it: other sides that are there and idle (they would answer), or were away "
		"for a moment only; an "
		"application that set TCP_KEEPIDLE itself, or does not ask for keepalive. Of other "
		"hosts nothing is known without a probe: then nothing is proposed.\n"
		"Each idle connection is probed that often, and ends when the path is down for "
		"longer than the probes take.\n"
		"Source: tcp_keepalive_timer(), keepalive_time_when(); RFC 1122, tcp(7).",
};
