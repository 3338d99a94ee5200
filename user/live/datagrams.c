// SPDX-License-Identifier: GPL-2.0-only
/*
 * Datagram sockets whose queue is full. UDP: a program counts the drops of each namespace as they
 * happen, and only then the namespace's sockets are looked at, ten times a second while it goes on.
 * Unix sockets give no sign: they are looked at as often as a small share of a CPU allows.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "clock.h"
#include "datagram_sockets.h"
#include "datagrams.skel.h"
#include "pace.h"
#include "probe.h"
#include "procfile.h"
#include "udp_memory.h"

#define READ_BYTES 32768

struct iterator {
	const char *program,
		*function; /* the second: by which the kernel's BTF shows that it can */
	struct bpf_link *link;
	int error; /* of the last visits */
};

struct datagrams {
	struct datagrams_bpf *skeleton;
	struct ts_probe probe;
	struct iterator udp, unix_sockets;
	struct ts_datagram_sockets *sockets;
	struct ts_udp_memory memory;
	const __u64 *drops; /* twice TS_DATAGRAM_PLACES of them; NULL: not counted */
	size_t drops_length;
	__u64 seen[2 * TS_DATAGRAM_PLACES]; /* of drops, at the last visit */
	__u64 visited_ns, next_ns;
	struct ts_datagram_limits limits;
	bool history;
	char buffer[READ_BYTES];
};

/* ---- visiting */

