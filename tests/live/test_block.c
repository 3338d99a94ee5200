// SPDX-License-Identifier: GPL-2.0-only
/* Block requests on a loop device of our own, compared with fio's and the kernel's own accounts. */
#include "block_fio.h"

#include <math.h>
#include <sys/mount.h>

#include "../../user/live/probe.h"

/* ---- Tests */

/*
 * Many large requests at a time: beside their latency, what fio's has in addition, submission and
 * wake-up, is small. The kernel's own account has the mean without these.
 */
static void test_latency_agrees_with_fio(void **state)
{
	struct measured measured;
	struct ts_histogram *total, *size;
	struct ts_disk *at = measured.account;
	double mean;
	struct fio read;

	use_device(DISK, LO_FLAGS_DIRECT_IO);
	begin(&measured);
	fio("--rw=randread --bs=256k --ioengine=libaio --iodepth=32 --runtime=3 --time_based",
	    &read, NULL);
	end(&measured);

	total = histogram(&measured.window, TS_FAMILY_BLOCK_LATENCY, "read");
	size = histogram(&measured.window, TS_FAMILY_BLOCK_IO_SIZE, "read");
	assert_non_null(total);
	mean = (double)(at[2].weighted_ns - at[1].weighted_ns) / 1e9 /
	       (double)(at[2].requests[TS_DISK_READ] - at[1].requests[TS_DISK_READ]);
	print_message("# fio: %lu reads, mean %.1f us, p50 %.1f us, p99 %.1f us\n", read.requests,
		      read.mean * 1e6, read.p50 * 1e6, read.p99 * 1e6);
	print_message("# we:  %llu reads, mean %.1f us, p50 %.1f us, p99 %.1f us\n", total->count,
		      ts_histogram_mean(total) * 1e6, ts_histogram_quantile(total, 0.5) * 1e6,
		      ts_histogram_quantile(total, 0.99) * 1e6);
	print_message("# the kernel's account: mean %.1f us\n", mean * 1e6);
	assert_true(read.requests > 100);
	assert_accounted(&measured, TS_FAMILY_BLOCK_LATENCY, TS_DISK_READ, read.requests);
	assert_seen(size->sum, at[2].bytes[TS_DISK_READ] - at[1].bytes[TS_DISK_READ],
		    at[3].bytes[TS_DISK_READ] - at[0].bytes[TS_DISK_READ]);
	assert_quantile(total, 0.5, read.p50);
	assert_quantile(total, 0.99, read.p99);
	assert_true(ts_histogram_mean(total) < 1.1 * read.mean);
	assert_true(ts_histogram_mean(total) > 0.9 * read.mean || lab_is_slowed());
	assert_true(fabs(ts_histogram_mean(total) / mean - 1) < 0.02);
	assert_int_equal(counter(&measured.window, TS_FAMILY_BLOCK_ERRORS, "read", NULL), 0);
	ts_window_free(&measured.window);
}

static void test_queue_and_device_make_total(void **state)
{
	struct measured measured;
	struct ts_window *window = &measured.window;
	struct fio read;

	use_device(MEMORY, 0);
	lab_queue(&device, "scheduler", "mq-deadline");
	begin(&measured);
	fio("--rw=randread --bs=4k --ioengine=libaio --iodepth=32 --number_ios=20000", &read, NULL);
	end(&measured);
	lab_queue(&device, "scheduler", "none");

	assert_accounted(&measured, TS_FAMILY_BLOCK_LATENCY, TS_DISK_READ, read.requests);
	assert_accounted(&measured, TS_FAMILY_BLOCK_QUEUE_LATENCY, TS_DISK_READ, read.requests);
	assert_accounted(&measured, TS_FAMILY_BLOCK_DEVICE_LATENCY, TS_DISK_READ, read.requests);
	assert_int_equal(histogram(window, TS_FAMILY_BLOCK_LATENCY, "read")->sum,
			 histogram(window, TS_FAMILY_BLOCK_QUEUE_LATENCY, "read")->sum +
				 histogram(window, TS_FAMILY_BLOCK_DEVICE_LATENCY, "read")->sum);
	assert_int_equal(counter(window, TS_FAMILY_BLOCK_DEPTH_REQUESTS, "read", NULL),
			 requests(window, TS_FAMILY_BLOCK_DEVICE_LATENCY, "read"));
	assert_int_equal(counter(window, TS_FAMILY_BLOCK_DEPTH_SECONDS, "read", NULL),
			 histogram(window, TS_FAMILY_BLOCK_DEVICE_LATENCY, "read")->sum);
	ts_window_free(window);
}

/* Reads of one kind; how many of them were sequential. */
static double sequential_share(const char *options)
{
	struct measured measured;
	struct fio read;
	double sequential;

	begin(&measured);
	fio(options, &read, NULL);
	end(&measured);
	sequential = (double)counter(&measured.window, TS_FAMILY_BLOCK_SEQUENTIAL, "read", NULL);
	print_message("# sequential: %.0f of %lu\n", sequential, read.requests);
	assert_accounted(&measured, TS_FAMILY_BLOCK_IO_SIZE, TS_DISK_READ, read.requests);
	ts_window_free(&measured.window);
	return sequential / (double)read.requests;
}

