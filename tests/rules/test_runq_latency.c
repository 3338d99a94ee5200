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

/* An endless realtime task on one of two CPUs, and who is bound to it. */
static void behind_a_realtime_task(void **state)
{
	struct load l = crowded;
	struct fixture f;
	const struct ts_finding *finding;

	l.idle0 = 8;
	for (int ran = 9; ran > 0; ran -= 8) {
		fixture_open(&f);
		add(&f, &l);
		fixture_seconds(&f, SESSION_WAIT, 0.5, "700", "session", "realtime");
		fixture_seconds(&f, SESSION_RUN, ran, "700", "session", "realtime");
		fixture_judge(&f);
		finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL);
		assert_string_equal(finding->cause, "single-cpu-saturated");
		assert_int_equal(strstr(finding->remedy, "Realtime tasks") != NULL, ran == 9);
		fixture_close(&f);
	}
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

/* ---- Sessions */

struct session {
	const char *id, *sharing, *class;
	double tasks, share; /* runnable on average, and the part of that time they ran */
	const char *comm;
};

/* Of one CPU: a worker beside twenty endless tasks of another session. */
static const struct session worker = {"71", "task", "normal", 1, 1.0 / 21, "vim"};
static const struct session crowd = {"80", "task", "normal", 20, 1.0 / 21, "make"};

static void add_session(struct fixture *f, const struct session *s)
{
	double runnable = s->tasks * FIXTURE_SECONDS;

	fixture_seconds(f, SESSION_WAIT, runnable * (1 - s->share), s->id, s->sharing, s->class);
	fixture_seconds(f, SESSION_RUN, runnable * s->share, s->id, s->sharing, s->class);
	if (s->comm)
		ts_snapshot_sufferer(f->later,
				     &(struct ts_sufferer){TS_FAMILY_SESSION_WAIT,
							   {s->id, s->sharing, s->class, ""},
							   atoi(s->id),
							   s->comm,
							   "",
							   runnable * (1 - s->share)});
}

static void judge_sessions(struct fixture *f, const char *autogroup, const struct session *first,
			   const struct session *second)
{
	fixture_open(f);
	add(f, &crowded);
	f->later->setting[0].value = autogroup;
	add_session(f, first);
	add_session(f, second);
	fixture_judge(f);
}

static void expect_sessions(const char *autogroup, struct session first, struct session second,
			    const char *cause, const char *acquits)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge_sessions(&f, autogroup, &first, &second);
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL);
	assert_string_equal(finding->cause, cause);
	assert_string_equal(finding->acquits, acquits);
	fixture_close(&f);
}

static const char autogroup_key[] = "kernel.sched_autogroup_enabled";

static void a_session_starved_by_another(void **state)
{
	struct fixture f;
	const struct ts_finding *finding;

	judge_sessions(&f, "0", &worker, &crowd);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL);
	assert_string_equal(finding->setting, autogroup_key);
	assert_string_equal(finding->id, "runq-latency/kernel.sched_autogroup_enabled");
	assert_string_equal(finding->current, "0");
	assert_string_equal(finding->proposed, "1");
	assert_string_equal(finding->apply, "sysctl -w kernel.sched_autogroup_enabled=1");
	assert_string_equal(finding->undo, "sysctl -w kernel.sched_autogroup_enabled=0");
	assert_string_equal(finding->takes_effect, "new-processes");
	assert_contains(finding->title, "Session 71 (vim) gets 5 %");
	assert_contains(finding->title, "session 80 (make) has 20 tasks");
	/* One of two sessions on one CPU. */
	assert_contains(finding->expect, "up to 50 %");
	assert_contains(finding->remedy, "renice -n 10 -p $(pgrep -s 80)");
	assert_int_equal(finding->sufferer_count, 1);
	assert_string_equal(finding->sufferer[0].comm, "vim");
	assert_true(fabs(finding->harm - 10 * 20.0 / 21) < 0.01);
	/* There is one thing to do, not two. */
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_NOT_A_SETTING), 0);
	fixture_close(&f);
}

/* Both wait for it: that the one has few tasks does not matter. */
static void starved_by_a_realtime_task(void **state)
{
	static const double ran[] = {9, 1};

	for (size_t i = 0; i < 2; i++) {
		struct fixture f;

		fixture_open(&f);
		add(&f, &crowded);
		f.later->setting[0].value = "0";
		add_session(&f, &worker);
		add_session(&f, &crowd);
		fixture_seconds(&f, SESSION_WAIT, 0.5, "700", "session", "realtime");
		fixture_seconds(&f, SESSION_RUN, ran[i], "700", "session", "realtime");
		fixture_judge(&f);
		assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), i);
		fixture_close(&f);
	}
}

