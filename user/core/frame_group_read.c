// SPDX-License-Identifier: GPL-2.0-only
/* A group's windows read back; as careful as frame_read.c. */
#include "frame_group.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "arena.h"
#include "frame_reader.h"
#include "frame_tables.h"
#include "histogram.h"

/* The headers of the most windows that there are, and more than that. */
#define START_BYTES (TS_GROUP_WINDOWS_MAX * 48 + 16)
/* Bytes that a window, and what is kept of all of them, may take. */
#define BUDGET_PER_BYTE 8
#define BUDGET_FIXED	(32u << 20)
#define FAMILIES_MAX	4096u

struct ts_group_reader {
	struct ts_arena *arena;	     /* the payload */
	struct ts_frame_reader base; /* sections, strings and packer */
	struct ts_snapshot *strings; /* where they are */
	struct ts_tables *tables;
	size_t families, sufferer_keys, allowance;
	struct ts_frame_described *family;
	__u32 *description; /* the strings by which they are known; 0: not yet */
	const char *why;
	/* The window that is read. */
	struct ts_snapshot *delta;
	struct ts_frame_budget budget, scratch;
	const char **copy; /* strings in the window's arena, by number */
};

/* ---- headers */

static void take_header(struct ts_frame_cursor *cursor, struct ts_frame_header *window,
			const struct ts_frame_header *before, bool first)
{
	__u64 step = ts_frame_take_number(cursor);
	__u64 context = ts_frame_take_number(cursor), boottime, realtime;

	window->type = TS_FRAME_WINDOW;
	window->stored_length = window->raw_length = 0;
	window->sequence = before->sequence + (__u32)step;
	window->context = (first ? 0 : before->context) ^ (__u32)context;
	window->duration_ns = ts_frame_take_number(cursor);
	boottime = window->duration_ns + (__u64)ts_frame_take_signed(cursor);
	realtime = boottime + (__u64)ts_frame_take_signed(cursor);
	window->boottime_ns = before->boottime_ns + boottime;
	window->realtime_ns = before->realtime_ns + realtime;
}

int ts_group_read_headers(const struct ts_frame_header *header, const void *frame,
			  struct ts_frame_header window[TS_GROUP_WINDOWS_MAX], unsigned int *count)
{
	unsigned char start[START_BYTES];
	size_t length = ts_frame_expand_start(header, frame, start, sizeof start);
	struct ts_frame_cursor cursor = {start, start + (length == SIZE_MAX ? 0 : length), NULL, 0};
	__u64 section = ts_frame_take_number(&cursor), size = ts_frame_take_number(&cursor);

	if (cursor.why || section != TS_SECTION_WINDOWS || size > ts_frame_cursor_left(&cursor))
		return -EPROTO;
	cursor.end = cursor.at + size;
	*count = (unsigned int)ts_frame_take_count(&cursor, TS_GROUP_WINDOWS_MAX);
	for (unsigned int i = 0; i < *count; i++) {
		const struct ts_frame_header *before = i ? &window[i - 1] : header;

		window[i] = *header;
		take_header(&cursor, &window[i], before, !i);
	}
	return cursor.why || !*count || *count != header->context ? -EPROTO : 0;
}

/* ---- beginning */

static int start(struct ts_group_reader *reader)
{
	struct ts_frame_cursor *families = &reader->base.section[TS_SECTION_FAMILIES];

	reader->families = ts_frame_take_count(families, FAMILIES_MAX);
	reader->sufferer_keys = 3 + ts_frame_take_count(families, TS_TABLE_KEYS_MAX - 3);
	reader->why = families->why;
	if (reader->why)
		return -EPROTO;
	reader->tables = ts_tables_new(reader->arena, reader->base.packer,
				       TS_GROUP_FAMILIES + reader->families);
	ts_tables_limit(reader->tables, reader->allowance, reader->base.strings);
	reader->family =
		ts_arena_alloc(reader->arena, (reader->families + 1) * sizeof *reader->family);
	reader->description =
		ts_arena_alloc(reader->arena, (reader->families + 1) * sizeof *reader->description);
	return 0;
}

