// SPDX-License-Identifier: GPL-2.0-only
#include "frame_strings.h"

#include <string.h>

#include "arena.h"

/* Of the dictionary: its strings are all there, although most of them are not used. */
struct entry {
	const char *text; /* NULL: free */
	__u32 hash;
	__u32 number; /* 0: not used yet */
	__u32 place;  /* in the dictionary, from 1; 0: not there */
};

struct ts_frame_strings {
	struct ts_arena *arena;
	struct entry *table; /* a power of two, at most half full */
	size_t size, used;
	const char **text; /* by number, from 1 */
	__u32 *place;	   /* likewise */
	size_t count, text_capacity, place_capacity;
};

static __u32 hash_of(const char *text)
{
	__u32 hash = 2166136261u; /* FNV-1a */

	for (const char *c = text; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619u;
	return hash;
}

static struct entry *find_entry(struct entry *table, size_t size, const char *text, __u32 hash)
{
	size_t i = hash & (size - 1);

	while (table[i].text && (table[i].hash != hash || strcmp(table[i].text, text) != 0))
		i = (i + 1) & (size - 1);
	return &table[i];
}

static void enlarge_table(struct ts_frame_strings *strings)
{
	size_t size = strings->size ? strings->size * 2 : 2048;
	struct entry *table = ts_arena_alloc(strings->arena, size * sizeof *table);

	for (size_t i = 0; i < strings->size; i++) {
		const struct entry *old = &strings->table[i];

		if (old->text)
			*find_entry(table, size, old->text, old->hash) = *old;
	}
	strings->table = table;
	strings->size = size;
}

static struct entry *entry_of(struct ts_frame_strings *strings, const char *text)
{
	__u32 hash = hash_of(text);
	struct entry *entry;

	if (strings->used * 2 >= strings->size)
		enlarge_table(strings);
	entry = find_entry(strings->table, strings->size, text, hash);
	if (!entry->text) {
		*entry = (struct entry){.text = text, .hash = hash};
		strings->used++;
	}
	return entry;
}

/* The string behind one of the dictionary; NULL behind the last. */
static const char *next_known(const struct ts_frame_dictionary *dictionary, const char *text)
{
	text += strlen(text) + 1;
	return text < dictionary->text + dictionary->length ? text : NULL;
}

struct ts_frame_strings *ts_frame_strings_new(struct ts_arena *arena)
{
	const struct ts_frame_dictionary *dictionary = ts_frame_dictionary(TS_FRAME_VERSION);
	struct ts_frame_strings *strings = ts_arena_alloc(arena, sizeof *strings);
	__u32 place = 1;

	strings->arena = arena;
	/* Of one that is there twice the last place: that is in the order of a frame. */
	for (const char *text = dictionary->text; text; text = next_known(dictionary, text))
		entry_of(strings, text)->place = place++;
	return strings;
}

__u32 ts_frame_string(struct ts_frame_strings *strings, const char *text)
{
	struct entry *entry;

	if (!text || !*text)
		return 0;
	entry = entry_of(strings, text);
	if (entry->number)
		return entry->number;
	strings->text = ts_arena_grow(strings->arena, strings->text, strings->count,
				      &strings->text_capacity, sizeof *strings->text);
	strings->place = ts_arena_grow(strings->arena, strings->place, strings->count,
				       &strings->place_capacity, sizeof *strings->place);
	strings->text[strings->count] = text;
	strings->place[strings->count] = entry->place;
	entry->number = (__u32)++strings->count;
	return entry->number;
}

void ts_frame_put_strings(const struct ts_frame_strings *strings, struct ts_bytes *out)
{
	size_t run;

	for (size_t i = 0; i < strings->count; i += run) {
		__u32 place = strings->place[i];

		run = 1;
		ts_frame_put_number(out, place);
		if (!place) {
			ts_bytes_append(out, strings->text[i], strlen(strings->text[i]) + 1);
			continue;
		}
		while (i + run < strings->count && strings->place[i + run] == place + run)
			run++;
		ts_frame_put_number(out, run);
	}
}

/* ---- reading */

/* The strings of the dictionary by place, "" at 0. */
static const char **known_strings(const struct ts_frame_dictionary *dictionary,
				  struct ts_arena *arena, size_t *count)
{
	const char **known;
	size_t place = 0;

	*count = 0;
	for (size_t i = 0; i < dictionary->length; i++)
		*count += !dictionary->text[i];
	known = ts_arena_alloc(arena, (*count + 1) * sizeof *known);
	known[place++] = "";
	for (const char *text = dictionary->text; text; text = next_known(dictionary, text))
		known[place++] = text;
	return known;
}

/* One piece: how many strings it is, and where (place 0: those bytes themselves). */
static size_t take_piece(struct ts_frame_cursor *cursor, size_t known, size_t *place,
			 const char **text)
{
	const unsigned char *end;

	*place = ts_frame_take_count(cursor, known);
	if (*place)
		return ts_frame_take_count(cursor, known + 1 - *place);
	*text = (const char *)cursor->at;
	end = cursor->why ? NULL : memchr(cursor->at, 0, ts_frame_cursor_left(cursor));
	if (!end) {
		ts_frame_cursor_fail(cursor, "the last string is cut off");
		return 0;
	}
	cursor->at = end + 1;
	return 1;
}

static size_t count_strings(struct ts_frame_cursor cursor, size_t known, const char **why)
{
	size_t count = 0, place;
	const char *text;

	while (cursor.at < cursor.end && count <= TS_FRAME_STRINGS_MAX)
		count += take_piece(&cursor, known, &place, &text);
	*why = count > TS_FRAME_STRINGS_MAX ? "there are too many strings" : cursor.why;
	return count;
}

const char **ts_frame_take_strings(struct ts_frame_cursor *cursor,
				   const struct ts_frame_dictionary *dictionary,
				   struct ts_frame_budget *budget, struct ts_frame_budget *scratch,
				   size_t *highest)
{
	size_t known_count, count = 0, place;
	const char **known = known_strings(dictionary, scratch->arena, &known_count), **string,
		   *text, *why;
	char *copy;

	*highest = count_strings(*cursor, known_count, &why);
	if (why)
		ts_frame_cursor_fail(cursor, why);
	string = ts_frame_alloc(scratch, cursor, *highest + 1, sizeof *string);
	copy = ts_frame_alloc(budget, cursor, ts_frame_cursor_left(cursor), 1);
	if (!copy)
		return NULL;
	string[0] = "";
	while (cursor->at < cursor->end) {
		size_t run = take_piece(cursor, known_count, &place, &text);

		for (size_t i = 0; place && i < run; i++)
			string[++count] = known[place + i];
		if (place)
			continue;
		string[++count] = strcpy(copy, text);
		copy += strlen(text) + 1;
	}
	return string;
}
