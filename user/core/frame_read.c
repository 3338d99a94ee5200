// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames' payloads read back. Their checksums are right, but anybody may have computed them: every
 * number, length and index is checked before it is used.
 */
#include "frame_payload.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "arena.h"
#include "frame_packer.h"
#include "frame_reader.h"
#include "frame_strings.h"

/* Bytes that decoding may allocate for a payload of so many. */
#define BUDGET_PER_BYTE 8
#define BUDGET_FIXED	(32u << 20)

/* ---- sections */

static void find_sections(struct ts_frame_reader *reader, const unsigned char *payload,
			  size_t length)
{
	struct ts_frame_cursor cursor = {payload, payload + length, NULL, 0};

	while (cursor.at < cursor.end) {
		__u64 number = ts_frame_take_number(&cursor), size = ts_frame_take_number(&cursor);
		struct ts_frame_cursor *section;

		if (cursor.why || size > ts_frame_cursor_left(&cursor)) {
			reader->why = "a section is cut off";
			return;
		}
		section = number < TS_SECTION_COUNT ? &reader->section[number] : NULL;
		if (section && section->at)
			reader->why = "a section stands there twice";
		if (section)
			*section = (struct ts_frame_cursor){cursor.at, cursor.at + size, NULL, 0};
		cursor.at += size;
	}
}

/* Since version 4 single windows are written plainly: they do not stay so. */
static struct ts_packer *open_packer(struct ts_frame_reader *reader,
				     const struct ts_frame_header *header)
{
	const struct ts_frame_cursor *packed = &reader->section[TS_SECTION_PACKED];
	bool plain = header->version >= 4 && header->type == TS_FRAME_WINDOW;

	return (plain ? ts_packer_plain_reader : ts_packer_reader)(
		reader->scratch.arena, packed->at, ts_frame_cursor_left(packed));
}

int ts_frame_reader_open(struct ts_frame_reader *reader, struct ts_snapshot *into,
			 const struct ts_frame_header *header, const unsigned char *payload)
{
	size_t length = header->raw_length, allowance = length * BUDGET_PER_BYTE + BUDGET_FIXED;
	struct ts_frame_cursor *strings = &reader->section[TS_SECTION_STRINGS];

	*reader = (struct ts_frame_reader){
		.version = header->version,
		.packs = header->version >= 3 && header->type == TS_FRAME_WINDOW,
		.snapshot = into,
		.budget = {into->arena, allowance},
		.scratch = {ts_arena_new(), allowance},
	};
	find_sections(reader, payload, length);
	if (!reader->why) {
		reader->string = ts_frame_take_strings(strings, header->version, &reader->budget,
						       &reader->scratch, &reader->strings);
		reader->why = strings->why;
	}
	reader->packer = open_packer(reader, header);
	return reader->why ? -EPROTO : 0;
}

static const char *what_is_wrong(const struct ts_frame_reader *reader)
{
	const char *why = reader->why;

	for (int i = 0; i < TS_SECTION_COUNT && !why; i++)
		why = reader->section[i].why;
	if (!why && reader->packer)
		why = ts_packer_why(reader->packer);
	return why;
}

const char *ts_frame_reader_close(struct ts_frame_reader *reader)
{
	const char *why = what_is_wrong(reader);

	ts_arena_free(reader->scratch.arena);
	return why;
}

/* ---- columns */

size_t ts_frame_read_start(struct ts_frame_reader *reader, enum ts_frame_section section,
			   size_t limit)
{
	struct ts_frame_cursor *cursor = &reader->section[section];
	__u64 newest = reader->before ? reader->before->newest : 0;

	reader->before = cursor;
	if (!reader->packs)
		newest = ts_frame_take_number(cursor);
	if (newest > reader->strings)
		ts_frame_cursor_fail(cursor, "a string is called that is not there");
	cursor->newest = (__u32)newest;
	/* Otherwise what is to be allocated sets the limit. */
	if (!reader->packs && limit > ts_frame_cursor_left(cursor))
		limit = ts_frame_cursor_left(cursor);
	return ts_frame_take_count(cursor, limit);
}

void ts_frame_read_numbers(struct ts_frame_reader *reader, struct ts_frame_cursor *cursor,
			   __u32 *values, size_t count, size_t limit)
{
	ts_frame_take_references(cursor, reader->packs ? reader->packer : NULL, values, count,
				 limit);
}

