/* SPDX-License-Identifier: GPL-2.0-only */
/* What the rules about limits have in common: whose limit it is, and what is said about it. */
#ifndef TUNESCOPE_RULES_LIMITS_H
#define TUNESCOPE_RULES_LIMITS_H

#include "../rule.h"

#define TS_LIMIT_NEEDS                                                                  \
	{                                                                               \
		TS_FAMILY_LIMIT_REACHED, TS_FAMILY_LIMIT_USED, TS_FAMILY_LIMIT_ALLOWED, \
			TS_FAMILY_COUNT                                                 \
	}

#define TS_LIMIT_THRESHOLDS                                                                      \
	{                                                                                        \
		{                                                                                \
			"failures", 1, 1, 1e9, "times",                                          \
				"times that nothing was left of a limit, or that a call failed " \
				"for it, during the window, from which on it is a symptom"       \
		}                                                                                \
	}

/* What happened at a limit in the window. */
struct ts_limit_seen {
	double reached, errors;
	double used, allowed; /* of the one that was hit most */
	const char *owner, *process;
};

/* One limit: a setting that may be raised, or a limit that is no setting of the host's. */
struct ts_limit_row {
	const char *limit;	    /* label of the families */
	enum ts_setting_id setting; /* TS_SETTING_COUNT: cause says whose it is */
	const char *cause, *acquits;
	const char *what;  /* what is counted: "files" */
	const char *error; /* what a call says when nothing is left: "ENFILE" */
	/* The value to propose; how it was computed in *computed. */
	double (*propose)(struct ts_rule_context *context, const struct ts_limit_seen *seen,
			  const char **computed);
	const char *expect;
	const char *remedy; /* for causes */
	const char *own;    /* what a user namespace has in its stead; or NULL */
	double least;	    /* times it must have been reached; 0: what the threshold says */
};

struct ts_limit_seen ts_limit_seen(const struct ts_rule_context *context, const char *limit);

/* A finding about a row's setting: what it should be, or that it cannot be more. */
void ts_limit_propose(struct ts_rule_context *context, const struct ts_limit_row *row,
		      const struct ts_limit_seen *seen);

/* Judges each row; for quiet rules the sentence says what stands nearest to its limit. */
enum ts_outcome ts_limits_judge(struct ts_rule_context *context, const struct ts_limit_row *rows,
				size_t count);

#endif
