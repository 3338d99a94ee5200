// SPDX-License-Identifier: GPL-2.0-only
/* What bounds receive windows, on a path with delay; who holds local ports; round-trip times. */
#include "tcp_transfer.h"
#include "../../user/live/socket_groups.h"

extern const struct ts_source ts_source_sockets;

#define DELAY_MS 20 /* one way */
#define RUN_MS	 3500
#define JIFFY	 0.010 /* of the slowest usual kernel */

static struct bench bench;

static int set_up(void **state)
{
	make_space(&client);
	make_space(&server);
	bench_open(&bench, &ts_source_sockets);
	return 0;
}

static int tear_down(void **state)
{
	bench_close(&bench);
	drop_space(&client);
	drop_space(&server);
	return 0;
}

static double largest(const struct ts_window *window, enum ts_family_id family, const char *port,
		      const char *limit)
{
	return ts_window_gauge(window, family, TS_LABELS(server.label, "service", port, limit), -1);
}

static void check_transfer(const struct ts_window *window, const struct transfer *t)
{
	char port[8];
	__u64 bytes, all;
	struct tcp_info info = {0};
	socklen_t length = sizeof info;
	double rtt;

	snprintf(port, sizeof port, "%u", t->port);
	bytes = ts_window_counter(window, TS_FAMILY_TCP_RECEIVED,
				  TS_LABELS(server.label, "service", port, t->limit));
	all = ts_window_counter(window, TS_FAMILY_TCP_RECEIVED,
				TS_LABELS(server.label, "service", port));
	getsockopt(t->to, IPPROTO_TCP, TCP_INFO, &info, &length);
	print_message("port %s: %llu of %llu bytes bounded by %s (received %llu), window %.0f, in "
		      "flight %.0f, buffer %.0f\n",
		      port, bytes, all, t->limit, (unsigned long long)info.tcpi_bytes_received,
		      largest(window, TS_FAMILY_TCP_RECEIVE_WINDOW, port, t->limit),
		      largest(window, TS_FAMILY_TCP_RECEIVE_IN_FLIGHT, port, t->limit),
		      largest(window, TS_FAMILY_TCP_RECEIVE_BUFFER, port, t->limit));
	assert_true(all > 0);
	assert_true(all <= info.tcpi_bytes_received);
	/* The first of the visits may still find the connection speeding up. */
	assert_true((double)bytes >= 0.6 * (double)all);
	assert_true(largest(window, TS_FAMILY_TCP_RECEIVE_WINDOW, port, t->limit) > 0);
	rtt = largest(window, TS_FAMILY_TCP_RECEIVE_RTT, port, t->limit);
	/* A mean, of what the receiver reads off time stamps of milliseconds. */
	assert_true(rtt >= (2 * DELAY_MS - 1) / 1e3);
}

static void test_what_bounds_the_window(void **state)
{
	struct transfer transfers[] = {
		{.port = 9001, .receive_buffer = 16384, .limit = "fixed"},
		{.port = 9002, .limit = "tcp_rmem"},
		{.port = 9003, .bytes_per_tick = 1500, .limit = "reader"},
		{.port = 9004, .sent_per_tick = 1400, .limit = "none"},
	};
	const size_t count = sizeof transfers / sizeof *transfers;
	const struct ts_window *window;
	struct wire wire;

	set_in_space(&server, "/proc/sys/net/ipv4/tcp_rmem", "4096 65536 131072");
	wire_open(&wire, &client, &server, DELAY_MS);
	for (size_t i = 0; i < count; i++)
		transfer_start(&transfers[i]);
	for (int i = 0; i < RUN_MS / 100; i++)
		bench_tick(&bench);
	window = bench_window(&bench);
	for (size_t i = 0; i < count; i++)
		check_transfer(window, &transfers[i]);
	assert_true(largest(window, TS_FAMILY_TCP_RECEIVE_BUFFER, "9001", "fixed") == 32768);
	assert_true(largest(window, TS_FAMILY_TCP_RECEIVE_BUFFER, "9002", "tcp_rmem") == 131072);
	for (size_t i = 0; i < count; i++)
		transfer_stop(&transfers[i]);
	wire_close(&wire);
}

