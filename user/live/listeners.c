// SPDX-License-Identifier: GPL-2.0-only
/*
 * Listening sockets, sampled with every tick through sock_diag: accept queue, its limit, drops.
 *
 * A series is a port of a namespace; several sockets may listen on it (SO_REUSEPORT, IPv4 and
 * IPv6), and one may be closed and opened again. The kernel counts drops per socket, so sockets are
 * remembered by their cookie and only what each has added is passed on to its series.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "listen_drops.h"
#include "netns.h"
#include "sockdiag.h"
#include "socket_owner.h"
#include "source.h"

#define SERIES_MAX    512
#define OTHER	      SERIES_MAX /* those that found no place */
#define SOCKETS_MAX   16384	 /* capacity of the table at its largest */
#define SOCKETS_START 256
#define FORGET_TICKS  50 /* a socket not seen for so long is gone */
#define REFRESH_NS    1000000000ULL
#define COST_SHARE    100 /* sampling may take one part in so many of one CPU */
#define SUFFERERS_MAX 8

enum fill { QUEUE_EMPTY, QUEUE_PARTIAL, QUEUE_FULL, QUEUE_STATES };

static const char *const fill_names[] = {
	[QUEUE_EMPTY] = "empty",
	[QUEUE_PARTIAL] = "partial",
	[QUEUE_FULL] = "full",
};

struct listener {
	__u32 netns;
	__u16 port;
	bool used;
	__u64 tick; /* of the last sample that found it; the members of this sample: */
	__u64 queue;
	__u32 limit; /* the smallest of its sockets */
	bool full;   /* one of its sockets is */
	__u64 added; /* drops since the sample before */
	__u32 handshakes;
	/* cumulative */
	__u64 drops, samples[QUEUE_STATES];
	__u64 full_since_ns; /* the first of the samples in a row that found it full; 0: not full */
	/* since the last snapshot */
	bool seen, was_full, handshakes_seen;
	__u64 drops_since, burst, peak, longest_full_ns;
	__u32 handshakes_peak;
	/* of the socket that has dropped most between two samples, or of any while none has dropped
	 */
	__u32 inode, inode_drops, inode_limit;
	__u32 live_inode; /* of a socket seen last: that one may be closed by now */
};

struct known_socket {
	__u64 cookie; /* 0: free */
	__u64 tick;
	__u32 drops;
	__u16 series;
};

struct listeners_state {
	struct listener series[SERIES_MAX + 1];
	size_t series_count;
	struct known_socket *socket; /* open addressing */
	size_t capacity, sockets;
	__u64 tick;
	__u64 sampled_ns; /* when this sample began */
	__u64 refreshed_ns;
	__u64 untracked; /* sockets the table had no room for: their drops are not counted */
	bool baseline;	 /* the first look: what was dropped before does not count */
	int error;	 /* of the last tick */
	__u64 next_ns;	 /* no sample before */
	__u64 next_handshakes_ns; /* no look at the table of connections before */
	__u64 handshakes_cost_ns; /* of this sample */
	struct ts_listen_drops listen_drops;
	__u32 netns; /* being visited */
	__u16 touched[SERIES_MAX + 1];
	size_t touched_count;
};

/* ---- sockets */

static struct known_socket *place_of(struct known_socket *table, size_t capacity, __u64 cookie)
{
	size_t place = (cookie * 0x9e3779b97f4a7c15ULL >> 32) & (capacity - 1);

	while (table[place].cookie && table[place].cookie != cookie)
		place = (place + 1) & (capacity - 1);
	return &table[place];
}

/* Leaves out sockets that are gone, and doubles the table when it is still half full. */
static void rebuild(struct listeners_state *state)
{
	size_t living = 0, capacity = state->capacity;
	struct known_socket *table;

	for (size_t i = 0; i < state->capacity; i++)
		living += state->socket[i].cookie &&
			  state->socket[i].tick + FORGET_TICKS >= state->tick;
	if (living * 2 > capacity && capacity < SOCKETS_MAX)
		capacity *= 2;
	table = calloc(capacity, sizeof *table);
	if (!table)
		return;
	for (size_t i = 0; i < state->capacity; i++) {
		const struct known_socket *old = &state->socket[i];

		if (old->cookie && old->tick + FORGET_TICKS >= state->tick)
			*place_of(table, capacity, old->cookie) = *old;
	}
	free(state->socket);
	state->socket = table;
	state->capacity = capacity;
	state->sockets = living;
}

