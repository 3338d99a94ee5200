/* SPDX-License-Identifier: GPL-2.0-only */
/* What is counted for each device that is written to, and which device that is. */
#ifndef TUNESCOPE_WRITEBACK_DEVICES_BPF_H
#define TUNESCOPE_WRITEBACK_DEVICES_BPF_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <tunescope/writeback.h>
#include "atomic.bpf.h"

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

#endif
