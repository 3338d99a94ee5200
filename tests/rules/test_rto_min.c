// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "rto-min"

struct flow {
	const char *netns, *side, *rto_min; /* NULL: this kernel has no such setting */
	double timeouts, probes, fast;
	double rtt; /* 0: not seen */
	double sent, resent;
};

/* The lab's: 800 small answers over a path of 1 ms that loses one in fifty. */
static const struct flow lab = {SERVER, "service", "200000", 2, 20, 0, 0.00106, 829, 24};

static void add(struct fixture *f, const struct flow *c)
{
	if (c->rto_min)
		fixture_setting(f, TS_SETTING_TCP_RTO_MIN_US, c->netns, c->rto_min, "");
	fixture_counter(f, TCP_RETRANSMITS, c->timeouts, c->netns, c->side, "9000", "timeout");
	fixture_counter(f, TCP_RETRANSMITS, c->probes, c->netns, c->side, "9000", "probe");
	fixture_counter(f, TCP_RETRANSMITS, c->fast, c->netns, c->side, "9000", "fast");
	fixture_counter(f, NETWORK_COUNTERS, c->timeouts + c->probes, c->netns, "TCPTimeouts");
	fixture_counter(f, NETWORK_COUNTERS, c->sent, c->netns, "TcpOutSegs");
	fixture_counter(f, NETWORK_COUNTERS, c->resent, c->netns, "TcpRetransSegs");
	if (c->rtt > 0)
		fixture_latency(f, TCP_LIVE_SMOOTHED_RTT, 3, c->rtt, 7, c->netns, c->side, "9000");
}

static void judge(struct fixture *f, const struct flow *c)
{
	fixture_open(f);
	add(f, c);
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

	judge(&f, &lab);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	assert_string_equal(finding->setting, "net.ipv4.tcp_rto_min_us");
	assert_string_equal(finding->port, "9000");
	assert_int_equal(finding->scope, TS_SCOPE_NETNS);
	assert_in_range(strtoul(finding->proposed, NULL, 10), 10000, 12000);
	assert_string_equal(finding->takes_effect, "next-listen");
	fixture_close(&f);
}

/* Both sides lose: each in its own namespace. */
static void two_namespaces(void **state)
{
	struct flow client = lab;
	struct fixture f;

	client.netns = CONTAINER, client.side = "outbound";
	fixture_open(&f);
	add(&f, &lab);
	add(&f, &client);
	fixture_judge(&f);
	fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	assert_contains(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, CONTAINER)->id,
			"remote-port:9000");
	fixture_close(&f);
}

static void just_below_is_quiet(void **state)
{
	struct flow c = lab;

	c.timeouts = 0, c.probes = 4;
	expect(&c, TS_OUTCOME_QUIET);
	c.probes = 5;
	expect(&c, TS_OUTCOME_RECOMMEND);
	c.fast = 13; /* most losses are noticed at once */
	expect(&c, TS_OUTCOME_QUIET);
	c = lab, c.rtt = 0.011; /* a timeout of eighteen round trips */
	expect(&c, TS_OUTCOME_QUIET);
	c.rtt = 0.0095;
	expect(&c, TS_OUTCOME_RECOMMEND);
	c.rtt = 0.0021, c.rto_min = "22000"; /* proposed when it was taken for 2.2 ms */
	expect(&c, TS_OUTCOME_QUIET);
}

/* The other side's accept queue overflows: connects wait, and the requests sent behind them. */
static void connects_that_are_repeated(void **state)
{
	static const struct {
		double connects;
		enum ts_outcome outcome;
	} cases[] = {{310, TS_OUTCOME_QUIET}, {66, TS_OUTCOME_QUIET}, {65, TS_OUTCOME_RECOMMEND}};
	struct flow c = lab;
	struct fixture f;

	c.side = "outbound";
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		fixture_open(&f);
		add(&f, &c);
		fixture_counter(&f, TCP_RETRANSMITS, cases[i].connects, c.netns, c.side, "9000",
				"syn");
		fixture_counter(&f, NETWORK_COUNTERS, cases[i].connects, c.netns, "TCPTimeouts");
		fixture_judge(&f);
		assert_int_equal(fixture_outcome(&f, RULE), cases[i].outcome);
		fixture_close(&f);
	}
}

