// SPDX-License-Identifier: GPL-2.0-only
/* SYN queue: tcp_max_syn_backlog (only without SYN cookies), or the listener's own limit. */
#include "listener.h"

#include <math.h>
#include <string.h>

enum { DROPPED, QUEUE_SHARE, FLOOD_RATIO, UNANSWERED_SHARE };

#define SECONDS_PER_DROP  1.0
#define SYN_BACKLOG_LEAST 1024 /* what the kernel itself chooses on a host with a few GiB */
#define SYN_BACKLOG_MOST  65536

/*
 * A handshake nobody answers stays for 63 seconds and is retransmitted five times (Linux's default
 * of tcp_synack_retries; fewer retries make this more), one that is answered for one round trip.
 */
#define RETRANSMITS_PER_SECOND (5 / 63.0)
/* Round trips longer than the first retransmission timeout cause retransmissions of their own. */
#define FIRST_TIMEOUT_SECONDS 1.0
/* Below this it was no luck of sampling that so many answered handshakes were seen at once. */
#define SEEN_BY_LUCK 0.05

struct namespace_drops {
	const char *netns;
	double overflows;   /* at accept queues */
	double limit_drops; /* the SYN queue had reached the listener's backlog */
	double syn_drops;   /* neither: tcp_max_syn_backlog, with cookies off */
	double cookies_sent;
	double opened;	   /* connections that came in */
	double syncookies; /* settings; NAN when not read */
	double max_syn_backlog;
	bool has_listener;
	struct ts_listener listener; /* the one with the longest SYN queue */
	/* Of that listener: */
	double synack_retransmits; /* less those that lost packets explain; NAN unknown */
	double unanswered;	   /* those expected had nobody answered the handshakes seen */
	double round_trip;	   /* median of its connections; NAN unknown */
};

/* The kernel keeps the last quarter for peers it has known before. */
static double usable(double max_syn_backlog)
{
	return 0.75 * max_syn_backlog;
}

static void find_listener(const struct ts_rule_context *context, struct namespace_drops *n)
{
	ts_for_each_series (s, context->window, TS_FAMILY_TCP_LISTENER_BACKLOG) {
		struct ts_listener l;

		if (strcmp(s->label[0], n->netns))
			continue;
		l = ts_listener_read(context, s);
		if (n->has_listener &&
		    (l.syn_peak < n->listener.syn_peak ||
		     (l.syn_peak == n->listener.syn_peak && l.drops <= n->listener.drops)))
			continue;
		n->listener = l;
		n->has_listener = true;
	}
}

static double port_counter(const struct ts_window *window, enum ts_family_id id,
			   const struct ts_listener *l, const char *last)
{
	return (double)ts_window_counter(window, id, TS_LABELS(l->netns, "service", l->port, last));
}

/* Part of the segments that are lost on the way to this port's clients. */
static double loss(const struct ts_window *window, const struct ts_listener *l)
{
	double sent = port_counter(window, TS_FAMILY_TCP_CONNECTION_SEGMENTS, l, "sent");
	double lost = port_counter(window, TS_FAMILY_TCP_RETRANSMITS, l, NULL) -
		      port_counter(window, TS_FAMILY_TCP_RETRANSMITS, l, "synack");

	return sent > 0 ? fmin(lost / sent, 1) : 0;
}

/* Handshakes answered only after a retransmission, or never. */
static void measure_answers(const struct ts_rule_context *context, struct namespace_drops *n)
{
	const struct ts_window *window = context->window;
	const struct ts_listener *l = &n->listener;
	const struct ts_histogram *round_trip;

	n->synack_retransmits = n->round_trip = NAN;
	n->unanswered = RETRANSMITS_PER_SECOND * window->seconds * l->syn_peak;
	if (!n->has_listener)
		return;
	if (ts_rule_measured(context, TS_FAMILY_TCP_RETRANSMITS))
		n->synack_retransmits =
			fmax(port_counter(window, TS_FAMILY_TCP_RETRANSMITS, l, "synack") -
				     2 * loss(window, l) * n->opened,
			     0);
	round_trip = ts_window_histogram(window, TS_FAMILY_TCP_MINIMUM_RTT,
					 TS_LABELS(l->netns, "service", l->port));
	if (round_trip && round_trip->count)
		n->round_trip = ts_histogram_quantile(round_trip, 0.5);
}

