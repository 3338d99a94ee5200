// SPDX-License-Identifier: GPL-2.0-only
/* TCP over the loopback of a network namespace of its own, client and server on one CPU. */
#include "bench.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGE_BYTES	    64
#define PORT		    7777
#define TURNS_BETWEEN_LOOKS 16

static struct sockaddr_in address;
static int connection = -1;
static char message[MESSAGE_BYTES];

static int write_text(const char *path, const char *text)
{
	int file = open(path, O_WRONLY | O_CLOEXEC), written = -1;

	if (file < 0)
		return -1;
	written = write(file, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
	close(file);
	return written;
}

static int raise_loopback(void)
{
	int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), result;
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};

	if (any < 0)
		return -1;
	result = ioctl(any, SIOCSIFFLAGS, &request);
	close(any);
	return result;
}

/* A namespace with a listening socket; returns it, or -1. */
static int listen_in_namespace(void)
{
	int listener;

	if (unshare(CLONE_NEWNET) || raise_loopback())
		return -1;
	address = (struct sockaddr_in){.sin_family = AF_INET,
				       .sin_port = htons(PORT),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) ||
	    listen(listener, 128))
		return -1;
	return listener;
}

static int connect_once(void)
{
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (client < 0)
		return -1;
	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(client, (struct sockaddr *)&address, sizeof address)) {
		close(client);
		return -1;
	}
	return client;
}

static void echo(int listener)
{
	int client = accept(listener, NULL, NULL), one = 1;
	char text[MESSAGE_BYTES];

	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	while (recv(client, text, sizeof text, MSG_WAITALL) == sizeof text &&
	       send(client, text, sizeof text, MSG_NOSIGNAL) == sizeof text)
		;
}

static void hang_up(int listener)
{
	for (;;) {
		int client = accept(listener, NULL, NULL);

		if (client < 0)
			return;
		close(client);
	}
}

static const char *start_server(void (*serve)(int))
{
	int listener = listen_in_namespace();
	pid_t server;

	if (listener < 0)
		return "cannot set up a network namespace with a listening socket";
	server = fork();
	if (server < 0)
		return "cannot fork";
	if (!server) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(listener);
		_exit(0);
	}
	close(listener);
	return NULL;
}

static const char *setup_segment(int cpu)
{
	const char *problem = start_server(echo);

	if (problem)
		return problem;
	connection = connect_once();
	return connection < 0 ? "cannot connect over loopback" : NULL;
}

/* No TIME_WAIT, or the ports would be used up within seconds. */
static const char *setup_connection(int cpu)
{
	const char *problem = start_server(hang_up);

	if (problem)
		return problem;
	if (write_text("/proc/sys/net/ipv4/tcp_max_tw_buckets", "0"))
		return "cannot set net.ipv4.tcp_max_tw_buckets in a network namespace";
	return NULL;
}

/* Segments this namespace has sent (Tcp: OutSegs); on loopback each is received, too. */
static __u64 segments(void)
{
	unsigned long long out = 0;
	char line[512];
	FILE *file = fopen("/proc/self/net/snmp", "re");

	while (file && fgets(line, sizeof line, file))
		if (sscanf(line, "Tcp: %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %llu", &out) == 1)
			break;
	if (file)
		fclose(file);
	return out;
}

static struct bench_window run_segment(__u64 ns)
{
	__u64 before = segments(), start = bench_now(), now;

	do {
		for (int i = 0; i < TURNS_BETWEEN_LOOKS; i++)
			if (send(connection, message, sizeof message, MSG_NOSIGNAL) !=
				    sizeof message ||
			    recv(connection, message, sizeof message, MSG_WAITALL) !=
				    sizeof message)
				return (struct bench_window){0};
		now = bench_now();
	} while (now - start < ns);
	return (struct bench_window){now - start, segments() - before};
}

static struct bench_window run_connection(__u64 ns)
{
	__u64 start = bench_now(), now, connections = 0;

	do {
		for (int i = 0; i < TURNS_BETWEEN_LOOKS; i++) {
			int client = connect_once();

			/* Until the server has hung up: one connection at a time. */
			if (client < 0 || read(client, message, 1))
				return (struct bench_window){0};
			close(client);
			connections++;
		}
		now = bench_now();
	} while (now - start < ns);
	return (struct bench_window){now - start, connections};
}

const struct bench_workload bench_workload_segment = {
	.name = "tcp",
	.what = "requests and responses of 64 bytes over loopback",
	.event = "TCP segment",
	.setup = setup_segment,
	.run = run_segment,
};

const struct bench_workload bench_workload_connection = {
	.name = "tcp connections",
	.what = "connect, accept and close over loopback, one at a time",
	.event = "TCP connection",
	.setup = setup_connection,
	.run = run_connection,
};
