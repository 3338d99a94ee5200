/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Comparing runs: which metrics of the current runs differ from those of the baseline runs.
 *
 * A metric is a statistic of a series: p50, p95, p99 and mean of a histogram, the rate of a counter
 * or of a histogram's events. Runs are the unit of replication, because the spread between runs is
 * larger than anything that can be seen inside one: y = ln(value), one number a run.
 *
 *   delta   mean of y over the current runs less that over the baseline runs
 *   S^2     variance of y between runs, pooled over both sides, df = Rb + Rc - 2
 *   V0      s0^2 + the mean variance within a run; s0 = 0.05, for p99 0.075: what machines differ
 *           by from run to run even when a few runs happen to agree better
 *   floor   the larger of V0 and the median of S^2 over the metrics of the comparison: when the
 *           machine is noisy, a metric that looks quiet in three runs was lucky
 *   V       S^2 where it is above the floor (a large variance is never made smaller), otherwise
 *           (df S^2 + 4 floor) / (df + 4)
 *   t       delta / sqrt(V (1/Rb + 1/Rc)), with df + 4 min(1, V0 / V) degrees of freedom: what V0
 *           is believed to tell fades as V leaves it behind
 *
 * Holm's correction over all metrics for which a direction is the worse one, and apart from them
 * over those that are only told (compare_families.h). The level is 0.02, two-sided: 1 % of
 * comparisons of runs that do not differ may say "regressed" and 1 % "improved", however many
 * metrics there are. At 0.05 it would be 2.5 % each where the machine spreads more than V0.
 *
 * Runs i of both sides that were made next to each other are pairs: then S^2 is the variance of
 * their differences, df = R - 1, and V0 is twice as large.
 *
 * Everything is a function of its arguments, down to the last bit: no random number has a part in a
 * verdict. Figures: tests/unit/test_compare_power.c prints them, docs/statistics.md shows them.
 */
#ifndef TUNESCOPE_COMPARE_H
#define TUNESCOPE_COMPARE_H

#include "compare_families.h"
#include "run_summary.h"

#define TS_COMPARE_LEVEL	0.02
#define TS_COMPARE_STRICT_LEVEL 0.01
#define TS_COMPARE_ALLOWED	0.10 /* change that is allowed; twice as much is high */
#define TS_COMPARE_MINIMUM_RUNS 3
#define TS_COMPARE_FOREIGN_MAX	0.05
#define TS_COMPARE_STEAL_MAX	0.02

enum ts_verdict {
	TS_VERDICT_REGRESSED,
	TS_VERDICT_IMPROVED,
	TS_VERDICT_CHANGED, /* neither direction is the worse one */
	TS_VERDICT_INSUFFICIENT,
	TS_VERDICT_UNCHANGED,
};

/* "regressed", "improved", "changed", "insufficient", "unchanged" */
const char *ts_verdict_name(enum ts_verdict verdict);

enum ts_severity {
	TS_SEVERITY_NONE,
	TS_SEVERITY_MEDIUM,
	TS_SEVERITY_HIGH,
};

const char *ts_severity_name(enum ts_severity severity);

/* Why a verdict is insufficient, or what else is to be known about one. */
enum ts_reason {
	TS_REASON_NONE,
	TS_REASON_RUNS,		/* fewer runs than needed */
	TS_REASON_INTERFERENCE, /* fewer clean runs than needed */
	TS_REASON_NOT_MEASURED, /* in too many runs */
	TS_REASON_FEW_EVENTS,
	TS_REASON_SPREAD,  /* the interval holds both change and no change */
	TS_REASON_APPEARED /* regressed: a rare event in every current, no baseline run */
};

/* What is allowed of a family; the last one that fits counts. */
struct ts_budget {
	enum ts_family_id family;
	int statistic;		     /* enum ts_statistic, or -1: all */
	double allowed;		     /* 0.10: ten percent; INFINITY: any change */
	enum ts_direction direction; /* which way is worse; SKIP leaves it as it is */
};

