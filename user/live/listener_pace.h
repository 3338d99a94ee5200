/* SPDX-License-Identifier: GPL-2.0-only */
/* How often the listeners of a network namespace are sampled, and what a sample stands for. */
#ifndef TUNESCOPE_LISTENER_PACE_H
#define TUNESCOPE_LISTENER_PACE_H

#include <stdbool.h>
#include <linux/types.h>

/* Of one namespace. All times but costs are CLOCK_MONOTONIC. */
struct ts_listener_pace {
	__u64 sampled_ns; /* the last time all of its listeners were listed */
	__u64 due_ns;
	__u64 cost_ns;	  /* of the last sample */
	__u64 moved_ns;	  /* the last sample that found a queue in use or new drops */
	__u64 dropped_ns; /* the last one that found new drops */
	__u64 regular_ns; /* after which the next sample would be due were it not calm; 0: it is not
			   */
	bool listeners;
};

/* What a round through all namespaces with, or without, series of their own costs. */
struct ts_listener_round {
	__u64 detailed_ns, others_ns;
};

/*
 * Of a sample now: itself, and those since the one before that were left out because it was calm.
 */
__u32 ts_listener_pace_samples(const struct ts_listener_pace *pace, __u64 now_ns);

/* Connections have been turned away lately. */
bool ts_listener_pace_drops(const struct ts_listener_pace *pace, __u64 now_ns);

/* After a sample: when the next one is due. */
void ts_listener_pace_plan(struct ts_listener_pace *pace, __u64 now_ns, bool eager, bool detailed,
			   const struct ts_listener_round *round);

#endif
