// SPDX-License-Identifier: GPL-2.0-only
#include "time_option.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../core/arena.h"
#include "../core/error.h"
#include "../core/recording.h"
#include "../core/render/units.h"

#define PROBLEM_SIZE  200
#define NS_PER_SECOND 1000000000ULL
#define SECONDS_MOST  (UINT64_MAX / NS_PER_SECOND - 86400 * 2)

static int bad_time(char problem[PROBLEM_SIZE])
{
	snprintf(problem, PROBLEM_SIZE,
		 "accepted: 2026-11-21T14:00:00Z (+01:00; without a zone: local time), 14:00[:00], "
		 "@SECONDS since 1970, +5m after the beginning, -10m before the end (ms, s, m, h, "
		 "d)");
	return -EINVAL;
}

/* So many digits, no fewer; *text moves behind them. */
static bool take_digits(const char **text, int digits, int *number)
{
	*number = 0;
	for (int i = 0; i < digits; i++) {
		char c = *(*text)++;

		if (!isdigit((unsigned char)c))
			return false;
		*number = *number * 10 + (c - '0');
	}
	return true;
}

static bool take_sign(const char **text, const char *signs)
{
	if (!**text || !strchr(signs, **text))
		return false;
	(*text)++;
	return true;
}

/* ".25", if there is one. */
static bool take_fraction(const char **text, __u64 *ns)
{
	__u64 unit = NS_PER_SECOND / 10;

	*ns = 0;
	if (!take_sign(text, "."))
		return true;
	if (!isdigit((unsigned char)**text))
		return false;
	for (; isdigit((unsigned char)**text); (*text)++, unit /= 10)
		*ns += (__u64)(**text - '0') * unit;
	return true;
}

/* "14:00", "14:00:00", "14:00:00.5" */
static bool take_clock(const char **text, struct tm *tm, __u64 *ns)
{
	*ns = 0;
	tm->tm_sec = 0;
	if (!take_digits(text, 2, &tm->tm_hour) || !take_sign(text, ":") ||
	    !take_digits(text, 2, &tm->tm_min))
		return false;
	if (take_sign(text, ":") &&
	    (!take_digits(text, 2, &tm->tm_sec) || !take_fraction(text, ns)))
		return false;
	/* A leap second is the first one of the next minute. */
	return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec <= 60;
}

