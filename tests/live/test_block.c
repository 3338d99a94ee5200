// SPDX-License-Identifier: GPL-2.0-only
/* Block requests on a loop device of our own, compared with fio's and the kernel's own accounts. */
#include "block_lab.h"

#include <jansson.h>
#include <math.h>
#include <sys/mount.h>
#include <tunescope/block.h>

#include "../../user/core/histogram.h"
#include "../../user/live/probe.h"

#define DISK_BYTES  (64u << 20)
#define MEMORY	    "/dev/shm"
#define DISK	    "/var/tmp"
#define BLOCK_BYTES 4096u

extern const struct ts_source ts_source_block;

static struct lab_source block;
static struct lab_device device = {.descriptor = -1};

/* ---- fio */

struct fio {
	uint64_t requests, bytes;
	double mean, p50, p99; /* seconds, completion latency */
};

static void fio_direction(json_t *job, const char *direction, struct fio *result)
{
	json_t *part = json_object_get(job, direction);
	json_t *latency = json_object_get(part, "clat_ns");
	json_t *percentile = json_object_get(latency, "percentile");

	result->requests = (uint64_t)json_integer_value(json_object_get(part, "total_ios"));
	result->bytes = (uint64_t)json_integer_value(json_object_get(part, "io_bytes"));
	result->mean = json_number_value(json_object_get(latency, "mean")) / 1e9;
	result->p50 = json_number_value(json_object_get(percentile, "50.000000")) / 1e9;
	result->p99 = json_number_value(json_object_get(percentile, "99.000000")) / 1e9;
}

/* Runs fio on the device; write may be NULL. */
static void fio(const char *options, struct fio *read, struct fio *write)
{
	char output[] = "/tmp/tunescope-fio-XXXXXX", command[512];
	int file = mkstemp(output);
	json_error_t error;
	json_t *report, *job;

	assert_true(file >= 0);
	close(file);
	snprintf(command, sizeof command,
		 "fio --name=test --filename=%s --direct=1 --output-format=json --output=%s %s "
		 ">/dev/null 2>&1",
		 device.path, output, options);
	assert_int_equal(system(command), 0);
	report = json_load_file(output, 0, &error);
	unlink(output);
	assert_non_null(report);
	job = json_array_get(json_object_get(report, "jobs"), 0);
	assert_non_null(job);
	if (read)
		fio_direction(job, "read", read);
	if (write)
		fio_direction(job, "write", write);
	json_decref(report);
}

/* ---- Reading windows */

static uint64_t counter(const struct ts_window *window, enum ts_family_id id, const char *op,
			const char *third)
{
	return ts_window_counter(window, id, TS_LABELS(device.name, op, third));
}

static struct ts_histogram *histogram(const struct ts_window *window, enum ts_family_id id,
				      const char *op)
{
	return ts_window_histogram(window, id, TS_LABELS(device.name, op));
}

static uint64_t requests(const struct ts_window *window, enum ts_family_id id, const char *op)
{
	struct ts_histogram *found = histogram(window, id, op);

	return found ? found->count : 0;
}

/* Slots of the histogram between two quantiles in seconds. */
static unsigned int slots_apart(double a, double b)
{
	unsigned int slot_a = ts_histogram_slot(3, TS_UNIT_SECONDS, (uint64_t)llround(a * 1e9));
	unsigned int slot_b = ts_histogram_slot(3, TS_UNIT_SECONDS, (uint64_t)llround(b * 1e9));

	return slot_a > slot_b ? slot_a - slot_b : slot_b - slot_a;
}

static void use_device(const char *directory, uint32_t flags)
{
	lab_device_over(&device, lab_file(directory, DISK_BYTES), flags);
}

static int drop_device(void **state)
{
	lab_device_close(&device);
	return 0;
}

static int open_source(void **state)
{
	return lab_open(&block, &ts_source_block);
}

static int close_source(void **state)
{
	lab_close(&block);
	return 0;
}

