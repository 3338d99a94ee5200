// SPDX-License-Identifier: GPL-2.0-only
#include "family.h"

#include <string.h>

#define LABELS_0	     .labels = 0
#define LABELS_1(a)	     .labels = 1, .label_key = {a}
#define LABELS_2(a, b)	     .labels = 2, .label_key = {a, b}
#define LABELS_3(a, b, c)    .labels = 3, .label_key = {a, b, c}
#define LABELS_4(a, b, c, d) .labels = 4, .label_key = {a, b, c, d}

const struct ts_family ts_families[TS_FAMILY_COUNT] = {
#define X(id, family_name, family_kind, family_unit, family_source, family_labels, family_meaning) \
	[TS_FAMILY_##id] = {                                                                       \
		.name = family_name,                                                               \
		.kind = TS_KIND_##family_kind,                                                     \
		.unit = TS_UNIT_##family_unit,                                                     \
		.source = TS_SOURCE_##family_source,                                               \
		.meaning = family_meaning,                                                         \
		family_labels,                                                                     \
	},
	TS_FAMILIES(X)
#undef X
};

const char *const ts_source_names[TS_SOURCE_COUNT] = {
	[TS_SOURCE_SCHED] = "sched",
	[TS_SOURCE_BLOCK] = "block",
	[TS_SOURCE_WRITEBACK] = "writeback",
	[TS_SOURCE_TCP] = "tcp",
	[TS_SOURCE_LISTENERS] = "listeners",
	[TS_SOURCE_SOCKETS] = "sockets",
	[TS_SOURCE_PROC_CPU] = "cpu",
	[TS_SOURCE_PROC_MEMORY] = "memory",
	[TS_SOURCE_PRESSURE] = "pressure",
	[TS_SOURCE_PROC_NET] = "net",
	[TS_SOURCE_SOFTNET] = "softnet",
	[TS_SOURCE_DISKSTATS] = "diskstats",
	[TS_SOURCE_CPUFREQ] = "cpufreq",
	[TS_SOURCE_ATIME] = "atime",
	[TS_SOURCE_FILES] = "files",
	[TS_SOURCE_CGROUPS] = "cgroups",
	[TS_SOURCE_CGROUP_IO] = "cgroup-io",
	[TS_SOURCE_ORPHANS] = "orphans",
	[TS_SOURCE_COMMAND] = "command",
	[TS_SOURCE_INTERFACES] = "interfaces",
	[TS_SOURCE_LIMITS] = "limits",
	[TS_SOURCE_HUGE_PAGES] = "huge-pages",
	[TS_SOURCE_NET_TABLES] = "net-tables",
	[TS_SOURCE_RECEIVING] = "receiving",
	[TS_SOURCE_DATAGRAMS] = "datagrams",
	[TS_SOURCE_RECLAIM] = "reclaim",
	[TS_SOURCE_IDLE_MEMORY] = "idle-memory",
	[TS_SOURCE_SMALL_PAGES] = "small-pages",
};

int ts_family_by_name(const char *name)
{
	ts_for_each_family (id)
		if (!strcmp(ts_families[id].name, name))
			return id;
	return -1;
}

int ts_source_by_name(const char *name)
{
	for (int id = 0; id < TS_SOURCE_COUNT; id++)
		if (!strcmp(ts_source_names[id], name))
			return id;
	return -1;
}

const char *ts_unit_name(enum ts_unit unit)
{
	static const char *const names[] = {
		[TS_UNIT_COUNT] = "count",
		[TS_UNIT_SECONDS] = "seconds",
		[TS_UNIT_BYTES] = "bytes",
		[TS_UNIT_RATIO] = "ratio",
	};

	return names[unit];
}

const char *ts_kind_name(enum ts_kind kind)
{
	static const char *const names[] = {
		[TS_KIND_COUNTER] = "counter",
		[TS_KIND_GAUGE] = "gauge",
		[TS_KIND_PEAK] = "gauge",
		[TS_KIND_HISTOGRAM] = "histogram",
	};

	return names[kind];
}
