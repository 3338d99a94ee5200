/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sockets whose queue was found full, followed from one visit to the next; and the series of the
 * datagrams source that come of it.
 */
#ifndef TUNESCOPE_DATAGRAM_SOCKETS_H
#define TUNESCOPE_DATAGRAM_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <tunescope/datagrams.h>
#include "../core/snapshot.h"
#include "netns.h"

struct ts_datagram_limits {
	__u64 rmem_default, rmem_max; /* 0: not readable */
	/* Memory of all UDP sockets (udp_mem) may have run out, or certainly has: nothing else was
	 * reported. */
	bool memory_low, memory_only;
};

struct ts_datagram_sockets;

struct ts_datagram_sockets *ts_datagram_sockets_new(void); /* NULL: out of memory */
void ts_datagram_sockets_free(struct ts_datagram_sockets *sockets);

/*
 * One visit of a namespace, for UDP or for unix sockets: begin, each record, end. What was dropped
 * before history is over is not counted.
 */
void ts_datagram_visit_begin(struct ts_datagram_sockets *sockets,
			     const struct ts_netns_entry *entry, const char *proc,
			     bool unix_sockets, __u64 now_ns, bool history);
void ts_datagram_visit(struct ts_datagram_sockets *sockets, const struct ts_datagram_limits *limits,
		       const struct ts_datagram_record *record);
void ts_datagram_visit_end(struct ts_datagram_sockets *sockets);

/* A socket of the namespace was full a moment ago: it should be visited again with the next tick.
 */
bool ts_datagram_is_busy(const struct ts_datagram_sockets *sockets,
			 const struct ts_netns_entry *entry, bool unix_sockets, __u64 now_ns);

/* Bytes that waited at the UDP sockets of all namespaces visited since it was asked last. */
__u64 ts_datagram_waiting(struct ts_datagram_sockets *sockets);

void ts_datagram_snapshot(struct ts_datagram_sockets *sockets, const struct ts_netns_table *netns,
			  struct ts_snapshot *snapshot, __u64 now_ns);

#endif
