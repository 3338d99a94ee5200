/* SPDX-License-Identifier: GPL-2.0-only */
/* Local ports of outbound connections, by destination and state: who uses up the ephemeral range.
 */
#ifndef TUNESCOPE_LOCAL_PORTS_H
#define TUNESCOPE_LOCAL_PORTS_H

#include <tunescope/sockets.h>
#include "../core/snapshot.h"

struct ts_local_ports;

struct ts_local_ports *ts_local_ports_new(void); /* NULL: out of memory */
void ts_local_ports_free(struct ts_local_ports *ports);

/* One visit of a namespace: begin, every outbound socket, end (keeps its largest destinations). */
void ts_local_ports_begin(struct ts_local_ports *ports);
void ts_local_ports_add(struct ts_local_ports *ports, const struct ts_socket_record *record);
void ts_local_ports_end(struct ts_local_ports *ports, __u32 netns);

/* Writes the peaks since the last snapshot and starts anew. */
void ts_local_ports_snapshot(struct ts_local_ports *ports, struct ts_snapshot *snapshot);

#endif
