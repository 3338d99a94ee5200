// SPDX-License-Identifier: GPL-2.0-only
/* Block requests, measured by bpf/block.bpf.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <bpf/bpf.h>

#include <tunescope/block.h>
#include "../core/histogram.h"
#include "block.skel.h"
#include "block_unseen.h"
#include "block_plain.skel.h"
#include "btf_enum.h"
#include "clock.h"
#include "diskstats.h"
#include "probe.h"
#include "slots.h"

#define ISSUE	 "block_rq_issue"
#define COMPLETE "block_rq_complete"
#define SPLIT	 "block_split"

/* Kernel memory the cells may take; a host of many CPUs gets fewer of them. */
#define CELLS_BYTES   (32u << 20)
#define CELLS_LARGEST (TS_BLOCK_OPS * (TS_BLOCK_DEVICES + 1))
#define CELLS_FEWEST  (TS_BLOCK_OPS * 4)

/* All that is counted in a cell, the CPUs' added up: words by number. */
#define CLASS_WORDS	(2 * TS_BLOCK_CLASSES)
#define HISTOGRAM_WORDS (2 + TS_HISTOGRAM_SLOTS_KEYED) /* sum, maximum, slots */
#define SEQUENTIAL	0
#define ERRORS		1
#define SPLITS		2
#define AHEAD		3 /* all, sequential, bytes */
#define DEPTH		6
#define BESIDE		(DEPTH + CLASS_WORDS)
#define MEASURE(m)	(BESIDE + CLASS_WORDS + (m)*HISTOGRAM_WORDS)
#define CELL_WORDS	MEASURE(TS_BLOCK_MEASURES)

static const char *const op_names[TS_BLOCK_OPS] = {
	[TS_BLOCK_READ] = "read",	[TS_BLOCK_WRITE] = "write", [TS_BLOCK_FLUSH] = "flush",
	[TS_BLOCK_DISCARD] = "discard", [TS_BLOCK_OTHER] = "other",
};

struct block {
	struct block_bpf *skeleton; /* while it is opened */
	const struct ts_map *cells, *variables;
	struct ts_probe probe;
	/*
	 * The program's own variables up to the tables of requests in flight. skeleton->bss is not
	 * them: it is mapped by a loader of its own, which leaves out what ts_probe_load decides.
	 */
	struct block_bpf__bss *live;
	size_t live_length;
	unsigned int cpus, cells_per_cpu;
	int error; /* of this snapshot's reading */
	struct ts_slots slots;
	struct ts_block_cell cell;		/* the one read last */
	__u64 words[TS_BLOCK_OPS * CELL_WORDS]; /* of the device being read */
};

/* One operation of one device, for the snapshot being taken. */
struct series {
	struct ts_snapshot *snapshot;
	const struct ts_slot *slot; /* NULL: of all others */
	const char *device, *op;
	bool read, moves_data;
	const __u64 *words; /* of its cell */
	size_t first;	    /* number of the first of them among those of the slot */
};

static void block_close(void *opaque)
{
	struct block *state = opaque;

	ts_probe_close(&state->probe);
	if (state->live)
		munmap(state->live, state->live_length);
	block_bpf__destroy(state->skeleton);
	ts_slots_close(&state->slots);
	free(state);
}

/*
 * The flags were macros until 6.12 (5f89154e8e9e, "block: Use enum to define RQF_x bit indexes",
 * and the like for QUEUE_FLAG_x): the values here are the ones they had then. The numbers of some
 * operations have changed, too.
 */
