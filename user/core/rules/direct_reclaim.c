// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tasks that free memory themselves before they get any: kswapd started too late for a burst, or
 * there is no memory to be had, or it is a memory cgroup's limit.
 */
#include "memory_wait.h"

#include <math.h>

#include "../arena.h"

enum { BURSTS = TS_WAIT_OWN, KSWAPD_BUSY, RECLAIMABLE, GAP_SHARE };

#define PAGE_BYTES	 4096.0
#define PARTS		 10000.0 /* watermark_scale_factor counts in these */
#define COME_BACK	 0.3	 /* of what was freed, read in again: it was in use */
#define THRASHING	 0.5	 /* the same, in a memory cgroup */
#define SWAPPED		 0.1	 /* of what was freed, by way of swap */
#define GROWTH		 0.5	 /* of what was freed, kept by programs that grew */
#define EASILY_FREED	 0.5	 /* pages freed of those looked at */
#define LEAK_SHARE	 0.02	 /* of memory: by so much programs grew */
#define LOWERED		 0.5	 /* of what the kernel gives vm.min_free_kbytes by itself */
#define KEPT_SHARE	 0.05	 /* of memory: no more is taken away for good */
#define FACTOR_OF_KERNEL 10

/* What the host freed in the window, in the background and by those who waited: bytes. */
struct freeing {
	double freed, looked_at, came_back, swapped, grown;
	double total, reclaimable;
	double kswapd_busy; /* share of the window, of the busiest node */
	double bursts, burst;
};

static struct freeing measure(const struct ts_rule_context *context)
{
	const struct ts_window *window = context->window;
	struct freeing f = {
		.freed = PAGE_BYTES * (ts_vm_event(context, "pgsteal_kswapd") +
				       ts_vm_event(context, "pgsteal_direct")),
		.looked_at = PAGE_BYTES * (ts_vm_event(context, "pgscan_kswapd") +
					   ts_vm_event(context, "pgscan_direct")),
		.came_back = PAGE_BYTES * (ts_vm_event(context, "workingset_refault_file") +
					   ts_vm_event(context, "workingset_refault_anon")),
		.swapped = PAGE_BYTES *
			   (ts_vm_event(context, "pswpin") + ts_vm_event(context, "pswpout")),
		.grown = fmax(ts_programs_grew(context),
			      ts_window_gauge(window, TS_FAMILY_ANONYMOUS_RISE, NULL, 0)),
		.total = ts_memory(context, "total"),
		/* At its end: what was taken by then given back is free. */
		.reclaimable = ts_memory(context, "available") - ts_memory(context, "dirty") -
			       ts_memory(context, "writeback"),
		.bursts = (double)ts_window_counter(window, TS_FAMILY_MEMORY_WAIT_BURSTS, NULL),
		.burst = ts_window_gauge(window, TS_FAMILY_MEMORY_WAIT_BURST, NULL, 0),
	};

	ts_for_each_series (s, window, TS_FAMILY_KSWAPD_CPU)
		f.kswapd_busy = fmax(f.kswapd_busy, (double)s->counter / 1e9 / window->seconds);
	return f;
}

static void add_evidence(struct ts_rule_context *context, struct ts_finding *finding,
			 const struct ts_memory_wait *wait, const struct freeing *f)
{
	ts_memory_wait_evidence(context, finding, wait);
	ts_finding_judged(context, finding, TS_FAMILY_MEMORY_WAIT_BURSTS, NULL,
			  "bursts of such waits", f->bursts, "bursts", (__u64)f->bursts,
			  context->threshold[BURSTS]);
	ts_finding_evidence(context, finding, TS_FAMILY_MEMORY_WAIT_BURST, NULL,
			    "most memory freed by tasks in one burst", f->burst, "bytes",
			    (__u64)f->bursts);
	ts_finding_judged(context, finding, TS_FAMILY_KSWAPD_CPU, NULL, "kswapd busy",
			  100 * f->kswapd_busy, "%", 1, 100 * context->threshold[KSWAPD_BUSY]);
	ts_finding_judged(context, finding, TS_FAMILY_MEMORY, TS_LABELS("available"),
			  "memory free, or free at once (clean caches)", f->reclaimable, "bytes", 1,
			  context->threshold[RECLAIMABLE] * f->total);
	ts_finding_evidence(context, finding, TS_FAMILY_VM_EVENTS, NULL,
			    "freed memory that was needed again at once (refaults)",
			    100 * f->came_back / fmax(f->freed, 1), "%", 1);
	ts_finding_evidence(context, finding, TS_FAMILY_ANONYMOUS_CHANGE, NULL,
			    "growth of the memory of programs", f->grown, "bytes", 1);
}

