/* SPDX-License-Identifier: GPL-2.0-only */
/* Connections that something bounds, as the tests of the rules about them make them up. */
#ifndef TUNESCOPE_TESTS_RULES_FLOW_H
#define TUNESCOPE_TESTS_RULES_FLOW_H

#include "fixture.h"

struct flow {
	const char *netns, *side, *port, *limit;
	double bytes, others; /* moved while bounded that way, and otherwise */
	double window, buffer, in_flight, rtt, min_rtt;
};

#define ADD_FLOW(f, w, bytes_family, prefix)                                                     \
	do {                                                                                     \
		fixture_counter(f, bytes_family, (w)->bytes, (w)->netns, (w)->side, (w)->port,   \
				(w)->limit);                                                     \
		fixture_counter(f, bytes_family, (w)->others, (w)->netns, (w)->side, (w)->port,  \
				"none");                                                         \
		fixture_gauge(f, prefix##_WINDOW, (w)->window, (w)->netns, (w)->side, (w)->port, \
			      (w)->limit);                                                       \
		fixture_gauge(f, prefix##_BUFFER, (w)->buffer, (w)->netns, (w)->side, (w)->port, \
			      (w)->limit);                                                       \
		fixture_gauge(f, prefix##_IN_FLIGHT, (w)->in_flight, (w)->netns, (w)->side,      \
			      (w)->port, (w)->limit);                                            \
		fixture_gauge(f, prefix##_RTT, (w)->rtt, (w)->netns, (w)->side, (w)->port,       \
			      (w)->limit);                                                       \
		fixture_gauge(f, prefix##_CONNECTIONS, 1, (w)->netns, (w)->side, (w)->port,      \
			      (w)->limit);                                                       \
		fixture_latency(f, TCP_LIVE_MINIMUM_RTT, TS_HISTOGRAM_SCALE_KEYED, (w)->min_rtt, \
				100, (w)->netns, (w)->side, (w)->port);                          \
	} while (0)

#define ADD_RECEIVED(f, w) ADD_FLOW(f, w, TCP_RECEIVED, TCP_RECEIVE)
#define ADD_SENT(f, w)	   ADD_FLOW(f, w, TCP_SENT, TCP_SEND)

#endif
