// SPDX-License-Identifier: GPL-2.0-only
/* The columns of numbers of tables: how each number differs from that of the window before. */
#include "frame_tables.h"

#include <string.h>

#include "arena.h"
#include "digits.h"

static bool reads(const struct ts_tables *tables)
{
	return ts_packer_reads(tables->packer);
}

static unsigned int bit_length(__u64 value)
{
	return value ? 64 - (unsigned int)__builtin_clzll(value) : 0;
}

__u64 ts_tables_near(struct ts_tables *tables, enum ts_table_kind kind, __u64 value, __u64 before,
		     unsigned int digits)
{
	unsigned int near = bit_length(before), length = bit_length(value);
	struct ts_packer *packer = tables->packer;
	bool longer;

	if (ts_pack_decision(packer, &tables->zero[kind][near], !value))
		return 0;
	if (ts_pack_decision(packer, &tables->length[kind][near], length == near))
		return ts_pack_digits(packer, &tables->digits[kind], near, value, digits, before);
	longer = ts_pack_decision(packer, &tables->longer[kind][near], length > near);
	if (reads(tables))
		length = longer ? near + 1 : near - 1;
	for (unsigned int at = longer ? near + 1 : near - 1, far = 0; at && at < TS_PACK_CLASSES;
	     at += longer ? 1 : -1u, far++) {
		length = reads(tables) ? at : length;
		if (ts_pack_decision(packer, &tables->distance[kind][longer][far], length == at) &&
		    length == at)
			break;
		if (reads(tables))
			length = 0;
	}
	if (!length || length >= TS_PACK_CLASSES) {
		ts_packer_fail(packer, "a number is too large");
		return 0;
	}
	return ts_pack_digits(packer, &tables->digits[kind], length, value, digits, 0);
}

/* Whether a number is the same as before. */
static bool pack_same(struct ts_tables *tables, enum ts_table_kind kind, struct ts_table_cell *cell,
		      __u64 value)
{
	bool same;

	if (!cell->known)
		return false;
	same = ts_pack_decision(tables->packer,
				&tables->same[kind][cell->history & 15][!cell->value],
				value == cell->value);
	cell->history = (unsigned char)(cell->history << 1 | same);
	return same;
}

static void pack_divisor(struct ts_tables *tables, __u64 *divisor, __u64 wanted)
{
	unsigned int before = TS_PACKER_FIRST;

	if (!ts_pack_decision(tables->packer, &tables->same_divisor[*divisor == 1],
			      wanted == *divisor))
		*divisor = ts_pack_number(tables->packer, &before, wanted, TS_PACKER_DIGITS);
}

void ts_tables_counters(struct ts_tables *tables, size_t number, unsigned int column, __u64 *values,
			size_t rows)
{
	struct ts_table_memory *memory = &tables->memory[number];
	unsigned int before = TS_PACKER_FIRST, digits = TS_TABLE_DIGITS;
	__u64 divisor;

	if (!rows || ts_tables_why(tables))
		return;
	pack_divisor(tables, &memory->divisor[column],
		     reads(tables) ? 0 : ts_frame_divisor(values, rows, digits));
	divisor = ts_frame_divide_by(memory->divisor[column], &digits);
	for (size_t i = 0; i < rows && !ts_packer_why(tables->packer); i++) {
		struct ts_table_cell *cell = &memory->row[i]->cell[column];
		__u64 near = divisor ? cell->value / divisor : 0;
		__u64 quotient = divisor ? values[i] / divisor : 0;

		if (pack_same(tables, TS_TABLE_COUNTER, cell, values[i])) {
			values[i] = cell->value;
		} else if (!divisor) {
			values[i] = 0;
		} else {
			quotient = near ? ts_tables_near(tables, TS_TABLE_COUNTER, quotient, near,
							 digits)
					: ts_pack_number(tables->packer, &before, quotient, digits);
			if (__builtin_mul_overflow(quotient, divisor, &values[i]))
				ts_packer_fail(tables->packer, "a counter is too large");
		}
		before = bit_length(divisor ? values[i] / divisor : 0);
		if (before >= TS_PACKER_FIRST)
			before = TS_PACKER_FIRST - 1;
		cell->value = values[i];
		cell->known = true;
	}
}

/* ---- doubles */

static __u64 bits_of(double value)
{
	__u64 bits;

	memcpy(&bits, &value, sizeof bits);
	return bits;
}

/* The difference from a number before, or the number itself where there was none. */
static __u64 pack_difference(struct ts_tables *tables, struct ts_table_cell *cell, __u64 number,
			     __u64 last, unsigned int *column_before)
{
	__u64 step = ts_frame_zigzag((__s64)(number - last));

	if (!cell->known)
		return ts_pack_number(tables->packer, column_before, number, TS_PACKER_DIGITS);
	step = ts_pack_number(tables->packer, &cell->before, step, TS_PACKER_DIGITS);
	return last + (__u64)ts_frame_unzigzag(step);
}

/* One more form: nanoseconds that are rounded. */
#define FORM_ROUNDED TS_FORMS

static __u64 form_of(double value, __u64 *number)
{
	enum ts_frame_form form = ts_frame_form_of(value, number);

	if (form != TS_FORM_NANOSECONDS || value < 0 ||
	    ts_digits_rest(*number >> 1, TS_TABLE_DIGITS))
		return form;
	*number >>= 1; /* zigzag of what is not negative */
	return FORM_ROUNDED;
}

