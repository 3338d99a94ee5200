// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a window takes in a recording: that of a host with 8 CPUs and 4 disks, made up with the
 * names a kernel has. A day at 10 s is 8640 of them.
 */
#include "frame_windows.h"

#include "../../user/core/frame_group.h"
#include "../../user/core/frame_payload.h"
#include "../../user/core/window_round.h"

#define DAY_FRAMES 8640
#define WINDOWS	   30

struct load {
	uint64_t seed;
	double switches; /* in the window */
	double requests; /* of each disk */
	double segments; /* sent and received */
	unsigned int suffering;
};

static double uniform(struct load *load)
{
	return ((double)(reference_random(&load->seed) >> 11) + 0.5) / 9007199254740992.0;
}

/* Log-normal around middle nanoseconds, as latencies are. */
static void fill(struct load *load, struct ts_histogram *h, double samples, double middle,
		 double spread)
{
	for (double n = 0; n < samples; n++)
		ts_histogram_add(h,
				 (__u64)(middle * exp(spread * sqrt(-2 * log(uniform(load))) *
						      cos(2 * M_PI * uniform(load)))),
				 1);
	/* As in all windows but those with a record: the bound of the bucket. */
	h->max_is_bound = true;
	for (__u64 step = 1ULL << 40, slot = ts_histogram_slot(h->scale, h->unit, h->max); step;
	     step /= 2)
		if (ts_histogram_slot(h->scale, h->unit, h->max + step) == slot)
			h->max += step;
}

static __u64 about(struct load *load, double value)
{
	return (__u64)(value * (0.5 + uniform(load)));
}

/* Names that follow each other in the dictionary, from first to last. */
static void each_name(const char *first, const char *last,
		      void (*call)(struct load *load, struct ts_snapshot *delta, const char *name),
		      struct load *load, struct ts_snapshot *delta)
{
	const char *at = ts_frame_dictionary(TS_FRAME_VERSION)->text;

	while (strcmp(at, first) != 0)
		at += strlen(at) + 1;
	for (;; at += strlen(at) + 1) {
		call(load, delta, at);
		if (!strcmp(at, last))
			return;
	}
}

static void vm_event(struct load *load, struct ts_snapshot *delta, const char *name)
{
	bool moves = !strncmp(name, "pgp", 3) || !strncmp(name, "pgfault", 7) ||
		     !strncmp(name, "nr_", 3);

	ts_snapshot_counter(delta, TS_FAMILY_VM_EVENTS, TS_LABELS(name),
			    moves ? about(load, load->switches) : 0);
}

static void network_counter(struct load *load, struct ts_snapshot *delta, const char *name)
{
	bool moves = strstr(name, "Segs") || strstr(name, "Octets") || strstr(name, "IpIn") ||
		     strstr(name, "Opens") || strstr(name, "Deliver") ||
		     strstr(name, "DelayedACKs");

	ts_snapshot_counter(delta, TS_FAMILY_NETWORK_COUNTERS, TS_LABELS("4026531840", name),
			    moves ? about(load, load->segments) : 0);
}

static void scheduler(struct load *load, struct ts_snapshot *delta)
{
	static const double middle[] = {8000, 60000, 3000000};

	for (int i = 0; i < 3; i++)
		fill(load, ts_snapshot_histogram(delta, TS_FAMILY_RUNQ_LATENCY + i, NULL, 4),
		     load->switches, middle[i], i + 1.2);
	ts_snapshot_counter(delta, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("voluntary"),
			    about(load, load->switches));
	ts_snapshot_counter(delta, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("involuntary"),
			    about(load, load->switches / 20));
	ts_snapshot_counter(delta, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS("idle"),
			    about(load, load->switches / 2));
	ts_snapshot_counter(delta, TS_FAMILY_TASK_MIGRATIONS, NULL,
			    about(load, load->switches / 9));
	for (unsigned int i = 0; i < load->suffering; i++)
		ts_snapshot_sufferer(delta,
				     &(struct ts_sufferer){.family = TS_FAMILY_RUNQ_LATENCY,
							   .pid = 1000 + (int)about(load, 5000),
							   .comm = i % 3 ? "nginx" : "postgres",
							   .cgroup = "/system.slice/web.service",
							   .value = uniform(load)});
}

