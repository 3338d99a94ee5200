// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "accept-queue"

struct queue {
	const char *netns, *port;
	double limit, somaxconn;
	double drops, burst;
	double empty, partial, full;
	double accepted;
	const char *comm;
	double full_seconds;
	double peak; /* of the queue; 0: what full samples mean */
};

/* The lab's: a queue of 16 under bursts of 100, the acceptor pauses now and then. */
static const struct queue bursts = {SERVER, "9000", 16,	  16,	    400, 83, 78,
				    4,	    18,	    1600, "tcpkit", 0.2, 0};

static void add(struct fixture *f, const struct queue *q)
{
	fixture_number(f, TS_SETTING_SOMAXCONN, q->netns, "%.0f", q->somaxconn);
	fixture_gauge(f, TCP_LISTENER_BACKLOG, q->limit, q->netns, q->port);
	fixture_gauge(f, TCP_ACCEPT_QUEUE_PEAK,
		      q->peak	    ? q->peak
		      : q->full > 0 ? q->limit + 1
				    : 0,
		      q->netns, q->port);
	fixture_gauge(f, TCP_LISTENER_BURST, q->burst, q->netns, q->port);
	fixture_gauge(f, TCP_ACCEPT_QUEUE_FULL, q->full_seconds, q->netns, q->port);
	fixture_counter(f, TCP_LISTENER_DROPS, q->drops, q->netns, q->port);
	fixture_counter(f, TCP_ACCEPT_QUEUE_SAMPLES, q->empty, q->netns, q->port, "empty");
	fixture_counter(f, TCP_ACCEPT_QUEUE_SAMPLES, q->partial, q->netns, q->port, "partial");
	fixture_counter(f, TCP_ACCEPT_QUEUE_SAMPLES, q->full, q->netns, q->port, "full");
	fixture_counter(f, NETWORK_COUNTERS, q->drops, q->netns, "ListenOverflows");
	fixture_counter(f, NETWORK_COUNTERS, q->drops, q->netns, "ListenDrops");
	fixture_counter(f, TCP_CONNECTIONS, q->accepted, q->netns, "service", q->port);
	ts_snapshot_sufferer(f->later, &(struct ts_sufferer){TS_FAMILY_TCP_LISTENER_DROPS,
							     {q->netns, q->port, "", ""},
							     777,
							     q->comm,
							     "",
							     q->drops});
}

static void judge(struct fixture *f, const struct queue *q)
{
	fixture_open(f);
	add(f, q);
	fixture_judge(f);
}

static void names_somaxconn(void **state)
{
	struct fixture f;
	const struct ts_finding *finding;

	judge(&f, &bursts);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	assert_string_equal(finding->setting, "net.core.somaxconn");
	assert_string_equal(finding->id,
			    "accept-queue/net.core.somaxconn/netns:" SERVER "/port:9000");
	assert_string_equal(finding->port, "9000");
	assert_string_equal(finding->current, "16");
	assert_string_equal(finding->proposed, "4096");
	assert_int_equal(finding->pid, 777);
	assert_string_equal(finding->takes_effect, "next-listen");
	assert_string_equal(finding->apply, "nsenter --net=/run/netns/labsrv sysctl -w "
					    "net.core.somaxconn=4096");
	assert_string_equal(finding->undo, "nsenter --net=/run/netns/labsrv sysctl -w "
					   "net.core.somaxconn=16");
	assert_contains(finding->remedy, "restart tcpkit (pid 777)");
	assert_int_equal((int)finding->harm, 400);
	assert_int_equal(finding->sufferer_count, 1);
	fixture_close(&f);
}

static void just_below_is_quiet(void **state)
{
	struct queue q = bursts;
	struct fixture f;

	q.drops = 4;
	judge(&f, &q);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	assert_int_equal(f.report->findings, 0);
	fixture_close(&f);
	q.drops = 5;
	judge(&f, &q);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_RECOMMEND);
	fixture_close(&f);
}

