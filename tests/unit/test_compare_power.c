// SPDX-License-Identifier: GPL-2.0-only
/*
 * How often the comparison is right, by simulation with a fixed seed. Twelve metrics a comparison;
 * the given spread between runs is half the machine's (common to all twelve) and half each
 * metric's own; variance within a run is 0.0004 of it. The tables of docs/statistics.md are this
 * program's output with TUNESCOPE_POWER_COMPARISONS=2000 in the environment.
 */
#include "run_sample.h"

#define MOST_RUNS 10
#define WITHIN	  0.0004

struct outcome {
	double regressed, improved; /* share of comparisons with any such verdict */
	double found, high;	    /* the changed metric is regressed, and with severity high */
	double unchanged;	    /* it is unchanged */
	double covered;		    /* the 95 % interval holds the truth */
};

struct bench {
	struct ts_run_summary *run[2][MOST_RUNS];
	uint64_t seed;
};

static int open_bench(void **state)
{
	struct bench *bench = calloc(1, sizeof *bench);

	for (size_t i = 0; i < 2 * MOST_RUNS; i++)
		bench->run[i / MOST_RUNS][i % MOST_RUNS] = settable_run();
	bench->seed = 20240229;
	*state = bench;
	return 0;
}

static int close_bench(void **state)
{
	struct bench *bench = *state;

	free_runs(bench->run[0], MOST_RUNS);
	free_runs(bench->run[1], MOST_RUNS);
	free(bench);
	return 0;
}

static size_t comparisons(size_t usual)
{
	const char *wanted = getenv("TUNESCOPE_POWER_COMPARISONS");

	return wanted ? strtoul(wanted, NULL, 10) : usual;
}

/* Runs that do not come from one normal distribution. */
enum trouble {
	TROUBLE_NONE,
	TROUBLE_MIXED,	  /* every other metric spreads five times as much */
	TROUBLE_OUTLIERS, /* one run in ten is slower by a quarter in everything */
	TROUBLE_TAILS,	  /* Laplace: more of the small and of the large */
	TROUBLE_COUNT,
};

static double random_own(uint64_t *seed, enum trouble trouble, size_t metric)
{
	double value = random_normal(seed);

	if (trouble == TROUBLE_TAILS)
		return value * sqrt(-log(random_share(seed)));
	return trouble == TROUBLE_MIXED && metric % 2 ? 5 * value : value;
}

static void draw_runs(struct bench *bench, size_t runs, double spread, double change,
		      enum trouble trouble)
{
	double between = sqrt(fmax(spread * spread - WITHIN, 0)), y[SAMPLE_METRICS];

	for (int side = 0; side < 2; side++)
		for (size_t i = 0; i < runs; i++) {
			double machine = random_own(&bench->seed, trouble, 0);

			if (trouble == TROUBLE_OUTLIERS && random_share(&bench->seed) < 0.1)
				machine += 0.25 * M_SQRT2 / between;

			for (size_t m = 0; m < SAMPLE_METRICS; m++)
				y[m] = between * (machine + random_own(&bench->seed, trouble, m)) *
					       M_SQRT1_2 +
				       sqrt(WITHIN) * random_normal(&bench->seed);
			y[0] += side ? log1p(change) : 0;
			set_run(bench->run[side][i], y, WITHIN);
		}
}

static void count_comparison(const struct ts_comparison *c, double change, struct outcome *sum)
{
	const struct ts_change *it = change_of(c, TS_FAMILY_RUNQ_LATENCY, TS_STATISTIC_P50);

	sum->regressed += c->verdicts[TS_VERDICT_REGRESSED] > 0;
	sum->improved += c->verdicts[TS_VERDICT_IMPROVED] > 0;
	sum->found += it->verdict == TS_VERDICT_REGRESSED;
	sum->high += it->severity == TS_SEVERITY_HIGH;
	sum->unchanged += it->verdict == TS_VERDICT_UNCHANGED;
	sum->covered += it->low95 <= 1 + change && 1 + change <= it->high95;
}

/* Percent of so many comparisons. */
static struct outcome simulate(struct bench *bench, size_t runs, double spread, double change,
			       enum trouble trouble, size_t count)
{
	struct outcome sum = {0};

