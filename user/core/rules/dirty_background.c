// SPDX-License-Identifier: GPL-2.0-only
/* fsync() that has to write what the device could have written before: writeback starts too late.
 */
#include "cgroup_io.h"

#include <math.h>
#include <string.h>

#include "../arena.h"
#include "../histogram.h"

enum { SHARE, CALLS, P99, IDLE_BELOW, BUSY_ABOVE, TARGET };

#define WRITTEN	    0.5	      /* of the time fsync() took, explained by what it wrote */
#define PILE_BYTES  4194304.0 /* below that there is nothing to be gained */
#define LEAST_BYTES 1048576.0
#define LONG_SHARE  0.1 /* of the window: one call is enough */
#define LOWER	    0.5 /* a proposal must be at most so much of what is in force */

struct syncing {
	const char *device;
	__u64 calls;
	double took, p99, overdue; /* seconds */
	double written;		   /* bytes, by fsync() */
	double rate;		   /* bytes/s of a busy device */
	double busy;		   /* share of the window */
	double limit;		   /* background limit in force, bytes */
};

static struct syncing measure(const struct ts_rule_context *context, const struct ts_series *s)
{
	const struct ts_window *window = context->window;
	struct syncing y = {
		.device = s->label[0],
		.calls = s->histogram->count,
		.took = ts_histogram_sum(s->histogram),
		.p99 = ts_histogram_quantile(s->histogram, 0.99),
	};
	double busy = ts_window_seconds(window, TS_FAMILY_DISK_BUSY, TS_LABELS(y.device));
	double bytes = (double)ts_window_counter(window, TS_FAMILY_DISK_BYTES,
						 TS_LABELS(y.device, "write"));

	y.overdue = ts_window_seconds(window, TS_FAMILY_FSYNC_OVERDUE, TS_LABELS(y.device));
	y.written = (double)ts_window_counter(window, TS_FAMILY_FSYNC_CLEANED, TS_LABELS(y.device));
	y.rate = busy > 0 ? bytes / busy : NAN;
	y.busy = busy / window->seconds;
	y.limit =
		ts_window_gauge(window, TS_FAMILY_MEMORY, TS_LABELS("dirty-background-limit"), NAN);
	return y;
}

static bool material(const struct ts_rule_context *context, const struct syncing *y)
{
	double least =
		y->took >= LONG_SHARE * context->window->seconds ? 1 : context->threshold[CALLS];

	return (double)y->calls >= least &&
	       y->took >= context->threshold[SHARE] * context->window->seconds &&
	       y->p99 >= context->threshold[P99];
}

/* What fsync() wrote takes the device most of the time it took, and is much. */
static bool writes_a_pile(const struct syncing *y)
{
	return !isnan(y->rate) && y->written >= PILE_BYTES * (double)y->calls &&
	       y->written >= WRITTEN * y->took * y->rate;
}

static void add_evidence(struct ts_rule_context *context, struct ts_finding *finding,
			 const struct syncing *y)
{
	const char *const labels[TS_LABELS_MAX] = {y->device};

	ts_finding_judged(context, finding, TS_FAMILY_FSYNC_LATENCY, labels, "time fsync() took",
			  y->took, "s", y->calls,
			  context->threshold[SHARE] * context->window->seconds);
	ts_finding_judged(context, finding, TS_FAMILY_FSYNC_LATENCY, labels,
			  "99th percentile of it", 1e3 * y->p99, "ms", y->calls,
			  1e3 * context->threshold[P99]);
	ts_finding_evidence(context, finding, TS_FAMILY_FSYNC_OVERDUE, labels,
			    "of that, no longer than the data had been waiting", y->overdue, "s",
			    y->calls);
	ts_finding_evidence(context, finding, TS_FAMILY_FSYNC_CLEANED, labels,
			    "written in it, each time", y->written / (double)y->calls, "bytes",
			    y->calls);
	ts_finding_judged(context, finding, TS_FAMILY_DISK_BUSY, labels, "device busy",
			  100 * y->busy, "%", 1, 100 * context->threshold[IDLE_BELOW]);
	ts_finding_evidence(context, finding, TS_FAMILY_MEMORY, TS_LABELS("dirty-background-limit"),
			    "dirty memory from which on it is written in the background", y->limit,
			    "bytes", 1);
	finding->harm = y->took;
	finding->harm_unit = "seconds fsync() took";
	finding->harm_seconds = y->took;
	finding->confidence = 0.8;
}

