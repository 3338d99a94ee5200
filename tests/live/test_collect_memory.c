// SPDX-License-Identifier: GPL-2.0-only
/* What a long observation holds: thousands of snapshots and windows in fast forward. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../user/core/window.h"
#include "../../user/live/collect.h"
#include "own_descriptors.h"

#define ROUNDS	     4000
#define ROUNDS_FIRST 240 /* until buffers have the size they need */
/* What they may still gain, as disks and namespaces of others come: 128 bytes a snapshot. */
#define GROWTH_BYTES	(512 << 10)
#define SANITIZED_SHARE 20 /* memory is no measure there, and everything is slower */

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* Returns the last snapshot, which says what memory this process has. */
static struct ts_snapshot *observe(struct ts_collector *collector, struct ts_snapshot *last,
				   unsigned int rounds)
{
	for (unsigned int i = 0; i < rounds; i++) {
		struct ts_snapshot *snapshot;
		struct ts_window window;

		ts_collector_tick(collector);
		snapshot = ts_collector_snapshot(collector);
		assert_int_equal(ts_window_make(last, snapshot, &window), 0);
		ts_window_free(&window);
		ts_snapshot_free(last);
		last = snapshot;
	}
	return last;
}

static void memory_stays_flat(void **state)
{
	const struct ts_collect_options options = {0};
	const unsigned int divisor = SANITIZED ? SANITIZED_SHARE : 1;
	struct ts_collector *collector;
	struct ts_snapshot *last;
	size_t descriptors;
	long long resident;

	assert_int_equal(ts_collector_open(&options, &collector), 0);
	last = ts_collector_snapshot(collector);
	last = observe(collector, last, ROUNDS_FIRST / divisor);
	resident = (long long)last->cost.rss_bytes;
	descriptors = open_descriptors();

	last = observe(collector, last, ROUNDS / divisor);
	print_message("RSS after %d snapshots %lld kB, %+lld kB after %d more\n",
		      ROUNDS_FIRST / divisor, resident / 1024,
		      ((long long)last->cost.rss_bytes - resident) / 1024, ROUNDS / divisor);
	if (!SANITIZED)
		assert_true((long long)last->cost.rss_bytes - resident < GROWTH_BYTES);
	/* a namespace or a disk may have come meanwhile */
	assert_true(open_descriptors() < descriptors + 20);
	ts_snapshot_free(last);
	ts_collector_close(collector);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_stays_flat),
	};

	return cmocka_run_group_tests_name("memory of a collector", tests, NULL, NULL);
}
