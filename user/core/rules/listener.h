/* SPDX-License-Identifier: GPL-2.0-only */
/* What the rules about listening sockets look at. */
#ifndef TUNESCOPE_RULES_LISTENER_H
#define TUNESCOPE_RULES_LISTENER_H

#include "../rule.h"

struct ts_listener {
	const char *netns, *port;
	double limit;	     /* of the accept queue, as the kernel holds it */
	double somaxconn;    /* of the namespace; NAN when it was not read */
	double drops, burst; /* attempts dropped; most between two samples */
	double queue_peak, syn_peak;
	double empty, partial, full, samples; /* samples of the accept queue */
	double full_seconds;		      /* longest stretch of full ones */
	const struct ts_sufferer *owner;      /* the process that listens, or NULL */
};

/* From a series of tcp_listener_backlog. */
struct ts_listener ts_listener_read(const struct ts_rule_context *context,
				    const struct ts_series *series);

/* Whether its accept queue was seen full. */
bool ts_listener_was_full(const struct ts_listener *listener);

/* ":9000 (nginx)" */
const char *ts_listener_text(struct ts_rule_context *context, const struct ts_listener *listener);

/* Writes netns, port, pid and comm of the finding, and the owner as its sufferer. */
void ts_listener_name(struct ts_rule_context *context, struct ts_finding *finding,
		      const struct ts_listener *listener);

/*
 * The limit is below somaxconn: the application's own backlog, or a somaxconn that was raised since
 * it called listen(). Nothing that is measured tells the two apart.
 */
const char *ts_listener_backlog_remedy(struct ts_rule_context *context,
				       const struct ts_listener *listener, double wanted);

/*
 * The accept-queue limit that the demand asks for: twice what the queue held and what did not fit,
 * a power of two, at least the kernel's own default, at most what every kernel accepts.
 */
#define TS_SOMAXCONN_DEFAULT 4096
#define TS_SOMAXCONN_MOST    65535
__u64 ts_listener_wanted(const struct ts_listener *listener);

/* What the owner has to do besides, for a proposal of somaxconn. */
const char *ts_listener_somaxconn_remedy(struct ts_rule_context *context,
					 const struct ts_listener *listener, __u64 wanted);

#endif
