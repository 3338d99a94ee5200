// SPDX-License-Identifier: GPL-2.0-only
/* What is said about a subject, from its row and from the rows that name it. */
#include "explain.h"

#include <string.h>

#include "openmetrics.h"
#include "../arena.h"
#include "../measure.h"
#include "../profile.h"
#include "../rule.h"
#include "../settings.h"

#define SYMPTOMS_MAX	(sizeof((struct ts_rule *)0)->symptom_of / sizeof(const char *))
#define NEEDS_MAX	(sizeof((struct ts_rule *)0)->needs / sizeof(enum ts_family_id))
#define SETTINGS_MAX	(sizeof((struct ts_rule *)0)->settings / sizeof(enum ts_setting_id))

#define text(sink, ...) ts_arena_printf((sink)->arena, __VA_ARGS__)

static void field(const struct ts_explain_sink *sink, const char *label, const char *value)
{
	if (value && *value)
		sink->field(sink->to, label, value);
}

#define SOURCE "Source: "

/* Each line is one; one that names the source is told as that. */
static void paragraphs(const struct ts_explain_sink *sink, const char *lines)
{
	while (*lines) {
		size_t length = strcspn(lines, "\n");

		if (!strncmp(lines, SOURCE, strlen(SOURCE)))
			field(sink, "source", lines + strlen(SOURCE));
		else
			sink->paragraph(sink->to, text(sink, "%.*s", (int)length, lines));
		lines += length + (lines[length] == '\n');
	}
}

/* "a, b": one more name in a list. */
static const char *join(const struct ts_explain_sink *sink, const char *names, const char *name)
{
	return *names ? text(sink, "%s, %s", names, name) : name;
}

static void threshold(const struct ts_explain_sink *sink, size_t rule, size_t k)
{
	const struct ts_threshold *row = &ts_rules[rule]->thresholds[k];
	double value = sink->profile ? sink->profile->threshold[rule][k] : row->value;
	const char *name = text(sink, "%s = %.15g", row->key, value);
	const char *whose = value == row->value ? ""
						: text(sink, "; %s, by default %.15g",
						       sink->profile->name, row->value);

	sink->entry(sink->to, name,
		    text(sink, "%s (%s; %.15g to %.15g%s)", row->meaning, row->unit, row->minimum,
			 row->maximum, whose));
}

static void explain_rule(const struct ts_explain_sink *sink, size_t i)
{
	const struct ts_rule *rule = ts_rules[i];

	sink->paragraph(sink->to, rule->title);
	paragraphs(sink, rule->explanation);
	if (sink->profile && !sink->profile->enabled[i])
		field(sink, "enabled", text(sink, "no: %s switches it off", sink->profile->name));
	if (rule->settings[0] != TS_SETTING_COUNT)
		sink->list(sink->to, "may propose");
	for (size_t s = 0; s < SETTINGS_MAX && rule->settings[s] != TS_SETTING_COUNT; s++)
		sink->entry(sink->to, ts_settings[rule->settings[s]].name,
			    ts_settings[rule->settings[s]].meaning);
	sink->list(sink->to, "needs");
	for (size_t n = 0; n < NEEDS_MAX && rule->needs[n] != TS_FAMILY_COUNT; n++)
		sink->entry(sink->to, ts_families[rule->needs[n]].name,
			    ts_families[rule->needs[n]].meaning);
	if (rule->symptom_of[0])
		sink->list(sink->to, "recommends nothing beside a finding of");
	for (size_t k = 0; k < SYMPTOMS_MAX && rule->symptom_of[k]; k++)
		sink->entry(sink->to, rule->symptom_of[k],
			    ts_rule_by_id(rule->symptom_of[k])->title);
	sink->list(sink->to, text(sink, "thresholds, in [%s] of a profile", rule->id));
	for (size_t k = 0; k < TS_RULE_THRESHOLDS_MAX && rule->thresholds[k].key; k++)
		threshold(sink, i, k);
	field(sink, "source", rule->reference);
}

static bool proposes(const struct ts_rule *rule, size_t setting)
{
	for (size_t s = 0; s < SETTINGS_MAX && rule->settings[s] != TS_SETTING_COUNT; s++)
		if (rule->settings[s] == setting)
			return true;
	return false;
}

static const char *value_text(const struct ts_explain_sink *sink, const struct ts_setting *setting)
{
	if (!setting->arity)
		return setting->unit;
	return text(sink, "%s%s, %.0f to %.0f",
		    setting->arity == 1 ? "" : text(sink, "%u numbers: ", setting->arity),
		    setting->unit, setting->minimum, setting->maximum);
}

/* "/sys/block/DEVICE/queue/scheduler" */
static const char *path_text(const struct ts_explain_sink *sink, const char *path)
{
	const char *device = strstr(path, "%s");

	if (!device)
		return path;
	return text(sink, "%.*sDEVICE%s", (int)(device - path), path, device + 2);
}

