/* SPDX-License-Identifier: GPL-2.0-only */
/* What a process that waits for room in a socket is about to write there. */
#ifndef TUNESCOPE_BLOCKED_WRITE_H
#define TUNESCOPE_BLOCKED_WRITE_H

#include <linux/types.h>

/*
 * Bytes of the write() or send() on the socket of this inode in which a thread of the process
 * waits now; 0 when none does, or what it waits in does not tell (writev(), sendmsg()).
 */
double ts_blocked_write(const char *proc, int pid, __u32 inode);

#endif
