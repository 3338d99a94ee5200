// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "cpu-governor"

struct load {
	const char *governor, *available;
	double busy; /* seconds of ten, of the first CPU */
	double slow, full;
};

static const struct load powersave = {
	.governor = "powersave",
	.available = "conservative ondemand powersave performance schedutil",
	.busy = 9,
	.slow = 45,
	.full = 5,
};

static void judge(struct fixture *f, const struct load *l)
{
	fixture_open(f);
	fixture_setting(f, TS_SETTING_CPU_GOVERNOR, "", l->governor, "");
	fixture_setting(f, TS_SETTING_CPU_AVAILABLE_GOVERNORS, "", l->available, "");
	fixture_seconds(f, CPU_TIME, l->busy, "0", "user");
	fixture_seconds(f, CPU_TIME, 10 - l->busy, "0", "idle");
	fixture_seconds(f, CPU_TIME, 10, "1", "idle");
	fixture_counter(f, CPU_SPEED, l->slow, "0", "slow");
	fixture_counter(f, CPU_SPEED, l->full, "0", "full");
	/* The other CPU has nothing to do: it is slow, and that is right. */
	fixture_counter(f, CPU_SPEED, 50, "1", "slow");
	fixture_counter(f, CPU_SPEED, 0, "1", "full");
	fixture_judge(f);
}

static void expect(const struct load *l, enum ts_outcome outcome)
{
	struct fixture f;

	judge(&f, l);
	assert_string_equal(ts_outcome_name(fixture_outcome(&f, RULE)), ts_outcome_name(outcome));
	fixture_close(&f);
}

static void names_the_governor(void **state)
{
	struct fixture f;
	const struct ts_finding *finding;

	judge(&f, &powersave);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL);
	assert_string_equal(finding->setting, "cpufreq/scaling_governor");
	assert_string_equal(finding->current, "powersave");
	assert_string_equal(finding->proposed, "performance");
	assert_string_equal(finding->undo,
			    "echo powersave | tee "
			    "/sys/devices/system/cpu/cpufreq/policy*/scaling_governor");
	fixture_close(&f);
}

static void just_below_is_quiet(void **state)
{
	struct load l = powersave;

	l.slow = 39, l.full = 11;
	expect(&l, TS_OUTCOME_QUIET);
	l.slow = 40, l.full = 10;
	expect(&l, TS_OUTCOME_RECOMMEND);
	l = powersave, l.busy = 7.9; /* idle now and then */
	expect(&l, TS_OUTCOME_QUIET);
	l = powersave, l.slow = 9, l.full = 0; /* too few to tell */
	expect(&l, TS_OUTCOME_QUIET);
}

static void held_down_by_heat(void **state)
{
	struct load l = powersave;
	struct fixture f;
	const struct ts_finding *finding;

	l.governor = "performance";
	judge(&f, &l);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL);
	assert_string_equal(finding->cause, "frequency-limited");
	assert_string_equal(finding->acquits, "cpufreq/scaling_governor");
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
	fixture_close(&f);
}

static void what_cannot_be_proposed(void **state)
{
	struct load l = powersave;

	l.available = "powersave ondemand";
	expect(&l, TS_OUTCOME_INSUFFICIENT);
	l = powersave, l.governor = "x; reboot";
	expect(&l, TS_OUTCOME_INSUFFICIENT);
}

static void converges(void **state)
{
	struct load l = powersave;

	l.governor = "performance", l.slow = 0, l.full = 50;
	expect(&l, TS_OUTCOME_QUIET);
}

static void not_measured(void **state)
{
	struct fixture f;

	fixture_open(&f);
	fixture_unsupported(&f, TS_FAMILY_CPU_SPEED, "this host has no cpufreq");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_UNAVAILABLE);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_governor), cmocka_unit_test(just_below_is_quiet),
		cmocka_unit_test(held_down_by_heat),  cmocka_unit_test(what_cannot_be_proposed),
		cmocka_unit_test(converges),	      cmocka_unit_test(not_measured),
	};

	return cmocka_run_group_tests_name("rule cpu-governor", tests, NULL, NULL);
}
