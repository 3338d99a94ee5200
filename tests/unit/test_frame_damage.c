// SPDX-License-Identifier: GPL-2.0-only
/*
 * Payloads that are not what they should be although their checksum is right, and payloads of a
 * tunescope that is newer than this one.
 */
#include "frame_windows.h"

#include "../../user/core/frame_payload.h"
#include "../../user/core/frame_packer.h"

#define TINY_MUTATIONS 45000 /* of each payload made by hand */
#define MUTATIONS      10000 /* of whole windows */

/* Of payloads that are made by hand: since version 4 their numbers are plain. */
static unsigned int version = TS_FRAME_VERSION;

static struct ts_bytes payload_of(const struct ts_window *window)
{
	struct ts_bytes raw = {0};

	ts_frame_payload_window(window, &raw);
	return raw;
}

static struct ts_frame_header header_of(size_t length)
{
	return (struct ts_frame_header){
		.type = TS_FRAME_WINDOW, .version = version, .raw_length = (__u32)length};
}

static int read_payload(const struct ts_bytes *raw, struct ts_window *window,
			struct ts_frame_unknown *unknown, const char **why)
{
	struct ts_frame_header header = header_of(raw->length);
	/* Of exactly that size, so that the address sanitizer sees a byte too much. */
	unsigned char *copy = malloc(raw->length ? raw->length : 1);
	int error;

	assert_non_null(copy);
	if (raw->length)
		memcpy(copy, raw->data, raw->length);
	error = ts_frame_payload_read_window(&header, copy, window, unknown, why);
	free(copy);
	return error;
}

/* Touches everything a window has. */
static void walk(const struct ts_window *window)
{
	struct ts_window back = {0};

	ts_window_add(&back, window);
	ts_window_free(&back);
}

/* Returns whether it could be read; if not, the reason is given and the window is empty. */
static bool survives(const struct ts_bytes *raw, bool thoroughly)
{
	struct ts_frame_unknown unknown = {0};
	const char *why = NULL;
	struct ts_window window;

	if (read_payload(raw, &window, &unknown, &why)) {
		assert_non_null(why);
		assert_null(window.delta);
		return false;
	}
	assert_null(why);
	if (thoroughly)
		walk(&window);
	ts_window_free(&window);
	return true;
}

/* ---- built by hand */

static void section(struct ts_bytes *out, unsigned int number, struct ts_bytes *body)
{
	ts_frame_put_number(out, number);
	ts_frame_put_number(out, body->length);
	ts_bytes_append(out, body->data, body->length);
	ts_bytes_free(body);
}

static void put_numbers(struct ts_bytes *out, const int *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ts_frame_put_number(out, (__u64)numbers[i]);
}
#define NUMBERS(out, ...)                            \
	put_numbers(out, (const int[]){__VA_ARGS__}, \
		    sizeof((const int[]){__VA_ARGS__}) / sizeof(int))

static void put_strings(struct ts_bytes *out, const char *const *text, size_t count)
{
	struct ts_bytes body = {0};

	for (size_t i = 0; i < count; i++) {
		ts_bytes_append(&body, "", 1);
		ts_bytes_append(&body, text[i], strlen(text[i]) + 1);
	}
	section(out, TS_SECTION_STRINGS, &body);
}

/* The numbers of a payload made by hand. */
struct numbers {
	struct ts_arena *arena;
	struct ts_bytes packed;
	struct ts_packer *packer;
};

static void pack_counters(struct numbers *numbers, const int *values, size_t count)
{
	__u64 column[16];

	for (size_t i = 0; i < count; i++)
		column[i] = (__u64)values[i];
	ts_frame_pack_counters(numbers->packer, column, count);
}
#define COUNTERS(numbers, ...)                             \
	pack_counters(numbers, (const int[]){__VA_ARGS__}, \
		      sizeof((const int[]){__VA_ARGS__}) / sizeof(int))

static void pack_sizes(struct numbers *numbers, const __u64 *sizes, size_t count)
{
	unsigned int before = TS_PACKER_FIRST;

	for (size_t i = 0; i < count; i++)
		ts_pack_number(numbers->packer, &before, sizes[i], TS_PACKER_DIGITS);
}
#define SIZES(numbers, ...)                               \
	pack_sizes(numbers, (const __u64[]){__VA_ARGS__}, \
		   sizeof((const __u64[]){__VA_ARGS__}) / sizeof(__u64))

