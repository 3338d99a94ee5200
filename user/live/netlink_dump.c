// SPDX-License-Identifier: GPL-2.0-only
#include "netlink_dump.h"

#include <errno.h>
#include <unistd.h>
#include <sys/socket.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#define RECEIVE_BYTES 32768
#define TIMEOUT_S     2 /* the kernel answers at once; never hang if it does not */

enum progress { DONE, MORE };

/* Goes through one datagram. MORE, DONE, or a negative errno. */
static int read_messages(const void *data, ssize_t length, size_t least, ts_netlink_visit visit,
			 void *context)
{
	size_t left = (size_t)length;

	for (const struct nlmsghdr *m = data; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
		if (m->nlmsg_type == NLMSG_DONE)
			return DONE;
		if (m->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *error = NLMSG_DATA(m);

			return m->nlmsg_len < NLMSG_LENGTH(sizeof *error) ? -EBADMSG : error->error;
		}
		if (m->nlmsg_len < NLMSG_LENGTH(least))
			return -EBADMSG;
		if (!visit(context, m))
			return -ECANCELED;
	}
	return MORE;
}

int ts_netlink_open(int protocol)
{
	int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	struct timeval timeout = {.tv_sec = TIMEOUT_S};

	if (netlink < 0)
		return -errno;
	setsockopt(netlink, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
	return netlink;
}

/* What is left of a list that was not read to its end must not be taken for the next one. */
static void drain(int netlink, char *buffer, size_t size)
{
	while (recv(netlink, buffer, size, MSG_DONTWAIT) > 0)
		;
}

int ts_netlink_dump(int netlink, const struct nlmsghdr *request, size_t least,
		    ts_netlink_visit visit, void *context)
{
	_Alignas(struct nlmsghdr) char buffer[RECEIVE_BYTES];
	int result = send(netlink, request, request->nlmsg_len, 0) < 0 ? -errno : MORE;

	while (result == MORE) {
		ssize_t length = recv(netlink, buffer, sizeof buffer, 0);

		if (length < 0 && errno == EINTR)
			continue;
		result = length > 0 ? read_messages(buffer, length, least, visit, context)
				    : (length < 0 ? -errno : -EBADMSG);
	}
	if (result < 0)
		drain(netlink, buffer, sizeof buffer);
	return result == -ECANCELED ? 0 : result;
}

int ts_netlink_neighbours(int family, ts_netlink_visit visit, void *context)
{
	const struct {
		struct nlmsghdr header;
		struct ndmsg body;
	} request = {
		.header =
			{
				.nlmsg_len = sizeof request,
				.nlmsg_type = RTM_GETNEIGH,
				.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
			},
		.body = {.ndm_family = (unsigned char)family},
	};
	int netlink = ts_netlink_open(NETLINK_ROUTE), error;

	if (netlink < 0)
		return netlink;
	error = ts_netlink_dump(netlink, &request.header, sizeof(struct ndmsg), visit, context);
	close(netlink);
	return error;
}
