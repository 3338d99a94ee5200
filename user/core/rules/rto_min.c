// SPDX-License-Identifier: GPL-2.0-only
/*
 * The last segments of an answer are lost, and nothing tells the sender before its retransmission
 * timeout: at least tcp_rto_min_us, however short the path is.
 */
#include "../rule.h"

#include <math.h>
#include <string.h>

#include "../arena.h"

enum { EVENTS, TAIL_SHARE, RATIO, LOSS_MOST };

#define ATTEMPTS    3 /* connects repeated for each such wait: they, not answers, are lost */
#define ROUND_TRIPS 5 /* what is proposed, in round-trip times, */
#define PROPOSE_LEAST                                                              \
	10000.0 /* and at least, in microseconds: some ticks of any kernel's clock \
		 */

/* The connections of one service (or to one remote port). */
struct flow {
	const char *netns, *side, *port;
	double waits, all; /* retransmissions: after a timeout or as a probe; of any cause */
	double attempts;   /* connects repeated: their timeout is another */
	double loss;	   /* retransmissions over segments sent, of the namespace */
	double rtt;	   /* of the path, median; NAN unknown */
	double rto_min;	   /* seconds; NAN when not read */
	/*
	 * Timeouts and probes of the namespace that repaired a loss: one may repeat many segments
	 * at once, and a peer that only acknowledges late is probed without any loss.
	 */
	double events;
	bool selective; /* acknowledgements: without, there are no probes, only timeouts */
};

static double retransmits(const struct ts_rule_context *context, const struct flow *f,
			  const char *cause)
{
	return (double)ts_window_counter(context->window, TS_FAMILY_TCP_RETRANSMITS,
					 TS_LABELS(f->netns, f->side, f->port, cause));
}

/*
 * What the path takes by itself, where it is known: the kernel adds to the timeout by how much
 * round-trip times differ.
 */
static double round_trip(const struct ts_rule_context *context, const struct flow *f)
{
	static const enum ts_family_id families[] = {
		TS_FAMILY_TCP_LIVE_MINIMUM_RTT, TS_FAMILY_TCP_LIVE_SMOOTHED_RTT,
		TS_FAMILY_TCP_MINIMUM_RTT, TS_FAMILY_TCP_SMOOTHED_RTT};
	double rtt = NAN;

	for (size_t i = 0; isnan(rtt) && i < sizeof families / sizeof *families; i++)
		rtt = ts_window_median(context->window, families[i],
				       TS_LABELS(f->netns, f->side, f->port));
	return rtt;
}

static struct flow measure(const struct ts_rule_context *context, const struct ts_series *s)
{
	struct flow f = {.netns = s->label[0], .side = s->label[1], .port = s->label[2]};
	double sent = ts_rule_network_counter(context, f.netns, "TcpOutSegs");

	f.waits = retransmits(context, &f, "timeout") + retransmits(context, &f, "probe");
	f.all = f.waits + retransmits(context, &f, "fast");
	f.attempts = retransmits(context, &f, "syn");
	f.loss = sent > 0 ? ts_rule_network_counter(context, f.netns, "TcpRetransSegs") / sent : 1;
	f.events = fmax(ts_rule_network_counter(context, f.netns, "TCPTimeouts") - f.attempts -
				ts_rule_network_counter(context, f.netns, "TCPSpuriousRTOs"),
			0) +
		   ts_rule_network_counter(context, f.netns, "TCPLossProbeRecovery");
	f.selective = ts_window_setting_number(context->window, TS_SETTING_TCP_SACK, f.netns, 0,
					       1) != 0 &&
		      !(ts_rule_network_counter(context, f.netns, "TCPRenoRecovery") > 0);
	f.rtt = round_trip(context, &f);
	f.rto_min = 1e-6 * ts_window_setting_number(context->window, TS_SETTING_TCP_RTO_MIN_US,
						    f.netns, 0, NAN);
	return f;
}

