// SPDX-License-Identifier: GPL-2.0-only
/* Local ports for outgoing connections run out: a small range, or connections that are never
 * closed. */
#include "../rule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../arena.h"

enum { FAILED, HELD_SHARE, LEAK_SHARE };

#define SECONDS_PER_FAILURE 1.0
#define TIME_WAIT_SECONDS   60.0
#define HEADROOM	    1.25
#define LISTENERS_TOLD	    8

/*
 * What is proposed: the kernel's default, then wider ones of different parity at both ends, that
 * keep the ports of well-known services out.
 */
static const struct port_range {
	double first, last;
} proposals[] = {{32768, 60999}, {15000, 64999}, {10240, 65535}};

#define PROPOSALS (sizeof proposals / sizeof proposals[0])

struct ports {
	const char *netns;
	const char *destination;	    /* the one that holds most */
	double time_wait, open, close_wait; /* towards it */
	double held;			    /* all of them */
	double everywhere;		    /* towards all destinations */
	double failed;
	double first, last; /* the range; NAN when not read */
	double reuse;	    /* tcp_tw_reuse */
};

static double range_size(double first, double last)
{
	return last - first + 1;
}

static double held(const struct ts_rule_context *context, const char *netns,
		   const char *destination, const char *state)
{
	return ts_window_gauge(context->window, TS_FAMILY_TCP_LOCAL_PORTS,
			       TS_LABELS(netns, destination, state), 0);
}

static double held_at_all(const struct ts_rule_context *context, const char *netns,
			  const char *destination)
{
	double sum = 0;

	ts_for_each_series (s, context->window, TS_FAMILY_TCP_LOCAL_PORTS)
		if (ts_series_matches(s, TS_LABELS(netns, destination)))
			sum += s->gauge;
	return sum;
}

static struct ports measure(const struct ts_rule_context *context, const char *netns)
{
	const struct ts_window *window = context->window;
	struct ports p = {.netns = netns, .destination = ""};

	ts_for_each_series (s, window, TS_FAMILY_TCP_LOCAL_PORTS) {
		double sum;

		if (strcmp(s->label[0], netns) || !strcmp(s->label[1], "other"))
			continue;
		sum = held_at_all(context, netns, s->label[1]);
		if (sum > p.held) {
			p.held = sum;
			p.destination = s->label[1];
		}
	}
	p.everywhere = held_at_all(context, netns, NULL);
	p.time_wait = held(context, netns, p.destination, "time-wait");
	p.open = held(context, netns, p.destination, "established") +
		 held(context, netns, p.destination, "other");
	p.close_wait = held(context, netns, p.destination, "close-wait");
	if (ts_rule_measured(context, TS_FAMILY_TCP_CONNECT_FAILURES))
		p.failed = (double)ts_window_counter(window, TS_FAMILY_TCP_CONNECT_FAILURES,
						     TS_LABELS(netns, NULL, "no-local-port"));
	p.first = ts_window_setting_number(window, TS_SETTING_IP_LOCAL_PORT_RANGE, netns, 0, NAN);
	p.last = ts_window_setting_number(window, TS_SETTING_IP_LOCAL_PORT_RANGE, netns, 1, NAN);
	p.reuse = ts_window_setting_number(window, TS_SETTING_TCP_TW_REUSE, netns, 0, NAN);
	return p;
}

static void add_evidence(struct ts_rule_context *context, struct ts_finding *f,
			 const struct ports *p)
{
	double size = range_size(p->first, p->last);
	const struct ts_sufferer *worst = ts_window_sufferer(
		context->window, TS_FAMILY_TCP_CONNECT_FAILURES, TS_LABELS(p->netns));

	if (ts_rule_measured(context, TS_FAMILY_TCP_CONNECT_FAILURES))
		ts_finding_judged(context, f, TS_FAMILY_TCP_CONNECT_FAILURES,
				  TS_LABELS(p->netns, NULL, "no-local-port"),
				  "connects that found no free local port (EADDRNOTAVAIL)",
				  p->failed, "connections", 1, context->threshold[FAILED]);
	ts_finding_judged(context, f, TS_FAMILY_TCP_LOCAL_PORTS,
			  TS_LABELS(p->netns, p->destination),
			  ts_text(context, "local ports held towards %s", p->destination), p->held,
			  "ports", 1, context->threshold[HELD_SHARE] * size);
	ts_finding_evidence(context, f, TS_FAMILY_TCP_LOCAL_PORTS,
			    TS_LABELS(p->netns, p->destination, "time-wait"),
			    "of these in TIME_WAIT", p->time_wait, "ports", 1);
	ts_finding_evidence(context, f, TS_FAMILY_TCP_LOCAL_PORTS,
			    TS_LABELS(p->netns, p->destination, "established"),
			    "of these open (established and changing state)", p->open, "ports", 1);
	ts_finding_evidence(context, f, TS_FAMILY_TCP_LOCAL_PORTS,
			    TS_LABELS(p->netns, p->destination, "close-wait"),
			    "of these closed by the other side only", p->close_wait, "ports", 1);
	f->netns = ts_arena_intern(context->report->arena, p->netns);
	if (worst) {
		ts_finding_sufferer(context, f, worst);
		f->pid = worst->pid;
		f->comm = ts_arena_intern(context->report->arena, worst->comm);
	}
	f->harm = p->failed;
	f->harm_unit = "failed connects";
	f->harm_seconds = p->failed * SECONDS_PER_FAILURE;
}

