// SPDX-License-Identifier: GPL-2.0-only
/* Runs put together from windows, and the verdicts on them. */
#include "run_sample.h"

#include <time.h>

static void near(double a, double b, double tolerance)
{
	if (!(fabs(a - b) <= tolerance))
		fail_msg("%.12g is not %.12g (to %g)", a, b, tolerance);
}

/* ---- runs from windows */

/* Blocks are known for any number of windows, and nothing is lost between them. */
static void blocks_hold_every_window(void **state)
{
	static const struct {
		size_t windows, blocks;
	} expected[] = {{1, 1},	  {4, 1},  {7, 1},  {8, 2},   {40, 10},
			{48, 12}, {49, 6}, {52, 7}, {96, 12}, {1000, 8}};
	uint64_t seed = 1;

	for (size_t n = 0; n < sizeof expected / sizeof expected[0]; n++) {
		struct ts_run_summary *run = clean_run();
		struct ts_arena *arena = ts_arena_new();
		struct ts_histogram *all = ts_histogram_new(arena, 3, TS_UNIT_SECONDS);
		__u64 total = 0;

		for (size_t i = 0; i < expected[n].windows; i++) {
			struct ts_window window = sample_window(0.5);
			__u64 counter = random_count(&seed, 20);
			/* Now and then a coarser one: the run is at the coarsest. */
			struct ts_histogram *h = ts_snapshot_histogram(
				window.delta, TS_FAMILY_RUNQ_LATENCY, NULL, i % 7 == 0 ? 3 : 4);

			sample_latencies(h, &seed, 1e-4, 1, 300);
			ts_histogram_merge(all, h);
			ts_snapshot_counter(window.delta, TS_FAMILY_CONTEXT_SWITCHES,
					    TS_LABELS("idle"), counter);
			total += counter;
			ts_run_summary_add(run, &window);
			ts_window_free(&window);
		}
		ts_run_summary_finish(run);
		assert_int_equal(run->blocks, expected[n].blocks);
		near(run->seconds, 0.5 * (double)expected[n].windows, 1e-9);
		assert_int_equal(run->series->histogram->scale, 3);
		assert_memory_equal(run->series->histogram->slot, all->slot,
				    TS_HISTOGRAM_SLOTS(3) * sizeof all->slot[0]);
		near(run->series->value[TS_STATISTIC_P95], ts_histogram_quantile(all, 0.95), 0);
		near(run->series->value[TS_STATISTIC_RATE], (double)all->count / run->seconds,
		     1e-9);
		near(run->series->next->events, (double)total, 0);
		near(run->series->next->value[TS_STATISTIC_RATE], (double)total / run->seconds,
		     1e-9);
		assert_int_equal(isnan(run->series->variance[TS_STATISTIC_P50]),
				 expected[n].blocks < 2);
		ts_arena_free(arena);
		ts_run_summary_free(run);
	}
}

/* The jackknife of a counter against the same sum by hand. */
static void variance_within_a_run_is_the_jackknifes(void **state)
{
	const double in_block[3] = {100, 130, 90};
	struct ts_run_summary *run = clean_run();
	double without[3], weight[3] = {4, 4, 4};

	for (size_t i = 0; i < 12; i++) {
		struct ts_window window = sample_window(1);

		ts_snapshot_counter(window.delta, TS_FAMILY_TASK_MIGRATIONS, NULL,
				    (__u64)in_block[i / 4] / 4 +
					    (i % 4 < (__u64)in_block[i / 4] % 4));
		ts_run_summary_add(run, &window);
		ts_window_free(&window);
	}
	ts_run_summary_finish(run);
	for (size_t i = 0; i < 3; i++)
		without[i] = log((320 - in_block[i]) / 8);
	near(run->series->variance[TS_STATISTIC_RATE],
	     ts_jackknife_variance(log(320.0 / 12), without, weight, 3), 1e-12);
	near(run->series->present, 1, 0);
	ts_run_summary_free(run);
}

