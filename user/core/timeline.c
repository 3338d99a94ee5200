// SPDX-License-Identifier: GPL-2.0-only
#include "timeline_build.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "profile.h"

/* Interruptions shorter than this share of a column do not end it. */
#define COLUMN_SHARE 0.25
/* Of a short window that could not become full, less than this share says too little. */
#define JUDGED_SHARE 0.5

static void stretch_clear(struct ts_stretch *stretch)
{
	if (stretch->frames)
		ts_window_free(&stretch->window);
	*stretch = (struct ts_stretch){0};
}

static void stretch_add(struct ts_stretch *stretch, __u64 start_ns, __u64 end_ns, size_t frames,
			const struct ts_window *window)
{
	if (!stretch->frames)
		stretch->start_ns = start_ns;
	stretch->end_ns = end_ns;
	stretch->frames += frames;
	ts_window_add(&stretch->window, window);
}

/* --- tracks */

static __u32 track_hash(enum ts_family_id family, const char *const *label)
{
	__u32 hash = 2166136261u ^ (__u32)family; /* FNV-1a */

	for (size_t i = 0; i < ts_families[family].labels; i++) {
		for (const char *c = label[i]; *c; c++)
			hash = (hash ^ (unsigned char)*c) * 16777619u;
		hash = (hash ^ 0xff) * 16777619u;
	}
	return hash % TS_TRACK_BUCKETS;
}

static bool track_is(const struct ts_track *track, enum ts_family_id family,
		     const char *const *label)
{
	if (track->family != family)
		return false;
	for (size_t i = 0; i < ts_families[family].labels; i++)
		if (strcmp(track->label[i], label[i]))
			return false;
	return true;
}

static struct ts_track *track_of(struct ts_timeline_builder *builder, enum ts_family_id family,
				 const char *const *label)
{
	struct ts_timeline *timeline = builder->timeline;
	struct ts_track **bucket = &builder->hash[track_hash(family, label)], *track;

	for (track = *bucket; track; track = track->hash_next)
		if (track_is(track, family, label))
			return track;
	track = ts_arena_alloc(timeline->arena, sizeof *track);
	track->family = family;
	track->first = timeline->columns;
	for (size_t i = 0; i < TS_LABELS_MAX; i++)
		track->label[i] = ts_arena_intern(timeline->arena, label[i]);
	track->hash_next = *bucket;
	*bucket = track;
	if (builder->last[family])
		builder->last[family]->next = track;
	else
		timeline->track[family] = track;
	builder->last[family] = track;
	timeline->tracks[family]++;
	return track;
}

static bool is_histogram(const struct ts_track *track)
{
	return ts_families[track->family].kind == TS_KIND_HISTOGRAM;
}

/* Place for this column; the columns since the last one in which it was there are empty. */
static void track_reach(struct ts_timeline *timeline, struct ts_track *track)
{
	while (track->first + track->columns <= timeline->columns) {
		if (is_histogram(track)) {
			track->cell = ts_arena_grow(timeline->arena, track->cell, track->columns,
						    &track->capacity, sizeof *track->cell);
			track->cell[track->columns++] = NULL;
		} else {
			track->value = ts_arena_grow(timeline->arena, track->value, track->columns,
						     &track->capacity, sizeof *track->value);
			track->value[track->columns++] = NAN;
		}
	}
}

double ts_track_value(const struct ts_track *track, size_t column)
{
	return column < track->first || column - track->first >= track->columns
		       ? NAN
		       : track->value[column - track->first];
}

const struct ts_cell *ts_track_cell(const struct ts_track *track, size_t column)
{
	return column < track->first || column - track->first >= track->columns
		       ? NULL
		       : track->cell[column - track->first];
}

