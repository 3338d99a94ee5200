// SPDX-License-Identifier: GPL-2.0-only
/*
 * What watching costs apart from the programs: CPU time of the ticks and snapshots of a long
 * observation, source by source. The linker hands the collector's table of sources and the parts of
 * a snapshot that belong to no source to this file (--wrap), so that nothing of it is in tunescope.
 */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../user/core/window.h"
#include "../../user/live/collect.h"
#include "../../user/live/host.h"
#include "../../user/live/netns.h"
#include "../../user/live/settings_read.h"

/* The first seconds tunescope looks closely, and the first reading of everything grows buffers. */
#define SECONDS_IGNORED 16
#define SECOND		1000000000ULL
#define NS_PER_SECOND	1000000000ULL

/* Rows of the table: the sources, then what is no source's. */
enum other_part {
	NAMESPACES = TS_SOURCE_COUNT,
	SETTINGS,
	HOST,
	WINDOW,
	PARTS,
};

static const char *const other_names[PARTS - TS_SOURCE_COUNT] = {
	"(namespaces)",
	"(settings)",
	"(host)",
	"(window)",
};

struct own_time {
	__u64 tick_ns, snapshot_ns;
};

static struct own_time spent[PARTS];

static __u64 cpu_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (__u64)now.tv_sec * NS_PER_SECOND + (__u64)now.tv_nsec;
}

/* --- between the collector and its sources */

/* clang-format off */
#define EACH_SOURCE(X)                                                      \
	X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) \
	X(13) X(14) X(15) X(16) X(17) X(18) X(19) X(20) X(21) X(22) X(23)   \
	X(24) X(25) X(26) X(27) X(28) X(29) X(30) X(31)
/* clang-format on */

extern const struct ts_source *const __real_ts_sources[];
extern const struct ts_source *__wrap_ts_sources[];

static void timed_tick(size_t i, struct ts_live *live, void *state, __u64 now)
{
	__u64 begin = cpu_now();

	__real_ts_sources[i]->tick(live, state, now);
	spent[__real_ts_sources[i]->id].tick_ns += cpu_now() - begin;
}

static void timed_snapshot(size_t i, struct ts_live *live, void *state, struct ts_snapshot *into)
{
	__u64 begin = cpu_now();

	__real_ts_sources[i]->snapshot(live, state, into);
	spent[__real_ts_sources[i]->id].snapshot_ns += cpu_now() - begin;
}

#define FUNCTIONS(i)                                                                          \
	static void tick_##i(struct ts_live *live, void *state, __u64 now)                    \
	{                                                                                     \
		timed_tick(i, live, state, now);                                              \
	}                                                                                     \
	static void snapshot_##i(struct ts_live *live, void *state, struct ts_snapshot *into) \
	{                                                                                     \
		timed_snapshot(i, live, state, into);                                         \
	}
EACH_SOURCE(FUNCTIONS)

#define ROW(i) {.tick = tick_##i, .snapshot = snapshot_##i},
static struct ts_source timed[] = {EACH_SOURCE(ROW)};
#define TIMED_MAX (sizeof timed / sizeof timed[0])

const struct ts_source *__wrap_ts_sources[TIMED_MAX];

/* Before anything opens a collector. */
__attribute__((constructor)) static void wrap_sources(void)
{
	for (size_t i = 0; i < ts_sources_count && i < TIMED_MAX; i++) {
		const struct ts_source *real = __real_ts_sources[i];

		if (!real)
			continue;
		timed[i].id = real->id;
		timed[i].open = real->open;
		timed[i].close = real->close;
		timed[i].tick = real->tick ? timed[i].tick : NULL;
		__wrap_ts_sources[i] = &timed[i];
	}
}

void __real_ts_netns_refresh(struct ts_netns_table *table, const char *proc);
void __wrap_ts_netns_refresh(struct ts_netns_table *table, const char *proc);
void __real_ts_settings_snapshot(struct ts_live *live, struct ts_snapshot *snapshot);
void __wrap_ts_settings_snapshot(struct ts_live *live, struct ts_snapshot *snapshot);
void __real_ts_host_snapshot(struct ts_snapshot *snapshot);
void __wrap_ts_host_snapshot(struct ts_snapshot *snapshot);

void __wrap_ts_netns_refresh(struct ts_netns_table *table, const char *proc)
{
	__u64 begin = cpu_now();

	__real_ts_netns_refresh(table, proc);
	spent[NAMESPACES].snapshot_ns += cpu_now() - begin;
}

void __wrap_ts_settings_snapshot(struct ts_live *live, struct ts_snapshot *snapshot)
{
	__u64 begin = cpu_now();

	__real_ts_settings_snapshot(live, snapshot);
	spent[SETTINGS].snapshot_ns += cpu_now() - begin;
}

void __wrap_ts_host_snapshot(struct ts_snapshot *snapshot)
{
	__u64 begin = cpu_now();

	__real_ts_host_snapshot(snapshot);
	spent[HOST].snapshot_ns += cpu_now() - begin;
}

/* --- observing */

struct own_total {
	__u64 ticks, snapshots;
	__u64 tick_ns, snapshot_ns, process_ns;
	__u64 elapsed_ns;
};