/* "Z", "+01:00", "-0330"; *east is the seconds it is ahead of UTC. */
static bool take_zone(const char **text, int *east)
{
	int sign = **text == '-' ? -1 : 1, hours, minutes;

	*east = 0;
	if (take_sign(text, "Zz"))
		return true;
	if (!take_sign(text, "+-") || !take_digits(text, 2, &hours))
		return false;
	take_sign(text, ":");
	if (!take_digits(text, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*east = sign * (hours * 3600 + minutes * 60);
	return true;
}

/* A day that there is not (30 February) comes out as another one. */
static bool day_exists(const struct tm *tm)
{
	struct tm copy = *tm;

	copy.tm_hour = copy.tm_min = copy.tm_sec = 0;
	timegm(&copy);
	return copy.tm_year == tm->tm_year && copy.tm_mon == tm->tm_mon &&
	       copy.tm_mday == tm->tm_mday;
}

static bool parse_date(const char *text, struct ts_time *time)
{
	struct tm tm = {.tm_isdst = -1};
	__u64 ns = 0;
	time_t seconds;
	int east = 0;

	if (!take_digits(&text, 4, &tm.tm_year) || !take_sign(&text, "-") ||
	    !take_digits(&text, 2, &tm.tm_mon) || !take_sign(&text, "-") ||
	    !take_digits(&text, 2, &tm.tm_mday))
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	if (!day_exists(&tm))
		return false;
	if (*text && (!take_sign(&text, "Tt ") || !take_clock(&text, &tm, &ns)))
		return false;
	if (*text) {
		if (!take_zone(&text, &east) || *text)
			return false;
		seconds = timegm(&tm) - east;
	} else {
		seconds = mktime(&tm);
	}
	if (seconds < 0 || (__u64)seconds > SECONDS_MOST)
		return false;
	*time = (struct ts_time){TS_TIME_ABSOLUTE, (__u64)seconds * NS_PER_SECOND + ns};
	return true;
}

static bool parse_time_of_day(const char *text, struct ts_time *time)
{
	struct tm tm;
	__u64 ns;

	if (!take_clock(&text, &tm, &ns) || *text)
		return false;
	time->kind = TS_TIME_OF_DAY;
	time->ns = (__u64)(tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec) * NS_PER_SECOND + ns;
	return true;
}

static bool parse_epoch(const char *text, struct ts_time *time)
{
	__u64 seconds = 0, ns;

	if (!isdigit((unsigned char)*text))
		return false;
	for (; isdigit((unsigned char)*text); text++) {
		seconds = seconds * 10 + (__u64)(*text - '0');
		if (seconds > SECONDS_MOST)
			return false;
	}
	if (!take_fraction(&text, &ns) || *text)
		return false;
	*time = (struct ts_time){TS_TIME_ABSOLUTE, seconds * NS_PER_SECOND + ns};
	return true;
}

static bool parse_distance(const char *text, enum ts_time_kind kind, struct ts_time *time)
{
	static const struct ts_option distance = {.maximum = 36500.0 * 86400};
	char ignored[PROBLEM_SIZE];
	double seconds;

	if (ts_option_duration(&distance, text, &seconds, ignored))
		return false;
	*time = (struct ts_time){kind, (__u64)(seconds * 1e9)};
	return true;
}

static bool parse(const char *text, struct ts_time *time)
{
	switch (*text) {
	case '@': return parse_epoch(text + 1, time);
	case '+': return parse_distance(text + 1, TS_TIME_AFTER_START, time);
	case '-': return parse_distance(text + 1, TS_TIME_BEFORE_END, time);
	default: return parse_date(text, time) || parse_time_of_day(text, time);
	}
}

int ts_option_time(const struct ts_option *option, const char *value, void *destination,
		   char problem[PROBLEM_SIZE])
{
	return parse(value, destination) ? 0 : bad_time(problem);
}

int ts_time_slice_parse(const char *text, struct ts_time_slice *slice, char problem[PROBLEM_SIZE])
{
	const char *dots = strstr(text, "..");
	char from[64];

	*slice = (struct ts_time_slice){0};
	if (!dots || (size_t)(dots - text) >= sizeof from)
		return bad_time(problem);
	memcpy(from, text, (size_t)(dots - text));
	from[dots - text] = '\0';
	if ((*from && !parse(from, &slice->from)) || (dots[2] && !parse(dots + 2, &slice->to)))
		return bad_time(problem);
	return 0;
}

/* That time on the local day of the recording's end, or on the day before when it ended earlier. */
static __u64 latest_time_of_day(__u64 ns, __u64 end_ns)
{
	time_t end = (time_t)(end_ns / NS_PER_SECOND);
	__u64 found = 0;
	struct tm tm;

	for (int days_before = 0; days_before < 2; days_before++) {
		time_t seconds;

		if (!localtime_r(&end, &tm))
			return end_ns;
		tm.tm_mday -= days_before;
		tm.tm_hour = (int)(ns / NS_PER_SECOND / 3600);
		tm.tm_min = (int)(ns / NS_PER_SECOND / 60 % 60);
		tm.tm_sec = (int)(ns / NS_PER_SECOND % 60);
		tm.tm_isdst = -1;
		seconds = mktime(&tm);
		found = seconds < 0 ? 0 : (__u64)seconds * NS_PER_SECOND + ns % NS_PER_SECOND;
		if (found <= end_ns)
			break;
	}
	return found;
}

static __u64 resolve(const struct ts_time *time, __u64 start_ns, __u64 end_ns, __u64 unset)
{
	switch (time->kind) {
	case TS_TIME_UNSET: return unset;
	case TS_TIME_ABSOLUTE: return time->ns;
	case TS_TIME_OF_DAY: return latest_time_of_day(time->ns, end_ns);
	case TS_TIME_AFTER_START:
		return time->ns > UINT64_MAX - start_ns ? UINT64_MAX : start_ns + time->ns;
	case TS_TIME_BEFORE_END: return time->ns > end_ns ? 0 : end_ns - time->ns;
	}
	return unset;
}

int ts_time_slice_resolve(const struct ts_time_slice *slice, const struct ts_recording *recording,
			  const char *path, __u64 *from_ns, __u64 *to_ns)
{
	__u64 start = ts_recording_start(recording), end = ts_recording_end(recording);
	struct ts_arena *arena;

	*from_ns = resolve(&slice->from, start, end, 0);
	*to_ns = resolve(&slice->to, start, end, UINT64_MAX);
	for (size_t i = 0; i < recording->windows; i++)
		if (ts_frame_within(&recording->window[i], *from_ns, *to_ns))
			return 0;
	arena = ts_arena_new();
	if (*from_ns > *to_ns)
		ts_err(0, "the slice ends (%s) before it begins (%s)", ts_utc_time(arena, *to_ns),
		       ts_utc_time(arena, *from_ns));
	else
		ts_err(0, "%s holds nothing%s%s%s%s; it goes from %s to %s", path,
		       *from_ns ? " from " : "", *from_ns ? ts_utc_time(arena, *from_ns) : "",
		       *to_ns < UINT64_MAX ? " to " : "",
		       *to_ns < UINT64_MAX ? ts_utc_time(arena, *to_ns) : "",
		       ts_utc_time(arena, start), ts_utc_time(arena, end));
	ts_arena_free(arena);
	return -EINVAL;
}

int ts_time_slice_check(const struct ts_recording *recording, const char *path, __u64 from_ns,
			__u64 to_ns)
{
	const char *what = "damaged";
	size_t frames = 0;

	for (size_t i = 0; i < recording->windows; i++) {
		const struct ts_frame_place *place = &recording->window[i];

		if (!ts_frame_within(place, from_ns, to_ns))
			continue;
		if (!place->damaged)
			return 0;
		frames++;
	}
	if (recording->damages)
		what = recording->damage[recording->damages - 1].what;
	return ts_err(-EPROTO, "%s: not one of the %zu frames of that time can be decoded (%s)",
		      path, frames, what);
}
