// SPDX-License-Identifier: GPL-2.0-only
/* Numbers and columns of numbers in a frame's payload, written and read. */
#include "frame_payload.h"

#include <math.h>
#include <string.h>

#include "arena.h"

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

static __u64 zigzag(__s64 value)
{
	return (__u64)value << 1 ^ (value < 0 ? ~0ULL : 0);
}

static __s64 unzigzag(__u64 value)
{
	return (__s64)(value >> 1 ^ -(value & 1));
}

void ts_frame_put_signed(struct ts_bytes *out, __s64 value)
{
	ts_frame_put_number(out, zigzag(value));
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
	return unzigzag(ts_frame_take_number(cursor));
}

int ts_frame_take_int(struct ts_frame_cursor *cursor)
{
	__s64 value = ts_frame_take_signed(cursor);

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

/* ---- doubles: integers and whole nanoseconds are numbers, all others eight bytes */

enum { DOUBLE_BYTES, DOUBLE_FORMS };
#define EXACT_LIMIT   9007199254740992.0 /* 2^53 */
#define NS_PER_SECOND 1e9

static __u64 double_bits(double value)
{
	__u64 bits;

	memcpy(&bits, &value, sizeof bits);
	return bits;
}

/* scale is 1 or NS_PER_SECOND; true when integer / scale is value to the last bit. */
static bool is_integer_of(double value, double scale, __s64 *integer)
{
	double scaled = nearbyint(value * scale);

	if (!(fabs(scaled) < EXACT_LIMIT))
		return false;
	*integer = (__s64)scaled;
	return double_bits((double)*integer / scale) == double_bits(value);
}

void ts_frame_put_double(struct ts_bytes *out, double value)
{
	__u64 bits = double_bits(value);
	unsigned char bytes[8];
	__s64 integer;

	if (is_integer_of(value, 1, &integer)) {
		ts_frame_put_number(out, (zigzag(integer) << 1) + DOUBLE_FORMS);
		return;
	}
	if (is_integer_of(value, NS_PER_SECOND, &integer)) {
		ts_frame_put_number(out, (zigzag(integer) << 1 | 1) + DOUBLE_FORMS);
		return;
	}
	ts_frame_put_number(out, DOUBLE_BYTES);
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)(bits >> 8 * i);
	ts_bytes_append(out, bytes, sizeof bytes);
}

double ts_frame_take_double(struct ts_frame_cursor *cursor)
{
	__u64 form = ts_frame_take_number(cursor), bits = 0;
	double value;

	if (form != DOUBLE_BYTES) {
		form -= DOUBLE_FORMS;
		value = (double)unzigzag(form >> 1);
		return form & 1 ? value / NS_PER_SECOND : value;
	}
	if (ts_frame_cursor_left(cursor) < sizeof bits) {
		ts_frame_cursor_fail(cursor, "a number is cut off");
		return 0;
	}
	for (size_t i = 0; i < sizeof bits; i++)
		bits |= (__u64)*cursor->at++ << 8 * i;
	memcpy(&value, &bits, sizeof value);
	return value;
}

/* ---- columns */

