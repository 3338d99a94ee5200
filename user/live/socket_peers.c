// SPDX-License-Identifier: GPL-2.0-only
#include "socket_peers.h"

#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "link_layer.h"

#define CANDIDATES 1024 /* in one round; the rest is not judged */
#define BITS	   65536
#define SILENT_NS  3000000000ULL  /* nothing came or went for so long */
#define FAR_NS	   30000000000ULL /* and no probe will for so long */
#define NEIGHBOURS 1024		  /* of a namespace; who is none of these is not known */

struct candidate {
	struct ts_sending *sending;
	bool stuck;	     /* else silent */
	__u32 pair, address; /* hashes of what the other side would have */
	__u32 owner;	     /* the same of who answered for its address on the link */
	bool owned;	     /* somebody did */
	/* Of those that are stuck: where, and when what would show that the other side is there. */
	__u32 space, since, heard;
	__u8 remote[16];
};

/* Sets of hashes: a rare collision makes a peer that is gone look present, and nothing is said. */
struct ts_socket_peers {
	struct candidate candidate[CANDIDATES];
	size_t candidates;
	__u64 pair[BITS / 64], address[BITS / 64];
	bool wanted;	       /* there were candidates in the last round: addresses are worth it */
	__u32 space;	       /* namespaces visited so far */
	bool listed;	       /* those of the namespace that is visited: */
	__u64 here[BITS / 64]; /* its interfaces' */
	/* Link-layer addresses of this host's virtual wires; neighbours of the namespace. */
	__u64 wire[BITS / 64];
	struct ts_neighbour neighbour[NEIGHBOURS];
	size_t neighbours;
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
	memset(peers->wire, 0, sizeof peers->wire);
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

static __u32 hash_of_link(const __u8 link_layer[TS_LINK_LAYER_BYTES])
{
	__u64 value = 0;

	memcpy(&value, link_layer, TS_LINK_LAYER_BYTES);
	return mix(value);
}

static void add_interface(struct ts_socket_peers *peers, const struct ifaddrs *interface)
{
	__u8 address[16] = {0}, link_layer[TS_LINK_LAYER_BYTES];
	const struct sockaddr *of = interface->ifa_addr;

	if (of->sa_family == AF_INET) {
		memcpy(address, &((const struct sockaddr_in *)of)->sin_addr, 4);
	} else if (of->sa_family == AF_INET6) {
		memcpy(address, &((const struct sockaddr_in6 *)of)->sin6_addr, 16);
	} else {
		if (ts_virtual_wire(interface, link_layer))
			add(peers->wire, hash_of_link(link_layer));
		return;
	}
	add(peers->here, hash_of(address));
	add(peers->address, hash_of(address));
}

void ts_socket_peers_enter(struct ts_socket_peers *peers)
{
	struct ifaddrs *list;

	peers->space++;
	peers->listed = false;
	peers->neighbours = peers->wanted ? ts_neighbours_list(peers->neighbour, NEIGHBOURS) : 0;
	if (!peers->wanted || getifaddrs(&list))
		return;
	memset(peers->here, 0, sizeof peers->here);
	for (const struct ifaddrs *i = list; i; i = i->ifa_next)
		if (i->ifa_addr)
			add_interface(peers, i);
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

/* Who answered for the other side's address on the link. */
static bool find_owner(const struct ts_socket_peers *peers, __u32 address, __u32 *owner)
{
	for (size_t i = 0; i < peers->neighbours; i++)
		if (hash_of(peers->neighbour[i].address) == address) {
			*owner = hash_of_link(peers->neighbour[i].link_layer);
			return true;
		}
	return false;
}

void ts_socket_peers_visit(struct ts_socket_peers *peers, struct ts_sending *sending,
			   const struct ts_socket_record *record, __u64 jiffy_ns)
{
	__u32 pair = mix((__u64)record->local_port << 16 | record->remote_port);
	__u32 address = hash_of(record->local_address);
	struct candidate *c;
	bool stuck;

	/* Who has lost the address of its connection does not answer. */
	if (!peers->listed || has(peers->here, address))
		add(peers->pair, pair);
	add(peers->address, address);
	stuck = ts_sending_is_unheard(record);
	if ((!stuck && !is_silent(record, jiffy_ns)) || peers->candidates == CANDIDATES)
		return;
	c = &peers->candidate[peers->candidates++];
	*c = (struct candidate){
		.sending = sending,
		.stuck = stuck,
		.pair = mix((__u64)record->remote_port << 16 | record->local_port),
		.address = hash_of(record->remote_address),
		.space = peers->space,
		.since = ts_sending_stuck_since(record),
		.heard = record->last_heard,
	};
	memcpy(c->remote, record->remote_address, sizeof c->remote);
	c->owned = find_owner(peers, c->address, &c->owner);
}

/* Its address is on this host, or was on a virtual wire's end that is: that would know it. */
static bool would_be_here(const struct ts_socket_peers *peers, const struct candidate *c)
{
	return has(peers->address, c->address) || (c->owned && has(peers->wire, c->owner));
}

/* Who has come again with another connection, which is stuck as well, is there. */
static bool came_again(const struct ts_socket_peers *peers, const struct candidate *c)
{
	for (size_t i = 0; i < peers->candidates; i++) {
		const struct candidate *other = &peers->candidate[i];

		if (other->stuck && other->space == c->space &&
		    (__s32)(other->heard - c->since) > 0 &&
		    !memcmp(other->remote, c->remote, sizeof c->remote))
			return true;
	}
	return false;
}

void ts_socket_peers_end(struct ts_socket_peers *peers, bool complete)
{
	/* Without the interfaces' addresses nobody can be called present: the next round has them.
	 */
	if (!peers->wanted)
		return;
	for (size_t i = 0; i < peers->candidates; i++) {
		const struct candidate *c = &peers->candidate[i];
		enum ts_peer peer = has(peers->pair, c->pair)		  ? TS_PEER_PRESENT
				    : complete && would_be_here(peers, c) ? TS_PEER_GONE
									  : TS_PEER_UNKNOWN;

		if (!c->stuck)
			ts_sending_silent(c->sending, peer);
		else if (peer == TS_PEER_PRESENT ||
			 (peer == TS_PEER_UNKNOWN && came_again(peers, c)))
			ts_sending_is_there(c->sending);
	}
}
