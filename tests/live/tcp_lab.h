/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the live TCP tests: network namespaces of their own, a wire between two of them that delays
 * and loses packets as told, the counters of a namespace as the kernel keeps them, and one source
 * of tunescope run by itself. Everything here dies with the test program.
 */
#ifndef TUNESCOPE_TEST_TCP_LAB_H
#define TUNESCOPE_TEST_TCP_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/tcp.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "../../user/core/histogram.h"
#include "../../user/core/window.h"
#include "../../user/live/netns.h"
#include "../../user/live/source.h"

#define UNUSED __attribute__((unused))

UNUSED static __u64 clock_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__u64)now.tv_sec * 1000000000ULL + (__u64)now.tv_nsec;
}

UNUSED static void sleep_ms(unsigned int ms)
{
	struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000};

	while (nanosleep(&time, &time) && errno == EINTR)
		;
}

/* ---- namespaces: each is held by a child that dies with this process */

struct space {
	pid_t holder;
	int descriptor;
	char label[24];
};

static int home_space = -1;

UNUSED static void bring_up(const char *interface, const char *address, const char *mask)
{
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {0};
	struct sockaddr_in *in = (void *)&request.ifr_addr;

	assert_true(s >= 0);
	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
	in->sin_family = AF_INET;
	if (address) {
		inet_pton(AF_INET, address, &in->sin_addr);
		assert_int_equal(ioctl(s, SIOCSIFADDR, &request), 0);
		inet_pton(AF_INET, mask, &in->sin_addr);
		assert_int_equal(ioctl(s, SIOCSIFNETMASK, &request), 0);
	}
	assert_int_equal(ioctl(s, SIOCGIFFLAGS, &request), 0);
	request.ifr_flags |= IFF_UP | IFF_RUNNING;
	assert_int_equal(ioctl(s, SIOCSIFFLAGS, &request), 0);
	close(s);
}

UNUSED static void enter(const struct space *space)
{
	assert_int_equal(setns(space->descriptor, CLONE_NEWNET), 0);
}

UNUSED static void go_home(void)
{
	assert_int_equal(setns(home_space, CLONE_NEWNET), 0);
}

UNUSED static void make_space(struct space *space)
{
	int ready[2];
	char path[64], byte;
	struct stat status;

	if (home_space < 0)
		home_space = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_int_equal(pipe(ready), 0);
	space->holder = fork();
	if (!space->holder) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET))
			_exit(1);
		if (write(ready[1], "r", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	snprintf(path, sizeof path, "/proc/%d/ns/net", (int)space->holder);
	space->descriptor = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(space->descriptor >= 0);
	assert_int_equal(fstat(space->descriptor, &status), 0);
	snprintf(space->label, sizeof space->label, "%llu", (unsigned long long)status.st_ino);
	enter(space);
	bring_up("lo", NULL, NULL);
	go_home();
}

UNUSED static void drop_space(struct space *space)
{
	kill(space->holder, SIGKILL);
	waitpid(space->holder, NULL, 0);
	close(space->descriptor);
}

UNUSED static void set_in_space(const struct space *space, const char *path, const char *value)
{
	int file;

	enter(space);
	file = open(path, O_WRONLY | O_CLOEXEC);
	go_home();
	assert_true(file >= 0);
	assert_int_equal(write(file, value, strlen(value)), strlen(value));
	close(file);
}

/* A counter of /proc/net/snmp or netstat: "Tcp", "RetransSegs" or "TcpExt", "ListenDrops". */
UNUSED static __u64 counter_of(const struct space *space, const char *group, const char *name)
{
	static const char *const files[] = {"/proc/thread-self/net/snmp",
					    "/proc/thread-self/net/netstat"};
	static char names[16384], values[16384];
	bool found = false;
	__u64 value = 0;

	enter(space);
	for (size_t f = 0; f < 2 && !found; f++) {
		FILE *file = fopen(files[f], "re");

		assert_non_null(file);
		while (!found && fgets(names, sizeof names, file) &&
		       fgets(values, sizeof values, file)) {
			char *rest_n, *rest_v;
			char *n = strtok_r(names, " \n", &rest_n);
			char *v = strtok_r(values, " \n", &rest_v);

			if (strncmp(n, group, strlen(group)) || n[strlen(group)] != ':')
				continue;
			while ((n = strtok_r(NULL, " \n", &rest_n)) &&
			       (v = strtok_r(NULL, " \n", &rest_v)) && !found) {
				found = !strcmp(n, name);
				value = strtoull(v, NULL, 10);
				if (found)
					break;
			}
		}
		fclose(file);
	}
	go_home();
	assert_true(found);
	return value;
}

/* ---- sockets; made inside the namespace, usable from anywhere afterwards */

UNUSED static struct sockaddr_in address_of(const char *address, unsigned int port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((__u16)port)};

	inet_pton(AF_INET, address, &in.sin_addr);
	return in;
}

