// SPDX-License-Identifier: GPL-2.0-only
#include "recording.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "frame_group.h"
#include "recording_index.h"

/* Equal contexts are repeated: when several in a row cannot be decoded, the rest are no better. */
#define CONTEXTS_TRIED 4

struct ts_recording *ts_recording_new(const struct ts_segment *segments, size_t count)
{
	struct ts_arena *arena = ts_arena_new();
	struct ts_recording *recording = ts_arena_alloc(arena, sizeof *recording);
	struct ts_segment *own = ts_arena_alloc(arena, count * sizeof *own);
	struct ts_frame_list list = {0};

	recording->arena = arena;
	for (size_t i = 0; i < count; i++) {
		own[i] = segments[i];
		own[i].name = ts_arena_intern(arena, segments[i].name);
		ts_recording_scan(recording, &own[i], &list);
	}
	ts_recording_order(recording, &list);
	free(list.place);
	return recording;
}

void ts_recording_free(struct ts_recording *recording)
{
	if (!recording)
		return;
	ts_group_reader_free(recording->reader);
	ts_arena_free(recording->arena);
}

__u64 ts_recording_start(const struct ts_recording *recording)
{
	__u64 start = recording->windows ? recording->window[0].start_ns : 0;

	for (size_t i = 1; i < recording->windows; i++)
		if (recording->window[i].start_ns < start)
			start = recording->window[i].start_ns;
	return start;
}

__u64 ts_recording_end(const struct ts_recording *recording)
{
	return recording->windows ? recording->window[recording->windows - 1].end_ns : 0;
}

static void release(const struct ts_frame_place *place)
{
	if (place->segment->release)
		place->segment->release(place->frame, ts_frame_place_length(place));
}

/* The frame was valid when it was found, and is of no use all the same. */
static void give_up(struct ts_recording *recording, struct ts_frame_place *place, const char *why)
{
	place->damaged = true;
	ts_recording_damage(recording, place->segment,
			    (size_t)(place->frame - place->segment->data),
			    ts_frame_place_length(place), ts_arena_intern(recording->arena, why));
}

static void note_unknown(struct ts_recording *recording, const struct ts_frame_unknown *unknown)
{
	if (unknown->families > recording->unknown.families)
		recording->unknown.families = unknown->families;
	if (unknown->settings > recording->unknown.settings)
		recording->unknown.settings = unknown->settings;
}

/* Bytes in a file may have changed since they were indexed. */
static const char *changed(const struct ts_frame_place *place)
{
	return ts_frame_payload_valid(&place->header, place->frame, ts_frame_place_length(place))
		       ? NULL
		       : "changed while being read";
}

