// SPDX-License-Identifier: GPL-2.0-only
/*
 * TCP: retransmits by cause, connect latency and failures, resets, totals and round-trip times of
 * connections when they end, and how long exchanges take (tcp_exchange.bpf.h), which is all that
 * runs per segment. Of the state changes only the first and the last of a connection do any work.
 *
 * The totals are read when a connection becomes CLOSE, not in tcp_destroy_sock: a close with
 * SO_LINGER 0 clears them in between, and it saves a hook.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>
#include <tunescope/tcp.h>
#include "atomic.bpf.h"
#include "core.bpf.h"
#include "socket_record.bpf.h"

#define TIMER_LOSS_PROBE 5 /* ICSK_TIME_LOSS_PROBE */
#define RTT_UNKNOWN	 (~0U)
#define MAXIMUM_TRIES	 16

/* Since 6.17 tcp_retransmit_skb also tells of attempts that failed, with their error. */
const volatile bool ts_tcp_retransmit_has_error = false;
/* A tick of the kernel's clock. */
const volatile __u64 ts_tcp_jiffy_ns = 0;
/* Connections that moved so many bytes one way leave a last record. */
const volatile __u64 ts_tcp_end_least = ~0ULL;

struct ts_tcp_shared ts_tcp_shared;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, TS_TCP_SLOTS + 1); /* times possible CPUs, set before loading */
	__type(key, __u32);
	__type(value, struct ts_tcp_counters);
} ts_tcp_totals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, (TS_TCP_SLOTS + 1) * TS_TCP_HISTOGRAMS);
	__type(key, __u32);
	__type(value, struct ts_histogram_keyed);
} ts_tcp_times SEC(".maps");

/* Value: when it was entered, so that user space does not remove what is newer than its list. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TS_TCP_LISTENING);
	__type(key, struct ts_tcp_listening_key);
	__type(value, __u64);
} ts_tcp_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TS_TCP_PLACES);
	__type(key, __u32);
	__type(value, __u64);
} ts_tcp_places SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, TS_SOCKET_ENDS_BYTES);
} ts_socket_ends SEC(".maps");

static __always_inline __u32 netns_of(const struct sock *sk)
{
	/*
	 * Not sk->…->ns.inum: for every pointer followed from a trusted one the verifier searches
	 * all of the kernel's BTF, several milliseconds of start-up a program for 30 ns saved per
	 * event.
	 */
	return BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
}

/*
 * The same for a socket that is known to be TCP's: the verifier does not trust what it was cast to,
 * so it searches nothing, and following it costs what a load does.
 */
static __always_inline __u32 netns_of_tcp(const struct tcp_sock *tcp)
{
	return tcp->inet_conn.icsk_inet.sk.__sk_common.skc_net.net->ns.inum;
}

/* Not static: the verifier goes through it once for each program, not once for each path to it. */
__noinline int ts_tcp_listens(__u32 netns, __u32 port)
{
	struct ts_tcp_listening_key key = {.netns = netns, .port = port};
	__u32 place = TS_TCP_PLACE(port);
	__u64 *only = bpf_map_lookup_elem(&ts_tcp_places, &place);

	if (only && !*only)
		return false;
	if (only && *only == TS_TCP_ONLY_KEY(netns, port))
		return true;
	return bpf_map_lookup_elem(&ts_tcp_ports, &key) != NULL;
}

static __always_inline bool listening(__u32 netns, __u16 port)
{
	return ts_tcp_listens(netns, port);
}

/* Not static, as above. */
__noinline __u32 ts_tcp_slot_of_key(__u64 key)
{
	/*
	 * Namespaces of containers are numbered at even distances: one multiplication would crowd
	 * them.
	 */
	__u64 hash = key * 0x9e3779b97f4a7c15ULL;

	hash = (hash ^ hash >> 31) * 0xbf58476d1ce4e5b9ULL >> 56;

	/* To the end: the places of others that have been given back leave gaps before its own. */
	for (__u32 i = 0; i < TS_TCP_PROBES; i++) {
		__u32 slot = (hash + i) & (TS_TCP_SLOTS - 1);

		if (ts_tcp_shared.keys[slot] == key)
			return slot;
	}
	for (__u32 i = 0; i < TS_TCP_PROBES; i++) {
		__u32 slot = (hash + i) & (TS_TCP_SLOTS - 1);
		__u64 found = ts_tcp_shared.keys[slot];

		if (!found)
			found = ts_compare_and_swap(&ts_tcp_shared.keys[slot], 0, key, slot);
		if (ts_is_busy(found))
			break;
		if (!found || found == key)
			return slot;
	}
	return TS_TCP_OTHER;
}

