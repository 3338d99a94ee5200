/* SPDX-License-Identifier: GPL-2.0-only */
/* The two steps of indexing a recording: finding the frames in the bytes, and ordering them. */
#ifndef TUNESCOPE_RECORDING_INDEX_H
#define TUNESCOPE_RECORDING_INDEX_H

#include "recording.h"

struct ts_frame_list {
	struct ts_frame_place *place; /* to be freed */
	size_t count, capacity;
};

/* Of the frame itself: of a window in a group, of that. */
size_t ts_frame_place_length(const struct ts_frame_place *place);

/* Goes through a segment's bytes: valid frames to the list, all else to the recording's damage. */
void ts_recording_scan(struct ts_recording *recording, const struct ts_segment *segment,
		       struct ts_frame_list *list);

/* Fills in everything else of the recording from the frames that were found. */
void ts_recording_order(struct ts_recording *recording, struct ts_frame_list *list);

void ts_recording_damage(struct ts_recording *recording, const struct ts_segment *segment,
			 size_t offset, size_t length, const char *what);

/*
 * Decodes the context of a window frame into window. False when it is lost: window stays as it was.
 */
bool ts_recording_context(struct ts_recording *recording, const struct ts_frame_place *place,
			  struct ts_window *window);

#endif
