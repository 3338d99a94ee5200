// SPDX-License-Identifier: GPL-2.0-only
/* A comparison of runs for what runs tests: JUnit's XML, and annotations of GitHub Actions. */
#include "diff.h"

#include <string.h>

#include "escape.h"
#include "../arena.h"

/* Text and attributes of XML; what XML 1.0 has no way to write becomes \xNN before. */
static void put_xml(FILE *out, struct ts_arena *arena, const char *text)
{
	static const struct {
		char c;
		const char *entity;
	} entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}};

	for (const char *c = ts_escape(arena, text, true); *c; c++) {
		const char *entity = NULL;

		for (size_t i = 0; i < sizeof entities / sizeof entities[0]; i++)
			if (*c == entities[i].c)
				entity = entities[i].entity;
		if (entity)
			fputs(entity, out);
		else
			fputc(*c, out);
	}
}

static const char *in_words(struct ts_arena *arena, const struct ts_change *change)
{
	return ts_arena_printf(
		arena, "%s: %s -> %s, %s%s%s",
		ts_metric_name(arena, change->family, change->label, change->statistic),
		ts_metric_value(arena, change->family, change->statistic, change->side[0].median),
		ts_metric_value(arena, change->family, change->statistic, change->side[1].median),
		ts_change_text(arena, change), *change->why ? ": " : "", change->why);
}

static bool is_case(const struct ts_change *change)
{
	return change->estimated || change->verdict == TS_VERDICT_REGRESSED;
}

/* The check fails because of this metric. */
static bool fails(const struct ts_change *change, const struct ts_check_verdict *check)
{
	return change->verdict == TS_VERDICT_REGRESSED && check->verdict == TS_VERDICT_REGRESSED &&
	       check->exit_code == 1 && change->severity >= check->fail_on;
}

static void put_case(FILE *out, struct ts_arena *arena, const struct ts_change *change,
		     const struct ts_check_verdict *check)
{
	bool undecided = change->verdict == TS_VERDICT_INSUFFICIENT;

	fputs("  <testcase classname=\"tunescope\" name=\"", out);
	put_xml(out, arena,
		ts_metric_name(arena, change->family, change->label, change->statistic));
	fputs("\">", out);
	if (fails(change, check) || undecided) {
		fprintf(out, "<%s message=\"", undecided ? "skipped" : "failure");
		put_xml(out, arena, in_words(arena, change));
		fputs("\"/>", out);
	}
	fputs("</testcase>\n", out);
}

void ts_render_diff_junit(FILE *out, const struct ts_diff *diff,
			  const struct ts_check_verdict *check)
{
	const struct ts_comparison *c = diff->comparison;
	struct ts_arena *arena = ts_arena_new();
	size_t cases = 1, failures = check->exit_code == 1, skipped = check->exit_code == 4;

	for (size_t i = 0; i < c->changes; i++) {
		cases += is_case(&c->change[i]);
		failures += fails(&c->change[i], check);
		skipped +=
			is_case(&c->change[i]) && c->change[i].verdict == TS_VERDICT_INSUFFICIENT;
	}
	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<testsuite name=\"tunescope check\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" "
		"skipped=\"%zu\">\n"
		"  <testcase classname=\"tunescope\" name=\"verdict\">",
		cases, failures, skipped);
	if (check->exit_code == 1 || check->exit_code == 4) {
		fprintf(out, "<%s message=\"", check->exit_code == 1 ? "failure" : "skipped");
		put_xml(out, arena, ts_diff_headline(arena, diff));
		fputs("\"/>", out);
	}
	fputs("</testcase>\n", out);
	for (size_t i = 0; i < c->changes; i++)
		if (is_case(&c->change[i]))
			put_case(out, arena, &c->change[i], check);
	fputs("</testsuite>\n", out);
	ts_arena_free(arena);
}

/* A workflow command ends with its line: what is in it is percent-encoded. */
static void put_annotation(FILE *out, struct ts_arena *arena, const char *kind, const char *text)
{
	fprintf(out, "::%s title=tunescope check::", kind);
	for (const char *c = ts_escape(arena, text, true); *c; c++) {
		if (*c == '%')
			fputs("%25", out);
		else
			fputc(*c, out);
	}
	fputc('\n', out);
}

void ts_render_diff_annotations(FILE *out, const struct ts_diff *diff,
				const struct ts_check_verdict *check)
{
	const struct ts_comparison *c = diff->comparison;
	struct ts_arena *arena = ts_arena_new();

	for (size_t i = 0; i < c->changes; i++)
		if (c->change[i].verdict == TS_VERDICT_REGRESSED)
			put_annotation(out, arena,
				       fails(&c->change[i], check) ? "error" : "warning",
				       in_words(arena, &c->change[i]));
	if (check->exit_code == 4)
		put_annotation(
			out, arena, "warning",
			ts_arena_printf(arena, "inconclusive: %s", ts_diff_headline(arena, diff)));
	ts_arena_free(arena);
}
