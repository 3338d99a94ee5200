// SPDX-License-Identifier: GPL-2.0-only
/* Mistakes in profiles, told with what is accepted; words and durations. */
#include "profile_reader.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "words.h"

#define SUGGESTION_FROM 2 /* edits that a slip of the keyboard takes at most */

static int __attribute__((format(printf, 3, 0)))
keep(struct ts_profile_reader *reader, int line, const char *format, va_list arguments)
{
	if (reader->error_line)
		return 0;
	reader->error_line = line;
	vsnprintf(reader->message, sizeof reader->message, format, arguments);
	return 0;
}

int ts_profile_mistake(struct ts_profile_reader *reader, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	keep(reader, reader->line, format, arguments);
	va_end(arguments);
	return 0;
}

int ts_profile_mistake_at(struct ts_profile_reader *reader, int line, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	keep(reader, line, format, arguments);
	va_end(arguments);
	return 0;
}

void ts_candidate(struct ts_candidates *all, const char *name)
{
	size_t used = strlen(all->list), d = ts_word_distance(all->wanted, name);

	snprintf(all->list + used, sizeof all->list - used, "%s%s", used ? ", " : "", name);
	if (d <= SUGGESTION_FROM && (!all->nearest || d < all->nearest_distance)) {
		all->nearest = name;
		all->nearest_distance = d;
	}
}

int ts_candidates_mistake(struct ts_profile_reader *reader, int line, const char *what,
			  const struct ts_candidates *all)
{
	if (all->nearest)
		return ts_profile_mistake_at(
			reader, line, "unknown %s \"%.64s\"; did you mean \"%s\"? (accepted: %s)",
			what, all->wanted, all->nearest, all->list);
	return ts_profile_mistake_at(reader, line, "unknown %s \"%.64s\"; accepted: %s", what,
				     all->wanted, all->list);
}

bool ts_profile_yes_or_no(const char *text, bool *value)
{
	static const struct {
		const char *word;
		bool on;
	} words[] = {{"yes", true}, {"no", false},  {"true", true}, {"false", false},
		     {"on", true},  {"off", false}, {"1", true},    {"0", false}};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (!strcasecmp(text, words[i].word)) {
			*value = words[i].on;
			return true;
		}
	return false;
}

bool ts_profile_duration(const char *text, double *seconds)
{
	static const struct {
		const char *suffix;
		double seconds;
	} units[] = {{"", 1},	{"us", 1e-6}, {"ms", 1e-3}, {"s", 1},
		     {"m", 60}, {"h", 3600},  {"d", 86400}};
	/* No sign, no exponent, no "inf": what strtod takes and a person does not mean. */
	size_t digits = strspn(text, "0123456789.");
	char *end;
	double number = strtod(text, &end);

	if (!digits || end != text + digits)
		return false;
	end += strspn(end, " ");
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (!strcmp(end, units[i].suffix)) {
			*seconds = number * units[i].seconds;
			return isfinite(*seconds);
		}
	return false;
}
