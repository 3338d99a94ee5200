// SPDX-License-Identifier: GPL-2.0-only
/* New neighbours find no room in the table: gc_thresh3, or somebody who asks for dead addresses. */
#include "../rule.h"

#include <math.h>
#include <string.h>

#include "../arena.h"

enum { REFUSED, UNRESOLVED_SHARE };

#define LEAST_ENTRIES	4096
#define MOST_ENTRIES	1048576
#define BYTES_PER_ENTRY 400.0
#define MEMORY_SHARE	(1.0 / 64)
#define SECONDS_REFUSED 1.0 /* for ranking: the packet is lost, and sent again after a second */
#define LIMITS		3

struct limits {
	const char *table, *what;
	enum ts_setting_id setting[LIMITS]; /* gc_thresh3 first */
};
static const struct limits tables[] = {
	{"arp",
	 "IPv4 neighbours",
	 {TS_SETTING_ARP_GC_THRESH3, TS_SETTING_ARP_GC_THRESH2, TS_SETTING_ARP_GC_THRESH1}},
	{"ndisc",
	 "IPv6 neighbours",
	 {TS_SETTING_NDISC_GC_THRESH3, TS_SETTING_NDISC_GC_THRESH2, TS_SETTING_NDISC_GC_THRESH1}},
};

struct fill {
	double refused, entries;
	double resolved, unresolved; /* as far as looked at */
	const char *netns;	     /* with the most entries; NULL: not known */
	double most;		     /* entries of that one */
};

static struct fill measure(const struct ts_rule_context *context, const char *table)
{
	const struct ts_window *window = context->window;
	struct fill f = {
		.refused = (double)ts_window_counter(window, TS_FAMILY_NEIGHBOUR_EVENTS,
						     TS_LABELS(table, "table-full")),
		.entries =
			ts_window_gauge(window, TS_FAMILY_NEIGHBOUR_ENTRIES, TS_LABELS(table), NAN),
	};

	ts_for_each_series (s, window, TS_FAMILY_NEIGHBOUR_STATES) {
		double both;

		if (strcmp(s->label[1], table))
			continue;
		*(strcmp(s->label[2], "unresolved") ? &f.resolved : &f.unresolved) += s->gauge;
		both = ts_window_gauge(window, TS_FAMILY_NEIGHBOUR_STATES,
				       TS_LABELS(s->label[0], table, "resolved"), 0) +
		       ts_window_gauge(window, TS_FAMILY_NEIGHBOUR_STATES,
				       TS_LABELS(s->label[0], table, "unresolved"), 0);
		if (both > f.most)
			f.most = both, f.netns = s->label[0];
	}
	return f;
}

static double unresolved_share(const struct fill *f)
{
	double seen = f->resolved + f->unresolved;

	return seen > 0 ? f->unresolved / seen : NAN;
}

static void add_evidence(struct ts_rule_context *context, struct ts_finding *finding,
			 const struct limits *limits, const struct fill *f)
{
	__u64 seen = (__u64)(f->resolved + f->unresolved);

	ts_finding_judged(context, finding, TS_FAMILY_NEIGHBOUR_EVENTS,
			  TS_LABELS(limits->table, "table-full"),
			  "packets to new neighbours that found the table full", f->refused,
			  "packets", 1, context->threshold[REFUSED]);
	if (!isnan(f->entries))
		ts_finding_evidence(context, finding, TS_FAMILY_NEIGHBOUR_ENTRIES,
				    TS_LABELS(limits->table), "most entries seen", f->entries,
				    "neighbours", 1);
	if (seen)
		ts_finding_judged(context, finding, TS_FAMILY_NEIGHBOUR_STATES,
				  TS_LABELS(NULL, limits->table, "unresolved"),
				  "entries for addresses that do not answer",
				  100 * unresolved_share(f), "%", seen,
				  100 * context->threshold[UNRESOLVED_SHARE]);
	if (f->netns)
		ts_finding_evidence(context, finding, TS_FAMILY_NEIGHBOUR_STATES,
				    TS_LABELS(f->netns, limits->table),
				    ts_text(context, "entries of %s, the most of all",
					    ts_rule_netns_text(context, f->netns)),
				    f->most, "neighbours", seen);
	finding->harm = f->refused;
	finding->harm_unit = "packets to neighbours refused";
	finding->harm_seconds = f->refused * SECONDS_REFUSED;
}

static void unanswered(struct ts_rule_context *context, const struct limits *limits,
		       const struct fill *f)
{
	struct ts_finding *finding = ts_finding_cause(context, "unreachable-neighbours",
						      ts_settings[limits->setting[0]].name);

	finding->scope = TS_SCOPE_NETNS;
	finding->netns = ts_arena_intern(context->report->arena, f->netns);
	ts_finding_identify(context, finding, finding->cause, "port");
	finding->title = ts_text(
		context,
		"%.0f %% of the %s in the full table do not answer: most are asked "
		"for in %s",
		100 * unresolved_share(f), limits->what, ts_rule_netns_text(context, f->netns));
	finding->remedy = "Something sends to addresses that are not there: a scan, or a route "
			  "or netmask that is too wide. A larger table would fill as well.";
	finding->confidence = 0.8;
	add_evidence(context, finding, limits, f);
}

static __u64 most_entries(const struct ts_window *window)
{
	double fits = (double)window->delta->host.memory_bytes * MEMORY_SHARE / BYTES_PER_ENTRY;
	__u64 power = LEAST_ENTRIES;

	while (power < MOST_ENTRIES && 2 * (double)power <= fits)
		power *= 2;
	return power;
}

