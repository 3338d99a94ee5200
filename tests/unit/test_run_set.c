// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs of commands from recordings, and what diff makes of them.
 *   test_run_set --samples DIR    writes the recordings that tests/cli/check.bats compares
 */
#include "run_recording.h"

#include "../../user/core/budgets.h"

static struct ts_run_set *read_set(struct ts_bytes *bytes, const char *name)
{
	const struct ts_segment segment = {
		.name = name, .data = bytes->data, .length = bytes->length};
	struct ts_recording *recording = ts_recording_new(&segment, 1);
	struct ts_run_set *set = ts_run_set_read(recording, name);

	ts_recording_free(recording);
	ts_bytes_free(bytes);
	return set;
}

static struct ts_run_set *make_set(struct made made)
{
	struct ts_bytes bytes = made_recording(&made);

	return read_set(&bytes, "made");
}

static void each_session_is_a_run(void **state)
{
	struct ts_run_set *set = make_set(made_default);

	assert_int_equal(set->runs, 6);
	for (size_t i = 0; i < set->runs; i++) {
		const struct ts_run *run = &set->run[i];

		assert_true(run->facts.known && run->facts.ended);
		assert_string_equal(run->facts.command, "make bench");
		assert_string_equal(run->facts.scope, "cmd");
		assert_int_equal(run->facts.number, i + 1);
		assert_int_equal(run->facts.exit_status, 0);
		assert_int_equal(run->summary->windows, MADE_WINDOWS);
		assert_int_equal(run->context->host.cpus, 2);
		/* Computed from task_cpu_seconds and the number of CPUs. */
		assert_float_equal(run->summary->interference.foreign, 0.01, 1e-6);
	}
	ts_run_set_free(set);
}

static size_t usable(struct made made)
{
	struct ts_run_set *set = make_set(made);
	const struct ts_run *run[16];
	size_t count = ts_run_set_usable(set, TS_RUN_ALONE, run);

	ts_run_set_free(set);
	return count;
}

static void what_was_cut_short_or_failed_is_left_out(void **state)
{
	struct made made = made_default;
	struct ts_bytes both, failed;
	struct ts_run_set *set;
	const struct ts_run *run[16];

	made.last_is_cut = true;
	assert_int_equal(usable(made), 5);
	made = made_default;
	made.exit_status = 1; /* of all of them: as the command does */
	assert_int_equal(usable(made), 6);
	made.seed = 9;
	made.runs = 1;
	failed = made_recording(&made);
	both = made_recording(&made_default);
	ts_bytes_append(&both, failed.data, failed.length);
	ts_bytes_free(&failed);
	set = read_set(&both, "both");
	assert_int_equal(set->runs, 7);
	assert_int_equal(ts_run_set_usable(set, TS_RUN_ALONE, run), 6);
	ts_run_set_free(set);
}

static struct ts_diff *diff_of(struct made a, struct made b, struct ts_run_set **set)
{
	const struct ts_compare_options none = {0};

	set[0] = make_set(a);
	set[1] = make_set(b);
	return ts_diff_make(set[0], set[1], &none);
}

static void free_diff(struct ts_diff *diff, struct ts_run_set **set)
{
	ts_diff_free(diff);
	ts_run_set_free(set[0]);
	ts_run_set_free(set[1]);
}

static void slower_work_is_found_in_all_that_it_shows_in(void **state)
{
	static const struct {
		enum ts_family_id family;
		enum ts_statistic statistic;
	} metrics[] = {
		{TS_FAMILY_RUNQ_LATENCY, TS_STATISTIC_P50},
		{TS_FAMILY_COMMAND_TIME, TS_STATISTIC_TOTAL},
		{TS_FAMILY_TASK_CPU, TS_STATISTIC_TOTAL},
	};
	struct made made = made_default;
	struct ts_run_set *set[2];
	struct ts_diff *diff;

	made.seed = 2;
	made.slower = 1.3;
	diff = diff_of(made_default, made, set);
	assert_int_equal(diff->comparison->overall, TS_VERDICT_REGRESSED);
	for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++) {
		const struct ts_change *change =
			change_of(diff->comparison, metrics[i].family, metrics[i].statistic);

		assert_int_equal(change->verdict, TS_VERDICT_REGRESSED);
		assert_float_equal(change->ratio, 1.3, 0.1);
	}
	assert_int_equal(diff->differences, 0);
	free_diff(diff, set);
}

static void the_same_work_is_not_worse(void **state)
{
	struct made made = made_default;
	struct ts_run_set *set[2];
	struct ts_diff *diff;

	for (made.seed = 2; made.seed < 12; made.seed++) {
		diff = diff_of(made_default, made, set);
		assert_int_equal(diff->comparison->verdicts[TS_VERDICT_REGRESSED], 0);
		assert_int_equal(diff->comparison->verdicts[TS_VERDICT_IMPROVED], 0);
		free_diff(diff, set);
	}
}

