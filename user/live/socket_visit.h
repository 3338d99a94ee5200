/* SPDX-License-Identifier: GPL-2.0-only */
/* One connection that was met: all is judged that it did since it was met before. */
#ifndef TUNESCOPE_SOCKET_VISIT_H
#define TUNESCOPE_SOCKET_VISIT_H

#include "socket_groups.h"
#include "socket_limits.h"
#include "socket_memory.h"
#include "socket_peers.h"
#include "socket_writers.h"

/* What does not change from one connection to the next. */
struct ts_socket_visitor {
	struct ts_socket_memory *memory;
	struct ts_socket_groups *groups;
	struct ts_socket_writers *writers;
	struct ts_socket_peers *peers;
	const char *proc; /* where /proc is */
	__u64 jiffy_ns;
	/* A round meets all connections; else this is a look at some between two rounds. */
	bool round;
};

/* Where and how it was met. */
struct ts_socket_meeting {
	struct ts_socket_group *group;
	const struct ts_netns_limits *limits;
	__u32 netns;
	bool outbound;
	__u64 now;
	/* One that was not met before is so old, at most; 0: not known, and nothing is judged. */
	__u64 age_ns;
	/*
	 * What it has moved since its last record, both ways, and how long ago it had moved nothing
	 * of that yet (0: not known). Or it had moved a little: its pause is none.
	 */
	__u64 moved, settled_ns;
	bool stirred;
};

void ts_socket_visit(const struct ts_socket_visitor *visitor,
		     const struct ts_socket_meeting *meeting,
		     const struct ts_socket_record *record);

#endif
