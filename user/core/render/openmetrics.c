// SPDX-License-Identifier: GPL-2.0-only
/* Families: their names and samples. */
#include "openmetrics_text.h"

#include <stdlib.h>
#include <string.h>

#include "../histogram.h"

/*
 * Classic buckets, in exponents of two of the base unit; below the first bound and above the last
 * there is one bucket each. A labelled family has one for each octave: 30 samples for each device
 * and operation, or namespace and port. The few families without labels are one series each, so
 * that twice as many cost next to nothing, and their quantiles are known to 41 % instead of a
 * factor of two. Both kinds of bounds are bounds of ours at every scale.
 */
struct bucket_range {
	int first, last;
};
static const struct bucket_range seconds_range = {-20, 6}; /* 0.95 us .. 64 s, where ours end */
static const struct bucket_range bytes_range = {9, 30};	   /* 512 bytes .. 1 GiB */
#define GLOBAL_SCALE 1
#define KEYED_SCALE  0
/* Exponent of the base unit at which slot 1 of our layout ends. */
#define SECONDS_FIRST (-30)
#define BYTES_FIRST   0

static const char *unit_suffix(enum ts_unit unit)
{
	return unit == TS_UNIT_SECONDS || unit == TS_UNIT_BYTES ? ts_unit_name(unit) : "";
}

/* Copies name without the word unit; the caller puts it at the end, where it belongs. */
static void copy_without(const char *name, const char *unit, char *to, size_t size)
{
	size_t length = strlen(unit), used = 0;

	while (*name) {
		size_t word = strcspn(name, "_");

		if (!length || word != length || memcmp(name, unit, word))
			used += (size_t)snprintf(to + used, size - used, "_%.*s", (int)word, name);
		name += word + (name[word] == '_');
	}
}

const char *ts_openmetrics_name(enum ts_family_id id, char name[TS_OPENMETRICS_NAME_MAX])
{
	const char *unit = unit_suffix(ts_families[id].unit);
	char rest[TS_OPENMETRICS_NAME_MAX - 32];

	copy_without(ts_families[id].name, unit, rest, sizeof rest);
	snprintf(name, TS_OPENMETRICS_NAME_MAX, "tunescope%s%s%s", rest, *unit ? "_" : "", unit);
	return name;
}

/* A family's metric; its texts live in the caller's buffers. */
static struct ts_metric metric_of(enum ts_family_id id, char name[TS_OPENMETRICS_NAME_MAX],
				  char help[512])
{
	const struct ts_family *family = &ts_families[id];

	snprintf(help, 512, "%s%s", family->meaning,
		 family->kind == TS_KIND_PEAK ? "; the exporter holds it for a minute" : "");
	return (struct ts_metric){
		.name = ts_openmetrics_name(id, name),
		.kind = family->kind,
		.unit = unit_suffix(family->unit),
		.help = help,
	};
}

static struct ts_metric_sample begin(const struct ts_metric_out *out,
				     const struct ts_metric *metric, const char *suffix,
				     const struct ts_family *family, const struct ts_series *series)
{
	struct ts_metric_sample sample = ts_metric_begin(out, metric, suffix);

	for (size_t i = 0; i < family->labels; i++)
		ts_metric_label(&sample, family->label_key[i], series->label[i]);
	return sample;
}

/* The bounds of a family's buckets as text: the same for all of its series. */
#define BOUNDS_MAX 64
struct bounds {
	unsigned int scale, first,
		count; /* indices at this scale, the first one is exponent first */
	char text[BOUNDS_MAX][TS_METRIC_NUMBER_MAX];
};

static void fill_bounds(enum ts_unit unit, unsigned int scale, struct bounds *bounds)
{
	bool seconds = unit == TS_UNIT_SECONDS;
	const struct bucket_range *range = seconds ? &seconds_range : &bytes_range;

	bounds->scale = scale;
	bounds->first = (unsigned int)(range->first - (seconds ? SECONDS_FIRST : BYTES_FIRST))
			<< scale;
	bounds->count = ((unsigned int)(range->last - range->first) << scale) + 1;
	for (unsigned int i = 0; i < bounds->count; i++)
		ts_metric_bound(ts_histogram_upper_bound(scale, unit, 1 + bounds->first + i),
				bounds->text[i]);
}

