// SPDX-License-Identifier: GPL-2.0-only
/* TCP events: reads what bpf/tcp.bpf.c counts, and keeps its list of listening ports right. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <bpf/bpf.h>
#include <tunescope/sockets.h>
#include <tunescope/tcp.h>

#include "../core/arena.h"
#include "../core/histogram.h"
#include "clock.h"
#include "netns.h"
#include "pace.h"
#include "probe.h"
#include "slots.h"
#include "sockdiag.h"
#include "socket_looks.h"
#include "tcp.skel.h"
#include "tcp_plain.skel.h"

#define RECONCILE_NS	 3000000000ULL
#define RECONCILE_MOST	 15000000000ULL /* as often as its share allows, but so often at least */
#define SEGMENT_PROGRAM	 "ts_tcp_segment"
#define LOOK_PROGRAM	 "ts_tcp_look"
#define UNSEEN_NS	 10000000000ULL /* a port in a namespace that cannot be visited */
#define SLOTS_WITH_OTHER (TS_TCP_SLOTS + 1)
#define COUNTERS	 (sizeof(struct ts_tcp_counters) / sizeof(__u64))
#define HISTOGRAM_WORDS	 (sizeof(struct ts_histogram_keyed) / sizeof(__u64))
/* All that is counted in a slot, the CPUs' counters added up. */
#define SLOT_WORDS (COUNTERS + TS_TCP_HISTOGRAMS * HISTOGRAM_WORDS)

struct tcp_state {
	struct tcp_bpf *skeleton; /* while it is opened */
	const struct ts_map *ports, *places, *times, *totals_map, *ends;
	struct ts_socket_looking looking;
	struct ts_probe probe;
	/* Mapped only during a snapshot: else they would count as this process's own memory. */
	const struct ts_tcp_counters *totals; /* [cpu][slot] */
	struct ts_tcp_shared *shared;	      /* without the connects under way */
	size_t shared_length;
	struct ts_slots slots;
	unsigned int cpus;
	int error; /* of this snapshot's reading */
	__u64 reconciled_ns, reconcile_cost_ns;
};

/* What each family depends on, and where its numbers stand. */
static const struct {
	enum ts_family_id family;
	const char *program[2]; /* all of them must be attached */
} needs[] = {
	{TS_FAMILY_TCP_RETRANSMITS, {"ts_tcp_rexmit", "ts_tcp_synack"}},
	{TS_FAMILY_TCP_CONNECT_LATENCY, {"ts_tcp_state"}},
	{TS_FAMILY_TCP_CONNECT_FAILURES, {"ts_tcp_state"}},
	{TS_FAMILY_TCP_RESETS, {"ts_tcp_rst_sent", "ts_tcp_rst_got"}},
	{TS_FAMILY_TCP_CONNECTIONS, {"ts_tcp_state"}},
	{TS_FAMILY_TCP_CONNECTION_BYTES, {"ts_tcp_state"}},
	{TS_FAMILY_TCP_CONNECTION_SEGMENTS, {"ts_tcp_state"}},
	{TS_FAMILY_TCP_SMOOTHED_RTT, {"ts_tcp_state"}},
	{TS_FAMILY_TCP_MINIMUM_RTT, {"ts_tcp_state"}},
	{TS_FAMILY_TCP_SERVICE_TIME, {"ts_tcp_state"}}, /* without ts_tcp_segment: coarser */
	{TS_FAMILY_TCP_EXCHANGES, {SEGMENT_PROGRAM, "ts_tcp_state"}},
};

static const char *const cause_names[] = {
	[TS_TCP_TIMEOUT] = "timeout", [TS_TCP_FAST] = "fast",	  [TS_TCP_PROBE] = "probe",
	[TS_TCP_SYN] = "syn",	      [TS_TCP_SYNACK] = "synack",
};
static const char *const direction_names[] = {
	[TS_TCP_SENT] = "sent",
	[TS_TCP_RECEIVED] = "received",
};
static const char *const failure_names[] = {
	[TS_TCP_NO_LOCAL_PORT] = "no-local-port",
	[TS_TCP_NOT_ESTABLISHED] = "not-established",
};