__u32 *ts_frame_read_references(struct ts_frame_reader *reader, struct ts_frame_cursor *cursor,
				size_t count, size_t limit)
{
	__u32 *column = ts_frame_alloc(&reader->scratch, cursor, count, sizeof *column);

	if (column)
		ts_frame_read_numbers(reader, cursor, column, count, limit);
	return column;
}

void ts_frame_read_texts(struct ts_frame_reader *reader, struct ts_frame_cursor *cursor,
			 void *array, size_t count, size_t size, size_t offset)
{
	__u32 *column = ts_frame_read_references(reader, cursor, count, reader->strings);

	for (size_t i = 0; column && i < count; i++)
		*(const char **)((char *)array + i * size + offset) = reader->string[column[i]];
}

enum ts_status ts_frame_status_by_name(const char *name)
{
	for (int status = TS_STATUS_NO_DATA; status <= TS_STATUS_FAILED; status++)
		if (!strcmp(ts_status_name((enum ts_status)status), name))
			return (enum ts_status)status;
	return TS_STATUS_FAILED; /* of a newer tunescope; its reason is shown as it stands */
}

void ts_frame_read_statuses(struct ts_frame_reader *reader, struct ts_frame_cursor *cursor,
			    void *array, size_t count, size_t size, size_t offset)
{
	__u32 *column = ts_frame_read_references(reader, cursor, count, reader->strings);
	enum ts_status status = TS_STATUS_OK;

	for (size_t i = 0; column && i < count; i++) {
		if (!i || column[i] != column[i - 1])
			status = ts_frame_status_by_name(reader->string[column[i]]);
		*(enum ts_status *)((char *)array + i * size + offset) = status;
	}
}

/* ---- sections of a window */

static void read_times(struct ts_frame_reader *reader, const struct ts_frame_header *header,
		       struct ts_window *window)
{
	struct ts_frame_cursor *cursor = &reader->section[TS_SECTION_TIMES];
	struct ts_snapshot *delta = window->delta;
	double lengths[2] = {0, 0};

	ts_frame_pack_doubles(reader->packer, lengths, 2);
	window->seconds = lengths[0];
	window->missing_seconds = lengths[1];
	if (!(window->seconds >= 0 && window->missing_seconds >= 0) || isinf(window->seconds) ||
	    isinf(window->missing_seconds))
		ts_frame_cursor_fail(cursor, "its length is not a time");
	delta->realtime_ns = header->realtime_ns;
	delta->boottime_ns = header->boottime_ns;
	window->start_realtime_ns = delta->realtime_ns - (__u64)ts_frame_take_signed(cursor);
	delta->monotonic_ns = delta->boottime_ns - (__u64)ts_frame_take_signed(cursor);
}

static void read_netns(struct ts_frame_reader *reader)
{
	struct ts_frame_cursor *cursor = &reader->section[TS_SECTION_NETNS];
	struct ts_snapshot *delta = reader->snapshot;
	size_t count = ts_frame_read_start(reader, TS_SECTION_NETNS, SIZE_MAX);
	struct ts_netns *netns = ts_frame_alloc(&reader->budget, cursor, count, sizeof *netns);

	TS_FRAME_READ_TEXTS(reader, cursor, netns, count, inode);
	TS_FRAME_READ_TEXTS(reader, cursor, netns, count, name);
	TS_FRAME_READ_TEXTS(reader, cursor, netns, count, comm);
	for (size_t i = 0; !cursor->why && i < count; i++)
		netns[i].pid = ts_frame_int(cursor, ts_frame_take_signed(cursor));
	for (size_t i = 0; !cursor->why && i < count; i++)
		netns[i].initial = ts_frame_take_number(cursor) != 0;
	if (cursor->why)
		return;
	delta->netns = netns;
	delta->netns_count = delta->netns_capacity = count;
}

