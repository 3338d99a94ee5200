// SPDX-License-Identifier: GPL-2.0-only
/*
 * Direct 4 KiB reads, one at a time, from a loop device over unlinked shared memory. The device has
 * LO_FLAGS_AUTOCLEAR and the file no name: both are gone with the worker, however it ends.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DEVICE_BYTES	    (64 << 20)
#define BLOCK_BYTES	    4096
#define READS_BETWEEN_LOOKS 16

static int device = -1;
static char statistics[64];
static void *buffer;
static uint64_t position = 1;

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
	return NULL;
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

static struct bench_window run(__u64 ns)
{
	__u64 before = completed_reads(), start = bench_now(), now;

	do {
		for (int i = 0; i < READS_BETWEEN_LOOKS; i++) {
			off_t block;

			position = position * 6364136223846793005ULL + 1442695040888963407ULL;
			block = (off_t)((position >> 33) % (DEVICE_BYTES / BLOCK_BYTES));
			if (pread(device, buffer, BLOCK_BYTES, block * BLOCK_BYTES) != BLOCK_BYTES)
				return (struct bench_window){0};
		}
		now = bench_now();
	} while (now - start < ns);
	return (struct bench_window){now - start, completed_reads() - before};
}

const struct bench_workload bench_workload_block = {
	.name = "block",
	.what = "random 4 KiB direct reads, one at a time, from a loop device in memory",
	.event = "block I/O",
	.setup = setup,
	.run = run,
};
