// SPDX-License-Identifier: GPL-2.0-only
/*
 * Windows put together: cumulative snapshots are cut into windows and added again, and must give
 * what the difference of the first and the last one gives.
 */
#include "frame_windows.h"

#include <malloc.h>

/* ---- a host whose counters go on */

#define SERIES 12

struct host {
	uint64_t seed;
	__u64 now_ns;
	__u64 counter[SERIES];
	struct ts_histogram *histogram[SERIES]; /* cumulative, in arena */
	struct ts_arena *arena;
	__u64 runs, run_ns, cpu_ns, lost, overflowed;
};

static const char *const devices[SERIES] = {"sda", "sdb", "sdc", "sdd", "sde", "sdf",
					    "sdg", "sdh", "sdi", "sdj", "sdk", "sdl"};

static void host_open(struct host *host)
{
	*host = (struct host){.seed = 99, .now_ns = 1, .arena = ts_arena_new()};
	for (size_t i = 0; i < SERIES; i++)
		host->histogram[i] = ts_histogram_new(host->arena, 3, TS_UNIT_SECONDS);
}

static void host_goes_on(struct host *host)
{
	host->now_ns += 1000000000 + (reference_random(&host->seed) >> 40);
	host->runs += reference_random(&host->seed) >> 50;
	host->run_ns += reference_random(&host->seed) >> 40;
	host->cpu_ns += reference_random(&host->seed) >> 40;
	host->lost += reference_random(&host->seed) >> 62;
	host->overflowed += reference_random(&host->seed) >> 62;
	for (size_t i = 0; i < SERIES; i++) {
		host->counter[i] += reference_random_magnitude(&host->seed) >> 20;
		for (uint64_t n = reference_random(&host->seed) >> 58; n; n--)
			ts_histogram_add(host->histogram[i],
					 reference_random_magnitude(&host->seed) >> 28, n);
	}
}

/* Series from first on, so that they are new at different times. */
static struct ts_snapshot *host_snapshot(const struct host *host, size_t series)
{
	struct ts_snapshot *s = ts_snapshot_new();

	s->monotonic_ns = s->boottime_ns = host->now_ns;
	s->realtime_ns = 1700000000000000000ULL + host->now_ns;
	s->host.boot_id = "b";
	for (size_t i = 0; i < series; i++) {
		ts_snapshot_counter(s, TS_FAMILY_BLOCK_ERRORS, TS_LABELS(devices[i], "read"),
				    host->counter[i]);
		ts_histogram_merge(ts_snapshot_histogram(s, TS_FAMILY_BLOCK_LATENCY,
							 TS_LABELS(devices[i], "read"), 3),
				   host->histogram[i]);
	}
	ts_snapshot_probe(s, &(struct ts_probe_cost){.name = "on_switch",
						     .source = "sched",
						     .hook = "",
						     .why = "",
						     .run_count = host->runs,
						     .run_ns = host->run_ns});
	s->cost.user_cpu_ns = host->cpu_ns;
	s->cost.lost_events = host->lost;
	s->family[TS_FAMILY_BLOCK_LATENCY].overflowed = host->overflowed;
	return s;
}

static void same_series(const struct ts_window *sum, const struct ts_window *whole)
{
	for (size_t i = 0; i < SERIES; i++) {
		const char *const *labels = TS_LABELS(devices[i], "read");
		const struct ts_series *a =
			ts_snapshot_find(sum->delta, TS_FAMILY_BLOCK_LATENCY, labels);
		const struct ts_series *b =
			ts_snapshot_find(whole->delta, TS_FAMILY_BLOCK_LATENCY, labels);

		assert_true(ts_window_counter(sum, TS_FAMILY_BLOCK_ERRORS, labels) ==
			    ts_window_counter(whole, TS_FAMILY_BLOCK_ERRORS, labels));
		assert_non_null(a);
		assert_true(a->histogram->count == b->histogram->count);
		assert_true(a->histogram->sum == b->histogram->sum);
		assert_memory_equal(a->histogram->slot, b->histogram->slot,
				    TS_HISTOGRAM_SLOTS(3) * sizeof a->histogram->slot[0]);
		/* What the parts know of the maximum is never less than what the whole knows. */
		assert_true(a->histogram->max_is_bound || a->histogram->max == b->histogram->max);
		assert_true(a->histogram->max >= b->histogram->max || b->histogram->max_is_bound);
	}
}

