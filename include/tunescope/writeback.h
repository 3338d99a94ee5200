/* SPDX-License-Identifier: GPL-2.0-only */
/* What bpf/writeback.bpf.c counts, as it stands in its maps. */
#ifndef TUNESCOPE_WRITEBACK_H
#define TUNESCOPE_WRITEBACK_H

#include <tunescope/histogram.h>

#define TS_WRITEBACK_DEVICES   16 /* a power of two; further ones share TS_WRITEBACK_OTHER */
#define TS_WRITEBACK_OTHER     TS_WRITEBACK_DEVICES
#define TS_WRITEBACK_NAME_SIZE 64 /* backing_dev_info.dev_name */

/* In a slot until user space gives that to another (user/live/slots.h). */
struct ts_writeback_device {
	__u64 key; /* backing_dev_info.id + 1; 0: the slot is free */
	char name[TS_WRITEBACK_NAME_SIZE];
};

/* One slice for each CPU. */
struct ts_writeback_cpu {
	struct ts_histogram_keyed pause[TS_WRITEBACK_DEVICES + 1];
	struct ts_histogram_keyed fsync[TS_WRITEBACK_DEVICES + 1];
	__u64 overdue_ns[TS_WRITEBACK_DEVICES + 1];
	__u64 cleaned_pages[TS_WRITEBACK_DEVICES + 1];
};

#define TS_WRITEBACK_FSYNCS 1024 /* at once */

/* An fsync() that has begun. */
struct ts_writeback_fsync {
	__u64 ns;
	__s64 dirty;  /* pages of the device */
	__u64 age_ns; /* of these, on average */
};

#define TS_WRITEBACK_PILES 32

/* What is dirty on a device. */
struct ts_writeback_pile {
	__u64 key; /* as above */
	__u64 bdi; /* address */
	__u64 ns;  /* of the last look, which found */
	__u64 pages;
	__u64 waited; /* pages times microseconds, of those that are still there */
	/* The same of pages that are being written by now, until they are. */
	__u64 moved, moved_waited;
};

#define TS_WRITEBACK_WAITS	   32	      /* at once; a power of two */
#define TS_WRITEBACK_WAIT_LEAST_NS 50000000LL /* shorter ones are not seen well enough */

/* A thread that was seen to wait for data to be written. */
struct ts_writeback_wait {
	__u64 thread; /* 0: the place is free */
	__u64 task, bdi;
	__u64 begun_ns, seen_ns; /* it has waited from the one to the other, at least */
	__u64 age_ns, pages;	 /* of what it waits for */
	__u64 sleeps;		 /* so often the task had slept when it last began to wait */
	__u64 all;		 /* not for a file, for all of a filesystem */
};

/* Numbers of system calls. */
struct ts_writeback_calls {
	__u32 fsync, fdatasync, msync, sync, syncfs;
};

#endif
