// SPDX-License-Identifier: GPL-2.0-only
#include "flow.h"

#define RULE "send-buffer"

/* 100 Mbit/s over 80 ms behind tcp_wmem[2] = 131072. */
static const struct flow path = {SERVER, "outbound", "9000", "tcp_wmem", 14e6, 1e5,
				 502784, 131072,     125000, 0.085,	 0.080};

static const char *wmem = "4096 16384 131072", *wmem_max = "212992";

static void judge(struct fixture *f, const struct flow *w)
{
	fixture_open(f);
	fixture_setting(f, TS_SETTING_TCP_WMEM, w->netns, wmem, "");
	fixture_setting(f, TS_SETTING_WMEM_MAX, "", wmem_max, "");
	ADD_SENT(f, w);
	fixture_judge(f);
}

static void expect(const struct flow *w, enum ts_outcome outcome)
{
	struct fixture f;

	judge(&f, w);
	assert_int_equal(fixture_outcome(&f, RULE), outcome);
	fixture_close(&f);
}

static void names_tcp_wmem(void **state)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, &path);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	assert_string_equal(finding->setting, "net.ipv4.tcp_wmem");
	assert_string_equal(finding->proposed, "4096 16384 33554432");
	assert_string_equal(finding->apply, "nsenter --net=/run/netns/labsrv sysctl -w "
					    "net.ipv4.tcp_wmem=\"4096 16384 33554432\"");
	assert_string_equal(finding->id,
			    "send-buffer/net.ipv4.tcp_wmem/netns:" SERVER "/remote-port:9000");
	fixture_close(&f);
}

static void names_wmem_max(void **state)
{
	const struct ts_finding *finding;
	struct flow w = path;
	struct fixture f;

	w.limit = "wmem_max";
	judge(&f, &w);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL);
	assert_string_equal(finding->setting, "net.core.wmem_max");
	assert_int_equal(finding->scope, TS_SCOPE_GLOBAL);
	assert_string_equal(finding->proposed, "33554432");
	assert_contains(finding->remedy, "looks the same");
	fixture_close(&f);
}

static void just_below_is_quiet(void **state)
{
	struct flow w = path;

	w.bytes = 1048575, w.others = 0;
	expect(&w, TS_OUTCOME_QUIET);
	w.bytes = 1048576;
	expect(&w, TS_OUTCOME_RECOMMEND);
	w.others = 1.1 * w.bytes;
	expect(&w, TS_OUTCOME_QUIET);
	w = path;
	w.rtt = w.min_rtt = 0.0019;
	expect(&w, TS_OUTCOME_QUIET);
	w = path;
	w.limit = "growing";
	expect(&w, TS_OUTCOME_QUIET);
}

static void expect_cause(const struct flow *w, const char *cause)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, w);
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, SERVER);
	assert_string_equal(finding->cause, cause);
	assert_string_equal(finding->acquits, strcmp(w->limit, "tcp_wmem") && *finding->acquits == 0
						      ? ""
						      : "net.ipv4.tcp_wmem");
	fixture_close(&f);
}

static void look_alikes(void **state)
{
	struct flow w = path;

	w.limit = "fixed";
	expect_cause(&w, "fixed-socket-buffer");
	w.limit = "peer-window";
	expect_cause(&w, "peer-window");
	w.limit = "loss", w.bytes = 300000, w.others = 0;
	expect_cause(&w, "path-loss");
	w.rtt = 0.2;
	expect_cause(&w, "congestion");
	w = path;
	w.rtt = 0.2;
	expect_cause(&w, "congestion");
}

/* The same need, and the value that was proposed: no second raise, and an end on an endless path.
 */
static void converges(void **state)
{
	static char value[64];
	struct flow w = path;
	struct fixture f;
	int raises = 0;

	for (;;) {
		judge(&f, &w);
		if (fixture_outcome(&f, RULE) != TS_OUTCOME_RECOMMEND)
			break;
		snprintf(value, sizeof value, "%s", f.report->finding[0].proposed);
		wmem = value;
		w.buffer = strtod(strrchr(value, ' '), NULL), w.in_flight = w.buffer / 2;
		fixture_close(&f);
		assert_true(++raises <= 2);
	}
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_ALREADY_SET);
	fixture_close(&f);
	wmem = "4096 16384 131072";
}

static void not_measured(void **state)
{
	struct fixture f;

	fixture_open(&f);
	ADD_SENT(&f, &path);
	fixture_unsupported(&f, TS_FAMILY_TCP_SENT, "no TCP iterator");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_UNAVAILABLE);
	fixture_close(&f);
	fixture_open(&f); /* the setting could not be read */
	ADD_SENT(&f, &path);
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_INSUFFICIENT);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_tcp_wmem),      cmocka_unit_test(names_wmem_max),
		cmocka_unit_test(just_below_is_quiet), cmocka_unit_test(look_alikes),
		cmocka_unit_test(converges),	       cmocka_unit_test(not_measured),
	};

	return cmocka_run_group_tests_name("rule send-buffer", tests, NULL, NULL);
}
