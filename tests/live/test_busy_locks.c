// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where BPF has no atomic operations that return what was there, programs have locks, of which one
 * may be busy: what that costs is those requests, and nothing once it is over.
 */
#include "block_fio.h"

#include <bpf/bpf.h>

#define LOCKS	   64
#define LOCKS_NAME "data.locks"
#define DEEP	   400
#define ALONE	   400

static struct lab_source without;

/* As if this kernel were one of those. */
static void open_without_fetch(void)
{
	struct btf *btf = btf__parse(KERNEL_BTF, NULL);

	without = (struct lab_source){
		.source = &ts_source_block,
		.live = {.btf_path = KERNEL_BTF,
			 .kernel_btf = btf,
			 .proc = "/proc",
			 .sys = "/sys",
			 .without_fetch = true},
	};
	assert_non_null(btf);
	assert_int_equal(
		ts_source_block.open(&without.live, &without.state, &without.status, without.why),
		0);
	btf__free(btf);
	without.live.kernel_btf = NULL;
}

/* The locks' map of the source opened last. */
static int locks_map(void)
{
	struct bpf_map_info info;
	__u32 id = 0, size;
	int found = -1, map;

	while (!bpf_map_get_next_id(id, &id)) {
		map = bpf_map_get_fd_by_id(id);
		size = sizeof info;
		memset(&info, 0, size);
		if (map < 0)
			continue;
		if (bpf_obj_get_info_by_fd(map, &info, &size) || !strstr(info.name, LOCKS_NAME)) {
			close(map);
			continue;
		}
		if (found >= 0)
			close(found);
		found = map;
	}
	assert_true(found >= 0);
	return found;
}

static void set_locks(int map, uint64_t holders)
{
	uint64_t locks[LOCKS];
	__u32 zero = 0;

	for (size_t i = 0; i < LOCKS; i++)
		locks[i] = holders;
	assert_int_equal(bpf_map_update_elem(map, &zero, locks, BPF_ANY), 0);
}

static uint64_t counted(const struct ts_window *window, const char *name)
{
	struct ts_histogram *found = ts_window_histogram(window, TS_FAMILY_BLOCK_DEVICE_LATENCY,
							 TS_LABELS(name, "read"));

	return found ? found->count : 0;
}

/* before: what the device has served, and so has a place for, before the locks are busy; or NULL.
 */
static void hold_and_release(const char *before)
{
	int map = locks_map();
	struct ts_snapshot *earlier, *later;
	struct ts_window window;
	uint64_t other, own, lost, alone, all;

	use_device(DISK, LO_FLAGS_DIRECT_IO);
	if (before)
		fio(before, NULL, NULL);
	lab_wait_idle(&device);
	earlier = lab_snapshot(&without);
	set_locks(map, 1);
	fio("--rw=randread --bs=4k --ioengine=libaio --iodepth=16 --number_ios=400", NULL, NULL);
	lab_wait_idle(&device);
	set_locks(map, 0);
	close(map);
	later = lab_snapshot(&without);
	lost = later->cost.lost_events - earlier->cost.lost_events;
	assert_int_equal(ts_window_make(earlier, later, &window), 0);
	ts_snapshot_free(earlier);
	ts_snapshot_free(later);
	own = counted(&window, device.name);
	other = counted(&window, "other");
	print_message("# busy: %lu of the device, %lu of others, %lu lost\n", own, other, lost);
	assert_true((own + other + lost) * 100 >= DEEP * 95);
	ts_window_free(&window);

	earlier = lab_snapshot(&without);
	fio("--rw=randread --bs=4k --ioengine=psync --number_ios=400", NULL, NULL);
	lab_wait_idle(&device);
	lab_window(&without, earlier, &window);
	alone = counter(&window, TS_FAMILY_BLOCK_DEPTH_REQUESTS, "read", "1");
	all = counter(&window, TS_FAMILY_BLOCK_DEPTH_REQUESTS, "read", NULL);
	print_message("# free: %lu of %lu were alone\n", alone, all);
	assert_true(all * 100 >= ALONE * 95 && alone * 100 > all * 95);
	ts_window_free(&window);
}

static void a_new_device(void **state)
{
	hold_and_release(NULL);
}

static void a_new_operation(void **state)
{
	hold_and_release("--rw=randwrite --bs=4k --ioengine=psync --number_ios=20");
}

static void a_known_operation(void **state)
{
	hold_and_release("--rw=randread --bs=4k --ioengine=psync --number_ios=20");
}

static int begin_without(void **state)
{
	open_without_fetch();
	return 0;
}

static int end_without(void **state)
{
	lab_close(&without);
	return drop_device(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_new_device, begin_without, end_without),
		cmocka_unit_test_setup_teardown(a_new_operation, begin_without, end_without),
		cmocka_unit_test_setup_teardown(a_known_operation, begin_without, end_without),
	};

	return cmocka_run_group_tests_name("busy locks", tests, NULL, NULL);
}
