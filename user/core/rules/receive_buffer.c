// SPDX-License-Identifier: GPL-2.0-only
/* A receive window too small for the path: tcp_rmem or rmem_max, a fixed buffer, or a slow reader.
 */
#include "../rule.h"

#include <math.h>
#include <string.h>

#include "../arena.h"

enum { BYTES, LIMITED_SHARE, WINDOW_SHARE, ROUND_TRIP, QUEUEING, LOSS };

#define RMEM_DEFAULT	 6291456.0  /* of Linux until 6.17: enough for 1 Gbit/s over 25 ms */
#define RMEM_MAX_DEFAULT 4194304.0  /* of Linux since 6.18 */
#define BUFFER_MOST	 67108864.0 /* 64 MiB */
#define MEMORY_SHARE	 (1.0 / 64)

/* The connections of one service (or to one remote port), bounded by one thing. */
struct flow {
	const char *netns, *side, *port, *limit;
	double bytes, share; /* received while bounded, and as a share of all */
	double window, buffer, in_flight, rtt;
	double base_rtt; /* without queueing, as far as known; else NAN */
	double loss;	 /* share of segments that came out of order in the namespace */
	__u64 connections;
};

static double gauge(const struct ts_rule_context *context, enum ts_family_id id,
		    const char *const *labels)
{
	return ts_window_gauge(context->window, id, labels, NAN);
}

/* Round-trip time that nine of ten connections had at their best. */
static double base_rtt(const struct ts_rule_context *context, const struct flow *f)
{
	const char *const labels[TS_LABELS_MAX] = {f->netns, f->side, f->port};
	struct ts_histogram *h =
		ts_window_histogram(context->window, TS_FAMILY_TCP_LIVE_MINIMUM_RTT, labels);

	if (!h || !h->count)
		h = ts_window_histogram(context->window, TS_FAMILY_TCP_MINIMUM_RTT, labels);
	return h && h->count ? ts_histogram_quantile(h, 0.9) : NAN;
}

/* Holes in the sequence that the receiver saw: what loss on the path looks like from here. */
static double loss(const struct ts_rule_context *context, const char *netns)
{
	double segments = ts_rule_network_counter(context, netns, "TcpInSegs");

	return segments > 0 ? ts_rule_network_counter(context, netns, "TCPOFOQueue") / segments : 0;
}

static struct flow measure(const struct ts_rule_context *context, const struct ts_series *s)
{
	struct flow f = {
		.netns = s->label[0],
		.side = s->label[1],
		.port = s->label[2],
		.limit = s->label[3],
		.bytes = (double)s->counter,
	};
	double all = (double)ts_window_counter(context->window, TS_FAMILY_TCP_RECEIVED,
					       TS_LABELS(f.netns, f.side, f.port));

	f.share = all > 0 ? f.bytes / all : 0;
	f.window = gauge(context, TS_FAMILY_TCP_RECEIVE_WINDOW, s->label);
	f.buffer = gauge(context, TS_FAMILY_TCP_RECEIVE_BUFFER, s->label);
	f.in_flight = gauge(context, TS_FAMILY_TCP_RECEIVE_IN_FLIGHT, s->label);
	f.rtt = gauge(context, TS_FAMILY_TCP_RECEIVE_RTT, s->label);
	f.connections = (__u64)fmax(
		ts_window_gauge(context->window, TS_FAMILY_TCP_RECEIVE_CONNECTIONS, s->label, 0),
		0);
	f.base_rtt = base_rtt(context, &f);
	f.loss = loss(context, f.netns);
	return f;
}

static const char *text(struct ts_rule_context *context, const struct flow *f)
{
	return ts_text(context, "%s %s in %s",
		       strcmp(f->side, "outbound") ? "connections to port"
						   : "connections to remote port",
		       f->port, ts_rule_netns_text(context, f->netns));
}

