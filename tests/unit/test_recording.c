// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading recordings that are damaged, or made to do damage: what is lost is what was hit, and
 * nothing but that. test_recording_order.c has the order of what is left.
 */
#include "recording_sample.h"

#include <errno.h>
#include <zlib.h>

static void a_whole_recording(void **state)
{
	struct ts_recording *r;
	struct ts_window window;
	struct sample s;

	sample_open(&s);
	sample_add_session(&s, 1, 4);
	r = sample_read(s.bytes.data, s.bytes.length);
	assert_sound(r);
	assert_windows(r, 1, 2, 3, 4);
	assert_int_equal(r->sessions, 1);
	assert_int_equal(r->open_sessions, 0);
	assert_int_equal(r->clock_steps, 0);
	assert_true(ts_recording_start(r) == SAMPLE_EPOCH);
	assert_true(ts_recording_end(r) == SAMPLE_EPOCH + 40 * SAMPLE_SECOND);

	/* The facts and settings of the context, the times of the axis. */
	assert_int_equal(ts_recording_window(r, 2, &window), 0);
	assert_string_equal(window.delta->host.hostname, "web1");
	assert_string_equal(window.delta->host.boot_id, "boot-a");
	assert_string_equal(ts_window_setting(&window, TS_SETTING_SOMAXCONN, "4026531840")->value,
			    "128");
	assert_true(window.seconds == 10);
	assert_true(window.missing_seconds == 0);
	assert_true(window.start_realtime_ns == SAMPLE_EPOCH + 20 * SAMPLE_SECOND);
	assert_true(window.delta->realtime_ns == SAMPLE_EPOCH + 30 * SAMPLE_SECOND);
	ts_window_free(&window);
	ts_recording_free(r);
	sample_close(&s);
}

/* Of one window, that in which it was changed: whatever was read before it. */
static void a_change_belongs_to_its_window(void **state)
{
	struct ts_recording *r;
	struct ts_window window;
	struct sample s;

	sample_open(&s);
	sample_add_context(&s);
	sample_add_window(&s, 1);
	s.somaxconn = "4096";
	sample_add_context(&s);
	sample_add_window(&s, 2);
	sample_add_window(&s, 3);
	r = sample_read(s.bytes.data, s.bytes.length);
	assert_windows(r, 1, 2, 3);
	for (size_t i = r->windows; i-- > 0;) {
		const struct ts_setting_value *value;

		assert_int_equal(ts_recording_window(r, i, &window), 0);
		value = ts_window_setting(&window, TS_SETTING_SOMAXCONN, "4026531840");
		assert_string_equal(value->value, i ? "4096" : "128");
		assert_string_equal(value->before, i == 1 ? "128" : "");
		ts_window_free(&window);
	}
	ts_recording_free(r);
	sample_close(&s);
}

static void nothing_at_all(void **state)
{
	struct ts_recording *r = sample_read("", 0);

	assert_int_equal(r->windows, 0);
	assert_int_equal(r->damages, 0);
	assert_true(ts_recording_start(r) == 0 && ts_recording_end(r) == 0);
	ts_recording_free(r);
	r = ts_recording_new(NULL, 0);
	assert_int_equal(r->windows, 0);
	ts_recording_free(r);
}

/* With one frame lost: the others are there, and the damage is that frame. */
static void check_lost(const struct sample *s, const unsigned char *data, size_t lost)
{
	const struct sample_frame *frame = &s->frame[lost];
	struct ts_recording *r = sample_read(data, s->bytes.length);
	unsigned int expected[SAMPLE_FRAMES_MAX];
	size_t count = 0;

	for (size_t i = 0; i < s->frames; i++)
		if (i != lost && s->frame[i].type == TS_FRAME_WINDOW)
			expected[count++] = s->frame[i].number;
	assert_numbers(r, expected, count);
	assert_int_equal(r->damages, 1);
	assert_damaged(r, 0, frame->offset, frame->length, NULL);
	assert_int_equal(r->open_sessions, frame->type == TS_FRAME_END);
	/* Only between frames that are left can one be missed. */
	assert_int_equal(r->missing_frames, lost != 0 && frame->type != TS_FRAME_END);
	ts_recording_free(r);
}

static void every_byte_flipped_once(void **state)
{
	unsigned char *copy;
	struct sample s;
	size_t lost = 0;

	sample_open(&s);
	sample_add_session(&s, 1, 3);
	copy = malloc(s.bytes.length);
	for (size_t i = 0; i < s.bytes.length; i++) {
		if (i >= s.frame[lost].offset + s.frame[lost].length)
			lost++;
		memcpy(copy, s.bytes.data, s.bytes.length);
		copy[i] ^= 1u << i % 8;
		check_lost(&s, copy, lost);
		copy[i] = (unsigned char)~s.bytes.data[i];
		check_lost(&s, copy, lost);
	}
	free(copy);
	sample_close(&s);
}

