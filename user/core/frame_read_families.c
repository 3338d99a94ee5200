// SPDX-License-Identifier: GPL-2.0-only
/* The families of a window frame, their series, and who suffered. */
#include "frame_packer.h"
#include "frame_reader.h"

#include <string.h>

#include "arena.h"

#define FAMILIES_MAX 4096u
#define ROWS_MAX     (1u << 20)

struct label_set {
	size_t rows, columns;
	__u32 *value; /* of column k and row i at k * rows + i */
};

/* ---- descriptions: "block_latency histogram seconds device op" */

/* The next word of a text, up to the blank or the end; "" when there is none. */
static size_t next_word(const char **text, const char **word)
{
	size_t length;

	*text += strspn(*text, " ");
	*word = *text;
	length = strcspn(*text, " ");
	*text += length;
	return length;
}

static bool is_word(const char *name, const char *word, size_t length)
{
	return !strncmp(name, word, length) && !name[length];
}

/* Frames have them in the order of our table, most often: expected is where to look first. */
static int family_by_word(const char *word, size_t length, int expected)
{
	if (expected < TS_FAMILY_COUNT && is_word(ts_families[expected].name, word, length))
		return expected;
	ts_for_each_family (id)
		if (is_word(ts_families[id].name, word, length))
			return id;
	return -1;
}

static int kind_by_word(const char *word, size_t length)
{
	for (int kind = TS_KIND_COUNTER; kind <= TS_KIND_HISTOGRAM; kind++)
		if (is_word(ts_frame_kind_name((enum ts_kind)kind), word, length))
			return kind;
	return -1;
}

static int unit_by_word(const char *word, size_t length)
{
	for (int unit = TS_UNIT_COUNT; unit <= TS_UNIT_RATIO; unit++)
		if (is_word(ts_unit_name((enum ts_unit)unit), word, length))
			return unit;
	return -1;
}

static int key_by_word(int id, const char *word, size_t length)
{
	for (size_t i = 0; id >= 0 && i < ts_families[id].labels; i++)
		if (is_word(ts_families[id].label_key[i], word, length))
			return (int)i;
	return -1;
}

static bool is_gauge(int kind)
{
	return kind == TS_KIND_GAUGE || kind == TS_KIND_PEAK;
}

/* What a value means must be as in our table; a peak is a kind of gauge. */
static bool same_form(const struct ts_frame_described *described)
{
	const struct ts_family *family = &ts_families[described->id];

	return described->unit == (int)family->unit &&
	       (described->kind == (int)family->kind ||
		(is_gauge(described->kind) && is_gauge((int)family->kind)));
}

void ts_frame_understand(struct ts_snapshot *snapshot, struct ts_frame_cursor *cursor,
			 const char *text, int expected, struct ts_frame_described *described)
{
	const char *word;
	size_t length = next_word(&text, &word);
	int id = family_by_word(word, length, expected);

	length = next_word(&text, &word);
	described->kind = kind_by_word(word, length);
	length = next_word(&text, &word);
	described->unit = unit_by_word(word, length);
	while ((length = next_word(&text, &word))) {
		if (described->keys == TS_FRAME_KEYS_MAX) {
			ts_frame_cursor_fail(cursor, "a family has too many labels");
			return;
		}
		described->key[described->keys++] = key_by_word(id, word, length);
	}
	described->id = id;
	if (id >= 0 && !same_form(described)) {
		described->id = -1;
		ts_snapshot_family_status(snapshot, (enum ts_family_id)id, TS_STATUS_UNSUPPORTED,
					  "recorded in another form by another tunescope");
	}
}

/* ---- label sets */

static size_t read_size(struct ts_frame_reader *reader, struct ts_frame_cursor *cursor,
			unsigned int *before)
{
	return reader->packs ? ts_pack_number(reader->packer, before, 0, TS_PACKER_DIGITS)
			     : ts_frame_take_number(cursor);
}