struct ts_compare_options {
	double level;	    /* 0: TS_COMPARE_LEVEL */
	bool paired;	    /* as many runs on either side, in pairs */
	double foreign_max; /* more than that disturbs a run; 0: TS_COMPARE_FOREIGN_MAX */
	const struct ts_budget *budget;
	size_t budgets;
};

struct ts_side_values {
	size_t runs;
	double *value; /* in base units, or per second; in the order of the runs */
	double median; /* NAN: none */
};

struct ts_change {
	enum ts_family_id family;
	const char *label[TS_LABELS_MAX]; /* as in struct ts_run_series */
	enum ts_statistic statistic;
	enum ts_direction direction;
	enum ts_verdict verdict;
	enum ts_severity severity;
	enum ts_reason reason;
	const char *why;	       /* the reason, as a sentence; "" */
	struct ts_side_values side[2]; /* baseline, current */
	bool estimated;		       /* the numbers below are there */
	bool at_least;		       /* one side has so few events that the change is larger */
	double delta;		       /* ln of the ratio */
	double ratio;		       /* current to baseline */
	double low95, high95;	       /* the ratio's intervals */
	double low90, high90;
	double effect; /* delta in units of the spread between runs */
	double spread; /* standard deviation of ln value between runs, sqrt(V) */
	double p, p_holm;
	double allowed;	    /* change, as in a budget */
	size_t runs_needed; /* a side, to decide at this estimate and spread; 0: not known */
};

struct ts_compared_run {
	bool used;
	bool foreign_unknown, steal_unknown;
	struct ts_interference interference;
};

struct ts_comparison {
	struct ts_arena *arena;
	struct ts_change *change; /* worst first */
	size_t changes;
	size_t verdicts[5]; /* changes, by enum ts_verdict */
	size_t tests;	    /* that Holm's correction of the verdicts was over */
	struct ts_compared_run *run[2];
	size_t runs[2], clean[2];
	double level;
	/*
	 * REGRESSED when any metric is; INSUFFICIENT when there are too few clean runs, nothing
	 * could be tested, or a metric went beyond what is allowed without being significant;
	 * otherwise UNCHANGED, or IMPROVED when something is.
	 */
	enum ts_verdict overall;
	enum ts_severity severity; /* the highest of the regressions */
	const char *why;	   /* of INSUFFICIENT; "" */
};

struct ts_compare_side {
	const struct ts_run_summary *const *run; /* finished */
	size_t runs;
};

/* Never NULL. The summaries must stay for as long as the comparison is used. */
struct ts_comparison *ts_compare(const struct ts_compare_side *baseline,
				 const struct ts_compare_side *current,
				 const struct ts_compare_options *options);
void ts_comparison_free(struct ts_comparison *comparison); /* NULL is fine */

/* foreign_max: as in the options. */
bool ts_run_is_clean(const struct ts_run_summary *run, double foreign_max);

struct ts_detectable {
	enum ts_family_id family;
	const char *label[TS_LABELS_MAX];
	enum ts_statistic statistic;
	double spread;	 /* between the runs, sqrt(V) */
	double smallest; /* 0.15: a change of +15 % is found in 95 of 100 comparisons */
};

/* What comparisons with these runs as baseline are worth. */
struct ts_self_test {
	struct ts_arena *arena;
	size_t runs;		      /* clean */
	size_t splits;		      /* into two halves that were compared; 0: too few runs */
	size_t regressed, improved;   /* splits with any such verdict: all of them false */
	struct ts_detectable *metric; /* with as many current runs; worst first */
	size_t metrics;
};

/*
 * Halves of the runs compared to the other halves: all ways, or maximum_splits of them that are
 * picked by a generator with a fixed seed.
 */
struct ts_self_test *ts_compare_self_test(const struct ts_compare_side *baseline,
					  const struct ts_compare_options *options,
					  size_t maximum_splits);
void ts_self_test_free(struct ts_self_test *test); /* NULL is fine */

#endif
