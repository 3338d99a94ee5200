// SPDX-License-Identifier: GPL-2.0-only
#include "own_cost.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "procfile.h"

static __u64 timeval_ns(const struct timeval *time)
{
	return (__u64)time->tv_sec * 1000000000ull + (__u64)time->tv_usec * 1000ull;
}

/* "size resident shared …", in pages; 0 when it cannot be read, which no running process has. */
static __u64 resident_bytes(void)
{
	char text[128], *at = text;
	__u64 size, resident;

	if (ts_read_small(AT_FDCWD, "/proc/self/statm", text, sizeof text) <= 0 ||
	    !ts_take_number(&at, &size) || !ts_take_number(&at, &resident))
		return 0;
	return resident * (__u64)sysconf(_SC_PAGESIZE);
}

void ts_own_cost_snapshot(struct ts_snapshot *snapshot)
{
	struct ts_cost *cost = &snapshot->cost;
	struct rusage usage;

	cost->rss_bytes = resident_bytes();
	if (getrusage(RUSAGE_SELF, &usage))
		return;
	cost->user_cpu_ns = timeval_ns(&usage.ru_utime) + timeval_ns(&usage.ru_stime);
	cost->peak_rss_bytes = (__u64)usage.ru_maxrss * 1024;
	/* The two are kept apart in the kernel and may disagree by a few pages. */
	if (cost->peak_rss_bytes < cost->rss_bytes)
		cost->peak_rss_bytes = cost->rss_bytes;
}
