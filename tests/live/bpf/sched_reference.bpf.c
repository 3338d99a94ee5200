// SPDX-License-Identifier: GPL-2.0-only
/*
 * Run-queue wait by a hash of wakeup times, on-CPU and off-CPU time by hashes of switch times, all
 * with ktime; switches by the difference of each task's nvcsw and nivcsw.
 */
#include "vmlinux.h"
#include <bpf/bpf_tracing.h>
#include "compat.bpf.h"
#include "core.bpf.h"
#include "sched_reference.h"

struct task_record {
	__u64 queued;	/* when it became runnable; 0: it is not waiting */
	__u64 switched; /* when it left a CPU; 0: not seen yet */
	__u64 voluntary, involuntary;
	bool counted; /* the two above are known */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct task_record);
} tasks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sched_reference);
} totals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} arrived SEC(".maps");

static void record(struct ts_histogram_global *histogram, __u64 ns)
{
	ts_histogram_count_global(histogram, ts_histogram_slot_ns(ns), ns);
}

static struct task_record *task_record(__u32 pid)
{
	struct task_record *known = bpf_map_lookup_elem(&tasks, &pid), none = {0};

	if (known)
		return known;
	bpf_map_update_elem(&tasks, &pid, &none, BPF_ANY);
	return bpf_map_lookup_elem(&tasks, &pid);
}

static int runnable(struct task_struct *task, __u64 now)
{
	struct task_record *record_of_task = task_record(task->pid);

	if (record_of_task && !record_of_task->queued)
		record_of_task->queued = now;
	return 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(reference_wakeup, struct task_struct *task)
{
	return runnable(task, bpf_ktime_get_ns());
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(reference_new, struct task_struct *task)
{
	struct task_record fresh = {.counted = true};
	__u64 now = bpf_ktime_get_ns();
	__u32 pid = task->pid;

	bpf_map_update_elem(&tasks, &pid, &fresh, BPF_ANY);
	return runnable(task, now);
}

SEC("tp_btf/sched_migrate_task")
int BPF_PROG(reference_migrate, struct task_struct *task, int cpu)
{
	__u32 zero = 0;
	struct sched_reference *total = bpf_map_lookup_elem(&totals, &zero);

	if (total)
		total->migrations++;
	return 0;
}

static void leave(struct sched_reference *total, struct task_struct *task, bool runs, __u64 now)
{
	struct task_record *task_seen = task_record(task->pid);

	if (!task_seen)
		return;
	task_seen->switched = now;
	task_seen->queued = runs ? now : 0;
	if (task_seen->counted) {
		total->voluntary += task->nvcsw - task_seen->voluntary;
		total->involuntary += task->nivcsw - task_seen->involuntary;
	} else {
		total->unknown++;
	}
	task_seen->voluntary = task->nvcsw;
	task_seen->involuntary = task->nivcsw;
	task_seen->counted = true;
}

static void arrive(struct sched_reference *total, struct task_struct *task, __u64 now)
{
	struct task_record *task_seen = task_record(task->pid);

	if (!task_seen)
		return;
	if (task_seen->switched)
		record(&total->offcpu, now - task_seen->switched);
	if (task_seen->queued)
		record(&total->wait, now - task_seen->queued);
	task_seen->switched = 0;
	task_seen->queued = 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(reference_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	__u32 zero = 0;
	struct sched_reference *total = bpf_map_lookup_elem(&totals, &zero);
	__u64 *since = bpf_map_lookup_elem(&arrived, &zero), now = bpf_ktime_get_ns();

	if (!total || !since)
		return 0;
	total->switches++;
	if (prev->pid && *since)
		record(&total->oncpu, now - *since);
	*since = now;
	if (prev->pid)
		leave(total, prev, preempt || !ts_task_state(prev), now);
	if (next->pid)
		arrive(total, next, now);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
