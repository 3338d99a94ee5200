// SPDX-License-Identifier: GPL-2.0-only
/* A window, and the context of one, as the payload of a frame. */
#include "frame_payload.h"

#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "frame_packer.h"
#include "frame_strings.h"

struct writer {
	struct ts_arena *arena; /* for the time of writing */
	struct ts_frame_strings *strings;
	__u32 newest;		/* of them that was written somewhere */
	struct ts_bytes body;	/* all sections but the first and the last */
	struct ts_bytes packed; /* the last */
	struct ts_packer *packer;
};

static struct writer writer_new(void)
{
	struct ts_arena *arena = ts_arena_new();

	return (struct writer){.arena = arena, .strings = ts_frame_strings_new(arena, false)};
}

static __u32 string_number(struct writer *writer, const char *text)
{
	return ts_frame_string(writer->strings, text);
}

/* The beginning of a section that calls strings. */
static struct ts_bytes section_with_strings(struct writer *writer)
{
	struct ts_bytes section = {0};

	if (!writer->packer)
		ts_frame_put_number(&section, writer->newest);
	return section;
}

/* The strings come first in the payload although they are complete last. */
static void finish(struct writer *writer, struct ts_bytes *out)
{
	struct ts_bytes strings = {0};

	ts_frame_put_strings(writer->strings, &strings);
	ts_frame_put_section(out, TS_SECTION_STRINGS, &strings);
	ts_bytes_append(out, writer->body.data, writer->body.length);
	ts_bytes_free(&writer->body);
	if (writer->packed.length)
		ts_frame_put_section(out, TS_SECTION_PACKED, &writer->packed);
	ts_bytes_free(&writer->packed);
	ts_arena_free(writer->arena);
}

/* ---- tables: an array of structures, column by column */

/* Room for a column of count numbers. */
static __u64 *numbers(struct writer *writer, size_t count)
{
	return ts_arena_alloc(writer->arena, count * sizeof(__u64));
}

/* A column of the strings that stand at the same place in each of count structures. */
static void put_texts(struct writer *writer, struct ts_bytes *out, const void *array, size_t count,
		      size_t size, size_t offset)
{
	__u32 *column = ts_arena_alloc(writer->arena, count * sizeof *column);

	for (size_t i = 0; i < count; i++)
		column[i] = string_number(
			writer, *(const char *const *)((const char *)array + i * size + offset));
	ts_frame_put_references(out, writer->packer, column, count, &writer->newest);
}

#define PUT_TEXTS(writer, out, array, count, member)          \
	put_texts(writer, out, array, count, sizeof *(array), \
		  offsetof(__typeof__(*(array)), member))

static void put_statuses(struct writer *writer, struct ts_bytes *out, const enum ts_status *first,
			 size_t count, size_t size)
{
	__u32 *column = ts_arena_alloc(writer->arena, count * sizeof *column);

	for (size_t i = 0; i < count; i++)
		column[i] = string_number(
			writer,
			ts_status_name(*(const enum ts_status *)((const char *)first + i * size)));
	ts_frame_put_references(out, writer->packer, column, count, &writer->newest);
}

/* ---- families */

/* The label values of a family's series, column by column. */
struct label_set {
	size_t rows, columns;
	__u32 *value; /* of column k and row i at k * rows + i */
};

static bool same_set(const struct label_set *a, const struct label_set *b)
{
	return a->rows == b->rows && a->columns == b->columns &&
	       (!a->rows || !a->columns ||
		!memcmp(a->value, b->value, a->rows * a->columns * sizeof *a->value));
}

static struct label_set labels_of(struct writer *writer, const struct ts_family_data *data,
				  size_t labels)
{
	struct label_set set = {.rows = data->count, .columns = data->count ? labels : 0};

	set.value = ts_arena_alloc(writer->arena, set.rows * set.columns * sizeof *set.value);
	for (size_t k = 0; k < set.columns; k++)
		for (size_t i = 0; i < set.rows; i++)
			set.value[k * set.rows + i] =
				string_number(writer, data->series[i].label[k]);
	return set;
}

