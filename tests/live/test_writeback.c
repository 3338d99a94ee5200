// SPDX-License-Identifier: GPL-2.0-only
/*
 * A writer throttled on a file system of our own, compared with the kernel's own trace of the same
 * event and with the time the writer spent in write(). The dirty limits belong to the whole host:
 * they are low for about two seconds and put back whatever happens.
 */
#include "block_lab.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <tunescope/writeback.h>

#include "../../user/core/histogram.h"

#define DISK_BYTES (128u << 20)
#define FILE_BYTES (96u << 20)
#define WRITE_SIZE (64u << 10)

extern const struct ts_source ts_source_writeback;

static struct lab_source writeback;
static struct lab_device device = {.descriptor = -1};
static char directory[] = "/tmp/tunescope-writeback-XXXXXX";
static char mounted[64], tracing[64], instance[96];
static bool file_system_is_mounted, tracing_is_mounted;

/* ---- Settings */

static const char *const limits[] = {"vm/dirty_bytes", "vm/dirty_background_bytes"};
static const char *const ratios[] = {"vm/dirty_ratio", "vm/dirty_background_ratio"};
static char saved_limits[2][32], saved_ratios[2][32];
static bool saved;

static void read_text(const char *path, char *text, size_t size)
{
	assert_true(ts_read_small(AT_FDCWD, path, text, size) >= 0);
}

static bool write_text(const char *path, const char *text)
{
	int file = open(path, O_WRONLY | O_CLOEXEC);
	bool done = file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text);

	if (file >= 0)
		close(file);
	return done;
}

static void sysctl_path(const char *name, char path[64])
{
	snprintf(path, 64, "/proc/sys/%s", name);
}

static void lower_limits(void)
{
	char path[64];

	for (int i = 0; i < 2; i++) {
		sysctl_path(limits[i], path);
		read_text(path, saved_limits[i], sizeof saved_limits[i]);
		sysctl_path(ratios[i], path);
		read_text(path, saved_ratios[i], sizeof saved_ratios[i]);
	}
	saved = true;
	sysctl_path(limits[1], path);
	assert_true(write_text(path, "2097152"));
	sysctl_path(limits[0], path);
	assert_true(write_text(path, "4194304"));
}

/* 0 bytes cannot be written: the ratio is, and that clears the bytes. */
static void restore_limits(void)
{
	char path[64];

	for (int i = 0; saved && i < 2; i++) {
		bool bytes = strcmp(saved_limits[i], "0") != 0;

		sysctl_path(bytes ? limits[i] : ratios[i], path);
		if (!write_text(path, bytes ? saved_limits[i] : saved_ratios[i]))
			print_message("# %s was not put back\n", path);
	}
	saved = false;
}

static void on_signal(int number)
{
	restore_limits();
	_exit(128 + number);
}

/* ---- The kernel's own trace */

static void trace_start(void)
{
	char path[192], filter[64];

	snprintf(tracing, sizeof tracing, "%s/tracing", directory);
	assert_int_equal(mkdir(tracing, 0700), 0);
	assert_int_equal(mount("tracefs", tracing, "tracefs", 0, NULL), 0);
	tracing_is_mounted = true;
	snprintf(instance, sizeof instance, "%s/instances/tunescope-%d", tracing, getpid());
	assert_int_equal(mkdir(instance, 0700), 0);
	snprintf(filter, sizeof filter, "bdi == \"7:%s\" && pause > 0",
		 device.name + strlen("loop"));
	snprintf(path, sizeof path, "%s/events/writeback/balance_dirty_pages/filter", instance);
	assert_true(write_text(path, filter));
	snprintf(path, sizeof path, "%s/events/writeback/balance_dirty_pages/enable", instance);
	assert_true(write_text(path, "1"));
}

