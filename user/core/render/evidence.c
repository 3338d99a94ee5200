// SPDX-License-Identifier: GPL-2.0-only
/* What supports each finding. */
#include "page.h"

#include "units.h"
#include "../arena.h"

static const char *labels_text(const struct ts_page *page, enum ts_family_id id,
			       const char *const *label)
{
	const struct ts_family *family = &ts_families[id];
	const char *text = "";

	for (size_t i = 0; i < family->labels; i++)
		if (label[i] && *label[i])
			text = ts_page_text(page, "%s %s=%s", text, family->label_key[i], label[i]);
	return text;
}

static void evidence_row(const struct ts_page *page, const struct ts_evidence *e)
{
	const char *value = ts_human_value(page->arena, e->value, e->unit);
	const char *threshold =
		e->has_threshold ? ts_page_text(page, ", threshold %s",
						ts_human_bare(page->arena, e->threshold, e->unit))
				 : "";
	const char *samples = e->samples ? ts_page_text(page, ", %llu sample%s", e->samples,
							e->samples == 1 ? "" : "s")
					 : "";

	ts_page_field(page, "measured",
		      ts_page_text(page, "%s: %s%s%s [%s%s]", e->what, value, threshold, samples,
				   ts_families[e->family].name,
				   labels_text(page, e->family, e->label)));
}

static void sufferer_row(const struct ts_page *page, const struct ts_sufferer *s)
{
	const struct ts_family *family = &ts_families[s->family];
	const char *who = s->comm && *s->comm ? s->comm : "";

	if (s->pid)
		who = ts_page_text(page, "%s%spid %d", who, *who ? " " : "", s->pid);
	if (s->cgroup && *s->cgroup)
		who = ts_page_text(page, "%s%scgroup %s", who, *who ? " in " : "", s->cgroup);
	ts_page_field(
		page, "suffers",
		ts_page_text(page, "%s%s: %s", who, labels_text(page, s->family, s->label),
			     ts_human_value(page->arena, s->value, ts_unit_name(family->unit))));
}

static void finding_evidence(const struct ts_page *page, const struct ts_finding *finding)
{
	for (size_t i = 0; i < finding->evidence_count; i++)
		evidence_row(page, &finding->evidence[i]);
	for (size_t i = 0; i < finding->sufferer_count; i++)
		sufferer_row(page, &finding->sufferer[i]);
	ts_page_field(page, "computed", finding->computed);
	ts_page_field(page, "confidence", ts_page_text(page, "%.0f %%", finding->confidence * 100));
	ts_page_field(page, "risk", finding->risk);
	ts_page_field(page, "takes effect", finding->takes_effect);
	ts_page_field(page, "expect", finding->expect);
	ts_page_command(page, "undo", finding->undo);
	ts_page_field(page, "id", finding->id);
}

void ts_page_evidence(const struct ts_page *page, const struct ts_report *report)
{
	if (!report->findings)
		return;
	ts_page_heading(page, "Evidence");
	for (size_t i = 0; i < report->findings; i++) {
		ts_page_paragraph(page, TS_INK_PLAIN, 3, ts_page_text(page, "%zu. ", i + 1),
				  report->finding[i].title);
		finding_evidence(page, &report->finding[i]);
	}
}
