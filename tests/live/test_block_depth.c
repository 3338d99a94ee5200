// SPDX-License-Identifier: GPL-2.0-only
/* How many requests are in flight, on a loop device of our own: none is forgotten, none stays. */
#include "block_fio.h"

#include <bpf/bpf.h>

static uint64_t deep_requests(const struct ts_window *window)
{
	uint64_t deep = 0;

	ts_for_each_series (series, window, TS_FAMILY_BLOCK_DEPTH_REQUESTS) {
		if (strcmp(series->label[0], device.name) || !series->counter)
			continue;
		print_message("# iodepth 16, class %s: %llu\n", series->label[2], series->counter);
		assert_true(atoi(series->label[2]) <= 32);
		if (atoi(series->label[2]) >= 8)
			deep += series->counter;
	}
	return deep;
}

/*
 * Nothing in flight is forgotten: after the deep phase a single request is alone again. One whose
 * completion no program saw stays in flight until the snapshot that finds the device idle, or until
 * its place in the queue is used again: with few places, at once.
 */
static void test_depth(void **state)
{
	struct measured measured;
	struct ts_window *window = &measured.window;
	uint64_t alone, all;
	struct fio read;

	use_device(DISK, LO_FLAGS_DIRECT_IO);
	begin(&measured);
	fio("--rw=randread --bs=4k --ioengine=libaio --iodepth=16 --number_ios=20000", &read, NULL);
	end(&measured);
	assert_int_equal(counter(window, TS_FAMILY_BLOCK_DEPTH_REQUESTS, "read", NULL),
			 requests(window, TS_FAMILY_BLOCK_DEVICE_LATENCY, "read"));
	assert_true(deep_requests(window) > read.requests / 2);
	ts_window_free(window);

	lab_queue(&device, "nr_requests", "4");
	begin(&measured);
	fio("--rw=randread --bs=4k --ioengine=psync --number_ios=2000", &read, NULL);
	end(&measured);
	alone = counter(window, TS_FAMILY_BLOCK_DEPTH_REQUESTS, "read", "1");
	all = counter(window, TS_FAMILY_BLOCK_DEPTH_REQUESTS, "read", NULL);
	print_message("# one at a time: %lu of %lu were alone\n", alone, all);
	assert_accounted(&measured, TS_FAMILY_BLOCK_DEVICE_LATENCY, TS_DISK_READ, read.requests);
	assert_true((double)alone > 0.95 * (double)all);
	ts_window_free(window);
}

static bool is_bpf(int descriptor, const char *kind)
{
	char path[64], target[64] = "";

	snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
	return readlink(path, target, sizeof target - 1) > 0 &&
	       !strncmp(target, kind, strlen(kind));
}

/*
 * The program that sees completions for the source opened last, and the descriptor of the link that
 * keeps it attached.
 */
static int completion_link(int *program)
{
	__u32 newest = 0;
	int found = -1;

	*program = -1;
	for (int descriptor = 3; descriptor < 1024; descriptor++) {
		struct bpf_prog_info info = {0};
		__u32 size = sizeof info;

		if (!is_bpf(descriptor, "anon_inode:bpf-prog") ||
		    bpf_obj_get_info_by_fd(descriptor, &info, &size) || info.id <= newest ||
		    strncmp(info.name, "block_rq_complete", sizeof info.name - 1))
			continue;
		newest = info.id;
		*program = descriptor;
	}
	for (int descriptor = 3; descriptor < 1024; descriptor++) {
		struct bpf_link_info link = {0};
		__u32 size = sizeof link;

		if (is_bpf(descriptor, "anon_inode:bpf_link") &&
		    !bpf_obj_get_info_by_fd(descriptor, &link, &size) && link.prog_id == newest)
			found = descriptor;
	}
	assert_true(*program >= 0 && found >= 0);
	return found;
}

/*
 * Many requests at a time, the completions of which no program sees, and then one at a time: how
 * many of those were thought not to be alone?
 */
static uint64_t not_alone(struct lab_source *source, bool snapshot_between)
{
	int program, link = completion_link(&program);
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct ts_snapshot *earlier = lab_snapshot(source);
	struct ts_window window;
	uint64_t alone, all;

	assert_true(nothing >= 0);
	assert_int_equal(dup2(nothing, link), link);
	close(nothing);
	fio("--rw=randread --bs=4k --ioengine=libaio --iodepth=32 --number_ios=400", NULL, NULL);
	nothing = bpf_raw_tracepoint_open(NULL, program);
	assert_true(nothing >= 0);
	assert_int_equal(dup2(nothing, link), link);
	close(nothing);
	lab_wait_idle(&device);
	if (snapshot_between) {
		ts_snapshot_free(earlier);
		earlier = lab_snapshot(source);
	}
	fio("--rw=randread --bs=4k --ioengine=psync --number_ios=400", NULL, NULL);
	lab_window(source, earlier, &window);
	alone = counter(&window, TS_FAMILY_BLOCK_DEPTH_REQUESTS, "read", "1");
	all = counter(&window, TS_FAMILY_BLOCK_DEPTH_REQUESTS, "read", NULL);
	ts_window_free(&window);
	print_message("# one at a time: %lu of %lu were alone\n", alone, all);
	assert_true(all >= 390);
	return all - alone;
}

/* Until their places are used again, or a snapshot finds the device idle. */
static void test_unseen_completions(void **state)
{
	struct lab_source other;

	use_device(DISK, LO_FLAGS_DIRECT_IO);
	assert_int_equal(lab_open(&other, &ts_source_block), 0);
	assert_true(not_alone(&other, false) >= 16);
	assert_true(not_alone(&other, true) <= 8);
	lab_close(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_depth, drop_device),
		cmocka_unit_test_teardown(test_unseen_completions, drop_device),
	};

	return cmocka_run_group_tests_name("block depth", tests, open_source, close_source);
}
