// SPDX-License-Identifier: GPL-2.0-only
#include "sched_whose.h"

#include "clock.h"

static const char *const names[TS_SCHED_WHOSES] = {
	[TS_SCHED_COMMAND] = "command",
	[TS_SCHED_KERNEL] = "kernel",
	[TS_SCHED_OWN] = "tunescope",
	[TS_SCHED_OTHER] = "other",
};

/* Up to now: what runs on a CPU has done so since its last switch. */
void ts_sched_whose_snapshot(struct ts_sched_whose_told *told, const struct ts_sched_cpu *cpu,
			     unsigned int cpus, struct ts_snapshot *snapshot)
{
	__u64 ran[TS_SCHED_WHOSES] = {0}, now = ts_clock_ns(CLOCK_MONOTONIC);

	for (unsigned int i = 0; i < cpus; i++) {
		const volatile struct ts_sched_cpu *slice = &cpu[i];
		__u64 since = slice->since, whose = slice->whose;

		for (int k = 0; k < TS_SCHED_WHOSES; k++)
			ran[k] += slice->ran[k];
		if (whose < TS_SCHED_WHOSES && since && now > since && slice->since == since)
			ran[whose] += now - since;
	}
	for (int k = 0; k < TS_SCHED_WHOSES; k++) {
		/* A switch while this was read may have taken a little away again. */
		if (ran[k] > told->ran[k])
			told->ran[k] = ran[k];
		ts_snapshot_counter(snapshot, TS_FAMILY_TASK_CPU, TS_LABELS(names[k]),
				    told->ran[k]);
	}
}
