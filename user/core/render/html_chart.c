// SPDX-License-Identifier: GPL-2.0-only
/* What all charts have: a time axis, a grid, hatched gaps, marks of changed settings. */
#include "html_write.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "units.h"
#include "../arena.h"

#define MARKS_DRAWN 60

double ts_html_percent(const struct ts_html *html, __u64 at_ns)
{
	const struct ts_timeline *timeline = html->timeline;
	double span = (double)(timeline->end_ns - timeline->start_ns);
	double at = (double)(__s64)(at_ns - timeline->start_ns);

	return span > 0 ? fmin(fmax(100 * at / span, 0), 100) : 0;
}

int ts_html_x(const struct ts_html *html, __u64 at_ns)
{
	return (int)lround(ts_html_percent(html, at_ns) * TS_HTML_WIDTH / 100);
}

char ts_html_letter(size_t n)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	return n < sizeof letters - 1 ? letters[n] : '*';
}

/* Seconds between ticks: a length that people count in. */
static __u64 tick_step(double span_seconds, double most)
{
	static const __u64 steps[] = {1,     2,	    5,	   10,	  15,	  30,	 60,
				      120,   300,   600,   900,	  1800,	  3600,	 7200,
				      10800, 21600, 43200, 86400, 172800, 604800};
	size_t last = sizeof steps / sizeof steps[0] - 1;

	for (size_t i = 0; i < last; i++)
		if (span_seconds / (double)steps[i] <= most)
			return steps[i];
	return steps[last] * (__u64)ceil(span_seconds / (double)steps[last] / most);
}

/* 'd' month and day, 'm' hours and minutes, 's' seconds as well: the script knows them too. */
static char tick_format(__u64 step, __u64 at)
{
	return at % 86400 == 0 && step >= 300 ? 'd' : step % 60 ? 's' : 'm';
}

static const char *tick_label(const struct ts_html *html, __u64 at, char format)
{
	const char *utc = ts_utc_time(html->arena, at * 1000000000ULL), *t = strchr(utc, 'T');

	if (!t)
		return "";
	return format == 'd' ? ts_html_text(html, "%.5s", t - 5)
			     : ts_html_text(html, "%.*s", format == 'm' ? 5 : 8, t + 1);
}

void ts_html_time_axis(const struct ts_html *html, unsigned int ticks)
{
	const struct ts_timeline *timeline = html->timeline;
	double span = (double)(timeline->end_ns - timeline->start_ns) / 1e9;
	__u64 step = tick_step(span, ticks);
	__u64 first = (timeline->start_ns / 1000000000ULL / step + 1) * step;
	unsigned int number = 0;

	for (__u64 at = first; at * 1000000000ULL < timeline->end_ns; at += step, number++) {
		double x = ts_html_percent(html, at * 1000000000ULL);
		char format = tick_format(step, at);

		if (x < 3 || x > 97)
			continue;
		ts_html_put(
			html,
			"<line class=\"axis\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"100%%\" "
			"y2=\"100%%\" "
			"stroke-width=\"2\"/><line class=\"grid\" x1=\"%.2f%%\" x2=\"%.2f%%\" "
			"y1=\"0\" "
			"y2=\"100%%\"/><text class=\"middle%s\" x=\"%.2f%%\" y=\"100%%\" dy=\"14\" "
			"data-t=\"%llu\" data-f=\"%c\">%s</text>\n",
			x, x, x, x, number % 2 && ticks > 5 ? " optional" : "", x,
			(unsigned long long)at * 1000, format, tick_label(html, at, format));
	}
}

static void gap(const struct ts_html *html, __u64 from_ns, __u64 to_ns)
{
	double x = ts_html_percent(html, from_ns), width = ts_html_percent(html, to_ns) - x;

	if (width >= 0.05)
		ts_html_put(html,
			    "<rect class=\"gap\" x=\"%.2f%%\" y=\"0\" width=\"%.2f%%\" "
			    "height=\"100%%\"/>",
			    x, width);
}

void ts_html_gaps(const struct ts_html *html, const enum ts_family_id *family)
{
	const struct ts_timeline *timeline = html->timeline;
	__u64 known_ns = timeline->start_ns; /* everything before is drawn, as a gap or not */

	for (size_t i = 0; i < timeline->columns; i++) {
		const struct ts_column *column = &timeline->column[i];

		if (family && !ts_timeline_measured(timeline, i, *family))
			continue;
		if (column->start_ns > known_ns)
			gap(html, known_ns, column->start_ns);
		known_ns = column->end_ns;
	}
	if (timeline->end_ns > known_ns)
		gap(html, known_ns, timeline->end_ns);
}