static void test_sequential_and_random(void **state)
{
	use_device(MEMORY, 0);
	assert_true(sequential_share("--rw=read --bs=4k --ioengine=psync --number_ios=8000") > 0.9);
	assert_true(sequential_share("--rw=randread --bs=4k --ioengine=psync --number_ios=8000") <
		    0.05);
}

static void test_reads_beside_writes(void **state)
{
	struct measured measured;
	struct ts_window *window = &measured.window;
	struct fio read, write;
	uint64_t alone, all;

	use_device(DISK, LO_FLAGS_DIRECT_IO);
	begin(&measured);
	fio("--rw=randrw --bs=4k --ioengine=libaio --iodepth=16 --number_ios=10000", &read, &write);
	end(&measured);
	assert_accounted(&measured, TS_FAMILY_BLOCK_LATENCY, TS_DISK_READ, read.requests);
	assert_accounted(&measured, TS_FAMILY_BLOCK_LATENCY, TS_DISK_WRITE, write.requests);
	all = ts_window_counter(window, TS_FAMILY_BLOCK_READ_BESIDE_WRITES,
				TS_LABELS(device.name, NULL));
	alone = ts_window_counter(window, TS_FAMILY_BLOCK_READ_BESIDE_WRITES,
				  TS_LABELS(device.name, "0"));
	print_message("# %lu reads, %lu of them with no write in flight\n", all, alone);
	assert_int_equal(all, requests(window, TS_FAMILY_BLOCK_DEVICE_LATENCY, "read"));
	assert_true(alone < all / 4);
	assert_int_equal(ts_window_counter(window, TS_FAMILY_BLOCK_READ_BESIDE_SECONDS,
					   TS_LABELS(device.name, NULL)),
			 histogram(window, TS_FAMILY_BLOCK_DEVICE_LATENCY, "read")->sum);
	ts_window_free(window);
}

static void test_flush_and_discard(void **state)
{
	enum { WRITES = 50, DISCARDS = 7 };
	static char data[BLOCK_BYTES] __attribute__((aligned(BLOCK_BYTES)));
	struct measured measured;
	const struct ts_disk *at = measured.account;
	uint64_t range[2] = {0, 1 << 16}, discards;

	use_device(MEMORY, 0);
	begin(&measured);
	for (unsigned int i = 0; i < WRITES; i++) {
		assert_int_equal(pwrite(device.descriptor, data, sizeof data, i * 3 * BLOCK_BYTES),
				 sizeof data);
		assert_int_equal(fsync(device.descriptor), 0);
	}
	for (uint64_t i = 0; i < DISCARDS; i++) {
		range[0] = i << 20;
		assert_int_equal(ioctl(device.descriptor, BLKDISCARD, range), 0);
	}
	end(&measured);

	/* The kernel accounts an empty write that carries a flush as a write, too. */
	assert_all_seen(requests(&measured.window, TS_FAMILY_BLOCK_LATENCY, "write"), WRITES);
	assert_accounted(&measured, TS_FAMILY_BLOCK_LATENCY, TS_DISK_FLUSH, WRITES);
	assert_int_equal(WRITES, at[2].requests[TS_DISK_FLUSH] - at[1].requests[TS_DISK_FLUSH]);
	assert_accounted(&measured, TS_FAMILY_BLOCK_LATENCY, TS_DISK_DISCARD, DISCARDS);
	discards = requests(&measured.window, TS_FAMILY_BLOCK_LATENCY, "discard");
	assert_int_equal(histogram(&measured.window, TS_FAMILY_BLOCK_IO_SIZE, "discard")->sum,
			 discards * range[1]);
	assert_int_equal(at[2].bytes[TS_DISK_DISCARD] - at[1].bytes[TS_DISK_DISCARD],
			 DISCARDS * range[1]);
	ts_window_free(&measured.window);
}

/* Behind the end of a file system that is full every write fails. */
static void test_errors(void **state)
{
	enum { WRITES = 20 };
	static char data[BLOCK_BYTES] __attribute__((aligned(BLOCK_BYTES)));
	char directory[] = "/tmp/tunescope-full-XXXXXX", path[64];
	struct ts_window window;
	struct ts_snapshot *earlier;
	unsigned int failed = 0;
	int file;

	assert_non_null(mkdtemp(directory));
	assert_int_equal(mount("tunescope", directory, "tmpfs", 0, "size=1m"), 0);
	snprintf(path, sizeof path, "%s/file", directory);
	file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	umount2(directory, MNT_DETACH);
	rmdir(directory);
	assert_true(file >= 0);
	assert_int_equal(ftruncate(file, 8 << 20), 0);
	lab_device_over(&device, file, 0);
	earlier = lab_snapshot(&block);
	for (unsigned int i = 0; i < WRITES; i++)
		failed += pwrite(device.descriptor, data, sizeof data, i * (256 << 10)) < 0;
	/* Pages of the first megabyte's worth of writes succeed; fill it and try again. */
	for (unsigned int i = 0; i < (1 << 20) / BLOCK_BYTES; i++)
		failed += pwrite(device.descriptor, data, sizeof data,
				 (4 << 20) + i * 2 * BLOCK_BYTES) < 0;
	lab_window(&block, earlier, &window);
	print_message("# %u writes failed\n", failed);
	assert_true(failed > 0);
	assert_all_seen(counter(&window, TS_FAMILY_BLOCK_ERRORS, "write", NULL), failed);
	assert_all_seen(requests(&window, TS_FAMILY_BLOCK_DEVICE_LATENCY, "write"),
			WRITES + (1 << 20) / BLOCK_BYTES);
	ts_window_free(&window);
}

