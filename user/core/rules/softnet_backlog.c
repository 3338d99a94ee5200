// SPDX-License-Identifier: GPL-2.0-only
/* Packets dropped at a CPU's input queue: netdev_max_backlog, or a CPU that has no time. */
#include "packet_cpu.h"

#include <math.h>
#include <string.h>

enum { DROPPED, IDLE_SHARE, BUSY_SECONDS, SQUEEZED, SOFTIRQ_SHARE, OTHERS_IDLE, PACKET_SHARE };

#define SECONDS_PER_DROP 0.05 /* for ranking: a part of a retransmission timeout */
#define READERS_LOSE	 0.1  /* of what the input queue drops */
#define BACKLOG_LEAST	 1000 /* the kernel's default */
#define BACKLOG_MOST	 131072
#define BYTES_PER_PACKET 2048.0
#define MEMORY_SHARE	 (1.0 / 64) /* of memory, for the queues of all CPUs */
#define BUDGET_DEFAULT	 300	    /* of Linux */
#define PACKETS_PER_TURN 64	    /* of one queue: a smaller budget ends a round after it */

struct cpu_drops {
	const char *cpu;
	double dropped; /* because the queue was full */
	double flow_limit;
	double burst;
	double idle_share, seconds; /* in and around the samples with drops */
	/* Of that time, what packets would have taken had all been kept; programs give way to it.
	 */
	double packet_share;
};

struct totals {
	struct cpu_drops idle, busy; /* the worst CPU of each kind */
	double idle_dropped, busy_dropped, flow_limit, burst;
};

static double events(const struct ts_rule_context *context, const char *cpu, const char *event)
{
	return (double)ts_window_counter(context->window, TS_FAMILY_SOFTNET, TS_LABELS(cpu, event));
}

static double share(const struct ts_rule_context *context, const struct cpu_drops *c,
		    const char *mode)
{
	return c->seconds > 0 ? ts_window_seconds(context->window, TS_FAMILY_SOFTNET_BUSY,
						  TS_LABELS(c->cpu, mode)) /
					c->seconds
			      : NAN;
}

static struct cpu_drops measure(const struct ts_rule_context *context, const char *cpu)
{
	const struct ts_window *window = context->window;
	struct cpu_drops c = {.cpu = cpu, .flow_limit = events(context, cpu, "flow-limit")};

	/* Both counters count a packet that the flow limit drops. */
	c.dropped = fmax(events(context, cpu, "dropped") - c.flow_limit, 0);
	c.burst = ts_window_gauge(window, TS_FAMILY_SOFTNET_BURST, TS_LABELS(cpu), 0);
	c.seconds = ts_window_seconds(window, TS_FAMILY_SOFTNET_BUSY, TS_LABELS(cpu, "total"));
	c.idle_share = share(context, &c, "idle");
	c.packet_share = (1 - c.idle_share - share(context, &c, "yielding")) *
			 (1 + c.dropped / fmax(events(context, cpu, "processed"), 1));
	return c;
}

/* Datagrams that a reader left lying would have been lost behind the input queue instead. */
static bool readers_keep_up(const struct ts_rule_context *context, double dropped)
{
	double lost = ts_rule_network_counter(context, NULL, "UdpRcvbufErrors") +
		      ts_rule_network_counter(context, NULL, "Udp6RcvbufErrors");

	return ts_rule_measured(context, TS_FAMILY_NETWORK_COUNTERS) &&
	       lost <= READERS_LOSE * dropped;
}

/*
 * A CPU kept busy by programs takes packets first, or gives them a task's share when they come
 * without end: as long as they ask for little, a longer queue is worked off there, too.
 */
static bool has_time(const struct ts_rule_context *context, const struct cpu_drops *c)
{
	return c->idle_share > context->threshold[IDLE_SHARE] ||
	       (c->packet_share <= context->threshold[PACKET_SHARE] &&
		readers_keep_up(context, c->dropped));
}

