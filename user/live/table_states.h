/* SPDX-License-Identifier: GPL-2.0-only */
/* What fills the neighbour and connection tracking tables, as seen in the current namespace. */
#ifndef TUNESCOPE_TABLE_STATES_H
#define TUNESCOPE_TABLE_STATES_H

#include <linux/types.h>

enum ts_neighbour_state { TS_NEIGHBOUR_RESOLVED, TS_NEIGHBOUR_UNRESOLVED, TS_NEIGHBOUR_STATES };
enum ts_flow_state {
	TS_FLOW_ANSWERED,   /* packets went both ways */
	TS_FLOW_UNANSWERED, /* only one side has sent anything */
	TS_FLOW_CLOSE_WAIT, /* closed by one side only */
	TS_FLOW_CLOSED,	    /* over, kept for a while longer */
	TS_FLOW_STATES
};

extern const char *const ts_neighbour_state_names[TS_NEIGHBOUR_STATES];
extern const char *const ts_flow_state_names[TS_FLOW_STATES];

/* family is AF_INET or AF_INET6. Entries are added to count. 0 or a negative errno. */
int ts_neighbour_states(int family, __u64 count[TS_NEIGHBOUR_STATES]);

/*
 * The first few thousand entries: the kernel lists them in the order of their hashes, so they are a
 * fair sample. 0 or a negative errno.
 */
int ts_flow_states(__u64 count[TS_FLOW_STATES]);

#endif
