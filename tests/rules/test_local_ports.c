// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "local-ports"

struct client {
	const char *netns, *destination;
	const char *range, *reuse;
	double failed, time_wait, established, close_wait, fin_wait;
	double opened, closed; /* during the window */
};

/* The lab's: a range of 1000, 1000 connects a second to one address and port. */
static const struct client lab = {
	SERVER, "10.77.0.1:9000", "40000 40999", "0", 5000, 1000, 0, 0, 0, 1000, 1000};

static void add(struct fixture *f, const struct client *c)
{
	fixture_setting(f, TS_SETTING_IP_LOCAL_PORT_RANGE, c->netns, c->range, "");
	fixture_setting(f, TS_SETTING_TCP_TW_REUSE, c->netns, c->reuse, "");
	fixture_counter(f, TCP_CONNECT_FAILURES, c->failed, c->netns, "9000", "no-local-port");
	fixture_counter(f, TCP_CONNECT_FAILURES, c->opened ? 7 : 0, c->netns, "9000",
			"not-established");
	fixture_gauge(f, TCP_LOCAL_PORTS, c->time_wait, c->netns, c->destination, "time-wait");
	fixture_gauge(f, TCP_LOCAL_PORTS, c->established, c->netns, c->destination, "established");
	fixture_gauge(f, TCP_LOCAL_PORTS, c->close_wait, c->netns, c->destination, "close-wait");
	fixture_gauge(f, TCP_LOCAL_PORTS, c->fin_wait, c->netns, c->destination, "fin-wait");
	fixture_gauge(f, TCP_LOCAL_PORTS, 3, c->netns, "10.0.0.9:53", "established");
	if (c->opened)
		fixture_latency(f, TCP_CONNECT_LATENCY, 3, 1e-4, (__u64)c->opened, c->netns,
				"9000");
	fixture_counter(f, TCP_CONNECTIONS, c->closed, c->netns, "outbound", "9000");
	fixture_counter(f, TCP_CONNECTIONS, 4000, c->netns, "service", "9000");
}

static void judge(struct fixture *f, const struct client *c)
{
	fixture_open(f);
	add(f, c);
	fixture_judge(f);
}

static void expect(const struct client *c, enum ts_outcome outcome)
{
	struct fixture f;

	judge(&f, c);
	assert_string_equal(ts_outcome_name(fixture_outcome(&f, RULE)), ts_outcome_name(outcome));
	fixture_close(&f);
}

static void names_the_range(void **state)
{
	struct fixture f;
	const struct ts_finding *finding;

	judge(&f, &lab);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	assert_string_equal(finding->setting, "net.ipv4.ip_local_port_range");
	assert_string_equal(finding->current, "40000 40999");
	assert_string_equal(finding->proposed, "15000 64999");
	assert_string_equal(finding->apply, "nsenter --net=/run/netns/labsrv sysctl -w "
					    "net.ipv4.ip_local_port_range=\"15000 64999\"");
	assert_string_equal(finding->id, "local-ports/net.ipv4.ip_local_port_range/netns:" SERVER);
	assert_contains(finding->remedy, "tcp_tw_reuse=1");
	assert_contains(finding->title, "10.77.0.1:9000");
	fixture_close(&f);
}

/* Held ports alone harm nobody; connects that fail do. */
static void without_failures_nothing_is_proposed(void **state)
{
	struct client c = lab;
	struct fixture f;

	c.failed = 4, c.time_wait = 799;
	expect(&c, TS_OUTCOME_QUIET);
	c.failed = 4, c.time_wait = 800;
	expect(&c, TS_OUTCOME_INSUFFICIENT);
	c.failed = 0;
	judge(&f, &c);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_INSUFFICIENT);
	assert_contains(fixture_result(&f, RULE)->why, "800 of 1000 local ports");
	assert_int_equal(f.report->findings, 0);
	fixture_close(&f);
	c.failed = 5;
	expect(&c, TS_OUTCOME_RECOMMEND);
	c.failed = 0, c.time_wait = 950, c.reuse = "1"; /* taken over after a second */
	expect(&c, TS_OUTCOME_QUIET);
	c.reuse = "0", c.time_wait = 1500; /* several source addresses */
	expect(&c, TS_OUTCOME_QUIET);
	/* A steady pool beside short connects, all of which get a port. */
	c.time_wait = 50, c.established = 850;
	expect(&c, TS_OUTCOME_INSUFFICIENT);
}

