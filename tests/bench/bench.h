/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an event costs with tunescope attached, beside nothing, empty programs on the same hooks and
 * other tools. One process makes the load, and attaches and detaches the variants in random order,
 * each for a short window; what counts is the difference to the window with nothing attached of
 * the same round, so that a machine that is slower for a while is so for all of them.
 */
#ifndef TUNESCOPE_BENCH_H
#define TUNESCOPE_BENCH_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/types.h>

#define BENCH_WHY 256

extern volatile sig_atomic_t bench_interrupted;

__u64 bench_now(void); /* CLOCK_MONOTONIC, ns */

/* --- workload.c: a load in a process of its own, started before any program is loaded */

struct bench_window {
	__u64 elapsed_ns; /* 0: the load has broken down */
	__u64 events;	  /* 0: this one is to be thrown away */
};

struct bench_workload {
	const char *name;
	const char *what;
	const char *event;
	/* Both in the worker. setup: NULL, or what went wrong. */
	const char *(*setup)(int cpu);
	struct bench_window (*run)(__u64 ns);
};

extern const struct bench_workload bench_workload_sched, bench_workload_block,
	bench_workload_segment, bench_workload_connection;

struct bench_worker {
	pid_t pid;
	int channel;
};

/* 0, or -1 with why filled in. */
int bench_worker_start(struct bench_worker *worker, const struct bench_workload *workload,
		       char why[BENCH_WHY]);
int bench_worker_begin(struct bench_worker *worker, __u64 ns);
int bench_worker_end(struct bench_worker *worker, struct bench_window *window);
int bench_worker_run(struct bench_worker *worker, __u64 ns, struct bench_window *window);
void bench_worker_stop(struct bench_worker *worker);

/* Which CPU the loads are pinned to; everything else keeps off it where there is a second one. */
int bench_choose_cpu(void);
extern int bench_cpu;

/* --- programs.c: which BPF programs there are, and whose */

#define BENCH_PROGRAMS 256

struct bench_programs {
	__u32 id[BENCH_PROGRAMS];
	size_t count;
};

bool bench_programs_contain(const struct bench_programs *programs, __u32 id);

/* Adds the programs a process holds, itself (pid 0) or a child; returns how many links it holds. */
size_t bench_programs_of(pid_t pid, struct bench_programs *programs);

/* The first tracing program that is not among these; 0: none. name may be NULL. */
__u32 bench_foreign_program(const struct bench_programs *known, char name[64]);

/*
 * The number the next program to be loaded will get, found by loading one: two of these tell
 * whether anything was loaded in between, even if it is gone again. 0 on failure.
 */
__u32 bench_program_counter(void);

struct bench_run_statistics {
	char name[64];
	__u64 runs, ns;
};

/* Run-time statistics of one program by id; false when it is gone. */
bool bench_run_statistics(__u32 id, struct bench_run_statistics *statistics);

/* --- variant.c */

enum bench_kind {
	BENCH_NOTHING,
	BENCH_EMPTY,
	BENCH_PRODUCT,
	BENCH_PEER,
};

#define BENCH_SAMPLES 2000
#define BENCH_RUNS    12

struct bench_variant {
	const char *name;
	enum bench_kind kind;
	const char *const *command; /* peers: with arguments, NULL-terminated */
	const char *source;	    /* product: the source whose programs are measured */
	double budget_ns;	    /* product: to be told whether it holds */

	bool broken; /* it does not run here */
	char why[BENCH_WHY];
	pid_t child;

	double difference[BENCH_SAMPLES]; /* ns per event more than with nothing attached */
	double slowdown[BENCH_SAMPLES];	  /* the same as a share */
	size_t samples;
	struct bench_run_statistics run[BENCH_RUNS];
	size_t runs;
	__u64 run_events; /* of the load while those were read */
};

/*
 * Opens tunescope's source, which stays loaded, and loads an empty program for each of its hooks.
 * Nothing is attached afterwards. 0, or -1 with why.
 */
int bench_product_open(const char *source, char why[BENCH_WHY]);
void bench_product_close(void);
const char *bench_product_hooks(void); /* "sched_switch" or "a, b" */

/* 0, or -1 and variant->why (and broken, when it will not get better). */
int bench_attach(struct bench_variant *variant);
void bench_detach(struct bench_variant *variant);

/* Starts a command with its output thrown away; stderr goes to a descriptor for reading. */
pid_t bench_spawn(const char *const *command, int *errors);
void bench_kill(pid_t pid);
/* The last line of what a command said before it gave up. */
void bench_read_errors(int errors, char why[BENCH_WHY]);

/* --- measure.c */

struct bench_result {
	double nothing_ns; /* median, per event, with nothing attached */
	size_t refused;	   /* windows thrown away because of what others did */
	char refused_for[64];
	size_t rounds;
	size_t pairs;	 /* of tunescope with nothing, after those */
	char hooks[256]; /* what tunescope attaches to */
};

/* extra: so many seconds more where it cannot be told yet whether the budget holds. */
int bench_measure(const struct bench_workload *workload, struct bench_variant *variant,
		  size_t variants, double seconds, double extra, struct bench_result *result,
		  char why[BENCH_WHY]);

double bench_median(const double *value, size_t count);
/* Half the width of the interval that holds the true median with 95 % probability. */
double bench_median_error(const double *value, size_t count);

/* --- startup.c */

struct bench_startup {
	double first_event_ms, attached_ms; /* from exec, medians */
	double rss_mb, peak_mb;
	size_t runs;
};

int bench_startup(const char *const *command, const struct bench_workload *workload, size_t times,
		  struct bench_startup *result, char why[BENCH_WHY]);

/* --- own.c */

#define BENCH_BUDGET_CPU 0.3 /* per cent of one core, with a snapshot each second */

/* Observes for so long and prints what that cost. 0, or -1 when it could not be measured. */
int bench_own_cost(double seconds);

#endif
