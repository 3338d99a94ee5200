// SPDX-License-Identifier: GPL-2.0-only
#include "profile.h"

#include <errno.h>
#include <ini.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "profile_reader.h"

#define ALERTS_SECTION "alerts"

/* Keys of [alerts], in the order of ts_profile_reader's seen_alerts. */
static const struct {
	const char *key;
	size_t offset;
	double value, minimum, maximum;
	const char *accepted;
} alert_keys[] = {
	{"finding_for", offsetof(struct ts_profile, finding_for), 600, 0, 86400,
	 "a time such as 10m or 1h, 24h at most"},
	{"scrape_interval", offsetof(struct ts_profile, scrape_interval), 15, 1, 3600,
	 "a time such as 15s or 1m, from 1s to 1h"},
};
#define ALERT_KEYS (sizeof alert_keys / sizeof alert_keys[0])
_Static_assert(ALERT_KEYS == sizeof((struct ts_profile_reader *)0)->seen_alerts, "one for each");

void ts_profile_defaults(struct ts_profile *profile)
{
	memset(profile, 0, sizeof *profile);
	snprintf(profile->name, sizeof profile->name, "default");
	for (size_t i = 0; i < ts_rules_count && i < TS_RULES_MAX; i++) {
		profile->enabled[i] = true;
		for (size_t k = 0; k < TS_RULE_THRESHOLDS_MAX; k++)
			profile->threshold[i][k] = ts_rules[i]->thresholds[k].value;
	}
	ts_profile_default_objectives(profile);
	for (size_t k = 0; k < ALERT_KEYS; k++)
		*(double *)((char *)profile + alert_keys[k].offset) = alert_keys[k].value;
}

static int unknown_section(struct ts_profile_reader *reader, const char *section)
{
	struct ts_candidates all = {.wanted = section};

	for (size_t i = 0; i < ts_rules_count; i++)
		ts_candidate(&all, ts_rules[i]->id);
	ts_candidate(&all, ALERTS_SECTION);
	ts_candidate(&all, TS_SETTINGS_SECTION);
	ts_candidate(&all, "objective NAME");
	/* Whatever its name: the word before it may be what was mistyped. */
	if (!all.nearest && !strncmp(section, "obj", 3))
		all.nearest = "objective NAME";
	return ts_candidates_mistake(reader, reader->line, "section", &all);
}

static int unknown_key(struct ts_profile_reader *reader, const struct ts_rule *rule,
		       const char *key)
{
	struct ts_candidates all = {.wanted = key};
	char what[96];

	ts_candidate(&all, TS_PROFILE_ENABLED_KEY);
	for (size_t k = 0; k < TS_RULE_THRESHOLDS_MAX && rule->thresholds[k].key; k++)
		ts_candidate(&all, rule->thresholds[k].key);
	snprintf(what, sizeof what, "key in [%s]", rule->id);
	return ts_candidates_mistake(reader, reader->line, what, &all);
}

static int set_enabled(struct ts_profile_reader *reader, size_t rule, const char *value)
{
	if (ts_profile_yes_or_no(value, &reader->profile.enabled[rule]))
		return 1;
	return ts_profile_mistake(
		reader, TS_PROFILE_ENABLED_KEY " = \"%.64s\": yes or no is accepted", value);
}

