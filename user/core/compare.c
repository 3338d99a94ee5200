// SPDX-License-Identifier: GPL-2.0-only
#include "compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "compare_judge.h"
#include "statistics.h"

#define MOST_RUNS_NEEDED 1000

const char *ts_verdict_name(enum ts_verdict verdict)
{
	static const char *const names[] = {"regressed", "improved", "changed", "insufficient",
					    "unchanged"};

	return names[verdict];
}

const char *ts_severity_name(enum ts_severity severity)
{
	static const char *const names[] = {"none", "medium", "high"};

	return names[severity];
}

bool ts_run_is_clean(const struct ts_run_summary *run, double foreign_max)
{
	if (!(foreign_max > 0))
		foreign_max = TS_COMPARE_FOREIGN_MAX;
	/* What is not known does not count against a run; it is told. */
	return !(run->interference.foreign > foreign_max) &&
	       !(run->interference.steal > TS_COMPARE_STEAL_MAX);
}

/* ---- which runs are used */

static bool clean_pair(const struct ts_compare_side *const *side, size_t i, double foreign_max)
{
	return ts_run_is_clean(side[0]->run[i], foreign_max) &&
	       ts_run_is_clean(side[1]->run[i], foreign_max);
}

static void look_at_runs(struct ts_comparison *comparison,
			 const struct ts_compare_side *const *side, bool paired, double foreign_max)
{
	for (int k = 0; k < 2; k++) {
		comparison->runs[k] = side[k]->runs;
		comparison->run[k] = ts_arena_alloc(
			comparison->arena, (side[k]->runs + 1) * sizeof *comparison->run[k]);
		for (size_t i = 0; i < side[k]->runs; i++) {
			const struct ts_run_summary *run = side[k]->run[i];

			comparison->run[k][i] = (struct ts_compared_run){
				.used = paired ? clean_pair(side, i, foreign_max)
					       : ts_run_is_clean(run, foreign_max),
				.foreign_unknown = isnan(run->interference.foreign),
				.steal_unknown = isnan(run->interference.steal),
				.interference = run->interference,
			};
			comparison->clean[k] += comparison->run[k][i].used;
		}
	}
}

static bool enough_clean(const struct ts_comparison *comparison)
{
	return comparison->clean[0] >= TS_COMPARE_MINIMUM_RUNS &&
	       comparison->clean[1] >= TS_COMPARE_MINIMUM_RUNS;
}

/* With too few clean runs nothing is decided, and all of them may inform. */
static struct ts_judging plan(struct ts_comparison *comparison, bool paired)
{
	struct ts_judging judging = {
		.level = comparison->level,
		.paired = paired,
		.may_decide = enough_clean(comparison),
	};
	size_t fewest = comparison->runs[0] < comparison->runs[1] ? comparison->runs[0]
								  : comparison->runs[1];

	if (judging.may_decide)
		return judging;
	judging.why_not =
		fewest < TS_COMPARE_MINIMUM_RUNS ? TS_REASON_RUNS : TS_REASON_INTERFERENCE;
	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < comparison->runs[k]; i++)
			comparison->run[k][i].used = true;
	return judging;
}

/* ---- changes */

/* Whether so many runs a side decide, if the estimate and the spread stay as they are. */
static bool would_decide(const struct ts_metric *metric, const struct ts_judgement *j,
			 const struct ts_judging *judging, size_t runs)
{
	double prior = TS_PRIOR_WEIGHT * fmin(1, j->prior / j->variance);
	double df = prior + (judging->paired ? 1 : 2) * ((double)runs - 1);
	double error = sqrt(j->variance * (judging->paired ? 1 : 2) / (double)runs);
	double limit = log1p(metric->allowed), room = limit - fabs(j->delta);
	size_t tests = judging->tests[metric->direction != TS_DIRECTION_NEUTRAL];

	if (room > 0)
		return ts_student_two_sided(room / error, df) < 0.10;
	return ts_student_two_sided(j->delta / error, df) * (double)tests < judging->level;
}