static void write_buckets(const struct ts_metric_out *out, const struct ts_metric *metric,
			  const struct ts_histogram *histogram, const char *labels,
			  const struct bounds *bounds)
{
	__u64 below = 0;

	for (unsigned int i = 0, slot = 0; i < bounds->count; i++) {
		/* The slot of ours that ends at this bound; slot 1 ends at the first unit. */
		unsigned int last = 1 + ((bounds->first + i) << (histogram->scale - bounds->scale));

		for (; slot <= last; slot++)
			below += histogram->slot[slot];
		ts_metric_bucket(out, metric, labels, bounds->text[i], below);
	}
	ts_metric_bucket(out, metric, labels, "+Inf", histogram->count);
}

/* Of a coarser histogram than usual (merged down before) the bounds are as coarse. */
static void write_bucket_series(const struct ts_metric_out *out, const struct ts_metric *metric,
				const struct ts_family *family, const struct ts_series *series,
				struct bounds *bounds)
{
	unsigned int scale = family->labels ? KEYED_SCALE : GLOBAL_SCALE;
	char *labels = NULL;
	size_t length;
	FILE *to = open_memstream(&labels, &length);

	if (!to)
		return;
	if (scale > series->histogram->scale)
		scale = series->histogram->scale;
	if (!bounds->count || bounds->scale != scale)
		fill_bounds(family->unit, scale, bounds);
	ts_metric_labels(to, family->label_key, series->label, family->labels);
	if (!fclose(to))
		write_buckets(out, metric, series->histogram, labels, bounds);
	free(labels);
}

static void write_histogram(const struct ts_metric_out *out, const struct ts_metric *metric,
			    const struct ts_family *family, const struct ts_series *series,
			    struct bounds *bounds)
{
	struct ts_metric_sample sample;

	write_bucket_series(out, metric, family, series, bounds);
	sample = begin(out, metric, "_count", family, series);
	ts_metric_whole(&sample, series->histogram->count);
	sample = begin(out, metric, "_sum", family, series);
	if (family->unit == TS_UNIT_SECONDS)
		ts_metric_seconds(&sample, series->histogram->sum);
	else
		ts_metric_whole(&sample, series->histogram->sum);
}

static void write_series(const struct ts_metric_out *out, const struct ts_metric *metric,
			 const struct ts_family *family, const struct ts_series *series,
			 struct bounds *bounds)
{
	struct ts_metric_sample sample;

	if (family->kind == TS_KIND_HISTOGRAM) {
		write_histogram(out, metric, family, series, bounds);
		return;
	}
	sample = begin(out, metric, "", family, series);
	if (family->kind != TS_KIND_COUNTER)
		ts_metric_number(&sample, series->gauge);
	else if (family->unit == TS_UNIT_SECONDS)
		ts_metric_seconds(&sample, series->counter);
	else
		ts_metric_whole(&sample, series->counter);
}

void ts_openmetrics_family_header(FILE *out, enum ts_openmetrics_format format,
				  enum ts_family_id id)
{
	struct ts_metric_out to = {.file = out, .format = format};
	char name[TS_OPENMETRICS_NAME_MAX], help[512];
	struct ts_metric metric = metric_of(id, name, help);

	ts_metric_header(&to, &metric);
}

void ts_openmetrics_family_samples(FILE *out, enum ts_openmetrics_format format,
				   const struct ts_snapshot *snapshot, enum ts_family_id id,
				   __u64 realtime_ns)
{
	struct ts_metric_out to = {.file = out, .format = format, .realtime_ns = realtime_ns};
	const struct ts_family_data *data = &snapshot->family[id];
	char name[TS_OPENMETRICS_NAME_MAX], help[512];
	struct ts_metric metric = metric_of(id, name, help);
	struct bounds bounds = {0};

	if (data->status != TS_STATUS_OK)
		return;
	for (size_t i = 0; i < data->count; i++)
		write_series(&to, &metric, &ts_families[id], &data->series[i], &bounds);
}

void ts_openmetrics_end(FILE *out, enum ts_openmetrics_format format)
{
	if (format == TS_OPENMETRICS_TEXT)
		fputs("# EOF\n", out);
}
