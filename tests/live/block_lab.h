/* SPDX-License-Identifier: GPL-2.0-only */
/* A loop device nobody else uses, and a source opened by itself. Included once by each test. */
#ifndef TUNESCOPE_TEST_BLOCK_LAB_H
#define TUNESCOPE_TEST_BLOCK_LAB_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <bpf/btf.h>
#include <linux/fs.h>
#include <linux/loop.h>

#include "../../user/core/window.h"
#include "../../user/live/diskstats.h"
#include "../../user/live/source.h"

#define KERNEL_BTF "/sys/kernel/btf/vmlinux"

static inline uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

/* ---- A source */

struct lab_source {
	const struct ts_source *source;
	struct ts_live live;
	void *state;
	enum ts_status status;
	char why[256];
};

static inline int lab_open(struct lab_source *lab, const struct ts_source *source)
{
	struct btf *btf = btf__parse(KERNEL_BTF, NULL);
	int error;

	*lab = (struct lab_source){
		.source = source,
		.live = {.btf_path = KERNEL_BTF, .kernel_btf = btf, .proc = "/proc", .sys = "/sys"},
	};
	if (!btf)
		return -errno;
	error = source->open(&lab->live, &lab->state, &lab->status, lab->why);
	if (error)
		print_message("%s\n", lab->why);
	btf__free(btf);
	lab->live.kernel_btf = NULL;
	return error;
}

static inline void lab_close(struct lab_source *lab)
{
	if (lab->state)
		lab->source->close(lab->state);
	lab->state = NULL;
}

static inline struct ts_snapshot *lab_snapshot(struct lab_source *lab)
{
	struct ts_snapshot *snapshot = ts_snapshot_new();

	snapshot->monotonic_ns = monotonic_ns();
	lab->source->snapshot(&lab->live, lab->state, snapshot);
	return snapshot;
}

/* What happened since earlier, which it frees. */
static inline void lab_window(struct lab_source *lab, struct ts_snapshot *earlier,
			      struct ts_window *window)
{
	struct ts_snapshot *later = lab_snapshot(lab);

	assert_int_equal(ts_window_make(earlier, later, window), 0);
	ts_snapshot_free(earlier);
	ts_snapshot_free(later);
}

/* ---- A device. It and its file are gone as soon as the descriptor is closed. */

struct lab_device {
	int descriptor;
	char path[32];
	char name[TS_DISK_NAME_SIZE];
};

static inline void lab_queue(const struct lab_device *device, const char *attribute,
			     const char *value)
{
	char path[96];
	FILE *file;

	snprintf(path, sizeof path, "/sys/block/%s/queue/%s", device->name, attribute);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(value, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* Where CPUs are emulated, what fio and the writer do themselves takes long beside what is
 * measured. */
static inline bool lab_is_slowed(void)
{
	return getenv("TEST_SLOWER") != NULL;
}

static inline int lab_file(const char *directory, size_t size)
{
	static char data[1 << 20];
	char path[256];
	int file;

	snprintf(path, sizeof path, "%s/tunescope-test-XXXXXX", directory);
	file = mkostemp(path, O_CLOEXEC);
	assert_true(file >= 0);
	unlink(path);
	memset(data, 0x5a, sizeof data);
	for (size_t at = 0; at < size; at += sizeof data)
		assert_int_equal(pwrite(file, data, sizeof data, (off_t)at), sizeof data);
	assert_int_equal(fsync(file), 0);
	return file;
}

/* Loop device over a file (taken over); flags besides the ones that make it vanish. */
static inline void lab_device_over(struct lab_device *device, int file, uint32_t flags)
{
	struct loop_config config = {
		.fd = (uint32_t)file,
		.info.lo_flags = LO_FLAGS_AUTOCLEAR | flags,
	};
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);

	assert_true(control >= 0);
	/* Others may be looking for a free one at the same time. */
	for (int attempt = 0; attempt < 20; attempt++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE);

		assert_true(number >= 0);
		snprintf(device->path, sizeof device->path, "/dev/loop%d", number);
		snprintf(device->name, sizeof device->name, "loop%d", number);
		device->descriptor = open(device->path, O_RDWR | O_DIRECT | O_CLOEXEC);
		assert_true(device->descriptor >= 0);
		/* Who looks for file systems on new devices keeps away from one that is locked. */
		flock(device->descriptor, LOCK_EX | LOCK_NB);
		if (!ioctl(device->descriptor, LOOP_CONFIGURE, &config))
			break;
		close(device->descriptor);
		device->descriptor = -1;
	}
	close(control);
	close(file);
	assert_true(device->descriptor >= 0);
	lab_queue(device, "nomerges", "2");
}

static inline void lab_device_close(struct lab_device *device)
{
	if (device->descriptor >= 0) {
		lab_queue(device, "nomerges", "0");
		lab_queue(device, "iostats", "1");
		lab_queue(device, "wbt_lat_usec", "-1"); /* the kernel's own */
		/*
		 * The loop driver's own. A change of scheduler puts that number back, but not the
		 * table of that size, and then writing it changes nothing.
		 */
		lab_queue(device, "nr_requests", "64");
		lab_queue(device, "nr_requests", "128");
		close(device->descriptor);
	}
	device->descriptor = -1;
}

/* The kernel's own account of a disk. */
static inline struct ts_disk lab_account(const struct lab_device *device)
{
	char line[256];
	struct ts_disk disk;
	FILE *file = fopen("/proc/diskstats", "re");

	assert_non_null(file);
	while (fgets(line, sizeof line, file))
		if (ts_disk_parse(line, &disk) && !strcmp(disk.name, device->name)) {
			fclose(file);
			return disk;
		}
	fclose(file);
	fail_msg("%s is not in /proc/diskstats", device->name);
	return disk;
}

/* A request is accounted a moment after whoever waits for it is woken up. */
static inline void lab_wait_idle(const struct lab_device *device)
{
	const struct timespec moment = {.tv_nsec = 1000000};

	for (int attempt = 0; lab_account(device).in_flight && attempt < 5000; attempt++)
		nanosleep(&moment, NULL);
}

#endif
