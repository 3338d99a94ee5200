// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "idle-restart"

static void judge(struct fixture *f, const char *restart, double pauses, double seconds)
{
	fixture_open(f);
	if (restart)
		fixture_setting(f, TS_SETTING_TCP_SLOW_START_AFTER_IDLE, SERVER, restart, "");
	fixture_counter(f, TCP_PAUSES, pauses, SERVER, "service", "9000");
	fixture_seconds(f, TCP_PAUSE_COST, seconds, SERVER, "service", "9000");
	fixture_judge(f);
}

static void expect(const char *restart, double pauses, double seconds, enum ts_outcome outcome)
{
	struct fixture f;

	judge(&f, restart, pauses, seconds);
	assert_string_equal(ts_outcome_name(fixture_outcome(&f, RULE)), ts_outcome_name(outcome));
	fixture_close(&f);
}

static void names_the_setting(void **state)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, "1", 8, 2);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	assert_string_equal(finding->setting, "net.ipv4.tcp_slow_start_after_idle");
	assert_string_equal(finding->proposed, "0");
	assert_string_equal(finding->port, "9000");
	assert_contains(finding->expect, "250 ms");
	fixture_close(&f);
}

static void just_below_is_quiet(void **state)
{
	expect("1", 2, 1, TS_OUTCOME_QUIET);
	expect("1", 3, 1, TS_OUTCOME_RECOMMEND);
	expect("1", 10, 0.19, TS_OUTCOME_QUIET); /* a short path */
	expect("1", 10, 0.2, TS_OUTCOME_RECOMMEND);
	expect("1", 0, 0, TS_OUTCOME_QUIET); /* as with BBR, which is not counted */
}

static void converges(void **state)
{
	expect("0", 8, 2, TS_OUTCOME_QUIET);
	expect(NULL, 8, 2, TS_OUTCOME_INSUFFICIENT);
}

static void not_measured(void **state)
{
	struct fixture f;

	fixture_open(&f);
	fixture_unsupported(&f, TS_FAMILY_TCP_PAUSES, "no iterator");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_UNAVAILABLE);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_setting),
		cmocka_unit_test(just_below_is_quiet),
		cmocka_unit_test(converges),
		cmocka_unit_test(not_measured),
	};

	return cmocka_run_group_tests_name("rule idle-restart", tests, NULL, NULL);
}
