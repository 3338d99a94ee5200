// SPDX-License-Identifier: GPL-2.0-only
/* Frames: what is written comes back, to the last member; headers; sizes; the dictionary. */
#include "frame_windows.h"

#include <zlib.h>

#include "../../user/core/frame_group.h"
#include "../../user/core/frame_payload.h"

/* ---- coming back */

static void an_empty_window_comes_back(void **state)
{
	struct ts_window window = empty_window();

	comes_back(&window);
	ts_window_free(&window);
}

/* Each family with three series, its statuses in turn, zero and not. */
static void every_family_and_status_comes_back(void **state)
{
	static const char *const labels[] = {"a", "b", "c", "d", "e", "f"};

	for (int status = TS_STATUS_NO_DATA; status <= TS_STATUS_FAILED; status++) {
		struct ts_window window = empty_window();
		struct ts_snapshot *delta = window.delta;

		ts_for_each_family (id) {
			for (size_t i = 0; i < 3; i++) {
				if (ts_families[id].kind == TS_KIND_COUNTER)
					ts_snapshot_counter(delta, id, labels + i, i * 1000 * id);
				else if (ts_families[id].kind == TS_KIND_HISTOGRAM)
					ts_histogram_add(
						ts_snapshot_histogram(delta, id, labels + i, 3),
						4096 * i, i);
				else
					ts_snapshot_gauge(delta, id, labels + i, 0.5 * (double)i);
			}
			ts_snapshot_family_status(delta, id, (status + id) % 5,
						  (status + id) % 5 == TS_STATUS_OK
							  ? ""
							  : "a reason a person understands");
			delta->family[id].overflowed = (__u64)id % 3;
		}
		comes_back(&window);
		ts_window_free(&window);
	}
}

static void a_series_of_zero_is_a_series_of_zero(void **state)
{
	struct ts_window window = empty_window(), back;

	ts_snapshot_counter(window.delta, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("voluntary"), 0);
	ts_snapshot_gauge(window.delta, TS_FAMILY_TASKS, TS_LABELS("running"), 0);
	ts_snapshot_histogram(window.delta, TS_FAMILY_RUNQ_LATENCY, NULL, 4);
	back = read_back(&window);
	assert_int_equal(back.delta->family[TS_FAMILY_CONTEXT_SWITCHES].count, 1);
	assert_int_equal(ts_window_status(&back, TS_FAMILY_CONTEXT_SWITCHES), TS_STATUS_OK);
	assert_int_equal(back.delta->family[TS_FAMILY_TASKS].count, 1);
	assert_int_equal(back.delta->family[TS_FAMILY_RUNQ_LATENCY].series[0].histogram->count, 0);
	/* And what has no series has none. */
	assert_int_equal(back.delta->family[TS_FAMILY_TASK_MIGRATIONS].count, 0);
	assert_int_equal(ts_window_status(&back, TS_FAMILY_TASK_MIGRATIONS), TS_STATUS_NO_DATA);
	same_windows(&window, &back);
	ts_window_free(&back);
	ts_window_free(&window);
}

static void hostile_strings_come_back(void **state)
{
	struct ts_window window = empty_window();
	struct ts_snapshot *delta = window.delta;
	char *longest = ts_arena_alloc(delta->arena, 4097);
	const char *const text[] = {"", HOSTILE_TEXT, memset(longest, 0xff, 4096), "\001", " "};

	for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) {
		const char *t = text[i];

		ts_snapshot_counter(delta, TS_FAMILY_TCP_RESETS, TS_LABELS(t, "", t, text[1]), i);
		ts_snapshot_family_status(delta, TS_FAMILY_TCP_RETRANSMITS + (int)i,
					  TS_STATUS_FAILED, t);
		ts_snapshot_netns(delta, &(struct ts_netns){t, t, -1, t, i & 1});
		ts_snapshot_sufferer(
			delta, &(struct ts_sufferer){
				       TS_FAMILY_TCP_RESETS, {t, t, t, t}, 2147483647, t, t, NAN});
		ts_snapshot_probe(delta,
				  &(struct ts_probe_cost){t, t, t, TS_STATUS_FAILED, t, UINT64_MAX,
							  UINT64_MAX, UINT32_MAX, 0, 0});
		ts_snapshot_setting(delta, TS_SETTING_BLOCK_SCHEDULER, t, TS_STATUS_OK, t, t, t);
	}
	delta->host = (struct ts_host){text[1],	   text[2],    text[1], text[0],
				       UINT32_MAX, UINT64_MAX, text[3]};
	comes_back(&window);
	ts_window_free(&window);
}

