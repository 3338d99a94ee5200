/* SPDX-License-Identifier: GPL-2.0-only */
/* Renderers: they show, they never decide. Each writes to a stream and leaves its errors there. */
#ifndef TUNESCOPE_RENDER_H
#define TUNESCOPE_RENDER_H

#include <stdio.h>
#include "../report.h"

struct ts_render_options {
	bool color;	    /* ANSI colours */
	bool utf8;	    /* bars and signs beyond ASCII */
	unsigned int width; /* columns; 80 when unknown */
	bool everything;    /* all series and quiet rules, not only what helps now */
};

void ts_render_text(FILE *out, const struct ts_report *report,
		    const struct ts_render_options *options);

/* schema tunescope.report/1, docs/report.schema.json */
int ts_render_json(FILE *out, const struct ts_report *report);

struct ts_audit;
/* A guide's settings, what needs changing first. */
void ts_render_audit(FILE *out, const struct ts_audit *audit,
		     const struct ts_render_options *options);
/* The report with the audit in it. */
int ts_render_json_audit(FILE *out, const struct ts_report *report, const struct ts_audit *audit);

/*
 * Text from the kernel or from other users (comm, device and cgroup names) made safe to print on a
 * terminal: control characters and invalid UTF-8 become \xNN. Returns a copy in the arena.
 */
const char *ts_escape_terminal(struct ts_arena *arena, const char *text);

#endif