static void the_sum_of_the_parts_is_the_whole(void **state)
{
	struct ts_window sum = {0}, whole, part;
	struct ts_snapshot *first, *before, *now;
	struct host host;

	host_open(&host);
	host_goes_on(&host);
	first = host_snapshot(&host, 6);
	before = host_snapshot(&host, 6);
	for (size_t i = 0; i < 40; i++) {
		host_goes_on(&host);
		/* The others come one by one. */
		now = host_snapshot(&host, i < 6 ? 6 + i : SERIES);
		assert_int_equal(ts_window_make(before, now, &part), 0);
		ts_window_add(&sum, &part);
		ts_window_free(&part);
		ts_snapshot_free(before);
		before = now;
	}
	assert_int_equal(ts_window_make(first, before, &whole), 0);
	assert_true(fabs(sum.seconds - whole.seconds) < 1e-6);
	assert_true(sum.missing_seconds == 0);
	assert_true(sum.start_realtime_ns == whole.start_realtime_ns);
	assert_true(sum.delta->realtime_ns == whole.delta->realtime_ns);
	assert_true(sum.delta->monotonic_ns == whole.delta->monotonic_ns);
	assert_int_equal(sum.delta->family[TS_FAMILY_BLOCK_LATENCY].count, SERIES);
	same_series(&sum, &whole);
	assert_true(sum.delta->family[TS_FAMILY_BLOCK_LATENCY].overflowed ==
		    whole.delta->family[TS_FAMILY_BLOCK_LATENCY].overflowed);
	assert_true(sum.delta->cost.probe[0].run_count == whole.delta->cost.probe[0].run_count);
	assert_true(sum.delta->cost.probe[0].run_ns == whole.delta->cost.probe[0].run_ns);
	assert_true(sum.delta->cost.user_cpu_ns == whole.delta->cost.user_cpu_ns);
	assert_true(sum.delta->cost.lost_events == whole.delta->cost.lost_events);
	ts_window_free(&sum);
	ts_window_free(&whole);
	ts_snapshot_free(first);
	ts_snapshot_free(before);
	ts_arena_free(host.arena);
}

/* ---- single things */

static void added(struct ts_window *sum, struct ts_window *a, struct ts_window *b)
{
	*sum = (struct ts_window){0};
	ts_window_add(sum, a);
	ts_window_add(sum, b);
	ts_window_free(a);
	ts_window_free(b);
}

static void a_window_added_to_nothing_is_itself(void **state)
{
	uint64_t seed = 5;

	for (int i = 0; i < 50; i++) {
		struct ts_window window = random_window(&seed), sum = {0};

		/* Sufferers are sorted, programs of one name are one, no maximum is no bound. */
		window.delta->sufferers = 0;
		window.delta->cost.probes = 0;
		ts_for_each_family (id)
			if (ts_families[id].kind == TS_KIND_HISTOGRAM)
				ts_for_each_series (s, &window, id)
					s->histogram->max_is_bound &= s->histogram->max != 0;
		ts_window_add(&sum, &window);
		same_windows(&sum, &window);
		ts_window_free(&window);
		ts_window_free(&sum);
	}
}

