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
/* The offset follows ktime's drift up to 1 in 2^14 (61 ppm), and jumps when it is this far off. */
#define CALIBRATION_DRIFT_SHIFT 14
#define CALIBRATION_JUMP_NS	8192

const volatile __u32 ts_sched_task_mask = 0;  /* slots of tasks minus one */
const volatile __u64 ts_sched_tasks_size = 0; /* bytes of all these slots */
const volatile __u64 ts_sched_cpus = 0;	      /* possible CPUs */
/* The second correction; off only to show what it is worth. */
const volatile bool ts_sched_correct_clock = true;

/* Of ts_sched_run: the command's cgroup (version 2), and whether only it is measured. */
const volatile __u64 ts_sched_cgroup = 0;
const volatile __s32 ts_sched_own = 0; /* tunescope's pid; 0: not known */
const volatile bool ts_sched_only_command = false;

/*
 * One element that holds everything, so that one look-up does: the slots of all tasks (an address
 * is a mask and a shift), and after them a slice for each possible CPU.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	/* That of ts_sched_task_mask + 1 tasks and ts_sched_cpus CPUs, set before loading. */
	__uint(value_size, sizeof(struct ts_sched_task) + sizeof(struct ts_sched_cpu));
} ts_sched_all SEC(".maps");

static __always_inline struct ts_sched_task *all_tasks(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&ts_sched_all, &zero);
}

static __always_inline struct ts_sched_cpu *this_cpu_slice(struct ts_sched_task *tasks)
{
	__u64 cpu = bpf_get_smp_processor_id();

	ts_opaque(cpu); /* the verifier must see the bound checked on this very number */
	if (!tasks || cpu >= ts_sched_cpus)
		return NULL;
	return (void *)tasks + ts_sched_tasks_size + cpu * sizeof(struct ts_sched_cpu);
}

static __always_inline struct ts_sched_task *task_slot(struct ts_sched_task *tasks, __u32 pid)
{
	return (void *)tasks + (__u64)(pid & ts_sched_task_mask) * sizeof *tasks;
}

/* Clocks of two CPUs may differ by a little: an interval is never negative. */
static __always_inline __u64 elapsed(__u64 later, __u64 earlier)
{
	__s64 difference = later - earlier;

	return difference < 0 ? 0 : difference;
}

/* Sums and maxima stand apart from the slots, in the lines that every switch touches anyway. */
static __always_inline void record(struct ts_sched_cpu *cpu, enum ts_sched_interval interval,
				   __u64 ns)
{
	__u32 slot = ts_histogram_slot_ns(ns);

	if (slot >= TS_HISTOGRAM_SLOTS_GLOBAL)
		return;
	cpu->slot[interval][slot]++;
	cpu->total[interval].sum += ns;
	if (ns > cpu->total[interval].max)
		cpu->total[interval].max = ns;
}

/*
 * The task that leaves, except what is remembered of it. It has run since the last switch on this
 * CPU, or since it arrived by its own account, should that switch not have been seen.
 */
static __always_inline void leave(struct ts_sched_cpu *cpu, __u32 pid, bool voluntary,
				  __u64 arrived, __u64 now, bool counted)
{
	__u64 switched = cpu->switched;

	cpu->switched = now;
	if (!switched)
		cpu->started = now;
	if (!counted)
		return;
	if (!pid) {
		cpu->switches[TS_SCHED_SWITCH_IDLE]++;
		return;
	}
	cpu->switches[voluntary]++;
	if (switched)
		record(cpu, TS_SCHED_ONCPU, elapsed(now, arrived > switched ? arrived : switched));
}

static __always_inline void take_over(struct ts_sched_task *slot, __u32 pid)
{
	slot->pid = pid;
	slot->waited = 0;
}

/* ktime on the time line of the run queue's clock, for when that was not updated. */
static __always_inline __u64 corrected(const struct ts_sched_cpu *cpu, __u64 clock)
{
	__u64 now;

	if (clock - cpu->calibrated > CALIBRATION_LIMIT_NS)
		return clock;
	now = bpf_ktime_get_ns() - cpu->clock_offset;
	return now > clock ? now : clock;
}

