// SPDX-License-Identifier: GPL-2.0-only
/* Service objectives, on the page and in JSON. */
#include "page.h"

#include <math.h>
#include <string.h>

#include "json_parts.h"
#include "units.h"
#include "../arena.h"
#include "../objective.h"

/* Of one objective so many ports or devices are shown that are as they should be. */
#define SHOWN_ON_TARGET 1

static const char *value_text(const struct ts_page *page, const struct ts_measure *measure,
			      double value)
{
	if (measure->unit == TS_MEASURE_RATIO)
		return ts_human_value(page->arena, value * 100, "%");
	return ts_human_value(page->arena, value, ts_measure_unit_name(measure));
}

/* "target 100 ms, warning above 500 ms" */
static const char *levels_text(const struct ts_page *page, const struct ts_objective *objective)
{
	const char *side = objective->measure->lower_is_worse ? "below" : "above", *text = "";

	for (int level = 0; level < TS_LEVEL_COUNT; level++) {
		if (isnan(objective->level[level]))
			continue;
		text = ts_page_text(page, "%s%s%s %s%s%s", text, *text ? ", " : "",
				    ts_level_names[level], level == TS_LEVEL_TARGET ? "" : side,
				    level == TS_LEVEL_TARGET ? "" : " ",
				    value_text(page, objective->measure, objective->level[level]));
	}
	return text;
}

/* " port 8080", " remote port 5432", " sda"; the namespace unless it is the initial one. */
static const char *place_text(const struct ts_page *page, const struct ts_report *report,
			      const struct ts_objective_result *result)
{
	bool remote = result->objective->measure->per == TS_PER_REMOTE_PORT;
	const struct ts_netns *netns = ts_window_netns(report->window, result->netns);
	const char *text = "";

	if (*result->port)
		text = ts_page_text(page, " %sport %s", remote ? "remote " : "", result->port);
	if (*result->device)
		text = ts_page_text(page, "%s %s", text, result->device);
	if (*result->netns && !(netns && netns->initial))
		text = ts_page_text(page, "%s (network namespace %s)", text,
				    netns && *netns->name ? netns->name : result->netns);
	return text;
}

static void line(const struct ts_page *page, const struct ts_report *report,
		 const struct ts_objective_result *result)
{
	static const enum ts_ink inks[] = {
		[TS_OBJECTIVE_NO_DATA] = TS_INK_DIM,  [TS_OBJECTIVE_ON_TARGET] = TS_INK_GOOD,
		[TS_OBJECTIVE_MISSED] = TS_INK_TITLE, [TS_OBJECTIVE_WARNING] = TS_INK_BAD,
		[TS_OBJECTIVE_CRITICAL] = TS_INK_BAD,
	};
	const struct ts_objective *objective = result->objective;
	const char *state = result->state == TS_OBJECTIVE_ON_TARGET
				    ? "ok"
				    : ts_objective_state_name(result->state);
	const char *what =
		result->state == TS_OBJECTIVE_NO_DATA
			? result->why
			: ts_page_text(page, "%s (%s)",
				       value_text(page, objective->measure, result->value),
				       levels_text(page, objective));

	ts_page_paragraph(page, inks[result->state], 13, ts_page_text(page, "   %-10s", state),
			  ts_page_text(page, "%s%s: %s%s%s", objective->name,
				       place_text(page, report, result),
				       *objective->where ? "" : objective->measure->name,
				       *objective->where ? "" : " ", what));
}

/* Worth a line without --all; they stand worst first, so of those on target the worst are shown. */
static bool shown(const struct ts_report *report, size_t i)
{
	const struct ts_objective_result *result = &report->objective[i];
	size_t before = 0;

	if (result->state == TS_OBJECTIVE_NO_DATA)
		return !result->too_little;
	if (result->state != TS_OBJECTIVE_ON_TARGET)
		return true;
	for (size_t k = 0; k < i; k++)
		before += report->objective[k].objective == result->objective;
	return before < SHOWN_ON_TARGET;
}

void ts_page_objectives(const struct ts_page *page, const struct ts_report *report)
{
	size_t on_target = 0, without_data = 0;

	for (size_t i = 0; i < report->objectives && !page->options->everything; i++)
		if (!shown(report, i))
			++*(report->objective[i].state == TS_OBJECTIVE_NO_DATA ? &without_data
									       : &on_target);
	if (report->objectives == without_data)
		return;
	ts_page_heading(page, "Objectives");
	for (size_t i = 0; i < report->objectives; i++)
		if (page->options->everything || shown(report, i))
			line(page, report, &report->objective[i]);
	if (on_target)
		ts_page_paragraph(
			page, TS_INK_DIM, 3, "   ",
			ts_page_text(page, "%zu more on target (--all shows them)", on_target));
	if (without_data)
		ts_page_paragraph(page, TS_INK_DIM, 3, "   ",
				  ts_page_text(page,
					       "%zu more without enough data (--all shows them)",
					       without_data));
}

static json_t *labels(const struct ts_json *w, const struct ts_objective_result *result)
{
	const char *const values[][2] = {
		{"netns", result->netns}, {"port", result->port}, {"device", result->device}};
	json_t *object = json_object();

	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
		if (*values[i][1])
			json_object_set_new(object, values[i][0], ts_json_text(w, values[i][1]));
	return object;
}

json_t *ts_json_objective(const struct ts_json *w, const struct ts_objective_result *result)
{
	const struct ts_objective *objective = result->objective;
	json_t *object = json_object();

	json_object_set_new(object, "name", ts_json_text(w, objective->name));
	json_object_set_new(object, "measure", ts_json_text(w, objective->measure->name));
	json_object_set_new(object, "value", ts_json_number(result->value));
	json_object_set_new(object, "unit",
			    ts_json_text(w, ts_measure_unit_name(objective->measure)));
	for (int level = 0; level < TS_LEVEL_COUNT; level++)
		json_object_set_new(object, ts_level_names[level],
				    ts_json_number(objective->level[level]));
	json_object_set_new(object, "state",
			    ts_json_text(w, ts_objective_state_name(result->state)));
	json_object_set_new(object, "labels", labels(w, result));
	json_object_set_new(object, "samples", ts_json_whole(result->samples));
	json_object_set_new(object, "why", ts_json_text(w, result->why));
	return object;
}
