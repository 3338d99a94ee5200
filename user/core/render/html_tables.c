// SPDX-License-Identifier: GPL-2.0-only
/* Settings, rules, coverage and own cost. */
#include "html_write.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "units.h"
#include "../arena.h"
#include "../rule.h"

#define ROWS_OPEN      40 /* longer tables stand behind <details> */
#define ROWS_MAX       1000
#define PROGRAMS_DRAWN 8

static void left_out(const struct ts_html *html, size_t rows)
{
	ts_html_put(
		html,
		"<p class=\"dim\">%zu more rows are left out here; <code>tunescope dump</code> has "
		"them.</p>\n",
		rows);
}

static void setting_rows(const struct ts_html *html, bool changed, size_t count)
{
	const struct ts_timeline *timeline = html->timeline;
	size_t shown = 0;

	ts_html_put(html,
		    "<div class=\"table\"><table><tr><th>setting</th><th>scope</th><th>value at "
		    "the end</th><th class=\"n\">changes</th></tr>\n");
	for (size_t i = 0; i < timeline->settings && shown < ROWS_MAX; i++) {
		const struct ts_timeline_setting *s = &timeline->setting[i];

		if ((s->changes > 0) != changed)
			continue;
		shown++;
		ts_html_put(html,
			    "<tr><td class=\"w\"><code>%s</code></td><td class=\"w\">%s%s</td>",
			    ts_settings[s->id].name,
			    ts_html_safe(html, ts_html_scope(html, s->id, s->scope)),
			    s->at_end ? "" : " <span class=\"dim\">(gone)</span>");
		if (s->status == TS_STATUS_OK)
			ts_html_put(html, "<td class=\"w\"><code>%s</code></td>",
				    ts_html_safe(html, s->value));
		else
			ts_html_put(html, "<td class=\"w dim\">%s: %s</td>",
				    ts_status_name(s->status), ts_html_safe(html, s->why));
		ts_html_put(html, "<td class=\"n\">%zu</td></tr>\n", s->changes);
	}
	ts_html_put(html, "</table></div>\n");
	if (count > ROWS_MAX)
		left_out(html, count - ROWS_MAX);
}

void ts_html_settings(const struct ts_html *html)
{
	const struct ts_timeline *timeline = html->timeline;
	size_t changed = 0, steady;

	for (size_t i = 0; i < timeline->settings; i++)
		changed += timeline->setting[i].changes > 0;
	steady = timeline->settings - changed;
	ts_html_put(html, "<section id=\"settings\"><h2>Settings</h2>\n");
	if (!timeline->settings)
		ts_html_put(html, "<p class=\"dim\">The recording holds none.</p>\n");
	if (changed) {
		ts_html_put(html, "<h3>Changed during the recording</h3>\n");
		setting_rows(html, true, changed);
	}
	if (steady) {
		ts_html_put(html, "<details%s><summary>%zu that did not change</summary>\n",
			    steady <= ROWS_OPEN ? " open" : "", steady);
		setting_rows(html, false, steady);
		ts_html_put(html, "</details>\n");
	}
	ts_html_put(html, "</section>\n");
}

static void rules(const struct ts_html *html)
{
	const struct ts_timeline *timeline = html->timeline;
	bool changed = false;

	for (size_t i = 0; i < timeline->marks; i++)
		changed = changed || timeline->mark[i].kind == TS_MARK_SETTING;

	ts_html_put(html,
		    "<section id=\"rules\"><h2>Rules</h2><p class=\"dim\">Judged over everything "
		    "recorded%s.</p><div class=\"table\"><table><tr><th>rule</th><th>outcome</th>"
		    "<th>why</th></tr>\n",
		    changed ? ", with the settings of the end; those that were changed are above"
			    : "");
	for (size_t i = 0; i < timeline->rules; i++)
		ts_html_put(html, "<tr><td>%s</td><td>%s</td><td class=\"w\">%s</td></tr>\n",
			    ts_html_safe(html, timeline->rule[i].rule->title),
			    ts_outcome_name(timeline->rule[i].outcome),
			    ts_html_safe(html, timeline->rule[i].why));
	ts_html_put(html, "</table></div></section>\n");
}

