// SPDX-License-Identifier: GPL-2.0-only
#include "collect.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "../core/error.h"
#include "clock.h"
#include "capability.h"
#include "host.h"
#include "kernel_types.h"
#include "netns.h"
#include "own_cost.h"
#include "pace.h"
#include "probe.h"
#include "procfile.h"
#include "settings_read.h"
#include "startup_memory.h"
#include "verifier.h"

#define REST_NS	     5000000000ULL /* so often what is not in use is given back, at most */
#define TRIM_EVERY   60		   /* and after so many snapshots if nobody rests */
#define READ_RUNS_NS 9500000000ULL /* events skipped are seen, too */
#define KEPT_HEAP    (128 << 10)
/*
 * Larger blocks are mappings of their own: most of a table stays unused and then needs no memory,
 * and what only opening or writing needs is given back at once. Above an arena's chunks.
 */
#define OWN_MAPPING (36 << 10)
/*
 * While sources are opened this holds for far smaller blocks: what libbpf frees again leaves no
 * holes that a table, which is cleared when it comes from a hole, would then be put in.
 */
#define OPENING_MAPPING (4 << 10)
#define KERNEL_BTF	"/sys/kernel/btf/vmlinux"

struct opened_source {
	const struct ts_source *source;
	void *state;
	bool open;
	enum ts_status status; /* when it is not open */
	char why[256];
};

struct ts_collector {
	struct ts_live live;
	struct ts_netns_table netns;
	struct ts_kernel_types *types; /* while sources are opened; NULL: all of them parsed */
	struct opened_source source[TS_SOURCE_COUNT];
	size_t sources;
	bool run_statistics_seen;
	unsigned int run_snapshots; /* the next so many have something new to read of runs */
	__u64 runs_read_ns;
	int statistics_setting;		/* kernel.bpf_stats_enabled, or -1 */
	unsigned int snapshots;		/* since memory was given back */
	__u64 rested_ns;		/* when that was; 0: never */
	size_t series[TS_FAMILY_COUNT]; /* in the last snapshot */
};

static int __attribute__((format(printf, 2, 0)))
print_libbpf(enum libbpf_print_level level, const char *format, va_list arguments)
{
	return ts_verbose && level <= LIBBPF_INFO ? vfprintf(stderr, format, arguments) : 0;
}

static int read_kernel_types(struct ts_collector *collector, const char *path)
{
	struct btf *btf;
	int error;

	mallopt(M_MMAP_THRESHOLD, OPENING_MAPPING);
	mallopt(M_TOP_PAD, OPENING_MAPPING);
	/* Numbers of types must be the running kernel's: another file is not for loading. */
	if (!strcmp(path, KERNEL_BTF) && !ts_kernel_types_open(path, &collector->types)) {
		collector->live.btf_path = path;
		collector->live.kernel_btf = ts_kernel_types_btf(collector->types);
		collector->live.object_types = ts_kernel_types_path(collector->types);
		return 0;
	}
	/*
	 * Now each BPF object makes libbpf read megabytes for a moment. Kept in the heap between
	 * them, the pages are faulted in only once; malloc_trim gives them all back.
	 */
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	mallopt(M_TRIM_THRESHOLD, 128 << 20);
	btf = btf__parse(path, NULL);
	error = btf ? 0 : -errno;
	if (error == -ENOENT)
		return ts_err(error,
			      "%s does not exist: this kernel has no BTF (CONFIG_DEBUG_INFO_BTF), "
			      "which tunescope needs",
			      path);
	if (error)
		return ts_err(error, "%s cannot be read as kernel BTF: %s", path,
			      /* libbpf has error numbers of its own for what is no BTF or ELF */
			      -error >= 4000 || error == -EIO || error == -EINVAL
				      ? "it has another format"
				      : strerror(-error));
	collector->live.btf_path = path;
	collector->live.kernel_btf = btf;
	return 0;
}

static void forget_kernel_types(struct ts_collector *collector)
{
	if (!collector->types)
		btf__free((struct btf *)collector->live.kernel_btf);
	ts_kernel_types_close(collector->types);
	collector->types = NULL;
	collector->live.kernel_btf = NULL;
	collector->live.object_types = NULL;
	collector->live.socket_ends = NULL;
	collector->live.socket_looks = NULL;
}

