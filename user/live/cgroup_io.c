// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits of cgroups on what they read and write (io.max, and blkio.throttle.* of the first
 * version's hierarchy), and how much of them is used. What waits for such a limit waits above the
 * block layer: no request is slow, and no device is busy.
 *
 * All cgroups are gone through to find the limits, but only when tasks have waited for disks; what
 * is used of those that are known is read in each snapshot.
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup_mounts.h"
#include "clock.h"
#include "pace.h"

#define PRESSURE "pressure/io"
#define LOOK_NS	 1000000000ULL
#define MOVED_US 50000
#define MOST	 64 /* limits */
#define TEXT	 4096

/* Four limits for each device; the names as they are in io.max, and the files of version 1. */
static const struct kind {
	const char *label;
	const char *limit, *used;		   /* keys of io.max and io.stat */
	const char *limit_file, *used_file, *verb; /* version 1 */
} kinds[] = {
	{"read-bytes", "rbps", "rbytes", "blkio.throttle.read_bps_device",
	 "blkio.throttle.io_service_bytes", "Read"},
	{"write-bytes", "wbps", "wbytes", "blkio.throttle.write_bps_device",
	 "blkio.throttle.io_service_bytes", "Write"},
	{"read-requests", "riops", "rios", "blkio.throttle.read_iops_device",
	 "blkio.throttle.io_serviced", "Read"},
	{"write-requests", "wiops", "wios", "blkio.throttle.write_iops_device",
	 "blkio.throttle.io_serviced", "Write"},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

struct limit {
	const struct kind *kind;
	const struct ts_cgroup_mount *mount;
	char *path;	 /* below the mount; "" is the root */
	char number[32]; /* "7:0" */
	char device[64];
	double allowed; /* each second */
	__u64 begun, used, begun_ns, read_ns;
};

struct cgroup_io {
	struct ts_procfile pressure; /* closed where there is no PSI */
	struct ts_cgroup_mount mount[TS_CGROUP_MOUNTS];
	int mounts;
	struct limit limit[MOST];
	size_t limits;
	__u64 waited_us, looked_ns, rest_until_ns;
};

static void cgroup_io_close(void *opaque)
{
	struct cgroup_io *state = opaque;

	for (size_t i = 0; i < state->limits; i++)
		free(state->limit[i].path);
	ts_procfile_close(&state->pressure);
	free(state);
}

static int cgroup_io_open(struct ts_live *live, void **opaque, enum ts_status *status,
			  char why[256])
{
	struct cgroup_io *state = calloc(1, sizeof *state);
	char path[TS_PROC_PATH_MAX] = "/proc/self/mountinfo";
	int error = -ENOMEM;

	*opaque = state;
	*status = TS_STATUS_FAILED;
	if (state) {
		error = ts_cgroup_mounts(live, "blkio", state->mount, path);
		state->mounts = error;
	}
	if (error > 0) {
		ts_procfile_open(&state->pressure, live->proc, PRESSURE);
		return 0;
	}
	if (error < 0) {
		ts_proc_why(why, path, error);
	} else {
		*status = TS_STATUS_UNSUPPORTED;
		snprintf(why, 256, "no cgroup hierarchy with the io controller is mounted");
	}
	if (state)
		cgroup_io_close(state);
	return error ? error : -ENOENT;
}

/* ---- Limits */

static bool read_file(const struct ts_cgroup_mount *mount, const char *path, const char *name,
		      char text[TEXT])
{
	char full[PATH_MAX];

	return snprintf(full, sizeof full, "%s%s/%s", mount->path, path, name) < (int)sizeof full &&
	       ts_read_small(AT_FDCWD, full, text, TEXT) > 0;
}

/* The value behind "key=" among the words of a line. */
static bool value_of(char *words, const char *key, __u64 *value)
{
	size_t length = strlen(key);
	const char *word;

	while ((word = ts_take_word(&words)))
		if (!strncmp(word, key, length) && word[length] == '=')
			return ts_is_number(word + length + 1, value);
	return false;
}

/* "7:0 Read 4096" of version 1, "7:0 rbytes=4096 …" of version 2. */
static bool read_used(struct limit *limit, __u64 now)
{
	const struct kind *kind = limit->kind;
	char text[TEXT], *at = text, *line;

	if (!read_file(limit->mount, limit->path,
		       limit->mount->unified ? "io.stat" : kind->used_file, text))
		return false;
	while ((line = ts_take_line(&at))) {
		const char *number = ts_take_word(&line), *verb;
		__u64 used;

		if (!number || strcmp(number, limit->number))
			continue;
		if (limit->mount->unified
			    ? !value_of(line, kind->used, &used)
			    : !(verb = ts_take_word(&line)) || strcmp(verb, kind->verb) ||
				      !ts_is_number(line, &used))
			continue;
		limit->used = used;
		break;
	}
	limit->read_ns = now; /* not in the list: nothing has been used */
	return true;
}

/* The name of a device is where its number points to. */
static bool find_device(const struct ts_live *live, struct limit *limit)
{
	char path[TS_PROC_PATH_MAX], target[PATH_MAX];
	const char *name;
	ssize_t length;

	snprintf(path, sizeof path, "%.400s/dev/block/%s", live->sys, limit->number);
	length = readlink(path, target, sizeof target - 1);
	if (length <= 0)
		return false;
	target[length] = '\0';
	name = strrchr(target, '/');
	return snprintf(limit->device, sizeof limit->device, "%s", name ? name + 1 : target) <
	       (int)sizeof limit->device;
}

static bool is_same(const struct limit *a, const struct limit *b)
{
	return a->kind == b->kind && a->mount == b->mount && !strcmp(a->number, b->number) &&
	       !strcmp(a->path, b->path);
}

static void add_limit(struct cgroup_io *state, const struct ts_live *live, struct limit limit)
{
	for (size_t i = 0; i < state->limits; i++)
		if (is_same(&state->limit[i], &limit)) {
			state->limit[i].allowed = limit.allowed;
			return;
		}
	if (state->limits == MOST || !find_device(live, &limit) ||
	    !read_used(&limit, ts_clock_ns(CLOCK_MONOTONIC)))
		return;
	limit.path = strdup(limit.path);
	if (!limit.path)
		return;
	limit.begun = limit.used;
	limit.begun_ns = limit.read_ns;
	state->limit[state->limits++] = limit;
}

/* A line of a file of limits, its device's number first. */
static void take_line(struct cgroup_io *state, const struct ts_live *live,
		      const struct ts_cgroup_mount *mount, const char *path,
		      const struct kind *kind, char *line)
{
	struct limit limit = {.kind = kind, .mount = mount, .path = (char *)path};
	const char *number = ts_take_word(&line);
	char words[256];
	__u64 allowed;

	if (!number ||
	    snprintf(limit.number, sizeof limit.number, "%s", number) >= (int)sizeof limit.number)
		return;
	snprintf(words, sizeof words, "%s", line);
	if (mount->unified ? !value_of(words, kind->limit, &allowed)
			   : !ts_is_number(line, &allowed))
		return; /* "max" */
	limit.allowed = (double)allowed;
	add_limit(state, live, limit);
}

static void take_file(struct cgroup_io *state, const struct ts_live *live,
		      const struct ts_cgroup_mount *mount, const char *path,
		      const struct kind *kind)
{
	char text[TEXT], *at = text, *line;

	if (!read_file(mount, path, mount->unified ? "io.max" : kind->limit_file, text))
		return;
	while ((line = ts_take_line(&at)))
		take_line(state, live, mount, path, kind, line);
}

static void find_limits(struct cgroup_io *state, const struct ts_live *live,
			const struct ts_cgroup_mount *mount)
{
	char *const roots[] = {(char *)mount->path, NULL};
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
	FTSENT *entry;

	while (tree && (entry = fts_read(tree)))
		if (entry->fts_info == FTS_D)
			for (size_t i = 0; i < KINDS; i++)
				take_file(state, live, mount, entry->fts_path + strlen(mount->path),
					  &kinds[i]);
	if (tree)
		fts_close(tree);
}

/* ---- When */

static void cgroup_io_tick(struct ts_live *live, void *opaque, __u64 now)
{
	struct cgroup_io *state = opaque;
	__u64 begin;

	if (now - state->looked_ns < LOOK_NS)
		return;
	state->looked_ns = now;
	/* Where nothing tells whether anybody has waited, limits are looked for all the same. */
	if (!ts_procfile_waited(&state->pressure, &state->waited_us, MOVED_US) ||
	    now < state->rest_until_ns)
		return;
	begin = ts_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	for (int i = 0; i < state->mounts; i++)
		find_limits(state, live, &state->mount[i]);
	state->rest_until_ns =
		now + ts_pace_rest(TS_PACE_CGROUP_IO, ts_pace_eager(live, now, TS_PACE_EAGER_NS),
				   ts_clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin);
}

/* A cgroup that has gone, or whose counters began anew, is forgotten. */
static void read_all(struct cgroup_io *state)
{
	__u64 now = ts_clock_ns(CLOCK_MONOTONIC);
	size_t kept = 0;

	for (size_t i = 0; i < state->limits; i++) {
		struct limit *limit = &state->limit[i];
		__u64 before = limit->used;

		if (!read_used(limit, now) || limit->used < before)
			free(limit->path);
		else
			state->limit[kept++] = *limit;
	}
	state->limits = kept;
}

static void cgroup_io_snapshot(struct ts_live *live, void *opaque, struct ts_snapshot *snapshot)
{
	struct cgroup_io *state = opaque;

	read_all(state);
	for (size_t i = 0; i < state->limits; i++) {
		const struct limit *limit = &state->limit[i];
		const char *const labels[TS_LABELS_MAX] = {*limit->path ? limit->path : "/",
							   limit->device, limit->kind->label};

		ts_snapshot_gauge(snapshot, TS_FAMILY_CGROUP_IO_LIMIT, labels, limit->allowed);
		ts_snapshot_counter(snapshot, TS_FAMILY_CGROUP_IO_USED, labels,
				    limit->used - limit->begun);
		ts_snapshot_counter(snapshot, TS_FAMILY_CGROUP_IO_WATCHED, labels,
				    limit->read_ns - limit->begun_ns);
	}
	/* No cgroup with a limit is a measurement, too: nobody waits for one. */
	ts_snapshot_source_status(snapshot, TS_SOURCE_CGROUP_IO, TS_STATUS_OK, "");
}

const struct ts_source ts_source_cgroup_io = {
	.id = TS_SOURCE_CGROUP_IO,
	.open = cgroup_io_open,
	.tick = cgroup_io_tick,
	.snapshot = cgroup_io_snapshot,
	.close = cgroup_io_close,
};