static void disk(struct load *load, struct ts_snapshot *delta, const char *name)
{
	static const char *const ops[] = {"read", "write", "discard", "flush"};
	static const char *const depths[] = {"1", "2", "4", "8"};

	for (int op = 0; op < 4; op++) {
		double requests = op < 2 ? load->requests : 0;
		const char *const *labels = TS_LABELS(name, ops[op]);

		ts_snapshot_counter(delta, TS_FAMILY_DISK_REQUESTS, labels, about(load, requests));
		ts_snapshot_counter(delta, TS_FAMILY_DISK_BYTES, labels,
				    about(load, requests * 20) * 512);
		if (op > 1)
			continue;
		for (int i = 0; i < 3; i++)
			fill(load,
			     ts_snapshot_histogram(delta, TS_FAMILY_BLOCK_LATENCY + i, labels, 3),
			     requests, i == 1 ? 0.4 : 200000, 0.7);
		fill(load, ts_snapshot_histogram(delta, TS_FAMILY_BLOCK_IO_SIZE, labels, 3),
		     requests, 16384, 0.8);
		ts_snapshot_counter(delta, TS_FAMILY_BLOCK_SEQUENTIAL, labels,
				    about(load, requests / 3));
		ts_snapshot_counter(delta, TS_FAMILY_BLOCK_ERRORS, labels, 0);
		for (int i = 0; i < 4; i++) {
			ts_snapshot_counter(delta, TS_FAMILY_BLOCK_DEPTH_REQUESTS,
					    TS_LABELS(name, ops[op], depths[i]),
					    about(load, requests / (1 << 2 * i)));
			ts_snapshot_counter(delta, TS_FAMILY_BLOCK_DEPTH_SECONDS,
					    TS_LABELS(name, ops[op], depths[i]),
					    about(load, requests * 200000 / (1 << 2 * i)));
		}
	}
	ts_snapshot_counter(delta, TS_FAMILY_DISK_BUSY, TS_LABELS(name),
			    about(load, load->requests) * 1000000);
	ts_snapshot_counter(delta, TS_FAMILY_DISK_WEIGHTED, TS_LABELS(name),
			    about(load, load->requests) * 1000000);
	ts_snapshot_gauge(delta, TS_FAMILY_DISK_IN_FLIGHT, TS_LABELS(name), 0);
}

static void cpu(struct load *load, struct ts_snapshot *delta, const char *name)
{
	static const char *const modes[] = {"user",   "nice", "system",	 "idle",
					    "iowait", "irq",  "softirq", "steal"};
	static const char *const events[] = {"processed", "dropped", "time-squeeze", "received-rps",
					     "flow-limit"};

	for (int i = 0; i < 8; i++)
		ts_snapshot_counter(delta, TS_FAMILY_CPU_TIME, TS_LABELS(name, modes[i]),
				    i == 1 || i == 5 || i == 7 ? 0 : about(load, 100) * 10000000);
	for (int i = 0; i < 5; i++)
		ts_snapshot_counter(delta, TS_FAMILY_SOFTNET, TS_LABELS(name, events[i]),
				    i ? 0 : about(load, load->segments / 8));
	ts_snapshot_gauge(delta, TS_FAMILY_SOFTNET_BURST, TS_LABELS(name), 0);
	ts_snapshot_counter(delta, TS_FAMILY_SOFTNET_BUSY, TS_LABELS(name, "idle"), 0);
	ts_snapshot_counter(delta, TS_FAMILY_SOFTNET_BUSY, TS_LABELS(name, "total"), 0);
}

static void listener(struct load *load, struct ts_snapshot *delta, const char *port)
{
	const char *const *labels = TS_LABELS("4026531840", port);
	static const char *const states[] = {"empty", "partial", "full"};

	ts_snapshot_gauge(delta, TS_FAMILY_TCP_LISTENER_BACKLOG, labels, 511);
	ts_snapshot_gauge(delta, TS_FAMILY_TCP_ACCEPT_QUEUE, labels, 0);
	ts_snapshot_gauge(delta, TS_FAMILY_TCP_ACCEPT_QUEUE_PEAK, labels, (double)about(load, 3));
	for (int i = 0; i < 3; i++)
		ts_snapshot_counter(delta, TS_FAMILY_TCP_ACCEPT_QUEUE_SAMPLES,
				    TS_LABELS("4026531840", port, states[i]), i ? 0 : 100);
	ts_snapshot_gauge(delta, TS_FAMILY_TCP_ACCEPT_QUEUE_FULL, labels, 0);
	ts_snapshot_counter(delta, TS_FAMILY_TCP_LISTENER_DROPS, labels, 0);
	ts_snapshot_gauge(delta, TS_FAMILY_TCP_LISTENER_BURST, labels, 0);
	if (load->segments >= 1000)
		fill(load,
		     ts_snapshot_histogram(delta, TS_FAMILY_TCP_SMOOTHED_RTT,
					   TS_LABELS("4026531840", "service", port), 3),
		     load->segments / 100, 300000, 0.8);
}

