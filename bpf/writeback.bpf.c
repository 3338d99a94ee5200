// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty-page throttling: the pauses balance_dirty_pages puts writers into. The tracepoint fires
 * before each of them; with a pause of zero or less the kernel has decided not to sleep. And the
 * time fsync() and sync() take, with what was dirty when called and for how long that had been.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include <tunescope/writeback.h>
#include "blame.bpf.h"
#include "core.bpf.h"
#include "writeback_devices.bpf.h"
#include "writeback_waits.bpf.h"

const volatile __u64 ts_writeback_jiffy_ns = 0;
/* The tracepoint has the five thresholds among its arguments, which moves pause back by four. */
const volatile bool ts_writeback_has_thresholds = false;

SEC("tp_btf/balance_dirty_pages")
int ts_balance_dirty_pages(__u64 *context)
{
	const struct bdi_writeback *writeback = (void *)context[0];
	__u32 number = bpf_get_smp_processor_id(), slot;
	struct ts_writeback_cpu *cpu;
	long pause;
	__u64 ns;

	if (ts_writeback_has_thresholds) {
		pause = context[10];
		ts_opaque(pause); /* one load at either offset is refused by older verifiers */
	} else {
		pause = context[6];
	}
	if (pause <= 0)
		return 0;
	cpu = bpf_map_lookup_elem(&ts_writeback_cpus, &number);
	if (!cpu)
		return 0;
	ns = pause * ts_writeback_jiffy_ns;
	/* Not writeback->bdi, for the same reason as in tcp.bpf.c, netns_of. */
	slot = device_slot(BPF_CORE_READ(writeback, bdi));
	if (slot > TS_WRITEBACK_OTHER)
		return 0;
	ts_histogram_count_keyed(&cpu->pause[slot], ts_histogram_slot_ns(ns), ns);
	ts_blame(slot, ns);
	return 0;
}

/* ---- fsync */

SEC("?raw_tp/ext4_sync_file_enter")
int ts_fsync_begins(struct bpf_raw_tracepoint_args *context)
{
	const struct file *file = (void *)context->args[0];
	const struct inode *inode = BPF_CORE_READ(file, f_inode);
	__u64 bdi = (__u64)BPF_CORE_READ(writeback_of(inode), bdi);
	__u64 pile = look(bdi);
	__u32 thread = bpf_get_current_pid_tgid();
	struct ts_writeback_fsync fsync = {
		.dirty = ts_writeback_pages(bdi, WB_RECLAIMABLE),
	};

	fsync.age_ns = waited_ns(pile, fsync.dirty);
	fsync.ns = bpf_ktime_get_ns();
	bpf_map_update_elem(&ts_writeback_fsyncs, &thread, &fsync, BPF_ANY);
	return 0;
}

SEC("?raw_tp/ext4_sync_file_exit")
int ts_fsync_ends(struct bpf_raw_tracepoint_args *context)
{
	const struct inode *inode = (void *)context->args[0];
	__u32 thread = bpf_get_current_pid_tgid(), number = bpf_get_smp_processor_id(), slot;
	struct ts_writeback_fsync *fsync = bpf_map_lookup_elem(&ts_writeback_fsyncs, &thread);
	struct ts_writeback_cpu *cpu = bpf_map_lookup_elem(&ts_writeback_cpus, &number);
	const struct backing_dev_info *bdi;
	__s64 cleaned;
	__u64 ns;

	if (!fsync || !cpu)
		return 0;
	ns = bpf_ktime_get_ns() - fsync->ns;
	bdi = BPF_CORE_READ(writeback_of(inode), bdi);
	slot = device_slot(bdi);
	if (slot > TS_WRITEBACK_OTHER)
		return 0;
	cleaned = fsync->dirty - ts_writeback_pages((__u64)bdi, WB_RECLAIMABLE);
	ts_histogram_count_keyed(&cpu->fsync[slot], ts_histogram_slot_ns(ns), ns);
	cpu->overdue_ns[slot] += ns < fsync->age_ns ? ns : fsync->age_ns;
	cpu->cleaned_pages[slot] += cleaned > 0 ? cleaned : 0;
	bpf_map_delete_elem(&ts_writeback_fsyncs, &thread);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
