/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A process that starts commands and waits for them. It is made before anything else, so that it
 * keeps what tunescope itself gives up: the commands have the privileges, descriptors, signal
 * actions and limits that tunescope was started with.
 */
#ifndef TUNESCOPE_LAUNCHER_H
#define TUNESCOPE_LAUNCHER_H

#include <stdbool.h>
#include <sys/types.h>
#include "command_cgroup.h"

#define TS_LAUNCH_COMMANDS 2

struct ts_launch_options {
	char *const *words[TS_LAUNCH_COMMANDS]; /* each ends with NULL */
	const struct ts_command_cgroup *cgroup; /* NULL: none */
	const char *user;			/* run as that user; NULL: as who tunescope is */
	bool output_to_error; /* the commands' standard output is tunescope's standard error */
	bool kill_leftovers;  /* what a command leaves behind is killed, not left alone */
};

struct ts_launched {
	int exec_error;		/* an errno: it could not be run at all; what follows is not set */
	int exec_step;		/* at what: ts_launch_step_name */
	int status;		/* its exit status, 128 and the signal when it was killed */
	int signal;		/* that killed it; 0: none */
	__u64 start_ns, end_ns; /* CLOCK_MONOTONIC */
	__u64 user_ns, system_ns, read_bytes, written_bytes, peak_rss_bytes;
	size_t leftovers; /* processes that were still there when it had ended */
};

/* "entering its cgroup", …; exec itself is "" */
const char *ts_launch_step_name(int step);

struct ts_launcher;

/*
 * 0, or a negative errno with the message printed (-EINVAL: there is no such user). All signals
 * that end or stop a process are blocked from then on, for ts_launcher_signals.
 */
int ts_launcher_open(const struct ts_launch_options *options, struct ts_launcher **launcher);
/* Waits until it has ended; what it runs then goes on by itself. Removes the cgroup. */
void ts_launcher_close(struct ts_launcher *launcher);

/* Starts one of the commands. 0, or a negative errno with the message printed. */
int ts_launcher_start(struct ts_launcher *launcher, size_t command);
/* Readable when the command has ended. */
int ts_launcher_descriptor(const struct ts_launcher *launcher);
/* Waits for the end. 0, or a negative errno with the message printed: the launcher is gone. */
int ts_launcher_result(struct ts_launcher *launcher, struct ts_launched *launched);

/* Readable when a signal has come. */
int ts_launcher_signals(const struct ts_launcher *launcher);
/*
 * Passes the signals that have come on to the command, unless the terminal has sent it the same
 * one. Returns the last that asked to end, or 0.
 */
int ts_launcher_forward(struct ts_launcher *launcher);

#endif
