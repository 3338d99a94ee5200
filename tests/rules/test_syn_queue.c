// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "syn-queue"

struct handshakes {
	const char *netns;
	double cookies, max_syn_backlog, somaxconn, limit;
	double overflows, drops, limit_drops, cookies_sent, opened;
	double peak, burst, full;
};

/* The lab's: tcp_max_syn_backlog 16, cookies off, a path of 120 ms, bursts of 100. */
static const struct handshakes lab = {SERVER, 0, 16, 4096, 4096, 0, 800, 0, 0, 200, 13, 87, 0};

static void add(struct fixture *f, const struct handshakes *h)
{
	fixture_number(f, TS_SETTING_SOMAXCONN, h->netns, "%.0f", h->somaxconn);
	fixture_number(f, TS_SETTING_TCP_SYNCOOKIES, h->netns, "%.0f", h->cookies);
	fixture_number(f, TS_SETTING_TCP_MAX_SYN_BACKLOG, h->netns, "%.0f", h->max_syn_backlog);
	fixture_gauge(f, TCP_LISTENER_BACKLOG, h->limit, h->netns, "9000");
	fixture_gauge(f, TCP_SYN_QUEUE_PEAK, h->peak, h->netns, "9000");
	fixture_gauge(f, TCP_LISTENER_BURST, h->burst, h->netns, "9000");
	fixture_counter(f, TCP_LISTENER_DROPS, h->drops, h->netns, "9000");
	fixture_counter(f, TCP_ACCEPT_QUEUE_SAMPLES, 100 - h->full, h->netns, "9000", "empty");
	fixture_counter(f, TCP_ACCEPT_QUEUE_SAMPLES, h->full, h->netns, "9000", "full");
	fixture_counter(f, NETWORK_COUNTERS, h->overflows, h->netns, "ListenOverflows");
	fixture_counter(f, NETWORK_COUNTERS, h->drops, h->netns, "ListenDrops");
	fixture_counter(f, NETWORK_COUNTERS, h->limit_drops, h->netns, "TCPReqQFullDrop");
	fixture_counter(f, NETWORK_COUNTERS, h->cookies_sent, h->netns, "SyncookiesSent");
	fixture_counter(f, NETWORK_COUNTERS, h->opened, h->netns, "TcpPassiveOpens");
}

static void judge(struct fixture *f, const struct handshakes *h)
{
	fixture_open(f);
	add(f, h);
	fixture_judge(f);
}

static void names_tcp_max_syn_backlog(void **state)
{
	struct fixture f;
	const struct ts_finding *finding;

	judge(&f, &lab);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	assert_string_equal(finding->setting, "net.ipv4.tcp_max_syn_backlog");
	assert_string_equal(finding->current, "16");
	assert_string_equal(finding->proposed, "1024");
	assert_string_equal(finding->id,
			    "syn-queue/net.ipv4.tcp_max_syn_backlog/netns:" SERVER "/port:9000");
	assert_string_equal(finding->takes_effect, "at-once");
	fixture_close(&f);
}

static void just_below_is_quiet(void **state)
{
	struct handshakes h = lab;
	struct fixture f;

	h.drops = 4;
	judge(&f, &h);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
	h.drops = 5;
	judge(&f, &h);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_RECOMMEND);
	fixture_close(&f);
}

static void with_cookies_it_is_never_read(void **state)
{
	struct handshakes h = lab;
	struct fixture f;

	h.cookies = 1, h.cookies_sent = 900, h.drops = 0;
	judge(&f, &h);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	assert_contains(fixture_result(&f, RULE)->why, "not read while cookies are on");
	fixture_close(&f);
	h.drops = 50; /* dropped for some other reason */
	judge(&f, &h);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_INSUFFICIENT);
	fixture_close(&f);
}

static void overflow_of_the_accept_queue(void **state)
{
	struct handshakes h = lab;
	struct fixture f;

	/* The SYN queue is full because nobody accepts. */
	h.overflows = 400, h.drops = 600, h.limit_drops = 200, h.limit = h.somaxconn = 16;
	h.peak = 16, h.full = 90;
	judge(&f, &h);
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
	assert_contains(fixture_result(&f, RULE)->why, "see accept-queue");
	fixture_close(&f);
}

static void bounded_by_listen(void **state)
{
	struct handshakes h = lab;
	struct fixture f;
	const struct ts_finding *finding;

	h.max_syn_backlog = 4096, h.limit = 16, h.limit_drops = h.drops = 300, h.peak = 16;
	judge(&f, &h);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, SERVER);
	assert_string_equal(finding->cause, "application-backlog");
	assert_string_equal(finding->acquits, "net.ipv4.tcp_max_syn_backlog");
	fixture_close(&f);

	h.somaxconn = 16;
	judge(&f, &h);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	assert_string_equal(finding->setting, "net.core.somaxconn");
	assert_string_equal(finding->proposed, "4096");
	fixture_close(&f);
}

