// SPDX-License-Identifier: GPL-2.0-only
#include "runs.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "observe.h"
#include "../core/arena.h"
#include "../core/compare.h"
#include "../live/clock.h"
#include "../live/launcher.h"
#include "../live/privileges.h"
#include "../live/recorder.h"

const char *const ts_runs_scope_choices[] = {"auto", "cmd", "host", NULL};

struct ts_runs {
	const struct ts_runs_arguments *arguments;
	char *const *words[TS_LAUNCH_COMMANDS];
	char *against[4];
	const char *text[TS_LAUNCH_COMMANDS]; /* the same, in one line */
	struct ts_arena *arena;
	struct ts_command_cgroup cgroup;
	struct ts_launch_options launch;
	struct ts_launcher *launcher;
	struct ts_live_command command;
	struct ts_collector *collector;
	const char *scope;
	int signal;
};

/* One run under way. */
struct run {
	struct ts_runs *runs;
	struct ts_run_set *set;
	struct ts_recorder *recorder; /* NULL: not kept */
	struct ts_run_facts facts;
	struct ts_snapshot *earlier;
	struct ts_ticker ticker;
	__u64 next_ns, interval_ns;
	struct ts_launched launched;
	int error; /* of the recorder, the first one */
};

int ts_option_count(const struct ts_option *option, const char *value, void *destination,
		    char problem[200])
{
	char *end;
	unsigned long count = strtoul(value, &end, 10);

	if (*value < '0' || *value > '9' || *end || (double)count < option->minimum ||
	    (double)count > option->maximum) {
		snprintf(problem, 200, "accepted: a whole number from %.0f to %.0f",
			 option->minimum, option->maximum);
		return -EINVAL;
	}
	*(double *)destination = (double)count;
	return 0;
}

char **ts_runs_words(int *argc, char **argv)
{
	for (int i = 1; i < *argc; i++)
		if (!strcmp(argv[i], "--")) {
			*argc = i;
			return &argv[i + 1];
		}
	return NULL;
}

/* ---- windows */

/* The snapshot is as of that moment: whatever it found before or after is not the command's. */
static void set_time(struct ts_snapshot *snapshot, __u64 monotonic_ns)
{
	__u64 shift = monotonic_ns - snapshot->monotonic_ns;

	snapshot->monotonic_ns += shift;
	snapshot->boottime_ns += shift;
	snapshot->realtime_ns += shift;
}

static void add_totals(struct ts_snapshot *delta, const struct ts_launched *launched)
{
	const struct {
		enum ts_family_id family;
		const char *label;
		__u64 value;
	} totals[] = {
		{TS_FAMILY_COMMAND_TIME, "wall", launched->end_ns - launched->start_ns},
		{TS_FAMILY_COMMAND_TIME, "user", launched->user_ns},
		{TS_FAMILY_COMMAND_TIME, "system", launched->system_ns},
		{TS_FAMILY_COMMAND_IO, "read", launched->read_bytes},
		{TS_FAMILY_COMMAND_IO, "write", launched->written_bytes},
	};

	for (size_t i = 0; i < sizeof totals / sizeof totals[0]; i++)
		ts_snapshot_counter(delta, totals[i].family, TS_LABELS(totals[i].label),
				    totals[i].value);
}

static void keep_window(struct run *run, struct ts_window *window)
{
	int error;

	ts_run_facts_put(window->delta, &run->facts);
	if (run->facts.ended)
		add_totals(window->delta, &run->launched);
	ts_run_set_add(run->set, window);
	error = run->recorder ? ts_recorder_add(run->recorder, window) : 0;
	if (error && !run->error)
		run->error = error;
}

/* From the snapshot before to one taken now; end_ns: when the command ended, 0 when it has not. */
static void take_window(struct run *run, __u64 end_ns)
{
	struct ts_snapshot *later;
	struct ts_window window;

	ts_ticker_stop(&run->ticker);
	later = ts_collector_snapshot(run->runs->collector);
	if (end_ns)
		set_time(later, end_ns > run->earlier->monotonic_ns
					? end_ns
					: run->earlier->monotonic_ns + 1);
	if (!ts_window_make(run->earlier, later, &window)) {
		window.delta->cost.stats_ns = ts_ticker_statistics(&run->ticker, &window);
		keep_window(run, &window);
		ts_window_free(&window);
	}
	ts_snapshot_free(run->earlier);
	run->earlier = later;
}

