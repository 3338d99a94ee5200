// SPDX-License-Identifier: GPL-2.0-only
/* Rates and gauges over time: stepped lines, or areas on top of each other. */
#include "html_write.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "units.h"
#include "../arena.h"

#define LINES_MAX 8 /* drawn; the largest ones */
#define HEIGHT	  120
#define ROWS	  1000
#define HELD_NS	  10000000000ULL

struct line {
	const char *name;
	double *value; /* for each column; NAN: not there */
	double weight; /* what decides whether it is drawn */
};

struct chart {
	const struct ts_html *html;
	const char *title, *unit, *note;
	const enum ts_family_id *family;
	struct line *line;
	size_t lines, capacity;
	bool stacked;
	bool share; /* cannot be more than all of the time: what is, are two clocks that differ */
	double top; /* of the scale */
};

static struct line *line_of(struct chart *chart, const char *name)
{
	struct ts_arena *arena = chart->html->arena;
	size_t columns = chart->html->timeline->columns;
	struct line *line;

	for (size_t i = 0; i < chart->lines; i++)
		if (!strcmp(chart->line[i].name, name))
			return &chart->line[i];
	chart->line = ts_arena_grow(arena, chart->line, chart->lines, &chart->capacity,
				    sizeof *chart->line);
	line = &chart->line[chart->lines++];
	*line = (struct line){.name = name};
	line->value = ts_arena_alloc(arena, columns * sizeof *line->value + 1);
	for (size_t i = 0; i < columns; i++)
		line->value[i] = NAN;
	return line;
}

/* Series of one line add up; of peaks the largest counts. */
static void add_track(const struct chart *chart, struct line *line, const struct ts_track *track,
		      double factor)
{
	bool peak = ts_families[track->family].kind == TS_KIND_PEAK;

	for (size_t i = 0; i < chart->html->timeline->columns; i++) {
		double value = ts_track_value(track, i) * factor;

		if (!isfinite(value))
			continue;
		if (!isfinite(line->value[i]))
			line->value[i] = value;
		else if (!peak)
			line->value[i] += value;
		else
			line->value[i] = fmax(line->value[i], value);
	}
}

/*
 * Some gauges are read less often than windows are short: a value stands until the next one, for a
 * few seconds and while the family is measured.
 */
static void hold(const struct chart *chart, struct line *line, enum ts_family_id family)
{
	const struct ts_timeline *timeline = chart->html->timeline;
	size_t last = SIZE_MAX;

	for (size_t i = 0; i < timeline->columns; i++) {
		if (!ts_timeline_measured(timeline, i, family))
			last = SIZE_MAX;
		if (!isfinite(line->value[i]))
			continue;
		if (last != SIZE_MAX &&
		    timeline->column[i].start_ns - timeline->column[last].end_ns <= HELD_NS)
			for (size_t k = last + 1; k < i; k++)
				line->value[k] = line->value[last];
		last = i;
	}
}

static void weigh(const struct chart *chart, struct line *line)
{
	line->weight = 0;
	for (size_t i = 0; i < chart->html->timeline->columns; i++)
		if (isfinite(line->value[i]))
			line->weight +=
				fabs(line->value[i]) * chart->html->timeline->column[i].seconds;
}

static int heavier(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	return strcmp(x->name, y->name);
}

/*
 * A round number at or above the largest value, of which the half is round as well: of the table
 * times a power of ten, for bytes of two.
 */
static double round_top(double largest, const char *unit)
{
	static const double decimal[] = {1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10};
	static const double binary[] = {1, 1.25, 1.5, 2};
	bool bytes = *unit == 'B';
	const double *digit = bytes ? binary : decimal;
	double base;

	if (!(largest > 0))
		return 1;
	base = bytes ? exp2(floor(log2(largest))) : pow(10, floor(log10(largest)));
	while (largest > *digit * base * 1.0001)
		digit++;
	return *digit * base;
}

