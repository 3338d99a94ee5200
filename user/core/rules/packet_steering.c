// SPDX-License-Identifier: GPL-2.0-only
/* Packets of many flows come in on one CPU, which has no time left, while others idle: RPS. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../arena.h"
#include "packet_cpu.h"

enum { IDLE_SHARE, SOFTIRQ_SHARE, OTHERS_IDLE, OBSERVED, DEVICE_SHARE, FLOWS, LARGEST_SHARE };

#define CPUS_MOST   1024
#define WORD_BITS   32
#define WORDS	    (CPUS_MOST / WORD_BITS)
#define WORD_DIGITS 8

/* What was looked at of the packets on that CPU. */
struct sample {
	const char *netns, *device;
	const char *scope; /* of the setting */
	double all, packets, flows, largest, queues;
};

struct mask {
	unsigned int word[WORDS];
};

static double of_kind(const struct ts_rule_context *context, const struct ts_series *s,
		      const char *kind)
{
	return ts_window_gauge(context->window, TS_FAMILY_RECEIVED_SAMPLE,
			       TS_LABELS(s->label[0], s->label[1], s->label[2], kind), NAN);
}

static bool find_sample(struct ts_rule_context *context, const char *cpu, struct sample *sample)
{
	ts_for_each_series (s, context->window, TS_FAMILY_RECEIVED_SAMPLE) {
		if (strcmp(s->label[2], cpu) || strcmp(s->label[3], "packets"))
			continue;
		*sample = (struct sample){
			.netns = s->label[0],
			.device = s->label[1],
			.scope = ts_text(context, "%s/%s", s->label[0], s->label[1]),
			.all = of_kind(context, s, "all"),
			.packets = of_kind(context, s, "packets"),
			.flows = of_kind(context, s, "flows"),
			.largest = of_kind(context, s, "largest-flow"),
			.queues = of_kind(context, s, "queues"),
		};
		return true;
	}
	return false;
}

/* ---- Masks as the kernel writes them: words of 32 bits, the highest first, with commas */

static struct mask all_cpus(const struct ts_rule_context *context)
{
	struct mask mask = {0};

	ts_for_each_series (s, context->window, TS_FAMILY_SOFTNET) {
		unsigned long cpu = strtoul(s->label[0], NULL, 10);

		if (!strcmp(s->label[1], "processed") && cpu < CPUS_MOST)
			mask.word[cpu / WORD_BITS] |= 1U << cpu % WORD_BITS;
	}
	return mask;
}

static const char *mask_text(struct ts_rule_context *context, const struct mask *mask)
{
	const char *text = "";

	for (size_t i = WORDS; i-- > 0;)
		if (*text)
			text = ts_text(context, "%s,%08x", text, mask->word[i]);
		else if (mask->word[i])
			text = ts_text(context, "%x", mask->word[i]);
	return text;
}

static bool read_mask(const char *text, struct mask *mask)
{
	size_t words = 1;

	*mask = (struct mask){0};
	for (const char *c = text; *c; c++)
		words += *c == ',';
	for (size_t i = words; i-- > 0;) {
		char *end;
		unsigned long word = strtoul(text, &end, 16);

		if (end == text || end - text > WORD_DIGITS || *end != (i ? ',' : '\0'))
			return false;
		if (i < WORDS)
			mask->word[i] = (unsigned int)word;
		text = end + 1;
	}
	return true;
}

static bool holds(const struct mask *mask, const struct mask *wanted)
{
	for (size_t i = 0; i < WORDS; i++)
		if (wanted->word[i] & ~mask->word[i])
			return false;
	return true;
}

/* ---- Findings */

static struct ts_packet_cpu_limits limits_of(const struct ts_rule_context *context)
{
	return (struct ts_packet_cpu_limits){
		.idle = context->threshold[IDLE_SHARE],
		.softirq = context->threshold[SOFTIRQ_SHARE],
		.others_idle = context->threshold[OTHERS_IDLE],
		.seconds = context->threshold[OBSERVED],
	};
}

