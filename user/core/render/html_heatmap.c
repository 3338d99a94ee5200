// SPDX-License-Identifier: GPL-2.0-only
/* A latency heatmap: time across, the logarithm of the value upwards, the colour says how many. */
#include "html_write.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "units.h"
#include "../arena.h"
#include "../histogram.h"

#define LEVELS	     9
#define ROWS_FINE    72 /* with more of them neighbours are put together */
#define ROWS_MINIMUM 12
#define CLIPPED	     0.05 /* of all observations */
#define TICKS_MAX    16
/* Percentiles of few observations jump: then upright strokes would hide the cells. */
#define JUMP   0.2
#define HEIGHT 190

struct heatmap {
	const struct ts_html *html;
	const struct ts_track *track;
	unsigned int scale;	  /* of the rows: 2 or 1 */
	unsigned int first, rows; /* slots of that scale */
	unsigned int
		clip; /* the lowest row also has what lies below it, which is next to nothing */
	__u64 *count; /* rows times columns */
	unsigned char *level; /* likewise; 0: nothing */
	double least, most;   /* observations per second in a cell */
};

/* As merging does it: see include/tunescope/histogram.h. */
static unsigned int row_slot(unsigned int slot, unsigned int scale)
{
	unsigned int overflow = TS_HISTOGRAM_SLOTS(TS_TIMELINE_SCALE) - 1;

	if (slot >= overflow)
		return TS_HISTOGRAM_SLOTS(scale) - 1;
	return slot < 2 ? slot : ((slot - 2) >> (TS_TIMELINE_SCALE - scale)) + 2;
}

static int unit_exponent(const struct ts_track *track)
{
	return track->all->unit == TS_UNIT_BYTES ? 0 : -30;
}

/* Where a value is, in slots: the upper bound of slot k is at k + 1. */
static double position(const struct heatmap *map, double value)
{
	double octaves = log2(value) - unit_exponent(map->track);

	return value > 0 ? 2 + octaves * (1 << map->scale) : 0;
}

static double share_of(const struct heatmap *map, double value)
{
	return (position(map, value) - map->first) / map->rows;
}

/* Slots at the low end with hardly anything in them would take the room of what matters. */
static unsigned int clip_low(const struct heatmap *map, unsigned int low, unsigned int high)
{
	__u64 count[TS_HISTOGRAM_SLOTS(TS_TIMELINE_SCALE)] = {0};
	double below = 0;

	for (size_t i = 0; i < map->html->timeline->columns; i++) {
		const struct ts_cell *cell = ts_track_cell(map->track, i);

		for (unsigned int k = 0; cell && k < cell->slots; k++)
			count[cell->first + k] += cell->slot[k];
	}
	for (; low + ROWS_MINIMUM < high; low++) {
		below += (double)count[low];
		if (below > CLIPPED * (double)map->track->all->count)
			break;
	}
	return low;
}

static bool find_range(struct heatmap *map)
{
	unsigned int low = UINT32_MAX, high = 0;

	for (size_t i = 0; i < map->html->timeline->columns; i++) {
		const struct ts_cell *cell = ts_track_cell(map->track, i);

		if (!cell || !cell->slots)
			continue;
		low = cell->first < low ? cell->first : low;
		high = cell->first + cell->slots > high ? cell->first + cell->slots : high;
	}
	if (high <= low)
		return false;
	low = clip_low(map, low, high);
	map->scale = high - low > ROWS_FINE ? TS_TIMELINE_SCALE - 1 : TS_TIMELINE_SCALE;
	map->first = map->clip = row_slot(low, map->scale);
	map->rows = row_slot(high - 1, map->scale) + 1 - map->first;
	/* A few rows would be drawn as thick as beams: room above and below. */
	while (map->rows < ROWS_MINIMUM) {
		if (map->first)
			map->first--;
		map->rows += 2;
	}
	return true;
}

static void fill(struct heatmap *map)
{
	const struct ts_timeline *timeline = map->html->timeline;
	size_t cells = timeline->columns * map->rows;

	map->count = ts_arena_alloc(map->html->arena, cells * sizeof *map->count);
	map->level = ts_arena_alloc(map->html->arena, cells);
	map->least = INFINITY;
	for (size_t i = 0; i < timeline->columns; i++) {
		const struct ts_cell *cell = ts_track_cell(map->track, i);

		for (unsigned int k = 0; cell && k < cell->slots; k++) {
			unsigned int slot = row_slot(cell->first + k, map->scale);

			slot = slot > map->clip ? slot : map->clip;
			map->count[i * map->rows + slot - map->first] += cell->slot[k];
		}
	}
	for (size_t i = 0; i < cells; i++) {
		double rate = (double)map->count[i] / timeline->column[i / map->rows].seconds;

		if (!map->count[i])
			continue;
		map->least = fmin(map->least, rate);
		map->most = fmax(map->most, rate);
	}
	for (size_t i = 0; i < cells; i++) {
		double rate = (double)map->count[i] / timeline->column[i / map->rows].seconds;
		double span = log(map->most / map->least);
		double at = span > 0 ? log(rate / map->least) / span : 0.6;

		if (map->count[i])
			map->level[i] = (unsigned char)(1 + fmin(floor(at * LEVELS), LEVELS - 1));
	}
}

