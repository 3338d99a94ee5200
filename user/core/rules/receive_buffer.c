// SPDX-License-Identifier: GPL-2.0-only
/*
 * A receive window too small for the path: tcp_rmem, rmem_max, autotuning switched off, a share of
 * the buffer set aside, a fixed buffer, or a slow reader.
 */
#include <math.h>
#include <string.h>

#include "flow.h"

enum { BYTES, LIMITED_SHARE, WINDOW_SHARE, ROUND_TRIP, QUEUEING, LOSS, PATH_RATE };

#define RMEM_DEFAULT	 6291456.0 /* of Linux until 6.17: enough for 1 Gbit/s over 25 ms */
#define RMEM_MAX_DEFAULT 4194304.0 /* of Linux since 6.18 */
#define CAUSE_PART	 4	   /* a cause is named from one part in so many bytes on */

static const struct ts_flow_buffer buffers[] = {
	{"tcp_rmem", TS_SETTING_TCP_RMEM, 2, RMEM_DEFAULT, 0.9,
	 "A listening service takes the new limit for connections that it accepts from then on."},
	{"rmem_max", TS_SETTING_RMEM_MAX, 0, RMEM_MAX_DEFAULT, 0.6,
	 "The application sets SO_RCVBUF and got exactly what rmem_max allows; one that asked for "
	 "just that much looks the same, and would have to ask for more. Restart it afterwards."},
};

static const struct ts_flow_cause fixed = {
	"fixed",
	"fixed-socket-buffer",
	"net.ipv4.tcp_rmem",
	"cannot fill their path: the application fixed its receive buffer",
	"The application sets SO_RCVBUF, which switches autotuning off: remove that call (or its "
	"configuration), or ask for more.",
	0.9,
};

static const struct ts_flow_cause slow_reader = {
	"reader",
	"slow-reader",
	"net.ipv4.tcp_rmem",
	"wait for the application to read",
	"Received data stays in the socket: the application reads too slowly. A larger buffer "
	"would fill as well.",
	0.85,
};

static const struct ts_flow_cause path_loss = {
	"loss",
	"path-loss",
	"net.ipv4.tcp_rmem",
	"lose segments on the way",
	"The loss holds the sender back before the window does: look for a bad link, an overloaded "
	"queue or policing on the path; the sender's congestion control decides how much of the "
	"rate is left.",
	0.7,
};

static const struct ts_flow_cause congestion = {
	"",
	"congestion",
	"net.ipv4.tcp_rmem",
	"already queue up on their path",
	"The round-trip time is far above its minimum: the path is full, and a larger window would "
	"only lengthen the queue.",
	0.75,
};

static struct ts_flow_limits limits_of(const struct ts_rule_context *context)
{
	return (struct ts_flow_limits){
		.bytes = context->threshold[BYTES],
		.share = context->threshold[LIMITED_SHARE],
		.round_trip = context->threshold[ROUND_TRIP],
		.queueing = context->threshold[QUEUEING],
		.path_rate = context->threshold[PATH_RATE],
	};
}

/* Holes in the sequence that the receiver saw: what loss on the path looks like from here. */
static double loss(const struct ts_rule_context *context, const char *netns)
{
	double segments = ts_rule_network_counter(context, netns, "TcpInSegs");

	return segments > 0 ? ts_rule_network_counter(context, netns, "TCPOFOQueue") / segments : 0;
}

/* The path has room beyond the window: what is in flight fills it and does not merely queue up. */
static bool path_wants_more(struct ts_rule_context *context, const struct ts_flow *f)
{
	if (isnan(f->window) || isnan(f->in_flight) || isnan(f->rtt))
		return false;
	return f->rtt >= context->threshold[ROUND_TRIP] &&
	       f->in_flight >= context->threshold[WINDOW_SHARE] * f->window;
}

