// SPDX-License-Identifier: GPL-2.0-only
/* Frames put in order: sessions, boots, one axis of time, what is missing. */
#include "recording_index.h"

#include <stdlib.h>
#include <string.h>

#include "arena.h"

#define NS_PER_SECOND 1000000000LL
/* The clocks of one snapshot are read one after the other: a gap below it is none. */
#define SLACK_NS 1000000ULL

struct session {
	struct ts_frame_place *first, *end; /* of the list, in order of sequence */
	const char *boot_id;		    /* "" unknown: then the session is a boot of its own */
	__u64 boottime_ns;		    /* of its first window; 0 without one */
};

struct ordering {
	struct ts_recording *recording;
	struct ts_arena *arena; /* scratch */
	struct session *session;
	size_t sessions, capacity;
};

size_t ts_frame_place_length(const struct ts_frame_place *place)
{
	const struct ts_frame_header *header =
		place->group ? &place->group->header : &place->header;

	return TS_FRAME_HEADER + header->stored_length;
}

static int compare(__u64 a, __u64 b)
{
	return a < b ? -1 : a > b;
}

/* Which window (or context, or end) it is. */
static int by_identity(const struct ts_frame_place *a, const struct ts_frame_place *b)
{
	const struct ts_frame_header *x = &a->header, *y = &b->header;
	int order = compare(x->session, y->session);

	if (!order)
		order = compare(x->sequence, y->sequence);
	if (!order)
		order = compare(x->type, y->type);
	if (!order)
		order = compare(x->boottime_ns, y->boottime_ns);
	if (!order)
		order = compare(x->realtime_ns, y->realtime_ns);
	return order ? order : compare(x->duration_ns, y->duration_ns);
}

/* That, and then the bytes, so that what is there twice stands side by side. */
static int by_session(const void *left, const void *right)
{
	const struct ts_frame_place *a = left, *b = right;
	size_t length = ts_frame_place_length(a);
	int order = by_identity(a, b);

	if (!order)
		order = compare(a->group != NULL, b->group != NULL);
	if (!order)
		order = compare(length, ts_frame_place_length(b));
	return order ? order : memcmp(a->frame, b->frame, length);
}

static int by_time(const void *left, const void *right)
{
	const struct ts_frame_place *a = left, *b = right;
	int order = compare(a->end_ns, b->end_ns);

	if (!order)
		order = compare(a->header.session, b->header.session);
	return order ? order : compare(a->header.sequence, b->header.sequence);
}

static int by_number(const void *left, const void *right)
{
	const struct ts_frame_place *a = left, *b = right;
	int order = compare(a->header.context, b->header.context);

	return order ? order : by_session(left, right);
}

static int by_boot(const void *left, const void *right)
{
	const struct session *a = left, *b = right;
	int order = strcmp(a->boot_id, b->boot_id);

	if (!order)
		order = compare(a->boottime_ns, b->boottime_ns);
	return order ? order : compare(a->first->header.session, b->first->header.session);
}

static void drop_duplicates(struct ts_recording *recording, struct ts_frame_list *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct ts_frame_place *place = &list->place[i];
		const struct ts_frame_place *before = &list->place[kept ? kept - 1 : 0];

		if (kept && !by_session(before, place))
			recording->duplicates += !place->member;
		else if (!kept || !place->group || by_identity(before, place))
			list->place[kept++] = *place;
	}
	list->count = kept;
}

static bool is_window(const struct ts_frame_place *place)
{
	return place->header.type == TS_FRAME_WINDOW;
}

static void copy_places(struct ts_recording *recording, const struct ts_frame_list *list,
			enum ts_frame_type type, struct ts_frame_place **copy, size_t *count,
			size_t *capacity)
{
	size_t wanted = 0;

	for (size_t i = 0; i < list->count; i++)
		wanted += list->place[i].header.type == type;
	*copy = ts_arena_alloc(recording->arena, wanted * sizeof **copy);
	*capacity = wanted;
	for (size_t i = 0; i < list->count; i++)
		if (list->place[i].header.type == type)
			(*copy)[(*count)++] = list->place[i];
}

/* The host's boot that a session belongs to stands in its context. */
static const char *find_boot_id(struct ordering *o, const struct session *session)
{
	struct ts_window window = {.delta = ts_snapshot_new()};
	const char *boot_id = "";

	for (const struct ts_frame_place *p = session->first; p < session->end; p++) {
		if (!is_window(p))
			continue;
		if (ts_recording_context(o->recording, p, &window))
			boot_id = ts_arena_intern(o->arena, window.delta->host.boot_id);
		break;
	}
	ts_window_free(&window);
	return boot_id;
}

