// SPDX-License-Identifier: GPL-2.0-only
/*
 * A format version does not change any more: a recording written by its first program is read, and
 * must say what was put into it then. With TUNESCOPE_WRITE_FIXTURE=FILE the same recording is
 * written by this program instead; that is how that of each version was made, and none is ever made
 * again. Since version 4 there is another one, of the same windows in groups.
 */
#include "frame_windows.h"

#include <zlib.h>

#include "../../user/core/frame_group.h"
#include "../../user/core/frame_payload.h"
#include "../../user/core/recording.h"

#define FRAMES	11 /* window, with a context before the first and before the seventh, and an end */
#define WINDOWS 8

static const struct version {
	unsigned int number, dictionary_length, dictionary_crc;
} versions[] = {
	{1, 9238, 0x6d2ba5ceu},
	{2, 15100, 0xb9d16f39u},
	{3, 15620, 0x42e4abafu},
	{4, 15620, 0x42e4abafu}, /* that of version 3 */
};

/* ---- what was recorded */

static void put_scheduler(struct ts_snapshot *delta, unsigned int i)
{
	struct ts_histogram *h = ts_snapshot_histogram(delta, TS_FAMILY_RUNQ_LATENCY, NULL, 4);

	ts_histogram_add(h, 0, i);
	for (unsigned int k = 0; k < 40; k++)
		ts_histogram_add(h, 1000 + 700 * k * k, 1 + (k * i) % 7);
	ts_snapshot_counter(delta, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("voluntary"), 1000 + i);
	ts_snapshot_counter(delta, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("involuntary"), 0);
	ts_snapshot_sufferer(delta, &(struct ts_sufferer){.family = TS_FAMILY_RUNQ_LATENCY,
							  .pid = 4000 + (int)i,
							  .comm = "make",
							  .cgroup = "/user.slice",
							  .value = 0.001234567});
}

static void put_devices(struct ts_snapshot *delta, unsigned int i)
{
	static const char *const device[] = {"sda", "nvme0n1"};

	for (unsigned int d = 0; d < 2; d++) {
		struct ts_histogram *h = ts_snapshot_histogram(delta, TS_FAMILY_BLOCK_LATENCY,
							       TS_LABELS(device[d], "read"), 3);

		ts_histogram_add(h, 90000 * (d + 1), 500 + i);
		ts_histogram_add(h, 70000000000ULL, d);
		ts_snapshot_counter(delta, TS_FAMILY_DISK_BYTES, TS_LABELS(device[d], "read"),
				    4096ULL * 1000 * i);
		ts_snapshot_counter(delta, TS_FAMILY_DISK_BUSY, TS_LABELS(device[d]),
				    10000000ULL * i);
	}
	delta->family[TS_FAMILY_BLOCK_LATENCY].overflowed = 42;
}

static void put_network(struct ts_snapshot *delta, unsigned int i)
{
	const char *const *listener = TS_LABELS("4026531840", "8080");

	ts_snapshot_gauge(delta, TS_FAMILY_TCP_LISTENER_BACKLOG, listener, 128);
	ts_snapshot_gauge(delta, TS_FAMILY_TCP_ACCEPT_QUEUE_PEAK, listener, 100 + i);
	ts_snapshot_counter(delta, TS_FAMILY_TCP_LISTENER_DROPS, listener, i);
	ts_snapshot_gauge(delta, TS_FAMILY_CGROUP_QUOTA, TS_LABELS("/system.slice/web.service"),
			  1.5);
	ts_snapshot_counter(delta, TS_FAMILY_TCP_RESETS,
			    TS_LABELS("other", "other", "other", "other"), 18446744073709551615ULL);
	ts_snapshot_netns(delta, &(struct ts_netns){"4026531840", "", 1, "systemd", true});
	ts_snapshot_netns(delta, &(struct ts_netns){"4026532211", "blue", 77, "nginx", false});
}

