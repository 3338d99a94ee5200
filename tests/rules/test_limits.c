// SPDX-License-Identifier: GPL-2.0-only
/* The rules about limits that calls fail at: files, tasks, mappings, inotify, AIO, pipes. */
#include "fixture.h"

/* One limit, hit once or just not, and what is to be said about it. */
struct row {
	const char *rule, *limit;
	enum ts_setting_id setting; /* TS_SETTING_COUNT: a cause */
	double current;
	const char *wanted; /* proposed value, or cause */
	const char *owner;
};

static const struct row rows[] = {
	{"file-limit", "fs.file-max", TS_SETTING_FILE_MAX, 1700, "838860", "user 65534"},
	{"file-limit", "fs.nr_open", TS_SETTING_NR_OPEN, 1024, "1048576", "user 33"},
	{"file-limit", "rlimit/nofile", TS_SETTING_COUNT, 256, "rlimit-nofile", "user 33"},
	{"task-limit", "kernel.pid_max", TS_SETTING_PID_MAX, 700, "131072", "user 33"},
	{"task-limit", "kernel.threads-max", TS_SETTING_THREADS_MAX, 500, "65536", "user 33"},
	{"task-limit", "rlimit/nproc", TS_SETTING_COUNT, 100, "rlimit-nproc", "user 33"},
	{"task-limit", "pid-namespace/pid_max", TS_SETTING_COUNT, 400, "pid-namespace", "user 33"},
	{"task-limit", "cgroup/pids.max", TS_SETTING_COUNT, 60, "cgroup-pids", "cgroup web"},
	{"mapping-limit", "vm.max_map_count", TS_SETTING_MAX_MAP_COUNT, 1000, "262144", "user 33"},
	{"mapping-limit", "vm.max_map_count", TS_SETTING_MAX_MAP_COUNT, 131072, "524288",
	 "user 33"},
	{"mapping-limit", "rlimit/as", TS_SETTING_COUNT, 1e9, "rlimit-as", "user 33"},
	{"mapping-limit", "rlimit/data", TS_SETTING_COUNT, 1e9, "rlimit-data", "user 33"},
	{"inotify-limit", "fs.inotify.max_user_watches", TS_SETTING_INOTIFY_WATCHES, 500, "78090",
	 "user 33"},
	{"inotify-limit", "fs.inotify.max_user_instances", TS_SETTING_INOTIFY_INSTANCES, 128,
	 "1024", "user 33"},
	{"aio-limit", "fs.aio-max-nr", TS_SETTING_AIO_MAX_NR, 65536, "1048576", "user 33"},
	{"pipe-limit", "fs.pipe-user-pages-soft", TS_SETTING_PIPE_USER_PAGES_SOFT, 1024, "65536",
	 "user 33"},
};
#define ROWS (sizeof rows / sizeof rows[0])

static void add(struct fixture *f, const struct row *row, double reached, double errors)
{
	fixture_counter(f, LIMIT_REACHED, reached, row->limit, row->owner, "worker");
	fixture_counter(f, LIMIT_ERRORS, errors, row->limit, row->owner, "worker");
	fixture_gauge(f, LIMIT_USED, row->current, row->limit, row->owner, "worker");
	fixture_gauge(f, LIMIT_ALLOWED, row->current, row->limit, row->owner, "worker");
	fixture_seconds(f, LIMIT_WATCHED, errors ? 3 : 0);
	if (row->setting != TS_SETTING_COUNT)
		fixture_number(f, row->setting, "", "%.0f", row->current);
}

static void judge(struct fixture *f, const struct row *row, double reached, double errors)
{
	fixture_open(f);
	add(f, row, reached, errors);
	fixture_judge(f);
}