/* The counters of ts_tcp_counters, each an array of counters of one family. */
static const struct {
	enum ts_family_id family;
	size_t offset;
	size_t count;
	const char *const *names; /* values of the last label; NULL when the family has none */
	bool side;		  /* the family has a side label; else its port is remote */
} counters[] = {
#define MEMBER(member)                            \
	offsetof(struct ts_tcp_counters, member), \
		sizeof(((struct ts_tcp_counters *)0)->member) / sizeof(__u64)
	{TS_FAMILY_TCP_RETRANSMITS, MEMBER(retransmits), cause_names, true},
	{TS_FAMILY_TCP_RESETS, MEMBER(resets), direction_names, true},
	{TS_FAMILY_TCP_CONNECT_FAILURES, MEMBER(failures), failure_names, false},
	{TS_FAMILY_TCP_CONNECTIONS, MEMBER(connections), NULL, true},
	{TS_FAMILY_TCP_EXCHANGES, MEMBER(exchanges), NULL, true},
	{TS_FAMILY_TCP_CONNECTION_BYTES, MEMBER(bytes), direction_names, true},
	{TS_FAMILY_TCP_CONNECTION_SEGMENTS, MEMBER(segments), direction_names, true},
#undef MEMBER
};

static const struct {
	enum ts_family_id family;
	bool side;
} histograms[TS_TCP_HISTOGRAMS] = {
	[TS_TCP_CONNECT_LATENCY] = {TS_FAMILY_TCP_CONNECT_LATENCY, false},
	[TS_TCP_SMOOTHED_RTT] = {TS_FAMILY_TCP_SMOOTHED_RTT, true},
	[TS_TCP_MINIMUM_RTT] = {TS_FAMILY_TCP_MINIMUM_RTT, true},
	[TS_TCP_SERVICE_TIME] = {TS_FAMILY_TCP_SERVICE_TIME, true},
};

/* ---- listening ports */

struct seed {
	int map, places;
	__u32 netns;
	__u64 now;
};

/* The programs do so as well: whoever comes second is found in the table of ports. */
static void take_place(int places, const struct ts_tcp_listening_key *key)
{
	__u32 place = TS_TCP_PLACE(key->port);
	__u64 only = 0;

	if (bpf_map_lookup_elem(places, &place, &only) || only)
		return;
	only = TS_TCP_ONLY_KEY(key->netns, key->port);
	bpf_map_update_elem(places, &place, &only, BPF_ANY);
}

/* From now on the table is asked: others may have come that share the place. */
static void leave_place(int places, const struct ts_tcp_listening_key *key)
{
	__u32 place = TS_TCP_PLACE(key->port);
	__u64 only = 0;

	if (bpf_map_lookup_elem(places, &place, &only) ||
	    only != TS_TCP_ONLY_KEY(key->netns, key->port))
		return;
	only = TS_TCP_ASK_TABLE;
	bpf_map_update_elem(places, &place, &only, BPF_ANY);
}

static void seed_port(void *context, const struct ts_diag_socket *socket)
{
	const struct seed *seed = context;
	struct ts_tcp_listening_key key = {.netns = seed->netns, .port = socket->port};

	if (!bpf_map_update_elem(seed->map, &key, &seed->now, BPF_ANY))
		take_place(seed->places, &key);
}

/* Enters every port that is listening now, and notes which namespaces could be looked at. */
static void seed_ports(struct ts_live *live, const struct tcp_state *state, __u64 now,
		       bool visited[TS_NETNS_MAX])
{
	struct ts_netns_table *table = live->netns;

	for (size_t i = 0; i < table->count; i++) {
		struct seed seed = {state->ports->fd, state->places->fd,
				    (__u32)table->entry[i].inode, now};

		int diag;

		visited[i] = false;
		if (!table->entry[i].alive)
			continue;
		diag = ts_netns_diag(table, &table->entry[i]);
		if (diag < 0)
			continue;
		visited[i] = !ts_sockdiag_dump(diag, TS_DIAG_LISTEN, false, seed_port, &seed);
		ts_netns_diag_done(&table->entry[i], diag);
	}
}

static bool was_visited(const struct ts_netns_table *table, const bool visited[TS_NETNS_MAX],
			__u32 netns)
{
	for (size_t i = 0; i < table->count; i++)
		if ((__u32)table->entry[i].inode == netns && table->entry[i].alive)
			return visited[i];
	return false;
}

/*
 * Removes the ports that nobody has listened on since before. A namespace that was not visited may
 * be too new to be known, or gone: its ports stay for a while.
 */