static void put_statuses_and_cost(struct ts_snapshot *delta, unsigned int i)
{
	ts_snapshot_family_status(delta, TS_FAMILY_PRESSURE, TS_STATUS_DISABLED, "psi=0");
	ts_snapshot_family_status(delta, TS_FAMILY_SOFTNET, TS_STATUS_FAILED, "torn");
	ts_snapshot_family_status(delta, TS_FAMILY_TCP_RETRANSMITS, TS_STATUS_UNSUPPORTED,
				  "this kernel has no tracepoint");
	ts_snapshot_family_status(delta, TS_FAMILY_DIRTY_THROTTLE_PAUSE, TS_STATUS_NO_DATA,
				  "no writer has been throttled yet");
	ts_snapshot_probe(delta, &(struct ts_probe_cost){.name = "ts_sched_switch",
							 .source = "sched",
							 .hook = "tp_btf/sched_switch",
							 .status = TS_STATUS_OK,
							 .why = "",
							 .run_count = 389 + i,
							 .run_ns = 377483,
							 .instructions = 472});
	delta->cost.map_bytes = 8005520;
	delta->cost.user_cpu_ns = 12000000 + i;
	delta->cost.rss_bytes = 5480448;
	delta->cost.peak_rss_bytes = 9162752;
	delta->cost.lost_events = i;
	delta->cost.snapshot_ns = 3320614;
	delta->cost.stats_enabled = true;
	delta->cost.stats_ns = 503782384;
}

static struct ts_window recorded_window(unsigned int i)
{
	struct ts_window window = {.seconds = 10.0030735, .delta = ts_snapshot_new()};
	struct ts_snapshot *delta = window.delta;

	delta->realtime_ns = 1732190000000000000ULL + i * 10003073500ULL;
	delta->boottime_ns = 900000000000000ULL + i * 10003073500ULL;
	delta->monotonic_ns = delta->boottime_ns - 60000000117ULL; /* once suspended */
	window.start_realtime_ns = delta->realtime_ns - 10003073500ULL;
	window.missing_seconds = i == 5 ? 20.5 : 0;
	put_scheduler(delta, i);
	put_devices(delta, i);
	put_network(delta, i);
	put_statuses_and_cost(delta, i);
	delta->host = (struct ts_host){.hostname = "web1",
				       .kernel = "6.1.0-42-amd64",
				       .machine = "x86_64",
				       .boot_id = "51663417-c791-4aea-9c15-8f9b78b7ae72",
				       .cpus = i < 6 ? 8 : 6,
				       .memory_bytes = 25276510208ULL,
				       .tool_version = "0.1.0"};
	ts_snapshot_setting(delta, TS_SETTING_SOMAXCONN, "4026531840", TS_STATUS_OK,
			    i < 6 ? "128" : "4096", "", "");
	ts_snapshot_setting(delta, TS_SETTING_TCP_RMEM, "4026531840", TS_STATUS_OK,
			    "4096 131072 6291456", "", "");
	ts_snapshot_setting(delta, TS_SETTING_BLOCK_SCHEDULER, "sda", TS_STATUS_OK, "mq-deadline",
			    "none mq-deadline", "");
	ts_snapshot_setting(delta, TS_SETTING_BLOCK_WBT_LATENCY, "nvme0n1", TS_STATUS_UNSUPPORTED,
			    "", "", "this kernel has no wbt_lat_usec");
	return window;
}

static struct ts_bytes written_recording(void)
{
	struct ts_frame_header header = {.session = 0x7475656573636f70};
	struct ts_bytes bytes = {0};

	for (unsigned int i = 0; i < WINDOWS; i++) {
		struct ts_window window = recorded_window(i);

		if (i == 0 || i == 6) {
			ts_frame_write_context(&window, &header, &bytes);
			header.sequence++;
		}
		header.context = ts_frame_context(&window);
		ts_frame_write_window(&window, &header, &bytes);
		header.sequence++;
		ts_window_free(&window);
	}
	ts_frame_write_end(&header, &bytes);
	return bytes;
}

/* The same in groups: of the windows before each context, and of the last. */
static struct ts_bytes grouped_recording(void)
{
	struct ts_frame_header header = {.session = 0x7475656573636f70};
	struct ts_group_writer *writer = ts_group_writer_new();
	struct ts_bytes bytes = {0}, single = {0};

	for (unsigned int i = 0; i <= WINDOWS; i++) {
		struct ts_window window = recorded_window(i);
		struct ts_frame_header group;

		if (i == 6 || i == WINDOWS)
			ts_group_finish(writer, &group, &bytes);
		if (i == 0 || i == 6) {
			ts_frame_write_context(&window, &header, &bytes);
			header.sequence++;
		}
		header.context = ts_frame_context(&window);
		if (i < WINDOWS) {
			ts_frame_write_window(&window, &header, &single);
			ts_group_add(writer, &window, &header);
			header.sequence++;
		}
		ts_window_free(&window);
	}
	ts_frame_write_end(&header, &bytes);
	ts_group_writer_free(writer);
	ts_bytes_free(&single);
	return bytes;
}

