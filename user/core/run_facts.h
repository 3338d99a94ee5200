/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is noted of a run of a command in each window of it, and of its end in the last one. Kept by
 * name (struct ts_annotation), so that who does not know a note passes over it.
 */
#ifndef TUNESCOPE_RUN_FACTS_H
#define TUNESCOPE_RUN_FACTS_H

#include "snapshot.h"

enum ts_run_side {
	TS_RUN_ALONE, /* there is nothing that it was run beside */
	TS_RUN_BASELINE,
	TS_RUN_CURRENT,
};

/* "alone", "baseline", "current" */
const char *ts_run_side_name(enum ts_run_side side);

struct ts_run_facts {
	bool known;	     /* it is a run of a command at all */
	const char *command; /* its words, with blanks between them */
	unsigned int number; /* from 1, on its side */
	enum ts_run_side side;
	const char *scope; /* "cmd" or "host": whose tasks the scheduler's families are */
	bool ended;	   /* what follows is known */
	int exit_status;   /* 128 and the signal when it was killed */
	double wall_seconds;
};

void ts_run_facts_put(struct ts_snapshot *snapshot, const struct ts_run_facts *facts);
/* The texts live as long as the snapshot. Damaged notes are as none. */
struct ts_run_facts ts_run_facts_get(const struct ts_snapshot *snapshot);

#endif