static void no_setting(struct ts_rule_context *context, const struct ts_memory_wait *wait,
		       const struct freeing *f, const char *cause, const char *title,
		       const char *remedy)
{
	struct ts_finding *finding = ts_finding_cause(context, cause, "vm.watermark_scale_factor");

	ts_finding_identify(context, finding, cause, "port");
	finding->title = title;
	finding->remedy = remedy;
	finding->confidence = 0.8;
	add_evidence(context, finding, wait, f);
}

/* Tells whether it is something else than the marks. */
static bool acquitted(struct ts_rule_context *context, const struct ts_memory_wait *wait,
		      const struct freeing *f)
{
	bool nothing_left = ts_vm_event(context, "oom_kill") > 0 ||
			    f->reclaimable < context->threshold[RECLAIMABLE] * f->total;

	if (nothing_left && f->grown >= LEAK_SHARE * f->total)
		no_setting(context, wait, f, "memory-leak",
			   ts_text(context,
				   "Memory runs out: programs grew by %s in the window and hardly "
				   "anything is left to be freed",
				   ts_rule_bytes_text(context, f->grown)),
			   "See who grows (the largest resident size, growing) and bound it with a "
			   "memory cgroup; no mark of free memory helps against it.");
	else if (nothing_left || f->came_back >= COME_BACK * f->freed ||
		 f->swapped >= SWAPPED * f->freed)
		no_setting(
			context, wait, f, "memory-too-small",
			"What runs on this host needs more memory than it has: what is freed is "
			"needed again, or there is nothing to free",
			"More memory, or less to run at once. Keeping more of it free would take "
			"it from those that use it.");
	else if (f->grown >= GROWTH * f->freed)
		no_setting(context, wait, f, "large-allocation",
			   ts_text(context,
				   "Programs took %s more than before, and caches had to give way",
				   ts_rule_bytes_text(context, f->grown)),
			   "This happens once, when a program gets its memory: no mark of free "
			   "memory is that large.");
	else if (f->kswapd_busy >= context->threshold[KSWAPD_BUSY])
		no_setting(
			context, wait, f, "sustained-allocation",
			ts_text(context,
				"Memory is asked for faster than kswapd, busy %.0f %% of the "
				"time, can free it",
				100 * f->kswapd_busy),
			"Starting it earlier would not make it faster: read or write large files "
			"past the page cache (O_DIRECT, POSIX_FADV_DONTNEED), or at a lower "
			"rate.");
	else
		return false;
	return true;
}

/* The distance between two marks, as the kernel computes it. */
static double gap_now(const struct ts_rule_context *context, const struct freeing *f)
{
	double factor = ts_window_setting_number(context->window, TS_SETTING_WATERMARK_SCALE_FACTOR,
						 "", 0, NAN);
	double kbytes =
		ts_window_setting_number(context->window, TS_SETTING_MIN_FREE_KBYTES, "", 0, NAN);

	return fmax(f->total * factor / PARTS, isnan(kbytes) ? 0 : 1024 * kbytes / 4);
}

/* What the kernel computes at the start; huge pages make it more. */
static double usual_kbytes(const struct freeing *f)
{
	return fmin(fmax(floor(sqrt(f->total / 1024 * 16)), 128), 262144);
}

/*
 * The distance is the larger of a quarter of vm.min_free_kbytes and what the factor makes of
 * memory. Where somebody lowered the former, and left the latter, that is put right; but no large
 * distance is made by memory that is lost to programs.
 */