/*
 * Everything was seen, but for a few: the kernel skips a program that is already running on that
 * CPU, and a kernel has been met on which the completions that interrupted one certain task reached
 * no BPF program at all, the empty one included. Never more than there was.
 */
static void assert_all_seen(uint64_t seen, uint64_t happened)
{
	if (seen > happened || seen + happened / 100 + 1 < happened)
		fail_msg("%lu of %lu were seen", seen, happened);
	if (seen != happened)
		print_message("# %lu of %lu were seen\n", seen, happened);
}

/* ---- Tests */

/*
 * Many large requests at a time: beside their latency, what fio's has in addition, submission and
 * wake-up, is small.
 */
static void test_latency_agrees_with_fio(void **state)
{
	struct ts_disk before, after;
	struct ts_histogram *total;
	struct ts_window window;
	struct ts_snapshot *earlier;
	struct fio read;

	use_device(DISK, LO_FLAGS_DIRECT_IO);
	earlier = lab_snapshot(&block);
	before = lab_account(&device);
	fio("--rw=randread --bs=256k --ioengine=libaio --iodepth=32 --runtime=3 --time_based",
	    &read, NULL);
	after = lab_account(&device);
	lab_window(&block, earlier, &window);

	total = histogram(&window, TS_FAMILY_BLOCK_LATENCY, "read");
	assert_non_null(total);
	print_message("# fio: %lu reads, mean %.1f us, p50 %.1f us, p99 %.1f us\n", read.requests,
		      read.mean * 1e6, read.p50 * 1e6, read.p99 * 1e6);
	print_message("# we:  %llu reads, mean %.1f us, p50 %.1f us, p99 %.1f us\n", total->count,
		      ts_histogram_mean(total) * 1e6, ts_histogram_quantile(total, 0.5) * 1e6,
		      ts_histogram_quantile(total, 0.99) * 1e6);
	assert_true(read.requests > 100);
	assert_int_equal(read.requests,
			 after.requests[TS_DISK_READ] - before.requests[TS_DISK_READ]);
	assert_all_seen(total->count, read.requests);
	assert_int_equal(histogram(&window, TS_FAMILY_BLOCK_IO_SIZE, "read")->sum,
			 total->count * (read.bytes / read.requests));
	assert_true(slots_apart(ts_histogram_quantile(total, 0.5), read.p50) <= 1);
	assert_true(slots_apart(ts_histogram_quantile(total, 0.99), read.p99) <= 1);
	assert_true(fabs(ts_histogram_mean(total) / read.mean - 1) < 0.1);
	assert_int_equal(counter(&window, TS_FAMILY_BLOCK_ERRORS, "read", NULL), 0);
	ts_window_free(&window);
}

static void test_queue_and_device_make_total(void **state)
{
	struct ts_window window;
	struct ts_snapshot *earlier;
	struct fio read;

	use_device(MEMORY, 0);
	lab_queue(&device, "scheduler", "mq-deadline");
	earlier = lab_snapshot(&block);
	fio("--rw=randread --bs=4k --ioengine=libaio --iodepth=32 --number_ios=20000", &read, NULL);
	lab_window(&block, earlier, &window);
	lab_queue(&device, "scheduler", "none");

	assert_all_seen(requests(&window, TS_FAMILY_BLOCK_LATENCY, "read"), read.requests);
	assert_all_seen(requests(&window, TS_FAMILY_BLOCK_QUEUE_LATENCY, "read"), read.requests);
	assert_all_seen(requests(&window, TS_FAMILY_BLOCK_DEVICE_LATENCY, "read"), read.requests);
	assert_int_equal(histogram(&window, TS_FAMILY_BLOCK_LATENCY, "read")->sum,
			 histogram(&window, TS_FAMILY_BLOCK_QUEUE_LATENCY, "read")->sum +
				 histogram(&window, TS_FAMILY_BLOCK_DEVICE_LATENCY, "read")->sum);
	assert_int_equal(counter(&window, TS_FAMILY_BLOCK_DEPTH_REQUESTS, "read", NULL),
			 requests(&window, TS_FAMILY_BLOCK_DEVICE_LATENCY, "read"));
	assert_int_equal(counter(&window, TS_FAMILY_BLOCK_DEPTH_SECONDS, "read", NULL),
			 histogram(&window, TS_FAMILY_BLOCK_DEVICE_LATENCY, "read")->sum);
	ts_window_free(&window);
}

