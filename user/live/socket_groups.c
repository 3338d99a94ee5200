// SPDX-License-Identifier: GPL-2.0-only
#include "socket_groups.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tunescope/histogram.h>

#include "../core/histogram.h"

#define GROUPS_MAX  256
#define OTHER	    GROUPS_MAX
#define IDLE_ROUNDS 2
#define SMALL_WRITE \
	4608	    /* bytes: a larger write into a socket that is full is cut to more than that */
#define PLACES 1024 /* of the hash table; a power of two */

/* The families of a direction, and its names of limits; those without a name do not occur. */
static const struct direction {
	enum ts_family_id bytes, window, buffer, in_flight, rtt, connections;
	enum ts_family_id unsent; /* TS_FAMILY_COUNT: none */
	const char *limit[TS_LIMITS];
} directions[TS_DATA_DIRECTIONS] = {
	[TS_DATA_RECEIVED] = {TS_FAMILY_TCP_RECEIVED,
			      TS_FAMILY_TCP_RECEIVE_WINDOW,
			      TS_FAMILY_TCP_RECEIVE_BUFFER,
			      TS_FAMILY_TCP_RECEIVE_IN_FLIGHT,
			      TS_FAMILY_TCP_RECEIVE_RTT,
			      TS_FAMILY_TCP_RECEIVE_CONNECTIONS,
			      TS_FAMILY_COUNT,
			      {[TS_LIMIT_NONE] = "none",
			       [TS_LIMIT_GROWING] = "growing",
			       [TS_LIMIT_TCP_MEMORY] = "tcp_rmem",
			       [TS_LIMIT_CORE_MAXIMUM] = "rmem_max",
			       [TS_LIMIT_FIXED] = "fixed",
			       [TS_LIMIT_NO_AUTOTUNING] = "no-autotuning",
			       [TS_LIMIT_UNSCALED] = "unscaled",
			       [TS_LIMIT_READER] = "reader",
			       [TS_LIMIT_LOSS] = "loss"}},
	[TS_DATA_SENT] = {TS_FAMILY_TCP_SENT,
			  TS_FAMILY_TCP_SEND_WINDOW,
			  TS_FAMILY_TCP_SEND_BUFFER,
			  TS_FAMILY_TCP_SEND_IN_FLIGHT,
			  TS_FAMILY_TCP_SEND_RTT,
			  TS_FAMILY_TCP_SEND_CONNECTIONS,
			  TS_FAMILY_TCP_UNSENT,
			  {[TS_LIMIT_NONE] = "none",
			   [TS_LIMIT_GROWING] = "growing",
			   [TS_LIMIT_TCP_MEMORY] = "tcp_wmem",
			   [TS_LIMIT_CORE_MAXIMUM] = "wmem_max",
			   [TS_LIMIT_FIXED] = "fixed",
			   [TS_LIMIT_UNSCALED] = "unscaled",
			   [TS_LIMIT_PEER_WINDOW] = "peer-window",
			   [TS_LIMIT_LOSS] = "loss"}},
};

struct traffic_by_limit {
	__u64 bytes; /* cumulative */
	/* largest since the last snapshot */
	double window, buffer, unsent, in_flight;
	/* Since then: one reading on a busy host may be far off, so the mean counts. */
	double rtt_byte_seconds, rtt_bytes;
	__u32 connections; /* in the last round */
};

enum { WRITES_SMALL, WRITES_LARGE, WRITES };

struct ahead {
	__u64 samples;	       /* cumulative */
	double bytes, seconds; /* largest since the last snapshot */
};

struct ts_socket_group {
	__u32 netns;
	__u16 port;
	bool outbound;
	bool used;
	bool active; /* since the last snapshot */
	__u64 round; /* of visits in which it was */
	struct traffic_by_limit traffic[TS_DATA_DIRECTIONS][TS_LIMITS];
	struct ts_sending sending;
	struct ahead ahead[WRITES];
	struct ts_histogram_keyed *smoothed, *minimum, *exchange; /* made when first needed */
	/* observations, to tell how many went to "other" */
	__u64 rtt_readings, transfers[TS_DATA_DIRECTIONS], exchanges;
};

