// SPDX-License-Identifier: GPL-2.0-only
/* Windows that end at 64 KiB because window scaling was not agreed on. */
#include <math.h>
#include <string.h>

#include "flow.h"

enum { BYTES, LIMITED_SHARE, WINDOW_SHARE, ROUND_TRIP, QUEUEING };

static const struct ts_flow_cause peer = {
	"unscaled",
	"peer-without-window-scaling",
	"net.ipv4.tcp_window_scaling",
	"have windows that end at 64 KiB: the other side did not agree to scale them",
	"This side offers window scaling. The other side does not, or a device on the path removes "
	"it; connections set up by a SYN cookie lose it, too, unless the client sends timestamps.",
	0.85,
};

static void switch_on(struct ts_rule_context *context, const struct ts_flow *f,
		      const struct ts_flow_limits *limits)
{
	struct ts_finding *finding = ts_finding_new(context, TS_OUTCOME_RECOMMEND);

	ts_finding_propose(context, finding, TS_SETTING_TCP_WINDOW_SCALING, f->netns, "1");
	ts_flow_describe(context, finding, f, limits, finding->setting);
	finding->title =
		ts_text(context, "%s have windows that end at 64 KiB: window scaling is off here",
			ts_flow_text(context, f));
	finding->confidence = 0.9;
	finding->remedy = "Connections agree on it when they are set up: those that exist stay as "
			  "they are.";
	finding->computed =
		ts_text(context,
			"%s/s over %.1f ms fill a window of %s, the most there is without scaling; "
			"1 is the kernel's default",
			ts_rule_bytes_text(context, f->in_flight / f->rtt), 1e3 * f->rtt,
			ts_rule_bytes_text(context, f->window));
	finding->expect = "windows grow with the receive buffer of the receiving side";
}

/* The sender's account says that the window held it up; a receiver compares what arrives with it.
 */
static bool fills_window(const struct ts_rule_context *context, const struct ts_flow *f)
{
	return f->direction == &ts_flow_sent ||
	       f->in_flight >= context->threshold[WINDOW_SHARE] * f->window;
}

static void judge_flow(struct ts_rule_context *context, const struct ts_flow *f,
		       const struct ts_flow_limits *limits)
{
	double scaling = ts_window_setting_number(context->window, TS_SETTING_TCP_WINDOW_SCALING,
						  f->netns, 0, NAN);

	if (!ts_flow_matters(f, limits) || isnan(f->in_flight) || isnan(f->window) ||
	    !(f->rtt >= limits->round_trip) || !fills_window(context, f) ||
	    ts_flow_queues_up(f, limits))
		return;
	if (isnan(scaling))
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"windows of %s are not scaled, and whether this side "
					"offers it could not be read",
					ts_flow_text(context, f));
	else if (scaling == 0)
		switch_on(context, f, limits);
	else
		ts_flow_not_a_setting(context, f, limits, &peer);
}

static void judge_direction(struct ts_rule_context *context,
			    const struct ts_flow_direction *direction,
			    const struct ts_flow_limits *limits)
{
	ts_for_each_series (s, context->window, direction->bytes) {
		struct ts_flow f;

		if (ts_rule_is_other(s) || strcmp(s->label[3], "unscaled"))
			continue;
		f = ts_flow_read(context, direction, s);
		judge_flow(context, &f, limits);
	}
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	const struct ts_flow_limits limits = {
		.bytes = context->threshold[BYTES],
		.share = context->threshold[LIMITED_SHARE],
		.round_trip = context->threshold[ROUND_TRIP],
		.queueing = context->threshold[QUEUEING],
	};

	judge_direction(context, &ts_flow_received, &limits);
	judge_direction(context, &ts_flow_sent, &limits);
	if (context->why)
		return context->outcome;
	return ts_rule_without_finding(context, TS_OUTCOME_QUIET,
				       "no connections over a long path were held up by a window "
				       "without scaling");
}

const struct ts_rule ts_rule_window_scaling = {
	.id = "window-scaling",
	.title = "Windows without scaling",
	.needs = {TS_FAMILY_TCP_RECEIVED, TS_FAMILY_TCP_RECEIVE_WINDOW,
		  TS_FAMILY_TCP_RECEIVE_IN_FLIGHT, TS_FAMILY_TCP_SENT, TS_FAMILY_TCP_SEND_WINDOW,
		  TS_FAMILY_COUNT},
	.settings = {TS_SETTING_TCP_WINDOW_SCALING, TS_SETTING_COUNT},
	.thresholds =
		{[BYTES] = {"bytes", 1048576, 1, 1e15, "bytes",
			    "bytes one service must move that way before it is judged"},
		 [LIMITED_SHARE] = {"limited_share", 0.5, 0.01, 1, "share of its bytes",
				    "share of a service's bytes moved that way"},
		 [WINDOW_SHARE] = {"window_share", 0.7, 0.1, 1, "share of the window",
				   "received data in flight (rate × round-trip time) as a share of "
				   "the window: below it the window is not what limits the rate"},
		 [ROUND_TRIP] = {"round_trip_seconds", 0.002, 0, 10, "seconds",
				 "paths shorter than this need no larger window"},
		 [QUEUEING] = {"queueing_ratio", 2, 1.1, 1000, "times the minimum",
			       "round-trip time over its minimum from which on the path is full "
			       "already"}},
	.judge = judge,
	.explanation =
		"Without window scaling a TCP window ends at 64 KiB: over 80 ms that is 6 Mbit/s. "
		"It takes the agreement of both sides when a connection is set up.\n"
		"Convicts tcp_window_scaling: connections without it fill their window on a long "
		"path that is not full, and the setting is 0 in their namespace.\n"
		"Acquits it: the setting is 1 here, and the other side (or a device on the path) "
		"did not agree; a short or a full path.\n"
		"Scaling costs nothing; a broken device on the path was the reason to switch it "
		"off.\n"
		"Source: RFC 7323; tcp_parse_options(), tcp_select_initial_window(); "
		"Documentation/networking/ip-sysctl.rst.",
};
