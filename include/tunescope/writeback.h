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
	__u64 age_ns; /* of the oldest of them */
};

#endif
