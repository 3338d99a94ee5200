/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The HTTP side of the exporter, a process of its own without any privilege. It asks the collector
 * for texts over a socket and hands them on; what is in them it does not know.
 */
#ifndef TUNESCOPE_HTTP_H
#define TUNESCOPE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

/*
 * Binds and listens: "host:port", "[v6]:port" or ":port" (all addresses, IPv6 and IPv4). The
 * descriptor, with the address in words in name; or a negative errno with the message printed,
 * -EINVAL when the text is not such an address. exposed: others than this host can reach it.
 */
int ts_http_listen(const char *address, char name[128], bool *exposed);

enum ts_http_question {
	TS_HTTP_OPENMETRICS, /* the text as application/openmetrics-text */
	TS_HTTP_PROMETHEUS,  /* the text as text/plain; version=0.0.4 */
	TS_HTTP_HEALTH,	     /* just an answer */
	TS_HTTP_QUESTIONS,
	TS_HTTP_END = TS_HTTP_QUESTIONS, /* from the collector: end, without a word */
};

#define TS_HTTP_CODES 8
/* What the server did, sent along with each question. */
struct ts_http_state {
	__u64 cpu_ns, rss_bytes;
	__u64 connections;
	__u64 cut_off;
	__u32 code[TS_HTTP_CODES]; /* status codes in the order they first came up; 0: no more */
	__u64 requests[TS_HTTP_CODES];
};

/* Both go over a SOCK_SEQPACKET socket as they are: it is one program on one host. */
struct ts_http_request {
	__u32 question;
	__u64 generation; /* of the text the server still has; 0: none */
	struct ts_http_state state;
};
struct ts_http_reply {
	__u32 question;
	__u32 failed;	  /* there is no text */
	__u64 generation; /* when it is another than the server has, a descriptor comes along */
	__u64 length;	  /* of the text in it */
};

/* Sends a reply; descriptor: a file with the text, or -1. 0 or a negative errno. Never waits. */
int ts_http_send_reply(int collector, const struct ts_http_reply *reply, int descriptor);

/*
 * Serves until the collector closes its end of the socket; asks TS_HTTP_HEALTH when it is ready.
 * Returns an exit code: 0 after TS_HTTP_END, otherwise 3 with a message.
 */
int ts_http_serve(int listener, int collector);

/* For tests: which question a client's Accept header stands for, and whether it takes gzip. */
enum ts_http_question ts_http_accepted(const char *accept);
bool ts_http_takes_gzip(const char *accept_encoding);

#endif
