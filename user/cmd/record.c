// SPDX-License-Identifier: GPL-2.0-only
/* tunescope record: watch this host for days and keep what was seen in a file. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "collect_arguments.h"
#include "command.h"
#include "observe.h"
#include "options.h"
#include "profile_file.h"
#include "record_findings.h"
#include "../core/error.h"
#include "../core/window_round.h"
#include "../live/clock.h"
#include "../live/collect.h"
#include "../live/privileges.h"
#include "../live/recorder.h"

#define JUDGED_SECONDS 10.0 /* or the interval, when that is longer */
#define LEAST_NS                                                                         \
	1000000000ULL /* a last window shorter than this and half an interval is dropped \
		       */
#define PROGRESS_NS	1000000000ULL
#define PATIENT_SECONDS 60.0 /* a recording of that length need not begin in haste */
#define YEAR		(365 * 86400.0)

struct record_options {
	const char *output;
	double interval, keep, seconds;
	__u64 maximum_bytes;
	const char *profile;
	struct ts_collect_arguments measure;
	bool quiet;
};

#define AT(member) offsetof(struct record_options, member)
static const struct ts_option options_table[] = {
	{"output", 'o', "FILE|DIR", ts_option_text, AT(output), 0, 0, NULL,
	 "append to this file, or write segments into this directory (an existing one, or a name "
	 "ending in /; default tunescope.tsrec)"},
	{"interval", 0, "DURATION", ts_option_duration, AT(interval), 0.1, 3600, NULL,
	 "length of a window: 100ms to 1h (default 10s)"},
	{"keep", 0, "DURATION", ts_option_duration, AT(keep), 1, 100 * YEAR, NULL,
	 "drop what is older (default 7d)"},
	{"max-size", 0, "SIZE", ts_option_size, AT(maximum_bytes), 16 << 10, 1ull << 50, NULL,
	 "drop the oldest when the recording would become larger: 512M, 10G (default 512M)"},
	{"duration", 'd', "DURATION", ts_option_duration, AT(seconds), 0.1, 100 * YEAR, NULL,
	 "end after so long (default: with Ctrl-C or SIGTERM)"},
	{"profile", 0, "FILE|NAME", ts_option_text, AT(profile), 0, 0, NULL,
	 "thresholds to judge by (default: built in, the same as the profile default)"},
	{"quiet", 0, NULL, ts_option_switch, AT(quiet), 0, 0, NULL,
	 "do not tell findings as they come and go, nor progress"},
	TS_COLLECT_OPTIONS(AT(measure)),
	{0},
};
#undef AT

/* A recording under way. Sums only: nothing is kept per window. */
struct session {
	const struct record_options *options;
	struct ts_collector *collector;
	struct ts_recorder *recorder;
	struct ts_finding_watch watch;
	struct ts_snapshot *earlier;
	struct ts_ticker ticker;
	__u64 start_ns, interval_ns, end_ns; /* CLOCK_MONOTONIC; end 0: none */
	__u64 start_cpu_ns, starting_cpu_ns; /* at the first snapshot; of it, for starting */
	__u64 bpf_ns, statistics_ns, lost_events, rss_bytes;
	bool progress;
	__u64 progress_ns;
};

static __u64 own_cpu_ns(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return ((__u64)usage.ru_utime.tv_sec + (__u64)usage.ru_stime.tv_sec) * 1000000000ULL +
	       ((__u64)usage.ru_utime.tv_usec + (__u64)usage.ru_stime.tv_usec) * 1000ULL;
}

static __u64 peak_rss_bytes(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (__u64)usage.ru_maxrss * 1024;
}

static double elapsed_seconds(const struct session *session)
{
	return (ts_clock_ns(CLOCK_MONOTONIC) - session->start_ns) / 1e9;
}

static double own_cpu_percent(const struct session *session)
{
	double elapsed = elapsed_seconds(session);

	return elapsed > 0 ? (own_cpu_ns() - session->start_cpu_ns) / 1e7 / elapsed : 0;
}

static double megabytes_a_day(const struct ts_recorder_state *state)
{
	return state->seconds > 0 ? state->bytes / 1e6 / state->seconds * 86400 : 0;
}

