/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A cgroup (version 2) of its own for a command, below the one that tunescope is in, so that the
 * limits it runs under stay the same. No controller is switched on in it: it changes nothing of how
 * the command is scheduled.
 */
#ifndef TUNESCOPE_COMMAND_CGROUP_H
#define TUNESCOPE_COMMAND_CGROUP_H

#include <linux/limits.h>
#include <linux/types.h>
#include <stddef.h>

struct ts_command_cgroup {
	char path[PATH_MAX];  /* of its directory; "" none */
	char above[PATH_MAX]; /* of the one it is in */
	__u64 id;
};

/* 0, or a negative errno with why none can be had. */
int ts_command_cgroup_make(struct ts_command_cgroup *group, char why[256]);

/* Puts the calling process into it; 0 or a negative errno. */
int ts_command_cgroup_enter(const struct ts_command_cgroup *group);

/* The processes in it, threads not counted. */
size_t ts_command_cgroup_processes(const struct ts_command_cgroup *group);
/* Sends them a signal. */
void ts_command_cgroup_kill(const struct ts_command_cgroup *group, int number);
/* Puts those that are left back into the cgroup above. */
void ts_command_cgroup_evict(const struct ts_command_cgroup *group);

/* It is empty for good. */
void ts_command_cgroup_remove(struct ts_command_cgroup *group);

#endif
