/* SPDX-License-Identifier: GPL-2.0-only */
/* What the rules about waiting for memory share. */
#ifndef TUNESCOPE_MEMORY_WAIT_H
#define TUNESCOPE_MEMORY_WAIT_H

#include "../rule.h"

/* The first three thresholds of each of these rules. */
enum { TS_WAIT_SHARE, TS_WAITS, TS_WAIT_P99, TS_WAIT_OWN };

#define TS_MEMORY_WAIT_THRESHOLDS                                                                  \
	[TS_WAIT_SHARE] = {"wait_share",                                                           \
			   0.03,                                                                   \
			   0.001,                                                                  \
			   1000,                                                                   \
			   "share of the window",                                                  \
			   "waits of all tasks together, as a share of the window, from which on " \
			   "they are a symptom"},                                                  \
	[TS_WAITS] = {"waits", 20, 5, 1e9, "waits", "waits needed to judge"},                      \
	[TS_WAIT_P99] = {"wait_p99",                                                               \
			 0.002,                                                                    \
			 0.0001,                                                                   \
			 60,                                                                       \
			 "seconds",                                                                \
			 "waits whose 99th percentile is shorter are what a busy host has, and "   \
			 "are left alone"}

struct ts_memory_wait {
	const char *kind;   /* of the family memory_wait */
	double waited, p99; /* seconds */
	double freed;	    /* bytes */
	__u64 count;
	const struct ts_sufferer *worst; /* or NULL */
};

struct ts_memory_wait ts_memory_wait(const struct ts_rule_context *context, const char *kind);
bool ts_memory_wait_material(const struct ts_rule_context *context,
			     const struct ts_memory_wait *wait);

/* Evidence, harm and who suffered. */
void ts_memory_wait_evidence(struct ts_rule_context *context, struct ts_finding *finding,
			     const struct ts_memory_wait *wait);

/* An event of /proc/vmstat during the window. */
double ts_vm_event(const struct ts_rule_context *context, const char *event);
/* A kind of memory_bytes at the end of the window; NAN. */
double ts_memory(const struct ts_rule_context *context, const char *kind);
/* By how much programs grew; negative when they shrank. */
double ts_programs_grew(const struct ts_rule_context *context);

#endif