static void cut_off_anywhere(void **state)
{
	struct sample s;

	sample_open(&s);
	sample_add_session(&s, 1, 3);
	for (size_t length = 0; length < s.bytes.length; length++) {
		/* In memory of its own, so that a read beyond the end is seen. */
		unsigned char *copy = malloc(length + !length);
		unsigned int expected[SAMPLE_FRAMES_MAX];
		size_t count = 0, whole = 0;
		struct ts_recording *r;

		memcpy(copy, s.bytes.data, length);
		for (size_t i = 0; i < s.frames; i++) {
			if (s.frame[i].offset + s.frame[i].length > length)
				break;
			whole = s.frame[i].offset + s.frame[i].length;
			if (s.frame[i].type == TS_FRAME_WINDOW)
				expected[count++] = s.frame[i].number;
		}
		r = sample_read(copy, length);
		assert_numbers(r, expected, count);
		assert_int_equal(r->damages, whole < length);
		if (whole < length)
			assert_damaged(r, 0, whole, length - whole, "cut off");
		assert_int_equal(r->missing_frames, 0);
		assert_int_equal(r->open_sessions, whole > 0);
		ts_recording_free(r);
		free(copy);
	}
	sample_close(&s);
}

/* Killed in the middle of a frame, started again: the torn frame is followed by whole ones. */
static void torn_and_continued(void **state)
{
	for (size_t kept = 1; kept < 200; kept += 7) {
		struct ts_recording *r;
		struct sample s;
		size_t torn;

		sample_open(&s);
		sample_add_context(&s);
		sample_add_window(&s, 1);
		torn = s.bytes.length;
		sample_add_window(&s, 2);
		assert_true(torn + kept < s.bytes.length);
		s.bytes.length = torn + kept;
		s.session++;
		s.sequence = 0;
		sample_add_session(&s, 3, 4);
		r = sample_read(s.bytes.data, s.bytes.length);
		assert_windows(r, 1, 3, 4);
		assert_int_equal(r->damages, 1);
		assert_damaged(r, 0, torn, kept, kept < 4 ? NULL : kept < 64 ? NULL : "cut off");
		assert_int_equal(r->sessions, 2);
		assert_int_equal(r->open_sessions, 1);
		ts_recording_free(r);
		sample_close(&s);
	}
}

static void duplicated_and_swapped(void **state)
{
	/* context 0, windows 1 to 4 as frames 1 to 4, end 5 */
	static const size_t order[] = {4, 1, 1, 5, 0, 3, 2, 4, 0, 1};
	struct ts_bytes bytes = {0};
	struct ts_recording *r;
	struct sample s;

	sample_open(&s);
	sample_add_session(&s, 1, 4);
	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
		append_frame(&bytes, &s, order[i]);
	r = sample_read(bytes.data, bytes.length);
	assert_windows(r, 1, 2, 3, 4);
	assert_int_equal(r->duplicates, 4);
	assert_int_equal(r->damages, 0);
	assert_int_equal(r->missing_frames, 0);
	assert_int_equal(r->sessions, 1);
	assert_int_equal(r->open_sessions, 0);
	assert_true(ts_recording_end(r) - ts_recording_start(r) == 40 * SAMPLE_SECOND);
	ts_recording_free(r);
	ts_bytes_free(&bytes);
	sample_close(&s);
}

static void a_lost_context_is_said(void **state)
{
	const struct ts_setting_value *setting;
	struct ts_recording *r;
	struct ts_window window;
	struct sample s;

	sample_open(&s);
	sample_add_session(&s, 1, 2);
	s.bytes.data[s.frame[0].offset + TS_FRAME_HEADER] ^= 1;
	r = sample_read(s.bytes.data, s.bytes.length);
	assert_windows(r, 1, 2);
	assert_int_equal(r->damages, 1);
	assert_int_equal(ts_recording_window(r, 0, &window), 0);
	setting = ts_window_setting(&window, TS_SETTING_SOMAXCONN, "4026531840");
	assert_non_null(setting);
	assert_int_equal(setting->status, TS_STATUS_FAILED);
	assert_string_equal(setting->value, "");
	assert_non_null(strstr(setting->why, "damaged"));
	assert_int_equal(ts_window_setting(&window, TS_SETTING_DIRTY_RATIO, "")->status,
			 TS_STATUS_FAILED);
	assert_string_equal(window.delta->host.hostname, "");
	ts_window_free(&window);
	ts_recording_free(r);
	sample_close(&s);
}

static void put_le32(unsigned char *at, __u32 value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (unsigned char)(value >> (8 * i));
}

static void seal_header(unsigned char *frame)
{
	put_le32(frame + 60, (__u32)crc32(0, frame, 60));
}

static void newer_versions_are_passed_over(void **state)
{
	struct ts_recording *r;
	struct sample s;

	sample_open(&s);
	sample_add_session(&s, 1, 3);
	s.bytes.data[s.frame[2].offset + 4] = TS_FRAME_VERSION + 1;
	seal_header(s.bytes.data + s.frame[2].offset);
	r = sample_read(s.bytes.data, s.bytes.length);
	assert_windows(r, 1, 3);
	assert_int_equal(r->damages, 1);
	assert_damaged(r, 0, s.frame[2].offset, s.frame[2].length, "newer format");
	ts_recording_free(r);
	sample_close(&s);
}

