/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Snapshots as Prometheus and OpenMetrics text. Pure: who serves it, or writes it to a file, is
 * elsewhere (user/live/http.h, user/cmd/export.c).
 *
 * The name of a metric follows from the family's row alone: "tunescope_", the family's name, the
 * base unit as suffix, "_total" for counters. A histogram's classic buckets are a coarsening of
 * ours without loss: every bound is one of ours, so each of our buckets lies in exactly one of
 * theirs. A family that was not measured has no samples, and its status says why.
 */
#ifndef TUNESCOPE_OPENMETRICS_H
#define TUNESCOPE_OPENMETRICS_H

#include <stdbool.h>
#include <stdio.h>
#include "../report.h"

enum ts_openmetrics_format {
	TS_OPENMETRICS_TEXT, /* application/openmetrics-text; version=1.0.0 */
	TS_PROMETHEUS_TEXT,  /* text/plain; version=0.0.4 */
};

#define TS_OPENMETRICS_NAME_MAX 128

/* The family's metric name without the "_total" of a counter. Returns name. */
const char *ts_openmetrics_name(enum ts_family_id id, char name[TS_OPENMETRICS_NAME_MAX]);

/*
 * For who prints one family after the other (a recording over time): # HELP, # TYPE and # UNIT of a
 * family; its samples in a snapshot (nothing when it was not measured); and the last line of the
 * text ("# EOF", only in OpenMetrics). A window's delta is a snapshot, too: put together with
 * ts_window_add from the beginning of a recording, its counters only ever go up.
 * realtime_ns is added to each sample as its time; 0: none. OpenMetrics wants all samples of a
 * family together, and those of one series in the order of time.
 */
void ts_openmetrics_family_header(FILE *out, enum ts_openmetrics_format format,
				  enum ts_family_id id);
void ts_openmetrics_family_samples(FILE *out, enum ts_openmetrics_format format,
				   const struct ts_snapshot *snapshot, enum ts_family_id id,
				   __u64 realtime_ns);
void ts_openmetrics_end(FILE *out, enum ts_openmetrics_format format);

/*
 * A bound on the label sets of each family, as a last resort (sources have bounds of their own).
 * Who is in stays in for as long as it exists: a series that came and went would be read as
 * counting from zero.
 */
struct ts_openmetrics_limit;
struct ts_openmetrics_limit *ts_openmetrics_limit_new(size_t label_sets);
void ts_openmetrics_limit_free(struct ts_openmetrics_limit *limit); /* NULL is fine */
/*
 * Takes those beyond the limit out of the snapshot, and remembers how many of each family. The old
 * array of series stays as it is: a copy made before (`struct ts_snapshot all = *snapshot`, in the
 * same arena) keeps them.
 */
void ts_openmetrics_limit_apply(struct ts_openmetrics_limit *limit, struct ts_snapshot *snapshot);

/*
 * Peaks are "since the last snapshot". So that one reader's snapshot does not take them from
 * another, they are held: apply puts the largest values of at least hold_seconds into the snapshot
 * (and leaves the old array of series as it is, too).
 */
struct ts_openmetrics_peaks;
struct ts_openmetrics_peaks *ts_openmetrics_peaks_new(double hold_seconds);
void ts_openmetrics_peaks_free(struct ts_openmetrics_peaks *peaks); /* NULL is fine */
void ts_openmetrics_peaks_apply(struct ts_openmetrics_peaks *peaks, struct ts_snapshot *snapshot);

/* The process that serves the text. */
#define TS_OPENMETRICS_CODES 8
struct ts_openmetrics_server {
	__u64 cpu_ns, rss_bytes;
	__u64 connections;			 /* open */
	__u64 cut_off;				 /* because the client was too slow */
	unsigned int code[TS_OPENMETRICS_CODES]; /* status codes; 0 ends the list */
	__u64 requests[TS_OPENMETRICS_CODES];	 /* answered with each */
};

struct ts_openmetrics {
	const struct ts_snapshot *snapshot;
	const struct ts_report *report;		    /* findings; NULL: nothing was judged yet */
	const struct ts_openmetrics_limit *limit;   /* what it left out is shown; NULL: nothing */
	const struct ts_openmetrics_server *server; /* NULL: there is none */
	__u64 snapshots;			    /* taken so far; 0: not known */
	enum ts_openmetrics_format format;
};

/* Everything: families with their status, settings, findings, host facts and own cost. */
void ts_openmetrics_write(FILE *out, const struct ts_openmetrics *what);

#endif
