/* SPDX-License-Identifier: GPL-2.0-only */
/* The numbers behind a comparison: metrics as a table, and the test of one division of its runs. */
#ifndef TUNESCOPE_COMPARE_JUDGE_H
#define TUNESCOPE_COMPARE_JUDGE_H

#include "compare.h"

struct ts_arena;

/* One number a run, in the order of the table's runs. */
struct ts_metric {
	enum ts_family_id family;
	const char *const *label;
	enum ts_statistic statistic;
	enum ts_direction direction;
	double allowed;
	bool counts;	  /* events that can be counted: a minimum of them is needed */
	double *value;	  /* NAN: none */
	double *variance; /* within the run, of ln value; NAN: unknown */
	double *events;	  /* NAN: not measured in that run */
	double *present;  /* share of the blocks with any */
	double *seconds;
};

struct ts_metric_table {
	struct ts_arena *arena;
	const struct ts_run_summary **run;
	size_t runs;
	struct ts_metric *metric;
	size_t metrics, capacity;
};

enum ts_place {
	TS_PLACE_BASELINE,
	TS_PLACE_CURRENT,
	TS_PLACE_NONE,
};

/* Of one metric. */
struct ts_judgement {
	enum ts_verdict verdict;
	enum ts_severity severity;
	enum ts_reason reason;
	bool estimated, eligible, at_least;
	size_t runs[2]; /* in which it was measured */
	double fewest_events;
	double delta, squares, variance, prior, df, error; /* error: of delta */
	double p, p_holm;
	double low90, high90, low95, high95; /* of delta */
};

struct ts_judging {
	double level;
	bool paired;	 /* run i of a side belongs to run i of the other */
	bool may_decide; /* enough clean runs */
	enum ts_reason why_not;
	size_t tests[2]; /* out: told only, that can fail */
	bool brief;	 /* verdicts alone, no intervals */
};

struct ts_metric_table *ts_metric_table_new(struct ts_arena *arena,
					    const struct ts_run_summary *const *run, size_t runs,
					    const struct ts_compare_options *options);

/* place: enum ts_place of each run. judgement: room for one of each metric. */
void ts_judge(const struct ts_metric_table *table, const unsigned char *place,
	      struct ts_judging *judging, struct ts_judgement *judgement);

/* V and its degrees of freedom from S^2 with df of its own. */
double ts_moderate(double squares, double df, double prior, double floor, double *moderated_df);
double ts_metric_prior(enum ts_statistic statistic, double within);
/* The events that a run needs for a statistic. */
double ts_metric_events_needed(enum ts_statistic statistic);

#define TS_PRIOR_WEIGHT 4

#endif
