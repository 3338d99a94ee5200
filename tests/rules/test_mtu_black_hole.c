// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "mtu-black-hole"

struct flow {
	const char *probing; /* NULL: not read */
	double full, later, small, passing, unreachable, unheard;
};

static void judge(struct fixture *f, const struct flow *c)
{
	const struct {
		const char *name;
		double value;
	} rows[] = {{"stuck-full", c->full},
		    {"stuck-later", c->later},
		    {"stuck-small", c->small},
		    {"passing", c->passing},
		    {"stuck-unheard", c->unheard}};

	fixture_open(f);
	if (c->probing)
		fixture_setting(f, TS_SETTING_TCP_MTU_PROBING, SERVER, c->probing, "");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].value > 0)
			fixture_gauge(f, TCP_PROGRESS, rows[i].value, SERVER, "service", "9001",
				      rows[i].name);
	fixture_counter(f, NETWORK_COUNTERS, c->unreachable, SERVER, "IcmpInDestUnreachs");
	fixture_judge(f);
}

static void expect(const struct flow *c, enum ts_outcome outcome)
{
	struct fixture f;

	judge(&f, c);
	assert_string_equal(ts_outcome_name(fixture_outcome(&f, RULE)), ts_outcome_name(outcome));
	fixture_close(&f);
}

static void names_the_setting(void **state)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, &(struct flow){"0", 1, 0, 0, 0, 0, 0});
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	assert_string_equal(finding->setting, "net.ipv4.tcp_mtu_probing");
	assert_string_equal(finding->proposed, "2");
	assert_string_equal(finding->port, "9001");
	assert_string_equal(finding->takes_effect, "at-once");
	fixture_close(&f);
}

static void others_get_through(void **state)
{
	struct fixture f;

	judge(&f, &(struct flow){"0", 5, 0, 0, 20, 0, 0});
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER)->proposed, "1");
	fixture_close(&f);
}

static void just_below_is_quiet(void **state)
{
	expect(&(struct flow){"0", 0, 0, 0, 0, 0, 0}, TS_OUTCOME_QUIET);
	expect(&(struct flow){"0", 4, 0, 0, 20, 0, 0}, TS_OUTCOME_QUIET);
	expect(&(struct flow){"0", 5, 0, 0, 20, 0, 0}, TS_OUTCOME_RECOMMEND);
}

static void what_looks_like_it(void **state)
{
	/* Nothing arrives at all; full-sized segments did before; a router says why. */
	expect(&(struct flow){"0", 3, 0, 1, 0, 0, 0}, TS_OUTCOME_QUIET);
	expect(&(struct flow){"0", 1, 2, 0, 0, 0, 0}, TS_OUTCOME_QUIET);
	expect(&(struct flow){"0", 3, 0, 0, 0, 2, 0}, TS_OUTCOME_QUIET);
	expect(&(struct flow){"0", 0, 5, 0, 0, 0, 0}, TS_OUTCOME_QUIET);
}

/* Clients that send a request and are never heard of again. */
static void clients_that_may_be_gone(void **state)
{
	expect(&(struct flow){"0", .unheard = 3}, TS_OUTCOME_INSUFFICIENT);
	expect(&(struct flow){"0", .unheard = 4, .passing = 20}, TS_OUTCOME_QUIET);
	expect(&(struct flow){"0", .unheard = 3, .small = 1}, TS_OUTCOME_QUIET);
	expect(&(struct flow){"0", .full = 1, .unheard = 3}, TS_OUTCOME_RECOMMEND);
	expect(&(struct flow){"0", .full = 4, .unheard = 3, .passing = 20},
	       TS_OUTCOME_INSUFFICIENT);
}

static void converges(void **state)
{
	expect(&(struct flow){"1", 1, 0, 0, 0, 0, 0}, TS_OUTCOME_ALREADY_SET);
	expect(&(struct flow){"2", 1, 0, 0, 0, 0, 0}, TS_OUTCOME_ALREADY_SET);
	expect(&(struct flow){"1", 1, 0, 0, 1, 0, 0}, TS_OUTCOME_QUIET);
	expect(&(struct flow){NULL, 1, 0, 0, 0, 0, 0}, TS_OUTCOME_INSUFFICIENT);
}

static void not_measured(void **state)
{
	struct fixture f;

	fixture_open(&f);
	fixture_unsupported(&f, TS_FAMILY_TCP_PROGRESS, "no iterator");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_UNAVAILABLE);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_setting),
		cmocka_unit_test(others_get_through),
		cmocka_unit_test(just_below_is_quiet),
		cmocka_unit_test(what_looks_like_it),
		cmocka_unit_test(converges),
		cmocka_unit_test(not_measured),
		cmocka_unit_test(clients_that_may_be_gone),
	};

	return cmocka_run_group_tests_name("rule mtu-black-hole", tests, NULL, NULL);
}
