// SPDX-License-Identifier: GPL-2.0-only
/* A guide's settings against this host, on a page and in JSON. */
#include "../audit.h"

#include <string.h>

#include "json_parts.h"
#include "page.h"
#include "../arena.h"

#define VERDICT_COLUMN 16

static const struct {
	const char *title;
	enum ts_ink ink;
} verdicts[TS_AUDIT_VERDICTS] = {
	[TS_AUDIT_NEEDED] = {"needed", TS_INK_BAD},
	[TS_AUDIT_HARMFUL] = {"harmful here", TS_INK_BAD},
	[TS_AUDIT_UNNECESSARY] = {"unnecessary", TS_INK_GOOD},
	[TS_AUDIT_SET] = {"set", TS_INK_GOOD},
	[TS_AUDIT_UNKNOWN] = {"unknown", TS_INK_DIM},
};

/* "net.core.somaxconn: 4096 → 65535", " = 65535 as the guide says", " (the guide: 65535)" */
static const char *change_text(const struct ts_page *page, const struct ts_audit_item *item)
{
	const char *name = item->reading->wanted->name, *scope = item->reading->scope;
	const char *place = *scope ? ts_page_text(page, " (%s)", scope) : "";

	if (item->is_set)
		return ts_page_text(page, "%s%s = %s, as the guide says", name, place, item->asked);
	if (!*item->reading->value)
		return ts_page_text(page, "%s%s (the guide says %s)", name, place, item->asked);
	return ts_page_text(page, "%s%s: %s %s %s", name, place, item->reading->value,
			    page->options->utf8 ? "→" : "->", item->asked);
}

static void show(const struct ts_page *page, const struct ts_audit_item *item)
{
	ts_page_paragraph(
		page, verdicts[item->verdict].ink, VERDICT_COLUMN,
		ts_page_text(page, "  %-*s", VERDICT_COLUMN - 2, verdicts[item->verdict].title),
		change_text(page, item));
	if (*item->why)
		ts_page_paragraph(page, TS_INK_PLAIN, VERDICT_COLUMN,
				  ts_page_text(page, "%*s", VERDICT_COLUMN, ""), item->why);
}

void ts_render_audit(FILE *out, const struct ts_audit *audit,
		     const struct ts_render_options *options)
{
	struct ts_page page = ts_page_begin(out, options);
	size_t count[TS_AUDIT_VERDICTS] = {0};
	const char *summary = "";

	for (size_t i = 0; i < audit->items; i++)
		count[audit->item[i].verdict]++;
	for (int v = 0; v < TS_AUDIT_VERDICTS; v++)
		if (count[v])
			summary = ts_page_text(&page, "%s%s%zu %s", summary, *summary ? ", " : "",
					       count[v], verdicts[v].title);
	ts_page_paragraph(&page, TS_INK_TITLE, 0, "",
			  ts_page_text(&page,
				       "The settings of the guide %s, held against %.1f s: %s",
				       audit->report->profile->name, audit->report->window->seconds,
				       summary));
	fputc('\n', out);
	for (size_t i = 0; i < audit->items; i++)
		show(&page, &audit->item[i]);
	ts_page_end(&page);
}

static json_t *item_json(const struct ts_json *w, const struct ts_audit_item *item)
{
	const struct {
		const char *key, *value;
	} texts[] = {
		{"setting", item->reading->wanted->name},
		{"scope", item->reading->scope},
		{"verdict", ts_audit_verdict_name(item->verdict)},
		{"current", item->reading->value},
		{"guide", item->reading->wanted->value},
		{"proposed", item->proposed},
		{"rule", item->rule},
		{"why", item->why},
	};
	json_t *object = json_object();

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		json_object_set_new(object, texts[i].key, ts_json_text(w, texts[i].value));
	json_object_set_new(object, "set", json_boolean(item->is_set));
	return object;
}

json_t *ts_json_audit(const struct ts_json *w, const struct ts_audit *audit)
{
	json_t *array = json_array();

	for (size_t i = 0; i < audit->items; i++)
		json_array_append_new(array, item_json(w, &audit->item[i]));
	return array;
}
