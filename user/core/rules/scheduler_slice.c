// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tasks wait long although there is CPU time: whoever runs is left running for longer than the
 * kernel would by itself.
 */
#include "../rule.h"

#include <math.h>
#include <string.h>

enum { WAIT_P99, WAITING, BUSY, TIMES };

#define SLICE_OF_WAIT 4.0 /* waits are about as long as a slice: at least one part in so many */
#define CPUS_COUNTED \
	8.0 /* the kernel's defaults grow with the logarithm of the CPUs, up to these */

/* What the kernel starts with on one CPU, in nanoseconds. Which of them exist tells the kernel. */
static const struct {
	enum ts_setting_id id;
	double one_cpu;
} slices[] = {
	{TS_SETTING_SCHED_BASE_SLICE, 750000},
	{TS_SETTING_SCHED_MIN_GRANULARITY, 750000},
	{TS_SETTING_SCHED_LATENCY, 6000000},
	{TS_SETTING_SCHED_WAKEUP_GRANULARITY, 1000000},
	{TS_SETTING_SCHED_DEBUG_MIN_GRANULARITY, 750000},
	{TS_SETTING_SCHED_DEBUG_LATENCY, 6000000},
	{TS_SETTING_SCHED_DEBUG_WAKEUP_GRANULARITY, 1000000},
};
#define SLICES (sizeof slices / sizeof slices[0])

struct slice {
	enum ts_setting_id id;
	double value, usual; /* nanoseconds */
};

struct waits {
	double p99, waiting; /* seconds, tasks on average */
	__u64 samples;
	double cpus, busy;
};

static struct waits measure(const struct ts_rule_context *context)
{
	const struct ts_window *w = context->window;
	struct ts_histogram *h = ts_window_histogram(w, TS_FAMILY_RUNQ_LATENCY, NULL);
	double idle = ts_window_seconds(w, TS_FAMILY_CPU_TIME, TS_LABELS(NULL, "idle")) +
		      ts_window_seconds(w, TS_FAMILY_CPU_TIME, TS_LABELS(NULL, "iowait"));
	double all = ts_window_seconds(w, TS_FAMILY_CPU_TIME, NULL);
	struct waits waits = {.cpus = fmax(w->delta->host.cpus, 1),
			      .busy = all > 0 ? 1 - idle / all : 1};

	if (!h || !h->count)
		return waits;
	waits.p99 = ts_histogram_quantile(h, 0.99);
	waits.waiting = ts_histogram_sum(h) / w->seconds;
	waits.samples = h->count;
	return waits;
}

static double usual_value(double one_cpu, double cpus)
{
	return one_cpu * (1 + floor(log2(fmin(cpus, CPUS_COUNTED))));
}

/* The one furthest from its default; its value is NAN when none can be read. */
static struct slice longest_slice(const struct ts_rule_context *context, double cpus)
{
	struct slice longest = {.id = slices[0].id, .value = NAN, .usual = 1};

	for (size_t i = 0; i < SLICES; i++) {
		struct slice s = {
			.id = slices[i].id,
			.value =
				ts_window_setting_number(context->window, slices[i].id, "", 0, NAN),
			.usual = usual_value(slices[i].one_cpu, cpus),
		};

		if (!isnan(s.value) &&
		    (isnan(longest.value) || s.value / s.usual > longest.value / longest.usual))
			longest = s;
	}
	return longest;
}

