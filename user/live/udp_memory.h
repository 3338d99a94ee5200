/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory of all UDP sockets of the host against net.ipv4.udp_mem. It is looked at twice a second,
 * and with every tick for a while after it was low. Sockets must be visited then: Linux 6.18 tells
 * nobody, and counts nothing, when a datagram is dropped for want of it.
 */
#ifndef TUNESCOPE_UDP_MEMORY_H
#define TUNESCOPE_UDP_MEMORY_H

#include "procfile.h"

struct ts_udp_memory {
	struct ts_procfile sockets, limit;
	__u64 sampled_ns, low_ns;
	__u64 held, allowed;   /* pages, at the last sample */
	__u64 peak;	       /* pages, since the last snapshot, while it was low */
	__u64 unread, drained; /* samples */
	int error;	       /* of the last sample */
};

void ts_udp_memory_open(struct ts_udp_memory *memory, const struct ts_live *live);
void ts_udp_memory_close(struct ts_udp_memory *memory);

void ts_udp_memory_sample(struct ts_udp_memory *memory, __u64 now_ns);
bool ts_udp_memory_is_low(const struct ts_udp_memory *memory, __u64 now_ns);
/* After a visit of all UDP sockets: the bytes that wait at them. */
void ts_udp_memory_note(struct ts_udp_memory *memory, __u64 waiting);

void ts_udp_memory_snapshot(struct ts_udp_memory *memory, struct ts_snapshot *snapshot);

#endif
