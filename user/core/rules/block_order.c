// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who goes first at a block device: reads that stand behind writes because neither the scheduler
 * nor writeback throttling holds those back, and writes that throttling holds back for nothing.
 */
#include "block_queue.h"

#include <math.h>
#include <string.h>

#define SLOW_READ    0.05 /* seconds; without a read alone to compare with */
#define WRITEBACK    0.8  /* of what the device writes, out of the page cache */
#define PAGE_BYTES   4096.0
#define TARGET_READS 2.0 /* reads alone take half of what throttling should aim for */
/* The kernel's own targets, of a device without and with moving parts. */
#define TARGET_LEAST 0.002
#define TARGET_MOST  0.075
#define FAR_TOO_HIGH 8.0 /* a target of so many times that throttles late, or never */
#define HELD_READS   8
#define HELD_DEPTH   16.0 /* requests in flight: what throttling lets through at first */
#define HELD_FLAT    1.3  /* a read beside a write takes no longer: there is room */

static bool offers(const struct ts_block_queue *d, const char *scheduler)
{
	size_t length = strlen(scheduler);

	for (const char *at = d->choices; (at = strstr(at, scheduler)); at += length)
		if ((at == d->choices || at[-1] == ' ') && (!at[length] || at[length] == ' '))
			return true;
	return false;
}

/* Reads were seen without writes: what they take then is measured. */
static bool is_alone_known(const struct ts_rule_context *context, const struct ts_block_queue *d)
{
	return d->alone_samples >= context->threshold[TS_BLOCK_READ_SAMPLES];
}

/*
 * What a read would take without the writes: measured on reads alone, or else the time between two
 * completions of the busy device, which a read that is served first has to wait for at most.
 */
static double undisturbed(const struct ts_rule_context *context, const struct ts_block_queue *d)
{
	if (is_alone_known(context, d))
		return d->alone;
	if (d->beside < SLOW_READ || d->requests <= 0)
		return NAN;
	return d->busy * context->window->seconds / d->requests;
}

static void read_evidence(struct ts_rule_context *context, struct ts_finding *f,
			  const struct ts_block_queue *d, double base)
{
	const char *const labels[TS_LABELS_MAX] = {d->name};
	bool alone = is_alone_known(context, d);

	ts_finding_judged(context, f, TS_FAMILY_BLOCK_READ_BESIDE_SECONDS, labels,
			  "mean latency of reads issued beside 8 or more writes", 1e3 * d->beside,
			  "ms", d->beside_samples,
			  1e3 * context->threshold[TS_BLOCK_READ_SLOWDOWN] * base);
	ts_finding_evidence(context, f,
			    alone ? TS_FAMILY_BLOCK_READ_BESIDE_SECONDS : TS_FAMILY_DISK_BUSY,
			    labels,
			    alone ? "mean latency of reads issued beside no write"
				  : "mean time between two completions",
			    1e3 * base, "ms", alone ? d->alone_samples : (__u64)d->requests);
	f->harm = (d->beside - base) * (double)d->beside_samples;
	f->harm_unit = "seconds reads waited for writes";
	f->harm_seconds = f->harm;
}

/* In microseconds, whole milliseconds. */
static double target_for(double latency)
{
	return 1e3 * ceil(1e3 * fmin(fmax(TARGET_READS * latency, TARGET_LEAST), TARGET_MOST));
}

/*
 * By what reads take alone, or else would take: no less, or once they are seen alone the target is
 * found to be one no read can meet. The kernel's own for a device with moving parts, whose reads
 * take longer alone than among others.
 */
static double wanted_target(const struct ts_rule_context *context, const struct ts_block_queue *d)
{
	double base = undisturbed(context, d);

	if (!is_alone_known(context, d) && (d->rotational || isnan(base)))
		return 1e6 * (d->rotational ? TARGET_MOST : TARGET_LEAST);
	return target_for(base);
}

static void change_scheduler(struct ts_rule_context *context, const struct ts_block_queue *d,
			     const char *scheduler, double base)
{
	struct ts_finding *f = ts_finding_new(context, TS_OUTCOME_RECOMMEND);
	bool alone = is_alone_known(context, d);

	ts_finding_propose(context, f, TS_SETTING_BLOCK_SCHEDULER, d->name, scheduler);
	ts_finding_identify(context, f, ts_settings[TS_SETTING_BLOCK_SCHEDULER].name, "port");
	f->title = ts_text(context,
			   "Reads from %s wait behind the writes: scheduler %s serves both "
			   "alike",
			   d->name, d->scheduler);
	f->computed = ts_text(context,
			      "reads take %.1f ms beside a deep write queue, %.0f times as long as "
			      "without (%.2f ms); %s puts them first, and is among what the kernel "
			      "offers (%s)",
			      1e3 * d->beside, d->beside / base, 1e3 * base, scheduler, d->choices);
	if (!isnan(d->wbt))
		f->remedy = ts_text(context,
				    "Instead, writeback throttling, now off, can keep the queue of "
				    "writes short: echo %.0f to wbt_lat_usec of this device.",
				    wanted_target(context, d));
	f->expect = ts_text(context, "reads in a few times %.2f ms instead of %.1f ms", 1e3 * base,
			    1e3 * d->beside);
	f->confidence = (alone ? 0.85 : 0.65) - (strcmp(scheduler, "bfq") ? 0.15 : 0);
	read_evidence(context, f, d, base);
}

