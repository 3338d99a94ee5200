/* SPDX-License-Identifier: GPL-2.0-only */
/* What runs of a command looked like to the kernel, and how metrics of runs are named and shown. */
#ifndef TUNESCOPE_RENDER_RUNS_H
#define TUNESCOPE_RENDER_RUNS_H

#include <stdio.h>
#include "render.h"
#include "../compare.h"
#include "../run_set.h"

void ts_render_runs(FILE *out, const struct ts_run_set *set,
		    const struct ts_render_options *options);

/* "block_latency nvme0n1 read": a series; not made safe. */
const char *ts_metric_series(struct ts_arena *arena, enum ts_family_id family,
			     const char *const *label);
/* "runq_latency p99", "task_cpu_seconds command total" */
const char *ts_metric_name(struct ts_arena *arena, enum ts_family_id family,
			   const char *const *label, enum ts_statistic statistic);
/* "1.25 ms", "812/s", "4.00 KiB/s", "0.45 s/s"; "-" for none. */
const char *ts_metric_value(struct ts_arena *arena, enum ts_family_id family,
			    enum ts_statistic statistic, double value);
/* Of values per second and totals, the unit for machines: "seconds", "1/s", "bytes/s", "bytes". */
const char *ts_metric_unit(enum ts_family_id family, enum ts_statistic statistic);

#endif
