/* SPDX-License-Identifier: GPL-2.0-only */
/* Windows made by hand or at random, and their comparison to the last member: tests of frames. */
#ifndef TUNESCOPE_TEST_FRAME_WINDOWS_H
#define TUNESCOPE_TEST_FRAME_WINDOWS_H

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../user/core/arena.h"
#include "../../user/core/frame.h"
#include "../../user/core/histogram.h"
#include "../histogram_reference.h"

/* ---- comparing */

static inline void same_bits(double a, double b)
{
	assert_memory_equal(&a, &b, sizeof a);
}

static inline void same_labels(const char *const *a, const char *const *b)
{
	for (size_t i = 0; i < TS_LABELS_MAX; i++)
		assert_string_equal(a[i], b[i]);
}

static inline void same_histograms(const struct ts_histogram *a, const struct ts_histogram *b)
{
	assert_int_equal(a->scale, b->scale);
	assert_int_equal(a->unit, b->unit);
	assert_true(a->count == b->count);
	assert_true(a->sum == b->sum);
	assert_true(a->max == b->max);
	assert_int_equal(a->max_is_bound, b->max_is_bound);
	assert_memory_equal(a->slot, b->slot, TS_HISTOGRAM_SLOTS(a->scale) * sizeof a->slot[0]);
}

static inline void same_families(const struct ts_snapshot *a, const struct ts_snapshot *b)
{
	ts_for_each_family (id) {
		const struct ts_family_data *x = &a->family[id], *y = &b->family[id];

		assert_int_equal(x->status, y->status);
		assert_string_equal(x->why, y->why);
		assert_true(x->overflowed == y->overflowed);
		assert_int_equal(x->count, y->count);
		for (size_t i = 0; i < x->count; i++) {
			same_labels(x->series[i].label, y->series[i].label);
			if (ts_families[id].kind == TS_KIND_HISTOGRAM)
				same_histograms(x->series[i].histogram, y->series[i].histogram);
			else if (ts_families[id].kind == TS_KIND_COUNTER)
				assert_true(x->series[i].counter == y->series[i].counter);
			else
				same_bits(x->series[i].gauge, y->series[i].gauge);
		}
	}
}

static inline void same_netns(const struct ts_snapshot *a, const struct ts_snapshot *b)
{
	assert_int_equal(a->netns_count, b->netns_count);
	for (size_t i = 0; i < a->netns_count; i++) {
		assert_string_equal(a->netns[i].inode, b->netns[i].inode);
		assert_string_equal(a->netns[i].name, b->netns[i].name);
		assert_string_equal(a->netns[i].comm, b->netns[i].comm);
		assert_int_equal(a->netns[i].pid, b->netns[i].pid);
		assert_int_equal(a->netns[i].initial, b->netns[i].initial);
	}
}

static inline void same_sufferers(const struct ts_snapshot *a, const struct ts_snapshot *b)
{
	assert_int_equal(a->sufferers, b->sufferers);
	for (size_t i = 0; i < a->sufferers; i++) {
		assert_int_equal(a->sufferer[i].family, b->sufferer[i].family);
		same_labels(a->sufferer[i].label, b->sufferer[i].label);
		assert_int_equal(a->sufferer[i].pid, b->sufferer[i].pid);
		assert_string_equal(a->sufferer[i].comm, b->sufferer[i].comm);
		assert_string_equal(a->sufferer[i].cgroup, b->sufferer[i].cgroup);
		same_bits(a->sufferer[i].value, b->sufferer[i].value);
	}
}

