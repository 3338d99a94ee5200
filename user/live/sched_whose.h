/* SPDX-License-Identifier: GPL-2.0-only */
/* Whose tasks were on the CPUs while a command was run: a part of the scheduler source. */
#ifndef TUNESCOPE_LIVE_SCHED_WHOSE_H
#define TUNESCOPE_LIVE_SCHED_WHOSE_H

#include <tunescope/sched.h>
#include "../core/snapshot.h"

struct ts_sched_whose_told {
	__u64 ran[TS_SCHED_WHOSES]; /* in the last snapshot */
};

/* Appends the family; cpu: one slice for each CPU, as ts_sched_run fills it. */
void ts_sched_whose_snapshot(struct ts_sched_whose_told *told, const struct ts_sched_cpu *cpu,
			     unsigned int cpus, struct ts_snapshot *snapshot);

#endif