static void add_evidence(struct ts_rule_context *context, struct ts_finding *finding,
			 const struct flow *f)
{
	const char *const labels[TS_LABELS_MAX] = {f->netns, f->side, f->port, f->limit};
	__u64 n = f->connections;

	ts_finding_judged(context, finding, TS_FAMILY_TCP_RECEIVED, labels,
			  "bytes received while the window was bounded that way", f->bytes, "bytes",
			  n, context->threshold[BYTES]);
	ts_finding_judged(context, finding, TS_FAMILY_TCP_RECEIVED, labels,
			  "the same as a share of all bytes", 100 * f->share, "%", n,
			  100 * context->threshold[LIMITED_SHARE]);
	if (!isnan(f->window))
		ts_finding_evidence(context, finding, TS_FAMILY_TCP_RECEIVE_WINDOW, labels,
				    "largest receive window", f->window, "bytes", n);
	if (!isnan(f->in_flight) && !isnan(f->window))
		ts_finding_judged(context, finding, TS_FAMILY_TCP_RECEIVE_IN_FLIGHT, labels,
				  "data in flight (rate × round-trip time)", f->in_flight, "bytes",
				  n, context->threshold[WINDOW_SHARE] * f->window);
	if (!isnan(f->rtt))
		ts_finding_judged(context, finding, TS_FAMILY_TCP_RECEIVE_RTT, labels,
				  "round-trip time seen by the receiver", 1e3 * f->rtt, "ms", n,
				  1e3 * context->threshold[ROUND_TRIP]);
	finding->harm = f->share * context->window->seconds;
	finding->harm_unit = "seconds of transfer bounded by the receive window";
	finding->harm_seconds = finding->harm;
}

static void name(struct ts_rule_context *context, struct ts_finding *finding, const struct flow *f,
		 const char *what)
{
	const struct ts_sufferer *worst = ts_window_sufferer(
		context->window, TS_FAMILY_TCP_RECEIVED, TS_LABELS(f->netns, f->side, f->port));

	finding->netns = ts_arena_intern(context->report->arena, f->netns);
	finding->port = ts_arena_intern(context->report->arena, f->port);
	if (worst) {
		ts_finding_sufferer(context, finding, worst);
		finding->pid = worst->pid;
		finding->comm = ts_arena_intern(context->report->arena, worst->comm);
	}
	ts_finding_identify(context, finding, what,
			    strcmp(f->side, "outbound") ? "port" : "remote-port");
}

static double most_bytes(const struct ts_window *window)
{
	double memory = (double)window->delta->host.memory_bytes * MEMORY_SHARE;

	return memory > 0 && memory < BUFFER_MOST ? memory : BUFFER_MOST;
}

/* What the buffer should be so that eight times of what now is in flight fits its window. */
static double wanted_buffer(const struct flow *f, double least, double most)
{
	double wanted = (double)ts_round_up_power_of_two(16 * f->in_flight, 4096, 1ULL << 40);

	return floor(fmin(fmax(wanted, least), most));
}

struct buffer_setting {
	const char *limit; /* the label that says so */
	enum ts_setting_id id;
	unsigned int number; /* which of its numbers bounds the buffer */
	double least;	     /* the kernel's own default: not below it */
	double confidence;
	const char *doubt; /* what else looks the same */
};

static const char *value_text(struct ts_rule_context *context, const struct buffer_setting *b,
			      const char *scope, double wanted)
{
	const struct ts_window *window = context->window;

	if (ts_settings[b->id].arity == 1)
		return ts_text(context, "%.0f", wanted);
	return ts_text(context, "%.0f %.0f %.0f",
		       ts_window_setting_number(window, b->id, scope, 0, 4096),
		       ts_window_setting_number(window, b->id, scope, 1, 131072), wanted);
}

