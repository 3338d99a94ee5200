// SPDX-License-Identifier: GPL-2.0-only
#include "local_ports.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DESTINATIONS 1024 /* in one visit; a power of two */
#define LARGEST	     8	  /* destinations kept of a visit */
#define PEAKS	     64

enum port_state {
	PORT_TIME_WAIT,
	PORT_ESTABLISHED,
	PORT_CLOSE_WAIT,
	PORT_FIN_WAIT,	      /* closed by this side, not by the other */
	PORT_FIN_WAIT_CLOSED, /* and by the program, too */
	PORT_OTHER,
	PORT_STATES
};

static const char *const state_names[] = {
	[PORT_TIME_WAIT] = "time-wait",
	[PORT_ESTABLISHED] = "established",
	[PORT_CLOSE_WAIT] = "close-wait",
	[PORT_FIN_WAIT] = "fin-wait",
	[PORT_FIN_WAIT_CLOSED] = "fin-wait-closed",
	[PORT_OTHER] = "other",
};

struct destination {
	__u8 address[16]; /* IPv4 as a mapped IPv6 address */
	__u16 port;
	__u32 netns; /* of peaks only */
	__u32 total; /* 0: free */
	__u32 held[PORT_STATES];
};

struct ts_local_ports {
	struct destination visit[DESTINATIONS]; /* open addressing */
	size_t visited;
	struct destination peak[PEAKS];
	size_t peaks;
	__u64 overflowed; /* sockets towards destinations there was no room for */
};

struct ts_local_ports *ts_local_ports_new(void)
{
	return calloc(1, sizeof(struct ts_local_ports));
}

void ts_local_ports_free(struct ts_local_ports *ports)
{
	free(ports);
}

void ts_local_ports_begin(struct ts_local_ports *ports)
{
	if (ports->visited)
		memset(ports->visit, 0, sizeof ports->visit);
	ports->visited = 0;
}

static enum port_state classify(const struct ts_socket_record *record)
{
	switch (record->state) {
	case TCP_TIME_WAIT: return PORT_TIME_WAIT;
	case TCP_ESTABLISHED: return PORT_ESTABLISHED;
	case TCP_CLOSE_WAIT: return PORT_CLOSE_WAIT;
	case TCP_FIN_WAIT1: return PORT_FIN_WAIT;
	case TCP_FIN_WAIT2: return record->abandoned ? PORT_FIN_WAIT_CLOSED : PORT_FIN_WAIT;
	default: return PORT_OTHER;
	}
}

static bool same(const struct destination *a, const struct destination *b)
{
	return a->port == b->port && !memcmp(a->address, b->address, sizeof a->address);
}

static __u32 hash_of(const struct destination *d)
{
	__u32 hash = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < sizeof d->address; i++)
		hash = (hash ^ d->address[i]) * 16777619u;
	hash = (hash ^ (d->port & 0xff)) * 16777619u;
	return (hash ^ d->port >> 8) * 16777619u;
}

static struct destination *find(struct ts_local_ports *ports, const struct destination *wanted)
{
	__u32 place = hash_of(wanted) & (DESTINATIONS - 1);

	while (ports->visit[place].total && !same(&ports->visit[place], wanted))
		place = (place + 1) & (DESTINATIONS - 1);
	if (ports->visit[place].total)
		return &ports->visit[place];
	if (ports->visited >= DESTINATIONS * 3 / 4)
		return NULL;
	ports->visited++;
	ports->visit[place] = *wanted;
	return &ports->visit[place];
}

void ts_local_ports_add(struct ts_local_ports *ports, const struct ts_socket_record *record)
{
	struct destination wanted = {.port = record->remote_port}, *destination;

	if (record->ipv6) {
		memcpy(wanted.address, record->remote_address, sizeof wanted.address);
	} else {
		wanted.address[10] = wanted.address[11] = 0xff;
		memcpy(wanted.address + 12, record->remote_address, 4);
	}
	destination = find(ports, &wanted);
	if (!destination) {
		ports->overflowed++;
		return;
	}
	destination->total++;
	destination->held[classify(record)]++;
}

/* The largest total wins; its states stand together, from one and the same visit. */
static void keep_peak(struct ts_local_ports *ports, const struct destination *destination)
{
	struct destination *smallest = NULL;

	for (size_t i = 0; i < ports->peaks; i++) {
		struct destination *peak = &ports->peak[i];

		if (peak->netns == destination->netns && same(peak, destination)) {
			if (peak->total < destination->total)
				*peak = *destination;
			return;
		}
		if (!smallest || peak->total < smallest->total)
			smallest = peak;
	}
	if (ports->peaks < PEAKS) {
		ports->peak[ports->peaks++] = *destination;
	} else if (smallest->total < destination->total) {
		ports->overflowed += smallest->total;
		*smallest = *destination;
	} else {
		ports->overflowed += destination->total;
	}
}

void ts_local_ports_end(struct ts_local_ports *ports, __u32 netns)
{
	for (size_t n = 0; n < LARGEST; n++) {
		struct destination *largest = &ports->visit[0];

		for (size_t i = 1; i < DESTINATIONS; i++)
			if (ports->visit[i].total > largest->total)
				largest = &ports->visit[i];
		if (!largest->total)
			return;
		largest->netns = netns;
		keep_peak(ports, largest);
		largest->total = 0; /* breaks the chains of the table: it is not searched again */
	}
}

static void print_destination(const struct destination *d, char *text, size_t size)
{
	static const __u8 mapped[12] = {[10] = 0xff, [11] = 0xff};
	char address[INET6_ADDRSTRLEN];
	bool ipv4 = !memcmp(d->address, mapped, sizeof mapped);

	if (!inet_ntop(ipv4 ? AF_INET : AF_INET6, d->address + (ipv4 ? 12 : 0), address,
		       sizeof address))
		address[0] = '\0';
	snprintf(text, size, ipv4 ? "%s:%u" : "[%s]:%u", address, d->port);
}

void ts_local_ports_snapshot(struct ts_local_ports *ports, struct ts_snapshot *snapshot)
{
	char netns[16], destination[INET6_ADDRSTRLEN + 16];

	for (size_t i = 0; i < ports->peaks; i++) {
		const struct destination *peak = &ports->peak[i];

		snprintf(netns, sizeof netns, "%u", peak->netns);
		print_destination(peak, destination, sizeof destination);
		for (size_t s = 0; s < PORT_STATES; s++)
			ts_snapshot_gauge(snapshot, TS_FAMILY_TCP_LOCAL_PORTS,
					  TS_LABELS(netns, destination, state_names[s]),
					  peak->held[s]);
	}
	snapshot->family[TS_FAMILY_TCP_LOCAL_PORTS].overflowed = ports->overflowed;
	ports->peaks = 0;
}
