// SPDX-License-Identifier: GPL-2.0-only
#include "packet_cpu.h"

#include <string.h>

#define PACKETS_LEAST 1000 /* a second: or it is no packets that keep a CPU busy */
#define LATE_SHARE    0.1  /* for ranking: packets that are late rather than lost */

static double cpu_time(const struct ts_rule_context *context, const char *cpu, const char *mode)
{
	return ts_window_seconds(context->window, TS_FAMILY_CPU_TIME, TS_LABELS(cpu, mode));
}

static double idle_time(const struct ts_rule_context *context, const char *cpu)
{
	return cpu_time(context, cpu, "idle") + cpu_time(context, cpu, "iowait");
}

static struct ts_packet_cpu measure(const struct ts_rule_context *context, const char *cpu,
				    double total, double idle)
{
	struct ts_packet_cpu load = {.cpu = cpu, .seconds = cpu_time(context, cpu, NULL)};
	double own = idle_time(context, cpu);

	load.idle = own / load.seconds;
	load.softirq = cpu_time(context, cpu, "softirq") / load.seconds;
	load.others_idle = (idle - own) / (total - load.seconds);
	load.packets = (double)ts_window_counter(context->window, TS_FAMILY_SOFTNET,
						 TS_LABELS(cpu, "processed")) /
		       context->window->seconds;
	return load;
}

struct ts_packet_cpu ts_packet_cpu_fullest(const struct ts_rule_context *context)
{
	struct ts_packet_cpu fullest = {.cpu = NULL};
	double total = 0, idle = 0;

	ts_for_each_series (s, context->window, TS_FAMILY_SOFTNET) {
		if (strcmp(s->label[1], "processed"))
			continue;
		total += cpu_time(context, s->label[0], NULL);
		idle += idle_time(context, s->label[0]);
	}
	ts_for_each_series (s, context->window, TS_FAMILY_SOFTNET) {
		struct ts_packet_cpu load;

		if (strcmp(s->label[1], "processed") || !(cpu_time(context, s->label[0], NULL) > 0))
			continue;
		load = measure(context, s->label[0], total, idle);
		if (!fullest.cpu || load.softirq > fullest.softirq)
			fullest = load;
	}
	return fullest;
}

/* Shares of one that is the only CPU are no numbers, and compare as false. */
bool ts_packet_cpu_alone(const struct ts_packet_cpu *load,
			 const struct ts_packet_cpu_limits *limits)
{
	return load->cpu && load->seconds >= limits->seconds && load->packets >= PACKETS_LEAST &&
	       load->idle < limits->idle && load->softirq >= limits->softirq &&
	       load->others_idle >= limits->others_idle;
}

void ts_packet_cpu_evidence(struct ts_rule_context *context, struct ts_finding *f,
			    const struct ts_packet_cpu *load,
			    const struct ts_packet_cpu_limits *limits)
{
	ts_finding_judged(context, f, TS_FAMILY_CPU_TIME, TS_LABELS(load->cpu, "softirq"),
			  ts_text(context, "time CPU %s works on packets", load->cpu),
			  100 * load->softirq, "%", (__u64)(10 * load->seconds),
			  100 * limits->softirq);
	ts_finding_judged(context, f, TS_FAMILY_CPU_TIME, TS_LABELS(load->cpu, "idle"),
			  "time it is idle", 100 * load->idle, "%", (__u64)(10 * load->seconds),
			  100 * limits->idle);
	ts_finding_judged(context, f, TS_FAMILY_CPU_TIME, TS_LABELS(NULL, "idle"),
			  "time the other CPUs are idle", 100 * load->others_idle, "%",
			  (__u64)(10 * load->seconds), 100 * limits->others_idle);
	f->harm = (1 - load->idle) * load->seconds;
	f->harm_unit = "seconds in which packets waited for a CPU";
	f->harm_seconds = LATE_SHARE * f->harm;
}
