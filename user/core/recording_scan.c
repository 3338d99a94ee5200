// SPDX-License-Identifier: GPL-2.0-only
/* Finding frames in bytes, some of which may be damaged, or made to do damage. */
#include "recording_index.h"

#include <errno.h>
#include <string.h>

#include "arena.h"
#include "frame_group.h"

static const unsigned char magic[4] = {0x89, 'T', 'S', 'F'};

/* Pages are given back in pieces of this size. */
#define RELEASE_BYTES ((size_t)4 << 20)

/*
 * A valid header may claim a long payload whose checksum is wrong, and so may the next one inside
 * that payload, and so on: checksums computed in vain are limited to this many for each byte gone
 * through. Recordings that were damaged by accident do not come near.
 */
#define VAIN_BYTES_FOR_EACH 64

struct scan {
	struct ts_recording *recording;
	const struct ts_segment *segment;
	struct ts_frame_list *list;
	__u64 vain; /* payload bytes whose checksum was computed and was wrong */
	size_t released;
};

void ts_recording_damage(struct ts_recording *recording, const struct ts_segment *segment,
			 size_t offset, size_t length, const char *what)
{
	recording->damage = ts_arena_grow(recording->arena, recording->damage, recording->damages,
					  &recording->damages_capacity, sizeof *recording->damage);
	recording->damage[recording->damages++] = (struct ts_damage){
		.segment = segment->name,
		.offset = offset,
		.length = length,
		.what = what,
	};
}

static int read_header(const struct scan *scan, size_t at, struct ts_frame_header *header)
{
	return ts_frame_read_header(scan->segment->data + at, scan->segment->length - at, header);
}

/* What lies before at is not needed for now. */
static void release(struct scan *scan, size_t at)
{
	if (scan->segment->release)
		scan->segment->release(scan->segment->data + scan->released, at - scan->released);
	scan->released = at;
}

/* Where the magic stands next, from there on; end when it does not begin before end. */
static size_t next_magic(struct scan *scan, size_t from, size_t end)
{
	const unsigned char *data = scan->segment->data;

	while (from < end) {
		size_t piece = scan->segment->length - from;
		const unsigned char *found;

		if (piece > RELEASE_BYTES)
			piece = RELEASE_BYTES;
		found = memmem(data + from, piece, magic, sizeof magic);
		if (found)
			return (size_t)(found - data) < end ? (size_t)(found - data) : end;
		/* It may begin in this piece and end in the next one. */
		from += piece < sizeof magic ? piece : piece - sizeof magic + 1;
		if (from - scan->released >= RELEASE_BYTES)
			release(scan, from < end ? from : end);
	}
	return end;
}

/* Where the next frame with a valid header begins, known version or not; end when none does. */
static size_t next_header(struct scan *scan, size_t from, size_t end)
{
	struct ts_frame_header header;

	while (from < end) {
		int error;

		from = next_magic(scan, from, end);
		if (from == end)
			break;
		error = read_header(scan, from, &header);
		if (!error || error == -EPROTONOSUPPORT)
			return from;
		from++;
		if (from - scan->released >= RELEASE_BYTES)
			release(scan, from);
	}
	return end;
}

static bool payload_valid(struct scan *scan, size_t at, const struct ts_frame_header *header)
{
	const struct ts_segment *segment = scan->segment;

	if (scan->vain > VAIN_BYTES_FOR_EACH * (__u64)at + TS_FRAME_RAW_MAX)
		return false;
	if (ts_frame_payload_valid(header, segment->data + at, segment->length - at))
		return true;
	scan->vain += header->stored_length;
	return false;
}

static struct ts_frame_place *add_place(struct scan *scan, size_t at,
					const struct ts_frame_header *header)
{
	struct ts_frame_list *list = scan->list;
	struct ts_frame_place *place;

	if (list->count == list->capacity) {
		list->capacity = list->capacity ? 2 * list->capacity : 1024;
		list->place = ts_memory_resize(list->place, list->capacity * sizeof *list->place);
	}
	place = &list->place[list->count++];
	*place = (struct ts_frame_place){
		.header = *header,
		.frame = scan->segment->data + at,
		.segment = scan->segment,
	};
	return place;
}

static void add_group(struct scan *scan, size_t at, const struct ts_frame_header *header)
{
	struct ts_frame_header window[TS_GROUP_WINDOWS_MAX];
	struct ts_group_place *group;
	unsigned int count;

	if (ts_group_read_headers(header, scan->segment->data + at, window, &count)) {
		ts_recording_damage(scan->recording, scan->segment, at,
				    TS_FRAME_HEADER + header->stored_length, "cannot be decoded");
		return;
	}
	group = ts_arena_alloc(scan->recording->arena, sizeof *group);
	*group = (struct ts_group_place){.header = *header, .frame = scan->segment->data + at};
	for (unsigned int i = 0; i < count; i++) {
		struct ts_frame_place *place = add_place(scan, at, &window[i]);

		place->group = group;
		place->member = i;
	}
}

static void add_frame(struct scan *scan, size_t at, const struct ts_frame_header *header)
{
	if (header->type == TS_FRAME_GROUP)
		add_group(scan, at, header);
	else
		add_place(scan, at, header);
}

/* What is wrong, and with a group how much is lost with it. */
static const char *what_is_lost(struct scan *scan, const struct ts_frame_header *header,
				const char *what)
{
	return header->type == TS_FRAME_GROUP
		       ? ts_arena_printf(scan->recording->arena, "%s, of %u windows in one", what,
					 header->context)
		       : what;
}

/* A valid header: the frame is taken, or lost alone. Returns where to go on. */
static size_t take_frame(struct scan *scan, size_t at, const struct ts_frame_header *header)
{
	const struct ts_segment *segment = scan->segment;
	size_t left = segment->length - at, claimed = TS_FRAME_HEADER + header->stored_length;
	bool whole = claimed <= left;
	size_t end = at + (whole ? claimed : left), next;

	if (whole && payload_valid(scan, at, header)) {
		add_frame(scan, at, header);
		return end;
	}
	/* Another frame begins where this one's payload should be: its end was never written. */
	next = next_header(scan, at + TS_FRAME_HEADER, end);
	ts_recording_damage(
		scan->recording, segment, at, next - at,
		what_is_lost(scan, header, next < end || !whole ? "cut off" : "checksum"));
	return next;
}

static size_t pass_over(struct scan *scan, size_t at, int error)
{
	const struct ts_segment *segment = scan->segment;
	size_t left = segment->length - at, next;
	const char *what = "not a frame";

	if (error == -EPROTONOSUPPORT)
		what = "newer format";
	else if (error == -EAGAIN ||
		 (left < sizeof magic && !memcmp(segment->data + at, magic, left)))
		what = "cut off";
	else if (!memcmp(segment->data + at, magic, sizeof magic))
		what = "damaged header";
	next = next_header(scan, at + 1, segment->length);
	ts_recording_damage(scan->recording, segment, at, next - at, what);
	return next;
}

void ts_recording_scan(struct ts_recording *recording, const struct ts_segment *segment,
		       struct ts_frame_list *list)
{
	struct scan scan = {.recording = recording, .segment = segment, .list = list};
	size_t at = 0;

	while (at < segment->length) {
		struct ts_frame_header header;
		int error = read_header(&scan, at, &header);

		at = error ? pass_over(&scan, at, error) : take_frame(&scan, at, &header);
		if (at - scan.released >= RELEASE_BYTES)
			release(&scan, at);
	}
	release(&scan, at);
}
