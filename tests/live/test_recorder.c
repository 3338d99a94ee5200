// SPDX-License-Identifier: GPL-2.0-only
/* What a recorder writes can be read back; what is there already is appended to or left alone. */
#include "recorder_support.h"

#include <sys/file.h>

static void windows_are_read_back_in_order_without_gaps(void **state)
{
	struct host host = host_start();
	struct contents contents;

	record_session("one.tsrec", &host, 130);
	contents = read_contents("one.tsrec");
	assert_int_equal(contents.windows, 130);
	assert_int_equal(contents.contexts, 3); /* at the beginning and every 60 windows */
	assert_int_equal(contents.sessions, 1);
	assert_int_equal(contents.open_sessions, 0);
	assert_int_equal(contents.damages + contents.missing_frames + contents.duplicates, 0);
	assert_true(contents.seconds > 1299.99 && contents.seconds < 1300.01);
	assert_true(contents.missing_seconds < 0.001);
	assert_int_equal(contents.first_start_ns, START_REALTIME);
	assert_int_equal(contents.last_end_ns, host.realtime_ns);
	assert_int_equal(contents.migrations, 130 * 131 / 2);
}

static void a_changed_setting_is_recorded_at_once(void **state)
{
	struct host host = host_start();
	struct ts_recorder *recorder = open_recorder("settings.tsrec", 0, 0);
	struct ts_recording_file *file;
	struct ts_recording *recording;
	struct ts_window window;

	add_windows(recorder, &host, 5, 10);
	host.somaxconn = "8192";
	add_windows(recorder, &host, 5, 10);
	assert_int_equal(ts_recorder_close(recorder), 0);

	assert_int_equal(ts_recording_file_open("settings.tsrec", &file, &recording), 0);
	assert_int_equal(recording->contexts, 2);
	for (size_t i = 0; i < 10; i++) {
		assert_int_equal(ts_recording_window(recording, i, &window), 0);
		assert_string_equal(
			ts_window_setting(&window, TS_SETTING_SOMAXCONN, "4026531840")->value,
			i < 5 ? "4096" : "8192");
		ts_window_free(&window);
	}
	ts_recording_file_close(file);
}

static void another_session_is_appended(void **state)
{
	struct host host = host_start();
	struct contents contents;

	record_session("two.tsrec", &host, 10);
	record_session("two.tsrec", &host, 20);
	contents = read_contents("two.tsrec");
	assert_int_equal(contents.windows, 30);
	assert_int_equal(contents.sessions, 2);
	assert_int_equal(contents.open_sessions, 0);
	assert_int_equal(contents.damages + contents.missing_frames, 0);
}

static void a_session_that_was_never_ended_can_be_read_and_appended_to(void **state)
{
	struct host host = host_start();
	struct ts_recorder *recorder = open_recorder("open.tsrec", 0, 0);

	add_windows(recorder, &host, 40, 10);
	copy_recording("open.tsrec", "killed.tsrec");
	assert_int_equal(ts_recorder_close(recorder), 0);

	assert_int_equal(access("killed.tsrec.newest", F_OK), 0);
	assert_int_equal(read_contents("killed.tsrec").windows, 40);
	assert_int_equal(read_contents("killed.tsrec").open_sessions, 1);
	record_session("killed.tsrec", &host, 5);
	assert_int_equal(read_contents("killed.tsrec").windows, 45);
	assert_int_equal(read_contents("killed.tsrec").open_sessions, 1);
	assert_int_equal(read_contents("killed.tsrec").duplicates, 0);
	assert_int_equal(access("killed.tsrec.newest", F_OK), -1);
	assert_int_equal(access("killed.tsrec.newest-1", F_OK), -1);
}

/* However much of the last frame was written when the power failed. */
static void a_torn_tail_costs_the_last_frame_and_nothing_else(void **state)
{
	struct host host = host_start();
	struct ts_recorder *recorder = open_recorder("whole.tsrec", 0, 0);
	struct contents contents;
	int kept = silence();
	size_t before, length;
	char *data;

	host.listeners = 1;
	add_windows(recorder, &host, 3, 10);
	before = file_size("whole.tsrec.newest");
	add_windows(recorder, &host, 1, 10);
	data = read_file("whole.tsrec.newest", &length);
	copy_recording("whole.tsrec", "kept.tsrec");
	assert_int_equal(ts_recorder_close(recorder), 0);
	assert_true(length > before + 100);
	for (size_t cut = before + 1; cut < length; cut += cut < before + 70 ? 1 : 13) {
		struct host next = host;

		copy_recording("kept.tsrec", "torn.tsrec");
		write_file("torn.tsrec.newest", data, cut);
		record_session("torn.tsrec", &next, 2);
		contents = read_contents("torn.tsrec");
		assert_int_equal(contents.windows, 5);
		assert_int_equal(contents.sessions, 2);
		assert_int_equal(contents.damages, 0);
	}
	/* Blocks of the last frame that never reached the disk read as zeros. */
	memset(data + before + 64, 0, length - before - 64);
	copy_recording("kept.tsrec", "torn.tsrec");
	write_file("torn.tsrec.newest", data, length);
	record_session("torn.tsrec", &host, 2);
	assert_int_equal(read_contents("torn.tsrec").windows, 5);
	assert_int_equal(read_contents("torn.tsrec").damages, 0);
	speak(kept);
	free(data);
}

