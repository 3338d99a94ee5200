// SPDX-License-Identifier: GPL-2.0-only
#include "sockdiag.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>

#include "netlink_dump.h"

static void read_socket(const struct nlmsghdr *message, struct ts_diag_socket *socket)
{
	const struct inet_diag_msg *diag = NLMSG_DATA(message);
	int left = (int)(message->nlmsg_len - NLMSG_LENGTH(sizeof *diag));

	*socket = (struct ts_diag_socket){
		.cookie = (__u64)diag->id.idiag_cookie[1] << 32 | diag->id.idiag_cookie[0],
		.inode = diag->idiag_inode,
		.port = ntohs(diag->id.idiag_sport),
		.state = diag->idiag_state,
		.queue = diag->idiag_rqueue,
		.limit = diag->idiag_wqueue,
	};
	for (const struct rtattr *a = (const void *)(diag + 1); RTA_OK(a, left);
	     a = RTA_NEXT(a, left))
		if (a->rta_type == INET_DIAG_SKMEMINFO &&
		    RTA_PAYLOAD(a) > SK_MEMINFO_DROPS * sizeof(__u32))
			memcpy(&socket->drops, (const __u32 *)RTA_DATA(a) + SK_MEMINFO_DROPS,
			       sizeof socket->drops);
}

struct visitor {
	void (*visit)(void *context, const struct ts_diag_socket *socket);
	void *context;
};

static bool visit_message(void *context, const struct nlmsghdr *message)
{
	const struct visitor *visitor = context;
	struct ts_diag_socket socket;

	read_socket(message, &socket);
	visitor->visit(visitor->context, &socket);
	return true;
}

int ts_sockdiag_open(void)
{
	return ts_netlink_open(NETLINK_SOCK_DIAG);
}

/*
 * The older of the two requests, because it lists both address families in one pass: most of the
 * cost is that of walking the kernel's hash table.
 */
int ts_sockdiag_dump(int netlink, __u32 states, bool drops,
		     void (*visit)(void *context, const struct ts_diag_socket *socket),
		     void *context)
{
	struct visitor visitor = {visit, context};
	const struct {
		struct nlmsghdr header;
		struct inet_diag_req body;
	} request = {
		.header =
			{
				.nlmsg_len = sizeof request,
				.nlmsg_type = TCPDIAG_GETSOCK,
				.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
			},
		.body =
			{
				.idiag_family = AF_UNSPEC,
				.idiag_ext = drops ? 1 << (INET_DIAG_SKMEMINFO - 1) : 0,
				.idiag_states = states,
			},
	};

	return ts_netlink_dump(netlink, &request.header, sizeof(struct inet_diag_msg),
			       visit_message, &visitor);
}