static void odd_gauges_come_back_to_the_last_bit(void **state)
{
	static const double odd[] = {0,
				     -0.0,
				     -1,
				     -1.5,
				     NAN,
				     -NAN,
				     1e308,
				     INFINITY,
				     5e-324,
				     -5e-324,
				     0.1,
				     1e-9,
				     -1e-10,
				     3.7e-9,
				     9007199254740992.0,
				     9007199254740993.0,
				     1e18,
				     -1e18,
				     123456789.123456789,
				     18446744073709551615.0};

	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
		struct ts_window window = empty_window();

		/* Alone, and beside a value that could be written in another way. */
		ts_snapshot_gauge(window.delta, TS_FAMILY_CGROUP_QUOTA, TS_LABELS("/a"), odd[i]);
		ts_snapshot_gauge(window.delta, TS_FAMILY_TASKS, TS_LABELS("running"), 4);
		ts_snapshot_gauge(window.delta, TS_FAMILY_TASKS, TS_LABELS("blocked"), odd[i]);
		comes_back(&window);
		ts_window_free(&window);
	}
}

static void histograms_come_back_at_every_scale(void **state)
{
	for (unsigned int scale = 0; scale <= TS_HISTOGRAM_SCALE_GLOBAL; scale++) {
		struct ts_window window = empty_window();
		struct ts_histogram *h[4];

		for (size_t i = 0; i < 4; i++)
			h[i] = ts_snapshot_histogram(window.delta, TS_FAMILY_BLOCK_LATENCY,
						     TS_LABELS("sda", "read"), scale);
		/* Every slot, in growing counts; one; zero and overflow only; sum and no slot. */
		for (unsigned int i = 0; i < (unsigned int)TS_HISTOGRAM_SLOTS(scale); i++)
			h[0]->count += h[0]->slot[i] = 1ULL << i % 64;
		h[0]->max = UINT64_MAX;
		ts_histogram_add(h[1], 123456789, UINT64_MAX / 123456789);
		ts_histogram_add(h[2], 0, 3);
		ts_histogram_add(h[2], UINT64_MAX, 1);
		h[2]->max_is_bound = true;
		h[3]->sum = 5;
		comes_back(&window);
		ts_window_free(&window);
	}
}

/* The maximum of a window is most often the bound of a bucket: it is not written, but comes back.
 */
static void a_maximum_that_is_a_bound_comes_back(void **state)
{
	struct ts_snapshot *earlier = ts_snapshot_new(), *later = ts_snapshot_new();
	uint64_t seed = 11;
	struct ts_window window;

	earlier->monotonic_ns = 1;
	later->monotonic_ns = 1000000001;
	for (unsigned int i = 0; i < 200; i++) {
		const char *device = ts_arena_printf(later->arena, "sd%u", i);
		__u64 value = 1 + (reference_random_magnitude(&seed) >> 29);
		struct ts_histogram *h;

		h = ts_snapshot_histogram(earlier, TS_FAMILY_BLOCK_LATENCY,
					  TS_LABELS(device, "read"), 3);
		ts_histogram_add(h, 1ULL << 36, 1);
		h = ts_snapshot_histogram(later, TS_FAMILY_BLOCK_LATENCY, TS_LABELS(device, "read"),
					  3);
		ts_histogram_add(h, 1ULL << 36, 1);
		ts_histogram_add(h, value, 1);
	}
	assert_int_equal(ts_window_make(earlier, later, &window), 0);
	assert_true(
		window.delta->family[TS_FAMILY_BLOCK_LATENCY].series[0].histogram->max_is_bound);
	comes_back(&window);
	ts_window_free(&window);
	ts_snapshot_free(earlier);
	ts_snapshot_free(later);
}

/* Of a window as it stays: in a group, alone. */
static size_t group_length(const struct ts_window *window)
{
	struct ts_group_writer *writer = ts_group_writer_new();
	struct ts_frame_header header = {.session = 1};
	struct ts_bytes frame = {0};
	size_t length;

	ts_group_add(writer, window, &header);
	ts_group_finish(writer, &header, &frame);
	length = frame.length;
	ts_bytes_free(&frame);
	ts_group_writer_free(writer);
	return length;
}

