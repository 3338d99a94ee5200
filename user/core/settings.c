// SPDX-License-Identifier: GPL-2.0-only
#include "settings.h"

#include <string.h>

#define NONE		  TS_SETTING_COUNT
#define SYSCTL(scope_)	  .kind = TS_SETTING_SYSCTL, .scope = TS_SCOPE_##scope_
#define BLOCK_QUEUE	  .kind = TS_SETTING_BLOCK_QUEUE, .scope = TS_SCOPE_DEVICE
#define COUPLED(one, two) .coupled = {one, two}
#define RANGE(low, high)  .minimum = low, .maximum = high
#define INT_LIMIT	  2147483647.0
#define BYTES_LIMIT	  18014398509481984.0 /* 2^54: exact in a double, more than any machine has */

#define SLICE_RISK                                                                          \
	"a shorter one costs throughput of batch work: more switches, colder caches; with " \
	"a longer one tasks that wake up wait longer"

/* The three limits of a neighbour table are raised together. */
#define NEIGHBOUR_LIMIT(table, ip, number, one, two, meaning_)                                     \
	[TS_SETTING_##table##_GC_THRESH##number] = {                                               \
		"net." ip ".neigh.default.gc_thresh" #number,                                      \
		SYSCTL(GLOBAL),                                                                    \
		"/proc/sys/net/" ip "/neigh/default/gc_thresh" #number,                            \
		1,                                                                                 \
		"neighbours",                                                                      \
		RANGE(0, INT_LIMIT),                                                               \
		COUPLED(TS_SETTING_##table##_GC_THRESH##one, TS_SETTING_##table##_GC_THRESH##two), \
		TS_EFFECT_AT_ONCE,                                                                 \
		"each neighbour holds about 400 bytes of kernel memory; a scan of a large "        \
		"network can fill the table",                                                      \
		meaning_,                                                                          \
		.reference = "Documentation/networking/ip-sysctl.rst",                             \
	}
#define NEIGHBOUR_LIMITS(table, ip)                                                          \
	NEIGHBOUR_LIMIT(table, ip, 1, 2, 3,                                                  \
			"neighbours of all network namespaces up to which none is "          \
			"forgotten"),                                                        \
		NEIGHBOUR_LIMIT(table, ip, 2, 1, 3,                                          \
				"neighbours beyond which those unused for five seconds are " \
				"forgotten"),                                                \
		NEIGHBOUR_LIMIT(table, ip, 3, 2, 1,                                          \
				"most neighbours, of all network namespaces together")

#define FRAGMENT_LIMIT(id, ip, prefix)                                                   \
	[TS_SETTING_##id##_HIGH_THRESH] = {                                              \
		"net." ip "." prefix "_high_thresh",                                     \
		SYSCTL(NETNS),                                                           \
		"/proc/sys/net/" ip "/" prefix "_high_thresh",                           \
		1,                                                                       \
		"bytes",                                                                 \
		RANGE(1, BYTES_LIMIT),                                                   \
		COUPLED(NONE, NONE),                                                     \
		TS_EFFECT_AT_ONCE,                                                       \
		"fragments whose rest never comes may hold that much kernel memory for " \
		"net." ip "." prefix "_time seconds; anybody can send such",             \
		"memory of a network namespace for datagrams that wait for the rest of " \
		"their fragments; what arrives beyond is dropped",                       \
		.reference = "Documentation/networking/ip-sysctl.rst; inet_frag_find()", \
	}

/*
 * The ranges are what the kernel accepts and what is sensible to write. dirty_bytes and its
 * siblings read as 0 when the other form is in force; the kernel refuses 0 there, which their
 * minimum says.
 */
const struct ts_setting ts_settings[TS_SETTING_COUNT] = {
	[TS_SETTING_SOMAXCONN] =
		{"net.core.somaxconn", SYSCTL(NETNS), "/proc/sys/net/core/somaxconn", 1,
		 "connections", RANGE(1, 65535), COUPLED(NONE, NONE), TS_EFFECT_NEXT_LISTEN,
		 "each connection that waits holds a socket (about 2 KiB of kernel memory); a "
		 "longer "
		 "queue in front of an application that cannot keep up makes clients wait longer",
		 "upper bound of the accept queue that listen() asks for",
		 .reference = "Documentation/networking/ip-sysctl.rst; listen(2)"},
	[TS_SETTING_TCP_MAX_SYN_BACKLOG] =
		{"net.ipv4.tcp_max_syn_backlog", SYSCTL(NETNS),
		 "/proc/sys/net/ipv4/tcp_max_syn_backlog", 1, "handshakes", RANGE(1, 65536),
		 COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "each handshake holds about 300 bytes of kernel memory; without SYN cookies a "
		 "flood "
		 "of SYN packets can fill it",
		 "handshakes in progress a listener keeps while SYN cookies are off",
		 .reference = "Documentation/networking/ip-sysctl.rst; tcp(7); RFC 4987"},
	[TS_SETTING_TCP_SYNCOOKIES] =
		{"net.ipv4.tcp_syncookies", SYSCTL(NETNS), "/proc/sys/net/ipv4/tcp_syncookies", 1,
		 "mode", RANGE(0, 2), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "a connection set up through a cookie has no window scaling and no selective "
		 "acknowledgements unless its client sends timestamps",
		 "0 off, 1 send SYN cookies when a SYN queue is full, 2 always send them",
		 .reference = "Documentation/networking/ip-sysctl.rst; tcp(7); RFC 4987"},
	[TS_SETTING_TCP_RMEM] =
		{"net.ipv4.tcp_rmem", SYSCTL(NETNS), "/proc/sys/net/ipv4/tcp_rmem", 3, "bytes",
		 RANGE(4096, INT_LIMIT), COUPLED(NONE, NONE), TS_EFFECT_NEW_SOCKETS,
		 "a connection whose reader is slow may hold that much kernel memory; all of TCP "
		 "together stays below tcp_mem",
		 "receive buffer of a TCP socket: minimum, default, and the most autotuning gives",
		 .reference = "Documentation/networking/ip-sysctl.rst; tcp(7); RFC 7323"},
	[TS_SETTING_RMEM_MAX] = {"net.core.rmem_max", SYSCTL(GLOBAL), "/proc/sys/net/core/rmem_max",
				 1, "bytes", RANGE(4096, INT_LIMIT), COUPLED(NONE, NONE),
				 TS_EFFECT_SERVICE_RESTART,
				 "any program may then ask for a receive buffer that large",
				 "most that setsockopt(SO_RCVBUF) gives",
				 .reference =
					 "Documentation/admin-guide/sysctl/net.rst; socket(7)"},
	[TS_SETTING_TCP_WMEM] =
		{"net.ipv4.tcp_wmem", SYSCTL(NETNS), "/proc/sys/net/ipv4/tcp_wmem", 3, "bytes",
		 RANGE(4096, INT_LIMIT), COUPLED(NONE, NONE), TS_EFFECT_NEW_SOCKETS,
		 "a connection on a long path may hold that much kernel memory, and its "
		 "application "
		 "may write that far ahead; all of TCP together stays below tcp_mem",
		 "send buffer of a TCP socket: minimum, default, and the most autotuning gives"},
	[TS_SETTING_WMEM_MAX] = {"net.core.wmem_max", SYSCTL(GLOBAL), "/proc/sys/net/core/wmem_max",
				 1, "bytes", RANGE(4096, INT_LIMIT), COUPLED(NONE, NONE),
				 TS_EFFECT_SERVICE_RESTART,
				 "any program may then ask for a send buffer that large",
				 "most that setsockopt(SO_SNDBUF) gives"},
	[TS_SETTING_TCP_MEM] =
		{"net.ipv4.tcp_mem", SYSCTL(GLOBAL), "/proc/sys/net/ipv4/tcp_mem", 3, "pages",
		 RANGE(1, INT_LIMIT), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "all of TCP may hold that much kernel memory, which cannot be swapped out",
		 "memory of all TCP sockets of the host: below the first number nothing is done, "
		 "from "
		 "the second on buffers are kept small, at the third no more is given"},
	[TS_SETTING_TCP_WINDOW_SCALING] =
		{"net.ipv4.tcp_window_scaling", SYSCTL(NETNS),
		 "/proc/sys/net/ipv4/tcp_window_scaling", 1, "switch", RANGE(0, 1),
		 COUPLED(NONE, NONE), TS_EFFECT_NEW_SOCKETS,
		 "none on paths that leave TCP options alone",
		 "windows larger than 64 KiB (RFC 7323), if the other side agrees"},
	[TS_SETTING_TCP_MODERATE_RCVBUF] =
		{"net.ipv4.tcp_moderate_rcvbuf", SYSCTL(NETNS),
		 "/proc/sys/net/ipv4/tcp_moderate_rcvbuf", 1, "switch", RANGE(0, 1),
		 COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "receive buffers grow to the third number of tcp_rmem where connections need it",
		 "receive buffers grow with what arrives in a round trip"},
	[TS_SETTING_TCP_ADV_WIN_SCALE] =
		{"net.ipv4.tcp_adv_win_scale", SYSCTL(NETNS),
		 "/proc/sys/net/ipv4/tcp_adv_win_scale", 1, "scale", RANGE(-31, 31),
		 COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "small packets need more memory than the window says; the kernel then has to "
		 "squeeze "
		 "or drop what has arrived",
		 "share of a receive buffer kept out of the window: 1/2^n, or all but 1/2^n when "
		 "negative; without effect since 6.6"},
	[TS_SETTING_TCP_NOTSENT_LOWAT] =
		{"net.ipv4.tcp_notsent_lowat", SYSCTL(NETNS),
		 "/proc/sys/net/ipv4/tcp_notsent_lowat", 1, "bytes", RANGE(1, 4294967295.0),
		 COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "an application that writes in bulk is woken up more often, and may leave the "
		 "path "
		 "idle when it is slow to write",
		 "unsent bytes from which on a socket is not reported as writable"},
	[TS_SETTING_NETDEV_MAX_BACKLOG] =
		{"net.core.netdev_max_backlog", SYSCTL(GLOBAL),
		 "/proc/sys/net/core/netdev_max_backlog", 1, "packets", RANGE(1, INT_LIMIT),
		 COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "each CPU may hold that many packets (about 2 KiB each); packets at the end of a "
		 "long queue wait longer",
		 "packets that may wait on one CPU before the network stack takes them",
		 .reference = "Documentation/admin-guide/sysctl/net.rst"},
	[TS_SETTING_NETDEV_BUDGET] =
		{"net.core.netdev_budget", SYSCTL(GLOBAL), "/proc/sys/net/core/netdev_budget", 1,
		 "packets", RANGE(1, INT_LIMIT), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "programs on a CPU may be interrupted for longer at a time",
		 "packets that a CPU takes in one round of input before other work gets a turn",
		 .reference = "Documentation/admin-guide/sysctl/net.rst; net_rx_action()"},
	[TS_SETTING_RPS_CPUS] =
		{"rps_cpus", .kind = TS_SETTING_NET_QUEUE, .scope = TS_SCOPE_DEVICE,
		 "/sys/class/net/%s/queues/rx-0/rps_cpus", 0, "mask of CPUs", RANGE(0, 0),
		 COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "handing packets to other CPUs costs time on all of them, and packets find what "
		 "they need in no cache",
		 "CPUs that the packets of a receive queue are spread over, by flow (RPS); 0: they "
		 "stay where they come in",
		 .reference = "Documentation/networking/scaling.rst"},
	[TS_SETTING_RMEM_DEFAULT] =
		{"net.core.rmem_default", SYSCTL(GLOBAL), "/proc/sys/net/core/rmem_default", 1,
		 "bytes", RANGE(2304, INT_LIMIT), COUPLED(NONE, NONE), TS_EFFECT_SERVICE_RESTART,
		 "each socket other than TCP whose reader is slow may hold that much kernel memory",
		 "receive buffer of a socket (other than TCP) that does not ask for another",
		 .reference = "Documentation/admin-guide/sysctl/net.rst"},
	[TS_SETTING_MAX_DGRAM_QLEN] =
		{"net.unix.max_dgram_qlen", SYSCTL(NETNS), "/proc/sys/net/unix/max_dgram_qlen", 1,
		 "messages", RANGE(0, INT_LIMIT), COUPLED(NONE, NONE), TS_EFFECT_SERVICE_RESTART,
		 "a sender may get further ahead of a slow reader, by as much as its own send "
		 "buffer holds",
		 "messages that may wait at a unix datagram socket",
		 .reference = "Documentation/networking/ip-sysctl.rst"},
	[TS_SETTING_UDP_MEM] =
		{"net.ipv4.udp_mem", SYSCTL(GLOBAL), "/proc/sys/net/ipv4/udp_mem", 3, "pages",
		 RANGE(1, INT_LIMIT), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "sockets whose readers are slow may hold that much kernel memory, which cannot be "
		 "swapped out",
		 "memory of all UDP sockets of the host: beyond the first number a socket gets no "
		 "more than net.ipv4.udp_rmem_min; the others make no difference to UDP",
		 .reference = "Documentation/networking/ip-sysctl.rst; "
			      "__sk_mem_raise_allocated()"},
	FRAGMENT_LIMIT(IPFRAG, "ipv4", "ipfrag"),
	FRAGMENT_LIMIT(IP6FRAG, "ipv6", "ip6frag"),
	NEIGHBOUR_LIMITS(ARP, "ipv4"),
	NEIGHBOUR_LIMITS(NDISC, "ipv6"),
	[TS_SETTING_CONNTRACK_MAX] =
		{"net.netfilter.nf_conntrack_max", SYSCTL(GLOBAL),
		 "/proc/sys/net/netfilter/nf_conntrack_max", 1,
		 "flows", RANGE(1, INT_LIMIT), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "each flow holds about 320 bytes of kernel memory; with many more flows than "
		 "net.netfilter.nf_conntrack_buckets each packet takes longer to look up",
		 "flows that connection tracking remembers in each network namespace",
		 .reference = "Documentation/networking/nf_conntrack-sysctl.rst"},
	[TS_SETTING_IP_LOCAL_PORT_RANGE] =
		{"net.ipv4.ip_local_port_range", SYSCTL(NETNS),
		 "/proc/sys/net/ipv4/ip_local_port_range", 2, "ports", RANGE(1, 65535),
		 COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "a service that starts later may find its port in use by an outgoing connection; "
		 "keep such ports out with net.ipv4.ip_local_reserved_ports",
		 "first and last local port that connect() picks from",
		 .reference = "Documentation/networking/ip-sysctl.rst; ip(7); RFC 6056"},
	[TS_SETTING_TCP_TW_REUSE] =
		{"net.ipv4.tcp_tw_reuse", SYSCTL(NETNS), "/proc/sys/net/ipv4/tcp_tw_reuse", 1,
		 "mode", RANGE(0, 2), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "relies on TCP timestamps on both sides",
		 "connect() may take over a local port in TIME_WAIT after a second: 0 never, 1 "
		 "always, 2 on the loopback interface only",
		 .reference = "Documentation/networking/ip-sysctl.rst; tcp(7); RFC 6191"},
	[TS_SETTING_TCP_TIMESTAMPS] =
		{"net.ipv4.tcp_timestamps", SYSCTL(NETNS), "/proc/sys/net/ipv4/tcp_timestamps", 1,
		 "mode", RANGE(0, 2), COUPLED(NONE, NONE), TS_EFFECT_NEW_SOCKETS,
		 "twelve bytes of each segment",
		 "segments carry the time: 0 off, 1 with a random offset for each connection, 2 "
		 "without one",
		 .reference = "Documentation/networking/ip-sysctl.rst; RFC 7323"},
	[TS_SETTING_TCP_MAX_TW_BUCKETS] =
		{"net.ipv4.tcp_max_tw_buckets", SYSCTL(NETNS),
		 "/proc/sys/net/ipv4/tcp_max_tw_buckets", 1, "connections", RANGE(0, INT_LIMIT),
		 COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "each connection in TIME_WAIT holds about 250 bytes of kernel memory for a minute",
		 "connections kept in TIME_WAIT; those beyond are forgotten at once",
		 .reference = "Documentation/networking/ip-sysctl.rst; inet_twsk_alloc()"},
	[TS_SETTING_TCP_MAX_ORPHANS] =
		{"net.ipv4.tcp_max_orphans", SYSCTL(GLOBAL), "/proc/sys/net/ipv4/tcp_max_orphans",
		 1, "connections", RANGE(0, INT_LIMIT), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "each of them may hold up to 64 KiB of memory that cannot be swapped out",
		 "connections that no program holds any more and that are not over; those beyond "
		 "are reset",
		 .reference = "Documentation/networking/ip-sysctl.rst; tcp_check_oom()"},
	[TS_SETTING_TCP_FIN_TIMEOUT] =
		{"net.ipv4.tcp_fin_timeout", SYSCTL(NETNS), "/proc/sys/net/ipv4/tcp_fin_timeout", 1,
		 "seconds", RANGE(1, 7200), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "data the other side sends after that long is answered with a reset",
		 "how long a connection that was closed here waits for the other side to close "
		 "(FIN_WAIT_2)",
		 .reference = "Documentation/networking/ip-sysctl.rst; tcp(7)"},
	[TS_SETTING_TCP_ABORT_ON_OVERFLOW] =
		{"net.ipv4.tcp_abort_on_overflow", SYSCTL(NETNS),
		 "/proc/sys/net/ipv4/tcp_abort_on_overflow", 1, "switch", RANGE(0, 1),
		 COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "clients wait for a service that is overloaded for good instead of failing at "
		 "once",
		 "reset a connection that finds the accept queue full, rather than let the client "
		 "try again",
		 .reference = "Documentation/networking/ip-sysctl.rst; tcp(7)"},
	[TS_SETTING_TCP_CONGESTION_CONTROL] =
		{"net.ipv4.tcp_congestion_control", SYSCTL(NETNS),
		 "/proc/sys/net/ipv4/tcp_congestion_control", 0, "name", RANGE(0, 0),
		 COUPLED(NONE, NONE), TS_EFFECT_NEW_SOCKETS,
		 "BBR paces by the rate it measures and does not "
		 "give way to loss: it may take more "
		 "than its share of a queue from connections that do",
		 "congestion control of new connections",
		 .reference = "Documentation/networking/ip-sysctl.rst; tcp(7)"},
	[TS_SETTING_TCP_AVAILABLE_CONGESTION_CONTROL] =
		{"net.ipv4.tcp_available_congestion_control", SYSCTL(GLOBAL),
		 "/proc/sys/net/ipv4/tcp_available_congestion_control", 0, "names", RANGE(0, 0),
		 COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE, "",
		 "congestion controls this kernel has loaded (read-only)",
		 .reference = "Documentation/networking/ip-sysctl.rst; tcp(7)"},
	[TS_SETTING_TCP_ALLOWED_CONGESTION_CONTROL] =
		{"net.ipv4.tcp_allowed_congestion_control", SYSCTL(GLOBAL),
		 "/proc/sys/net/ipv4/tcp_allowed_congestion_control", 0, "names", RANGE(0, 0),
		 COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "programs without privileges, and network namespaces, may choose it",
		 "congestion controls that programs without privileges and other network "
		 "namespaces may choose",
		 .reference = "Documentation/networking/ip-sysctl.rst; tcp(7)"},
	[TS_SETTING_TCP_SLOW_START_AFTER_IDLE] =
		{"net.ipv4.tcp_slow_start_after_idle", SYSCTL(NETNS),
		 "/proc/sys/net/ipv4/tcp_slow_start_after_idle", 1, "switch", RANGE(0, 1),
		 COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "after a pause a connection sends a burst as large as its path took before, which "
		 "may be lost if the path has become slower meanwhile",
		 "begin with a small congestion window again after a pause of one retransmission "
		 "timeout",
		 .reference = "Documentation/networking/ip-sysctl.rst; RFC 2861"},
	[TS_SETTING_TCP_SACK] =
		{"net.ipv4.tcp_sack", SYSCTL(NETNS), "/proc/sys/net/ipv4/tcp_sack", 1, "switch",
		 RANGE(0, 1), COUPLED(NONE, NONE), TS_EFFECT_NEW_SOCKETS,
		 "the sender keeps a list of what has arrived, some CPU time on connections that "
		 "lose much",
		 "tell the sender which segments have arrived beyond a lost one",
		 .reference = "Documentation/networking/ip-sysctl.rst; RFC 2018"},
	[TS_SETTING_TCP_MTU_PROBING] =
		{"net.ipv4.tcp_mtu_probing", SYSCTL(NETNS), "/proc/sys/net/ipv4/tcp_mtu_probing", 1,
		 "mode", RANGE(0, 2), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "a connection that loses segments for another reason may end up with smaller ones "
		 "than its path takes",
		 "find the largest segment a path takes: 0 never, 1 when segments keep getting "
		 "lost, 2 always",
		 .reference = "Documentation/networking/ip-sysctl.rst; RFC 4821"},
	[TS_SETTING_TCP_RTO_MIN_US] =
		{"net.ipv4.tcp_rto_min_us", SYSCTL(NETNS), "/proc/sys/net/ipv4/tcp_rto_min_us", 1,
		 "microseconds", RANGE(1, INT_LIMIT), COUPLED(NONE, NONE), TS_EFFECT_NEXT_LISTEN,
		 "below the time by which the other side delays its acknowledgements (40 ms on "
		 "Linux) some segments are sent twice",
		 "shortest retransmission timeout",
		 .reference = "Documentation/networking/ip-sysctl.rst; RFC 6298"},
	[TS_SETTING_TCP_KEEPALIVE_TIME] =
		{"net.ipv4.tcp_keepalive_time", SYSCTL(NETNS),
		 "/proc/sys/net/ipv4/tcp_keepalive_time", 1, "seconds", RANGE(1, 32767),
		 COUPLED(TS_SETTING_TCP_KEEPALIVE_INTVL, TS_SETTING_TCP_KEEPALIVE_PROBES),
		 TS_EFFECT_NEW_SOCKETS,
		 "a probe for each idle connection that often; connections end when the path is "
		 "down for longer than the probes take",
		 "silence after which a connection with SO_KEEPALIVE is probed",
		 .reference = "Documentation/networking/ip-sysctl.rst; tcp(7)"},
	[TS_SETTING_TCP_KEEPALIVE_INTVL] =
		{"net.ipv4.tcp_keepalive_intvl", SYSCTL(NETNS),
		 "/proc/sys/net/ipv4/tcp_keepalive_intvl", 1, "seconds", RANGE(1, 32767),
		 COUPLED(TS_SETTING_TCP_KEEPALIVE_TIME, TS_SETTING_TCP_KEEPALIVE_PROBES),
		 TS_EFFECT_AT_ONCE, "connections end when the path is down for longer",
		 "time between two probes that are not answered",
		 .reference = "Documentation/networking/ip-sysctl.rst; tcp(7)"},
	[TS_SETTING_TCP_KEEPALIVE_PROBES] =
		{"net.ipv4.tcp_keepalive_probes", SYSCTL(NETNS),
		 "/proc/sys/net/ipv4/tcp_keepalive_probes", 1, "probes", RANGE(1, 127),
		 COUPLED(TS_SETTING_TCP_KEEPALIVE_TIME, TS_SETTING_TCP_KEEPALIVE_INTVL),
		 TS_EFFECT_AT_ONCE, "connections end when the path is down for longer",
		 "probes that are not answered before a connection is given up",
		 .reference = "Documentation/networking/ip-sysctl.rst; tcp(7)"},
	[TS_SETTING_DEFAULT_QDISC] = {"net.core.default_qdisc", SYSCTL(GLOBAL),
				      "/proc/sys/net/core/default_qdisc", 0, "name", RANGE(0, 0),
				      COUPLED(NONE, NONE), TS_EFFECT_SERVICE_RESTART,
				      "takes effect for interfaces that come up afterwards",
				      "queueing discipline of a new network interface",
				      .reference =
					      "Documentation/admin-guide/sysctl/net.rst; tc(8)"},
	[TS_SETTING_DIRTY_RATIO] =
		{"vm.dirty_ratio", SYSCTL(GLOBAL), "/proc/sys/vm/dirty_ratio", 1, "percent",
		 RANGE(0, 100), COUPLED(TS_SETTING_DIRTY_BYTES, TS_SETTING_DIRTY_BACKGROUND_RATIO),
		 TS_EFFECT_AT_ONCE,
		 "more unwritten data is lost in a power failure, and fsync() and umount can take "
		 "longer",
		 "share of available memory that may be dirty before writers are paused",
		 .reference = "Documentation/admin-guide/sysctl/vm.rst"},
	[TS_SETTING_DIRTY_BYTES] =
		{"vm.dirty_bytes", SYSCTL(GLOBAL), "/proc/sys/vm/dirty_bytes", 1, "bytes",
		 RANGE(8192, BYTES_LIMIT),
		 COUPLED(TS_SETTING_DIRTY_RATIO, TS_SETTING_DIRTY_BACKGROUND_BYTES),
		 TS_EFFECT_AT_ONCE,
		 "more unwritten data is lost in a power failure, and fsync() and umount can take "
		 "longer",
		 "bytes that may be dirty before writers are paused",
		 .reference = "Documentation/admin-guide/sysctl/vm.rst"},
	[TS_SETTING_DIRTY_BACKGROUND_RATIO] =
		{"vm.dirty_background_ratio", SYSCTL(GLOBAL), "/proc/sys/vm/dirty_background_ratio",
		 1, "percent", RANGE(0, 100),
		 COUPLED(TS_SETTING_DIRTY_BACKGROUND_BYTES, TS_SETTING_DIRTY_RATIO),
		 TS_EFFECT_AT_ONCE, "writeback starts later and then has more to write",
		 "share of available memory that may be dirty before the kernel starts to write "
		 "it",
		 .reference = "Documentation/admin-guide/sysctl/vm.rst"},
	[TS_SETTING_DIRTY_BACKGROUND_BYTES] =
		{"vm.dirty_background_bytes", SYSCTL(GLOBAL), "/proc/sys/vm/dirty_background_bytes",
		 1, "bytes", RANGE(1, BYTES_LIMIT),
		 COUPLED(TS_SETTING_DIRTY_BACKGROUND_RATIO, TS_SETTING_DIRTY_BYTES),
		 TS_EFFECT_AT_ONCE, "writeback starts later and then has more to write",
		 "bytes that may be dirty before the kernel starts to write them",
		 .reference = "Documentation/admin-guide/sysctl/vm.rst"},
	[TS_SETTING_WATERMARK_SCALE_FACTOR] =
		{"vm.watermark_scale_factor", SYSCTL(GLOBAL), "/proc/sys/vm/watermark_scale_factor",
		 1, "ten-thousandths of memory", RANGE(1, 1000), COUPLED(NONE, NONE),
		 TS_EFFECT_AT_ONCE,
		 "about twice that share of memory is kept free instead of caching files",
		 "distance between the marks of free memory at which kswapd starts and stops, and "
		 "below which whoever asks for memory frees some first",
		 .reference = "Documentation/admin-guide/sysctl/vm.rst"},
	[TS_SETTING_MIN_FREE_KBYTES] =
		{"vm.min_free_kbytes", SYSCTL(GLOBAL), "/proc/sys/vm/min_free_kbytes", 1, "KiB",
		 RANGE(64, INT_LIMIT), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "so much memory is kept for the kernel's own urgent needs and lost to programs; "
		 "near 5 % of memory the OOM killer comes early",
		 "free memory that only urgent allocations may use",
		 .reference = "Documentation/admin-guide/sysctl/vm.rst"},
	[TS_SETTING_ZONE_RECLAIM_MODE] =
		{"vm.zone_reclaim_mode", SYSCTL(GLOBAL), "/proc/sys/vm/zone_reclaim_mode", 1,
		 "bits", RANGE(0, 7), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "memory is given from other nodes, which takes longer to reach",
		 "whether a full NUMA node frees its own memory before that of others is taken: 0 "
		 "no, 1 yes, with 2 it writes pages out and with 4 it swaps",
		 .reference = "Documentation/admin-guide/sysctl/vm.rst"},
	[TS_SETTING_SWAPPINESS] =
		{"vm.swappiness", SYSCTL(GLOBAL), "/proc/sys/vm/swappiness", 1, "weight",
		 RANGE(0, 200), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "raised, programs that slept long need a moment to come back from swap; lowered, "
		 "fewer files stay in memory",
		 "how dear swapping is beside reading files again when memory is freed: 100 as "
		 "dear, less dearer, 0 hardly ever",
		 .reference = "Documentation/admin-guide/sysctl/vm.rst"},
	[TS_SETTING_LRU_GEN] =
		{"lru_gen/enabled", .kind = TS_SETTING_SYSFS, .scope = TS_SCOPE_GLOBAL,
		 "/sys/kernel/mm/lru_gen/enabled", 0, "bits", RANGE(0, 0), COUPLED(NONE, NONE),
		 TS_EFFECT_AT_ONCE, "what has been learned about the use of memory starts anew",
		 "whether memory is freed by generations (since 6.1): then only the ends of "
		 "vm.swappiness decide what is freed first",
		 .reference = "Documentation/admin-guide/mm/multigen_lru.rst"},
	[TS_SETTING_SCHED_AUTOGROUP] =
		{"kernel.sched_autogroup_enabled", SYSCTL(GLOBAL),
		 "/proc/sys/kernel/sched_autogroup_enabled", 1, "switch", RANGE(0, 1),
		 COUPLED(NONE, NONE), TS_EFFECT_NEW_PROCESSES,
		 "a session with many busy threads gets no more CPU time than one with a single "
		 "one",
		 "CPU time is shared out fairly by session instead of by task",
		 .reference = "sched(7)"},
	[TS_SETTING_SCHED_BASE_SLICE] =
		{"sched/base_slice_ns", .kind = TS_SETTING_SYSFS, .scope = TS_SCOPE_GLOBAL,
		 "/sys/kernel/debug/sched/base_slice_ns", 1, "nanoseconds",
		 RANGE(100000, 1000000000), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE, SLICE_RISK,
		 "how long a task may run while others wait, if it asks for nothing else (in "
		 "debugfs, since 6.6)",
		 .reference = "Documentation/scheduler/sched-eevdf.rst"},
	[TS_SETTING_SCHED_MIN_GRANULARITY] =
		{"kernel.sched_min_granularity_ns", SYSCTL(GLOBAL),
		 "/proc/sys/kernel/sched_min_granularity_ns", 1, "nanoseconds",
		 RANGE(100000, 1000000000), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE, SLICE_RISK,
		 "how long a task runs at least while others wait (kernels before 5.13)",
		 .reference = "Documentation/scheduler/sched-design-CFS.rst"},
	[TS_SETTING_SCHED_LATENCY] =
		{"kernel.sched_latency_ns", SYSCTL(GLOBAL), "/proc/sys/kernel/sched_latency_ns", 1,
		 "nanoseconds", RANGE(100000, 1000000000), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 SLICE_RISK,
		 "time in which each of a few runnable tasks gets its turn (kernels before 5.13)",
		 .reference = "Documentation/scheduler/sched-design-CFS.rst"},
	[TS_SETTING_SCHED_WAKEUP_GRANULARITY] =
		{"kernel.sched_wakeup_granularity_ns", SYSCTL(GLOBAL),
		 "/proc/sys/kernel/sched_wakeup_granularity_ns", 1, "nanoseconds",
		 RANGE(0, 1000000000), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE, SLICE_RISK,
		 "head start a task that wakes up needs to interrupt the one that runs (kernels "
		 "before 5.13)",
		 .reference = "Documentation/scheduler/sched-design-CFS.rst"},
	[TS_SETTING_SCHED_DEBUG_MIN_GRANULARITY] =
		{"sched/min_granularity_ns", .kind = TS_SETTING_SYSFS, .scope = TS_SCOPE_GLOBAL,
		 "/sys/kernel/debug/sched/min_granularity_ns", 1, "nanoseconds",
		 RANGE(100000, 1000000000), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE, SLICE_RISK,
		 "how long a task runs at least while others wait (in debugfs, 5.13 to 6.5)",
		 .reference = "Documentation/scheduler/sched-design-CFS.rst"},
	[TS_SETTING_SCHED_DEBUG_LATENCY] =
		{"sched/latency_ns", .kind = TS_SETTING_SYSFS, .scope = TS_SCOPE_GLOBAL,
		 "/sys/kernel/debug/sched/latency_ns", 1, "nanoseconds", RANGE(100000, 1000000000),
		 COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE, SLICE_RISK,
		 "time in which each of a few runnable tasks gets its turn (in debugfs, 5.13 to "
		 "6.5)",
		 .reference = "Documentation/scheduler/sched-design-CFS.rst"},
	[TS_SETTING_SCHED_DEBUG_WAKEUP_GRANULARITY] =
		{"sched/wakeup_granularity_ns", .kind = TS_SETTING_SYSFS, .scope = TS_SCOPE_GLOBAL,
		 "/sys/kernel/debug/sched/wakeup_granularity_ns", 1, "nanoseconds",
		 RANGE(0, 1000000000), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE, SLICE_RISK,
		 "head start a task that wakes up needs to interrupt the one that runs (in "
		 "debugfs, "
		 "5.13 to 6.5)",
		 .reference = "Documentation/scheduler/sched-design-CFS.rst"},
	[TS_SETTING_SCHED_RT_RUNTIME] =
		{"kernel.sched_rt_runtime_us", SYSCTL(GLOBAL),
		 "/proc/sys/kernel/sched_rt_runtime_us", 1, "microseconds", RANGE(-1, 1000000),
		 COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "a realtime task that never sleeps may then take a CPU from everybody else for "
		 "good",
		 "part of kernel.sched_rt_period_us that realtime tasks may take of a CPU; -1: all",
		 .reference = "Documentation/scheduler/sched-rt-group.rst; sched(7)"},
	[TS_SETTING_CPU_GOVERNOR] =
		{"cpufreq/scaling_governor", .kind = TS_SETTING_SYSFS, .scope = TS_SCOPE_GLOBAL,
		 "/sys/devices/system/cpu/cpufreq/policy0/scaling_governor", 0, "name", RANGE(0, 0),
		 COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "more power is used and more heat made, also while there is little to do; a CPU "
		 "that is hot boosts less",
		 "what chooses the frequency of the CPUs (that of the first policy stands for all)",
		 .reference = "Documentation/admin-guide/pm/cpufreq.rst"},
	[TS_SETTING_CPU_AVAILABLE_GOVERNORS] =
		{"cpufreq/scaling_available_governors", .kind = TS_SETTING_SYSFS,
		 .scope = TS_SCOPE_GLOBAL,
		 "/sys/devices/system/cpu/cpufreq/policy0/scaling_available_governors", 0, "names",
		 RANGE(0, 0), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE, "",
		 "governors that this kernel has (read-only)",
		 .reference = "Documentation/admin-guide/pm/cpufreq.rst"},
	[TS_SETTING_THP_ENABLED] = {"transparent_hugepage/enabled", .kind = TS_SETTING_SYSFS,
				    .scope = TS_SCOPE_GLOBAL,
				    "/sys/kernel/mm/transparent_hugepage/enabled", 0, "mode",
				    RANGE(0, 0), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
				    "programs that gain from huge pages and do not ask for them "
				    "run with small ones, and "
				    "miss the TLB more often",
				    "who gets huge pages of anonymous memory: always, madvise (who "
				    "asks for them), never",
				    .reference = "Documentation/admin-guide/mm/transhuge.rst"},
	[TS_SETTING_THP_DEFRAG] =
		{"transparent_hugepage/defrag", .kind = TS_SETTING_SYSFS, .scope = TS_SCOPE_GLOBAL,
		 "/sys/kernel/mm/transparent_hugepage/defrag", 0, "mode", RANGE(0, 0),
		 COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "while memory is fragmented programs start with small pages, and "
		 "get huge ones later, from khugepaged",
		 "who waits until room for a huge page is made: always (whoever "
		 "touches memory), defer+madvise and madvise (who asks for huge "
		 "pages), defer and never (nobody)",
		 .reference = "Documentation/admin-guide/mm/transhuge.rst"},
#include "settings_limits.h"
#include "settings_block.h"
};

int ts_setting_by_name(const char *name)
{
	for (int id = 0; id < TS_SETTING_COUNT; id++)
		if (!strcmp(ts_settings[id].name, name))
			return id;
	return -1;
}

const char *ts_scope_name(enum ts_scope_kind scope)
{
	static const char *const names[] = {
		[TS_SCOPE_GLOBAL] = "global",	[TS_SCOPE_NETNS] = "netns",
		[TS_SCOPE_DEVICE] = "device",	[TS_SCOPE_CGROUP] = "cgroup",
		[TS_SCOPE_PROCESS] = "process", [TS_SCOPE_MOUNT] = "mount",
	};

	return names[scope];
}

const char *ts_takes_effect_name(enum ts_takes_effect effect)
{
	static const char *const names[] = {
		[TS_EFFECT_AT_ONCE] = "at-once",
		[TS_EFFECT_NEW_SOCKETS] = "new-sockets",
		[TS_EFFECT_NEW_PROCESSES] = "new-processes",
		[TS_EFFECT_NEXT_LISTEN] = "next-listen",
		[TS_EFFECT_NEXT_OPEN] = "next-open",
		[TS_EFFECT_SERVICE_RESTART] = "service-restart",
		[TS_EFFECT_REMOUNT] = "remount",
	};

	return names[effect];
}
