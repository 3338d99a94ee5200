// SPDX-License-Identifier: GPL-2.0-only
#include "check_self_test.h"

#include <math.h>
#include <stdio.h>

#include "../core/arena.h"
#include "../core/error.h"
#include "../core/render/render.h"
#include "../core/render/runs.h"

#define SPLITS 1000

static void print_metrics(const struct ts_self_test *test)
{
	printf("\n%-52s %10s %s\n", "metric", "spread", "smallest change found (95 of 100 times)");
	for (size_t i = 0; i < test->metrics; i++) {
		const struct ts_detectable *m = &test->metric[i];

		printf("%-52s %8.1f %%  ",
		       ts_escape_terminal(test->arena, ts_metric_name(test->arena, m->family,
								      m->label, m->statistic)),
		       100 * m->spread);
		if (isfinite(m->smallest))
			printf("%+.0f %%\n", 100 * m->smallest);
		else
			puts("none");
	}
}

int ts_check_self_test(const struct ts_run_set *baseline, const struct ts_compare_options *how)
{
	struct ts_arena *arena = ts_arena_new();
	const struct ts_run **run = ts_arena_alloc(arena, (baseline->runs + 1) * sizeof *run);
	size_t runs = ts_run_set_usable(baseline, TS_RUN_ALONE, run);
	const struct ts_run_summary **summary = ts_arena_alloc(arena, (runs + 1) * sizeof *summary);
	struct ts_compare_side side = {summary, runs};
	struct ts_self_test *test;
	bool enough;

	for (size_t i = 0; i < runs; i++)
		summary[i] = run[i]->summary;
	test = ts_compare_self_test(&side, how, SPLITS);
	enough = test->splits > 0;
	printf("%s: %zu runs, %zu of them undisturbed\n", baseline->name, runs, test->runs);
	if (enough)
		printf("its halves compared with each other in %zu ways: %zu said regressed, %zu "
		       "improved (%.1f %% false alarms)\n",
		       test->splits, test->regressed, test->improved,
		       100.0 * (double)test->regressed / (double)test->splits);
	else
		printf("halves of at least %d undisturbed runs are needed to try its false "
		       "alarms\n",
		       TS_COMPARE_MINIMUM_RUNS);
	if (test->metrics)
		print_metrics(test);
	ts_self_test_free(test);
	ts_arena_free(arena);
	return enough ? TS_EXIT_DONE : TS_EXIT_INCONCLUSIVE;
}
