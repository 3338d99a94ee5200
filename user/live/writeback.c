// SPDX-License-Identifier: GPL-2.0-only
/* Dirty-page throttling, measured by bpf/writeback.bpf.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <tunescope/writeback.h>
#include "../core/histogram.h"
#include "blame.h"
#include "btrfs.h"
#include "clock.h"
#include "disk_accounts.h"
#include "pace.h"
#include "probe.h"
#include "procfile.h"
#include "slots.h"
#include "writeback.skel.h"
#include "writeback_piles.h"
#include "writeback_plain.skel.h"

#define PROGRAM	      "ts_balance_dirty_pages"
#define FSYNC_PROGRAM "ts_fsync_ends"
#define VISIT	      "ts_writeback_visit"
#define TRACEPOINT    "balance_dirty_pages"

/* sum, maximum and slots of a histogram */
#define HISTOGRAM (2 + TS_HISTOGRAM_SLOTS_KEYED)
/* Of a slot: the histogram of pauses, that of fsync(), and two numbers about the latter. */
#define FSYNC	HISTOGRAM
#define OVERDUE (2 * HISTOGRAM)
#define CLEANED (OVERDUE + 1)
#define WORDS	(CLEANED + 1)
#define SLOTS	(TS_WRITEBACK_DEVICES + 1)

/* The kernel adds to a disk's busy time in clock ticks, some of it a moment late. */
#define BUSY_SLACK_NS 1000000000ull

/* Pauses further apart belong to different bouts of writing. */
#define BOUT_NS 10000000000ull

struct device {
	char name[TS_WRITEBACK_NAME_SIZE]; /* "": not seen yet */
	char bdi[TS_WRITEBACK_NAME_SIZE];  /* as in /sys/class/bdi */
	bool disk;			   /* it has an account in /sys/block */
	__u64 paused_ns;		   /* at the last tick */
	__u64 grew_ns;			   /* the tick at which that had grown; 0: never */
	__u64 grew_busy_ns;		   /* busy time of the disk then */
	bool grew_busy_known;
	bool has_span;
	__u64 span_ns, busy_ns;
};

struct writeback {
	struct writeback_bpf *skeleton;
	struct ts_probe probe;
	const struct ts_writeback_cpu *cpu;
	size_t cpu_length;
	struct writeback_bpf__bss *live;
	size_t live_length;
	unsigned int cpus;
	__u64 page_bytes;
	bool ext4;
	const char
		*waits; /* program that sees who waits; NULL: this kernel has no such tracepoint */
	struct ts_piles piles;
	struct device device[TS_WRITEBACK_DEVICES];
	struct ts_slots slots;
	struct ts_blame_table blame;
	const struct ts_map *blamed;
};

/* ---- Opening and closing */

static void writeback_close(void *opaque)
{
	struct writeback *state = opaque;

	ts_piles_close(&state->piles);
	ts_probe_close(&state->probe);
	if (state->cpu)
		munmap((void *)state->cpu, state->cpu_length);
	if (state->live)
		munmap(state->live, state->live_length);
	writeback_bpf__destroy(state->skeleton);
	ts_slots_close(&state->slots);
	ts_blame_close(&state->blame);
	free(state);
}

/* Where the pause stands among the tracepoint's arguments shows in how many there are. */
static int set_constants(struct writeback_bpf *skeleton, const struct btf *btf,
			 enum ts_status *status, char why[256])
{
	enum { WITH_THRESHOLDS = 12, WITHOUT = 8 };
	int parameters = 0;

	if (ts_tracepoint_exists(btf, TRACEPOINT, &parameters) && parameters != WITH_THRESHOLDS &&
	    parameters != WITHOUT) {
		*status = TS_STATUS_UNSUPPORTED;
		snprintf(why, 256,
			 "this kernel's tracepoint %s has %d arguments, of which "
			 "tunescope does not know the order",
			 TRACEPOINT, parameters);
		return -EOPNOTSUPP;
	}
	skeleton->rodata->ts_writeback_has_thresholds = parameters == WITH_THRESHOLDS;
	skeleton->rodata->ts_writeback_jiffy_ns = ts_jiffy_ns();
	if (skeleton->rodata->ts_writeback_jiffy_ns)
		return 0;
	snprintf(why, 256, "the length of the kernel's clock tick is not known");
	return -EOPNOTSUPP;
}

