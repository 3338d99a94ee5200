// SPDX-License-Identifier: GPL-2.0-only
/* Which sessions wait for a CPU, compared with what the kernel accounts to their tasks. */
#include <sys/resource.h>

#include "sched_view.h"

static void work_session_spin(const struct load_child *child)
{
	if (setsid() > 0)
		work_spin(child);
}

static void work_background_session_spin(const struct load_child *child)
{
	if (setsid() > 0 && nice(19) == 19)
		work_spin(child);
}

/* Of the series of one session, whatever its CPU time is shared out between, in seconds. */
static double session_seconds(const struct ts_snapshot *snapshot, enum ts_family_id id,
			      pid_t session, const char *class)
{
	const struct ts_family_data *data = &snapshot->family[id];
	double seconds = 0;
	char label[16];

	assert_int_equal(data->status, TS_STATUS_OK);
	snprintf(label, sizeof label, "%d", (int)session);
	for (size_t i = 0; i < data->count; i++)
		if (!strcmp(data->series[i].label[0], label) &&
		    !strcmp(data->series[i].label[2], class))
			seconds += (double)data->series[i].counter / 1e9;
	return seconds;
}

static double session_change(const struct view *view, enum ts_family_id id, pid_t session,
			     const char *class)
{
	return session_seconds(view->after, id, session, class) -
	       session_seconds(view->before, id, session, class);
}

static void check_session(const struct view *view, pid_t session,
			  const struct kernel_account *account, uint64_t unseen, const char *class)
{
	check_near("wait of a session, s",
		   session_change(view, TS_FAMILY_SESSION_WAIT, session, class),
		   (double)(account->waited_ns - unseen) / 1e9, 0.05, 0.01);
	check_near("run of a session, s",
		   session_change(view, TS_FAMILY_SESSION_RUN, session, class),
		   (double)account->ran_ns / 1e9, 0.05, 0.01);
}

static void test_sessions_against_schedstat(void **state)
{
	struct sched_reference_bpf *reference = sched_reference_bpf__open_and_load();
	uint64_t unseen[3];
	struct source source;
	struct load load;
	struct view view;

	assert_non_null(reference);
	assert_int_equal(sched_reference_bpf__attach(reference), 0);
	source_open(&source, (struct ts_sched_options){0});
	assert_int_equal(load_open(&load), 0);
	load_add_spinners(&load, 1, other_cpu(), 1.5);
	load_add(&load, (struct load_child){
				.work = work_session_spin, .cpu = other_cpu(), .seconds = 1.5});
	load_add(&load, (struct load_child){.work = work_background_session_spin,
					    .cpu = other_cpu(),
					    .seconds = 1.5});
	start_or_fail(&load);
	view_load(&view, &source, &load);
	for (size_t i = 0; i < 3; i++)
		unseen[i] = unseen_wait(reference, load.child[i].pid);
	sched_reference_bpf__destroy(reference);
	load_close(&load, NULL);
	source_close(&source);

	check_at_least("wait of this session, s",
		       session_change(&view, TS_FAMILY_SESSION_WAIT, getsid(0), "normal"),
		       0.95 * (double)(view.child[0].waited_ns - unseen[0]) / 1e9 - 0.01);
	check_session(&view, load.child[1].pid, &view.child[1], unseen[1], "normal");
	check_session(&view, load.child[2].pid, &view.child[2], unseen[2], "background");
	view_close(&view);
}

/* Two spinners in sessions of their own that end before the next snapshot; their wait in seconds.
 */
static double wait_of_ended(bool tick)
{
	const int cpu = other_cpu();
	struct ts_snapshot *before, *after;
	double waited = 0, told = 0;
	struct source source;
	pid_t pid[2];

	source_open(&source, (struct ts_sched_options){0});
	before = source_snapshot(&source);
	for (int i = 0; i < 2; i++) {
		pid[i] = fork();
		assert_true(pid[i] >= 0);
		if (pid[i])
			continue;
		if (pin(0, cpu))
			work_session_spin(&(struct load_child){.seconds = 1.6});
		_exit(0);
	}
	for (int i = 0; i < 18; i++) {
		usleep(100000);
		if (tick)
			ts_source_sched.tick(&source.live, source.state,
					     (uint64_t)(seconds_now() * 1e9));
	}
	for (int i = 0; i < 2; i++) {
		struct rusage usage;

		assert_int_equal(wait4(pid[i], NULL, 0, &usage), pid[i]);
		waited += 1.6 - (double)usage.ru_utime.tv_sec - (double)usage.ru_stime.tv_sec -
			  (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	}
	after = source_snapshot(&source);
	for (int i = 0; i < 2; i++)
		told += session_seconds(after, TS_FAMILY_SESSION_WAIT, pid[i], "normal");
	print_message("    ended before the snapshot: %.3f s of %.3f s waited are known\n", told,
		      waited);
	assert_true(waited > 0.5);
	source_close(&source);
	ts_snapshot_free(before);
	ts_snapshot_free(after);
	return told / waited;
}

static void test_tasks_that_end_between_snapshots(void **state)
{
	/* Where CPUs are emulated a look costs so much that the next comes when they have long
	 * ended. */
	if (getenv("TEST_SLOWER"))
		skip();
	assert_true(wait_of_ended(true) > 0.5);
	assert_true(wait_of_ended(false) < 0.01); /* or the ticks are for nothing */
}

/* What the tests call a normal task must be one, also where they were started with nice. */
static int be_normal(void **state)
{
	return setpriority(PRIO_PROCESS, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sessions_against_schedstat),
		cmocka_unit_test(test_tasks_that_end_between_snapshots),
	};

	return cmocka_run_group_tests_name("sched sessions", tests, be_normal, NULL);
}
