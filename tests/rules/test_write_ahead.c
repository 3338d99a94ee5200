// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "write-ahead"

struct sender {
	double small, large; /* samples */
	double seconds, bytes;
	const char *lowat;
};

/* 10 Mbit/s over 40 ms: 430 KB unsent. */
static const struct sender lab = {8, 0, 0.35, 437500, "4294967295"};

static void judge(struct fixture *f, const struct sender *s)
{
	fixture_open(f);
	fixture_setting(f, TS_SETTING_TCP_NOTSENT_LOWAT, SERVER, s->lowat, "");
	fixture_counter(f, TCP_WRITE_AHEAD_SAMPLES, s->small, SERVER, "service", "9000", "small");
	fixture_counter(f, TCP_WRITE_AHEAD_SAMPLES, s->large, SERVER, "service", "9000", "large");
	fixture_gauge(f, TCP_WRITE_AHEAD, s->seconds, SERVER, "service", "9000", "small");
	fixture_gauge(f, TCP_WRITE_AHEAD_BYTES, s->bytes, SERVER, "service", "9000", "small");
	fixture_judge(f);
}

static enum ts_outcome outcome(const struct sender *s)
{
	enum ts_outcome result;
	struct fixture f;

	judge(&f, s);
	result = fixture_outcome(&f, RULE);
	fixture_close(&f);
	return result;
}

static void names_notsent_lowat(void **state)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, &lab);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	assert_string_equal(finding->setting, "net.ipv4.tcp_notsent_lowat");
	assert_string_equal(finding->proposed, "16384");
	fixture_close(&f);
}

static void a_faster_path_gets_more(void **state)
{
	struct sender s = lab;
	struct fixture f;

	s.bytes *= 16; /* 160 Mbit/s: 100 KB in 5 ms */
	judge(&f, &s);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER)->proposed,
			    "131072");
	fixture_close(&f);
}

static void just_below_is_quiet(void **state)
{
	struct sender s = lab;

	s.small = 1;
	assert_int_equal(outcome(&s), TS_OUTCOME_QUIET);
	s = lab;
	s.seconds = 0.049;
	assert_int_equal(outcome(&s), TS_OUTCOME_QUIET);
}

static void bulk_is_left_alone(void **state)
{
	struct sender s = lab;

	s.small = 0, s.large = 8;
	assert_int_equal(outcome(&s), TS_OUTCOME_QUIET);
	s.small = s.large;
	assert_int_equal(outcome(&s), TS_OUTCOME_QUIET);
}

static void does_not_lower_twice(void **state)
{
	struct sender s = lab;

	s.lowat = "16384";
	assert_int_equal(outcome(&s), TS_OUTCOME_ALREADY_SET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_notsent_lowat),	cmocka_unit_test(a_faster_path_gets_more),
		cmocka_unit_test(just_below_is_quiet),	cmocka_unit_test(bulk_is_left_alone),
		cmocka_unit_test(does_not_lower_twice),
	};

	return cmocka_run_group_tests_name("rule write-ahead", tests, NULL, NULL);
}
