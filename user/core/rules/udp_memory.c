// SPDX-License-Identifier: GPL-2.0-only
/* UDP drops datagrams for want of memory: udp_mem, or sockets that nobody reads. */
#include <math.h>
#include <string.h>

#include "../rule.h"
#include "datagram_queue.h"

enum { DROPPED, HELD_SHARE, UNREAD_SHARE, STRETCH, MEMORY_SHARE };

#define DEFAULT_SHARE	 (3.0 / 32) /* of memory, what the kernel sets the first number to */
#define SAMPLES_LEAST	 5
#define NEXT_TO_NONE	 0.05 /* of the samples */
#define SECONDS_PER_DROP 0.05 /* for ranking: nobody knows what a datagram was worth */

struct memory {
	double dropped, by_slow; /* datagrams; by sockets whose reader is slow */
	double by_undrained;	 /* of these by sockets that are never found drained */
	double demand;		 /* bytes */
	double held, page;	 /* bytes; NAN: it never came near the limit */
	double limit, total;	 /* pages */
	double unread, samples;
	double worst; /* drops of: */
	struct ts_datagram_queue queue;
};

static void add_socket(const struct ts_rule_context *context, struct memory *m,
		       const struct ts_series *s)
{
	struct ts_datagram_queue queue = ts_datagram_queue(context, s);
	double dropped = (double)s->counter;

	m->dropped += dropped;
	m->demand += ts_window_gauge(context->window, TS_FAMILY_UDP_DEMAND, s->label, 0);
	if (queue.stretch >= context->threshold[STRETCH])
		m->by_undrained += dropped;
	if (ts_datagram_reader_is_slow(context, &queue, context->threshold[STRETCH]))
		m->by_slow += dropped;
	if (dropped >= m->worst) {
		m->worst = dropped;
		m->queue = queue;
	}
}

static double samples(const struct ts_rule_context *context, const char *state)
{
	return (double)ts_window_counter(context->window, TS_FAMILY_UDP_MEMORY_SAMPLES,
					 TS_LABELS(state));
}

static struct memory measure(const struct ts_rule_context *context)
{
	const struct ts_window *window = context->window;
	struct memory m = {
		.held = ts_window_gauge(window, TS_FAMILY_UDP_MEMORY, TS_LABELS("held"), NAN),
		.page = ts_window_gauge(window, TS_FAMILY_UDP_MEMORY, TS_LABELS("page"), NAN),
		.limit = ts_window_setting_number(window, TS_SETTING_UDP_MEM, "", 0, NAN),
		.unread = samples(context, "unread"),
	};

	m.samples = m.unread + samples(context, "drained");
	m.total = (double)window->delta->host.memory_bytes / m.page;
	ts_for_each_series (s, window, TS_FAMILY_UDP_DROPS)
		if (!strcmp(s->label[2], "udp_mem"))
			add_socket(context, &m, s);
	return m;
}

static void add_evidence(struct ts_rule_context *context, struct ts_finding *finding,
			 const struct memory *m)
{
	const char *const dropped[TS_LABELS_MAX] = {NULL, NULL, "udp_mem"};

	ts_finding_judged(context, finding, TS_FAMILY_UDP_DROPS, dropped,
			  "datagrams dropped although their socket had room", m->dropped,
			  "datagrams", (__u64)m->dropped, context->threshold[DROPPED]);
	ts_finding_judged(context, finding, TS_FAMILY_UDP_MEMORY, TS_LABELS("held"),
			  "most memory that UDP sockets held", m->held, "bytes", (__u64)m->samples,
			  context->threshold[HELD_SHARE] * m->limit * m->page);
	ts_finding_judged(context, finding, TS_FAMILY_UDP_MEMORY_SAMPLES, TS_LABELS("unread"),
			  "samples that found half of it waiting to be read",
			  100 * m->unread / fmax(m->samples, 1), "%", (__u64)m->samples,
			  100 * context->threshold[UNREAD_SHARE]);
	ts_datagram_evidence(context, finding, &m->queue, context->threshold[STRETCH]);
	finding->harm = m->dropped;
	finding->harm_unit = "datagrams dropped";
	finding->harm_seconds = m->dropped * SECONDS_PER_DROP;
}

static void slow_reader(struct ts_rule_context *context, const struct memory *m)
{
	struct ts_finding *finding = ts_finding_cause(context, "receiver-too-slow",
						      ts_settings[TS_SETTING_UDP_MEM].name);

	finding->scope = TS_SCOPE_GLOBAL;
	ts_datagram_name(context, finding, &m->queue, finding->cause);
	finding->title = "UDP is short of memory because sockets are not read";
	finding->remedy =
		"Datagrams stay in sockets: more memory would fill as well. Look for those "
		"that hold much (ss -uam, ordered by Recv-Q), make their readers faster, or "
		"close them.";
	finding->confidence = 0.8;
	add_evidence(context, finding, m);
}

