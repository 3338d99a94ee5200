// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connections that no program holds any more, against net.ipv4.tcp_max_orphans: how many of them
 * the host has, sampled twice a second, and, while there are many, in which namespaces and states.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/tcp.h>

#include "clock.h"
#include "netns.h"
#include "procfile.h"
#include "sockdiag.h"

#define SAMPLE_NS   500000000ULL
#define LIST_NS	    2000000000ULL /* between two lists of them, which cost more, */
#define LIST_SHARE  1000	  /* at most one part in so many of one CPU, */
#define LIMIT_SHARE 4		  /* and only while there are this part of the limit */

#define LISTED	    (1U << TCP_FIN_WAIT1 | 1U << TCP_FIN_WAIT2 | 1U << TCP_LAST_ACK | 1U << TCP_CLOSING)

enum orphan_state { ORPHAN_SENDING, ORPHAN_FIN_WAIT, ORPHAN_STATES };

/* Sending: what was written before it was closed has not all been acknowledged. */
static const char *const state_names[ORPHAN_STATES] = {
	[ORPHAN_SENDING] = "sending",
	[ORPHAN_FIN_WAIT] = "fin-wait-2",
};

struct space {
	__u64 serial;
	double listed[ORPHAN_STATES], peak[ORPHAN_STATES];
};

struct orphans {
	struct ts_procfile sockets, limit;
	struct space space[TS_NETNS_MAX];
	__u64 sampled_ns, next_list_ns;
	double peak, maximum;
	int error;
};

static void orphans_close(void *opaque)
{
	struct orphans *state = opaque;

	ts_procfile_close(&state->sockets);
	ts_procfile_close(&state->limit);
	free(state);
}

static int orphans_open(struct ts_live *live, void **opaque, enum ts_status *status, char why[256])
{
	struct orphans *state = calloc(1, sizeof *state);
	const char *path = "/proc/net/sockstat";
	int error = state ? ts_procfile_open(&state->sockets, live->proc, "net/sockstat") : -ENOMEM;

	if (state && !error) {
		path = "/proc/sys/net/ipv4/tcp_max_orphans";
		error = ts_procfile_open(&state->limit, live->proc, "sys/net/ipv4/tcp_max_orphans");
	}
	*opaque = state;
	if (!error)
		return 0;
	*status = TS_STATUS_FAILED;
	ts_proc_why(why, path, error);
	if (state)
		orphans_close(state);
	return error;
}

/* "TCP: inuse 1 orphan 0 tw 0 …": the orphans are those of the host in every namespace. */
static int read_orphans(struct orphans *state, double *orphans)
{
	const char *at;
	unsigned int number;
	int error = ts_procfile_read(&state->sockets);

	if (error)
		return error;
	at = strstr(state->sockets.text, "TCP:");
	if (!at || sscanf(at, "TCP: inuse %*u orphan %u", &number) != 1)
		return -EPROTO;
	*orphans = number;
	return 0;
}

static int read_limit(struct orphans *state)
{
	char *at = state->limit.text;
	__u64 value;
	int error = ts_procfile_read(&state->limit);

	if (error)
		return error;
	at = state->limit.text;
	if (!ts_take_number(&at, &value))
		return -EPROTO;
	state->maximum = (double)value;
	return 0;
}

static void visit_socket(void *context, const struct ts_diag_socket *socket)
{
	struct space *space = context;

	/* One that a program still holds has an inode. */
	if (!socket->inode)
		space->listed[socket->state == TCP_FIN_WAIT2 ? ORPHAN_FIN_WAIT : ORPHAN_SENDING]++;
}

static void list_namespace(struct ts_live *live, struct orphans *state, size_t slot)
{
	struct ts_netns_entry *entry = &live->netns->entry[slot];
	struct space *space = &state->space[slot];
	int diag = ts_netns_diag(live->netns, entry);

	/* One that cannot be entered has gone since the last refresh. */
	if (diag < 0)
		return;
	if (space->serial != entry->serial)
		*space = (struct space){.serial = entry->serial};
	memset(space->listed, 0, sizeof space->listed);
	ts_sockdiag_dump(diag, LISTED, false, visit_socket, space);
	ts_netns_diag_done(entry, diag);
	for (size_t i = 0; i < ORPHAN_STATES; i++)
		if (space->listed[i] > space->peak[i])
			space->peak[i] = space->listed[i];
}

static void list(struct ts_live *live, struct orphans *state, __u64 now)
{
	__u64 start = ts_clock_ns(CLOCK_THREAD_CPUTIME_ID), cost;

	for (size_t i = 0; i < live->netns->count; i++)
		if (live->netns->entry[i].alive && live->netns->entry[i].detailed)
			list_namespace(live, state, i);
	cost = ts_clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;
	state->next_list_ns = now + (cost * LIST_SHARE > LIST_NS ? cost * LIST_SHARE : LIST_NS);
}

static void sample(struct ts_live *live, struct orphans *state, __u64 now)
{
	double orphans = 0;

	state->sampled_ns = now;
	state->error = read_orphans(state, &orphans);
	if (state->error || !orphans)
		return;
	if (orphans > state->peak)
		state->peak = orphans;
	state->error = read_limit(state);
	if (!state->error && orphans * LIMIT_SHARE >= state->maximum && now >= state->next_list_ns)
		list(live, state, now);
}

static void orphans_tick(struct ts_live *live, void *opaque, __u64 monotonic_ns)
{
	struct orphans *state = opaque;

	if (monotonic_ns < state->sampled_ns + SAMPLE_NS)
		return;
	ts_netns_tick(live->netns, live->proc, monotonic_ns);
	sample(live, state, monotonic_ns);
}

static void add_namespace(const struct ts_netns_entry *entry, struct space *space,
			  struct ts_snapshot *snapshot)
{
	for (size_t i = 0; i < ORPHAN_STATES; i++) {
		if (space->peak[i] > 0)
			ts_snapshot_gauge(snapshot, TS_FAMILY_TCP_ORPHAN_STATES,
					  TS_LABELS(entry->label, state_names[i]), space->peak[i]);
		space->peak[i] = 0;
	}
}

static void orphans_snapshot(struct ts_live *live, void *opaque, struct ts_snapshot *snapshot)
{
	struct orphans *state = opaque;

	sample(live, state, ts_clock_ns(CLOCK_MONOTONIC));
	if (state->error) {
		char why[256];

		ts_proc_why(why, "/proc/net/sockstat or /proc/sys/net/ipv4/tcp_max_orphans",
			    state->error);
		ts_snapshot_source_status(snapshot, TS_SOURCE_ORPHANS, TS_STATUS_FAILED, why);
		return;
	}
	ts_snapshot_source_status(snapshot, TS_SOURCE_ORPHANS, TS_STATUS_OK, "");
	ts_snapshot_gauge(snapshot, TS_FAMILY_TCP_ORPHANS, TS_LABELS(), state->peak);
	state->peak = 0;
	for (size_t i = 0; i < live->netns->count; i++)
		if (live->netns->entry[i].alive && live->netns->entry[i].detailed &&
		    state->space[i].serial == live->netns->entry[i].serial)
			add_namespace(&live->netns->entry[i], &state->space[i], snapshot);
}

const struct ts_source ts_source_orphans = {
	.id = TS_SOURCE_ORPHANS,
	.open = orphans_open,
	.tick = orphans_tick,
	.snapshot = orphans_snapshot,
	.close = orphans_close,
};
