// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters of /proc/net/snmp and netstat, and sockets in use, of every network namespace; where
 * fragments arrive, also how much memory the unfinished datagrams hold, twice a second.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "net_files.h"
#include "netns.h"
#include "pace.h"

#define PEEK_NS 500000000ULL /* between two looks at the memory of fragments */

/*
 * Reading takes its share of a CPU (half of that for namespaces without series of their own), and
 * at first whatever it takes. Those whose turn it is not show what they showed last.
 *
 * A namespace, in its slot of the table. A series counts from when it appears: what the namespace
 * had counted before that is history, or has gone to the other one.
 */
struct space {
	__u64 serial; /* 0: not read yet */
	__u64 read_ns;
	__u64 last[TS_NET_COUNTERS_MAX];  /* as read */
	__u64 shown[TS_NET_COUNTERS_MAX]; /* in series of its own */
	__u64 sockets[TS_SOCKET_KINDS];
	bool sockets_seen[TS_SOCKET_KINDS];
	bool fragments;		     /* arrive, or wait for others */
	__u64 held[TS_SOCKET_KINDS]; /* most memory of fragments, and most datagrams, since the last
					snapshot */
};

struct proc_net {
	struct ts_net_files files;
	/* In the order of the files; the same in all namespaces. */
	const char *name[TS_NET_COUNTERS_MAX];
	bool of_fragments[TS_NET_COUNTERS_MAX]; /* counts those that arrive */
	size_t names;
	struct space *space[TS_NETNS_MAX];
	__u64 taken_ns; /* the last snapshot; 0: none */
	__u64 peeked_ns;
	__u64 other[TS_NET_COUNTERS_MAX]; /* of all without series of their own */
	__u64 other_sockets;		  /* readings of theirs */
};

static void forget(struct proc_net *state, size_t slot)
{
	free(state->space[slot]);
	state->space[slot] = NULL;
}

static void proc_net_close(void *opaque)
{
	struct proc_net *state = opaque;

	for (size_t i = 0; i < TS_NETNS_MAX; i++)
		forget(state, i);
	ts_net_files_close(&state->files);
	free(state);
}

static int proc_net_open(struct ts_live *live, void **opaque, enum ts_status *status, char why[256])
{
	struct proc_net *state = calloc(1, sizeof *state);
	int error = -ENOMEM;

	*opaque = state;
	if (state)
		error = ts_net_files_open(&state->files, live);
	if (!error)
		return 0;
	*status = TS_STATUS_FAILED;
	ts_proc_why(why, "/proc/net", error);
	if (state)
		proc_net_close(state);
	return error;
}

/* All namespaces show the same counters in the same order. */
static int check_names(struct proc_net *state, char why[256])
{
	const struct ts_net_reading *reading = &state->files.reading;
	bool same = !state->names || state->names == reading->counters;

	for (size_t i = 0; i < reading->counters && same; i++) {
		if (!state->names) {
			state->name[i] = reading->counter[i].name;
			state->of_fragments[i] = strstr(state->name[i], "ReasmReqds");
		}
		same = state->name[i] == reading->counter[i].name;
	}
	state->names = reading->counters;
	if (same)
		return 0;
	ts_proc_why(why, "/proc/net/snmp", -EPROTO);
	return -EPROTO;
}

static void note_fragments(struct space *space, const struct ts_net_reading *reading)
{
	for (size_t i = 0; i < TS_SOCKET_KINDS; i++) {
		if (!ts_socket_kinds[i].fragments)
			continue;
		space->fragments |= reading->sockets[i] > 0;
		if (reading->sockets[i] > space->held[i])
			space->held[i] = reading->sockets[i];
	}
}

/*
 * Adds what the namespace has counted since it was read last to its series, or to the other one. A
 * namespace that is new has counted everything since; one that was there before it was met counts
 * from now on, unless there is no snapshot yet from which that could be told.
 */
static void account(struct proc_net *state, struct ts_netns_entry *entry, struct space *space,
		    __u64 now)
{
	const struct ts_net_reading *reading = &state->files.reading;
	bool history = space->serial != entry->serial && entry->old && state->taken_ns;
	bool fresh = space->serial != entry->serial;

	space->fragments = false;
	for (size_t i = 0; i < reading->counters; i++) {
		__u64 value = reading->counter[i].value, since = value - space->last[i];

		if (fresh || value < space->last[i])
			since = history ? 0 : value;
		if (since && !fresh)
			entry->active_ns = now;
		space->fragments |= since && state->of_fragments[i];
		*(entry->detailed ? &space->shown[i] : &state->other[i]) += since;
		space->last[i] = value;
	}
	memcpy(space->sockets, reading->sockets, sizeof space->sockets);
	memcpy(space->sockets_seen, reading->sockets_seen, sizeof space->sockets_seen);
	note_fragments(space, reading);
	state->other_sockets += !entry->detailed;
	space->serial = entry->serial;
	space->read_ns = now;
}