/* Then the kernel notes no start, and a stale one must not be taken for it. */
static void test_without_account(void **state)
{
	struct ts_window window;
	struct ts_snapshot *earlier;
	struct fio read;

	use_device(MEMORY, 0);
	lab_queue(&device, "iostats", "0");
	earlier = lab_snapshot(&block);
	fio("--rw=randread --bs=4k --ioengine=psync --number_ios=3000", &read, NULL);
	lab_window(&block, earlier, &window);
	/* A few may be others'. */
	assert_seen(requests(&window, TS_FAMILY_BLOCK_DEVICE_LATENCY, "read"), read.requests,
		    read.requests + read.requests / 100);
	assert_true(ts_histogram_max(histogram(&window, TS_FAMILY_BLOCK_DEVICE_LATENCY, "read")) <
		    window.seconds);
	assert_int_equal(requests(&window, TS_FAMILY_BLOCK_LATENCY, "read"), 0);
	assert_int_equal(requests(&window, TS_FAMILY_BLOCK_QUEUE_LATENCY, "read"), 0);
	ts_window_free(&window);
}

/* Without writeback throttling the queue keeps no time of issue: the program takes it itself. */
static void test_without_statistics(void **state)
{
	struct ts_histogram *latency;
	struct ts_window window;
	struct ts_snapshot *earlier;
	struct fio read;

	use_device(DISK, LO_FLAGS_DIRECT_IO);
	lab_queue(&device, "wbt_lat_usec", "0");
	earlier = lab_snapshot(&block);
	fio("--rw=randread --bs=256k --ioengine=libaio --iodepth=32 --runtime=1 --time_based",
	    &read, NULL);
	lab_window(&block, earlier, &window);
	latency = histogram(&window, TS_FAMILY_BLOCK_DEVICE_LATENCY, "read");
	assert_non_null(latency);
	print_message("# wbt off: fio p50 %.1f us, we %.1f us\n", read.p50 * 1e6,
		      ts_histogram_quantile(latency, 0.5) * 1e6);
	assert_quantile(latency, 0.5, read.p50);
	ts_window_free(&window);
}

static void test_one_program_missing(void **state)
{
	static const char *const names[] = {"block_rq_issue", NULL};
	struct lab_source other;
	struct ts_snapshot *snapshot;
	int error;

	ts_disabled_programs = names;
	error = lab_open(&other, &ts_source_block);
	ts_disabled_programs = NULL;
	assert_int_equal(error, 0);
	snapshot = lab_snapshot(&other);
	assert_int_equal(snapshot->family[TS_FAMILY_BLOCK_LATENCY].status, TS_STATUS_DISABLED);
	assert_true(strstr(snapshot->family[TS_FAMILY_BLOCK_LATENCY].why, names[0]) != NULL);
	assert_int_equal(snapshot->family[TS_FAMILY_BLOCK_LATENCY].count, 0);
	ts_snapshot_free(snapshot);
	lab_close(&other);
}

static void test_nothing_was_lost(void **state)
{
	struct ts_snapshot *snapshot = lab_snapshot(&block);
	const struct ts_family_data *all = &snapshot->family[TS_FAMILY_BLOCK_LATENCY];
	__u64 requests = 0;

	for (size_t i = 0; i < all->count; i++)
		requests += all->series[i].histogram->count;
	print_message("# %llu events lost, %llu requests\n",
		      (unsigned long long)snapshot->cost.lost_events, (unsigned long long)requests);
	/* Emulated, a program takes so long that at times its own event interrupts it. */
	assert_true(snapshot->cost.lost_events <= (lab_is_slowed() ? requests / 100 : 0));
	ts_snapshot_free(snapshot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_latency_agrees_with_fio, drop_device),
		cmocka_unit_test_teardown(test_queue_and_device_make_total, drop_device),
		cmocka_unit_test_teardown(test_sequential_and_random, drop_device),
		cmocka_unit_test_teardown(test_reads_beside_writes, drop_device),
		cmocka_unit_test_teardown(test_flush_and_discard, drop_device),
		cmocka_unit_test_teardown(test_errors, drop_device),
		cmocka_unit_test_teardown(test_without_account, drop_device),
		cmocka_unit_test_teardown(test_without_statistics, drop_device),
		cmocka_unit_test(test_one_program_missing),
		cmocka_unit_test(test_nothing_was_lost),
	};

	return cmocka_run_group_tests_name("block", tests, open_source, close_source);
}
