/* SPDX-License-Identifier: GPL-2.0-only */
/* Children that load the scheduler in known ways, and what the kernel says of each afterwards. */
#ifndef SCHED_LOAD_H
#define SCHED_LOAD_H

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOAD_CHILDREN_MAX 8

struct load;

struct load_child {
	void (*work)(const struct load_child *child);
	int cpu; /* pinned to it; -1: not pinned */
	double seconds;
	unsigned int rounds;
	int read_from, write_to; /* pipes of a ping-pong */
	bool serves;
	const struct load_child *moved; /* whom a mover pushes about */
	size_t moved_count;
	pid_t pid;
};

struct load {
	struct load_child child[LOAD_CHILDREN_MAX];
	size_t count;
	int go[2], done[2], ping[2], pong[2];
};

/* What the kernel keeps of one task (or of several, added up). */
struct kernel_account {
	uint64_t ran_ns, waited_ns; /* /proc/PID/schedstat */
	uint64_t voluntary, involuntary;
};

static inline double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline bool pin(pid_t pid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((unsigned int)cpu, &set);
	return !sched_setaffinity(pid, sizeof set, &set);
}

/* ---- What a child may do */

static inline void work_spin(const struct load_child *child)
{
	double end = seconds_now() + child->seconds;

	while (seconds_now() < end)
		for (volatile int i = 0; i < 1000; i++)
			;
}

static inline void work_ping_pong(const struct load_child *child)
{
	char byte = 0;

	for (unsigned int i = 0; i < child->rounds; i++) {
		if (!child->serves && write(child->write_to, &byte, 1) != 1)
			return;
		if (read(child->read_from, &byte, 1) != 1)
			return;
		if (child->serves && write(child->write_to, &byte, 1) != 1)
			return;
	}
}

/* Moves its victims to the next CPU every few milliseconds, whether they run or wait. */
static inline void work_move(const struct load_child *child)
{
	double end = seconds_now() + child->seconds;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	for (long step = 0; seconds_now() < end; step++) {
		for (size_t i = 0; i < child->moved_count; i++)
			pin(child->moved[i].pid, (int)((step + (long)i) % cpus));
		usleep(3000);
	}
}

static inline void work_fork(const struct load_child *child)
{
	for (unsigned int i = 0; i < child->rounds; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			return;
	}
}

/* ---- Starting, running, ending */

static inline int load_open(struct load *load)
{
	*load = (struct load){.count = 0};
	return pipe(load->go) || pipe(load->done) || pipe(load->ping) || pipe(load->pong) ? -errno
											  : 0;
}

/* Every child waits for a byte, works, reports with a byte, and sleeps until it is killed. */
static inline int load_start(struct load *load)
{
	for (size_t i = 0; i < load->count; i++) {
		struct load_child *child = &load->child[i];
		char byte = 0;

		child->pid = fork();
		if (child->pid < 0)
			return -errno;
		if (child->pid)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (child->cpu >= 0 && !pin(0, child->cpu))
			_exit(1);
		if (read(load->go[0], &byte, 1) == 1) {
			child->work(child);
			if (write(load->done[1], &byte, 1) != 1)
				_exit(1);
		}
		for (;;)
			pause();
	}
	usleep(50000); /* they have run up to their read() by then */
	return 0;
}

static inline bool load_run(struct load *load)
{
	char bytes[LOAD_CHILDREN_MAX] = {0};

	if (write(load->go[1], bytes, load->count) != (ssize_t)load->count)
		return false;
	for (size_t i = 0; i < load->count; i++)
		if (read(load->done[0], bytes, 1) != 1)
			return false;
	usleep(20000); /* and up to their pause() */
	return true;
}

/* usage: of the children, as wait4 reports it; may be NULL. */
static inline void load_close(struct load *load, struct rusage *usage)
{
	const int *pipes[] = {load->go, load->done, load->ping, load->pong};

	for (size_t i = 0; i < load->count; i++) {
		struct rusage one;

		if (load->child[i].pid <= 0)
			continue;
		kill(load->child[i].pid, SIGKILL);
		if (wait4(load->child[i].pid, NULL, 0, &one) > 0 && usage) {
			usage->ru_nvcsw += one.ru_nvcsw;
			usage->ru_nivcsw += one.ru_nivcsw;
		}
	}
	for (size_t i = 0; i < 4; i++) {
		close(pipes[i][0]);
		close(pipes[i][1]);
	}
}

static inline struct load_child *load_add(struct load *load, struct load_child child)
{
	load->child[load->count] = child;
	return &load->child[load->count++];
}

static inline void load_add_ping_pong(struct load *load, int cpu, unsigned int rounds)
{
	load_add(load, (struct load_child){.work = work_ping_pong,
					   .cpu = cpu,
					   .rounds = rounds,
					   .read_from = load->pong[0],
					   .write_to = load->ping[1]});
	load_add(load, (struct load_child){.work = work_ping_pong,
					   .cpu = cpu,
					   .rounds = rounds,
					   .serves = true,
					   .read_from = load->ping[0],
					   .write_to = load->pong[1]});
}

static inline void load_add_spinners(struct load *load, size_t number, int cpu, double seconds)
{
	for (size_t i = 0; i < number; i++)
		load_add(load,
			 (struct load_child){.work = work_spin, .cpu = cpu, .seconds = seconds});
}

/* ---- Reading the kernel's own accounts */

static inline bool read_account(pid_t pid, struct kernel_account *account)
{
	unsigned long long ran = 0, waited = 0, voluntary = 0, involuntary = 0;
	char path[64], line[256];
	int found = 0;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/schedstat", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	found += fscanf(file, "%llu %llu", &ran, &waited) == 2;
	fclose(file);
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (fgets(line, sizeof line, file)) {
		found += sscanf(line, "voluntary_ctxt_switches: %llu", &voluntary) == 1;
		found += sscanf(line, "nonvoluntary_ctxt_switches: %llu", &involuntary) == 1;
	}
	fclose(file);
	*account = (struct kernel_account){ran, waited, voluntary, involuntary};
	return found == 3;
}

/*
 * Host-wide, from /proc/stat. The kernel looks at each tick what a CPU does: in a task, or in an
 * interrupt or taken away by the hypervisor, and then a task's time goes on if the CPU was not
 * idle.
 */
struct host_account {
	uint64_t switches;
	double in_tasks, elsewhere; /* seconds */
};

static inline bool read_host(struct host_account *host)
{
	unsigned long long t[8] = {0}, value;
	double second = (double)sysconf(_SC_CLK_TCK);
	char line[4096];
	int found = 0;
	FILE *file = fopen("/proc/stat", "re");

	if (!file)
		return false;
	while (fgets(line, sizeof line, file)) {
		/* user nice system idle iowait irq softirq steal */
		if (!strncmp(line, "cpu ", 4))
			found += sscanf(line, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0],
					&t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]) == 8;
		if (sscanf(line, "ctxt %llu", &value) == 1) {
			host->switches = value;
			found++;
		}
	}
	fclose(file);
	host->in_tasks = (double)(t[0] + t[1] + t[2]) / second;
	host->elsewhere = (double)(t[5] + t[6] + t[7]) / second;
	return found == 2;
}

#endif
