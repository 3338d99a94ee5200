// SPDX-License-Identifier: GPL-2.0-only
/* The page: its head, the order of its parts, the data that all charts share. */
#include "html_write.h"

#include <string.h>

#include "units.h"
#include "../arena.h"

#include "html_css.inc"
#include "html_js.inc"

/* Nothing from outside, no script and no style but these two. */
static void head(const struct ts_html *html)
{
	const char *host = html->timeline->host.hostname ? html->timeline->host.hostname : "";

	ts_html_put(html,
		    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
		    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		    "style-src '%s'; script-src '%s'; base-uri 'none'; form-action 'none'\">\n"
		    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		    "<meta name=\"color-scheme\" content=\"light dark\">\n"
		    "<meta name=\"referrer\" content=\"no-referrer\">\n"
		    "<title>tunescope: %s</title>\n<style>",
		    html_css_hash, html_js_hash, ts_html_safe(html, host));
	fputs(html_css, html->out);
	ts_html_put(html, "</style></head><body>\n");
}

/* Patterns cannot be reached in an element that is not displayed at all: it is empty instead. */
static void patterns(const struct ts_html *html)
{
	ts_html_put(
		html,
		"<svg class=\"hidden\" xmlns=\"http://www.w3.org/2000/svg\" aria-hidden=\"true\">"
		"<defs><pattern id=\"gap\" width=\"6\" height=\"6\" "
		"patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><line "
		"class=\"gapline\" x1=\"0\" y1=\"0\" x2=\"0\" y2=\"6\"/></pattern></defs></svg>\n");
}

/* In ms: when the columns begin and end, from the beginning of the recording. */
static void columns(const struct ts_html *html)
{
	const struct ts_timeline *timeline = html->timeline;
	__u64 start = timeline->start_ns / 1000000;

	ts_html_put(
		html,
		"<script type=\"application/json\" id=\"columns\">{\"start\":%llu,\"end\":%llu,",
		(unsigned long long)start, (unsigned long long)timeline->end_ns / 1000000);
	ts_html_put(html, "\"from\":[");
	for (size_t i = 0; i < timeline->columns; i++)
		ts_html_put(html, "%s%llu", i ? "," : "",
			    (unsigned long long)(timeline->column[i].start_ns / 1000000 - start));
	ts_html_put(html, "],\"to\":[");
	for (size_t i = 0; i < timeline->columns; i++)
		ts_html_put(html, "%s%llu", i ? "," : "",
			    (unsigned long long)(timeline->column[i].end_ns / 1000000 - start));
	ts_html_put(html, "]}</script>\n");
}

static void navigation(const struct ts_html *html)
{
	static const struct {
		const char *anchor, *title;
	} parts[] = {
		{"timeline", "Timeline"}, {"cpu", "CPU"},	    {"block", "Block devices"},
		{"network", "Network"},	  {"memory", "Memory"},	    {"settings", "Settings"},
		{"rules", "Rules"},	  {"coverage", "Coverage"}, {"cost", "Own cost"},
	};

	ts_html_put(html, "<nav aria-label=\"Parts of this page\">");
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		ts_html_put(html, "<a href=\"#%s\">%s</a> ", parts[i].anchor, parts[i].title);
	ts_html_put(html, "</nav>\n");
}

void ts_render_html(FILE *out, const struct ts_timeline *timeline,
		    const struct ts_recording *recording)
{
	struct ts_html html = {
		.out = out,
		.arena = ts_arena_new(),
		.timeline = timeline,
		.recording = recording,
	};

	head(&html);
	patterns(&html);
	ts_html_head(&html);
	ts_html_put(&html, "<main>\n");
	ts_html_findings(&html);
	navigation(&html);
	ts_html_lanes(&html);
	ts_html_sections(&html);
	ts_html_settings(&html);
	ts_html_coverage(&html);
	ts_html_cost(&html);
	ts_html_put(&html,
		    "</main>\n<footer>tunescope %s. The page is complete in this file and loads "
		    "nothing. Heatmaps: the darker (in dark mode, the brighter), the more "
		    "observations; the scale is logarithmic. Percentiles are interpolated "
		    "within buckets of 4.4 %% or 9 %%.</footer>\n<div id=\"tip\" role=\"status\" "
		    "hidden></div>\n",
		    ts_html_safe(&html,
				 timeline->host.tool_version ? timeline->host.tool_version : ""));
	columns(&html);
	ts_html_put(&html, "<script>");
	fputs(html_js, out);
	ts_html_put(&html, "</script></body></html>\n");
	ts_arena_free(html.arena);
}
