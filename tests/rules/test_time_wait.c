// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "time-wait"

static void judge(struct fixture *f, double overflows)
{
	fixture_open(f);
	fixture_setting(f, TS_SETTING_TCP_MAX_TW_BUCKETS, SERVER, "100", "");
	fixture_counter(f, NETWORK_COUNTERS, overflows, SERVER, "TCPTimeWaitOverflow");
	fixture_gauge(f, SOCKETS_IN_USE, 100, SERVER, "time-wait");
	fixture_judge(f);
}

static void nothing_is_recommended(void **state)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, 5686);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, SERVER);
	assert_string_equal(finding->cause, "harmless");
	assert_string_equal(finding->acquits, "net.ipv4.tcp_max_tw_buckets");
	assert_true(finding->harm == 0 && finding->harm_seconds == 0);
	assert_int_equal(f.report->findings, 1);
	fixture_close(&f);
}

static void just_below_is_quiet(void **state)
{
	struct fixture f;

	judge(&f, 9);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
	judge(&f, 10);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_NOT_A_SETTING);
	fixture_close(&f);
}

static void not_measured(void **state)
{
	struct fixture f;

	fixture_open(&f);
	fixture_unsupported(&f, TS_FAMILY_NETWORK_COUNTERS, "no /proc");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_UNAVAILABLE);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_recommended),
		cmocka_unit_test(just_below_is_quiet),
		cmocka_unit_test(not_measured),
	};

	return cmocka_run_group_tests_name("rule time-wait", tests, NULL, NULL);
}
