/* SPDX-License-Identifier: GPL-2.0-only */
/* Reports made by hand, for the tests of the renderers. */
#ifndef TUNESCOPE_TEST_RENDER_FIXTURE_H
#define TUNESCOPE_TEST_RENDER_FIXTURE_H

#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>
#include "../../user/core/arena.h"
#include "../../user/core/histogram.h"
#include "../../user/core/report.h"
#include "../../user/core/rule.h"
#include "../../user/core/render/render.h"

#define FIXTURE_RULES 7

/* A rule for each outcome, called after it. */
static const struct ts_rule fixture_rules[FIXTURE_RULES] = {
	{.id = "rule-quiet", .title = "Quiet rule"},
	{.id = "rule-recommend", .title = "Recommending rule"},
	{.id = "rule-problem", .title = "Problem rule"},
	{.id = "rule-set", .title = "Already set rule"},
	{.id = "rule-insufficient", .title = "Insufficient rule"},
	{.id = "rule-unavailable", .title = "Unavailable rule"},
	{.id = "rule-disabled", .title = "Disabled rule"},
};

struct fixture {
	struct ts_window window;
	struct ts_report report;
};

static inline void fixture_open(struct fixture *f)
{
	struct ts_snapshot *delta = ts_snapshot_new();

	delta->realtime_ns = 1709210096000000000ULL; /* 2024-02-29 12:34:56 UTC */
	delta->host = (struct ts_host){
		.hostname = "web1",
		.kernel = "6.1.0",
		.machine = "x86_64",
		.boot_id = "b",
		.cpus = 2,
		.memory_bytes = 4ULL << 30,
		.tool_version = "0.1.0",
	};
	f->window = (struct ts_window){.seconds = 10, .delta = delta};
	f->report = (struct ts_report){.arena = ts_arena_new(), .window = &f->window};
	f->report.rule = ts_arena_alloc(f->report.arena, FIXTURE_RULES * sizeof *f->report.rule);
}

static inline void fixture_close(struct fixture *f)
{
	ts_arena_free(f->report.arena);
	ts_snapshot_free(f->window.delta);
}

static inline void fixture_rule(struct fixture *f, size_t rule, enum ts_outcome outcome,
				const char *why)
{
	f->report.rule[f->report.rules++] =
		(struct ts_rule_result){&fixture_rules[rule], outcome, why};
}

static inline struct ts_finding *fixture_finding(struct fixture *f, enum ts_outcome outcome,
						 const char *id, const char *title)
{
	struct ts_finding *finding = ts_report_add_finding(&f->report, "rule-recommend", outcome);

	finding->id = id;
	finding->title = title;
	finding->confidence = 0.9;
	return finding;
}

static inline struct ts_evidence *fixture_evidence(struct fixture *f, struct ts_finding *finding,
						   enum ts_family_id family, const char *what,
						   double value, const char *unit)
{
	struct ts_evidence *e;

	finding->evidence =
		ts_arena_grow(f->report.arena, finding->evidence, finding->evidence_count,
			      &finding->evidence_capacity, sizeof *finding->evidence);
	e = &finding->evidence[finding->evidence_count++];
	*e = (struct ts_evidence){.family = family, .what = what, .value = value, .unit = unit};
	for (size_t i = 0; i < TS_LABELS_MAX; i++)
		e->label[i] = "";
	return e;
}

static inline void fixture_sufferer(struct fixture *f, struct ts_finding *finding,
				    enum ts_family_id family, int pid, const char *comm,
				    double value)
{
	struct ts_sufferer *s;

	finding->sufferer =
		ts_arena_grow(f->report.arena, finding->sufferer, finding->sufferer_count,
			      &finding->sufferer_capacity, sizeof *finding->sufferer);
	s = &finding->sufferer[finding->sufferer_count++];
	*s = (struct ts_sufferer){
		.family = family, .pid = pid, .comm = comm, .cgroup = "", .value = value};
	for (size_t i = 0; i < TS_LABELS_MAX; i++)
		s->label[i] = "";
}

