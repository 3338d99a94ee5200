/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which sessions wait for a CPU, and how much they get. A part of the scheduler source: that one
 * knows what each task has waited; here the tasks that waited materially are put together by
 * session. Who they are is asked from the kernel (a BPF iterator over all tasks) only when tasks
 * did wait.
 */
#ifndef TUNESCOPE_LIVE_SCHED_SESSIONS_H
#define TUNESCOPE_LIVE_SCHED_SESSIONS_H

#include <stdbool.h>
#include "source.h"

struct bpf_program;
struct ts_sched_sessions;

/* visit: the loaded iterator; slots: of the table of tasks (a power of two). NULL with errno. */
struct ts_sched_sessions *ts_sched_sessions_open(struct bpf_program *visit, __u32 slots);
void ts_sched_sessions_close(struct ts_sched_sessions *sessions); /* NULL is fine */

/*
 * A snapshot begins: what was said of the last one is forgotten. Returns the wait from which on a
 * task is worth reporting, in nanoseconds.
 */
__u64 ts_sched_sessions_begin(struct ts_sched_sessions *sessions, __u64 monotonic_ns);
/* This task has waited so long since the last snapshot. */
void ts_sched_sessions_waited(struct ts_sched_sessions *sessions, __u32 pid, __u64 ns);
/* All were told, and this is what all tasks waited: appends the families and who suffered. */
void ts_sched_sessions_end(struct ts_sched_sessions *sessions, const struct ts_live *live,
			   __u64 waited_ns, struct ts_snapshot *snapshot);

/* Of its families, when they are not measured. */
void ts_sched_sessions_status(struct ts_snapshot *snapshot, enum ts_status status, const char *why);

#endif
