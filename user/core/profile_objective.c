// SPDX-License-Identifier: GPL-2.0-only
/* [objective NAME] in a profile. */
#include "profile_reader.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTION	    "objective"
#define FOR_DEFAULT 300
#define FOR_MOST    86400

enum key {
	KEY_MEASURE,
	KEY_PORT,
	KEY_DEVICE,
	KEY_WHERE,
	KEY_TARGET,
	KEY_WARNING,
	KEY_CRITICAL,
	KEY_FOR,
	KEY_SEVERITY,
	KEY_ENABLED,
	KEY_COUNT,
};
_Static_assert(KEY_COUNT <= TS_OBJECTIVE_KEYS_MAX, "a profile entry for each key");

static const char *const keys[KEY_COUNT] = {
	[KEY_MEASURE] = "measure",   [KEY_PORT] = "port",
	[KEY_DEVICE] = "device",     [KEY_WHERE] = "where",
	[KEY_TARGET] = "target",     [KEY_WARNING] = "warning",
	[KEY_CRITICAL] = "critical", [KEY_FOR] = "for",
	[KEY_SEVERITY] = "severity", [KEY_ENABLED] = TS_PROFILE_ENABLED_KEY,
};

static const struct {
	const char *name, *measure;
	double warning, critical, for_seconds;
} defaults[] = {
	{"HighResponseTime", "service-time-p95", 0.5, NAN, 300},
	{"HighErrorRate", "connection-error-share", NAN, 0.05, 120},
};

void ts_profile_default_objectives(struct ts_profile *profile)
{
	profile->objectives = sizeof defaults / sizeof defaults[0];
	for (size_t i = 0; i < profile->objectives; i++) {
		struct ts_objective *objective = &profile->objective[i];

		snprintf(objective->name, sizeof objective->name, "%s", defaults[i].name);
		objective->enabled = true;
		objective->measure = ts_measure_by_name(defaults[i].measure);
		objective->level[TS_LEVEL_TARGET] = NAN;
		objective->level[TS_LEVEL_WARNING] = defaults[i].warning;
		objective->level[TS_LEVEL_CRITICAL] = defaults[i].critical;
		objective->for_seconds = defaults[i].for_seconds;
	}
}

const char *ts_objective_section(const char *section)
{
	size_t length = strlen(SECTION);

	if (strncmp(section, SECTION, length) || (section[length] && !isblank(section[length])))
		return NULL;
	section += length;
	return section + strspn(section, " \t");
}

static bool good_word(const char *text, size_t size, const char *also)
{
	size_t length = strlen(text);

	if (!length || length >= size || !isalnum((unsigned char)*text))
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr(also, *text))
			return false;
	return true;
}

void ts_objective_begin(struct ts_profile_reader *reader, const char *name)
{
	struct ts_objective_reader *r = &reader->objective;

	r->line = reader->line;
	memset(r->entry, 0, sizeof r->entry);
	snprintf(r->name, sizeof r->name, "%s", name);
	if (!good_word(name, sizeof r->name, "_-") || !isalpha((unsigned char)*name))
		ts_profile_mistake(reader,
				   "[objective %.64s]: accepted is a name of letters, digits, _ "
				   "and - that begins with a letter, %zu characters at most",
				   name, sizeof r->name - 1);
	else if (!strncmp(name, "Tunescope", 9))
		ts_profile_mistake(reader,
				   "[objective %s]: names that begin with Tunescope are "
				   "those of its own alerts; accepted is any other",
				   name);
}

int ts_objective_key(struct ts_profile_reader *reader, const char *key, const char *value)
{
	struct ts_objective_reader *r = &reader->objective;
	struct ts_candidates all = {.wanted = key};
	struct ts_profile_entry *entry;
	char what[96];

	for (int k = 0; k < KEY_COUNT; k++) {
		ts_candidate(&all, keys[k]);
		if (strcmp(key, keys[k]))
			continue;
		entry = &r->entry[k];
		if (entry->line)
			return ts_profile_mistake(
				reader, "\"%s\" is given twice for [objective %s]", key, r->name);
		entry->line = reader->line;
		if (strlen(value) >= sizeof entry->text)
			return ts_profile_mistake(reader,
						  "%s = \"%.64s…\" is too long; accepted are %zu "
						  "characters",
						  key, value, sizeof entry->text - 1);
		snprintf(entry->text, sizeof entry->text, "%s", value);
		return 1;
	}
	snprintf(what, sizeof what, "key in [objective %s]", r->name);
	return ts_candidates_mistake(reader, reader->line, what, &all);
}

