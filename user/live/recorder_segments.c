// SPDX-License-Identifier: GPL-2.0-only
#include "recorder_segments.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../core/arena.h"
#include "recorder_newest.h"

#define MODE	       0750
#define SAME_TIME_MAX  999 /* segments that begin in the same second */
#define NAME_PATTERN   "tunescope-00000000T000000Z"
#define NAME_EXTENSION ".tsrec"

/* tunescope-YYYYMMDDThhmmssZ.tsrec, and with _001 and so on behind the Z. */
static bool is_segment_name(const char *name)
{
	const char *at = name;

	for (const char *pattern = NAME_PATTERN; *pattern; pattern++, at++)
		if (*pattern == '0' ? (*at < '0' || *at > '9') : *at != *pattern)
			return false;
	if (*at == '_') {
		if (strspn(at + 1, "0123456789") != 3)
			return false;
		at += 4;
	}
	return !strcmp(at, NAME_EXTENSION);
}

/* With nothing behind the time stands for 0: in the order of the alphabet it would come last. */
static int compare_names(const void *a, const void *b)
{
	const struct ts_segment_file *first = a, *second = b;
	size_t stem = sizeof NAME_PATTERN - 1;
	int order = strncmp(first->name, second->name, stem);
	bool first_numbered = first->name[stem] == '_', second_numbered = second->name[stem] == '_';

	if (order || (first_numbered && second_numbered))
		return order ? order : strcmp(first->name, second->name);
	return (int)first_numbered - (int)second_numbered;
}

static struct ts_segment_file *append(struct ts_segments *segments, const char *name)
{
	struct ts_segment_file *segment;

	if (segments->count == segments->capacity) {
		segments->capacity = segments->capacity ? 2 * segments->capacity : 64;
		segments->list = ts_memory_resize(segments->list,
						  segments->capacity * sizeof *segments->list);
	}
	segment = &segments->list[segments->count++];
	*segment = (struct ts_segment_file){0};
	strcpy(segment->name, name);
	return segment;
}

static int list_directory(struct ts_segments *segments)
{
	DIR *directory = opendir(segments->path);
	const struct dirent *entry;
	struct ts_segment_file *segment;
	struct stat state;

	if (!directory)
		return -errno;
	segments->count = 0;
	segments->bytes = 0;
	while ((entry = readdir(directory))) {
		if (!is_segment_name(entry->d_name) ||
		    fstatat(dirfd(directory), entry->d_name, &state, AT_SYMLINK_NOFOLLOW) ||
		    !S_ISREG(state.st_mode))
			continue;
		segment = append(segments, entry->d_name);
		segment->bytes = (__u64)state.st_size;
		segment->realtime_ns = (__u64)state.st_mtim.tv_sec * 1000000000ULL;
		segments->bytes += segment->bytes;
	}
	closedir(directory);
	if (segments->count)
		qsort(segments->list, segments->count, sizeof *segments->list, compare_names);
	return 0;
}

/*
 * A session before may have been killed while it wrote to a segment, or could not put windows into
 * it that stand beside it.
 */
static void repair(struct ts_segments *segments, struct ts_segment_file *segment)
{
	struct ts_newest newest = {.file.descriptor = -1};
	struct ts_recorder_file file;
	char path[PATH_MAX], why[TS_WHY];

	if (snprintf(path, sizeof path, "%s/%s", segments->path, segment->name) >= (int)sizeof path)
		return;
	/* One that is damaged, or written by somebody else, is no reason not to record. */
	if (ts_recorder_file_open(&file, path, false, why))
		return;
	/* What cannot be put into it now stays where it is, and is read there. */
	ts_newest_open(&newest, &file, why);
	ts_newest_close(&newest);
	segments->bytes += file.length - segment->bytes;
	segment->bytes = file.length;
	ts_recorder_file_close(&file);
}

/* The last one always: it may have a torn end. */
static void repair_segments(struct ts_segments *segments)
{
	char beside[TS_SEGMENT_NAME + sizeof TS_NEWEST_BEFORE];

	for (size_t i = 0; i < segments->count; i++) {
		struct ts_segment_file *segment = &segments->list[i];
		bool needed = i + 1 == segments->count;

		snprintf(beside, sizeof beside, "%s" TS_NEWEST_SUFFIX, segment->name);
		needed = needed || !faccessat(segments->descriptor, beside, F_OK, 0);
		snprintf(beside, sizeof beside, "%s" TS_NEWEST_BEFORE, segment->name);
		needed = needed || !faccessat(segments->descriptor, beside, F_OK, 0);
		if (needed)
			repair(segments, segment);
	}
}

