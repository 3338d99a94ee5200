// SPDX-License-Identifier: GPL-2.0-only
/* A comparison of runs as a page of its own: the distributions of both sides laid over each other.
 */
#include "diff.h"

#include <math.h>
#include <string.h>

#include "escape.h"
#include "units.h"
#include "../arena.h"

#define CHARTS_MAX 24
#define WIDTH	   640
#define HEIGHT	   150
#define TAIL	   1e-4 /* of the events on either end, which is not drawn */

/* No script, and nothing from elsewhere. */
static const char head[] =
	"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
	"'unsafe-inline'\">\n<title>tunescope diff</title>\n<style>\n"
	":root{color-scheme:light dark;--a:#1f6fb2;--b:#c2410c;--g:#1a7f37;--line:#8884}\n"
	"@media(prefers-color-scheme:dark){:root{--a:#6cb6ff;--b:#ff9b57;--g:#57d364}}\n"
	"body{font:15px/1.45 system-ui,sans-serif;margin:0 auto;max-width:72rem;padding:1rem}\n"
	"h1{font-size:1.3rem}h2{font-size:1.05rem;margin:1.6rem 0 .3rem}\n"
	".t{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}\n"
	"td,th{padding:.2rem .7rem .2rem 0;text-align:left;border-bottom:1px solid var(--line);"
	"vertical-align:top}td.n,th.n{text-align:right}\n"
	".regressed{color:var(--b);font-weight:600}.improved{color:var(--g);font-weight:600}\n"
	".k{display:inline-block;width:.8em;height:.8em;margin:0 .3em 0 1em}\n"
	"svg{width:100%;max-width:46rem;height:auto;display:block}\n"
	"svg text{font:11px system-ui,sans-serif;fill:currentColor}\n"
	".a{fill:var(--a);stroke:var(--a)}.b{fill:var(--b);stroke:var(--b)}\n"
	".a,.b{fill-opacity:.22;stroke-width:1.5}.x{stroke:var(--line)}\n"
	"</style></head><body>\n";

struct page {
	FILE *out;
	struct ts_arena *arena;
	const struct ts_diff *diff;
};

static const char *safe(const struct page *page, const char *text)
{
	const char *clean = ts_escape(page->arena, text, true);
	char *escaped = ts_arena_alloc(page->arena, strlen(clean) * 6 + 1), *out = escaped;

	for (; *clean; clean++) {
		const char *entity = *clean == '&'   ? "&amp;"
				     : *clean == '<' ? "&lt;"
				     : *clean == '>' ? "&gt;"
				     : *clean == '"' ? "&quot;"
						     : NULL;

		if (entity)
			out = stpcpy(out, entity);
		else
			*out++ = *clean;
	}
	*out = '\0';
	return escaped;
}

static void put_cell(const struct page *page, const char *classes, const char *text)
{
	fprintf(page->out, "<td%s>%s</td>", classes, safe(page, text));
}

static void put_change(const struct page *page, const struct ts_change *change)
{
	struct ts_arena *arena = page->arena;
	const char *interval = "";

	if (change->estimated)
		interval = ts_arena_printf(arena, "%+.0f %% .. %+.0f %%", 100 * (change->low95 - 1),
					   100 * (change->high95 - 1));
	fprintf(page->out, "<tr><td class=\"%s\">%s</td>", ts_verdict_name(change->verdict),
		ts_verdict_name(change->verdict));
	put_cell(page, "", ts_metric_name(arena, change->family, change->label, change->statistic));
	for (int k = 0; k < 2; k++)
		put_cell(page, " class=\"n\"",
			 ts_metric_value(arena, change->family, change->statistic,
					 change->side[k].median));
	put_cell(page, " class=\"n\"", ts_change_text(arena, change));
	put_cell(page, " class=\"n\"", interval);
	put_cell(page, "", change->verdict == TS_VERDICT_UNCHANGED ? "" : change->why);
	fputs("</tr>\n", page->out);
}

