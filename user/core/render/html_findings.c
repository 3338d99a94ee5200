// SPDX-License-Identifier: GPL-2.0-only
/* The first screen: which host, from when to when, what is wrong, what to type; and when it was. */
#include "html_write.h"

#include <math.h>
#include <string.h>

#include "units.h"
#include "../arena.h"
#include "../rule.h"

#define OPEN_FINDINGS 4 /* more, and what is gone, stand behind <details> */
#define LANES_MAX     20
#define SPANS_SHOWN   3

static bool is_past(const struct ts_timeline_finding *found)
{
	return found->gone;
}

static size_t count_findings(const struct ts_timeline *timeline, enum ts_outcome outcome, bool past)
{
	size_t count = 0;

	for (size_t i = 0; i < timeline->findings; i++)
		count += timeline->finding[i].finding.outcome == outcome &&
			 is_past(&timeline->finding[i]) == past;
	return count;
}

static size_t count_rules(const struct ts_timeline *timeline, enum ts_outcome outcome)
{
	size_t count = 0;

	for (size_t i = 0; i < timeline->rules; i++)
		count += timeline->rule[i].outcome == outcome;
	return count;
}

static void verdict(const struct ts_html *html)
{
	const struct ts_timeline *timeline = html->timeline;
	size_t settings = count_findings(timeline, TS_OUTCOME_RECOMMEND, false);
	size_t problems = count_findings(timeline, TS_OUTCOME_NOT_A_SETTING, false);
	size_t past = count_findings(timeline, TS_OUTCOME_RECOMMEND, true) +
		      count_findings(timeline, TS_OUTCOME_NOT_A_SETTING, true);
	size_t unavailable = count_rules(timeline, TS_OUTCOME_UNAVAILABLE);
	size_t insufficient = count_rules(timeline, TS_OUTCOME_INSUFFICIENT);
	bool judged = count_rules(timeline, TS_OUTCOME_QUIET) ||
		      count_rules(timeline, TS_OUTCOME_ALREADY_SET);

	ts_html_put(html, "<p class=\"verdict %s\">",
		    settings || problems      ? "bad"
		    : judged && !insufficient ? "good"
					      : "");
	if (settings)
		ts_html_put(html, "%zu setting%s to change", settings, settings == 1 ? "" : "s");
	if (problems)
		ts_html_put(html, "%s%zu problem%s that no setting fixes", settings ? ", " : "",
			    problems, problems == 1 ? "" : "s");
	if (!settings && !problems)
		ts_html_put(html, "%s",
			    past ? "Nothing to change any more"
				 : ts_headline_of_nothing(judged, insufficient));
	if (past)
		ts_html_put(html, "; %zu finding%s gone since a setting was changed", past,
			    past == 1 ? "" : "s");
	ts_html_put(html, ".</p>\n");
	if (unavailable || insufficient)
		ts_html_put(html, "<p class=\"dim\">");
	if (unavailable)
		ts_html_put(html, "%zu rule%s could not be judged. ", unavailable,
			    unavailable == 1 ? "" : "s");
	if (insufficient)
		ts_html_put(html, "%zu rule%s would need more data. ", insufficient,
			    insufficient == 1 ? "" : "s");
	if (unavailable || insufficient)
		ts_html_put(html, "<a href=\"#rules\">Why?</a></p>\n");
}

void ts_html_head(const struct ts_html *html)
{
	const struct ts_timeline *timeline = html->timeline;
	const struct ts_host *host = &timeline->host;
	double span = (double)(timeline->end_ns - timeline->start_ns) / 1e9;

	ts_html_put(html, "<header><h1>%s</h1>\n",
		    host->hostname && *host->hostname ? ts_html_safe(html, host->hostname)
						      : "Host unknown (its description is lost)");
	ts_html_put(html, "<p>%s – %s, %s", ts_html_time(html, timeline->start_ns),
		    ts_html_time(html, timeline->end_ns), ts_human_seconds(html->arena, span));
	if (span - timeline->seconds > fmax(1, span * 0.001))
		ts_html_put(html, " (measured %s)",
			    ts_human_seconds(html->arena, timeline->seconds));
	ts_html_put(html,
		    "<br><span class=\"dim\">Times in <span class=\"zone\">UTC</span></span></p>\n"
		    "<p class=\"facts\">");
	if (host->kernel && *host->kernel)
		ts_html_put(html,
			    "<span>Linux %s %s</span><span>%u CPU%s</span><span>%s memory</span>",
			    ts_html_safe(html, host->kernel), ts_html_safe(html, host->machine),
			    host->cpus, host->cpus == 1 ? "" : "s",
			    ts_human_bytes(html->arena, (double)host->memory_bytes));
	ts_html_put(html, "<span>%zu windows in %zu columns</span><span>profile %s</span></p>\n",
		    timeline->frames, timeline->columns, ts_html_safe(html, timeline->profile));
	verdict(html);
	ts_html_put(html, "</header>\n");
}