static void explain_setting(const struct ts_explain_sink *sink, size_t i)
{
	static const char *const scopes[] = {
		[TS_SCOPE_GLOBAL] = "the whole host",
		[TS_SCOPE_NETNS] = "each network namespace has its own",
		[TS_SCOPE_DEVICE] = "each device has its own",
		[TS_SCOPE_CGROUP] = "each cgroup has its own",
		[TS_SCOPE_PROCESS] = "each process has its own",
		[TS_SCOPE_MOUNT] = "each mounted file system has its own",
	};
	const struct ts_setting *setting = &ts_settings[i];
	const char *coupled = "", *by = "";

	for (size_t c = 0; c < 2 && setting->coupled[c] != TS_SETTING_COUNT; c++)
		coupled = join(sink, coupled, ts_settings[setting->coupled[c]].name);
	for (size_t r = 0; r < ts_rules_count; r++)
		if (proposes(ts_rules[r], i))
			by = join(sink, by, ts_rules[r]->id);
	sink->paragraph(sink->to, setting->meaning);
	field(sink, "file", path_text(sink, setting->path));
	field(sink, "scope", scopes[setting->scope]);
	field(sink, "value", value_text(sink, setting));
	field(sink, "takes effect", ts_takes_effect_name(setting->takes_effect));
	field(sink, "trade-off", setting->risk);
	field(sink, "changes with", coupled);
	field(sink, "proposed by", *by ? by : "no rule");
	field(sink, "source", setting->reference);
}

static bool rule_needs(const struct ts_rule *rule, size_t family)
{
	for (size_t n = 0; n < NEEDS_MAX && rule->needs[n] != TS_FAMILY_COUNT; n++)
		if (rule->needs[n] == family)
			return true;
	return false;
}

static bool measure_needs(const struct ts_measure *measure, size_t family)
{
	for (size_t n = 0; n < measure->needs_count; n++)
		if (measure->needs[n] == family)
			return true;
	return false;
}

static void explain_signal(const struct ts_explain_sink *sink, size_t i)
{
	const struct ts_family *family = &ts_families[i];
	const char *labels = "", *needed = "", *measures = "";
	char metric[TS_OPENMETRICS_NAME_MAX];

	for (size_t l = 0; l < family->labels; l++)
		labels = join(sink, labels, family->label_key[l]);
	for (size_t r = 0; r < ts_rules_count; r++)
		if (rule_needs(ts_rules[r], i))
			needed = join(sink, needed, ts_rules[r]->id);
	for (size_t m = 0; m < ts_measures_count; m++)
		if (measure_needs(&ts_measures[m], i))
			measures = join(sink, measures, ts_measures[m].name);
	sink->paragraph(sink->to, family->meaning);
	field(sink, "kind",
	      text(sink, "%s (%s)%s", ts_kind_name(family->kind), ts_unit_name(family->unit),
		   family->kind == TS_KIND_PEAK ? ", the largest since the last reading" : ""));
	field(sink, "labels", labels);
	field(sink, "needed by", needed);
	field(sink, "measures", measures);
	field(sink, "metric",
	      text(sink, "%s%s", ts_openmetrics_name((enum ts_family_id)i, metric),
		   family->kind == TS_KIND_COUNTER ? "_total" : ""));
	field(sink, "measured by", ts_source_names[family->source]);
	field(sink, "source", ts_family_reference((enum ts_family_id)i));
}

static void explain_measure(const struct ts_explain_sink *sink, size_t i)
{
	static const char *const per[] = {
		[TS_PER_HOST] = "one value for the host",
		[TS_PER_SERVICE_PORT] = "one for each listening port of each network namespace",
		[TS_PER_REMOTE_PORT] = "one for each remote port, in each network namespace",
		[TS_PER_DEVICE] = "one for each block device",
	};
	const struct ts_measure *measure = &ts_measures[i];
	const char *needs = "";

	for (size_t n = 0; n < measure->needs_count; n++)
		needs = join(sink, needs, ts_families[measure->needs[n]].name);
	sink->paragraph(sink->to, text(sink, "%s: %s", measure->what, measure->meaning));
	field(sink, "unit", ts_measure_unit_name(measure));
	field(sink, "values", per[measure->per]);
	field(sink, "worse", measure->lower_is_worse ? "when lower" : "when higher");
	field(sink, "samples",
	      text(sink, "at least %llu %s; with fewer there is no value", measure->least,
		   measure->sample));
	field(sink, "made from", needs);
}

void ts_explain(struct ts_subject subject, const struct ts_explain_sink *sink)
{
	static void (*const kinds[TS_SUBJECT_KINDS])(const struct ts_explain_sink *, size_t) = {
		[TS_SUBJECT_RULE] = explain_rule,
		[TS_SUBJECT_SETTING] = explain_setting,
		[TS_SUBJECT_SIGNAL] = explain_signal,
		[TS_SUBJECT_MEASURE] = explain_measure,
	};

	kinds[subject.kind](sink, subject.index);
}
