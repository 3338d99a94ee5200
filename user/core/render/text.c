// SPDX-License-Identifier: GPL-2.0-only
/* The text report: first what is wrong and what to type, then everything that supports it. */
#include "page.h"

void ts_render_text(FILE *out, const struct ts_report *report,
		    const struct ts_render_options *options)
{
	static void (*const sections[])(const struct ts_page *, const struct ts_report *) = {
		ts_page_summary,  ts_page_objectives, ts_page_evidence, ts_page_histograms,
		ts_page_coverage, ts_page_rules,      ts_page_cost,
	};
	struct ts_page page = ts_page_begin(out, options);

	for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++)
		sections[i](&page, report);
	ts_page_end(&page);
}
