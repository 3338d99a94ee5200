// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connections that a program has closed and that still have data to deliver are reset when there
 * are too many of them: tcp_max_orphans, or the time they wait for the other side to close.
 */
#include "../rule.h"

#include <math.h>
#include <string.h>

#include "../arena.h"

enum { ABORTED, LIMIT_SHARE, WAITING_SHARE };

#define SECONDS_PER_ABORT   1.0
#define ORPHANS_LEAST	    8192 /* what the kernel itself chooses on a host with a few GiB */
#define ORPHAN_BYTES	    65536.0
#define MEMORY_SHARE	    0.25
#define FIN_TIMEOUT_DEFAULT 60.0

struct orphans {
	const char *netns; /* the one that suffers */
	double aborted;
	double peak;	/* of the host */
	double maximum; /* NAN when not read */
	double sending, waiting;
	double fin_timeout;
};

static struct orphans measure(const struct ts_rule_context *context, const char *netns)
{
	const struct ts_window *window = context->window;

	return (struct orphans){
		.netns = netns,
		.aborted = ts_rule_network_counter(context, netns, "TCPAbortOnMemory"),
		.peak = ts_window_gauge(window, TS_FAMILY_TCP_ORPHANS, NULL, 0),
		.maximum = ts_window_setting_number(window, TS_SETTING_TCP_MAX_ORPHANS, "", 0, NAN),
		.sending = ts_window_gauge(window, TS_FAMILY_TCP_ORPHAN_STATES,
					   TS_LABELS(netns, "sending"), 0),
		.waiting = ts_window_gauge(window, TS_FAMILY_TCP_ORPHAN_STATES,
					   TS_LABELS(netns, "fin-wait-2"), 0),
		.fin_timeout =
			ts_window_setting_number(window, TS_SETTING_TCP_FIN_TIMEOUT, netns, 0, NAN),
	};
}

static void add_evidence(struct ts_rule_context *context, struct ts_finding *f,
			 const struct orphans *o)
{
	ts_finding_judged(context, f, TS_FAMILY_NETWORK_COUNTERS,
			  TS_LABELS(o->netns, "TCPAbortOnMemory"),
			  "connections reset although data was still to be delivered", o->aborted,
			  "connections", 1, context->threshold[ABORTED]);
	ts_finding_judged(context, f, TS_FAMILY_TCP_ORPHANS, NULL,
			  "most connections that no program held any more (orphans)", o->peak,
			  "connections", 1, context->threshold[LIMIT_SHARE] * o->maximum);
	ts_finding_evidence(context, f, TS_FAMILY_TCP_ORPHAN_STATES, TS_LABELS(o->netns, "sending"),
			    "of these in that namespace with data to deliver", o->sending,
			    "connections", 1);
	ts_finding_evidence(context, f, TS_FAMILY_TCP_ORPHAN_STATES,
			    TS_LABELS(o->netns, "fin-wait-2"),
			    "of these in that namespace waiting for the other side to close",
			    o->waiting, "connections", 1);
	f->harm = o->aborted;
	f->harm_unit = "connections reset";
	f->harm_seconds = o->aborted * SECONDS_PER_ABORT;
	f->expect = ts_text(context,
			    "answers arrive whole: no more connections that are reset before the "
			    "end of their data (%.0f in this window)",
			    o->aborted);
}

/*
 * Only beyond a minute does the kernel keep a connection in FIN_WAIT_2 as a whole socket that
 * counts as an orphan.
 */
static void shorten_wait(struct ts_rule_context *context, const struct orphans *o)
{
	struct ts_finding *f = ts_finding_new(context, TS_OUTCOME_RECOMMEND);

	ts_finding_propose(context, f, TS_SETTING_TCP_FIN_TIMEOUT, o->netns,
			   ts_text(context, "%.0f", FIN_TIMEOUT_DEFAULT));
	ts_finding_identify(context, f, f->setting, "port");
	f->title =
		ts_text(context,
			"Connections closed in %s wait %.0f s for the other side to close, until "
			"there are too many orphans",
			ts_rule_netns_text(context, o->netns), o->fin_timeout);
	f->computed = ts_text(context,
			      "%.0f of %.0f orphans wait in FIN_WAIT_2; up to %.0f s the kernel "
			      "keeps them in a smaller form that does not count",
			      o->waiting, o->waiting + o->sending, FIN_TIMEOUT_DEFAULT);
	f->confidence = 0.85;
	add_evidence(context, f, o);
}

/* As much as a quarter of all memory could hold. */
static double most(const struct ts_rule_context *context)
{
	double memory = (double)context->window->delta->host.memory_bytes;

	return fmax(memory * MEMORY_SHARE / ORPHAN_BYTES, ORPHANS_LEAST);
}

