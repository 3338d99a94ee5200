/* SPDX-License-Identifier: GPL-2.0-only */
/* The privileges tunescope needs, and what is lost without each. */
#ifndef TUNESCOPE_CAPABILITY_H
#define TUNESCOPE_CAPABILITY_H

#include <stdbool.h>
#include <stddef.h>

struct ts_capability {
	const char *name; /* "CAP_BPF" */
	int number;
	bool essential;	  /* nothing works without it */
	const char *lost; /* what cannot be done without it */
};

extern const struct ts_capability ts_capabilities[];
extern const size_t ts_capabilities_count;

/*
 * In the effective set of this process when it was first asked for (CAP_SYS_ADMIN stands in for
 * CAP_BPF and CAP_PERFMON); what was given up afterwards still counts.
 */
bool ts_capability_held(const struct ts_capability *capability);

/* 0, or -EPERM with one line on stderr that names the essential ones that are missing. */
int ts_capability_check(void);

#endif