static void put_changes(const struct page *page)
{
	const struct ts_comparison *c = page->diff->comparison;

	fputs("<h2>Metrics</h2><div class=\"t\"><table><tr><th>verdict<th>metric<th "
	      "class=\"n\">baseline<th class=\"n\">current<th class=\"n\">change<th "
	      "class=\"n\">95 % interval<th>why</tr>\n",
	      page->out);
	for (size_t i = 0; i < c->changes; i++)
		put_change(page, &c->change[i]);
	fputs("</table></div>\n", page->out);
}

static void put_differences(const struct page *page)
{
	const struct ts_diff *diff = page->diff;

	if (!diff->differences)
		return;
	fputs("<h2>What else differs</h2><div class=\"t\"><table><tr><th><th>baseline<th>current"
	      "</tr>\n",
	      page->out);
	for (size_t i = 0; i < diff->differences; i++) {
		fputs("<tr>", page->out);
		put_cell(page, diff->difference[i].incomparable ? " class=\"regressed\"" : "",
			 diff->difference[i].what);
		put_cell(page, "", diff->difference[i].value[0]);
		put_cell(page, "", diff->difference[i].value[1]);
		fputs("</tr>\n", page->out);
	}
	fputs("</table></div>\n", page->out);
}

/* ---- distributions */

/* All runs of a side put together, at the coarser of both sides' scales. */
static struct ts_histogram *pooled(const struct page *page, int side,
				   const struct ts_change *change, unsigned int scale)
{
	const struct ts_diff *diff = page->diff;
	struct ts_histogram *all = NULL;

	for (size_t i = 0; i < diff->runs[side]; i++) {
		const struct ts_run_series *series;

		if (!diff->comparison->run[side][i].used)
			continue;
		series = ts_run_summary_find(diff->run[side][i]->summary, change->family,
					     change->label);
		if (!series || !series->histogram || series->histogram->scale < scale)
			continue;
		if (!all)
			all = ts_histogram_new(page->arena, scale, series->histogram->unit);
		ts_histogram_merge(all, series->histogram);
	}
	return all;
}

static unsigned int coarsest(const struct page *page, const struct ts_change *change)
{
	unsigned int scale = TS_HISTOGRAM_SCALE_KEYED;

	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < page->diff->runs[k]; i++) {
			const struct ts_run_series *series = ts_run_summary_find(
				page->diff->run[k][i]->summary, change->family, change->label);

			if (series && series->histogram && series->histogram->scale < scale)
				scale = series->histogram->scale;
		}
	return scale;
}

/* Slots from where to where there is anything but a tail. */
static void find_range(const struct ts_histogram *histogram, unsigned int *first,
		       unsigned int *last)
{
	unsigned int slots = TS_HISTOGRAM_SLOTS(histogram->scale);
	double below = 0, tail = TAIL * (double)histogram->count;

	for (unsigned int i = 0; i < slots; i++) {
		double before = below;

		below += (double)histogram->slot[i];
		if (before <= tail && below > tail && i < *first)
			*first = i;
		if (below >= (double)histogram->count - tail) {
			if (i > *last)
				*last = i;
			return;
		}
	}
}

static double highest_share(const struct ts_histogram *histogram)
{
	double highest = 0;

	for (unsigned int i = 0; i < (unsigned int)TS_HISTOGRAM_SLOTS(histogram->scale); i++)
		highest = fmax(highest, (double)histogram->slot[i] / (double)histogram->count);
	return highest;
}

static void put_steps(const struct page *page, const struct ts_histogram *histogram,
		      unsigned int first, unsigned int last, double highest, const char *classes)
{
	double step = (double)WIDTH / (last - first + 1);

	fprintf(page->out, "<path class=\"%s\" d=\"M0 %d", classes, HEIGHT);
	for (unsigned int i = first; i <= last; i++)
		fprintf(page->out, "V%.1fH%.1f",
			HEIGHT * (1 -
				  (double)histogram->slot[i] / (double)histogram->count / highest),
			step * (i - first + 1));
	fprintf(page->out, "V%d\"/>", HEIGHT);
}