struct ts_socket_groups {
	struct ts_socket_group group[GROUPS_MAX + 1];
	size_t count;
	__u64 round;
	__u16 place[PLACES]; /* index + 1, 0: free */
};

struct ts_socket_groups *ts_socket_groups_new(void)
{
	return calloc(1, sizeof(struct ts_socket_groups));
}

static void free_histograms(struct ts_socket_group *group)
{
	free(group->smoothed);
	free(group->minimum);
	free(group->exchange);
}

void ts_socket_groups_free(struct ts_socket_groups *groups)
{
	if (!groups)
		return;
	for (size_t i = 0; i <= GROUPS_MAX; i++)
		free_histograms(&groups->group[i]);
	free(groups);
}

static void forget_connections(struct ts_socket_group *group)
{
	for (size_t d = 0; d < TS_DATA_DIRECTIONS; d++)
		for (size_t l = 0; l < TS_LIMITS; l++)
			group->traffic[d][l].connections = 0;
	ts_sending_begin(&group->sending);
}

/* Here and below only groups in use are written to: the others' pages need no memory. */
void ts_socket_groups_begin(struct ts_socket_groups *groups)
{
	groups->round++;
	for (size_t i = 0; i < groups->count; i++)
		forget_connections(&groups->group[i]);
	forget_connections(&groups->group[OTHER]);
}

static __u16 *place_of(struct ts_socket_groups *groups, __u32 netns, bool outbound, __u16 port)
{
	__u64 key = (__u64)netns << 17 | (__u64)outbound << 16 | port;
	size_t place = (key * 0x9e3779b97f4a7c15ULL >> 32) & (PLACES - 1);

	for (; groups->place[place]; place = (place + 1) & (PLACES - 1)) {
		const struct ts_socket_group *group = &groups->group[groups->place[place] - 1];

		if (group->netns == netns && group->port == port && group->outbound == outbound)
			break;
	}
	return &groups->place[place];
}

struct ts_socket_group *ts_socket_group_other(struct ts_socket_groups *groups)
{
	groups->group[OTHER].used = true;
	return &groups->group[OTHER];
}

struct ts_socket_group *ts_socket_group(struct ts_socket_groups *groups, __u32 netns, bool outbound,
					__u16 port)
{
	__u16 *place = place_of(groups, netns, outbound, port);
	struct ts_socket_group *group;

	if (*place) {
		group = &groups->group[*place - 1];
		group->round = groups->round;
		return group;
	}
	if (groups->count == GROUPS_MAX)
		return ts_socket_group_other(groups);
	group = &groups->group[groups->count++];
	*group = (struct ts_socket_group){
		.netns = netns,
		.port = port,
		.outbound = outbound,
		.used = true,
		.round = groups->round,
	};
	*place = (__u16)groups->count;
	return group;
}

/*
 * Before a snapshot: those without a connection since the one before, which has told all about
 * them. This one goes without them, so that what comes back under the same labels later counts from
 * zero rightly.
 */
static void drop_idle(struct ts_socket_groups *groups, const struct ts_netns_table *netns)
{
	bool full = groups->count == GROUPS_MAX;
	size_t kept = 0;

	memset(groups->place, 0, sizeof groups->place);
	for (size_t i = 0; i < groups->count; i++) {
		struct ts_socket_group *group = &groups->group[i];

		if (!group->active && group->round + IDLE_ROUNDS < groups->round &&
		    (full || ts_netns_gone(netns, group->netns))) {
			free_histograms(group);
			continue;
		}
		groups->group[kept++] = *group;
		*place_of(groups, group->netns, group->outbound, group->port) = (__u16)kept;
	}
	memset(&groups->group[kept], 0, (groups->count - kept) * sizeof *groups->group);
	groups->count = kept;
	for (size_t i = 0; i < groups->count; i++)
		groups->group[i].active = false;
	groups->group[OTHER].active = false;
}

