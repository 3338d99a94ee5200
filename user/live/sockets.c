// SPDX-License-Identifier: GPL-2.0-only
/*
 * Established connections, visited about once a second through a BPF iterator: round-trip times,
 * and what bounds the receive window of those that receive. Between two visits nothing runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <tunescope/histogram.h>
#include <tunescope/sockets.h>
#include <tunescope/tcp.h>

#include "../core/histogram.h"
#include "clock.h"
#include "local_ports.h"
#include "netns.h"
#include "pace.h"
#include "probe.h"
#include "procfile.h"
#include "sockdiag.h"
#include "socket_ends.h"
#include "socket_groups.h"
#include "socket_limits.h"
#include "socket_looks.h"
#include "socket_namespaces.h"
#include "socket_peers.h"
#include "socket_visit.h"
#include "socket_writers.h"
#include "sockets.skel.h"

#define VISIT_NS       1000000000ULL /* between two visits */
#define VISIT_MINIMUM  300000000ULL  /* a snapshot repeats a visit older than this */
#define UNDETAILED     8	     /* namespaces without series of their own in one round */
#define READ_BYTES     32768
#define PRESSURE_SHARE 10 /* local ports are looked at when one in so many is taken */
#define IN_USE_FILES   2
#define PORT_WORDS     (65536 / 64)

struct visit {
	struct sockets_state *state;
	__u32 netns;
	bool detailed; /* else all its connections are "other" */
	__u64 now;
	/*
	 * The namespace was there in the last round as well, and visited so long ago: a connection
	 * that was not met then is younger.
	 */
	bool seen_before;
	__u64 since_last_ns;
	bool count_ports;
	struct ts_netns_limits limits;
	__u64 listening[PORT_WORDS];
	size_t listeners;
};

/* A namespace: the last round in which it was visited, and when. */
struct seen {
	__u64 serial, round, visited_ns;
};

struct sockets_state {
	struct sockets_bpf *skeleton;
	struct ts_probe probe;
	struct bpf_link *link;
	const struct ts_map *variables;
	struct ts_socket_memory *memory;
	struct ts_socket_ends *ends;	     /* NULL: not to be had */
	struct ts_socket_looks_state *looks; /* likewise */
	struct ts_socket_namespaces *namespaces;
	struct ts_socket_groups *groups;
	struct ts_local_ports *ports;
	struct ts_socket_writers *writers;
	struct ts_socket_peers *peers;
	struct ts_socket_visitor visitor; /* with some of them */
	__u64 visited_ns, next_ns, looked_ns, next_look_ns;
	__u64 round;
	struct seen seen[TS_NETNS_MAX];		 /* in their slots of the table */
	size_t undetailed;			 /* where the next round goes on with these */
	__u32 wanted;				 /* as the program has it */
	int error;				 /* of the last visits */
	struct ts_procfile in_use[IN_USE_FILES]; /* of the initial namespace */
	struct visit visit;
	char buffer[READ_BYTES];
};

/* ---- one socket */

static bool listens(const struct visit *visit, __u16 port)
{
	return visit->listening[port / 64] >> (port % 64) & 1;
}

static void visit_open(const struct visit *visit, const struct ts_socket_record *record)
{
	struct sockets_state *state = visit->state;
	bool outbound = !listens(visit, record->local_port);
	__u16 port = outbound ? record->remote_port : record->local_port;
	const struct ts_socket_meeting meeting = {
		.group = visit->detailed
				 ? ts_socket_group(state->groups, visit->netns, outbound, port)
				 : ts_socket_group_other(state->groups),
		.limits = &visit->limits,
		.netns = visit->netns,
		.outbound = outbound,
		.now = visit->now,
		.age_ns = visit->seen_before ? visit->since_last_ns : 0,
	};

	ts_socket_visit(&state->visitor, &meeting, record);
	ts_socket_looks_meet(state->looks, record, TS_TCP_KEY(visit->netns, outbound, port));
}

static void visit_socket(const struct visit *visit, const struct ts_socket_record *record)
{
	if (record->open)
		visit_open(visit, record);
	if (visit->count_ports && !listens(visit, record->local_port))
		ts_local_ports_add(visit->state->ports, record);
}