UNUSED static int tcp_socket(const struct space *space)
{
	int s;

	enter(space);
	s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	go_home();
	assert_true(s >= 0);
	return s;
}

UNUSED static int listen_with(const struct space *space, unsigned int port, int backlog, int option)
{
	struct sockaddr_in in = address_of("0.0.0.0", port);
	int s = tcp_socket(space), on = 1;

	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (option)
		assert_int_equal(setsockopt(s, SOL_SOCKET, option, &on, sizeof on), 0);
	assert_int_equal(bind(s, (void *)&in, sizeof in), 0);
	assert_int_equal(listen(s, backlog), 0);
	return s;
}

UNUSED static int listen_on(const struct space *space, unsigned int port, int backlog)
{
	return listen_with(space, port, backlog, 0);
}

/* 0 or a negative errno. */
UNUSED static int connect_to(int s, const char *address, unsigned int port)
{
	struct sockaddr_in in = address_of(address, port);

	return connect(s, (void *)&in, sizeof in) ? -errno : 0;
}

UNUSED static void close_with_reset(int s)
{
	struct linger linger = {.l_onoff = 1};

	setsockopt(s, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
	close(s);
}

UNUSED static void send_all(int s, size_t bytes)
{
	static const char zeros[16384];

	while (bytes) {
		ssize_t n =
			send(s, zeros, bytes < sizeof zeros ? bytes : sizeof zeros, MSG_NOSIGNAL);

		assert_true(n > 0);
		bytes -= (size_t)n;
	}
}

UNUSED static void receive_exactly(int s, size_t bytes)
{
	static char buffer[65536];

	while (bytes) {
		ssize_t n = recv(s, buffer, bytes < sizeof buffer ? bytes : sizeof buffer, 0);

		assert_true(n > 0);
		bytes -= (size_t)n;
	}
}

/* Until the end of the stream; returns the bytes. */
UNUSED static size_t receive_all(int s)
{
	static char buffer[65536];
	size_t bytes = 0;
	ssize_t n;

	while ((n = recv(s, buffer, sizeof buffer, 0)) > 0)
		bytes += (size_t)n;
	return bytes;
}

/* ---- a source by itself */

struct bench {
	struct ts_live live;
	struct ts_netns_table netns;
	const struct ts_source *source;
	void *state;
	struct ts_snapshot *first;
	struct ts_window window;
};

UNUSED static int print_nothing(enum libbpf_print_level level, const char *format, va_list list)
{
	return 0;
}

UNUSED static struct ts_snapshot *take(struct bench *bench)
{
	struct ts_snapshot *snapshot = ts_snapshot_new();

	snapshot->monotonic_ns = clock_now_ns();
	snapshot->host.boot_id = "test";
	ts_netns_refresh(&bench->netns, "/proc");
	bench->source->snapshot(&bench->live, bench->state, snapshot);
	return snapshot;
}

UNUSED static void bench_open(struct bench *bench, const struct ts_source *source)
{
	enum ts_status status = TS_STATUS_OK;
	char why[256] = "";

	libbpf_set_print(print_nothing);
	*bench = (struct bench){
		.live = {.btf_path = "/sys/kernel/btf/vmlinux", .proc = "/proc", .sys = "/sys"},
		.source = source,
	};
	bench->live.netns = &bench->netns;
	bench->live.kernel_btf = btf__parse(bench->live.btf_path, NULL);
	assert_non_null(bench->live.kernel_btf);
	assert_int_equal(ts_netns_open(&bench->netns), 0);
	ts_netns_refresh(&bench->netns, "/proc");
	if (source->open(&bench->live, &bench->state, &status, why))
		fail_msg("the source does not open: %s", why);
	btf__free((struct btf *)bench->live.kernel_btf);
	bench->live.kernel_btf = NULL;
	bench->first = take(bench);
}

/* At the usual pace: a source that has just sampled may skip a tick that comes too early. */
UNUSED static void bench_tick(struct bench *bench)
{
	sleep_ms(100);
	bench->source->tick(&bench->live, bench->state, clock_now_ns());
}

/* The window from the first snapshot to now; may be called again. */
UNUSED static const struct ts_window *bench_window(struct bench *bench)
{
	struct ts_snapshot *now = take(bench);

	ts_window_free(&bench->window);
	assert_int_equal(ts_window_make(bench->first, now, &bench->window), 0);
	ts_snapshot_free(now);
	return &bench->window;
}

UNUSED static void bench_close(struct bench *bench)
{
	ts_window_free(&bench->window);
	ts_snapshot_free(bench->first);
	bench->source->close(bench->state);
	ts_netns_close(&bench->netns);
}

/* ---- a wire between two namespaces: 10.9.0.1 (the first) and 10.9.0.2 (the second) */

#define WIRE_PACKETS 4096

struct wire_packet {
	__u64 due_ns;
	int length;
	unsigned char data[2048];
};

struct wire_direction {
	int in, out;
	struct wire_packet *queue;
	size_t head, count;
	volatile bool lose_all;
	volatile int lose_data; /* so many of the next packets that carry data */
};

struct wire {
	struct wire_direction direction[2]; /* from the first, from the second */
	__u64 delay_ns;			    /* one way */
	pthread_t thread;
	volatile bool stop;
};

static int open_tun(const struct space *space, const char *address)
{
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI, .ifr_name = "tcptest0"};
	int tun;

	enter(space);
	tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	assert_true(tun >= 0);
	assert_int_equal(ioctl(tun, TUNSETIFF, &request), 0);
	bring_up("tcptest0", address, "255.255.255.0");
	go_home();
	return tun;
}

