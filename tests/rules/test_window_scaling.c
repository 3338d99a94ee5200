// SPDX-License-Identifier: GPL-2.0-only
#include "flow.h"

#define RULE "window-scaling"

/* 100 Mbit/s over 80 ms, 6 of them used. */
static const struct flow path = {SERVER, "service", "9000", "unscaled", 7e6,  0,
				 65535,	 561152,    65000,  0.081,	0.080};

static void judge(struct fixture *f, const struct flow *w, const char *scaling, bool sent)
{
	fixture_open(f);
	fixture_setting(f, TS_SETTING_TCP_WINDOW_SCALING, w->netns, scaling, "");
	if (sent)
		ADD_SENT(f, w);
	else
		ADD_RECEIVED(f, w);
	fixture_judge(f);
}

static void names_the_side_that_is_off(void **state)
{
	for (int sent = 0; sent < 2; sent++) {
		const struct ts_finding *finding;
		struct fixture f;

		judge(&f, &path, "0", sent);
		finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
		assert_string_equal(finding->setting, "net.ipv4.tcp_window_scaling");
		assert_string_equal(finding->proposed, "1");
		fixture_close(&f);
		judge(&f, &path, "1", sent);
		assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
		finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, SERVER);
		assert_string_equal(finding->cause, "peer-without-window-scaling");
		fixture_close(&f);
	}
}

static void quiet(const struct flow *w)
{
	struct fixture f;

	judge(&f, w, "0", false);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
}

static void just_below_is_quiet(void **state)
{
	struct flow w = path;

	w.bytes = 1048575;
	quiet(&w);
	w = path;
	w.in_flight = 0.69 * w.window;
	quiet(&w);
	w = path;
	w.rtt = w.min_rtt = 0.0019;
	quiet(&w);
	w = path;
	w.rtt = 0.2; /* the path is full */
	quiet(&w);
	w = path;
	w.limit = "none"; /* as after the setting was changed */
	quiet(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_side_that_is_off),
		cmocka_unit_test(just_below_is_quiet),
	};

	return cmocka_run_group_tests_name("rule window-scaling", tests, NULL, NULL);
}
