// SPDX-License-Identifier: GPL-2.0-only
/* Runs the rules over a window, turns findings on one thing into one, ranks them. */
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "objective.h"
#include "profile.h"
#include "rule.h"

#define NEEDS_MAX (sizeof((struct ts_rule *)0)->needs / sizeof(enum ts_family_id))

const char *ts_outcome_name(enum ts_outcome outcome)
{
	static const char *const names[] = {
		[TS_OUTCOME_QUIET] = "quiet",
		[TS_OUTCOME_RECOMMEND] = "recommend",
		[TS_OUTCOME_NOT_A_SETTING] = "not-a-setting",
		[TS_OUTCOME_ALREADY_SET] = "already-set",
		[TS_OUTCOME_INSUFFICIENT] = "insufficient",
		[TS_OUTCOME_UNAVAILABLE] = "unavailable",
		[TS_OUTCOME_DISABLED] = "disabled",
	};

	return names[outcome];
}

const char *ts_headline_of_nothing(bool judged, bool unsure)
{
	if (!judged)
		return "Nothing could be judged";
	return unsure ? "Nothing to change so far: no rule found anything wrong"
		      : "Nothing to change: no rule found anything wrong";
}

enum ts_outcome ts_outcome_stronger(enum ts_outcome a, enum ts_outcome b)
{
	static const int strength[] = {
		[TS_OUTCOME_DISABLED] = 0,    [TS_OUTCOME_UNAVAILABLE] = 1,
		[TS_OUTCOME_QUIET] = 2,	      [TS_OUTCOME_INSUFFICIENT] = 3,
		[TS_OUTCOME_ALREADY_SET] = 4, [TS_OUTCOME_NOT_A_SETTING] = 5,
		[TS_OUTCOME_RECOMMEND] = 6,
	};

	return strength[a] >= strength[b] ? a : b;
}

/* A need before this one has told the same reason already. */
static bool told_before(struct ts_rule_context *context, size_t need)
{
	const enum ts_family_id *needs = context->rule->needs;

	for (size_t i = 0; i < need; i++)
		if (!ts_rule_measured(context, needs[i]) &&
		    ts_families[needs[i]].source == ts_families[needs[need]].source &&
		    !strcmp(ts_window_why(context->window, needs[i]),
			    ts_window_why(context->window, needs[need])))
			return true;
	return false;
}

/* The families a rule needs and this window lacks, in words; NULL when it has them all. */
static const char *missing(struct ts_rule_context *context)
{
	const enum ts_family_id *needs = context->rule->needs;
	const char *text = NULL;

	for (size_t i = 0; i < NEEDS_MAX && needs[i] != TS_FAMILY_COUNT; i++) {
		const char *why = ts_window_why(context->window, needs[i]);

		if (ts_rule_measured(context, needs[i]) || told_before(context, i))
			continue;
		text = ts_text(context, "%s%s%s was not measured (%s, %s: %s)", text ? text : "",
			       text ? "; " : "", ts_families[needs[i]].name,
			       ts_source_names[ts_families[needs[i]].source],
			       ts_status_name(ts_window_status(context->window, needs[i])),
			       *why ? why : "nothing looked for it");
	}
	return text;
}

void ts_rule_conclude(const struct ts_report *report, struct ts_rule_result *result)
{
	const struct ts_finding *first = NULL;

	for (size_t i = 0; i < report->findings; i++) {
		const struct ts_finding *finding = &report->finding[i];

		if (strcmp(finding->rule, result->rule->id) ||
		    (first &&
		     ts_outcome_stronger(first->outcome, finding->outcome) == first->outcome))
			continue;
		first = finding;
	}
	if (!first)
		return;
	result->outcome = first->outcome;
	result->why = first->title;
}

#define SEGMENTS_LEAST 100 /* fewer harm nobody, whatever their connections were like */

/* Of open connections, which are sampled. */
static bool is_about_connections(enum ts_family_id id)
{
	return id != TS_FAMILY_TCP_LOCAL_PORTS && ts_families[id].source == TS_SOURCE_SOCKETS;
}

