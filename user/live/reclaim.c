// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiting for memory, measured by bpf/reclaim.bpf.c, and what kswapd does in the background so that
 * nobody has to.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include <tunescope/reclaim.h>
#include "../core/histogram.h"
#include "blame.h"
#include "kswapd.h"
#include "probe.h"
#include "reclaim.skel.h"

/* Waits further apart belong to different bursts. */
#define BURST_PAUSE_NS 250000000ull

static const struct {
	const char *label;
	const char *program; /* without this one nothing is known of it */
} kinds[TS_RECLAIM_KINDS] = {
	[TS_RECLAIM_HOST] = {"host", "ts_reclaim_ends"},
	[TS_RECLAIM_CGROUP] = {"cgroup", "ts_reclaim_cgroup_ends"},
	[TS_RECLAIM_NODE] = {"node", "ts_reclaim_node_ends"},
	[TS_RECLAIM_COMPACT] = {"compaction", "ts_reclaim_compact_ends"},
	[TS_RECLAIM_COMPACT_HUGE] = {"huge-page", "ts_reclaim_compact_ends"},
};

struct reclaim {
	struct reclaim_bpf *skeleton;
	struct ts_probe probe;
	const struct ts_reclaim_cpu *cpu;
	size_t cpu_length;
	unsigned int cpus;
	struct ts_blame_table blame;
	const struct ts_map *blamed;
	struct ts_kswapd kswapd;
	__u64 page_bytes;
	/* Of the tasks that freed memory of the host. */
	__u64 pages, grew_ns; /* at the last tick; when that was seen to have grown */
	__u64 burst, largest; /* pages; largest since the last snapshot */
	__u64 bursts;
};

static void reclaim_close(void *opaque)
{
	struct reclaim *state = opaque;

	ts_probe_close(&state->probe);
	if (state->cpu)
		munmap((void *)state->cpu, state->cpu_length);
	reclaim_bpf__destroy(state->skeleton);
	ts_blame_close(&state->blame);
	ts_kswapd_close(&state->kswapd);
	free(state);
}

static int load(struct reclaim *state, struct ts_live *live, enum ts_status *status, char why[256])
{
	int error;

	state->skeleton = reclaim_bpf__open_opts(ts_open_options(live));
	if (!state->skeleton || !ts_blame_open(&state->blame))
		return -ENOMEM;
	state->cpus = ts_possible_cpus();
	error = bpf_map__set_max_entries(state->skeleton->maps.ts_reclaim_cpus, state->cpus);
	if (!error)
		error = ts_probe_load(&state->probe, ts_source_names[TS_SOURCE_RECLAIM],
				      state->skeleton->obj, live, status, why);
	if (error)
		return error;
	state->cpu = ts_map_view(ts_probe_map(&state->probe, state->skeleton->maps.ts_reclaim_cpus),
				 &state->cpu_length);
	error = state->cpu ? 0 : -errno;
	state->blamed = ts_probe_map(&state->probe, state->skeleton->maps.ts_blamed);
	ts_skeleton_close(reclaim, state->skeleton);
	if (error)
		snprintf(why, 256, "cannot map the counters: %s", strerror(-error));
	return error;
}

static int reclaim_open(struct ts_live *live, void **opaque, enum ts_status *status, char why[256])
{
	struct reclaim *state = calloc(1, sizeof *state);
	int error = -ENOMEM;

	*status = TS_STATUS_FAILED;
	snprintf(why, 256, "out of memory");
	if (!state)
		return error;
	state->page_bytes = (__u64)sysconf(_SC_PAGESIZE);
	error = load(state, live, status, why);
	if (error) {
		reclaim_close(state);
		return error;
	}
	ts_kswapd_open(&state->kswapd, live->proc);
	*opaque = state;
	return 0;
}

/* ---- Bursts */

static __u64 pages_of(const struct reclaim *state, enum ts_reclaim_kind kind)
{
	__u64 pages = 0;

	for (unsigned int cpu = 0; cpu < state->cpus; cpu++)
		pages += state->cpu[cpu].pages[kind];
	return pages;
}

static void follow(struct reclaim *state, __u64 now)
{
	__u64 pages = pages_of(state, TS_RECLAIM_HOST);

	if (pages != state->pages) {
		if (now - state->grew_ns > BURST_PAUSE_NS) {
			state->burst = 0;
			state->bursts++;
		}
		state->burst += pages - state->pages;
		state->grew_ns = now;
		state->pages = pages;
	}
	if (state->largest < state->burst && state->grew_ns == now)
		state->largest = state->burst;
}

