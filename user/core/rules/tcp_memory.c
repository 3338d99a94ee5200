// SPDX-License-Identifier: GPL-2.0-only
/* All of TCP at the limit of its memory: tcp_mem. */
#include <math.h>
#include <string.h>

#include "../rule.h"

enum { PRESSURES, READER_SHARE, MEMORY_SHARE };

#define DEFAULT_SHARE (1.0 / 16) /* of memory, what the kernel sets the second number to */
#define MUCH_HELD     0.05	 /* of the limit, at the end of the window */

struct memory {
	double pressures, milliseconds; /* times and time under pressure, of all namespaces */
	double refused;			/* segments and connections given up for want of memory */
	double held, page;		/* bytes; NAN: not read */
	double limit;			/* second number of tcp_mem, pages */
	double total;			/* of the host, pages */
	double received, unread;	/* bytes received; by connections whose reader is slow */
};

static double of_all(const struct ts_rule_context *context, const char *counter)
{
	return (double)ts_window_counter(context->window, TS_FAMILY_NETWORK_COUNTERS,
					 TS_LABELS(NULL, counter));
}

static double gauge(const struct ts_rule_context *context, const char *kind)
{
	return ts_window_gauge(context->window, TS_FAMILY_TCP_MEMORY, TS_LABELS(kind), NAN);
}

static struct memory measure(const struct ts_rule_context *context)
{
	const struct ts_window *window = context->window;
	struct memory m = {
		.pressures = of_all(context, "TCPMemoryPressures"),
		.milliseconds = of_all(context, "TCPMemoryPressuresChrono"),
		.refused = of_all(context, "TCPRcvQDrop") + of_all(context, "RcvPruned") +
			   of_all(context, "TCPAbortOnMemory"),
		.held = gauge(context, "held"),
		.page = gauge(context, "page"),
		.limit = ts_window_setting_number(window, TS_SETTING_TCP_MEM, "", 1, NAN),
		.received = (double)ts_window_counter(window, TS_FAMILY_TCP_RECEIVED, NULL),
		.unread = (double)ts_window_counter(window, TS_FAMILY_TCP_RECEIVED,
						    TS_LABELS(NULL, NULL, NULL, "reader")),
	};

	m.total = (double)window->delta->host.memory_bytes / m.page;
	return m;
}

static void add_evidence(struct ts_rule_context *context, struct ts_finding *finding,
			 const struct memory *m)
{
	const char *const held[TS_LABELS_MAX] = {"held"};

	ts_finding_judged(context, finding, TS_FAMILY_NETWORK_COUNTERS,
			  TS_LABELS(NULL, "TCPMemoryPressures"), "times TCP came under pressure",
			  m->pressures, "times", (__u64)m->pressures,
			  context->threshold[PRESSURES]);
	ts_finding_evidence(context, finding, TS_FAMILY_NETWORK_COUNTERS,
			    TS_LABELS(NULL, "TCPMemoryPressuresChrono"), "time under pressure",
			    m->milliseconds, "ms", (__u64)m->pressures);
	ts_finding_judged(context, finding, TS_FAMILY_TCP_MEMORY, held,
			  "memory held at the end of the window", m->held, "bytes", 1,
			  m->limit * m->page);
	if (m->refused > 0)
		ts_finding_evidence(context, finding, TS_FAMILY_NETWORK_COUNTERS,
				    TS_LABELS(NULL, "TCPRcvQDrop"),
				    "segments and connections given up for want of memory",
				    m->refused, "times", (__u64)m->refused);
	finding->harm = fmax(fmin(m->milliseconds / 1e3, context->window->seconds),
			     m->held >= m->limit * m->page ? context->window->seconds : 0);
	finding->harm_unit = "seconds of TCP under memory pressure";
	finding->harm_seconds = finding->harm;
}

static void slow_reader(struct ts_rule_context *context, const struct memory *m)
{
	struct ts_finding *finding =
		ts_finding_cause(context, "slow-reader", ts_settings[TS_SETTING_TCP_MEM].name);

	finding->scope = TS_SCOPE_GLOBAL;
	ts_finding_identify(context, finding, finding->cause, "port");
	finding->title = "TCP is short of memory because applications do not read what has arrived";
	finding->remedy =
		"Received data stays in the sockets. More memory would fill as well: look "
		"for the readers that fall behind.";
	finding->confidence = 0.75;
	add_evidence(context, finding, m);
}