static void labels_do_not_depend_on_the_run(void **state)
{
	struct ts_run_summary *run = clean_run();
	struct ts_window window = sample_window(10);

	ts_snapshot_netns(window.delta, &(struct ts_netns){.inode = "4026531840",
							   .name = "",
							   .comm = "init",
							   .initial = true});
	ts_snapshot_netns(
		window.delta,
		&(struct ts_netns){.inode = "4026532211", .name = "", .comm = "nginx", .pid = 7});
	ts_snapshot_counter(window.delta, TS_FAMILY_TCP_LISTENER_DROPS,
			    TS_LABELS("4026531840", "80"), 1);
	ts_snapshot_counter(window.delta, TS_FAMILY_TCP_LISTENER_DROPS,
			    TS_LABELS("4026532211", "80"), 2);
	ts_snapshot_counter(window.delta, TS_FAMILY_TCP_LISTENER_DROPS,
			    TS_LABELS("4026539999", "80"), 4);
	ts_snapshot_counter(window.delta, TS_FAMILY_CPU_TIME, TS_LABELS("0", "user"), 3000000000);
	ts_snapshot_counter(window.delta, TS_FAMILY_CPU_TIME, TS_LABELS("1", "user"), 5000000000);
	ts_snapshot_counter(window.delta, TS_FAMILY_CPU_TIME, TS_LABELS("1", "steal"), 2000000000);
	ts_run_summary_add(run, &window);
	ts_window_free(&window);
	run->interference.steal = NAN;
	ts_run_summary_finish(run);
	near(ts_run_summary_find(run, TS_FAMILY_TCP_LISTENER_DROPS,
				 TS_LABELS("initial", "80", "", ""))
		     ->events,
	     1, 0);
	near(ts_run_summary_find(run, TS_FAMILY_TCP_LISTENER_DROPS,
				 TS_LABELS("nginx", "80", "", ""))
		     ->events,
	     2, 0);
	near(ts_run_summary_find(run, TS_FAMILY_TCP_LISTENER_DROPS,
				 TS_LABELS("unnamed", "80", "", ""))
		     ->events,
	     4, 0);
	near(ts_run_summary_find(run, TS_FAMILY_CPU_TIME, TS_LABELS("", "user", "", ""))
		     ->value[TS_STATISTIC_RATE],
	     0.8, 1e-12);
	near(run->interference.steal, 0.2, 1e-12);
	assert_false(ts_run_is_clean(run, 0));
	ts_run_summary_free(run);
}

/* ---- verdicts */

#define RUNS 5

struct sides {
	struct ts_run_summary *run[2][RUNS];
	double y[2][RUNS][SAMPLE_METRICS];
};

/* Two sides alike, with a spread of about 3 %. */
static int open_sides(void **state)
{
	static const double spread[RUNS] = {-0.04, 0.01, 0.03, -0.01, 0.02};
	struct sides *s = calloc(1, sizeof *s);

	for (size_t side = 0; side < 2; side++)
		for (size_t i = 0; i < RUNS; i++) {
			s->run[side][i] = settable_run();
			for (size_t m = 0; m < SAMPLE_METRICS; m++)
				s->y[side][i][m] = -9 + spread[(i + m + 2 * side) % RUNS];
		}
	*state = s;
	return 0;
}

static int close_sides(void **state)
{
	struct sides *s = *state;

	free_runs(s->run[0], RUNS);
	free_runs(s->run[1], RUNS);
	free(s);
	return 0;
}

static struct ts_comparison *compare_sides(struct sides *s, size_t runs,
					   const struct ts_compare_options *options)
{
	for (size_t side = 0; side < 2; side++)
		for (size_t i = 0; i < RUNS; i++)
			set_run(s->run[side][i], s->y[side][i], 0.0001);
	return compare_runs(s->run[0], runs, s->run[1], runs, options);
}

static void shift(struct sides *s, size_t metric, double change)
{
	for (size_t i = 0; i < RUNS; i++)
		s->y[1][i][metric] += log1p(change);
}