/* A connection belongs to the local port when that is a service's, else to the remote port. */
static __always_inline __u64 key_of_ports(__u32 netns, __u16 local, __u16 remote)
{
	bool outbound = !listening(netns, local);

	return TS_TCP_KEY(netns, outbound, outbound ? remote : local);
}

/*
 * A socket that has become CLOSE has given its local port back and skc_num reads 0, while
 * inet_sport stays. Sockets in TIME_WAIT and requests have skc_num only.
 */
static __always_inline __u64 key_of_socket(const struct sock *sk)
{
	__u16 local = sk->__sk_common.skc_num;
	const struct tcp_sock *tcp;

	if (!local) {
		tcp = bpf_skc_to_tcp_sock((void *)sk);
		if (tcp)
			local = bpf_ntohs(tcp->inet_conn.icsk_inet.inet_sport);
	}
	return key_of_ports(netns_of(sk), local, bpf_ntohs(sk->__sk_common.skc_dport));
}

static __always_inline __u32 slot_of_socket(const struct sock *sk)
{
	return ts_tcp_slot_of_key(key_of_socket(sk));
}

static __always_inline struct ts_tcp_counters *totals_of(__u32 slot)
{
	__u32 index = bpf_get_smp_processor_id() * (TS_TCP_SLOTS + 1) + slot;

	return bpf_map_lookup_elem(&ts_tcp_totals, &index);
}

/* Not static, as above. */
__noinline int ts_tcp_record(__u32 slot, __u32 which, __u64 ns)
{
	__u32 index = slot * TS_TCP_HISTOGRAMS + which;
	struct ts_histogram_keyed *histogram = bpf_map_lookup_elem(&ts_tcp_times, &index);
	__u32 bucket = ts_histogram_slot_keyed(ts_histogram_slot_ns(ns));
	__u64 maximum;

	if (!histogram || bucket >= TS_HISTOGRAM_SLOTS_KEYED)
		return 0;
	__sync_fetch_and_add(&histogram->slot[bucket], 1);
	__sync_fetch_and_add(&histogram->sum, ns);
	maximum = histogram->max;
	for (int i = 0; i < MAXIMUM_TRIES && ns > maximum; i++) {
		__u64 found = ts_compare_and_swap(&histogram->max, maximum, ns, slot);

		if (found == maximum || ts_is_busy(found))
			break;
		maximum = found;
	}
	return 0;
}

/* The verifier does no arithmetic on a kernel pointer, but hands out its lower half as a number. */
static __always_inline __u32 hash_of(const struct sock *sk)
{
	__u32 low;

	asm("%0 = %1" : "=w"(low) : "w"((__u32)(unsigned long)sk));
	return TS_SOCKET_HASH(low);
}

#include "tcp_exchange.bpf.h"
#include "tcp_looks.bpf.h"

/* ---- retransmits */

static __always_inline enum ts_tcp_cause cause_of(const struct sock *sk, const struct tcp_sock *tcp)
{
	const struct inet_connection_sock *connection = &tcp->inet_conn;
	__u8 state = BPF_CORE_READ_BITFIELD(connection, icsk_ca_state);

	if (sk->__sk_common.skc_state == TCP_SYN_SENT)
		return TS_TCP_SYN;
	if (state == TCP_CA_Loss)
		return TS_TCP_TIMEOUT;
	/* The probe timer may still be armed when duplicate acknowledgements start a recovery. */
	if (state != TCP_CA_Recovery && connection->icsk_pending == TIMER_LOSS_PROBE)
		return TS_TCP_PROBE;
	return TS_TCP_FAST;
}

/* A buffer may carry several segments; TcpRetransSegs counts them all, and so do we. */
static __always_inline __u64 segments_of(const struct sk_buff *skb)
{
	__u16 segments = 0;

	bpf_probe_read_kernel(&segments, sizeof segments,
			      (const char *)skb->cb +
				      bpf_core_field_offset(struct tcp_skb_cb, tcp_gso_segs));
	return segments ? segments : 1;
}

