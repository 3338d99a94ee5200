/* SPDX-License-Identifier: GPL-2.0-only */
/* A block device's queue as the rule block-queue sees it: how full it is, and who goes first. */
#ifndef TUNESCOPE_RULES_BLOCK_QUEUE_H
#define TUNESCOPE_RULES_BLOCK_QUEUE_H

#include "../rule.h"

/* Thresholds of the rule. */
enum {
	TS_BLOCK_BUSY,
	TS_BLOCK_AT_LIMIT,
	TS_BLOCK_FLAT,
	TS_BLOCK_RISING,
	TS_BLOCK_WAIT,
	TS_BLOCK_READ_SLOWDOWN,
	TS_BLOCK_READ_SAMPLES,
	TS_BLOCK_PAUSE_SHARE
};

#define TS_BLOCK_DEEP_WRITES 8 /* a read beside that many writes stands in their queue */

struct ts_block_queue {
	const char *name;
	double busy;	  /* share of the window with a request in flight */
	double in_flight; /* mean while busy */
	double requests, bytes;
	double nr_requests, tags; /* NAN: not read */
	double wbt;		  /* microseconds; 0: off; NAN: not there */
	bool rotational;	  /* known to have moving parts */
	const char *scheduler, *choices;
	/* Device latency by depth: the most of them, and as few as a quarter of the limit. */
	double top, low; /* mean seconds; NAN without samples */
	__u64 top_samples, low_samples;
	double miscounted; /* low samples that may be none, see measure_depth */
	double latency_p95;
	/* Reads beside many writes and beside none. */
	double beside, alone;
	__u64 beside_samples, alone_samples;
};

/*
 * Judges who goes first: the scheduler or writeback throttling. Whether it recommends something.
 */
bool ts_block_order_judge(struct ts_rule_context *context, const struct ts_block_queue *queue);

/*
 * Writeback throttling that lets next to nothing be written to a device, because reads can never be
 * as fast as it wants them to be, while there is room for more: with that little the device looks
 * busy, and is not.
 */
struct ts_block_held_back {
	double target; /* seconds */
	/* Of a read with nothing else in flight, and beside one write. */
	double latency, beside;
	__u64 samples, beside_samples;
	double in_flight; /* mean while busy */
};

bool ts_block_held_back(const struct ts_rule_context *context, const char *device,
			struct ts_block_held_back *held);

/*
 * Mean of a pair of families (count, seconds) over the series in classes low..high. The class is
 * the last label; wanted holds those before it.
 */
double ts_block_class_mean(const struct ts_rule_context *context, const char *const *wanted,
			   enum ts_family_id count, enum ts_family_id seconds, double low,
			   double high, __u64 *samples);

#endif
