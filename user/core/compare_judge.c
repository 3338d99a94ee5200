// SPDX-License-Identifier: GPL-2.0-only
#include "compare_judge.h"

#include <math.h>
#include <string.h>

#include "arena.h"
#include "statistics.h"

#define PRIOR_SPREAD	 0.05
#define PRIOR_SPREAD_P99 0.075
/* A rare event that appeared: at least so many a run, and so many a second (or seconds of one). */
#define APPEARED_EVENTS	 5
#define APPEARED_RATE	 0.05
#define APPEARED_SECONDS 0.001
#define APPEARED_STEADY	 0.5  /* share of the blocks */
#define APPEARED_LEVEL	 0.01 /* without that */

double ts_metric_events_needed(enum ts_statistic statistic)
{
	static const double needed[TS_STATISTIC_COUNT] = {
		[TS_STATISTIC_P50] = 100,  [TS_STATISTIC_P95] = 1000, [TS_STATISTIC_P99] = 5000,
		[TS_STATISTIC_MEAN] = 200, [TS_STATISTIC_RATE] = 50,
	};

	return needed[statistic];
}

double ts_metric_prior(enum ts_statistic statistic, double within)
{
	double s0 = statistic == TS_STATISTIC_P99 ? PRIOR_SPREAD_P99 : PRIOR_SPREAD;

	return s0 * s0 + within;
}

double ts_moderate(double squares, double df, double prior, double floor, double *moderated_df)
{
	double variance = squares;

	if (!(squares > floor))
		variance = (df * squares + TS_PRIOR_WEIGHT * floor) / (df + TS_PRIOR_WEIGHT);
	*moderated_df = df + TS_PRIOR_WEIGHT * fmin(1, prior / variance);
	return variance;
}

/* The runs of one side in which a metric was measured. */
struct sample {
	double *y;
	size_t *run;
	size_t count;
	double within; /* sum of the variances within the runs */
	double fewest; /* events */
	bool complete; /* every run has a value */
};

static double within_run(const struct ts_metric *metric, size_t run)
{
	double unknown = ts_metric_prior(metric->statistic, 0);

	return isfinite(metric->variance[run]) ? metric->variance[run] : unknown;
}

static void take_sample(const struct ts_metric *metric, const unsigned char *place, size_t runs,
			enum ts_place wanted, struct sample *sample)
{
	sample->count = 0;
	sample->within = 0;
	sample->fewest = INFINITY;
	sample->complete = true;
	for (size_t i = 0; i < runs; i++) {
		if (place[i] != wanted || isnan(metric->events[i]))
			continue;
		sample->run[sample->count] = i;
		sample->y[sample->count++] = log(metric->value[i]);
		sample->within += within_run(metric, i);
		sample->fewest = fmin(sample->fewest, metric->events[i]);
		sample->complete &= metric->value[i] > 0 && isfinite(metric->value[i]);
	}
}

/* What is known at least when a side has hardly any events: that it had no more than the minimum.
 */
static void raise_to_minimum(const struct ts_metric *metric, struct sample *sample)
{
	double needed = ts_metric_events_needed(metric->statistic);

	for (size_t i = 0; i < sample->count; i++) {
		double events = fmax(metric->events[sample->run[i]], needed);

		sample->y[i] = log(events / metric->seconds[sample->run[i]]);
	}
	sample->within = (double)sample->count / needed;
}

enum enough {
	ENOUGH,
	ENOUGH_ON_ONE_SIDE,
	TOO_FEW,
};

static enum enough enough_events(const struct ts_metric *metric, const struct sample *side)
{
	double needed = ts_metric_events_needed(metric->statistic);
	bool has[2];

	for (int i = 0; i < 2; i++)
		has[i] = side[i].complete && (!metric->counts || side[i].fewest >= needed);
	if (has[0] && has[1])
		return ENOUGH;
	return metric->counts && metric->statistic == TS_STATISTIC_RATE && (has[0] || has[1])
		       ? ENOUGH_ON_ONE_SIDE
		       : TOO_FEW;
}

/* Pairs: differences become the sample of one side. */
static void estimate_pairs(struct sample *side, struct ts_judgement *j)
{
	size_t n = side[0].count;

	for (size_t i = 0; i < n; i++)
		side[0].y[i] = side[1].y[i] - side[0].y[i];
	j->delta = ts_mean(side[0].y, n);
	j->df = (double)n - 1;
	j->squares = j->df > 0 ? ts_squares(side[0].y, n) / j->df : 0;
	j->error = 1 / (double)n; /* of unit variance */
	j->prior *= 2;
}

static void estimate_sides(struct sample *side, struct ts_judgement *j, int only)
{
	double sum = 0;

	j->df = 0;
	for (int i = 0; i < 2; i++) {
		if (only >= 0 && i != only)
			continue;
		sum += ts_squares(side[i].y, side[i].count);
		j->df += (double)side[i].count - 1;
	}
	j->squares = j->df > 0 ? sum / j->df : 0;
	j->delta = ts_mean(side[1].y, side[1].count) - ts_mean(side[0].y, side[0].count);
	j->error = 1 / (double)side[0].count + 1 / (double)side[1].count;
}