static void a_session_killed_in_its_first_frame_leaves_a_usable_file(void **state)
{
	struct host host = host_start();
	int kept = silence();
	size_t length;
	char *data;

	record_session("whole.tsrec", &host, 1);
	data = read_file("whole.tsrec", &length);
	for (size_t cut = 0; cut < 130; cut++) {
		write_file("first.tsrec", data, cut);
		host = host_start();
		record_session("first.tsrec", &host, 2);
		assert_int_equal(read_contents("first.tsrec").windows, 2);
	}
	speak(kept);
	free(data);
}

static void damage_in_the_middle_is_left_as_it_is(void **state)
{
	struct host host = host_start();
	struct contents contents;
	size_t length, after;
	char *data, *later;

	record_session("damaged.tsrec", &host, 140);
	data = read_file("damaged.tsrec", &length);
	data[length / 2] ^= 0x10;
	write_file("damaged.tsrec", data, length);
	record_session("damaged.tsrec", &host, 5);
	later = read_file("damaged.tsrec", &after);
	assert_true(after > length);
	assert_memory_equal(data, later, length);
	contents = read_contents("damaged.tsrec");
	/* Groups of 60, 60 and 20: the second one is lost. */
	assert_int_equal(contents.windows, 85);
	assert_int_equal(contents.damages, 1);
	assert_int_equal(contents.missing_frames, 60);
	free(data);
	free(later);
}

static int try_open(const char *path)
{
	struct ts_recorder_options options = {.path = path, .interval = 10};
	struct ts_recorder *recorder;
	int error = ts_recorder_open(&options, &recorder);

	if (!error)
		ts_recorder_close(recorder);
	return error;
}

static void what_is_no_recording_is_refused_and_stays_as_it_is(void **state)
{
	static const char *const foreign[] = {
		"#!/bin/sh\n",
		"x",
		"\x89PNG\r\n",
		"",
		/* begins as a frame does, and is none */
		("\x89TSF and then something that is not a header at all, but longer than one is: "
		 "it must not be taken for a frame that was cut short"),
	};
	struct host host = host_start();
	size_t length, after;
	char *data, *later;

	for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
		length = strlen(foreign[i]);
		write_file("foreign", foreign[i], length);
		assert_int_equal(try_open("foreign"), length ? -EINVAL : 0);
		if (!length)
			continue;
		later = read_file("foreign", &after);
		assert_int_equal(after, length);
		assert_memory_equal(later, foreign[i], length);
		free(later);
	}
	/* A recording inside of something else, as in an archive that is not packed. */
	record_session("inner.tsrec", &host, 5);
	data = read_file("inner.tsrec", &length);
	memmove(data + 10, data, length - 10);
	memcpy(data, "archive..\n", 10);
	write_file("outer", data, length);
	assert_int_equal(try_open("outer"), -EINVAL);
	later = read_file("outer", &after);
	assert_int_equal(after, length);
	assert_memory_equal(later, data, length);
	free(later);
	free(data);
	assert_int_equal(try_open("/dev/null"), -EINVAL);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(try_open("fifo"), -EINVAL);
	assert_int_equal(try_open("no/such/directory.tsrec"), -ENOENT);
	assert_int_equal(try_open("no/such/directory/"), -ENOENT);
}

static void a_file_created_for_nothing_does_not_stay(void **state)
{
	assert_int_equal(try_open("unused.tsrec"), 0);
	assert_int_equal(access("unused.tsrec", F_OK), -1);
}

static void two_cannot_write_the_same_recording(void **state)
{
	struct ts_recorder *recorder = open_recorder("busy.tsrec", 0, 0);
	struct host host = host_start();

	assert_int_equal(symlink("busy.tsrec", "link.tsrec"), 0);
	assert_int_equal(try_open("busy.tsrec"), -EBUSY);
	assert_int_equal(try_open("link.tsrec"), -EBUSY);
	add_windows(recorder, &host, 1, 10);
	assert_int_equal(try_open("busy.tsrec"), -EBUSY);
	assert_int_equal(ts_recorder_close(recorder), 0);
	assert_int_equal(try_open("busy.tsrec"), 0);

	recorder = open_recorder("busy/", 0, 0);
	assert_int_equal(try_open("busy"), -EBUSY);
	assert_int_equal(ts_recorder_close(recorder), 0);
	assert_int_equal(try_open("busy"), 0);
}