static void forget_ports(const struct ts_netns_table *table, const struct tcp_state *state,
			 __u64 before, const bool visited[TS_NETNS_MAX])
{
	int map = state->ports->fd;
	struct ts_tcp_listening_key key, next;
	bool more = !bpf_map_get_next_key(map, NULL, &next);
	__u64 entered;

	while (more) {
		key = next;
		more = !bpf_map_get_next_key(map, &key, &next);
		if (bpf_map_lookup_elem(map, &key, &entered) || entered >= before)
			continue;
		if (entered + UNSEEN_NS >= before && !was_visited(table, visited, key.netns))
			continue;
		bpf_map_delete_elem(map, &key);
		leave_place(state->places->fd, &key);
	}
}

static __u64 reconcile_gap(const struct tcp_state *state)
{
	__u64 gap = ts_pace_rest(TS_PACE_LISTENING_PORTS, false, state->reconcile_cost_ns);

	return gap < RECONCILE_NS ? RECONCILE_NS : gap > RECONCILE_MOST ? RECONCILE_MOST : gap;
}

static void tcp_tick(struct ts_live *live, void *data, __u64 monotonic_ns)
{
	struct tcp_state *state = data;
	bool visited[TS_NETNS_MAX];
	__u64 now, begin;

	ts_netns_tick(live->netns, live->proc, monotonic_ns);
	if (monotonic_ns - state->reconciled_ns < reconcile_gap(state))
		return;
	state->reconciled_ns = monotonic_ns;
	begin = ts_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	now = ts_clock_ns(CLOCK_MONOTONIC);
	seed_ports(live, state, now, visited);
	forget_ports(live->netns, state, now, visited);
	state->reconcile_cost_ns = ts_clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin;
}

/* ---- open and close */

static void tcp_close(void *data)
{
	struct tcp_state *state = data;

	ts_probe_close(&state->probe);
	if (state->shared)
		munmap(state->shared, state->shared_length);
	tcp_bpf__destroy(state->skeleton);
	ts_slots_close(&state->slots);
	free(state);
}

static int fail(struct tcp_state *state, enum ts_status *status, char why[256], const char *what,
		int error)
{
	*status = TS_STATUS_FAILED;
	snprintf(why, 256, "%s: %s", what, strerror(-error));
	if (state)
		tcp_close(state);
	return error;
}

static int tcp_open(struct ts_live *live, void **data, enum ts_status *status, char why[256])
{
	struct tcp_state *state = calloc(1, sizeof *state);
	bool visited[TS_NETNS_MAX];
	int parameters = 0, error;

	if (!state)
		return fail(NULL, status, why, "out of memory", -ENOMEM);
	if (!ts_slots_open(&state->slots, TS_TCP_SLOTS))
		return fail(state, status, why, "out of memory", -ENOMEM);
	state->skeleton = ts_skeleton_open(tcp, live);
	if (!state->skeleton)
		return fail(state, status, why, "the BPF object cannot be opened", -errno);
	ts_tracepoint_exists(live->kernel_btf, "tcp_retransmit_skb", &parameters);
	state->skeleton->rodata->ts_tcp_retransmit_has_error = parameters > 2;
	state->skeleton->rodata->ts_tcp_jiffy_ns = ts_jiffy_ns();
	state->skeleton->rodata->ts_tcp_end_least = TS_SOCKET_END_LEAST;
	state->skeleton->rodata->ts_tcp_segments =
		ts_tracepoint_exists(live->kernel_btf, "tcp_probe", NULL) &&
		!ts_probe_disabled(SEGMENT_PROGRAM);
	bpf_program__set_autoattach(state->skeleton->progs.ts_tcp_segment, false);
	state->cpus = ts_possible_cpus();
	bpf_map__set_max_entries(state->skeleton->maps.ts_tcp_totals,
				 state->cpus * SLOTS_WITH_OTHER);
	error = ts_probe_load(&state->probe, "tcp", state->skeleton->obj, live, status, why);
	if (error) {
		tcp_close(state);
		return error;
	}
	state->ports = ts_probe_map(&state->probe, state->skeleton->maps.ts_tcp_ports);
	state->ends = ts_probe_map(&state->probe, state->skeleton->maps.ts_socket_ends);
	state->places = ts_probe_map(&state->probe, state->skeleton->maps.ts_tcp_places);
	state->times = ts_probe_map(&state->probe, state->skeleton->maps.ts_tcp_times);
	state->totals_map = ts_probe_map(&state->probe, state->skeleton->maps.ts_tcp_totals);
	/* The skeleton's own view is of the time before loading: the object was loaded without it.
	 */
	state->shared =
		ts_slots_map_head(ts_probe_map(&state->probe, state->skeleton->maps.bss),
				  offsetof(struct ts_tcp_shared, connects), &state->shared_length);
	if (!state->shared)
		return fail(state, status, why, "the table of keys cannot be mapped", -errno);
	state->reconciled_ns = ts_clock_ns(CLOCK_MONOTONIC);
	seed_ports(live, state, state->reconciled_ns, visited);
	/* It keeps whose a connection is for as long as that lasts: the services come first. */
	ts_probe_attach(&state->probe, SEGMENT_PROGRAM);
	state->looking = (struct ts_socket_looking){
		ts_probe_map(&state->probe, state->skeleton->maps.data_looks),
		ts_probe_program(&state->probe, LOOK_PROGRAM),
	};
	ts_skeleton_close(tcp, state->skeleton);
	live->socket_ends = state->ends;
	live->socket_looks = &state->looking;
	*data = state;
	return 0;
}

