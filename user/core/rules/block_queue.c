// SPDX-License-Identifier: GPL-2.0-only
/*
 * Block queue: nr_requests, what goes first (block_order.c), or a device that is simply full.
 */
#include "block_queue.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../arena.h"

#define REQUESTS_DEFAULT 128  /* where the driver does not say what it takes */
#define SEVERAL_QUEUES	 1.25 /* in flight over nr_requests: there must be more than one queue */
#define TOP_SAMPLES	 100
#define LOW_SAMPLES	 5
#define SLACK		 0.05 /* of a request: rounding of the kernel's clocks */
#define DEEP		 4.0  /* requests in flight, from which on a busy device is full */
/* When the depth never varied: so deep, so busy, and slower than any disk is with one request. */
#define VERY_DEEP    7.5
#define ALWAYS_BUSY  0.95
#define SLOWEST_DISK 0.015 /* seconds: a seek across the disk, a revolution and a bit */

static double number(const struct ts_rule_context *context, enum ts_setting_id id,
		     const char *device, double missing)
{
	return ts_window_setting_number(context->window, id, device, 0, missing);
}

double ts_block_class_mean(const struct ts_rule_context *context, const char *const *wanted,
			   enum ts_family_id count, enum ts_family_id seconds, double low,
			   double high, __u64 *samples)
{
	size_t class_key = ts_families[count].labels - 1;
	double sum = 0;

	*samples = 0;
	ts_for_each_series (s, context->window, count) {
		double class = strtod(s->label[class_key], NULL);

		if (!ts_series_matches(s, wanted) || class < low || class > high)
			continue;
		*samples += s->counter;
		sum += ts_window_seconds(context->window, seconds, s->label);
	}
	return *samples ? sum / (double)*samples : NAN;
}

/* Reads and writes differ in latency for other reasons: only the more frequent is compared. */
static const char *main_operation(const struct ts_rule_context *context, const char *device)
{
	__u64 reads = ts_window_counter(context->window, TS_FAMILY_BLOCK_DEPTH_REQUESTS,
					TS_LABELS(device, "read"));
	__u64 writes = ts_window_counter(context->window, TS_FAMILY_BLOCK_DEPTH_REQUESTS,
					 TS_LABELS(device, "write"));

	return reads >= writes ? "read" : "write";
}

/*
 * Requests that were in flight when tunescope started are not known to it: of those issued beside
 * them one of each depth from 1 on was counted at too low a depth.
 */
static void measure_depth(const struct ts_rule_context *context, struct ts_block_queue *d)
{
	const char *const wanted[TS_LABELS_MAX] = {d->name, main_operation(context, d->name)};
	double limit = isnan(d->nr_requests) ? d->in_flight : d->nr_requests;
	double reached = fmin(limit, fmax(d->in_flight, 1));

	d->top = ts_block_class_mean(context, wanted, TS_FAMILY_BLOCK_DEPTH_REQUESTS,
				     TS_FAMILY_BLOCK_DEPTH_SECONDS, reached / 2 + 0.5, INFINITY,
				     &d->top_samples);
	d->low = ts_block_class_mean(context, wanted, TS_FAMILY_BLOCK_DEPTH_REQUESTS,
				     TS_FAMILY_BLOCK_DEPTH_SECONDS, 0,
				     fmax(floor(reached / 4 + 0.5), 1), &d->low_samples);
	d->miscounted = reached / 4;
}

