// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE	"unix-datagram-queue"
#define SOCKET	"unix:/run/log.sock"
#define LIMITED SERVER, SOCKET, "max_dgram_qlen"

struct input {
	double limit, demand;
	double observed, full, queued, working, stretch;
	double current;
};

/* The lab's: bursts of 200 messages while the reader pauses. */
static const struct input lab = {10, 277, 8, 1.9, 2, 0.1, 0.4, 10};

static void judge(struct fixture *f, const struct input *i)
{
	fixture_open(f);
	fixture_number(f, TS_SETTING_MAX_DGRAM_QLEN, SERVER, "%.0f", i->current);
	fixture_gauge(f, UNIX_QUEUE_LIMIT, i->limit, LIMITED);
	fixture_gauge(f, UNIX_QUEUE_DEMAND, i->demand, LIMITED);
	fixture_gauge(f, DATAGRAM_QUEUE_STRETCH, i->stretch, LIMITED);
	fixture_seconds(f, DATAGRAM_QUEUE_TIME, i->observed, LIMITED, "observed");
	fixture_seconds(f, DATAGRAM_QUEUE_TIME, i->queued, LIMITED, "queued");
	fixture_seconds(f, DATAGRAM_QUEUE_TIME, i->full, LIMITED, "full");
	fixture_seconds(f, DATAGRAM_QUEUE_TIME, i->working, LIMITED, "working");
	ts_snapshot_sufferer(f->later,
			     &(struct ts_sufferer){.family = TS_FAMILY_DATAGRAM_QUEUE_TIME,
						   .label = {LIMITED, ""},
						   .pid = 99,
						   .comm = "logger",
						   .cgroup = "",
						   .value = i->observed});
	fixture_judge(f);
}

static void names_max_dgram_qlen(void **state)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, &lab);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	assert_string_equal(finding->setting, "net.unix.max_dgram_qlen");
	assert_string_equal(finding->current, "10");
	assert_string_equal(finding->proposed, "512");
	assert_string_equal(finding->apply, "nsenter --net=/run/netns/labsrv sysctl -w "
					    "net.unix.max_dgram_qlen=512");
	assert_string_equal(finding->takes_effect, "service-restart");
	assert_string_equal(finding->comm, "logger");
	fixture_close(&f);
}

static void just_below_is_quiet(void **state)
{
	struct input i = lab;
	struct fixture f;

	i.full = 0.1;
	judge(&f, &i);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
}

static void refuses(const struct input *i)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, i);
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, SERVER);
	assert_string_equal(finding->cause, "receiver-too-slow");
	assert_string_equal(finding->acquits, "net.unix.max_dgram_qlen");
	fixture_close(&f);
}

static void readers_that_are_too_slow(void **state)
{
	struct input i = lab;

	i.full = i.queued = 7, i.stretch = 7;
	refuses(&i);
	i = lab, i.full = i.queued = 7, i.stretch = 2, i.working = 6.5;
	refuses(&i);
	/* On a busy host: it works for a third of the time only, and the queue never ends. */
	i = (struct input){10, 277, 3.99, 0.8, 3.71, 1.44, 1.92, 10};
	refuses(&i);
}

static void drained_often_enough(void **state)
{
	struct input i = {10, 277, 4, 0.8, 3.39, 1.44, 1.92, 10};
	struct fixture f;

	judge(&f, &i);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_RECOMMEND);
	fixture_close(&f);
}

static void not_restarted_yet(void **state)
{
	struct input i = lab;
	struct fixture f;

	i.current = 512;
	judge(&f, &i);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_ALREADY_SET);
	assert_contains(f.report->finding[0].remedy, "Restart");
	fixture_close(&f);
}

static void ends(void **state)
{
	struct input i = lab;
	struct fixture f;

	i.limit = i.current = 65536;
	judge(&f, &i);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_ALREADY_SET);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_max_dgram_qlen),	     cmocka_unit_test(just_below_is_quiet),
		cmocka_unit_test(readers_that_are_too_slow), cmocka_unit_test(drained_often_enough),
		cmocka_unit_test(not_restarted_yet),	     cmocka_unit_test(ends),
	};

	return cmocka_run_group_tests_name("rule unix-datagram-queue", tests, NULL, NULL);
}
