// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "dirty-throttle"
#define MIB  1048576.0

struct writers {
	const char *device;
	double pause;
	__u64 pauses;
	double span, busy, dirtied;
	const char *bytes, *ratio, *background_bytes, *background_ratio;
	double limit, available;
};

/* The lab's: 64 MiB every 2.5 s, a limit of 4 MiB, a device that needs 1.1 s for each burst. */
static const struct writers lab = {"loop0",   0.04, 80,	       8.6, 4.3,     256 * MIB,
				   "4194304", "0",  "2097152", "0", 4194304, 6e9};

static void add(struct fixture *f, const struct writers *w)
{
	fixture_setting(f, TS_SETTING_DIRTY_BYTES, "", w->bytes, "");
	fixture_setting(f, TS_SETTING_DIRTY_RATIO, "", w->ratio, "");
	fixture_setting(f, TS_SETTING_DIRTY_BACKGROUND_BYTES, "", w->background_bytes, "");
	fixture_setting(f, TS_SETTING_DIRTY_BACKGROUND_RATIO, "", w->background_ratio, "");
	fixture_latency(f, DIRTY_THROTTLE_PAUSE, TS_HISTOGRAM_SCALE_KEYED, w->pause, w->pauses,
			w->device);
	fixture_seconds(f, DIRTY_THROTTLE_SPAN, w->span, w->device);
	fixture_seconds(f, DIRTY_THROTTLE_BUSY, w->busy, w->device);
	fixture_counter(f, VM_EVENTS, w->dirtied / 4096, "nr_dirtied");
	fixture_counter(f, DISK_BYTES, w->dirtied, w->device, "write");
	fixture_gauge(f, MEMORY, w->available, "available");
	fixture_gauge(f, MEMORY, w->limit, "dirty-limit");
	fixture_gauge(f, MEMORY, 0, "dirty");
	fixture_gauge(f, MEMORY, 0, "writeback");
}

static void judge(struct fixture *f, const struct writers *w)
{
	fixture_open(f);
	add(f, w);
	fixture_judge(f);
}

static void names_dirty_bytes(void **state)
{
	struct fixture f;
	const struct ts_finding *finding;

	judge(&f, &lab);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL);
	assert_string_equal(finding->setting, "vm.dirty_bytes");
	assert_string_equal(finding->current, "4194304");
	assert_string_equal(finding->proposed, "536870912");
	assert_string_equal(finding->apply, "sysctl -w vm.dirty_bytes=536870912 "
					    "vm.dirty_background_bytes=268435456");
	assert_string_equal(finding->undo, "sysctl -w vm.dirty_bytes=4194304 "
					   "vm.dirty_background_bytes=2097152");
	assert_string_equal(finding->id, "dirty-throttle/vm.dirty_bytes");
	fixture_close(&f);
}

/* What is held back by a cgroup's own I/O limit fills any limit, and leaves the device idle. */
static void add_lab(struct fixture *f)
{
	add(f, &lab);
}

static void behind_the_limit_of_a_cgroup(void **state)
{
	fixture_check_io_limit(RULE, add_lab, "loop0", "write-bytes", "read-bytes");
}

static void names_the_form_in_force(void **state)
{
	struct writers w = lab;
	struct fixture f;
	const struct ts_finding *finding;

	w.bytes = w.background_bytes = "0", w.ratio = "2", w.background_ratio = "1";
	judge(&f, &w);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL);
	assert_string_equal(finding->setting, "vm.dirty_ratio");
	assert_string_equal(finding->proposed, "9"); /* 512 MiB of 6 GB */
	assert_string_equal(finding->apply,
			    "sysctl -w vm.dirty_ratio=9 vm.dirty_background_ratio=4");
	assert_string_equal(finding->undo,
			    "sysctl -w vm.dirty_ratio=2 vm.dirty_background_ratio=1");
	fixture_close(&f);

	/* Mixed: a background limit of 0 bytes cannot be written back, its ratio can. */
	w = lab;
	w.background_bytes = "0", w.background_ratio = "10";
	judge(&f, &w);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL);
	assert_string_equal(finding->undo, "sysctl -w vm.dirty_bytes=4194304 "
					   "vm.dirty_background_ratio=10");
	fixture_close(&f);
}

