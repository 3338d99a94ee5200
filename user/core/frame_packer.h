/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packs numbers with a range coder. The values of the series and the slots of the histograms are
 * most of a frame, and noise to zlib; but a slot is about as full as the two before it, and a value
 * about as long as the one before it, which saves a quarter.
 *
 * It is one stream of binary decisions, each coded with the odds that were seen so far in the same
 * situation. The odds adapt while writing and, in the same way, while reading; there is integer
 * arithmetic only, so both come to the same numbers on every machine.
 *
 * The same calls write and read: what is passed is written, and what is returned is what was
 * written. A stream that is damaged gives any numbers, but never more than were asked for.
 */
#ifndef TUNESCOPE_FRAME_PACKER_H
#define TUNESCOPE_FRAME_PACKER_H

#include "frame.h"

struct ts_packer;

/* How often a decision was no and yes: two weights. {0} is what nothing is known about. */
struct ts_pack_odds {
	__u16 zero, one;
};

#define TS_PACK_CLASSES 65 /* lengths in bits of a number, 0 to 64 */
#define TS_PACK_LEVELS	50 /* what is expected: two for each doubling */

/* Of the binary digits behind the highest, by what the number is near to. */
struct ts_pack_digits {
	struct ts_pack_odds second[TS_PACK_CLASSES][3];
	struct ts_pack_odds third[TS_PACK_CLASSES][2][3];
};

/* One for each kind of numbers. */
struct ts_pack_model {
	struct ts_pack_odds class[TS_PACK_LEVELS][TS_PACK_CLASSES]; /* longer than so many bits? */
	struct ts_pack_digits digits;
};

/*
 * A plain packer takes the same calls and leaves numbers as they are: larger, and several times
 * faster. Calls for who keeps odds of its own are not for it.
 */
struct ts_packer *ts_packer_plain_writer(struct ts_arena *arena, struct ts_bytes *out);
struct ts_packer *ts_packer_plain_reader(struct ts_arena *arena, const unsigned char *data,
					 size_t length);

/* Writing: finish appends the last bytes to out. */
struct ts_packer *ts_packer_writer(struct ts_arena *arena, struct ts_bytes *out);
void ts_packer_finish(struct ts_packer *packer);

/* Reading: what was wrong first, or NULL. */
struct ts_packer *ts_packer_reader(struct ts_arena *arena, const unsigned char *data,
				   size_t length);
bool ts_packer_reads(const struct ts_packer *packer);
const char *ts_packer_why(const struct ts_packer *packer);
void ts_packer_fail(struct ts_packer *packer, const char *why);

/*
 * A number of a column, of which no more than its first binary digits are written; *before is kept
 * for the next one, and TS_PACKER_FIRST for the first.
 */
__u64 ts_pack_number(struct ts_packer *packer, unsigned int *before, __u64 value,
		     unsigned int digits);
#define TS_PACKER_DIGITS 64u /* all there are */
#define TS_PACKER_FIRST	 40u

/* How a reference follows the one before: small numbers are the usual ways, mostly as before. */
__u64 ts_pack_step(struct ts_packer *packer, __u64 step);

/* One decision. */
bool ts_pack_decision(struct ts_packer *packer, struct ts_pack_odds *odds, bool yes);

/* For who keeps a model of its own: the level of what is expected, of twice or four times it. */
unsigned int ts_pack_level(__u64 expected);
/* The number and, of it, no more than its first digits; near 0: nothing is known. */
__u64 ts_pack_by_level(struct ts_packer *packer, struct ts_pack_model *model, unsigned int level,
		       unsigned int expected_length, __u64 number, unsigned int digits, __u64 near);
/* Only the digits of a number of that length. */
__u64 ts_pack_digits(struct ts_packer *packer, struct ts_pack_digits *odds, unsigned int length,
		     __u64 number, unsigned int digits, __u64 near);

/* count bits about which nothing is known. */
__u64 ts_pack_bits(struct ts_packer *packer, unsigned int count, __u64 value);

/* Neighbouring slots of a histogram. */
void ts_pack_slots(struct ts_packer *packer, __u64 *slot, size_t count, unsigned int digits);

#endif
