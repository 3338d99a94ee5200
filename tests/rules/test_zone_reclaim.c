// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "zone-reclaim"

static void judge(struct fixture *f, const char *mode, double wait, __u64 waits, double free_bytes)
{
	fixture_open(f);
	if (mode)
		fixture_setting(f, TS_SETTING_ZONE_RECLAIM_MODE, "", mode, "");
	fixture_latency(f, MEMORY_WAIT, TS_HISTOGRAM_SCALE_KEYED, wait, waits, "node");
	fixture_gauge(f, MEMORY, 8e9, "total");
	fixture_gauge(f, MEMORY, free_bytes, "free");
	fixture_counter(f, VM_EVENTS, waits / 2, "zone_reclaim_success");
	fixture_counter(f, VM_EVENTS, waits / 2, "zone_reclaim_failed");
	fixture_judge(f);
}

static void outcome_is(const char *mode, double wait, __u64 waits, double free_bytes,
		       enum ts_outcome outcome)
{
	struct fixture f;

	judge(&f, mode, wait, waits, free_bytes);
	assert_int_equal(fixture_outcome(&f, RULE), outcome);
	assert_int_equal(f.report->findings, outcome == TS_OUTCOME_RECOMMEND);
	fixture_close(&f);
}

static void names_the_setting(void **state)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, "1", 0.01, 100, 4e9);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL);
	assert_string_equal(finding->setting, "vm.zone_reclaim_mode");
	assert_string_equal(finding->apply, "sysctl -w vm.zone_reclaim_mode=0");
	assert_string_equal(finding->undo, "sysctl -w vm.zone_reclaim_mode=1");
	fixture_close(&f);
}

static void just_below(void **state)
{
	outcome_is("1", 0.01, 29, 4e9, TS_OUTCOME_QUIET);
	outcome_is("1", 0.0019, 1000, 4e9, TS_OUTCOME_QUIET);
	outcome_is("1", 0.01, 31, 4e9, TS_OUTCOME_RECOMMEND);
}

/* The whole host is full; the mode was changed meanwhile; it is not known. */
static void look_alikes(void **state)
{
	outcome_is("1", 0.01, 100, 0.7e9, TS_OUTCOME_INSUFFICIENT);
	outcome_is("0", 0.01, 100, 4e9, TS_OUTCOME_QUIET);
	outcome_is(NULL, 0.01, 100, 4e9, TS_OUTCOME_INSUFFICIENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_setting),
		cmocka_unit_test(just_below),
		cmocka_unit_test(look_alikes),
	};

	return cmocka_run_group_tests_name("rule zone-reclaim", tests, NULL, NULL);
}
