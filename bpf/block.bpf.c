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
#include "atomic.bpf.h"
#include "compat.bpf.h"
#include "core.bpf.h"

#define NEW_DEVICE 0x8000 /* of a slot: its name is missing */

/* Set by user space from the kernel's BTF: the flags are enumerators without a type's name. */
const volatile __u64 ts_block_queue_stats = 0;	   /* the queue keeps io_start_time_ns */
const volatile __u32 ts_block_request_stats = 0;   /* io_start_time_ns of the request is valid */
const volatile __u32 ts_block_request_account = 0; /* start_time_ns of the request is valid */
const volatile __u32 ts_block_request_ahead = 0;   /* of cmd_flags: read into the page cache */
const volatile bool ts_block_issue_has_queue = false;
const volatile bool ts_block_split_has_queue = false;
const volatile __u8 ts_block_ops[TS_BLOCK_KERNEL_OPS] = {0}; /* REQ_OP_… to enum ts_block_op */
/* Slots (scale 3) of 0, 1, 2, … sectors. */
const volatile __u8 ts_block_sector_slots[TS_BLOCK_SECTORS_KNOWN] = {0};
const volatile __u32 ts_block_cells_per_cpu = TS_BLOCK_OPS;

struct ts_block_device ts_block_devices[TS_BLOCK_DEVICES + 1] = {0};
char ts_block_names[TS_BLOCK_DEVICES][TS_BLOCK_NAME_SIZE] = {0};
__u32 ts_block_cells_used = TS_BLOCK_OPS;
__u64 ts_block_lost = 0; /* requests whose stamp was overwritten */

/* By CPU: the device of the request issued last. Mostly that is also the one to complete next. */
struct ts_block_latest ts_block_latest[TS_BLOCK_LATEST] = {0};

#define SETS (1 << TS_BLOCK_STAMP_SET_BITS)
struct ts_block_stamp_set ts_block_stamps[SETS] = {0};
/* Time of issue of each, as near_issued. */
__u64 ts_block_issued[SETS][TS_BLOCK_STAMP_WAYS] = {0};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries,
	       TS_BLOCK_OPS); /* cells per CPU times possible CPUs, set before loading */
	__type(key, __u32);
	__type(value, struct ts_block_cell);
} ts_block_cells SEC(".maps");

static __always_inline struct ts_block_latest *latest(void)
{
	return &ts_block_latest[bpf_get_smp_processor_id() & (TS_BLOCK_LATEST - 1)];
}

static __always_inline struct ts_block_cell *this_cpu_cell(__u32 number)
{
	__u32 index = bpf_get_smp_processor_id() * ts_block_cells_per_cpu + number;

	return bpf_map_lookup_elem(&ts_block_cells, &index);
}

/*
 * Number of the set of a request. To the verifier an address is no number, but the distance between
 * two is.
 */
static __always_inline __u32 set_number(const struct request *request)
{
	__u64 distance = (__u64)request - (__u64)ts_block_devices;

	ts_opaque(distance);
	return (distance * 0x9e3779b97f4a7c15ULL) >> (64 - TS_BLOCK_STAMP_SET_BITS);
}

static __always_inline __u32 class_of(__u32 requests)
{
	__u64 class;

	if (requests < 2)
		return requests;
	class = ts_log2(requests - 1) + 2;
	return class < TS_BLOCK_CLASSES ? class : TS_BLOCK_CLASSES - 1;
}

/*
 * Slots are compared with a bound only for the verifier: in the very register that is then used, as
 * before 6.4 it does not know that a copy of a 32-bit number has the same bounds (3be49f79555e,
 * "bpf: Improve verifier u32 scalar equality checking").
 */
static __always_inline __u64 bounded(__u64 slot)
{
	asm volatile("if %0 < %1 goto +1\n%0 = %1" : "+r"(slot) : "i"(TS_BLOCK_OTHER_DEVICE));
	return slot;
}

static __always_inline struct ts_block_device *device_at(__u64 slot)
{
	return &ts_block_devices[bounded(slot)];
}

/*
 * The rare cases are functions of numbers only, and not static: the verifier goes through them once
 * for each program, not once for each path to them.
 */