/* --- one finding */

static void command(const struct ts_html *html, const char *text)
{
	if (*text)
		ts_html_put(html, "<div class=\"command\"><pre>%s</pre></div>\n",
			    ts_html_safe(html, text));
}

static void field(const struct ts_html *html, const char *name, const char *text)
{
	if (*text)
		ts_html_put(html, "<dt>%s</dt><dd>%s</dd>\n", name, ts_html_safe(html, text));
}

static const char *mark_text(const struct ts_html *html, const struct ts_mark *mark)
{
	const char *scope_text;

	switch (mark->kind) {
	case TS_MARK_SETTING:
		scope_text = ts_html_scope(html, ts_setting_by_name(mark->name), mark->scope);
		return ts_html_text(html, "%s: %s → %s%s%s", mark->name, mark->from, mark->to,
				    *scope_text ? ", " : "", scope_text);
	case TS_MARK_SESSION: return "recording started";
	case TS_MARK_BOOT:
		return ts_html_text(html, "the host was restarted%s%s%s",
				    strcmp(mark->from, mark->to) ? ", now Linux " : "",
				    strcmp(mark->from, mark->to) ? mark->to : "", "");
	case TS_MARK_CLOCK:
		return ts_html_text(html, "the wall clock was set %s by %s",
				    mark->seconds > 0 ? "forward" : "back",
				    ts_human_seconds(html->arena, fabs(mark->seconds)));
	}
	return "";
}

/* What was seen, against the change of the setting in question. */
static const char *since_change(const struct ts_timeline *timeline,
				const struct ts_timeline_finding *found)
{
	if (found->gone)
		return "Not seen any more after the change";
	if (found->spans && found->span[0].start_ns >= timeline->mark[found->change - 1].at_ns)
		return "First seen after the change";
	return "Still there, or too soon to tell, after the change";
}

static void when(const struct ts_html *html, const struct ts_timeline_finding *found)
{
	const struct ts_timeline *timeline = html->timeline;

	ts_html_put(html, "<p class=\"dim\">");
	if (!found->spans)
		ts_html_put(html, "Over the whole recording, and in no single stretch of %s.",
			    ts_human_seconds(html->arena, timeline->judge_seconds));
	for (size_t i = 0; i < found->spans && i < SPANS_SHOWN; i++)
		ts_html_put(html, "%s%s", i ? ", " : "Seen ",
			    ts_html_range(html, found->span[i].start_ns, found->span[i].end_ns));
	if (found->spans > SPANS_SHOWN)
		ts_html_put(html, " and %zu more time%s, last until %s", found->spans - SPANS_SHOWN,
			    found->spans == SPANS_SHOWN + 1 ? "" : "s",
			    ts_html_time(html, found->span[found->spans - 1].end_ns));
	if (found->spans)
		ts_html_put(html, "; together %s.",
			    ts_human_seconds(html->arena, found->span_seconds));
	if (found->change)
		ts_html_put(
			html, " <b>%s of %s.</b>", since_change(timeline, found),
			ts_html_safe(html, mark_text(html, &timeline->mark[found->change - 1])));
	else if (!found->over_all)
		ts_html_put(html, " Too little of it to stand out over the whole recording.");
	ts_html_put(html, "</p>\n");
}