void ts_html_missing(const struct ts_html *html, enum ts_family_id family)
{
	const char *separator = "";

	ts_html_put(html, "\"missing\":[");
	for (size_t i = 0; i < html->timeline->columns; i++) {
		if (ts_timeline_measured(html->timeline, i, family))
			continue;
		ts_html_put(html, "%s%zu", separator, i);
		separator = ",";
	}
	ts_html_put(html, "]");
}

void ts_html_chart_begin(const struct ts_html *html, const struct ts_html_chart *chart)
{
	ts_html_put(html,
		    "<svg class=\"plot\" xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" "
		    "data-x=\"1\" height=\"%u\" aria-label=\"%s\">\n",
		    chart->height + 30, ts_html_safe(html, chart->aria));
	ts_html_put(html, "<rect width=\"100%%\" height=\"100%%\" fill=\"transparent\"/>\n");
	for (size_t i = 0; i < chart->ticks; i++) {
		double y = 100 * (1 - chart->tick[i].share);

		ts_html_put(
			html,
			"<line class=\"grid\" x1=\"0\" x2=\"100%%\" y1=\"%.2f%%\" y2=\"%.2f%%\"/>"
			"<text class=\"end\" x=\"-6\" y=\"%.2f%%\" dy=\"4\">%s</text>\n",
			y, y, y, ts_html_safe(html, chart->tick[i].label));
	}
	ts_html_time_axis(html, chart->time_ticks);
	ts_html_gaps(html, chart->family);
	ts_html_put(html, "\n");
}

static bool is_drawn(const struct ts_mark *mark)
{
	return mark->kind == TS_MARK_SETTING || mark->kind == TS_MARK_CLOCK;
}

/* When there are many, those close to each other are one, so that the last are seen as well. */
static double least_distance(const struct ts_timeline *timeline)
{
	size_t count = 0;

	for (size_t i = 0; i < timeline->marks; i++)
		count += is_drawn(&timeline->mark[i]);
	return count <= MARKS_DRAWN ? 0 : 100.0 / MARKS_DRAWN;
}

/* Changed settings, and steps of the clock, through every chart. */
static void marks(const struct ts_html *html)
{
	const struct ts_timeline *timeline = html->timeline;
	double least = least_distance(timeline), last = -INFINITY;

	for (size_t i = 0; i < timeline->marks; i++) {
		const struct ts_mark *mark = &timeline->mark[i];
		double x = ts_html_percent(html, mark->at_ns);

		if (!is_drawn(mark) || x < last + least)
			continue;
		last = x;
		ts_html_put(
			html,
			"<line class=\"%s\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"0\" y2=\"100%%\"/>",
			mark->kind == TS_MARK_SETTING ? "mark" : "clock", x, x);
	}
}

void ts_html_chart_end(const struct ts_html *html, const struct ts_html_chart *chart)
{
	marks(html);
	ts_html_put(html, "<line class=\"axis\" x1=\"0\" x2=\"100%%\" y1=\"100%%\" y2=\"100%%\"/>"
			  "</svg>\n");
}

void ts_html_steps(const struct ts_html *html, const char *classes, const double *share,
		   unsigned int rows, double jump)
{
	const struct ts_timeline *timeline = html->timeline;
	int x = -1, y = -1;

	ts_html_put(html, "<path class=\"%s\" d=\"", classes);
	for (size_t i = 0; i < timeline->columns; i++) {
		int left = ts_html_x(html, timeline->column[i].start_ns);
		int right = ts_html_x(html, timeline->column[i].end_ns), top;

		if (!isfinite(share[i])) {
			x = -1;
			continue;
		}
		top = (int)lround((1 - fmin(fmax(share[i], 0), 1)) * rows);
		if (right <= left)
			right = left + 1;
		if (left != x || abs(top - y) > jump * rows)
			ts_html_put(html, "M%d %dh%d", left, top, right - left);
		else if (top != y)
			ts_html_put(html, "v%dh%d", top - y, right - left);
		else
			ts_html_put(html, "h%d", right - left);
		x = right;
		y = top;
	}
	ts_html_put(html, "\"/>\n");
}