/* Another device that is busy all the time gets more to do at once when writeback starts early. */
static const char *busy_one(const struct ts_rule_context *context)
{
	const struct ts_window *window = context->window;

	ts_for_each_series (s, window, TS_FAMILY_DISK_BUSY)
		if ((double)s->counter / 1e9 >= context->threshold[BUSY_ABOVE] * window->seconds &&
		    ts_window_counter(window, TS_FAMILY_DISK_BYTES,
				      TS_LABELS(s->label[0], "write")))
			return s->label[0];
	return NULL;
}

static void saturated(struct ts_rule_context *context, const struct syncing *y)
{
	struct ts_finding *finding = ts_finding_device_cause(
		context, "device-saturated", "vm.dirty_background_bytes", y->device);

	finding->title =
		ts_text(context, "Syncing %s takes up to %.0f ms: the device is busy all the time",
			y->device, 1e3 * y->p99);
	finding->remedy =
		"Write less, or use a faster device. Starting to write earlier would make "
		"what is synced wait behind what is not.";
	add_evidence(context, finding, y);
}

/* What the device writes in the time that fsync() may take. */
static double propose(const struct ts_rule_context *context, const struct syncing *y)
{
	__u64 bytes = ts_round_up_power_of_two(y->rate * context->threshold[TARGET] / 2,
					       (__u64)LEAST_BYTES, 1ULL << 40);

	return (double)bytes;
}

static void recommend(struct ts_rule_context *context, const struct syncing *y, double wanted)
{
	struct ts_finding *finding = ts_finding_new(context, TS_OUTCOME_RECOMMEND);

	ts_finding_propose(context, finding, TS_SETTING_DIRTY_BACKGROUND_BYTES, "",
			   ts_text(context, "%.0f", wanted));
	ts_finding_identify(context, finding, finding->setting, "port");
	finding->title = ts_text(
		context,
		"Syncing %s takes up to %.0f ms to write what the device, idle %.0f %% of the "
		"time, could have written before",
		y->device, 1e3 * y->p99, 100 * fmax(1 - y->busy, 0));
	finding->computed = ts_text(
		context,
		"the device writes %s a second: what it takes in half of %.2f s, rounded up to a "
		"power of two; %s are allowed to pile up now",
		ts_rule_bytes_text(context, y->rate), context->threshold[TARGET],
		ts_rule_bytes_text(context, y->limit));
	finding->remedy = "vm.dirty_background_ratio reads 0 while the bytes are in force.";
	finding->expect = ts_text(context, "fsync() finds about %s to write instead of %s",
				  ts_rule_bytes_text(context, wanted),
				  ts_rule_bytes_text(context, y->written / (double)y->calls));
	add_evidence(context, finding, y);
}

static void judge_device(struct ts_rule_context *context, const struct syncing *y)
{
	double pile = y->written / (double)y->calls, wanted = propose(context, y);
	const char *other = busy_one(context);

	if (ts_cgroup_io_explains(context, y->device, "write"))
		return;
	if (y->busy >= context->threshold[BUSY_ABOVE]) {
		saturated(context, y);
	} else if (y->overdue < WRITTEN * y->took) {
		ts_rule_without_finding(context, TS_OUTCOME_QUIET,
					"syncing %s follows at once on what it has to write: no "
					"time to write it before",
					y->device);
	} else if (isnan(y->limit)) {
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"syncing %s takes %.0f ms, but the limit in force could "
					"not be read",
					y->device, 1e3 * y->p99);
	} else if (y->busy >= context->threshold[IDLE_BELOW] || other) {
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"syncing %s takes %.0f ms, but %s is busy: starting to "
					"write earlier may make it worse",
					y->device, 1e3 * y->p99, other ? other : y->device);
	} else if (pile > 2 * y->limit || wanted > LOWER * fmin(y->limit, pile)) {
		ts_rule_without_finding(context, TS_OUTCOME_QUIET,
					"syncing %s writes %s each time, with a background "
					"limit of %s: that is not what lets it pile up",
					y->device, ts_rule_bytes_text(context, pile),
					ts_rule_bytes_text(context, y->limit));
	} else {
		recommend(context, y, wanted);
	}
}

