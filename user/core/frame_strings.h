/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The strings of a payload. Their section is a list of pieces in the order of their numbers: 0 and
 * a string with its zero byte, or the place (from 1) of a string in the dictionary and how many of
 * those from there on follow. The names a frame has in common with all others take a few bytes so.
 */
#ifndef TUNESCOPE_FRAME_STRINGS_H
#define TUNESCOPE_FRAME_STRINGS_H

#include "frame_payload.h"

struct ts_frame_strings;

/* Writing: the number of a text, which must live until the section is put unless it is copied. */
struct ts_frame_strings *ts_frame_strings_new(struct ts_arena *arena, bool copies);
__u32 ts_frame_string(struct ts_frame_strings *strings, const char *text);
void ts_frame_put_strings(const struct ts_frame_strings *strings, struct ts_bytes *out);

/*
 * Reading: an array of the strings by number, "" at 0, and the highest number. Texts are copied
 * into what budget is for, the array is in scratch. NULL, and the cursor fails, when it is damaged.
 */
const char **ts_frame_take_strings(struct ts_frame_cursor *cursor, unsigned int version,
				   struct ts_frame_budget *budget, struct ts_frame_budget *scratch,
				   size_t *highest);

#endif
