// SPDX-License-Identifier: GPL-2.0-only
/* Service time and the time of outbound calls, between what the server slept and the client waited.
 */
#include <pthread.h>

#include "tcp_lab.h"

extern const struct ts_source ts_source_tcp;

#define PORT	  9000
#define PORT_TEXT "9000"

static struct space client;
static struct bench bench;

static int set_up(void **state)
{
	make_space(&client);
	bench_open(&bench, &ts_source_tcp);
	return 0;
}

static int tear_down(void **state)
{
	bench_close(&bench);
	drop_space(&client);
	return 0;
}

static __u64 counted(const struct ts_window *window, enum ts_family_id family,
		     const char *const *labels)
{
	assert_int_equal(ts_window_status(window, family), TS_STATUS_OK);
	return ts_window_counter(window, family, labels);
}

/* What both ends of a connection saw of its exchanges. */
struct seen {
	int client, server;
	double slept, waited; /* by the server between request and reply; by who asked, in all */
	__u64 count;
};

static void open_exchanges(struct seen *seen, int listener)
{
	*seen = (struct seen){.client = tcp_socket(&client)};
	assert_int_equal(connect_to(seen->client, "127.0.0.1", PORT), 0);
	seen->server = accept(listener, NULL, NULL);
	assert_true(seen->server >= 0);
}

/* A request in so many parts, the time the service takes, and its reply in two. */
static void ask(struct seen *seen, int parts, unsigned int ms)
{
	__u64 start = clock_now_ns(), begin, end;

	for (int i = 0; i < parts; i++) {
		send_all(seen->client, 100);
		receive_exactly(seen->server, 100);
		sleep_ms(i + 1 < parts ? 5 : 0);
	}
	begin = clock_now_ns();
	sleep_ms(ms);
	end = clock_now_ns();
	send_all(seen->server, 3000);
	receive_exactly(seen->client, 3000);
	seen->waited += (double)(clock_now_ns() - start) / 1e9;
	/* The rest of the reply takes its time, which is no part of it. */
	sleep_ms(20);
	send_all(seen->server, 1000);
	receive_exactly(seen->client, 1000);
	seen->slept += (double)(end - begin) / 1e9;
	seen->count++;
	sleep_ms(30);
}

static void close_exchanges(struct seen *seen, bool server_first)
{
	close(server_first ? seen->server : seen->client);
	assert_int_equal(receive_all(server_first ? seen->client : seen->server), 0);
	close(server_first ? seen->client : seen->server);
}

/* Nothing is shorter than what the server slept, nor longer than what the client waited. */
static void check_service_time(const struct ts_window *window, const char *side, __u64 count,
			       double least, double most, __u64 counted_exchanges)
{
	const char *const *key = TS_LABELS(client.label, side, PORT_TEXT);
	struct ts_histogram *h = ts_window_histogram(window, TS_FAMILY_TCP_SERVICE_TIME, key);
	double sum;

	assert_non_null(h);
	sum = (double)h->sum / 1e9;
	print_message("%s: %.3f ms in all; server slept %.3f ms, client waited %.3f ms\n", side,
		      sum * 1e3, least * 1e3, most * 1e3);
	assert_int_equal(h->count, count);
	assert_true(sum >= least);
	assert_true(sum <= most);
	assert_int_equal(counted(window, TS_FAMILY_TCP_EXCHANGES, key), counted_exchanges);
}

/* Several on one connection, one on a connection that the service closes at once, none. */
static void test_service_time(void **state)
{
	int listener = listen_on(&client, PORT, 8);
	struct seen kept, ended, silent;
	const struct ts_window *window;

	open_exchanges(&kept, listener);
	ask(&kept, 1, 40);
	ask(&kept, 3, 25);
	ask(&kept, 1, 15);
	open_exchanges(&ended, listener);
	ask(&ended, 1, 30);
	close_exchanges(&ended, true);
	open_exchanges(&silent, listener);
	send_all(silent.client, 100);
	receive_exactly(silent.server, 100);
	close_exchanges(&silent, true);
	window = bench_window(&bench);
	/* The request that nobody answered is counted where it came to. */
	check_service_time(window, "service", 4, kept.slept + ended.slept,
			   kept.waited + ended.waited, 5);
	check_service_time(window, "outbound", 4, kept.slept + ended.slept,
			   kept.waited + ended.waited, 4);
	close_exchanges(&kept, false);
	close(listener);
}

