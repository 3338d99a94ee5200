// SPDX-License-Identifier: GPL-2.0-only
#include "frame_packer.h"

#include "arena.h"
#include "digits.h"
#include "frame_payload.h"

/*
 * Odds are two weights. Each decision adds SEEN to one of them, and both are halved when they grow
 * beyond FORGET, so that what was seen last counts most.
 */
#define SEEN		 16u
#define FORGET		 4096u

#define LEVEL_MAX_LENGTH 24

struct models {
	struct ts_pack_model slots, numbers, steps;
};

struct ts_packer {
	struct models *models;
	unsigned int recent; /* what the last steps were like */
	bool plain;	     /* numbers as they are, without odds */
	__u32 range;
	/* Writing: what is below low is settled but for a carry. */
	struct ts_bytes *out;
	__u64 low;
	__u64 pending; /* bytes of 0xff behind cache that a carry would change */
	bool cached;
	unsigned char cache;
	/* Reading. */
	const unsigned char *at, *end;
	__u32 code;
	unsigned int beyond; /* bytes that were needed behind the end */
	const char *why;
};

#define RANGE_MIN (1u << 24)
#define TAIL	  4 /* bytes that settle the last decisions; zeros among them are not written */

/* ---- plain numbers: seven bits a byte, as elsewhere in a payload */

static __u64 plain_number(struct ts_packer *packer, __u64 value)
{
	struct ts_frame_cursor cursor = {packer->at, packer->end, NULL, 0};

	if (packer->out) {
		ts_frame_put_number(packer->out, value);
		return value;
	}
	value = ts_frame_take_number(&cursor);
	if (cursor.why)
		ts_packer_fail(packer, cursor.why);
	packer->at = cursor.at;
	return value;
}

/* Of empty slots how many there are. */
static void plain_slots(struct ts_packer *packer, __u64 *slot, size_t count, unsigned int digits)
{
	for (size_t i = 0; i < count && !packer->why; i++) {
		__u64 run = 1, value = slot[i] - ts_digits_rest(slot[i], digits);

		value = plain_number(packer, value);
		if (!packer->out)
			slot[i] = value;
		if (value)
			continue;
		while (packer->out && i + run < count && !slot[i + run])
			run++;
		run = plain_number(packer, run);
		if (!run || run > count - i) {
			ts_packer_fail(packer, "a histogram has more slots than there are");
			return;
		}
		i += run - 1;
	}
}

/* ---- the range coder */

static void settle_byte(struct ts_packer *packer)
{
	if (packer->low < 0xff000000u || packer->low > 0xffffffffu) {
		unsigned char carry = (unsigned char)(packer->low >> 32),
			      byte = packer->cache + carry;

		/* The first byte of all would always be zero. */
		if (packer->cached)
			ts_bytes_append(packer->out, &byte, 1);
		for (byte = 0xff + carry; packer->pending; packer->pending--)
			ts_bytes_append(packer->out, &byte, 1);
		packer->cache = (unsigned char)(packer->low >> 24);
		packer->cached = true;
	} else {
		packer->pending++;
	}
	packer->low = (packer->low & 0xffffffu) << 8;
}

static inline void write_part(struct ts_packer *packer, __u32 start, __u32 length)
{
	packer->low += start;
	packer->range = length;
	while (packer->range < RANGE_MIN) {
		packer->range <<= 8;
		settle_byte(packer);
	}
}

static unsigned char next_byte(struct ts_packer *packer)
{
	if (packer->at < packer->end)
		return *packer->at++;
	if (++packer->beyond > TAIL)
		ts_packer_fail(packer, "its numbers are cut off");
	return 0;
}

static inline void read_part(struct ts_packer *packer, __u32 start, __u32 length)
{
	packer->code -= start;
	packer->range = length;
	while (packer->range < RANGE_MIN) {
		packer->range <<= 8;
		packer->code = packer->code << 8 | next_byte(packer);
	}
}

/* The part of the range from start on that is length long: written, or taken as read. */
static inline void take_part(struct ts_packer *packer, __u32 start, __u32 length)
{
	if (packer->out)
		write_part(packer, start, length);
	else
		read_part(packer, start, length);
}

