/* SPDX-License-Identifier: GPL-2.0-only */
/* What the rules about TCP buffers and windows look at: connections that something bounds. */
#ifndef TUNESCOPE_RULES_FLOW_H
#define TUNESCOPE_RULES_FLOW_H

#include "../rule.h"

/* The families of one direction, and how it is spoken of. */
struct ts_flow_direction {
	enum ts_family_id bytes, window, buffer, in_flight, rtt, connections;
	const char *moved; /* "bytes received while …" */
	const char *window_text, *rtt_text;
};
extern const struct ts_flow_direction ts_flow_received, ts_flow_sent;

/* The connections of one service (or to one remote port), bounded by one thing. */
struct ts_flow {
	const struct ts_flow_direction *direction;
	const char *netns, *side, *port, *limit;
	double bytes, share; /* moved while bounded, and as a share of all */
	double window, buffer, in_flight, rtt;
	double base_rtt; /* without queueing, as far as known; else NAN */
	__u64 connections;
};

/* A series of direction->bytes. */
struct ts_flow ts_flow_read(const struct ts_rule_context *context,
			    const struct ts_flow_direction *direction,
			    const struct ts_series *series);

/* "connections to port 9000 in network namespace web (4026532211)" */
const char *ts_flow_text(struct ts_rule_context *context, const struct ts_flow *flow);

/* What a rule holds a flow against. */
struct ts_flow_limits {
	double bytes, share, round_trip, queueing;
	double path_rate; /* bytes/s a connection should be able to reach */
};

/* It moved enough, and enough of it while bounded that way. */
bool ts_flow_matters(const struct ts_flow *flow, const struct ts_flow_limits *limits);

/* The round-trip time is so far above its minimum that the path is full already. */
bool ts_flow_queues_up(const struct ts_flow *flow, const struct ts_flow_limits *limits);

/* The round-trip times of its samples are such that a queue stands on the path most of the time. */
bool ts_flow_queue_stands(const struct ts_rule_context *context, const char *netns,
			  const char *side, const char *port);

/* It loses segments, and that in a queue that overflows. */
bool ts_flow_overflows(const struct ts_rule_context *context, const struct ts_flow *flow);

/* Evidence, harm, namespace, port and owner; what: the setting or the cause. */
void ts_flow_describe(struct ts_rule_context *context, struct ts_finding *finding,
		      const struct ts_flow *flow, const struct ts_flow_limits *limits,
		      const char *what);

/* A cause that is no setting. title follows ts_flow_text. */
struct ts_flow_cause {
	const char *limit; /* the flow's that has it */
	const char *cause, *acquits, *title, *remedy;
	double confidence;
};
void ts_flow_not_a_setting(struct ts_rule_context *context, const struct ts_flow *flow,
			   const struct ts_flow_limits *limits, const struct ts_flow_cause *cause);

/* A limit of the buffer that a setting imposes. */
struct ts_flow_buffer {
	const char *limit; /* the flow's that it imposes */
	enum ts_setting_id id;
	unsigned int number; /* which of its numbers bounds the buffer */
	double least;	     /* the kernel's own default: not below it */
	double confidence;
	const char *doubt; /* what else looks the same, and what is to do besides */
};

/* Proposes the larger limit, or says that it has its largest sensible value. */
void ts_flow_raise_buffer(struct ts_rule_context *context, const struct ts_flow *flow,
			  const struct ts_flow_limits *limits, const struct ts_flow_buffer *buffer);

#endif
