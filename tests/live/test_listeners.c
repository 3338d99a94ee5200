// SPDX-License-Identifier: GPL-2.0-only
/* Accept queues and their drops, against nstat and against what the test itself made wait. */
#include "tcp_lab.h"

extern const struct ts_source ts_source_listeners;

#define PORT	     9000
#define PORT_TEXT    "9000"
#define ANOTHER	     9001
#define ANOTHER_TEXT "9001"
#define BACKLOG	     4
#define COMM	     "listen-test"

static struct space space;
static struct bench bench;
static int connected[256];
static size_t connections;

static int set_up(void **state)
{
	make_space(&space);
	bench_open(&bench, &ts_source_listeners);
	connections = 0;
	return 0;
}

static int tear_down(void **state)
{
	for (size_t i = 0; i < connections; i++)
		close(connected[i]);
	bench_close(&bench);
	drop_space(&space);
	return 0;
}

/* Connects without waiting: what does not fit into the accept queue is dropped by the kernel. */
static void knock(unsigned int port, size_t times)
{
	for (size_t i = 0; i < times; i++) {
		int c = tcp_socket(&space);

		fcntl(c, F_SETFL, O_NONBLOCK);
		connect_to(c, "127.0.0.1", port);
		connected[connections++] = c;
	}
}

static double gauge(const struct ts_window *window, enum ts_family_id family, const char *port)
{
	return ts_window_gauge(window, family, TS_LABELS(space.label, port), -1);
}

static __u64 drops(const struct ts_window *window, const char *port)
{
	return ts_window_counter(window, TS_FAMILY_TCP_LISTENER_DROPS,
				 TS_LABELS(space.label, port));
}

static __u64 samples(const struct ts_window *window, const char *port, const char *state)
{
	return ts_window_counter(window, TS_FAMILY_TCP_ACCEPT_QUEUE_SAMPLES,
				 TS_LABELS(space.label, port, state));
}

static void test_overflows_by_port(void **state)
{
	int one = listen_on(&space, PORT, BACKLOG), other = listen_on(&space, ANOTHER, 64);
	const struct ts_window *window;
	const struct ts_sufferer *sufferer;
	__u64 overflows;

	bench_tick(&bench);
	knock(PORT, 30);
	knock(ANOTHER, 10);
	sleep_ms(20);
	bench_tick(&bench);
	window = bench_window(&bench);
	overflows = counter_of(&space, "TcpExt", "ListenDrops");
	assert_true(overflows > 0);
	assert_int_equal(counter_of(&space, "TcpExt", "ListenOverflows"), overflows);
	assert_int_equal(drops(window, PORT_TEXT), overflows);
	assert_int_equal(drops(window, ANOTHER_TEXT), 0);
	assert_true(gauge(window, TS_FAMILY_TCP_LISTENER_BACKLOG, PORT_TEXT) == BACKLOG);
	assert_true(gauge(window, TS_FAMILY_TCP_LISTENER_BACKLOG, ANOTHER_TEXT) == 64);
	/* The kernel accepts one more than the limit says. */
	assert_true(gauge(window, TS_FAMILY_TCP_ACCEPT_QUEUE, PORT_TEXT) == BACKLOG + 1);
	assert_true(gauge(window, TS_FAMILY_TCP_ACCEPT_QUEUE_PEAK, PORT_TEXT) == BACKLOG + 1);
	assert_true(gauge(window, TS_FAMILY_TCP_ACCEPT_QUEUE, ANOTHER_TEXT) == 10);
	assert_true(gauge(window, TS_FAMILY_TCP_LISTENER_BURST, PORT_TEXT) > 0);
	assert_int_equal(samples(window, PORT_TEXT, "full"), 2);
	assert_int_equal(samples(window, PORT_TEXT, "empty"), 1);
	assert_int_equal(samples(window, ANOTHER_TEXT, "partial"), 2);
	assert_int_equal(samples(window, ANOTHER_TEXT, "full"), 0);

	sufferer = ts_window_sufferer(window, TS_FAMILY_TCP_LISTENER_DROPS,
				      TS_LABELS(space.label, PORT_TEXT));
	assert_non_null(sufferer);
	assert_int_equal(sufferer->pid, getpid());
	assert_string_equal(sufferer->comm, COMM);
	assert_true(sufferer->value == (double)overflows);
	assert_null(ts_window_sufferer(window, TS_FAMILY_TCP_LISTENER_DROPS,
				       TS_LABELS(space.label, ANOTHER_TEXT)));
	close(one);
	close(other);
}

