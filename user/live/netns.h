/* SPDX-License-Identifier: GPL-2.0-only */
/* The network namespaces of the host: found through /proc and /run/netns, entered to look inside.
 */
#ifndef TUNESCOPE_NETNS_H
#define TUNESCOPE_NETNS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "../core/snapshot.h"

#define TS_NETNS_MAX 256 /* more are counted, not visited */

struct ts_netns_entry {
	ino_t inode;
	char label[24]; /* the inode in decimal */
	char name[64];	/* in /run/netns, or "" */
	pid_t pid;	/* a process in it, or 0 */
	char comm[32];
	bool initial;
	bool refused; /* the kernel did not let us in when it was last tried */
	bool alive;   /* false: gone since the last refresh; slots are reused */
};

struct ts_netns_table {
	struct ts_netns_entry entry[TS_NETNS_MAX];
	size_t count;	  /* slots in use, dead ones included */
	size_t unvisited; /* namespaces beyond TS_NETNS_MAX at the last refresh */
	int home;	  /* descriptor of the namespace tunescope was started in */
	bool away;	  /* the thread is in another one */
};

int ts_netns_open(struct ts_netns_table *table); /* 0 or a negative errno */
void ts_netns_close(struct ts_netns_table *table);

/* Looks for new and vanished namespaces. One pass over /proc: about 2 us per process. */
void ts_netns_refresh(struct ts_netns_table *table, const char *proc);

/*
 * Makes the calling thread enter the namespace of an entry: sockets made and files below
 * /proc/thread-self/net opened then belong to it. Always call ts_netns_leave afterwards.
 * The initial namespace needs no switch and costs nothing. 0 or a negative errno.
 */
int ts_netns_enter(struct ts_netns_table *table, const struct ts_netns_entry *entry);
void ts_netns_leave(struct ts_netns_table *table);

/* Copies the live entries into a snapshot. */
void ts_netns_snapshot(const struct ts_netns_table *table, struct ts_snapshot *snapshot);

/*
 * Says in the families of a snapshot that are read inside each namespace (and are ok otherwise)
 * that some could not be entered, when that is so: what happens there is not seen.
 */
void ts_netns_coverage(const struct ts_netns_table *table, struct ts_snapshot *snapshot);

#endif
