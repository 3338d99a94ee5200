// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "runq-latency"

struct load {
	double idle0, idle1, steal; /* seconds of each CPU's ten */
	double wait;		    /* of each */
	__u64 waits;
	const char *cgroup;
	double throttled, elapsed, limited, cpus;
};

static const struct load idle = {.idle0 = 9.8, .idle1 = 9.9, .wait = 0.00002, .waits = 10000};
/* Twenty endless tasks on two CPUs: 18 wait all the time, in turns of 30 ms. */
static const struct load crowded = {.idle0 = 0.1, .idle1 = 0.1, .wait = 0.03, .waits = 6000};
/* The lab's: 5 ms of work every 10 ms with a quota of 15 %. */
static const struct load quota = {.idle0 = 9.5,
				  .idle1 = 8.4,
				  .wait = 0.00005,
				  .waits = 10000,
				  .cgroup = "/lab",
				  .throttled = 8.2,
				  .elapsed = 100,
				  .limited = 98,
				  .cpus = 0.15};

static void add_cpu(struct fixture *f, const char *cpu, double idle_seconds, double steal)
{
	fixture_seconds(f, CPU_TIME, idle_seconds, cpu, "idle");
	fixture_seconds(f, CPU_TIME, steal, cpu, "steal");
	fixture_seconds(f, CPU_TIME, 10 - idle_seconds - steal, cpu, "user");
}

static void add_quota(struct fixture *f, const struct load *l)
{
	if (!l->cgroup)
		return;
	fixture_seconds(f, CGROUP_THROTTLED, l->throttled, l->cgroup);
	fixture_counter(f, CGROUP_PERIODS, l->elapsed, l->cgroup, "elapsed");
	fixture_counter(f, CGROUP_PERIODS, l->limited, l->cgroup, "throttled");
	fixture_gauge(f, CGROUP_QUOTA, l->cpus, l->cgroup);
}

static void add(struct fixture *f, const struct load *l)
{
	fixture_setting(f, TS_SETTING_SCHED_AUTOGROUP, "", "1", "");
	add_cpu(f, "0", l->idle0, l->steal);
	add_cpu(f, "1", l->idle1, l->steal);
	ts_histogram_add(ts_snapshot_histogram(f->later, TS_FAMILY_RUNQ_LATENCY, NULL,
					       TS_HISTOGRAM_SCALE_GLOBAL),
			 (__u64)(l->wait * 1e9), l->waits);
	ts_snapshot_sufferer(f->later, &(struct ts_sufferer){TS_FAMILY_RUNQ_LATENCY,
							     {"", "", "", ""},
							     55,
							     "worker",
							     "/lab",
							     l->wait * (double)l->waits});
	add_quota(f, l);
}

static void judge(struct fixture *f, const struct load *l)
{
	fixture_open(f);
	add(f, l);
	fixture_judge(f);
}

static void expect(const struct load *l, enum ts_outcome outcome, const char *cause)
{
	struct fixture f;

	judge(&f, l);
	/* There is no setting to blame, ever. */
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
	assert_string_equal(ts_outcome_name(fixture_outcome(&f, RULE)), ts_outcome_name(outcome));
	if (cause)
		assert_string_equal(
			fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL)->cause, cause);
	fixture_close(&f);
}

static void healthy_hosts(void **state)
{
	struct load l = idle;

	expect(&l, TS_OUTCOME_QUIET, NULL);
	l.idle0 = 0; /* stress-ng --cpu 1: one CPU is full and hardly anybody waits */
	l.wait = 0.002, l.waits = 900;
	expect(&l, TS_OUTCOME_QUIET, NULL);
	l.idle1 = 0; /* --cpu 2 */
	expect(&l, TS_OUTCOME_QUIET, NULL);
}

static void more_work_than_cpus(void **state)
{
	struct fixture f;
	const struct ts_finding *finding;

	judge(&f, &crowded);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL);
	assert_string_equal(finding->cause, "cpu-saturated");
	assert_string_equal(finding->id, "runq-latency/cpu-saturated");
	assert_string_equal(finding->sufferer[0].comm, "worker");
	assert_true(fabs(finding->harm - 180) < 1);
	fixture_close(&f);
}

static void just_below_is_quiet(void **state)
{
	struct load l = crowded;

	l.waits = 160; /* 0.48 waiting on average, of 0.5 for two CPUs */
	expect(&l, TS_OUTCOME_QUIET, NULL);
	l.waits = 170;
	expect(&l, TS_OUTCOME_NOT_A_SETTING, "cpu-saturated");
	l = crowded, l.wait = 0.009; /* many short waits */
	expect(&l, TS_OUTCOME_QUIET, NULL);
}

