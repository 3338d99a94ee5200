// SPDX-License-Identifier: GPL-2.0-only
/*
 * `make bench`. BENCH_SECONDS is the time for the windows (60); starting tools comes on top, and so
 * do up to three quarters of it for each part where it cannot be told whether its budget holds.
 * BENCH_ONLY names one part (sched, block, tcp, "tcp connections", own or start), which gets all of
 * it; "own" gets a third on top otherwise.
 * BENCH_BINARY is the tunescope whose start is timed. Exit code 0 unless it could not measure.
 */
#include "bench.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sched.h>
#include <unistd.h>
#include <bpf/libbpf.h>

#define SECONDS_DEFAULT 60
#define SECONDS_LEAST	4
#define START_TIMES	5
#define EXTRA		0.75 /* of the seconds, for each part that leaves its budget open */
#define VARIANTS_MAX	8

#define COMMAND(...)	((const char *const[]){__VA_ARGS__, NULL})
#define NOTHING                                          \
	{                                                \
		.name = "nothing", .kind = BENCH_NOTHING \
	}
#define CONTROL                                                \
	{                                                      \
		.name = "nothing again", .kind = BENCH_NOTHING \
	}
#define EMPTY                                                 \
	{                                                     \
		.name = "empty programs", .kind = BENCH_EMPTY \
	}
#define PRODUCT(of, ns)                                                                        \
	{                                                                                      \
		.name = "tunescope", .kind = BENCH_PRODUCT, .source = (of), .budget_ns = (ns), \
	}
/* Their longest interval: they print nothing while they are measured. */
#define PEER(tool)                                                                     \
	{                                                                              \
		.name = (tool), .kind = BENCH_PEER, .command = COMMAND(tool, "100000") \
	}
#define PEER_ALONE(tool)                                                     \
	{                                                                    \
		.name = (tool), .kind = BENCH_PEER, .command = COMMAND(tool) \
	}

/* What docs and the project's plan ask for; 0: none. */
struct budget {
	double fast_ns; /* where reading the clock is cheap */
	double ns;
	double slowdown;
	const char *note;
};

struct comparison {
	const struct bench_workload *workload;
	double share; /* of the time */
	struct budget budget;
	struct bench_variant variant[VARIANTS_MAX]; /* the first is "nothing" */
};

static struct comparison comparisons[] = {
	{&bench_workload_sched,
	 0.3,
	 {70, 95, 0.10, "70 ns where the clock is cheap, else 95 ns"},
	 {NOTHING, CONTROL, EMPTY, PRODUCT("sched", 95), PEER("runqlat"), PEER("cpudist")}},
	{&bench_workload_block,
	 0.4,
	 {80, 80, 0, "80 ns for all hooks together"},
	 {NOTHING, CONTROL, EMPTY, PRODUCT("block", 80), PEER("biolatency")}},
	{&bench_workload_segment,
	 0.15,
	 {85, 85, 0, "85 ns"},
	 {NOTHING,
	  CONTROL,
	  EMPTY,
	  PRODUCT("tcp", 85),
	  {.name = "tcprtt", .kind = BENCH_PEER, .command = COMMAND("tcprtt", "-i", "100000")}}},
	{&bench_workload_connection,
	 0.15,
	 {200, 200, 0, "200 ns"},
	 {NOTHING, CONTROL, EMPTY, PRODUCT("tcp", 200), PEER_ALONE("tcplife"),
	  PEER_ALONE("tcpstates")}},
};

#define BUDGET_START_MS 25.0
#define BUDGET_RSS_MB	4.0

static void on_signal(int signal_number)
{
	bench_interrupted = 1;
}

/* --- text */

static size_t variants_in(const struct comparison *comparison)
{
	size_t count = 0;

	while (count < VARIANTS_MAX && comparison->variant[count].name)
		count++;
	return count;
}

static const char *verdict(double ns, double error, double budget)
{
	if (ns + error <= budget)
		return "holds";
	return ns - error > budget ? "does NOT hold" : "cannot be told from this run";
}

static void print_variant(const struct bench_variant *variant, double empty_ns)
{
	double ns = bench_median(variant->difference, variant->samples);
	double error = bench_median_error(variant->difference, variant->samples);

	if (variant->broken) {
		printf("  %-15s does not run here: %s\n", variant->name, variant->why);
		return;
	}
	if (!variant->samples) {
		printf("  %-15s not measured%s%s\n", variant->name, *variant->why ? ": " : "",
		       variant->why);
		return;
	}
	printf("  %-15s %+9.1f  ± %-7.1f %+7.1f %% ", variant->name, ns, error,
	       100 * bench_median(variant->slowdown, variant->samples));
	if (variant->kind == BENCH_NOTHING || !(empty_ns > 0))
		printf("%8s", "-");
	else
		printf("%8.2f", ns / empty_ns);
	printf(" %8zu\n", variant->samples);
}

