/* SPDX-License-Identifier: GPL-2.0-only */
/* Connections by network namespace, side and port: the series of the sockets source. */
#ifndef TUNESCOPE_SOCKET_GROUPS_H
#define TUNESCOPE_SOCKET_GROUPS_H

#include <stdbool.h>
#include <linux/types.h>
#include "../core/snapshot.h"
#include "netns.h"
#include "socket_sending.h"

enum ts_direction_of_data { TS_DATA_RECEIVED, TS_DATA_SENT, TS_DATA_DIRECTIONS };

/* What bounds a connection in one direction; see the names in socket_groups.c. */
enum ts_socket_limit {
	TS_LIMIT_NONE,
	TS_LIMIT_GROWING,	/* the buffer grows still */
	TS_LIMIT_TCP_MEMORY,	/* tcp_rmem, tcp_wmem */
	TS_LIMIT_CORE_MAXIMUM,	/* rmem_max, wmem_max */
	TS_LIMIT_FIXED,		/* a buffer fixed by the application */
	TS_LIMIT_NO_AUTOTUNING, /* tcp_moderate_rcvbuf is off */
	TS_LIMIT_UNSCALED,	/* a window without scaling */
	TS_LIMIT_READER,	/* an application that does not read */
	TS_LIMIT_PEER_WINDOW,	/* the window the other side offers */
	TS_LIMIT_LOSS,		/* segments lost on the way */
	TS_LIMITS,
};

/* One connection in one direction since the last visit. */
struct ts_traffic {
	__u64 bytes;
	__u32 window;	  /* offered by the receiving side */
	__u32 buffer;	  /* of this side */
	__u32 unsent;	  /* bytes waiting to be sent */
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
void ts_socket_group_traffic(struct ts_socket_group *group, enum ts_direction_of_data direction,
			     enum ts_socket_limit limit, const struct ts_traffic *traffic);

/* What becomes of what its connections send; they are added by who visits them. */
struct ts_sending *ts_socket_group_sending(struct ts_socket_group *group);

/* Its application writes so many bytes at a time, and is that far ahead of what is sent. */
void ts_socket_group_ahead(struct ts_socket_group *group, double write_size, double bytes,
			   double seconds);

void ts_socket_group_exchange(struct ts_socket_group *group, __u64 ns);

/*
 * Writes all series; gauges start anew afterwards. Groups of namespaces that are gone leave, and,
 * when there is no room for more, those without a connection since the last snapshot.
 */
void ts_socket_groups_snapshot(struct ts_socket_groups *groups, const struct ts_netns_table *netns,
			       struct ts_snapshot *snapshot);

#endif
