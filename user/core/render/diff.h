/* SPDX-License-Identifier: GPL-2.0-only */
/* A comparison of runs, for people and for programs. */
#ifndef TUNESCOPE_RENDER_DIFF_H
#define TUNESCOPE_RENDER_DIFF_H

#include <stdio.h>
#include "runs.h"
#include "../run_diff.h"

/* What check makes of a comparison; NULL in the calls below: it is diff. */
struct ts_check_verdict {
	enum ts_verdict verdict;
	enum ts_severity severity, fail_on;
	int exit_code;
	const char *why; /* it is not what the comparison says; "" */
	bool confirmed;	 /* all was run twice, and this is what is left */
};

/* One screen; with options->everything all metrics. */
void ts_render_diff(FILE *out, const struct ts_diff *diff, const struct ts_check_verdict *check,
		    const struct ts_render_options *options);
/* tunescope.diff/1 (docs/diff.schema.json). 0, or -EIO. */
int ts_render_diff_json(FILE *out, const struct ts_diff *diff,
			const struct ts_check_verdict *check);
void ts_render_diff_csv(FILE *out, const struct ts_diff *diff);
void ts_render_diff_html(FILE *out, const struct ts_diff *diff);
/* A test case for each metric that was tested. */
void ts_render_diff_junit(FILE *out, const struct ts_diff *diff,
			  const struct ts_check_verdict *check);
/* Workflow commands: an error for each regression, a notice for the rest. */
void ts_render_diff_annotations(FILE *out, const struct ts_diff *diff,
				const struct ts_check_verdict *check);

/* "p99 runq_latency +40 %; kernel.sched_autogroup_enabled differs", or what else there is to say.
 */
const char *ts_diff_headline(struct ts_arena *arena, const struct ts_diff *diff);
/* "+40 %", "at least +40 %", "x 12"; "appeared" for what has no ratio, "" for none. */
const char *ts_change_text(struct ts_arena *arena, const struct ts_change *change);

#endif
