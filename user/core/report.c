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

static struct ts_rule_result judge(struct ts_rule_context *context)
{
	struct ts_report *report = context->report;
	struct ts_rule_result result = {.rule = context->rule, .why = ""};
	const char *lacks = missing(context);
	size_t first = report->findings;

	if (lacks) {
		result.outcome = TS_OUTCOME_UNAVAILABLE;
		result.why = lacks;
		return result;
	}
	result.outcome = context->rule->judge(context);
	result.why = context->why ? context->why : "";
	for (size_t i = first; i < report->findings; i++) {
		if (i == first)
			result.outcome = report->finding[i].outcome;
		result.outcome = ts_outcome_stronger(result.outcome, report->finding[i].outcome);
	}
	for (size_t i = first; i < report->findings; i++)
		if (report->finding[i].outcome == result.outcome) {
			result.why = report->finding[i].title;
			break;
		}
	return result;
}

/* The last number of a value: the one that a proposal raises in "min default max" and in a range.
 */
static double last_number(const char *value)
{
	const char *blank = strrchr(value, ' ');

	return strtod(blank ? blank + 1 : value, NULL);
}

static bool about_the_same(const struct ts_finding *a, const struct ts_finding *b)
{
	if (a->outcome != b->outcome || strcmp(a->netns, b->netns) ||
	    strcmp(a->device, b->device) || strcmp(a->cgroup, b->cgroup))
		return false;
	if (*a->setting)
		return !strcmp(a->setting, b->setting);
	/* A cause that is no setting belongs to the one that has it. */
	return a->outcome == TS_OUTCOME_NOT_A_SETTING && !strcmp(a->cause, b->cause) &&
	       !strcmp(a->port, b->port) && a->pid == b->pid;
}

static void take_value(struct ts_finding *into, const struct ts_finding *from)
{
	into->proposed = from->proposed;
	into->computed = from->computed;
	into->apply = from->apply;
	into->undo = from->undo;
}

static void merge_into(struct ts_rule_context *context, struct ts_finding *into,
		       const struct ts_finding *from)
{
	if (last_number(from->proposed) > last_number(into->proposed))
		take_value(into, from);
	if (!strstr(into->remedy, from->remedy))
		into->remedy = ts_text(context, "%s%s%s", into->remedy, *into->remedy ? " " : "",
				       from->remedy);
	/* One that does not depend on which of them suffered more this time. */
	if (strcmp(from->id, into->id) < 0) {
		into->id = from->id;
		into->rule = from->rule;
	}
	if (*into->setting && strcmp(from->port, into->port))
		into->port = "";
	if (!strcmp(from->harm_unit, into->harm_unit))
		into->harm += from->harm;
	into->harm_seconds += from->harm_seconds;
	if (from->confidence > into->confidence)
		into->confidence = from->confidence;
	for (size_t i = 0; i < from->evidence_count; i++) {
		struct ts_evidence *copy = ts_finding_evidence(
			context, into, from->evidence[i].family, from->evidence[i].label,
			from->evidence[i].what, from->evidence[i].value, from->evidence[i].unit,
			from->evidence[i].samples);

		copy->has_threshold = from->evidence[i].has_threshold;
		copy->threshold = from->evidence[i].threshold;
	}
	for (size_t i = 0; i < from->sufferer_count; i++)
		ts_finding_sufferer(context, into, &from->sufferer[i]);
}

static int worse(const void *a, const void *b)
{
	const struct ts_finding *x = a, *y = b;

	if (x->harm_seconds != y->harm_seconds)
		return x->harm_seconds < y->harm_seconds ? 1 : -1;
	return strcmp(x->id, y->id);
}

static void rank(struct ts_report *report)
{
	if (report->findings)
		qsort(report->finding, report->findings, sizeof *report->finding, worse);
}

/* Puts together what is about the same thing: the worst place gives it the title, the others are
 * counted there and stand in the evidence. */
static void merge(struct ts_rule_context *context)
{
	struct ts_report *report = context->report;
	size_t *more = ts_arena_alloc(report->arena, (report->findings + 1) * sizeof *more);
	size_t kept = 0;

	rank(report);
	for (size_t i = 0; i < report->findings; i++) {
		struct ts_finding *finding = &report->finding[i];
		size_t k;

		for (k = 0; k < kept; k++)
			if (about_the_same(&report->finding[k], finding))
				break;
		if (k < kept) {
			more[k] += strcmp(finding->title, report->finding[k].title) != 0;
			merge_into(context, &report->finding[k], finding);
		} else if (kept++ != i) {
			report->finding[kept - 1] = *finding;
		}
	}
	report->findings = kept;
	for (size_t k = 0; k < kept; k++)
		if (more[k])
			report->finding[k].title =
				ts_text(context, "%s (and %zu more place%s)",
					report->finding[k].title, more[k], more[k] == 1 ? "" : "s");
	rank(report);
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
	merge(&context);
	ts_objectives_judge(report);
	return report;
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