/* Busy and quiet ones; and with a slot more that is not rounded, as when two were put together. */
static void rounded_histograms_come_back_and_are_short(void **state)
{
	struct ts_window window = empty_window();
	struct ts_histogram *h[8];
	uint64_t seed = 17;
	size_t empty = group_length(&window), exact;

	for (size_t i = 0; i < 8; i++) {
		h[i] = ts_snapshot_histogram(window.delta, TS_FAMILY_BLOCK_LATENCY,
					     TS_LABELS("sda", "read"), 3);
		for (unsigned int k = 0; k < 100; k++)
			ts_histogram_add(h[i], 1000 + 100 * k * k,
					 (2000 + (reference_random(&seed) >> 54)) >> i);
	}
	exact = group_length(&window) - empty;
	for (size_t i = 0; i < 8; i++)
		ts_histogram_round(h[i]);
	comes_back(&window);
	assert_true(group_length(&window) - empty < exact * 3 / 4);
	ts_histogram_add(h[0], 1000, 1);
	ts_histogram_add(h[0], 1000000, 1);
	comes_back(&window);
	ts_window_free(&window);
}

static void random_windows_come_back(void **state)
{
	uint64_t seed = 20241121;

	for (int i = 0; i < 300; i++) {
		struct ts_window window = random_window(&seed);

		comes_back(&window);
		ts_window_free(&window);
	}
}

/* ---- contexts */

static struct ts_window window_with_context(void)
{
	struct ts_window window = empty_window();

	window.delta->host =
		(struct ts_host){"web1", "6.1.0", "x86_64", "b", 8, 64ULL << 30, "0.1.0"};
	ts_snapshot_setting(window.delta, TS_SETTING_SOMAXCONN, "1", TS_STATUS_OK, "128", "", "");
	return window;
}

static void the_number_of_a_context_changes_with_it_and_with_nothing_else(void **state)
{
	struct ts_window window = window_with_context(), other = window_with_context();
	__u32 number = ts_frame_context(&window);

	assert_int_equal(ts_frame_context(&other), number);
	ts_snapshot_counter(other.delta, TS_FAMILY_TASK_MIGRATIONS, NULL, 5);
	other.delta->realtime_ns++;
	other.delta->cost.rss_bytes++;
	other.seconds = 11;
	ts_snapshot_netns(other.delta, &(struct ts_netns){"1", "", 5, "", true});
	assert_int_equal(ts_frame_context(&other), number);

	other.delta->host.cpus = 7;
	assert_int_not_equal(ts_frame_context(&other), number);
	other.delta->host.cpus = 8;
	other.delta->host.memory_bytes++;
	assert_int_not_equal(ts_frame_context(&other), number);
	other.delta->host.memory_bytes--;
	other.delta->host.hostname = "web2";
	assert_int_not_equal(ts_frame_context(&other), number);
	other.delta->host.hostname = "web1";
	assert_int_equal(ts_frame_context(&other), number);
	other.delta->setting[0].value = "4096";
	assert_int_not_equal(ts_frame_context(&other), number);
	other.delta->setting[0].value = "";
	other.delta->setting[0].status = TS_STATUS_FAILED;
	assert_int_not_equal(ts_frame_context(&other), number);
	ts_window_free(&window);
	ts_window_free(&other);
}

static void a_context_replaces_the_one_before(void **state)
{
	struct ts_window first = window_with_context(), second = window_with_context(), back;
	struct ts_frame_header header = {0}, context = {0};
	struct ts_bytes frame = {0}, one = {0}, two = {0};

	second.delta->setting[0].value = "4096";
	ts_frame_write_window(&first, &header, &frame);
	ts_frame_write_context(&first, &context, &one);
	assert_int_equal(ts_frame_read_window(&header, frame.data, &back, NULL, NULL), 0);
	assert_int_equal(back.delta->settings, 0);
	assert_string_equal(back.delta->host.hostname, "");
	assert_int_equal(ts_frame_read_context(&context, one.data, &back, NULL, NULL), 0);
	assert_int_equal(context.context, ts_frame_context(&first));
	ts_frame_write_context(&second, &context, &two);
	assert_int_equal(context.context, ts_frame_context(&second));
	assert_int_equal(ts_frame_read_context(&context, two.data, &back, NULL, NULL), 0);
	assert_int_equal(back.delta->settings, 1);
	assert_string_equal(back.delta->setting[0].value, "4096");
	ts_window_free(&back);
	ts_window_free(&first);
	ts_window_free(&second);
	ts_bytes_free(&frame);
	ts_bytes_free(&one);
	ts_bytes_free(&two);
}

