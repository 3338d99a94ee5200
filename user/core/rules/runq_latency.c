// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runnable tasks that wait for a CPU: too much work, one CPU, a cgroup's quota, or a session
 * starved by another with many tasks.
 */
#include "../rule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../arena.h"
#include "cpu_sessions.h"

enum {
	WAIT_P99,
	WAITING,
	BUSY,
	ONE_IDLE,
	THROTTLED_PERIODS,
	THROTTLED_SHARE,
	SESSION_WAIT,
	SESSION_GAIN
};

#define CGROUP_FINDINGS 3
#define STEAL_TOLD	0.1
#define BACKGROUND_TOLD 0.1 /* tasks */
#define SESSIONS_SHOWN	4
#define REALTIME_TOLD	0.2 /* of one CPU */

struct cpu_use {
	unsigned int cpus, saturated;
	double busy;	     /* share of all CPUs, time stolen by the hypervisor included */
	double steal;	     /* share of all CPUs */
	double idlest;	     /* idle share of the idlest CPU */
	const char *fullest; /* name of the CPU with the least idle time */
};

struct waits {
	double p99, longest; /* seconds */
	/* Mean number of runnable tasks without a CPU: those of nice 10 and more apart, who asked
	 * to come last. */
	double waiting, background;
	double lengthy; /* of waiting, in waits that are long ones, at least */
	__u64 samples;
};

static double cpu_seconds(const struct ts_rule_context *context, const char *cpu, const char *mode)
{
	return ts_window_seconds(context->window, TS_FAMILY_CPU_TIME, TS_LABELS(cpu, mode));
}

/* CPUs are labelled with their number; anything else would be a sum. */
static bool is_cpu(const char *label)
{
	return *label && !label[strspn(label, "0123456789")];
}

static struct cpu_use measure_cpus(const struct ts_rule_context *context)
{
	struct cpu_use use = {.fullest = ""};
	double all = 0, idle = 0, steal = 0, least = INFINITY;

	ts_for_each_series (s, context->window, TS_FAMILY_CPU_TIME) {
		const char *cpu = s->label[0];
		double total, free;

		if (strcmp(s->label[1], "idle") || !is_cpu(cpu))
			continue;
		total = cpu_seconds(context, cpu, NULL);
		free = cpu_seconds(context, cpu, "idle") + cpu_seconds(context, cpu, "iowait");
		if (total <= 0)
			continue;
		use.cpus++;
		all += total;
		idle += free;
		steal += cpu_seconds(context, cpu, "steal");
		use.idlest = fmax(use.idlest, free / total);
		use.saturated += 1 - free / total >= context->threshold[BUSY];
		if (free / total < least) {
			least = free / total;
			use.fullest = cpu;
		}
	}
	if (all > 0) {
		use.busy = 1 - idle / all;
		use.steal = steal / all;
	}
	return use;
}

/* Time in waits of at least so long: a lower bound, by the number above each double of it. */
static double time_above(const struct ts_histogram *waits, double least)
{
	double time = least * ts_histogram_count_above(waits, least);

	for (double at = least; at < ts_histogram_max(waits); at *= 2)
		time += at * ts_histogram_count_above(waits, 2 * at);
	return time;
}

static struct waits measure_waits(const struct ts_rule_context *context,
				  const struct ts_cpu_sessions *sessions)
{
	struct ts_histogram *h = ts_window_histogram(context->window, TS_FAMILY_RUNQ_LATENCY, NULL);
	double all, background;

	if (!h || !h->count)
		return (struct waits){0};
	all = ts_histogram_sum(h) / context->window->seconds;
	background = fmin(sessions->background / context->window->seconds, all);
	return (struct waits){
		.p99 = ts_histogram_quantile(h, 0.99),
		.longest = ts_histogram_max(h),
		.waiting = all - background,
		.background = background,
		.lengthy =
			fmin(time_above(h, context->threshold[WAIT_P99]) / context->window->seconds,
			     all - background),
		.samples = h->count,
	};
}

