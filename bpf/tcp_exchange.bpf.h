/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exchanges: from the first data of a request to the first data of its reply. A part of tcp.bpf.c.
 *
 * Only what arrives is looked at (tcp_probe, which runs before the kernel deals with the segment
 * and what it acknowledges); what was sent is read from what the socket keeps: tcp_wstamp_ns is
 * when it last sent anything, and what is not acknowledged yet has its own time. So the clock is
 * read once an exchange, and on a busy CPU only for some of them: the others are only counted.
 */
#define TREE_DEPTH 16 /* steps to the first of the unacknowledged segments, at most */
#define FIN	   1  /* TCPHDR_FIN */
#define STALE_NS   60000000000ULL
#define CPUS_MASK  (TS_TCP_PACES - 1)

#define TIMED_NS   200000ULL
#define BURST_NS   20000000ULL
#define SKIP_SHIFT 28 /* 32 - 28 bits: 0 to 15 are left out */

const volatile bool ts_tcp_segments = false; /* this program is going to be attached */

static __always_inline __u32 exchange_place_of(const struct sock *sk)
{
	return hash_of(sk) & (TS_TCP_EXCHANGES - 1) & ~(TS_TCP_WAYS - 1);
}

static __always_inline struct ts_tcp_exchange *find_exchange(const struct sock *sk)
{
	__u32 place = exchange_place_of(sk);

	for (__u32 way = 0; way < TS_TCP_WAYS; way++) {
		struct ts_tcp_exchange *entry =
			&ts_tcp_shared.exchanges[(place + way) & (TS_TCP_EXCHANGES - 1)];

		if (entry->socket == (__u64)sk)
			return entry;
	}
	return NULL;
}

/*
 * A free entry of those from place on, or one of a connection that waits for nothing; beyond the
 * last when there is none. Not static: the verifier goes through it once for each program.
 */
__noinline __u32 ts_tcp_take_exchange(__u32 place)
{
	__u32 idle = TS_TCP_EXCHANGES;

	for (__u32 way = 0; way < TS_TCP_WAYS; way++) {
		__u32 index = (place + way) & (TS_TCP_EXCHANGES - 1);
		struct ts_tcp_exchange *entry = &ts_tcp_shared.exchanges[index];

		if (!entry->socket)
			return index;
		if (!entry->waiting || entry->started_ns + STALE_NS < bpf_ktime_get_ns())
			idle = index;
	}
	if (idle == TS_TCP_EXCHANGES)
		__sync_fetch_and_add(&ts_tcp_shared.lost_exchanges, 1);
	return idle;
}

/*
 * The time now, or 0 when this exchange is not one of those that are timed. A CPU may time BURST_NS
 * / TIMED_NS of them at once and one each TIMED_NS in the long run; beyond that up to 15 of the
 * connection, 7.5 on average, are left out after each.
 */
static __always_inline __u64 time_of_some(struct ts_tcp_exchange *entry)
{
	struct ts_tcp_pace *pace;
	__u64 now;

	if (entry->skip) {
		entry->skip--;
		return 0;
	}
	pace = &ts_tcp_shared.paces[bpf_get_smp_processor_id() & CPUS_MASK];
	now = bpf_ktime_get_ns();
	if (pace->paid_ns + BURST_NS < now)
		pace->paid_ns = now - BURST_NS;
	pace->paid_ns += TIMED_NS;
	if (pace->paid_ns > now) {
		pace->paid_ns = now;
		pace->random = pace->random * 1664525 + 1013904223;
		entry->skip = pace->random >> SKIP_SHIFT;
	}
	return now;
}

/* The slot of the connection's key: it may have been given to another meanwhile. */
static __always_inline __u32 slot_of_exchange(struct ts_tcp_exchange *entry)
{
	__u32 slot = entry->slot;

	if (slot < TS_TCP_SLOTS && ts_tcp_shared.keys[slot] == entry->key)
		return slot;
	entry->slot = ts_tcp_slot_of_key(entry->key);
	return entry->slot;
}