static void find_top(struct chart *chart)
{
	double largest = 0;

	for (size_t c = 0; c < chart->html->timeline->columns; c++) {
		double sum = 0;

		for (size_t i = 0; i < chart->lines && i < LINES_MAX; i++) {
			double value = chart->line[i].value[c];

			if (!isfinite(value))
				continue;
			sum = chart->stacked ? sum + value : fmax(sum, value);
		}
		largest = fmax(largest, sum);
	}
	chart->top = round_top(largest, chart->unit);
	if (chart->share && chart->top > 100)
		chart->top = 100;
}

/* The area between the sums of the lines below and with this one. */
static void draw_area(const struct chart *chart, size_t number, const double *below,
		      const double *with)
{
	const struct ts_html *html = chart->html;
	const struct ts_timeline *timeline = html->timeline;

	ts_html_put(html, "<path class=\"area c%zu\" d=\"", number % LINES_MAX);
	for (size_t i = 0; i < timeline->columns; i++) {
		int left = ts_html_x(html, timeline->column[i].start_ns);
		int right = ts_html_x(html, timeline->column[i].end_ns);
		int low, high;

		if (!isfinite(with[i]) || with[i] <= below[i])
			continue;
		low = (int)lround((1 - below[i] / chart->top) * ROWS);
		high = (int)lround((1 - fmin(with[i] / chart->top, 1)) * ROWS);
		if (right <= left)
			right = left + 1;
		if (low > high)
			ts_html_put(html, "M%d %dH%dV%dH%dz", left, high, right, low, left);
	}
	ts_html_put(html, "\"/>\n");
}

static void draw_stack(const struct chart *chart)
{
	size_t columns = chart->html->timeline->columns;
	double *below = ts_arena_alloc(chart->html->arena, columns * sizeof *below + 1);
	double *with = ts_arena_alloc(chart->html->arena, columns * sizeof *with + 1);

	for (size_t i = 0; i < chart->lines && i < LINES_MAX; i++) {
		for (size_t c = 0; c < columns; c++)
			with[c] = isfinite(chart->line[i].value[c])
					  ? below[c] + chart->line[i].value[c]
					  : NAN;
		draw_area(chart, i, below, with);
		for (size_t c = 0; c < columns; c++)
			below[c] = isfinite(with[c]) ? with[c] : below[c];
	}
}

static void draw_lines(const struct chart *chart)
{
	size_t columns = chart->html->timeline->columns;
	double *share = ts_arena_alloc(chart->html->arena, columns * sizeof *share + 1);

	for (size_t i = chart->lines < LINES_MAX ? chart->lines : LINES_MAX; i-- > 0;) {
		for (size_t c = 0; c < columns; c++)
			share[c] = chart->line[i].value[c] / chart->top;
		ts_html_steps(chart->html, ts_html_text(chart->html, "line c%zu", i), share, ROWS,
			      1);
	}
}

/* Minimum, mean (by time), maximum and the last value: the figures that need no script. */
static void legend(const struct chart *chart)
{
	const struct ts_html *html = chart->html;
	const struct ts_timeline *timeline = html->timeline;

	ts_html_put(html, "<div class=\"table\"><table class=\"legend\"><tr><th></th><th class=\"n "
			  "optional\">min</th><th class=\"n\">mean</th><th class=\"n\">max</th><th "
			  "class=\"n\">last</th></tr>\n");
	for (size_t i = 0; i < chart->lines && i < LINES_MAX; i++) {
		const struct line *line = &chart->line[i];
		double least = INFINITY, most = -INFINITY, sum = 0, seconds = 0, last = NAN;

		for (size_t c = 0; c < timeline->columns; c++) {
			if (!isfinite(line->value[c]))
				continue;
			least = fmin(least, line->value[c]);
			most = fmax(most, line->value[c]);
			sum += line->value[c] * timeline->column[c].seconds;
			seconds += timeline->column[c].seconds;
			last = line->value[c];
		}
		ts_html_put(
			html,
			"<tr><td><svg class=\"swatch\" viewBox=\"0 0 12 12\" "
			"aria-hidden=\"true\"><rect class=\"c%zu\" y=\"2\" width=\"10\" "
			"height=\"8\"/></svg> %s</td><td class=\"n optional\">%s</td><td "
			"class=\"n\">%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td></tr>\n",
			i, ts_html_safe(html, line->name), ts_html_value(html, least, chart->unit),
			ts_html_value(html, seconds > 0 ? sum / seconds : NAN, chart->unit),
			ts_html_value(html, most, chart->unit),
			ts_html_value(html, last, chart->unit));
	}
	ts_html_put(html, "</table></div>\n");
	if (chart->lines > LINES_MAX)
		ts_html_put(html,
			    "<figcaption>The largest %d of %zu series are drawn; all are in the "
			    "table at the end of this section.</figcaption>\n",
			    LINES_MAX, chart->lines);
}

