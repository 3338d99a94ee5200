// SPDX-License-Identifier: GPL-2.0-only
/* A bound on the series of each family: who came first stays in. */
#include "openmetrics_parts.h"

#include <stdlib.h>
#include <string.h>

#include "../arena.h"

#define OTHER "other" /* label of the series that took what found no slot */

struct admitted {
	__u64 *hash; /* sorted, of the series that are in */
	size_t count;
};

struct ts_openmetrics_limit {
	size_t label_sets;
	struct ts_arena *own;
	struct ts_arena *lists; /* a new one each time */
	struct admitted family[TS_FAMILY_COUNT];
	size_t left_out[TS_FAMILY_COUNT];
	size_t settings_left_out, netns_left_out;
};

struct ts_openmetrics_limit *ts_openmetrics_limit_new(size_t label_sets)
{
	struct ts_arena *own = ts_arena_new();
	struct ts_openmetrics_limit *limit = ts_arena_alloc(own, sizeof *limit);

	limit->own = own;
	limit->lists = ts_arena_new();
	limit->label_sets = label_sets;
	return limit;
}

void ts_openmetrics_limit_free(struct ts_openmetrics_limit *limit)
{
	if (!limit)
		return;
	ts_arena_free(limit->lists);
	ts_arena_free(limit->own);
}

__u64 ts_series_hash(const struct ts_series *series)
{
	__u64 hash = 0xcbf29ce484222325; /* FNV-1a */

	for (size_t i = 0; i < TS_LABELS_MAX; i++)
		for (const char *c = series->label[i];; c++) {
			hash = (hash ^ (unsigned char)*c) * 0x100000001b3;
			if (!*c)
				break;
		}
	return hash;
}

static int compare(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

static bool was_admitted(const struct admitted *before, __u64 hash)
{
	return before->count &&
	       bsearch(&hash, before->hash, before->count, sizeof hash, compare) != NULL;
}

/* In an array of its own: a copy of the snapshot may still use the old one. */
static void leave_out(struct ts_arena *arena, struct ts_family_data *data, const bool *in)
{
	struct ts_series *series = ts_arena_alloc(arena, data->count * sizeof *series);
	size_t kept = 0;

	for (size_t i = 0; i < data->count; i++)
		if (in[i])
			series[kept++] = data->series[i];
	data->series = series;
	data->count = data->capacity = kept;
}

/* What is in already takes its place first, the rest goes to newcomers in the order they stand. */
static void limit_family(struct ts_openmetrics_limit *limit, struct ts_arena *arena, int id,
			 struct ts_snapshot *snapshot)
{
	struct ts_family_data *data = &snapshot->family[id];
	struct admitted after = {.hash = ts_arena_alloc(arena, data->count * sizeof(__u64) + 1)};
	bool *in = ts_arena_alloc(arena, data->count + 1);
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < data->count; i++) {
			__u64 hash = ts_series_hash(&data->series[i]);
			bool first = was_admitted(&limit->family[id], hash) ||
				     !strcmp(data->series[i].label[0], OTHER);

			if (in[i] || (!pass && !first) || after.count >= limit->label_sets)
				continue;
			in[i] = true;
			after.hash[after.count++] = hash;
		}
	limit->left_out[id] = data->count - after.count;
	if (limit->left_out[id])
		leave_out(snapshot->arena, data, in);
	if (after.count)
		qsort(after.hash, after.count, sizeof *after.hash, compare);
	limit->family[id] = after;
}

static size_t limit_count(size_t *count, size_t most)
{
	size_t beyond = *count > most ? *count - most : 0;

	*count -= beyond;
	return beyond;
}

void ts_openmetrics_limit_apply(struct ts_openmetrics_limit *limit, struct ts_snapshot *snapshot)
{
	struct ts_arena *arena = ts_arena_new();

	ts_for_each_family (id)
		limit_family(limit, arena, id, snapshot);
	limit->settings_left_out = limit_count(&snapshot->settings, limit->label_sets);
	limit->netns_left_out = limit_count(&snapshot->netns_count, limit->label_sets);
	ts_arena_free(limit->lists);
	limit->lists = arena;
}

size_t ts_openmetrics_left_out(const struct ts_openmetrics_limit *limit, enum ts_family_id id)
{
	return limit->left_out[id];
}

size_t ts_openmetrics_facts_left_out(const struct ts_openmetrics_limit *limit)
{
	return limit->settings_left_out + limit->netns_left_out;
}
