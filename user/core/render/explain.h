/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tables say about a rule, a setting, a signal (a family of measurements) or a measure of
 * objectives: for `tunescope explain`, and for the pages in docs/, which are made from the same
 * rows (`make docs`).
 */
#ifndef TUNESCOPE_EXPLAIN_H
#define TUNESCOPE_EXPLAIN_H

#include "render.h"

struct ts_profile;

enum ts_subject_kind {
	TS_SUBJECT_RULE,
	TS_SUBJECT_SETTING,
	TS_SUBJECT_SIGNAL,
	TS_SUBJECT_MEASURE,
	TS_SUBJECT_KINDS,
};

struct ts_subject {
	enum ts_subject_kind kind;
	size_t index; /* in the table of its kind */
};

/* "rule", "setting", "signal", "measure" */
const char *ts_subject_kind_name(enum ts_subject_kind kind);
size_t ts_subjects(enum ts_subject_kind kind);
const char *ts_subject_name(struct ts_subject subject);
/* In one line. */
const char *ts_subject_summary(struct ts_subject subject);

#define TS_SUBJECTS_FOUND_MAX 8
/*
 * All that bear the name, or are called by another name of theirs: a file below /proc/sys or
 * /sys/block, the last word of a sysctl, a metric of the exporter, a measure without its
 * percentile.
 */
size_t ts_subjects_find(const char *name, struct ts_subject found[TS_SUBJECTS_FOUND_MAX]);

#define TS_SUBJECTS_NEAR_MAX 5
/* Names that may have been meant, nearest first. */
size_t ts_subjects_near(const char *name, const char *near[TS_SUBJECTS_NEAR_MAX]);

/* Where what is known about a subject goes, piece by piece. Texts live as long as the arena. */
struct ts_explain_sink {
	struct ts_arena *arena;
	const struct ts_profile
		*profile; /* whose thresholds are told beside the defaults; or NULL */
	void *to;
	void (*paragraph)(void *to, const char *text);
	void (*field)(void *to, const char *label, const char *text);
	/* Several things under one label. */
	void (*list)(void *to, const char *label);
	void (*entry)(void *to, const char *name, const char *text);
};

void ts_explain(struct ts_subject subject, const struct ts_explain_sink *sink);

/* One subject on a page. */
void ts_explain_text(FILE *out, struct ts_subject subject, const struct ts_profile *profile,
		     const struct ts_render_options *options);
/* The names of all subjects, with a line on each. */
void ts_explain_index(FILE *out, const struct ts_render_options *options);

/* The pages in docs/. */
enum ts_explain_page { TS_PAGE_RULES, TS_PAGE_SETTINGS, TS_PAGE_SIGNALS, TS_EXPLAIN_PAGES };
extern const char *const ts_explain_page_names[TS_EXPLAIN_PAGES + 1]; /* NULL-terminated */
void ts_explain_markdown(FILE *out, enum ts_explain_page page);

#endif