static void wait_evidence(struct ts_rule_context *context, struct ts_finding *f,
			  const struct waits *w, const struct cpu_use *use)
{
	const struct ts_snapshot *delta = context->window->delta;

	/* First what they have in common: a few long waits need not show in the percentile. */
	ts_finding_judged(context, f, TS_FAMILY_RUNQ_LATENCY, NULL,
			  "tasks waiting for a CPU on average", w->waiting, "tasks", w->samples,
			  context->threshold[WAITING] * use->cpus);
	ts_finding_judged(context, f, TS_FAMILY_RUNQ_LATENCY, NULL,
			  "99 % of the waits for a CPU were shorter than", 1e3 * w->p99, "ms",
			  w->samples, 1e3 * context->threshold[WAIT_P99]);
	ts_finding_evidence(context, f, TS_FAMILY_RUNQ_LATENCY, NULL, "longest wait",
			    1e3 * w->longest, "ms", w->samples);
	if (w->background >= BACKGROUND_TOLD)
		ts_finding_evidence(context, f, TS_FAMILY_SESSION_WAIT,
				    TS_LABELS(NULL, NULL, "background"),
				    "besides, tasks of nice 10 and more waiting on average",
				    w->background, "tasks", w->samples);
	ts_finding_judged(context, f, TS_FAMILY_CPU_TIME, NULL, "all CPUs together busy",
			  100 * use->busy, "%", use->cpus, 100 * context->threshold[BUSY]);
	if (use->steal >= STEAL_TOLD)
		ts_finding_evidence(context, f, TS_FAMILY_CPU_TIME, TS_LABELS(NULL, "steal"),
				    "CPU time the hypervisor gave to others", 100 * use->steal, "%",
				    use->cpus);
	for (size_t i = 0; i < delta->sufferers; i++)
		if (delta->sufferer[i].family == TS_FAMILY_RUNQ_LATENCY)
			ts_finding_sufferer(context, f, &delta->sufferer[i]);
	f->harm = w->waiting * context->window->seconds;
	f->harm_unit = "seconds tasks waited for a CPU";
	f->harm_seconds = f->harm;
}

static double autogroup(const struct ts_rule_context *context)
{
	return ts_window_setting_number(context->window, TS_SETTING_SCHED_AUTOGROUP, "", 0, NAN);
}

static const char *autogroup_note(struct ts_rule_context *context,
				  const struct ts_cpu_sessions *sessions)
{
	if (autogroup(context) != 0)
		return "";
	if (sessions->measured)
		return " kernel.sched_autogroup_enabled is 0, but to blame it is not: no session "
		       "gets much less than an equal part.";
	return ts_text(context,
		       " kernel.sched_autogroup_enabled is 0: CPU time is shared by task, not by "
		       "session; whether one session with many tasks starves another was not "
		       "measured (%s).",
		       ts_window_why(context->window, TS_FAMILY_SESSION_WAIT));
}

/* They come before all others, and no setting makes others wait less for them. */
static const char *realtime_note(struct ts_rule_context *context,
				 const struct ts_cpu_sessions *sessions)
{
	double cpus = sessions->realtime / context->window->seconds;

	if (cpus < REALTIME_TOLD)
		return "";
	return ts_text(context,
		       " Realtime tasks (chrt -f, -r) took %.0f %% of a CPU, and everybody else "
		       "waits for them: let them sleep, or give them a CPU of their own. "
		       "kernel.sched_rt_runtime_us only says how little they have to leave.",
		       100 * cpus);
}

/* It could be blamed wrongly only where it is off, and is acquitted only by a measurement. */
static const char *acquitted(const struct ts_rule_context *context,
			     const struct ts_cpu_sessions *sessions)
{
	return autogroup(context) == 0 && sessions->measured
		       ? ts_settings[TS_SETTING_SCHED_AUTOGROUP].name
		       : "";
}

static void all_saturated(struct ts_rule_context *context, const struct waits *w,
			  const struct cpu_use *use, const struct ts_cpu_sessions *sessions)
{
	struct ts_finding *f =
		ts_finding_cause(context, "cpu-saturated", acquitted(context, sessions));

	ts_finding_identify(context, f, f->cause, "port");
	f->title = ts_text(context,
			   "More tasks want to run than there are CPUs: %.1f waited on average",
			   w->waiting);
	f->remedy =
		ts_text(context, "%s%s%s",
			use->steal >= STEAL_TOLD
				? "A good part of the CPU time goes to other guests of the "
				  "hypervisor: ask for "
				  "more there. No scheduler setting makes up for it."
				: "No scheduler setting makes more CPU time: run less at once, "
				  "give the most "
				  "important work a higher weight (nice, cpu.weight), or add CPUs.",
			realtime_note(context, sessions), autogroup_note(context, sessions));
	f->confidence = 0.8;
	wait_evidence(context, f, w, use);
}