static void evidence(const struct ts_html *html, const struct ts_finding *finding)
{
	ts_html_put(html,
		    "<details><summary>Evidence</summary><div><div class=\"table\"><table>"
		    "<tr><th>what</th><th class=\"n\">value</th><th class=\"n\">threshold</th>"
		    "<th class=\"n\">samples</th><th>family</th></tr>\n");
	for (size_t i = 0; i < finding->evidence_count; i++) {
		const struct ts_evidence *e = &finding->evidence[i];
		const char *labels = ts_html_labels(html, e->family, e->label);

		ts_html_put(
			html,
			"<tr><td class=\"w\">%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td>",
			ts_html_safe(html, e->what),
			ts_html_safe(html, ts_human_value(html->arena, e->value, e->unit)),
			e->has_threshold ? ts_html_safe(html, ts_human_bare(html->arena,
									    e->threshold, e->unit))
					 : "–");
		if (e->samples)
			ts_html_put(html, "<td class=\"n\">%s</td>",
				    ts_human_number(html->arena, (double)e->samples));
		else
			ts_html_put(html, "<td class=\"n\">–</td>");
		ts_html_put(html, "<td class=\"w\"><code>%s</code> %s</td></tr>\n",
			    ts_families[e->family].name,
			    strcmp(labels, "all") ? ts_html_safe(html, labels) : "");
	}
	ts_html_put(html, "</table></div>\n");
	if (finding->sufferer_count)
		ts_html_put(html, "<p>Suffers most:");
	for (size_t i = 0; i < finding->sufferer_count && i < 5; i++) {
		const struct ts_sufferer *s = &finding->sufferer[i];
		const char *unit = ts_unit_name(ts_families[s->family].unit);

		ts_html_put(html, "%s %s", i ? "," : "", ts_html_safe(html, s->comm));
		if (s->pid)
			ts_html_put(html, " (%d)", s->pid);
		if (s->cgroup && *s->cgroup)
			ts_html_put(html, " in %s", ts_html_safe(html, s->cgroup));
		ts_html_put(html, " %s",
			    ts_html_safe(html, ts_human_value(html->arena, s->value, unit)));
	}
	ts_html_put(html, "%s<dl>", finding->sufferer_count ? "</p>\n" : "");
	field(html, "computed", finding->computed);
	field(html, "should improve", finding->expect);
	field(html, "risk", finding->risk);
	field(html, "takes effect", finding->takes_effect);
	field(html, "undo", finding->undo);
	ts_html_put(html, "<dt>confidence</dt><dd>%.0f %%</dd>", finding->confidence * 100);
	field(html, "id", finding->id);
	ts_html_put(html, "</dl></div></details>\n");
}

static void scope(const struct ts_html *html, const struct ts_finding *finding)
{
	const char *netns = *finding->netns ? ts_html_netns(html, finding->netns) : "";

	if (*netns)
		ts_html_put(html, " <span class=\"dim\">in %s%s</span>",
			    strncmp(netns, "netns", 5) ? "network namespace " : "",
			    ts_html_safe(html, netns));
	if (*finding->cgroup)
		ts_html_put(html, " <span class=\"dim\">cgroup %s</span>",
			    ts_html_safe(html, finding->cgroup));
}

static void what_to_do(const struct ts_html *html, const struct ts_finding *finding)
{
	if (finding->outcome == TS_OUTCOME_RECOMMEND) {
		ts_html_put(html, "<p class=\"change\"><code>%s</code>: %s → <b>%s</b>",
			    ts_html_safe(html, finding->setting),
			    ts_html_safe(html, finding->current),
			    ts_html_safe(html, finding->proposed));
		scope(html, finding);
		ts_html_put(html, "</p>\n");
		command(html, finding->apply);
		if (*finding->remedy)
			ts_html_put(html, "<p>%s</p>\n", ts_html_safe(html, finding->remedy));
		return;
	}
	ts_html_put(html, "<dl>");
	field(html, "cause", finding->cause);
	field(html, "not to blame", finding->acquits);
	field(html, "what to do", finding->remedy);
	ts_html_put(html, "</dl>\n");
	command(html, finding->apply);
}

static void finding_card(const struct ts_html *html, size_t number)
{
	const struct ts_timeline_finding *found = &html->timeline->finding[number];
	const struct ts_finding *finding = &found->finding;

	ts_html_put(html,
		    "<article class=\"card finding%s\" id=\"finding-%zu\"><h3><span "
		    "class=\"number\">%zu</span>%s</h3>\n",
		    is_past(found) ? " past" : "", number + 1, number + 1,
		    ts_html_safe(html, finding->title));
	what_to_do(html, finding);
	if (finding->harm > 0)
		ts_html_put(html, "<p>Harm%s: %s.</p>\n",
			    found->over_all ? "" : " in the worst stretch",
			    ts_html_safe(html, ts_human_value(html->arena, finding->harm,
							      finding->harm_unit)));
	when(html, found);
	evidence(html, finding);
	ts_html_put(html, "</article>\n");
}