/* The device is not in the slot it hashes to: it is in the next free one, or new. */
__noinline __u32 ts_block_find_or_add_device(__u64 key, __u32 first)
{
	/* To the end: the places of others that have been given back leave gaps before its own. */
	for (__u32 i = 0; i < TS_BLOCK_DEVICES; i++) {
		__u32 slot = (first + i) & (TS_BLOCK_DEVICES - 1);

		if (ts_block_devices[slot].key == key)
			return slot;
	}
	for (__u32 i = 0; i < TS_BLOCK_DEVICES; i++) {
		__u32 slot = (first + i) & (TS_BLOCK_DEVICES - 1);
		__u64 seen = ts_block_devices[slot].key;

		if (!seen) {
			seen = ts_compare_and_swap(&ts_block_devices[slot].key, 0, key, slot);
			if (!seen)
				return slot | NEW_DEVICE;
			if (ts_is_busy(seen))
				break;
		}
		if (seen == key)
			return slot;
	}
	return TS_BLOCK_OTHER_DEVICE;
}

static __always_inline __u32 slot_of_number(__u32 number, const char *name)
{
	__u32 first = (number * 0x9e3779b1U) >> 27;
	__u64 key = (__u64)number + 1;
	__u32 slot;

	if (ts_block_devices[first & (TS_BLOCK_DEVICES - 1)].key == key)
		return first & (TS_BLOCK_DEVICES - 1);
	slot = ts_block_find_or_add_device(key, first);
	if (slot & NEW_DEVICE) {
		slot &= TS_BLOCK_DEVICES - 1;
		bpf_probe_read_kernel_str(ts_block_names[slot], TS_BLOCK_NAME_SIZE, name);
	}
	return slot;
}

static __always_inline __u32 device_slot(const struct gendisk *disk)
{
	return slot_of_number((__u32)disk->major << 20 | (__u32)disk->first_minor, disk->disk_name);
}

/* The first request of its kind on this device. Without a free cell it counts among the others. */
__noinline __u32 ts_block_add_cell(__u32 slot, __u32 op)
{
	__u64 seen, cells, number = op;

	if (slot >= TS_BLOCK_DEVICES || op >= TS_BLOCK_OPS)
		return op;
	if (ts_block_cells_used < ts_block_cells_per_cpu)
		number = ts_fetch_and_add_32(&ts_block_cells_used, 1, TS_BLOCK_DEVICES);
	if (ts_is_busy(number))
		return op; /* only this request: the next one finds a cell */
	if (number >= ts_block_cells_per_cpu)
		number = op;
	seen = ts_block_devices[slot].cells;
	for (int attempt = 0; attempt < TS_BLOCK_OPS; attempt++) {
		if (TS_BLOCK_CELL(seen, op))
			return TS_BLOCK_CELL(seen, op) - 1;
		cells = ts_compare_and_swap(&ts_block_devices[slot].cells, seen,
					    seen | (number + 1) << (8 * op), slot);
		if (cells == seen)
			return number;
		if (!ts_is_busy(cells))
			seen = cells;
	}
	return op;
}

/* The way of a request in its set; TS_BLOCK_STAMP_WAYS: it is not there. */
static __always_inline __u32 find_way(const struct ts_block_stamp_set *set, __u64 request)
{
	if (set->request[0] == request)
		return 0;
	if (set->request[1] == request)
		return 1;
	if (set->request[2] == request)
		return 2;
	if (set->request[3] == request)
		return 3;
	return TS_BLOCK_STAMP_WAYS;
}

/*
 * No way is free: takes the one of a request that is then lost, as one that completed unseen would
 * otherwise stay for ever.
 */
__noinline __u32 ts_block_evict(__u32 number)
{
	struct ts_block_stamp_set *set = &ts_block_stamps[number & (SETS - 1)];
	__u32 way = bpf_get_prandom_u32() & (TS_BLOCK_STAMP_WAYS - 1);
	struct ts_block_stamp stamp;

	if (!set->request[way])
		return way; /* it has completed meanwhile */
	stamp = set->stamp[way];
	__sync_fetch_and_add(&ts_block_lost, 1);
	__sync_fetch_and_add(&device_at(stamp.device)->in_flight, -TS_BLOCK_IN_FLIGHT(stamp.op));
	return way;
}