static int open_directory(struct ts_segments *segments, bool create)
{
	if (create && mkdir(segments->path, MODE) && errno != EEXIST)
		return -errno;
	segments->descriptor = open(segments->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (segments->descriptor < 0)
		return -errno;
	/* File systems without locks: better recorded without one than not at all. */
	if (flock(segments->descriptor, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
		return -EBUSY;
	if (faccessat(AT_FDCWD, segments->path, W_OK | X_OK, AT_EACCESS))
		return -errno;
	return list_directory(segments);
}

int ts_segments_open(struct ts_segments *segments, const char *path, bool create, char why[TS_WHY])
{
	size_t length = strlen(path);
	int error = -ENAMETOOLONG;

	*segments = (struct ts_segments){.descriptor = -1};
	while (length > 1 && path[length - 1] == '/')
		length--;
	if (length + TS_SEGMENT_NAME + 2 < sizeof segments->path) {
		memcpy(segments->path, path, length);
		error = open_directory(segments, create);
	}
	if (!error) {
		repair_segments(segments);
		return 0;
	}
	ts_segments_close(segments);
	return ts_because(why, error, "%s: %s", path,
			  error == -EBUSY ? "another tunescope is recording there"
					  : ts_write_error(error));
}

void ts_segments_close(struct ts_segments *segments)
{
	if (segments->descriptor >= 0)
		close(segments->descriptor);
	segments->descriptor = -1;
	free(segments->list);
	segments->list = NULL;
	segments->count = segments->capacity = 0;
}

bool ts_segments_moved(const struct ts_segments *segments)
{
	struct stat opened, there;

	return fstat(segments->descriptor, &opened) || stat(segments->path, &there) ||
	       opened.st_dev != there.st_dev || opened.st_ino != there.st_ino;
}

static void format_name(char name[TS_SEGMENT_NAME], __u64 realtime_ns, int number)
{
	time_t seconds = (time_t)(realtime_ns / 1000000000ULL);
	struct tm utc;
	char stem[32], suffix[8] = "";

	gmtime_r(&seconds, &utc);
	strftime(stem, sizeof stem, "tunescope-%Y%m%dT%H%M%SZ", &utc);
	if (number)
		snprintf(suffix, sizeof suffix, "_%03d", number);
	snprintf(name, TS_SEGMENT_NAME, "%s%s%s", stem, suffix, NAME_EXTENSION);
}

int ts_segments_new(struct ts_segments *segments, __u64 realtime_ns, struct ts_recorder_file *file,
		    char why[TS_WHY])
{
	char name[TS_SEGMENT_NAME], path[PATH_MAX];
	int error = -EEXIST;

	for (int number = 0; number <= SAME_TIME_MAX && error == -EEXIST; number++) {
		format_name(name, realtime_ns, number);
		if (snprintf(path, sizeof path, "%s/%s", segments->path, name) >= (int)sizeof path)
			return -ENAMETOOLONG;
		error = ts_recorder_file_open(file, path, true, why);
	}
	if (!error)
		append(segments, name);
	return error;
}

void ts_segments_grown(struct ts_segments *segments, __u64 bytes, __u64 boottime_ns,
		       __u64 realtime_ns)
{
	struct ts_segment_file *last = &segments->list[segments->count - 1];

	last->bytes += bytes;
	if (boottime_ns) {
		last->boottime_ns = boottime_ns;
		last->realtime_ns = realtime_ns;
	}
	segments->bytes += bytes;
}

void ts_segments_forget_empty(struct ts_segments *segments)
{
	if (segments->count && !segments->list[segments->count - 1].bytes)
		segments->count--;
}

int ts_segments_delete(struct ts_segments *segments, size_t i, char why[TS_WHY])
{
	struct ts_segment_file *segment = &segments->list[i];
	int error;

	if (unlinkat(segments->descriptor, segment->name, 0) && errno != ENOENT) {
		error = -errno;
		return ts_because(why, error, "%s/%s cannot be deleted: %s", segments->path,
				  segment->name, strerror(-error));
	}
	ts_newest_delete(segments->descriptor, segment->name);
	segments->bytes -= segment->bytes;
	segments->count--;
	memmove(segment, segment + 1, (segments->count - i) * sizeof *segment);
	return 0;
}