/* Writers that are paused want both limits changed: that is another rule's. */
static bool throttled(const struct ts_rule_context *context)
{
	double paused = ts_window_seconds(context->window, TS_FAMILY_DIRTY_THROTTLE_SPAN, NULL);

	return paused >= context->threshold[SHARE] * context->window->seconds;
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	const struct syncing *worst = NULL;
	const char *unknown = NULL;
	struct syncing y, kept;
	double took = 0;

	ts_for_each_series (s, context->window, TS_FAMILY_FSYNC_LATENCY) {
		y = measure(context, s);
		took += y.took;
		if (!ts_rule_is_other(s) && material(context, &y) && isnan(y.rate))
			unknown = y.device;
		if (ts_rule_is_other(s) || !material(context, &y) || !writes_a_pile(&y) ||
		    (worst && worst->took >= y.took))
			continue;
		kept = y;
		worst = &kept;
	}
	if (worst && throttled(context))
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"syncing %s takes %.0f ms, but writers are paused as "
					"well: see the rule dirty-throttle",
					worst->device, 1e3 * worst->p99);
	else if (worst)
		judge_device(context, worst);
	else if (unknown)
		ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"syncing %s takes long, but how fast it writes is not known", unknown);
	if (context->why)
		return context->outcome;
	return ts_rule_without_finding(context, TS_OUTCOME_QUIET,
				       "fsync() took %.3f s (threshold %.2f s, and %.0f "
				       "ms in the 99th percentile), or "
				       "not for want of writing before",
				       took, context->threshold[SHARE] * context->window->seconds,
				       1e3 * context->threshold[P99]);
}

const struct ts_rule ts_rule_dirty_background = {
	.id = "dirty-background",
	.title = "Written too late, and then all at once",
	.needs = {TS_FAMILY_FSYNC_LATENCY, TS_FAMILY_FSYNC_OVERDUE, TS_FAMILY_FSYNC_CLEANED,
		  TS_FAMILY_DISK_BUSY, TS_FAMILY_DISK_BYTES, TS_FAMILY_DIRTY_THROTTLE_SPAN,
		  TS_FAMILY_MEMORY, TS_FAMILY_COUNT},
	.settings = {TS_SETTING_DIRTY_BACKGROUND_BYTES, TS_SETTING_COUNT},
	.thresholds =
		{[SHARE] =
			 {"fsync_share", 0.03, 0.001, 1000, "share of the window",
			  "time fsync() takes on one device, as a share of the window, from which "
			  "on it is a symptom"},
		 [CALLS] =
			 {"calls", 2, 1, 1e9, "calls",
			  "calls of fsync() needed to judge, unless one takes a tenth of the time"},
		 [P99] = {"fsync_p99", 0.1, 0.001, 60, "seconds",
			  "calls whose 99th percentile is shorter are left alone"},
		 [IDLE_BELOW] = {"device_idle_below", 0.7, 0.05, 1, "share of the window",
				 "a device busy for less than this had time to write before"},
		 [BUSY_ABOVE] = {"device_busy_above", 0.9, 0.05, 1, "share of the window",
				 "a device busy for at least this is saturated"},
		 [TARGET] = {"fsync_target", 0.1, 0.01, 10, "seconds",
			     "so long fsync() may take for what piled up"}},
	.judge = judge,
	.explanation =
		"What programs write stays in memory until vm.dirty_background_bytes (or _ratio) "
		"of "
		"it is dirty, or 30 s old. Whoever calls fsync() then waits until all of that is "
		"written: on ext4 also for what others have written.\n"
		"Convicts the background limit: fsync() takes more than 3 % of the time and 100 ms "
		"and more at a time, for writing a pile of 4 MiB and more that had been waiting, "
		"on average, longer than the call takes, and was allowed to pile up, on a device "
		"that is idle for more than 30 % of the time. sync() and syncfs() count as well.\n"
		"Acquits it: a device busy all the time (device-saturated): writing earlier makes "
		"what is synced wait behind what is not; data written just before fsync() is "
		"called: nobody could have written it before; small writes, each synced: the "
		"device "
		"takes so long. With another device that is saturated nothing is proposed: the "
		"limit is that of all.\n"
		"On ext4 all of fsync() is measured. On other filesystems and on devices, and with "
		"sync() and syncfs(), it is what a task was seen to wait for pages being written; "
		"not seen are umount, a file opened with O_SYNC, fsync() through io_uring, and a "
		"btrfs on several disks, of which nobody knows how fast they are together. "
		"Trade-off: data that is "
		"overwritten or deleted soon is written all the same.",
	.reference = "wb_over_bg_thresh(), balance_dirty_pages(), ext4_sync_file(); "
		     "Documentation/admin-guide/sysctl/vm.rst",
};
