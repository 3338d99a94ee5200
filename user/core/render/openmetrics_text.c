// SPDX-License-Identifier: GPL-2.0-only
#include "openmetrics_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"

/* Which bytes a format wants a backslash in front of; a line feed becomes \n. */
static void write_escaped(FILE *file, const char *text, const char *special)
{
	while (*text) {
		uint32_t code = 0;
		size_t length = ts_utf8_decode(text, &code);

		/* One byte that is no UTF-8 and the whole text would be refused. */
		if (*text != '\n' && (!length || code < 0x20 || code == 0x7f)) {
			fprintf(file, "\\\\x%02x", (unsigned char)*text++);
			continue;
		}
		if (*text == '\n')
			fputs("\\n", file);
		else if (length == 1 && strchr(special, *text))
			fprintf(file, "\\%c", *text);
		else
			fwrite(text, 1, length, file);
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

static void end(const struct ts_metric_sample *sample, const char *value)
{
	const struct ts_metric_out *out = sample->out;

	fprintf(out->file, "%s %s", sample->labelled ? "}" : "", value);
	if (out->realtime_ns && out->format == TS_OPENMETRICS_TEXT)
		fprintf(out->file, " %llu.%03llu", out->realtime_ns / 1000000000,
			out->realtime_ns / 1000000 % 1000);
	else if (out->realtime_ns)
		fprintf(out->file, " %llu", out->realtime_ns / 1000000);
	fputc('\n', out->file);
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