static void take_due_window(struct run *run)
{
	__u64 now = ts_clock_ns(CLOCK_MONOTONIC);

	if (now < run->next_ns)
		return;
	take_window(run, 0);
	run->next_ns += run->interval_ns * ((now - run->next_ns) / run->interval_ns + 1);
}

static void forward_signals(struct ts_runs *runs)
{
	int ending = ts_launcher_forward(runs->launcher);

	if (ending)
		runs->signal = ending;
}

/* Until the command has ended. */
static int attend(struct run *run)
{
	struct ts_runs *runs = run->runs;
	struct pollfd wait[2] = {
		{.fd = ts_launcher_descriptor(runs->launcher), .events = POLLIN},
		{.fd = ts_launcher_signals(runs->launcher), .events = POLLIN},
	};

	for (;;) {
		__u64 now = ts_clock_ns(CLOCK_MONOTONIC);
		int timeout = ts_ticker_due(&run->ticker);
		__u64 left = run->next_ns > now ? (run->next_ns - now + 999999) / 1000000 : 0;

		if ((__u64)timeout > left)
			timeout = (int)left;
		if (poll(wait, 2, timeout) < 0 && errno != EINTR)
			return -errno;
		if (wait[1].revents & POLLIN)
			forward_signals(runs);
		if (wait[0].revents)
			return ts_launcher_result(runs->launcher, &run->launched);
		take_due_window(run);
	}
}

/* ---- a run */

static int start(struct run *run, size_t command)
{
	struct ts_runs *runs = run->runs;

	run->earlier = ts_collector_snapshot(runs->collector);
	ts_ticker_start(&run->ticker, runs->collector, 0);
	set_time(run->earlier, ts_clock_ns(CLOCK_MONOTONIC));
	run->interval_ns = (__u64)(runs->arguments->interval * 1e9);
	run->next_ns = run->earlier->monotonic_ns + run->interval_ns;
	return ts_launcher_start(runs->launcher, command);
}

static void told(const struct run *run)
{
	const struct ts_run_set *set = run->set;
	const struct ts_interference *others = &set->run[set->runs - 1].summary->interference;
	const char *side = run->facts.side == TS_RUN_ALONE ? "" : ts_run_side_name(run->facts.side);

	fprintf(stderr, "tunescope: run %u%s%s: %.3f s, exit status %d", run->facts.number,
		*side ? ", " : "", side, run->facts.wall_seconds, run->facts.exit_status);
	if (others->foreign >= 0)
		fprintf(stderr, "; others took %.1f %% of the CPUs", 100 * others->foreign);
	if (others->steal > 0)
		fprintf(stderr, "; %.1f %% stolen", 100 * others->steal);
	fputs(ts_run_is_clean(set->run[set->runs - 1].summary, run->runs->arguments->foreign_max)
		      ? "\n"
		      : " (disturbed)\n",
	      stderr);
	if (run->launched.leftovers)
		ts_warn("run %u left %zu process%s behind%s", run->facts.number,
			run->launched.leftovers, run->launched.leftovers == 1 ? "" : "es",
			run->runs->arguments->kill_leftovers
				? ""
				: ", which go on (--kill-leftovers ends them)");
}

static void finish(struct run *run)
{
	run->facts.ended = true;
	run->facts.exit_status = run->launched.status;
	run->facts.wall_seconds = (double)(run->launched.end_ns - run->launched.start_ns) / 1e9;
	take_window(run, run->launched.end_ns);
	ts_run_set_end(run->set);
	if (!run->runs->arguments->quiet)
		told(run);
}

static void could_not_run(const struct run *run, size_t command, struct ts_runs_end *end)
{
	const char *step = ts_launch_step_name(run->launched.exec_step);
	int error = run->launched.exec_error;

	end->failed = true;
	end->status = !*step && error == ENOENT ? 127 : 126;
	ts_err(0, "cannot run %s: %s%s%s", run->runs->words[command][0], step, *step ? ": " : "",
	       strerror(error));
}