/* --- coverage */

static bool same_outage(const struct ts_outage *a, const struct ts_outage *b)
{
	return ts_families[a->family].source == ts_families[b->family].source &&
	       a->status == b->status && !strcmp(a->why, b->why) && a->start_ns == b->start_ns &&
	       a->end_ns == b->end_ns;
}

/* Families of one source that were missing together make one row. */
static void outages(const struct ts_html *html)
{
	const struct ts_timeline *timeline = html->timeline;

	if (!timeline->outages) {
		ts_html_put(html, "<p>Every family was measured throughout.</p>\n");
		return;
	}
	ts_html_put(html,
		    "<div class=\"table\"><table><tr><th>not measured</th><th>why</th><th>when</th>"
		    "<th class=\"n\">together</th></tr>\n");
	for (size_t i = 0; i < timeline->outages; i++) {
		const struct ts_outage *outage = &timeline->outage[i];
		const char *names = "";
		bool first = true;

		for (size_t k = 0; k < i && first; k++)
			first = !same_outage(outage, &timeline->outage[k]);
		if (!first)
			continue;
		for (size_t k = i; k < timeline->outages; k++)
			if (same_outage(outage, &timeline->outage[k]))
				names = ts_html_text(html, "%s%s%s", names, *names ? ", " : "",
						     ts_families[timeline->outage[k].family].name);
		ts_html_put(html,
			    "<tr><td class=\"w\">%s: %s</td><td class=\"w\">%s: %s</td><td>%s</td>"
			    "<td class=\"n\">%s</td></tr>\n",
			    ts_source_names[ts_families[outage->family].source],
			    ts_html_safe(html, names), ts_status_name(outage->status),
			    ts_html_safe(html, *outage->why ? outage->why : "no reason given"),
			    ts_html_range(html, outage->start_ns, outage->end_ns),
			    ts_human_seconds(html->arena, outage->seconds));
	}
	ts_html_put(html, "</table></div>\n");
}

/* The kernel gives the number of a namespace that is gone to another one. */
static void shared_numbers(const struct ts_html *html)
{
	const struct ts_timeline *timeline = html->timeline;
	size_t count = 0;

	for (size_t i = 0; i < timeline->netns_count; i++)
		count += timeline->netns[i].earlier_count > 0;
	if (!count)
		return;
	ts_html_put(html,
		    "<dt>namespaces</dt><dd>%zu number%s of network namespaces stood for several, "
		    "one after the other; what was measured in them is one series, called "
		    "first/…/last:",
		    count, count == 1 ? "" : "s");
	for (size_t i = 0, shown = 0; i < timeline->netns_count && shown < ROWS_OPEN; i++) {
		const struct ts_timeline_netns *netns = &timeline->netns[i];

		if (!netns->earlier_count)
			continue;
		ts_html_put(html, "%s %s (", shown++ ? ";" : "",
			    ts_html_safe(html, netns->last.inode));
		for (size_t k = 0; k < netns->earlier_count && k < TS_NETNS_EARLIER; k++)
			ts_html_put(html, "%s, ", ts_html_safe(html, netns->earlier[k]));
		if (netns->earlier_count > TS_NETNS_EARLIER)
			ts_html_put(html, "%zu more, ", netns->earlier_count - TS_NETNS_EARLIER);
		ts_html_put(html, "%s)", ts_html_safe(html, netns->last.name));
	}
	ts_html_put(html, ".</dd>\n");
}

