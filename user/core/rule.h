/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A rule: a table row and one pure function from a window to findings. To add one: write
 * rules/<name>.c with a `const struct ts_rule ts_rule_<name>`, name it in rules/rules_list.h, give
 * it a section in profiles/default.conf, and refresh the tables in docs/ (`make docs`).
 */
#ifndef TUNESCOPE_RULE_H
#define TUNESCOPE_RULE_H

#include "report.h"

#define TS_RULE_THRESHOLDS_MAX 8

struct ts_threshold {
	const char *key; /* as in the profile */
	double value;	 /* default */
	double minimum, maximum;
	const char *unit;
	const char *meaning;
};

struct ts_rule_context {
	const struct ts_rule *rule;
	const struct ts_window *window;
	const double *threshold; /* in the order of the rule's own table */
	struct ts_report *report;
	/* For when there is no finding: the strongest outcome so far, and the reason for it. */
	enum ts_outcome outcome;
	const char *why;
};

struct ts_rule {
	const char *id;	   /* "accept-queue" */
	const char *title; /* "Accept queue overflow" */
	/* Without these the rule is unavailable; TS_FAMILY_COUNT ends the list. */
	enum ts_family_id needs[8];
	/* What it may propose; TS_SETTING_COUNT ends the list. */
	enum ts_setting_id settings[8];
	/*
	 * Ids of rules whose findings explain what this one sees (segments lost in a queue of this
	 * host make senders wait, too): beside them it recommends nothing. NULL ends the list.
	 */
	const char *symptom_of[8];
	struct ts_threshold thresholds[TS_RULE_THRESHOLDS_MAX]; /* a NULL key ends the list */
	/*
	 * Adds findings to the context's report (ts_finding_new) and returns the outcome when it
	 * added none: quiet, already-set or insufficient. Called only when all needs are measured.
	 */
	enum ts_outcome (*judge)(struct ts_rule_context *context);
	const char *explanation; /* for people, a line for each paragraph: what convicts, what
				    acquits, the trade-off */
	const char *reference; /* where that is from: functions and documents of the kernel, RFCs */
};

extern const struct ts_rule *const ts_rules[];
extern const size_t ts_rules_count;
const struct ts_rule *ts_rule_by_id(const char *id);

/* A new finding of this rule, all texts "", no evidence. Texts may live in the report's arena. */
struct ts_finding *ts_finding_new(struct ts_rule_context *context, enum ts_outcome outcome);

/* Printf into the report's arena. */
const char *ts_text(struct ts_rule_context *context, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* labels as in TS_LABELS, NULL where the value is a sum over that key. */
struct ts_evidence *ts_finding_evidence(struct ts_rule_context *context, struct ts_finding *finding,
					enum ts_family_id family, const char *const *labels,
					const char *what, double value, const char *unit,
					__u64 samples);
void ts_finding_sufferer(struct ts_rule_context *context, struct ts_finding *finding,
			 const struct ts_sufferer *sufferer);

/*
 * Fills setting, scope, current, proposed, apply, undo, risk and takes_effect for setting id in
 * scope
 * ("" global, netns inode, device). For several coupled keys call it once for the leading one.
 */
void ts_finding_propose(struct ts_rule_context *context, struct ts_finding *finding,
			enum ts_setting_id id, const char *scope, const char *proposed);

/*
 * The same for a key that changes together with the one proposed before: the finding keeps naming
 * that one, its apply and undo commands also write this one.
 */
void ts_finding_propose_coupled(struct ts_rule_context *context, struct ts_finding *finding,
				enum ts_setting_id id, const char *scope, const char *proposed);

/*
 * A finding whose symptom is real and whose cause is no setting: cause is a slug, acquits the
 * setting that would have been blamed wrongly ("" for none).
 */
struct ts_finding *ts_finding_cause(struct ts_rule_context *context, const char *cause,
				    const char *acquits);
/* The same of a device, identified by both. */
struct ts_finding *ts_finding_device_cause(struct ts_rule_context *context, const char *cause,
					   const char *acquits, const char *device);

/*
 * Sets the finding's id from its rule, what (a setting's name or a cause) and its scope. port_key
 * is "port" unless the port is a remote one.
 */
void ts_finding_identify(struct ts_rule_context *context, struct ts_finding *finding,
			 const char *what, const char *port_key);

/* Evidence with the threshold it was held against. */
void ts_finding_judged(struct ts_rule_context *context, struct ts_finding *finding,
		       enum ts_family_id family, const char *const *labels, const char *what,
		       double value, const char *unit, __u64 samples, double threshold);

/*
 * Notes an outcome without a finding and why (printf); the strongest noted one stays and is
 * returned.
 */
enum ts_outcome ts_rule_without_finding(struct ts_rule_context *context, enum ts_outcome outcome,
					const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* "network namespace labsrv (4026532211)" or "the initial network namespace". */
const char *ts_rule_netns_text(struct ts_rule_context *context, const char *inode);

/* "port 80 in network namespace web (4026532211)", of families by netns, side and port */
const char *ts_rule_service_text(struct ts_rule_context *context, const char *netns,
				 const char *side, const char *port);

/*
 * Whether a series before this one has the same netns, side and port: those of one service stand
 * for its causes or states, and it is judged with the first of them.
 */
bool ts_rule_service_seen(const struct ts_window *window, enum ts_family_id family,
			  const struct ts_series *series);

/* "1.5 MiB" */
const char *ts_rule_bytes_text(struct ts_rule_context *context, double bytes);

/* A counter of /proc/net/snmp or netstat in a namespace, in events during the window. */
double ts_rule_network_counter(const struct ts_rule_context *context, const char *netns,
			       const char *counter);

/* The family was measured throughout the window (though perhaps nothing happened). */
bool ts_rule_measured(const struct ts_rule_context *context, enum ts_family_id id);

/* Whether the series took what did not fit elsewhere: it belongs to nobody. */
bool ts_rule_is_other(const struct ts_series *series);

/* The cause of a finding that was made of recommendations that contradict each other. */
#define TS_CAUSE_CONFLICT "conflicting-rules"
/*
 * One finding for each setting and scope: recommendations that agree get the larger value, those
 * that contradict each other become a finding without a setting that tells both sides. Ranks by
 * harm.
 */
void ts_findings_merge(struct ts_rule_context *context);

/*
 * A rule's findings decide its outcome, the strongest of them, and the reason for it; without any
 * the result stays as it is.
 */
void ts_rule_conclude(const struct ts_report *report, struct ts_rule_result *result);

/* Takes back recommendations whose evidence is a symptom of what another rule found. */
void ts_findings_leave_symptoms(struct ts_rule_context *context);

/*
 * Takes recommendations back whose setting was moved within the window the way that is proposed:
 * what was seen was seen of the value before, perhaps.
 */
void ts_findings_leave_changed(struct ts_rule_context *context);

/* Takes finding number at back; without another one its rule's outcome is that, and why. */
void ts_finding_take_back(struct ts_rule_context *context, size_t at, enum ts_outcome outcome,
			  const char *why);

/* For rendering and merging: the strongest of two outcomes. */
enum ts_outcome ts_outcome_stronger(enum ts_outcome a, enum ts_outcome b);

/* Smallest power of two >= value, within [low, high]. */
__u64 ts_round_up_power_of_two(double value, __u64 low, __u64 high);

#endif
