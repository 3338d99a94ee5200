/* SPDX-License-Identifier: GPL-2.0-only */
/* Recordings made by hand, for the tests of the timeline and of the HTML report. */
#ifndef TUNESCOPE_TEST_HTML_SAMPLE_H
#define TUNESCOPE_TEST_HTML_SAMPLE_H

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
#include "../../user/core/profile.h"
#include "../../user/core/rule.h"
#include "../../user/core/timeline.h"

#define SAMPLE_START 1774267200000000000ULL /* 2026-03-23 12:00:00 UTC */
#define SAMPLE_BOOT  4000000000000ULL
#define SAMPLE_NETNS "4026531840"
#define SECOND	     1000000000ULL

/* What a kernel name may contain at its worst for a page. */
#define HOSTILE_HTML                                                                     \
	"</script><img src=x onerror=alert(1)>\"' onload='alert(2)&lt;<!--]]>\n\033[31m" \
	"\xe2\x80\xae"                                                                   \
	"desrever\xff\xef\xbf\xbe\\"

struct sample {
	struct ts_timeline_builder *builder;
	struct ts_profile profile;
	double interval;
	__u32 sequence, context;
	__u64 session, clock_step_ns;
	__u64 random;
	const char *boot_id, *hostname;
	const char *somaxconn, *comm, *why;
	const char *netns_name;
	const char *device; /* NULL: no block device */
	bool block_failed;
	size_t extra_series;
};

static inline double sample_random(struct sample *s)
{
	s->random = s->random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (double)(s->random >> 11) / 9007199254740992.0;
}

/* Log-normal, roughly. */
static inline double sample_spread(struct sample *s, double median, double sigma)
{
	double sum = 0;

	for (int i = 0; i < 6; i++)
		sum += sample_random(s);
	return median * exp((sum - 3) * sigma * 1.41);
}

static inline void sample_open(struct sample *s, double interval, double seconds)
{
	memset(s, 0, sizeof *s);
	ts_profile_defaults(&s->profile);
	s->interval = interval;
	s->session = 1;
	s->random = 42;
	s->boot_id = "boot";
	s->hostname = "web1";
	s->somaxconn = "128";
	s->comm = "nginx";
	s->netns_name = ""; /* the initial one */
	s->why = "the tracepoint block_rq_issue could not be attached";
	s->device = "nvme0n1";
	s->builder =
		ts_timeline_start(SAMPLE_START, SAMPLE_START + (__u64)(seconds * 1e9), &s->profile);
}

static inline void sample_latency(struct sample *s, struct ts_snapshot *delta, enum ts_family_id id,
				  const char *const *labels, double median, double sigma,
				  unsigned int count)
{
	unsigned int scale =
		ts_families[id].labels ? TS_HISTOGRAM_SCALE_KEYED : TS_HISTOGRAM_SCALE_GLOBAL;
	struct ts_histogram *h = ts_snapshot_histogram(delta, id, labels, scale);

	for (unsigned int i = 0; i < 60 && count; i++)
		ts_histogram_add(h, (__u64)(sample_spread(s, median, sigma) * 1e9), 1 + count / 60);
}

