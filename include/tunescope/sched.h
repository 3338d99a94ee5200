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

/* Whose tasks they are, when a command is run (ts_sched_run). */
enum ts_sched_whose {
	TS_SCHED_COMMAND, /* in its cgroup or below */
	TS_SCHED_KERNEL,  /* threads of the kernel */
	TS_SCHED_OWN,	  /* tunescope's */
	TS_SCHED_OTHER,
	TS_SCHED_WHOSES,
	TS_SCHED_NOBODY = TS_SCHED_WHOSES, /* the idle task */
};

/* The intervals that are measured. */
enum ts_sched_interval {
	TS_SCHED_WAIT,
	TS_SCHED_ONCPU,
	TS_SCHED_OFFCPU,
	TS_SCHED_INTERVALS,
};

/*
 * Written by its own CPU only, with plain increments. What every switch touches, but for the slots,
 * is in the first two cache lines.
 */
struct ts_sched_cpu {
	__u64 switched;	    /* the last switch seen on this CPU; 0: none */
	__u64 started;	    /* the first one */
	__u64 calibrated;   /* when clock_offset was taken, by the run queue's clock */
	__u64 clock_offset; /* bpf_ktime_get_ns() minus the run queue's clock */
	__u64 switches[TS_SCHED_SWITCH_KINDS];
	__u64 migrations;
	struct {
		__u64 sum, max; /* ns */
	} total[TS_SCHED_INTERVALS];
	__u64 lost; /* arrivals of tasks whose entry another task had taken */
	__u64 slot[TS_SCHED_INTERVALS][TS_HISTOGRAM_SLOTS_GLOBAL];
	/* By ts_sched_run only: */
	__u64 ran[TS_SCHED_WHOSES]; /* ns on this CPU, up to the last switch */
	__u64 since;		    /* the last switch, by ktime */
	__u64 whose;		    /* who runs since then */
} __attribute__((aligned(64)));

/* Above every real run_delay by so much that their difference is negative. */
#define TS_SCHED_WAIT_UNKNOWN (1ULL << 63)

/* In "arrivals" of a task that was listed, not seen to leave: when it left is not known. */
#define TS_SCHED_ARRIVALS_LISTED(arrivals) ((__u16) ~(arrivals))

/* One slot for each pid (direct-mapped): the task as it was when it last left a CPU. */
struct ts_sched_task {
	__u32 pid;	  /* whose slot this is; 0: nobody's */
	__u16 migrations; /* se.nr_migrations, its lower half */
	__u16 arrivals;	  /* sched_info.pcount, its lower half: has it really been away since? */
	__u64 switched;	  /* when it left; without SCHED_INFO 0: it has not left a CPU since */
	__u64 waited;	  /* all its waits since it was seen first, ns */
	union {
		__u64 run_delay; /* sched_info.run_delay, or TS_SCHED_WAIT_UNKNOWN */
		__u64 queued;	 /* without SCHED_INFO: when it became runnable; 0: not waiting */
	};
};

/* Between whom the CPU time that a task competes for is shared out. */
enum ts_sched_sharing {
	TS_SCHED_SHARED_BY_TASK,    /* it is in the root cgroup of the cpu controller */
	TS_SCHED_SHARED_BY_SESSION, /* likewise, and its session has an autogroup */
	TS_SCHED_SHARED_BY_CGROUP,
	TS_SCHED_SHARINGS,
};

enum ts_sched_class {
	TS_SCHED_NORMAL,
	TS_SCHED_BACKGROUND, /* nice 10 or more, or SCHED_IDLE: it asked to come last */
	TS_SCHED_REALTIME,   /* FIFO, round robin or deadline */
	TS_SCHED_CLASSES,
};

/* What ts_sched_visit writes for each task that is no kernel thread. */
struct ts_sched_visited {
	__u64 ran;     /* ns on a CPU since it began */
	__u64 started; /* CLOCK_MONOTONIC, ns */
	__u32 pid;
	__u32 session; /* as the initial pid namespace numbers it */
	__u8 sharing, class;
	__u8 unused[6];
};

#endif