static void put_axis(const struct page *page, const struct ts_histogram *histogram,
		     unsigned int first, unsigned int last)
{
	enum ts_family_id unit =
		histogram->unit == TS_UNIT_BYTES ? TS_FAMILY_BLOCK_IO_SIZE : TS_FAMILY_RUNQ_LATENCY;

	for (int k = 0; k <= 4; k++) {
		unsigned int slot = first + (last - first) * (unsigned int)k / 4;
		double bound = ts_histogram_upper_bound(histogram->scale, histogram->unit, slot);
		const char *anchor = k == 0 ? "start" : k == 4 ? "end" : "middle";

		if (isfinite(bound))
			fprintf(page->out, "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\">%s</text>",
				WIDTH * k / 4, HEIGHT + 16, anchor,
				ts_metric_value(page->arena, unit, TS_STATISTIC_P50, bound));
	}
}

static void put_chart(const struct page *page, const struct ts_change *change)
{
	const char *name = ts_metric_series(page->arena, change->family, change->label);
	unsigned int scale = coarsest(page, change), first = ~0u, last = 0;
	struct ts_histogram *side[2];
	double highest = 0;

	for (int k = 0; k < 2; k++) {
		side[k] = pooled(page, k, change, scale);
		if (!side[k] || !side[k]->count)
			return;
		find_range(side[k], &first, &last);
		highest = fmax(highest, highest_share(side[k]));
	}
	if (first > last)
		return;
	fprintf(page->out,
		"<h3>%s</h3><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"distribution of "
		"%s: baseline and current\">",
		safe(page, name), WIDTH, HEIGHT + 20, safe(page, name));
	put_steps(page, side[0], first, last, highest, "a");
	put_steps(page, side[1], first, last, highest, "b");
	fprintf(page->out, "<path class=\"x\" d=\"M0 %dH%d\"/>", HEIGHT, WIDTH);
	put_axis(page, side[0], first, last);
	fputs("</svg>\n", page->out);
}

static bool same_series(const struct ts_change *a, const struct ts_change *b)
{
	if (a->family != b->family)
		return false;
	for (size_t i = 0; i < TS_LABELS_MAX; i++)
		if (strcmp(a->label[i], b->label[i]))
			return false;
	return true;
}

/* A chart for each histogram, those that changed most first. */
static void put_charts(const struct page *page)
{
	const struct ts_comparison *c = page->diff->comparison;
	size_t charts = 0;

	fputs("<h2>Distributions<span class=\"k a\" style=\"background:var(--a)\"></span>baseline"
	      "<span class=\"k b\" style=\"background:var(--b)\"></span>current</h2>\n",
	      page->out);
	for (size_t i = 0; i < c->changes && charts < CHARTS_MAX; i++) {
		bool drawn = false;

		if (ts_families[c->change[i].family].kind != TS_KIND_HISTOGRAM)
			continue;
		for (size_t k = 0; k < i && !drawn; k++)
			drawn = same_series(&c->change[k], &c->change[i]);
		if (drawn)
			continue;
		put_chart(page, &c->change[i]);
		charts++;
	}
}

void ts_render_diff_html(FILE *out, const struct ts_diff *diff)
{
	static const char *const names[] = {"baseline", "current"};
	const struct ts_comparison *c = diff->comparison;
	struct page page = {.out = out, .arena = ts_arena_new(), .diff = diff};

	fputs(head, out);
	fprintf(out, "<h1 class=\"%s\">%s: %s</h1>\n<ul>", ts_verdict_name(c->overall),
		c->overall == TS_VERDICT_INSUFFICIENT ? "inconclusive"
						      : ts_verdict_name(c->overall),
		safe(&page, ts_diff_headline(page.arena, diff)));
	for (int k = 0; k < 2; k++)
		fprintf(out, "<li>%s: %s, %zu runs, %zu undisturbed; %s</li>\n", names[k],
			safe(&page, diff->set[k]->name), diff->runs[k], c->clean[k],
			safe(&page, diff->runs[k] ? diff->run[k][0]->facts.command : ""));
	fputs("</ul>\n", out);
	put_differences(&page);
	put_charts(&page);
	put_changes(&page);
	fputs("</body></html>\n", out);
	ts_arena_free(page.arena);
}
