// SPDX-License-Identifier: GPL-2.0-only
#include "http_clients.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "clock.h"
#include "http_library.h"

#define CONNECTIONS_MAX 1000
#define OTHER_FILES	32
#define CROWDED(limit)	((limit) / 4 * 3) /* from so many on the oldest idle ones have to go */

/* A scraper comes again within two minutes; what a request or an answer takes is far below. */
static const __u64 patience_ns[TS_HTTP_PHASES] = {
	[TS_HTTP_FRESH] = 10000000000ULL,
	[TS_HTTP_WAITING] = 60000000000ULL,
	[TS_HTTP_SENDING] = 30000000000ULL,
	[TS_HTTP_IDLE] = 130000000000ULL,
};

struct ts_http_client {
	struct MHD_Connection *connection;
	enum ts_http_phase phase;
	__u64 since_ns;
	bool cut_off;
	struct ts_http_client *previous, *next; /* by since_ns, oldest first */
};

struct ts_http_clients {
	struct ts_http_client *first, *last;
	unsigned int count, limit;
	__u64 cut_off;
};

unsigned int ts_http_clients_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files))
		return CONNECTIONS_MAX / 2;
	if (files.rlim_cur < CONNECTIONS_MAX + OTHER_FILES) {
		files.rlim_cur = files.rlim_max < CONNECTIONS_MAX + OTHER_FILES
					 ? files.rlim_max
					 : CONNECTIONS_MAX + OTHER_FILES;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (files.rlim_cur >= CONNECTIONS_MAX + OTHER_FILES)
		return CONNECTIONS_MAX;
	return files.rlim_cur > 2 * OTHER_FILES ? (unsigned int)files.rlim_cur - OTHER_FILES
						: OTHER_FILES;
}

struct ts_http_clients *ts_http_clients_new(unsigned int limit)
{
	struct ts_http_clients *clients = calloc(1, sizeof *clients);

	if (clients)
		clients->limit = limit;
	return clients;
}

void ts_http_clients_free(struct ts_http_clients *clients)
{
	while (clients && clients->first)
		ts_http_client_gone(clients, clients->first);
	free(clients);
}

static void take_out(struct ts_http_clients *clients, struct ts_http_client *client)
{
	*(client->previous ? &client->previous->next : &clients->first) = client->next;
	*(client->next ? &client->next->previous : &clients->last) = client->previous;
}

static void put_last(struct ts_http_clients *clients, struct ts_http_client *client,
		     enum ts_http_phase phase)
{
	client->phase = phase;
	client->since_ns = ts_clock_ns(CLOCK_MONOTONIC);
	client->previous = clients->last;
	client->next = NULL;
	*(clients->last ? &clients->last->next : &clients->first) = client;
	clients->last = client;
}

static void cut_off(struct ts_http_clients *clients, struct ts_http_client *client)
{
	const union MHD_ConnectionInfo *info =
		ts_mhd.get_connection_info(client->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	if (client->cut_off || !info)
		return;
	/* libmicrohttpd sees the end of the connection and closes it. */
	client->cut_off = true;
	clients->cut_off += client->phase != TS_HTTP_IDLE;
	shutdown(info->connect_fd, SHUT_RDWR);
}

/* Room for those who come: the oldest that has not sent a request goes. */
static void make_room(struct ts_http_clients *clients)
{
	struct ts_http_client *client;

	if (clients->count < CROWDED(clients->limit))
		return;
	for (client = clients->first; client; client = client->next) {
		if ((client->phase != TS_HTTP_FRESH && client->phase != TS_HTTP_IDLE) ||
		    client->cut_off)
			continue;
		cut_off(clients, client);
		return;
	}
}

struct ts_http_client *ts_http_client_new(struct ts_http_clients *clients,
					  struct MHD_Connection *connection)
{
	struct ts_http_client *client = calloc(1, sizeof *client);

	if (!client) /* then libmicrohttpd alone decides how long it stays */
		return NULL;
	make_room(clients);
	client->connection = connection;
	put_last(clients, client, TS_HTTP_FRESH);
	clients->count++;
	return client;
}

void ts_http_client_enter(struct ts_http_clients *clients, struct MHD_Connection *connection,
			  enum ts_http_phase phase)
{
	const union MHD_ConnectionInfo *info =
		ts_mhd.get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct ts_http_client *client = info ? info->socket_context : NULL;

	if (!client)
		return;
	take_out(clients, client);
	put_last(clients, client, phase);
}

void ts_http_client_gone(struct ts_http_clients *clients, struct ts_http_client *client)
{
	if (!client)
		return;
	take_out(clients, client);
	clients->count--;
	free(client);
}

void ts_http_clients_cut_off(struct ts_http_clients *clients, __u64 now_ns)
{
	for (struct ts_http_client *client = clients->first; client; client = client->next)
		if (client->since_ns + patience_ns[client->phase] <= now_ns)
			cut_off(clients, client);
}

bool ts_http_clients_any(const struct ts_http_clients *clients)
{
	return clients->count > 0;
}

void ts_http_clients_count(const struct ts_http_clients *clients, __u64 *open, __u64 *cut)
{
	*open = clients->count;
	*cut = clients->cut_off;
}