static void read_probes(struct ts_frame_reader *reader)
{
	struct ts_frame_cursor *cursor = &reader->section[TS_SECTION_PROBES];
	struct ts_cost *cost = &reader->snapshot->cost;
	size_t count = ts_frame_read_start(reader, TS_SECTION_PROBES, SIZE_MAX);
	struct ts_probe_cost *probe = ts_frame_alloc(&reader->budget, cursor, count, sizeof *probe);
	/* Since version 3 the context knows how long they are. */
	size_t columns = reader->version < 3 ? 3 : 2;
	__u64 *runs = ts_frame_alloc(&reader->scratch, cursor, count * 3, sizeof *runs);

	TS_FRAME_READ_TEXTS(reader, cursor, probe, count, name);
	TS_FRAME_READ_TEXTS(reader, cursor, probe, count, source);
	TS_FRAME_READ_TEXTS(reader, cursor, probe, count, hook);
	TS_FRAME_READ_STATUSES(reader, cursor, probe, count);
	TS_FRAME_READ_TEXTS(reader, cursor, probe, count, why);
	for (size_t k = 0; !cursor->why && k < columns; k++)
		ts_frame_pack_counters(reader->packer, runs + k * count, count);
	for (size_t i = 0; !cursor->why && i < count; i++) {
		probe[i].run_count = runs[i];
		probe[i].run_ns = runs[count + i];
		probe[i].instructions = (__u32)runs[2 * count + i];
		if (probe[i].instructions != runs[2 * count + i])
			ts_frame_cursor_fail(cursor, "a program is too long");
	}
	if (cursor->why)
		return;
	cost->probe = probe;
	cost->probes = cost->probes_capacity = count;
}

/* A list: an older tunescope wrote fewer of them, a newer one may have written more. */
static void read_cost(struct ts_frame_reader *reader)
{
	struct ts_frame_cursor *cursor = &reader->section[TS_SECTION_COST];
	struct ts_cost *cost = &reader->snapshot->cost;
	__u64 stats_enabled = 0;
	__u64 *const members[] = {
		&cost->map_bytes,   &cost->user_cpu_ns, &cost->rss_bytes, &cost->peak_rss_bytes,
		&cost->lost_events, &cost->snapshot_ns, &stats_enabled,	  &cost->stats_ns,
	};

	for (size_t i = 0; i < sizeof members / sizeof members[0] && cursor->at < cursor->end; i++)
		*members[i] = ts_frame_take_number(cursor);
	cost->stats_enabled = stats_enabled != 0;
}

static void read_facts(struct ts_frame_reader *reader)
{
	struct ts_frame_cursor *cursor = &reader->section[TS_SECTION_FACTS];
	size_t count = ts_frame_read_start(reader, TS_SECTION_FACTS, TS_FRAME_FACTS_MAX);
	struct ts_annotation *fact = ts_frame_alloc(&reader->scratch, cursor, count, sizeof *fact);

	TS_FRAME_READ_TEXTS(reader, cursor, fact, count, key);
	TS_FRAME_READ_TEXTS(reader, cursor, fact, count, value);
	for (size_t i = 0; !cursor->why && i < count; i++)
		ts_snapshot_fact(reader->snapshot, fact[i].key, fact[i].value);
}

int ts_frame_payload_read_window(const struct ts_frame_header *header, const unsigned char *payload,
				 struct ts_window *window, struct ts_frame_unknown *unknown,
				 const char **why)
{
	struct ts_frame_reader reader;

	*window = (struct ts_window){.delta = ts_snapshot_new()};
	if (!ts_frame_reader_open(&reader, window->delta, header, payload)) {
		read_times(&reader, header, window);
		ts_frame_read_families(&reader, unknown);
		if (reader.section[TS_SECTION_NETNS].at)
			read_netns(&reader);
		if (reader.section[TS_SECTION_SUFFERERS].at)
			ts_frame_read_sufferers(&reader);
		if (reader.section[TS_SECTION_PROBES].at)
			read_probes(&reader);
		read_cost(&reader);
		if (reader.section[TS_SECTION_FACTS].at)
			read_facts(&reader);
	}
	*why = ts_frame_reader_close(&reader);
	if (!*why)
		return 0;
	ts_window_free(window);
	return -EPROTO;
}

/* ---- sections of a context */

static __u64 decimal(struct ts_frame_cursor *cursor, const char *text)
{
	__u64 value = 0;

	for (const char *c = text; *c; c++)
		if (*c < '0' || *c > '9' || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *c - '0', &value))
			ts_frame_cursor_fail(cursor, "a fact about the host is not a number");
	return value;
}

