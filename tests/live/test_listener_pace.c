// SPDX-License-Identifier: GPL-2.0-only
/* How often listeners are sampled, and that shares of the samples stay shares of the time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../user/live/collect.h"
#include "../../user/live/disk_accounts.h"
#include "../../user/live/listener_pace.h"

#define SECOND 1000000000ULL
#define TICK   (TS_TICK_MS * 1000000ULL)

static struct ts_listener_round cheap(void)
{
	return (struct ts_listener_round){.detailed_ns = 50000};
}

/* Ticks for so long; returns the samples counted, and how many were really taken. */
static __u64 pass(struct ts_listener_pace *pace, __u64 *now, __u64 length, bool eager, bool in_use,
		  __u64 *taken)
{
	struct ts_listener_round round = cheap();
	__u64 counted = 0, end = *now + length;

	for (*taken = 0; *now < end; *now += TICK) {
		if (pace->due_ns > *now)
			continue;
		counted += ts_listener_pace_samples(pace, *now);
		*taken += 1;
		if (in_use)
			pace->moved_ns = *now;
		pace->sampled_ns = *now;
		pace->cost_ns = round.detailed_ns;
		pace->listeners = true;
		ts_listener_pace_plan(pace, *now, eager, true, &round);
	}
	return counted;
}

static void test_calm_is_sampled_less_often(void **unused)
{
	__u64 now = 100 * SECOND, taken, counted, busy;
	struct ts_listener_pace pace = {.moved_ns = now};

	(void)unused;
	busy = pass(&pace, &now, 10 * SECOND, false, true, &taken);
	assert_int_equal(busy, 100);
	assert_int_equal(taken, 100);
	pass(&pace, &now, 5 * SECOND, false, false, &taken);
	counted = pass(&pace, &now, 12 * SECOND, false, false, &taken);
	assert_in_range(taken, 20, 60);
	/* What was left out counts: as many as in the same time of a busy queue. */
	assert_in_range(counted, 115, 125);
}

static void test_movement_ends_calm(void **unused)
{
	__u64 now = 100 * SECOND, taken;
	struct ts_listener_pace pace = {.moved_ns = now};

	(void)unused;
	pass(&pace, &now, 10 * SECOND, false, false, &taken);
	pass(&pace, &now, SECOND, false, true, &taken);
	assert_int_equal(pass(&pace, &now, SECOND, false, true, &taken), 10);
	assert_int_equal(taken, 10);
}

static void test_first_look_is_eager(void **unused)
{
	__u64 now = 100 * SECOND, taken;
	struct ts_listener_pace pace = {.moved_ns = now};

	(void)unused;
	assert_int_equal(pass(&pace, &now, 12 * SECOND, true, false, &taken), 120);
	assert_int_equal(taken, 120);
}

/* A sample may be dear: whether a queue drains takes many of them all the same. */
static void test_drops_are_looked_at_more_often(void **unused)
{
	const struct ts_listener_round dear = {.detailed_ns = 10000000};
	__u64 now = 100 * SECOND;
	struct ts_listener_pace pace = {.moved_ns = now, .listeners = true};

	(void)unused;
	ts_listener_pace_plan(&pace, now, true, true, &dear);
	assert_int_equal(pace.due_ns, now + SECOND);
	pace.dropped_ns = now;
	ts_listener_pace_plan(&pace, now, true, true, &dear);
	assert_int_equal(pace.due_ns, now + SECOND / 4);
	/* Not for good, and not while it is recorded for long. */
	ts_listener_pace_plan(&pace, now + 10 * SECOND, true, true, &dear);
	assert_int_equal(pace.due_ns, now + 11 * SECOND);
	pace.dropped_ns = now;
	ts_listener_pace_plan(&pace, now, false, true, &dear);
	assert_true(pace.due_ns >= now + SECOND);
}

static void test_milliseconds_wrap(void **unused)
{
	const __u64 last = ((1ULL << 32) - 10) * 1000000, now = 20 * 1000000ULL;

	(void)unused;
	assert_int_equal(ts_disk_ms_since(now, last), 30 * 1000000ULL);
	assert_int_equal(ts_disk_ms_since(last, now), ((1ULL << 32) - 30) * 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calm_is_sampled_less_often),
		cmocka_unit_test(test_movement_ends_calm),
		cmocka_unit_test(test_first_look_is_eager),
		cmocka_unit_test(test_drops_are_looked_at_more_often),
		cmocka_unit_test(test_milliseconds_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
