// SPDX-License-Identifier: GPL-2.0-only
/* How long a tool takes from exec to its first counted event, and how much memory it then holds. */
#include "bench.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <sys/wait.h>

#define LOAD_NS		  1500000000ULL /* the load runs at least until then */
#define START_TIMEOUT_NS  1200000000ULL
#define SETTLED_NS	  150000000ULL /* no new link for this long: all are attached */
#define LOOK_MICROSECONDS 100
#define TIMES_MAX	  32

/* Programs and links that are younger than these are the tool's. */
struct youngest {
	__u32 program, link;
};

static struct youngest youngest_now(void)
{
	struct youngest youngest = {0};

	while (!bpf_prog_get_next_id(youngest.program, &youngest.program))
		;
	while (!bpf_link_get_next_id(youngest.link, &youngest.link))
		;
	return youngest;
}

static bool any_has_run(__u32 after)
{
	struct bench_run_statistics statistics;

	while (!bpf_prog_get_next_id(after, &after))
		if (bench_run_statistics(after, &statistics) && statistics.runs)
			return true;
	return false;
}

static void read_memory(pid_t pid, double *rss_mb, double *peak_mb)
{
	char path[64], line[256];
	FILE *file;
	double kb;

	snprintf(path, sizeof path, "/proc/%d/status", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof line, file)) {
		if (sscanf(line, "VmRSS: %lf", &kb) == 1)
			*rss_mb = kb / 1024;
		else if (sscanf(line, "VmHWM: %lf", &kb) == 1)
			*peak_mb = kb / 1024;
	}
	if (file)
		fclose(file);
}

struct start {
	double first_event_ms, attached_ms, rss_mb, peak_mb;
};

/* 0 when it was seen to count. */
static int watch(pid_t pid, struct youngest before, struct start *start)
{
	__u64 began = bench_now(), now = began, attached = 0, first = 0;

	while (now - began < START_TIMEOUT_NS && !bench_interrupted) {
		usleep(LOOK_MICROSECONDS);
		now = bench_now();
		if (waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOHANG | WNOWAIT) ||
		    kill(pid, 0))
			return -1;
		while (!bpf_link_get_next_id(before.link, &before.link))
			attached = now;
		if (!first && any_has_run(before.program))
			first = now;
		if (first && attached && now - attached > SETTLED_NS)
			break;
	}
	if (!first)
		return -1;
	start->first_event_ms = (double)(first - began) / 1e6;
	start->attached_ms = (double)(attached - began) / 1e6;
	read_memory(pid, &start->rss_mb, &start->peak_mb);
	return 0;
}

static int start_once(const char *const *command, struct start *start, char why[BENCH_WHY])
{
	struct youngest before = youngest_now();
	int errors, error;
	pid_t pid = bench_spawn(command, &errors);

	if (pid < 0)
		return -1;
	error = watch(pid, before, start);
	if (error)
		bench_read_errors(errors, why);
	bench_kill(pid);
	close(errors);
	return error;
}

static int start_times(struct bench_worker *worker, const char *const *command, size_t times,
		       struct start *start, char why[BENCH_WHY])
{
	struct bench_window ignored;

	for (size_t i = 0; i < times && !bench_interrupted; i++) {
		int error;

		if (bench_worker_begin(worker, LOAD_NS)) {
			snprintf(why, BENCH_WHY, "the load broke down");
			return -1;
		}
		error = start_once(command, &start[i], why);
		if (bench_worker_end(worker, &ignored) || error)
			return -1;
	}
	return bench_interrupted ? -1 : 0;
}

static double median_of(const struct start *start, size_t times, size_t offset)
{
	double value[TIMES_MAX];

	for (size_t i = 0; i < times; i++)
		value[i] = *(const double *)((const char *)&start[i] + offset);
	return bench_median(value, times);
}

int bench_startup(const char *const *command, const struct bench_workload *workload, size_t times,
		  struct bench_startup *result, char why[BENCH_WHY])
{
	struct start start[TIMES_MAX];
	struct bench_worker worker;
	int statistics, error;

	times = times < TIMES_MAX ? times : TIMES_MAX;
	if (bench_worker_start(&worker, workload, why))
		return -1;
	statistics = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (statistics < 0) {
		snprintf(why, BENCH_WHY, "no BPF run-time statistics: %s", strerror(errno));
		error = -1;
	} else {
		error = start_times(&worker, command, times, start, why);
		close(statistics);
	}
	bench_worker_stop(&worker);
	if (error)
		return -1;
	result->runs = times;
	result->first_event_ms = median_of(start, times, offsetof(struct start, first_event_ms));
	result->attached_ms = median_of(start, times, offsetof(struct start, attached_ms));
	result->rss_mb = median_of(start, times, offsetof(struct start, rss_mb));
	result->peak_mb = median_of(start, times, offsetof(struct start, peak_mb));
	return 0;
}