static void check(struct fixture *f, const struct row *row)
{
	const struct ts_finding *finding;

	if (row->setting == TS_SETTING_COUNT) {
		finding = fixture_finding(f, row->rule, TS_OUTCOME_NOT_A_SETTING, NULL);
		assert_string_equal(finding->cause, row->wanted);
		assert_int_equal(fixture_count(f, row->rule, TS_OUTCOME_RECOMMEND), 0);
	} else {
		finding = fixture_finding(f, row->rule, TS_OUTCOME_RECOMMEND, NULL);
		assert_string_equal(finding->setting, ts_settings[row->setting].name);
		assert_string_equal(finding->proposed, row->wanted);
		assert_int_equal(finding->scope, TS_SCOPE_GLOBAL);
	}
	assert_contains(finding->title, "worker");
	assert_contains(finding->title, row->owner);
	assert_int_equal(f->report->findings, 1);
}

static void each_limit_is_told_from_the_others(void **state)
{
	for (size_t i = 0; i < ROWS; i++) {
		struct fixture f;

		judge(&f, &rows[i], 1, 0);
		check(&f, &rows[i]);
		fixture_close(&f);
		judge(&f, &rows[i], 0, 1);
		check(&f, &rows[i]);
		fixture_close(&f);
	}
}

/* One that was set to give up what it limits. */
static void a_process_that_may_do_nothing(void **state)
{
	struct row row = {"file-limit",	   "rlimit/nofile", TS_SETTING_COUNT, 3,
			  "rlimit-nofile", "user 33"};
	struct fixture f;

	judge(&f, &row, 1, 1);
	assert_int_equal(fixture_outcome(&f, row.rule), TS_OUTCOME_QUIET);
	assert_int_equal(f.report->findings, 0);
	fixture_close(&f);
	row.current = 4;
	judge(&f, &row, 1, 1);
	check(&f, &row);
	fixture_close(&f);
}

/* Raised while it was looked at: what is in force now has not been seen to be too low. */
static void raised_since(void **state)
{
	for (size_t i = 0; i < ROWS; i++) {
		struct row row = rows[i];
		enum ts_setting_id setting = row.setting;
		struct fixture f;

		if (setting == TS_SETTING_COUNT || !strcmp(row.rule, "inotify-limit"))
			continue; /* those of a user namespace may be lower than the host's */
		fixture_open(&f);
		row.setting = TS_SETTING_COUNT;
		add(&f, &row, 0, 1);
		fixture_number(&f, setting, "", "%.0f", 4 * row.current + 1);
		fixture_judge(&f);
		assert_int_equal(fixture_outcome(&f, row.rule), TS_OUTCOME_INSUFFICIENT);
		assert_int_equal(f.report->findings, 0);
		fixture_close(&f);
	}
}

/* A limit of its own that is all that fs.nr_open allows, and as much as the kernel allows itself.
 */
static void a_limit_of_its_own_that_could_not_be_higher(void **state)
{
	static const struct {
		const char *nr_open;
		enum ts_outcome outcome;
	} cases[] = {
		{"16384", TS_OUTCOME_RECOMMEND},
		{"16385", TS_OUTCOME_NOT_A_SETTING},
		{"1048576", TS_OUTCOME_NOT_A_SETTING},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct row row = {"file-limit",	    "rlimit/nofile",
				  TS_SETTING_COUNT, i == 2 ? 1048576 : 16384,
				  "rlimit-nofile",  "user 33"};
		struct fixture f;

		fixture_open(&f);
		add(&f, &row, 1, 0);
		fixture_setting(&f, TS_SETTING_NR_OPEN, "", cases[i].nr_open, "");
		fixture_judge(&f);
		assert_int_equal(fixture_outcome(&f, row.rule), cases[i].outcome);
		assert_int_equal(f.report->findings, 1);
		fixture_close(&f);
	}
}

/* Known from earlier, with nothing new in this window. */
static void nothing_in_this_window_is_quiet(void **state)
{
	for (size_t i = 0; i < ROWS; i++) {
		struct fixture f;

		judge(&f, &rows[i], 0, 0);
		assert_int_equal(fixture_outcome(&f, rows[i].rule), TS_OUTCOME_QUIET);
		assert_int_equal(f.report->findings, 0);
		fixture_close(&f);
	}
}

