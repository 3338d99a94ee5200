/* SPDX-License-Identifier: GPL-2.0-only */
/* The CPU time of kswapd, the kernel's thread that frees memory in the background: one a node. */
#ifndef TUNESCOPE_KSWAPD_H
#define TUNESCOPE_KSWAPD_H

#include "source.h"

#define TS_KSWAPD_NODES 64

struct ts_kswapd {
	size_t count;
	struct {
		char node[8];
		int descriptor; /* of its stat */
	} thread[TS_KSWAPD_NODES];
};

void ts_kswapd_open(struct ts_kswapd *kswapd, const char *proc);
void ts_kswapd_close(struct ts_kswapd *kswapd);

/* False when it cannot be read (any more). */
bool ts_kswapd_cpu_ns(const struct ts_kswapd *kswapd, size_t i, __u64 *ns);

#endif
