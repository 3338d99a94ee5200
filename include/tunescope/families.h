/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every family tunescope measures: one row each; everything else iterates this table.
 *
 *   X(identifier, name, kind, unit, source, label keys, meaning)
 *
 * kind    COUNTER    cumulative since the source was opened or since boot; it never goes down while
 *                    the thing it belongs to lives
 *         GAUGE      the value at the moment of the snapshot
 *         PEAK       the largest value since the last snapshot
 *         HISTOGRAM  cumulative base-2 exponential histogram
 *
 * unit    SECONDS (counters and histograms keep integer nanoseconds), BYTES, COUNT or RATIO
 *
 * source  the part of tunescope that measures it and that its status comes from
 *
 * labels  LABELS_n with n keys, at most TS_LABELS_MAX
 *
 * netns is the inode of the network namespace; side is "service" (port is the local, listening
 * port) or "outbound" (port is the remote port). A family that has run out of slots counts into a
 * series whose labels are all "other".
 */
#ifndef TUNESCOPE_FAMILIES_H
#define TUNESCOPE_FAMILIES_H

/* clang-format off */
#define TS_FAMILIES(X)                                                                                                         \
/* ---- scheduler (BPF) */                                                                                                      \
X(RUNQ_LATENCY,             "runq_latency",             HISTOGRAM, SECONDS, SCHED,     LABELS_0,                         "time a runnable task waited for a CPU before it ran (run-queue latency)") \
X(ONCPU_TIME,               "oncpu_time",               HISTOGRAM, SECONDS, SCHED,     LABELS_0,                         "time a task ran before it left its CPU") \
X(OFFCPU_TIME,              "offcpu_time",              HISTOGRAM, SECONDS, SCHED,     LABELS_0,                         "time from leaving a CPU to running again, waiting included") \
X(CONTEXT_SWITCHES,         "context_switches",         COUNTER,   COUNT,   SCHED,     LABELS_1("kind"),         "context switches: voluntary (the task slept), involuntary (it was preempted), idle (out of the idle task)") \
X(TASK_MIGRATIONS,          "task_migrations",          COUNTER,   COUNT,   SCHED,     LABELS_0,                         "moves of tasks from one CPU to another") \
X(SESSION_WAIT,             "session_wait_seconds",     COUNTER,   SECONDS, SCHED,     LABELS_3("session", "sharing", "class"),    "time tasks of a session waited for a CPU: sharing is between whom their CPU time is shared out (task, session, cgroup), class is normal, background (nice 10 and more) or realtime; only tasks that waited for more than 1 % of the time, in sessions beyond the worst 16: other") \
X(SESSION_RUN,              "session_run_seconds",      COUNTER,   SECONDS, SCHED,     LABELS_3("session", "sharing", "class"),    "time on a CPU of the tasks counted in session_wait_seconds") \
/* ---- block devices (BPF) */                                                                                                  \
X(BLOCK_LATENCY,            "block_latency",            HISTOGRAM, SECONDS, BLOCK,     LABELS_2("device", "op"),                "block request, allocation to completion (queue and device)") \
X(BLOCK_QUEUE_LATENCY,      "block_queue_latency",      HISTOGRAM, SECONDS, BLOCK,     LABELS_2("device", "op"),                "block request, allocation to issue to the driver (queue)") \
X(BLOCK_DEVICE_LATENCY,     "block_device_latency",     HISTOGRAM, SECONDS, BLOCK,     LABELS_2("device", "op"),                "block request, issue to completion (device)") \
X(BLOCK_IO_SIZE,            "block_io_size",            HISTOGRAM, BYTES,   BLOCK,     LABELS_2("device", "op"),                "size of completed block requests") \
X(BLOCK_SEQUENTIAL,         "block_sequential_requests",COUNTER,   COUNT,   BLOCK,     LABELS_2("device", "op"),                "block requests that start where the previous one of that operation ended") \
X(BLOCK_ERRORS,             "block_errors",             COUNTER,   COUNT,   BLOCK,     LABELS_2("device", "op"),                "block requests that completed with an error") \
X(BLOCK_DEPTH_REQUESTS,     "block_depth_requests",     COUNTER,   COUNT,   BLOCK,     LABELS_3("device", "op", "depth"),          "block requests by the number already in flight when they were issued (depth is the upper bound of a power-of-two class)") \
X(BLOCK_DEPTH_SECONDS,      "block_depth_seconds",      COUNTER,   SECONDS, BLOCK,     LABELS_3("device", "op", "depth"),          "device latency summed by the number of requests in flight at issue") \
X(BLOCK_READ_BESIDE_WRITES, "block_reads_beside_writes",COUNTER,   COUNT,   BLOCK,     LABELS_2("device", "writes"),            "reads by the number of writes in flight when they were issued") \
X(BLOCK_READ_BESIDE_SECONDS,"block_read_seconds_beside_writes",COUNTER,SECONDS,BLOCK,  LABELS_2("device", "writes"),            "device latency of reads summed by the number of writes in flight at issue") \
X(BLOCK_BUFFERED_READS,     "block_buffered_reads",     COUNTER,   COUNT,   BLOCK,     LABELS_2("device", "pattern"),           "reads into the page cache (read-ahead and page faults, not direct I/O): sequential when they start where the one before ended, else other") \
X(BLOCK_BUFFERED_BYTES,     "block_buffered_read_bytes",COUNTER,   BYTES,   BLOCK,     LABELS_1("device"),                   "bytes of those reads") \
X(BLOCK_SPLITS,             "block_splits",             COUNTER,   COUNT,   BLOCK,     LABELS_2("device", "op"),                "times a piece was cut off what was submitted to a device because it was larger than the queue takes in one request") \
/* ---- dirty-page throttling (BPF) */                                                                                          \
X(DIRTY_THROTTLE_PAUSE,     "dirty_throttle_pause",     HISTOGRAM, SECONDS, WRITEBACK, LABELS_1("device"),                   "pauses the kernel put writers into in balance_dirty_pages") \
X(DIRTY_THROTTLE_SPAN,      "dirty_throttle_span_seconds",COUNTER, SECONDS, WRITEBACK, LABELS_1("device"),                   "time between one throttling pause and the next, gaps included") \
X(DIRTY_THROTTLE_BUSY,      "dirty_throttle_busy_seconds",COUNTER, SECONDS, WRITEBACK, LABELS_1("device"),                   "part of dirty_throttle_span_seconds in which the device was busy") \
X(FSYNC_LATENCY,            "fsync_latency",            HISTOGRAM, SECONDS, WRITEBACK, LABELS_1("device"),                   "time fsync() and fdatasync() took on ext4; on other filesystems and devices, and of sync() and syncfs(), the time that tasks were seen to wait in them, from 50 ms on") \
X(FSYNC_OVERDUE,            "fsync_overdue_seconds",    COUNTER,   SECONDS, WRITEBACK, LABELS_1("device"),                   "part of that time which was no longer than the dirty data of the device had waited to be written, on average: writing it before could have saved it, had the device had time") \
X(FSYNC_CLEANED,            "fsync_written_bytes",      COUNTER,   BYTES,   WRITEBACK, LABELS_1("device"),                   "by how much the dirty data of the device went down while fsync() was under way; where only waiting is seen, what was being written then") \
/* ---- TCP (BPF) */                                                                                                            \
X(TCP_RETRANSMITS,          "tcp_retransmits",          COUNTER,   COUNT,   TCP,       LABELS_4("netns", "side", "port", "cause"),    "TCP retransmissions by cause: timeout, fast, probe (tail-loss probe), syn, synack") \
X(TCP_CONNECT_LATENCY,      "tcp_connect_latency",      HISTOGRAM, SECONDS, TCP,       LABELS_2("netns", "port"),               "outbound connect: first SYN to established") \
X(TCP_CONNECT_FAILURES,     "tcp_connect_failures",     COUNTER,   COUNT,   TCP,       LABELS_3("netns", "port", "reason"),        "outbound connects that failed: no-local-port (EADDRNOTAVAIL) or not-established (refused, timed out, aborted)") \
X(TCP_RESETS,               "tcp_resets",               COUNTER,   COUNT,   TCP,       LABELS_4("netns", "side", "port", "direction"),"TCP resets sent and received") \
X(TCP_CONNECTIONS,          "tcp_connections_closed",   COUNTER,   COUNT,   TCP,       LABELS_3("netns", "side", "port"),          "TCP connections that ended; the totals below are theirs") \
X(TCP_CONNECTION_BYTES,     "tcp_connection_bytes",     COUNTER,   BYTES,   TCP,       LABELS_4("netns", "side", "port", "direction"),"payload bytes of ended connections: sent (acknowledged) and received") \
X(TCP_CONNECTION_SEGMENTS,  "tcp_connection_segments",  COUNTER,   COUNT,   TCP,       LABELS_4("netns", "side", "port", "direction"),"segments of ended connections: sent and received") \
X(TCP_SMOOTHED_RTT,         "tcp_smoothed_rtt",         HISTOGRAM, SECONDS, TCP,       LABELS_3("netns", "side", "port"),          "smoothed round-trip time of connections when they ended") \
X(TCP_MINIMUM_RTT,          "tcp_minimum_rtt",          HISTOGRAM, SECONDS, TCP,       LABELS_3("netns", "side", "port"),          "minimum round-trip time of connections when they ended") \
X(TCP_SERVICE_TIME,         "tcp_service_time",         HISTOGRAM, SECONDS, TCP,       LABELS_3("netns", "side", "port"),          "first data of a request to first data of its reply: seen by the service, or (outbound) last data of the request to first data of the reply, seen by who asks; where many come at once, a random eighth of them. Where segments are not looked at: request to last data of the reply, to a tick of the kernel's clock, of connections that ended and carried one request") \
X(TCP_EXCHANGES,            "tcp_exchanges",            COUNTER,   COUNT,   TCP,       LABELS_3("netns", "side", "port"),          "exchanges: requests that came to a service, and replies that came to outbound calls; what is sent in one direction without waiting is one") \
/* ---- TCP sockets, sampled (sock_diag, BPF iterator) */                                                                       \
X(TCP_LISTENER_BACKLOG,     "tcp_listener_backlog",     GAUGE,     COUNT,   LISTENERS, LABELS_2("netns", "port"),               "accept-queue limit of a listener: the smaller of listen()'s backlog and somaxconn at that time") \
X(TCP_ACCEPT_QUEUE,         "tcp_accept_queue",         GAUGE,     COUNT,   LISTENERS, LABELS_2("netns", "port"),               "connections waiting to be accepted") \
X(TCP_ACCEPT_QUEUE_PEAK,    "tcp_accept_queue_peak",    PEAK,      COUNT,   LISTENERS, LABELS_2("netns", "port"),               "largest accept queue seen by sampling since the last snapshot") \
X(TCP_ACCEPT_QUEUE_SAMPLES, "tcp_accept_queue_samples", COUNTER,   COUNT,   LISTENERS, LABELS_3("netns", "port", "state"),         "samples of the accept queue that found it empty, partial or full; one after a calm spell counts for those left out in it") \
X(TCP_ACCEPT_QUEUE_FULL,    "tcp_accept_queue_full_seconds",PEAK,  SECONDS, LISTENERS, LABELS_2("netns", "port"),               "longest stretch of samples in a row that found the accept queue full, since the last snapshot") \
X(TCP_LISTENER_DROPS,       "tcp_listener_drops",       COUNTER,   COUNT,   LISTENERS, LABELS_2("netns", "port"),               "connection attempts a listener dropped (sk_drops)") \
X(TCP_LISTENER_BURST,       "tcp_listener_burst",       PEAK,      COUNT,   LISTENERS, LABELS_2("netns", "port"),               "most drops between two samples since the last snapshot") \
X(TCP_SYN_QUEUE_PEAK,       "tcp_syn_queue_peak",       PEAK,      COUNT,   LISTENERS, LABELS_2("netns", "port"),               "most handshakes in SYN_RECV seen by sampling since the last snapshot (sampled while attempts are being dropped)") \
X(TCP_RECEIVED,             "tcp_received_bytes",       COUNTER,   BYTES,   SOCKETS,   LABELS_4("netns", "side", "port", "limit"),    "bytes received by sampled connections, by what bounded the receive window: none, growing, tcp_rmem, rmem_max, fixed (by the application), no-autotuning, unscaled (no window scaling), reader (does not read), loss") \
X(TCP_RECEIVE_WINDOW,       "tcp_receive_window",       PEAK,      BYTES,   SOCKETS,   LABELS_4("netns", "side", "port", "limit"),    "largest receive window among those connections") \
X(TCP_RECEIVE_BUFFER,       "tcp_receive_buffer",       PEAK,      BYTES,   SOCKETS,   LABELS_4("netns", "side", "port", "limit"),    "largest receive buffer (sk_rcvbuf) among those connections") \
X(TCP_RECEIVE_IN_FLIGHT,    "tcp_receive_in_flight",    PEAK,      BYTES,   SOCKETS,   LABELS_4("netns", "side", "port", "limit"),    "largest receive rate times round-trip time among those connections") \
X(TCP_RECEIVE_RTT,          "tcp_receive_rtt",          PEAK,      SECONDS, SOCKETS,   LABELS_4("netns", "side", "port", "limit"),    "receiver-side round-trip time of those connections, mean by bytes since the last snapshot") \
X(TCP_RECEIVE_CONNECTIONS,  "tcp_receive_connections",  GAUGE,     COUNT,   SOCKETS,   LABELS_4("netns", "side", "port", "limit"),    "connections counted in tcp_received_bytes at the last sample") \
X(TCP_SENT,                   "tcp_sent_bytes",           COUNTER,   BYTES,   SOCKETS,   LABELS_4("netns", "side", "port", "limit"),    "bytes of sampled connections that were acknowledged, by what bounded the sender: none, growing, tcp_wmem, wmem_max, fixed (send buffer, by the application), unscaled (no window scaling), peer-window (the other side offers no more), loss") \
X(TCP_SEND_WINDOW,            "tcp_send_window",          PEAK,      BYTES,   SOCKETS,   LABELS_4("netns", "side", "port", "limit"),    "largest window the other side offered to those connections") \
X(TCP_SEND_BUFFER,            "tcp_send_buffer",          PEAK,      BYTES,   SOCKETS,   LABELS_4("netns", "side", "port", "limit"),    "largest send buffer (sk_sndbuf) among those connections") \
X(TCP_SEND_IN_FLIGHT,         "tcp_send_in_flight",       PEAK,      BYTES,   SOCKETS,   LABELS_4("netns", "side", "port", "limit"),    "largest send rate times round-trip time among those connections") \
X(TCP_SEND_RTT,               "tcp_send_rtt",             PEAK,      SECONDS, SOCKETS,   LABELS_4("netns", "side", "port", "limit"),    "smoothed round-trip time of those connections, mean by bytes since the last snapshot") \
X(TCP_UNSENT,                 "tcp_unsent_bytes",         PEAK,      BYTES,   SOCKETS,   LABELS_4("netns", "side", "port", "limit"),    "most bytes written and not yet sent among those connections") \
X(TCP_SEND_CONNECTIONS,       "tcp_send_connections",     GAUGE,     COUNT,   SOCKETS,   LABELS_4("netns", "side", "port", "limit"),    "connections counted in tcp_sent_bytes at the last sample") \
X(TCP_PATH_SEGMENTS,        "tcp_path_segments",        COUNTER,   COUNT,   SOCKETS,   LABELS_4("netns", "side", "port", "path"),     "data segments sent by sampled connections that their congestion window held back, by path: calm (the round-trip time is near its minimum), rising, queueing (half as much again, or more), chosen (the application chose the congestion control), model (one that does not take loss for congestion, like BBR), no-sack (no selective acknowledgements)") \
X(TCP_PATH_RESENT,          "tcp_path_resent",          COUNTER,   COUNT,   SOCKETS,   LABELS_4("netns", "side", "port", "path"),     "segments those connections sent again") \
X(TCP_PATH_TIME,            "tcp_path_seconds",         COUNTER,   SECONDS, SOCKETS,   LABELS_4("netns", "side", "port", "path"),     "time those connections were held back by their congestion window, and by nothing else") \
X(TCP_PAUSES,               "tcp_pauses",               COUNTER,   COUNT,   SOCKETS,   LABELS_3("netns", "side", "port"),          "pauses longer than the retransmission timeout, seen at a sample, after which a connection sent more than a first window; not with congestion controls like BBR") \
X(TCP_PAUSE_COST,           "tcp_pause_cost_seconds",   COUNTER,   SECONDS, SOCKETS,   LABELS_3("netns", "side", "port"),          "round trips it takes to reach the congestion window of before such a pause when a connection has to begin with a small one again") \
X(TCP_PROGRESS,             "tcp_progress",             PEAK,      COUNT,   SOCKETS,   LABELS_4("netns", "side", "port", "progress"), "connections at a sample: stuck-full (full-sized segments were sent again at least twice without an answer, none of that size was ever acknowledged, and the other side is there: something came from it meanwhile, or it is on this host), stuck-unheard (the same, but of the other side nothing is known), stuck-later (others of that size had been acknowledged), stuck-small (smaller segments), passing (several full-sized ones were acknowledged since the last sample)") \
X(TCP_WRITE_AHEAD_SAMPLES,    "tcp_write_ahead_samples",  COUNTER,   COUNT,   SOCKETS,   LABELS_4("netns", "side", "port", "writes"),   "samples of connections whose application had written more than a congestion window ahead of what was sent, on a path that is not full: and whose socket does not block: small writes (4.5 KiB at most on average) or large") \
X(TCP_WRITE_AHEAD,            "tcp_write_ahead_seconds",  PEAK,      SECONDS, SOCKETS,   LABELS_4("netns", "side", "port", "writes"),   "longest time the unsent bytes of those connections took to be sent, at the measured rate") \
X(TCP_WRITE_AHEAD_BYTES,      "tcp_write_ahead_bytes",    PEAK,      BYTES,   SOCKETS,   LABELS_4("netns", "side", "port", "writes"),   "most unsent bytes of those connections") \
X(TCP_SILENT,               "tcp_silent_connections",   PEAK,      COUNT,   SOCKETS,   LABELS_4("netns", "side", "port", "peer"),     "established connections that asked for keepalive, silent for 3 s or more, and not to be probed for another 30 s, at a sample: the other side is gone (its address is on this host, and no such connection is; or the connection is and its address is not), present (on this host), or unknown (another host)") \
X(TCP_LIVE_SMOOTHED_RTT,    "tcp_live_smoothed_rtt",    HISTOGRAM, SECONDS, SOCKETS,   LABELS_3("netns", "side", "port"),          "smoothed round-trip time of established connections, one reading per connection and sample") \
X(TCP_LIVE_MINIMUM_RTT,     "tcp_live_minimum_rtt",     HISTOGRAM, SECONDS, SOCKETS,   LABELS_3("netns", "side", "port"),          "minimum round-trip time of established connections, one reading per connection and sample") \
X(TCP_LIVE_SERVICE_TIME,    "tcp_live_service_time",    HISTOGRAM, SECONDS, SOCKETS,   LABELS_3("netns", "side", "port"),          "last data of a request to last data of its reply, to a tick of the kernel's clock: the last exchange of each established connection at a sample, if it is a new one and took more than a tick") \
X(TCP_LOCAL_PORTS,          "tcp_local_ports",          PEAK,      COUNT,   SOCKETS,   LABELS_3("netns", "destination", "state"),  "local ports held towards one destination address and port: time-wait, established, close-wait (closed by the other side only), fin-wait (closed by this side only), fin-wait-closed (the same, and no program holds it any more), other (peak since the last snapshot)") \
X(TCP_ORPHANS,              "tcp_orphans",              PEAK,      COUNT,   ORPHANS,   LABELS_0,                                 "connections of the host that no program holds any more and that are not over (peak of two samples a second since the last snapshot)") \
X(TCP_ORPHAN_STATES,        "tcp_orphan_states",        PEAK,      COUNT,   ORPHANS,   LABELS_2("netns", "state"),              "the same by namespace, listed while they are a quarter of tcp_max_orphans: sending (not all that was written has been acknowledged) and fin-wait-2 (the other side has not closed)") \
/* ---- /proc and /sys */                                                                                                       \
X(CPU_TIME,                 "cpu_seconds",              COUNTER,   SECONDS, PROC_CPU,  LABELS_2("cpu", "mode"),                 "CPU time: user, nice, system, idle, iowait, irq, softirq, steal") \
X(CPU_SPEED,                "cpu_speed_samples",        COUNTER,   COUNT,   CPUFREQ,   LABELS_2("cpu", "speed"),                "samples of the frequency of a CPU (the first of its cpufreq policy): slow (less than three quarters of the most the policy allows) or full") \
X(TASKS,                    "tasks",                    GAUGE,     COUNT,   PROC_CPU,  LABELS_1("state"),                    "tasks running (or runnable) and blocked on I/O") \
X(MEMORY,                   "memory_bytes",             GAUGE,     BYTES,   PROC_MEMORY,LABELS_1("kind"),                    "memory: total, free, available, cached, anonymous, dirty, writeback, swap-total, swap-free, dirty-limit, dirty-background-limit") \
X(ANONYMOUS_CHANGE,         "anonymous_memory_change_bytes",COUNTER,BYTES,  PROC_MEMORY,LABELS_1("direction"),               "by how much memory of programs (anonymous, not of files) grew and shrank from one snapshot to the next: grown, shrunk") \
X(ANONYMOUS_RISE,           "anonymous_memory_rise",    PEAK,      BYTES,   PROC_MEMORY,LABELS_0,                               "largest rise of it from a low to a later high, as seen once a second, since the last snapshot") \
X(VM_EVENTS,                "vm_events",                COUNTER,   COUNT,   PROC_MEMORY,LABELS_1("event"),                   "virtual memory events of /proc/vmstat under their own names") \
X(PRESSURE,                 "pressure_seconds",         COUNTER,   SECONDS, PRESSURE,  LABELS_2("resource", "kind"),            "stall time (PSI): some or full, for cpu, memory, io") \
X(IDLE_MEMORY,              "idle_memory",              PEAK,      BYTES,   IDLE_MEMORY,LABELS_0,                               "memory of their own that processes hold which had no CPU time while tasks waited for memory that had been taken away: nobody used it") \
X(CGROUP_IDLE_MEMORY,       "cgroup_idle_memory",       PEAK,      RATIO,   IDLE_MEMORY,LABELS_1("cgroup"),                  "part of the memory of a cgroup that processes of it hold which had no CPU time meanwhile (of at most 8 cgroups)") \
X(NETWORK_COUNTERS,         "network_counters",         COUNTER,   COUNT,   PROC_NET,  LABELS_2("netns", "counter"),            "counters of /proc/net/snmp and netstat under their own names") \
X(SOCKETS_IN_USE,           "sockets_in_use",           GAUGE,     COUNT,   PROC_NET,  LABELS_2("netns", "kind"),               "TCP sockets: in-use, orphan, time-wait, allocated") \
X(TCP_MEMORY,                 "tcp_memory_bytes",         GAUGE,     BYTES,   PROC_NET,  LABELS_1("kind"),                              "memory of all TCP sockets of the host: held (of which net.ipv4.tcp_mem is the limit), page (the unit of that setting)") \
X(FRAGMENT_MEMORY,            "fragment_memory_bytes",    PEAK,      BYTES,   PROC_NET,  LABELS_2("netns", "protocol"),                 "memory of datagrams that wait for the rest of their fragments, of ip and ip6 (peak of two samples a second since the last snapshot)") \
X(FRAGMENTED_DATAGRAMS,       "fragmented_datagrams",     PEAK,      COUNT,   PROC_NET,  LABELS_2("netns", "protocol"),                 "datagrams that wait for the rest of their fragments, of ip and ip6 (peak of two samples a second since the last snapshot)") \
X(SOFTNET,                  "softnet_events",           COUNTER,   COUNT,   SOFTNET,   LABELS_2("cpu", "event"),                "per-CPU packet input: processed, dropped, time-squeeze, received-rps, flow-limit") \
X(SOFTNET_BURST,            "softnet_burst",            PEAK,      COUNT,   SOFTNET,   LABELS_1("cpu"),                      "most backlog drops between two samples since the last snapshot") \
X(SOFTNET_BUSY,             "softnet_drop_idle_seconds",COUNTER,   SECONDS, SOFTNET,   LABELS_2("cpu", "mode"),                 "time of a CPU in and around the samples that saw backlog drops: idle, yielding (programs, which packets interrupt) and total") \
X(RECEIVED_SAMPLE,          "received_sample",          GAUGE,     COUNT,   RECEIVING, LABELS_4("netns", "device", "cpu", "kind"), "a tenth of a second of the packets on a CPU that they keep busy while others idle: all, and of the device that most of them come from packets, flows (of at least one packet in a hundred; at most 64), largest-flow (its packets) and queues (its receive queues)") \
X(UDP_DROPS,                "udp_drops",                COUNTER,   COUNT,   DATAGRAMS, LABELS_3("netns", "socket", "limit"),   "datagrams dropped at full UDP sockets (udp:PORT), by what bounds the receive buffer: rmem_default, rmem_max (SO_RCVBUF was cut to it), fixed; or udp_mem (memory of all UDP sockets)") \
X(UDP_BUFFER,               "udp_buffer",               PEAK,      BYTES,   DATAGRAMS, LABELS_3("netns", "socket", "limit"),   "largest receive buffer (sk_rcvbuf) among the UDP sockets that dropped") \
X(UDP_DEMAND,               "udp_demand",               PEAK,      BYTES,   DATAGRAMS, LABELS_3("netns", "socket", "limit"),   "largest receive buffer that would have held what was dropped until the socket was found drained") \
X(UDP_MEMORY,               "udp_memory_bytes",         PEAK,      BYTES,   DATAGRAMS, LABELS_1("kind"),                     "memory of all UDP sockets of the host, while it is at least a quarter of what they may hold: held (of which the first number of net.ipv4.udp_mem is the limit), page (the unit of that setting)") \
X(UDP_MEMORY_SAMPLES,       "udp_memory_samples",       COUNTER,   COUNT,   DATAGRAMS, LABELS_1("state"),                    "samples meanwhile: unread (at least half of what they may hold waits at sockets) or drained") \
X(UNIX_QUEUE_LIMIT,         "unix_queue_limit",         PEAK,      COUNT,   DATAGRAMS, LABELS_3("netns", "socket", "limit"),   "messages that may wait at unix datagram sockets that were found full (unix:PATH), copied from max_dgram_qlen when they were made") \
X(UNIX_QUEUE_DEMAND,        "unix_queue_demand",        PEAK,      COUNT,   DATAGRAMS, LABELS_3("netns", "socket", "limit"),   "messages of the size that waited there which the send buffer of one sender holds") \
X(DATAGRAM_QUEUE_TIME,      "datagram_queue_seconds",   COUNTER,   SECONDS, DATAGRAMS, LABELS_4("netns", "socket", "limit", "kind"),"sampled time of datagram sockets that were full within the last second: observed (all of it), queued (more than an eighth of the queue in use), full, working (CPU time of the process that reads it)") \
X(DATAGRAM_QUEUE_STRETCH,   "datagram_queue_stretch",   PEAK,      SECONDS, DATAGRAMS, LABELS_3("netns", "socket", "limit"),   "longest time in which no sample found such a socket drained") \
X(NEIGHBOUR_EVENTS,         "neighbour_table_events",   COUNTER,   COUNT,   NET_TABLES,LABELS_2("table", "event"),              "events of the neighbour tables arp (IPv4) and ndisc (IPv6): table-full (a new neighbour found no room), forced-gc") \
X(NEIGHBOUR_ENTRIES,        "neighbour_entries",        PEAK,      COUNT,   NET_TABLES,LABELS_1("table"),                    "entries of a neighbour table, of all network namespaces together") \
X(NEIGHBOUR_STATES,         "neighbour_states",         GAUGE,     COUNT,   NET_TABLES,LABELS_3("netns", "table", "state"),     "entries a network namespace has in a neighbour table, resolved or unresolved; looked at while the table is full") \
X(CONNTRACK_EVENTS,         "conntrack_events",         COUNTER,   COUNT,   NET_TABLES,LABELS_2("netns", "event"),              "connection tracking: drop (packets dropped, there being no room for a new flow), early-drop (flows forgotten to make room)") \
X(CONNTRACK_ENTRIES,        "conntrack_entries",        PEAK,      COUNT,   NET_TABLES,LABELS_1("netns"),                    "flows in the connection tracking table") \
X(CONNTRACK_STATES,         "conntrack_states",         GAUGE,     COUNT,   NET_TABLES,LABELS_2("netns", "state"),              "a sample of the flows in a full connection tracking table: answered, unanswered, close-wait (closed by one side only), closed") \
X(DISK_BUSY,                "disk_busy_seconds",        COUNTER,   SECONDS, DISKSTATS, LABELS_1("device"),                   "time a disk had at least one request in flight") \
X(DISK_WEIGHTED,            "disk_weighted_seconds",    COUNTER,   SECONDS, DISKSTATS, LABELS_1("device"),                   "requests in flight times time") \
X(DISK_REQUESTS,            "disk_requests",            COUNTER,   COUNT,   DISKSTATS, LABELS_2("device", "op"),                "requests completed according to /proc/diskstats") \
X(DISK_BYTES,               "disk_bytes",               COUNTER,   BYTES,   DISKSTATS, LABELS_2("device", "op"),                "bytes moved according to /proc/diskstats") \
X(DISK_IN_FLIGHT,           "disk_in_flight",           GAUGE,     COUNT,   DISKSTATS, LABELS_1("device"),                   "requests in flight") \
X(INODE_UPDATES,            "inode_updates",            COUNTER,   COUNT,   ATIME,     LABELS_3("device", "mount", "cause"),      "times an inode was marked dirty on file systems mounted with strictatime: read (for its access time) or other (it was written, made, renamed and so on); file systems that tell nobody (xfs, btrfs) are not seen") \
X(FILE_HANDLES,             "file_handles",             GAUGE,     COUNT,   FILES,     LABELS_1("kind"),                     "open file handles of the host: allocated, maximum") \
X(CGROUP_THROTTLED,         "cgroup_throttled_seconds", COUNTER,   SECONDS, CGROUPS,   LABELS_1("cgroup"),                   "time a cgroup's tasks were held back by its CPU quota") \
X(CGROUP_PERIODS,           "cgroup_quota_periods",     COUNTER,   COUNT,   CGROUPS,   LABELS_2("cgroup", "kind"),              "CPU quota periods: elapsed, throttled") \
X(CGROUP_QUOTA,             "cgroup_quota_cpus",        GAUGE,     RATIO,   CGROUPS,   LABELS_1("cgroup"),                   "CPU quota of a cgroup, in CPUs") \
X(CGROUP_IO_LIMIT,          "cgroup_io_limit",          GAUGE,     COUNT,   CGROUP_IO, LABELS_3("cgroup", "device", "kind"),    "limit of a cgroup on a device, each second: read-bytes, write-bytes, read-requests, write-requests") \
X(CGROUP_IO_USED,           "cgroup_io_used",           COUNTER,   COUNT,   CGROUP_IO, LABELS_3("cgroup", "device", "kind"),    "what was used of cgroup_io_limit, since it was first seen") \
X(CGROUP_IO_WATCHED,        "cgroup_io_watched_seconds",COUNTER,   SECONDS, CGROUP_IO, LABELS_3("cgroup", "device", "kind"),    "time since the limit was first seen") \
/* ---- a command that is run (tunescope run) */                                                                                \
X(TASK_CPU,                 "task_cpu_seconds",         COUNTER,   SECONDS, COMMAND,   LABELS_1("who"),                      "time on a CPU by whose the task is: command (what is run, and all it starts), kernel (threads of the kernel), tunescope, other") \
X(COMMAND_TIME,             "command_seconds",          COUNTER,   SECONDS, COMMAND,   LABELS_1("kind"),                     "a run of the command: wall (start to end), user and system (CPU time of its processes that have ended)") \
X(COMMAND_IO,               "command_io_bytes",         COUNTER,   BYTES,   COMMAND,   LABELS_1("op"),                       "read from and written to storage by those processes") \
X(INTERFACE_BYTES,          "interface_bytes",          COUNTER,   BYTES,   INTERFACES,LABELS_2("device", "direction"),          "bytes received and sent by network interfaces with a device behind them") \
X(INTERFACE_SPEED,          "interface_speed",          GAUGE,     BYTES,   INTERFACES,LABELS_1("device"),                   "speed of their links, in bytes each second, where the driver knows it (those of virtual machines mostly have none)") \
/* ---- limits of the kernel, of users and of processes (BPF, /proc) */                                                         \
X(LIMIT_REACHED,            "limit_reached",            COUNTER,   COUNT,   LIMITS,    LABELS_3("limit", "owner", "process"),      "times a limit was found to have nothing left: when a process ended, when a task began, and when all processes were looked at") \
X(LIMIT_ERRORS,             "limit_errors",             COUNTER,   COUNT,   LIMITS,    LABELS_3("limit", "owner", "process"),      "system calls that failed for a limit (EMFILE, ENFILE, EAGAIN, ENOSPC, ENOMEM), while they were watched: only as long as something stands near its limit") \
X(LIMIT_USED,               "limit_used",               PEAK,      COUNT,   LIMITS,    LABELS_3("limit", "owner", "process"),      "how much was in use when a limit had nothing left; of the host's own limits the most seen since the last snapshot") \
X(LIMIT_ALLOWED,            "limit_allowed",            GAUGE,     COUNT,   LIMITS,    LABELS_3("limit", "owner", "process"),      "how much that limit allowed") \
X(LIMIT_WATCHED,            "limit_watched_seconds",    COUNTER,   SECONDS, LIMITS,    LABELS_0,                         "time in which failing system calls were watched for limit_errors") \
/* ---- waiting for memory (BPF) */                                                                                            \
X(MEMORY_WAIT,              "memory_wait",              HISTOGRAM, SECONDS, RECLAIM,   LABELS_1("kind"),                     "time a task spent making room before it got memory: host (direct reclaim: the host is short of free memory), cgroup (its memory cgroup is at memory.max, or above memory.high), node (vm.zone_reclaim_mode), huge-page and compaction (moving pages until enough of them lie together, for a huge page or for another large block)") \
X(MEMORY_WAIT_FREED,        "memory_wait_freed_bytes",  COUNTER,   BYTES,   RECLAIM,   LABELS_1("kind"),                     "memory those tasks freed") \
X(MEMORY_WAIT_BURST,        "memory_wait_burst",        PEAK,      BYTES,   RECLAIM,   LABELS_0,                         "most memory of the host that tasks freed themselves in one burst, without a pause of a quarter of a second, since the last snapshot") \
X(MEMORY_WAIT_BURSTS,       "memory_wait_bursts",       COUNTER,   COUNT,   RECLAIM,   LABELS_0,                         "such bursts") \
X(KSWAPD_CPU,               "kswapd_cpu_seconds",       COUNTER,   SECONDS, RECLAIM,   LABELS_1("node"),                     "CPU time of kswapd, which frees memory in the background") \
/* ---- transparent huge pages (/proc/PID, sampled) */                                                                         \
X(HUGE_PAGE_SAMPLES,        "huge_page_samples",        COUNTER,   COUNT,   HUGE_PAGES,LABELS_2("process", "content"),          "pages looked into within the huge pages of the process that holds most of its own, while they are given out to whoever touches memory: empty (nothing but zeroes) or used") \
X(HUGE_PAGE_BYTES,          "huge_page_bytes",          PEAK,      BYTES,   HUGE_PAGES,LABELS_1("process"),                   "memory that process held in huge pages") \
X(SMALL_PAGE_SAMPLES,       "small_page_samples",       COUNTER,   COUNT,   SMALL_PAGES,LABELS_2("process", "pattern"),         "moments of its CPU time, a thousand a second, of the busiest process among those with most memory and without huge pages: random (at an access to its largest mapping, without an order and all over it), other") \
X(SMALL_PAGE_BUSY,          "small_page_busy_seconds",  COUNTER,   SECONDS, SMALL_PAGES,LABELS_1("process"),                    "CPU time of that process while it was looked at") \
X(SMALL_PAGE_BYTES,         "small_page_bytes",         PEAK,      BYTES,   SMALL_PAGES,LABELS_2("process", "asked"),           "memory it holds in small pages in that mapping: asked (it asked for huge pages, with madvise), not-asked")
/* clang-format on */

#define TS_LABELS_MAX 4

#endif
