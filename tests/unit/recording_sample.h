/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Recordings made by hand: windows whose content says which one they are, as frames one after the
 * other, with the place of each known.
 */
#ifndef TUNESCOPE_TEST_RECORDING_SAMPLE_H
#define TUNESCOPE_TEST_RECORDING_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../user/core/arena.h"
#include "../../user/core/histogram.h"
#include "../../user/core/recording.h"

#define SAMPLE_FRAMES_MAX 64
#define SAMPLE_SECOND	  1000000000ULL
#define SAMPLE_EPOCH	  (1790000000ULL * SAMPLE_SECOND) /* 2026-09-21 */

struct sample_frame {
	size_t offset, length;
	enum ts_frame_type type;
	unsigned int number; /* of a window: what it counts */
};

/* What is written next; change it freely between calls. */
struct sample {
	struct ts_bytes bytes;
	struct sample_frame frame[SAMPLE_FRAMES_MAX];
	size_t frames;
	__u64 session;
	__u32 sequence;
	__u64 boottime_ns, realtime_ns; /* at the end of the last window */
	double seconds;			/* of a window */
	const char *boot_id;
	const char *hostname;
	const char *somaxconn;
};

static inline void sample_open(struct sample *s)
{
	*s = (struct sample){
		.session = 0x1122334455667788ULL,
		.boottime_ns = 5000 * SAMPLE_SECOND,
		.realtime_ns = SAMPLE_EPOCH,
		.seconds = 10,
		.boot_id = "boot-a",
		.hostname = "web1",
		.somaxconn = "128",
	};
}

static inline void sample_close(struct sample *s)
{
	ts_bytes_free(&s->bytes);
}

/* number is in every kind of series, so that a window is known by each of them. */
static inline struct ts_window sample_window(const struct sample *s, unsigned int number)
{
	struct ts_window window = {.seconds = s->seconds, .delta = ts_snapshot_new()};
	struct ts_snapshot *delta = window.delta;
	struct ts_histogram *h;

	delta->boottime_ns = s->boottime_ns;
	delta->monotonic_ns = s->boottime_ns;
	delta->realtime_ns = s->realtime_ns;
	window.start_realtime_ns = s->realtime_ns - (__u64)(s->seconds * 1e9);
	delta->host = (struct ts_host){
		.hostname = s->hostname,
		.kernel = "6.18.0",
		.machine = "x86_64",
		.boot_id = s->boot_id,
		.cpus = 2,
		.memory_bytes = 8ULL << 30,
		.tool_version = "0.1.0",
	};
	ts_for_each_family (id)
		ts_snapshot_family_status(delta, id, TS_STATUS_OK, "");
	ts_snapshot_source_status(delta, TS_SOURCE_PRESSURE, TS_STATUS_DISABLED, "psi=0 at boot");
	ts_snapshot_counter(delta, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("voluntary"), number);
	ts_snapshot_counter(delta, TS_FAMILY_CPU_TIME, TS_LABELS("0", "idle"),
			    number * SAMPLE_SECOND / 4);
	ts_snapshot_gauge(delta, TS_FAMILY_TASKS, TS_LABELS("running"), number);
	ts_snapshot_gauge(delta, TS_FAMILY_TCP_ACCEPT_QUEUE_PEAK, TS_LABELS("4026531840", "80"),
			  number);
	h = ts_snapshot_histogram(delta, TS_FAMILY_RUNQ_LATENCY, NULL, TS_HISTOGRAM_SCALE_GLOBAL);
	ts_histogram_add(h, 40000, number);
	ts_snapshot_netns(delta, &(struct ts_netns){"4026531840", "", 1, "init", true});
	ts_snapshot_setting(delta, TS_SETTING_SOMAXCONN, "4026531840", TS_STATUS_OK, s->somaxconn,
			    "", "");
	ts_snapshot_setting(delta, TS_SETTING_DIRTY_RATIO, "", TS_STATUS_OK, "20", "", "");
	return window;
}

static inline void sample_note(struct sample *s, size_t offset, enum ts_frame_type type,
			       unsigned int number)
{
	assert_true(s->frames < SAMPLE_FRAMES_MAX);
	s->frame[s->frames++] = (struct sample_frame){
		.offset = offset,
		.length = s->bytes.length - offset,
		.type = type,
		.number = number,
	};
}

static inline struct ts_frame_header sample_header(struct sample *s)
{
	return (struct ts_frame_header){.session = s->session, .sequence = s->sequence++};
}

static inline void sample_add_context(struct sample *s)
{
	struct ts_frame_header header = sample_header(s);
	struct ts_window window = sample_window(s, 0);
	size_t offset = s->bytes.length;

	ts_frame_write_context(&window, &header, &s->bytes);
	sample_note(s, offset, TS_FRAME_CONTEXT, 0);
	ts_window_free(&window);
}