static void a_file_that_was_moved_away_is_followed_by_a_new_one(void **state)
{
	struct ts_recorder *recorder = open_recorder("log.tsrec", 0, 0);
	struct host host = host_start();

	add_windows(recorder, &host, 3, 10);
	assert_int_equal(rename("log.tsrec", "log.1.tsrec"), 0);
	add_windows(recorder, &host, 3, 10);
	assert_int_equal(unlink("log.tsrec"), 0);
	assert_int_equal(add_windows(recorder, &host, 3, 10), 0);
	assert_int_equal(ts_recorder_close(recorder), 0);
	/* The newest follow the path, but for those that were deleted with it. */
	assert_int_equal(read_contents("log.tsrec").windows, 6);
}

static void a_file_that_was_emptied_goes_on_from_its_beginning(void **state)
{
	struct ts_recorder *recorder = open_recorder("emptied.tsrec", 0, 0);
	struct host host = host_start();

	add_windows(recorder, &host, 3, 10);
	assert_int_equal(truncate("emptied.tsrec", 0), 0);
	assert_int_equal(add_windows(recorder, &host, 70, 10), 0);
	assert_int_equal(ts_recorder_close(recorder), 0);
	assert_int_equal(read_contents("emptied.tsrec").windows, 73);
	assert_int_equal(read_contents("emptied.tsrec").damages, 0);
}

static void a_directory_that_vanishes_costs_nothing_that_comes_after(void **state)
{
	struct ts_recorder *recorder = open_recorder("gone/", 0, 0);
	struct host host = host_start();
	struct contents contents;

	add_windows(recorder, &host, 3, 10);
	assert_int_equal(rename("gone", "moved"), 0);
	assert_int_equal(add_windows(recorder, &host, 1, 10), -ENOENT);
	assert_int_equal(add_windows(recorder, &host, 8, 10), -ENOENT);
	assert_int_equal(mkdir("gone", 0700), 0);
	assert_int_equal(add_windows(recorder, &host, 2, 10), 0);
	assert_int_equal(ts_recorder_close(recorder), 0);
	assert_int_equal(read_contents("moved").windows, 3);
	contents = read_contents("gone");
	assert_int_equal(contents.windows, 2); /* the first one stands for ten */
	assert_true(contents.seconds > 109.99 && contents.seconds < 110.01);
	assert_int_equal(contents.migrations, 14 * 15 / 2 - 3 * 4 / 2);
}

static void segments_of_a_directory_are_one_recording(void **state)
{
	struct ts_recorder *recorder = open_recorder("hours/", 7 * 86400, 512 << 20);
	struct host host = host_start();
	struct contents contents;
	size_t files;

	add_windows(recorder, &host, 3 * 360 - 1, 10);
	assert_int_equal(ts_recorder_close(recorder), 0);
	directory_size("hours", &files);
	assert_int_equal(files, 3);
	assert_int_equal(access("hours/tunescope-20261121T140000Z.tsrec", F_OK), 0);
	contents = read_contents("hours");
	assert_int_equal(contents.windows, 3 * 360 - 1);
	assert_int_equal(contents.sessions, 1);
	assert_int_equal(contents.damages + contents.missing_frames, 0);
	/* The same time again: another segment. */
	host = host_start();
	record_session("hours", &host, 3);
	assert_int_equal(access("hours/tunescope-20261121T140000Z_001.tsrec", F_OK), 0);
}

static void the_torn_segment_of_a_killed_session_is_repaired(void **state)
{
	struct host host = host_start();
	const char *name = "killed/tunescope-20261121T140000Z.tsrec";
	struct contents contents;

	record_session("killed/", &host, 10);
	assert_int_equal(truncate(name, (off_t)file_size(name) - 64 - 5), 0);
	record_session("killed/", &host, 10);
	contents = read_contents("killed");
	assert_int_equal(contents.windows, 10);
	assert_int_equal(contents.damages, 0);
}

