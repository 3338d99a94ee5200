/* SPDX-License-Identifier: GPL-2.0-only */
/* Windows made up one after the other, a recorder to feed them to, and what came of it. */
#ifndef TUNESCOPE_TEST_RECORDER_SUPPORT_H
#define TUNESCOPE_TEST_RECORDER_SUPPORT_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../user/live/recorder.h"
#include "../../user/live/recording_file.h"

#define SECOND_NS      1000000000ULL
#define START_REALTIME (1795269600ULL * SECOND_NS) /* 2026-11-21 14:00 UTC */
#define START_BOOTTIME (5000ULL * SECOND_NS)

/* A host that goes on from window to window. */
struct host {
	__u64 realtime_ns, boottime_ns; /* at the end of the last window */
	unsigned int windows;		/* made so far */
	unsigned int listeners;		/* how much is in a window */
	const char *somaxconn;
};

static inline struct host host_start(void)
{
	return (struct host){START_REALTIME, START_BOOTTIME, 0, 8, "4096"};
}

static inline void fill_listener(struct ts_snapshot *delta, unsigned int number, unsigned int n)
{
	char port[16];
	const char *const labels[] = {"4026531840", port, NULL, NULL};

	snprintf(port, sizeof port, "%u", 8000 + number);
	ts_snapshot_gauge(delta, TS_FAMILY_TCP_LISTENER_BACKLOG, labels, 4096);
	ts_snapshot_gauge(delta, TS_FAMILY_TCP_ACCEPT_QUEUE_PEAK, labels, n % 17);
	ts_snapshot_counter(delta, TS_FAMILY_TCP_LISTENER_DROPS, labels, n * number % 5);
	ts_histogram_add(ts_snapshot_histogram(delta, TS_FAMILY_TCP_CONNECT_LATENCY, labels, 3),
			 100000 + n * 37 % 9999, n % 100 + 1);
}

/* The next window of the host; the caller frees it. */
static inline struct ts_window host_window(struct host *host, double seconds)
{
	struct ts_window window = {.seconds = seconds, .start_realtime_ns = host->realtime_ns};
	struct ts_snapshot *delta = window.delta = ts_snapshot_new();
	unsigned int n = ++host->windows;
	char comm[16];
	struct ts_sufferer sufferer = {
		.family = TS_FAMILY_RUNQ_LATENCY,
		.label = {"", "", "", ""},
		.pid = (int)n,
		.comm = comm,
		.cgroup = "/system.slice",
		.value = n,
	};

	host->realtime_ns += (__u64)(seconds * 1e9);
	host->boottime_ns += (__u64)(seconds * 1e9);
	delta->realtime_ns = host->realtime_ns;
	delta->boottime_ns = delta->monotonic_ns = host->boottime_ns;
	delta->host = (struct ts_host){"db1", "6.1.0", "x86_64", "made-up", 4, 8ULL << 30, "0.1.0"};
	ts_snapshot_setting(delta, TS_SETTING_SOMAXCONN, "4026531840", TS_STATUS_OK,
			    host->somaxconn, "", "");
	ts_snapshot_counter(delta, TS_FAMILY_TASK_MIGRATIONS, NULL, n);
	ts_histogram_add(ts_snapshot_histogram(delta, TS_FAMILY_RUNQ_LATENCY, NULL, 4), n * 1000,
			 n % 50 + 1);
	for (unsigned int i = 0; i < host->listeners; i++)
		fill_listener(delta, i, n);
	snprintf(comm, sizeof comm, "task%u", n);
	ts_snapshot_sufferer(delta, &sufferer);
	return window;
}

/* Adds so many windows; returns what the last ts_recorder_add returned. */
static inline int add_windows(struct ts_recorder *recorder, struct host *host, unsigned int count,
			      double seconds)
{
	int error = 0;

	while (count--) {
		struct ts_window window = host_window(host, seconds);

		error = ts_recorder_add(recorder, &window);
		ts_window_free(&window);
	}
	return error;
}

static inline struct ts_recorder *open_recorder(const char *path, double keep, __u64 maximum)
{
	struct ts_recorder_options options = {
		.path = path,
		.keep_seconds = keep,
		.maximum_bytes = maximum,
		.interval = 10,
	};
	struct ts_recorder *recorder;

	assert_int_equal(ts_recorder_open(&options, &recorder), 0);
	return recorder;
}

/* A session of so many windows of 10 s, from beginning to end. */
static inline void record_session(const char *path, struct host *host, unsigned int windows)
{
	struct ts_recorder *recorder = open_recorder(path, 0, 0);

	assert_int_equal(add_windows(recorder, host, windows, 10), 0);
	assert_int_equal(ts_recorder_close(recorder), 0);
}