/* NULL when there is no room. *fresh: it was not known. */
static struct known_socket *know(struct listeners_state *state, __u64 cookie, bool *fresh)
{
	struct known_socket *socket = place_of(state->socket, state->capacity, cookie);

	*fresh = !socket->cookie;
	if (!*fresh)
		return socket;
	if ((state->sockets + 1) * 4 > state->capacity * 3) {
		rebuild(state);
		if ((state->sockets + 1) * 4 > state->capacity * 3)
			return NULL;
		socket = place_of(state->socket, state->capacity, cookie);
	}
	*socket = (struct known_socket){.cookie = cookie, .series = OTHER};
	state->sockets++;
	return socket;
}

/* ---- series */

/* A new place, or that of the listener that has been gone for longest; OTHER when all live. */
static __u16 take_series(struct listeners_state *state)
{
	size_t oldest = OTHER;

	if (state->series_count < SERIES_MAX)
		return (__u16)state->series_count++;
	for (size_t i = 0; i < SERIES_MAX; i++) {
		const struct listener *l = &state->series[i];

		/* What was seen since the last snapshot has not been told of yet. */
		if (l->seen || l->tick + FORGET_TICKS >= state->tick)
			continue;
		if (oldest == OTHER || l->tick < state->series[oldest].tick)
			oldest = i;
	}
	return (__u16)oldest;
}

static struct listener *find_series(struct listeners_state *state, __u16 port)
{
	for (size_t i = 0; i < state->series_count; i++)
		if (state->series[i].port == port && state->series[i].netns == state->netns)
			return &state->series[i];
	return NULL;
}

static __u16 series_of(struct listeners_state *state, __u16 port)
{
	struct listener *listener = find_series(state, port);
	__u16 index;

	if (listener)
		return (__u16)(listener - state->series);
	index = take_series(state);
	if (index != OTHER)
		state->series[index] = (struct listener){.netns = state->netns, .port = port};
	state->series[index].used = true;
	return index;
}

/* The first of this sample's sockets of a series clears what the last sample left. */
static void touch(struct listeners_state *state, __u16 index, __u32 limit)
{
	struct listener *listener = &state->series[index];

	if (listener->tick == state->tick && listener->netns == state->netns)
		return;
	listener->netns = state->netns; /* the OTHER series passes from one to the next */
	state->touched[state->touched_count++] = index;
	listener->tick = state->tick;
	listener->queue = listener->added = 0;
	listener->limit = limit;
	listener->full = false;
	listener->handshakes = 0;
}

static void visit_listener(void *context, const struct ts_diag_socket *socket)
{
	struct listeners_state *state = context;
	bool fresh;
	struct known_socket *known = know(state, socket->cookie, &fresh);
	struct listener *listener;
	__u16 index = known ? known->series : OTHER;
	__u32 added = 0;

	if (fresh || index == OTHER || state->series[index].port != socket->port ||
	    state->series[index].netns != state->netns)
		index = series_of(state, socket->port);
	if (known) {
		added = socket->drops - known->drops; /* modulo 2^32, as the kernel counts */
		known->drops = socket->drops;
		known->series = index;
		known->tick = state->tick;
	} else {
		state->untracked++;
	}
	touch(state, index, socket->limit);
	listener = &state->series[index];
	listener->queue += socket->queue;
	if (socket->limit < listener->limit)
		listener->limit = socket->limit;
	/* As the kernel refuses: sk_acceptq_is_full() is sk_ack_backlog > sk_max_ack_backlog. */
	if (socket->queue > socket->limit)
		listener->full = true;
	listener->added += added;
	listener->live_inode = socket->inode;
	if (!listener->inode || (added && added >= listener->inode_drops)) {
		listener->inode = socket->inode;
		listener->inode_drops = added;
		listener->inode_limit = socket->limit;
	}
}

