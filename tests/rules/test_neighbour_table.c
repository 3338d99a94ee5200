// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "neighbour-table"

struct input {
	const char *table;
	double refused, entries, resolved, unresolved;
	double limit;
};

/* The lab's: 200 hosts that answer, and room for 64. */
static const struct input lab = {"arp", 54, 65, 64, 1, 64};

static void judge(struct fixture *f, const struct input *i)
{
	bool arp = !strcmp(i->table, "arp");
	const enum ts_setting_id first =
		arp ? TS_SETTING_ARP_GC_THRESH1 : TS_SETTING_NDISC_GC_THRESH1;

	fixture_open(f);
	fixture_number(f, first, "", "%.0f", i->limit / 4);
	fixture_number(f, first + 1, "", "%.0f", i->limit / 2);
	fixture_number(f, first + 2, "", "%.0f", i->limit);
	fixture_counter(f, NEIGHBOUR_EVENTS, i->refused, i->table, "table-full");
	fixture_gauge(f, NEIGHBOUR_ENTRIES, i->entries, i->table);
	if (i->resolved + i->unresolved > 0) {
		fixture_gauge(f, NEIGHBOUR_STATES, i->resolved, SERVER, i->table, "resolved");
		fixture_gauge(f, NEIGHBOUR_STATES, i->unresolved, SERVER, i->table, "unresolved");
		fixture_gauge(f, NEIGHBOUR_STATES, 1, HOME, i->table, "resolved");
	}
	fixture_judge(f);
}

static void names_the_limit_and_the_namespace(void **state)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, &lab);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL);
	assert_string_equal(finding->setting, "net.ipv4.neigh.default.gc_thresh3");
	assert_int_equal(finding->scope, TS_SCOPE_GLOBAL);
	assert_string_equal(finding->current, "64");
	assert_string_equal(finding->proposed, "4096");
	assert_string_equal(finding->apply, "sysctl -w net.ipv4.neigh.default.gc_thresh3=4096 "
					    "net.ipv4.neigh.default.gc_thresh2=2048 "
					    "net.ipv4.neigh.default.gc_thresh1=1024");
	assert_string_equal(finding->undo, "sysctl -w net.ipv4.neigh.default.gc_thresh3=64 "
					   "net.ipv4.neigh.default.gc_thresh2=32 "
					   "net.ipv4.neigh.default.gc_thresh1=16");
	assert_contains(finding->title, "labsrv");
	fixture_close(&f);
}

static void ipv6(void **state)
{
	struct input i = lab;
	struct fixture f;

	i.table = "ndisc";
	judge(&f, &i);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL)->setting,
			    "net.ipv6.neigh.default.gc_thresh3");
	fixture_close(&f);
}

static void just_below_is_quiet(void **state)
{
	struct input i = lab;
	struct fixture f;

	i.refused = 4;
	judge(&f, &i);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
}

static void addresses_that_do_not_answer(void **state)
{
	const struct ts_finding *finding;
	struct input i = lab;
	struct fixture f;

	i.resolved = 20, i.unresolved = 44;
	judge(&f, &i);
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, SERVER);
	assert_string_equal(finding->cause, "unreachable-neighbours");
	assert_string_equal(finding->acquits, "net.ipv4.neigh.default.gc_thresh3");
	fixture_close(&f);
}

static void entries_nobody_looked_at(void **state)
{
	struct input i = lab;
	struct fixture f;

	i.resolved = i.unresolved = 0;
	judge(&f, &i);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_RECOMMEND);
	fixture_close(&f);
}

static void ends_at_a_size_that_fits(void **state)
{
	struct input i = lab;
	struct fixture f;

	for (int round = 0; round < 20; round++) {
		enum ts_outcome outcome;

		i.refused = 1e6, i.entries = i.limit;
		judge(&f, &i);
		outcome = fixture_outcome(&f, RULE);
		if (outcome == TS_OUTCOME_RECOMMEND)
			i.limit = strtod(f.report->finding[0].proposed, NULL);
		fixture_close(&f);
		if (round == 19)
			assert_int_equal(outcome, TS_OUTCOME_ALREADY_SET);
	}
	assert_true(i.limit * 400 <= 8.0 * (1 << 30) / 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_limit_and_the_namespace),
		cmocka_unit_test(ipv6),
		cmocka_unit_test(just_below_is_quiet),
		cmocka_unit_test(addresses_that_do_not_answer),
		cmocka_unit_test(entries_nobody_looked_at),
		cmocka_unit_test(ends_at_a_size_that_fits),
	};

	return cmocka_run_group_tests_name("rule neighbour-table", tests, NULL, NULL);
}
