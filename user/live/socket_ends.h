/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The last records of connections that have ended (bpf/tcp.bpf.c): the second visit of one that was
 * met, and the only one of one that lived between two rounds.
 */
#ifndef TUNESCOPE_SOCKET_ENDS_H
#define TUNESCOPE_SOCKET_ENDS_H

#include "probe.h"
#include "socket_groups.h"
#include "socket_limits.h"
#include "socket_memory.h"
#include "socket_namespaces.h"
#include "source.h"

struct ts_socket_ends;

/* ring: that of the programs, or NULL: none is there. NULL when there is nothing to be read. */
struct ts_socket_ends *ts_socket_ends_open(const struct ts_map *ring);
void ts_socket_ends_close(struct ts_socket_ends *ends);

/*
 * Adds all that have ended to their groups. Before each round of visits, and before it is forgotten
 * what the round before has met. now_ns: not when that is too soon for what it costs; 0: at once.
 */
void ts_socket_ends_read(struct ts_socket_ends *ends, struct ts_live *live,
			 const struct ts_socket_memory *memory, struct ts_socket_groups *groups,
			 struct ts_socket_namespaces *namespaces, __u64 now_ns);

/* Connections that left a record in a namespace that had gone when it was read, or was too new. */
__u64 ts_socket_ends_lost(const struct ts_socket_ends *ends);

#endif