static bool kept_too_little(const struct ts_rule_context *context, const struct freeing *f,
			    double wanted)
{
	const struct ts_window *window = context->window;

	return ts_window_setting_number(window, TS_SETTING_MIN_FREE_KBYTES, "", 0, NAN) <
		       LOWERED * usual_kbytes(f) &&
	       ts_window_setting_number(window, TS_SETTING_WATERMARK_SCALE_FACTOR, "", 0, NAN) <=
		       FACTOR_OF_KERNEL &&
	       4 * wanted <= KEPT_SHARE * f->total;
}

static void propose(struct ts_rule_context *context, struct ts_finding *finding,
		    const struct freeing *f, double wanted)
{
	if (kept_too_little(context, f, wanted))
		ts_finding_propose(
			context, finding, TS_SETTING_MIN_FREE_KBYTES, "",
			ts_text(context, "%.0f", fmax(4 * wanted / 1024, usual_kbytes(f))));
	else
		ts_finding_propose(context, finding, TS_SETTING_WATERMARK_SCALE_FACTOR, "",
				   ts_text(context, "%.0f",
					   fmin(10 * ceil(wanted * PARTS / f->total / 10), 1000)));
	ts_finding_identify(context, finding, finding->setting, "port");
}

static void recommend(struct ts_rule_context *context, const struct ts_memory_wait *wait,
		      const struct freeing *f, double wanted)
{
	struct ts_finding *finding = ts_finding_new(context, TS_OUTCOME_RECOMMEND);

	propose(context, finding, f, wanted);
	finding->title =
		ts_text(context,
			"Tasks waited %.2f s for memory that kswapd could have freed before: it "
			"starts too late for their bursts",
			wait->waited);
	finding->computed = ts_text(
		context,
		"the distance between the marks of free memory is %s now; four times what tasks "
		"freed themselves in the largest burst (%s) is added to it, up to %.0f %% of "
		"memory",
		ts_rule_bytes_text(context, gap_now(context, f)),
		ts_rule_bytes_text(context, f->burst), 100 * context->threshold[GAP_SHARE]);
	finding->expect = ts_text(
		context,
		"bursts find memory free: the waits, %.1f ms in the 99th percentile, go away; up "
		"to %s less for caches",
		1e3 * wait->p99, ts_rule_bytes_text(context, 2 * (wanted - gap_now(context, f))));
	finding->confidence = 0.8;
	add_evidence(context, finding, wait, f);
}

static void judge_host(struct ts_rule_context *context, const struct ts_memory_wait *wait)
{
	struct freeing f = measure(context);
	double gap = gap_now(context, &f);
	double most = context->threshold[GAP_SHARE] * f.total;
	double wanted = fmin(gap + 4 * f.burst, most);

	if (isnan(f.total) || isnan(f.reclaimable) || isnan(gap)) {
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"tasks waited %.2f s for memory, but the marks in force "
					"could not be read",
					wait->waited);
	} else if (acquitted(context, wait, &f)) {
		;
	} else if (f.bursts < context->threshold[BURSTS]) {
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"tasks waited %.2f s for memory in %.0f bursts: observe "
					"for at least %.0f s, over several",
					wait->waited, f.bursts, ceil(3 * context->window->seconds));
	} else if (f.freed < EASILY_FREED * f.looked_at) {
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"tasks waited %.2f s for memory, but only %.0f %% of what "
					"was looked at could be freed: starting earlier may not "
					"be enough",
					wait->waited, 100 * f.freed / f.looked_at);
	} else if (gap + 2 * f.burst > most) {
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"tasks waited %.2f s for memory in bursts of %s: more than "
					"%.0f %% of memory would have to be kept free for them",
					wait->waited, ts_rule_bytes_text(context, f.burst),
					100 * context->threshold[GAP_SHARE]);
	} else {
		recommend(context, wait, &f, wanted);
	}
}

static double pressure(const struct ts_rule_context *context, const char *resource)
{
	return ts_window_seconds(context->window, TS_FAMILY_PRESSURE, TS_LABELS(resource, "some"));
}

/*
 * Freeing what is clean takes no time, but reading it again does: tasks are then kept waiting for
 * the disk by the limit.
 */
