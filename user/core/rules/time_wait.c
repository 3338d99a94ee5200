// SPDX-License-Identifier: GPL-2.0-only
/*
 * More connections in TIME_WAIT than tcp_max_tw_buckets: what does not fit is forgotten a minute
 * early, which harms nobody. Said, because the kernel's log makes it look like a fault.
 */
#include "../rule.h"

#include <math.h>
#include <string.h>

#include "../arena.h"

enum { OVERFLOWS };

static void harmless(struct ts_rule_context *context, const char *netns, double overflows)
{
	struct ts_finding *f = ts_finding_cause(context, "harmless",
						ts_settings[TS_SETTING_TCP_MAX_TW_BUCKETS].name);
	double limit = ts_window_setting_number(context->window, TS_SETTING_TCP_MAX_TW_BUCKETS,
						netns, 0, NAN);

	f->scope = TS_SCOPE_NETNS;
	f->netns = ts_arena_intern(context->report->arena, netns);
	ts_finding_identify(context, f, f->cause, "port");
	f->title = ts_text(context,
			   "Connections of %s skip TIME_WAIT, beyond tcp_max_tw_buckets: harmless",
			   ts_rule_netns_text(context, netns));
	f->remedy = "Leave it as it is: TIME_WAIT only keeps late segments of an old connection "
		    "away from a new one of the same ports, which timestamps and sequence numbers "
		    "do as well. A larger limit would hold more memory and more local ports.";
	ts_finding_judged(context, f, TS_FAMILY_NETWORK_COUNTERS,
			  TS_LABELS(netns, "TCPTimeWaitOverflow"),
			  "connections that were forgotten without TIME_WAIT", overflows,
			  "connections", 1, context->threshold[OVERFLOWS]);
	if (!isnan(limit) && ts_rule_measured(context, TS_FAMILY_SOCKETS_IN_USE))
		ts_finding_judged(context, f, TS_FAMILY_SOCKETS_IN_USE,
				  TS_LABELS(netns, "time-wait"),
				  "connections in TIME_WAIT at the end",
				  ts_window_gauge(context->window, TS_FAMILY_SOCKETS_IN_USE,
						  TS_LABELS(netns, "time-wait"), 0),
				  "connections", 1, limit);
	f->confidence = 0.9;
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	double below = 0;

	ts_for_each_series (s, context->window, TS_FAMILY_NETWORK_COUNTERS) {
		double overflows = (double)s->counter;

		if (strcmp(s->label[1], "TCPTimeWaitOverflow") || ts_rule_is_other(s))
			continue;
		if (overflows >= context->threshold[OVERFLOWS])
			harmless(context, s->label[0], overflows);
		else
			below = fmax(below, overflows);
	}
	return ts_rule_without_finding(context, TS_OUTCOME_QUIET,
				       "at most %.0f connections of a namespace skipped TIME_WAIT "
				       "(threshold %.0f)",
				       below, context->threshold[OVERFLOWS]);
}

const struct ts_rule ts_rule_time_wait = {
	.id = "time-wait",
	.title = "TIME_WAIT overflow",
	.needs = {TS_FAMILY_NETWORK_COUNTERS, TS_FAMILY_COUNT},
	.settings = {TS_SETTING_COUNT},
	.thresholds = {[OVERFLOWS] = {"overflows", 10, 1, 1e12, "connections",
				      "connections of one network namespace that skip TIME_WAIT "
				      "during the window, from which on it is said that this is "
				      "harmless"}},
	.judge = judge,
	.explanation =
		"The side that closes a connection first keeps it in TIME_WAIT for a minute. "
		"Beyond net.ipv4.tcp_max_tw_buckets the kernel forgets connections at once "
		"(TCPTimeWaitOverflow; \"TCP: time wait bucket table overflow\" in the log).\n"
		"Nothing convicts tcp_max_tw_buckets: no connection fails for it, and local ports "
		"are free again sooner. Ports that run out have a rule of their own "
		"(local-ports).\n"
		"A larger limit costs about 250 bytes for each connection, and ports.\n"
		"Source: inet_twsk_alloc(), tcp_time_wait(); "
		"Documentation/networking/ip-sysctl.rst.",
};
