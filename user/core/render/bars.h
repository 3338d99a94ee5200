/* SPDX-License-Identifier: GPL-2.0-only */
/* A histogram as a dozen lines at most. */
#ifndef TUNESCOPE_BARS_H
#define TUNESCOPE_BARS_H

#include <stddef.h>
#include <linux/types.h>

struct ts_histogram;

#define TS_BARS_MAX 12

/* Observations above low (or from 0 on) up to and with high, in seconds or bytes. */
struct ts_bar {
	double low, high;
	__u64 count;
};

/* Whole octaves, or groups of them, from the first that is in use to the last. */
size_t ts_bars_make(const struct ts_histogram *histogram, struct ts_bar bar[TS_BARS_MAX]);

#endif
