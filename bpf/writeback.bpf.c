// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty-page throttling: the pauses balance_dirty_pages puts writers into. The tracepoint fires
 * before each of them; with a pause of zero or less the kernel has decided not to sleep. And the
 * time fsync() takes, with what was dirty when it was called and for how long that had been.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include <tunescope/writeback.h>
#include "atomic.bpf.h"
#include "blame.bpf.h"
#include "core.bpf.h"

const volatile __u64 ts_writeback_jiffy_ns = 0;
/* The tracepoint has the five thresholds among its arguments, which moves pause back by four. */
const volatile bool ts_writeback_has_thresholds = false;

struct ts_writeback_device ts_writeback_devices[TS_WRITEBACK_DEVICES] = {0};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* possible CPUs, set before loading */
	__type(key, __u32);
	__type(value, struct ts_writeback_cpu);
} ts_writeback_cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TS_WRITEBACK_FSYNCS);
	__type(key, __u32); /* thread */
	__type(value, struct ts_writeback_fsync);
} ts_writeback_fsyncs SEC(".maps");

static __always_inline __u32 device_slot(const struct backing_dev_info *bdi)
{
	__u64 key = BPF_CORE_READ(bdi, id) + 1;

	/* To the end: the places of others that have been given back leave gaps before its own. */
	for (__u32 i = 0; i < TS_WRITEBACK_DEVICES; i++) {
		__u32 slot = (key + i) & (TS_WRITEBACK_DEVICES - 1);

		if (ts_writeback_devices[slot].key == key)
			return slot;
	}
	for (__u32 i = 0; i < TS_WRITEBACK_DEVICES; i++) {
		__u32 slot = (key + i) & (TS_WRITEBACK_DEVICES - 1);
		struct ts_writeback_device *device = &ts_writeback_devices[slot];
		__u64 seen = device->key;

		if (!seen) {
			seen = ts_compare_and_swap(&device->key, 0, key, slot);
			if (ts_is_busy(seen))
				break;
			if (!seen) {
				bpf_probe_read_kernel_str(device->name, sizeof device->name,
							  BPF_CORE_READ(bdi, dev_name));
				return slot;
			}
		}
		if (seen == key)
			return slot;
	}
	return TS_WRITEBACK_OTHER;
}

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

static __always_inline struct bdi_writeback *writeback_of(const struct inode *inode)
{
	struct bdi_writeback *writeback = NULL;

	/* That of the inode's cgroup, where these have their own. */
	if (bpf_core_field_exists(inode->i_wb))
		writeback = BPF_CORE_READ(inode, i_wb);
	if (!writeback) {
		struct backing_dev_info *bdi = BPF_CORE_READ(inode, i_sb, s_bdi);

		writeback = (void *)bdi + bpf_core_field_offset(struct backing_dev_info, wb);
	}
	return writeback;
}

/* Pages that are dirty and not being written; each CPU may hold back a few. */
static __always_inline __s64 dirty_pages(const struct bdi_writeback *writeback)
{
	return BPF_CORE_READ(writeback, stat[WB_RECLAIMABLE].count);
}

static __always_inline __u64 age_ns(__u64 dirtied_when)
{
	__u64 jiffies = bpf_jiffies64();

	return dirtied_when && dirtied_when < jiffies
		       ? (jiffies - dirtied_when) * ts_writeback_jiffy_ns
		       : 0;
}

/* Since when the file, or the one that is last in the list of dirty ones, has waited to
 * be written.
 */
static __always_inline __u64 oldest_ns(const struct inode *inode,
				       const struct bdi_writeback *writeback)
{
	const struct list_head *last = BPF_CORE_READ(writeback, b_dirty.prev);
	__u64 age = age_ns(BPF_CORE_READ(inode, dirtied_when)), oldest;

	if (last == (const void *)writeback + bpf_core_field_offset(struct bdi_writeback, b_dirty))
		return age;
	inode = (const void *)last - bpf_core_field_offset(struct inode, i_io_list);
	oldest = age_ns(BPF_CORE_READ(inode, dirtied_when));
	return oldest > age ? oldest : age;
}

SEC("?raw_tp/ext4_sync_file_enter")
int ts_fsync_begins(struct bpf_raw_tracepoint_args *context)
{
	const struct file *file = (void *)context->args[0];
	const struct inode *inode = BPF_CORE_READ(file, f_inode);
	const struct bdi_writeback *writeback = writeback_of(inode);
	struct ts_writeback_fsync fsync = {
		.dirty = dirty_pages(writeback),
		.age_ns = oldest_ns(inode, writeback),
	};
	__u32 thread = bpf_get_current_pid_tgid();

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
	const struct bdi_writeback *writeback;
	__s64 cleaned;
	__u64 ns;

	if (!fsync || !cpu)
		return 0;
	ns = bpf_ktime_get_ns() - fsync->ns;
	writeback = writeback_of(inode);
	slot = device_slot(BPF_CORE_READ(writeback, bdi));
	if (slot > TS_WRITEBACK_OTHER)
		return 0;
	cleaned = fsync->dirty - dirty_pages(writeback);
	ts_histogram_count_keyed(&cpu->fsync[slot], ts_histogram_slot_ns(ns), ns);
	cpu->overdue_ns[slot] += ns < fsync->age_ns ? ns : fsync->age_ns;
	cpu->cleaned_pages[slot] += cleaned > 0 ? cleaned : 0;
	bpf_map_delete_elem(&ts_writeback_fsyncs, &thread);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