static struct label_set *read_label_sets(struct ts_frame_reader *reader, size_t *sets)
{
	struct ts_frame_cursor *cursor = &reader->section[TS_SECTION_LABELS];
	size_t count = ts_frame_read_start(reader, TS_SECTION_LABELS, FAMILIES_MAX);
	unsigned int rows = TS_PACKER_FIRST, columns = TS_PACKER_FIRST;
	struct label_set *set = ts_frame_alloc(&reader->scratch, cursor, count, sizeof *set);

	for (size_t i = 0; set && i < count; i++)
		set[i].rows = read_size(reader, cursor, &rows);
	for (size_t i = 0; set && i < count; i++)
		set[i].columns = read_size(reader, cursor, &columns);
	for (size_t i = 0; !cursor->why && i < count; i++) {
		size_t most = reader->packs ? ROWS_MAX : ts_frame_cursor_left(cursor);

		if (set[i].columns > TS_FRAME_KEYS_MAX ||
		    (set[i].columns && set[i].rows > most / set[i].columns)) {
			ts_frame_cursor_fail(cursor, "there are more labels than there can be");
			break;
		}
		set[i].value = ts_frame_alloc(&reader->scratch, cursor,
					      set[i].rows * set[i].columns, sizeof(__u32));
		for (size_t k = 0; set[i].value && k < set[i].columns; k++)
			ts_frame_read_numbers(reader, cursor, set[i].value + k * set[i].rows,
					      set[i].rows, reader->strings);
	}
	*sets = cursor->why ? 0 : count;
	return set;
}

static void set_labels(struct ts_frame_reader *reader, const struct ts_frame_described *described,
		       const struct label_set *set, struct ts_series *series)
{
	for (size_t i = 0; i < set->rows; i++) {
		for (size_t k = 0; k < TS_LABELS_MAX; k++)
			series[i].label[k] = "";
		for (unsigned int k = 0; k < described->keys; k++)
			if (described->key[k] >= 0)
				series[i].label[described->key[k]] =
					reader->string[set->value[k * set->rows + i]];
	}
}

/* ---- series */

/* series is NULL where the family is unknown: the values are passed over. */
static void read_counters(struct ts_frame_reader *reader, struct ts_frame_cursor *cursor,
			  struct ts_series *series, size_t count)
{
	__u64 *values = ts_frame_alloc(&reader->scratch, cursor, count, sizeof *values);

	if (values)
		ts_frame_pack_counters(reader->packer, values, count);
	for (size_t i = 0; values && series && i < count; i++)
		series[i].counter = values[i];
}

static void read_gauges(struct ts_frame_reader *reader, struct ts_frame_cursor *cursor,
			struct ts_series *series, size_t count)
{
	double *values = ts_frame_alloc(&reader->scratch, cursor, count, sizeof *values);

	if (values)
		ts_frame_pack_gauges(reader->packer, values, count, reader->scratch.arena);
	for (size_t i = 0; values && series && i < count; i++)
		series[i].gauge = values[i];
}

static void read_histograms(struct ts_frame_reader *reader, struct ts_frame_cursor *cursor,
			    struct ts_series *series, size_t count, enum ts_unit unit)
{
	struct ts_frame_budget *budget = series ? &reader->budget : &reader->scratch;
	struct ts_histogram **histogram =
		ts_frame_alloc(&reader->scratch, cursor, count, sizeof *histogram);
	unsigned char *flags = ts_frame_alloc(&reader->scratch, cursor, count, 1);

	if (!flags)
		return;
	ts_frame_pack_flags(reader->packer, histogram, flags, count);
	for (size_t i = 0; i < count && !ts_packer_why(reader->packer); i++) {
		if (!ts_frame_spend(budget, cursor, ts_frame_histogram_bytes(flags[i])))
			return;
		histogram[i] = ts_frame_new_histogram(budget->arena, flags[i], unit);
		if (series)
			series[i].histogram = histogram[i];
	}
	if (!ts_packer_why(reader->packer))
		ts_frame_pack_histograms(reader->packer, histogram, flags, count,
					 reader->scratch.arena);
}

