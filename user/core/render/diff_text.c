// SPDX-License-Identifier: GPL-2.0-only
/* A comparison of runs on one screen. */
#include "diff.h"

#include <math.h>
#include <string.h>

#include "page.h"
#include "../arena.h"

#define ROWS_SHOWN	  14
#define NAME_COLUMNS	  34
#define DIFFERENCES_SHOWN 8
#define RATIO_IN_WORDS	  4 /* from there on "x 4.2" reads better than "+320 %" */

static const char *percent(struct ts_arena *arena, double ratio)
{
	double change = 100 * (ratio - 1);

	if (ratio >= RATIO_IN_WORDS)
		return ts_arena_printf(arena, "x %.3g", ratio);
	return ts_arena_printf(arena, fabs(change) < 9.95 ? "%+.1f %%" : "%+.0f %%", change);
}

const char *ts_change_text(struct ts_arena *arena, const struct ts_change *change)
{
	if (change->reason == TS_REASON_APPEARED)
		return "appeared";
	if (!change->estimated)
		return "";
	return ts_arena_printf(arena, "%s%s", change->at_least ? "at least " : "",
			       percent(arena, change->ratio));
}

static const char *headline_metrics(struct ts_arena *arena, const struct ts_diff *diff,
				    enum ts_verdict verdict)
{
	const struct ts_comparison *c = diff->comparison;
	const char *text = "";
	size_t shown = 0;

	for (size_t i = 0; i < c->changes && shown < 3; i++) {
		const struct ts_change *change = &c->change[i];

		if (change->verdict != verdict)
			continue;
		text = ts_arena_printf(
			arena, "%s%s%s %s", text, shown++ ? ", " : "",
			ts_metric_name(arena, change->family, change->label, change->statistic),
			ts_change_text(arena, change));
	}
	if (c->verdicts[verdict] > shown && shown)
		text = ts_arena_printf(arena, "%s and %zu more", text,
				       c->verdicts[verdict] - shown);
	return text;
}

static const char *headline_differences(struct ts_arena *arena, const struct ts_diff *diff)
{
	const char *text = "";
	size_t named = 0;

	for (size_t i = 0; i < diff->differences && named < 3; i++, named++)
		text = ts_arena_printf(arena, "%s%s%s", text, named ? ", " : "",
				       diff->difference[i].what);
	if (diff->differences > named)
		text = ts_arena_printf(arena, "%s and %zu more", text, diff->differences - named);
	return named ? ts_arena_printf(arena, "; %s differ%s", text,
				       diff->differences == 1 ? "s" : "")
		     : "";
}

const char *ts_diff_headline(struct ts_arena *arena, const struct ts_diff *diff)
{
	static const enum ts_verdict order[] = {TS_VERDICT_REGRESSED, TS_VERDICT_IMPROVED,
						TS_VERDICT_CHANGED};
	const struct ts_comparison *c = diff->comparison;
	const char *text = "";

	for (size_t i = 0; i < 3 && !*text; i++)
		text = headline_metrics(arena, diff, order[i]);
	if (!*text)
		text = c->overall == TS_VERDICT_UNCHANGED
			       ? "nothing changed by more than is allowed"
		       : *c->why ? c->why
				 : "nothing can be said";
	return ts_arena_printf(arena, "%s%s", text, headline_differences(arena, diff));
}

/* ---- the page */

static void put_sides(const struct ts_page *page, const struct ts_diff *diff)
{
	static const char *const names[] = {"baseline", "current"};
	const struct ts_comparison *c = diff->comparison;

	for (int k = 0; k < 2; k++) {
		const char *command = diff->runs[k] ? diff->run[k][0]->facts.command : "";
		const char *text = ts_page_text(page, "%s: %zu run%s", diff->set[k]->name,
						diff->runs[k], diff->runs[k] == 1 ? "" : "s");

		if (c->clean[k] < c->runs[k])
			text = ts_page_text(page, "%s, %zu of them disturbed by others", text,
					    c->runs[k] - c->clean[k]);
		if (diff->left_out[k])
			text = ts_page_text(page, "%s; %zu that failed or were cut short left out",
					    text, diff->left_out[k]);
		if (*command)
			text = ts_page_text(page, "%s; %s", text, command);
		ts_page_field(page, names[k], text);
	}
	if (diff->paired)
		ts_page_field(page, "", "run alternately, compared in pairs");
}

static enum ts_ink ink_of(enum ts_verdict verdict)
{
	return verdict == TS_VERDICT_REGRESSED	? TS_INK_BAD
	       : verdict == TS_VERDICT_IMPROVED ? TS_INK_GOOD
						: TS_INK_TITLE;
}

static const char *verdict_words(const struct ts_page *page, const struct ts_diff *diff,
				 const struct ts_check_verdict *check)
{
	enum ts_verdict verdict = check ? check->verdict : diff->comparison->overall;
	enum ts_severity severity = check ? check->severity : diff->comparison->severity;
	const char *name = ts_verdict_name(verdict);

	if (verdict == TS_VERDICT_INSUFFICIENT)
		name = "inconclusive";
	if (verdict == TS_VERDICT_REGRESSED)
		name = ts_page_text(page, "%s (%s)", name, ts_severity_name(severity));
	return ts_page_text(page, "%s: %s", name, ts_diff_headline(page->arena, diff));
}