/* A read may end in the middle of a record: the rest comes with the next. */
static int read_records(struct datagrams *state, int iterator)
{
	struct ts_datagram_record record;
	size_t have = 0, used;
	ssize_t length;

	for (;;) {
		length = read(iterator, state->buffer + have, READ_BYTES - have);
		if (length < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (length <= 0)
			return length < 0 ? -errno : have ? -EBADMSG : 0;
		have += (size_t)length;
		for (used = 0; have - used >= sizeof record; used += sizeof record) {
			memcpy(&record, state->buffer + used, sizeof record);
			ts_datagram_visit(state->sockets, &state->limits, &record);
		}
		have -= used;
		memmove(state->buffer, state->buffer + used, have);
	}
}

static __u64 read_limit(const struct ts_live *live, const char *name)
{
	char path[TS_PROC_PATH_MAX], text[32];
	__u64 value;

	if (ts_live_path(live, name, path, sizeof path) ||
	    ts_read_small(AT_FDCWD, path, text, sizeof text) <= 0 || !ts_is_number(text, &value))
		return 0;
	return value;
}

static void visit(struct ts_live *live, struct datagrams *state, struct ts_netns_entry *entry,
		  struct iterator *iterator)
{
	bool unix_sockets = iterator == &state->unix_sockets;
	int descriptor, error;

	if (!iterator->link)
		return;
	/* One that cannot be entered has gone since the last refresh. */
	if (ts_netns_enter(live->netns, entry))
		return;
	descriptor = bpf_iter_create(bpf_link__fd(iterator->link));
	error = descriptor < 0 ? -errno : 0;
	ts_netns_leave(live->netns);
	if (!error) {
		ts_datagram_visit_begin(state->sockets, entry, live->proc, unix_sockets,
					ts_clock_ns(CLOCK_MONOTONIC), state->history);
		error = read_records(state, descriptor);
		close(descriptor);
		/* What was not read to the end has not gone. */
		if (!error)
			ts_datagram_visit_end(state->sockets);
	}
	if (error)
		iterator->error = error;
}

static bool dropped_since(const struct datagrams *state, const struct ts_netns_entry *entry,
			  bool memory)
{
	size_t place = entry->inode % TS_DATAGRAM_PLACES + (memory ? TS_DATAGRAM_PLACES : 0);

	return state->drops[place] != state->seen[place];
}

static void read_limits(const struct ts_live *live, struct datagrams *state)
{
	state->limits.rmem_default = read_limit(live, "/proc/sys/net/core/rmem_default");
	state->limits.rmem_max = read_limit(live, "/proc/sys/net/core/rmem_max");
}

/*
 * The UDP sockets of namespaces that dropped something, or did a moment ago; of all of them when
 * the memory of UDP is running out.
 */
static void visit_udp(struct ts_live *live, struct datagrams *state)
{
	__u64 now = ts_clock_ns(CLOCK_MONOTONIC), drops[2 * TS_DATAGRAM_PLACES];
	bool limits = false, low;

	if (!state->drops)
		return;
	low = ts_udp_memory_is_low(&state->memory, now);
	ts_datagram_waiting(state->sockets); /* only those of this round */
	memcpy(drops, state->drops, sizeof drops);
	for (size_t i = 0; i < live->netns->count; i++) {
		struct ts_netns_entry *entry = &live->netns->entry[i];
		bool buffer = dropped_since(state, entry, false);
		bool memory = dropped_since(state, entry, true);

		if (!entry->alive || !entry->detailed ||
		    !(state->history || low || buffer || memory ||
		      ts_datagram_is_busy(state->sockets, entry, false, now)))
			continue;
		if (!limits)
			read_limits(live, state);
		limits = true;
		state->limits.memory_low = low || memory;
		state->limits.memory_only = (low || memory) && !buffer;
		ts_pace_moved(live, now);
		visit(live, state, entry, &state->udp);
	}
	memcpy(state->seen, drops, sizeof state->seen);
	if (low)
		ts_udp_memory_note(&state->memory, ts_datagram_waiting(state->sockets));
}

static void visit_unix(struct ts_live *live, struct datagrams *state, __u64 now)
{
	__u64 before = ts_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	bool all = now >= state->next_ns;

	for (size_t i = 0; i < live->netns->count; i++) {
		struct ts_netns_entry *entry = &live->netns->entry[i];
		bool busy;

		if (!entry->alive || !entry->detailed)
			continue;
		busy = ts_datagram_is_busy(state->sockets, entry, true, now);
		if (busy)
			ts_pace_moved(live, now);
		if (busy || all)
			visit(live, state, entry, &state->unix_sockets);
	}
	if (all)
		state->next_ns = now + ts_pace_rest(TS_PACE_DATAGRAMS,
						    ts_pace_eager(live, now, TS_PACE_EAGER_NS),
						    ts_clock_ns(CLOCK_THREAD_CPUTIME_ID) - before);
}

static void visit_all(struct ts_live *live, struct datagrams *state)
{
	__u64 now = ts_clock_ns(CLOCK_MONOTONIC);

	state->udp.error = state->unix_sockets.error = 0;
	visit_udp(live, state);
	visit_unix(live, state, now);
	state->visited_ns = now;
}

static void datagrams_tick(struct ts_live *live, void *data, __u64 monotonic_ns)
{
	struct datagrams *state = data;

	ts_netns_tick(live->netns, live->proc, monotonic_ns);
	ts_udp_memory_sample(&state->memory, monotonic_ns);
	visit_all(live, state);
}

/* ---- open, snapshot, close */

static void datagrams_close(void *data)
{
	struct datagrams *state = data;

	if (state->drops)
		munmap((void *)state->drops, state->drops_length);
	bpf_link__destroy(state->udp.link);
	bpf_link__destroy(state->unix_sockets.link);
	ts_probe_close(&state->probe);
	datagrams_bpf__destroy(state->skeleton);
	ts_datagram_sockets_free(state->sockets);
	ts_udp_memory_close(&state->memory);
	free(state);
}

static int fail(struct datagrams *state, enum ts_status *status, char why[256], const char *what,
		int error)
{
	*status = TS_STATUS_FAILED;
	snprintf(why, 256, "%s: %s", what, strerror(-error));
	if (state)
		datagrams_close(state);
	return error;
}

static void choose_iterator(const struct ts_live *live, const struct datagrams *state,
			    const struct iterator *iterator)
{
	struct bpf_program *program =
		bpf_object__find_program_by_name(state->skeleton->obj, iterator->program);

	if (btf__find_by_name_kind(live->kernel_btf, iterator->function, BTF_KIND_FUNC) >= 0)
		bpf_program__set_autoload(program, true);
}

static void attach_iterator(struct datagrams *state, struct iterator *iterator)
{
	struct bpf_program *program =
		bpf_object__find_program_by_name(state->skeleton->obj, iterator->program);

	if (ts_probe_status(&state->probe, iterator->program, NULL) != TS_STATUS_OK)
		return;
	iterator->link = bpf_program__attach_iter(program, NULL);
	if (!iterator->link)
		iterator->error = -errno;
}

static int load(struct ts_live *live, struct datagrams *state, enum ts_status *status,
		char why[256])
{
	int error;

	choose_iterator(live, state, &state->udp);
	choose_iterator(live, state, &state->unix_sockets);
	error = ts_probe_load(&state->probe, "datagrams", state->skeleton->obj, live, status, why);
	if (error)
		return error;
	attach_iterator(state, &state->udp);
	attach_iterator(state, &state->unix_sockets);
	if (ts_probe_status(&state->probe, "ts_udp_dropped", NULL) == TS_STATUS_OK)
		state->drops = ts_map_view(
			ts_probe_map(&state->probe, state->skeleton->maps.ts_datagram_drops),
			&state->drops_length);
	ts_skeleton_close(datagrams, state->skeleton);
	return 0;
}

static int datagrams_open(struct ts_live *live, void **data, enum ts_status *status, char why[256])
{
	struct datagrams *state = calloc(1, sizeof *state);
	int error;

	if (!state)
		return fail(NULL, status, why, "no room", -ENOMEM);
	state->udp = (struct iterator){"ts_udp_visit", "bpf_iter_udp", NULL, 0};
	state->unix_sockets = (struct iterator){"ts_unix_visit", "bpf_iter_unix", NULL, 0};
	state->sockets = ts_datagram_sockets_new();
	if (!state->sockets)
		return fail(state, status, why, "no room", -ENOMEM);
	state->skeleton = datagrams_bpf__open_opts(ts_open_options(live));
	if (!state->skeleton)
		return fail(state, status, why, "the BPF object cannot be opened", -errno);
	error = load(live, state, status, why);
	if (!error)
		ts_udp_memory_open(&state->memory, live);
	if (error) {
		datagrams_close(state);
		return error;
	}
	/* Drops from before are history: each socket that has any must be known. */
	state->history = true;
	visit_all(live, state);
	state->history = false;
	*data = state;
	return 0;
}

static void say(struct ts_snapshot *snapshot, const struct iterator *iterator, const char *lacks,
		const enum ts_family_id *family, size_t count)
{
	enum ts_status status = TS_STATUS_OK;
	char why[256] = "";

	if (iterator->error) {
		status = TS_STATUS_FAILED;
		snprintf(why, sizeof why, "sockets cannot be visited: %s",
			 strerror(-iterator->error));
	} else if (!iterator->link) {
		status = TS_STATUS_UNSUPPORTED;
		snprintf(why, sizeof why, "%s", lacks);
	}
	for (size_t i = 0; i < count; i++)
		ts_snapshot_family_status(snapshot, family[i], status, why);
}

static void datagrams_snapshot(struct ts_live *live, void *data, struct ts_snapshot *snapshot)
{
	static const enum ts_family_id udp[] = {TS_FAMILY_UDP_DROPS, TS_FAMILY_UDP_BUFFER,
						TS_FAMILY_UDP_DEMAND};
	static const enum ts_family_id unix_sockets[] = {TS_FAMILY_UNIX_QUEUE_LIMIT,
							 TS_FAMILY_UNIX_QUEUE_DEMAND};
	struct datagrams *state = data;

	ts_udp_memory_sample(&state->memory, ts_clock_ns(CLOCK_MONOTONIC));
	visit_all(live, state);
	ts_snapshot_source_status(snapshot, TS_SOURCE_DATAGRAMS, TS_STATUS_OK, "");
	if (state->drops)
		say(snapshot, &state->udp, "this kernel has no BPF iterator over UDP sockets (5.9)",
		    udp, sizeof udp / sizeof udp[0]);
	else
		say(snapshot, &(struct iterator){0},
		    "this kernel does not tell when a UDP socket drops a datagram", udp,
		    sizeof udp / sizeof udp[0]);
	say(snapshot, &state->unix_sockets,
	    "this kernel has no BPF iterator over unix sockets (5.15)", unix_sockets,
	    sizeof unix_sockets / sizeof unix_sockets[0]);
	ts_datagram_snapshot(state->sockets, live->netns, snapshot, ts_clock_ns(CLOCK_MONOTONIC));
	ts_udp_memory_snapshot(&state->memory, snapshot);
	ts_probe_cost(&state->probe, snapshot);
}

const struct ts_source ts_source_datagrams = {
	.id = TS_SOURCE_DATAGRAMS,
	.open = datagrams_open,
	.tick = datagrams_tick,
	.snapshot = datagrams_snapshot,
	.close = datagrams_close,
};
