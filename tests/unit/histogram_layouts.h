/* SPDX-License-Identifier: GPL-2.0-only */
/* What the histogram's unit tests share: every layout, and what its integers are worth. */
#ifndef TUNESCOPE_TESTS_HISTOGRAM_LAYOUTS_H
#define TUNESCOPE_TESTS_HISTOGRAM_LAYOUTS_H

#include <stdint.h>

#include "../../user/core/histogram.h"

static inline unsigned int slots_at(unsigned int scale)
{
	return TS_HISTOGRAM_SLOTS(scale);
}

static inline double per_base(enum ts_unit unit)
{
	return unit == TS_UNIT_SECONDS ? 1e9 : 1;
}

static inline uint64_t largest(enum ts_unit unit)
{
	return unit == TS_UNIT_SECONDS ? 64000000000ULL : 1ULL << 36;
}

#define for_each_layout(scale, unit)                      \
	for (unsigned int scale = 3; scale <= 4; scale++) \
		for (enum ts_unit unit = TS_UNIT_SECONDS; unit <= TS_UNIT_BYTES; unit++)

#endif