/* ---- snapshot */

struct labels {
	char netns[16], port[8];
	const char *side;
};

static void labels_of(struct labels *labels, __u64 key, bool other)
{
	if (other) {
		*labels = (struct labels){"other", "other", "other"};
		return;
	}
	snprintf(labels->netns, sizeof labels->netns, "%u", TS_TCP_KEY_NETNS(key));
	snprintf(labels->port, sizeof labels->port, "%u", TS_TCP_KEY_PORT(key));
	labels->side = TS_TCP_KEY_OUTBOUND(key) ? "outbound" : "service";
}

/*
 * SLOT_WORDS of them. Few of the slots are in use: copying their histograms costs far less than
 * mapping those of all.
 */
static void read_slot(struct tcp_state *state, __u32 slot, __u64 *words)
{
	memset(words, 0, COUNTERS * sizeof *words);
	for (unsigned int cpu = 0; cpu < state->cpus; cpu++) {
		const __u64 *counter =
			(const __u64 *)&state->totals[(size_t)cpu * SLOTS_WITH_OTHER + slot];

		for (size_t i = 0; i < COUNTERS; i++)
			words[i] += counter[i];
	}
	for (__u32 i = 0; i < TS_TCP_HISTOGRAMS; i++) {
		__u32 index = slot * TS_TCP_HISTOGRAMS + i;
		__u64 *histogram = words + COUNTERS + i * HISTOGRAM_WORDS;

		if (!bpf_map_lookup_elem(state->times->fd, &index, histogram))
			continue;
		state->error = -errno;
		memset(histogram, 0, HISTOGRAM_WORDS * sizeof *histogram);
	}
}

/* A number that changes with all that is counted. */
static __u64 mark_of(const __u64 *words)
{
	__u64 mark = 0;

	for (size_t i = 0; i < COUNTERS; i++)
		mark += words[i];
	for (size_t i = 0; i < TS_TCP_HISTOGRAMS; i++) {
		const __u64 *histogram = words + COUNTERS + i * HISTOGRAM_WORDS;

		mark += histogram[0] + histogram[2]; /* sum, and the slot of zeros */
	}
	return mark;
}

static void add_counters(struct ts_snapshot *snapshot, const __u64 *sum, const struct labels *l,
			 bool other)
{
	for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
		for (size_t j = 0; j < counters[i].count; j++) {
			__u64 value = sum[counters[i].offset / sizeof(__u64) + j];
			const char *name = counters[i].names ? counters[i].names[j] : NULL;

			if (!value)
				continue;
			ts_snapshot_counter(snapshot, counters[i].family,
					    counters[i].side
						    ? TS_LABELS(l->netns, l->side, l->port, name)
						    : TS_LABELS(l->netns, l->port, name),
					    value);
			if (other)
				snapshot->family[counters[i].family].overflowed += value;
		}
	}
}

static void add_histogram(struct ts_snapshot *snapshot, size_t which, const struct ts_slot *slot,
			  const __u64 *words, const struct labels *l, bool other)
{
	enum ts_family_id family = histograms[which].family;
	size_t first = COUNTERS + which * HISTOGRAM_WORDS;
	__u64 used[3] = {words[first], 0, words[first + 2]};
	struct ts_histogram *histogram;

	if (slot)
		ts_slot_subtract(slot, first, used, 3);
	if (!used[0] && !used[2])
		return;
	histogram =
		ts_snapshot_histogram(snapshot, family,
				      histograms[which].side ? TS_LABELS(l->netns, l->side, l->port)
							     : TS_LABELS(l->netns, l->port),
				      TS_HISTOGRAM_SCALE_KEYED);
	if (slot)
		ts_slot_histogram(slot, first, words + first, histogram);
	else
		ts_histogram_add_raw(histogram, words[first], words[first + 1], words + first + 2);
	if (other)
		snapshot->family[family].overflowed += histogram->count;
}