/* Exactly at the limit the kernel still takes a connection: that is not full. */
static void test_at_the_limit(void **state)
{
	int listener = listen_on(&space, PORT, BACKLOG);
	const struct ts_window *window;

	knock(PORT, BACKLOG);
	sleep_ms(20);
	bench_tick(&bench);
	window = bench_window(&bench);
	assert_true(gauge(window, TS_FAMILY_TCP_ACCEPT_QUEUE, PORT_TEXT) == BACKLOG);
	assert_int_equal(samples(window, PORT_TEXT, "full"), 0);
	assert_int_equal(samples(window, PORT_TEXT, "partial"), 2);
	assert_int_equal(drops(window, PORT_TEXT), 0);
	close(listener);
}

static void test_several_sockets_of_one_port(void **state)
{
	int large = listen_with(&space, PORT, 100, SO_REUSEPORT);
	int small = listen_with(&space, PORT, 8, SO_REUSEPORT);
	const struct ts_window *window;
	size_t queued = 40;

	knock(PORT, queued);
	sleep_ms(20);
	bench_tick(&bench);
	window = bench_window(&bench);
	assert_true(gauge(window, TS_FAMILY_TCP_LISTENER_BACKLOG, PORT_TEXT) == 8);
	assert_int_equal(drops(window, PORT_TEXT), counter_of(&space, "TcpExt", "ListenDrops"));
	/* Both queues together. */
	assert_true(gauge(window, TS_FAMILY_TCP_ACCEPT_QUEUE, PORT_TEXT) > 9);
	assert_true(gauge(window, TS_FAMILY_TCP_ACCEPT_QUEUE, PORT_TEXT) <= (double)queued);
	close(large);
	close(small);
}

static void test_opened_again(void **state)
{
	int listener = listen_on(&space, PORT, BACKLOG);
	__u64 first, second;

	knock(PORT, 20);
	sleep_ms(20);
	first = drops(bench_window(&bench), PORT_TEXT);
	assert_true(first > 0);
	close(listener);
	bench_tick(&bench);
	assert_int_equal(drops(bench_window(&bench), PORT_TEXT), first);
	listener = listen_on(&space, PORT, BACKLOG);
	knock(PORT, 20);
	sleep_ms(20);
	second = drops(bench_window(&bench), PORT_TEXT);
	assert_true(second > first);
	assert_int_equal(second, counter_of(&space, "TcpExt", "ListenDrops"));
	close(listener);
}

/* A segment that reaches a listener and is no connection attempt raises sk_drops all the same. */
static void test_stray_segments(void **state)
{
	int listener = listen_on(&space, PORT, BACKLOG), raw;
	struct sockaddr_in to = address_of("127.0.0.1", 0);
	unsigned char reset[20] = {[0] = 0x30,	     [1] = 0x39,  [2] = PORT >> 8,
				   [3] = PORT & 255, [12] = 0x50, [13] = 0x04};
	__u32 sum = 0;
	const struct ts_window *window;

	bench_tick(&bench);
	/* The checksum, with the pseudo header of 127.0.0.1 to itself. */
	for (int i = 0; i < 20; i += 2)
		sum += (__u32)reset[i] << 8 | reset[i + 1];
	sum += 2 * (0x7f00 + 0x0001) + IPPROTO_TCP + 20;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	reset[16] = (unsigned char)(sum >> 8);
	reset[17] = (unsigned char)sum;
	enter(&space);
	raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP);
	go_home();
	assert_true(raw >= 0);
	for (int i = 0; i < 25; i++)
		assert_int_equal(sendto(raw, reset, sizeof reset, 0, (void *)&to, sizeof to), 20);
	sleep_ms(20);
	window = bench_window(&bench);
	assert_int_equal(counter_of(&space, "TcpExt", "ListenDrops"), 0);
	assert_int_equal(counter_of(&space, "Tcp", "InCsumErrors"), 0);
	assert_int_equal(drops(window, PORT_TEXT), 0);
	/* And those that are attempts still count. */
	knock(PORT, 20);
	sleep_ms(20);
	window = bench_window(&bench);
	assert_true(drops(window, PORT_TEXT) > 0);
	assert_int_equal(drops(window, PORT_TEXT), counter_of(&space, "TcpExt", "ListenDrops"));
	close(raw);
	close(listener);
}

