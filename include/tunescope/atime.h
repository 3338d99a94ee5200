/* SPDX-License-Identifier: GPL-2.0-only */
/* What bpf/atime.bpf.c counts, as it stands in its map: a row for each file system that is watched.
 */
#ifndef TUNESCOPE_ATIME_H
#define TUNESCOPE_ATIME_H

#include <tunescope/types.h>

#define TS_ATIME_DEVICES 16

/* Times an inode was marked dirty. */
struct ts_atime_row {
	__u64 read;  /* because it had been read */
	__u64 other; /* written, made, renamed, … */
};

#endif