/* ---- Writeback throttling */

static struct ts_finding *change_target(struct ts_rule_context *context,
					const struct ts_block_queue *d, double wanted)
{
	struct ts_finding *f = ts_finding_new(context, TS_OUTCOME_RECOMMEND);

	ts_finding_propose(context, f, TS_SETTING_BLOCK_WBT_LATENCY, d->name,
			   ts_text(context, "%.0f", wanted));
	ts_finding_identify(context, f, ts_settings[TS_SETTING_BLOCK_WBT_LATENCY].name, "port");
	return f;
}

static void throttle_writeback(struct ts_rule_context *context, const struct ts_block_queue *d,
			       double base)
{
	struct ts_finding *f = change_target(context, d, wanted_target(context, d));

	f->title = d->wbt > 0 ? ts_text(context,
					"Reads from %s wait behind the writes: writeback "
					"throttling acts only on reads slower than %.0f ms",
					d->name, d->wbt / 1e3)
			      : ts_text(context,
					"Reads from %s wait behind the writes: writeback "
					"throttling is off, and %s keeps none back",
					d->name, d->scheduler);
	if (!is_alone_known(context, d) && d->rotational)
		f->computed = "the kernel's own for a device with moving parts: no read was seen "
			      "without writes beside it";
	else
		f->computed = ts_text(
			context,
			"twice %s (%.2f ms), in whole milliseconds, between the kernel's own %.0f "
			"ms for a device without and %.0f ms for one with moving parts",
			is_alone_known(context, d)
				? "what a read takes without the writes"
				: "the time between two completions, as no read was seen without "
				  "writes beside it",
			1e3 * base, 1e3 * TARGET_LEAST, 1e3 * TARGET_MOST);
	f->expect = ts_text(context, "reads in a few times %.2f ms instead of %.1f ms", 1e3 * base,
			    1e3 * d->beside);
	f->confidence = is_alone_known(context, d) ? 0.85 : 0.65;
	read_evidence(context, f, d, base);
}

bool ts_block_held_back(const struct ts_rule_context *context, const char *device,
			struct ts_block_held_back *held)
{
	const struct ts_window *w = context->window;
	const char *const labels[TS_LABELS_MAX] = {device}, *const read[TS_LABELS_MAX] = {device,
											  "read"};
	double busy = ts_window_seconds(w, TS_FAMILY_DISK_BUSY, labels);

	*held = (struct ts_block_held_back){
		.target = ts_window_setting_number(w, TS_SETTING_BLOCK_WBT_LATENCY, device, 0, 0) /
			  1e6,
		.in_flight =
			busy > 0 ? ts_window_seconds(w, TS_FAMILY_DISK_WEIGHTED, labels) / busy : 0,
	};
	if (!ts_rule_measured(context, TS_FAMILY_BLOCK_DEPTH_REQUESTS) ||
	    !ts_rule_measured(context, TS_FAMILY_BLOCK_READ_BESIDE_WRITES) ||
	    !ts_rule_measured(context, TS_FAMILY_DISK_WEIGHTED))
		return false;
	held->latency = ts_block_class_mean(context, read, TS_FAMILY_BLOCK_DEPTH_REQUESTS,
					    TS_FAMILY_BLOCK_DEPTH_SECONDS, 1, 1, &held->samples);
	held->beside = ts_block_class_mean(context, labels, TS_FAMILY_BLOCK_READ_BESIDE_WRITES,
					   TS_FAMILY_BLOCK_READ_BESIDE_SECONDS, 1, 1,
					   &held->beside_samples);
	return held->target > 0 && held->samples >= HELD_READS &&
	       held->beside_samples >= HELD_READS && held->target < held->latency &&
	       held->beside <= HELD_FLAT * held->latency && held->in_flight <= HELD_DEPTH;
}