static void one_saturated(struct ts_rule_context *context, const struct waits *w,
			  const struct cpu_use *use, const struct ts_cpu_sessions *sessions)
{
	struct ts_finding *f =
		ts_finding_cause(context, "single-cpu-saturated", acquitted(context, sessions));

	ts_finding_identify(context, f, f->cause, "port");
	f->title = ts_text(context, "Tasks wait for CPU %s while others idle: they are bound to it",
			   use->fullest);
	f->remedy =
		ts_text(context,
			"Tasks that may run on one CPU only (taskset, cpuset, affinity set by the "
			"program) queue up there while another is idle for %.0f %% of the time: "
			"widen their affinity.%s%s",
			100 * use->idlest, realtime_note(context, sessions),
			autogroup_note(context, sessions));
	f->confidence = 0.75;
	wait_evidence(context, f, w, use);
	ts_finding_judged(context, f, TS_FAMILY_CPU_TIME, TS_LABELS(NULL, "idle"),
			  "idle share of the idlest CPU", 100 * use->idlest, "%", use->cpus,
			  100 * context->threshold[ONE_IDLE]);
}

/* ---- A session starved by one with many tasks */

static bool is_starved(const struct ts_rule_context *context, const struct ts_cpu_session *s)
{
	return s->waited >= context->threshold[SESSION_WAIT] * context->window->seconds &&
	       s->fair >= context->threshold[SESSION_GAIN] * s->share;
}

static void session_evidence(struct ts_rule_context *context, struct ts_finding *f,
			     const struct ts_cpu_session *s)
{
	const char *who = ts_cpu_session_text(context, s);

	ts_finding_evidence(context, f, TS_FAMILY_SESSION_RUN, s->label,
			    ts_text(context, "%s: tasks that could run, on average", who), s->tasks,
			    "tasks", 0);
	if (!is_starved(context, s)) {
		ts_finding_evidence(context, f, TS_FAMILY_SESSION_RUN, s->label,
				    ts_text(context, "%s: CPU time it got", who), s->ran, "s", 0);
		return;
	}
	ts_finding_judged(context, f, TS_FAMILY_SESSION_WAIT, s->label,
			  ts_text(context, "%s: waited for a CPU", who), s->waited, "s", 0,
			  context->threshold[SESSION_WAIT] * context->window->seconds);
	ts_finding_judged(context, f, TS_FAMILY_SESSION_RUN, s->label,
			  ts_text(context, "%s: of the time it could run, it ran", who),
			  100 * s->share, "%", 0, 100 * s->fair / context->threshold[SESSION_GAIN]);
	if (s->leader)
		ts_finding_sufferer(context, f, s->leader);
}

/* What helps those that run already; the id may come from a file. */
static const char *renice(struct ts_rule_context *context, const struct ts_cpu_session *largest)
{
	if (!strcmp(largest->id, "0") || largest->id[strspn(largest->id, "0123456789")])
		return "";
	return ts_text(context,
		       " At once, and for this session alone: renice -n 10 -p $(pgrep -s %s).",
		       largest->id);
}

static void starved_finding(struct ts_rule_context *context, struct ts_finding *f,
			    const struct ts_cpu_sessions *sessions,
			    const struct ts_cpu_session *worst, size_t starved)
{
	const struct ts_cpu_session *largest = ts_cpu_sessions_largest(sessions);
	size_t shown = 0;

	f->title = ts_text(
		context, "S%s%s gets %.0f %% of the CPU time it could use: %s has %.0f tasks",
		ts_cpu_session_text(context, worst) + 1,
		starved > 1 ? ts_text(context, " (and %zu more)", starved - 1) : "",
		100 * worst->share, ts_cpu_session_text(context, largest), largest->tasks);
	f->confidence = 0.85;
	f->harm_unit = "seconds starved sessions waited for a CPU";
	for (size_t i = 0; i < sessions->count; i++) {
		const struct ts_cpu_session *s = &sessions->session[i];

		if (!is_starved(context, s))
			continue;
		f->harm += s->waited;
		f->harm_seconds += s->waited * (1 - s->share / s->fair);
		if (shown++ < SESSIONS_SHOWN)
			session_evidence(context, f, s);
	}
	session_evidence(context, f, largest);
}

