/* SPDX-License-Identifier: GPL-2.0-only */
/* How much at a time the applications write that are far ahead of their connections. */
#ifndef TUNESCOPE_SOCKET_WRITERS_H
#define TUNESCOPE_SOCKET_WRITERS_H

#include <stdbool.h>
#include <linux/types.h>

#include "source.h"

struct ts_socket_writers;

struct ts_socket_writers *ts_socket_writers_new(void); /* NULL: out of memory */
void ts_socket_writers_free(struct ts_socket_writers *writers);

/* A connection that is asked about. */
struct ts_socket_writing {
	__u64 identity;
	__u32 inode;
	bool blocking; /* its process waits within write() for room */
	double acked;  /* bytes, since it was met before */
};

/*
 * How much the process that holds the socket writes at a time, in bytes. Where the socket blocks,
 * that of the call in which it was last found waiting (0 where the process reads about as much as
 * it writes: it passes data on). Else the mean of its write() calls since it was asked about in the
 * round before; send() is not accounted by the kernel. 0: not known (yet).
 */
double ts_socket_write_size(struct ts_socket_writers *writers, const char *proc,
			    const struct ts_socket_writing *writing);

/*
 * After each round, and each look: finds the processes of those that are new, and forgets those
 * that were not asked about for a while. A pass over /proc when there are new ones, as often as its
 * share allows, else nothing.
 */
void ts_socket_writers_end(struct ts_socket_writers *writers, const struct ts_live *live);

#endif
