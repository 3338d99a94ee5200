// SPDX-License-Identifier: GPL-2.0-only
/* The rules along a timeline: when a finding was there, and what is to be done about it. */
#include "timeline_build.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "profile.h"
#include "rule.h"

#define FINDINGS_MAX 500
#define SETTINGS_MAX (sizeof((struct ts_rule *)0)->settings / sizeof(enum ts_setting_id))
/* Short windows without it after a change, before it counts as gone. */
#define TIME_TO_SEE 3
/* Spans nearer to each other than this share of the recording are drawn as one. */
#define SPAN_SHARE (1.0 / 500)

static void intern(struct ts_arena *arena, const char **text)
{
	*text = ts_arena_intern(arena, *text);
}

static void copy_evidence(struct ts_arena *arena, struct ts_finding *finding)
{
	const struct ts_evidence *from = finding->evidence;

	finding->evidence = ts_arena_alloc(arena, finding->evidence_count * sizeof *from + 1);
	for (size_t i = 0; i < finding->evidence_count; i++) {
		struct ts_evidence *e = &finding->evidence[i];

		*e = from[i];
		for (size_t k = 0; k < TS_LABELS_MAX; k++)
			intern(arena, &e->label[k]);
		intern(arena, &e->what);
		intern(arena, &e->unit);
	}
}

static void copy_sufferers(struct ts_arena *arena, struct ts_finding *finding)
{
	const struct ts_sufferer *from = finding->sufferer;

	finding->sufferer = ts_arena_alloc(arena, finding->sufferer_count * sizeof *from + 1);
	for (size_t i = 0; i < finding->sufferer_count; i++) {
		struct ts_sufferer *s = &finding->sufferer[i];

		*s = from[i];
		for (size_t k = 0; k < TS_LABELS_MAX; k++)
			intern(arena, &s->label[k]);
		intern(arena, &s->comm);
		intern(arena, &s->cgroup);
	}
}

/* The report it comes from is freed: everything it points to is copied. */
static void copy_finding(struct ts_arena *arena, struct ts_finding *to,
			 const struct ts_finding *from)
{
	*to = *from;
	{
		const char **const texts[] = {
			&to->rule,  &to->id,	       &to->title,    &to->setting,
			&to->netns, &to->device,       &to->cgroup,   &to->port,
			&to->comm,  &to->current,      &to->proposed, &to->computed,
			&to->cause, &to->acquits,      &to->remedy,   &to->harm_unit,
			&to->risk,  &to->takes_effect, &to->expect,   &to->apply,
			&to->undo,
		};

		for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
			intern(arena, texts[i]);
	}
	copy_evidence(arena, to);
	copy_sufferers(arena, to);
}

static struct ts_timeline_finding *find_finding(struct ts_timeline *timeline, const char *id)
{
	for (size_t i = 0; i < timeline->findings; i++)
		if (!strcmp(timeline->finding[i].finding.id, id))
			return &timeline->finding[i];
	return NULL;
}

/* NULL beyond a limit that only a broken recording reaches. */
static struct ts_timeline_finding *known_finding(struct ts_timeline *timeline,
						 const struct ts_finding *finding)
{
	struct ts_timeline_finding *known = find_finding(timeline, finding->id);

	if (known || timeline->findings == FINDINGS_MAX)
		return known;
	timeline->finding = ts_arena_grow(timeline->arena, timeline->finding, timeline->findings,
					  &timeline->findings_capacity, sizeof *timeline->finding);
	known = &timeline->finding[timeline->findings++];
	*known = (struct ts_timeline_finding){.harm_seconds = -1};
	copy_finding(timeline->arena, &known->finding, finding);
	return known;
}

static void add_span(struct ts_timeline_builder *builder, struct ts_timeline_finding *found,
		     const struct ts_stretch *stretch)
{
	struct ts_timeline *timeline = builder->timeline;
	double near = fmax(timeline->judge_seconds * 0.5,
			   builder->column_seconds * TS_TIMELINE_COLUMNS * SPAN_SHARE);
	struct ts_span *last = found->spans ? &found->span[found->spans - 1] : NULL;

	found->windows++;
	found->span_seconds += stretch->window.seconds;
	if (last && (double)stretch->start_ns - (double)last->end_ns <= near * 1e9) {
		last->end_ns = stretch->end_ns;
		return;
	}
	found->span = ts_arena_grow(timeline->arena, found->span, found->spans,
				    &found->spans_capacity, sizeof *found->span);
	found->span[found->spans++] = (struct ts_span){stretch->start_ns, stretch->end_ns};
}

/* Between a stretch's beginning and its end, of what no frame covers. */
static double missing_seconds(const struct ts_stretch *stretch)
{
	return fmax((double)(stretch->end_ns - stretch->start_ns) / 1e9 - stretch->window.seconds,
		    0);
}

void ts_timeline_judge(struct ts_timeline_builder *builder, struct ts_stretch *stretch)
{
	struct ts_timeline *timeline = builder->timeline;
	struct ts_report *report;

	stretch->window.missing_seconds = missing_seconds(stretch);
	report = ts_report_make(&stretch->window, builder->profile);

	for (size_t i = 0; i < report->findings; i++) {
		const struct ts_finding *finding = &report->finding[i];
		struct ts_timeline_finding *found;

		if (!ts_finding_is_wrong(finding))
			continue;
		found = known_finding(timeline, finding);
		if (!found)
			continue;
		add_span(builder, found, stretch);
		/* Its words are those of the worst window, until everything has been judged. */
		if (finding->harm_seconds > found->harm_seconds) {
			found->harm_seconds = finding->harm_seconds;
			copy_finding(timeline->arena, &found->finding, finding);
		}
	}
	ts_report_free(report);
}

