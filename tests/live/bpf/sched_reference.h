/* SPDX-License-Identifier: GPL-2.0-only */
/* The slow and obvious way to measure what bpf/sched.bpf.c measures; to compare with. */
#ifndef SCHED_REFERENCE_H
#define SCHED_REFERENCE_H

#include <tunescope/histogram.h>

struct sched_reference {
	struct ts_histogram_global wait, oncpu, offcpu;
	__u64 switches;		      /* of all tasks, the idle task's included */
	__u64 voluntary, involuntary; /* by the kernel's own nvcsw and nivcsw of each task */
	__u64 unknown;		      /* switches of tasks seen for the first time */
	__u64 migrations;	      /* sched_migrate_task */
};

#endif
