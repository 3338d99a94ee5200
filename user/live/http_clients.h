/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The connections of the HTTP server, and for how long they may do nothing. A client that sends
 * its request a byte at a time, or never, or does not read its answer, loses the connection; with
 * many of them it loses it sooner.
 */
#ifndef TUNESCOPE_HTTP_CLIENTS_H
#define TUNESCOPE_HTTP_CLIENTS_H

#include <stdbool.h>
#include <linux/types.h>

struct MHD_Connection;
struct ts_http_clients;
struct ts_http_client;

/* Connections this process may have at once; raises its limit of open files where it may. */
unsigned int ts_http_clients_limit(void);

struct ts_http_clients *ts_http_clients_new(unsigned int limit); /* NULL: no memory */
void ts_http_clients_free(struct ts_http_clients *clients);

enum ts_http_phase {
	TS_HTTP_FRESH,	 /* connected, and no request has come yet */
	TS_HTTP_WAITING, /* for the collector: the server sees to that itself */
	TS_HTTP_SENDING, /* an answer is on its way */
	TS_HTTP_IDLE,	 /* kept open for the next request */
	TS_HTTP_PHASES,
};

struct ts_http_client *ts_http_client_new(struct ts_http_clients *clients,
					  struct MHD_Connection *connection);
void ts_http_client_enter(struct ts_http_clients *clients, struct MHD_Connection *connection,
			  enum ts_http_phase phase);
void ts_http_client_gone(struct ts_http_clients *clients, struct ts_http_client *client);

/* Ends the connections whose time is up. */
void ts_http_clients_cut_off(struct ts_http_clients *clients, __u64 now_ns);

bool ts_http_clients_any(const struct ts_http_clients *clients);
void ts_http_clients_count(const struct ts_http_clients *clients, __u64 *open, __u64 *cut_off);

#endif