static void verdicts_follow_the_change(void **state)
{
	struct ts_comparison *c;
	const struct ts_change *p50, *p95;

	c = compare_sides(*state, RUNS, NULL);
	assert_int_equal(c->overall, TS_VERDICT_UNCHANGED);
	assert_int_equal(c->tests, SAMPLE_METRICS);
	p50 = change_of(c, TS_FAMILY_RUNQ_LATENCY, TS_STATISTIC_P50);
	assert_int_equal(p50->verdict, TS_VERDICT_UNCHANGED);
	assert_true(p50->low95 < p50->low90 && p50->high90 < p50->high95);
	near(p50->ratio, 1, 1e-12);
	ts_comparison_free(c);

	shift(*state, 0, 0.5);
	shift(*state, 1, -0.16);
	c = compare_sides(*state, RUNS, NULL);
	assert_int_equal(c->overall, TS_VERDICT_REGRESSED);
	assert_int_equal(c->severity, TS_SEVERITY_HIGH);
	p50 = change_of(c, TS_FAMILY_RUNQ_LATENCY, TS_STATISTIC_P50);
	p95 = change_of(c, TS_FAMILY_RUNQ_LATENCY, TS_STATISTIC_P95);
	assert_ptr_equal(p50, &c->change[0]);
	assert_int_equal(p50->verdict, TS_VERDICT_REGRESSED);
	assert_int_equal(p95->verdict, TS_VERDICT_IMPROVED);
	assert_int_equal(p95->severity, TS_SEVERITY_MEDIUM);
	near(p50->ratio, 1.5, 1e-9);
	near(p50->side[1].median / p50->side[0].median, 1.5, 1e-9);
	assert_true(p50->p < p50->p_holm && p50->p_holm < 0.001);
	ts_comparison_free(c);
}

/* V, df and t of one metric worked out by hand from the rule in compare.h. */
static void numbers_are_those_of_the_rule(void **state)
{
	struct sides *s = *state;
	double y[2][RUNS], squares, prior = 0.0025 + 0.0001, variance, df = 8 + 4, error;
	const struct ts_change *change;
	struct ts_comparison *c;

	shift(s, 0, 0.25);
	c = compare_sides(s, RUNS, NULL);
	for (size_t side = 0; side < 2; side++)
		for (size_t i = 0; i < RUNS; i++)
			y[side][i] = s->y[side][i][0];
	squares = (ts_squares(y[0], RUNS) + ts_squares(y[1], RUNS)) / 8;
	assert_true(squares < prior);
	variance = (8 * squares + 4 * prior) / 12;
	error = sqrt(variance * 2 / RUNS);
	change = change_of(c, TS_FAMILY_RUNQ_LATENCY, TS_STATISTIC_P50);
	near(change->spread, sqrt(variance), 1e-9);
	near(change->p, ts_student_two_sided(log(1.25) / error, df), 1e-12);
	near(change->p_holm, 12 * change->p, 1e-12);
	near(log(change->high95), log(1.25) + error * ts_student_critical(0.05, df), 1e-9);
	near(change->effect, log(1.25) / sqrt(variance), 1e-6);
	ts_comparison_free(c);
}

static void wide_spread_is_insufficient(void **state)
{
	struct sides *s = *state;
	const struct ts_change *change;
	struct ts_comparison *c;

	for (size_t i = 0; i < RUNS; i++) {
		s->y[0][i][0] = (double)i / 5;
		s->y[1][i][0] = (double)i / 5 + log(1.2);
	}
	c = compare_sides(s, RUNS, NULL);
	change = change_of(c, TS_FAMILY_RUNQ_LATENCY, TS_STATISTIC_P50);
	assert_int_equal(change->verdict, TS_VERDICT_INSUFFICIENT);
	assert_int_equal(change->reason, TS_REASON_SPREAD);
	assert_true(change->runs_needed > 20 && change->runs_needed < 200);
	assert_non_null(strstr(change->why, "runs differ too much"));
	/* Beyond what is allowed, though not significant: that is not "unchanged". */
	assert_int_equal(c->overall, TS_VERDICT_INSUFFICIENT);
	ts_comparison_free(c);
}

static void few_or_disturbed_runs_never_decide(void **state)
{
	struct sides *s = *state;
	struct ts_comparison *c;

	shift(s, 0, 5);
	for (size_t runs = 0; runs < 3; runs++) {
		c = compare_sides(s, runs, NULL);
		assert_int_equal(c->overall, TS_VERDICT_INSUFFICIENT);
		assert_int_equal(c->verdicts[TS_VERDICT_INSUFFICIENT], c->changes);
		if (runs) {
			assert_int_equal(c->change[0].reason, TS_REASON_RUNS);
			near(c->change[0].ratio, 6, 0.6);
			assert_true(isfinite(c->change[0].high95));
		}
		ts_comparison_free(c);
	}
	s->run[0][0]->interference.foreign = 0.06;
	s->run[0][1]->interference.steal = 0.03;
	c = compare_sides(s, RUNS, NULL);
	assert_int_equal(c->clean[0], 3);
	assert_false(c->run[0][0].used);
	assert_int_equal(c->overall, TS_VERDICT_REGRESSED);
	ts_comparison_free(c);
	/* In pairs both go. */
	c = compare_sides(s, RUNS, &(struct ts_compare_options){.paired = true});
	assert_int_equal(c->clean[1], 3);
	ts_comparison_free(c);
	s->run[0][2]->interference.foreign = 0.5;
	s->run[1][2]->interference.foreign = NAN;
	c = compare_sides(s, RUNS, NULL);
	assert_int_equal(c->overall, TS_VERDICT_INSUFFICIENT);
	assert_int_equal(c->change[0].reason, TS_REASON_INTERFERENCE);
	assert_true(c->run[1][2].foreign_unknown && !c->run[1][2].steal_unknown);
	ts_comparison_free(c);
}

