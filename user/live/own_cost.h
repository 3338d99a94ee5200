/* SPDX-License-Identifier: GPL-2.0-only */
/* What tunescope itself uses, apart from its BPF programs. */
#ifndef TUNESCOPE_OWN_COST_H
#define TUNESCOPE_OWN_COST_H

#include "../core/snapshot.h"

/* Fills user_cpu_ns, rss_bytes and peak_rss_bytes of snapshot->cost. */
void ts_own_cost_snapshot(struct ts_snapshot *snapshot);

#endif
