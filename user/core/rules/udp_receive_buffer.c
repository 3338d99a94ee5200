// SPDX-License-Identifier: GPL-2.0-only
/* UDP sockets drop datagrams: rmem_max or rmem_default, a fixed buffer, or a slow receiver. */
#include "../rule.h"

#include <math.h>
#include <string.h>

#include "datagram_queue.h"

enum { DROPPED, STRETCH, OBSERVED };

#define RMEM_MAX_DEFAULT 4194304.0  /* of Linux since 6.18 */
#define RMEM_LEAST	 1048576.0  /* a burst of 450 full frames */
#define BUFFER_MOST	 67108864.0 /* 64 MiB */
#define MEMORY_SHARE	 (1.0 / 64)
#define SECONDS_PER_DROP 0.05 /* for ranking: nobody knows what a datagram was worth */

struct drops {
	struct ts_datagram_queue queue;
	double dropped;
	double buffer, demand;
	double delivered_share; /* of what arrived in the namespace; NAN: nothing was delivered */
};

static struct drops measure(struct ts_rule_context *context, const struct ts_series *s)
{
	struct drops d = {
		.queue = ts_datagram_queue(context, s),
		.dropped = (double)s->counter,
		.buffer = ts_window_gauge(context->window, TS_FAMILY_UDP_BUFFER, s->label, NAN),
		.demand = ts_window_gauge(context->window, TS_FAMILY_UDP_DEMAND, s->label, NAN),
	};

	d.delivered_share = ts_datagram_delivered_share(context, &d.queue);
	return d;
}

static void add_evidence(struct ts_rule_context *context, struct ts_finding *finding,
			 const struct drops *d)
{
	const char *const labels[TS_LABELS_MAX] = {d->queue.netns, d->queue.socket, d->queue.limit};

	ts_finding_judged(context, finding, TS_FAMILY_UDP_DROPS, labels,
			  "datagrams dropped because the receive buffer was full", d->dropped,
			  "datagrams", (__u64)d->dropped, context->threshold[DROPPED]);
	if (!isnan(d->buffer))
		ts_finding_evidence(context, finding, TS_FAMILY_UDP_BUFFER, labels,
				    "its receive buffer", d->buffer, "bytes", 1);
	if (!isnan(d->demand))
		ts_finding_evidence(context, finding, TS_FAMILY_UDP_DEMAND, labels,
				    "the buffer that would have held the worst burst", d->demand,
				    "bytes", 1);
	ts_datagram_evidence(context, finding, &d->queue, context->threshold[STRETCH]);
	if (!isnan(d->delivered_share))
		ts_finding_evidence(context, finding, TS_FAMILY_NETWORK_COUNTERS,
				    TS_LABELS(d->queue.netns),
				    "datagrams of the namespace that reached their reader",
				    100 * d->delivered_share, "%", (__u64)d->dropped);
	finding->harm = d->dropped;
	finding->harm_unit = "datagrams dropped";
	finding->harm_seconds = d->dropped * SECONDS_PER_DROP;
}

static void not_a_setting(struct ts_rule_context *context, const struct drops *d, const char *cause,
			  const char *acquits, const char *title, const char *remedy,
			  double confidence)
{
	struct ts_finding *f = ts_finding_cause(context, cause, acquits);

	f->scope = TS_SCOPE_NETNS;
	ts_datagram_name(context, f, &d->queue, cause);
	f->title = ts_text(context, "%s %s", ts_datagram_text(context, &d->queue), title);
	f->remedy = remedy;
	f->confidence = confidence;
	add_evidence(context, f, d);
}

static double most_bytes(const struct ts_window *window)
{
	double memory = (double)window->delta->host.memory_bytes * MEMORY_SHARE;

	return memory > 0 && memory < BUFFER_MOST ? memory : BUFFER_MOST;
}

struct buffer_setting {
	enum ts_setting_id id;
	double bytes; /* of buffer for each of the value: SO_RCVBUF doubles what is asked for */
	double least;
	double confidence;
	const char *doubt;
};

static const struct buffer_setting by_rmem_max = {
	TS_SETTING_RMEM_MAX,
	2,
	RMEM_MAX_DEFAULT,
	0.75,
	"The application sets SO_RCVBUF and got exactly what rmem_max allows; one that asked for "
	"just that much looks the same, and would have to ask for more. Restart it afterwards.",
};
static const struct buffer_setting by_rmem_default = {
	TS_SETTING_RMEM_DEFAULT,
	1,
	RMEM_LEAST,
	0.9,
	"Restart the application afterwards: a socket keeps the buffer it was made with. An "
	"application that sets SO_RCVBUF itself needs no change of the default.",
};

