/* SPDX-License-Identifier: GPL-2.0-only */
/* Giving up privileges once they are no longer needed. To be called before any thread is started.
 */
#ifndef TUNESCOPE_PRIVILEGES_H
#define TUNESCOPE_PRIVILEGES_H

/*
 * To be called once the collector is open: no_new_privs, and of the capabilities only those that
 * reading still needs, in every set. 0, or a negative errno with the message printed.
 */
int ts_privileges_drop(void);

/*
 * The same for a command that goes on writing files in directory. Root without CAP_DAC_OVERRIDE may
 * not write where others own the directory: only then that one is kept, too.
 */
int ts_privileges_drop_writing(const char *directory);

/*
 * For a process that needs nothing at all: no capability in any set, user and group nobody (when it
 * was root), no supplementary group, no_new_privs, neither dumped nor traced by its user. 0, or a
 * negative errno with the message printed.
 */
int ts_privileges_drop_all(void);

#endif
