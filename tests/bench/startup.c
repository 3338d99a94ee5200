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

#define LOAD_REST_NS	  300000000ULL /* the load runs for longer than the tool is waited for */
#define SETTLED_NS	  150000000ULL /* no new link for this long: all are attached */
#define LOOK_MICROSECONDS 100
#define TIMES_MAX	  32
#define LINKS_MAX	  1024

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

/* How long a tool is waited for, at first and when it has counted nothing by then. */
static const __u64 patience_ns[] = {1200000000, 10000000000};
#define PATIENCE (sizeof patience_ns / sizeof *patience_ns)

enum outcome {
	COUNTS,
	ENDED,
	TOO_SLOW,
	BROKEN, /* the load, not the tool */
};

/* A link that appeared, whoever made it: the programs of others come and go as well. */
struct seen_link {
	__u32 program;
	__u64 when;
};

struct seen {
	struct seen_link link[LINKS_MAX];
	size_t links;
};

static bool has_run(pid_t pid, __u32 after)
{
	struct bench_run_statistics statistics;
	struct bench_programs own = {0};

	while (!bpf_prog_get_next_id(after, &after)) {
		if (!bench_run_statistics(after, &statistics) || !statistics.runs)
			continue;
		if (!own.count)
			bench_programs_of(pid, &own);
		if (bench_programs_contain(&own, after))
			return true;
	}
	return false;
}

/* Which program a new link belongs to is asked at once: it may be gone at the end. */
static void see_link(struct seen *seen, __u32 id, __u64 now)
{
	struct bpf_link_info info = {0};
	__u32 length = sizeof info;
	int descriptor = bpf_link_get_fd_by_id(id);

	if (descriptor < 0)
		return;
	if (!bpf_obj_get_info_by_fd(descriptor, &info, &length) && seen->links < LINKS_MAX)
		seen->link[seen->links++] = (struct seen_link){info.prog_id, now};
	close(descriptor);
}

/* When the last of the tool's own links appeared; 0: none has. */
static __u64 last_link(const struct seen *seen, pid_t pid)
{
	struct bench_programs own = {0};

	bench_programs_of(pid, &own);
	for (size_t i = seen->links; i--;)
		if (bench_programs_contain(&own, seen->link[i].program))
			return seen->link[i].when;
	return 0;
}

static bool has_ended(pid_t pid)
{
	siginfo_t information = {0};

	return waitid(P_PID, (id_t)pid, &information, WEXITED | WNOHANG | WNOWAIT) ||
	       information.si_pid == pid;
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

static enum outcome watch(pid_t pid, struct youngest before, __u64 longest, struct start *start)
{
	__u64 began = bench_now(), now = began, attached = began, first = 0;
	struct seen seen = {.links = 0};

	while (now - began < longest && !bench_interrupted) {
		usleep(LOOK_MICROSECONDS);
		now = bench_now();
		if (has_ended(pid))
			return ENDED;
		while (!bpf_link_get_next_id(before.link, &before.link)) {
			see_link(&seen, before.link, now);
			attached = now;
		}
		if (!first && has_run(pid, before.program))
			first = now;
		if (first && now - attached > SETTLED_NS)
			break;
	}
	attached = last_link(&seen, pid);
	if (!first || !attached)
		return TOO_SLOW;
	start->first_event_ms = (double)(first - began) / 1e6;
	start->attached_ms = (double)(attached - began) / 1e6;
	read_memory(pid, &start->rss_mb, &start->peak_mb);
	return COUNTS;
}

static enum outcome start_once(struct bench_worker *worker, const char *const *command,
			       __u64 longest, struct start *start, char why[BENCH_WHY])
{
	struct youngest before = youngest_now();
	struct bench_window ignored;
	enum outcome outcome;
	int errors;
	pid_t pid;

	if (bench_worker_begin(worker, longest + LOAD_REST_NS))
		return BROKEN;
	pid = bench_spawn(command, &errors);
	outcome = pid < 0 ? ENDED : watch(pid, before, longest, start);
	if (pid < 0)
		snprintf(why, BENCH_WHY, "it cannot be started");
	else if (outcome == ENDED)
		bench_read_errors(errors, why);
	if (pid >= 0) {
		bench_kill(pid);
		close(errors);
	}
	return bench_worker_end(worker, &ignored) ? BROKEN : outcome;
}

static int start_patiently(struct bench_worker *worker, const char *const *command,
			   size_t *patience, struct start *start, char why[BENCH_WHY])
{
	enum outcome outcome = TOO_SLOW;

	for (; *patience < PATIENCE && !bench_interrupted; ++*patience) {
		outcome = start_once(worker, command, patience_ns[*patience], start, why);
		if (outcome != TOO_SLOW)
			break;
	}
	if (outcome == TOO_SLOW)
		snprintf(why, BENCH_WHY, "it has counted nothing within %.0f s",
			 (double)patience_ns[PATIENCE - 1] / 1e9);
	else if (outcome == BROKEN)
		snprintf(why, BENCH_WHY, "the load broke down");
	return outcome == COUNTS ? 0 : -1;
}

static int start_times(struct bench_worker *worker, const char *const *command, size_t times,
		       struct start *start, char why[BENCH_WHY])
{
	size_t patience = 0;

	for (size_t i = 0; i < times && !bench_interrupted; i++)
		if (start_patiently(worker, command, &patience, &start[i], why))
			return -1;
	if (bench_interrupted)
		snprintf(why, BENCH_WHY, "interrupted");
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
