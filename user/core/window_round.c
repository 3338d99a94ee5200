// SPDX-License-Identifier: GPL-2.0-only
#include "window_round.h"

#include "digits.h"
#include "frame.h"

/* Times that somebody else counts, in whole microseconds or ticks, have a divisor in common. */
#define COARSE_NS 1000

static void round_histogram(struct ts_arena *arena, struct ts_series *series)
{
	struct ts_histogram *histogram = series->histogram, *coarser;

	if (histogram->scale > TS_WINDOW_ROUND_SCALE) {
		coarser = ts_histogram_new(arena, TS_WINDOW_ROUND_SCALE, histogram->unit);
		ts_histogram_merge(coarser, histogram);
		series->histogram = histogram = coarser;
	}
	ts_histogram_round(histogram);
	histogram->sum = ts_digits_round(histogram->sum, TS_WINDOW_ROUND_DIGITS);
}

static bool has_nanoseconds(const struct ts_family_data *data)
{
	for (size_t i = 0; i < data->count; i++)
		if (data->series[i].counter % COARSE_NS)
			return true;
	return false;
}

static void round_times(struct ts_family_data *data)
{
	if (!has_nanoseconds(data))
		return;
	for (size_t i = 0; i < data->count; i++)
		data->series[i].counter =
			ts_digits_round(data->series[i].counter, TS_WINDOW_ROUND_DIGITS);
}

/* How long somebody waited, or how much it was. */
static void round_harm(struct ts_sufferer *sufferer)
{
	double ns = sufferer->value * 1e9;

	if (ts_families[sufferer->family].unit == TS_UNIT_SECONDS && ns >= 0 && ns < 1e18)
		sufferer->value =
			(double)ts_digits_round((__u64)(ns + 0.5), TS_WINDOW_ROUND_DIGITS) / 1e9;
}

void ts_window_round(struct ts_window *window)
{
	struct ts_snapshot *delta = window->delta;

	ts_for_each_family (id) {
		const struct ts_family *family = &ts_families[id];
		struct ts_family_data *data = &delta->family[id];

		for (size_t i = 0; family->kind == TS_KIND_HISTOGRAM && i < data->count; i++)
			round_histogram(delta->arena, &data->series[i]);
		if (family->kind == TS_KIND_COUNTER && family->unit == TS_UNIT_SECONDS)
			round_times(data);
	}
	for (size_t i = 0; i < delta->sufferers; i++)
		round_harm(&delta->sufferer[i]);
	for (size_t i = 0; i < delta->cost.probes; i++)
		delta->cost.probe[i].run_ns =
			ts_digits_round(delta->cost.probe[i].run_ns, TS_WINDOW_ROUND_DIGITS);
}
