/* SPDX-License-Identifier: GPL-2.0-only */
/* Who holds the local ports of a network namespace, and what became of its connects. */
#ifndef TUNESCOPE_RULES_PORT_USE_H
#define TUNESCOPE_RULES_PORT_USE_H

#include "../rule.h"

struct ts_port_use {
	const char *netns;
	/* The one that holds most, among those to whose port connects failed, if there are any. */
	const char *destination;
	double time_wait, fin_wait, open, close_wait; /* towards it */
	double abandoned;   /* of fin_wait, those that no program holds any more */
	double held;	    /* all of them */
	double everywhere;  /* towards all destinations */
	double failed;	    /* for want of a local port */
	double attempts;    /* connects towards its port that did not fail for that */
	double growth;	    /* of these, connections that have not ended; NAN when not measured */
	double first, last; /* the range; NAN when not read */
	double reuse;	    /* tcp_tw_reuse */
	double fin_timeout; /* tcp_fin_timeout, seconds */
	double timestamps;  /* tcp_timestamps */
};

/* symptom: from so many connects without a port on, a destination suffers. */
struct ts_port_use ts_port_use(const struct ts_rule_context *context, const char *netns,
			       double symptom);

/* Ports held towards a destination, or all (NULL). */
double ts_port_use_at_all(const struct ts_rule_context *context, const char *netns,
			  const char *destination);

/* Connects to a remote port, or to any (NULL), that failed for a reason. */
double ts_port_use_failed(const struct ts_rule_context *context, const char *netns,
			  const char *port, const char *reason);

#endif
