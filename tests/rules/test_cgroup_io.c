// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "cgroup-io"

static void judge(struct fixture *f, double used, double limit, double watched)
{
	fixture_open(f);
	fixture_gauge(f, CGROUP_IO_LIMIT, limit, "/batch", "sda", "write-bytes");
	fixture_counter(f, CGROUP_IO_USED, used, "/batch", "sda", "write-bytes");
	fixture_seconds(f, CGROUP_IO_WATCHED, watched, "/batch", "sda", "write-bytes");
	fixture_judge(f);
}

static void at_the_limit(void **state)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, 8.6e6, 1e6, 10);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL);
	fixture_check_finding(finding);
	assert_string_equal(finding->cause, "cgroup-io-limit");
	assert_string_equal(finding->acquits, "nr_requests");
	assert_string_equal(finding->cgroup, "/batch");
	assert_int_equal(finding->scope, TS_SCOPE_CGROUP);
	assert_int_equal(f.report->findings, 1);
	fixture_close(&f);
}

static void quiet(double used, double limit, double watched)
{
	struct fixture f;

	judge(&f, used, limit, watched);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	assert_int_equal(f.report->findings, 0);
	fixture_close(&f);
}

static void just_below(void **state)
{
	quiet(8.4e6, 1e6, 10);
	quiet(8.6e6, 1e6, 11); /* seen for longer than the window: counted from its own beginning */
	quiet(1.9e6, 1e6, 1.9);
	quiet(0, 1e6, 10);
}

static void unavailable(void **state)
{
	struct fixture f;

	fixture_open(&f);
	fixture_unsupported(&f, TS_FAMILY_CGROUP_IO_USED, "no hierarchy");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_UNAVAILABLE);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_the_limit),
		cmocka_unit_test(just_below),
		cmocka_unit_test(unavailable),
	};

	return cmocka_run_group_tests_name("rule cgroup-io", tests, NULL, NULL);
}
