// SPDX-License-Identifier: GPL-2.0-only
#include "compare_families.h"

#include <string.h>

#define SKIP	TS_DIRECTION_SKIP
#define NEUTRAL TS_DIRECTION_NEUTRAL
#define WORSE	TS_DIRECTION_UP_WORSE

struct meaning {
	enum ts_direction values, rate;
};

/*
 * Families without a row are not compared: gauges and peaks, which have no distribution in a run,
 * and counters that are classes of something that is compared already.
 */
static const struct meaning meanings[TS_FAMILY_COUNT] = {
	[TS_FAMILY_RUNQ_LATENCY] = {WORSE, NEUTRAL},
	[TS_FAMILY_ONCPU_TIME] = {WORSE, NEUTRAL},
	[TS_FAMILY_OFFCPU_TIME] = {WORSE, NEUTRAL},
	[TS_FAMILY_CONTEXT_SWITCHES] = {SKIP, NEUTRAL},
	[TS_FAMILY_TASK_MIGRATIONS] = {SKIP, NEUTRAL},
	[TS_FAMILY_SESSION_WAIT] = {SKIP, WORSE},
	[TS_FAMILY_BLOCK_LATENCY] = {WORSE, NEUTRAL},
	[TS_FAMILY_BLOCK_QUEUE_LATENCY] = {WORSE, SKIP},
	[TS_FAMILY_BLOCK_DEVICE_LATENCY] = {WORSE, SKIP},
	[TS_FAMILY_BLOCK_IO_SIZE] = {NEUTRAL, SKIP},
	[TS_FAMILY_BLOCK_SEQUENTIAL] = {SKIP, NEUTRAL},
	[TS_FAMILY_BLOCK_ERRORS] = {SKIP, WORSE},
	[TS_FAMILY_DIRTY_THROTTLE_PAUSE] = {WORSE, WORSE},
	[TS_FAMILY_FSYNC_LATENCY] = {WORSE, NEUTRAL},
	[TS_FAMILY_MEMORY_WAIT] = {WORSE, WORSE},
	[TS_FAMILY_TCP_RETRANSMITS] = {SKIP, WORSE},
	[TS_FAMILY_TCP_CONNECT_LATENCY] = {WORSE, NEUTRAL},
	[TS_FAMILY_TCP_CONNECT_FAILURES] = {SKIP, WORSE},
	[TS_FAMILY_TCP_RESETS] = {SKIP, WORSE},
	[TS_FAMILY_TCP_CONNECTIONS] = {SKIP, NEUTRAL},
	[TS_FAMILY_TCP_CONNECTION_BYTES] = {SKIP, NEUTRAL},
	[TS_FAMILY_TCP_CONNECTION_SEGMENTS] = {SKIP, NEUTRAL},
	[TS_FAMILY_TCP_SMOOTHED_RTT] = {WORSE, SKIP},
	[TS_FAMILY_TCP_MINIMUM_RTT] = {WORSE, SKIP},
	[TS_FAMILY_TCP_SERVICE_TIME] = {WORSE, SKIP},
	[TS_FAMILY_TCP_EXCHANGES] = {SKIP, NEUTRAL},
	[TS_FAMILY_TCP_LISTENER_DROPS] = {SKIP, WORSE},
	[TS_FAMILY_TCP_RECEIVED] = {SKIP, NEUTRAL},
	[TS_FAMILY_TCP_SENT] = {SKIP, NEUTRAL},
	/* Readings per sample: their number is the sampler's. */
	[TS_FAMILY_TCP_LIVE_SMOOTHED_RTT] = {WORSE, SKIP},
	[TS_FAMILY_TCP_LIVE_MINIMUM_RTT] = {WORSE, SKIP},
	[TS_FAMILY_TCP_LIVE_SERVICE_TIME] = {WORSE, SKIP},
	[TS_FAMILY_CPU_TIME] = {SKIP, NEUTRAL},
	[TS_FAMILY_VM_EVENTS] = {SKIP, NEUTRAL},
	[TS_FAMILY_PRESSURE] = {SKIP, WORSE},
	[TS_FAMILY_NETWORK_COUNTERS] = {SKIP, NEUTRAL},
	[TS_FAMILY_SOFTNET] = {SKIP, NEUTRAL},
	[TS_FAMILY_DISK_BUSY] = {SKIP, NEUTRAL},
	[TS_FAMILY_DISK_REQUESTS] = {SKIP, NEUTRAL},
	[TS_FAMILY_DISK_BYTES] = {SKIP, NEUTRAL},
	[TS_FAMILY_CGROUP_THROTTLED] = {SKIP, WORSE},
};

