// SPDX-License-Identifier: GPL-2.0-only
/*
 * The scheduler source under real loads, compared with what the kernel accounts to each task
 * (/proc/PID/schedstat and status, getrusage), with /proc/stat, and event by event with a reference
 * program (bpf/sched_reference.bpf.c) that stores its own timestamps. All tolerances are ratios of
 * two readings of the same load.
 */
#include "sched_view.h"

/* ---- Against the kernel's own accounts */

static void test_switches_against_proc_stat_and_getrusage(void **state)
{
	struct rusage usage = {0};
	struct source source;
	struct load load;
	struct view view;

	source_open(&source, (struct ts_sched_options){0});
	assert_int_equal(load_open(&load), 0);
	load_add_ping_pong(&load, 0, 20000);
	load_add_spinners(&load, 3, other_cpu(), 0.5);
	start_or_fail(&load);
	view_load(&view, &source, &load);
	load_close(&load, &usage);
	source_close(&source);

	check_near("switches against /proc/stat",
		   (double)(view.voluntary + view.involuntary + view.idle),
		   (double)view.host.switches, 0.01, 100);
	/* Every switch of the children is among ours. */
	check_at_least("voluntary, the children's", (double)view.voluntary,
		       (double)view.children.voluntary);
	check_at_least("involuntary, the children's", (double)view.involuntary,
		       (double)view.children.involuntary);
	/* status and getrusage agree, but for how the children began and ended */
	check_near("getrusage nvcsw", (double)usage.ru_nvcsw, (double)view.children.voluntary, 0,
		   100);
	check_near("getrusage nivcsw", (double)usage.ru_nivcsw, (double)view.children.involuntary,
		   0, 100);
	assert_true(view.lost * 100 < view.wait->count);
	view_close(&view);
}

static const struct ts_sufferer *sufferer_by_pid(const struct ts_snapshot *snapshot, pid_t pid)
{
	for (size_t i = 0; i < snapshot->sufferers; i++)
		if (snapshot->sufferer[i].pid == pid &&
		    snapshot->sufferer[i].family == TS_FAMILY_RUNQ_LATENCY)
			return &snapshot->sufferer[i];
	return NULL;
}

/* Tasks that waited stand first. */
static size_t sufferers(const struct ts_snapshot *snapshot)
{
	size_t count = 0;

	while (count < snapshot->sufferers &&
	       snapshot->sufferer[count].family == TS_FAMILY_RUNQ_LATENCY)
		count++;
	return count;
}

static void test_wait_against_schedstat(void **state)
{
	pid_t pid[3];
	struct source source;
	struct load load;
	struct sched_reference_bpf *reference = sched_reference_bpf__open_and_load();
	uint64_t unseen;
	struct view view;

	assert_non_null(reference);
	assert_int_equal(sched_reference_bpf__attach(reference), 0);
	source_open(&source, (struct ts_sched_options){0});
	assert_int_equal(load_open(&load), 0);
	load_add_spinners(&load, 3, other_cpu(), 1.5);
	start_or_fail(&load);
	view_load(&view, &source, &load);
	for (size_t i = 0; i < 3; i++) {
		pid[i] = load.child[i].pid;
		unseen = unseen_wait(reference, pid[i]);
		view.child[i].waited_ns -= unseen;
		view.children.waited_ns -= unseen;
	}
	sched_reference_bpf__destroy(reference);
	load_close(&load, NULL);
	source_close(&source);

	/* Each child's own wait, as a sufferer, whatever else the host does. */
	for (size_t i = 0; i < 3; i++) {
		const struct ts_sufferer *sufferer = sufferer_by_pid(view.after, pid[i]);

		if (!sufferer) { /* only right when eight others were worse off */
			assert_int_equal(sufferers(view.after), 8);
			check_at_least("wait of the eighth, s", view.after->sufferer[7].value,
				       0.97 * (double)view.child[i].waited_ns / 1e9);
			continue;
		}
		check_near("wait of one spinner, s", sufferer->value,
			   (double)view.child[i].waited_ns / 1e9, 0.03, 0.005);
		assert_string_not_equal(sufferer->comm, "");
		assert_int_equal(sufferer->cgroup[0], '/');
	}
	assert_true(sufferers(view.after) <= 8);
	for (size_t i = 1; i < sufferers(view.after); i++)
		assert_true(view.after->sufferer[i - 1].value >= view.after->sufferer[i].value);
	/* And all of it is in the total. */
	check_at_least("wait in all, s", ts_histogram_sum(view.wait),
		       0.97 * (double)view.children.waited_ns / 1e9);
	check_at_least("on CPU in all, s", ts_histogram_sum(view.oncpu),
		       0.97 * (double)view.children.ran_ns / 1e9);
	/* Between what surely was a task's time and what may have been; within 5 % for the ticks.
	 */
	check_at_least("on CPU against /proc/stat, s", ts_histogram_sum(view.oncpu),
		       0.95 * view.host.in_tasks - 0.05);
	check_at_least("/proc/stat against on CPU, s", view.host.in_tasks + view.host.elsewhere,
		       0.95 * ts_histogram_sum(view.oncpu) - 0.05);
	view_close(&view);
}

