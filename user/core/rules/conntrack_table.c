// SPDX-License-Identifier: GPL-2.0-only
/* Connection tracking has no room for a new flow: nf_conntrack_max, a flood, or a leak. */
#include "../rule.h"

#include <math.h>
#include <string.h>

#include "../arena.h"

enum { DROPPED, FULL_SHARE, UNANSWERED_SHARE, CLOSE_WAIT_SHARE };

#define BYTES_PER_FLOW	320.0
#define MEMORY_SHARE	(1.0 / 64)
#define MEBIBYTE	1048576.0
#define LARGE_MEMORY	(4096 * MEBIBYTE)
#define SMALL_MEMORY	(1024 * MEBIBYTE)
#define LARGE_DEFAULT	262144 /* what the kernel itself takes with more memory than that */
#define MEDIUM_DEFAULT	65536
#define SMALL_DEFAULT	16384
#define FLOWS_MOST	16777216
#define OVER_SHARE	0.5 /* of the flows are over: how long they are remembered matters */
#define SECONDS_DROPPED 1.0 /* for ranking: a SYN is sent again after a second */

struct tracking {
	const char *netns;
	double dropped, early, entries, maximum;
	double flows; /* looked at */
	double unanswered, close_wait, closed;
};

static double state(const struct ts_rule_context *context, const char *netns, const char *name)
{
	return ts_window_gauge(context->window, TS_FAMILY_CONNTRACK_STATES, TS_LABELS(netns, name),
			       0);
}

static struct tracking measure(const struct ts_rule_context *context, const char *netns)
{
	const struct ts_window *window = context->window;
	struct tracking t = {
		.netns = netns,
		.dropped = (double)ts_window_counter(window, TS_FAMILY_CONNTRACK_EVENTS,
						     TS_LABELS(netns, "drop")),
		.early = (double)ts_window_counter(window, TS_FAMILY_CONNTRACK_EVENTS,
						   TS_LABELS(netns, "early-drop")),
		.entries =
			ts_window_gauge(window, TS_FAMILY_CONNTRACK_ENTRIES, TS_LABELS(netns), 0),
		.maximum = ts_window_setting_number(window, TS_SETTING_CONNTRACK_MAX, "", 0, NAN),
		.unanswered = state(context, netns, "unanswered"),
		.close_wait = state(context, netns, "close-wait"),
		.closed = state(context, netns, "closed"),
	};

	t.flows = t.unanswered + t.close_wait + state(context, netns, "answered") + t.closed;
	return t;
}

static void add_evidence(struct ts_rule_context *context, struct ts_finding *finding,
			 const struct tracking *t)
{
	ts_finding_judged(context, finding, TS_FAMILY_CONNTRACK_EVENTS, TS_LABELS(t->netns, "drop"),
			  "packets dropped because there was no room for their flow", t->dropped,
			  "packets", 1, context->threshold[DROPPED]);
	ts_finding_evidence(context, finding, TS_FAMILY_CONNTRACK_EVENTS,
			    TS_LABELS(t->netns, "early-drop"), "flows forgotten to make room",
			    t->early, "flows", 1);
	if (!isnan(t->maximum))
		ts_finding_judged(context, finding, TS_FAMILY_CONNTRACK_ENTRIES,
				  TS_LABELS(t->netns), "most flows tracked at once", t->entries,
				  "flows", 1, context->threshold[FULL_SHARE] * t->maximum);
	if (t->flows > 0) {
		ts_finding_judged(context, finding, TS_FAMILY_CONNTRACK_STATES,
				  TS_LABELS(t->netns, "unanswered"),
				  "of the flows looked at, those that nobody answered",
				  100 * t->unanswered / t->flows, "%", (__u64)t->flows,
				  100 * context->threshold[UNANSWERED_SHARE]);
		ts_finding_judged(context, finding, TS_FAMILY_CONNTRACK_STATES,
				  TS_LABELS(t->netns, "close-wait"),
				  "of the flows looked at, those closed by one side only",
				  100 * t->close_wait / t->flows, "%", (__u64)t->flows,
				  100 * context->threshold[CLOSE_WAIT_SHARE]);
		ts_finding_evidence(context, finding, TS_FAMILY_CONNTRACK_STATES,
				    TS_LABELS(t->netns, "closed"),
				    "of the flows looked at, connections that are over",
				    100 * t->closed / t->flows, "%", (__u64)t->flows);
	}
	finding->harm = t->dropped;
	finding->harm_unit = "packets of new flows dropped";
	finding->harm_seconds = t->dropped * SECONDS_DROPPED;
}

