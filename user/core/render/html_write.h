/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the HTML report are written with. */
#ifndef TUNESCOPE_HTML_WRITE_H
#define TUNESCOPE_HTML_WRITE_H

#include "html.h"

struct ts_html {
	FILE *out;
	struct ts_arena *arena; /* for texts that live until the page is done */
	const struct ts_timeline *timeline;
	const struct ts_recording *recording;
	unsigned int heatmaps; /* drawn so far */
};

/* Literal markup, or numbers; texts go through ts_html_safe first. */
void ts_html_put(const struct ts_html *html, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Untrusted text for element content and for attributes in double quotes, in HTML and in SVG:
 * markup is escaped; control characters, invisible ones and those that change the direction of
 * writing become \xNN.
 */
const char *ts_html_safe(const struct ts_html *html, const char *text);

/* The same for a string in a JSON block inside <script>, quotes included. */
const char *ts_html_json(const struct ts_html *html, const char *text);

/* A number for JSON: null when it is none. */
void ts_html_number(const struct ts_html *html, double value);

/* <time>, UTC; the script turns it into the reader's time. A range names the day once. */
const char *ts_html_time(const struct ts_html *html, __u64 at_ns);
const char *ts_html_range(const struct ts_html *html, __u64 from_ns, __u64 to_ns);

/* unit: "s", "B", "%", "", or one of these with "/s". Markup-free. */
const char *ts_html_value(const struct ts_html *html, double value, const char *unit);

/* The same, short: for an axis. */
const char *ts_html_short(const struct ts_html *html, double value, const char *unit);

/* "nvme0n1 read", "port 8080, labsrv": a series as people call it; "all" without labels. Not
 * escaped. */
const char *ts_html_labels(const struct ts_html *html, enum ts_family_id family,
			   const char *const *label);
/* "network namespace labsrv (4026532211)" for an inode, not escaped. */
const char *ts_html_netns(const struct ts_html *html, const char *inode);

/* A scope of a setting: "", a namespace or a device; not escaped. */
const char *ts_html_scope(const struct ts_html *html, enum ts_setting_id id, const char *scope);

#define ts_html_text(html, ...) ts_arena_printf((html)->arena, __VA_ARGS__)

/* --- charts (html_chart.c) */

#define TS_HTML_WIDTH 2000 /* of a chart's inner picture, whatever its width on the screen */

/* Where a moment is: in units of the inner picture, and in percent. */
int ts_html_x(const struct ts_html *html, __u64 at_ns);
double ts_html_percent(const struct ts_html *html, __u64 at_ns);

struct ts_html_tick {
	double share; /* from the bottom, 0..1 */
	const char *label;
};

struct ts_html_chart {
	const char *aria;	 /* what it shows; escaped here */
	unsigned int height;	 /* of the picture, pixels */
	unsigned int time_ticks; /* at most so many */
	const struct ts_html_tick *tick;
	size_t ticks;
	const enum ts_family_id *family; /* whose missing stretches are hatched; NULL: only time not
					    recorded */
};

/*
 * The <svg> with axes, grid, hatched gaps; then comes what is drawn in percent of the picture; then
 * ts_html_chart_end with marks.
 */
void ts_html_chart_begin(const struct ts_html *html, const struct ts_html_chart *chart);
void ts_html_chart_end(const struct ts_html *html, const struct ts_html_chart *chart);
void ts_html_time_axis(const struct ts_html *html, unsigned int ticks);
/* Stretches that were not recorded, or (family not NULL) not measured. */
void ts_html_gaps(const struct ts_html *html, const enum ts_family_id *family);
/* "missing":[columns in which the family was not measured] for the script. */
void ts_html_missing(const struct ts_html *html, enum ts_family_id family);

/*
 * A stepped line: draws values that are a number, breaks elsewhere, and does not join two values
 * that are further apart than jump. share, jump: 0..1 of the height, from the bottom.
 */
void ts_html_steps(const struct ts_html *html, const char *classes, const double *share,
		   unsigned int rows, double jump);

/* A letter for the n-th change of a setting: A..Z, a..z; '*' beyond. */
char ts_html_letter(size_t n);

/* --- parts */

bool ts_html_heatmap(struct ts_html *html, const struct ts_track *track, const char *title);

enum ts_html_style { TS_HTML_LINES, TS_HTML_STACK };
struct ts_html_lines {
	enum ts_family_id family;
	const char *title;
	const char *key;  /* series are put together by this label; "" none */
	const char *only; /* ",a,b," values of that label; NULL: all */
	enum ts_html_style style;
};
/* False when there is nothing but zeros, or nothing at all: then nothing is written. */
bool ts_html_lines(const struct ts_html *html, const struct ts_html_lines *lines);
/* A chart of values that are no family: own cost. */
void ts_html_plain_lines(const struct ts_html *html, const char *title, const char *unit,
			 const char *const *names, double *const *values, size_t count);

void ts_html_head(const struct ts_html *html);
void ts_html_findings(const struct ts_html *html);
void ts_html_lanes(const struct ts_html *html);
void ts_html_sections(struct ts_html *html);
void ts_html_settings(const struct ts_html *html);
void ts_html_coverage(const struct ts_html *html);
void ts_html_cost(const struct ts_html *html);

#endif