/* The client has ended and left a full range behind. */
static void an_idle_host_is_quiet(void **state)
{
	struct client c = lab;

	c.range = "40000 40199", c.time_wait = 200, c.failed = c.opened = c.closed = 0;
	expect(&c, TS_OUTCOME_QUIET);
	c.time_wait = 0, c.established = 200;
	expect(&c, TS_OUTCOME_QUIET);
	c.established = 0, c.fin_wait = 200;
	expect(&c, TS_OUTCOME_QUIET);
	c.opened = 1; /* somebody still connects */
	c.fin_wait = 0, c.time_wait = 190;
	expect(&c, TS_OUTCOME_INSUFFICIENT);
}

/* The default takes over TIME_WAIT where an address is a loopback address, and nowhere else. */
static void reuse_on_loopback(void **state)
{
	static const struct {
		const char *destination, *reuse;
		bool in_force;
	} cases[] = {
		{"127.0.0.1:9000", "2", true},	{"[::1]:9000", "2", true},
		{"127.9.0.1:9000", "1", true},	{"10.77.0.1:9000", "1", true},
		{"10.77.0.1:9000", "2", false}, {"[fd00::1]:9000", "2", false},
		{"127.0.0.1:9000", "0", false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct client c = lab;
		struct fixture f;
		const char *remedy;

		c.destination = cases[i].destination, c.reuse = cases[i].reuse;
		judge(&f, &c);
		remedy = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER)->remedy;
		assert_true(!strstr(remedy, "tcp_tw_reuse") == cases[i].in_force);
		fixture_close(&f);
		c.failed = 0;
		expect(&c, cases[i].in_force ? TS_OUTCOME_QUIET : TS_OUTCOME_INSUFFICIENT);
	}
}

static void connections_that_are_never_closed(void **state)
{
	struct client c = lab;
	struct fixture f;
	const struct ts_finding *finding;

	c.time_wait = 0, c.established = 1000;
	judge(&f, &c);
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, SERVER);
	assert_string_equal(finding->cause, "connection-leak");
	assert_string_equal(finding->acquits, "net.ipv4.ip_local_port_range");
	fixture_close(&f);
	c.established = 100, c.close_wait = 900;
	judge(&f, &c);
	assert_contains(fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, SERVER)->remedy,
			"CLOSE_WAIT");
	fixture_close(&f);
}

static void a_pool_is_no_leak(void **state)
{
	struct client c = lab;
	struct fixture f;
	const struct ts_finding *finding;

	/* Most of the range, always the same; the rest runs out. */
	c.range = "40000 40199", c.established = 170, c.time_wait = 30;
	judge(&f, &c);
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_NOT_A_SETTING), 0);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	assert_contains(finding->computed, "TIME_WAIT");
	fixture_close(&f);
	/* Nothing in TIME_WAIT: nothing there to be reused. */
	c.time_wait = 0, c.opened = c.closed = 300;
	judge(&f, &c);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	assert_null(strstr(finding->remedy, "tcp_tw_reuse"));
	assert_null(strstr(finding->computed, "TIME_WAIT"));
	fixture_close(&f);
	/* What is opened and closed again in the window need not balance to the last one. */
	c.opened = 1009, c.closed = 1000;
	expect(&c, TS_OUTCOME_RECOMMEND);
	/* It grows; or it takes all. */
	c.opened = 1010;
	expect(&c, TS_OUTCOME_NOT_A_SETTING);
	c.opened = c.closed = 0, c.established = 189;
	expect(&c, TS_OUTCOME_RECOMMEND);
	c.established = 190;
	expect(&c, TS_OUTCOME_NOT_A_SETTING);
}

