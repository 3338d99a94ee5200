// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inodes marked dirty on file systems that note every access: because they were read, or for
 * another reason. It is attached only where such a file system is mounted.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <tunescope/atime.h>
#include "compat.bpf.h"

/* I_DIRTY_SYNC, whatever bit that is: times alone. For the rest there are several at once. */
static __always_inline bool is_one_bit(__u32 flags)
{
	return !(flags & (flags - 1));
}

/* super_block.s_dev of those that are watched; 0: no more of them */
const volatile __u32 ts_atime_devices[TS_ATIME_DEVICES] = {0};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, TS_ATIME_DEVICES);
	__type(key, __u32);
	__type(value, struct ts_atime_row);
} ts_atime_rows SEC(".maps");

SEC("tp_btf/writeback_mark_inode_dirty")
int BPF_PROG(ts_inode_dirtied, const struct inode *inode, int flags)
{
	__u32 device = inode->i_sb->s_dev;

	for (__u32 i = 0; i < TS_ATIME_DEVICES && ts_atime_devices[i]; i++) {
		struct ts_atime_row *row;

		if (ts_atime_devices[i] != device)
			continue;
		row = bpf_map_lookup_elem(&ts_atime_rows, &i);
		if (!row)
			return 0;
		if (is_one_bit(flags) && ts_inode_read_since_written(inode))
			__sync_fetch_and_add(&row->read, 1);
		else
			__sync_fetch_and_add(&row->other, 1);
		return 0;
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
