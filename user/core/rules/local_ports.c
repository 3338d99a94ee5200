// SPDX-License-Identifier: GPL-2.0-only
/*
 * Local ports for outgoing connections run out: a small range, or connections that this side or the
 * other never closes. Without connects that fail nobody is harmed, and nothing is proposed.
 */
#include "port_use.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../arena.h"

enum { FAILED, HELD_SHARE, LEAK_SHARE };

#define SECONDS_PER_FAILURE 1.0
#define TIME_WAIT_SECONDS   60.0
#define HEADROOM	    1.25
#define REUSE_SECONDS	    1.0 /* a port in TIME_WAIT is taken over after */
#define REUSE_HEADROOM	    2
#define REUSE_GAINS	    4	 /* times what the widest range could serve */
#define FIN_TIMEOUT_MOST    60.0 /* the kernel's default, and as long as TIME_WAIT */
#define FIN_TIMEOUT_LEAST   2.0	 /* the kernel waits for some round trips in any case */
#define LISTENERS_TOLD	    8
/*
 * A leak takes everything or grows; a pool of connections does neither. Held by open connections,
 * as a share of the range; opened and not closed during the window, as a share of it.
 */
#define LEAK_FILLS	 0.95
#define LEAK_GROWS	 0.05
#define LEAK_GROWS_LEAST 10
#define REUSE_LOOPBACK	 2 /* tcp_tw_reuse: enabled for loopback traffic only */

/*
 * What is proposed: the kernel's default, then wider ones of different parity at both ends, that
 * keep the ports of well-known services out.
 */
static const struct port_range {
	double first, last;
} proposals[] = {{32768, 60999}, {15000, 64999}, {10240, 65535}};

#define PROPOSALS (sizeof proposals / sizeof proposals[0])

static double range_size(double first, double last)
{
	return last - first + 1;
}

/*
 * Whether connect() takes over ports in TIME_WAIT already. The default, 2, does so where either
 * address is a loopback address; other addresses of the host do not count (tcp_twsk_unique()).
 */
static bool is_loopback(const struct ts_port_use *p)
{
	return !strncmp(p->destination, "127.", 4) || !strncmp(p->destination, "[::1]:", 6);
}

static bool reuses(const struct ts_port_use *p)
{
	return p->reuse == 1 || (p->reuse == REUSE_LOOPBACK && is_loopback(p));
}

static void add_evidence(struct ts_rule_context *context, struct ts_finding *f,
			 const struct ts_port_use *p)
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
	ts_finding_evidence(context, f, TS_FAMILY_TCP_LOCAL_PORTS,
			    TS_LABELS(p->netns, p->destination, "fin-wait"),
			    "of these closed by this side only", p->fin_wait, "ports", 1);
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

/* Who has to close, and what a wider range would not do. */
static const char *leak_remedy(struct ts_rule_context *context, const struct ts_port_use *p,
			       bool peer_leaks)
{
	if (peer_leaks)
		return ts_text(context,
			       "This side has closed its end; %s has not closed its own "
			       "(FIN_WAIT_2 here, CLOSE_WAIT there): the application that listens "
			       "there must close() its sockets. A wider range only delays the end.",
			       p->destination);
	if (p->close_wait > p->open)
		return "The other side has closed them and the application has not (CLOSE_WAIT): "
		       "it must close() its sockets. A wider range only delays the end.";
	return "The ports are held by open connections: close those that are no longer used, or "
	       "share them (a connection pool with an upper bound). A wider range only delays the "
	       "end.";
}

