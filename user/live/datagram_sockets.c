// SPDX-License-Identifier: GPL-2.0-only
#include "datagram_sockets.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "proc_stat.h"
#include "procfile.h"
#include "socket_owner.h"

#define SOCKETS_MOST   256
#define GROUPS_MOST    64 /* and the other one */
#define OTHER	       GROUPS_MOST
#define BUSY_NS	       1000000000ULL   /* a socket is followed for so long after it was full */
#define GAP_MOST_NS    300000000ULL    /* more than that between two visits says nothing */
#define OWNER_AGAIN_NS 5000000000ULL   /* before a process that was not found is looked for again */
#define IDLE_NS	       600000000000ULL /* a group without news leaves */
#define DRAINED_SHARE  8	       /* at most one part in so many of the queue is in use */
#define MESSAGE_BYTES  2304	       /* of one that was not seen: a full Ethernet frame's */

/* What bounds the queue. */
enum limit { LIMIT_DEFAULT, LIMIT_MAX, LIMIT_FIXED, LIMIT_MESSAGES, LIMIT_MEMORY, LIMITS };
static const char *const limit_names[LIMITS] = {"rmem_default", "rmem_max", "fixed",
						"max_dgram_qlen", "udp_mem"};

enum kind { OBSERVED, QUEUED, FULL, WORKING, KINDS };
static const char *const kind_names[KINDS] = {"observed", "queued", "full", "working"};

struct group {
	bool used, unix_socket;
	__u32 netns;
	char netns_label[24], name[96];
	enum limit limit;
	__u64 drops, time_ns[KINDS];
	/* Since the last snapshot. */
	__u64 stretch_ns, demand, capacity, fresh_ns;
	int pid;
	char comm[32];
	__u64 news_ns;
};

struct socket_state {
	__u64 identity; /* 0: free */
	__u64 netns_serial, inode;
	bool unix_socket, met;	/* in this visit */
	size_t group;		/* once it was full */
	__u32 drops;		/* as read last */
	__u64 seen_ns, full_ns; /* last visit; last one that found it full or dropping */
	__u64 waiting_ns;	/* since when no visit has found its queue drained; 0: it is */
	__u64 lost;		/* datagrams in that time */
	__u32 most;		/* that it was ever seen to hold */
	__u32 message_bytes;
	int pid;
	char comm[32];
	__u64 asked_ns; /* for its process */
	__u64 cpu_ticks;
};

struct ts_datagram_sockets {
	struct socket_state socket[SOCKETS_MOST];
	struct group group[GROUPS_MOST + 1];
	__u64 unnoticed; /* sockets there was no room for */
	__u64 waiting;	 /* bytes at UDP sockets, since somebody asked */
	/* Of the visit. */
	const struct ts_netns_entry *entry;
	const char *proc;
	bool unix_sockets, history;
	__u64 now_ns;
};

struct ts_datagram_sockets *ts_datagram_sockets_new(void)
{
	return calloc(1, sizeof(struct ts_datagram_sockets));
}

void ts_datagram_sockets_free(struct ts_datagram_sockets *sockets)
{
	free(sockets);
}

void ts_datagram_visit_begin(struct ts_datagram_sockets *sockets,
			     const struct ts_netns_entry *entry, const char *proc,
			     bool unix_sockets, __u64 now_ns, bool history)
{
	sockets->entry = entry;
	sockets->proc = proc;
	sockets->unix_sockets = unix_sockets;
	sockets->now_ns = now_ns;
	sockets->history = history;
	for (size_t i = 0; i < SOCKETS_MOST; i++)
		sockets->socket[i].met = false;
}

/* ---- one socket */

static struct socket_state *find_socket(struct ts_datagram_sockets *sockets, __u64 identity,
					bool make)
{
	struct socket_state *free_one = NULL;

	for (size_t i = 0; i < SOCKETS_MOST; i++) {
		struct socket_state *socket = &sockets->socket[i];

		if (socket->identity == identity && socket->netns_serial == sockets->entry->serial)
			return socket;
		if (!socket->identity && !free_one)
			free_one = socket;
	}
	if (!make)
		return NULL;
	if (!free_one) {
		sockets->unnoticed++;
		return NULL;
	}
	*free_one = (struct socket_state){
		.identity = identity,
		.netns_serial = sockets->entry->serial,
		.unix_socket = sockets->unix_sockets,
		.group = OTHER + 1,
		.seen_ns = sockets->now_ns,
	};
	return free_one;
}

