// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "congestion-control"

struct flow {
	const char *netns, *algorithm;
	const char *path; /* most of it; "calm", "rising", "queueing" */
	double seconds, segments, resent, recoveries, fast;
	double rtt, least_rtt;
	double elsewhere; /* seconds with the round-trip time raised */
};

/* The lab's: 1 % of the segments lost at random, 40 ms. */
static const struct flow lab = {SERVER, "cubic", "calm", 6, 1890, 13, 13, 13, 0.042, 0.04, 0};

static void add(struct fixture *f, const struct flow *c)
{
	fixture_setting(f, TS_SETTING_TCP_CONGESTION_CONTROL, c->netns, c->algorithm, "");
	fixture_counter(f, TCP_PATH_SEGMENTS, c->segments, c->netns, "service", "9000", c->path);
	fixture_counter(f, TCP_PATH_RESENT, c->resent, c->netns, "service", "9000", c->path);
	fixture_seconds(f, TCP_PATH_TIME, c->seconds, c->netns, "service", "9000", c->path);
	if (c->elsewhere > 0) {
		fixture_counter(f, TCP_PATH_SEGMENTS, 100, c->netns, "service", "9000", "rising");
		fixture_seconds(f, TCP_PATH_TIME, c->elsewhere, c->netns, "service", "9000",
				"rising");
	}
	fixture_counter(f, NETWORK_COUNTERS, c->recoveries, c->netns, "TCPSackRecovery");
	fixture_counter(f, NETWORK_COUNTERS, c->fast, c->netns, "TCPFastRetrans");
	fixture_latency(f, TCP_LIVE_SMOOTHED_RTT, 3, c->rtt, 6, c->netns, "service", "9000");
	fixture_latency(f, TCP_LIVE_MINIMUM_RTT, 3, c->least_rtt, 6, c->netns, "service", "9000");
}

static void algorithms(struct fixture *f, const char *available, const char *allowed)
{
	fixture_setting(f, TS_SETTING_TCP_AVAILABLE_CONGESTION_CONTROL, "", available, "");
	fixture_setting(f, TS_SETTING_TCP_ALLOWED_CONGESTION_CONTROL, "", allowed, "");
}

static void judge(struct fixture *f, const struct flow *c)
{
	fixture_open(f);
	algorithms(f, "reno bbr cubic", "reno cubic bbr");
	add(f, c);
	fixture_judge(f);
}

static void expect(const struct flow *c, enum ts_outcome outcome, const char *cause)
{
	struct fixture f;

	judge(&f, c);
	assert_string_equal(ts_outcome_name(fixture_outcome(&f, RULE)), ts_outcome_name(outcome));
	if (outcome == TS_OUTCOME_NOT_A_SETTING)
		assert_string_equal(fixture_finding(&f, RULE, outcome, c->netns)->cause, cause);
	fixture_close(&f);
}

static void names_the_model(void **state)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, &lab);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	assert_string_equal(finding->setting, "net.ipv4.tcp_congestion_control");
	assert_string_equal(finding->current, "cubic");
	assert_string_equal(finding->proposed, "bbr");
	assert_string_equal(finding->apply, "nsenter --net=/run/netns/labsrv sysctl -w "
					    "net.ipv4.tcp_congestion_control=bbr");
	fixture_close(&f);
}

static void a_namespace_must_be_allowed(void **state)
{
	struct flow c = lab;
	struct fixture f;

	fixture_open(&f);
	algorithms(&f, "reno bbr cubic", "reno cubic");
	add(&f, &c);
	fixture_judge(&f);
	assert_string_equal(
		fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER)->apply,
		"sysctl -w net.ipv4.tcp_allowed_congestion_control=\"reno cubic bbr\" && "
		"nsenter --net=/run/netns/labsrv sysctl -w net.ipv4.tcp_congestion_control=bbr");
	fixture_close(&f);
	/* The initial one may choose what it likes. */
	c.netns = HOME;
	fixture_open(&f);
	algorithms(&f, "reno bbr cubic", "reno cubic");
	add(&f, &c);
	fixture_judge(&f);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, HOME)->apply,
			    "sysctl -w net.ipv4.tcp_congestion_control=bbr");
	fixture_close(&f);
	/* Not loaded: nothing is proposed that the kernel would refuse. "bbr2" is another one. */
	fixture_open(&f);
	algorithms(&f, "reno bbr2 cubic", "reno cubic bbr");
	add(&f, &lab);
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_INSUFFICIENT);
	assert_contains(fixture_result(&f, RULE)->why, "tcp_bbr");
	fixture_close(&f);
}

