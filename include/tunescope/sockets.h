/* SPDX-License-Identifier: GPL-2.0-only */
/* What bpf/sockets.bpf.c writes about each TCP socket it visits. */
#ifndef TUNESCOPE_SOCKETS_H
#define TUNESCOPE_SOCKETS_H

#include <tunescope/types.h>

#define TS_SOCKET_ALGORITHM 16 /* TCP_CA_NAME_MAX */

/* Which sockets to write, set before each visit of a namespace. */
enum ts_sockets_wanted {
	TS_SOCKETS_OPEN = 1, /* established and close-wait */
	TS_SOCKETS_ALL = 2,  /* everything that holds a local port, TIME_WAIT included */
};

/* What a connection has counted since it began. Times are in ticks of the kernel's clock. */
struct ts_socket_progress {
	__u64 bytes_received, bytes_acked;
	__u32 segments_received, segments_sent; /* with data */
	__u32 out_of_order;			/* segments received that way; 0 before 5.5 */
	__u32 retransmitted;			/* segments */
	/* Time with data to send or on its way; of that, held up by the other side's window, and by
	 * the send buffer. */
	__u32 busy, window_limited, buffer_limited;
};

struct ts_socket_record {
	__u64 identity; /* address of the socket: the same as long as the connection lives */
	struct ts_socket_progress progress;
	__u8 remote_address[16], local_address[16]; /* IPv4 in the first four */
	char congestion_control[TS_SOCKET_ALGORITHM];
	__u16 local_port, remote_port;
	__u8 state;
	__u8 ipv6;
	__u8 open;		 /* the members below are filled in */
	__u8 buffer_locked;	 /* the application set SO_RCVBUF */
	__u8 send_buffer_locked; /* the application set SO_SNDBUF */
	__u8 window_scaling;	 /* both sides offered it */
	__u8 selective_acks;	 /* likewise */
	__u8 congestion_state;	 /* icsk_ca_state: 0 open … 4 loss */
	__u8 timeouts;		 /* in a row, without an answer */
	__u8 backoff;		 /* the timeout has been doubled so many times */
	__u8 abandoned;		 /* no program holds it any more; of sockets in FIN_WAIT_2 */
	__u8 nonblocking;	 /* the file of the socket: its program asks when it may write */
	__u32 unread;		 /* bytes received in order and not yet read */
	__u32 window;		 /* receive window */
	__u32 buffer;		 /* sk_rcvbuf */
	__u32 receiver_rtt_us;	 /* 0: no measurement */
	__u32 smoothed_rtt_us;	 /* 0: no measurement */
	__u32 minimum_rtt_us;	 /* ~0: no measurement */
	/* When data last went and came, in ticks of the kernel's clock; and anything at all. */
	__u32 last_sent, last_received, last_heard;
	__u32 exchanged; /* data did both */
	/* sending */
	__u32 send_buffer;			       /* sk_sndbuf */
	__u32 unsent;				       /* bytes written and not yet sent */
	__u32 peer_window;			       /* what the other side last offered */
	__u32 segment_size;			       /* of the largest payload */
	__u32 in_flight;			       /* segments sent and not yet acknowledged */
	__u32 congestion_window, slow_start_threshold; /* segments */
	__u32 timeout; /* retransmission timeout, in ticks of the kernel's clock */
	/* The last measurement of the delivery rate: segments, and over how long. */
	__u32 rate_delivered, rate_interval_us;
	__u32 outstanding; /* bytes sent and not yet acknowledged */
	__u32 now;	   /* the kernel's clock in its ticks */
	__u32 inode;	   /* of the socket's file; 0: it has none any more */
	/* Asked for; the application's own time before the first probe (0: the namespace's), and
	 * the time until the next one, in ticks. */
	__u32 keepalive, keepalive_time, keepalive_left;
};

/*
 * The last record of a connection that moved much (bpf/tcp.bpf.c), for those that end before they
 * are visited, or visited again.
 */
struct ts_socket_end {
	struct ts_socket_record socket;
	__u64 key; /* TS_TCP_KEY */
	__u64 ended_ns;
	/* Ticks from the first data received to the last, where the first was seen. */
	__u32 receiving, receiving_known;
};

/*
 * Open connections, so that those that move something can be looked at without a walk over the
 * kernel's table of all connections, which takes half a millisecond for each namespace
 * (bpf/tcp_looks.bpf.h). Small sets, found by the socket's address: a connection is put there when
 * it is established, or when it is visited, in place of one that ended or of one that rests.
 */
#define TS_SOCKETS_OPEN	 1024 /* a power of two */
#define TS_SOCKETS_WAYS	 4    /* entries of a set */
#define TS_SOCKETS_LOOKS 32   /* records of one part of a look; a power of two */
#define TS_SOCKET_COPY	 4096 /* struct tcp_sock is smaller */

struct ts_socket_open {
	__u64 socket; /* 0: free */
	__u64 key;    /* TS_TCP_KEY */
	/* Bytes both ways that it had moved when its last record was written, and at the last look.
	 */
	__u64 told, seen;
	__u32 begun; /* ticks, never 0; 0: not known */
	__u32 moves; /* its last record was written because it had moved something */
};

/* The record of a connection that moved something, or has just come to rest. */
struct ts_socket_look {
	struct ts_socket_record socket;
	__u64 key;   /* TS_TCP_KEY */
	__u64 moved; /* bytes both ways since its last record */
	__u32 age;   /* ticks; 0: not known */
	/* Until the look before it had moved nothing since its last record, if it had one. */
	__u32 settled;
};

/* A look goes on at next, which is TS_SOCKETS_OPEN when it is complete. */
struct ts_socket_looks {
	__u32 next, records;
	struct ts_socket_look record[TS_SOCKETS_LOOKS];
	struct ts_socket_open open[TS_SOCKETS_OPEN];
	__u64 copy[TS_SOCKET_COPY / 8]; /* of the socket that is looked at */
};

/* The upper bits of a product: those of the address that differ are in the middle. */
#define TS_SOCKET_HASH(low)   ((__u32)(low)*0x9e3779b9U >> 16)
#define TS_SOCKET_PLACE(hash) ((hash) & (TS_SOCKETS_OPEN - 1) & ~(TS_SOCKETS_WAYS - 1))

#define TS_SOCKET_ENDS_BYTES  65536  /* of the ring they are in: a multiple of every page size */
#define TS_SOCKET_END_LEAST   262144 /* bytes one way: some round trips with the smallest windows */

#endif
