// SPDX-License-Identifier: GPL-2.0-only
/*
 * Block requests: latency in the queue and in the device, size, sequential share, errors, and how
 * many others were in flight.
 *
 * The times are those the kernel keeps in the request, where it does keep them; they are read once,
 * at completion. What is only known at issue waits in a small table, found by the request's
 * address. A request counts when it is complete, once, however many pieces it completed in and
 * however often it was issued; one that was not seen to be issued does not count (it was in flight
 * when tunescope started, or it is the empty end of a flush sequence, of which the flush itself was
 * counted).
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include <tunescope/block.h>
#include "compat.bpf.h"
#include "core.bpf.h"

#define ONE_WRITE (1ULL << 32)

/* Set by user space from the kernel's BTF: the flags are enumerators without a type's name. */
const volatile __u64 ts_block_queue_stats = 0;	   /* the queue keeps io_start_time_ns */
const volatile __u32 ts_block_request_stats = 0;   /* io_start_time_ns of the request is valid */
const volatile __u32 ts_block_request_account = 0; /* start_time_ns of the request is valid */
const volatile bool ts_block_issue_has_queue = false;
const volatile __u8 ts_block_ops[TS_BLOCK_KERNEL_OPS] = {0}; /* REQ_OP_… to enum ts_block_op */
const volatile __u32 ts_block_cells_per_cpu = TS_BLOCK_OPS;

struct ts_block_device ts_block_devices[TS_BLOCK_DEVICES + 1] = {0};
char ts_block_names[TS_BLOCK_DEVICES][TS_BLOCK_NAME_SIZE] = {0};
__u32 ts_block_cells_used = TS_BLOCK_OPS;
__u64 ts_block_lost = 0; /* requests whose stamp was overwritten */

struct ts_block_stamp_set ts_block_stamps[1 << TS_BLOCK_STAMP_SET_BITS] = {0};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries,
	       TS_BLOCK_OPS); /* cells per CPU times possible CPUs, set before loading */
	__type(key, __u32);
	__type(value, struct ts_block_cell);
} ts_block_cells SEC(".maps");

static __always_inline struct ts_block_cell *this_cpu_cell(__u32 number)
{
	__u32 index = bpf_get_smp_processor_id() * ts_block_cells_per_cpu + number;

	return bpf_map_lookup_elem(&ts_block_cells, &index);
}

/* To the verifier an address is no number, but the distance between two is. */
static __always_inline struct ts_block_stamp_set *stamp_set(const struct request *request)
{
	__u64 distance = (__u64)request - (__u64)ts_block_devices;

	ts_opaque(distance);
	return &ts_block_stamps[(distance * 0x9e3779b97f4a7c15ULL) >>
				(64 - TS_BLOCK_STAMP_SET_BITS)];
}

static __always_inline __u32 class_of(__u32 requests)
{
	__u64 class;

	if (requests < 2)
		return requests;
	class = ts_log2(requests - 1) + 2;
	return class < TS_BLOCK_CLASSES ? class : TS_BLOCK_CLASSES - 1;
}

static __always_inline __u64 in_flight_step(__u32 op)
{
	return op == TS_BLOCK_WRITE ? ONE_WRITE : 1;
}

/* Slots are compared with a bound only for the verifier. */
static __always_inline struct ts_block_device *device_at(__u32 slot)
{
	return &ts_block_devices[slot <= TS_BLOCK_OTHER_DEVICE ? slot : TS_BLOCK_OTHER_DEVICE];
}

/* The device is not in the slot it hashes to: it is in the next free one, or new. */
static __noinline __u32 find_or_add_device(__u64 key, __u32 first, const struct gendisk *disk)
{
	for (__u32 i = 0; i < TS_BLOCK_DEVICES; i++) {
		__u32 slot = (first + i) & (TS_BLOCK_DEVICES - 1);
		__u64 seen = ts_block_devices[slot].key;

		if (!seen) {
			seen = __sync_val_compare_and_swap(&ts_block_devices[slot].key, 0, key);
			if (!seen) {
				bpf_probe_read_kernel_str(ts_block_names[slot], TS_BLOCK_NAME_SIZE,
							  disk->disk_name);
				return slot;
			}
		}
		if (seen == key)
			return slot;
	}
	return TS_BLOCK_OTHER_DEVICE;
}