static bool has_ext4(const struct ts_live *live)
{
	struct ts_procfile file = {.descriptor = -1};
	bool found = !ts_procfile_open(&file, live->proc, "filesystems") &&
		     !ts_procfile_read(&file) && strstr(file.text, "\text4\n");

	ts_procfile_close(&file);
	return found;
}

static void set_calls(struct writeback_bpf *skeleton)
{
	skeleton->rodata->ts_writeback_calls = (struct ts_writeback_calls){
		.fsync = __NR_fsync,
		.fdatasync = __NR_fdatasync,
		.msync = __NR_msync,
		.sync = __NR_sync,
		.syncfs = __NR_syncfs,
	};
}

/* Tracepoints of a filesystem, which may be a module, are found by name, not by type. */
static void choose_programs(struct writeback *state, const struct btf *btf)
{
	struct writeback_bpf *skeleton = state->skeleton;
	bool folios = ts_tracepoint_exists(btf, "folio_wait_writeback", NULL),
	     pages = !folios && ts_tracepoint_exists(btf, "wait_on_page_writeback", NULL);

	bpf_program__set_autoload(skeleton->progs.ts_fsync_begins, state->ext4);
	bpf_program__set_autoload(skeleton->progs.ts_fsync_ends, state->ext4);
	bpf_program__set_autoload(skeleton->progs.ts_folio_awaited, folios);
	bpf_program__set_autoload(skeleton->progs.ts_page_awaited, pages);
	bpf_program__set_autoload(skeleton->progs.ts_sync_begins, folios || pages);
	state->waits = folios ? "ts_folio_awaited" : pages ? "ts_page_awaited" : NULL;
}

static void begin_visits(struct writeback *state, struct ts_live *live)
{
	/* Without, nothing is known to have been dirty for long. */
	if (ts_probe_status(&state->probe, VISIT, NULL) != TS_STATUS_OK)
		return;
	state->piles.error = ts_piles_open(
		&state->piles, bpf_program__fd(state->skeleton->progs.ts_writeback_visit));
	if (!state->piles.error)
		ts_piles_meet(&state->piles, live, &state->live->ts_writeback_file);
}

static int load(struct writeback *state, struct ts_live *live, enum ts_status *status,
		char why[256])
{
	int error;

	state->skeleton = ts_skeleton_open(writeback, live);
	if (!state->skeleton || !ts_blame_open(&state->blame) ||
	    !ts_slots_open(&state->slots, TS_WRITEBACK_DEVICES))
		return -ENOMEM;
	state->cpus = ts_possible_cpus();
	state->page_bytes = (__u64)sysconf(_SC_PAGESIZE);
	state->ext4 = has_ext4(live);
	choose_programs(state, live->kernel_btf);
	set_calls(state->skeleton);
	error = set_constants(state->skeleton, live->kernel_btf, status, why);
	if (!error)
		error = bpf_map__set_max_entries(state->skeleton->maps.ts_writeback_cpus,
						 state->cpus);
	if (!error)
		error = ts_probe_load(&state->probe, ts_source_names[TS_SOURCE_WRITEBACK],
				      state->skeleton->obj, live, status, why);
	if (error)
		return error;
	state->cpu =
		ts_map_view(ts_probe_map(&state->probe, state->skeleton->maps.ts_writeback_cpus),
			    &state->cpu_length);
	state->live = ts_slots_map(ts_probe_map(&state->probe, state->skeleton->maps.bss),
				   &state->live_length);
	error = state->cpu && state->live ? 0 : -errno;
	state->blamed = ts_probe_map(&state->probe, state->skeleton->maps.ts_blamed);
	if (!error)
		begin_visits(state, live);
	ts_skeleton_close(writeback, state->skeleton);
	if (!error)
		return 0;
	snprintf(why, 256, "cannot map the counters: %s", strerror(-error));
	return error;
}

static int writeback_open(struct ts_live *live, void **opaque, enum ts_status *status,
			  char why[256])
{
	struct writeback *state = calloc(1, sizeof *state);
	int error = -ENOMEM;

	*status = TS_STATUS_FAILED;
	snprintf(why, 256, "out of memory");
	if (!state)
		return error;
	state->piles.visit = -1;
	error = load(state, live, status, why);
	if (error)
		writeback_close(state);
	else
		*opaque = state;
	return error;
}

