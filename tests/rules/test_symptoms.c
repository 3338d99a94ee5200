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

/* Dropped before it was raised, or after: one or the other was seen. Who lowered it caused that. */
static void a_setting_that_was_raised_meanwhile_is_not_raised_again(void **state)
{
	static const char *const before[] = {"100", "300", "1000"};

	for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
		struct fixture f;

		fixture_open(&f);
		ts_snapshot_setting(f.earlier, TS_SETTING_NETDEV_MAX_BACKLOG, "", TS_STATUS_OK,
				    before[i], "", "");
		add_dropping_queue(&f, 130000, 8.1);
		add_waits(&f);
		fixture_judge(&f);
		assert_int_equal(fixture_outcome(&f, "softnet-backlog"),
				 i ? TS_OUTCOME_RECOMMEND : TS_OUTCOME_INSUFFICIENT);
		if (!i)
			assert_contains(fixture_result(&f, "softnet-backlog")->why,
					"net.core.netdev_max_backlog was changed");
		/* And what follows from it is no more worth advice for that. */
		assert_int_equal(fixture_outcome(&f, "rto-min"), TS_OUTCOME_QUIET);
		assert_int_equal(f.report->findings, i ? 1 : 0);
		fixture_close(&f);
	}
}

static bool moved(struct fixture *f, enum ts_setting_id id, const char *scope, const char *proposed)
{
	struct ts_rule_context context = {.window = f->report->window,
					  .report = f->report,
					  .rule = ts_rule_by_id("dirty-throttle")};
	struct ts_finding *finding = ts_finding_new(&context, TS_OUTCOME_RECOMMEND);

	ts_finding_propose(&context, finding, id, scope, proposed);
	return finding->moved;
}

static void which_way_a_value_was_moved(void **state)
{
	static const struct {
		enum ts_setting_id id;
		const char *scope, *before, *now, *proposed;
		bool moved;
	} cases[] = {
		{TS_SETTING_SOMAXCONN, "1", "128", "256", "4096", true},
		{TS_SETTING_SOMAXCONN, "2", "4096", "128", "4096", false},
		{TS_SETTING_IP_LOCAL_PORT_RANGE, "1", "32768 60999", "40000 40999", "15000 64999",
		 false},
		{TS_SETTING_IP_LOCAL_PORT_RANGE, "2", "40000 40999", "40000 50999", "15000 64999",
		 true},
		{TS_SETTING_BLOCK_SCHEDULER, "sda", "bfq", "none", "bfq", false},
		{TS_SETTING_BLOCK_SCHEDULER, "sdb", "none", "mq-deadline", "bfq", true},
		/* vm.dirty_ratio was in force before, which is more. */
		{TS_SETTING_DIRTY_BYTES, "", "0", "4194304", "536870912", false},
	};
	struct fixture f;

	fixture_open(&f);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		ts_snapshot_setting(f.earlier, cases[i].id, cases[i].scope, TS_STATUS_OK,
				    cases[i].before, "", "");
		fixture_setting(&f, cases[i].id, cases[i].scope, cases[i].now, "");
	}
	/* vm.dirty_background_bytes is what is proposed, its ratio what was written. */
	fixture_setting(&f, TS_SETTING_DIRTY_BACKGROUND_BYTES, "", "0", "");
	ts_snapshot_setting(f.earlier, TS_SETTING_DIRTY_BACKGROUND_RATIO, "", TS_STATUS_OK, "1", "",
			    "");
	fixture_setting(&f, TS_SETTING_DIRTY_BACKGROUND_RATIO, "", "10", "");
	fixture_judge(&f);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(moved(&f, cases[i].id, cases[i].scope, cases[i].proposed),
				 cases[i].moved);
	assert_true(moved(&f, TS_SETTING_DIRTY_BACKGROUND_BYTES, "", "8388608"));
	assert_true(moved(&f, TS_SETTING_DIRTY_BYTES, "", "65536"));
	assert_false(moved(&f, TS_SETTING_NETDEV_MAX_BACKLOG, "", "4096"));
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
		cmocka_unit_test(a_setting_that_was_raised_meanwhile_is_not_raised_again),
		cmocka_unit_test(which_way_a_value_was_moved),
		cmocka_unit_test(causes_are_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