static bool same_pairs(const struct sample *side)
{
	return side[0].count == side[1].count;
}

/* Everything that needs only this metric: delta, S^2, V0. */
static void estimate(const struct ts_metric *metric, struct sample *side,
		     const struct ts_judging *judging, struct ts_judgement *j)
{
	enum enough enough = enough_events(metric, side);
	int only = -1;

	j->runs[0] = side[0].count;
	j->runs[1] = side[1].count;
	j->fewest_events = fmin(side[0].fewest, side[1].fewest);
	j->reason = TS_REASON_NOT_MEASURED;
	if (!side[0].count || !side[1].count)
		return;
	j->reason = TS_REASON_FEW_EVENTS;
	if (enough == TOO_FEW)
		return;
	j->at_least = enough == ENOUGH_ON_ONE_SIDE;
	if (j->at_least) {
		only = side[0].fewest < side[1].fewest ? 1 : 0;
		raise_to_minimum(metric, &side[!only]);
	}
	j->prior =
		ts_metric_prior(metric->statistic, (side[0].within + side[1].within) /
							   (double)(side[0].count + side[1].count));
	if (judging->paired && !j->at_least && same_pairs(side))
		estimate_pairs(side, j);
	else
		estimate_sides(side, j, only);
	j->estimated = isfinite(j->delta) && isfinite(j->squares);
	if (!j->estimated)
		return;
	j->reason = judging->why_not;
	if (judging->may_decide)
		j->reason = TS_REASON_NOT_MEASURED;
	j->eligible = judging->may_decide && j->runs[0] >= TS_COMPARE_MINIMUM_RUNS &&
		      j->runs[1] >= TS_COMPARE_MINIMUM_RUNS;
	if (j->eligible)
		j->reason = TS_REASON_NONE;
}

static bool can_fail(const struct ts_metric *metric)
{
	return metric->direction != TS_DIRECTION_NEUTRAL;
}

/* The median of S^2 of the metrics that are tested together. */
static double usual_squares(const struct ts_metric_table *table, const struct ts_judgement *j,
			    bool failing, double *room)
{
	size_t count = 0;

	for (size_t i = 0; i < table->metrics; i++)
		if (j[i].eligible && can_fail(&table->metric[i]) == failing)
			room[count++] = j[i].squares;
	return count ? ts_median(room, count) : 0;
}

static void test(struct ts_judgement *j, double usual, bool brief)
{
	double variance = j->error, half;

	j->variance = ts_moderate(j->squares, j->df, j->prior, fmax(j->prior, usual), &j->df);
	j->error = sqrt(j->variance * variance);
	j->p = ts_student_two_sided(j->delta / j->error, j->df);
	if (brief)
		return;
	half = j->error * ts_student_critical(0.05, j->df);
	j->low95 = j->delta - half;
	j->high95 = j->delta + half;
	half = j->error * ts_student_critical(0.10, j->df);
	j->low90 = j->delta - half;
	j->high90 = j->delta + half;
}

static void correct(const struct ts_metric_table *table, struct ts_judgement *j, bool failing,
		    size_t *tests)
{
	struct ts_arena *arena = ts_arena_new();
	double *p = ts_arena_alloc(arena, table->metrics * sizeof *p);
	double *adjusted = ts_arena_alloc(arena, table->metrics * sizeof *adjusted);
	size_t *order = ts_arena_alloc(arena, table->metrics * sizeof *order);
	size_t *metric = ts_arena_alloc(arena, table->metrics * sizeof *metric), count = 0;

	for (size_t i = 0; i < table->metrics; i++) {
		if (!j[i].eligible || can_fail(&table->metric[i]) != failing)
			continue;
		metric[count] = i;
		p[count++] = j[i].p;
	}
	ts_holm(p, count, adjusted, order);
	for (size_t i = 0; i < count; i++)
		j[metric[i]].p_holm = adjusted[i];
	*tests = count;
	ts_arena_free(arena);
}

static void decide(const struct ts_metric *metric, const struct ts_judging *judging,
		   struct ts_judgement *j)
{
	double limit = log1p(metric->allowed), high = log1p(2 * metric->allowed);
	bool worse = metric->direction == TS_DIRECTION_DOWN_WORSE ? j->delta < 0 : j->delta > 0;

	if (j->p_holm < judging->level && fabs(j->delta) >= limit) {
		j->verdict = !can_fail(metric) ? TS_VERDICT_CHANGED
			     : worse	       ? TS_VERDICT_REGRESSED
					       : TS_VERDICT_IMPROVED;
		j->severity = fabs(j->delta) >= high ? TS_SEVERITY_HIGH : TS_SEVERITY_MEDIUM;
		return;
	}
	if (!judging->brief && !j->at_least && j->low90 > -limit && j->high90 < limit) {
		j->verdict = TS_VERDICT_UNCHANGED;
		return;
	}
	j->reason = j->at_least ? TS_REASON_FEW_EVENTS : TS_REASON_SPREAD;
}