static void add_evidence(struct ts_rule_context *context, struct ts_finding *f,
			 const struct ts_packet_cpu *load, const struct sample *s)
{
	const struct ts_packet_cpu_limits limits = limits_of(context);
	const char *const flows[TS_LABELS_MAX] = {s->netns, s->device, load->cpu, "flows"};
	const char *const largest[TS_LABELS_MAX] = {s->netns, s->device, load->cpu, "largest-flow"};
	const char *const packets[TS_LABELS_MAX] = {s->netns, s->device, load->cpu, "packets"};

	ts_packet_cpu_evidence(context, f, load, &limits);
	ts_finding_judged(context, f, TS_FAMILY_RECEIVED_SAMPLE, packets,
			  ts_text(context, "of its packets from %s", s->device),
			  100 * s->packets / s->all, "%", (__u64)s->all,
			  100 * context->threshold[DEVICE_SHARE]);
	ts_finding_judged(context, f, TS_FAMILY_RECEIVED_SAMPLE, flows, "flows that these are of",
			  s->flows, "flows", (__u64)s->packets, context->threshold[FLOWS]);
	ts_finding_judged(context, f, TS_FAMILY_RECEIVED_SAMPLE, largest,
			  "of these in the largest flow", 100 * s->largest / s->packets, "%",
			  (__u64)s->packets, 100 * context->threshold[LARGEST_SHARE]);
}

static void single_flow(struct ts_rule_context *context, const struct ts_packet_cpu *load,
			const struct sample *s)
{
	struct ts_finding *f = ts_finding_cause(
		context, "single-flow",
		ts_text(context, "/sys/class/net/%s/queues/rx-0/rps_cpus", s->device));

	f->scope = TS_SCOPE_DEVICE;
	f->netns = ts_arena_intern(context->report->arena, s->netns);
	f->device = ts_arena_intern(context->report->arena, s->device);
	ts_finding_identify(context, f, f->cause, "port");
	f->title = ts_text(context,
			   "CPU %s has no time for more packets from %s in %s, and most are of one "
			   "connection",
			   load->cpu, s->device, ts_rule_netns_text(context, s->netns));
	f->remedy = "RPS keeps the packets of a connection on one CPU: it would move all of them, "
		    "and spread none. Send over several connections, with larger packets (GRO, "
		    "MTU), or do less per packet (firewall rules).";
	f->confidence = 0.85;
	add_evidence(context, f, load, s);
}

static void spread(struct ts_rule_context *context, const struct ts_packet_cpu *load,
		   const struct sample *s)
{
	struct mask wanted = all_cpus(context);
	struct ts_finding *f = ts_finding_new(context, TS_OUTCOME_RECOMMEND);

	ts_finding_propose(context, f, TS_SETTING_RPS_CPUS, s->scope, mask_text(context, &wanted));
	ts_finding_identify(context, f, f->setting, "port");
	f->title = ts_text(context,
			   "CPU %s alone takes in the packets from %s in %s and has time for no "
			   "more, while the others idle",
			   load->cpu, s->device, ts_rule_netns_text(context, s->netns));
	f->computed = ts_text(context,
			      "%s has one receive queue, and its packets are of at least %.0f "
			      "flows: all %.0f CPUs, among which RPS divides the flows",
			      s->device, s->flows, (double)context->window->delta->host.cpus);
	f->remedy = "Where the device has more receive queues (ethtool -l), those cost less. A "
		    "setting in /sys is gone after a restart.";
	f->expect = "the CPUs share the packets, and more of them come through";
	f->confidence = 0.8;
	add_evidence(context, f, load, s);
}

