// SPDX-License-Identifier: GPL-2.0-only
/*
 * Run-queue wait, on-CPU and off-CPU time, context switches and migrations.
 *
 * The usual way is one program on sched_switch, because every further hook costs more than all the
 * work done here. It reads the timestamps the scheduler keeps for itself (task->sched_info), with
 * two corrections:
 *  - last_queued starts anew when a waiting task is moved to another CPU, and what it had waited by
 *    then goes to run_delay: add how much that has grown since the task last left a CPU.
 *  - when a wakeup asked for the switch, the run queue's clock is not updated again
 * (RQCF_ACT_SKIP), and the wait of the task just woken reads exactly 0: only then ask ktime, which
 * is put on the run queue's time line by an offset measured about once a millisecond.
 *
 * Kernels without SCHED_INFO get three programs and timestamps of our own.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include <tunescope/sched.h>
#include "compat.bpf.h"
#include "core.bpf.h"

/* How often the offset between ktime and the run queue's clock is measured, at most. */
#define CALIBRATE_NS 1000000ULL
/* An offset this old is not used: NTP may have moved ktime by microseconds since. */
#define CALIBRATION_LIMIT_NS 256000000ULL

/* Slots of ts_sched_tasks minus one. */
const volatile __u32 ts_sched_task_mask = 0;
/* The second correction; off only to show what it is worth. */
const volatile bool ts_sched_correct_clock = true;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* possible CPUs, set before loading */
	__type(key, __u32);
	__type(value, struct ts_sched_cpu);
} ts_sched_cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* ts_sched_task_mask + 1, set before loading */
	__type(key, __u32);
	__type(value, struct ts_sched_task);
} ts_sched_tasks SEC(".maps");

static __always_inline struct ts_sched_cpu *this_cpu_slice(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&ts_sched_cpus, &cpu);
}

static __always_inline struct ts_sched_task *task_slot(__u32 pid)
{
	__u32 key = pid & ts_sched_task_mask;

	return bpf_map_lookup_elem(&ts_sched_tasks, &key);
}

/* Clocks of two CPUs may differ by a little: an interval is never negative. */
static __always_inline __u64 elapsed(__u64 later, __u64 earlier)
{
	return later > earlier ? later - earlier : 0;
}

static __always_inline void record(struct ts_histogram_global *histogram, __u64 ns)
{
	ts_histogram_count_global(histogram, ts_histogram_slot_ns(ns), ns);
}

/* The task that leaves, except what is remembered of it. */
static __always_inline void leave(struct ts_sched_cpu *cpu, __u32 pid, bool voluntary, __u64 now)
{
	cpu->switches[pid ? voluntary : TS_SCHED_SWITCH_IDLE]++;
	if (pid && cpu->switched)
		record(&cpu->oncpu, elapsed(now, cpu->switched));
	cpu->switched = now;
}

/*
 * What slot remembers of the task that arrives, or NULL: it is a new one, it has not left a CPU
 * since tunescope started, or another task took its slot.
 */
static __always_inline struct ts_sched_task *recall(struct ts_sched_cpu *cpu,
						    struct ts_sched_task *slot, __u32 pid)
{
	if (slot->pid == pid)
		return slot;
	if (slot->pid)
		cpu->lost++;
	return NULL;
}

static __always_inline __u64 queue_clock(struct ts_sched_cpu *cpu, __u64 clock, __u64 queued)
{
	__u64 age;

	if (!ts_sched_correct_clock)
		return clock;
	age = clock - cpu->calibrated;
	if (clock == queued) {
		__u64 now;

		if (age > CALIBRATION_LIMIT_NS)
			return clock;
		now = bpf_ktime_get_ns() - cpu->clock_offset;
		return now > clock ? now : clock;
	}
	if (age > CALIBRATE_NS) {
		cpu->clock_offset = bpf_ktime_get_ns() - clock;
		cpu->calibrated = clock;
	}
	return clock;
}