/* Sets number from 0; set_of[id] says which one a family has. */
static void put_label_sets(struct writer *writer, const struct ts_snapshot *delta, __u32 *set_of)
{
	struct ts_bytes section = section_with_strings(writer);
	struct label_set sets[TS_FAMILY_COUNT];
	unsigned int rows = TS_PACKER_FIRST, columns = TS_PACKER_FIRST;
	size_t count = 0;

	ts_for_each_family (id) {
		struct label_set set =
			labels_of(writer, &delta->family[id], ts_families[id].labels);
		size_t i;

		for (i = 0; i < count; i++)
			if (same_set(&sets[i], &set))
				break;
		if (i == count)
			sets[count++] = set;
		set_of[id] = (__u32)i;
	}
	ts_frame_put_number(&section, count);
	for (size_t i = 0; i < count; i++)
		ts_pack_number(writer->packer, &rows, sets[i].rows, TS_PACKER_DIGITS);
	for (size_t i = 0; i < count; i++)
		ts_pack_number(writer->packer, &columns, sets[i].columns, TS_PACKER_DIGITS);
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < sets[i].columns; k++)
			ts_frame_put_references(&section, writer->packer,
						sets[i].value + k * sets[i].rows, sets[i].rows,
						&writer->newest);
	ts_frame_put_section(&writer->body, TS_SECTION_LABELS, &section);
}

static void put_histograms(struct writer *writer, const struct ts_family_data *data)
{
	struct ts_histogram **histogram =
		ts_arena_alloc(writer->arena, data->count * sizeof *histogram);
	unsigned char *flags = ts_arena_alloc(writer->arena, data->count);

	for (size_t i = 0; i < data->count; i++)
		histogram[i] = data->series[i].histogram;
	ts_frame_pack_flags(writer->packer, histogram, flags, data->count);
	ts_frame_pack_histograms(writer->packer, histogram, flags, data->count, writer->arena);
}

static void put_series(struct writer *writer, const struct ts_family_data *data, enum ts_kind kind)
{
	__u64 *counters;
	double *gauges;

	if (!data->count)
		return;
	switch (kind) {
	case TS_KIND_COUNTER:
		counters = numbers(writer, data->count);
		for (size_t i = 0; i < data->count; i++)
			counters[i] = data->series[i].counter;
		ts_frame_pack_counters(writer->packer, counters, data->count);
		break;
	case TS_KIND_GAUGE:
	case TS_KIND_PEAK:
		gauges = ts_arena_alloc(writer->arena, data->count * sizeof *gauges);
		for (size_t i = 0; i < data->count; i++)
			gauges[i] = data->series[i].gauge;
		ts_frame_pack_gauges(writer->packer, gauges, data->count, writer->arena);
		break;
	case TS_KIND_HISTOGRAM: put_histograms(writer, data); break;
	}
}

static void put_families(struct writer *writer, const struct ts_snapshot *delta)
{
	const struct ts_family_data *family = delta->family;
	__u32 described[TS_FAMILY_COUNT], set_of[TS_FAMILY_COUNT];
	struct ts_bytes section = section_with_strings(writer);
	__u64 overflowed[TS_FAMILY_COUNT];
	__u32 newest_set = 0;

	ts_for_each_family (id) {
		described[id] =
			string_number(writer, ts_frame_describe(writer->arena, &ts_families[id]));
		overflowed[id] = family[id].overflowed;
	}
	ts_frame_put_number(&section, TS_FAMILY_COUNT);
	ts_frame_put_references(&section, writer->packer, described, TS_FAMILY_COUNT,
				&writer->newest);
	put_statuses(writer, &section, &family->status, TS_FAMILY_COUNT, sizeof *family);
	PUT_TEXTS(writer, &section, family, TS_FAMILY_COUNT, why);
	ts_frame_pack_counters(writer->packer, overflowed, TS_FAMILY_COUNT);
	put_label_sets(writer, delta, set_of);
	ts_frame_put_references(&section, writer->packer, set_of, TS_FAMILY_COUNT, &newest_set);
	ts_for_each_family (id)
		put_series(writer, &family[id], ts_families[id].kind);
	ts_frame_put_section(&writer->body, TS_SECTION_FAMILIES, &section);
}

/* ---- the rest of a window */

