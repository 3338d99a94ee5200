// SPDX-License-Identifier: GPL-2.0-only
#include "frame_group.h"

#include <string.h>

#include "arena.h"
#include "frame_strings.h"
#include "frame_tables.h"

struct ts_group_writer {
	struct ts_arena *arena; /* of the group; NULL: none has begun */
	struct ts_arena *window_arena;
	struct ts_frame_strings *strings;
	struct ts_tables *tables;
	struct ts_packer *packer;
	struct ts_bytes packed;
	const char *description[TS_FAMILY_COUNT];
	struct ts_frame_header window[TS_GROUP_WINDOWS_MAX];
	unsigned int windows;
};

struct ts_group_writer *ts_group_writer_new(void)
{
	return memset(ts_memory_resize(NULL, sizeof(struct ts_group_writer)), 0,
		      sizeof(struct ts_group_writer));
}

static void end_group(struct ts_group_writer *writer)
{
	ts_arena_free(writer->arena);
	writer->arena = NULL;
	writer->windows = 0;
	writer->packed.length = 0;
}

void ts_group_writer_free(struct ts_group_writer *writer)
{
	if (!writer)
		return;
	end_group(writer);
	ts_bytes_free(&writer->packed);
	ts_memory_free(writer);
}

unsigned int ts_group_windows(const struct ts_group_writer *writer)
{
	return writer->windows;
}

static void begin_group(struct ts_group_writer *writer)
{
	writer->arena = ts_arena_new();
	writer->strings = ts_frame_strings_new(writer->arena, true);
	writer->packer = ts_packer_writer(writer->arena, &writer->packed);
	writer->tables =
		ts_tables_new(writer->arena, writer->packer, TS_GROUP_FAMILIES + TS_FAMILY_COUNT);
	ts_for_each_family (id)
		writer->description[id] = ts_frame_describe(writer->arena, &ts_families[id]);
}

/* ---- tables of a window */

static void *room(struct ts_group_writer *writer, size_t count, size_t size)
{
	return ts_arena_alloc(writer->window_arena, count * size + 1);
}

/* The labels of a table as texts: of row i and key k at i * keys + k. */
struct texts {
	size_t rows, keys;
	const char **label;
};

static struct texts new_table(struct ts_group_writer *writer, size_t rows, size_t keys)
{
	return (struct texts){rows, keys, room(writer, rows * keys, sizeof(char *))};
}

/* Strings get their numbers in the order in which rows call them. */
static void put_rows(struct ts_group_writer *writer, size_t number, const struct texts *texts)
{
	size_t count = texts->rows * texts->keys;
	struct ts_table table = {texts->rows, texts->keys, room(writer, count, sizeof(__u32))};

	for (size_t i = 0; i < count; i++)
		table.label[i] = ts_frame_string(writer->strings, texts->label[i]);
	ts_tables_rows(writer->tables, number, &table, NULL);
}

/* The texts at the same place of count structures, as a key. */
static void put_key(const struct texts *table, size_t key, const void *array, size_t size,
		    size_t offset)
{
	for (size_t i = 0; i < table->rows; i++)
		table->label[i * table->keys + key] =
			*(const char *const *)((const char *)array + i * size + offset);
}

#define PUT_KEY(table, key, array, member) \
	put_key(table, key, array, sizeof *(array), offsetof(__typeof__(*(array)), member))

static void put_statuses(struct ts_group_writer *writer, const struct ts_snapshot *delta)
{
	struct texts table = new_table(writer, TS_FAMILY_COUNT, 3);
	__u64 *overflowed = room(writer, TS_FAMILY_COUNT, sizeof *overflowed);

	ts_for_each_family (id) {
		const struct ts_family_data *data = &delta->family[id];

		table.label[id * 3] = writer->description[id];
		table.label[id * 3 + 1] = ts_status_name(data->status);
		table.label[id * 3 + 2] = data->why;
		overflowed[id] = data->overflowed;
	}
	put_rows(writer, TS_GROUP_STATUS, &table);
	ts_tables_counters(writer->tables, TS_GROUP_STATUS, 0, overflowed, TS_FAMILY_COUNT);
}

static void put_netns(struct ts_group_writer *writer, const struct ts_snapshot *delta)
{
	const struct ts_netns *netns = delta->netns;
	struct texts table = new_table(writer, delta->netns_count, 3);
	__u64 *pid = room(writer, table.rows, sizeof *pid);
	__u64 *initial = room(writer, table.rows, sizeof *initial);

	PUT_KEY(&table, 0, netns, inode);
	PUT_KEY(&table, 1, netns, name);
	PUT_KEY(&table, 2, netns, comm);
	for (size_t i = 0; i < table.rows; i++) {
		pid[i] = ts_frame_zigzag(netns[i].pid);
		initial[i] = netns[i].initial;
	}
	put_rows(writer, TS_GROUP_NETNS, &table);
	ts_tables_counters(writer->tables, TS_GROUP_NETNS, 0, pid, table.rows);
	ts_tables_counters(writer->tables, TS_GROUP_NETNS, 1, initial, table.rows);
}