/*
 * The smallest offsets are the right ones: what makes them larger is time that passed, or an
 * interrupt that came, between the update of the clock and this.
 */
static __always_inline void calibrate(struct ts_sched_cpu *cpu, __u64 clock)
{
	__u64 age = clock - cpu->calibrated, drift = age >> CALIBRATION_DRIFT_SHIFT;
	__s64 growth;

	if (age < CALIBRATE_NS || !ts_sched_correct_clock)
		return;
	growth = bpf_ktime_get_ns() - clock - cpu->clock_offset;
	if (growth > (__s64)drift && growth < CALIBRATION_JUMP_NS)
		growth = drift;
	cpu->clock_offset += growth;
	cpu->calibrated = clock;
}

/* What is compared with when the task comes back. */
static __always_inline void note_departure(struct ts_sched_task *slot, __u32 pid,
					   const struct task_struct *prev, __u64 now)
{
	if (slot->pid != pid)
		take_over(slot, pid);
	slot->migrations = prev->se.nr_migrations;
	slot->arrivals = prev->sched_info.pcount;
	slot->run_delay = prev->sched_info.run_delay;
	slot->switched = now;
}

/*
 * One switch. counted: whether the task that leaves, and the one that comes, are among those that
 * are measured; both are constants but in ts_sched_run.
 *
 * What is opaque here is read or computed anew, which costs less than to keep it on the stack: with
 * 64 bytes of that in use (BPF_PRIV_STACK_MIN_SIZE) the kernel gives a program a stack elsewhere,
 * in memory that nothing else has touched.
 */
static __always_inline int switched(struct ts_sched_task *tasks, struct ts_sched_cpu *cpu,
				    bool preempt, struct task_struct *prev,
				    struct task_struct *next, bool count_prev, bool count_next)
{
	struct ts_sched_task *slot;
	__u64 now, queued, wait, run_delay, arrivals;
	__u32 pid, migrations;

	now = prev->se.cfs_rq->rq->clock;
	if (now == next->sched_info.last_queued)
		now = corrected(cpu, now);
	else
		calibrate(cpu, now);
	ts_opaque(cpu);
	pid = prev->pid;
	leave(cpu, pid, !preempt && ts_task_state(prev), prev->sched_info.last_arrival, now,
	      count_prev);
	if (pid && count_prev)
		note_departure(task_slot(tasks, pid), pid, prev, now);

	ts_opaque(next);
	pid = next->pid;
	if (!pid || !count_next)
		return 0;
	slot = task_slot(tasks, pid);
	ts_opaque(slot);
	queued = next->sched_info.last_queued;
	run_delay = next->sched_info.run_delay;
	migrations = next->se.nr_migrations;
	arrivals = next->sched_info.pcount;
	wait = now - queued;
	if (!arrivals) {
		/* Its first arrival: whatever the slot says is of an earlier task of that pid. */
		take_over(slot, pid);
		wait += run_delay;
		cpu->migrations += migrations;
	} else if (slot->pid == pid && slot->arrivals == (__u16)arrivals) {
		__u64 away = elapsed(now, slot->switched);
		__s64 moved = run_delay - slot->run_delay;

		cpu->migrations += (__u16)(migrations - slot->migrations);
		record(cpu, TS_SCHED_OFFCPU, away);
		if (moved < 0) {
			cpu->lost++;
			return 0;
		}
		wait += moved;
		/* Preempted on its way to sleep (queued is 0) it was not queued anew, but waited.
		 */
		if (wait > away)
			wait = away;
	} else {
		/*
		 * It was not seen to leave: since tunescope started, or because another task took
		 * its slot. What began before anything was measured cannot be checked.
		 */
		if (slot->pid != pid) {
			cpu->lost += slot->pid != 0;
			take_over(slot, pid);
		} else if (slot->arrivals == TS_SCHED_ARRIVALS_LISTED(arrivals)) {
			__s64 moved = run_delay - slot->run_delay;

			if (moved < 0) {
				cpu->lost++;
				return 0;
			}
			wait += moved;
		}
		if (queued < cpu->started)
			return 0;
	}
	slot->waited += wait;
	record(cpu, TS_SCHED_WAIT, wait);
	return 0;
}

