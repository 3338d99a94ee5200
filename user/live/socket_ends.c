// SPDX-License-Identifier: GPL-2.0-only
#include "socket_ends.h"

#include <stdlib.h>
#include <bpf/libbpf.h>
#include <tunescope/sockets.h>
#include <tunescope/tcp.h>

#include "clock.h"
#include "netns.h"
#include "pace.h"
#include "procfile.h"

#define READ_NS 1000000000ULL /* from one reading to the next, at least */

struct ts_socket_ends {
	struct ring_buffer *ring;
	__u64 next_ns, jiffy_ns, lost;
	/* while they are read */
	const struct ts_socket_memory *memory;
	struct ts_socket_groups *groups;
	struct ts_socket_namespaces *namespaces;
};

static int read_end(void *context, void *data, size_t size)
{
	struct ts_socket_ends *ends = context;
	const struct ts_socket_end *end = data;
	__u32 netns = TS_TCP_KEY_NETNS(end->key);
	const struct ts_netns_limits *limits;
	const struct ts_netns_entry *entry;
	struct ts_socket_group *group;
	struct ts_socket_past past;

	if (size < sizeof *end)
		return 0;
	entry = ts_socket_namespace(ends->namespaces, netns);
	limits = entry ? ts_socket_namespace_limits(ends->namespaces, entry) : NULL;
	if (!limits) {
		ends->lost++;
		return 0;
	}
	group = entry->detailed
			? ts_socket_group(ends->groups, netns, TS_TCP_KEY_OUTBOUND(end->key),
					  TS_TCP_KEY_PORT(end->key))
			: ts_socket_group_other(ends->groups);
	past = ts_socket_memory_past(ends->memory, &end->socket, netns, end->ended_ns);
	ts_socket_group_rtt(group, end->socket.smoothed_rtt_us, end->socket.minimum_rtt_us);
	ts_socket_judge_end(group, end, &past, limits, ends->jiffy_ns);
	ts_sending_ended(ts_socket_group_sending(group), &end->socket, &past);
	return 0;
}

struct ts_socket_ends *ts_socket_ends_open(const struct ts_map *ring)
{
	struct ts_socket_ends *ends;

	if (!ring || ring->fd < 0)
		return NULL;
	ends = calloc(1, sizeof *ends);
	if (!ends)
		return NULL;
	ends->jiffy_ns = ts_jiffy_ns();
	ends->ring = ring_buffer__new(ring->fd, read_end, ends, NULL);
	if (ends->ring)
		return ends;
	free(ends);
	return NULL;
}

void ts_socket_ends_close(struct ts_socket_ends *ends)
{
	if (!ends)
		return;
	ring_buffer__free(ends->ring);
	free(ends);
}

void ts_socket_ends_read(struct ts_socket_ends *ends, struct ts_live *live,
			 const struct ts_socket_memory *memory, struct ts_socket_groups *groups,
			 struct ts_socket_namespaces *namespaces, __u64 now_ns)
{
	__u64 before, rest;
	int count;

	if (!ends || (now_ns && now_ns < ends->next_ns))
		return;
	before = ts_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	ends->memory = memory;
	ends->groups = groups;
	ends->namespaces = namespaces;
	ts_socket_namespaces_begin(namespaces, live->netns);
	count = ring_buffer__consume(ends->ring);
	if (!now_ns)
		return;
	rest = count > 0 ? ts_pace_rest(TS_PACE_SOCKET_ENDS,
					ts_pace_eager(live, now_ns, TS_PACE_EAGER_NS),
					ts_clock_ns(CLOCK_THREAD_CPUTIME_ID) - before)
			 : 0;
	ends->next_ns = now_ns + (rest > READ_NS ? rest : READ_NS);
}

__u64 ts_socket_ends_lost(const struct ts_socket_ends *ends)
{
	return ends ? ends->lost : 0;
}
