/* SPDX-License-Identifier: GPL-2.0-only */
/* Who answers for an address on the link, by its link-layer (MAC) address. */
#ifndef TUNESCOPE_LINK_LAYER_H
#define TUNESCOPE_LINK_LAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <ifaddrs.h>
#include <linux/types.h>

#define TS_LINK_LAYER_BYTES 6

struct ts_neighbour {
	__u8 address[16]; /* IPv4 in the first four bytes */
	__u8 link_layer[TS_LINK_LAYER_BYTES];
};

/*
 * Neighbours of the current network namespace whose link-layer address is known, those long silent
 * among them. How many, at most most.
 */
size_t ts_neighbours_list(struct ts_neighbour *list, size_t most);

/*
 * The link-layer address of an interface of the current namespace that is one end of a virtual
 * wire (veth): what comes there is for this host, unless it is passed on. False: it is none.
 */
bool ts_virtual_wire(const struct ifaddrs *interface, __u8 link_layer[TS_LINK_LAYER_BYTES]);

#endif
