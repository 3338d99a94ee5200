/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The payload of a frame, uncompressed. Shared by the parts of frame.h only.
 *
 * Numbers are variable-length: seven bits a byte, lowest first, the top bit says that more follow.
 * Signed ones are zigzag: 0, -1, 1, -2, … A payload is a list of sections (number, length, bytes).
 *
 * Strings stand in a section of their own (frame_strings.h); elsewhere they are called by their
 * number, counted from 1, and 0 is the empty string. In the order they are needed their numbers go
 * up by one, so that a column of them, written as differences, is nearly all ones. A section that
 * calls strings begins with the number of the newest one called before it: a reader need not know
 * the sections in front. In a window of version 3 or later it does not, as these columns are packed
 * there, too.
 *
 * Tables are written by columns, because what is alike in them is so from row to row. Columns of
 * measured numbers, and since version 3 those of strings, are not in their section but in the last
 * one, packed (plainly since version 4), in the order of: times, families (what overflowed, then
 * the values of each), sufferers, programs. What a later version adds must not stand between them,
 * as a reader could not pass over it there.
 */
#ifndef TUNESCOPE_FRAME_PAYLOAD_H
#define TUNESCOPE_FRAME_PAYLOAD_H

#include "frame.h"

struct ts_packer;

enum ts_frame_section {
	TS_SECTION_STRINGS = 1,
	TS_SECTION_TIMES = 2,
	TS_SECTION_LABELS = 3, /* sets of label values; families with the same ones share a set */
	TS_SECTION_FAMILIES = 4,
	TS_SECTION_NETNS = 5,
	TS_SECTION_SUFFERERS = 6,
	TS_SECTION_PROBES = 7,
	TS_SECTION_COST = 8,
	TS_SECTION_HOST = 9,
	TS_SECTION_SETTINGS = 10,
	TS_SECTION_PACKED = 11,	  /* see above; the last, as zlib leaves it alone */
	TS_SECTION_FACTS = 12,	  /* of which run the window is; keys and values are strings */
	TS_SECTION_PROGRAMS = 13, /* of a context: how long each program of its windows is */
	TS_SECTION_WINDOWS = 14,  /* of a group, which: frame_group.h */
	TS_SECTION_COUNT,
};

/* More than any frame holds; they bound what a damaged one can ask for. */
#define TS_FRAME_STRINGS_MAX   (1u << 18)
#define TS_FRAME_SUFFERERS_MAX (1u << 14)
#define TS_FRAME_FACTS_MAX     256u
#define TS_FRAME_KEYS_MAX      16u /* label keys of a family */

/* "counter", "gauge", "peak", "histogram" */
const char *ts_frame_kind_name(enum ts_kind kind);

/* Strings one after the other, each with its zero byte. */
struct ts_frame_dictionary {
	const char *text;
	size_t length;
};
extern const struct ts_frame_dictionary ts_frame_dictionary_2, ts_frame_dictionary_3;

/* That of a format version there is. */
const struct ts_frame_dictionary *ts_frame_dictionary(unsigned int version);

__u64 ts_frame_zigzag(__s64 value);
__s64 ts_frame_unzigzag(__u64 value);

/* ---- columns of values, written or read (frame_values.c) */

void ts_frame_pack_counters(struct ts_packer *packer, __u64 *values, size_t count);
void ts_frame_pack_doubles(struct ts_packer *packer, double *values, size_t count);
/* arena: for what is needed meanwhile. */
void ts_frame_pack_gauges(struct ts_packer *packer, double *values, size_t count,
			  struct ts_arena *arena);

/* Histograms: the flags of all, then (when reading, after they are made from their flags) the rest.
 */
void ts_frame_pack_flags(struct ts_packer *packer, struct ts_histogram *const *histogram,
			 unsigned char *flags, size_t count);
struct ts_histogram *ts_frame_new_histogram(struct ts_arena *arena, unsigned char flags,
					    enum ts_unit unit);
size_t ts_frame_histogram_bytes(unsigned char flags);
void ts_frame_pack_histograms(struct ts_packer *packer, struct ts_histogram *const *histogram,
			      const unsigned char *flags, size_t count, struct ts_arena *arena);

/* The parts of that, for who writes them in another order. */
unsigned int ts_frame_histogram_flags(const struct ts_histogram *histogram);
int ts_frame_top_slot(const struct ts_histogram *histogram); /* in use; -1: none */
__u64 ts_frame_slot_bound(unsigned int scale, enum ts_unit unit, unsigned int slot);
/* How many slots are not rounded; the last of them. */
unsigned int ts_frame_unrounded_slots(const struct ts_histogram *histogram, int top,
				      unsigned int *last);
/* After reading: what the slots tell of the rest. */
void ts_frame_conclude(struct ts_packer *packer, struct ts_histogram *histogram,
		       unsigned char flags);
/* What all values are multiples of; or the number that says that they have so many digits. */
__u64 ts_frame_divisor(const __u64 *values, size_t count, unsigned int digits);
/*
 * What that is: the divisor (0: all values are 0). digits are those of rounded ones, and become all
 * there are when they are not.
 */
