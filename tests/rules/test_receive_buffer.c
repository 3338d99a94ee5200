// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "receive-buffer"

struct flow {
	const char *netns, *side, *port, *limit;
	const char *rmem, *rmem_max;
	double bytes, others, window, buffer, in_flight, rtt, min_rtt;
	double out_of_order;
};

/* The lab's: 100 Mbit/s over 80 ms behind tcp_rmem[2] = 131072. */
static const struct flow lab = {SERVER,	  "service", "9000", "tcp_rmem", "4096 87380 131072",
				"212992", 8e6,	     1e5,    65536,	 131072,
				64000,	  0.081,     0.080,  0};

static void add(struct fixture *f, const struct flow *w)
{
	fixture_setting(f, TS_SETTING_TCP_RMEM, w->netns, w->rmem, "");
	fixture_setting(f, TS_SETTING_RMEM_MAX, "", w->rmem_max, "");
	fixture_counter(f, TCP_RECEIVED, w->bytes, w->netns, w->side, w->port, w->limit);
	fixture_counter(f, TCP_RECEIVED, w->others, w->netns, w->side, w->port, "none");
	fixture_gauge(f, TCP_RECEIVE_WINDOW, w->window, w->netns, w->side, w->port, w->limit);
	fixture_gauge(f, TCP_RECEIVE_BUFFER, w->buffer, w->netns, w->side, w->port, w->limit);
	fixture_gauge(f, TCP_RECEIVE_IN_FLIGHT, w->in_flight, w->netns, w->side, w->port, w->limit);
	fixture_gauge(f, TCP_RECEIVE_RTT, w->rtt, w->netns, w->side, w->port, w->limit);
	fixture_gauge(f, TCP_RECEIVE_CONNECTIONS, 1, w->netns, w->side, w->port, w->limit);
	fixture_latency(f, TCP_LIVE_MINIMUM_RTT, TS_HISTOGRAM_SCALE_KEYED, w->min_rtt, 100,
			w->netns, w->side, w->port);
	fixture_counter(f, NETWORK_COUNTERS, 10000, w->netns, "TcpInSegs");
	fixture_counter(f, NETWORK_COUNTERS, w->out_of_order, w->netns, "TCPOFOQueue");
}

static void judge(struct fixture *f, const struct flow *w)
{
	fixture_open(f);
	add(f, w);
	fixture_judge(f);
}

static void names_tcp_rmem(void **state)
{
	struct fixture f;
	const struct ts_finding *finding;

	judge(&f, &lab);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	assert_string_equal(finding->setting, "net.ipv4.tcp_rmem");
	assert_string_equal(finding->current, "4096 87380 131072");
	assert_string_equal(finding->proposed, "4096 87380 33554432");
	assert_string_equal(finding->apply, "nsenter --net=/run/netns/labsrv sysctl -w "
					    "net.ipv4.tcp_rmem=\"4096 87380 33554432\"");
	assert_string_equal(finding->id,
			    "receive-buffer/net.ipv4.tcp_rmem/netns:" SERVER "/port:9000");
	fixture_close(&f);
}

static void just_below_is_quiet(void **state)
{
	struct flow w = lab;
	struct fixture f;

	w.bytes = 1048575;
	judge(&f, &w);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
	w.bytes = 1048576;
	judge(&f, &w);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_RECOMMEND);
	fixture_close(&f);
	w = lab;
	w.others = 9e6; /* most went unhindered */
	judge(&f, &w);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
	w = lab;
	w.in_flight = 0.69 * w.window; /* the sender does not use the window */
	judge(&f, &w);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
}

static void a_short_path_needs_no_more(void **state)
{
	struct flow w = lab;
	struct fixture f;

	w.rtt = w.min_rtt = 0.0002, w.bytes = 4e9;
	judge(&f, &w);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
}

static void expect_cause(const struct flow *w, const char *cause, const char *acquits)
{
	struct fixture f;
	const struct ts_finding *finding;

	judge(&f, w);
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, SERVER);
	assert_string_equal(finding->cause, cause);
	assert_string_equal(finding->acquits, acquits);
	fixture_close(&f);
}

