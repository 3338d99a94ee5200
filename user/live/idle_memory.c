// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of processes that do not run. While tasks wait for memory that was taken away
 * (/proc/pressure) all processes are looked at twice, some seconds apart: what belongs to one that
 * had no CPU time in between was not used by anybody meanwhile. How much of its memory cgroup that
 * is tells whether it is what leaves the cgroup no room.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup_mounts.h"
#include "cgroup_path.h"
#include "clock.h"
#include "pace.h"
#include "proc_stat.h"
#include "process_memory.h"

#define PRESSURE    "pressure/memory"
#define LOOK_NS	    1000000000ULL
#define MOVED_US    10000	  /* of waiting since the last look: a hundredth of the time */
#define APART_NS    3000000000ULL /* two looks at the processes, at least */
#define LEAST_BYTES (16ULL << 20)
#define MOST	    4096 /* processes with that much */

#define GROUPS	    8 /* cgroups told apart in one look */

struct process {
	__u64 pid, ticks;
};

struct group {
	char path[256];
	double idle, used; /* bytes */
};

struct idle_memory {
	struct ts_procfile pressure;
	__u64 looked_ns, waited_us, rest_until_ns;
	__u64 marked_ns; /* when the processes were looked at first; 0: not yet */
	struct process *process;
	size_t processes;
	double idle_bytes; /* the most since the last snapshot */
	struct group group[GROUPS];
	size_t groups;
	bool known;
};

static void idle_memory_close(void *opaque)
{
	struct idle_memory *state = opaque;

	ts_procfile_close(&state->pressure);
	free(state->process);
	free(state);
}

static int idle_memory_open(struct ts_live *live, void **opaque, enum ts_status *status,
			    char why[256])
{
	struct idle_memory *state = calloc(1, sizeof *state);
	int error = state ? ts_procfile_open(&state->pressure, live->proc, PRESSURE) : -ENOMEM;

	if (!error) {
		*opaque = state;
		return 0;
	}
	*status = error == -ENOENT ? TS_STATUS_UNSUPPORTED : TS_STATUS_FAILED;
	if (error == -EOPNOTSUPP)
		*status = TS_STATUS_DISABLED;
	ts_proc_why(why, state ? state->pressure.path : "/proc/" PRESSURE, error);
	if (state)
		idle_memory_close(state);
	return error;
}

/* ---- Processes */

static bool remember(struct idle_memory *state, __u64 pid, __u64 ticks)
{
	if (!state->process)
		state->process = calloc(MOST, sizeof *state->process);
	if (!state->process || state->processes == MOST)
		return false;
	state->process[state->processes++] = (struct process){pid, ticks};
	return true;
}

/* The first look: how much CPU time each has had that holds much. */
static void mark(struct idle_memory *state, const struct ts_live *live, __u64 now)
{
	DIR *proc = opendir(live->proc);
	struct dirent *entry;
	__u64 pid, ticks;

	state->processes = 0;
	while (proc && (entry = readdir(proc)))
		if (ts_is_number(entry->d_name, &pid) &&
		    ts_process_own_bytes(live, entry->d_name) >= LEAST_BYTES &&
		    ts_process_read_ticks(live, (int)pid, &ticks) && !remember(state, pid, ticks))
			break;
	if (proc)
		closedir(proc);
	state->marked_ns = now;
}

/* ---- Their memory cgroups */

static bool read_used(const struct ts_live *live, const char *path, double *bytes)
{
	struct ts_cgroup_mount mount[TS_CGROUP_MOUNTS];
	char file[2 * TS_PROC_PATH_MAX], text[64], *at = text;
	int mounts = ts_cgroup_mounts(live, "memory", mount, file);
	__u64 used;

	for (int i = 0; i < mounts; i++) {
		snprintf(file, sizeof file, "%s%s/%s", mount[i].path, path,
			 mount[i].unified ? "memory.current" : "memory.usage_in_bytes");
		if (ts_read_small(AT_FDCWD, file, text, sizeof text) <= 0 ||
		    !ts_take_number(&at, &used))
			continue;
		*bytes = (double)used;
		return used;
	}
	return false;
}

