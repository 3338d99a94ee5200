// SPDX-License-Identifier: GPL-2.0-only
/*
 * Listening sockets, sampled through sock_diag: accept queue, its limit, drops.
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
#include "listener_pace.h"
#include "listener_series.h"
#include "netns.h"
#include "pace.h"
#include "sockdiag.h"
#include "source.h"

#define OTHER	      TS_LISTENER_OTHER
#define SOCKETS_MAX   16384 /* capacity of the table at its largest */
#define SOCKETS_START 256
#define CLOSED_NS     60000000000ULL /* a series stays for so long when its port was closed, */
#define GONE_NS	      5000000000ULL  /* or its namespace went with it */

struct known_socket {
	__u64 cookie; /* 0: free */
	__u64 serial; /* of its namespace */
	__u64 seen_ns;
	__u32 drops;
	__u16 slot; /* of its namespace */
	__u16 series;
};

/* What is known of a namespace, in its slot of the table. */
struct space {
	__u64 serial; /* 0: not visited yet */
	struct ts_listener_pace pace;
};

struct listeners_state {
	struct ts_listener series[TS_LISTENER_SERIES + 1];
	size_t series_count;
	struct known_socket *socket; /* open addressing */
	size_t capacity, sockets;
	struct space space[TS_NETNS_MAX];
	const struct ts_netns_table *table; /* where their slots are */
	__u64 tick;
	bool eager;	  /* pace.h */
	__u64 sampled_ns; /* when this sample began */
	__u64 untracked;  /* sockets the table had no room for: their drops are not counted */
	bool baseline;	  /* the first look: what was dropped before does not count */
	int error;	  /* of the last tick */
	__u64 next_handshakes_ns; /* no look at the table of connections before */
	__u64 next_all_ns;	  /* a snapshot does not sample all before */
	__u64 handshakes_cost_ns; /* of this sample */
	struct ts_listen_drops listen_drops;
	/* being visited */
	const struct ts_netns_entry *entry;
	size_t slot;
	__u32 netns;
	bool history; /* what its sockets have dropped so far was before our time */
	__u16 touched[TS_LISTENER_SERIES + 1];
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

/* The namespace is still there, and what was found in it then was found last, too. */
static bool was_found(const struct listeners_state *state, size_t slot, __u64 serial, __u64 then_ns)
{
	const struct ts_netns_entry *entry = &state->table->entry[slot];

	return entry->alive && entry->serial == serial && state->space[slot].serial == serial &&
	       then_ns >= state->space[slot].pace.sampled_ns;
}

/* It was there when its namespace was last listed. Not to be forgotten before that is certain. */
static bool socket_lives(const struct listeners_state *state, const struct known_socket *socket)
{
	return was_found(state, socket->slot, socket->serial, socket->seen_ns);
}

/* Leaves out sockets that are gone, and doubles the table when it is still half full. */
static void rebuild(struct listeners_state *state)
{
	size_t living = 0, capacity = state->capacity;
	struct known_socket *table;

	for (size_t i = 0; i < state->capacity; i++)
		living += state->socket[i].cookie && socket_lives(state, &state->socket[i]);
	if (living * 2 > capacity && capacity < SOCKETS_MAX)
		capacity *= 2;
	table = calloc(capacity, sizeof *table);
	if (!table)
		return;
	for (size_t i = 0; i < state->capacity; i++) {
		const struct known_socket *old = &state->socket[i];

		if (old->cookie && socket_lives(state, old))
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

static bool series_lives(const struct listeners_state *state, const struct ts_listener *l)
{
	return was_found(state, l->slot, l->serial, l->sampled_ns);
}

/* Nothing listens there any more, and a snapshot has told all about it. */
static bool is_over(const struct listeners_state *state, const struct ts_listener *listener)
{
	return listener->shown && !listener->seen && !series_lives(state, listener);
}

/* A free place, a new one, or that of the listener that has been gone for longest; or OTHER. */
static __u16 take_series(struct listeners_state *state)
{
	size_t oldest = OTHER;

	for (size_t i = 0; i < state->series_count; i++)
		if (!state->series[i].used)
			return (__u16)i;
	if (state->series_count < TS_LISTENER_SERIES)
		return (__u16)state->series_count++;
	for (size_t i = 0; i < TS_LISTENER_SERIES; i++)
		if (is_over(state, &state->series[i]) &&
		    (oldest == OTHER ||
		     state->series[i].sampled_ns < state->series[oldest].sampled_ns))
			oldest = i;
	return (__u16)oldest;
}

static struct ts_listener *find_series(struct listeners_state *state, __u16 port)
{
	for (size_t i = 0; i < state->series_count; i++) {
		struct ts_listener *l = &state->series[i];

		if (l->used && l->port == port && l->netns == state->netns)
			return l;
	}
	return NULL;
}

static __u16 series_of(struct listeners_state *state, __u16 port)
{
	struct ts_listener *listener = state->entry->detailed ? find_series(state, port) : NULL;
	__u16 index;

	if (listener)
		return (__u16)(listener - state->series);
	index = state->entry->detailed ? take_series(state) : OTHER;
	if (index != OTHER)
		state->series[index] = (struct ts_listener){.netns = state->netns, .port = port};
	state->series[index].used = true;
	return index;
}

/* The first of this sample's sockets of a series clears what the last sample left. */
static void touch(struct listeners_state *state, __u16 index, __u32 limit)
{
	struct ts_listener *listener = &state->series[index];

	if (listener->tick == state->tick && listener->netns == state->netns)
		return;
	listener->netns = state->netns; /* the OTHER series passes from one to the next */
	state->touched[state->touched_count++] = index;
	listener->tick = state->tick;
	listener->sampled_ns = state->sampled_ns;
	listener->slot = state->slot;
	listener->serial = state->entry->serial;
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
	struct ts_listener *listener;
	__u16 index = known ? known->series : OTHER;
	__u32 added = 0;

	if (fresh || index == OTHER || !state->entry->detailed ||
	    state->series[index].port != socket->port || state->series[index].netns != state->netns)
		index = series_of(state, socket->port);
	if (known) {
		if (!fresh || !state->history)
			added = socket->drops - known->drops; /* modulo 2^32, as in the kernel */
		known->drops = socket->drops;
		known->series = index;
		known->slot = (__u16)state->slot;
		known->serial = state->entry->serial;
		known->seen_ns = state->sampled_ns;
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
	struct ts_listener *listener = find_series(context, socket->port);

	if (listener)
		listener->handshakes++;
}

/* ---- a sample */

static __u64 rest(const struct listeners_state *state, __u64 cost_ns)
{
	return ts_pace_rest(TS_PACE_LISTENERS, state->eager, cost_ns);
}

/*
 * Handshakes are in the table of connections, which is long: looked at only while it matters, and
 * with a budget of their own, so that however many namespaces drop, the queues are sampled as
 * often.
 */
static void sample_handshakes(struct listeners_state *state, int diag)
{
	__u64 start = ts_clock_ns(CLOCK_THREAD_CPUTIME_ID), cost;
	int error;

	if (state->sampled_ns < state->next_handshakes_ns)
		return;
	error = ts_sockdiag_dump(diag, TS_DIAG_SYN_RECV, false, visit_handshake, state);
	cost = ts_clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;
	state->next_handshakes_ns = state->sampled_ns + rest(state, cost);
	state->handshakes_cost_ns += cost;
	if (error)
		return;
	for (size_t i = 0; i < state->touched_count; i++) {
		struct ts_listener *listener = &state->series[state->touched[i]];

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
		struct ts_listener *listener = &state->series[state->touched[i]];

		before += listener->added;
		listener->added = before * attempts / seen - given;
		given += listener->added;
	}
}

/* Of so many drops that sockets show, those that were attempts. */
static __u64 claim_drops(struct ts_live *live, struct listeners_state *state, __u64 seen)
{
	const struct ts_netns_entry *entry = state->entry;
	bool before = state->baseline || state->history;
	__u64 attempts = before ? 0 : seen;

	if ((!seen && !before) || ts_netns_enter(live->netns, entry))
		return attempts;
	if (before)
		ts_listen_drops_baseline(&state->listen_drops, state->slot, entry->serial);
	else
		attempts = ts_listen_drops_claim(&state->listen_drops, state->slot, entry->serial,
						 seen);
	ts_netns_leave(live->netns);
	return attempts;
}

/* The socket is in the namespace. */
static int sample_sockets(struct ts_live *live, struct listeners_state *state, int diag)
{
	struct ts_listener_pace *pace = &state->space[state->slot].pace;
	__u32 samples = ts_listener_pace_samples(pace, state->sampled_ns);
	__u64 seen = 0, attempts;
	int error;

	state->touched_count = 0;
	error = ts_sockdiag_dump(diag, TS_DIAG_LISTEN, true, visit_listener, state);
	for (size_t i = 0; i < state->touched_count; i++)
		seen += state->series[state->touched[i]].added;
	attempts = claim_drops(live, state, seen);
	if (attempts != seen)
		scale_added(state, seen, attempts);
	for (size_t i = 0; i < state->touched_count; i++) {
		struct ts_listener *listener = &state->series[state->touched[i]];

		if (listener->queue || listener->added) {
			pace->moved_ns = state->sampled_ns;
			ts_pace_moved(live, state->sampled_ns);
		}
		ts_listener_settle(listener, state->sampled_ns, samples);
	}
	if (!attempts)
		return error;
	pace->dropped_ns = state->sampled_ns;
	sample_handshakes(state, diag);
	return error;
}

static void sample_namespace(struct ts_live *live, struct listeners_state *state, size_t slot)
{
	struct ts_netns_entry *entry = &live->netns->entry[slot];
	__u64 start = ts_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	struct space *space = &state->space[slot];
	int diag = ts_netns_diag(live->netns, entry), error;

	/* One that cannot be entered has gone since the last refresh, or is counted there. */
	if (diag < 0)
		return;
	state->entry = entry;
	state->slot = slot;
	state->netns = (__u32)entry->inode;
	state->history = space->serial != entry->serial && entry->old;
	state->handshakes_cost_ns = 0;
	if (space->serial != entry->serial)
		*space = (struct space){entry->serial, {.moved_ns = state->sampled_ns}};
	error = sample_sockets(live, state, diag);
	ts_netns_diag_done(entry, diag);
	space->pace.listeners = state->touched_count;
	if (space->pace.listeners)
		entry->active_ns = state->sampled_ns;
	if (error)
		state->error = error;
	else
		space->pace.sampled_ns = state->sampled_ns;
	space->pace.cost_ns =
		ts_clock_ns(CLOCK_THREAD_CPUTIME_ID) - start - state->handshakes_cost_ns;
}

static struct ts_listener_round round_cost(const struct ts_live *live,
					   const struct listeners_state *state)
{
	struct ts_listener_round cost = {0, 0};

	for (size_t i = 0; i < live->netns->count; i++) {
		const struct ts_netns_entry *entry = &live->netns->entry[i];

		if (entry->alive)
			*(entry->detailed ? &cost.detailed_ns : &cost.others_ns) +=
				state->space[i].pace.cost_ns;
	}
	return cost;
}

/* Whether queues drain that turn connections away takes many samples to tell. */
static bool some_drop(const struct ts_live *live, const struct listeners_state *state)
{
	for (size_t i = 0; i < live->netns->count; i++)
		if (live->netns->entry[i].alive && live->netns->entry[i].detailed &&
		    state->space[i].serial == live->netns->entry[i].serial &&
		    ts_listener_pace_drops(&state->space[i].pace, state->sampled_ns))
			return true;
	return false;
}

/* All that are due, or all that have series of their own. */
static void sample(struct ts_live *live, struct listeners_state *state, bool all)
{
	struct ts_netns_table *table = live->netns;
	struct ts_listener_round cost;

	state->tick++;
	state->sampled_ns = ts_clock_ns(CLOCK_MONOTONIC);
	state->eager =
		ts_pace_eager(live, state->sampled_ns,
			      some_drop(live, state) ? TS_PACE_EAGER_MAX_NS : TS_PACE_EAGER_NS);
	state->error = 0;
	cost = round_cost(live, state);
	for (size_t i = 0; i < table->count; i++) {
		struct ts_netns_entry *entry = &table->entry[i];
		struct space *space = &state->space[i];
		bool due =
			space->serial != entry->serial || space->pace.due_ns <= state->sampled_ns;

		if (!entry->alive || !(due || (all && entry->detailed)))
			continue;
		sample_namespace(live, state, i);
		ts_listener_pace_plan(&space->pace, state->sampled_ns, state->eager,
				      entry->detailed, &cost);
	}
}

static void listeners_tick(struct ts_live *live, void *data, __u64 monotonic_ns)
{
	ts_netns_tick(live->netns, live->proc, monotonic_ns);
	sample(live, data, false);
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
		state->table = live->netns;
		state->baseline = true;
		sample(live, state, true);
		state->baseline = false;
		error = state->error;
	}
	if (!error) {
		*data = state;
		return 0;
	}
	if (state)
		listeners_close(state);
	bool lacking = error == -ENOENT || error == -EOPNOTSUPP;

	*status = lacking ? TS_STATUS_UNSUPPORTED : TS_STATUS_FAILED;
	snprintf(why, 256, "%s: %s",
		 lacking ? "this kernel has no sock_diag for TCP (CONFIG_INET_TCP_DIAG)"
			 : "listening sockets cannot be listed through sock_diag",
		 strerror(-error));
	return error;
}

/* ---- snapshot */

/*
 * So that the drops are those of this moment; as often as that may cost, where snapshots are many.
 */
static void sample_for_snapshot(struct ts_live *live, struct listeners_state *state)
{
	__u64 now = ts_clock_ns(CLOCK_MONOTONIC);
	bool all = now >= state->next_all_ns;

	sample(live, state, all);
	if (all)
		state->next_all_ns = now + rest(state, round_cost(live, state).detailed_ns) / 2;
}

static bool leaves(const struct ts_live *live, const struct listeners_state *state,
		   const struct ts_listener *listener)
{
	__u64 gone = state->sampled_ns - listener->sampled_ns;

	return is_over(state, listener) && gone >= GONE_NS &&
	       (gone >= CLOSED_NS || ts_netns_gone(live->netns, listener->netns));
}

static void add_series(const struct ts_live *live, struct listeners_state *state,
		       struct ts_snapshot *snapshot)
{
	for (size_t i = 0; i < state->series_count; i++) {
		struct ts_listener *listener = &state->series[i];

		if (listener->used && leaves(live, state, listener))
			listener->used = false;
		if (!listener->used)
			continue;
		ts_listener_snapshot(snapshot, listener, series_lives(state, listener), false);
		listener->shown = true;
	}
}

static void listeners_snapshot(struct ts_live *live, void *data, struct ts_snapshot *snapshot)
{
	struct listeners_state *state = data;
	const struct ts_listener *other = &state->series[OTHER];
	char why[256];

	sample_for_snapshot(live, state);
	snprintf(why, sizeof why, "listening sockets cannot be listed through sock_diag: %s",
		 strerror(-state->error));
	ts_snapshot_source_status(snapshot, TS_SOURCE_LISTENERS,
				  state->error ? TS_STATUS_FAILED : TS_STATUS_OK,
				  state->error ? why : "");
	add_series(live, state, snapshot);
	if (other->used)
		ts_listener_snapshot(snapshot, other, false, true);
	ts_for_each_family (id)
		if (ts_families[id].source == TS_SOURCE_LISTENERS)
			snapshot->family[id].overflowed = other->samples[TS_QUEUE_EMPTY] +
							  other->samples[TS_QUEUE_PARTIAL] +
							  other->samples[TS_QUEUE_FULL];
	snapshot->cost.lost_events += state->untracked;
	ts_listener_sufferers(live, state->series, state->series_count, snapshot,
			      state->sampled_ns);
	for (size_t i = 0; i < state->series_count; i++)
		ts_listener_start_interval(&state->series[i]);
	ts_listener_start_interval(&state->series[OTHER]);
}

const struct ts_source ts_source_listeners = {
	.id = TS_SOURCE_LISTENERS,
	.open = listeners_open,
	.tick = listeners_tick,
	.snapshot = listeners_snapshot,
	.close = listeners_close,
};
