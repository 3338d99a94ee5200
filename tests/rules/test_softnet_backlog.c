// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "softnet-backlog"

struct input {
	const char *cpu;
	double dropped, flow_limit, squeezed, burst, idle, total;
};

/* The lab's: bursts of 3000 packets into a queue of 300; the CPU idles in between. */
static const struct input lab = {"1", 130000, 0, 40, 2700, 8.1, 9.9};

static void add(struct fixture *f, const struct input *i)
{
	fixture_counter(f, SOFTNET, 150000, i->cpu, "processed");
	fixture_counter(f, SOFTNET, i->dropped, i->cpu, "dropped");
	fixture_counter(f, SOFTNET, i->flow_limit, i->cpu, "flow-limit");
	fixture_counter(f, SOFTNET, i->squeezed, i->cpu, "time-squeeze");
	fixture_gauge(f, SOFTNET_BURST, i->burst, i->cpu);
	fixture_seconds(f, SOFTNET_BUSY, i->idle, i->cpu, "idle");
	fixture_seconds(f, SOFTNET_BUSY, i->total, i->cpu, "total");
}

static void judge(struct fixture *f, const struct input *i, double backlog)
{
	fixture_open(f);
	fixture_number(f, TS_SETTING_NETDEV_MAX_BACKLOG, "", "%.0f", backlog);
	add(f, i);
	fixture_judge(f);
}

static void names_netdev_max_backlog(void **state)
{
	struct fixture f;
	const struct ts_finding *finding;

	judge(&f, &lab, 300);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL);
	assert_string_equal(finding->setting, "net.core.netdev_max_backlog");
	assert_string_equal(finding->current, "300");
	assert_string_equal(finding->proposed, "8192");
	assert_string_equal(finding->apply, "sysctl -w net.core.netdev_max_backlog=8192");
	assert_string_equal(finding->undo, "sysctl -w net.core.netdev_max_backlog=300");
	assert_string_equal(finding->id, "softnet-backlog/net.core.netdev_max_backlog");
	fixture_close(&f);
}

static void just_below_is_quiet(void **state)
{
	struct input i = lab;
	struct fixture f;

	i.dropped = 9;
	judge(&f, &i, 300);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
	i.dropped = 10;
	judge(&f, &i, 300);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_RECOMMEND);
	fixture_close(&f);
}

static void time_squeeze_and_flow_limit_alone(void **state)
{
	const struct ts_finding *finding;
	struct input i = lab;
	struct fixture f;

	i.dropped = 0, i.squeezed = 999;
	judge(&f, &i, 300);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	assert_contains(fixture_result(&f, RULE)->why, "time_squeeze alone loses nothing");
	fixture_close(&f);
	i.squeezed = 1e6;
	judge(&f, &i, 300);
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL);
	assert_string_equal(finding->cause, "harmless");
	assert_string_equal(finding->acquits, "net.core.netdev_budget");
	fixture_close(&f);
	i.dropped = i.flow_limit = 5000; /* both counters count them */
	judge(&f, &i, 300);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	assert_contains(fixture_result(&f, RULE)->why, "flow limit");
	fixture_close(&f);
}

static void a_cpu_without_time(void **state)
{
	struct input i = lab;
	struct fixture f;
	const struct ts_finding *finding;

	i.idle = 0.1 * i.total; /* not more than the threshold */
	judge(&f, &i, 300);
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL);
	assert_string_equal(finding->cause, "single-cpu-saturated");
	assert_string_equal(finding->acquits, "net.core.netdev_max_backlog");
	assert_contains(finding->title, "CPU 1");
	fixture_close(&f);
}