static void add_evidence(struct ts_rule_context *context, struct ts_finding *finding,
			 const struct cpu_drops *c, double dropped)
{
	ts_finding_judged(context, finding, TS_FAMILY_SOFTNET, TS_LABELS(NULL, "dropped"),
			  "packets dropped because a CPU's input queue was full", dropped,
			  "packets", 1, context->threshold[DROPPED]);
	ts_finding_evidence(context, finding, TS_FAMILY_SOFTNET, TS_LABELS(c->cpu, "dropped"),
			    ts_text(context, "of these on CPU %s", c->cpu), c->dropped, "packets",
			    1);
	ts_finding_judged(context, finding, TS_FAMILY_SOFTNET_BUSY, TS_LABELS(c->cpu, "idle"),
			  ts_text(context, "CPU %s idle around the drops", c->cpu),
			  100 * c->idle_share, "%", (__u64)(10 * c->seconds),
			  100 * context->threshold[IDLE_SHARE]);
	ts_finding_judged(context, finding, TS_FAMILY_SOFTNET_BUSY, TS_LABELS(c->cpu, "total"),
			  "its time that all packets would have taken, with those dropped",
			  100 * c->packet_share, "%", (__u64)(10 * c->seconds),
			  100 * context->threshold[PACKET_SHARE]);
	ts_finding_evidence(context, finding, TS_FAMILY_SOFTNET_BURST, TS_LABELS(c->cpu),
			    "most packets dropped between two samples", c->burst, "packets", 1);
	finding->harm = dropped;
	finding->harm_unit = "packets dropped";
	finding->harm_seconds = dropped * SECONDS_PER_DROP;
}

static __u64 most_packets(const struct ts_window *window)
{
	double cpus = fmax(window->delta->host.cpus, 1);
	double fits =
		(double)window->delta->host.memory_bytes * MEMORY_SHARE / cpus / BYTES_PER_PACKET;

	if (!window->delta->host.memory_bytes || fits > BACKLOG_MOST)
		return BACKLOG_MOST;
	return fits < BACKLOG_LEAST ? BACKLOG_LEAST : (__u64)fits;
}

static void raise_backlog(struct ts_rule_context *context, const struct totals *t)
{
	double current = ts_window_setting_number(context->window, TS_SETTING_NETDEV_MAX_BACKLOG,
						  "", 0, NAN);
	__u64 wanted;
	bool at_most, idle;
	struct ts_finding *f;

	if (isnan(current)) {
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"packets were dropped, but net.core.netdev_max_backlog "
					"could not be read");
		return;
	}
	wanted = ts_round_up_power_of_two(2 * (current + t->burst), BACKLOG_LEAST,
					  most_packets(context->window));
	at_most = (double)wanted <= current;
	f = ts_finding_new(context, at_most ? TS_OUTCOME_ALREADY_SET : TS_OUTCOME_RECOMMEND);
	ts_finding_propose(context, f, TS_SETTING_NETDEV_MAX_BACKLOG, "",
			   ts_text(context, "%llu", (unsigned long long)wanted));
	ts_finding_identify(context, f, f->setting, "port");
	idle = t->idle.idle_share > context->threshold[IDLE_SHARE];
	f->title = ts_text(context,
			   "CPU %s drops incoming packets while %s: its input queue "
			   "of %.0f is too short for the bursts",
			   t->idle.cpu,
			   idle ? ts_text(context, "it is %.0f %% idle", 100 * t->idle.idle_share)
				: "programs that give way to packets keep it busy",
			   current);
	f->confidence = idle ? 0.9 : 0.75;
	add_evidence(context, f, &t->idle, t->idle_dropped);
	if (at_most) {
		f->proposed = f->apply = f->undo = "";
		f->remedy = "The queue has its largest sensible length: spread the packets over "
			    "more CPUs (RPS, more receive queues).";
		return;
	}
	f->computed = ts_text(context,
			      "the queue held %.0f and up to %.0f packets more came between two "
			      "samples: 2 × (%.0f + %.0f), rounded up to a power of two",
			      current, t->burst, current, t->burst);
	f->expect = ts_text(context, "no more packets dropped there (%.0f in this window)",
			    t->idle_dropped);
}

