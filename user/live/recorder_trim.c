// SPDX-License-Identifier: GPL-2.0-only
/* Keeping a recording in a single file within its limits: the oldest frames are dropped. */
#include "recorder_place.h"

#include <errno.h>

#define WORTH_SHARE 8 /* rewritten only when at least this part of it can be dropped */

bool ts_place_too_old(const struct ts_place *place, const struct ts_window *window,
		      __u64 realtime_ns, __u64 boottime_ns)
{
	__u64 now = window->delta->boottime_ns, end = boottime_ns;

	if (!boottime_ns) {
		now = place->first_realtime_ns + (now - place->first_boottime_ns);
		if (window->delta->realtime_ns < now)
			now = window->delta->realtime_ns;
		end = realtime_ns;
	}
	return place->keep_ns && now > end && now - end > place->keep_ns;
}

/*
 * Goes on from where the last call stopped, so that each frame is looked at once. What is dropped
 * ends before a context: what follows it needs no earlier one.
 */
static int find_too_old(struct ts_place *place, const struct ts_window *window)
{
	struct ts_frame_header header;
	int error;

	if (place->old_end > place->file.length)
		place->old_end = place->old_context = 0;
	for (;;) {
		__u64 offset = place->old_end;
		bool ours;

		error = ts_recorder_file_next(&place->file, &offset, &header);
		if (error)
			break;
		ours = header.session == place->session;
		if (header.type == TS_FRAME_CONTEXT)
			place->old_context = offset;
		if (!ts_place_too_old(place, window, header.realtime_ns,
				      ours ? header.boottime_ns : 0))
			return 0;
		place->old_end = offset + ts_recorder_frame_length(&header);
	}
	if (error != -ENODATA)
		return error;
	place->old_end = place->old_context = place->file.length;
	return 0;
}

/*
 * The offset from which at most so many bytes are left; if possible that of a context, though that
 * may cost a quarter of them.
 */
static int find_surplus(const struct ts_place *place, __u64 left, __u64 *cut, bool *at_context)
{
	const __u64 length = place->file.length;
	struct ts_frame_header header;
	__u64 offset = 0;
	int error;

	*cut = length;
	*at_context = false;
	for (;;) {
		error = ts_recorder_file_next(&place->file, &offset, &header);
		if (error)
			return error == -ENODATA ? 0 : error;
		if (*cut < length && offset - *cut > left / 4)
			return 0;
		if (length - offset <= left && *cut == length)
			*cut = offset;
		if (length - offset <= left && header.type == TS_FRAME_CONTEXT) {
			*cut = offset;
			*at_context = true;
			return 0;
		}
		offset += ts_recorder_frame_length(&header);
	}
}

static int drop(struct ts_place *place, __u64 cut, char why[TS_WHY])
{
	place->old_end = place->old_context = 0;
	return ts_recorder_file_drop(&place->file, cut, why);
}

static int drop_surplus(struct ts_place *place, size_t bytes, bool *begins, char why[TS_WHY])
{
	__u64 left = place->maximum_bytes / 2, cut;
	bool at_context;
	int error;

	if (bytes > place->maximum_bytes)
		return ts_because(why, -EFBIG, "%s: a window of %zu bytes is more than --max-size",
				  place->file.path, bytes);
	if (left > place->maximum_bytes - bytes)
		left = place->maximum_bytes - bytes;
	error = find_surplus(place, left, &cut, &at_context);
	if (error)
		return ts_because(why, error, "%s: %s", place->file.path, ts_write_error(error));
	if (!at_context)
		*begins = true;
	return drop(place, cut, why);
}

int ts_place_drop_old(struct ts_place *place, size_t bytes, const struct ts_window *window,
		      bool *begins, char why[TS_WHY])
{
	int error = 0;

	if (place->keep_ns && place->file.length) {
		error = find_too_old(place, window);
		if (error)
			return ts_because(why, error, "%s: %s", place->file.path,
					  ts_write_error(error));
		if (place->old_context && place->old_context >= place->file.length / WORTH_SHARE)
			error = drop(place, place->old_context, why);
	}
	if (!error && place->maximum_bytes && place->file.length + bytes > place->maximum_bytes)
		error = drop_surplus(place, bytes, begins, why);
	return error;
}