static inline void sample_cpu(struct sample *s, struct ts_snapshot *delta, double load)
{
	static const struct {
		const char *mode;
		double share;
	} modes[] = {{"user", 0.62}, {"system", 0.22}, {"softirq", 0.09}, {"iowait", 0.07}};

	for (int cpu = 0; cpu < 4; cpu++) {
		char name[4];
		double busy = fmin(load * (0.9 + 0.2 * sample_random(s)), 1), rest = 1;

		snprintf(name, sizeof name, "%d", cpu);
		for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
			double share = busy * modes[i].share;

			rest -= share;
			ts_snapshot_counter(delta, TS_FAMILY_CPU_TIME,
					    TS_LABELS(name, modes[i].mode),
					    (__u64)(share * s->interval * 1e9));
		}
		ts_snapshot_counter(delta, TS_FAMILY_CPU_TIME, TS_LABELS(name, "idle"),
				    (__u64)(fmax(rest, 0) * s->interval * 1e9));
	}
	ts_snapshot_counter(delta, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("voluntary"),
			    (__u64)(30000 * load * s->interval));
	ts_snapshot_counter(delta, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("involuntary"),
			    (__u64)(9000 * load * load * s->interval));
	ts_snapshot_counter(delta, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("idle"),
			    (__u64)(20000 * (1.2 - load) * s->interval));
	ts_snapshot_counter(delta, TS_FAMILY_PRESSURE, TS_LABELS("cpu", "some"),
			    (__u64)(load * load * 0.5 * s->interval * 1e9));
	ts_snapshot_counter(delta, TS_FAMILY_PRESSURE, TS_LABELS("io", "some"),
			    (__u64)(load * 0.1 * s->interval * 1e9));
	ts_snapshot_counter(delta, TS_FAMILY_PRESSURE, TS_LABELS("memory", "some"), 0);
	ts_snapshot_gauge(delta, TS_FAMILY_TASKS, TS_LABELS("running"), 1 + floor(6 * load));
	ts_snapshot_gauge(delta, TS_FAMILY_TASKS, TS_LABELS("blocked"), 0);
	sample_latency(s, delta, TS_FAMILY_RUNQ_LATENCY, NULL, 8e-6 * exp(3.2 * load * load),
		       0.9 + load, (unsigned int)(30000 * load * s->interval));
	sample_latency(s, delta, TS_FAMILY_ONCPU_TIME, NULL, 2e-4, 1.4, 20000);
}

static inline void sample_memory(struct ts_snapshot *delta, double load)
{
	static const struct {
		const char *kind;
		double gib, with_load;
	} kinds[] = {{"total", 16, 0},	      {"free", 2, -1},
		     {"available", 9, -3},    {"cached", 6, -1},
		     {"dirty", 0.05, 0.3},    {"writeback", 0, 0.02},
		     {"dirty-limit", 1.8, 0}, {"dirty-background-limit", 0.9, 0}};

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		ts_snapshot_gauge(delta, TS_FAMILY_MEMORY, TS_LABELS(kinds[i].kind),
				  (kinds[i].gib + kinds[i].with_load * load) * 0x1p30);
}

static inline void sample_block(struct sample *s, struct ts_snapshot *delta, double load)
{
	static const char *const ops[] = {"read", "write"};

	if (s->block_failed) {
		ts_snapshot_source_status(delta, TS_SOURCE_BLOCK, TS_STATUS_FAILED, s->why);
		return;
	}
	if (!s->device)
		return;
	for (size_t i = 0; i < 2; i++) {
		unsigned int count = (unsigned int)((i ? 400 : 900) * load * s->interval);

		sample_latency(s, delta, TS_FAMILY_BLOCK_LATENCY, TS_LABELS(s->device, ops[i]),
			       i ? 2e-4 : 8e-5, 0.8 + load, count);
		/* Some requests have to wait for the others: a second mode. */
		sample_latency(s, delta, TS_FAMILY_BLOCK_DEVICE_LATENCY,
			       TS_LABELS(s->device, ops[i]), i ? 6e-5 : 7e-5, 0.4, count);
		sample_latency(s, delta, TS_FAMILY_BLOCK_QUEUE_LATENCY,
			       TS_LABELS(s->device, ops[i]), 2e-6, 0.5, count);
		ts_snapshot_counter(delta, TS_FAMILY_DISK_REQUESTS, TS_LABELS(s->device, ops[i]),
				    count);
		ts_snapshot_counter(delta, TS_FAMILY_DISK_BYTES, TS_LABELS(s->device, ops[i]),
				    count * 16384ULL);
	}
	ts_snapshot_counter(delta, TS_FAMILY_DISK_BUSY, TS_LABELS(s->device),
			    (__u64)(0.4 * load * s->interval * 1e9));
}

