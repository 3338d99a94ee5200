/* SPDX-License-Identifier: GPL-2.0-only */
/* The CPU that spends most of its time on packets, and whether it is the only one that works. */
#ifndef TUNESCOPE_RULES_PACKET_CPU_H
#define TUNESCOPE_RULES_PACKET_CPU_H

#include "../rule.h"

struct ts_packet_cpu {
	const char *cpu;		   /* NULL: none */
	double seconds;			   /* observed */
	double idle, softirq, others_idle; /* shares of its time, and of that of the others */
	double packets;			   /* a second */
};

struct ts_packet_cpu_limits {
	double idle, softirq, others_idle, seconds;
};

struct ts_packet_cpu ts_packet_cpu_fullest(const struct ts_rule_context *context);
bool ts_packet_cpu_alone(const struct ts_packet_cpu *load,
			 const struct ts_packet_cpu_limits *limits);
/* Also says what harm it does. */
void ts_packet_cpu_evidence(struct ts_rule_context *context, struct ts_finding *f,
			    const struct ts_packet_cpu *load,
			    const struct ts_packet_cpu_limits *limits);

#endif
