// SPDX-License-Identifier: GPL-2.0-only
/*
 * The texts come from tables and from a profile whose names hold neither quotes nor braces; they
 * are written as YAML strings in single quotes, in which only the quote itself has a meaning.
 */
#include "alert_rules.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "escape.h"
#include "openmetrics.h"
#include "openmetrics_text.h"
#include "../arena.h"

/* Rates need several scrapes; four bear the loss of one or two. */
#define SCRAPES_OF_A_RATE 4
#define LONGEST_RATE	  300

#define NEEDS_MAX	  (sizeof((struct ts_rule *)0)->needs / sizeof(enum ts_family_id))

struct writer {
	FILE *out;
	struct ts_arena *arena;
	const struct ts_profile *profile;
};

struct alert {
	const char *name, *expression, *severity, *summary, *description;
	double for_seconds;
};

#define text_of(w, ...) ts_arena_printf((w)->arena, __VA_ARGS__)

static void yaml_field(const struct writer *w, const char *indent, const char *key,
		       const char *value)
{
	fprintf(w->out, "%s%s: '", indent, key);
	for (; *value; value++) {
		if (*value == '\'')
			fputc('\'', w->out);
		fputc(*value, w->out);
	}
	fputs("'\n", w->out);
}

/* "2m30s", "1500ms": whole milliseconds, as Prometheus wants them. */
static const char *duration(const struct writer *w, double seconds)
{
	static const struct {
		const char *name;
		unsigned long long ms;
	} units[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
	unsigned long long left = (unsigned long long)llround(seconds * 1e3);
	const char *text = "";

	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		if (left >= units[i].ms)
			text = text_of(w, "%s%llu%s", text, left / units[i].ms, units[i].name);
		left %= units[i].ms;
	}
	return *text ? text : "0s";
}

static void write_alert(const struct writer *w, const struct alert *alert)
{
	fprintf(w->out, "      - alert: %s\n", alert->name);
	yaml_field(w, "        ", "expr", alert->expression);
	fprintf(w->out, "        for: %s\n", duration(w, alert->for_seconds));
	fprintf(w->out, "        labels:\n          severity: %s\n        annotations:\n",
		alert->severity);
	yaml_field(w, "          ", "summary", alert->summary);
	yaml_field(w, "          ", "description", alert->description);
}

static void begin_group(const struct writer *w, const char *name)
{
	fprintf(w->out, "  - name: %s\n    rules:\n", name);
}

/* ---- objectives */

/*
 * Rates over half of the time an alert waits, so that a short burst, which they spread over their
 * range, does not outlast it.
 */
static double range_of(const struct writer *w, const struct ts_objective *objective)
{
	return fmax(fmin(objective->for_seconds / 2, LONGEST_RATE),
		    SCRAPES_OF_A_RATE * w->profile->scrape_interval);
}

static const char *number(const struct writer *w, double value)
{
	char *text = ts_arena_alloc(w->arena, TS_METRIC_NUMBER_MAX);

	return ts_metric_bound(value, text);
}

static const char *metric(const struct writer *w, enum ts_family_id id)
{
	char name[TS_OPENMETRICS_NAME_MAX];

	return text_of(w, "%s%s", ts_openmetrics_name(id, name),
		       ts_families[id].kind == TS_KIND_COUNTER ? "_total" : "");
}

static const char *matchers(const struct writer *w, const struct ts_objective *objective)
{
	if (*objective->port)
		return text_of(w, ",port=\"%s\"", objective->port);
	return *objective->device ? text_of(w, ",device=\"%s\"", objective->device) : "";
}

/* What stands for @key in the expressions of measure.h. */
static const char *placeholder(const struct writer *w, const struct ts_objective *objective,
			       char key)
{
	if (isdigit((unsigned char)key))
		return metric(w, objective->measure->needs[key - '0']);
	if (key == 'q')
		return number(w, objective->measure->quantile);
	return key == 'r' ? duration(w, range_of(w, objective)) : matchers(w, objective);
}

static const char *expand(const struct writer *w, const struct ts_objective *objective,
			  const char *promql)
{
	const char *text = "";

	while (*promql) {
		size_t length = strcspn(promql, "@");

		text = text_of(w, "%s%.*s", text, (int)length, promql);
		promql += length;
		if (!*promql)
			break;
		text = text_of(w, "%s%s", text, placeholder(w, objective, promql[1]));
		promql += 2;
	}
	return text;
}

static const char *expression(const struct writer *w, const struct ts_objective *objective,
			      double threshold)
{
	const struct ts_measure *measure = objective->measure;
	const char *text = text_of(w, "%s %s %s", expand(w, objective, measure->promql),
				   measure->lower_is_worse ? "<" : ">", number(w, threshold));

	if (measure->promql_samples)
		text = text_of(w, "%s and %s >= %llu", text,
			       expand(w, objective, measure->promql_samples), measure->least);
	return text;
}

