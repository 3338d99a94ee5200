// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an application has written further ahead than is sent, and when that says nothing of it; and
 * what bounded connections of which only their last record is known.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "../../user/live/netns.h"
#include "../../user/live/socket_limits.h"
#include "../../user/live/socket_namespaces.h"
#include "../../user/live/socket_visit.h"

/* 10 Mbit/s over 40 ms, seen a second apart: 437 KB wait, 350 ms of what is sent. */
static struct ts_socket_record sender(void)
{
	return (struct ts_socket_record){
		.progress = {.bytes_acked = 3250000, .busy = 2000},
		.smoothed_rtt_us = 45000,
		.minimum_rtt_us = 40000,
		.unsent = 437500,
		.segment_size = 1448,
		.congestion_window = 40,
	};
}

static double ahead(const struct ts_socket_record *record)
{
	const struct ts_socket_past past = {
		.met = true,
		.progress = {.bytes_acked = 2000000, .busy = 1000},
		.elapsed_ns = 1000000000,
	};

	return ts_socket_ahead(record, &past);
}

static void waits_for_the_congestion_window(void **state)
{
	struct ts_socket_record record = sender();

	assert_float_equal(ahead(&record), 0.35, 0.001);
	record.unsent = 57000; /* less than the window holds */
	assert_float_equal(ahead(&record), 0, 0);
	record = sender(), record.smoothed_rtt_us = 200000; /* it waits on the path */
	assert_float_equal(ahead(&record), 0, 0);
}

static void waits_for_the_other_side(void **state)
{
	struct ts_socket_record record = sender();

	record.progress.window_limited = 500;
	assert_float_equal(ahead(&record), 0.35, 0.001);
	record.progress.window_limited = 501; /* more than half of the time: a slow reader */
	assert_float_equal(ahead(&record), 0, 0);
}

/* ---- connections that have ended */

#define JIFFY_NS 4000000

static const struct ts_netns_limits limits = {
	.tcp_rmem_max = 65536, .rmem_max = 212992, .tcp_wmem_max = 32768, .wmem_max = 212992};

/* A second at 800 KB/s over 40 ms: what a window of 32 KB lets through. */
static struct ts_socket_end received(void)
{
	return (struct ts_socket_end){
		.socket = {.progress = {.bytes_received = 800000, .segments_received = 600},
			   .smoothed_rtt_us = 41000,
			   .minimum_rtt_us = 40000,
			   .receiver_rtt_us = 42000,
			   .window = 32768,
			   .buffer = 65536,
			   .window_scaling = 1},
		.receiving = 240,
		.receiving_known = 1,
	};
}

/* The same of one that sends, with a send buffer that lets through half of its window. */
static struct ts_socket_end sent(void)
{
	return (struct ts_socket_end){
		.socket = {.progress = {.bytes_acked = 400000,
					.segments_sent = 300,
					.busy = 250,
					.buffer_limited = 200},
			   .smoothed_rtt_us = 41000,
			   .minimum_rtt_us = 40000,
			   .peer_window = 65536,
			   .send_buffer = 32768,
			   .window_scaling = 1},
	};
}

/* By what it was bounded; "" when nothing is said of it. */
static const char *bounded_by(const struct ts_socket_end *end, const struct ts_socket_past *past,
			      enum ts_family_id family)
{
	static char limit[32];
	struct ts_socket_groups *groups = ts_socket_groups_new();
	struct ts_netns_table *netns = calloc(1, sizeof *netns);
	struct ts_snapshot *snapshot = ts_snapshot_new();

	assert_true(groups && netns && snapshot);
	ts_socket_groups_begin(groups);
	ts_socket_judge_end(ts_socket_group(groups, 1, false, 80), end, past, &limits, JIFFY_NS);
	ts_socket_groups_snapshot(groups, netns, snapshot);
	assert_true(snapshot->family[family].count <= 1);
	snprintf(limit, sizeof limit, "%s",
		 snapshot->family[family].count ? snapshot->family[family].series[0].label[3] : "");
	ts_snapshot_free(snapshot);
	ts_socket_groups_free(groups);
	free(netns);
	return limit;
}

