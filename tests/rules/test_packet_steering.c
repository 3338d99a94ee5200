// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE   "packet-steering"
#define DEVICE "labv1"

struct input {
	double softirq, idle, other_idle; /* of CPU 0 and of CPU 1, in ten seconds */
	double all, packets, flows, largest, queues;
	const char *netns, *mask;
};

/* The lab's: eight flows through a veth, and a firewall with many rules. */
static const struct input lab = {7.2, 0.1, 8, 2773, 2773, 7, 688, 1, SERVER, "0"};

static void judge(struct fixture *f, const struct input *i)
{
	char scope[64];

	fixture_open(f);
	fixture_counter(f, SOFTNET, 3e5, "0", "processed");
	fixture_counter(f, SOFTNET, 100, "1", "processed");
	fixture_seconds(f, CPU_TIME, i->idle, "0", "idle");
	fixture_seconds(f, CPU_TIME, i->softirq, "0", "softirq");
	fixture_seconds(f, CPU_TIME, 10 - i->idle - i->softirq, "0", "system");
	fixture_seconds(f, CPU_TIME, i->other_idle, "1", "idle");
	fixture_seconds(f, CPU_TIME, 10 - i->other_idle, "1", "user");
	fixture_gauge(f, RECEIVED_SAMPLE, i->all, i->netns, DEVICE, "0", "all");
	fixture_gauge(f, RECEIVED_SAMPLE, i->packets, i->netns, DEVICE, "0", "packets");
	fixture_gauge(f, RECEIVED_SAMPLE, i->flows, i->netns, DEVICE, "0", "flows");
	fixture_gauge(f, RECEIVED_SAMPLE, i->largest, i->netns, DEVICE, "0", "largest-flow");
	fixture_gauge(f, RECEIVED_SAMPLE, i->queues, i->netns, DEVICE, "0", "queues");
	snprintf(scope, sizeof scope, "%s/" DEVICE, i->netns);
	fixture_setting(f, TS_SETTING_RPS_CPUS, scope, i->mask, "");
	fixture_judge(f);
}

static void names_the_queue_of_the_device(void **state)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, &lab);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	assert_string_equal(finding->setting, "/sys/class/net/labv1/queues/rx-0/rps_cpus");
	assert_int_equal(finding->scope, TS_SCOPE_DEVICE);
	assert_string_equal(finding->device, DEVICE);
	assert_string_equal(finding->current, "0");
	assert_string_equal(finding->proposed, "3");
	assert_string_equal(finding->apply,
			    "nsenter --net=/run/netns/labsrv unshare --mount sh -c 'mount -t sysfs "
			    "sysfs /sys && echo 3 > /sys/class/net/labv1/queues/rx-0/rps_cpus'");
	fixture_close(&f);
}

static void in_the_initial_namespace_it_is_a_file(void **state)
{
	const struct ts_finding *finding;
	struct input i = lab;
	struct fixture f;

	i.netns = HOME, i.mask = "00000000,00000002"; /* moved to another CPU, and not spread */
	judge(&f, &i);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, HOME);
	assert_string_equal(finding->apply, "echo 3 > /sys/class/net/labv1/queues/rx-0/rps_cpus");
	assert_string_equal(finding->undo,
			    "echo 00000000,00000002 > /sys/class/net/labv1/queues/rx-0/rps_cpus");
	fixture_close(&f);
}

static void outcome_is(const struct input *i, enum ts_outcome outcome)
{
	struct fixture f;

	judge(&f, i);
	assert_int_equal(fixture_outcome(&f, RULE), outcome);
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
	fixture_close(&f);
}

static void just_below_is_quiet(void **state)
{
	struct input i = lab;

	i.softirq = 4.9; /* busy with other work */
	outcome_is(&i, TS_OUTCOME_QUIET);
	i = lab, i.idle = 1.1;
	outcome_is(&i, TS_OUTCOME_QUIET);
	i = lab, i.other_idle = 4.9; /* nobody has time */
	outcome_is(&i, TS_OUTCOME_QUIET);
	i = lab, i.queues = 4;
	outcome_is(&i, TS_OUTCOME_QUIET);
	i = lab, i.packets = 1300;
	outcome_is(&i, TS_OUTCOME_INSUFFICIENT);
	i = lab, i.mask = "nonsense";
	outcome_is(&i, TS_OUTCOME_INSUFFICIENT);
}

static void all_cpus_are_all_there_are(void **state)
{
	struct input i = lab;

	i.mask = "3";
	outcome_is(&i, TS_OUTCOME_ALREADY_SET);
	i.mask = "ffffffff,ffffffff";
	outcome_is(&i, TS_OUTCOME_ALREADY_SET);
}

static void refuses(const struct input *i)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, i);
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, SERVER);
	assert_string_equal(finding->cause, "single-flow");
	assert_string_equal(finding->acquits, "/sys/class/net/labv1/queues/rx-0/rps_cpus");
	fixture_close(&f);
}

static void one_flow_stays_together(void **state)
{
	struct input i = lab;

	i.flows = 1, i.largest = i.packets;
	refuses(&i);
	i.flows = 20, i.largest = 0.61 * i.packets; /* and a few small ones */
	refuses(&i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_queue_of_the_device),
		cmocka_unit_test(in_the_initial_namespace_it_is_a_file),
		cmocka_unit_test(just_below_is_quiet),
		cmocka_unit_test(all_cpus_are_all_there_are),
		cmocka_unit_test(one_flow_stays_together),
	};

	return cmocka_run_group_tests_name("rule packet-steering", tests, NULL, NULL);
}