/* With the proposed value in force and the same demand nothing is used up any more. */
static void it_does_not_climb_without_demand(void **state)
{
	struct row row = rows[0];
	struct fixture f;

	row.current = 8e6; /* more than memory allows to be proposed */
	judge(&f, &row, 3, 0);
	assert_int_equal(fixture_count(&f, row.rule, TS_OUTCOME_RECOMMEND), 0);
	assert_int_equal(fixture_outcome(&f, row.rule), TS_OUTCOME_ALREADY_SET);
	fixture_close(&f);
}

static void host_wide_use(void **state)
{
	struct fixture f;

	fixture_open(&f);
	fixture_number(&f, TS_SETTING_FILE_MAX, "", "%d", 2000);
	fixture_gauge(&f, LIMIT_USED, 1999, "fs.file-max", "", "");
	fixture_gauge(&f, LIMIT_ALLOWED, 2000, "fs.file-max", "", "");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, "file-limit"), TS_OUTCOME_QUIET);
	assert_contains(fixture_result(&f, "file-limit")->why, "fs.file-max, with 100 %");
	fixture_close(&f);
	fixture_open(&f);
	fixture_number(&f, TS_SETTING_FILE_MAX, "", "%d", 2000);
	fixture_gauge(&f, LIMIT_USED, 2000, "fs.file-max", "", "");
	fixture_gauge(&f, LIMIT_ALLOWED, 2000, "fs.file-max", "", "");
	fixture_judge(&f);
	fixture_finding(&f, "file-limit", TS_OUTCOME_RECOMMEND, NULL);
	fixture_close(&f);
}

static void promise(struct fixture *f, double mode, double ratio, double available, double wanted)
{
	static const struct row row = {
		"mapping-limit", "vm.overcommit_memory", TS_SETTING_COUNT, 0, "", "user 33"};
	struct row with = row;

	with.current = wanted;
	fixture_open(f);
	add(f, &with, 0, 4);
	fixture_number(f, TS_SETTING_OVERCOMMIT_MEMORY, "", "%.0f", mode);
	fixture_number(f, TS_SETTING_OVERCOMMIT_RATIO, "", "%.0f", ratio);
	fixture_gauge(f, MEMORY, available, "available");
	fixture_judge(f);
}

static void promises_in_bytes(struct fixture *f, const char *kbytes)
{
	static const struct row row = {
		"mapping-limit", "vm.overcommit_memory", TS_SETTING_COUNT, 2e9, "", "user 33"};

	fixture_open(f);
	add(f, &row, 0, 4);
	fixture_setting(f, TS_SETTING_OVERCOMMIT_MEMORY, "", "2", "");
	fixture_setting(f, TS_SETTING_OVERCOMMIT_RATIO, "", "0", "");
	fixture_setting(f, TS_SETTING_OVERCOMMIT_KBYTES, "", kbytes, "");
	fixture_gauge(f, MEMORY, 6e9, "available");
	fixture_judge(f);
}

static void promises(void **state)
{
	const struct ts_finding *finding;
	struct fixture f;

	promise(&f, 2, 50, 6e9, 2e9);
	finding = fixture_finding(&f, "mapping-limit", TS_OUTCOME_RECOMMEND, NULL);
	assert_string_equal(finding->apply, "sysctl -w vm.overcommit_memory=0");
	assert_string_equal(finding->undo, "sysctl -w vm.overcommit_memory=2");
	fixture_close(&f);
	promise(&f, 2, 5, 6e9, 2e9);
	finding = fixture_finding(&f, "mapping-limit", TS_OUTCOME_RECOMMEND, NULL);
	assert_string_equal(finding->apply, "sysctl -w vm.overcommit_ratio=90");
	fixture_close(&f);
	promises_in_bytes(&f, "1048576");
	finding = fixture_finding(&f, "mapping-limit", TS_OUTCOME_RECOMMEND, NULL);
	/* Nine tenths of 8 GiB; the share, which reads 0 meanwhile, is left alone. */
	assert_string_equal(finding->apply, "sysctl -w vm.overcommit_kbytes=7549747");
	assert_string_equal(finding->undo, "sysctl -w vm.overcommit_kbytes=1048576");
	fixture_close(&f);
	promise(&f, 2, 50, 1e9, 2e9); /* memory is short, too */
	assert_int_equal(fixture_outcome(&f, "mapping-limit"), TS_OUTCOME_INSUFFICIENT);
	fixture_close(&f);
	promise(&f, 2, 50, 6e9, 9e9); /* more than there is */
	assert_int_equal(fixture_outcome(&f, "mapping-limit"), TS_OUTCOME_INSUFFICIENT);
	fixture_close(&f);
	promise(&f, 0, 50, 6e9, 2e9); /* refused for another reason */
	assert_int_equal(fixture_outcome(&f, "mapping-limit"), TS_OUTCOME_QUIET);
	fixture_close(&f);
}