/* Checksums are right and the payload is nonsense: counted once, however often it is asked for. */
static void nonsense_with_a_checksum(void **state)
{
	unsigned char *frame;
	struct ts_recording *r;
	struct ts_window window;
	struct sample s;

	sample_open(&s);
	sample_add_session(&s, 1, 3);
	frame = s.bytes.data + s.frame[2].offset;
	memset(frame + TS_FRAME_HEADER, 0x55, s.frame[2].length - TS_FRAME_HEADER);
	put_le32(frame + 56, (__u32)crc32(0, frame + TS_FRAME_HEADER,
					  (unsigned int)s.frame[2].length - TS_FRAME_HEADER));
	seal_header(frame);
	r = sample_read(s.bytes.data, s.bytes.length);
	assert_int_equal(r->windows, 3);
	assert_int_equal(r->damages, 0);
	assert_windows(r, 1, 3);
	assert_int_equal(ts_recording_window(r, 1, &window), -EPROTO);
	assert_int_equal(r->damages, 1);
	assert_damaged(r, 0, s.frame[2].offset, s.frame[2].length, NULL);
	ts_recording_free(r);
	sample_close(&s);
}

static void garbage_around_frames(void **state)
{
	/* With the beginnings of frames that are none. */
	static const char garbage[] = "\x89TSF\x01\x02 and \x89TS then \x89";
	struct ts_bytes bytes = {0};
	struct ts_recording *r;
	struct sample s;

	sample_open(&s);
	sample_add_session(&s, 1, 2);
	for (size_t i = 0; i < s.frames; i++) {
		ts_bytes_append(&bytes, garbage, sizeof garbage - 1);
		append_frame(&bytes, &s, i);
	}
	r = sample_read(bytes.data, bytes.length);
	assert_windows(r, 1, 2);
	assert_int_equal(r->damages, s.frames);
	assert_damaged(r, 0, 0, sizeof garbage - 1, "damaged header");
	assert_int_equal(r->missing_frames, 0);
	ts_recording_free(r);
	ts_bytes_free(&bytes);
	sample_close(&s);
}

/*
 * A valid header every 64 bytes, each claiming megabytes that are not its own: were each checksum
 * computed, this would take minutes. The recording behind it is read all the same.
 */
static void a_file_made_to_keep_one_busy(void **state)
{
	size_t headers = 1u << 16;
	struct ts_bytes bytes = {0};
	struct ts_recording *r;
	struct sample s;

	sample_open(&s);
	sample_add_session(&s, 1, 2);
	for (size_t i = 0; i < headers; i++) {
		unsigned char *frame;

		ts_bytes_append(&bytes, s.bytes.data + s.frame[1].offset, TS_FRAME_HEADER);
		frame = bytes.data + bytes.length - TS_FRAME_HEADER;
		put_le32(frame + 8, (__u32)((headers - i - 1) * TS_FRAME_HEADER));
		seal_header(frame);
	}
	ts_bytes_append(&bytes, s.bytes.data, s.bytes.length);
	r = sample_read(bytes.data, bytes.length);
	assert_windows(r, 1, 2);
	/* The last one claims nothing: whether an empty payload has that checksum, it does not. */
	assert_int_equal(r->damages, headers);
	ts_recording_free(r);
	ts_bytes_free(&bytes);
	sample_close(&s);
}

static size_t released_bytes;
static const unsigned char *released_to;

static void note_release(const unsigned char *data, size_t length)
{
	assert_true(!released_to || data == released_to);
	released_to = data + length;
	released_bytes += length;
}

/* What has been gone through is given back, all of it and in order. */
static void memory_is_given_back(void **state)
{
	size_t length = (size_t)20 << 20;
	unsigned char *data = calloc(1, length);
	struct ts_segment segment = {
		.name = "zeros", .data = data, .length = length, .release = note_release};
	struct ts_recording *r;
	struct sample s;

	sample_open(&s);
	sample_add_session(&s, 1, 2);
	for (size_t at = 0; at + s.bytes.length < length; at += (size_t)1 << 20)
		memcpy(data + at, s.bytes.data, s.bytes.length);
	r = ts_recording_new(&segment, 1);
	assert_int_equal(r->windows, 2);
	assert_int_equal(r->duplicates, 19 * 4);
	assert_int_equal(released_bytes, length);
	ts_recording_free(r);
	sample_close(&s);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_recording),
		cmocka_unit_test(a_change_belongs_to_its_window),
		cmocka_unit_test(nothing_at_all),
		cmocka_unit_test(every_byte_flipped_once),
		cmocka_unit_test(cut_off_anywhere),
		cmocka_unit_test(torn_and_continued),
		cmocka_unit_test(duplicated_and_swapped),
		cmocka_unit_test(a_lost_context_is_said),
		cmocka_unit_test(newer_versions_are_passed_over),
		cmocka_unit_test(nonsense_with_a_checksum),
		cmocka_unit_test(garbage_around_frames),
		cmocka_unit_test(a_file_made_to_keep_one_busy),
		cmocka_unit_test(memory_is_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
