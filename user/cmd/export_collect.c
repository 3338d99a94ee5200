// SPDX-License-Identifier: GPL-2.0-only
/* The collecting side of the exporter: ticks, snapshots, windows, findings. */
#include "export.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/error.h"
#include "../live/clock.h"

#define SECOND_NS	  1000000000ULL
#define TICK_NS		  (TS_TICK_MS * 1000000ULL)
#define SNAPSHOT_NS	  SECOND_NS	   /* not more often */
#define EARLY_NS	  (SECOND_NS / 10) /* who asks once a second does not ask to the millisecond */
#define OWN_SNAPSHOT_NS	  (20 * SECOND_NS) /* though nobody asks: windows go on, peaks are noted */
#define PEAK_SECONDS	  60
#define STATISTICS_ONE_IN 200 /* ticks with run-time statistics on; they cost all programs time */

struct ts_exporter {
	struct ts_collector *collector;
	const struct ts_profile *profile;
	double window_seconds;
	struct ts_openmetrics_limit *limit;
	struct ts_openmetrics_peaks *peaks;
	struct ts_snapshot *latest; /* as it was taken */
	struct ts_snapshot shown;   /* the same with peaks held and series bounded */
	__u64 snapshots, next_snapshot_ns;
	struct ts_window pending; /* since the last judgement */
	struct ts_window judged;
	struct ts_report *report; /* on it; NULL at first */
	__u64 ticks, next_tick_ns;
	int statistics; /* descriptor while they are on, or -1 */
	bool statistics_refused;
	__u64 statistics_since_ns, statistics_ns;
};

struct ts_exporter *ts_exporter_new(struct ts_collector *collector,
				    const struct ts_export_options *options)
{
	struct ts_exporter *exporter = calloc(1, sizeof *exporter);

	if (!exporter) {
		ts_err(0, "out of memory");
		return NULL;
	}
	exporter->collector = collector;
	exporter->profile = &options->profile;
	exporter->window_seconds = options->window;
	exporter->limit = ts_openmetrics_limit_new((size_t)options->max_series);
	exporter->peaks = ts_openmetrics_peaks_new(PEAK_SECONDS);
	exporter->statistics = -1;
	exporter->next_tick_ns = ts_clock_ns(CLOCK_MONOTONIC);
	ts_exporter_refresh(exporter);
	return exporter;
}

void ts_exporter_free(struct ts_exporter *exporter)
{
	if (!exporter)
		return;
	if (exporter->statistics >= 0)
		close(exporter->statistics);
	ts_report_free(exporter->report);
	ts_window_free(&exporter->judged);
	ts_window_free(&exporter->pending);
	ts_snapshot_free(exporter->latest);
	ts_openmetrics_limit_free(exporter->limit);
	ts_openmetrics_peaks_free(exporter->peaks);
	ts_collector_close(exporter->collector);
	free(exporter);
}

static void judge(struct ts_exporter *exporter)
{
	ts_report_free(exporter->report);
	ts_window_free(&exporter->judged);
	exporter->judged = exporter->pending;
	exporter->pending = (struct ts_window){0};
	exporter->report = ts_report_make(&exporter->judged, exporter->profile);
}

static void add_to_window(struct ts_exporter *exporter, const struct ts_snapshot *earlier)
{
	struct ts_window step;

	if (ts_window_make(earlier, exporter->latest, &step))
		return;
	ts_window_add(&exporter->pending, &step);
	ts_window_free(&step);
	if (exporter->pending.seconds >= exporter->window_seconds)
		judge(exporter);
}

static void take_snapshot(struct ts_exporter *exporter)
{
	struct ts_snapshot *earlier = exporter->latest;

	exporter->latest = ts_collector_snapshot(exporter->collector);
	exporter->snapshots++;
	if (earlier)
		add_to_window(exporter, earlier);
	ts_snapshot_free(earlier);
	exporter->shown = *exporter->latest;
	exporter->shown.cost.stats_ns = exporter->statistics_ns;
	ts_openmetrics_peaks_apply(exporter->peaks, &exporter->shown);
	ts_openmetrics_limit_apply(exporter->limit, &exporter->shown);
}

__u64 ts_exporter_refresh(struct ts_exporter *exporter)
{
	__u64 now = ts_clock_ns(CLOCK_MONOTONIC);

	if (now + EARLY_NS < exporter->next_snapshot_ns)
		return exporter->snapshots;
	/* One that came early does not allow the next one to come earlier still. */
	exporter->next_snapshot_ns =
		(now > exporter->next_snapshot_ns ? now : exporter->next_snapshot_ns) + SNAPSHOT_NS;
	take_snapshot(exporter);
	return exporter->snapshots;
}

static void statistics_off(struct ts_exporter *exporter)
{
	if (exporter->statistics < 0)
		return;
	close(exporter->statistics);
	exporter->statistics = -1;
	exporter->statistics_ns += ts_clock_ns(CLOCK_MONOTONIC) - exporter->statistics_since_ns;
}

/* On for single ticks, so that what they see stands for all of the time. */
static void sample_statistics(struct ts_exporter *exporter)
{
	bool wanted = exporter->ticks % STATISTICS_ONE_IN == STATISTICS_ONE_IN / 10;

	if (!wanted) {
		statistics_off(exporter);
		return;
	}
	if (exporter->statistics_refused || exporter->statistics >= 0)
		return;
	exporter->statistics = ts_collector_enable_run_statistics(exporter->collector);
	exporter->statistics_refused = exporter->statistics < 0;
	exporter->statistics_since_ns = ts_clock_ns(CLOCK_MONOTONIC);
}

int ts_exporter_tick(struct ts_exporter *exporter)
{
	__u64 now = ts_clock_ns(CLOCK_MONOTONIC);

	if (now >= exporter->next_tick_ns) {
		sample_statistics(exporter);
		ts_collector_tick(exporter->collector);
		exporter->ticks++;
		if (now >= exporter->latest->monotonic_ns + OWN_SNAPSHOT_NS)
			ts_exporter_refresh(exporter);
		/* A tick that came late is left out, not made up for. */
		now = ts_clock_ns(CLOCK_MONOTONIC);
		exporter->next_tick_ns += TICK_NS;
		if (exporter->next_tick_ns < now)
			exporter->next_tick_ns = now;
	}
	return (int)((exporter->next_tick_ns - now + 999999) / 1000000);
}

void ts_exporter_write(struct ts_exporter *exporter, FILE *out, enum ts_openmetrics_format format,
		       const struct ts_openmetrics_server *server)
{
	ts_openmetrics_write(out, &(struct ts_openmetrics){
					  .snapshot = &exporter->shown,
					  .report = exporter->report,
					  .limit = exporter->limit,
					  .server = server,
					  .snapshots = exporter->snapshots,
					  .format = format,
				  });
}