/* ---- Event by event */

struct reference {
	struct sched_reference_bpf *skeleton;
	struct ts_histogram *wait, *oncpu, *offcpu;
	struct sched_reference total;
};

static void add_reference(struct ts_histogram *into, const struct ts_histogram_global *from)
{
	ts_histogram_add_raw(into, from->sum, from->max, from->slot);
}

/* All its histograms in the arena of a snapshot. */
static void reference_read(struct reference *reference, struct ts_arena *arena)
{
	unsigned int cpus = ts_possible_cpus();
	struct sched_reference *value = calloc(cpus, sizeof *value), *total = &reference->total;
	struct ts_histogram **histogram[] = {&reference->wait, &reference->oncpu,
					     &reference->offcpu};
	__u32 zero = 0;

	assert_non_null(value);
	assert_int_equal(
		bpf_map_lookup_elem(bpf_map__fd(reference->skeleton->maps.totals), &zero, value),
		0);
	*total = (struct sched_reference){.switches = 0};
	for (size_t i = 0; i < 3; i++)
		*histogram[i] = ts_histogram_new(arena, TS_HISTOGRAM_SCALE_GLOBAL, TS_UNIT_SECONDS);
	for (unsigned int i = 0; i < cpus; i++) {
		add_reference(reference->wait, &value[i].wait);
		add_reference(reference->oncpu, &value[i].oncpu);
		add_reference(reference->offcpu, &value[i].offcpu);
		total->switches += value[i].switches;
		total->voluntary += value[i].voluntary;
		total->involuntary += value[i].involuntary;
		total->unknown += value[i].unknown;
		total->migrations += value[i].migrations;
		total->unseen_waits += value[i].unseen_waits;
		total->unseen_wait_ns += value[i].unseen_wait_ns;
		total->unseen_runs += value[i].unseen_runs;
		total->moved_asleep_ns += value[i].moved_asleep_ns;
	}
	free(value);
}

static void check_histogram(const char *what, const struct ts_histogram *ours,
			    const struct ts_histogram *reference, double slack_seconds)
{
	double slack = 10 + (double)reference->count / 1000;
	char label[64];

	snprintf(label, sizeof label, "%s, events", what);
	check_near(label, (double)ours->count, (double)reference->count, 0.01, 40);
	snprintf(label, sizeof label, "%s, sum in s", what);
	check_near(label, ts_histogram_sum(ours), ts_histogram_sum(reference), 0.03, slack_seconds);
	/*
	 * The same events in every octave, with the two clocks read up to 2 us apart; one in a
	 * thousand may fall elsewhere (an interrupt between the two readings).
	 */
	for (double bound = 0x1p-15; bound < 0.5; bound *= 2) {
		double above = ts_histogram_count_above(ours, bound),
		       most = ts_histogram_count_above(reference, bound / 1.05 - 2e-6),
		       least = ts_histogram_count_above(reference, bound * 1.05 + 2e-6);

		snprintf(label, sizeof label, "%s above %.0f us", what, bound * 1e6);
		print_message("    %-34s %14g, expected %.0f to %.0f\n", label, above, least, most);
		if (above < 0.98 * least - slack || above > 1.02 * most + slack)
			fail_msg("%s: %g", label, above);
	}
}

