// SPDX-License-Identifier: GPL-2.0-only
#include "socket_peers.h"

#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#define CANDIDATES 1024 /* in one round; the rest is not judged */
#define BITS	   65536
#define SILENT_NS  3000000000ULL  /* nothing came or went for so long */
#define FAR_NS	   30000000000ULL /* and no probe will for so long */

struct candidate {
	struct ts_sending *sending;
	__u32 pair, address; /* hashes of what the other side would have */
};

/* Sets of hashes: a rare collision makes a peer that is gone look present, and nothing is said. */
struct ts_socket_peers {
	struct candidate candidate[CANDIDATES];
	size_t candidates;
	__u64 pair[BITS / 64], address[BITS / 64];
	bool wanted;	       /* there were candidates in the last round: addresses are worth it */
	bool listed;	       /* those of the namespace that is visited: */
	__u64 here[BITS / 64]; /* its interfaces' */
};

struct ts_socket_peers *ts_socket_peers_new(void)
{
	return calloc(1, sizeof(struct ts_socket_peers));
}

void ts_socket_peers_free(struct ts_socket_peers *peers)
{
	free(peers);
}

void ts_socket_peers_begin(struct ts_socket_peers *peers)
{
	memset(peers->pair, 0, sizeof peers->pair);
	memset(peers->address, 0, sizeof peers->address);
	peers->wanted = peers->candidates;
	peers->candidates = 0;
}

static __u32 mix(__u64 value)
{
	return (__u32)(value * 0x9e3779b97f4a7c15ULL >> 48);
}

/* IPv4 in the first four bytes; as a socket of IPv6 has it, it is the same. */
static __u32 hash_of(const __u8 address[16])
{
	static const __u8 mapped[12] = {[10] = 0xff, [11] = 0xff};
	__u64 half[2] = {0};

	if (!memcmp(address, mapped, sizeof mapped))
		memcpy(half, address + sizeof mapped, 4);
	else
		memcpy(half, address, sizeof half);
	return mix(half[0] ^ half[1] * 0xbf58476d1ce4e5b9ULL);
}

static bool has(const __u64 *set, __u32 bit)
{
	return set[bit / 64] >> (bit % 64) & 1;
}

static void add(__u64 *set, __u32 bit)
{
	set[bit / 64] |= 1ULL << (bit % 64);
}

static void add_interface(struct ts_socket_peers *peers, const struct sockaddr *interface)
{
	__u8 address[16] = {0};

	if (interface->sa_family == AF_INET)
		memcpy(address, &((const struct sockaddr_in *)interface)->sin_addr, 4);
	else if (interface->sa_family == AF_INET6)
		memcpy(address, &((const struct sockaddr_in6 *)interface)->sin6_addr, 16);
	else
		return;
	add(peers->here, hash_of(address));
	add(peers->address, hash_of(address));
}

void ts_socket_peers_enter(struct ts_socket_peers *peers)
{
	struct ifaddrs *list;

	peers->listed = false;
	if (!peers->wanted || getifaddrs(&list))
		return;
	memset(peers->here, 0, sizeof peers->here);
	for (const struct ifaddrs *i = list; i; i = i->ifa_next)
		if (i->ifa_addr)
			add_interface(peers, i->ifa_addr);
	freeifaddrs(list);
	peers->listed = true;
}

static bool is_silent(const struct ts_socket_record *record, __u64 jiffy_ns)
{
	__u32 sent = record->now - record->last_sent,
	      received = record->now - record->last_received;
	__u32 silence = sent < received ? sent : received;

	return record->state == TCP_ESTABLISHED && !record->in_flight && record->keepalive &&
	       !record->keepalive_time && silence * jiffy_ns >= SILENT_NS &&
	       record->keepalive_left * jiffy_ns >= FAR_NS;
}

void ts_socket_peers_visit(struct ts_socket_peers *peers, struct ts_sending *sending,
			   const struct ts_socket_record *record, __u64 jiffy_ns)
{
	__u32 pair = mix((__u64)record->local_port << 16 | record->remote_port);
	__u32 address = hash_of(record->local_address);

	/* Who has lost the address of its connection does not answer. */
	if (!peers->listed || has(peers->here, address))
		add(peers->pair, pair);
	add(peers->address, address);
	if (!is_silent(record, jiffy_ns) || peers->candidates == CANDIDATES)
		return;
	peers->candidate[peers->candidates++] = (struct candidate){
		.sending = sending,
		.pair = mix((__u64)record->remote_port << 16 | record->local_port),
		.address = hash_of(record->remote_address),
	};
}

void ts_socket_peers_end(struct ts_socket_peers *peers, bool complete)
{
	/* Without the interfaces' addresses nobody can be called present: the next round has them.
	 */
	if (!peers->wanted)
		return;
	for (size_t i = 0; i < peers->candidates; i++) {
		const struct candidate *c = &peers->candidate[i];

		ts_sending_silent(c->sending, has(peers->pair, c->pair) ? TS_PEER_PRESENT
					      : complete && has(peers->address, c->address)
						      ? TS_PEER_GONE
						      : TS_PEER_UNKNOWN);
	}
}
