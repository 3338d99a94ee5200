// SPDX-License-Identifier: GPL-2.0-only
#include "frame_packer.h"

#include "arena.h"

/*
 * Odds are two weights. Each decision adds SEEN to one of them, and both are halved when they grow
 * beyond FORGET, so that what was seen last counts most.
 */
#define SEEN   16u
#define FORGET 4096u

struct odds {
	__u16 zero, one;
};

#define CLASSES		 65 /* lengths in bits of a number, 0 to 64 */
#define LEVELS		 50 /* what is expected: two for each doubling */
#define LEVEL_MAX_LENGTH 24

/* One for each kind of numbers. */
struct model {
	struct odds class[LEVELS][CLASSES]; /* is the number longer than so many bits? */
	struct odds second[CLASSES];	    /* the second highest bit of one of that length */
	struct odds third[CLASSES][2];	    /* the third one, by the second */
};

struct ts_packer {
	struct model slots, numbers, steps;
	unsigned int recent; /* what the last steps were like */
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
static inline unsigned int decide(struct ts_packer *packer, struct odds *odds, unsigned int bit)
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
static struct odds *class_odds(struct model *model, unsigned int level, unsigned int length,
			       unsigned int expected)
{
	struct odds *odds = &model->class[level][length];

	if (odds->zero)
		return odds;
	if (length + 1 < expected)
		*odds = (struct odds){6, 90};
	else if (length + 1 == expected || level == TS_PACKER_FIRST)
		*odds = (struct odds){48, 48};
	else
		*odds = (struct odds){70, 26};
	return odds;
}

static struct odds *bit_odds(struct odds *odds)
{
	if (!odds->zero)
		*odds = (struct odds){54, 42};
	return odds;
}

/* How full a slot is going to be, from the two before it: two levels for each doubling. */
static unsigned int level_after(__u64 before, __u64 earlier)
{
	__u64 most = (1ULL << (LEVEL_MAX_LENGTH - 1)) / 3, sum;
	unsigned int length;

	sum = 2 * (before < most ? before : most) + (earlier < most ? earlier : most);
	length = bit_length(sum);
	return length < 2 ? 2 * length : 2 * length + (unsigned int)(sum >> (length - 2) & 1);
}

/* Its length in bits, then the digits below the highest: all of them, or so many with that one. */
static __u64 code_number(struct ts_packer *packer, struct model *model, unsigned int level,
			 unsigned int expected, __u64 number, unsigned int digits)
{
	unsigned int length = 0, written = bit_length(number), left, behind;
	__u64 value = 1;

	while (length < CLASSES - 1 &&
	       decide(packer, class_odds(model, level, length, expected), written > length))
		length++;
	if (!length)
		return 0;
	behind = length > digits ? length - digits : 0;
	left = length - 1 - behind;
	number >>= behind;
	if (left) {
		left--;
		value = value << 1 |
			decide(packer, bit_odds(&model->second[length]), number >> left & 1);
	}
	if (left) {
		left--;
		value = value << 1 | decide(packer, bit_odds(&model->third[length][value & 1]),
					    number >> left & 1);
	}
	if (left)
		value = value << left | ts_pack_bits(packer, left, number);
	return value << behind;
}

__u64 ts_pack_number(struct ts_packer *packer, unsigned int *before, __u64 value,
		     unsigned int digits)
{
	value = code_number(packer, &packer->numbers, *before,
			    *before == TS_PACKER_FIRST ? 0 : *before, value, digits);
	*before = bit_length(value);
	if (*before >= TS_PACKER_FIRST)
		*before = TS_PACKER_FIRST - 1;
	return value;
}

void ts_pack_slots(struct ts_packer *packer, __u64 *slot, size_t count, unsigned int digits)
{
	__u64 before = 0, earlier = 0;

	for (size_t i = 0; i < count; i++) {
		unsigned int level = level_after(before, earlier);
		/* A level is twice the length of three times the mean of the two. */
		unsigned int expected = level > 1 ? level / 2 - 1 : 0;
		__u64 value = code_number(packer, &packer->slots, level, expected, slot[i], digits);

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
	step = code_number(packer, &packer->steps, packer->recent,
			   bit_length(packer->recent % RECENT), step, TS_PACKER_DIGITS);
	packer->recent = packer->recent * RECENT & RECENT_MASK;
	packer->recent += step < RECENT ? (unsigned int)step : RECENT - 1;
	return step;
}

/* ---- beginning and end */

static struct ts_packer *packer_new(struct ts_arena *arena)
{
	struct ts_packer *packer = ts_arena_alloc(arena, sizeof *packer);

	packer->range = 0xffffffffu;
	return packer;
}

struct ts_packer *ts_packer_writer(struct ts_arena *arena, struct ts_bytes *out)
{
	struct ts_packer *packer = packer_new(arena);

	packer->out = out;
	return packer;
}

void ts_packer_finish(struct ts_packer *packer)
{
	struct ts_bytes *out = packer->out;

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