static void record(struct ts_histogram_keyed **histogram, __u64 ns)
{
	if (!*histogram)
		*histogram = calloc(1, sizeof **histogram);
	if (!*histogram)
		return;
	(*histogram)->slot[ts_histogram_slot(TS_HISTOGRAM_SCALE_KEYED, TS_UNIT_SECONDS, ns)]++;
	(*histogram)->sum += ns;
	if (ns > (*histogram)->max)
		(*histogram)->max = ns;
}

void ts_socket_group_rtt(struct ts_socket_group *group, __u32 smoothed_us, __u32 minimum_us)
{
	if (smoothed_us)
		record(&group->smoothed, (__u64)smoothed_us * 1000);
	if (minimum_us != ~0U)
		record(&group->minimum, (__u64)minimum_us * 1000);
	group->rtt_readings++;
	group->active = true;
}

struct ts_sending *ts_socket_group_sending(struct ts_socket_group *group)
{
	group->active = true;
	return &group->sending;
}

void ts_socket_group_exchange(struct ts_socket_group *group, __u64 ns)
{
	record(&group->exchange, ns);
	group->exchanges++;
	group->active = true;
}

static void raise_to(double *value, double candidate)
{
	if (candidate > *value)
		*value = candidate;
}

void ts_socket_group_traffic(struct ts_socket_group *group, enum ts_direction_of_data direction,
			     enum ts_socket_limit limit, const struct ts_traffic *traffic)
{
	struct traffic_by_limit *row = &group->traffic[direction][limit];

	row->bytes += traffic->bytes;
	row->connections++;
	raise_to(&row->window, traffic->window);
	raise_to(&row->buffer, traffic->buffer);
	raise_to(&row->unsent, traffic->unsent);
	raise_to(&row->in_flight, traffic->in_flight);
	row->rtt_byte_seconds += (double)traffic->bytes * traffic->rtt_us / 1e6;
	row->rtt_bytes += (double)traffic->bytes;
	group->transfers[direction]++;
	group->active = true;
}

void ts_socket_group_ahead(struct ts_socket_group *group, double write_size, double bytes,
			   double seconds)
{
	struct ahead *ahead = &group->ahead[write_size > SMALL_WRITE ? WRITES_LARGE : WRITES_SMALL];

	ahead->samples++;
	raise_to(&ahead->bytes, bytes);
	raise_to(&ahead->seconds, seconds);
	group->active = true;
}

struct labels {
	char netns[16], port[8];
	const char *side;
};

static void labels_of(const struct ts_socket_group *group, bool other, struct labels *labels)
{
	if (other) {
		*labels = (struct labels){"other", "other", "other"};
		return;
	}
	snprintf(labels->netns, sizeof labels->netns, "%u", group->netns);
	snprintf(labels->port, sizeof labels->port, "%u", group->port);
	labels->side = group->outbound ? "outbound" : "service";
}

static void add_traffic(struct ts_snapshot *snapshot, const struct labels *l,
			const struct direction *direction, const char *limit,
			const struct traffic_by_limit *row)
{
	const char *const *labels = TS_LABELS(l->netns, l->side, l->port, limit);
	const struct {
		enum ts_family_id family;
		double value;
	} gauges[] = {
		{direction->window, row->window},
		{direction->buffer, row->buffer},
		{direction->in_flight, row->in_flight},
		{direction->rtt, row->rtt_byte_seconds / row->rtt_bytes},
		{direction->unsent, row->unsent},
		{direction->connections, row->connections},
	};

	ts_snapshot_counter(snapshot, direction->bytes, labels, row->bytes);
	if (!row->rtt_bytes)
		return; /* nothing went that way since the last snapshot */
	for (size_t i = 0; i < sizeof gauges / sizeof *gauges; i++)
		if (gauges[i].family != TS_FAMILY_COUNT)
			ts_snapshot_gauge(snapshot, gauges[i].family, labels, gauges[i].value);
}

static void add_direction(struct ts_snapshot *snapshot, const struct labels *labels,
			  const struct direction *direction, struct traffic_by_limit *rows)
{
	for (size_t i = 0; i < TS_LIMITS; i++) {
		struct traffic_by_limit *row = &rows[i];

		if (row->bytes && direction->limit[i])
			add_traffic(snapshot, labels, direction, direction->limit[i], row);
		row->window = row->buffer = row->unsent = row->in_flight = 0;
		row->rtt_byte_seconds = row->rtt_bytes = 0;
	}
}

