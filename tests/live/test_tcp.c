// SPDX-License-Identifier: GPL-2.0-only
/* TCP events against what the kernel's own counters and the sockets themselves say. */
#include "tcp_lab.h"
#include "../../user/live/probe.h"
#include <tunescope/tcp.h>

extern const struct ts_source ts_source_tcp;

#define PORT	    9000
#define PORT_TEXT   "9000"
#define CLOSED_PORT 9001

static struct space client, server;
static struct bench bench;

static int set_up(void **state)
{
	make_space(&client);
	make_space(&server);
	bench_open(&bench, &ts_source_tcp);
	return 0;
}

static int tear_down(void **state)
{
	bench_close(&bench);
	drop_space(&client);
	drop_space(&server);
	return 0;
}

static __u64 counted(const struct ts_window *window, enum ts_family_id family,
		     const char *const *labels)
{
	assert_int_equal(ts_window_status(window, family), TS_STATUS_OK);
	return ts_window_counter(window, family, labels);
}

/* One connection inside the client's namespace; half of them end with a reset. */
static void exchange(int listener, size_t request, size_t answer, bool reset)
{
	int c = tcp_socket(&client), s;

	assert_int_equal(connect_to(c, "127.0.0.1", PORT), 0);
	s = accept(listener, NULL, NULL);
	assert_true(s >= 0);
	send_all(c, request);
	shutdown(c, SHUT_WR);
	assert_int_equal(receive_all(s), request);
	send_all(s, answer);
	if (!reset) {
		close(s);
		assert_int_equal(receive_all(c), answer);
		close(c);
		return;
	}
	for (size_t got = 0; got < answer;) {
		static char buffer[65536];
		ssize_t n = recv(c, buffer, sizeof buffer, 0);

		assert_true(n > 0);
		got += (size_t)n;
	}
	close_with_reset(s);
	sleep_ms(2);
	close(c);
}

#define EXCHANGES 60
#define REQUEST	  1000
#define ANSWER	  20001

static void test_connections(void **state)
{
	int listener = listen_on(&client, PORT, 128);
	__u64 opens = counter_of(&client, "Tcp", "ActiveOpens");
	const struct ts_window *window;
	struct ts_histogram *latency;

	for (int i = 0; i < EXCHANGES; i++)
		exchange(listener, REQUEST, ANSWER, i % 2);
	sleep_ms(50);
	close(listener);
	window = bench_window(&bench);
	opens = counter_of(&client, "Tcp", "ActiveOpens") - opens;
	latency = ts_window_histogram(window, TS_FAMILY_TCP_CONNECT_LATENCY,
				      TS_LABELS(client.label, PORT_TEXT));
	assert_non_null(latency);
	assert_int_equal(opens, EXCHANGES);
	assert_int_equal(latency->count, opens);

	for (int outbound = 0; outbound < 2; outbound++) {
		const char *side = outbound ? "outbound" : "service";
		const char *const *key = TS_LABELS(client.label, side, PORT_TEXT);

		assert_int_equal(counted(window, TS_FAMILY_TCP_CONNECTIONS, key), EXCHANGES);
		assert_int_equal(counted(window, TS_FAMILY_TCP_CONNECTION_BYTES,
					 TS_LABELS(client.label, side, PORT_TEXT, "sent")),
				 EXCHANGES * (outbound ? REQUEST : ANSWER));
		assert_int_equal(counted(window, TS_FAMILY_TCP_CONNECTION_BYTES,
					 TS_LABELS(client.label, side, PORT_TEXT, "received")),
				 EXCHANGES * (outbound ? ANSWER : REQUEST));
		assert_int_equal(
			ts_window_histogram(window, TS_FAMILY_TCP_SMOOTHED_RTT, key)->count,
			EXCHANGES);
		assert_int_equal(ts_window_histogram(window, TS_FAMILY_TCP_MINIMUM_RTT, key)->count,
				 EXCHANGES);
	}
	/* Nothing is lost on the loopback interface. */
	assert_int_equal(counted(window, TS_FAMILY_TCP_CONNECTION_SEGMENTS,
				 TS_LABELS(client.label, "outbound", PORT_TEXT, "sent")),
			 counted(window, TS_FAMILY_TCP_CONNECTION_SEGMENTS,
				 TS_LABELS(client.label, "service", PORT_TEXT, "received")));
}

