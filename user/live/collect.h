/* SPDX-License-Identifier: GPL-2.0-only */
/* Opens the sources, ticks them, takes snapshots. */
#ifndef TUNESCOPE_COLLECT_H
#define TUNESCOPE_COLLECT_H

#include "source.h"

struct ts_collect_options {
	const char *btf_path;		       /* NULL: /sys/kernel/btf/vmlinux */
	bool disabled[TS_SOURCE_COUNT];	       /* sources switched off by the user */
	const char *const *disabled_programs;  /* names of single BPF programs left out;
						  NULL-terminated or NULL */
	const struct ts_live_command *command; /* that is going to be run; NULL: none */
	bool patient;			       /* it goes on for long: no haste at first */
};

struct ts_collector;

/*
 * Opens every source that can be opened; those that cannot say so in each snapshot. Fails (negative
 * errno, message printed) only when nothing can work at all: no privilege, no kernel BTF.
 */
int ts_collector_open(const struct ts_collect_options *options, struct ts_collector **collector);
void ts_collector_close(struct ts_collector *collector); /* NULL is fine */

/* Samples once; call again after ts_collector_tick_ms, which is one of the two. */
void ts_collector_tick(struct ts_collector *collector);
unsigned int ts_collector_tick_ms(const struct ts_collector *collector);
#define TS_TICK_MS	100
#define TS_CALM_TICK_MS 250

/* A new snapshot; free it with ts_snapshot_free. */
struct ts_snapshot *ts_collector_snapshot(struct ts_collector *collector);

/*
 * When a snapshot has been taken and dealt with, and a while passes until the next: gives memory
 * back that is not needed meanwhile. It takes a tenth of a millisecond to come back.
 */
void ts_collector_rest(struct ts_collector *collector);

/*
 * Switches the kernel's BPF run-time statistics on (system-wide, for as long as the returned file
 * descriptor stays open) so that the cost of each program can be read. Negative errno when refused.
 */
int ts_collector_enable_run_statistics(struct ts_collector *collector);

#endif
