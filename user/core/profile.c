// SPDX-License-Identifier: GPL-2.0-only
#include "profile.h"

#include <errno.h>
#include <ini.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "error.h"

#define ENABLED_KEY	"enabled"
#define MESSAGE_BYTES	640
#define SUGGESTION_FROM 2 /* edits that a slip of the keyboard takes at most */

struct reader {
	const char *next; /* text not yet given to inih */
	int line;	  /* number of the line given last */
	int error_line;	  /* first mistake that is not one of INI syntax; 0: none */
	char message[MESSAGE_BYTES];
	struct ts_profile profile;
	bool seen[TS_RULES_MAX][TS_RULE_THRESHOLDS_MAX + 1]; /* the last one is `enabled` */
};

void ts_profile_defaults(struct ts_profile *profile)
{
	memset(profile, 0, sizeof *profile);
	snprintf(profile->name, sizeof profile->name, "default");
	for (size_t i = 0; i < ts_rules_count && i < TS_RULES_MAX; i++) {
		profile->enabled[i] = true;
		for (size_t k = 0; k < TS_RULE_THRESHOLDS_MAX; k++)
			profile->threshold[i][k] = ts_rules[i]->thresholds[k].value;
	}
}

/* Keeps the first mistake; 0 is what inih wants for "an error". */
static int __attribute__((format(printf, 2, 3)))
mistake(struct reader *reader, const char *format, ...)
{
	va_list arguments;

	if (reader->error_line)
		return 0;
	reader->error_line = reader->line;
	va_start(arguments, format);
	vsnprintf(reader->message, sizeof reader->message, format, arguments);
	va_end(arguments);
	return 0;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Edits (insert, delete, replace) between two words; long ones are simply far apart. */
static size_t distance(const char *a, const char *b)
{
	size_t row[64], la = strlen(a), lb = strlen(b);

	if (la >= 64 || lb >= 64)
		return 64;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t above = row[j];

			row[j] = smallest(above + 1, row[j - 1] + 1,
					  diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[lb];
}

/* The names something may have, collected into one message. */
struct candidates {
	const char *wanted, *nearest;
	size_t nearest_distance;
	char list[MESSAGE_BYTES / 2];
};

static void candidate(struct candidates *all, const char *name)
{
	size_t used = strlen(all->list), d = distance(all->wanted, name);

	snprintf(all->list + used, sizeof all->list - used, "%s%s", used ? ", " : "", name);
	if (d <= SUGGESTION_FROM && (!all->nearest || d < all->nearest_distance)) {
		all->nearest = name;
		all->nearest_distance = d;
	}
}

static int unknown(struct reader *reader, const char *what, const struct candidates *all)
{
	if (all->nearest)
		return mistake(reader, "unknown %s \"%.64s\"; did you mean \"%s\"? (accepted: %s)",
			       what, all->wanted, all->nearest, all->list);
	return mistake(reader, "unknown %s \"%.64s\"; accepted: %s", what, all->wanted, all->list);
}

static int unknown_section(struct reader *reader, const char *section)
{
	struct candidates all = {.wanted = section};

	for (size_t i = 0; i < ts_rules_count; i++)
		candidate(&all, ts_rules[i]->id);
	return unknown(reader, "section", &all);
}

static int unknown_key(struct reader *reader, const struct ts_rule *rule, const char *key)
{
	struct candidates all = {.wanted = key};
	char what[96];

	candidate(&all, ENABLED_KEY);
	for (size_t k = 0; k < TS_RULE_THRESHOLDS_MAX && rule->thresholds[k].key; k++)
		candidate(&all, rule->thresholds[k].key);
	snprintf(what, sizeof what, "key in [%s]", rule->id);
	return unknown(reader, what, &all);
}

static int set_enabled(struct reader *reader, size_t rule, const char *value)
{
	static const struct {
		const char *word;
		bool on;
	} words[] = {{"yes", true}, {"no", false},  {"true", true}, {"false", false},
		     {"on", true},  {"off", false}, {"1", true},    {"0", false}};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (!strcasecmp(value, words[i].word)) {
			reader->profile.enabled[rule] = words[i].on;
			return 1;
		}
	return mistake(reader, ENABLED_KEY " = \"%.64s\": yes or no is accepted", value);
}

static int set_threshold(struct reader *reader, size_t rule, size_t k, const char *value)
{
	const struct ts_threshold *threshold = &ts_rules[rule]->thresholds[k];
	char *end;
	double number = strtod(value, &end);

	if (end == value || *end || !isfinite(number))
		return mistake(reader, "%s = \"%.64s\" is not a number; %g to %g (%s) is accepted",
			       threshold->key, value, threshold->minimum, threshold->maximum,
			       threshold->unit);
	if (number < threshold->minimum || number > threshold->maximum)
		return mistake(reader, "%s = %.64s is out of range; %g to %g (%s) is accepted",
			       threshold->key, value, threshold->minimum, threshold->maximum,
			       threshold->unit);
	reader->profile.threshold[rule][k] = number;
	return 1;
}

static int find_rule(const char *id)
{
	for (size_t i = 0; i < ts_rules_count && i < TS_RULES_MAX; i++)
		if (!strcmp(ts_rules[i]->id, id))
			return (int)i;
	return -1;
}

/* Index of a key in a rule's thresholds; TS_RULE_THRESHOLDS_MAX is `enabled`; -1: no such key. */
static int find_key(const struct ts_rule *rule, const char *key)
{
	if (!strcmp(key, ENABLED_KEY))
		return TS_RULE_THRESHOLDS_MAX;
	for (int k = 0; k < TS_RULE_THRESHOLDS_MAX && rule->thresholds[k].key; k++)
		if (!strcmp(key, rule->thresholds[k].key))
			return k;
	return -1;
}

static int handle(void *user, const char *section, const char *key, const char *value)
{
	struct reader *reader = user;
	int rule, k;

	if (!*section)
		return mistake(reader,
			       "\"%.64s\" stands before the first [section]; each section "
			       "is a rule, such as [%s]",
			       key, ts_rules[0]->id);
	rule = find_rule(section);
	if (rule < 0)
		return unknown_section(reader, section);
	k = find_key(ts_rules[rule], key);
	if (k < 0)
		return unknown_key(reader, ts_rules[rule], key);
	if (reader->seen[rule][k])
		return mistake(reader, "\"%s\" is given twice for [%s]", key, section);
	reader->seen[rule][k] = true;
	return k == TS_RULE_THRESHOLDS_MAX ? set_enabled(reader, (size_t)rule, value)
					   : set_threshold(reader, (size_t)rule, (size_t)k, value);
}

/*
 * A section without keys never reaches handle(): a misspelt one would go unnoticed. inih itself has
 * no call for sections, so the line is looked at when it is handed over.
 */
static void check_section(struct reader *reader, const char *line)
{
	const char *end;
	char name[96];

	line += strspn(line, " \t");
	end = *line == '[' ? strchr(line, ']') : NULL;
	if (!end || (size_t)(end - line) > sizeof name)
		return;
	snprintf(name, sizeof name, "%.*s", (int)(end - line - 1), line + 1);
	if (find_rule(name) < 0)
		unknown_section(reader, name);
}

/* inih's line reader: like fgets, and counts the lines so that handle() knows where it is. */
static char *read_line(char *line, int size, void *user)
{
	struct reader *reader = user;
	size_t length = strcspn(reader->next, "\n"), room = (size_t)size - 1;

	if (!*reader->next)
		return NULL;
	reader->line++;
	if (length > room)
		mistake(reader, "the line is longer than %zu characters", room);
	snprintf(line, (size_t)size, "%.*s", (int)length, reader->next);
	check_section(reader, line);
	reader->next += length;
	if (*reader->next)
		reader->next++;
	return line;
}

static void name_after_file(struct ts_profile *profile, const char *file_name)
{
	const char *base = strrchr(file_name, '/');
	size_t length;

	base = base ? base + 1 : file_name;
	length = strlen(base);
	if (length > 5 && !strcmp(base + length - 5, ".conf"))
		length -= 5;
	snprintf(profile->name, sizeof profile->name, "%.*s", (int)length, base);
}

int ts_profile_parse(const char *text, const char *file_name, struct ts_profile *profile)
{
	struct reader reader = {.next = text};
	int syntax_line;

	/* Windows editors put a byte order mark in front. */
	if (!strncmp(reader.next, "\xEF\xBB\xBF", 3))
		reader.next += 3;
	ts_profile_defaults(&reader.profile);
	name_after_file(&reader.profile, file_name);
	syntax_line = ini_parse_stream(read_line, &reader, handle, &reader);
	if (syntax_line < 0)
		return ts_err(-ENOMEM, "%s: out of memory", file_name);
	if (reader.error_line && (!syntax_line || reader.error_line <= syntax_line))
		return ts_err(-EINVAL, "%s:%d: %s", file_name, reader.error_line, reader.message);
	if (syntax_line)
		return ts_err(-EINVAL,
			      "%s:%d: not understood; \"key = value\", \"[section]\" or a comment "
			      "after \"#\" is accepted",
			      file_name, syntax_line);
	*profile = reader.profile;
	return 0;
}