static void memory(struct load *load, struct ts_snapshot *delta)
{
	static const char *const kinds[] = {
		"total",     "free",	   "available", "cached",      "dirty",
		"writeback", "swap-total", "swap-free", "dirty-limit", "dirty-background-limit"};
	static const char *const resources[] = {"cpu", "memory", "io"};

	for (int i = 0; i < 10; i++)
		ts_snapshot_gauge(delta, TS_FAMILY_MEMORY, TS_LABELS(kinds[i]),
				  (double)(i == 5 ? 0 : about(load, 8000000)) * 4096);
	for (int i = 0; i < 6; i++)
		ts_snapshot_counter(delta, TS_FAMILY_PRESSURE,
				    TS_LABELS(resources[i / 2], i % 2 ? "full" : "some"),
				    i == 2 || i == 3 ? 0 : about(load, 300000) * 1000);
}

static struct ts_window host_window(struct load *load)
{
	struct ts_window window = empty_window();
	struct ts_snapshot *delta = window.delta;

	scheduler(load, delta);
	for (int i = 0; i < 4; i++)
		disk(load, delta, ts_arena_printf(delta->arena, "sd%c", 'a' + i));
	for (int i = 0; i < 5; i++)
		listener(load, delta, (const char *const[]){"22", "80", "443", "5432", "9100"}[i]);
	for (int i = 0; i < 8; i++)
		cpu(load, delta, ts_arena_printf(delta->arena, "%d", i));
	memory(load, delta);
	each_name("numa_miss", "zswpin", vm_event, load, delta);
	each_name("IpInReceives", "IpExtReasmOverlaps", network_counter, load, delta);
	ts_for_each_family (id)
		if (!delta->family[id].count)
			delta->family[id].status = TS_STATUS_OK;
	delta->cost = (struct ts_cost){.map_bytes = 8005520,
				       .user_cpu_ns = about(load, 40000000),
				       .rss_bytes = about(load, 1500) * 4096,
				       .peak_rss_bytes = 9162752,
				       .snapshot_ns = about(load, 2000000)};
	return window;
}

/* As it stays: in a group. */
static size_t mean_bytes(struct load load, size_t *series)
{
	struct ts_group_writer *writer = ts_group_writer_new();
	struct ts_frame_header group;
	struct ts_bytes frame = {0};
	size_t bytes;

	for (unsigned int i = 0; i < WINDOWS; i++) {
		struct ts_window window = host_window(&load);
		struct ts_frame_header header = {.session = 1, .sequence = i};

		ts_window_round(&window);
		comes_back(&window);
		ts_group_add(writer, &window, &header);
		*series = 0;
		ts_for_each_family (id)
			*series += window.delta->family[id].count;
		ts_window_free(&window);
	}
	ts_group_finish(writer, &group, &frame);
	bytes = frame.length / WINDOWS;
	ts_bytes_free(&frame);
	ts_group_writer_free(writer);
	return bytes;
}

static void a_window_stays_small(void **state)
{
	static const struct {
		const char *name;
		struct load load;
		size_t limit;
	} hosts[] = {
		{"idle", {1, 1500, 5, 300, 2}, 700},
		{"typical", {2, 20000, 100, 20000, 8}, 1300},
		{"busy", {3, 60000, 2000, 200000, 16}, 1700},
	};

	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
		size_t series, bytes = mean_bytes(hosts[i].load, &series);

		print_message("# %s: %zu series, %zu bytes a window, %.1f MB a day at 10 s\n",
			      hosts[i].name, series, bytes, (double)bytes * DAY_FRAMES / 1e6);
		assert_true(series > 400);
		assert_true(bytes <= hosts[i].limit);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_window_stays_small),
	};

	return cmocka_run_group_tests_name("size of frames", tests, NULL, NULL);
}
