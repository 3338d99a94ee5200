// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "scheduler-slice"

struct load {
	enum ts_setting_id setting;
	const char *value; /* NULL: cannot be read */
	double idle;	   /* seconds of each CPU's ten */
	double wait;
	__u64 waits;
};

/* Two hogs, and tasks that wake up beside them: they wait for a slice of 60 ms. */
static const struct load lab = {.setting = TS_SETTING_SCHED_BASE_SLICE,
				.value = "60000000",
				.idle = 4,
				.wait = 0.05,
				.waits = 100};

static void judge(struct fixture *f, const struct load *l)
{
	fixture_open(f);
	if (l->value)
		fixture_setting(f, l->setting, "", l->value, "");
	else
		ts_snapshot_setting(f->later, l->setting, "", TS_STATUS_UNSUPPORTED, "", "",
				    "debugfs is not mounted");
	for (int cpu = 0; cpu < 2; cpu++) {
		char name[4];

		snprintf(name, sizeof name, "%d", cpu);
		fixture_seconds(f, CPU_TIME, l->idle, name, "idle");
		fixture_seconds(f, CPU_TIME, 10 - l->idle, name, "user");
	}
	ts_histogram_add(ts_snapshot_histogram(f->later, TS_FAMILY_RUNQ_LATENCY, NULL,
					       TS_HISTOGRAM_SCALE_GLOBAL),
			 (__u64)(l->wait * 1e9), l->waits);
	fixture_judge(f);
}

static void expect(const struct load *l, enum ts_outcome outcome)
{
	struct fixture f;

	judge(&f, l);
	assert_string_equal(ts_outcome_name(fixture_outcome(&f, RULE)), ts_outcome_name(outcome));
	fixture_close(&f);
}

static void names_the_slice(void **state)
{
	struct fixture f;
	const struct ts_finding *finding;

	judge(&f, &lab);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL);
	assert_string_equal(finding->setting, "/sys/kernel/debug/sched/base_slice_ns");
	assert_string_equal(finding->current, "60000000");
	assert_string_equal(finding->proposed, "1500000"); /* two CPUs */
	assert_string_equal(finding->apply, "echo 1500000 > /sys/kernel/debug/sched/base_slice_ns");
	fixture_close(&f);
}

/* Kernels before 5.13, and those before 6.6. */
static void names_the_settings_of_older_kernels(void **state)
{
	static const struct {
		enum ts_setting_id id;
		const char *value, *name, *proposed;
	} older[] = {
		{TS_SETTING_SCHED_MIN_GRANULARITY, "50000000", "kernel.sched_min_granularity_ns",
		 "1500000"},
		{TS_SETTING_SCHED_LATENCY, "100000000", "kernel.sched_latency_ns", "12000000"},
		{TS_SETTING_SCHED_WAKEUP_GRANULARITY, "50000000",
		 "kernel.sched_wakeup_granularity_ns", "2000000"},
		{TS_SETTING_SCHED_DEBUG_MIN_GRANULARITY, "50000000",
		 "/sys/kernel/debug/sched/min_granularity_ns", "1500000"},
		{TS_SETTING_SCHED_DEBUG_LATENCY, "100000000", "/sys/kernel/debug/sched/latency_ns",
		 "12000000"},
		{TS_SETTING_SCHED_DEBUG_WAKEUP_GRANULARITY, "50000000",
		 "/sys/kernel/debug/sched/wakeup_granularity_ns", "2000000"},
	};

	for (size_t i = 0; i < sizeof older / sizeof older[0]; i++) {
		struct load l = lab;
		struct fixture f;
		const struct ts_finding *finding;

		l.setting = older[i].id, l.value = older[i].value;
		judge(&f, &l);
		finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL);
		assert_string_equal(finding->setting, older[i].name);
		assert_string_equal(finding->proposed, older[i].proposed);
		fixture_close(&f);
	}
}

static void just_below_is_quiet(void **state)
{
	struct load l = lab;

	l.value = "5900000"; /* less than four times the default */
	expect(&l, TS_OUTCOME_QUIET);
	l.value = "6000000";
	expect(&l, TS_OUTCOME_RECOMMEND);
	l = lab, l.wait = 0.009, l.waits = 1000, l.value = "30000000";
	expect(&l, TS_OUTCOME_QUIET);
	l = lab, l.waits = 19; /* hardly anybody waits */
	expect(&l, TS_OUTCOME_QUIET);
}

static void look_alikes(void **state)
{
	struct load l = lab;

	l.idle = 0.9; /* there is no more CPU time */
	expect(&l, TS_OUTCOME_QUIET);
	l = lab, l.value = "1500000"; /* bound to one CPU, held back by a quota, realtime tasks */
	expect(&l, TS_OUTCOME_QUIET);
	l = lab, l.value = "400000000"; /* they do not wait for that long */
	expect(&l, TS_OUTCOME_QUIET);
}

static void converges(void **state)
{
	struct load l = lab;

	l.value = "1500000", l.wait = 0.0015;
	expect(&l, TS_OUTCOME_QUIET);
}

static void what_cannot_be_read(void **state)
{
	struct load l = lab;
	struct fixture f;

	l.value = NULL;
	judge(&f, &l);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_INSUFFICIENT);
	assert_contains(fixture_result(&f, RULE)->why, "debugfs is not mounted");
	fixture_close(&f);
	l.wait = 0.001;
	expect(&l, TS_OUTCOME_QUIET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_slice),
		cmocka_unit_test(names_the_settings_of_older_kernels),
		cmocka_unit_test(just_below_is_quiet),
		cmocka_unit_test(look_alikes),
		cmocka_unit_test(converges),
		cmocka_unit_test(what_cannot_be_read),
	};

	return cmocka_run_group_tests_name("rule scheduler-slice", tests, NULL, NULL);
}