static void just_below_is_quiet(void **state)
{
	struct writers w = lab;
	struct fixture f;

	w.pause = 0.0037; /* 80 of them: 0.296 s of the 0.3 s that count */
	judge(&f, &w);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
	w.pause = 0.0038;
	judge(&f, &w);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_RECOMMEND);
	fixture_close(&f);
	w.pause = 1, w.pauses = 4;
	judge(&f, &w);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
}

static void a_device_that_is_too_slow(void **state)
{
	struct writers w = lab;
	struct fixture f;
	const struct ts_finding *finding;

	w.busy = 0.98 * w.span;
	judge(&f, &w);
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, "loop0");
	assert_string_equal(finding->cause, "sustained-writes");
	assert_string_equal(finding->acquits, "vm.dirty_bytes");
	fixture_close(&f);
}

static void in_between_more_is_needed(void **state)
{
	struct writers w = lab;
	struct fixture f;

	w.busy = 0.8 * w.span;
	judge(&f, &w);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_INSUFFICIENT);
	assert_contains(fixture_result(&f, RULE)->why, "observe for at least 30 s");
	fixture_close(&f);
	/* A single burst: busy while it lasts, whatever follows. */
	w.span = 1.1, w.busy = 1.1;
	judge(&f, &w);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_INSUFFICIENT);
	assert_contains(fixture_result(&f, RULE)->why, "one burst");
	fixture_close(&f);
}

static void a_cgroup_s_share(void **state)
{
	struct writers w = lab;
	struct fixture f;

	w.limit = 4e9; /* the host's limit is far away */
	judge(&f, &w);
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL)->cause,
			    "memory-cgroup");
	fixture_close(&f);
}

static void converges(void **state)
{
	struct writers w = lab;
	struct fixture f;
	char value[32];

	/* The bursts fit: nobody is paused. */
	w.bytes = "536870912", w.limit = 536870912, w.pauses = 0, w.span = w.busy = 0;
	judge(&f, &w);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
	/* Pauses in spite of the largest limit that memory allows. */
	w = lab;
	w.dirtied = 1e11, w.limit = 1e9;
	for (int round = 0; round < 2; round++) {
		judge(&f, &w);
		assert_int_equal(fixture_outcome(&f, RULE),
				 round ? TS_OUTCOME_ALREADY_SET : TS_OUTCOME_RECOMMEND);
		if (!round) {
			snprintf(value, sizeof value, "%s", f.report->finding[0].proposed);
			w.bytes = value;
			assert_true(strtod(value, NULL) <= 0.2 * w.available);
		}
		fixture_close(&f);
	}
}

static void two_devices_one_value(void **state)
{
	struct writers slow = lab;
	struct fixture f;

	slow.device = "sdb", slow.busy = slow.span;
	fixture_open(&f);
	add(&f, &lab);
	add(&f, &slow);
	fixture_judge(&f);
	/* sdb fills any limit there is: more of it would not help loop0 either. */
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL)->device,
			    "sdb");
	fixture_close(&f);

	slow.busy = 0.4 * slow.span;
	fixture_open(&f);
	add(&f, &lab);
	add(&f, &slow);
	fixture_judge(&f);
	fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL); /* there is only one */
	fixture_close(&f);
}

static void not_measured(void **state)
{
	struct fixture f;

	fixture_open(&f);
	add(&f, &lab);
	fixture_unsupported(&f, TS_FAMILY_DIRTY_THROTTLE_PAUSE, "no such tracepoint");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_UNAVAILABLE);
	assert_contains(fixture_result(&f, RULE)->why, "no such tracepoint");
	fixture_close(&f);
}

static void hostile_names(void **state)
{
	struct writers w = lab;
	struct fixture f;

	w.device = "../../x';reboot;\x01%n";
	w.busy = w.span;
	judge(&f, &w);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL)->device,
			    w.device);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_dirty_bytes),
		cmocka_unit_test(names_the_form_in_force),
		cmocka_unit_test(behind_the_limit_of_a_cgroup),
		cmocka_unit_test(just_below_is_quiet),
		cmocka_unit_test(a_device_that_is_too_slow),
		cmocka_unit_test(in_between_more_is_needed),
		cmocka_unit_test(a_cgroup_s_share),
		cmocka_unit_test(converges),
		cmocka_unit_test(two_devices_one_value),
		cmocka_unit_test(not_measured),
		cmocka_unit_test(hostile_names),
	};

	return cmocka_run_group_tests_name("rule dirty-throttle", tests, NULL, NULL);
}