struct ts_group_reader *ts_group_reader_new(const struct ts_frame_header *header, const void *frame,
					    const char **why)
{
	struct ts_arena *arena = ts_arena_new();
	struct ts_group_reader *reader = ts_arena_alloc(arena, sizeof *reader);
	unsigned char *payload = ts_frame_expand(arena, header, frame);

	*reader = (struct ts_group_reader){
		.arena = arena,
		.strings = ts_snapshot_new(),
		.allowance = (size_t)header->raw_length * BUDGET_PER_BYTE + BUDGET_FIXED,
		.why = "its content cannot be unpacked",
	};
	if (payload && (ts_frame_reader_open(&reader->base, reader->strings, header, payload) ||
			start(reader)))
		reader->why = reader->base.why ? reader->base.why : reader->why;
	*why = reader->why;
	if (!reader->why)
		return reader;
	ts_group_reader_free(reader);
	return NULL;
}

void ts_group_reader_free(struct ts_group_reader *reader)
{
	if (!reader)
		return;
	if (reader->base.scratch.arena)
		ts_frame_reader_close(&reader->base);
	ts_snapshot_free(reader->strings);
	ts_arena_free(reader->arena);
}

/* ---- columns of a window */

static struct ts_frame_cursor *cursor_of(struct ts_group_reader *reader)
{
	return &reader->tables->cursor;
}

static void fail(struct ts_group_reader *reader, const char *why)
{
	ts_frame_cursor_fail(cursor_of(reader), why);
}

/* Strings of a table are checked when they are read. The window has copies of its own. */
static const char *text(struct ts_group_reader *reader, __u32 string)
{
	const struct ts_frame_dictionary *known = ts_frame_dictionary(reader->base.version);
	const char *original = reader->base.string[string];
	size_t length;
	char *copy;

	if (!*original || (original >= known->text && original < known->text + known->length))
		return original;
	if (reader->copy[string])
		return reader->copy[string];
	length = strlen(original) + 1;
	copy = ts_frame_alloc(&reader->budget, cursor_of(reader), length, 1);
	reader->copy[string] = copy ? memcpy(copy, original, length) : "";
	return reader->copy[string];
}

static struct ts_table read_rows(struct ts_group_reader *reader, size_t number, size_t keys)
{
	struct ts_table table = {.keys = keys};

	ts_tables_rows(reader->tables, number, &table, &reader->scratch);
	return table;
}

/* Room of the window for so many rows; without it the table has none. */
static void *row_array(struct ts_group_reader *reader, struct ts_table *table, size_t size)
{
	void *array = ts_frame_alloc(&reader->budget, cursor_of(reader), table->rows + 1, size);

	if (!array)
		table->rows = 0;
	return array;
}

static void *scratch(struct ts_group_reader *reader, struct ts_table *table, size_t size)
{
	void *array = ts_frame_alloc(&reader->scratch, cursor_of(reader), table->rows + 1, size);

	if (!array)
		table->rows = 0;
	return array;
}

static void read_key(struct ts_group_reader *reader, const struct ts_table *table, size_t key,
		     void *array, size_t size, size_t offset)
{
	for (size_t i = 0; i < table->rows; i++)
		*(const char **)((char *)array + i * size + offset) =
			text(reader, table->label[i * table->keys + key]);
}

#define READ_KEY(reader, table, key, array, member) \
	read_key(reader, table, key, array, sizeof *(array), offsetof(__typeof__(*(array)), member))

static __u64 *read_counters(struct ts_group_reader *reader, size_t number, unsigned int column,
			    struct ts_table *table)
{
	__u64 *values = scratch(reader, table, sizeof *values);

	ts_tables_counters(reader->tables, number, column, values, table->rows);
	return values;
}

static int to_int(struct ts_group_reader *reader, __u64 zigzag)
{
	return ts_frame_int(cursor_of(reader), ts_frame_unzigzag(zigzag));
}

/* ---- tables of a window */