static void leak(struct ts_rule_context *context, const struct ports *p)
{
	struct ts_finding *f = ts_finding_cause(context, "connection-leak",
						ts_settings[TS_SETTING_IP_LOCAL_PORT_RANGE].name);

	f->scope = TS_SCOPE_NETNS;
	add_evidence(context, f, p);
	ts_finding_identify(context, f, f->cause, "port");
	f->title = ts_text(context,
			   "Local ports in %s run out: connections to %s are opened and not closed",
			   ts_rule_netns_text(context, p->netns), p->destination);
	f->remedy =
		p->close_wait > p->open
			? "The other side has closed them and the application has not "
			  "(CLOSE_WAIT): "
			  "it must close() its sockets. A wider range only delays the end."
			: "The ports are held by open connections: close those that are no longer "
			  "used, or share them (a connection pool with an upper bound). A wider "
			  "range only delays the end.";
	f->confidence = 0.85;
}

/* Services listening inside the range: a restart of one may find its port taken. */
static const char *listeners_within(struct ts_rule_context *context, const struct ports *p,
				    const struct port_range *range)
{
	const char *list = "";
	size_t count = 0;

	ts_for_each_series (s, context->window, TS_FAMILY_TCP_LISTENER_BACKLOG) {
		double port = strtod(s->label[1], NULL);

		if (strcmp(s->label[0], p->netns) || port < range->first || port > range->last)
			continue;
		if (count++ < LISTENERS_TOLD)
			list = ts_text(context, "%s%s%s", list, *list ? "," : "", s->label[1]);
	}
	return list;
}

/* Ports that this rate of connects holds until TIME_WAIT ends, and those held now. */
static double demand(const struct ts_rule_context *context, const struct ports *p)
{
	return HEADROOM * (p->held + p->failed / context->window->seconds * TIME_WAIT_SECONDS);
}

static const struct port_range *choose(const struct ports *p, double wanted)
{
	const struct port_range *best = NULL;

	for (size_t i = 0; i < PROPOSALS; i++) {
		double size = range_size(proposals[i].first, proposals[i].last);

		if (size <= range_size(p->first, p->last))
			continue;
		best = &proposals[i];
		if (size >= wanted)
			break;
	}
	return best;
}

static const char *reuse_note(const struct ports *p)
{
	if (p->reuse == 1)
		return "";
	return " Instead, net.ipv4.tcp_tw_reuse=1 lets connect() take over ports in TIME_WAIT "
	       "after "
	       "a second, where the other side uses TCP timestamps; keeping connections open is "
	       "better than both.";
}

static void widen(struct ts_rule_context *context, const struct ports *p)
{
	double wanted = demand(context, p), size = range_size(p->first, p->last);
	const struct port_range *range = choose(p, wanted);
	struct ts_finding *f =
		ts_finding_new(context, range ? TS_OUTCOME_RECOMMEND : TS_OUTCOME_ALREADY_SET);
	const char *inside;

	add_evidence(context, f, p);
	ts_finding_propose(context, f, TS_SETTING_IP_LOCAL_PORT_RANGE, p->netns,
			   range ? ts_text(context, "%.0f %.0f", range->first, range->last) : "");
	ts_finding_identify(context, f, f->setting, "port");
	f->title = ts_text(context,
			   "Local ports for connections to %s in %s run out: the range has %.0f",
			   p->destination, ts_rule_netns_text(context, p->netns), size);
	f->confidence = p->failed > 0 ? 0.95 : 0.6;
	if (!range) {
		f->proposed = f->apply = f->undo = "";
		f->remedy =
			ts_text(context,
				"The range is as wide as is sensible: keep connections open, use "
				"several source or destination addresses.%s",
				reuse_note(p));
		return;
	}
	f->computed = ts_text(
		context,
		"%.0f ports held and %.0f connects failed in %.0f s; a port stays in TIME_WAIT for "
		"60 s, so this rate asks for about %.0f ports (a quarter more included); the new "
		"range has %.0f",
		p->held, p->failed, context->window->seconds, wanted,
		range_size(range->first, range->last));
	inside = listeners_within(context, p, range);
	f->remedy = ts_text(
		context, "%s%s%s The low end stays above the ports of well-known services.%s",
		*inside ? "Services listen inside the new range: keep their ports out with "
			  "net.ipv4.ip_local_reserved_ports="
			: "",
		inside, *inside ? "." : "", reuse_note(p));
	f->expect =
		ts_text(context,
			"no more connects that fail for want of a port (%.0f in this "
			"window)%s",
			p->failed,
			range_size(range->first, range->last) < wanted
				? ", though this rate may exhaust the wider range, too, after a "
				  "minute"
				: "");
}