/* The column's window is freed soon: it may be used as scratch memory. */
static struct ts_cell *make_cell(struct ts_arena *arena, struct ts_arena *scratch,
				 const struct ts_histogram *histogram)
{
	unsigned int scale =
		histogram->scale < TS_TIMELINE_SCALE ? histogram->scale : TS_TIMELINE_SCALE;
	struct ts_histogram *coarse = ts_histogram_new(scratch, scale, histogram->unit);
	unsigned int first = 0, end = TS_HISTOGRAM_SLOTS(scale);
	struct ts_cell *cell;

	ts_histogram_merge(coarse, histogram);
	while (first < end && !coarse->slot[first])
		first++;
	while (end > first && !coarse->slot[end - 1])
		end--;
	cell = ts_arena_alloc(arena, sizeof *cell + (end - first) * sizeof *cell->slot);
	cell->count = histogram->count;
	cell->p50 = ts_histogram_quantile(histogram, 0.5);
	cell->p95 = ts_histogram_quantile(histogram, 0.95);
	cell->p99 = ts_histogram_quantile(histogram, 0.99);
	cell->max = ts_histogram_max(histogram);
	cell->first = first;
	cell->slots = end - first;
	memcpy(cell->slot, coarse->slot + first, (end - first) * sizeof *cell->slot);
	return cell;
}

static void take_histogram(struct ts_timeline_builder *builder, struct ts_track *track,
			   const struct ts_histogram *histogram)
{
	struct ts_arena *arena = builder->timeline->arena;

	track->cell[track->columns - 1] =
		make_cell(arena, builder->column.window.delta->arena, histogram);
	if (!track->all)
		track->all = ts_histogram_new(arena, histogram->scale, histogram->unit);
	/* A layout that was coarser for a while: the total can be no finer. */
	if (track->all->scale > histogram->scale) {
		struct ts_histogram *finer = track->all;

		track->all = ts_histogram_new(arena, histogram->scale, histogram->unit);
		ts_histogram_merge(track->all, finer);
	}
	ts_histogram_merge(track->all, histogram);
}

static void take_series(struct ts_timeline_builder *builder, enum ts_family_id family,
			const struct ts_series *series)
{
	struct ts_track *track = track_of(builder, family, series->label);
	double base = ts_families[family].unit == TS_UNIT_SECONDS ? 1e-9 : 1;

	track_reach(builder->timeline, track);
	switch (ts_families[family].kind) {
	case TS_KIND_COUNTER:
		track->total += (double)series->counter * base;
		track->value[track->columns - 1] =
			(double)series->counter * base / builder->column.window.seconds;
		break;
	case TS_KIND_GAUGE:
	case TS_KIND_PEAK: track->value[track->columns - 1] = series->gauge; break;
	case TS_KIND_HISTOGRAM: take_histogram(builder, track, series->histogram); break;
	}
}

static struct ts_program_track *program_of(struct ts_timeline *timeline,
					   const struct ts_probe_cost *probe)
{
	struct ts_program_track *program;

	for (size_t i = 0; i < timeline->programs; i++)
		if (!strcmp(timeline->program[i].probe.name, probe->name))
			return &timeline->program[i];
	timeline->program = ts_arena_grow(timeline->arena, timeline->program, timeline->programs,
					  &timeline->programs_capacity, sizeof *timeline->program);
	program = &timeline->program[timeline->programs++];
	*program = (struct ts_program_track){0};
	return program;
}

static void take_programs(struct ts_timeline *timeline, const struct ts_cost *cost)
{
	for (size_t i = 0; i < cost->probes; i++) {
		const struct ts_probe_cost *probe = &cost->probe[i];
		struct ts_program_track *program = program_of(timeline, probe);
		struct ts_probe_cost total = *probe;

		total.run_count += program->probe.run_count;
		total.run_ns += program->probe.run_ns;
		total.name = ts_arena_intern(timeline->arena, probe->name);
		total.source = ts_arena_intern(timeline->arena, probe->source);
		total.hook = ts_arena_intern(timeline->arena, probe->hook);
		total.why = ts_arena_intern(timeline->arena, probe->why);
		program->probe = total;
		while (program->columns <= timeline->columns) {
			program->run_ns =
				ts_arena_grow(timeline->arena, program->run_ns, program->columns,
					      &program->capacity, sizeof *program->run_ns);
			program->run_ns[program->columns++] = NAN;
		}
		if (probe->run_count)
			program->run_ns[timeline->columns] =
				(double)probe->run_ns / (double)probe->run_count;
	}
}

/* --- columns */

