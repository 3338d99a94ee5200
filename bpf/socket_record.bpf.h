/* SPDX-License-Identifier: GPL-2.0-only */
/* What is written of a connection, when it is visited and when it ends. */
#ifndef TUNESCOPE_SOCKET_RECORD_BPF_H
#define TUNESCOPE_SOCKET_RECORD_BPF_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <tunescope/sockets.h>

#define SEND_BUFFER_LOCK    1 /* SOCK_SNDBUF_LOCK */
#define RECEIVE_BUFFER_LOCK 2 /* SOCK_RCVBUF_LOCK */

/*
 * The kernel adds up how long a connection was held up by what; the stretch that goes on has yet to
 * be added. Time held up counts as busy, too.
 */
static __always_inline void fill_times(struct ts_socket_progress *progress,
				       const struct tcp_sock *tcp)
{
	__u32 kind = BPF_CORE_READ_BITFIELD_PROBED(tcp, chrono_type);
	__u32 stretch = kind ? (__u32)bpf_jiffies64() - tcp->chrono_start : 0;

	progress->window_limited = tcp->chrono_stat[TCP_CHRONO_RWND_LIMITED - 1];
	progress->buffer_limited = tcp->chrono_stat[TCP_CHRONO_SNDBUF_LIMITED - 1];
	if (kind == TCP_CHRONO_RWND_LIMITED)
		progress->window_limited += stretch;
	if (kind == TCP_CHRONO_SNDBUF_LIMITED)
		progress->buffer_limited += stretch;
	progress->busy = tcp->chrono_stat[TCP_CHRONO_BUSY - 1] + progress->window_limited +
			 progress->buffer_limited;
	if (kind == TCP_CHRONO_BUSY)
		progress->busy += stretch;
}

static __always_inline void fill_progress(struct ts_socket_progress *progress,
					  const struct tcp_sock *tcp)
{
	progress->bytes_received = tcp->bytes_received;
	progress->bytes_acked = tcp->bytes_acked;
	progress->segments_received = tcp->data_segs_in;
	progress->segments_sent = tcp->data_segs_out;
	progress->retransmitted = tcp->total_retrans;
	if (bpf_core_field_exists(tcp->rcv_ooopack))
		progress->out_of_order = tcp->rcv_ooopack;
	fill_times(progress, tcp);
}

/* As in the link /proc/PID/fd/N: "socket:[inode]". */
static __always_inline __u32 inode_of(const struct sock *sk)
{
	const struct socket *socket = sk->sk_socket;
	const struct socket_alloc *file;
	unsigned long inode = 0;

	if (!socket)
		return 0;
	file = (const void *)socket - bpf_core_field_offset(struct socket_alloc, socket);
	bpf_core_read(&inode, sizeof inode, &file->vfs_inode.i_ino);
	return (__u32)inode;
}

#define NONBLOCKING 04000 /* O_NONBLOCK, but for alpha, mips, parisc and sparc */

static __always_inline bool is_nonblocking(const struct sock *sk)
{
	return (BPF_CORE_READ(sk, sk_socket, file, f_flags) & NONBLOCKING) != 0;
}

static __always_inline void fill_sending(struct ts_socket_record *record,
					 const struct tcp_sock *tcp)
{
	const struct inet_connection_sock *connection = &tcp->inet_conn;
	const struct tcp_congestion_ops *algorithm = connection->icsk_ca_ops;

	record->send_buffer = connection->icsk_inet.sk.sk_sndbuf;
	record->unsent = tcp->write_seq - tcp->snd_nxt;
	record->peer_window = tcp->snd_wnd;
	record->segment_size = tcp->mss_cache;
	record->in_flight = tcp->packets_out;
	record->congestion_window = tcp->snd_cwnd;
	record->slow_start_threshold = tcp->snd_ssthresh;
	record->timeout = connection->icsk_rto;
	record->rate_delivered = tcp->rate_delivered;
	record->rate_interval_us = tcp->rate_interval_us;
	record->outstanding = tcp->snd_nxt - tcp->snd_una;
	record->selective_acks = BPF_CORE_READ_BITFIELD_PROBED(tcp, rx_opt.sack_ok) != 0;
	record->congestion_state = BPF_CORE_READ_BITFIELD_PROBED(connection, icsk_ca_state);
	record->inode = inode_of(&connection->icsk_inet.sk);
	record->nonblocking = is_nonblocking(&connection->icsk_inet.sk);
	record->timeouts = connection->icsk_retransmits;
	record->backoff = connection->icsk_backoff;
	if (algorithm)
		bpf_core_read_str(record->congestion_control, sizeof record->congestion_control,
				  &algorithm->name);
}

/* Since 6.19 the keepalive timer is one of its own, and sk_timer that of retransmissions. */
struct inet_connection_sock___keepalive {
	struct timer_list icsk_keepalive_timer;
} __attribute__((preserve_access_index));

static __always_inline __u32 keepalive_expires(const struct tcp_sock *tcp)
{
	const struct inet_connection_sock___keepalive *own = (const void *)&tcp->inet_conn;

	if (bpf_core_field_exists(own->icsk_keepalive_timer))
		return BPF_CORE_READ(own, icsk_keepalive_timer.expires);
	return tcp->inet_conn.icsk_inet.sk.sk_timer.expires;
}

/* Which connection it is. One that has ended has given its local port back, but for inet_sport. */
static __always_inline void fill_identity(struct ts_socket_record *record, __u64 socket,
					  const struct tcp_sock *tcp)
{
	const struct inet_sock *inet = &tcp->inet_conn.icsk_inet;

	record->identity = socket;
	record->local_port = bpf_ntohs(inet->inet_sport);
	record->remote_port = bpf_ntohs(inet->sk.__sk_common.skc_dport);
}

static __always_inline void fill_open(struct ts_socket_record *record, const struct tcp_sock *tcp)
{
	const struct sock *sk = &tcp->inet_conn.icsk_inet.sk;
	/* A bit field of sock until 5.11, when it became a byte. */
	__u8 locks = BPF_CORE_READ_BITFIELD_PROBED(sk, sk_userlocks);

	record->open = 1;
	record->unread = tcp->rcv_nxt - tcp->copied_seq;
	record->window = tcp->rcv_wnd;
	record->buffer = sk->sk_rcvbuf;
	record->buffer_locked = (locks & RECEIVE_BUFFER_LOCK) != 0;
	record->send_buffer_locked = (locks & SEND_BUFFER_LOCK) != 0;
	record->window_scaling = BPF_CORE_READ_BITFIELD_PROBED(tcp, rx_opt.wscale_ok);
	record->receiver_rtt_us = tcp->rcv_rtt_est.rtt_us >> 3;
	record->smoothed_rtt_us = tcp->srtt_us >> 3;
	record->minimum_rtt_us = tcp->rtt_min.s[0].v;
	record->last_sent = tcp->lsndtime;
	record->last_received = tcp->inet_conn.icsk_ack.lrcvtime;
	record->last_heard = tcp->rcv_tstamp;
	record->exchanged = tcp->data_segs_in && tcp->data_segs_out;
	record->now = (__u32)bpf_jiffies64();
	/* Without branches: each would be verified with everything that follows. */
	record->keepalive = sk->__sk_common.skc_flags >> SOCK_KEEPOPEN & 1;
	record->keepalive_time = tcp->keepalive_time;
	record->keepalive_left = keepalive_expires(tcp) - record->now;
	fill_progress(&record->progress, tcp);
	fill_sending(record, tcp);
}

#endif
