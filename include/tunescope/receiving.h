/* SPDX-License-Identifier: GPL-2.0-only */
/* What bpf/receiving.bpf.c counts of the packets that one CPU takes in. */
#ifndef TUNESCOPE_RECEIVING_H
#define TUNESCOPE_RECEIVING_H

#include <tunescope/types.h>

#define TS_RECEIVING_DEVICES 16 /* a power of two */
#define TS_RECEIVING_FLOWS   64 /* classes of flows; a power of two */
#define TS_RECEIVING_NAME    16

struct ts_receiving_device {
	__u32 netns, index; /* index 0: free */
	char name[TS_RECEIVING_NAME];
	__u64 packets;
	__u64 flow[TS_RECEIVING_FLOWS];
};

struct ts_receiving {
	__u64 packets; /* all */
	struct ts_receiving_device device[TS_RECEIVING_DEVICES];
};

#endif
