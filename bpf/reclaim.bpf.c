// SPDX-License-Identifier: GPL-2.0-only
/*
 * The time tasks spend making room themselves because memory is not at hand: direct reclaim, that
 * of a memory cgroup at its limit, that of one NUMA node, and direct compaction. All of it is what
 * the kernel does instead of giving memory at once: a host with enough of it never comes here.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include <tunescope/reclaim.h>
#include "blame.bpf.h"
#include "core.bpf.h"

#define PF_KTHREAD 0x00200000

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* possible CPUs, set before loading */
	__type(key, __u32);
	__type(value, struct ts_reclaim_cpu);
} ts_reclaim_cpus SEC(".maps");

/* A task that ends in between cannot be: whoever frees memory comes back from it. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TS_RECLAIM_TASKS);
	__type(key, __u32); /* thread */
	__type(value, struct ts_reclaim_begun);
} ts_reclaim_tasks SEC(".maps");

static __always_inline int begin(__u64 kind, __u64 ns)
{
	struct ts_reclaim_begun begun = {.ns = ns, .kind = kind};
	__u32 thread = bpf_get_current_pid_tgid();

	bpf_map_update_elem(&ts_reclaim_tasks, &thread, &begun, BPF_ANY);
	return 0;
}

static __always_inline void count(__u64 kind, __u64 ns, __u64 pages)
{
	__u32 number = bpf_get_smp_processor_id();
	struct ts_reclaim_cpu *cpu = bpf_map_lookup_elem(&ts_reclaim_cpus, &number);

	if (!cpu || kind >= TS_RECLAIM_KINDS)
		return;
	ts_histogram_count_keyed(&cpu->stall[kind], ts_histogram_slot_ns(ns), ns);
	cpu->pages[kind] += pages;
	ts_blame(kind, ns);
}

static __always_inline int end(__u64 kind, __u64 pages)
{
	__u32 thread = bpf_get_current_pid_tgid();
	struct ts_reclaim_begun *begun = bpf_map_lookup_elem(&ts_reclaim_tasks, &thread);

	/* Without one it had begun before this was attached. */
	if (!begun || begun->kind != kind || !begun->ns)
		return 0;
	count(kind, bpf_ktime_get_ns() - begun->ns, pages);
	bpf_map_delete_elem(&ts_reclaim_tasks, &thread);
	return 0;
}

SEC("tp_btf/mm_vmscan_direct_reclaim_begin")
int ts_reclaim_begins(__u64 *context)
{
	return begin(TS_RECLAIM_HOST, bpf_ktime_get_ns());
}

SEC("tp_btf/mm_vmscan_direct_reclaim_end")
int ts_reclaim_ends(__u64 *context)
{
	return end(TS_RECLAIM_HOST, context[0]);
}

SEC("tp_btf/mm_vmscan_memcg_reclaim_begin")
int ts_reclaim_cgroup_begins(__u64 *context)
{
	return begin(TS_RECLAIM_CGROUP, bpf_ktime_get_ns());
}

SEC("tp_btf/mm_vmscan_memcg_reclaim_end")
int ts_reclaim_cgroup_ends(__u64 *context)
{
	return end(TS_RECLAIM_CGROUP, context[0]);
}

SEC("tp_btf/mm_vmscan_node_reclaim_begin")
int ts_reclaim_node_begins(__u64 *context)
{
	return begin(TS_RECLAIM_NODE, bpf_ktime_get_ns());
}

SEC("tp_btf/mm_vmscan_node_reclaim_end")
int ts_reclaim_node_ends(__u64 *context)
{
	return end(TS_RECLAIM_NODE, context[0]);
}

/* Says what for; each zone is then begun and ended. The kernel's own threads do it for others. */
SEC("tp_btf/mm_compaction_try_to_compact_pages")
int ts_reclaim_compacts(__u64 *context)
{
	const struct task_struct *task = (void *)bpf_get_current_task();
	bool huge = (int)context[0] >= TS_RECLAIM_HUGE_ORDER;

	if (BPF_CORE_READ(task, flags) & PF_KTHREAD)
		return 0;
	return begin(huge ? TS_RECLAIM_COMPACT_HUGE : TS_RECLAIM_COMPACT, 0);
}

SEC("tp_btf/mm_compaction_begin")
int ts_reclaim_compact_begins(__u64 *context)
{
	__u32 thread = bpf_get_current_pid_tgid();
	struct ts_reclaim_begun *begun = bpf_map_lookup_elem(&ts_reclaim_tasks, &thread);

	if (begun && begun->kind >= TS_RECLAIM_COMPACT)
		begun->ns = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/mm_compaction_end")
int ts_reclaim_compact_ends(__u64 *context)
{
	__u32 thread = bpf_get_current_pid_tgid();
	struct ts_reclaim_begun *begun = bpf_map_lookup_elem(&ts_reclaim_tasks, &thread);

	if (!begun || begun->kind < TS_RECLAIM_COMPACT || !begun->ns)
		return 0;
	count(begun->kind, bpf_ktime_get_ns() - begun->ns, 0);
	begun->ns = 0;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