static inline void sample_listener(struct sample *s, struct ts_snapshot *delta, double drops)
{
	ts_snapshot_netns(
		delta, &(struct ts_netns){SAMPLE_NETNS, s->netns_name, 1, "init", !*s->netns_name});
	ts_snapshot_gauge(delta, TS_FAMILY_TCP_LISTENER_BACKLOG, TS_LABELS(SAMPLE_NETNS, "8080"),
			  atof(s->somaxconn));
	ts_snapshot_gauge(delta, TS_FAMILY_TCP_ACCEPT_QUEUE_PEAK, TS_LABELS(SAMPLE_NETNS, "8080"),
			  drops > 0 ? 129 : 3);
	ts_snapshot_gauge(delta, TS_FAMILY_TCP_LISTENER_BURST, TS_LABELS(SAMPLE_NETNS, "8080"),
			  drops / 4);
	ts_snapshot_gauge(delta, TS_FAMILY_TCP_ACCEPT_QUEUE_FULL, TS_LABELS(SAMPLE_NETNS, "8080"),
			  drops > 0 ? 0.2 : 0);
	ts_snapshot_counter(delta, TS_FAMILY_TCP_LISTENER_DROPS, TS_LABELS(SAMPLE_NETNS, "8080"),
			    (__u64)drops);
	ts_snapshot_counter(delta, TS_FAMILY_TCP_ACCEPT_QUEUE_SAMPLES,
			    TS_LABELS(SAMPLE_NETNS, "8080", "empty"), drops > 0 ? 78 : 100);
	ts_snapshot_counter(delta, TS_FAMILY_TCP_ACCEPT_QUEUE_SAMPLES,
			    TS_LABELS(SAMPLE_NETNS, "8080", "full"), drops > 0 ? 18 : 0);
	ts_snapshot_counter(delta, TS_FAMILY_NETWORK_COUNTERS,
			    TS_LABELS(SAMPLE_NETNS, "ListenOverflows"), (__u64)drops);
	ts_snapshot_counter(delta, TS_FAMILY_NETWORK_COUNTERS,
			    TS_LABELS(SAMPLE_NETNS, "ListenDrops"), (__u64)drops);
	ts_snapshot_counter(delta, TS_FAMILY_TCP_CONNECTIONS,
			    TS_LABELS(SAMPLE_NETNS, "service", "8080"), (__u64)(160 * s->interval));
	ts_snapshot_counter(delta, TS_FAMILY_TCP_RETRANSMITS,
			    TS_LABELS(SAMPLE_NETNS, "service", "8080", "timeout"),
			    (__u64)(sample_random(s) * 5));
	ts_snapshot_counter(delta, TS_FAMILY_TCP_RETRANSMITS,
			    TS_LABELS(SAMPLE_NETNS, "service", "8080", "fast"),
			    (__u64)(sample_random(s) * 20));
	if (drops > 0)
		ts_snapshot_sufferer(delta, &(struct ts_sufferer){TS_FAMILY_TCP_LISTENER_DROPS,
								  {SAMPLE_NETNS, "8080", "", ""},
								  777,
								  s->comm,
								  "/system.slice/nginx.service",
								  drops});
	sample_latency(s, delta, TS_FAMILY_TCP_CONNECT_LATENCY, TS_LABELS(SAMPLE_NETNS, "5432"),
		       4e-4, 0.6, (unsigned int)(20 * s->interval));
	sample_latency(s, delta, TS_FAMILY_TCP_CONNECT_LATENCY, TS_LABELS(SAMPLE_NETNS, "443"),
		       2.2e-2, 0.5, (unsigned int)(3 * s->interval));
}

static inline void sample_cost(struct sample *s, struct ts_snapshot *delta)
{
	struct ts_probe_cost probe = {.name = "on_switch",
				      .source = "sched",
				      .hook = "tp_btf/sched_switch",
				      .status = TS_STATUS_OK,
				      .why = "",
				      .run_count = 1000,
				      .run_ns = (__u64)(60000 + 20000 * sample_random(s)),
				      .instructions = 640};

	ts_snapshot_probe(delta, &probe);
	delta->cost.user_cpu_ns = (__u64)(0.002 * s->interval * 1e9 * (1 + sample_random(s)));
	delta->cost.rss_bytes = 11 << 20;
	delta->cost.map_bytes = 5 << 20;
	delta->cost.stats_enabled = true;
}

