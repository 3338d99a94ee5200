// SPDX-License-Identifier: GPL-2.0-only
#include "page.h"

#include <string.h>

#include "escape.h"
#include "../arena.h"

#define FIELD_INDENT 3
#define FIELD_COLUMN 16
#define WIDTH_LEAST  40
#define WIDTH_MOST   120

static const char *const ink_codes[] = {
	[TS_INK_PLAIN] = "",	      [TS_INK_TITLE] = "\033[1m",    [TS_INK_BAD] = "\033[1;31m",
	[TS_INK_GOOD] = "\033[1;32m", [TS_INK_COMMAND] = "\033[36m", [TS_INK_DIM] = "\033[2m",
};

static unsigned int clamp_width(unsigned int width)
{
	if (!width)
		return 80;
	return width < WIDTH_LEAST ? WIDTH_LEAST : width > WIDTH_MOST ? WIDTH_MOST : width;
}

struct ts_page ts_page_begin(FILE *out, const struct ts_render_options *options)
{
	return (struct ts_page){
		.out = out,
		.arena = ts_arena_new(),
		.options = options,
		.width = clamp_width(options->width),
	};
}

void ts_page_end(struct ts_page *page)
{
	ts_arena_free(page->arena);
}

static void ink_on(const struct ts_page *page, enum ts_ink ink)
{
	if (page->options->color)
		fputs(ink_codes[ink], page->out);
}

static void ink_off(const struct ts_page *page, enum ts_ink ink)
{
	if (page->options->color && ink != TS_INK_PLAIN)
		fputs("\033[0m", page->out);
}

const char *ts_page_safe(const struct ts_page *page, const char *text)
{
	return ts_escape(page->arena, text ? text : "", page->options->utf8);
}

/* That a text takes. */
static unsigned int columns_of(const char *text)
{
	unsigned int columns = 0;

	for (; *text; text++)
		if (((unsigned char)*text & 0xc0) != 0x80)
			columns++;
	return columns;
}

/* The next word of text, as a copy; *text moves behind it. */
static const char *next_word(const struct ts_page *page, const char **text)
{
	size_t length = strcspn(*text, " ");
	char *word = ts_page_text(page, "%.*s", (int)length, *text);

	*text += length;
	*text += strspn(*text, " ");
	return word;
}

void ts_page_paragraph(const struct ts_page *page, enum ts_ink ink, unsigned int indent,
		       const char *lead, const char *text)
{
	unsigned int cursor = columns_of(lead);
	bool line_has_words = false;

	text = ts_page_safe(page, text);
	text += strspn(text, " ");
	fputs(lead, page->out);
	ink_on(page, ink);
	while (*text) {
		const char *word = next_word(page, &text);
		unsigned int columns = columns_of(word);

		if (line_has_words && cursor + 1 + columns > page->width) {
			fprintf(page->out, "\n%*s", (int)indent, "");
			cursor = indent;
			line_has_words = false;
		}
		if (line_has_words)
			cursor += (unsigned int)fprintf(page->out, " ");
		fputs(word, page->out);
		cursor += columns;
		line_has_words = true;
	}
	ink_off(page, ink);
	fputc('\n', page->out);
}

void ts_page_field(const struct ts_page *page, const char *label, const char *text)
{
	if (text && *text)
		ts_page_paragraph(page, TS_INK_PLAIN, FIELD_COLUMN,
				  ts_page_text(page, "%*s%-*s", FIELD_INDENT, "",
					       FIELD_COLUMN - FIELD_INDENT, label),
				  text);
}

void ts_page_command(const struct ts_page *page, const char *label, const char *command)
{
	if (!command || !*command)
		return;
	fprintf(page->out, "%*s%-*s", FIELD_INDENT, "", FIELD_COLUMN - FIELD_INDENT, label);
	ink_on(page, TS_INK_COMMAND);
	fputs(ts_page_safe(page, command), page->out);
	ink_off(page, TS_INK_COMMAND);
	fputc('\n', page->out);
}

void ts_page_heading(const struct ts_page *page, const char *title)
{
	fputc('\n', page->out);
	ts_page_paragraph(page, TS_INK_TITLE, 0, "", title);
}