static void what_looks_like_it(void **state)
{
	struct flow c = lab;
	struct fixture f;

	c.resent = 200; /* a path that loses nearly everything, or hosts that are gone */
	expect(&c, TS_OUTCOME_QUIET);
	c = lab, c.rtt = 0;
	expect(&c, TS_OUTCOME_INSUFFICIENT);
	/* Without selective acknowledgements. */
	fixture_open(&f);
	add(&f, &lab);
	fixture_setting(&f, TS_SETTING_TCP_SACK, SERVER, "0", "");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
	/* A black hole; or peers that are gone. */
	for (size_t i = 0; i < 2; i++) {
		fixture_open(&f);
		add(&f, &lab);
		fixture_gauge(&f, TCP_PROGRESS, 1, SERVER, "service", "9000",
			      i ? "stuck-unheard" : "stuck-full");
		fixture_judge(&f);
		assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
		fixture_close(&f);
	}
	c = lab, c.rto_min = NULL;
	judge(&f, &c);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_INSUFFICIENT);
	assert_contains(fixture_result(&f, RULE)->why, "ip route");
	fixture_close(&f);
}

/* A busy host: round-trip times are long at times, the path is not. */
static void the_path_counts(void **state)
{
	struct flow c = lab;
	struct fixture f;

	c.rtt = 0.012;
	fixture_open(&f);
	add(&f, &c);
	fixture_latency(&f, TCP_LIVE_MINIMUM_RTT, 3, 0.00105, 7, SERVER, "service", "9000");
	fixture_judge(&f);
	assert_in_range(strtoul(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER)->proposed,
				NULL, 10),
			10000, 12000);
	fixture_close(&f);
}

/* One timeout repeats many segments: three events are not yet a symptom. */
static void segments_are_not_events(void **state)
{
	struct fixture f;

	fixture_open(&f);
	fixture_setting(&f, TS_SETTING_TCP_RTO_MIN_US, SERVER, "200000", "");
	fixture_counter(&f, TCP_RETRANSMITS, 1546, SERVER, "service", "9000", "timeout");
	fixture_counter(&f, NETWORK_COUNTERS, 4, SERVER, "TCPTimeouts");
	fixture_counter(&f, NETWORK_COUNTERS, 31000, SERVER, "TcpOutSegs");
	fixture_counter(&f, NETWORK_COUNTERS, 1546, SERVER, "TcpRetransSegs");
	fixture_latency(&f, TCP_LIVE_SMOOTHED_RTT, 3, 0.0007, 7, SERVER, "service", "9000");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
}

/* The peer acknowledges late: what was sent again had arrived. */
static void probes_without_loss(void **state)
{
	struct flow c = lab;
	struct fixture f;

	c.timeouts = 3;
	for (int repaired = 0; repaired <= 5; repaired += 5) {
		fixture_open(&f);
		add(&f, &c);
		fixture_counter(&f, NETWORK_COUNTERS, c.probes, SERVER, "TCPLossProbes");
		fixture_counter(&f, NETWORK_COUNTERS, c.timeouts + c.probes, SERVER,
				"TCPSpuriousRTOs");
		fixture_counter(&f, NETWORK_COUNTERS, repaired, SERVER, "TCPLossProbeRecovery");
		fixture_judge(&f);
		assert_int_equal(fixture_outcome(&f, RULE),
				 repaired ? TS_OUTCOME_RECOMMEND : TS_OUTCOME_QUIET);
		fixture_close(&f);
	}
}

/* The value that was proposed, under the same load. */
static void converges(void **state)
{
	struct flow c = lab;

	c.rto_min = "11000", c.rtt = 0.0015;
	expect(&c, TS_OUTCOME_QUIET);
	c.rtt = 0.0001;
	expect(&c, TS_OUTCOME_QUIET);
}

static void not_measured(void **state)
{
	struct fixture f;

	fixture_open(&f);
	add(&f, &lab);
	fixture_unsupported(&f, TS_FAMILY_TCP_RETRANSMITS, "no tracepoint");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_UNAVAILABLE);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_setting),
		cmocka_unit_test(connects_that_are_repeated),
		cmocka_unit_test(two_namespaces),
		cmocka_unit_test(just_below_is_quiet),
		cmocka_unit_test(what_looks_like_it),
		cmocka_unit_test(the_path_counts),
		cmocka_unit_test(segments_are_not_events),
		cmocka_unit_test(converges),
		cmocka_unit_test(probes_without_loss),
		cmocka_unit_test(not_measured),
	};

	return cmocka_run_group_tests_name("rule rto-min", tests, NULL, NULL);
}