static void switch_on(struct ts_rule_context *context, const struct ts_cpu_sessions *sessions,
		      const struct ts_cpu_session *worst, size_t starved)
{
	struct ts_finding *f = ts_finding_new(context, TS_OUTCOME_RECOMMEND);
	const struct ts_cpu_session *largest = ts_cpu_sessions_largest(sessions);

	ts_finding_propose(context, f, TS_SETTING_SCHED_AUTOGROUP, "", "1");
	ts_finding_identify(context, f, ts_settings[TS_SETTING_SCHED_AUTOGROUP].name, "port");
	starved_finding(context, f, sessions, worst, starved);
	f->computed = ts_text(context,
			      "1 shares CPU time out by session instead of by task: %.1f tasks of "
			      "one session stand against %.1f of the other now, %zu sessions then",
			      largest->tasks, worst->tasks, sessions->count);
	f->expect = ts_text(
		context, "%s runs for up to %.0f %% of the time it could run, instead of %.0f %%",
		ts_cpu_session_text(context, worst), 100 * worst->fair, 100 * worst->share);
	f->remedy =
		ts_text(context,
			"Processes that run already go on sharing by task until they are started "
			"anew.%s",
			renice(context, largest));
}

static void switched_on_too_late(struct ts_rule_context *context,
				 const struct ts_cpu_sessions *sessions,
				 const struct ts_cpu_session *worst, size_t starved)
{
	struct ts_finding *f = ts_finding_cause(context, "outside-autogroup",
						ts_settings[TS_SETTING_SCHED_AUTOGROUP].name);
	const struct ts_cpu_session *largest = ts_cpu_sessions_largest(sessions);

	ts_finding_identify(context, f, f->cause, "port");
	starved_finding(context, f, sessions, worst, starved);
	f->remedy =
		ts_text(context,
			"kernel.sched_autogroup_enabled is 1 already, but %s has no part in it: "
			"its processes were started before it was set, or never left the "
			"session of init. Start them anew, in a session (setsid) or cgroup of "
			"their own.%s",
			ts_cpu_session_text(context, largest), renice(context, largest));
}

/* Whether a session is starved and it was said why. */
static bool judge_sessions(struct ts_rule_context *context, const struct ts_cpu_sessions *sessions)
{
	const struct ts_cpu_session *largest = ts_cpu_sessions_largest(sessions), *worst = NULL;
	size_t starved = 0;

	/* Who waits most comes first. */
	for (size_t i = sessions->count; i--;)
		if (is_starved(context, &sessions->session[i])) {
			worst = &sessions->session[i];
			starved++;
		}
	/* Behind realtime tasks everybody waits, however time is shared out among the others. */
	if (sessions->realtime >= REALTIME_TOLD * context->window->seconds)
		return false;
	/* Tasks that are grouped already are none that could be grouped. */
	if (!worst || worst == largest || !largest->by_task)
		return false;
	if (autogroup(context) == 0)
		switch_on(context, sessions, worst, starved);
	else if (autogroup(context) > 0)
		switched_on_too_late(context, sessions, worst, starved);
	return !isnan(autogroup(context));
}

/* ---- CPU quota of a cgroup */

struct quota {
	const char *cgroup;
	double throttled;	 /* seconds */
	double elapsed, limited; /* periods */
	double cpus;
};

static struct quota measure_quota(const struct ts_rule_context *context, const struct ts_series *s)
{
	const struct ts_window *window = context->window;
	const char *cgroup = s->label[0];

	return (struct quota){
		.cgroup = cgroup,
		.throttled = ts_window_seconds(window, TS_FAMILY_CGROUP_THROTTLED, s->label),
		.elapsed = (double)ts_window_counter(window, TS_FAMILY_CGROUP_PERIODS,
						     TS_LABELS(cgroup, "elapsed")),
		.limited = (double)ts_window_counter(window, TS_FAMILY_CGROUP_PERIODS,
						     TS_LABELS(cgroup, "throttled")),
		.cpus = ts_window_gauge(window, TS_FAMILY_CGROUP_QUOTA, TS_LABELS(cgroup), NAN),
	};
}

