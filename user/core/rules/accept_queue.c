// SPDX-License-Identifier: GPL-2.0-only
/* Accept queue overflow: somaxconn, the application's own backlog, or an application too slow. */
#include "listener.h"

#include <math.h>
#include <string.h>

enum { DROPPED, SAMPLES, FULL_SHARE, ACCEPTOR_BUSY, FULL_SECONDS, WAITING_SHARE };

/* An attempt that is dropped is tried again by the client after its first retransmission timeout.
 */
#define SECONDS_PER_DROP 1.0

/*
 * From this part of full_share on it is in doubt whether the queue drains. Below it pauses of the
 * acceptor explain the full samples, and every dropped attempt taken for another connection would
 * make it look far too busy: retransmissions of one attempt are dropped, too.
 */
#define IN_DOUBT 0.7

struct overflow {
	struct ts_listener listener;
	double dropped;	   /* attempts lost at the accept queue */
	double accepted;   /* connections taken from it; NAN unknown */
	double full_share; /* of the samples */
	double waiting;	   /* share of the samples with connections waiting: the acceptor works */
	/*
	 * Share of the window the acceptor would need at its pace to take everybody; NAN unknown.
	 * At least: one client is dropped with every retransmission. At most: each drop is another.
	 */
	double busy_least, busy_most;
	double resets; /* handshakes of the namespace answered with a reset at their end */
};

/*
 * A listener's drops are those at the accept queue and those at the SYN queue. The namespace's
 * counters say how many of each there were; which listener had them is certain when it dropped more
 * than all SYN queues together, or when its accept queue was seen full.
 */
static double dropped_at_accept_queue(const struct ts_rule_context *context,
				      const struct ts_listener *listener)
{
	double overflows = ts_rule_network_counter(context, listener->netns, "ListenOverflows");
	double all = ts_rule_network_counter(context, listener->netns, "ListenDrops");
	double elsewhere = fmax(all - overflows, 0);
	double certain = fmax(listener->drops - elsewhere, 0);

	if (ts_listener_was_full(listener))
		certain = listener->drops;
	return fmin(certain, overflows);
}

/*
 * Connections the application took during the window, as far as it is known: those that ended, and
 * those of the namespace that no other service has ended (they may still be open).
 */
static double accepted(const struct ts_rule_context *context, const struct ts_listener *listener)
{
	const struct ts_window *window = context->window;
	double closed =
		(double)ts_window_counter(window, TS_FAMILY_TCP_CONNECTIONS,
					  TS_LABELS(listener->netns, "service", listener->port));
	double all = (double)ts_window_counter(window, TS_FAMILY_TCP_CONNECTIONS,
					       TS_LABELS(listener->netns, "service"));
	double opened = ts_rule_network_counter(context, listener->netns, "TcpPassiveOpens");
	double taken = fmax(closed, opened - (all - closed));

	return taken > 0 ? taken : NAN;
}

/*
 * How often one client that never gets through is dropped in a window, on average over clients that
 * begin at any time in it. Linux tries again after one second five times, then at growing
 * intervals (tcp_syn_linear_timeouts).
 */
static double drops_per_client(double window_seconds)
{
	static const double attempt[] = {0, 1, 2, 3, 4, 5, 7, 11, 19, 35};
	double sum = 0;

	for (size_t i = 0; i < sizeof attempt / sizeof *attempt; i++)
		sum += fmax(window_seconds - attempt[i], 0);
	return fmax(sum / window_seconds, 1);
}

static struct overflow measure(const struct ts_rule_context *context,
			       const struct ts_series *series)
{
	struct overflow o = {.listener = ts_listener_read(context, series)};
	const struct ts_listener *l = &o.listener;
	double per_client = drops_per_client(context->window->seconds);

	o.dropped = dropped_at_accept_queue(context, l);
	o.accepted = accepted(context, l);
	o.resets = ts_rule_network_counter(context, l->netns, "EmbryonicRsts");
	if (l->samples <= 0)
		return o;
	o.full_share = l->full / l->samples;
	/* Connections wait only while the acceptor is occupied: its pace is what it took then. */
	o.waiting = (l->full + l->partial) / l->samples;
	o.busy_least = o.waiting * (1 + o.dropped / per_client / o.accepted);
	o.busy_most = o.waiting * (1 + o.dropped / o.accepted);
	return o;
}

