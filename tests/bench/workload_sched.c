// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two processes on one CPU that pass a byte to and fro through pipes: a switch for each pass.
 * The time is their CPU time, into which the scheduler puts all of a switch: what other processes
 * take of that CPU is not in it.
 */
#include "bench.h"

#include <stdio.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define PASSES_BETWEEN_LOOKS 64

static int to_partner[2], to_us[2];
static pid_t partner;
static clockid_t partner_clock;

static const char *setup(int cpu)
{
	char byte;

	if (pipe(to_partner) || pipe(to_us))
		return "cannot make pipes";
	partner = fork();
	if (partner < 0)
		return "cannot fork";
	if (!partner) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(to_partner[1]);
		close(to_us[0]);
		while (read(to_partner[0], &byte, 1) == 1 && write(to_us[1], &byte, 1) == 1)
			;
		_exit(0);
	}
	close(to_partner[0]);
	close(to_us[1]);
	if (clock_getcpuclockid(partner, &partner_clock))
		return "cannot read the CPU time of a process";
	return NULL;
}

/* How often a process was given a CPU: the third number of schedstat. */
static __u64 arrivals(pid_t pid)
{
	unsigned long long count = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/schedstat", pid);
	file = fopen(path, "re");
	if (file && fscanf(file, "%*u %*u %llu", &count) != 1)
		count = 0;
	if (file)
		fclose(file);
	return count;
}

/*
 * Counted, not derived from the passes: a process that is preempted by the one it wakes may find
 * its answer there when it runs again, and then does not sleep.
 */
static __u64 switches(void)
{
	return arrivals(getpid()) + arrivals(partner);
}

static __u64 cpu_time(void)
{
	struct timespec own, its;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
	clock_gettime(partner_clock, &its);
	return (__u64)(own.tv_sec + its.tv_sec) * 1000000000ULL +
	       (__u64)(own.tv_nsec + its.tv_nsec);
}

static struct bench_window run(__u64 ns)
{
	__u64 before = switches(), used = cpu_time(), start = bench_now();
	char byte = 0;

	do {
		for (int i = 0; i < PASSES_BETWEEN_LOOKS; i++)
			if (write(to_partner[1], &byte, 1) != 1 || read(to_us[0], &byte, 1) != 1)
				return (struct bench_window){0};
	} while (bench_now() - start < ns);
	used = cpu_time() - used;
	return (struct bench_window){used, switches() - before};
}

const struct bench_workload bench_workload_sched = {
	.name = "sched",
	.what = "two processes on one CPU passing a byte through pipes",
	.event = "context switch",
	.setup = setup,
	.run = run,
};
