// SPDX-License-Identifier: GPL-2.0-only
/* /proc/diskstats: whole disks that have ever been used. */
#include "disk_accounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

#define SECTOR	      512 /* whatever the device's own sectors are */
#define NS_PER_MS     1000000ull
#define COLUMNS_MAX   20
#define COLUMNS_LEAST 11

static const char *const op_names[TS_DISK_OPS] = {
	[TS_DISK_READ] = "read",
	[TS_DISK_WRITE] = "write",
	[TS_DISK_DISCARD] = "discard",
	[TS_DISK_FLUSH] = "flush",
};

/* Columns as numbered in the kernel's Documentation/admin-guide/iostats.rst, from 0. */
enum {
	READS = 0,
	SECTORS_READ = 2,
	WRITES = 4,
	SECTORS_WRITTEN = 6,
	IN_FLIGHT = 8,
	BUSY_MS = 9,
	WEIGHTED_MS = 10,
	DISCARDS = 11,
	SECTORS_DISCARDED = 13,
	FLUSHES = 15,
};

static size_t take_columns(char **text, __u64 column[COLUMNS_MAX])
{
	size_t columns = 0;

	while (columns < COLUMNS_MAX && ts_take_number(text, &column[columns]))
		columns++;
	return columns;
}

static bool set_name(struct ts_disk *disk, const char *name)
{
	if (!name || strlen(name) >= sizeof disk->name)
		return false;
	strcpy(disk->name, name);
	for (char *slash = strchr(disk->name, '/'); slash; slash = strchr(slash, '/'))
		*slash = '!'; /* as in /sys/block */
	return true;
}

bool ts_disk_parse(char *line, struct ts_disk *disk)
{
	__u64 major, minor, column[COLUMNS_MAX] = {0};
	size_t columns;

	memset(disk, 0, sizeof *disk);
	if (!ts_take_number(&line, &major) || !ts_take_number(&line, &minor) ||
	    !set_name(disk, ts_take_word(&line)))
		return false;
	columns = take_columns(&line, column);
	if (columns < COLUMNS_LEAST)
		return false;
	disk->major = (unsigned int)major;
	disk->minor = (unsigned int)minor;
	disk->requests[TS_DISK_READ] = column[READS];
	disk->bytes[TS_DISK_READ] = column[SECTORS_READ] * SECTOR;
	disk->requests[TS_DISK_WRITE] = column[WRITES];
	disk->bytes[TS_DISK_WRITE] = column[SECTORS_WRITTEN] * SECTOR;
	disk->requests[TS_DISK_DISCARD] = column[DISCARDS];
	disk->bytes[TS_DISK_DISCARD] = column[SECTORS_DISCARDED] * SECTOR;
	disk->requests[TS_DISK_FLUSH] = column[FLUSHES];
	disk->in_flight = column[IN_FLIGHT];
	disk->busy_ns = column[BUSY_MS] * NS_PER_MS;
	disk->weighted_ns = column[WEIGHTED_MS] * NS_PER_MS;
	disk->ops = columns > FLUSHES		  ? TS_DISK_OPS
		    : columns > SECTORS_DISCARDED ? TS_DISK_FLUSH
						  : TS_DISK_DISCARD;
	return true;
}

/* An attribute of a disk that is a number other than 0. */
static bool is_set(const char *sys, const char *name, const char *attribute)
{
	char path[TS_PROC_PATH_MAX], text[32];

	snprintf(path, sizeof path, "%.256s/block/%s/%s", sys, name, attribute);
	return ts_read_small(AT_FDCWD, path, text, sizeof text) > 0 && strcmp(text, "0");
}

bool ts_disk_exists(const char *sys, const char *name)
{
	char path[TS_PROC_PATH_MAX];

	snprintf(path, sizeof path, "%.256s/block/%s", sys, name);
	return !access(path, F_OK);
}

bool ts_disk_keeps_account(const char *sys, const char *name)
{
	return is_set(sys, name, "queue/iostats") && is_set(sys, name, "size");
}

/* A disk's own file. False when there is no such disk or it keeps no account. */
static bool read_account(const char *sys, const char *name, __u64 column[COLUMNS_MAX])
{
	char path[TS_PROC_PATH_MAX], text[512], *at = text;

	if (strlen(name) >= TS_DISK_NAME_SIZE || !is_set(sys, name, "queue/iostats"))
		return false;
	snprintf(path, sizeof path, "%.256s/block/%s/stat", sys, name);
	return ts_read_small(AT_FDCWD, path, text, sizeof text) >= 0 &&
	       take_columns(&at, column) >= COLUMNS_LEAST;
}

bool ts_disk_busy_ns(const char *sys, const char *name, __u64 *busy_ns)
{
	__u64 column[COLUMNS_MAX];

	if (!read_account(sys, name, column))
		return false;
	*busy_ns = column[BUSY_MS] * NS_PER_MS;
	return true;
}

bool ts_disk_is_idle(const char *sys, const char *name)
{
	__u64 column[COLUMNS_MAX];

	return read_account(sys, name, column) && !column[IN_FLIGHT];
}