static enum ts_outcome judge_sample(struct ts_rule_context *context,
				    const struct ts_packet_cpu *load, const struct sample *s)
{
	const struct ts_setting_value *value =
		ts_window_setting(context->window, TS_SETTING_RPS_CPUS, s->scope);
	struct mask mask, all = all_cpus(context);

	if (s->packets < context->threshold[DEVICE_SHARE] * s->all)
		return ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					       "packets keep CPU %s busy, but no more than %.0f %% "
					       "of them come from one device",
					       load->cpu, 100 * s->packets / s->all);
	if (s->queues != 1)
		return ts_rule_without_finding(
			context, TS_OUTCOME_QUIET,
			"packets from %s keep CPU %s busy; it has %.0f receive queues: whether "
			"their interrupts are spread (/proc/interrupts), or one connection is most "
			"of them, is not judged",
			s->device, load->cpu, s->queues);
	if (s->flows < context->threshold[FLOWS] ||
	    s->largest > context->threshold[LARGEST_SHARE] * s->packets) {
		single_flow(context, load, s);
		return TS_OUTCOME_QUIET; /* unless there is the finding */
	}
	if (!value || value->status != TS_STATUS_OK || !read_mask(value->value, &mask))
		return ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					       "packets from %s keep CPU %s busy, but its rps_cpus "
					       "could not be read",
					       s->device, load->cpu);
	if (holds(&mask, &all))
		return ts_rule_without_finding(
			context, TS_OUTCOME_ALREADY_SET,
			"packets from %s keep CPU %s busy, though they may go to all CPUs",
			s->device, load->cpu);
	spread(context, load, s);
	return TS_OUTCOME_QUIET;
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	const struct ts_packet_cpu_limits limits = limits_of(context);
	struct ts_packet_cpu load = ts_packet_cpu_fullest(context);
	struct sample sample;

	if (!ts_packet_cpu_alone(&load, &limits))
		return ts_rule_without_finding(
			context, TS_OUTCOME_QUIET,
			"no CPU was kept busy by packets while the others were idle (CPU %s worked "
			"on them for %.0f %% of its time)",
			load.cpu ? load.cpu : "-", load.cpu ? 100 * load.softirq : 0);
	if (!find_sample(context, load.cpu, &sample))
		return ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					       "packets keep CPU %s busy, but where they come from "
					       "was not seen: observe longer while it happens",
					       load.cpu);
	return judge_sample(context, &load, &sample);
}

const struct ts_rule ts_rule_packet_steering = {
	.id = "packet-steering",
	.title = "Packets on one CPU",
	.needs = {TS_FAMILY_SOFTNET, TS_FAMILY_CPU_TIME, TS_FAMILY_RECEIVED_SAMPLE,
		  TS_FAMILY_COUNT},
	.settings = {TS_SETTING_RPS_CPUS, TS_SETTING_COUNT},
	.thresholds =
		{[IDLE_SHARE] = {"idle_share", 0.1, 0, 1, "share of the time",
				 "a CPU that idles less than this has no time left"},
		 [SOFTIRQ_SHARE] =
			 {"softirq_share", 0.5, 0.05, 1, "share of the time",
			  "it is kept busy by packets when it works on them for more than "
			  "this"},
		 [OTHERS_IDLE] = {"others_idle", 0.5, 0.05, 1, "share of the time",
				  "the other CPUs idle for more than this: they could take a part"},
		 [OBSERVED] = {"observed_seconds", 1, 0.1, 3600, "seconds",
			       "time of the CPU needed to judge it"},
		 [DEVICE_SHARE] = {"device_share", 0.5, 0.1, 1, "share of the packets",
				   "share of its packets that come from one device, from which on "
				   "that is to be spread"},
		 [FLOWS] = {"flows", 4, 2, 64, "flows", "flows that can be spread"},
		 [LARGEST_SHARE] = {"largest_share", 0.6, 0.1, 1, "share of the packets",
				    "share of the largest flow, above which spreading moves the "
				    "load instead of dividing it"}},
	.judge = judge,
	.explanation =
		"A device with one receive queue hands its packets to one CPU. RPS (a mask of CPUs "
		"in "
		"rps_cpus of the queue) lets others do the rest of the work, each for some of the "
		"flows.\n"
		"Convicts rps_cpus of the device: one CPU has no idle time and works on packets "
		"for "
		"most of it, the others idle, most of these packets are of several flows from one "
		"device with one queue, and its mask does not hold all CPUs.\n"
		"Acquits it: most packets are of one flow, which stays on one CPU (single-flow); "
		"all "
		"CPUs are busy; a CPU that is busy with other work (see softnet-backlog).\n"
		"Handing packets over costs CPU time: where one CPU suffices, RPS makes things "
		"slower.",
	.reference = "get_rps_cpu(), enqueue_to_backlog(); Documentation/networking/scaling.rst",
};
