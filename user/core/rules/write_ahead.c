// SPDX-License-Identifier: GPL-2.0-only
/* Applications that write far ahead of what is sent: tcp_notsent_lowat. */
#include <math.h>
#include <string.h>

#include "../arena.h"
#include "../rule.h"

enum { SAMPLES, SECONDS, SPAN };

#define VALUE_LEAST 16384
#define VALUE_MOST  1048576

/* The connections of one service (or to one remote port) whose application writes ahead. */
struct ahead {
	const char *netns, *side, *port;
	const char *label[TS_LABELS_MAX]; /* of those with small writes */
	double samples, large;		  /* with small writes, with large ones */
	double seconds, bytes;
};

static struct ahead measure(const struct ts_rule_context *context, const struct ts_series *s)
{
	const struct ts_window *window = context->window;
	struct ahead a = {
		.netns = s->label[0],
		.side = s->label[1],
		.port = s->label[2],
		.label = {s->label[0], s->label[1], s->label[2], s->label[3]},
		.samples = (double)s->counter,
	};

	a.large = (double)ts_window_counter(window, TS_FAMILY_TCP_WRITE_AHEAD_SAMPLES,
					    TS_LABELS(a.netns, a.side, a.port, "large"));
	a.seconds = ts_window_gauge(window, TS_FAMILY_TCP_WRITE_AHEAD, a.label, NAN);
	a.bytes = ts_window_gauge(window, TS_FAMILY_TCP_WRITE_AHEAD_BYTES, a.label, NAN);
	return a;
}

static void recommend(struct ts_rule_context *context, const struct ahead *a, double wanted)
{
	struct ts_finding *finding = ts_finding_new(context, TS_OUTCOME_RECOMMEND);
	bool outbound = !strcmp(a->side, "outbound");

	ts_finding_propose(context, finding, TS_SETTING_TCP_NOTSENT_LOWAT, a->netns,
			   ts_text(context, "%.0f", wanted));
	finding->port = ts_arena_intern(context->report->arena, a->port);
	ts_finding_identify(context, finding, finding->setting, outbound ? "remote-port" : "port");
	finding->title = ts_text(context,
				 "what is written to connections to %s %s in %s waits %.0f ms in "
				 "this host before it is sent",
				 outbound ? "remote port" : "port", a->port,
				 ts_rule_netns_text(context, a->netns), 1e3 * a->seconds);
	ts_finding_judged(context, finding, TS_FAMILY_TCP_WRITE_AHEAD_SAMPLES, a->label,
			  "samples with more than a congestion window unsent, and small writes",
			  a->samples, "samples", (__u64)a->samples, context->threshold[SAMPLES]);
	ts_finding_judged(context, finding, TS_FAMILY_TCP_WRITE_AHEAD, a->label,
			  "longest wait of what is unsent", 1e3 * a->seconds, "ms",
			  (__u64)a->samples, 1e3 * context->threshold[SECONDS]);
	ts_finding_evidence(context, finding, TS_FAMILY_TCP_WRITE_AHEAD_BYTES, a->label,
			    "most unsent bytes", a->bytes, "bytes", (__u64)a->samples);
	finding->harm = a->seconds;
	finding->harm_unit = "seconds that each write waits";
	finding->harm_seconds = a->seconds;
	finding->confidence = 0.6;
	finding->remedy = "Many small writes are taken for messages that should arrive soon; an "
			  "application that only wants throughput gains nothing. One that does not "
			  "wait for the socket to become writable is not held back by it.";
	finding->computed = ts_text(context,
				    "%s leave in %.0f ms: what is sent in %.0f ms, a power of two "
				    "from 16 KiB to 1 MiB",
				    ts_rule_bytes_text(context, a->bytes), 1e3 * a->seconds,
				    1e3 * context->threshold[SPAN]);
	finding->expect = ts_text(context, "a write waits about %.0f ms",
				  1e3 * wanted * a->seconds / a->bytes);
}

static bool applies(const struct ts_rule_context *context, const struct ahead *a)
{
	return a->samples >= context->threshold[SAMPLES] && a->samples > a->large &&
	       a->seconds >= context->threshold[SECONDS] && a->bytes > 0;
}

static void judge_flow(struct ts_rule_context *context, const struct ahead *a)
{
	double current = ts_window_setting_number(context->window, TS_SETTING_TCP_NOTSENT_LOWAT,
						  a->netns, 0, NAN);
	double wanted = (double)ts_round_up_power_of_two(
		context->threshold[SPAN] * a->bytes / a->seconds, VALUE_LEAST, VALUE_MOST);

	if (isnan(current))
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"net.ipv4.tcp_notsent_lowat could not be read");
	else if (current <= 2 * wanted)
		ts_rule_without_finding(context, TS_OUTCOME_ALREADY_SET,
					"tcp_notsent_lowat is %.0f already, and does not hold the "
					"application at port %s back",
					current, a->port);
	else
		recommend(context, a, wanted);
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	ts_for_each_series (s, context->window, TS_FAMILY_TCP_WRITE_AHEAD_SAMPLES) {
		struct ahead a;

		if (ts_rule_is_other(s) || strcmp(s->label[3], "small"))
			continue;
		a = measure(context, s);
		if (applies(context, &a))
			judge_flow(context, &a);
	}
	if (context->why)
		return context->outcome;
	return ts_rule_without_finding(context, TS_OUTCOME_QUIET,
				       "no application was seen to write small pieces far ahead "
				       "of what is sent");
}

const struct ts_rule ts_rule_write_ahead = {
	.id = "write-ahead",
	.title = "Written far ahead of what is sent",
	.needs = {TS_FAMILY_TCP_WRITE_AHEAD_SAMPLES, TS_FAMILY_TCP_WRITE_AHEAD,
		  TS_FAMILY_TCP_WRITE_AHEAD_BYTES, TS_FAMILY_COUNT},
	.settings = {TS_SETTING_TCP_NOTSENT_LOWAT, TS_SETTING_COUNT},
	.thresholds = {[SAMPLES] = {"samples", 2, 1, 1e6, "samples",
				    "samples of a service that found its application ahead, with "
				    "small writes"},
		       [SECONDS] = {"wait_seconds", 0.05, 0.001, 60, "seconds",
				    "time what is unsent takes to be sent"},
		       [SPAN] = {"proposed_seconds", 0.005, 0.001, 1, "seconds",
				 "what is sent in that time is proposed as the limit"}},
	.judge = judge,
	.explanation =
		"A socket is writable as long as its send buffer has room, and the buffer grows to "
		"twice the congestion window and does not shrink: what an application writes "
		"then waits behind all that is not sent yet. net.ipv4.tcp_notsent_lowat ends that "
		"queue; poll() and write() wait instead.\n"
		"Convicts it: sample after sample finds more than a congestion window unsent, on a "
		"path that is not full, and the process writes small pieces (4.5 KiB at most on "
		"average, by its account in /proc/PID/io) to a socket that does not block: "
		"messages made when there is room for them, not bulk.\n"
		"Acquits it: large writes, which want throughput; a socket whose writer waits "
		"within write(): what it writes is made already, and a long answer in small "
		"pieces gains nothing; a queue on the path; the other side's window (a slow "
		"reader); a value that is low already. Processes that use send() or "
		"sendmsg() only have no such account, and are not judged.\n"
		"A low value wakes the application up more often, and a slow one may leave the "
		"path "
		"idle.\n"
		"Source: tcp_stream_memory_free(), tcp_sndbuf_expand(); "
		"Documentation/networking/ip-sysctl.rst.",
};
