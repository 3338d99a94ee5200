/* SPDX-License-Identifier: GPL-2.0-only */
/* Connections from one namespace to another, bounded in several ways. */
#ifndef TUNESCOPE_TCP_TRANSFER_H
#define TUNESCOPE_TCP_TRANSFER_H

#include "tcp_lab.h"

static struct space client, server;

/* A connection that sends as fast as it may, and a reader at a given pace. */
struct transfer {
	unsigned int port;
	int receive_buffer;    /* SO_RCVBUF; 0: left alone */
	size_t bytes_per_tick; /* what is read each 10 ms; 0: everything */
	size_t sent_per_tick;  /* likewise; 0: as much as goes */
	const char *limit;     /* what it should be found to be bounded by */
	int listener, from, to;
	volatile bool stop;
	pthread_t sender, reader;
};

static void *send_run(void *argument)
{
	struct transfer *t = argument;
	static const char zeros[65536];

	while (!t->stop) {
		if (send(t->from, zeros, t->sent_per_tick ? t->sent_per_tick : sizeof zeros,
			 MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			sleep_ms(1);
		if (t->sent_per_tick)
			sleep_ms(10);
	}
	return NULL;
}

static void *read_run(void *argument)
{
	struct transfer *t = argument;
	char *buffer = malloc(1 << 20);
	ssize_t n = 1;

	while (n > 0) {
		n = recv(t->to, buffer, t->bytes_per_tick ? t->bytes_per_tick : 1 << 20, 0);
		if (t->bytes_per_tick)
			sleep_ms(10);
		if (t->stop)
			break;
	}
	free(buffer);
	return NULL;
}

static void transfer_start(struct transfer *t)
{
	t->listener = tcp_socket(&server);
	if (t->receive_buffer)
		setsockopt(t->listener, SOL_SOCKET, SO_RCVBUF, &t->receive_buffer,
			   sizeof t->receive_buffer);
	struct sockaddr_in in = address_of("0.0.0.0", t->port);
	assert_int_equal(bind(t->listener, (void *)&in, sizeof in), 0);
	assert_int_equal(listen(t->listener, 8), 0);
	t->from = tcp_socket(&client);
	assert_int_equal(connect_to(t->from, "10.9.0.2", t->port), 0);
	t->to = accept(t->listener, NULL, NULL);
	assert_true(t->to >= 0);
	assert_int_equal(pthread_create(&t->sender, NULL, send_run, t), 0);
	assert_int_equal(pthread_create(&t->reader, NULL, read_run, t), 0);
}

static void transfer_stop(struct transfer *t)
{
	t->stop = true;
	pthread_join(t->sender, NULL);
	close_with_reset(t->from);
	shutdown(t->to, SHUT_RD);
	pthread_join(t->reader, NULL);
	close(t->to);
	close(t->listener);
}

#endif
