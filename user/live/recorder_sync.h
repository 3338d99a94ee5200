/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Getting what was written onto the disk without waiting for it: on a saturated disk that takes
 * seconds, in which queues would not be sampled just when it matters.
 */
#ifndef TUNESCOPE_RECORDER_SYNC_H
#define TUNESCOPE_RECORDER_SYNC_H

#include <pthread.h>
#include <stdbool.h>
#include <linux/types.h>

struct ts_sync {
	pthread_t thread;
	bool started; /* and not joined yet */
	bool done;    /* by the thread, atomically */
	int descriptor, error;
	__u64 last_ns; /* CLOCK_MONOTONIC */
};

/* Starts syncing the file when the last time is a minute ago. */
void ts_sync_start(struct ts_sync *sync, int descriptor);
/* The same at once; false when another one is under way, or it cannot be started. */
bool ts_sync_now(struct ts_sync *sync, int descriptor);
/* Whether the last one is over, so that ts_sync_finish does not wait. */
bool ts_sync_done(struct ts_sync *sync);
/* Waits for what is under way. 0, or the error of the last one, once. */
int ts_sync_finish(struct ts_sync *sync);

#endif