/* Of three services two share a place with the first one: by their port, and by their namespace. */
static void test_services_share_a_place(void **state)
{
	static const struct {
		struct space *space;
		unsigned int port;
		int connections;
	} service[] = {
		{&client, PORT, 3},
		{&client, PORT + TS_TCP_PLACES, 5},
		{&server, PORT, 7},
	};
	const struct ts_window *window;
	int listener[3];

	for (size_t i = 0; i < 3; i++)
		listener[i] = listen_on(service[i].space, service[i].port, 16);
	for (size_t i = 0; i < 3; i++)
		for (int n = 0; n < service[i].connections; n++) {
			int c = tcp_socket(service[i].space), s;

			assert_int_equal(connect_to(c, "127.0.0.1", service[i].port), 0);
			s = accept(listener[i], NULL, NULL);
			assert_true(s >= 0);
			close(s);
			close(c);
		}
	sleep_ms(50);
	window = bench_window(&bench);
	for (size_t i = 0; i < 3; i++) {
		char port[16];

		snprintf(port, sizeof port, "%u", service[i].port);
		for (int outbound = 0; outbound < 2; outbound++)
			assert_int_equal(
				counted(window, TS_FAMILY_TCP_CONNECTIONS,
					TS_LABELS(service[i].space->label,
						  outbound ? "outbound" : "service", port)),
				service[i].connections);
		close(listener[i]);
	}
}

static void test_no_local_port(void **state)
{
	int listener = listen_on(&client, PORT, 128), held[16], reused = tcp_socket(&client);
	unsigned int unavailable = 0, refused = 0, other = 0;
	const struct ts_window *window;

	set_in_space(&client, "/proc/sys/net/ipv4/ip_local_port_range", "40000 40009");
	/* A socket that failed for another reason first: it must not be taken for that again. */
	refused += connect_to(reused, "127.0.0.1", CLOSED_PORT) == -ECONNREFUSED;
	assert_int_equal(refused, 1);
	for (int i = 0; i < 16; i++) {
		int error;

		held[i] = tcp_socket(&client);
		error = connect_to(held[i], "127.0.0.1", PORT);
		unavailable += error == -EADDRNOTAVAIL;
		other += error && error != -EADDRNOTAVAIL;
	}
	assert_int_equal(other, 0);
	assert_in_range(unavailable, 6, 16);
	unavailable += connect_to(reused, "127.0.0.1", PORT) == -EADDRNOTAVAIL;
	for (int i = 0; i < 16; i++)
		close_with_reset(held[i]);
	for (int i = 0; i < 20; i++) {
		int s = tcp_socket(&client);

		refused += connect_to(s, "127.0.0.1", CLOSED_PORT) == -ECONNREFUSED;
		close(s);
	}
	close(reused);
	close(listener);
	window = bench_window(&bench);
	assert_int_equal(counted(window, TS_FAMILY_TCP_CONNECT_FAILURES,
				 TS_LABELS(client.label, PORT_TEXT, "no-local-port")),
			 unavailable);
	assert_int_equal(counted(window, TS_FAMILY_TCP_CONNECT_FAILURES,
				 TS_LABELS(client.label, NULL, "not-established")),
			 refused);
	assert_int_equal(refused, 21);
}

