// SPDX-License-Identifier: GPL-2.0-only
#include "settings_read.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netns.h"
#include "procfile.h"

#define VALUE_MAX   1024
#define DEVICES_MAX 1024

/* The row's path with the device in place of %s. */
static int setting_path(const struct ts_live *live, const struct ts_setting *setting,
			const char *device, char path[TS_PROC_PATH_MAX])
{
	const char *hole = strstr(setting->path, "%s");
	char template[TS_PROC_PATH_MAX];
	int length;

	if (!hole)
		return ts_live_path(live, setting->path, path, TS_PROC_PATH_MAX);
	length = snprintf(template, sizeof template, "%.*s%s%s", (int)(hole - setting->path),
			  setting->path, device, hole + 2);
	if (length < 0 || (size_t)length >= sizeof template)
		return -ENAMETOOLONG;
	return ts_live_path(live, template, path, TS_PROC_PATH_MAX);
}

/* Runs of blanks, tabs and newlines become one blank; none at the start. */
static void squeeze(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++)
		if (!isspace((unsigned char)*from))
			*to++ = *from;
		else if (to > text && to[-1] != ' ')
			*to++ = ' ';
	*to = '\0';
}

/* As many numbers as the setting has; the kernel writes a minus for "off" in some. */
static bool has_numbers(const char *value, unsigned int arity)
{
	for (unsigned int i = 0; i < arity; i++) {
		char *end;

		errno = 0;
		(void)strtoll(value, &end, 10);
		if (end == value || errno || (*end && *end != ' '))
			return false;
		value = end;
	}
	return !*value;
}

/* "[none] mq-deadline" -> "none", and the list without brackets. False: no choice is marked. */
static bool split_choices(char *value, char chosen[VALUE_MAX])
{
	char *open = strchr(value, '['), *close = open ? strchr(open, ']') : NULL;
	size_t length;

	if (!close)
		return false;
	length = (size_t)(close - open) - 1;
	memcpy(chosen, open + 1, length);
	chosen[length] = '\0';
	memmove(open, open + 1, length);
	memmove(open + length, close + 1, strlen(close + 1) + 1);
	return true;
}

static bool is_blank(const char *text)
{
	return !text[strspn(text, " \t\n")];
}

static void read_setting(const struct ts_live *live, enum ts_setting_id id, const char *scope,
			 const char *device, struct ts_snapshot *snapshot)
{
	const struct ts_setting *setting = &ts_settings[id];
	char path[TS_PROC_PATH_MAX] = "", value[VALUE_MAX], chosen[VALUE_MAX], why[256] = "";
	enum ts_status status = TS_STATUS_FAILED;
	ssize_t length = setting_path(live, setting, device, path);
	bool choice = false;

	if (!length)
		length = ts_read_small(AT_FDCWD, path, value, sizeof value);
	if (length == -ENOENT) {
		status = TS_STATUS_UNSUPPORTED;
		snprintf(why, sizeof why, "this kernel has no %.200s", path);
	} else if (setting->kind == TS_SETTING_BLOCK_QUEUE &&
		   (length == -EINVAL || length == -EOPNOTSUPP)) {
		/* wbt_lat_usec of a device without writeback throttling can be opened, not read. */
		status = TS_STATUS_UNSUPPORTED;
		snprintf(why, sizeof why, "%.200s is not in use on this device", path);
	} else if (length < 0) {
		ts_proc_why(why, path[0] ? path : setting->path, (int)length);
	} else if (is_blank(value) || strlen(value) != (size_t)length) {
		ts_proc_why(why, path, length ? -EPROTO : -ENODATA);
	} else {
		squeeze(value);
		choice = !setting->arity && split_choices(value, chosen);
		if (setting->arity && !has_numbers(value, setting->arity))
			snprintf(why, sizeof why, "%.180s does not hold %u number%s", path,
				 setting->arity, setting->arity == 1 ? "" : "s");
		else
			status = TS_STATUS_OK;
	}
	ts_snapshot_setting(snapshot, id, scope, status,
			    status != TS_STATUS_OK ? ""
			    : choice		   ? chosen
						   : value,
			    status == TS_STATUS_OK && choice ? value : "", why);
}

static void read_scope(const struct ts_live *live, enum ts_scope_kind kind, const char *scope,
		       const char *device, struct ts_snapshot *snapshot)
{
	for (int id = 0; id < TS_SETTING_COUNT; id++)
		if (ts_settings[id].scope == kind)
			read_setting(live, id, scope, device, snapshot);
}

static void fail_scope(enum ts_scope_kind kind, const char *scope, const char *why,
		       struct ts_snapshot *snapshot)
{
	for (int id = 0; id < TS_SETTING_COUNT; id++)
		if (ts_settings[id].scope == kind)
			ts_snapshot_setting(snapshot, id, scope, TS_STATUS_FAILED, "", "", why);
}

static void read_namespaces(struct ts_live *live, struct ts_snapshot *snapshot)
{
	for (size_t i = 0; i < live->netns->count; i++) {
		const struct ts_netns_entry *entry = &live->netns->entry[i];
		int error;

		if (!entry->alive)
			continue;
		/* /proc/sys/net shows the namespace of the thread that opens it. */
		error = ts_netns_enter(live->netns, entry);
		if (error) {
			char why[256];

			snprintf(why, sizeof why, "cannot enter the network namespace: %s",
				 strerror(-error));
			fail_scope(TS_SCOPE_NETNS, entry->label, why, snapshot);
			continue;
		}
		read_scope(live, TS_SCOPE_NETNS, entry->label, "", snapshot);
		ts_netns_leave(live->netns);
	}
}

/* Loop, ram, nbd or zram devices nobody has set up, and drives without a medium, have no sectors.
 */
static bool has_sectors(int block, const char *device)
{
	char path[300], size[32];
	__u64 sectors;

	snprintf(path, sizeof path, "%.255s/size", device);
	return ts_read_small(block, path, size, sizeof size) > 0 && ts_is_number(size, &sectors) &&
	       sectors;
}

static void read_devices(struct ts_live *live, struct ts_snapshot *snapshot)
{
	char path[TS_PROC_PATH_MAX];
	struct dirent *entry;
	size_t devices = 0;
	DIR *block;

	if (ts_live_path(live, "/sys/block", path, sizeof path))
		return;
	/* Without it (no block layer, no sysfs) there is no device to have settings. */
	block = opendir(path);
	if (!block)
		return;
	while (devices < DEVICES_MAX && (entry = readdir(block))) {
		if (entry->d_name[0] == '.' || !has_sectors(dirfd(block), entry->d_name))
			continue;
		read_scope(live, TS_SCOPE_DEVICE, entry->d_name, entry->d_name, snapshot);
		devices++;
	}
	closedir(block);
}

void ts_settings_snapshot(struct ts_live *live, struct ts_snapshot *snapshot)
{
	read_scope(live, TS_SCOPE_GLOBAL, "", "", snapshot);
	read_namespaces(live, snapshot);
	read_devices(live, snapshot);
}
