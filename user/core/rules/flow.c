// SPDX-License-Identifier: GPL-2.0-only
#include "flow.h"

#include <math.h>
#include <string.h>

#include "../arena.h"

#define BUFFER_MOST  67108864.0 /* 64 MiB */
#define MEMORY_SHARE (1.0 / 64)
#define QUEUE_LOSES  1.8 /* round-trip time over its minimum: beside loss a shorter queue tells */
#define QUEUE_STANDS 1.3 /* the same of the medians, which no single moment raises */
#define SLACK	     0.001
#define RESENT_LEAST 2

const struct ts_flow_direction ts_flow_received = {
	TS_FAMILY_TCP_RECEIVED,
	TS_FAMILY_TCP_RECEIVE_WINDOW,
	TS_FAMILY_TCP_RECEIVE_BUFFER,
	TS_FAMILY_TCP_RECEIVE_IN_FLIGHT,
	TS_FAMILY_TCP_RECEIVE_RTT,
	TS_FAMILY_TCP_RECEIVE_CONNECTIONS,
	"bytes received while bounded that way",
	"largest receive window",
	"round-trip time seen by the receiver",
};

const struct ts_flow_direction ts_flow_sent = {
	TS_FAMILY_TCP_SENT,
	TS_FAMILY_TCP_SEND_WINDOW,
	TS_FAMILY_TCP_SEND_BUFFER,
	TS_FAMILY_TCP_SEND_IN_FLIGHT,
	TS_FAMILY_TCP_SEND_RTT,
	TS_FAMILY_TCP_SEND_CONNECTIONS,
	"bytes sent while bounded that way",
	"largest window the other side offered",
	"round-trip time seen by the sender",
};

/* Round-trip time that nine of ten connections had at their best. */
static double base_rtt(const struct ts_rule_context *context, const struct ts_flow *flow)
{
	const char *const labels[TS_LABELS_MAX] = {flow->netns, flow->side, flow->port};
	struct ts_histogram *h =
		ts_window_histogram(context->window, TS_FAMILY_TCP_LIVE_MINIMUM_RTT, labels);

	if (!h || !h->count)
		h = ts_window_histogram(context->window, TS_FAMILY_TCP_MINIMUM_RTT, labels);
	return h && h->count ? ts_histogram_quantile(h, 0.9) : NAN;
}

struct ts_flow ts_flow_read(const struct ts_rule_context *context,
			    const struct ts_flow_direction *direction,
			    const struct ts_series *series)
{
	const struct ts_window *window = context->window;
	struct ts_flow flow = {
		.direction = direction,
		.netns = series->label[0],
		.side = series->label[1],
		.port = series->label[2],
		.limit = series->label[3],
		.bytes = (double)series->counter,
	};
	double all = (double)ts_window_counter(window, direction->bytes,
					       TS_LABELS(flow.netns, flow.side, flow.port));

	flow.share = all > 0 ? flow.bytes / all : 0;
	flow.window = ts_window_gauge(window, direction->window, series->label, NAN);
	flow.buffer = ts_window_gauge(window, direction->buffer, series->label, NAN);
	flow.in_flight = ts_window_gauge(window, direction->in_flight, series->label, NAN);
	flow.rtt = ts_window_gauge(window, direction->rtt, series->label, NAN);
	flow.connections =
		(__u64)fmax(ts_window_gauge(window, direction->connections, series->label, 0), 0);
	flow.base_rtt = base_rtt(context, &flow);
	return flow;
}

const char *ts_flow_text(struct ts_rule_context *context, const struct ts_flow *flow)
{
	return ts_text(context, "%s %s in %s",
		       strcmp(flow->side, "outbound") ? "connections to port"
						      : "connections to remote port",
		       flow->port, ts_rule_netns_text(context, flow->netns));
}

bool ts_flow_matters(const struct ts_flow *flow, const struct ts_flow_limits *limits)
{
	return flow->bytes >= limits->bytes && flow->share >= limits->share;
}

bool ts_flow_queues_up(const struct ts_flow *flow, const struct ts_flow_limits *limits)
{
	return flow->rtt > limits->queueing * flow->base_rtt;
}

