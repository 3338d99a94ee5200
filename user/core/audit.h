/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guide's list of settings ([settings] of a profile) against what this host does: is it set, does
 * anything measured ask for it, would it harm?
 */
#ifndef TUNESCOPE_AUDIT_H
#define TUNESCOPE_AUDIT_H

#include "profile.h"

enum ts_audit_verdict {
	TS_AUDIT_NEEDED,      /* a rule found that this setting is in the way */
	TS_AUDIT_HARMFUL,     /* here it would do harm, or cannot be had */
	TS_AUDIT_UNNECESSARY, /* what it is for was measured, and is fine */
	TS_AUDIT_SET,
	TS_AUDIT_UNKNOWN, /* why says why */
	TS_AUDIT_VERDICTS,
};

/* "needed", "harmful", "unnecessary", "set", "unknown" */
const char *ts_audit_verdict_name(enum ts_audit_verdict verdict);

/* What was read: one for each place that has the setting, or one that says why there is none. */
struct ts_reading {
	const struct ts_wanted *wanted;
	const char *scope;   /* device, mount point, process, netns inode; "" the whole host */
	const char *value;   /* in the form of the guide's; "" there is none */
	const char *why;     /* without a value: why */
	const char *refused; /* this kernel does not take the guide's value; "" it does, or may */
};

struct ts_audit_item {
	const struct ts_reading *reading;
	const char *asked; /* the guide's value, by the name it has today */
	enum ts_audit_verdict verdict;
	bool is_set;
	const char *why;
	const char *rule;     /* that judged it; "" none */
	const char *proposed; /* what that would set instead; "" */
};

struct ts_audit {
	const struct ts_report *report;
	struct ts_audit_item *item; /* in the order of their verdicts, then of the guide */
	size_t items;
};

/* Everything lives in the report's arena. */
struct ts_audit *ts_audit_make(struct ts_report *report, const struct ts_reading *reading,
			       size_t readings);
/* Something should change: what is needed is not set, or what is set does harm. */
size_t ts_audit_wrong(const struct ts_audit *audit);

#endif
