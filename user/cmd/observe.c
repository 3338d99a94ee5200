// SPDX-License-Identifier: GPL-2.0-only
#include "observe.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "options.h"
#include "../core/error.h"
#include "../core/window.h"
#include "../live/clock.h"
#include "../live/collect.h"
#include "../live/privileges.h"
#include "../live/probe.h"
#include "../live/procfile.h"

#define TICK_NS		   (TS_TICK_MS * 1000000ULL)
#define STRAY_NS	   (TICK_NS / 2)	 /* a tick comes late by up to this */
#define GOLDEN_RATIO	   0x9e3779b97f4a7c15ULL /* its fraction, times 2^64 */
#define PROGRESS_NS	   500000000ULL
#define LEAST_NS	   1000000000ULL /* less than this after a signal is not worth judging */
#define STATISTICS_SAMPLES 5		 /* ticks with run-time statistics on, of a short window */
#define STATISTICS_SHARE   200		 /* and one in so many of a long one */
#define SWITCHES_LEAST	   20		 /* timed ones that say which share of all was */

static volatile sig_atomic_t interrupted;
static bool until_hangup; /* not so under nohup(1) */

static void default_signals(void)
{
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	if (until_hangup)
		signal(SIGHUP, SIG_DFL);
}

static void on_signal(int number)
{
	interrupted = 1;
	default_signals();
}

void ts_observe_signals(void)
{
	/* No SA_RESTART: sleeps end. */
	struct sigaction action = {.sa_handler = on_signal}, hangup;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, NULL, &hangup);
	until_hangup = hangup.sa_handler != SIG_IGN;
	if (until_hangup)
		sigaction(SIGHUP, &action, NULL);
}

bool ts_observe_interrupted(void)
{
	return interrupted;
}

