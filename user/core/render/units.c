// SPDX-License-Identifier: GPL-2.0-only
#include "units.h"

#include <math.h>
#include <string.h>

#include "../arena.h"

struct step {
	double size;
	const char *name;
};

/* 1.23, 12.3, 123, 1234 */
static const char *three_digits(struct ts_arena *arena, double value, const char *unit)
{
	double magnitude = fabs(value);
	int decimals = magnitude < 9.995 ? 2 : magnitude < 99.95 ? 1 : 0;

	return ts_arena_printf(arena, "%.*f%s%s", decimals, value, *unit ? " " : "", unit);
}

/* The largest step the value reaches, with a little grace so that 999.7 us reads 1.00 ms. */
static const char *scaled(struct ts_arena *arena, double value, const struct step *step)
{
	if (isnan(value))
		return "n/a";
	if (isinf(value))
		return value > 0 ? "infinite" : "-infinite";
	while (step[1].name && fabs(value) < step->size * 0.9995)
		step++;
	return three_digits(arena, value / step->size, step->name);
}

const char *ts_human_seconds(struct ts_arena *arena, double seconds)
{
	static const struct step steps[] = {
		{1, "s"}, {1e-3, "ms"}, {1e-6, "us"}, {1e-9, "ns"}, {0, NULL}};

	if (seconds == 0)
		return "0 s";
	if (fabs(seconds) >= 7200)
		return three_digits(arena, seconds / 3600, "h");
	if (fabs(seconds) >= 600)
		return three_digits(arena, seconds / 60, "min");
	return scaled(arena, seconds, steps);
}

const char *ts_human_bytes(struct ts_arena *arena, double bytes)
{
	static const struct step steps[] = {
		{0x1p60, "EiB"}, {0x1p50, "PiB"}, {0x1p40, "TiB"}, {0x1p30, "GiB"},
		{0x1p20, "MiB"}, {0x1p10, "KiB"}, {0, NULL},
	};

	if (fabs(bytes) < 1023.5)
		return ts_arena_printf(arena, "%.0f B", bytes);
	return scaled(arena, bytes, steps);
}

const char *ts_human_number(struct ts_arena *arena, double number)
{
	static const struct step steps[] = {{1e18, "E"}, {1e15, "P"}, {1e12, "T"},
					    {1e9, "G"},	 {1e6, "M"},  {0, NULL}};

	if (fabs(number) >= 1e7 || isnan(number))
		return scaled(arena, number, steps);
	if (number == floor(number))
		return ts_arena_printf(arena, "%.0f", number);
	return three_digits(arena, number, "");
}

const char *ts_human_bare(struct ts_arena *arena, double value, const char *unit)
{
	if (!strcmp(unit, "seconds") || !strcmp(unit, "s"))
		return ts_human_seconds(arena, value);
	if (!strcmp(unit, "bytes") || !strcmp(unit, "B"))
		return ts_human_bytes(arena, value);
	if (!strcmp(unit, "percent") || !strcmp(unit, "%"))
		return ts_arena_printf(arena, "%s %%", ts_human_number(arena, value));
	return ts_human_number(arena, value);
}

const char *ts_human_value(struct ts_arena *arena, double value, const char *unit)
{
	static const char *const without_word[] = {"",	"seconds", "s",	    "bytes", "B",
						   "%", "percent", "count", "ratio"};
	const char *bare = ts_human_bare(arena, value, unit);

	for (size_t i = 0; i < sizeof without_word / sizeof without_word[0]; i++)
		if (!strcmp(unit, without_word[i]))
			return bare;
	return ts_arena_printf(arena, "%s %s", bare, unit);
}

const char *ts_utc_time(struct ts_arena *arena, __u64 realtime_ns)
{
	static const unsigned int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	__u64 seconds = realtime_ns / 1000000000ULL, days = seconds / 86400;
	unsigned int year = 1970, month = 0, length;

	seconds %= 86400;
	for (;; year++) {
		length = year % 4 == 0 && (year % 100 || year % 400 == 0) ? 366 : 365;
		if (days < length)
			break;
		days -= length;
	}
	for (;; month++) {
		unsigned int leap_day = month == 1 && length == 366;

		if (days < lengths[month] + leap_day)
			break;
		days -= lengths[month] + leap_day;
	}
	return ts_arena_printf(arena, "%u-%02u-%02uT%02u:%02u:%02uZ", year, month + 1,
			       (unsigned int)days + 1, (unsigned int)(seconds / 3600),
			       (unsigned int)(seconds / 60 % 60), (unsigned int)(seconds % 60));
}