static void put_times(struct ts_bytes *out, struct numbers *numbers)
{
	struct ts_bytes body = {0};
	double lengths[] = {10, 0};

	numbers->arena = ts_arena_new();
	numbers->packer = version < 4 ? ts_packer_writer(numbers->arena, &numbers->packed)
				      : ts_packer_plain_writer(numbers->arena, &numbers->packed);
	ts_frame_pack_doubles(numbers->packer, lengths, 2);
	NUMBERS(&body, 0, 0);
	section(out, TS_SECTION_TIMES, &body);
}

static void put_packed(struct ts_bytes *out, struct numbers *numbers)
{
	ts_packer_finish(numbers->packer);
	ts_arena_free(numbers->arena);
	section(out, TS_SECTION_PACKED, &numbers->packed);
}

/* Each is at most one beyond the newest so far. */
static void pack_references(struct numbers *numbers, __u32 newest, const __u32 *strings,
			    size_t count)
{
	ts_frame_put_references(NULL, numbers->packer, strings, count, &newest);
}
#define REFERENCES(numbers, newest, ...)                               \
	pack_references(numbers, newest, (const __u32[]){__VA_ARGS__}, \
			sizeof((const __u32[]){__VA_ARGS__}) / sizeof(__u32))

/* Five families: known, unknown, of an unknown kind, in another form, with other label keys. */
static struct ts_bytes newer_payload(void)
{
	static const char *const text[] = {"context_switches counter count kind",
					   "quasars counter parsecs colour",
					   "pulsars sketch seconds",
					   "task_migrations histogram seconds",
					   "tcp_resets counter count port colour netns",
					   "ok",
					   "from-the-future",
					   "voluntary",
					   "red",
					   "80",
					   "1"};
	struct ts_bytes out = {0}, body = {0};
	struct ts_histogram *empty;
	struct numbers numbers = {0};
	unsigned char flags;

	put_strings(&out, text, sizeof text / sizeof text[0]);
	ts_bytes_append(&body, "what nobody knows", 17);
	section(&out, 4711, &body);
	put_times(&out, &numbers);

	/* Four sets of one row each, and their columns: voluntary; red; none; 80, red, 1. */
	NUMBERS(&body, 4);
	section(&out, TS_SECTION_LABELS, &body);
	NUMBERS(&body, 5);
	NUMBERS(&body, 3, 1, 2, 3); /* pulsars: three bytes */
	section(&out, TS_SECTION_FAMILIES, &body);
	REFERENCES(&numbers, 0, 1, 2, 3, 4, 5);
	REFERENCES(&numbers, 5, 6, 6, 6, 6, 7);
	REFERENCES(&numbers, 7, 0, 0, 0, 0, 7);
	COUNTERS(&numbers, 0, 0, 0, 0, 0); /* nothing overflowed */
	SIZES(&numbers, 1, 1, 1, 1);
	SIZES(&numbers, 1, 1, 0, 3);
	REFERENCES(&numbers, 7, 8);
	REFERENCES(&numbers, 8, 9);
	REFERENCES(&numbers, 9, 10);
	REFERENCES(&numbers, 10, 9);
	REFERENCES(&numbers, 10, 11);
	REFERENCES(&numbers, 0, 0, 1, 2, 2, 3); /* label sets */
	COUNTERS(&numbers, 5);			/* context_switches */
	COUNTERS(&numbers, 6);			/* quasars */
	empty = ts_histogram_new(numbers.arena, 4, TS_UNIT_SECONDS);
	ts_frame_pack_flags(numbers.packer, &empty, &flags, 1); /* task_migrations */
	COUNTERS(&numbers, 9);					/* tcp_resets */
	put_packed(&out, &numbers);
	return out;
}

/* Something in every section, in few bytes: three families with a row, who suffered, a program. */
static struct ts_bytes tiny_payload(void)
{
	static const char *const text[] = {"runq_latency histogram seconds",
					   "tasks gauge count state",
					   "vm_events counter count event",
					   "ok",
					   "running",
					   "swap",
					   "1",
					   "dd"};
	struct ts_bytes out = {0}, body = {0};
	double gauges[] = {300, 400}, harm[] = {1.5, NAN};
	struct numbers numbers = {0};
	struct ts_histogram *histogram;
	unsigned char flags;