/* Kinds that come later than this version have their length before them. */
static void pass_over(struct ts_frame_cursor *cursor)
{
	size_t length = ts_frame_take_count(cursor, ts_frame_cursor_left(cursor));

	cursor->at += length > ts_frame_cursor_left(cursor) ? ts_frame_cursor_left(cursor) : length;
}

static void read_values(struct ts_frame_reader *reader, struct ts_frame_cursor *cursor,
			const struct ts_frame_described *described, struct ts_series *series,
			size_t count)
{
	switch (described->kind) {
	case TS_KIND_COUNTER: read_counters(reader, cursor, series, count); break;
	case TS_KIND_GAUGE:
	case TS_KIND_PEAK: read_gauges(reader, cursor, series, count); break;
	case TS_KIND_HISTOGRAM:
		read_histograms(reader, cursor, series, count, (enum ts_unit)described->unit);
		break;
	default: pass_over(cursor); break;
	}
}

static void read_series(struct ts_frame_reader *reader, struct ts_frame_cursor *cursor,
			const struct ts_frame_described *described, const struct label_set *set)
{
	struct ts_family_data *data = NULL;
	struct ts_series *series = NULL;

	if (!set->rows)
		return;
	if (set->columns != described->keys) {
		ts_frame_cursor_fail(cursor, "a family has other labels than it says");
		return;
	}
	if (described->id >= 0) {
		data = &reader->snapshot->family[described->id];
		series = ts_frame_alloc(&reader->budget, cursor, set->rows, sizeof *series);
		if (!series)
			return;
		set_labels(reader, described, set, series);
	}
	read_values(reader, cursor, described, series, set->rows);
	if (!data || cursor->why)
		return;
	data->series = series;
	data->count = data->capacity = set->rows;
}

/* ---- the section */

/* What every family is that the frame does not name. */
void ts_frame_nothing_recorded(struct ts_snapshot *snapshot)
{
	static const char why[] = "not recorded: the tunescope that wrote this recording did not "
				  "measure it";

	ts_for_each_family (id) {
		snapshot->family[id].status = TS_STATUS_UNSUPPORTED;
		snapshot->family[id].why = why;
	}
}

static void read_descriptions(struct ts_frame_reader *reader, struct ts_frame_cursor *cursor,
			      size_t count)
{
	__u32 *text = ts_frame_read_references(reader, cursor, count, reader->strings);
	bool seen[TS_FAMILY_COUNT] = {false};
	int expected = 0;

	reader->family = ts_frame_alloc(&reader->scratch, cursor, count, sizeof *reader->family);
	for (size_t i = 0; !cursor->why && i < count; i++) {
		struct ts_frame_described *family = &reader->family[i];

		ts_frame_understand(reader->snapshot, cursor, reader->string[text[i]], expected,
				    family);
		if (family->id < 0)
			continue;
		expected = family->id + 1;
		if (seen[family->id])
			ts_frame_cursor_fail(cursor, "a family stands there twice");
		seen[family->id] = true;
	}
	reader->families = cursor->why ? 0 : count;
}

