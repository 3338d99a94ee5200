/* SPDX-License-Identifier: GPL-2.0-only */
/* What is remembered of each connection from one visit to the next. */
#ifndef TUNESCOPE_SOCKET_MEMORY_H
#define TUNESCOPE_SOCKET_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <tunescope/sockets.h>

struct ts_socket_memory;

struct ts_socket_memory *ts_socket_memory_new(void); /* NULL: out of memory */
void ts_socket_memory_free(struct ts_socket_memory *memory);

/* Around each round of visits: a connection not met in a round, or since, is forgotten. */
void ts_socket_memory_begin(struct ts_socket_memory *memory);
void ts_socket_memory_end(struct ts_socket_memory *memory);

struct ts_socket_past {
	bool met;			    /* before; the members below are of then */
	struct ts_socket_progress progress; /* what it had counted */
	__u64 elapsed_ns;		    /* since */
	__u32 request;			    /* of the exchange that was the last one then */
	__u32 paused_window;		    /* as below */
};

/*
 * Remembers it, and returns what was remembered. round: this is a part of a round, and not between
 * two of them. request: a number that tells a connection's exchanges apart. paused_window: its
 * congestion window if it pauses, or 0.
 */
struct ts_socket_past ts_socket_memory_update(struct ts_socket_memory *memory, bool round,
					      const struct ts_socket_record *record, __u32 netns,
					      __u64 now_ns, __u32 request, __u32 paused_window);

/*
 * What the last round, or the one under way, has met of a connection that ended then. Before it is
 * forgotten by ts_socket_memory_begin.
 */
struct ts_socket_past ts_socket_memory_past(const struct ts_socket_memory *memory,
					    const struct ts_socket_record *record, __u32 netns,
					    __u64 ended_ns);

/* Connections there was no room for, each time they were met. */
__u64 ts_socket_memory_lost(const struct ts_socket_memory *memory);

#endif
