// SPDX-License-Identifier: GPL-2.0-only
/* A send buffer too small for the path: tcp_wmem or wmem_max, or one the application fixed. */
#include <math.h>
#include <string.h>

#include "flow.h"

enum { BYTES, LIMITED_SHARE, ROUND_TRIP, QUEUEING, PATH_RATE };

#define WMEM_DEFAULT	 4194304.0 /* of Linux */
#define WMEM_MAX_DEFAULT 4194304.0 /* of Linux since 6.18 */
#define LOSS_PART	 4	   /* loss keeps the rate low by itself: fewer bytes show it */

static const struct ts_flow_buffer buffers[] = {
	{"tcp_wmem", TS_SETTING_TCP_WMEM, 2, WMEM_DEFAULT, 0.9, ""},
	{"wmem_max", TS_SETTING_WMEM_MAX, 0, WMEM_MAX_DEFAULT, 0.6,
	 "The application sets SO_SNDBUF and got exactly what wmem_max allows; one that asked for "
	 "just that much looks the same, and would have to ask for more. Restart it afterwards."},
};

static const struct ts_flow_cause causes[] = {
	{"fixed", "fixed-socket-buffer", "net.ipv4.tcp_wmem",
	 "cannot fill their path: the application fixed its send buffer",
	 "The application sets SO_SNDBUF, which switches autotuning off: remove that call (or its "
	 "configuration), or ask for more.",
	 0.9},
	{"peer-window", "peer-window", "net.ipv4.tcp_wmem", "wait for the window of the other side",
	 "The other side offers too small a window, or reads too slowly: its receive buffer, or "
	 "its application, is what to look at there.",
	 0.8},
	{"loss", "path-loss", "net.ipv4.tcp_wmem", "lose segments on the way",
	 "The loss holds the sender back before its buffer does: look for a bad link, an "
	 "overloaded queue or policing on the path; congestion control decides how much of the "
	 "rate is left.",
	 0.7},
};

static const struct ts_flow_cause congestion = {
	"",
	"congestion",
	"",
	"already queue up on their path",
	"The round-trip time is far above its minimum: the path is full, and a larger buffer would "
	"only lengthen the queue.",
	0.75,
};

static bool judge_setting(struct ts_rule_context *context, const struct ts_flow *f,
			  const struct ts_flow_limits *limits, const struct ts_flow_buffer *buffer)
{
	struct ts_flow_cause cause = congestion;

	if (!ts_flow_queues_up(f, limits)) {
		ts_flow_raise_buffer(context, f, limits, buffer);
		return true;
	}
	cause.acquits = ts_settings[buffer->id].name;
	ts_flow_not_a_setting(context, f, limits, &cause);
	return true;
}

/* True when it said something about this flow. */
static bool judge_flow(struct ts_rule_context *context, const struct ts_flow *f,
		       const struct ts_flow_limits *limits)
{
	if (isnan(f->in_flight) || !(f->rtt >= limits->round_trip))
		return false;
	for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
		if (!strcmp(f->limit, buffers[i].limit))
			return judge_setting(context, f, limits, &buffers[i]);
	for (size_t i = 0; i < sizeof causes / sizeof *causes; i++)
		if (!strcmp(f->limit, causes[i].limit)) {
			bool full = !strcmp(f->limit, "loss") && ts_flow_overflows(context, f);

			ts_flow_not_a_setting(context, f, limits, full ? &congestion : &causes[i]);
			return true;
		}
	return false;
}

static bool is_judged(const struct ts_series *series)
{
	return !ts_rule_is_other(series) && strcmp(series->label[3], "none") &&
	       strcmp(series->label[3], "growing") && strcmp(series->label[3], "unscaled");
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	const struct ts_flow_limits limits = {
		.bytes = context->threshold[BYTES],
		.share = context->threshold[LIMITED_SHARE],
		.round_trip = context->threshold[ROUND_TRIP],
		.queueing = context->threshold[QUEUEING],
		.path_rate = context->threshold[PATH_RATE],
	};
	double most = 0;

	ts_for_each_series (s, context->window, TS_FAMILY_TCP_SENT) {
		struct ts_flow_limits own = limits;
		struct ts_flow f;

		if (!is_judged(s))
			continue;
		f = ts_flow_read(context, &ts_flow_sent, s);
		if (!strcmp(f.limit, "loss"))
			own.bytes /= LOSS_PART;
		if (!ts_flow_matters(&f, &own) || !judge_flow(context, &f, &own))
			most = fmax(most, f.bytes);
	}
	if (context->why)
		return context->outcome;
	return ts_rule_without_finding(context, TS_OUTCOME_QUIET,
				       "no service sent much over a long path while its send "
				       "buffer was at a limit (at most %s)",
				       ts_rule_bytes_text(context, most));
}

const struct ts_rule ts_rule_send_buffer = {
	.id = "send-buffer",
	.title = "Send buffer limit",
	.needs = {TS_FAMILY_TCP_SENT, TS_FAMILY_TCP_SEND_BUFFER, TS_FAMILY_TCP_SEND_IN_FLIGHT,
		  TS_FAMILY_TCP_SEND_RTT, TS_FAMILY_COUNT},
	.settings = {TS_SETTING_TCP_WMEM, TS_SETTING_WMEM_MAX, TS_SETTING_COUNT},
	.thresholds =
		{[BYTES] = {"sent_bytes", 1048576, 1, 1e15, "bytes",
			    "bytes one service must send at a limit before it is judged (a quarter "
			    "of that shows loss)"},
		 [LIMITED_SHARE] = {"limited_share", 0.5, 0.01, 1, "share of its bytes",
				    "share of a service's bytes sent at that limit"},
		 [ROUND_TRIP] = {"round_trip_seconds", 0.002, 0, 10, "seconds",
				 "paths shorter than this need no larger buffer"},
		 [QUEUEING] = {"queueing_ratio", 2, 1.1, 1000, "times the minimum",
			       "round-trip time over its minimum from which on the path is full "
			       "already"},
		 [PATH_RATE] = {"path_rate", 125000000, 1, 1e12, "bytes/s",
				"what one connection should be able to move over the measured "
				"round-trip time: a proposed buffer has room for it"}},
	.judge = judge,
	.explanation =
		"What was sent stays in the send buffer until it is acknowledged: a connection "
		"moves at most one buffer per round trip. The buffer grows up to the third number "
		"of net.ipv4.tcp_wmem, or is what the application fixed with SO_SNDBUF (at most "
		"net.core.wmem_max).\n"
		"Convicts them: for an eighth of the time in which it had data to send or more (a "
		"quarter, where less than the buffer is in flight; a sixty-fourth, where as much "
		"is in flight as a buffer holds), "
		"the "
		"kernel found that the connection could send more and the full buffer kept the "
		"application from writing it; the buffer stands at that limit, and the path is not "
		"full.\n"
		"Acquits them: a buffer fixed below the limit, the other side's window, loss, a "
		"round-trip time far above its minimum, a short path.\n"
		"A larger limit costs memory only on connections that need it, and lets an "
		"application write further ahead of what is sent (net.ipv4.tcp_notsent_lowat).\n"
		"Source: tcp_sndbuf_expand(), tcp_cwnd_validate(), sock_setsockopt(); "
		"Documentation/networking/ip-sysctl.rst.",
};