static const struct ts_socket_past never;

static const char *receiving_bound(const struct ts_socket_end *end)
{
	return bounded_by(end, &never, TS_FAMILY_TCP_RECEIVED);
}

static const char *sending_bound(const struct ts_socket_end *end)
{
	return bounded_by(end, &never, TS_FAMILY_TCP_SENT);
}

static void only_the_end_convicts(void **state)
{
	struct ts_socket_end end = received();

	assert_string_equal(receiving_bound(&end), "tcp_rmem");
	end.socket.buffer = 65535; /* it might have grown */
	assert_string_equal(receiving_bound(&end), "growing");
	end = sent();
	assert_string_equal(sending_bound(&end), "tcp_wmem");
	end.socket.progress.buffer_limited = 30;
	assert_string_equal(sending_bound(&end), "none");
	/* In flight: half of the buffer, and as much of it as can be. */
	end.socket.progress.bytes_acked = 500000;
	assert_string_equal(sending_bound(&end), "tcp_wmem");
	end.socket.progress.buffer_limited = 4;
	assert_string_equal(sending_bound(&end), "tcp_wmem");
	end.socket.progress.buffer_limited = 3;
	assert_string_equal(sending_bound(&end), "none");
}

static void fixed_buffers_are_no_setting(void **state)
{
	struct ts_socket_end end = received();

	end.socket.buffer_locked = 1;
	assert_string_equal(receiving_bound(&end), "fixed");
	end.socket.buffer = 2 * 212992;
	assert_string_equal(receiving_bound(&end), "rmem_max");
	end = sent(), end.socket.send_buffer_locked = 1;
	assert_string_equal(sending_bound(&end), "fixed");
}

/* At the end it has read everything, and the window is open. */
static void slow_reader_does_not_convict(void **state)
{
	struct ts_socket_end end = received();

	/* A window took a tenth of a second to be read, and the receiver took that for the path. */
	end.receiving = 900;
	end.socket.receiver_rtt_us = 100000;
	assert_string_equal(receiving_bound(&end), "none");
	/* It gave up with much unread. */
	end = received(), end.socket.unread = 16384;
	assert_string_equal(receiving_bound(&end), "");
	/* Its sender. */
	end = sent(), end.socket.progress.window_limited = 210;
	assert_string_equal(sending_bound(&end), "peer-window");
}

static void loss_does_not_convict(void **state)
{
	struct ts_socket_end end = received();

	end.receiving = 750, end.socket.progress.out_of_order = 20;
	assert_string_equal(receiving_bound(&end), "loss");
	end = sent(), end.socket.progress.buffer_limited = 0, end.socket.progress.retransmitted = 9;
	assert_string_equal(sending_bound(&end), "loss");
}

static void too_little_is_known(void **state)
{
	struct ts_socket_end end = received();

	end.receiving_known = 0; /* nothing tells for how long it received */
	assert_string_equal(receiving_bound(&end), "");
	end = received(), end.socket.minimum_rtt_us = ~0U;
	assert_string_equal(receiving_bound(&end), "");
	end = received(), end.receiving = 30; /* three round trips */
	assert_string_equal(receiving_bound(&end), "");
	end = sent(), end.socket.progress.busy = 49; /* less than a fifth of a second */
	assert_string_equal(sending_bound(&end), "");
}

/* It was met: then the end tells of what came since. */
static void end_is_the_second_visit(void **state)
{
	struct ts_socket_end end = received();
	struct ts_socket_past past = {
		.met = true,
		.progress = {.bytes_received = 400000},
		.elapsed_ns = 500000000,
	};

	end.receiving_known = 0;
	assert_string_equal(bounded_by(&end, &past, TS_FAMILY_TCP_RECEIVED), "tcp_rmem");
	past.elapsed_ns = 2000000000; /* it hardly received any more */
	assert_string_equal(bounded_by(&end, &past, TS_FAMILY_TCP_RECEIVED), "none");
	past.progress.bytes_received = 790000;
	assert_string_equal(bounded_by(&end, &past, TS_FAMILY_TCP_RECEIVED), "");
}