SEC("?tp_btf/sched_switch")
int BPF_PROG(ts_sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	__u64 queued = next->sched_info.last_queued;
	__u32 prev_pid = prev->pid, next_pid = next->pid;
	struct ts_sched_cpu *cpu = this_cpu_slice();
	struct ts_sched_task *slot;
	__u64 now, wait, run_delay;
	__u32 migrations;

	if (!cpu)
		return 0;
	now = queue_clock(cpu, prev->se.cfs_rq->rq->clock, queued);
	leave(cpu, prev_pid, !preempt && ts_task_state(prev), now);
	if (prev_pid) {
		slot = task_slot(prev_pid);
		if (slot) {
			run_delay = prev->sched_info.run_delay;
			if (slot->pid != prev_pid) {
				slot->pid = prev_pid;
				slot->run_delay_before =
					prev->sched_info.pcount > 1 ? run_delay : 0;
			}
			slot->migrations = prev->se.nr_migrations;
			slot->run_delay = run_delay;
			slot->switched = now;
		}
	}

	if (!next_pid)
		return 0;
	slot = task_slot(next_pid);
	if (!slot)
		return 0;
	run_delay = next->sched_info.run_delay;
	migrations = next->se.nr_migrations;
	wait = elapsed(now, queued);
	if (!next->sched_info.pcount) {
		/* Its first arrival: whatever the slot says is of an earlier task of that pid. */
		wait += run_delay;
		cpu->migrations += migrations;
	} else {
		slot = recall(cpu, slot, next_pid);
		if (slot) {
			__u64 away = elapsed(now, slot->switched);

			/* Preempted on its way to sleep it was not queued anew, but it waited. */
			wait = queued ? wait + elapsed(run_delay, slot->run_delay) : away;
			cpu->migrations += migrations - slot->migrations;
			record(&cpu->offcpu, away);
		} else if (!queued) {
			return 0;
		}
	}
	record(&cpu->runq, wait);
	return 0;
}

/* ---- Without SCHED_INFO: ktime, and the time of the wakeup kept in the task's slot. */

static __always_inline int become_runnable(struct task_struct *task, bool new)
{
	__u32 pid = task->pid;
	struct ts_sched_task *slot = task_slot(pid);

	if (!slot)
		return 0;
	if (new || slot->pid != pid) {
		slot->pid = pid;
		slot->migrations = task->se.nr_migrations;
		slot->run_delay = 0;
		slot->switched = 0;
		slot->queued = 0;
	}
	if (!slot->queued)
		slot->queued = bpf_ktime_get_ns();
	return 0;
}

SEC("?tp_btf/sched_wakeup")
int BPF_PROG(ts_sched_wakeup, struct task_struct *task)
{
	return become_runnable(task, false);
}

SEC("?tp_btf/sched_wakeup_new")
int BPF_PROG(ts_sched_new, struct task_struct *task)
{
	return become_runnable(task, true);
}

SEC("?tp_btf/sched_switch")
int BPF_PROG(ts_sched_ktime, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	__u32 prev_pid = prev->pid, next_pid = next->pid;
	struct ts_sched_cpu *cpu = this_cpu_slice();
	__u64 now = bpf_ktime_get_ns();
	struct ts_sched_task *slot;
	bool voluntary;

	if (!cpu)
		return 0;
	voluntary = !preempt && ts_task_state(prev);
	leave(cpu, prev_pid, voluntary, now);
	slot = prev_pid ? task_slot(prev_pid) : NULL;
	if (slot) {
		if (slot->pid != prev_pid)
			slot->run_delay = 0;
		slot->pid = prev_pid;
		slot->migrations = prev->se.nr_migrations;
		slot->switched = now;
		slot->queued = voluntary ? 0 : now;
	}

	slot = next_pid ? task_slot(next_pid) : NULL;
	slot = slot ? recall(cpu, slot, next_pid) : NULL;
	if (!slot)
		return 0;
	cpu->migrations += (__u32)next->se.nr_migrations - slot->migrations;
	slot->migrations = next->se.nr_migrations;
	if (slot->switched)
		record(&cpu->offcpu, elapsed(now, slot->switched));
	if (slot->queued) {
		slot->run_delay += elapsed(now, slot->queued);
		record(&cpu->runq, elapsed(now, slot->queued));
		slot->queued = 0;
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
