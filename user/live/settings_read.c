// SPDX-License-Identifier: GPL-2.0-only
#include "settings_read.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "netns.h"
#include "pace.h"
#include "procfile.h"
#include "settings_watch.h"

#define VALUE_MAX	1024
#define DEVICES_MAX	1024

#define HELD_AT_MOST_NS 9000000000ull

/* Of the first devices in the directory, their sizes stay open. */
#define SIZES_KEPT 64

struct device_size {
	int descriptor; /* -1: not open */
	char device[64];
};

/* Settings read before. */
struct held {
	struct ts_snapshot *values;
	size_t hint;		/* where the last one was found */
	__u64 read_ns, cost_ns; /* when, and the CPU time it took */
};

struct ts_settings_cache {
	struct device_size size[SIZES_KEPT];
	int descriptor[TS_SETTING_COUNT]; /* global and initial namespace; -1: not open */
	struct ts_settings_watch watch;	  /* tells when one of those is written */
	struct held own;		  /* those */
	struct held others;		  /* of other namespaces, and of devices */
};

struct ts_settings_cache *ts_settings_cache_open(void)
{
	struct ts_settings_cache *cache = calloc(1, sizeof *cache);

	for (int id = 0; cache && id < TS_SETTING_COUNT; id++)
		cache->descriptor[id] = -1;
	for (int i = 0; cache && i < SIZES_KEPT; i++)
		cache->size[i].descriptor = -1;
	if (cache)
		cache->watch.descriptor = -1;
	return cache;
}

void ts_settings_cache_close(struct ts_settings_cache *cache)
{
	if (!cache)
		return;
	for (int id = 0; id < TS_SETTING_COUNT; id++)
		if (cache->descriptor[id] >= 0)
			close(cache->descriptor[id]);
	for (int i = 0; i < SIZES_KEPT; i++)
		if (cache->size[i].descriptor >= 0)
			close(cache->size[i].descriptor);
	ts_settings_watch_close(&cache->watch);
	ts_snapshot_free(cache->own.values);
	ts_snapshot_free(cache->others.values);
	free(cache);
}

/* Like ts_read_small, through a descriptor that stays open. */
static ssize_t read_again(int *descriptor, const char *path, char *text, size_t size)
{
	ssize_t length;

	if (*descriptor >= 0) {
		length = ts_read_open(*descriptor, text, size);
		if (length > 0)
			return length;
		close(*descriptor); /* nothing more comes out of a file of debugfs */
	}
	*descriptor = open(path, O_RDONLY | O_CLOEXEC);
	return *descriptor < 0 ? -errno : ts_read_open(*descriptor, text, size);
}

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

/* Which is mounted by hand, and refused under lockdown. */
static bool is_in_debugfs(const struct ts_setting *setting)
{
	static const char debugfs[] = "/sys/kernel/debug/";

	return !strncmp(setting->path, debugfs, sizeof debugfs - 1);
}

static bool has_directory(const char *path)
{
	char directory[TS_PROC_PATH_MAX];

	snprintf(directory, sizeof directory, "%.*s", (int)(strrchr(path, '/') - path), path);
	return !access(directory, F_OK);
}

