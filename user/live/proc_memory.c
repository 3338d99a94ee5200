// SPDX-License-Identifier: GPL-2.0-only
/* Memory from /proc/meminfo; virtual memory events and the dirty limits from /proc/vmstat. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "procfile.h"

/* Kept under the kernel's own names; those a kernel does not have are simply not there. */
static const char *const event_names[] = {
	"pgpgin",
	"pgpgout",
	"pswpin",
	"pswpout",
	"pgfault",
	"pgmajfault",
	"pgactivate",
	"pgdeactivate",
	"pgrefill",
	"pgscan_kswapd",
	"pgscan_direct",
	"pgscan_khugepaged",
	"pgscan_proactive",
	"pgscan_anon",
	"pgscan_file",
	"pgscan_direct_throttle",
	"pgsteal_kswapd",
	"pgsteal_direct",
	"pgsteal_khugepaged",
	"pgsteal_proactive",
	"pgsteal_anon",
	"pgsteal_file",
	"allocstall_dma",
	"allocstall_dma32",
	"allocstall_normal",
	"allocstall_movable",
	"allocstall_high",
	"allocstall_device",
	"pageoutrun",
	"kswapd_low_wmark_hit_quickly",
	"kswapd_high_wmark_hit_quickly",
	"slabs_scanned",
	"zone_reclaim_success",
	"zone_reclaim_failed",
	"drop_pagecache",
	"drop_slab",
	"workingset_refault_anon",
	"workingset_refault_file",
	"workingset_activate_anon",
	"workingset_activate_file",
	"workingset_restore_anon",
	"workingset_restore_file",
	"workingset_nodereclaim",
	"nr_vmscan_write",
	"nr_vmscan_immediate_reclaim",
	"nr_dirtied",
	"nr_written",
	"nr_throttled_written",
	"oom_kill",
	"numa_foreign",
	"numa_miss",
	"numa_pages_migrated",
	"pgmigrate_success",
	"pgmigrate_fail",
	"compact_stall",
	"compact_fail",
	"compact_success",
	"compact_daemon_wake",
	"htlb_buddy_alloc_success",
	"htlb_buddy_alloc_fail",
	"thp_fault_alloc",
	"thp_fault_fallback",
	"thp_collapse_alloc",
	"thp_collapse_alloc_failed",
	"thp_split_page",
	"thp_split_page_failed",
	"thp_split_pmd",
	"thp_deferred_split_page",
	"thp_swpout",
	"thp_swpout_fallback",
	"swap_ra",
	"swap_ra_hit",
	"zswpin",
	"zswpout",
};

/* Kinds of memory_bytes; those with a key are in /proc/meminfo, those with an item in /proc/vmstat.
 */
static const struct memory_kind {
	const char *kind;
	const char *key;  /* kB */
	const char *item; /* pages */
} memory_kinds[] = {
	{"total", "MemTotal:", NULL},
	{"free", "MemFree:", NULL},
	{"available", "MemAvailable:", NULL},
	{"cached", "Cached:", NULL},
	{"anonymous", "AnonPages:", NULL},
	{"dirty", "Dirty:", NULL},
	{"writeback", "Writeback:", NULL},
	{"swap-total", "SwapTotal:", NULL},
	{"swap-free", "SwapFree:", NULL},
	{"dirty-limit", NULL, "nr_dirty_threshold"},
	{"dirty-background-limit", NULL, "nr_dirty_background_threshold"},
};

#define ANONYMOUS 4 /* of them */
#define LOOK_NS	  1000000000ull

#define EVENTS	  (sizeof event_names / sizeof event_names[0])
#define KINDS	  (sizeof memory_kinds / sizeof memory_kinds[0])

struct reading {
	__u64 memory[KINDS]; /* bytes */
	bool memory_seen[KINDS];
	struct {
		const char *name;
		__u64 value;
	} event[EVENTS];
	size_t events;
};

struct proc_memory {
	struct ts_procfile meminfo, vmstat;
	struct ts_name_set event_set;
	bool anonymous_known;
	__u64 anonymous, grown, shrunk; /* bytes */
	__u64 lowest, rise, looked_ns;	/* since the last snapshot */
};

static void proc_memory_close(void *opaque)
{
	struct proc_memory *state = opaque;

	ts_procfile_close(&state->meminfo);
	ts_procfile_close(&state->vmstat);
	ts_name_set_close(&state->event_set);
	free(state);
}

static int proc_memory_open(struct ts_live *live, void **opaque, enum ts_status *status,
			    char why[256])
{
	struct proc_memory *state = calloc(1, sizeof *state);
	const char *path = "/proc/meminfo";
	int error = -ENOMEM;

	*opaque = state;
	*status = TS_STATUS_FAILED;
	if (state) {
		error = ts_name_set_open(&state->event_set, event_names, EVENTS);
		if (!error) {
			error = ts_procfile_open(&state->meminfo, live->proc, "meminfo");
			path = state->meminfo.path;
		}
		if (!error) {
			error = ts_procfile_open(&state->vmstat, live->proc, "vmstat");
			path = state->vmstat.path;
		}
	}
	if (!error) {
		state->lowest = ~0ull;
		return 0;
	}
	ts_proc_why(why, path, error);
	if (state)
		proc_memory_close(state);
	return error;
}

static const char *kind_name(const struct memory_kind *kind, bool in_vmstat)
{
	return in_vmstat ? kind->item : kind->key;
}

/* Whether all the kinds of memory that this file holds were in it. */
static bool all_seen(const struct reading *reading, bool in_vmstat)
{
	for (size_t i = 0; i < KINDS; i++)
		if (kind_name(&memory_kinds[i], in_vmstat) && !reading->memory_seen[i])
			return false;
	return true;
}