static void test_sequential_and_random(void **state)
{
	struct ts_window window;
	struct ts_snapshot *earlier;
	struct fio read;

	use_device(MEMORY, 0);
	earlier = lab_snapshot(&block);
	fio("--rw=read --bs=4k --ioengine=psync --number_ios=8000", &read, NULL);
	lab_window(&block, earlier, &window);
	print_message("# sequential: %lu of %lu\n",
		      counter(&window, TS_FAMILY_BLOCK_SEQUENTIAL, "read", NULL), read.requests);
	assert_all_seen(requests(&window, TS_FAMILY_BLOCK_IO_SIZE, "read"), read.requests);
	assert_true(counter(&window, TS_FAMILY_BLOCK_SEQUENTIAL, "read", NULL) >
		    0.9 * (double)read.requests);
	ts_window_free(&window);

	earlier = lab_snapshot(&block);
	fio("--rw=randread --bs=4k --ioengine=psync --number_ios=8000", &read, NULL);
	lab_window(&block, earlier, &window);
	print_message("# random: %lu of %lu\n",
		      counter(&window, TS_FAMILY_BLOCK_SEQUENTIAL, "read", NULL), read.requests);
	assert_all_seen(requests(&window, TS_FAMILY_BLOCK_IO_SIZE, "read"), read.requests);
	assert_true(counter(&window, TS_FAMILY_BLOCK_SEQUENTIAL, "read", NULL) <
		    0.05 * (double)read.requests);
	ts_window_free(&window);
}

/* Nothing in flight is forgotten: after the deep phase a single request is alone again. */
static void test_depth(void **state)
{
	struct ts_window window;
	struct ts_snapshot *earlier;
	uint64_t deep = 0;
	struct fio read;

	use_device(DISK, LO_FLAGS_DIRECT_IO);
	earlier = lab_snapshot(&block);
	fio("--rw=randread --bs=4k --ioengine=libaio --iodepth=16 --number_ios=20000", &read, NULL);
	lab_window(&block, earlier, &window);
	assert_int_equal(counter(&window, TS_FAMILY_BLOCK_DEPTH_REQUESTS, "read", NULL),
			 requests(&window, TS_FAMILY_BLOCK_DEVICE_LATENCY, "read"));
	ts_for_each_series (series, &window, TS_FAMILY_BLOCK_DEPTH_REQUESTS) {
		if (strcmp(series->label[0], device.name) || !series->counter)
			continue;
		print_message("# iodepth 16, class %s: %llu\n", series->label[2], series->counter);
		assert_true(atoi(series->label[2]) <= 32);
		if (atoi(series->label[2]) >= 8)
			deep += series->counter;
	}
	assert_true(deep > read.requests / 2);
	ts_window_free(&window);

	earlier = lab_snapshot(&block);
	fio("--rw=randread --bs=4k --ioengine=psync --number_ios=2000", &read, NULL);
	lab_window(&block, earlier, &window);
	assert_true(counter(&window, TS_FAMILY_BLOCK_DEPTH_REQUESTS, "read", "1") >
		    0.95 * (double)read.requests);
	ts_window_free(&window);
}