static struct group *find_group(struct idle_memory *state, const struct ts_live *live,
				const char *path)
{
	struct group *group = &state->group[state->groups];

	for (size_t i = 0; i < state->groups; i++)
		if (!strcmp(state->group[i].path, path))
			return &state->group[i];
	if (state->groups == GROUPS || strlen(path) >= sizeof group->path)
		return NULL;
	*group = (struct group){.idle = 0};
	strcpy(group->path, path);
	if (!read_used(live, path, &group->used))
		return NULL;
	state->groups++;
	return group;
}

/* That of the root is the host's. */
static void add_to_group(struct idle_memory *state, const struct ts_live *live, const char *pid,
			 double bytes)
{
	char path[TS_PROC_PATH_MAX], text[4096];
	const char *cgroup;
	struct group *group;

	snprintf(path, sizeof path, "%.400s/%.32s/cgroup", live->proc, pid);
	if (ts_read_small(AT_FDCWD, path, text, sizeof text) <= 0)
		return;
	cgroup = ts_cgroup_path(text, "memory");
	group = cgroup[0] && cgroup[1] ? find_group(state, live, cgroup) : NULL;
	if (group)
		group->idle += bytes;
}

/*
 * The second look. One that took the number of another that has ended has had some time, or none at
 * all: then it did not use the memory it has got.
 */
static void compare(struct idle_memory *state, const struct ts_live *live)
{
	double idle = 0, bytes;

	state->groups = 0;
	for (size_t i = 0; i < state->processes; i++) {
		char pid[32];
		__u64 ticks;

		snprintf(pid, sizeof pid, "%llu", (unsigned long long)state->process[i].pid);
		if (!ts_process_read_ticks(live, (int)state->process[i].pid, &ticks) ||
		    ticks != state->process[i].ticks)
			continue;
		bytes = (double)ts_process_own_bytes(live, pid);
		idle += bytes;
		add_to_group(state, live, pid, bytes);
	}
	if (!state->known || idle > state->idle_bytes)
		state->idle_bytes = idle;
	state->known = true;
	state->marked_ns = 0;
}

/* ---- When */

static void idle_memory_tick(struct ts_live *live, void *opaque, __u64 now)
{
	struct idle_memory *state = opaque;
	__u64 begin;

	if (now - state->looked_ns < LOOK_NS)
		return;
	state->looked_ns = now;
	if (ts_procfile_waited(&state->pressure, &state->waited_us, MOVED_US) <= 0 ||
	    state->marked_ns || now < state->rest_until_ns)
		return;
	begin = ts_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	mark(state, live, now);
	/* Twice: the second look takes about as long. */
	state->rest_until_ns =
		now + ts_pace_rest(TS_PACE_IDLE_MEMORY, ts_pace_eager(live, now, TS_PACE_EAGER_NS),
				   2 * (ts_clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin));
}

static void idle_memory_snapshot(struct ts_live *live, void *opaque, struct ts_snapshot *snapshot)
{
	struct idle_memory *state = opaque;
	__u64 now = ts_clock_ns(CLOCK_MONOTONIC);

	if (state->marked_ns && now - state->marked_ns >= APART_NS)
		compare(state, live);
	if (state->known)
		ts_snapshot_gauge(snapshot, TS_FAMILY_IDLE_MEMORY, NULL, state->idle_bytes);
	for (size_t i = 0; i < state->groups; i++) {
		const struct group *group = &state->group[i];

		/* By its last name, as those who wait for memory are told. */
		ts_snapshot_gauge(snapshot, TS_FAMILY_CGROUP_IDLE_MEMORY,
				  TS_LABELS(strrchr(group->path, '/') + 1),
				  group->idle / group->used);
	}
	state->known = false;
	state->groups = 0;
	state->idle_bytes = 0;
	ts_snapshot_source_status(snapshot, TS_SOURCE_IDLE_MEMORY, TS_STATUS_OK, "");
}

const struct ts_source ts_source_idle_memory = {
	.id = TS_SOURCE_IDLE_MEMORY,
	.open = idle_memory_open,
	.tick = idle_memory_tick,
	.snapshot = idle_memory_snapshot,
	.close = idle_memory_close,
};