static void visit_handshake(void *context, const struct ts_diag_socket *socket)
{
	struct listener *listener = find_series(context, socket->port);

	if (listener)
		listener->handshakes++;
}

/* ---- a sample */

static void settle(struct listener *listener, __u64 now_ns)
{
	enum fill fill = listener->full	   ? QUEUE_FULL
			 : listener->queue ? QUEUE_PARTIAL
					   : QUEUE_EMPTY;

	listener->seen = true;
	listener->samples[fill]++;
	listener->was_full |= listener->full;
	if (listener->queue > listener->peak)
		listener->peak = listener->queue;
	listener->drops += listener->added;
	listener->drops_since += listener->added;
	if (listener->added > listener->burst)
		listener->burst = listener->added;
	if (!listener->full)
		listener->full_since_ns = 0;
	else if (!listener->full_since_ns)
		listener->full_since_ns = now_ns;
	else if (now_ns - listener->full_since_ns > listener->longest_full_ns)
		listener->longest_full_ns = now_ns - listener->full_since_ns;
}

/*
 * Handshakes are in the table of connections, which is long: looked at only while it matters, and
 * with a budget of their own, so that however many namespaces drop, the queues are sampled as
 * often.
 */
static void sample_handshakes(struct listeners_state *state)
{
	__u64 start = ts_clock_ns(CLOCK_THREAD_CPUTIME_ID), cost;
	int error;

	if (state->sampled_ns < state->next_handshakes_ns)
		return;
	error = ts_sockdiag_dump(TS_DIAG_SYN_RECV, false, visit_handshake, state);
	cost = ts_clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;
	state->next_handshakes_ns = state->sampled_ns + cost * COST_SHARE;
	state->handshakes_cost_ns += cost;
	if (error)
		return;
	for (size_t i = 0; i < state->touched_count; i++) {
		struct listener *listener = &state->series[state->touched[i]];

		if (!listener->added && !listener->handshakes)
			continue;
		listener->handshakes_seen = true;
		if (listener->handshakes > listener->handshakes_peak)
			listener->handshakes_peak = listener->handshakes;
	}
}

/*
 * Some of what the sockets have dropped was no connection attempt; which, they do not tell. Scales
 * every port down so that the sum is right to one: of one port alone, exactly.
 */
static void scale_added(struct listeners_state *state, __u64 seen, __u64 attempts)
{
	__u64 before = 0, given = 0;

	for (size_t i = 0; i < state->touched_count; i++) {
		struct listener *listener = &state->series[state->touched[i]];

		before += listener->added;
		listener->added = before * attempts / seen - given;
		given += listener->added;
	}
}

/* In the namespace already; slot is its place in the table of namespaces. */
static int sample_namespace(struct listeners_state *state, size_t slot, __u32 netns)
{
	__u64 seen = 0, attempts;
	int error;

	state->netns = netns;
	state->touched_count = 0;
	if (state->baseline)
		ts_listen_drops_baseline(&state->listen_drops, slot, netns);
	error = ts_sockdiag_dump(TS_DIAG_LISTEN, true, visit_listener, state);
	for (size_t i = 0; i < state->touched_count; i++)
		seen += state->series[state->touched[i]].added;
	attempts = 0;
	if (seen && !state->baseline)
		attempts = ts_listen_drops_claim(&state->listen_drops, slot, netns, seen);
	if (attempts != seen)
		scale_added(state, seen, attempts);
	for (size_t i = 0; i < state->touched_count; i++)
		settle(&state->series[state->touched[i]], state->sampled_ns);
	if (attempts)
		sample_handshakes(state);
	return error;
}

static void sample(struct ts_live *live, struct listeners_state *state)
{
	struct ts_netns_table *table = live->netns;
	__u64 start = ts_clock_ns(CLOCK_THREAD_CPUTIME_ID);

	state->tick++;
	state->sampled_ns = ts_clock_ns(CLOCK_MONOTONIC);
	state->error = 0;
	state->handshakes_cost_ns = 0;
	for (size_t i = 0; i < table->count; i++) {
		const struct ts_netns_entry *entry = &table->entry[i];
		int error;

		/* One that cannot be entered has gone since the last refresh, or is counted there.
		 */
		if (!entry->alive || ts_netns_enter(table, entry))
			continue;
		error = sample_namespace(state, i, (__u32)entry->inode);
		if (!entry->initial)
			ts_netns_leave(table);
		if (error)
			state->error = error;
	}
	state->next_ns = ts_clock_ns(CLOCK_MONOTONIC) + (ts_clock_ns(CLOCK_THREAD_CPUTIME_ID) -
							 start - state->handshakes_cost_ns) *
								COST_SHARE;
}

