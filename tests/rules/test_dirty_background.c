// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "dirty-background"
#define MIB  1048576.0

struct syncing {
	double took; /* seconds each */
	__u64 calls;
	double overdue, written; /* of all calls: seconds, bytes */
	double busy, bytes;	 /* of the device in 10 s */
	double limit;
	double throttled; /* seconds between pauses of writers */
};

/* The lab's: 20 MiB a second on a device that writes 59 MiB/s, synced every two seconds. */
static const struct syncing lab = {.took = 0.7,
				   .calls = 3,
				   .overdue = 2.1,
				   .written = 120 * MIB,
				   .busy = 2.6,
				   .bytes = 150 * MIB,
				   .limit = 2100 * MIB};

static void add(struct fixture *f, const struct syncing *y)
{
	fixture_setting(f, TS_SETTING_DIRTY_BACKGROUND_BYTES, "", "0", "");
	fixture_setting(f, TS_SETTING_DIRTY_BACKGROUND_RATIO, "", "10", "");
	fixture_latency(f, FSYNC_LATENCY, TS_HISTOGRAM_SCALE_KEYED, y->took, y->calls, "sdb");
	fixture_seconds(f, FSYNC_OVERDUE, y->overdue, "sdb");
	fixture_counter(f, FSYNC_CLEANED, y->written, "sdb");
	fixture_seconds(f, DISK_BUSY, y->busy, "sdb");
	fixture_counter(f, DISK_BYTES, y->bytes, "sdb", "write");
	fixture_gauge(f, MEMORY, y->limit, "dirty-background-limit");
	fixture_seconds(f, DIRTY_THROTTLE_SPAN, y->throttled, "sdb");
}

static void judge(struct fixture *f, const struct syncing *y)
{
	fixture_open(f);
	add(f, y);
	fixture_judge(f);
}

static void outcome_is(const struct syncing *y, enum ts_outcome outcome)
{
	struct fixture f;

	judge(&f, y);
	assert_int_equal(fixture_outcome(&f, RULE), outcome);
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND),
			 outcome == TS_OUTCOME_RECOMMEND);
	fixture_close(&f);
}

/* What is held back by a cgroup's own I/O limit fills any limit, and leaves the device idle. */
static void add_lab(struct fixture *f)
{
	add(f, &lab);
}

static void behind_the_limit_of_a_cgroup(void **state)
{
	fixture_check_io_limit(RULE, add_lab, "sdb", "write-bytes", "read-bytes");
}

static void names_the_setting(void **state)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, &lab);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL);
	assert_string_equal(finding->setting, "vm.dirty_background_bytes");
	assert_string_equal(finding->proposed, "4194304"); /* 57 MiB/s for 0.05 s, rounded up */
	assert_string_equal(finding->apply, "sysctl -w vm.dirty_background_bytes=4194304");
	assert_string_equal(finding->undo, "sysctl -w vm.dirty_background_ratio=10");
	fixture_close(&f);
}

static void just_below(void **state)
{
	struct syncing y = lab;

	y.took = 0.149, y.calls = 2; /* 0.298 s of the 0.3 s that count */
	outcome_is(&y, TS_OUTCOME_QUIET);
	y = lab, y.took = 0.08, y.calls = 20;
	outcome_is(&y, TS_OUTCOME_QUIET);
	/* One call is enough when it takes a tenth of the time. */
	y = lab, y.calls = 1, y.took = 0.9, y.overdue = 0.9, y.written = 60 * MIB;
	outcome_is(&y, TS_OUTCOME_QUIET);
	y.took = 1.1, y.overdue = 1.1;
	outcome_is(&y, TS_OUTCOME_RECOMMEND);
}

static void a_device_that_is_saturated(void **state)
{
	struct syncing y = lab;
	struct fixture f;

	y.busy = 9.2, y.bytes = 530 * MIB;
	judge(&f, &y);
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, "sdb")->cause,
			    "device-saturated");
	fixture_close(&f);
	y.busy = 8, y.bytes = 460 * MIB;
	outcome_is(&y, TS_OUTCOME_INSUFFICIENT);
	/* Or one beside it. */
	fixture_open(&f);
	add(&f, &lab);
	fixture_seconds(&f, DISK_BUSY, 9.5, "sdc");
	fixture_counter(&f, DISK_BYTES, 1e9, "sdc", "write");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_INSUFFICIENT);
	fixture_close(&f);
}

static void look_alikes(void **state)
{
	struct syncing y = lab;

	/* Written, and synced at once. */
	y.overdue = 0.5;
	outcome_is(&y, TS_OUTCOME_QUIET);
	/* A database: each commit waits for the device, whatever else is dirty. */
	y = lab, y.written = 1 * MIB;
	outcome_is(&y, TS_OUTCOME_QUIET);
	y = lab, y.written = 30 * MIB; /* takes the device 0.5 s of the 2.1 */
	outcome_is(&y, TS_OUTCOME_QUIET);
	/* The limit is low already. */
	y = lab, y.limit = 4 * MIB;
	outcome_is(&y, TS_OUTCOME_QUIET);
	/* Writers are paused: the other rule changes both limits. */
	y = lab, y.throttled = 4;
	outcome_is(&y, TS_OUTCOME_INSUFFICIENT);
}

/* Of a filesystem on several disks nobody knows how fast they are. */
static void no_disk_of_its_own(void **state)
{
	struct fixture f;

	fixture_open(&f);
	add(&f, &lab);
	fixture_latency(&f, FSYNC_LATENCY, TS_HISTOGRAM_SCALE_KEYED, 2, 3, "btrfs-1");
	fixture_seconds(&f, FSYNC_OVERDUE, 6, "btrfs-1");
	fixture_counter(&f, FSYNC_CLEANED, 300 * MIB, "btrfs-1");
	fixture_judge(&f);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL)->proposed,
			    "4194304");
	fixture_close(&f);
	fixture_open(&f);
	fixture_setting(&f, TS_SETTING_DIRTY_BACKGROUND_BYTES, "", "0", "");
	fixture_latency(&f, FSYNC_LATENCY, TS_HISTOGRAM_SCALE_KEYED, 2, 3, "btrfs-1");
	fixture_seconds(&f, FSYNC_OVERDUE, 6, "btrfs-1");
	fixture_counter(&f, FSYNC_CLEANED, 300 * MIB, "btrfs-1");
	fixture_seconds(&f, DISK_BUSY, 1, "sdb");
	fixture_counter(&f, DISK_BYTES, 1, "sdb", "write");
	fixture_gauge(&f, MEMORY, 2e9, "dirty-background-limit");
	fixture_seconds(&f, DIRTY_THROTTLE_SPAN, 0, "sdb");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_INSUFFICIENT);
	fixture_close(&f);
}

static void unavailable(void **state)
{
	struct fixture f;

	fixture_open(&f);
	add(&f, &lab);
	fixture_unsupported(&f, TS_FAMILY_FSYNC_LATENCY, "no ext4");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_UNAVAILABLE);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_setting), cmocka_unit_test(behind_the_limit_of_a_cgroup),
		cmocka_unit_test(just_below),	     cmocka_unit_test(a_device_that_is_saturated),
		cmocka_unit_test(look_alikes),	     cmocka_unit_test(no_disk_of_its_own),
		cmocka_unit_test(unavailable),
	};

	return cmocka_run_group_tests_name("rule dirty-background", tests, NULL, NULL);
}