static bool set_measure(struct ts_profile_reader *reader, struct ts_objective *objective)
{
	const struct ts_profile_entry *entry = &reader->objective.entry[KEY_MEASURE];
	struct ts_candidates all = {.wanted = entry->text};

	if (!entry->line)
		return ts_profile_mistake_at(reader, reader->objective.line,
					     "[objective %s] lacks measure = NAME, such as %s",
					     objective->name, ts_measures[1].name);
	objective->measure = ts_measure_by_name(entry->text);
	if (objective->measure)
		return true;
	for (size_t i = 0; i < ts_measures_count; i++)
		ts_candidate(&all, ts_measures[i].name);
	return ts_candidates_mistake(reader, entry->line, "measure", &all);
}

static bool set_port(struct ts_profile_reader *reader, struct ts_objective *objective)
{
	const struct ts_profile_entry *entry = &reader->objective.entry[KEY_PORT];
	const struct ts_measure *measure = objective->measure;
	long port = strtol(entry->text, NULL, 10);

	if (!entry->line)
		return true;
	if (measure->per != TS_PER_SERVICE_PORT && measure->per != TS_PER_REMOTE_PORT)
		return ts_profile_mistake_at(reader, entry->line,
					     "port = %.16s: %s is not measured for each port; "
					     "accepted is none",
					     entry->text, measure->name);
	if (strspn(entry->text, "0123456789") != strlen(entry->text) || port < 1 || port > 65535)
		return ts_profile_mistake_at(reader, entry->line,
					     "port = \"%.64s\": 1 to 65535 is accepted",
					     entry->text);
	snprintf(objective->port, sizeof objective->port, "%ld", port);
	return true;
}

static bool set_device(struct ts_profile_reader *reader, struct ts_objective *objective)
{
	const struct ts_profile_entry *entry = &reader->objective.entry[KEY_DEVICE];

	if (!entry->line)
		return true;
	if (objective->measure->per != TS_PER_DEVICE)
		return ts_profile_mistake_at(reader, entry->line,
					     "device = %.64s: %s is not measured for each device; "
					     "accepted is none",
					     entry->text, objective->measure->name);
	if (!good_word(entry->text, sizeof objective->device, "._-!:"))
		return ts_profile_mistake_at(reader, entry->line,
					     "device = \"%.64s\": accepted is the name of a block "
					     "device, such as nvme0n1 (without /dev/)",
					     entry->text);
	memcpy(objective->device, entry->text, sizeof objective->device);
	return true;
}

/* Where to look, for what is measured nowhere here: with it there is nothing to hold it against. */
static bool set_where(struct ts_profile_reader *reader, struct ts_objective *objective)
{
	const struct ts_profile_entry *entry = &reader->objective.entry[KEY_WHERE];
	bool elsewhere = !objective->measure->measure;

	if (elsewhere && !entry->line)
		return ts_profile_mistake_at(reader, reader->objective.line,
					     "[objective %s] lacks where = TEXT: where to look for "
					     "what is measured elsewhere",
					     objective->name);
	if (!elsewhere && entry->line)
		return ts_profile_mistake_at(reader, entry->line,
					     "where: %s is measured here; accepted is none",
					     objective->measure->name);
	for (int level = 0; elsewhere && level < TS_LEVEL_COUNT; level++)
		if (reader->objective.entry[KEY_TARGET + level].line)
			return ts_profile_mistake_at(
				reader, reader->objective.entry[KEY_TARGET + level].line,
				"%s: of what is measured elsewhere there is no value to hold "
				"against it; accepted is none",
				ts_level_names[level]);
	memcpy(objective->where, entry->text, sizeof objective->where);
	return true;
}

/* "5%", or a plain number. */
static bool read_share(const char *text, double *value)
{
	size_t digits = strspn(text, "0123456789.");
	char *end;

	*value = strtod(text, &end);
	if (!digits || end != text + digits)
		return false;
	end += strspn(end, " ");
	if (!strcmp(end, "%"))
		*value /= 100;
	else if (*end)
		return false;
	return *value <= 1;
}

static bool read_rate(const char *text, double *value)
{
	size_t digits = strspn(text, "0123456789.");
	char *end;

	*value = strtod(text, &end);
	return digits && end == text + digits && (!*end || !strcmp(end, "/s"));
}

static const struct {
	bool (*read)(const char *text, double *value);
	const char *accepted;
} levels[] = {
	[TS_MEASURE_SECONDS] = {ts_profile_duration, "a time such as 500ms, 2s or 0.5 (seconds)"},
	[TS_MEASURE_RATIO] = {read_share, "a share such as 5% or 0.05, 100% at most"},
	[TS_MEASURE_PER_SECOND] = {read_rate, "a number of them each second, such as 100 or 100/s"},
};

