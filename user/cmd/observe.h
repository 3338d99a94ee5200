/* SPDX-License-Identifier: GPL-2.0-only */
/* Watching the host for a while: ticks, two snapshots, the window between them. */
#ifndef TUNESCOPE_OBSERVE_H
#define TUNESCOPE_OBSERVE_H

#include <stdbool.h>

struct ts_collector;
struct ts_window;

struct ts_observe_options {
	double seconds;
	bool progress;	 /* a progress line on standard error (only when that is a terminal) */
	bool statistics; /* the kernel's BPF run-time statistics on all the time, not in samples */
};

/*
 * The first SIGINT or SIGTERM ends the observation early, the second one kills. To be called before
 * the collector is opened, so that a signal during start-up is not lost.
 */
void ts_observe_signals(void);
bool ts_observe_interrupted(void);

/*
 * 0 and a window, which is shorter than asked for after a signal; -EINTR with a message when there
 * was too little of it; another negative errno with a message. Default signal handling is back
 * afterwards.
 */
int ts_observe(struct ts_collector *collector, const struct ts_observe_options *options,
	       struct ts_window *window);

#endif