/* Row i describes a family, in the order of our table, as a rule. */
static void describe(struct ts_group_reader *reader, size_t i, __u32 description,
		     bool seen[TS_FAMILY_COUNT])
{
	struct ts_frame_described *family = &reader->family[i];
	int expected = i ? reader->family[i - 1].id + 1 : 0;

	*family = (struct ts_frame_described){0};
	ts_frame_understand(reader->delta, cursor_of(reader), reader->base.string[description],
			    expected, family);
	reader->description[i] = description;
	if (family->id < 0)
		return;
	if (seen[family->id])
		fail(reader, "a family stands there twice");
	seen[family->id] = true;
}

static void read_statuses(struct ts_group_reader *reader)
{
	struct ts_table table = read_rows(reader, TS_GROUP_STATUS, 3);
	__u64 *overflowed = read_counters(reader, TS_GROUP_STATUS, 0, &table);
	bool seen[TS_FAMILY_COUNT] = {false};

	if (table.rows != reader->families)
		fail(reader, "a family is missing");
	for (size_t i = 0; i < table.rows && !cursor_of(reader)->why; i++) {
		struct ts_family_data *data;

		describe(reader, i, table.label[i * 3], seen);
		if (reader->family[i].id < 0)
			continue;
		data = &reader->delta->family[reader->family[i].id];
		data->status = ts_frame_status_by_name(reader->base.string[table.label[i * 3 + 1]]);
		data->why = text(reader, table.label[i * 3 + 2]);
		data->overflowed = overflowed[i];
	}
}

static void read_netns(struct ts_group_reader *reader)
{
	struct ts_table table = read_rows(reader, TS_GROUP_NETNS, 3);
	struct ts_netns *netns = row_array(reader, &table, sizeof *netns);
	__u64 *pid = read_counters(reader, TS_GROUP_NETNS, 0, &table);
	__u64 *initial = read_counters(reader, TS_GROUP_NETNS, 1, &table);

	READ_KEY(reader, &table, 0, netns, inode);
	READ_KEY(reader, &table, 1, netns, name);
	READ_KEY(reader, &table, 2, netns, comm);
	for (size_t i = 0; i < table.rows; i++) {
		netns[i].pid = to_int(reader, pid[i]);
		netns[i].initial = initial[i] != 0;
	}
	reader->delta->netns = netns;
	reader->delta->netns_count = reader->delta->netns_capacity = table.rows;
}

/* The family of a description; NULL when there is none. */
static const struct ts_frame_described *family_of(struct ts_group_reader *reader, __u32 description)
{
	for (size_t i = 0; i < reader->families; i++)
		if (reader->description[i] == description)
			return &reader->family[i];
	fail(reader, "somebody suffered from what is not there");
	return NULL;
}

/* Into the order of our keys. */
static void set_labels(struct ts_group_reader *reader, const struct ts_frame_described *described,
		       const __u32 *label, const char *ours[TS_LABELS_MAX])
{
	for (size_t k = 0; k < TS_LABELS_MAX; k++)
		ours[k] = "";
	for (unsigned int k = 0; k < described->keys; k++)
		if (described->key[k] >= 0)
			ours[described->key[k]] = text(reader, label[k]);
}

static void read_sufferers(struct ts_group_reader *reader)
{
	struct ts_table table = read_rows(reader, TS_GROUP_SUFFERERS, reader->sufferer_keys);
	struct ts_sufferer *sufferer = row_array(reader, &table, sizeof *sufferer);
	__u64 *pid = read_counters(reader, TS_GROUP_SUFFERERS, 0, &table);
	double *harm = scratch(reader, &table, sizeof *harm);
	size_t kept = 0;

	ts_tables_gauges(reader->tables, TS_GROUP_SUFFERERS, 1, harm, table.rows);
	for (size_t i = 0; i < table.rows && !ts_tables_why(reader->tables); i++) {
		const __u32 *label = table.label + i * table.keys;
		const struct ts_frame_described *described = family_of(reader, label[0]);
		struct ts_sufferer *copy = &sufferer[kept];

		if (!described || described->id < 0)
			continue;
		if (described->keys > table.keys - 3) {
			fail(reader, "a family has other labels than it says");
			return;
		}
		copy->family = (enum ts_family_id)described->id;
		copy->comm = text(reader, label[1]);
		copy->cgroup = text(reader, label[2]);
		copy->pid = to_int(reader, pid[i]);
		copy->value = harm[i];
		set_labels(reader, described, label + 3, copy->label);
		kept++;
	}
	reader->delta->sufferer = sufferer;
	reader->delta->sufferers = kept;
	reader->delta->sufferers_capacity = table.rows;
}

