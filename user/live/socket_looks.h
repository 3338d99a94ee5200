/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Looks at the open connections that move something (bpf/tcp_looks.bpf.h), between two rounds of
 * visits: they cost what these connections are, not what namespaces there are.
 */
#ifndef TUNESCOPE_SOCKET_LOOKS_H
#define TUNESCOPE_SOCKET_LOOKS_H

#include "probe.h"
#include "socket_namespaces.h"
#include "socket_visit.h"

struct ts_socket_looks_state;

/* The map they are in (struct ts_socket_looks), and the program that is run for a look. */
struct ts_socket_looking {
	const struct ts_map *map;
	int program; /* below 0: it could not be loaded */
};

/* What tcp has for it, or NULL: it has nothing. NULL when looks cannot be had. */
struct ts_socket_looks_state *ts_socket_looks_open(const struct ts_socket_looking *looking);
void ts_socket_looks_close(struct ts_socket_looks_state *looks);

/* A connection met in a round, to be looked at from then on if there is room. */
void ts_socket_looks_meet(struct ts_socket_looks_state *looks,
			  const struct ts_socket_record *record, __u64 key);

/* Looks at all; 0 or a negative errno. */
int ts_socket_looks_look(struct ts_socket_looks_state *looks,
			 const struct ts_socket_visitor *visitor,
			 struct ts_socket_namespaces *namespaces, struct ts_netns_table *table);

#endif
