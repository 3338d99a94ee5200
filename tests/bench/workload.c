// SPDX-License-Identifier: GPL-2.0-only
/* Workers: a process that runs a load for as long as it is told, and says how much it did. */
#include "bench.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

volatile sig_atomic_t bench_interrupted;
int bench_cpu;

__u64 bench_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__u64)now.tv_sec * 1000000000ULL + (__u64)now.tv_nsec;
}

static int pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	return sched_setaffinity(0, sizeof set, &set);
}

int bench_choose_cpu(void)
{
	cpu_set_t set;
	int first = -1;

	if (sched_getaffinity(0, sizeof set, &set))
		return -1;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET((size_t)cpu, &set))
			continue;
		if (first < 0)
			first = cpu;
		bench_cpu = cpu;
	}
	return pin(first);
}

static int read_all(int descriptor, void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t part = read(descriptor, (char *)data + done, size - done);

		if (part < 0 && errno == EINTR && !bench_interrupted)
			continue;
		if (part <= 0)
			return -1;
		done += (size_t)part;
	}
	return 0;
}

static int write_all(int descriptor, const void *data, size_t size)
{
	return send(descriptor, data, size, MSG_NOSIGNAL) == (ssize_t)size ? 0 : -1;
}

/* Never returns. Ctrl-C reaches the whole process group, but it is the parent who ends this. */
static void serve(int channel, const struct bench_workload *workload)
{
	char why[BENCH_WHY] = "";
	const char *problem = NULL;
	__u64 ns;

	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/*
	 * An autogroup of its own: what is in one shares its weight, and beside a load of this
	 * priority the others of the session would get next to nothing of the other CPUs while
	 * those are busy.
	 */
	setsid();
	setpriority(PRIO_PROCESS, 0, -20);
	if (pin(bench_cpu))
		problem = "cannot pin the load to one CPU";
	if (!problem)
		problem = workload->setup(bench_cpu);
	if (problem)
		snprintf(why, sizeof why, "%s", problem);
	if (write_all(channel, why, sizeof why) || problem)
		_exit(1);
	while (!read_all(channel, &ns, sizeof ns)) {
		struct bench_window window = workload->run(ns);

		if (write_all(channel, &window, sizeof window))
			break;
	}
	_exit(0);
}

int bench_worker_start(struct bench_worker *worker, const struct bench_workload *workload,
		       char why[BENCH_WHY])
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
		snprintf(why, BENCH_WHY, "socketpair: %s", strerror(errno));
		return -1;
	}
	worker->channel = pair[0];
	worker->pid = fork();
	if (!worker->pid) {
		close(pair[0]);
		serve(pair[1], workload);
	}
	close(pair[1]);
	if (worker->pid > 0 && !read_all(worker->channel, why, BENCH_WHY) && !*why)
		return 0;
	if (!*why)
		snprintf(why, BENCH_WHY, "the %s load did not start", workload->name);
	bench_worker_stop(worker);
	return -1;
}

int bench_worker_begin(struct bench_worker *worker, __u64 ns)
{
	return write_all(worker->channel, &ns, sizeof ns);
}

int bench_worker_end(struct bench_worker *worker, struct bench_window *window)
{
	return read_all(worker->channel, window, sizeof *window) || !window->elapsed_ns ? -1 : 0;
}

int bench_worker_run(struct bench_worker *worker, __u64 ns, struct bench_window *window)
{
	return bench_worker_begin(worker, ns) || bench_worker_end(worker, window) ? -1 : 0;
}

void bench_worker_stop(struct bench_worker *worker)
{
	close(worker->channel);
	bench_kill(worker->pid);
}