static void switch_to(struct ts_rule_context *context, const struct ts_flow *f,
		      const struct ts_flow_limits *limits, enum ts_setting_id id, const char *title,
		      const char *computed)
{
	struct ts_finding *finding = ts_finding_new(context, TS_OUTCOME_RECOMMEND);

	ts_finding_propose(context, finding, id, f->netns, "1");
	ts_flow_describe(context, finding, f, limits, finding->setting);
	finding->title = ts_text(context, "%s %s", ts_flow_text(context, f), title);
	finding->computed = computed;
	finding->confidence = 0.9;
	finding->expect = ts_text(context, "one connection moves at most %s/s now",
				  ts_rule_bytes_text(context, f->window / f->rtt));
}

/*
 * The part of the buffer that tcp_adv_win_scale leaves to the window, on kernels that still heed it
 * (until 6.5): there, and only there, the window has that share of the buffer.
 */
static bool set_aside(const struct ts_rule_context *context, const struct ts_flow *f)
{
	double scale = ts_window_setting_number(context->window, TS_SETTING_TCP_ADV_WIN_SCALE,
						f->netns, 0, 1);
	double share = scale > 0 ? 1 - exp2(-scale) : exp2(scale);

	return share <= 0.4 && f->window <= 1.1 * share * f->buffer &&
	       f->window >= 0.5 * share * f->buffer;
}

static void convict(struct ts_rule_context *context, const struct ts_flow *f,
		    const struct ts_flow_limits *limits, const struct ts_flow_buffer *buffer)
{
	if (set_aside(context, f))
		switch_to(context, f, limits, TS_SETTING_TCP_ADV_WIN_SCALE,
			  "cannot fill their path: tcp_adv_win_scale sets most of their buffer "
			  "aside",
			  ts_text(context,
				  "the window is %.0f %% of the buffer, as the setting says; 1, "
				  "the kernel's default, leaves half of it",
				  100 * f->window / f->buffer));
	else if (buffer)
		ts_flow_raise_buffer(context, f, limits, buffer);
	else
		switch_to(context, f, limits, TS_SETTING_TCP_MODERATE_RCVBUF,
			  "cannot fill their path: their buffers do not grow with the need",
			  "1 switches autotuning on, which is the kernel's default; the third "
			  "number of net.ipv4.tcp_rmem remains the limit");
}

/* True when it said something about this flow. buffer NULL: autotuning is off. */
static bool judge_setting(struct ts_rule_context *context, const struct ts_flow *f,
			  const struct ts_flow_limits *limits, const struct ts_flow_buffer *buffer)
{
	enum ts_setting_id id = buffer ? buffer->id : TS_SETTING_TCP_MODERATE_RCVBUF;
	struct ts_flow_cause cause;

	if (loss(context, f->netns) >= context->threshold[LOSS]) {
		cause = ts_flow_overflows(context, f) ? congestion : path_loss;
	} else if (!path_wants_more(context, f)) {
		return false;
	} else if (ts_flow_queues_up(f, limits)) {
		cause = congestion;
	} else {
		convict(context, f, limits, buffer);
		return true;
	}
	cause.acquits = ts_settings[id].name;
	ts_flow_not_a_setting(context, f, limits, &cause);
	return true;
}

static bool judge_cause(struct ts_rule_context *context, const struct ts_flow *f,
			const struct ts_flow_limits *limits)
{
	const struct ts_flow_cause *cause = NULL;

	if (!strcmp(f->limit, slow_reader.limit))
		cause = &slow_reader;
	else if (!strcmp(f->limit, path_loss.limit) && f->rtt >= limits->round_trip)
		cause = ts_flow_overflows(context, f) ? &congestion : &path_loss;
	else if (!strcmp(f->limit, fixed.limit) && path_wants_more(context, f) &&
		 !ts_flow_queues_up(f, limits))
		cause = &fixed;
	if (!cause)
		return false;
	ts_flow_not_a_setting(context, f, limits, cause);
	return true;
}

static bool judge_flow(struct ts_rule_context *context, const struct ts_flow *f,
		       const struct ts_flow_limits *limits)
{
	for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
		if (!strcmp(f->limit, buffers[i].limit))
			return judge_setting(context, f, limits, &buffers[i]);
	if (!strcmp(f->limit, "no-autotuning"))
		return judge_setting(context, f, limits, NULL);
	return judge_cause(context, f, limits);
}