static void hardly_starved_is_saturated(void **state)
{
	struct session small = worker, large = crowd;

	/* Half of a CPU instead of a bit more than a quarter is not much more. */
	small.share = large.share = 1.0 / 3.9, large.tasks = 2.9;
	expect_sessions("0", small, large, "cpu-saturated", autogroup_key);
	/* It waits for hardly any time: 0.49 s of 10. */
	small = worker, small.tasks = 0.049 / (1 - small.share);
	expect_sessions("0", small, crowd, "cpu-saturated", autogroup_key);
}

static void just_starved(void **state)
{
	struct session small = worker, large = crowd;
	struct fixture f;

	small.share = large.share = 1.0 / 4.1, large.tasks = 3.1;
	judge_sessions(&f, "0", &small, &large);
	fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL);
	fixture_close(&f);
	small = worker, small.tasks = 0.051 / (1 - small.share);
	judge_sessions(&f, "0", &small, &crowd);
	fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL);
	fixture_close(&f);
}

/* A server with a session for each of its processes: equal parts for them are what there is. */
static void many_sessions_of_one_task(void **state)
{
	struct session one = {"100", "task", "normal", 1, 0.1, NULL};
	struct session light = {"99", "task", "normal", 0.2, 0.1, "bash"};
	struct fixture f;
	char id[8];

	fixture_open(&f);
	add(&f, &crowded);
	f.later->setting[0].value = "0";
	add_session(&f, &light);
	for (int i = 0; i < 14; i++) {
		snprintf(id, sizeof id, "%d", 100 + i);
		one.id = ts_arena_intern(f.later->arena, id);
		add_session(&f, &one);
	}
	fixture_judge(&f);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL)->cause,
			    "cpu-saturated");
	fixture_close(&f);
}

static void what_looks_like_it(void **state)
{
	struct session small = worker, large = crowd;

	/* All sessions are as large: there is too much work, and equal parts are what they have. */
	small.tasks = 20, small.share = large.share = 1.0 / 40;
	expect_sessions("0", small, large, "cpu-saturated", autogroup_key);
	/* The others are in a cgroup of their own, or it is. */
	large = crowd, large.sharing = "cgroup";
	expect_sessions("0", worker, large, "cpu-saturated", autogroup_key);
	small = worker, small.sharing = "cgroup";
	expect_sessions("0", small, crowd, "cpu-saturated", autogroup_key);
	/* Realtime tasks are not shared out with, whatever session they are in. */
	large = crowd, large.class = "realtime";
	expect_sessions("0", worker, large, "cpu-saturated", autogroup_key);
	/* On already, and both in autogroups: whatever keeps it waiting, it is not that. */
	small = worker, small.sharing = "session", large = crowd, large.sharing = "session";
	expect_sessions("1", small, large, "cpu-saturated", "");
	/* Many sessions, of which only the worst are known by name. */
	large = crowd, large.id = "other";
	expect_sessions("0", worker, large, "cpu-saturated", autogroup_key);
}

static void those_who_asked_to_come_last(void **state)
{
	struct session nice = crowd;
	struct fixture f;

	nice.class = "background", nice.tasks = 18 / (1 - nice.share);
	fixture_open(&f);
	add(&f, &crowded);
	f.later->setting[0].value = "0";
	add_session(&f, &nice);
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	assert_contains(fixture_result(&f, RULE)->why, "nice value of 10 or more");
	fixture_close(&f);
	/* Beside them, a worker of nice 0 that waits is a symptom; sharing by session is no help.
	 */
	nice.tasks = 17 / (1 - nice.share);
	expect_sessions("0", worker, nice, "cpu-saturated", autogroup_key);
	/* Wherever they are: with weights of their own, too. */
	nice.sharing = "cgroup", nice.tasks = 18 / (1 - nice.share);
	fixture_open(&f);
	add(&f, &crowded);
	add_session(&f, &nice);
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
}

static void switched_on_it_converges(void **state)
{
	struct session small = worker, large = crowd;

	/* What was started since gets its half; the others still wait for theirs. */
	small.sharing = large.sharing = "session", small.share = 0.5, large.share = 0.5 / 20;
	expect_sessions("1", small, large, "cpu-saturated", "");
	/* What ran before is named, and what to do about it. */
	expect_sessions("1", worker, crowd, "outside-autogroup", autogroup_key);
	small = worker, small.sharing = "session";
	expect_sessions("1", small, crowd, "outside-autogroup", autogroup_key);
	/* Switched off again, those grouped by then stay so: nothing would change. */
	small = worker, large = crowd, large.sharing = "session";
	expect_sessions("0", small, large, "cpu-saturated", autogroup_key);
}

