// SPDX-License-Identifier: GPL-2.0-only
/*
 * Looks at open connections between two rounds of visits: what bounds those that move something,
 * from the time on when they were established; those that rest are left alone.
 */
#include "tcp_transfer.h"
#include "../../user/live/socket_looks.h"

extern const struct ts_source ts_source_tcp;

#define DELAY_MS  20 /* one way */
#define JIFFY_NS  10000000ULL
#define BURST	  393216 /* bytes, at least */
#define SETTLE_MS 1500

static struct bench bench;
static struct ts_socket_visitor visitor;
static struct ts_socket_namespaces *namespaces;
static struct ts_socket_looks_state *looks;
static struct ts_snapshot *seen;
static struct wire wire;

static int set_up(void **state)
{
	make_space(&client);
	make_space(&server);
	wire_open(&wire, &client, &server, DELAY_MS);
	bench_open(&bench, &ts_source_tcp);
	visitor = (struct ts_socket_visitor){
		.memory = ts_socket_memory_new(),
		.groups = ts_socket_groups_new(),
		.writers = ts_socket_writers_new(),
		.peers = ts_socket_peers_new(),
		.proc = "/proc",
		.jiffy_ns = JIFFY_NS,
	};
	namespaces = ts_socket_namespaces_new();
	looks = ts_socket_looks_open(bench.live.socket_looks);
	assert_non_null(looks);
	return 0;
}

static int tear_down(void **state)
{
	ts_snapshot_free(seen);
	seen = NULL;
	ts_socket_looks_close(looks);
	ts_socket_namespaces_free(namespaces);
	ts_socket_memory_free(visitor.memory);
	ts_socket_groups_free(visitor.groups);
	ts_socket_writers_free(visitor.writers);
	ts_socket_peers_free(visitor.peers);
	bench_close(&bench);
	wire_close(&wire);
	drop_space(&client);
	drop_space(&server);
	return 0;
}

/* One look; what all of them have found is in seen, the gauges of this one alone. */
static void look(void)
{
	ts_netns_refresh(&bench.netns, "/proc");
	assert_int_equal(ts_socket_looks_look(looks, &visitor, namespaces, &bench.netns), 0);
	ts_snapshot_free(seen);
	seen = ts_snapshot_new();
	ts_socket_groups_snapshot(visitor.groups, &bench.netns, seen);
}

static __u64 counted(enum ts_family_id family, const char *const *labels)
{
	const struct ts_series *series = ts_snapshot_find(seen, family, labels);

	return series ? series->counter : 0;
}

static __u64 received_by(const struct transfer *t)
{
	struct tcp_info info = {0};
	socklen_t length = sizeof info;

	getsockopt(t->to, IPPROTO_TCP, TCP_INFO, &info, &length);
	return info.tcpi_bytes_received;
}

static __u64 bytes(const struct transfer *t, const char *limit)
{
	char port[8];

	snprintf(port, sizeof port, "%u", t->port);
	return counted(TS_FAMILY_TCP_RECEIVED, TS_LABELS(server.label, "service", port, limit));
}

static void test_what_bounds_them(void **state)
{
	struct transfer transfers[] = {
		{.port = 9001, .receive_buffer = 16384, .limit = "fixed"},
		{.port = 9002, .limit = "tcp_rmem"},
		{.port = 9003, .bytes_per_tick = 1500, .limit = "reader"},
		{.port = 9004, .sent_per_tick = 1400, .limit = "none"},
	};
	enum { COUNT = sizeof transfers / sizeof *transfers };
	__u64 first[COUNT], before[COUNT], now;

	set_in_space(&server, "/proc/sys/net/ipv4/tcp_rmem", "4096 65536 131072");
	for (int i = 0; i < COUNT; i++)
		transfer_start(&transfers[i]);
	sleep_ms(SETTLE_MS);
	for (int i = 0; i < COUNT; i++)
		before[i] = received_by(&transfers[i]);
	look();
	for (int i = 0; i < COUNT; i++)
		first[i] = bytes(&transfers[i], transfers[i].limit);
	sleep_ms(SETTLE_MS);
	look();
	for (int i = 0; i < COUNT; i++) {
		const struct transfer *t = &transfers[i];
		__u64 found = bytes(t, t->limit) - first[i];

		now = received_by(t);
		print_message("port %u: %llu bytes bounded by %s, %llu received\n", t->port, found,
			      t->limit, now - before[i]);
		/* All that came between the two looks, and nothing else. */
		assert_true(found > 0);
		assert_true(found <= now - before[i]);
		transfer_stop(&transfers[i]);
	}
}

static void send_burst(int from, int to)
{
	static char data[65536];
	size_t sent = 0, received = 0;
	ssize_t n;

	while (received < BURST) {
		n = sent < BURST ? send(from, data, sizeof data, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
		sent += n > 0 ? (size_t)n : 0;
		n = recv(to, data, sizeof data, MSG_DONTWAIT);
		received += n > 0 ? (size_t)n : 0;
		if (n < 0)
			sleep_ms(1);
	}
}

/* A connection that rests is told once, when it comes to rest; a pause is known when it ends. */
static void test_pauses_and_rest(void **state)
{
	const char *const *labels = TS_LABELS(client.label, "outbound", "9005");
	int listener = listen_on(&server, 9005, 8), c = tcp_socket(&client), s;
	struct ts_histogram *rtt;
	__u64 readings;

	/* One that begins anew after a pause, whatever is usual here. */
	assert_int_equal(setsockopt(c, IPPROTO_TCP, TCP_CONGESTION, "reno", 4), 0);
	assert_int_equal(connect_to(c, "10.9.0.2", 9005), 0);
	s = accept(listener, NULL, NULL);
	look(); /* nothing has moved */
	assert_null(ts_snapshot_find(seen, TS_FAMILY_TCP_LIVE_SMOOTHED_RTT, labels));
	send_burst(c, s);
	sleep_ms(SETTLE_MS);
	look();
	look(); /* it rests */
	assert_non_null(ts_snapshot_find(seen, TS_FAMILY_TCP_LIVE_SMOOTHED_RTT, labels));
	rtt = ts_snapshot_find(seen, TS_FAMILY_TCP_LIVE_SMOOTHED_RTT, labels)->histogram;
	readings = rtt->count;
	look(); /* and still does */
	rtt = ts_snapshot_find(seen, TS_FAMILY_TCP_LIVE_SMOOTHED_RTT, labels)->histogram;
	assert_int_equal(rtt->count, readings);
	assert_int_equal(counted(TS_FAMILY_TCP_PAUSES, labels), 0);
	send_burst(c, s);
	look();
	assert_int_equal(counted(TS_FAMILY_TCP_PAUSES, labels), 1);
	close(c);
	close(s);
	close(listener);
	look(); /* gone: nothing of it is read */
	assert_int_equal(counted(TS_FAMILY_TCP_PAUSES, labels), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_what_bounds_them),
		TEST(test_pauses_and_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
