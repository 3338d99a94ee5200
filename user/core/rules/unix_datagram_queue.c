// SPDX-License-Identifier: GPL-2.0-only
/* Senders to a unix datagram socket wait, or are refused: max_dgram_qlen, or a slow reader. */
#include "../rule.h"

#include <math.h>
#include <string.h>

#include "datagram_queue.h"

enum { FULL_SECONDS, STRETCH, WORKING_SHARE, UNDRAINED_SHARE };

#define MESSAGES_LEAST 512 /* what systemd sets */
#define MESSAGES_MOST  65536

struct full_queue {
	struct ts_datagram_queue queue;
	double limit, demand;
};

static void add_evidence(struct ts_rule_context *context, struct ts_finding *finding,
			 const struct full_queue *q)
{
	const char *const labels[TS_LABELS_MAX] = {q->queue.netns, q->queue.socket, q->queue.limit};

	ts_finding_judged(context, finding, TS_FAMILY_DATAGRAM_QUEUE_TIME,
			  TS_LABELS(q->queue.netns, q->queue.socket, q->queue.limit, "full"),
			  "time its queue was full, so that senders wait or are refused",
			  q->queue.full, "s", (__u64)(10 * q->queue.observed),
			  context->threshold[FULL_SECONDS]);
	ts_finding_evidence(context, finding, TS_FAMILY_UNIX_QUEUE_LIMIT, labels,
			    "messages that may wait there", q->limit, "messages", 1);
	if (q->demand > 0)
		ts_finding_evidence(context, finding, TS_FAMILY_UNIX_QUEUE_DEMAND, labels,
				    "messages that the send buffer of one sender holds", q->demand,
				    "messages", 1);
	ts_datagram_evidence(context, finding, &q->queue, context->threshold[STRETCH]);
	finding->harm = q->queue.full;
	finding->harm_unit = "seconds in which senders wait or are refused";
	finding->harm_seconds = q->queue.full;
}

static void too_slow(struct ts_rule_context *context, const struct full_queue *q)
{
	struct ts_finding *f = ts_finding_cause(context, "receiver-too-slow",
						ts_settings[TS_SETTING_MAX_DGRAM_QLEN].name);

	f->scope = TS_SCOPE_NETNS;
	ts_datagram_name(context, f, &q->queue, f->cause);
	f->title = ts_text(context, "%s is full because its reader is slower than messages come",
			   ts_datagram_text(context, &q->queue));
	f->remedy = "A longer queue would fill as well: make the reader faster, give it more CPU, "
		    "or send it less.";
	f->confidence = 0.8;
	add_evidence(context, f, q);
}

static void raise_limit(struct ts_rule_context *context, const struct full_queue *q)
{
	double current = ts_window_setting_number(context->window, TS_SETTING_MAX_DGRAM_QLEN,
						  q->queue.netns, 0, NAN);
	__u64 wanted = ts_round_up_power_of_two(fmax(4 * q->limit, q->demand), MESSAGES_LEAST,
						MESSAGES_MOST);
	/* The socket keeps the limit it was made with. */
	bool at_most = (double)wanted <= current || (current > q->limit && current >= q->demand);
	struct ts_finding *f;

	if (isnan(current)) {
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"%s is full, but net.unix.max_dgram_qlen could not be read",
					ts_datagram_text(context, &q->queue));
		return;
	}
	f = ts_finding_new(context, at_most ? TS_OUTCOME_ALREADY_SET : TS_OUTCOME_RECOMMEND);
	ts_finding_propose(context, f, TS_SETTING_MAX_DGRAM_QLEN, q->queue.netns,
			   ts_text(context, "%llu", (unsigned long long)wanted));
	ts_datagram_name(context, f, &q->queue, f->setting);
	f->title = ts_text(context,
			   "senders to %s wait or are refused: only %.0f messages may wait "
			   "there",
			   ts_datagram_text(context, &q->queue), q->limit);
	f->confidence = 0.85;
	f->remedy =
		"Restart the service that reads the socket afterwards: a socket keeps the limit "
		"it was made with.";
	add_evidence(context, f, q);
	if (at_most) {
		f->proposed = f->apply = f->undo = "";
		return;
	}
	f->computed = ts_text(context,
			      "the queue was full at %.0f messages and drained again, and the send "
			      "buffer of one sender holds %.0f: the larger of 4 × %.0f and %.0f, "
			      "rounded up to a power of two, at least %d",
			      q->limit, q->demand, q->limit, q->demand, MESSAGES_LEAST);
	f->expect = ts_text(context,
			    "senders no longer wait or are refused while it drains (full "
			    "for %.1f of %.1f s in this window)",
			    q->queue.full, q->queue.observed);
}