static void test_round_trip_times(void **state)
{
	int listener = listen_on(&server, 9000, 8), c = tcp_socket(&client), s;
	struct tcp_info info = {0};
	socklen_t length = sizeof info;
	const struct ts_window *window;
	struct ts_histogram *minimum;
	struct wire wire;

	wire_open(&wire, &client, &server, DELAY_MS);
	assert_int_equal(connect_to(c, "10.9.0.2", 9000), 0);
	s = accept(listener, NULL, NULL);
	sleep_ms(400);
	window = bench_window(&bench);
	getsockopt(c, IPPROTO_TCP, TCP_INFO, &info, &length);
	minimum = ts_window_histogram(window, TS_FAMILY_TCP_LIVE_MINIMUM_RTT,
				      TS_LABELS(client.label, "outbound", "9000"));
	assert_non_null(minimum);
	assert_int_equal(minimum->count, 1);
	assert_int_equal(minimum->sum, (__u64)info.tcpi_min_rtt * 1000);
	assert_non_null(ts_window_histogram(window, TS_FAMILY_TCP_LIVE_SMOOTHED_RTT,
					    TS_LABELS(server.label, "service", "9000")));
	close(c);
	close(s);
	close(listener);
	wire_close(&wire);
}

static double ports(const struct ts_window *window, const char *destination, const char *state)
{
	return ts_window_gauge(window, TS_FAMILY_TCP_LOCAL_PORTS,
			       TS_LABELS(client.label, destination, state), -1);
}

/* One exchange on a connection that stays; the reply takes so long. Returns what the client saw. */
static double exchange(int c, int s, unsigned int ms)
{
	__u64 start = clock_now_ns();
	char byte = 0;

	assert_int_equal(send(c, &byte, 1, 0), 1);
	assert_int_equal(recv(s, &byte, 1, 0), 1);
	sleep_ms(ms);
	assert_int_equal(send(s, &byte, 1, 0), 1);
	assert_int_equal(recv(c, &byte, 1, 0), 1);
	return (double)(clock_now_ns() - start) / 1e9;
}

/* seconds: what the client saw in all */
static void check_exchanges(const struct ts_window *window, const char *side, __u64 count,
			    double seconds)
{
	struct ts_histogram *h = ts_window_histogram(window, TS_FAMILY_TCP_LIVE_SERVICE_TIME,
						     TS_LABELS(client.label, side, "9000"));

	assert_non_null(h);
	assert_int_equal(h->count, count);
	print_message("%s: %.1f ms on average of %llu\n", side, ts_histogram_mean(h) * 1e3, count);
	assert_true(ts_histogram_mean(h) >= 0.080 - JIFFY);
	assert_true(ts_histogram_mean(h) <= seconds / (double)count + JIFFY);
}

/* Each exchange that is the last one at a sample counts, once; one still going on does not. */
static void test_service_time(void **state)
{
	int listener = listen_on(&client, 9000, 8), c = tcp_socket(&client), s;
	double seconds = 0;
	char byte = 0;

	assert_int_equal(connect_to(c, "127.0.0.1", 9000), 0);
	s = accept(listener, NULL, NULL);
	exchange(c, s, 10); /* the first may be a handshake */
	sleep_ms(400);
	bench_window(&bench);
	for (__u64 i = 1; i <= 3; i++) {
		seconds += exchange(c, s, 80);
		sleep_ms(400);
		check_exchanges(bench_window(&bench), "service", i, seconds);
		sleep_ms(400);
		check_exchanges(bench_window(&bench), "outbound", i, seconds);
	}
	assert_int_equal(send(c, &byte, 1, 0), 1);
	assert_int_equal(recv(s, &byte, 1, 0), 1);
	sleep_ms(400);
	check_exchanges(bench_window(&bench), "service", 3, seconds);
	check_exchanges(bench_window(&bench), "outbound", 3, seconds);
	close(c);
	close(s);
	close(listener);
}