/* ---- what of it was met */

static struct ts_socket_record connection(__u64 received)
{
	return (struct ts_socket_record){
		.identity = 4711,
		.progress = {.bytes_received = received},
		.local_port = 80,
		.remote_port = 1234,
	};
}

static void round_of_visits(struct ts_socket_memory *memory, __u64 received, __u64 now_ns)
{
	struct ts_socket_record record = connection(received);

	ts_socket_memory_begin(memory);
	if (received)
		ts_socket_memory_update(memory, true, &record, 1, now_ns, 0, 0);
	ts_socket_memory_end(memory);
}

static void the_newest_visit_counts(void **state)
{
	struct ts_socket_memory *memory = ts_socket_memory_new();
	struct ts_socket_record end = connection(900);

	assert_non_null(memory);
	assert_false(ts_socket_memory_past(memory, &end, 1, 50).met);
	round_of_visits(memory, 100, 10);
	round_of_visits(memory, 500, 20);
	assert_int_equal(ts_socket_memory_past(memory, &end, 1, 50).elapsed_ns, 30);
	assert_int_equal(ts_socket_memory_past(memory, &end, 1, 50).progress.bytes_received, 500);
	/* It ended during a round, after it had been met there. */
	ts_socket_memory_begin(memory);
	end = connection(800);
	ts_socket_memory_update(memory, true, &end, 1, 40, 0, 0);
	end = connection(900);
	assert_int_equal(ts_socket_memory_past(memory, &end, 1, 50).elapsed_ns, 10);
	ts_socket_memory_end(memory);
	/* Others in the same place. */
	assert_false(ts_socket_memory_past(memory, &end, 2, 50).met);
	end.remote_port++;
	assert_false(ts_socket_memory_past(memory, &end, 1, 50).met);
	end = connection(799);
	assert_int_equal(ts_socket_memory_past(memory, &end, 1, 50).elapsed_ns, 30);
	ts_socket_memory_free(memory);
}

/* A look between two rounds meets some of them anew; the others stay as the round met them. */
static void a_look_counts_as_well(void **state)
{
	struct ts_socket_memory *memory = ts_socket_memory_new();
	struct ts_socket_record record = connection(300), other = connection(50);
	struct ts_socket_past past;

	other.identity++;
	assert_non_null(memory);
	ts_socket_memory_begin(memory);
	ts_socket_memory_update(memory, true, &other, 1, 15, 0, 0);
	ts_socket_memory_end(memory);
	assert_false(ts_socket_memory_update(memory, false, &record, 1, 20, 0, 40).met);
	record = connection(400);
	past = ts_socket_memory_update(memory, false, &record, 1, 30, 0, 0);
	assert_true(past.met);
	assert_int_equal(past.elapsed_ns, 10);
	assert_int_equal(past.progress.bytes_received, 300);
	assert_int_equal(past.paused_window, 40);
	assert_int_equal(ts_socket_memory_past(memory, &other, 1, 50).elapsed_ns, 35);
	/* The round after it goes on from the look. */
	record = connection(500);
	ts_socket_memory_begin(memory);
	past = ts_socket_memory_update(memory, true, &record, 1, 45, 0, 0);
	ts_socket_memory_end(memory);
	assert_int_equal(past.elapsed_ns, 15);
	assert_int_equal(past.progress.bytes_received, 400);
	ts_socket_memory_free(memory);
}

