// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPU time and task counts from /proc/stat.
 *
 * The kernel's figures are made cumulative in the strict sense here, because a window trusts that:
 * a CPU that goes offline keeps its last values and goes on from there when it comes back, one
 * first seen later starts at 0, and a value that goes down by a little (iowait and idle do) is
 * held.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "proc_stat.h"

struct cpu_account {
	bool known, online;
	__u64 seen[TS_CPU_MODES];  /* ticks read last, or the highest */
	__u64 total[TS_CPU_MODES]; /* ticks reported */
};

struct proc_cpu {
	struct ts_procfile file;
	struct ts_proc_stat stat;
	struct cpu_account *account; /* by CPU number */
	size_t accounts;
	bool primed; /* a snapshot has been taken */
};

static void proc_cpu_close(void *opaque)
{
	struct proc_cpu *state = opaque;

	ts_procfile_close(&state->file);
	ts_proc_stat_free(&state->stat);
	free(state->account);
	free(state);
}

static int proc_cpu_open(struct ts_live *live, void **opaque, enum ts_status *status, char why[256])
{
	struct proc_cpu *state = calloc(1, sizeof *state);
	int error = state ? ts_procfile_open(&state->file, live->proc, "stat") : -ENOMEM;

	*opaque = state;
	if (!error)
		return 0;
	*status = TS_STATUS_FAILED;
	ts_proc_why(why, state ? state->file.path : "/proc/stat", error);
	if (state)
		proc_cpu_close(state);
	return error;
}

static int grow_accounts(struct proc_cpu *state, size_t count)
{
	struct cpu_account *larger;

	if (count <= state->accounts)
		return 0;
	larger = reallocarray(state->account, count, sizeof *larger);
	if (!larger)
		return -ENOMEM;
	for (size_t i = state->accounts; i < count; i++)
		larger[i] = (struct cpu_account){0};
	state->account = larger;
	state->accounts = count;
	return 0;
}

static void account_cpu(struct proc_cpu *state, const struct ts_cpu_times *times)
{
	struct cpu_account *account = &state->account[times->cpu];
	bool continues = account->known && account->online;

	for (int mode = 0; mode < TS_CPU_MODES; mode++) {
		__u64 now = times->ticks[mode];

		if (!account->known && !state->primed)
			account->total[mode] = now;
		if (!continues || now > account->seen[mode]) {
			if (continues)
				account->total[mode] += now - account->seen[mode];
			account->seen[mode] = now;
		}
	}
	account->known = true;
}

static int account_all(struct proc_cpu *state)
{
	const struct ts_proc_stat *stat = &state->stat;
	int error = grow_accounts(state, (size_t)stat->cpu[stat->count - 1].cpu + 1);

	if (error)
		return error;
	for (size_t i = 0; i < stat->count; i++)
		account_cpu(state, &stat->cpu[i]);
	for (size_t i = 0; i < state->accounts; i++)
		state->account[i].online = false;
	for (size_t i = 0; i < stat->count; i++)
		state->account[stat->cpu[i].cpu].online = true;
	state->primed = true;
	return 0;
}

static void proc_cpu_snapshot(struct ts_live *live, void *opaque, struct ts_snapshot *snapshot)
{
	struct proc_cpu *state = opaque;
	__u64 tick_ns = ts_tick_ns();
	int error = ts_procfile_read(&state->file);

	if (!error)
		error = ts_proc_stat_parse(&state->stat, state->file.text);
	if (!error)
		error = account_all(state);
	if (error) {
		char why[256];

		ts_proc_why(why, state->file.path, error);
		ts_snapshot_source_status(snapshot, TS_SOURCE_PROC_CPU, TS_STATUS_FAILED, why);
		return;
	}
	for (size_t i = 0; i < state->accounts; i++) {
		const struct cpu_account *account = &state->account[i];
		char cpu[24];

		if (!account->known)
			continue;
		snprintf(cpu, sizeof cpu, "%zu", i);
		for (int mode = 0; mode < TS_CPU_MODES; mode++)
			ts_snapshot_counter(snapshot, TS_FAMILY_CPU_TIME,
					    TS_LABELS(cpu, ts_cpu_mode_names[mode]),
					    account->total[mode] * tick_ns);
	}
	ts_snapshot_gauge(snapshot, TS_FAMILY_TASKS, TS_LABELS("running"),
			  (double)state->stat.running);
	ts_snapshot_gauge(snapshot, TS_FAMILY_TASKS, TS_LABELS("blocked"),
			  (double)state->stat.blocked);
}

const struct ts_source ts_source_proc_cpu = {
	.id = TS_SOURCE_PROC_CPU,
	.open = proc_cpu_open,
	.snapshot = proc_cpu_snapshot,
	.close = proc_cpu_close,
};
