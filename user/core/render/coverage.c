// SPDX-License-Identifier: GPL-2.0-only
/* What was not measured and why; what every rule said; what measuring cost. */
#include "page.h"

#include <string.h>

#include "units.h"
#include "../arena.h"
#include "../recording.h"
#include "../rule.h"

/* Families of one source that are missing for the same reason make one line. */
static bool same_reason(const struct ts_snapshot *delta, int a, int b)
{
	return ts_families[a].source == ts_families[b].source &&
	       delta->family[a].status == delta->family[b].status &&
	       !strcmp(delta->family[a].why, delta->family[b].why);
}

static bool first_of_its_reason(const struct ts_snapshot *delta, int id)
{
	for (int i = 0; i < id; i++)
		if (same_reason(delta, i, id))
			return false;
	return true;
}

static const char *names_with_reason(const struct ts_page *page, const struct ts_snapshot *delta,
				     int id)
{
	const char *names = ts_families[id].name;

	for (int i = id + 1; i < TS_FAMILY_COUNT; i++)
		if (same_reason(delta, i, id))
			names = ts_page_text(page, "%s, %s", names, ts_families[i].name);
	return names;
}

static void missing_families(const struct ts_page *page, const struct ts_snapshot *delta)
{
	size_t missing = 0;

	ts_for_each_family (id)
		missing += !ts_status_measured(delta->family[id].status);
	ts_page_paragraph(
		page, TS_INK_PLAIN, 4, "  ",
		missing ? ts_page_text(page, "%zu of %d families were not measured:", missing,
				       TS_FAMILY_COUNT)
			: ts_page_text(page, "All %d families were measured.", TS_FAMILY_COUNT));
	ts_for_each_family (id) {
		const struct ts_family_data *data = &delta->family[id];

		if (ts_status_measured(data->status) || !first_of_its_reason(delta, id))
			continue;
		ts_page_paragraph(page, TS_INK_PLAIN, 6, "    ",
				  ts_page_text(page, "%s, %s: %s (%s)",
					       ts_source_names[ts_families[id].source],
					       ts_status_name(data->status),
					       *data->why ? data->why : "no reason given",
					       names_with_reason(page, delta, id)));
	}
}

/* Measured, and nothing happened: the reason, where one is given, is worth a line. */
static void silent_families(const struct ts_page *page, const struct ts_snapshot *delta)
{
	const char *names = "";

	ts_for_each_family (id) {
		const struct ts_family_data *data = &delta->family[id];

		if (data->status != TS_STATUS_NO_DATA)
			continue;
		if (!*data->why)
			names = ts_page_text(page, "%s%s %s", names, *names ? "," : "",
					     ts_families[id].name);
		else if (first_of_its_reason(delta, id))
			ts_page_paragraph(page, TS_INK_PLAIN, 4, "  ",
					  ts_page_text(page, "No data: %s (%s)", data->why,
						       names_with_reason(page, delta, id)));
	}
	if (*names)
		ts_page_paragraph(page, TS_INK_PLAIN, 4, "  ",
				  ts_page_text(page, "Nothing happened in:%s", names));
}

/* Ok with a reason: measured, but not all there is. */
static void partial_families(const struct ts_page *page, const struct ts_snapshot *delta)
{
	ts_for_each_family (id) {
		const struct ts_family_data *data = &delta->family[id];

		if (data->status == TS_STATUS_OK && *data->why && first_of_its_reason(delta, id))
			ts_page_paragraph(page, TS_INK_PLAIN, 4, "  ",
					  ts_page_text(page, "Measured in part: %s (%s)", data->why,
						       names_with_reason(page, delta, id)));
	}
}

static void missing_programs(const struct ts_page *page, const struct ts_cost *cost)
{
	for (size_t i = 0; i < cost->probes; i++) {
		const struct ts_probe_cost *probe = &cost->probe[i];

		if (probe->status != TS_STATUS_OK)
			ts_page_paragraph(page, TS_INK_PLAIN, 4, "  ",
					  ts_page_text(page, "BPF program %s (%s) not attached: %s",
						       probe->name, probe->source, probe->why));
	}
}

static void lost(const struct ts_page *page, const struct ts_snapshot *delta)
{
	ts_for_each_family (id)
		if (delta->family[id].overflowed)
			ts_page_paragraph(
				page, TS_INK_PLAIN, 4, "  ",
				ts_page_text(
					page,
					"%s: %s observations found no slot of their own and "
					"were counted as \"other\"",
					ts_families[id].name,
					ts_human_number(page->arena,
							(double)delta->family[id].overflowed)));
	ts_page_paragraph(
		page, TS_INK_PLAIN, 4, "  ",
		ts_page_text(page, "Lost events: %s",
			     ts_human_number(page->arena, (double)delta->cost.lost_events)));
}

