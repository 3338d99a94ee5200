// SPDX-License-Identifier: GPL-2.0-only
/* Groups of windows: what is written comes back; what is damaged costs the group and says so. */
#include "frame_windows.h"

#include "../../user/core/frame_group.h"
#include "../../user/core/frame_payload.h"
#include "../../user/core/recording.h"
#include "../../user/core/window_round.h"

#define NS_PER_SECOND 1000000000ULL
#define MUTATIONS     20000

/* ---- a session of windows */

struct session {
	struct ts_window window[TS_GROUP_WINDOWS_MAX];
	struct ts_frame_header header[TS_GROUP_WINDOWS_MAX];
	unsigned int count;
	unsigned int contexts; /* one after so many windows takes a number of its own; 0: none */
};

static void add_window(struct session *session, struct ts_window window)
{
	unsigned int i = session->count++;
	struct ts_bytes frame = {0};

	window.seconds = 10;
	window.delta->boottime_ns = (1000 + 10 * i) * NS_PER_SECOND + i * 1234;
	window.delta->monotonic_ns = window.delta->boottime_ns - 77;
	window.delta->realtime_ns = 1700000000 * NS_PER_SECOND + window.delta->boottime_ns - i;
	window.start_realtime_ns = window.delta->realtime_ns - 10 * NS_PER_SECOND;
	session->window[i] = window;
	session->header[i] = (struct ts_frame_header){
		.session = 0xfeedULL,
		.sequence = 1 + i + (session->contexts ? i / session->contexts : 0),
		.context = i < 7 ? 12345 : 6789};
	ts_frame_write_window(&window, &session->header[i], &frame);
	ts_bytes_free(&frame);
}

static void free_session(struct session *session)
{
	for (unsigned int i = 0; i < session->count; i++)
		ts_window_free(&session->window[i]);
}

/* The windows first and behind, as a group. */
static struct ts_bytes group_of(const struct session *session, unsigned int first,
				unsigned int count, struct ts_frame_header *header)
{
	struct ts_group_writer *writer = ts_group_writer_new();
	struct ts_bytes bytes = {0};

	for (unsigned int i = first; i < first + count; i++)
		ts_group_add(writer, &session->window[i], &session->header[i]);
	assert_int_equal(ts_group_windows(writer), count);
	ts_group_finish(writer, header, &bytes);
	assert_int_equal(ts_group_windows(writer), 0);
	ts_group_writer_free(writer);
	return bytes;
}

/* What stands elsewhere. */
static void add_context(const struct ts_window *window, struct ts_window *back)
{
	struct ts_frame_header header = {0};
	struct ts_bytes bytes = {0};

	ts_frame_write_context(window, &header, &bytes);
	assert_int_equal(ts_frame_read_context(&header, bytes.data, back, NULL, NULL), 0);
	ts_bytes_free(&bytes);
}

static void comes_back_as_group(const struct session *session)
{
	struct ts_frame_header written, header, member[TS_GROUP_WINDOWS_MAX];
	struct ts_bytes bytes = group_of(session, 0, session->count, &written);
	struct ts_group_reader *reader;
	unsigned int count;
	const char *why;

	assert_int_equal(ts_frame_read_header(bytes.data, bytes.length, &header), 0);
	same_headers(&written, &header);
	assert_int_equal(header.type, TS_FRAME_GROUP);
	assert_int_equal(header.context, session->count);
	assert_int_equal(header.sequence, session->header[0].sequence);
	assert_true(ts_frame_payload_valid(&header, bytes.data, bytes.length));
	assert_int_equal(ts_group_read_headers(&header, bytes.data, member, &count), 0);
	assert_int_equal(count, session->count);
	reader = ts_group_reader_new(&header, bytes.data, &why);
	assert_non_null(reader);
	for (unsigned int i = 0; i < count; i++) {
		struct ts_window back;

		assert_int_equal(member[i].sequence, session->header[i].sequence);
		assert_int_equal(member[i].context, session->header[i].context);
		assert_true(member[i].session == session->header[i].session);
		assert_true(member[i].boottime_ns == session->header[i].boottime_ns);
		assert_true(member[i].realtime_ns == session->header[i].realtime_ns);
		assert_true(member[i].duration_ns == session->header[i].duration_ns);
		if (ts_group_read_window(reader, &member[i], &back, NULL, &why))
			fail_msg("window %u: %s", i, why);
		add_context(&session->window[i], &back);
		same_windows(&session->window[i], &back);
		ts_window_free(&back);
	}
	ts_group_reader_free(reader);
	ts_bytes_free(&bytes);
}

