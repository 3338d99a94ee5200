// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "udp-receive-buffer"
#define UDP  "udp:9100"

struct input {
	const char *limit;
	double dropped, delivered, delivered6;
	double buffer, demand;
	double observed, queued, working, stretch;
	double rmem_default, rmem_max;
	bool reader;
};

/* The lab's: bursts of 500 while the receiver pauses, and a buffer cut to rmem_max. */
static const struct input lab = {"rmem_max", 71333, 46781, 0,	   262144, 9032920, 8.5,
				 2.9,	     0.1,   0.2,   212992, 131072, true};

static void add(struct fixture *f, const struct input *i)
{
	fixture_counter(f, UDP_DROPS, i->dropped, SERVER, UDP, i->limit);
	fixture_gauge(f, UDP_BUFFER, i->buffer, SERVER, UDP, i->limit);
	fixture_gauge(f, UDP_DEMAND, i->demand, SERVER, UDP, i->limit);
	fixture_gauge(f, DATAGRAM_QUEUE_STRETCH, i->stretch, SERVER, UDP, i->limit);
	fixture_seconds(f, DATAGRAM_QUEUE_TIME, i->observed, SERVER, UDP, i->limit, "observed");
	fixture_seconds(f, DATAGRAM_QUEUE_TIME, i->queued, SERVER, UDP, i->limit, "queued");
	fixture_seconds(f, DATAGRAM_QUEUE_TIME, 0, SERVER, UDP, i->limit, "full");
	fixture_seconds(f, DATAGRAM_QUEUE_TIME, i->working, SERVER, UDP, i->limit, "working");
	fixture_counter(f, NETWORK_COUNTERS, i->delivered, SERVER, "UdpInDatagrams");
	fixture_counter(f, NETWORK_COUNTERS, i->delivered6, SERVER, "Udp6InDatagrams");
	if (i->reader)
		ts_snapshot_sufferer(f->later,
				     &(struct ts_sufferer){.family = TS_FAMILY_DATAGRAM_QUEUE_TIME,
							   .label = {SERVER, UDP, i->limit, ""},
							   .pid = 77,
							   .comm = "receiver",
							   .cgroup = "",
							   .value = i->observed});
}

static void judge(struct fixture *f, const struct input *i)
{
	fixture_open(f);
	fixture_number(f, TS_SETTING_RMEM_DEFAULT, "", "%.0f", i->rmem_default);
	fixture_number(f, TS_SETTING_RMEM_MAX, "", "%.0f", i->rmem_max);
	add(f, i);
	fixture_judge(f);
}

static void names_rmem_max(void **state)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, &lab);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL);
	assert_string_equal(finding->setting, "net.core.rmem_max");
	assert_int_equal(finding->scope, TS_SCOPE_GLOBAL);
	assert_string_equal(finding->current, "131072");
	assert_string_equal(finding->proposed, "16777216"); /* and the buffer twice that */
	assert_string_equal(finding->apply, "sysctl -w net.core.rmem_max=16777216");
	assert_string_equal(finding->undo, "sysctl -w net.core.rmem_max=131072");
	assert_string_equal(finding->id, "udp-receive-buffer/net.core.rmem_max");
	assert_string_equal(finding->comm, "receiver");
	assert_contains(finding->title, "udp:9100 of receiver (77) in network namespace labsrv");
	fixture_close(&f);
}

static void names_rmem_default(void **state)
{
	const struct ts_finding *finding;
	struct input i = lab;
	struct fixture f;

	i.limit = "rmem_default", i.buffer = 65536, i.demand = 3e6, i.rmem_default = 65536;
	judge(&f, &i);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL);
	assert_string_equal(finding->setting, "net.core.rmem_default");
	assert_string_equal(finding->proposed, "8388608");
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
}

static void refuses(const struct input *i, const char *cause)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, i);
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, SERVER);
	assert_string_equal(finding->cause, cause);
	assert_contains(finding->acquits, "net.core.rmem_");
	assert_string_equal(finding->port, "9100");
	fixture_close(&f);
}

static void readers_that_are_too_slow(void **state)
{
	struct input i = lab;

	/* Never drained. */
	i.stretch = 6, i.queued = 8;
	refuses(&i, "receiver-too-slow");
	/* Drained now and then, but busy all the time: 16000 come and 10000 go each second. */
	i = lab, i.dropped = 42000, i.delivered = 70000, i.queued = 7.4, i.working = 7.6;
	i.stretch = 0.9;
	refuses(&i, "receiver-too-slow");
	/* The same with IPv6. */
	i.delivered6 = i.delivered, i.delivered = 0;
	refuses(&i, "receiver-too-slow");
	/* No process was found: the queue tells as much as it can. */
	i.reader = false, i.working = 0;
	refuses(&i, "receiver-too-slow");
	/* More than any buffer holds. */
	i = lab, i.demand = 2.2e8;
	refuses(&i, "receiver-too-slow");
}

/* It rests while its queue is full: that is no lack of speed. */
static void a_reader_that_pauses(void **state)
{
	struct input i = lab;
	struct fixture f;

	i.queued = 7.8, i.stretch = 1.5;
	judge(&f, &i);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_RECOMMEND);
	fixture_close(&f);
}

static void a_fixed_buffer(void **state)
{
	struct input i = lab;

	i.limit = "fixed", i.rmem_max = 212992;
	refuses(&i, "fixed-socket-buffer");
}

static void too_short_a_look(void **state)
{
	struct input i = lab;
	struct fixture f;

	i.observed = 0.9;
	judge(&f, &i);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_INSUFFICIENT);
	fixture_close(&f);
}

static void ends_at_a_size_that_fits(void **state)
{
	struct input i = lab;
	struct fixture f;

	i.demand = 6e7, i.rmem_max = 67108864;
	judge(&f, &i);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_ALREADY_SET);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_rmem_max),	cmocka_unit_test(names_rmem_default),
		cmocka_unit_test(just_below_is_quiet),	cmocka_unit_test(readers_that_are_too_slow),
		cmocka_unit_test(a_reader_that_pauses), cmocka_unit_test(a_fixed_buffer),
		cmocka_unit_test(too_short_a_look),	cmocka_unit_test(ends_at_a_size_that_fits),
	};

	return cmocka_run_group_tests_name("rule udp-receive-buffer", tests, NULL, NULL);
}