/* "500 milliseconds", "5 percent", "100 connections per second" */
static const char *in_words(const struct writer *w, const struct ts_measure *measure, double value)
{
	static const struct {
		double from, size;
		const char *name;
	} times[] = {{7200, 3600, "hours"},
		     {120, 60, "minutes"},
		     {1, 1, "seconds"},
		     {1e-3, 1e-3, "milliseconds"},
		     {0, 1e-6, "microseconds"}};
	size_t i = 0;

	if (measure->unit == TS_MEASURE_RATIO)
		return text_of(w, "%.10g percent", value * 100);
	if (measure->unit == TS_MEASURE_PER_SECOND)
		return text_of(w, "%.10g %s per second", value, measure->sample);
	while (value < times[i].from)
		i++;
	return text_of(w, "%.10g %.*s", value / times[i].size,
		       (int)strlen(times[i].name) - (value == times[i].size), times[i].name);
}

static const char *value_template(const struct ts_measure *measure)
{
	static const char *const templates[] = {
		[TS_MEASURE_SECONDS] = "{{ $value | humanizeDuration }}",
		[TS_MEASURE_RATIO] = "{{ $value | humanizePercentage }}",
		[TS_MEASURE_PER_SECOND] = "{{ $value | humanize }} per second",
	};

	return templates[measure->unit];
}

static const char *place_template(const struct ts_measure *measure)
{
	static const char *const templates[] = {
		[TS_PER_HOST] = "{{ $labels.instance }}",
		[TS_PER_SERVICE_PORT] = "port {{ $labels.port }} on {{ $labels.instance }}",
		[TS_PER_REMOTE_PORT] = "remote port {{ $labels.port }} from {{ $labels.instance }}",
		[TS_PER_DEVICE] = "{{ $labels.device }} on {{ $labels.instance }}",
	};

	return templates[measure->per];
}

static bool has_namespace(const struct ts_measure *measure)
{
	return measure->per == TS_PER_SERVICE_PORT || measure->per == TS_PER_REMOTE_PORT;
}

static void objective_alert(const struct writer *w, const struct ts_objective *objective,
			    enum ts_level level)
{
	const struct ts_measure *measure = objective->measure;
	const char *side = measure->lower_is_worse ? "below" : "above";
	const char *threshold = in_words(w, measure, objective->level[level]);
	struct alert alert = {
		.name = objective->name,
		.expression = expression(w, objective, objective->level[level]),
		.severity = *objective->severity ? objective->severity : ts_level_names[level],
		.for_seconds = objective->for_seconds,
	};

	alert.summary = text_of(w, "%s: the %s is %s %s", place_template(measure), measure->what,
				side, threshold);
	alert.description = text_of(
		w, "The %s is %s, %s %s for %s%s. Measured: %s.", measure->what,
		value_template(measure), side, threshold, duration(w, objective->for_seconds),
		has_namespace(measure) ? ", in network namespace {{ $labels.netns }}" : "",
		measure->meaning);
	write_alert(w, &alert);
}

static bool raises(const struct ts_objective *objective, int level)
{
	return objective->enabled && level != TS_LEVEL_TARGET && !isnan(objective->level[level]);
}

static void write_objectives(const struct writer *w)
{
	bool any = false;

	for (size_t i = 0; i < w->profile->objectives; i++)
		for (int level = 0; level < TS_LEVEL_COUNT; level++) {
			if (!raises(&w->profile->objective[i], level))
				continue;
			if (!any)
				begin_group(w, "tunescope-objectives");
			any = true;
			objective_alert(w, &w->profile->objective[i], (enum ts_level)level);
		}
}

/* ---- findings */

/* "accept-queue" -> "TunescopeAcceptQueue" */
static const char *alert_name(const struct writer *w, const char *id)
{
	const char *name = "Tunescope";
	bool capital = true;

	for (; *id; id++) {
		if (isalnum((unsigned char)*id))
			name = text_of(w, "%s%c", name,
				       capital ? toupper((unsigned char)*id) : *id);
		capital = !isalnum((unsigned char)*id);
	}
	return name;
}

/*
 * The labels that may change while a finding lasts are left out: with them it would begin anew.
 */
#define FINDING_EXPRESSION                                                                 \
	"max without (outcome, current, proposed, acquits, comm) (tunescope_finding{rule=" \
	"\"%s\",outcome=~\"recommend|not-a-setting\"}) > 0"
#define FINDING_WHAT                                                               \
	"{{ if $labels.setting }}{{ $labels.setting }} is in the way{{ else }}{{ " \
	"$labels.cause }}{{ end }}"

