// SPDX-License-Identifier: GPL-2.0-only
#include "pace.h"

#include "clock.h"

#define CALM_NS	    3000000000ULL
#define WHOLE	    1000000ULL
#define LASTING_MAX 2500 /* of all together */

/*
 * Parts per million of one CPU: at first, and later, as a recording goes on for days. They are
 * limits: what is cheap takes less, as each source has a shortest interval, too.
 */
#define SHARES(X)                                                                           \
	X(TS_PACE_LISTENERS, 10000, 667)                                                    \
	X(TS_PACE_DROPPING_LISTENERS, 40000, 1)                                             \
	X(TS_PACE_CALM_LISTENERS, 10000, 125)                                               \
	X(TS_PACE_OTHER_LISTENERS, 10000, 500)                                              \
	X(TS_PACE_SOCKETS, 10000, 125)                                                      \
	X(TS_PACE_SOCKET_LOOKS, 10000, 100)                                                 \
	X(TS_PACE_SOCKET_WRITERS, 10000, 40)                                                \
	X(TS_PACE_SOCKET_ENDS, 10000, 150)                                                  \
	X(TS_PACE_DATAGRAMS, 10000, 60) /* unix sockets: nothing says when a look is due */ \
	X(TS_PACE_LIMITS, 10000, 60)                                                        \
	X(TS_PACE_IDLE_MEMORY, 10000, 60)                                                   \
	X(TS_PACE_CGROUP_IO, 10000, 60)                                                     \
	X(TS_PACE_SMALL_PAGES, 10000, 60)                                                   \
	X(TS_PACE_NETWORK_FILES, 10000, 200)                                                \
	X(TS_PACE_NETWORK_TABLES, 5000, 150)                                                \
	X(TS_PACE_LISTENING_PORTS, 200, 100)                                                \
	X(TS_PACE_SETTINGS, 40, 40)

static const struct {
	__u32 eager, lasting;
} shares[TS_PACE_USERS] = {
#define ROW(user, eager, lasting) [user] = {eager, lasting},
	SHARES(ROW)
#undef ROW
};

#define ADD(user, eager, lasting) +lasting
_Static_assert(0 SHARES(ADD) <= LASTING_MAX,
	       "sampling takes a quarter of a per cent of a CPU at most");
#undef ADD

static __u32 share_of(enum ts_pace_user user, bool eager)
{
	return eager ? shares[user].eager : shares[user].lasting;
}

__u64 ts_pace_rest(enum ts_pace_user user, bool eager, __u64 cost_ns)
{
	return cost_ns * (WHOLE / share_of(user, eager));
}

__u64 ts_pace_budget(enum ts_pace_user user, bool eager, __u64 passed_ns)
{
	return passed_ns / (WHOLE / share_of(user, eager));
}

__u64 ts_pace_opened(const struct ts_live *live)
{
	return ts_clock_ns(CLOCK_MONOTONIC) - (live->patient ? TS_PACE_EAGER_MAX_NS : 0);
}

bool ts_pace_eager(const struct ts_live *live, __u64 now_ns, __u64 for_ns)
{
	return !live->opened_ns || now_ns < live->opened_ns + for_ns;
}

bool ts_pace_calm(const struct ts_live *live, __u64 now_ns)
{
	return !ts_pace_eager(live, now_ns, TS_PACE_EAGER_NS) && now_ns - live->moved_ns >= CALM_NS;
}
