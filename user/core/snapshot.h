/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A snapshot: everything tunescope knows at one moment. Counters and histograms are cumulative; a
 * window (window.h) is the difference of two snapshots. A snapshot owns an arena and everything in
 * it lives there.
 */
#ifndef TUNESCOPE_SNAPSHOT_H
#define TUNESCOPE_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>
#include "family.h"
#include "settings.h"

struct ts_arena;
struct ts_histogram;

/* Zero is never "unmeasured": a value counts only when its family is TS_STATUS_OK. */
enum ts_status {
	TS_STATUS_NO_DATA, /* measured, and nothing has happened yet; or not visited at all */
	TS_STATUS_OK,
	TS_STATUS_DISABLED,    /* switched off: by the user, or at boot (psi=0) */
	TS_STATUS_UNSUPPORTED, /* this kernel lacks it */
	TS_STATUS_FAILED,
};

const char *ts_status_name(enum ts_status status);

/* Measured, though perhaps nothing has happened. */
static inline bool ts_status_measured(enum ts_status status)
{
	return status == TS_STATUS_OK || status == TS_STATUS_NO_DATA;
}

struct ts_series {
	const char
		*label[TS_LABELS_MAX]; /* values, in the order of the family's keys; never NULL */
	union {
		__u64 counter; /* nanoseconds when the unit is seconds */
		double gauge;
		struct ts_histogram *histogram;
	};
};

struct ts_family_data {
	enum ts_status status;
	const char *why; /* "" when ok */
	struct ts_series *series;
	size_t count, capacity;
	__u64 overflowed; /* observations that went to the "other" series */
};

struct ts_setting_value {
	enum ts_setting_id id;
	const char *scope;   /* "" global, netns inode in decimal, or device name */
	const char *value;   /* as read, tabs turned into single blanks; "" unless status is ok */
	const char *choices; /* for lists with brackets, the whole list without them; else "" */
	enum ts_status status;
	const char *why;
	const char *before; /* in a window in which it was changed: what it was at first; else "" */
};

struct ts_netns {
	const char *inode; /* decimal, as in the netns label */
	const char *name;  /* "" unless it is in /run/netns */
	int pid;	   /* a process that lives in it; 0: none */
	const char *comm;  /* its name; "" when there is none */
	bool initial;	   /* the namespace tunescope itself was started in */
};

/* Who suffered (or who owns what suffered) since the last snapshot, worst first within a family. */
struct ts_sufferer {
	enum ts_family_id family;
	const char *label[TS_LABELS_MAX]; /* of the family's series it belongs to; "" where it has
					     none */
	int pid;			  /* 0: not a process */
	const char *comm;
	const char *cgroup; /* "" unknown */
	double value;	    /* in the family's base unit, since the last snapshot */
};

struct ts_probe_cost {
	const char *name;      /* program, as in bpftool prog */
	const char *source;    /* ts_source_names[] */
	const char *hook;      /* where it is attached: "tp_btf/sched_switch"; "" unknown */
	enum ts_status status; /* ok: attached */
	const char *why;
	__u64 run_count;    /* cumulative, only while run-time statistics were on */
	__u64 run_ns;	    /* likewise */
	__u32 instructions; /* translated length in instructions; 0 unknown */
	/* What the verifier went through, and how long that took; 0 unknown. Not recorded. */
	__u32 verified_instructions;
	__u32 verification_us;
};

struct ts_cost {
	struct ts_probe_cost *probe;
	size_t probes, probes_capacity;
	__u64 map_bytes;   /* kernel memory of the maps */
	__u64 user_cpu_ns; /* user and system time of this process since it started */
	__u64 rss_bytes;   /* now */
	__u64 peak_rss_bytes;
	__u64 lost_events;  /* measured nowhere because a table entry had been overwritten or was
			       full */
	__u64 snapshot_ns;  /* what taking this snapshot took */
	bool stats_enabled; /* run-time statistics were on for (a part of) the time */
	__u64 stats_ns;	    /* in a window: for how long they were on; 0: never, or unknown */
};

