// SPDX-License-Identifier: GPL-2.0-only
#include "recorder_place.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../core/error.h"

#define HOUR_NS	      3600000000000ULL
#define SEGMENTS_AGE  24 /* a new segment after this part of the age */
#define SEGMENTS_SIZE 16 /* or of the size, which are kept */
#define GROUPS_AGE    8	 /* windows become a group after this part of the age */
#define GROUPS_SIZE   16 /* or of the size */
#define DIRECT_BELOW  (1u << 20)

static bool is_directory(const char *path)
{
	size_t length = strlen(path);
	struct stat state;

	if (!stat(path, &state))
		return S_ISDIR(state.st_mode);
	return length && path[length - 1] == '/';
}

static bool is_link(const char *path)
{
	struct stat state;

	return !lstat(path, &state) && S_ISLNK(state.st_mode);
}

static int open_file(struct ts_place *place, char why[TS_WHY])
{
	int error = ts_recorder_file_open(&place->file, place->path, false, why);

	if (!error)
		ts_recorder_file_clean(place->path);
	if (!error && place->file.cut_off)
		ts_warn("%s: recording was killed while it wrote there: the last %llu bytes, a "
			"torn frame, are cut off",
			place->path, (unsigned long long)place->file.cut_off);
	place->old_end = place->old_context = 0;
	if (!error)
		error = ts_newest_open(&place->newest, &place->file, why);
	if (error)
		ts_recorder_file_close(&place->file);
	return error;
}

int ts_place_open(struct ts_place *place, const struct ts_recorder_options *options, __u64 session,
		  char why[TS_WHY])
{
	char *resolved;

	*place = (struct ts_place){
		.segmented = is_directory(options->path),
		.keep_ns = (__u64)(options->keep_seconds * 1e9),
		.maximum_bytes = options->maximum_bytes,
		.session = session,
		.file.descriptor = -1,
		.newest.file.descriptor = -1,
		.group = {options->keep_seconds / GROUPS_AGE, options->maximum_bytes / GROUPS_SIZE},
		.direct = options->maximum_bytes && options->maximum_bytes < DIRECT_BELOW,
		.segments.descriptor = -1,
	};
	if (strlen(options->path) >= sizeof place->path)
		return ts_because(why, -ENAMETOOLONG, "the path of the recording is too long");
	strcpy(place->path, options->path);
	if (place->segmented)
		return ts_segments_open(&place->segments, place->path, true, why);
	/* The file is replaced now and then: that must not happen to a link to it. */
	resolved = realpath(options->path, NULL);
	if (resolved)
		strcpy(place->path, resolved);
	else if (is_link(place->path))
		return ts_because(why, -EINVAL, "%s is a symbolic link that leads nowhere",
				  place->path);
	free(resolved);
	return open_file(place, why);
}

/* Windows that stand beside the file become a group of it, and what it takes is counted. */
static void group_windows(struct ts_place *place)
{
	__u64 before = place->newest.file.length, bytes;

	bytes = ts_newest_group(&place->newest, &place->file);
	if (!bytes)
		return;
	place->written += (__s64)bytes - (__s64)before;
	if (place->segmented)
		ts_segments_grown(&place->segments, bytes, 0, 0);
}

/* What can be put into the file is; and nothing is needed beside it then. */
static void end_newest(struct ts_place *place)
{
	if (place->file.descriptor < 0)
		return;
	ts_newest_end(&place->newest, &place->file);
	group_windows(place);
	ts_newest_end(&place->newest, &place->file);
}

static void end_segment(struct ts_place *place)
{
	end_newest(place);
	ts_newest_close(&place->newest);
	ts_recorder_file_close(&place->file);
	ts_segments_forget_empty(&place->segments);
}

void ts_place_close(struct ts_place *place)
{
	ts_newest_close(&place->newest);
	ts_recorder_file_close(&place->file);
	ts_segments_close(&place->segments);
}

/* Segments that may be deleted: not the one that is being written. */
static size_t deletable(const struct ts_place *place)
{
	return place->segments.count - (place->file.descriptor >= 0);
}

static void delete_too_old(struct ts_place *place, const struct ts_window *window)
{
	char why[TS_WHY];

	for (size_t i = 0; i < deletable(place);) {
		const struct ts_segment_file *segment = &place->segments.list[i];

		if (!ts_place_too_old(place, window, segment->realtime_ns, segment->boottime_ns)) {
			i++;
		} else if (ts_segments_delete(&place->segments, i, why)) {
			if (!place->deletion_told)
				ts_warn("%s", why);
			place->deletion_told = true;
			i++;
		}
	}
}

/* Of the recording, when a frame of so many bytes is added. */
static __u64 room_for(const struct ts_place *place, size_t bytes)
{
	return place->direct ? bytes : ts_newest_room(&place->newest, bytes);
}