/* Those that were not timed are told together with one that was, or at the end. */
static __always_inline void tell_exchanges(struct ts_tcp_exchange *entry, __u32 slot)
{
	struct ts_tcp_counters *totals = totals_of(slot);

	if (totals)
		totals->exchanges += entry->untold;
	entry->untold = 0;
}

static __always_inline struct ts_tcp_exchange *new_exchange(struct sock *sk,
							    const struct tcp_sock *tcp)
{
	__u32 index = ts_tcp_take_exchange(exchange_place_of(sk));
	struct ts_tcp_exchange *entry;

	if (index >= TS_TCP_EXCHANGES)
		return NULL;
	entry = &ts_tcp_shared.exchanges[index];
	if (entry->socket && entry->untold)
		tell_exchanges(entry, slot_of_exchange(entry));
	entry->socket = (__u64)sk;
	entry->key = key_of_socket(sk);
	entry->slot = ts_tcp_slot_of_key(entry->key);
	entry->waiting = false;
	entry->untold = 0;
	entry->skip = 0;
	entry->sent = tcp->snd_nxt;
	ts_tcp_shared.begun[index] = tcp->bytes_received ? 0 : bpf_jiffies64();
	return entry;
}

/*
 * When the data that begins at seq was sent, if that is the first that is not acknowledged; root:
 * the node of the tree of those. Not static: the verifier goes through it once for each program.
 */
__noinline __u64 ts_tcp_sent_at(__u64 root, __u32 seq)
{
	struct rb_node *node = (void *)root, *left = NULL;
	const struct sk_buff *skb;
	__u32 first = 0;
	__u64 ns = 0;

	for (int i = 0; i < TREE_DEPTH; i++) {
		if (bpf_core_read(&left, sizeof left, &node->rb_left) || !left)
			break;
		node = left;
	}
	skb = (void *)node - bpf_core_field_offset(struct sk_buff, rbnode);
	bpf_probe_read_kernel(&first, sizeof first,
			      (const char *)skb + bpf_core_field_offset(struct sk_buff, cb) +
				      bpf_core_field_offset(struct tcp_skb_cb, seq));
	if (first == seq)
		bpf_core_read(&ns, sizeof ns, &skb->skb_mstamp_ns);
	return ns;
}

static __always_inline __u64 sent_at(struct sock *sk, __u32 seq)
{
	struct rb_node *root = NULL;

	bpf_probe_read_kernel(&root, sizeof root, &sk->tcp_rtx_queue.rb_node);
	return root ? ts_tcp_sent_at((__u64)root, seq) : 0;
}

/* A service has replied: its reply is the first thing it sent since the request came. */
static __always_inline void replied(struct sock *sk, const struct tcp_sock *tcp,
				    struct ts_tcp_exchange *entry)
{
	__u64 sent;

	entry->waiting = false;
	/* What was sent again has lost its first time. */
	if (!entry->started_ns || tcp->retrans_out)
		return;
	sent = tcp->packets_out > 1 ? sent_at(sk, entry->sent) : tcp->tcp_wstamp_ns;
	if (sent >= entry->started_ns)
		ts_tcp_record(slot_of_exchange(entry), TS_TCP_SERVICE_TIME,
			      sent - entry->started_ns);
}

/* Data for a service: the first of a request, unless one is under way. */
static __always_inline void request_came(struct sock *sk, const struct tcp_sock *tcp,
					 struct ts_tcp_exchange *entry)
{
	__u32 sent = tcp->snd_nxt;

	if (entry->waiting) {
		if (entry->sent == sent)
			return;
		replied(sk, tcp, entry);
	}
	entry->sent = sent;
	entry->waiting = true;
	entry->untold++;
	entry->started_ns = time_of_some(entry);
	if (entry->started_ns)
		tell_exchanges(entry, slot_of_exchange(entry));
}