static void pairs_cancel_what_is_common(void **state)
{
	struct sides *s = *state;
	struct ts_comparison *alone, *paired;

	for (size_t m = 0; m < SAMPLE_METRICS; m++)
		for (size_t i = 0; i < RUNS; i++)
			for (size_t side = 0; side < 2; side++)
				s->y[side][i][m] += (double)i / 4;
	shift(s, 0, 0.5);
	alone = compare_sides(s, RUNS, NULL);
	paired = compare_sides(s, RUNS, &(struct ts_compare_options){.paired = true});
	assert_int_equal(alone->verdicts[TS_VERDICT_REGRESSED], 0);
	assert_int_equal(paired->verdicts[TS_VERDICT_REGRESSED], 1);
	ts_comparison_free(alone);
	ts_comparison_free(paired);
}

static void budgets_say_what_is_allowed(void **state)
{
	const struct ts_budget more = {TS_FAMILY_RUNQ_LATENCY, -1, 0.60, TS_DIRECTION_SKIP};
	const struct ts_budget less = {TS_FAMILY_RUNQ_LATENCY, TS_STATISTIC_RATE, 0.10,
				       TS_DIRECTION_DOWN_WORSE};
	struct sides *s = *state;
	struct ts_comparison *c;

	shift(s, 0, 0.5);
	c = compare_sides(s, RUNS, &(struct ts_compare_options){.budget = &more, .budgets = 1});
	assert_int_equal(c->verdicts[TS_VERDICT_REGRESSED], 0);
	ts_comparison_free(c);

	shift(s, 0, -1 / 3.0);
	for (int budgets = 0; budgets < 2; budgets++) {
		struct ts_compare_options options = {.budget = &less, .budgets = (size_t)budgets};
		struct ts_compare_side side[2];

		ts_comparison_free(compare_sides(s, RUNS, NULL));
		for (size_t i = 0; i < RUNS; i++)
			s->run[1][i]->series->value[TS_STATISTIC_RATE] = 500;
		for (size_t k = 0; k < 2; k++)
			side[k] = (struct ts_compare_side){
				(const struct ts_run_summary *const *)s->run[k], RUNS};
		c = ts_compare(&side[0], &side[1], &options);
		assert_int_equal(change_of(c, TS_FAMILY_RUNQ_LATENCY, TS_STATISTIC_RATE)->verdict,
				 budgets ? TS_VERDICT_REGRESSED : TS_VERDICT_CHANGED);
		assert_int_equal(c->overall, budgets ? TS_VERDICT_REGRESSED : TS_VERDICT_UNCHANGED);
		ts_comparison_free(c);
	}
}

/* ---- counters and rare events */

static enum ts_verdict compare_counters(uint64_t seed, double before, double after,
					enum ts_reason *reason, bool *at_least)
{
	struct ts_run_summary *run[2][RUNS];
	struct ts_comparison *c;
	enum ts_verdict verdict;

	for (size_t i = 0; i < 2 * RUNS; i++)
		run[i / RUNS][i % RUNS] =
			counter_run(&seed, TS_FAMILY_TCP_RETRANSMITS,
				    TS_LABELS("4026531840", "service", "80", "fast"),
				    i / RUNS ? after : before, 20);
	c = compare_runs(run[0], RUNS, run[1], RUNS, NULL);
	assert_true(c->changes <= 1);
	verdict = c->changes ? c->change[0].verdict : TS_VERDICT_UNCHANGED;
	*reason = c->changes ? c->change[0].reason : TS_REASON_NONE;
	*at_least = c->changes && c->change[0].at_least;
	ts_comparison_free(c);
	free_runs(run[0], RUNS);
	free_runs(run[1], RUNS);
	return verdict;
}