static bool cgroup_thrashes(const struct ts_rule_context *context,
			    const struct ts_memory_wait *wait)
{
	struct freeing host = measure(context);
	double stalled = fmax(pressure(context, "memory"), pressure(context, "io"));

	return (double)wait->count >= context->threshold[TS_WAITS] && wait->freed > host.freed &&
	       host.came_back >= THRASHING * (wait->freed + host.freed) &&
	       stalled >= context->threshold[TS_WAIT_SHARE] * context->window->seconds;
}

static void judge_cgroup(struct ts_rule_context *context, const struct ts_memory_wait *wait)
{
	struct freeing host = measure(context);
	struct ts_finding *finding =
		ts_finding_cause(context, "memory-cgroup", "vm.watermark_scale_factor");
	const char *name = wait->worst && *wait->worst->cgroup ? wait->worst->cgroup : NULL;

	finding->scope = TS_SCOPE_CGROUP;
	if (name)
		finding->cgroup = ts_arena_intern(context->report->arena, name);
	ts_finding_identify(context, finding, finding->cause, "port");
	finding->title = ts_text(
		context,
		"Tasks%s%s freed %s at the limit of their memory cgroup, or of one above it, and "
		"%.0f %% of that was needed again",
		name ? " of cgroup " : "", name ? name : "",
		ts_rule_bytes_text(context, wait->freed),
		fmin(100 * host.came_back / fmax(wait->freed, 1), 100));
	finding->remedy =
		"Raise the cgroup's limit (memory.max, memory.high; memory.limit_in_bytes with "
		"version 1; the memory limit of the container or service), or use less in it. The "
		"host's own marks of free memory do not matter there.";
	finding->confidence = 0.9;
	ts_memory_wait_evidence(context, finding, wait);
	ts_finding_evidence(context, finding, TS_FAMILY_MEMORY_WAIT_FREED, TS_LABELS("cgroup"),
			    "memory freed in these waits", wait->freed, "bytes", wait->count);
	ts_finding_evidence(context, finding, TS_FAMILY_VM_EVENTS,
			    TS_LABELS("workingset_refault_file"),
			    "freed memory that was needed again at once (refaults)", host.came_back,
			    "bytes", 1);
	ts_finding_evidence(context, finding, TS_FAMILY_PRESSURE, TS_LABELS("io", "some"),
			    "time in which some task waited for a disk", pressure(context, "io"),
			    "s", 1);
}

/* Nobody waits long where nothing can be freed: somebody is killed. */
static void judge_killed(struct ts_rule_context *context, const struct ts_memory_wait *cgroup)
{
	double killed = ts_vm_event(context, "oom_kill");
	struct freeing host = measure(context);
	bool enough = host.reclaimable >= context->threshold[RECLAIMABLE] * host.total;
	const char *cause = enough ? "memory-cgroup" : "memory-too-small";
	struct ts_finding *finding;

	if (killed < 1 || isnan(host.total) || isnan(host.reclaimable))
		return;
	finding = ts_finding_cause(context, cause, "vm.watermark_scale_factor");
	ts_finding_identify(context, finding, cause, "port");
	finding->title = ts_text(
		context, "%.0f times a process was killed because memory ran out, with %s %s",
		killed, ts_rule_bytes_text(context, host.reclaimable),
		enough ? "to be had on the host: at the limit of a memory cgroup" : "left");
	finding->remedy =
		"See who was killed (dmesg, or memory.events of its cgroup) and whether it grows "
		"without end: then it leaks, and a larger limit only puts the end off. Else raise "
		"the limit, or use less. No setting of the host's own marks of free memory helps.";
	finding->confidence = 0.8;
	ts_finding_judged(context, finding, TS_FAMILY_VM_EVENTS, TS_LABELS("oom_kill"),
			  "processes killed for want of memory", killed, "processes", (__u64)killed,
			  1);
	ts_finding_judged(context, finding, TS_FAMILY_MEMORY, TS_LABELS("available"),
			  "memory free, or free at once (clean caches)", host.reclaimable, "bytes",
			  1, context->threshold[RECLAIMABLE] * host.total);
	if (cgroup->count)
		ts_memory_wait_evidence(context, finding, cgroup);
	finding->harm = killed;
	finding->harm_unit = "processes killed";
	finding->harm_seconds = killed;
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	size_t before = context->report->findings;
	struct ts_memory_wait host = ts_memory_wait(context, "host");
	struct ts_memory_wait cgroup = ts_memory_wait(context, "cgroup");

	if (ts_memory_wait_material(context, &host))
		judge_host(context, &host);
	if (ts_memory_wait_material(context, &cgroup) || cgroup_thrashes(context, &cgroup))
		judge_cgroup(context, &cgroup);
	if (context->report->findings == before)
		judge_killed(context, &cgroup);
	if (context->why)
		return context->outcome;
	return ts_rule_without_finding(
		context, TS_OUTCOME_QUIET,
		"tasks waited %.3f s for memory of the host and %.3f s for that of a cgroup "
		"(threshold %.2f s, and %.1f ms in the 99th percentile)",
		host.waited, cgroup.waited,
		context->threshold[TS_WAIT_SHARE] * context->window->seconds,
		1e3 * context->threshold[TS_WAIT_P99]);
}