static void raise_limit(struct ts_rule_context *context, const struct memory *m)
{
	double least = floor(m->total * DEFAULT_SHARE);
	double most = floor(m->total * context->threshold[MEMORY_SHARE]);
	double wanted = fmin(fmax(least, 2 * fmax(m->limit, m->held / m->page)), most);
	bool at_most = wanted <= m->limit;
	struct ts_finding *finding =
		ts_finding_new(context, at_most ? TS_OUTCOME_ALREADY_SET : TS_OUTCOME_RECOMMEND);

	ts_finding_propose(context, finding, TS_SETTING_TCP_MEM, "",
			   ts_text(context, "%.0f %.0f %.0f", floor(0.75 * wanted), wanted,
				   floor(1.5 * wanted)));
	ts_finding_identify(context, finding, finding->setting, "port");
	finding->title = ts_text(context, "all of TCP has reached its memory limit of %s",
				 ts_rule_bytes_text(context, m->limit * m->page));
	finding->confidence = 0.9;
	add_evidence(context, finding, m);
	if (at_most) {
		finding->proposed = finding->apply = finding->undo = "";
		finding->remedy = "TCP may hold a large part of the memory already: look for many "
				  "connections with full queues (ss -tm).";
		return;
	}
	finding->computed =
		ts_text(context,
			"twice the limit that was reached (%.0f pages), at least 1/16 of memory "
			"(%.0f, the kernel's default), at most %.0f %% of memory (%.0f); 3/4 and "
			"3/2 of it beside, as the kernel does",
			fmax(m->limit, m->held / m->page), least,
			100 * context->threshold[MEMORY_SHARE], most);
	finding->expect = "buffers grow again, and nothing that has arrived is thrown away";
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	struct memory m = measure(context);

	if (m.pressures < context->threshold[PRESSURES] && !(m.held >= m.limit * m.page))
		return ts_rule_without_finding(context, TS_OUTCOME_QUIET,
					       "TCP was not short of memory");
	if (isnan(m.held) || isnan(m.page) || isnan(m.limit) || !(m.total >= 1))
		return ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					       "net.ipv4.tcp_mem, or what TCP holds of it, could "
					       "not be read");
	/* A limit at the kernel's default that is hardly used was another one, or the load is over.
	 */
	if (m.limit >= m.total * DEFAULT_SHARE / 2 && m.held < MUCH_HELD * m.limit * m.page)
		return ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"TCP came under memory pressure %.0f times, but holds %s at the end of the "
			"window, far below its limit of %s: net.ipv4.tcp_mem may have been raised "
			"since, or the load has ended; observe while it lasts",
			m.pressures, ts_rule_bytes_text(context, m.held),
			ts_rule_bytes_text(context, m.limit * m.page));
	/* Below half of the default it is too little for anybody. */
	if (m.limit >= m.total * DEFAULT_SHARE / 2 &&
	    m.unread > context->threshold[READER_SHARE] * m.received)
		slow_reader(context, &m);
	else
		raise_limit(context, &m);
	return TS_OUTCOME_QUIET; /* unless there is the finding */
}

const struct ts_rule ts_rule_tcp_memory = {
	.id = "tcp-memory",
	.title = "TCP memory limit",
	.needs = {TS_FAMILY_NETWORK_COUNTERS, TS_FAMILY_TCP_MEMORY, TS_FAMILY_COUNT},
	.settings = {TS_SETTING_TCP_MEM, TS_SETTING_COUNT},
	.thresholds =
		{[PRESSURES] = {"pressures", 1, 1, 1e9, "times",
				"times TCP comes under memory pressure"},
		 [READER_SHARE] = {"reader_share", 0.5, 0.01, 1, "share of received bytes",
				   "share of what was received by connections whose reader is "
				   "slow, from which on those are the cause"},
		 [MEMORY_SHARE] = {"memory_share", 0.25, 0.01, 0.5, "share of memory",
				   "share of memory that TCP is proposed to hold at most"}},
	.judge = judge,
	.explanation =
		"All TCP sockets of the host together may hold net.ipv4.tcp_mem pages. Above the "
		"second number buffers no longer grow, above the third the kernel throws away what "
		"has arrived and closes connections that nobody holds any more.\n"
		"Convicts tcp_mem: TCP came under memory pressure (TCPMemoryPressures), or holds "
		"more than the second number.\n"
		"Acquits it: a limit at the kernel's default of which next to nothing is held in "
		"the end "
		"(it was raised meanwhile, or the load is over); most of what arrives goes to "
		"connections whose application does not "
		"read, while the limit is near the kernel's default.\n"
		"This memory cannot be swapped out; the setting holds for all network namespaces.\n"
		"Source: tcp_enter_memory_pressure(), __sk_mem_raise_allocated(), tcp_init_mem().",
};