/* ---- the file */

static void fixture_path(char *path, size_t size, unsigned int version, const char *form)
{
	const char *slash = strstr(__FILE__, "tests/unit/");

	assert_non_null(slash);
	snprintf(path, size, "%.*stests/fixtures/recording-v%u%s.tsrec", (int)(slash - __FILE__),
		 __FILE__, version, form);
}

static struct ts_bytes fixture(unsigned int version, const char *form)
{
	struct ts_bytes bytes = {0};
	char path[4096], buffer[4096];
	size_t length;
	FILE *file;

	fixture_path(path, sizeof path, version, form);
	file = fopen(path, "rb");
	if (!file)
		fail_msg("%s: %s", path, strerror(errno));
	while ((length = fread(buffer, 1, sizeof buffer, file)))
		ts_bytes_append(&bytes, buffer, length);
	fclose(file);
	return bytes;
}

static void write_fixture(void **state)
{
	const char *path = getenv("TUNESCOPE_WRITE_FIXTURE");
	struct ts_bytes bytes = strstr(path, "-groups") ? grouped_recording() : written_recording();
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes.data, 1, bytes.length, file), bytes.length);
	assert_int_equal(fclose(file), 0);
	ts_bytes_free(&bytes);
}

/* ---- what is read */

struct recording {
	struct ts_bytes bytes;
	struct ts_frame_header header[FRAMES];
	const unsigned char *frame[FRAMES];
};

static struct recording open_fixture(void **state)
{
	const struct version *version = *state;
	struct recording r = {.bytes = fixture(version->number, "")};
	size_t at = 0;

	for (int i = 0; i < FRAMES; i++) {
		r.frame[i] = r.bytes.data + at;
		assert_int_equal(
			ts_frame_read_header(r.frame[i], r.bytes.length - at, &r.header[i]), 0);
		assert_true(ts_frame_payload_valid(&r.header[i], r.frame[i], r.bytes.length - at));
		assert_int_equal(r.header[i].sequence, i);
		assert_int_equal(r.header[i].version, version->number);
		assert_true(r.header[i].session == 0x7475656573636f70);
		at += TS_FRAME_HEADER + r.header[i].stored_length;
	}
	assert_int_equal(at, r.bytes.length);
	return r;
}

static void decode(const struct recording *r, int frame, int context, struct ts_window *window)
{
	struct ts_frame_unknown unknown = {0};
	const char *why;

	if (ts_frame_read_window(&r->header[frame], r->frame[frame], window, &unknown, &why))
		fail_msg("frame %d: %s", frame, why);
	assert_int_equal(r->header[frame].context, r->header[context].context);
	if (ts_frame_read_context(&r->header[context], r->frame[context], window, &unknown, &why))
		fail_msg("frame %d: %s", context, why);
	assert_int_equal(unknown.families + unknown.settings, 0);
}

static void its_frames_are_read(void **state)
{
	struct recording r = open_fixture(state);
	static const int types[FRAMES] = {1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 3};

	assert_true(r.bytes.length < 40000);
	for (int i = 0; i < FRAMES; i++)
		assert_int_equal(r.header[i].type, types[i]);
	assert_int_not_equal(r.header[0].context, r.header[7].context);
	assert_true(r.header[1].realtime_ns == 1732190000000000000ULL);
	assert_true(r.header[10].realtime_ns == 1732190070021514500ULL);
	assert_true(r.header[1].boottime_ns == 900000000000000ULL);
	assert_true(r.header[1].duration_ns == 10003073500ULL);
	ts_bytes_free(&r.bytes);
}