static inline void same_cost(const struct ts_cost *a, const struct ts_cost *b)
{
	assert_int_equal(a->probes, b->probes);
	for (size_t i = 0; i < a->probes; i++) {
		assert_string_equal(a->probe[i].name, b->probe[i].name);
		assert_string_equal(a->probe[i].source, b->probe[i].source);
		assert_string_equal(a->probe[i].hook, b->probe[i].hook);
		assert_int_equal(a->probe[i].status, b->probe[i].status);
		assert_string_equal(a->probe[i].why, b->probe[i].why);
		assert_true(a->probe[i].run_count == b->probe[i].run_count);
		assert_true(a->probe[i].run_ns == b->probe[i].run_ns);
		assert_int_equal(a->probe[i].instructions, b->probe[i].instructions);
	}
	assert_true(a->map_bytes == b->map_bytes);
	assert_true(a->user_cpu_ns == b->user_cpu_ns);
	assert_true(a->rss_bytes == b->rss_bytes);
	assert_true(a->peak_rss_bytes == b->peak_rss_bytes);
	assert_true(a->lost_events == b->lost_events);
	assert_true(a->snapshot_ns == b->snapshot_ns);
	assert_int_equal(a->stats_enabled, b->stats_enabled);
	assert_true(a->stats_ns == b->stats_ns);
}

static inline void same_context(const struct ts_snapshot *a, const struct ts_snapshot *b)
{
	assert_string_equal(a->host.hostname, b->host.hostname);
	assert_string_equal(a->host.kernel, b->host.kernel);
	assert_string_equal(a->host.machine, b->host.machine);
	assert_string_equal(a->host.boot_id, b->host.boot_id);
	assert_int_equal(a->host.cpus, b->host.cpus);
	assert_true(a->host.memory_bytes == b->host.memory_bytes);
	assert_string_equal(a->host.tool_version, b->host.tool_version);
	assert_int_equal(a->settings, b->settings);
	for (size_t i = 0; i < a->settings; i++) {
		assert_int_equal(a->setting[i].id, b->setting[i].id);
		assert_string_equal(a->setting[i].scope, b->setting[i].scope);
		assert_string_equal(a->setting[i].value, b->setting[i].value);
		assert_string_equal(a->setting[i].choices, b->setting[i].choices);
		assert_int_equal(a->setting[i].status, b->setting[i].status);
		assert_string_equal(a->setting[i].why, b->setting[i].why);
	}
}

static inline void same_windows(const struct ts_window *a, const struct ts_window *b)
{
	same_bits(a->seconds, b->seconds);
	same_bits(a->missing_seconds, b->missing_seconds);
	assert_true(a->start_realtime_ns == b->start_realtime_ns);
	assert_true(a->delta->monotonic_ns == b->delta->monotonic_ns);
	assert_true(a->delta->boottime_ns == b->delta->boottime_ns);
	assert_true(a->delta->realtime_ns == b->delta->realtime_ns);
	same_families(a->delta, b->delta);
	same_netns(a->delta, b->delta);
	same_sufferers(a->delta, b->delta);
	same_cost(&a->delta->cost, &b->delta->cost);
	same_context(a->delta, b->delta);
}

static inline void same_headers(const struct ts_frame_header *a, const struct ts_frame_header *b)
{
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->version, b->version);
	assert_int_equal(a->stored_length, b->stored_length);
	assert_int_equal(a->raw_length, b->raw_length);
	assert_true(a->session == b->session);
	assert_int_equal(a->sequence, b->sequence);
	assert_int_equal(a->context, b->context);
	assert_true(a->realtime_ns == b->realtime_ns);
	assert_true(a->boottime_ns == b->boottime_ns);
	assert_true(a->duration_ns == b->duration_ns);
	assert_int_equal(a->payload_crc, b->payload_crc);
}

/* ---- making */

static inline struct ts_window empty_window(void)
{
	struct ts_window window = {.seconds = 10, .delta = ts_snapshot_new()};

	window.delta->monotonic_ns = 5000000000000ULL;
	window.delta->boottime_ns = 5000000000123ULL;
	window.delta->realtime_ns = 1709210096000000000ULL; /* 2024-02-29 12:34:56 UTC */
	window.start_realtime_ns = window.delta->realtime_ns - 10000000000ULL;
	return window;
}

/* Terminal control, invalid UTF-8, a lone quote, and what could pass for structure. */
#define HOSTILE_TEXT "\033[31m\t\r\n\x7f\xff\xc0\xaf\xed\xa0\x80 \"end histogram seconds"