static void bound_to_one_cpu(void **state)
{
	struct load l = crowded;

	l.idle0 = 8;
	expect(&l, TS_OUTCOME_NOT_A_SETTING, "single-cpu-saturated");
	l.idle0 = 2.5, l.idle1 = 2.5; /* neither: it cannot be explained yet */
	expect(&l, TS_OUTCOME_INSUFFICIENT, NULL);
}

static void stolen_time(void **state)
{
	struct load l = crowded;
	struct fixture f;

	l.steal = 4, l.idle0 = l.idle1 = 0;
	judge(&f, &l);
	assert_contains(fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL)->remedy,
			"hypervisor");
	fixture_close(&f);
}

static void the_quota_of_a_cgroup(void **state)
{
	struct load l = quota;
	struct fixture f;
	const struct ts_finding *finding;

	judge(&f, &l);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, "/lab");
	assert_string_equal(finding->cause, "cgroup-cpu-quota");
	assert_string_equal(finding->acquits, "kernel.sched_autogroup_enabled");
	assert_string_equal(finding->id, "runq-latency/cgroup-cpu-quota/cgroup:/lab");
	assert_contains(finding->title, "0.15 CPUs");
	fixture_close(&f);
	l.limited = 9;
	expect(&l, TS_OUTCOME_QUIET, NULL);
	l.limited = 10;
	expect(&l, TS_OUTCOME_NOT_A_SETTING, "cgroup-cpu-quota");
	l.throttled = 0.49;
	expect(&l, TS_OUTCOME_QUIET, NULL);
}

static void the_worst_cgroups_only(void **state)
{
	static const char *const names[] = {"/a", "/b", "/c", "/d", "/e"};
	static const double throttled[] = {3, 9, 1, 7, 5};
	struct fixture f;

	fixture_open(&f);
	add(&f, &idle);
	for (size_t i = 0; i < 5; i++) {
		struct load l = quota;

		l.cgroup = names[i], l.throttled = throttled[i];
		add_quota(&f, &l);
	}
	fixture_judge(&f);
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_NOT_A_SETTING), 3);
	assert_string_equal(f.report->finding[0].cgroup, "/b");
	assert_string_equal(f.report->finding[1].cgroup, "/d");
	assert_string_equal(f.report->finding[2].cgroup, "/e");
	fixture_close(&f);
}

static void raising_the_quota_converges(void **state)
{
	struct load l = quota;

	l.limited = l.throttled = 0, l.cpus = 1;
	expect(&l, TS_OUTCOME_QUIET, NULL);
}

static void autogroup_is_named_not_recommended(void **state)
{
	struct fixture f;

	fixture_open(&f);
	add(&f, &crowded);
	f.later->setting[0].value = "0";
	fixture_judge(&f);
	assert_contains(fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL)->remedy,
			"sched_autogroup_enabled is 0");
	fixture_close(&f);
}

static void not_measured(void **state)
{
	struct fixture f;

	fixture_open(&f);
	add(&f, &crowded);
	fixture_unsupported(&f, TS_FAMILY_RUNQ_LATENCY, "no sched_switch");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_UNAVAILABLE);
	assert_contains(fixture_result(&f, RULE)->why, "no sched_switch");
	fixture_close(&f);
	/* Cgroups are a bonus. */
	fixture_open(&f);
	add(&f, &crowded);
	fixture_unsupported(&f, TS_FAMILY_CGROUP_THROTTLED, "no cpu controller");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_NOT_A_SETTING);
	fixture_close(&f);
}

static void hostile_names(void **state)
{
	struct load l = quota;
	struct fixture f;

	l.cgroup = "/x\n\x1b[2J'; reboot %s%n\xff";
	judge(&f, &l);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL)->cgroup,
			    l.cgroup);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(healthy_hosts),
		cmocka_unit_test(more_work_than_cpus),
		cmocka_unit_test(just_below_is_quiet),
		cmocka_unit_test(bound_to_one_cpu),
		cmocka_unit_test(stolen_time),
		cmocka_unit_test(the_quota_of_a_cgroup),
		cmocka_unit_test(the_worst_cgroups_only),
		cmocka_unit_test(raising_the_quota_converges),
		cmocka_unit_test(autogroup_is_named_not_recommended),
		cmocka_unit_test(not_measured),
		cmocka_unit_test(hostile_names),
	};

	return cmocka_run_group_tests_name("rule runq-latency", tests, NULL, NULL);
}
