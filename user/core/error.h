/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages on stderr, and errors that are printed where they happen and passed on as a number. */
#ifndef TUNESCOPE_ERROR_H
#define TUNESCOPE_ERROR_H

#include <stdbool.h>

/* Exit codes of every command (docs/tunescope.8). */
enum ts_exit {
	TS_EXIT_DONE = 0,
	TS_EXIT_FINDINGS = 1,
	TS_EXIT_USAGE = 2,
	TS_EXIT_FAILURE = 3,
	TS_EXIT_INCONCLUSIVE = 4,
};

/*
 * Prints "tunescope: <message>" to stderr and returns error (a negative errno). The message says
 * all there is to say; add strerror yourself where the kernel's reason helps.
 */
int ts_err(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));

void ts_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Only with --verbose. */
void ts_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
extern bool ts_verbose;

#endif
