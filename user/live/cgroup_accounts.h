/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPU quotas of the cgroups of one hierarchy, from what the kernel counts to series that a window
 * may trust: a cgroup that is there at the first reading starts with what was counted before, a new
 * one with what it has done since it was made, and an older one that gets a quota later with zero.
 * One made anew under the same name goes on where the other one ended.
 */
#ifndef TUNESCOPE_CGROUP_ACCOUNTS_H
#define TUNESCOPE_CGROUP_ACCOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#define TS_CGROUPS_SHOWN 256 /* have series of their own; the rest is put together */

struct ts_cgroup_quota {
	double cpus; /* 0: no quota */
	__u64 periods, throttled_periods, throttled_ns;
};

struct ts_cgroup_account {
	char *path; /* below the mount; "" is the root */
	__u64 file; /* inode of its cpu.stat */
	bool seen;  /* in the reading that is going on */
	bool shown;
	struct ts_cgroup_quota last;  /* as the kernel counted */
	struct ts_cgroup_quota total; /* while shown */
	__u64 since_ns;		      /* throttled since the last reading */
};

struct ts_cgroup_accounts {
	struct ts_cgroup_account *account; /* by path; those added since the beginning behind */
	size_t count, sorted, capacity;
	size_t shown;
	struct ts_cgroup_quota other; /* those that are not shown for want of room */
	bool any_other;		      /* there has been one */
	__u64 overflowed;	      /* periods in it */
	bool primed;
	/* Inodes of the directories: sorted those of the last walk, then those of this one. */
	__u64 *directory;
	size_t directories, walked, directory_capacity;
};

/* A reading begins, and ends: what was not seen in it has gone. */
void ts_cgroup_accounts_begin(struct ts_cgroup_accounts *accounts);
void ts_cgroup_accounts_end(struct ts_cgroup_accounts *accounts);

/* A reading that goes through all cgroups tells of each first. False: out of memory. */
bool ts_cgroup_accounts_visit(struct ts_cgroup_accounts *accounts, __u64 directory);

/*
 * A cgroup with a quota. directory 0: the one known by that path. False: out of memory.
 */
bool ts_cgroup_accounts_add(struct ts_cgroup_accounts *accounts, const char *path, __u64 directory,
			    __u64 file, const struct ts_cgroup_quota *now);

void ts_cgroup_accounts_free(struct ts_cgroup_accounts *accounts);

#endif