static inline struct ts_finding *fixture_recommendation(struct fixture *f)
{
	struct ts_finding *finding =
		fixture_finding(f, TS_OUTCOME_RECOMMEND,
				"accept-queue/net.core.somaxconn/netns:4026532211/port:8080",
				"connections to port 8080 are refused: the accept queue overflows");
	struct ts_evidence *e =
		fixture_evidence(f, finding, TS_FAMILY_TCP_LISTENER_DROPS,
				 "connections refused with the queue full", 812, "connections");

	e->label[0] = "4026532211";
	e->label[1] = "8080";
	e->has_threshold = true;
	e->threshold = 0;
	e->samples = 1240;
	fixture_sufferer(f, finding, TS_FAMILY_TCP_LISTENER_DROPS, 123, "nginx", 812);
	finding->setting = "net.core.somaxconn";
	finding->scope = TS_SCOPE_NETNS;
	finding->netns = "4026532211";
	finding->port = "8080";
	finding->pid = 123;
	finding->comm = "nginx";
	finding->current = "128";
	finding->proposed = "4096";
	finding->computed = "peak demand of 1900 connections, twice as much, next power of two";
	finding->harm = 812;
	finding->harm_unit = "connections";
	finding->risk = "some kernel memory for each waiting connection";
	finding->takes_effect = "next-listen";
	finding->apply = "nsenter --net=/proc/123/ns/net sysctl -w net.core.somaxconn=4096";
	finding->undo = "nsenter --net=/proc/123/ns/net sysctl -w net.core.somaxconn=128";
	return finding;
}

static inline struct ts_finding *fixture_problem(struct fixture *f)
{
	struct ts_finding *finding = fixture_finding(
		f, TS_OUTCOME_NOT_A_SETTING,
		"accept-queue/application-backlog/netns:4026531840/port:80",
		"connections to port 80 are refused: nginx asked for a backlog of 16");

	fixture_evidence(f, finding, TS_FAMILY_TCP_LISTENER_BACKLOG, "backlog of the listener", 16,
			 "connections");
	finding->rule = "rule-problem";
	finding->scope = TS_SCOPE_PROCESS;
	finding->netns = "4026531840";
	finding->cause = "application-backlog";
	finding->acquits = "net.core.somaxconn, net.ipv4.tcp_max_syn_backlog";
	finding->remedy = "raise backlog= in the configuration of nginx";
	return finding;
}

static inline void fixture_each_outcome(struct fixture *f)
{
	fixture_rule(f, 0, TS_OUTCOME_QUIET, "no connection was refused");
	fixture_rule(f, 1, TS_OUTCOME_RECOMMEND, "812 connections refused");
	fixture_rule(f, 2, TS_OUTCOME_NOT_A_SETTING, "the application's backlog");
	fixture_rule(f, 3, TS_OUTCOME_ALREADY_SET, "it has that value");
	fixture_rule(f, 4, TS_OUTCOME_INSUFFICIENT, "20 more seconds of traffic are needed");
	fixture_rule(f, 5, TS_OUTCOME_UNAVAILABLE, "runq_latency was not measured");
	fixture_rule(f, 6, TS_OUTCOME_DISABLED, "switched off by the profile");
	fixture_recommendation(f);
	fixture_problem(f);
	fixture_finding(f, TS_OUTCOME_ALREADY_SET, "rule-set/x", "the setting has that value");
	fixture_finding(f, TS_OUTCOME_INSUFFICIENT, "rule-insufficient/x", "too short to tell")
		->remedy = "observe for 30 s";
}

/* Program costs, histograms, overflow and what is not measured. */
static inline void fixture_measurements(struct fixture *f)
{
	struct ts_snapshot *delta = f->window.delta;
	struct ts_histogram *h;
	struct ts_probe_cost attached = {.name = "on_switch",
					 .source = "sched",
					 .hook = "tp_btf/sched_switch",
					 .status = TS_STATUS_OK,
					 .why = "",
					 .run_count = 1000,
					 .run_ns = 65000};
	struct ts_probe_cost missing = {.name = "on_reset",
					.source = "tcp",
					.hook = "tp_btf/tcp_send_reset",
					.status = TS_STATUS_UNSUPPORTED,
					.why = "this kernel has no such tracepoint"};

	ts_snapshot_probe(delta, &attached);
	ts_snapshot_probe(delta, &missing);
	delta->cost.stats_enabled = true;
	delta->cost.stats_ns = 500000000;
	delta->cost.lost_events = 7;
	h = ts_snapshot_histogram(delta, TS_FAMILY_RUNQ_LATENCY, NULL, TS_HISTOGRAM_SCALE_GLOBAL);
	ts_histogram_add(h, 0, 3);
	ts_histogram_add(h, 1500, 100);
	ts_histogram_add(h, 40000, 60);
	ts_histogram_add(h, 25000000, 2);
	h = ts_snapshot_histogram(delta, TS_FAMILY_BLOCK_LATENCY, TS_LABELS("nvme0n1", "read"),
				  TS_HISTOGRAM_SCALE_KEYED);
	ts_histogram_add(h, 90000, 500);
	h = ts_snapshot_histogram(delta, TS_FAMILY_BLOCK_IO_SIZE, TS_LABELS("nvme0n1", "read"),
				  TS_HISTOGRAM_SCALE_KEYED);
	ts_histogram_add(h, 4096, 500);
	ts_snapshot_counter(delta, TS_FAMILY_CPU_TIME, TS_LABELS("0", "idle"), 2500000000ULL);
	delta->family[TS_FAMILY_BLOCK_LATENCY].overflowed = 42;
	ts_snapshot_source_status(delta, TS_SOURCE_PRESSURE, TS_STATUS_DISABLED, "psi=0 at boot");
	ts_snapshot_family_status(delta, TS_FAMILY_TCP_RESETS, TS_STATUS_UNSUPPORTED,
				  "this kernel has no such tracepoint");
}

