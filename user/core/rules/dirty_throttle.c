// SPDX-License-Identifier: GPL-2.0-only
/* Writers paused by the dirty-page limit: a limit too small for bursts, or a device too slow. */
#include "block_queue.h"
#include "cgroup_io.h"

#include <math.h>
#include <string.h>

#include "../arena.h"

enum { PAUSE_SHARE, PAUSES, IDLE_BELOW, BUSY_ABOVE, MEMORY_SHARE };

#define PAGE_BYTES 4096.0
#define LONG_SPAN  0.3 /* of the window: from there on it is no single burst … */
#define LONG_TIME  2.0 /* … provided that it lasts so many seconds */

struct throttled {
	const char *device;
	double paused, longest; /* seconds */
	__u64 pauses;
	double span, busy_share; /* from the first pause to the last; device busy in it */
	double dirtied;		 /* bytes written to the page cache during the window */
};

static struct throttled measure(const struct ts_rule_context *context, const struct ts_series *s)
{
	const struct ts_window *window = context->window;
	struct throttled t = {
		.device = s->label[0],
		.paused = ts_histogram_sum(s->histogram),
		.longest = ts_histogram_max(s->histogram),
		.pauses = s->histogram->count,
	};
	double pages =
		(double)ts_window_counter(window, TS_FAMILY_VM_EVENTS, TS_LABELS("nr_dirtied"));
	double written = (double)ts_window_counter(window, TS_FAMILY_DISK_BYTES,
						   TS_LABELS(t.device, "write"));

	t.span = ts_window_seconds(window, TS_FAMILY_DIRTY_THROTTLE_SPAN, TS_LABELS(t.device));
	t.busy_share = t.span > 0 ? ts_window_seconds(window, TS_FAMILY_DIRTY_THROTTLE_BUSY,
						      TS_LABELS(t.device)) /
					    t.span
				  : NAN;
	t.dirtied = fmax(pages * PAGE_BYTES, written);
	return t;
}

static void add_evidence(struct ts_rule_context *context, struct ts_finding *finding,
			 const struct throttled *t)
{
	const char *const labels[TS_LABELS_MAX] = {t->device};
	const struct ts_sufferer *worst =
		ts_window_sufferer(context->window, TS_FAMILY_DIRTY_THROTTLE_PAUSE, labels);

	ts_finding_judged(context, finding, TS_FAMILY_DIRTY_THROTTLE_PAUSE, labels,
			  "time writers were paused", t->paused, "s", t->pauses,
			  context->threshold[PAUSE_SHARE] * context->window->seconds);
	ts_finding_evidence(context, finding, TS_FAMILY_DIRTY_THROTTLE_PAUSE, labels,
			    "longest pause", 1e3 * t->longest, "ms", t->pauses);
	ts_finding_judged(context, finding, TS_FAMILY_DIRTY_THROTTLE_BUSY, labels,
			  "device busy between the first pause and the last", 100 * t->busy_share,
			  "%", t->pauses, 100 * context->threshold[IDLE_BELOW]);
	ts_finding_evidence(context, finding, TS_FAMILY_VM_EVENTS, TS_LABELS("nr_dirtied"),
			    "bytes made dirty during the window", t->dirtied, "bytes", 1);
	if (worst) {
		ts_finding_sufferer(context, finding, worst);
		finding->pid = worst->pid;
		finding->comm = ts_arena_intern(context->report->arena, worst->comm);
	}
	finding->harm = t->paused;
	finding->harm_unit = "seconds writers were paused";
	finding->harm_seconds = t->paused;
}

static double memory(const struct ts_rule_context *context, const char *kind)
{
	return ts_window_gauge(context->window, TS_FAMILY_MEMORY, TS_LABELS(kind), NAN);
}

static double setting(const struct ts_rule_context *context, enum ts_setting_id id)
{
	return ts_window_setting_number(context->window, id, "", 0, NAN);
}