/* TS_BLOCK_STAMP_WAYS: there may be a free one, which cannot be claimed now. */
static __always_inline __u32 claim_way(__u32 number, __u64 request)
{
	struct ts_block_stamp_set *set = &ts_block_stamps[number];
	bool busy = false;
	__u32 evicted;
	__u64 found;

#pragma unroll
	for (__u32 way = 0; way < TS_BLOCK_STAMP_WAYS; way++) {
		if (set->request[way])
			continue;
		found = ts_compare_and_swap(&set->request[way], 0, request, number);
		if (!found)
			return way;
		busy |= ts_is_busy(found);
	}
	if (busy)
		return TS_BLOCK_STAMP_WAYS;
	evicted = ts_block_evict(number) & (TS_BLOCK_STAMP_WAYS - 1);
	set->request[evicted] = request;
	return evicted;
}

/*
 * The request had been issued before and has not completed: the driver gave it back, or it was
 * completed in part. It stays what it is and only starts anew. Nothing of it is in the table when
 * nothing but the near request is in flight.
 */
static __always_inline bool issued_again(struct ts_block_device *device, __u32 slot,
					 const struct request *request, __u64 others, __u64 issued)
{
	__u64 near = device->near;
	__u32 number, way;

	if (near == (__u64)request) {
		device->near_issued = issued;
		return true;
	}
	if ((__u32)others + (others >> 32) <= (near != 0))
		return false;
	number = set_number(request);
	way = find_way(&ts_block_stamps[number], (__u64)request);
	if (way >= TS_BLOCK_STAMP_WAYS)
		return false;
	if (ts_block_stamps[number].stamp[way].device != slot) {
		/* That one completed unseen, and its memory belongs to another device by now. */
		struct ts_block_stamp stamp = ts_block_stamps[number].stamp[way];

		ts_block_stamps[number].request[way] = 0;
		__sync_fetch_and_add(&device_at(stamp.device)->in_flight,
				     -TS_BLOCK_IN_FLIGHT(stamp.op));
		return false;
	}
	ts_block_issued[number][way] = issued;
	return true;
}

static __always_inline __u64 elapsed(__u64 later, __u64 earlier)
{
	return later > earlier ? later - earlier : 0;
}

static __always_inline __u32 slot_of_ns(__u64 ns)
{
	return ts_histogram_slot_keyed(ts_histogram_slot_ns(ns));
}

static __always_inline __u32 slot_of_bytes(__u32 bytes)
{
	__u32 sectors = bytes >> 9;

	if (!(bytes & 511) && sectors < TS_BLOCK_SECTORS_KNOWN) {
		ts_opaque(sectors); /* the two tests become one, in which no bound can be seen */
		return ts_block_sector_slots[sectors & (TS_BLOCK_SECTORS_KNOWN - 1)];
	}
	return ts_histogram_slot_keyed(ts_histogram_slot_bytes(bytes));
}

static __always_inline void record(struct ts_block_cell *cell, enum ts_block_measure measure,
				   __u32 slot, __u64 value)
{
	ts_opaque(slot); /* the verifier must see the bound checked on this very number */
	if (slot >= TS_HISTOGRAM_SLOTS_KEYED)
		return;
	cell->slot[measure][slot]++;
	cell->total[measure].sum += value;
	if (value > cell->total[measure].max)
		cell->total[measure].max = value;
}

static __always_inline void record_class(struct ts_block_class *class, __u32 number, __u64 ns)
{
	class += number & (TS_BLOCK_CLASSES - 1);
	class->requests++;
	class->ns += ns;
}

