/* SPDX-License-Identifier: GPL-2.0-only */
/* What bpf/reclaim.bpf.c counts, as it stands in its maps. */
#ifndef TUNESCOPE_RECLAIM_H
#define TUNESCOPE_RECLAIM_H

#include <tunescope/histogram.h>

/* Why a task waited for memory. */
enum ts_reclaim_kind {
	TS_RECLAIM_HOST,	 /* direct reclaim: the host is short of free memory */
	TS_RECLAIM_CGROUP,	 /* its memory cgroup is at memory.max or above memory.high */
	TS_RECLAIM_NODE,	 /* the NUMA node is, and vm.zone_reclaim_mode says to free there */
	TS_RECLAIM_COMPACT,	 /* a block of pages that lie together was not to be had */
	TS_RECLAIM_COMPACT_HUGE, /* the same, for a huge page */
	TS_RECLAIM_KINDS,
};

#define TS_RECLAIM_HUGE_ORDER 9	   /* 2 MiB of 4 KiB pages, the smallest huge page there is */
#define TS_RECLAIM_TASKS      1024 /* that wait at once */

/* One slice for each CPU. */
struct ts_reclaim_cpu {
	struct ts_histogram_keyed stall[TS_RECLAIM_KINDS];
	__u64 pages[TS_RECLAIM_KINDS]; /* freed by those that waited */
};

/* A task that has begun. */
struct ts_reclaim_begun {
	__u64 ns; /* 0: it is between two zones */
	__u64 kind;
};

#endif