static void test_local_ports(void **state)
{
	enum { HELD = 30, CLOSED = 20, HALF = 10 };
	int listener = listen_on(&client, 9000, 128), other = listen_on(&client, 9001, 128);
	int from[HELD + HALF], to[HELD + HALF];
	const struct ts_window *window;

	set_in_space(&client, "/proc/sys/net/ipv4/ip_local_port_range", "40000 40199");
	for (int i = 0; i < HELD + HALF; i++) {
		from[i] = tcp_socket(&client);
		assert_int_equal(connect_to(from[i], "127.0.0.1", 9000), 0);
		to[i] = accept(listener, NULL, NULL);
		if (i >= HELD)
			shutdown(to[i], SHUT_WR); /* the client is left in CLOSE_WAIT */
	}
	for (int i = 0; i < CLOSED; i++) {
		int c = tcp_socket(&client), s;

		assert_int_equal(connect_to(c, "127.0.0.1", 9001), 0);
		s = accept(other, NULL, NULL);
		close(c); /* first, and so it is left in TIME_WAIT */
		assert_int_equal(receive_all(s), 0);
		close(s);
	}
	sleep_ms(350);
	window = bench_window(&bench);
	assert_true(ports(window, "127.0.0.1:9000", "established") == HELD);
	assert_true(ports(window, "127.0.0.1:9000", "close-wait") == HALF);
	assert_true(ports(window, "127.0.0.1:9000", "time-wait") == 0);
	assert_true(ports(window, "127.0.0.1:9001", "time-wait") == CLOSED);
	assert_true(ports(window, "127.0.0.1:9001", "established") == 0);
	/* The other namespace has ports to spare: nobody asked. */
	assert_true(ts_window_gauge(window, TS_FAMILY_TCP_LOCAL_PORTS, TS_LABELS(server.label),
				    -1) == -1);
	for (int i = 0; i < HELD + HALF; i++) {
		close(from[i]);
		close(to[i]);
	}
	close(listener);
	close(other);
}

/* More series than there is room for: they go to "other", and idle ones make room again. */
static void test_many_groups(void **state)
{
	enum { ROOM = 256, MANY = 300 };
	struct ts_socket_groups *groups = ts_socket_groups_new();
	struct ts_snapshot *snapshot = ts_snapshot_new();
	const struct ts_traffic received = {.bytes = 70000, .window = 1, .buffer = 2};
	const struct ts_family_data *data;
	__u64 sum = 0;

	for (__u16 port = 1; port <= MANY; port++)
		ts_socket_group_traffic(ts_socket_group(groups, 7, false, port), TS_DATA_RECEIVED,
					TS_LIMIT_FIXED, &received);
	ts_socket_groups_snapshot(groups, &bench.netns, snapshot);
	data = &snapshot->family[TS_FAMILY_TCP_RECEIVED];
	assert_int_equal(data->count, ROOM + 1);
	assert_int_equal(data->overflowed, MANY - ROOM);
	for (size_t i = 0; i < data->count; i++)
		sum += data->series[i].counter;
	assert_int_equal(sum, MANY * received.bytes);
	assert_int_equal(ts_snapshot_find(snapshot, TS_FAMILY_TCP_RECEIVED,
					  TS_LABELS("other", "other", "other", "fixed"))
				 ->counter,
			 (MANY - ROOM) * received.bytes);
	ts_snapshot_free(snapshot);

	/* One stays in use; some rounds later the others have made room. */
	for (int i = 0; i < 4; i++) {
		snapshot = ts_snapshot_new();
		ts_socket_groups_begin(groups);
		ts_socket_group_traffic(ts_socket_group(groups, 7, false, 200), TS_DATA_RECEIVED,
					TS_LIMIT_FIXED, &received);
		ts_socket_groups_snapshot(groups, &bench.netns, snapshot);
		ts_snapshot_free(snapshot);
	}
	snapshot = ts_snapshot_new();
	ts_socket_group_traffic(ts_socket_group(groups, 7, false, MANY), TS_DATA_RECEIVED,
				TS_LIMIT_FIXED, &received);
	ts_socket_groups_snapshot(groups, &bench.netns, snapshot);
	assert_int_equal(ts_snapshot_find(snapshot, TS_FAMILY_TCP_RECEIVED,
					  TS_LABELS("7", "service", "300", "fixed"))
				 ->counter,
			 received.bytes);
	assert_int_equal(ts_snapshot_find(snapshot, TS_FAMILY_TCP_RECEIVED,
					  TS_LABELS("7", "service", "200", "fixed"))
				 ->counter,
			 5 * received.bytes);
	ts_snapshot_free(snapshot);
	ts_socket_groups_free(groups);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_what_bounds_the_window),
		TEST(test_round_trip_times),
		TEST(test_local_ports),
		TEST(test_service_time),
		cmocka_unit_test(test_many_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
