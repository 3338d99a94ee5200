/* SPDX-License-Identifier: GPL-2.0-only */
/* A text page of limited width: what the sections of the text report are written with. */
#ifndef TUNESCOPE_PAGE_H
#define TUNESCOPE_PAGE_H

#include "render.h"

struct ts_page {
	FILE *out;
	struct ts_arena *arena; /* for texts that live until the page is done */
	const struct ts_render_options *options;
	unsigned int width;
};

enum ts_ink { TS_INK_PLAIN, TS_INK_TITLE, TS_INK_BAD, TS_INK_GOOD, TS_INK_COMMAND, TS_INK_DIM };

struct ts_page ts_page_begin(FILE *out, const struct ts_render_options *options);
void ts_page_end(struct ts_page *page);

/* Untrusted text made safe for this page. Everything that is not a literal goes through it. */
const char *ts_page_safe(const struct ts_page *page, const char *text);

/*
 * A paragraph: lead (already safe, may be "") in the first line, then the words of text, wrapped
 * and indented by indent columns. The text is made safe here.
 */
void ts_page_paragraph(const struct ts_page *page, enum ts_ink ink, unsigned int indent,
		       const char *lead, const char *text);

/* A label and a paragraph beside it; nothing when the text is empty. */
void ts_page_field(const struct ts_page *page, const char *label, const char *text);

/* One line that is never wrapped: to be pasted into a shell. */
void ts_page_command(const struct ts_page *page, const char *label, const char *command);

void ts_page_heading(const struct ts_page *page, const char *title);

/* A formatted text in the page's arena, for the calls above. */
#define ts_page_text(page, ...) ts_arena_printf((page)->arena, __VA_ARGS__)

/* The sections of the report, in their order. */
void ts_page_summary(const struct ts_page *page, const struct ts_report *report);
void ts_page_objectives(const struct ts_page *page, const struct ts_report *report);
void ts_page_evidence(const struct ts_page *page, const struct ts_report *report);
void ts_page_histograms(const struct ts_page *page, const struct ts_report *report);
void ts_page_coverage(const struct ts_page *page, const struct ts_report *report);
void ts_page_rules(const struct ts_page *page, const struct ts_report *report);
void ts_page_cost(const struct ts_page *page, const struct ts_report *report);

#endif