/* What of a group was on the disk when recording was killed: it stands there twice, or once. */
static void killed_while_windows_become_a_group(void **state)
{
	struct host host = host_start();
	struct ts_recorder *recorder = open_recorder("whole.tsrec", 0, 0);
	size_t length, grouped;
	char *data, *group;

	add_windows(recorder, &host, 59, 10);
	data = read_file("whole.tsrec.newest", &length);
	copy_recording("whole.tsrec", "before.tsrec");
	add_windows(recorder, &host, 1, 10);
	group = read_file("whole.tsrec", &grouped);
	assert_int_equal(access("whole.tsrec.newest", F_OK), -1);
	assert_int_equal(ts_recorder_close(recorder), 0);
	for (size_t cut = file_size("before.tsrec"); cut <= grouped; cut += 97) {
		for (int renamed = 0; renamed < 2; renamed++) {
			struct host next = host;

			unlink("twice.tsrec.newest");
			unlink("twice.tsrec.newest-1");
			write_file("twice.tsrec", group, cut + 97 > grouped ? grouped : cut);
			write_file(renamed ? "twice.tsrec.newest-1" : "twice.tsrec.newest", data,
				   length);
			assert_int_equal(read_contents("twice.tsrec").windows,
					 cut + 97 > grouped ? 60 : 59);
			record_session("twice.tsrec", &next, 2);
			assert_int_equal(read_contents("twice.tsrec").windows,
					 cut + 97 > grouped ? 62 : 61);
			assert_int_equal(read_contents("twice.tsrec").duplicates, 0);
			assert_int_equal(read_contents("twice.tsrec").damages, 0);
		}
	}
	free(data);
	free(group);
}

static void who_reads_sees_every_window_at_any_moment(void **state)
{
	struct host host = host_start();
	struct ts_recorder *recorder = open_recorder("seen/", 0, 0);
	struct ts_recording_file *file;
	struct ts_recording *recording;
	struct ts_window window;

	add_windows(recorder, &host, 1, 10);
	assert_int_equal(ts_recording_file_open("seen", &file, &recording), 0);
	for (unsigned int i = 2; i <= 100; i++) {
		struct contents contents;

		assert_int_equal(add_windows(recorder, &host, 1, 10), 0);
		contents = read_contents("seen");
		assert_int_equal(contents.windows, i);
		assert_int_equal(contents.duplicates + contents.damages, 0);
	}
	/* And what was opened before is still what it was. */
	assert_int_equal(recording->windows, 1);
	assert_int_equal(ts_recording_window(recording, 0, &window), 0);
	ts_window_free(&window);
	ts_recording_file_close(file);
	assert_int_equal(ts_recorder_close(recorder), 0);
	assert_int_equal(read_contents("seen").windows, 100);
}

struct heard {
	unsigned int windows;
	double seconds;
};

static void hear(void *context, const struct ts_window *window)
{
	struct heard *heard = context;

	heard->windows++;
	heard->seconds += window->seconds;
}

static void who_listens_hears_of_windows_as_they_were_written(void **state)
{
	struct heard heard = {0};
	struct ts_recorder_options options = {
		.path = "heard/",
		.interval = 10,
		.written = hear,
		.context = &heard,
	};
	struct host host = host_start();
	struct ts_recorder *recorder;

	assert_int_equal(ts_recorder_open(&options, &recorder), 0);
	add_windows(recorder, &host, 2, 10);
	assert_int_equal(heard.windows, 2);
	assert_int_equal(rename("heard", "aside"), 0);
	add_windows(recorder, &host, 5, 10);
	assert_int_equal(heard.windows, 2);
	assert_int_equal(mkdir("heard", 0700), 0);
	/* The end is a chance, too. */
	assert_int_equal(ts_recorder_close(recorder), 0);
	assert_int_equal(heard.windows, 3);
	assert_true(heard.seconds > 69.99 && heard.seconds < 70.01);
	assert_int_equal(read_contents("heard").windows, 1);
}

int main(void)
{
#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, enter_scratch, leave_scratch)
	const struct CMUnitTest tests[] = {
		IN_SCRATCH(windows_are_read_back_in_order_without_gaps),
		IN_SCRATCH(a_changed_setting_is_recorded_at_once),
		IN_SCRATCH(another_session_is_appended),
		IN_SCRATCH(a_session_that_was_never_ended_can_be_read_and_appended_to),
		IN_SCRATCH(a_torn_tail_costs_the_last_frame_and_nothing_else),
		IN_SCRATCH(a_session_killed_in_its_first_frame_leaves_a_usable_file),
		IN_SCRATCH(damage_in_the_middle_is_left_as_it_is),
		IN_SCRATCH(what_is_no_recording_is_refused_and_stays_as_it_is),
		IN_SCRATCH(a_file_created_for_nothing_does_not_stay),
		IN_SCRATCH(two_cannot_write_the_same_recording),
		IN_SCRATCH(a_file_that_was_moved_away_is_followed_by_a_new_one),
		IN_SCRATCH(a_file_that_was_emptied_goes_on_from_its_beginning),
		IN_SCRATCH(a_directory_that_vanishes_costs_nothing_that_comes_after),
		IN_SCRATCH(segments_of_a_directory_are_one_recording),
		IN_SCRATCH(the_torn_segment_of_a_killed_session_is_repaired),
		IN_SCRATCH(killed_while_windows_become_a_group),
		IN_SCRATCH(who_reads_sees_every_window_at_any_moment),
		IN_SCRATCH(who_listens_hears_of_windows_as_they_were_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
