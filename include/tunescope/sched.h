/* SPDX-License-Identifier: GPL-2.0-only */
/* Maps of the scheduler programs as both sides see them. */
#ifndef TUNESCOPE_SCHED_H
#define TUNESCOPE_SCHED_H

#include <tunescope/histogram.h>

/* Who left the CPU; "idle" is the idle task, so that the sum is what /proc/stat calls ctxt. */
enum ts_sched_switch_kind {
	TS_SCHED_SWITCH_INVOLUNTARY,
	TS_SCHED_SWITCH_VOLUNTARY,
	TS_SCHED_SWITCH_IDLE,
	TS_SCHED_SWITCH_KINDS,
};

/* Written by its own CPU only, with plain increments. */
struct ts_sched_cpu {
	__u64 switched;	    /* the last switch on this CPU, by its own clock; 0: none seen */
	__u64 calibrated;   /* when clock_offset was taken, by the run queue's clock */
	__u64 clock_offset; /* bpf_ktime_get_ns() minus the run queue's clock */
	__u64 switches[TS_SCHED_SWITCH_KINDS];
	__u64 migrations;
	__u64 lost; /* arrivals of tasks whose entry another task had taken */
	struct ts_histogram_global runq;
	struct ts_histogram_global oncpu;
	struct ts_histogram_global offcpu;
} __attribute__((aligned(64)));

/* One slot for each pid (direct-mapped): the task as it was when it last left a CPU. */
struct ts_sched_task {
	__u32 pid;	  /* whose slot this is; 0: nobody's */
	__u32 migrations; /* se.nr_migrations */
	__u64 run_delay;  /* waited so far, ns: in its life, or without SCHED_INFO since seen first
			   */
	__u64 switched;	  /* when it left; 0: it has not run since it was seen first */
	union {
		__u64 run_delay_before; /* run_delay when it was seen first */
		__u64 queued; /* without SCHED_INFO: when it became runnable; 0: not waiting */
	};
};

#endif