/* Handshakes that wait for their last segment, while others are being dropped. */
static void test_handshakes(void **state)
{
	struct space client;
	struct wire wire;
	const struct ts_window *window;
	int listener;

	make_space(&client);
	wire_open(&wire, &client, &space, 1);
	set_in_space(&space, "/proc/sys/net/ipv4/tcp_syncookies", "0");
	set_in_space(&space, "/proc/sys/net/ipv4/tcp_max_syn_backlog", "8");
	listener = listen_on(&space, PORT, 128);
	bench_tick(&bench);
	wire.direction[1].lose_all = true; /* no SYN+ACK gets back */
	for (int i = 0; i < 40; i++) {
		int c = tcp_socket(&client);

		fcntl(c, F_SETFL, O_NONBLOCK);
		connect_to(c, "10.9.0.2", PORT);
		connected[connections++] = c;
	}
	sleep_ms(50);
	window = bench_window(&bench);
	assert_int_equal(drops(window, PORT_TEXT), counter_of(&space, "TcpExt", "ListenDrops"));
	assert_true(drops(window, PORT_TEXT) > 0);
	assert_int_equal(counter_of(&space, "TcpExt", "ListenOverflows"), 0);
	assert_true(gauge(window, TS_FAMILY_TCP_SYN_QUEUE_PEAK, PORT_TEXT) >= 6);
	assert_true(gauge(window, TS_FAMILY_TCP_SYN_QUEUE_PEAK, PORT_TEXT) <= 8);
	assert_int_equal(samples(window, PORT_TEXT, "full"), 0);
	close(listener);
	wire_close(&wire);
	drop_space(&client);
}

static void test_namespaces(void **state)
{
	struct space late;
	const struct ts_window *window;
	bool held = false;
	__u32 inode;
	int listener;

	/* One that did not exist when the source was opened. */
	make_space(&late);
	inode = (__u32)strtoull(late.label, NULL, 10);
	listener = listen_on(&late, PORT, BACKLOG);
	window = bench_window(&bench);
	assert_true(ts_window_gauge(window, TS_FAMILY_TCP_LISTENER_BACKLOG,
				    TS_LABELS(late.label, PORT_TEXT), -1) == BACKLOG);
	/* Nothing of ours keeps it alive for longer than one tick. */
	close(listener);
	drop_space(&late);
	bench_tick(&bench);
	for (size_t i = 0; i < bench.netns.count; i++)
		if (!strcmp(bench.netns.entry[i].label, late.label))
			held |= bench.netns.entry[i].diag >= 0;
	assert_false(held);
	/* All processes are looked at before it counts as gone, as soon as that may cost so much.
	 */
	for (int i = 0; i < 50 && !ts_netns_gone(&bench.netns, inode); i++)
		bench_tick(&bench);
	assert_true(ts_netns_gone(&bench.netns, inode));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_overflows_by_port),
		TEST(test_at_the_limit),
		TEST(test_several_sockets_of_one_port),
		TEST(test_opened_again),
		TEST(test_stray_segments),
		TEST(test_handshakes),
		TEST(test_namespaces),
	};

	prctl(PR_SET_NAME, COMM);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
