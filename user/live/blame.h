/* SPDX-License-Identifier: GPL-2.0-only */
/* Sufferers from the table of bpf/blame.bpf.h: what each lost since the last snapshot. */
#ifndef TUNESCOPE_LIVE_BLAME_H
#define TUNESCOPE_LIVE_BLAME_H

#include "source.h"

struct ts_map;
struct ts_blame_rows;

struct ts_blame_table {
	struct ts_blame_rows *now, *before; /* at this snapshot and the one before */
};

bool ts_blame_open(struct ts_blame_table *table); /* false: out of memory */
void ts_blame_close(struct ts_blame_table *table);

/* Adds the worst few; label gives the series' label of a place, NULL for one that is not known. */
void ts_blame_sufferers(struct ts_blame_table *table, const struct ts_map *map,
			enum ts_family_id family, const char *(*label)(const void *of, __u32 where),
			const void *of, struct ts_snapshot *snapshot);

#endif
