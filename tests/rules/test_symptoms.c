// SPDX-License-Identifier: GPL-2.0-only
/* What follows from something else that was found gets no advice of its own. */
#include "fixture.h"

static void add_dropping_queue(struct fixture *f, double dropped, double idle)
{
	fixture_number(f, TS_SETTING_NETDEV_MAX_BACKLOG, "", "%.0f", 300.0);
	fixture_counter(f, SOFTNET, 150000, "1", "processed");
	fixture_counter(f, SOFTNET, dropped, "1", "dropped");
	fixture_counter(f, SOFTNET, 40, "1", "time-squeeze");
	fixture_gauge(f, SOFTNET_BURST, 2700, "1");
	fixture_seconds(f, SOFTNET_BUSY, idle, "1", "idle");
	fixture_seconds(f, SOFTNET_BUSY, 9.9, "1", "total");
}

/* A service whose answers wait for retransmissions. */
static void add_waits(struct fixture *f)
{
	fixture_setting(f, TS_SETTING_TCP_RTO_MIN_US, SERVER, "200000", "");
	fixture_counter(f, TCP_RETRANSMITS, 20, SERVER, "service", "9000", "probe");
	fixture_counter(f, NETWORK_COUNTERS, 20, SERVER, "TCPTimeouts");
	fixture_counter(f, NETWORK_COUNTERS, 829, SERVER, "TcpOutSegs");
	fixture_counter(f, NETWORK_COUNTERS, 24, SERVER, "TcpRetransSegs");
	fixture_latency(f, TCP_LIVE_SMOOTHED_RTT, 3, 0.001, 7, SERVER, "service", "9000");
}

static void only_the_cause_is_worth_advice(void **state)
{
	struct fixture f;

	fixture_open(&f);
	add_dropping_queue(&f, 130000, 8.1);
	add_waits(&f);
	fixture_judge(&f);
	fixture_finding(&f, "softnet-backlog", TS_OUTCOME_RECOMMEND, NULL);
	assert_int_equal(fixture_outcome(&f, "rto-min"), TS_OUTCOME_QUIET);
	assert_contains(fixture_result(&f, "rto-min")->why, "softnet-backlog");
	for (size_t i = 0; i < f.report->findings; i++)
		assert_string_not_equal(f.report->finding[i].rule, "rto-min");
	fixture_close(&f);
}

/* The CPU is saturated: packets are lost for a reason that is no setting, but lost here. */
static void nor_beside_a_cause_that_is_no_setting(void **state)
{
	struct fixture f;

	fixture_open(&f);
	add_dropping_queue(&f, 130000, 0.1);
	add_waits(&f);
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, "softnet-backlog"), TS_OUTCOME_NOT_A_SETTING);
	assert_int_equal(fixture_outcome(&f, "rto-min"), TS_OUTCOME_QUIET);
	fixture_close(&f);
}

static void what_is_harmless_explains_nothing(void **state)
{
	struct fixture f;

	fixture_open(&f);
	add_dropping_queue(&f, 0, 8.1);
	add_waits(&f);
	fixture_judge(&f);
	fixture_finding(&f, "rto-min", TS_OUTCOME_RECOMMEND, SERVER);
	fixture_close(&f);
}

static void causes_are_rules(void **state)
{
	for (size_t i = 0; i < ts_rules_count; i++)
		for (size_t k = 0; k < 8 && ts_rules[i]->symptom_of[k]; k++)
			assert_non_null(ts_rule_by_id(ts_rules[i]->symptom_of[k]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_cause_is_worth_advice),
		cmocka_unit_test(nor_beside_a_cause_that_is_no_setting),
		cmocka_unit_test(what_is_harmless_explains_nothing),
		cmocka_unit_test(causes_are_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