/* ---- Devices */

/*
 * A disk's is "MAJOR:MINOR", and btrfs has its own, "btrfs-1"; others ("0:45" of NFS,
 * "8:1-fuseblk") have no disk of that number.
 */
static void name_device(const struct ts_live *live, struct device *device, const char *bdi)
{
	char disk[TS_DISK_NAME_SIZE];
	unsigned int major, minor;
	int end = 0;

	device->disk = (sscanf(bdi, "%u:%u%n", &major, &minor, &end) == 2 && !bdi[end] &&
			ts_disk_name(live->sys, major, minor, disk)) ||
		       ts_btrfs_disk(live->sys, bdi, disk);
	snprintf(device->name, sizeof device->name, "%s", device->disk ? disk : bdi);
	snprintf(device->bdi, sizeof device->bdi, "%s", bdi);
}

static void add_histogram(const struct ts_histogram_keyed *raw, __u64 words[HISTOGRAM])
{
	words[0] += raw->sum;
	if (words[1] < raw->max)
		words[1] = raw->max;
	for (size_t i = 0; i < TS_HISTOGRAM_SLOTS_KEYED; i++)
		words[2 + i] += raw->slot[i];
}

/* Adds up what the CPUs have counted in a slot, former owners' included. */
static void read_slot(const struct writeback *state, unsigned int slot, __u64 words[WORDS])
{
	memset(words, 0, WORDS * sizeof *words);
	for (unsigned int cpu = 0; cpu < state->cpus; cpu++) {
		add_histogram(&state->cpu[cpu].pause[slot], words);
		add_histogram(&state->cpu[cpu].fsync[slot], words + FSYNC);
		words[OVERDUE] += state->cpu[cpu].overdue_ns[slot];
		words[CLEANED] += state->cpu[cpu].cleaned_pages[slot];
	}
}

static __u64 paused_ns(const struct writeback *state, unsigned int slot)
{
	__u64 sum = 0;

	for (unsigned int cpu = 0; cpu < state->cpus; cpu++)
		sum += state->cpu[cpu].pause[slot].sum;
	if (slot < TS_WRITEBACK_OTHER)
		ts_slot_subtract(&state->slots.slot[slot], 0, &sum, 1);
	return sum;
}

static __u64 fsync_ns(const struct writeback *state, unsigned int slot)
{
	__u64 sum = 0;

	for (unsigned int cpu = 0; cpu < state->cpus; cpu++)
		sum += state->cpu[cpu].fsync[slot].sum;
	if (slot < TS_WRITEBACK_OTHER)
		ts_slot_subtract(&state->slots.slot[slot], FSYNC, &sum, 1);
	return sum;
}

/* Meets the owner of a slot and gives it a name, once. False when the slot has none. */
static bool known(const struct ts_live *live, struct writeback *state, unsigned int slot, __u64 now)
{
	const struct ts_writeback_device *row = &state->live->ts_writeback_devices[slot];
	struct device *device = &state->device[slot];
	char bdi[TS_WRITEBACK_NAME_SIZE];
	__u64 key = row->key;

	if (!key || key == TS_SLOT_RESTING)
		return false;
	if (ts_slot_see(&state->slots.slot[slot], key,
			paused_ns(state, slot) + fsync_ns(state, slot), now))
		*device = (struct device){0};
	if (device->name[0])
		return true;
	memcpy(bdi, row->name, sizeof bdi);
	bdi[sizeof bdi - 1] = '\0';
	/* The name is there a moment after the key. */
	if (bdi[0])
		name_device(live, device, bdi);
	return device->name[0];
}

/*
 * Tells a device that is written to for good from one that idles between bursts of throttled
 * writers: from one pause to the next, how much of the time was it busy? True after a pause.
 */
static bool follow(const struct ts_live *live, struct device *device, __u64 paused, __u64 now)
{
	__u64 busy = 0, span = now - device->grew_ns, busy_since;
	bool busy_known;

	if (paused == device->paused_ns)
		return false;
	device->paused_ns = paused;
	busy_known = device->disk && ts_disk_busy_ns(live->sys, device->name, &busy);
	busy_since = ts_disk_ms_since(busy, device->grew_busy_ns);
	/* More than the time that has passed: the account has started anew. */
	if (device->grew_ns && span <= BOUT_NS && busy_known && device->grew_busy_known &&
	    busy_since <= span + BUSY_SLACK_NS) {
		device->has_span = true;
		device->span_ns += span;
		device->busy_ns += busy_since;
	}
	device->grew_ns = now;
	device->grew_busy_ns = busy;
	device->grew_busy_known = busy_known;
	return true;
}

