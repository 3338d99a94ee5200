/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is kept for days need not be as fine as what is looked at once. Most of a busy host's window
 * is the last digits of how full each slot of its histograms is and of times in nanoseconds: they
 * cannot be packed, and say nothing.
 */
#ifndef TUNESCOPE_WINDOW_ROUND_H
#define TUNESCOPE_WINDOW_ROUND_H

#include "window.h"

/* Slots 9 % wide: the coarsest that recordings are compared at. */
#define TS_WINDOW_ROUND_SCALE 3
/* Times that are rounded to so many binary digits take half the room. */
#define TS_WINDOW_ROUND_DIGITS 10

/*
 * Merges histograms down to that scale and rounds them (histogram.h), their sums, and times that
 * are counted in nanoseconds, to so many digits: by half a thousandth at most. Counts and
 * maxima stay exact. Whoever writes a window rounds it before anybody judges it, so that judging it
 * again comes to the same.
 */
void ts_window_round(struct ts_window *window);

#endif
