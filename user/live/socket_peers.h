/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Silent connections that ask for keepalive and will not be probed for long, and those that get
 * nothing through: whether their other side is still there, as far as it is on this host and can be
 * seen, or has come again.
 */
#ifndef TUNESCOPE_SOCKET_PEERS_H
#define TUNESCOPE_SOCKET_PEERS_H

#include <stdbool.h>
#include <tunescope/sockets.h>

#include "socket_sending.h"

struct ts_socket_peers;

struct ts_socket_peers *ts_socket_peers_new(void); /* NULL: out of memory */
void ts_socket_peers_free(struct ts_socket_peers *peers);

/* Around each round of visits. complete: every namespace of the host was visited. */
void ts_socket_peers_begin(struct ts_socket_peers *peers);
void ts_socket_peers_end(struct ts_socket_peers *peers, bool complete);

/* Inside each namespace, before its connections: looks at its addresses if they are of use. */
void ts_socket_peers_enter(struct ts_socket_peers *peers);

/* An open connection; its group is told at the end of the round. */
void ts_socket_peers_visit(struct ts_socket_peers *peers, struct ts_sending *sending,
			   const struct ts_socket_record *record, __u64 jiffy_ns);

#endif
