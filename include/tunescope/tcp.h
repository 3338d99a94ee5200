/* SPDX-License-Identifier: GPL-2.0-only */
/* What bpf/tcp.bpf.c counts, and how user space finds it. */
#ifndef TUNESCOPE_TCP_H
#define TUNESCOPE_TCP_H

#include <tunescope/histogram.h>

/*
 * A key is a network namespace, a side and a port. Its slot is its place in a table of open
 * addressing until user space gives that to another (user/live/slots.h); a key that finds no place
 * within TS_TCP_PROBES steps counts in the slot after the last, "other".
 */
#define TS_TCP_SLOTS  256 /* a power of two */
#define TS_TCP_PROBES 16
#define TS_TCP_OTHER  TS_TCP_SLOTS

/* 0 is a free slot. */
#define TS_TCP_KEY(netns, outbound, port)                                              \
	(1ULL << 63 | (__u64)((outbound) ? 1 : 0) << 48 | (__u64)(__u16)(port) << 32 | \
	 (__u32)(netns))
#define TS_TCP_KEY_NETNS(key)	 ((__u32)(key))
#define TS_TCP_KEY_PORT(key)	 ((__u16)((key) >> 32))
#define TS_TCP_KEY_OUTBOUND(key) ((key) >> 48 & 1)

/* A reset answers a segment for which there is no socket, on a port nobody listens on. */
#define TS_TCP_PORT_CLOSED 0

enum ts_tcp_cause {
	TS_TCP_TIMEOUT,
	TS_TCP_FAST,
	TS_TCP_PROBE,
	TS_TCP_SYN,
	TS_TCP_SYNACK,
	TS_TCP_CAUSES,
};

enum ts_tcp_direction {
	TS_TCP_SENT,
	TS_TCP_RECEIVED,
	TS_TCP_DIRECTIONS,
};

enum ts_tcp_failure {
	TS_TCP_NO_LOCAL_PORT,
	TS_TCP_NOT_ESTABLISHED,
	TS_TCP_FAILURES,
};

/*
 * Per CPU and slot. Each member is written by one program only, and a program does not interrupt
 * itself on a CPU: plain increments lose nothing.
 */
struct ts_tcp_counters {
	__u64 retransmits[TS_TCP_CAUSES];
	__u64 resets[TS_TCP_DIRECTIONS];
	__u64 failures[TS_TCP_FAILURES];
	__u64 connections;
	__u64 exchanges;
	__u64 bytes[TS_TCP_DIRECTIONS];
	__u64 segments[TS_TCP_DIRECTIONS];
};

/* Per slot, shared by all CPUs: once in the life of a connection, atomic additions are cheap. */
enum ts_tcp_histogram {
	TS_TCP_CONNECT_LATENCY,
	TS_TCP_SMOOTHED_RTT,
	TS_TCP_MINIMUM_RTT,
	TS_TCP_SERVICE_TIME,
	TS_TCP_HISTOGRAMS,
};

/* Connects under way: small sets, found by the socket's address. */
#define TS_TCP_CONNECTS 8192 /* a power of two */
#define TS_TCP_WAYS	4    /* entries of a set */

struct ts_tcp_connect {
	__u64 socket; /* 0: free */
	__u64 started_ns;
	__u32 hash;  /* sk_txhash at the start */
	__u32 bound; /* a local port had been chosen by bind() */
};

/* Listening ports, kept by the kernel's events and put right by user space once a second. */
#define TS_TCP_LISTENING 4096

struct ts_tcp_listening_key {
	__u32 netns;
	__u32 port;
};

/*
 * Most sockets that end have a port nobody listens on, and most services are the only ones of their
 * port. So before that table there is a place for each port, shared with those a multiple of
 * TS_TCP_PLACES away: 0 when nobody listens on any of them; the only key there is, or was the
 * first; when it is another, the table knows.
 */
#define TS_TCP_PLACES		     4096 /* a power of two */
#define TS_TCP_PLACE(port)	     ((port) & (TS_TCP_PLACES - 1))
#define TS_TCP_ONLY_KEY(netns, port) ((__u64)(__u16)(port) << 32 | (__u32)(netns))
#define TS_TCP_ASK_TABLE	     (~0ULL)

/* Exchanges under way, and connections that had one: small sets, as above. */
#define TS_TCP_EXCHANGES 4096 /* a power of two */

struct ts_tcp_exchange {
	__u64 socket; /* 0: free */
	__u64 key;
	__u64 started_ns; /* of a request that waits for its reply; 0: it is not timed */
	__u32 sent;	  /* snd_nxt when the request came, or when the last reply did (outbound) */
	__u16 slot;
	__u8 untold;		    /* exchanges that are not in the counters yet */
	__u8 waiting : 1, skip : 7; /* a request is; so many more are not timed */
};

/* How many exchanges a CPU times. */
#define TS_TCP_PACES 64 /* a power of two; CPUs beyond share */

struct ts_tcp_pace {
	__u64 paid_ns; /* the time up to which timing is paid for */
	__u32 random;
} __attribute__((aligned(64)));

/* What all CPUs share; it is the whole of .bss. */
struct ts_tcp_shared {
	__u64 keys[TS_TCP_SLOTS];
	__u64 lost_connects;  /* connects not timed: their entry was overwritten */
	__u64 lost_listening; /* listening ports the table had no room for */
	__u64 lost_exchanges; /* exchanges not seen: their set was full of others under way */
	__u64 lost_ends;      /* connections that ended and whose last record found no room */
	struct ts_tcp_connect connects[TS_TCP_CONNECTS];
	struct ts_tcp_exchange exchanges[TS_TCP_EXCHANGES];
	/* Ticks, when their first data came; 0: not seen. Apart, as segments ask for the others. */
	__u64 begun[TS_TCP_EXCHANGES];
	struct ts_tcp_pace paces[TS_TCP_PACES];
};

#endif
