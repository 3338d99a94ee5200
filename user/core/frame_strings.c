// SPDX-License-Identifier: GPL-2.0-only
#include "frame_strings.h"

#include <assert.h>
#include <string.h>

#include "arena.h"

/* Places in a table of strings: a power of two, at most half full. */
struct entry {
	const char *text; /* NULL: free */
	__u32 hash;
	__u32 number; /* of a frame; or, in the dictionary, the place there: from 1 */
};

struct table {
	struct entry *entry;
	size_t size, used;
};

struct ts_frame_strings {
	struct ts_arena *arena;
	const struct table *known; /* the dictionary */
	__u32 *known_number;	   /* by place in it; 0: not used yet */
	struct table others;
	const char **text; /* by number, from 1 */
	__u32 *place;	   /* likewise; 0: not in the dictionary */
	size_t count, text_capacity, place_capacity;
	bool copies;
};

#define KNOWN_SIZE 2048 /* of the table of the dictionary */

static __u32 hash_of(const char *text)
{
	__u32 hash = 2166136261u; /* FNV-1a */

	for (const char *c = text; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619u;
	return hash;
}

static struct entry *find_entry(const struct table *table, const char *text, __u32 hash)
{
	size_t i = hash & (table->size - 1);

	while (table->entry[i].text &&
	       (table->entry[i].hash != hash || strcmp(table->entry[i].text, text) != 0))
		i = (i + 1) & (table->size - 1);
	return &table->entry[i];
}

/* The string behind one of the dictionary; NULL behind the last. */
static const char *next_known(const struct ts_frame_dictionary *dictionary, const char *text)
{
	text += strlen(text) + 1;
	return text < dictionary->text + dictionary->length ? text : NULL;
}

/* Made with the first frame, as it is the same for all of them; never changed again. */
static const struct table *known_table(void)
{
	static struct entry entries[KNOWN_SIZE];
	static struct table table = {entries, KNOWN_SIZE, 0};
	const struct ts_frame_dictionary *dictionary = ts_frame_dictionary(TS_FRAME_VERSION);
	__u32 place = 1;

	if (table.used)
		return &table;
	/* Of one that is there twice the last place: that is in the order of a frame. */
	for (const char *text = dictionary->text; text; text = next_known(dictionary, text)) {
		__u32 hash = hash_of(text);

		*find_entry(&table, text, hash) = (struct entry){text, hash, place++};
	}
	table.used = place - 1;
	assert(table.used <= KNOWN_SIZE / 2);
	return &table;
}

static void enlarge_table(struct ts_frame_strings *strings)
{
	struct table old = strings->others;

	strings->others.size = old.size ? old.size * 2 : 64;
	strings->others.entry =
		ts_arena_alloc(strings->arena, strings->others.size * sizeof *old.entry);
	for (size_t i = 0; i < old.size; i++)
		if (old.entry[i].text)
			*find_entry(&strings->others, old.entry[i].text, old.entry[i].hash) =
				old.entry[i];
}

struct ts_frame_strings *ts_frame_strings_new(struct ts_arena *arena, bool copies)
{
	struct ts_frame_strings *strings = ts_arena_alloc(arena, sizeof *strings);

	strings->arena = arena;
	strings->copies = copies;
	strings->known = known_table();
	strings->known_number =
		ts_arena_alloc(arena, (strings->known->used + 1) * sizeof *strings->known_number);
	return strings;
}

/* Where the number of a text stands, which becomes that which is kept; place: in the dictionary. */
static __u32 *number_of(struct ts_frame_strings *strings, const char **kept, __u32 *place)
{
	const char *text = *kept;
	__u32 hash = hash_of(text);
	struct entry *entry = find_entry(strings->known, text, hash);

	*place = entry->text ? entry->number : 0;
	if (*place) {
		*kept = entry->text;
		return &strings->known_number[*place];
	}
	if (strings->others.used * 2 >= strings->others.size)
		enlarge_table(strings);
	entry = find_entry(&strings->others, text, hash);
	if (!entry->text) {
		if (strings->copies)
			text = ts_arena_strdup(strings->arena, text);
		*entry = (struct entry){.text = text, .hash = hash};
		strings->others.used++;
	}
	*kept = entry->text;
	return &entry->number;
}

__u32 ts_frame_string(struct ts_frame_strings *strings, const char *text)
{
	__u32 *number, place;

	if (!text || !*text)
		return 0;
	number = number_of(strings, &text, &place);
	if (*number)
		return *number;
	strings->text = ts_arena_grow(strings->arena, strings->text, strings->count,
				      &strings->text_capacity, sizeof *strings->text);
	strings->place = ts_arena_grow(strings->arena, strings->place, strings->count,
				       &strings->place_capacity, sizeof *strings->place);
	strings->text[strings->count] = text;
	strings->place[strings->count] = place;
	*number = (__u32)++strings->count;
	return *number;
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

/* Of a dictionary its strings by place, "" at 0. Made with the first frame that needs it. */
static const char *const *known_strings(unsigned int version, size_t *count)
{
	static struct {
		const char *string[KNOWN_SIZE / 2 + 1];
		size_t count;
	} known[TS_FRAME_VERSION + 1];
	const struct ts_frame_dictionary *dictionary = ts_frame_dictionary(version);

	if (!known[version].count) {
		size_t place = 0;

		known[version].string[place++] = "";
		for (const char *text = dictionary->text; text; text = next_known(dictionary, text))
			known[version].string[place++] = text;
		assert(place <= KNOWN_SIZE / 2 + 1);
		known[version].count = place - 1;
	}
	*count = known[version].count;
	return known[version].string;
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

const char **ts_frame_take_strings(struct ts_frame_cursor *cursor, unsigned int version,
				   struct ts_frame_budget *budget, struct ts_frame_budget *scratch,
				   size_t *highest)
{
	size_t known_count, count = 0, place;
	const char *const *known = known_strings(version, &known_count);
	const char **string, *text, *why;
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