/* Writers wait for the dirty limit, while next to nothing of what is dirty may be written. */
static bool judge_held_back(struct ts_rule_context *context, const struct ts_block_queue *d)
{
	const char *const labels[TS_LABELS_MAX] = {d->name};
	double least = context->threshold[TS_BLOCK_PAUSE_SHARE] * context->window->seconds;
	struct ts_histogram *pauses =
		ts_window_histogram(context->window, TS_FAMILY_DIRTY_THROTTLE_PAUSE, labels);
	struct ts_block_held_back held;
	struct ts_finding *f;

	if (!pauses || ts_histogram_sum(pauses) < least ||
	    d->busy < context->threshold[TS_BLOCK_BUSY] ||
	    !ts_block_held_back(context, d->name, &held))
		return false;
	f = change_target(context, d, target_for(held.latency));
	f->title = ts_text(context,
			   "Writes to %s are held back for nothing: its reads can never be as fast "
			   "as writeback throttling wants them",
			   d->name);
	f->computed = ts_text(context,
			      "a read takes %.2f ms with nothing else in flight, and the "
			      "target is %.2f ms: twice what it takes, in whole milliseconds",
			      1e3 * held.latency, 1e3 * held.target);
	f->expect = ts_text(context,
			    "writes go out as many at a time as the device serves, until reads "
			    "take %.0f ms; they took %.2f ms alone, as next to nothing was written",
			    target_for(held.latency) / 1e3, 1e3 * held.latency);
	f->confidence = 0.8;
	ts_finding_judged(context, f, TS_FAMILY_BLOCK_DEPTH_SECONDS, labels,
			  "mean latency of reads with nothing else in flight", 1e3 * held.latency,
			  "ms", held.samples, 1e3 * held.target);
	ts_finding_judged(context, f, TS_FAMILY_BLOCK_READ_BESIDE_SECONDS, labels,
			  "mean latency of reads beside one write", 1e3 * held.beside, "ms",
			  held.beside_samples, 1e3 * HELD_FLAT * held.latency);
	ts_finding_judged(context, f, TS_FAMILY_DISK_WEIGHTED, labels,
			  "mean number of requests in flight", held.in_flight, "requests",
			  (__u64)d->requests, HELD_DEPTH);
	ts_finding_judged(context, f, TS_FAMILY_DIRTY_THROTTLE_PAUSE, labels,
			  "time writers were paused", ts_histogram_sum(pauses), "s", pauses->count,
			  least);
	f->harm = ts_histogram_sum(pauses);
	f->harm_unit = "seconds writers were paused";
	f->harm_seconds = f->harm;
	return true;
}

static bool reads_are_slow(const struct ts_rule_context *context, const struct ts_block_queue *d,
			   double base)
{
	return d->beside_samples >= context->threshold[TS_BLOCK_READ_SAMPLES] && !isnan(base) &&
	       d->beside >= context->threshold[TS_BLOCK_READ_SLOWDOWN] * base &&
	       d->beside >= context->threshold[TS_BLOCK_WAIT];
}

/*
 * Nobody waits for what is written back. Writes that programs wait for (direct, or synced) are not
 * throttled, and no scheduler makes them come last.
 */
static bool writes_back(const struct ts_rule_context *context, const struct ts_block_queue *d)
{
	const struct ts_window *w = context->window;

	return PAGE_BYTES *
		       (double)ts_window_counter(w, TS_FAMILY_VM_EVENTS, TS_LABELS("nr_written")) >=
	       WRITEBACK * (double)ts_window_counter(w, TS_FAMILY_DISK_BYTES,
						     TS_LABELS(d->name, "write"));
}

/*
 * One of the two is enough. A scheduler that is set is left in place: throttling keeps the device's
 * own queue short, which no scheduler but bfq does.
 */
static bool throttling_is_wrong(const struct ts_rule_context *context,
				const struct ts_block_queue *d)
{
	if (d->wbt > 0)
		return d->wbt >= FAR_TOO_HIGH * wanted_target(context, d);
	return d->wbt == 0 && *d->scheduler && strcmp(d->scheduler, "none") != 0;
}

bool ts_block_order_judge(struct ts_rule_context *context, const struct ts_block_queue *d)
{
	double base = undisturbed(context, d);
	const char *better = offers(d, "bfq")		? "bfq"
			     : offers(d, "mq-deadline") ? "mq-deadline"
							: "";

	if (judge_held_back(context, d))
		return true;
	if (!reads_are_slow(context, d, base) || !writes_back(context, d))
		return false;
	if (strcmp(d->scheduler, "bfq") != 0 && throttling_is_wrong(context, d)) {
		throttle_writeback(context, d, base);
		return true;
	}
	if (!strcmp(d->scheduler, "bfq") || d->wbt > 0)
		ts_rule_without_finding(context, TS_OUTCOME_ALREADY_SET,
					"reads from %s are slow beside writes (%.1f ms), but %s "
					"already holds the writes back: the device is full",
					d->name, 1e3 * d->beside,
					strcmp(d->scheduler, "bfq") ? "writeback throttling"
								    : "bfq");
	else if (!*better || !strcmp(better, d->scheduler) || !*d->scheduler)
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"reads from %s are slow beside writes (%.1f ms), but this "
					"kernel offers no scheduler that would put them first",
					d->name, 1e3 * d->beside);
	else {
		change_scheduler(context, d, better, base);
		return true;
	}
	return false;
}