static void disturbed_runs_decide_nothing(void **state)
{
	struct made made = made_default;
	struct ts_run_set *set[2];
	struct ts_diff *diff;

	made.seed = 2;
	made.slower = 1.5;
	made.foreign = 0.2;
	diff = diff_of(made_default, made, set);
	assert_int_equal(diff->comparison->overall, TS_VERDICT_INSUFFICIENT);
	assert_int_equal(diff->comparison->clean[1], 0);
	free_diff(diff, set);
}

static void a_rare_event_that_appears_is_an_alarm(void **state)
{
	struct made made = made_default;
	const struct ts_change *change;
	struct ts_run_set *set[2];
	struct ts_diff *diff;

	made.seed = 2;
	made.retransmits = 1;
	diff = diff_of(made_default, made, set);
	change = change_of(diff->comparison, TS_FAMILY_TCP_RETRANSMITS, TS_STATISTIC_RATE);
	assert_int_equal(change->verdict, TS_VERDICT_REGRESSED);
	assert_int_equal(change->reason, TS_REASON_APPEARED);
	free_diff(diff, set);
}

static void servers_on_ports_of_the_moment_are_one(void **state)
{
	struct made a = made_default, b = made_default;
	const struct ts_change *change;
	struct ts_run_set *set[2];
	struct ts_diff *diff;

	a.port = 40000; /* the kernel's choice, where nothing else is known: 32768 to 60999 */
	b.port = 50000;
	b.seed = 2;
	b.slower = 1.3;
	diff = diff_of(a, b, set);
	change = change_of(diff->comparison, TS_FAMILY_TCP_SERVICE_TIME, TS_STATISTIC_P50);
	assert_string_equal(change->label[2], "ephemeral");
	assert_int_equal(change->verdict, TS_VERDICT_REGRESSED);
	assert_float_equal(change->ratio, 1.3, 0.1);
	free_diff(diff, set);
	a.port = b.port = 8080; /* others are told apart: 8081 is not 8082 */
	diff = diff_of(a, b, set);
	change = change_of(diff->comparison, TS_FAMILY_TCP_SERVICE_TIME, TS_STATISTIC_P50);
	assert_int_equal(change->verdict, TS_VERDICT_INSUFFICIENT);
	assert_int_equal(strncmp(change->label[2], "808", 3), 0);
	free_diff(diff, set);
}

static const struct ts_difference *difference(const struct ts_diff *diff, const char *what)
{
	for (size_t i = 0; i < diff->differences; i++)
		if (!strcmp(diff->difference[i].what, what))
			return &diff->difference[i];
	return NULL;
}

static void what_else_differs_is_named(void **state)
{
	struct made made = made_default;
	const struct ts_difference *d;
	struct ts_run_set *set[2];
	struct ts_diff *diff;

	made.seed = 2;
	made.autogroup = "0";
	made.cpus = 8;
	made.scope = "host";
	diff = diff_of(made_default, made, set);
	d = difference(diff, "kernel.sched_autogroup_enabled");
	assert_non_null(d);
	assert_true(d->setting && !d->incomparable);
	assert_string_equal(d->value[0], "1");
	assert_string_equal(d->value[1], "0");
	d = difference(diff, "CPUs");
	assert_non_null(d);
	assert_true(d->incomparable);
	assert_non_null(difference(diff, "scope"));
	assert_int_equal(diff->incomparable, 2);
	free_diff(diff, set);
}

static void another_layout_is_not_comparable(void **state)
{
	struct made made = made_default;
	struct ts_run_set *set[2];
	struct ts_diff *diff;

	made.seed = 2;
	made.scale = 3;
	diff = diff_of(made_default, made, set);
	assert_non_null(difference(diff, "histogram layout of runq_latency"));
	assert_int_equal(diff->incomparable, 1);
	free_diff(diff, set);
}

static void a_regression_stands_when_it_comes_again(void **state)
{
	struct made worse = made_default, same = made_default;
	struct ts_run_set *set[6];
	struct ts_diff *bad, *again, *good;
	enum ts_severity severity;

	worse.seed = 2;
	worse.slower = 1.3;
	bad = diff_of(made_default, worse, set);
	worse.seed = 3;
	again = diff_of(made_default, worse, set + 2);
	same.seed = 4;
	good = diff_of(made_default, same, set + 4);
	assert_int_equal(ts_diff_confirm(bad, again, &severity), TS_VERDICT_REGRESSED);
	assert_int_equal(severity, TS_SEVERITY_HIGH);
	assert_int_not_equal(ts_diff_confirm(bad, good, &severity), TS_VERDICT_REGRESSED);
	assert_int_equal(ts_diff_confirm(good, bad, &severity), TS_VERDICT_INSUFFICIENT);
	free_diff(bad, set);
	free_diff(again, set + 2);
	free_diff(good, set + 4);
}

