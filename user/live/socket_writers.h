/* SPDX-License-Identifier: GPL-2.0-only */
/* How much at a time the applications write that are far ahead of their connections. */
#ifndef TUNESCOPE_SOCKET_WRITERS_H
#define TUNESCOPE_SOCKET_WRITERS_H

#include <linux/types.h>

#include "source.h"

struct ts_socket_writers;

struct ts_socket_writers *ts_socket_writers_new(void); /* NULL: out of memory */
void ts_socket_writers_free(struct ts_socket_writers *writers);

/*
 * Mean size of the write() calls of the process that holds the socket, since it was asked about
 * before, in bytes. 0: not known (yet), or nothing was written that way; send() is not accounted by
 * the kernel.
 */
double ts_socket_write_size(struct ts_socket_writers *writers, const char *proc, __u64 identity,
			    __u32 inode);

/*
 * After each round, and each look: finds the processes of those that are new, and forgets those
 * that were not asked about for a while. A pass over /proc when there are new ones, as often as its
 * share allows, else nothing.
 */
void ts_socket_writers_end(struct ts_socket_writers *writers, const struct ts_live *live);

#endif
