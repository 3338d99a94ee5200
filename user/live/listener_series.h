/* SPDX-License-Identifier: GPL-2.0-only */
/* What is known of the listeners of one port of a namespace, and how it stands in a snapshot. */
#ifndef TUNESCOPE_LISTENER_SERIES_H
#define TUNESCOPE_LISTENER_SERIES_H

#include <stdbool.h>
#include "netns.h"
#include "socket_owner.h"
#include "source.h"

#define TS_LISTENER_SERIES 256
#define TS_LISTENER_OTHER  TS_LISTENER_SERIES /* those that found no place */

enum ts_queue_fill { TS_QUEUE_EMPTY, TS_QUEUE_PARTIAL, TS_QUEUE_FULL, TS_QUEUE_STATES };

struct ts_listener {
	__u32 netns;
	__u16 port;
	bool used;
	size_t slot;	  /* of its namespace in the table, */
	__u64 serial;	  /* and which namespace that was */
	__u64 sampled_ns; /* when it was last found */
	__u64 tick;	  /* of that sample; the members of this sample: */
	__u64 queue;
	__u32 limit; /* the smallest of its sockets */
	bool full;   /* one of its sockets is */
	__u64 added; /* drops since the sample before */
	__u32 handshakes;
	/* cumulative */
	__u64 drops, samples[TS_QUEUE_STATES];
	bool sampled; /* once at least: the last one found */
	enum ts_queue_fill fill;
	__u64 full_since_ns; /* the first of the samples in a row that found it full; 0: not full */
	/* since the last snapshot */
	bool seen, was_full, handshakes_seen;
	__u64 drops_since, burst, peak, longest_full_ns;
	__u32 handshakes_peak;
	/* of the socket that has dropped most between two samples, or of any while none has dropped
	 */
	__u32 inode, inode_drops, inode_limit;
	__u32 live_inode;	      /* of a socket seen last: that one may be closed by now */
	bool shown;		      /* in the last snapshot */
	struct ts_socket_owner owner; /* as last looked up */
	__u64 owner_ns;
};

/*
 * One sample of it, which has just been filled in, counts: for itself, and for those left out
 * before it, in which the queue is taken to have been as in the sample before.
 */
void ts_listener_settle(struct ts_listener *listener, __u64 now_ns, __u32 stands_for);

/*
 * Appends the series of one that lives, or that was seen since the last snapshot; NULL for
 * TS_LISTENER_OTHER's labels.
 */
void ts_listener_snapshot(struct ts_snapshot *snapshot, const struct ts_listener *listener,
			  bool lives, bool other);

/* Who holds those that dropped or were full since the last snapshot. */
void ts_listener_sufferers(const struct ts_live *live, struct ts_listener *listeners, size_t count,
			   struct ts_snapshot *snapshot, __u64 now_ns);

/* After a snapshot. */
void ts_listener_start_interval(struct ts_listener *listener);

#endif