static int open_recorder(struct run *run)
{
	const struct ts_recorder_options options = {
		.path = run->runs->arguments->output,
		.interval = run->runs->arguments->interval,
	};

	return options.path ? ts_recorder_open(&options, &run->recorder) : 0;
}

static int run_once(struct run *run, size_t command, struct ts_runs_end *end)
{
	int error = open_recorder(run);

	if (error)
		return error;
	ts_run_set_begin(run->set, run->set->runs + 1);
	error = start(run, command);
	if (!error)
		error = attend(run);
	if (!error && run->launched.exec_error) {
		could_not_run(run, command, end);
		run->set->runs--;
		ts_run_summary_free(run->set->run[run->set->runs].summary);
		ts_snapshot_free((void *)run->set->run[run->set->runs].context);
	} else if (!error) {
		finish(run);
		if (run->launched.status && !end->failed)
			end->status = run->launched.status;
		end->failed |= run->launched.status != 0;
	} else {
		ts_run_set_end(run->set);
	}
	ts_ticker_stop(&run->ticker);
	ts_snapshot_free(run->earlier);
	if (ts_recorder_close(run->recorder) && !error)
		error = -EIO;
	return error ? error : run->error;
}

static int run_side(struct ts_runs *runs, struct ts_run_set *set, unsigned int number, size_t side,
		    struct ts_runs_end *end)
{
	struct run run = {
		.runs = runs,
		.set = set,
		.facts = {.known = true,
			  .command = runs->text[side],
			  .number = number,
			  .scope = runs->scope,
			  .side = !runs->arguments->against ? TS_RUN_ALONE
				  : side		    ? TS_RUN_BASELINE
							    : TS_RUN_CURRENT},
	};

	return run_once(&run, side, end);
}

static bool clean_since(const struct ts_run_set *set, size_t first, double foreign_max)
{
	for (size_t i = first; i < set->runs; i++)
		if (!ts_run_is_clean(set->run[i].summary, foreign_max))
			return false;
	return set->runs > first;
}

int ts_runs_do(struct ts_runs *runs, struct ts_run_set *set, struct ts_runs_end *end)
{
	const struct ts_runs_arguments *arguments = runs->arguments;
	size_t clean = 0, sides = arguments->against ? 2 : 1;
	size_t most = (size_t)(arguments->runs + arguments->retries);

	*end = (struct ts_runs_end){0};
	for (size_t i = 0; i < most && clean < (size_t)arguments->runs; i++) {
		size_t first = set->runs;

		/* Which one comes first alternates, so that a drift of the machine favours neither.
		 */
		for (size_t k = 0; k < sides; k++) {
			size_t side = sides == 1 ? 0 : (k + i + 1) % 2;
			int error;

			forward_signals(runs);
			end->signal = runs->signal;
			if (end->signal || (end->failed && !arguments->ignore_failure))
				return 0;
			error = run_side(runs, set, (unsigned int)i + 1, side, end);
			if (error)
				return error;
		}
		clean += clean_since(set, first, arguments->foreign_max);
		if (arguments->retries <= 0)
			clean = i + 1;
	}
	end->signal = runs->signal;
	return 0;
}

/* ---- opening */

static const char *one_line(struct ts_arena *arena, char *const *words)
{
	const char *line = "";

	for (; *words; words++)
		line = ts_arena_printf(arena, "%s%s%s", line, *line ? " " : "", *words);
	return line;
}

/* Through a shell as the other one: its waiting is on both sides, or it would be a difference. */
static char *const *through_shell(struct ts_arena *arena, char *const *words)
{
	static const char *const shell[] = {"/bin/sh", "-c", "\"$@\"", "sh"};
	const size_t front = sizeof shell / sizeof shell[0];
	size_t count = 0;
	char **all;

	while (words[count])
		count++;
	all = ts_arena_alloc(arena, (front + count + 1) * sizeof *all);
	memcpy(all, shell, sizeof shell);
	memcpy(all + front, words, count * sizeof *all);
	return all;
}

