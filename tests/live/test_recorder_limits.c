// SPDX-License-Identifier: GPL-2.0-only
/* Age, size and full disks: days of windows in fast forward. */
#include "recorder_support.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#define A_DAY	       8640 /* windows of 10 s */
#define MANY	       2500
#define FLAT_KILOBYTES 512
#define OTHERS_FILE    "rec/tunescope-notes.tsrec"

/* So many windows after some to warm up; memory at the end is what it was at the beginning. */
static void record_long(const char *path, unsigned int windows, double keep, __u64 maximum,
			void (*after_each)(const char *path))
{
	struct ts_recorder *recorder = open_recorder(path, keep, maximum);
	struct host host = host_start();
	__u64 before;

	assert_int_equal(add_windows(recorder, &host, 500, 10), 0);
	before = resident_kilobytes();
	for (unsigned int i = 0; i < windows; i++) {
		assert_int_equal(add_windows(recorder, &host, 1, 10), 0);
		if (after_each)
			after_each(path);
	}
	assert_in_range(resident_kilobytes(), 0, before + FLAT_KILOBYTES);
	assert_int_equal(ts_recorder_close(recorder), 0);
	if (after_each)
		after_each(path);
}

static void a_day_in_a_directory_stays_flat(void **state)
{
	struct contents contents;
	size_t files;

	record_long("rec/", A_DAY, 7 * 86400, 512 << 20, NULL);
	contents = read_contents("rec");
	assert_int_equal(contents.windows, A_DAY + 500);
	assert_int_equal(contents.damages + contents.missing_frames + contents.duplicates, 0);
	directory_size("rec", &files);
	assert_in_range(files, 25, 27); /* hours */
}

#define SMALL (192u << 10)

static void file_is_small(const char *path)
{
	assert_in_range(file_size(path), 1, SMALL);
}

static void a_small_file_keeps_the_newest_whole_frames(void **state)
{
	struct contents contents;

	record_long("small.tsrec", MANY, 0, SMALL, file_is_small);
	contents = read_contents("small.tsrec");
	assert_int_equal(contents.damages + contents.missing_frames, 0);
	assert_int_equal(contents.last_end_ns, START_REALTIME + (MANY + 500) * 10 * SECOND_NS);
	/* Less than half of what is allowed is never left. */
	assert_true(file_size("small.tsrec") > SMALL / 4);
	assert_true(contents.windows > 50);
	assert_int_equal(access("small.tsrec.tmp", F_OK), -1);
}

static void directory_is_small(const char *path)
{
	size_t files;

	assert_in_range(directory_size(path, &files) - file_size(OTHERS_FILE), 1, SMALL);
}

static void a_small_directory_loses_its_oldest_segments_only(void **state)
{
	static const char text[] = "not ours";
	struct contents contents;

	assert_int_equal(mkdir("rec", 0700), 0);
	write_file(OTHERS_FILE, text, sizeof text);
	record_long("rec", MANY, 0, SMALL, directory_is_small);
	assert_int_equal(file_size(OTHERS_FILE), sizeof text);
	assert_int_equal(unlink(OTHERS_FILE), 0);
	contents = read_contents("rec");
	assert_int_equal(contents.damages + contents.missing_frames, 0);
	assert_int_equal(contents.last_end_ns, START_REALTIME + (MANY + 500) * 10 * SECOND_NS);
	assert_true(contents.windows > 50);
}

static void a_window_larger_than_the_limit_waits(void **state)
{
	struct ts_recorder *recorder = open_recorder("tiny.tsrec", 0, 200);
	struct host host = host_start();

	assert_int_equal(add_windows(recorder, &host, 3, 10), -EFBIG);
	assert_int_equal(file_size("tiny.tsrec"), 0);
	assert_int_equal(ts_recorder_close(recorder), -EFBIG);
}

