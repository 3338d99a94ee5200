// SPDX-License-Identifier: GPL-2.0-only
#include "limits.h"

#define AFTER_NS 3000000000ULL	/* it goes on for so long after the last sight of something near */
#define MOST_NS	 10000000000ULL /* when a recording goes on for days: so long at a stretch, */
#define REST_NS	 50000000000ULL /* and so long nothing in between */

static bool is_eager(const struct ts_limits_watch *watch, __u64 now_ns)
{
	return now_ns - watch->opened_ns < TS_LIMITS_EAGER_NS;
}

static void end(struct ts_limits_watch *watch, __u64 now_ns)
{
	watch->watched_ns += now_ns - watch->begun_ns;
	watch->ended_ns = now_ns;
	watch->begun_ns = 0;
}

bool ts_limits_watch_wanted(struct ts_limits_watch *watch, bool near, __u64 now_ns)
{
	if (near)
		watch->near_ns = now_ns;
	if (watch->begun_ns) {
		if (now_ns - watch->near_ns > AFTER_NS ||
		    (now_ns - watch->begun_ns > MOST_NS && !is_eager(watch, now_ns)))
			end(watch, now_ns);
	} else if (near && (is_eager(watch, now_ns) || !watch->ended_ns ||
			    now_ns - watch->ended_ns > REST_NS)) {
		watch->begun_ns = now_ns;
	}
	return watch->begun_ns;
}

__u64 ts_limits_watched_ns(const struct ts_limits_watch *watch, __u64 now_ns)
{
	return watch->watched_ns + (watch->begun_ns ? now_ns - watch->begun_ns : 0);
}
