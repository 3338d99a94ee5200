// SPDX-License-Identifier: GPL-2.0-only
#include "link_layer.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/ethtool.h>
#include <netpacket/packet.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>

#include "netlink_dump.h"

struct listing {
	struct ts_neighbour *list;
	size_t count, most;
};

static bool visit_neighbour(void *context, const struct nlmsghdr *message)
{
	const struct ndmsg *neighbour = NLMSG_DATA(message);
	int left = (int)NLMSG_PAYLOAD(message, sizeof *neighbour);
	struct listing *listing = context;
	struct ts_neighbour found = {0};
	bool address = false, link_layer = false;

	for (const struct rtattr *a = (const void *)(neighbour + 1); RTA_OK(a, left);
	     a = RTA_NEXT(a, left)) {
		if (a->rta_type == NDA_DST && RTA_PAYLOAD(a) <= sizeof found.address) {
			memcpy(found.address, RTA_DATA(a), RTA_PAYLOAD(a));
			address = true;
		} else if (a->rta_type == NDA_LLADDR && RTA_PAYLOAD(a) == TS_LINK_LAYER_BYTES) {
			memcpy(found.link_layer, RTA_DATA(a), TS_LINK_LAYER_BYTES);
			link_layer = true;
		}
	}
	if (address && link_layer)
		listing->list[listing->count++] = found;
	return listing->count < listing->most;
}

size_t ts_neighbours_list(struct ts_neighbour *list, size_t most)
{
	struct listing listing = {list, 0, most};

	/* What was read before an error is as true as the rest would have been. */
	ts_netlink_neighbours(AF_UNSPEC, visit_neighbour, &listing);
	return listing.count;
}

static bool is_wire(const char *name)
{
	struct ethtool_drvinfo information = {.cmd = ETHTOOL_GDRVINFO};
	struct ifreq request = {.ifr_data = (void *)&information};
	int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool wire;

	if (descriptor < 0)
		return false;
	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
	wire = !ioctl(descriptor, SIOCETHTOOL, &request) && !strcmp(information.driver, "veth");
	close(descriptor);
	return wire;
}

bool ts_virtual_wire(const struct ifaddrs *interface, __u8 link_layer[TS_LINK_LAYER_BYTES])
{
	const struct sockaddr_ll *link = (const void *)interface->ifa_addr;

	if (link->sll_family != AF_PACKET || link->sll_hatype != ARPHRD_ETHER ||
	    link->sll_halen != TS_LINK_LAYER_BYTES || !is_wire(interface->ifa_name))
		return false;
	memcpy(link_layer, link->sll_addr, TS_LINK_LAYER_BYTES);
	return true;
}