static void sleep_until(__u64 ns)
{
	struct timespec until = {.tv_sec = (time_t)(ns / 1000000000ULL),
				 .tv_nsec = (long)(ns % 1000000000ULL)};

	while (!interrupted &&
	       clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

static bool statistics_always_on(void)
{
	char text[16];

	return ts_read_small(AT_FDCWD, "/proc/sys/kernel/bpf_stats_enabled", text, sizeof text) >
		       0 &&
	       text[0] != '0';
}

void ts_ticker_start(struct ts_ticker *ticker, struct ts_collector *collector, double seconds)
{
	*ticker = (struct ts_ticker){
		.collector = collector,
		.next_ns = ts_clock_ns(CLOCK_MONOTONIC),
		.statistics = -1,
		.samples = 1,
		.ticks = STATISTICS_SHARE,
	};
	if (seconds <= 0)
		return;
	ticker->ticks = (__u64)(seconds * 1e9 / TICK_NS);
	ticker->samples = ticker->ticks / 10;
	if (ticker->samples > STATISTICS_SAMPLES)
		ticker->samples = STATISTICS_SAMPLES;
	if (ticker->samples < ticker->ticks / STATISTICS_SHARE)
		ticker->samples = ticker->ticks / STATISTICS_SHARE;
	if (!ticker->samples)
		ticker->samples = 1;
	ticker->limit = ticker->samples;
}

void ts_ticker_stop(struct ts_ticker *ticker)
{
	if (ticker->statistics < 0)
		return;
	close(ticker->statistics);
	ticker->statistics = -1;
	ticker->on_ns += ts_clock_ns(CLOCK_MONOTONIC) - ticker->since_ns;
}

/* The next tick is about to begin: is it one of the samples? */
static void sample_statistics(struct ts_ticker *ticker)
{
	bool wanted = (!ticker->limit || ticker->taken < ticker->limit) &&
		      ticker->tick * ticker->samples >= ticker->taken * ticker->ticks;

	if (wanted)
		ticker->taken++;
	if (wanted == (ticker->statistics >= 0))
		return;
	if (!wanted) {
		ts_ticker_stop(ticker);
		return;
	}
	ticker->statistics = ts_collector_enable_run_statistics(ticker->collector);
	ticker->since_ns = ts_clock_ns(CLOCK_MONOTONIC);
	if (ticker->statistics < 0)
		ts_debug("run-time statistics are refused: %s", strerror(-ticker->statistics));
}

/* What follows the tick before now. One that came late is left out, not made up for. */
static void plan_next(struct ts_ticker *ticker, __u64 now)
{
	sample_statistics(ticker);
	ticker->next_ns += ts_collector_tick_ms(ticker->collector) * 1000000ULL;
	if (ticker->next_ns < now)
		ticker->next_ns = now;
}

/*
 * Ticks on a grid would meet what happens ten times a second always in the same place, or never.
 * The fractions of multiples of the golden ratio lie evenly, however many are taken.
 */
static __u64 due_ns(const struct ts_ticker *ticker)
{
	return ticker->next_ns + (((ticker->tick * GOLDEN_RATIO) >> 44) * STRAY_NS >> 20);
}

static void tick(struct ts_ticker *ticker)
{
	ts_collector_tick(ticker->collector);
	ticker->tick++;
	ticker->ticked_ns = ts_clock_ns(CLOCK_MONOTONIC);
}

/* A snapshot samples as well: right before it a tick is left out, but not one after the other. */
static bool left_to_snapshot(const struct ts_ticker *ticker, __u64 due, __u64 until_ns)
{
	__u64 usual = ts_collector_tick_ms(ticker->collector) * 1000000ULL;

	return due == until_ns && until_ns - ticker->ticked_ns <= usual + usual / 2;
}

void ts_ticker_until(struct ts_ticker *ticker, __u64 until_ns, bool snapshot)
{
	__u64 now = ts_clock_ns(CLOCK_MONOTONIC), due;

	while (now < until_ns && !interrupted) {
		plan_next(ticker, now);
		if (ticker->next_ns > until_ns)
			ticker->next_ns = until_ns;
		due = due_ns(ticker) < until_ns ? due_ns(ticker) : until_ns;
		sleep_until(due);
		if (!snapshot || !left_to_snapshot(ticker, due, until_ns))
			tick(ticker);
		now = ts_clock_ns(CLOCK_MONOTONIC);
	}
}

int ts_ticker_due(struct ts_ticker *ticker)
{
	__u64 now = ts_clock_ns(CLOCK_MONOTONIC);

	if (now >= due_ns(ticker)) {
		tick(ticker);
		now = ts_clock_ns(CLOCK_MONOTONIC);
		plan_next(ticker, now);
	}
	return (int)((due_ns(ticker) - now + 999999) / 1000000);
}

/* For how long this one had them on since it was last asked. */
static __u64 own_statistics(struct ts_ticker *ticker, __u64 length_ns)
{
	__u64 on = ticker->on_ns, now;

	ticker->on_ns = 0;
	if (ticker->statistics >= 0) {
		now = ts_clock_ns(CLOCK_MONOTONIC);
		on += now - ticker->since_ns;
		ticker->since_ns = now;
	}
	return statistics_always_on() || on > length_ns ? length_ns : on;
}

/* How often the program has run that runs with each context switch; any: whether others have. */
static __u64 counted_switches(const struct ts_cost *cost, bool *any)
{
	__u64 runs = 0;

	*any = false;
	for (size_t i = 0; i < cost->probes; i++) {
		const struct ts_probe_cost *probe = &cost->probe[i];

		*any |= probe->run_count != 0;
		if (!strcmp(probe->name, "ts_sched_switch"))
			runs += probe->run_count;
	}
	return runs;
}

__u64 ts_ticker_statistics(struct ts_ticker *ticker, const struct ts_window *window)
{
	__u64 length_ns = (__u64)(window->seconds * 1e9), own, runs;
	double share;
	bool any;

	own = own_statistics(ticker, length_ns);
	runs = counted_switches(&window->delta->cost, &any);
	ticker->switches += ts_window_counter(window, TS_FAMILY_CONTEXT_SWITCHES, NULL);
	ticker->length_ns += length_ns;
	if (!any)
		return own;
	if (runs >= SWITCHES_LEAST && ticker->switches) {
		share = fmin((double)runs / (double)ticker->switches, 1);
		own = (__u64)(share * (double)ticker->length_ns);
	}
	ticker->switches = ticker->length_ns = 0;
	return own;
}

static void show_progress(const struct ts_observe_options *options, __u64 elapsed_ns)
{
	if (options->progress)
		fprintf(stderr, "\rtunescope: observing, %.0f of %g s ", elapsed_ns / 1e9,
			options->seconds);
}

static void clear_progress(const struct ts_observe_options *options)
{
	if (options->progress)
		fprintf(stderr, "\r%48s\r", "");
}

/* Ticks until the end or a signal. */
static void watch(struct ts_ticker *ticker, const struct ts_observe_options *options)
{
	__u64 start = ts_clock_ns(CLOCK_MONOTONIC), now = start;
	__u64 end = start + (__u64)(options->seconds * 1e9);

	while (now < end && !interrupted) {
		show_progress(options, now - start);
		ts_ticker_until(ticker, now + PROGRESS_NS < end ? now + PROGRESS_NS : end, false);
		now = ts_clock_ns(CLOCK_MONOTONIC);
	}
	clear_progress(options);
}

static int make_window(const struct ts_snapshot *earlier, const struct ts_snapshot *later,
		       const struct ts_observe_options *options, struct ts_window *window)
{
	__u64 length = later->monotonic_ns - earlier->monotonic_ns;

	if (interrupted && length < LEAST_NS)
		return ts_err(-EINTR,
			      "interrupted after %.1f s: less than %g s is too little to judge",
			      length / 1e9, LEAST_NS / 1e9);
	if (interrupted)
		ts_warn("interrupted: this is about the first %.1f s of the %g s asked for",
			length / 1e9, options->seconds);
	return ts_window_make(earlier, later, window);
}

int ts_observe(struct ts_collector *collector, const struct ts_observe_options *options,
	       struct ts_window *window)
{
	struct ts_snapshot *earlier = ts_collector_snapshot(collector), *later;
	struct ts_ticker ticker;
	int error;

	ts_ticker_start(&ticker, collector, options->seconds);
	if (options->statistics)
		ticker.samples = ticker.limit = ticker.ticks + 1;
	watch(&ticker, options);
	ts_ticker_stop(&ticker);
	later = ts_collector_snapshot(collector);
	error = make_window(earlier, later, options, window);
	if (!error)
		window->delta->cost.stats_ns = ts_ticker_statistics(&ticker, window);
	ts_snapshot_free(earlier);
	ts_snapshot_free(later);
	default_signals();
	return error;
}

/* Only here is the collector open: what follows judges and prints without it. */
int ts_observe_once(const struct ts_collect_options *collect, double seconds,
		    struct ts_window *window)
{
	struct ts_observe_options how = {
		.seconds = seconds,
		.progress = isatty(STDERR_FILENO),
	};
	struct ts_collector *collector;
	int error;

	ts_observe_signals();
	error = ts_collector_open(collect, &collector);
	if (error)
		return error;
	error = ts_privileges_drop();
	if (!error)
		error = ts_observe(collector, &how, window);
	ts_collector_close(collector);
	return error;
}

void ts_observe_check_programs(const struct ts_option_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		if (!(ts_disabled_programs_found & 1u << i))
			ts_warn("--disable-program %s: no BPF program of that name was going to be "
				"attached; `tunescope doctor` lists them",
				names->name[i]);
}