static void put_verdict(const struct ts_page *page, const struct ts_diff *diff,
			const struct ts_check_verdict *check)
{
	enum ts_verdict verdict = check ? check->verdict : diff->comparison->overall;

	ts_page_paragraph(page, ink_of(verdict), 2, "", verdict_words(page, diff, check));
	if (check && *check->why)
		ts_page_paragraph(page, TS_INK_PLAIN, 2, "  ", check->why);
	if (verdict == TS_VERDICT_INSUFFICIENT && *diff->comparison->why)
		ts_page_paragraph(page, TS_INK_PLAIN, 2, "  ", diff->comparison->why);
}

static void put_counts(const struct ts_page *page, const struct ts_comparison *c)
{
	fprintf(page->out,
		"  %zu metrics: %zu regressed, %zu improved, %zu changed, %zu unchanged, %zu "
		"undecided\n",
		c->changes, c->verdicts[TS_VERDICT_REGRESSED], c->verdicts[TS_VERDICT_IMPROVED],
		c->verdicts[TS_VERDICT_CHANGED], c->verdicts[TS_VERDICT_UNCHANGED],
		c->verdicts[TS_VERDICT_INSUFFICIENT]);
}

static const char *interval(struct ts_arena *arena, const struct ts_change *change)
{
	if (!change->estimated)
		return "";
	return ts_arena_printf(arena, "%s .. %s", percent(arena, change->low95),
			       percent(arena, change->high95));
}

static const char *name_of(const struct ts_page *page, const struct ts_change *change)
{
	return ts_page_safe(page, ts_metric_name(page->arena, change->family, change->label,
						 change->statistic));
}

static void put_change(const struct ts_page *page, const struct ts_change *change, int columns)
{
	struct ts_arena *arena = page->arena;

	fprintf(page->out, "  %-12s %-*s %10s %10s  %-10s %s\n", ts_verdict_name(change->verdict),
		columns, name_of(page, change),
		ts_metric_value(arena, change->family, change->statistic, change->side[0].median),
		ts_metric_value(arena, change->family, change->statistic, change->side[1].median),
		ts_change_text(arena, change), interval(arena, change));
	/* What is so of all of them is said above. */
	if (*change->why && change->verdict != TS_VERDICT_UNCHANGED &&
	    change->reason != TS_REASON_RUNS && change->reason != TS_REASON_INTERFERENCE)
		fprintf(page->out, "  %12s %s\n", "", ts_page_safe(page, change->why));
}

/* Undecided ones that nobody could have decided, with so few events, are left out. */
static bool is_shown(const struct ts_change *change, bool everything)
{
	return everything || change->verdict == TS_VERDICT_REGRESSED || change->estimated;
}

/* The rows to show; *columns: what their names need. */
static const struct ts_change **choose(const struct ts_page *page, const struct ts_comparison *c,
				       bool everything, size_t *rows, int *columns)
{
	const struct ts_change **row = ts_arena_alloc(page->arena, (c->changes + 1) * sizeof *row);

	*rows = 0;
	for (size_t i = 0; i < c->changes; i++) {
		int length;

		if (!is_shown(&c->change[i], everything) || (*rows >= ROWS_SHOWN && !everything))
			continue;
		row[(*rows)++] = &c->change[i];
		length = (int)strlen(name_of(page, &c->change[i]));
		if (*columns < length)
			*columns = length;
	}
	return row;
}

static void put_changes(const struct ts_page *page, const struct ts_diff *diff, bool everything)
{
	const struct ts_comparison *c = diff->comparison;
	int columns = NAME_COLUMNS;
	size_t rows;
	const struct ts_change **row = choose(page, c, everything, &rows, &columns);

	fprintf(page->out, "\n  %-12s %-*s %10s %10s  %-10s %s\n", "verdict", columns, "metric",
		"baseline", "current", "change", "95 % interval");
	for (size_t i = 0; i < rows; i++)
		put_change(page, row[i], columns);
	if (rows < c->changes)
		fprintf(page->out, "  %zu more with --all\n", c->changes - rows);
}

static void put_differences(const struct ts_page *page, const struct ts_diff *diff, bool everything)
{
	size_t most = everything ? diff->differences : DIFFERENCES_SHOWN;

	if (!diff->differences)
		return;
	fputs("\n  What else differs:\n", page->out);
	for (size_t i = 0; i < diff->differences && i < most; i++) {
		const struct ts_difference *d = &diff->difference[i];

		ts_page_paragraph(
			page, d->incomparable ? TS_INK_BAD : TS_INK_PLAIN, 6, "    ",
			ts_page_text(page, "%s: %s → %s", d->what, d->value[0], d->value[1]));
	}
	if (diff->differences > most)
		fprintf(page->out, "    %zu more with --all\n", diff->differences - most);
}

static void put_unknown(const struct ts_page *page, const struct ts_comparison *c)
{
	size_t unknown = 0;

	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < c->runs[k]; i++)
			unknown += c->run[k][i].foreign_unknown;
	if (unknown)
		fprintf(page->out,
			"\n  What others took of the CPUs is not known of %zu of the runs "
			"(`tunescope run` measures it).\n",
			unknown);
}

void ts_render_diff(FILE *out, const struct ts_diff *diff, const struct ts_check_verdict *check,
		    const struct ts_render_options *options)
{
	struct ts_page page = {
		.out = out,
		.arena = ts_arena_new(),
		.options = options,
		.width = options->width,
	};

	put_verdict(&page, diff, check);
	put_sides(&page, diff);
	put_counts(&page, diff->comparison);
	put_changes(&page, diff, options->everything);
	put_differences(&page, diff, options->everything);
	put_unknown(&page, diff->comparison);
	ts_arena_free(page.arena);
}