/*
 * No burst keeps a queue full for that long, only an acceptor that does not come back: in a share
 * of the window, or at one stretch, should the load have lasted for only a part of the window.
 */
static bool never_drains(const struct ts_rule_context *context, const struct overflow *o)
{
	return o->full_share >= context->threshold[FULL_SHARE] ||
	       o->listener.full_seconds >= context->threshold[FULL_SECONDS];
}

/*
 * An acceptor that could hardly take those that were dropped in the time it has left, even if few
 * clients were dropped often. The queue need not be seen full: it is refilled once a burst.
 */
static bool has_no_time_left(const struct ts_rule_context *context, const struct overflow *o)
{
	double limit = context->threshold[ACCEPTOR_BUSY];

	if (o->full_share >= IN_DOUBT * context->threshold[FULL_SHARE] && o->busy_most >= limit)
		return true;
	return o->busy_least >= limit;
}

static void add_evidence(struct ts_rule_context *context, struct ts_finding *finding,
			 const struct overflow *o)
{
	const struct ts_listener *l = &o->listener;
	const char *const labels[TS_LABELS_MAX] = {l->netns, l->port};
	__u64 samples = (__u64)l->samples;

	ts_finding_judged(context, finding, TS_FAMILY_TCP_LISTENER_DROPS, labels,
			  "connection attempts dropped because the accept queue was full",
			  o->dropped, "connections", samples, context->threshold[DROPPED]);
	ts_finding_evidence(
		context, finding, TS_FAMILY_NETWORK_COUNTERS,
		TS_LABELS(l->netns, "ListenOverflows"), "accept queue overflows in that namespace",
		ts_rule_network_counter(context, l->netns, "ListenOverflows"), "events", 1);
	ts_finding_evidence(context, finding, TS_FAMILY_TCP_LISTENER_BACKLOG, labels,
			    "limit of the accept queue", l->limit, "connections", samples);
	ts_finding_evidence(context, finding, TS_FAMILY_TCP_LISTENER_BURST, labels,
			    "most attempts dropped between two samples", l->burst, "connections",
			    samples);
	ts_finding_judged(context, finding, TS_FAMILY_TCP_ACCEPT_QUEUE_SAMPLES,
			  TS_LABELS(l->netns, l->port, "full"),
			  "share of the samples that found the queue full", 100 * o->full_share,
			  "%", samples, 100 * context->threshold[FULL_SHARE]);
	ts_finding_judged(context, finding, TS_FAMILY_TCP_ACCEPT_QUEUE_FULL, labels,
			  "longest time the queue was full at a stretch", l->full_seconds, "s",
			  samples, context->threshold[FULL_SECONDS]);
	ts_finding_evidence(context, finding, TS_FAMILY_TCP_ACCEPT_QUEUE_SAMPLES,
			    TS_LABELS(l->netns, l->port, "empty"),
			    "share of the samples that found the queue empty",
			    100 * l->empty / l->samples, "%", samples);
	ts_finding_judged(context, finding, TS_FAMILY_TCP_ACCEPT_QUEUE_SAMPLES,
			  TS_LABELS(l->netns, l->port),
			  "share of the samples that found connections waiting", 100 * o->waiting,
			  "%", samples, 100 * context->threshold[WAITING_SHARE]);
	if (!isnan(o->busy_least))
		ts_finding_judged(context, finding, TS_FAMILY_TCP_CONNECTIONS,
				  TS_LABELS(l->netns, "service", l->port),
				  "share of the window the application would need at its pace to "
				  "take everybody, at least",
				  100 * o->busy_least, "%", samples,
				  100 * context->threshold[ACCEPTOR_BUSY]);
	finding->harm = o->dropped;
	finding->harm_unit = "connection attempts dropped";
	finding->harm_seconds = o->dropped * SECONDS_PER_DROP;
}

static void slow_acceptor(struct ts_rule_context *context, const struct overflow *o)
{
	struct ts_finding *f = ts_finding_cause(context, "slow-acceptor", "net.core.somaxconn");
	const char *who = ts_listener_text(context, &o->listener);

	ts_listener_name(context, f, &o->listener);
	ts_finding_identify(context, f, f->cause, "port");
	f->title = ts_text(context, "%s in %s accepts connections too slowly", who,
			   ts_rule_netns_text(context, o->listener.netns));
	f->remedy =
		ts_text(context,
			"%s: %s must accept faster (more workers or "
			"threads, no slow work between two accept() calls, SO_REUSEPORT). A longer "
			"queue would only make clients wait longer before they fail.",
			never_drains(context, o) ? "The queue hardly ever drains"
						 : "The application has no time left for those "
						   "that were dropped",
			who);
	f->confidence = never_drains(context, o)			  ? 0.9
			: o->waiting >= context->threshold[WAITING_SHARE] ? 0.8
									  : 0.7;
	add_evidence(context, f, o);
}