/*
 * Its reader takes messages all the time, or the queue does not drain for seconds, or hardly ever:
 * that of a reader which gets too little of a busy CPU to be seen working on it all the time.
 */
static bool is_too_slow(const struct ts_rule_context *context, const struct full_queue *q)
{
	return q->queue.queued >= context->threshold[UNDRAINED_SHARE] * q->queue.observed ||
	       q->queue.stretch >= context->threshold[STRETCH] ||
	       ts_datagram_working_share(&q->queue) >= context->threshold[WORKING_SHARE];
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	double most = 0;

	ts_for_each_series (s, context->window, TS_FAMILY_UNIX_QUEUE_LIMIT) {
		struct full_queue q = {
			.queue = ts_datagram_queue(context, s),
			.limit = s->gauge,
			.demand = ts_window_gauge(context->window, TS_FAMILY_UNIX_QUEUE_DEMAND,
						  s->label, 0),
		};

		if (ts_rule_is_other(s))
			continue;
		most = fmax(most, q.queue.full);
		if (q.queue.full < context->threshold[FULL_SECONDS])
			continue;
		if (is_too_slow(context, &q))
			too_slow(context, &q);
		else
			raise_limit(context, &q);
	}
	if (context->why)
		return context->outcome;
	return ts_rule_without_finding(context, TS_OUTCOME_QUIET,
				       "no unix datagram socket was full for more than %.1f s "
				       "(threshold %.1f s)",
				       most, context->threshold[FULL_SECONDS]);
}

const struct ts_rule ts_rule_unix_datagram_queue = {
	.id = "unix-datagram-queue",
	.title = "Unix datagram queue full",
	.needs = {TS_FAMILY_UNIX_QUEUE_LIMIT, TS_FAMILY_UNIX_QUEUE_DEMAND,
		  TS_FAMILY_DATAGRAM_QUEUE_TIME, TS_FAMILY_COUNT},
	.settings = {TS_SETTING_MAX_DGRAM_QLEN, TS_SETTING_COUNT},
	.thresholds =
		{[FULL_SECONDS] = {"full_seconds", 0.2, 0.05, 3600, "seconds",
				   "time a socket's queue is full during the window (sampled about "
				   "ten times a second), from which on it is a symptom"},
		 [STRETCH] = {"undrained_seconds", 3, 0.2, 3600, "seconds",
			      "a queue that is never found drained for so long at a stretch has no "
			      "burst: its reader is too slow"},
		 [WORKING_SHARE] =
			 {"working_share", 0.7, 0.05, 1, "share of the time",
			  "a reader that works for more of the time on a queue that is not "
			  "drained is too slow"},
		 [UNDRAINED_SHARE] =
			 {"undrained_share", 0.85, 0.1, 1, "share of the time",
			  "a queue that is found undrained for more of the time around has no "
			  "bursts either: its reader is too slow, or has too little of the CPU"}},
	.judge = judge,
	.explanation =
		"A unix datagram socket (that of a system logger, for example) takes at most "
		"net.unix.max_dgram_qlen messages, a value copied when the socket is made; then "
		"senders wait, or get EAGAIN if they do not want to.\n"
		"Convicts the setting: the queue is found full, drained again between bursts, and "
		"its reader has time.\n"
		"Acquits it: a queue that is not drained for seconds or hardly ever is, or a "
		"reader "
		"that works all "
		"the "
		"time (receiver-too-slow).\n"
		"What waits is bounded by the senders' buffers (SO_SNDBUF) as well: a longer queue "
		"costs no more than those.\n"
		"Not seen: how many sends failed; on kernels before 5.15 anything.\n"
		"Source: unix_dgram_sendmsg(), unix_recvq_full(); unix(7).",
};
