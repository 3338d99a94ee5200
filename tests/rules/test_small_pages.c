// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "small-pages"
#define MIB  1048576.0

struct program {
	const char *mode, *asked;
	double bytes, busy, random, other;
};

static const struct program all_over = {"madvise", "not-asked", 1024 * MIB, 5, 3000, 1000};
static const struct program in_vain = {"never", "asked", 1024 * MIB, 5, 0, 0};

static void judge(struct fixture *f, const struct program *p)
{
	fixture_open(f);
	fixture_setting(f, TS_SETTING_THP_ENABLED, "", p->mode, "always madvise never");
	fixture_gauge(f, SMALL_PAGE_BYTES, p->bytes, "solver", p->asked);
	fixture_seconds(f, SMALL_PAGE_BUSY, p->busy, "solver");
	fixture_counter(f, SMALL_PAGE_SAMPLES, p->random, "solver", "random");
	fixture_counter(f, SMALL_PAGE_SAMPLES, p->other, "solver", "other");
	fixture_judge(f);
}

static void outcome_is(const struct program *p, enum ts_outcome outcome)
{
	struct fixture f;

	judge(&f, p);
	assert_int_equal(fixture_outcome(&f, RULE), outcome);
	assert_int_equal(f.report->findings, outcome == TS_OUTCOME_RECOMMEND);
	fixture_close(&f);
}

static void names_the_setting(void **state)
{
	static const struct {
		const struct program *program;
		const char *apply, *undo;
	} rows[] = {
		{&all_over, "echo always > /sys/kernel/mm/transparent_hugepage/enabled",
		 "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled"},
		{&in_vain, "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
		 "echo never > /sys/kernel/mm/transparent_hugepage/enabled"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct ts_finding *finding;
		struct fixture f;

		judge(&f, rows[i].program);
		finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL);
		assert_string_equal(finding->apply, rows[i].apply);
		assert_string_equal(finding->undo, rows[i].undo);
		assert_contains(finding->title, "solver");
		fixture_close(&f);
	}
}

static void just_below(void **state)
{
	struct program p = all_over;

	p.random = 2000, p.other = 2000;
	outcome_is(&p, TS_OUTCOME_RECOMMEND);
	p.random = 1999, p.other = 2001;
	outcome_is(&p, TS_OUTCOME_QUIET);
	p = all_over, p.busy = 2.4;
	outcome_is(&p, TS_OUTCOME_QUIET);
	p = all_over, p.bytes = 255 * MIB;
	outcome_is(&p, TS_OUTCOME_QUIET);
	p = all_over, p.random = 290, p.other = 9;
	outcome_is(&p, TS_OUTCOME_INSUFFICIENT);
	p = in_vain, p.busy = 2.4;
	outcome_is(&p, TS_OUTCOME_QUIET);
}

/* One that goes through its memory in order, one that may have huge pages, one that has them. */
static void look_alikes(void **state)
{
	struct program p = all_over;

	p.random = 0, p.other = 4000;
	outcome_is(&p, TS_OUTCOME_QUIET);
	p.mode = "always";
	outcome_is(&p, TS_OUTCOME_QUIET);
	p = all_over, p.mode = "always";
	outcome_is(&p, TS_OUTCOME_QUIET);
	p = in_vain, p.mode = "madvise";
	outcome_is(&p, TS_OUTCOME_QUIET);
}

static void not_measured(void **state)
{
	struct fixture f;

	fixture_open(&f);
	fixture_unsupported(&f, TS_FAMILY_SMALL_PAGE_BYTES, "no huge pages");
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
		cmocka_unit_test(not_measured),
	};

	return cmocka_run_group_tests_name("rule small-pages", tests, NULL, NULL);
}