/* One decision; bit is what it is when writing. The lower part of the range stands for zero. */
static inline unsigned int decide(struct ts_packer *packer, struct ts_pack_odds *odds,
				  unsigned int bit)
{
	__u32 bound = packer->range / (odds->zero + odds->one) * odds->zero;

	if (!packer->out)
		bit = packer->code >= bound;
	if (bit) {
		take_part(packer, bound, packer->range - bound);
		odds->one += SEEN;
	} else {
		take_part(packer, 0, bound);
		odds->zero += SEEN;
	}
	if (odds->zero + odds->one > FORGET) {
		odds->zero = (odds->zero + 1) / 2;
		odds->one = (odds->one + 1) / 2;
	}
	return bit;
}

/* Up to a byte at once. */
static unsigned int pack_few_bits(struct ts_packer *packer, unsigned int count, unsigned int value)
{
	__u32 part = packer->range >> count, most = (1u << count) - 1;

	if (!packer->out) {
		value = packer->code / part;
		/* Only in a damaged stream. */
		if (value > most)
			value = most;
	}
	take_part(packer, part * value, part);
	return value;
}

__u64 ts_pack_bits(struct ts_packer *packer, unsigned int count, __u64 value)
{
	__u64 result = 0;

	if (packer->plain)
		return plain_number(packer, value);
	while (count) {
		unsigned int few = count < 8 ? count : 8;

		count -= few;
		result = result << few |
			 pack_few_bits(packer, few,
				       (unsigned int)(value >> count) & ((1u << few) - 1));
	}
	return result;
}

/* ---- numbers */

static unsigned int bit_length(__u64 value)
{
	return value ? 64 - (unsigned int)__builtin_clzll(value) : 0;
}

/*
 * Whether a number is longer than length, of which expected is known about the length of numbers
 * there: before anything was seen. The odds are set when first asked for.
 */
static struct ts_pack_odds *class_odds(struct ts_pack_model *model, unsigned int level,
				       unsigned int length, unsigned int expected)
{
	struct ts_pack_odds *odds = &model->class[level][length];

	if (odds->zero)
		return odds;
	if (length + 1 < expected)
		*odds = (struct ts_pack_odds){6, 90};
	else if (length + 1 == expected || level == TS_PACKER_FIRST)
		*odds = (struct ts_pack_odds){48, 48};
	else
		*odds = (struct ts_pack_odds){70, 26};
	return odds;
}

static struct ts_pack_odds *bit_odds(struct ts_pack_odds *odds)
{
	if (!odds->zero)
		*odds = (struct ts_pack_odds){54, 42};
	return odds;
}

unsigned int ts_pack_level(__u64 expected)
{
	unsigned int length = bit_length(expected);

	return length < 2 ? 2 * length : 2 * length + (unsigned int)(expected >> (length - 2) & 1);
}

/* How full a slot is going to be, from the two before it: two levels for each doubling. */
static unsigned int level_after(__u64 before, __u64 earlier)
{
	__u64 most = (1ULL << (LEVEL_MAX_LENGTH - 1)) / 3;

	return ts_pack_level(2 * (before < most ? before : most) +
			     (earlier < most ? earlier : most));
}

/* A digit of a number as long as near is likely to be as in that: which odds are for it. */
static unsigned int digit_near(__u64 near, unsigned int length, unsigned int behind)
{
	return bit_length(near) == length ? near >> behind & 1 : 2;
}

__u64 ts_pack_digits(struct ts_packer *packer, struct ts_pack_digits *odds, unsigned int length,
		     __u64 number, unsigned int digits, __u64 near)
{
	unsigned int behind = length > digits ? length - digits : 0, left = length - 1 - behind;
	unsigned int expected = 2;
	__u64 value = 1;

	number >>= behind;
	if (left) {
		expected = digit_near(near, length, length - 2);
		left--;
		value = value << 1 | decide(packer, bit_odds(&odds->second[length][expected]),
					    number >> left & 1);
	}
	if (left) {
		/* Of the third one only where the second is the same. */
		expected = expected == (value & 1) ? digit_near(near, length, length - 3) : 2;
		left--;
		value = value << 1 |
			decide(packer, bit_odds(&odds->third[length][value & 1][expected]),
			       number >> left & 1);
	}
	if (left)
		value = value << left | ts_pack_bits(packer, left, number);
	return value << behind;
}

/* Its length in bits, then the digits below the highest: all of them, or so many with that one. */
__u64 ts_pack_by_level(struct ts_packer *packer, struct ts_pack_model *model, unsigned int level,
		       unsigned int expected_length, __u64 number, unsigned int digits, __u64 near)
{
	unsigned int length = 0, written = bit_length(number);

	while (length < TS_PACK_CLASSES - 1 &&
	       decide(packer, class_odds(model, level, length, expected_length), written > length))
		length++;
	return length ? ts_pack_digits(packer, &model->digits, length, number, digits, near) : 0;
}

