// SPDX-License-Identifier: GPL-2.0-only
#include "budgets.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "error.h"

#define WORDS_MAX   4
#define BLANKS	    " \t\r"
#define ALLOWED_MAX 100000 /* percent */

struct line {
	const char *file;
	unsigned int number;
	char *word[WORDS_MAX];
	size_t words;
};

/* "file:line: " in front of the message. */
#define mistake(line, format, word) \
	ts_err(-EINVAL, "%s:%u: " format, (line)->file, (line)->number, word)

static int parse_statistic(const struct line *line, const char *name, int *statistic)
{
	for (int i = 0; i < TS_STATISTIC_COUNT; i++)
		if (!strcmp(name, ts_statistic_name((enum ts_statistic)i))) {
			*statistic = i;
			return 0;
		}
	return mistake(line,
		       "unknown statistic \"%.64s\"; p50, p95, p99, mean, rate and total are "
		       "accepted",
		       name);
}

static int parse_metric(const struct line *line, struct ts_budget *budget)
{
	char *dot = strchr(line->word[0], '.');
	int family;

	budget->statistic = -1;
	if (dot)
		*dot = '\0';
	family = ts_family_by_name(line->word[0]);
	if (family < 0)
		return mistake(line,
			       "there is no family \"%.64s\"; the names in the table of "
			       "`tunescope diff` are accepted",
			       line->word[0]);
	budget->family = (enum ts_family_id)family;
	return dot ? parse_statistic(line, dot + 1, &budget->statistic) : 0;
}

static int parse_allowed(const struct line *line, struct ts_budget *budget)
{
	const char *text = line->word[1];
	size_t digits = strspn(text, "0123456789.");
	char *end;
	double percent;

	if (!strcmp(text, "any")) {
		budget->allowed = INFINITY;
		return 0;
	}
	percent = strtod(text, &end);
	if (!digits || end != text + digits || strcmp(end, "%") || !(percent > 0) ||
	    percent > ALLOWED_MAX)
		return mistake(line,
			       "\"%.64s\" is not accepted as what is allowed; a percentage such as "
			       "25%%, or any",
			       text);
	budget->allowed = percent / 100;
	return 0;
}

static int parse_direction(const struct line *line, struct ts_budget *budget)
{
	const char *text = line->words > 2 ? line->word[2] : "";

	budget->direction = TS_DIRECTION_SKIP;
	if (!strcmp(text, "up-is-worse"))
		budget->direction = TS_DIRECTION_UP_WORSE;
	else if (!strcmp(text, "down-is-worse"))
		budget->direction = TS_DIRECTION_DOWN_WORSE;
	else if (*text)
		return mistake(line,
			       "\"%.64s\" is not a direction; up-is-worse and down-is-worse are "
			       "accepted",
			       text);
	return 0;
}

static int parse_line(const struct line *line, struct ts_budget *budget)
{
	int error;

	if (line->words < 2)
		return mistake(line,
			       "\"%.64s\" stands alone; family[.statistic] and what is "
			       "allowed, such as 25%%, are wanted",
			       line->word[0]);
	if (line->words > 3)
		return mistake(line, "\"%.64s\" is more than is understood on a line",
			       line->word[3]);
	error = parse_metric(line, budget);
	if (!error)
		error = parse_allowed(line, budget);
	return error ? error : parse_direction(line, budget);
}

int ts_budgets_parse(const char *text, const char *name, struct ts_arena *arena,
		     struct ts_budget **budget, size_t *budgets)
{
	char *rest = ts_arena_strdup(arena, text), *row, *word, *state;
	struct line line = {.file = name};
	size_t capacity = 0;

	*budget = NULL;
	*budgets = 0;
	while ((row = strsep(&rest, "\n"))) {
		struct ts_budget parsed = {0};
		int error;

		line.number++;
		line.words = 0;
		row[strcspn(row, "#")] = '\0';
		for (word = strtok_r(row, BLANKS, &state); word && line.words < WORDS_MAX;
		     word = strtok_r(NULL, BLANKS, &state))
			line.word[line.words++] = word;
		if (!line.words)
			continue;
		error = parse_line(&line, &parsed);
		if (error)
			return error;
		*budget = ts_arena_grow(arena, *budget, *budgets, &capacity, sizeof **budget);
		(*budget)[(*budgets)++] = parsed;
	}
	return 0;
}