static void without_the_tasks_nothing_is_said(void **state)
{
	struct fixture f;

	fixture_open(&f);
	fixture_unsupported(&f, TS_FAMILY_LIMIT_REACHED, "no iterator over tasks");
	fixture_judge(&f);
	for (size_t i = 0; i < ROWS; i++)
		assert_int_equal(fixture_outcome(&f, rows[i].rule), TS_OUTCOME_UNAVAILABLE);
	fixture_close(&f);
}

/* Full, emptied and full again convicts the limit; full once, or for good, does not. */
static void a_queue_of_events_must_fill_again(void **state)
{
	static const struct row row = {"inotify-limit",
				       "fs.inotify.max_queued_events",
				       TS_SETTING_INOTIFY_EVENTS,
				       1000,
				       "65536",
				       "user 33"};
	struct fixture f;

	judge(&f, &row, 2, 0);
	check(&f, &row);
	fixture_close(&f);
	judge(&f, &row, 1, 0);
	assert_int_equal(fixture_outcome(&f, row.rule), TS_OUTCOME_INSUFFICIENT);
	assert_int_equal(f.report->findings, 0);
	fixture_close(&f);
	judge(&f, &row, 0, 0);
	assert_int_equal(fixture_outcome(&f, row.rule), TS_OUTCOME_QUIET);
	fixture_close(&f);
}

/* What a container may have, of which the host allows more. */
static void a_user_namespace_allows_less(void **state)
{
	static const struct row watches = {"inotify-limit",
					   "fs.inotify.max_user_watches",
					   TS_SETTING_INOTIFY_WATCHES,
					   50,
					   "user-namespace",
					   "user 1000"};
	const struct ts_finding *finding;
	struct fixture f;

	fixture_open(&f);
	fixture_counter(&f, LIMIT_REACHED, 5, watches.limit, watches.owner, "worker");
	fixture_counter(&f, LIMIT_ERRORS, 0, watches.limit, watches.owner, "worker");
	fixture_gauge(&f, LIMIT_USED, watches.current, watches.limit, watches.owner, "worker");
	fixture_gauge(&f, LIMIT_ALLOWED, watches.current, watches.limit, watches.owner, "worker");
	fixture_seconds(&f, LIMIT_WATCHED, 0);
	fixture_number(&f, TS_SETTING_INOTIFY_WATCHES, "", "%.0f", 8192.0);
	fixture_judge(&f);
	assert_int_equal(fixture_count(&f, watches.rule, TS_OUTCOME_RECOMMEND), 0);
	finding = fixture_finding(&f, watches.rule, TS_OUTCOME_NOT_A_SETTING, NULL);
	assert_string_equal(finding->cause, watches.wanted);
	assert_string_equal(finding->acquits, watches.limit);
	assert_non_null(strstr(finding->remedy, "user.max_inotify_watches"));
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_limit_is_told_from_the_others),
		cmocka_unit_test(raised_since),
		cmocka_unit_test(a_process_that_may_do_nothing),
		cmocka_unit_test(a_queue_of_events_must_fill_again),
		cmocka_unit_test(a_limit_of_its_own_that_could_not_be_higher),
		cmocka_unit_test(nothing_in_this_window_is_quiet),
		cmocka_unit_test(it_does_not_climb_without_demand),
		cmocka_unit_test(host_wide_use),
		cmocka_unit_test(promises),
		cmocka_unit_test(a_user_namespace_allows_less),
		cmocka_unit_test(without_the_tasks_nothing_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