static __always_inline void count(const struct request *request, struct ts_block_stamp stamp,
				  __u64 issued, bool failed)
{
	struct ts_block_cell *cell = this_cpu_cell(stamp.cell);
	__u64 now = bpf_ktime_get_ns(), device, queue = 0;
	bool accounted;

	if (!cell)
		return;
	device = elapsed(now, issued);
	/* A flush is not accounted, but its start is always noted (blk_rq_init). */
	accounted = request->rq_flags & ts_block_request_account || stamp.op == TS_BLOCK_FLUSH;
	if (accounted)
		queue = elapsed(issued, request->start_time_ns);
	if (accounted && !queue) {
		record(cell, TS_BLOCK_DIRECT, slot_of_ns(device), device);
	} else {
		record(cell, TS_BLOCK_DEVICE, slot_of_ns(device), device);
		if (accounted) {
			record(cell, TS_BLOCK_QUEUE, slot_of_ns(queue), queue);
			record(cell, TS_BLOCK_TOTAL, slot_of_ns(queue + device), queue + device);
		}
	}
	record(cell, TS_BLOCK_SIZE, slot_of_bytes(stamp.bytes), stamp.bytes);
	cell->sequential += stamp.sequential;
	if (failed)
		cell->errors++;
	if (stamp.ahead) {
		cell->ahead++;
		cell->ahead_sequential += stamp.sequential;
		cell->ahead_bytes += stamp.bytes;
	}
	record_class(cell->depth, TS_BLOCK_DEPTH(stamp.depth), device);
	if (stamp.op == TS_BLOCK_READ && stamp.beside)
		record_class(cell->beside, stamp.beside, device);
}

/*
 * Does the request start where one before it ended? One stream may move from CPU to CPU, and
 * several may run beside each other on different ones: either the last on the device or on this CPU
 * will do.
 */
static __always_inline bool follows(struct ts_block_device *device, struct ts_block_cell *cell,
				    __u32 op, __u64 sector, __u64 sectors)
{
	bool sequential = sector == cell->next_sector;

	cell->next_sector = sector + sectors;
	if (op <= TS_BLOCK_WRITE) {
		sequential |= sector == device->next_sector[op];
		device->next_sector[op] = sector + sectors;
	}
	return sequential;
}

/*
 * Whether the request is the near one, as which it is then entered. Who was told that nobody else
 * is in flight is the only one that was, until it has completed.
 */
static __always_inline bool take_near(struct ts_block_device *device, __u64 others, __u64 request,
				      __u32 slot)
{
	/* A device that has a place when its request completes is not among the others then. */
	if (device->near || slot == TS_BLOCK_OTHER_DEVICE)
		return false;
#ifdef TS_WITHOUT_FETCH
	return !ts_compare_and_swap(&device->near, 0, request, slot);
#else
	if (others)
		return false;
	device->near = request;
	return true;
#endif
}

/* With a barrier: whoever finds nobody in flight finds the near place free. */
static __always_inline void leave(struct ts_block_device *device, __u32 op)
{
	__u64 before = ts_fetch_and_add(&device->in_flight, -TS_BLOCK_IN_FLIGHT(op));

	ts_opaque(before);
}

/* Ends being the near request of the device, if the request is that. */
static __always_inline bool give_near_back(struct ts_block_device *device,
					   const struct request *request,
					   struct ts_block_stamp *stamp, __u64 *issued)
{
	if (device->near != (__u64)request)
		return false;
	*stamp = device->near_stamp;
	*issued = device->near_issued;
	device->near = 0;
	return true;
}

/* Takes a request out of the tables that is not the near one of the device seen last. */
static __always_inline struct ts_block_device *forget(const struct request *request,
						      struct ts_block_stamp *stamp, __u64 *issued)
{
	const struct gendisk *disk = ts_request_disk(request, request->q);
	struct ts_block_device *device;
	struct ts_block_stamp_set *set;
	__u32 number, way;

	if (!disk)
		return NULL;
	device = device_at(device_slot(disk));
	if (give_near_back(device, request, stamp, issued))
		return device;
	number = set_number(request);
	set = &ts_block_stamps[number];
	way = find_way(set, (__u64)request);
	if (way >= TS_BLOCK_STAMP_WAYS)
		return NULL;
	*stamp = set->stamp[way];
	*issued = ts_block_issued[number][way];
	set->request[way] = 0;
	return device_at(stamp->device);
}

/* First in this file: it is attached before any request can be seen to be issued. */
SEC("tp_btf/block_rq_complete")
int BPF_PROG(block_rq_complete, struct request *request, int error, unsigned int bytes)
{
	struct ts_block_device *device = device_at(latest()->device);
	struct ts_block_stamp stamp;
	__u64 issued;

	if (bytes < request->__data_len)
		return 0; /* more is to come */
	if (!give_near_back(device, request, &stamp, &issued)) {
		device = forget(request, &stamp, &issued);
		if (!device)
			return 0;
	}
	leave(device, stamp.op);
	if (request->rq_flags & ts_block_request_stats) {
		issued = request->io_start_time_ns;
		ts_opaque(issued); /* one load of either of two kinds of memory is refused */
	}
	if (issued)
		count(request, stamp, issued, error);
	else
		__sync_fetch_and_add(&ts_block_lost, 1);
	return 0;
}