static void the_application_asked_for_16(void **state)
{
	struct queue q = bursts;
	struct fixture f;
	const struct ts_finding *finding;

	q.somaxconn = 4096;
	judge(&f, &q);
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, SERVER);
	assert_string_equal(finding->cause, "application-backlog");
	assert_string_equal(finding->acquits, "net.core.somaxconn");
	assert_string_equal(finding->port, "9000");
	/* Whether it asks for 16, or for more and somaxconn was raised afterwards, looks the same.
	 */
	assert_contains(finding->title, "its limit is 16 since it called listen()");
	assert_null(strstr(finding->title, "own listen() backlog"));
	assert_contains(finding->remedy, "raised (it is 4096) after tcpkit (pid 777) was started");
	assert_contains(finding->remedy, "a restart alone is enough");
	assert_contains(finding->remedy, "Should it be 16 after the restart");
	assert_true(finding->confidence < 0.9);
	fixture_close(&f);
}

static void expect_slow(const struct queue *q)
{
	struct fixture f;
	const struct ts_finding *finding;

	judge(&f, q);
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, SERVER);
	assert_string_equal(finding->cause, "slow-acceptor");
	assert_string_equal(finding->acquits, "net.core.somaxconn");
	fixture_close(&f);
}

static void a_queue_that_never_drains(void **state)
{
	struct queue q = bursts;

	q.empty = 3, q.partial = 2, q.full = 95;
	expect_slow(&q);
	q.somaxconn = 4096; /* whoever asked for 16: a longer queue does not help either */
	expect_slow(&q);
}

/* Load during a part of the window only: it drained afterwards, but not while there was load. */
static void an_acceptor_without_time_to_spare(void **state)
{
	struct queue q = bursts;

	q.empty = 58, q.partial = 2, q.full = 40;
	q.accepted = 300, q.drops = 900;
	expect_slow(&q);
}

/* The same, shorter: a third of the window has load, and for all of it the queue is full. */
static void an_acceptor_that_is_away_for_seconds(void **state)
{
	struct queue q = bursts;
	struct fixture f;

	q.empty = 75, q.partial = 0, q.full = 25;
	q.full_seconds = 2.4;
	expect_slow(&q);
	q.full_seconds = 1;
	expect_slow(&q);
	q.full_seconds = 0.9; /* eight or nine samples in a row: still a burst */
	judge(&f, &q);
	fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	fixture_close(&f);
}

/*
 * As measured: an acceptor that pauses; every attempt was dropped several times, so there are four
 * drops for each connection. The queue is empty most of the time all the same.
 */
static void pauses_are_not_slowness(void **state)
{
	struct queue q = bursts;
	struct fixture f;

	q.empty = 43, q.partial = 0, q.full = 8, q.drops = 2927, q.burst = 232, q.accepted = 709;
	judge(&f, &q);
	fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	fixture_close(&f);
	q.somaxconn = 4096;
	judge(&f, &q);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, SERVER)->cause,
			    "application-backlog");
	fixture_close(&f);
}

/*
 * As measured: 30 ms for each connection, 60 a second offered in one burst. The queue of 16 is full
 * for moments only, but refilled with every burst, and the acceptor works for most of the time.
 */
static const struct queue overloaded = {SERVER, "9000", 16,  16,       2416, 60, 10,
					23,	0,	300, "tcpkit", 0,    0};

static void a_queue_refilled_once_a_second(void **state)
{
	struct queue q = overloaded;
	struct fixture f;

	expect_slow(&q);
	q.somaxconn = 5000; /* nor is a longer backlog proposed */
	expect_slow(&q);
	/* The same at 20 ms: a third of the time for 17 of 60, never enough for all of them. */
	q = overloaded;
	q.empty = 66, q.partial = 34, q.accepted = 170, q.drops = 2050;
	expect_slow(&q);
	/* Few drops, each perhaps of another client: no room to spare, but no proof either. */
	q = overloaded;
	q.empty = 40, q.partial = 60, q.accepted = 1000, q.drops = 200;
	judge(&f, &q);
	assert_int_equal(f.report->findings, 0);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_INSUFFICIENT);
	assert_contains(fixture_result(&f, RULE)->why, "in doubt");
	fixture_close(&f);
	/* Without a count of what it took, neither. */
	q.accepted = 0;
	judge(&f, &q);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_INSUFFICIENT);
	fixture_close(&f);
}

