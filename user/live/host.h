/* SPDX-License-Identifier: GPL-2.0-only */
/* Which machine this is. */
#ifndef TUNESCOPE_HOST_H
#define TUNESCOPE_HOST_H

#include "../core/snapshot.h"

/* Fills snapshot->host. What the kernel does not tell stays "" or 0. */
void ts_host_snapshot(struct ts_snapshot *snapshot);

#endif