static void print_runs(const struct bench_variant *variant)
{
	__u64 ns = 0;

	for (size_t i = 0; i < variant->runs; i++)
		ns += variant->run[i].ns;
	printf("    %-15s %7.1f:", variant->name, (double)ns / (double)variant->run_events);
	for (size_t i = 0; i < variant->runs; i++)
		printf("%s %s %.2f x %.0f", i ? "," : "", variant->run[i].name,
		       (double)variant->run[i].runs / (double)variant->run_events,
		       (double)variant->run[i].ns / (double)variant->run[i].runs);
	putchar('\n');
}

static void print_run_statistics(const struct comparison *comparison, size_t variants)
{
	printf("  by the kernel's run-time statistics, ns per %s: runs x ns of each program\n"
	       "  (each run includes some 27 ns of measuring; an empty program has nothing "
	       "else):\n",
	       comparison->workload->event);
	for (size_t i = 0; i < variants; i++)
		if (comparison->variant[i].run_events)
			print_runs(&comparison->variant[i]);
}

static void print_budget(const struct comparison *comparison, const struct bench_variant *product)
{
	const struct budget *budget = &comparison->budget;
	double ns = bench_median(product->difference, product->samples);
	double error = bench_median_error(product->difference, product->samples);

	if (!product->samples)
		return;
	printf("  budget: %s; %.0f ns %s", budget->note, budget->ns,
	       verdict(ns, error, budget->ns));
	if (budget->fast_ns < budget->ns)
		printf(", %.0f ns %s", budget->fast_ns, verdict(ns, error, budget->fast_ns));
	if (budget->slowdown > 0)
		printf("; slowdown of %.0f %% %s", 100 * budget->slowdown,
		       verdict(bench_median(product->slowdown, product->samples),
			       bench_median_error(product->slowdown, product->samples),
			       budget->slowdown));
	putchar('\n');
}

static void print_comparison(const struct comparison *comparison, size_t variants,
			     const struct bench_result *result)
{
	const struct bench_variant *product = NULL;
	double empty_ns = NAN;

	for (size_t i = 0; i < variants; i++) {
		const struct bench_variant *variant = &comparison->variant[i];

		if (variant->kind == BENCH_EMPTY)
			empty_ns = bench_median(variant->difference, variant->samples);
		if (variant->kind == BENCH_PRODUCT)
			product = variant;
	}
	printf("  tunescope's hooks: %s\n", result->hooks);
	printf("  %.0f ns per %s with nothing attached; more than that:\n", result->nothing_ns,
	       comparison->workload->event);
	printf("  %-15s %9s  %-9s %9s %8s %8s\n", "", "ns", "(95 %)", "slowdown", "x empty",
	       "windows");
	for (size_t i = 1; i < variants; i++)
		print_variant(&comparison->variant[i], empty_ns);
	print_run_statistics(comparison, variants);
	if (result->pairs)
		printf("  %zu of tunescope's windows are pairs with nothing, to tell its budget\n",
		       result->pairs);
	if (product)
		print_budget(comparison, product);
	if (result->refused)
		printf("  %zu windows refused because of others (%s)\n", result->refused,
		       result->refused_for);
}

/* --- the parts */

/* All parts, or the one that was asked for. */
static bool wanted(const char *only, const char *part)
{
	return !only || !strcmp(only, part);
}

static int compare_variants(struct comparison *comparison, double seconds, double extra)
{
	size_t variants = variants_in(comparison);
	struct bench_result result = {0};
	char why[BENCH_WHY] = "";

	printf("\n%s: %s\n", comparison->workload->name, comparison->workload->what);
	fflush(stdout);
	if (bench_measure(comparison->workload, comparison->variant, variants, seconds, extra,
			  &result, why)) {
		printf("  not measured: %s\n", bench_interrupted ? "interrupted" : why);
		return -1;
	}
	print_comparison(comparison, variants, &result);
	fflush(stdout);
	return 0;
}

struct starter {
	const char *name;
	const char *const *command;
	const struct bench_workload *workload;
};