static enum limit limit_of(const struct ts_datagram_record *record,
			   const struct ts_datagram_limits *limits)
{
	if (record->unix_socket)
		return LIMIT_MESSAGES;
	/* There was room in its buffer. */
	if (limits->memory_only ||
	    (limits->memory_low && record->queued < record->limit - record->limit / 4))
		return LIMIT_MEMORY;
	if (!record->buffer_locked)
		return LIMIT_DEFAULT;
	return limits->rmem_max && record->limit == 2 * limits->rmem_max ? LIMIT_MAX : LIMIT_FIXED;
}

/* What its users call it. Control characters are left to who shows it. */
static void name_of(const struct ts_datagram_record *record, char name[96])
{
	char path[TS_DATAGRAM_NAME + 1];
	size_t length = record->name_length;

	if (!record->unix_socket) {
		snprintf(name, 96, "udp:%u", record->port);
		return;
	}
	memcpy(path, record->name, TS_DATAGRAM_NAME);
	path[length < TS_DATAGRAM_NAME ? length : TS_DATAGRAM_NAME] = '\0';
	if (!length)
		snprintf(name, 96, "unix:(unnamed)");
	else if (path[0])
		snprintf(name, 96, "unix:%s", path);
	else
		snprintf(name, 96, "unix:@%s", path + 1);
}

static size_t find_group(struct ts_datagram_sockets *sockets,
			 const struct ts_datagram_record *record,
			 const struct ts_datagram_limits *limits)
{
	enum limit limit = limit_of(record, limits);
	size_t free_one = OTHER;
	char name[96];

	name_of(record, name);
	for (size_t i = 0; i < GROUPS_MOST; i++) {
		struct group *g = &sockets->group[i];

		if (!g->used) {
			free_one = free_one == OTHER ? i : free_one;
			continue;
		}
		if (g->netns == (__u32)sockets->entry->inode && g->limit == limit &&
		    !strcmp(g->name, name))
			return i;
	}
	if (free_one == OTHER)
		return OTHER;
	sockets->group[free_one] = (struct group){
		.used = true,
		.unix_socket = record->unix_socket,
		.netns = (__u32)sockets->entry->inode,
		.limit = limit,
	};
	strcpy(sockets->group[free_one].netns_label, sockets->entry->label);
	strcpy(sockets->group[free_one].name, name);
	return free_one;
}

static void raise(__u64 *peak, __u64 value)
{
	if (value > *peak)
		*peak = value;
}

/* CPU time the process has used since the last time it was asked, in nanoseconds. */
static __u64 worked(struct socket_state *socket, const char *proc)
{
	char path[64], text[512];
	__u64 before = socket->cpu_ticks;

	if (socket->pid <= 0)
		return 0;
	snprintf(path, sizeof path, "%s/%d/stat", proc, socket->pid);
	if (ts_read_small(AT_FDCWD, path, text, sizeof text) <= 0 ||
	    !ts_process_ticks(text, &socket->cpu_ticks))
		return 0;
	return before && socket->cpu_ticks > before ? (socket->cpu_ticks - before) * ts_tick_ns()
						    : 0;
}

/* How much the queue would have had to hold: what it holds, and what was lost meanwhile. */
static void note_demand(struct group *g, const struct socket_state *socket,
			const struct ts_datagram_record *record)
{
	__u32 bytes = socket->message_bytes ? socket->message_bytes : MESSAGE_BYTES;

	if (!record->unix_socket)
		raise(&g->demand, (g->limit == LIMIT_MEMORY ? socket->most : record->limit) +
					  socket->lost * bytes);
	else if (record->message_bytes)
		raise(&g->demand, record->sender_buffer / record->message_bytes);
	raise(&g->capacity, record->limit);
}

static void note_losses(struct ts_datagram_sockets *sockets, struct socket_state *socket,
			const struct ts_datagram_limits *limits,
			const struct ts_datagram_record *record)
{
	__u32 lost = record->unix_socket ? 0 : record->drops - socket->drops;
	bool full = record->unix_socket && record->queued > record->limit;

	socket->drops = record->drops;
	if (sockets->history || (!lost && !full))
		return;
	socket->group = find_group(sockets, record, limits);
	sockets->group[socket->group].drops += lost;
	sockets->group[socket->group].news_ns = sockets->now_ns;
	socket->full_ns = sockets->now_ns;
	socket->lost += lost;
	/* Of the time in which nobody dropped it was not looked at: nothing is known of it. */
	if (!socket->waiting_ns)
		socket->waiting_ns = sockets->now_ns - socket->seen_ns > GAP_MOST_NS
					     ? sockets->now_ns - GAP_MOST_NS
					     : socket->seen_ns;
	note_demand(&sockets->group[socket->group], socket, record);
}

