// SPDX-License-Identifier: GPL-2.0-only
/* Fragments find no room while they wait for the rest: ipfrag_high_thresh, or loss on the way. */
#include "../rule.h"

#include <math.h>
#include <string.h>

#include "../arena.h"

enum { REFUSED, FULL_SHARE, TIMEOUTS, TIMEOUT_SHARE };

#define LIMIT_DEFAULT	    4194304.0 /* the kernel's own, whatever the size of the host */
#define LIMIT_MOST	    134217728.0
#define MEMORY_SHARE	    (1.0 / 64)
#define FRAGMENT_BYTES	    2304.0 /* of memory for one that fills an Ethernet frame */
#define FRAGMENT_SECONDS    0.01   /* the fragments of a datagram follow each other */
#define LOST_MOST	    0.1	   /* of the datagrams: more lost on the way are lost anyway */
#define KEPT_SECONDS	    30	   /* ipfrag_time: what is unfinished is kept for so long */
#define SIDE_BY_SIDE	    16	   /* datagrams that may arrive at once, whatever the rate */
#define SECONDS_PER_REFUSED 0.05   /* for ranking: nobody knows what a datagram was worth */

struct protocol {
	const char *name, *label, *prefix; /* of its counters */
	enum ts_setting_id limit;
};
static const struct protocol protocols[] = {
	{"IPv4", "ip", "Ip", TS_SETTING_IPFRAG_HIGH_THRESH},
	{"IPv6", "ip6", "Ip6", TS_SETTING_IP6FRAG_HIGH_THRESH},
};

struct fragments {
	const struct protocol *protocol;
	const char *netns;
	double arrived, completed, refused, timeouts; /* the last two: fragments, datagrams */
	double held, limit;			      /* bytes; NAN: not read */
	double waiting;				      /* datagrams that hold it; NAN: not read */
};

static double events(struct ts_rule_context *context, const struct fragments *f, const char *name)
{
	return ts_rule_network_counter(context, f->netns,
				       ts_text(context, "%s%s", f->protocol->prefix, name));
}

static struct fragments measure(struct ts_rule_context *context, const char *netns,
				const struct protocol *protocol)
{
	const struct ts_window *window = context->window;
	struct fragments f = {
		.protocol = protocol,
		.netns = netns,
		.held = ts_window_gauge(window, TS_FAMILY_FRAGMENT_MEMORY,
					TS_LABELS(netns, protocol->label), 0),
		.limit = ts_window_setting_number(window, protocol->limit, netns, 0, NAN),
		.waiting = ts_window_gauge(window, TS_FAMILY_FRAGMENTED_DATAGRAMS,
					   TS_LABELS(netns, protocol->label), NAN),
	};

	f.arrived = events(context, &f, "ReasmReqds");
	f.completed = events(context, &f, "ReasmOKs");
	f.timeouts = events(context, &f, "ReasmTimeout");
	/* A datagram that is given up counts as a failure, too. */
	f.refused = fmax(events(context, &f, "ReasmFails") - f.timeouts, 0);
	return f;
}

static void add_evidence(struct ts_rule_context *context, struct ts_finding *finding,
			 const struct fragments *f)
{
	const char *const held[TS_LABELS_MAX] = {f->netns, f->protocol->label};
	const char *fails = ts_text(context, "%sReasmFails", f->protocol->prefix);
	const char *timeouts = ts_text(context, "%sReasmTimeout", f->protocol->prefix);

	ts_finding_judged(context, finding, TS_FAMILY_NETWORK_COUNTERS, TS_LABELS(f->netns, fails),
			  "fragments that were dropped", f->refused, "fragments", (__u64)f->arrived,
			  context->threshold[REFUSED]);
	ts_finding_judged(context, finding, TS_FAMILY_FRAGMENT_MEMORY, held,
			  "most memory that fragments held", f->held, "bytes", 1,
			  context->threshold[FULL_SHARE] * f->limit);
	if (!isnan(f->waiting))
		ts_finding_evidence(context, finding, TS_FAMILY_FRAGMENTED_DATAGRAMS, held,
				    "most datagrams that waited for their rest", f->waiting,
				    "datagrams", 1);
	ts_finding_judged(
		context, finding, TS_FAMILY_NETWORK_COUNTERS, TS_LABELS(f->netns, timeouts),
		"datagrams given up because the rest of them did not come", f->timeouts,
		"datagrams", (__u64)(f->completed + f->timeouts), context->threshold[TIMEOUTS]);
	ts_finding_evidence(
		context, finding, TS_FAMILY_NETWORK_COUNTERS,
		TS_LABELS(f->netns, ts_text(context, "%sReasmOKs", f->protocol->prefix)),
		"datagrams put together", f->completed, "datagrams", 1);
	finding->harm = f->refused + f->timeouts;
	finding->harm_unit = "fragments dropped and datagrams given up";
	finding->harm_seconds = finding->harm * SECONDS_PER_REFUSED;
}