static void of_gauges_the_later_stays_and_of_peaks_the_larger(void **state)
{
	struct ts_window a = empty_window(), b = empty_window(), sum;

	ts_snapshot_gauge(a.delta, TS_FAMILY_TCP_ACCEPT_QUEUE, TS_LABELS("1", "80"), 9);
	ts_snapshot_gauge(a.delta, TS_FAMILY_TCP_ACCEPT_QUEUE, TS_LABELS("1", "81"), 5);
	ts_snapshot_gauge(b.delta, TS_FAMILY_TCP_ACCEPT_QUEUE, TS_LABELS("1", "80"), 3);
	ts_snapshot_gauge(b.delta, TS_FAMILY_TCP_ACCEPT_QUEUE, TS_LABELS("1", "82"), 7);
	ts_snapshot_gauge(a.delta, TS_FAMILY_TCP_ACCEPT_QUEUE_PEAK, TS_LABELS("1", "80"), 9);
	ts_snapshot_gauge(a.delta, TS_FAMILY_TCP_ACCEPT_QUEUE_PEAK, TS_LABELS("1", "81"), -5);
	ts_snapshot_gauge(b.delta, TS_FAMILY_TCP_ACCEPT_QUEUE_PEAK, TS_LABELS("1", "80"), 3);
	ts_snapshot_gauge(b.delta, TS_FAMILY_TCP_ACCEPT_QUEUE_PEAK, TS_LABELS("1", "81"), -2);
	ts_snapshot_gauge(b.delta, TS_FAMILY_TCP_ACCEPT_QUEUE_PEAK, TS_LABELS("1", "82"), -7);
	added(&sum, &a, &b);
	assert_true(ts_window_gauge(&sum, TS_FAMILY_TCP_ACCEPT_QUEUE, TS_LABELS("1", "80"), -1) ==
		    3);
	/* A listener that is gone. */
	assert_true(ts_window_gauge(&sum, TS_FAMILY_TCP_ACCEPT_QUEUE, TS_LABELS("1", "81"), -1) ==
		    5);
	assert_true(ts_window_gauge(&sum, TS_FAMILY_TCP_ACCEPT_QUEUE, TS_LABELS("1", "82"), -1) ==
		    7);
	assert_true(ts_window_gauge(&sum, TS_FAMILY_TCP_ACCEPT_QUEUE_PEAK, TS_LABELS("1", "80"),
				    -1) == 9);
	assert_true(ts_window_gauge(&sum, TS_FAMILY_TCP_ACCEPT_QUEUE_PEAK, TS_LABELS("1", "81"),
				    -1) == -2);
	assert_true(ts_window_gauge(&sum, TS_FAMILY_TCP_ACCEPT_QUEUE_PEAK, TS_LABELS("1", "82"),
				    -1) == -7);
	ts_window_free(&sum);
}

static void series_in_another_order_are_found(void **state)
{
	struct ts_window a = empty_window(), b = empty_window(), sum;

	ts_snapshot_counter(a.delta, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("x"), 1);
	ts_snapshot_counter(a.delta, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("y"), 10);
	ts_snapshot_counter(a.delta, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("z"), 100);
	ts_snapshot_counter(b.delta, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("z"), 200);
	ts_snapshot_counter(b.delta, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("new"), 1000);
	ts_snapshot_counter(b.delta, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("x"), 2);
	added(&sum, &a, &b);
	assert_int_equal(sum.delta->family[TS_FAMILY_CONTEXT_SWITCHES].count, 4);
	assert_int_equal(ts_window_counter(&sum, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("x")), 3);
	assert_int_equal(ts_window_counter(&sum, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("y")), 10);
	assert_int_equal(ts_window_counter(&sum, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("z")), 300);
	assert_int_equal(ts_window_counter(&sum, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("new")),
			 1000);
	ts_window_free(&sum);
}

static void histograms_of_different_scales_meet_at_the_coarser(void **state)
{
	for (unsigned int finer_first = 0; finer_first < 2; finer_first++) {
		struct ts_window a = empty_window(), b = empty_window(), sum;
		const struct ts_histogram *h;

		ts_histogram_add(ts_snapshot_histogram(a.delta, TS_FAMILY_RUNQ_LATENCY, NULL,
						       finer_first ? 4 : 2),
				 1000, 3);
		ts_histogram_add(ts_snapshot_histogram(b.delta, TS_FAMILY_RUNQ_LATENCY, NULL,
						       finer_first ? 2 : 4),
				 9000, 4);
		added(&sum, &a, &b);
		h = sum.delta->family[TS_FAMILY_RUNQ_LATENCY].series[0].histogram;
		assert_int_equal(h->scale, 2);
		assert_int_equal(h->count, 7);
		assert_int_equal(h->sum, 39000);
		assert_int_equal(h->max, 9000);
		assert_int_equal(h->slot[ts_histogram_slot(2, TS_UNIT_SECONDS, 1000)], 3);
		ts_window_free(&sum);
	}
}

static struct ts_window with_status(enum ts_status status, const char *why, __u64 value)
{
	struct ts_window window = empty_window();

	if (value)
		ts_snapshot_counter(window.delta, TS_FAMILY_PRESSURE, TS_LABELS("cpu", "some"),
				    value);
	ts_snapshot_family_status(window.delta, TS_FAMILY_PRESSURE, status, why);
	return window;
}