static void add_mixed_load(struct load *load)
{
	struct load_child *moved;

	load_add_ping_pong(load, 0, 10000);
	load_add_spinners(load, 2, -1, 1.0);
	moved = &load->child[load->count - 2];
	load_add_spinners(load, 1, 0, 0.8);
	load_add_spinners(load, 1, other_cpu(), 0.8);
	load_add(load, (struct load_child){.work = work_move,
					   .cpu = -1,
					   .seconds = 0.9,
					   .moved = moved,
					   .moved_count = 2});
	load_add(load, (struct load_child){.work = work_fork, .cpu = -1, .rounds = 200});
}

static void check_histograms(struct view *view, struct ts_arena *arena,
			     const struct reference *before, const struct reference *after,
			     bool own_timestamps)
{
	/* What is kept from BPF programs, own timestamps cannot know at all. */
	uint64_t unseen = after->total.unseen_wait_ns - before->total.unseen_wait_ns;
	/* When a task was moved asleep, last_queued is of that move: the source calls it lost. */
	uint64_t ns = after->total.moved_asleep_ns - before->total.moved_asleep_ns;
	double lost = (double)(own_timestamps ? unseen : view->lost ? ns : 0) / 1e9;

	print_message("    %-34s %14llu, %.6f s by the reference\n", "lost waits",
		      (unsigned long long)view->lost, lost);
	check_histogram("wait", view->wait, ts_histogram_subtract(arena, after->wait, before->wait),
			0.01 + lost);
	check_histogram("on CPU", view->oncpu,
			ts_histogram_subtract(arena, after->oncpu, before->oncpu), 0.01);
	/* A second's sleep may have begun just between the attachment and reference_begin. */
	check_histogram("off CPU", view->offcpu,
			ts_histogram_subtract(arena, after->offcpu, before->offcpu), 1);
}

static void check_counters(const struct view *view, const struct sched_reference *before,
			   const struct sched_reference *after)
{
	double unknown = (double)(after->unknown - before->unknown);

	check_near("switches", (double)(view->voluntary + view->involuntary + view->idle),
		   (double)(after->switches - before->switches), 0.005, 20);
	check_near("voluntary", (double)view->voluntary,
		   (double)(after->voluntary - before->voluntary), 0.005, 20 + unknown);
	check_near("involuntary", (double)view->involuntary,
		   (double)(after->involuntary - before->involuntary), 0.005, 20 + unknown);
	check_near("migrations", (double)view->migrations,
		   (double)(after->migrations - before->migrations), 0.02, 20);
	check_at_least("migrations", (double)view->migrations, 100);
	print_message(
		"    of the reference: %llu waits (%.6f s) and %llu runs by the kernel's account\n",
		(unsigned long long)(after->unseen_waits - before->unseen_waits),
		(double)(after->unseen_wait_ns - before->unseen_wait_ns) / 1e9,
		(unsigned long long)(after->unseen_runs - before->unseen_runs));
	assert_true((after->unseen_waits - before->unseen_waits) * 100 < view->wait->count);
	assert_true((after->unseen_runs - before->unseen_runs) * 100 < view->oncpu->count);
	print_message("    %-34s %14llu\n", "lost", (unsigned long long)view->lost);
	assert_true(view->lost * 100 < view->wait->count);
}

static void compare_with_reference(struct ts_sched_options options)
{
	struct reference before = {.skeleton = sched_reference_bpf__open_and_load()}, after;
	struct ts_snapshot *holder = ts_snapshot_new();
	struct source source;
	struct load load;
	struct view view;

	assert_non_null(before.skeleton);
	assert_int_equal(sched_reference_bpf__attach(before.skeleton), 0);
	after = before;
	source_open(&source, options);
	/* A sleep that began before the source was attached is none of its intervals. */
	before.skeleton->bss->reference_begin = (uint64_t)(seconds_now() * 1e9);
	assert_int_equal(load_open(&load), 0);
	add_mixed_load(&load);
	start_or_fail(&load);
	usleep(300000); /* both have seen most tasks of the host once by then */
	reference_read(&before, holder->arena);
	view_load(&view, &source, &load);
	reference_read(&after, holder->arena);
	load_close(&load, NULL);
	source_close(&source);
	sched_reference_bpf__destroy(after.skeleton);

	check_histograms(&view, holder->arena, &before, &after, options.own_timestamps);
	check_counters(&view, &before.total, &after.total);
	ts_snapshot_free(holder);
	view_close(&view);
}