static void not_a_setting(struct ts_rule_context *context, const struct tracking *t,
			  const char *cause, const char *title, const char *remedy)
{
	struct ts_finding *f =
		ts_finding_cause(context, cause, ts_settings[TS_SETTING_CONNTRACK_MAX].name);

	f->scope = TS_SCOPE_NETNS;
	f->netns = ts_arena_intern(context->report->arena, t->netns);
	ts_finding_identify(context, f, cause, "port");
	f->title = ts_text(context, "connection tracking in %s is full of %s",
			   ts_rule_netns_text(context, t->netns), title);
	f->remedy = remedy;
	f->confidence = 0.8;
	add_evidence(context, f, t);
}

/* As much as the kernel itself takes on a machine of this size. */
static __u64 kernel_default(double memory)
{
	return memory > LARGE_MEMORY   ? LARGE_DEFAULT
	       : memory > SMALL_MEMORY ? MEDIUM_DEFAULT
				       : SMALL_DEFAULT;
}

static __u64 most_flows(double memory, __u64 least)
{
	__u64 power = least;

	while (power < FLOWS_MOST && 2 * (double)power * BYTES_PER_FLOW <= memory * MEMORY_SHARE)
		power *= 2;
	return power;
}

static const char *remember_less(struct ts_rule_context *context, const struct tracking *t)
{
	if (!(t->flows > 0) || t->closed < OVER_SHARE * t->flows)
		return "";
	return ts_text(context,
		       "%.0f %% of the flows are connections that are over and only remembered: "
		       "where net.netfilter.nf_conntrack_tcp_timeout_time_wait (120 s by default), "
		       "_close (10 s) and the like were raised, set them back; that frees room "
		       "without a larger table.",
		       100 * t->closed / t->flows);
}

/* The name of the key is the same everywhere, but only the initial namespace may write it. */
static void raise_maximum(struct ts_rule_context *context, const struct tracking *t)
{
	double memory = (double)context->window->delta->host.memory_bytes;
	__u64 least = kernel_default(memory);
	/* Each connection that was turned away has tried again. */
	double demand = t->maximum + fmin(t->dropped + t->early, 3 * t->maximum);
	__u64 wanted = ts_round_up_power_of_two(2 * demand, least, most_flows(memory, least));
	bool at_most = (double)wanted <= t->maximum;
	struct ts_finding *f =
		ts_finding_new(context, at_most ? TS_OUTCOME_ALREADY_SET : TS_OUTCOME_RECOMMEND);

	ts_finding_propose(context, f, TS_SETTING_CONNTRACK_MAX, "",
			   ts_text(context, "%llu", (unsigned long long)wanted));
	ts_finding_identify(context, f, f->setting, "port");
	f->title =
		ts_text(context,
			"connection tracking in %s has room for %.0f flows and drops the packets "
			"of new ones",
			ts_rule_netns_text(context, t->netns), t->maximum);
	f->confidence = t->flows > 0 ? 0.9 : 0.6;
	f->remedy = remember_less(context, t);
	add_evidence(context, f, t);
	if (at_most) {
		f->proposed = f->apply = f->undo = "";
		f->remedy = "The table has its largest sensible size: do not track what needs no "
			    "tracking (notrack), or shorten the timeouts in "
			    "net.netfilter.nf_conntrack_*_timeout_*.";
		return;
	}
	f->computed =
		ts_text(context,
			"%.0f flows were tracked and %.0f more found no room: 2 × %.0f, rounded "
			"up to a power of two, at least the kernel's own default of %llu for "
			"this much memory",
			t->maximum, t->dropped + t->early, demand, (unsigned long long)least);
	f->expect = ts_text(context,
			    "no more packets of new flows dropped there (%.0f in this "
			    "window)",
			    t->dropped);
}

static bool is_full(const struct ts_rule_context *context, const struct tracking *t)
{
	return t->entries >= context->threshold[FULL_SHARE] * t->maximum;
}

