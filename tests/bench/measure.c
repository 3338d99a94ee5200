// SPDX-License-Identifier: GPL-2.0-only
/* Rounds of short windows, one for each variant in random order, and what comes of them. */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>

#define WINDOW_NS     60000000ULL
#define SETTLE_NS     8000000ULL /* after attaching, not counted */
#define STATISTICS_NS 300000000ULL
#define VARIANTS      12
#define ROUNDS_LEAST  6
#define GIVE_UP_NS    30000000000ULL /* without a window that counts */
#define QUIET_WAIT_NS 1000000000ULL
#define PEERS_EVERY   4 /* rounds: starting a tool takes longer than a window */

/*
 * Where that leaves open whether a budget holds, tunescope alone is compared with nothing, in pairs
 * of shorter windows: what the machine does to both halves of a pair is more nearly the same.
 */
#define PAIR_WINDOW_NS 30000000ULL
#define PAIR_SETTLE_NS 8000000ULL
#define PAIRS_BETWEEN  10   /* two looks at whether it can be told now */
#define REACH	       0.98 /* half of the normal quantile: 95 % */
#define REACH_OF_LOOKS 1.29 /* 99 %: who looks often must be surer */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double *sorted(const double *value, size_t count)
{
	double *copy = malloc(count * sizeof *copy);

	if (!copy)
		abort();
	memcpy(copy, value, count * sizeof *copy);
	qsort(copy, count, sizeof *copy, compare);
	return copy;
}

double bench_median(const double *value, size_t count)
{
	double *copy, median;

	if (!count)
		return NAN;
	copy = sorted(value, count);
	median = (copy[(count - 1) / 2] + copy[count / 2]) / 2;
	free(copy);
	return median;
}

/* From the order statistics: no assumption about the distribution. */
static double median_error(const double *value, size_t count, double share)
{
	double *copy, reach = share * sqrt((double)count), error;
	double low = floor((double)count / 2 - reach), high = ceil((double)count / 2 + reach);

	if (count < 6)
		return NAN;
	copy = sorted(value, count);
	error = (copy[(size_t)fmin(high, (double)count - 1)] - copy[(size_t)fmax(low, 0)]) / 2;
	free(copy);
	return error;
}

double bench_median_error(const double *value, size_t count)
{
	return median_error(value, count, REACH);
}

static void shuffle(size_t *order, size_t count)
{
	for (size_t i = count; i > 1; i--) {
		size_t other = (size_t)random() % i, swap = order[i - 1];

		order[i - 1] = order[other];
		order[other] = swap;
	}
}

/*
 * One window with nobody else's programs about. 0: ns per event is set; 1: refused; -1: broken.
 */
static int quiet_window(struct bench_worker *worker, const struct bench_programs *known, __u64 ns,
			struct bench_result *result, double *per_event)
{
	struct bench_window window;
	__u32 before, after;

	if (bench_foreign_program(known, result->refused_for))
		return 1;
	before = bench_program_counter();
	if (bench_worker_run(worker, ns, &window))
		return -1;
	after = bench_program_counter();
	if (!before || after != before + 1) {
		snprintf(result->refused_for, sizeof result->refused_for, "loaded meanwhile");
		return 1;
	}
	if (!window.events) {
		snprintf(result->refused_for, sizeof result->refused_for, "threads came and went");
		return 1;
	}
	*per_event = (double)window.elapsed_ns / (double)window.events;
	return 0;
}

struct lengths {
	__u64 settle_ns, window_ns;
};

/* NAN in per_event when the variant does not run, or its window was refused. */
static int try_variant(struct bench_worker *worker, struct bench_variant *variant,
		       const struct lengths *lengths, struct bench_result *result,
		       double *per_event)
{
	struct bench_programs known = {0};
	struct bench_window ignored;
	int outcome;

	*per_event = NAN;
	if (bench_attach(variant))
		return 0;
	bench_programs_of(0, &known);
	if (variant->child)
		bench_programs_of(variant->child, &known);
	outcome = bench_worker_run(worker, lengths->settle_ns, &ignored);
	if (!outcome)
		outcome = quiet_window(worker, &known, lengths->window_ns, result, per_event);
	bench_detach(variant);
	if (outcome > 0)
		result->refused++;
	return outcome < 0 ? -1 : 0;
}

