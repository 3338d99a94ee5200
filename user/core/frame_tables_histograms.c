// SPDX-License-Identifier: GPL-2.0-only
/*
 * Histograms of windows that follow each other. How full a slot is going to be is known from what
 * it was on average, scaled to how busy this window is as far as its lower slots tell, and from the
 * two slots before it.
 */
#include "frame_tables.h"

#include <string.h>

#include "arena.h"
#include "digits.h"
#include "histogram.h"

#define MEAN_BITS    4		/* of a mean behind the point */
#define MEAN_WINDOWS 4u		/* a window counts for so much of the mean at least */
#define COUNTED_MAX  (1u << 24) /* a slot is expected to be no fuller than that */
#define DECAY	     8		/* of how busy the window is: so much of the next slot counts */
/* Of sixteen: what the mean says, and the slots before. */
#define BY_MEAN	 11
#define BY_SLOTS 5

static unsigned int slots_of(unsigned int scale)
{
	return TS_HISTOGRAM_SLOTS(scale);
}

/* ---- the rest of a histogram from its slots */

static __u64 middle_of(unsigned int scale, enum ts_unit unit, unsigned int slot)
{
	__u64 low = slot ? ts_frame_slot_bound(scale, unit, slot - 1) : 0;

	return low + (ts_frame_slot_bound(scale, unit, slot) - low) / 2;
}

/* Of all slots; made when first needed and never changed. */
static const __u64 *middles(unsigned int scale, enum ts_unit unit)
{
	static __u64 *made[TS_HISTOGRAM_SCALE_GLOBAL + 1][2];
	__u64 **middle = &made[scale][unit == TS_UNIT_BYTES];

	if (*middle)
		return *middle;
	*middle = ts_memory_resize(NULL, slots_of(scale) * sizeof **middle);
	for (unsigned int i = 0; i < slots_of(scale); i++)
		(*middle)[i] = middle_of(scale, unit, i);
	return *middle;
}

/* What the sum is if all values are in the middle of their slots. */
static __u64 sum_of_middles(const struct ts_histogram *histogram)
{
	const __u64 *middle = middles(histogram->scale, histogram->unit), most = 1ULL << 62;
	int top = ts_frame_top_slot(histogram);
	unsigned __int128 sum = 0;

	for (int i = 0; i <= top; i++) {
		sum += (unsigned __int128)histogram->slot[i] * middle[i];
		if (sum > most)
			return most;
	}
	return (__u64)sum;
}

static unsigned int bit_length(__u64 value)
{
	return value ? 64 - (unsigned int)__builtin_clzll(value) : 0;
}

/* The sum has only so many digits, as a rule, and the first ones are those of the middles' sum. */
static __u64 pack_sum(struct ts_tables *tables, __u64 sum, __u64 near)
{
	struct ts_packer *packer = tables->packer;
	bool rounded = !ts_digits_rest(sum, TS_TABLE_DIGITS);
	unsigned int digits, behind = ts_digits_behind(near, TS_TABLE_DIGITS);
	__u64 difference = ts_frame_zigzag((__s64)(sum >> behind) - (__s64)(near >> behind));

	rounded = ts_pack_decision(packer, &tables->sum_rounded, rounded);
	digits = rounded ? TS_TABLE_DIGITS : TS_PACKER_DIGITS;
	if (!near)
		return ts_pack_number(packer, &tables->sum_before, sum, digits);
	if (!rounded ||
	    !ts_pack_decision(packer, &tables->sum_length, bit_length(sum) == bit_length(near)))
		return ts_tables_near(tables, TS_TABLE_SUM, sum, near, digits);
	difference = ts_pack_number(packer, &tables->sum_before, difference, TS_PACKER_DIGITS);
	return ((near >> behind) + (__u64)ts_frame_unzigzag(difference)) << behind;
}

/* ---- slots */

/* How full one is going to be: what is known of it and of those below. */
struct expectation {
	__u64 before, earlier;	/* the two slots below */
	__u64 seen, seen_usual; /* of the slots below, here and on average, in MEAN_BITS */
};

static __u64 at_most(__u64 value, __u64 most)
{
	return value < most ? value : most;
}

/* In MEAN_BITS. */
static __u64 expected(const struct expectation *e, __u64 mean)
{
	const __u64 some = 2 << MEAN_BITS;
	__u64 usual = at_most(mean, (__u64)COUNTED_MAX << MEAN_BITS) * (e->seen + some) /
		      (e->seen_usual + some);
	__u64 near = (2 * e->before + e->earlier) * (1 << MEAN_BITS) / 3;

	return (usual * BY_MEAN + near * BY_SLOTS) / (BY_MEAN + BY_SLOTS);
}

