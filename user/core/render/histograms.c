// SPDX-License-Identifier: GPL-2.0-only
/* Latencies as text bars, where there is enough of them to mean something. */
#include "page.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bars.h"
#include "units.h"
#include "../arena.h"
#include "../histogram.h"

#define BARS_SHOWN 6	/* histograms drawn as bars; the rest is one line each */
#define MATERIAL   0.01 /* share of a family's observations that makes a series worth a line */

/* What is shown without --all, and from how many observations on. */
static const struct {
	enum ts_family_id family;
	__u64 least;
	size_t most; /* series */
} shown[] = {
	{TS_FAMILY_RUNQ_LATENCY, 1, 1},		{TS_FAMILY_BLOCK_LATENCY, 20, 6},
	{TS_FAMILY_DIRTY_THROTTLE_PAUSE, 1, 4}, {TS_FAMILY_TCP_CONNECT_LATENCY, 5, 3},
	{TS_FAMILY_TCP_SMOOTHED_RTT, 5, 3},	{TS_FAMILY_TCP_LIVE_SMOOTHED_RTT, 20, 3},
};

static int by_count(const void *a, const void *b)
{
	const struct ts_series *const *left = a, *const *right = b;
	__u64 l = (*left)->histogram->count, r = (*right)->histogram->count;

	return l > r ? -1 : l < r;
}

/* The series with at least that many observations, most first. */
static size_t choose(const struct ts_page *page, const struct ts_report *report,
		     enum ts_family_id id, __u64 least, const struct ts_series ***chosen)
{
	const struct ts_family_data *data = &report->window->delta->family[id];
	size_t count = 0;
	__u64 total = 0;

	*chosen = ts_arena_alloc(page->arena, (data->count + 1) * sizeof **chosen);
	ts_for_each_series (s, report->window, id)
		total += s->histogram->count;
	ts_for_each_series (s, report->window, id)
		if (s->histogram->count >= least &&
		    (double)s->histogram->count >= (double)total * MATERIAL)
			(*chosen)[count++] = s;
	qsort(*chosen, count, sizeof **chosen, by_count);
	return count;
}

static const char *value_text(const struct ts_page *page, const struct ts_histogram *h,
			      double value)
{
	return h->unit == TS_UNIT_BYTES ? ts_human_bytes(page->arena, value)
					: ts_human_seconds(page->arena, value);
}

static void summary_line(const struct ts_page *page, enum ts_family_id id,
			 const struct ts_series *series)
{
	const struct ts_histogram *h = series->histogram;
	const struct ts_family *family = &ts_families[id];
	const char *name = family->name;

	for (size_t i = 0; i < family->labels; i++)
		name = ts_page_text(page, "%s%s%s=%s", name, i ? "," : " ", family->label_key[i],
				    series->label[i]);
	ts_page_paragraph(page, TS_INK_TITLE, 2, "", name);
	ts_page_paragraph(page, TS_INK_PLAIN, 2, "  ",
			  ts_page_text(page, "%llu observations; p50 %s, p95 %s, p99 %s, max %s%s",
				       h->count,
				       value_text(page, h, ts_histogram_quantile(h, 0.50)),
				       value_text(page, h, ts_histogram_quantile(h, 0.95)),
				       value_text(page, h, ts_histogram_quantile(h, 0.99)),
				       h->max_is_bound ? "below " : "",
				       value_text(page, h, ts_histogram_max(h))));
}

static void draw_bar(const struct ts_page *page, double share, unsigned int room)
{
	/* Eighths of a block, from U+2588 (full) down to U+258F (one eighth). */
	double length = share * room;
	unsigned int whole = (unsigned int)length;
	unsigned int eighths = (unsigned int)((length - whole) * 8);

	for (unsigned int i = 0; i < whole; i++)
		fputs(page->options->utf8 ? "\xe2\x96\x88" : "#", page->out);
	if (page->options->utf8 && eighths)
		fprintf(page->out, "\xe2\x96%c", 0x90 - (int)eighths);
	else if (!whole && share > 0)
		fputc('.', page->out);
}

static void draw_bars(const struct ts_page *page, const struct ts_histogram *h)
{
	struct ts_bar bar[TS_BARS_MAX];
	size_t bars = ts_bars_make(h, bar);
	unsigned int room = page->width - 37;
	__u64 largest = 1;

	for (size_t i = 0; i < bars; i++)
		largest = bar[i].count > largest ? bar[i].count : largest;
	for (size_t i = 0; i < bars; i++) {
		fprintf(page->out, "  %9s .. %-9s %9s |", value_text(page, h, bar[i].low),
			isinf(bar[i].high) ? "" : value_text(page, h, bar[i].high),
			ts_human_number(page->arena, (double)bar[i].count));
		draw_bar(page, (double)bar[i].count / (double)largest, room > 3 ? room : 3);
		fputc('\n', page->out);
	}
}

static void show_family(const struct ts_page *page, const struct ts_report *report,
			enum ts_family_id id, __u64 least, size_t most, size_t *drawn)
{
	const struct ts_series **chosen;
	size_t count = choose(page, report, id, least, &chosen);

	for (size_t i = 0; i < count && i < most; i++) {
		if (!*drawn)
			ts_page_heading(page, "Histograms");
		else
			fputc('\n', page->out);
		summary_line(page, id, chosen[i]);
		if (*drawn < BARS_SHOWN || page->options->everything)
			draw_bars(page, chosen[i]->histogram);
		(*drawn)++;
	}
	if (count > most)
		ts_page_paragraph(page, TS_INK_DIM, 2, "  ",
				  ts_page_text(page, "and %zu more of %s (--all, --json)",
					       count - most, ts_families[id].name));
}

void ts_page_histograms(const struct ts_page *page, const struct ts_report *report)
{
	size_t drawn = 0;

	if (page->options->everything) {
		ts_for_each_family (id)
			if (ts_families[id].kind == TS_KIND_HISTOGRAM)
				show_family(page, report, (enum ts_family_id)id, 1, SIZE_MAX,
					    &drawn);
		return;
	}
	for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
		show_family(page, report, shown[i].family, shown[i].least, shown[i].most, &drawn);
}