static __always_inline __u32 device_slot(const struct gendisk *disk)
{
	__u32 number = (__u32)disk->major << 20 | (__u32)disk->first_minor;
	__u32 first = (number * 0x9e3779b1U) >> 27;
	__u64 key = (__u64)number + 1;

	if (ts_block_devices[first & (TS_BLOCK_DEVICES - 1)].key == key)
		return first & (TS_BLOCK_DEVICES - 1);
	return find_or_add_device(key, first, disk);
}

/* The first request of its kind on this device. Without a free cell it counts among the others. */
static __noinline __u32 add_cell(__u32 slot, __u32 op)
{
	__u32 number, seen;

	if (slot >= TS_BLOCK_DEVICES || op >= TS_BLOCK_OPS)
		return op;
	if (ts_block_cells_used >= ts_block_cells_per_cpu)
		number = op;
	else
		number = __sync_fetch_and_add(&ts_block_cells_used, 1);
	if (number >= ts_block_cells_per_cpu)
		number = op;
	seen = __sync_val_compare_and_swap(&ts_block_devices[slot].cell[op], 0, number + 1);
	return seen ? seen - 1 : number;
}

/*
 * No way is free: takes the one of a request that is then lost, as one that completed unseen would
 * otherwise stay for ever.
 */
static __noinline __u32 evict(struct ts_block_stamp_set *set, __u64 request)
{
	__u32 way = bpf_get_prandom_u32() & (TS_BLOCK_STAMP_WAYS - 1);
	struct ts_block_stamp *stamp;

	if (!set)
		return 0;
	stamp = &set->stamp[way];
	__sync_fetch_and_add(&ts_block_lost, 1);
	__sync_fetch_and_add(&device_at(stamp->device)->in_flight, -in_flight_step(stamp->op));
	set->request[way] = request;
	return way;
}

/*
 * The way of a request that is being issued. *again: it had been issued before and is still the
 * same request, given back by the driver or completed in part.
 */
static __always_inline __u32 claim(struct ts_block_stamp_set *set, __u64 request, bool *again)
{
#pragma unroll
	for (__u32 way = 0; way < TS_BLOCK_STAMP_WAYS; way++)
		if (set->request[way] == request) {
			*again = true;
			return way;
		}
	*again = false;
#pragma unroll
	for (__u32 way = 0; way < TS_BLOCK_STAMP_WAYS; way++)
		if (!set->request[way] &&
		    !__sync_val_compare_and_swap(&set->request[way], 0, request))
			return way;
	return evict(set, request);
}

static __always_inline void record(struct ts_histogram_keyed *histogram, __u64 ns)
{
	ts_histogram_count_keyed(histogram, ts_histogram_slot_ns(ns), ns);
}

static __always_inline __u64 elapsed(__u64 later, __u64 earlier)
{
	return later > earlier ? later - earlier : 0;
}

static __always_inline void count(const struct request *request, const struct ts_block_stamp *stamp,
				  bool failed)
{
	struct ts_block_cell *cell = this_cpu_cell(stamp->cell);
	__u64 now = bpf_ktime_get_ns(), issued = stamp->issued, device;
	__u32 flags = request->rq_flags;
	struct ts_block_class *class;

	if (!cell)
		return;
	if (flags & ts_block_request_stats)
		issued = request->io_start_time_ns;
	if (!issued) {
		__sync_fetch_and_add(&ts_block_lost, 1);
		return;
	}
	device = elapsed(now, issued);
	record(&cell->device, device);
	/* A flush is not accounted, but its start is always noted (blk_rq_init). */
	if (flags & ts_block_request_account || stamp->op == TS_BLOCK_FLUSH) {
		__u64 queue = elapsed(issued, request->start_time_ns);

		record(&cell->queue, queue);
		record(&cell->total, queue + device);
	}
	ts_histogram_count_keyed(&cell->size, ts_histogram_slot_bytes(stamp->bytes), stamp->bytes);
	cell->sequential += stamp->sequential;
	cell->errors += failed;
	class = &cell->depth[stamp->depth & (TS_BLOCK_CLASSES - 1)];
	class->requests++;
	class->ns += device;
	if (stamp->op == TS_BLOCK_READ) {
		class = &cell->beside[stamp->beside & (TS_BLOCK_CLASSES - 1)];
		class->requests++;
		class->ns += device;
	}
}