static void add_ahead(struct ts_snapshot *snapshot, const struct labels *l, const char *writes,
		      struct ahead *ahead)
{
	const char *const *labels = TS_LABELS(l->netns, l->side, l->port, writes);

	if (!ahead->samples)
		return;
	ts_snapshot_counter(snapshot, TS_FAMILY_TCP_WRITE_AHEAD_SAMPLES, labels, ahead->samples);
	if (ahead->bytes > 0) {
		ts_snapshot_gauge(snapshot, TS_FAMILY_TCP_WRITE_AHEAD, labels, ahead->seconds);
		ts_snapshot_gauge(snapshot, TS_FAMILY_TCP_WRITE_AHEAD_BYTES, labels, ahead->bytes);
	}
	ahead->bytes = ahead->seconds = 0;
}

static void add_histogram(struct ts_snapshot *snapshot, enum ts_family_id family,
			  const struct labels *l, const struct ts_histogram_keyed *raw)
{
	struct ts_histogram *histogram;

	if (!raw)
		return;
	histogram = ts_snapshot_histogram(snapshot, family, TS_LABELS(l->netns, l->side, l->port),
					  TS_HISTOGRAM_SCALE_KEYED);
	ts_histogram_add_raw(histogram, raw->sum, raw->max, raw->slot);
}

static void add_group(struct ts_snapshot *snapshot, struct ts_socket_group *group, bool other)
{
	struct labels labels;

	labels_of(group, other, &labels);
	for (size_t d = 0; d < TS_DATA_DIRECTIONS; d++)
		add_direction(snapshot, &labels, &directions[d], group->traffic[d]);
	ts_sending_snapshot(&group->sending, snapshot, labels.netns, labels.side, labels.port);
	add_ahead(snapshot, &labels, "small", &group->ahead[WRITES_SMALL]);
	add_ahead(snapshot, &labels, "large", &group->ahead[WRITES_LARGE]);
	add_histogram(snapshot, TS_FAMILY_TCP_LIVE_SMOOTHED_RTT, &labels, group->smoothed);
	add_histogram(snapshot, TS_FAMILY_TCP_LIVE_MINIMUM_RTT, &labels, group->minimum);
	add_histogram(snapshot, TS_FAMILY_TCP_LIVE_SERVICE_TIME, &labels, group->exchange);
}

static void add_overflowed(struct ts_snapshot *snapshot, const struct ts_socket_group *other)
{
	for (size_t d = 0; d < TS_DATA_DIRECTIONS; d++) {
		const struct direction *direction = &directions[d];
		const enum ts_family_id families[] = {
			direction->bytes,     direction->window, direction->buffer,
			direction->in_flight, direction->rtt,	 direction->connections,
			direction->unsent,
		};

		for (size_t i = 0; i < sizeof families / sizeof *families; i++)
			if (families[i] != TS_FAMILY_COUNT)
				snapshot->family[families[i]].overflowed = other->transfers[d];
	}
	snapshot->family[TS_FAMILY_TCP_LIVE_SMOOTHED_RTT].overflowed = other->rtt_readings;
	snapshot->family[TS_FAMILY_TCP_LIVE_MINIMUM_RTT].overflowed = other->rtt_readings;
	snapshot->family[TS_FAMILY_TCP_LIVE_SERVICE_TIME].overflowed = other->exchanges;
}

void ts_socket_groups_snapshot(struct ts_socket_groups *groups, const struct ts_netns_table *netns,
			       struct ts_snapshot *snapshot)
{
	drop_idle(groups, netns);
	for (size_t i = 0; i < groups->count; i++)
		add_group(snapshot, &groups->group[i], false);
	if (groups->group[OTHER].used)
		add_group(snapshot, &groups->group[OTHER], true);
	add_overflowed(snapshot, &groups->group[OTHER]);
}