	put_strings(&out, text, sizeof text / sizeof text[0]);
	put_times(&out, &numbers);
	NUMBERS(&body, 3);
	section(&out, TS_SECTION_LABELS, &body);
	NUMBERS(&body, 3);
	section(&out, TS_SECTION_FAMILIES, &body);
	REFERENCES(&numbers, 0, 1, 2, 3);
	REFERENCES(&numbers, 3, 4, 4, 4);
	REFERENCES(&numbers, 4, 0, 0, 0);
	COUNTERS(&numbers, 0, 1, 2); /* what overflowed */
	SIZES(&numbers, 1, 2, 2);
	SIZES(&numbers, 0, 1, 1);
	REFERENCES(&numbers, 4, 5, 5);
	REFERENCES(&numbers, 5, 6, 6);
	REFERENCES(&numbers, 0, 0, 1, 2); /* label sets */
	histogram = ts_histogram_new(numbers.arena, 4, TS_UNIT_SECONDS);
	ts_histogram_add(histogram, 500, 3);
	ts_histogram_add(histogram, 700, 9);
	ts_frame_pack_flags(numbers.packer, &histogram, &flags, 1);
	ts_frame_pack_histograms(numbers.packer, &histogram, &flags, 1, numbers.arena);
	ts_frame_pack_gauges(numbers.packer, gauges, 2, numbers.arena);
	COUNTERS(&numbers, 1000000, 2000000); /* vm_events */
	NUMBERS(&body, 1, 14, 1); /* of the namespace: pid, initial; inode, no name, comm */
	section(&out, TS_SECTION_NETNS, &body);
	REFERENCES(&numbers, 6, 7);
	REFERENCES(&numbers, 7, 0);
	REFERENCES(&numbers, 7, 8);
	NUMBERS(&body, 2, 0, 1); /* of the sufferers: family; comm, cgroup, pid, harm, label */
	section(&out, TS_SECTION_SUFFERERS, &body);
	REFERENCES(&numbers, 8, 8, 8);
	REFERENCES(&numbers, 8, 0, 0);
	COUNTERS(&numbers, 14, 14);
	ts_frame_pack_doubles(numbers.packer, harm, 2);
	REFERENCES(&numbers, 8, 5);
	NUMBERS(&body, 1); /* of the program: name, source, hook, status, reason */
	section(&out, TS_SECTION_PROBES, &body);
	REFERENCES(&numbers, 8, 7);
	REFERENCES(&numbers, 8, 0);
	REFERENCES(&numbers, 8, 0);
	REFERENCES(&numbers, 8, 4);
	REFERENCES(&numbers, 8, 0);
	COUNTERS(&numbers, 100);
	COUNTERS(&numbers, 70000);
	NUMBERS(&body, 1, 2, 3, 4, 5, 6, 1, 8);
	section(&out, TS_SECTION_COST, &body);
	put_packed(&out, &numbers);
	return out;
}

static struct ts_window small_window(uint64_t *seed)
{
	struct ts_window window = empty_window();

	for (int i = 0; i < 5; i++) {
		enum ts_family_id id = (reference_random(seed) >> 32) % TS_FAMILY_COUNT;

		random_series(window.delta, id, ts_families[id].kind == TS_KIND_HISTOGRAM ? 1 : 3,
			      seed);
	}
	ts_histogram_add(ts_snapshot_histogram(window.delta, TS_FAMILY_RUNQ_LATENCY, NULL, 4),
			 reference_random(seed) >> 40, 1);
	ts_snapshot_netns(window.delta, &(struct ts_netns){"1", "", 3, "init", true});
	ts_snapshot_sufferer(window.delta, &(struct ts_sufferer){.family = TS_FAMILY_BLOCK_LATENCY,
								 .label = {"sda", "read"},
								 .comm = "dd",
								 .value = 1.5});
	random_cost(window.delta, seed);
	return window;
}

static void mutate(struct ts_bytes *raw, uint64_t *seed)
{
	static const unsigned char odd[] = {0, 1, 2, 0x7f, 0x80, 0xfe, 0xff};
	uint64_t r = reference_random(seed);
	/* Mostly behind the strings, where the structure is. */
	size_t at = (r >> 20) % raw->length, tail = raw->length > 1000 ? 1000 : raw->length;
	size_t length = 1 + (r >> 50) % 8;

	if (r & 8)
		at = raw->length - 1 - (r >> 20) % tail;
	if (length > raw->length - at)
		length = raw->length - at;
	switch (r & 7) {
	case 0: raw->length = at; break;
	case 1: memset(raw->data + at, 0xff, length); break;
	case 2: /* a piece is gone */
		memmove(raw->data + at, raw->data + at + length, raw->length - at - length);
		raw->length -= length;
		break;
	case 3: memmove(raw->data, raw->data + at, length); break;
	case 4: raw->data[at] ^= (unsigned char)(1u << (r >> 60) % 8); break;
	default: raw->data[at] = odd[(r >> 40) % sizeof odd]; break;
	}
}

