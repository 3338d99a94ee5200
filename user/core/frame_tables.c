// SPDX-License-Identifier: GPL-2.0-only
#include "frame_tables.h"

#include <string.h>

#include "arena.h"

/* What rows have said is forgotten when it is longer. */
#define SAID_MAX (1u << 18)

struct ts_tables *ts_tables_new(struct ts_arena *arena, struct ts_packer *packer, size_t count)
{
	struct ts_tables *tables = ts_arena_alloc(arena, sizeof *tables);

	*tables = (struct ts_tables){
		.arena = arena,
		.packer = packer,
		.budget = {arena, (size_t)-1},
		.memory = ts_arena_alloc(arena, count * sizeof *tables->memory),
		.tables = count,
		.rows_before = TS_PACKER_FIRST,
		.skip_before = TS_PACKER_FIRST,
		.first_before = TS_PACKER_FIRST,
		.end_before = TS_PACKER_FIRST,
		.flags_before = TS_PACKER_FIRST,
		.form_before = TS_PACKER_FIRST,
		.sum_before = TS_PACKER_FIRST,
		.rest_before = TS_PACKER_FIRST,
	};
	return tables;
}

void ts_tables_limit(struct ts_tables *tables, size_t bytes, size_t strings)
{
	tables->budget.left = bytes;
	tables->strings = strings;
}

void ts_tables_next(struct ts_tables *tables)
{
	tables->stamp++;
}

const char *ts_tables_why(const struct ts_tables *tables)
{
	const char *why = ts_packer_why(tables->packer);

	return why ? why : tables->cursor.why;
}

static bool reads(const struct ts_tables *tables)
{
	return ts_packer_reads(tables->packer);
}

/* ---- strings of new rows */

static void forget_said(struct ts_table_said *said)
{
	said->count = 0;
	said->follow = 0;
	if (said->last)
		memset(said->last, 0, said->last_capacity * sizeof *said->last);
}

/* Where the string was called last, from 1. */
static __u32 *last_said(struct ts_tables *tables, __u32 string)
{
	struct ts_table_said *said = &tables->said;
	size_t wanted = string + 1;
	__u32 *larger;

	if (wanted > said->last_capacity) {
		wanted = wanted * 2 + 256;
		larger = ts_arena_alloc(tables->arena, wanted * sizeof *larger);
		if (said->last)
			memcpy(larger, said->last, said->last_capacity * sizeof *larger);
		said->last = larger;
		said->last_capacity = wanted;
	}
	return &said->last[string];
}

static void say(struct ts_tables *tables, __u32 string, bool expected)
{
	struct ts_table_said *said = &tables->said;
	__u32 *last = last_said(tables, string);

	if (said->count == SAID_MAX) {
		forget_said(said);
		expected = false;
	}
	said->string = ts_arena_grow(tables->arena, said->string, said->count, &said->capacity,
				     sizeof *said->string);
	said->string[said->count++] = string;
	said->follow = expected ? said->follow + 1 : *last;
	said->followed = expected;
	*last = (__u32)said->count;
}

/* before: of the same key, in the row before. */
static __u32 pack_string(struct ts_tables *tables, __u32 string, __u32 before)
{
	struct ts_table_said *said = &tables->said;
	bool expected = false;

	if (said->follow && said->follow < said->count) {
		__u32 guess = said->string[said->follow];

		expected = ts_pack_decision(tables->packer, &tables->follows[said->followed],
					    string == guess);
		if (expected)
			string = guess;
	}
	if (!expected)
		string = ts_frame_pack_reference(tables->packer, string, before, &tables->newest,
						 reads(tables) ? tables->strings : (size_t)-1);
	say(tables, string, expected);
	return string;
}

/* ---- rows */

static bool same_labels(const struct ts_table_row *row, const __u32 *label, size_t keys)
{
	return !keys || !memcmp(row->label, label, keys * sizeof *label);
}

