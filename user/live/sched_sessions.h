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
struct ts_sched_sessions *ts_sched_sessions_open(struct bpf_program *visit, __u32 slots,
						 __u64 opened_ns);
void ts_sched_sessions_close(struct ts_sched_sessions *sessions); /* NULL is fine */

/*
 * Is it time to look at the tasks again, between two snapshots? Only while tasks wait: otherwise
 * one look for each snapshot is enough. waited_ns: what all tasks have waited so far.
 */
bool ts_sched_sessions_due(struct ts_sched_sessions *sessions, __u64 monotonic_ns, __u64 waited_ns);

/*
 * One look: begin, what each task (in its slot of the table) has waited so far, end. due: as told
 * by the function above; otherwise end finds out. 0, or a negative errno.
 */
void ts_sched_sessions_begin(struct ts_sched_sessions *sessions, __u64 monotonic_ns);
void ts_sched_sessions_task(struct ts_sched_sessions *sessions, __u32 slot, __u32 pid,
			    __u64 waited_ns);
int ts_sched_sessions_end(struct ts_sched_sessions *sessions, bool due);

/* After a look: appends the families, and who suffered since the last snapshot. */
void ts_sched_sessions_snapshot(struct ts_sched_sessions *sessions, const struct ts_live *live,
				struct ts_snapshot *snapshot);

/* Of its families, when they are not measured. */
void ts_sched_sessions_status(struct ts_snapshot *snapshot, enum ts_status status, const char *why);

#endif