static void leak(struct ts_rule_context *context, const struct ts_port_use *p, bool peer_leaks)
{
	struct ts_finding *f = ts_finding_cause(context, "connection-leak",
						ts_settings[TS_SETTING_IP_LOCAL_PORT_RANGE].name);
	bool failing = p->failed >= context->threshold[FAILED];

	f->scope = TS_SCOPE_NETNS;
	add_evidence(context, f, p);
	ts_finding_identify(context, f, f->cause, "port");
	f->title = ts_text(context, "Local ports in %s %s: %s %s",
			   ts_rule_netns_text(context, p->netns),
			   failing ? "run out" : "are nearly used up",
			   peer_leaks ? "connections closed here are not closed by"
				      : "connections are opened and not closed towards",
			   p->destination);
	f->remedy = leak_remedy(context, p, peer_leaks);
	f->confidence = failing ? 0.85 : 0.6;
}

/* Services listening inside the range: a restart of one may find its port taken. */
static const char *listeners_within(struct ts_rule_context *context, const struct ts_port_use *p,
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

static double connects_per_second(const struct ts_rule_context *context,
				  const struct ts_port_use *p)
{
	return (p->attempts + p->failed) / context->window->seconds;
}

/* Ports that this rate of connects holds until TIME_WAIT ends, and those held now. */
static double demand(const struct ts_rule_context *context, const struct ts_port_use *p)
{
	/* Where nothing stays in TIME_WAIT a port is free again as soon as it is closed. */
	double ended = p->time_wait > 0 ? p->failed / context->window->seconds * TIME_WAIT_SECONDS
					: p->failed;
	/* The range may have run out only at the end of the window. */
	double all = p->time_wait > p->held / 2
			     ? connects_per_second(context, p) * TIME_WAIT_SECONDS
			     : 0;

	return HEADROOM * fmax(p->held + ended, all);
}

static const struct port_range *choose(const struct ts_port_use *p, double wanted)
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

/* Both sides must use timestamps; of the other one nothing is known here. */
static bool could_reuse(const struct ts_port_use *p)
{
	return !reuses(p) && !isnan(p->reuse) && p->timestamps >= 1 &&
	       p->time_wait > p->open + p->close_wait + p->fin_wait;
}

static const char *reuse_note(const struct ts_port_use *p)
{
	if (reuses(p) || !p->time_wait || p->timestamps == 0)
		return "";
	return " Instead, net.ipv4.tcp_tw_reuse=1 lets connect() take over ports in TIME_WAIT "
	       "after a second, where the other side uses TCP timestamps; keeping connections open "
	       "is "
	       "better than both.";
}

static void widen(struct ts_rule_context *context, const struct ts_port_use *p)
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
	f->confidence = 0.95;
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
		"%.0f ports held and %.0f connects failed in %.0f s; %s about %.0f ports (a "
		"quarter "
		"more included); the new range has %.0f",
		p->held, p->failed, context->window->seconds,
		p->time_wait > 0 ? "a port stays in TIME_WAIT for 60 s, so this rate asks for"
				 : "the connections that are kept and those that failed ask for",
		wanted, range_size(range->first, range->last));
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

/* Share of the connects that find a port when each is held for so long. */
static double served(double ports, double rate, double seconds)
{
	return fmin(ports / (HEADROOM * rate * seconds), 1);
}

/*
 * The widest range that is sensible would be used up at this rate as well, a port being held for a
 * minute, while the present one does with room to spare when it is taken over after a second, or
 * serves several times as many.
 */
static bool only_reuse_suffices(const struct ts_rule_context *context, const struct ts_port_use *p)
{
	const struct port_range *widest = &proposals[PROPOSALS - 1];
	double rate = connects_per_second(context, p), size = range_size(p->first, p->last);
	double widened = served(range_size(widest->first, widest->last), rate, TIME_WAIT_SECONDS);

	/* By itself the kernel takes them over there: somebody has told it not to. */
	if (is_loopback(p) && served(size, rate, REUSE_SECONDS) == 1)
		return true;
	return widened < 1 && (REUSE_HEADROOM * REUSE_SECONDS * rate <= size ||
			       served(size, rate, REUSE_SECONDS) >= REUSE_GAINS * widened);
}

