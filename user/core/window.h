/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A window: what happened between two snapshots. Rules and renderers read windows only. A window
 * that spans several snapshots of a recording is made from the first and the last of them.
 */
#ifndef TUNESCOPE_WINDOW_H
#define TUNESCOPE_WINDOW_H

#include "snapshot.h"
#include "histogram.h"

struct ts_window {
	double seconds;		/* monotonic time measured; in a window put together, the sum */
	double missing_seconds; /* not measured, though between its beginning and its end: frames of
				   a recording that are damaged or were never written */
	__u64 start_realtime_ns; /* CLOCK_REALTIME at its beginning; the end is delta's */
	/*
	 * The difference, in a snapshot of its own: counters and histograms are later - earlier (a
	 * series that went down or is new counts from zero), gauges, settings, namespaces,
	 * sufferers and host facts are those of the later one, cost is the difference where it adds
	 * up. A family that was not measured in either snapshot has no series here and keeps its
	 * reason.
	 */
	struct ts_snapshot *delta;
};

/* Notes what those settings of a window were that were others at its beginning: before, count of
 * them. */
void ts_window_note_changes(struct ts_snapshot *delta, const struct ts_setting_value *before,
			    size_t count);

/* 0, or a negative errno with a message when the two cannot be compared (order, another boot). */
int ts_window_make(const struct ts_snapshot *earlier, const struct ts_snapshot *later,
		   struct ts_window *window);
void ts_window_free(struct ts_window *window);

/*
 * Puts two windows together, earlier first: into is empty ({0}) at the beginning and owns what it
 * gets. Counters, histograms, sufferers and what adds up of the cost are added, exactly; of a gauge
 * the later value stays (also when only the earlier window has that series), of a peak the larger
 * one; settings, namespaces and host facts are the later ones. A family that was measured in one of
 * them only stays ok, and its reason says that a part is missing. Time between the two windows is
 * not added to missing_seconds: only who has the frames knows it.
 */
void ts_window_add(struct ts_window *into, const struct ts_window *later);

/*
 * For who puts windows together up to a length: with the last one, which lasted so long, this is as
 * near to it as it gets. Windows end a little early or late, all of them perhaps to the same side.
 */
bool ts_window_reached(const struct ts_window *window, double seconds, double last);
/* What is left at the end: too short to be judged beside windows of that length. */
bool ts_window_is_rest(const struct ts_window *window, double seconds);

enum ts_status ts_window_status(const struct ts_window *window, enum ts_family_id id);
/*
 * A family may be judged by: it is ok, or its source says that it saw nothing. No data without a
 * reason: nobody looked.
 */
bool ts_window_measured(const struct ts_window *window, enum ts_family_id id);
const char *ts_window_why(const struct ts_window *window, enum ts_family_id id);

/*
 * Reading families. labels: an array of TS_LABELS_MAX values where NULL (or a NULL array) matches
 * anything; see TS_LABELS.
 */
bool ts_series_matches(const struct ts_series *series, const char *const *labels);

/* Sum over the matching series; nanoseconds when the unit is seconds. */
__u64 ts_window_counter(const struct ts_window *window, enum ts_family_id id,
			const char *const *labels);
/* The same in seconds. */
double ts_window_seconds(const struct ts_window *window, enum ts_family_id id,
			 const char *const *labels);
/* The largest of the matching series; missing when none matches. */
double ts_window_gauge(const struct ts_window *window, enum ts_family_id id,
		       const char *const *labels, double missing);
/* Matching series merged into a new histogram in the window's arena; NULL when none matches. */
struct ts_histogram *ts_window_histogram(const struct ts_window *window, enum ts_family_id id,
					 const char *const *labels);

/* const struct ts_series *s: every series of a family. */
#define ts_for_each_series(s, window, id)                                    \
	for (const struct ts_series *s = (window)->delta->family[id].series; \
	     s && s < (window)->delta->family[id].series + (window)->delta->family[id].count; s++)

/* NULL when it was not read; otherwise check its status. scope "" is global. */
const struct ts_setting_value *ts_window_setting(const struct ts_window *window,
						 enum ts_setting_id id, const char *scope);
/* Number i (from 0) of a setting's value; missing when there is none. */
double ts_window_setting_number(const struct ts_window *window, enum ts_setting_id id,
				const char *scope, unsigned int i, double missing);

const struct ts_netns *ts_window_netns(const struct ts_window *window, const char *inode);

/* The first (worst) sufferer of a family whose labels match, or NULL. */
const struct ts_sufferer *ts_window_sufferer(const struct ts_window *window, enum ts_family_id id,
					     const char *const *labels);

/* Median of what ts_window_histogram gives; NAN without an observation. */
double ts_window_median(const struct ts_window *window, enum ts_family_id id,
			const char *const *labels);

#endif