void ts_html_findings(const struct ts_html *html)
{
	const struct ts_timeline *timeline = html->timeline;
	size_t open = 0;

	if (!timeline->findings)
		return;
	ts_html_put(html, "<section id=\"findings\"><h2>What is wrong</h2>\n");
	while (open < timeline->findings && open < OPEN_FINDINGS &&
	       (!open || !is_past(&timeline->finding[open])))
		open++;
	for (size_t i = 0; i < open; i++)
		finding_card(html, i);
	if (open < timeline->findings) {
		size_t past = count_findings(timeline, TS_OUTCOME_RECOMMEND, true);

		ts_html_put(html, "<details><summary>%zu more", timeline->findings - open);
		if (past)
			ts_html_put(html, ", %zu gone since a setting was changed", past);
		ts_html_put(html, "</summary><div>\n");
		for (size_t i = open; i < timeline->findings; i++)
			finding_card(html, i);
		ts_html_put(html, "</div></details>\n");
	}
	ts_html_put(html, "</section>\n");
}

/* --- the timeline above the charts: a lane for each finding, one for settings, one for the
 * recording itself */

static void lane_begin(const struct ts_html *html, unsigned int height, const char *aria)
{
	ts_html_put(html,
		    "<svg class=\"plot lane\" xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" "
		    "data-x=\"1\" height=\"%u\" aria-label=\"%s\"><rect width=\"100%%\" "
		    "height=\"100%%\" fill=\"transparent\"/>",
		    height, ts_html_safe(html, aria));
	ts_html_gaps(html, NULL);
}

static void bar(const struct ts_html *html, const char *classes, __u64 from_ns, __u64 to_ns,
		unsigned int y, unsigned int height)
{
	double x = ts_html_percent(html, from_ns), width = ts_html_percent(html, to_ns) - x;

	ts_html_put(html,
		    "<rect class=\"%s\" x=\"%.2f%%\" y=\"%u\" width=\"%.2f%%\" height=\"%u\"/>",
		    classes, x, y, fmax(width, 0.25), height);
}

static void finding_lane(const struct ts_html *html, size_t number)
{
	const struct ts_timeline_finding *found = &html->timeline->finding[number];
	const struct ts_timeline *timeline = html->timeline;
	const char *past = is_past(found) ? " past" : "";

	ts_html_put(html,
		    "<p class=\"%s\"><a href=\"#finding-%zu\"><span class=\"number\">%zu</span>"
		    "%s</a></p>\n",
		    past, number + 1, number + 1, ts_html_safe(html, found->finding.title));
	lane_begin(html, 12, ts_html_text(html, "When: %s", found->finding.title));
	if (found->over_all)
		bar(html, "all", timeline->start_ns, timeline->end_ns, 4, 4);
	for (size_t i = 0; i < found->spans; i++)
		bar(html, ts_html_text(html, "bar%s", past), found->span[i].start_ns,
		    found->span[i].end_ns, 1, 10);
	ts_html_put(html, "</svg>\n");
}

static void settings_lane(const struct ts_html *html)
{
	const struct ts_timeline *timeline = html->timeline;
	double last = -10;
	size_t letter = 0;

	ts_html_put(html, "<p>Settings changed</p>\n");
	lane_begin(html, 18, "Changes of settings");
	for (size_t i = 0; i < timeline->marks; i++) {
		const struct ts_mark *mark = &timeline->mark[i];
		double x = ts_html_percent(html, mark->at_ns);

		if (mark->kind != TS_MARK_SETTING)
			continue;
		ts_html_put(
			html,
			"<g><title>%s</title><line class=\"mark\" x1=\"%.2f%%\" x2=\"%.2f%%\" "
			"y1=\"0\" y2=\"100%%\"/><line class=\"hit\" x1=\"%.2f%%\" x2=\"%.2f%%\" "
			"y1=\"0\" y2=\"100%%\" data-tip=\"%s\"/>",
			ts_html_safe(html, mark_text(html, mark)), x, x, x, x,
			ts_html_safe(html, mark_text(html, mark)));
		if (x - last >= 2.2 && letter < 52) {
			ts_html_put(html,
				    "<text class=\"letter%s\" x=\"%.2f%%\" y=\"13\" "
				    "dx=\"%d\">%c</text>",
				    x > 97 ? " end" : "", x, x > 97 ? -3 : 3,
				    ts_html_letter(letter));
			last = x;
		}
		letter++;
		ts_html_put(html, "</g>\n");
	}
	ts_html_put(html, "</svg>\n");
}

