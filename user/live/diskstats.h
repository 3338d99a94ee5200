/* SPDX-License-Identifier: GPL-2.0-only */
/* Whole disks and what the kernel has counted of them. */
#ifndef TUNESCOPE_DISKSTATS_H
#define TUNESCOPE_DISKSTATS_H

#include "procfile.h"

#define TS_DISK_NAME_SIZE 32

enum ts_disk_op {
	TS_DISK_READ,
	TS_DISK_WRITE,
	TS_DISK_DISCARD, /* since 4.18 */
	TS_DISK_FLUSH,	 /* since 5.5 */
	TS_DISK_OPS,
};

struct ts_disk {
	char name[TS_DISK_NAME_SIZE]; /* as in /sys/block */
	unsigned int major, minor;
	__u64 requests[TS_DISK_OPS];
	__u64 bytes[TS_DISK_OPS];
	__u64 in_flight;
	__u64 busy_ns;	   /* at least one request in flight */
	__u64 weighted_ns; /* requests in flight times time */
	unsigned int ops;  /* this kernel counts the operations below this one */
};

/* One line of /proc/diskstats. False when it does not look as it should. Cuts line into pieces. */
bool ts_disk_parse(char *line, struct ts_disk *disk);

/* It is a whole disk: partitions have no directory in /sys/block. */
bool ts_disk_exists(const char *sys, const char *name);

/* It has a medium, and counts what it does. */
bool ts_disk_keeps_account(const char *sys, const char *name);

/*
 * What a disk has counted so far, in 32 bits of milliseconds (disk_accounts.h: ts_disk_ms_since),
 * from its own file (sys is "/sys"). False when there is no such
 * disk or it keeps no account (queue/iostats is 0 or it is not a disk).
 */
bool ts_disk_busy_ns(const char *sys, const char *name, __u64 *busy_ns);

/* By that account, no request is in flight on it. Flushes are not accounted. False likewise. */
bool ts_disk_is_idle(const char *sys, const char *name);

/*
 * Name of the whole disk with a device number, as in /sys/block; the number may be that of a
 * partition. False when there is none.
 */
bool ts_disk_name(const char *sys, unsigned int major, unsigned int minor,
		  char name[TS_DISK_NAME_SIZE]);

#endif