static void find_sessions(struct ordering *o, struct ts_frame_list *list)
{
	struct ts_recording *recording = o->recording;
	struct ts_frame_place *end = list->place + list->count, *next;

	for (struct ts_frame_place *first = list->place; first < end; first = next) {
		struct session session = {.first = first, .boot_id = ""};
		bool ended = false;

		for (next = first; next < end && next->header.session == first->header.session;
		     next++) {
			ended = ended || next->header.type == TS_FRAME_END;
			if (is_window(next) && !session.boottime_ns)
				session.boottime_ns = next->header.boottime_ns;
		}
		session.end = next;
		o->session = ts_arena_grow(o->arena, o->session, o->sessions, &o->capacity,
					   sizeof *o->session);
		o->session[o->sessions++] = session;
		recording->open_sessions += !ended;
	}
	recording->sessions = o->sessions;
	for (size_t i = 0; o->sessions > 1 && i < o->sessions; i++)
		o->session[i].boot_id = find_boot_id(o, &o->session[i]);
}

static __s64 clock_difference(const struct ts_frame_place *place)
{
	return (__s64)(place->header.realtime_ns - place->header.boottime_ns);
}

/* Wall clock against boot time through the sessions of one boot; returns how it stood last. */
static __s64 follow_clock(struct ordering *o, const struct session *first,
			  const struct session *end)
{
	const struct ts_frame_place *latest = NULL;
	__s64 last = 0;
	bool known = false;

	for (const struct session *s = first; s < end; s++)
		for (const struct ts_frame_place *p = s->first; p < s->end; p++) {
			__s64 difference = clock_difference(p);
			__s64 step;

			if (!is_window(p))
				continue;
			if (known && !__builtin_sub_overflow(difference, last, &step) &&
			    (step > NS_PER_SECOND || step < -NS_PER_SECOND))
				o->recording->clock_steps++;
			known = true;
			last = difference;
			if (!latest || p->header.boottime_ns >= latest->header.boottime_ns)
				latest = p;
		}
	return latest ? clock_difference(latest) : 0;
}

static __u64 not_below_zero(__u64 a, __u64 b)
{
	return a > b ? a - b : 0;
}

/* How the numbers of two frames of a session that follow each other differ. */
static __u64 lost_between(const struct ts_frame_place *a, const struct ts_frame_place *b)
{
	__u64 step = (__u64)b->header.sequence - a->header.sequence;

	return step > 1 ? step - 1 : 0;
}

/* Places the frames of a session on the axis, and counts what is missing between them. */
static void place_session(struct ordering *o, const struct session *session, __s64 difference)
{
	const struct ts_frame_place *before = NULL; /* the window frame before */
	__u64 lost = 0;				    /* frames since that one */

	for (struct ts_frame_place *p = session->first; p < session->end; p++) {
		const struct ts_frame_header *h = &p->header;

		if (p > session->first) {
			__u64 here = lost_between(p - 1, p);

			o->recording->missing_frames += here;
			lost += here;
		}
		if (!is_window(p))
			continue;
		p->end_ns = h->boottime_ns + (__u64)difference;
		p->start_ns = not_below_zero(p->end_ns, h->duration_ns);
		if (before && before->end_ns < p->end_ns &&
		    (!lost || p->start_ns <= before->end_ns + SLACK_NS))
			p->start_ns = before->end_ns;
		else if (before && before->end_ns < p->start_ns)
			o->recording->missing_seconds +=
				(double)(p->start_ns - before->end_ns) / NS_PER_SECOND;
		before = p;
		lost = 0;
	}
}

static void place_boots(struct ordering *o)
{
	size_t end;

	qsort(o->session, o->sessions, sizeof *o->session, by_boot);
	for (size_t i = 0; i < o->sessions; i = end) {
		__s64 difference;

		for (end = i + 1; end < o->sessions && *o->session[i].boot_id &&
				  !strcmp(o->session[end].boot_id, o->session[i].boot_id);)
			end++;
		difference = follow_clock(o, &o->session[i], &o->session[end]);
		for (size_t k = i; k < end; k++)
			place_session(o, &o->session[k], difference);
	}
}

void ts_recording_order(struct ts_recording *recording, struct ts_frame_list *list)
{
	struct ordering o = {.recording = recording};

	if (!list->count)
		return;
	o.arena = ts_arena_new();
	qsort(list->place, list->count, sizeof *list->place, by_session);
	drop_duplicates(recording, list);
	copy_places(recording, list, TS_FRAME_CONTEXT, &recording->context, &recording->contexts,
		    &recording->contexts_capacity);
	if (recording->contexts)
		qsort(recording->context, recording->contexts, sizeof *recording->context,
		      by_number);
	find_sessions(&o, list);
	place_boots(&o);
	copy_places(recording, list, TS_FRAME_WINDOW, &recording->window, &recording->windows,
		    &recording->windows_capacity);
	if (recording->windows)
		qsort(recording->window, recording->windows, sizeof *recording->window, by_time);
	ts_arena_free(o.arena);
}