static void its_series_are_what_they_were(void **state)
{
	struct recording r = open_fixture(state);
	const struct ts_histogram *h;
	struct ts_window w;

	decode(&r, 4, 0, &w); /* the fourth window: i = 3 */
	assert_true(w.seconds == 10.0030735);
	assert_true(w.delta->monotonic_ns == 899970009220383ULL);
	assert_true(w.start_realtime_ns == 1732190020006147000ULL);
	assert_int_equal(ts_window_counter(&w, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("voluntary")),
			 1003);
	assert_int_equal(w.delta->family[TS_FAMILY_CONTEXT_SWITCHES].count, 2);
	h = w.delta->family[TS_FAMILY_RUNQ_LATENCY].series[0].histogram;
	assert_int_equal(h->scale, 4);
	assert_int_equal(h->count, 164);
	assert_int_equal(h->sum, 59853500);
	assert_int_equal(h->max, 1065700);
	assert_int_equal(h->slot[0], 3);
	h = ts_window_histogram(&w, TS_FAMILY_BLOCK_LATENCY, TS_LABELS("nvme0n1", "read"));
	assert_int_equal(h->count, 504);
	assert_true(h->sum == 70090540000ULL);
	assert_true(h->max == 70000000000ULL);
	assert_int_equal(ts_histogram_overflow(h), 1);
	assert_int_equal(w.delta->family[TS_FAMILY_BLOCK_LATENCY].overflowed, 42);
	assert_int_equal(ts_window_counter(&w, TS_FAMILY_DISK_BYTES, TS_LABELS("sda")), 12288000);
	assert_true(ts_window_seconds(&w, TS_FAMILY_DISK_BUSY, TS_LABELS("sda")) == 0.03);
	assert_true(ts_window_gauge(&w, TS_FAMILY_TCP_LISTENER_BACKLOG, NULL, -1) == 128);
	assert_true(ts_window_gauge(&w, TS_FAMILY_TCP_ACCEPT_QUEUE_PEAK,
				    TS_LABELS("4026531840", "8080"), -1) == 103);
	assert_true(ts_window_gauge(&w, TS_FAMILY_CGROUP_QUOTA, NULL, -1) == 1.5);
	assert_true(ts_window_counter(&w, TS_FAMILY_TCP_RESETS,
				      TS_LABELS("other", "other", "other", "other")) ==
		    18446744073709551615ULL);
	ts_window_free(&w);
	ts_bytes_free(&r.bytes);
}

static void its_statuses_and_cost_are_what_they_were(void **state)
{
	struct recording r = open_fixture(state);
	const struct ts_cost *cost;
	struct ts_window w;

	decode(&r, 6, 0, &w); /* i = 5 */
	assert_true(w.missing_seconds == 20.5);
	assert_int_equal(ts_window_status(&w, TS_FAMILY_PRESSURE), TS_STATUS_DISABLED);
	assert_string_equal(ts_window_why(&w, TS_FAMILY_PRESSURE), "psi=0");
	assert_int_equal(ts_window_status(&w, TS_FAMILY_SOFTNET), TS_STATUS_FAILED);
	assert_int_equal(ts_window_status(&w, TS_FAMILY_TCP_RETRANSMITS), TS_STATUS_UNSUPPORTED);
	assert_int_equal(ts_window_status(&w, TS_FAMILY_DIRTY_THROTTLE_PAUSE), TS_STATUS_NO_DATA);
	assert_string_equal(ts_window_why(&w, TS_FAMILY_DIRTY_THROTTLE_PAUSE),
			    "no writer has been throttled yet");
	assert_int_equal(ts_window_status(&w, TS_FAMILY_DISK_BYTES), TS_STATUS_OK);
	assert_string_equal(ts_window_netns(&w, "4026532211")->name, "blue");
	assert_int_equal(ts_window_netns(&w, "4026532211")->pid, 77);
	assert_true(ts_window_netns(&w, "4026531840")->initial);
	assert_int_equal(w.delta->sufferers, 1);
	assert_int_equal(w.delta->sufferer[0].pid, 4005);
	assert_string_equal(w.delta->sufferer[0].cgroup, "/user.slice");
	assert_true(w.delta->sufferer[0].value == 0.001234567);
	cost = &w.delta->cost;
	assert_int_equal(cost->probes, 1);
	assert_string_equal(cost->probe[0].name, "ts_sched_switch");
	assert_string_equal(cost->probe[0].hook, "tp_btf/sched_switch");
	assert_int_equal(cost->probe[0].run_count, 394);
	assert_int_equal(cost->probe[0].run_ns, 377483);
	assert_int_equal(cost->probe[0].instructions, 472);
	assert_int_equal(cost->user_cpu_ns, 12000005);
	assert_int_equal(cost->peak_rss_bytes, 9162752);
	assert_int_equal(cost->lost_events, 5);
	assert_true(cost->stats_enabled);
	assert_int_equal(cost->stats_ns, 503782384);
	ts_window_free(&w);
	ts_bytes_free(&r.bytes);
}