static struct ts_block_queue measure(const struct ts_rule_context *context, const char *name)
{
	const struct ts_window *window = context->window;
	const char *const labels[TS_LABELS_MAX] = {name};
	const struct ts_setting_value *scheduler =
		ts_window_setting(window, TS_SETTING_BLOCK_SCHEDULER, name);
	double busy = ts_window_seconds(window, TS_FAMILY_DISK_BUSY, labels);
	struct ts_histogram *latency = ts_window_histogram(window, TS_FAMILY_BLOCK_LATENCY, labels);
	struct ts_block_queue d = {
		.name = name,
		.busy = busy / window->seconds,
		.requests = (double)ts_window_counter(window, TS_FAMILY_DISK_REQUESTS, labels),
		.nr_requests = number(context, TS_SETTING_BLOCK_NR_REQUESTS, name, NAN),
		.tags = number(context, TS_SETTING_BLOCK_HARDWARE_TAGS, name, NAN),
		.wbt = number(context, TS_SETTING_BLOCK_WBT_LATENCY, name, NAN),
		.rotational = number(context, TS_SETTING_BLOCK_ROTATIONAL, name, 0) != 0,
		.scheduler = "",
		.choices = "",
		.latency_p95 =
			latency && latency->count ? ts_histogram_quantile(latency, 0.95) : NAN,
	};

	if (busy > 0)
		d.in_flight = ts_window_seconds(window, TS_FAMILY_DISK_WEIGHTED, labels) / busy;
	if (scheduler && scheduler->status == TS_STATUS_OK) {
		d.scheduler = scheduler->value;
		d.choices = scheduler->choices;
	}
	measure_depth(context, &d);
	d.beside = ts_block_class_mean(context, labels, TS_FAMILY_BLOCK_READ_BESIDE_WRITES,
				       TS_FAMILY_BLOCK_READ_BESIDE_SECONDS, TS_BLOCK_DEEP_WRITES,
				       INFINITY, &d.beside_samples);
	d.alone = ts_block_class_mean(context, labels, TS_FAMILY_BLOCK_READ_BESIDE_WRITES,
				      TS_FAMILY_BLOCK_READ_BESIDE_SECONDS, 0, 0, &d.alone_samples);
	return d;
}

/* ---- nr_requests */

/*
 * Mean number in flight from which on the queue is full. In a short queue the moments between a
 * completion and the next issue weigh more; but a mean above n - 1 takes moments with n in flight.
 */
static double full_queue(const struct ts_rule_context *context, const struct ts_block_queue *d)
{
	return fmin(context->threshold[TS_BLOCK_AT_LIMIT] * d->nr_requests,
		    d->nr_requests - 1 + SLACK);
}

static void depth_evidence(struct ts_rule_context *context, struct ts_finding *f,
			   const struct ts_block_queue *d)
{
	const char *const labels[TS_LABELS_MAX] = {d->name};

	ts_finding_judged(context, f, TS_FAMILY_DISK_BUSY, labels, "time the device was busy",
			  100 * d->busy, "%", 1, 100 * context->threshold[TS_BLOCK_BUSY]);
	if (isnan(d->nr_requests))
		ts_finding_evidence(context, f, TS_FAMILY_DISK_WEIGHTED, labels,
				    "mean number of requests in flight", d->in_flight, "requests",
				    (__u64)d->requests);
	else
		ts_finding_judged(context, f, TS_FAMILY_DISK_WEIGHTED, labels,
				  "mean number of requests in flight", d->in_flight, "requests",
				  (__u64)d->requests, full_queue(context, d));
	if (d->top_samples)
		ts_finding_evidence(context, f, TS_FAMILY_BLOCK_DEPTH_SECONDS, labels,
				    "mean device latency with the queue at its deepest",
				    1e3 * d->top, "ms", d->top_samples);
	if (d->low_samples)
		ts_finding_evidence(context, f, TS_FAMILY_BLOCK_DEPTH_SECONDS, labels,
				    "mean device latency with at most a quarter of that in flight",
				    1e3 * d->low, "ms", d->low_samples);
	f->harm = d->busy * context->window->seconds;
	f->harm_unit = "seconds with the queue full";
	f->harm_seconds = f->harm;
}