static void add_evidence(struct ts_rule_context *context, struct ts_finding *finding,
			 const struct flow *f)
{
	const char *const labels[TS_LABELS_MAX] = {f->netns, f->side, f->port};
	double waits = f->waits, events = fmin(f->waits, f->events);

	ts_finding_judged(context, finding, TS_FAMILY_TCP_RETRANSMITS, labels,
			  "retransmissions after a timeout and tail-loss probes", waits, "segments",
			  (__u64)f->all, context->threshold[EVENTS]);
	ts_finding_judged(context, finding, TS_FAMILY_TCP_RETRANSMITS, labels,
			  "the same as a share of all retransmissions", 100 * waits / f->all, "%",
			  (__u64)f->all, 100 * context->threshold[TAIL_SHARE]);
	ts_finding_judged(context, finding, TS_FAMILY_TCP_LIVE_MINIMUM_RTT, labels,
			  "least round-trip time (median of the connections)", 1e3 * f->rtt, "ms",
			  (__u64)f->all, 1e3 * f->rto_min / context->threshold[RATIO]);
	ts_finding_judged(context, finding, TS_FAMILY_NETWORK_COUNTERS,
			  TS_LABELS(f->netns, "TcpRetransSegs"),
			  "retransmissions as a share of the segments sent by that namespace",
			  100 * f->loss, "%", 1, 100 * context->threshold[LOSS_MOST]);
	ts_finding_judged(context, finding, TS_FAMILY_NETWORK_COUNTERS,
			  TS_LABELS(f->netns, "TCPTimeouts"),
			  "timeouts and probes of that namespace that repaired a loss", f->events,
			  "events", 1, context->threshold[EVENTS]);
	finding->harm = events * f->rto_min;
	finding->harm_unit = "seconds waited for retransmissions";
	finding->harm_seconds = finding->harm;
}

static void lower(struct ts_rule_context *context, const struct flow *f)
{
	double wanted =
		fmax(ceil(ROUND_TRIPS * f->rtt * 1e3) * 1e3, PROPOSE_LEAST); /* whole ms, in us */
	struct ts_finding *finding = ts_finding_new(context, TS_OUTCOME_RECOMMEND);

	ts_finding_propose(context, finding, TS_SETTING_TCP_RTO_MIN_US, f->netns,
			   ts_text(context, "%.0f", wanted));
	finding->port = ts_arena_intern(context->report->arena, f->port);
	ts_finding_identify(context, finding, finding->setting,
			    strcmp(f->side, "outbound") ? "port" : "remote-port");
	finding->title = ts_text(context,
				 "Lost segments at the end of an answer wait for %.0f ms on a path "
				 "of %.2g ms: %s",
				 1e3 * f->rto_min, 1e3 * f->rtt,
				 ts_rule_service_text(context, f->netns, f->side, f->port));
	finding->computed =
		ts_text(context, "%d round-trip times of %.2g ms (median), at least %.0f ms",
			ROUND_TRIPS, 1e3 * f->rtt, 1e-3 * PROPOSE_LEAST);
	finding->remedy = "A service takes it when it calls listen(): restart it. It counts for "
			  "all paths of the namespace, long ones too, whose timeout follows their "
			  "round-trip time; for one path alone: ip route change … rto_min.";
	finding->expect = ts_text(context, "each of these waits becomes about %.0f ms (%.0f now)",
				  1e-3 * wanted, 1e3 * f->rto_min);
	finding->confidence = 0.85;
	add_evidence(context, finding, f);
}

static double stuck(const struct ts_rule_context *context, const struct flow *f, const char *how)
{
	return ts_window_gauge(context->window, TS_FAMILY_TCP_PROGRESS,
			       TS_LABELS(f->netns, f->side, f->port, how), 0);
}

/* Most of what is lost is lost at the end, and the retransmission then arrives. */
static bool waits_for_timeouts(const struct ts_rule_context *context, const struct flow *f)
{
	/* Where full-sized segments never arrive, a shorter timeout repeats them sooner in vain. */
	if (stuck(context, f, "stuck-full") > 0 || stuck(context, f, "stuck-unheard") > 0)
		return false;
	return fmin(f->waits, f->events) >= context->threshold[EVENTS] &&
	       f->waits >= context->threshold[TAIL_SHARE] * f->all;
}