static void writeback_tick(struct ts_live *live, void *opaque, __u64 monotonic_ns)
{
	struct writeback *state = opaque;

	ts_piles_look(&state->piles);
	for (unsigned int slot = 0; slot < TS_WRITEBACK_DEVICES; slot++)
		if (known(live, state, slot, monotonic_ns) &&
		    follow(live, &state->device[slot], paused_ns(state, slot), monotonic_ns))
			ts_pace_moved(live, monotonic_ns);
}

/* ---- Snapshot */

/* slot: NULL for all others. */
static void add_fsync(const struct writeback *state, struct ts_snapshot *snapshot,
		      const char *const *label, const struct ts_slot *slot, __u64 *words)
{
	struct ts_histogram *histogram = ts_snapshot_histogram(snapshot, TS_FAMILY_FSYNC_LATENCY,
							       label, TS_HISTOGRAM_SCALE_KEYED);

	if (slot) {
		ts_slot_histogram(slot, FSYNC, words + FSYNC, histogram);
		ts_slot_subtract(slot, OVERDUE, words + OVERDUE, 2);
	} else {
		ts_histogram_add_raw(histogram, words[FSYNC], words[FSYNC + 1], words + FSYNC + 2);
	}
	ts_snapshot_counter(snapshot, TS_FAMILY_FSYNC_OVERDUE, label, words[OVERDUE]);
	ts_snapshot_counter(snapshot, TS_FAMILY_FSYNC_CLEANED, label,
			    words[CLEANED] * state->page_bytes);
}

/* slot: NULL for all others. */
static void add_device(const struct writeback *state, struct ts_snapshot *snapshot,
		       const struct device *device, const struct ts_slot *slot, __u64 *words)
{
	const char *const *label = TS_LABELS(slot ? device->name : "other");
	struct ts_histogram *histogram;

	if (words[FSYNC] > 0)
		add_fsync(state, snapshot, label, slot, words);
	if (!words[0])
		return;
	histogram = ts_snapshot_histogram(snapshot, TS_FAMILY_DIRTY_THROTTLE_PAUSE, label,
					  TS_HISTOGRAM_SCALE_KEYED);
	if (slot) {
		ts_slot_histogram(slot, 0, words, histogram);
	} else {
		ts_histogram_add_raw(histogram, words[0], words[1], words + 2);
		snapshot->family[TS_FAMILY_DIRTY_THROTTLE_PAUSE].overflowed = histogram->count;
	}
	if (!slot || !device->has_span)
		return;
	ts_snapshot_counter(snapshot, TS_FAMILY_DIRTY_THROTTLE_SPAN, label, device->span_ns);
	ts_snapshot_counter(snapshot, TS_FAMILY_DIRTY_THROTTLE_BUSY, label, device->busy_ns);
}

/* One that was removed, and perhaps came back under the same name, in another slot. */
static bool is_gone(const struct ts_live *live, const struct writeback *state, unsigned int slot)
{
	const struct device *device = &state->device[slot];
	char path[256];

	for (unsigned int i = 0; i < TS_WRITEBACK_DEVICES; i++)
		if (state->slots.slot[i].owner > state->slots.slot[slot].owner &&
		    !strcmp(state->device[i].name, device->name))
			return true;
	snprintf(path, sizeof path, "%s/class/bdi/%s", live->sys, device->bdi);
	return access(path, F_OK) && errno == ENOENT;
}

/* A slot is shown until its owner is gone, and then, after a rest, given to the next. */
static void add_slot(const struct ts_live *live, struct writeback *state,
		     struct ts_snapshot *snapshot, unsigned int i, __u64 now)
{
	struct ts_writeback_device *row = &state->live->ts_writeback_devices[i];
	struct ts_slot *slot = &state->slots.slot[i];
	__u64 words[WORDS];