static void read_probes(struct ts_group_reader *reader)
{
	struct ts_table table = read_rows(reader, TS_GROUP_PROBES, 5);
	struct ts_probe_cost *probe = row_array(reader, &table, sizeof *probe);
	__u64 *runs = read_counters(reader, TS_GROUP_PROBES, 0, &table);
	__u64 *ns = read_counters(reader, TS_GROUP_PROBES, 1, &table);

	READ_KEY(reader, &table, 0, probe, name);
	READ_KEY(reader, &table, 1, probe, source);
	READ_KEY(reader, &table, 2, probe, hook);
	READ_KEY(reader, &table, 4, probe, why);
	for (size_t i = 0; i < table.rows; i++) {
		probe[i].status =
			ts_frame_status_by_name(reader->base.string[table.label[i * 5 + 3]]);
		probe[i].run_count = runs[i];
		probe[i].run_ns = ns[i];
	}
	reader->delta->cost.probe = probe;
	reader->delta->cost.probes = reader->delta->cost.probes_capacity = table.rows;
}

static void read_cost(struct ts_group_reader *reader)
{
	struct ts_table table = read_rows(reader, TS_GROUP_COST, 0);
	__u64 *values = read_counters(reader, TS_GROUP_COST, 0, &table);
	struct ts_cost *cost = &reader->delta->cost;
	__u64 stats_enabled = 0;
	__u64 *const members[] = {
		&cost->map_bytes,   &cost->user_cpu_ns, &cost->rss_bytes, &cost->peak_rss_bytes,
		&cost->lost_events, &cost->snapshot_ns, &stats_enabled,	  &cost->stats_ns,
	};

	for (size_t i = 0; i < sizeof members / sizeof members[0] && i < table.rows; i++)
		*members[i] = values[i];
	cost->stats_enabled = stats_enabled != 0;
}

static void read_times(struct ts_group_reader *reader, const struct ts_frame_header *header,
		       struct ts_window *window)
{
	struct ts_table table = read_rows(reader, TS_GROUP_TIMES, 0), clocks;
	double *lengths = scratch(reader, &table, sizeof *lengths);
	struct ts_snapshot *delta = window->delta;
	__u64 *difference;

	ts_tables_gauges(reader->tables, TS_GROUP_TIMES, 0, lengths, table.rows);
	clocks = read_rows(reader, TS_GROUP_CLOCKS, 0);
	difference = read_counters(reader, TS_GROUP_CLOCKS, 0, &clocks);
	if (table.rows != 2 || clocks.rows != 2 || !(lengths[0] >= 0 && lengths[1] >= 0) ||
	    isinf(lengths[0]) || isinf(lengths[1])) {
		fail(reader, "its length is not a time");
		return;
	}
	window->seconds = lengths[0];
	window->missing_seconds = lengths[1];
	delta->realtime_ns = header->realtime_ns;
	delta->boottime_ns = header->boottime_ns;
	window->start_realtime_ns = delta->realtime_ns - (__u64)ts_frame_unzigzag(difference[0]);
	delta->monotonic_ns = delta->boottime_ns - (__u64)ts_frame_unzigzag(difference[1]);
}

static void read_facts(struct ts_group_reader *reader)
{
	struct ts_table table = read_rows(reader, TS_GROUP_FACTS, 2);

	if (table.rows > TS_FRAME_FACTS_MAX) {
		fail(reader, "a table is longer than what there is of it");
		return;
	}
	for (size_t i = 0; i < table.rows; i++)
		ts_snapshot_fact(reader->delta, reader->base.string[table.label[i * 2]],
				 reader->base.string[table.label[i * 2 + 1]]);
}

/* ---- families; what this tunescope does not know is read and left out */

