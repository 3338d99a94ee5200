// SPDX-License-Identifier: GPL-2.0-only
#include "dump.h"

#include "units.h"
#include "../arena.h"

#define PLACES_SHOWN 3

bool ts_dump_window(const struct ts_dump *dump, size_t *i, struct ts_window *window)
{
	struct ts_recording *recording = dump->recording;

	for (; *i < recording->windows; ++*i)
		if (ts_frame_within(&recording->window[*i], dump->from_ns, dump->to_ns) &&
		    !ts_recording_window(recording, *i, window))
			return true;
	return false;
}

static const char *append(struct ts_arena *arena, const char *text, __u64 count, const char *one,
			  const char *many)
{
	if (!count)
		return text;
	return ts_arena_printf(arena, "%s%s%llu %s", text, *text ? ", " : "", count,
			       count == 1 ? one : many);
}

static const char *places(struct ts_arena *arena, const struct ts_recording *r)
{
	const char *text = "";

	for (size_t i = 0; i < r->damages && i < PLACES_SHOWN; i++)
		text = ts_arena_printf(arena, "%s%s%s at %zu of %s", text, i ? ", " : "",
				       r->damage[i].what, r->damage[i].offset,
				       r->damage[i].segment);
	return ts_arena_printf(arena, "%zu %s damaged (%s%s)", r->damages,
			       r->damages == 1 ? "place is" : "places are", text,
			       r->damages > PLACES_SHOWN ? ", ..." : "");
}

const char *ts_dump_damage(struct ts_arena *arena, const struct ts_recording *r)
{
	const char *text = r->damages ? places(arena, r) : "";

	text = append(arena, text, r->missing_frames, "frame is missing", "frames are missing");
	if (r->missing_seconds > 0)
		text = ts_arena_printf(arena, "%s (%s)", text,
				       ts_human_seconds(arena, r->missing_seconds));
	text = append(arena, text, r->duplicates, "frame is there twice",
		      "frames are there more than once");
	text = append(arena, text, r->unknown.families, "family is not known to this version",
		      "families are not known to this version");
	return append(arena, text, r->unknown.settings, "setting is not known to this version",
		      "settings are not known to this version");
}
