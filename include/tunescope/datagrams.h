/* SPDX-License-Identifier: GPL-2.0-only */
/* What bpf/datagrams.bpf.c counts and writes about UDP and unix datagram sockets. */
#ifndef TUNESCOPE_DATAGRAMS_H
#define TUNESCOPE_DATAGRAMS_H

#include <tunescope/types.h>

/*
 * Datagrams dropped at full sockets, by network namespace: two that share a place only make
 * sockets be looked at that need not. As many places behind these are for datagrams that were
 * dropped for want of memory; Linux 6.18 does not tell of those.
 */
#define TS_DATAGRAM_PLACES 64

#define TS_DATAGRAM_NAME   56

struct ts_datagram_record {
	__u64 identity;	     /* address of the socket: the same as long as it lives */
	__u64 inode;	     /* as in /proc/PID/fd */
	__u32 drops;	     /* UDP, since it was made */
	__u32 queued;	     /* bytes that wait (UDP), or messages (unix) */
	__u32 limit;	     /* the most that may: sk_rcvbuf, or sk_max_ack_backlog */
	__u32 messages;	     /* that wait */
	__u32 message_bytes; /* memory the first of them takes */
	__u32 sender_buffer; /* unix: sk_sndbuf of who sent it; 0: not known */
	__u16 port;	     /* UDP: local */
	__u8 unix_socket;
	__u8 buffer_locked; /* the application set SO_RCVBUF */
	__u8 senders_wait;  /* unix: somebody waits for room */
	__u8 name_length;
	__u8 padding[2];
	char name[TS_DATAGRAM_NAME]; /* unix: its address; an abstract one begins with NUL */
};

#endif
