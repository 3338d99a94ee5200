// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the packets come from that keep one CPU busy: from which device, and of how many flows. It
 * runs for each packet, and is attached only while one CPU is found to do nothing else, for a tenth
 * of a second. What it does not recognize it counts as one flow.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>
#include <tunescope/receiving.h>
#include <bpf/bpf_helpers.h>

#define IPV4		0x0800
#define IPV6		0x86dd
#define FRAGMENT_OFFSET 0x3fff /* and the flag that more follow */

/* The number of the CPU that is looked at, and one: nothing else writes to the map. */
__u32 ts_receiving_cpu = 0;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ts_receiving);
} ts_receiving_map SEC(".maps");

static __always_inline __u32 mix(__u32 hash, __u32 value)
{
	hash = (hash ^ value) * 0x9e3779b1;
	return hash ^ hash >> 15;
}

static __always_inline __u32 ports_of(const void *at, __u8 protocol)
{
	__u32 ports = 0;

	if (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP)
		bpf_probe_read_kernel(&ports, sizeof ports, at);
	return ports;
}

static __always_inline __u32 flow_of(const struct sk_buff *skb)
{
	const unsigned char *at = BPF_CORE_READ(skb, data);
	struct ipv6hdr ip6;
	struct iphdr ip;
	__u32 hash;

	switch (bpf_ntohs(BPF_CORE_READ(skb, protocol))) {
	case IPV4:
		if (bpf_probe_read_kernel(&ip, sizeof ip, at))
			return 0;
		hash = mix(mix(ip.protocol, ip.saddr), ip.daddr);
		/* All fragments of a datagram go the same way. */
		if (bpf_ntohs(ip.frag_off) & FRAGMENT_OFFSET)
			return hash;
		return mix(hash, ports_of(at + 4 * (*(const __u8 *)&ip & 15), ip.protocol));
	case IPV6:
		if (bpf_probe_read_kernel(&ip6, sizeof ip6, at))
			return 0;
		hash = mix(ip6.nexthdr, ip6.saddr.in6_u.u6_addr32[3]);
		hash = mix(mix(hash, ip6.saddr.in6_u.u6_addr32[1]), ip6.daddr.in6_u.u6_addr32[3]);
		return mix(hash, ports_of(at + sizeof ip6, ip6.nexthdr));
	}
	return 0;
}

static __always_inline struct ts_receiving_device *place_of(struct ts_receiving *counts,
							    const struct net_device *device)
{
	__u32 netns = BPF_CORE_READ(device, nd_net.net, ns.inum);
	__u32 index = BPF_CORE_READ(device, ifindex), first = mix(netns, index);

	for (__u32 i = 0; i < TS_RECEIVING_DEVICES; i++) {
		struct ts_receiving_device *place =
			&counts->device[(first + i) & (TS_RECEIVING_DEVICES - 1)];

		if (!place->index) {
			place->netns = netns;
			bpf_probe_read_kernel_str(place->name, sizeof place->name, device->name);
			place->index = index;
		}
		if (place->index == index && place->netns == netns)
			return place;
	}
	return NULL;
}

SEC("?tp_btf/netif_receive_skb")
int BPF_PROG(ts_receiving_packet, const struct sk_buff *skb)
{
	struct ts_receiving_device *place;
	struct ts_receiving *counts;
	__u32 zero = 0;

	if (bpf_get_smp_processor_id() + 1 != ts_receiving_cpu)
		return 0;
	counts = bpf_map_lookup_elem(&ts_receiving_map, &zero);
	if (!counts)
		return 0;
	counts->packets++;
	/*
	 * Not skb->dev: for a pointer that is followed from a trusted one the verifier searches all
	 * of the kernel's BTF, which takes most of a start's time; this runs for a tenth of a
	 * second.
	 */
	place = place_of(counts, BPF_CORE_READ(skb, dev));
	if (!place)
		return 0;
	place->packets++;
	place->flow[flow_of(skb) & (TS_RECEIVING_FLOWS - 1)]++;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