SEC("tp_btf/tcp_retransmit_skb")
int ts_tcp_rexmit(__u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];
	const struct sk_buff *skb = (const struct sk_buff *)ctx[1];
	struct ts_tcp_counters *totals;
	const struct tcp_sock *tcp;
	enum ts_tcp_cause cause;

	if (!sk || !skb || (ts_tcp_retransmit_has_error && (int)ctx[2]))
		return 0;
	tcp = bpf_skc_to_tcp_sock(sk);
	if (!tcp)
		return 0;
	totals = totals_of(slot_of_socket(sk));
	if (!totals)
		return 0;
	cause = cause_of(sk, tcp);
	if (cause < TS_TCP_CAUSES)
		totals->retransmits[cause] += segments_of(skb);
	return 0;
}

SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(ts_tcp_synack, const struct sock *sk, const struct request_sock *request)
{
	struct ts_tcp_counters *totals;

	if (!sk)
		return 0;
	/* Not slot_of_socket: with fast open, sk is the child and not the listener. */
	totals = totals_of(
		ts_tcp_slot_of_key(TS_TCP_KEY(netns_of(sk), false, sk->__sk_common.skc_num)));
	if (totals)
		totals->retransmits[TS_TCP_SYNACK]++;
	return 0;
}

/* ---- connect */

static __always_inline __u32 place_of(const struct sock *sk)
{
	return hash_of(sk) & (TS_TCP_CONNECTS - 1) & ~(TS_TCP_WAYS - 1);
}

/* The entry of a socket in its set; NULL when it has none. */
static __always_inline struct ts_tcp_connect *find_connect(const struct sock *sk)
{
	__u32 place = place_of(sk);

	for (__u32 way = 0; way < TS_TCP_WAYS; way++) {
		struct ts_tcp_connect *entry =
			&ts_tcp_shared.connects[(place + way) & (TS_TCP_CONNECTS - 1)];

		if (entry->socket == (__u64)sk)
			return entry;
	}
	return NULL;
}

/* A free entry of the set, or the one that has been waiting for longest. */
static __always_inline struct ts_tcp_connect *take_connect(const struct sock *sk)
{
	__u32 place = place_of(sk), oldest = place;

	for (__u32 way = 0; way < TS_TCP_WAYS; way++) {
		__u32 i = (place + way) & (TS_TCP_CONNECTS - 1);
		struct ts_tcp_connect *entry = &ts_tcp_shared.connects[i];

		if (!entry->socket || entry->socket == (__u64)sk)
			return entry;
		if (entry->started_ns <
		    ts_tcp_shared.connects[oldest & (TS_TCP_CONNECTS - 1)].started_ns)
			oldest = i;
	}
	__sync_fetch_and_add(&ts_tcp_shared.lost_connects, 1);
	return &ts_tcp_shared.connects[oldest & (TS_TCP_CONNECTS - 1)];
}

static __always_inline void connect_started(const struct sock *sk)
{
	struct ts_tcp_connect *entry = take_connect(sk);

	entry->socket = (__u64)sk;
	entry->hash = sk->sk_txhash;
	entry->bound = sk->__sk_common.skc_num;
	entry->started_ns = bpf_ktime_get_ns();
}

/*
 * connect() sets SYN_SENT first and looks for a local port then; when there is none it goes back to
 * CLOSE. By the time of that event the local port reads 0 after every failure. What tells them
 * apart: right after a port was found, and never before, the socket gets a new (random, non-zero)
 * sk_txhash.
 */
static __always_inline enum ts_tcp_failure failure_of(const struct sock *sk,
						      const struct ts_tcp_connect *entry)
{
	if (entry && !entry->bound && entry->hash == sk->sk_txhash)
		return TS_TCP_NO_LOCAL_PORT;
	return TS_TCP_NOT_ESTABLISHED;
}

/*
 * The kernel has read the clock when it began with the segment that made the connection: a
 * microsecond ago.
 */
static __always_inline __u64 connect_latency(const struct tcp_sock *tcp,
					     const struct ts_tcp_connect *entry)
{
	__u64 now = tcp->tcp_clock_cache;

	if (now < entry->started_ns)
		now = bpf_ktime_get_ns();
	return now - entry->started_ns;
}

