// SPDX-License-Identifier: GPL-2.0-only
/*
 * Visits the TCP sockets of the namespace in which the iterator was opened, and writes one record
 * for each that is wanted. Nothing runs between two visits.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>
#include <tunescope/sockets.h>
#include <bpf/bpf_helpers.h>
#include "socket_record.bpf.h"

#define ADDRESS_FAMILY_IPV6 10

__u32 ts_sockets_wanted = TS_SOCKETS_OPEN;

static __always_inline bool is_open(__u8 state)
{
	return state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT;
}

static __always_inline bool is_wanted(const struct sock_common *sk)
{
	__u8 state = sk->skc_state;

	if (is_open(state))
		return true;
	return ts_sockets_wanted == TS_SOCKETS_ALL && sk->skc_num && state != TCP_LISTEN &&
	       state != TCP_NEW_SYN_RECV;
}

/*
 * A closed socket that waits for the other side to close is kept as a TIME_WAIT socket, too; its
 * substate tells the two apart.
 */
static __always_inline __u8 state_of(const struct sock_common *sk)
{
	if (sk->skc_state != TCP_TIME_WAIT)
		return sk->skc_state;
	return BPF_CORE_READ((const struct inet_timewait_sock *)sk, tw_substate);
}

/* Of a socket in FIN_WAIT_2. */
static __always_inline bool is_abandoned(struct sock_common *sk)
{
	const struct tcp_sock *tcp;

	if (sk->skc_state == TCP_TIME_WAIT)
		return true;
	tcp = bpf_skc_to_tcp_sock(sk);
	return tcp && !tcp->inet_conn.icsk_inet.sk.sk_socket;
}

SEC("iter/tcp")
int ts_sockets_visit(struct bpf_iter__tcp *ctx)
{
	struct sock_common *sk = ctx->sk_common;
	struct ts_socket_record record = {};
	const struct tcp_sock *tcp;

	if (!sk || !is_wanted(sk))
		return 0;
	record.identity = (__u64)sk;
	record.local_port = sk->skc_num;
	record.remote_port = bpf_ntohs(sk->skc_dport);
	record.state = state_of(sk);
	if (sk->skc_family == ADDRESS_FAMILY_IPV6) {
		record.ipv6 = 1;
		bpf_probe_read_kernel(record.remote_address, sizeof record.remote_address,
				      &sk->skc_v6_daddr);
		bpf_probe_read_kernel(record.local_address, sizeof record.local_address,
				      &sk->skc_v6_rcv_saddr);
	} else {
		__builtin_memcpy(record.remote_address, &sk->skc_daddr, sizeof sk->skc_daddr);
		__builtin_memcpy(record.local_address, &sk->skc_rcv_saddr,
				 sizeof sk->skc_rcv_saddr);
	}
	if (is_open(record.state)) {
		tcp = bpf_skc_to_tcp_sock(sk);
		if (tcp)
			fill_open(&record, tcp);
	}
	if (record.state == TCP_FIN_WAIT2)
		record.abandoned = is_abandoned(sk);
	bpf_seq_write(ctx->meta->seq, &record, sizeof record);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