/* What a kernel name may contain at its worst: terminal control, lines, invalid UTF-8, RTL. */
#define HOSTILE                                               \
	"\033[31mA\033]0;owned\007\nroot# rm\r\t\x7f\xc2\x9b" \
	"31m\xff\xc0\xaf\xed\xa0\x80\xe2\x80\xae"             \
	"end\""

static inline void fixture_hostile(struct fixture *f)
{
	struct ts_finding *finding = fixture_recommendation(f);
	struct ts_snapshot *delta = f->window.delta;
	struct ts_probe_cost probe = {.name = HOSTILE,
				      .source = HOSTILE,
				      .hook = HOSTILE,
				      .status = TS_STATUS_FAILED,
				      .why = HOSTILE};
	struct ts_histogram *h;

	fixture_rule(f, 1, TS_OUTCOME_RECOMMEND, HOSTILE);
	fixture_rule(f, 5, TS_OUTCOME_UNAVAILABLE, HOSTILE);
	delta->host.hostname = HOSTILE;
	delta->host.kernel = HOSTILE;
	finding->title = finding->comm = finding->device = finding->cgroup = HOSTILE;
	finding->apply = finding->undo = finding->current = HOSTILE;
	finding->port = HOSTILE;
	finding->evidence[0].label[1] = HOSTILE;
	finding->evidence[0].what = HOSTILE;
	finding->evidence[0].unit = HOSTILE;
	finding->sufferer[0].comm = finding->sufferer[0].cgroup = HOSTILE;
	ts_snapshot_probe(delta, &probe);
	ts_snapshot_family_status(delta, TS_FAMILY_TCP_RESETS, TS_STATUS_FAILED, HOSTILE);
	h = ts_snapshot_histogram(delta, TS_FAMILY_BLOCK_LATENCY, TS_LABELS(HOSTILE, "read"),
				  TS_HISTOGRAM_SCALE_KEYED);
	ts_histogram_add(h, 90000, 500);
	ts_snapshot_setting(delta, TS_SETTING_BLOCK_SCHEDULER, HOSTILE, TS_STATUS_OK, HOSTILE, "",
			    "");
	ts_snapshot_netns(delta, &(struct ts_netns){
					 .inode = "1", .name = HOSTILE, .comm = HOSTILE, .pid = 1});
}

static inline void fixture_huge(struct fixture *f)
{
	struct ts_snapshot *delta = f->window.delta;
	struct ts_finding *finding = fixture_recommendation(f);
	struct ts_histogram *h;

	finding->evidence[0].value = 1.8e19;
	finding->evidence[0].samples = UINT64_MAX;
	finding->harm = 1e300;
	fixture_evidence(f, finding, TS_FAMILY_TCP_LISTENER_DROPS, "not a number", NAN, "seconds");
	fixture_evidence(f, finding, TS_FAMILY_TCP_LISTENER_DROPS, "endless", INFINITY, "bytes");
	ts_snapshot_counter(delta, TS_FAMILY_TASK_MIGRATIONS, NULL, UINT64_MAX);
	ts_snapshot_gauge(delta, TS_FAMILY_TASKS, TS_LABELS("running"), NAN);
	ts_snapshot_gauge(delta, TS_FAMILY_TASKS, TS_LABELS("blocked"), INFINITY);
	h = ts_snapshot_histogram(delta, TS_FAMILY_RUNQ_LATENCY, NULL, TS_HISTOGRAM_SCALE_GLOBAL);
	ts_histogram_add(h, 1, 1);
	ts_histogram_add(h, UINT64_MAX / 4, 1ULL << 62);
	/* empty: every quantile is NaN */
	ts_snapshot_histogram(delta, TS_FAMILY_OFFCPU_TIME, NULL, TS_HISTOGRAM_SCALE_GLOBAL);
	delta->cost.map_bytes = UINT64_MAX;
	delta->cost.lost_events = UINT64_MAX;
}

static const struct {
	const char *name;
	void (*fill)(struct fixture *f);
} fixtures[] = {
	{"each-outcome", fixture_each_outcome},
	{"measurements", fixture_measurements},
	{"hostile", fixture_hostile},
	{"huge", fixture_huge},
};
#define FIXTURES (sizeof fixtures / sizeof fixtures[0])

static inline void assert_contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("missing: \"%s\" in:\n%s", part, text);
}

#endif
