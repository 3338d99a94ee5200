// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "udp-memory"
#define UDP  "udp:9100"
#define PAGE 4096

struct input {
	double dropped, delivered;
	double held, allowed; /* pages */
	double demand, stretch, queued;
	double unread, drained;
};

/* The lab's: bursts of 500 datagrams while the receiver rests, and 1 MiB for all sockets. */
static const struct input lab = {2304, 15396, 238, 256, 1200000, 0.2, 2.5, 4, 60};

static void judge(struct fixture *f, const struct input *i)
{
	fixture_open(f);
	fixture_number(f, TS_SETTING_UDP_MEM, "", "%.0f %.0f %.0f", i->allowed, 4 * i->allowed,
		       8 * i->allowed);
	fixture_setting(f, TS_SETTING_RMEM_MAX, "", "4194304", "");
	fixture_counter(f, UDP_DROPS, i->dropped, SERVER, UDP, "udp_mem");
	fixture_gauge(f, UDP_BUFFER, 8e6, SERVER, UDP, "udp_mem");
	fixture_gauge(f, UDP_DEMAND, i->demand, SERVER, UDP, "udp_mem");
	fixture_gauge(f, DATAGRAM_QUEUE_STRETCH, i->stretch, SERVER, UDP, "udp_mem");
	fixture_seconds(f, DATAGRAM_QUEUE_TIME, 9, SERVER, UDP, "udp_mem", "observed");
	fixture_seconds(f, DATAGRAM_QUEUE_TIME, i->queued, SERVER, UDP, "udp_mem", "queued");
	fixture_counter(f, NETWORK_COUNTERS, i->delivered, SERVER, "UdpInDatagrams");
	fixture_gauge(f, UDP_MEMORY, i->held * PAGE, "held");
	fixture_gauge(f, UDP_MEMORY, PAGE, "page");
	fixture_counter(f, UDP_MEMORY_SAMPLES, i->unread, "unread");
	fixture_counter(f, UDP_MEMORY_SAMPLES, i->drained, "drained");
	fixture_judge(f);
}

static void names_udp_mem(void **state)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, &lab);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL);
	assert_string_equal(finding->setting, "net.ipv4.udp_mem");
	assert_int_equal(finding->scope, TS_SCOPE_GLOBAL);
	/* What the kernel itself takes with 8 GiB. */
	assert_string_equal(finding->proposed, "196608 262144 393216");
	assert_string_equal(finding->apply, "sysctl -w net.ipv4.udp_mem=\"196608 262144 393216\"");
	/* No buffer is to blame. */
	assert_int_equal(fixture_outcome(&f, "udp-receive-buffer"), TS_OUTCOME_QUIET);
	fixture_close(&f);
}

static void just_below_is_quiet(void **state)
{
	struct input i = lab;
	struct fixture f;

	i.dropped = 9;
	judge(&f, &i);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
	i = lab, i.held = 127;
	judge(&f, &i);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_INSUFFICIENT);
	fixture_close(&f);
}

static void refuses(const struct input *i)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, i);
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL);
	assert_string_equal(finding->cause, "receiver-too-slow");
	assert_string_equal(finding->acquits, "net.ipv4.udp_mem");
	fixture_close(&f);
}

static void sockets_that_are_not_read(void **state)
{
	struct input i = lab;

	i.stretch = 4; /* never drained */
	refuses(&i);
	i = lab, i.queued = 8.9; /* nor with time to spare */
	refuses(&i);
	i = lab, i.unread = 60, i.drained = 4; /* others, which drop nothing themselves */
	refuses(&i);
	i = lab, i.stretch = 1.1, i.unread = 34, i.drained = 10; /* as each gets another share */
	refuses(&i);
}

/* As seen live: sockets with large buffers keep what they had, and 1 % arrives. */
static void memory_that_sockets_keep(void **state)
{
	struct input i = {35076, 432, 300, 256, 33000000, 0.9, 3.9, 0, 42};
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, &i);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL);
	assert_string_equal(finding->setting, "net.ipv4.udp_mem");
	fixture_close(&f);
	i.unread = 3; /* some of it does wait */
	refuses(&i);
	i.unread = 0, i.stretch = 4; /* nor is it ever drained */
	refuses(&i);
}

static void ends_at_a_share_of_memory(void **state)
{
	struct input i = lab;
	enum ts_outcome outcome = TS_OUTCOME_QUIET;

	for (int round = 0; round < 8; round++) {
		struct fixture f;

		i.held = i.allowed, i.demand = 1e9;
		judge(&f, &i);
		outcome = fixture_outcome(&f, RULE);
		if (outcome == TS_OUTCOME_RECOMMEND)
			i.allowed = strtod(f.report->finding[0].proposed, NULL);
		fixture_close(&f);
	}
	assert_int_equal(outcome, TS_OUTCOME_ALREADY_SET);
	assert_true(i.allowed * PAGE <= 0.1875 * (1ULL << 33));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_udp_mem),
		cmocka_unit_test(just_below_is_quiet),
		cmocka_unit_test(sockets_that_are_not_read),
		cmocka_unit_test(memory_that_sockets_keep),
		cmocka_unit_test(ends_at_a_share_of_memory),
	};

	return cmocka_run_group_tests_name("rule udp-memory", tests, NULL, NULL);
}
