// SPDX-License-Identifier: GPL-2.0-only
/* Where families are read from: tracepoints, files, fields; and what documents them. */
#include "family.h"

static const char *const of_source[TS_SOURCE_COUNT] = {
	[TS_SOURCE_SCHED] =
		"tracepoint sched:sched_switch, with the times that the scheduler keeps in "
		"task_struct.sched_info; Documentation/scheduler/sched-stats.rst",
	[TS_SOURCE_BLOCK] =
		"tracepoints block:block_rq_issue and block:block_rq_complete, with the "
		"times kept in struct request; Documentation/block/stat.rst. What is neither read, "
		"written, flushed nor discarded is op other: commands to the device, such as one "
		"for its serial number, which /proc/diskstats counts as reads up to 5.15, and "
		"later "
		"not at all",
	[TS_SOURCE_WRITEBACK] = "tracepoint writeback:balance_dirty_pages; mm/page-writeback.c, "
				"Documentation/admin-guide/sysctl/vm.rst",
	[TS_SOURCE_RECLAIM] =
		"tracepoints vmscan:mm_vmscan_direct_reclaim_begin and _end, their siblings of "
		"memory cgroups and nodes, compaction:mm_compaction_begin and _end; mm/vmscan.c, "
		"mm/compaction.c, Documentation/admin-guide/mm/concepts.rst",
	[TS_SOURCE_TCP] = "tracepoint sock:inet_sock_set_state, struct tcp_sock at the end of a "
			  "connection; RFC 9293",
	[TS_SOURCE_LISTENERS] = "sock_diag(7): inet_diag_msg of listening sockets; listen(2)",
	[TS_SOURCE_SOCKETS] =
		"BPF iterator over TCP sockets (struct tcp_sock), or sock_diag(7) with "
		"struct tcp_info; tcp(7)",
	[TS_SOURCE_PROC_CPU] = "/proc/stat; Documentation/filesystems/proc.rst",
	[TS_SOURCE_CPUFREQ] = "/sys/devices/system/cpu/cpufreq; "
			      "Documentation/admin-guide/pm/cpufreq.rst",
	[TS_SOURCE_PROC_MEMORY] = "/proc/meminfo and /proc/vmstat; "
				  "Documentation/filesystems/proc.rst",
	[TS_SOURCE_PRESSURE] = "/proc/pressure; Documentation/accounting/psi.rst",
	[TS_SOURCE_IDLE_MEMORY] = "/proc/PID/stat and statm; Documentation/filesystems/proc.rst",
	[TS_SOURCE_PROC_NET] = "/proc/net/snmp, netstat and sockstat of each network namespace; "
			       "Documentation/networking/snmp_counter.rst",
	[TS_SOURCE_SOFTNET] = "/proc/net/softnet_stat; Documentation/networking/scaling.rst",
	[TS_SOURCE_DISKSTATS] = "/proc/diskstats; Documentation/admin-guide/iostats.rst",
	[TS_SOURCE_ATIME] = "tracepoint writeback:writeback_mark_inode_dirty, and "
			    "/proc/self/mountinfo; mount(8), inode(7)",
	[TS_SOURCE_FILES] = "/proc/sys/fs/file-nr; Documentation/admin-guide/sysctl/fs.rst",
	[TS_SOURCE_INTERFACES] =
		"/proc/net/dev; /sys/class/net/*/speed, Documentation/ABI/testing/sysfs-class-net",
	[TS_SOURCE_CGROUP_IO] = "io.max and io.stat, blkio.throttle.*; block/blk-throttle.c, "
				"Documentation/admin-guide/cgroup-v2.rst",
	[TS_SOURCE_CGROUPS] =
		"cpu.stat and cpu.max of cgroups; Documentation/admin-guide/cgroup-v2.rst, "
		"Documentation/scheduler/sched-bwc.rst",
	[TS_SOURCE_ORPHANS] = "/proc/net/sockstat, and sock_diag(7): inet_diag_msg of sockets "
			      "without an inode; tcp(7)",
	[TS_SOURCE_COMMAND] = "wait4(2) when the command has ended: struct rusage; getrusage(2)",
	[TS_SOURCE_LIMITS] =
		"tracepoints task:task_newtask, sched:sched_process_exit and, near a limit, "
		"raw_syscalls:sys_exit; BPF iterator over tasks; getrlimit(2), "
		"Documentation/admin-guide/sysctl/fs.rst, kernel.rst and vm.rst",
	[TS_SOURCE_HUGE_PAGES] = "/proc/PID/smaps and pagemap, process_vm_readv(2); "
				 "Documentation/admin-guide/mm/transhuge.rst",
	[TS_SOURCE_SMALL_PAGES] = "/proc/PID/smaps and stat, perf_event_open(2) of the CPU clock "
				  "with the registers, process_vm_readv(2); "
				  "Documentation/admin-guide/mm/transhuge.rst",
	[TS_SOURCE_NET_TABLES] =
		"/proc/net/stat/arp_cache, ndisc_cache and nf_conntrack; what fills a full table "
		"from rtnetlink(7) and ctnetlink",
	[TS_SOURCE_RECEIVING] = "tracepoint net:netif_receive_skb, for a tenth of a second; "
				"/sys/class/net/*/queues, Documentation/networking/scaling.rst",
	[TS_SOURCE_DATAGRAMS] =
		"tracepoint udp:udp_fail_queue_rcv_skb, BPF iterators over UDP and unix sockets; "
		"udp(7), unix(7)",
};