/* A window in which much is as in the one before, and much is not. */
static struct ts_window like_before(uint64_t *seed, unsigned int i)
{
	struct ts_window window = empty_window();
	struct ts_snapshot *delta = window.delta;

	for (unsigned int k = 0; k < 20; k++) {
		char name[32];

		snprintf(name, sizeof name, "counter%u", (k + (i % 3 == 2 ? i : 0)) % 25);
		ts_snapshot_counter(delta, TS_FAMILY_VM_EVENTS, TS_LABELS(name),
				    k % 4 ? 4096 * (reference_random(seed) % 1000) : k);
		ts_snapshot_gauge(delta, TS_FAMILY_MEMORY, TS_LABELS(name),
				  (double)(1000000 + reference_random(seed) % 100) * 4096);
	}
	for (unsigned int k = 0; k < 3; k++) {
		struct ts_histogram *h = ts_snapshot_histogram(
			delta, TS_FAMILY_BLOCK_LATENCY, TS_LABELS(k ? "sda" : "sdb", "read"), 3);

		for (unsigned int n = 0; n < 100 + 50 * k; n++)
			ts_histogram_add(h, 50000 + reference_random(seed) % 400000, 1);
		h->max_is_bound = i % 5 != 0;
	}
	ts_snapshot_sufferer(delta, &(struct ts_sufferer){.family = TS_FAMILY_RUNQ_LATENCY,
							  .label = {"", "", "", ""},
							  .pid = 1000 + (int)(i % 4),
							  .comm = "make",
							  .cgroup = "/user.slice",
							  .value = 0.25 + i});
	ts_snapshot_counter(delta, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("voluntary"),
			    i % 4 ? 1ULL << i : 0);
	window.missing_seconds = i == 3 ? 20.5 : 0;
	ts_window_round(&window);
	return window;
}

static struct session usual_session(unsigned int windows, unsigned int contexts)
{
	struct session session = {.contexts = contexts};
	uint64_t seed = 7;

	for (unsigned int i = 0; i < windows; i++)
		add_window(&session, like_before(&seed, i));
	return session;
}

static void usual_windows_come_back(void **state)
{
	struct session session = usual_session(TS_GROUP_WINDOWS_MAX, 5);

	comes_back_as_group(&session);
	free_session(&session);
}

static void a_single_window_and_an_empty_one_come_back(void **state)
{
	struct session session = usual_session(1, 0);

	comes_back_as_group(&session);
	add_window(&session, empty_window());
	comes_back_as_group(&session);
	free_session(&session);
}

/* Hostile names, all values there are, tables that come and go. */
static void any_windows_come_back(void **state)
{
	uint64_t seed = 1;

	for (unsigned int round = 0; round < 12; round++) {
		struct session session = {0};

		for (unsigned int i = 0; i < 2 + round % 5; i++) {
			uint64_t again = seed;

			add_window(&session, random_window(&seed));
			/* Once more, with nothing changed. */
			if (i % 3 == 1)
				add_window(&session, random_window(&again));
		}
		comes_back_as_group(&session);
		free_session(&session);
	}
}