static void application_backlog(struct ts_rule_context *context, const struct overflow *o)
{
	struct ts_finding *f =
		ts_finding_cause(context, "application-backlog", "net.core.somaxconn");

	ts_listener_name(context, f, &o->listener);
	ts_finding_identify(context, f, f->cause, "port");
	f->title = ts_text(context,
			   "The accept queue of %s in %s overflows: its limit is %.0f since it "
			   "called listen()",
			   ts_listener_text(context, &o->listener),
			   ts_rule_netns_text(context, o->listener.netns), o->listener.limit);
	f->remedy = ts_listener_backlog_remedy(context, &o->listener,
					       (double)ts_listener_wanted(&o->listener));
	/* That somaxconn as it stands is innocent is certain; not which of the two remedies helps.
	 */
	f->confidence = 0.8;
	add_evidence(context, f, o);
}

/*
 * The queue is as long as the application wants it, or as the kernel's default, and drains. Clients
 * it has no room for at that moment would come in a second later, were they not turned away.
 */
static bool turns_away(const struct ts_rule_context *context, const struct overflow *o)
{
	const struct ts_listener *l = &o->listener;
	double aborts = ts_window_setting_number(context->window, TS_SETTING_TCP_ABORT_ON_OVERFLOW,
						 l->netns, 0, 0);

	return aborts == 1 && o->resets >= context->threshold[DROPPED] &&
	       (l->limit < l->somaxconn || l->somaxconn >= TS_SOMAXCONN_DEFAULT);
}

static void let_try_again(struct ts_rule_context *context, const struct overflow *o)
{
	const struct ts_listener *l = &o->listener;
	struct ts_finding *f = ts_finding_new(context, TS_OUTCOME_RECOMMEND);

	ts_listener_name(context, f, l);
	ts_finding_propose(context, f, TS_SETTING_TCP_ABORT_ON_OVERFLOW, l->netns, "0");
	ts_finding_identify(context, f, f->setting, "port");
	f->title = ts_text(context, "Clients of %s in %s are reset when its accept queue is full",
			   ts_listener_text(context, l), ts_rule_netns_text(context, l->netns));
	f->computed = ts_text(context,
			      "the queue of %.0f was full in %.0f %% of the samples only, and "
			      "%.0f handshakes were answered with a reset: with 0 the client tries "
			      "again, and finds room",
			      l->limit, 100 * o->full_share, o->resets);
	f->remedy = ts_listener_backlog_remedy(context, l, (double)ts_listener_wanted(l));
	f->expect = ts_text(context,
			    "no more connections that are reset at their start (%.0f in this "
			    "window); some of them take a second longer",
			    o->resets);
	f->confidence = 0.85;
	add_evidence(context, f, o);
	ts_finding_judged(context, f, TS_FAMILY_NETWORK_COUNTERS,
			  TS_LABELS(l->netns, "EmbryonicRsts"),
			  "handshakes answered with a reset at their end", o->resets, "connections",
			  1, context->threshold[DROPPED]);
}

static void at_most(struct ts_rule_context *context, const struct overflow *o)
{
	struct ts_finding *f = ts_finding_new(context, TS_OUTCOME_ALREADY_SET);

	ts_listener_name(context, f, &o->listener);
	f->setting = ts_settings[TS_SETTING_SOMAXCONN].name;
	f->current = ts_text(context, "%.0f", o->listener.somaxconn);
	ts_finding_identify(context, f, f->setting, "port");
	f->title = ts_text(context, "The accept queue of %s in %s overflows at the largest limit",
			   ts_listener_text(context, &o->listener),
			   ts_rule_netns_text(context, o->listener.netns));
	f->remedy = "More processes must accept (SO_REUSEPORT), or fewer clients connect at once.";
	f->confidence = 0.9;
	add_evidence(context, f, o);
}

