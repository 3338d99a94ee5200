// SPDX-License-Identifier: GPL-2.0-only
#include "frame_slots.h"

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

#define PLACE_BITS	 10 /* a slot's number */
#define CLASSES		 65 /* lengths in bits of a count, 0 to 64 */
#define LEVELS		 50 /* of how full the slots before are: two for each doubling */
#define LEVEL_MAX_LENGTH 24

struct ts_slot_coder {
	struct odds class[LEVELS][CLASSES]; /* is the count longer than so many bits? */
	struct odds second[CLASSES];	    /* the second highest bit of a count of that length */
	struct odds third[CLASSES][2];	    /* the third one, by the second */
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
	__u32 range;	     /* both */
};

#define RANGE_MIN (1u << 24)
#define TAIL	  4 /* bytes that settle the last decisions; zeros among them are not written */

/* ---- the range coder */

static void settle_byte(struct ts_slot_coder *coder)
{
	if (coder->low < 0xff000000u || coder->low > 0xffffffffu) {
		unsigned char carry = (unsigned char)(coder->low >> 32),
			      byte = coder->cache + carry;

		/* The first byte of all would always be zero. */
		if (coder->cached)
			ts_bytes_append(coder->out, &byte, 1);
		for (byte = 0xff + carry; coder->pending; coder->pending--)
			ts_bytes_append(coder->out, &byte, 1);
		coder->cache = (unsigned char)(coder->low >> 24);
		coder->cached = true;
	} else {
		coder->pending++;
	}
	coder->low = (coder->low & 0xffffffu) << 8;
}

static void write_part(struct ts_slot_coder *coder, __u32 start, __u32 length)
{
	coder->low += start;
	coder->range = length;
	while (coder->range < RANGE_MIN) {
		coder->range <<= 8;
		settle_byte(coder);
	}
}

static unsigned char next_byte(struct ts_slot_coder *coder)
{
	if (coder->at < coder->end)
		return *coder->at++;
	coder->beyond++;
	return 0;
}

static void read_part(struct ts_slot_coder *coder, __u32 start, __u32 length)
{
	coder->code -= start;
	coder->range = length;
	while (coder->range < RANGE_MIN) {
		coder->range <<= 8;
		coder->code = coder->code << 8 | next_byte(coder);
	}
}

/* One decision; bit is what it is when writing. The lower part of the range stands for zero. */
static unsigned int decide_at(struct ts_slot_coder *coder, __u32 bound, unsigned int bit)
{
	if (!coder->out)
		bit = coder->code >= bound;
	(coder->out ? write_part : read_part)(coder, bit ? bound : 0,
					      bit ? coder->range - bound : bound);
	return bit;
}

static unsigned int decide(struct ts_slot_coder *coder, struct odds *odds, unsigned int bit)
{
	bit = decide_at(coder, coder->range / (odds->zero + odds->one) * odds->zero, bit);
	if (bit)
		odds->one += SEEN;
	else
		odds->zero += SEEN;
	if (odds->zero + odds->one > FORGET) {
		odds->zero = (odds->zero + 1) / 2;
		odds->one = (odds->one + 1) / 2;
	}
	return bit;
}

static __u64 plain_bits(struct ts_slot_coder *coder, unsigned int count, __u64 value)
{
	__u64 result = 0;

	while (count--)
		result = result << 1 |
			 decide_at(coder, coder->range / 2, (unsigned int)(value >> count & 1));
	return result;
}

/* ---- slots */

static unsigned int bit_length(__u64 value)
{
	return value ? 64 - (unsigned int)__builtin_clzll(value) : 0;
}

/* What the odds are before anything was seen; they are set when first asked for. */
static struct odds *class_odds(struct ts_slot_coder *coder, unsigned int level, unsigned int length)
{
	struct odds *odds = &coder->class[level][length];
	/* That of three times what is expected. */
	unsigned int expected = level / 2;