static size_t runs_needed(const struct ts_metric *metric, const struct ts_judgement *j,
			  const struct ts_judging *judging)
{
	size_t low = TS_COMPARE_MINIMUM_RUNS, high = MOST_RUNS_NEEDED;

	if (j->reason != TS_REASON_SPREAD || !would_decide(metric, j, judging, high))
		return 0;
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (would_decide(metric, j, judging, middle))
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static const char *sentence(struct ts_arena *arena, const struct ts_metric *metric,
			    const struct ts_judgement *j, const struct ts_change *change)
{
	double needed = ts_metric_events_needed(metric->statistic);

	switch (j->reason) {
	case TS_REASON_NONE: return "";
	case TS_REASON_RUNS:
		return ts_arena_printf(arena, "at least %d runs a side are needed",
				       TS_COMPARE_MINIMUM_RUNS);
	case TS_REASON_INTERFERENCE:
		return ts_arena_printf(arena,
				       "at least %d runs a side without interference are needed",
				       TS_COMPARE_MINIMUM_RUNS);
	case TS_REASON_NOT_MEASURED:
		return ts_arena_printf(arena, "measured in %zu baseline and %zu current runs only",
				       j->runs[0], j->runs[1]);
	case TS_REASON_FEW_EVENTS:
		if (!metric->counts)
			return "nothing happened in some of the runs";
		return ts_arena_printf(arena, "%.0f events in a run, at least %.0f are needed",
				       j->fewest_events, needed);
	case TS_REASON_APPEARED: return "in every current run and in no baseline run";
	case TS_REASON_SPREAD: break;
	}
	if (change->runs_needed)
		return ts_arena_printf(arena,
				       "runs differ too much to decide: about %zu a side would",
				       change->runs_needed);
	return "runs differ too much to decide";
}

static struct ts_side_values values_of(struct ts_arena *arena, const struct ts_metric *metric,
				       const unsigned char *place, size_t runs,
				       enum ts_place wanted)
{
	struct ts_side_values side = {0};
	double *sorted = ts_arena_alloc(arena, (runs + 1) * sizeof *sorted);

	side.value = ts_arena_alloc(arena, (runs + 1) * sizeof *side.value);
	for (size_t i = 0; i < runs; i++)
		if (place[i] == wanted && !isnan(metric->value[i]))
			side.value[side.runs++] = metric->value[i];
	memcpy(sorted, side.value, side.runs * sizeof *sorted);
	side.median = ts_median(sorted, side.runs);
	return side;
}

static void make_change(struct ts_arena *arena, const struct ts_metric_table *table, size_t i,
			const unsigned char *place, const struct ts_judgement *j,
			const struct ts_judging *judging, struct ts_change *change)
{
	const struct ts_metric *metric = &table->metric[i];

	*change = (struct ts_change){
		.family = metric->family,
		.statistic = metric->statistic,
		.direction = metric->direction,
		.verdict = j->verdict,
		.severity = j->severity,
		.reason = j->reason,
		.estimated = j->estimated,
		.at_least = j->at_least,
		.p = j->p,
		.p_holm = j->p_holm,
		.allowed = metric->allowed,
	};
	memcpy(change->label, metric->label, sizeof change->label);
	for (int k = 0; k < 2; k++)
		change->side[k] = values_of(arena, metric, place, table->runs, k);
	if (j->estimated) {
		change->delta = j->delta;
		change->ratio = exp(j->delta);
		change->low95 = exp(j->low95);
		change->high95 = exp(j->high95);
		change->low90 = exp(j->low90);
		change->high90 = exp(j->high90);
		change->spread = sqrt(j->variance);
		change->effect = j->delta / change->spread;
		change->runs_needed = runs_needed(metric, j, judging);
	}
	change->why = sentence(arena, metric, j, change);
}

/* ---- order and sum */

static int rank(const struct ts_change *change)
{
	static const int of_verdict[] = {
		[TS_VERDICT_REGRESSED] = 0,    [TS_VERDICT_IMPROVED] = 2,  [TS_VERDICT_CHANGED] = 3,
		[TS_VERDICT_INSUFFICIENT] = 4, [TS_VERDICT_UNCHANGED] = 5,
	};

	if (change->verdict == TS_VERDICT_REGRESSED && change->severity != TS_SEVERITY_HIGH)
		return 1;
	if (change->verdict == TS_VERDICT_INSUFFICIENT && !change->estimated)
		return 7;
	/* Undecided, and neither better nor worse. */
	if (change->verdict == TS_VERDICT_INSUFFICIENT && change->direction == TS_DIRECTION_NEUTRAL)
		return 6;
	return of_verdict[change->verdict];
}

/* How far the change lies beyond what is allowed, so that different budgets compare. */
static double weight(const struct ts_change *change)
{
	/* What appeared has no ratio: before all others. */
	if (!change->estimated)
		return change->verdict == TS_VERDICT_REGRESSED ? INFINITY : 0;
	return fabs(change->delta) / log1p(change->allowed);
}

static int worst_first(const void *a, const void *b)
{
	const struct ts_change *x = a, *y = b;
	double heavier = weight(y) - weight(x);
	int order = rank(x) - rank(y);

	if (order)
		return order;
	if (weight(x) != weight(y) && !isnan(heavier))
		return heavier > 0 ? 1 : -1;
	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	for (size_t i = 0; i < TS_LABELS_MAX && !order; i++)
		order = strcmp(x->label[i], y->label[i]);
	return order ? order : (int)x->statistic - (int)y->statistic;
}

/* Beyond what is allowed to the worse, though that may be chance. */
static bool is_suspect(const struct ts_change *change)
{
	double worse =
		change->direction == TS_DIRECTION_DOWN_WORSE ? -change->delta : change->delta;

	return change->verdict == TS_VERDICT_INSUFFICIENT && change->estimated &&
	       change->direction != TS_DIRECTION_NEUTRAL && worse >= log1p(change->allowed);
}

static void sum_up(struct ts_comparison *comparison, const struct ts_judging *judging)
{
	size_t suspects = 0;

	for (size_t i = 0; i < comparison->changes; i++) {
		const struct ts_change *change = &comparison->change[i];

		comparison->verdicts[change->verdict]++;
		suspects += is_suspect(change);
		if (change->verdict == TS_VERDICT_REGRESSED &&
		    change->severity > comparison->severity)
			comparison->severity = change->severity;
	}
	comparison->overall = TS_VERDICT_INSUFFICIENT;
	if (comparison->verdicts[TS_VERDICT_REGRESSED])
		comparison->overall = TS_VERDICT_REGRESSED;
	else if (!judging->may_decide)
		comparison->why = judging->why_not == TS_REASON_RUNS
					  ? "too few runs"
					  : "too few runs without interference";
	else if (!comparison->tests)
		comparison->why = "nothing happened often enough to be compared";
	else if (suspects)
		comparison->why = ts_arena_printf(
			comparison->arena,
			"%zu metrics are worse by more than is allowed, but that may be chance",
			suspects);
	else
		comparison->overall = comparison->verdicts[TS_VERDICT_IMPROVED]
					      ? TS_VERDICT_IMPROVED
					      : TS_VERDICT_UNCHANGED;
}

/* ---- all together */

static const struct ts_compare_options *or_default(const struct ts_compare_options *options)
{
	static const struct ts_compare_options none;

	return options ? options : &none;
}

static struct ts_metric_table *gather(struct ts_comparison *comparison,
				      const struct ts_compare_side *const *side,
				      const struct ts_compare_options *options,
				      unsigned char **place)
{
	size_t runs = comparison->runs[0] + comparison->runs[1], used = 0;
	const struct ts_run_summary **run =
		ts_arena_alloc(comparison->arena, (runs + 1) * sizeof *run);

	*place = ts_arena_alloc(comparison->arena, runs + 1);
	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < comparison->runs[k]; i++)
			if (comparison->run[k][i].used) {
				(*place)[used] = (unsigned char)k;
				run[used++] = side[k]->run[i];
			}
	return ts_metric_table_new(comparison->arena, run, used, options);
}