struct ts_host {
	const char *hostname;
	const char *kernel;  /* uname -r */
	const char *machine; /* uname -m */
	const char *boot_id;
	unsigned int cpus; /* online */
	__u64 memory_bytes;
	const char *tool_version;
};

/* What is to be known of a window beside what was measured: of which run it is (run_facts.h). */
struct ts_annotation {
	const char *key, *value;
};

struct ts_snapshot {
	struct ts_arena *arena;
	__u64 monotonic_ns; /* CLOCK_MONOTONIC */
	__u64 boottime_ns;  /* CLOCK_BOOTTIME: the time in suspend counts */
	__u64 realtime_ns;  /* CLOCK_REALTIME */
	struct ts_host host;
	struct ts_family_data family[TS_FAMILY_COUNT];
	struct ts_setting_value *setting;
	size_t settings, settings_capacity;
	struct ts_netns *netns;
	size_t netns_count, netns_capacity;
	struct ts_sufferer *sufferer;
	size_t sufferers, sufferers_capacity;
	struct ts_annotation *fact;
	size_t facts, facts_capacity;
	struct ts_cost cost;
};

struct ts_snapshot *ts_snapshot_new(void);
void ts_snapshot_free(struct ts_snapshot *snapshot); /* NULL is fine */

/* Sets the status of one family, or of all that a source measures. why is copied; NULL is "". */
void ts_snapshot_family_status(struct ts_snapshot *snapshot, enum ts_family_id id,
			       enum ts_status status, const char *why);
void ts_snapshot_source_status(struct ts_snapshot *snapshot, enum ts_source_id source,
			       enum ts_status status, const char *why);

/*
 * Appends one series. labels holds as many values as the family has keys (NULL when it has none);
 * they are copied. The family's status becomes ok unless it was set to something else than no-data.
 */
void ts_snapshot_counter(struct ts_snapshot *snapshot, enum ts_family_id id,
			 const char *const *labels, __u64 value);
/* The same without a value, which is for the caller to set; the status stays as it is. */
struct ts_series *ts_snapshot_series(struct ts_snapshot *snapshot, enum ts_family_id id,
				     const char *const *labels);
/* Room for as many series as are expected of a family that has none yet; more may come. */
void ts_snapshot_reserve(struct ts_snapshot *snapshot, enum ts_family_id id, size_t count);
void ts_snapshot_gauge(struct ts_snapshot *snapshot, enum ts_family_id id,
		       const char *const *labels, double value);
/* A zeroed histogram of the given scale for the caller to fill. */
struct ts_histogram *ts_snapshot_histogram(struct ts_snapshot *snapshot, enum ts_family_id id,
					   const char *const *labels, unsigned int scale);

/* ("a", "b") -> a label array for the calls above and for window.h; NULL matches anything there. */
#define TS_LABELS(...) ((const char *const[TS_LABELS_MAX]){__VA_ARGS__})

/* With copies of its texts in the arena. */
struct ts_host ts_host_copy(struct ts_arena *arena, const struct ts_host *host);

void ts_snapshot_setting(struct ts_snapshot *snapshot, enum ts_setting_id id, const char *scope,
			 enum ts_status status, const char *value, const char *choices,
			 const char *why);
/*
 * That of the same id and scope among count others; NULL: none. They nearly always stand in the
 * same order: number hint is looked at first, then those behind it, then the rest.
 */
const struct ts_setting_value *ts_setting_among(const struct ts_setting_value *among, size_t count,
						size_t hint, const struct ts_setting_value *wanted);
void ts_snapshot_netns(struct ts_snapshot *snapshot, const struct ts_netns *netns);
void ts_snapshot_sufferer(struct ts_snapshot *snapshot, const struct ts_sufferer *sufferer);
/* Copied; a key that is there already gets the new value. */
void ts_snapshot_fact(struct ts_snapshot *snapshot, const char *key, const char *value);
void ts_snapshot_probe(struct ts_snapshot *snapshot, const struct ts_probe_cost *probe);

/* The exact series, or NULL. */
const struct ts_series *ts_snapshot_find(const struct ts_snapshot *snapshot, enum ts_family_id id,
					 const char *const *labels);

#endif
