// SPDX-License-Identifier: GPL-2.0-only
/*
 * A black hole: full-sized segments vanish on the path, small ones arrive, and no router says so.
 * tcp_mtu_probing finds a size that gets through.
 */
#include "../rule.h"

#include <math.h>
#include <string.h>

#include "../arena.h"

enum { STUCK, STUCK_AMONG };

#define STUCK_SECONDS_PER_CONNECTION 3.0 /* until probing would have begun */

struct flow {
	const char *netns, *side, *port;
	double full, unheard, later, small, passing;
	double unreachable; /* ICMP messages that came in */
	double probing;	    /* the setting; NAN when not read */
};

static double most(const struct ts_rule_context *context, const struct flow *f,
		   const char *progress)
{
	return ts_window_gauge(context->window, TS_FAMILY_TCP_PROGRESS,
			       TS_LABELS(f->netns, f->side, f->port, progress), 0);
}

static struct flow measure(const struct ts_rule_context *context, const struct ts_series *s)
{
	struct flow f = {.netns = s->label[0], .side = s->label[1], .port = s->label[2]};

	f.full = most(context, &f, "stuck-full");
	f.unheard = most(context, &f, "stuck-unheard");
	f.later = most(context, &f, "stuck-later");
	f.small = most(context, &f, "stuck-small");
	f.passing = most(context, &f, "passing");
	f.unreachable = ts_rule_network_counter(context, f.netns, "IcmpInDestUnreachs");
	f.probing = ts_window_setting_number(context->window, TS_SETTING_TCP_MTU_PROBING, f.netns,
					     0, NAN);
	return f;
}

static void add_evidence(struct ts_rule_context *context, struct ts_finding *finding,
			 const struct flow *f)
{
	const struct {
		const char *progress, *what;
		double value;
	} rows[] = {
		{"stuck-unheard", "the same, whose other side may be gone", f->unheard},
		{"stuck-later", "the same, after others of that size had arrived", f->later},
		{"stuck-small", "connections whose small segments get no answer", f->small},
		{"passing", "connections whose full-sized segments arrive", f->passing},
	};

	ts_finding_judged(
		context, finding, TS_FAMILY_TCP_PROGRESS,
		TS_LABELS(f->netns, f->side, f->port, "stuck-full"),
		"connections whose full-sized segments get no answer and never did, though "
		"the other side is there",
		f->full, "connections", 1, context->threshold[STUCK]);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		ts_finding_evidence(context, finding, TS_FAMILY_TCP_PROGRESS,
				    TS_LABELS(f->netns, f->side, f->port, rows[i].progress),
				    rows[i].what, rows[i].value, "connections", 1);
	ts_finding_evidence(context, finding, TS_FAMILY_NETWORK_COUNTERS,
			    TS_LABELS(f->netns, "IcmpInDestUnreachs"),
			    "ICMP messages that said so (of any kind)", f->unreachable, "messages",
			    1);
	finding->harm = f->full;
	finding->harm_unit = "connections that get nothing through";
	finding->harm_seconds = f->full * context->window->seconds;
}

static void probe(struct ts_rule_context *context, const struct flow *f)
{
	struct ts_finding *finding = ts_finding_new(context, TS_OUTCOME_RECOMMEND);
	/* Where nobody gets through, each new connection would have to find that out again. */
	bool at_once = !(f->passing > 0);

	ts_finding_propose(context, finding, TS_SETTING_TCP_MTU_PROBING, f->netns,
			   at_once ? "2" : "1");
	finding->port = ts_arena_intern(context->report->arena, f->port);
	ts_finding_identify(context, finding, finding->setting,
			    strcmp(f->side, "outbound") ? "port" : "remote-port");
	finding->title = ts_text(context, "Full-sized segments vanish on the path: %s",
				 ts_rule_service_text(context, f->netns, f->side, f->port));
	finding->computed = ts_text(
		context,
		"%.0f connections were set up and then sent full-sized segments again and again "
		"without an answer, none of that size ever arrived, no smaller one is stuck, and "
		"no ICMP message came; %s",
		f->full,
		at_once ? "none gets one through, so with 2 a connection looks for the right "
			  "size from its beginning"
			: "with 1 the kernel tries smaller ones after some timeouts");
	finding->remedy = "Better still, repair the path: let ICMP \"fragmentation needed\" pass, "
			  "or set the right MTU on the tunnel or its routes (ip route … mtu).";
	finding->expect =
		at_once ? "these connections get through at once, those that begin with a large "
			  "answer about 3 s later"
			: ts_text(context,
				  "these connections get through about %.0f s after their first "
				  "full-sized segment",
				  STUCK_SECONDS_PER_CONNECTION);
	finding->confidence = f->full > 1 ? 0.85 : 0.75;
	add_evidence(context, finding, f);
}