/* A reader and loss keep the rate low by themselves: fewer bytes show them. */
static struct ts_flow_limits limits_for(const struct ts_flow_limits *limits,
					const struct ts_flow *f)
{
	struct ts_flow_limits own = *limits;

	if (!strcmp(f->limit, slow_reader.limit) || !strcmp(f->limit, path_loss.limit))
		own.bytes /= CAUSE_PART;
	return own;
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	struct ts_flow_limits limits = limits_of(context);
	double most = 0;
	size_t flows = 0;

	ts_for_each_series (s, context->window, TS_FAMILY_TCP_RECEIVED) {
		struct ts_flow f;
		struct ts_flow_limits own;

		if (ts_rule_is_other(s) || !strcmp(s->label[3], "none") ||
		    !strcmp(s->label[3], "growing") || !strcmp(s->label[3], "unscaled"))
			continue;
		f = ts_flow_read(context, &ts_flow_received, s);
		own = limits_for(&limits, &f);
		if (!ts_flow_matters(&f, &own)) {
			most = fmax(most, f.bytes);
			continue;
		}
		if (!judge_flow(context, &f, &own))
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
	.settings = {TS_SETTING_TCP_RMEM, TS_SETTING_RMEM_MAX, TS_SETTING_TCP_MODERATE_RCVBUF,
		     TS_SETTING_TCP_ADV_WIN_SCALE, TS_SETTING_COUNT},
	.thresholds =
		{[BYTES] = {"received_bytes", 1048576, 1, 1e15, "bytes",
			    "bytes one service must receive at a limit before it is judged (a "
			    "quarter of that shows a slow reader, or loss)"},
		 [LIMITED_SHARE] = {"limited_share", 0.5, 0.01, 1, "share of its bytes",
				    "share of a service's bytes received at that limit"},
		 [WINDOW_SHARE] = {"window_share", 0.7, 0.1, 1, "share of the window",
				   "data in flight (rate × round-trip time) as a share of the "
				   "window: below it the window is not what limits the rate"},
		 [ROUND_TRIP] = {"round_trip_seconds", 0.002, 0, 10, "seconds",
				 "paths shorter than this need no larger window"},
		 [QUEUEING] = {"queueing_ratio", 2, 1.1, 1000, "times the minimum",
			       "round-trip time over its minimum from which on the path is full "
			       "already"},
		 [LOSS] = {"out_of_order_share", 0.02, 0.0001, 1, "share of segments",
			   "segments received out of order from which on loss is what limits the "
			   "rate"},
		 [PATH_RATE] = {"path_rate", 125000000, 1, 1e12, "bytes/s",
				"what one connection should be able to move over the measured "
				"round-trip time: a proposed buffer has room for it"}},
	.judge = judge,
	.explanation =
		"A connection moves at most one receive window per round trip; the window grows "
		"with the buffer, and the buffer up to the third number of net.ipv4.tcp_rmem, or "
		"to what the application fixed with SO_RCVBUF (at most net.core.rmem_max).\n"
		"Convicts tcp_rmem or rmem_max: the buffer stands at that limit, the application "
		"has read everything, and rate × round-trip time reaches the window on a path that "
		"is not full. Convicts tcp_moderate_rcvbuf: the same below the limit, while it is "
		"0. Convicts tcp_adv_win_scale: the window is the small share of the buffer that "
		"the setting says, which kernels since 6.6 no longer heed.\n"
		"Acquits them: a buffer fixed below the limit, a reader that lets data lie, loss, "
		"a round-trip time far above its minimum, a short path.\n"
		"A larger limit costs memory only where a connection needs it or its reader is "
		"slow.\n"
		"Source: tcp_rcv_space_adjust(), tcp_win_from_space(), sock_setsockopt(); "
		"Documentation/networking/ip-sysctl.rst.",
};
