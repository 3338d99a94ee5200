// SPDX-License-Identifier: GPL-2.0-only
/* Snapshots and the windows between them: what is subtracted, what is carried over, what is
 * missing. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../../user/core/arena.h"
#include "../../user/core/window.h"

static struct ts_snapshot *snapshot_at(double seconds)
{
	struct ts_snapshot *snapshot = ts_snapshot_new();

	snapshot->monotonic_ns = (__u64)(seconds * 1e9);
	snapshot->host.boot_id = "boot-1";
	return snapshot;
}

static void make(struct ts_window *window, struct ts_snapshot *earlier, struct ts_snapshot *later)
{
	assert_int_equal(ts_window_make(earlier, later, window), 0);
	ts_snapshot_free(earlier);
	ts_snapshot_free(later);
}

static void counters_are_subtracted_by_label(void **state)
{
	struct ts_snapshot *a = snapshot_at(100), *b = snapshot_at(110);
	struct ts_window w;

	ts_snapshot_counter(a, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("voluntary"), 1000);
	ts_snapshot_counter(a, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("involuntary"), 5);
	/* The order changes, one series is new. */
	ts_snapshot_counter(b, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("involuntary"), 8);
	ts_snapshot_counter(b, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("voluntary"), 1100);
	ts_snapshot_counter(b, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("other"), 7);
	make(&w, a, b);

	assert_true(w.seconds == 10.0);
	assert_int_equal(ts_window_counter(&w, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("voluntary")),
			 100);
	assert_int_equal(
		ts_window_counter(&w, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("involuntary")), 3);
	assert_int_equal(ts_window_counter(&w, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("other")), 7);
	assert_int_equal(ts_window_counter(&w, TS_FAMILY_CONTEXT_SWITCHES, NULL), 110);
	assert_int_equal(ts_window_counter(&w, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("none")), 0);
	ts_window_free(&w);
}

static void a_counter_that_started_anew_counts_from_zero(void **state)
{
	struct ts_snapshot *a = snapshot_at(1), *b = snapshot_at(2);
	struct ts_window w;

	ts_snapshot_counter(a, TS_FAMILY_TASK_MIGRATIONS, NULL, 500);
	ts_snapshot_counter(b, TS_FAMILY_TASK_MIGRATIONS, NULL, 20);
	make(&w, a, b);
	assert_int_equal(ts_window_counter(&w, TS_FAMILY_TASK_MIGRATIONS, NULL), 20);
	ts_window_free(&w);
}

static void what_was_not_measured_has_a_reason_and_no_value(void **state)
{
	struct ts_snapshot *a = snapshot_at(1), *b = snapshot_at(2);
	struct ts_window w;

	/* Measured only at the beginning, and only at the end. */
	ts_snapshot_counter(a, TS_FAMILY_PRESSURE, TS_LABELS("cpu", "some"), 5);
	ts_snapshot_source_status(b, TS_SOURCE_PRESSURE, TS_STATUS_DISABLED, "psi=0");
	ts_snapshot_source_status(a, TS_SOURCE_FILES, TS_STATUS_FAILED, "torn");
	ts_snapshot_gauge(b, TS_FAMILY_FILE_HANDLES, TS_LABELS("allocated"), 3);
	make(&w, a, b);

	assert_int_equal(ts_window_status(&w, TS_FAMILY_PRESSURE), TS_STATUS_DISABLED);
	assert_string_equal(ts_window_why(&w, TS_FAMILY_PRESSURE), "psi=0");
	assert_int_equal(w.delta->family[TS_FAMILY_PRESSURE].count, 0);
	assert_int_equal(ts_window_status(&w, TS_FAMILY_FILE_HANDLES), TS_STATUS_FAILED);
	assert_string_equal(ts_window_why(&w, TS_FAMILY_FILE_HANDLES), "torn");
	assert_int_equal(w.delta->family[TS_FAMILY_FILE_HANDLES].count, 0);
	/* Never visited at all. */
	assert_int_equal(ts_window_status(&w, TS_FAMILY_SOFTNET), TS_STATUS_NO_DATA);
	assert_true(ts_window_gauge(&w, TS_FAMILY_FILE_HANDLES, NULL, -1) == -1);
	assert_null(ts_window_histogram(&w, TS_FAMILY_RUNQ_LATENCY, NULL));
	ts_window_free(&w);
}

static void gauges_are_the_later_ones(void **state)
{
	struct ts_snapshot *a = snapshot_at(1), *b = snapshot_at(2);
	struct ts_window w;

	ts_snapshot_gauge(a, TS_FAMILY_TCP_ACCEPT_QUEUE, TS_LABELS("1", "80"), 99);
	ts_snapshot_gauge(b, TS_FAMILY_TCP_ACCEPT_QUEUE, TS_LABELS("1", "80"), 4);
	ts_snapshot_gauge(b, TS_FAMILY_TCP_ACCEPT_QUEUE, TS_LABELS("2", "80"), 6);
	make(&w, a, b);
	assert_true(ts_window_gauge(&w, TS_FAMILY_TCP_ACCEPT_QUEUE, TS_LABELS("1"), -1) == 4);
	assert_true(ts_window_gauge(&w, TS_FAMILY_TCP_ACCEPT_QUEUE, TS_LABELS(NULL, "80"), -1) ==
		    6);
	ts_window_free(&w);
}