static void keep_rules(struct ts_timeline *timeline, const struct ts_report *report)
{
	timeline->rule =
		ts_arena_alloc(timeline->arena, report->rules * sizeof *timeline->rule + 1);
	timeline->rules = report->rules;
	for (size_t i = 0; i < report->rules; i++) {
		timeline->rule[i] = report->rule[i];
		intern(timeline->arena, &timeline->rule[i].why);
	}
}

static bool in_scope(const struct ts_mark *mark, const struct ts_finding *finding)
{
	switch (ts_settings[mark->setting].scope) {
	case TS_SCOPE_NETNS: return !strcmp(mark->scope, finding->netns);
	case TS_SCOPE_DEVICE: return !strcmp(mark->scope, finding->device);
	default: return true;
	}
}

/* A change of one of the settings that the finding's rule judges, where it applies. */
static bool in_its_rule(const struct ts_mark *mark, const struct ts_finding *finding)
{
	const struct ts_rule *rule = ts_rule_by_id(finding->rule);

	for (size_t i = 0; rule && i < SETTINGS_MAX && rule->settings[i] != TS_SETTING_COUNT; i++)
		if (rule->settings[i] == mark->setting)
			return in_scope(mark, finding);
	return false;
}

/* A change of the very setting that the finding wants changed: its name, or its file. */
static bool wanted_by(const struct ts_mark *mark, const struct ts_finding *finding)
{
	const char *slash = strrchr(finding->setting, '/');

	return !strcmp(slash ? slash + 1 : finding->setting, mark->name) && in_scope(mark, finding);
}

/* The last mark's number + 1, or 0. */
static size_t last_change(const struct ts_timeline *timeline, const struct ts_finding *finding,
			  bool (*concerns)(const struct ts_mark *, const struct ts_finding *))
{
	for (size_t i = timeline->marks; i > 0; i--)
		if (timeline->mark[i - 1].kind == TS_MARK_SETTING &&
		    concerns(&timeline->mark[i - 1], finding))
			return i;
	return 0;
}

/* Its number has stood for several namespaces: evidence and settings of them do not belong
 * together. */
static bool of_several_netns(const struct ts_timeline *timeline, const struct ts_finding *finding)
{
	for (size_t i = 0; *finding->netns && i < timeline->netns_count; i++)
		if (!strcmp(timeline->netns[i].last.inode, finding->netns))
			return timeline->netns[i].earlier_count > 0;
	return false;
}

/* What was seen in short windows, against the last change of a setting it depends on. */
static void look_back(struct ts_timeline *timeline, struct ts_timeline_finding *found)
{
	__u64 changed_ns;

	found->change = last_change(timeline, &found->finding, wanted_by);
	if (!found->change)
		return;
	changed_ns = timeline->mark[found->change - 1].at_ns;
	found->gone = found->spans && found->span[found->spans - 1].end_ns <= changed_ns &&
		      (double)(timeline->end_ns - changed_ns) / 1e9 >=
			      TIME_TO_SEE * timeline->judge_seconds;
}

static int worse(const void *a, const void *b)
{
	const struct ts_timeline_finding *x = a, *y = b;

	if (x->gone != y->gone)
		return x->gone ? 1 : -1;
	if (x->harm_seconds != y->harm_seconds)
		return x->harm_seconds > y->harm_seconds ? -1 : 1;
	return strcmp(x->finding.id, y->finding.id);
}

/*
 * What a finding says comes from everything recorded, where the settings of its rule stayed the
 * same. Where they did not, evidence from before a change and the value after it do not belong
 * together: then only what a short window has seen as well counts, and a finding about the setting
 * that was changed keeps the words of its worst window. Likewise where the number of a namespace
 * was given to another one.
 */
void ts_timeline_judge_whole(struct ts_timeline_builder *builder)
{
	struct ts_timeline *timeline = builder->timeline;
	struct ts_report *report;

	if (!builder->whole.frames)
		return;
	builder->whole.window.missing_seconds = missing_seconds(&builder->whole);
	report = ts_report_make(&builder->whole.window, builder->profile);
	for (size_t i = 0; i < report->findings; i++) {
		const struct ts_finding *finding = &report->finding[i];
		struct ts_timeline_finding *found;

		if (!ts_finding_is_wrong(finding) || last_change(timeline, finding, wanted_by) ||
		    of_several_netns(timeline, finding))
			continue;
		found = last_change(timeline, finding, in_its_rule)
				? find_finding(timeline, finding->id)
				: known_finding(timeline, finding);
		if (!found)
			continue;
		found->harm_seconds = fmax(found->harm_seconds, finding->harm_seconds);
		found->over_all = true;
		copy_finding(timeline->arena, &found->finding, finding);
	}
	for (size_t i = 0; i < timeline->findings; i++)
		look_back(timeline, &timeline->finding[i]);
	if (timeline->findings)
		qsort(timeline->finding, timeline->findings, sizeof *timeline->finding, worse);
	keep_rules(timeline, report);
	ts_report_free(report);
}
