// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "tcp-memory"
#define PAGE 4096.0
/* Of the fixture's host with 8 GiB. */
#define DEFAULT_PAGES 131072.0

struct pressure {
	double limit, held; /* pages */
	double pressures, received, unread;
};

static const struct pressure lab = {384, 427, 22, 50e6, 0};

static void judge(struct fixture *f, const struct pressure *p)
{
	fixture_open(f);
	fixture_number(f, TS_SETTING_TCP_MEM, "", "%.0f %.0f %.0f", p->limit * 0.75, p->limit,
		       p->limit * 1.5);
	fixture_gauge(f, TCP_MEMORY, p->held * PAGE, "held");
	fixture_gauge(f, TCP_MEMORY, PAGE, "page");
	fixture_counter(f, NETWORK_COUNTERS, p->pressures, SERVER, "TCPMemoryPressures");
	fixture_counter(f, NETWORK_COUNTERS, 5528, SERVER, "TCPMemoryPressuresChrono");
	fixture_counter(f, TCP_RECEIVED, p->received, SERVER, "service", "9000", "none");
	fixture_counter(f, TCP_RECEIVED, p->unread, SERVER, "service", "9001", "reader");
	fixture_judge(f);
}

static enum ts_outcome outcome(const struct pressure *p)
{
	enum ts_outcome result;
	struct fixture f;

	judge(&f, p);
	result = fixture_outcome(&f, RULE);
	fixture_close(&f);
	return result;
}

static void names_tcp_mem(void **state)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, &lab);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL);
	assert_string_equal(finding->setting, "net.ipv4.tcp_mem");
	assert_int_equal(finding->scope, TS_SCOPE_GLOBAL);
	assert_string_equal(finding->proposed, "98304 131072 196608");
	assert_string_equal(finding->apply, "sysctl -w net.ipv4.tcp_mem=\"98304 131072 196608\"");
	fixture_close(&f);
}

static void just_below_is_quiet(void **state)
{
	struct pressure p = lab;

	p.pressures = 0, p.held = 383;
	assert_int_equal(outcome(&p), TS_OUTCOME_QUIET);
	p.held = 384; /* under pressure all the time: the counter counts its beginnings */
	assert_int_equal(outcome(&p), TS_OUTCOME_RECOMMEND);
}

static void slow_readers(void **state)
{
	struct pressure p = lab;
	const struct ts_finding *finding;
	struct fixture f;

	p.limit = p.held = DEFAULT_PAGES, p.unread = 60e6;
	judge(&f, &p);
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL);
	assert_string_equal(finding->cause, "slow-reader");
	assert_string_equal(finding->acquits, "net.ipv4.tcp_mem");
	fixture_close(&f);
}

static void converges(void **state)
{
	struct pressure p = lab;

	p.limit = p.held = DEFAULT_PAGES;
	assert_int_equal(outcome(&p), TS_OUTCOME_RECOMMEND);
	p.limit = p.held = 4 * DEFAULT_PAGES; /* a quarter of memory */
	assert_int_equal(outcome(&p), TS_OUTCOME_ALREADY_SET);
	p.held = 1000, p.pressures = 0;
	assert_int_equal(outcome(&p), TS_OUTCOME_QUIET);
}

/* The limit was raised while it was looked at: it is ample now, and next to nothing is held. */
static void raised_meanwhile(void **state)
{
	struct pressure p = lab;

	p.limit = DEFAULT_PAGES, p.held = 453;
	assert_int_equal(outcome(&p), TS_OUTCOME_INSUFFICIENT);
	p.held = DEFAULT_PAGES / 10;
	assert_int_equal(outcome(&p), TS_OUTCOME_RECOMMEND);
	/* A limit that is too little for anybody needs no look at what is held just then. */
	p = lab, p.held = 2;
	assert_int_equal(outcome(&p), TS_OUTCOME_RECOMMEND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_tcp_mem),    cmocka_unit_test(just_below_is_quiet),
		cmocka_unit_test(slow_readers),	    cmocka_unit_test(converges),
		cmocka_unit_test(raised_meanwhile),
	};

	return cmocka_run_group_tests_name("rule tcp-memory", tests, NULL, NULL);
}