/* Connections that this side has closed and the other has not: FIN_WAIT_2, not TIME_WAIT. */
static void the_other_side_does_not_close(void **state)
{
	struct client c = lab;
	struct fixture f;
	const struct ts_finding *finding;

	c.time_wait = 100, c.fin_wait = 800;
	for (c.failed = 0; c.failed <= 50; c.failed += 50) {
		judge(&f, &c);
		assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
		finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, SERVER);
		assert_string_equal(finding->cause, "connection-leak");
		assert_string_equal(finding->acquits, "net.ipv4.ip_local_port_range");
		assert_contains(finding->title, "10.77.0.1:9000");
		assert_contains(finding->remedy, "10.77.0.1:9000 has not closed");
		assert_contains(finding->title, c.failed ? "run out" : "nearly used up");
		assert_null(strstr(finding->remedy, "TIME_WAIT"));
		assert_null(strstr(finding->remedy, "tw_reuse"));
		fixture_close(&f);
	}
	/* Connections on their way to TIME_WAIT. */
	c.time_wait = 900, c.fin_wait = 50;
	expect(&c, TS_OUTCOME_RECOMMEND);
	/* Far from the end of the range. */
	c.failed = 0, c.time_wait = 0, c.fin_wait = 400;
	expect(&c, TS_OUTCOME_QUIET);
}

/* Nobody here holds them any more, and they wait for longer than the kernel's default. */
static void waits_too_long_for_the_other_side(void **state)
{
	static const int timeouts[] = {15, 60, 61, 600};
	struct client c = lab;
	const struct ts_finding *finding;
	struct fixture f;

	c.time_wait = 0, c.opened = c.closed = 100, c.failed = 400;
	for (size_t i = 0; i < sizeof timeouts / sizeof *timeouts; i++) {
		int timeout = timeouts[i];

		fixture_open(&f);
		add(&f, &c);
		fixture_gauge(&f, TCP_LOCAL_PORTS, 1000, SERVER, c.destination, "fin-wait-closed");
		fixture_number(&f, TS_SETTING_TCP_FIN_TIMEOUT, SERVER, "%d", timeout);
		fixture_judge(&f);
		if (timeout <= 60) {
			finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, SERVER);
			assert_string_equal(finding->cause, "connection-leak");
		} else {
			finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
			assert_string_equal(finding->setting, "net.ipv4.tcp_fin_timeout");
			/* 1000 ports for 50 connects a second, and a quarter more. */
			assert_string_equal(finding->proposed, "15");
		}
		fixture_close(&f);
	}
	/* A program that keeps them is what holds them, however long the setting is. */
	c.fin_wait = 1000;
	fixture_open(&f);
	add(&f, &c);
	fixture_number(&f, TS_SETTING_TCP_FIN_TIMEOUT, SERVER, "%d", 600);
	fixture_judge(&f);
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
	fixture_close(&f);
}

/* The range ran out just before the end of the window: few have failed so far. */
static void the_rate_decides_and_not_the_failures_alone(void **state)
{
	struct client c = lab;
	const struct ts_finding *finding;
	struct fixture f;

	c.range = "40000 44999", c.time_wait = 5000, c.opened = c.closed = 7000, c.failed = 50;
	c.reuse = "1";
	judge(&f, &c);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	assert_string_equal(finding->proposed, "10240 65535");
	fixture_close(&f);
}

/* The range is judged by the destination that suffers, not by one that happens to hold more. */
static void another_destination_holds_more(void **state)
{
	struct client c = lab;
	struct fixture f;

	c.time_wait = 900;
	fixture_open(&f);
	add(&f, &c);
	fixture_gauge(&f, TCP_LOCAL_PORTS, 980, SERVER, "10.77.0.8:80", "established");
	fixture_judge(&f);
	assert_contains(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER)->title,
			"10.77.0.1:9000");
	fixture_close(&f);
}

static void failures_without_ports_in_use(void **state)
{
	struct client c = lab;
	struct fixture f;

	c.time_wait = 20;
	judge(&f, &c);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_INSUFFICIENT);
	assert_contains(fixture_result(&f, RULE)->why, "a source address that does not exist");
	fixture_close(&f);
}

static void services_inside_the_range(void **state)
{
	struct fixture f;

	fixture_open(&f);
	add(&f, &lab);
	fixture_gauge(&f, TCP_LISTENER_BACKLOG, 128, SERVER, "27017");
	fixture_gauge(&f, TCP_LISTENER_BACKLOG, 128, SERVER, "80");
	fixture_gauge(&f, TCP_LISTENER_BACKLOG, 128, CONTAINER, "50051");
	fixture_judge(&f);
	assert_contains(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER)->remedy,
			"net.ipv4.ip_local_reserved_ports=27017.");
	fixture_close(&f);
}