/* The same bursts, but the application has time enough for all of them. */
static void a_queue_drained_between_bursts(void **state)
{
	struct queue q = overloaded;
	struct fixture f;
	const struct ts_finding *finding;

	q.empty = 67, q.partial = 31, q.full = 2, q.accepted = 600, q.drops = 400;
	judge(&f, &q);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	assert_true(finding->confidence > 0.9);
	fixture_close(&f);
	/* 5 ms for each of 60: 17 get through, 43 are dropped about five times each. */
	q.empty = 91, q.partial = 9, q.full = 0, q.accepted = 170, q.drops = 2050;
	judge(&f, &q);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	assert_true(finding->confidence < 0.8);
	assert_contains(finding->remedy, "undo it");
	fixture_close(&f);
}

/* Most connections stay open: those that ended say little about the pace. */
static void connections_that_stay_open(void **state)
{
	struct queue q = bursts;
	struct fixture f;

	q.empty = 70, q.partial = 25, q.full = 5, q.accepted = 20;
	fixture_open(&f);
	add(&f, &q);
	fixture_counter(&f, NETWORK_COUNTERS, 2000, SERVER, "TcpPassiveOpens");
	fixture_counter(&f, TCP_CONNECTIONS, 300, SERVER, "service", "22");
	fixture_judge(&f);
	fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	fixture_close(&f);
	/* Were they another service's, this one would be too slow. */
	fixture_open(&f);
	add(&f, &q);
	fixture_counter(&f, NETWORK_COUNTERS, 2000, SERVER, "TcpPassiveOpens");
	fixture_counter(&f, TCP_CONNECTIONS, 1980, SERVER, "service", "22");
	fixture_judge(&f);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, SERVER)->cause,
			    "slow-acceptor");
	fixture_close(&f);
}

static void too_few_samples(void **state)
{
	struct queue q = bursts;
	struct fixture f;

	q.empty = 3, q.partial = 0, q.full = 1;
	judge(&f, &q);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_INSUFFICIENT);
	assert_contains(fixture_result(&f, RULE)->why, "observe for at least 50 s");
	fixture_close(&f);
}

/* sk_drops counts drops at the SYN queue as well: those are another rule's. */
static void drops_of_the_syn_queue(void **state)
{
	struct fixture f;

	fixture_open(&f);
	fixture_number(&f, TS_SETTING_SOMAXCONN, SERVER, "%d", 4096);
	fixture_gauge(&f, TCP_LISTENER_BACKLOG, 4096, SERVER, "9000");
	fixture_counter(&f, TCP_LISTENER_DROPS, 500, SERVER, "9000");
	fixture_counter(&f, TCP_ACCEPT_QUEUE_SAMPLES, 100, SERVER, "9000", "empty");
	fixture_counter(&f, NETWORK_COUNTERS, 0, SERVER, "ListenOverflows");
	fixture_counter(&f, NETWORK_COUNTERS, 500, SERVER, "ListenDrops");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
}

