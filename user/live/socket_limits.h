/* SPDX-License-Identifier: GPL-2.0-only */
/* What bounds one connection, judged by what it did between two visits. */
#ifndef TUNESCOPE_SOCKET_LIMITS_H
#define TUNESCOPE_SOCKET_LIMITS_H

#include "socket_groups.h"
#include "socket_memory.h"

/* What the kernel allows in the namespace being visited; 0: not readable. */
struct ts_netns_limits {
	__u64 tcp_rmem_max, rmem_max;
	__u64 tcp_wmem_max, wmem_max;
	__u64 ports;	     /* size of the ephemeral range */
	bool autotuning_off; /* tcp_moderate_rcvbuf is 0 */
	char congestion_control[TS_SOCKET_ALGORITHM];
};

/* Inside the namespace. */
void ts_netns_limits_read(struct ts_netns_limits *limits);

/*
 * Adds to the group what the connection received and sent since then; a connection that moved too
 * little to tell is left out.
 */
void ts_socket_judge(struct ts_socket_group *group, const struct ts_socket_record *record,
		     const struct ts_socket_past *past, const struct ts_netns_limits *limits);

/*
 * The same of a connection that has ended, since the last visit (past.met), or since it began. Then
 * nothing tells when that was: its rate is that of the time in which it moved data.
 */
void ts_socket_judge_end(struct ts_socket_group *group, const struct ts_socket_end *end,
			 const struct ts_socket_past *past, const struct ts_netns_limits *limits,
			 __u64 jiffy_ns);

/*
 * How many seconds the application of the connection is ahead of what is sent: it has written more
 * than a congestion window, and the path is not full. 0: it is not.
 */
double ts_socket_ahead(const struct ts_socket_record *record, const struct ts_socket_past *past);

#endif