static void test_event_by_event(void **state)
{
	compare_with_reference((struct ts_sched_options){0});
}

static void test_event_by_event_without_sched_info(void **state)
{
	compare_with_reference((struct ts_sched_options){.own_timestamps = true});
}

/* ---- Waits that read 0 because the run queue's clock was not updated */

static double share_of_zeros(struct ts_sched_options options)
{
	struct source source;
	struct load load;
	struct view view;
	double share;

	source_open(&source, options);
	assert_int_equal(load_open(&load), 0);
	load_add_ping_pong(&load, 0, 30000);
	start_or_fail(&load);
	view_load(&view, &source, &load);
	load_close(&load, NULL);
	source_close(&source);
	assert_true(view.wait->count > 30000);
	share = (double)view.wait->slot[0] / (double)view.wait->count;
	view_close(&view);
	return share;
}

static void test_few_waits_read_zero(void **state)
{
	double stale = share_of_zeros((struct ts_sched_options){.keep_stale_clock = true});
	double corrected = share_of_zeros((struct ts_sched_options){0});

	print_message("    waits of a ping-pong that read 0: %.2f %%, corrected %.2f %%\n",
		      stale * 100, corrected * 100);
	assert_true(corrected <= stale / 2 + 0.01);
}

/* ---- Through the collector */

static struct ts_collector *open_collector(const char *const *disabled_programs)
{
	struct ts_collect_options options = {.disabled_programs = disabled_programs};
	struct ts_collector *collector;

	for (int i = 0; i < TS_SOURCE_COUNT; i++)
		options.disabled[i] = i != TS_SOURCE_SCHED;
	assert_int_equal(ts_collector_open(&options, &collector), 0);
	return collector;
}

static void test_collector(void **state)
{
	struct ts_collector *collector = open_collector(NULL);
	struct ts_snapshot *before = ts_collector_snapshot(collector), *after;
	struct ts_window window;

	usleep(100000);
	after = ts_collector_snapshot(collector);
	ts_collector_close(collector);
	assert_int_equal(ts_window_make(before, after, &window), 0);
	for (int id = TS_FAMILY_RUNQ_LATENCY; id <= TS_FAMILY_SESSION_RUN; id++)
		assert_int_equal(ts_window_status(&window, (enum ts_family_id)id), TS_STATUS_OK);
	assert_true(ts_window_counter(&window, TS_FAMILY_CONTEXT_SWITCHES, NULL) > 0);
	assert_true(ts_window_histogram(&window, TS_FAMILY_RUNQ_LATENCY, NULL)->count > 0);
	assert_true(after->cost.probes >= 1);
	assert_string_equal(after->cost.probe[0].name, "ts_sched_switch");
	assert_true(after->cost.map_bytes > 0);
	ts_window_free(&window);
	ts_snapshot_free(before);
	ts_snapshot_free(after);
}

static void test_program_switched_off(void **state)
{
	static const char *const disabled[] = {"ts_sched_switch", NULL};
	struct ts_collector *collector = open_collector(disabled);
	struct ts_snapshot *snapshot = ts_collector_snapshot(collector);

	for (int id = TS_FAMILY_RUNQ_LATENCY; id <= TS_FAMILY_SESSION_RUN; id++) {
		assert_int_equal(snapshot->family[id].status, TS_STATUS_DISABLED);
		assert_string_not_equal(snapshot->family[id].why, "");
		assert_int_equal(snapshot->family[id].count, 0);
	}
	ts_snapshot_free(snapshot);
	ts_collector_close(collector);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_collector),
		cmocka_unit_test(test_program_switched_off),
		cmocka_unit_test(test_switches_against_proc_stat_and_getrusage),
		cmocka_unit_test(test_wait_against_schedstat),
		cmocka_unit_test(test_event_by_event),
		cmocka_unit_test(test_event_by_event_without_sched_info),
		cmocka_unit_test(test_few_waits_read_zero),
	};

	return cmocka_run_group_tests_name("sched", tests, NULL, NULL);
}