static void open_source(struct ts_collector *collector, const struct ts_source *source,
			const struct ts_collect_options *options)
{
	struct opened_source *row = &collector->source[collector->sources++];
	const char *object_types = collector->live.object_types;
	size_t refusals = ts_verifier_refusals();
	int error;

	row->source = source;
	row->status = TS_STATUS_FAILED;
	if (options->disabled[source->id]) {
		row->status = TS_STATUS_DISABLED;
		snprintf(row->why, sizeof row->why, "switched off by the user (--disable %s)",
			 ts_source_names[source->id]);
		return;
	}
	error = source->open(&collector->live, &row->state, &row->status, row->why);
	/*
	 * A BPF load has been seen to fail with EPERM once and to work the next moment. And should
	 * our choice of the kernel's types be the reason, libbpf's own is not.
	 */
	if (error == -EPERM || (error && object_types && row->status == TS_STATUS_FAILED)) {
		ts_verifier_pardon(refusals);
		collector->live.object_types = NULL;
		error = source->open(&collector->live, &row->state, &row->status, row->why);
		collector->live.object_types = object_types;
	}
	/* A program that the verifier refuses takes only itself along. */
	while (error && ts_verifier_refusals() != refusals) {
		refusals = ts_verifier_refusals();
		error = source->open(&collector->live, &row->state, &row->status, row->why);
	}
	row->open = !error;
	if (error)
		ts_debug("source %s: %s", ts_source_names[source->id], row->why);
}

int ts_collector_open(const struct ts_collect_options *options, struct ts_collector **result)
{
	struct ts_collector *collector;
	int error;

	*result = NULL;
	error = ts_capability_check();
	if (error)
		return error;
	libbpf_set_print(print_libbpf);
	/* Before 5.11 maps count against RLIMIT_MEMLOCK; later it does not matter if this fails. */
	setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});

	collector = calloc(1, sizeof *collector);
	if (!collector)
		return ts_err(-ENOMEM, "out of memory");
	collector->statistics_setting = -1;
	collector->live.proc = "/proc";
	collector->live.sys = "/sys";
	collector->live.netns = &collector->netns;
	collector->live.command = options->command;
	collector->live.patient = options->patient;
	collector->netns.home = -1;
	collector->live.settings = ts_settings_cache_open();
	ts_disabled_programs = options->disabled_programs;
	error = read_kernel_types(collector, options->btf_path ? options->btf_path : KERNEL_BTF);
	if (error)
		goto fail;
	error = ts_netns_open(&collector->netns);
	if (error) {
		ts_err(error, "cannot open this process's network namespace: %s", strerror(-error));
		goto fail;
	}
	ts_netns_refresh(&collector->netns, collector->live.proc);

	for (size_t i = 0; i < ts_sources_count; i++)
		if (ts_sources[i])
			open_source(collector, ts_sources[i], options);

	/* What was attached first has looked at nothing as yet. */
	collector->live.opened_ns = ts_pace_opened(&collector->live);
	forget_kernel_types(collector); /* only opening needs them */
	ts_startup_memory_release();
	/* A snapshot's memory is needed again with the next one. */
	mallopt(M_TRIM_THRESHOLD, KEPT_HEAP);
	mallopt(M_MMAP_THRESHOLD, OWN_MAPPING);
	mallopt(M_TOP_PAD, KEPT_HEAP);
	*result = collector;
	return 0;
fail:
	ts_collector_close(collector);
	return error;
}

static void rest(struct ts_collector *collector)
{
	collector->snapshots = 0;
	collector->rested_ns = ts_clock_ns(CLOCK_MONOTONIC);
	ts_startup_memory_release();
}

void ts_collector_rest(struct ts_collector *collector)
{
	if (ts_clock_ns(CLOCK_MONOTONIC) - collector->rested_ns >= REST_NS)
		rest(collector);
}

