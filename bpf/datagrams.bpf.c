// SPDX-License-Identifier: GPL-2.0-only
/*
 * UDP: where datagrams are dropped at full sockets is counted when it happens; which sockets those
 * are, and how full, is then read by an iterator. Unix datagram sockets tell nobody when they are
 * full: those with messages waiting are listed by an iterator.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>
#include <tunescope/datagrams.h>
#include <bpf/bpf_helpers.h>

#define RECEIVE_BUFFER_LOCK 2	   /* SOCK_RCVBUF_LOCK */
#define DATAGRAM	    2	   /* SOCK_DGRAM */
#define NO_MEMORY	    (-105) /* -ENOBUFS: udp_mem, or no memory at all */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2 * TS_DATAGRAM_PLACES);
	__type(key, __u32);
	__type(value, __u64);
} ts_datagram_drops SEC(".maps");

SEC("tp_btf/udp_fail_queue_rcv_skb")
int BPF_PROG(ts_udp_dropped, int error, const struct sock *sk)
{
	__u32 place = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum) % TS_DATAGRAM_PLACES;
	__u64 *drops;

	place += error == NO_MEMORY ? TS_DATAGRAM_PLACES : 0;
	drops = bpf_map_lookup_elem(&ts_datagram_drops, &place);
	if (drops)
		__sync_fetch_and_add(drops, 1);
	return 0;
}

/* Since 6.18 UDP sockets count in a place of their own, for two groups of NUMA nodes. */
struct numa_drop_counters___618 {
	atomic_t drops0;
	atomic_t drops1;
} __attribute__((preserve_access_index));
struct sock___618 {
	struct numa_drop_counters___618 *sk_drop_counters;
} __attribute__((preserve_access_index));

static __always_inline __u32 drops_of(const struct sock *sk)
{
	const struct sock___618 *newer = (const void *)sk;
	const struct numa_drop_counters___618 *counters;

	if (bpf_core_field_exists(newer->sk_drop_counters)) {
		counters = BPF_CORE_READ(newer, sk_drop_counters);
		if (counters)
			return BPF_CORE_READ(counters, drops0.counter) +
			       BPF_CORE_READ(counters, drops1.counter);
	}
	return sk->sk_drops.counter;
}

static __always_inline __u64 inode_of(const struct sock *sk)
{
	const struct socket *socket = BPF_CORE_READ(sk, sk_socket);

	return socket ? BPF_CORE_READ((const struct socket_alloc *)socket, vfs_inode.i_ino) : 0;
}

SEC("?iter/udp")
int ts_udp_visit(struct bpf_iter__udp *ctx)
{
	struct ts_datagram_record record = {};
	const struct udp_sock *udp = ctx->udp_sk;
	const struct sock *sk;

	if (!udp)
		return 0;
	sk = &udp->inet.sk;
	record.drops = drops_of(sk);
	record.queued = sk->sk_backlog.rmem_alloc.counter;
	if (!record.drops && !record.queued)
		return 0;
	record.identity = (__u64)udp;
	record.inode = inode_of(sk);
	record.port = sk->__sk_common.skc_num;
	record.limit = sk->sk_rcvbuf;
	record.messages = sk->sk_receive_queue.qlen + udp->reader_queue.qlen;
	/* A bit field of sock until 5.11, when it became a byte. */
	record.buffer_locked =
		(BPF_CORE_READ_BITFIELD_PROBED(sk, sk_userlocks) & RECEIVE_BUFFER_LOCK) != 0;
	bpf_seq_write(ctx->meta->seq, &record, sizeof record);
	return 0;
}

static __always_inline void read_name(struct ts_datagram_record *record,
				      const struct unix_address *address)
{
	const struct sockaddr_un *name;
	int length;

	if (!address)
		return;
	length = BPF_CORE_READ(address, len) - (int)sizeof(__kernel_sa_family_t);
	if (length <= 0)
		return;
	if (length > TS_DATAGRAM_NAME)
		length = TS_DATAGRAM_NAME;
	name = (const void *)((const char *)address +
			      bpf_core_field_offset(struct unix_address, name));
	bpf_probe_read_kernel(record->name, TS_DATAGRAM_NAME,
			      (const char *)name + sizeof(__kernel_sa_family_t));
	record->name_length = length;
}

SEC("?iter/unix")
int ts_unix_visit(struct bpf_iter__unix *ctx)
{
	struct ts_datagram_record record = {.unix_socket = 1};
	const struct unix_sock *unix = ctx->unix_sk;
	const struct sk_buff *first;
	const struct sock *sk, *sender = NULL;

	if (!unix)
		return 0;
	sk = &unix->sk;
	if (sk->sk_type != DATAGRAM || !sk->sk_receive_queue.qlen)
		return 0;
	record.identity = (__u64)unix;
	record.inode = inode_of(sk);
	record.queued = record.messages = sk->sk_receive_queue.qlen;
	record.limit = sk->sk_max_ack_backlog;
	/* Under the queue's lock or not: a message that is just being taken is only misread. */
	first = BPF_CORE_READ(sk, sk_receive_queue.next);
	if (first && (const void *)first != (const void *)&sk->sk_receive_queue) {
		sender = BPF_CORE_READ(first, sk);
		record.message_bytes = BPF_CORE_READ(first, truesize);
		record.sender_buffer = BPF_CORE_READ(sender, sk_sndbuf);
	}
	/* Two sockets connected to each other: only the sender's buffer bounds their messages. */
	if (!sender || sender == BPF_CORE_READ(unix, peer))
		return 0;
	record.senders_wait =
		(const void *)BPF_CORE_READ(unix, peer_wq.wait.head.next) !=
		(const void *)unix + bpf_core_field_offset(struct unix_sock, peer_wq.wait.head);
	read_name(&record, BPF_CORE_READ(unix, addr));
	bpf_seq_write(ctx->meta->seq, &record, sizeof record);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
