/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One run of what is measured, reduced to what comparing runs needs (compare.h). Windows are added
 * one by one, in order; nobody needs to know beforehand how many there will be. They are put into
 * at most TS_RUN_BLOCKS contiguous blocks of equal length, at least TS_RUN_BLOCK_WINDOWS windows
 * each: when all are full, neighbours are put together. The blocks give the variance within the run
 * and are freed when the run is finished.
 */
#ifndef TUNESCOPE_RUN_SUMMARY_H
#define TUNESCOPE_RUN_SUMMARY_H

#include "window.h"

#define TS_RUN_BLOCKS	     12
#define TS_RUN_BLOCK_WINDOWS 4
#define TS_RUN_BUCKETS	     512

enum ts_statistic {
	TS_STATISTIC_P50,
	TS_STATISTIC_P95,
	TS_STATISTIC_P99,
	TS_STATISTIC_MEAN,
	TS_STATISTIC_RATE,  /* events, seconds or bytes per second */
	TS_STATISTIC_TOTAL, /* in the whole run: seconds or bytes of what a run takes */
	TS_STATISTIC_COUNT,
};

/* "p50", "p95", "p99", "mean", "rate", "total" */
const char *ts_statistic_name(enum ts_statistic statistic);

struct ts_run_block {
	struct ts_histogram *histogram; /* NULL: none */
	double counter;			/* base units */
};

struct ts_run_series {
	struct ts_run_series *next, *hash_next; /* in order of appearance; of one bucket */
	enum ts_family_id family;
	/*
	 * A network namespace's inode, which differs from run to run, is replaced by "initial", by
	 * its name, or by the name of a process in it. A label that is merged over is "". A port
	 * in the range that the kernel chooses from is "ephemeral": it differs in each run.
	 */
	const char *label[TS_LABELS_MAX];
	struct ts_histogram *histogram; /* the whole run's; NULL for a counter */
	double events;			/* observations; of a counter what it counted, base units */
	double value[TS_STATISTIC_COUNT];    /* base units; NAN: none */
	double variance[TS_STATISTIC_COUNT]; /* within the run, of ln value; NAN: unknown */
	double present;			     /* share of the blocks in which there was anything */
	struct ts_run_block *block;	     /* NULL once finished */
};

/* What is known of others that used the machine meanwhile: shares of CPU capacity. */
struct ts_interference {
	double foreign; /* on-CPU time of tasks that are not the run's; NAN unknown */
	double steal;	/* taken by the hypervisor; NAN unknown */
};

struct ts_run_summary {
	struct ts_arena *arena, *work;
	struct ts_run_series *series, **last;
	struct ts_run_series *hash[TS_RUN_BUCKETS];
	size_t series_count;
	size_t windows;
	double seconds;
	double family_seconds[TS_FAMILY_COUNT]; /* in which the family was measured */
	const char *why[TS_FAMILY_COUNT];	/* it was not measured (in a part); "" it was */
	size_t blocks, block_windows, in_block; /* block_windows: of a full one */
	double block_seconds[TS_FAMILY_COUNT][TS_RUN_BLOCKS];
	/* Computed from cpu_seconds and task_cpu_seconds when the caller does not know better. */
	struct ts_interference interference;
	double steal_seconds, cpu_seconds;
	/* On the CPUs, where that was measured (task_cpu_seconds): also foreign is computed then.
	 */
	double foreign_seconds, kernel_seconds, own_seconds, capacity_seconds;
	bool finished;
};

struct ts_run_summary *ts_run_summary_new(void);
void ts_run_summary_free(struct ts_run_summary *run); /* NULL is fine */
void ts_run_summary_add(struct ts_run_summary *run, const struct ts_window *window);
/* After the last window. A run without any window is fine: it has no data. */
void ts_run_summary_finish(struct ts_run_summary *run);

/* NULL when the run has no such series. label: as in struct ts_run_series. */
const struct ts_run_series *ts_run_summary_find(const struct ts_run_summary *run,
						enum ts_family_id family, const char *const *label);

/* A statistic of a histogram; seconds for the rate. NAN when there is none. */
double ts_statistic_of(const struct ts_histogram *histogram, enum ts_statistic statistic,
		       double seconds);

#endif