/* connect() given up while SYNs go unanswered, by timeout and by close. */
static void test_unanswered(void **state)
{
	struct wire wire;
	int s = tcp_socket(&client), abandoned = tcp_socket(&client), ms = 300;
	const struct ts_window *window;
	__u64 retransmitted = counter_of(&client, "TcpExt", "TCPSynRetrans");

	wire_open(&wire, &client, &server, 1);
	wire.direction[0].lose_all = true;
	setsockopt(s, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
	fcntl(abandoned, F_SETFL, O_NONBLOCK);
	assert_int_equal(connect_to(abandoned, "10.9.0.2", PORT), -EINPROGRESS);
	assert_int_equal(connect_to(s, "10.9.0.2", PORT), -ETIMEDOUT);
	close(abandoned);
	close(s);
	window = bench_window(&bench);
	retransmitted = counter_of(&client, "TcpExt", "TCPSynRetrans") - retransmitted;
	wire_close(&wire);
	assert_true(retransmitted > 0);
	assert_int_equal(counted(window, TS_FAMILY_TCP_RETRANSMITS,
				 TS_LABELS(client.label, "outbound", PORT_TEXT, "syn")),
			 retransmitted);
	assert_int_equal(counted(window, TS_FAMILY_TCP_CONNECT_FAILURES,
				 TS_LABELS(client.label, PORT_TEXT, "not-established")),
			 2);
	assert_int_equal(counted(window, TS_FAMILY_TCP_CONNECT_FAILURES,
				 TS_LABELS(client.label, PORT_TEXT, "no-local-port")),
			 0);
}

/* Since 6.10 the tracepoint has a third argument, and fires without a socket, too (19822a980e19).
 */
static int refusals_are_told(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_type *type;
	int told;

	assert_non_null(btf);
	type = btf__type_by_id(btf, (__u32)btf__find_by_name_kind(btf, "btf_trace_tcp_send_reset",
								  BTF_KIND_TYPEDEF));
	assert_non_null(type);
	type = btf__type_by_id(btf, btf__type_by_id(btf, type->type)->type);
	told = btf_vlen(type) > 3; /* with the context */
	btf__free(btf);
	return told;
}

static void test_resets(void **state)
{
	const __u64 refused = 7, told = refusals_are_told() ? refused : 0;
	int listener = listen_on(&client, PORT, 128);
	__u64 sent = counter_of(&client, "Tcp", "OutRsts");
	__u64 aborted = counter_of(&client, "Tcp", "EstabResets");
	const struct ts_window *window;

	for (int i = 0; i < 30; i++) {
		int c = tcp_socket(&client), s;

		assert_int_equal(connect_to(c, "127.0.0.1", PORT), 0);
		s = accept(listener, NULL, NULL);
		close_with_reset(i % 3 ? c : s);
		close(i % 3 ? s : c);
	}
	for (__u64 i = 0; i < refused; i++) {
		int c = tcp_socket(&client);

		assert_int_equal(connect_to(c, "127.0.0.1", CLOSED_PORT), -ECONNREFUSED);
		close(c);
	}
	close(listener);
	window = bench_window(&bench);
	sent = counter_of(&client, "Tcp", "OutRsts") - sent;
	aborted = counter_of(&client, "Tcp", "EstabResets") - aborted;
	assert_int_equal(sent, 30 + refused);
	assert_int_equal(aborted, 60); /* both ends of thirty */
	assert_int_equal(
		counted(window, TS_FAMILY_TCP_RESETS, TS_LABELS(client.label, NULL, NULL, "sent")),
		30 + told);
	assert_int_equal(counted(window, TS_FAMILY_TCP_RESETS,
				 TS_LABELS(client.label, "service", PORT_TEXT, "sent")),
			 10);
	assert_int_equal(counted(window, TS_FAMILY_TCP_RESETS,
				 TS_LABELS(client.label, "outbound", PORT_TEXT, "sent")),
			 20);
	/* Nobody listens there: the ports are not told apart. */
	assert_int_equal(counted(window, TS_FAMILY_TCP_RESETS,
				 TS_LABELS(client.label, "service", "0", "sent")),
			 told);
	assert_int_equal(counted(window, TS_FAMILY_TCP_RESETS,
				 TS_LABELS(client.label, NULL, NULL, "received")),
			 sent);
}

struct pair {
	int client, server, listener;
};

static void open_pair(struct pair *pair)
{
	pair->listener = listen_on(&server, PORT, 128);
	pair->client = tcp_socket(&client);
	assert_int_equal(connect_to(pair->client, "10.9.0.2", PORT), 0);
	pair->server = accept(pair->listener, NULL, NULL);
	assert_true(pair->server >= 0);
}

static void close_pair(struct pair *pair)
{
	close(pair->client);
	close(pair->server);
	close(pair->listener);
}

/* Loses segments in ways that lead to each kind of recovery, and compares with nstat. */
static void test_retransmits(void **state)
{
	static const char *const names[] = {
		"RetransSegs",	 "TCPFastRetrans", "TCPSlowStartRetrans", "TCPSynRetrans",
		"TCPLossProbes", "TCPTimeouts",	   "TCPRetransFail"};
	__u64 before[7], delta[7], timeout, fast, probe, syn;
	const struct ts_window *window;
	struct pair pair;
	struct wire wire;

	wire_open(&wire, &client, &server, 5);
	for (size_t i = 0; i < 7; i++)
		before[i] = counter_of(&client, i ? "TcpExt" : "Tcp", names[i]);
	open_pair(&pair);
	send_all(pair.client, 200000);
	receive_exactly(pair.server, 200000);
	/* A hole with much behind it: fast retransmit. */
	wire.direction[0].lose_data = 3;
	send_all(pair.client, 400000);
	receive_exactly(pair.server, 400000);
	/* The last segment: tail-loss probe. */
	sleep_ms(50);
	wire.direction[0].lose_data = 1;
	send_all(pair.client, 1000);
	receive_exactly(pair.server, 1000);
	/* Nothing arrives for a while: timeout. */
	sleep_ms(50);
	wire.direction[0].lose_all = true;
	send_all(pair.client, 20000);
	sleep_ms(700);
	wire.direction[0].lose_all = false;
	receive_exactly(pair.server, 20000);
	window = bench_window(&bench);
	for (size_t i = 0; i < 7; i++)
		delta[i] = counter_of(&client, i ? "TcpExt" : "Tcp", names[i]) - before[i];
	wire_close(&wire);
	close_pair(&pair);

	timeout = counted(window, TS_FAMILY_TCP_RETRANSMITS,
			  TS_LABELS(client.label, "outbound", PORT_TEXT, "timeout"));
	fast = counted(window, TS_FAMILY_TCP_RETRANSMITS,
		       TS_LABELS(client.label, "outbound", PORT_TEXT, "fast"));
	probe = counted(window, TS_FAMILY_TCP_RETRANSMITS,
			TS_LABELS(client.label, "outbound", PORT_TEXT, "probe"));
	syn = counted(window, TS_FAMILY_TCP_RETRANSMITS,
		      TS_LABELS(client.label, "outbound", PORT_TEXT, "syn"));
	print_message("timeout %llu fast %llu probe %llu syn %llu; RetransSegs %llu FastRetrans "
		      "%llu SlowStartRetrans %llu SynRetrans %llu LossProbes %llu Timeouts %llu\n",
		      timeout, fast, probe, syn, delta[0], delta[1], delta[2], delta[3], delta[4],
		      delta[5]);
	assert_int_equal(delta[6], 0);
	assert_int_equal(timeout + fast + probe + syn, delta[0]);
	assert_int_equal(fast, delta[1]);
	assert_int_equal(syn, delta[3]);
	/* A probe sends new data instead where there is some. */
	assert_in_range(probe, 1, delta[4]);
	assert_in_range(fast, 1, 400);
	/* Those sent later in the recovery, and one for each time the timer ran out. */
	assert_in_range(timeout, delta[2] + delta[5], delta[2] + 10 * delta[5]);
	assert_true(timeout > 0);
}

/* The handshake's second packet gets lost. */
static void test_synack(void **state)
{
	__u64 retransmitted = counter_of(&server, "TcpExt", "TCPSynRetrans");
	int listener = listen_on(&server, PORT, 128), c = tcp_socket(&client);
	const struct ts_window *window;
	struct wire wire;

	wire_open(&wire, &client, &server, 1);
	wire.direction[1].lose_all = true;
	fcntl(c, F_SETFL, O_NONBLOCK);
	assert_int_equal(connect_to(c, "10.9.0.2", PORT), -EINPROGRESS);
	sleep_ms(1500);
	window = bench_window(&bench);
	retransmitted = counter_of(&server, "TcpExt", "TCPSynRetrans") - retransmitted;
	wire_close(&wire);
	close(c);
	close(listener);
	assert_true(retransmitted > 0);
	assert_int_equal(counted(window, TS_FAMILY_TCP_RETRANSMITS,
				 TS_LABELS(server.label, "service", PORT_TEXT, "synack")),
			 retransmitted);
}

static void test_round_trip_times(void **state)
{
	struct tcp_info info = {0};
	socklen_t length = sizeof info;
	const struct ts_window *window;
	struct ts_histogram *smoothed, *minimum;
	struct pair pair;
	struct wire wire;

	wire_open(&wire, &client, &server, 15);
	open_pair(&pair);
	for (int i = 0; i < 8; i++) {
		send_all(pair.client, 500);
		receive_exactly(pair.server, 500);
		send_all(pair.server, 500);
		receive_exactly(pair.client, 500);
	}
	sleep_ms(100);
	assert_int_equal(getsockopt(pair.client, IPPROTO_TCP, TCP_INFO, &info, &length), 0);
	close_with_reset(pair.client); /* so that no later sample changes it */
	sleep_ms(50);
	window = bench_window(&bench);
	close(pair.server);
	close(pair.listener);
	wire_close(&wire);
	smoothed = ts_window_histogram(window, TS_FAMILY_TCP_SMOOTHED_RTT,
				       TS_LABELS(client.label, "outbound", PORT_TEXT));
	minimum = ts_window_histogram(window, TS_FAMILY_TCP_MINIMUM_RTT,
				      TS_LABELS(client.label, "outbound", PORT_TEXT));
	assert_non_null(smoothed);
	assert_non_null(minimum);
	assert_int_equal(smoothed->sum, (__u64)info.tcpi_rtt * 1000);
	assert_int_equal(minimum->sum, (__u64)info.tcpi_min_rtt * 1000);
	assert_true(info.tcpi_min_rtt >= 30000);
}

/* More keys than slots: nothing disappears. */
static void test_overflow(void **state)
{
	enum { PORTS = 400 };
	const struct ts_window *window;

	for (unsigned int i = 0; i < PORTS; i++) {
		int c = tcp_socket(&client);

		assert_int_equal(connect_to(c, "127.0.0.1", 20000 + i), -ECONNREFUSED);
		close(c);
	}
	window = bench_window(&bench);
	/* In "other" may be some of the rest of the host's. */
	assert_in_range(counted(window, TS_FAMILY_TCP_CONNECT_FAILURES,
				TS_LABELS(client.label, NULL, "not-established")) +
				counted(window, TS_FAMILY_TCP_CONNECT_FAILURES,
					TS_LABELS("other", "other", "not-established")),
			PORTS, PORTS + 20);
	assert_true(ts_window_counter(window, TS_FAMILY_TCP_CONNECT_FAILURES,
				      TS_LABELS("other", "other", "not-established")) > 0);
	assert_int_equal(window->delta->family[TS_FAMILY_TCP_CONNECT_FAILURES].overflowed,
			 ts_window_counter(window, TS_FAMILY_TCP_CONNECT_FAILURES,
					   TS_LABELS("other", "other", "not-established")));
}

/* A program that is missing costs only what it measures. */
static void test_missing_program(void **state)
{
	static const char *const without[] = {"ts_tcp_rst_sent", NULL};
	const struct ts_window *window;
	const char *why;

	bench_close(&bench);
	ts_disabled_programs = without;
	bench_open(&bench, &ts_source_tcp);
	ts_disabled_programs = NULL;
	window = bench_window(&bench);
	ts_for_each_family (id) {
		if (ts_families[id].source != TS_SOURCE_TCP)
			continue;
		assert_int_equal(ts_window_status(window, id),
				 id == TS_FAMILY_TCP_RESETS ? TS_STATUS_DISABLED : TS_STATUS_OK);
	}
	why = ts_window_why(window, TS_FAMILY_TCP_RESETS);
	assert_non_null(strstr(why, "ts_tcp_rst_sent"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_connections),
		TEST(test_no_local_port),
		TEST(test_unanswered),
		TEST(test_resets),
		TEST(test_retransmits),
		TEST(test_synack),
		TEST(test_services_share_a_place),
		TEST(test_overflow),
		TEST(test_round_trip_times),
		TEST(test_missing_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