static void a_flood_wants_cookies(void **state)
{
	struct handshakes h = lab;
	struct fixture f;
	const struct ts_finding *finding;

	h.drops = 100000, h.opened = 12;
	judge(&f, &h);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	assert_string_equal(finding->setting, "net.ipv4.tcp_syncookies");
	assert_string_equal(finding->proposed, "1");
	fixture_close(&f);
}

static void expect_cookies(const struct handshakes *h, double synacks, double round_trip,
			   const char *because)
{
	struct fixture f;
	const struct ts_finding *finding;

	fixture_open(&f);
	add(&f, h);
	fixture_counter(&f, TCP_RETRANSMITS, synacks, h->netns, "service", "9000", "synack");
	if (round_trip > 0)
		fixture_latency(&f, TCP_MINIMUM_RTT, 3, round_trip, 200, h->netns, "service",
				"9000");
	fixture_judge(&f);
	if (because) {
		finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
		assert_string_equal(finding->setting, "net.ipv4.tcp_syncookies");
		assert_string_equal(finding->proposed, "1");
		assert_contains(finding->title, "never finished");
		assert_contains(finding->computed, because);
	} else {
		assert_string_equal(
			fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER)->setting,
			"net.ipv4.tcp_max_syn_backlog");
	}
	fixture_close(&f);
}

/*
 * As measured: a flood of 200 a second that nobody answers, beside a client the kernel knows, whose
 * 20 connects a second succeed in the last quarter of the queue.
 */
static void a_flood_beside_a_client_that_gets_through(void **state)
{
	struct handshakes h = lab;

	h.max_syn_backlog = 64, h.drops = 1200, h.opened = 200, h.peak = 48, h.burst = 25;
	expect_cookies(&h, 144, 0.0001, "had to be sent again");
	/* In its later minutes each is sent again only every 13 seconds or so. */
	expect_cookies(&h, 38, 0.0001, "had to be sent again");
	expect_cookies(&h, 38, 0.05, "had to be sent again");
	/* The moment between two retransmissions of all of them. */
	expect_cookies(&h, 0, 0.0001, "does not keep 48 handshakes in progress");
	/* The same drops where handshakes are finished after a round trip: the queue is too short.
	 */
	expect_cookies(&h, 0, 0.12, NULL);
	expect_cookies(&h, 10, 0.12, NULL);
	/* A satellite's: every handshake outlasts the first timeout, and is finished. */
	expect_cookies(&h, 200, 1.2, NULL);
}

/* After a raise the flood fills the new length: no second raise, whatever was measured. */
static void a_raise_is_not_followed_by_another(void **state)
{
	struct handshakes h = lab;

	h.max_syn_backlog = 1024, h.drops = 1200, h.opened = 200, h.peak = 768, h.burst = 25;
	expect_cookies(&h, 0, 0, "only 200 were finished");
	h.opened = 767;
	expect_cookies(&h, 0, 0, "only 767 were finished");
	h.opened = 4000;
	expect_cookies(&h, 600, 0.1, "had to be sent again");
	h.burst = 900; /* as many more, and they connect: a demand that grew */
	expect_cookies(&h, 5, 0.1, NULL);
}

/* A path that loses packets has SYN-ACKs sent again, too. */
static void loss_is_not_a_flood(void **state)
{
	struct handshakes h = lab;
	struct fixture f;

	h.opened = 2000, h.peak = 48, h.max_syn_backlog = 64;
	expect_cookies(&h, 60, 0.1, "had to be sent again");
	fixture_open(&f);
	add(&f, &h);
	fixture_counter(&f, TCP_RETRANSMITS, 60, SERVER, "service", "9000", "synack");
	fixture_counter(&f, TCP_RETRANSMITS, 400, SERVER, "service", "9000", "timeout");
	fixture_counter(&f, TCP_CONNECTION_SEGMENTS, 20000, SERVER, "service", "9000", "sent");
	fixture_judge(&f);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER)->setting,
			    "net.ipv4.tcp_max_syn_backlog");
	fixture_close(&f);
}

/* The flood fills a queue that ends at the listener's limit: neither backlog is to blame. */
static void a_flood_at_the_listeners_limit(void **state)
{
	struct handshakes h = lab;

	h.max_syn_backlog = 4096, h.limit = 64, h.limit_drops = h.drops = 1200, h.peak = 64;
	expect_cookies(&h, 100, 0.05, "had to be sent again");
	h.somaxconn = 64;
	expect_cookies(&h, 100, 0.05, "had to be sent again");
}