static void read_histograms(struct ts_group_reader *reader, size_t number, struct ts_table *table,
			    struct ts_series *series, enum ts_unit unit)
{
	struct ts_histogram **histogram = scratch(reader, table, sizeof *histogram);
	unsigned char *flags = scratch(reader, table, 1);

	ts_tables_flags(reader->tables, number, NULL, flags, table->rows);
	for (size_t i = 0; i < table->rows && !ts_tables_why(reader->tables); i++) {
		if (!ts_frame_spend(&reader->budget, cursor_of(reader),
				    ts_frame_histogram_bytes(flags[i])))
			return;
		histogram[i] = ts_frame_new_histogram(reader->budget.arena, flags[i], unit);
		series[i].histogram = histogram[i];
	}
	ts_tables_histograms(reader->tables, number, histogram, flags, table->rows);
}

static void read_values(struct ts_group_reader *reader, size_t number, struct ts_table *table,
			const struct ts_frame_described *described, struct ts_series *series)
{
	__u64 *counters;
	double *gauges;

	switch (described->kind) {
	case TS_KIND_COUNTER:
		counters = read_counters(reader, number, 0, table);
		for (size_t i = 0; i < table->rows; i++)
			series[i].counter = counters[i];
		break;
	case TS_KIND_GAUGE:
	case TS_KIND_PEAK:
		gauges = scratch(reader, table, sizeof *gauges);
		ts_tables_gauges(reader->tables, number, 0, gauges, table->rows);
		for (size_t i = 0; i < table->rows; i++)
			series[i].gauge = gauges[i];
		break;
	case TS_KIND_HISTOGRAM:
		read_histograms(reader, number, table, series, (enum ts_unit)described->unit);
		break;
	default: fail(reader, "a family of an unknown kind"); break;
	}
}

static void read_family(struct ts_group_reader *reader, size_t i)
{
	const struct ts_frame_described *described = &reader->family[i];
	struct ts_table table = read_rows(reader, TS_GROUP_FAMILIES + i, described->keys);
	struct ts_series *series = row_array(reader, &table, sizeof *series);
	struct ts_family_data *data;

	read_values(reader, TS_GROUP_FAMILIES + i, &table, described, series);
	if (described->id < 0 || ts_tables_why(reader->tables))
		return;
	for (size_t k = 0; k < table.rows; k++)
		set_labels(reader, described, table.label + k * table.keys, series[k].label);
	data = &reader->delta->family[described->id];
	data->series = table.rows ? series : NULL;
	data->count = data->capacity = table.rows;
}

static void read_window(struct ts_group_reader *reader, const struct ts_frame_header *header,
			struct ts_window *window, struct ts_frame_unknown *unknown)
{
	ts_tables_next(reader->tables);
	ts_frame_nothing_recorded(reader->delta);
	read_statuses(reader);
	read_netns(reader);
	read_sufferers(reader);
	read_probes(reader);
	read_cost(reader);
	read_times(reader, header, window);
	read_facts(reader);
	for (size_t i = 0; i < reader->families && !ts_tables_why(reader->tables); i++) {
		unknown->families += reader->family[i].id < 0;
		read_family(reader, i);
	}
}

int ts_group_read_window(struct ts_group_reader *reader, const struct ts_frame_header *header,
			 struct ts_window *window, struct ts_frame_unknown *unknown,
			 const char **why)
{
	struct ts_frame_unknown ignored = {0};
	struct ts_arena *arena = ts_arena_new();

	*window = (struct ts_window){.delta = ts_snapshot_new()};
	reader->delta = window->delta;
	reader->budget = (struct ts_frame_budget){window->delta->arena, reader->allowance};
	reader->scratch = (struct ts_frame_budget){arena, reader->allowance};
	reader->copy = ts_arena_alloc(arena, (reader->base.strings + 1) * sizeof *reader->copy);
	if (!reader->why) {
		read_window(reader, header, window, unknown ? unknown : &ignored);
		reader->why = ts_tables_why(reader->tables);
	}
	ts_arena_free(arena);
	if (why)
		*why = reader->why;
	if (!reader->why)
		return 0;
	ts_window_free(window);
	return -EPROTO;
}
