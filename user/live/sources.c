// SPDX-License-Identifier: GPL-2.0-only
#include "source.h"

extern const struct ts_source ts_source_sched, ts_source_block, ts_source_writeback, ts_source_tcp,
	ts_source_listeners, ts_source_sockets, ts_source_proc_cpu, ts_source_proc_memory,
	ts_source_pressure, ts_source_proc_net, ts_source_softnet, ts_source_diskstats,
	ts_source_files, ts_source_cgroups, ts_source_orphans, ts_source_interfaces,
	ts_source_limits, ts_source_huge_pages, ts_source_net_tables, ts_source_datagrams;

/* In the order they are opened and asked. */
const struct ts_source *const ts_sources[] = {
	&ts_source_sched,     &ts_source_block,	     &ts_source_writeback,  &ts_source_tcp,
	&ts_source_listeners, &ts_source_sockets,    &ts_source_proc_cpu,   &ts_source_proc_memory,
	&ts_source_pressure,  &ts_source_proc_net,   &ts_source_softnet,    &ts_source_diskstats,
	&ts_source_files,     &ts_source_cgroups,    &ts_source_orphans,    &ts_source_interfaces,
	&ts_source_limits,    &ts_source_huge_pages, &ts_source_net_tables, &ts_source_datagrams,
};
const size_t ts_sources_count = sizeof ts_sources / sizeof ts_sources[0];