static void saturated(struct ts_rule_context *context, const struct totals *t)
{
	struct ts_finding *f =
		ts_finding_cause(context, "single-cpu-saturated", "net.core.netdev_max_backlog");

	f->scope = TS_SCOPE_GLOBAL;
	ts_finding_identify(context, f, f->cause, "port");
	f->title = ts_text(context, "CPU %s has no time for the packets it receives (%.0f %% idle)",
			   t->busy.cpu, 100 * t->busy.idle_share);
	f->remedy = ts_text(context,
			    "A longer queue would only fill as well. Spread the packets over more "
			    "CPUs (RPS in /sys/class/net/*/queues/rx-*/rps_cpus, more receive "
			    "queues), move other work away from CPU %s, or do less per packet "
			    "(firewall rules).",
			    t->busy.cpu);
	f->confidence = 0.85;
	add_evidence(context, f, &t->busy, t->busy_dropped);
}

/*
 * Every round of input ends after a few packets, the rest of which a task of the kernel takes (with
 * the share of the CPU that programs leave a task), while the budget is less than one queue's turn.
 */
static bool rounds_too_short(const struct ts_rule_context *context, const struct cpu_drops *c)
{
	double budget =
		ts_window_setting_number(context->window, TS_SETTING_NETDEV_BUDGET, "", 0, NAN);

	return c->idle_share <= context->threshold[IDLE_SHARE] && budget < PACKETS_PER_TURN &&
	       events(context, c->cpu, "time-squeeze") * PACKETS_PER_TURN >=
		       events(context, c->cpu, "processed");
}

static void raise_budget(struct ts_rule_context *context, const struct totals *t)
{
	struct ts_finding *f = ts_finding_new(context, TS_OUTCOME_RECOMMEND);

	ts_finding_propose(context, f, TS_SETTING_NETDEV_BUDGET, "",
			   ts_text(context, "%d", BUDGET_DEFAULT));
	ts_finding_identify(context, f, f->setting, "port");
	f->title = ts_text(context,
			   "CPU %s drops incoming packets while programs keep it busy: a round of "
			   "input ends after %s packets, and the rest waits for a task's turn",
			   t->idle.cpu, f->current);
	f->computed = ts_text(context,
			      "%.0f rounds ended with packets left, for %.0f packets taken: less "
			      "than the %d of one queue's turn in each; %d is the kernel's default",
			      events(context, t->idle.cpu, "time-squeeze"),
			      events(context, t->idle.cpu, "processed"), PACKETS_PER_TURN,
			      BUDGET_DEFAULT);
	f->remedy = "net.core.dev_weight counts as well: one queue's turn ends after so many "
		    "packets (64 by default).";
	f->expect = ts_text(context, "no more packets dropped there (%.0f in this window)",
			    t->idle_dropped);
	f->confidence = 0.75;
	add_evidence(context, f, &t->idle, t->idle_dropped);
	ts_finding_evidence(context, f, TS_FAMILY_SOFTNET, TS_LABELS(t->idle.cpu, "time-squeeze"),
			    "rounds that ended there with packets left",
			    events(context, t->idle.cpu, "time-squeeze"), "rounds", 1);
}

static struct ts_packet_cpu_limits packet_limits(const struct ts_rule_context *context)
{
	return (struct ts_packet_cpu_limits){
		.idle = context->threshold[IDLE_SHARE],
		.softirq = context->threshold[SOFTIRQ_SHARE],
		.others_idle = context->threshold[OTHERS_IDLE],
		.seconds = context->threshold[BUSY_SECONDS],
	};
}

