/* SPDX-License-Identifier: GPL-2.0-only */
/* When system calls that fail are worth watching: it slows down every call while it is done. */
#ifndef TUNESCOPE_LIMITS_LIVE_H
#define TUNESCOPE_LIMITS_LIVE_H

#include <stdbool.h>
#include <linux/types.h>

/* For so long after the start tunescope looks closely: a look at the host takes seconds. */
#define TS_LIMITS_EAGER_NS 12000000000ULL

struct ts_limits_watch {
	__u64 opened_ns;
	__u64 near_ns;	  /* when something stood near its limit last; 0: never */
	__u64 begun_ns;	  /* the watch that goes on began; 0: none goes on */
	__u64 ended_ns;	  /* the last one ended; 0: there has been none */
	__u64 watched_ns; /* in those that have ended */
};

/* Whether to watch from now on; near: something stands near its limit at this moment. */
bool ts_limits_watch_wanted(struct ts_limits_watch *watch, bool near, __u64 now_ns);

/* Time watched until now. */
__u64 ts_limits_watched_ns(const struct ts_limits_watch *watch, __u64 now_ns);

#endif
