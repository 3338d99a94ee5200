// SPDX-License-Identifier: GPL-2.0-only
#include "recorder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "../core/error.h"
#include "recorder_place.h"
#include "recorder_sync.h"

#define CONTEXT_EVERY 60 /* windows: what is needed to read a window is never far from it */
#define KEPT_CONTEXTS 8	 /* of what is kept, dropping oldest frames costs so small a part more */
#define COMPACT_EVERY 64 /* windows put together leave strings behind that nothing points to */
/* Room for it is left, so that the recording stays within its size to the end. */
#define END_FRAME TS_FRAME_HEADER
/* What is waiting and has become longer than this could not be read back any more. */
#define LONGEST_WAITING (TS_FRAME_RAW_MAX / 2)

struct ts_recorder {
	struct ts_recorder_options options;
	char directory[PATH_MAX];
	struct ts_place place;
	struct ts_sync sync;
	bool failure_told;	       /* and nothing was written since */
	struct ts_frame_header header; /* of the last frame: session, sequence, context, times */
	bool context_written;
	unsigned int context_every, windows_since_context;
	struct ts_bytes bytes; /* frames on their way */
	size_t context_bytes;  /* of them, a context in front */
	struct ts_group_writer *alone;
	__u32 raw_length; /* of the window among them, as long as it may become */
	struct ts_window waiting;
	struct ts_recorder_state state;
	bool ended;
};

static __u64 random_session(void)
{
	__u64 number = 0;

	/* Entropy is there long before anybody starts recording. */
	while (!number)
		if (getrandom(&number, sizeof number, 0) != sizeof number)
			number = 0;
	return number;
}

/* Where files are created and replaced. */
static void find_directory(struct ts_recorder *recorder)
{
	const struct ts_place *place = &recorder->place;
	char *slash;

	strcpy(recorder->directory, place->segmented ? place->segments.path : place->path);
	if (place->segmented)
		return;
	slash = strrchr(recorder->directory, '/');
	if (slash)
		slash[slash == recorder->directory] = '\0';
	else
		strcpy(recorder->directory, ".");
}

/* Often enough that a short recording of which the oldest part is dropped has one. */
static unsigned int context_every(const struct ts_recorder_options *options)
{
	double windows = options->keep_seconds / options->interval / KEPT_CONTEXTS;

	if (options->keep_seconds <= 0 || windows > CONTEXT_EVERY)
		return CONTEXT_EVERY;
	return windows < 1 ? 1 : (unsigned int)windows;
}

static bool is_full(int error)
{
	return error == -ENOSPC || error == -EDQUOT;
}

static void tell_failure(struct ts_recorder *recorder, int error, const char *why)
{
	if (!recorder->failure_told)
		ts_err(error, "%s: windows are kept and put together until %s", why,
		       is_full(error) ? "there is space" : "they can be written");
	recorder->failure_told = true;
}

int ts_recorder_open(const struct ts_recorder_options *options, struct ts_recorder **result)
{
	struct ts_recorder *recorder = calloc(1, sizeof *recorder);
	char why[TS_WHY] = "";
	int error;

	*result = NULL;
	if (!recorder)
		return ts_err(-ENOMEM, "out of memory");
	recorder->options = *options;
	recorder->header.session = random_session();
	recorder->context_every = context_every(options);
	error = ts_place_open(&recorder->place, options, recorder->header.session, why);
	if (error && !is_full(error)) {
		free(recorder);
		return ts_err(error, "%s", why);
	}
	/* Each window tries anew; what a killed recorder left beside the file waits there. */
	if (error)
		tell_failure(recorder, error, why);
	find_directory(recorder);
	recorder->alone = ts_group_writer_new();
	*result = recorder;
	return 0;
}

const char *ts_recorder_directory(const struct ts_recorder *recorder)
{
	return recorder->directory;
}

/* Where there is no room for windows one by one: each is a group of its own. */
static void encode_group(struct ts_recorder *recorder, const struct ts_window *window,
			 struct ts_frame_header *header)
{
	struct ts_frame_header group;

	ts_frame_of_window(window, header);
	ts_group_add(recorder->alone, window, header);
	ts_group_finish(recorder->alone, &group, &recorder->bytes);
}

