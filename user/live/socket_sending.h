/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How connections of one service (or to one remote port) send: what their congestion window has to
 * do with it, how they begin again after a pause, and those that get nothing through.
 */
#ifndef TUNESCOPE_SOCKET_SENDING_H
#define TUNESCOPE_SOCKET_SENDING_H

#include <tunescope/sockets.h>

#include "../core/snapshot.h"
#include "socket_memory.h"

/* Connections that their congestion window held back, by what they met on their path. */
enum ts_path {
	TS_PATH_CALM,	  /* the round-trip time is near its minimum */
	TS_PATH_RISING,	  /* between that and the next */
	TS_PATH_QUEUEING, /* it is far above */
	TS_PATH_CHOSEN,	  /* with a congestion control that is not the namespace's */
	TS_PATH_MODEL,	  /* with one that does not take loss for congestion */
	TS_PATH_NO_SACK,  /* without selective acknowledgements */
	TS_PATHS,
};

/* Connections whose segments were sent again at least twice without an answer, and the others. */
enum ts_progress_kind {
	/* Full-sized ones, none of that size was ever acknowledged, and the other side is there: */
	TS_STUCK_FULL,
	TS_STUCK_UNHEARD, /* the same, but nothing has come from there meanwhile */
	TS_STUCK_LATER,	  /* full-sized ones, after others of that size had been */
	TS_STUCK_SMALL,
	TS_PASSING, /* several full-sized ones were acknowledged */
	TS_PROGRESS_KINDS,
};

/* Silent connections with keepalive, by whether their other side is still there. */
enum ts_peer {
	TS_PEER_GONE,
	TS_PEER_PRESENT,
	TS_PEER_UNKNOWN, /* on another host */
	TS_PEERS,
};

struct ts_sending {
	__u32 silent[TS_PEERS], silent_peak[TS_PEERS]; /* in this round; most */
	struct {
		__u64 segments, resent, ns;
	} path[TS_PATHS];
	__u64 pauses, pauses_ns;
	__u32 stuck[TS_PROGRESS_KINDS], stuck_peak[TS_PROGRESS_KINDS]; /* in this round; most */
};

/* What does not change from one connection of a visit to the next. */
struct ts_sending_context {
	const char *algorithm; /* the namespace's congestion control; "" unknown */
	__u64 jiffy_ns;
};

void ts_sending_begin(struct ts_sending *sending); /* before each round */

/* A connection; past is of the last visit. */
void ts_sending_visit(struct ts_sending *sending, const struct ts_socket_record *record,
		      const struct ts_socket_past *past, const struct ts_sending_context *context);

/* A connection that has ended; past is of the last visit. */
void ts_sending_ended(struct ts_sending *sending, const struct ts_socket_record *record,
		      const struct ts_socket_past *past);

/* Full-sized segments are stuck, and nothing has come from the other side since. */
bool ts_sending_is_unheard(const struct ts_socket_record *record);
/* From when on anything that comes from there shows that it is there: the last resend but one. */
__u32 ts_sending_stuck_since(const struct ts_socket_record *record);
/* One of those whose other side was found to be there nevertheless. */
void ts_sending_is_there(struct ts_sending *sending);

/* One silent connection more, in this round. */
void ts_sending_silent(struct ts_sending *sending, enum ts_peer peer);

/* What is worth remembering: the congestion window of a connection in a pause, else 0. */
__u32 ts_sending_paused_window(const struct ts_socket_record *record);

/* labels: netns, side and port. Peaks start anew afterwards. */
void ts_sending_snapshot(struct ts_sending *sending, struct ts_snapshot *snapshot,
			 const char *netns, const char *side, const char *port);

#endif
