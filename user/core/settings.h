/* SPDX-License-Identifier: GPL-2.0-only */
/* The tunables tunescope knows: one row each; collecting, judging and showing iterate this table.
 */
#ifndef TUNESCOPE_SETTINGS_H
#define TUNESCOPE_SETTINGS_H

#include <stddef.h>

enum ts_setting_kind {
	TS_SETTING_SYSCTL,	/* /proc/sys */
	TS_SETTING_BLOCK_QUEUE, /* /sys/block/DEVICE/queue */
	TS_SETTING_NET_QUEUE,	/* /sys/class/net/DEVICE/queues of a network namespace */
	TS_SETTING_SYSFS,
	TS_SETTING_MOUNT, /* an option of a mounted file system; the scope is where it is mounted */
};

enum ts_scope_kind {
	TS_SCOPE_GLOBAL,
	TS_SCOPE_NETNS,
	TS_SCOPE_DEVICE,
	TS_SCOPE_CGROUP,
	TS_SCOPE_PROCESS,
	TS_SCOPE_MOUNT,
};

enum ts_takes_effect {
	TS_EFFECT_AT_ONCE,
	TS_EFFECT_NEW_SOCKETS,
	TS_EFFECT_NEW_PROCESSES,
	TS_EFFECT_NEXT_LISTEN,
	TS_EFFECT_NEXT_OPEN,
	TS_EFFECT_SERVICE_RESTART,
	TS_EFFECT_REMOUNT,
};