static bool take_memory(struct reading *reading, const char *name, __u64 value, bool in_vmstat)
{
	__u64 unit = in_vmstat ? (__u64)sysconf(_SC_PAGESIZE) : 1024;

	for (size_t i = 0; i < KINDS; i++) {
		const char *wanted = kind_name(&memory_kinds[i], in_vmstat);

		if (!wanted || strcmp(name, wanted))
			continue;
		if (value > ~0ull / unit)
			return false;
		reading->memory[i] = value * unit;
		reading->memory_seen[i] = true;
		break;
	}
	return true;
}

/* Lines "key value" (vmstat) or "key: value kB" (meminfo); values are never negative. */
static int parse(struct proc_memory *state, struct reading *reading, bool in_vmstat)
{
	struct ts_procfile *file = in_vmstat ? &state->vmstat : &state->meminfo;
	int error = ts_procfile_read(file);
	char *text = file->text, *line;

	if (error)
		return error;
	while ((line = ts_take_line(&text))) {
		const char *name = ts_take_word(&line), *event;
		__u64 value;

		if (!name || !ts_take_number(&line, &value) ||
		    !take_memory(reading, name, value, in_vmstat))
			return -EPROTO;
		event = in_vmstat ? ts_name_set_find(&state->event_set, name) : NULL;
		if (!event)
			continue;
		if (reading->events == EVENTS) /* a name came twice */
			return -EPROTO;
		reading->event[reading->events].name = event;
		reading->event[reading->events++].value = value;
	}
	return all_seen(reading, in_vmstat) ? 0 : -EPROTO;
}

/* Of a gauge a window has the last value only: how much it changed has to be counted. */
static void follow_anonymous(struct proc_memory *state, __u64 bytes, struct ts_snapshot *snapshot)
{
	if (state->anonymous_known && bytes > state->anonymous)
		state->grown += bytes - state->anonymous;
	else if (state->anonymous_known)
		state->shrunk += state->anonymous - bytes;
	state->anonymous_known = true;
	state->anonymous = bytes;
	ts_snapshot_counter(snapshot, TS_FAMILY_ANONYMOUS_CHANGE, TS_LABELS("grown"), state->grown);
	ts_snapshot_counter(snapshot, TS_FAMILY_ANONYMOUS_CHANGE, TS_LABELS("shrunk"),
			    state->shrunk);
}

static void note_rise(struct proc_memory *state, __u64 bytes)
{
	if (bytes < state->lowest)
		state->lowest = bytes;
	if (bytes - state->lowest > state->rise)
		state->rise = bytes - state->lowest;
}

/* A program that takes memory and is gone before the next snapshot. */
static void proc_memory_tick(struct ts_live *live, void *opaque, __u64 monotonic_ns)
{
	struct proc_memory *state = opaque;
	char *at;
	__u64 kilobytes;

	if (monotonic_ns - state->looked_ns < LOOK_NS || ts_procfile_read(&state->meminfo))
		return;
	state->looked_ns = monotonic_ns;
	at = strstr(state->meminfo.text, memory_kinds[ANONYMOUS].key);
	if (!at)
		return;
	at += strlen(memory_kinds[ANONYMOUS].key);
	if (ts_take_number(&at, &kilobytes))
		note_rise(state, kilobytes << 10);
}

static void proc_memory_snapshot(struct ts_live *live, void *opaque, struct ts_snapshot *snapshot)
{
	struct proc_memory *state = opaque;
	struct reading reading = {0};
	int meminfo_error = parse(state, &reading, false);
	int vmstat_error = parse(state, &reading, true);
	char why[256];

	if (vmstat_error) {
		ts_proc_why(why, state->vmstat.path, vmstat_error);
		ts_snapshot_source_status(snapshot, TS_SOURCE_PROC_MEMORY, TS_STATUS_FAILED, why);
		return;
	}
	for (size_t i = 0; i < reading.events; i++)
		ts_snapshot_counter(snapshot, TS_FAMILY_VM_EVENTS, TS_LABELS(reading.event[i].name),
				    reading.event[i].value);
	if (meminfo_error) {
		ts_proc_why(why, state->meminfo.path, meminfo_error);
		ts_snapshot_family_status(snapshot, TS_FAMILY_MEMORY, TS_STATUS_FAILED, why);
		ts_snapshot_family_status(snapshot, TS_FAMILY_ANONYMOUS_CHANGE, TS_STATUS_FAILED,
					  why);
		ts_snapshot_family_status(snapshot, TS_FAMILY_ANONYMOUS_RISE, TS_STATUS_FAILED,
					  why);
		return;
	}
	for (size_t i = 0; i < KINDS; i++)
		ts_snapshot_gauge(snapshot, TS_FAMILY_MEMORY, TS_LABELS(memory_kinds[i].kind),
				  (double)reading.memory[i]);
	follow_anonymous(state, reading.memory[ANONYMOUS], snapshot);
	note_rise(state, reading.memory[ANONYMOUS]);
	ts_snapshot_gauge(snapshot, TS_FAMILY_ANONYMOUS_RISE, NULL, (double)state->rise);
	state->lowest = reading.memory[ANONYMOUS];
	state->rise = 0;
}

const struct ts_source ts_source_proc_memory = {
	.id = TS_SOURCE_PROC_MEMORY,
	.open = proc_memory_open,
	.tick = proc_memory_tick,
	.snapshot = proc_memory_snapshot,
	.close = proc_memory_close,
};
