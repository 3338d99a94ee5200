/* SPDX-License-Identifier: GPL-2.0-only */
/* A timeline while it is being put together. */
#ifndef TUNESCOPE_TIMELINE_BUILD_H
#define TUNESCOPE_TIMELINE_BUILD_H

#include "timeline.h"

#define TS_TRACK_BUCKETS 4096 /* a power of two */

/* Windows put together for one purpose, and the time they cover. */
struct ts_stretch {
	struct ts_window window; /* empty while frames is 0 */
	__u64 start_ns, end_ns;
	size_t frames;
};

struct ts_timeline_builder {
	struct ts_timeline *timeline;
	const struct ts_profile *profile;
	double column_seconds; /* length of a column, about */
	struct ts_stretch column, judged;
	struct ts_stretch whole;
	struct ts_track *hash[TS_TRACK_BUCKETS];
	struct ts_track *last[TS_FAMILY_COUNT]; /* of the family's list */

	/* The frame before. */
	bool begun;
	struct ts_frame_header header;
	__u64 end_ns;
	const char *boot_id;
	bool measured[TS_FAMILY_COUNT];
	size_t outage[TS_FAMILY_COUNT]; /* the open one's number + 1, or 0 */
};

/* timeline_judge.c */

/* The rules over a short window, and over everything. */
void ts_timeline_judge(struct ts_timeline_builder *builder, struct ts_stretch *stretch);
void ts_timeline_judge_whole(struct ts_timeline_builder *builder);

/* timeline_marks.c */

/* Sessions, boots, clock steps. */
void ts_timeline_mark_frame(struct ts_timeline_builder *builder, const struct ts_frame_place *place,
			    const struct ts_window *window);
/*
 * Takes the settings; true when one has another value than before. Only where it is still the same
 * namespace or device, that is a change to be marked.
 */
bool ts_timeline_take_settings(struct ts_timeline_builder *builder, __u64 at_ns,
			       const struct ts_window *window);
/* Takes the names of namespaces; after the settings, which look at what was known before. */
void ts_timeline_take_netns(struct ts_timeline *timeline, const struct ts_window *window);
void ts_timeline_take_outages(struct ts_timeline_builder *builder,
			      const struct ts_frame_place *place, const struct ts_window *window);

#endif