static void budgets_are_read(void **state)
{
	static const char text[] = "# what may change\n\nrunq_latency.p99  25%\r\n"
				   "context_switches 20% up-is-worse # more of them\n"
				   "oncpu_time any\nblock_latency 5.5% down-is-worse";
	struct ts_arena *arena = ts_arena_new();
	struct ts_budget *budget;
	size_t budgets;

	assert_int_equal(ts_budgets_parse(text, "budgets", arena, &budget, &budgets), 0);
	assert_int_equal(budgets, 4);
	assert_int_equal(budget[0].family, TS_FAMILY_RUNQ_LATENCY);
	assert_int_equal(budget[0].statistic, TS_STATISTIC_P99);
	assert_float_equal(budget[0].allowed, 0.25, 1e-12);
	assert_int_equal(budget[1].direction, TS_DIRECTION_UP_WORSE);
	assert_int_equal(budget[1].statistic, -1);
	assert_true(isinf(budget[2].allowed));
	assert_int_equal(budget[3].direction, TS_DIRECTION_DOWN_WORSE);
	ts_arena_free(arena);
}

static void mistakes_in_budgets_are_refused(void **state)
{
	static const char *const texts[] = {
		"nothing 10%",
		"runq_latency",
		"runq_latency 10",
		"runq_latency -5%",
		"runq_latency 0%",
		"runq_latency.p98 5%",
		"runq_latency 5% up",
		"runq_latency 5% up-is-worse 7",
		"runq_latency nan%",
		"runq_latency 5%%",
		".p50 5%",
	};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct ts_arena *arena = ts_arena_new();
		struct ts_budget *budget;
		size_t budgets;

		assert_true(ts_budgets_parse(texts[i], "budgets", arena, &budget, &budgets) < 0);
		ts_arena_free(arena);
	}
}

/* Notes that anybody may have written: no number is believed, nothing is read beyond its end. */
static void damaged_notes_are_as_none(void **state)
{
	static const char *const numbers[] = {"", "-1", "x", "1e99", "nan", "1 "};

	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		struct ts_snapshot *snapshot = ts_snapshot_new();
		struct ts_run_facts facts;

		ts_snapshot_fact(snapshot, "run.command", "true");
		ts_snapshot_fact(snapshot, "run.number", "1");
		ts_snapshot_fact(snapshot, "run.side", "neither");
		ts_snapshot_fact(snapshot, "run.exit_status", numbers[i]);
		ts_snapshot_fact(snapshot, "run.wall_seconds", "1");
		facts = ts_run_facts_get(snapshot);
		assert_true(facts.known && !facts.ended);
		assert_int_equal(facts.side, TS_RUN_ALONE);
		ts_snapshot_fact(snapshot, "run.number", numbers[i]);
		assert_false(ts_run_facts_get(snapshot).known);
		ts_snapshot_free(snapshot);
	}
}

static int write_sample(const char *directory, const char *name, struct made made)
{
	struct ts_bytes bytes = made_recording(&made);
	char path[4096];
	FILE *out;
	int failed;

	snprintf(path, sizeof path, "%s/%s.tsrec", directory, name);
	out = fopen(path, "w");
	failed = !out || fwrite(bytes.data, 1, bytes.length, out) != bytes.length;
	if (out)
		failed |= fclose(out) != 0;
	ts_bytes_free(&bytes);
	return failed;
}

static int write_samples(const char *directory)
{
	struct made same = made_default, worse = made_default, bit = made_default;
	struct made other = made_default, layout = made_default, few = made_default;
	struct made noisy = made_default, tuned = made_default, better = made_default;
	int failed;

	same.seed = worse.seed = bit.seed = other.seed = layout.seed = few.seed = 2;
	noisy.seed = tuned.seed = better.seed = 2;
	worse.slower = tuned.slower = 1.4;
	tuned.autogroup = "0";
	better.slower = 0.7;
	bit.slower = 1.15;
	bit.spread = made_default.spread / 3;
	other.cpus = 8;
	layout.scale = 3;
	few.runs = 2;
	few.slower = 1.4;
	noisy.foreign = 0.3;
	failed = write_sample(directory, "base", made_default);
	failed |= write_sample(directory, "same", same);
	failed |= write_sample(directory, "worse", worse);
	failed |= write_sample(directory, "tuned", tuned);
	failed |= write_sample(directory, "better", better);
	failed |= write_sample(directory, "bit", bit);
	failed |= write_sample(directory, "cpus", other);
	failed |= write_sample(directory, "layout", layout);
	failed |= write_sample(directory, "few", few);
	failed |= write_sample(directory, "noisy", noisy);
	return failed;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_session_is_a_run),
		cmocka_unit_test(what_was_cut_short_or_failed_is_left_out),
		cmocka_unit_test(slower_work_is_found_in_all_that_it_shows_in),
		cmocka_unit_test(the_same_work_is_not_worse),
		cmocka_unit_test(disturbed_runs_decide_nothing),
		cmocka_unit_test(a_rare_event_that_appears_is_an_alarm),
		cmocka_unit_test(servers_on_ports_of_the_moment_are_one),
		cmocka_unit_test(what_else_differs_is_named),
		cmocka_unit_test(another_layout_is_not_comparable),
		cmocka_unit_test(a_regression_stands_when_it_comes_again),
		cmocka_unit_test(budgets_are_read),
		cmocka_unit_test(mistakes_in_budgets_are_refused),
		cmocka_unit_test(damaged_notes_are_as_none),
	};

	if (argc == 3 && !strcmp(argv[1], "--samples"))
		return write_samples(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
