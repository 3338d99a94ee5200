/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The slots of histograms, packed by a range coder. They are most of a frame, and noise to zlib;
 * but a slot is about as full as the two before it, and that saves a fifth.
 *
 * All histograms of a frame are one stream of binary decisions, each coded with the odds that were
 * seen so far where the slots before were as full. The odds adapt while writing and, in the same
 * way, while reading; there is integer arithmetic only, so both come to the same numbers on every
 * machine.
 */
#ifndef TUNESCOPE_FRAME_SLOTS_H
#define TUNESCOPE_FRAME_SLOTS_H

#include "frame.h"
#include "histogram.h"

struct ts_slot_coder;

/* Writing: put every histogram, then finish, which appends what was packed to out. */
struct ts_slot_coder *ts_slot_writer(struct ts_arena *arena, struct ts_bytes *out);
void ts_slots_put(struct ts_slot_coder *coder, const struct ts_histogram *histogram);
void ts_slots_finish(struct ts_slot_coder *coder);

/* Reading. The histogram has its scale, and zeroed slots; its count becomes their sum. */
struct ts_slot_coder *ts_slot_reader(struct ts_arena *arena, const unsigned char *data,
				     size_t length);
/* NULL, or what is wrong; *top becomes the highest slot in use, -1 when there is none. */
const char *ts_slots_take(struct ts_slot_coder *coder, struct ts_histogram *histogram, int *top);

#endif