static inline void sample_settings(const struct sample *s, struct ts_snapshot *delta)
{
	ts_snapshot_setting(delta, TS_SETTING_SOMAXCONN, SAMPLE_NETNS, TS_STATUS_OK, s->somaxconn,
			    "", "");
	ts_snapshot_setting(delta, TS_SETTING_DIRTY_RATIO, "", TS_STATUS_OK, "20", "", "");
	ts_snapshot_setting(delta, TS_SETTING_TCP_RMEM, SAMPLE_NETNS, TS_STATUS_OK,
			    "4096 131072 6291456", "", "");
	if (s->device)
		ts_snapshot_setting(delta, TS_SETTING_BLOCK_SCHEDULER, s->device, TS_STATUS_OK,
				    "none", "none mq-deadline", "");
	ts_snapshot_setting(delta, TS_SETTING_SCHED_AUTOGROUP, "", TS_STATUS_UNSUPPORTED, "", "",
			    "this kernel has no such file");
}

static inline void sample_extra(struct sample *s, struct ts_snapshot *delta)
{
	for (size_t i = 0; i < s->extra_series; i++) {
		char port[16];

		snprintf(port, sizeof port, "%zu", 10000 + i);
		ts_snapshot_counter(delta, TS_FAMILY_TCP_CONNECTIONS,
				    TS_LABELS(SAMPLE_NETNS, "outbound", port), i);
	}
}

/* A window that begins at so many seconds of the recording and lasts for the interval. */
static inline void sample_window(struct sample *s, double at, double load, double drops)
{
	struct ts_snapshot *delta = ts_snapshot_new();
	struct ts_window window = {.seconds = s->interval, .delta = delta};
	struct ts_frame_place place = {
		.start_ns = SAMPLE_START + (__u64)llround(at * 1e9),
		.end_ns = SAMPLE_START + (__u64)llround((at + s->interval) * 1e9),
	};

	for (int source = 0; source < TS_SOURCE_COUNT; source++)
		ts_snapshot_source_status(delta, source, TS_STATUS_OK, "");
	ts_snapshot_source_status(delta, TS_SOURCE_PRESSURE, TS_STATUS_OK, "");
	delta->host = (struct ts_host){.hostname = s->hostname,
				       .kernel = "6.1.0-26-amd64",
				       .machine = "x86_64",
				       .boot_id = s->boot_id,
				       .cpus = 4,
				       .memory_bytes = 16ULL << 30,
				       .tool_version = "0.1.0"};
	delta->realtime_ns = place.end_ns + s->clock_step_ns;
	delta->boottime_ns = delta->monotonic_ns = place.end_ns - SAMPLE_START + SAMPLE_BOOT;
	window.start_realtime_ns = place.start_ns + s->clock_step_ns;
	sample_cpu(s, delta, load);
	sample_memory(delta, load);
	sample_block(s, delta, load);
	sample_listener(s, delta, drops);
	sample_cost(s, delta);
	sample_settings(s, delta);
	sample_extra(s, delta);
	place.header = (struct ts_frame_header){.type = TS_FRAME_WINDOW,
						.session = s->session,
						.sequence = s->sequence++,
						.context = s->context,
						.realtime_ns = delta->realtime_ns,
						.boottime_ns = delta->boottime_ns};
	ts_timeline_add(s->builder, &place, &window);
	ts_window_free(&window);
}

/*
 * A day at 10 s: the load of a working day, bursts that a listener drops from 21:00 to 23:30 until
 * somaxconn is raised, an hour too much of load, 40 minutes without recording, two hours without
 * block devices.
 */
static inline struct ts_timeline *sample_day(double interval)
{
	struct sample s;

	sample_open(&s, interval, 86400);
	for (double at = 0; at + interval <= 86400.5; at += interval) {
		double hour = at / 3600, load = 0.35 - 0.25 * cos((hour - 3) / 24 * 6.283);
		double drops = hour > 9 && hour < 11.5 && fmod(hour, 0.5) < 0.3
				       ? 40 * interval * sample_random(&s)
				       : 0;

		if (hour > 5 && hour < 5.67)
			continue;
		s.session = hour < 5 ? 1 : 2;
		s.block_failed = hour > 14 && hour < 16;
		if (hour > 11.5) {
			s.somaxconn = "4096";
			s.context = 1;
		}
		s.clock_step_ns = hour > 18 ? 90 * SECOND : 0;
		sample_window(&s, at, hour > 12 && hour < 13 ? 0.98 : load, drops);
	}
	return ts_timeline_finish(s.builder);
}

#endif