/* Time moves on by the window's length first. */
static inline void sample_add_window(struct sample *s, unsigned int number)
{
	struct ts_frame_header header = sample_header(s);
	size_t offset = s->bytes.length;
	struct ts_window window;

	s->boottime_ns += (__u64)(s->seconds * 1e9);
	s->realtime_ns += (__u64)(s->seconds * 1e9);
	window = sample_window(s, number);
	header.context = ts_frame_context(&window);
	ts_frame_write_window(&window, &header, &s->bytes);
	sample_note(s, offset, TS_FRAME_WINDOW, number);
	ts_window_free(&window);
}

static inline void sample_add_end(struct sample *s)
{
	struct ts_frame_header header = sample_header(s);
	size_t offset = s->bytes.length;

	header.realtime_ns = s->realtime_ns;
	header.boottime_ns = s->boottime_ns;
	ts_frame_write_end(&header, &s->bytes);
	sample_note(s, offset, TS_FRAME_END, 0);
}

/* A context, windows first .. last, and the end. */
static inline void sample_add_session(struct sample *s, unsigned int first, unsigned int last)
{
	sample_add_context(s);
	for (unsigned int number = first; number <= last; number++)
		sample_add_window(s, number);
	sample_add_end(s);
}

static inline struct ts_recording *sample_read(const void *data, size_t length)
{
	struct ts_segment segment = {.name = "sample", .data = data, .length = length};

	return ts_recording_new(&segment, 1);
}

/* What a decoded window counts; every kind of its series must agree. */
static inline unsigned int sample_number(const struct ts_window *window)
{
	__u64 number = ts_window_counter(window, TS_FAMILY_CONTEXT_SWITCHES, NULL);
	struct ts_histogram *h = ts_window_histogram(window, TS_FAMILY_RUNQ_LATENCY, NULL);

	assert_int_equal(ts_window_counter(window, TS_FAMILY_CPU_TIME, TS_LABELS("0", "idle")),
			 number * SAMPLE_SECOND / 4);
	assert_true(ts_window_gauge(window, TS_FAMILY_TASKS, NULL, -1) == (double)number);
	assert_non_null(h);
	assert_int_equal(h->count, number);
	assert_int_equal(ts_window_status(window, TS_FAMILY_PRESSURE), TS_STATUS_DISABLED);
	assert_string_equal(ts_window_why(window, TS_FAMILY_PRESSURE), "psi=0 at boot");
	return (unsigned int)number;
}

/* Decodes every window; the numbers they count, in order. */
static inline size_t numbers(struct ts_recording *recording, unsigned int *number)
{
	size_t count = 0;

	for (size_t i = 0; i < recording->windows; i++) {
		struct ts_window window;

		assert_true(count < SAMPLE_FRAMES_MAX);
		if (ts_recording_window(recording, i, &window)) {
			assert_null(window.delta);
			continue;
		}
		number[count++] = sample_number(&window);
		ts_window_free(&window);
	}
	return count;
}

static inline void assert_numbers(struct ts_recording *recording, const unsigned int *expected,
				  size_t count)
{
	unsigned int found[SAMPLE_FRAMES_MAX];

	assert_int_equal(numbers(recording, found), count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(found[i], expected[i]);
}

#define assert_windows(recording, ...)                                 \
	assert_numbers(recording, (const unsigned int[]){__VA_ARGS__}, \
		       sizeof((const unsigned int[]){__VA_ARGS__}) / sizeof(unsigned int))

static inline void assert_sound(const struct ts_recording *r)
{
	assert_int_equal(r->damages, 0);
	assert_int_equal(r->duplicates, 0);
	assert_int_equal(r->missing_frames, 0);
	assert_true(r->missing_seconds == 0);
	assert_int_equal(r->unknown.families, 0);
	assert_int_equal(r->unknown.settings, 0);
}

static inline void assert_damaged(const struct ts_recording *r, size_t i, size_t offset,
				  size_t length, const char *what)
{
	assert_true(i < r->damages);
	assert_string_equal(r->damage[i].segment, "sample");
	assert_int_equal(r->damage[i].offset, offset);
	assert_int_equal(r->damage[i].length, length);
	if (what)
		assert_string_equal(r->damage[i].what, what);
	else
		assert_true(*r->damage[i].what);
}

static inline void append_frame(struct ts_bytes *bytes, const struct sample *s, size_t i)
{
	ts_bytes_append(bytes, s->bytes.data + s->frame[i].offset, s->frame[i].length);
}

#endif