static void look_alikes(void **state)
{
	struct flow w = lab;

	w.limit = "fixed";
	expect_cause(&w, "fixed-socket-buffer", "net.ipv4.tcp_rmem");
	w.limit = "reader", w.in_flight = 0, w.bytes = 270000, w.others = 0;
	expect_cause(&w, "slow-reader", "net.ipv4.tcp_rmem");
	w.limit = "loss";
	expect_cause(&w, "path-loss", "net.ipv4.tcp_rmem");
	w.rtt = 0.2; /* it comes from a queue that is full */
	expect_cause(&w, "congestion", "net.ipv4.tcp_rmem");
	w = lab;
	w.out_of_order = 200;
	expect_cause(&w, "path-loss", "net.ipv4.tcp_rmem");
	w = lab;
	w.rtt = 0.2; /* two and a half times the minimum: the path's queue is full */
	expect_cause(&w, "congestion", "net.ipv4.tcp_rmem");
}

/* The other end is on this host, too, and measures what this one can only guess. */
static void the_sender_knows_better(void **state)
{
	static const struct {
		const char *side;
		double rtt, resent;
		const char *cause;
	} cases[] = {
		{"outbound", 0.054, 40, "congestion"},
		{"outbound", 0.044, 40, "path-loss"}, /* no queue: it is lost at random */
		{"outbound", 0.054, 1, "path-loss"},
		{"service", 0.054, 40, "path-loss"}, /* another service of the same number */
	};
	struct flow w = lab;
	struct fixture f;

	w.limit = "loss";
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		fixture_open(&f);
		add(&f, &w);
		fixture_counter(&f, TCP_PATH_RESENT, cases[i].resent, CONTAINER, cases[i].side,
				w.port, "chosen");
		fixture_latency(&f, TCP_LIVE_SMOOTHED_RTT, 3, cases[i].rtt, 6, CONTAINER,
				cases[i].side, w.port);
		fixture_latency(&f, TCP_LIVE_MINIMUM_RTT, 3, 0.0387, 6, CONTAINER, cases[i].side,
				w.port);
		fixture_judge(&f);
		assert_string_equal(
			fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, SERVER)->cause,
			cases[i].cause);
		fixture_close(&f);
	}
}

static void names_rmem_max(void **state)
{
	struct flow w = lab;
	struct fixture f;
	const struct ts_finding *finding;

	w.limit = "rmem_max", w.rmem_max = "65536";
	judge(&f, &w);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL);
	assert_string_equal(finding->setting, "net.core.rmem_max");
	assert_int_equal(finding->scope, TS_SCOPE_GLOBAL);
	assert_string_equal(finding->proposed, "33554432");
	assert_string_equal(finding->apply, "sysctl -w net.core.rmem_max=33554432");
	assert_string_equal(finding->takes_effect, "service-restart");
	assert_true(finding->confidence < 0.7);
	assert_contains(finding->remedy, "looks the same");
	fixture_close(&f);
}

/* What the kernel's own default is stays the least: on a short path no more is needed. */
static void a_near_path_gets_the_default(void **state)
{
	struct flow w = lab;
	struct fixture f;

	w.rtt = w.min_rtt = 0.004;
	judge(&f, &w);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER)->proposed,
			    "4096 87380 6291456");
	fixture_close(&f);
}

static void names_autotuning(void **state)
{
	struct flow w = lab;
	struct fixture f;
	const struct ts_finding *finding;

	w.limit = "no-autotuning", w.rmem = "4096 131072 6291456";
	fixture_open(&f);
	add(&f, &w);
	fixture_setting(&f, TS_SETTING_TCP_MODERATE_RCVBUF, w.netns, "0", "");
	fixture_judge(&f);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	assert_string_equal(finding->setting, "net.ipv4.tcp_moderate_rcvbuf");
	assert_string_equal(finding->proposed, "1");
	fixture_close(&f);
	w.rtt = 0.2;
	expect_cause(&w, "congestion", "net.ipv4.tcp_moderate_rcvbuf");
}

/* Which setting a window of that size behind tcp_rmem's limit is laid to. */
static void expect_setting(const char *scale, double window, const char *setting)
{
	struct flow w = lab;
	struct fixture f;

	w.window = w.in_flight = window;
	fixture_open(&f);
	add(&f, &w);
	fixture_setting(&f, TS_SETTING_TCP_ADV_WIN_SCALE, w.netns, scale, "");
	fixture_judge(&f);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER)->setting,
			    setting);
	fixture_close(&f);
}