static struct ts_finding *device_saturated(struct ts_rule_context *context,
					   const struct ts_block_queue *d)
{
	struct ts_finding *f =
		ts_finding_device_cause(context, "device-saturated",
					ts_settings[TS_SETTING_BLOCK_NR_REQUESTS].name, d->name);

	f->title = ts_text(context, "%s serves all it can: requests wait for the device itself",
			   d->name);
	f->remedy =
		"Latency rises with the number of requests in flight: a longer queue would only "
		"make each of them wait longer. Ask the device for less, or use a faster one.";
	f->confidence = d->low_samples >= TOP_SAMPLES ? 0.9 : 0.7;
	depth_evidence(context, f, d);
	return f;
}

/* Latency that rises with depth. */
static bool is_saturated(const struct ts_rule_context *context, const struct ts_block_queue *d)
{
	return d->low_samples >= LOW_SAMPLES && d->top_samples >= TOP_SAMPLES &&
	       d->top >= context->threshold[TS_BLOCK_RISING] * d->low;
}

/* Latency that does not, shown by more samples than those that may be miscounted. */
static bool is_flat(const struct ts_rule_context *context, const struct ts_block_queue *d)
{
	return d->low_samples >= fmax(LOW_SAMPLES, 2 * d->miscounted) &&
	       d->top_samples >= TOP_SAMPLES &&
	       d->top <= context->threshold[TS_BLOCK_FLAT] * d->low;
}

/*
 * The depth never varied, so nothing shows whether latency rises with it. But the queue is deep,
 * and the latency beyond what a disk takes for one request by so much that they wait for each
 * other.
 */
static bool must_be_saturated(const struct ts_rule_context *context, const struct ts_block_queue *d)
{
	return d->in_flight >= VERY_DEEP && d->busy >= ALWAYS_BUSY &&
	       d->top_samples >= TOP_SAMPLES &&
	       d->top >= context->threshold[TS_BLOCK_RISING] * SLOWEST_DISK && !is_flat(context, d);
}

static void device_must_be_saturated(struct ts_rule_context *context,
				     const struct ts_block_queue *d)
{
	struct ts_finding *f = device_saturated(context, d);

	f->confidence = 0.6;
	f->remedy = ts_text(
		context,
		"%.0f requests in flight take %.0f ms each, and no disk takes that long for one "
		"alone (a seek and a revolution: %.0f ms): they wait for each other, and a longer "
		"queue would only make each of them wait longer. Ask the device for less, or use a "
		"faster one. (The queue was never short while this was observed; should this be "
		"storage far away over a network, look at its latency with one request at a time.)",
		d->in_flight, 1e3 * d->top, 1e3 * SLOWEST_DISK);
}

/* What the kernel itself gives this driver: its tags, or with a scheduler twice that, up to 256. */
static double default_requests(const struct ts_block_queue *d)
{
	double tags = isnan(d->tags) || d->tags < 1 ? REQUESTS_DEFAULT : d->tags;

	return strcmp(d->scheduler, "none") && *d->scheduler ? 2 * fmin(tags, 128) : tags;
}

static void raise_requests(struct ts_rule_context *context, const struct ts_block_queue *d)
{
	double wanted = default_requests(d);
	struct ts_finding *f = ts_finding_new(context, TS_OUTCOME_RECOMMEND);

	ts_finding_propose(context, f, TS_SETTING_BLOCK_NR_REQUESTS, d->name,
			   ts_text(context, "%.0f", wanted));
	ts_finding_identify(context, f, ts_settings[TS_SETTING_BLOCK_NR_REQUESTS].name, "port");
	f->title = ts_text(context,
			   "%s could serve more at once: its queue holds only %.0f requests and is "
			   "full",
			   d->name, d->nr_requests);
	f->computed = ts_text(
		context,
		"%.1f of %.0f requests in flight on average, and the device is as fast "
		"with a full queue as with a short one (%.2f ms and %.2f ms): %.0f is "
		"what the kernel gives this driver (%s) by default",
		d->in_flight, d->nr_requests, 1e3 * d->top, 1e3 * d->low, wanted,
		isnan(d->tags) ? "its tags are unknown" : ts_text(context, "%.0f tags", d->tags));
	f->expect = ts_text(context,
			    "up to %.0f times as many requests a second, as long as the device's "
			    "latency stays near %.2f ms",
			    wanted / d->nr_requests, 1e3 * d->top);
	f->confidence = d->low_samples >= TOP_SAMPLES ? 0.85 : 0.6;
	depth_evidence(context, f, d);
}

