/* SPDX-License-Identifier: GPL-2.0-only */
/* What bpf/block.bpf.c counts, as it stands in its maps. */
#ifndef TUNESCOPE_BLOCK_H
#define TUNESCOPE_BLOCK_H

#include <tunescope/histogram.h>

#define TS_BLOCK_DEVICES      32 /* a power of two; further devices share TS_BLOCK_OTHER_DEVICE */
#define TS_BLOCK_OTHER_DEVICE TS_BLOCK_DEVICES
#define TS_BLOCK_NAME_SIZE    32 /* DISK_NAME_LEN */

enum ts_block_op {
	TS_BLOCK_READ,
	TS_BLOCK_WRITE,
	TS_BLOCK_FLUSH,
	TS_BLOCK_DISCARD,
	TS_BLOCK_OTHER,
	TS_BLOCK_OPS,
};

/* REQ_OP_…, the low bits of a request's cmd_flags, is below this. */
#define TS_BLOCK_KERNEL_OPS 64
/* Commands that are passed through to the device start here (REQ_OP_SCSI_IN, now REQ_OP_DRV_IN). */
#define TS_BLOCK_PASSTHROUGH_OP 32

/*
 * Classes of a number of requests: 0 is none, class c > 0 holds those up to 2^(c-1) and above the
 * class before. The last one has no upper bound.
 */
#define TS_BLOCK_CLASSES 16

/* What is remembered of a request between issue and completion. */
struct ts_block_stamp {
	__u64 bytes : 32;
	__u64 cell : 8;
	__u64 device : 8; /* slot */
	__u64 op : 4;
	__u64 depth : 4;  /* class of requests in flight, this one included */
	__u64 beside : 4; /* class of writes in flight */
	__u64 sequential : 1;
	__u64 ahead : 1; /* a read into the page cache */
};

/*
 * A device, in the slot its number was hashed to until user space gives that to another
 * (user/live/slots.h), and with it the cells. One cache line: all that the CPUs share while
 * there is no more than one request in flight. near is the request remembered here, the others are
 * in ts_block_stamps.
 */
struct ts_block_device {
	__u64 key;	   /* dev_t + 1; 0: the slot is free */
	__u64 in_flight;   /* writes in the high 32 bits, everything else in the low ones */
	__u64 near;	   /* its address; 0: free */
	__u64 near_issued; /* CLOCK_MONOTONIC; 0: the kernel keeps it in the request */
	struct ts_block_stamp near_stamp;
	__u64 cells;	      /* a byte for each operation: number of its cell plus 1; 0: none */
	__u64 next_sector[2]; /* where the read and the write issued last end */
} __attribute__((aligned(64)));

/* By CPU, modulo the number of places. */
#define TS_BLOCK_LATEST 64

struct ts_block_latest {
	__u64 device; /* slot */
	__u64 padding[7];
} __attribute__((aligned(64)));

/* What one request adds to in_flight. */
#define TS_BLOCK_IN_FLIGHT(op)	 ((op) == TS_BLOCK_WRITE ? 1ULL << 32 : 1ULL)

#define TS_BLOCK_CELL(cells, op) ((__u32)((cells) >> (8 * (op))) & 0xff)

struct ts_block_class {
	__u64 requests;
	__u64 ns; /* device latency */
};

/*
 * What a request is counted in. One that did not wait in the queue has the same latency in total as
 * in the device: it is counted once, as direct, and belongs to all three (user/live/block.c).
 */
enum ts_block_measure {
	TS_BLOCK_QUEUE,	 /* allocation to issue of those that waited, where the kernel keeps it */
	TS_BLOCK_TOTAL,	 /* allocation to completion, likewise */
	TS_BLOCK_DEVICE, /* issue to completion of all that are not direct, ns */
	TS_BLOCK_SIZE,	 /* bytes, of all */
	TS_BLOCK_DIRECT, /* issue to completion of a request that was issued at once, ns */
	TS_BLOCK_MEASURES,
};

/* Sizes in sectors below this are looked up in a table. */
#define TS_BLOCK_SECTORS_KNOWN 256

/*
 * Everything about one operation on one device, seen by one CPU. The first TS_BLOCK_OPS cells of a
 * CPU belong to the operations of devices that got no cell of their own. The second cache line is
 * all that a request counts in that is issued at once and alone in flight, but for its slots; the
 * first is for those that had to wait.
 */
struct ts_block_cell {
	__u64 errors;
	__u64 splits; /* of what was submitted, into requests the queue takes */
	struct {
		__u64 sum, max;
	} total[TS_BLOCK_MEASURES];
	__u64 next_sector; /* where the request issued last on this CPU ends */
	__u64 sequential;
	struct ts_block_class depth[TS_BLOCK_CLASSES]; /* by TS_BLOCK_DEPTH of requests in flight */
	/* Reads into the page cache, the sequential ones among them, and the bytes of all. */
	__u64 ahead;
	__u64 ahead_sequential;
	__u64 ahead_bytes;
	struct ts_block_class
		beside[TS_BLOCK_CLASSES]; /* reads, by writes in flight; 0: the rest */
	__u64 slot[TS_BLOCK_MEASURES][TS_HISTOGRAM_SLOTS_KEYED];
} __attribute__((aligned(64)));

/* At issue, and the request is one of them: there is no depth of class 0. */
#define TS_BLOCK_DEPTH(class) (((class) - 1) & (TS_BLOCK_CLASSES - 1))

/*
 * Requests in flight besides the near ones: a table of sets, one cache line each; a request may
 * stand in any way of the set its address is hashed to.
 */
#define TS_BLOCK_STAMP_SET_BITS 11
#define TS_BLOCK_STAMP_WAYS	4

struct ts_block_stamp_set {
	__u64 request[TS_BLOCK_STAMP_WAYS]; /* its address; 0: free */
	struct ts_block_stamp stamp[TS_BLOCK_STAMP_WAYS];
} __attribute__((aligned(64)));

#endif
