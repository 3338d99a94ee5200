/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who waits for data to be written, where the filesystem does not tell when it begins and ends to
 * sync: the kernel does when a task is about to wait for a page under writeback, and when one asks
 * for all of a filesystem to be written. That happens at most once for each page that is waited
 * for, and never while nobody waits. The end of the last wait is seen by looking at the task.
 */
#ifndef TUNESCOPE_WRITEBACK_WAITS_BPF_H
#define TUNESCOPE_WRITEBACK_WAITS_BPF_H

#include <bpf/bpf_tracing.h>
#include "compat.bpf.h"
#include "core.bpf.h"
#include "writeback_devices.bpf.h"
#include "writeback_piles.bpf.h"

#define KERNEL_THREAD	0x00200000 /* PF_KTHREAD */
#define UNINTERRUPTIBLE 2
#define WAITS_LEFT_NS	300000000LL /* not seen to wait for so long: it is over */
#define STACK_BYTES	16384	    /* before 5.15 */
#define SAME_INSTANT_NS 10000000ULL

const volatile struct ts_writeback_calls ts_writeback_calls = {0};

/* Descriptor of a file that user space has opened, plus one, to have its device looked at. */
__u32 ts_writeback_file = 0;
struct ts_writeback_wait ts_writeback_waits[TS_WRITEBACK_WAITS] = {0};
/* Places in use: mostly nobody waits, and none of them need be looked at. */
__u64 ts_writeback_waiting = 0;

static __always_inline __u32 call_of(const struct task_struct *task)
{
	const struct pt_regs *regs;

	/* 5.15 (dd6e10fbd9fb, "bpf: Add bpf_task_pt_regs() helper"); what stands there before. */
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		regs = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	else
		regs = BPF_CORE_READ(task, stack) + STACK_BYTES -
		       bpf_core_type_size(struct pt_regs);
#if defined(__TARGET_ARCH_arm64)
	return BPF_CORE_READ(regs, syscallno);
#else
	return BPF_CORE_READ(regs, orig_ax);
#endif
}

/* The wait of this thread; a new one where there is none, or NULL when there is no room. */
static __always_inline struct ts_writeback_wait *wait_of(__u32 thread)
{
	__u32 slot = thread & (TS_WRITEBACK_WAITS - 1);
	struct ts_writeback_wait *wait = &ts_writeback_waits[slot];

	if (wait->thread == thread)
		return wait;
	if (ts_compare_and_swap(&wait->thread, 0, thread, slot))
		return NULL;
	__sync_fetch_and_add(&ts_writeback_waiting, 1);
	return wait;
}

/* What has been waited for, and how long: nothing that lasted too short to be seen. */
__noinline int ts_writeback_waited(__u32 slot)
{
	struct ts_writeback_wait *wait = &ts_writeback_waits[slot & (TS_WRITEBACK_WAITS - 1)];
	__u32 number = bpf_get_smp_processor_id(), device;
	struct ts_writeback_cpu *cpu;
	/* Below 0: who was looking read the clock just before it began. */
	__s64 waited = wait->seen_ns - wait->begun_ns;
	__u64 ns = waited, age = wait->age_ns, pages = wait->pages;

	if (!wait->bdi || waited < TS_WRITEBACK_WAIT_LEAST_NS)
		return 0;
	cpu = bpf_map_lookup_elem(&ts_writeback_cpus, &number);
	device = device_slot((void *)wait->bdi);
	if (!cpu || device > TS_WRITEBACK_OTHER)
		return 0;
	ts_histogram_count_keyed(&cpu->fsync[device], ts_histogram_slot_ns(ns), ns);
	cpu->overdue_ns[device] += ns < age ? ns : age;
	cpu->cleaned_pages[device] += pages;
	return 0;
}

static __always_inline void begin_wait(struct ts_writeback_wait *wait, __u64 task, __u64 bdi,
				       bool all)
{
	__u64 pages = ts_writeback_pages(bdi, WB_WRITEBACK);
	__u64 pile;

	if (wait->bdi)
		ts_writeback_waited(wait->thread);
	if (all) {
		pile = look(bdi);
		pages += ts_writeback_pages(bdi, WB_RECLAIMABLE);
	} else {
		pile = ts_writeback_pile(bdi);
	}
	wait->task = task;
	wait->bdi = bdi;
	wait->all = all;
	wait->pages = pages;
	wait->age_ns = waited_ns(pile, pages);
	wait->begun_ns = wait->seen_ns = bpf_ktime_get_ns();
}