/* ---- headers */

static void seal(unsigned char *header)
{
	__u32 crc = (__u32)crc32(0, header, 60);

	for (int i = 0; i < 4; i++)
		header[60 + i] = (unsigned char)(crc >> 8 * i);
}

static void a_header_holds_what_it_should_where_it_should(void **state)
{
	struct ts_window window = empty_window();
	struct ts_frame_header header = {
		.session = 0x1122334455667788, .sequence = 0x99aabbcc, .context = 0xddeeff00};
	static const unsigned char expected[] = {
		0x89, 0x54, 0x53, 0x46, 0x04, 0x02, 0x40, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
		0x00, 0x00, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0xcc, 0xbb, 0xaa, 0x99,
		0x00, 0xff, 0xee, 0xdd, 0x00, 0x60, 0x97, 0xca, 0x86, 0x55, 0xb8, 0x17, 0x7b, 0x50,
		0x39, 0x27, 0x8c, 0x04, 0x00, 0x00, 0x00, 0xe4, 0x0b, 0x54, 0x02, 0x00, 0x00, 0x00};
	struct ts_bytes bytes = {0};

	ts_frame_write_window(&window, &header, &bytes);
	memset(bytes.data + 8, 0, 8); /* the lengths are checked below */
	assert_memory_equal(bytes.data, expected, sizeof expected);
	assert_int_equal(header.type, TS_FRAME_WINDOW);
	assert_int_equal(header.version, TS_FRAME_VERSION);
	assert_int_equal(bytes.length, TS_FRAME_HEADER + header.stored_length);
	assert_int_equal(header.payload_crc,
			 crc32(0, bytes.data + TS_FRAME_HEADER, header.stored_length));
	ts_bytes_free(&bytes);
	ts_window_free(&window);
}

static void an_end_frame_is_a_header(void **state)
{
	struct ts_frame_header header = {.session = 5,
					 .sequence = 9,
					 .realtime_ns = 77,
					 .boottime_ns = 66},
			       read;
	struct ts_bytes bytes = {0};

	ts_frame_write_end(&header, &bytes);
	assert_int_equal(bytes.length, TS_FRAME_HEADER);
	assert_int_equal(ts_frame_read_header(bytes.data, bytes.length, &read), 0);
	assert_int_equal(read.type, TS_FRAME_END);
	assert_int_equal(read.session, 5);
	assert_int_equal(read.sequence, 9);
	assert_int_equal(read.realtime_ns, 77);
	assert_int_equal(read.boottime_ns, 66);
	assert_int_equal(read.duration_ns, 0);
	assert_true(ts_frame_payload_valid(&read, bytes.data, bytes.length));
	ts_bytes_free(&bytes);
}

static void headers_are_told_from_other_bytes(void **state)
{
	struct ts_window window = empty_window();
	struct ts_frame_header header = {0}, read;
	struct ts_bytes bytes = {0};

	ts_frame_write_window(&window, &header, &bytes);
	/* Fewer bytes than a header: there may be one, unless it begins differently. */
	for (size_t length = 0; length < TS_FRAME_HEADER; length++)
		assert_int_equal(ts_frame_read_header(bytes.data, length, &read), -EAGAIN);
	assert_int_equal(ts_frame_read_header("\x89TSX", 4, &read), -EPROTO);
	assert_int_equal(ts_frame_read_header("a", 1, &read), -EPROTO);
	/* Any bit that is wrong. */
	for (size_t i = 0; i < TS_FRAME_HEADER * 8; i++) {
		bytes.data[i / 8] ^= 1u << i % 8;
		assert_int_equal(ts_frame_read_header(bytes.data, bytes.length, &read), -EPROTO);
		bytes.data[i / 8] ^= 1u << i % 8;
	}
	assert_int_equal(ts_frame_read_header(bytes.data, bytes.length, &read), 0);
	ts_bytes_free(&bytes);
	ts_window_free(&window);
}