static void test_reads_beside_writes(void **state)
{
	struct ts_window window;
	struct ts_snapshot *earlier;
	struct fio read, write;
	uint64_t alone, all;

	use_device(DISK, LO_FLAGS_DIRECT_IO);
	earlier = lab_snapshot(&block);
	fio("--rw=randrw --bs=4k --ioengine=libaio --iodepth=16 --number_ios=10000", &read, &write);
	lab_window(&block, earlier, &window);
	assert_all_seen(requests(&window, TS_FAMILY_BLOCK_LATENCY, "read"), read.requests);
	assert_all_seen(requests(&window, TS_FAMILY_BLOCK_LATENCY, "write"), write.requests);
	all = ts_window_counter(&window, TS_FAMILY_BLOCK_READ_BESIDE_WRITES,
				TS_LABELS(device.name, NULL));
	alone = ts_window_counter(&window, TS_FAMILY_BLOCK_READ_BESIDE_WRITES,
				  TS_LABELS(device.name, "0"));
	print_message("# %lu reads, %lu of them with no write in flight\n", all, alone);
	assert_int_equal(all, requests(&window, TS_FAMILY_BLOCK_DEVICE_LATENCY, "read"));
	assert_true(alone < all / 4);
	assert_int_equal(ts_window_counter(&window, TS_FAMILY_BLOCK_READ_BESIDE_SECONDS,
					   TS_LABELS(device.name, NULL)),
			 histogram(&window, TS_FAMILY_BLOCK_DEVICE_LATENCY, "read")->sum);
	ts_window_free(&window);
}

static void test_flush_and_discard(void **state)
{
	enum { WRITES = 50, DISCARDS = 7 };
	static char data[BLOCK_BYTES] __attribute__((aligned(BLOCK_BYTES)));
	struct ts_disk before, after;
	struct ts_window window;
	struct ts_snapshot *earlier;

	use_device(MEMORY, 0);
	earlier = lab_snapshot(&block);
	before = lab_account(&device);
	for (unsigned int i = 0; i < WRITES; i++) {
		assert_int_equal(pwrite(device.descriptor, data, sizeof data, i * 3 * BLOCK_BYTES),
				 sizeof data);
		assert_int_equal(fsync(device.descriptor), 0);
	}
	for (uint64_t i = 0; i < DISCARDS; i++) {
		uint64_t range[2] = {i << 20, 1 << 16};

		assert_int_equal(ioctl(device.descriptor, BLKDISCARD, range), 0);
	}
	after = lab_account(&device);
	lab_window(&block, earlier, &window);

	assert_all_seen(requests(&window, TS_FAMILY_BLOCK_LATENCY, "write"), WRITES);
	assert_all_seen(requests(&window, TS_FAMILY_BLOCK_LATENCY, "flush"), WRITES);
	assert_int_equal(WRITES, after.requests[TS_DISK_FLUSH] - before.requests[TS_DISK_FLUSH]);
	assert_int_equal(requests(&window, TS_FAMILY_BLOCK_LATENCY, "discard"), DISCARDS);
	assert_int_equal(histogram(&window, TS_FAMILY_BLOCK_IO_SIZE, "discard")->sum,
			 after.bytes[TS_DISK_DISCARD] - before.bytes[TS_DISK_DISCARD]);
	ts_window_free(&window);
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
	assert_int_equal(counter(&window, TS_FAMILY_BLOCK_ERRORS, "write", NULL), failed);
	assert_int_equal(requests(&window, TS_FAMILY_BLOCK_DEVICE_LATENCY, "write"),
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
	assert_all_seen(requests(&window, TS_FAMILY_BLOCK_DEVICE_LATENCY, "read"), read.requests);
	assert_true(ts_histogram_max(histogram(&window, TS_FAMILY_BLOCK_DEVICE_LATENCY, "read")) <
		    1);
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
	assert_true(slots_apart(ts_histogram_quantile(latency, 0.5), read.p50) <= 1);
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

	assert_int_equal(snapshot->cost.lost_events, 0);
	ts_snapshot_free(snapshot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_latency_agrees_with_fio, drop_device),
		cmocka_unit_test_teardown(test_queue_and_device_make_total, drop_device),
		cmocka_unit_test_teardown(test_sequential_and_random, drop_device),
		cmocka_unit_test_teardown(test_depth, drop_device),
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