static void listeners_tick(struct ts_live *live, void *data, __u64 monotonic_ns)
{
	struct listeners_state *state = data;

	/* Containers come and go between two snapshots. */
	if (monotonic_ns - state->refreshed_ns >= REFRESH_NS) {
		ts_netns_refresh(live->netns, live->proc);
		state->refreshed_ns = monotonic_ns;
	}
	if (monotonic_ns >= state->next_ns)
		sample(live, state);
}

static void listeners_close(void *data)
{
	struct listeners_state *state = data;

	free(state->socket);
	free(state);
}

static int listeners_open(struct ts_live *live, void **data, enum ts_status *status, char why[256])
{
	struct listeners_state *state = calloc(1, sizeof *state);
	int error = -ENOMEM;

	if (state)
		state->socket = calloc(SOCKETS_START, sizeof *state->socket);
	if (state && state->socket) {
		state->capacity = SOCKETS_START;
		state->baseline = true;
		sample(live, state);
		state->baseline = false;
		error = state->error;
	}
	if (!error) {
		*data = state;
		return 0;
	}
	if (state)
		listeners_close(state);
	*status = error == -ENOENT ? TS_STATUS_UNSUPPORTED : TS_STATUS_FAILED;
	snprintf(why, 256, "%s: %s",
		 error == -ENOENT ? "this kernel has no sock_diag for TCP (CONFIG_INET_TCP_DIAG)"
				  : "listening sockets cannot be listed through sock_diag",
		 strerror(-error));
	return error;
}

/* ---- snapshot */

struct labels {
	char netns[16], port[8];
};

static void labels_of(const struct listener *listener, bool other, struct labels *labels)
{
	if (other) {
		*labels = (struct labels){"other", "other"};
		return;
	}
	snprintf(labels->netns, sizeof labels->netns, "%u", listener->netns);
	snprintf(labels->port, sizeof labels->port, "%u", listener->port);
}

static void add_gauges(struct ts_snapshot *snapshot, const struct listener *listener, bool lives,
		       const char *const *labels)
{
	const struct {
		enum ts_family_id family;
		double value;
	} gauges[] = {
		/* Several sockets may share the port: that of the one that drops is in question. */
		{TS_FAMILY_TCP_LISTENER_BACKLOG,
		 listener->inode_drops ? listener->inode_limit : listener->limit},
		{TS_FAMILY_TCP_ACCEPT_QUEUE, lives ? (double)listener->queue : 0},
		{TS_FAMILY_TCP_ACCEPT_QUEUE_PEAK, (double)listener->peak},
		{TS_FAMILY_TCP_LISTENER_BURST, (double)listener->burst},
		{TS_FAMILY_TCP_ACCEPT_QUEUE_FULL, (double)listener->longest_full_ns / 1e9},
	};

	for (size_t i = 0; i < sizeof gauges / sizeof *gauges; i++)
		ts_snapshot_gauge(snapshot, gauges[i].family, labels, gauges[i].value);
	if (listener->handshakes_seen)
		ts_snapshot_gauge(snapshot, TS_FAMILY_TCP_SYN_QUEUE_PEAK, labels,
				  listener->handshakes_peak);
}

static void add_series(struct ts_snapshot *snapshot, const struct listener *listener, bool lives,
		       bool other)
{
	struct labels l;

	labels_of(listener, other, &l);
	ts_snapshot_counter(snapshot, TS_FAMILY_TCP_LISTENER_DROPS, TS_LABELS(l.netns, l.port),
			    listener->drops);
	for (size_t i = 0; i < QUEUE_STATES; i++)
		ts_snapshot_counter(snapshot, TS_FAMILY_TCP_ACCEPT_QUEUE_SAMPLES,
				    TS_LABELS(l.netns, l.port, fill_names[i]),
				    listener->samples[i]);
	/* One that closed since the last snapshot still tells what it was. */
	if (listener->seen)
		add_gauges(snapshot, listener, lives, TS_LABELS(l.netns, l.port));
}

