/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TUNESCOPE_CLOCK_H
#define TUNESCOPE_CLOCK_H

#include <time.h>
#include <linux/types.h>

/* A clock of this process or of the host, in nanoseconds. */
static inline __u64 ts_clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (__u64)now.tv_sec * 1000000000ULL + (__u64)now.tv_nsec;
}

#endif