static __u32 hash_of(const __u32 *label, size_t keys)
{
	__u32 hash = 2166136261u;

	for (size_t k = 0; k < keys; k++)
		hash = (hash ^ label[k]) * 16777619u;
	return hash ^ hash >> 15;
}

static void make_index(struct ts_tables *tables, const struct ts_table_memory *memory, size_t keys)
{
	struct ts_table_index *index = &tables->index;

	for (index->size = 16; index->size < memory->rows * 2;)
		index->size *= 2;
	if (index->size > index->capacity) {
		index->place = ts_arena_alloc(tables->arena, index->size * sizeof *index->place);
		index->capacity = index->size;
	}
	memset(index->place, 0, index->size * sizeof *index->place);
	for (size_t i = memory->rows; i-- > 0;) {
		size_t at = hash_of(memory->row[i]->label, keys);

		while (index->place[at & (index->size - 1)])
			at++;
		index->place[at & (index->size - 1)] = (__u32)i + 1;
	}
	index->made = true;
}

/* Its place in the window before; memory->rows when it was not there. */
static size_t find_row(struct ts_tables *tables, const struct ts_table_memory *memory,
		       const __u32 *label, size_t keys)
{
	struct ts_table_index *index = &tables->index;

	if (!memory->rows)
		return 0;
	if (!index->made)
		make_index(tables, memory, keys);
	for (size_t at = hash_of(label, keys);; at++) {
		__u32 place = index->place[at & (index->size - 1)];

		if (!place)
			return memory->rows;
		if (same_labels(memory->row[place - 1], label, keys))
			return place - 1;
	}
}

static struct ts_table_row *new_row(struct ts_tables *tables)
{
	struct ts_table_row *row = tables->free_row;

	if (row)
		tables->free_row = row->next;
	else if (ts_frame_spend(&tables->budget, &tables->cursor, sizeof *row))
		row = ts_arena_alloc(tables->arena, sizeof *row);
	if (row)
		*row = (struct ts_table_row){0};
	return row;
}

static void free_row(struct ts_tables *tables, struct ts_table_row *row)
{
	if (row->past) {
		row->past->next = tables->free_past[row->past->scale];
		tables->free_past[row->past->scale] = row->past;
	}
	row->past = NULL;
	row->next = tables->free_row;
	tables->free_row = row;
}

/* A row that was not there before. */
static struct ts_table_row *pack_new_row(struct ts_tables *tables, __u32 *label,
					 const __u32 *label_before, size_t keys)
{
	struct ts_table_row *row = new_row(tables);

	for (size_t k = 0; row && k < keys; k++)
		row->label[k] = label[k] =
			pack_string(tables, label[k], label_before ? label_before[k] : 0);
	return row;
}

/*
 * Which row of the window before it is, or that it is none of them; *expected is the one that it
 * most likely is.
 */
static struct ts_table_row *pack_row(struct ts_tables *tables, const struct ts_table_memory *memory,
				     __u32 *label, const __u32 *label_before, size_t keys,
				     size_t *expected)
{
	size_t at = *expected, count = memory->rows;
	bool write = !reads(tables), hit;

	if (write && !(at < count && same_labels(memory->row[at], label, keys)))
		at = find_row(tables, memory, label, keys);
	hit = ts_pack_decision(tables->packer, &tables->same_row[tables->row_missed],
			       at == *expected && at < count);
	if (!hit &&
	    ts_pack_decision(tables->packer, &tables->known_row[tables->row_missed], at < count)) {
		size_t skip = write ? (at + count - *expected) % count : 0;

		skip = ts_pack_number(tables->packer, &tables->skip_before, skip, TS_PACKER_DIGITS);
		if (!count)
			ts_packer_fail(tables->packer, "a row is called that is not there");
		else
			at = (*expected + skip % count) % count;
		hit = count;
		tables->row_missed = 1;
	} else {
		tables->row_missed = !hit;
	}
	if (hit && at >= count)
		ts_packer_fail(tables->packer, "a row is called that is not there");
	if (ts_tables_why(tables))
		return NULL;
	if (!hit)
		return pack_new_row(tables, label, label_before, keys);
	*expected = at + 1;
	if (keys)
		memcpy(label, memory->row[at]->label, keys * sizeof *label);
	return memory->row[at];
}

