/* SPDX-License-Identifier: GPL-2.0-only */
/* Threshold profiles: which rules are on, and their thresholds. INI text, see
 * profiles/default.conf. */
#ifndef TUNESCOPE_PROFILE_H
#define TUNESCOPE_PROFILE_H

#include <stdbool.h>
#include "objective.h"
#include "rule.h"

#define TS_RULES_MAX 64

/* A line of [settings]: what a guide asks for. */
#define TS_WANTED_MAX 64
struct ts_wanted {
	char name[96]; /* a sysctl, a path with *, rlimit/NAME@PROGRAM, mount/OPTION, cpufreq/NAME
			*/
	char value[64];
	int line;
};

struct ts_profile {
	char name[64];
	bool enabled[TS_RULES_MAX]; /* by index in ts_rules */
	double threshold[TS_RULES_MAX][TS_RULE_THRESHOLDS_MAX];
	struct ts_objective objective[TS_OBJECTIVES_MAX];
	size_t objectives;
	struct ts_wanted wanted[TS_WANTED_MAX]; /* for audit; they change nothing */
	size_t wants;
	/* For Prometheus rules made from the profile: */
	double finding_for;	/* seconds that a finding must hold before it is an alert */
	double scrape_interval; /* seconds, of the Prometheus that evaluates them */
};

/* Every rule on, every threshold at its default, and the objectives that suit any host. */
void ts_profile_defaults(struct ts_profile *profile);

/*
 * Reads INI text over the defaults. Any mistake (unknown section or key, a value out of range, a
 * duplicate) prints `file:line: what is wrong, what is accepted` and gives -EINVAL; nothing is
 * changed in profile then. An objective replaces the one of its name among the defaults.
 */
int ts_profile_parse(const char *text, const char *file_name, struct ts_profile *profile);

#endif
