// SPDX-License-Identifier: GPL-2.0-only
/* The first screen: what is wrong, what do I type. */
#include "page.h"

#include <string.h>

#include "units.h"
#include "../arena.h"
#include "../profile.h"
#include "../rule.h"

/* "10.0 s until 2026-11-21T14:00:10Z", or where in a recording that was. */
static const char *when(const struct ts_page *page, const struct ts_report *report)
{
	const struct ts_window *window = report->window;
	const char *length = ts_human_seconds(page->arena, window->seconds);
	const char *end = ts_utc_time(page->arena, window->delta->realtime_ns);

	if (!report->recording)
		return ts_page_text(page, "%s until %s", length, end);
	return ts_page_text(
		page, "from a recording: %s to %s, %s measured%s",
		ts_utc_time(page->arena, window->start_realtime_ns), end, length,
		window->missing_seconds > 0
			? ts_page_text(page, " and %s missing",
				       ts_human_seconds(page->arena, window->missing_seconds))
			: "");
}

static void header(const struct ts_page *page, const struct ts_report *report)
{
	const struct ts_host *host = &report->window->delta->host;
	const struct ts_profile *profile = report->profile;
	bool known = *host->hostname;

	ts_page_paragraph(
		page, TS_INK_DIM, 2, "",
		ts_page_text(page, "%s%s; %s%s%s", known ? host->hostname : "unknown host",
			     known ? ts_page_text(page, ", Linux %s, %u CPU%s, %s", host->kernel,
						  host->cpus, host->cpus == 1 ? "" : "s",
						  ts_human_bytes(page->arena,
								 (double)host->memory_bytes))
				   : "",
			     when(page, report), profile && *profile->name ? "; profile " : "",
			     profile ? profile->name : ""));
}

static size_t count_findings(const struct ts_report *report, enum ts_outcome outcome)
{
	size_t count = 0;

	for (size_t i = 0; i < report->findings; i++)
		count += report->finding[i].outcome == outcome;
	return count;
}

static size_t count_rules(const struct ts_report *report, enum ts_outcome outcome)
{
	size_t count = 0;

	for (size_t i = 0; i < report->rules; i++)
		count += report->rule[i].outcome == outcome;
	return count;
}

/* "; 5 rules quiet, 1 could not be judged" */
static const char *other_rules(const struct ts_page *page, const struct ts_report *report)
{
	static const struct {
		enum ts_outcome outcome;
		const char *one, *many;
	} words[] = {
		{TS_OUTCOME_QUIET, "rule quiet", "rules quiet"},
		{TS_OUTCOME_ALREADY_SET, "already set", "already set"},
		{TS_OUTCOME_INSUFFICIENT, "needs more data", "need more data"},
		{TS_OUTCOME_UNAVAILABLE, "could not be judged", "could not be judged"},
		{TS_OUTCOME_DISABLED, "off in the profile", "off in the profile"},
	};
	const char *text = "";

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		size_t count = count_rules(report, words[i].outcome);

		if (count)
			text = ts_page_text(page, "%s%s%zu %s", text, *text ? ", " : "; ", count,
					    count == 1 ? words[i].one : words[i].many);
	}
	return text;
}

static void verdict(const struct ts_page *page, const struct ts_report *report)
{
	size_t settings = count_findings(report, TS_OUTCOME_RECOMMEND);
	size_t problems = count_findings(report, TS_OUTCOME_NOT_A_SETTING);
	bool judged = count_rules(report, TS_OUTCOME_QUIET) ||
		      count_rules(report, TS_OUTCOME_ALREADY_SET) || settings || problems;
	bool unsure = count_rules(report, TS_OUTCOME_INSUFFICIENT);
	const char *what = "";

	if (settings)
		what = ts_page_text(page, "%zu setting%s to change", settings,
				    settings == 1 ? "" : "s");
	if (problems)
		what = ts_page_text(page, "%s%s%zu problem%s that no setting fixes", what,
				    *what ? ", " : "", problems, problems == 1 ? "" : "s");
	if (!*what)
		what = ts_headline_of_nothing(judged, unsure);
	fputc('\n', page->out);
	ts_page_paragraph(page,
			  settings || problems ? TS_INK_BAD
			  : judged && !unsure  ? TS_INK_GOOD
					       : TS_INK_TITLE,
			  2, "", ts_page_text(page, "%s%s.", what, other_rules(page, report)));
}