/* Measured beside 15 busy programs: 1.4 % for packets, of which half were dropped. */
static void programs_that_give_way_keep_it_busy(void **state)
{
	static const struct {
		double yielding, lost;
		enum ts_outcome outcome;
	} cases[] = {
		{6.46, 0, TS_OUTCOME_RECOMMEND},
		{6.45, 4850, TS_OUTCOME_RECOMMEND},
		{6.45, 4860, TS_OUTCOME_NOT_A_SETTING}, /* the reader loses them, too */
		{6.20, 0, TS_OUTCOME_RECOMMEND},	/* 5.3 %, 9.9 % had none been dropped */
		{6.19, 0, TS_OUTCOME_NOT_A_SETTING},
		{0, 0, TS_OUTCOME_NOT_A_SETTING}, /* as in recordings of before */
	};
	struct fixture f;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		fixture_open(&f);
		fixture_number(&f, TS_SETTING_NETDEV_MAX_BACKLOG, "", "%d", 200);
		fixture_counter(&f, SOFTNET, 56380, "1", "processed");
		fixture_counter(&f, SOFTNET, 48536, "1", "dropped");
		fixture_gauge(&f, SOFTNET_BURST, 1095, "1");
		fixture_seconds(&f, SOFTNET_BUSY, 0, "1", "idle");
		fixture_seconds(&f, SOFTNET_BUSY, cases[i].yielding, "1", "yielding");
		fixture_seconds(&f, SOFTNET_BUSY, 6.55, "1", "total");
		fixture_counter(&f, NETWORK_COUNTERS, cases[i].lost, "4026531840",
				"UdpRcvbufErrors");
		fixture_judge(&f);
		assert_int_equal(fixture_outcome(&f, RULE), cases[i].outcome);
		if (cases[i].outcome == TS_OUTCOME_RECOMMEND)
			assert_string_equal(
				fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL)->proposed,
				"4096");
		fixture_close(&f);
	}
}

/* The lab's: a program on the CPU, and rounds of a few packets. */
static void rounds_end_too_soon(void **state)
{
	static const struct {
		double budget, squeezed, idle;
		const char *setting;
	} cases[] = {
		{1, 98048, 0, "net.core.netdev_budget"},
		{63, 1532, 0, "net.core.netdev_budget"},
		{64, 98048, 0, "net.core.netdev_max_backlog"}, /* a queue's turn */
		{63, 1531, 0, "net.core.netdev_max_backlog"},  /* few rounds end that way */
		{1, 98048, 3, "net.core.netdev_max_backlog"},  /* nobody to wait for */
	};
	struct fixture f;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct ts_finding *finding;

		fixture_open(&f);
		fixture_number(&f, TS_SETTING_NETDEV_MAX_BACKLOG, "", "%d", 1000);
		fixture_number(&f, TS_SETTING_NETDEV_BUDGET, "", "%.0f", cases[i].budget);
		fixture_counter(&f, SOFTNET, 98048, "1", "processed");
		fixture_counter(&f, SOFTNET, 1954, "1", "dropped");
		fixture_counter(&f, SOFTNET, cases[i].squeezed, "1", "time-squeeze");
		fixture_gauge(&f, SOFTNET_BURST, 1954, "1");
		fixture_seconds(&f, SOFTNET_BUSY, cases[i].idle, "1", "idle");
		fixture_seconds(&f, SOFTNET_BUSY, 9.84 - cases[i].idle, "1", "yielding");
		fixture_seconds(&f, SOFTNET_BUSY, 10, "1", "total");
		fixture_judge(&f);
		finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL);
		assert_string_equal(finding->setting, cases[i].setting);
		if (!strcmp(finding->setting, "net.core.netdev_budget"))
			assert_string_equal(finding->proposed, "300");
		assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 1);
		fixture_close(&f);
	}
}

static void one_cpu_of_each_kind(void **state)
{
	struct input busy = lab;
	struct fixture f;

	busy.cpu = "0", busy.idle = 0, busy.burst = 90000;
	fixture_open(&f);
	fixture_number(&f, TS_SETTING_NETDEV_MAX_BACKLOG, "", "%d", 300);
	add(&f, &busy);
	add(&f, &lab);
	fixture_judge(&f);
	/* The value comes from the CPU that has time. */
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL)->proposed,
			    "8192");
	assert_contains(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL)->title, "CPU 1");
	assert_contains(fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL)->title, "CPU 0");
	fixture_close(&f);
}

static void too_short_a_look(void **state)
{
	struct input i = lab;
	struct fixture f;

	i.idle = i.total = 0;
	judge(&f, &i, 300);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_INSUFFICIENT);
	assert_contains(fixture_result(&f, RULE)->why, "observe longer");
	fixture_close(&f);
}

