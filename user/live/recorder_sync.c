// SPDX-License-Identifier: GPL-2.0-only
#include "recorder_sync.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "../core/error.h"
#include "clock.h"

#define INTERVAL_NS 60000000000ULL
#define STACK_BYTES (64 * 1024)

static void *run(void *context)
{
	struct ts_sync *sync = context;

	sync->error = fdatasync(sync->descriptor) ? -errno : 0;
	close(sync->descriptor);
	__atomic_store_n(&sync->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Signals are for the thread that measures: its sleep is to end. */
static int start_thread(struct ts_sync *sync)
{
	sigset_t all, before;
	pthread_attr_t attributes;
	int error = pthread_attr_init(&attributes);

	if (error)
		return error;
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&sync->thread, &attributes, run, sync);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return error;
}

bool ts_sync_done(struct ts_sync *sync)
{
	return !sync->started || __atomic_load_n(&sync->done, __ATOMIC_ACQUIRE);
}

bool ts_sync_now(struct ts_sync *sync, int descriptor)
{
	if (!ts_sync_done(sync))
		return false;
	if (ts_sync_finish(sync))
		ts_warn("what was recorded may not have reached the disk: it reports an error");
	sync->last_ns = ts_clock_ns(CLOCK_MONOTONIC);
	sync->descriptor = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
	if (sync->descriptor < 0)
		return false;
	sync->done = false;
	sync->started = !start_thread(sync);
	if (!sync->started)
		close(sync->descriptor);
	return sync->started;
}

void ts_sync_start(struct ts_sync *sync, int descriptor)
{
	__u64 now = ts_clock_ns(CLOCK_MONOTONIC);

	if (!sync->last_ns)
		sync->last_ns = now;
	if (now - sync->last_ns >= INTERVAL_NS)
		ts_sync_now(sync, descriptor);
}

int ts_sync_finish(struct ts_sync *sync)
{
	int error;

	if (!sync->started)
		return 0;
	pthread_join(sync->thread, NULL);
	sync->started = false;
	error = sync->error;
	sync->error = 0;
	return error;
}