static bool is_throttled(const struct ts_rule_context *context, const struct quota *q)
{
	return q->elapsed > 0 && q->limited >= context->threshold[THROTTLED_PERIODS] * q->elapsed &&
	       q->throttled >= context->threshold[THROTTLED_SHARE] * context->window->seconds;
}

static void quota_used_up(struct ts_rule_context *context, const struct quota *q)
{
	const char *const labels[TS_LABELS_MAX] = {q->cgroup};
	const struct ts_sufferer *worst =
		ts_window_sufferer(context->window, TS_FAMILY_CGROUP_THROTTLED, labels);
	struct ts_finding *f = ts_finding_cause(context, "cgroup-cpu-quota",
						ts_settings[TS_SETTING_SCHED_AUTOGROUP].name);

	f->scope = TS_SCOPE_CGROUP;
	f->cgroup = ts_arena_intern(context->report->arena, q->cgroup);
	ts_finding_identify(context, f, f->cause, "port");
	f->title =
		ts_text(context, "Tasks of cgroup %s are held back by its CPU quota%s", q->cgroup,
			isnan(q->cpus) ? "" : ts_text(context, " of %.2g CPUs", q->cpus));
	f->remedy =
		"Raise the quota (cpu.max, or cpu.cfs_quota_us with cgroup v1; CPUQuota= in a "
		"systemd unit, limits.cpu in Kubernetes), or run fewer threads in it. No scheduler "
		"setting helps.";
	f->confidence = 0.95;
	ts_finding_judged(context, f, TS_FAMILY_CGROUP_THROTTLED, labels,
			  "time its tasks were held back", q->throttled, "s", (__u64)q->elapsed,
			  context->threshold[THROTTLED_SHARE] * context->window->seconds);
	ts_finding_judged(context, f, TS_FAMILY_CGROUP_PERIODS, TS_LABELS(q->cgroup, "throttled"),
			  "share of the quota periods in which that happened",
			  100 * q->limited / q->elapsed, "%", (__u64)q->elapsed,
			  100 * context->threshold[THROTTLED_PERIODS]);
	if (worst) {
		ts_finding_sufferer(context, f, worst);
		f->pid = worst->pid;
		f->comm = ts_arena_intern(context->report->arena, worst->comm);
	}
	f->harm = q->throttled;
	f->harm_unit = "seconds tasks were held back";
	f->harm_seconds = q->throttled;
}

/* The worst few; a parent that throttles says it for its children. */
static size_t judge_quotas(struct ts_rule_context *context)
{
	struct quota worst[CGROUP_FINDINGS] = {{0}};
	size_t count = 0;

	ts_for_each_series (s, context->window, TS_FAMILY_CGROUP_THROTTLED) {
		struct quota q;
		size_t at;

		if (ts_rule_is_other(s))
			continue;
		q = measure_quota(context, s);
		if (!is_throttled(context, &q))
			continue;
		for (at = count; at > 0 && worst[at - 1].throttled < q.throttled; at--)
			if (at < CGROUP_FINDINGS)
				worst[at] = worst[at - 1];
		if (at < CGROUP_FINDINGS)
			worst[at] = q;
		if (count < CGROUP_FINDINGS)
			count++;
	}
	for (size_t i = 0; i < count; i++)
		quota_used_up(context, &worst[i]);
	return count;
}

static const char *background_note(struct ts_rule_context *context, const struct waits *w)
{
	if (w->background < BACKGROUND_TOLD)
		return "";
	return ts_text(
		context,
		"; %.1f more have a nice value of 10 or more: waiting is what they asked for",
		w->background);
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	struct ts_cpu_sessions sessions;
	struct cpu_use use = measure_cpus(context);
	struct waits w;
	bool long_waits, starved;
	size_t quotas = judge_quotas(context);

	ts_cpu_sessions(context, &sessions);
	w = measure_waits(context, &sessions);
	/* Many short waits of others do not hide those of a few that wait for most of the time. */
	long_waits = (w.p99 >= context->threshold[WAIT_P99] ? w.waiting : w.lengthy) >=
		     context->threshold[WAITING] * fmax(use.cpus, 1);
	starved = judge_sessions(context, &sessions);
	if (starved)
		; /* and nobody else is told that there is no more CPU time */
	else if (long_waits && use.busy >= context->threshold[BUSY])
		all_saturated(context, &w, &use, &sessions);
	else if (long_waits && use.saturated && use.idlest >= context->threshold[ONE_IDLE])
		one_saturated(context, &w, &use, &sessions);
	else if (long_waits && !quotas)
		return ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"tasks waited long for a CPU (99 %% below %.1f ms, %.1f waiting on "
			"average), "
			"but the CPUs were only %.0f %% busy: observe for at least %.0f s",
			1e3 * w.p99, w.waiting, 100 * use.busy, ceil(3 * context->window->seconds));
	return ts_rule_without_finding(
		context, TS_OUTCOME_QUIET,
		"99 %% of the waits for a CPU were shorter than %.2f ms, and %.2f tasks waited on "
		"average (thresholds %.0f ms and %.2f)%s",
		1e3 * w.p99, w.waiting, 1e3 * context->threshold[WAIT_P99],
		context->threshold[WAITING] * use.cpus, background_note(context, &w));
}