bool ts_timeline_measured(const struct ts_timeline *timeline, size_t column,
			  enum ts_family_id family)
{
	return ts_status_measured(timeline->column[column].status[family]);
}

static void end_judged(struct ts_timeline_builder *builder)
{
	if (!builder->judged.frames)
		return;
	if (builder->judged.window.seconds >= builder->timeline->judge_seconds * JUDGED_SHARE)
		ts_timeline_judge(builder, &builder->judged);
	stretch_clear(&builder->judged);
}

static void end_column(struct ts_timeline_builder *builder)
{
	struct ts_timeline *timeline = builder->timeline;
	struct ts_stretch *stretch = &builder->column;
	const struct ts_snapshot *delta = stretch->window.delta;
	struct ts_column *column;

	if (!stretch->frames)
		return;
	timeline->column = ts_arena_grow(timeline->arena, timeline->column, timeline->columns,
					 &timeline->columns_capacity, sizeof *timeline->column);
	column = &timeline->column[timeline->columns];
	*column = (struct ts_column){
		.start_ns = stretch->start_ns,
		.end_ns = stretch->end_ns,
		.seconds = stretch->window.seconds,
		.frames = stretch->frames,
		.cpu_share = (double)delta->cost.user_cpu_ns / 1e9 / stretch->window.seconds,
		.rss_bytes = delta->cost.rss_bytes,
		.map_bytes = delta->cost.map_bytes,
		.lost_events = delta->cost.lost_events,
	};
	column->missing_seconds = fmax(
		(double)(stretch->end_ns - stretch->start_ns) / 1e9 - stretch->window.seconds, 0);
	ts_for_each_family (id) {
		const struct ts_family_data *data = &delta->family[id];

		column->status[id] = (__u8)data->status;
		timeline->overflowed[id] += data->overflowed;
		for (size_t i = 0; i < data->count; i++)
			take_series(builder, id, &data->series[i]);
	}
	take_programs(timeline, &delta->cost);
	stretch_add(&builder->whole, stretch->start_ns, stretch->end_ns, stretch->frames,
		    &stretch->window);
	timeline->columns++;
	stretch_clear(stretch);
}

/* What was measured before and is not now, or the other way round: rates need it apart. */
static bool coverage_changed(const struct ts_timeline_builder *builder,
			     const struct ts_window *window)
{
	ts_for_each_family (id)
		if (ts_status_measured(ts_window_status(window, id)) != builder->measured[id])
			return true;
	return false;
}

/* Whether the column being filled ends before this frame. */
static bool column_ends(const struct ts_timeline_builder *builder,
			const struct ts_frame_place *place, const struct ts_window *window)
{
	const struct ts_stretch *column = &builder->column;
	double filled = (double)(column->end_ns - column->start_ns) / 1e9;
	double with = ((double)place->end_ns - (double)column->start_ns) / 1e9;
	double gap = ((double)place->start_ns - (double)builder->end_ns) / 1e9;

	if (!column->frames)
		return false;
	/* Nearer to the length aimed at without this frame than with it. */
	if (with - builder->column_seconds > builder->column_seconds - filled)
		return true;
	if (gap > builder->column_seconds * COLUMN_SHARE)
		return true;
	return filled >= builder->column_seconds * COLUMN_SHARE &&
	       coverage_changed(builder, window);
}

static void judge_frame(struct ts_timeline_builder *builder, const struct ts_frame_place *place,
			const struct ts_window *window)
{
	double gap = ((double)place->start_ns - (double)builder->end_ns) / 1e9;
	double wanted = builder->timeline->judge_seconds * 0.99;

	if (builder->judged.frames && gap > builder->timeline->judge_seconds)
		end_judged(builder);
	if (!builder->judged.frames && window->seconds >= wanted) {
		struct ts_stretch alone = {*window, place->start_ns, place->end_ns, 1};

		ts_timeline_judge(builder, &alone);
		return;
	}
	stretch_add(&builder->judged, place->start_ns, place->end_ns, 1, window);
	if (builder->judged.window.seconds >= wanted)
		end_judged(builder);
}