static void damage(const struct ts_html *html)
{
	const struct ts_recording *recording = html->recording;
	const struct ts_timeline *timeline = html->timeline;
	double span = (double)(timeline->end_ns - timeline->start_ns) / 1e9;

	ts_html_put(html, "<dl><dt>time covered</dt><dd>%s of %s",
		    ts_human_seconds(html->arena, timeline->seconds),
		    ts_human_seconds(html->arena, span));
	if (span > 0)
		ts_html_put(html, " (%.4g %%)", fmin(100 * timeline->seconds / span, 100));
	ts_html_put(html, "</dd>\n");
	if (recording) {
		ts_html_put(
			html,
			"<dt>sessions</dt><dd>%zu, of these %zu without an orderly end (killed, "
			"or still running)</dd>\n"
			"<dt>frames missing</dt><dd>%llu (%s between frames of one session)</dd>\n"
			"<dt>frames twice</dt><dd>%llu</dd>\n"
			"<dt>clock steps</dt><dd>%zu</dd>\n"
			"<dt>damaged places</dt><dd>%zu</dd>\n",
			recording->sessions, recording->open_sessions,
			(unsigned long long)recording->missing_frames,
			ts_human_seconds(html->arena, recording->missing_seconds),
			(unsigned long long)recording->duplicates, recording->clock_steps,
			recording->damages);
	}
	shared_numbers(html);
	ts_html_put(html, "</dl>\n");
	if (!recording || !recording->damages)
		return;
	ts_html_put(html,
		    "<details><summary>Damaged places (%zu)</summary><div class=\"table\"><table>"
		    "<tr><th>file</th><th class=\"n\">offset</th><th class=\"n\">bytes</th>"
		    "<th>what</th></tr>\n",
		    recording->damages);
	for (size_t i = 0; i < recording->damages && i < ROWS_MAX; i++) {
		const struct ts_damage *d = &recording->damage[i];

		ts_html_put(html,
			    "<tr><td class=\"w\">%s</td><td class=\"n\">%zu</td><td "
			    "class=\"n\">%zu</td>"
			    "<td>%s</td></tr>\n",
			    ts_html_safe(html, d->segment), d->offset, d->length,
			    ts_html_safe(html, d->what));
	}
	ts_html_put(html, "</table></div>\n");
	if (recording->damages > ROWS_MAX)
		left_out(html, recording->damages - ROWS_MAX);
	ts_html_put(html, "</details>\n");
}

static void overflow(const struct ts_html *html)
{
	bool any = false;

	ts_for_each_family (id) {
		if (!html->timeline->overflowed[id])
			continue;
		ts_html_put(html, any ? ", "
				      : "<p>Observations that found no slot of their own and were "
					"counted as “other”: ");
		ts_html_put(html, "<code>%s</code> %s", ts_families[id].name,
			    ts_human_number(html->arena, (double)html->timeline->overflowed[id]));
		any = true;
	}
	if (any)
		ts_html_put(html, ".</p>\n");
}

void ts_html_coverage(const struct ts_html *html)
{
	rules(html);
	ts_html_put(html, "<section id=\"coverage\"><h2>Coverage</h2>\n");
	damage(html);
	outages(html);
	overflow(html);
	ts_html_put(html, "</section>\n");
}

/* --- own cost */

static double *column_values(const struct ts_html *html, double (*of)(const struct ts_column *))
{
	size_t columns = html->timeline->columns;
	double *value = ts_arena_alloc(html->arena, columns * sizeof *value + 1);

	for (size_t i = 0; i < columns; i++)
		value[i] = of(&html->timeline->column[i]);
	return value;
}

static double cpu_percent(const struct ts_column *column)
{
	return column->cpu_share * 100;
}

static double rss(const struct ts_column *column)
{
	return (double)column->rss_bytes;
}

static double maps(const struct ts_column *column)
{
	return (double)column->map_bytes;
}

static double lost(const struct ts_column *column)
{
	return (double)column->lost_events / column->seconds;
}

static int costlier(const void *a, const void *b)
{
	const struct ts_program_track *x = *(const struct ts_program_track *const *)a;
	const struct ts_program_track *y = *(const struct ts_program_track *const *)b;

	if (x->probe.run_ns != y->probe.run_ns)
		return x->probe.run_ns > y->probe.run_ns ? -1 : 1;
	return strcmp(x->probe.name, y->probe.name);
}

