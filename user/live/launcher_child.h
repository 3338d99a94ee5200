/* SPDX-License-Identifier: GPL-2.0-only */
/* Starting a command in a process of its own: the part of the launcher that knows how. */
#ifndef TUNESCOPE_LAUNCHER_CHILD_H
#define TUNESCOPE_LAUNCHER_CHILD_H

#include <signal.h>
#include "launcher.h"

struct ts_child {
	const struct ts_launch_options *options;
	sigset_t mask; /* that the command gets */
	uid_t uid;
	gid_t gid;
	char *user, *home, *shell; /* NULL: nobody else than who tunescope is */
	pid_t process;
	__u64 start_ns;
};

/* Looks the user up. 0, or -EINVAL with the message printed. In any case forget it afterwards. */
int ts_child_prepare(struct ts_child *child, const struct ts_launch_options *options);
void ts_child_forget(struct ts_child *child);

/*
 * Starts it: a descriptor that is readable when it has ended. Or -1: it could not be run, and
 * launched says why.
 */
int ts_child_start(struct ts_child *child, char *const *words, struct ts_launched *launched);
void ts_child_signal(const struct ts_child *child, int number);
/* Waits until it has ended. */
void ts_child_end(struct ts_child *child, struct ts_launched *launched);

#endif