static int set_threshold(struct ts_profile_reader *reader, size_t rule, size_t k, const char *value)
{
	const struct ts_threshold *threshold = &ts_rules[rule]->thresholds[k];
	char *end;
	double number = strtod(value, &end);

	if (end == value || *end || !isfinite(number))
		return ts_profile_mistake(
			reader, "%s = \"%.64s\" is not a number; %.15g to %.15g (%s) is accepted",
			threshold->key, value, threshold->minimum, threshold->maximum,
			threshold->unit);
	if (number < threshold->minimum || number > threshold->maximum)
		return ts_profile_mistake(
			reader, "%s = %.64s is out of range; %.15g to %.15g (%s) is accepted",
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
	if (!strcmp(key, TS_PROFILE_ENABLED_KEY))
		return TS_RULE_THRESHOLDS_MAX;
	for (int k = 0; k < TS_RULE_THRESHOLDS_MAX && rule->thresholds[k].key; k++)
		if (!strcmp(key, rule->thresholds[k].key))
			return k;
	return -1;
}

static int alerts_key(struct ts_profile_reader *reader, const char *key, const char *value)
{
	struct ts_candidates all = {.wanted = key};

	for (size_t k = 0; k < ALERT_KEYS; k++) {
		double *number = (double *)((char *)&reader->profile + alert_keys[k].offset);

		ts_candidate(&all, alert_keys[k].key);
		if (strcmp(key, alert_keys[k].key))
			continue;
		if (reader->seen_alerts[k])
			return ts_profile_mistake(
				reader, "\"%s\" is given twice for [" ALERTS_SECTION "]", key);
		reader->seen_alerts[k] = true;
		if (ts_profile_duration(value, number) && *number >= alert_keys[k].minimum &&
		    *number <= alert_keys[k].maximum)
			return 1;
		return ts_profile_mistake(reader, "%s = \"%.64s\": accepted is %s", key, value,
					  alert_keys[k].accepted);
	}
	return ts_candidates_mistake(reader, reader->line, "key in [" ALERTS_SECTION "]", &all);
}

static int handle(void *user, const char *section, const char *key, const char *value)
{
	struct ts_profile_reader *reader = user;
	int rule, k;

	if (!*section)
		return ts_profile_mistake(
			reader,
			"\"%.64s\" stands before the first [section]; each section "
			"is a rule, such as [%s], an [objective NAME], or [alerts]",
			key, ts_rules[0]->id);
	if (ts_objective_section(section))
		return ts_objective_key(reader, key, value);
	if (!strcmp(section, ALERTS_SECTION))
		return alerts_key(reader, key, value);
	if (!strcmp(section, TS_SETTINGS_SECTION))
		return ts_settings_key(reader, key, value);
	rule = find_rule(section);
	if (rule < 0)
		return unknown_section(reader, section);
	k = find_key(ts_rules[rule], key);
	if (k < 0)
		return unknown_key(reader, ts_rules[rule], key);
	if (reader->seen[rule][k])
		return ts_profile_mistake(reader, "\"%s\" is given twice for [%s]", key, section);
	reader->seen[rule][k] = true;
	return k == TS_RULE_THRESHOLDS_MAX ? set_enabled(reader, (size_t)rule, value)
					   : set_threshold(reader, (size_t)rule, (size_t)k, value);
}

/*
 * A section without keys never reaches handle(): a misspelt one would go unnoticed. inih itself has
 * no call for sections, so the line is looked at when it is handed over.
 */
static void check_section(struct ts_profile_reader *reader, const char *line)
{
	const char *end, *objective;
	char name[96];

	line += strspn(line, " \t");
	end = *line == '[' ? strchr(line, ']') : NULL;
	if (!end)
		return;
	ts_objective_end(reader);
	reader->objective.line = 0;
	/* Too long to be any is told from its beginning. */
	snprintf(name, sizeof name, "%.*s", (int)(end - line - 1), line + 1);
	objective = ts_objective_section(name);
	if (objective)
		ts_objective_begin(reader, objective);
	else if (strcmp(name, ALERTS_SECTION) && strcmp(name, TS_SETTINGS_SECTION) &&
		 find_rule(name) < 0)
		unknown_section(reader, name);
}

/* inih's line reader: like fgets, and counts the lines so that handle() knows where it is. */
static char *read_line(char *line, int size, void *user)
{
	struct ts_profile_reader *reader = user;
	size_t length = strcspn(reader->next, "\n"), room = (size_t)size - 1;

	if (!*reader->next)
		return NULL;
	reader->line++;
	if (length > room)
		ts_profile_mistake(reader, "the line is longer than %zu characters", room);
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
	struct ts_profile_reader reader = {.next = text};
	int syntax_line;

	/* Windows editors put a byte order mark in front. */
	if (!strncmp(reader.next, "\xEF\xBB\xBF", 3))
		reader.next += 3;
	ts_profile_defaults(&reader.profile);
	name_after_file(&reader.profile, file_name);
	syntax_line = ini_parse_stream(read_line, &reader, handle, &reader);
	if (syntax_line < 0)
		return ts_err(-ENOMEM, "%s: out of memory", file_name);
	if (!syntax_line)
		ts_objective_end(&reader);
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