SEC("?tp_btf/sched_switch")
int BPF_PROG(ts_sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	struct ts_sched_task *tasks = all_tasks();
	struct ts_sched_cpu *cpu = this_cpu_slice(tasks);

	if (!cpu)
		return 0;
	return switched(tasks, cpu, preempt, prev, next, true, true);
}

/* ---- While a command is run: whose tasks they are, and, if so wanted, only the command's. */

#define KERNEL_THREAD	 0x00200000 /* PF_KTHREAD */
#define CGROUP_DEPTH_MAX 32

/*
 * Up through its cgroup's parents: how deep the command's own is cannot be told from a cgroup
 * namespace.
 */
static __always_inline bool in_command(const struct task_struct *task)
{
	const struct cgroup *group = task->cgroups->dfl_cgrp;

	for (int i = 0; i < CGROUP_DEPTH_MAX && group; i++) {
		const struct cgroup_subsys_state *above = group->self.parent;

		if (group->kn->id == ts_sched_cgroup)
			return true;
		if (!above)
			return false;
		group = above->cgroup;
	}
	return false;
}

static __always_inline enum ts_sched_whose whose(const struct task_struct *task)
{
	if (!task->pid)
		return TS_SCHED_NOBODY;
	if (task->flags & KERNEL_THREAD)
		return TS_SCHED_KERNEL;
	if (ts_sched_own && task->tgid == ts_sched_own)
		return TS_SCHED_OWN;
	return in_command(task) ? TS_SCHED_COMMAND : TS_SCHED_OTHER;
}

SEC("?tp_btf/sched_switch")
int BPF_PROG(ts_sched_run, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	enum ts_sched_whose leaves = whose(prev), comes = whose(next);
	struct ts_sched_task *tasks = all_tasks();
	struct ts_sched_cpu *cpu = this_cpu_slice(tasks);
	__u64 now = bpf_ktime_get_ns();

	if (!cpu)
		return 0;
	if (leaves < TS_SCHED_WHOSES && cpu->since)
		cpu->ran[leaves] += elapsed(now, cpu->since);
	cpu->whose = comes;
	cpu->since = now;
	return switched(tasks, cpu, preempt, prev, next,
			!ts_sched_only_command || leaves == TS_SCHED_COMMAND,
			!ts_sched_only_command || comes == TS_SCHED_COMMAND);
}

SEC("?tp_btf/sched_migrate_task")
int BPF_PROG(ts_sched_moved, struct task_struct *task, int to)
{
	struct ts_sched_task *tasks, *slot;
	__u32 pid;

	if (!bpf_core_field_exists(task->se.sched_delayed) || !task->se.sched_delayed)
		return 0;
	tasks = all_tasks();
	if (!tasks)
		return 0;
	pid = task->pid;
	slot = task_slot(tasks, pid);
	if (slot->pid == pid)
		slot->run_delay = TS_SCHED_WAIT_UNKNOWN;
	return 0;
}

/*
 * Run once over all tasks, after the program above was attached: what a task had waited by then is
 * known of those that sleep, too, and their first wait is not cut short by a move to another CPU.
 */
SEC("?iter/task")
int ts_sched_list(struct bpf_iter__task *context)
{
	struct ts_sched_task *tasks = all_tasks(), *slot;
	struct task_struct *task = context->task;
	__u32 pid;

	if (!tasks || !task)
		return 0;
	pid = task->pid;
	slot = task_slot(tasks, pid);
	if (slot->pid)
		return 0;
	slot->migrations = task->se.nr_migrations;
	slot->arrivals = TS_SCHED_ARRIVALS_LISTED(task->sched_info.pcount);
	slot->run_delay = task->sched_info.run_delay;
	slot->pid = pid;
	return 0;
}