static void put_sufferers(struct ts_group_writer *writer, const struct ts_snapshot *delta)
{
	const struct ts_sufferer *sufferer = delta->sufferer;
	const size_t keys = 3 + TS_LABELS_MAX;
	struct texts table = new_table(writer, delta->sufferers, keys);
	__u64 *pid = room(writer, table.rows, sizeof *pid);
	double *harm = room(writer, table.rows, sizeof *harm);

	PUT_KEY(&table, 1, sufferer, comm);
	PUT_KEY(&table, 2, sufferer, cgroup);
	for (size_t i = 0; i < table.rows; i++) {
		const char **label = table.label + i * keys;

		label[0] = writer->description[sufferer[i].family];
		for (size_t k = 0; k < ts_families[sufferer[i].family].labels; k++)
			label[3 + k] = sufferer[i].label[k];
		pid[i] = ts_frame_zigzag(sufferer[i].pid);
		harm[i] = sufferer[i].value;
	}
	put_rows(writer, TS_GROUP_SUFFERERS, &table);
	ts_tables_counters(writer->tables, TS_GROUP_SUFFERERS, 0, pid, table.rows);
	ts_tables_gauges(writer->tables, TS_GROUP_SUFFERERS, 1, harm, table.rows);
}

static void put_probes(struct ts_group_writer *writer, const struct ts_cost *cost)
{
	const struct ts_probe_cost *probe = cost->probe;
	struct texts table = new_table(writer, cost->probes, 5);
	__u64 *runs = room(writer, table.rows, sizeof *runs);
	__u64 *ns = room(writer, table.rows, sizeof *ns);

	PUT_KEY(&table, 0, probe, name);
	PUT_KEY(&table, 1, probe, source);
	PUT_KEY(&table, 2, probe, hook);
	PUT_KEY(&table, 4, probe, why);
	for (size_t i = 0; i < table.rows; i++) {
		table.label[i * 5 + 3] = ts_status_name(probe[i].status);
		runs[i] = probe[i].run_count;
		ns[i] = probe[i].run_ns;
	}
	put_rows(writer, TS_GROUP_PROBES, &table);
	ts_tables_counters(writer->tables, TS_GROUP_PROBES, 0, runs, table.rows);
	ts_tables_counters(writer->tables, TS_GROUP_PROBES, 1, ns, table.rows);
}

static void put_list(struct ts_group_writer *writer, size_t number, __u64 *values, size_t count)
{
	struct texts table = new_table(writer, count, 0);

	put_rows(writer, number, &table);
	ts_tables_counters(writer->tables, number, 0, values, count);
}

/* A list that may grow at its end: a reader takes those it knows. */
static void put_cost(struct ts_group_writer *writer, const struct ts_cost *cost)
{
	__u64 values[] = {
		cost->map_bytes,   cost->user_cpu_ns, cost->rss_bytes,	   cost->peak_rss_bytes,
		cost->lost_events, cost->snapshot_ns, cost->stats_enabled, cost->stats_ns,
	};

	put_list(writer, TS_GROUP_COST, values, sizeof values / sizeof values[0]);
}

static void put_times(struct ts_group_writer *writer, const struct ts_window *window)
{
	const struct ts_snapshot *delta = window->delta;
	struct texts table = new_table(writer, 2, 0);
	double lengths[] = {window->seconds, window->missing_seconds};
	__u64 clocks[] = {
		ts_frame_zigzag((__s64)(delta->realtime_ns - window->start_realtime_ns)),
		ts_frame_zigzag((__s64)(delta->boottime_ns - delta->monotonic_ns)),
	};

	put_rows(writer, TS_GROUP_TIMES, &table);
	ts_tables_gauges(writer->tables, TS_GROUP_TIMES, 0, lengths, 2);
	put_list(writer, TS_GROUP_CLOCKS, clocks, 2);
}

static void put_facts(struct ts_group_writer *writer, const struct ts_snapshot *delta)
{
	struct texts table = new_table(writer, delta->facts, 2);

	PUT_KEY(&table, 0, delta->fact, key);
	PUT_KEY(&table, 1, delta->fact, value);
	put_rows(writer, TS_GROUP_FACTS, &table);
}

/* ---- families */

static void put_histograms(struct ts_group_writer *writer, size_t number,
			   const struct ts_family_data *data)
{
	struct ts_histogram **histogram = room(writer, data->count, sizeof *histogram);
	unsigned char *flags = room(writer, data->count, 1);

	for (size_t i = 0; i < data->count; i++)
		histogram[i] = data->series[i].histogram;
	ts_tables_flags(writer->tables, number, histogram, flags, data->count);
	ts_tables_histograms(writer->tables, number, histogram, flags, data->count);
}