static void reuse(struct ts_rule_context *context, const struct ts_port_use *p)
{
	struct ts_finding *f = ts_finding_new(context, TS_OUTCOME_RECOMMEND);

	add_evidence(context, f, p);
	ts_finding_propose(context, f, TS_SETTING_TCP_TW_REUSE, p->netns,
			   is_loopback(p) ? ts_text(context, "%d", REUSE_LOOPBACK) : "1");
	ts_finding_identify(context, f, f->setting, "port");
	f->title =
		ts_text(context, "Local ports for connections to %s in %s are all in TIME_WAIT, %s",
			p->destination, ts_rule_netns_text(context, p->netns),
			is_loopback(p) ? "and not taken over" : "more than any range has");
	f->computed = ts_text(context,
			      "%.0f ports held, %.0f of them in TIME_WAIT, at %.0f connects a "
			      "second: with a minute for each, and a quarter more, that asks for "
			      "%.0f ports; with it, connect() takes one over after a second",
			      p->held, p->time_wait, connects_per_second(context, p),
			      HEADROOM * TIME_WAIT_SECONDS * connects_per_second(context, p));
	f->remedy = "Keeping connections open would be better still. Where the other side has no "
		    "TCP timestamps nothing is taken over.";
	f->expect = ts_text(context,
			    "no more connects that fail for want of a port (%.0f in this window)",
			    p->failed);
	f->confidence = 0.9;
}

/* Seconds for which this rate of connects leaves ports to spare. */
static double wait_that_suffices(const struct ts_rule_context *context, const struct ts_port_use *p)
{
	double lasts = range_size(p->first, p->last) / (HEADROOM * connects_per_second(context, p));

	return fmax(fmin(floor(lasts), FIN_TIMEOUT_MOST), FIN_TIMEOUT_LEAST);
}

/*
 * No program holds them: it is the kernel that waits for the other side, and somebody has told it
 * to wait for longer than it would by itself. Where it waits as long as everywhere, it is the other
 * side's program that is to be mended, and a shorter wait would hide that.
 */
static bool waits_too_long(const struct ts_port_use *p)
{
	return p->abandoned > p->fin_wait / 2 && p->fin_timeout > FIN_TIMEOUT_MOST;
}

static void shorten_wait(struct ts_rule_context *context, const struct ts_port_use *p)
{
	struct ts_finding *f = ts_finding_new(context, TS_OUTCOME_RECOMMEND);
	double rate = connects_per_second(context, p), size = range_size(p->first, p->last);
	double wanted = wait_that_suffices(context, p);

	add_evidence(context, f, p);
	ts_finding_propose(context, f, TS_SETTING_TCP_FIN_TIMEOUT, p->netns,
			   ts_text(context, "%.0f", wanted));
	ts_finding_identify(context, f, f->setting, "port");
	f->title = ts_text(context,
			   "Local ports for connections to %s in %s run out: each waits %.0f s for "
			   "the other side to close",
			   p->destination, ts_rule_netns_text(context, p->netns), p->fin_timeout);
	f->computed =
		ts_text(context,
			"%.0f of %.0f ports are held by connections that are closed here and "
			"not there; at %.0f connects a second and a quarter more, %.0f ports "
			"last for that many seconds: at most %.0f (as long as TIME_WAIT), at "
			"least %.0f",
			p->abandoned, p->held, rate, size, FIN_TIMEOUT_MOST, FIN_TIMEOUT_LEAST);
	ts_finding_evidence(context, f, TS_FAMILY_TCP_LOCAL_PORTS,
			    TS_LABELS(p->netns, p->destination, "fin-wait-closed"),
			    "of these held by no program any more", p->abandoned, "ports", 1);
	f->remedy = ts_text(context,
			    "The application that listens at %s does not close its sockets "
			    "(CLOSE_WAIT there): that should be repaired, too. Those that wait "
			    "already keep their time.",
			    p->destination);
	f->expect = ts_text(context,
			    "no more connects that fail for want of a port (%.0f in this window)",
			    p->failed);
	f->confidence = 0.8;
}

