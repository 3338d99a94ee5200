// SPDX-License-Identifier: GPL-2.0-only
/*
 * Direct 4 KiB reads, one at a time, from a loop device over unlinked shared memory. The device has
 * LO_FLAGS_AUTOCLEAR and the file no name: both are gone with the worker, however it ends.
 *
 * A kernel thread (kworker/u...) does the reading, on whichever CPU is free. To wake one on another
 * CPU takes many times what is to be measured, and varies, in a guest above all. So during a window
 * the other CPUs are kept busy: then it runs where the reader is. The time is the CPU time of the
 * reader and those threads, in which what others take of that CPU has no part.
 */
#include "bench.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/loop.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define DEVICE_BYTES	    (64 << 20)
#define BLOCK_BYTES	    4096
#define READS_BETWEEN_LOOKS 16
#define SPINNERS	    255

static int device = -1;
static char statistics[64];
static void *buffer;
static uint64_t position = 1;
static pid_t spinner[SPINNERS];
static size_t spinners;

static int backing_file(void)
{
	int file = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char *block = buffer;

	if (file < 0)
		return -1;
	for (int i = 0; i < DEVICE_BYTES / BLOCK_BYTES; i++) {
		memset(block, i, BLOCK_BYTES);
		if (write(file, block, BLOCK_BYTES) != BLOCK_BYTES) {
			close(file);
			return -1;
		}
	}
	return file;
}

/* Someone else may take the free device first: ask again. */
static int configure_loop(int file, int *number)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), loop = -1;
	struct loop_config config = {.fd = (__u32)file, .info.lo_flags = LO_FLAGS_AUTOCLEAR};
	char path[32];

	for (int attempt = 0; control >= 0 && attempt < 8; attempt++) {
		*number = ioctl(control, LOOP_CTL_GET_FREE);
		snprintf(path, sizeof path, "/dev/loop%d", *number);
		loop = *number < 0 ? -1 : open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
		if (loop < 0 || !ioctl(loop, LOOP_CONFIGURE, &config))
			break;
		close(loop);
		loop = -1;
		if (errno != EBUSY)
			break;
	}
	if (control >= 0)
		close(control);
	return loop;
}

static void spin_on(size_t cpu)
{
	volatile unsigned long turns = 0;
	cpu_set_t set;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof set, &set))
		_exit(1);
	raise(SIGSTOP);
	for (;;)
		turns++;
}

/* One for each other CPU, stopped. All at the same priority, for the scheduler to choose by load.
 */
static const char *prepare_spinners(size_t own_cpu)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	setpriority(PRIO_PROCESS, 0, 0);
	for (size_t cpu = 0; cpu < (size_t)cpus && spinners < SPINNERS; cpu++) {
		pid_t pid = cpu == own_cpu ? -1 : fork();

		if (!pid)
			spin_on(cpu);
		if (pid > 0)
			spinner[spinners++] = pid;
		else if (cpu != own_cpu)
			return "cannot fork";
	}
	return NULL;
}

static void signal_spinners(int number)
{
	for (size_t i = 0; i < spinners; i++)
		kill(spinner[i], number);
}

static const char *setup(int cpu)
{
	int file, number;

	if (posix_memalign(&buffer, BLOCK_BYTES, BLOCK_BYTES))
		return "out of memory";
	file = backing_file();
	if (file < 0)
		return "cannot make a file of 64 MiB in /dev/shm";
	device = configure_loop(file, &number);
	close(file);
	if (device < 0)
		return "cannot set up a loop device";
	snprintf(statistics, sizeof statistics, "/sys/block/loop%d/stat", number);
	return prepare_spinners((size_t)cpu);
}

/* Requests the device completed: what is counted, not what was asked for. */
static __u64 completed_reads(void)
{
	unsigned long long reads = 0;
	FILE *file = fopen(statistics, "re");

	if (file && fscanf(file, "%llu", &reads) != 1)
		reads = 0;
	if (file)
		fclose(file);
	return reads;
}

static __u64 thread_time(const char *pid)
{
	unsigned long long ns = 0;
	char path[300], name[32] = "";
	FILE *file;

	snprintf(path, sizeof path, "/proc/%s/comm", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (!fgets(name, sizeof name, file))
		*name = '\0';
	fclose(file);
	if (strncmp(name, "kworker/u", 9))
		return 0;
	snprintf(path, sizeof path, "/proc/%s/schedstat", pid);
	file = fopen(path, "re");
	if (file && fscanf(file, "%llu", &ns) != 1)
		ns = 0;
	if (file)
		fclose(file);
	return ns;
}

/* Of this process and of all threads that may work for the loop device. */
static __u64 cpu_time(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	struct timespec own;
	__u64 ns = 0;

	while (proc && (entry = readdir(proc)))
		if (isdigit((unsigned char)*entry->d_name))
			ns += thread_time(entry->d_name);
	if (proc)
		closedir(proc);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
	return ns + (__u64)own.tv_sec * 1000000000ULL + (__u64)own.tv_nsec;
}

static bool read_for(__u64 ns)
{
	__u64 start = bench_now();

	do {
		for (int i = 0; i < READS_BETWEEN_LOOKS; i++) {
			off_t block;

			position = position * 6364136223846793005ULL + 1442695040888963407ULL;
			block = (off_t)((position >> 33) % (DEVICE_BYTES / BLOCK_BYTES));
			if (pread(device, buffer, BLOCK_BYTES, block * BLOCK_BYTES) != BLOCK_BYTES)
				return false;
		}
	} while (bench_now() - start < ns);
	return true;
}

/* What looking at the clocks takes is found out before and left out. */
static struct bench_window run(__u64 ns)
{
	__u64 requests, used, looking;
	bool done;

	signal_spinners(SIGCONT);
	requests = completed_reads();
	used = cpu_time();
	looking = cpu_time() - used;
	used = cpu_time();
	done = read_for(ns);
	used = cpu_time() - used;
	requests = completed_reads() - requests;
	signal_spinners(SIGSTOP);
	if (!done)
		return (struct bench_window){0};
	/* A thread that was counted at the beginning has ended. */
	if ((__s64)(used - looking) <= 0)
		return (struct bench_window){1, 0};
	return (struct bench_window){used - looking, requests};
}

const struct bench_workload bench_workload_block = {
	.name = "block",
	.what = "random 4 KiB direct reads, one at a time, from a loop device in memory",
	.event = "block I/O",
	.setup = setup,
	.run = run,
};
