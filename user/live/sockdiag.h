/* SPDX-License-Identifier: GPL-2.0-only */
/* Lists of TCP sockets in a network namespace, through NETLINK_SOCK_DIAG. */
#ifndef TUNESCOPE_SOCKDIAG_H
#define TUNESCOPE_SOCKDIAG_H

#include <stdbool.h>
#include <linux/types.h>

struct ts_diag_socket {
	__u64 cookie; /* unique as long as the machine is up */
	__u32 inode;  /* as in /proc/PID/fd; 0 while a handshake is going on */
	__u16 port;   /* local */
	__u8 state;
	__u32 queue; /* listeners: connections waiting to be accepted */
	__u32 limit; /* listeners: the most that may wait */
	__u32 drops; /* only when memory information was asked for */
};

#define TS_DIAG_LISTEN	 (1U << 10)
#define TS_DIAG_SYN_RECV (1U << 3)

/* A socket for ts_sockdiag_dump in the current network namespace, which it keeps alive; or -errno.
 */
int ts_sockdiag_open(void);

/* Calls visit for each socket in one of the states, IPv4 and IPv6. 0 or a negative errno. */
int ts_sockdiag_dump(int netlink, __u32 states, bool drops,
		     void (*visit)(void *context, const struct ts_diag_socket *socket),
		     void *context);

#endif