	if (row->key == TS_SLOT_RESTING) {
		if (!ts_slot_rested(slot, now))
			return;
		read_slot(state, i, words);
		memset(row->name, 0, sizeof row->name);
		ts_slot_free(slot, &row->key, words, WORDS);
		return;
	}
	if (!known(live, state, i, now))
		return;
	read_slot(state, i, words);
	if (paused_ns(state, i) + fsync_ns(state, i) &&
	    ts_slots_show(&state->slots, i, ts_slot_label(state->device[i].name)))
		add_device(state, snapshot, &state->device[i], slot, words);
	if (ts_slot_idle(slot, now, TS_SLOT_GONE_NS) && is_gone(live, state, i))
		ts_slot_close(slot, &row->key, now);
}

static void add_devices(const struct ts_live *live, struct writeback *state,
			struct ts_snapshot *snapshot)
{
	__u64 words[WORDS], now = ts_clock_ns(CLOCK_MONOTONIC);

	ts_slots_begin(&state->slots);
	for (unsigned int i = 0; i < TS_WRITEBACK_DEVICES; i++)
		add_slot(live, state, snapshot, i, now);
	read_slot(state, TS_WRITEBACK_OTHER, words);
	add_device(state, snapshot, NULL, NULL, words);
}

static const char *label_of(const void *of, __u32 slot)
{
	const struct writeback *state = of;

	if (slot >= SLOTS)
		return NULL;
	return slot == TS_WRITEBACK_OTHER ? "other" : state->device[slot].name;
}

/* A filesystem that tells is enough, and so is a kernel that tells who waits. */
static void say_what_is_missing(const struct writeback *state, struct ts_snapshot *snapshot)
{
	static const enum ts_family_id families[] = {
		TS_FAMILY_FSYNC_LATENCY, TS_FAMILY_FSYNC_OVERDUE, TS_FAMILY_FSYNC_CLEANED};
	const char *why = "this kernel has no ext4, and other filesystems do not tell";
	enum ts_status status = TS_STATUS_UNSUPPORTED;

	if (state->waits && ts_probe_status(&state->probe, state->waits, &why) == TS_STATUS_OK)
		return;
	if (state->ext4)
		status = ts_probe_status(&state->probe, FSYNC_PROGRAM, &why);
	if (status == TS_STATUS_OK)
		return;
	for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
		ts_snapshot_family_status(snapshot, families[i], status, why);
}

/* Without a look at the piles nothing would seem to have waited to be written. */
static void say_of_piles(const struct writeback *state, struct ts_snapshot *snapshot)
{
	const char *why = NULL;
	enum ts_status status = ts_probe_status(&state->probe, VISIT, &why);
	char text[128];

	if (status == TS_STATUS_OK && state->piles.error) {
		status = TS_STATUS_FAILED;
		snprintf(text, sizeof text, "what is dirty on a device cannot be looked at: %s",
			 strerror(-state->piles.error));
		why = text;
	}
	if (status != TS_STATUS_OK)
		ts_snapshot_family_status(snapshot, TS_FAMILY_FSYNC_OVERDUE, status, why);
}

static void writeback_snapshot(struct ts_live *live, void *opaque, struct ts_snapshot *snapshot)
{
	struct writeback *state = opaque;
	enum ts_status status;
	const char *why;

	ts_probe_cost(&state->probe, snapshot);
	status = ts_probe_status(&state->probe, PROGRAM, &why);
	if (status != TS_STATUS_OK) {
		ts_snapshot_source_status(snapshot, TS_SOURCE_WRITEBACK, status, why);
		return;
	}
	add_devices(live, state, snapshot);
	ts_blame_sufferers(&state->blame, state->blamed, TS_FAMILY_DIRTY_THROTTLE_PAUSE, label_of,
			   state, snapshot);
	ts_for_each_family (id)
		if (ts_families[id].source == TS_SOURCE_WRITEBACK && !snapshot->family[id].count)
			ts_snapshot_family_status(
				snapshot, id, TS_STATUS_NO_DATA,
				id < TS_FAMILY_FSYNC_LATENCY
					? "no writer has been throttled yet"
					: "nobody has been seen to wait for fsync() or sync() yet");
	say_what_is_missing(state, snapshot);
	say_of_piles(state, snapshot);
}

const struct ts_source ts_source_writeback = {
	.id = TS_SOURCE_WRITEBACK,
	.open = writeback_open,
	.tick = writeback_tick,
	.snapshot = writeback_snapshot,
	.close = writeback_close,
};
