/* SPDX-License-Identifier: GPL-2.0-only */
/* Running a command several times and recording each run: what run and check have in common. */
#ifndef TUNESCOPE_RUNS_H
#define TUNESCOPE_RUNS_H

#include "collect_arguments.h"
#include "../core/run_set.h"

struct ts_runs_arguments {
	double runs, interval;
	const char *output; /* recording to append to; NULL: none */
	const char *user;
	const char *against; /* a shell command to be run alternately, as the baseline; NULL */
	int scope;	     /* enum ts_runs_scope */
	double retries;	     /* runs that were disturbed are repeated so often */
	double foreign_max;  /* more than that disturbs one; 0: as in compare.h */
	bool kill_leftovers, ignore_failure, quiet;
	struct ts_collect_arguments measure;
};

enum ts_runs_scope { TS_RUNS_SCOPE_AUTO, TS_RUNS_SCOPE_COMMAND, TS_RUNS_SCOPE_HOST };
extern const char *const ts_runs_scope_choices[];

struct ts_option;
int ts_option_count(const struct ts_option *option, const char *value, void *destination,
		    char problem[200]);

#define TS_RUNS_AT(base, member) ((base) + offsetof(struct ts_runs_arguments, member))

/* Rows of a table of options. */
/* clang-format off */
#define TS_RUNS_OPTIONS(base, default_runs, default_retries)                                       \
	{"runs", 'n', "RUNS", ts_option_count, TS_RUNS_AT(base, runs), 1, 1000, NULL,              \
	 "run the command so often (default " default_runs ")"},                                   \
	{"interval", 0, "DURATION", ts_option_duration, TS_RUNS_AT(base, interval), 0.05, 3600,    \
	 NULL, "length of a window: 50ms to 1h (default 250ms)"},                                  \
	{"output", 'o', "FILE", ts_option_text, TS_RUNS_AT(base, output), 0, 0, NULL,              \
	 "append the runs to this recording, each as a session of its own"},                       \
	{"scope", 0, "cmd|host", ts_option_choice, TS_RUNS_AT(base, scope), 0, 0,                  \
	 ts_runs_scope_choices,                                                                    \
	 "whose tasks the scheduler's signals are: the command's (default, where it can have a "   \
	 "cgroup of its own), or all of the host's"},                                              \
	{"user", 0, "NAME", ts_option_text, TS_RUNS_AT(base, user), 0, 0, NULL,                    \
	 "run the command as this user"},                                                          \
	{"vs", 0, "COMMAND", ts_option_text, TS_RUNS_AT(base, against), 0, 0, NULL,                \
	 "run this shell command alternately with the other one, as the baseline, and compare"},   \
	{"retries", 0, "RUNS", ts_option_count, TS_RUNS_AT(base, retries), 0, 1000, NULL,          \
	 "repeat up to so many runs that others disturbed (default " default_retries ")"},         \
	{"kill-leftovers", 0, NULL, ts_option_switch, TS_RUNS_AT(base, kill_leftovers), 0, 0,      \
	 NULL, "kill what the command leaves behind after each run"},                              \
	{"ignore-failure", 'i', NULL, ts_option_switch, TS_RUNS_AT(base, ignore_failure), 0, 0,    \
	 NULL, "go on when the command fails"},                                                    \
	{"quiet", 0, NULL, ts_option_switch, TS_RUNS_AT(base, quiet), 0, 0, NULL,                  \
	 "say nothing about single runs"},                                                         \
	TS_COLLECT_OPTIONS((base) + offsetof(struct ts_runs_arguments, measure))
/* clang-format on */

struct ts_runs_end {
	int status; /* of the first command that failed, or 0; 126, 127: it could not be run */
	bool failed;
	int signal; /* that asked tunescope to end; 0: none */
};

struct ts_runs;

/*
 * Makes what is needed to run the words, which end with NULL. compare_only: the command's standard
 * output goes to standard error. 0, or an exit code with the message printed. The collector is open
 * and privileges are given up afterwards.
 */
int ts_runs_open(const struct ts_runs_arguments *arguments, char *const *words,
		 bool output_to_error, struct ts_runs **runs);

/* Does the runs and adds them to set. 0, or a negative errno with the message printed. */
int ts_runs_do(struct ts_runs *runs, struct ts_run_set *set, struct ts_runs_end *end);
void ts_runs_close(struct ts_runs *runs); /* NULL is fine */

/* Cuts "-- CMD …" off the arguments: the words, or NULL when there is no "--". */
char **ts_runs_words(int *argc, char **argv);

#endif
