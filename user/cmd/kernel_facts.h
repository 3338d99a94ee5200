/* SPDX-License-Identifier: GPL-2.0-only */
/* What this kernel offers, looked up where the kernel says so and never by its version. */
#ifndef TUNESCOPE_KERNEL_FACTS_H
#define TUNESCOPE_KERNEL_FACTS_H

#include <stdbool.h>
#include <stddef.h>

enum ts_fact_state { TS_FACT_YES, TS_FACT_NO, TS_FACT_UNKNOWN };
const char *ts_fact_state_name(enum ts_fact_state state); /* "yes", "no", "unknown" */

struct ts_fact {
	const char *name;
	const char *meaning; /* what tunescope uses it for */
	enum ts_fact_state state;
	char detail[160]; /* what was found */
};

#define TS_FACTS_MAX 16

/* btf_path: NULL for the default. Returns how many facts there are; needs no privilege. */
size_t ts_kernel_facts(const char *btf_path, struct ts_fact fact[TS_FACTS_MAX]);

#endif
