// SPDX-License-Identifier: GPL-2.0-only
/* The address an HTTP server listens on. */
#include "http.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../core/error.h"

#define BACKLOG 1024
/* For each connection: many that do not read must not fill the kernel's memory with answers. */
#define SEND_BUFFER (128 * 1024)

struct place {
	char host[256]; /* "" all addresses */
	char port[6];
};

static int not_an_address(const char *address)
{
	return ts_err(-EINVAL,
		      "--listen '%s': accepted: HOST:PORT, [IPV6]:PORT or :PORT, with a port from "
		      "1 to 65535",
		      address);
}

static int split(const char *address, struct place *place)
{
	const char *colon = strrchr(address, ':'), *host = address;
	size_t length = colon ? (size_t)(colon - address) : 0;
	char *end;
	long port;

	if (!colon || !colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
	    strlen(colon + 1) >= sizeof place->port)
		return not_an_address(address);
	port = strtol(colon + 1, &end, 10);
	if (port < 1 || port > 65535)
		return not_an_address(address);
	if (length > 2 && host[0] == '[' && host[length - 1] == ']') {
		host++;
		length -= 2;
	} else if (memchr(host, ':', length) || memchr(host, '[', length)) {
		return not_an_address(address);
	}
	if (length >= sizeof place->host)
		return not_an_address(address);
	snprintf(place->host, sizeof place->host, "%.*s", (int)length, host);
	snprintf(place->port, sizeof place->port, "%ld", port);
	return 0;
}

/* A descriptor that listens, or a negative errno. */
static int try_address(const struct addrinfo *address, bool all)
{
	int descriptor = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1, only_v6 = !all, error;

	if (descriptor < 0)
		return -errno;
	setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &(int){SEND_BUFFER}, sizeof(int));
	if (address->ai_family == AF_INET6)
		setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof only_v6);
	if (!bind(descriptor, address->ai_addr, address->ai_addrlen) &&
	    !listen(descriptor, BACKLOG))
		return descriptor;
	error = -errno;
	close(descriptor);
	return error;
}

static bool is_loopback(const struct addrinfo *address)
{
	const struct sockaddr_in6 *v6 = (const void *)address->ai_addr;
	const struct sockaddr_in *v4 = (const void *)address->ai_addr;

	if (address->ai_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
	return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
}

static void describe(const struct addrinfo *address, const struct place *place, char name[128])
{
	char host[64] = "";

	getnameinfo(address->ai_addr, address->ai_addrlen, host, sizeof host, NULL, 0,
		    NI_NUMERICHOST);
	snprintf(name, 128, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, place->port);
}

/* The address itself that was asked for is worth telling, not the last one that was tried. */
static int failed(int error, const char *address)
{
	if (error == -EADDRINUSE)
		return ts_err(error, "%s is in use by another program; --listen takes another one",
			      address);
	if (error == -EADDRNOTAVAIL)
		return ts_err(error, "--listen %s: this host has no such address", address);
	if (error == -EACCES)
		return ts_err(error, "--listen %s: a port below 1024 takes CAP_NET_BIND_SERVICE",
			      address);
	return ts_err(error, "--listen %s: %s", address, strerror(-error));
}

int ts_http_listen(const char *address, char name[128], bool *exposed)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *list;
	struct place place;
	int error = split(address, &place), found, descriptor = -EADDRNOTAVAIL;

	if (error)
		return error;
	/* All addresses: one IPv6 socket takes both, where there is IPv6. */
	hints.ai_family = *place.host ? AF_UNSPEC : AF_INET6;
	found = getaddrinfo(*place.host ? place.host : NULL, place.port, &hints, &list);
	if (found)
		return ts_err(-EADDRNOTAVAIL, "--listen %s: %s", address, gai_strerror(found));
	for (const struct addrinfo *a = list; a && descriptor < 0; a = a->ai_next) {
		error = try_address(a, !*place.host);
		if (error == -EADDRINUSE || descriptor == -EADDRNOTAVAIL || error >= 0)
			descriptor = error;
		if (error < 0)
			continue;
		describe(a, &place, name);
		*exposed = !is_loopback(a);
	}
	freeaddrinfo(list);
	if (descriptor == -EAFNOSUPPORT && !*place.host) {
		char all[16];

		snprintf(all, sizeof all, "0.0.0.0:%s", place.port);
		return ts_http_listen(all, name, exposed);
	}
	return descriptor < 0 ? failed(descriptor, address) : descriptor;
}