/* Series that mean something else than their family. */
static const struct exception {
	enum ts_family_id family;
	size_t key;
	const char *label;
	enum ts_direction rate;
} exceptions[] = {
	{TS_FAMILY_CPU_TIME, 1, "steal", WORSE},
	{TS_FAMILY_CPU_TIME, 1, "idle", SKIP}, /* the rest of the others */
	{TS_FAMILY_TCP_ACCEPT_QUEUE_SAMPLES, 2, "full", WORSE},
	{TS_FAMILY_SOFTNET, 1, "dropped", WORSE},
	{TS_FAMILY_SOFTNET, 1, "time-squeeze", WORSE},
	{TS_FAMILY_SOFTNET, 1, "flow-limit", WORSE},
	{TS_FAMILY_VM_EVENTS, 0, "allocstall_normal", WORSE},
	{TS_FAMILY_VM_EVENTS, 0, "allocstall_movable", WORSE},
	{TS_FAMILY_VM_EVENTS, 0, "pswpin", WORSE},
	{TS_FAMILY_VM_EVENTS, 0, "pswpout", WORSE},
	{TS_FAMILY_VM_EVENTS, 0, "pgmajfault", WORSE},
	{TS_FAMILY_VM_EVENTS, 0, "oom_kill", WORSE},
	{TS_FAMILY_VM_EVENTS, 0, "compact_stall", WORSE},
	{TS_FAMILY_NETWORK_COUNTERS, 1, "RetransSegs", WORSE},
	{TS_FAMILY_NETWORK_COUNTERS, 1, "InErrs", WORSE},
	{TS_FAMILY_NETWORK_COUNTERS, 1, "InErrors", WORSE},
	{TS_FAMILY_NETWORK_COUNTERS, 1, "RcvbufErrors", WORSE},
	{TS_FAMILY_NETWORK_COUNTERS, 1, "SndbufErrors", WORSE},
	{TS_FAMILY_NETWORK_COUNTERS, 1, "AttemptFails", WORSE},
	{TS_FAMILY_NETWORK_COUNTERS, 1, "ListenDrops", WORSE},
	{TS_FAMILY_NETWORK_COUNTERS, 1, "ListenOverflows", WORSE},
	{TS_FAMILY_NETWORK_COUNTERS, 1, "TCPTimeouts", WORSE},
	{TS_FAMILY_NETWORK_COUNTERS, 1, "TCPBacklogDrop", WORSE},
	{TS_FAMILY_NETWORK_COUNTERS, 1, "TCPRcvQDrop", WORSE},
	{TS_FAMILY_NETWORK_COUNTERS, 1, "TCPReqQFullDrop", WORSE},
	{TS_FAMILY_NETWORK_COUNTERS, 1, "TCPMemoryPressures", WORSE},
	{TS_FAMILY_NETWORK_COUNTERS, 1, "TCPAbortOnMemory", WORSE},
	{TS_FAMILY_NETWORK_COUNTERS, 1, "PruneCalled", WORSE},
	/* No counters, though they stand among them. */
	{TS_FAMILY_NETWORK_COUNTERS, 1, "CurrEstab", SKIP},
	{TS_FAMILY_NETWORK_COUNTERS, 1, "MaxConn", SKIP},
	{TS_FAMILY_NETWORK_COUNTERS, 1, "DefaultTTL", SKIP},
	{TS_FAMILY_NETWORK_COUNTERS, 1, "Forwarding", SKIP},
	{TS_FAMILY_CGROUP_PERIODS, 1, "throttled", WORSE},
};

/* What a run of a command takes: the same work that takes longer is worse. */
static const struct {
	enum ts_family_id family;
	const char *label;
	enum ts_direction total;
} totals[] = {
	{TS_FAMILY_COMMAND_TIME, "wall", WORSE},   {TS_FAMILY_TASK_CPU, "command", WORSE},
	{TS_FAMILY_COMMAND_TIME, "user", NEUTRAL}, {TS_FAMILY_COMMAND_TIME, "system", NEUTRAL},
	{TS_FAMILY_COMMAND_IO, "read", NEUTRAL},   {TS_FAMILY_COMMAND_IO, "write", NEUTRAL},
};

static const struct {
	enum ts_family_id family;
	size_t key;
} merged[] = {
	{TS_FAMILY_SESSION_WAIT, 0},
	{TS_FAMILY_CPU_TIME, 0},
	{TS_FAMILY_SOFTNET, 0},
};

enum ts_direction ts_direction_of_values(enum ts_family_id id)
{
	return ts_families[id].kind == TS_KIND_HISTOGRAM ? meanings[id].values : SKIP;
}

enum ts_direction ts_direction_of_rate(enum ts_family_id id, const char *const *label)
{
	const struct exception *end = exceptions + sizeof exceptions / sizeof exceptions[0];

	for (const struct exception *e = exceptions; label && e < end; e++)
		if (e->family == id && !strcmp(label[e->key], e->label))
			return e->rate;
	return meanings[id].rate;
}

enum ts_direction ts_direction_of_total(enum ts_family_id id, const char *const *label)
{
	for (size_t i = 0; i < sizeof totals / sizeof totals[0]; i++)
		if (totals[i].family == id && !strcmp(label[0], totals[i].label))
			return totals[i].total;
	return SKIP;
}

bool ts_compare_merges_label(enum ts_family_id id, size_t key)
{
	for (size_t i = 0; i < sizeof merged / sizeof merged[0]; i++)
		if (merged[i].family == id && merged[i].key == key)
			return true;
	return false;
}