static void converges(void **state)
{
	struct queue q = bursts;
	struct fixture f;

	/* The value is set, the service not yet restarted: its old queue is the application's now.
	 */
	q.somaxconn = 4096;
	judge(&f, &q);
	assert_contains(fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, SERVER)->remedy,
			"a restart alone is enough");
	fixture_close(&f);
	/* Restarted: what came in a burst fits. */
	q.limit = 4096, q.drops = q.burst = q.full = 0, q.empty = 80, q.partial = 20;
	judge(&f, &q);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
	/* However large the load, it ends at the largest value and says so. */
	q = bursts;
	for (int round = 0; round < 8; round++) {
		enum ts_outcome outcome;

		q.burst = 5 * q.limit;
		judge(&f, &q);
		outcome = fixture_outcome(&f, RULE);
		if (outcome == TS_OUTCOME_RECOMMEND)
			q.limit = q.somaxconn = strtod(f.report->finding[0].proposed, NULL);
		fixture_close(&f);
		if (round == 7)
			assert_int_equal(outcome, TS_OUTCOME_ALREADY_SET);
	}
	assert_int_equal((int)q.somaxconn, 65535);
}

static void somaxconn_was_lowered_later(void **state)
{
	struct queue q = bursts;
	struct fixture f;

	q.limit = 128, q.somaxconn = 64;
	judge(&f, &q);
	assert_contains(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER)->remedy,
			"somaxconn was lowered to 64");
	fixture_close(&f);
}

/* It overflowed at another limit than it has now: which of them was too small is not known. */
static void started_again_in_the_middle(void **state)
{
	struct queue q = bursts;
	struct fixture f;

	q.limit = q.somaxconn = 4096;
	q.peak = 41;
	judge(&f, &q);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_INSUFFICIENT);
	assert_contains(fixture_result(&f, RULE)->why, "its limit is 4096 by now");
	fixture_close(&f);
}

static void two_namespaces(void **state)
{
	struct queue cut = bursts, own = bursts;
	struct fixture f;

	cut.netns = CONTAINER;
	own.somaxconn = 4096;
	fixture_open(&f);
	add(&f, &cut);
	add(&f, &own);
	fixture_judge(&f);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL)->netns,
			    CONTAINER);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL)->apply,
			    "nsenter -t 4242 -n sysctl -w net.core.somaxconn=4096");
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL)->netns,
			    SERVER);
	fixture_close(&f);
}

static void two_ports_one_value(void **state)
{
	struct queue a = bursts, b = bursts;
	struct fixture f;
	const struct ts_finding *finding;

	b.port = "8000", b.burst = 9000;
	fixture_open(&f);
	add(&f, &a);
	add(&f, &b);
	fixture_judge(&f);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	assert_string_equal(finding->proposed, "32768");
	assert_contains(finding->apply, "=32768");
	assert_contains(finding->title, ":8000");
	assert_contains(finding->title, "(and 1 more place)");
	assert_string_equal(finding->id,
			    "accept-queue/net.core.somaxconn/netns:" SERVER "/port:8000");
	fixture_close(&f);
}

static void not_measured(void **state)
{
	struct fixture f;

	fixture_open(&f);
	add(&f, &bursts);
	fixture_unsupported(&f, TS_FAMILY_TCP_LISTENER_DROPS, "no sock_diag here");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_UNAVAILABLE);
	assert_contains(fixture_result(&f, RULE)->why, "tcp_listener_drops");
	assert_contains(fixture_result(&f, RULE)->why, "no sock_diag here");
	fixture_close(&f);
}

static void the_other_series_is_nobody(void **state)
{
	struct queue q = bursts;
	struct fixture f;

	q.netns = q.port = "other";
	judge(&f, &q);
	assert_int_equal(f.report->findings, 0);
	fixture_close(&f);
}

static void abort_on_overflow(struct fixture *f, const struct queue *q, const char *aborts,
			      double resets)
{
	fixture_open(f);
	add(f, q);
	fixture_setting(f, TS_SETTING_TCP_ABORT_ON_OVERFLOW, q->netns, aborts, "");
	fixture_counter(f, NETWORK_COUNTERS, resets, q->netns, "EmbryonicRsts");
	fixture_judge(f);
}