static void raise_buffer(struct ts_rule_context *context, const struct flow *f,
			 const struct buffer_setting *b)
{
	const char *scope = ts_settings[b->id].scope == TS_SCOPE_NETNS ? f->netns : "";
	double current = ts_window_setting_number(context->window, b->id, scope, b->number, NAN);
	double wanted = wanted_buffer(f, b->least, most_bytes(context->window));
	bool at_most = wanted <= current;
	struct ts_finding *finding;

	if (isnan(current)) {
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"%s are bounded by %s, which could not be read",
					text(context, f), ts_settings[b->id].name);
		return;
	}
	finding = ts_finding_new(context, at_most ? TS_OUTCOME_ALREADY_SET : TS_OUTCOME_RECOMMEND);
	ts_finding_propose(context, finding, b->id, scope, value_text(context, b, scope, wanted));
	name(context, finding, f, finding->setting);
	finding->title =
		ts_text(context, "%s cannot fill their path: %s ends the window at %s",
			text(context, f), finding->setting, ts_rule_bytes_text(context, f->window));
	finding->confidence = b->confidence;
	finding->remedy = b->doubt;
	add_evidence(context, finding, f);
	if (at_most) {
		finding->proposed = finding->apply = finding->undo = "";
		finding->remedy = "The buffer has its largest sensible size already: use several "
				  "connections side by side, or a server nearer to the client.";
		return;
	}
	finding->computed = ts_text(context,
				    "%s were in flight over %.1f ms, all that the window allows; "
				    "the buffer is about twice "
				    "the window, room for eight times as much: 16 × %.0f, at least "
				    "the kernel's default "
				    "%.0f, at most %.0f (64 MiB or 1/64 of memory)",
				    ts_rule_bytes_text(context, f->in_flight), 1e3 * f->rtt,
				    f->in_flight, b->least, most_bytes(context->window));
	finding->expect = ts_text(
		context,
		"one connection moves at most %s/s now; up to %s/s if path and sender allow",
		ts_rule_bytes_text(context, f->window / f->rtt),
		ts_rule_bytes_text(context, wanted / 2 / f->rtt));
}

static void not_a_setting(struct ts_rule_context *context, const struct flow *f, const char *cause,
			  const char *acquits, const char *title, const char *remedy,
			  double confidence)
{
	struct ts_finding *finding = ts_finding_cause(context, cause, acquits);

	finding->scope = TS_SCOPE_NETNS;
	name(context, finding, f, cause);
	finding->title = ts_text(context, "%s %s", text(context, f), title);
	finding->remedy = remedy;
	finding->confidence = confidence;
	add_evidence(context, finding, f);
}

static const struct buffer_setting by_tcp_rmem = {
	"tcp_rmem",
	TS_SETTING_TCP_RMEM,
	2,
	RMEM_DEFAULT,
	0.9,
	"A listening service takes the new limit for connections that it accepts from then on.",
};
static const struct buffer_setting by_rmem_max = {
	"rmem_max",
	TS_SETTING_RMEM_MAX,
	0,
	RMEM_MAX_DEFAULT,
	0.6,
	"The application sets SO_RCVBUF and got exactly what rmem_max allows; one that asked for "
	"just "
	"that much looks the same, and would have to ask for more. Restart it afterwards.",
};

/* The path has room beyond the window: what is in flight fills it and does not merely queue up. */
static bool path_wants_more(struct ts_rule_context *context, const struct flow *f)
{
	if (isnan(f->window) || isnan(f->in_flight) || isnan(f->rtt))
		return false;
	if (f->rtt < context->threshold[ROUND_TRIP] ||
	    f->in_flight < context->threshold[WINDOW_SHARE] * f->window)
		return false;
	return true;
}

static bool queues_up(const struct ts_rule_context *context, const struct flow *f)
{
	return f->rtt > context->threshold[QUEUEING] * f->base_rtt;
}

/* True when it said something about this flow. */
static bool judge_setting(struct ts_rule_context *context, const struct flow *f,
			  const struct buffer_setting *b)
{
	if (f->loss >= context->threshold[LOSS]) {
		not_a_setting(
			context, f, "path-loss", ts_settings[b->id].name,
			"lose segments on the way",
			"The loss holds the sender back before the window does: look for a bad "
			"link, an overloaded queue or policing on the path.",
			0.7);
		return true;
	}
	if (!path_wants_more(context, f))
		return false;
	if (queues_up(context, f)) {
		not_a_setting(
			context, f, "congestion", ts_settings[b->id].name,
			"already queue up on their path",
			"The round-trip time is far above its minimum: the path is full, and a "
			"larger window would only lengthen the queue.",
			0.75);
		return true;
	}
	raise_buffer(context, f, b);
	return true;
}

