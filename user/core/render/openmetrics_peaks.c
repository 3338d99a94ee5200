// SPDX-License-Identifier: GPL-2.0-only
/*
 * Peaks held for a while. Time is cut into parts; a peak remembers the largest value of each part
 * and forgets a part when the time to hold has passed since its end.
 */
#include "openmetrics_parts.h"

#include <string.h>

#include "../arena.h"

#define PARTS 6 /* the time to hold in so many parts, and the one that is being filled */

struct held {
	const char *label[TS_LABELS_MAX];
	__u64 hash;
	double largest[PARTS + 1];
	__u64 part[PARTS + 1]; /* number of the part largest[] is about, plus one; 0: none */
};

struct held_family {
	struct held *series;
	size_t count, capacity;
};

struct ts_openmetrics_peaks {
	struct ts_arena *own;
	struct ts_arena *lists; /* a new one each time: what is forgotten stays behind */
	double part_ns;
	struct held_family family[TS_FAMILY_COUNT];
};

struct ts_openmetrics_peaks *ts_openmetrics_peaks_new(double hold_seconds)
{
	struct ts_arena *own = ts_arena_new();
	struct ts_openmetrics_peaks *peaks = ts_arena_alloc(own, sizeof *peaks);

	peaks->own = own;
	peaks->lists = ts_arena_new();
	peaks->part_ns = hold_seconds * 1e9 / PARTS;
	return peaks;
}

void ts_openmetrics_peaks_free(struct ts_openmetrics_peaks *peaks)
{
	if (!peaks)
		return;
	ts_arena_free(peaks->lists);
	ts_arena_free(peaks->own);
}

static bool same_labels(const char *const *a, const char *const *b)
{
	for (size_t i = 0; i < TS_LABELS_MAX; i++)
		if (strcmp(a[i], b[i]))
			return false;
	return true;
}

static struct held *add(struct ts_arena *arena, struct held_family *family,
			const char *const *labels, __u64 hash)
{
	struct held *held;

	family->series = ts_arena_grow(arena, family->series, family->count, &family->capacity,
				       sizeof *family->series);
	held = &family->series[family->count++];
	*held = (struct held){.hash = hash};
	for (size_t i = 0; i < TS_LABELS_MAX; i++)
		held->label[i] = ts_arena_intern(arena, labels[i]);
	return held;
}

/* The series of a family come in about the same order each time: next is where to look first. */
static struct held *find_or_add(struct ts_arena *arena, struct held_family *family,
				const struct ts_series *series, size_t *next)
{
	__u64 hash = ts_series_hash(series);

	for (size_t n = 0; n < family->count; n++) {
		size_t i = (*next + n) % family->count;

		if (family->series[i].hash != hash ||
		    !same_labels(family->series[i].label, series->label))
			continue;
		*next = i + 1;
		return &family->series[i];
	}
	return add(arena, family, series->label, hash);
}

static void note(struct held *held, __u64 part, double value)
{
	size_t at = part % (PARTS + 1);

	if (held->part[at] != part + 1 || held->largest[at] < value)
		held->largest[at] = value;
	held->part[at] = part + 1;
}

/* The largest of the parts that still count; false when there is none. */
static bool largest(const struct held *held, __u64 part, double *value)
{
	bool any = false;

	for (size_t i = 0; i <= PARTS; i++) {
		if (!held->part[i] || held->part[i] - 1 + PARTS < part)
			continue;
		if (!any || held->largest[i] > *value)
			*value = held->largest[i];
		any = true;
	}
	return any;
}

/* What is still held of before, in another arena. */
static struct held_family survivors(struct ts_arena *arena, const struct held_family *before,
				    __u64 part)
{
	struct held_family after = {0};

	for (size_t i = 0; i < before->count; i++) {
		const struct held *old = &before->series[i];
		struct held *held;
		double value;

		if (!largest(old, part, &value))
			continue;
		held = add(arena, &after, old->label, old->hash);
		memcpy(held->largest, old->largest, sizeof held->largest);
		memcpy(held->part, old->part, sizeof held->part);
	}
	return after;
}

static struct held_family hold_family(struct ts_arena *arena, const struct held_family *before,
				      enum ts_family_id id, struct ts_snapshot *snapshot,
				      __u64 part)
{
	struct held_family after = survivors(arena, before, part);
	struct ts_family_data *data = &snapshot->family[id];
	size_t next = 0;

	for (size_t i = 0; i < data->count; i++)
		note(find_or_add(arena, &after, &data->series[i], &next), part,
		     data->series[i].gauge);
	/* In an array of its own: a copy of the snapshot may still use the old one. */
	data->series = NULL;
	data->count = data->capacity = 0;
	for (size_t i = 0; i < after.count; i++) {
		double value = 0;

		largest(&after.series[i], part, &value);
		ts_snapshot_gauge(snapshot, id, after.series[i].label, value);
	}
	return after;
}

/* A family that is not measured any more has no values, also no old ones. */
void ts_openmetrics_peaks_apply(struct ts_openmetrics_peaks *peaks, struct ts_snapshot *snapshot)
{
	__u64 part = (__u64)((double)snapshot->monotonic_ns / peaks->part_ns);
	struct ts_arena *arena = ts_arena_new();

	ts_for_each_family (id) {
		struct held_family *family = &peaks->family[id];

		if (ts_families[id].kind == TS_KIND_PEAK &&
		    ts_status_measured(snapshot->family[id].status))
			*family = hold_family(arena, family, id, snapshot, part);
		else
			*family = (struct held_family){0};
	}
	ts_arena_free(peaks->lists);
	peaks->lists = arena;
}