static int make_cgroup(struct ts_runs *runs)
{
	char why[256] = "";
	int error = ts_command_cgroup_make(&runs->cgroup, why);

	runs->scope = "host";
	if (error && runs->arguments->scope == TS_RUNS_SCOPE_COMMAND) {
		ts_err(error, "--scope cmd needs a cgroup for the command: %s", why);
		return TS_EXIT_FAILURE;
	}
	if (error) {
		ts_warn("the command has no cgroup of its own: %s; what is measured is all of the "
			"host's, and what others take of the CPUs is not known",
			why);
		return TS_EXIT_DONE;
	}
	runs->command.cgroup = runs->cgroup.id;
	runs->command.only = runs->arguments->scope != TS_RUNS_SCOPE_HOST;
	if (runs->command.only)
		runs->scope = "cmd";
	runs->launch.cgroup = &runs->cgroup;
	return TS_EXIT_DONE;
}

static int open_launcher(struct ts_runs *runs, bool output_to_error)
{
	const struct ts_runs_arguments *arguments = runs->arguments;
	int error;

	runs->launch.words[0] = runs->words[0];
	runs->launch.words[1] = runs->words[1];
	runs->launch.user = arguments->user;
	runs->launch.output_to_error = output_to_error;
	runs->launch.kill_leftovers = arguments->kill_leftovers;
	error = ts_launcher_open(&runs->launch, &runs->launcher);
	if (error && *runs->cgroup.path)
		ts_command_cgroup_remove(&runs->cgroup);
	if (!error)
		return TS_EXIT_DONE;
	return error == -EINVAL ? TS_EXIT_USAGE : TS_EXIT_FAILURE;
}

/* The recording is looked at before anything is run; privileges are what its directory takes. */
static int check_output(const char *path, char directory[PATH_MAX])
{
	const struct ts_recorder_options options = {.path = path, .interval = 1};
	struct ts_recorder *recorder;
	int error;

	directory[0] = '\0';
	if (!path)
		return TS_EXIT_DONE;
	error = ts_recorder_open(&options, &recorder);
	if (error)
		return error == -EINVAL || error == -ENOTDIR ? TS_EXIT_USAGE : TS_EXIT_FAILURE;
	snprintf(directory, PATH_MAX, "%s", ts_recorder_directory(recorder));
	ts_recorder_close(recorder);
	return TS_EXIT_DONE;
}

static int open_collector(struct ts_runs *runs, const char *directory)
{
	struct ts_collect_options collect = runs->arguments->measure.collect;

	if (*runs->cgroup.path)
		collect.command = &runs->command;
	if (ts_collector_open(&collect, &runs->collector))
		return TS_EXIT_FAILURE;
	ts_observe_check_programs(&runs->arguments->measure.disabled_programs);
	return ts_privileges_drop_writing(*directory ? directory : NULL) ? TS_EXIT_FAILURE
									 : TS_EXIT_DONE;
}

int ts_runs_open(const struct ts_runs_arguments *arguments, char *const *words,
		 bool output_to_error, struct ts_runs **result)
{
	struct ts_arena *arena = ts_arena_new();
	struct ts_runs *runs = ts_arena_alloc(arena, sizeof *runs);
	char directory[PATH_MAX];
	int exit_code;

	*result = NULL;
	runs->arena = arena;
	runs->arguments = arguments;
	runs->words[0] = words;
	runs->text[0] = one_line(arena, words);
	if (arguments->against) {
		runs->against[0] = "/bin/sh";
		runs->against[1] = "-c";
		runs->against[2] = (char *)arguments->against;
		runs->words[1] = runs->against;
		runs->words[0] = through_shell(arena, words);
		runs->text[1] = arguments->against;
	}
	exit_code = check_output(arguments->output, directory);
	if (!exit_code)
		exit_code = make_cgroup(runs);
	if (!exit_code)
		exit_code = open_launcher(runs, output_to_error);
	if (!exit_code)
		exit_code = open_collector(runs, directory);
	if (exit_code) {
		ts_runs_close(runs);
		return exit_code;
	}
	*result = runs;
	return TS_EXIT_DONE;
}

void ts_runs_close(struct ts_runs *runs)
{
	if (!runs)
		return;
	ts_collector_close(runs->collector);
	ts_launcher_close(runs->launcher);
	ts_arena_free(runs->arena);
}