static void counters_need_events(void **state)
{
	static const struct {
		double before, after; /* a second, for 20 s */
		enum ts_verdict verdict;
		enum ts_reason reason;
		bool at_least;
	} expected[] = {
		{100, 100, TS_VERDICT_UNCHANGED, TS_REASON_NONE, false},
		{100, 200, TS_VERDICT_REGRESSED, TS_REASON_NONE, false},
		{200, 100, TS_VERDICT_IMPROVED, TS_REASON_NONE, false},
		{1, 1.5, TS_VERDICT_INSUFFICIENT, TS_REASON_FEW_EVENTS, false},
		{0.5, 100, TS_VERDICT_REGRESSED, TS_REASON_NONE, true},
		{0, 100, TS_VERDICT_REGRESSED, TS_REASON_NONE, true},
		{0, 1, TS_VERDICT_REGRESSED, TS_REASON_APPEARED, false},
		{1, 0, TS_VERDICT_INSUFFICIENT, TS_REASON_FEW_EVENTS, false},
		{0, 0.05, TS_VERDICT_INSUFFICIENT, TS_REASON_FEW_EVENTS, false},
		{0, 0, TS_VERDICT_UNCHANGED, TS_REASON_NONE, false},
	};
	enum ts_reason reason;
	bool at_least;

	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
		enum ts_verdict verdict = compare_counters(i + 1, expected[i].before,
							   expected[i].after, &reason, &at_least);

		if (verdict != expected[i].verdict || reason != expected[i].reason ||
		    at_least != expected[i].at_least)
			fail_msg("%g to %g: %s, reason %d, at least %d", expected[i].before,
				 expected[i].after, ts_verdict_name(verdict), reason, at_least);
	}
}

/* ---- the whole */

#define MANY_RUNS   10
#define MANY_SERIES 300

static struct ts_run_summary *large_run(uint64_t *seed)
{
	struct ts_run_summary *run = clean_run();
	double machine = exp(0.04 * random_normal(seed));

	for (size_t w = 0; w < 8; w++) {
		struct ts_window window = sample_window(1);

		for (size_t i = 0; i < MANY_SERIES; i++) {
			char device[16];

			snprintf(device, sizeof device, "sd%zu", i / 2);
			if (i % 2)
				ts_snapshot_counter(window.delta, TS_FAMILY_DISK_REQUESTS,
						    TS_LABELS(device, "read"),
						    random_count(seed, 100 * machine));
			else
				ts_histogram_add(
					ts_snapshot_histogram(window.delta, TS_FAMILY_BLOCK_LATENCY,
							      TS_LABELS(device, "read"), 3),
					(__u64)(1e5 * machine), 1000);
		}
		ts_run_summary_add(run, &window);
		ts_window_free(&window);
	}
	ts_run_summary_finish(run);
	return run;
}

static bool same_change(const struct ts_change *a, const struct ts_change *b)
{
	return a->family == b->family && a->statistic == b->statistic && a->verdict == b->verdict &&
	       !memcmp(&a->p_holm, &b->p_holm, sizeof a->p_holm) &&
	       !memcmp(&a->high95, &b->high95, sizeof a->high95) && !strcmp(a->why, b->why) &&
	       !strcmp(a->label[0], b->label[0]);
}

static void same_input_gives_the_same_output_quickly(void **state)
{
	struct ts_run_summary *run[2][MANY_RUNS];
	struct ts_comparison *first, *second;
	clock_t start, end;
	uint64_t seed = 4;

	for (size_t i = 0; i < 2 * MANY_RUNS; i++)
		run[i / MANY_RUNS][i % MANY_RUNS] = large_run(&seed);
	start = clock();
	first = compare_runs(run[0], MANY_RUNS, run[1], MANY_RUNS, NULL);
	end = clock();
	second = compare_runs(run[0], MANY_RUNS, run[1], MANY_RUNS, NULL);
	printf("%zu series, %d+%d runs, %zu metrics: %.1f ms of CPU time\n",
	       run[0][0]->series_count, MANY_RUNS, MANY_RUNS, first->changes,
	       1e3 * (double)(end - start) / CLOCKS_PER_SEC);
	assert_int_equal(run[0][0]->series_count, MANY_SERIES);
	assert_int_equal(first->changes, second->changes);
	assert_int_equal(first->verdicts[TS_VERDICT_REGRESSED], 0);
	for (size_t i = 0; i < first->changes; i++)
		assert_true(same_change(&first->change[i], &second->change[i]));
	ts_comparison_free(first);
	ts_comparison_free(second);
	free_runs(run[0], MANY_RUNS);
	free_runs(run[1], MANY_RUNS);
}

