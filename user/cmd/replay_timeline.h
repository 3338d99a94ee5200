/* SPDX-License-Identifier: GPL-2.0-only */
/* Judging a recording: what `replay` does with one window, and with many in a row. */
#ifndef TUNESCOPE_REPLAY_TIMELINE_H
#define TUNESCOPE_REPLAY_TIMELINE_H

#include <stdio.h>
#include "../core/profile.h"
#include "../core/recording.h"
#include "../core/render/render.h"

struct ts_replay {
	FILE *out;
	struct ts_recording *recording;
	__u64 from_ns, to_ns;
	struct ts_profile profile; /* with only the rules asked for left on */
	bool rule[TS_RULES_MAX];   /* those asked for, by index in ts_rules */
	bool json;
	struct ts_render_options look;
	bool found; /* something is wrong: for --exit-code */
};

/* The report says nothing of rules that were not asked for. */
struct ts_report *ts_replay_judge(const struct ts_replay *replay, const struct ts_window *window);

/* As text or JSON. Exit code. */
int ts_replay_show(const struct ts_replay *replay, const struct ts_report *report);

/*
 * Judges windows of that length one after the other; a session that is started begins a new one.
 * JSON: a report a line. Text: a line for each finding and the stretch of windows that had it, and
 * the report of the worst window; nothing when no frame can be decoded. Exit code; sets found.
 */
int ts_replay_timeline(struct ts_replay *replay, double seconds);

#endif