static bool set_levels(struct ts_profile_reader *reader, struct ts_objective *objective)
{
	const struct ts_measure *measure = objective->measure;
	int before = -1;

	if (!measure->measure)
		return true;
	for (int level = 0; level < TS_LEVEL_COUNT; level++) {
		const struct ts_profile_entry *entry = &reader->objective.entry[KEY_TARGET + level];
		double *value = &objective->level[level];

		if (!entry->line)
			continue;
		if (!levels[measure->unit].read(entry->text, value))
			return ts_profile_mistake_at(
				reader, entry->line, "%s = \"%.64s\": accepted is %s",
				ts_level_names[level], entry->text, levels[measure->unit].accepted);
		if (before >= 0 && (measure->lower_is_worse ? *value > objective->level[before]
							    : *value < objective->level[before]))
			return ts_profile_mistake_at(
				reader, entry->line,
				"%s = %.64s is better than %s = %.64s; accepted is one that is "
				"%s or equal",
				ts_level_names[level], entry->text, ts_level_names[before],
				reader->objective.entry[KEY_TARGET + before].text,
				measure->lower_is_worse ? "lower" : "higher");
		before = level;
	}
	if (before < 0)
		return ts_profile_mistake_at(reader, reader->objective.line,
					     "[objective %s] lacks a value to hold %s against: "
					     "accepted are target, warning and critical",
					     objective->name, measure->name);
	return true;
}

static bool set_alert(struct ts_profile_reader *reader, struct ts_objective *objective)
{
	const struct ts_profile_entry *time = &reader->objective.entry[KEY_FOR];
	const struct ts_profile_entry *severity = &reader->objective.entry[KEY_SEVERITY];
	bool both = !isnan(objective->level[TS_LEVEL_WARNING]) &&
		    !isnan(objective->level[TS_LEVEL_CRITICAL]);

	objective->for_seconds = FOR_DEFAULT;
	if (time->line && (!ts_profile_duration(time->text, &objective->for_seconds) ||
			   objective->for_seconds > FOR_MOST))
		return ts_profile_mistake_at(reader, time->line,
					     "for = \"%.64s\": accepted is a time such as 30s, 5m "
					     "or 1h, 24h at most",
					     time->text);
	if (!severity->line)
		return true;
	if (both)
		return ts_profile_mistake_at(reader, severity->line,
					     "severity = %.64s: with both warning and critical "
					     "given, these are the severities; accepted is none",
					     severity->text);
	if (!good_word(severity->text, sizeof objective->severity, "_-"))
		return ts_profile_mistake_at(reader, severity->line,
					     "severity = \"%.64s\": accepted is one word, such as "
					     "warning, critical or page",
					     severity->text);
	snprintf(objective->severity, sizeof objective->severity, "%.*s",
		 (int)sizeof objective->severity - 1, severity->text);
	return true;
}

/* Where it belongs in the profile: in the place of the one of its name, or at the end. */
static struct ts_objective *place(struct ts_profile_reader *reader)
{
	struct ts_objective_reader *r = &reader->objective;
	struct ts_profile *profile = &reader->profile;
	size_t i;

	for (i = 0; i < profile->objectives; i++)
		if (!strcmp(profile->objective[i].name, r->name))
			break;
	if (i == TS_OBJECTIVES_MAX) {
		ts_profile_mistake_at(reader, r->line,
				      "[objective %s]: at most %d objectives are accepted", r->name,
				      TS_OBJECTIVES_MAX);
		return NULL;
	}
	if (r->read[i]) {
		ts_profile_mistake_at(reader, r->line, "[objective %s] is given twice", r->name);
		return NULL;
	}
	r->read[i] = true;
	if (i == profile->objectives)
		profile->objectives++;
	return &profile->objective[i];
}

void ts_objective_end(struct ts_profile_reader *reader)
{
	struct ts_objective_reader *r = &reader->objective;
	const struct ts_profile_entry *enabled = &r->entry[KEY_ENABLED];
	struct ts_objective *objective;

	if (!r->line || reader->error_line)
		return;
	objective = place(reader);
	if (!objective)
		return;
	memset(objective, 0, sizeof *objective);
	snprintf(objective->name, sizeof objective->name, "%s", r->name);
	for (int level = 0; level < TS_LEVEL_COUNT; level++)
		objective->level[level] = NAN;
	objective->enabled = true;
	if (enabled->line && !ts_profile_yes_or_no(enabled->text, &objective->enabled)) {
		ts_profile_mistake_at(reader, enabled->line,
				      TS_PROFILE_ENABLED_KEY " = \"%.64s\": yes or no is accepted",
				      enabled->text);
		return;
	}
	/* One that is switched off need not say what it would be. */
	if ((objective->enabled || r->entry[KEY_MEASURE].line) && set_measure(reader, objective) &&
	    set_port(reader, objective) && set_device(reader, objective) &&
	    set_where(reader, objective) && set_levels(reader, objective))
		set_alert(reader, objective);
	r->line = 0;
}