	for (size_t i = 0; i < count; i++) {
		struct ts_comparison *c;

		draw_runs(bench, runs, spread, change, trouble);
		c = compare_runs(bench->run[0], runs, bench->run[1], runs, NULL);
		assert_int_equal(c->tests, SAMPLE_METRICS);
		count_comparison(c, change, &sum);
		ts_comparison_free(c);
	}
	for (double *p = (double *)&sum; p < (double *)(&sum + 1); p++)
		*p *= 100 / (double)count;
	return sum;
}

/* A bar for a share in percent that is estimated from count comparisons: two standard errors. */
static double noise(double percent, size_t count)
{
	return 2 * sqrt(percent * (100 - percent) / (double)count);
}

static void false_alarms_stay_below_one_percent(void **state)
{
	static const double spreads[] = {0.02, 0.04, 0.07, 0.10, 0.15};
	static const size_t runs[] = {3, 5, 10};
	size_t count = comparisons(400);
	double regressed = 0, improved = 0;

	printf("no change, %zu comparisons each: %% with any regressed / any improved metric; 95 "
	       "%% "
	       "interval covers\n",
	       count);
	for (size_t r = 0; r < 3; r++)
		for (size_t s = 0; s < 5; s++) {
			struct outcome o =
				simulate(*state, runs[r], spreads[s], 0, TROUBLE_NONE, count);

			printf("  %2zu runs, spread %2.0f %%: %5.2f / %5.2f; %5.1f\n", runs[r],
			       100 * spreads[s], o.regressed, o.improved, o.covered);
			regressed += o.regressed / 15;
			improved += o.improved / 15;
			assert_true(o.regressed <= 1 + noise(1, count));
			assert_true(o.improved <= 1 + noise(1, count));
			assert_true(o.covered >= 95 - noise(5, count));
		}
	printf("  all: %.2f / %.2f\n", regressed, improved);
	assert_true(regressed <= 1);
	assert_true(improved <= 1);
}

static void trouble_does_not_alarm(void **state)
{
	static const char *const name[TROUBLE_COUNT] = {"", "six metrics spread 4 %, six 15 %",
							"one run in ten 25 % slower", "long tails"};
	static const size_t runs[] = {3, 5, 10};
	size_t count = comparisons(300);

	printf("no change, spread 4 %%, but: %% with any regressed / any improved metric\n");
	for (enum trouble t = TROUBLE_MIXED; t < TROUBLE_COUNT; t++)
		for (size_t r = 0; r < 3; r++) {
			struct outcome o = simulate(*state, runs[r], 0.04, 0, t, count);

			printf("  %s, %2zu runs: %5.2f / %5.2f\n", name[t], runs[r], o.regressed,
			       o.improved);
			assert_true(o.regressed <= 2 + noise(2, count));
			assert_true(o.improved <= 2 + noise(2, count));
		}
}

static void changes_are_found(void **state)
{
	static const struct {
		size_t runs;
		double spread, change;
	} bar[] = {{5, 0.04, 0.20}, {10, 0.07, 0.20}, {3, 0.045, 0.50}};
	size_t count = comparisons(1000);

	for (size_t i = 0; i < 3; i++) {
		struct outcome o = simulate(*state, bar[i].runs, bar[i].spread, bar[i].change,
					    TROUBLE_NONE, count);

		printf("%+.0f %% in one metric of twelve, %zu runs, spread %.1f %%: found %.1f %%, "
		       "covered %.1f %%\n",
		       100 * bar[i].change, bar[i].runs, 100 * bar[i].spread, o.found, o.covered);
		assert_true(o.found >= 95);
	}
}

static void ten_percent_is_not_called_unchanged(void **state)
{
	static const double spreads[] = {0.02, 0.04, 0.07, 0.12};
	static const size_t runs[] = {3, 5, 10};
	size_t count = comparisons(300);

	printf("truth +10 %%: %% called unchanged (spread 2, 4, 7, 12 %%)\n");
	for (size_t r = 0; r < 3; r++) {
		printf("  %2zu runs:", runs[r]);
		for (size_t s = 0; s < 4; s++) {
			struct outcome o =
				simulate(*state, runs[r], spreads[s], 0.10, TROUBLE_NONE, count);

			printf(" %4.1f", o.unchanged);
			assert_true(o.unchanged <= 5 + noise(5, count));
		}
		printf("\n");
	}
}