static void judge_flow(struct ts_rule_context *context, const struct flow *f)
{
	const struct ts_setting_value *setting =
		ts_window_setting(context->window, TS_SETTING_TCP_RTO_MIN_US, f->netns);

	if (f->loss > context->threshold[LOSS_MOST]) {
		ts_rule_without_finding(
			context, TS_OUTCOME_QUIET,
			"%s wait for timeouts, but %.0f %% of all segments are retransmissions: "
			"the path loses too much, or does not deliver at all, for a shorter "
			"timeout to matter",
			ts_rule_service_text(context, f->netns, f->side, f->port), 100 * f->loss);
	} else if (f->attempts >= ATTEMPTS * fmin(f->waits, f->events)) {
		ts_rule_without_finding(
			context, TS_OUTCOME_QUIET,
			"%s wait for timeouts, but most (%.0f) for that of a connect: the other "
			"side takes them in too late, requests sent meanwhile with them",
			ts_rule_service_text(context, f->netns, f->side, f->port), f->attempts);
	} else if (!f->selective) {
		ts_rule_without_finding(
			context, TS_OUTCOME_QUIET,
			"%s wait for timeouts, but without selective acknowledgements most losses "
			"end in one: see tcp-sack",
			ts_rule_service_text(context, f->netns, f->side, f->port));
	} else if (isnan(f->rtt)) {
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"%s wait for timeouts, but their round-trip time was not "
					"seen: observe longer",
					ts_rule_service_text(context, f->netns, f->side, f->port));
	} else if (isnan(f->rto_min)) {
		ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"%s wait for timeouts on a path of %.2g ms; %s: there `ip route change … "
			"rto_min 10ms` does the same for one path",
			ts_rule_service_text(context, f->netns, f->side, f->port), 1e3 * f->rtt,
			setting && *setting->why ? setting->why
						 : "tcp_rto_min_us could not be read");
	} else if (f->rto_min < context->threshold[RATIO] * f->rtt ||
		   1e6 * f->rto_min < 2 * PROPOSE_LEAST) {
		ts_rule_without_finding(context, TS_OUTCOME_QUIET,
					"%s wait for timeouts, but tcp_rto_min_us (%.0f ms) is "
					"short enough for its path of %.2g ms",
					ts_rule_service_text(context, f->netns, f->side, f->port),
					1e3 * f->rto_min, 1e3 * f->rtt);
	} else {
		lower(context, f);
	}
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	double most = 0;

	ts_for_each_series (s, context->window, TS_FAMILY_TCP_RETRANSMITS) {
		struct flow f;

		if (ts_rule_is_other(s) ||
		    ts_rule_service_seen(context->window, TS_FAMILY_TCP_RETRANSMITS, s))
			continue;
		f = measure(context, s);
		if (waits_for_timeouts(context, &f))
			judge_flow(context, &f);
		else
			most = fmax(most, fmin(f.waits, f.events));
	}
	if (context->why)
		return context->outcome;
	return ts_rule_without_finding(context, TS_OUTCOME_QUIET,
				       "at most %.0f retransmissions of a service waited for a "
				       "timeout, or most did not have to (threshold %.0f)",
				       most, context->threshold[EVENTS]);
}

const struct ts_rule ts_rule_rto_min = {
	.id = "rto-min",
	.title = "Long waits for retransmissions",
	.needs = {TS_FAMILY_TCP_RETRANSMITS, TS_FAMILY_TCP_LIVE_SMOOTHED_RTT,
		  TS_FAMILY_NETWORK_COUNTERS, TS_FAMILY_COUNT},
	.settings = {TS_SETTING_TCP_RTO_MIN_US, TS_SETTING_COUNT},
	.symptom_of = {"tcp-memory", "softnet-backlog", "conntrack-table", "neighbour-table",
		       "mtu-black-hole", "tcp-sack"},
	.thresholds =
		{[EVENTS] = {"timeouts", 5, 1, 1e9, "segments",
			     "retransmissions after a timeout, and tail-loss probes, of one "
			     "service during the window, from which on it is a symptom"},
		 [TAIL_SHARE] = {"tail_share", 0.3, 0.01, 1, "share of its retransmissions",
				 "the same as a share: below it most losses are noticed at once"},
		 [RATIO] = {"round_trips", 20, 8, 10000, "round-trip times",
			    "the shortest timeout, in round-trip times, from which on it is too "
			    "long for the path"},
		 [LOSS_MOST] = {"loss_most", 0.15, 0.001, 1, "share of the segments sent",
				"retransmissions, as a share of all segments of the namespace, "
				"above which the path is at fault and not the timeout"}},
	.judge = judge,
	.explanation =
		"A lost segment is noticed within a round trip when others follow it; the last "
		"ones of an answer are not, and wait for a tail-loss probe or the retransmission "
		"timeout, which is no shorter than net.ipv4.tcp_rto_min_us (200 ms by default).\n"
		"Convicts tcp_rto_min_us: a third of a service's retransmissions or more wait for "
		"a timeout or probe, and the shortest timeout is twenty round-trip times or more.\n"
		"Acquits it: long paths; losses amidst much data; a peer that acknowledges late, "
		"so "
		"that probes and timeouts repair nothing (TCPLossProbeRecovery, TCPSpuriousRTOs); "
		"a path that loses a large part "
		"of everything or nothing comes through at all (a dead host, a black hole); "
		"connects that are repeated far more often than what follows them (an accept "
		"queue that overflows on the other side); "
		"missing selective "
		"acknowledgements (tcp-sack).\n"
		"Below the time by which the other side delays its acknowledgements (up to 40 ms "
		"on Linux) some segments are sent twice, which costs little. The kernel has the "
		"setting since 6.11; before, ip route … rto_min does it for one path.\n"
		"Source: tcp_rto_min(), tcp_schedule_loss_probe(); RFC 6298, RFC 8985.",
};
