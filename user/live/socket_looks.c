// SPDX-License-Identifier: GPL-2.0-only
#include "socket_looks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <tunescope/tcp.h>

#include "clock.h"
#include "slots.h"

/* 20 small segments: with less neither its limits nor how it sends are judged. */
#define LIMITS_BYTES 10720
#define MOST_PARTS   (2 * TS_SOCKETS_OPEN / TS_SOCKETS_LOOKS) /* of a look that makes progress */

struct ts_socket_looks_state {
	int program;
	struct ts_socket_looks *shared; /* with the program */
	size_t length;
	__u64 looked_ns; /* 0: never */
};

struct ts_socket_looks_state *ts_socket_looks_open(const struct ts_socket_looking *looking)
{
	struct ts_socket_looks_state *looks;

	if (!looking || looking->program < 0 || looking->map->fd < 0)
		return NULL;
	looks = calloc(1, sizeof *looks);
	if (!looks)
		return NULL;
	looks->program = fcntl(looking->program, F_DUPFD_CLOEXEC, 3);
	looks->shared = ts_slots_map(looking->map, &looks->length);
	if (looks->program >= 0 && looks->shared)
		return looks;
	ts_socket_looks_close(looks);
	return NULL;
}

void ts_socket_looks_close(struct ts_socket_looks_state *looks)
{
	if (!looks)
		return;
	if (looks->program >= 0)
		close(looks->program);
	if (looks->shared)
		munmap(looks->shared, looks->length);
	free(looks);
}

/* ---- what is looked at */

/* An entry for it, as the program takes one; NULL: it has one, or all there move something. */
static struct ts_socket_open *place_for(struct ts_socket_looks_state *looks, __u64 socket)
{
	__u32 place = TS_SOCKET_PLACE(TS_SOCKET_HASH(socket));
	struct ts_socket_open *found = NULL;

	for (__u32 way = 0; way < TS_SOCKETS_WAYS; way++) {
		struct ts_socket_open *open = &looks->shared->open[place + way];

		if (open->socket == socket)
			return NULL;
		if (!open->socket || (!found && !open->moves))
			found = open;
	}
	return found;
}

void ts_socket_looks_meet(struct ts_socket_looks_state *looks,
			  const struct ts_socket_record *record, __u64 key)
{
	const struct ts_socket_progress *progress = &record->progress;
	struct ts_socket_open *open = looks ? place_for(looks, record->identity) : NULL;

	if (!open)
		return;
	open->key = key;
	open->told = open->seen = progress->bytes_received + progress->bytes_acked;
	open->begun = 0;
	open->moves = 0;
	__atomic_store_n(&open->socket, record->identity, __ATOMIC_RELEASE);
}

/* ---- a look */

struct looking {
	const struct ts_socket_visitor *visitor;
	struct ts_socket_namespaces *namespaces;
	__u64 now, since_last_ns; /* 0: nothing is known of the last look */
};

static bool fits(const struct ts_socket_record *record, __u64 key)
{
	__u16 port = TS_TCP_KEY_OUTBOUND(key) ? record->remote_port : record->local_port;

	return port == TS_TCP_KEY_PORT(key);
}

/* It was read without a lock: what the kernel changed meanwhile may look less than nothing. */
static void mend(struct ts_socket_record *record)
{
	__u32 *differences[] = {&record->unread, &record->unsent, &record->outstanding};

	for (size_t i = 0; i < sizeof differences / sizeof *differences; i++)
		if ((__s32)*differences[i] < 0)
			*differences[i] = 0;
}

static void judge(const struct looking *looking, struct ts_socket_look *look)
{
	static const struct ts_netns_limits none;
	__u32 netns = TS_TCP_KEY_NETNS(look->key);
	const struct ts_socket_visitor *visitor = looking->visitor;
	struct ts_socket_meeting meeting = {
		.netns = netns,
		.outbound = TS_TCP_KEY_OUTBOUND(look->key),
		.limits = &none,
		.now = looking->now,
		.age_ns = look->age * visitor->jiffy_ns,
		.moved = look->moved,
		.settled_ns = look->settled ? looking->since_last_ns : 0,
		.stirred = !look->settled,
	};
	struct ts_netns_entry *entry;

	if (!fits(&look->socket, look->key))
		return;
	entry = ts_socket_namespace(looking->namespaces, netns);
	if (!entry)
		return;
	if (look->moved >= LIMITS_BYTES)
		meeting.limits = ts_socket_namespace_limits(looking->namespaces, entry);
	if (!meeting.limits)
		return;
	meeting.group = entry->detailed ? ts_socket_group(visitor->groups, netns, meeting.outbound,
							  TS_TCP_KEY_PORT(look->key))
					: ts_socket_group_other(visitor->groups);
	mend(&look->socket);
	ts_socket_visit(visitor, &meeting, &look->socket);
}

int ts_socket_looks_look(struct ts_socket_looks_state *looks,
			 const struct ts_socket_visitor *visitor,
			 struct ts_socket_namespaces *namespaces, struct ts_netns_table *table)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);
	struct ts_socket_looks *shared = looks->shared;
	__u64 now = ts_clock_ns(CLOCK_MONOTONIC);
	struct looking looking = {
		.visitor = visitor,
		.namespaces = namespaces,
		.now = now,
		.since_last_ns = looks->looked_ns ? now - looks->looked_ns : 0,
	};
	int error = 0;

	ts_socket_namespaces_begin(namespaces, table);
	shared->next = 0;
	for (int part = 0; !error && part < MOST_PARTS && shared->next < TS_SOCKETS_OPEN; part++) {
		looking.now = ts_clock_ns(CLOCK_MONOTONIC);
		error = bpf_prog_test_run_opts(looks->program, &options);
		for (__u32 i = 0; !error && i < shared->records && i < TS_SOCKETS_LOOKS; i++)
			judge(&looking, &shared->record[i]);
	}
	looks->looked_ns = now;
	return error;
}