static void clear_progress(const struct session *session)
{
	if (session->progress)
		fprintf(stderr, "\r%79s\r", "");
}

static void show_progress(struct session *session)
{
	__u64 now = ts_clock_ns(CLOCK_MONOTONIC);
	struct ts_recorder_state state;

	if (!session->progress || now - session->progress_ns < PROGRESS_NS)
		return;
	session->progress_ns = now;
	ts_recorder_state(session->recorder, &state);
	fprintf(stderr,
		"\rtunescope: %llu window%s, %.1f KB, %.1f MB a day, CPU %.2f %%, RSS %.1f MB%s ",
		(unsigned long long)state.windows, state.windows == 1 ? "" : "s", state.bytes / 1e3,
		megabytes_a_day(&state), own_cpu_percent(session), session->rss_bytes / 1e6,
		state.waiting_windows ? ", waiting" : "");
}

static void add_up(struct session *session, const struct ts_cost *cost)
{
	session->statistics_ns += cost->stats_ns;
	session->lost_events += cost->lost_events;
	session->rss_bytes = cost->rss_bytes;
	for (size_t i = 0; cost->stats_ns && i < cost->probes; i++)
		session->bpf_ns += cost->probe[i].run_ns;
}

/* From the snapshot before to one taken now. */
static void take_window(struct session *session)
{
	struct ts_snapshot *later;
	struct ts_window window;

	/* What taking the snapshot costs is no sample of what the host does. */
	ts_ticker_stop(&session->ticker);
	later = ts_collector_snapshot(session->collector);
	if (ts_window_make(session->earlier, later, &window)) {
		ts_snapshot_free(later);
		return;
	}
	window.delta->cost.stats_ns = ts_ticker_statistics(&session->ticker, &window);
	ts_snapshot_free(session->earlier);
	session->earlier = later;
	ts_window_round(&window);
	add_up(session, &window.delta->cost);
	clear_progress(session);
	ts_recorder_add(session->recorder, &window); /* what goes wrong there is told there */
	ts_window_free(&window);
	session->progress_ns = 0;
	show_progress(session);
	ts_collector_rest(session->collector);
}

/* Of the times start + n * interval the next one that is at least half an interval away. */
static __u64 next_window(const struct session *session, __u64 now)
{
	__u64 interval = session->interval_ns;

	return session->start_ns +
	       ((now - session->start_ns + interval / 2) / interval + 1) * interval;
}

static void watch(struct session *session)
{
	__u64 now = session->start_ns, least = session->interval_ns / 2;

	if (least > LEAST_NS)
		least = LEAST_NS;
	while (!ts_observe_interrupted()) {
		__u64 until = next_window(session, now);

		if (session->end_ns && until > session->end_ns)
			until = session->end_ns;
		ts_ticker_until(&session->ticker, until, true);
		now = ts_clock_ns(CLOCK_MONOTONIC);
		if (ts_observe_interrupted() || (session->end_ns && now >= session->end_ns))
			break;
		take_window(session);
	}
	if (now - session->earlier->monotonic_ns >= least)
		take_window(session);
	ts_ticker_stop(&session->ticker);
}

static void start(struct session *session)
{
	const struct record_options *options = session->options;
	double interval = options->interval;

	/* Shorter than one interval: a single window. */
	if (options->seconds && options->seconds < interval)
		interval = options->seconds;
	session->interval_ns = (__u64)(interval * 1e9);
	session->earlier = ts_collector_snapshot(session->collector);
	session->rss_bytes = session->earlier->cost.rss_bytes;
	session->start_ns = session->earlier->monotonic_ns;
	session->start_cpu_ns = own_cpu_ns();
	if (options->seconds)
		session->end_ns = session->start_ns + (__u64)(options->seconds * 1e9);
	ts_ticker_start(&session->ticker, session->collector, 0);
}

static void written(void *context, const struct ts_window *window)
{
	struct session *session = context;

	if (!session->options->quiet)
		ts_finding_watch_add(&session->watch, window);
}