/* Open connections dominate, and they are a leak rather than a pool of a steady size. */
static bool application_leaks(const struct ts_rule_context *context, const struct ts_port_use *p)
{
	double size = range_size(p->first, p->last), pinned = p->open + p->close_wait;

	if (pinned < context->threshold[LEAK_SHARE] * p->held)
		return false;
	/* A pool has no use for connections that the other side has closed. */
	if (p->close_wait >= context->threshold[LEAK_SHARE] * p->held)
		return true;
	return pinned >= LEAK_FILLS * size ||
	       (!isnan(p->growth) && p->growth >= fmax(LEAK_GROWS_LEAST, LEAK_GROWS * size));
}

static bool peer_leaks(const struct ts_rule_context *context, const struct ts_port_use *p)
{
	return p->fin_wait > 0 && p->fin_wait >= context->threshold[LEAK_SHARE] * p->held;
}

static void judge_failures(struct ts_rule_context *context, const struct ts_port_use *p)
{
	double size = range_size(p->first, p->last);

	if (isnan(size)) {
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"connects in %s found no local port, but its "
					"ip_local_port_range could not be read",
					ts_rule_netns_text(context, p->netns));
	} else if (p->held < context->threshold[HELD_SHARE] * size) {
		ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"%.0f connects in %s failed with EADDRNOTAVAIL although at most %.0f of "
			"%.0f local ports were seen in use towards one destination (%.0f towards "
			"all): a source address that does not exist or ip_local_reserved_ports can "
			"be the reason; observe longer",
			p->failed, ts_rule_netns_text(context, p->netns), p->held, size,
			p->everywhere);
	} else if (peer_leaks(context, p) && waits_too_long(p)) {
		shorten_wait(context, p);
	} else if (peer_leaks(context, p)) {
		leak(context, p, true);
	} else if (application_leaks(context, p)) {
		leak(context, p, false);
	} else if (could_reuse(p) && only_reuse_suffices(context, p)) {
		reuse(context, p);
	} else {
		widen(context, p);
	}
}

/* Connects are made, and most of the range is held towards one destination; few or none failed. */
static void judge_nearly_full(struct ts_rule_context *context, const struct ts_port_use *p)
{
	if (peer_leaks(context, p) && !waits_too_long(p)) {
		leak(context, p, true);
		return;
	}
	if (!ts_rule_measured(context, TS_FAMILY_TCP_CONNECT_FAILURES)) {
		ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"%.0f of %.0f local ports in %s are held towards %s (%.0f in TIME_WAIT), "
			"but whether connects fail for want of one was not measured: nothing is "
			"proposed without",
			p->held, range_size(p->first, p->last),
			ts_rule_netns_text(context, p->netns), p->destination, p->time_wait);
		return;
	}
	ts_rule_without_finding(
		context, TS_OUTCOME_INSUFFICIENT,
		"%.0f of %.0f local ports in %s are held towards %s (%.0f in TIME_WAIT) while "
		"connects are made, and %.0f failed for want of one (threshold %.0f): near the end "
		"of the range, but no harm yet that would ask for a wider one; observe longer",
		p->held, range_size(p->first, p->last), ts_rule_netns_text(context, p->netns),
		p->destination, p->time_wait, p->failed, context->threshold[FAILED]);
}

static bool nearly_full(const struct ts_rule_context *context, const struct ts_port_use *p)
{
	double size = range_size(p->first, p->last);

	/* What an ended client left behind harms nobody who does not connect. */
	if (!(p->attempts + p->failed > 0))
		return false;
	/* More than the range: several source addresses, each with a range of its own. */
	return p->held >= context->threshold[HELD_SHARE] * size && p->held <= size &&
	       !(reuses(p) && p->time_wait > p->open + p->close_wait + p->fin_wait);
}

