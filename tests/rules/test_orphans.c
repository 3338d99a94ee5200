// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "orphans"

struct closing {
	const char *netns, *maximum; /* NULL: not read */
	double aborted, peak, sending, waiting;
	const char *fin_timeout;
};

/* The lab's: a limit of 8 under 60 answers that are written and closed. */
static const struct closing lab = {SERVER, "8", 39, 9, 9, 0, "60"};

static void add(struct fixture *f, const struct closing *c)
{
	if (c->maximum)
		fixture_setting(f, TS_SETTING_TCP_MAX_ORPHANS, "", c->maximum, "");
	fixture_setting(f, TS_SETTING_TCP_FIN_TIMEOUT, c->netns, c->fin_timeout, "");
	fixture_counter(f, NETWORK_COUNTERS, c->aborted, c->netns, "TCPAbortOnMemory");
	ts_snapshot_gauge(f->later, TS_FAMILY_TCP_ORPHANS, NULL, c->peak);
	fixture_gauge(f, TCP_ORPHAN_STATES, c->sending, c->netns, "sending");
	fixture_gauge(f, TCP_ORPHAN_STATES, c->waiting, c->netns, "fin-wait-2");
}

static void judge(struct fixture *f, const struct closing *c)
{
	fixture_open(f);
	add(f, c);
	fixture_judge(f);
}

static void expect(const struct closing *c, enum ts_outcome outcome)
{
	struct fixture f;

	judge(&f, c);
	assert_string_equal(ts_outcome_name(fixture_outcome(&f, RULE)), ts_outcome_name(outcome));
	fixture_close(&f);
}

static void names_max_orphans(void **state)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, &lab);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL);
	assert_string_equal(finding->setting, "net.ipv4.tcp_max_orphans");
	assert_int_equal(finding->scope, TS_SCOPE_GLOBAL);
	assert_string_equal(finding->netns, "");
	assert_string_equal(finding->proposed, "8192");
	assert_string_equal(finding->apply, "sysctl -w net.ipv4.tcp_max_orphans=8192");
	assert_string_equal(finding->undo, "sysctl -w net.ipv4.tcp_max_orphans=8");
	fixture_close(&f);
}

static void the_value_follows_the_demand(void **state)
{
	struct closing c = lab;
	struct fixture f;

	c.maximum = "10000", c.peak = 10001, c.aborted = 5000;
	judge(&f, &c);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL)->proposed,
			    "32768");
	fixture_close(&f);
	/* A quarter of 8 GiB holds no more than 32768 of them. */
	c.maximum = "32768", c.peak = 40000;
	expect(&c, TS_OUTCOME_ALREADY_SET);
	/* The value that was proposed for the lab, under the same load. */
	c = lab, c.maximum = "8192", c.aborted = 0, c.peak = 60;
	expect(&c, TS_OUTCOME_QUIET);
}

static void just_below_is_quiet(void **state)
{
	struct closing c = lab;

	c.aborted = 2;
	expect(&c, TS_OUTCOME_QUIET);
	c.aborted = 3;
	expect(&c, TS_OUTCOME_RECOMMEND);
	c.aborted = 0;
	expect(&c, TS_OUTCOME_QUIET);
}

/* The same counter also tells of memory. */
static void few_orphans(void **state)
{
	struct closing c = lab;
	struct fixture f;

	c.peak = 3;
	judge(&f, &c);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_INSUFFICIENT);
	assert_contains(fixture_result(&f, RULE)->why, "tcp_mem");
	fixture_close(&f);
	c.peak = 4;
	expect(&c, TS_OUTCOME_RECOMMEND);
	c.maximum = NULL;
	expect(&c, TS_OUTCOME_INSUFFICIENT);
}

static void the_other_side_does_not_close(void **state)
{
	struct closing c = {SERVER, "8192", 100, 8193, 20, 8000, "600"};
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, &c);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	assert_string_equal(finding->setting, "net.ipv4.tcp_fin_timeout");
	assert_string_equal(finding->current, "600");
	assert_string_equal(finding->proposed, "60");
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 1);
	fixture_close(&f);
	/* No longer than the default, or few of them: not to blame. */
	c.fin_timeout = "60";
	judge(&f, &c);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL)->setting,
			    "net.ipv4.tcp_max_orphans");
	fixture_close(&f);
	c.fin_timeout = "600", c.sending = 6000, c.waiting = 2000;
	judge(&f, &c);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL)->setting,
			    "net.ipv4.tcp_max_orphans");
	fixture_close(&f);
}

static void not_measured(void **state)
{
	struct fixture f;

	fixture_open(&f);
	add(&f, &lab);
	fixture_unsupported(&f, TS_FAMILY_TCP_ORPHANS, "no sockstat");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_UNAVAILABLE);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_max_orphans),
		cmocka_unit_test(the_value_follows_the_demand),
		cmocka_unit_test(just_below_is_quiet),
		cmocka_unit_test(few_orphans),
		cmocka_unit_test(the_other_side_does_not_close),
		cmocka_unit_test(not_measured),
	};

	return cmocka_run_group_tests_name("rule orphans", tests, NULL, NULL);
}