static bool carries_data(const unsigned char *packet, int length)
{
	int ip = (packet[0] & 15) * 4;

	return packet[0] >> 4 == 4 && packet[9] == IPPROTO_TCP && length > ip + 20 &&
	       length > ip + (packet[ip + 12] >> 4) * 4;
}

static void wire_read(struct wire *wire, struct wire_direction *d)
{
	while (d->count < WIRE_PACKETS) {
		struct wire_packet *packet = &d->queue[(d->head + d->count) % WIRE_PACKETS];

		packet->length = (int)read(d->in, packet->data, sizeof packet->data);
		if (packet->length <= 0)
			return;
		if (d->lose_all)
			continue;
		if (d->lose_data && carries_data(packet->data, packet->length)) {
			d->lose_data--;
			continue;
		}
		packet->due_ns = clock_now_ns() + wire->delay_ns;
		d->count++;
	}
}

static void wire_write(struct wire_direction *d)
{
	__u64 now = clock_now_ns();

	while (d->count && d->queue[d->head].due_ns <= now) {
		const struct wire_packet *packet = &d->queue[d->head];

		if (write(d->out, packet->data, (size_t)packet->length) < 0 && errno == EAGAIN)
			return;
		d->head = (d->head + 1) % WIRE_PACKETS;
		d->count--;
	}
}

static void *wire_run(void *argument)
{
	struct wire *wire = argument;

	prctl(PR_SET_TIMERSLACK, 1000);
	while (!wire->stop) {
		struct pollfd ready[2] = {{wire->direction[0].in, POLLIN, 0},
					  {wire->direction[1].in, POLLIN, 0}};
		bool waiting = wire->direction[0].count || wire->direction[1].count;
		struct timespec time = {0, waiting ? 200000 : 10000000};

		ppoll(ready, 2, &time, NULL);
		for (int i = 0; i < 2; i++) {
			wire_read(wire, &wire->direction[i]);
			wire_write(&wire->direction[i]);
		}
	}
	return NULL;
}

UNUSED static void wire_open(struct wire *wire, const struct space *first,
			     const struct space *second, unsigned int delay_ms)
{
	int a = open_tun(first, "10.9.0.1"), b = open_tun(second, "10.9.0.2");

	*wire = (struct wire){.delay_ns = delay_ms * 1000000ULL};
	wire->direction[0].in = wire->direction[1].out = a;
	wire->direction[0].out = wire->direction[1].in = b;
	for (int i = 0; i < 2; i++) {
		wire->direction[i].queue = calloc(WIRE_PACKETS, sizeof(struct wire_packet));
		assert_non_null(wire->direction[i].queue);
	}
	assert_int_equal(pthread_create(&wire->thread, NULL, wire_run, wire), 0);
}

UNUSED static void wire_close(struct wire *wire)
{
	wire->stop = true;
	pthread_join(wire->thread, NULL);
	for (int i = 0; i < 2; i++) {
		close(wire->direction[i].in);
		free(wire->direction[i].queue);
	}
}

#endif