static struct namespace_drops measure(const struct ts_rule_context *context, const char *netns)
{
	struct namespace_drops n = {.netns = netns};
	double all = ts_rule_network_counter(context, netns, "ListenDrops");

	n.overflows = ts_rule_network_counter(context, netns, "ListenOverflows");
	n.limit_drops = ts_rule_network_counter(context, netns, "TCPReqQFullDrop");
	n.syn_drops = fmax(all - n.overflows - n.limit_drops, 0);
	n.cookies_sent = ts_rule_network_counter(context, netns, "SyncookiesSent");
	/* No fewer than those that ended, should that counter be missing. */
	n.opened = fmax(ts_rule_network_counter(context, netns, "TcpPassiveOpens"),
			(double)ts_window_counter(context->window, TS_FAMILY_TCP_CONNECTIONS,
						  TS_LABELS(netns, "service")));
	n.syncookies =
		ts_window_setting_number(context->window, TS_SETTING_TCP_SYNCOOKIES, netns, 0, NAN);
	n.max_syn_backlog = ts_window_setting_number(context->window,
						     TS_SETTING_TCP_MAX_SYN_BACKLOG, netns, 0, NAN);
	find_listener(context, &n);
	measure_answers(context, &n);
	return n;
}

static void add_evidence(struct ts_rule_context *context, struct ts_finding *finding,
			 const struct namespace_drops *n, double dropped, double limit)
{
	const struct ts_listener *l = &n->listener;

	ts_finding_judged(context, finding, TS_FAMILY_NETWORK_COUNTERS,
			  TS_LABELS(n->netns, "ListenDrops"),
			  "connection attempts dropped because the SYN queue was full", dropped,
			  "connections", 1, context->threshold[DROPPED]);
	ts_finding_evidence(context, finding, TS_FAMILY_NETWORK_COUNTERS,
			    TS_LABELS(n->netns, "ListenOverflows"),
			    "accept queue overflows at the same time", n->overflows, "events", 1);
	ts_finding_judged(context, finding, TS_FAMILY_TCP_SYN_QUEUE_PEAK,
			  TS_LABELS(l->netns, l->port),
			  "most handshakes in progress seen by sampling", l->syn_peak, "handshakes",
			  (__u64)l->samples, context->threshold[QUEUE_SHARE] * limit);
	ts_finding_evidence(context, finding, TS_FAMILY_TCP_LISTENER_BURST,
			    TS_LABELS(l->netns, l->port),
			    "most attempts dropped between two samples", l->burst, "connections",
			    (__u64)l->samples);
	ts_finding_evidence(context, finding, TS_FAMILY_NETWORK_COUNTERS,
			    TS_LABELS(n->netns, "TcpPassiveOpens"),
			    "handshakes finished in that namespace", n->opened, "connections", 1);
	if (!isnan(n->synack_retransmits))
		ts_finding_judged(context, finding, TS_FAMILY_TCP_RETRANSMITS,
				  TS_LABELS(l->netns, "service", l->port, "synack"),
				  "SYN-ACKs sent again, less those that lost packets explain",
				  n->synack_retransmits, "segments", 1,
				  context->threshold[UNANSWERED_SHARE] * n->unanswered);
	finding->harm = dropped;
	finding->harm_unit = "connection attempts dropped";
	finding->harm_seconds = dropped * SECONDS_PER_DROP;
}

static const char *where(struct ts_rule_context *context, const struct namespace_drops *n)
{
	return ts_text(context, "%s in %s", ts_listener_text(context, &n->listener),
		       ts_rule_netns_text(context, n->netns));
}

