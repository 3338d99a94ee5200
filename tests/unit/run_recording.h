/* SPDX-License-Identifier: GPL-2.0-only */
/* Recordings of runs of a command, made by hand, with a change that is known. */
#ifndef TUNESCOPE_TEST_RUN_RECORDING_H
#define TUNESCOPE_TEST_RUN_RECORDING_H

#include "run_sample.h"
#include "../../user/core/frame.h"
#include "../../user/core/run_diff.h"

#define MADE_WINDOWS 44
#define MADE_SECONDS 0.25

struct made {
	uint64_t seed;
	double slower;	/* times the latencies, the CPU and the wall time of the others */
	double spread;	/* standard deviation between runs */
	double foreign; /* share of the CPUs */
	unsigned int cpus, runs, scale;
	const char *autogroup, *scope;
	int exit_status;   /* of all runs */
	bool last_is_cut;  /* the last run has no end */
	__u32 retransmits; /* in each window */
	unsigned int port; /* of a server, of the first run; each has the next one; 0: none */
};

static const struct made made_default = {
	.seed = 1,
	.slower = 1,
	.spread = 0.03,
	.foreign = 0.01,
	.cpus = 2,
	.runs = 6,
	.scale = 4,
	.autogroup = "1",
	.scope = "cmd",
};

static inline void made_service(uint64_t *seed, unsigned int port, double factor,
				struct ts_snapshot *delta)
{
	char text[16];

	snprintf(text, sizeof text, "%u", port);
	sample_latencies(ts_snapshot_histogram(delta, TS_FAMILY_TCP_SERVICE_TIME,
					       TS_LABELS("4026531840", "service", text),
					       TS_HISTOGRAM_SCALE_GLOBAL),
			 seed, 1e-3 * factor, 1, 500);
}

static inline void made_window(const struct made *made, uint64_t *seed, unsigned int number,
			       double factor, struct ts_window *window)
{
	struct ts_snapshot *delta = window->delta;
	double capacity = MADE_SECONDS * made->cpus * 1e9;

	sample_latencies(ts_snapshot_histogram(delta, TS_FAMILY_RUNQ_LATENCY, NULL, made->scale),
			 seed, 20e-6 * factor, 1, 1000);
	ts_snapshot_counter(delta, TS_FAMILY_TASK_CPU, TS_LABELS("command"),
			    (__u64)(0.4 * capacity * factor));
	ts_snapshot_counter(delta, TS_FAMILY_TASK_CPU, TS_LABELS("other"),
			    (__u64)(made->foreign * capacity));
	if (made->retransmits)
		ts_snapshot_counter(delta, TS_FAMILY_TCP_RETRANSMITS,
				    TS_LABELS("4026531840", "outbound", "80", "timeout"),
				    made->retransmits);
	if (made->port)
		made_service(seed, made->port + number, factor, delta);
	delta->host.hostname = "ci";
	delta->host.kernel = "6.18.0";
	delta->host.machine = "x86_64";
	delta->host.boot_id = "boot";
	delta->host.cpus = made->cpus;
	delta->host.memory_bytes = 8ULL << 30;
	delta->host.tool_version = "1";
	ts_snapshot_setting(delta, TS_SETTING_SCHED_AUTOGROUP, "", TS_STATUS_OK, made->autogroup,
			    "", "");
}

static inline void made_run(const struct made *made, uint64_t *seed, unsigned int number,
			    struct ts_bytes *out)
{
	double factor = made->slower * exp(made->spread * random_normal(seed));
	struct ts_frame_header header = {.session = reference_random(seed) | 1};
	__u64 now =
		1790000000000000000ULL + made->seed * 3600000000000ULL + number * 60000000000ULL;
	struct ts_run_facts facts = {
		.known = true, .command = "make bench", .number = number, .scope = made->scope};

	for (size_t i = 0; i < MADE_WINDOWS; i++) {
		struct ts_window window = sample_window(MADE_SECONDS);

		window.start_realtime_ns = now;
		now += (__u64)(MADE_SECONDS * 1e9);
		window.delta->realtime_ns = window.delta->boottime_ns = now;
		window.delta->monotonic_ns = now;
		made_window(made, seed, number, factor, &window);
		facts.ended = i + 1 == MADE_WINDOWS && !(made->last_is_cut && number == made->runs);
		facts.exit_status = made->exit_status;
		facts.wall_seconds = 11 * factor;
		ts_run_facts_put(window.delta, &facts);
		if (facts.ended)
			ts_snapshot_counter(window.delta, TS_FAMILY_COMMAND_TIME, TS_LABELS("wall"),
					    (__u64)(11e9 * factor));
		if (!i) {
			ts_frame_write_context(&window, &header, out);
			header.sequence++;
		}
		ts_frame_write_window(&window, &header, out);
		header.sequence++;
		ts_window_free(&window);
	}
	ts_frame_write_end(&header, out);
}

static inline struct ts_bytes made_recording(const struct made *made)
{
	uint64_t seed = made->seed * 7919 + 17;
	struct ts_bytes out = {0};

	for (unsigned int i = 1; i <= made->runs; i++)
		made_run(made, &seed, i, &out);
	return out;
}

#endif