/* Neighbours of one colour are one rectangle; all of one colour are one path. */
static void draw_level(const struct heatmap *map, unsigned int level)
{
	const struct ts_html *html = map->html;
	const struct ts_timeline *timeline = html->timeline;
	bool any = false;

	for (unsigned int row = 0; row < map->rows; row++) {
		int left = -1, right = -1;

		for (size_t i = 0; i <= timeline->columns; i++) {
			bool here =
				i < timeline->columns && map->level[i * map->rows + row] == level;
			int from = here ? ts_html_x(html, timeline->column[i].start_ns) : -1;

			if (left >= 0 && (!here || from > right)) {
				ts_html_put(
					html, "%sM%d %uh%dv1h-%dz",
					any ? ""
					    : ts_html_text(html, "<path class=\"h%u\" d=\"", level),
					left, map->rows - 1 - row, right - left, right - left);
				any = true;
				left = -1;
			}
			if (!here)
				continue;
			if (left < 0)
				left = from;
			right = ts_html_x(html, timeline->column[i].end_ns);
			right = right > from ? right : from + 1;
		}
	}
	if (any)
		ts_html_put(html, "\"/>\n");
}

/* Only where at least one observation lies above it: else it is but the maximum. */
static void draw_percentile(const struct heatmap *map, const char *classes, size_t member,
			    __u64 least)
{
	const struct ts_timeline *timeline = map->html->timeline;
	double *share = ts_arena_alloc(map->html->arena, timeline->columns * sizeof *share + 1);

	for (size_t i = 0; i < timeline->columns; i++) {
		const struct ts_cell *cell = ts_track_cell(map->track, i);

		share[i] = cell && cell->count >= least
				   ? share_of(map, *(const double *)((const char *)cell + member))
				   : NAN;
	}
	ts_html_steps(map->html, "halo", share, 1000, JUMP);
	ts_html_steps(map->html, classes, share, 1000, JUMP);
}

/* Ticks at powers of ten (of 1024 and 32 for sizes), or 1, 2, 5 when the range is narrow. */
static size_t make_ticks(const struct heatmap *map, struct ts_html_tick tick[TICKS_MAX])
{
	static const double fine[] = {1, 2, 5}, coarse[] = {1};
	bool bytes = map->track->all->unit == TS_UNIT_BYTES;
	double low =
		exp2((double)((int)map->first - 2) / (1 << map->scale) + unit_exponent(map->track));
	double high = exp2((double)(map->first + map->rows - 2) / (1 << map->scale) +
			   unit_exponent(map->track));
	bool narrow = log10(high / low) < 2.2;
	const double *digit = narrow && !bytes ? fine : coarse;
	size_t digits = narrow && !bytes ? 3 : 1, count = 0;
	double base = bytes ? narrow ? 2 : log2(high / low) > 16 ? 16 : 4 : 10;
	int exponent = (int)floor(log(low) / log(base));

	for (; pow(base, exponent) <= high; exponent++)
		for (size_t i = 0; i < digits; i++) {
			double value = pow(base, exponent) * digit[i];
			double share = share_of(map, value);

			if (share < 0 || share > 1 || count == TICKS_MAX)
				continue;
			/* "100 us", not "100.00 us" */
			tick[count].label =
				bytes		 ? ts_human_bytes(map->html->arena, value)
				: value < 0.9e-6 ? ts_html_text(map->html, "%.0f ns", value * 1e9)
				: value < 0.9e-3 ? ts_html_text(map->html, "%.0f us", value * 1e6)
				: value < 0.9	 ? ts_html_text(map->html, "%.0f ms", value * 1e3)
						 : ts_html_text(map->html, "%.0f s", value);
			tick[count++].share = share;
		}
	return count;
}

