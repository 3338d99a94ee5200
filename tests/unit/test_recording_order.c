// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames of several sessions and boots, in any order, under a clock that is set: one axis of time,
 * what is missing on it, slices of it.
 */
#include "recording_sample.h"

static void missing_frames_and_time(void **state)
{
	struct ts_bytes bytes = {0};
	struct ts_recording *r;
	struct ts_window slice;
	struct sample s;

	sample_open(&s);
	sample_add_session(&s, 1, 6);
	for (size_t i = 0; i < s.frames; i++)
		if (i != 3 && i != 4) /* windows 3 and 4 */
			append_frame(&bytes, &s, i);
	r = sample_read(bytes.data, bytes.length);
	assert_windows(r, 1, 2, 5, 6);
	assert_int_equal(r->damages, 0);
	assert_int_equal(r->missing_frames, 2);
	assert_true(r->missing_seconds == 20);
	assert_int_equal(ts_recording_slice(r, 0, UINT64_MAX, &slice), 4);
	assert_true(slice.seconds == 40);
	assert_true(slice.missing_seconds == 20);
	assert_int_equal(ts_window_counter(&slice, TS_FAMILY_CONTEXT_SWITCHES, NULL), 14);
	ts_window_free(&slice);
	ts_recording_free(r);
	ts_bytes_free(&bytes);
	sample_close(&s);
}

/* A context that is repeated in the middle takes a number, and no time. */
static void a_lost_context_is_no_lost_time(void **state)
{
	struct ts_bytes bytes = {0};
	struct ts_recording *r;
	struct sample s;

	sample_open(&s);
	sample_add_context(&s);
	sample_add_window(&s, 1);
	sample_add_context(&s);
	sample_add_window(&s, 2);
	for (size_t i = 0; i < s.frames; i++)
		if (i != 2)
			append_frame(&bytes, &s, i);
	r = sample_read(bytes.data, bytes.length);
	assert_windows(r, 1, 2);
	assert_int_equal(r->missing_frames, 1);
	assert_true(r->missing_seconds == 0);
	assert_true(r->window[1].start_ns == r->window[0].end_ns);
	ts_recording_free(r);
	ts_bytes_free(&bytes);
	sample_close(&s);
}

/* The host slept in a window: it is longer on the axis than what was measured, and nothing is lost.
 */
static void suspended_in_a_window(void **state)
{
	struct ts_recording *r;
	struct ts_window slice;
	struct sample s;

	sample_open(&s);
	sample_add_context(&s);
	sample_add_window(&s, 1);
	s.boottime_ns += 3600 * SAMPLE_SECOND;
	s.realtime_ns += 3600 * SAMPLE_SECOND;
	sample_add_window(&s, 2);
	r = sample_read(s.bytes.data, s.bytes.length);
	assert_windows(r, 1, 2);
	assert_sound(r);
	assert_int_equal(r->clock_steps, 0);
	assert_true(r->window[1].start_ns == r->window[0].end_ns);
	assert_true(r->window[1].end_ns - r->window[1].start_ns == 3610 * SAMPLE_SECOND);
	assert_int_equal(ts_recording_slice(r, 0, UINT64_MAX, &slice), 2);
	assert_true(slice.seconds == 20 && slice.missing_seconds == 0);
	ts_window_free(&slice);
	ts_recording_free(r);
	sample_close(&s);
}

/* One recording behind the other, in the wrong order, and twice. */
static void joined_with_cat(void **state)
{
	struct ts_bytes bytes = {0};
	struct ts_recording *r;
	struct sample a, b;

	sample_open(&a);
	sample_add_session(&a, 1, 2);
	sample_open(&b);
	b.session = 7;
	b.boottime_ns = a.boottime_ns + 100 * SAMPLE_SECOND;
	b.realtime_ns = a.realtime_ns + 100 * SAMPLE_SECOND;
	sample_add_session(&b, 3, 4);
	ts_bytes_append(&bytes, b.bytes.data, b.bytes.length);
	ts_bytes_append(&bytes, a.bytes.data, a.bytes.length);
	ts_bytes_append(&bytes, b.bytes.data, b.bytes.length);
	r = sample_read(bytes.data, bytes.length);
	assert_windows(r, 1, 2, 3, 4);
	assert_int_equal(r->duplicates, 4);
	assert_int_equal(r->sessions, 2);
	assert_int_equal(r->open_sessions, 0);
	assert_int_equal(r->missing_frames, 0);
	/* Time when nobody recorded is missing from a slice, not from a session. */
	assert_true(r->missing_seconds == 0);
	ts_recording_free(r);
	ts_bytes_free(&bytes);
	sample_close(&a);
	sample_close(&b);
}