static void read_host(struct ts_frame_reader *reader, struct ts_host *host)
{
	struct ts_frame_cursor *cursor = &reader->section[TS_SECTION_HOST];
	const char *cpus = "0", *memory = "0";
	const struct {
		const char *key, **value;
	} fact[] = {
		{"hostname", &host->hostname},
		{"kernel", &host->kernel},
		{"machine", &host->machine},
		{"boot_id", &host->boot_id},
		{"cpus", &cpus},
		{"memory_bytes", &memory},
		{"tool_version", &host->tool_version},
	};
	size_t count = ts_frame_take_count(cursor, ts_frame_cursor_left(cursor));

	for (size_t i = 0; i < count && !cursor->why; i++) {
		__u64 key = ts_frame_take_number(cursor), value = ts_frame_take_number(cursor);

		if (key > reader->strings || value > reader->strings) {
			ts_frame_cursor_fail(cursor, "a string is called that is not there");
			return;
		}
		for (size_t k = 0; k < sizeof fact / sizeof fact[0]; k++)
			if (!strcmp(fact[k].key, reader->string[key]))
				*fact[k].value = reader->string[value];
	}
	host->cpus = (unsigned int)decimal(cursor, cpus);
	host->memory_bytes = decimal(cursor, memory);
}

/* They stand in the order of our table, each once or for one scope after the other. */
static int setting_by_name(const char *name, int before)
{
	for (int id = before; id < TS_SETTING_COUNT && id < before + 2; id++)
		if (!strcmp(ts_settings[id].name, name))
			return id;
	return ts_setting_by_name(name);
}

/* Settings this tunescope does not know are left out and counted. */
static size_t read_settings(struct ts_frame_reader *reader, struct ts_setting_value **settings,
			    struct ts_frame_unknown *unknown)
{
	struct ts_frame_cursor *cursor = &reader->section[TS_SECTION_SETTINGS];
	size_t count = ts_frame_read_start(reader, TS_SECTION_SETTINGS, SIZE_MAX), kept = 0;
	struct ts_setting_value *setting =
		ts_frame_alloc(&reader->budget, cursor, count, sizeof *setting);
	__u32 *names = ts_frame_read_references(reader, cursor, count, reader->strings);

	TS_FRAME_READ_TEXTS(reader, cursor, setting, count, scope);
	TS_FRAME_READ_TEXTS(reader, cursor, setting, count, value);
	TS_FRAME_READ_TEXTS(reader, cursor, setting, count, choices);
	TS_FRAME_READ_STATUSES(reader, cursor, setting, count);
	TS_FRAME_READ_TEXTS(reader, cursor, setting, count, why);
	for (size_t i = 0; !cursor->why && i < count; i++) {
		int id = setting_by_name(reader->string[names[i]],
					 kept ? (int)setting[kept - 1].id : 0);

		unknown->settings += id < 0;
		if (id < 0)
			continue;
		setting[kept] = setting[i];
		setting[kept].before = "";
		setting[kept++].id = (enum ts_setting_id)id;
	}
	*settings = setting;
	return kept;
}

/* Of the window's programs those that stand at the same place, once all of the context is read. */
static void read_programs(struct ts_frame_reader *reader)
{
	struct ts_frame_cursor *cursor = &reader->section[TS_SECTION_PROGRAMS];
	struct ts_cost *cost = &reader->snapshot->cost;
	size_t count = ts_frame_read_start(reader, TS_SECTION_PROGRAMS, SIZE_MAX);
	__u32 *names = ts_frame_read_references(reader, cursor, count, reader->strings);
	__u32 *length = ts_frame_alloc(&reader->scratch, cursor, count, sizeof *length);

	for (size_t i = 0; !cursor->why && i < count; i++) {
		__u64 instructions = ts_frame_take_number(cursor);

		length[i] = (__u32)instructions;
		if (instructions != length[i])
			ts_frame_cursor_fail(cursor, "a program is too long");
	}
	if (what_is_wrong(reader))
		return;
	for (size_t i = 0; i < count && i < cost->probes; i++)
		if (!strcmp(cost->probe[i].name, reader->string[names[i]]))
			cost->probe[i].instructions = length[i];
}

int ts_frame_payload_read_context(const struct ts_frame_header *header,
				  const unsigned char *payload, struct ts_window *window,
				  struct ts_frame_unknown *unknown, const char **why)
{
	struct ts_setting_value *settings = NULL;
	struct ts_host host = {"", "", "", "", 0, 0, ""};
	struct ts_frame_reader reader;
	size_t count = 0;

	if (!window->delta)
		window->delta = ts_snapshot_new();
	if (!ts_frame_reader_open(&reader, window->delta, header, payload)) {
		read_host(&reader, &host);
		count = read_settings(&reader, &settings, unknown);
		if (reader.section[TS_SECTION_PROGRAMS].at)
			read_programs(&reader);
	}
	*why = ts_frame_reader_close(&reader);
	if (*why)
		return -EPROTO;
	window->delta->host = host;
	window->delta->setting = settings;
	window->delta->settings = window->delta->settings_capacity = count;
	return 0;
}