/*
 * Twice what was made dirty during the whole window fits: writers are let run freely until the mean
 * of both limits is reached, and the background limit is half of this one.
 */
struct proposal {
	enum ts_setting_id id, background;
	double current, wanted; /* in the setting's own unit */
	double bytes, available;
};

static struct proposal propose(const struct ts_rule_context *context, const struct throttled *t)
{
	struct proposal p = {.available = memory(context, "available")};
	double in_bytes = setting(context, TS_SETTING_DIRTY_BYTES);
	double most = context->threshold[MEMORY_SHARE] * p.available;

	p.bytes = (double)ts_round_up_power_of_two(2 * t->dirtied, 1 << 26, 1ULL << 50);
	if (in_bytes > 0) {
		p.id = TS_SETTING_DIRTY_BYTES;
		p.background = TS_SETTING_DIRTY_BACKGROUND_BYTES;
		p.current = in_bytes;
		/* Whole megabytes: the kernel counts pages, and people read it. */
		p.wanted = fmin(p.bytes, floor(most / 1048576) * 1048576);
	} else {
		p.id = TS_SETTING_DIRTY_RATIO;
		p.background = TS_SETTING_DIRTY_BACKGROUND_RATIO;
		p.current = setting(context, TS_SETTING_DIRTY_RATIO);
		p.wanted = fmin(ceil(100 * p.bytes / p.available),
				floor(100 * context->threshold[MEMORY_SHARE]));
	}
	return p;
}

static void limit_too_small(struct ts_rule_context *context, const struct throttled *t)
{
	struct proposal p = propose(context, t);
	bool at_most = p.wanted <= p.current;
	struct ts_finding *f;

	if (isnan(p.current) || isnan(p.available)) {
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"writers were paused, but the limits in force could not be "
					"read");
		return;
	}
	f = ts_finding_new(context, at_most ? TS_OUTCOME_ALREADY_SET : TS_OUTCOME_RECOMMEND);
	ts_finding_propose(context, f, p.id, "", ts_text(context, "%.0f", p.wanted));
	ts_finding_propose_coupled(context, f, p.background, "",
				   ts_text(context, "%.0f", fmax(floor(p.wanted / 2), 1)));
	ts_finding_identify(context, f, f->setting, "port");
	f->title =
		ts_text(context,
			"Writers to %s were paused for %.1f s although the device had time: %s is "
			"too small for their bursts",
			t->device, t->paused, f->setting);
	f->confidence = 0.85;
	add_evidence(context, f, t);
	if (at_most) {
		f->proposed = f->apply = f->undo = "";
		f->remedy = ts_text(context,
				    "The limit already allows %.0f %% of the available memory; the "
				    "bursts need a faster device or more memory.",
				    100 * context->threshold[MEMORY_SHARE]);
		return;
	}
	f->computed = ts_text(
		context,
		"%s were made dirty in this window: twice that, rounded up, at most %.0f %% of the "
		"%s "
		"available; %s is set to half of it in the same step",
		ts_rule_bytes_text(context, t->dirtied), 100 * context->threshold[MEMORY_SHARE],
		ts_rule_bytes_text(context, p.available), ts_settings[p.background].name);
	f->remedy = ts_text(context, "%s goes with it: both change in one step or not at all.",
			    ts_settings[p.background].name);
	f->expect = ts_text(context,
			    "bursts go to memory without the %.1f s of pauses; the device writes "
			    "them out in the gaps, busy for %.0f %% of the time as now",
			    t->paused, 100 * t->busy_share);
}

static void device_too_slow(struct ts_rule_context *context, const struct throttled *t)
{
	struct ts_finding *f = ts_finding_device_cause(
		context, "sustained-writes",
		setting(context, TS_SETTING_DIRTY_BYTES) > 0 ? "vm.dirty_bytes" : "vm.dirty_ratio",
		t->device);

	f->title = ts_text(context, "More is written to %s than it can take: writers wait for it",
			   t->device);
	f->remedy =
		"The device was busy all the time: a larger limit would only move the wait into "
		"fsync(), sync and umount. Write less, or use a faster device.";
	f->confidence = 0.85;
	add_evidence(context, f, t);
}

