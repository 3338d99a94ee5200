// SPDX-License-Identifier: GPL-2.0-only
/* A window a line: schema tunescope.window/1, docs/window.schema.json. */
#include "dump.h"

#include <errno.h>

#include "dump_settings.h"
#include "json_parts.h"
#include "units.h"
#include "../arena.h"

#define SCHEMA "tunescope.window/1"

static json_t *sufferers(const struct ts_json *w)
{
	const struct ts_snapshot *delta = w->window->delta;
	json_t *array = json_array();

	for (size_t i = 0; i < delta->sufferers; i++)
		if (w->family[delta->sufferer[i].family])
			json_array_append_new(array, ts_json_sufferer(w, &delta->sufferer[i]));
	return array;
}

/* before: the window before; {0} for the first. */
static json_t *window_object(const struct ts_json *w, const struct ts_frame_place *place,
			     const struct ts_window *before)
{
	const struct ts_window *window = w->window;
	__u64 last = before->delta ? before->delta->realtime_ns : 0;
	double missing =
		last && place->start_ns > last ? (double)(place->start_ns - last) / 1e9 : 0;
	json_t *root = json_object();

	json_object_set_new(root, "schema", json_string(SCHEMA));
	json_object_set_new(root, "host", ts_json_host(w));
	json_object_set_new(root, "start", ts_json_text(w, ts_utc_time(w->arena, place->start_ns)));
	json_object_set_new(root, "end", ts_json_text(w, ts_utc_time(w->arena, place->end_ns)));
	json_object_set_new(root, "seconds", ts_json_number(window->seconds));
	json_object_set_new(root, "missing_seconds", ts_json_number(missing));
	json_object_set_new(
		root, "session",
		ts_json_text(w, ts_arena_printf(w->arena, "%016llx", place->header.session)));
	json_object_set_new(root, "sequence", json_integer(place->header.sequence));
	json_object_set_new(root, "families", ts_json_families(w));
	if (ts_settings_changed(before->delta, window->delta))
		json_object_set_new(root, "settings", ts_json_settings(w));
	json_object_set_new(root, "namespaces", ts_json_namespaces(w));
	json_object_set_new(root, "sufferers", sufferers(w));
	json_object_set_new(root, "cost", ts_json_cost(w));
	return root;
}

int ts_dump_json(const struct ts_dump *dump)
{
	struct ts_window window, before = {0};
	int error = 0;

	for (size_t i = 0; !error && ts_dump_window(dump, &i, &window); i++) {
		struct ts_json w = {
			.arena = window.delta->arena,
			.window = &window,
			.family = dump->family,
		};
		json_t *root = window_object(&w, &dump->recording->window[i], &before);

		if (json_dumpf(root, dump->out, JSON_COMPACT | JSON_REAL_PRECISION(12)) ||
		    fputc('\n', dump->out) == EOF)
			error = -EIO;
		json_decref(root);
		ts_window_free(&before);
		before = window;
	}
	ts_window_free(&before);
	return error;
}
