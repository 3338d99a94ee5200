// SPDX-License-Identifier: GPL-2.0-only
#include "table_states.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#include <linux/neighbour.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/rtnetlink.h>

#include "netlink_dump.h"

#define NEIGHBOURS_MOST 65536
#define FLOWS_MOST	4096

const char *const ts_neighbour_state_names[TS_NEIGHBOUR_STATES] = {
	[TS_NEIGHBOUR_RESOLVED] = "resolved",
	[TS_NEIGHBOUR_UNRESOLVED] = "unresolved",
};
const char *const ts_flow_state_names[TS_FLOW_STATES] = {
	[TS_FLOW_ANSWERED] = "answered",
	[TS_FLOW_UNANSWERED] = "unanswered",
	[TS_FLOW_CLOSE_WAIT] = "close-wait",
	[TS_FLOW_CLOSED] = "closed",
};

struct tally {
	__u64 *count;
	__u64 left;
};

static bool visit_neighbour(void *context, const struct nlmsghdr *message)
{
	const struct ndmsg *neighbour = NLMSG_DATA(message);
	struct tally *tally = context;

	/* Permanent ones (and those that need no resolution) are not in the garbage collector's
	 * way. */
	if (neighbour->ndm_state & (NUD_PERMANENT | NUD_NOARP))
		return true;
	tally->count[neighbour->ndm_state & (NUD_INCOMPLETE | NUD_FAILED) ||
				     neighbour->ndm_state == NUD_NONE
			     ? TS_NEIGHBOUR_UNRESOLVED
			     : TS_NEIGHBOUR_RESOLVED]++;
	return --tally->left > 0;
}

int ts_neighbour_states(int family, __u64 count[TS_NEIGHBOUR_STATES])
{
	struct tally tally = {count, NEIGHBOURS_MOST};

	return ts_netlink_neighbours(family, visit_neighbour, &tally);
}

/* The attribute of that type among those in length bytes, or NULL. */
static const struct rtattr *find_attribute(const void *first, size_t length, int type)
{
	int left = (int)length;

	for (const struct rtattr *a = first; RTA_OK(a, left); a = RTA_NEXT(a, left))
		if ((a->rta_type & NLA_TYPE_MASK) == type)
			return a;
	return NULL;
}

static const struct rtattr *find_nested(const struct rtattr *outer, int type)
{
	return outer ? find_attribute(RTA_DATA(outer), RTA_PAYLOAD(outer), type) : NULL;
}

static enum ts_flow_state flow_state(__u32 status, int tcp_state)
{
	if (!(status & IPS_SEEN_REPLY))
		return TS_FLOW_UNANSWERED;
	if (tcp_state == TCP_CONNTRACK_CLOSE_WAIT)
		return TS_FLOW_CLOSE_WAIT;
	return tcp_state == TCP_CONNTRACK_LAST_ACK || tcp_state == TCP_CONNTRACK_TIME_WAIT ||
			       tcp_state == TCP_CONNTRACK_CLOSE
		       ? TS_FLOW_CLOSED
		       : TS_FLOW_ANSWERED;
}

static bool visit_flow(void *context, const struct nlmsghdr *message)
{
	const char *first =
		(const char *)NLMSG_DATA(message) + NLMSG_ALIGN(sizeof(struct nfgenmsg));
	size_t length = message->nlmsg_len - NLMSG_LENGTH(sizeof(struct nfgenmsg));
	const struct rtattr *status = find_attribute(first, length, CTA_STATUS);
	const struct rtattr *tcp = find_nested(
		find_nested(find_attribute(first, length, CTA_PROTOINFO), CTA_PROTOINFO_TCP),
		CTA_PROTOINFO_TCP_STATE);
	struct tally *tally = context;
	__u32 bits;

	if (!status || RTA_PAYLOAD(status) < sizeof bits)
		return true;
	memcpy(&bits, RTA_DATA(status), sizeof bits);
	tally->count[flow_state(ntohl(bits), tcp && RTA_PAYLOAD(tcp) ? *(const __u8 *)RTA_DATA(tcp)
								     : TCP_CONNTRACK_NONE)]++;
	return --tally->left > 0;
}

int ts_flow_states(__u64 count[TS_FLOW_STATES])
{
	const struct {
		struct nlmsghdr header;
		struct nfgenmsg body;
	} request = {
		.header =
			{
				.nlmsg_len = sizeof request,
				.nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET,
				.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
			},
		.body = {.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0},
	};
	struct tally tally = {count, FLOWS_MOST};
	int netlink = ts_netlink_open(NETLINK_NETFILTER), error;

	if (netlink < 0)
		return netlink;
	error = ts_netlink_dump(netlink, &request.header, sizeof(struct nfgenmsg), visit_flow,
				&tally);
	close(netlink);
	return error;
}