static void put_counters(struct ts_group_writer *writer, size_t number,
			 const struct ts_family_data *data)
{
	__u64 *values = room(writer, data->count, sizeof *values);

	for (size_t i = 0; i < data->count; i++)
		values[i] = data->series[i].counter;
	ts_tables_counters(writer->tables, number, 0, values, data->count);
}

static void put_gauges(struct ts_group_writer *writer, size_t number,
		       const struct ts_family_data *data)
{
	double *values = room(writer, data->count, sizeof *values);

	for (size_t i = 0; i < data->count; i++)
		values[i] = data->series[i].gauge;
	ts_tables_gauges(writer->tables, number, 0, values, data->count);
}

static void put_family(struct ts_group_writer *writer, enum ts_family_id id,
		       const struct ts_family_data *data)
{
	static void (*const put_values[])(struct ts_group_writer *, size_t,
					  const struct ts_family_data *) = {
		[TS_KIND_COUNTER] = put_counters,
		[TS_KIND_GAUGE] = put_gauges,
		[TS_KIND_PEAK] = put_gauges,
		[TS_KIND_HISTOGRAM] = put_histograms,
	};
	struct texts table = new_table(writer, data->count, ts_families[id].labels);

	for (size_t i = 0; i < table.rows; i++)
		for (size_t k = 0; k < table.keys; k++)
			table.label[i * table.keys + k] = data->series[i].label[k];
	put_rows(writer, TS_GROUP_FAMILIES + id, &table);
	put_values[ts_families[id].kind](writer, TS_GROUP_FAMILIES + id, data);
}

void ts_group_add(struct ts_group_writer *writer, const struct ts_window *window,
		  const struct ts_frame_header *header)
{
	if (!writer->windows)
		begin_group(writer);
	writer->window[writer->windows++] = *header;
	writer->window_arena = ts_arena_new();
	ts_tables_next(writer->tables);
	put_statuses(writer, window->delta);
	put_netns(writer, window->delta);
	put_sufferers(writer, window->delta);
	put_probes(writer, &window->delta->cost);
	put_cost(writer, &window->delta->cost);
	put_times(writer, window);
	put_facts(writer, window->delta);
	ts_for_each_family (id)
		put_family(writer, id, &window->delta->family[id]);
	ts_arena_free(writer->window_arena);
}

/* ---- the frame */

static void put_windows(const struct ts_group_writer *writer, struct ts_bytes *out)
{
	const struct ts_frame_header *last = &writer->window[writer->windows - 1];
	const struct ts_frame_header *before = last;
	__u32 sequence = writer->window[0].sequence, context = 0;

	ts_frame_put_number(out, writer->windows);
	for (unsigned int i = 0; i < writer->windows; i++) {
		const struct ts_frame_header *window = &writer->window[i];
		__u64 boottime = window->boottime_ns - before->boottime_ns;
		__u64 realtime = window->realtime_ns - before->realtime_ns;

		ts_frame_put_number(out, window->sequence - sequence);
		ts_frame_put_number(out, window->context ^ context);
		ts_frame_put_number(out, window->duration_ns);
		ts_frame_put_signed(out, (__s64)(boottime - window->duration_ns));
		ts_frame_put_signed(out, (__s64)(realtime - boottime));
		sequence = window->sequence;
		context = window->context;
		before = window;
	}
}

void ts_group_finish(struct ts_group_writer *writer, struct ts_frame_header *header,
		     struct ts_bytes *out)
{
	struct ts_bytes raw = {0}, section = {0};
	size_t first;

	*header = writer->window[writer->windows - 1];
	header->type = TS_FRAME_GROUP;
	header->sequence = writer->window[0].sequence;
	header->context = writer->windows;
	header->duration_ns = 0;
	for (unsigned int i = 0; i < writer->windows; i++)
		header->duration_ns += writer->window[i].duration_ns;
	put_windows(writer, &section);
	ts_frame_put_section(&raw, TS_SECTION_WINDOWS, &section);
	ts_frame_put_number(&section, TS_FAMILY_COUNT);
	ts_frame_put_number(&section, TS_LABELS_MAX);
	ts_frame_put_section(&raw, TS_SECTION_FAMILIES, &section);
	ts_frame_put_strings(writer->strings, &section);
	ts_frame_put_section(&raw, TS_SECTION_STRINGS, &section);
	first = raw.length;
	ts_packer_finish(writer->packer);
	ts_frame_put_section(&raw, TS_SECTION_PACKED, &writer->packed);
	ts_frame_append(header, &raw, first, out);
	ts_bytes_free(&raw);
	end_group(writer);
}