/* The reply is on the way when the service closes: nothing acknowledges it by way of tcp_probe. */
static void test_service_time_closing(void **state)
{
	int listener = listen_on(&client, PORT, 8);
	double slept = 0, waited = 0;

	for (int i = 0; i < 5; i++) {
		__u64 start = clock_now_ns(), begin;
		struct seen one;

		open_exchanges(&one, listener);
		/* A greeting is no reply. */
		send_all(one.server, 10);
		receive_exactly(one.client, 10);
		start = clock_now_ns();
		send_all(one.client, 100);
		receive_exactly(one.server, 100);
		begin = clock_now_ns();
		sleep_ms(20);
		slept += (double)(clock_now_ns() - begin) / 1e9;
		send_all(one.server, 500);
		close(one.server);
		receive_exactly(one.client, 500);
		waited += (double)(clock_now_ns() - start) / 1e9;
		close(one.client);
	}
	check_service_time(bench_window(&bench), "service", 5, slept, waited, 5);
	check_service_time(bench_window(&bench), "outbound", 5, slept, waited, 5);
	close(listener);
}

/* So many that only some are timed: all are counted, and who is timed is no matter of how long. */
static void test_service_time_crowded(void **state)
{
	enum { TURNS = 30000 };
	int listener = listen_on(&client, PORT, 8);
	const struct ts_window *window;
	struct ts_histogram *h;
	struct seen one;
	__u64 start;
	double each;

	open_exchanges(&one, listener);
	start = clock_now_ns();
	for (int i = 0; i < TURNS; i++) {
		send_all(one.client, 64);
		receive_exactly(one.server, 64);
		send_all(one.server, 64);
		receive_exactly(one.client, 64);
	}
	each = (double)(clock_now_ns() - start) / 1e9 / TURNS;
	close_exchanges(&one, false);
	window = bench_window(&bench);
	h = ts_window_histogram(window, TS_FAMILY_TCP_SERVICE_TIME,
				TS_LABELS(client.label, "service", PORT_TEXT));
	assert_non_null(h);
	print_message("timed %llu of %d; %.1f us each, a turn took %.1f us\n", h->count, TURNS,
		      ts_histogram_mean(h) * 1e6, each * 1e6);
	assert_in_range(h->count, 100, TURNS);
	assert_true(ts_histogram_mean(h) < each);
	assert_int_equal(counted(window, TS_FAMILY_TCP_EXCHANGES,
				 TS_LABELS(client.label, "service", PORT_TEXT)),
			 TURNS);
	assert_int_equal(counted(window, TS_FAMILY_TCP_EXCHANGES,
				 TS_LABELS(client.label, "outbound", PORT_TEXT)),
			 TURNS);
	close(listener);
}

static _Atomic bool over;

/* Exchanges without a pause on a connection that is older than the observation. */
static void *keep_asking(void *data)
{
	struct seen *seen = data;

	while (!over) {
		send_all(seen->client, 10);
		receive_exactly(seen->server, 10);
		send_all(seen->server, 10);
		receive_exactly(seen->client, 10);
	}
	return NULL;
}

static void look_at_old_connections(void)
{
	const struct ts_window *window;
	__u64 seen = 0;

	bench_open(&bench, &ts_source_tcp);
	/* On a busy host who asks may get no CPU for a while. */
	for (int i = 0; i < 100 && !seen; i++) {
		sleep_ms(50);
		window = bench_window(&bench);
		seen = counted(window, TS_FAMILY_TCP_EXCHANGES,
			       TS_LABELS(client.label, "service", PORT_TEXT));
	}
	assert_true(seen > 0);
	ts_for_each_series (s, window, TS_FAMILY_TCP_EXCHANGES)
		if (!strcmp(s->label[0], client.label))
			assert_string_equal(s->label[2], PORT_TEXT);
	bench_close(&bench);
}

/*
 * Whose side a connection is on is kept with it: it must be known before its first segment. The
 * moment between is short, hence several times.
 */
static void test_connections_from_before(void **state)
{
	struct seen old;
	pthread_t thread;
	int listener;

	make_space(&client);
	listener = listen_on(&client, PORT, 8);
	open_exchanges(&old, listener);
	over = false;
	assert_int_equal(pthread_create(&thread, NULL, keep_asking, &old), 0);
	for (int i = 0; i < 8; i++)
		look_at_old_connections();
	over = true;
	pthread_join(thread, NULL);
	close_exchanges(&old, false);
	close(listener);
	drop_space(&client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_service_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_service_time_closing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_service_time_crowded, set_up, tear_down),
		cmocka_unit_test(test_connections_from_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