enum ts_setting_id {
	TS_SETTING_SOMAXCONN,
	TS_SETTING_TCP_MAX_SYN_BACKLOG,
	TS_SETTING_TCP_SYNCOOKIES,
	TS_SETTING_TCP_RMEM,
	TS_SETTING_RMEM_MAX,
	TS_SETTING_TCP_WMEM,
	TS_SETTING_WMEM_MAX,
	TS_SETTING_TCP_MEM,
	TS_SETTING_TCP_WINDOW_SCALING,
	TS_SETTING_TCP_MODERATE_RCVBUF,
	TS_SETTING_TCP_ADV_WIN_SCALE,
	TS_SETTING_TCP_NOTSENT_LOWAT,
	TS_SETTING_NETDEV_MAX_BACKLOG,
	TS_SETTING_NETDEV_BUDGET,
	TS_SETTING_RPS_CPUS, /* its scope is NETNS/DEVICE */
	TS_SETTING_RMEM_DEFAULT,
	TS_SETTING_MAX_DGRAM_QLEN,
	TS_SETTING_UDP_MEM,
	TS_SETTING_IPFRAG_HIGH_THRESH,
	TS_SETTING_IP6FRAG_HIGH_THRESH,
	TS_SETTING_ARP_GC_THRESH1,
	TS_SETTING_ARP_GC_THRESH2,
	TS_SETTING_ARP_GC_THRESH3,
	TS_SETTING_NDISC_GC_THRESH1,
	TS_SETTING_NDISC_GC_THRESH2,
	TS_SETTING_NDISC_GC_THRESH3,
	TS_SETTING_CONNTRACK_MAX,
	TS_SETTING_IP_LOCAL_PORT_RANGE,
	TS_SETTING_TCP_TW_REUSE,
	TS_SETTING_TCP_TIMESTAMPS,
	TS_SETTING_TCP_MAX_TW_BUCKETS,
	TS_SETTING_TCP_MAX_ORPHANS,
	TS_SETTING_TCP_FIN_TIMEOUT,
	TS_SETTING_TCP_ABORT_ON_OVERFLOW,
	TS_SETTING_TCP_CONGESTION_CONTROL,
	TS_SETTING_TCP_AVAILABLE_CONGESTION_CONTROL, /* read-only */
	TS_SETTING_TCP_ALLOWED_CONGESTION_CONTROL,
	TS_SETTING_TCP_SLOW_START_AFTER_IDLE,
	TS_SETTING_TCP_SACK,
	TS_SETTING_TCP_MTU_PROBING,
	TS_SETTING_TCP_RTO_MIN_US,
	TS_SETTING_TCP_KEEPALIVE_TIME,
	TS_SETTING_TCP_KEEPALIVE_INTVL,
	TS_SETTING_TCP_KEEPALIVE_PROBES,
	TS_SETTING_DEFAULT_QDISC,
	TS_SETTING_DIRTY_RATIO,
	TS_SETTING_DIRTY_BYTES,
	TS_SETTING_DIRTY_BACKGROUND_RATIO,
	TS_SETTING_DIRTY_BACKGROUND_BYTES,
	TS_SETTING_WATERMARK_SCALE_FACTOR,
	TS_SETTING_MIN_FREE_KBYTES,
	TS_SETTING_ZONE_RECLAIM_MODE,
	TS_SETTING_SWAPPINESS,
	TS_SETTING_LRU_GEN, /* a fact that decides which swappiness does anything */
	TS_SETTING_SCHED_AUTOGROUP,
	TS_SETTING_SCHED_BASE_SLICE, /* since 6.6; the next three before 5.13, then in between */
	TS_SETTING_SCHED_MIN_GRANULARITY,
	TS_SETTING_SCHED_LATENCY,
	TS_SETTING_SCHED_WAKEUP_GRANULARITY,
	TS_SETTING_SCHED_DEBUG_MIN_GRANULARITY,
	TS_SETTING_SCHED_DEBUG_LATENCY,
	TS_SETTING_SCHED_DEBUG_WAKEUP_GRANULARITY,
	TS_SETTING_SCHED_RT_RUNTIME,
	TS_SETTING_CPU_GOVERNOR,
	TS_SETTING_CPU_AVAILABLE_GOVERNORS, /* read-only */
	TS_SETTING_FILE_MAX,
	TS_SETTING_NR_OPEN,
	TS_SETTING_MAX_MAP_COUNT,
	TS_SETTING_OVERCOMMIT_MEMORY,
	TS_SETTING_OVERCOMMIT_RATIO,
	TS_SETTING_OVERCOMMIT_KBYTES,
	TS_SETTING_PID_MAX,
	TS_SETTING_THREADS_MAX,
	TS_SETTING_INOTIFY_WATCHES,
	TS_SETTING_INOTIFY_INSTANCES,
	TS_SETTING_INOTIFY_EVENTS,
	TS_SETTING_AIO_MAX_NR,
	TS_SETTING_PIPE_USER_PAGES_SOFT,
	TS_SETTING_THP_ENABLED,
	TS_SETTING_THP_DEFRAG,
	TS_SETTING_BLOCK_SCHEDULER, /* the value is the bracketed one; see choices */
	TS_SETTING_BLOCK_NR_REQUESTS,
	TS_SETTING_BLOCK_WBT_LATENCY,
	TS_SETTING_BLOCK_READ_AHEAD,
	TS_SETTING_BLOCK_MAX_SECTORS,
	TS_SETTING_BLOCK_HARDWARE_SECTORS, /* read-only: the most max_sectors_kb can be */
	TS_SETTING_BLOCK_ROTATIONAL,	   /* a fact about the device, not to be changed */
	TS_SETTING_BLOCK_HARDWARE_TAGS,	   /* read-only: what the driver can take (mq/0/nr_tags) */
	TS_SETTING_MOUNT_ATIME,
	TS_SETTING_COUNT,
};

struct ts_setting {
	const char *name; /* sysctl key with dots, or the attribute's name below the device */
	enum ts_setting_kind kind;
	enum ts_scope_kind scope;
	/* "/proc/sys/net/core/somaxconn", "/sys/block/%s/queue/scheduler": %s is the device */
	const char *path;
	unsigned int arity; /* numbers in the value; 0 for text */
	const char *unit;
	double minimum, maximum; /* of each number; both 0 for text */
	enum ts_setting_id
		coupled[2]; /* keys that change with this one; TS_SETTING_COUNT ends the list */
	enum ts_takes_effect takes_effect;
	const char *risk; /* memory or latency cost of raising it */
	const char *meaning;
	const char *reference; /* where it is documented */
};

extern const struct ts_setting ts_settings[TS_SETTING_COUNT];

/* -1 when there is none of that name. */
int ts_setting_by_name(const char *name);

const char *ts_scope_name(enum ts_scope_kind scope);	       /* "global", "netns", … */
const char *ts_takes_effect_name(enum ts_takes_effect effect); /* "at-once", "next-listen", … */

#endif