void ts_frame_read_families(struct ts_frame_reader *reader, struct ts_frame_unknown *unknown)
{
	struct ts_frame_cursor *cursor = &reader->section[TS_SECTION_FAMILIES];
	size_t count = ts_frame_read_start(reader, TS_SECTION_FAMILIES, FAMILIES_MAX), sets = 0;
	struct ts_family_data *data = ts_frame_alloc(&reader->scratch, cursor, count, sizeof *data);
	__u64 *overflowed = ts_frame_alloc(&reader->scratch, cursor, count, sizeof *overflowed);
	struct label_set *set;
	__u32 *set_of;

	ts_frame_nothing_recorded(reader->snapshot);
	read_descriptions(reader, cursor, count);
	TS_FRAME_READ_STATUSES(reader, cursor, data, count);
	TS_FRAME_READ_TEXTS(reader, cursor, data, count, why);
	if (!cursor->why)
		ts_frame_pack_counters(reader->packer, overflowed, count);
	set = read_label_sets(reader, &sets);
	cursor->newest = 0; /* of the sets */
	set_of = ts_frame_read_references(reader, cursor, count, sets);
	for (size_t i = 0; !cursor->why && i < count; i++) {
		const struct ts_frame_described *family = &reader->family[i];

		if (set_of[i] >= sets) {
			ts_frame_cursor_fail(cursor, "labels are called that are not there");
			return;
		}
		unknown->families += family->id < 0;
		if (family->id >= 0) {
			data[i].overflowed = overflowed[i];
			reader->snapshot->family[family->id] = data[i];
		}
		read_series(reader, cursor, family, &set[set_of[i]]);
	}
}

/* The number of label values that all sufferers together have. */
static size_t sufferers_labels(struct ts_frame_reader *reader, const __u64 *family, size_t count)
{
	size_t values = 0;

	for (size_t i = 0; i < count; i++)
		values += reader->family[family[i]].keys;
	return values;
}

/* Into the order of our keys; families this tunescope does not know have nobody who suffers. */
static size_t keep_known(struct ts_frame_reader *reader, struct ts_sufferer *sufferer, size_t count,
			 const __u64 *family, const __u32 *value)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		const struct ts_frame_described *described = &reader->family[family[i]];
		struct ts_sufferer copy = sufferer[i];

		for (size_t k = 0; k < TS_LABELS_MAX; k++)
			copy.label[k] = "";
		for (unsigned int k = 0; k < described->keys; k++, value++)
			if (described->key[k] >= 0)
				copy.label[described->key[k]] = reader->string[*value];
		if (described->id < 0)
			continue;
		copy.family = (enum ts_family_id)described->id;
		sufferer[kept++] = copy;
	}
	return kept;
}

void ts_frame_read_sufferers(struct ts_frame_reader *reader)
{
	struct ts_frame_cursor *cursor = &reader->section[TS_SECTION_SUFFERERS];
	struct ts_snapshot *delta = reader->snapshot;
	size_t count = ts_frame_read_start(reader, TS_SECTION_SUFFERERS, TS_FRAME_SUFFERERS_MAX);
	struct ts_sufferer *sufferer =
		ts_frame_alloc(&reader->budget, cursor, count, sizeof *sufferer);
	__u64 *family = ts_frame_alloc(&reader->scratch, cursor, count, sizeof *family);
	__u64 *pids = ts_frame_alloc(&reader->scratch, cursor, count, sizeof *pids);
	double *harm = ts_frame_alloc(&reader->scratch, cursor, count, sizeof *harm);
	__u32 *values;

	for (size_t i = 0; family && i < count; i++) {
		family[i] = ts_frame_take_number(cursor);
		if (family[i] >= reader->families)
			ts_frame_cursor_fail(cursor, "somebody suffered from what is not there");
	}
	TS_FRAME_READ_TEXTS(reader, cursor, sufferer, count, comm);
	TS_FRAME_READ_TEXTS(reader, cursor, sufferer, count, cgroup);
	if (cursor->why)
		return;
	ts_frame_pack_counters(reader->packer, pids, count);
	ts_frame_pack_doubles(reader->packer, harm, count);
	for (size_t i = 0; i < count; i++) {
		sufferer[i].pid = ts_frame_int(cursor, ts_frame_unzigzag(pids[i]));
		sufferer[i].value = harm[i];
	}
	values = ts_frame_read_references(reader, cursor, sufferers_labels(reader, family, count),
					  reader->strings);
	if (cursor->why)
		return;
	delta->sufferer = sufferer;
	delta->sufferers = keep_known(reader, sufferer, count, family, values);
	delta->sufferers_capacity = count;
}