static void take_host(struct ts_timeline *timeline, const struct ts_window *window)
{
	const struct ts_host *host = &window->delta->host;
	struct ts_arena *arena = timeline->arena;

	if (!host->hostname || !*host->hostname)
		return;
	timeline->host = ts_host_copy(arena, host);
}

struct ts_timeline_builder *ts_timeline_start(__u64 start_ns, __u64 end_ns,
					      const struct ts_profile *profile)
{
	struct ts_arena *arena = ts_arena_new();
	struct ts_timeline *timeline = ts_arena_alloc(arena, sizeof *timeline);
	struct ts_timeline_builder *builder = ts_arena_alloc(arena, sizeof *builder);
	double seconds = end_ns > start_ns ? (double)(end_ns - start_ns) / 1e9 : 0;

	timeline->arena = arena;
	timeline->profile = ts_arena_intern(arena, profile->name);
	timeline->judge_seconds = fmax(TS_TIMELINE_JUDGE_SECONDS, seconds / TS_TIMELINE_JUDGED);
	builder->timeline = timeline;
	builder->profile = profile;
	builder->column_seconds = seconds / TS_TIMELINE_COLUMNS;
	builder->boot_id = "";
	return builder;
}

void ts_timeline_add(struct ts_timeline_builder *builder, const struct ts_frame_place *place,
		     const struct ts_window *window)
{
	struct ts_timeline *timeline = builder->timeline;

	if (!(window->seconds > 0))
		return;
	if (!builder->begun)
		timeline->start_ns = place->start_ns;
	timeline->end_ns = place->end_ns;
	ts_timeline_mark_frame(builder, place, window);
	if (!builder->begun || builder->header.context != place->header.context ||
	    builder->header.session != place->header.session) {
		if (ts_timeline_take_settings(builder, place->start_ns, window))
			end_judged(builder);
		take_host(timeline, window);
	}
	ts_timeline_take_netns(timeline, window);
	if (column_ends(builder, place, window))
		end_column(builder);
	ts_timeline_take_outages(builder, place, window);
	stretch_add(&builder->column, place->start_ns, place->end_ns, 1, window);
	judge_frame(builder, place, window);

	timeline->seconds += window->seconds;
	timeline->frames++;
	ts_for_each_family (id)
		builder->measured[id] = ts_status_measured(ts_window_status(window, id));
	builder->header = place->header;
	builder->end_ns = place->end_ns;
	builder->begun = true;
}

struct ts_timeline *ts_timeline_finish(struct ts_timeline_builder *builder)
{
	struct ts_timeline *timeline = builder->timeline;

	end_judged(builder);
	end_column(builder);
	/* A frame that is longer is judged alone. */
	if (timeline->frames)
		timeline->judge_seconds =
			fmax(timeline->judge_seconds, timeline->seconds / (double)timeline->frames);
	ts_timeline_judge_whole(builder);
	stretch_clear(&builder->whole);
	return timeline;
}

void ts_timeline_free(struct ts_timeline *timeline)
{
	if (timeline)
		ts_arena_free(timeline->arena);
}

struct ts_timeline *ts_timeline_make(struct ts_recording *recording, __u64 from_ns, __u64 to_ns,
				     const struct ts_profile *profile)
{
	struct ts_timeline_builder *builder;
	__u64 start_ns = 0, end_ns = 0;
	size_t first = 0, end;

	for (; first < recording->windows; first++)
		if (recording->window[first].start_ns / 2 + recording->window[first].end_ns / 2 >=
		    from_ns)
			break;
	for (end = first; end < recording->windows; end++)
		if (recording->window[end].start_ns / 2 + recording->window[end].end_ns / 2 > to_ns)
			break;
	if (first < end) {
		start_ns = recording->window[first].start_ns;
		end_ns = recording->window[end - 1].end_ns;
	}
	builder = ts_timeline_start(start_ns, end_ns, profile);
	for (size_t i = first; i < end; i++) {
		struct ts_window window = {0};

		if (ts_recording_window(recording, i, &window))
			continue;
		ts_timeline_add(builder, &recording->window[i], &window);
		ts_window_free(&window);
	}
	return ts_timeline_finish(builder);
}
