// SPDX-License-Identifier: GPL-2.0-only
#include "sockdiag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>

#define RECEIVE_BYTES 32768
#define TIMEOUT_S     2 /* the kernel answers at once; never hang if it does not */

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

/* Goes through one datagram. 1: more to come, 0: done, or a negative errno. */
static int read_messages(const void *data, ssize_t length,
			 void (*visit)(void *context, const struct ts_diag_socket *socket),
			 void *context)
{
	size_t left = (size_t)length;

	for (const struct nlmsghdr *m = data; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
		struct ts_diag_socket socket;

		if (m->nlmsg_type == NLMSG_DONE)
			return 0;
		if (m->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *error = NLMSG_DATA(m);

			return m->nlmsg_len < NLMSG_LENGTH(sizeof *error) ? -EBADMSG : error->error;
		}
		if (m->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
			return -EBADMSG;
		read_socket(m, &socket);
		visit(context, &socket);
	}
	return 1;
}

int ts_sockdiag_open(void)
{
	int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	struct timeval timeout = {.tv_sec = TIMEOUT_S};

	if (netlink < 0)
		return -errno;
	setsockopt(netlink, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
	return netlink;
}

/* What is left of a list that was not read to its end, because of an error, must not be taken for
 * the next one. */
static void drain(int netlink, char *buffer, size_t size)
{
	while (recv(netlink, buffer, size, MSG_DONTWAIT) > 0)
		;
}

/*
 * The older of the two requests, because it lists both address families in one pass: most of the
 * cost is that of walking the kernel's hash table.
 */
static int request(int netlink, __u32 states, bool drops)
{
	struct {
		struct nlmsghdr header;
		struct inet_diag_req body;
	} message = {
		.header =
			{
				.nlmsg_len = sizeof message,
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

	return send(netlink, &message, sizeof message, 0) < 0 ? -errno : 0;
}

int ts_sockdiag_dump(int netlink, __u32 states, bool drops,
		     void (*visit)(void *context, const struct ts_diag_socket *socket),
		     void *context)
{
	_Alignas(struct nlmsghdr) char buffer[RECEIVE_BYTES];
	int result = request(netlink, states, drops);

	if (!result)
		result = 1;
	while (result > 0) {
		ssize_t length = recv(netlink, buffer, sizeof buffer, 0);

		if (length < 0 && errno == EINTR)
			continue;
		result = length > 0 ? read_messages(buffer, length, visit, context)
				    : (length < 0 ? -errno : -EBADMSG);
	}
	if (result)
		drain(netlink, buffer, sizeof buffer);
	return result;
}