static void path_loss(struct ts_rule_context *context, const struct fragments *f, const char *title)
{
	struct ts_finding *finding =
		ts_finding_cause(context, "path-loss", ts_settings[f->protocol->limit].name);

	finding->scope = TS_SCOPE_NETNS;
	finding->netns = ts_arena_intern(context->report->arena, f->netns);
	ts_finding_identify(context, finding,
			    ts_text(context, "%s/%s", finding->cause, f->protocol->label), "port");
	finding->title = ts_text(context, "%s fragments of datagrams to %s %s", f->protocol->name,
				 ts_rule_netns_text(context, f->netns), title);
	finding->remedy =
		"With one fragment the whole datagram is lost, and what has come of it is "
		"kept until its time is up: look for loss on the way (full queues, "
		"firewalls that drop fragments), or send datagrams that fit one packet.";
	finding->confidence = 0.8;
	add_evidence(context, finding, f);
}

/* What datagrams on their way in hold at this rate, were none of their fragments lost. */
static double in_flight(const struct ts_rule_context *context, const struct fragments *f)
{
	return f->arrived / context->window->seconds * FRAGMENT_SECONDS * FRAGMENT_BYTES;
}

/*
 * Below it a limit is too low for what arrives; above it what is kept waits in vain: more datagrams
 * than can be on their way at once have lost a part before they came. A limit that refuses
 * fragments leaves only those unfinished that were on their way.
 */
static double needed(const struct ts_rule_context *context, const struct fragments *f)
{
	double side_by_side = f->waiting > 0 ? SIDE_BY_SIDE * f->held / f->waiting : LIMIT_DEFAULT;

	return fmax(fmin(side_by_side, LIMIT_DEFAULT), 2 * in_flight(context, f));
}

/*
 * What the few hold that lost a part on their way, until they are given up: with less room all
 * others find none. NAN when they are not few, or fewer than may just be on their way.
 */
static double held_by_few(const struct ts_rule_context *context, const struct fragments *f)
{
	double unfinished = f->waiting + f->timeouts;
	double lost = unfinished / (unfinished + f->completed);
	double each = f->held / f->waiting;
	double datagrams = f->arrived / fmax(each / FRAGMENT_BYTES, 1);

	if (!(f->waiting > SIDE_BY_SIDE) || lost > LOST_MOST)
		return NAN;
	return lost * datagrams / context->window->seconds * KEPT_SECONDS * each;
}

static double most_bytes(const struct ts_window *window)
{
	double memory = (double)window->delta->host.memory_bytes * MEMORY_SHARE;

	return memory > 0 ? fmax(fmin(memory, LIMIT_MOST), LIMIT_DEFAULT) : LIMIT_DEFAULT;
}

static void raise_limit(struct ts_rule_context *context, const struct fragments *f)
{
	double kept = held_by_few(context, f);
	__u64 wanted = ts_round_up_power_of_two(
		2 * fmax(fmax(f->limit, in_flight(context, f)), isnan(kept) ? 0 : kept),
		(__u64)LIMIT_DEFAULT, (__u64)most_bytes(context->window));
	bool at_most = (double)wanted <= f->limit;
	struct ts_finding *finding =
		ts_finding_new(context, at_most ? TS_OUTCOME_ALREADY_SET : TS_OUTCOME_RECOMMEND);

	ts_finding_propose(context, finding, f->protocol->limit, f->netns,
			   ts_text(context, "%llu", (unsigned long long)wanted));
	ts_finding_identify(context, finding, finding->setting, "port");
	finding->title =
		ts_text(context, "%s datagrams in fragments are lost in %s: only %s may hold them",
			f->protocol->name, ts_rule_netns_text(context, f->netns),
			ts_rule_bytes_text(context, f->limit));
	finding->confidence = 0.9;
	add_evidence(context, finding, f);
	if (at_most) {
		finding->proposed = finding->apply = finding->undo = "";
		finding->remedy = "The limit is as large as is sensible: send datagrams that fit "
				  "one packet.";
		return;
	}
	finding->computed = ts_text(
		context,
		"twice the limit that was reached (%.0f), at least twice what %.0f fragments a "
		"second hold in %g s (%.0f), at least the kernel's default of %.0f, rounded up to "
		"a "
		"power of two, at most %.0f",
		f->limit, f->arrived / context->window->seconds, FRAGMENT_SECONDS,
		in_flight(context, f), LIMIT_DEFAULT, most_bytes(context->window));
	if (!isnan(kept))
		finding->computed = ts_text(
			context,
			"%s; and at least twice what the few hold that lost a part on their way "
			"(%.0f waited, %.0f were put together), as each is kept for %d s: %.0f",
			finding->computed, f->waiting, f->completed, KEPT_SECONDS, kept);
	finding->expect = ts_text(context, "no more fragments dropped there (%.0f in this window)",
				  f->refused);
}