static void put_data(const struct heatmap *map)
{
	static const size_t member[] = {
		offsetof(struct ts_cell, p50), offsetof(struct ts_cell, p95),
		offsetof(struct ts_cell, p99), offsetof(struct ts_cell, max)};
	const struct ts_html *html = map->html;
	size_t columns = html->timeline->columns;

	ts_html_put(html,
		    "<script type=\"application/json\">{\"unit\":\"%s\",\"first\":%u,\"rows\":%u,"
		    "\"scale\":%u,\"unit0\":%d,\"over\":%d,\"clip\":%u,",
		    map->track->all->unit == TS_UNIT_BYTES ? "B" : "s", map->first, map->rows,
		    1u << map->scale, unit_exponent(map->track),
		    (int)TS_HISTOGRAM_SLOTS(map->scale) - 1, map->clip);
	ts_html_missing(html, map->track->family);
	ts_html_put(html, ",\"q\":[");
	for (size_t q = 0; q < sizeof member / sizeof member[0]; q++) {
		ts_html_put(html, q ? ",[" : "[");
		for (size_t i = 0; i < columns; i++) {
			const struct ts_cell *cell = ts_track_cell(map->track, i);

			fputs(i ? "," : "", html->out);
			ts_html_number(html,
				       cell && cell->count
					       ? *(const double *)((const char *)cell + member[q])
					       : NAN);
		}
		ts_html_put(html, "]");
	}
	ts_html_put(html, "],\"cells\":[");
	for (size_t i = 0; i < columns; i++) {
		const __u64 *count = &map->count[i * map->rows];
		unsigned int low = 0, end = map->rows;

		while (low < end && !count[low])
			low++;
		while (end > low && !count[end - 1])
			end--;
		ts_html_put(html, i ? "," : "");
		if (low == end) {
			ts_html_put(html, "0");
			continue;
		}
		ts_html_put(html, "[%u", low);
		for (unsigned int row = low; row < end; row++)
			ts_html_put(html, ",%llu", (unsigned long long)count[row]);
		ts_html_put(html, "]");
	}
	ts_html_put(html, "]}</script>\n");
}

static void caption(const struct heatmap *map)
{
	const struct ts_html *html = map->html;
	const struct ts_histogram *all = map->track->all;
	const char *unit = all->unit == TS_UNIT_BYTES ? "B" : "s";
	static const struct {
		const char *name;
		double q;
	} quantiles[] = {{"p50", 0.5}, {"p95", 0.95}, {"p99", 0.99}};

	ts_html_put(html, "<figcaption>");
	for (size_t i = 0; i < 3; i++)
		ts_html_put(html,
			    "<span><svg class=\"swatch\" viewBox=\"0 0 12 12\" "
			    "aria-hidden=\"true\"><path class=\"line %s\" d=\"M0 6h12\"/></svg> %s "
			    "%s</span>",
			    quantiles[i].name, quantiles[i].name,
			    ts_html_value(html, ts_histogram_quantile(all, quantiles[i].q), unit));
	ts_html_put(html, "<span>max %s%s</span><span>count %s</span>",
		    all->max_is_bound ? "below " : "",
		    ts_html_value(html, ts_histogram_max(all), unit),
		    ts_human_number(html->arena, (double)all->count));
	ts_html_put(html,
		    "<span>colour: %s/s <svg class=\"scale\" viewBox=\"0 0 9 1\" "
		    "preserveAspectRatio=\"none\" aria-hidden=\"true\">",
		    ts_html_value(html, map->least, ""));
	for (int i = 1; i <= LEVELS; i++)
		ts_html_put(html, "<rect class=\"h%d\" x=\"%d\" width=\"1\" height=\"1\"/>", i,
			    i - 1);
	ts_html_put(html, "</svg> %s/s</span></figcaption>\n", ts_html_value(html, map->most, ""));
}

bool ts_html_heatmap(struct ts_html *html, const struct ts_track *track, const char *title)
{
	struct heatmap map = {.html = html, .track = track};
	struct ts_html_tick tick[TICKS_MAX];
	const char *series = ts_html_labels(html, track->family, track->label);
	bool global = !ts_families[track->family].labels;
	struct ts_html_chart chart = {
		.aria = ts_html_text(html, "Heatmap: %s%s%s over time", title, global ? "" : ", ",
				     global ? "" : series),
		.height = HEIGHT,
		.time_ticks = 9,
		.tick = tick,
		.family = &track->family,
	};

	if (!track->all || !track->all->count || !find_range(&map))
		return false;
	fill(&map);
	chart.ticks = make_ticks(&map, tick);
	ts_html_put(html, "<figure><h3>%s <small>%s</small></h3>\n", ts_html_safe(html, title),
		    global ? "" : ts_html_safe(html, series));
	ts_html_chart_begin(html, &chart);
	ts_html_put(html,
		    "<svg class=\"cells\" width=\"100%%\" height=\"100%%\" viewBox=\"0 0 %d %u\" "
		    "preserveAspectRatio=\"none\">\n",
		    TS_HTML_WIDTH, map.rows);
	for (unsigned int level = 1; level <= LEVELS; level++)
		draw_level(&map, level);
	ts_html_put(html,
		    "</svg><svg width=\"100%%\" height=\"100%%\" viewBox=\"0 0 %d 1000\" "
		    "preserveAspectRatio=\"none\">\n",
		    TS_HTML_WIDTH);
	draw_percentile(&map, "line p50", offsetof(struct ts_cell, p50), 10);
	draw_percentile(&map, "line p95", offsetof(struct ts_cell, p95), 20);
	draw_percentile(&map, "line p99", offsetof(struct ts_cell, p99), 100);
	ts_html_put(html, "</svg>");
	ts_html_chart_end(html, &chart);
	caption(&map);
	put_data(&map);
	ts_html_put(html, "</figure>\n");
	html->heatmaps++;
	return true;
}