/* One line for each thing that a recording lacks. */
static void recorded(const struct ts_page *page, const struct ts_report *report)
{
	const struct ts_recording *r = report->recording;
	double missing = report->window->missing_seconds;
	const struct {
		__u64 count;
		const char *one, *many; /* behind the number */
	} lines[] = {
		{r->damages, "place in the recording is damaged and was passed over",
		 "places in the recording are damaged and were passed over"},
		{r->missing_frames, "frame is missing in the recording",
		 "frames are missing in the recording"},
		{r->duplicates, "frame stood in the recording twice and was used once",
		 "frames stood in the recording more than once and were used once"},
		{r->open_sessions,
		 "session was not ended in an orderly way (killed, or still running)",
		 "sessions were not ended in an orderly way (killed, or still running)"},
		{r->clock_steps,
		 "time the wall clock was set by more than a second; times are those "
		 "of the clock as it stood last",
		 "times the wall clock was set by more than a second; times are those of the "
		 "clock as it stood last"},
		{r->unknown.families,
		 "family was recorded by a newer tunescope and is not known to this one",
		 "families were recorded by a newer tunescope and are not known to this one"},
		{r->unknown.settings,
		 "setting was recorded by a newer tunescope and is not known to this one",
		 "settings were recorded by a newer tunescope and are not known to this one"},
	};

	ts_page_paragraph(
		page, TS_INK_PLAIN, 4, "  ",
		missing > 0
			? ts_page_text(page,
				       "%s between the beginning and the end were not recorded.",
				       ts_human_seconds(page->arena, missing))
			: "The recording has no gap in this time.");
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		if (lines[i].count)
			ts_page_paragraph(
				page, TS_INK_PLAIN, 4, "  ",
				ts_page_text(page, "%llu %s.", lines[i].count,
					     lines[i].count == 1 ? lines[i].one : lines[i].many));
}

void ts_page_coverage(const struct ts_page *page, const struct ts_report *report)
{
	const struct ts_snapshot *delta = report->window->delta;

	ts_page_heading(page, "Coverage");
	if (report->recording)
		recorded(page, report);
	missing_families(page, delta);
	partial_families(page, delta);
	missing_programs(page, &delta->cost);
	silent_families(page, delta);
	lost(page, delta);
}

void ts_page_rules(const struct ts_page *page, const struct ts_report *report)
{
	ts_page_heading(page, "Rules");
	for (size_t i = 0; i < report->rules; i++) {
		const struct ts_rule_result *result = &report->rule[i];
		const char *lead =
			ts_page_text(page, "  %-20s %-13s ", ts_page_safe(page, result->rule->id),
				     ts_outcome_name(result->outcome));

		ts_page_paragraph(page, TS_INK_PLAIN, 37, lead, result->why);
	}
}

static void program_row(const struct ts_page *page, const struct ts_probe_cost *probe,
			const struct ts_report *report)
{
	double stats_seconds = (double)report->window->delta->cost.stats_ns / 1e9;
	double mean = (double)probe->run_ns / (double)probe->run_count;

	fprintf(page->out, "  %-28s %10s ns", ts_page_safe(page, probe->name),
		ts_human_number(page->arena, mean));
	if (stats_seconds > 0)
		fprintf(page->out, " %12s/s %10.4f %%",
			ts_human_number(page->arena, (double)probe->run_count / stats_seconds),
			(double)probe->run_ns / 1e9 / stats_seconds * 100);
	fputc('\n', page->out);
}

static void program_costs(const struct ts_page *page, const struct ts_report *report)
{
	const struct ts_cost *cost = &report->window->delta->cost;
	double total_ns = 0;
	bool any = false;

	for (size_t i = 0; i < cost->probes; i++) {
		if (!cost->probe[i].run_count)
			continue;
		if (!any)
			fprintf(page->out, "  %-28s %13s %14s %12s\n", "BPF program", "per event",
				"events", "of one CPU");
		any = true;
		program_row(page, &cost->probe[i], report);
		total_ns += (double)cost->probe[i].run_ns;
	}
	if (!any) {
		ts_page_paragraph(page, TS_INK_PLAIN, 4, "  ",
				  cost->stats_enabled
					  ? "No BPF program ran while run-time statistics were on."
					  : "The BPF programs' cost was not measured: the kernel's "
					    "run-time statistics could not be switched on.");
		return;
	}
	ts_page_paragraph(
		page, TS_INK_PLAIN, 4, "  ",
		cost->stats_ns
			? ts_page_text(page,
				       "All programs: %.4f %% of one CPU, estimated from the %s of "
				       "the window in which the kernel's run-time statistics were "
				       "on. ns per event is what these report, their own overhead "
				       "(some 25 ns) included, the call into BPF not.",
				       total_ns / (double)cost->stats_ns * 100,
				       ts_human_seconds(page->arena, (double)cost->stats_ns / 1e9))
			: "ns per event is what the kernel's run-time statistics report, their own "
			  "overhead (some 25 ns) included, the call into BPF not.");
}

void ts_page_cost(const struct ts_page *page, const struct ts_report *report)
{
	const struct ts_cost *cost = &report->window->delta->cost;
	double seconds = report->window->seconds;

	ts_page_heading(page, "Own cost");
	program_costs(page, report);
	ts_page_paragraph(
		page, TS_INK_PLAIN, 4, "  ",
		ts_page_text(
			page,
			"tunescope itself: %.2f %% of one CPU, %s resident (peak %s), BPF maps "
			"%s, one snapshot %s.",
			seconds > 0 ? (double)cost->user_cpu_ns / 1e9 / seconds * 100 : 0,
			ts_human_bytes(page->arena, (double)cost->rss_bytes),
			ts_human_bytes(page->arena, (double)cost->peak_rss_bytes),
			ts_human_bytes(page->arena, (double)cost->map_bytes),
			ts_human_seconds(page->arena, (double)cost->snapshot_ns / 1e9)));
}