/* slot: NULL for the one of all others. words are those of the map. */
static void add_slot(struct ts_snapshot *snapshot, const struct ts_slot *slot, __u64 *words)
{
	struct labels labels;

	labels_of(&labels, slot ? slot->owner : 0, !slot);
	for (size_t i = 0; i < TS_TCP_HISTOGRAMS; i++)
		add_histogram(snapshot, i, slot, words, &labels, !slot);
	if (slot)
		ts_slot_subtract(slot, 0, words, COUNTERS);
	add_counters(snapshot, words, &labels, !slot);
}

/* Whether the owner of a slot, of which all has been told, need not keep it. */
static bool abandoned(const struct ts_live *live, const struct tcp_state *state,
		      const struct ts_slot *slot, __u64 now, bool scarce)
{
	struct ts_tcp_listening_key key = {
		.netns = TS_TCP_KEY_NETNS(slot->owner),
		.port = TS_TCP_KEY_PORT(slot->owner),
	};
	__u64 entered;

	if (!ts_slot_idle(slot, now, TS_SLOT_GONE_NS))
		return false;
	if (ts_netns_gone(live->netns, key.netns))
		return true;
	return scarce && ts_slot_idle(slot, now, TS_SLOT_IDLE_NS) &&
	       (TS_TCP_KEY_OUTBOUND(slot->owner) ||
		bpf_map_lookup_elem(state->ports->fd, &key, &entered));
}

/* A family is measured only when every program it needs is attached. */
static void set_statuses(const struct tcp_state *state, struct ts_snapshot *snapshot)
{
	for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
		enum ts_status status = TS_STATUS_OK;
		const char *why = "";

		for (size_t j = 0; j < 2 && needs[i].program[j] && status == TS_STATUS_OK; j++)
			status = ts_probe_status(&state->probe, needs[i].program[j], &why);
		ts_snapshot_family_status(snapshot, needs[i].family, status, why);
	}
}

static void add_series(const struct ts_live *live, struct tcp_state *state,
		       struct ts_snapshot *snapshot)
{
	__u64 words[SLOT_WORDS], now = ts_clock_ns(CLOCK_MONOTONIC);
	bool scarce = ts_slots_scarce(&state->slots);

	ts_slots_begin(&state->slots);
	for (__u32 i = 0; i < TS_TCP_SLOTS; i++) {
		__u64 *key = &state->shared->keys[i],
		      owner = __atomic_load_n(key, __ATOMIC_RELAXED);
		struct ts_slot *slot = &state->slots.slot[i];

		if (!owner || (owner == TS_SLOT_RESTING && !ts_slot_rested(slot, now)))
			continue;
		read_slot(state, i, words);
		if (owner == TS_SLOT_RESTING) {
			if (!state->error)
				ts_slot_free(slot, key, words, SLOT_WORDS);
			continue;
		}
		ts_slot_see(slot, owner, mark_of(words), now);
		if (!ts_slots_show(&state->slots, i, owner))
			continue;
		add_slot(snapshot, slot, words);
		if (abandoned(live, state, slot, now, scarce))
			ts_slot_close(slot, key, now);
	}
	read_slot(state, TS_TCP_OTHER, words);
	add_slot(snapshot, NULL, words);
}

static void tcp_snapshot(struct ts_live *live, void *data, struct ts_snapshot *snapshot)
{
	struct tcp_state *state = data;
	char why[256];
	size_t length;

	set_statuses(state, snapshot);
	state->totals = ts_map_view(state->totals_map, &length);
	state->error = state->totals ? 0 : -errno;
	if (state->totals) {
		add_series(live, state, snapshot);
		munmap((void *)state->totals, length);
	}
	if (state->error) {
		snprintf(why, sizeof why, "the counters cannot be read: %s",
			 strerror(-state->error));
		ts_snapshot_source_status(snapshot, TS_SOURCE_TCP, TS_STATUS_FAILED, why);
	}
	snapshot->cost.lost_events += state->shared->lost_connects + state->shared->lost_listening +
				      state->shared->lost_exchanges + state->shared->lost_ends;
	ts_probe_cost(&state->probe, snapshot);
}

const struct ts_source ts_source_tcp = {
	.id = TS_SOURCE_TCP,
	.open = tcp_open,
	.tick = tcp_tick,
	.snapshot = tcp_snapshot,
	.close = tcp_close,
};