/* A read may end in the middle of a record: the rest comes with the next. */
static int read_records(const struct visit *visit, int iterator)
{
	char *buffer = visit->state->buffer;
	struct ts_socket_record record;
	size_t have = 0, used;
	ssize_t length;

	for (;;) {
		length = read(iterator, buffer + have, READ_BYTES - have);
		if (length < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (length <= 0)
			return length < 0 ? -errno : have ? -EBADMSG : 0;
		have += (size_t)length;
		for (used = 0; have - used >= sizeof record; used += sizeof record) {
			memcpy(&record, buffer + used, sizeof record);
			visit_socket(visit, &record);
		}
		have -= used;
		memmove(buffer, buffer + used, have);
	}
}

/* ---- one namespace */

struct sockets_in_use {
	unsigned int hashed, time_wait;
};

static void count_in_use(char *text, struct sockets_in_use *use)
{
	unsigned int hashed, time_wait;
	char *line;

	while ((line = ts_take_line(&text))) {
		if (sscanf(line, "TCP: inuse %u orphan %*u tw %u", &hashed, &time_wait) == 2) {
			use->hashed += hashed;
			use->time_wait += time_wait;
		} else if (sscanf(line, "TCP6: inuse %u", &hashed) == 1) {
			use->hashed += hashed;
		}
	}
}

/* Those of the initial namespace stay open; others would keep theirs alive. */
static void read_in_use(struct sockets_state *state, bool initial, struct sockets_in_use *use)
{
	static const char *const names[IN_USE_FILES] = {"sockstat", "sockstat6"};

	for (size_t i = 0; i < IN_USE_FILES; i++) {
		struct ts_procfile once = {.descriptor = -1};
		struct ts_procfile *file = initial ? &state->in_use[i] : &once;

		if ((file->path[0] || !ts_procfile_open(file, "/proc/thread-self/net", names[i])) &&
		    !ts_procfile_read(file))
			count_in_use(file->text, use);
		else
			ts_procfile_close(file);
		if (once.path[0])
			ts_procfile_close(&once);
	}
}

static void visit_listener(void *context, const struct ts_diag_socket *socket)
{
	struct visit *visit = context;

	visit->listening[socket->port / 64] |= 1ULL << (socket->port % 64);
	visit->listeners++;
}

static int list_listeners(struct ts_live *live, struct ts_netns_entry *entry, struct visit *visit)
{
	int diag = ts_netns_diag(live->netns, entry), error;

	if (diag < 0)
		return diag;
	error = ts_sockdiag_dump(diag, TS_DIAG_LISTEN, false, visit_listener, visit);
	ts_netns_diag_done(entry, diag);
	return error;
}

/* Tells the program which sockets to write. */
static int want(struct sockets_state *state, __u32 wanted)
{
	__u32 key = 0;

	if (state->wanted == wanted)
		return 0;
	if (bpf_map_update_elem(state->variables->fd, &key, &wanted, BPF_ANY) < 0)
		return -errno;
	state->wanted = wanted;
	return 0;
}

/*
 * Inside the namespace: an iterator over its sockets, or -1 when there is nothing to visit. Walking
 * the kernel's table of connections costs half a millisecond even when none belongs here, so ask
 * first whether there are any.
 */
static int open_iterator(struct ts_live *live, struct ts_netns_entry *entry, struct visit *visit)
{
	struct sockets_state *state = visit->state;
	struct sockets_in_use use = {0};
	int iterator, error;

	memset(visit->listening, 0, sizeof visit->listening);
	visit->listeners = 0;
	read_in_use(state, entry->initial, &use);
	visit->count_ports = false;
	if (!use.hashed && !use.time_wait)
		return -1;
	error = list_listeners(live, entry, visit);
	if (error) {
		state->error = error;
		return -1;
	}
	ts_netns_limits_read(&visit->limits);
	visit->count_ports = visit->limits.ports &&
			     (use.hashed + use.time_wait) * PRESSURE_SHARE > visit->limits.ports;
	if (use.hashed <= visit->listeners && !visit->count_ports)
		return -1;
	error = want(state, visit->count_ports ? TS_SOCKETS_ALL : TS_SOCKETS_OPEN);
	if (error) {
		state->error = error;
		return -1;
	}
	iterator = bpf_iter_create(bpf_link__fd(state->link));
	if (iterator < 0)
		state->error = -errno;
	return iterator;
}

static void visit_namespace(struct ts_live *live, struct sockets_state *state,
			    struct ts_netns_entry *entry)
{
	struct seen *seen = &state->seen[entry - live->netns->entry];
	struct visit *visit = &state->visit;
	__u64 visited_ns = seen->visited_ns;
	int iterator, error;

	/* One that cannot be entered has gone since the last refresh. */
	if (ts_netns_enter(live->netns, entry))
		return;
	visit->netns = (__u32)entry->inode;
	visit->detailed = entry->detailed;
	visit->seen_before = seen->serial == entry->serial && seen->round + 1 == state->round;
	seen->serial = entry->serial;
	seen->round = state->round;
	seen->visited_ns = ts_clock_ns(CLOCK_MONOTONIC);
	ts_socket_peers_enter(state->peers);
	iterator = open_iterator(live, entry, visit);
	ts_netns_leave(live->netns);
	if (iterator < 0)
		return;
	visit->now = ts_clock_ns(CLOCK_MONOTONIC);
	visit->since_last_ns = visit->now - visited_ns;
	if (visit->count_ports)
		ts_local_ports_begin(state->ports);
	error = read_records(visit, iterator);
	close(iterator);
	if (error)
		state->error = error;
	if (visit->count_ports)
		ts_local_ports_end(state->ports, visit->netns);
}

/* Those without series of their own take turns. */
static void visit_undetailed(struct ts_live *live, struct sockets_state *state)
{
	struct ts_netns_table *table = live->netns;
	size_t visited = 0;

	for (size_t n = 0; n < table->count && visited < UNDETAILED; n++) {
		struct ts_netns_entry *entry = &table->entry[state->undetailed++ % table->count];

		if (!entry->alive || entry->detailed)
			continue;
		visit_namespace(live, state, entry);
		visited++;
	}
}

static void read_ends(struct ts_live *live, struct sockets_state *state, __u64 now_ns)
{
	ts_socket_ends_read(state->ends, live, state->memory, state->groups, state->namespaces,
			    now_ns);
}

static void begin_round(struct ts_live *live, struct sockets_state *state)
{
	state->error = 0;
	state->round++;
	state->visit.state = state;
	state->visitor.proc = live->proc;
	state->visitor.round = true;
	ts_socket_groups_begin(state->groups);
	read_ends(live, state, 0);
	ts_socket_memory_begin(state->memory);
	ts_socket_peers_begin(state->peers);
}

static void end_round(struct ts_live *live, struct sockets_state *state)
{
	read_ends(live, state, 0);
	ts_socket_memory_end(state->memory);
	ts_socket_peers_end(state->peers, !live->netns->undetailed && !live->netns->unvisited);
}

static void visit_all(struct ts_live *live, struct sockets_state *state)
{
	__u64 start = ts_clock_ns(CLOCK_MONOTONIC), before = ts_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	__u64 took;

	begin_round(live, state);
	for (size_t i = 0; i < live->netns->count; i++)
		if (live->netns->entry[i].alive && live->netns->entry[i].detailed)
			visit_namespace(live, state, &live->netns->entry[i]);
	if (live->netns->undetailed)
		visit_undetailed(live, state);
	end_round(live, state);
	took = ts_clock_ns(CLOCK_THREAD_CPUTIME_ID) - before;
	/* A search for processes has a share of its own. */
	ts_socket_writers_end(state->writers, live);
	state->visited_ns = start;
	state->next_ns =
		start + ts_pace_rest(TS_PACE_SOCKETS,
				     ts_pace_eager(live, start, TS_PACE_EAGER_MAX_NS), took);
}

/* ---- looks between two rounds */

static bool look_is_due(const struct ts_live *live, const struct sockets_state *state, __u64 now,
			__u64 least)
{
	__u64 last = state->looked_ns > state->visited_ns ? state->looked_ns : state->visited_ns;

	/* In the first seconds rounds are as frequent. */
	return state->looks && now >= state->next_look_ns && now >= last + least &&
	       !ts_pace_eager(live, now, TS_PACE_EAGER_MAX_NS);
}

static void look(struct ts_live *live, struct sockets_state *state)
{
	__u64 start = ts_clock_ns(CLOCK_MONOTONIC), before = ts_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	__u64 took;

	state->visitor.round = false;
	ts_socket_groups_begin(state->groups);
	read_ends(live, state, 0);
	/* A kernel that cannot run the program on demand: rounds have to do. */
	if (ts_socket_looks_look(state->looks, &state->visitor, state->namespaces, live->netns)) {
		ts_socket_looks_close(state->looks);
		state->looks = NULL;
	}
	took = ts_clock_ns(CLOCK_THREAD_CPUTIME_ID) - before;
	ts_socket_writers_end(state->writers, live);
	state->looked_ns = start;
	state->next_look_ns = start + ts_pace_rest(TS_PACE_SOCKET_LOOKS, false, took);
}

static void sockets_tick(struct ts_live *live, void *data, __u64 monotonic_ns)
{
	struct sockets_state *state = data;

	ts_netns_tick(live->netns, live->proc, monotonic_ns);
	if (monotonic_ns >= state->next_ns && monotonic_ns >= state->visited_ns + VISIT_NS)
		visit_all(live, state);
	else if (look_is_due(live, state, monotonic_ns, VISIT_NS))
		look(live, state);
	else
		read_ends(live, state, monotonic_ns);
}

/* ---- open, snapshot, close */

static void sockets_close(void *data)
{
	struct sockets_state *state = data;

	bpf_link__destroy(state->link);
	ts_probe_close(&state->probe);
	sockets_bpf__destroy(state->skeleton);
	ts_socket_memory_free(state->memory);
	ts_socket_groups_free(state->groups);
	ts_socket_ends_close(state->ends);
	ts_socket_looks_close(state->looks);
	ts_socket_namespaces_free(state->namespaces);
	ts_local_ports_free(state->ports);
	ts_socket_writers_free(state->writers);
	ts_socket_peers_free(state->peers);
	for (size_t i = 0; i < IN_USE_FILES; i++)
		ts_procfile_close(&state->in_use[i]);
	free(state);
}

static int fail(struct sockets_state *state, enum ts_status *status, char why[256],
		enum ts_status how, const char *what, int error)
{
	*status = how;
	snprintf(why, 256, "%s: %s", what, strerror(-error));
	if (state)
		sockets_close(state);
	return error;
}

static int sockets_open(struct ts_live *live, void **data, enum ts_status *status, char why[256])
{
	struct sockets_state *state;
	int error;

	if (btf__find_by_name_kind(live->kernel_btf, "bpf_iter_tcp", BTF_KIND_FUNC) < 0)
		return fail(NULL, status, why, TS_STATUS_UNSUPPORTED,
			    "this kernel has no BPF iterator over TCP sockets (5.9)", -EOPNOTSUPP);
	state = calloc(1, sizeof *state);
	if (!state)
		return fail(NULL, status, why, TS_STATUS_FAILED, "no room", -ENOMEM);
	state->memory = ts_socket_memory_new();
	state->groups = ts_socket_groups_new();
	state->ports = ts_local_ports_new();
	state->writers = ts_socket_writers_new();
	state->peers = ts_socket_peers_new();
	state->namespaces = ts_socket_namespaces_new();
	if (!state->memory || !state->groups || !state->ports || !state->writers || !state->peers ||
	    !state->namespaces)
		return fail(state, status, why, TS_STATUS_FAILED, "no room", -ENOMEM);
	state->skeleton = sockets_bpf__open_opts(ts_open_options(live));
	if (!state->skeleton)
		return fail(state, status, why, TS_STATUS_FAILED, "the BPF object cannot be opened",
			    -errno);
	error = ts_probe_load(&state->probe, "sockets", state->skeleton->obj, live, status, why);
	if (error) {
		sockets_close(state);
		return error;
	}
	state->link = bpf_program__attach_iter(state->skeleton->progs.ts_sockets_visit, NULL);
	if (!state->link)
		return fail(state, status, why, TS_STATUS_UNSUPPORTED,
			    "the iterator over TCP sockets cannot be attached", -errno);
	state->variables = ts_probe_map(&state->probe, state->skeleton->maps.data);
	ts_skeleton_close(sockets, state->skeleton);
	state->ends = ts_socket_ends_open(live->socket_ends);
	state->looks = ts_socket_looks_open(live->socket_looks);
	state->visitor = (struct ts_socket_visitor){
		.memory = state->memory,
		.groups = state->groups,
		.writers = state->writers,
		.peers = state->peers,
		.jiffy_ns = ts_jiffy_ns(),
	};
	visit_all(live, state);
	if (state->error)
		return fail(state, status, why, TS_STATUS_FAILED, "TCP sockets cannot be visited",
			    state->error);
	*data = state;
	return 0;
}

static void sockets_snapshot(struct ts_live *live, void *data, struct ts_snapshot *snapshot)
{
	struct sockets_state *state = data;
	__u64 now = ts_clock_ns(CLOCK_MONOTONIC);
	char why[256];

	if ((now >= state->next_ns || ts_pace_eager(live, now, TS_PACE_EAGER_NS)) &&
	    now >= state->visited_ns + VISIT_MINIMUM)
		visit_all(live, state);
	else if (look_is_due(live, state, now, VISIT_MINIMUM))
		look(live, state);
	else
		read_ends(live, state, now);
	snprintf(why, sizeof why, "TCP sockets cannot be visited: %s", strerror(-state->error));
	ts_snapshot_source_status(snapshot, TS_SOURCE_SOCKETS,
				  state->error ? TS_STATUS_FAILED : TS_STATUS_OK,
				  state->error ? why : "");
	ts_socket_groups_snapshot(state->groups, live->netns, snapshot);
	ts_local_ports_snapshot(state->ports, snapshot);
	snapshot->cost.lost_events +=
		ts_socket_memory_lost(state->memory) + ts_socket_ends_lost(state->ends);
	ts_probe_cost(&state->probe, snapshot);
}

const struct ts_source ts_source_sockets = {
	.id = TS_SOURCE_SOCKETS,
	.open = sockets_open,
	.tick = sockets_tick,
	.snapshot = sockets_snapshot,
	.close = sockets_close,
};
