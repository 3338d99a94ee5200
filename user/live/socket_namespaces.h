/* SPDX-License-Identifier: GPL-2.0-only */
/* What the namespaces of connections allow, each looked up and read at most once in a reading. */
#ifndef TUNESCOPE_SOCKET_NAMESPACES_H
#define TUNESCOPE_SOCKET_NAMESPACES_H

#include "netns.h"
#include "socket_limits.h"

struct ts_socket_namespaces;

struct ts_socket_namespaces *ts_socket_namespaces_new(void); /* NULL: out of memory */
void ts_socket_namespaces_free(struct ts_socket_namespaces *namespaces);

/*
 * A reading begins, and everything is read anew: a limit that has just been raised would else seem
 * to have stopped those that are beyond it.
 */
void ts_socket_namespaces_begin(struct ts_socket_namespaces *namespaces,
				struct ts_netns_table *table);

/* NULL: it is not known, as it has gone or is too new. */
struct ts_netns_entry *ts_socket_namespace(struct ts_socket_namespaces *namespaces, __u32 netns);

/* NULL: it cannot be entered any more. */
const struct ts_netns_limits *ts_socket_namespace_limits(struct ts_socket_namespaces *namespaces,
							 const struct ts_netns_entry *entry);

#endif
