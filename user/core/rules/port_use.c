// SPDX-License-Identifier: GPL-2.0-only
#include "port_use.h"

#include <math.h>
#include <string.h>

static double held(const struct ts_rule_context *context, const char *netns,
		   const char *destination, const char *state)
{
	return ts_window_gauge(context->window, TS_FAMILY_TCP_LOCAL_PORTS,
			       TS_LABELS(netns, destination, state), 0);
}

double ts_port_use_at_all(const struct ts_rule_context *context, const char *netns,
			  const char *destination)
{
	double sum = 0;

	ts_for_each_series (s, context->window, TS_FAMILY_TCP_LOCAL_PORTS)
		if (ts_series_matches(s, TS_LABELS(netns, destination)))
			sum += s->gauge;
	return sum;
}

static const char *port_of(const char *destination)
{
	const char *colon = strrchr(destination, ':');

	return colon ? colon + 1 : "";
}

double ts_port_use_failed(const struct ts_rule_context *context, const char *netns,
			  const char *port, const char *reason)
{
	if (!ts_rule_measured(context, TS_FAMILY_TCP_CONNECT_FAILURES))
		return 0;
	return (double)ts_window_counter(context->window, TS_FAMILY_TCP_CONNECT_FAILURES,
					 TS_LABELS(netns, port, reason));
}

static void find_destination(const struct ts_rule_context *context, struct ts_port_use *p,
			     double symptom)
{
	bool suffers = false;

	ts_for_each_series (s, context->window, TS_FAMILY_TCP_LOCAL_PORTS) {
		const char *destination = s->label[1];
		double sum;
		bool failing;

		if (strcmp(s->label[0], p->netns) || !strcmp(destination, "other"))
			continue;
		sum = ts_port_use_at_all(context, p->netns, destination);
		failing = ts_port_use_failed(context, p->netns, port_of(destination),
					     "no-local-port") >= symptom;
		if (failing == suffers ? sum > p->held : failing && sum > 0) {
			p->held = sum;
			p->destination = destination;
			suffers = failing;
		}
	}
}

/* Connects during the window, and how many more connections there are than at its beginning. */
static void measure_connects(const struct ts_rule_context *context, struct ts_port_use *p)
{
	const char *port = port_of(p->destination);
	const struct ts_histogram *established;
	double opened;

	p->growth = NAN;
	if (!ts_rule_measured(context, TS_FAMILY_TCP_CONNECT_LATENCY)) {
		p->attempts = ts_rule_network_counter(context, p->netns, "TcpActiveOpens");
		return;
	}
	established = ts_window_histogram(context->window, TS_FAMILY_TCP_CONNECT_LATENCY,
					  TS_LABELS(p->netns, port));
	opened = established ? (double)established->count : 0;
	p->attempts = opened + ts_port_use_failed(context, p->netns, port, "not-established");
	if (ts_rule_measured(context, TS_FAMILY_TCP_CONNECTIONS))
		p->growth = opened -
			    (double)ts_window_counter(context->window, TS_FAMILY_TCP_CONNECTIONS,
						      TS_LABELS(p->netns, "outbound", port));
}

struct ts_port_use ts_port_use(const struct ts_rule_context *context, const char *netns,
			       double symptom)
{
	const struct ts_window *window = context->window;
	struct ts_port_use p = {.netns = netns, .destination = ""};

	find_destination(context, &p, symptom);
	p.everywhere = ts_port_use_at_all(context, netns, NULL);
	p.time_wait = held(context, netns, p.destination, "time-wait");
	p.abandoned = held(context, netns, p.destination, "fin-wait-closed");
	p.fin_wait = held(context, netns, p.destination, "fin-wait") + p.abandoned;
	p.open = held(context, netns, p.destination, "established") +
		 held(context, netns, p.destination, "other");
	p.close_wait = held(context, netns, p.destination, "close-wait");
	p.failed = ts_port_use_failed(context, netns, NULL, "no-local-port");
	measure_connects(context, &p);
	p.first = ts_window_setting_number(window, TS_SETTING_IP_LOCAL_PORT_RANGE, netns, 0, NAN);
	p.last = ts_window_setting_number(window, TS_SETTING_IP_LOCAL_PORT_RANGE, netns, 1, NAN);
	p.reuse = ts_window_setting_number(window, TS_SETTING_TCP_TW_REUSE, netns, 0, NAN);
	p.fin_timeout = ts_window_setting_number(window, TS_SETTING_TCP_FIN_TIMEOUT, netns, 0, NAN);
	p.timestamps = ts_window_setting_number(window, TS_SETTING_TCP_TIMESTAMPS, netns, 0, NAN);
	return p;
}