static void just_below_is_quiet(void **state)
{
	struct flow c = lab;

	c.resent = 4;
	expect(&c, TS_OUTCOME_QUIET, NULL);
	c.resent = 5;
	expect(&c, TS_OUTCOME_RECOMMEND, NULL);
	c.segments = 5100; /* less than one in a thousand */
	expect(&c, TS_OUTCOME_QUIET, NULL);
	c = lab, c.seconds = 1.4;
	expect(&c, TS_OUTCOME_QUIET, NULL);
	c = lab, c.least_rtt = 0.003, c.rtt = 0.0031;
	expect(&c, TS_OUTCOME_QUIET, NULL);
}

static void congestion(void **state)
{
	struct flow c = lab;

	c.path = "queueing", c.rtt = 0.098, c.segments = 13345, c.resent = 23;
	expect(&c, TS_OUTCOME_NOT_A_SETTING, "congestion");
	c.resent = 2; /* one flow in front of a deep queue */
	expect(&c, TS_OUTCOME_NOT_A_SETTING, "congestion");
	c.resent = 1;
	expect(&c, TS_OUTCOME_QUIET, NULL);
	/* A short queue: the round-trip time tells nothing, losses come in bursts. */
	c = lab, c.segments = 9000, c.resent = 60, c.recoveries = 5, c.fast = 60;
	expect(&c, TS_OUTCOME_NOT_A_SETTING, "congestion");
	c = lab, c.recoveries = 8, c.elsewhere = 3; /* 0.62, and a queue for a third of the time */
	expect(&c, TS_OUTCOME_NOT_A_SETTING, "congestion");
	c.elsewhere = 1;
	expect(&c, TS_OUTCOME_RECOMMEND, NULL);
	c = lab, c.elsewhere = 5; /* one by one, now with and now without a queue */
	expect(&c, TS_OUTCOME_INSUFFICIENT, NULL);
}

static void what_else_looks_like_it(void **state)
{
	static const char *const elsewhere[] = {"chosen", "model", "no-sack"};
	struct flow c = lab;
	struct fixture f;

	c.resent = 140; /* 7.4 % */
	expect(&c, TS_OUTCOME_NOT_A_SETTING, "path-loss");
	c.resent = 130;
	expect(&c, TS_OUTCOME_RECOMMEND, NULL);
	for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
		c = lab, c.path = elsewhere[i];
		expect(&c, TS_OUTCOME_QUIET, NULL);
	}
	/* Lost by this host. */
	fixture_open(&f);
	algorithms(&f, "reno bbr cubic", "bbr");
	add(&f, &lab);
	fixture_counter(&f, SOFTNET, 10, "0", "dropped");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
	fixture_open(&f);
	algorithms(&f, "reno bbr cubic", "bbr");
	add(&f, &lab);
	fixture_counter(&f, NETWORK_COUNTERS, 1, CONTAINER, "TCPMemoryPressures");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
}

/* The application chose it, or it goes by no loss: why they are held back is said all the same. */
static void congestion_whatever_the_algorithm(void **state)
{
	static const char *const paths[] = {"chosen", "model"};
	struct flow c = {SERVER, "cubic", "", 28, 11760, 40, 13, 40, 0.0545, 0.0387, 0};

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		c.path = paths[i], c.rtt = 0.0545;
		expect(&c, TS_OUTCOME_NOT_A_SETTING, "congestion");
		c.rtt = 0.0472; /* 1.22 times */
		expect(&c, TS_OUTCOME_QUIET, NULL);
	}
	c.rtt = 0.0545, c.resent = 1;
	expect(&c, TS_OUTCOME_QUIET, NULL);
	c.resent = 40, c.seconds = 1.4;
	expect(&c, TS_OUTCOME_QUIET, NULL);
}

static void not_measured(void **state)
{
	struct fixture f;

	fixture_open(&f);
	add(&f, &lab);
	fixture_unsupported(&f, TS_FAMILY_TCP_PATH_SEGMENTS, "no iterator");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_UNAVAILABLE);
	fixture_close(&f);
}

static void hostile_names(void **state)
{
	struct fixture f;

	fixture_open(&f);
	f.no_commands = true;
	algorithms(&f, "reno bbr cubic", "reno $(reboot)");
	add(&f, &lab);
	fixture_judge(&f);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER)->apply, "");
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_model),
		cmocka_unit_test(a_namespace_must_be_allowed),
		cmocka_unit_test(just_below_is_quiet),
		cmocka_unit_test(congestion),
		cmocka_unit_test(what_else_looks_like_it),
		cmocka_unit_test(congestion_whatever_the_algorithm),
		cmocka_unit_test(not_measured),
		cmocka_unit_test(hostile_names),
	};

	return cmocka_run_group_tests_name("rule congestion-control", tests, NULL, NULL);
}
