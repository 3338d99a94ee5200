// SPDX-License-Identifier: GPL-2.0-only
#include "task_names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "cgroup_path.h"
#include "procfile.h"

#define CGROUP_NS 5000000000ULL /* a task is moved to another one seldom */

static bool path_of(const struct ts_live *live, __u32 pid, const char *file,
		    char path[TS_PROC_PATH_MAX])
{
	char plain[64];

	snprintf(plain, sizeof plain, "/proc/%u/%s", pid, file);
	return !ts_live_path(live, plain, path, TS_PROC_PATH_MAX);
}

static void release(struct ts_task_name *name)
{
	if (name->pid)
		close(name->file);
	*name = (struct ts_task_name){0};
}

/* The one of that task, or the one to be used for it: free, or unused for longest. */
static struct ts_task_name *place_of(struct ts_task_names *names, __u32 pid)
{
	struct ts_task_name *place = &names->name[0];

	for (size_t i = 0; i < TS_TASK_NAMES; i++) {
		struct ts_task_name *name = &names->name[i];

		if (name->pid == pid)
			return name;
		if (name->used_ns < place->used_ns)
			place = name;
	}
	return place;
}

static bool open_task(struct ts_task_name *name, const struct ts_live *live, __u32 pid)
{
	char path[TS_PROC_PATH_MAX];

	release(name);
	name->file = path_of(live, pid, "comm", path) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (name->file < 0)
		return false;
	name->pid = pid;
	return ts_read_open(name->file, name->comm, sizeof name->comm) >= 0;
}

static void read_cgroup(struct ts_task_name *name, const struct ts_live *live, __u64 now)
{
	char path[TS_PROC_PATH_MAX], text[4096];
	const char *cgroup = "";

	if (name->cgroup_ns && now - name->cgroup_ns < CGROUP_NS)
		return;
	if (path_of(live, name->pid, "cgroup", path) &&
	    ts_read_small(AT_FDCWD, path, text, sizeof text) >= 0)
		cgroup = ts_cgroup_path(text, "cpu");
	snprintf(name->cgroup, sizeof name->cgroup, "%s", cgroup);
	name->cgroup_ns = now;
}

const struct ts_task_name *ts_task_name(struct ts_task_names *names, const struct ts_live *live,
					__u32 pid)
{
	struct ts_task_name *name = place_of(names, pid);
	__u64 now = ts_clock_ns(CLOCK_MONOTONIC);

	if ((name->pid != pid || ts_read_open(name->file, name->comm, sizeof name->comm) < 0) &&
	    !open_task(name, live, pid)) {
		release(name);
		return NULL;
	}
	read_cgroup(name, live, now);
	name->used_ns = now;
	return name;
}

void ts_task_names_close(struct ts_task_names *names)
{
	for (size_t i = 0; i < TS_TASK_NAMES; i++)
		release(&names->name[i]);
}
