// SPDX-License-Identifier: GPL-2.0-only
#include "listener_series.h"

#include <stdio.h>
#include <stdlib.h>

#define SUFFERERS_MAX 8
#define OWNER_NS      30000000000ULL /* an owner is looked up again after so long, */
#define NO_OWNER_NS   5000000000ULL  /* one that was not found, after so long */

static const char *const fill_names[] = {
	[TS_QUEUE_EMPTY] = "empty",
	[TS_QUEUE_PARTIAL] = "partial",
	[TS_QUEUE_FULL] = "full",
};

void ts_listener_settle(struct ts_listener *listener, __u64 now_ns, __u32 stands_for)
{
	enum ts_queue_fill fill = listener->full    ? TS_QUEUE_FULL
				  : listener->queue ? TS_QUEUE_PARTIAL
						    : TS_QUEUE_EMPTY;

	listener->seen = true;
	listener->samples[fill]++;
	if (listener->sampled)
		listener->samples[listener->fill] += stands_for - 1;
	listener->sampled = true;
	listener->fill = fill;
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

struct labels {
	char netns[16], port[8];
};

static void labels_of(const struct ts_listener *listener, bool other, struct labels *labels)
{
	if (other) {
		*labels = (struct labels){"other", "other"};
		return;
	}
	snprintf(labels->netns, sizeof labels->netns, "%u", listener->netns);
	snprintf(labels->port, sizeof labels->port, "%u", listener->port);
}

struct gauge {
	enum ts_family_id family;
	double value;
};

static void add_gauges(struct ts_snapshot *snapshot, const struct gauge *gauges, size_t count,
		       const char *const *labels)
{
	for (size_t i = 0; i < count; i++)
		ts_snapshot_gauge(snapshot, gauges[i].family, labels, gauges[i].value);
}

void ts_listener_snapshot(struct ts_snapshot *snapshot, const struct ts_listener *listener,
			  bool lives, bool other)
{
	const struct gauge now[] = {
		/* Several sockets may share the port: that of the one that drops is in question. */
		{TS_FAMILY_TCP_LISTENER_BACKLOG,
		 listener->inode_drops ? listener->inode_limit : listener->limit},
		{TS_FAMILY_TCP_ACCEPT_QUEUE, lives ? (double)listener->queue : 0},
	};
	const struct gauge since[] = {
		{TS_FAMILY_TCP_ACCEPT_QUEUE_PEAK, (double)listener->peak},
		{TS_FAMILY_TCP_LISTENER_BURST, (double)listener->burst},
		{TS_FAMILY_TCP_ACCEPT_QUEUE_FULL, (double)listener->longest_full_ns / 1e9},
	};
	const char *const *labels;
	struct labels l;

	labels_of(listener, other, &l);
	labels = TS_LABELS(l.netns, l.port);
	ts_snapshot_counter(snapshot, TS_FAMILY_TCP_LISTENER_DROPS, labels, listener->drops);
	for (size_t i = 0; i < TS_QUEUE_STATES; i++)
		ts_snapshot_counter(snapshot, TS_FAMILY_TCP_ACCEPT_QUEUE_SAMPLES,
				    TS_LABELS(l.netns, l.port, fill_names[i]),
				    listener->samples[i]);
	/* A limit or a length that belongs to many says nothing. */
	if (other)
		return;
	add_gauges(snapshot, now, sizeof now / sizeof *now, labels);
	if (listener->seen)
		add_gauges(snapshot, since, sizeof since / sizeof *since, labels);
	if (listener->handshakes_seen)
		ts_snapshot_gauge(snapshot, TS_FAMILY_TCP_SYN_QUEUE_PEAK, labels,
				  listener->handshakes_peak);
}

/* ---- sufferers */

static bool suffered(const struct ts_listener *listener)
{
	return listener->drops_since || listener->was_full;
}

static int worse(const void *a, const void *b)
{
	const struct ts_listener *left = *(const struct ts_listener *const *)a;
	const struct ts_listener *right = *(const struct ts_listener *const *)b;

	return (left->drops_since < right->drops_since) - (left->drops_since > right->drops_since);
}

/* Looking for owners goes through all open files of the host: not with each snapshot anew. */
static bool known(const struct ts_listener *listener, __u64 now_ns)
{
	return listener->owner_ns &&
	       (listener->owner.inode == listener->inode ||
		listener->owner.inode == listener->live_inode) &&
	       listener->owner_ns + (listener->owner.pid ? OWNER_NS : NO_OWNER_NS) > now_ns;
}

static void look_up(const struct ts_live *live, struct ts_listener **worst, size_t count,
		    __u64 now_ns)
{
	struct ts_socket_owner owner[SUFFERERS_MAX] = {0}, successor[SUFFERERS_MAX] = {0};

	for (size_t i = 0; i < count; i++)
		owner[i].inode = known(worst[i], now_ns) ? 0 : worst[i]->inode;
	ts_socket_owners(live->proc, owner, count);
	/* Closed since: a service that was restarted. Its successor is who to talk to. */
	for (size_t i = 0; i < count; i++)
		if (owner[i].inode && !owner[i].pid && owner[i].inode != worst[i]->live_inode)
			successor[i].inode = worst[i]->live_inode;
	ts_socket_owners(live->proc, successor, count);
	for (size_t i = 0; i < count; i++) {
		if (!owner[i].inode)
			continue;
		worst[i]->owner = successor[i].pid ? successor[i] : owner[i];
		worst[i]->owner_ns = now_ns;
	}
}

void ts_listener_sufferers(const struct ts_live *live, struct ts_listener *listeners, size_t count,
			   struct ts_snapshot *snapshot, __u64 now_ns)
{
	struct ts_listener *worst[TS_LISTENER_SERIES];
	size_t found = 0;

	for (size_t i = 0; i < count; i++)
		if (listeners[i].used && suffered(&listeners[i]))
			worst[found++] = &listeners[i];
	if (!found)
		return;
	qsort(worst, found, sizeof *worst, worse);
	if (found > SUFFERERS_MAX)
		found = SUFFERERS_MAX;
	look_up(live, worst, found, now_ns);
	for (size_t i = 0; i < found; i++) {
		struct labels l;

		labels_of(worst[i], false, &l);
		ts_snapshot_sufferer(snapshot, &(struct ts_sufferer){
						       .family = TS_FAMILY_TCP_LISTENER_DROPS,
						       .label = {l.netns, l.port},
						       .pid = worst[i]->owner.pid,
						       .comm = worst[i]->owner.comm,
						       .cgroup = "",
						       .value = (double)worst[i]->drops_since,
					       });
	}
}

void ts_listener_start_interval(struct ts_listener *listener)
{
	listener->seen = listener->was_full = listener->handshakes_seen = false;
	listener->drops_since = listener->burst = listener->peak = listener->longest_full_ns = 0;
	listener->handshakes_peak = listener->inode_drops = 0;
	listener->inode = 0;
}
