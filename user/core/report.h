/* SPDX-License-Identifier: GPL-2.0-only */
/* What the rules say about a window, ready to be rendered. */
#ifndef TUNESCOPE_REPORT_H
#define TUNESCOPE_REPORT_H

#include "window.h"

struct ts_objective_result; /* objective.h */
struct ts_profile;
struct ts_recording;

enum ts_outcome {
	TS_OUTCOME_QUIET, /* measured, and fine */
	TS_OUTCOME_RECOMMEND,
	TS_OUTCOME_NOT_A_SETTING, /* the symptom is real, the cause is elsewhere */
	TS_OUTCOME_ALREADY_SET,
	TS_OUTCOME_INSUFFICIENT, /* more data is needed; why says how much */
	TS_OUTCOME_UNAVAILABLE,	 /* a family it needs was not measured; why says which */
	TS_OUTCOME_DISABLED,	 /* by the profile */
};

const char *ts_outcome_name(enum ts_outcome outcome);

/*
 * The headline where there is no finding. judged: some rule could be; unsure: some rule needs more
 * data.
 */
const char *ts_headline_of_nothing(bool judged, bool unsure);

struct ts_evidence {
	enum ts_family_id family;
	const char *label[TS_LABELS_MAX]; /* "" where the evidence is a sum over that key */
	const char *what; /* short, in words: "connections refused because the queue was full" */
	double value;
	const char *unit;
	bool has_threshold;
	double threshold;
	__u64 samples;
};

struct ts_finding {
	const char *rule;
	const char *id;		 /* rule/setting-or-cause/scope…, stable from run to run */
	const char *title;	 /* one line: what is wrong, where */
	enum ts_outcome outcome; /* recommend, not-a-setting, already-set or insufficient */
	/* What to change; setting is "" when the outcome is not-a-setting. */
	const char *setting; /* as its user knows it: "net.core.somaxconn",
				"/sys/block/sda/queue/nr_requests" */
	enum ts_scope_kind scope;
	const char *netns;  /* inode, or "" */
	const char *device; /* or "" */
	const char *cgroup; /* or "" */
	const char *port;   /* or "" */
	int pid;
	const char *comm;
	const char *current;
	bool moved; /* within the window, the way that is proposed, or nobody knows which way */
	const char *proposed;
	const char *computed; /* how the value was computed from what was measured */
	const char *cause;    /* slug, when not-a-setting */
	const char *acquits;  /* the setting that would have been blamed wrongly; "" */
	const char *remedy;   /* what to do instead, or besides */
	struct ts_evidence *evidence;
	size_t evidence_count, evidence_capacity;
	struct ts_sufferer *sufferer;
	size_t sufferer_count, sufferer_capacity;
	double harm; /* what it cost, in harm_unit, over the window */
	const char *harm_unit;
	double harm_seconds; /* the same as time lost, for ranking; never shown as measured */
	double confidence;   /* 0..1 */
	const char *risk;
	const char *takes_effect;
	const char *expect;	  /* what should improve, and by how much */
	const char *apply, *undo; /* shell commands; "" when not a setting */
};

/* Something is wrong: a setting should change, or the cause is elsewhere. */
bool ts_finding_is_wrong(const struct ts_finding *finding);

/*
 * The last number of a value, the one that a proposal raises in "min default max" and in a range.
 * False: it ends in something else.
 */
bool ts_value_limit(const char *value, double *limit);

/* One value would raise what the other would lower, or each is another word. */
bool ts_values_opposed(const char *current, const char *one, const char *other);

struct ts_rule_result {
	const struct ts_rule *rule;
	enum ts_outcome outcome; /* the strongest of its findings, or why there is none */
	const char *why;
};

struct ts_report {
	struct ts_arena *arena;
	const struct ts_window *window;
	const struct ts_profile *profile;
	const struct ts_recording *recording; /* the window's; NULL: observed just now */
	struct ts_finding *finding;	      /* worst first */
	size_t findings, findings_capacity;
	struct ts_rule_result *rule;
	size_t rules;
	struct ts_objective_result *objective; /* of the profile, worst first */
	size_t objectives, objectives_capacity;
};

/* Judges a window by every rule the profile leaves on, and by its objectives. The report refers to
 * window and profile. */
struct ts_report *ts_report_make(const struct ts_window *window, const struct ts_profile *profile);
/* One more finding, with all texts empty. */
struct ts_finding *ts_report_add_finding(struct ts_report *report, const char *rule,
					 enum ts_outcome outcome);
/* How many findings say that something is wrong. */
size_t ts_report_wrong(const struct ts_report *report);

void ts_report_free(struct ts_report *report);

#endif