static void interleaved_sessions(void **state)
{
	struct ts_bytes bytes = {0};
	struct ts_recording *r;
	struct sample a, b;

	sample_open(&a);
	sample_add_session(&a, 1, 3);
	sample_open(&b);
	b.session = 7;
	b.boottime_ns += 5 * SAMPLE_SECOND;
	b.realtime_ns += 5 * SAMPLE_SECOND;
	sample_add_session(&b, 11, 13);
	for (size_t i = 0; i < a.frames; i++) {
		append_frame(&bytes, &a, i);
		append_frame(&bytes, &b, i);
	}
	r = sample_read(bytes.data, bytes.length);
	assert_windows(r, 1, 11, 2, 12, 3, 13);
	assert_sound(r);
	assert_int_equal(r->sessions, 2);
	ts_recording_free(r);
	ts_bytes_free(&bytes);
	sample_close(&a);
	sample_close(&b);
}

/* The clock is set in the middle: the axis is that of the end, without a fold or a gap. */
static void check_clock_steps(const __s64 *step, size_t steps, size_t counted)
{
	struct ts_recording *r;
	struct sample s;

	sample_open(&s);
	sample_add_context(&s);
	for (unsigned int number = 1; number <= 4; number++) {
		if (number - 1 < steps)
			s.realtime_ns += (__u64)step[number - 1];
		sample_add_window(&s, number);
	}
	r = sample_read(s.bytes.data, s.bytes.length);
	assert_windows(r, 1, 2, 3, 4);
	assert_sound(r);
	assert_int_equal(r->clock_steps, counted);
	assert_true(ts_recording_end(r) == s.realtime_ns);
	assert_true(ts_recording_start(r) == s.realtime_ns - 40 * SAMPLE_SECOND);
	for (size_t i = 1; i < r->windows; i++)
		assert_true(r->window[i].start_ns == r->window[i - 1].end_ns);
	ts_recording_free(r);
	sample_close(&s);
}

static void clock_steps(void **state)
{
	static const __s64 back[] = {0, -3600 * 1000000000LL};
	static const __s64 forth[] = {0, 0, 3600 * 1000000000LL};
	static const __s64 both[] = {0, -86400 * 1000000000LL, 86400 * 1000000000LL};
	static const __s64 slewed[] = {0, 900000000LL, -900000000LL};

	check_clock_steps(NULL, 0, 0);
	check_clock_steps(back, 2, 1);
	check_clock_steps(forth, 3, 1);
	check_clock_steps(both, 3, 2);
	check_clock_steps(slewed, 3, 0);
}

/* A host without a battery: each boot begins in 1970, then the time comes from the network. */
static void two_boots(void **state)
{
	struct ts_recording *r;
	struct ts_window window;
	struct sample s;

	sample_open(&s);
	sample_add_session(&s, 1, 2);
	s.session = 3;
	s.sequence = 0;
	s.boot_id = "boot-b";
	s.boottime_ns = 30 * SAMPLE_SECOND;
	s.realtime_ns = 30 * SAMPLE_SECOND;
	sample_add_session(&s, 3, 4);
	/* The same boot, another session, after the clock was set. */
	s.session = 2;
	s.sequence = 0;
	s.realtime_ns = SAMPLE_EPOCH + 1000 * SAMPLE_SECOND;
	sample_add_session(&s, 5, 6);
	r = sample_read(s.bytes.data, s.bytes.length);
	assert_windows(r, 1, 2, 3, 4, 5, 6);
	assert_sound(r);
	assert_int_equal(r->sessions, 3);
	assert_int_equal(r->clock_steps, 1);
	assert_true(r->window[2].start_ns == SAMPLE_EPOCH + 980 * SAMPLE_SECOND);
	assert_true(ts_recording_end(r) == SAMPLE_EPOCH + 1020 * SAMPLE_SECOND);
	assert_int_equal(ts_recording_window(r, 1, &window), 0);
	assert_string_equal(window.delta->host.boot_id, "boot-a");
	ts_window_free(&window);
	assert_int_equal(ts_recording_window(r, 2, &window), 0);
	assert_string_equal(window.delta->host.boot_id, "boot-b");
	ts_window_free(&window);
	ts_recording_free(r);
	sample_close(&s);
}