static void statuses_say_what_is_missing(void **state)
{
	static const char *const part = "not measured in a part of this window: torn";
	static const struct {
		enum ts_status a;
		const char *why_a;
		enum ts_status b;
		const char *why_b;
		enum ts_status expected;
		const char *why;
	} cases[] = {
		{TS_STATUS_OK, "", TS_STATUS_OK, "", TS_STATUS_OK, ""},
		{TS_STATUS_OK, "", TS_STATUS_NO_DATA, "quiet", TS_STATUS_OK, ""},
		{TS_STATUS_NO_DATA, "quiet", TS_STATUS_OK, "", TS_STATUS_OK, ""},
		{TS_STATUS_NO_DATA, "quiet", TS_STATUS_NO_DATA, "still", TS_STATUS_NO_DATA,
		 "still"},
		{TS_STATUS_OK, "", TS_STATUS_FAILED, "torn", TS_STATUS_OK, part},
		{TS_STATUS_FAILED, "torn", TS_STATUS_OK, "", TS_STATUS_OK, part},
		{TS_STATUS_FAILED, "torn", TS_STATUS_NO_DATA, "quiet", TS_STATUS_NO_DATA, part},
		{TS_STATUS_OK, part, TS_STATUS_OK, "", TS_STATUS_OK, part},
		{TS_STATUS_OK, "", TS_STATUS_OK, part, TS_STATUS_OK, part},
		{TS_STATUS_NO_DATA, part, TS_STATUS_OK, "", TS_STATUS_OK, part},
		{TS_STATUS_OK, part, TS_STATUS_FAILED, "torn", TS_STATUS_OK, part},
		{TS_STATUS_FAILED, "torn", TS_STATUS_DISABLED, "off", TS_STATUS_DISABLED, "off"},
		{TS_STATUS_UNSUPPORTED, "no", TS_STATUS_UNSUPPORTED, "no", TS_STATUS_UNSUPPORTED,
		 "no"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ts_window a =
			with_status(cases[i].a, cases[i].why_a, cases[i].a == TS_STATUS_OK ? 3 : 0);
		struct ts_window b =
			with_status(cases[i].b, cases[i].why_b, cases[i].b == TS_STATUS_OK ? 4 : 0);
		__u64 value =
			(cases[i].a == TS_STATUS_OK ? 3 : 0) + (cases[i].b == TS_STATUS_OK ? 4 : 0);
		struct ts_window sum;

		added(&sum, &a, &b);
		assert_int_equal(ts_window_status(&sum, TS_FAMILY_PRESSURE), cases[i].expected);
		assert_string_equal(ts_window_why(&sum, TS_FAMILY_PRESSURE), cases[i].why);
		assert_int_equal(ts_window_counter(&sum, TS_FAMILY_PRESSURE, NULL), value);
		ts_window_free(&sum);
	}
}

static void suffer(struct ts_window *window, enum ts_family_id family, int pid, const char *comm,
		   double value)
{
	ts_snapshot_sufferer(window->delta, &(struct ts_sufferer){.family = family,
								  .pid = pid,
								  .comm = comm,
								  .cgroup = "/a",
								  .value = value});
}

static void sufferers_add_up_and_stay_worst_first(void **state)
{
	struct ts_window a = empty_window(), b = empty_window(), sum;
	const struct ts_sufferer *s;

	suffer(&a, TS_FAMILY_RUNQ_LATENCY, 1, "x", 5);
	suffer(&a, TS_FAMILY_RUNQ_LATENCY, 2, "y", 4);
	suffer(&a, TS_FAMILY_TCP_LISTENER_DROPS, 1, "x", 1);
	suffer(&b, TS_FAMILY_RUNQ_LATENCY, 3, "z", 6);
	suffer(&b, TS_FAMILY_RUNQ_LATENCY, 2, "y", 3);
	suffer(&b, TS_FAMILY_RUNQ_LATENCY, 1, "renamed", 1);
	added(&sum, &a, &b);
	assert_int_equal(sum.delta->sufferers, 5);
	s = sum.delta->sufferer;
	assert_string_equal(s[0].comm, "y");
	assert_true(s[0].value == 7);
	assert_string_equal(s[1].comm, "z");
	assert_string_equal(s[2].comm, "x");
	assert_true(s[2].value == 5);
	assert_string_equal(s[3].comm, "renamed");
	assert_int_equal(s[4].family, TS_FAMILY_TCP_LISTENER_DROPS);
	ts_window_free(&sum);
}

static void at_most_32_sufferers_a_family_are_kept(void **state)
{
	struct ts_window sum = {0};

	for (int i = 0; i < 100; i++) {
		struct ts_window window = empty_window();

		for (int k = 0; k < 20; k++)
			suffer(&window, k % 2 ? TS_FAMILY_RUNQ_LATENCY : TS_FAMILY_BLOCK_LATENCY,
			       i * 20 + k, "x", i);
		suffer(&window, TS_FAMILY_RUNQ_LATENCY, 1000000, "steady", 1000);
		ts_window_add(&sum, &window);
		ts_window_free(&window);
	}
	assert_int_equal(sum.delta->sufferers, 64);
	assert_string_equal(sum.delta->sufferer[0].comm, "steady");
	assert_true(sum.delta->sufferer[0].value == 100000);
	assert_true(sum.delta->sufferer[1].value == 99);
	ts_window_free(&sum);
}

static void costs_and_context_follow_their_rules(void **state)
{
	struct ts_window a = empty_window(), b = empty_window(), c = empty_window(), sum;

	a.missing_seconds = 1;
	b.missing_seconds = 2;
	a.delta->cost = (struct ts_cost){.map_bytes = 10,
					 .user_cpu_ns = 1,
					 .rss_bytes = 100,
					 .peak_rss_bytes = 500,
					 .lost_events = 7,
					 .snapshot_ns = 30,
					 .stats_enabled = true,
					 .stats_ns = 4};
	b.delta->cost = (struct ts_cost){.map_bytes = 20,
					 .user_cpu_ns = 2,
					 .rss_bytes = 90,
					 .peak_rss_bytes = 400,
					 .lost_events = 8,
					 .snapshot_ns = 20,
					 .stats_ns = 5};
	a.delta->host.hostname = "old";
	b.delta->host.hostname = "new";
	b.delta->host.boot_id = "b";
	ts_snapshot_setting(a.delta, TS_SETTING_SOMAXCONN, "1", TS_STATUS_OK, "128", "", "");
	ts_snapshot_setting(a.delta, TS_SETTING_SOMAXCONN, "2", TS_STATUS_OK, "128", "", "");
	ts_snapshot_setting(b.delta, TS_SETTING_SOMAXCONN, "1", TS_STATUS_OK, "4096", "", "");
	ts_snapshot_netns(a.delta, &(struct ts_netns){"1", "a", 3, "init", true});
	ts_snapshot_netns(a.delta, &(struct ts_netns){"2", "b", 4, "init", false});
	ts_snapshot_netns(b.delta, &(struct ts_netns){"1", "c", 5, "init", true});
	added(&sum, &a, &b);
	assert_true(sum.missing_seconds == 3);
	assert_int_equal(sum.delta->cost.map_bytes, 20);
	assert_int_equal(sum.delta->cost.user_cpu_ns, 3);
	assert_int_equal(sum.delta->cost.rss_bytes, 90);
	assert_int_equal(sum.delta->cost.peak_rss_bytes, 500);
	assert_int_equal(sum.delta->cost.lost_events, 15);
	assert_int_equal(sum.delta->cost.snapshot_ns, 20);
	assert_true(sum.delta->cost.stats_enabled);
	assert_int_equal(sum.delta->cost.stats_ns, 9);
	assert_int_equal(sum.delta->settings, 1);
	assert_string_equal(sum.delta->setting[0].value, "4096");
	assert_string_equal(sum.delta->setting[0].before, "128");
	assert_int_equal(sum.delta->netns_count, 1);
	assert_string_equal(sum.delta->netns[0].name, "c");
	assert_string_equal(sum.delta->host.hostname, "new");
	/* Without its context a window leaves that alone. */
	ts_window_add(&sum, &c);
	assert_string_equal(sum.delta->host.hostname, "new");
	assert_int_equal(sum.delta->settings, 1);
	/* It stays the one that was changed, whatever comes after. */
	ts_snapshot_setting(c.delta, TS_SETTING_SOMAXCONN, "1", TS_STATUS_OK, "4096", "", "");
	ts_window_add(&sum, &c);
	assert_string_equal(sum.delta->setting[0].before, "128");
	ts_window_free(&c);
	ts_window_free(&sum);
}

/* Frames of a length that is a little off: as many as make up the length asked for. */
static unsigned int frames_of(double each, double seconds)
{
	struct ts_window window = {0};
	unsigned int frames = 0;

	do {
		window.seconds += each;
		frames++;
	} while (!ts_window_reached(&window, seconds, each));
	return frames;
}

static void a_length_is_reached_within_half_a_window(void **state)
{
	assert_int_equal(frames_of(9.9, 10), 1);
	assert_int_equal(frames_of(10.1, 10), 1);
	assert_int_equal(frames_of(9.98, 600), 60);
	assert_int_equal(frames_of(10.02, 600), 60);
	assert_int_equal(frames_of(0.999, 10), 10);
	assert_int_equal(frames_of(1.001, 10), 10);
	assert_int_equal(frames_of(0.1, 3600), 36000);
	assert_int_equal(frames_of(3, 10), 3);
	assert_int_equal(frames_of(60, 10), 1);
}

/* ---- a day */

static struct ts_window busy_window(uint64_t *seed)
{
	struct ts_window window = empty_window();
	struct ts_snapshot *delta = window.delta;

	ts_for_each_family (id) {
		if (ts_families[id].kind == TS_KIND_HISTOGRAM)
			for (int i = 0; i < 2; i++)
				ts_histogram_add(ts_snapshot_histogram(
							 delta, id,
							 TS_LABELS(devices[i], "read", "80", ""),
							 3),
						 reference_random(seed) >> 40, 5);
		if (ts_families[id].kind == TS_KIND_COUNTER)
			for (int i = 0; i < 50; i++)
				ts_snapshot_counter(
					delta, id,
					TS_LABELS(ts_arena_printf(delta->arena, "%d", i), "read",
						  "80", ""),
					reference_random(seed) >> 40);
	}
	for (int i = 0; i < 10; i++)
		suffer(&window, TS_FAMILY_RUNQ_LATENCY, (int)(reference_random(seed) >> 48), "x",
		       1);
	ts_snapshot_setting(delta, TS_SETTING_SOMAXCONN, "1", TS_STATUS_OK, "128", "", "");
	return window;
}

/* Bytes in use; the address sanitizer has an allocator of its own. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t allocated(void)
{
	if (__sanitizer_get_current_allocated_bytes)
		return __sanitizer_get_current_allocated_bytes();
	return mallinfo2().uordblks + mallinfo2().hblkhd;
}

/* Memory that is in use stays the same however many windows are added. */
static void a_day_of_windows_takes_no_more_memory_than_one(void **state)
{
	struct ts_window sum = {0}, windows[4];
	uint64_t seed = 3;
	size_t before = 0, after;

	for (int i = 0; i < 4; i++)
		windows[i] = busy_window(&seed);
	for (int i = 0; i < 8640; i++) {
		ts_window_add(&sum, &windows[i % 4]);
		if (i == 10)
			before = allocated();
	}
	after = allocated();
	assert_true(sum.delta->family[TS_FAMILY_BLOCK_ERRORS].count == 50);
	assert_true(before > 0);
	assert_true(after == before);
	for (int i = 0; i < 4; i++)
		ts_window_free(&windows[i]);
	ts_window_free(&sum);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sum_of_the_parts_is_the_whole),
		cmocka_unit_test(a_window_added_to_nothing_is_itself),
		cmocka_unit_test(of_gauges_the_later_stays_and_of_peaks_the_larger),
		cmocka_unit_test(series_in_another_order_are_found),
		cmocka_unit_test(histograms_of_different_scales_meet_at_the_coarser),
		cmocka_unit_test(statuses_say_what_is_missing),
		cmocka_unit_test(sufferers_add_up_and_stay_worst_first),
		cmocka_unit_test(at_most_32_sufferers_a_family_are_kept),
		cmocka_unit_test(costs_and_context_follow_their_rules),
		cmocka_unit_test(a_length_is_reached_within_half_a_window),
		cmocka_unit_test(a_day_of_windows_takes_no_more_memory_than_one),
	};

	return cmocka_run_group_tests_name("windows put together", tests, NULL, NULL);
}
