/* SPDX-License-Identifier: GPL-2.0-only */
/* Judging a recording as it grows: findings are told when they come and when they have gone. */
#ifndef TUNESCOPE_RECORD_FINDINGS_H
#define TUNESCOPE_RECORD_FINDINGS_H

#include "../core/profile.h"
#include "../core/window.h"

struct ts_known_finding;

struct ts_finding_watch {
	const struct ts_profile *profile;
	double seconds; /* what is judged at once, as by `replay --window` with the same length */
	struct ts_window window; /* put together so far */
	__u64 judged;		 /* windows */
	struct ts_known_finding *known;
	size_t count, capacity;
};

/* Adds a window, judges when there is enough, and tells what is new on standard error. */
void ts_finding_watch_add(struct ts_finding_watch *watch, const struct ts_window *window);
/* At the end of the session: judges what is left, as `replay --window` does. */
void ts_finding_watch_finish(struct ts_finding_watch *watch);
void ts_finding_watch_free(struct ts_finding_watch *watch);

#endif