/* With cookies on the same flood refuses nobody. */
static void a_flood_with_cookies_is_quiet(void **state)
{
	struct handshakes h = lab;
	struct fixture f;

	h.cookies = 1, h.cookies_sent = 1900, h.drops = 0, h.peak = 48;
	fixture_open(&f);
	add(&f, &h);
	fixture_counter(&f, TCP_RETRANSMITS, 144, SERVER, "service", "9000", "synack");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	assert_int_equal(f.report->findings, 0);
	assert_contains(fixture_result(&f, RULE)->why, "nobody was refused");
	fixture_close(&f);
}

static void retransmissions_were_not_counted(void **state)
{
	struct fixture f;

	fixture_open(&f);
	add(&f, &lab);
	fixture_unsupported(&f, TS_FAMILY_TCP_RETRANSMITS, "no BPF");
	fixture_judge(&f);
	assert_int_equal(f.report->findings, 0);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_INSUFFICIENT);
	assert_contains(fixture_result(&f, RULE)->why, "retransmissions of SYN-ACKs");
	fixture_close(&f);
}

static void handshakes_were_not_seen(void **state)
{
	struct handshakes h = lab;
	struct fixture f;

	h.peak = 5; /* less than half of the twelve that are usable */
	judge(&f, &h);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_INSUFFICIENT);
	assert_contains(fixture_result(&f, RULE)->why, "observe longer");
	fixture_close(&f);
}

static void converges(void **state)
{
	struct handshakes h = lab;
	struct fixture f;

	h.max_syn_backlog = 1024, h.drops = h.burst = 0, h.peak = 100, h.opened = 1000;
	judge(&f, &h);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
	/* An endless demand ends at the bound. */
	h = lab;
	for (int round = 0; round < 12; round++) {
		enum ts_outcome outcome;

		h.peak = 0.75 * h.max_syn_backlog, h.burst = 5 * h.max_syn_backlog;
		h.opened = 10 * h.peak; /* they do connect */
		judge(&f, &h);
		outcome = fixture_outcome(&f, RULE);
		if (outcome == TS_OUTCOME_RECOMMEND)
			h.max_syn_backlog = strtod(f.report->finding[0].proposed, NULL);
		fixture_close(&f);
		if (round == 11)
			assert_int_equal(outcome, TS_OUTCOME_ALREADY_SET);
	}
}

static void two_namespaces(void **state)
{
	struct handshakes quiet = lab, loud = lab;
	struct fixture f;

	quiet.drops = 0;
	loud.netns = CONTAINER;
	fixture_open(&f);
	add(&f, &quiet);
	add(&f, &loud);
	fixture_judge(&f);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL)->netns,
			    CONTAINER);
	fixture_close(&f);
}

static void not_measured(void **state)
{
	struct fixture f;

	fixture_open(&f);
	add(&f, &lab);
	fixture_unsupported(&f, TS_FAMILY_NETWORK_COUNTERS, "no /proc/net/netstat");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_UNAVAILABLE);
	assert_contains(fixture_result(&f, RULE)->why, "no /proc/net/netstat");
	fixture_close(&f);
}

static void hostile_names(void **state)
{
	struct handshakes h = lab;
	struct fixture f;

	h.netns = "1;reboot\n";
	fixture_open(&f);
	f.no_commands = true;
	add(&f, &h);
	fixture_judge(&f);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL)->apply, "");
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_tcp_max_syn_backlog),
		cmocka_unit_test(just_below_is_quiet),
		cmocka_unit_test(with_cookies_it_is_never_read),
		cmocka_unit_test(overflow_of_the_accept_queue),
		cmocka_unit_test(bounded_by_listen),
		cmocka_unit_test(a_flood_wants_cookies),
		cmocka_unit_test(a_flood_beside_a_client_that_gets_through),
		cmocka_unit_test(a_raise_is_not_followed_by_another),
		cmocka_unit_test(loss_is_not_a_flood),
		cmocka_unit_test(a_flood_at_the_listeners_limit),
		cmocka_unit_test(a_flood_with_cookies_is_quiet),
		cmocka_unit_test(retransmissions_were_not_counted),
		cmocka_unit_test(handshakes_were_not_seen),
		cmocka_unit_test(converges),
		cmocka_unit_test(two_namespaces),
		cmocka_unit_test(not_measured),
		cmocka_unit_test(hostile_names),
	};

	return cmocka_run_group_tests_name("rule syn-queue", tests, NULL, NULL);
}