/* Only printed: the table of the documentation. */
static void table_of_power(void **state)
{
	static const double changes[] = {0.10, 0.15, 0.20, 0.30, 0.50};
	static const double spreads[] = {0.02, 0.04, 0.07};
	static const size_t runs[] = {3, 5, 10};
	size_t count = comparisons(50);
	double smallest = 100;

	printf("%% found, %zu comparisons each\n| runs | spread | +10 %% | +15 %% | +20 %% | +30 "
	       "%% "
	       "| +50 %% |\n|---|---|---|---|---|---|---|\n",
	       count);
	for (size_t r = 0; r < 3; r++)
		for (size_t s = 0; s < 3; s++) {
			printf("| %zu | %.0f %% |", runs[r], 100 * spreads[s]);
			for (size_t k = 0; k < 5; k++) {
				struct outcome o = simulate(*state, runs[r], spreads[s], changes[k],
							    TROUBLE_NONE, count);

				printf(" %.0f |", o.found);
				if (k == 4 && spreads[s] < 0.05)
					smallest = fmin(smallest, o.found);
			}
			printf("\n");
		}
	assert_true(smallest >= 90);
}

/* ---- through windows and histograms */

static void histograms_give_what_went_in(void **state)
{
	enum { RUNS = 60 };
	const double spread = 0.04;
	uint64_t seed = 5;

	for (unsigned int scale = 3; scale <= 4; scale++) {
		double y[TS_STATISTIC_RATE][RUNS], within[TS_STATISTIC_RATE] = {0};

		for (size_t i = 0; i < RUNS; i++) {
			double median = 5e-5 * exp(spread * random_normal(&seed));
			struct ts_run_summary *run = latency_run(&seed, median, scale, 40);

			for (size_t k = 0; k < TS_STATISTIC_RATE; k++) {
				y[k][i] = log(run->series->value[k]);
				within[k] += run->series->variance[k] / RUNS;
			}
			ts_run_summary_free(run);
		}
		printf("scale %u, spread 4 %%:", scale);
		for (size_t k = 0; k < TS_STATISTIC_RATE; k++) {
			double sd = sqrt(ts_squares(y[k], RUNS) / (RUNS - 1));

			printf("  %s between %.2f %%, within %.2f %%", ts_statistic_name(k),
			       100 * sd, 100 * sqrt(within[k]));
			/* 59 degrees of freedom: 2.5 standard errors are 23 %. */
			assert_true(fabs(sd / sqrt(spread * spread + within[k]) - 1) < 0.23);
			assert_true(within[k] > 1e-6 && within[k] < 0.001);
		}
		printf("\n");
	}
}

/* ln ratio of a quantile after a shift by ten percent, wherever in its bucket it lies. */
static void shift_is_seen_through_the_buckets(void **state)
{
	uint64_t seed = 6;

	for (unsigned int scale = 3; scale <= 4; scale++) {
		double worst = 0;

		for (double median = 4e-5; median < 8e-5; median *= 1.011) {
			struct ts_arena *arena = ts_arena_new();
			struct ts_histogram *h[2];

			for (int i = 0; i < 2; i++) {
				h[i] = ts_histogram_new(arena, scale, TS_UNIT_SECONDS);
				sample_latencies(h[i], &seed, median * (i ? 1.1 : 1), 1, 1e9);
			}
			for (int k = 0; k < TS_STATISTIC_MEAN; k++)
				worst = fmax(worst, fabs(ts_statistic_of(h[1], k, 1) /
								 ts_statistic_of(h[0], k, 1) -
							 1.1));
			ts_arena_free(arena);
		}
		printf("+10 %% through buckets of scale %u: off by %.2f points at most\n", scale,
		       100 * worst);
		if (scale == 4)
			assert_true(worst <= 0.005);
	}
}