static void a_group_takes_much_less_than_its_windows(void **state)
{
	struct session session = usual_session(30, 0);
	struct ts_frame_header header;
	struct ts_bytes group = group_of(&session, 0, 30, &header);
	size_t single = 0;

	for (unsigned int i = 0; i < 30; i++)
		single += TS_FRAME_HEADER + session.header[i].stored_length;
	if (group.length * 10 > single * 6)
		fail_msg("%zu bytes instead of %zu", group.length, single);
	ts_bytes_free(&group);
	free_session(&session);
}

/* ---- damage */

struct whole {
	struct ts_bytes bytes;
	size_t at[4]; /* where each frame begins, and the last ends */
};

/* Three groups of four windows. */
static struct whole three_groups(const struct session *session)
{
	struct whole whole = {0};

	for (unsigned int i = 0; i < 3; i++) {
		struct ts_frame_header header;
		struct ts_bytes group = group_of(session, 4 * i, 4, &header);

		ts_bytes_append(&whole.bytes, group.data, group.length);
		ts_bytes_free(&group);
		whole.at[i + 1] = whole.bytes.length;
	}
	return whole;
}

static struct ts_recording *recording_of(const struct ts_bytes *bytes)
{
	struct ts_segment segment = {.name = "test", .data = bytes->data, .length = bytes->length};

	return ts_recording_new(&segment, 1);
}

/* Reads them all, in an order that asks for earlier ones again. Returns how many can be. */
static unsigned int readable(struct ts_recording *recording, const struct session *session)
{
	unsigned int read = 0;

	for (int backwards = 0; backwards < 2; backwards++)
		for (size_t n = 0; n < recording->windows; n++) {
			size_t i = backwards ? recording->windows - 1 - n : n;
			struct ts_window window;

			if (ts_recording_window(recording, i, &window))
				continue;
			for (unsigned int k = 0; k < session->count; k++)
				if (session->header[k].sequence ==
				    recording->window[i].header.sequence)
					same_families(session->window[k].delta, window.delta);
			ts_window_free(&window);
			read += !backwards;
		}
	return read;
}

static void a_flipped_bit_costs_its_group(void **state)
{
	struct session session = usual_session(12, 0);
	struct whole whole = three_groups(&session);

	for (size_t at = whole.at[1]; at < whole.at[2]; at += at < whole.at[1] + 64 ? 1 : 37) {
		struct ts_recording *recording;

		whole.bytes.data[at] ^= 0x20;
		recording = recording_of(&whole.bytes);
		assert_int_equal(readable(recording, &session), 8);
		assert_true(recording->damages >= 1);
		assert_int_equal(recording->missing_frames, 4);
		if (at >= whole.at[1] + TS_FRAME_HEADER)
			assert_string_equal(recording->damage[0].what,
					    "checksum, of 4 windows in one");
		ts_recording_free(recording);
		whole.bytes.data[at] ^= 0x20;
	}
	ts_bytes_free(&whole.bytes);
	free_session(&session);
}

static void a_cut_costs_its_group(void **state)
{
	struct session session = usual_session(12, 0);
	struct whole whole = three_groups(&session);

	for (size_t cut = 1; cut < whole.at[2] - whole.at[1]; cut += 53) {
		struct ts_bytes rest = {0};
		struct ts_recording *recording;

		ts_bytes_append(&rest, whole.bytes.data, whole.at[2] - cut);
		ts_bytes_append(&rest, whole.bytes.data + whole.at[2], whole.at[3] - whole.at[2]);
		recording = recording_of(&rest);
		assert_int_equal(readable(recording, &session), 8);
		assert_int_equal(recording->damages, 1);
		assert_int_equal(recording->missing_frames, 4);
		ts_recording_free(recording);
		ts_bytes_free(&rest);
	}
	ts_bytes_free(&whole.bytes);
	free_session(&session);
}