bool ts_disk_name(const char *sys, unsigned int major, unsigned int minor,
		  char name[TS_DISK_NAME_SIZE])
{
	char path[TS_PROC_PATH_MAX], target[TS_PROC_PATH_MAX], *last;
	bool partition;
	ssize_t length;

	snprintf(path, sizeof path, "%.256s/dev/block/%u:%u/partition", sys, major, minor);
	partition = !access(path, F_OK);
	*strrchr(path, '/') = '\0';
	length = readlink(path, target, sizeof target - 1);
	if (length < 0)
		return false;
	target[length] = '\0';
	/* …/block/sda, or …/block/sda/sda1 for a partition */
	last = strrchr(target, '/');
	if (last && partition) {
		*last = '\0';
		last = strrchr(target, '/');
	}
	if (!last || strlen(last + 1) >= TS_DISK_NAME_SIZE)
		return false;
	strcpy(name, last + 1);
	return true;
}

/* ---- The source */

struct diskstats {
	struct ts_procfile file;
	struct ts_disk_accounts accounts;
};

static void diskstats_close(void *opaque)
{
	struct diskstats *state = opaque;

	ts_procfile_close(&state->file);
	ts_disk_accounts_free(&state->accounts);
	free(state);
}

static int diskstats_open(struct ts_live *live, void **opaque, enum ts_status *status,
			  char why[256])
{
	struct diskstats *state = calloc(1, sizeof *state);
	int error;

	*status = TS_STATUS_FAILED;
	if (!state) {
		snprintf(why, 256, "out of memory");
		return -ENOMEM;
	}
	error = ts_procfile_open(&state->file, live->proc, "diskstats");
	if (error) {
		ts_proc_why(why, state->file.path, error);
		diskstats_close(state);
		return error;
	}
	*opaque = state;
	return 0;
}

static void add_disk(struct ts_snapshot *snapshot, const char *name, const struct ts_disk *disk)
{
	const char *const *device = TS_LABELS(name);

	ts_snapshot_counter(snapshot, TS_FAMILY_DISK_BUSY, device, disk->busy_ns);
	ts_snapshot_counter(snapshot, TS_FAMILY_DISK_WEIGHTED, device, disk->weighted_ns);
	ts_snapshot_gauge(snapshot, TS_FAMILY_DISK_IN_FLIGHT, device, (double)disk->in_flight);
	for (unsigned int op = 0; op < disk->ops; op++) {
		const char *const *labels = TS_LABELS(name, op_names[op]);

		ts_snapshot_counter(snapshot, TS_FAMILY_DISK_REQUESTS, labels, disk->requests[op]);
		if (op != TS_DISK_FLUSH)
			ts_snapshot_counter(snapshot, TS_FAMILY_DISK_BYTES, labels,
					    disk->bytes[op]);
	}
}

static void add_disks(struct ts_snapshot *snapshot, const struct ts_disk_accounts *accounts)
{
	static const enum ts_family_id counted[] = {TS_FAMILY_DISK_REQUESTS, TS_FAMILY_DISK_BUSY,
						    TS_FAMILY_DISK_WEIGHTED, TS_FAMILY_DISK_BYTES};

	for (size_t i = 0; i < accounts->count; i++)
		if (accounts->account[i].shown)
			add_disk(snapshot, accounts->account[i].total.name,
				 &accounts->account[i].total);
	if (accounts->other.ops) {
		add_disk(snapshot, "other", &accounts->other);
		for (size_t i = 0; i < sizeof counted / sizeof counted[0]; i++)
			snapshot->family[counted[i]].overflowed = accounts->overflowed;
	}
	if (!accounts->shown)
		ts_snapshot_source_status(snapshot, TS_SOURCE_DISKSTATS, TS_STATUS_NO_DATA,
					  "no disk has been used yet");
}

static int read_disks(struct diskstats *state, const char *sys)
{
	__u64 now = ts_clock_ns(CLOCK_MONOTONIC);
	int error = ts_procfile_read(&state->file);
	char *text = state->file.text, *line;

	/* A host without block devices has an empty list. */
	if (error && error != -ENODATA)
		return error;
	ts_disk_accounts_begin(&state->accounts);
	while (!error && (line = ts_take_line(&text))) {
		struct ts_disk disk;

		error = ts_disk_parse(line, &disk)
				? ts_disk_accounts_read(&state->accounts, sys, &disk, now)
				: -EPROTO;
	}
	if (error && error != -ENODATA)
		return error;
	ts_disk_accounts_end(&state->accounts);
	return 0;
}

static void diskstats_snapshot(struct ts_live *live, void *opaque, struct ts_snapshot *snapshot)
{
	struct diskstats *state = opaque;
	int error = read_disks(state, live->sys);
	char why[256];

	if (!error) {
		add_disks(snapshot, &state->accounts);
		return;
	}
	ts_proc_why(why, state->file.path, error);
	ts_snapshot_source_status(snapshot, TS_SOURCE_DISKSTATS, TS_STATUS_FAILED, why);
}

const struct ts_source ts_source_diskstats = {
	.id = TS_SOURCE_DISKSTATS,
	.open = diskstats_open,
	.snapshot = diskstats_snapshot,
	.close = diskstats_close,
};
