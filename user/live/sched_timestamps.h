/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel's BTF says about the scheduler's own timestamps. */
#ifndef TUNESCOPE_SCHED_TIMESTAMPS_H
#define TUNESCOPE_SCHED_TIMESTAMPS_H

#include "source.h"

struct btf;

bool ts_btf_struct_has(const struct btf *btf, const char *structure, const char *member);

/* Does the scheduler keep the timestamps that ts_sched_switch reads? */
bool ts_kernel_keeps_timestamps(const struct ts_live *live);

#endif