void ts_collector_close(struct ts_collector *collector)
{
	if (!collector)
		return;
	for (size_t i = 0; i < collector->sources; i++)
		if (collector->source[i].open)
			collector->source[i].source->close(collector->source[i].state);
	if (collector->statistics_setting >= 0)
		close(collector->statistics_setting);
	ts_netns_close(&collector->netns);
	ts_settings_cache_close(collector->live.settings);
	ts_disabled_programs = NULL; /* the caller's array need not live on */
	forget_kernel_types(collector);
	free(collector);
}

void ts_collector_tick(struct ts_collector *collector)
{
	__u64 now = ts_clock_ns(CLOCK_MONOTONIC);

	for (size_t i = 0; i < collector->sources; i++) {
		struct opened_source *row = &collector->source[i];

		if (row->open && row->source->tick)
			row->source->tick(&collector->live, row->state, now);
	}
}

unsigned int ts_collector_tick_ms(const struct ts_collector *collector)
{
	return ts_pace_calm(&collector->live, ts_clock_ns(CLOCK_MONOTONIC)) ? TS_CALM_TICK_MS
									    : TS_TICK_MS;
}

/* Whether programs may have been timed since the last snapshot; now and then in any case. */
static bool runs_are_new(struct ts_collector *collector, __u64 now)
{
	char text[16];

	if (collector->run_snapshots) {
		collector->run_snapshots--;
		return true;
	}
	if (collector->statistics_setting < 0)
		collector->statistics_setting =
			open("/proc/sys/kernel/bpf_stats_enabled", O_RDONLY | O_CLOEXEC);
	return now - collector->runs_read_ns >= READ_RUNS_NS ||
	       ts_read_open(collector->statistics_setting, text, sizeof text) <= 0 ||
	       text[0] != '0';
}

struct ts_snapshot *ts_collector_snapshot(struct ts_collector *collector)
{
	struct ts_snapshot *snapshot;

	snapshot = ts_snapshot_new();
	ts_for_each_family (id)
		ts_snapshot_reserve(snapshot, id, collector->series[id]);
	snapshot->monotonic_ns = ts_clock_ns(CLOCK_MONOTONIC);
	snapshot->boottime_ns = ts_clock_ns(CLOCK_BOOTTIME);
	snapshot->realtime_ns = ts_clock_ns(CLOCK_REALTIME);
	ts_probe_reads_runs = runs_are_new(collector, snapshot->monotonic_ns);
	if (ts_probe_reads_runs)
		collector->runs_read_ns = snapshot->monotonic_ns;
	ts_host_snapshot(snapshot);
	ts_netns_refresh(&collector->netns, collector->live.proc);
	ts_netns_snapshot(&collector->netns, snapshot);
	for (size_t i = 0; i < collector->sources; i++) {
		struct opened_source *row = &collector->source[i];

		if (row->open)
			row->source->snapshot(&collector->live, row->state, snapshot);
		else
			ts_snapshot_source_status(snapshot, row->source->id, row->status, row->why);
	}
	if (!collector->live.command)
		ts_snapshot_source_status(snapshot, TS_SOURCE_COMMAND, TS_STATUS_DISABLED,
					  "only `tunescope run` runs a command");
	ts_netns_coverage(&collector->netns, snapshot);
	ts_settings_snapshot(&collector->live, snapshot);
	ts_for_each_family (id)
		collector->series[id] = snapshot->family[id].count;
	ts_own_cost_snapshot(snapshot);
	snapshot->cost.stats_enabled = collector->run_statistics_seen;
	snapshot->cost.snapshot_ns = ts_clock_ns(CLOCK_MONOTONIC) - snapshot->monotonic_ns;
	/* The first one is part of the start. Later ones leave more of a busy minute behind. */
	if (++collector->snapshots == TRIM_EVERY || !collector->rested_ns)
		rest(collector);
	return snapshot;
}

int ts_collector_enable_run_statistics(struct ts_collector *collector)
{
	int descriptor = bpf_enable_stats(BPF_STATS_RUN_TIME);

	if (descriptor < 0)
		return -errno;
	collector->run_statistics_seen = true;
	/* They may stay on beyond the next snapshot. */
	collector->run_snapshots = 2;
	return descriptor;
}