static void set_constants(struct block_bpf *skeleton, const struct btf *btf)
{
	enum { QUEUE_STATS, REQUEST_STATS, REQUEST_ACCOUNT, ZONE_APPEND, AHEAD_BIT, ROWS };
	struct ts_btf_enumerator row[ROWS] = {
		[QUEUE_STATS] = {"QUEUE_FLAG_STATS", 20},
		[REQUEST_STATS] = {"__RQF_STATS", 17},
		[REQUEST_ACCOUNT] = {"__RQF_IO_STAT", 13},
		[ZONE_APPEND] = {"REQ_OP_ZONE_APPEND", TS_BLOCK_KERNEL_OPS - 1},
		[AHEAD_BIT] = {"__REQ_RAHEAD", 19},
	};
	int parameters = 1;

	ts_btf_enumerators(btf, row, ROWS);
	skeleton->rodata->ts_block_queue_stats = 1ull << row[QUEUE_STATS].value;
	skeleton->rodata->ts_block_request_stats = 1u << row[REQUEST_STATS].value;
	skeleton->rodata->ts_block_request_account = 1u << row[REQUEST_ACCOUNT].value;
	skeleton->rodata->ts_block_request_ahead = 1u << row[AHEAD_BIT].value;
	memset(skeleton->rodata->ts_block_ops, TS_BLOCK_OTHER, TS_BLOCK_KERNEL_OPS);
	/* REQ_OP_READ, _WRITE, _FLUSH, _DISCARD and _SECURE_ERASE have kept theirs. */
	skeleton->rodata->ts_block_ops[0] = TS_BLOCK_READ;
	skeleton->rodata->ts_block_ops[1] = TS_BLOCK_WRITE;
	skeleton->rodata->ts_block_ops[2] = TS_BLOCK_FLUSH;
	skeleton->rodata->ts_block_ops[3] = TS_BLOCK_DISCARD;
	skeleton->rodata->ts_block_ops[5] = TS_BLOCK_DISCARD;
	skeleton->rodata->ts_block_ops[row[ZONE_APPEND].value & (TS_BLOCK_KERNEL_OPS - 1)] =
		TS_BLOCK_WRITE;
	for (unsigned int sectors = 0; sectors < TS_BLOCK_SECTORS_KNOWN; sectors++)
		skeleton->rodata->ts_block_sector_slots[sectors] = (__u8)ts_histogram_slot(
			TS_HISTOGRAM_SCALE_KEYED, TS_UNIT_BYTES, sectors * 512);
	ts_tracepoint_exists(btf, ISSUE, &parameters);
	skeleton->rodata->ts_block_issue_has_queue = parameters == 2;
	parameters = 2;
	ts_tracepoint_exists(btf, SPLIT, &parameters);
	skeleton->rodata->ts_block_split_has_queue = parameters == 3;
}

static unsigned int choose_cells_per_cpu(unsigned int cpus)
{
	size_t cells = CELLS_BYTES / (cpus * sizeof(struct ts_block_cell));

	if (cells > CELLS_LARGEST)
		return CELLS_LARGEST;
	return cells < CELLS_FEWEST ? CELLS_FEWEST : (unsigned int)cells;
}

static int block_open(struct ts_live *live, void **opaque, enum ts_status *status, char why[256])
{
	struct block *state = calloc(1, sizeof *state);
	int error = -ENOMEM;

	*status = TS_STATUS_FAILED;
	snprintf(why, 256, "out of memory");
	if (!state)
		return error;
	state->skeleton = ts_skeleton_open(block, live);
	if (!state->skeleton || !ts_slots_open(&state->slots, TS_BLOCK_DEVICES))
		goto fail;
	state->cpus = ts_possible_cpus();
	state->cells_per_cpu = choose_cells_per_cpu(state->cpus);
	set_constants(state->skeleton, live->kernel_btf);
	state->skeleton->rodata->ts_block_cells_per_cpu = state->cells_per_cpu;
	error = bpf_map__set_max_entries(state->skeleton->maps.ts_block_cells,
					 state->cpus * state->cells_per_cpu);
	if (!error)
		error = ts_probe_load(&state->probe, ts_source_names[TS_SOURCE_BLOCK],
				      state->skeleton->obj, live, status, why);
	if (error)
		goto fail;
	state->cells = ts_probe_map(&state->probe, state->skeleton->maps.ts_block_cells);
	state->variables = ts_probe_map(&state->probe, state->skeleton->maps.bss);
	state->live = ts_slots_map_head(state->variables,
					offsetof(struct block_bpf__bss, ts_block_stamps),
					&state->live_length);
	if (!state->live) {
		error = -errno;
		snprintf(why, 256, "cannot map the counters: %s", strerror(-error));
		goto fail;
	}
	ts_skeleton_close(block, state->skeleton);
	*opaque = state;
	return 0;
fail:
	block_close(state);
	return error;
}