/* The global limit cannot have been reached when so little was dirty: it is a cgroup's share. */
static bool below_the_limit(const struct ts_rule_context *context, const struct throttled *t)
{
	double limit = memory(context, "dirty-limit");
	double dirty = memory(context, "dirty") + memory(context, "writeback");

	return limit > 0 && t->dirtied + fmax(dirty, 0) < limit / 4;
}

static void cgroup_limit(struct ts_rule_context *context, const struct throttled *t)
{
	struct ts_finding *f =
		ts_finding_device_cause(context, "memory-cgroup", "vm.dirty_bytes", t->device);

	f->title = ts_text(context,
			   "Writers to %s are paused far below the host's dirty limit: by their "
			   "memory cgroup's share of it",
			   t->device);
	f->remedy = "The limit of dirty pages inside a memory cgroup follows from its memory limit "
		    "(memory.max, memory.high): raise that, or write less at once.";
	f->confidence = 0.6;
	add_evidence(context, f, t);
}

static bool material(const struct ts_rule_context *context, const struct throttled *t)
{
	return t->paused >= context->threshold[PAUSE_SHARE] * context->window->seconds &&
	       (double)t->pauses >= context->threshold[PAUSES];
}

/* A span of several bursts, or one long enough to be no burst. */
static bool is_long(const struct ts_rule_context *context, const struct throttled *t)
{
	return t->span >= fmax(LONG_SPAN * context->window->seconds, LONG_TIME);
}

static bool is_too_slow(const struct ts_rule_context *context, const struct throttled *t)
{
	return material(context, t) && !below_the_limit(context, t) && is_long(context, t) &&
	       t->busy_share >= context->threshold[BUSY_ABOVE];
}

/* A device that cannot take what is written to it, other than this one: it fills any limit. */
static const char *slow_one_beside(const struct ts_rule_context *context, const struct throttled *t)
{
	ts_for_each_series (s, context->window, TS_FAMILY_DIRTY_THROTTLE_PAUSE) {
		struct throttled other = measure(context, s);

		if (!ts_rule_is_other(s) && strcmp(other.device, t->device) &&
		    is_too_slow(context, &other))
			return other.device;
	}
	return NULL;
}

static void judge_device(struct ts_rule_context *context, const struct throttled *t)
{
	bool long_enough = is_long(context, t);
	const char *slow = slow_one_beside(context, t);
	struct ts_block_held_back held;

	if (ts_block_held_back(context, t->device, &held)) {
		ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"writers to %s were paused for %.1f s, but how much it can take is not "
			"known: its writeback throttling (wbt_lat_usec) wants reads within %.2f "
			"ms, which take %.2f ms on the idle device, and holds all writes back",
			t->device, t->paused, 1e3 * held.target, 1e3 * held.latency);
		return;
	}
	if (ts_cgroup_io_explains(context, t->device, "write"))
		return;
	if (below_the_limit(context, t)) {
		cgroup_limit(context, t);
	} else if (long_enough && slow && t->busy_share < context->threshold[IDLE_BELOW]) {
		ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"writers to %s were paused for %.1f s although it had time, but %s cannot "
			"take what is written to it and fills any limit of the host",
			t->device, t->paused, slow);
	} else if (long_enough && t->busy_share < context->threshold[IDLE_BELOW]) {
		limit_too_small(context, t);
	} else if (long_enough && t->busy_share >= context->threshold[BUSY_ABOVE]) {
		device_too_slow(context, t);
	} else if (!long_enough) {
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"writers to %s were paused for %.1f s, in one burst of "
					"%.1f s only: observe "
					"for at least %.0f s, over several bursts",
					t->device, t->paused, t->span,
					ceil(3 * context->window->seconds));
	} else {
		ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"writers to %s were paused for %.1f s while the device was busy %.0f %% of "
			"the time: below %.0f %% the limit is to blame, from %.0f %% on the "
			"device; "
			"observe for at least %.0f s",
			t->device, t->paused, 100 * t->busy_share,
			100 * context->threshold[IDLE_BELOW], 100 * context->threshold[BUSY_ABOVE],
			ceil(3 * context->window->seconds));
	}
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	double paused = 0;

	ts_for_each_series (s, context->window, TS_FAMILY_DIRTY_THROTTLE_PAUSE) {
		struct throttled t = measure(context, s);

		if (material(context, &t) && !ts_rule_is_other(s))
			judge_device(context, &t);
		else
			paused += t.paused;
	}
	if (context->why)
		return context->outcome;
	return ts_rule_without_finding(context, TS_OUTCOME_QUIET,
				       "writers were paused for %.3f s (threshold %.2f s)", paused,
				       context->threshold[PAUSE_SHARE] * context->window->seconds);
}