/* Fills bytes with the frames of a window, numbered as they will be when they are written. */
static void encode(struct ts_recorder *recorder, const struct ts_window *window, bool with_context,
		   struct ts_frame_header *context, struct ts_frame_header *header)
{
	recorder->bytes.length = 0;
	*context = *header = (struct ts_frame_header){
		.session = recorder->header.session,
		.sequence = recorder->header.sequence,
		.context = recorder->header.context,
	};
	if (with_context) {
		ts_frame_write_context(window, context, &recorder->bytes);
		header->sequence++;
		header->context = context->context;
	}
	recorder->context_bytes = recorder->bytes.length;
	if (recorder->place.direct)
		encode_group(recorder, window, header);
	else
		ts_frame_write_window(window, header, &recorder->bytes);
	recorder->raw_length = (__u32)(recorder->bytes.length - recorder->context_bytes);
}

static void note_written(struct ts_recorder *recorder, const struct ts_frame_header *header)
{
	recorder->header = *header;
	recorder->header.sequence++;
	recorder->state.frames++;
}

static int append_context(struct ts_recorder *recorder, const struct ts_window *window,
			  const struct ts_frame_header *header, char why[TS_WHY])
{
	int error = ts_place_append(&recorder->place, recorder->bytes.data, recorder->context_bytes,
				    window, why);

	if (error)
		return error;
	note_written(recorder, header);
	recorder->context_written = true;
	recorder->windows_since_context = 0;
	return 0;
}

static int append_window(struct ts_recorder *recorder, const struct ts_window *window,
			 const struct ts_frame_header *header, char why[TS_WHY])
{
	size_t from = recorder->context_bytes;
	int error = ts_place_append_window(&recorder->place, recorder->bytes.data + from,
					   recorder->bytes.length - from, window, header, why);

	if (!error)
		note_written(recorder, header);
	return error;
}

/* Encoded again with a context in front when the place turns out to begin anew. */
static int prepare(struct ts_recorder *recorder, const struct ts_window *window,
		   struct ts_frame_header *context, struct ts_frame_header *header,
		   char why[TS_WHY])
{
	bool due = !recorder->context_written ||
		   recorder->windows_since_context >= recorder->context_every ||
		   recorder->header.context != ts_frame_context(window);
	bool begins = false;
	int error;

	encode(recorder, window, due, context, header);
	error = ts_place_prepare(&recorder->place, recorder->bytes.length + END_FRAME, window,
				 &begins, why);
	if (error || due || !begins)
		return error;
	recorder->context_written = false;
	encode(recorder, window, true, context, header);
	return ts_place_prepare(&recorder->place, recorder->bytes.length + END_FRAME, window,
				&begins, why);
}

static int try_to_write(struct ts_recorder *recorder, const struct ts_window *window,
			char why[TS_WHY])
{
	struct ts_frame_header context, header;
	int error = prepare(recorder, window, &context, &header, why);

	if (!error && recorder->context_bytes)
		error = append_context(recorder, window, &context, why);
	return error ? error : append_window(recorder, window, &header, why);
}

static int write_window(struct ts_recorder *recorder, const struct ts_window *window,
			char why[TS_WHY])
{
	int error = try_to_write(recorder, window, why);

	/* What is wrong with one segment need not be wrong with the next one. */
	if (error && ts_place_failed(&recorder->place, error))
		error = try_to_write(recorder, window, why);
	if (error) {
		ts_place_failed(&recorder->place, error);
		return error;
	}
	recorder->windows_since_context++;
	recorder->state.seconds += window->seconds;
	ts_place_settle(&recorder->place, &recorder->sync, false);
	return 0;
}

/* Given up only when there is so much that it could not be read back. */
static void keep(struct ts_recorder *recorder, const struct ts_window *window)
{
	struct ts_window compact = {0};

	ts_window_add(&recorder->waiting, window);
	if (++recorder->state.waiting_windows % COMPACT_EVERY)
		return;
	ts_window_add(&compact, &recorder->waiting);
	ts_window_free(&recorder->waiting);
	recorder->waiting = compact;
}

static void forget_waiting(struct ts_recorder *recorder)
{
	ts_window_free(&recorder->waiting);
	recorder->state.waiting_windows = 0;
}

