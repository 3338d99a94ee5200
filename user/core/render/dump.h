/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A recording as it is, window after window, for people and for programs. One window at a time is
 * in memory.
 */
#ifndef TUNESCOPE_DUMP_H
#define TUNESCOPE_DUMP_H

#include <stdio.h>
#include "../recording.h"

struct ts_dump {
	FILE *out;
	struct ts_recording *recording;
	__u64 from_ns, to_ns;	      /* see ts_recording_slice */
	bool family[TS_FAMILY_COUNT]; /* those wanted */
	bool utf8;		      /* text: as in struct ts_render_options */
};

/* A header, then a line for each series in which something happened. Numbers as people read them.
 */
void ts_dump_text(const struct ts_dump *dump);

/* An object a line: schema tunescope.window/1, docs/window.schema.json. 0, or -EIO. */
int ts_dump_json(const struct ts_dump *dump);

/* RFC 4180: a row for each figure of each series. */
void ts_dump_csv(const struct ts_dump *dump);

/*
 * Counters and histograms as they grow from the beginning of the recording, with the time of each
 * sample: family after family, as the format demands.
 */
void ts_dump_openmetrics(const struct ts_dump *dump);

/*
 * For the functions above: the next window of the slice from number *i on, decoded; *i is its
 * number. False when there is none left. Frames that cannot be decoded are passed over.
 */
bool ts_dump_window(const struct ts_dump *dump, size_t *i, struct ts_window *window);

/* "3 places damaged (checksum at 4096 of web1.tsrec, …), 2 frames missing, …"; "" when whole. */
const char *ts_dump_damage(struct ts_arena *arena, const struct ts_recording *recording);

#endif
