// SPDX-License-Identifier: GPL-2.0-only
#include "bars.h"

#include "../histogram.h"

/* Slots 0 and 1 make one row (up to one unit), then each octave one, then the overflow. */
#define OCTAVE_ROWS (TS_HISTOGRAM_MAX_EXPONENT + 2)

static unsigned int row_of(const struct ts_histogram *histogram, unsigned int slot)
{
	return slot < 2 ? 0 : ((slot - 2) >> histogram->scale) + 1;
}

static double upper_bound(const struct ts_histogram *histogram, unsigned int row)
{
	unsigned int slot = row ? 1 + (row << histogram->scale) : 1;

	if (row == OCTAVE_ROWS - 1)
		slot = TS_HISTOGRAM_SLOTS(histogram->scale) - 1;
	return ts_histogram_upper_bound(histogram->scale, histogram->unit, slot);
}

size_t ts_bars_make(const struct ts_histogram *histogram, struct ts_bar bar[TS_BARS_MAX])
{
	__u64 octave[OCTAVE_ROWS] = {0};
	unsigned int first = OCTAVE_ROWS, last = 0, group;
	size_t bars = 0;

	for (unsigned int slot = 0; slot < (unsigned int)TS_HISTOGRAM_SLOTS(histogram->scale);
	     slot++) {
		unsigned int row = row_of(histogram, slot);

		if (!histogram->slot[slot])
			continue;
		octave[row] += histogram->slot[slot];
		first = row < first ? row : first;
		last = row;
	}
	if (first == OCTAVE_ROWS)
		return 0;
	group = (last - first) / TS_BARS_MAX + 1;
	for (unsigned int row = first; row <= last; row += group) {
		unsigned int end = row + group - 1 < last ? row + group - 1 : last;

		bar[bars] = (struct ts_bar){
			.low = row ? upper_bound(histogram, row - 1) : 0,
			.high = upper_bound(histogram, end),
		};
		for (unsigned int i = row; i <= end; i++)
			bar[bars].count += octave[i];
		bars++;
	}
	return bars;
}