static bool is_busy(const struct socket_state *socket, __u64 now_ns)
{
	return socket->full_ns && now_ns - socket->full_ns <= BUSY_NS;
}

/* The time since the last visit, by what this one finds. record NULL: nothing waits. */
static void account(struct ts_datagram_sockets *sockets, struct socket_state *socket,
		    const struct ts_datagram_record *record)
{
	__u64 now = sockets->now_ns, elapsed = now - socket->seen_ns;
	struct group *g = &sockets->group[socket->group];
	/* Where memory ends it a queue never comes near its own limit. */
	__u32 limit = record && g->limit == LIMIT_MEMORY ? socket->most
		      : record				 ? record->limit
							 : 0;
	bool waits = record && record->queued > limit / DRAINED_SHARE;
	bool full = record && record->unix_socket && record->queued > record->limit;
	__u64 work;

	socket->seen_ns = now;
	if (!is_busy(socket, now)) {
		socket->waiting_ns = waits ? socket->waiting_ns : 0;
		return;
	}
	work = worked(socket, sockets->proc);
	if (elapsed > GAP_MOST_NS)
		elapsed = GAP_MOST_NS;
	g->time_ns[OBSERVED] += elapsed;
	g->time_ns[QUEUED] += waits ? elapsed : 0;
	g->time_ns[FULL] += full ? elapsed : 0;
	g->fresh_ns += elapsed;
	g->time_ns[WORKING] += work > elapsed ? elapsed : work;
	if (waits && socket->waiting_ns)
		raise(&g->stretch_ns, now - socket->waiting_ns);
	else if (waits)
		socket->waiting_ns = now;
	if (!waits) {
		socket->waiting_ns = 0;
		socket->lost = 0;
	}
}

void ts_datagram_visit(struct ts_datagram_sockets *sockets, const struct ts_datagram_limits *limits,
		       const struct ts_datagram_record *record)
{
	bool full = record->unix_socket && record->queued > record->limit;
	struct socket_state *socket = find_socket(sockets, record->identity, full || record->drops);

	sockets->waiting += record->unix_socket ? 0 : record->queued;
	if (!socket)
		return;
	/* The kernel uses the memory of sockets again. */
	if (socket->inode && socket->inode != record->inode)
		*socket = (struct socket_state){
			.identity = record->identity,
			.netns_serial = sockets->entry->serial,
			.unix_socket = record->unix_socket,
			.group = OTHER + 1,
			.seen_ns = socket->seen_ns,
		};
	socket->inode = record->inode;
	socket->met = true;
	if (record->queued > socket->most)
		socket->most = record->queued;
	if (record->messages)
		socket->message_bytes = record->unix_socket ? record->message_bytes
							    : record->queued / record->messages;
	note_losses(sockets, socket, limits, record);
	if (socket->group <= OTHER)
		account(sockets, socket, record);
	else
		socket->seen_ns = sockets->now_ns;
}

/* ---- the end of a visit */

static void find_owners(struct ts_datagram_sockets *sockets)
{
	struct ts_socket_owner owner[SOCKETS_MOST] = {0};
	bool wanted = false;

	for (size_t i = 0; i < SOCKETS_MOST; i++) {
		struct socket_state *socket = &sockets->socket[i];

		if (!socket->identity || socket->group > OTHER || socket->pid ||
		    (socket->asked_ns && sockets->now_ns - socket->asked_ns < OWNER_AGAIN_NS))
			continue;
		socket->asked_ns = sockets->now_ns;
		owner[i].inode = (__u32)socket->inode;
		wanted |= owner[i].inode != 0;
	}
	if (!wanted)
		return;
	ts_socket_owners(sockets->proc, owner, SOCKETS_MOST);
	for (size_t i = 0; i < SOCKETS_MOST; i++) {
		struct socket_state *socket = &sockets->socket[i];

		if (!owner[i].pid)
			continue;
		socket->pid = owner[i].pid;
		memcpy(socket->comm, owner[i].comm, sizeof socket->comm);
		worked(socket, sockets->proc);
	}
}