static bool saw_connections(const struct ts_window *window)
{
	ts_for_each_family (id)
		if (is_about_connections(id))
			ts_for_each_series (s, window, id)
				return true;
	return false;
}

/*
 * All were gone again when it was looked: nothing is known of them, and so nothing is well. What a
 * rule judges, the first family it needs says.
 */
static enum ts_outcome doubt_quiet(struct ts_rule_context *context, enum ts_outcome outcome)
{
	double sent;

	if (outcome != TS_OUTCOME_QUIET || !is_about_connections(context->rule->needs[0]) ||
	    saw_connections(context->window))
		return outcome;
	sent = ts_rule_network_counter(context, NULL, "TcpOutSegs");
	if (sent < SEGMENTS_LEAST)
		return outcome;
	context->why = NULL;
	return ts_rule_without_finding(
		context, TS_OUTCOME_INSUFFICIENT,
		"TCP sent %.0f segments, but no connection was open in any of the samples: "
		"observe longer while there are some",
		sent);
}

static struct ts_rule_result judge(struct ts_rule_context *context)
{
	struct ts_report *report = context->report;
	struct ts_rule_result result = {.rule = context->rule, .why = ""};
	const char *lacks = missing(context);

	if (lacks) {
		result.outcome = TS_OUTCOME_UNAVAILABLE;
		result.why = lacks;
		return result;
	}
	result.outcome = doubt_quiet(context, context->rule->judge(context));
	result.why = context->why ? context->why : "";
	ts_rule_conclude(report, &result);
	return result;
}

struct ts_report *ts_report_make(const struct ts_window *window, const struct ts_profile *profile)
{
	struct ts_arena *arena = ts_arena_new();
	struct ts_report *report = ts_arena_alloc(arena, sizeof *report);
	struct ts_rule_context context = {.window = window, .report = report};

	report->arena = arena;
	report->window = window;
	report->profile = profile;
	report->rule = ts_arena_alloc(arena, ts_rules_count * sizeof *report->rule);
	report->rules = ts_rules_count;
	for (size_t i = 0; i < ts_rules_count; i++) {
		context.rule = ts_rules[i];
		context.threshold = profile->threshold[i];
		context.why = NULL;
		report->rule[i] =
			profile->enabled[i]
				? judge(&context)
				: (struct ts_rule_result){ts_rules[i], TS_OUTCOME_DISABLED,
							  "switched off by the profile"};
	}
	ts_findings_leave_symptoms(&context);
	ts_findings_leave_changed(&context);
	ts_findings_merge(&context);
	ts_objectives_judge(report);
	return report;
}

struct ts_finding *ts_report_add_finding(struct ts_report *report, const char *rule,
					 enum ts_outcome outcome)
{
	struct ts_finding *finding;

	report->finding = ts_arena_grow(report->arena, report->finding, report->findings,
					&report->findings_capacity, sizeof *report->finding);
	finding = &report->finding[report->findings++];
	*finding = (struct ts_finding){
		.rule = rule,
		.id = "",
		.title = "",
		.outcome = outcome,
		.setting = "",
		.netns = "",
		.device = "",
		.cgroup = "",
		.port = "",
		.comm = "",
		.current = "",
		.proposed = "",
		.computed = "",
		.cause = "",
		.acquits = "",
		.remedy = "",
		.harm_unit = "",
		.risk = "",
		.takes_effect = "",
		.expect = "",
		.apply = "",
		.undo = "",
	};
	return finding;
}

bool ts_finding_is_wrong(const struct ts_finding *finding)
{
	return finding->outcome == TS_OUTCOME_RECOMMEND ||
	       finding->outcome == TS_OUTCOME_NOT_A_SETTING;
}

size_t ts_report_wrong(const struct ts_report *report)
{
	size_t count = 0;

	for (size_t i = 0; i < report->findings; i++)
		count += ts_finding_is_wrong(&report->finding[i]);
	return count;
}

void ts_report_free(struct ts_report *report)
{
	if (report)
		ts_arena_free(report->arena);
}
