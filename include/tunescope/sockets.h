/* SPDX-License-Identifier: GPL-2.0-only */
/* What bpf/sockets.bpf.c writes about each TCP socket it visits. */
#ifndef TUNESCOPE_SOCKETS_H
#define TUNESCOPE_SOCKETS_H

#include <tunescope/types.h>

/* Which sockets to write, set before each visit of a namespace. */
enum ts_sockets_wanted {
	TS_SOCKETS_OPEN = 1, /* established and close-wait */
	TS_SOCKETS_ALL = 2,  /* everything that holds a local port, TIME_WAIT included */
};

struct ts_socket_record {
	__u64 identity; /* address of the socket: the same as long as the connection lives */
	__u64 bytes_received;
	__u8 remote_address[16]; /* IPv4 in the first four */
	__u16 local_port, remote_port;
	__u8 state;
	__u8 ipv6;
	__u8 buffer_locked;    /* the application set SO_RCVBUF */
	__u8 open;	       /* the members below are filled in */
	__u32 unread;	       /* bytes received in order and not yet read */
	__u32 window;	       /* receive window */
	__u32 buffer;	       /* sk_rcvbuf */
	__u32 receiver_rtt_us; /* 0: no measurement */
	__u32 smoothed_rtt_us; /* 0: no measurement */
	__u32 minimum_rtt_us;  /* ~0: no measurement */
	/* When data last went and came, in ticks of the kernel's clock. */
	__u32 last_sent, last_received;
	__u32 exchanged; /* data did both */
};

#endif