/* descriptor: NULL, or one to be kept. */
static void read_setting(const struct ts_live *live, enum ts_setting_id id, const char *scope,
			 const char *device, int *descriptor, struct ts_snapshot *snapshot)
{
	const struct ts_setting *setting = &ts_settings[id];
	char path[TS_PROC_PATH_MAX] = "", value[VALUE_MAX], chosen[VALUE_MAX], why[256] = "";
	enum ts_status status = TS_STATUS_FAILED;
	ssize_t length = setting_path(live, setting, device, path);
	bool choice = false;

	if (!length)
		length = descriptor ? read_again(descriptor, path, value, sizeof value)
				    : ts_read_small(AT_FDCWD, path, value, sizeof value);
	if (length == -ENOENT) {
		status = TS_STATUS_UNSUPPORTED;
		snprintf(why, sizeof why,
			 is_in_debugfs(setting) && !has_directory(path)
				 ? "no %.150s: debugfs is not mounted or refused"
				 : "this kernel has no %.200s",
			 path);
	} else if (length == -EPERM && is_in_debugfs(setting)) {
		status = TS_STATUS_UNSUPPORTED;
		snprintf(why, sizeof why, "this kernel is locked down: nobody may read %.150s",
			 path);
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
		if (ts_settings[id].scope == kind && ts_settings[id].kind != TS_SETTING_NET_QUEUE)
			read_setting(live, id, scope, device, NULL, snapshot);
}

static void fail_scope(enum ts_scope_kind kind, const char *scope, const char *why,
		       struct ts_snapshot *snapshot)
{
	for (int id = 0; id < TS_SETTING_COUNT; id++)
		if (ts_settings[id].scope == kind)
			ts_snapshot_setting(snapshot, id, scope, TS_STATUS_FAILED, "", "", why);
}

static void read_namespace(struct ts_live *live, const struct ts_netns_entry *entry,
			   struct ts_snapshot *snapshot)
{
	/* /proc/sys/net shows the namespace of the thread that opens it. */
	int error = ts_netns_enter(live->netns, entry);
	char why[256];

	if (!error) {
		read_scope(live, TS_SCOPE_NETNS, entry->label, "", snapshot);
		ts_netns_leave(live->netns);
		return;
	}
	snprintf(why, sizeof why, "cannot enter the network namespace: %s", strerror(-error));
	fail_scope(TS_SCOPE_NETNS, entry->label, why, snapshot);
}

/* ---- What is held from one snapshot to the next */

static void forget_old(struct held *held, __u64 most_ns)
{
	__u64 age = ts_clock_ns(CLOCK_MONOTONIC) - held->read_ns;

	if (!held->values || age >= most_ns) {
		ts_snapshot_free(held->values);
		held->values = ts_snapshot_new();
		held->read_ns += age;
		held->cost_ns = 0;
	}
	held->hint = 0;
}

/*
 * The host's own are read when one of them has been written, or all of them each time where that
 * cannot be told; those of devices and other namespaces as often as their share of a CPU allows.
 */
static void forget_all_old(struct ts_live *live)
{
	struct ts_settings_cache *cache = live->settings;
	__u64 rest = ts_pace_rest(TS_PACE_SETTINGS, false, cache->others.cost_ns);
	bool written = ts_settings_watch_written(&cache->watch, live);

	forget_old(&cache->own, written ? 0 : HELD_AT_MOST_NS);
	forget_old(&cache->others, rest < HELD_AT_MOST_NS ? rest : HELD_AT_MOST_NS);
}

/*
 * Copies what is held of a scope; false when nothing is. Scopes come in the same order each time,
 * and the settings of one stand together.
 */
static bool copy_held(struct held *held, enum ts_scope_kind kind, const char *scope,
		      struct ts_snapshot *snapshot)
{
	const struct ts_snapshot *values = held->values;
	bool found = false;

	for (size_t n = 0; n < values->settings; n++) {
		size_t at = (held->hint + n) % values->settings;
		const struct ts_setting_value *value = &values->setting[at];

		if (ts_settings[value->id].scope != kind || strcmp(value->scope, scope)) {
			if (!found)
				continue;
			held->hint = at;
			break;
		}
		ts_snapshot_setting(snapshot, value->id, value->scope, value->status, value->value,
				    value->choices, value->why);
		found = true;
	}
	return found;
}

/* Of the whole host, or of the namespace this thread is in. */
static void read_or_copy_own(const struct ts_live *live, enum ts_scope_kind kind, const char *scope,
			     struct ts_snapshot *snapshot)
{
	struct ts_settings_cache *cache = live->settings;
	struct ts_snapshot *into = cache ? cache->own.values : snapshot;

	if (cache && copy_held(&cache->own, kind, scope, snapshot))
		return;
	for (int id = 0; id < TS_SETTING_COUNT; id++)
		if (ts_settings[id].scope == kind)
			read_setting(live, id, scope, "", cache ? &cache->descriptor[id] : NULL,
				     into);
	if (cache)
		copy_held(&cache->own, kind, scope, snapshot);
}

/* Reads one of the others now, or takes what is held. */
static void read_or_copy(struct ts_live *live, enum ts_scope_kind kind, const char *scope,
			 const struct ts_netns_entry *netns, struct ts_snapshot *snapshot)
{
	struct ts_settings_cache *cache = live->settings;
	struct ts_snapshot *into = cache ? cache->others.values : snapshot;
	__u64 begin;

	if (cache && copy_held(&cache->others, kind, scope, snapshot))
		return;
	begin = ts_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	if (netns)
		read_namespace(live, netns, into);
	else
		read_scope(live, kind, scope, scope, into);
	if (!cache)
		return;
	cache->others.cost_ns += ts_clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin;
	copy_held(&cache->others, kind, scope, snapshot);
}

static void read_namespaces(struct ts_live *live, struct ts_snapshot *snapshot)
{
	for (size_t i = 0; i < live->netns->count; i++) {
		const struct ts_netns_entry *entry = &live->netns->entry[i];

		if (entry->initial)
			read_or_copy_own(live, TS_SCOPE_NETNS, entry->label, snapshot);
		else if (entry->alive && entry->detailed)
			read_or_copy(live, TS_SCOPE_NETNS, entry->label, entry, snapshot);
	}
}

/* Where the size of the device in that place of the directory stays open; NULL: it does not. */
static struct device_size *kept_size(struct ts_settings_cache *cache, size_t place,
				     const char *device)
{
	struct device_size *kept = cache && place < SIZES_KEPT ? &cache->size[place] : NULL;

	if (!kept || strlen(device) >= sizeof kept->device)
		return NULL;
	if (!strcmp(kept->device, device))
		return kept;
	if (kept->descriptor >= 0)
		close(kept->descriptor);
	kept->descriptor = -1;
	strcpy(kept->device, device);
	return kept;
}

/* There are fewer devices than before: a descriptor would hold on to what is gone. */
static void forget_sizes(struct ts_settings_cache *cache, size_t devices)
{
	for (size_t i = devices; i < SIZES_KEPT; i++) {
		if (cache->size[i].descriptor >= 0)
			close(cache->size[i].descriptor);
		cache->size[i] = (struct device_size){.descriptor = -1};
	}
}

/* Loop, ram, nbd or zram devices nobody has set up, and drives without a medium, have no sectors.
 */
static bool has_sectors(const char *block, const char *device, struct device_size *kept)
{
	char path[TS_PROC_PATH_MAX], size[32];
	ssize_t length;
	__u64 sectors;

	if (snprintf(path, sizeof path, "%s/%s/size", block, device) >= (int)sizeof path)
		return false;
	length = kept ? read_again(&kept->descriptor, path, size, sizeof size)
		      : ts_read_small(AT_FDCWD, path, size, sizeof size);
	return length > 0 && ts_is_number(size, &sectors) && sectors;
}

static void read_devices(struct ts_live *live, struct ts_snapshot *snapshot)
{
	char path[TS_PROC_PATH_MAX];
	struct dirent *entry;
	size_t devices = 0, place = 0;
	DIR *block;

	if (ts_live_path(live, "/sys/block", path, sizeof path))
		return;
	/* Without it (no block layer, no sysfs) there is no device to have settings. */
	block = opendir(path);
	if (!block)
		return;
	while (devices < DEVICES_MAX && (entry = readdir(block))) {
		const char *device = entry->d_name;

		if (device[0] == '.' ||
		    !has_sectors(path, device, kept_size(live->settings, place++, device)))
			continue;
		read_or_copy(live, TS_SCOPE_DEVICE, device, NULL, snapshot);
		devices++;
	}
	closedir(block);
	if (live->settings)
		forget_sizes(live->settings, place);
}

void ts_settings_snapshot(struct ts_live *live, struct ts_snapshot *snapshot)
{
	if (live->settings)
		forget_all_old(live);
	read_or_copy_own(live, TS_SCOPE_GLOBAL, "", snapshot);
	read_namespaces(live, snapshot);
	read_devices(live, snapshot);
}