static int read_namespace(struct ts_live *live, struct proc_net *state, size_t slot, __u64 now,
			  char why[256])
{
	struct ts_netns_entry *entry = &live->netns->entry[slot];
	int error = ts_netns_enter(live->netns, entry);

	if (error) {
		snprintf(why, 256, "cannot enter the namespace: %s", strerror(-error));
		return error;
	}
	error = ts_net_files_read(&state->files, entry->initial, why);
	ts_netns_leave(live->netns);
	if (!error)
		error = check_names(state, why);
	if (error)
		return error;
	if (state->space[slot] && state->space[slot]->serial != entry->serial)
		forget(state, slot);
	if (!state->space[slot])
		state->space[slot] = calloc(1, sizeof *state->space[slot]);
	if (!state->space[slot])
		return -ENOMEM;
	account(state, entry, state->space[slot], now);
	return 0;
}

static void add_memory(struct ts_snapshot *snapshot, const char *kind, double pages)
{
	double page = (double)sysconf(_SC_PAGESIZE);

	ts_snapshot_gauge(snapshot, TS_FAMILY_TCP_MEMORY, TS_LABELS(kind), pages * page);
	ts_snapshot_gauge(snapshot, TS_FAMILY_TCP_MEMORY, TS_LABELS("page"), page);
}

/* IPv4 and IPv6 are rows of one kind that stand together, and one series. */
static void add_sockets(struct ts_snapshot *snapshot, const char *label, bool initial,
			const __u64 *sockets, const bool *seen)
{
	for (size_t i = 0; i < TS_SOCKET_KINDS; i++) {
		double value = 0;

		if (!seen[i] || (ts_socket_kinds[i].host_wide && !initial) ||
		    ts_socket_kinds[i].fragments)
			continue;
		if (i && !strcmp(ts_socket_kinds[i].kind, ts_socket_kinds[i - 1].kind))
			continue;
		for (size_t j = i; j < TS_SOCKET_KINDS; j++)
			if (!strcmp(ts_socket_kinds[i].kind, ts_socket_kinds[j].kind))
				value += (double)sockets[j];
		if (ts_socket_kinds[i].memory)
			add_memory(snapshot, ts_socket_kinds[i].kind, value);
		else
			ts_snapshot_gauge(snapshot, TS_FAMILY_SOCKETS_IN_USE,
					  TS_LABELS(label, ts_socket_kinds[i].kind), value);
	}
}

static void add_fragments(struct ts_snapshot *snapshot, const char *label, struct space *space)
{
	for (size_t i = 0; i < TS_SOCKET_KINDS; i++) {
		if (space->held[i])
			ts_snapshot_gauge(
				snapshot,
				ts_socket_kinds[i].memory ? TS_FAMILY_FRAGMENT_MEMORY
							  : TS_FAMILY_FRAGMENTED_DATAGRAMS,
				TS_LABELS(label, ts_socket_kinds[i].kind), (double)space->held[i]);
		space->held[i] = 0;
	}
}

static void add_counters(struct ts_snapshot *snapshot, const struct proc_net *state,
			 const char *label, const __u64 *value)
{
	for (size_t i = 0; i < state->names; i++)
		ts_snapshot_counter(snapshot, TS_FAMILY_NETWORK_COUNTERS,
				    TS_LABELS(label, state->name[i]), value[i]);
}

static void add_series(const struct ts_live *live, struct proc_net *state,
		       struct ts_snapshot *snapshot)
{
	__u64 sockets[TS_SOCKET_KINDS] = {0}, sum = 0;
	bool seen[TS_SOCKET_KINDS] = {0}, others = false;

	for (size_t i = 0; i < live->netns->count; i++) {
		const struct ts_netns_entry *entry = &live->netns->entry[i];
		struct space *space = state->space[i];

		if (!entry->alive || !space || space->serial != entry->serial)
			continue;
		if (entry->detailed) {
			add_counters(snapshot, state, entry->label, space->shown);
			add_sockets(snapshot, entry->label, entry->initial, space->sockets,
				    space->sockets_seen);
			add_fragments(snapshot, entry->label, space);
			continue;
		}
		/* Should it get series of its own, they start anew. */
		memset(space->shown, 0, sizeof space->shown);
		others = true;
		for (size_t k = 0; k < TS_SOCKET_KINDS; k++) {
			sockets[k] += space->sockets[k];
			seen[k] |= space->sockets_seen[k];
		}
	}
	for (size_t i = 0; i < state->names; i++)
		sum += state->other[i];
	if (!sum && !others)
		return;
	add_counters(snapshot, state, "other", state->other);
	add_sockets(snapshot, "other", false, sockets, seen);
	snapshot->family[TS_FAMILY_NETWORK_COUNTERS].overflowed = sum;
	snapshot->family[TS_FAMILY_SOCKETS_IN_USE].overflowed = state->other_sockets;
}