static void raise_syn_backlog(struct ts_rule_context *context, const struct namespace_drops *n)
{
	const struct ts_listener *l = &n->listener;
	double demand = l->syn_peak + l->burst;
	__u64 wanted = ts_round_up_power_of_two(2 * demand / usable(1), SYN_BACKLOG_LEAST,
						SYN_BACKLOG_MOST);
	bool at_most = (double)wanted <= n->max_syn_backlog;
	struct ts_finding *f =
		ts_finding_new(context, at_most ? TS_OUTCOME_ALREADY_SET : TS_OUTCOME_RECOMMEND);

	ts_listener_name(context, f, l);
	ts_finding_propose(context, f, TS_SETTING_TCP_MAX_SYN_BACKLOG, n->netns,
			   ts_text(context, "%llu", (unsigned long long)wanted));
	ts_finding_identify(context, f, f->setting, "port");
	f->title = ts_text(context, "The SYN queue of %s overflows: tcp_max_syn_backlog is %.0f",
			   where(context, n), n->max_syn_backlog);
	add_evidence(context, f, n, n->syn_drops, usable(n->max_syn_backlog));
	f->confidence = 0.9;
	if (at_most) {
		f->proposed = f->apply = f->undo = "";
		f->remedy = "The limit is larger than what was asked for at once: find out why so "
			    "many handshakes stay unfinished, or turn SYN cookies on.";
		return;
	}
	f->computed = ts_text(
		context,
		"%.0f handshakes were in progress and up to %.0f more came between two samples; "
		"three quarters of the value are usable for unknown peers: 2 × (%.0f + %.0f) ÷ "
		"0.75, "
		"rounded up to a power of two, at least %d",
		l->syn_peak, l->burst, l->syn_peak, l->burst, SYN_BACKLOG_LEAST);
	if (usable((double)wanted) > l->limit)
		f->remedy =
			ts_text(context,
				"The listener's own backlog (%.0f) limits its SYN queue, too: "
				"beyond that many the application's listen() and somaxconn count.",
				l->limit);
	f->expect = ts_text(context,
			    "no more dropped attempts (%.0f in this window, each costs its client "
			    "at least 1 s)",
			    n->syn_drops);
}

/* How many of the samples would have met that many handshakes, had they been answered at once. */
static double samples_by_luck(const struct ts_rule_context *context,
			      const struct namespace_drops *n)
{
	return n->opened / n->listener.syn_peak * n->round_trip / context->window->seconds *
	       n->listener.samples;
}

/*
 * Why the handshakes in the queue are not those of clients that connect, or NULL. A longer queue
 * would fill up with them as well, whatever its length.
 */
static const char *never_answered(struct ts_rule_context *context, const struct namespace_drops *n,
				  double dropped)
{
	double peak = n->listener.syn_peak;

	if (dropped > n->opened * context->threshold[FLOOD_RATIO])
		return ts_text(context,
			       "%.0f attempts were dropped and only %.0f connections came in",
			       dropped, n->opened);
	if (!n->has_listener || peak <= 0)
		return NULL;
	if (n->opened < peak)
		return ts_text(context,
			       "%.0f handshakes were in progress at once, but only %.0f were "
			       "finished in the whole window",
			       peak, n->opened);
	if (n->synack_retransmits >= context->threshold[UNANSWERED_SHARE] * n->unanswered &&
	    !(n->round_trip >= FIRST_TIMEOUT_SECONDS))
		return ts_text(context,
			       "%.0f SYN-ACKs had to be sent again for the %.0f handshakes in "
			       "progress: their senders do not answer",
			       n->synack_retransmits, peak);
	if (samples_by_luck(context, n) < SEEN_BY_LUCK)
		return ts_text(context,
			       "clients answer within %.3g ms, and %.0f connections came in: that "
			       "does not keep %.0f handshakes in progress",
			       1e3 * n->round_trip, n->opened, peak);
	return NULL;
}

/* No queue is long enough for handshakes that are never finished; cookies need none. */
static void turn_cookies_on(struct ts_rule_context *context, const struct namespace_drops *n,
			    double dropped, double limit, const char *why)
{
	struct ts_finding *f = ts_finding_new(context, TS_OUTCOME_RECOMMEND);

	ts_listener_name(context, f, &n->listener);
	ts_finding_propose(context, f, TS_SETTING_TCP_SYNCOOKIES, n->netns, "1");
	ts_finding_identify(context, f, f->setting, "port");
	f->title = ts_text(context,
			   "The SYN queue of %s is full of handshakes that are never finished "
			   "(a SYN flood?) while SYN cookies are off",
			   where(context, n));
	f->computed = ts_text(context, "%s; a longer queue would fill up as well", why);
	f->expect = "real clients connect again while the flood lasts";
	f->confidence = 0.7;
	add_evidence(context, f, n, dropped, limit);
}

