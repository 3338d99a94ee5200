/* SPDX-License-Identifier: GPL-2.0-only */
/* Watching the host: ticks for as long as it takes, or two snapshots and the window between them.
 */
#ifndef TUNESCOPE_OBSERVE_H
#define TUNESCOPE_OBSERVE_H

#include <stdbool.h>
#include <linux/types.h>

struct ts_collector;
struct ts_option_names;
struct ts_window;

struct ts_observe_options {
	double seconds;
	bool progress;	 /* a progress line on standard error (only when that is a terminal) */
	bool statistics; /* the kernel's BPF run-time statistics on all the time, not in samples */
};

/*
 * The first SIGINT, SIGTERM or SIGHUP (the terminal is gone; unless that is ignored) ends the
 * observation early, the second one kills. To be called before the collector is opened, so that a
 * signal during start-up is not lost.
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

/*
 * All of it for a command that observes once: opens a collector, gives up what is not needed any
 * more, observes with progress where that is seen, and closes it. Errors have been told.
 */
struct ts_collect_options;
int ts_observe_once(const struct ts_collect_options *collect, double seconds,
		    struct ts_window *window);

/*
 * Ticks the collector as often as it wants and switches the kernel's BPF run-time statistics on for
 * single ticks: they cost every BPF program of the host some 25 ns a run. The samples are spread
 * evenly, so that what they see stands for all of the time.
 */
struct ts_ticker {
	struct ts_collector *collector;
	__u64 next_ns;	       /* of the next tick, CLOCK_MONOTONIC */
	__u64 ticked_ns;       /* the last one */
	__u64 tick;	       /* number of the next tick */
	__u64 samples, ticks;  /* statistics are on for so many of so many ticks */
	__u64 taken, limit;    /* samples so far, and at most; 0: no limit */
	int statistics;	       /* descriptor that keeps them on, or -1 */
	__u64 since_ns, on_ns; /* switched on then; for how long before */
	/* Since runs were last read: context switches, and the length of the windows. */
	__u64 switches, length_ns;
};

/* seconds: how long it will take, 0 when it does not end. */
void ts_ticker_start(struct ts_ticker *ticker, struct ts_collector *collector, double seconds);
/*
 * Ticks until CLOCK_MONOTONIC has reached until_ns, or a signal (ts_observe_interrupted). snapshot:
 * one is going to be taken at once, which samples as well.
 */
void ts_ticker_until(struct ts_ticker *ticker, __u64 until_ns, bool snapshot);
/* For who waits for other things as well: ticks when it is time to. Milliseconds until it is again.
 */
int ts_ticker_due(struct ts_ticker *ticker);
/*
 * For cost.stats_ns of a window that ends now: for how long statistics were on when the runs it has
 * were counted. Others may have had them on as well, bpftop or another tunescope, and nothing says
 * so; but a program that runs with every context switch, which is counted as well, has run for the
 * same share of them. Runs are not read for every window: they may be those of earlier ones, too.
 */
__u64 ts_ticker_statistics(struct ts_ticker *ticker, const struct ts_window *window);
/* Statistics off. */
void ts_ticker_stop(struct ts_ticker *ticker);

/*
 * --disable-program: a name that no program has is a mistake, unless its source was not opened at
 * all; warns. To be called after the collector was open.
 */
void ts_observe_check_programs(const struct ts_option_names *names);

#endif