__u64 ts_frame_divide_by(__u64 written, unsigned int *digits);
/* Whole numbers, not negative. */
bool ts_frame_all_are_counts(const double *values, size_t count);
/* How a double is written, and the number for it (of which form 0 is bits). */
enum ts_frame_form { TS_FORM_BITS, TS_FORM_INTEGER, TS_FORM_NANOSECONDS, TS_FORMS };
enum ts_frame_form ts_frame_form_of(double value, __u64 *number);
double ts_frame_value_of(enum ts_frame_form form, __u64 number);

/* A histogram's flags that say what follows. */
#define TS_FLAG_EMPTY	     8u	 /* no more about it */
#define TS_FLAG_MAX_IS_BOUND 16u /* as in struct ts_histogram */
#define TS_FLAG_MAX_FROM_TOP 32u /* the bound of the highest slot in use, and not written */
#define TS_FLAG_ROUNDED	     64u /* all slots but one at most, as by ts_histogram_round */
bool ts_frame_flags_known(__u64 flags);

/* ---- writing */

void ts_frame_put_number(struct ts_bytes *out, __u64 value);
void ts_frame_put_signed(struct ts_bytes *out, __s64 value);
/* The body is freed. */
void ts_frame_put_section(struct ts_bytes *out, enum ts_frame_section number,
			  struct ts_bytes *body);
/* "block_latency histogram seconds device op": name, kind, unit, label keys. */
const char *ts_frame_describe(struct ts_arena *arena, const struct ts_family *family);
/*
 * Numbers of strings: the first as the difference from the newest so far, which is kept up. Packed
 * where there is a packer.
 */
void ts_frame_put_references(struct ts_bytes *out, struct ts_packer *packer, const __u32 *strings,
			     size_t count, __u32 *newest);
/* One of them, written or read; before: the one it most likely is or follows. */
__u32 ts_frame_pack_reference(struct ts_packer *packer, __u32 value, __u32 before, __u32 *newest,
			      size_t limit);
/* Sections without a header or compression. */
void ts_frame_payload_window(const struct ts_window *window, struct ts_bytes *out);
void ts_frame_payload_context(const struct ts_window *window, struct ts_bytes *out);

/* ---- reading */

/*
 * Bytes that are read from the front. What is wrong first is kept in why; from then on there is
 * nothing left to read and all numbers are 0, so that callers check once, at the end of a loop that
 * is bounded otherwise.
 */
struct ts_frame_cursor {
	const unsigned char *at, *end;
	const char *why;
	__u32 newest; /* string */
};

__u64 ts_frame_take_number(struct ts_frame_cursor *cursor);
__s64 ts_frame_take_signed(struct ts_frame_cursor *cursor);
/* Checked to be an int. */
int ts_frame_int(struct ts_frame_cursor *cursor, __s64 value);
/* A number of things of which each takes at least one byte of what is left, and at most limit. */
size_t ts_frame_take_count(struct ts_frame_cursor *cursor, size_t limit);
/* Each checked to be at most limit. */
void ts_frame_take_references(struct ts_frame_cursor *cursor, struct ts_packer *packer,
			      __u32 *values, size_t count, size_t limit);
size_t ts_frame_cursor_left(const struct ts_frame_cursor *cursor);
void ts_frame_cursor_fail(struct ts_frame_cursor *cursor, const char *why);

/*
 * What decoding may allocate: a small multiple of the payload and a fixed part, so that a few bytes
 * cannot claim gigabytes.
 */
struct ts_frame_budget {
	struct ts_arena *arena;
	size_t left;
};
/* False or NULL, and the cursor fails, when it is used up. */
bool ts_frame_spend(struct ts_frame_budget *budget, struct ts_frame_cursor *cursor, size_t bytes);
void *ts_frame_alloc(struct ts_frame_budget *budget, struct ts_frame_cursor *cursor, size_t count,
		     size_t size);

/* Compresses the first bytes of a payload, stores the rest, and appends the frame with its header.
 */
void ts_frame_append(struct ts_frame_header *header, const struct ts_bytes *raw, size_t first,
		     struct ts_bytes *out);
/* The payload of a valid frame, in the arena; NULL: damaged. */
unsigned char *ts_frame_expand(struct ts_arena *arena, const struct ts_frame_header *header,
			       const void *frame);
/* As many bytes of its beginning as there are, at most so many; SIZE_MAX: damaged. */
size_t ts_frame_expand_start(const struct ts_frame_header *header, const void *frame,
			     unsigned char *start, size_t length);

/* The payload is header->raw_length bytes; otherwise as in frame.h. */
int ts_frame_payload_read_window(const struct ts_frame_header *header, const unsigned char *payload,
				 struct ts_window *window, struct ts_frame_unknown *unknown,
				 const char **why);
int ts_frame_payload_read_context(const struct ts_frame_header *header,
				  const unsigned char *payload, struct ts_window *window,
				  struct ts_frame_unknown *unknown, const char **why);

#endif