static void add_cell(const struct ts_block_cell *cell, __u64 *words)
{
	__u64 requests = 0;

	for (size_t i = 1; i < TS_BLOCK_CLASSES; i++)
		requests += cell->depth[TS_BLOCK_DEPTH(i)].requests;
	if (!requests)
		return; /* and so is all the rest */
	words[SEQUENTIAL] += cell->sequential;
	words[ERRORS] += cell->errors;
	words[SPLITS] += cell->splits;
	words[AHEAD] += cell->ahead;
	words[AHEAD + 1] += cell->ahead_sequential;
	words[AHEAD + 2] += cell->ahead_bytes;
	for (size_t i = 1; i < TS_BLOCK_CLASSES; i++) {
		words[DEPTH + 2 * i] += cell->depth[TS_BLOCK_DEPTH(i)].requests;
		words[DEPTH + 2 * i + 1] += cell->depth[TS_BLOCK_DEPTH(i)].ns;
	}
	for (size_t i = 0; i < TS_BLOCK_CLASSES; i++) {
		words[BESIDE + 2 * i] += cell->beside[i].requests;
		words[BESIDE + 2 * i + 1] += cell->beside[i].ns;
	}
	for (size_t m = 0; m < TS_BLOCK_MEASURES; m++) {
		__u64 *histogram = words + MEASURE(m);

		histogram[0] += cell->total[m].sum;
		if (histogram[1] < cell->total[m].max)
			histogram[1] = cell->total[m].max;
		for (size_t i = 0; i < TS_HISTOGRAM_SLOTS_KEYED; i++)
			histogram[2 + i] += cell->slot[m][i];
	}
}

/*
 * Adds up what the CPUs have counted in a cell. Few of the cells are in use: copying those costs
 * far less than mapping all of them.
 */
static void read_cell(struct block *state, __u32 number, __u64 *words)
{
	memset(words, 0, CELL_WORDS * sizeof *words);
	for (unsigned int cpu = 0; cpu < state->cpus; cpu++) {
		__u32 index = cpu * state->cells_per_cpu + number;

		if (bpf_map_lookup_elem(state->cells->fd, &index, &state->cell))
			state->error = -errno;
		else
			add_cell(&state->cell, words);
	}
}

static __u64 requests_of(const struct series *series, enum ts_block_measure measure)
{
	__u64 slot[TS_HISTOGRAM_SLOTS_KEYED], requests = 0;
	size_t first = MEASURE(measure) + 2;

	memcpy(slot, series->words + first, sizeof slot);
	if (series->slot)
		ts_slot_subtract(series->slot, series->first + first, slot,
				 TS_HISTOGRAM_SLOTS_KEYED);
	for (size_t i = 0; i < TS_HISTOGRAM_SLOTS_KEYED; i++)
		requests += slot[i];
	return requests;
}

static void add_measure(const struct series *series, enum ts_block_measure measure,
			struct ts_histogram *histogram)
{
	const __u64 *words = series->words + MEASURE(measure);

	if (series->slot)
		ts_slot_histogram(series->slot, series->first + MEASURE(measure), words, histogram);
	else
		ts_histogram_add_raw(histogram, words[0], words[1], words + 2);
}

/* direct: requests that did not wait, which belong to measure as well; as 0 to the queue's. */
static void add_histogram(const struct series *series, enum ts_family_id id,
			  enum ts_block_measure measure, __u64 direct)
{
	struct ts_histogram *histogram;

	if (!direct && !requests_of(series, measure))
		return;
	histogram =
		ts_snapshot_histogram(series->snapshot, id, TS_LABELS(series->device, series->op),
				      TS_HISTOGRAM_SCALE_KEYED);
	add_measure(series, measure, histogram);
	if (direct && measure == TS_BLOCK_QUEUE)
		ts_histogram_add(histogram, 0, direct);
	else if (direct)
		add_measure(series, TS_BLOCK_DIRECT, histogram);
	if (!series->slot)
		series->snapshot->family[id].overflowed += histogram->count;
}

