// SPDX-License-Identifier: GPL-2.0-only
/* The compiled index functions, run on values that a test puts into memory (BPF_PROG_RUN). */
#include "vmlinux.h"
#include "core.bpf.h"

#include "histogram_index.h"

struct histogram_index_batch batch;
__u64 single_value;
__u32 single_slot;

SEC("socket")
int index_batch(struct __sk_buff *context)
{
	for (int i = 0; i < HISTOGRAM_INDEX_BATCH; i++) {
		__u64 value = batch.value[i];
		__u32 ns = ts_histogram_slot_ns(value), bytes = ts_histogram_slot_bytes(value);

		batch.ns_global[i] = ns;
		batch.ns_keyed[i] = ts_histogram_slot_keyed(ns);
		batch.bytes_global[i] = bytes;
		batch.bytes_keyed[i] = ts_histogram_slot_keyed(bytes);
	}
	return 0;
}

/* One index and nothing else: the test counts the conditional jumps in their instructions. */
SEC("socket")
int index_ns(struct __sk_buff *context)
{
	single_slot = ts_histogram_slot_ns(single_value);
	return 0;
}

SEC("socket")
int index_bytes(struct __sk_buff *context)
{
	single_slot = ts_histogram_slot_bytes(single_value);
	return 0;
}

/* The counting functions: the totals beside the slots. */
struct ts_histogram_global counted_global;
struct ts_histogram_keyed counted_keyed;

SEC("socket")
int count_batch(struct __sk_buff *context)
{
	for (int i = 0; i < HISTOGRAM_INDEX_BATCH; i++) {
		__u64 value = batch.value[i];
		__u32 slot = ts_histogram_slot_ns(value);

		ts_histogram_count_global(&counted_global, slot, value);
		ts_histogram_count_keyed(&counted_keyed, slot, value);
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