static void receives_alone(struct ts_rule_context *context, const struct ts_packet_cpu *load)
{
	const struct ts_packet_cpu_limits limits = packet_limits(context);
	struct ts_finding *f =
		ts_finding_cause(context, "single-cpu-saturated", "net.core.netdev_budget");

	f->scope = TS_SCOPE_GLOBAL;
	ts_finding_identify(context, f, f->cause, "port");
	f->title = ts_text(context,
			   "CPU %s alone takes in %.0f packets a second and has time for no more, "
			   "while the others idle",
			   load->cpu, load->packets);
	f->remedy = ts_text(
		context,
		"Several connections can be spread over the other CPUs: with more receive queues "
		"(ethtool -L), or RPS where the device has one (a mask of CPUs in "
		"/sys/class/net/*/queues/rx-*/rps_cpus, in the network namespace of the device). "
		"The "
		"packets of a single connection stay together on one CPU: for those, move other "
		"work away from CPU %s, or do less per packet (firewall rules). No budget makes a "
		"CPU faster.",
		load->cpu);
	f->confidence = 0.8;
	ts_packet_cpu_evidence(context, f, load, &limits);
}

/* Said because guides tell people to raise netdev_budget when this counter grows. */
static void squeezed_only(struct ts_rule_context *context, double squeezed)
{
	struct ts_finding *f = ts_finding_cause(context, "harmless", "net.core.netdev_budget");

	f->scope = TS_SCOPE_GLOBAL;
	ts_finding_identify(context, f, f->cause, "port");
	f->title = "Packet input ran out of its budget (time_squeeze), and nothing was lost";
	f->remedy = "Nothing to remedy: what is left is taken in the next round. The counter "
		    "alone is no reason to raise net.core.netdev_budget or netdev_budget_usecs.";
	f->confidence = 0.9;
	ts_finding_judged(context, f, TS_FAMILY_SOFTNET, TS_LABELS(NULL, "time-squeeze"),
			  "rounds that ended with packets left", squeezed, "rounds", 1,
			  context->threshold[SQUEEZED]);
	ts_finding_judged(context, f, TS_FAMILY_SOFTNET, TS_LABELS(NULL, "dropped"),
			  "packets dropped at full input queues", 0, "packets", 1,
			  context->threshold[DROPPED]);
}

static void add_cpu(const struct ts_rule_context *context, struct totals *t,
		    const struct cpu_drops *c)
{
	bool idle = has_time(context, c);
	struct cpu_drops *worst = idle ? &t->idle : &t->busy;

	*(idle ? &t->idle_dropped : &t->busy_dropped) += c->dropped;
	if (idle && c->burst > t->burst)
		t->burst = c->burst;
	if (!worst->cpu || c->dropped > worst->dropped)
		*worst = *c;
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	struct totals t = {0};
	const struct ts_packet_cpu_limits limits = packet_limits(context);
	struct ts_packet_cpu load;
	double unknown = 0, squeezed = 0;

	ts_for_each_series (s, context->window, TS_FAMILY_SOFTNET) {
		struct cpu_drops c;

		if (!strcmp(s->label[1], "time-squeeze"))
			squeezed += (double)s->counter;
		if (strcmp(s->label[1], "dropped"))
			continue;
		c = measure(context, s->label[0]);
		t.flow_limit += c.flow_limit;
		if (c.dropped <= 0)
			continue;
		if (!(c.seconds >= context->threshold[BUSY_SECONDS]))
			unknown += c.dropped;
		else
			add_cpu(context, &t, &c);
	}
	if (t.idle_dropped >= context->threshold[DROPPED]) {
		if (rounds_too_short(context, &t.idle))
			raise_budget(context, &t);
		else
			raise_backlog(context, &t);
	}
	if (t.busy_dropped >= context->threshold[DROPPED])
		saturated(context, &t);
	if (unknown >= context->threshold[DROPPED])
		return ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"%.0f packets were dropped, but the CPU was observed for less than %g s "
			"around it: observe longer while it happens",
			unknown, context->threshold[BUSY_SECONDS]);
	load = ts_packet_cpu_fullest(context);
	if (t.busy_dropped < context->threshold[DROPPED] && ts_packet_cpu_alone(&load, &limits))
		receives_alone(context, &load);
	else if (squeezed >= context->threshold[SQUEEZED] &&
		 t.idle_dropped + t.busy_dropped + unknown + t.flow_limit <= 0)
		squeezed_only(context, squeezed);
	if (context->why)
		return context->outcome;
	return ts_rule_without_finding(
		context, TS_OUTCOME_QUIET,
		"%.0f packets dropped at full input queues (threshold %.0f)%s%s",
		t.idle_dropped + t.busy_dropped + unknown, context->threshold[DROPPED],
		t.flow_limit > 0
			? ts_text(context,
				  "; %.0f more by the flow limit of single large flows "
				  "(net.core.flow_limit_cpu_bitmap), which no queue length "
				  "changes",
				  t.flow_limit)
			: "",
		squeezed > 0 ? "; time_squeeze alone loses nothing" : "");
}