/* A field that cannot be, although the checksum is right. */
static int with_field(const struct ts_bytes *frame, size_t offset, const char *bytes, size_t length,
		      struct ts_frame_header *header)
{
	unsigned char copy[TS_FRAME_HEADER];

	memcpy(copy, frame->data, sizeof copy);
	memcpy(copy + offset, bytes, length);
	seal(copy);
	return ts_frame_read_header(copy, sizeof copy, header);
}

static void fields_of_a_header_are_checked(void **state)
{
	struct ts_window window = empty_window(), back;
	struct ts_frame_header header = {0}, read;
	struct ts_bytes frame = {0};
	const char *why;

	ts_frame_write_window(&window, &header, &frame);
	assert_int_equal(with_field(&frame, 4, "\5", 1, &read), -EPROTONOSUPPORT);
	assert_int_equal(read.version, 5);
	assert_int_equal(read.stored_length, header.stored_length);
	assert_int_equal(with_field(&frame, 4, "\0", 1, &read), -EPROTONOSUPPORT);
	assert_int_equal(with_field(&frame, 4, "\1", 1, &read), 0);
	assert_int_equal(with_field(&frame, 6, "\x41", 1, &read), -EPROTO);
	assert_int_equal(with_field(&frame, 8, "\1\0\0\4", 4, &read), -EPROTO);
	assert_int_equal(with_field(&frame, 12, "\1\0\0\4", 4, &read), -EPROTO);
	assert_int_equal(with_field(&frame, 12, "\377\377\377\377", 4, &read), -EPROTO);
	assert_int_equal(with_field(&frame, 5, "\x37", 1, &read), 0);
	assert_int_equal(read.type, 0x37);
	/* Another length than the content has. */
	for (int off = -1; off <= 1; off += 2) {
		read = header;
		read.raw_length += (__u32)off;
		assert_int_equal(ts_frame_read_window(&read, frame.data, &back, NULL, &why),
				 -EPROTO);
		assert_null(back.delta);
		assert_non_null(why);
	}
	/* More than zlib could have packed into so few bytes. */
	read = header;
	read.raw_length = TS_FRAME_RAW_MAX;
	assert_int_equal(ts_frame_read_window(&read, frame.data, &back, NULL, &why), -EPROTO);
	ts_bytes_free(&frame);
	ts_window_free(&window);
}

static void a_payload_is_valid_only_when_it_is_whole(void **state)
{
	struct ts_window window = empty_window();
	struct ts_frame_header header = {0};
	struct ts_bytes frame = {0};

	ts_frame_write_window(&window, &header, &frame);
	for (size_t length = 0; length < frame.length; length++)
		assert_false(ts_frame_payload_valid(&header, frame.data, length));
	for (size_t i = TS_FRAME_HEADER; i < frame.length; i++) {
		frame.data[i] ^= 0x10;
		assert_false(ts_frame_payload_valid(&header, frame.data, frame.length));
		frame.data[i] ^= 0x10;
	}
	assert_true(ts_frame_payload_valid(&header, frame.data, frame.length));
	ts_bytes_free(&frame);
	ts_window_free(&window);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_window_comes_back),
		cmocka_unit_test(every_family_and_status_comes_back),
		cmocka_unit_test(a_series_of_zero_is_a_series_of_zero),
		cmocka_unit_test(hostile_strings_come_back),
		cmocka_unit_test(odd_gauges_come_back_to_the_last_bit),
		cmocka_unit_test(histograms_come_back_at_every_scale),
		cmocka_unit_test(a_maximum_that_is_a_bound_comes_back),
		cmocka_unit_test(rounded_histograms_come_back_and_are_short),
		cmocka_unit_test(random_windows_come_back),
		cmocka_unit_test(the_number_of_a_context_changes_with_it_and_with_nothing_else),
		cmocka_unit_test(a_context_replaces_the_one_before),
		cmocka_unit_test(a_header_holds_what_it_should_where_it_should),
		cmocka_unit_test(an_end_frame_is_a_header),
		cmocka_unit_test(headers_are_told_from_other_bytes),
		cmocka_unit_test(fields_of_a_header_are_checked),
		cmocka_unit_test(a_payload_is_valid_only_when_it_is_whole),
	};

	return cmocka_run_group_tests_name("frames", tests, NULL, NULL);
}