static void write_findings(const struct writer *w)
{
	bool any = false;

	for (size_t i = 0; i < ts_rules_count; i++) {
		const struct ts_rule *rule = ts_rules[i];
		struct alert alert = {.severity = "warning",
				      .for_seconds = w->profile->finding_for};

		if (!w->profile->enabled[i])
			continue;
		if (!any)
			begin_group(w, "tunescope-findings");
		any = true;
		alert.name = alert_name(w, rule->id);
		alert.expression = text_of(w, FINDING_EXPRESSION, rule->id);
		alert.summary =
			text_of(w, "{{ $labels.instance }}: %s (" FINDING_WHAT ")", rule->title);
		alert.description =
			text_of(w,
				"Finding {{ $labels.id }} has held for %s. On that host, "
				"`tunescope advise` shows its evidence and what to do; so do the "
				"labels of tunescope_finding.",
				duration(w, alert.for_seconds));
		write_alert(w, &alert);
	}
}

/* ---- tunescope itself */

/* Families that an objective or a rule of the profile needs, as a regular expression. */
static const char *needed_families(const struct writer *w)
{
	bool needed[TS_FAMILY_COUNT] = {0};
	const char *text = "";

	for (size_t i = 0; i < ts_rules_count; i++)
		for (size_t n = 0; w->profile->enabled[i] && n < NEEDS_MAX &&
				   ts_rules[i]->needs[n] != TS_FAMILY_COUNT;
		     n++)
			needed[ts_rules[i]->needs[n]] = true;
	for (size_t i = 0; i < w->profile->objectives; i++) {
		const struct ts_objective *objective = &w->profile->objective[i];

		for (size_t n = 0; objective->enabled && n < objective->measure->needs_count; n++)
			needed[objective->measure->needs[n]] = true;
	}
	ts_for_each_family (id)
		if (needed[id])
			text = text_of(w, "%s%s%s", text, *text ? "|" : "", ts_families[id].name);
	return text;
}

/* One that was there within the last day and is not; or that there is none at all. */
#define DOWN                                                                   \
	"count by (job, instance) (last_over_time(tunescope_build_info[1d])) " \
	"unless on (job, instance) tunescope_build_info or on () absent(tunescope_build_info)"

static void write_health(const struct writer *w)
{
	const char *range =
		duration(w, fmax(LONGEST_RATE, SCRAPES_OF_A_RATE * w->profile->scrape_interval));
	const char *families = needed_families(w);
	const struct alert alerts[] = {
		{"TunescopeDown", DOWN, "critical",
		 "{{ if $labels.instance }}{{ $labels.instance }}: tunescope is not "
		 "there any more{{ else }}No tunescope is there at all{{ end }}",
		 "Prometheus has got no metrics of tunescope for 5m: the exporter does not run, or "
		 "cannot be reached. Until it does, none of its other alerts can be raised.",
		 300},
		{"TunescopeStale",
		 "timestamp(tunescope_findings_timestamp_seconds) - "
		 "tunescope_findings_timestamp_seconds > 300 + 2 * "
		 "tunescope_findings_window_seconds",
		 "warning", "{{ $labels.instance }}: what tunescope says is old",
		 "Nothing was judged for {{ $value | humanizeDuration }}: a text file that is not "
		 "written any more, or an exporter that hangs.",
		 300},
		/* One now and then, of thousands a second, is no reason to wake anybody. */
		{"TunescopeLosesEvents",
		 text_of(w, "rate(tunescope_lost_events_total[%s]) > 1", range), "warning",
		 "{{ $labels.instance }}: tunescope loses events",
		 text_of(w,
			 "{{ $value | humanize }} events a second were measured nowhere for %s, "
			 "because a table entry had been overwritten or the table was full: what "
			 "is reported is too low.",
			 range),
		 600},
		{"TunescopeFamilyFailed", "tunescope_family_status{status=\"failed\"} > 0",
		 "warning", "{{ $labels.instance }}: {{ $labels.family }} cannot be measured",
		 "tunescope_{{ $labels.family }} failed: {{ $labels.reason }}. Alerts that need it "
		 "are not raised meanwhile.",
		 600},
		{"TunescopeFamilyUnmeasured",
		 text_of(w,
			 "tunescope_family_status{status=~\"unsupported|disabled\",family=~\"%s\"} "
			 "> 0",
			 families),
		 "info", "{{ $labels.instance }}: {{ $labels.family }} is not measured",
		 "tunescope_{{ $labels.family }} is {{ $labels.status }}: {{ $labels.reason }}. A "
		 "rule or an objective of the profile needs it and cannot be judged on this host.",
		 600},
	};

	begin_group(w, "tunescope-health");
	for (size_t i = 0; i < sizeof alerts / sizeof alerts[0]; i++)
		if (i + 1 < sizeof alerts / sizeof alerts[0] || *families)
			write_alert(w, &alerts[i]);
}

void ts_render_alert_rules(FILE *out, const struct ts_profile *profile)
{
	struct writer w = {.out = out, .arena = ts_arena_new(), .profile = profile};

	fprintf(out,
		"# Alert rules for Prometheus, made by tunescope from its profile %s.\n"
		"# Rates are made for a scrape interval of %s at most.\n"
		"groups:\n",
		ts_escape(w.arena, profile->name, false), duration(&w, profile->scrape_interval));
	write_objectives(&w);
	write_findings(&w);
	write_health(&w);
	ts_arena_free(w.arena);
}