/* Copies of a payload with one to four mutations each. */
static void mutate_many(const struct ts_bytes *raw, unsigned int times, uint64_t *seed,
			unsigned int *readable)
{
	struct ts_bytes copy = {0};

	for (unsigned int k = 0; k < times; k++) {
		copy.length = 0;
		ts_bytes_append(&copy, raw->data, raw->length);
		for (uint64_t n = 1 + (reference_random(seed) >> 62); n && copy.length; n--)
			mutate(&copy, seed);
		*readable += survives(&copy, k % 16 == 0);
	}
	ts_bytes_free(&copy);
}

static void no_mutation_does_harm(void **state)
{
	uint64_t seed = 77;
	unsigned int readable = 0;
	struct ts_bytes tiny, newer;

	version = *(const unsigned int *)*state;
	tiny = tiny_payload();
	newer = newer_payload();
	assert_true(survives(&tiny, true));
	assert_true(survives(&newer, true));
	mutate_many(&tiny, TINY_MUTATIONS, &seed, &readable);
	mutate_many(&newer, TINY_MUTATIONS, &seed, &readable);
	for (int i = 0; version == TS_FRAME_VERSION && i < MUTATIONS / 100; i++) {
		struct ts_window window = small_window(&seed);
		struct ts_bytes raw = payload_of(&window);

		assert_true(survives(&raw, true));
		mutate_many(&raw, 100, &seed, &readable);
		ts_bytes_free(&raw);
		ts_window_free(&window);
	}
	/* Both happen all the time, so that both were tried. */
	assert_in_range(readable, 1000, MUTATIONS + 2 * TINY_MUTATIONS - 1000);
	ts_bytes_free(&tiny);
	ts_bytes_free(&newer);
}

static void no_length_does_harm(void **state)
{
	uint64_t seed = 78;
	struct ts_window window = small_window(&seed);
	struct ts_bytes raw = payload_of(&window);
	size_t length = raw.length;

	/* Without its strings it cannot be read; later sections may be missing altogether. */
	for (raw.length = 0; raw.length < length; raw.length++)
		survives(&raw, false);
	raw.length = 10;
	assert_false(survives(&raw, true));
	raw.length = length;
	assert_true(survives(&raw, true));
	ts_bytes_free(&raw);
	ts_window_free(&window);
}

/* Damage that zlib sees, or that it does not. */
static void no_packed_byte_does_harm(void **state)
{
	uint64_t seed = 79;
	struct ts_window window = small_window(&seed), back;
	struct ts_frame_header header = {0};
	struct ts_bytes frame = {0};
	const char *why;

	ts_frame_write_window(&window, &header, &frame);
	for (size_t i = TS_FRAME_HEADER; i < frame.length; i++) {
		frame.data[i] ^= 1u << i % 8;
		if (!ts_frame_read_window(&header, frame.data, &back, NULL, &why)) {
			walk(&back);
			ts_window_free(&back);
		}
		frame.data[i] ^= 1u << i % 8;
	}
	ts_bytes_free(&frame);
	ts_window_free(&window);
}

/* A context is read into a window that has one already: damage leaves that as it was. */
static void a_damaged_context_changes_nothing(void **state)
{
	uint64_t seed = 80;
	struct ts_window window = random_window(&seed), back;
	struct ts_frame_header header = header_of(0), frame_header = {0};
	struct ts_frame_unknown unknown = {0};
	struct ts_bytes raw = {0}, copy = {0}, frame = {0};
	unsigned int refused = 0;
	const char *why;

	header.type = TS_FRAME_CONTEXT;
	window.delta->host.hostname = "before";
	ts_frame_write_window(&window, &frame_header, &frame);
	ts_frame_payload_context(&window, &raw);
	for (int i = 0; i < 2000; i++) {
		assert_int_equal(ts_frame_read_window(&frame_header, frame.data, &back, NULL, &why),
				 0);
		header.raw_length = (__u32)raw.length;
		assert_int_equal(
			ts_frame_payload_read_context(&header, raw.data, &back, &unknown, &why), 0);
		copy.length = 0;
		ts_bytes_append(&copy, raw.data, raw.length);
		mutate(&copy, &seed);
		header.raw_length = (__u32)copy.length;
		if (ts_frame_payload_read_context(&header, copy.data, &back, &unknown, &why)) {
			refused++;
			assert_string_equal(back.delta->host.hostname, "before");
			assert_int_equal(back.delta->settings, window.delta->settings);
		}
		walk(&back);
		ts_window_free(&back);
	}
	assert_true(refused > 20);
	ts_bytes_free(&raw);
	ts_bytes_free(&copy);
	ts_bytes_free(&frame);
	ts_window_free(&window);
}