/* One that is gone since the last refresh is no failure. */
static bool vanished(int error)
{
	return error == -ENOENT || error == -ESRCH || error == -ESTALE;
}

/* The one that has waited longest among those with, or without, series of their own; -1: none. */
static ssize_t next_namespace(const struct ts_live *live, const struct proc_net *state,
			      bool detailed, __u64 now)
{
	ssize_t oldest = -1;
	__u64 since = now;

	for (size_t i = 0; i < live->netns->count; i++) {
		const struct ts_netns_entry *entry = &live->netns->entry[i];
		const struct space *space = state->space[i];
		bool read = space && space->serial == entry->serial;

		if (!entry->alive || entry->initial || entry->detailed != detailed ||
		    entry->tried_ns == now || (read ? space->read_ns : 0) >= since)
			continue;
		since = read ? space->read_ns : 0;
		oldest = (ssize_t)i;
	}
	return oldest;
}

struct outcome {
	size_t visited, failed;
	char why[512]; /* of the first that failed */
};

static void visit(struct ts_live *live, struct proc_net *state, size_t slot, __u64 now,
		  struct outcome *outcome)
{
	const struct ts_netns_entry *entry = &live->netns->entry[slot];
	char why[256] = "";
	int error;

	live->netns->entry[slot].tried_ns = now;
	error = read_namespace(live, state, slot, now, why);
	if (!error)
		outcome->visited++;
	else if ((entry->initial || !vanished(error)) && !outcome->failed++)
		snprintf(outcome->why, sizeof outcome->why, "network namespace %s: %s",
			 entry->label, why);
}

/* As many as may be read for so much time of a CPU. */
static void visit_some(struct ts_live *live, struct proc_net *state, bool detailed, __u64 now,
		       __u64 budget_ns, struct outcome *outcome)
{
	__u64 start = ts_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	ssize_t slot;

	while ((slot = next_namespace(live, state, detailed, now)) >= 0) {
		visit(live, state, (size_t)slot, now, outcome);
		if (ts_clock_ns(CLOCK_THREAD_CPUTIME_ID) - start >= budget_ns)
			return;
	}
}

static void peek(struct ts_live *live, struct proc_net *state, size_t slot)
{
	const struct ts_netns_entry *entry = &live->netns->entry[slot];
	struct space *space = state->space[slot];
	char why[256];

	if (!entry->alive || !entry->detailed || !space || space->serial != entry->serial ||
	    !space->fragments || ts_netns_enter(live->netns, entry))
		return;
	/* An error shows again, and is reported, in the snapshot. */
	if (!ts_net_files_read_sockets(&state->files, entry->initial, why))
		note_fragments(space, &state->files.reading);
	ts_netns_leave(live->netns);
}

static void proc_net_tick(struct ts_live *live, void *opaque, __u64 monotonic_ns)
{
	struct proc_net *state = opaque;

	if (monotonic_ns < state->peeked_ns + PEEK_NS)
		return;
	state->peeked_ns = monotonic_ns;
	for (size_t i = 0; i < live->netns->count; i++)
		peek(live, state, i);
}

static void proc_net_snapshot(struct ts_live *live, void *opaque, struct ts_snapshot *snapshot)
{
	struct proc_net *state = opaque;
	__u64 now = ts_clock_ns(CLOCK_MONOTONIC), passed = now - state->taken_ns;
	struct outcome outcome = {0};
	__u64 budget;
	bool eager;

	for (size_t i = 0; i < live->netns->count; i++) {
		if (!live->netns->entry[i].alive)
			forget(state, i);
		else if (live->netns->entry[i].initial)
			visit(live, state, i, now, &outcome);
	}
	eager = ts_pace_eager(live, now, TS_PACE_EAGER_NS);
	budget = ts_pace_budget(TS_PACE_NETWORK_FILES, eager, passed);
	visit_some(live, state, true, now, eager ? ~0ULL : budget, &outcome);
	visit_some(live, state, false, now, !state->taken_ns ? ~0ULL : budget / 2, &outcome);
	add_series(live, state, snapshot);
	state->taken_ns = now;
	if (!outcome.visited && !outcome.failed)
		snprintf(outcome.why, sizeof outcome.why, "no network namespace was found");
	/* A part that failed is said, and the rest is still good. */
	ts_snapshot_source_status(snapshot, TS_SOURCE_PROC_NET,
				  outcome.visited ? TS_STATUS_OK : TS_STATUS_FAILED, outcome.why);
}

const struct ts_source ts_source_proc_net = {
	.id = TS_SOURCE_PROC_NET,
	.open = proc_net_open,
	.tick = proc_net_tick,
	.snapshot = proc_net_snapshot,
	.close = proc_net_close,
};