static inline const char *random_text(struct ts_arena *arena, uint64_t *seed)
{
	static const char *const common[] = {"",	   "sda",   "read",	 "80",
					     "4026531840", "other", HOSTILE_TEXT};
	uint64_t choice = reference_random(seed) >> 60;
	char text[64];
	size_t length;

	if (choice < sizeof common / sizeof common[0])
		return common[choice];
	length = 1 + (reference_random(seed) >> 58) % (sizeof text - 1);
	for (size_t i = 0; i < length; i++)
		text[i] = (char)(1 + (reference_random(seed) >> 32) % 255);
	text[length] = '\0';
	return ts_arena_strdup(arena, text);
}

static inline double random_gauge(uint64_t *seed)
{
	static const double special[] = {0,
					 -0.0,
					 NAN,
					 INFINITY,
					 -INFINITY,
					 1e300,
					 5e-324,
					 -1,
					 0.1,
					 9007199254740993.0,
					 1e19,
					 -1e-9,
					 1234567.890123,
					 4096,
					 -9007199254740991.0};
	uint64_t choice = reference_random(seed) >> 59, bits;
	double value;

	if (choice < sizeof special / sizeof special[0])
		return special[choice];
	if (choice < 24)
		return (double)(reference_random_magnitude(seed) >> 20);
	bits = reference_random(seed);
	memcpy(&value, &bits, sizeof value);
	return value;
}

static inline void random_histogram(struct ts_histogram *h, uint64_t *seed)
{
	uint64_t kinds = reference_random(seed) >> 61, n = (reference_random(seed) >> 56) % 200;

	if (kinds == 0)
		return;
	for (uint64_t i = 0; i < n; i++)
		ts_histogram_add(h, kinds == 1 ? 0 : reference_random_magnitude(seed) >> 24,
				 reference_random_magnitude(seed) >> (kinds == 2 ? 0 : 56));
	h->max_is_bound = reference_random(seed) >> 63;
	if (kinds == 3)
		h->max = reference_random(seed);
	if (kinds == 4)
		h->sum = reference_random(seed);
}

static inline void random_series(struct ts_snapshot *delta, enum ts_family_id id, size_t count,
				 uint64_t *seed)
{
	const char *label[TS_LABELS_MAX];
	uint64_t zeros = reference_random(seed) >> 62;

	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < TS_LABELS_MAX; k++)
			label[k] = random_text(delta->arena, seed);
		switch (ts_families[id].kind) {
		case TS_KIND_COUNTER:
			ts_snapshot_counter(delta, id, label,
					    zeros == 0	 ? 0
					    : zeros == 1 ? 10000000 * (reference_random(seed) >> 40)
							 : reference_random_magnitude(seed));
			break;
		case TS_KIND_GAUGE:
		case TS_KIND_PEAK:
			ts_snapshot_gauge(delta, id, label,
					  zeros == 0 ? 0
					  : zeros == 1
						  ? 4096.0 * (double)(reference_random(seed) >> 40)
						  : random_gauge(seed));
			break;
		case TS_KIND_HISTOGRAM:
			random_histogram(ts_snapshot_histogram(
						 delta, id, label,
						 (unsigned int)(reference_random(seed) >> 32) % 5),
					 seed);
			break;
		}
	}
}

static inline void random_cost(struct ts_snapshot *delta, uint64_t *seed)
{
	struct ts_cost *cost = &delta->cost;

	for (uint64_t i = reference_random(seed) >> 61; i; i--)
		ts_snapshot_probe(delta, &(struct ts_probe_cost){
						 .name = random_text(delta->arena, seed),
						 .source = random_text(delta->arena, seed),
						 .hook = random_text(delta->arena, seed),
						 .status = (reference_random(seed) >> 32) % 5,
						 .why = random_text(delta->arena, seed),
						 .run_count = reference_random_magnitude(seed),
						 .run_ns = reference_random_magnitude(seed),
						 .instructions = (__u32)reference_random(seed)});
	cost->map_bytes = reference_random_magnitude(seed);
	cost->user_cpu_ns = reference_random_magnitude(seed);
	cost->rss_bytes = reference_random_magnitude(seed);
	cost->peak_rss_bytes = reference_random_magnitude(seed);
	cost->lost_events = reference_random_magnitude(seed);
	cost->snapshot_ns = reference_random_magnitude(seed);
	cost->stats_enabled = reference_random(seed) >> 63;
	cost->stats_ns = reference_random_magnitude(seed);
}