/* Data from the other side: the first of a reply, if something was asked since the last one. */
static __always_inline void reply_came(const struct tcp_sock *tcp, struct ts_tcp_exchange *entry)
{
	__u32 sent = tcp->snd_nxt, slot;
	__u64 now, asked;

	if (entry->sent == sent)
		return;
	entry->sent = sent;
	entry->untold++;
	now = time_of_some(entry);
	if (!now)
		return;
	slot = slot_of_exchange(entry);
	tell_exchanges(entry, slot);
	/* What was asked again has lost its first time. */
	asked = tcp->tcp_wstamp_ns;
	if (!tcp->retrans_out && asked && now >= asked)
		ts_tcp_record(slot, TS_TCP_SERVICE_TIME, now - asked);
}

static __always_inline __u32 word_of_skb(const struct sk_buff *skb, __u32 offset)
{
	return *(const __u32 *)((const char *)skb->cb + offset);
}

/* Whether the segment carries data; a FIN takes a number as well. */
static __always_inline bool has_data(const struct sk_buff *skb)
{
	__u32 length = word_of_skb(skb, bpf_core_field_offset(struct tcp_skb_cb, end_seq)) -
		       word_of_skb(skb, bpf_core_field_offset(struct tcp_skb_cb, seq));
	__u8 flags = 0;

	if (length != 1)
		return length;
	bpf_probe_read_kernel(&flags, sizeof flags,
			      (const char *)skb->cb +
				      bpf_core_field_offset(struct tcp_skb_cb, tcp_flags));
	return !(flags & FIN);
}

SEC("tp_btf/tcp_probe")
int BPF_PROG(ts_tcp_segment, struct sock *sk, struct sk_buff *skb)
{
	struct ts_tcp_exchange *entry;
	const struct tcp_sock *tcp;
	bool data;

	if (!sk || !skb)
		return 0;
	data = has_data(skb);
	entry = find_exchange(sk);
	if (!data && (!entry || !entry->waiting))
		return 0;
	tcp = bpf_skc_to_tcp_sock(sk);
	if (!tcp)
		return 0;
	if (!data) {
		if (entry->sent != tcp->snd_nxt)
			replied(sk, tcp, entry);
		return 0;
	}
	if (!entry) {
		entry = new_exchange(sk, tcp);
		if (!entry)
			return 0;
		/* Of a reply that goes on, the beginning may have been missed. */
		if (TS_TCP_KEY_OUTBOUND(entry->key) && (tcp->bytes_received || !tcp->data_segs_out))
			return 0;
		entry->sent--;
	}
	if (TS_TCP_KEY_OUTBOUND(entry->key))
		reply_came(tcp, entry);
	else
		request_came(sk, tcp, entry);
	return 0;
}

/* To the verifier an address is no number, but the distance between two is. */
static __always_inline __u32 number_of(const struct ts_tcp_exchange *entry)
{
	__u64 distance = (__u64)entry - (__u64)ts_tcp_shared.exchanges;

	ts_opaque(distance);
	return distance / sizeof *entry & (TS_TCP_EXCHANGES - 1);
}

static __always_inline bool ends_here(int state)
{
	return state == TCP_FIN_WAIT1 || state == TCP_LAST_ACK || state == TCP_CLOSE;
}

/*
 * A connection that is closed on this side gets no more segments by way of tcp_probe: its last
 * reply is on the way now. At the end its entry is given back. Returns when its first data came, in
 * ticks that are never 0, or 0: not known.
 */
static __always_inline __u64 exchange_state(struct sock *sk, const struct tcp_sock *tcp, int after)
{
	struct ts_tcp_exchange *entry;

	/* Who never got any data never had an entry. */
	if (!tcp->data_segs_in)
		return 0;
	entry = find_exchange(sk);
	if (!entry)
		return 0;
	if (entry->waiting && entry->sent != tcp->snd_nxt)
		replied(sk, tcp, entry);
	/* From here on a FIN has a number as well. */
	entry->waiting = false;
	if (after != TCP_CLOSE)
		return 0;
	if (entry->untold)
		tell_exchanges(entry, slot_of_exchange(entry));
	entry->socket = 0;
	return ts_tcp_shared.begun[number_of(entry)];
}