static void program_chart(const struct ts_html *html, const struct ts_program_track *const *program)
{
	const struct ts_timeline *timeline = html->timeline;
	const char *names[PROGRAMS_DRAWN];
	double *values[PROGRAMS_DRAWN];
	size_t count = 0;

	for (size_t i = 0; i < timeline->programs && count < PROGRAMS_DRAWN; i++) {
		if (!program[i]->probe.run_count)
			continue;
		names[count] = program[i]->probe.name;
		values[count] =
			ts_arena_alloc(html->arena, timeline->columns * sizeof **values + 1);
		/* The statistics are on for samples only: a figure stands until the next one. */
		for (size_t c = 0; c < timeline->columns; c++) {
			double ns = c < program[i]->columns ? program[i]->run_ns[c] : NAN;

			values[count][c] = isfinite(ns) ? ns / 1e9 : c ? values[count][c - 1] : NAN;
		}
		count++;
	}
	ts_html_plain_lines(html, "Time of one run of a BPF program, last sample", "s", names,
			    values, count);
}

static void program_table(const struct ts_html *html, const struct ts_program_track *const *program)
{
	ts_html_put(
		html,
		"<details><summary>BPF programs (%zu)</summary><div class=\"table\"><table>"
		"<tr><th>program</th><th>hook</th><th class=\"n\">runs sampled</th><th "
		"class=\"n\">mean run</th><th class=\"n\">instructions</th><th>state</th></tr>\n",
		html->timeline->programs);
	for (size_t i = 0; i < html->timeline->programs; i++) {
		const struct ts_probe_cost *p = &program[i]->probe;

		ts_html_put(
			html,
			"<tr><td class=\"w\">%s</td><td class=\"w\">%s</td><td class=\"n\">%s</td>"
			"<td class=\"n\">%s</td><td class=\"n\">%u</td><td "
			"class=\"w\">%s%s%s</td></tr>\n",
			ts_html_safe(html, p->name), ts_html_safe(html, p->hook),
			ts_human_number(html->arena, (double)p->run_count),
			p->run_count ? ts_human_seconds(html->arena, (double)p->run_ns / 1e9 /
									     (double)p->run_count)
				     : "–",
			p->instructions,
			p->status == TS_STATUS_OK ? "attached" : ts_status_name(p->status),
			*p->why ? ": " : "", ts_html_safe(html, p->why));
	}
	ts_html_put(html, "</table></div></details>\n");
}

void ts_html_cost(const struct ts_html *html)
{
	const struct ts_timeline *timeline = html->timeline;
	const struct ts_program_track **program =
		ts_arena_alloc(html->arena, (timeline->programs + 1) * sizeof *program);
	__u64 lost_events = 0;

	for (size_t i = 0; i < timeline->programs; i++)
		program[i] = &timeline->program[i];
	qsort(program, timeline->programs, sizeof *program, costlier);
	for (size_t i = 0; i < timeline->columns; i++)
		lost_events += timeline->column[i].lost_events;

	ts_html_put(html,
		    "<section id=\"cost\"><h2>Own cost</h2><p class=\"dim\">What tunescope itself "
		    "took on this host while it recorded.</p>\n<div class=\"charts\">\n");
	ts_html_plain_lines(html, "CPU time of tunescope, of one CPU", "%",
			    (const char *const[]){"user and system"},
			    (double *const[]){column_values(html, cpu_percent)}, 1);
	ts_html_plain_lines(html, "Memory", "B", (const char *const[]){"resident", "BPF maps"},
			    (double *const[]){column_values(html, rss), column_values(html, maps)},
			    2);
	if (timeline->programs)
		program_chart(html, program);
	if (lost_events)
		ts_html_plain_lines(html, "Lost events", "/s", (const char *const[]){"lost"},
				    (double *const[]){column_values(html, lost)}, 1);
	ts_html_put(html, "</div><p>Lost events: %s.</p>\n",
		    ts_human_number(html->arena, (double)lost_events));
	if (timeline->programs)
		program_table(html, program);
	ts_html_put(html, "</section>\n");
}