const struct ts_rule ts_rule_dirty_throttle = {
	.id = "dirty-throttle",
	.title = "Dirty-page throttling",
	.needs = {TS_FAMILY_DIRTY_THROTTLE_PAUSE, TS_FAMILY_DIRTY_THROTTLE_SPAN,
		  TS_FAMILY_DIRTY_THROTTLE_BUSY, TS_FAMILY_MEMORY, TS_FAMILY_VM_EVENTS,
		  TS_FAMILY_COUNT},
	.settings = {TS_SETTING_DIRTY_BYTES, TS_SETTING_DIRTY_RATIO,
		     TS_SETTING_DIRTY_BACKGROUND_BYTES, TS_SETTING_DIRTY_BACKGROUND_RATIO,
		     TS_SETTING_COUNT},
	.thresholds =
		{[PAUSE_SHARE] = {"pause_share", 0.03, 0.0001, 1000, "share of the window",
				  "pauses of all writers to one device together, as a share of the "
				  "window, from which on it is a symptom"},
		 [PAUSES] = {"pauses", 5, 1, 1e9, "pauses", "pauses needed to judge"},
		 [IDLE_BELOW] =
			 {"device_idle_below", 0.7, 0.05, 1, "share of the time",
			  "a device busy for less than this from the first pause to the last "
			  "keeps up on average: the limit is too small for the bursts"},
		 [BUSY_ABOVE] = {"device_busy_above", 0.9, 0.05, 1, "share of the time",
				 "a device busy for at least this cannot take what is written"},
		 [MEMORY_SHARE] = {"memory_share", 0.2, 0.01, 0.6, "share of available memory",
				   "no more than this is proposed for dirty pages"}},
	.judge = judge,
	.explanation =
		"When the dirty pages of the host exceed a limit (vm.dirty_bytes or "
		"vm.dirty_ratio), the "
		"kernel pauses whoever writes, in balance_dirty_pages().\n"
		"Convicts the limit: pauses in several bursts while the device, from the first "
		"pause to the "
		"last, is idle for more than 30 % of the time: it keeps up on average, and memory "
		"is free.\n"
		"Acquits it: a device busy all the time (sustained-writes): a larger limit shrinks "
		"the pauses "
		"and moves the wait into fsync(); pauses far below the limit (memory-cgroup); "
		"another device that "
		"cannot take what is written to it: it fills the limit of all.\n"
		"The background limit changes in the same step. A value of dirty_bytes = 0 cannot "
		"be written: "
		"undo writes dirty_ratio instead. More dirty data is lost in a power failure.",
	.reference = "balance_dirty_pages(), domain_dirty_limits(); "
		     "Documentation/admin-guide/sysctl/vm.rst",
};
