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

/*
 * A device, in the slot its number was hashed to. A cache line of its own: every request of the
 * device adds to in_flight.
 */
struct ts_block_device {
	__u64 key;		  /* dev_t + 1; 0: the slot is free */
	__u64 in_flight;	  /* writes in the high 32 bits, everything else in the low ones */
	__u32 cell[TS_BLOCK_OPS]; /* number of the operation's cell plus 1; 0: none yet */
	char padding[64 - 16 - 4 * TS_BLOCK_OPS];
} __attribute__((aligned(64)));

struct ts_block_class {
	__u64 requests;
	__u64 ns; /* device latency */
};

/*
 * Everything about one operation on one device, seen by one CPU. The first TS_BLOCK_OPS cells of a
 * CPU belong to the operations of devices that got no cell of their own.
 */
struct ts_block_cell {
	__u64 next_sector; /* where the request issued last ends */
	__u64 sequential;
	__u64 errors;
	struct ts_block_class depth[TS_BLOCK_CLASSES];	/* by requests in flight at issue */
	struct ts_block_class beside[TS_BLOCK_CLASSES]; /* reads, by writes in flight at issue */
	struct ts_histogram_keyed total;
	struct ts_histogram_keyed queue;
	struct ts_histogram_keyed device;
	struct ts_histogram_keyed size;
};

/*
 * What is remembered of a request between issue and completion: a table of sets, a request may
 * stand in any way of the set its address is hashed to.
 */
#define TS_BLOCK_STAMP_SET_BITS 11
#define TS_BLOCK_STAMP_WAYS	4

struct ts_block_stamp {
	__u64 issued; /* CLOCK_MONOTONIC; 0: the kernel keeps it in the request */
	__u32 bytes;
	__u8 device; /* slot */
	__u8 op;
	__u8 cell;
	__u8 depth;  /* class of requests in flight, this one included */
	__u8 beside; /* class of writes in flight */
	__u8 sequential;
};

struct ts_block_stamp_set {
	__u64 request[TS_BLOCK_STAMP_WAYS]; /* its address; 0: free */
	struct ts_block_stamp stamp[TS_BLOCK_STAMP_WAYS];
} __attribute__((aligned(128)));

#endif
