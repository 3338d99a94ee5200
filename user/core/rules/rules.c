// SPDX-License-Identifier: GPL-2.0-only
/* The table of rules. Their order is that of the report's list; findings are ranked by harm. */
#include "../rule.h"

extern const struct ts_rule ts_rule_neighbour_table, ts_rule_conntrack_table,
	ts_rule_udp_receive_buffer, ts_rule_unix_datagram_queue;
extern const struct ts_rule ts_rule_accept_queue, ts_rule_syn_queue, ts_rule_receive_buffer,
	ts_rule_softnet_backlog, ts_rule_dirty_throttle, ts_rule_block_queue, ts_rule_runq_latency,
	ts_rule_local_ports, ts_rule_time_wait, ts_rule_orphans, ts_rule_tcp_sack, ts_rule_rto_min,
	ts_rule_congestion_control, ts_rule_idle_restart, ts_rule_mtu_black_hole,
	ts_rule_send_buffer, ts_rule_window_scaling, ts_rule_tcp_memory, ts_rule_write_ahead,
	ts_rule_keepalive, ts_rule_file_limit, ts_rule_task_limit, ts_rule_mapping_limit,
	ts_rule_inotify_limit, ts_rule_aio_limit, ts_rule_pipe_limit, ts_rule_huge_pages,
	ts_rule_read_ahead, ts_rule_request_size;

const struct ts_rule *const ts_rules[] = {
	&ts_rule_accept_queue,	     &ts_rule_syn_queue,
	&ts_rule_receive_buffer,     &ts_rule_softnet_backlog,
	&ts_rule_neighbour_table,    &ts_rule_conntrack_table,
	&ts_rule_udp_receive_buffer, &ts_rule_unix_datagram_queue,

	&ts_rule_dirty_throttle,     &ts_rule_block_queue,
	&ts_rule_runq_latency,	     &ts_rule_local_ports,
	&ts_rule_time_wait,	     &ts_rule_orphans,
	&ts_rule_tcp_sack,	     &ts_rule_rto_min,
	&ts_rule_congestion_control, &ts_rule_idle_restart,
	&ts_rule_mtu_black_hole,     &ts_rule_send_buffer,
	&ts_rule_window_scaling,     &ts_rule_tcp_memory,
	&ts_rule_write_ahead,	     &ts_rule_keepalive,
	&ts_rule_file_limit,	     &ts_rule_task_limit,
	&ts_rule_mapping_limit,	     &ts_rule_inotify_limit,
	&ts_rule_aio_limit,	     &ts_rule_pipe_limit,
	&ts_rule_huge_pages,	     &ts_rule_read_ahead,
	&ts_rule_request_size,
};
const size_t ts_rules_count = sizeof ts_rules / sizeof ts_rules[0];