static void real_histograms_are_compared(void **state)
{
	enum { RUNS = 5, COMPARISONS = 40 };
	uint64_t seed = 0x2545f4914f6cdd1d;
	size_t found = 0, alarms = 0;

	for (size_t n = 0; n < COMPARISONS; n++) {
		struct ts_run_summary *run[3][RUNS];
		struct ts_comparison *same, *changed;

		for (size_t i = 0; i < 3 * RUNS; i++)
			run[i / RUNS][i % RUNS] = latency_run(
				&seed,
				5e-5 * (i / RUNS == 2 ? 1.2 : 1) * exp(0.04 * random_normal(&seed)),
				i % 2 ? 3 : 4, 40);
		same = compare_runs(run[0], RUNS, run[1], RUNS, NULL);
		changed = compare_runs(run[0], RUNS, run[2], RUNS, NULL);
		alarms += same->overall == TS_VERDICT_REGRESSED;
		found += changed->overall == TS_VERDICT_REGRESSED;
		ts_comparison_free(same);
		ts_comparison_free(changed);
		for (int k = 0; k < 3; k++)
			free_runs(run[k], RUNS);
	}
	printf("windows with histograms, 5 runs, spread 4 %%: +20 %% found in %zu of %d, no change "
	       "called regressed in %zu\n",
	       found, COMPARISONS, alarms);
	assert_true(found >= COMPARISONS - 3);
	assert_true(alarms <= 2);
}

/* ---- rare events */

/* Alarms among comparisons of runs alike: events come in bursts of burst, so many a run. */
static size_t rare_alarms(uint64_t *seed, double bursts, double burst, bool whole_run, size_t runs,
			  size_t count)
{
	size_t alarms = 0;

	for (size_t n = 0; n < count; n++) {
		struct ts_run_summary *run[2][MOST_RUNS];
		struct ts_comparison *c;

		for (size_t i = 0; i < 2 * runs; i++) {
			struct ts_run_summary *r = counter_run(seed, TS_FAMILY_BLOCK_ERRORS,
							       TS_LABELS("sda", "read"), 1000, 1);
			uint64_t events = random_count(seed, bursts);

			/* The series is set: what varies is where events are, and how many. */
			r->series->events = (double)events * burst;
			r->family_seconds[TS_FAMILY_BLOCK_ERRORS] = 10;
			r->series->value[TS_STATISTIC_RATE] = r->series->events / 10;
			r->series->variance[TS_STATISTIC_RATE] = events ? 1 / (double)events : NAN;
			r->series->present = !events	 ? 0
					     : whole_run ? 1
							 : fmin(1, (double)events / 10);
			run[i / runs][i % runs] = r;
		}
		c = compare_runs(run[0], runs, run[1], runs, NULL);
		alarms += c->verdicts[TS_VERDICT_REGRESSED] > 0;
		ts_comparison_free(c);
		free_runs(run[0], runs);
		free_runs(run[1], runs);
	}
	return alarms;
}

static void rare_events_seldom_alarm(void **state)
{
	static const double bursts[] = {0.1, 0.7, 3, 10, 30};
	size_t count = comparisons(400), worst = 0, all = 0, compared = 0;
	uint64_t seed = 0x5eed5eed5eed5eed;

	printf("one rare counter, no change: alarms in %zu comparisons\n", count);
	for (size_t b = 0; b < 5; b++)
		for (size_t r = 3; r <= 5; r += 2) {
			size_t single = rare_alarms(&seed, bursts[b], 1, false, r, count);
			size_t burst = rare_alarms(&seed, bursts[b], 20, false, r, count);
			size_t mode = rare_alarms(&seed, bursts[b], 20, true, r, count);

			printf("  %4.1f times a run, %zu runs: single %zu, in bursts of 20 %zu, "
			       "bursts that last a whole run %zu\n",
			       bursts[b], r, single, burst, mode);
			all += single + burst;
			compared += 2 * count;
			worst = mode > worst ? mode : worst;
		}
	assert_true((double)all <= 0.01 * (double)compared);
	/* The worst there is: present in half of the runs, 1 in 64. */
	assert_true(100 * (double)worst / (double)count <= 1.6 + noise(1.6, count));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(false_alarms_stay_below_one_percent, open_bench,
						close_bench),
		cmocka_unit_test_setup_teardown(trouble_does_not_alarm, open_bench, close_bench),
		cmocka_unit_test_setup_teardown(changes_are_found, open_bench, close_bench),
		cmocka_unit_test_setup_teardown(ten_percent_is_not_called_unchanged, open_bench,
						close_bench),
		cmocka_unit_test_setup_teardown(table_of_power, open_bench, close_bench),
		cmocka_unit_test(histograms_give_what_went_in),
		cmocka_unit_test(shift_is_seen_through_the_buckets),
		cmocka_unit_test(real_histograms_are_compared),
		cmocka_unit_test(rare_events_seldom_alarm),
	};

	return cmocka_run_group_tests_name("power of comparisons", tests, NULL, NULL);
}