const struct ts_rule ts_rule_softnet_backlog = {
	.id = "softnet-backlog",
	.title = "Packet input queue drops",
	.needs = {TS_FAMILY_SOFTNET, TS_FAMILY_SOFTNET_BURST, TS_FAMILY_SOFTNET_BUSY,
		  TS_FAMILY_COUNT},
	.settings = {TS_SETTING_NETDEV_MAX_BACKLOG, TS_SETTING_NETDEV_BUDGET, TS_SETTING_COUNT},
	.thresholds =
		{[DROPPED] = {"dropped_packets", 10, 1, 1e12, "packets",
			      "packets dropped at input queues during the window, from which on it "
			      "is a "
			      "symptom"},
		 [IDLE_SHARE] =
			 {"idle_share", 0.1, 0, 1, "share of the time",
			  "a CPU that idles more than this around the drops could have taken the "
			  "packets had they been kept"},
		 [BUSY_SECONDS] = {"observed_seconds", 0.1, 0.01, 3600, "seconds",
				   "time of the CPU around the drops needed to judge it"},
		 [SQUEEZED] = {"squeezed_rounds", 1000, 1, 1e12, "rounds",
			       "rounds of packet input that ended with packets left during the "
			       "window, from which on it is said that this is harmless while no "
			       "packet is dropped"},
		 [SOFTIRQ_SHARE] = {"softirq_share", 0.5, 0.05, 1, "share of the time",
				    "a CPU without idle time that works on packets for more than "
				    "this is kept busy by them"},
		 [OTHERS_IDLE] = {"others_idle", 0.5, 0.05, 1, "share of the time",
				  "the other CPUs idle for more than this: they could take a part"},
		 [PACKET_SHARE] =
			 {"packet_share", 0.1, 0, 1, "share of the time",
			  "a CPU kept busy by programs could have taken the packets had they been "
			  "kept, when all of them together would have needed no more than this"}},
	.judge = judge,
	.explanation =
		"Packets handed to another CPU (RPS, veth, loopback) wait in that CPU's "
		"input queue, at most "
		"net.core.netdev_max_backlog of them; what does not fit is dropped.\n"
		"Convicts the setting: drops on a CPU that idles more than 10 % of the time "
		"around them, or that programs keep busy while all the packets would have needed "
		"no more than 10 % (they come first), so "
		"that a longer queue would have been worked off.\n"
		"Acquits it: a CPU without such time (single-cpu-saturated: also without "
		"drops, when packets alone keep it busy while other CPUs idle), drops by the "
		"flow limit, and "
		"time_squeeze, which by itself loses nothing.\n"
		"Convicts net.core.netdev_budget instead: such drops on a CPU that programs keep "
		"busy, where it is less than one queue's turn of 64 packets and ends nearly every "
		"round: the rest is left to a kernel task, which waits for its turn like any "
		"other. Otherwise nothing convicts it, nor netdev_budget_usecs: what is "
		"left at the end of a round is taken in the next one. RPS is named as a "
		"remedy, not proposed: whether the packets are of several connections, "
		"which alone it can spread, is not measured.\n"
		"A longer queue costs about 2 KiB of memory a packet while it is filled, "
		"and delay.",
	.reference = "enqueue_to_backlog(), skb_flow_limit(); /proc/net/softnet_stat; "
		     "Documentation/networking/scaling.rst",
};