/* Seconds of recording that are there after hours of which one is kept. */
static double kept_of_hours(const char *path)
{
	struct host host = host_start();
	struct ts_recorder *recorder = open_recorder(path, 3600, 0);
	struct contents contents;
	double longest = 0;

	for (unsigned int i = 0; i < 6; i++) {
		assert_int_equal(add_windows(recorder, &host, 360, 10), 0);
		contents = read_contents(path);
		if (contents.seconds > longest)
			longest = contents.seconds;
		assert_true(contents.seconds >= 3599);
	}
	assert_int_equal(ts_recorder_close(recorder), 0);
	contents = read_contents(path);
	assert_int_equal(contents.damages + contents.missing_frames, 0);
	assert_int_equal(contents.last_end_ns, host.realtime_ns);
	return longest;
}

static void what_is_older_than_keep_is_dropped(void **state)
{
	/* A file is rewritten when an eighth is too old, and cut where a context stands. */
	assert_true(kept_of_hours("aged.tsrec") < 3600 * 8 / 7.0 + 600);
	/* Segments of 1/24 are deleted as a whole. */
	assert_true(kept_of_hours("aged/") < 3600 * 26 / 24.0);
}

static void an_older_session_ages_by_the_wall_clock(void **state)
{
	struct host host = host_start();
	struct ts_recorder *recorder;

	record_session("sessions.tsrec", &host, 100);
	host.realtime_ns += 2 * 86400 * SECOND_NS; /* switched off in between */
	host.boottime_ns = START_BOOTTIME;
	recorder = open_recorder("sessions.tsrec", 86400, 0);
	assert_int_equal(add_windows(recorder, &host, 5, 10), 0);
	assert_int_equal(ts_recorder_close(recorder), 0);
	assert_int_equal(read_contents("sessions.tsrec").windows, 5);
	assert_int_equal(read_contents("sessions.tsrec").sessions, 1);
}

static void a_clock_that_is_set_deletes_nothing(void **state)
{
	static const char *const paths[] = {"clock.tsrec", "clock/"};

	for (size_t i = 0; i < 2; i++) {
		struct host host = host_start();
		struct ts_recorder *recorder;

		record_session(paths[i], &host, 100);
		recorder = open_recorder(paths[i], 7 * 86400, 0);
		add_windows(recorder, &host, 100, 10);
		host.realtime_ns += 400 * 86400 * SECOND_NS;
		add_windows(recorder, &host, 100, 10);
		host.realtime_ns -= 800 * 86400 * SECOND_NS;
		assert_int_equal(add_windows(recorder, &host, 100, 10), 0);
		assert_int_equal(ts_recorder_close(recorder), 0);
		assert_int_equal(read_contents(paths[i]).windows, 400);
	}
}

static void a_leftover_of_a_killed_rewrite_is_removed_and_others_files_stay(void **state)
{
	struct host host = host_start();
	size_t length;
	char *data;

	record_session("rewritten.tsrec", &host, 20);
	data = read_file("rewritten.tsrec", &length);
	write_file("rewritten.tsrec.tmp", data, length / 2);
	free(data);
	record_session("rewritten.tsrec", &host, 2);
	assert_int_equal(access("rewritten.tsrec.tmp", F_OK), -1);
	write_file("rewritten.tsrec.tmp", "mine", 4);
	record_session("rewritten.tsrec", &host, 2);
	assert_int_equal(file_size("rewritten.tsrec.tmp"), 4);
	assert_int_equal(read_contents("rewritten.tsrec").windows, 24);
}

static void mount_disk(const char *options)
{
	assert_int_equal(mkdir("disk", 0700), 0);
	assert_int_equal(mount("tunescope-test", "disk", "tmpfs", 0, options), 0);
}

