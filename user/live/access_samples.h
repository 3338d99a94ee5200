/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where in its memory a thread is at work: its registers at a thousand moments of its CPU time each
 * second, and the instruction at each of them. No hardware counters are needed for that.
 */
#ifndef TUNESCOPE_ACCESS_SAMPLES_H
#define TUNESCOPE_ACCESS_SAMPLES_H

#include <stddef.h>
#include "process_memory.h"

struct ts_access_samples {
	int descriptor; /* -1: closed */
	void *ring;
	int pid;
};

/* Begins to sample a thread of the process; 0 or a negative errno. */
int ts_access_samples_open(struct ts_access_samples *samples, int pid, int thread);
void ts_access_samples_close(struct ts_access_samples *samples);

struct ts_access_counts {
	__u64 all;    /* moments in the program, not in the kernel */
	__u64 random; /* at accesses to the mapping without an order, each far from the others */
};

struct ts_access_counts ts_access_samples_count(struct ts_access_samples *samples,
						const struct ts_mapping *mapping);

#endif