/* Bytes that fill a window of 64 KB over 40 ms in a second: as what they are taken in that time. */
static const char *looked_at(__u64 before, __u64 moved, __u64 settled_ns)
{
	static char limit[32];
	struct ts_socket_visitor visitor = {
		.memory = ts_socket_memory_new(),
		.groups = ts_socket_groups_new(),
		.jiffy_ns = JIFFY_NS,
	};
	struct ts_socket_record record = received().socket, first = connection(before);
	struct ts_netns_table *netns = calloc(1, sizeof *netns);
	struct ts_snapshot *snapshot = ts_snapshot_new();
	struct ts_socket_meeting meeting = {
		.group = ts_socket_group(visitor.groups, 1, false, 80),
		.limits = &limits,
		.netns = 1,
		.now = 20000000000ULL,
		.age_ns = 20000000000ULL,
		.moved = moved,
		.settled_ns = settled_ns,
	};

	record.identity = first.identity;
	record.local_port = first.local_port;
	record.remote_port = first.remote_port;
	ts_socket_memory_update(visitor.memory, false, &first, 1, 1, 0, 0);
	ts_socket_visit(&visitor, &meeting, &record);
	ts_socket_groups_snapshot(visitor.groups, netns, snapshot);
	assert_int_equal(snapshot->family[TS_FAMILY_TCP_RECEIVED].count, 1);
	snprintf(limit, sizeof limit, "%s",
		 snapshot->family[TS_FAMILY_TCP_RECEIVED].series[0].label[3]);
	ts_snapshot_free(snapshot);
	ts_socket_memory_free(visitor.memory);
	ts_socket_groups_free(visitor.groups);
	free(netns);
	return limit;
}

/* What moved after a rest is judged by the time since the look that found it at rest. */
static void a_rest_is_no_slow_transfer(void **state)
{
	assert_string_equal(looked_at(0, 800000, 1000000000), "tcp_rmem");
	assert_string_equal(looked_at(0, 800000, 0), "none");
	/* A record of half of it was never judged: when that came is not known. */
	assert_string_equal(looked_at(0, 400000, 1000000000), "none");
}

/* More namespaces than anybody looks at in one reading: none is left out, and one that has gone is
 * not known.
 */
static void namespaces_of_one_reading(void **state)
{
	enum { MANY = 200 };
	struct ts_socket_namespaces *namespaces = ts_socket_namespaces_new();
	struct ts_netns_table *table = calloc(1, sizeof *table);

	assert_true(namespaces && table);
	for (table->count = 0; table->count < MANY; table->count++) {
		table->entry[table->count].alive = true;
		table->entry[table->count].inode = 4000 + 64 * table->count;
	}
	ts_socket_namespaces_begin(namespaces, table);
	for (int again = 0; again < 2; again++)
		for (__u32 i = 0; i < MANY; i++)
			assert_ptr_equal(ts_socket_namespace(namespaces, 4000 + 64 * i),
					 &table->entry[i]);
	assert_null(ts_socket_namespace(namespaces, 4001));
	/* One that has gone is known no more in the next reading. */
	table->entry[3].alive = false;
	ts_socket_namespaces_begin(namespaces, table);
	assert_null(ts_socket_namespace(namespaces, 4000 + 64 * 3));
	ts_socket_namespaces_free(namespaces);
	free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_for_the_congestion_window),
		cmocka_unit_test(waits_for_the_other_side),
		cmocka_unit_test(only_the_end_convicts),
		cmocka_unit_test(fixed_buffers_are_no_setting),
		cmocka_unit_test(slow_reader_does_not_convict),
		cmocka_unit_test(loss_does_not_convict),
		cmocka_unit_test(too_little_is_known),
		cmocka_unit_test(end_is_the_second_visit),
		cmocka_unit_test(the_newest_visit_counts),
		cmocka_unit_test(a_look_counts_as_well),
		cmocka_unit_test(a_rest_is_no_slow_transfer),
		cmocka_unit_test(namespaces_of_one_reading),
	};

	return cmocka_run_group_tests_name("socket limits", tests, NULL, NULL);
}