/* The sum is in milliseconds, as the event prints it. */
static void trace_stop(uint64_t *pauses, uint64_t *sum_ms)
{
	char path[192], line[1024];
	FILE *trace;

	snprintf(path, sizeof path, "%s/events/writeback/balance_dirty_pages/enable", instance);
	assert_true(write_text(path, "0"));
	snprintf(path, sizeof path, "%s/trace", instance);
	trace = fopen(path, "re");
	assert_non_null(trace);
	*pauses = *sum_ms = 0;
	while (fgets(line, sizeof line, trace)) {
		const char *pause = strstr(line, " pause=");

		if (*line == '#' || !pause)
			continue;
		++*pauses;
		*sum_ms += strtoull(pause + strlen(" pause="), NULL, 10);
	}
	fclose(trace);
}

/* ---- The throttled writer */

static int prepare(void **state)
{
	char command[128];

	if (lab_open(&writeback, &ts_source_writeback))
		return -1;
	assert_non_null(mkdtemp(directory));
	lab_device_over(&device, lab_file("/var/tmp", DISK_BYTES), LO_FLAGS_DIRECT_IO);
	snprintf(command, sizeof command, "mkfs.ext4 -q -E lazy_itable_init=0,nodiscard %s",
		 device.path);
	assert_int_equal(system(command), 0);
	snprintf(mounted, sizeof mounted, "%s/mounted", directory);
	assert_int_equal(mkdir(mounted, 0700), 0);
	assert_int_equal(mount(device.path, mounted, "ext4", 0, NULL), 0);
	file_system_is_mounted = true;
	trace_start();
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	return 0;
}

static int clean_up(void **state)
{
	restore_limits();
	if (file_system_is_mounted)
		umount2(mounted, MNT_DETACH);
	if (tracing_is_mounted) {
		rmdir(instance);
		umount2(tracing, MNT_DETACH);
	}
	rmdir(mounted);
	rmdir(tracing);
	rmdir(directory);
	lab_device_close(&device);
	lab_close(&writeback);
	return 0;
}

/* The child's exit makes its time in write() known through the pipe. */
static pid_t start_writer(int *result)
{
	static char data[WRITE_SIZE];
	int ends[2], file;
	uint64_t inside = 0;
	char path[96];
	pid_t child;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	child = fork();
	assert_true(child >= 0);
	*result = ends[0];
	if (child) {
		close(ends[1]);
		return child;
	}
	snprintf(path, sizeof path, "%s/file", mounted);
	file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	for (size_t at = 0; at < FILE_BYTES; at += sizeof data) {
		uint64_t begin = monotonic_ns();

		if (write(file, data, sizeof data) != sizeof data)
			_exit(1);
		inside += monotonic_ns() - begin;
	}
	_exit(write(ends[1], &inside, sizeof inside) != sizeof inside);
}

static uint64_t watch_writer(void)
{
	int result, status;
	pid_t child = start_writer(&result);
	uint64_t inside = 0;

	while (!waitpid(child, &status, WNOHANG)) {
		usleep(100000);
		writeback.source->tick(&writeback.live, writeback.state, monotonic_ns());
	}
	assert_int_equal(status, 0);
	assert_int_equal(read(result, &inside, sizeof inside), sizeof inside);
	close(result);
	return inside;
}

static void compare_sufferer(const struct ts_window *window, double seconds)
{
	const struct ts_sufferer *sufferer =
		ts_window_sufferer(window, TS_FAMILY_DIRTY_THROTTLE_PAUSE, TS_LABELS(device.name));

	assert_non_null(sufferer);
	assert_string_equal(sufferer->comm, "test_writeback");
	assert_true(sufferer->value > 0.9 * seconds);
}