static void keep(struct bench_variant *variant, double per_event, double nothing)
{
	if (isnan(per_event) || variant->samples == BENCH_SAMPLES)
		return;
	variant->difference[variant->samples] = per_event - nothing;
	variant->slowdown[variant->samples] = (per_event - nothing) / nothing;
	variant->samples++;
}

/* Programs of others may be gone in a moment. */
static void wait_for_quiet(struct bench_result *result)
{
	struct bench_programs own = {0};
	__u64 deadline = bench_now() + QUIET_WAIT_NS;

	bench_programs_of(0, &own);
	while (bench_foreign_program(&own, result->refused_for) && bench_now() < deadline &&
	       !bench_interrupted)
		usleep(20000);
}

/* All variants once. 1: it counts, 0: it does not, -1: the load broke down. */
static int run_round(struct bench_worker *worker, struct bench_variant *variant, size_t variants,
		     bool with_peers, struct bench_result *result, double *nothing)
{
	static const struct lengths lengths = {SETTLE_NS, WINDOW_NS};
	double per_event[VARIANTS];
	size_t order[VARIANTS];

	for (size_t i = 0; i < VARIANTS; i++) {
		order[i] = i;
		per_event[i] = NAN;
	}
	shuffle(order, variants);
	wait_for_quiet(result);
	for (size_t i = 0; i < variants && !bench_interrupted; i++) {
		struct bench_variant *one = &variant[order[i]];

		if (one->broken || (one->kind == BENCH_PEER && !with_peers))
			continue;
		if (try_variant(worker, one, &lengths, result, &per_event[order[i]]))
			return -1;
	}
	if (bench_interrupted || isnan(per_event[0]))
		return 0;
	*nothing = per_event[0];
	for (size_t i = 1; i < variants; i++)
		keep(&variant[i], per_event[i], per_event[0]);
	return 1;
}

/* Whether the budgets in ns can be told to hold or not. */
static bool is_decided(const struct bench_variant *product)
{
	double ns = bench_median(product->difference, product->samples);
	double error = median_error(product->difference, product->samples, REACH_OF_LOOKS);

	return fabs(ns - product->budget_ns) > error;
}

/* One after the other and back again, so that a drift counts for both. As run_round. */
static int run_pair(struct bench_worker *worker, struct bench_variant *nothing,
		    struct bench_variant *product, struct bench_result *result)
{
	static const struct lengths lengths = {PAIR_SETTLE_NS, PAIR_WINDOW_NS};
	struct bench_variant *first = random() & 1 ? nothing : product;
	double with = 0, without = 0;

	wait_for_quiet(result);
	for (int i = 0; i < 4 && !bench_interrupted; i++) {
		struct bench_variant *one =
			(i == 0 || i == 3) == (first == product) ? product : nothing;
		double per_event;

		if (try_variant(worker, one, &lengths, result, &per_event))
			return -1;
		*(one == product ? &with : &without) += per_event / 2;
	}
	if (bench_interrupted || isnan(without))
		return 0;
	keep(product, with, without);
	return 1;
}

static int decide(struct bench_worker *worker, struct bench_variant *variant,
		  struct bench_variant *product, double seconds, struct bench_result *result)
{
	__u64 deadline = bench_now() + (__u64)(seconds * 1e9);

	while (!is_decided(product) && bench_now() < deadline && !bench_interrupted &&
	       product->samples + PAIRS_BETWEEN < BENCH_SAMPLES)
		for (int i = 0; i < PAIRS_BETWEEN && !bench_interrupted; i++) {
			int outcome = run_pair(worker, variant, product, result);

			if (outcome < 0)
				return -1;
			result->pairs += (size_t)outcome;
		}
	return 0;
}