static void its_contexts_are_what_they_were(void **state)
{
	struct recording r = open_fixture(state);
	struct ts_window before, after;

	decode(&r, 6, 0, &before);
	decode(&r, 8, 7, &after);
	assert_string_equal(before.delta->host.hostname, "web1");
	assert_string_equal(before.delta->host.boot_id, "51663417-c791-4aea-9c15-8f9b78b7ae72");
	assert_int_equal(before.delta->host.cpus, 8);
	assert_int_equal(after.delta->host.cpus, 6);
	assert_true(before.delta->host.memory_bytes == 25276510208ULL);
	assert_int_equal(before.delta->settings, 4);
	assert_string_equal(ts_window_setting(&before, TS_SETTING_SOMAXCONN, "4026531840")->value,
			    "128");
	assert_string_equal(ts_window_setting(&after, TS_SETTING_SOMAXCONN, "4026531840")->value,
			    "4096");
	assert_true(ts_window_setting_number(&after, TS_SETTING_TCP_RMEM, "4026531840", 2, -1) ==
		    6291456);
	assert_string_equal(ts_window_setting(&after, TS_SETTING_BLOCK_SCHEDULER, "sda")->choices,
			    "none mq-deadline");
	assert_int_equal(ts_window_setting(&after, TS_SETTING_BLOCK_WBT_LATENCY, "nvme0n1")->status,
			 TS_STATUS_UNSUPPORTED);
	ts_window_free(&before);
	ts_window_free(&after);
	ts_bytes_free(&r.bytes);
}

/* Every byte of it took part in what was recorded: zlib would not find a word that has moved. */
static void its_dictionary_is_what_it_was(void **state)
{
	const struct version *version = *state;
	const struct ts_frame_dictionary *dictionary = ts_frame_dictionary(version->number);

	assert_int_equal(dictionary->length, version->dictionary_length);
	assert_int_equal(dictionary->text[dictionary->length - 1], '\0');
	assert_int_equal(crc32(0, (const Bytef *)dictionary->text, (uInt)dictionary->length),
			 version->dictionary_crc);
}

static void groups_hold_the_same(void **state)
{
	struct ts_bytes single = fixture(4, ""), grouped = fixture(4, "-groups");
	struct ts_segment one = {.name = "single", .data = single.data, .length = single.length};
	struct ts_segment other = {
		.name = "grouped", .data = grouped.data, .length = grouped.length};
	struct ts_recording *a = ts_recording_new(&one, 1), *b = ts_recording_new(&other, 1);

	assert_true(grouped.length < single.length / 2);
	assert_int_equal(a->windows, WINDOWS);
	assert_int_equal(b->windows, WINDOWS);
	assert_int_equal(b->damages + b->missing_frames + b->open_sessions, 0);
	for (size_t i = 0; i < WINDOWS; i++) {
		struct ts_window x, y;

		assert_int_equal(ts_recording_window(a, i, &x), 0);
		assert_int_equal(ts_recording_window(b, i, &y), 0);
		same_windows(&x, &y);
		ts_window_free(&x);
		ts_window_free(&y);
	}
	ts_recording_free(a);
	ts_recording_free(b);
	ts_bytes_free(&single);
	ts_bytes_free(&grouped);
}

static void there_is_a_fixture_of_each_version(void **state)
{
	assert_int_equal(versions[sizeof versions / sizeof versions[0] - 1].number,
			 TS_FRAME_VERSION);
}

#define TEST(function, version) cmocka_unit_test_prestate(function, (void *)&versions[(version)-1])
#define TESTS(version)                                                                    \
	TEST(its_frames_are_read, version), TEST(its_series_are_what_they_were, version), \
		TEST(its_statuses_and_cost_are_what_they_were, version),                  \
		TEST(its_contexts_are_what_they_were, version),                           \
		TEST(its_dictionary_is_what_it_was, version)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TESTS(1),
		TESTS(2),
		TESTS(3),
		TESTS(4),
		cmocka_unit_test(groups_hold_the_same),
		cmocka_unit_test(there_is_a_fixture_of_each_version),
	};
	const struct CMUnitTest writing[] = {cmocka_unit_test(write_fixture)};

	if (getenv("TUNESCOPE_WRITE_FIXTURE"))
		return cmocka_run_group_tests_name("writing the fixture", writing, NULL, NULL);
	return cmocka_run_group_tests_name("format versions", tests, NULL, NULL);
}
