/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Open connections, and looks at those of them that move something. A part of tcp.bpf.c.
 *
 * A look reads sockets by their address alone, without a lock and without anything that would keep
 * them: what is read is judged only when it is that of an open connection of the namespace that was
 * noted. The memory of sockets is used for sockets again, and then the new one has been noted.
 */
#define MOVED_MUCH	    65536 /* bytes since the last record: enough to judge what bounds it */
#define MOVED_LEAST	    4096 /* of one that begins, or pauses again: less is not worth a record */
#define TIMED_OUT	    2	 /* times in a row: it gets nothing through, told at every look */
#define LOOKS_AT_ONE	    32	 /* the verifier goes through the loops in parts */

#define ADDRESS_FAMILY_IPV4 2
#define ADDRESS_FAMILY_IPV6 10

/* In a section of its own: user space need not map what is counted to read it. */
struct ts_socket_looks ts_socket_looks SEC(".data.looks") = {0};

/* A connection has been established. Those that rest, or have ended, leave for it. */
static __always_inline void note_open(const struct sock *sk, __u64 key)
{
	__u32 place = TS_SOCKET_PLACE(hash_of(sk)), found = TS_SOCKETS_OPEN;
	struct ts_socket_open *open;

	for (__u32 way = 0; way < TS_SOCKETS_WAYS; way++) {
		open = &ts_socket_looks.open[(place + way) & (TS_SOCKETS_OPEN - 1)];
		if (open->socket == (__u64)sk || !open->socket) {
			found = place + way;
			break;
		}
		if (!open->moves)
			found = place + way;
	}
	if (found == TS_SOCKETS_OPEN)
		return;
	open = &ts_socket_looks.open[found & (TS_SOCKETS_OPEN - 1)];
	open->key = key;
	open->told = open->seen = 0;
	open->begun = bpf_jiffies64() | 1;
	open->moves = 0;
	open->socket = (__u64)sk;
}

static __always_inline bool state_is_open(__u8 state)
{
	return state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT;
}

static __always_inline bool is_noted(const struct tcp_sock *tcp, __u64 key)
{
	const struct sock_common *common = &tcp->inet_conn.icsk_inet.sk.__sk_common;
	__u16 family = common->skc_family;

	return state_is_open(common->skc_state) &&
	       (family == ADDRESS_FAMILY_IPV4 || family == ADDRESS_FAMILY_IPV6) &&
	       BPF_CORE_READ(common, skc_net.net, ns.inum) == TS_TCP_KEY_NETNS(key);
}

/* As tcp_slow_start_after_idle_check() has it: with the next data it begins anew. */
static __always_inline bool pauses(const struct tcp_sock *tcp)
{
	__u32 last = 0, timeout = 0, in_flight = 0;

	bpf_core_read(&last, sizeof last, &tcp->lsndtime);
	bpf_core_read(&timeout, sizeof timeout, &tcp->inet_conn.icsk_rto);
	bpf_core_read(&in_flight, sizeof in_flight, &tcp->packets_out);
	return !in_flight && (__u32)bpf_jiffies64() - last > timeout;
}

/*
 * Whether it is worth a record now: it has moved much since the last one; it begins to move, or has
 * come to rest; or it pauses between two bursts.
 */
static __always_inline bool is_news(const struct ts_socket_open *open, const struct tcp_sock *tcp,
				    __u64 moved)
{
	__u64 since = moved - open->told;
	__u8 timeouts = 0;

	if (since >= MOVED_MUCH || (open->moves && moved == open->seen) ||
	    (since >= MOVED_LEAST && (!open->moves || pauses(tcp))))
		return true;
	bpf_core_read(&timeouts, sizeof timeouts, &tcp->inet_conn.icsk_retransmits);
	return timeouts >= TIMED_OUT;
}

static __always_inline void write_look(struct ts_socket_open *open, __u64 moved)
{
	const struct tcp_sock *tcp = (const void *)ts_socket_looks.copy;
	struct ts_socket_look *look =
		&ts_socket_looks.record[ts_socket_looks.records & (TS_SOCKETS_LOOKS - 1)];
	__u64 key = open->key, socket = open->socket;
	__u32 size = bpf_core_type_size(struct tcp_sock);

	if (size > sizeof ts_socket_looks.copy ||
	    bpf_probe_read_kernel(ts_socket_looks.copy, size, (const void *)socket) ||
	    !is_noted(tcp, key))
		return;
	__builtin_memset(look, 0, sizeof *look);
	look->key = key;
	look->age = open->begun ? (__u32)bpf_jiffies64() - open->begun : 0;
	look->settled = open->seen == open->told;
	look->moved = moved - open->told;
	fill_identity(&look->socket, socket, tcp);
	look->socket.state = tcp->inet_conn.icsk_inet.sk.__sk_common.skc_state;
	fill_open(&look->socket, tcp);
	open->moves = moved != open->seen;
	open->told = moved;
	ts_socket_looks.records++;
}

/* Not static: the verifier goes through it once. */
__noinline int ts_tcp_look_at(__u32 index)
{
	struct ts_socket_open *open = &ts_socket_looks.open[index & (TS_SOCKETS_OPEN - 1)];
	const struct tcp_sock *tcp = (const void *)open->socket;
	__u64 received = 0, acked = 0;
	__u8 state = 0;

	if (!tcp)
		return 0;
	bpf_core_read(&state, sizeof state, &tcp->inet_conn.icsk_inet.sk.__sk_common.skc_state);
	if (!state_is_open(state)) {
		open->moves = 0;
		open->socket = 0;
		return 0;
	}
	bpf_core_read(&received, sizeof received, &tcp->bytes_received);
	bpf_core_read(&acked, sizeof acked, &tcp->bytes_acked);
	received += acked;
	if (is_news(open, tcp, received))
		write_look(open, received);
	open->seen = received;
	return 0;
}

/* Not static, as above. Returns where it stopped, because there may be no room for another one. */
__noinline int ts_tcp_look_at_some(__u32 first)
{
	__u32 i = 0;

	for (; i < LOOKS_AT_ONE && ts_socket_looks.records < TS_SOCKETS_LOOKS; i++)
		ts_tcp_look_at(first + i);
	return (int)(first + i);
}

/* Attached to nothing: user space has it run when it is time to look, until it is through. */
SEC("raw_tp")
int ts_tcp_look(void *context)
{
	ts_socket_looks.records = 0;
	for (__u32 i = 0; i < TS_SOCKETS_OPEN / LOOKS_AT_ONE; i++) {
		if (ts_socket_looks.next >= TS_SOCKETS_OPEN ||
		    ts_socket_looks.records >= TS_SOCKETS_LOOKS)
			break;
		ts_socket_looks.next = ts_tcp_look_at_some(ts_socket_looks.next);
	}
	return 0;
}