static __always_inline void connect_ended(const struct sock *sk, const struct tcp_sock *tcp,
					  int state)
{
	struct ts_tcp_connect *entry = find_connect(sk);
	struct ts_tcp_counters *totals;
	enum ts_tcp_failure failure;
	__u64 latency = 0, key;
	__u32 slot;

	key = TS_TCP_KEY(netns_of_tcp(tcp), true, bpf_ntohs(sk->__sk_common.skc_dport));
	slot = ts_tcp_slot_of_key(key);
	failure = failure_of(sk, entry);
	if (entry) {
		latency = connect_latency(tcp, entry);
		entry->socket = 0;
	}
	if (state == TCP_ESTABLISHED) {
		note_open(sk, key);
		if (entry)
			ts_tcp_record(slot, TS_TCP_CONNECT_LATENCY, latency);
		return;
	}
	totals = totals_of(slot);
	if (state == TCP_CLOSE && totals && failure < TS_TCP_FAILURES)
		totals->failures[failure]++;
}

/* ---- the end of a connection */

/*
 * How long the one exchange of a connection took: from its request to the last data of the reply,
 * as the socket remembers when data last came and went, to a tick of the kernel's clock. Only when
 * all that was asked is one segment: of several, the last may be something else than a request, and
 * what is sent last no reply (TLS says goodbye in data, long after the last reply).
 */
static __always_inline void exchange_ended(const struct tcp_sock *tcp, __u32 slot, bool outbound)
{
	__s32 ticks = tcp->lsndtime - tcp->inet_conn.icsk_ack.lrcvtime;
	__u32 asked = outbound ? tcp->data_segs_out : tcp->data_segs_in;
	__u32 answered = outbound ? tcp->data_segs_in : tcp->data_segs_out;

	if (outbound)
		ticks = -ticks;
	if (ticks >= 0 && asked == 1 && answered)
		ts_tcp_record(slot, TS_TCP_SERVICE_TIME, ticks * ts_tcp_jiffy_ns);
}

/*
 * All that visits would have found is still there, but what the application had left unread before
 * it knew that this is the end. Nobody is woken: user space looks when it is up anyway.
 */
static __noinline void leave_record(const struct sock *sk, const struct tcp_sock *tcp, __u64 key,
				    __u64 begun)
{
	struct ts_socket_end *end = bpf_ringbuf_reserve(&ts_socket_ends, sizeof *end, 0);

	if (!end) {
		__sync_fetch_and_add(&ts_tcp_shared.lost_ends, 1);
		return;
	}
	__builtin_memset(end, 0, sizeof *end);
	end->key = key;
	end->ended_ns = bpf_ktime_get_ns();
	fill_identity(&end->socket, (__u64)sk, tcp);
	end->socket.state = TCP_CLOSE;
	fill_open(&end->socket, tcp);
	end->receiving = end->socket.last_received - (__u32)begun;
	end->receiving_known = begun != 0;
	bpf_ringbuf_submit(end, BPF_RB_NO_WAKEUP);
}

static __always_inline void connection_ended(const struct sock *sk, const struct tcp_sock *tcp,
					     __u64 begun)
{
	struct ts_tcp_counters *totals;
	__u64 sent, received, key;
	__u32 slot;

	key = key_of_ports(netns_of_tcp(tcp), bpf_ntohs(tcp->inet_conn.icsk_inet.inet_sport),
			   bpf_ntohs(sk->__sk_common.skc_dport));
	slot = ts_tcp_slot_of_key(key);
	totals = totals_of(slot);
	if (!totals)
		return;

	/*
	 * SYN and FIN take a sequence number each, and the kernel counts them with the bytes.
	 * Never more was acknowledged than was sent for the first time; a FIN received sets
	 * SOCK_DONE.
	 */
	sent = tcp->bytes_sent - tcp->bytes_retrans;
	if (sent > tcp->bytes_acked)
		sent = tcp->bytes_acked;
	received = tcp->bytes_received;
	if (received && sk->__sk_common.skc_flags & 1UL << SOCK_DONE)
		received--;

	totals->connections++;
	totals->bytes[TS_TCP_SENT] += sent;
	totals->bytes[TS_TCP_RECEIVED] += received;
	totals->segments[TS_TCP_SENT] += tcp->segs_out;
	totals->segments[TS_TCP_RECEIVED] += tcp->segs_in;
	if (tcp->srtt_us)
		ts_tcp_record(slot, TS_TCP_SMOOTHED_RTT, (__u64)(tcp->srtt_us >> 3) * 1000);
	if (tcp->rtt_min.s[0].v != RTT_UNKNOWN)
		ts_tcp_record(slot, TS_TCP_MINIMUM_RTT, (__u64)tcp->rtt_min.s[0].v * 1000);
	if (!ts_tcp_segments)
		exchange_ended(tcp, slot, TS_TCP_KEY_OUTBOUND(key));
	if (sent >= ts_tcp_end_least || received >= ts_tcp_end_least)
		leave_record(sk, tcp, key, begun);
}

