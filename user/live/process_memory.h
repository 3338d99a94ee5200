/* SPDX-License-Identifier: GPL-2.0-only */
/* Other processes as /proc/PID shows them: names, CPU time, memory. */
#ifndef TUNESCOPE_PROCESS_MEMORY_H
#define TUNESCOPE_PROCESS_MEMORY_H

#include <stdio.h>
#include "procfile.h"

/* CPU time it has had, in ticks (ts_tick_ns); false when it cannot be read. */
bool ts_process_read_ticks(const struct ts_live *live, int pid, __u64 *ticks);

/* Processes looked into, by name: those of one name share a place, and the last one's pid. */
struct ts_process_name {
	char comm[32];
	int pid;
};
struct ts_process_names {
	struct ts_process_name *name; /* the caller's, of most */
	size_t count, most;
	__u64 overflowed; /* processes that found no place */
};
/* Its place, a new one for a new name; -1 when it has gone or all are taken. */
int ts_process_place(const struct ts_live *live, struct ts_process_names *names, int pid);

/* In memory, neither of files nor shared; 0 when it cannot be read. */
__u64 ts_process_own_bytes(const struct ts_live *live, const char *pid);

struct ts_mapping {
	__u64 begin, end;      /* addresses */
	__u64 anonymous, huge; /* bytes in memory, and of them in huge pages */
	bool asked;	       /* for huge pages: madvise(MADV_HUGEPAGE) */
};

/* NULL when it cannot be opened. */
FILE *ts_open_mappings(const struct ts_live *live, int pid);
bool ts_next_mapping(FILE *smaps, struct ts_mapping *mapping);

#endif
