/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How many of the drops that sockets show are dropped connection attempts. sk_drops of a listener
 * also counts stray segments that reach it when their connection is gone (a late reset, say);
 * ListenDrops of the namespace counts attempts only, but not by port. Both move together, so
 * ListenDrops needs to be read only when a socket shows new drops.
 */
#ifndef TUNESCOPE_LISTEN_DROPS_H
#define TUNESCOPE_LISTEN_DROPS_H

#include <stdbool.h>
#include <linux/types.h>
#include "netns.h"

struct ts_listen_drops {
	struct {
		__u64 serial;	 /* of the namespace */
		__u64 accounted; /* of ListenDrops */
	} row[TS_NETNS_MAX];	 /* as in the table of namespaces */
};

/* In the current namespace, which has slot in the table: all there was so far is accounted for. */
void ts_listen_drops_baseline(struct ts_listen_drops *drops, size_t slot, __u64 serial);

/* Of so many drops seen on sockets, those that were attempts. */
__u64 ts_listen_drops_claim(struct ts_listen_drops *drops, size_t slot, __u64 serial, __u64 seen);

#endif