static void summarize(const struct session *session, const struct ts_recorder_state *state)
{
	const char *output = session->options->output;

	ts_err(0, "recorded %llu window%s (%.1f s) in %s: %llu frames, %.1f KB, %.2f MB a day",
	       (unsigned long long)state->windows, state->windows == 1 ? "" : "s", state->seconds,
	       output, (unsigned long long)state->frames, state->bytes / 1e3,
	       megabytes_a_day(state));
	ts_err(0,
	       "own cost: CPU %.3f %% of one core (and %.2f s to start), BPF programs %.3f %%, RSS "
	       "%.1f MB (at most %.1f MB), %llu lost events",
	       own_cpu_percent(session), session->start_cpu_ns / 1e9,
	       session->statistics_ns ? 100.0 * session->bpf_ns / session->statistics_ns : 0,
	       session->rss_bytes / 1e6, peak_rss_bytes() / 1e6,
	       (unsigned long long)session->lost_events);
	if (state->put_together)
		ts_err(0,
		       "%llu windows had to be put together because they could not be written at "
		       "once",
		       (unsigned long long)state->put_together);
}

/* The collector is open only here. */
static int observe(struct session *session)
{
	const struct record_options *options = session->options;
	int error;

	error = ts_collector_open(&options->measure.collect, &session->collector);
	if (error)
		return error;
	ts_observe_check_programs(&options->measure.disabled_programs);
	error = ts_privileges_drop_writing(ts_recorder_directory(session->recorder));
	if (!error) {
		start(session);
		watch(session);
		clear_progress(session);
		ts_snapshot_free(session->earlier);
	}
	ts_collector_close(session->collector);
	return error;
}

static int finish(struct session *session)
{
	struct ts_recorder_state state;
	int error = ts_recorder_end(session->recorder);

	ts_finding_watch_finish(&session->watch);
	ts_recorder_state(session->recorder, &state);
	if (state.windows)
		summarize(session, &state);
	else if (!error)
		error = ts_err(-EINTR, "nothing was recorded: it was ended after %.1f s",
			       elapsed_seconds(session));
	return error;
}

static int record(const struct record_options *options, const struct ts_profile *profile)
{
	struct session session = {
		.options = options,
		.watch = {.profile = profile, .seconds = JUDGED_SECONDS},
		.progress = !options->quiet && isatty(STDERR_FILENO),
	};
	struct ts_recorder_options recorder = {
		.path = options->output,
		.keep_seconds = options->keep,
		.maximum_bytes = options->maximum_bytes,
		.interval = options->interval,
		.written = written,
		.context = &session,
	};
	int error;

	if (options->interval > session.watch.seconds)
		session.watch.seconds = options->interval;
	error = ts_recorder_open(&recorder, &session.recorder);
	if (error)
		return error == -EINVAL || error == -ENOTDIR ? TS_EXIT_USAGE : TS_EXIT_FAILURE;
	error = observe(&session);
	if (!error)
		error = finish(&session);
	ts_recorder_close(session.recorder);
	ts_finding_watch_free(&session.watch);
	return error ? TS_EXIT_FAILURE : TS_EXIT_DONE;
}

static int run(const struct ts_command *command, int argc, char **argv)
{
	struct record_options options = {
		.output = "tunescope.tsrec",
		.interval = 10,
		.keep = 7 * 86400,
		.maximum_bytes = 512 << 20,
	};
	struct ts_profile profile;
	int exit_code;

	if (!ts_options_parse(command, argc, argv, &options, NULL, 0, NULL, &exit_code))
		return exit_code;
	ts_collect_arguments_done(&options.measure);
	options.measure.collect.patient = !options.seconds || options.seconds >= PATIENT_SECONDS;
	if (ts_profile_load(options.profile, &profile))
		return TS_EXIT_USAGE;
	ts_observe_signals();
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error of writing */
	signal(SIGPIPE, SIG_IGN); /* nobody reading the messages is no reason to end */
	return record(&options, &profile);
}

const struct ts_command ts_command_record = {
	.name = "record",
	.arguments = "",
	.summary = "record this host for days, to be replayed, printed and compared later",
	.options = options_table,
	.run = run,
};
