/* SPDX-License-Identifier: GPL-2.0-only */
/* fio on a loop device, and what the block source counted meanwhile. Included once by each test. */
#ifndef TUNESCOPE_TEST_BLOCK_FIO_H
#define TUNESCOPE_TEST_BLOCK_FIO_H

#include "block_lab.h"

#include <jansson.h>
#include <math.h>
#include <tunescope/block.h>

#include "../../user/core/histogram.h"

#define DISK_BYTES  (64u << 20)
#define MEMORY	    "/dev/shm"
#define DISK	    "/var/tmp"
#define BLOCK_BYTES 4096u

extern const struct ts_source ts_source_block;

static struct lab_source block;
static struct lab_device device = {.descriptor = -1};

/* ---- fio */

struct fio {
	uint64_t requests, bytes;
	double mean, p50, p99; /* seconds, completion latency */
};

static inline void fio_direction(json_t *job, const char *direction, struct fio *result)
{
	json_t *part = json_object_get(job, direction);
	json_t *latency = json_object_get(part, "clat_ns");
	json_t *percentile = json_object_get(latency, "percentile");

	result->requests = (uint64_t)json_integer_value(json_object_get(part, "total_ios"));
	result->bytes = (uint64_t)json_integer_value(json_object_get(part, "io_bytes"));
	result->mean = json_number_value(json_object_get(latency, "mean")) / 1e9;
	result->p50 = json_number_value(json_object_get(percentile, "50.000000")) / 1e9;
	result->p99 = json_number_value(json_object_get(percentile, "99.000000")) / 1e9;
}

/*
 * Runs fio on the device; write may be NULL. At real-time priority: its latency ends when it wakes
 * up, and it is not to wait for a CPU that others use.
 */
static inline void fio(const char *options, struct fio *read, struct fio *write)
{
	char output[] = "/tmp/tunescope-fio-XXXXXX", command[512];
	int file = mkstemp(output);
	json_error_t error;
	json_t *report, *job;

	assert_true(file >= 0);
	close(file);
	snprintf(command, sizeof command,
		 "chrt -f 50 fio --name=test --filename=%s --direct=1 --output-format=json "
		 "--output=%s %s "
		 ">/dev/null 2>&1",
		 device.path, output, options);
	assert_int_equal(system(command), 0);
	report = json_load_file(output, 0, &error);
	unlink(output);
	assert_non_null(report);
	job = json_array_get(json_object_get(report, "jobs"), 0);
	assert_non_null(job);
	if (read)
		fio_direction(job, "read", read);
	if (write)
		fio_direction(job, "write", write);
	json_decref(report);
}

/* ---- Reading windows */

static inline uint64_t counter(const struct ts_window *window, enum ts_family_id id, const char *op,
			       const char *third)
{
	return ts_window_counter(window, id, TS_LABELS(device.name, op, third));
}

static inline struct ts_histogram *histogram(const struct ts_window *window, enum ts_family_id id,
					     const char *op)
{
	return ts_window_histogram(window, id, TS_LABELS(device.name, op));
}

static inline uint64_t requests(const struct ts_window *window, enum ts_family_id id,
				const char *op)
{
	struct ts_histogram *found = histogram(window, id, op);

	return found ? found->count : 0;
}

/* Slot of the histogram that a quantile in seconds falls into. */
static inline unsigned int slot_of(double seconds)
{
	return ts_histogram_slot(3, TS_UNIT_SECONDS, (uint64_t)llround(seconds * 1e9));
}

/*
 * A quantile of fio's lies in the slot of ours or the one beside it. Where few requests lie between
 * many fast and many slow ones, half a percent of them moves it far: that much is left to either.
 */
static inline void assert_quantile(const struct ts_histogram *ours, double quantile, double fio)
{
	double low = ts_histogram_quantile(ours, quantile - 0.005);
	double high = ts_histogram_quantile(ours, quantile + 0.005);

	if (slot_of(fio) + 1 < slot_of(low) ||
	    (slot_of(fio) > slot_of(high) + 1 && !lab_is_slowed()))
		fail_msg("fio: %g of the requests took %.1f us or less; we: between %.1f and "
			 "%.1f us",
			 quantile, fio * 1e6, low * 1e6, high * 1e6);
}

static inline void use_device(const char *directory, uint32_t flags)
{
	lab_device_over(&device, lab_file(directory, DISK_BYTES), flags);
}

static inline int drop_device(void **state)
{
	lab_device_close(&device);
	return 0;
}

static inline int open_source(void **state)
{
	return lab_open(&block, &ts_source_block);
}

static inline int close_source(void **state)
{
	lab_close(&block);
	return 0;
}

/*
 * A window beside the kernel's own account of the device. Anybody may read a device at any time
 * (whoever looks for file systems on it), so fio's count is not the number of requests there were.
 * The account is read on either side of each snapshot: what the window holds lies between.
 */
struct measured {
	struct ts_window window;
	struct ts_snapshot *earlier;
	struct ts_disk account[4]; /* before and after the first snapshot, and the second */
};

static inline void begin(struct measured *measured)
{
	measured->account[0] = lab_account(&device);
	measured->earlier = lab_snapshot(&block);
	measured->account[1] = lab_account(&device);
}

static inline void end(struct measured *measured)
{
	lab_wait_idle(&device);
	measured->account[2] = lab_account(&device);
	lab_window(&block, measured->earlier, &measured->window);
	measured->account[3] = lab_account(&device);
}

/*
 * Everything was seen, but for a few: the kernel skips a program that is already running on that
 * CPU, and a kernel has been met on which the completions that interrupted one certain task reached
 * no BPF program at all, the empty one included. Never more than there was.
 */
static inline void assert_seen(uint64_t seen, uint64_t least, uint64_t most)
{
	if (seen > most || seen + least / 100 + 1 < least)
		fail_msg("%lu of %lu to %lu were seen", seen, least, most);
	if (seen < least)
		print_message("# %lu of %lu were seen\n", seen, least);
}

static inline void assert_all_seen(uint64_t seen, uint64_t happened)
{
	assert_seen(seen, happened, happened);
}

static const char *const op_names[TS_DISK_OPS] = {
	[TS_DISK_READ] = "read",
	[TS_DISK_WRITE] = "write",
	[TS_DISK_DISCARD] = "discard",
	[TS_DISK_FLUSH] = "flush",
};

/* A family's requests of one operation are those of the account: at least those of the test. */
static inline void assert_accounted(const struct measured *measured, enum ts_family_id id,
				    enum ts_disk_op op, uint64_t of_test)
{
	const struct ts_disk *at = measured->account;
	uint64_t least = at[2].requests[op] - at[1].requests[op];

	assert_true(least >= of_test);
	assert_seen(requests(&measured->window, id, op_names[op]), least,
		    at[3].requests[op] - at[0].requests[op]);
}

#endif
