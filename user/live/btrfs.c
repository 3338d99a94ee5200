// SPDX-License-Identifier: GPL-2.0-only
#include "btrfs.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "procfile.h"

/* The link "bdi" of a filesystem's directory ends in the name of its backing device. */
static bool has_bdi(const char *filesystem, const char *bdi)
{
	char path[TS_PROC_PATH_MAX], target[TS_PROC_PATH_MAX];
	const char *last;
	ssize_t length;

	snprintf(path, sizeof path, "%.400s/bdi", filesystem);
	length = readlink(path, target, sizeof target - 1);
	if (length < 0)
		return false;
	target[length] = '\0';
	last = strrchr(target, '/');
	return last && !strcmp(last + 1, bdi);
}

static const struct dirent *next_entry(DIR *directory)
{
	const struct dirent *entry;

	do
		entry = readdir(directory);
	while (entry && entry->d_name[0] == '.');
	return entry;
}

/* The first device, if it is the only one. */
static bool only_device(const char *filesystem, char device[NAME_MAX + 1])
{
	char path[TS_PROC_PATH_MAX];
	const struct dirent *entry;
	DIR *devices;
	bool only = false;

	snprintf(path, sizeof path, "%.400s/devices", filesystem);
	devices = opendir(path);
	if (!devices)
		return false;
	entry = next_entry(devices);
	if (entry) {
		snprintf(device, NAME_MAX + 1, "%s", entry->d_name);
		only = !next_entry(devices);
	}
	closedir(devices);
	return only;
}

static bool disk_of(const char *sys, const char *filesystem, char disk[TS_DISK_NAME_SIZE])
{
	char device[NAME_MAX + 1], path[TS_PROC_PATH_MAX + NAME_MAX], number[32];
	unsigned int major, minor;

	if (!only_device(filesystem, device))
		return false;
	snprintf(path, sizeof path, "%.400s/devices/%s/dev", filesystem, device);
	return ts_read_small(AT_FDCWD, path, number, sizeof number) > 0 &&
	       sscanf(number, "%u:%u", &major, &minor) == 2 &&
	       ts_disk_name(sys, major, minor, disk);
}

bool ts_btrfs_disk(const char *sys, const char *bdi, char disk[TS_DISK_NAME_SIZE])
{
	char path[TS_PROC_PATH_MAX];
	const struct dirent *entry;
	bool found = false;
	DIR *all;

	if (strncmp(bdi, "btrfs-", 6) != 0)
		return false;
	snprintf(path, sizeof path, "%.256s/fs/btrfs", sys);
	all = opendir(path);
	if (!all)
		return false;
	while (!found && (entry = next_entry(all))) {
		snprintf(path, sizeof path, "%.256s/fs/btrfs/%.200s", sys, entry->d_name);
		found = has_bdi(path, bdi) && disk_of(sys, path, disk);
	}
	closedir(all);
	return found;
}
