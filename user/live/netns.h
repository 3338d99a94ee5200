/* SPDX-License-Identifier: GPL-2.0-only */
/* The network namespaces of the host: found through /proc and /run/netns, entered to look inside.
 */
#ifndef TUNESCOPE_NETNS_H
#define TUNESCOPE_NETNS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "../core/snapshot.h"

#define TS_NETNS_MAX	  1024 /* more are counted, not visited */
#define TS_NETNS_DETAILED 64   /* have series of their own; the others count as "other" */

struct ts_netns_entry {
	ino_t inode;
	char label[24]; /* the inode in decimal */
	char name[64];	/* in /run/netns, or "" */
	pid_t pid;	/* a process in it, or 0 */
	char comm[32];
	bool initial;
	bool refused;  /* the kernel did not let us in when it was last tried */
	bool alive;    /* false: gone since the last refresh; slots are reused */
	bool lost;     /* where it was to be found it is no more; perhaps somewhere else */
	bool doubtful; /* found again: perhaps another one with the same inode */
	bool detailed;
	bool old;	   /* it may have existed for long before it was met */
	__u64 serial;	   /* its own: the kernel uses inode numbers again, we our slots */
	__u64 met_ns;	   /* CLOCK_MONOTONIC */
	__u64 tried_ns;	   /* /proc/net: when it was to be read last */
	__u64 active_ns;   /* sources note here when they last saw traffic or a listener */
	__u64 detailed_ns; /* since when */
	__u64 cookie;	   /* the kernel's own serial number of it; 0: not known */
	int diag;	   /* sock_diag socket in it, or -1 */
};

struct ts_netns_table {
	struct ts_netns_entry entry[TS_NETNS_MAX];
	size_t count;	  /* slots in use, dead ones included; the first member after the entries */
	size_t unvisited; /* processes and names in namespaces beyond TS_NETNS_MAX */
	size_t undetailed; /* namespaces of the table that count as "other" */
	int home;	   /* descriptor of the namespace tunescope was started in */
	bool away;	   /* the thread is in another one */
	__u64 serials;
	/* of the refreshes */
	__u64 refreshed_ns, scanned_ns, scan_cost_ns, names_ns, names_changed_ns;
	__u64 released_ns;
	int pid[3];	  /* the newest process at the last refresh and those before; 0: unknown */
	bool scan_wanted; /* there were too many new processes to look at each */
	size_t checked;	  /* where the next look for lost ones begins */
};

int ts_netns_open(struct ts_netns_table *table); /* 0 or a negative errno */
void ts_netns_close(struct ts_netns_table *table);

/*
 * Looks for new and vanished namespaces: at the processes that are new since the last time (about 2
 * us each), and now and then at all of them.
 */
void ts_netns_refresh(struct ts_netns_table *table, const char *proc);

/*
 * With every tick of a source that uses ts_netns_diag: lets go of namespaces that nobody else holds
 * any more, and refreshes the table once a second. Does nothing when another source has just
 * called.
 */
void ts_netns_tick(struct ts_netns_table *table, const char *proc, __u64 monotonic_ns);

/*
 * Makes the calling thread enter the namespace of an entry: sockets made and files below
 * /proc/thread-self/net opened then belong to it. Always call ts_netns_leave afterwards.
 * The initial namespace needs no switch and costs nothing. 0 or a negative errno.
 */
int ts_netns_enter(struct ts_netns_table *table, const struct ts_netns_entry *entry);
void ts_netns_leave(struct ts_netns_table *table);

/*
 * A sock_diag socket in the namespace, or a negative errno. For a detailed one it stays open until
 * the namespace has neither a process nor a name left (two ticks longer, then). Give it back. Call
 * it from home or from that very namespace.
 */
int ts_netns_diag(struct ts_netns_table *table, struct ts_netns_entry *entry);
void ts_netns_diag_done(struct ts_netns_entry *entry, int diag);

/* Whether an inode number is that of a namespace that is gone for certain. */
bool ts_netns_gone(const struct ts_netns_table *table, __u32 inode);

/* Copies the live entries that have series of their own into a snapshot. */
void ts_netns_snapshot(const struct ts_netns_table *table, struct ts_snapshot *snapshot);

/*
 * Says in the families of a snapshot that are read inside each namespace (and are ok otherwise)
 * which namespaces could not be entered, or count as "other", or are not visited at all.
 */
void ts_netns_coverage(const struct ts_netns_table *table, struct ts_snapshot *snapshot);

#endif