static void several_are_starved(void **state)
{
	struct session other = {"72", "task", "normal", 0.5, 1.0 / 21, NULL};
	const struct ts_finding *finding;
	struct fixture f;

	fixture_open(&f);
	add(&f, &crowded);
	f.later->setting[0].value = "0";
	add_session(&f, &worker);
	add_session(&f, &crowd);
	add_session(&f, &other);
	fixture_judge(&f);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL);
	assert_contains(finding->title, "Session 71 (vim) (and 1 more)");
	assert_true(fabs(finding->harm - 15 * 20.0 / 21) < 0.01);
	fixture_close(&f);
}

static void sessions_not_measured(void **state)
{
	const struct ts_finding *finding;
	struct fixture f;

	fixture_open(&f);
	add(&f, &crowded);
	f.later->setting[0].value = "0";
	fixture_unsupported(&f, TS_FAMILY_SESSION_WAIT, "no task iterator");
	fixture_judge(&f);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL);
	assert_contains(finding->remedy, "was not measured (no task iterator)");
	/* Nobody is acquitted without a measurement. */
	assert_string_equal(finding->acquits, "");
	fixture_close(&f);
	/* A kernel without autogroups. */
	fixture_open(&f);
	add(&f, &crowded);
	f.later->settings = 0;
	add_session(&f, &worker);
	add_session(&f, &crowd);
	fixture_judge(&f);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL)->cause,
			    "cpu-saturated");
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
	struct session small = worker, large = crowd;
	struct load l = quota;
	struct fixture f;

	l.cgroup = "/x\n\x1b[2J'; reboot %s%n\xff";
	judge(&f, &l);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL)->cgroup,
			    l.cgroup);
	fixture_close(&f);
	/* From a recording, perhaps: no command is made of it. */
	small.comm = "%s%n", large.id = "1); reboot; (";
	judge_sessions(&f, "0", &small, &large);
	assert_null(
		strstr(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL)->remedy, "renice"));
	fixture_close(&f);
}

/* Behind a realtime task a few wait for nearly a second each time; all others hardly wait. */
static void few_long_waits(double seconds, __u64 times, enum ts_outcome outcome)
{
	struct load l = idle;
	struct fixture f;

	l.idle0 = 0.1;
	fixture_open(&f);
	add(&f, &l);
	fixture_latency(&f, RUNQ_LATENCY, TS_HISTOGRAM_SCALE_GLOBAL, seconds, times, NULL);
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), outcome);
	if (outcome == TS_OUTCOME_NOT_A_SETTING)
		assert_string_equal(
			fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL)->cause,
			"single-cpu-saturated");
	fixture_close(&f);
}

static void short_waits_do_not_hide_long_ones(void **state)
{
	few_long_waits(0.9, 10, TS_OUTCOME_NOT_A_SETTING);
	few_long_waits(0.9, 5, TS_OUTCOME_QUIET); /* 0.45 of the 0.5 tasks that count */
	few_long_waits(0.009, 90, TS_OUTCOME_QUIET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_waits_do_not_hide_long_ones),
		cmocka_unit_test(healthy_hosts),
		cmocka_unit_test(more_work_than_cpus),
		cmocka_unit_test(just_below_is_quiet),
		cmocka_unit_test(bound_to_one_cpu),
		cmocka_unit_test(behind_a_realtime_task),
		cmocka_unit_test(stolen_time),
		cmocka_unit_test(the_quota_of_a_cgroup),
		cmocka_unit_test(the_worst_cgroups_only),
		cmocka_unit_test(raising_the_quota_converges),
		cmocka_unit_test(a_session_starved_by_another),
		cmocka_unit_test(starved_by_a_realtime_task),
		cmocka_unit_test(hardly_starved_is_saturated),
		cmocka_unit_test(just_starved),
		cmocka_unit_test(many_sessions_of_one_task),
		cmocka_unit_test(what_looks_like_it),
		cmocka_unit_test(those_who_asked_to_come_last),
		cmocka_unit_test(switched_on_it_converges),
		cmocka_unit_test(several_are_starved),
		cmocka_unit_test(sessions_not_measured),
		cmocka_unit_test(not_measured),
		cmocka_unit_test(hostile_names),
	};

	return cmocka_run_group_tests_name("rule runq-latency", tests, NULL, NULL);
}
