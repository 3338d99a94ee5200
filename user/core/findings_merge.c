// SPDX-License-Identifier: GPL-2.0-only
/* Findings about one thing become one; rules that disagree become a conflict; the worst is first.
 */
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "rule.h"

bool ts_value_limit(const char *value, double *limit)
{
	const char *number = value + strlen(value);
	char *end;

	while (number > value && number[-1] != ' ' && number[-1] != '\t')
		number--;
	*limit = strtod(number, &end);
	return end != number && !*end;
}

static double last_number(const char *value)
{
	double number;

	ts_value_limit(value, &number);
	return number;
}

static bool is_conflict(const struct ts_finding *finding)
{
	return !strcmp(finding->cause, TS_CAUSE_CONFLICT);
}

static bool about_the_same(const struct ts_finding *a, const struct ts_finding *b)
{
	if (strcmp(a->netns, b->netns) || strcmp(a->device, b->device) ||
	    strcmp(a->cgroup, b->cgroup))
		return false;
	if (is_conflict(a) && b->outcome == TS_OUTCOME_RECOMMEND)
		return !strcmp(a->acquits, b->setting);
	if (a->outcome != b->outcome)
		return false;
	if (*a->setting)
		return !strcmp(a->setting, b->setting);
	/* A cause that is no setting belongs to the one that has it. */
	return a->outcome == TS_OUTCOME_NOT_A_SETTING && !strcmp(a->cause, b->cause) &&
	       !strcmp(a->port, b->port) && a->pid == b->pid;
}

bool ts_values_opposed(const char *current, const char *one, const char *other)
{
	double now = last_number(current), x = last_number(one), y = last_number(other);
	char *end;

	if (!strcmp(one, other))
		return false;
	strtod(one, &end);
	if (end == one)
		return true;
	return (x > now) != (y > now);
}

static bool opposed(const struct ts_finding *a, const struct ts_finding *b)
{
	return a->outcome == TS_OUTCOME_RECOMMEND &&
	       ts_values_opposed(a->current, a->proposed, b->proposed);
}

static const char *side_text(struct ts_rule_context *context, const struct ts_finding *finding)
{
	return ts_text(context, "%s asks for %s: %s (%s).", finding->rule, finding->proposed,
		       finding->title, finding->computed);
}

/* Nothing is proposed where rules disagree: both sides are told. */
static void make_conflict(struct ts_rule_context *context, struct ts_finding *into,
			  const struct ts_finding *from)
{
	const char *setting = into->setting;

	into->remedy = ts_text(context,
			       "%s %s Neither value is proposed: decide which of the two matters "
			       "more here, or switch one of the rules off in the profile.",
			       side_text(context, into), side_text(context, from));
	into->title = ts_text(context, "%s: rules ask for opposite values (%s: %s, %s: %s)",
			      setting, into->rule, into->proposed, from->rule, from->proposed);
	into->id = ts_text(context, "conflict/%s%s%s%s%s", setting, *into->netns ? "/netns:" : "",
			   into->netns, *into->device ? "/device:" : "", into->device);
	into->outcome = TS_OUTCOME_NOT_A_SETTING;
	into->cause = TS_CAUSE_CONFLICT;
	into->acquits = setting;
	into->setting = into->current = into->proposed = into->computed = "";
	into->apply = into->undo = into->risk = into->takes_effect = into->expect = "";
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
	bool conflict = is_conflict(into);

	if (opposed(into, from)) {
		make_conflict(context, into, from);
		conflict = true;
	} else if (conflict) {
		into->remedy = ts_text(context, "%s %s", side_text(context, from), into->remedy);
	} else if (last_number(from->proposed) > last_number(into->proposed)) {
		take_value(into, from);
	}
	if (!conflict && !strstr(into->remedy, from->remedy))
		into->remedy = ts_text(context, "%s%s%s", into->remedy, *into->remedy ? " " : "",
				       from->remedy);
	/* One that does not depend on which of them suffered more this time. */
	if (!conflict && strcmp(from->id, into->id) < 0) {
		into->id = from->id;
		into->rule = from->rule;
	}
	if ((*into->setting || conflict) && strcmp(from->port, into->port))
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
void ts_findings_merge(struct ts_rule_context *context)
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
			merge_into(context, &report->finding[k], finding);
			more[k] += !is_conflict(&report->finding[k]) &&
				   strcmp(finding->title, report->finding[k].title) != 0;
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