static void judge_limit(struct ts_rule_context *context, const struct ts_block_queue *d)
{
	double seconds = ceil(3 * context->window->seconds);

	if (is_saturated(context, d))
		device_saturated(context, d);
	else if (must_be_saturated(context, d))
		device_must_be_saturated(context, d);
	else if (is_flat(context, d) && default_requests(d) <= d->nr_requests)
		ts_rule_without_finding(context, TS_OUTCOME_ALREADY_SET,
					"%s: nr_requests is %.0f, all that its driver takes",
					d->name, d->nr_requests);
	else if (is_flat(context, d))
		raise_requests(context, d);
	else if (d->top_samples < TOP_SAMPLES ||
		 d->low_samples < fmax(LOW_SAMPLES, 2 * d->miscounted))
		ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"%s is busy with its %.0f requests all the time, but the depth never "
			"varied: whether its latency rises with depth cannot be told; observe for "
			"at "
			"least %.0f s, over quieter moments as well",
			d->name, d->nr_requests, seconds);
	else
		ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"%s is busy with its %.0f requests all the time; its latency rises "
			"%.2f-fold with depth, between flat (%.2f) and saturated (%.2f): observe "
			"for "
			"at least %.0f s",
			d->name, d->nr_requests, d->top / d->low, context->threshold[TS_BLOCK_FLAT],
			context->threshold[TS_BLOCK_RISING], seconds);
}

static void judge_depth(struct ts_rule_context *context, const struct ts_block_queue *d)
{
	bool at_limit = d->in_flight >= full_queue(context, d) &&
			d->in_flight <= SEVERAL_QUEUES * d->nr_requests;

	if (d->busy < context->threshold[TS_BLOCK_BUSY])
		return;
	/* One request at a time is no queue. */
	if (at_limit && d->in_flight > 1)
		judge_limit(context, d);
	/* Full below the limit: the queue is long enough; are the waits worth telling? */
	else if (d->in_flight < DEEP || !(d->latency_p95 >= context->threshold[TS_BLOCK_WAIT]))
		return;
	else if (is_saturated(context, d))
		device_saturated(context, d);
	else if (must_be_saturated(context, d))
		device_must_be_saturated(context, d);
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	double most = 0;

	ts_for_each_series (s, context->window, TS_FAMILY_DISK_BUSY) {
		struct ts_block_queue d;

		if (ts_rule_is_other(s))
			continue;
		d = measure(context, s->label[0]);
		most = fmax(most, d.busy);
		/* A full device is what makes the order matter: it is no finding of its own then.
		 */
		if (!ts_block_order_judge(context, &d))
			judge_depth(context, &d);
	}
	if (context->why)
		return context->outcome;
	return ts_rule_without_finding(
		context, TS_OUTCOME_QUIET,
		"no device is held up by its queue (the busiest one %.0f %% of the time)",
		100 * most);
}

