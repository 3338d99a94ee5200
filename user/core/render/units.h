/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers as people read them: three significant digits and a unit that fits. */
#ifndef TUNESCOPE_UNITS_H
#define TUNESCOPE_UNITS_H

#include <linux/types.h>
#include "../family.h"

struct ts_arena;

const char *ts_human_seconds(struct ts_arena *arena, double seconds); /* "1.25 ms" */
const char *ts_human_bytes(struct ts_arena *arena, double bytes);     /* "4.00 KiB" */
const char *ts_human_number(struct ts_arena *arena, double number);   /* "812", "18.4 T" */

/* unit: "seconds" and "bytes" are made humane; any other is a word behind the number. */
const char *ts_human_value(struct ts_arena *arena, double value, const char *unit);

/* The same without the word: for a second number beside the first. */
const char *ts_human_bare(struct ts_arena *arena, double value, const char *unit);

/* A moment (ns since 1970) in UTC: "2026-11-21T11:23:36Z". */
const char *ts_utc_time(struct ts_arena *arena, __u64 realtime_ns);

#endif