/* Ports run out, or are about to; nothing below it counts. */
static bool exhausted(const struct ts_rule_context *context, const struct ports *p)
{
	double size = range_size(p->first, p->last);

	if (p->failed >= context->threshold[FAILED])
		return true;
	/* More than the range: several source addresses, each with a range of its own. */
	return p->held >= context->threshold[HELD_SHARE] * size && p->held <= size &&
	       !(p->reuse == 1 && p->time_wait > p->open + p->close_wait);
}

static void judge_namespace(struct ts_rule_context *context, const struct ports *p)
{
	double size = range_size(p->first, p->last);

	if (isnan(size)) {
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"connects in %s found no local port, but its "
					"ip_local_port_range could not be read",
					ts_rule_netns_text(context, p->netns));
	} else if (fmax(p->held, p->everywhere) < context->threshold[HELD_SHARE] * size) {
		ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"%.0f connects in %s failed with EADDRNOTAVAIL although only %.0f of %.0f "
			"local ports were seen in use: a source address that does not exist or "
			"ip_local_reserved_ports can be the reason; observe longer",
			p->failed, ts_rule_netns_text(context, p->netns),
			fmax(p->held, p->everywhere), size);
	} else if (p->open + p->close_wait >= context->threshold[LEAK_SHARE] * p->held) {
		leak(context, p);
	} else {
		widen(context, p);
	}
}

/* Whether a namespace was judged already: the series of one stand in no order. */
static bool seen_before(const struct ts_window *window, enum ts_family_id id,
			const struct ts_series *series)
{
	ts_for_each_series (s, window, id) {
		if (s == series)
			return false;
		if (!strcmp(s->label[0], series->label[0]))
			return true;
	}
	return false;
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	static const enum ts_family_id families[] = {TS_FAMILY_TCP_LOCAL_PORTS,
						     TS_FAMILY_TCP_CONNECT_FAILURES};
	double fullest = 0;

	for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
		ts_for_each_series (s, context->window, families[i]) {
			struct ports p;

			if (ts_rule_is_other(s) || seen_before(context->window, families[i], s))
				continue;
			/* Those that hold no port at all are left to the second family. */
			if (i && held_at_all(context, s->label[0], NULL) > 0)
				continue;
			p = measure(context, s->label[0]);
			if (p.held > 0)
				fullest = fmax(fullest, p.held / range_size(p.first, p.last));
			if (exhausted(context, &p))
				judge_namespace(context, &p);
		}
	if (context->why)
		return context->outcome;
	return ts_rule_without_finding(
		context, TS_OUTCOME_QUIET,
		"at most %.0f %% of a namespace's local ports were held towards one destination "
		"(threshold %.0f %%)%s",
		100 * fullest, 100 * context->threshold[HELD_SHARE],
		ts_rule_measured(context, TS_FAMILY_TCP_CONNECT_FAILURES)
			? ", and no connect failed for want of one"
			: "; failed connects were not measured");
}

const struct ts_rule ts_rule_local_ports = {
	.id = "local-ports",
	.title = "Local port exhaustion",
	.needs = {TS_FAMILY_TCP_LOCAL_PORTS, TS_FAMILY_COUNT},
	.settings = {TS_SETTING_IP_LOCAL_PORT_RANGE, TS_SETTING_COUNT},
	.thresholds =
		{[FAILED] = {"failed_connects", 5, 1, 1e9, "connections",
			     "connects of one network namespace that find no local port during the "
			     "window, from which on it is a symptom"},
		 [HELD_SHARE] =
			 {"held_share", 0.8, 0.1, 1, "share of the range",
			  "local ports held towards one destination, as a share of the range, from "
			  "which on they run out"},
		 [LEAK_SHARE] =
			 {"open_share", 0.5, 0.01, 1, "share of the held ports",
			  "ports held by open connections (not TIME_WAIT), from which on the "
			  "connections are the problem and not the range"}},
	.judge = judge,
	.explanation = "connect() picks a local port from net.ipv4.ip_local_port_range that is "
		       "free towards that "
		       "destination. After an active close the port stays in TIME_WAIT for 60 s.\n"
		       "Convicts the range: connect() fails with EADDRNOTAVAIL, or TIME_WAIT holds "
		       "more than 80 % of "
		       "the range towards one destination.\n"
		       "Acquits it: established or CLOSE_WAIT connections hold the ports "
		       "(connection-leak): a wider "
		       "range only delays the end.\n"
		       "A wider range may collide with services that start later "
		       "(ip_local_reserved_ports). "
		       "tcp_tw_reuse=1 is the alternative where both sides use timestamps.\n"
		       "Source: __inet_hash_connect(), tcp_twsk_unique(); "
		       "Documentation/networking/ip-sysctl.rst.",
};