bool ts_flow_queue_stands(const struct ts_rule_context *context, const char *netns,
			  const char *side, const char *port)
{
	const char *const labels[TS_LABELS_MAX] = {netns, side, port};

	return ts_window_median(context->window, TS_FAMILY_TCP_LIVE_SMOOTHED_RTT, labels) >
	       QUEUE_STANDS * ts_window_median(context->window, TS_FAMILY_TCP_LIVE_MINIMUM_RTT,
					       labels) +
		       SLACK;
}

/*
 * A sender measures round-trip times, a receiver guesses them: where the sender is on this host,
 * too, it is asked.
 */
static bool sender_meets_queue(const struct ts_rule_context *context, const struct ts_flow *flow)
{
	if (flow->direction == &ts_flow_sent)
		return ts_flow_queue_stands(context, flow->netns, flow->side, flow->port);
	ts_for_each_series (s, context->window, TS_FAMILY_TCP_PATH_RESENT)
		if (!strcmp(s->label[2], flow->port) && strcmp(s->label[1], flow->side) &&
		    s->counter >= RESENT_LEAST &&
		    ts_flow_queue_stands(context, s->label[0], s->label[1], s->label[2]))
			return true;
	return false;
}

bool ts_flow_overflows(const struct ts_rule_context *context, const struct ts_flow *flow)
{
	return flow->rtt > QUEUE_LOSES * flow->base_rtt || sender_meets_queue(context, flow);
}

static double most_bytes(const struct ts_window *window)
{
	double memory = (double)window->delta->host.memory_bytes * MEMORY_SHARE;

	return memory > 0 && memory < BUFFER_MOST ? memory : BUFFER_MOST;
}

/*
 * The buffer this path asks for: sixteen times of what now is in flight, and what path_rate needs
 * over the round-trip time; a power of two, at least the kernel's default, at most 64 MiB or 1/64
 * of memory.
 */
static double wanted_buffer(const struct ts_rule_context *context, const struct ts_flow *flow,
			    const struct ts_flow_limits *limits, double least)
{
	double demand = fmax(16 * flow->in_flight, 2 * limits->path_rate * flow->rtt);
	double wanted = (double)ts_round_up_power_of_two(demand, 4096, 1ULL << 40);

	return floor(fmin(fmax(wanted, least), most_bytes(context->window)));
}

static const char *wanted_text(struct ts_rule_context *context, const struct ts_flow *flow,
			       const struct ts_flow_limits *limits, double least)
{
	return ts_text(context,
		       "%s were in flight over %.1f ms, all that the limit allows; the buffer is "
		       "about twice what may be in flight: the larger of 16 × %.0f and 2 × %.1f ms "
		       "× %s/s, a power of two, at least the kernel's default %.0f, at most %.0f "
		       "(64 MiB or 1/64 of memory)",
		       ts_rule_bytes_text(context, flow->in_flight), 1e3 * flow->rtt,
		       flow->in_flight, 1e3 * flow->rtt,
		       ts_rule_bytes_text(context, limits->path_rate), least,
		       most_bytes(context->window));
}

static void add_evidence(struct ts_rule_context *context, struct ts_finding *finding,
			 const struct ts_flow *flow, const struct ts_flow_limits *limits)
{
	const struct ts_flow_direction *d = flow->direction;
	const char *const labels[TS_LABELS_MAX] = {flow->netns, flow->side, flow->port,
						   flow->limit};
	const struct {
		enum ts_family_id family;
		const char *what, *unit;
		double value;
	} readings[] = {
		{d->window, d->window_text, "bytes", flow->window},
		{d->buffer, "largest buffer of this side", "bytes", flow->buffer},
		{d->in_flight, "data in flight (rate × round-trip time)", "bytes", flow->in_flight},
	};
	__u64 n = flow->connections;

	ts_finding_judged(context, finding, d->bytes, labels, d->moved, flow->bytes, "bytes", n,
			  limits->bytes);
	ts_finding_judged(context, finding, d->bytes, labels, "the same as a share of all bytes",
			  100 * flow->share, "%", n, 100 * limits->share);
	for (size_t i = 0; i < sizeof readings / sizeof *readings; i++)
		if (!isnan(readings[i].value))
			ts_finding_evidence(context, finding, readings[i].family, labels,
					    readings[i].what, readings[i].value, readings[i].unit,
					    n);
	if (!isnan(flow->rtt))
		ts_finding_judged(context, finding, d->rtt, labels, d->rtt_text, 1e3 * flow->rtt,
				  "ms", n, 1e3 * limits->round_trip);
}

