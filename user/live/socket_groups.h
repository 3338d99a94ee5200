/* SPDX-License-Identifier: GPL-2.0-only */
/* Connections by network namespace, side and port: the series of the sockets source. */
#ifndef TUNESCOPE_SOCKET_GROUPS_H
#define TUNESCOPE_SOCKET_GROUPS_H

#include <stdbool.h>
#include <linux/types.h>
#include "../core/snapshot.h"
#include "netns.h"

/* What bounds the receive window of a connection. */
enum ts_receive_limit {
	TS_RECEIVE_NONE,
	TS_RECEIVE_GROWING,
	TS_RECEIVE_TCP_RMEM,
	TS_RECEIVE_RMEM_MAX,
	TS_RECEIVE_FIXED,
	TS_RECEIVE_READER,
	TS_RECEIVE_LIMITS,
};

struct ts_received {
	__u64 bytes; /* since the last visit */
	__u32 window, buffer;
	double in_flight; /* rate times round-trip time, bytes */
	__u32 rtt_us;
};

struct ts_socket_groups;
struct ts_socket_group;

struct ts_socket_groups *ts_socket_groups_new(void); /* NULL: out of memory */
void ts_socket_groups_free(struct ts_socket_groups *groups);

/* Before each round of visits. */
void ts_socket_groups_begin(struct ts_socket_groups *groups);

/* Never NULL: beyond the limit it is the group "other". */
struct ts_socket_group *ts_socket_group(struct ts_socket_groups *groups, __u32 netns, bool outbound,
					__u16 port);

struct ts_socket_group *ts_socket_group_other(struct ts_socket_groups *groups);

/* One connection. 0 and ~0, respectively, are no measurement. */
void ts_socket_group_rtt(struct ts_socket_group *group, __u32 smoothed_us, __u32 minimum_us);
void ts_socket_group_received(struct ts_socket_group *group, enum ts_receive_limit limit,
			      const struct ts_received *received);

void ts_socket_group_exchange(struct ts_socket_group *group, __u64 ns);

/*
 * Writes all series; gauges start anew afterwards. Groups of namespaces that are gone leave, and,
 * when there is no room for more, those without a connection since the last snapshot.
 */
void ts_socket_groups_snapshot(struct ts_socket_groups *groups, const struct ts_netns_table *netns,
			       struct ts_snapshot *snapshot);

#endif
