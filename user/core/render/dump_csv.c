// SPDX-License-Identifier: GPL-2.0-only
/*
 * Comma-separated values, RFC 4180. Times are UTC in the form that spreadsheets and pandas take for
 * a time; a column for each label that the wanted families have.
 */
#include "dump.h"

#include <math.h>
#include <string.h>

#include "csv.h"
#include "units.h"
#include "../arena.h"
#include "../histogram.h"

#define KEYS_MAX (TS_FAMILY_COUNT * TS_LABELS_MAX)

struct sheet {
	const struct ts_dump *dump;
	const char *key[KEYS_MAX];
	size_t keys;
	/* Of the row being written: */
	const char *time;
	double seconds;
};

static size_t key_column(const struct sheet *sheet, const char *key)
{
	size_t i;

	for (i = 0; i < sheet->keys; i++)
		if (!strcmp(sheet->key[i], key))
			break;
	return i;
}

static void find_keys(struct sheet *sheet)
{
	ts_for_each_family (id) {
		const struct ts_family *family = &ts_families[id];

		for (size_t i = 0; sheet->dump->family[id] && i < family->labels; i++)
			if (key_column(sheet, family->label_key[i]) == sheet->keys)
				sheet->key[sheet->keys++] = family->label_key[i];
	}
}

static void header(const struct sheet *sheet)
{
	FILE *out = sheet->dump->out;

	fputs("time,seconds,family,unit", out);
	for (size_t i = 0; i < sheet->keys; i++)
		fprintf(out, ",%s", sheet->key[i]);
	fputs(",field,value\r\n", out);
}

static void row(const struct sheet *sheet, enum ts_family_id id, const struct ts_series *series,
		const char *field, double value)
{
	const struct ts_family *family = &ts_families[id];
	FILE *out = sheet->dump->out;
	const char *cell[KEYS_MAX] = {0};

	if (!isfinite(value)) /* an empty histogram has no quantiles */
		return;
	for (size_t i = 0; i < family->labels; i++)
		cell[key_column(sheet, family->label_key[i])] = series->label[i];
	fprintf(out, "%s,%.9g,%s,%s", sheet->time, sheet->seconds, family->name,
		ts_unit_name(family->unit));
	for (size_t i = 0; i < sheet->keys; i++) {
		fputc(',', out);
		ts_csv_text(out, cell[i] ? cell[i] : "");
	}
	fprintf(out, ",%s,%.15g\r\n", field, value);
}

static void histogram(const struct sheet *sheet, enum ts_family_id id,
		      const struct ts_series *series)
{
	const struct ts_histogram *h = series->histogram;

	row(sheet, id, series, "count", (double)h->count);
	row(sheet, id, series, "sum", ts_histogram_sum(h));
	row(sheet, id, series, "p50", ts_histogram_quantile(h, 0.50));
	row(sheet, id, series, "p95", ts_histogram_quantile(h, 0.95));
	row(sheet, id, series, "p99", ts_histogram_quantile(h, 0.99));
	row(sheet, id, series, "max", ts_histogram_max(h));
}

static void rows(const struct sheet *sheet, const struct ts_window *window, enum ts_family_id id)
{
	const struct ts_family *family = &ts_families[id];

	ts_for_each_series (s, window, id) {
		if (family->kind == TS_KIND_HISTOGRAM)
			histogram(sheet, id, s);
		else if (family->kind == TS_KIND_COUNTER)
			row(sheet, id, s, "delta",
			    family->unit == TS_UNIT_SECONDS ? (double)s->counter / 1e9
							    : (double)s->counter);
		else
			row(sheet, id, s, "value", s->gauge);
	}
}

/* "2026-11-21 14:00:10.250" */
static const char *sheet_time(struct ts_arena *arena, __u64 ns)
{
	const char *utc = ts_utc_time(arena, ns);

	return ts_arena_printf(arena, "%.10s %.8s.%03u", utc, utc + 11,
			       (unsigned int)(ns / 1000000 % 1000));
}

void ts_dump_csv(const struct ts_dump *dump)
{
	struct sheet sheet = {.dump = dump};
	struct ts_window window;

	find_keys(&sheet);
	header(&sheet);
	for (size_t i = 0; ts_dump_window(dump, &i, &window); i++) {
		sheet.time = sheet_time(window.delta->arena, window.delta->realtime_ns);
		sheet.seconds = window.seconds;
		ts_for_each_family (id)
			if (dump->family[id])
				rows(&sheet, &window, (enum ts_family_id)id);
		ts_window_free(&window);
	}
}