const struct ts_rule ts_rule_block_queue = {
	.id = "block-queue",
	.title = "Block device queue",
	.needs = {TS_FAMILY_DISK_BUSY, TS_FAMILY_DISK_WEIGHTED, TS_FAMILY_BLOCK_LATENCY,
		  TS_FAMILY_BLOCK_DEPTH_REQUESTS, TS_FAMILY_BLOCK_DEPTH_SECONDS,
		  TS_FAMILY_BLOCK_READ_BESIDE_WRITES, TS_FAMILY_BLOCK_READ_BESIDE_SECONDS,
		  TS_FAMILY_COUNT},
	.settings = {TS_SETTING_BLOCK_NR_REQUESTS, TS_SETTING_BLOCK_SCHEDULER,
		     TS_SETTING_BLOCK_WBT_LATENCY, TS_SETTING_COUNT},
	.thresholds =
		{[TS_BLOCK_BUSY] = {"busy_share", 0.15, 0.01, 1, "share of the window",
				    "a device busy for less than this is left alone"},
		 [TS_BLOCK_AT_LIMIT] =
			 {"at_limit", 0.95, 0.5, 1, "share of nr_requests",
			  "mean number of requests in flight from which on the queue counts "
			  "as full"},
		 [TS_BLOCK_FLAT] =
			 {"latency_flat", 1.3, 1, 10, "times",
			  "latency with a full queue over that with a short one, up to which the "
			  "device "
			  "could serve more at once"},
		 [TS_BLOCK_RISING] = {"latency_rising", 2, 1, 100, "times",
				      "the same, from which on the device is saturated"},
		 [TS_BLOCK_WAIT] = {"latency_seconds", 0.02, 0.0001, 60, "seconds",
				    "waits shorter than this are not worth a finding"},
		 [TS_BLOCK_READ_SLOWDOWN] =
			 {"read_slowdown", 10, 2, 10000, "times",
			  "latency of reads beside a deep write queue over that of reads alone, "
			  "from which on a scheduler should put reads first"},
		 [TS_BLOCK_READ_SAMPLES] =
			 {"read_samples", 8, 1, 1e9, "reads",
			  "reads beside writes, and reads alone, needed to compare"},
		 [TS_BLOCK_PAUSE_SHARE] =
			 {"pause_share", 0.03, 0.0001, 1000, "share of the window",
			  "pauses of writers, from which on writeback throttling that reads can "
			  "never satisfy is a symptom"}},
	.judge = judge,
	.explanation =
		"A block device holds at most nr_requests requests; who wants more waits for one "
		"to end, "
		"which no latency of a request shows.\n"
		"Convicts nr_requests: the queue is full on average while the device is busy, and "
		"the "
		"device takes no longer with a full queue than with a short one.\n"
		"Acquits it: latency that rises with depth: the device is saturated, and requests "
		"would only "
		"wait elsewhere. Where the queue was never short, the same is taken from a deep "
		"queue whose requests take longer than any disk does for one.\n"
		"Convicts the scheduler: reads issued beside a deep write queue take more than ten "
		"times as long as alone, with no scheduler and no writeback throttling to put them "
		"first.\n"
		"Convicts wbt_lat_usec: the same with another scheduler than bfq and throttling "
		"off, or with a target many times what reads take alone; or, the other way round, "
		"writers are paused and few writes are in flight, because the target is below what "
		"a read takes on the idle device, so that throttling never ends, and a read takes "
		"no longer beside a write: there is room for more.\n"
		"Acquits both: reads as slow without the writes; writes that do not come out of "
		"the page cache (direct I/O: programs wait for them, they are not throttled); bfq, "
		"or a target near what reads take: the device is full, and no order makes it "
		"faster.\n"
		"The proposal for nr_requests is what the kernel gives the driver by default; more "
		"than the driver's tags it refuses. That for wbt_lat_usec is twice what reads take "
		"alone (or the time between two completions), between the defaults of the kernel; "
		"it costs throughput of the writes, a scheduler costs CPU time besides.\n"
		"Not judged: rq_affinity. Which CPU completes a request is the driver's choice, "
		"and "
		"nothing counts what one more interrupt to another CPU costs or saves; try it "
		"where "
		"a CPU that takes a device's interrupts is saturated.",
	.reference = "blk_mq_get_tag(), queue_requests_store(), blk-wbt.c; "
		     "Documentation/ABI/stable/sysfs-block, Documentation/block/bfq-iosched.rst",
};