static void judge_namespace(struct ts_rule_context *context, const struct ts_port_use *p)
{
	if (p->failed >= context->threshold[FAILED])
		judge_failures(context, p);
	else if (nearly_full(context, p))
		judge_nearly_full(context, p);
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
			struct ts_port_use p;

			if (ts_rule_is_other(s) || seen_before(context->window, families[i], s))
				continue;
			/* Those that hold no port at all are left to the second family. */
			if (i && ts_port_use_at_all(context, s->label[0], NULL) > 0)
				continue;
			p = ts_port_use(context, s->label[0], context->threshold[FAILED]);
			if (p.held > 0)
				fullest = fmax(fullest, p.held / range_size(p.first, p.last));
			judge_namespace(context, &p);
		}
	if (context->why)
		return context->outcome;
	return ts_rule_without_finding(
		context, TS_OUTCOME_QUIET,
		"at most %.0f %% of a namespace's local ports were held towards one destination "
		"(threshold %.0f %%)%s%s",
		100 * fullest, 100 * context->threshold[HELD_SHARE],
		fullest >= context->threshold[HELD_SHARE]
			? ", but there no connects are made, or they reuse ports in TIME_WAIT, or "
			  "they have several source addresses"
			: "",
		!ts_rule_measured(context, TS_FAMILY_TCP_CONNECT_FAILURES)
			? "; failed connects were not measured"
		: ts_port_use_failed(context, NULL, NULL, "no-local-port") > 0
			? ", and fewer connects failed for want of one than count as a symptom"
			: ", and no connect failed for want of one");
}

const struct ts_rule ts_rule_local_ports = {
	.id = "local-ports",
	.title = "Local port exhaustion",
	.needs = {TS_FAMILY_TCP_LOCAL_PORTS, TS_FAMILY_COUNT},
	.settings = {TS_SETTING_IP_LOCAL_PORT_RANGE, TS_SETTING_TCP_TW_REUSE,
		     TS_SETTING_TCP_FIN_TIMEOUT, TS_SETTING_COUNT},
	.thresholds =
		{[FAILED] = {"failed_connects", 5, 1, 1e9, "connections",
			     "connects of one network namespace that find no local port during the "
			     "window, from which on it is a symptom"},
		 [HELD_SHARE] =
			 {"held_share", 0.8, 0.1, 1, "share of the range",
			  "local ports held towards one destination, as a share of the range, from "
			  "which on it is nearly used up"},
		 [LEAK_SHARE] =
			 {"open_share", 0.5, 0.01, 1, "share of the held ports",
			  "ports held by connections one side has not closed (not TIME_WAIT), from "
			  "which on they are examined as a leak"}},
	.judge = judge,
	.explanation =
		"connect() picks a local port from net.ipv4.ip_local_port_range that is "
		"free towards that "
		"destination. After an active close the port stays in TIME_WAIT for 60 s.\n"
		"Convicts the range: connect() fails with EADDRNOTAVAIL while the ports held "
		"towards one destination make up 80 % of the range or more. Without failed "
		"connects nothing is proposed.\n"
		"Acquits it (connection-leak): ESTABLISHED connections that fill the range "
		"or become more and more, CLOSE_WAIT (the application does not close), or "
		"FIN_WAIT_2 held by a program (the other side does not close): a wider range "
		"only delays the end. A pool of a steady size is no leak.\n"
		"Convicts tcp_tw_reuse instead: nearly all of them are in TIME_WAIT, the rate "
		"would use up any range, and the present one has room for two seconds' worth of "
		"connects or serves four times as many as a wider one when its ports are taken "
		"over; on loopback, where the kernel's default does so, at any rate that the "
		"present range serves that way.\n"
		"Convicts tcp_fin_timeout: most are in FIN_WAIT_2, nobody holds them any more, and "
		"the kernel waits for the other side for longer than the minute of its default.\n"
		"A wider range may collide with services that start later "
		"(ip_local_reserved_ports). "
		"tcp_tw_reuse=1 is the alternative where both sides use timestamps; its "
		"default of 2 does the same on loopback.",
	.reference =
		"__inet_hash_connect(), tcp_twsk_unique(); Documentation/networking/ip-sysctl.rst",
};