static int delete_surplus(struct ts_place *place, size_t bytes, char why[TS_WHY])
{
	struct ts_segments *segments = &place->segments;
	int error = 0;

	if (!place->maximum_bytes)
		return 0;
	if (bytes > place->maximum_bytes)
		return ts_because(why, -EFBIG, "%s: a window of %zu bytes is more than --max-size",
				  place->path, bytes);
	while (!error && segments->bytes + room_for(place, bytes) > place->maximum_bytes) {
		if (!deletable(place))
			end_segment(place);
		if (!segments->count)
			break;
		error = ts_segments_delete(segments, 0, why);
	}
	return error;
}

static bool segment_is_due(const struct ts_place *place, size_t bytes,
			   const struct ts_window *window)
{
	__u64 longest = place->keep_ns ? place->keep_ns / SEGMENTS_AGE : HOUR_NS;

	if (longest > HOUR_NS)
		longest = HOUR_NS;
	if (!place->file.length)
		return false;
	return window->delta->boottime_ns - place->segment_start_ns > longest ||
	       (place->maximum_bytes &&
		place->file.length + room_for(place, bytes) > place->maximum_bytes / SEGMENTS_SIZE);
}

/* The directory, or its newest segment, was removed, renamed or mounted over. */
static int follow_moves(struct ts_place *place, char why[TS_WHY])
{
	bool opened = place->file.descriptor >= 0;

	if (place->segments.descriptor >= 0 && !ts_segments_moved(&place->segments) &&
	    !(opened && ts_recorder_file_moved(&place->file)))
		return 0;
	ts_newest_close(&place->newest);
	ts_recorder_file_close(&place->file);
	ts_segments_close(&place->segments);
	return ts_segments_open(&place->segments, place->path, false, why);
}

static int prepare_segment(struct ts_place *place, size_t bytes, const struct ts_window *window,
			   bool *begins, char why[TS_WHY])
{
	int error = follow_moves(place, why);

	if (error)
		return error;
	if (place->file.descriptor >= 0 && segment_is_due(place, bytes, window))
		end_segment(place);
	delete_too_old(place, window);
	error = delete_surplus(place, bytes, why);
	if (error || place->file.descriptor >= 0)
		return error;
	place->segment_start_ns = window->delta->boottime_ns - (__u64)(window->seconds * 1e9);
	*begins = true;
	error = ts_segments_new(&place->segments, window->start_realtime_ns, &place->file, why);
	return error ? error : ts_newest_open(&place->newest, &place->file, why);
}

static int prepare_file(struct ts_place *place, size_t bytes, const struct ts_window *window,
			bool *begins, char why[TS_WHY])
{
	int error;

	if (place->file.descriptor < 0 || ts_recorder_file_moved(&place->file)) {
		ts_newest_close(&place->newest);
		ts_recorder_file_close(&place->file);
		error = open_file(place, why);
		if (error)
			return error;
		*begins = true;
	}
	return ts_place_drop_old(place, room_for(place, bytes), window, begins, why);
}

int ts_place_prepare(struct ts_place *place, size_t bytes, const struct ts_window *window,
		     bool *begins, char why[TS_WHY])
{
	if (!place->first_boottime_ns) {
		place->first_realtime_ns = window->delta->realtime_ns;
		place->first_boottime_ns = window->delta->boottime_ns;
	}
	return place->segmented ? prepare_segment(place, bytes, window, begins, why)
				: prepare_file(place, bytes, window, begins, why);
}

int ts_place_append(struct ts_place *place, const void *data, size_t length,
		    const struct ts_window *window, char why[TS_WHY])
{
	int error = ts_recorder_file_append(&place->file, data, length, why);

	if (!error && place->segmented)
		ts_segments_grown(&place->segments, length, window->delta->boottime_ns,
				  window->delta->realtime_ns);
	if (!error)
		place->written += (__s64)length;
	return error;
}

int ts_place_append_window(struct ts_place *place, const void *data, size_t length,
			   const struct ts_window *window, const struct ts_frame_header *header,
			   char why[TS_WHY])
{
	int error;

	if (place->direct)
		return ts_place_append(place, data, length, window, why);
	error = ts_newest_append(&place->newest, data, length, window, header, why);
	if (error)
		return error;
	place->written += (__s64)length;
	if (place->segmented)
		ts_segments_grown(&place->segments, 0, window->delta->boottime_ns,
				  window->delta->realtime_ns);
	return 0;
}

void ts_place_settle(struct ts_place *place, struct ts_sync *sync, bool at_end)
{
	if (place->file.descriptor < 0)
		return;
	if (at_end || ts_newest_crowded(&place->newest)) {
		end_newest(place);
		return;
	}
	if (ts_newest_enough(&place->newest, &place->group))
		group_windows(place);
	ts_newest_settle(&place->newest, &place->file, sync);
}

__s64 ts_place_written(const struct ts_place *place)
{
	return place->written;
}

bool ts_place_failed(struct ts_place *place, int error)
{
	/* With space again this file goes on. */
	if (error == -ENOSPC || error == -EDQUOT || place->file.descriptor < 0)
		return false;
	if (!place->segmented) {
		ts_newest_close(&place->newest);
		ts_recorder_file_close(&place->file);
		return false;
	}
	end_segment(place);
	return true;
}