static void recording_lane(const struct ts_html *html)
{
	const struct ts_timeline *timeline = html->timeline;

	ts_html_put(html, "<p>Recorded <span class=\"dim\">(hatched: not; lines: recording "
			  "started, host restarted, clock set)</span></p>\n");
	ts_html_put(html,
		    "<svg class=\"plot lane\" xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" "
		    "data-x=\"1\" height=\"30\" aria-label=\"What was recorded\"><rect "
		    "width=\"100%%\" height=\"100%%\" fill=\"transparent\"/>"
		    "<svg width=\"100%%\" height=\"14\">");
	ts_html_gaps(html, NULL);
	for (size_t i = 0; i < timeline->columns;) {
		size_t last = i;

		while (last + 1 < timeline->columns &&
		       timeline->column[last + 1].start_ns == timeline->column[last].end_ns)
			last++;
		bar(html, "recorded", timeline->column[i].start_ns, timeline->column[last].end_ns,
		    3, 8);
		i = last + 1;
	}
	for (size_t i = 0; i < timeline->marks; i++) {
		const struct ts_mark *mark = &timeline->mark[i];
		double x = ts_html_percent(html, mark->at_ns);

		if (mark->kind != TS_MARK_SETTING)
			ts_html_put(html,
				    "<line class=\"axis\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"0\" "
				    "y2=\"14\" stroke-width=\"3\" "
				    "data-tip=\"%s\"><title>%s</title></line>",
				    x, x, ts_html_safe(html, mark_text(html, mark)),
				    ts_html_safe(html, mark_text(html, mark)));
	}
	ts_html_put(html, "</svg><svg width=\"100%%\" height=\"14\" overflow=\"visible\">");
	ts_html_time_axis(html, 9);
	ts_html_put(html, "</svg></svg>\n");
}

static size_t count_marks(const struct ts_timeline *timeline, enum ts_mark_kind kind)
{
	size_t count = 0;

	for (size_t i = 0; i < timeline->marks; i++)
		count += timeline->mark[i].kind == kind;
	return count;
}

/* The letters in words: the picture is not the only place where a change is named. */
static void mark_table(const struct ts_html *html)
{
	const struct ts_timeline *timeline = html->timeline;
	size_t letter = 0, shown = 0;

	ts_html_put(html,
		    "<details%s><summary>%zu event%s</summary><div class=\"table\"><table><tr>"
		    "<th></th><th>when</th><th>what</th></tr>\n",
		    timeline->marks <= 12 ? " open" : "", timeline->marks,
		    timeline->marks == 1 ? "" : "s");
	for (size_t i = 0; i < timeline->marks && shown < 500; i++, shown++) {
		const struct ts_mark *mark = &timeline->mark[i];
		char name[2] = "";

		if (mark->kind == TS_MARK_SETTING)
			name[0] = ts_html_letter(letter++);
		ts_html_put(html, "<tr><td><b>%s</b></td><td>%s</td><td class=\"w\">%s</td></tr>\n",
			    name, ts_html_time(html, mark->at_ns),
			    ts_html_safe(html, mark_text(html, mark)));
	}
	ts_html_put(html, "</table></div></details>\n");
	if (shown < timeline->marks + timeline->marks_left_out)
		ts_html_put(html, "<p class=\"dim\">%zu more are left out.</p>\n",
			    timeline->marks + timeline->marks_left_out - shown);
}

void ts_html_lanes(const struct ts_html *html)
{
	const struct ts_timeline *timeline = html->timeline;

	ts_html_put(html, "<section id=\"timeline\"><h2>Timeline</h2>\n<figure class=\"lanes\">\n");
	for (size_t i = 0; i < timeline->findings && i < LANES_MAX; i++)
		finding_lane(html, i);
	if (timeline->findings > LANES_MAX)
		ts_html_put(html, "<p class=\"dim\">%zu more findings have no lane here.</p>\n",
			    timeline->findings - LANES_MAX);
	if (count_marks(timeline, TS_MARK_SETTING))
		settings_lane(html);
	recording_lane(html);
	ts_html_put(html, "</figure>\n");
	if (timeline->findings)
		ts_html_put(
			html,
			"<p class=\"dim\">Bars: stretches of about %s in which a rule found it. "
			"Pale: found over the whole recording as well.</p>\n",
			ts_human_seconds(html->arena, timeline->judge_seconds));
	mark_table(html);
	ts_html_put(html, "</section>\n");
}