/* The first context of that number, of the frame's own session where it has one. */
static size_t find_context(const struct ts_recording *recording, const struct ts_frame_header *h,
			   bool own_session)
{
	size_t low = 0, high = recording->contexts;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct ts_frame_header *m = &recording->context[middle].header;

		if (m->context < h->context ||
		    (m->context == h->context && own_session && m->session < h->session))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool decode_context(struct ts_recording *recording, struct ts_frame_place *context,
			   struct ts_window *window)
{
	struct ts_frame_unknown unknown = {0};
	const char *why = changed(context);
	int error = 0;

	if (context->damaged)
		return false;
	if (!why)
		error = ts_frame_read_context(&context->header, context->frame, window, &unknown,
					      &why);
	if (error || why) {
		give_up(recording, context, why ? why : "cannot be decoded");
		return false;
	}
	note_unknown(recording, &unknown);
	release(context);
	return true;
}

bool ts_recording_context(struct ts_recording *recording, const struct ts_frame_place *place,
			  struct ts_window *window)
{
	const struct ts_frame_header *h = &place->header;

	for (int own_session = 1; own_session >= 0; own_session--) {
		size_t first = find_context(recording, h, own_session);

		for (size_t i = first; i < recording->contexts && i < first + CONTEXTS_TRIED; i++) {
			struct ts_frame_place *context = &recording->context[i];

			if (context->header.context != h->context)
				break;
			if (decode_context(recording, context, window))
				return true;
		}
	}
	return false;
}

/* Without its context a window says of every setting that it is not known, and why. */
static void context_is_lost(struct ts_window *window)
{
	static const char why[] = "the part of the recording that holds the settings is damaged";
	struct ts_snapshot *delta = window->delta;

	for (int id = 0; id < TS_SETTING_COUNT; id++) {
		if (ts_settings[id].scope != TS_SCOPE_NETNS) {
			ts_snapshot_setting(delta, id, "", TS_STATUS_FAILED, "", "", why);
			continue;
		}
		for (size_t i = 0; i < delta->netns_count; i++)
			ts_snapshot_setting(delta, id, delta->netns[i].inode, TS_STATUS_FAILED, "",
					    "", why);
	}
}

/* The next window of the group that was read last; or from the beginning of another one. */
static int open_group(struct ts_recording *recording, const struct ts_frame_place *place,
		      const char **why)
{
	const struct ts_group_place *group = place->group;

	if (recording->reader_of == group && recording->reader_at <= place->member)
		return 0;
	ts_group_reader_free(recording->reader);
	recording->reader_of = NULL;
	recording->reader = NULL;
	*why = ts_frame_payload_valid(&group->header, group->frame, ts_frame_place_length(place))
		       ? NULL
		       : "changed while being read";
	if (!*why)
		recording->reader = ts_group_reader_new(&group->header, group->frame, why);
	if (!recording->reader)
		return -EPROTO;
	recording->reader_of = group;
	recording->reader_at = 0;
	return 0;
}

static int decode_member(struct ts_recording *recording, const struct ts_frame_place *place,
			 struct ts_window *window, struct ts_frame_unknown *unknown,
			 const char **why)
{
	int error = open_group(recording, place, why);

	/* Those before it were asked for earlier, or are not wanted. */
	while (!error && recording->reader_at < place->member) {
		error = ts_group_read_window(recording->reader, &place->header, window, NULL, why);
		recording->reader_at++;
		ts_window_free(window);
	}
	if (error)
		return error;
	recording->reader_at++;
	return ts_group_read_window(recording->reader, &place->header, window, unknown, why);
}

static int decode_group(struct ts_recording *recording, struct ts_frame_place *place,
			struct ts_window *window, struct ts_frame_unknown *unknown)
{
	const char *why;

	if (!decode_member(recording, place, window, unknown, &why))
		return 0;
	if (place->group->damaged)
		place->damaged = true;
	else
		give_up(recording, place, why ? why : "cannot be decoded");
	place->group->damaged = true;
	return -EPROTO;
}

static int decode_single(struct ts_recording *recording, struct ts_frame_place *place,
			 struct ts_window *window, struct ts_frame_unknown *unknown)
{
	const char *why = changed(place);

	if (!why && !ts_frame_read_window(&place->header, place->frame, window, unknown, &why))
		return 0;
	give_up(recording, place, why ? why : "cannot be decoded");
	return -EPROTO;
}

static int decode_window(struct ts_recording *recording, struct ts_frame_place *place,
			 struct ts_window *window)
{
	struct ts_frame_unknown unknown = {0};
	int error;

	*window = (struct ts_window){0};
	if (place->damaged)
		return -EPROTO;
	error = place->group ? decode_group(recording, place, window, &unknown)
			     : decode_single(recording, place, window, &unknown);
	if (error)
		return error;
	note_unknown(recording, &unknown);
	window->start_realtime_ns = place->start_ns;
	window->delta->realtime_ns = place->end_ns;
	return 0;
}

static void add_context(struct ts_recording *recording, const struct ts_frame_place *place,
			struct ts_window *window)
{
	if (!ts_recording_context(recording, place, window))
		context_is_lost(window);
}

/* Settings are another context's where they are others than those of the window before. */
static void note_changes(struct ts_recording *recording, size_t i, struct ts_window *window)
{
	const struct ts_frame_place *place = &recording->window[i], *last = i ? place - 1 : place;
	struct ts_window before = {0};

	if (last->header.session != place->header.session ||
	    last->header.context == place->header.context)
		return;
	before.delta = ts_snapshot_new();
	if (ts_recording_context(recording, last, &before))
		ts_window_note_changes(window->delta, before.delta->setting,
				       before.delta->settings);
	ts_window_free(&before);
}

int ts_recording_window(struct ts_recording *recording, size_t i, struct ts_window *window)
{
	struct ts_frame_place *place = &recording->window[i];
	int error = decode_window(recording, place, window);

	if (!error) {
		add_context(recording, place, window);
		note_changes(recording, i, window);
	}
	release(place);
	return error;
}

bool ts_frame_within(const struct ts_frame_place *place, __u64 from_ns, __u64 to_ns)
{
	__u64 middle = place->start_ns + (place->end_ns - place->start_ns) / 2;

	return middle >= from_ns && middle <= to_ns;
}

int ts_recording_add(struct ts_recording *recording, size_t i, struct ts_window *into)
{
	const struct ts_frame_place *place = &recording->window[i];
	__u64 start = place->start_ns, covered;
	struct ts_window window;
	double missing = 0;
	int error;

	error = ts_recording_window(recording, i, &window);
	if (error)
		return error;
	if (into->delta) {
		covered = into->delta->realtime_ns;
		if (place->start_ns > covered)
			missing = (double)(place->start_ns - covered) / 1e9;
		if (into->start_realtime_ns < start)
			start = into->start_realtime_ns;
	}
	missing += into->missing_seconds + window.missing_seconds;
	ts_window_add(into, &window);
	ts_window_free(&window);
	into->missing_seconds = missing;
	into->start_realtime_ns = start;
	into->delta->realtime_ns = place->end_ns;
	return 0;
}

size_t ts_recording_slice(struct ts_recording *recording, __u64 from_ns, __u64 to_ns,
			  struct ts_window *slice)
{
	size_t frames = 0;

	*slice = (struct ts_window){0};
	for (size_t i = 0; i < recording->windows; i++)
		if (ts_frame_within(&recording->window[i], from_ns, to_ns))
			frames += !ts_recording_add(recording, i, slice);
	return frames;
}
