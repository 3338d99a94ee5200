// SPDX-License-Identifier: GPL-2.0-only
/* What an application has written further ahead than is sent, and when that says nothing of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../user/live/socket_limits.h"

/* 10 Mbit/s over 40 ms, seen a second apart: 437 KB wait, 350 ms of what is sent. */
static struct ts_socket_record sender(void)
{
	return (struct ts_socket_record){
		.progress = {.bytes_acked = 3250000, .busy = 2000},
		.smoothed_rtt_us = 45000,
		.minimum_rtt_us = 40000,
		.unsent = 437500,
		.segment_size = 1448,
		.congestion_window = 40,
	};
}

static double ahead(const struct ts_socket_record *record)
{
	const struct ts_socket_past past = {
		.met = true,
		.progress = {.bytes_acked = 2000000, .busy = 1000},
		.elapsed_ns = 1000000000,
	};

	return ts_socket_ahead(record, &past);
}

static void waits_for_the_congestion_window(void **state)
{
	struct ts_socket_record record = sender();

	assert_float_equal(ahead(&record), 0.35, 0.001);
	record.unsent = 57000; /* less than the window holds */
	assert_float_equal(ahead(&record), 0, 0);
	record = sender(), record.smoothed_rtt_us = 200000; /* it waits on the path */
	assert_float_equal(ahead(&record), 0, 0);
}

static void waits_for_the_other_side(void **state)
{
	struct ts_socket_record record = sender();

	record.progress.window_limited = 500;
	assert_float_equal(ahead(&record), 0.35, 0.001);
	record.progress.window_limited = 501; /* more than half of the time: a slow reader */
	assert_float_equal(ahead(&record), 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_for_the_congestion_window),
		cmocka_unit_test(waits_for_the_other_side),
	};

	return cmocka_run_group_tests_name("socket limits", tests, NULL, NULL);
}
