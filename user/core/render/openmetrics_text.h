/* SPDX-License-Identifier: GPL-2.0-only */
/* The syntax of the two text formats: headers, samples, numbers, escaping. */
#ifndef TUNESCOPE_OPENMETRICS_TEXT_H
#define TUNESCOPE_OPENMETRICS_TEXT_H

#include "openmetrics.h"

struct ts_metric {
	const char *name; /* without "_total" */
	enum ts_kind kind;
	const char *unit; /* the name's last word when it is a unit; "" without */
	const char *help;
};

/* A stream, and how to write to it. */
struct ts_metric_out {
	FILE *file;
	enum ts_openmetrics_format format;
	__u64 realtime_ns; /* time of each sample; 0: not written */
};

void ts_metric_header(const struct ts_metric_out *out, const struct ts_metric *metric);

/*
 * A sample: its begin, any number of labels, and a value, which ends it. suffix is "", "_bucket",
 * …; a counter's "_total" is added here.
 */
struct ts_metric_sample {
	const struct ts_metric_out *out;
	bool labelled;
};
struct ts_metric_sample ts_metric_begin(const struct ts_metric_out *out,
					const struct ts_metric *metric, const char *suffix);
/* An empty value is the same as no label, and is left out. */
void ts_metric_label(struct ts_metric_sample *sample, const char *key, const char *value);
void ts_metric_number(struct ts_metric_sample *sample, double value);
void ts_metric_whole(struct ts_metric_sample *sample, __u64 value);
void ts_metric_seconds(struct ts_metric_sample *sample, __u64 ns); /* exact */

/*
 * The same for a bucket of a histogram, of which there are many: labels as ts_metric_labels wrote
 * them, once for all of them.
 */
void ts_metric_labels(FILE *to, const char *const *key, const char *const *value, size_t count);
void ts_metric_bucket(const struct ts_metric_out *out, const struct ts_metric *metric,
		      const char *labels, const char *bound, __u64 below);

#define TS_METRIC_NUMBER_MAX 32
/*
 * The shortest text that reads back as the same number; a whole one ends in ".0", as OpenMetrics
 * wants the bounds of buckets to be written.
 */
const char *ts_metric_bound(double value, char text[TS_METRIC_NUMBER_MAX]);

#endif