/* The first piece of evidence in one line, with its figures, and the harm. */
static const char *why_line(const struct ts_page *page, const struct ts_report *report,
			    const struct ts_finding *finding)
{
	const struct ts_evidence *e = finding->evidence;
	const char *text = "";

	if (finding->evidence_count) {
		text = ts_page_text(page, "%s: %s", e->what,
				    ts_human_value(page->arena, e->value, e->unit));
		if (e->has_threshold)
			text = ts_page_text(page, "%s (threshold %s)", text,
					    ts_human_bare(page->arena, e->threshold, e->unit));
	}
	if (finding->harm > 0)
		text = ts_page_text(page, "%s%sharm: %s in %s", text, *text ? "; " : "",
				    ts_human_value(page->arena, finding->harm, finding->harm_unit),
				    ts_human_seconds(page->arena, report->window->seconds));
	return text;
}

static void what_to_do(const struct ts_page *page, const struct ts_finding *finding)
{
	if (finding->outcome == TS_OUTCOME_NOT_A_SETTING) {
		ts_page_field(page, "cause", finding->cause);
		ts_page_field(page, "not to blame", finding->acquits);
		ts_page_field(page, "do", finding->remedy);
		return;
	}
	ts_page_field(page, "change",
		      ts_page_text(page, "%s: %s %s %s", finding->setting, finding->current,
				   page->options->utf8 ? "\xe2\x86\x92" : "->", finding->proposed));
	ts_page_command(page, "type", finding->apply);
	ts_page_field(page, "also", finding->remedy);
}

static void findings(const struct ts_page *page, const struct ts_report *report)
{
	for (size_t i = 0; i < report->findings; i++) {
		const struct ts_finding *finding = &report->finding[i];
		const char *number = ts_page_text(page, "%zu. ", i + 1);

		fputc('\n', page->out);
		ts_page_paragraph(page, TS_INK_TITLE, 3, number, finding->title);
		ts_page_field(page, "why", why_line(page, report, finding));
		if (ts_finding_is_wrong(finding))
			what_to_do(page, finding);
		else
			ts_page_field(page, ts_outcome_name(finding->outcome), finding->remedy);
	}
}

/* Families that were measured, but not everywhere: one line for each reason. */
static void seen_in_part(const struct ts_page *page, const struct ts_report *report, bool *heading)
{
	const struct ts_snapshot *delta = report->window->delta;
	const char *last = "";

	ts_for_each_family (id) {
		const struct ts_family_data *data = &delta->family[id];

		if (data->status != TS_STATUS_OK || !*data->why || !strcmp(data->why, last))
			continue;
		if (!*heading)
			ts_page_heading(page, "Not judged");
		*heading = true;
		last = data->why;
		ts_page_paragraph(page, TS_INK_PLAIN, 4, "  ", data->why);
	}
}

/* With nothing wrong, what was not judged is part of the answer. */
static void not_judged(const struct ts_page *page, const struct ts_report *report)
{
	bool heading = false;

	seen_in_part(page, report, &heading);

	for (size_t i = 0; i < report->rules; i++) {
		const struct ts_rule_result *result = &report->rule[i];

		if (result->outcome != TS_OUTCOME_UNAVAILABLE &&
		    result->outcome != TS_OUTCOME_INSUFFICIENT)
			continue;
		if (!heading)
			ts_page_heading(page, "Not judged");
		heading = true;
		ts_page_paragraph(page, TS_INK_PLAIN, 4, "  ",
				  ts_page_text(page, "%s: %s", result->rule->title, result->why));
	}
}

void ts_page_summary(const struct ts_page *page, const struct ts_report *report)
{
	header(page, report);
	verdict(page, report);
	findings(page, report);
	not_judged(page, report);
}