/* Of a program since an earlier reading. */
static void keep_run(struct bench_variant *variant, __u32 id,
		     const struct bench_run_statistics *before)
{
	struct bench_run_statistics *run = &variant->run[variant->runs];

	if (!bench_run_statistics(id, run) || run->runs == before->runs)
		return;
	run->runs -= before->runs;
	run->ns -= before->ns;
	variant->runs++;
}

/* Per program, with the kernel's own run-time statistics on, in a window apart. */
static void run_statistics(struct bench_worker *worker, struct bench_variant *variant)
{
	static struct bench_run_statistics before[BENCH_PROGRAMS];
	struct bench_programs programs = {0};
	struct bench_window window;
	int statistics;

	if (variant->kind == BENCH_NOTHING || variant->broken || bench_attach(variant))
		return;
	bench_programs_of(variant->child, &programs);
	for (size_t i = 0; i < programs.count; i++)
		if (!bench_run_statistics(programs.id[i], &before[i]))
			before[i].runs = before[i].ns = 0;
	statistics = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (statistics >= 0) {
		if (!bench_worker_run(worker, STATISTICS_NS, &window))
			variant->run_events = window.events;
		close(statistics);
	}
	for (size_t i = 0; i < programs.count && variant->runs < BENCH_RUNS; i++)
		keep_run(variant, programs.id[i], &before[i]);
	bench_detach(variant);
}

static int rounds(struct bench_worker *worker, struct bench_variant *variant, size_t variants,
		  double seconds, struct bench_result *result, char why[BENCH_WHY])
{
	__u64 deadline = bench_now() + (__u64)(seconds * 1e9), counted = bench_now();
	double nothing[BENCH_SAMPLES];

	for (size_t n = 0; !bench_interrupted && result->rounds < BENCH_SAMPLES; n++) {
		int outcome = run_round(worker, variant, variants, n % PEERS_EVERY == 0, result,
					&nothing[result->rounds]);

		if (outcome < 0) {
			snprintf(why, BENCH_WHY, "the load broke down");
			return -1;
		}
		result->rounds += (size_t)outcome;
		if (outcome)
			counted = bench_now();
		if (bench_now() - counted > GIVE_UP_NS) {
			snprintf(why, BENCH_WHY,
				 "%zu windows refused: BPF programs of others are loaded (%.63s)",
				 result->refused, result->refused_for);
			return -1;
		}
		if (bench_now() >= deadline && result->rounds >= ROUNDS_LEAST)
			break;
	}
	result->nothing_ns = bench_median(nothing, result->rounds);
	return bench_interrupted ? -1 : 0;
}

int bench_measure(const struct bench_workload *workload, struct bench_variant *variant,
		  size_t variants, double seconds, double extra, struct bench_result *result,
		  char why[BENCH_WHY])
{
	struct bench_variant *product = NULL;
	struct bench_worker worker;
	int error;

	for (size_t i = 0; i < variants; i++)
		if (variant[i].kind == BENCH_PRODUCT)
			product = &variant[i];
	/* The worker first, so that it does not inherit programs and keep them. */
	if (bench_worker_start(&worker, workload, why))
		return -1;
	error = bench_product_open(product->source, why);
	if (!error)
		error = rounds(&worker, variant, variants, seconds, result, why);
	if (!error && decide(&worker, variant, product, extra, result)) {
		snprintf(why, BENCH_WHY, "the load broke down");
		error = -1;
	}
	for (size_t i = 0; !error && i < variants; i++)
		run_statistics(&worker, &variant[i]);
	snprintf(result->hooks, sizeof result->hooks, "%s", bench_product_hooks());
	bench_product_close();
	bench_worker_stop(&worker);
	return error;
}