void ts_datagram_visit_end(struct ts_datagram_sockets *sockets)
{
	for (size_t i = 0; i < SOCKETS_MOST; i++) {
		struct socket_state *socket = &sockets->socket[i];
		struct group *g;

		if (!socket->identity || socket->unix_socket != sockets->unix_sockets ||
		    socket->netns_serial != sockets->entry->serial)
			continue;
		/* A unix socket without messages is not listed; a UDP socket that is not is gone.
		 */
		if (!socket->met && (!socket->unix_socket || !is_busy(socket, sockets->now_ns))) {
			socket->identity = 0;
			continue;
		}
		if (!socket->met)
			account(sockets, socket, NULL);
		g = socket->group <= OTHER ? &sockets->group[socket->group] : NULL;
		if (g && socket->pid) {
			g->pid = socket->pid;
			memcpy(g->comm, socket->comm, sizeof g->comm);
		}
	}
	find_owners(sockets);
}

bool ts_datagram_is_busy(const struct ts_datagram_sockets *sockets,
			 const struct ts_netns_entry *entry, bool unix_sockets, __u64 now_ns)
{
	for (size_t i = 0; i < SOCKETS_MOST; i++) {
		const struct socket_state *socket = &sockets->socket[i];

		if (socket->identity && socket->unix_socket == unix_sockets &&
		    socket->netns_serial == entry->serial && is_busy(socket, now_ns))
			return true;
	}
	return false;
}

__u64 ts_datagram_waiting(struct ts_datagram_sockets *sockets)
{
	__u64 waiting = sockets->waiting;

	sockets->waiting = 0;
	return waiting;
}

/* ---- series */

static void add_group(struct ts_snapshot *snapshot, const struct group *g)
{
	bool other = !g->used;
	const char *netns = other ? "other" : g->netns_label, *name = other ? "other" : g->name;
	const char *limit = other ? "other" : limit_names[g->limit];
	const char *const *labels = TS_LABELS(netns, name, limit);
	struct ts_sufferer sufferer = {
		.family = TS_FAMILY_DATAGRAM_QUEUE_TIME,
		.label = {netns, name, limit, ""},
		.pid = g->pid,
		.comm = g->comm,
		.cgroup = "",
		.value = (double)g->fresh_ns / 1e9,
	};

	if (!g->unix_socket)
		ts_snapshot_counter(snapshot, TS_FAMILY_UDP_DROPS, labels, g->drops);
	for (int i = 0; i < KINDS; i++)
		ts_snapshot_counter(snapshot, TS_FAMILY_DATAGRAM_QUEUE_TIME,
				    TS_LABELS(netns, name, limit, kind_names[i]), g->time_ns[i]);
	ts_snapshot_gauge(snapshot, TS_FAMILY_DATAGRAM_QUEUE_STRETCH, labels,
			  (double)g->stretch_ns / 1e9);
	ts_snapshot_gauge(snapshot,
			  g->unix_socket ? TS_FAMILY_UNIX_QUEUE_LIMIT : TS_FAMILY_UDP_BUFFER,
			  labels, (double)g->capacity);
	ts_snapshot_gauge(snapshot,
			  g->unix_socket ? TS_FAMILY_UNIX_QUEUE_DEMAND : TS_FAMILY_UDP_DEMAND,
			  labels, (double)g->demand);
	if (g->pid && sufferer.value > 0)
		ts_snapshot_sufferer(snapshot, &sufferer);
}

void ts_datagram_snapshot(struct ts_datagram_sockets *sockets, const struct ts_netns_table *netns,
			  struct ts_snapshot *snapshot, __u64 now_ns)
{
	for (size_t i = 0; i <= OTHER; i++) {
		struct group *g = &sockets->group[i];

		if (i < OTHER && g->used &&
		    (ts_netns_gone(netns, g->netns) || now_ns - g->news_ns > IDLE_NS)) {
			for (size_t k = 0; k < SOCKETS_MOST; k++)
				if (sockets->socket[k].group == i)
					sockets->socket[k].group = OTHER + 1;
			*g = (struct group){0};
		}
		if (g->used || (i == OTHER && g->drops + g->time_ns[OBSERVED]))
			add_group(snapshot, g);
		g->stretch_ns = g->demand = g->capacity = g->fresh_ns = 0;
	}
	snapshot->cost.lost_events += sockets->unnoticed;
}
