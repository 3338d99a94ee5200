// SPDX-License-Identifier: GPL-2.0-only
/* The pages in docs/: everything that can be explained, as Markdown. */
#include "explain.h"

#include <ctype.h>
#include <string.h>

#include "../arena.h"
#include "../rule.h"

const char *const ts_explain_page_names[TS_EXPLAIN_PAGES + 1] = {
	[TS_PAGE_RULES] = "rules",
	[TS_PAGE_SETTINGS] = "settings",
	[TS_PAGE_SIGNALS] = "signals",
};

/* What stands on each page. */
static const struct {
	const char *title, *about;
	enum ts_subject_kind kind[2];
	const char *heading[2];
	size_t kinds;
} pages[TS_EXPLAIN_PAGES] = {
	[TS_PAGE_RULES] =
		{"Rules",
		 "What tunescope judges: what convicts a setting, what acquits it, and the "
		 "thresholds a profile may change.",
		 {TS_SUBJECT_RULE},
		 {"Rules"},
		 1},
	[TS_PAGE_SETTINGS] = {"Settings",
			      "The settings of the kernel that tunescope reads, records and may "
			      "propose.",
			      {TS_SUBJECT_SETTING},
			      {"Settings"},
			      1},
	[TS_PAGE_SIGNALS] =
		{"Signals",
		 "What tunescope measures: families of counters, gauges and histograms, "
		 "and the measures of service objectives that are made from them.",
		 {TS_SUBJECT_SIGNAL, TS_SUBJECT_MEASURE},
		 {"Families", "Measures of service objectives"},
		 2},
};

/* Characters that Markdown would take for markup. Within a word an underscore is none. */
static bool is_markup(const char *text, const char *at)
{
	if (*at != '_')
		return strchr("*<|\\`", *at) != NULL;
	return at == text || !isalnum((unsigned char)at[-1]) || !isalnum((unsigned char)at[1]);
}

static void put(FILE *out, const char *text)
{
	for (const char *c = text; *c; c++) {
		if (is_markup(text, c))
			fputc('\\', out);
		fputc(*c, out);
	}
}

static void paragraph(void *to, const char *text)
{
	fputc('\n', to);
	put(to, text);
	fputc('\n', to);
}

static void field(void *to, const char *label, const char *text)
{
	fprintf(to, "\n*%s:* ", label);
	put(to, text);
	fputc('\n', to);
}

static void list(void *to, const char *label)
{
	fprintf(to, "\n*%s:*\n\n", label);
}

static void entry(void *to, const char *name, const char *text)
{
	fprintf(to, "- `%s`: ", name);
	put(to, text);
	fputc('\n', to);
}

/* As GitHub makes the anchor of a heading. */
static void put_anchor(FILE *out, const char *name)
{
	for (; *name; name++)
		if (isalnum((unsigned char)*name) || *name == '-' || *name == '_')
			fputc(tolower((unsigned char)*name), out);
}

static void table(FILE *out, enum ts_subject_kind kind)
{
	fprintf(out, "\n| %s | |\n|---|---|\n", ts_subject_kind_name(kind));
	for (struct ts_subject s = {kind, 0}; s.index < ts_subjects(kind); s.index++) {
		fprintf(out, "| [%s](#", ts_subject_name(s));
		put_anchor(out, ts_subject_name(s));
		fputs(") | ", out);
		put(out, ts_subject_summary(s));
		fputs(" |\n", out);
	}
}

void ts_explain_markdown(FILE *out, enum ts_explain_page page)
{
	const struct ts_explain_sink sink = {
		.arena = ts_arena_new(),
		.to = out,
		.paragraph = paragraph,
		.field = field,
		.list = list,
		.entry = entry,
	};

	fprintf(out,
		"<!-- Made by `make docs` from the tables in the source. Do not edit. -->\n"
		"# %s\n\n%s\n`tunescope explain NAME` prints the same about one of them.\n",
		pages[page].title, pages[page].about);
	for (size_t k = 0; k < pages[page].kinds; k++) {
		enum ts_subject_kind kind = pages[page].kind[k];

		fprintf(out, "\n## %s\n", pages[page].heading[k]);
		table(out, kind);
		for (struct ts_subject s = {kind, 0}; s.index < ts_subjects(kind); s.index++) {
			fprintf(out, "\n### %s\n", ts_subject_name(s));
			ts_explain(s, &sink);
		}
	}
	ts_arena_free(sink.arena);
}
