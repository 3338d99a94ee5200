/* SPDX-License-Identifier: GPL-2.0-only */
/* The scheduler source with the choices that tests and benchmarks make for themselves. */
#ifndef TUNESCOPE_LIVE_SCHED_H
#define TUNESCOPE_LIVE_SCHED_H

#include "source.h"

struct ts_sched_options {
	bool own_timestamps;   /* as on a kernel without SCHED_INFO */
	bool keep_stale_clock; /* without the correction of waits that read 0 */
};

int ts_sched_open(struct ts_live *live, const struct ts_sched_options *options, void **state,
		  enum ts_status *status, char why[256]);

extern const struct ts_source ts_source_sched;

#endif
