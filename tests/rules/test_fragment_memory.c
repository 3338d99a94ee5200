// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "fragment-memory"

struct input {
	double arrived, completed, fails, timeouts, held, limit, waiting;
};

/* The lab's: four senders of 60 KB datagrams, and room for one and a half. */
static const struct input lab = {48708, 32, 47339, 0, 131728, 131072, 3};

static void judge_ip(struct fixture *f, const struct input *i)
{
	fixture_open(f);
	fixture_number(f, TS_SETTING_IPFRAG_HIGH_THRESH, SERVER, "%.0f", i->limit);
	fixture_counter(f, NETWORK_COUNTERS, i->arrived, SERVER, "IpReasmReqds");
	fixture_counter(f, NETWORK_COUNTERS, i->completed, SERVER, "IpReasmOKs");
	fixture_counter(f, NETWORK_COUNTERS, i->fails, SERVER, "IpReasmFails");
	fixture_counter(f, NETWORK_COUNTERS, i->timeouts, SERVER, "IpReasmTimeout");
	fixture_gauge(f, FRAGMENT_MEMORY, i->held, SERVER, "ip");
	if (i->waiting > 0)
		fixture_gauge(f, FRAGMENTED_DATAGRAMS, i->waiting, SERVER, "ip");
	fixture_judge(f);
}

static void names_the_limit_where_fragments_arrive(void **state)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge_ip(&f, &lab);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	assert_string_equal(finding->setting, "net.ipv4.ipfrag_high_thresh");
	assert_string_equal(finding->current, "131072");
	assert_string_equal(finding->proposed, "4194304");
	assert_string_equal(finding->apply, "nsenter --net=/run/netns/labsrv sysctl -w "
					    "net.ipv4.ipfrag_high_thresh=4194304");
	fixture_close(&f);
}

static void ipv6_has_a_limit_of_its_own(void **state)
{
	const struct ts_finding *finding;
	struct fixture f;

	fixture_open(&f);
	fixture_setting(&f, TS_SETTING_IPFRAG_HIGH_THRESH, CONTAINER, "131072", "");
	fixture_setting(&f, TS_SETTING_IP6FRAG_HIGH_THRESH, CONTAINER, "262144", "");
	fixture_counter(&f, NETWORK_COUNTERS, 40000, CONTAINER, "Ip6ReasmReqds");
	fixture_counter(&f, NETWORK_COUNTERS, 900, CONTAINER, "Ip6ReasmFails");
	fixture_gauge(&f, FRAGMENT_MEMORY, 262000, CONTAINER, "ip6");
	fixture_judge(&f);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, CONTAINER);
	assert_string_equal(finding->setting, "net.ipv6.ip6frag_high_thresh");
	fixture_close(&f);
}

static void just_below_is_quiet(void **state)
{
	struct input i = lab;
	struct fixture f;

	i.fails = 19;
	judge_ip(&f, &i);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
	/* From the internet some always come without their rest. */
	i.fails = i.timeouts = 19;
	judge_ip(&f, &i);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
	i.fails = i.timeouts = 100, i.completed = 10000, i.held = 4e6, i.limit = 4194304;
	judge_ip(&f, &i);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
	i = lab, i.held = 100000;
	judge_ip(&f, &i);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_INSUFFICIENT);
	fixture_close(&f);
}

static void refuses(const struct input *i)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge_ip(&f, i);
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, SERVER);
	assert_string_equal(finding->cause, "path-loss");
	assert_string_equal(finding->acquits, "net.ipv4.ipfrag_high_thresh");
	fixture_close(&f);
}

static void loss_on_the_way(void **state)
{
	/* Room left, and datagrams given up. */
	refuses(&(struct input){40000, 600, 400, 400, 3000000, 4194304, 0});
	/* Room enough for all that is on its way, and yet full of what waits in vain. */
	refuses(&(struct input){40000, 10, 30000, 400, 4194304, 4194304, 0});
	/* The same below the default: many more are unfinished than can be on their way. */
	refuses(&(struct input){4000, 20, 3400, 0, 1000700, 1000000, 434});
	refuses(&(struct input){2900, 30, 2500, 0, 300100, 300000, 26});
}

/* The lab's: one fragment in 200 is lost, and the datagrams it is missing in fill the memory. */
static void few_are_lost_and_leave_no_room(void **state)
{
	struct input i = {15800, 559, 12404, 0, 263304, 262144, 25};
	const struct ts_finding *finding;
	struct fixture f;

	judge_ip(&f, &i);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	assert_string_equal(finding->proposed, "16777216");
	fixture_close(&f);
	/* More than a tenth; more than there can be room for. */
	i.waiting = 63;
	refuses(&i);
	refuses(&(struct input){650000, 4100, 600000, 0, 4194304, 4194304, 400});
}

static void ends_where_all_that_is_on_its_way_fits(void **state)
{
	struct input i = lab;
	int raised = 0;

	for (int round = 0; round < 12; round++) {
		struct fixture f;

		i.arrived = 1e7, i.fails = 9e6, i.held = i.limit;
		judge_ip(&f, &i);
		if (fixture_outcome(&f, RULE) == TS_OUTCOME_RECOMMEND) {
			i.limit = strtod(f.report->finding[0].proposed, NULL);
			raised++;
		}
		fixture_close(&f);
	}
	assert_int_equal(raised, 1);
	assert_true(i.limit >= 2 * 1e6 * 0.01 * 2304 && i.limit <= 134217728);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_limit_where_fragments_arrive),
		cmocka_unit_test(ipv6_has_a_limit_of_its_own),
		cmocka_unit_test(just_below_is_quiet),
		cmocka_unit_test(loss_on_the_way),
		cmocka_unit_test(few_are_lost_and_leave_no_room),
		cmocka_unit_test(ends_where_all_that_is_on_its_way_fits),
	};

	return cmocka_run_group_tests_name("rule fragment-memory", tests, NULL, NULL);
}