static void judge_namespace(struct ts_rule_context *context, const struct tracking *t)
{
	if (isnan(t->maximum)) {
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"flows found no room, but net.netfilter.nf_conntrack_max "
					"could not be read");
		return;
	}
	if (!is_full(context, t)) {
		ts_rule_without_finding(context, TS_OUTCOME_QUIET,
					"connection tracking dropped %.0f packets in %s, though "
					"with %.0f flows it was not seen full",
					t->dropped, ts_rule_netns_text(context, t->netns),
					t->entries);
		return;
	}
	if (t->flows > 0 && t->unanswered >= context->threshold[UNANSWERED_SHARE] * t->flows) {
		not_a_setting(
			context, t, "connection-flood", "flows that nobody answers",
			"A flood or a scan fills the table, and would fill a larger one: drop "
			"it before it is tracked (notrack or drop in the raw table, SYN proxy, "
			"rate limits), or find who sends it.");
		return;
	}
	if (t->flows > 0 && t->close_wait >= context->threshold[CLOSE_WAIT_SHARE] * t->flows) {
		not_a_setting(
			context, t, "connection-leak",
			"connections that one side has closed and the other has not",
			"An application does not close its connections: they pile up in any "
			"table. Close them there; "
			"net.netfilter.nf_conntrack_tcp_timeout_close_wait limits how long they "
			"are remembered.");
		return;
	}
	if (t->dropped >= context->threshold[DROPPED])
		raise_maximum(context, t);
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	double dropped = 0, early = 0;

	ts_for_each_series (s, context->window, TS_FAMILY_CONNTRACK_ENTRIES) {
		struct tracking t;

		if (ts_rule_is_other(s))
			continue;
		t = measure(context, s->label[0]);
		dropped += t.dropped;
		early += t.early;
		if (t.dropped + t.early >= context->threshold[DROPPED])
			judge_namespace(context, &t);
	}
	if (context->why)
		return context->outcome;
	return ts_rule_without_finding(context, TS_OUTCOME_QUIET,
				       "connection tracking dropped %.0f packets for want of room "
				       "(threshold %.0f)%s",
				       dropped, context->threshold[DROPPED],
				       early > 0 ? "; flows that were over made room for new ones"
						 : "");
}

const struct ts_rule ts_rule_conntrack_table = {
	.id = "conntrack-table",
	.title = "Connection tracking table full",
	.needs = {TS_FAMILY_CONNTRACK_EVENTS, TS_FAMILY_CONNTRACK_ENTRIES,
		  TS_FAMILY_CONNTRACK_STATES, TS_FAMILY_COUNT},
	.settings = {TS_SETTING_CONNTRACK_MAX, TS_SETTING_COUNT},
	.thresholds =
		{[DROPPED] = {"dropped_packets", 5, 1, 1e12, "packets",
			      "packets of new flows that found no room in a namespace during the "
			      "window, from which on it is a symptom"},
		 [FULL_SHARE] =
			 {"full_share", 0.9, 0.1, 1, "share of the limit",
			  "flows tracked at once, as a share of the limit, from which on the "
			  "table was full"},
		 [UNANSWERED_SHARE] =
			 {"unanswered_share", 0.5, 0.01, 1, "share of the flows",
			  "share of flows that nobody answers, from which on they are taken for a "
			  "flood"},
		 [CLOSE_WAIT_SHARE] = {"close_wait_share", 0.5, 0.01, 1, "share of the flows",
				       "share of flows closed by one side only, from which on they "
				       "are taken for a leak"}},
	.judge = judge,
	.explanation =
		"Each connection or exchange of datagrams that a firewall or NAT tracks is an "
		"entry "
		"in a table; net.netfilter.nf_conntrack_max bounds the entries of each network "
		"namespace. When it is reached and no flow that is over can make room, packets of "
		"new flows are dropped.\n"
		"Convicts the setting: the number of flows is at the limit and drops in "
		"/proc/net/stat/nf_conntrack grow, while most flows have been answered.\n"
		"Acquits it: most flows are unanswered (connection-flood), or closed by one side "
		"only (connection-leak).\n"
		"Only the initial network namespace can write it; in others it is shown, and the "
		"same value holds. Each flow costs about 320 bytes; beyond "
		"net.netfilter.nf_conntrack_buckets entries look-ups get slower.\n"
		"Source: __nf_conntrack_alloc(), early_drop(); "
		"Documentation/networking/nf_conntrack-sysctl.rst.",
};
