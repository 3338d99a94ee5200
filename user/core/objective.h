/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Service objectives: a measure, a target, and the values from which on it is a warning and
 * critical. They stand in profiles as [objective NAME], and are judged on a window.
 */
#ifndef TUNESCOPE_OBJECTIVE_H
#define TUNESCOPE_OBJECTIVE_H

#include "measure.h"

#define TS_OBJECTIVES_MAX	  64
#define TS_OBJECTIVE_NAME_MAX	  40 /* with its end; inih cuts sections off at 50 */
#define TS_OBJECTIVE_DEVICE_MAX	  64
#define TS_OBJECTIVE_SEVERITY_MAX 32
#define TS_OBJECTIVE_WHERE_MAX	  192

struct ts_report;

enum ts_level { TS_LEVEL_TARGET, TS_LEVEL_WARNING, TS_LEVEL_CRITICAL, TS_LEVEL_COUNT };

/* "target", "warning", "critical": keys of the profile, states, and severities of alerts. */
extern const char *const ts_level_names[TS_LEVEL_COUNT];

struct ts_objective {
	char name[TS_OBJECTIVE_NAME_MAX];
	bool enabled;
	const struct ts_measure *measure; /* NULL only when it is off */
	char port[8];			  /* decimal; "" every port */
	char device[TS_OBJECTIVE_DEVICE_MAX];
	char where[TS_OBJECTIVE_WHERE_MAX]; /* of what the kernel cannot see: where to look; "" */
	double level[TS_LEVEL_COUNT];	    /* NAN where none is given */
	double for_seconds;		    /* how long before an alert is raised */
	char severity[TS_OBJECTIVE_SEVERITY_MAX]; /* of its alert, instead of the level's name */
};

enum ts_objective_state {
	TS_OBJECTIVE_NO_DATA, /* why says why */
	TS_OBJECTIVE_ON_TARGET,
	TS_OBJECTIVE_MISSED, /* the target, but no threshold is crossed */
	TS_OBJECTIVE_WARNING,
	TS_OBJECTIVE_CRITICAL,
};

/* "no-data", "target", "missed", "warning", "critical" */
const char *ts_objective_state_name(enum ts_objective_state state);

/* An objective at one port, device, or host. */
struct ts_objective_result {
	const struct ts_objective *objective;
	const char *netns, *port, *device; /* "" where it has none */
	enum ts_objective_state state;
	double value; /* NAN without data */
	__u64 samples;
	const char *why; /* without data: the reason */
	bool too_little; /* without data: it was measured, but too little happened */
};

/*
 * Adds the results of the report's profile to the report, worst first. Of each objective there is
 * one for every port or device with enough samples, or a single one without data.
 */
void ts_objectives_judge(struct ts_report *report);

#endif