bool ts_pack_decision(struct ts_packer *packer, struct ts_pack_odds *odds, bool yes)
{
	if (!odds->zero)
		*odds = (struct ts_pack_odds){48, 48};
	return decide(packer, odds, yes);
}

__u64 ts_pack_number(struct ts_packer *packer, unsigned int *before, __u64 value,
		     unsigned int digits)
{
	if (packer->plain)
		return plain_number(packer, value);
	value = ts_pack_by_level(packer, &packer->models->numbers, *before,
				 *before == TS_PACKER_FIRST ? 0 : *before, value, digits, 0);
	*before = bit_length(value);
	if (*before >= TS_PACKER_FIRST)
		*before = TS_PACKER_FIRST - 1;
	return value;
}

void ts_pack_slots(struct ts_packer *packer, __u64 *slot, size_t count, unsigned int digits)
{
	__u64 before = 0, earlier = 0;

	if (packer->plain) {
		plain_slots(packer, slot, count, digits);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		unsigned int level = level_after(before, earlier);
		/* A level is twice the length of three times the mean of the two. */
		unsigned int expected = level > 1 ? level / 2 - 1 : 0;
		__u64 value = ts_pack_by_level(packer, &packer->models->slots, level, expected,
					       slot[i], digits, 0);

		if (ts_packer_reads(packer))
			slot[i] = value;
		earlier = before;
		before = value;
	}
}

#define RECENT	    4 /* of steps: as small as that, or larger */
#define RECENT_MASK (RECENT * RECENT - 1)

__u64 ts_pack_step(struct ts_packer *packer, __u64 step)
{
	if (packer->plain)
		return plain_number(packer, step);
	step = ts_pack_by_level(packer, &packer->models->steps, packer->recent,
				bit_length(packer->recent % RECENT), step, TS_PACKER_DIGITS, 0);
	packer->recent = packer->recent * RECENT & RECENT_MASK;
	packer->recent += step < RECENT ? (unsigned int)step : RECENT - 1;
	return step;
}

/* ---- beginning and end */

static struct ts_packer *packer_new(struct ts_arena *arena)
{
	struct ts_packer *packer = ts_arena_alloc(arena, sizeof *packer);

	packer->models = ts_arena_alloc(arena, sizeof *packer->models);
	packer->range = 0xffffffffu;
	return packer;
}

static struct ts_packer *plain_new(struct ts_arena *arena)
{
	struct ts_packer *packer = ts_arena_alloc(arena, sizeof *packer);

	packer->plain = true;
	return packer;
}

struct ts_packer *ts_packer_writer(struct ts_arena *arena, struct ts_bytes *out)
{
	struct ts_packer *packer = packer_new(arena);

	packer->out = out;
	return packer;
}

struct ts_packer *ts_packer_plain_writer(struct ts_arena *arena, struct ts_bytes *out)
{
	struct ts_packer *packer = plain_new(arena);

	packer->out = out;
	return packer;
}

void ts_packer_finish(struct ts_packer *packer)
{
	struct ts_bytes *out = packer->out;

	if (packer->plain)
		return;
	/* Any number in the range will do: take the one with the most zeros at its end. */
	packer->low = (packer->low + RANGE_MIN - 1) & ~(__u64)(RANGE_MIN - 1);
	for (unsigned int i = 0; i < TAIL + 1; i++)
		settle_byte(packer);
	for (unsigned int i = 0; i < TAIL && out->length && !out->data[out->length - 1]; i++)
		out->length--;
}

struct ts_packer *ts_packer_reader(struct ts_arena *arena, const unsigned char *data, size_t length)
{
	struct ts_packer *packer = packer_new(arena);

	packer->at = data;
	packer->end = data + length;
	for (unsigned int i = 0; i < TAIL; i++)
		packer->code = packer->code << 8 | next_byte(packer);
	return packer;
}

struct ts_packer *ts_packer_plain_reader(struct ts_arena *arena, const unsigned char *data,
					 size_t length)
{
	struct ts_packer *packer = plain_new(arena);

	packer->at = data;
	packer->end = data + length;
	return packer;
}

bool ts_packer_reads(const struct ts_packer *packer)
{
	return !packer->out;
}

const char *ts_packer_why(const struct ts_packer *packer)
{
	return packer->why;
}

void ts_packer_fail(struct ts_packer *packer, const char *why)
{
	if (!packer->why)
		packer->why = why;
}
