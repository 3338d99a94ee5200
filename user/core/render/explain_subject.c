// SPDX-License-Identifier: GPL-2.0-only
/* What can be explained, and by which names it is found. */
#include "explain.h"

#include <stdio.h>
#include <string.h>

#include "openmetrics.h"
#include "../measure.h"
#include "../rule.h"
#include "../settings.h"
#include "../words.h"

static size_t rules(void)
{
	return ts_rules_count;
}

static const char *rule_name(size_t i)
{
	return ts_rules[i]->id;
}

static const char *rule_summary(size_t i)
{
	return ts_rules[i]->title;
}

static bool rule_called(size_t i, const char *name)
{
	return false;
}

static size_t settings(void)
{
	return TS_SETTING_COUNT;
}

static const char *setting_name(size_t i)
{
	return ts_settings[i].name;
}

static const char *setting_summary(size_t i)
{
	return ts_settings[i].meaning;
}

/* Whether the path is the setting's, with any device in the place of the %s. */
static bool is_path(const char *pattern, const char *path)
{
	const char *device = strstr(pattern, "%s");
	size_t head = device ? (size_t)(device - pattern) : strlen(pattern);

	if (strncmp(pattern, path, head))
		return false;
	if (!device)
		return !path[head];
	path = strchr(path + head, '/');
	return path && !strcmp(path, device + 2);
}

/* "/proc/sys/net/core/somaxconn", "net/core/somaxconn", "somaxconn" */
static bool setting_called(size_t i, const char *name)
{
	const struct ts_setting *setting = &ts_settings[i];
	const char *last = strrchr(setting->name, '.');
	char path[160];

	if (last && !strcmp(last + 1, name))
		return true;
	if (*name == '/')
		return is_path(setting->path, name);
	snprintf(path, sizeof path, "/proc/sys/%s", name);
	return setting->kind == TS_SETTING_SYSCTL && !strcmp(path, setting->path);
}

static size_t signals(void)
{
	return TS_FAMILY_COUNT;
}

static const char *signal_name(size_t i)
{
	return ts_families[i].name;
}

static const char *signal_summary(size_t i)
{
	return ts_families[i].meaning;
}

/* The name of its metric, and of those that are its parts. */
static bool signal_called(size_t i, const char *name)
{
	static const char *const parts[] = {"", "_total", "_bucket", "_sum", "_count"};
	char metric[TS_OPENMETRICS_NAME_MAX];
	size_t length = strlen(ts_openmetrics_name((enum ts_family_id)i, metric));

	if (strncmp(metric, name, length))
		return false;
	for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++)
		if (!strcmp(name + length, parts[p]))
			return true;
	return false;
}

static size_t measures(void)
{
	return ts_measures_count;
}

static const char *measure_name(size_t i)
{
	return ts_measures[i].name;
}

static const char *measure_summary(size_t i)
{
	return ts_measures[i].what;
}

/* "service-time" is its percentiles. */
static bool measure_called(size_t i, const char *name)
{
	size_t length = strlen(name);

	return ts_measures[i].quantile > 0 && !strncmp(ts_measures[i].name, name, length) &&
	       !strncmp(ts_measures[i].name + length, "-p", 2);
}

static const struct {
	const char *name;
	size_t (*count)(void);
	const char *(*name_of)(size_t i);
	const char *(*summary)(size_t i);
	bool (*called)(size_t i, const char *name); /* by another name than its own */
} kinds[TS_SUBJECT_KINDS] = {
	[TS_SUBJECT_RULE] = {"rule", rules, rule_name, rule_summary, rule_called},
	[TS_SUBJECT_SETTING] = {"setting", settings, setting_name, setting_summary, setting_called},
	[TS_SUBJECT_SIGNAL] = {"signal", signals, signal_name, signal_summary, signal_called},
	[TS_SUBJECT_MEASURE] = {"measure", measures, measure_name, measure_summary, measure_called},
};

#define for_each_subject(s)                                                                     \
	for (struct ts_subject s = {0, 0}; s.kind < TS_SUBJECT_KINDS;                           \
	     s = s.index + 1 < kinds[s.kind].count() ? (struct ts_subject){s.kind, s.index + 1} \
						     : (struct ts_subject){s.kind + 1, 0})

const char *ts_subject_kind_name(enum ts_subject_kind kind)
{
	return kinds[kind].name;
}

size_t ts_subjects(enum ts_subject_kind kind)
{
	return kinds[kind].count();
}

const char *ts_subject_name(struct ts_subject subject)
{
	return kinds[subject.kind].name_of(subject.index);
}

const char *ts_subject_summary(struct ts_subject subject)
{
	return kinds[subject.kind].summary(subject.index);
}

size_t ts_subjects_find(const char *name, struct ts_subject found[TS_SUBJECTS_FOUND_MAX])
{
	size_t count = 0;

	/* What bears the name itself is meant, not what may also be called so. */
	for_each_subject(s)
	{
		if (count < TS_SUBJECTS_FOUND_MAX && !strcmp(ts_subject_name(s), name))
			found[count++] = s;
	}
	if (count)
		return count;
	for_each_subject(s)
	{
		if (count < TS_SUBJECTS_FOUND_MAX && kinds[s.kind].called(s.index, name))
			found[count++] = s;
	}
	return count;
}

/* How far a name is from what was typed: of a sysctl the last word may be all that was. */
static size_t distance(const char *wanted, const char *name)
{
	const char *last = strrchr(name, '.');
	size_t whole = ts_word_distance(wanted, name);
	size_t part = last ? ts_word_distance(wanted, last + 1) : whole;

	return part < whole ? part : whole;
}

size_t ts_subjects_near(const char *name, const char *near[TS_SUBJECTS_NEAR_MAX])
{
	size_t far[TS_SUBJECTS_NEAR_MAX], length = strlen(name), count = 0;

	for_each_subject(s)
	{
		const char *candidate = ts_subject_name(s);
		size_t d = distance(name, candidate), at;

		/* Slips of the keyboard, or a part of the name. */
		if (d > 2 + length / 8 && !(length >= 3 && strstr(candidate, name)))
			continue;
		for (at = count; at > 0 && far[at - 1] > d; at--)
			;
		if (at == TS_SUBJECTS_NEAR_MAX)
			continue;
		if (count < TS_SUBJECTS_NEAR_MAX)
			count++;
		for (size_t i = count - 1; i > at; i--) {
			near[i] = near[i - 1];
			far[i] = far[i - 1];
		}
		near[at] = candidate;
		far[at] = d;
	}
	return count;
}