static bool judge_flow(struct ts_rule_context *context, const struct flow *f)
{
	if (!strcmp(f->limit, "tcp_rmem"))
		return judge_setting(context, f, &by_tcp_rmem);
	if (!strcmp(f->limit, "rmem_max"))
		return judge_setting(context, f, &by_rmem_max);
	if (!strcmp(f->limit, "fixed") && path_wants_more(context, f) && !queues_up(context, f)) {
		not_a_setting(
			context, f, "fixed-socket-buffer", "net.ipv4.tcp_rmem",
			"cannot fill their path: the application fixed its receive buffer",
			"The application sets SO_RCVBUF, which switches autotuning off: remove "
			"that call (or its configuration), or ask for more.",
			0.9);
		return true;
	}
	if (!strcmp(f->limit, "reader")) {
		not_a_setting(
			context, f, "slow-reader", "net.ipv4.tcp_rmem",
			"wait for the application to read",
			"Received data stays in the socket: the application reads too slowly. A "
			"larger buffer would fill as well.",
			0.85);
		return true;
	}
	return false;
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	double most = 0;
	size_t flows = 0;

	ts_for_each_series (s, context->window, TS_FAMILY_TCP_RECEIVED) {
		struct flow f;

		if (ts_rule_is_other(s) || !strcmp(s->label[3], "none") ||
		    !strcmp(s->label[3], "growing"))
			continue;
		f = measure(context, s);
		if (f.bytes < context->threshold[BYTES] ||
		    f.share < context->threshold[LIMITED_SHARE]) {
			most = fmax(most, f.bytes);
			continue;
		}
		if (!judge_flow(context, &f))
			flows++;
	}
	if (context->why)
		return context->outcome;
	return ts_rule_without_finding(context, TS_OUTCOME_QUIET,
				       flows ? "%zu services have their receive buffer at a limit, "
					       "but their paths need no "
					       "more (at most %s at a limit elsewhere)"
					     : "%zu services received much at a limit of their "
					       "receive window (at most %s)",
				       flows, ts_rule_bytes_text(context, most));
}

const struct ts_rule ts_rule_receive_buffer = {
	.id = "receive-buffer",
	.title = "Receive buffer limit",
	.needs = {TS_FAMILY_TCP_RECEIVED, TS_FAMILY_TCP_RECEIVE_WINDOW,
		  TS_FAMILY_TCP_RECEIVE_IN_FLIGHT, TS_FAMILY_TCP_RECEIVE_RTT, TS_FAMILY_COUNT},
	.settings = {TS_SETTING_TCP_RMEM, TS_SETTING_RMEM_MAX, TS_SETTING_COUNT},
	.thresholds = {[BYTES] = {"received_bytes", 1048576, 1, 1e15, "bytes",
				  "bytes one service must receive at a limit before it is judged"},
		       [LIMITED_SHARE] = {"limited_share", 0.5, 0.01, 1, "share of its bytes",
					  "share of a service's bytes received at that limit"},
		       [WINDOW_SHARE] =
			       {"window_share", 0.7, 0.1, 1, "share of the window",
				"data in flight (rate × round-trip time) as a share of the window: "
				"below it the window is not what limits the rate"},
		       [ROUND_TRIP] = {"round_trip_seconds", 0.002, 0, 10, "seconds",
				       "paths shorter than this need no larger window"},
		       [QUEUEING] = {"queueing_ratio", 2, 1.1, 1000, "times the minimum",
				     "round-trip time over its minimum from which on the path is "
				     "full already"},
		       [LOSS] = {"out_of_order_share", 0.02, 0.0001, 1, "share of segments",
				 "segments received out of order from which on loss is what limits "
				 "the rate"}},
	.judge = judge,
	.explanation = "A connection moves at most one receive window per round trip; the window "
		       "grows with the "
		       "buffer, and the buffer up to the third number of net.ipv4.tcp_rmem, or to "
		       "what the "
		       "application fixed with SO_RCVBUF (at most net.core.rmem_max).\n"
		       "Convicts tcp_rmem or rmem_max: the buffer stands at that limit, the "
		       "application has read "
		       "everything, and rate × round-trip time reaches the window on a path that "
		       "is not full.\n"
		       "Acquits them: a buffer fixed below the limit, a reader that lets data lie, "
		       "loss, a "
		       "round-trip time far above its minimum, a short path.\n"
		       "A larger limit costs memory only where a connection needs it or its reader "
		       "is slow.",
	.reference =
		"tcp_rcv_space_adjust(), sock_setsockopt(); Documentation/networking/ip-sysctl.rst",
};