/* The clocks stand in the header; here is what they are more than that. */
static void put_times(struct writer *writer, const struct ts_window *window)
{
	const struct ts_snapshot *delta = window->delta;
	double lengths[] = {window->seconds, window->missing_seconds};
	struct ts_bytes section = {0};

	ts_frame_pack_doubles(writer->packer, lengths, 2);
	ts_frame_put_signed(&section, (__s64)(delta->realtime_ns - window->start_realtime_ns));
	ts_frame_put_signed(&section, (__s64)(delta->boottime_ns - delta->monotonic_ns));
	ts_frame_put_section(&writer->body, TS_SECTION_TIMES, &section);
}

static void put_netns(struct writer *writer, const struct ts_snapshot *delta)
{
	const struct ts_netns *netns = delta->netns;
	size_t count = delta->netns_count;
	struct ts_bytes section = section_with_strings(writer);

	ts_frame_put_number(&section, count);
	PUT_TEXTS(writer, &section, netns, count, inode);
	PUT_TEXTS(writer, &section, netns, count, name);
	PUT_TEXTS(writer, &section, netns, count, comm);
	for (size_t i = 0; i < count; i++)
		ts_frame_put_signed(&section, netns[i].pid);
	for (size_t i = 0; i < count; i++)
		ts_frame_put_number(&section, netns[i].initial);
	ts_frame_put_section(&writer->body, TS_SECTION_NETNS, &section);
}

static void put_sufferers(struct writer *writer, const struct ts_snapshot *delta)
{
	const struct ts_sufferer *sufferer = delta->sufferer;
	size_t count = delta->sufferers, values = 0;
	struct ts_bytes section = section_with_strings(writer);
	double *harm = ts_arena_alloc(writer->arena, count * sizeof *harm);
	__u64 *pids = numbers(writer, count);
	__u32 *labels;

	ts_frame_put_number(&section, count);
	for (size_t i = 0; i < count; i++)
		ts_frame_put_number(&section, sufferer[i].family);
	PUT_TEXTS(writer, &section, sufferer, count, comm);
	PUT_TEXTS(writer, &section, sufferer, count, cgroup);
	for (size_t i = 0; i < count; i++) {
		pids[i] = ts_frame_zigzag(sufferer[i].pid);
		harm[i] = sufferer[i].value;
	}
	ts_frame_pack_counters(writer->packer, pids, count);
	ts_frame_pack_doubles(writer->packer, harm, count);
	labels = ts_arena_alloc(writer->arena, count * TS_LABELS_MAX * sizeof *labels);
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < ts_families[sufferer[i].family].labels; k++)
			labels[values++] = string_number(writer, sufferer[i].label[k]);
	ts_frame_put_references(&section, writer->packer, labels, values, &writer->newest);
	ts_frame_put_section(&writer->body, TS_SECTION_SUFFERERS, &section);
}

static void put_probes(struct writer *writer, const struct ts_cost *cost)
{
	const struct ts_probe_cost *probe = cost->probe;
	__u64 *runs = numbers(writer, cost->probes), *ns = numbers(writer, cost->probes);
	struct ts_bytes section = section_with_strings(writer);

	for (size_t i = 0; i < cost->probes; i++) {
		runs[i] = probe[i].run_count;
		ns[i] = probe[i].run_ns;
	}
	ts_frame_put_number(&section, cost->probes);
	PUT_TEXTS(writer, &section, probe, cost->probes, name);
	PUT_TEXTS(writer, &section, probe, cost->probes, source);
	PUT_TEXTS(writer, &section, probe, cost->probes, hook);
	put_statuses(writer, &section, probe ? &probe->status : NULL, cost->probes, sizeof *probe);
	PUT_TEXTS(writer, &section, probe, cost->probes, why);
	ts_frame_pack_counters(writer->packer, runs, cost->probes);
	ts_frame_pack_counters(writer->packer, ns, cost->probes);
	ts_frame_put_section(&writer->body, TS_SECTION_PROBES, &section);
}

/* A list that may grow at its end: a reader takes those it knows. */
static void put_cost(struct writer *writer, const struct ts_cost *cost)
{
	const __u64 values[] = {
		cost->map_bytes,   cost->user_cpu_ns, cost->rss_bytes,	   cost->peak_rss_bytes,
		cost->lost_events, cost->snapshot_ns, cost->stats_enabled, cost->stats_ns,
	};
	struct ts_bytes section = {0};

	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
		ts_frame_put_number(&section, values[i]);
	ts_frame_put_section(&writer->body, TS_SECTION_COST, &section);
}

