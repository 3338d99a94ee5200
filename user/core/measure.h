/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Measures: what a service objective may be about. One row each: how it is computed from a window,
 * and the same as a PromQL expression over the exporter's metrics.
 */
#ifndef TUNESCOPE_MEASURE_H
#define TUNESCOPE_MEASURE_H

#include "window.h"

enum ts_measure_per {
	TS_PER_HOST,
	TS_PER_SERVICE_PORT, /* network namespace and listening port */
	TS_PER_REMOTE_PORT,  /* network namespace and port of the other side */
	TS_PER_DEVICE,
};

enum ts_measure_unit {
	TS_MEASURE_SECONDS,
	TS_MEASURE_RATIO,      /* 0 to 1 */
	TS_MEASURE_PER_SECOND, /* of what is counted */
};

struct ts_measuring;

#define TS_MEASURE_NEEDS_MAX 3

struct ts_measure {
	const char *name; /* as in a profile: "service-time-p95" */
	const char *what; /* in a sentence: "95th percentile of the service time" */
	const char *meaning;
	enum ts_measure_unit unit;
	enum ts_measure_per per;
	bool lower_is_worse;
	/* Without these it is not measured. */
	size_t needs_count;
	enum ts_family_id needs[TS_MEASURE_NEEDS_MAX];
	/* With fewer samples than this there is no value. */
	__u64 least;
	const char *sample; /* what a sample is, in the plural */
	void (*measure)(struct ts_measuring *measuring);
	double quantile;
	const char *variant; /* which of several: the side, mode or resource */
	/*
	 * PromQL of the value and of the number of samples (NULL: not needed), with @0, @1, … for
	 * the metric of the family needed first, second, …; @q the quantile, @r the range of
	 * rates, @s further matchers (each with a comma in front).
	 */
	const char *promql, *promql_samples;
};

/* What is measured nowhere by tunescope: it has no function and no PromQL. */
#define TS_MEASURE_ELSEWHERE "elsewhere"

extern const struct ts_measure ts_measures[];
extern const size_t ts_measures_count;

const struct ts_measure *ts_measure_by_name(const char *name); /* NULL: there is none */

/* "seconds", "ratio", "requests/s": as in reports. */
const char *ts_measure_unit_name(const struct ts_measure *measure);

/* The value of one port, device or host. */
struct ts_measured {
	const char *netns, *port, *device; /* "" where it has none */
	bool known;			   /* false: too few samples, and why says so */
	double value;
	__u64 samples;
	const char *why;
};

/*
 * Everything it is about that appears in the window. Without any the result is NULL, and *why says
 * what was not measured and for what reason, or that nothing was seen.
 */
const struct ts_measured *ts_measure(const struct ts_measure *measure,
				     const struct ts_window *window, struct ts_arena *arena,
				     size_t *count, const char **why);

/* ts_window_measured of all the families a measure needs. */
bool ts_measure_measured(const struct ts_measure *measure, const struct ts_window *window);

#endif