void ts_flow_describe(struct ts_rule_context *context, struct ts_finding *finding,
		      const struct ts_flow *flow, const struct ts_flow_limits *limits,
		      const char *what)
{
	const struct ts_sufferer *worst =
		ts_window_sufferer(context->window, flow->direction->bytes,
				   TS_LABELS(flow->netns, flow->side, flow->port));

	finding->netns = ts_arena_intern(context->report->arena, flow->netns);
	finding->port = ts_arena_intern(context->report->arena, flow->port);
	if (worst) {
		ts_finding_sufferer(context, finding, worst);
		finding->pid = worst->pid;
		finding->comm = ts_arena_intern(context->report->arena, worst->comm);
	}
	ts_finding_identify(context, finding, what,
			    strcmp(flow->side, "outbound") ? "port" : "remote-port");
	add_evidence(context, finding, flow, limits);
	finding->harm = flow->share * context->window->seconds;
	finding->harm_unit = "seconds of transfer bounded that way";
	finding->harm_seconds = finding->harm;
}

void ts_flow_not_a_setting(struct ts_rule_context *context, const struct ts_flow *flow,
			   const struct ts_flow_limits *limits, const struct ts_flow_cause *cause)
{
	struct ts_finding *finding = ts_finding_cause(context, cause->cause, cause->acquits);

	finding->scope = TS_SCOPE_NETNS;
	ts_flow_describe(context, finding, flow, limits, cause->cause);
	finding->title = ts_text(context, "%s %s", ts_flow_text(context, flow), cause->title);
	finding->remedy = cause->remedy;
	finding->confidence = cause->confidence;
}

/* All numbers of the setting, with the one that bounds the buffer replaced. */
static const char *value_text(struct ts_rule_context *context, const struct ts_flow_buffer *b,
			      const char *scope, double wanted)
{
	const struct ts_window *window = context->window;

	if (ts_settings[b->id].arity == 1)
		return ts_text(context, "%.0f", wanted);
	return ts_text(context, "%.0f %.0f %.0f",
		       ts_window_setting_number(window, b->id, scope, 0, NAN),
		       ts_window_setting_number(window, b->id, scope, 1, NAN), wanted);
}

void ts_flow_raise_buffer(struct ts_rule_context *context, const struct ts_flow *flow,
			  const struct ts_flow_limits *limits, const struct ts_flow_buffer *b)
{
	const char *scope = ts_settings[b->id].scope == TS_SCOPE_NETNS ? flow->netns : "";
	double current = ts_window_setting_number(context->window, b->id, scope, b->number, NAN);
	double wanted = wanted_buffer(context, flow, limits, b->least);
	bool at_most = wanted <= current;
	struct ts_finding *finding;

	if (isnan(current)) {
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"%s are bounded by %s, which could not be read",
					ts_flow_text(context, flow), ts_settings[b->id].name);
		return;
	}
	finding = ts_finding_new(context, at_most ? TS_OUTCOME_ALREADY_SET : TS_OUTCOME_RECOMMEND);
	ts_finding_propose(context, finding, b->id, scope, value_text(context, b, scope, wanted));
	ts_flow_describe(context, finding, flow, limits, finding->setting);
	finding->title = ts_text(context, "%s cannot fill their path: %s ends their buffer at %s",
				 ts_flow_text(context, flow), finding->setting,
				 ts_rule_bytes_text(context, flow->buffer));
	finding->confidence = b->confidence;
	finding->remedy = b->doubt;
	if (at_most) {
		finding->proposed = finding->apply = finding->undo = "";
		finding->remedy = "The buffer has its largest sensible size already: use several "
				  "connections side by side, or a server nearer to the client.";
		return;
	}
	finding->computed = wanted_text(context, flow, limits, b->least);
	finding->expect = ts_text(
		context, "one connection moves at most %s/s now; up to %s/s if path and peer allow",
		ts_rule_bytes_text(context, flow->in_flight / flow->rtt),
		ts_rule_bytes_text(context, wanted / 2 / flow->rtt));
}