static __always_inline void listener_appeared(const struct sock *sk, const struct tcp_sock *tcp)
{
	struct ts_tcp_listening_key key = {
		.netns = netns_of_tcp(tcp),
		.port = sk->__sk_common.skc_num,
	};
	__u64 now = bpf_ktime_get_ns(), *only;
	__u32 place = TS_TCP_PLACE(key.port);

	if (bpf_map_update_elem(&ts_tcp_ports, &key, &now, BPF_ANY)) {
		__sync_fetch_and_add(&ts_tcp_shared.lost_listening, 1);
		return;
	}
	only = bpf_map_lookup_elem(&ts_tcp_places, &place);
	if (only && !*only)
		*only = TS_TCP_ONLY_KEY(key.netns, key.port);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(ts_tcp_state, struct sock *sk, int before, int after)
{
	const struct tcp_sock *tcp;
	__u64 begun = 0;

	/* Every transition comes by here: let those in between go at once. */
	if (before != TCP_SYN_SENT && after != TCP_CLOSE && after != TCP_SYN_SENT &&
	    after != TCP_LISTEN && after != TCP_ESTABLISHED &&
	    !(ts_tcp_segments && ends_here(after)))
		return 0;
	tcp = sk ? bpf_skc_to_tcp_sock(sk) : NULL;
	if (!tcp)
		return 0; /* of another protocol */
	if (ts_tcp_segments && ends_here(after)) {
		begun = exchange_state(sk, tcp, after);
		if (after != TCP_CLOSE)
			return 0;
	}
	if (before == TCP_SYN_SENT)
		connect_ended(sk, tcp, after);
	else if (after == TCP_SYN_SENT)
		connect_started(sk);
	else if (after == TCP_ESTABLISHED)
		note_open(sk, TS_TCP_KEY(netns_of_tcp(tcp), false, sk->__sk_common.skc_num));
	else if (after == TCP_LISTEN)
		listener_appeared(sk, tcp);
	else if (before != TCP_LISTEN && before != TCP_SYN_RECV && before != TCP_NEW_SYN_RECV &&
		 before != TCP_CLOSE)
		connection_ended(sk, tcp, begun);
	return 0;
}

/* ---- resets */

/*
 * No socket to blame: the sender spoke to a port on which nothing listens (any more). Only a port
 * that is a service is named, so that a port scan does not use up the slots.
 */
static __always_inline __u32 slot_of_packet(const struct sk_buff *skb)
{
	const void *header = skb->head + skb->transport_header;
	const struct net_device *dev;
	__u16 port = 0;
	__u32 netns;

	dev = BPF_CORE_READ(skb, dev); /* see netns_of */
	if (!dev)
		return TS_TCP_OTHER;
	netns = BPF_CORE_READ(dev, nd_net.net, ns.inum);
	bpf_probe_read_kernel(&port, sizeof port,
			      header + bpf_core_field_offset(struct tcphdr, dest));
	port = bpf_ntohs(port);
	if (!listening(netns, port))
		port = TS_TCP_PORT_CLOSED;
	return ts_tcp_slot_of_key(TS_TCP_KEY(netns, false, port));
}

static __always_inline void count_reset(__u32 slot, enum ts_tcp_direction direction)
{
	struct ts_tcp_counters *totals = totals_of(slot);

	if (totals)
		totals->resets[direction]++;
}

/* Only what full sockets, TIME_WAIT and requests have in common is read: sk may be any of them. */
SEC("tp_btf/tcp_send_reset")
int BPF_PROG(ts_tcp_rst_sent, const struct sock *sk, const struct sk_buff *skb)
{
	if (sk)
		count_reset(slot_of_socket(sk), TS_TCP_SENT);
	else if (skb)
		count_reset(slot_of_packet(skb), TS_TCP_SENT);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(ts_tcp_rst_got, struct sock *sk)
{
	if (sk)
		count_reset(slot_of_socket(sk), TS_TCP_RECEIVED);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
