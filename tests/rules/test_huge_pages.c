// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "huge-pages"

static void judge(struct fixture *f, const char *mode, double empty, double used, double bytes)
{
	fixture_open(f);
	fixture_setting(f, TS_SETTING_THP_ENABLED, "", mode, "always madvise never");
	fixture_counter(f, HUGE_PAGE_SAMPLES, empty, "sparse", "empty");
	fixture_counter(f, HUGE_PAGE_SAMPLES, used, "sparse", "used");
	fixture_gauge(f, HUGE_PAGE_BYTES, bytes, "sparse");
	fixture_counter(f, VM_EVENTS, 750, "thp_fault_alloc");
	fixture_judge(f);
}

static void names_the_setting(void **state)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, "always", 63, 1, 1.5e9);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL);
	assert_string_equal(finding->setting, "/sys/kernel/mm/transparent_hugepage/enabled");
	assert_string_equal(finding->apply,
			    "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled");
	assert_string_equal(finding->undo,
			    "echo always > /sys/kernel/mm/transparent_hugepage/enabled");
	assert_contains(finding->title, "sparse");
	fixture_close(&f);
}

static void outcome_is(const char *mode, double empty, double used, double bytes,
		       enum ts_outcome outcome)
{
	struct fixture f;

	judge(&f, mode, empty, used, bytes);
	assert_int_equal(fixture_outcome(&f, RULE), outcome);
	assert_int_equal(f.report->findings, outcome == TS_OUTCOME_RECOMMEND);
	fixture_close(&f);
}

static void just_below(void **state)
{
	outcome_is("always", 48, 16, 1.5e9, TS_OUTCOME_RECOMMEND);
	outcome_is("always", 47, 17, 1.5e9, TS_OUTCOME_QUIET);
	outcome_is("always", 64, 0, 268435455, TS_OUTCOME_QUIET);
	outcome_is("always", 31, 0, 1.5e9, TS_OUTCOME_INSUFFICIENT);
}

/* Huge pages that are used stay, and those a program asked for are its own. */
static void look_alikes(void **state)
{
	outcome_is("always", 3, 61, 4e9, TS_OUTCOME_QUIET);
	outcome_is("madvise", 64, 0, 4e9, TS_OUTCOME_QUIET);
	outcome_is("never", 64, 0, 4e9, TS_OUTCOME_QUIET);
}

static void unavailable(void **state)
{
	struct fixture f;

	fixture_open(&f);
	fixture_setting(&f, TS_SETTING_THP_ENABLED, "", "always", "always madvise never");
	fixture_unsupported(&f, TS_FAMILY_HUGE_PAGE_SAMPLES, "no huge pages");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_UNAVAILABLE);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_setting),
		cmocka_unit_test(just_below),
		cmocka_unit_test(look_alikes),
		cmocka_unit_test(unavailable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
