// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loss without selective acknowledgements: tcp_sack switched off, on the side that sends or on the
 * one that receives.
 */
#include "../rule.h"

#include <math.h>
#include <string.h>

#include "../arena.h"

enum { RECOVERIES, OUT_OF_ORDER };

/* A hole costs about a round trip more each; taken for that of a path that is worth it. */
#define SECONDS_PER_RECOVERY 0.05

struct space {
	const char *netns;
	double sack;		/* the setting; NAN when not read */
	double reno, selective; /* recoveries of what it sent: without and with them */
	double resent; /* segments sent again, once a loss was noticed or a timeout was over */
	double out_of_order; /* segments it received beyond a hole */
};

static struct space measure(const struct ts_rule_context *context, const char *netns)
{
	return (struct space){
		.netns = netns,
		.sack = ts_window_setting_number(context->window, TS_SETTING_TCP_SACK, netns, 0,
						 NAN),
		.reno = ts_rule_network_counter(context, netns, "TCPRenoRecovery"),
		.selective = ts_rule_network_counter(context, netns, "TCPSackRecovery"),
		.resent = ts_rule_network_counter(context, netns, "TCPFastRetrans") +
			  ts_rule_network_counter(context, netns, "TCPSlowStartRetrans"),
		.out_of_order = ts_rule_network_counter(context, netns, "TCPOFOQueue"),
	};
}

static void add_evidence(struct ts_rule_context *context, struct ts_finding *f,
			 const struct space *s)
{
	ts_finding_judged(context, f, TS_FAMILY_NETWORK_COUNTERS,
			  TS_LABELS(s->netns, "TCPRenoRecovery"),
			  "recoveries from loss without selective acknowledgements", s->reno,
			  "recoveries", 1, context->threshold[RECOVERIES]);
	ts_finding_evidence(context, f, TS_FAMILY_NETWORK_COUNTERS,
			    TS_LABELS(s->netns, "TCPSackRecovery"), "recoveries with them",
			    s->selective, "recoveries", 1);
	ts_finding_judged(context, f, TS_FAMILY_NETWORK_COUNTERS,
			  TS_LABELS(s->netns, "TCPOFOQueue"),
			  "segments received beyond a hole, of which the sender is not told",
			  s->out_of_order, "segments", 1, context->threshold[OUT_OF_ORDER]);
	ts_finding_judged(context, f, TS_FAMILY_NETWORK_COUNTERS,
			  TS_LABELS(s->netns, "TCPSlowStartRetrans"),
			  "segments sent again in recoveries and after timeouts", s->resent,
			  "segments", 1, context->threshold[OUT_OF_ORDER]);
	f->harm = s->reno + s->out_of_order;
	f->harm_unit = "segments and recoveries without selective acknowledgements";
	f->harm_seconds = fmax(s->reno, 1) * SECONDS_PER_RECOVERY;
}

/*
 * One recovery without may take seconds and hundreds of segments; and what comes out of order, or
 * is sent again, counts only where the setting is off.
 */
static bool recovers_badly(const struct ts_rule_context *context, const struct space *s)
{
	return s->reno >= context->threshold[RECOVERIES] ||
	       (s->sack == 0 && s->reno >= 1 && s->resent >= context->threshold[OUT_OF_ORDER]);
}

static void switch_on(struct ts_rule_context *context, const struct space *s)
{
	struct ts_finding *f = ts_finding_new(context, TS_OUTCOME_RECOMMEND);
	bool sends = recovers_badly(context, s);

	ts_finding_propose(context, f, TS_SETTING_TCP_SACK, s->netns, "1");
	ts_finding_identify(context, f, f->setting, "port");
	f->title = ts_text(context, "Connections of %s %s without selective acknowledgements",
			   ts_rule_netns_text(context, s->netns),
			   sends ? "recover from loss" : "receive data with holes");
	f->computed = ts_text(context,
			      "tcp_sack is 0, and %s: with it a sender repeats only what is "
			      "missing",
			      sends ? ts_text(context, "%.0f recoveries had to do without", s->reno)
				    : ts_text(context,
					      "%.0f segments were received beyond a hole without "
					      "telling the sender",
					      s->out_of_order));
	f->remedy = "Both sides must have it; connections that are open already stay without.";
	f->expect = ts_text(context, "losses are repaired in about one round trip, several at a "
				     "time, and nothing is sent twice");
	f->confidence = 0.95;
	add_evidence(context, f, s);
}

static void judge_namespace(struct ts_rule_context *context, const struct space *s)
{
	if (isnan(s->sack))
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"%.0f recoveries of %s had no selective acknowledgements, "
					"but tcp_sack could not be read",
					s->reno, ts_rule_netns_text(context, s->netns));
	else if (!s->sack)
		switch_on(context, s);
	else
		ts_rule_without_finding(context, TS_OUTCOME_ALREADY_SET,
					"%.0f recoveries of %s had no selective acknowledgements: "
					"the other side does not offer them (tcp_sack is on here)",
					s->reno, ts_rule_netns_text(context, s->netns));
}

static bool suffers(const struct ts_rule_context *context, const struct space *s)
{
	return recovers_badly(context, s) ||
	       (s->sack == 0 && s->out_of_order >= context->threshold[OUT_OF_ORDER]);
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	double most = 0;

	ts_for_each_series (series, context->window, TS_FAMILY_NETWORK_COUNTERS) {
		struct space s;

		if (strcmp(series->label[1], "TCPRenoRecovery") || ts_rule_is_other(series))
			continue;
		s = measure(context, series->label[0]);
		most = fmax(most, s.reno);
		if (suffers(context, &s))
			judge_namespace(context, &s);
	}
	if (context->why)
		return context->outcome;
	return ts_rule_without_finding(context, TS_OUTCOME_QUIET,
				       "at most %.0f recoveries of a namespace had no selective "
				       "acknowledgements (threshold %.0f)",
				       most, context->threshold[RECOVERIES]);
}

const struct ts_rule ts_rule_tcp_sack = {
	.id = "tcp-sack",
	.title = "Loss without selective acknowledgements",
	.needs = {TS_FAMILY_NETWORK_COUNTERS, TS_FAMILY_COUNT},
	.settings = {TS_SETTING_TCP_SACK, TS_SETTING_COUNT},
	.symptom_of = {"tcp-memory", "mtu-black-hole"},
	.thresholds = {[RECOVERIES] = {"recoveries", 5, 1, 1e9, "recoveries",
				       "recoveries of one network namespace without selective "
				       "acknowledgements during the window, from which on it is a "
				       "symptom"},
		       [OUT_OF_ORDER] =
			       {"out_of_order", 50, 1, 1e12, "segments",
				"segments that a namespace whose tcp_sack is off received beyond a "
				"hole, or had to send again, from which on it is a symptom"}},
	.judge = judge,
	.explanation =
		"With selective acknowledgements the receiver tells which segments have arrived "
		"beyond a lost one. Without, a sender learns of one hole a round trip, and repeats "
		"what has arrived.\n"
		"Convicts tcp_sack: it is 0 and connections of that namespace recover from loss "
		"without (TCPRenoRecovery), often or with many segments sent again, or receive "
		"segments beyond a hole (TCPOFOQueue).\n"
		"Acquits it: it is 1 already (the other side does not offer them); no loss.\n"
		"It was switched off on many hosts because of a fault of 2019 (CVE-2019-11477) "
		"that has long been repaired. Open connections keep what they agreed on.\n"
		"Source: tcp_enter_recovery(), tcp_parse_options(); RFC 2018, RFC 6675.",
};