static void converges(void **state)
{
	struct client c = lab;
	struct fixture f;
	char value[64];

	/* The same rate: a minute of it fits. */
	c.range = "15000 64999", c.failed = 0, c.time_wait = 36000;
	expect(&c, TS_OUTCOME_QUIET);
	/* A demand without end comes to rest at the widest. */
	c = lab;
	for (int round = 0; round < 3; round++) {
		enum ts_outcome outcome;

		c.failed = 1e6;
		judge(&f, &c);
		outcome = fixture_outcome(&f, RULE);
		assert_int_equal(outcome, round ? TS_OUTCOME_ALREADY_SET : TS_OUTCOME_RECOMMEND);
		if (outcome == TS_OUTCOME_RECOMMEND) {
			snprintf(value, sizeof value, "%s", f.report->finding[0].proposed);
			c.range = value, c.time_wait = 55296;
		}
		fixture_close(&f);
	}
	assert_string_equal(value, "10240 65535");
}

static void two_namespaces(void **state)
{
	struct client leaking = lab, busy = lab;
	struct fixture f;

	leaking.established = 1000, leaking.time_wait = 0;
	busy.netns = CONTAINER;
	fixture_open(&f);
	add(&f, &leaking);
	add(&f, &busy);
	fixture_judge(&f);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL)->netns,
			    CONTAINER);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL)->netns,
			    SERVER);
	fixture_close(&f);
}

static void not_measured(void **state)
{
	struct client c = lab;
	struct fixture f;

	fixture_open(&f);
	add(&f, &c);
	fixture_unsupported(&f, TS_FAMILY_TCP_LOCAL_PORTS, "no TCP iterator");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_UNAVAILABLE);
	fixture_close(&f);
	/* Whether anybody is harmed is not known. */
	fixture_open(&f);
	add(&f, &c);
	fixture_unsupported(&f, TS_FAMILY_TCP_CONNECT_FAILURES, "no tcp tracepoint");
	fixture_unsupported(&f, TS_FAMILY_TCP_CONNECT_LATENCY, "no tcp tracepoint");
	fixture_counter(&f, NETWORK_COUNTERS, 50, SERVER, "TcpActiveOpens");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_INSUFFICIENT);
	assert_contains(fixture_result(&f, RULE)->why, "was not measured");
	fixture_close(&f);
}

/* 5000 ports at 1000 connects a second: no range lasts for a minute of that, a second's worth fits.
 */
static void ports_taken_over_suffice(void **state)
{
	struct client c = lab;
	const struct ts_finding *finding;
	struct fixture f;

	c.range = "40000 44999", c.time_wait = 5000, c.opened = c.closed = 6000, c.failed = 4000;
	fixture_open(&f);
	add(&f, &c);
	fixture_setting(&f, TS_SETTING_TCP_TIMESTAMPS, SERVER, "1", "");
	fixture_judge(&f);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	assert_string_equal(finding->setting, "net.ipv4.tcp_tw_reuse");
	assert_string_equal(finding->proposed, "1");
	assert_int_equal(f.report->findings, 1);
	fixture_close(&f);
}

/* Less than two seconds' worth, and yet a wider one would serve a tenth of it. */
static void no_range_would_last(void **state)
{
	static const char *const ranges[] = {"32768 60999", "1024 65535", "20000 39999"};

	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
		struct client c = lab;
		struct fixture f;

		c.range = ranges[i], c.time_wait = i == 1 ? 64000 : 28000;
		c.opened = c.closed = 70000, c.failed = 50000;
		fixture_open(&f);
		add(&f, &c);
		fixture_setting(&f, TS_SETTING_TCP_TIMESTAMPS, SERVER, "1", "");
		fixture_judge(&f);
		assert_string_equal(
			fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER)->setting,
			"net.ipv4.tcp_tw_reuse");
		assert_int_equal(f.report->findings, 1);
		fixture_close(&f);
	}
}