static void shorter_slice(struct ts_rule_context *context, const struct waits *w,
			  const struct slice *s)
{
	struct ts_finding *f = ts_finding_new(context, TS_OUTCOME_RECOMMEND);

	ts_finding_propose(context, f, s->id, "", ts_text(context, "%.0f", s->usual));
	ts_finding_identify(context, f, ts_settings[s->id].name, "port");
	f->title = ts_text(context,
			   "Tasks wait up to %.0f ms while CPUs are free for %.0f %% of the time: "
			   "whoever runs may run on for %.0f ms",
			   1e3 * w->p99, 100 * (1 - w->busy), s->value / 1e6);
	f->computed =
		ts_text(context,
			"what the kernel starts with on a host of %.0f CPUs, where it is %.0f "
			"times that",
			w->cpus, s->value / s->usual);
	f->expect = ts_text(context, "waits of about %.0f ms instead of %.0f ms",
			    1e3 * w->p99 * s->usual / s->value, 1e3 * w->p99);
	f->confidence = 0.75;
	ts_finding_judged(context, f, TS_FAMILY_RUNQ_LATENCY, NULL,
			  "99 % of the waits for a CPU were shorter than", 1e3 * w->p99, "ms",
			  w->samples, 1e3 * context->threshold[WAIT_P99]);
	ts_finding_judged(context, f, TS_FAMILY_RUNQ_LATENCY, NULL,
			  "tasks waiting for a CPU on average", w->waiting, "tasks", w->samples,
			  context->threshold[WAITING] * w->cpus);
	ts_finding_judged(context, f, TS_FAMILY_CPU_TIME, NULL, "all CPUs together busy",
			  100 * w->busy, "%", 1, 100 * context->threshold[BUSY]);
	f->harm = w->waiting * context->window->seconds;
	f->harm_unit = "seconds tasks waited for a CPU";
	f->harm_seconds = f->harm;
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	struct waits w = measure(context);
	struct slice s = longest_slice(context, w.cpus);
	bool symptom = w.p99 >= context->threshold[WAIT_P99] &&
		       w.waiting >= context->threshold[WAITING] * w.cpus &&
		       w.busy < context->threshold[BUSY];

	if (symptom && isnan(s.value)) {
		const struct ts_setting_value *value =
			ts_window_setting(context->window, slices[0].id, "");

		return ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"tasks waited up to %.0f ms while the CPUs were only %.0f %% busy, but how "
			"long a task may run on is not known (%s)",
			1e3 * w.p99, 100 * w.busy, value ? value->why : "it was not read");
	}
	if (symptom && s.value >= context->threshold[TIMES] * s.usual &&
	    SLICE_OF_WAIT * 1e9 * w.p99 >= s.value) {
		shorter_slice(context, &w, &s);
		return TS_OUTCOME_QUIET;
	}
	return ts_rule_without_finding(
		context, TS_OUTCOME_QUIET,
		"99 %% of the waits for a CPU were shorter than %.2f ms with the CPUs %.0f %% "
		"busy; nothing shows that tasks are left running for too long",
		1e3 * w.p99, 100 * w.busy);
}

const struct ts_rule ts_rule_scheduler_slice = {
	.id = "scheduler-slice",
	.title = "Tasks left running for too long",
	.needs = {TS_FAMILY_RUNQ_LATENCY, TS_FAMILY_CPU_TIME, TS_FAMILY_COUNT},
	.settings = {TS_SETTING_SCHED_BASE_SLICE, TS_SETTING_SCHED_MIN_GRANULARITY,
		     TS_SETTING_SCHED_LATENCY, TS_SETTING_SCHED_WAKEUP_GRANULARITY,
		     TS_SETTING_SCHED_DEBUG_MIN_GRANULARITY, TS_SETTING_SCHED_DEBUG_LATENCY,
		     TS_SETTING_SCHED_DEBUG_WAKEUP_GRANULARITY, TS_SETTING_COUNT},
	.thresholds =
		{[WAIT_P99] = {"wait_p99_seconds", 0.01, 0.00001, 60, "seconds",
			       "99th percentile of the waits for a CPU, from which on (together "
			       "with waiting_tasks) it is a symptom"},
		 [WAITING] = {"waiting_tasks", 0.05, 0.001, 10000, "tasks per CPU",
			      "mean number of tasks waiting for a CPU, for each CPU of the host"},
		 [BUSY] = {"busy_share", 0.9, 0.1, 1, "share of the time",
			   "CPUs busy for this long are the cause, and no slice is"},
		 [TIMES] = {"times_default", 4, 1.5, 1e6, "times",
			    "a slice longer than the kernel's default so many times is to blame"}},
	.judge = judge,
	.explanation =
		"A task that could run waits until one that runs has used up its slice: "
		"base_slice_ns in debugfs since 6.6; before 5.13 the settings "
		"kernel.sched_min_granularity_ns, sched_latency_ns and "
		"sched_wakeup_granularity_ns; in between min_granularity_ns, latency_ns and "
		"wakeup_granularity_ns in debugfs.\n"
		"Convicts one of them: tasks wait for about as long as it allows while CPU time is "
		"free, and it is several times what the kernel starts with on so many CPUs.\n"
		"Acquits it: the CPUs are busy (there is too much work), waits that are longer "
		"than a slice explains, or a slice as the kernel sets it: look for a quota, for "
		"tasks that are bound to one CPU, or for realtime tasks.\n"
		"Not known where debugfs is not mounted or refused (lockdown): then this rule says "
		"so. A shorter slice costs throughput of batch work: more switches, colder "
		"caches.",
	.reference = "sysctl_sched_base_slice, update_sysctl(), sched_init_debug(); "
		     "Documentation/scheduler/sched-eevdf.rst, sched-design-CFS.rst",
};
