// SPDX-License-Identifier: GPL-2.0-only
/* Explanations on a page. */
#include "page.h"
#include "explain.h"

#include "../arena.h"

#define INDENT	     3
#define ENTRY_INDENT 6
#define INDEX_COLUMN 34

static void paragraph(void *to, const char *text)
{
	ts_page_paragraph(to, TS_INK_PLAIN, INDENT, "   ", text);
}

static void field(void *to, const char *label, const char *text)
{
	ts_page_field(to, label, text);
}

static void list(void *to, const char *label)
{
	ts_page_paragraph(to, TS_INK_DIM, INDENT, "   ", label);
}

static void entry(void *to, const char *name, const char *text)
{
	const struct ts_page *page = to;

	ts_page_paragraph(page, TS_INK_PLAIN, ENTRY_INDENT + 2,
			  ts_page_text(page, "%*s%s: ", ENTRY_INDENT, "", ts_page_safe(page, name)),
			  text);
}

void ts_explain_text(FILE *out, struct ts_subject subject, const struct ts_profile *profile,
		     const struct ts_render_options *options)
{
	struct ts_page page = ts_page_begin(out, options);
	const struct ts_explain_sink sink = {
		.arena = page.arena,
		.profile = profile,
		.to = &page,
		.paragraph = paragraph,
		.field = field,
		.list = list,
		.entry = entry,
	};

	ts_page_paragraph(&page, TS_INK_TITLE, 0, "",
			  ts_page_text(&page, "%s (%s)", ts_subject_name(subject),
				       ts_subject_kind_name(subject.kind)));
	ts_explain(subject, &sink);
	ts_page_end(&page);
}

void ts_explain_index(FILE *out, const struct ts_render_options *options)
{
	static const char *const titles[TS_SUBJECT_KINDS] = {
		[TS_SUBJECT_RULE] = "Rules",
		[TS_SUBJECT_SETTING] = "Settings",
		[TS_SUBJECT_SIGNAL] = "Signals: families of measurements",
		[TS_SUBJECT_MEASURE] = "Measures of service objectives",
	};
	struct ts_page page = ts_page_begin(out, options);

	for (struct ts_subject s = {0, 0}; s.kind < TS_SUBJECT_KINDS; s.kind++) {
		ts_page_paragraph(&page, TS_INK_TITLE, 0, s.kind ? "\n" : "", titles[s.kind]);
		for (s.index = 0; s.index < ts_subjects(s.kind); s.index++)
			ts_page_paragraph(&page, TS_INK_PLAIN, INDEX_COLUMN,
					  ts_page_text(&page, "  %-*s ", INDEX_COLUMN - 3,
						       ts_subject_name(s)),
					  ts_subject_summary(s));
	}
	ts_page_end(&page);
}