/* Rows of the window before that are no more. */
static void free_old_rows(struct ts_tables *tables, struct ts_table_memory *memory)
{
	for (size_t i = 0; i < memory->rows; i++) {
		struct ts_table_row *row = memory->row[i];

		if (row->stamp == tables->stamp)
			continue;
		row->stamp = tables->stamp; /* once, though it may stand there twice */
		free_row(tables, row);
	}
}

static bool reserve(struct ts_tables *tables, struct ts_table_memory *memory, size_t rows)
{
	size_t capacity = rows + rows / 4 + 8;

	if (rows <= memory->capacity)
		return true;
	if (!ts_frame_spend(&tables->budget, &tables->cursor,
			    2 * capacity * sizeof(struct ts_table_row *)))
		return false;
	struct ts_table_row **row = ts_arena_alloc(tables->arena, capacity * sizeof *row);

	if (memory->rows)
		memcpy(row, memory->row, memory->rows * sizeof *row);
	memory->row = row;
	memory->spare = ts_arena_alloc(tables->arena, capacity * sizeof *row);
	memory->capacity = capacity;
	return true;
}

static bool all_are_same(const struct ts_table_memory *memory, const struct ts_table *table)
{
	if (table->rows != memory->rows)
		return false;
	for (size_t i = 0; i < table->rows; i++)
		if (!same_labels(memory->row[i], table->label + i * table->keys, table->keys))
			return false;
	return true;
}

/* Reading: room for the labels. */
static bool make_labels(struct ts_tables *tables, struct ts_table *table,
			struct ts_frame_budget *budget)
{
	if (table->rows > TS_TABLE_ROWS_MAX) {
		ts_packer_fail(tables->packer, "a table is longer than what there is of it");
		return false;
	}
	table->label = ts_frame_alloc(budget, &tables->cursor, table->rows * table->keys + 1,
				      sizeof *table->label);
	return table->label;
}

static void pack_changed_rows(struct ts_tables *tables, struct ts_table_memory *memory,
			      struct ts_table *table)
{
	const size_t keys = table->keys;
	struct ts_table_row **row;
	size_t expected = 0, count = 0;

	if (!reserve(tables, memory, table->rows))
		return;
	tables->index.made = false;
	tables->row_missed = 0;
	row = memory->spare;
	for (size_t i = 0; i < table->rows; i++, count++) {
		__u32 *label = table->label + i * keys;

		row[i] = pack_row(tables, memory, label, i ? label - keys : NULL, keys, &expected);
		if (!row[i])
			break;
		row[i]->stamp = tables->stamp;
	}
	free_old_rows(tables, memory);
	memory->spare = memory->row;
	memory->row = row;
	memory->rows = count;
}

void ts_tables_rows(struct ts_tables *tables, size_t number, struct ts_table *table,
		    struct ts_frame_budget *budget)
{
	struct ts_table_memory *memory = &tables->memory[number];
	bool same = !reads(tables) && all_are_same(memory, table);

	same = ts_pack_decision(tables->packer, &tables->same_rows[memory->changed], same);
	memory->changed = !same;
	if (!same)
		table->rows = ts_pack_number(tables->packer, &tables->rows_before, table->rows,
					     TS_PACKER_DIGITS);
	else if (reads(tables))
		table->rows = memory->rows;
	if (ts_tables_why(tables) || (reads(tables) && !make_labels(tables, table, budget))) {
		table->rows = 0;
		return;
	}
	if (!same)
		pack_changed_rows(tables, memory, table);
	else if (reads(tables) && table->keys)
		for (size_t i = 0; i < table->rows; i++)
			memcpy(table->label + i * table->keys, memory->row[i]->label,
			       table->keys * sizeof *table->label);
	if (ts_tables_why(tables))
		table->rows = 0;
}