static void raise_somaxconn(struct ts_rule_context *context, const struct overflow *o)
{
	const struct ts_listener *l = &o->listener;
	__u64 wanted = ts_listener_wanted(l);
	struct ts_finding *f = ts_finding_new(context, TS_OUTCOME_RECOMMEND);

	ts_listener_name(context, f, l);
	ts_finding_propose(context, f, TS_SETTING_SOMAXCONN, l->netns,
			   ts_text(context, "%llu", (unsigned long long)wanted));
	ts_finding_identify(context, f, f->setting, "port");
	f->title = ts_text(
		context, "The accept queue of %s in %s overflows: somaxconn cuts it to %.0f",
		ts_listener_text(context, l), ts_rule_netns_text(context, l->netns), l->limit);
	f->computed = ts_text(
		context,
		"the queue held %.0f and up to %.0f more came between two samples: "
		"2 × (%.0f + %.0f), rounded up to a power of two, at least the kernel's default %d",
		l->limit, l->burst, l->limit, l->burst, TS_SOMAXCONN_DEFAULT);
	f->remedy = ts_listener_somaxconn_remedy(context, l, wanted);
	if (l->limit > l->somaxconn)
		f->remedy = ts_text(context,
				    "somaxconn was lowered to %.0f after this service had started: "
				    "its next start would get a still shorter queue. %s",
				    l->somaxconn, f->remedy);
	f->expect = ts_text(context,
			    "no more dropped attempts (%.0f in this window, each costs its client "
			    "at least 1 s) as long as bursts stay below %llu connections",
			    o->dropped, (unsigned long long)wanted);
	f->confidence = isnan(o->accepted) ? 0.8 : 0.95;
	if (o->busy_most >= context->threshold[ACCEPTOR_BUSY]) {
		f->remedy = ts_text(
			context,
			"%s Should its connections take longer afterwards, undo it: were every "
			"drop another client, taking them all would need %.0f %% of the "
			"application's time, and then it is what is too slow.",
			f->remedy, 100 * o->busy_most);
		f->confidence = 0.7;
	}
	add_evidence(context, f, o);
}

/*
 * It was seen full, and yet never held what is its limit now: it was another one then, as the
 * service has been started again, or another has taken its place.
 */
static bool limit_is_new(const struct ts_listener *listener)
{
	return listener->full > 0 && listener->queue_peak > 0 &&
	       listener->queue_peak < 0.9 * listener->limit;
}

/* Adds a finding, or says in context->why what is missing. */
static void judge_overflow(struct ts_rule_context *context, const struct overflow *o)
{
	const struct ts_listener *l = &o->listener;
	bool occupied;
	double tick;

	if (isnan(l->somaxconn)) {
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"the accept queue of :%s overflowed, but somaxconn of %s "
					"could not be read",
					l->port, ts_rule_netns_text(context, l->netns));
		return;
	}
	if (l->samples < context->threshold[SAMPLES]) {
		tick = l->samples > 0 ? context->window->seconds / l->samples : 0.1;
		ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"the accept queue of :%s overflowed, but was sampled only %.0f times: "
			"observe for at least %.0f s to see whether it drains",
			l->port, l->samples, ceil(context->threshold[SAMPLES] * tick));
		return;
	}
	occupied = o->full_share >= IN_DOUBT * context->threshold[FULL_SHARE] ||
		   o->waiting >= context->threshold[WAITING_SHARE];
	if (never_drains(context, o) || has_no_time_left(context, o)) {
		slow_acceptor(context, o);
	} else if (occupied && isnan(o->accepted)) {
		ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"the accept queue of :%s was full in %.0f %% of the samples and not empty "
			"in %.0f %%: whether the application keeps up cannot be told without "
			"counting its connections",
			l->port, 100 * o->full_share, 100 * o->waiting);
	} else if (o->waiting >= context->threshold[WAITING_SHARE]) {
		ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"the accept queue of :%s overflowed, and connections waited in it in "
			"%.0f %% of the samples: the application has little time to spare, and "
			"whether a longer queue would drain is in doubt",
			l->port, 100 * o->waiting);
	} else if (turns_away(context, o)) {
		let_try_again(context, o);
	} else if (limit_is_new(l)) {
		ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"the accept queue of :%s was full with %.0f connections at most, and its "
			"limit is %.0f by now: it listens anew, observe whether it still overflows",
			l->port, l->queue_peak, l->limit);
	} else if (l->limit < l->somaxconn) {
		application_backlog(context, o);
	} else if ((double)ts_listener_wanted(l) <= l->somaxconn) {
		at_most(context, o);
	} else {
		raise_somaxconn(context, o);
	}
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	double below = 0, listeners = 0;

	ts_for_each_series (s, context->window, TS_FAMILY_TCP_LISTENER_BACKLOG) {
		struct overflow o;

		if (ts_rule_is_other(s))
			continue;
		listeners++;
		o = measure(context, s);
		if (o.dropped >= context->threshold[DROPPED])
			judge_overflow(context, &o);
		else
			below += o.dropped;
	}
	if (context->why)
		return context->outcome;
	return ts_rule_without_finding(
		context, TS_OUTCOME_QUIET,
		"%.0f connection attempts dropped at the accept queues of %.0f listeners "
		"(threshold %.0f for one of them)",
		below, listeners, context->threshold[DROPPED]);
}