static void converges(void **state)
{
	struct input i = lab;
	struct fixture f;
	double backlog = 300;

	i.dropped = i.burst = 0, i.idle = i.total = 0;
	judge(&f, &i, 8192);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
	i = lab;
	for (int round = 0; round < 12; round++) {
		enum ts_outcome outcome;

		i.burst = 10 * backlog;
		judge(&f, &i, backlog);
		outcome = fixture_outcome(&f, RULE);
		if (outcome == TS_OUTCOME_RECOMMEND)
			backlog = strtod(f.report->finding[0].proposed, NULL);
		fixture_close(&f);
		if (round == 11)
			assert_int_equal(outcome, TS_OUTCOME_ALREADY_SET);
	}
	/* 1/64 of 8 GiB for the queues of two CPUs. */
	assert_int_equal((int)backlog, 32768);
}

static void not_measured(void **state)
{
	struct fixture f;

	fixture_open(&f);
	add(&f, &lab);
	fixture_unsupported(&f, TS_FAMILY_SOFTNET_BUSY, "no idle time in /proc/stat");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_UNAVAILABLE);
	assert_contains(fixture_result(&f, RULE)->why, "no idle time in /proc/stat");
	fixture_close(&f);
}

static void hostile_names(void **state)
{
	struct input i = lab;
	struct fixture f;

	i.cpu = "1; reboot\n%s";
	judge(&f, &i, 300);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL)->apply,
			    "sysctl -w net.core.netdev_max_backlog=8192");
	fixture_close(&f);
}

/* CPU 1 takes in packets all the time; what it did, and CPU 0, in ten seconds. */
static void judge_load(struct fixture *f, double softirq, double idle, double other_idle,
		       double packets)
{
	fixture_open(f);
	fixture_setting(f, TS_SETTING_NETDEV_MAX_BACKLOG, "", "1000", "");
	fixture_counter(f, SOFTNET, 100, "0", "processed");
	fixture_counter(f, SOFTNET, packets, "1", "processed");
	fixture_counter(f, SOFTNET, 0, "1", "dropped");
	fixture_counter(f, SOFTNET, 5000, "1", "time-squeeze");
	fixture_seconds(f, CPU_TIME, other_idle, "0", "idle");
	fixture_seconds(f, CPU_TIME, 10 - other_idle, "0", "user");
	fixture_seconds(f, CPU_TIME, idle, "1", "idle");
	fixture_seconds(f, CPU_TIME, softirq, "1", "softirq");
	fixture_seconds(f, CPU_TIME, 10 - idle - softirq, "1", "user");
	fixture_judge(f);
}

static void one_cpu_takes_all_packets(void **state)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge_load(&f, 9.5, 0.1, 8, 1e6);
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL);
	assert_string_equal(finding->cause, "single-cpu-saturated");
	assert_string_equal(finding->acquits, "net.core.netdev_budget");
	assert_contains(finding->remedy, "rps_cpus");
	fixture_close(&f);
}

static void not_one_cpu_alone(void **state)
{
	/* Idle at times; busy with other work; others busy, too; and hardly any packets. */
	static const double load[][4] = {
		{8.9, 1.1, 8, 1e6}, {4.9, 0.1, 8, 1e6}, {9.5, 0.1, 4.9, 1e6}, {9.5, 0.1, 8, 9e3}};
	struct fixture f;

	for (size_t i = 0; i < sizeof load / sizeof load[0]; i++) {
		judge_load(&f, load[i][0], load[i][1], load[i][2], load[i][3]);
		assert_string_equal(
			fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL)->cause,
			"harmless");
		fixture_close(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_cpu_takes_all_packets),
		cmocka_unit_test(not_one_cpu_alone),
		cmocka_unit_test(names_netdev_max_backlog),
		cmocka_unit_test(just_below_is_quiet),
		cmocka_unit_test(time_squeeze_and_flow_limit_alone),
		cmocka_unit_test(a_cpu_without_time),
		cmocka_unit_test(programs_that_give_way_keep_it_busy),
		cmocka_unit_test(rounds_end_too_soon),
		cmocka_unit_test(one_cpu_of_each_kind),
		cmocka_unit_test(too_short_a_look),
		cmocka_unit_test(converges),
		cmocka_unit_test(not_measured),
		cmocka_unit_test(hostile_names),
	};

	return cmocka_run_group_tests_name("rule softnet-backlog", tests, NULL, NULL);
}
