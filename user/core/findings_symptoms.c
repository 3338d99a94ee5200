// SPDX-License-Identifier: GPL-2.0-only
/*
 * What one rule sees can be the consequence of what another one found: then only the cause is
 * worth advice. Removing it shows whether anything is left.
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

static void correct_result(struct ts_rule_context *context, struct ts_rule_result *result,
			   const struct ts_finding *cause)
{
	result->outcome = TS_OUTCOME_QUIET;
	result->why = ts_text(context, "what it saw follows from what %s found: settle that first",
			      cause->rule);
	ts_rule_conclude(context->report, result);
}

static void take_back(struct ts_rule_context *context, size_t at, const struct ts_finding *found)
{
	struct ts_report *report = context->report;
	const struct ts_rule *rule = rule_of(&report->finding[at]);
	const struct ts_finding cause = *found; /* its place is about to change */

	report->findings--;
	memmove(&report->finding[at], &report->finding[at + 1],
		(report->findings - at) * sizeof *report->finding);
	for (size_t i = 0; i < report->rules; i++)
		if (report->rule[i].rule == rule)
			correct_result(context, &report->rule[i], &cause);
}

void ts_findings_leave_symptoms(struct ts_rule_context *context)
{
	struct ts_report *report = context->report;

	for (size_t i = 0; i < report->findings;) {
		const struct ts_finding *cause = cause_of(report, &report->finding[i]);

		if (cause)
			take_back(context, i, cause);
		else
			i++;
	}
}
