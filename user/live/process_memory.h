/* SPDX-License-Identifier: GPL-2.0-only */
/* The memory of other processes, as /proc/PID shows it. */
#ifndef TUNESCOPE_PROCESS_MEMORY_H
#define TUNESCOPE_PROCESS_MEMORY_H

#include <stdio.h>
#include "procfile.h"

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