/* Words of the cell from number first on, those of former owners taken off. */
static void own_words(const struct series *series, size_t first, __u64 *words, size_t count)
{
	memcpy(words, series->words + first, count * sizeof *words);
	if (series->slot)
		ts_slot_subtract(series->slot, series->first + first, words, count);
}

static void add_counter(const struct series *series, enum ts_family_id id, size_t word)
{
	__u64 value;

	own_words(series, word, &value, 1);
	ts_snapshot_counter(series->snapshot, id, TS_LABELS(series->device, series->op), value);
	if (!series->slot)
		series->snapshot->family[id].overflowed += value;
}

static void add_class(const struct series *series, enum ts_family_id requests,
		      enum ts_family_id seconds, bool with_op, unsigned int class,
		      struct ts_block_class sum)
{
	const char *label[TS_LABELS_MAX] = {series->device, series->op};
	char bound[16];

	if (!sum.requests)
		return;
	snprintf(bound, sizeof bound, "%u", class ? 1u << (class - 1) : 0);
	label[with_op ? 2 : 1] = bound;
	ts_snapshot_counter(series->snapshot, requests, label, sum.requests);
	ts_snapshot_counter(series->snapshot, seconds, label, sum.ns);
}

/* Reads into the page cache, by whether they went on where the one before ended. */
static void add_buffered(const struct series *series)
{
	__u64 ahead[3];

	own_words(series, AHEAD, ahead, 3);
	if (!ahead[0])
		return;
	ts_snapshot_counter(series->snapshot, TS_FAMILY_BLOCK_BUFFERED_READS,
			    TS_LABELS(series->device, "sequential"), ahead[1]);
	ts_snapshot_counter(series->snapshot, TS_FAMILY_BLOCK_BUFFERED_READS,
			    TS_LABELS(series->device, "other"), ahead[0] - ahead[1]);
	ts_snapshot_counter(series->snapshot, TS_FAMILY_BLOCK_BUFFERED_BYTES,
			    TS_LABELS(series->device), ahead[2]);
}

static void add_splits(const struct series *series)
{
	__u64 splits;

	own_words(series, SPLITS, &splits, 1);
	if (splits)
		ts_snapshot_counter(series->snapshot, TS_FAMILY_BLOCK_SPLITS,
				    TS_LABELS(series->device, series->op), splits);
}

/* Classes nothing fell into have no series. */
static void add_classes(const struct series *series)
{
	struct ts_block_class depths[TS_BLOCK_CLASSES], besides[TS_BLOCK_CLASSES], alone = {0};

	own_words(series, DEPTH, (__u64 *)depths, CLASS_WORDS);
	own_words(series, BESIDE, (__u64 *)besides, CLASS_WORDS);
	for (unsigned int class = 0; class < TS_BLOCK_CLASSES; class ++) {
		struct ts_block_class depth = depths[class], beside = besides[class];

		add_class(series, TS_FAMILY_BLOCK_DEPTH_REQUESTS, TS_FAMILY_BLOCK_DEPTH_SECONDS,
			  true, class, depth);
		alone.requests += depth.requests - beside.requests;
		alone.ns += depth.ns - beside.ns;
		if (series->read)
			add_class(series, TS_FAMILY_BLOCK_READ_BESIDE_WRITES,
				  TS_FAMILY_BLOCK_READ_BESIDE_SECONDS, false, class, beside);
	}
	/* A read is counted in one class of depth, and in one of writes beside it unless none. */
	if (series->read)
		add_class(series, TS_FAMILY_BLOCK_READ_BESIDE_WRITES,
			  TS_FAMILY_BLOCK_READ_BESIDE_SECONDS, false, 0, alone);
}