static bool suffered(const struct listener *listener)
{
	return listener->drops_since || listener->was_full;
}

static int worse(const void *a, const void *b)
{
	const struct listener *left = *(const struct listener *const *)a;
	const struct listener *right = *(const struct listener *const *)b;

	return (left->drops_since < right->drops_since) - (left->drops_since > right->drops_since);
}

static void add_sufferers(const struct ts_live *live, const struct listeners_state *state,
			  struct ts_snapshot *snapshot)
{
	const struct listener *worst[SERIES_MAX];
	struct ts_socket_owner owner[SUFFERERS_MAX] = {0};
	size_t count = 0;

	for (size_t i = 0; i < state->series_count; i++)
		if (suffered(&state->series[i]))
			worst[count++] = &state->series[i];
	if (!count)
		return;
	qsort(worst, count, sizeof *worst, worse);
	if (count > SUFFERERS_MAX)
		count = SUFFERERS_MAX;
	for (size_t i = 0; i < count; i++)
		owner[i].inode = worst[i]->inode;
	ts_socket_owners(live->proc, owner, count);
	/* Closed since: a service that was restarted. Its successor is who to talk to. */
	for (size_t i = 0; i < count; i++) {
		if (owner[i].pid || owner[i].inode == worst[i]->live_inode)
			continue;
		owner[i].inode = worst[i]->live_inode;
		ts_socket_owners(live->proc, &owner[i], 1);
	}
	for (size_t i = 0; i < count; i++) {
		struct labels l;

		labels_of(worst[i], false, &l);
		ts_snapshot_sufferer(snapshot, &(struct ts_sufferer){
						       .family = TS_FAMILY_TCP_LISTENER_DROPS,
						       .label = {l.netns, l.port},
						       .pid = owner[i].pid,
						       .comm = owner[i].comm,
						       .cgroup = "",
						       .value = (double)worst[i]->drops_since,
					       });
	}
}

static void start_interval(struct listener *listener)
{
	listener->seen = listener->was_full = listener->handshakes_seen = false;
	listener->drops_since = listener->burst = listener->peak = listener->longest_full_ns = 0;
	listener->handshakes_peak = listener->inode_drops = 0;
	listener->inode = 0;
}

static void listeners_snapshot(struct ts_live *live, void *data, struct ts_snapshot *snapshot)
{
	struct listeners_state *state = data;
	const struct listener *other = &state->series[OTHER];
	char why[256];

	sample(live, state); /* so that the drops are those of this moment */
	snprintf(why, sizeof why, "listening sockets cannot be listed through sock_diag: %s",
		 strerror(-state->error));
	ts_snapshot_source_status(snapshot, TS_SOURCE_LISTENERS,
				  state->error ? TS_STATUS_FAILED : TS_STATUS_OK,
				  state->error ? why : "");
	for (size_t i = 0; i < state->series_count; i++)
		add_series(snapshot, &state->series[i], state->series[i].tick == state->tick,
			   false);
	if (other->used)
		add_series(snapshot, other, other->tick == state->tick, true);
	ts_for_each_family (id)
		if (ts_families[id].source == TS_SOURCE_LISTENERS)
			snapshot->family[id].overflowed = other->samples[QUEUE_EMPTY] +
							  other->samples[QUEUE_PARTIAL] +
							  other->samples[QUEUE_FULL];
	snapshot->cost.lost_events += state->untracked;
	add_sufferers(live, state, snapshot);
	for (size_t i = 0; i <= SERIES_MAX; i++)
		start_interval(&state->series[i]);
}

const struct ts_source ts_source_listeners = {
	.id = TS_SOURCE_LISTENERS,
	.open = listeners_open,
	.tick = listeners_tick,
	.snapshot = listeners_snapshot,
	.close = listeners_close,
};