	if (odds->zero)
		return odds;
	if (length + 3 <= expected)
		*odds = (struct odds){6, 90};
	else if (length + 2 == expected)
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

/* One count, written or read: its length in bits, then its bits below the highest. */
static __u64 code_count(struct ts_slot_coder *coder, unsigned int level, __u64 count)
{
	unsigned int length = 0, written = bit_length(count), left;
	__u64 value = 1;

	while (length < CLASSES - 1 &&
	       decide(coder, class_odds(coder, level, length), written > length))
		length++;
	if (!length)
		return 0;
	left = length - 1;
	if (left) {
		left--;
		value = value << 1 |
			decide(coder, bit_odds(&coder->second[length]), count >> left & 1);
	}
	if (left) {
		left--;
		value = value << 1 | decide(coder, bit_odds(&coder->third[length][value & 1]),
					    count >> left & 1);
	}
	return left ? value << left | plain_bits(coder, left, count) : value;
}

/* The slots from first on; both directions. */
static void code_slots(struct ts_slot_coder *coder, __u64 *slot, size_t count)
{
	__u64 before = 0, earlier = 0;

	for (size_t i = 0; i < count; i++) {
		slot[i] = code_count(coder, level_after(before, earlier), slot[i]);
		earlier = before;
		before = slot[i];
	}
}

static struct ts_slot_coder *coder_new(struct ts_arena *arena)
{
	struct ts_slot_coder *coder = ts_arena_alloc(arena, sizeof *coder);

	coder->range = 0xffffffffu;
	return coder;
}

struct ts_slot_coder *ts_slot_writer(struct ts_arena *arena, struct ts_bytes *out)
{
	struct ts_slot_coder *coder = coder_new(arena);

	coder->out = out;
	return coder;
}

void ts_slots_put(struct ts_slot_coder *coder, const struct ts_histogram *histogram)
{
	__u64 copy[TS_HISTOGRAM_SLOTS_GLOBAL];
	size_t slots = TS_HISTOGRAM_SLOTS(histogram->scale), first = 0, count = 0;

	for (size_t i = 0; i < slots; i++) {
		copy[i] = histogram->slot[i];
		if (!copy[i])
			continue;
		if (!count)
			first = i;
		count = i - first + 1;
	}
	plain_bits(coder, PLACE_BITS, count);
	if (!count)
		return;
	plain_bits(coder, PLACE_BITS, first);
	code_slots(coder, copy + first, count);
}

void ts_slots_finish(struct ts_slot_coder *coder)
{
	struct ts_bytes *out = coder->out;

	/* Any number in the range will do: take the one with the most zeros at its end. */
	coder->low = (coder->low + RANGE_MIN - 1) & ~(__u64)(RANGE_MIN - 1);
	for (unsigned int i = 0; i < TAIL + 1; i++)
		settle_byte(coder);
	for (unsigned int i = 0; i < TAIL && out->length && !out->data[out->length - 1]; i++)
		out->length--;
}

struct ts_slot_coder *ts_slot_reader(struct ts_arena *arena, const unsigned char *data,
				     size_t length)
{
	struct ts_slot_coder *coder = coder_new(arena);

	coder->at = data;
	coder->end = data + length;
	for (unsigned int i = 0; i < TAIL; i++)
		coder->code = coder->code << 8 | next_byte(coder);
	return coder;
}

const char *ts_slots_take(struct ts_slot_coder *coder, struct ts_histogram *histogram, int *top)
{
	size_t slots = TS_HISTOGRAM_SLOTS(histogram->scale), count, first = 0;

	*top = -1;
	count = plain_bits(coder, PLACE_BITS, 0);
	if (count)
		first = plain_bits(coder, PLACE_BITS, 0);
	if (count > slots || first > slots - count)
		return "a histogram has more slots than there are";
	code_slots(coder, histogram->slot + first, count);
	for (size_t i = 0; i < slots; i++) {
		histogram->count += histogram->slot[i];
		if (histogram->slot[i])
			*top = (int)i;
	}
	return coder->beyond > TAIL ? "a histogram is cut off" : NULL;
}