static void put_data(const struct chart *chart)
{
	const struct ts_html *html = chart->html;
	size_t count = chart->lines < LINES_MAX ? chart->lines : LINES_MAX;

	ts_html_put(html, "<script type=\"application/json\">{\"unit\":\"%s\",", chart->unit);
	if (chart->family) {
		ts_html_missing(html, *chart->family);
		ts_html_put(html, ",");
	}
	ts_html_put(html, "\"names\":[");
	for (size_t i = 0; i < count; i++)
		ts_html_put(html, "%s%s", i ? "," : "", ts_html_json(html, chart->line[i].name));
	ts_html_put(html, "],\"values\":[");
	for (size_t i = 0; i < count; i++) {
		ts_html_put(html, i ? ",[" : "[");
		for (size_t c = 0; c < html->timeline->columns; c++) {
			ts_html_put(html, c ? "," : "");
			ts_html_number(html, chart->line[i].value[c]);
		}
		ts_html_put(html, "]");
	}
	ts_html_put(html, "]}</script>\n");
}

static void draw(struct chart *chart)
{
	const struct ts_html *html = chart->html;
	struct ts_html_tick tick[3];
	struct ts_html_chart frame = {
		.aria = ts_html_text(html, "Chart: %s over time", chart->title),
		.height = HEIGHT,
		.time_ticks = 4,
		.tick = tick,
		.ticks = 3,
		.family = chart->family,
	};

	find_top(chart);
	for (size_t i = 0; i < 3; i++) {
		tick[i].share = (double)i / 2;
		tick[i].label =
			i ? ts_html_short(html, chart->top * (double)i / 2, chart->unit) : "0";
	}
	ts_html_put(html, "<figure><h3>%s <small>%s</small></h3>\n",
		    ts_html_safe(html, chart->title), ts_html_safe(html, chart->note));
	ts_html_chart_begin(html, &frame);
	ts_html_put(html,
		    "<svg width=\"100%%\" height=\"100%%\" viewBox=\"0 0 %d %d\" "
		    "preserveAspectRatio=\"none\">\n",
		    TS_HTML_WIDTH, ROWS);
	if (chart->stacked)
		draw_stack(chart);
	else
		draw_lines(chart);
	ts_html_put(html, "</svg>");
	ts_html_chart_end(html, &frame);
	legend(chart);
	put_data(chart);
	ts_html_put(html, "</figure>\n");
}

/* What a family's numbers are in a chart, and what they are multiplied with before. */
static const char *unit_of(const struct ts_html *html, const struct ts_html_lines *lines,
			   double *factor, const char **note)
{
	const struct ts_family *family = &ts_families[lines->family];

	*factor = 1;
	*note = "";
	if (family->kind != TS_KIND_COUNTER)
		return family->unit == TS_UNIT_SECONDS ? "s"
		       : family->unit == TS_UNIT_BYTES ? "B"
						       : "";
	switch (family->unit) {
	case TS_UNIT_SECONDS:
		if (lines->family == TS_FAMILY_DISK_WEIGHTED) {
			*note = "mean requests in flight";
			return "";
		}
		*factor = 100;
		*note = "share of the time";
		if (lines->family == TS_FAMILY_CPU_TIME) {
			*factor = 1; /* share_of_modes makes it percent */
			*note = "of all CPUs";
		}
		return "%";
	case TS_UNIT_BYTES: return "B/s";
	default: *note = "per second"; return "/s";
	}
}