static int compare_starts(const char *binary, size_t times)
{
	const struct starter starters[] = {
		{"tunescope", COMMAND(binary, "advise", "-d", "30s"), &bench_workload_sched},
		{"runqlat", COMMAND("runqlat", "100000"), &bench_workload_sched},
		{"cpudist", COMMAND("cpudist", "100000"), &bench_workload_sched},
		{"biolatency", COMMAND("biolatency", "100000"), &bench_workload_block},
		{"tcplife", COMMAND("tcplife"), &bench_workload_connection},
		{"tcpstates", COMMAND("tcpstates"), &bench_workload_connection},
	};
	struct bench_startup own = {0};

	printf("\nstart: from exec, medians of %zu\n", times);
	printf("  %-15s %14s %14s %9s %9s\n", "", "first event", "all attached", "RSS", "peak RSS");
	for (size_t i = 0; i < sizeof starters / sizeof *starters && !bench_interrupted; i++) {
		struct bench_startup result = {0};
		char why[BENCH_WHY] = "";

		if (bench_startup(starters[i].command, starters[i].workload, times, &result, why)) {
			printf("  %-15s not measured: %s\n", starters[i].name, why);
			continue;
		}
		if (!i)
			own = result;
		printf("  %-15s %11.1f ms %11.1f ms %6.1f MB %6.1f MB\n", starters[i].name,
		       result.first_event_ms, result.attached_ms, result.rss_mb, result.peak_mb);
		fflush(stdout);
	}
	if (!own.runs) {
		printf("  budget: cannot be told, as tunescope was not measured\n");
		return -1;
	}
	printf("  budget: first event within %.0f ms %s, RSS within %.0f MB %s\n", BUDGET_START_MS,
	       verdict(own.first_event_ms, 0, BUDGET_START_MS), BUDGET_RSS_MB,
	       verdict(own.rss_mb, 0, BUDGET_RSS_MB));
	return 0;
}

/* --- setting up */

/* Some tools need tracefs: where it is not mounted, it is for this process and its children. */
static void mount_tracefs(void)
{
	struct stat status;

	if (!stat("/sys/kernel/tracing/events", &status))
		return;
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL))
		fprintf(stderr, "bench: no tracefs (%s): some tools will not run\n",
			strerror(errno));
}

static int print_nothing(enum libbpf_print_level level, const char *format, va_list arguments)
{
	return 0;
}

static double seconds_wanted(void)
{
	const char *text = getenv("BENCH_SECONDS");
	char *end;
	double seconds;

	if (!text || !*text)
		return SECONDS_DEFAULT;
	seconds = strtod(text, &end);
	return *end || !(seconds >= SECONDS_LEAST && seconds <= 86400) ? -1 : seconds;
}

static int set_up(double seconds)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct utsname host;

	if (seconds < 0) {
		fprintf(stderr, "bench: BENCH_SECONDS must be a number from %d to 86400\n",
			SECONDS_LEAST);
		return -1;
	}
	if (geteuid()) {
		fprintf(stderr, "bench: needs root, to load BPF programs\n");
		return -1;
	}
	if (bench_choose_cpu()) {
		fprintf(stderr, "bench: cannot choose a CPU: %s\n", strerror(errno));
		return -1;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	mount_tracefs();
	libbpf_set_print(print_nothing);
	uname(&host);
	printf("tunescope bench: Linux %s, loads pinned to CPU %d, %.0f s\n", host.release,
	       bench_cpu, seconds);
	return 0;
}

/* How many parts there are of that name, and how many of them could not be measured. */
static int run_parts(const char *only, double seconds, int *parts)
{
	const char *binary = getenv("BENCH_BINARY");
	int failed = 0;

	*parts = 0;
	for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons && !bench_interrupted;
	     i++) {
		struct comparison *one = &comparisons[i];

		if (!wanted(only, one->workload->name))
			continue;
		++*parts;
		failed += compare_variants(one, only ? seconds : seconds * one->share,
					   seconds * EXTRA) != 0;
	}
	if (wanted(only, "own") && !bench_interrupted) {
		++*parts;
		printf("\nown: watching with a snapshot each second, apart from the programs\n");
		failed += bench_own_cost(only ? seconds : seconds / 3) != 0;
	}
	if (binary && wanted(only, "start") && !bench_interrupted) {
		++*parts;
		failed += compare_starts(binary, seconds < SECONDS_DEFAULT ? 2 : START_TIMES) != 0;
	}
	return failed;
}

int main(void)
{
	const char *only = getenv("BENCH_ONLY");
	int failed, parts;

	only = only && *only ? only : NULL;
	if (set_up(seconds_wanted()))
		return 2;
	failed = run_parts(only, seconds_wanted(), &parts);
	if (bench_interrupted) {
		fprintf(stderr, "bench: interrupted; everything is removed\n");
		return 130;
	}
	if (!parts) {
		fprintf(stderr, "bench: no part is called %s\n", only ? only : "anything");
		return 2;
	}
	if (fflush(stdout) || ferror(stdout))
		return 3;
	return failed ? 3 : 0;
}