static void raise_limit(struct ts_rule_context *context, const struct orphans *o)
{
	double demand = o->peak + o->aborted;
	__u64 wanted =
		ts_round_up_power_of_two(2 * demand, ORPHANS_LEAST, (__u64)floor(most(context)));
	bool at_most = (double)wanted <= o->maximum;
	struct ts_finding *f =
		ts_finding_new(context, at_most ? TS_OUTCOME_ALREADY_SET : TS_OUTCOME_RECOMMEND);

	ts_finding_propose(context, f, TS_SETTING_TCP_MAX_ORPHANS, "",
			   ts_text(context, "%llu", (unsigned long long)wanted));
	ts_finding_identify(context, f, f->setting, "port");
	f->title = ts_text(context,
			   "Connections of %s are cut off before their data has arrived: "
			   "tcp_max_orphans is %.0f",
			   ts_rule_netns_text(context, o->netns), o->maximum);
	f->confidence = 0.9;
	add_evidence(context, f, o);
	if (at_most) {
		f->proposed = f->apply = f->undo = f->expect = "";
		f->remedy = "The limit is as large as memory allows: find out why so many "
			    "connections end with data that nobody takes (clients that vanish, an "
			    "attack).";
		return;
	}
	f->computed = ts_text(context,
			      "2 × (%.0f orphans at once + %.0f that were reset), rounded up to a "
			      "power of two, at least %d, at most a quarter of memory at 64 KiB "
			      "each",
			      o->peak, o->aborted, ORPHANS_LEAST);
}

static void judge_namespace(struct ts_rule_context *context, const struct orphans *o)
{
	if (isnan(o->maximum)) {
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"%.0f connections of %s were reset for want of memory or "
					"because of too many orphans, but tcp_max_orphans could "
					"not be read",
					o->aborted, ts_rule_netns_text(context, o->netns));
		return;
	}
	if (o->peak < context->threshold[LIMIT_SHARE] * o->maximum) {
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"%.0f connections of %s were reset for want of memory or "
					"because of too many orphans, but no more than %.0f "
					"orphans of %.0f allowed were seen: rather memory "
					"(tcp_mem); observe longer",
					o->aborted, ts_rule_netns_text(context, o->netns), o->peak,
					o->maximum);
		return;
	}
	if (o->fin_timeout > FIN_TIMEOUT_DEFAULT &&
	    o->waiting >= context->threshold[WAITING_SHARE] * o->peak)
		shorten_wait(context, o);
	else
		raise_limit(context, o);
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	double aborted = 0;

	ts_for_each_series (s, context->window, TS_FAMILY_NETWORK_COUNTERS) {
		struct orphans o;

		if (strcmp(s->label[1], "TCPAbortOnMemory") || ts_rule_is_other(s))
			continue;
		o = measure(context, s->label[0]);
		aborted = fmax(aborted, o.aborted);
		if (o.aborted >= context->threshold[ABORTED])
			judge_namespace(context, &o);
	}
	if (context->why)
		return context->outcome;
	return ts_rule_without_finding(
		context, TS_OUTCOME_QUIET,
		"at most %.0f orphans, and at most %.0f connections of a namespace were reset for "
		"want of memory or because of too many of them (threshold %.0f)",
		ts_window_gauge(context->window, TS_FAMILY_TCP_ORPHANS, NULL, 0), aborted,
		context->threshold[ABORTED]);
}

const struct ts_rule ts_rule_orphans = {
	.id = "orphans",
	.title = "Orphaned connections reset",
	.needs = {TS_FAMILY_NETWORK_COUNTERS, TS_FAMILY_TCP_ORPHANS, TS_FAMILY_COUNT},
	.settings = {TS_SETTING_TCP_MAX_ORPHANS, TS_SETTING_TCP_FIN_TIMEOUT, TS_SETTING_COUNT},
	.thresholds =
		{[ABORTED] =
			 {"reset_connections", 3, 1, 1e9, "connections",
			  "connections of one network namespace reset for want of memory or "
			  "because of too many orphans during the window, from which on it is a "
			  "symptom"},
		 [LIMIT_SHARE] = {"limit_share", 0.5, 0.1, 1, "share of tcp_max_orphans",
				  "orphans of the host, as a share of the limit, from which on the "
				  "limit is what had them reset (for some it is halved, and the "
				  "kernel counts them only ten times a second)"},
		 [WAITING_SHARE] =
			 {"waiting_share", 0.5, 0.05, 1, "share of the orphans",
			  "orphans that only wait for the other side to close, from which on "
			  "tcp_fin_timeout is to blame if it is above its default of 60 s"}},
	.judge = judge,
	.explanation =
		"What a program has written before it closes a connection the kernel still "
		"delivers; until then the connection is an orphan. When there are more of them "
		"than net.ipv4.tcp_max_orphans, further ones are reset (TCPAbortOnMemory), and "
		"clients see answers that are cut off.\n"
		"Convicts tcp_max_orphans: connections are reset so while the orphans of the host "
		"are near the limit. Convicts tcp_fin_timeout: most of them only wait for the "
		"other side to close (FIN_WAIT_2), longer than the minute up to which the kernel "
		"keeps them in a form that does not count.\n"
		"Acquits them: few orphans (then it is memory: tcp_mem).\n"
		"An orphan may hold up to 64 KiB of memory that cannot be swapped out. The limit "
		"is one for the whole host.\n"
		"Source: tcp_check_oom(), tcp_too_many_orphans(), __tcp_close(); "
		"Documentation/networking/ip-sysctl.rst.",
};