static void go_on(struct expectation *e, __u64 slot, __u64 mean)
{
	slot = at_most(slot, COUNTED_MAX);
	e->seen = e->seen - e->seen / DECAY + (slot << MEAN_BITS);
	e->seen_usual = e->seen_usual - e->seen_usual / DECAY +
			at_most(mean, (__u64)COUNTED_MAX << MEAN_BITS);
	e->earlier = e->before;
	e->before = slot;
}

static __u64 pack_slot(struct ts_tables *tables, const struct expectation *e, __u64 mean,
		       __u64 slot, unsigned int digits)
{
	__u64 near = expected(e, mean);
	unsigned int level = ts_pack_level(near >> (MEAN_BITS - 2)); /* of four times it */

	if (level >= TS_PACK_LEVELS)
		level = TS_PACK_LEVELS - 1;
	return ts_pack_by_level(tables->packer, &tables->slots, level,
				level > 2 ? level / 2 - 2 : 0, slot, digits, near >> MEAN_BITS);
}

static void pack_slots(struct ts_tables *tables, struct ts_histogram *histogram,
		       const struct ts_table_past *past, __u64 first, __u64 end,
		       unsigned int digits)
{
	struct expectation e = {0};

	for (__u64 i = first; i < end; i++) {
		__u64 slot = pack_slot(tables, &e, past->mean[i], histogram->slot[i], digits);

		if (ts_packer_reads(tables->packer))
			histogram->slot[i] = slot;
		go_on(&e, slot, past->mean[i]);
	}
}

/* Afterwards: the mean of the last windows, which the first ones make up alone. */
static void remember(struct ts_table_past *past, const struct ts_histogram *histogram)
{
	unsigned int windows;

	past->seen += past->seen < MEAN_WINDOWS;
	windows = past->seen;
	for (unsigned int i = 0; i < slots_of(histogram->scale); i++) {
		__u64 slot = at_most(histogram->slot[i], COUNTED_MAX) << MEAN_BITS;

		if (slot || past->mean[i])
			past->mean[i] =
				(__u32)(((__u64)past->mean[i] * (windows - 1) + slot) / windows);
	}
}

/* ---- the slot that makes up for the rest of all that are rounded: the fullest, as a rule */

static unsigned int fullest_slot(const struct ts_histogram *histogram, __u64 first, __u64 end,
				 unsigned int exception, __u64 rest)
{
	unsigned int fullest = (unsigned int)first;

	for (__u64 i = first; i < end; i++) {
		__u64 here = histogram->slot[i] - (i == exception ? rest : 0);
		__u64 most = histogram->slot[fullest] - (fullest == exception ? rest : 0);

		if (here > most)
			fullest = (unsigned int)i;
	}
	return fullest;
}

static void pack_exception(struct ts_tables *tables, struct ts_histogram *histogram, __u64 first,
			   __u64 end)
{
	struct ts_packer *packer = tables->packer;
	bool write = !ts_packer_reads(packer);
	unsigned int exception = ~0u, exceptions = 0, fullest;
	__u64 rest = 0;

	if (write)
		exceptions = ts_frame_unrounded_slots(histogram, (int)end - 1, &exception);
	if (!ts_pack_decision(packer, &tables->has_exception, exceptions))
		return;
	if (write)
		rest = ts_digits_rest(histogram->slot[exception], TS_HISTOGRAM_DIGITS);
	fullest = fullest_slot(histogram, first, end, exception, rest);
	if (ts_pack_decision(packer, &tables->is_fullest, exception == fullest))
		exception = fullest;
	else
		exception = (unsigned int)ts_pack_bits(packer, 10, exception);
	rest = ts_pack_number(packer, &tables->rest_before, rest, TS_PACKER_DIGITS);
	if (exception >= slots_of(histogram->scale))
		ts_packer_fail(packer, "a histogram has more slots than there are");
	else if (!write)
		histogram->slot[exception] += rest;
}

/* ---- histograms */

/* How far the slots in use go beyond those of the window before. */
static __u64 pack_beyond(struct ts_tables *tables, unsigned int *before, __u64 beyond)
{
	return ts_pack_number(tables->packer, before, beyond, TS_PACKER_DIGITS);
}

/*
 * The slots that are written: those in use and what was so before. An empty one among them costs
 * less than to say where exactly they begin and end.
 */
static bool pack_place(struct ts_tables *tables, const struct ts_histogram *histogram,
		       struct ts_table_past *past, __u64 *from, __u64 *to)
{
	__u64 first = 0, end = (__u64)(ts_frame_top_slot(histogram) + 1), before, behind;
	bool used = past->first < past->end;

