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

/*
 * A tick of the kernel's clock (jiffy); 0: unknown. The kernel may not publish its configuration's
 * HZ, but a tick is also the resolution of its coarse clocks.
 */
static inline __u64 ts_jiffy_ns(void)
{
	struct timespec resolution;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &resolution))
		return 0;
	return (__u64)resolution.tv_sec * 1000000000ULL + (__u64)resolution.tv_nsec;
}

#endif