static void histograms_are_subtracted_and_merged(void **state)
{
	struct ts_snapshot *a = snapshot_at(1), *b = snapshot_at(2);
	struct ts_histogram *h;
	struct ts_window w;

	h = ts_snapshot_histogram(a, TS_FAMILY_BLOCK_LATENCY, TS_LABELS("sda", "read"), 3);
	ts_histogram_add(h, 1000, 10);
	h = ts_snapshot_histogram(b, TS_FAMILY_BLOCK_LATENCY, TS_LABELS("sda", "read"), 3);
	ts_histogram_add(h, 1000, 10);
	ts_histogram_add(h, 2000000, 5);
	h = ts_snapshot_histogram(b, TS_FAMILY_BLOCK_LATENCY, TS_LABELS("sda", "write"), 3);
	ts_histogram_add(h, 7000000, 2);
	make(&w, a, b);

	h = ts_window_histogram(&w, TS_FAMILY_BLOCK_LATENCY, TS_LABELS("sda", "read"));
	assert_int_equal(h->count, 5);
	assert_int_equal(h->sum, 10000000);
	h = ts_window_histogram(&w, TS_FAMILY_BLOCK_LATENCY, NULL);
	assert_int_equal(h->count, 7);
	assert_int_equal(h->sum, 24000000);
	assert_int_equal(h->max, 7000000);
	ts_window_free(&w);
}

static void costs_and_overflow_are_differences(void **state)
{
	struct ts_snapshot *a = snapshot_at(1), *b = snapshot_at(2);
	struct ts_probe_cost probe = {.name = "on_switch", .source = "sched", .why = ""};
	struct ts_window w;

	probe.run_count = 100;
	probe.run_ns = 7000;
	ts_snapshot_probe(a, &probe);
	probe.run_count = 300;
	probe.run_ns = 19000;
	ts_snapshot_probe(b, &probe);
	a->cost.lost_events = 2;
	b->cost.lost_events = 9;
	a->family[TS_FAMILY_TCP_RETRANSMITS].overflowed = 1;
	b->family[TS_FAMILY_TCP_RETRANSMITS].overflowed = 4;
	make(&w, a, b);
	assert_int_equal(w.delta->cost.probe[0].run_count, 200);
	assert_int_equal(w.delta->cost.probe[0].run_ns, 12000);
	assert_int_equal(w.delta->cost.lost_events, 7);
	assert_int_equal(w.delta->family[TS_FAMILY_TCP_RETRANSMITS].overflowed, 3);
	ts_window_free(&w);
}

static void settings_are_read_by_scope_and_position(void **state)
{
	struct ts_snapshot *a = snapshot_at(1), *b = snapshot_at(2);
	struct ts_window w;

	ts_snapshot_setting(b, TS_SETTING_TCP_RMEM, "4026531840", TS_STATUS_OK,
			    "4096 131072 6291456", "", "");
	ts_snapshot_setting(b, TS_SETTING_TCP_RMEM, "4026532211", TS_STATUS_FAILED, "", "",
			    "Permission denied");
	ts_snapshot_setting(b, TS_SETTING_BLOCK_SCHEDULER, "sda", TS_STATUS_OK, "none",
			    "none mq-deadline", "");
	make(&w, a, b);
	assert_true(ts_window_setting_number(&w, TS_SETTING_TCP_RMEM, "4026531840", 2, -1) ==
		    6291456);
	assert_true(ts_window_setting_number(&w, TS_SETTING_TCP_RMEM, "4026531840", 3, -1) == -1);
	assert_true(ts_window_setting_number(&w, TS_SETTING_TCP_RMEM, "4026532211", 0, -1) == -1);
	assert_true(ts_window_setting_number(&w, TS_SETTING_TCP_RMEM, "", 0, -1) == -1);
	assert_string_equal(ts_window_setting(&w, TS_SETTING_BLOCK_SCHEDULER, "sda")->value,
			    "none");
	assert_null(ts_window_setting(&w, TS_SETTING_SOMAXCONN, ""));
	ts_window_free(&w);
}

static void sufferers_are_found_by_family_and_label(void **state)
{
	struct ts_snapshot *a = snapshot_at(1), *b = snapshot_at(2);
	struct ts_sufferer nginx = {.family = TS_FAMILY_TCP_LISTENER_DROPS,
				    .label = {"1", "80"},
				    .pid = 7,
				    .comm = "nginx",
				    .value = 3};
	const struct ts_sufferer *found;
	struct ts_window w;

	ts_snapshot_sufferer(b, &nginx);
	make(&w, a, b);
	found = ts_window_sufferer(&w, TS_FAMILY_TCP_LISTENER_DROPS, TS_LABELS("1", "80"));
	assert_non_null(found);
	assert_string_equal(found->comm, "nginx");
	assert_string_equal(found->cgroup, "");
	assert_null(ts_window_sufferer(&w, TS_FAMILY_TCP_LISTENER_DROPS, TS_LABELS("1", "81")));
	assert_null(ts_window_sufferer(&w, TS_FAMILY_RUNQ_LATENCY, NULL));
	ts_window_free(&w);
}