static inline void random_context(struct ts_snapshot *delta, uint64_t *seed)
{
	struct ts_arena *arena = delta->arena;

	delta->host = (struct ts_host){
		.hostname = random_text(arena, seed),
		.kernel = random_text(arena, seed),
		.machine = random_text(arena, seed),
		.boot_id = random_text(arena, seed),
		.cpus = (unsigned int)reference_random(seed),
		.memory_bytes = reference_random(seed),
		.tool_version = random_text(arena, seed),
	};
	for (uint64_t i = reference_random(seed) >> 60; i; i--)
		ts_snapshot_setting(delta, (reference_random(seed) >> 32) % TS_SETTING_COUNT,
				    random_text(arena, seed), (reference_random(seed) >> 32) % 5,
				    random_text(arena, seed), random_text(arena, seed),
				    random_text(arena, seed));
}

static inline struct ts_window random_window(uint64_t *seed)
{
	struct ts_window window = empty_window();
	struct ts_snapshot *delta = window.delta;

	window.seconds = (double)(reference_random(seed) >> 30) / 1e9;
	window.missing_seconds = (double)(reference_random(seed) >> 40) * 0.37;
	window.start_realtime_ns = reference_random(seed);
	delta->realtime_ns = reference_random(seed);
	delta->boottime_ns = reference_random(seed);
	delta->monotonic_ns = reference_random(seed);
	ts_for_each_family (id) {
		uint64_t many = reference_random(seed) >> 61;

		random_series(delta, id, many > 5 ? 0 : many * many, seed);
		ts_snapshot_family_status(delta, id, (reference_random(seed) >> 32) % 5,
					  random_text(delta->arena, seed));
		if (many == 1)
			delta->family[id].overflowed = reference_random_magnitude(seed);
	}
	for (uint64_t i = reference_random(seed) >> 61; i; i--)
		ts_snapshot_netns(delta,
				  &(struct ts_netns){.inode = random_text(delta->arena, seed),
						     .name = random_text(delta->arena, seed),
						     .comm = random_text(delta->arena, seed),
						     .pid = (int)reference_random(seed),
						     .initial = reference_random(seed) >> 63});
	for (uint64_t i = reference_random(seed) >> 59; i; i--) {
		struct ts_sufferer s = {.family = (reference_random(seed) >> 32) % TS_FAMILY_COUNT,
					.pid = (int)reference_random(seed),
					.comm = random_text(delta->arena, seed),
					.cgroup = random_text(delta->arena, seed),
					.value = random_gauge(seed)};

		for (size_t k = 0; k < ts_families[s.family].labels; k++)
			s.label[k] = random_text(delta->arena, seed);
		ts_snapshot_sufferer(delta, &s);
	}
	random_cost(delta, seed);
	random_context(delta, seed);
	return window;
}

/* ---- writing and reading back */

static inline struct ts_window read_back(const struct ts_window *window)
{
	struct ts_frame_header header = {.session = 7}, context = {.session = 7}, read;
	struct ts_frame_unknown unknown = {0};
	struct ts_bytes bytes = {0}, context_bytes = {0};
	const char *why = "";
	struct ts_window back;

	ts_frame_write_window(window, &header, &bytes);
	ts_frame_write_context(window, &context, &context_bytes);
	assert_int_equal(ts_frame_read_header(bytes.data, bytes.length, &read), 0);
	same_headers(&read, &header);
	assert_true(ts_frame_payload_valid(&read, bytes.data, bytes.length));
	if (ts_frame_read_window(&read, bytes.data, &back, &unknown, &why))
		fail_msg("%s", why);
	assert_true(ts_frame_payload_valid(&context, context_bytes.data, context_bytes.length));
	if (ts_frame_read_context(&context, context_bytes.data, &back, &unknown, &why))
		fail_msg("%s", why);
	assert_int_equal(unknown.families + unknown.settings, 0);
	ts_bytes_free(&bytes);
	ts_bytes_free(&context_bytes);
	return back;
}

static inline void comes_back(const struct ts_window *window)
{
	struct ts_window back = read_back(window);

	same_windows(window, &back);
	ts_window_free(&back);
}

#endif
