// SPDX-License-Identifier: GPL-2.0-only
/* The collecting side of the exporter: ticks, snapshots, windows, findings. */
#include "export.h"

#include <stdlib.h>

#include "observe.h"
#include "../core/error.h"
#include "../live/clock.h"
#include "../live/privileges.h"

#define SECOND_NS	1000000000ULL
#define SNAPSHOT_NS	SECOND_NS	 /* not more often */
#define EARLY_NS	(SECOND_NS / 10) /* who asks once a second does not ask to the millisecond */
#define OWN_SNAPSHOT_NS (20 * SECOND_NS) /* though nobody asks: windows go on, peaks are noted */
#define PEAK_SECONDS	60

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
	struct ts_ticker ticker;
	__u64 statistics_ns; /* run-time statistics were on for so long */
};

static struct ts_exporter *new_exporter(struct ts_collector *collector,
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
	ts_ticker_start(&exporter->ticker, collector, 0);
	ts_exporter_refresh(exporter);
	return exporter;
}

struct ts_exporter *ts_exporter_open(const struct ts_export_options *options, const char *directory)
{
	struct ts_exporter *exporter = NULL;
	struct ts_collector *collector;

	if (ts_collector_open(&options->measure.collect, &collector))
		return NULL;
	ts_observe_check_programs(&options->measure.disabled_programs);
	if (!ts_privileges_drop_writing(directory))
		exporter = new_exporter(collector, options);
	if (!exporter)
		ts_collector_close(collector);
	return exporter;
}

void ts_exporter_close(struct ts_exporter *exporter)
{
	if (!exporter)
		return;
	ts_ticker_stop(&exporter->ticker);
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
	step.delta->cost.stats_ns = ts_ticker_statistics(&exporter->ticker, &step);
	exporter->statistics_ns += step.delta->cost.stats_ns;
	ts_window_add(&exporter->pending, &step);
	if (ts_window_reached(&exporter->pending, exporter->window_seconds, step.seconds))
		judge(exporter);
	ts_window_free(&step);
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

int ts_exporter_tick(struct ts_exporter *exporter)
{
	int wait = ts_ticker_due(&exporter->ticker);

	if (ts_clock_ns(CLOCK_MONOTONIC) >= exporter->latest->monotonic_ns + OWN_SNAPSHOT_NS)
		ts_exporter_refresh(exporter);
	return wait;
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
