/* SPDX-License-Identifier: GPL-2.0-only */
/* Between netns.c (the table) and netns_scan.c (what fills it). */
#ifndef TUNESCOPE_NETNS_TABLE_H
#define TUNESCOPE_NETNS_TABLE_H

#include "netns.h"

#define TS_NETNS_NAMED "/run/netns"

/* NULL: the table is full. */
struct ts_netns_entry *ts_netns_add(struct ts_netns_table *table, ino_t inode, __u64 now_ns);
void ts_netns_remove(struct ts_netns_entry *entry);

/* It is where it was found last; proc is a descriptor. */
bool ts_netns_there(struct ts_netns_entry *entry, int proc);
/* It is not: nothing of ours keeps it alive from now on. */
void ts_netns_lose(struct ts_netns_entry *entry);

/* Decides which have series of their own. */
void ts_netns_choose(struct ts_netns_table *table, __u64 now_ns);

#endif
