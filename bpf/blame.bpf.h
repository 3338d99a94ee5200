/* SPDX-License-Identifier: GPL-2.0-only */
/* Notes who lost time. One table for each BPF object that includes this. */
#ifndef TUNESCOPE_BLAME_BPF_H
#define TUNESCOPE_BLAME_BPF_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <tunescope/blame.h>

/* The one that lost time least recently makes room when there are too many. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TS_BLAME_ENTRIES);
	__type(key, struct ts_blame_key);
	__type(value, struct ts_blame);
} ts_blamed SEC(".maps");

/* The memory cgroup of the current task, in either version of cgroups. */
static __always_inline void ts_blame_cgroup(char name[TS_BLAME_CGROUP])
{
	const struct task_struct *task = (void *)bpf_get_current_task();
	const struct css_set *set = BPF_CORE_READ(task, cgroups);
	const struct cgroup_subsys_state *state = NULL;
	__u64 number;

	if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		return;
	number = bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id);
	bpf_probe_read_kernel(&state, sizeof state, (const void *)&set->subsys[0] + 8 * number);
	if (state && BPF_CORE_READ(state, parent))
		bpf_probe_read_kernel_str(name, TS_BLAME_CGROUP,
					  BPF_CORE_READ(state, cgroup, kn, name));
}

static __always_inline void ts_blame(__u32 where, __u64 ns)
{
	struct ts_blame_key key = {
		.pid = bpf_get_current_pid_tgid() >> 32,
		.where = where,
	};
	struct ts_blame *blame, first = {.ns = ns};

	blame = bpf_map_lookup_elem(&ts_blamed, &key);
	if (blame) {
		__sync_fetch_and_add(&blame->ns, ns);
		return;
	}
	bpf_get_current_comm(first.comm, sizeof first.comm);
	ts_blame_cgroup(first.cgroup);
	bpf_map_update_elem(&ts_blamed, &key, &first, BPF_ANY);
}

#endif
