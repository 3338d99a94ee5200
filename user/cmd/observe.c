// SPDX-License-Identifier: GPL-2.0-only
#include "observe.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../core/error.h"
#include "../core/window.h"
#include "../live/clock.h"
#include "../live/collect.h"

#define TICK_NS		   (TS_TICK_MS * 1000000ULL)
#define LEAST_NS	   1000000000ULL /* less than this after a signal is not worth judging */
#define STATISTICS_SAMPLES 5		 /* ticks with run-time statistics on, of a short window */
#define STATISTICS_SHARE   200		 /* and one in so many of a long one */

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = 1;
}

void ts_observe_signals(void)
{
	/* SA_RESETHAND: the second one does what it always does. No SA_RESTART: sleeps end. */
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

bool ts_observe_interrupted(void)
{
	return interrupted;
}

static void default_signals(void)
{
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
}

static void sleep_until(__u64 ns)
{
	struct timespec until = {.tv_sec = (time_t)(ns / 1000000000ULL),
				 .tv_nsec = (long)(ns % 1000000000ULL)};

	while (!interrupted &&
	       clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
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

static bool statistics_always_on(void)
{
	FILE *file = fopen("/proc/sys/kernel/bpf_stats_enabled", "re");
	int value = 0;

	if (!file)
		return false;
	if (fscanf(file, "%d", &value) != 1)
		value = 0;
	fclose(file);
	return value;
}

/*
 * Run-time statistics cost every BPF program of the host some 25 ns a run: they are on for single
 * ticks, spread evenly over the window so that what they see stands for all of it.
 */
struct sampler {
	struct ts_collector *collector;
	__u64 ticks, samples, next;
	int fd;
	__u64 since_ns, on_ns;
};

static void sampler_start(struct sampler *sampler, struct ts_collector *collector,
			  const struct ts_observe_options *options)
{
	*sampler = (struct sampler){.collector = collector, .fd = -1};
	sampler->ticks = (__u64)(options->seconds * 1e9 / TICK_NS);
	sampler->samples = sampler->ticks / 10;
	if (sampler->samples > STATISTICS_SAMPLES)
		sampler->samples = STATISTICS_SAMPLES;
	if (sampler->samples < sampler->ticks / STATISTICS_SHARE)
		sampler->samples = sampler->ticks / STATISTICS_SHARE;
	if (!sampler->samples)
		sampler->samples = 1;
	if (options->statistics)
		sampler->samples = sampler->ticks + 1;
}

static void sampler_off(struct sampler *sampler)
{
	if (sampler->fd < 0)
		return;
	close(sampler->fd);
	sampler->fd = -1;
	sampler->on_ns += ts_clock_ns(CLOCK_MONOTONIC) - sampler->since_ns;
}

/* The tick numbered so is about to begin. */
static void sampler_tick(struct sampler *sampler, __u64 tick)
{
	bool wanted = sampler->next < sampler->samples &&
		      tick >= sampler->next * sampler->ticks / sampler->samples;

	if (wanted)
		sampler->next++;
	if (wanted == (sampler->fd >= 0))
		return;
	if (!wanted) {
		sampler_off(sampler);
		return;
	}
	sampler->fd = ts_collector_enable_run_statistics(sampler->collector);
	sampler->since_ns = ts_clock_ns(CLOCK_MONOTONIC);
	if (sampler->fd < 0) {
		ts_debug("run-time statistics are refused: %s", strerror(-sampler->fd));
		sampler->next = sampler->samples;
	}
}

/* Ticks until the end or a signal. */
static void watch(struct ts_collector *collector, const struct ts_observe_options *options,
		  struct sampler *sampler)
{
	__u64 start = ts_clock_ns(CLOCK_MONOTONIC), now = start, next = start;
	__u64 end = start + (__u64)(options->seconds * 1e9);

	for (__u64 tick = 0; now < end && !interrupted; tick++) {
		sampler_tick(sampler, tick);
		if (tick % 5 == 0)
			show_progress(options, now - start);
		/* A tick that came late is left out, not made up for. */
		next = next + TICK_NS > now ? next + TICK_NS : now;
		sleep_until(next < end ? next : end);
		ts_collector_tick(collector);
		now = ts_clock_ns(CLOCK_MONOTONIC);
	}
	sampler_off(sampler);
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
	bool always_on = statistics_always_on();
	struct ts_snapshot *earlier = ts_collector_snapshot(collector), *later;
	struct sampler sampler;
	int error;

	sampler_start(&sampler, collector, options);
	watch(collector, options, &sampler);
	later = ts_collector_snapshot(collector);
	error = make_window(earlier, later, options, window);
	if (!error)
		window->delta->cost.stats_ns =
			always_on ? (__u64)(window->seconds * 1e9) : sampler.on_ns;
	ts_snapshot_free(earlier);
	ts_snapshot_free(later);
	default_signals();
	return error;
}
