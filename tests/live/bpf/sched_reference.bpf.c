// SPDX-License-Identifier: GPL-2.0-only
/*
 * Run-queue wait by a hash of wakeup times, on-CPU and off-CPU time by hashes of switch times, all
 * with ktime; switches by the difference of each task's nvcsw and nivcsw.
 *
 * A kernel may keep what certain tasks do from BPF programs (that of a sandbox, for instance, its
 * first process): wakeups by such a task and switches away from it are not seen. A wakeup hash then
 * knows nothing of a wait, or takes it for one that began long ago. The kernel's own account of
 * each task (its number of arrivals, whose CPU it was) tells when that happened; these few
 * intervals are taken from that account, too, and counted.
 */
#include "vmlinux.h"
#include <bpf/bpf_tracing.h>
#include "compat.bpf.h"
#include "core.bpf.h"
#include "sched_reference.h"

struct arrival {
	__u64 time; /* 0: none was seen */
	__u32 pid;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct sched_reference_task);
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
	__type(value, struct arrival);
} arrivals SEC(".maps");

/* Time off the CPU is counted when it began later than this. */
__u64 reference_begin;

static void record(struct ts_histogram_global *histogram, __u64 ns)
{
	ts_histogram_count_global(histogram, ts_histogram_slot_ns(ns), ns);
}

static struct sched_reference_task *task_record(__u32 pid)
{
	struct sched_reference_task *known = bpf_map_lookup_elem(&tasks, &pid), none = {0};

	if (known)
		return known;
	bpf_map_update_elem(&tasks, &pid, &none, BPF_ANY);
	return bpf_map_lookup_elem(&tasks, &pid);
}

static int runnable(struct task_struct *task, __u64 now)
{
	struct sched_reference_task *record_of_task = task_record(task->pid);

	if (!record_of_task)
		return 0;
	/* Woken again on its way to sleep it has waited all along, if its leave was seen at all. */
	if (!record_of_task->queued || !record_of_task->counted ||
	    record_of_task->arrivals != task->sched_info.pcount)
		record_of_task->queued = now;
	record_of_task->arrivals = task->sched_info.pcount;
	record_of_task->run_delay = task->sched_info.run_delay;
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
	struct sched_reference_task fresh = {.counted = true};
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
	if (bpf_core_field_exists(task->se.sched_delayed) && task->se.sched_delayed) {
		struct sched_reference_task *task_seen = task_record(task->pid);

		if (task_seen)
			task_seen->moved_asleep = true;
	}
	return 0;
}

static void leave(struct sched_reference *total, struct task_struct *task, bool runs, __u64 now)
{
	struct sched_reference_task *task_seen = task_record(task->pid);

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
	task_seen->arrivals = task->sched_info.pcount;
	task_seen->run_delay = task->sched_info.run_delay;
	task_seen->counted = true;
}

static void arrive(struct sched_reference *total, struct task_struct *task, __u64 now, __u64 clock)
{
	struct sched_reference_task *task_seen = task_record(task->pid);
	bool unseen;

	if (!task_seen)
		return;
	/* It has been on a CPU since. */
	unseen = task_seen->arrivals != task->sched_info.pcount;
	if (task_seen->switched > reference_begin && !unseen)
		record(&total->offcpu, now - task_seen->switched);
	if (task_seen->queued && !unseen) {
		record(&total->wait, now - task_seen->queued);
		if (task_seen->moved_asleep)
			total->moved_asleep_ns += now - task_seen->queued;
	} else if (task->sched_info.last_queued) {
		__u64 wait = clock - task->sched_info.last_queued;

		if (!unseen)
			wait += task->sched_info.run_delay - task_seen->run_delay;
		record(&total->wait, wait);
		total->unseen_waits++;
		total->unseen_wait_ns += wait;
	}
	task_seen->moved_asleep = false;
	task_seen->switched = 0;
	task_seen->queued = 0;
}

static void ran(struct sched_reference *total, struct arrival *arrival, struct task_struct *task,
		__u64 now, __u64 clock)
{
	struct sched_reference_task *task_seen;

	if (!arrival->time || !task->pid)
		return;
	if (arrival->pid == (__u32)task->pid) {
		record(&total->oncpu, now - arrival->time);
		return;
	}
	record(&total->oncpu, clock - task->sched_info.last_arrival);
	total->unseen_runs++;
	task_seen = task_record(task->pid);
	if (task_seen && task_seen->counted)
		task_seen->unseen_wait_ns += task->sched_info.run_delay - task_seen->run_delay;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(reference_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	__u32 zero = 0;
	struct sched_reference *total = bpf_map_lookup_elem(&totals, &zero);
	struct arrival *arrival = bpf_map_lookup_elem(&arrivals, &zero);
	__u64 now = bpf_ktime_get_ns(), clock = prev->se.cfs_rq->rq->clock;

	if (!total || !arrival)
		return 0;
	total->switches++;
	ran(total, arrival, prev, now, clock);
	arrival->time = now;
	arrival->pid = next->pid;
	if (prev->pid)
		leave(total, prev, preempt || !ts_task_state(prev), now);
	if (next->pid)
		arrive(total, next, now, clock);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