/* The SYN queue ends at the listener's backlog, whatever tcp_max_syn_backlog says. */
static void bounded_by_listen(struct ts_rule_context *context, const struct namespace_drops *n)
{
	const struct ts_listener *l = &n->listener;
	__u64 wanted = ts_listener_wanted(l);
	struct ts_finding *f;

	if (l->limit < l->somaxconn) {
		f = ts_finding_cause(context, "application-backlog",
				     "net.ipv4.tcp_max_syn_backlog");
		ts_listener_name(context, f, l);
		ts_finding_identify(context, f, f->cause, "port");
		f->remedy = ts_listener_backlog_remedy(context, l, (double)wanted);
	} else if ((double)wanted > l->somaxconn) {
		f = ts_finding_new(context, TS_OUTCOME_RECOMMEND);
		ts_listener_name(context, f, l);
		ts_finding_propose(context, f, TS_SETTING_SOMAXCONN, n->netns,
				   ts_text(context, "%llu", (unsigned long long)wanted));
		ts_finding_identify(context, f, f->setting, "port");
		f->computed = ts_text(context,
				      "the SYN queue ends at the accept queue's limit: 2 × (%.0f + "
				      "%.0f), rounded up to a power of two, at least the kernel's "
				      "default %d",
				      l->limit, l->burst, TS_SOMAXCONN_DEFAULT);
		f->remedy = ts_listener_somaxconn_remedy(context, l, wanted);
		f->expect = ts_text(context, "no more dropped attempts (%.0f in this window)",
				    n->limit_drops);
	} else {
		ts_rule_without_finding(context, TS_OUTCOME_ALREADY_SET,
					"the SYN queue of %s is full at the largest somaxconn",
					where(context, n));
		return;
	}
	f->title =
		ts_text(context, "The SYN queue of %s overflows at its accept-queue limit of %.0f",
			where(context, n), l->limit);
	f->confidence = 0.85;
	add_evidence(context, f, n, n->limit_drops, l->limit);
}

/* Enough handshakes were seen in progress for the limit to be what stopped them. */
static bool seen_at(const struct ts_rule_context *context, const struct namespace_drops *n,
		    double limit)
{
	return n->has_listener && n->listener.syn_peak >= context->threshold[QUEUE_SHARE] * limit;
}

static void judge_drops(struct ts_rule_context *context, const struct namespace_drops *n)
{
	const char *why;

	if (isnan(n->syncookies) || isnan(n->max_syn_backlog)) {
		ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"handshakes were dropped in %s, whose settings could not be "
			"read",
			ts_rule_netns_text(context, n->netns));
	} else if (n->syncookies != 0 || !seen_at(context, n, usable(n->max_syn_backlog))) {
		ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"%.0f attempts were dropped in %s before their handshake, but no more than "
			"%.0f handshakes were seen in progress%s: observe longer while it happens",
			n->syn_drops, ts_rule_netns_text(context, n->netns),
			n->has_listener ? n->listener.syn_peak : 0,
			n->syncookies != 0 ? " and SYN cookies are on (tcp_max_syn_backlog is not "
					     "read then)"
					   : "");
	} else if ((why = never_answered(context, n, n->syn_drops))) {
		turn_cookies_on(context, n, n->syn_drops, usable(n->max_syn_backlog), why);
	} else if (isnan(n->synack_retransmits)) {
		ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"%.0f attempts were dropped in %s at tcp_max_syn_backlog: whether the "
			"handshakes in progress are ever finished cannot be told without counting "
			"retransmissions of SYN-ACKs",
			n->syn_drops, ts_rule_netns_text(context, n->netns));
	} else {
		raise_syn_backlog(context, n);
	}
}