static void put_facts(struct writer *writer, const struct ts_snapshot *delta)
{
	struct ts_bytes section = section_with_strings(writer);

	ts_frame_put_number(&section, delta->facts);
	PUT_TEXTS(writer, &section, delta->fact, delta->facts, key);
	PUT_TEXTS(writer, &section, delta->fact, delta->facts, value);
	ts_frame_put_section(&writer->body, TS_SECTION_FACTS, &section);
}

void ts_frame_payload_window(const struct ts_window *window, struct ts_bytes *out)
{
	struct writer writer = writer_new();

	writer.packer = ts_packer_plain_writer(writer.arena, &writer.packed);
	put_times(&writer, window);
	put_families(&writer, window->delta);
	put_netns(&writer, window->delta);
	put_sufferers(&writer, window->delta);
	put_probes(&writer, &window->delta->cost);
	put_cost(&writer, &window->delta->cost);
	if (window->delta->facts)
		put_facts(&writer, window->delta);
	ts_packer_finish(writer.packer);
	finish(&writer, out);
}

/* ---- the context of a window */

static void put_host(struct writer *writer, const struct ts_host *host)
{
	char cpus[16], memory[24];
	const struct {
		const char *key, *value;
	} fact[] = {
		{"hostname", host->hostname},
		{"kernel", host->kernel},
		{"machine", host->machine},
		{"boot_id", host->boot_id},
		{"cpus", cpus},
		{"memory_bytes", memory},
		{"tool_version", host->tool_version},
	};
	const size_t count = sizeof fact / sizeof fact[0];
	struct ts_bytes section = {0};

	snprintf(cpus, sizeof cpus, "%u", host->cpus);
	snprintf(memory, sizeof memory, "%llu", (unsigned long long)host->memory_bytes);
	ts_frame_put_number(&section, count);
	for (size_t i = 0; i < count; i++) {
		ts_frame_put_number(&section, string_number(writer, fact[i].key));
		/* The writer keeps no copy, and cpus and memory do not outlive this function. */
		ts_frame_put_number(
			&section,
			string_number(writer, ts_arena_intern(writer->arena, fact[i].value)));
	}
	ts_frame_put_section(&writer->body, TS_SECTION_HOST, &section);
}

static void put_settings(struct writer *writer, const struct ts_snapshot *delta)
{
	const struct ts_setting_value *setting = delta->setting;
	size_t count = delta->settings;
	struct ts_bytes section = section_with_strings(writer);
	__u32 *names = ts_arena_alloc(writer->arena, count * sizeof *names);

	for (size_t i = 0; i < count; i++)
		names[i] = string_number(writer, ts_settings[setting[i].id].name);
	ts_frame_put_number(&section, count);
	ts_frame_put_references(&section, writer->packer, names, count, &writer->newest);
	PUT_TEXTS(writer, &section, setting, count, scope);
	PUT_TEXTS(writer, &section, setting, count, value);
	PUT_TEXTS(writer, &section, setting, count, choices);
	put_statuses(writer, &section, setting ? &setting->status : NULL, count, sizeof *setting);
	PUT_TEXTS(writer, &section, setting, count, why);
	ts_frame_put_section(&writer->body, TS_SECTION_SETTINGS, &section);
}

/* In the order in which they stand in a window; a name says that it is still the same. */
static void put_programs(struct writer *writer, const struct ts_cost *cost)
{
	struct ts_bytes section = section_with_strings(writer);

	ts_frame_put_number(&section, cost->probes);
	PUT_TEXTS(writer, &section, cost->probe, cost->probes, name);
	for (size_t i = 0; i < cost->probes; i++)
		ts_frame_put_number(&section, cost->probe[i].instructions);
	ts_frame_put_section(&writer->body, TS_SECTION_PROGRAMS, &section);
}

void ts_frame_payload_context(const struct ts_window *window, struct ts_bytes *out)
{
	struct writer writer = writer_new();

	put_host(&writer, &window->delta->host);
	put_settings(&writer, window->delta);
	put_programs(&writer, &window->delta->cost);
	finish(&writer, out);
}
