// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connections that pause and then send much: with tcp_slow_start_after_idle each of them begins
 * with a small congestion window again.
 */
#include "../rule.h"

#include <math.h>
#include <string.h>

#include "../arena.h"

enum { PAUSES, COST };

struct flow {
	const char *netns, *side, *port;
	double pauses;
	double seconds; /* that beginning again costs */
	double restart; /* the setting; NAN when not read */
};

static void keep_window(struct ts_rule_context *context, const struct flow *f)
{
	const char *const labels[TS_LABELS_MAX] = {f->netns, f->side, f->port};
	struct ts_finding *finding = ts_finding_new(context, TS_OUTCOME_RECOMMEND);
	double each = f->seconds / f->pauses;

	ts_finding_propose(context, finding, TS_SETTING_TCP_SLOW_START_AFTER_IDLE, f->netns, "0");
	finding->port = ts_arena_intern(context->report->arena, f->port);
	ts_finding_identify(context, finding, finding->setting,
			    strcmp(f->side, "outbound") ? "port" : "remote-port");
	finding->title = ts_text(
		context, "Connections %s %s in %s pause, and begin each time with a small window",
		strcmp(f->side, "outbound") ? "of port" : "to remote port", f->port,
		ts_rule_netns_text(context, f->netns));
	finding->computed = ts_text(context,
				    "%.0f pauses longer than the retransmission timeout were seen "
				    "before a connection sent more than a first window; growing "
				    "to the window of before takes %.0f ms each time",
				    f->pauses, 1e3 * each);
	finding->expect =
		ts_text(context, "answers after a pause arrive up to %.0f ms sooner", 1e3 * each);
	ts_finding_judged(context, finding, TS_FAMILY_TCP_PAUSES, labels,
			  "pauses after which a connection had much to send", f->pauses, "pauses",
			  (__u64)f->pauses, context->threshold[PAUSES]);
	ts_finding_judged(context, finding, TS_FAMILY_TCP_PAUSE_COST, labels,
			  "what a pause costs, on average", 1e3 * each, "ms", (__u64)f->pauses,
			  1e3 * context->threshold[COST]);
	finding->harm = f->seconds;
	finding->harm_unit = "seconds answers take longer";
	finding->harm_seconds = f->seconds;
	finding->confidence = 0.9;
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	double most = 0;

	ts_for_each_series (s, context->window, TS_FAMILY_TCP_PAUSES) {
		struct flow f = {s->label[0], s->label[1], s->label[2], (double)s->counter, 0, 0};

		if (ts_rule_is_other(s))
			continue;
		most = fmax(most, f.pauses);
		f.seconds = ts_window_seconds(context->window, TS_FAMILY_TCP_PAUSE_COST, s->label);
		f.restart = ts_window_setting_number(
			context->window, TS_SETTING_TCP_SLOW_START_AFTER_IDLE, f.netns, 0, NAN);
		if (f.pauses < context->threshold[PAUSES] ||
		    f.seconds < context->threshold[COST] * f.pauses)
			continue;
		if (f.restart == 1)
			keep_window(context, &f);
		else
			ts_rule_without_finding(
				context,
				isnan(f.restart) ? TS_OUTCOME_INSUFFICIENT : TS_OUTCOME_QUIET,
				isnan(f.restart)
					? "connections of port %s in %s pause, but whether they "
					  "begin with a small window again could not be read"
					: "connections of port %s in %s pause and keep their "
					  "window: tcp_slow_start_after_idle is 0",
				f.port, ts_rule_netns_text(context, f.netns));
	}
	if (context->why)
		return context->outcome;
	return ts_rule_without_finding(context, TS_OUTCOME_QUIET,
				       "at most %.0f pauses of a service's connections were seen "
				       "after which they had much to send, or beginning again cost "
				       "little (threshold %.0f)",
				       most, context->threshold[PAUSES]);
}

const struct ts_rule ts_rule_idle_restart = {
	.id = "idle-restart",
	.title = "Small window after a pause",
	.needs = {TS_FAMILY_TCP_PAUSES, TS_FAMILY_TCP_PAUSE_COST, TS_FAMILY_COUNT},
	.settings = {TS_SETTING_TCP_SLOW_START_AFTER_IDLE, TS_SETTING_COUNT},
	.symptom_of = {"tcp-memory"},
	.thresholds =
		{[PAUSES] = {"pauses", 3, 1, 1e9, "pauses",
			     "pauses of the connections of one service, seen by sampling, after "
			     "which they sent more than a first window"},
		 [COST] = {"cost_seconds", 0.02, 0.0001, 60, "seconds",
			   "time that growing to the window of before takes, on average over the "
			   "pauses, from which on it is worth a change"}},
	.judge = judge,
	.explanation =
		"After a pause of one retransmission timeout a connection begins with a "
		"congestion window of ten segments again, as if its path were new. An answer of "
		"several hundred segments then takes some round trips more, each time.\n"
		"Convicts net.ipv4.tcp_slow_start_after_idle: it is 1, and connections are seen to "
		"pause with a grown window and to send more than a first window afterwards.\n"
		"Acquits it: answers that fit a first window; BBR and others that keep a rate "
		"instead of a window (the kernel spares them); short paths.\n"
		"Without it a burst as large as the path took before is sent into a path that may "
		"have changed. It takes effect at once, for open connections, too.\n"
		"Source: tcp_slow_start_after_idle_check(), tcp_cwnd_restart(); RFC 2861, "
		"RFC 7661.",
};
