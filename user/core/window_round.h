/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is kept for days need not be as fine as what is looked at once. Most of a busy host's window
 * is the noise in the lowest bits of how full each slot of its histograms is: it cannot be packed,
 * and says nothing.
 */
#ifndef TUNESCOPE_WINDOW_ROUND_H
#define TUNESCOPE_WINDOW_ROUND_H

#include "window.h"

/* Slots 9 % wide: the coarsest that recordings are compared at. */
#define TS_WINDOW_ROUND_SCALE 3

/*
 * Merges histograms down to that scale and rounds them. Counts, sums and maxima stay exact. Whoever
 * writes a window rounds it before anybody judges it, so that judging it again comes to the same.
 */
void ts_window_round(struct ts_window *window);

#endif