static void propose(struct ts_rule_context *context, struct ts_finding *f,
		    const struct limits *limits, __u64 wanted)
{
	ts_finding_propose(context, f, limits->setting[0], "",
			   ts_text(context, "%llu", (unsigned long long)wanted));
	for (int i = 1; i < LIMITS; i++) {
		double value =
			ts_window_setting_number(context->window, limits->setting[i], "", 0, NAN);

		wanted /= 2;
		if (value < (double)wanted)
			ts_finding_propose_coupled(
				context, f, limits->setting[i], "",
				ts_text(context, "%llu", (unsigned long long)wanted));
	}
}

static void raise_limit(struct ts_rule_context *context, const struct limits *limits,
			const struct fill *f, double current)
{
	/* Who was refused tries again, several times: the demand is not more than that, if less. */
	double demand = current + fmin(f->refused, 3 * current);
	__u64 wanted =
		ts_round_up_power_of_two(2 * demand, LEAST_ENTRIES, most_entries(context->window));
	bool at_most = (double)wanted <= current;
	struct ts_finding *finding =
		ts_finding_new(context, at_most ? TS_OUTCOME_ALREADY_SET : TS_OUTCOME_RECOMMEND);

	propose(context, finding, limits, wanted);
	ts_finding_identify(context, finding, finding->setting, "port");
	finding->title = ts_text(context,
				 "the table of %s is full at %.0f: new neighbours cannot be reached"
				 "%s%s",
				 limits->what, current, f->netns ? ", most of them from " : "",
				 f->netns ? ts_rule_netns_text(context, f->netns) : "");
	finding->confidence = 0.9;
	add_evidence(context, finding, limits, f);
	if (at_most) {
		finding->proposed = finding->apply = finding->undo = "";
		finding->remedy = "The table has its largest sensible size: route instead of "
				  "keeping so many hosts on one link.";
		return;
	}
	finding->computed =
		ts_text(context,
			"the table held %.0f, and %.0f packets found no room (each "
			"neighbour is tried several times): 2 × %.0f, rounded up to a "
			"power of two, at least %d; gc_thresh2 and gc_thresh1 follow at "
			"a half and a quarter, so that neighbours in use are kept",
			current, f->refused, demand, LEAST_ENTRIES);
	finding->expect = ts_text(context,
				  "new neighbours are reached (%.0f packets refused in "
				  "this window)",
				  f->refused);
}

static void judge_table(struct ts_rule_context *context, const struct limits *limits,
			double *refused)
{
	struct fill f = measure(context, limits->table);
	double limit = ts_window_setting_number(context->window, limits->setting[0], "", 0, NAN);

	*refused += f.refused;
	if (f.refused < context->threshold[REFUSED])
		return;
	if (isnan(limit))
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"new neighbours were refused, but %s could not be read",
					ts_settings[limits->setting[0]].name);
	else if (unresolved_share(&f) >= context->threshold[UNRESOLVED_SHARE])
		unanswered(context, limits, &f);
	else
		raise_limit(context, limits, &f, limit);
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	double refused = 0;

	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
		judge_table(context, &tables[i], &refused);
	if (context->why)
		return context->outcome;
	return ts_rule_without_finding(context, TS_OUTCOME_QUIET,
				       "%.0f packets found a neighbour table full (threshold %.0f)",
				       refused, context->threshold[REFUSED]);
}

const struct ts_rule ts_rule_neighbour_table = {
	.id = "neighbour-table",
	.title = "Neighbour table full",
	.needs = {TS_FAMILY_NEIGHBOUR_EVENTS, TS_FAMILY_NEIGHBOUR_ENTRIES, TS_FAMILY_COUNT},
	.settings = {TS_SETTING_ARP_GC_THRESH3, TS_SETTING_ARP_GC_THRESH2,
		     TS_SETTING_ARP_GC_THRESH1, TS_SETTING_NDISC_GC_THRESH3, TS_SETTING_COUNT},
	.thresholds =
		{[REFUSED] = {"refused_packets", 5, 1, 1e12, "packets",
			      "packets to new neighbours that found the table full during the "
			      "window, from which on it is a symptom"},
		 [UNRESOLVED_SHARE] =
			 {"unresolved_share", 0.5, 0.01, 1, "share of the entries",
			  "share of entries for addresses that do not answer, from which on "
			  "those are what fills the table"}},
	.judge = judge,
	.explanation =
		"Each host that packets are sent to on the same link has an entry in the neighbour "
		"table (ARP for IPv4, NDISC for IPv6), which all network namespaces share. Beyond "
		"gc_thresh3 a new one is refused and the packet lost; beyond gc_thresh2 entries "
		"unused for five seconds go; below gc_thresh1 none is ever forgotten.\n"
		"Convicts gc_thresh3: table_fulls of /proc/net/stat/arp_cache or ndisc_cache grows "
		"while most entries are of hosts that answer. The namespace that has most of them "
		"is named; the limit is the host's.\n"
		"Acquits it: most entries are unresolved (unreachable-neighbours): a scan or too "
		"wide a netmask.\n"
		"A larger table costs about 400 bytes an entry.\n"
		"Source: neigh_alloc(), neigh_forced_gc(); "
		"Documentation/networking/ip-sysctl.rst.",
};