static void give_up_overlong(struct ts_recorder *recorder)
{
	if (recorder->raw_length < LONGEST_WAITING)
		return;
	ts_warn("%llu windows (%.0f s) waited for too long to be written and are lost",
		(unsigned long long)recorder->state.waiting_windows, recorder->waiting.seconds);
	recorder->state.lost += recorder->state.waiting_windows;
	forget_waiting(recorder);
}

static void tell_recovery(struct ts_recorder *recorder)
{
	struct ts_recorder_state *state = &recorder->state;

	recorder->failure_told = false;
	state->put_together += state->waiting_windows;
	if (state->waiting_windows > 1)
		ts_err(0, "%s can be written again: %llu windows are in it as one of %.1f s",
		       recorder->place.file.path, (unsigned long long)state->waiting_windows,
		       recorder->waiting.seconds);
	else
		ts_err(0, "%s can be written again: nothing is lost", recorder->place.file.path);
}

int ts_recorder_add(struct ts_recorder *recorder, const struct ts_window *window)
{
	struct ts_recorder_state *state = &recorder->state;
	const struct ts_window *written = window;
	char why[TS_WHY] = "";
	int error;

	if (state->waiting_windows) {
		keep(recorder, window);
		written = &recorder->waiting;
	}
	error = write_window(recorder, written, why);
	if (error && state->waiting_windows) {
		give_up_overlong(recorder);
		return error;
	}
	if (error) {
		keep(recorder, window);
		tell_failure(recorder, error, why);
		return error;
	}
	state->windows += state->waiting_windows ? state->waiting_windows : 1;
	if (recorder->failure_told)
		tell_recovery(recorder);
	if (recorder->options.written)
		recorder->options.written(recorder->options.context, written);
	forget_waiting(recorder);
	return 0;
}

void ts_recorder_state(const struct ts_recorder *recorder, struct ts_recorder_state *state)
{
	*state = recorder->state;
	state->bytes += (__u64)ts_place_written(&recorder->place);
	state->file = recorder->place.file.descriptor >= 0 ? recorder->place.file.path : "";
}

/* The last chance of what is waiting. */
static int write_waiting(struct ts_recorder *recorder)
{
	struct ts_recorder_state *state = &recorder->state;
	char why[TS_WHY] = "";
	int error;

	if (!state->waiting_windows)
		return 0;
	error = write_window(recorder, &recorder->waiting, why);
	if (error) {
		state->lost += state->waiting_windows;
		ts_err(error, "%s: %llu windows (%.1f s) could not be written and are lost", why,
		       (unsigned long long)state->waiting_windows, recorder->waiting.seconds);
		return error;
	}
	state->windows += state->waiting_windows;
	tell_recovery(recorder);
	if (recorder->options.written)
		recorder->options.written(recorder->options.context, &recorder->waiting);
	return 0;
}

static void write_end(struct ts_recorder *recorder)
{
	struct ts_recorder_file *file = &recorder->place.file;
	struct ts_frame_header header = recorder->header;
	char why[TS_WHY] = "";
	int error;

	if (file->descriptor < 0 || !recorder->state.frames)
		return;
	recorder->bytes.length = 0;
	ts_frame_write_end(&header, &recorder->bytes);
	error = ts_recorder_file_append(file, recorder->bytes.data, recorder->bytes.length, why);
	if (error) {
		ts_warn("%s: the end of the recording could not be marked", why);
	} else {
		recorder->state.frames++;
		recorder->state.bytes += recorder->bytes.length;
	}
	if (fsync(file->descriptor))
		ts_warn("%s may not have reached the disk: %s", file->path, strerror(errno));
}

int ts_recorder_end(struct ts_recorder *recorder)
{
	int error;

	if (recorder->ended)
		return 0;
	recorder->ended = true;
	error = write_waiting(recorder);
	ts_sync_finish(&recorder->sync);
	ts_place_settle(&recorder->place, &recorder->sync, true);
	write_end(recorder);
	return error;
}

int ts_recorder_close(struct ts_recorder *recorder)
{
	int error;

	if (!recorder)
		return 0;
	error = ts_recorder_end(recorder);
	ts_place_close(&recorder->place);
	ts_window_free(&recorder->waiting);
	ts_bytes_free(&recorder->bytes);
	ts_group_writer_free(recorder->alone);
	free(recorder);
	return error;
}
