// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty-page throttling: the pauses balance_dirty_pages puts writers into. The tracepoint fires
 * before each of them; with a pause of zero or less the kernel has decided not to sleep.
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
			if (seen == TS_BUSY)
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

char LICENSE[] SEC("license") = "GPL";