static void what_stands_there_twice_is_taken_once(void **state)
{
	struct session session = usual_session(12, 0);
	struct whole whole = three_groups(&session);
	struct ts_recording *recording;
	struct ts_bytes bytes = {0};

	/* The second group twice, and the windows of the third one by one, too. */
	ts_bytes_append(&bytes, whole.bytes.data, whole.bytes.length);
	ts_bytes_append(&bytes, whole.bytes.data + whole.at[1], whole.at[2] - whole.at[1]);
	for (unsigned int i = 8; i < 12; i++)
		ts_frame_write_window(&session.window[i], &session.header[i], &bytes);
	recording = recording_of(&bytes);
	assert_int_equal(recording->windows, 12);
	assert_int_equal(recording->duplicates, 1);
	assert_int_equal(recording->damages + recording->missing_frames, 0);
	assert_int_equal(readable(recording, &session), 12);
	ts_recording_free(recording);
	/* Where the group is damaged, they are what is left. */
	bytes.data[whole.at[2] + 200] ^= 1;
	recording = recording_of(&bytes);
	assert_int_equal(readable(recording, &session), 12);
	assert_int_equal(recording->damages, 1);
	ts_recording_free(recording);
	ts_bytes_free(&bytes);
	ts_bytes_free(&whole.bytes);
	free_session(&session);
}

/* Whatever the packed part says, with a checksum that is right: nothing but a reason comes of it.
 */
static void payloads_that_are_made_up_do_no_harm(void **state)
{
	struct session session = usual_session(5, 0);
	struct ts_frame_header header;
	struct ts_bytes group = group_of(&session, 0, 5, &header);
	struct ts_arena *arena = ts_arena_new();
	unsigned char *payload = ts_frame_expand(arena, &header, group.data);
	unsigned int refused = 0;
	uint64_t seed = 3;

	assert_non_null(payload);
	for (unsigned int n = 0; n < MUTATIONS / 10; n++) {
		struct ts_frame_header changed = header, member[TS_GROUP_WINDOWS_MAX];
		struct ts_bytes raw = {0}, frame = {0};
		struct ts_group_reader *reader;
		unsigned int count = 0;
		const char *why = NULL;

		ts_bytes_append(&raw, payload, header.raw_length);
		for (unsigned int k = 0; k <= n % 4; k++)
			raw.data[reference_random(&seed) % raw.length] ^=
				(unsigned char)(1u << reference_random(&seed) % 8);
		if (n % 7 == 0)
			raw.length = reference_random(&seed) % raw.length + 1;
		ts_frame_append(&changed, &raw, raw.length, &frame);
		reader = ts_group_reader_new(&changed, frame.data, &why);
		if (reader && ts_group_read_headers(&changed, frame.data, member, &count))
			count = 0;
		for (unsigned int i = 0; i < count; i++) {
			struct ts_window window, back = {0};

			if (ts_group_read_window(reader, &member[i], &window, NULL, &why))
				break;
			ts_window_add(&back, &window);
			ts_window_free(&back);
			ts_window_free(&window);
		}
		refused += why != NULL;
		ts_group_reader_free(reader);
		ts_bytes_free(&raw);
		ts_bytes_free(&frame);
	}
	assert_true(refused > MUTATIONS / 100);
	ts_arena_free(arena);
	ts_bytes_free(&group);
	free_session(&session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usual_windows_come_back),
		cmocka_unit_test(a_single_window_and_an_empty_one_come_back),
		cmocka_unit_test(any_windows_come_back),
		cmocka_unit_test(a_group_takes_much_less_than_its_windows),
		cmocka_unit_test(a_flipped_bit_costs_its_group),
		cmocka_unit_test(a_cut_costs_its_group),
		cmocka_unit_test(what_stands_there_twice_is_taken_once),
		cmocka_unit_test(payloads_that_are_made_up_do_no_harm),
	};

	return cmocka_run_group_tests_name("groups of windows", tests, NULL, NULL);
}
