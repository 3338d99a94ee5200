/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of families (include/tunescope/families.h) as data. */
#ifndef TUNESCOPE_FAMILY_H
#define TUNESCOPE_FAMILY_H

#include <stddef.h>
#include <tunescope/families.h>

enum ts_kind {
	TS_KIND_COUNTER,
	TS_KIND_GAUGE,
	TS_KIND_PEAK, /* shown as a gauge; windows put together keep the largest */
	TS_KIND_HISTOGRAM,
};

enum ts_unit {
	TS_UNIT_COUNT,
	TS_UNIT_SECONDS, /* counters and histograms hold nanoseconds; gauges hold seconds */
	TS_UNIT_BYTES,
	TS_UNIT_RATIO,
};

/* The parts that measure; one of them failing costs only its own families. */
enum ts_source_id {
	TS_SOURCE_SCHED,
	TS_SOURCE_BLOCK,
	TS_SOURCE_WRITEBACK,
	TS_SOURCE_RECLAIM,
	TS_SOURCE_TCP,
	TS_SOURCE_LISTENERS,
	TS_SOURCE_SOCKETS,
	TS_SOURCE_ORPHANS,
	TS_SOURCE_PROC_CPU,
	TS_SOURCE_CPUFREQ,
	TS_SOURCE_PROC_MEMORY,
	TS_SOURCE_PRESSURE,
	TS_SOURCE_IDLE_MEMORY,
	TS_SOURCE_PROC_NET,
	TS_SOURCE_SOFTNET,
	TS_SOURCE_RECEIVING,
	TS_SOURCE_DISKSTATS,
	TS_SOURCE_ATIME,
	TS_SOURCE_FILES,
	TS_SOURCE_CGROUPS,
	TS_SOURCE_CGROUP_IO,
	TS_SOURCE_COMMAND, /* `tunescope run`, of the command it runs */
	TS_SOURCE_INTERFACES,
	TS_SOURCE_LIMITS,
	TS_SOURCE_HUGE_PAGES,
	TS_SOURCE_SMALL_PAGES,
	TS_SOURCE_NET_TABLES,
	TS_SOURCE_DATAGRAMS,
	TS_SOURCE_COUNT,
};

enum ts_family_id {
#define X(id, ...) TS_FAMILY_##id,
	TS_FAMILIES(X)
#undef X
		TS_FAMILY_COUNT,
};

struct ts_family {
	const char *name;
	enum ts_kind kind;
	enum ts_unit unit;
	enum ts_source_id source;
	const char *label_key[TS_LABELS_MAX]; /* NULL after the last */
	size_t labels;
	const char *meaning;
};

extern const struct ts_family ts_families[TS_FAMILY_COUNT];

/* "sched", "block", …: as shown in coverage and accepted by --disable. */
extern const char *const ts_source_names[TS_SOURCE_COUNT];

/*
 * Where a family is read from, and where that is documented: its own reference where it has one,
 * else that of its source; "" for a source that has none yet.
 */
const char *ts_family_reference(enum ts_family_id id);

/* -1 when there is none of that name. */
int ts_family_by_name(const char *name);
int ts_source_by_name(const char *name);

/* "seconds", "bytes", "count", "ratio" */
const char *ts_unit_name(enum ts_unit unit);
const char *ts_kind_name(enum ts_kind kind);

#define ts_for_each_family(id) for (int id = 0; id < TS_FAMILY_COUNT; id++)

#endif
