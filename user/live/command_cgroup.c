// SPDX-License-Identifier: GPL-2.0-only
#include "command_cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup_mounts.h"
#include "clock.h"

#define DEPTH_MAX  16		 /* of the cgroups that a command makes below its own */
#define REMOVE_NS  1000000000ULL /* the last process may be on its way out for so long */
#define REMOVE_NAP 2000		 /* microseconds */

/* The path behind "0::" in /proc/self/cgroup; false when there is none. */
static bool own_path(char path[PATH_MAX])
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	char line[PATH_MAX + 8];
	bool found = false;

	while (file && !found && fgets(line, sizeof line, file)) {
		line[strcspn(line, "\n")] = '\0';
		found = !strncmp(line, "0::/", 4);
		if (found)
			snprintf(path, PATH_MAX, "%.*s", PATH_MAX - 1, line + 3);
	}
	if (file)
		fclose(file);
	return found;
}

static int mount_point(char path[PATH_MAX], char why[256])
{
	const struct ts_live live = {.proc = "/proc", .sys = "/sys"};
	struct ts_cgroup_mount mount[TS_CGROUP_MOUNTS];
	char read[TS_PROC_PATH_MAX];
	int mounts = ts_cgroup_mounts(&live, "cpu", mount, read);

	if (mounts < 0) {
		ts_proc_why(why, read, mounts);
		return mounts;
	}
	for (int i = 0; i < mounts; i++)
		if (mount[i].unified) {
			snprintf(path, PATH_MAX, "%s", mount[i].path);
			return 0;
		}
	snprintf(why, 256, "no cgroup hierarchy of version 2 is mounted");
	return -ENOENT;
}

static int make_below(struct ts_command_cgroup *group, const char *above)
{
	struct stat status;

	if (snprintf(group->above, sizeof group->above, "%s", above) >= PATH_MAX - 64)
		return -ENAMETOOLONG;
	snprintf(group->path, sizeof group->path, "%.*s/tunescope-run-%d", PATH_MAX - 64, above,
		 (int)getpid());
	/* What one of that number left behind when it was killed is empty, or in use: then not. */
	if (mkdir(group->path, 0755) && (errno != EEXIST || ts_command_cgroup_processes(group)))
		return -errno;
	if (stat(group->path, &status))
		return -errno;
	group->id = status.st_ino;
	return 0;
}

int ts_command_cgroup_make(struct ts_command_cgroup *group, char why[256])
{
	char mount[PATH_MAX], own[PATH_MAX] = "/", above[2 * PATH_MAX];
	int error = mount_point(mount, why);

	group->path[0] = '\0';
	if (error)
		return error;
	if (!own_path(own)) {
		snprintf(why, 256, "this process is in no cgroup of version 2");
		return -ENOENT;
	}
	snprintf(above, sizeof above, "%s%s", mount, strcmp(own, "/") ? own : "");
	error = make_below(group, above);
	if (error == -ENOENT || error == -ENAMETOOLONG) /* what is mounted is not the whole */
		error = make_below(group, mount);
	if (!error)
		return 0;
	snprintf(why, 256, "none can be made in %.150s: %s", group->above, strerror(-error));
	group->path[0] = '\0';
	return error;
}

static int put_into(const char *directory, pid_t process)
{
	char path[PATH_MAX + 32], number[16];
	int file, error = 0;

	snprintf(path, sizeof path, "%s/cgroup.procs", directory);
	snprintf(number, sizeof number, "%d", (int)process);
	file = open(path, O_WRONLY | O_CLOEXEC);
	if (file < 0)
		return -errno;
	if (write(file, number, strlen(number)) < 0)
		error = -errno;
	close(file);
	return error;
}

int ts_command_cgroup_enter(const struct ts_command_cgroup *group)
{
	return put_into(group->path, 0);
}

/* Calls act for each process in the cgroup and in those that were made below it. */
static size_t each_process(const char *directory, unsigned int depth,
			   void (*act)(pid_t process, const void *context), const void *context)
{
	char path[PATH_MAX];
	size_t count = 0;
	struct dirent *entry;
	DIR *below;
	FILE *file;
	int process;

	if (snprintf(path, sizeof path, "%s/cgroup.procs", directory) >= (int)sizeof path)
		return 0;
	file = fopen(path, "re");
	while (file && fscanf(file, "%d", &process) == 1) {
		if (act && process > 0)
			act(process, context);
		count++;
	}
	if (file)
		fclose(file);
	below = depth ? opendir(directory) : NULL;
	while (below && (entry = readdir(below)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.' &&
		    snprintf(path, sizeof path, "%s/%s", directory, entry->d_name) <
			    (int)sizeof path)
			count += each_process(path, depth - 1, act, context);
	if (below)
		closedir(below);
	return count;
}

size_t ts_command_cgroup_processes(const struct ts_command_cgroup *group)
{
	return *group->path ? each_process(group->path, DEPTH_MAX, NULL, NULL) : 0;
}

static void send_signal(pid_t process, const void *number)
{
	kill(process, *(const int *)number);
}

void ts_command_cgroup_kill(const struct ts_command_cgroup *group, int number)
{
	if (*group->path)
		each_process(group->path, DEPTH_MAX, send_signal, &number);
}

static void move(pid_t process, const void *above)
{
	put_into(above, process);
}

void ts_command_cgroup_evict(const struct ts_command_cgroup *group)
{
	if (*group->path)
		each_process(group->path, DEPTH_MAX, move, group->above);
}

/* Those that the command made below are removed first. */
static int remove_tree(const char *directory, unsigned int depth)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *below = depth ? opendir(directory) : NULL;

	while (below && (entry = readdir(below)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.' &&
		    snprintf(path, sizeof path, "%s/%s", directory, entry->d_name) <
			    (int)sizeof path)
			remove_tree(path, depth - 1);
	if (below)
		closedir(below);
	return rmdir(directory) ? -errno : 0;
}

void ts_command_cgroup_remove(struct ts_command_cgroup *group)
{
	__u64 until = ts_clock_ns(CLOCK_MONOTONIC) + REMOVE_NS;

	if (!*group->path)
		return;
	while (remove_tree(group->path, DEPTH_MAX) == -EBUSY &&
	       ts_clock_ns(CLOCK_MONOTONIC) < until)
		usleep(REMOVE_NAP);
	group->path[0] = '\0';
}
