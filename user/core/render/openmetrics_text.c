// SPDX-License-Identifier: GPL-2.0-only
#include "openmetrics_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"

/* How many bytes from the beginning need no second look. */
static size_t plain_length(const char *text, const char *special)
{
	size_t length = 0;

	while (text[length] >= 0x20 && text[length] < 0x7f && !strchr(special, text[length]))
		length++;
	return length;
}

/* special: what a format wants a backslash in front of; a line feed becomes \n. */
static void write_escaped(FILE *file, const char *text, const char *special)
{
	while (*text) {
		size_t length = plain_length(text, special);
		uint32_t code = 0;

		fwrite(text, 1, length, file);
		text += length;
		if (!*text)
			return;
		length = ts_utf8_decode(text, &code);
		if (*text == '\n') {
			fputs("\\n", file);
		} else if (!length || code < 0x20 || code == 0x7f) {
			/* One byte that is no UTF-8 and the whole text would be refused. */
			fprintf(file, "\\\\x%02x", (unsigned char)*text);
			length = 1;
		} else {
			if (length == 1)
				fputc('\\', file);
			fwrite(text, 1, length, file);
		}
		text += length;
	}
}

static const char *total(const struct ts_metric *metric)
{
	return metric->kind == TS_KIND_COUNTER ? "_total" : "";
}

/* In the older format a counter's own name ends in _total, and there is no UNIT. */
void ts_metric_header(const struct ts_metric_out *out, const struct ts_metric *metric)
{
	bool openmetrics = out->format == TS_OPENMETRICS_TEXT;
	const char *suffix = openmetrics ? "" : total(metric);

	fprintf(out->file, "# HELP %s%s ", metric->name, suffix);
	write_escaped(out->file, metric->help, openmetrics ? "\\\"" : "\\");
	fprintf(out->file, "\n# TYPE %s%s %s\n", metric->name, suffix, ts_kind_name(metric->kind));
	if (openmetrics && *metric->unit)
		fprintf(out->file, "# UNIT %s %s\n", metric->name, metric->unit);
}

struct ts_metric_sample ts_metric_begin(const struct ts_metric_out *out,
					const struct ts_metric *metric, const char *suffix)
{
	fprintf(out->file, "%s%s", metric->name, *suffix ? suffix : total(metric));
	return (struct ts_metric_sample){.out = out};
}

void ts_metric_label(struct ts_metric_sample *sample, const char *key, const char *value)
{
	if (!*value)
		return;
	fprintf(sample->out->file, "%c%s=\"", sample->labelled ? ',' : '{', key);
	write_escaped(sample->out->file, value, "\\\"");
	fputc('"', sample->out->file);
	sample->labelled = true;
}

void ts_metric_labels(FILE *to, const char *const *key, const char *const *value, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!*value[i])
			continue;
		fprintf(to, "%s=\"", key[i]);
		write_escaped(to, value[i], "\\\"");
		fputs("\",", to);
	}
}

static void write_time(const struct ts_metric_out *out)
{
	if (out->realtime_ns && out->format == TS_OPENMETRICS_TEXT)
		fprintf(out->file, " %llu.%03llu", out->realtime_ns / 1000000000,
			out->realtime_ns / 1000000 % 1000);
	else if (out->realtime_ns)
		fprintf(out->file, " %llu", out->realtime_ns / 1000000);
	fputc('\n', out->file);
}

void ts_metric_bucket(const struct ts_metric_out *out, const struct ts_metric *metric,
		      const char *labels, const char *bound, __u64 below)
{
	fprintf(out->file, "%s_bucket{%sle=\"%s\"} %llu", metric->name, labels, bound, below);
	write_time(out);
}

static void end(const struct ts_metric_sample *sample, const char *value)
{
	fprintf(sample->out->file, "%s %s", sample->labelled ? "}" : "", value);
	write_time(sample->out);
}

static void shortest(double value, char text[TS_METRIC_NUMBER_MAX])
{
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, TS_METRIC_NUMBER_MAX, "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			return;
	}
}

static const char *not_finite(double value)
{
	return isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}

const char *ts_metric_bound(double value, char text[TS_METRIC_NUMBER_MAX])
{
	if (!isfinite(value))
		return not_finite(value);
	shortest(value, text);
	if (!strpbrk(text, ".e"))
		strcat(text, ".0");
	return text;
}

void ts_metric_number(struct ts_metric_sample *sample, double value)
{
	char text[TS_METRIC_NUMBER_MAX];

	if (isfinite(value))
		shortest(value, text);
	end(sample, isfinite(value) ? text : not_finite(value));
}

void ts_metric_whole(struct ts_metric_sample *sample, __u64 value)
{
	char text[TS_METRIC_NUMBER_MAX];

	snprintf(text, sizeof text, "%llu", value);
	end(sample, text);
}

void ts_metric_seconds(struct ts_metric_sample *sample, __u64 ns)
{
	char text[TS_METRIC_NUMBER_MAX];

	snprintf(text, sizeof text, "%llu.%09llu", ns / 1000000000, ns % 1000000000);
	end(sample, text);
}
