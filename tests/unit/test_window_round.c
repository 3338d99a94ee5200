// SPDX-License-Identifier: GPL-2.0-only
/* What is recorded of a window: its histograms coarser, and all that is exact as it was. */
#include "frame_windows.h"

#include "../../user/core/window_round.h"

static struct ts_histogram *histogram_of(const struct ts_window *window, enum ts_family_id id)
{
	return window->delta->family[id].series[0].histogram;
}

static void histograms_become_coarser_and_keep_their_totals(void **state)
{
	struct ts_window window = empty_window();
	struct ts_snapshot *delta = window.delta;
	struct ts_histogram *runq = ts_snapshot_histogram(delta, TS_FAMILY_RUNQ_LATENCY, NULL, 4);
	struct ts_histogram *block =
		ts_snapshot_histogram(delta, TS_FAMILY_BLOCK_LATENCY, TS_LABELS("sda", "read"), 3);
	double median, tail;

	for (unsigned int i = 0; i < 100000; i++)
		ts_histogram_add(runq, 1000 + i * 17 % 1000000, 1);
	ts_histogram_add(block, 70000, 3);
	ts_snapshot_counter(delta, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("idle"), 12345);
	median = ts_histogram_quantile(runq, 0.5);
	tail = ts_histogram_quantile(runq, 0.999);
	ts_window_round(&window);
	runq = histogram_of(&window, TS_FAMILY_RUNQ_LATENCY);
	assert_int_equal(runq->scale, TS_WINDOW_ROUND_SCALE);
	assert_int_equal(runq->count, 100000);
	assert_true(fabs(ts_histogram_quantile(runq, 0.5) / median - 1) < 0.03);
	assert_true(fabs(ts_histogram_quantile(runq, 0.999) / tail - 1) < 0.03);
	block = histogram_of(&window, TS_FAMILY_BLOCK_LATENCY);
	assert_int_equal(block->scale, 3);
	assert_int_equal(block->count, 3);
	assert_int_equal(ts_window_counter(&window, TS_FAMILY_CONTEXT_SWITCHES, NULL), 12345);
	comes_back(&window);
	ts_window_free(&window);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(histograms_become_coarser_and_keep_their_totals),
	};

	return cmocka_run_group_tests_name("rounding of windows", tests, NULL, NULL);
}
