/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the cgroup hierarchies that may hold a controller are mounted. */
#ifndef TUNESCOPE_CGROUP_MOUNTS_H
#define TUNESCOPE_CGROUP_MOUNTS_H

#include "procfile.h"

/* At most one of each version. */
struct ts_cgroup_mount {
	bool unified; /* version 2 */
	char path[TS_PROC_PATH_MAX];
};

#define TS_CGROUP_MOUNTS 2

/*
 * controller is its name in the first version. From /proc/self/mountinfo, as seen below live's
 * roots. Returns how many there are, or a negative errno with path naming what could not be read.
 */
int ts_cgroup_mounts(const struct ts_live *live, const char *controller,
		     struct ts_cgroup_mount mount[TS_CGROUP_MOUNTS], char path[TS_PROC_PATH_MAX]);

#endif