/* First in this file: it is attached before any request can be seen to be issued. */
SEC("tp_btf/block_rq_complete")
int BPF_PROG(block_rq_complete, struct request *request, int error, unsigned int bytes)
{
	struct ts_block_stamp_set *set = stamp_set(request);
	struct ts_block_stamp *stamp;
	__u32 way;

	if (bytes < request->__data_len)
		return 0; /* more is to come */
	if (set->request[0] == (__u64)request)
		way = 0;
	else if (set->request[1] == (__u64)request)
		way = 1;
	else if (set->request[2] == (__u64)request)
		way = 2;
	else if (set->request[3] == (__u64)request)
		way = 3;
	else
		return 0;
	stamp = &set->stamp[way];
	__sync_fetch_and_add(&device_at(stamp->device)->in_flight, -in_flight_step(stamp->op));
	count(request, stamp, error);
	set->request[way] = 0;
	return 0;
}

SEC("tp_btf/block_rq_issue")
int block_rq_issue(__u64 *context)
{
	struct request *request;
	const struct gendisk *disk;
	struct ts_block_stamp_set *set;
	struct ts_block_stamp *stamp;
	struct ts_block_device *device;
	struct ts_block_cell *cell;
	__u32 kernel_op, op, slot, number, way;
	__u64 in_flight, issued;
	bool again;

	/* 5.11 dropped the queue from the arguments (a54895fa057c). */
	if (ts_block_issue_has_queue) {
		request = (void *)context[1];
		ts_opaque(request); /* one load with a variable offset is refused by older verifiers
				     */
	} else {
		request = (void *)context[0];
	}
	disk = ts_request_disk(request);
	if (!disk)
		return 0; /* a command to a controller */

	kernel_op = request->cmd_flags & (TS_BLOCK_KERNEL_OPS - 1);
	op = ts_block_ops[kernel_op];
	if (op >= TS_BLOCK_OPS)
		return 0;
	issued = 0;
	if (!(request->q->queue_flags & ts_block_queue_stats) ||
	    kernel_op >= TS_BLOCK_PASSTHROUGH_OP)
		issued = bpf_ktime_get_ns();

	set = stamp_set(request);
	way = claim(set, (__u64)request, &again) & (TS_BLOCK_STAMP_WAYS - 1);
	stamp = &set->stamp[way];
	stamp->issued = issued;
	slot = device_slot(disk);
	if (again) {
		if (stamp->device == slot && stamp->op == op)
			return 0;
		/* It completed unseen, and the memory belongs to another request by now. */
		__sync_fetch_and_add(&device_at(stamp->device)->in_flight,
				     -in_flight_step(stamp->op));
	}

	device = device_at(slot);
	__sync_fetch_and_add(&device->in_flight, in_flight_step(op));
	in_flight = *(volatile __u64 *)&device->in_flight;
	number = device->cell[op];
	number = number ? number - 1 : add_cell(slot, op);
	stamp->bytes = request->__data_len;
	stamp->device = slot;
	stamp->op = op;
	stamp->cell = number;
	stamp->depth = class_of((__u32)in_flight + (__u32)(in_flight >> 32));
	stamp->beside = class_of(in_flight >> 32);
	cell = this_cpu_cell(number);
	if (!cell)
		return 0;
	stamp->sequential = request->__sector == cell->next_sector;
	cell->next_sector = request->__sector + (stamp->bytes >> 9);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
