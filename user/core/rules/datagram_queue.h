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

/* Of what arrived at UDP sockets of its namespace, what reached a reader; NAN: nothing did. */
double ts_datagram_delivered_share(const struct ts_rule_context *context,
				   const struct ts_datagram_queue *queue);

/*
 * A reader that works all the time on what waits delivers what it can: had it to take what was
 * dropped as well, it would need more time than there is. So does one that is never seen to have
 * drained its queue for stretch_threshold seconds.
 */
bool ts_datagram_reader_is_slow(const struct ts_rule_context *context,
				const struct ts_datagram_queue *queue, double stretch_threshold);

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
