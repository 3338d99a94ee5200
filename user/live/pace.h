/* SPDX-License-Identifier: GPL-2.0-only */
/* How much of a CPU sampling may take, and how often it looks: the one place where it is decided.
 */
#ifndef TUNESCOPE_PACE_H
#define TUNESCOPE_PACE_H

#include "source.h"

/* For so long after everything is attached tunescope looks closely: a look at the host takes
 * seconds. */
#define TS_PACE_EAGER_NS 12000000000ULL
/* So long at most, where what is not looked at while it is there is missed. */
#define TS_PACE_EAGER_MAX_NS 60000000000ULL

/* What is sampled as often as its share of a CPU allows. */
enum ts_pace_user {
	TS_PACE_LISTENERS,
	TS_PACE_DROPPING_LISTENERS, /* eager only: connections are being turned away */
	TS_PACE_CALM_LISTENERS,	    /* nobody has waited in their queues for a while */
	TS_PACE_OTHER_LISTENERS,    /* in namespaces without series of their own */
	TS_PACE_SOCKETS,
	TS_PACE_SOCKET_LOOKS,
	TS_PACE_SOCKET_WRITERS,
	TS_PACE_SOCKET_ENDS,
	TS_PACE_DATAGRAMS,
	TS_PACE_LIMITS,
	TS_PACE_IDLE_MEMORY,
	TS_PACE_CGROUP_IO,
	TS_PACE_SMALL_PAGES,
	TS_PACE_NETWORK_FILES,
	TS_PACE_NETWORK_TABLES,
	TS_PACE_LISTENING_PORTS,
	TS_PACE_SETTINGS,
	TS_PACE_USERS
};

/*
 * When a source was opened, as far as the first seconds are concerned: while it records for long,
 * with nobody waiting for a report, they are over at once.
 */
__u64 ts_pace_opened(const struct ts_live *live);
/* Everything has been attached for less than that, or is not yet: attaching may take long. */
bool ts_pace_eager(const struct ts_live *live, __u64 now_ns, __u64 for_ns);

/* How long one that has just taken so much CPU time rests before the next time. */
__u64 ts_pace_rest(enum ts_pace_user user, bool eager, __u64 cost_ns);
/* How much CPU time it may take for a time that has passed. */
__u64 ts_pace_budget(enum ts_pace_user user, bool eager, __u64 passed_ns);

/*
 * Whether ticks may be further apart: the first seconds are over, and for a while no source has
 * seen anything that comes and goes between two of them (ts_pace_moved tells so).
 */
bool ts_pace_calm(const struct ts_live *live, __u64 now_ns);
static inline void ts_pace_moved(struct ts_live *live, __u64 now_ns)
{
	live->moved_ns = now_ns;
}

#endif