static void add_operation(const struct series *series)
{
	__u64 direct = requests_of(series, TS_BLOCK_DIRECT);

	if (!direct && !requests_of(series, TS_BLOCK_DEVICE))
		return;
	add_histogram(series, TS_FAMILY_BLOCK_DEVICE_LATENCY, TS_BLOCK_DEVICE, direct);
	/* Where the queue does not account I/O (iostats 0) these two are not known. */
	add_histogram(series, TS_FAMILY_BLOCK_LATENCY, TS_BLOCK_TOTAL, direct);
	add_histogram(series, TS_FAMILY_BLOCK_QUEUE_LATENCY, TS_BLOCK_QUEUE, direct);
	add_counter(series, TS_FAMILY_BLOCK_ERRORS, ERRORS);
	add_classes(series);
	if (!series->moves_data)
		return;
	add_histogram(series, TS_FAMILY_BLOCK_IO_SIZE, TS_BLOCK_SIZE, 0);
	add_counter(series, TS_FAMILY_BLOCK_SEQUENTIAL, SEQUENTIAL);
	add_splits(series);
	if (series->read)
		add_buffered(series);
}

/* slot: NULL for all others. Operations without a cell have counted nothing. */
static void add_device(const struct block *state, struct ts_snapshot *snapshot, const char *name,
		       const struct ts_slot *slot)
{
	for (unsigned int op = 0; op < TS_BLOCK_OPS; op++)
		add_operation(&(struct series){
			.snapshot = snapshot,
			.slot = slot,
			.device = name,
			.op = op_names[op],
			.read = op == TS_BLOCK_READ,
			.moves_data = op != TS_BLOCK_FLUSH && op != TS_BLOCK_OTHER,
			.words = state->words + op * CELL_WORDS,
			.first = op * CELL_WORDS,
		});
}

/* The device's own cells; what it counts in one that it shares belongs to the others. */
static void read_device(struct block *state, const struct ts_block_device *device)
{
	for (unsigned int op = 0; op < TS_BLOCK_OPS; op++) {
		__u32 cell = TS_BLOCK_CELL(device->cells, op);
		__u64 *words = state->words + op * CELL_WORDS;

		if (cell > TS_BLOCK_OPS && cell <= state->cells_per_cpu)
			read_cell(state, cell - 1, words);
		else
			memset(words, 0, CELL_WORDS * sizeof *words);
	}
}

static __u64 mark_of(const struct block *state)
{
	__u64 requests = 0;

	for (unsigned int op = 0; op < TS_BLOCK_OPS; op++)
		for (size_t i = 0; i < TS_BLOCK_CLASSES; i++)
			requests += state->words[op * CELL_WORDS + DEPTH + 2 * i];
	return requests;
}

/* Name of the device in a slot, as in /sys/block; "" until it is there, a moment after the key. */
static void name_of(const struct block *state, unsigned int slot, char name[TS_BLOCK_NAME_SIZE])
{
	memcpy(name, state->live->ts_block_names[slot], TS_BLOCK_NAME_SIZE);
	name[TS_BLOCK_NAME_SIZE - 1] = '\0';
	for (char *slash = strchr(name, '/'); slash; slash = strchr(slash, '/'))
		*slash = '!';
}

/* The number belongs to no disk any more, or to another one. Hidden disks have number 0:0. */
static bool is_gone(const struct ts_live *live, __u64 key, const char *name)
{
	__u32 number = (__u32)(key - 1);
	char now[TS_DISK_NAME_SIZE];

	return number &&
	       (!ts_disk_name(live->sys, number >> 20, number & 0xfffff, now) || strcmp(now, name));
}

/*
 * What the former device left besides its counts. Requests of its that were never seen to complete
 * must not be taken off those in flight on the next one. False when that cannot be seen to.
 */
static bool clear_device(struct block *state, unsigned int slot)
{
	struct ts_block_device *device = &state->live->ts_block_devices[slot];
	size_t length;
	struct block_bpf__bss *all = ts_slots_map(state->variables, &length);

	if (!all)
		return false;
	ts_block_forget_slot(all->ts_block_stamps, slot);
	munmap(all, length);
	device->in_flight = device->near = device->near_issued = 0;
	memset(device->next_sector, 0, sizeof device->next_sector);
	memset(state->live->ts_block_names[slot], 0, TS_BLOCK_NAME_SIZE);
	return true;
}

