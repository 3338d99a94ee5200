/* SPDX-License-Identifier: GPL-2.0-only */
/* What the rules about datagram sockets have in common: how a full queue fared. */
#ifndef TUNESCOPE_RULES_DATAGRAM_QUEUE_H
#define TUNESCOPE_RULES_DATAGRAM_QUEUE_H

#include "../rule.h"

struct ts_datagram_queue {
	const char *netns, *socket, *limit;
	double observed;		  /* seconds around the times it was full */
	double queued, full, working;	  /* of these */
	double stretch;			  /* longest time it was never found drained, seconds */
	const struct ts_sufferer *reader; /* NULL: not known */
};

struct ts_datagram_queue ts_datagram_queue(const struct ts_rule_context *context,
					   const struct ts_series *series);

/* Share of the time in which its reader worked on what waited (not known: could have). */
double ts_datagram_working_share(const struct ts_datagram_queue *queue);

/* "socket udp:53 of named (1234) in …" */
const char *ts_datagram_text(struct ts_rule_context *context,
			     const struct ts_datagram_queue *queue);

void ts_datagram_evidence(struct ts_rule_context *context, struct ts_finding *finding,
			  const struct ts_datagram_queue *queue, double stretch_threshold);

/*
 * Namespace, port and reader; the namespace is left out where the setting is the host's, so that
 * all who suffer from it are one finding.
 */
void ts_datagram_name(struct ts_rule_context *context, struct ts_finding *finding,
		      const struct ts_datagram_queue *queue, const char *what);

#endif
