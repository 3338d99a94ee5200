/* SPDX-License-Identifier: GPL-2.0-only */
/* Which process holds a socket, by its inode. */
#ifndef TUNESCOPE_SOCKET_OWNER_H
#define TUNESCOPE_SOCKET_OWNER_H

#include <stddef.h>
#include <linux/types.h>

struct ts_socket_owner {
	__u32 inode; /* asked for; 0: skip */
	int pid;     /* 0: none found */
	char comm[32];
};

/*
 * Fills in pid and comm of each owner in one pass over /proc (about 1 us per open file of the
 * host): call it only when there is something to report. Of several processes the first is named.
 */
void ts_socket_owners(const char *proc, struct ts_socket_owner *owner, size_t count);

#endif