/* The number of a double that was there before, in its form. */
static __u64 number_before(const struct ts_table_cell *cell)
{
	__u64 number;
	double last;

	memcpy(&last, &cell->value, sizeof last);
	form_of(last, &number);
	return number;
}

static __u64 pack_rounded(struct ts_tables *tables, const struct ts_table_cell *cell,
			  bool same_form, __u64 number, unsigned int *column_before)
{
	__u64 near = same_form ? number_before(cell) : 0;

	return near ? ts_tables_near(tables, TS_TABLE_GAUGE, number, near, TS_TABLE_DIGITS)
		    : ts_pack_number(tables->packer, column_before, number, TS_TABLE_DIGITS);
}

/* A double that is another one than before, or that there was none before. */
static double pack_double(struct ts_tables *tables, struct ts_table_cell *cell, double value,
			  unsigned int *column_before)
{
	struct ts_packer *packer = tables->packer;
	__u64 number = 0, form = reads(tables) ? 0 : form_of(value, &number);
	bool same_form = cell->known && ts_pack_decision(packer, &tables->same_form[cell->form],
							 form == cell->form);

	if (same_form)
		form = cell->form;
	else
		form = ts_pack_number(packer, &tables->form_before, form, TS_PACKER_DIGITS);
	if (form > FORM_ROUNDED) {
		ts_packer_fail(packer, "a value is written in an unknown way");
		return 0;
	}
	cell->form = (unsigned char)form;
	if (form == TS_FORM_BITS)
		return ts_frame_value_of(TS_FORM_BITS, ts_pack_bits(packer, 64, number));
	if (form == FORM_ROUNDED) {
		number = pack_rounded(tables, cell, same_form, number, column_before);
		return ts_frame_value_of(TS_FORM_NANOSECONDS, number << 1);
	}
	if (!same_form) {
		number = ts_pack_number(packer, column_before, number, TS_PACKER_DIGITS);
		return ts_frame_value_of((enum ts_frame_form)form, number);
	}
	number = pack_difference(tables, cell, (__u64)ts_frame_unzigzag(number),
				 (__u64)ts_frame_unzigzag(number_before(cell)), column_before);
	return ts_frame_value_of((enum ts_frame_form)form, ts_frame_zigzag((__s64)number));
}

static __u64 *number_room(struct ts_tables *tables, size_t rows)
{
	if (rows > tables->number_capacity) {
		tables->number_capacity = rows * 2;
		tables->number =
			ts_arena_alloc(tables->arena, tables->number_capacity * sizeof(__u64));
	}
	return tables->number;
}

/* What a double was before, as a multiple of the divisor. */
static __u64 last_count(const struct ts_table_cell *cell, __u64 divisor)
{
	double last;

	memcpy(&last, &cell->value, sizeof last);
	return divisor && last > 0 && last < 0x1p63 ? (__u64)last / divisor : 0;
}

/* Doubles that are counts: what they have in common is left out, as of counters. */
static void pack_counts(struct ts_tables *tables, struct ts_table_memory *memory,
			unsigned int column, double *values, size_t rows)
{
	unsigned int before = TS_PACKER_FIRST, digits = TS_PACKER_DIGITS;
	__u64 *number = number_room(tables, rows), divisor;

	for (size_t i = 0; i < rows && !reads(tables); i++)
		number[i] = (__u64)values[i];
	pack_divisor(tables, &memory->divisor[column],
		     reads(tables) ? 0 : ts_frame_divisor(number, rows, 1));
	divisor = ts_frame_divide_by(memory->divisor[column], &digits);
	for (size_t i = 0; i < rows && !ts_tables_why(tables); i++) {
		struct ts_table_cell *cell = &memory->row[i]->cell[column];
		__u64 count = divisor ? number[i] / divisor : 0;

		if (pack_same(tables, TS_TABLE_GAUGE, cell, bits_of(values[i]))) {
			memcpy(&values[i], &cell->value, sizeof values[i]);
		} else if (divisor) {
			count = pack_difference(tables, cell, count, last_count(cell, divisor),
						&before);
			values[i] = (double)(count * divisor);
		} else {
			values[i] = 0;
		}
		cell->value = bits_of(values[i]);
		cell->form = TS_FORM_INTEGER;
		cell->known = true;
	}
}

void ts_tables_gauges(struct ts_tables *tables, size_t number, unsigned int column, double *values,
		      size_t rows)
{
	struct ts_table_memory *memory = &tables->memory[number];
	bool *counts = &memory->counts[column];
	unsigned int before = TS_PACKER_FIRST;

	if (!rows || ts_tables_why(tables))
		return;
	*counts = ts_pack_decision(tables->packer, &tables->counts[*counts],
				   !reads(tables) && ts_frame_all_are_counts(values, rows));
	if (*counts) {
		pack_counts(tables, memory, column, values, rows);
		return;
	}
	for (size_t i = 0; i < rows && !ts_tables_why(tables); i++) {
		struct ts_table_cell *cell = &memory->row[i]->cell[column];

		if (pack_same(tables, TS_TABLE_GAUGE, cell, bits_of(values[i])))
			memcpy(&values[i], &cell->value, sizeof values[i]);
		else
			values[i] = pack_double(tables, cell, values[i], &before);
		cell->value = bits_of(values[i]);
		cell->known = true;
	}
}