struct ts_comparison *ts_compare(const struct ts_compare_side *baseline,
				 const struct ts_compare_side *current,
				 const struct ts_compare_options *given)
{
	const struct ts_compare_side *const side[2] = {baseline, current};
	const struct ts_compare_options *options = or_default(given);
	bool paired = options->paired && baseline->runs == current->runs;
	struct ts_arena *arena = ts_arena_new();
	struct ts_comparison *comparison = ts_arena_alloc(arena, sizeof *comparison);
	struct ts_metric_table *table;
	struct ts_judgement *judgement;
	struct ts_judging judging;
	unsigned char *place;

	comparison->arena = arena;
	comparison->why = "";
	comparison->level = options->level > 0 ? options->level : TS_COMPARE_LEVEL;
	look_at_runs(comparison, side, paired, options->foreign_max);
	judging = plan(comparison, paired);
	table = gather(comparison, side, options, &place);
	judgement = ts_arena_alloc(arena, (table->metrics + 1) * sizeof *judgement);
	ts_judge(table, place, &judging, judgement);
	comparison->tests = judging.tests[1];
	comparison->changes = table->metrics;
	comparison->change =
		ts_arena_alloc(arena, (table->metrics + 1) * sizeof *comparison->change);
	for (size_t i = 0; i < table->metrics; i++)
		make_change(arena, table, i, place, &judgement[i], &judging,
			    &comparison->change[i]);
	qsort(comparison->change, comparison->changes, sizeof *comparison->change, worst_first);
	sum_up(comparison, &judging);
	return comparison;
}

void ts_comparison_free(struct ts_comparison *comparison)
{
	if (comparison)
		ts_arena_free(comparison->arena);
}