const struct ts_rule ts_rule_accept_queue = {
	.id = "accept-queue",
	.title = "Accept queue overflow",
	.needs = {TS_FAMILY_TCP_LISTENER_DROPS, TS_FAMILY_TCP_LISTENER_BACKLOG,
		  TS_FAMILY_TCP_ACCEPT_QUEUE_SAMPLES, TS_FAMILY_TCP_ACCEPT_QUEUE_FULL,
		  TS_FAMILY_NETWORK_COUNTERS, TS_FAMILY_COUNT},
	.settings = {TS_SETTING_SOMAXCONN, TS_SETTING_TCP_ABORT_ON_OVERFLOW, TS_SETTING_COUNT},
	.thresholds =
		{[DROPPED] =
			 {"dropped_connections", 5, 1, 1e9, "connections",
			  "attempts one listener drops at its accept queue during the window, from "
			  "which on it is a symptom"},
		 [SAMPLES] = {"samples", 20, 2, 1e6, "samples",
			      "samples of the queue (about ten a second) needed to tell whether it "
			      "drains"},
		 [FULL_SHARE] =
			 {"full_share", 0.5, 0.05, 1, "share of the samples",
			  "a queue that is full in more of the samples than this does not drain: "
			  "the application is too slow, and no limit helps"},
		 [ACCEPTOR_BUSY] =
			 {"acceptor_busy", 0.8, 0.1, 10, "share of the window",
			  "the application is too slow when taking those that were dropped, too, "
			  "at its pace would have kept it busy for more than this (a client that "
			  "is dropped again and again counts once, unless the queue is full nearly "
			  "as often as full_share)"},
		 [FULL_SECONDS] = {"full_seconds", 1, 0.1, 3600, "seconds",
				   "a queue that stays full for this long at a stretch is no "
				   "burst: a client tries again after a second, and is dropped "
				   "again"},
		 [WAITING_SHARE] = {"waiting_share", 0.5, 0.05, 1, "share of the samples",
				    "with connections waiting in more of the samples than this, an "
				    "application has too little time to spare for a longer queue "
				    "to be proposed"}},
	.judge = judge,
	.explanation =
		"listen(fd, n) makes a queue of min(n, net.core.somaxconn) finished connections "
		"that wait "
		"for accept(). When it is full the kernel drops the attempt (ListenOverflows) and "
		"the "
		"client tries again after a second.\n"
		"Convicts somaxconn: overflows, the listener's limit equals somaxconn, and the "
		"queue drains "
		"between bursts.\n"
		"Acquits it: a limit below somaxconn (the application asked for no more); a queue "
		"that stays "
		"full (the application is too slow: raising the limit makes the counter go to zero "
		"while "
		"clients wait and fail even more); an application that works nearly all the time, "
		"though its queue is full only for moments: connections wait in most of the "
		"samples, or its pace leaves no time for those that were dropped.\n"
		"Convicts tcp_abort_on_overflow: it is 1, the queue is no shorter than the "
		"application asked for and drains, and handshakes end in a reset (EmbryonicRsts) "
		"whose client would have come in a second later.\n"
		"The limit is taken when listen() is called, so the service must be restarted. A "
		"longer "
		"queue costs memory only while it is filled.",
	.reference = "tcp_conn_request(), tcp_v4_syn_recv_sock(), inet_csk_listen_start(); "
		     "Documentation/networking/ip-sysctl.rst",
};