static __u64 greatest_common_divisor(__u64 a, __u64 b)
{
	while (b) {
		__u64 rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* What it must save: a byte or more for each of the values. */
#define DIVISOR_MIN 64

/*
 * What all values are multiples of (ticks of 10 ms in ns, sectors, pages): only the quotients are
 * written. 0 when all are zero: then nothing is.
 */
static __u64 common_divisor(const __u64 *values, size_t count)
{
	size_t others = 0;
	__u64 divisor = 0;

	for (size_t i = 0; i < count; i++) {
		others += values[i] != 0;
		divisor = greatest_common_divisor(values[i], divisor);
	}
	return !others || (others > 1 && divisor >= DIVISOR_MIN) ? divisor : 1;
}

void ts_frame_put_counters(struct ts_bytes *out, const __u64 *values, size_t count)
{
	__u64 divisor = common_divisor(values, count);

	ts_frame_put_number(out, divisor);
	for (size_t i = 0; divisor && i < count; i++)
		ts_frame_put_number(out, values[i] / divisor);
}

void ts_frame_take_counters(struct ts_frame_cursor *cursor, __u64 *values, size_t count)
{
	__u64 divisor = ts_frame_take_number(cursor);

	for (size_t i = 0; i < count; i++) {
		__u64 quotient = divisor ? ts_frame_take_number(cursor) : 0;

		if (__builtin_mul_overflow(quotient, divisor, &values[i]))
			ts_frame_cursor_fail(cursor, "a counter is too large");
	}
}

/* The first number of a column of gauges. */
enum { GAUGES_ZERO, GAUGES_DOUBLES, GAUGES_INTEGERS };

static int gauges_form(const double *values, size_t count)
{
	int form = GAUGES_ZERO;

	for (size_t i = 0; i < count; i++) {
		__s64 integer;

		if (!is_integer_of(values[i], 1, &integer) || integer < 0)
			return GAUGES_DOUBLES;
		if (integer)
			form = GAUGES_INTEGERS;
	}
	return form;
}

void ts_frame_put_gauges(struct ts_bytes *out, const double *values, size_t count,
			 struct ts_arena *arena)
{
	int form = gauges_form(values, count);
	__u64 *integers;

	ts_frame_put_number(out, (__u64)form);
	if (form == GAUGES_DOUBLES)
		for (size_t i = 0; i < count; i++)
			ts_frame_put_double(out, values[i]);
	if (form != GAUGES_INTEGERS)
		return;
	integers = ts_arena_alloc(arena, count * sizeof *integers);
	for (size_t i = 0; i < count; i++)
		integers[i] = (__u64)values[i];
	ts_frame_put_counters(out, integers, count);
}

void ts_frame_take_gauges(struct ts_frame_cursor *cursor, double *values, size_t count)
{
	__u64 form = ts_frame_take_number(cursor), divisor = 0;

	if (form > GAUGES_INTEGERS)
		ts_frame_cursor_fail(cursor, "a column is written in an unknown way");
	if (form == GAUGES_INTEGERS)
		divisor = ts_frame_take_number(cursor);
	for (size_t i = 0; i < count; i++) {
		__u64 integer;

		if (form == GAUGES_DOUBLES) {
			values[i] = ts_frame_take_double(cursor);
			continue;
		}
		if (__builtin_mul_overflow(divisor ? ts_frame_take_number(cursor) : 0, divisor,
					   &integer))
			ts_frame_cursor_fail(cursor, "a gauge is too large");
		values[i] = (double)integer;
	}
}

void ts_frame_put_references(struct ts_bytes *out, const __u32 *strings, size_t count,
			     __u32 *newest)
{
	__u32 before = *newest;

	for (size_t i = 0; i < count; i++) {
		ts_frame_put_signed(out, (__s64)strings[i] - before);
		before = strings[i];
		if (before > *newest)
			*newest = before;
	}
}

void ts_frame_take_references(struct ts_frame_cursor *cursor, __u32 *values, size_t count,
			      size_t limit)
{
	__s64 value = cursor->newest;

	for (size_t i = 0; i < count; i++) {
		if (__builtin_add_overflow(value, ts_frame_take_signed(cursor), &value) ||
		    value < 0 || (__u64)value > limit) {
			ts_frame_cursor_fail(cursor, "something is called that is not there");
			value = 0;
		}
		values[i] = (__u32)value;
		if (values[i] > cursor->newest)
			cursor->newest = values[i];
	}
}

void *ts_frame_alloc(struct ts_frame_budget *budget, struct ts_frame_cursor *cursor, size_t count,
		     size_t size)
{
	size_t bytes;

	if (cursor->why)
		return NULL;
	if (__builtin_mul_overflow(count, size, &bytes) || bytes > budget->left) {
		ts_frame_cursor_fail(cursor, "it says to hold more than its length allows");
		return NULL;
	}
	budget->left -= bytes;
	return ts_arena_alloc(budget->arena, bytes);
}