/* Only where it differs from that of the source. */
static const char *const of_family[TS_FAMILY_COUNT] = {
	[TS_FAMILY_FSYNC_LATENCY] =
		"tracepoints ext4:ext4_sync_file_enter and _exit, writeback:writeback_queue and "
		"folio_wait_writeback (wait_on_page_writeback before 5.16)",
	[TS_FAMILY_FSYNC_OVERDUE] = "the same; bdi_writeback.stat over time",
	[TS_FAMILY_FSYNC_CLEANED] =
		"the same; bdi_writeback.stat, include/linux/backing-dev-defs.h",
	[TS_FAMILY_TASK_MIGRATIONS] = "tracepoint sched:sched_migrate_task",
	[TS_FAMILY_SESSION_WAIT] =
		"BPF iterator over tasks: task_struct.sched_info, signal->autogroup; "
		"sched(7)",
	[TS_FAMILY_SESSION_RUN] =
		"BPF iterator over tasks: task_struct.sched_info, signal->autogroup; "
		"sched(7)",
	[TS_FAMILY_TASK_CPU] =
		"tracepoint sched:sched_switch, with the cgroup (version 2) of the tasks: "
		"task_struct.cgroups; Documentation/admin-guide/cgroup-v2.rst",
	[TS_FAMILY_TCP_RETRANSMITS] =
		"tracepoints tcp:tcp_retransmit_skb and "
		"tcp:tcp_retransmit_synack; RFC 6298, RFC 8985 (tail-loss probe)",
	[TS_FAMILY_TCP_RESETS] =
		"tracepoints tcp:tcp_send_reset and tcp:tcp_receive_reset; RFC 9293. Before 6.10 "
		"(19822a980e19) the former says nothing of connections refused by a port that "
		"nobody listens on",
	[TS_FAMILY_TCP_SERVICE_TIME] =
		"tracepoint tcp:tcp_probe, when a segment comes in; tcp_sock.tcp_wstamp_ns and the "
		"times of what is not acknowledged, when one was sent; net/ipv4/tcp_output.c",
	[TS_FAMILY_TCP_EXCHANGES] = "tracepoint tcp:tcp_probe; RFC 9293",
	[TS_FAMILY_TCP_SMOOTHED_RTT] = "tcp_sock.srtt_us; RFC 6298",
	[TS_FAMILY_TCP_MINIMUM_RTT] = "tcp_sock.rtt_min; net/ipv4/tcp_input.c",
	[TS_FAMILY_TCP_SYN_QUEUE_PEAK] = "sock_diag(7): sockets in SYN_RECV; "
					 "Documentation/networking/ip-sysctl.rst",
	[TS_FAMILY_SOCKETS_IN_USE] = "/proc/net/sockstat of each network namespace",
	[TS_FAMILY_MEMORY] = "/proc/meminfo, and the dirty thresholds of /proc/vmstat; "
			     "Documentation/filesystems/proc.rst",
	[TS_FAMILY_ANONYMOUS_CHANGE] = "AnonPages of /proc/meminfo",
	[TS_FAMILY_ANONYMOUS_RISE] = "AnonPages of /proc/meminfo",
	[TS_FAMILY_KSWAPD_CPU] = "/proc/PID/stat of kswapd; kswapd(), mm/vmscan.c",
	[TS_FAMILY_VM_EVENTS] = "/proc/vmstat; include/linux/vm_event_item.h",
};

const char *ts_family_reference(enum ts_family_id id)
{
	if (of_family[id])
		return of_family[id];
	return of_source[ts_families[id].source] ? of_source[ts_families[id].source] : "";
}