const struct ts_rule ts_rule_direct_reclaim = {
	.id = "direct-reclaim",
	.title = "Waiting for memory to be freed",
	.needs = {TS_FAMILY_MEMORY_WAIT, TS_FAMILY_MEMORY_WAIT_BURST, TS_FAMILY_KSWAPD_CPU,
		  TS_FAMILY_MEMORY, TS_FAMILY_VM_EVENTS, TS_FAMILY_ANONYMOUS_CHANGE,
		  TS_FAMILY_COUNT},
	.settings = {TS_SETTING_WATERMARK_SCALE_FACTOR, TS_SETTING_MIN_FREE_KBYTES,
		     TS_SETTING_COUNT},
	.thresholds =
		{TS_MEMORY_WAIT_THRESHOLDS,
		 [BURSTS] = {"bursts", 3, 1, 1e6, "bursts",
			     "bursts of waits needed: a single one may be a program that starts"},
		 [KSWAPD_BUSY] = {"kswapd_busy", 0.7, 0.1, 1, "share of the window",
				  "from here on kswapd is at its limit: starting it earlier does "
				  "not make it faster"},
		 [RECLAIMABLE] = {"reclaimable", 0.1, 0.01, 0.9, "share of memory",
				  "with less free or in clean caches, memory is too small"},
		 [GAP_SHARE] = {"gap_share", 0.1, 0.001, 0.1, "share of memory",
				"no larger distance between the marks is proposed"}},
	.judge = judge,
	.explanation =
		"kswapd frees memory in the background: it starts when free memory falls below a "
		"mark (low) and stops above another (high). Below a third (min) whoever asks for "
		"memory frees some first (direct reclaim) and waits meanwhile. The distance "
		"between "
		"them is vm.watermark_scale_factor, by default a thousandth of memory.\n"
		"Convicts it: tasks wait for more than 3 % of the time, 2 ms and more at a time, "
		"in "
		"several bursts, while plenty of clean cache can be freed, hardly any of what is "
		"freed is needed again, and kswapd has time left.\n"
		"Acquits it: the limit of a memory cgroup (memory-cgroup: long waits there, a "
		"process killed while the host has memory, or files "
		"that are read again and again because they do not fit); nothing left to free "
		"and "
		"programs that grow (memory-leak) or not (memory-too-small: also when what is "
		"freed "
		"comes back, or goes to swap); one program that takes a lot (large-allocation); "
		"kswapd busy all the time (sustained-allocation). Counters alone (allocstall, "
		"pgscan_direct) convict nothing: a build or a backup makes them grow without "
		"anybody "
		"waiting for long.\n"
		"vm.min_free_kbytes moves all marks and takes memory away for good; it is named "
		"only where it was set to less than half of what the kernel computes for this "
		"memory, and the factor was not raised. Trade-off: about twice the distance is "
		"kept free.",
	.reference = "__alloc_pages_slowpath(), balance_pgdat(), __setup_per_zone_wmarks(); "
		     "Documentation/admin-guide/sysctl/vm.rst",
};
