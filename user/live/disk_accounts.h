/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From what the kernel counts of each disk to series that a window may trust: disks come and go
 * while snapshots are taken, and a series that is new in a window counts from zero.
 *
 * A disk that is there at the first reading starts with what the kernel has counted since boot, one
 * that appears later with what it has done since (all of it: it is new). A disk that keeps no
 * account for a while, or has lost its medium (a loop device that was detached), has no series
 * meanwhile and starts at zero when it is back. Milliseconds, which the kernel counts in 32 bits,
 * do not wrap here.
 */
#ifndef TUNESCOPE_DISK_ACCOUNTS_H
#define TUNESCOPE_DISK_ACCOUNTS_H

#include "diskstats.h"

#define TS_DISKS_SHOWN 256 /* have series of their own; the rest is put together */

struct ts_disk_account {
	struct ts_disk last;  /* as the kernel counted */
	struct ts_disk total; /* while shown */
	bool seen;	      /* in the reading that is going on */
	bool shown;
	bool whole;	  /* not a partition */
	bool counts;	  /* it has a medium and an account is kept of it, as looked at last */
	__u64 checked_ns; /* and when that was; 0: never */
};

struct ts_disk_accounts {
	struct ts_disk_account *account; /* in the order of /proc/diskstats, nearly */
	size_t count, capacity;
	size_t hint;
	size_t shown;
	struct ts_disk other; /* all those that are not shown for want of room */
	__u64 overflowed;     /* requests in it */
	bool any_other;	      /* in the last reading */
	bool primed;	      /* there was a reading */
};

/* A reading: the beginning, one line after the other (-ENOMEM, or 0), the end. */
void ts_disk_accounts_begin(struct ts_disk_accounts *accounts);
int ts_disk_accounts_read(struct ts_disk_accounts *accounts, const char *sys,
			  const struct ts_disk *now, __u64 now_ns);
void ts_disk_accounts_end(struct ts_disk_accounts *accounts);

/* From one reading of the kernel's milliseconds (as ns, of 32 bits) to the next. */
__u64 ts_disk_ms_since(__u64 now_ns, __u64 last_ns);

void ts_disk_accounts_free(struct ts_disk_accounts *accounts);

#endif