/* What is in a recording. */
struct contents {
	size_t windows, contexts, sessions, open_sessions, damages;
	__u64 missing_frames, duplicates;
	double seconds, missing_seconds; /* added over all windows */
	__u64 migrations;		 /* likewise: the numbers of all windows ever made */
	__u64 first_start_ns, last_end_ns;
};

static inline struct contents read_contents(const char *path)
{
	struct contents contents = {0};
	struct ts_recording_file *file;
	struct ts_recording *recording;
	struct ts_window window;

	assert_int_equal(ts_recording_file_open(path, &file, &recording), 0);
	contents.windows = recording->windows;
	contents.contexts = recording->contexts;
	contents.sessions = recording->sessions;
	contents.open_sessions = recording->open_sessions;
	contents.missing_frames = recording->missing_frames;
	contents.duplicates = recording->duplicates;
	contents.missing_seconds = recording->missing_seconds;
	contents.first_start_ns = ts_recording_start(recording);
	contents.last_end_ns = ts_recording_end(recording);
	for (size_t i = 0; i < recording->windows; i++) {
		assert_int_equal(ts_recording_window(recording, i, &window), 0);
		contents.seconds += window.seconds;
		contents.migrations += ts_window_counter(&window, TS_FAMILY_TASK_MIGRATIONS, NULL);
		/* Its settings were found. */
		assert_non_null(ts_window_setting(&window, TS_SETTING_SOMAXCONN, "4026531840"));
		ts_window_free(&window);
	}
	contents.damages = recording->damages; /* known in full only now */
	ts_recording_file_close(file);
	return contents;
}

static inline __u64 file_size(const char *path)
{
	struct stat state;

	return stat(path, &state) ? 0 : (__u64)state.st_size;
}

/* Of all files in a directory, and how many there are. */
static inline __u64 directory_size(const char *path, size_t *files)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	char name[PATH_MAX];
	__u64 bytes = 0;

	assert_non_null(directory);
	*files = 0;
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
		bytes += file_size(name);
		++*files;
	}
	closedir(directory);
	return bytes;
}

static inline __u64 resident_kilobytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long size, resident = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%lu %lu", &size, &resident), 2);
	fclose(file);
	return resident * (unsigned long)sysconf(_SC_PAGESIZE) / 1024;
}

static inline void write_file(const char *path, const void *data, size_t length)
{
	int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(descriptor >= 0);
	assert_int_equal(write(descriptor, data, length), (ssize_t)length);
	close(descriptor);
}

/* The whole file, to be freed. */
static inline char *read_file(const char *path, size_t *length)
{
	FILE *file = fopen(path, "re");
	char *data;

	assert_non_null(file);
	*length = file_size(path);
	data = malloc(*length + 1);
	assert_int_equal(fread(data, 1, *length, file), *length);
	fclose(file);
	return data;
}

/* With what stands beside it. */
static inline void copy_recording(const char *from, const char *to)
{
	static const char *const suffixes[] = {"", ".newest-1", ".newest"};
	char source[PATH_MAX], copy[PATH_MAX];

	for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
		size_t length;
		char *data;

		snprintf(source, sizeof source, "%s%s", from, suffixes[i]);
		snprintf(copy, sizeof copy, "%s%s", to, suffixes[i]);
		unlink(copy);
		if (access(source, F_OK))
			continue;
		data = read_file(source, &length);
		write_file(copy, data, length);
		free(data);
	}
}

/* Standard error to nowhere, where the same message would come hundreds of times; and back. */
static inline int silence(void)
{
	int kept = dup(STDERR_FILENO), nowhere = open("/dev/null", O_WRONLY);

	assert_true(kept >= 0 && nowhere >= 0);
	dup2(nowhere, STDERR_FILENO);
	close(nowhere);
	return kept;
}

static inline void speak(int kept)
{
	dup2(kept, STDERR_FILENO);
	close(kept);
}

/* A directory of the test's own, which it works in; removed with all that is in it. */
static inline int enter_scratch(void **state)
{
	char name[] = "/tmp/tunescope-recorder.XXXXXX";

	if (!mkdtemp(name) || chdir(name))
		return -1;
	*state = strdup(name);
	return 0;
}

static inline int leave_scratch(void **state)
{
	char command[256];

	snprintf(command, sizeof command, "umount -q %s/disk 2>/dev/null; rm -rf %s",
		 (char *)*state, (char *)*state);
	free(*state);
	if (chdir("/"))
		return -1;
	return system(command);
}

#endif