/* The application asks for a queue of 16; clients that do not fit are turned away for good. */
static void clients_are_reset(void **state)
{
	struct queue q = bursts;
	const struct ts_finding *finding;
	struct fixture f;

	q.somaxconn = 4096;
	abort_on_overflow(&f, &q, "1", 33);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	assert_string_equal(finding->setting, "net.ipv4.tcp_abort_on_overflow");
	assert_string_equal(finding->proposed, "0");
	assert_contains(finding->remedy, "backlog");
	assert_int_equal(f.report->findings, 1);
	fixture_close(&f);
	/* Few resets, or not switched on: its backlog alone. */
	abort_on_overflow(&f, &q, "1", 4);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_NOT_A_SETTING);
	fixture_close(&f);
	abort_on_overflow(&f, &q, "0", 33);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_NOT_A_SETTING);
	fixture_close(&f);
	/* An acceptor too slow for them all: failing at once is as good. */
	q.full = 90, q.empty = 5;
	abort_on_overflow(&f, &q, "1", 33);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, SERVER)->cause,
			    "slow-acceptor");
	fixture_close(&f);
	/* somaxconn cuts it short: one cause is enough. */
	abort_on_overflow(&f, &bursts, "1", 33);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER)->setting,
			    "net.core.somaxconn");
	fixture_close(&f);
}

static void hostile_names(void **state)
{
	struct queue q = bursts;
	struct fixture f;
	const struct ts_finding *finding;

	fixture_open(&f);
	q.netns = "4026539999";
	q.comm = "\x1b[31m'; rm -rf /; %s%n";
	ts_snapshot_netns(f.later, &(struct ts_netns){q.netns, "a'; touch x #", 9, "x", false});
	add(&f, &q);
	fixture_judge(&f);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, q.netns);
	assert_string_equal(finding->apply, "nsenter --net='/run/netns/a'\\''; touch x #' sysctl "
					    "-w net.core.somaxconn=4096");
	assert_string_equal(finding->comm, q.comm);
	fixture_close(&f);

	/* A name that no quoting makes safe: by its process instead. */
	fixture_open(&f);
	ts_snapshot_netns(f.later, &(struct ts_netns){q.netns, "a\nreboot", 9, "x", false});
	add(&f, &q);
	fixture_judge(&f);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, q.netns);
	assert_string_equal(finding->apply, "nsenter -t 9 -n sysctl -w net.core.somaxconn=4096");
	fixture_close(&f);

	/* No way in at all: no command rather than one for the wrong namespace. */
	fixture_open(&f);
	f.no_commands = true;
	ts_snapshot_netns(f.later, &(struct ts_netns){q.netns, "../../etc", 0, "", false});
	add(&f, &q);
	fixture_judge(&f);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, q.netns);
	assert_string_equal(finding->apply, "");
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_somaxconn),
		cmocka_unit_test(just_below_is_quiet),
		cmocka_unit_test(the_application_asked_for_16),
		cmocka_unit_test(a_queue_that_never_drains),
		cmocka_unit_test(an_acceptor_without_time_to_spare),
		cmocka_unit_test(an_acceptor_that_is_away_for_seconds),
		cmocka_unit_test(pauses_are_not_slowness),
		cmocka_unit_test(a_queue_refilled_once_a_second),
		cmocka_unit_test(a_queue_drained_between_bursts),
		cmocka_unit_test(connections_that_stay_open),
		cmocka_unit_test(too_few_samples),
		cmocka_unit_test(drops_of_the_syn_queue),
		cmocka_unit_test(converges),
		cmocka_unit_test(somaxconn_was_lowered_later),
		cmocka_unit_test(started_again_in_the_middle),
		cmocka_unit_test(two_namespaces),
		cmocka_unit_test(two_ports_one_value),
		cmocka_unit_test(not_measured),
		cmocka_unit_test(the_other_series_is_nobody),
		cmocka_unit_test(clients_are_reset),
		cmocka_unit_test(hostile_names),
	};

	return cmocka_run_group_tests_name("rule accept-queue", tests, NULL, NULL);
}
