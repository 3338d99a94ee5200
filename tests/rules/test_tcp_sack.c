// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "tcp-sack"

struct space {
	const char *netns, *sack; /* NULL: the setting was not read */
	double reno, selective, out_of_order;
};

static void add(struct fixture *f, const struct space *s)
{
	if (s->sack)
		fixture_setting(f, TS_SETTING_TCP_SACK, s->netns, s->sack, "");
	fixture_counter(f, NETWORK_COUNTERS, s->reno, s->netns, "TCPRenoRecovery");
	fixture_counter(f, NETWORK_COUNTERS, s->selective, s->netns, "TCPSackRecovery");
	fixture_counter(f, NETWORK_COUNTERS, s->out_of_order, s->netns, "TCPOFOQueue");
}

static void judge(struct fixture *f, const struct space *s)
{
	fixture_open(f);
	add(f, s);
	fixture_judge(f);
}

static void expect(const struct space *s, enum ts_outcome outcome)
{
	struct fixture f;

	judge(&f, s);
	assert_string_equal(ts_outcome_name(fixture_outcome(&f, RULE)), ts_outcome_name(outcome));
	fixture_close(&f);
}

static void the_sender_has_it_off(void **state)
{
	const struct space s = {SERVER, "0", 13, 0, 0};
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, &s);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	assert_string_equal(finding->setting, "net.ipv4.tcp_sack");
	assert_string_equal(finding->current, "0");
	assert_string_equal(finding->proposed, "1");
	assert_string_equal(finding->apply,
			    "nsenter --net=/run/netns/labsrv sysctl -w net.ipv4.tcp_sack=1");
	assert_contains(finding->title, "recover from loss");
	fixture_close(&f);
}

/* Three recoveries, and hundreds of segments sent again in them. */
static void few_recoveries_that_take_long(void **state)
{
	struct space s = {SERVER, "0", 3, 0, 0};

	for (int i = 0; i < 4; i++) {
		struct fixture f;

		s.reno = i == 1 ? 0 : 3, s.sack = i == 3 ? "1" : "0";
		fixture_open(&f);
		add(&f, &s);
		fixture_counter(&f, NETWORK_COUNTERS, 33, SERVER, "TCPFastRetrans");
		fixture_counter(&f, NETWORK_COUNTERS, i == 2 ? 16 : 634, SERVER,
				"TCPSlowStartRetrans");
		fixture_judge(&f);
		assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), i == 0);
		fixture_close(&f);
	}
}

static void the_receiver_has_it_off(void **state)
{
	const struct space sender = {SERVER, "1", 20, 0, 0}, receiver = {CONTAINER, "0", 0, 0, 300};
	struct fixture f;

	fixture_open(&f);
	add(&f, &sender);
	add(&f, &receiver);
	fixture_judge(&f);
	assert_contains(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, CONTAINER)->title,
			"receive data with holes");
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 1);
	fixture_close(&f);
}

static void just_below_is_quiet(void **state)
{
	expect(&(struct space){SERVER, "0", 4, 0, 49}, TS_OUTCOME_QUIET);
	expect(&(struct space){SERVER, "0", 5, 0, 0}, TS_OUTCOME_RECOMMEND);
	expect(&(struct space){SERVER, "0", 0, 0, 50}, TS_OUTCOME_RECOMMEND);
	/* Without loss it does not matter. */
	expect(&(struct space){SERVER, "0", 0, 0, 0}, TS_OUTCOME_QUIET);
}

static void what_looks_like_it(void **state)
{
	/* The other side does not offer it; loss, but with it; holes it tells of. */
	expect(&(struct space){SERVER, "1", 100, 0, 0}, TS_OUTCOME_ALREADY_SET);
	expect(&(struct space){SERVER, "1", 0, 100, 0}, TS_OUTCOME_QUIET);
	expect(&(struct space){SERVER, "1", 0, 0, 5000}, TS_OUTCOME_QUIET);
	expect(&(struct space){SERVER, NULL, 100, 0, 0}, TS_OUTCOME_INSUFFICIENT);
	expect(&(struct space){"other", "0", 100, 0, 0}, TS_OUTCOME_QUIET);
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
		cmocka_unit_test(few_recoveries_that_take_long),
		cmocka_unit_test(the_sender_has_it_off),
		cmocka_unit_test(the_receiver_has_it_off),
		cmocka_unit_test(just_below_is_quiet),
		cmocka_unit_test(what_looks_like_it),
		cmocka_unit_test(not_measured),
	};

	return cmocka_run_group_tests_name("rule tcp-sack", tests, NULL, NULL);
}