/* Nobody gets full-sized segments through; or many do not, among others that do. */
static bool black_hole(const struct ts_rule_context *context, const struct flow *f)
{
	if (f->small > 0 || f->unreachable > 0 || f->later > f->full)
		return false;
	return f->passing > 0 ? f->full >= context->threshold[STUCK_AMONG]
			      : f->full >= context->threshold[STUCK];
}

/*
 * A client that vanishes after its request looks the same, as long as nothing tells that it is
 * there.
 */
static bool is_in_doubt(const struct ts_rule_context *context, const struct flow *f)
{
	struct flow there = *f;

	there.full += f->unheard;
	return !black_hole(context, f) && black_hole(context, &there);
}

static void judge_flow(struct ts_rule_context *context, const struct flow *f)
{
	if (is_in_doubt(context, f))
		ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"%.0f connections get no full-sized segment through (%s), but nothing has "
			"come from their other sides meanwhile: these may be gone",
			f->full + f->unheard,
			ts_rule_service_text(context, f->netns, f->side, f->port));
	else if (!black_hole(context, f))
		ts_rule_without_finding(context, TS_OUTCOME_QUIET,
					"%.0f connections get no full-sized segment through (%s), "
					"but %s: rather loss, "
					"or peers that are gone",
					f->full + f->unheard,
					ts_rule_service_text(context, f->netns, f->side, f->port),
					f->small > 0	     ? "small ones get no answer either"
					: f->unreachable > 0 ? "ICMP messages tell why"
					: f->later > f->full
						? "more of them had others through before"
						: "others do");
	else if (isnan(f->probing))
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"full-sized segments of %s vanish, but tcp_mtu_probing "
					"could not be read",
					ts_rule_service_text(context, f->netns, f->side, f->port));
	else if (f->probing >= 1)
		ts_rule_without_finding(context, TS_OUTCOME_ALREADY_SET,
					"full-sized segments of %s vanish; tcp_mtu_probing is on "
					"and begins after some timeouts",
					ts_rule_service_text(context, f->netns, f->side, f->port));
	else
		probe(context, f);
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	ts_for_each_series (s, context->window, TS_FAMILY_TCP_PROGRESS) {
		struct flow f;

		if (ts_rule_is_other(s) ||
		    ts_rule_service_seen(context->window, TS_FAMILY_TCP_PROGRESS, s))
			continue;
		f = measure(context, s);
		if (f.full > 0 || f.unheard > 0)
			judge_flow(context, &f);
	}
	if (context->why)
		return context->outcome;
	return ts_rule_without_finding(context, TS_OUTCOME_QUIET,
				       "no connection was seen whose full-sized segments get no "
				       "answer from the first on");
}

const struct ts_rule ts_rule_mtu_black_hole = {
	.id = "mtu-black-hole",
	.title = "Full-sized segments vanish",
	.needs = {TS_FAMILY_TCP_PROGRESS, TS_FAMILY_NETWORK_COUNTERS, TS_FAMILY_COUNT},
	.settings = {TS_SETTING_TCP_MTU_PROBING, TS_SETTING_COUNT},
	.thresholds = {[STUCK] = {"stuck_connections", 1, 1, 1e6, "connections",
				  "connections of one service that get no full-sized segment "
				  "through, from which on it is a symptom where no other does"},
		       [STUCK_AMONG] = {"stuck_among_others", 5, 1, 1e6, "connections",
					"the same where others do get them through: some clients "
					"vanish in the middle of an answer on any busy service"}},
	.judge = judge,
	.explanation =
		"A tunnel or link with a smaller MTU drops segments that do not fit; the ICMP "
		"message that should say so is often filtered. Connections are set up, small "
		"exchanges work, and the first large answer never arrives.\n"
		"Convicts net.ipv4.tcp_mtu_probing=0: connections send full-sized segments again "
		"and again without an answer, none of that size was ever acknowledged, smaller "
		"ones are not stuck, and no ICMP message came in; and "
		"the other side is there: something came from it after they were sent again (that "
		"it closes, say, or another connection from the same address), or its socket is on "
		"this host.\n"
		"Acquits it: small segments get no answer either (loss, or a peer that is gone); "
		"nothing is heard of the other side any more (a client that vanished after its "
		"request); "
		"full-sized ones arrived before; others get them through.\n"
		"With 1, a connection tries smaller segments only after repeated timeouts; heavy "
		"loss may then leave it with smaller ones than its path takes. With 2 (proposed "
		"where no connection gets a full-sized segment through), those that this side "
		"opens begin with small segments (net.ipv4.tcp_base_mss), and all probe for larger "
		"ones as soon as they have sent some: an answer that begins with a small piece "
		"never waits, for more segments in the beginning.\n"
		"Source: tcp_mtu_probing(), tcp_write_timeout(); RFC 4821, RFC 2923.",
};
