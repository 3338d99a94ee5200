/* SPDX-License-Identifier: GPL-2.0-only */
/* Requests that bpf/block.bpf.c still takes for in flight although they are not. */
#ifndef TUNESCOPE_BLOCK_UNSEEN_H
#define TUNESCOPE_BLOCK_UNSEEN_H

#include <linux/types.h>

#include <tunescope/block.h>

/*
 * One whose completion reached no program would count among those in flight until its memory is
 * used for the next: not on a device (name as in /sys/block, sys is "/sys") that the kernel says is
 * idle. Should such a one be issued this very moment, it is not counted, and those in flight are
 * right nevertheless. sets: the program's table of 2^TS_BLOCK_STAMP_SET_BITS sets.
 */
void ts_block_forget_unseen(struct ts_block_device *device, unsigned int slot,
			    struct ts_block_stamp_set *sets, const char *sys, const char *name);

/* All of a device in that slot, which is gone: none may be taken off those of the next one. */
void ts_block_forget_slot(struct ts_block_stamp_set *sets, unsigned int slot);

#endif