/* ---- Who the tasks are, when user space asks: nothing runs in between. */

#define NICE_0_PRIORITY 120
#define BACKGROUND_NICE 10

static __always_inline __u8 sharing_of(const struct task_struct *task)
{
	const struct task_group *group;

	if (!bpf_core_field_exists(task->sched_task_group))
		return TS_SCHED_SHARED_BY_TASK;
	/* Not followed directly: the verifier would search all of the kernel's BTF for that. */
	group = BPF_CORE_READ(task, sched_task_group);
	/* The root group is the autogroup of those that have none of their own. */
	if (!group || !BPF_CORE_READ(group, parent))
		return TS_SCHED_SHARED_BY_TASK;
	if (bpf_core_field_exists(group->autogroup) && BPF_CORE_READ(group, autogroup))
		return TS_SCHED_SHARED_BY_SESSION;
	return TS_SCHED_SHARED_BY_CGROUP;
}

static __always_inline __u8 class_of(const struct task_struct *task)
{
	switch (task->policy) {
	case 1: /* SCHED_FIFO */
	case 2: /* SCHED_RR */
	case 6: /* SCHED_DEADLINE */ return TS_SCHED_REALTIME;
	case 5: /* SCHED_IDLE */ return TS_SCHED_BACKGROUND;
	}
	return task->static_prio >= NICE_0_PRIORITY + BACKGROUND_NICE ? TS_SCHED_BACKGROUND
								      : TS_SCHED_NORMAL;
}

SEC("?iter/task")
int ts_sched_visit(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;
	struct ts_sched_visited visited = {};

	if (!task || task->flags & KERNEL_THREAD)
		return 0;
	visited.ran = task->se.sum_exec_runtime;
	visited.started = task->start_time;
	visited.pid = task->pid;
	visited.session = BPF_CORE_READ(task, signal, pids[PIDTYPE_SID], numbers[0].nr);
	visited.sharing = sharing_of(task);
	visited.class = class_of(task);
	bpf_seq_write(context->meta->seq, &visited, sizeof visited);
	return 0;
}

/* ---- Without SCHED_INFO: ktime, and the time of the wakeup kept in the task's slot. */

static __always_inline int become_runnable(struct task_struct *task, bool new)
{
	struct ts_sched_task *tasks = all_tasks(), *slot;
	__u32 pid = task->pid;

	if (!tasks)
		return 0;
	slot = task_slot(tasks, pid);
	if (new || slot->pid != pid) {
		take_over(slot, pid);
		slot->migrations = task->se.nr_migrations;
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
	struct ts_sched_task *tasks = all_tasks(), *slot;
	struct ts_sched_cpu *cpu = this_cpu_slice(tasks);
	__u64 now = bpf_ktime_get_ns();
	bool voluntary;
	__u32 pid;

	if (!cpu)
		return 0;
	pid = prev->pid;
	voluntary = !preempt && ts_task_state(prev);
	leave(cpu, pid, voluntary, 0, now, true);
	if (pid) {
		slot = task_slot(tasks, pid);
		if (slot->pid != pid)
			take_over(slot, pid);
		slot->migrations = prev->se.nr_migrations;
		slot->switched = now;
		slot->queued = voluntary ? 0 : now;
	}

	pid = next->pid;
	if (!pid)
		return 0;
	slot = task_slot(tasks, pid);
	if (slot->pid != pid) {
		if (slot->pid)
			cpu->lost++;
		return 0;
	}
	cpu->migrations += (__u16)(next->se.nr_migrations - slot->migrations);
	slot->migrations = next->se.nr_migrations;
	if (slot->switched)
		record(cpu, TS_SCHED_OFFCPU, elapsed(now, slot->switched));
	slot->switched = 0;
	if (slot->queued) {
		__u64 wait = elapsed(now, slot->queued);

		slot->waited += wait;
		slot->queued = 0;
		record(cpu, TS_SCHED_WAIT, wait);
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
