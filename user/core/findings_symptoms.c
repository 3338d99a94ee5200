// SPDX-License-Identifier: GPL-2.0-only
/*
 * What one rule sees can be the consequence of what another one found: then only the cause is
 * worth advice. Removing it shows whether anything is left. And what is said of a setting that was
 * changed meanwhile may be true of what it was.
 */
#include <string.h>

#include "rule.h"

#define CAUSES_MAX (sizeof((struct ts_rule *)0)->symptom_of / sizeof(const char *))

static const struct ts_rule *rule_of(const struct ts_finding *finding)
{
	return ts_rule_by_id(finding->rule);
}

static bool is_among(const struct ts_rule *rule, const char *id)
{
	for (size_t i = 0; i < CAUSES_MAX && rule->symptom_of[i]; i++)
		if (!strcmp(rule->symptom_of[i], id))
			return true;
	return false;
}

/* A cause works in all network namespaces, or in that of the symptom. */
static bool explains(const struct ts_finding *cause, const struct ts_finding *symptom)
{
	if (!ts_finding_is_wrong(cause) || !strcmp(cause->cause, "harmless"))
		return false;
	return is_among(rule_of(symptom), cause->rule) &&
	       (!*cause->netns || !strcmp(cause->netns, symptom->netns));
}

static const struct ts_finding *cause_of(const struct ts_report *report,
					 const struct ts_finding *symptom)
{
	if (symptom->outcome != TS_OUTCOME_RECOMMEND)
		return NULL;
	for (size_t i = 0; i < report->findings; i++)
		if (explains(&report->finding[i], symptom))
			return &report->finding[i];
	return NULL;
}

void ts_finding_take_back(struct ts_rule_context *context, size_t at, enum ts_outcome outcome,
			  const char *why)
{
	struct ts_report *report = context->report;
	const struct ts_rule *rule = rule_of(&report->finding[at]);

	report->findings--;
	memmove(&report->finding[at], &report->finding[at + 1],
		(report->findings - at) * sizeof *report->finding);
	for (size_t i = 0; i < report->rules; i++) {
		struct ts_rule_result *result = &report->rule[i];

		if (result->rule != rule)
			continue;
		result->outcome = outcome;
		result->why = why;
		ts_rule_conclude(report, result);
	}
}

void ts_findings_leave_changed(struct ts_rule_context *context)
{
	struct ts_report *report = context->report;

	for (size_t i = 0; i < report->findings;) {
		const struct ts_finding *f = &report->finding[i];

		if (f->outcome == TS_OUTCOME_RECOMMEND && f->moved)
			ts_finding_take_back(context, i, TS_OUTCOME_INSUFFICIENT,
					     ts_text(context,
						     "%s was changed while it was looked at: "
						     "observe again",
						     f->setting));
		else
			i++;
	}
}

void ts_findings_leave_symptoms(struct ts_rule_context *context)
{
	struct ts_report *report = context->report;

	for (size_t i = 0; i < report->findings;) {
		const struct ts_finding *cause = cause_of(report, &report->finding[i]);

		if (cause)
			ts_finding_take_back(context, i, TS_OUTCOME_QUIET,
					     ts_text(context,
						     "what it saw follows from what %s found: "
						     "settle that first",
						     cause->rule));
		else
			i++;
	}
}
