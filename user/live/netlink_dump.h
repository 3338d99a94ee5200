/* SPDX-License-Identifier: GPL-2.0-only */
/* Asking the kernel for a list over netlink, and going through the answer. */
#ifndef TUNESCOPE_NETLINK_DUMP_H
#define TUNESCOPE_NETLINK_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/netlink.h>

/* A socket in the current network namespace, which it keeps alive; or a negative errno. */
int ts_netlink_open(int protocol);

/* False: that is enough, the rest is thrown away. */
typedef bool (*ts_netlink_visit)(void *context, const struct nlmsghdr *message);

/*
 * Sends the request (its header and what follows, nlmsg_len bytes) and calls visit for each message
 * of the answer that carries at least least bytes. 0 or a negative errno.
 */
int ts_netlink_dump(int netlink, const struct nlmsghdr *request, size_t least,
		    ts_netlink_visit visit, void *context);

/*
 * Calls visit for each neighbour (struct ndmsg) of a family, or of all (AF_UNSPEC), in the current
 * network namespace. 0 or a negative errno.
 */
int ts_netlink_neighbours(int family, ts_netlink_visit visit, void *context);

#endif