SEC("tp_btf/block_rq_issue")
int block_rq_issue(__u64 *context)
{
	struct request *request;
	const struct request_queue *queue;
	const struct gendisk *disk;
	struct ts_block_stamp stamp;
	struct ts_block_device *device;
	struct ts_block_cell *cell;
	__u32 kernel_op, op, number, way;
	__u64 slot, others, issued = 0;
	bool sequential;

	/* 5.11 dropped the queue from the arguments (a54895fa057c). */
	if (ts_block_issue_has_queue) {
		request = (void *)context[1];
		ts_opaque(request); /* one load at either offset is refused by older verifiers */
	} else {
		request = (void *)context[0];
	}
	queue = request->q;
	disk = ts_request_disk(request, queue);
	if (!disk)
		return 0; /* a command to a controller */

	kernel_op = request->cmd_flags & (TS_BLOCK_KERNEL_OPS - 1);
	op = ts_block_ops[kernel_op];
	if (op >= TS_BLOCK_OPS)
		return 0;
	if (!(queue->queue_flags & ts_block_queue_stats) || kernel_op >= TS_BLOCK_PASSTHROUGH_OP)
		issued = bpf_ktime_get_ns();

	slot = bounded(device_slot(disk));
	latest()->device = slot;
	device = &ts_block_devices[slot];
	others = ts_fetch_and_add(&device->in_flight, TS_BLOCK_IN_FLIGHT(op));
	if (others && issued_again(device, slot, request, others, issued)) {
		leave(device, op);
		return 0;
	}
	number = TS_BLOCK_CELL(device->cells, op);
	number = number ? number - 1 : ts_block_add_cell(slot, op);
	cell = this_cpu_cell(number);
	if (!cell)
		return 0;
	sequential = follows(device, cell, op, request->__sector, request->__data_len >> 9);
	stamp = (struct ts_block_stamp){
		.bytes = request->__data_len,
		.device = slot,
		.cell = number,
		.op = op,
		.depth = class_of((__u32)others + (__u32)(others >> 32) + 1),
		.beside = class_of(others >> 32),
		.sequential = sequential,
		.ahead = op == TS_BLOCK_READ && request->cmd_flags & ts_block_request_ahead,
	};
	if (take_near(device, others, (__u64)request, slot)) {
		device->near_stamp = stamp;
		device->near_issued = issued;
		return 0;
	}
	number = set_number(request);
	way = claim_way(number, (__u64)request);
	if (way >= TS_BLOCK_STAMP_WAYS) {
		__sync_fetch_and_add(&ts_block_lost, 1);
		leave(device_at(stamp.device), stamp.op);
		return 0;
	}
	ts_block_stamps[number].stamp[way] = stamp;
	ts_block_issued[number][way] = issued;
	return 0;
}

/* What was submitted is larger than the queue takes at once, or has more pieces. */
SEC("tp_btf/block_split")
int block_split(__u64 *context)
{
	const struct gendisk *disk;
	struct ts_block_device *device;
	struct ts_block_cell *cell;
	struct bio *bio;
	__u32 op, slot, number;

	/* 5.11 dropped the queue from the arguments (eb6f7f7cd3af). */
	if (ts_block_split_has_queue) {
		bio = (void *)context[1];
		ts_opaque(bio); /* as in block_rq_issue */
	} else {
		bio = (void *)context[0];
	}
	disk = ts_bio_disk(bio);
	op = ts_block_ops[bio->bi_opf & (TS_BLOCK_KERNEL_OPS - 1)];
	if (!disk || op >= TS_BLOCK_OPS)
		return 0;
	number = (__u32)BPF_CORE_READ(disk, major) << 20 | (__u32)BPF_CORE_READ(disk, first_minor);
	slot = slot_of_number(number, disk->disk_name);
	device = device_at(slot);
	number = TS_BLOCK_CELL(device->cells, op);
	number = number ? number - 1 : ts_block_add_cell(slot, op);
	cell = this_cpu_cell(number);
	if (cell)
		cell->splits++;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
