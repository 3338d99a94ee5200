/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of tasks that are shown snapshot after snapshot: opened once for each of them. */
#ifndef TUNESCOPE_TASK_NAMES_H
#define TUNESCOPE_TASK_NAMES_H

#include "source.h"

#define TS_TASK_NAMES 16

struct ts_task_name {
	__u32 pid; /* 0: free */
	int file;  /* its comm, open: reading it fails when the task has ended */
	char comm[64];
	char cgroup[1024]; /* "" when it is not known */
	__u64 used_ns, cgroup_ns;
};

struct ts_task_names {
	struct ts_task_name name[TS_TASK_NAMES];
};

/* NULL: there is no such task any more. Valid until the next call. */
const struct ts_task_name *ts_task_name(struct ts_task_names *names, const struct ts_live *live,
					__u32 pid);
void ts_task_names_close(struct ts_task_names *names);

#endif