static void fill_disk(void)
{
	static char page[4096];
	int descriptor = open("disk/filler", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(descriptor >= 0);
	while (write(descriptor, page, sizeof page) > 0)
		;
	close(descriptor);
}

/* Messages on standard error while windows are added. */
static size_t lines_of_adding(struct ts_recorder *recorder, struct host *host, unsigned int count,
			      int expected)
{
	int kept = dup(STDERR_FILENO);
	int log = open("log", O_RDWR | O_CREAT | O_TRUNC, 0600);
	size_t length, lines = 0;
	char *text;

	dup2(log, STDERR_FILENO);
	close(log);
	assert_int_equal(add_windows(recorder, host, count, 10), expected);
	speak(kept);
	text = read_file("log", &length);
	for (size_t i = 0; i < length; i++)
		lines += text[i] == '\n';
	free(text);
	return lines;
}

/* Windows that are added until one does not fit, which the last of them is. */
static unsigned int add_until_full(struct ts_recorder *recorder, struct host *host)
{
	int kept = silence();
	unsigned int count = 0;
	int error = 0;

	/* What stood one by one takes less as a group, so that it goes on for a while. */
	while (!error && count < 500) {
		fill_disk();
		error = add_windows(recorder, host, 1, 10);
		count++;
	}
	speak(kept);
	assert_int_equal(error, -ENOSPC);
	return count;
}

static void a_full_disk_costs_resolution_and_no_data(const char *path)
{
	struct host host = host_start();
	unsigned int more;
	struct ts_recorder *recorder = open_recorder(path, 7 * 86400, 512 << 20);
	struct ts_recorder_state told;
	struct contents contents;

	assert_int_equal(add_windows(recorder, &host, 10, 10), 0);
	more = add_until_full(recorder, &host);
	assert_int_equal(lines_of_adding(recorder, &host, 100, -ENOSPC), 0);
	ts_recorder_state(recorder, &told);
	assert_int_equal(told.waiting_windows, 101);
	assert_int_equal(read_contents(path).damages, 0); /* nothing half-written is left */
	assert_int_equal(unlink("disk/filler"), 0);
	assert_int_equal(lines_of_adding(recorder, &host, 1, 0), 1);
	ts_recorder_state(recorder, &told);
	assert_int_equal(told.waiting_windows, 0);
	assert_int_equal(told.lost, 0);
	assert_int_equal(add_windows(recorder, &host, 9, 10), 0);
	assert_int_equal(ts_recorder_close(recorder), 0);

	contents = read_contents(path);
	/* 10, those that fitted, and the one that the last of these and 101 more were put into. */
	assert_int_equal(contents.windows, 10 + more + 9);
	assert_int_equal(contents.damages + contents.missing_frames, 0);
	assert_in_range((__u64)(contents.seconds + 0.01), 1200 + 10 * more, 1200 + 10 * more);
	assert_true(contents.missing_seconds < 0.001);
	assert_int_equal(contents.migrations, (120 + more) * (121 + more) / 2);
}

static void a_full_disk(void **state)
{
	mount_disk("size=64k");
	a_full_disk_costs_resolution_and_no_data("disk/full.tsrec");
	a_full_disk_costs_resolution_and_no_data("disk/full/");
}

static void days_of_a_full_disk_stay_flat(void **state)
{
	struct host host = host_start();
	struct ts_recorder *recorder;
	struct contents contents;
	__u64 before;

	mount_disk("size=64k");
	recorder = open_recorder("disk/full.tsrec", 7 * 86400, 512 << 20);
	assert_int_equal(add_windows(recorder, &host, 10, 10), 0);
	fill_disk();
	assert_int_equal(add_windows(recorder, &host, 500, 10), -ENOSPC);
	before = resident_kilobytes();
	assert_int_equal(add_windows(recorder, &host, A_DAY, 10), -ENOSPC);
	assert_in_range(resident_kilobytes(), 0, before + FLAT_KILOBYTES);
	assert_int_equal(unlink("disk/filler"), 0);
	assert_int_equal(ts_recorder_close(recorder), 0);
	contents = read_contents("disk/full.tsrec");
	assert_true(contents.seconds > 10 * (A_DAY + 510) - 0.1 &&
		    contents.seconds < 10 * (A_DAY + 510) + 0.1);
}

static void a_disk_that_stays_full_to_the_end_is_a_failure(void **state)
{
	struct host host = host_start();
	struct ts_recorder *recorder;

	mount_disk("size=64k");
	recorder = open_recorder("disk/full.tsrec", 0, 0);
	assert_int_equal(add_windows(recorder, &host, 10, 10), 0);
	add_until_full(recorder, &host);
	assert_int_equal(add_windows(recorder, &host, 20, 10), -ENOSPC);
	assert_int_equal(ts_recorder_close(recorder), -ENOSPC);
	assert_int_equal(read_contents("disk/full.tsrec").damages, 0);
}

static void a_read_only_file_system(void **state)
{
	struct ts_recorder_options options = {.path = "disk/new.tsrec", .interval = 10};
	struct host host = host_start();
	struct ts_recorder *recorder;

	mount_disk("size=256k");
	assert_int_equal(mount(NULL, "disk", NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	assert_int_equal(ts_recorder_open(&options, &recorder), -EROFS);
	options.path = "disk";
	assert_int_equal(ts_recorder_open(&options, &recorder), -EROFS);
	assert_int_equal(mount(NULL, "disk", NULL, MS_REMOUNT, NULL), 0);

	/* Between two segments, when no file of it is open. */
	recorder = open_recorder("disk", 0, 0);
	assert_int_equal(mount(NULL, "disk", NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	assert_int_equal(add_windows(recorder, &host, 5, 10), -EROFS);
	assert_int_equal(mount(NULL, "disk", NULL, MS_REMOUNT, NULL), 0);
	assert_int_equal(add_windows(recorder, &host, 5, 10), 0);
	assert_int_equal(ts_recorder_close(recorder), 0);
	assert_int_equal(read_contents("disk").windows, 5);
}

/* ulimit -f: a file cannot grow, but the next segment can. */
static void a_limit_of_the_file_size(void **state)
{
	const struct rlimit limited = {4 << 10, RLIM_INFINITY};
	const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	struct host host = host_start();
	struct contents contents;
	struct ts_recorder *recorder;
	size_t files;

	signal(SIGXFSZ, SIG_IGN);
	recorder = open_recorder("limited/", 0, 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limited), 0);
	assert_int_equal(add_windows(recorder, &host, 200, 10), 0);
	assert_int_equal(ts_recorder_close(recorder), 0);
	recorder = open_recorder("limited.tsrec", 0, 0);
	assert_int_equal(add_windows(recorder, &host, 200, 10), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &unlimited), 0);
	assert_int_equal(add_windows(recorder, &host, 1, 10), 0);
	assert_int_equal(ts_recorder_close(recorder), 0);

	directory_size("limited", &files);
	assert_true(files > 2);
	contents = read_contents("limited");
	assert_int_equal(contents.windows, 200);
	assert_int_equal(contents.damages + contents.missing_frames, 0);
	assert_true(contents.seconds > 1999.99 && contents.seconds < 2000.01);
	contents = read_contents("limited.tsrec");
	assert_int_equal(contents.damages + contents.missing_frames, 0);
	assert_true(contents.seconds > 2009.99 && contents.seconds < 2010.01);
}

int main(void)
{
#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, enter_scratch, leave_scratch)
	const struct CMUnitTest tests[] = {
		IN_SCRATCH(a_day_in_a_directory_stays_flat),
		IN_SCRATCH(a_small_file_keeps_the_newest_whole_frames),
		IN_SCRATCH(a_small_directory_loses_its_oldest_segments_only),
		IN_SCRATCH(a_window_larger_than_the_limit_waits),
		IN_SCRATCH(what_is_older_than_keep_is_dropped),
		IN_SCRATCH(an_older_session_ages_by_the_wall_clock),
		IN_SCRATCH(a_clock_that_is_set_deletes_nothing),
		IN_SCRATCH(a_leftover_of_a_killed_rewrite_is_removed_and_others_files_stay),
		IN_SCRATCH(a_full_disk),
		IN_SCRATCH(days_of_a_full_disk_stay_flat),
		IN_SCRATCH(a_disk_that_stays_full_to_the_end_is_a_failure),
		IN_SCRATCH(a_read_only_file_system),
		IN_SCRATCH(a_limit_of_the_file_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
