// SPDX-License-Identifier: GPL-2.0-only
#include "window_round.h"

static struct ts_histogram *coarser(struct ts_arena *arena, struct ts_histogram *histogram)
{
	struct ts_histogram *result;

	if (histogram->scale <= TS_WINDOW_ROUND_SCALE)
		return histogram;
	result = ts_histogram_new(arena, TS_WINDOW_ROUND_SCALE, histogram->unit);
	ts_histogram_merge(result, histogram);
	return result;
}

void ts_window_round(struct ts_window *window)
{
	struct ts_snapshot *delta = window->delta;

	ts_for_each_family (id) {
		struct ts_family_data *data = &delta->family[id];

		for (size_t i = 0; ts_families[id].kind == TS_KIND_HISTOGRAM && i < data->count;
		     i++) {
			struct ts_series *series = &data->series[i];

			series->histogram = coarser(delta->arena, series->histogram);
			ts_histogram_round(series->histogram);
		}
	}
}
