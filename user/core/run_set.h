/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs that belong together: what one side of a comparison is. Made window by window while a
 * command is run, or from a recording, in which each session is a run.
 */
#ifndef TUNESCOPE_RUN_SET_H
#define TUNESCOPE_RUN_SET_H

#include "recording.h"
#include "run_facts.h"
#include "run_summary.h"

struct ts_run {
	struct ts_run_summary *summary;
	struct ts_run_facts facts;
	__u64 session;
	__u64 start_realtime_ns;
	const struct ts_snapshot *context; /* host facts and settings at its end; nothing else */
	__u64 own_cpu_ns, lost_events;
};

struct ts_run_set {
	struct ts_arena *arena;
	const char *name; /* for messages */
	struct ts_run *run;
	size_t runs, capacity;
};

struct ts_run_set *ts_run_set_new(const char *name);
void ts_run_set_free(struct ts_run_set *set); /* NULL is fine */

/* A run begins; windows are added to the last one; it ends. */
void ts_run_set_begin(struct ts_run_set *set, __u64 session);
void ts_run_set_add(struct ts_run_set *set, const struct ts_window *window);
void ts_run_set_end(struct ts_run_set *set);

/* All sessions of a recording that have a window. Those that cannot be decoded are left out. */
struct ts_run_set *ts_run_set_read(struct ts_recording *recording, const char *name);

/*
 * Runs that may be compared, in order: not those that were cut short, nor those of a command that
 * failed, unless all of them end with that same status; of a set with two sides those of that side.
 * Returns how many; run: room for all.
 */
size_t ts_run_set_usable(const struct ts_run_set *set, enum ts_run_side side,
			 const struct ts_run **run);
bool ts_run_set_has_sides(const struct ts_run_set *set);

#endif