static void test_pauses(void **state)
{
	struct ts_snapshot *earlier = lab_snapshot(&writeback);
	uint64_t inside, pauses, sum_ms;
	struct ts_histogram *pause;
	struct ts_window window;
	double span, busy;

	lower_limits();
	inside = watch_writer();
	restore_limits();
	trace_stop(&pauses, &sum_ms);
	lab_window(&writeback, earlier, &window);

	pause = ts_window_histogram(&window, TS_FAMILY_DIRTY_THROTTLE_PAUSE,
				    TS_LABELS(device.name));
	assert_non_null(pause);
	span = ts_window_seconds(&window, TS_FAMILY_DIRTY_THROTTLE_SPAN, TS_LABELS(device.name));
	busy = ts_window_seconds(&window, TS_FAMILY_DIRTY_THROTTLE_BUSY, TS_LABELS(device.name));
	print_message("# we: %llu pauses, %.3f s; trace: %lu pauses, %.3f s; in write(): %.3f s\n",
		      pause->count, ts_histogram_sum(pause), pauses, (double)sum_ms / 1e3,
		      (double)inside / 1e9);
	print_message("# span %.3f s, busy %.3f s\n", span, busy);
	assert_true(pauses > 0);
	assert_true(pause->count <= pauses && pause->count + 2 >= pauses);
	assert_true(ts_histogram_sum(pause) <= (double)sum_ms / 1e3 + 1e-6);
	assert_true(ts_histogram_sum(pause) >= 0.95 * (double)sum_ms / 1e3);
	/* A pause may be cut short or overslept by a tick or so; the rest of write() is small. */
	assert_true(ts_histogram_sum(pause) < 1.3 * (double)inside / 1e9);
	assert_true(ts_histogram_sum(pause) > 0.2 * (double)inside / 1e9 || lab_is_slowed());
	assert_true(busy <= span + 0.1);
	compare_sufferer(&window, ts_histogram_sum(pause));
	ts_window_free(&window);
}

/* Without a throttled writer nothing is counted: the limits are far away again. */
static void test_no_pause_without_need(void **state)
{
	struct ts_snapshot *earlier;
	struct ts_histogram *pause;
	struct ts_window window;

	sync();
	earlier = lab_snapshot(&writeback);
	watch_writer();
	lab_window(&writeback, earlier, &window);
	pause = ts_window_histogram(&window, TS_FAMILY_DIRTY_THROTTLE_PAUSE,
				    TS_LABELS(device.name));
	assert_true(!pause || pause->count == 0);
	ts_window_free(&window);
}

/*
 * Of a device that no filesystem tells about, only waits of TS_WRITEBACK_WAIT_LEAST_NS are counted,
 * and none can have lasted longer than this test. Each is over before anybody looks at it.
 */
static void test_short_waits(void **state)
{
	uint64_t begin = monotonic_ns(), longest = 0;
	struct lab_device raw = {.descriptor = -1};
	struct ts_snapshot *earlier;
	struct ts_histogram *waits;
	struct ts_window window;
	int file;

	lab_device_over(&raw, lab_file("/dev/shm", 1u << 20), 0);
	file = open(raw.path, O_WRONLY | O_CLOEXEC);
	assert_true(file >= 0);
	earlier = lab_snapshot(&writeback);
	for (int i = 0; i < 4; i++) {
		uint64_t asked = monotonic_ns(), took;

		assert_int_equal(pwrite(file, directory, sizeof directory, i * 4096),
				 sizeof directory);
		assert_int_equal(fsync(file), 0);
		took = monotonic_ns() - asked;
		longest = took > longest ? took : longest;
		usleep(350000);
		writeback.source->tick(&writeback.live, writeback.state, monotonic_ns());
	}
	close(file);
	lab_window(&writeback, earlier, &window);
	waits = ts_window_histogram(&window, TS_FAMILY_FSYNC_LATENCY, TS_LABELS(raw.name));
	print_message("# longest fsync %.6f s, %llu of them counted\n", (double)longest / 1e9,
		      waits ? waits->count : 0);
	if (longest < TS_WRITEBACK_WAIT_LEAST_NS)
		assert_true(!waits || !waits->count);
	else
		assert_true(!waits ||
			    ts_histogram_sum(waits) <= (double)(monotonic_ns() - begin) / 1e9);
	ts_window_free(&window);
	lab_device_close(&raw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pauses),
		cmocka_unit_test(test_no_pause_without_need),
		cmocka_unit_test(test_short_waits),
	};

	return cmocka_run_group_tests_name("writeback", tests, prepare, clean_up);
}
