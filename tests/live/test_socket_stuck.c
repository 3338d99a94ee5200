// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connections whose full-sized segments get no answer: whether their other side is there, by what
 * is heard of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/tcp.h>

#include "../../user/live/socket_peers.h"

#define JIFFY_NS 4000000

/* First sent at 1000, again at 1050 and 1150 (timeouts of 50, 100 and now 200 ticks). */
static struct ts_socket_record stuck(__u8 client, __u32 heard)
{
	return (struct ts_socket_record){
		.remote_address = {198, 51, 100, client},
		.local_address = {192, 0, 2, 1},
		.local_port = 80,
		.remote_port = (__u16)(40000 + heard),
		.state = TCP_ESTABLISHED,
		.open = 1,
		.timeouts = 2,
		.segment_size = 1448,
		.in_flight = 10,
		.outstanding = 14480,
		.last_sent = 1150,
		.last_heard = heard,
		.timeout = 200,
		.now = 1160,
	};
}

/* Two rounds: in the first it is learnt that there is somebody to ask about. */
static struct ts_sending seen(const struct ts_socket_record *record, size_t records)
{
	const struct ts_sending_context context = {"cubic", JIFFY_NS};
	const struct ts_socket_past past = {0};
	struct ts_socket_peers *peers = ts_socket_peers_new();
	struct ts_sending sending = {0};

	assert_non_null(peers);
	for (int round = 0; round < 2; round++) {
		ts_sending_begin(&sending);
		ts_socket_peers_begin(peers);
		ts_socket_peers_enter(peers);
		for (size_t i = 0; i < records; i++) {
			ts_sending_visit(&sending, &record[i], &past, &context);
			ts_socket_peers_visit(peers, &sending, &record[i], JIFFY_NS);
		}
		ts_socket_peers_end(peers, true);
	}
	ts_socket_peers_free(peers);
	return sending;
}

static void what_is_heard_while_it_is_stuck_counts(void **state)
{
	/* Nothing since it was first sent; since the first resend. */
	static const __u32 heard[] = {990, 1001, 1040, 1051, 1100, 1155};

	for (size_t i = 0; i < sizeof heard / sizeof *heard; i++) {
		struct ts_socket_record record = stuck(1, heard[i]);
		struct ts_sending sending = seen(&record, 1);

		assert_int_equal(sending.stuck_peak[TS_STUCK_FULL], heard[i] > 1050);
		assert_int_equal(sending.stuck_peak[TS_STUCK_UNHEARD], heard[i] <= 1050);
		assert_int_equal(ts_sending_is_unheard(&record), heard[i] <= 1050);
	}
}

static void who_comes_again_is_there(void **state)
{
	struct ts_socket_record records[] = {stuck(1, 990), stuck(1, 1090)};
	struct ts_sending sending;

	/* The second one is younger: sent at 1100, again at 1150 and 1250. */
	records[0].last_sent = 1350, records[0].timeout = 400, records[0].timeouts = 3;
	records[1].last_sent = 1250;
	sending = seen(records, 2);
	assert_int_equal(sending.stuck_peak[TS_STUCK_UNHEARD], 2);
	assert_int_equal(sending.stuck_peak[TS_STUCK_FULL], 0);
	records[1].last_heard = 1200, records[1].last_sent = 1400;
	sending = seen(records, 2);
	assert_int_equal(sending.stuck_peak[TS_STUCK_FULL], 1);
	/* Another client says nothing of the first. */
	records[1].remote_address[3]++;
	assert_int_equal(seen(records, 2).stuck_peak[TS_STUCK_FULL], 0);
}

static void its_socket_on_this_host_is_there(void **state)
{
	struct ts_socket_record records[] = {stuck(1, 990), stuck(1, 990)};

	records[0].remote_address[0] = 127, records[0].remote_address[1] = 0;
	records[0].remote_address[2] = 0, records[0].remote_address[3] = 1;
	records[1] = (struct ts_socket_record){
		.remote_address = {192, 0, 2, 1},
		.local_address = {127, 0, 0, 1},
		.local_port = records[0].remote_port,
		.remote_port = 80,
		.state = TCP_ESTABLISHED,
		.open = 1,
	};
	assert_int_equal(seen(records, 1).stuck_peak[TS_STUCK_FULL], 0);
	assert_int_equal(seen(records, 2).stuck_peak[TS_STUCK_FULL], 1);
}

static void others_are_what_they_were(void **state)
{
	struct ts_socket_record record = stuck(1, 990);

	record.progress.bytes_acked = 5000;
	assert_int_equal(seen(&record, 1).stuck_peak[TS_STUCK_LATER], 1);
	record = stuck(1, 990), record.outstanding = 700;
	assert_int_equal(seen(&record, 1).stuck_peak[TS_STUCK_SMALL], 1);
	record = stuck(1, 990), record.timeouts = 1;
	assert_int_equal(seen(&record, 1).stuck_peak[TS_STUCK_UNHEARD], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_heard_while_it_is_stuck_counts),
		cmocka_unit_test(who_comes_again_is_there),
		cmocka_unit_test(its_socket_on_this_host_is_there),
		cmocka_unit_test(others_are_what_they_were),
	};

	return cmocka_run_group_tests_name("stuck connections", tests, NULL, NULL);
}