/* The current task is about to wait for the device, or for all of it. */
static __always_inline int waits(const struct bdi_writeback *writeback, bool all)
{
	const struct task_struct *task = (void *)bpf_get_current_task();
	__u64 bdi = (__u64)BPF_CORE_READ(writeback, bdi), now = bpf_ktime_get_ns(), sleeps;
	__u32 thread = bpf_get_current_pid_tgid();
	struct ts_writeback_wait *wait;

	/* Of none: a device without pages of its own. And some filesystems tell. */
	if (!BPF_CORE_READ((const struct backing_dev_info *)bdi, dev) ||
	    bpf_map_lookup_elem(&ts_writeback_fsyncs, &thread))
		return 0;
	wait = wait_of(thread);
	if (!wait)
		return 0;
	sleeps = BPF_CORE_READ(task, nvcsw);
	/* In the same call it has slept in that one wait only; sync() waits for other things, too.
	 */
	if (wait->bdi != bdi || (all ? now - wait->begun_ns > SAME_INSTANT_NS
				     : !wait->all && sleeps - wait->sleeps > 1))
		begin_wait(wait, (__u64)task, bdi, all);
	else
		wait->seen_ns = now;
	wait->sleeps = sleeps;
	return 0;
}

static __always_inline bool is_sync(__u32 call)
{
	return call == ts_writeback_calls.sync || call == ts_writeback_calls.syncfs;
}

static __always_inline bool is_fsync(__u32 call)
{
	return call == ts_writeback_calls.fsync || call == ts_writeback_calls.fdatasync ||
	       call == ts_writeback_calls.msync;
}

static __always_inline int page_is_awaited(const struct address_space *mapping)
{
	const struct task_struct *task = (void *)bpf_get_current_task();
	__u32 call;

	if (!mapping || BPF_CORE_READ(task, flags) & KERNEL_THREAD)
		return 0;
	call = call_of(task);
	if (!is_fsync(call) && !is_sync(call))
		return 0;
	return waits(writeback_of(BPF_CORE_READ(mapping, host)), false);
}

SEC("?tp_btf/folio_wait_writeback")
int ts_folio_awaited(__u64 *context)
{
	return page_is_awaited((const void *)context[1]);
}

/* Until 5.15 (19343b5bdd16, "mm/page-writeback: Add folio_wait_writeback()"). */
SEC("?tp_btf/wait_on_page_writeback")
int ts_page_awaited(__u64 *context)
{
	return page_is_awaited((const void *)context[1]);
}

SEC("?tp_btf/writeback_queue")
int ts_sync_begins(__u64 *context)
{
	const struct task_struct *task = (void *)bpf_get_current_task();
	const struct wb_writeback_work *work = (const void *)context[1];
	__u32 call;

	if (BPF_CORE_READ(work, sync_mode) != WB_SYNC_ALL ||
	    BPF_CORE_READ(task, flags) & KERNEL_THREAD)
		return 0;
	call = call_of(task);
	return is_sync(call) ? waits((const void *)context[0], true) : 0;
}

static __always_inline bool still_waits(const struct ts_writeback_wait *wait)
{
	const struct task_struct *task = (const void *)wait->task;

	return (__u32)BPF_CORE_READ(task, pid) == wait->thread &&
	       ts_task_state_bits(task) & UNINTERRUPTIBLE &&
	       BPF_CORE_READ(task, nvcsw) - wait->sleeps <= 1;
}

__noinline int ts_writeback_look_at_wait(__u32 slot)
{
	struct ts_writeback_wait *wait = &ts_writeback_waits[slot & (TS_WRITEBACK_WAITS - 1)];
	__u64 now = bpf_ktime_get_ns();

	if (!wait->thread || !wait->bdi)
		return 0;
	if (still_waits(wait)) {
		wait->seen_ns = now;
	} else if ((__s64)(now - wait->seen_ns) > WAITS_LEFT_NS) {
		ts_writeback_waited(slot);
		wait->bdi = 0;
		wait->thread = 0;
		__sync_fetch_and_add(&ts_writeback_waiting, -1);
	}
	return 0;
}

/* The device of a file that user space has opened for this. */
static __always_inline void look_at_file(__u32 descriptor)
{
	const struct task_struct *task = (void *)bpf_get_current_task();
	struct file **files = BPF_CORE_READ(task, files, fdt, fd), *file = NULL;

	bpf_probe_read_kernel(&file, sizeof file, &files[descriptor]);
	if (file)
		look((__u64)BPF_CORE_READ(file, f_inode, i_sb, s_bdi));
}

/* Attached to nothing: user space has it run when it wants to know. */
SEC("raw_tp")
int ts_writeback_visit(void *context)
{
	if (ts_writeback_file)
		look_at_file(ts_writeback_file - 1);
	for (__u32 i = 0; i < TS_WRITEBACK_PILES; i++)
		ts_writeback_look_at(i);
	if (!ts_writeback_waiting)
		return 0;
	for (__u32 i = 0; i < TS_WRITEBACK_WAITS; i++)
		ts_writeback_look_at_wait(i);
	return 0;
}

#endif
