// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two processes on one CPU that pass a byte to and fro through pipes: a switch for each pass.
 * The time is their CPU time, into which the scheduler puts all of a switch: what other processes
 * take of that CPU is not in it.
 */
#include "bench.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define PASSES_BETWEEN_LOOKS 64

static int to_partner[2], to_us[2];
static clockid_t partner_clock;

static const char *setup(int cpu)
{
	pid_t partner;
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

static __u64 voluntary_switches(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (__u64)usage.ru_nvcsw;
}

static __u64 cpu_time(void)
{
	struct timespec own, partner;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
	clock_gettime(partner_clock, &partner);
	return (__u64)(own.tv_sec + partner.tv_sec) * 1000000000ULL +
	       (__u64)(own.tv_nsec + partner.tv_nsec);
}

/* Each time this process sleeps there are two switches: to the partner and back. */
static struct bench_window run(__u64 ns)
{
	__u64 switches = voluntary_switches(), used = cpu_time(), start = bench_now();
	char byte = 0;

	do {
		for (int i = 0; i < PASSES_BETWEEN_LOOKS; i++)
			if (write(to_partner[1], &byte, 1) != 1 || read(to_us[0], &byte, 1) != 1)
				return (struct bench_window){0};
	} while (bench_now() - start < ns);
	return (struct bench_window){cpu_time() - used, 2 * (voluntary_switches() - switches)};
}

const struct bench_workload bench_workload_sched = {
	.name = "sched",
	.what = "two processes on one CPU passing a byte through pipes",
	.event = "context switch",
	.setup = setup,
	.run = run,
};