static bool times_out(const struct ts_rule_context *context, const struct fragments *f)
{
	return f->timeouts >= context->threshold[TIMEOUTS] &&
	       f->timeouts >= context->threshold[TIMEOUT_SHARE] * (f->timeouts + f->completed);
}

static void judge_fragments(struct ts_rule_context *context, const struct fragments *f)
{
	bool full = f->held >= context->threshold[FULL_SHARE] * f->limit;

	if (f->refused < context->threshold[REFUSED] || (!isnan(f->limit) && !full)) {
		if (times_out(context, f))
			path_loss(context, f, "are lost on their way");
		else if (f->refused >= context->threshold[REFUSED])
			ts_rule_without_finding(
				context, TS_OUTCOME_INSUFFICIENT,
				"%.0f fragments were dropped in %s, though they held no more than "
				"%.0f of %.0f bytes when it was looked at: broken ones, or observe "
				"longer",
				f->refused, ts_rule_netns_text(context, f->netns), f->held,
				f->limit);
		return;
	}
	if (isnan(f->limit))
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"%.0f fragments were dropped in %s, but %s could not be "
					"read",
					f->refused, ts_rule_netns_text(context, f->netns),
					ts_settings[f->protocol->limit].name);
	else if (f->limit >= needed(context, f) &&
		 !(2 * held_by_few(context, f) <= most_bytes(context->window)))
		path_loss(context, f, "wait in vain for others that were lost on their way");
	else
		raise_limit(context, f);
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	double arrived = 0, refused = 0, timeouts = 0;

	for (size_t i = 0; i < context->window->delta->netns_count; i++) {
		for (size_t p = 0; p < sizeof protocols / sizeof protocols[0]; p++) {
			struct fragments f = measure(
				context, context->window->delta->netns[i].inode, &protocols[p]);

			arrived += f.arrived;
			refused += f.refused;
			timeouts += f.timeouts;
			judge_fragments(context, &f);
		}
	}
	if (context->why)
		return context->outcome;
	return ts_rule_without_finding(context, TS_OUTCOME_QUIET,
				       "of %.0f fragments %.0f were dropped (threshold %.0f in a "
				       "network namespace), and %.0f datagrams given up",
				       arrived, refused, context->threshold[REFUSED], timeouts);
}

const struct ts_rule ts_rule_fragment_memory = {
	.id = "fragment-memory",
	.title = "Fragment memory limit",
	.needs = {TS_FAMILY_NETWORK_COUNTERS, TS_FAMILY_FRAGMENT_MEMORY, TS_FAMILY_COUNT},
	.settings = {TS_SETTING_IPFRAG_HIGH_THRESH, TS_SETTING_IP6FRAG_HIGH_THRESH,
		     TS_SETTING_COUNT},
	.thresholds =
		{[REFUSED] = {"dropped_fragments", 20, 1, 1e12, "fragments",
			      "fragments dropped in one network namespace during the window, other "
			      "than by running out of time, from which on it is a symptom"},
		 [FULL_SHARE] = {"full_share", 0.9, 0.1, 1, "share of the limit",
				 "memory that fragments held, as a share of the limit, from which "
				 "on it was full"},
		 [TIMEOUTS] = {"timeouts", 20, 1, 1e12, "datagrams",
			       "datagrams given up because the rest of their fragments did not "
			       "come, from which on it is a symptom"},
		 [TIMEOUT_SHARE] = {"timeout_share", 0.1, 0.001, 1, "share of the datagrams",
				    "share of the fragmented datagrams that have to be given up "
				    "for that"}},
	.judge = judge,
	.explanation =
		"The fragments of a datagram wait until all of them are there. In each network "
		"namespace they may hold net.ipv4.ipfrag_high_thresh (IPv6: "
		"net.ipv6.ip6frag_high_thresh) bytes; beyond that every fragment that arrives is "
		"dropped, and what is there waits in vain for the time of ipfrag_time.\n"
		"Convicts the setting: fragments are dropped (ReasmFails without ReasmTimeout) "
		"while their memory is at a limit that has no room for sixteen such datagrams at "
		"once, or for twice what arrives in a hundredth of a second; or few datagrams (a "
		"tenth at most) lose a part on their way, and what they hold for the time of "
		"ipfrag_time leaves no room for the others.\n"
		"Acquits it: datagrams given up for lack of their rest (ReasmTimeout) while there "
		"is memory left, or a limit that is high enough for all that is on its way and "
		"still full: fragments are lost before they arrive (path-loss).\n"
		"A higher limit lets anybody who sends first fragments only use more kernel "
		"memory. Not seen: the limit of connection tracking for IPv6 "
		"(net.netfilter.nf_conntrack_frag6_high_thresh).",
	.reference = "inet_frag_find(), ip_defrag(), ip_expire(); "
		     "Documentation/networking/ip-sysctl.rst; RFC 791, RFC 8200",
};
