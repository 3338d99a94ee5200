// SPDX-License-Identifier: GPL-2.0-only
#include "recorded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../user/core/recording.h"
#include "../../user/core/render/render.h"

static char *as_json(const struct ts_report *report)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(ts_render_json(out, report), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void assert_same_text(const char *live, const char *recorded)
{
	size_t same = 0, from;

	if (!strcmp(live, recorded))
		return;
	while (live[same] == recorded[same])
		same++;
	from = same > 100 ? same - 100 : 0;
	fail_msg("judged live:\n%.200s\njudged from its recording:\n%.200s", live + from,
		 recorded + from);
}

/* What was changed is told by the window before (tests/unit/test_recording.c), and this is alone.
 */
static void change_alike(struct ts_snapshot *recorded, const struct ts_snapshot *live)
{
	assert_int_equal(recorded->settings, live->settings);
	for (size_t i = 0; i < live->settings; i++) {
		assert_int_equal(recorded->setting[i].id, live->setting[i].id);
		recorded->setting[i].before = live->setting[i].before;
	}
}

void recorded_is_judged_alike(const struct ts_report *report)
{
	struct ts_frame_header header = {.session = 1};
	struct ts_bytes bytes = {0};
	struct ts_segment segment = {.name = "fixture"};
	struct ts_recording *recording;
	struct ts_window window;
	struct ts_report *again;
	char *live, *recorded;

	ts_frame_write_context(report->window, &header, &bytes);
	header = (struct ts_frame_header){
		.session = 1,
		.sequence = 1,
		.context = ts_frame_context(report->window),
	};
	ts_frame_write_window(report->window, &header, &bytes);
	segment.data = bytes.data;
	segment.length = bytes.length;
	recording = ts_recording_new(&segment, 1);
	assert_int_equal(recording->windows, 1);
	assert_int_equal(ts_recording_window(recording, 0, &window), 0);
	change_alike(window.delta, report->window->delta);
	again = ts_report_make(&window, report->profile);
	live = as_json(report);
	recorded = as_json(again);
	assert_same_text(live, recorded);
	free(live);
	free(recorded);
	ts_report_free(again);
	ts_window_free(&window);
	ts_recording_free(recording);
	ts_bytes_free(&bytes);
}