/* By default they are taken over on loopback, whatever the rate. */
static void taking_over_is_switched_off_on_loopback(void **state)
{
	static const struct {
		const char *destination, *setting;
		double failed;
	} cases[] = {
		{"127.0.0.1:9000", "net.ipv4.tcp_tw_reuse", 3000},
		{"[::1]:9000", "net.ipv4.tcp_tw_reuse", 3000},
		{"10.77.0.1:9000", "net.ipv4.ip_local_port_range", 3000},
		/* More than the range serves in a second even so. */
		{"127.0.0.1:9000", "net.ipv4.ip_local_port_range", 7000},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct ts_finding *finding;
		struct client c = lab;
		struct fixture f;

		c.destination = cases[i].destination, c.failed = cases[i].failed;
		fixture_open(&f);
		add(&f, &c);
		fixture_setting(&f, TS_SETTING_TCP_TIMESTAMPS, SERVER, "1", "");
		fixture_judge(&f);
		finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
		assert_string_equal(finding->setting, cases[i].setting);
		if (!strcmp(finding->setting, "net.ipv4.tcp_tw_reuse"))
			assert_string_equal(finding->proposed, "2");
		fixture_close(&f);
	}
}

static void ports_taken_over_do_not_suffice(void **state)
{
	static const struct {
		const char *range, *reuse, *timestamps;
		double opened, failed;
	} cases[] = {
		{"40000 44999", "0", "0", 6000, 4000}, /* without timestamps nothing is */
		{"40000 44999", "1", "1", 6000, 4000}, /* it is on already */
		{"40000 41999", "0", "1", 6000, 5000}, /* the range holds less than two seconds */
		{"40000 44999", "0", "1", 4000, 2000}, /* a wider range lasts */
		{"32768 60999", "0", "1", 4000,
		 2000}, /* the default's does not, a wider one does */
		{"40000 40999", "0", "1", 20000, 10000}, /* neither lasts: as many either way */
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct client c = lab;
		struct fixture f;

		c.range = cases[i].range, c.reuse = cases[i].reuse;
		c.time_wait = strtol(c.range, NULL, 10) == 40000 ? 5000 : 28000;
		c.opened = c.closed = cases[i].opened, c.failed = cases[i].failed;
		fixture_open(&f);
		add(&f, &c);
		fixture_setting(&f, TS_SETTING_TCP_TIMESTAMPS, SERVER, cases[i].timestamps, "");
		fixture_judge(&f);
		assert_string_equal(
			fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER)->setting,
			"net.ipv4.ip_local_port_range");
		fixture_close(&f);
	}
}

static void hostile_names(void **state)
{
	struct client c = lab;
	struct fixture f;

	c.destination = "\x1b[31m$(reboot)\n%s%n";
	c.range = "40000 40999; reboot";
	judge(&f, &c);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER)->undo,
			    "nsenter --net=/run/netns/labsrv sysctl -w "
			    "net.ipv4.ip_local_port_range='40000 40999; reboot'");
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_range),
		cmocka_unit_test(without_failures_nothing_is_proposed),
		cmocka_unit_test(an_idle_host_is_quiet),
		cmocka_unit_test(reuse_on_loopback),
		cmocka_unit_test(connections_that_are_never_closed),
		cmocka_unit_test(a_pool_is_no_leak),
		cmocka_unit_test(the_other_side_does_not_close),
		cmocka_unit_test(waits_too_long_for_the_other_side),
		cmocka_unit_test(the_rate_decides_and_not_the_failures_alone),
		cmocka_unit_test(another_destination_holds_more),
		cmocka_unit_test(failures_without_ports_in_use),
		cmocka_unit_test(services_inside_the_range),
		cmocka_unit_test(converges),
		cmocka_unit_test(two_namespaces),
		cmocka_unit_test(not_measured),
		cmocka_unit_test(ports_taken_over_suffice),
		cmocka_unit_test(no_range_would_last),
		cmocka_unit_test(taking_over_is_switched_off_on_loopback),
		cmocka_unit_test(ports_taken_over_do_not_suffice),
		cmocka_unit_test(hostile_names),
	};

	return cmocka_run_group_tests_name("rule local-ports", tests, NULL, NULL);
}