static void judge_limit_drops(struct ts_rule_context *context, const struct namespace_drops *n)
{
	const char *why;

	/* A full accept queue keeps handshakes from finishing: the SYN queue is then its victim. */
	if (n->overflows > 0 && (!n->has_listener || ts_listener_was_full(&n->listener)))
		ts_rule_without_finding(context, TS_OUTCOME_QUIET,
					"handshakes were dropped in %s because the accept queue "
					"behind them was full: see accept-queue",
					ts_rule_netns_text(context, n->netns));
	else if (!n->has_listener || isnan(n->listener.somaxconn) ||
		 !seen_at(context, n, n->listener.limit))
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"%.0f handshakes were dropped in %s at a listener's limit; "
					"which listener it was has not been seen: observe longer",
					n->limit_drops, ts_rule_netns_text(context, n->netns));
	else if (n->syncookies == 0 && (why = never_answered(context, n, n->limit_drops)))
		turn_cookies_on(context, n, n->limit_drops, n->listener.limit, why);
	else
		bounded_by_listen(context, n);
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	double most = 0, cookies = 0;

	ts_for_each_series (s, context->window, TS_FAMILY_NETWORK_COUNTERS) {
		struct namespace_drops n;

		if (strcmp(s->label[1], "ListenDrops") || ts_rule_is_other(s))
			continue;
		n = measure(context, s->label[0]);
		cookies += n.cookies_sent;
		most = fmax(most, fmax(n.syn_drops, n.limit_drops));
		if (n.syn_drops >= context->threshold[DROPPED])
			judge_drops(context, &n);
		if (n.limit_drops >= context->threshold[DROPPED])
			judge_limit_drops(context, &n);
	}
	if (context->why)
		return context->outcome;
	return ts_rule_without_finding(
		context, TS_OUTCOME_QUIET,
		"at most %.0f attempts dropped at the SYN queues of one namespace (threshold "
		"%.0f)%s",
		most, context->threshold[DROPPED],
		cookies > 0 ? "; SYN cookies answered others, nobody was refused, and "
			      "tcp_max_syn_backlog is not read while cookies are on"
			    : "");
}

const struct ts_rule ts_rule_syn_queue = {
	.id = "syn-queue",
	.title = "SYN queue overflow",
	.needs = {TS_FAMILY_NETWORK_COUNTERS, TS_FAMILY_TCP_LISTENER_BACKLOG,
		  TS_FAMILY_TCP_SYN_QUEUE_PEAK, TS_FAMILY_COUNT},
	.settings = {TS_SETTING_TCP_MAX_SYN_BACKLOG, TS_SETTING_SOMAXCONN,
		     TS_SETTING_TCP_SYNCOOKIES, TS_SETTING_COUNT},
	.thresholds =
		{[DROPPED] =
			 {"dropped_connections", 5, 1, 1e9, "connections",
			  "attempts dropped at the SYN queues of a network namespace during the "
			  "window, from which on it is a symptom"},
		 [QUEUE_SHARE] =
			 {"queue_share", 0.5, 0.05, 1, "share of the limit",
			  "handshakes seen in progress, as a share of the limit, from which on "
			  "the limit is what stopped them (sampling misses the very peak)"},
		 [FLOOD_RATIO] =
			 {"flood_ratio", 50, 2, 1e9, "dropped per connection",
			  "dropped attempts for each connection that came in, above which it "
			  "is taken for a SYN flood"},
		 [UNANSWERED_SHARE] =
			 {"unanswered_share", 0.5, 0.05, 100, "share",
			  "SYN-ACKs sent again, as a share of those to be expected had none of the "
			  "handshakes seen in progress been answered, from which on the queue is "
			  "full of handshakes that are never finished"}},
	.judge = judge,
	.explanation =
		"A handshake in progress waits in the SYN queue for one round-trip time.\n"
		"Convicts tcp_max_syn_backlog: tcp_syncookies is 0, ListenDrops grows more than "
		"ListenOverflows and TCPReqQFullDrop together, and that many handshakes were seen "
		"in "
		"progress. Three quarters of the value are usable for peers the kernel does not "
		"know.\n"
		"Acquits it: tcp_syncookies is 1 or 2 (the kernel does not read it then); a SYN "
		"queue that "
		"ends at the listener's own backlog (TCPReqQFullDrop, SyncookiesSent); a full "
		"accept queue, "
		"which keeps handshakes from finishing; handshakes that are never finished "
		"(SYN-ACKs "
		"are sent again and again, more are in progress than ever finish, or far more than "
		"the round-trip time explains): a longer queue fills up with them as well, SYN "
		"cookies are made for it.\n"
		"Each handshake takes about 300 bytes while it lasts.",
	.reference = "tcp_conn_request(), inet_csk_reqsk_queue_is_full(); "
		     "Documentation/networking/ip-sysctl.rst",
};