static void names_adv_win_scale(void **state)
{
	expect_setting("-2", 32768, "net.ipv4.tcp_adv_win_scale");
	expect_setting("1", 65536, "net.ipv4.tcp_rmem");
	/* A kernel that does not heed it: the window is what it would be anyway. */
	expect_setting("-2", 80000, "net.ipv4.tcp_rmem");
}

static void converges(void **state)
{
	struct flow w = lab;
	struct fixture f;
	char value[64];

	/* The path's 1 MB now fits the window of 3 MB: the path is the limit. */
	w.rmem = "4096 87380 6291456", w.limit = "growing", w.window = 3e6, w.in_flight = 1e6;
	judge(&f, &w);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
	/* At the limit still, but the window is not used up. */
	w.limit = "tcp_rmem";
	judge(&f, &w);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
	/* A path without end: two steps, then it says that this is the end. */
	w = lab;
	for (int round = 0; round < 3; round++) {
		enum ts_outcome outcome;

		judge(&f, &w);
		outcome = fixture_outcome(&f, RULE);
		assert_int_equal(outcome,
				 round < 2 ? TS_OUTCOME_RECOMMEND : TS_OUTCOME_ALREADY_SET);
		if (outcome == TS_OUTCOME_RECOMMEND) {
			snprintf(value, sizeof value, "%s", f.report->finding[0].proposed);
			w.rmem = value;
			w.window = w.in_flight = strtod(strrchr(value, ' '), NULL) / 2;
		}
		fixture_close(&f);
	}
	assert_string_equal(value, "4096 87380 67108864");
}

static void bounded_by_memory(void **state)
{
	struct flow w = lab;
	struct fixture f;

	w.rmem = "4096 87380 6291456", w.window = w.in_flight = 3e6;
	fixture_open(&f);
	f.later->host.memory_bytes = 512 << 20; /* 1/64 of it is 8 MiB */
	add(&f, &w);
	fixture_judge(&f);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER)->proposed,
			    "4096 87380 8388608");
	fixture_close(&f);
}

static void two_namespaces_and_sides(void **state)
{
	struct flow here = lab, there = lab;
	struct fixture f;
	const struct ts_finding *finding;

	here.limit = "fixed";
	there.netns = CONTAINER, there.side = "outbound", there.port = "443";
	fixture_open(&f);
	add(&f, &here);
	add(&f, &there);
	fixture_judge(&f);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL);
	assert_string_equal(finding->netns, CONTAINER);
	assert_contains(finding->title, "remote port 443");
	assert_string_equal(finding->id,
			    "receive-buffer/net.ipv4.tcp_rmem/netns:" CONTAINER "/remote-port:443");
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL)->netns,
			    SERVER);
	fixture_close(&f);
}

static void not_measured(void **state)
{
	struct fixture f;

	fixture_open(&f);
	add(&f, &lab);
	fixture_unsupported(&f, TS_FAMILY_TCP_RECEIVED, "no TCP iterator");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_UNAVAILABLE);
	assert_contains(fixture_result(&f, RULE)->why, "no TCP iterator");
	fixture_close(&f);
}

static void hostile_values(void **state)
{
	struct flow w = lab;
	struct fixture f;

	/* Whatever stands in the file, only numbers are proposed and all of it is quoted. */
	w.rmem = "4096 87380 131072 $(reboot)";
	judge(&f, &w);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER)->undo,
			    "nsenter --net=/run/netns/labsrv sysctl -w "
			    "net.ipv4.tcp_rmem='4096 87380 131072 $(reboot)'");
	fixture_close(&f);
	w = lab;
	w.port = "%n%s\x1b]0;x\a", w.side = "\xff\xfe";
	judge(&f, &w);
	fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_tcp_rmem),
		cmocka_unit_test(just_below_is_quiet),
		cmocka_unit_test(look_alikes),
		cmocka_unit_test(the_sender_knows_better),
		cmocka_unit_test(a_short_path_needs_no_more),
		cmocka_unit_test(names_rmem_max),
		cmocka_unit_test(converges),
		cmocka_unit_test(bounded_by_memory),
		cmocka_unit_test(two_namespaces_and_sides),
		cmocka_unit_test(names_autotuning),
		cmocka_unit_test(names_adv_win_scale),
		cmocka_unit_test(a_near_path_gets_the_default),
		cmocka_unit_test(not_measured),
		cmocka_unit_test(hostile_values),
	};

	return cmocka_run_group_tests_name("rule receive-buffer", tests, NULL, NULL);
}