static void snapshots_of_different_boots_or_in_the_wrong_order_are_refused(void **state)
{
	struct ts_snapshot *a = snapshot_at(1), *b = snapshot_at(2);
	struct ts_window w;

	assert_int_equal(ts_window_make(b, a, &w), -EINVAL);
	b->host.boot_id = "boot-2";
	assert_int_equal(ts_window_make(a, b, &w), -EINVAL);
	ts_snapshot_free(a);
	ts_snapshot_free(b);
}

static void the_family_table_is_complete_and_unambiguous(void **state)
{
	ts_for_each_family (id) {
		const struct ts_family *family = &ts_families[id];

		assert_non_null(family->name);
		assert_int_equal(ts_family_by_name(family->name), id);
		assert_true(strlen(family->meaning) > 10);
		for (size_t i = 0; i < TS_LABELS_MAX; i++)
			assert_true((family->label_key[i] != NULL) == (i < family->labels));
		if (family->kind == TS_KIND_HISTOGRAM)
			assert_true(family->unit == TS_UNIT_SECONDS ||
				    family->unit == TS_UNIT_BYTES);
	}
	assert_int_equal(ts_family_by_name("no_such_family"), -1);
	for (int id = 0; id < TS_SOURCE_COUNT; id++)
		assert_int_equal(ts_source_by_name(ts_source_names[id]), id);
}

static void arena_memory_is_aligned_zeroed_and_interned(void **state)
{
	struct ts_arena *arena = ts_arena_new();
	unsigned char *large;

	for (size_t size = 1; size < 100; size++)
		assert_int_equal((uintptr_t)ts_arena_alloc(arena, size) % _Alignof(max_align_t), 0);
	large = ts_arena_alloc(arena, 1 << 20);
	for (size_t i = 0; i < 1 << 20; i++)
		assert_int_equal(large[i], 0);
	assert_ptr_equal(ts_arena_intern(arena, "net"), ts_arena_intern(arena, "net"));
	assert_string_equal(ts_arena_intern(arena, NULL), "");
	assert_string_equal(ts_arena_printf(arena, "%d-%s", 7, "x"), "7-x");
	ts_arena_free(arena);
}

/* Namespaces come and go between the two, so that a setting stands in another place. */
static void what_was_changed_between_is_noted(void **state)
{
	static const struct {
		const char *scope, *before, *after, *noted;
	} cases[] = {
		{"1", "128", "4096", "128"}, {"2", "128", "128", ""},	   {"3", NULL, "128", ""},
		{"4", "128", NULL, ""},	     {"5", "4096", "128", "4096"},
	};
	struct ts_snapshot *a = snapshot_at(1), *b = snapshot_at(2);
	struct ts_window w;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (cases[i].before)
			ts_snapshot_setting(a, TS_SETTING_SOMAXCONN, cases[i].scope, TS_STATUS_OK,
					    cases[i].before, "", "");
		if (cases[i].after)
			ts_snapshot_setting(b, TS_SETTING_SOMAXCONN, cases[i].scope, TS_STATUS_OK,
					    cases[i].after, "", "");
	}
	ts_snapshot_setting(a, TS_SETTING_DIRTY_RATIO, "", TS_STATUS_FAILED, "", "", "denied");
	ts_snapshot_setting(b, TS_SETTING_DIRTY_RATIO, "", TS_STATUS_OK, "20", "", "");
	make(&w, a, b);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct ts_setting_value *value =
			ts_window_setting(&w, TS_SETTING_SOMAXCONN, cases[i].scope);

		assert_true(!value == !cases[i].after);
		if (value)
			assert_string_equal(value->before, cases[i].noted);
	}
	assert_string_equal(ts_window_setting(&w, TS_SETTING_DIRTY_RATIO, "")->before, "");
	ts_window_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters_are_subtracted_by_label),
		cmocka_unit_test(a_counter_that_started_anew_counts_from_zero),
		cmocka_unit_test(what_was_not_measured_has_a_reason_and_no_value),
		cmocka_unit_test(gauges_are_the_later_ones),
		cmocka_unit_test(histograms_are_subtracted_and_merged),
		cmocka_unit_test(costs_and_overflow_are_differences),
		cmocka_unit_test(settings_are_read_by_scope_and_position),
		cmocka_unit_test(what_was_changed_between_is_noted),
		cmocka_unit_test(sufferers_are_found_by_family_and_label),
		cmocka_unit_test(snapshots_of_different_boots_or_in_the_wrong_order_are_refused),
		cmocka_unit_test(the_family_table_is_complete_and_unambiguous),
		cmocka_unit_test(arena_memory_is_aligned_zeroed_and_interned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
