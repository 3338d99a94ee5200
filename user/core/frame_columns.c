// SPDX-License-Identifier: GPL-2.0-only
/* Numbers, and references to strings, in a frame's payload. */
#include "frame_payload.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "arena.h"
#include "frame_packer.h"

/* ---- single numbers */

void ts_frame_put_number(struct ts_bytes *out, __u64 value)
{
	unsigned char bytes[10];
	size_t length = 0;

	for (; value >= 0x80; value >>= 7)
		bytes[length++] = (unsigned char)(value | 0x80);
	bytes[length++] = (unsigned char)value;
	ts_bytes_append(out, bytes, length);
}

__u64 ts_frame_zigzag(__s64 value)
{
	return (__u64)value << 1 ^ (value < 0 ? ~0ULL : 0);
}

__s64 ts_frame_unzigzag(__u64 value)
{
	return (__s64)(value >> 1 ^ -(value & 1));
}

void ts_frame_put_signed(struct ts_bytes *out, __s64 value)
{
	ts_frame_put_number(out, ts_frame_zigzag(value));
}

size_t ts_frame_cursor_left(const struct ts_frame_cursor *cursor)
{
	return (size_t)(cursor->end - cursor->at);
}

void ts_frame_cursor_fail(struct ts_frame_cursor *cursor, const char *why)
{
	if (!cursor->why)
		cursor->why = why;
	cursor->at = cursor->end;
}

__u64 ts_frame_take_number(struct ts_frame_cursor *cursor)
{
	__u64 value = 0;

	for (unsigned int shift = 0; cursor->at < cursor->end; shift += 7) {
		unsigned char byte = *cursor->at++;

		if (shift == 63 && byte > 1)
			break;
		value |= (__u64)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	ts_frame_cursor_fail(cursor, "a number is cut off or too large");
	return 0;
}

__s64 ts_frame_take_signed(struct ts_frame_cursor *cursor)
{
	return ts_frame_unzigzag(ts_frame_take_number(cursor));
}

int ts_frame_int(struct ts_frame_cursor *cursor, __s64 value)
{
	if (value != (int)value)
		ts_frame_cursor_fail(cursor, "a process's number is too large");
	return (int)value;
}

size_t ts_frame_take_count(struct ts_frame_cursor *cursor, size_t limit)
{
	__u64 count = ts_frame_take_number(cursor);

	if (count > limit) {
		ts_frame_cursor_fail(cursor, "a table is longer than what there is of it");
		return 0;
	}
	return (size_t)count;
}

void ts_frame_put_section(struct ts_bytes *out, enum ts_frame_section number, struct ts_bytes *body)
{
	ts_frame_put_number(out, number);
	ts_frame_put_number(out, body->length);
	ts_bytes_append(out, body->data, body->length);
	ts_bytes_free(body);
}

/* "block_latency histogram seconds device op": name, kind, unit, label keys. */
const char *ts_frame_describe(struct ts_arena *arena, const struct ts_family *family)
{
	const char *word[3 + TS_LABELS_MAX] = {
		family->name,
		ts_frame_kind_name(family->kind),
		ts_unit_name(family->unit),
	};
	size_t words = 3, length = 0, size[3 + TS_LABELS_MAX];
	char *text, *end;

	for (size_t i = 0; i < family->labels; i++)
		word[words++] = family->label_key[i];
	for (size_t i = 0; i < words; i++) {
		size[i] = strlen(word[i]);
		length += size[i] + 1;
	}
	end = text = ts_arena_alloc(arena, length);
	for (size_t i = 0; i < words; i++) {
		memcpy(end, word[i], size[i]);
		end += size[i];
		*end++ = i + 1 < words ? ' ' : '\0';
	}
	return text;
}

/* ---- columns */

/* How a reference follows the one before: as that, the next new one, one further, or so far back.
 */
enum { STEP_SAME, STEP_NEW, STEP_NEXT, STEP_BACK };

static __u64 step_to(__u32 value, __u32 before, __u32 newest)
{
	if (value == before)
		return STEP_SAME;
	if (value == newest + 1)
		return STEP_NEW;
	assert(value <= newest);
	return value == before + 1 ? STEP_NEXT : STEP_BACK + newest - value;
}

static __s64 step_from(__s64 before, __u32 newest, __u64 step)
{
	switch (step) {
	case STEP_SAME: return before;
	case STEP_NEW: return (__s64)newest + 1;
	case STEP_NEXT: return before + 1;
	default: return step - STEP_BACK > newest ? -1 : newest - (__s64)(step - STEP_BACK);
	}
}

__u32 ts_frame_pack_reference(struct ts_packer *packer, __u32 value, __u32 before, __u32 *newest,
			      size_t limit)
{
	__u64 step = ts_packer_reads(packer) ? 0 : step_to(value, before, *newest);
	__s64 called = step_from(before, *newest, ts_pack_step(packer, step));

	if (called < 0 || (__u64)called > limit) {
		ts_packer_fail(packer, "something is called that is not there");
		called = 0;
	}
	if (called > *newest)
		*newest = (__u32)called;
	return (__u32)called;
}

void ts_frame_put_references(struct ts_bytes *out, struct ts_packer *packer, const __u32 *strings,
			     size_t count, __u32 *newest)
{
	__u32 before = *newest;

	for (size_t i = 0; i < count; i++) {
		if (packer)
			ts_pack_step(packer, step_to(strings[i], before, *newest));
		else
			ts_frame_put_signed(out, (__s64)strings[i] - before);
		before = strings[i];
		if (before > *newest)
			*newest = before;
	}
}

void ts_frame_take_references(struct ts_frame_cursor *cursor, struct ts_packer *packer,
			      __u32 *values, size_t count, size_t limit)
{
	__s64 value = cursor->newest;

	for (size_t i = 0; i < count && !(packer && ts_packer_why(packer)); i++) {
		if (packer)
			value = step_from(value, cursor->newest, ts_pack_step(packer, 0));
		else if (__builtin_add_overflow(value, ts_frame_take_signed(cursor), &value))
			value = -1;
		if (value < 0 || (__u64)value > limit) {
			ts_frame_cursor_fail(cursor, "something is called that is not there");
			value = 0;
		}
		values[i] = (__u32)value;
		if (values[i] > cursor->newest)
			cursor->newest = values[i];
	}
}

bool ts_frame_spend(struct ts_frame_budget *budget, struct ts_frame_cursor *cursor, size_t bytes)
{
	if (bytes > budget->left)
		ts_frame_cursor_fail(cursor, "it says to hold more than its length allows");
	if (cursor->why)
		return false;
	budget->left -= bytes;
	return true;
}

void *ts_frame_alloc(struct ts_frame_budget *budget, struct ts_frame_cursor *cursor, size_t count,
		     size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		bytes = SIZE_MAX;
	return ts_frame_spend(budget, cursor, bytes) ? ts_arena_alloc(budget->arena, bytes) : NULL;
}