/* Each window has the settings of its own time, wherever the context stands. */
static void settings_change(void **state)
{
	static const size_t order[] = {5, 1, 3, 0, 4, 2};
	struct ts_bytes bytes = {0};
	struct ts_recording *r;
	struct sample s;

	sample_open(&s);
	sample_add_context(&s);
	sample_add_window(&s, 1);
	s.somaxconn = "4096";
	sample_add_context(&s);
	sample_add_window(&s, 2);
	s.somaxconn = "128";
	sample_add_context(&s);
	sample_add_window(&s, 3);
	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
		append_frame(&bytes, &s, order[i]);
	r = sample_read(bytes.data, bytes.length);
	for (size_t i = 0; i < 3; i++) {
		struct ts_window window;

		assert_int_equal(ts_recording_window(r, i, &window), 0);
		assert_string_equal(
			ts_window_setting(&window, TS_SETTING_SOMAXCONN, "4026531840")->value,
			i == 1 ? "4096" : "128");
		ts_window_free(&window);
	}
	ts_recording_free(r);
	ts_bytes_free(&bytes);
	sample_close(&s);
}

static void slices(void **state)
{
	struct ts_recording *r;
	struct ts_window slice, direct = {0};
	struct sample s;
	__u64 start;

	sample_open(&s);
	sample_add_session(&s, 1, 6);
	r = sample_read(s.bytes.data, s.bytes.length);
	start = ts_recording_start(r);

	/* The middles lie at 5, 15, 25, … seconds. */
	assert_int_equal(ts_recording_slice(r, start + 6 * SAMPLE_SECOND,
					    start + 45 * SAMPLE_SECOND, &slice),
			 4);
	assert_int_equal(ts_window_counter(&slice, TS_FAMILY_CONTEXT_SWITCHES, NULL),
			 2 + 3 + 4 + 5);
	assert_int_equal(ts_window_histogram(&slice, TS_FAMILY_RUNQ_LATENCY, NULL)->count, 14);
	assert_true(ts_window_gauge(&slice, TS_FAMILY_TASKS, NULL, -1) == 5);
	assert_true(slice.seconds == 40 && slice.missing_seconds == 0);
	assert_true(slice.start_realtime_ns == start + 10 * SAMPLE_SECOND);
	assert_true(slice.delta->realtime_ns == start + 50 * SAMPLE_SECOND);
	assert_string_equal(slice.delta->host.hostname, "web1");
	ts_window_free(&slice);

	assert_int_equal(ts_recording_slice(r, start + 6 * SAMPLE_SECOND,
					    start + 14 * SAMPLE_SECOND, &slice),
			 0);
	assert_null(slice.delta);

	/* Windows put together one by one are the slice. */
	for (size_t i = 0; i < r->windows; i++)
		assert_int_equal(ts_recording_add(r, i, &direct), 0);
	assert_int_equal(ts_recording_slice(r, 0, UINT64_MAX, &slice), 6);
	assert_int_equal(ts_window_counter(&direct, TS_FAMILY_CONTEXT_SWITCHES, NULL), 21);
	assert_true(direct.seconds == slice.seconds &&
		    direct.start_realtime_ns == slice.start_realtime_ns &&
		    direct.delta->realtime_ns == slice.delta->realtime_ns);
	ts_window_free(&direct);
	ts_window_free(&slice);
	ts_recording_free(r);
	sample_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(missing_frames_and_time),
		cmocka_unit_test(a_lost_context_is_no_lost_time),
		cmocka_unit_test(suspended_in_a_window),
		cmocka_unit_test(joined_with_cat),
		cmocka_unit_test(interleaved_sessions),
		cmocka_unit_test(clock_steps),
		cmocka_unit_test(two_boots),
		cmocka_unit_test(settings_change),
		cmocka_unit_test(slices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