static void scales_meet_at_the_coarser(void **state)
{
	struct ts_run_summary *run[2][3];
	struct ts_comparison *c;
	uint64_t seed = 3;

	for (size_t i = 0; i < 6; i++)
		run[i / 3][i % 3] = latency_run(&seed, i / 3 ? 1e-4 : 5e-5, i / 3 ? 3 : 4, 20);
	c = compare_runs(run[0], 3, run[1], 3, NULL);
	near(change_of(c, TS_FAMILY_RUNQ_LATENCY, TS_STATISTIC_P50)->ratio, 2, 0.04);
	assert_int_equal(c->overall, TS_VERDICT_REGRESSED);
	ts_comparison_free(c);
	free_runs(run[0], 3);
	free_runs(run[1], 3);
}

static void set_spread(struct ts_run_summary **run, size_t count, double spread)
{
	uint64_t seed = 0x5eed5eed5eed5eed;
	double y[SAMPLE_METRICS];

	for (size_t i = 0; i < count; i++) {
		for (size_t m = 0; m < SAMPLE_METRICS; m++)
			y[m] = spread * random_normal(&seed);
		set_run(run[i], y, 0.0001);
	}
}

static void self_test_tells_what_a_baseline_is_worth(void **state)
{
	enum { MANY = 12 };
	struct ts_run_summary *run[MANY];
	struct ts_compare_side side = {(const struct ts_run_summary *const *)run, MANY};
	struct ts_self_test *calm, *again, *noisy, *few;

	for (size_t i = 0; i < MANY; i++)
		run[i] = settable_run();
	set_spread(run, MANY, 0.02);
	calm = ts_compare_self_test(&side, NULL, 1000);
	again = ts_compare_self_test(&side, NULL, 1000);
	set_spread(run, MANY, 0.2);
	noisy = ts_compare_self_test(&side, NULL, 1000);
	assert_int_equal(calm->splits, 924); /* 12 over 6 */
	assert_int_equal(calm->regressed, 0);
	assert_int_equal(calm->metrics, SAMPLE_METRICS);
	near(calm->metric[0].smallest, again->metric[0].smallest, 0);
	assert_true(calm->metric[0].smallest < 0.25 && calm->metric[11].smallest > 0.10);
	assert_true(noisy->metric[0].smallest > 0.3);
	/* Each split has its mirror image. */
	assert_int_equal(noisy->regressed, noisy->improved);
	assert_true((double)noisy->regressed <= 0.05 * (double)noisy->splits);
	side.runs = 5;
	few = ts_compare_self_test(&side, NULL, 1000);
	assert_int_equal(few->splits, 0);
	assert_int_equal(few->metrics, SAMPLE_METRICS);
	ts_self_test_free(calm);
	ts_self_test_free(again);
	ts_self_test_free(few);
	side.runs = MANY;
	few = ts_compare_self_test(&side, NULL, 50);
	assert_int_equal(few->splits, 50);
	ts_self_test_free(few);
	ts_self_test_free(noisy);
	free_runs(run, MANY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_hold_every_window),
		cmocka_unit_test(variance_within_a_run_is_the_jackknifes),
		cmocka_unit_test(labels_do_not_depend_on_the_run),
#define WITH_SIDES(test) cmocka_unit_test_setup_teardown(test, open_sides, close_sides)
		WITH_SIDES(verdicts_follow_the_change),
		WITH_SIDES(numbers_are_those_of_the_rule),
		WITH_SIDES(wide_spread_is_insufficient),
		WITH_SIDES(few_or_disturbed_runs_never_decide),
		WITH_SIDES(pairs_cancel_what_is_common),
		WITH_SIDES(budgets_say_what_is_allowed),
		cmocka_unit_test(counters_need_events),
		cmocka_unit_test(same_input_gives_the_same_output_quickly),
		cmocka_unit_test(scales_meet_at_the_coarser),
		cmocka_unit_test(self_test_tells_what_a_baseline_is_worth),
	};

	return cmocka_run_group_tests_name("comparison of runs", tests, NULL, NULL);
}