const struct ts_rule ts_rule_runq_latency = {
	.id = "runq-latency",
	.title = "Run-queue latency",
	.needs = {TS_FAMILY_RUNQ_LATENCY, TS_FAMILY_CPU_TIME, TS_FAMILY_COUNT},
	.settings = {TS_SETTING_SCHED_AUTOGROUP, TS_SETTING_COUNT},
	.thresholds =
		{[WAIT_P99] =
			 {"wait_p99_seconds", 0.01, 0.00001, 60, "seconds",
			  "99th percentile of the waits for a CPU, from which on (together with "
			  "waiting_tasks) it is a symptom"},
		 [WAITING] = {"waiting_tasks", 0.25, 0.001, 10000, "tasks per CPU",
			      "mean number of tasks waiting for a CPU, for each CPU of the host"},
		 [BUSY] = {"busy_share", 0.9, 0.1, 1, "share of the time",
			   "a CPU (or all together) busy for this long is saturated; stolen time "
			   "counts"},
		 [ONE_IDLE] = {"other_idle_share", 0.3, 0.01, 1, "share of the time",
			       "idle time of another CPU that shows that tasks are bound to the "
			       "saturated one"},
		 [THROTTLED_PERIODS] =
			 {"throttled_periods", 0.1, 0.001, 1, "share of the periods",
			  "quota periods in which a cgroup was held back, from which on the "
			  "quota is to blame"},
		 [THROTTLED_SHARE] = {"throttled_share", 0.05, 0.0001, 1000, "share of the window",
				      "time a cgroup was held back, from which on it is a symptom"},
		 [SESSION_WAIT] =
			 {"session_wait_share", 0.05, 0.001, 1000, "share of the window",
			  "a session whose tasks waited for less than this (added up) is not "
			  "starved"},
		 [SESSION_GAIN] =
			 {"session_gain", 2, 1.5, 1000, "times",
			  "a session is starved when equal parts for the sessions would let it run "
			  "so many times as much of the time it could run"}},
	.judge = judge,
	.explanation =
		"Run-queue latency is the time a task that could run waits for a CPU. It is a "
		"symptom when the 99th percentile is long, or long waits alone keep so many tasks "
		"waiting.\n"
		"Causes, in this order: the CPU quota of a cgroup (its throttled periods grow), a "
		"session starved by one with many tasks, more work than CPUs (all of them busy, or "
		"taken by the hypervisor), one CPU that tasks are bound to while others idle.\n"
		"Convicts kernel.sched_autogroup_enabled: it is 0, and a session runs for a small "
		"part of the time it could run, while an equal part of the CPU time for each "
		"session would give it more than twice as much. Counted are tasks in the root "
		"cgroup "
		"of the cpu controller only: autogroups exist nowhere else.\n"
		"Acquits it: all sessions get about equal parts (too much work), the tasks are in "
		"cgroups with CPU control, those that crowd the others have a nice value of 10 or "
		"more, realtime tasks take a good part of a CPU, or it is 1 already.\n"
		"It acts on processes started afterwards.\n"
		"Waits of tasks with a nice value of 10 or more are no symptom: they asked to come "
		"last.",
	.reference = "sched_info_arrive(), throttle_cfs_rq(), autogroup_task_group(); sched(7), "
		     "Documentation/scheduler/sched-stats.rst, sched-bwc.rst",
};