	while (first < end && !histogram->slot[first])
		first++;
	if (!used)
		past->first = past->end = first;
	before = first < end && first < past->first ? past->first - first : 0;
	behind = end > past->end ? end - past->end : 0;
	if (!used)
		past->first = past->end = ts_pack_number(tables->packer, &tables->first_before,
							 past->first, TS_PACKER_DIGITS);
	before = pack_beyond(tables, &past->first_before, before);
	behind = pack_beyond(tables, &past->end_before, behind);
	*from = past->first - before;
	*to = past->end + behind;
	if (before > past->first || behind > slots_of(past->scale) ||
	    past->end > slots_of(past->scale) - behind) {
		ts_packer_fail(tables->packer, "a histogram has more slots than there are");
		return false;
	}
	return true;
}

/* Where they are looked for the next time. */
static void note_place(const struct ts_histogram *histogram, struct ts_table_past *past)
{
	__u64 end = (__u64)(ts_frame_top_slot(histogram) + 1), first = 0;

	while (first < end && !histogram->slot[first])
		first++;
	past->first = first;
	past->end = end;
}

static struct ts_table_past *past_of(struct ts_tables *tables, struct ts_table_row *row,
				     unsigned int scale)
{
	size_t size = sizeof *row->past + slots_of(scale) * sizeof row->past->mean[0];
	struct ts_table_past *past = row->past;

	if (past && past->scale == scale)
		return past;
	if (past) {
		past->next = tables->free_past[past->scale];
		tables->free_past[past->scale] = past;
	}
	row->past = past = tables->free_past[scale];
	if (past) {
		tables->free_past[scale] = past->next;
		memset(past, 0, size);
	} else if (ts_frame_spend(&tables->budget, &tables->cursor, size)) {
		row->past = past = ts_arena_alloc(tables->arena, size);
	}
	if (past)
		past->scale = scale;
	return past;
}

static void pack_histogram(struct ts_tables *tables, struct ts_table_row *row,
			   struct ts_histogram *histogram, unsigned char flags)
{
	struct ts_table_past *past = past_of(tables, row, histogram->scale);
	bool rounded = flags & TS_FLAG_ROUNDED;
	unsigned int before = TS_PACKER_FIRST;
	__u64 first, end;

	if (!past || !pack_place(tables, histogram, past, &first, &end))
		return;
	pack_slots(tables, histogram, past, first, end,
		   rounded ? TS_HISTOGRAM_DIGITS : TS_PACKER_DIGITS);
	if (rounded && first < end)
		pack_exception(tables, histogram, first, end);
	remember(past, histogram);
	note_place(histogram, past);
	histogram->sum = pack_sum(tables, histogram->sum, sum_of_middles(histogram));
	if (!(flags & TS_FLAG_MAX_FROM_TOP))
		histogram->max =
			ts_pack_number(tables->packer, &before, histogram->max, TS_PACKER_DIGITS);
}

void ts_tables_flags(struct ts_tables *tables, size_t number, struct ts_histogram *const *histogram,
		     unsigned char *flags, size_t rows)
{
	struct ts_packer *packer = tables->packer;

	for (size_t i = 0; i < rows && !ts_tables_why(tables); i++) {
		struct ts_table_cell *cell = &tables->memory[number].row[i]->cell[0];
		__u64 wanted = ts_packer_reads(packer) ? 0 : ts_frame_histogram_flags(histogram[i]);

		if (cell->known &&
		    ts_pack_decision(packer, &tables->same_flags[cell->value & TS_FLAG_EMPTY],
				     wanted == cell->value))
			wanted = cell->value;
		else
			wanted = ts_pack_number(packer, &tables->flags_before, wanted,
						TS_PACKER_DIGITS);
		if (!ts_frame_flags_known(wanted))
			ts_packer_fail(packer, "a histogram of an unknown kind");
		flags[i] = (unsigned char)wanted;
		cell->value = wanted;
		cell->known = true;
	}
}

void ts_tables_histograms(struct ts_tables *tables, size_t number,
			  struct ts_histogram *const *histogram, const unsigned char *flags,
			  size_t rows)
{
	for (size_t i = 0; i < rows && !ts_tables_why(tables); i++) {
		if (flags[i] & TS_FLAG_EMPTY)
			continue;
		pack_histogram(tables, tables->memory[number].row[i], histogram[i], flags[i]);
		if (ts_packer_reads(tables->packer) && !ts_tables_why(tables))
			ts_frame_conclude(tables->packer, histogram[i], flags[i]);
	}
}