static void raise_buffer(struct ts_rule_context *context, const struct drops *d,
			 const struct buffer_setting *b)
{
	double current = ts_window_setting_number(context->window, b->id, "", 0, NAN);
	double most = most_bytes(context->window);
	double wanted = fmin((double)ts_round_up_power_of_two(2 * d->demand / b->bytes,
							      (__u64)b->least, 1ULL << 40),
			     most);
	bool at_most = wanted <= current;
	struct ts_finding *f;

	if (isnan(current)) {
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"%s drops datagrams, but %s could not be read",
					ts_datagram_text(context, &d->queue),
					ts_settings[b->id].name);
		return;
	}
	f = ts_finding_new(context, at_most ? TS_OUTCOME_ALREADY_SET : TS_OUTCOME_RECOMMEND);
	ts_finding_propose(context, f, b->id, "", ts_text(context, "%.0f", floor(wanted)));
	ts_datagram_name(context, f, &d->queue, f->setting);
	f->title =
		ts_text(context, "%s drops bursts of datagrams: %s ends its receive buffer at %s",
			ts_datagram_text(context, &d->queue), f->setting,
			ts_rule_bytes_text(context, d->buffer));
	f->confidence = b->confidence;
	f->remedy = b->doubt;
	add_evidence(context, f, d);
	if (at_most) {
		f->proposed = f->apply = f->undo = "";
		f->remedy = "The setting allows more than was needed already: restart the "
			    "application, or let it ask for a larger buffer (SO_RCVBUF).";
		return;
	}
	f->computed = ts_text(
		context,
		"the buffer held %s and what was dropped until it was drained would "
		"have needed %s: twice that%s, rounded up to a power of two, at least "
		"%.0f, at most %.0f (64 MiB or 1/64 of memory)",
		ts_rule_bytes_text(context, d->buffer), ts_rule_bytes_text(context, d->demand),
		b->bytes > 1 ? ", which the kernel doubles itself" : "", b->least, most);
	f->expect = ts_text(context, "no more datagrams dropped there (%.0f in this window)",
			    d->dropped);
}

static bool too_slow(const struct ts_rule_context *context, const struct drops *d)
{
	return (!isnan(d->demand) && d->demand > most_bytes(context->window)) ||
	       ts_datagram_reader_is_slow(context, &d->queue, context->threshold[STRETCH]);
}

static void judge_socket(struct ts_rule_context *context, const struct drops *d)
{
	const struct buffer_setting *b =
		!strcmp(d->queue.limit, "rmem_default") ? &by_rmem_default : &by_rmem_max;

	if (too_slow(context, d)) {
		not_a_setting(
			context, d, "receiver-too-slow", ts_settings[b->id].name,
			"drops datagrams because its reader is slower than they arrive",
			"A larger buffer would fill as well, and make what is delivered older: "
			"make the reader faster, give it more CPU, or share its port among "
			"several (SO_REUSEPORT).",
			0.85);
		return;
	}
	if (d->queue.observed < context->threshold[OBSERVED] || isnan(d->demand)) {
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"%s dropped %.0f datagrams, but was observed for %.1f s "
					"around it: observe longer while it happens (%g s)",
					ts_datagram_text(context, &d->queue), d->dropped,
					d->queue.observed, context->threshold[OBSERVED]);
		return;
	}
	if (!strcmp(d->queue.limit, "fixed")) {
		not_a_setting(
			context, d, "fixed-socket-buffer", ts_settings[b->id].name,
			"drops bursts of datagrams: the application fixed its receive buffer",
			"The application asks for a buffer that small (SO_RCVBUF), below what "
			"net.core.rmem_max allows: let it ask for more, or restart it if "
			"rmem_max was raised since it started.",
			0.9);
		return;
	}
	raise_buffer(context, d, b);
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	double dropped = 0;

	ts_for_each_series (s, context->window, TS_FAMILY_UDP_DROPS) {
		struct drops d;

		if (!strcmp(s->label[2], "udp_mem"))
			continue; /* of no buffer: see udp-memory */
		dropped += (double)s->counter;
		if (ts_rule_is_other(s) || (double)s->counter < context->threshold[DROPPED])
			continue;
		d = measure(context, s);
		judge_socket(context, &d);
	}
	if (context->why)
		return context->outcome;
	return ts_rule_without_finding(context, TS_OUTCOME_QUIET,
				       "%.0f datagrams dropped at UDP sockets (threshold %.0f for "
				       "one of them)",
				       dropped, context->threshold[DROPPED]);
}

const struct ts_rule ts_rule_udp_receive_buffer = {
	.id = "udp-receive-buffer",
	.title = "UDP receive buffer overflow",
	.needs = {TS_FAMILY_UDP_DROPS, TS_FAMILY_UDP_DEMAND, TS_FAMILY_DATAGRAM_QUEUE_TIME,
		  TS_FAMILY_NETWORK_COUNTERS, TS_FAMILY_COUNT},
	.settings = {TS_SETTING_RMEM_MAX, TS_SETTING_RMEM_DEFAULT, TS_SETTING_COUNT},
	.thresholds =
		{[DROPPED] = {"dropped_datagrams", 10, 1, 1e12, "datagrams",
			      "datagrams that the sockets of one port drop during the window, "
			      "from which on it is a symptom"},
		 [STRETCH] = {"undrained_seconds", 3, 0.2, 3600, "seconds",
			      "a socket that is never found drained for so long at a stretch "
			      "has no burst: its reader is too slow"},
		 [OBSERVED] = {"observed_seconds", 1, 0.1, 3600, "seconds",
			       "time around the drops needed to tell one from the other"}},
	.judge = judge,
	.explanation =
		"A UDP socket drops what arrives while its receive buffer is full. The buffer is "
		"net.core.rmem_default, or what the application asks for with SO_RCVBUF, cut to "
		"net.core.rmem_max (both are the host's, whatever the namespace).\n"
		"Convicts rmem_default: drops at a socket that never set SO_RCVBUF, whose reader "
		"drains it between bursts and has time for what was dropped. Convicts rmem_max: "
		"the "
		"same with a buffer that was cut to it.\n"
		"Acquits them: a reader that works all the time, or a buffer that is not drained "
		"for "
		"seconds (receiver-too-slow); a buffer fixed below rmem_max "
		"(fixed-socket-buffer).\n"
		"A larger buffer costs memory while it is filled, and delay.\n"
		"Not seen: on kernels before 6.6 drops of IPv6 sockets.\n"
		"Source: __udp_enqueue_schedule_skb(), the tracepoint udp_fail_queue_rcv_skb; "
		"Documentation/admin-guide/sysctl/net.rst; udp(7).",
};
