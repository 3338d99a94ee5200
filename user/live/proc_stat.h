/* SPDX-License-Identifier: GPL-2.0-only */
/* /proc/stat as numbers. */
#ifndef TUNESCOPE_PROC_STAT_H
#define TUNESCOPE_PROC_STAT_H

#include "procfile.h"

/* CPU numbers above are not believed; the largest kernels are built for 8192. */
#define TS_CPUS_MAX 8192

/* In the order of the columns. Guest time, in two columns behind, is part of user and nice. */
enum ts_cpu_mode {
	TS_CPU_USER,
	TS_CPU_NICE,
	TS_CPU_SYSTEM,
	TS_CPU_IDLE,
	TS_CPU_IOWAIT,
	TS_CPU_IRQ,
	TS_CPU_SOFTIRQ,
	TS_CPU_STEAL,
	TS_CPU_MODES,
};

extern const char *const ts_cpu_mode_names[TS_CPU_MODES];

struct ts_cpu_times {
	unsigned int cpu;
	__u64 ticks[TS_CPU_MODES]; /* of USER_HZ; see ts_tick_ns */
};

/* Only online CPUs are listed, by rising number. */
struct ts_proc_stat {
	struct ts_cpu_times *cpu;
	size_t count, capacity;
	__u64 running, blocked; /* tasks */
};

/* 0, or -EPROTO or -ENOMEM. Cuts text into pieces. */
int ts_proc_stat_parse(struct ts_proc_stat *stat, char *text);
void ts_proc_stat_free(struct ts_proc_stat *stat);

/*
 * User and system time of a process, in ticks, from the text of its stat. False when it is not
 * understood. Cuts text into pieces.
 */
bool ts_process_ticks(char *text, __u64 *ticks);

/* Nanoseconds of one tick of /proc/stat. */
__u64 ts_tick_ns(void);

#endif