static void raise_limit(struct ts_rule_context *context, const struct memory *m)
{
	double least = floor(m->total * DEFAULT_SHARE);
	double most = floor(m->total * context->threshold[MEMORY_SHARE]);
	double demand = fmax(m->limit, m->held / m->page) + m->demand / m->page;
	double wanted = floor(fmin(fmax(least, 2 * demand), most));
	bool at_most = wanted <= m->limit;
	struct ts_finding *finding =
		ts_finding_new(context, at_most ? TS_OUTCOME_ALREADY_SET : TS_OUTCOME_RECOMMEND);

	ts_finding_propose(
		context, finding, TS_SETTING_UDP_MEM, "",
		ts_text(context, "%.0f %.0f %.0f", wanted, floor(wanted * 4 / 3), 2 * wanted));
	ts_datagram_name(context, finding, &m->queue, finding->setting);
	finding->title = ts_text(context, "all of UDP has reached its memory limit of %s",
				 ts_rule_bytes_text(context, m->limit * m->page));
	finding->confidence = 0.9;
	add_evidence(context, finding, m);
	if (at_most) {
		finding->proposed = finding->apply = finding->undo = "";
		finding->remedy =
			"UDP may hold a large part of the memory already: look for sockets "
			"with long queues (ss -uam).";
		return;
	}
	finding->computed = ts_text(context,
				    "twice what was held or allowed and what was dropped (%.0f "
				    "pages), at least 3/32 of "
				    "memory (%.0f, the kernel's default), at most %.0f %% of "
				    "memory (%.0f); 4/3 and twice "
				    "of it beside, as the kernel does",
				    demand, least, 100 * context->threshold[MEMORY_SHARE], most);
	finding->expect =
		ts_text(context,
			"no more datagrams dropped that their sockets have room for (%.0f "
			"in this window)",
			m->dropped);
}

/*
 * A socket keeps up to a quarter of its buffer of what it once had (udp_rmem_release()), so that
 * the memory may be taken while next to nothing waits; of the little that arrives then, nobody can
 * tell how fast its reader would be.
 */
static bool is_kept(const struct memory *m)
{
	return m->samples >= SAMPLES_LEAST && m->unread < NEXT_TO_NONE * m->samples;
}

static bool is_unread(const struct ts_rule_context *context, const struct memory *m)
{
	return m->by_undrained > m->dropped / 2 || (m->by_slow > m->dropped / 2 && !is_kept(m)) ||
	       (m->samples >= SAMPLES_LEAST &&
		m->unread >= context->threshold[UNREAD_SHARE] * m->samples);
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	struct memory m = measure(context);

	if (m.dropped < context->threshold[DROPPED])
		return ts_rule_without_finding(
			context, TS_OUTCOME_QUIET,
			"%.0f datagrams were dropped for want of UDP memory (threshold %.0f)",
			m.dropped, context->threshold[DROPPED]);
	if (isnan(m.limit) || !(m.total >= 1))
		return ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"%.0f datagrams were dropped for want of memory, but "
			"net.ipv4.udp_mem, or what UDP holds of it, was not "
			"seen: observe longer",
			m.dropped);
	if (m.held < context->threshold[HELD_SHARE] * m.limit * m.page)
		return ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"%.0f datagrams were dropped at sockets that had room for them, but UDP "
			"was "
			"seen to hold no more than %.0f of %.0f pages: observe longer",
			m.dropped, m.held / m.page, m.limit);
	if (is_unread(context, &m))
		slow_reader(context, &m);
	else
		raise_limit(context, &m);
	return TS_OUTCOME_QUIET; /* unless there is the finding */
}

const struct ts_rule ts_rule_udp_memory = {
	.id = "udp-memory",
	.title = "UDP memory limit",
	.needs = {TS_FAMILY_UDP_DROPS, TS_FAMILY_UDP_MEMORY, TS_FAMILY_DATAGRAM_QUEUE_TIME,
		  TS_FAMILY_NETWORK_COUNTERS, TS_FAMILY_COUNT},
	.settings = {TS_SETTING_UDP_MEM, TS_SETTING_COUNT},
	.thresholds =
		{[DROPPED] = {"dropped_datagrams", 10, 1, 1e12, "datagrams",
			      "datagrams dropped for want of memory during the window, from which "
			      "on it is a symptom"},
		 [HELD_SHARE] =
			 {"held_share", 0.5, 0.1, 1, "share of the limit",
			  "memory that all UDP sockets held (sampling misses the very peak), "
			  "as a share of the first number of udp_mem, from which on that is "
			  "the cause"},
		 [UNREAD_SHARE] = {"unread_share", 0.7, 0.1, 1, "share of the samples",
				   "share of the samples that find half of the memory waiting to "
				   "be read, from which on it is sockets that nobody reads"},
		 [STRETCH] = {"undrained_seconds", 3, 0.2, 3600, "seconds",
			      "a socket that is never found drained for so long at a stretch has "
			      "no burst: its reader is too slow"},
		 [MEMORY_SHARE] = {"memory_share", 0.1875, 0.01, 0.5, "share of memory",
				   "share of memory that the first number is proposed to be at "
				   "most"}},
	.judge = judge,
	.explanation =
		"All UDP sockets of the host together may hold net.ipv4.udp_mem pages. Beyond the "
		"first of its numbers a socket that holds more than net.ipv4.udp_rmem_min gets no "
		"more, and what arrives for it is dropped, whatever room its own buffer has.\n"
		"Convicts udp_mem: datagrams are dropped at sockets that have room while the "
		"memory "
		"is at that number, and their readers drain them in between.\n"
		"Acquits it: sockets that are never found drained, whose reader works all the "
		"time, "
		"or whose unread datagrams are most of the memory (receiver-too-slow).\n"
		"This memory cannot be swapped out; the setting holds for all network namespaces. "
		"Linux 6.18 does not count these drops (MemErrors stays 0): they are told by the "
		"drop counters of the sockets.",
	.reference = "__udp_enqueue_schedule_skb(), __sk_mem_raise_allocated(), udp_init(); "
		     "Documentation/networking/ip-sysctl.rst; udp(7)",
};
