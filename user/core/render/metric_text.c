// SPDX-License-Identifier: GPL-2.0-only
/* Metrics of runs by name, and their values as people read them. */
#include "runs.h"

#include <math.h>

#include "units.h"
#include "../arena.h"

const char *ts_metric_series(struct ts_arena *arena, enum ts_family_id family,
			     const char *const *label)
{
	const char *text = ts_families[family].name;

	for (size_t i = 0; i < ts_families[family].labels; i++)
		if (*label[i])
			text = ts_arena_printf(arena, "%s %s", text, label[i]);
	return text;
}

const char *ts_metric_name(struct ts_arena *arena, enum ts_family_id family,
			   const char *const *label, enum ts_statistic statistic)
{
	return ts_arena_printf(arena, "%s %s", ts_metric_series(arena, family, label),
			       ts_statistic_name(statistic));
}

/* What a histogram's rate counts is its events. */
static enum ts_unit unit_of(enum ts_family_id family, enum ts_statistic statistic)
{
	if (statistic == TS_STATISTIC_RATE && ts_families[family].kind == TS_KIND_HISTOGRAM)
		return TS_UNIT_COUNT;
	return ts_families[family].unit;
}

const char *ts_metric_value(struct ts_arena *arena, enum ts_family_id family,
			    enum ts_statistic statistic, double value)
{
	enum ts_unit unit = unit_of(family, statistic);
	const char *text;

	if (isnan(value))
		return "-";
	if (unit == TS_UNIT_SECONDS)
		text = ts_human_seconds(arena, value);
	else if (unit == TS_UNIT_BYTES)
		text = ts_human_bytes(arena, value);
	else
		text = ts_human_number(arena, value);
	return statistic == TS_STATISTIC_RATE ? ts_arena_printf(arena, "%s/s", text) : text;
}

const char *ts_metric_unit(enum ts_family_id family, enum ts_statistic statistic)
{
	static const char *const names[] = {
		[TS_UNIT_COUNT] = "1",
		[TS_UNIT_SECONDS] = "seconds",
		[TS_UNIT_BYTES] = "bytes",
		[TS_UNIT_RATIO] = "1",
	};
	static const char *const rates[] = {
		[TS_UNIT_COUNT] = "1/s",
		[TS_UNIT_SECONDS] = "seconds/s",
		[TS_UNIT_BYTES] = "bytes/s",
		[TS_UNIT_RATIO] = "1/s",
	};
	enum ts_unit unit = unit_of(family, statistic);

	return statistic == TS_STATISTIC_RATE ? rates[unit] : names[unit];
}