static __u64 process_cpu(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (__u64)now.tv_sec * NS_PER_SECOND + (__u64)now.tv_nsec;
}

static void sleep_until(__u64 ns)
{
	struct timespec until = {.tv_sec = (time_t)(ns / NS_PER_SECOND),
				 .tv_nsec = (long)(ns % NS_PER_SECOND)};

	while (!bench_interrupted &&
	       clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

static struct ts_snapshot *take(struct ts_collector *collector, const struct ts_snapshot *last,
				struct own_total *total)
{
	__u64 begin = cpu_now(), window_begin;
	struct ts_snapshot *snapshot = ts_collector_snapshot(collector);
	struct ts_window window;

	total->snapshot_ns += cpu_now() - begin;
	total->snapshots++;
	if (last) {
		window_begin = cpu_now();
		if (!ts_window_make(last, snapshot, &window))
			ts_window_free(&window);
		spent[WINDOW].snapshot_ns += cpu_now() - window_begin;
	}
	return snapshot;
}

/* As a recording with an interval of one second does it. */
static void observe(struct ts_collector *collector, double seconds, struct own_total *total)
{
	__u64 begin = bench_now(), cpu_begin = process_cpu(), next = begin, tick_begin;
	__u64 end = begin + (__u64)(seconds * 1e9), window = begin + SECOND;
	struct ts_snapshot *last = NULL, *snapshot;
	bool counts = false;

	while (next < end && !bench_interrupted) {
		if (!counts && next >= begin + SECONDS_IGNORED * SECOND) {
			memset(spent, 0, sizeof spent);
			*total = (struct own_total){0};
			begin = bench_now();
			cpu_begin = process_cpu();
			counts = true;
		}
		next += ts_collector_tick_ms(collector) * 1000000ULL;
		if (next > window)
			next = window;
		sleep_until(next);
		tick_begin = cpu_now();
		ts_collector_tick(collector);
		total->tick_ns += cpu_now() - tick_begin;
		total->ticks++;
		if (next < window)
			continue;
		window += SECOND;
		snapshot = take(collector, last, total);
		ts_snapshot_free(last);
		last = snapshot;
	}
	total->process_ns = process_cpu() - cpu_begin;
	total->elapsed_ns = bench_now() - begin;
	ts_snapshot_free(last);
}

static void print_row(const char *name, const struct own_time *time, const struct own_total *total)
{
	double tick_us = (double)time->tick_ns / (double)total->ticks / 1e3;
	double snapshot_us = (double)time->snapshot_ns / (double)total->snapshots / 1e3;
	double ticks_per_second = (double)total->ticks / ((double)total->elapsed_ns / 1e9);

	/* microseconds in a second, in per cent */
	printf("  %-15s %10.1f %12.1f %13.4f %13.4f\n", name, tick_us, snapshot_us,
	       (tick_us * ticks_per_second + snapshot_us) / 1e4,
	       (tick_us * ticks_per_second + snapshot_us / 10) / 1e4);
}

static void print_costs(const struct own_total *total)
{
	struct own_time all = {total->tick_ns, total->snapshot_ns + spent[WINDOW].snapshot_ns};
	struct rusage usage;

	printf("  %-15s %10s %12s %13s %13s\n", "CPU time, us", "a tick", "a snapshot",
	       "% every 1 s", "% every 10 s");
	for (size_t i = 0; i < PARTS; i++)
		if (spent[i].tick_ns || spent[i].snapshot_ns)
			print_row(i < TS_SOURCE_COUNT ? ts_source_names[i]
						      : other_names[i - TS_SOURCE_COUNT],
				  &spent[i], total);
	print_row("all of it", &all, total);
	getrusage(RUSAGE_SELF, &usage);
	printf("  the whole process in %.0f s, a snapshot each second: %.4f %% of one core; "
	       "peak RSS of the bench %.1f MB\n",
	       (double)total->elapsed_ns / 1e9,
	       100.0 * (double)total->process_ns / (double)total->elapsed_ns,
	       (double)usage.ru_maxrss / 1024);
	printf("  budget: %.1f %% of one core with a snapshot each second %s\n", BENCH_BUDGET_CPU,
	       100.0 * (double)total->process_ns / (double)total->elapsed_ns <= BENCH_BUDGET_CPU
		       ? "kept"
		       : "EXCEEDED");
}

/* In a process of its own: what the bench did before is not in its memory or its time. */
static int observe_in_child(double seconds)
{
	struct ts_collect_options options = {.patient = true};
	struct own_total total = {0};
	struct ts_collector *collector;

	if (ts_collector_open(&options, &collector))
		return 1;
	observe(collector, seconds, &total);
	ts_collector_close(collector);
	if (bench_interrupted || !total.snapshots)
		return 1;
	print_costs(&total);
	return fflush(stdout) ? 1 : 0;
}

int bench_own_cost(double seconds)
{
	int status;
	pid_t child;

	if (seconds < SECONDS_IGNORED + 8)
		seconds = SECONDS_IGNORED + 8;
	fflush(stdout);
	child = fork();
	if (child < 0)
		return -1;
	if (!child)
		_exit(observe_in_child(seconds));
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -1;
}