static bool wanted(const struct ts_html_lines *lines, const char *value, struct ts_arena *arena)
{
	return !lines->only || strstr(lines->only, ts_arena_printf(arena, ",%s,", value));
}

static void gather(struct chart *chart, const struct ts_html_lines *lines, double factor)
{
	const struct ts_html *html = chart->html;
	const struct ts_family *family = &ts_families[lines->family];
	size_t key = 0;

	while (lines->key && key < family->labels && strcmp(family->label_key[key], lines->key))
		key++;
	for (const struct ts_track *t = html->timeline->track[lines->family]; t; t = t->next) {
		const char *name = lines->key && key < family->labels
					   ? t->label[key]
					   : ts_html_labels(html, lines->family, t->label);

		if (lines->key && !wanted(lines, name, html->arena))
			continue;
		add_track(chart, line_of(chart, name), t, factor);
	}
	for (size_t i = 0; i < chart->lines; i++) {
		if (family->kind != TS_KIND_COUNTER)
			hold(chart, &chart->line[i], lines->family);
		weigh(chart, &chart->line[i]);
	}
}

/*
 * CPU time as a share of all modes together, idle among them: they are read at one moment, which
 * the length of a window is not, on a host that is busy.
 */
static void share_of_modes(const struct chart *chart, enum ts_family_id family)
{
	const struct ts_timeline *timeline = chart->html->timeline;

	for (size_t c = 0; c < timeline->columns; c++) {
		double total = 0;

		for (const struct ts_track *t = timeline->track[family]; t; t = t->next)
			if (isfinite(ts_track_value(t, c)))
				total += ts_track_value(t, c);
		for (size_t i = 0; i < chart->lines; i++)
			chart->line[i].value[c] =
				total > 0 ? 100 * chart->line[i].value[c] / total : NAN;
	}
}

/*
 * The figures of a snapshot are read one after the other, in a few milliseconds, or much longer
 * while there is no CPU to be had: then one of them covers more time than the window.
 */
static bool read_late(const struct chart *chart)
{
	for (size_t i = 0; i < chart->lines; i++)
		for (size_t c = 0; c < chart->html->timeline->columns; c++)
			if (chart->line[i].value[c] > 100.05)
				return true;
	return false;
}

bool ts_html_lines(const struct ts_html *html, const struct ts_html_lines *lines)
{
	struct chart chart = {
		.html = html,
		.title = lines->title,
		.family = &lines->family,
		.stacked = lines->style == TS_HTML_STACK,
		.share = lines->family == TS_FAMILY_CPU_TIME ||
			 lines->family == TS_FAMILY_PRESSURE ||
			 lines->family == TS_FAMILY_DISK_BUSY,
	};
	double factor;
	size_t kept = 0;

	chart.unit = unit_of(html, lines, &factor, &chart.note);
	gather(&chart, lines, factor);
	if (lines->family == TS_FAMILY_CPU_TIME)
		share_of_modes(&chart, lines->family);
	for (size_t i = 0; i < chart.lines; i++)
		if (chart.line[i].weight > 0)
			chart.line[kept++] = chart.line[i];
	chart.lines = kept;
	if (!kept)
		return false;
	if (chart.share && read_late(&chart))
		chart.note = "share of the time; more than 100 % where it was read late, after "
			     "the other figures";
	qsort(chart.line, chart.lines, sizeof *chart.line, heavier);
	draw(&chart);
	return true;
}

void ts_html_plain_lines(const struct ts_html *html, const char *title, const char *unit,
			 const char *const *names, double *const *values, size_t count)
{
	struct chart chart = {.html = html, .title = title, .unit = unit, .note = ""};

	for (size_t i = 0; i < count; i++) {
		struct line *line = line_of(&chart, names[i]);

		memcpy(line->value, values[i], html->timeline->columns * sizeof *values[i]);
		weigh(&chart, line);
	}
	if (!chart.lines)
		return;
	qsort(chart.line, chart.lines, sizeof *chart.line, heavier);
	draw(&chart);
}
