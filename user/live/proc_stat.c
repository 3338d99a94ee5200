// SPDX-License-Identifier: GPL-2.0-only
#include "proc_stat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const ts_cpu_mode_names[TS_CPU_MODES] = {
	[TS_CPU_USER] = "user",	      [TS_CPU_NICE] = "nice",	  [TS_CPU_SYSTEM] = "system",
	[TS_CPU_IDLE] = "idle",	      [TS_CPU_IOWAIT] = "iowait", [TS_CPU_IRQ] = "irq",
	[TS_CPU_SOFTIRQ] = "softirq", [TS_CPU_STEAL] = "steal",
};

static struct ts_cpu_times *next_cpu(struct ts_proc_stat *stat)
{
	if (stat->count == stat->capacity) {
		size_t capacity = stat->capacity ? stat->capacity * 2 : 16;
		struct ts_cpu_times *larger = reallocarray(stat->cpu, capacity, sizeof *stat->cpu);

		if (!larger)
			return NULL;
		stat->cpu = larger;
		stat->capacity = capacity;
	}
	return &stat->cpu[stat->count];
}

/* "12 4705 150 1120 …": the line behind "cpu". */
static int parse_cpu(struct ts_proc_stat *stat, char *at)
{
	struct ts_cpu_times *times = next_cpu(stat);
	__u64 cpu;

	if (!times)
		return -ENOMEM;
	if (!ts_take_number(&at, &cpu) || cpu >= TS_CPUS_MAX)
		return -EPROTO;
	if (stat->count && cpu <= times[-1].cpu)
		return -EPROTO;
	times->cpu = (unsigned int)cpu;
	for (int mode = 0; mode < TS_CPU_MODES; mode++)
		if (!ts_take_number(&at, &times->ticks[mode]))
			return -EPROTO;
	stat->count++;
	return 0;
}

int ts_proc_stat_parse(struct ts_proc_stat *stat, char *text)
{
	struct {
		const char *key;
		__u64 *value;
		bool seen;
	} single[] = {
		{"procs_running ", &stat->running, false},
		{"procs_blocked ", &stat->blocked, false},
	};
	char *line;

	stat->count = 0;
	while ((line = ts_take_line(&text))) {
		if (!strncmp(line, "cpu", 3) && line[3] != ' ') {
			int error = parse_cpu(stat, line + 3);

			if (error)
				return error;
			continue;
		}
		for (size_t i = 0; i < sizeof single / sizeof single[0]; i++) {
			size_t length = strlen(single[i].key);

			if (!strncmp(line, single[i].key, length))
				single[i].seen = ts_is_number(line + length, single[i].value);
		}
	}
	return stat->count && single[0].seen && single[1].seen ? 0 : -EPROTO;
}

void ts_proc_stat_free(struct ts_proc_stat *stat)
{
	free(stat->cpu);
	memset(stat, 0, sizeof *stat);
}

bool ts_process_ticks(char *text, __u64 *ticks)
{
	/* "pid (name) state …": the name may hold anything, blanks and brackets included. */
	char *at = strrchr(text, ')');
	__u64 user, system;

	if (!at)
		return false;
	at++;
	for (int field = 3; field < 14; field++)
		if (!ts_take_word(&at))
			return false;
	if (!ts_take_number(&at, &user) || !ts_take_number(&at, &system))
		return false;
	*ticks = user + system;
	return true;
}

__u64 ts_tick_ns(void)
{
	long ticks = sysconf(_SC_CLK_TCK);

	return 1000000000ull / (__u64)(ticks > 0 ? ticks : 100);
}