static void what_is_newer_is_passed_over(void **state)
{
	struct ts_frame_unknown unknown = {0};
	struct ts_window window;
	const char *why = NULL;
	struct ts_bytes out;

	version = *(const unsigned int *)*state;
	out = newer_payload();
	if (read_payload(&out, &window, &unknown, &why))
		fail_msg("%s", why);
	assert_int_equal(unknown.families, 3);
	assert_int_equal(
		ts_window_counter(&window, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("voluntary")), 5);
	assert_int_equal(ts_window_status(&window, TS_FAMILY_CONTEXT_SWITCHES), TS_STATUS_OK);
	/* Keys are found by name; one this tunescope does not have is left out. */
	assert_int_equal(window.delta->family[TS_FAMILY_TCP_RESETS].count, 1);
	assert_int_equal(
		ts_window_counter(&window, TS_FAMILY_TCP_RESETS, TS_LABELS("1", "", "80", "")), 9);
	/* A status it does not know is none that reads as measured. */
	assert_int_equal(ts_window_status(&window, TS_FAMILY_TCP_RESETS), TS_STATUS_FAILED);
	assert_string_equal(ts_window_why(&window, TS_FAMILY_TCP_RESETS), "from-the-future");
	assert_int_equal(ts_window_status(&window, TS_FAMILY_TASK_MIGRATIONS),
			 TS_STATUS_UNSUPPORTED);
	assert_non_null(strstr(ts_window_why(&window, TS_FAMILY_TASK_MIGRATIONS), "another form"));
	assert_int_equal(window.delta->family[TS_FAMILY_TASK_MIGRATIONS].count, 0);
	/* What is not in the frame was not recorded. */
	assert_int_equal(ts_window_status(&window, TS_FAMILY_PRESSURE), TS_STATUS_UNSUPPORTED);
	assert_non_null(strstr(ts_window_why(&window, TS_FAMILY_PRESSURE), "not recorded"));
	ts_window_free(&window);
	ts_bytes_free(&out);
}

/* A few bytes cannot claim much: rows without labels whose values are all zero cost nothing. */
static void claims_are_bounded(void **state)
{
	static const char *const texts[] = {"tasks gauge count", "task_migrations counter count",
					    "runq_latency histogram seconds",
					    "quasars counter count"};
	static const __u64 rows[] = {1ULL << 24, 1ULL << 40, 1ULL << 61, UINT64_MAX};

	version = *(const unsigned int *)*state;
	for (size_t i = 0; i < 16; i++) {
		struct ts_bytes out = {0}, body = {0};
		const char *const text[] = {texts[i / 4], "ok"};
		struct numbers numbers = {0};

		put_strings(&out, text, 2);
		put_times(&out, &numbers);
		NUMBERS(&body, 1);
		section(&out, TS_SECTION_LABELS, &body);
		NUMBERS(&body, 1);
		section(&out, TS_SECTION_FAMILIES, &body);
		REFERENCES(&numbers, 0, 1);
		REFERENCES(&numbers, 1, 2);
		REFERENCES(&numbers, 2, 0);
		COUNTERS(&numbers, 0);
		SIZES(&numbers, rows[i % 4]);
		SIZES(&numbers, 0);
		REFERENCES(&numbers, 0, 0);
		COUNTERS(&numbers, 0);
		put_packed(&out, &numbers);
		assert_false(survives(&out, true));
		ts_bytes_free(&out);
	}
}

int main(void)
{
	static unsigned int packed = 3, plain = TS_FRAME_VERSION;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(no_mutation_does_harm, &packed),
		cmocka_unit_test_prestate(no_mutation_does_harm, &plain),
		cmocka_unit_test(no_length_does_harm),
		cmocka_unit_test(no_packed_byte_does_harm),
		cmocka_unit_test(a_damaged_context_changes_nothing),
		cmocka_unit_test_prestate(what_is_newer_is_passed_over, &packed),
		cmocka_unit_test_prestate(what_is_newer_is_passed_over, &plain),
		cmocka_unit_test_prestate(claims_are_bounded, &packed),
		cmocka_unit_test_prestate(claims_are_bounded, &plain),
	};

	return cmocka_run_group_tests_name("damaged frames", tests, NULL, NULL);
}
