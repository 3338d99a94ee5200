// SPDX-License-Identifier: GPL-2.0-only
#include "listener_pace.h"

#include "collect.h"
#include "pace.h"

#define TICK_NS		  (TS_TICK_MS * 1000000ULL)
#define WITHOUT_LISTENERS 2000000000ULL /* such a namespace is looked at so often */
/*
 * A namespace where nobody has waited for accept() and nothing was dropped for a while is sampled
 * less often, until a sample finds something. That one stands for those left out before it, too:
 * shares of the samples remain shares of the time.
 */
#define CALM_NS	  3000000000ULL
#define CALM_MOST 1000000000ULL

/* Drops matter for so long: clients try again after 1, 3 and 7 seconds. */
#define DROPS_NS 8000000000ULL

bool ts_listener_pace_drops(const struct ts_listener_pace *pace, __u64 now_ns)
{
	return pace->dropped_ns && now_ns - pace->dropped_ns < DROPS_NS;
}

__u32 ts_listener_pace_samples(const struct ts_listener_pace *pace, __u64 now_ns)
{
	__u64 gap = now_ns - pace->sampled_ns;

	if (!pace->sampled_ns || !pace->regular_ns || gap > 2 * CALM_MOST)
		return 1;
	/* Ticks are a little late, now and then. */
	gap = (gap + pace->regular_ns / 4) / pace->regular_ns;
	return gap ? (__u32)gap : 1;
}

/* How long to wait instead of so long. */
static __u64 calm_down(struct ts_listener_pace *pace, __u64 now_ns, __u64 wait, __u64 cost)
{
	__u64 calm = ts_pace_rest(TS_PACE_CALM_LISTENERS, false, cost);

	if (calm > CALM_MOST)
		calm = CALM_MOST;
	if (now_ns - pace->moved_ns < CALM_NS || calm <= wait)
		return wait;
	pace->regular_ns = wait ? (wait + TICK_NS - 1) / TICK_NS * TICK_NS : TICK_NS;
	return calm;
}

void ts_listener_pace_plan(struct ts_listener_pace *pace, __u64 now_ns, bool eager, bool detailed,
			   const struct ts_listener_round *round)
{
	enum ts_pace_user user = !detailed ? TS_PACE_OTHER_LISTENERS
				 : eager && ts_listener_pace_drops(pace, now_ns)
					 ? TS_PACE_DROPPING_LISTENERS
					 : TS_PACE_LISTENERS;
	__u64 cost = eager	? round->detailed_ns + round->others_ns
		     : detailed ? round->detailed_ns
				: round->others_ns;
	__u64 wait = ts_pace_rest(user, eager, cost);

	pace->regular_ns = 0;
	if (!eager && !pace->listeners && wait < WITHOUT_LISTENERS)
		wait = WITHOUT_LISTENERS;
	else if (!eager && detailed && pace->listeners)
		wait = calm_down(pace, now_ns, wait, round->detailed_ns);
	/* Counted from its beginning, a sample would be due in the middle of a tick. */
	pace->due_ns = now_ns + wait;
}