/* ---- rare events: no ratio */

static bool present(const struct ts_metric *metric, size_t run)
{
	double rate = metric->value[run];

	if (metric->counts)
		return metric->events[run] >= APPEARED_EVENTS && rate >= APPEARED_RATE;
	return ts_families[metric->family].unit == TS_UNIT_SECONDS && rate >= APPEARED_SECONDS;
}

static bool may_appear(const struct ts_metric *metric)
{
	return metric->statistic == TS_STATISTIC_RATE &&
	       metric->direction == TS_DIRECTION_UP_WORSE && isfinite(metric->allowed);
}

/* In every current run and in no baseline run; steady: all through each of them. */
static bool appeared(const struct ts_metric *metric, const struct sample *side, bool *steady)
{
	*steady = true;
	for (size_t i = 0; i < side[0].count; i++)
		if (metric->events[side[0].run[i]] > 0)
			return false;
	for (size_t i = 0; i < side[1].count; i++) {
		if (!present(metric, side[1].run[i]))
			return false;
		*steady &= metric->present[side[1].run[i]] >= APPEARED_STEADY;
	}
	return side[0].count >= TS_COMPARE_MINIMUM_RUNS && side[1].count >= TS_COMPARE_MINIMUM_RUNS;
}

/*
 * Had the presence of an event nothing to do with the side, all ways to give it to so many of the
 * runs would be equally likely, and this one would come once in (Rb + Rc over Rc): a proof with
 * five runs a side, but not with three. There, the event must also go on all through each run: what
 * comes in bursts would have to begin anew in each of them.
 */
static void judge_rare(const struct ts_metric *metric, const struct sample *side, size_t rare,
		       struct ts_judgement *j)
{
	unsigned int runs[2] = {(unsigned int)side[0].count, (unsigned int)side[1].count};
	bool steady;

	if (!appeared(metric, side, &steady))
		return;
	j->p = 1 / ts_combinations(runs[0] + runs[1], runs[1]);
	j->p_holm = fmin(1, j->p * (double)rare);
	if (!steady && j->p_holm > APPEARED_LEVEL)
		return;
	j->eligible = j->at_least = false;
	j->verdict = TS_VERDICT_REGRESSED;
	j->severity = TS_SEVERITY_MEDIUM;
	j->reason = TS_REASON_APPEARED;
}

static bool is_rare(const struct ts_metric *metric, const struct ts_judgement *j)
{
	return may_appear(metric) && !(j->fewest_events > 0) &&
	       (j->reason == TS_REASON_FEW_EVENTS || j->at_least);
}

static void judge_all_rare(const struct ts_metric_table *table, const unsigned char *place,
			   struct sample *side, struct ts_judgement *j)
{
	size_t rare = 0;

	for (size_t i = 0; i < table->metrics; i++)
		rare += is_rare(&table->metric[i], &j[i]);
	for (size_t i = 0; i < table->metrics; i++) {
		if (!is_rare(&table->metric[i], &j[i]) || j[i].verdict == TS_VERDICT_REGRESSED)
			continue;
		for (int k = 0; k < 2; k++)
			take_sample(&table->metric[i], place, table->runs, k, &side[k]);
		judge_rare(&table->metric[i], side, rare, &j[i]);
	}
}

void ts_judge(const struct ts_metric_table *table, const unsigned char *place,
	      struct ts_judging *judging, struct ts_judgement *j)
{
	struct ts_arena *arena = ts_arena_new();
	double *room = ts_arena_alloc(arena, table->metrics * sizeof *room), usual[2];
	struct sample side[2];

	for (int k = 0; k < 2; k++) {
		side[k].y = ts_arena_alloc(arena, table->runs * sizeof *side[k].y);
		side[k].run = ts_arena_alloc(arena, table->runs * sizeof *side[k].run);
	}
	for (size_t i = 0; i < table->metrics; i++) {
		j[i] = (struct ts_judgement){
			.verdict = TS_VERDICT_INSUFFICIENT, .p = NAN, .p_holm = NAN};
		for (int k = 0; k < 2; k++)
			take_sample(&table->metric[i], place, table->runs, k, &side[k]);
		estimate(&table->metric[i], side, judging, &j[i]);
	}
	for (int k = 0; k < 2; k++)
		usual[k] = usual_squares(table, j, k, room);
	for (size_t i = 0; i < table->metrics; i++)
		if (j[i].estimated)
			test(&j[i], usual[can_fail(&table->metric[i])], judging->brief);
	for (int k = 0; k < 2; k++)
		correct(table, j, k, &judging->tests[k]);
	for (size_t i = 0; i < table->metrics; i++)
		if (j[i].eligible)
			decide(&table->metric[i], judging, &j[i]);
	if (judging->may_decide)
		judge_all_rare(table, place, side, j);
	ts_arena_free(arena);
}