/* Mapping the table of those in flight is worth it only where some cannot be. */
static void forget_unseen(const struct ts_live *live, struct block *state, unsigned int slot,
			  const char *name)
{
	struct ts_block_device *device = &state->live->ts_block_devices[slot];
	struct block_bpf__bss *all;
	size_t length;

	if (!device->in_flight || !ts_disk_is_idle(live->sys, name))
		return;
	all = ts_slots_map(state->variables, &length);
	if (!all)
		return;
	ts_block_forget_unseen(device, slot, all->ts_block_stamps, live->sys, name);
	munmap(all, length);
}

static void add_slot(const struct ts_live *live, struct block *state, struct ts_snapshot *snapshot,
		     unsigned int i, __u64 now)
{
	struct ts_block_device *device = &state->live->ts_block_devices[i];
	struct ts_slot *slot = &state->slots.slot[i];
	__u64 owner = device->key;
	char name[TS_BLOCK_NAME_SIZE];

	if (owner == TS_SLOT_RESTING) {
		if (!ts_slot_rested(slot, now))
			return;
		read_device(state, device);
		if (!state->error && clear_device(state, i))
			ts_slot_free(slot, &device->key, state->words, TS_BLOCK_OPS * CELL_WORDS);
		return;
	}
	name_of(state, i, name);
	if (!owner || !*name)
		return;
	forget_unseen(live, state, i, name);
	read_device(state, device);
	ts_slot_see(slot, owner, mark_of(state), now);
	if (!ts_slots_show(&state->slots, i, ts_slot_label(name)))
		return;
	add_device(state, snapshot, name, slot);
	if (ts_slot_idle(slot, now, TS_SLOT_GONE_NS) && is_gone(live, owner, name))
		ts_slot_close(slot, &device->key, now);
}

static void add_devices(const struct ts_live *live, struct block *state,
			struct ts_snapshot *snapshot)
{
	__u64 now = ts_clock_ns(CLOCK_MONOTONIC);

	ts_slots_begin(&state->slots);
	for (unsigned int i = 0; i < TS_BLOCK_DEVICES; i++)
		add_slot(live, state, snapshot, i, now);
	for (unsigned int op = 0; op < TS_BLOCK_OPS; op++)
		read_cell(state, op, state->words + op * CELL_WORDS);
	add_device(state, snapshot, "other", NULL);
}

static void block_snapshot(struct ts_live *live, void *opaque, struct ts_snapshot *snapshot)
{
	static const char *const programs[] = {ISSUE, COMPLETE};
	struct block *state = opaque;
	enum ts_status status = TS_STATUS_OK;
	const char *why = "";
	char reason[256];

	ts_probe_cost(&state->probe, snapshot);
	snapshot->cost.lost_events += state->live->ts_block_lost; /* requests nothing is known of */
	/* A request is counted from what both of them see. */
	for (size_t i = 0; i < 2 && status == TS_STATUS_OK; i++)
		status = ts_probe_status(&state->probe, programs[i], &why);
	if (status != TS_STATUS_OK) {
		ts_snapshot_source_status(snapshot, TS_SOURCE_BLOCK, status, why);
		return;
	}
	status = ts_probe_status(&state->probe, SPLIT, &why);
	if (status != TS_STATUS_OK)
		ts_snapshot_family_status(snapshot, TS_FAMILY_BLOCK_SPLITS, status, why);
	state->error = 0;
	add_devices(live, state, snapshot);
	if (state->error) {
		snprintf(reason, sizeof reason, "the counters cannot be read: %s",
			 strerror(-state->error));
		ts_snapshot_source_status(snapshot, TS_SOURCE_BLOCK, TS_STATUS_FAILED, reason);
		return;
	}
	ts_for_each_family (id)
		if (ts_families[id].source == TS_SOURCE_BLOCK && !snapshot->family[id].count)
			ts_snapshot_family_status(snapshot, id, TS_STATUS_NO_DATA,
						  "no such block request has completed yet");
}

const struct ts_source ts_source_block = {
	.id = TS_SOURCE_BLOCK,
	.open = block_open,
	.snapshot = block_snapshot,
	.close = block_close,
};
