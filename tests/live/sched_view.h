/* SPDX-License-Identifier: GPL-2.0-only */
/* The scheduler source under a load, with what the kernel says of the same load. */
#ifndef SCHED_VIEW_H
#define SCHED_VIEW_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "../../user/core/histogram.h"
#include "../../user/core/window.h"
#include "../../user/live/collect.h"
#include "../../user/live/probe.h"
#include "../../user/live/sched.h"
#include "bpf/sched_reference.h"
#include "sched_load.h"
#include "sched_reference.skel.h"

/* ---- The source on its own, with the options of a test */

struct source {
	struct ts_live live;
	void *state;
};

static inline void source_open(struct source *source, struct ts_sched_options options)
{
	enum ts_status status = TS_STATUS_OK;
	char why[256] = "";

	ts_disabled_programs = NULL;
	source->live = (struct ts_live){.proc = "/proc", .sys = "/sys"};
	source->live.kernel_btf = btf__load_vmlinux_btf();
	assert_non_null(source->live.kernel_btf);
	if (ts_sched_open(&source->live, &options, &source->state, &status, why))
		fail_msg("the scheduler source does not open: %s", why);
	btf__free((struct btf *)source->live.kernel_btf);
	source->live.kernel_btf = NULL;
}

static inline struct ts_snapshot *source_snapshot(struct source *source)
{
	struct ts_snapshot *snapshot = ts_snapshot_new();

	ts_source_sched.snapshot(&source->live, source->state, snapshot);
	return snapshot;
}

static inline void source_close(struct source *source)
{
	ts_source_sched.close(source->state);
}

/* ---- What one load looked like, from every side */

struct view {
	struct ts_snapshot *before, *after;
	struct ts_histogram *wait, *oncpu, *offcpu;
	uint64_t voluntary, involuntary, idle, migrations, lost;
	struct host_account host;
	struct kernel_account child[LOAD_CHILDREN_MAX], children;
};

static inline struct ts_histogram *histogram_change(const struct view *view, enum ts_family_id id)
{
	const struct ts_series *before = ts_snapshot_find(view->before, id, NULL),
			       *after = ts_snapshot_find(view->after, id, NULL);

	assert_int_equal(view->after->family[id].status, TS_STATUS_OK);
	assert_non_null(before);
	assert_non_null(after);
	return ts_histogram_subtract(view->after->arena, after->histogram, before->histogram);
}

static inline uint64_t counter_change(const struct view *view, enum ts_family_id id,
				      const char *kind)
{
	const struct ts_series *before = ts_snapshot_find(view->before, id, TS_LABELS(kind)),
			       *after = ts_snapshot_find(view->after, id, TS_LABELS(kind));

	assert_non_null(before);
	assert_non_null(after);
	return after->counter - before->counter;
}

static inline void view_finish(struct view *view)
{
	view->wait = histogram_change(view, TS_FAMILY_RUNQ_LATENCY);
	view->oncpu = histogram_change(view, TS_FAMILY_ONCPU_TIME);
	view->offcpu = histogram_change(view, TS_FAMILY_OFFCPU_TIME);
	view->voluntary = counter_change(view, TS_FAMILY_CONTEXT_SWITCHES, "voluntary");
	view->involuntary = counter_change(view, TS_FAMILY_CONTEXT_SWITCHES, "involuntary");
	view->idle = counter_change(view, TS_FAMILY_CONTEXT_SWITCHES, "idle");
	view->migrations = counter_change(view, TS_FAMILY_TASK_MIGRATIONS, "");
	view->lost = view->after->cost.lost_events - view->before->cost.lost_events;
}

static inline void view_close(struct view *view)
{
	ts_snapshot_free(view->before);
	ts_snapshot_free(view->after);
}

/* Runs a started load between two snapshots, with the kernel's readings closest to it. */
static inline void view_load(struct view *view, struct source *source, struct load *load)
{
	struct kernel_account start[LOAD_CHILDREN_MAX] = {{0}}, end = {0};
	struct host_account host;

	*view = (struct view){.before = source_snapshot(source)};
	assert_true(read_host(&host));
	for (size_t i = 0; i < load->count; i++)
		assert_true(read_account(load->child[i].pid, &start[i]));
	assert_true(load_run(load));
	for (size_t i = 0; i < load->count; i++) {
		assert_true(read_account(load->child[i].pid, &end));
		view->child[i] = (struct kernel_account){
			end.ran_ns - start[i].ran_ns, end.waited_ns - start[i].waited_ns,
			end.voluntary - start[i].voluntary, end.involuntary - start[i].involuntary};
		view->children.ran_ns += view->child[i].ran_ns;
		view->children.waited_ns += view->child[i].waited_ns;
		view->children.voluntary += view->child[i].voluntary;
		view->children.involuntary += view->child[i].involuntary;
	}
	assert_true(read_host(&view->host));
	view->host.switches -= host.switches;
	view->host.in_tasks -= host.in_tasks;
	view->host.elsewhere -= host.elsewhere;
	view->after = source_snapshot(source);
	view_finish(view);
}

/* |value - expected| within a share of expected and a fixed slack for what happens at the edges */
static inline void check_near(const char *what, double value, double expected, double share,
			      double slack)
{
	print_message("    %-34s %14.6g, expected %14.6g (%+.2f %%)\n", what, value, expected,
		      expected != 0 ? (value - expected) * 100 / expected : 0.0);
	if (fabs(value - expected) > share * expected + slack)
		fail_msg("%s: %g is not near %g", what, value, expected);
}

static inline void check_at_least(const char *what, double value, double least)
{
	print_message("    %-34s %14.6g, at least  %14.6g\n", what, value, least);
	if (value < least)
		fail_msg("%s: %g is below %g", what, value, least);
}

static inline int other_cpu(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 1 : 0;
}

static inline void start_or_fail(struct load *load)
{
	if (load_start(load)) {
		load_close(load, NULL);
		fail_msg("the load cannot be started: %s", strerror(errno));
	}
}

/* Part of a task's account that no BPF program can see on this host (see the reference). */
static inline uint64_t unseen_wait(const struct sched_reference_bpf *reference, pid_t pid)
{
	struct sched_reference_task task = {0};

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(reference->maps.tasks), &pid, &task), 0);
	print_message("    %-34s %14.6g\n", "wait hidden from BPF, s",
		      (double)task.unseen_wait_ns / 1e9);
	return task.unseen_wait_ns;
}

#endif
