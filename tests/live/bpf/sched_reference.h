/* SPDX-License-Identifier: GPL-2.0-only */
/* The slow and obvious way to measure what bpf/sched.bpf.c measures; to compare with. */
#ifndef SCHED_REFERENCE_H
#define SCHED_REFERENCE_H

#include <tunescope/histogram.h>

struct sched_reference_task {
	__u64 queued;	/* when it became runnable; 0: it is not waiting */
	__u64 switched; /* when it left a CPU; 0: not seen yet */
	__u64 voluntary, involuntary;
	__u64 arrivals, run_delay; /* sched_info.pcount and run_delay when it left */
	__u64 unseen_wait_ns;	   /* of waits whose end was kept from BPF programs */
	__u8 counted;		   /* all but the first two are known */
	__u8 moved_asleep;	   /* since it left, on the run queue of another CPU */
};

struct sched_reference {
	struct ts_histogram_global wait, oncpu, offcpu;
	__u64 switches;			    /* of all tasks, the idle task's included */
	__u64 voluntary, involuntary;	    /* by the kernel's own nvcsw and nivcsw of each task */
	__u64 unknown;			    /* switches of tasks seen for the first time */
	__u64 migrations;		    /* sched_migrate_task */
	__u64 unseen_waits, unseen_wait_ns; /* whose begin was kept from BPF programs */
	__u64 unseen_runs;
	__u64 moved_asleep_ns; /* waits of which the kernel does not know the begin: lost to others
				*/
};

#endif
