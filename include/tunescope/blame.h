/* SPDX-License-Identifier: GPL-2.0-only */
/* Who lost time to something that is rare: a table of the processes that lost it lately. */
#ifndef TUNESCOPE_BLAME_H
#define TUNESCOPE_BLAME_H

#include <tunescope/types.h>

#define TS_BLAME_ENTRIES 1024
#define TS_BLAME_CGROUP	 64

struct ts_blame_key {
	__u32 pid;   /* thread group */
	__u32 where; /* which series of the family: a device, a kind */
};

struct ts_blame {
	__u64 ns;
	char comm[16];
	char cgroup[TS_BLAME_CGROUP]; /* of the memory controller; its last component, "" for the
					 root */
};

#endif
