// SPDX-License-Identifier: GPL-2.0-only
/*
 * The values of a family's series, column by column, through the packer: the same function writes
 * them and reads them.
 */
#include "frame_payload.h"

#include <math.h>
#include <string.h>

#include "arena.h"
#include "digits.h"
#include "frame_packer.h"
#include "histogram.h"

/* ---- counters */

static __u64 greatest_common_divisor(__u64 a, __u64 b)
{
	while (b) {
		__u64 rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* What it must save: a few bits for each of the values. */
#define DIVISOR_MIN 16

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

/* Instead of a divisor: none is longer than so many binary digits, but for zeros. */
#define IS_ROUNDED 2

static bool all_are_rounded(const __u64 *values, size_t count, unsigned int digits)
{
	for (size_t i = 0; i < count; i++)
		if (ts_digits_rest(values[i], digits))
			return false;
	return true;
}

/* A number that stands alone. */
static __u64 pack_single(struct ts_packer *packer, __u64 value)
{
	unsigned int before = TS_PACKER_FIRST;

	return ts_pack_number(packer, &before, value, TS_PACKER_DIGITS);
}

__u64 ts_frame_divisor(const __u64 *values, size_t count, unsigned int digits)
{
	__u64 divisor = common_divisor(values, count);

	return divisor == 1 && all_are_rounded(values, count, digits) ? IS_ROUNDED : divisor;
}

__u64 ts_frame_divide_by(__u64 written, unsigned int *digits)
{
	if (written == IS_ROUNDED)
		return 1;
	*digits = TS_PACKER_DIGITS;
	return written;
}

void ts_frame_pack_counters(struct ts_packer *packer, __u64 *values, size_t count)
{
	unsigned int before = TS_PACKER_FIRST;
	unsigned int digits = TS_FRAME_DIGITS;
	__u64 divisor = 0;

	if (!count)
		return;
	if (!ts_packer_reads(packer))
		divisor = ts_frame_divisor(values, count, digits);
	divisor = ts_frame_divide_by(pack_single(packer, divisor), &digits);
	for (size_t i = 0; i < count && !ts_packer_why(packer); i++) {
		__u64 quotient = divisor ? values[i] / divisor : 0;

		if (divisor)
			quotient = ts_pack_number(packer, &before, quotient, digits);
		if (__builtin_mul_overflow(quotient, divisor, &values[i]))
			ts_packer_fail(packer, "a counter is too large");
	}
}

/* ---- doubles: integers, whole nanoseconds, or all 64 bits */

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

enum ts_frame_form ts_frame_form_of(double value, __u64 *number)
{
	__s64 integer;

	if (is_integer_of(value, 1, &integer)) {
		*number = ts_frame_zigzag(integer);
		return TS_FORM_INTEGER;
	}
	if (is_integer_of(value, NS_PER_SECOND, &integer)) {
		*number = ts_frame_zigzag(integer);
		return TS_FORM_NANOSECONDS;
	}
	*number = double_bits(value);
	return TS_FORM_BITS;
}

double ts_frame_value_of(enum ts_frame_form form, __u64 number)
{
	double value;

	if (form == TS_FORM_INTEGER)
		return (double)ts_frame_unzigzag(number);
	if (form == TS_FORM_NANOSECONDS)
		return (double)ts_frame_unzigzag(number) / NS_PER_SECOND;
	memcpy(&value, &number, sizeof value);
	return value;
}

void ts_frame_pack_doubles(struct ts_packer *packer, double *values, size_t count)
{
	unsigned int before = TS_PACKER_FIRST, form_before = TS_PACKER_FIRST;

	for (size_t i = 0; i < count && !ts_packer_why(packer); i++) {
		__u64 number, form = ts_frame_form_of(values[i], &number);

		form = ts_pack_number(packer, &form_before, form, TS_PACKER_DIGITS);
		if (form >= TS_FORMS) {
			ts_packer_fail(packer, "a value is written in an unknown way");
			return;
		}
		number = form == TS_FORM_BITS
				 ? ts_pack_bits(packer, 64, number)
				 : ts_pack_number(packer, &before, number, TS_PACKER_DIGITS);
		values[i] = ts_frame_value_of((enum ts_frame_form)form, number);
	}
}

bool ts_frame_all_are_counts(const double *values, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		__s64 integer;

		if (!is_integer_of(values[i], 1, &integer) || integer < 0)
			return false;
	}
	return true;
}

/* Gauges that are all whole numbers, not negative, are written as counters are. */
void ts_frame_pack_gauges(struct ts_packer *packer, double *values, size_t count,
			  struct ts_arena *arena)
{
	__u64 *numbers, counts;

	if (!count)
		return;
	counts = pack_single(packer,
			     !ts_packer_reads(packer) && ts_frame_all_are_counts(values, count));
	if (!counts) {
		ts_frame_pack_doubles(packer, values, count);
		return;
	}
	numbers = ts_arena_alloc(arena, count * sizeof *numbers);
	for (size_t i = 0; i < count && !ts_packer_reads(packer); i++)
		numbers[i] = (__u64)values[i];
	ts_frame_pack_counters(packer, numbers, count);
	for (size_t i = 0; i < count; i++)
		values[i] = (double)numbers[i];
}

/* ---- histograms: a number of flags and the scale, slots, sum, maximum */

/* The scale in the lowest bits. */
#define SCALE_MASK  7u
#define KNOWN_FLAGS 127u
#define PLACE_BITS  10 /* of a slot's number */

static unsigned int slots_of(unsigned int scale)
{
	return TS_HISTOGRAM_SLOTS(scale);
}

/*
 * The largest value (ns or bytes) of a slot. Found with the integers that sort values into slots,
 * so that it is the same number everywhere. The last slot has no bound.
 */
__u64 ts_frame_slot_bound(unsigned int scale, enum ts_unit unit, unsigned int slot)
{
	__u64 low = 0, high = 1ULL << 63; /* low is within, high is beyond */

	while (high - low > 1) {
		__u64 middle = low + (high - low) / 2;

		if (ts_histogram_slot(scale, unit, middle) <= slot)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* The highest slot in use; -1 when there is none. */
int ts_frame_top_slot(const struct ts_histogram *histogram)
{
	int top = (int)slots_of(histogram->scale) - 1;

	while (top >= 0 && !histogram->slot[top])
		top--;
	return top;
}

static __u64 slot_rest(__u64 count)
{
	return ts_digits_rest(count, TS_HISTOGRAM_DIGITS);
}

/* How many slots are not rounded; the last of them. */
unsigned int ts_frame_unrounded_slots(const struct ts_histogram *histogram, int top,
				      unsigned int *last)
{
	unsigned int count = 0;

	for (unsigned int i = 0; (int)i <= top; i++) {
		if (!slot_rest(histogram->slot[i]))
			continue;
		*last = i;
		count++;
	}
	return count;
}

/* The maximum is the largest value of the slot: the next one belongs to another. */
static bool is_slot_bound(const struct ts_histogram *histogram, unsigned int slot)
{
	__u64 max = histogram->max;

	return ts_histogram_slot(histogram->scale, histogram->unit, max) == slot &&
	       ts_histogram_slot(histogram->scale, histogram->unit, max + 1) != slot;
}

unsigned int ts_frame_histogram_flags(const struct ts_histogram *histogram)
{
	unsigned int flags = histogram->scale, exception;
	int top = ts_frame_top_slot(histogram);

	if (histogram->max_is_bound)
		flags |= TS_FLAG_MAX_IS_BOUND;
	if (ts_frame_unrounded_slots(histogram, top, &exception) <= 1)
		flags |= TS_FLAG_ROUNDED;
	if (top < 0)
		return histogram->sum || histogram->max ? flags : flags | TS_FLAG_EMPTY;
	if (histogram->max_is_bound && top < (int)slots_of(histogram->scale) - 1 &&
	    is_slot_bound(histogram, (unsigned int)top))
		flags |= TS_FLAG_MAX_FROM_TOP;
	return flags;
}

/*
 * Of a rounded histogram the slot that made up for the rest: what was rounded off of it, as that
 * was left out among the others.
 */
static void pack_exception(struct ts_packer *packer, struct ts_histogram *histogram,
			   unsigned int exception, __u64 rest)
{
	exception = (unsigned int)ts_pack_bits(packer, PLACE_BITS, exception);
	rest = pack_single(packer, rest);
	if (exception >= slots_of(histogram->scale))
		ts_packer_fail(packer, "a histogram has more slots than there are");
	else if (ts_packer_reads(packer))
		histogram->slot[exception] += rest;
}

/* Where the slots of a histogram lie; and of the one before: a rounded one says how far from it. */
struct place {
	__u64 first, count;
	unsigned int first_before, count_before; /* lengths, as of any column */
};

static __u64 pack_near(struct ts_packer *packer, unsigned int *before, __u64 last, __u64 number)
{
	__u64 step = ts_frame_zigzag((__s64)(number - last));

	step = ts_pack_number(packer, before, step, TS_PACKER_DIGITS);
	return last + (__u64)ts_frame_unzigzag(step);
}

static void pack_place(struct ts_packer *packer, struct place *place, bool rounded, __u64 *first,
		       __u64 *count)
{
	if (!rounded) {
		*count = ts_pack_bits(packer, PLACE_BITS, *count);
		if (*count)
			*first = ts_pack_bits(packer, PLACE_BITS, *first);
		return;
	}
	*count = pack_near(packer, &place->count_before, place->count, *count);
	if (*count)
		*first = pack_near(packer, &place->first_before, place->first, *first);
	place->count = *count;
	place->first = *first;
}

/* The slots in use and those between them. */
static void pack_slots(struct ts_packer *packer, struct ts_histogram *histogram, bool rounded,
		       struct place *place)
{
	int top = ts_frame_top_slot(histogram);
	unsigned int exception = 0, exceptions = 0;
	__u64 first = 0, count;

	while (top >= 0 && !histogram->slot[first])
		first++;
	count = top >= 0 ? (__u64)top - first + 1 : 0;
	pack_place(packer, place, rounded, &first, &count);
	if (count > slots_of(histogram->scale) || first > slots_of(histogram->scale) - count) {
		ts_packer_fail(packer, "a histogram has more slots than there are");
		return;
	}
	if (rounded)
		exceptions = ts_frame_unrounded_slots(histogram, top, &exception);
	ts_pack_slots(packer, histogram->slot + first, count,
		      rounded ? TS_HISTOGRAM_DIGITS : TS_PACKER_DIGITS);
	if (rounded && ts_pack_bits(packer, 1, exceptions))
		pack_exception(packer, histogram, exception, slot_rest(histogram->slot[exception]));
}

bool ts_frame_flags_known(__u64 flags)
{
	return flags <= KNOWN_FLAGS && (flags & SCALE_MASK) <= TS_HISTOGRAM_SCALE_GLOBAL;
}

void ts_frame_pack_flags(struct ts_packer *packer, struct ts_histogram *const *histogram,
			 unsigned char *flags, size_t count)
{
	unsigned int before = TS_PACKER_FIRST;

	for (size_t i = 0; i < count && !ts_packer_why(packer); i++) {
		__u64 number = ts_packer_reads(packer) ? 0 : ts_frame_histogram_flags(histogram[i]);

		number = ts_pack_number(packer, &before, number, TS_PACKER_DIGITS);
		if (!ts_frame_flags_known(number))
			ts_packer_fail(packer, "a histogram of an unknown kind");
		flags[i] = (unsigned char)number;
	}
}

struct ts_histogram *ts_frame_new_histogram(struct ts_arena *arena, unsigned char flags,
					    enum ts_unit unit)
{
	struct ts_histogram *histogram = ts_histogram_new(arena, flags & SCALE_MASK, unit);

	histogram->max_is_bound = flags & TS_FLAG_MAX_IS_BOUND;
	return histogram;
}

size_t ts_frame_histogram_bytes(unsigned char flags)
{
	return sizeof(struct ts_histogram) + slots_of(flags & SCALE_MASK) * sizeof(__u64);
}

/* What has been read of a histogram is complete but for what its slots tell. */
void ts_frame_conclude(struct ts_packer *packer, struct ts_histogram *histogram,
		       unsigned char flags)
{
	int top = ts_frame_top_slot(histogram);

	for (int i = 0; i <= top; i++)
		histogram->count += histogram->slot[i];
	if (!(flags & TS_FLAG_MAX_FROM_TOP))
		return;
	if (top < 0)
		ts_packer_fail(packer, "a histogram has a maximum and no values");
	else
		histogram->max =
			ts_frame_slot_bound(histogram->scale, histogram->unit, (unsigned int)top);
}

void ts_frame_pack_histograms(struct ts_packer *packer, struct ts_histogram *const *histogram,
			      const unsigned char *flags, size_t count, struct ts_arena *arena)
{
	__u64 *sums = ts_arena_alloc(arena, count * sizeof *sums);
	__u64 *maxima = ts_arena_alloc(arena, count * sizeof *maxima);
	struct place place = {0, 0, TS_PACKER_FIRST, TS_PACKER_FIRST};
	size_t filled = 0, given = 0;

	for (size_t i = 0; i < count && !ts_packer_why(packer); i++) {
		if (flags[i] & TS_FLAG_EMPTY)
			continue;
		pack_slots(packer, histogram[i], flags[i] & TS_FLAG_ROUNDED, &place);
		sums[filled++] = histogram[i]->sum;
		if (!(flags[i] & TS_FLAG_MAX_FROM_TOP))
			maxima[given++] = histogram[i]->max;
	}
	ts_frame_pack_counters(packer, sums, filled);
	ts_frame_pack_counters(packer, maxima, given);
	if (!ts_packer_reads(packer) || ts_packer_why(packer))
		return;
	filled = given = 0;
	for (size_t i = 0; i < count; i++) {
		if (flags[i] & TS_FLAG_EMPTY)
			continue;
		histogram[i]->sum = sums[filled++];
		if (!(flags[i] & TS_FLAG_MAX_FROM_TOP))
			histogram[i]->max = maxima[given++];
		ts_frame_conclude(packer, histogram[i], flags[i]);
	}
}
