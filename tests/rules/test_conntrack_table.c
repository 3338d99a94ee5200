// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "conntrack-table"

struct input {
	double dropped, early, entries, maximum;
	double answered, unanswered, close_wait;
};

/* The lab's: 300 connections are open, and room for 300. */
static const struct input lab = {3600, 0, 300, 300, 300, 0, 0};

static void judge(struct fixture *f, const struct input *i)
{
	fixture_open(f);
	fixture_number(f, TS_SETTING_CONNTRACK_MAX, "", "%.0f", i->maximum);
	fixture_counter(f, CONNTRACK_EVENTS, i->dropped, SERVER, "drop");
	fixture_counter(f, CONNTRACK_EVENTS, i->early, SERVER, "early-drop");
	fixture_gauge(f, CONNTRACK_ENTRIES, i->entries, SERVER);
	fixture_gauge(f, CONNTRACK_STATES, i->answered, SERVER, "answered");
	fixture_gauge(f, CONNTRACK_STATES, i->unanswered, SERVER, "unanswered");
	fixture_gauge(f, CONNTRACK_STATES, i->close_wait, SERVER, "close-wait");
	fixture_judge(f);
}

static void names_nf_conntrack_max(void **state)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, &lab);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL);
	assert_string_equal(finding->setting, "net.netfilter.nf_conntrack_max");
	assert_int_equal(finding->scope, TS_SCOPE_GLOBAL);
	assert_string_equal(finding->proposed, "262144");
	/* Only the initial namespace can write it, whichever suffers. */
	assert_string_equal(finding->apply, "sysctl -w net.netfilter.nf_conntrack_max=262144");
	assert_string_equal(finding->undo, "sysctl -w net.netfilter.nf_conntrack_max=300");
	assert_contains(finding->title, "labsrv");
	fixture_close(&f);
}

/* What is over fills it: raised or not, the time for which it is remembered is worth a look. */
static void flows_that_are_over(void **state)
{
	struct input i = lab;
	struct fixture f;

	for (int over = 149; over <= 150; over++) {
		fixture_open(&f);
		fixture_number(&f, TS_SETTING_CONNTRACK_MAX, "", "%.0f", i.maximum);
		fixture_counter(&f, CONNTRACK_EVENTS, i.dropped, SERVER, "drop");
		fixture_gauge(&f, CONNTRACK_ENTRIES, i.entries, SERVER);
		fixture_gauge(&f, CONNTRACK_STATES, 300 - over, SERVER, "answered");
		fixture_gauge(&f, CONNTRACK_STATES, over, SERVER, "closed");
		fixture_judge(&f);
		if (over == 150)
			assert_contains(
				fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL)->remedy,
				"timeout_time_wait");
		else
			assert_string_equal(
				fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL)->remedy, "");
		fixture_close(&f);
	}
}

static void just_below_is_quiet(void **state)
{
	struct input i = lab;
	struct fixture f;

	i.dropped = 4;
	judge(&f, &i);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
	i = lab, i.entries = 200;
	judge(&f, &i);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	assert_contains(fixture_result(&f, RULE)->why, "not seen full");
	fixture_close(&f);
	i = lab, i.dropped = 0, i.early = 50;
	judge(&f, &i);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
}

static void refuses(const struct input *i, const char *cause)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, i);
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, SERVER);
	assert_string_equal(finding->cause, cause);
	assert_string_equal(finding->acquits, "net.netfilter.nf_conntrack_max");
	fixture_close(&f);
}

static void floods_and_leaks(void **state)
{
	struct input i = lab;

	i.answered = 120, i.unanswered = 180;
	refuses(&i, "connection-flood");
	i.dropped = 0, i.early = 9000; /* which make room for each other */
	refuses(&i, "connection-flood");
	i = lab, i.answered = 120, i.close_wait = 180;
	refuses(&i, "connection-leak");
}

static void ends_at_a_size_that_fits(void **state)
{
	struct input i = lab;
	struct fixture f;

	for (int round = 0; round < 20; round++) {
		enum ts_outcome outcome;

		i.dropped = 1e9, i.entries = i.maximum;
		judge(&f, &i);
		outcome = fixture_outcome(&f, RULE);
		if (outcome == TS_OUTCOME_RECOMMEND)
			i.maximum = strtod(f.report->finding[0].proposed, NULL);
		fixture_close(&f);
		if (round == 19)
			assert_int_equal(outcome, TS_OUTCOME_ALREADY_SET);
	}
	assert_true(i.maximum * 320 <= 8.0 * (1 << 30) / 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_nf_conntrack_max),   cmocka_unit_test(just_below_is_quiet),
		cmocka_unit_test(flows_that_are_over),	    cmocka_unit_test(floods_and_leaks),
		cmocka_unit_test(ends_at_a_size_that_fits),
	};

	return cmocka_run_group_tests_name("rule conntrack-table", tests, NULL, NULL);
}