static void reclaim_tick(struct ts_live *live, void *opaque, __u64 monotonic_ns)
{
	follow(opaque, monotonic_ns);
}

/* ---- Snapshot */

static void add_kind(const struct reclaim *state, enum ts_reclaim_kind kind,
		     struct ts_snapshot *snapshot)
{
	const char *const *label = TS_LABELS(kinds[kind].label);
	struct ts_histogram *histogram = NULL;

	for (unsigned int cpu = 0; cpu < state->cpus; cpu++) {
		const struct ts_histogram_keyed *raw = &state->cpu[cpu].stall[kind];

		if (!raw->max)
			continue;
		if (!histogram)
			histogram = ts_snapshot_histogram(snapshot, TS_FAMILY_MEMORY_WAIT, label,
							  TS_HISTOGRAM_SCALE_KEYED);
		ts_histogram_add_raw(histogram, raw->sum, raw->max, raw->slot);
	}
	if (histogram && kind < TS_RECLAIM_COMPACT)
		ts_snapshot_counter(snapshot, TS_FAMILY_MEMORY_WAIT_FREED, label,
				    pages_of(state, kind) * state->page_bytes);
}

static const char *label_of(const void *of, __u32 kind)
{
	return kind < TS_RECLAIM_KINDS ? kinds[kind].label : NULL;
}

static void add_kswapd(const struct reclaim *state, struct ts_snapshot *snapshot)
{
	__u64 ns;

	for (size_t i = 0; i < state->kswapd.count; i++)
		if (ts_kswapd_cpu_ns(&state->kswapd, i, &ns))
			ts_snapshot_counter(snapshot, TS_FAMILY_KSWAPD_CPU,
					    TS_LABELS(state->kswapd.thread[i].node), ns);
	if (!snapshot->family[TS_FAMILY_KSWAPD_CPU].count)
		ts_snapshot_family_status(snapshot, TS_FAMILY_KSWAPD_CPU, TS_STATUS_UNSUPPORTED,
					  "the threads of the kernel are not to be seen here "
					  "(another pid namespace)");
}

/* All kinds but the first are told by tracepoints that a kernel may have been built without. */
static void say_what_is_missing(const struct reclaim *state, struct ts_snapshot *snapshot)
{
	const char *why;
	char text[256];

	for (int kind = TS_RECLAIM_KINDS - 1; kind >= 0; kind--) {
		enum ts_status status = ts_probe_status(&state->probe, kinds[kind].program, &why);

		if (status == TS_STATUS_OK)
			continue;
		snprintf(text, sizeof text, "%s%.200s", kind ? "not all kinds: " : "", why);
		ts_snapshot_family_status(snapshot, TS_FAMILY_MEMORY_WAIT,
					  kind ? TS_STATUS_OK : status, text);
	}
}

static void reclaim_snapshot(struct ts_live *live, void *opaque, struct ts_snapshot *snapshot)
{
	struct reclaim *state = opaque;

	ts_probe_cost(&state->probe, snapshot);
	ts_snapshot_source_status(snapshot, TS_SOURCE_RECLAIM, TS_STATUS_OK, "");
	for (int kind = 0; kind < TS_RECLAIM_KINDS; kind++)
		add_kind(state, kind, snapshot);
	say_what_is_missing(state, snapshot);
	if (state->bursts) {
		ts_snapshot_counter(snapshot, TS_FAMILY_MEMORY_WAIT_BURSTS, NULL, state->bursts);
		ts_snapshot_gauge(snapshot, TS_FAMILY_MEMORY_WAIT_BURST, NULL,
				  (double)(state->largest * state->page_bytes));
	}
	state->largest = 0;
	add_kswapd(state, snapshot);
	ts_blame_sufferers(&state->blame, state->blamed, TS_FAMILY_MEMORY_WAIT, label_of, state,
			   snapshot);
}

const struct ts_source ts_source_reclaim = {
	.id = TS_SOURCE_RECLAIM,
	.open = reclaim_open,
	.tick = reclaim_tick,
	.snapshot = reclaim_snapshot,
	.close = reclaim_close,
};
