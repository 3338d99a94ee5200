// SPDX-License-Identifier: GPL-2.0-only
/* The text for Prometheus: names, buckets, escaping, what is left out and what is held. */
#include <ctype.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../user/core/arena.h"
#include "../../user/core/histogram.h"
#include "../../user/core/rule.h"
#include "../../user/core/render/openmetrics.h"
#include "../../user/core/render/openmetrics_text.h"

static char *text_of(const struct ts_openmetrics *what)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	ts_openmetrics_write(out, what);
	assert_int_equal(fclose(out), 0);
	return text;
}

static char *snapshot_text(const struct ts_snapshot *snapshot, enum ts_openmetrics_format format)
{
	return text_of(&(struct ts_openmetrics){.snapshot = snapshot, .format = format});
}

/* The value behind "name{labels} " at the beginning of a line; fails when it is not there. */
static double sample(const char *text, const char *series)
{
	size_t length = strlen(series);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, series, length) && line[length] == ' ')
			return strtod(line + length, NULL);
	}
	fail_msg("no sample %s in:\n%s", series, text);
	return 0;
}

static bool has(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

static void every_name_follows_the_conventions(void **state)
{
	char name[TS_FAMILY_COUNT][TS_OPENMETRICS_NAME_MAX];

	ts_for_each_family (id) {
		enum ts_unit unit = ts_families[id].unit;

		ts_openmetrics_name(id, name[id]);
		assert_int_equal(strncmp(name[id], "tunescope_", 10), 0);
		for (const char *c = name[id]; *c; c++)
			assert_true(islower((unsigned char)*c) || isdigit((unsigned char)*c) ||
				    *c == '_');
		assert_false(has(name[id], "__"));
		assert_false(has(name[id], "_total"));
		if (unit == TS_UNIT_SECONDS || unit == TS_UNIT_BYTES) {
			const char *suffix = strrchr(name[id], '_') + 1, *first;

			assert_string_equal(suffix, ts_unit_name(unit));
			first = strstr(name[id], suffix);
			assert_ptr_equal(first, suffix); /* and nowhere else */
		}
		for (int other = 0; other < id; other++)
			assert_string_not_equal(name[id], name[other]);
	}
	assert_string_equal(name[TS_FAMILY_RUNQ_LATENCY], "tunescope_runq_latency_seconds");
	assert_string_equal(name[TS_FAMILY_BLOCK_IO_SIZE], "tunescope_block_io_size_bytes");
	assert_string_equal(name[TS_FAMILY_MEMORY], "tunescope_memory_bytes");
	assert_string_equal(name[TS_FAMILY_BLOCK_READ_BESIDE_SECONDS],
			    "tunescope_block_read_beside_writes_seconds");
}

static void a_counter_is_called_total_as_each_format_wants_it(void **state)
{
	struct ts_snapshot *s = ts_snapshot_new();
	char *text;

	ts_snapshot_counter(s, TS_FAMILY_TASK_MIGRATIONS, NULL, 18446744073709551615ULL);
	ts_snapshot_counter(s, TS_FAMILY_PRESSURE, TS_LABELS("cpu", "some"), 1234567890123456789);
	text = snapshot_text(s, TS_OPENMETRICS_TEXT);
	assert_true(has(text, "# TYPE tunescope_task_migrations counter\n"));
	assert_true(has(text, "\ntunescope_task_migrations_total 18446744073709551615\n"));
	assert_true(has(text, "# UNIT tunescope_pressure_seconds seconds\n"));
	assert_true(has(text, "\ntunescope_pressure_seconds_total{resource=\"cpu\",kind=\"some\"} "
			      "1234567890.123456789\n"));
	assert_string_equal(text + strlen(text) - 6, "# EOF\n");
	free(text);
	text = snapshot_text(s, TS_PROMETHEUS_TEXT);
	assert_true(has(text, "# TYPE tunescope_task_migrations_total counter\n"));
	assert_true(has(text, "# HELP tunescope_task_migrations_total "));
	assert_false(has(text, "# UNIT"));
	assert_false(has(text, "# EOF"));
	free(text);
	ts_snapshot_free(s);
}

static void what_is_not_measured_has_a_status_and_no_sample(void **state)
{
	struct ts_snapshot *s = ts_snapshot_new();
	char *text;

	ts_snapshot_counter(s, TS_FAMILY_PRESSURE, TS_LABELS("cpu", "some"), 5);
	ts_snapshot_source_status(s, TS_SOURCE_PRESSURE, TS_STATUS_DISABLED, "booted with psi=0");
	ts_snapshot_source_status(s, TS_SOURCE_FILES, TS_STATUS_NO_DATA, "nothing yet");
	text = snapshot_text(s, TS_OPENMETRICS_TEXT);
	assert_false(has(text, "tunescope_pressure_seconds"));
	assert_true(has(text,
			"\ntunescope_family_status{family=\"pressure_seconds\",source="
			"\"pressure\",status=\"disabled\",reason=\"booted with psi=0\"} 1\n"));
	assert_true(has(text, "\ntunescope_family_status{family=\"file_handles\",source=\"files\","
			      "status=\"no-data\"} 1\n"));
	free(text);
	ts_snapshot_free(s);
}

/* Fills a histogram with values of all sizes, none of them round. */
static void fill(struct ts_histogram *histogram, unsigned int values, double low, double high)
{
	srand(7);
	for (unsigned int i = 0; i < values; i++) {
		double share = rand() / (double)RAND_MAX;

		ts_histogram_add(histogram, (__u64)(low * pow(high / low, share)), 1);
	}
}

/* Bounds read back from the text, and the cumulative counts below them. */
struct buckets {
	double bound[128], below[128];
	size_t count;
	char line[128][128]; /* the text of the bound */
};

static void read_buckets(const char *text, const char *prefix, struct buckets *buckets)
{
	const char *at = text;

	buckets->count = 0;
	while ((at = strstr(at, prefix))) {
		size_t i = buckets->count++;

		assert_in_range(i, 0, 127);
		at += strlen(prefix);
		sscanf(at, "%127[^\"]", buckets->line[i]);
		buckets->bound[i] = strtod(at, NULL);
		buckets->below[i] = strtod(strchr(at, ' '), NULL);
	}
}

/* Observations at or below value according to our own buckets; value must be one of our bounds. */
static double own_below(const struct ts_histogram *histogram, double value)
{
	unsigned int slots = TS_HISTOGRAM_SLOTS(histogram->scale);
	double below = 0;

	for (unsigned int slot = 0; slot < slots; slot++) {
		double bound = ts_histogram_upper_bound(histogram->scale, histogram->unit, slot);

		below += (double)histogram->slot[slot];
		if (bound == value)
			return below;
	}
	fail_msg("%.17g is none of our bounds", value);
	return 0;
}

static void check_buckets(const char *text, const char *prefix, const struct ts_histogram *own)
{
	struct buckets buckets;

	read_buckets(text, prefix, &buckets);
	assert_true(buckets.count > 20);
	for (size_t i = 0; i < buckets.count - 1; i++) {
		assert_true(strpbrk(buckets.line[i], ".e") != NULL);
		assert_true(buckets.below[i] == own_below(own, buckets.bound[i]));
		assert_true(!i || buckets.bound[i] > buckets.bound[i - 1]);
	}
	assert_string_equal(buckets.line[buckets.count - 1], "+Inf");
	assert_true(buckets.below[buckets.count - 1] == (double)own->count);
}

static void classic_buckets_are_ours_put_together(void **state)
{
	struct ts_snapshot *s = ts_snapshot_new();
	struct ts_histogram *runq, *latency, *size, *coarse;
	char *text;

	runq = ts_snapshot_histogram(s, TS_FAMILY_RUNQ_LATENCY, NULL, TS_HISTOGRAM_SCALE_GLOBAL);
	fill(runq, 100000, 1, 200e9); /* from a nanosecond to beyond the layout */
	ts_histogram_add(runq, 0, 5);
	latency = ts_snapshot_histogram(s, TS_FAMILY_BLOCK_LATENCY, TS_LABELS("sda", "read"),
					TS_HISTOGRAM_SCALE_KEYED);
	fill(latency, 100000, 10, 90e9);
	size = ts_snapshot_histogram(s, TS_FAMILY_BLOCK_IO_SIZE, TS_LABELS("sda", "read"),
				     TS_HISTOGRAM_SCALE_KEYED);
	fill(size, 100000, 1, 1e12);
	for (unsigned int exponent = 0; exponent < 40; exponent++) /* inclusive bounds */
		ts_histogram_add(size, 1ULL << exponent, 3);
	coarse = ts_snapshot_histogram(s, TS_FAMILY_OFFCPU_TIME, NULL, 0); /* merged down before */
	fill(coarse, 1000, 10, 90e9);
	text = snapshot_text(s, TS_PROMETHEUS_TEXT);
	check_buckets(text, "\ntunescope_runq_latency_seconds_bucket{le=\"", runq);
	check_buckets(text, "\ntunescope_offcpu_time_seconds_bucket{le=\"", coarse);
	check_buckets(text,
		      "\ntunescope_block_latency_seconds_bucket{device=\"sda\",op=\"read\",le=\"",
		      latency);
	check_buckets(text,
		      "\ntunescope_block_io_size_bytes_bucket{device=\"sda\",op=\"read\",le=\"",
		      size);
	assert_true(sample(text, "tunescope_runq_latency_seconds_count") == (double)runq->count);
	assert_true(sample(text, "tunescope_block_io_size_bytes_sum{device=\"sda\",op=\"read\"}") ==
		    (double)size->sum);
	free(text);
	ts_snapshot_free(s);
}

/* histogram_quantile as PromQL defines it: linear within a bucket. */
static double promql_quantile(const struct buckets *buckets, double q)
{
	double rank = q * buckets->below[buckets->count - 1], lower, below;
	size_t i = 0;

	while (buckets->below[i] < rank)
		i++;
	if (i == buckets->count - 1)
		return buckets->bound[i - 1];
	lower = i ? buckets->bound[i - 1] : 0;
	below = i ? buckets->below[i - 1] : 0;
	return lower + (buckets->bound[i] - lower) * (rank - below) / (buckets->below[i] - below);
}

static void quantiles_agree_within_a_bucket(void **state)
{
	static const double quantiles[] = {0.01, 0.25, 0.5, 0.9, 0.99, 0.999};
	struct ts_snapshot *s = ts_snapshot_new();
	struct ts_histogram *runq =
		ts_snapshot_histogram(s, TS_FAMILY_RUNQ_LATENCY, NULL, TS_HISTOGRAM_SCALE_GLOBAL);
	struct ts_histogram *latency = ts_snapshot_histogram(
		s, TS_FAMILY_BLOCK_LATENCY, TS_LABELS("sda", "read"), TS_HISTOGRAM_SCALE_KEYED);
	struct buckets global, keyed;
	char *text;

	fill(runq, 10000, 2e3, 5e9);
	fill(runq, 10000, 90e3, 110e3);
	fill(latency, 10000, 20e3, 30e3); /* all of it in one bucket */
	text = snapshot_text(s, TS_OPENMETRICS_TEXT);
	read_buckets(text, "\ntunescope_runq_latency_seconds_bucket{le=\"", &global);
	read_buckets(text,
		     "\ntunescope_block_latency_seconds_bucket{device=\"sda\",op=\"read\",le=\"",
		     &keyed);
	for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++) {
		double ratio = promql_quantile(&global, quantiles[i]) /
			       ts_histogram_quantile(runq, quantiles[i]);

		assert_true(ratio > 1 / sqrt(2) && ratio < sqrt(2));
		ratio = promql_quantile(&keyed, quantiles[i]) /
			ts_histogram_quantile(latency, quantiles[i]);
		assert_true(ratio > 0.5 && ratio < 2);
	}
	free(text);
	ts_snapshot_free(s);
}

static void names_from_outside_cannot_break_the_text(void **state)
{
	struct ts_snapshot *s = ts_snapshot_new();
	char *text;

	ts_snapshot_gauge(s, TS_FAMILY_CGROUP_QUOTA, TS_LABELS("/a\"} 1\nevil 7 \\n"), 1.5);
	ts_snapshot_gauge(s, TS_FAMILY_CGROUP_QUOTA, TS_LABELS("/b\xff\x01\xc3\xa4\xed\xa0\x80"),
			  0.1);
	text = snapshot_text(s, TS_OPENMETRICS_TEXT);
	assert_true(has(text, "{cgroup=\"/a\\\"} 1\\nevil 7 \\\\n\"} 1.5\n"));
	assert_true(has(text, "{cgroup=\"/b\\\\xff\\\\x01\xc3\xa4\\\\xed\\\\xa0\\\\x80\"} 0.1\n"));
	assert_false(has(text, "\nevil"));
	free(text);
	ts_snapshot_free(s);
}

static void numbers_read_back_as_they_were(void **state)
{
	static const double numbers[] = {0,	  1,	0.1, 1.0 / 3, 1e300, 5e-324, 123456789012.5,
					 1 / 3e9, -2.5, M_PI};
	char text[TS_METRIC_NUMBER_MAX];

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		assert_true(strtod(ts_metric_bound(numbers[i], text), NULL) == numbers[i]);
	assert_string_equal(ts_metric_bound(0.1, text), "0.1");
	assert_string_equal(ts_metric_bound(64, text), "64.0");
	assert_string_equal(ts_metric_bound(INFINITY, text), "+Inf");
	assert_string_equal(ts_metric_bound(NAN, text), "NaN");
}

static void time_is_added_as_each_format_wants_it(void **state)
{
	struct ts_snapshot *s = ts_snapshot_new();
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	ts_snapshot_counter(s, TS_FAMILY_TASK_MIGRATIONS, NULL, 3);
	ts_openmetrics_family_samples(out, TS_OPENMETRICS_TEXT, s, TS_FAMILY_TASK_MIGRATIONS,
				      1700000000123456789ULL);
	ts_openmetrics_family_samples(out, TS_PROMETHEUS_TEXT, s, TS_FAMILY_TASK_MIGRATIONS,
				      1700000000123456789ULL);
	fclose(out);
	assert_string_equal(text, "tunescope_task_migrations_total 3 1700000000.123\n"
				  "tunescope_task_migrations_total 3 1700000000123\n");
	free(text);
	ts_snapshot_free(s);
}

static struct ts_snapshot *devices(const char *const *names)
{
	struct ts_snapshot *s = ts_snapshot_new();

	for (size_t i = 0; names[i]; i++)
		ts_snapshot_counter(s, TS_FAMILY_DISK_BUSY, TS_LABELS(names[i]), i + 1);
	return s;
}

#define DEVICES(...) devices((const char *const[]){__VA_ARGS__, NULL})

static char *limited(struct ts_openmetrics_limit *limit, struct ts_snapshot *s)
{
	struct ts_snapshot all = *s;
	char *text;

	ts_openmetrics_limit_apply(limit, s);
	/* The copy made before still has everything. */
	assert_true(all.family[TS_FAMILY_DISK_BUSY].count >= s->family[TS_FAMILY_DISK_BUSY].count);
	for (size_t i = 0; i < all.family[TS_FAMILY_DISK_BUSY].count; i++)
		assert_int_equal(all.family[TS_FAMILY_DISK_BUSY].series[i].counter, i + 1);
	text = text_of(&(struct ts_openmetrics){.snapshot = s, .limit = limit});
	ts_snapshot_free(s);
	return text;
}

#define BUSY(device) "\ntunescope_disk_busy_seconds_total{device=\"" device "\"} "

static void who_is_in_stays_in_and_the_rest_is_counted(void **state)
{
	struct ts_openmetrics_limit *limit = ts_openmetrics_limit_new(3);
	const char *left_out = "tunescope_left_out_series{family=\"disk_busy_seconds\"}";
	char *text = limited(limit, DEVICES("sda", "sdb"));

	assert_true(sample(text, left_out) == 0);
	free(text);
	text = limited(limit, DEVICES("new1", "new2", "sdb", "sda", "new3"));
	assert_true(has(text, BUSY("sda")) && has(text, BUSY("sdb")) && has(text, BUSY("new1")));
	assert_false(has(text, BUSY("new2")) || has(text, BUSY("new3")));
	assert_true(sample(text, left_out) == 2);
	free(text);
	/* sda is gone: there is room for one. What took the rest is never left out. */
	text = limited(limit, DEVICES("new2", "new3", "sdb", "new1", "other"));
	assert_true(has(text, BUSY("sdb")) && has(text, BUSY("new1")) && has(text, BUSY("other")));
	assert_false(has(text, BUSY("new2")) || has(text, BUSY("new3")));
	free(text);
	ts_openmetrics_limit_free(limit);
}

/* The peak shown at a time, after a snapshot that saw value (or had no such series, if negative).
 */
static double peak_at(struct ts_openmetrics_peaks *peaks, double seconds, double value)
{
	struct ts_snapshot *s = ts_snapshot_new();
	const struct ts_series *series;
	double shown = -1;

	s->monotonic_ns = (__u64)(seconds * 1e9);
	if (value >= 0)
		ts_snapshot_gauge(s, TS_FAMILY_SOFTNET_BURST, TS_LABELS("0"), value);
	ts_openmetrics_peaks_apply(peaks, s);
	series = ts_snapshot_find(s, TS_FAMILY_SOFTNET_BURST, TS_LABELS("0"));
	if (series)
		shown = series->gauge;
	assert_in_range(s->family[TS_FAMILY_SOFTNET_BURST].count, 0, 1);
	ts_snapshot_free(s);
	return shown;
}

static void a_peak_is_held_for_a_minute(void **state)
{
	struct ts_openmetrics_peaks *peaks = ts_openmetrics_peaks_new(60);

	assert_true(peak_at(peaks, 1000, 5) == 5);
	assert_true(peak_at(peaks, 1001, 90) == 90); /* one reader */
	assert_true(peak_at(peaks, 1002, 0) == 90);  /* another one */
	for (int i = 1; i < 60; i++)
		assert_true(peak_at(peaks, 1002 + i, i % 3) == 90);
	assert_true(peak_at(peaks, 1001 + 71, 1) == 2); /* at most a sixth longer */
	/* Held though its series is gone; in the end forgotten, however long nobody looked. */
	assert_true(peak_at(peaks, 1080, 7) == 7);
	assert_true(peak_at(peaks, 1100, -1) == 7);
	assert_true(peak_at(peaks, 9000, -1) == -1);
	ts_openmetrics_peaks_free(peaks);
}

static void findings_are_there_as_long_as_they_hold(void **state)
{
	static const struct ts_rule rule = {.id = "accept-queue"};
	struct ts_snapshot *s = ts_snapshot_new();
	struct ts_window window = {.seconds = 60.5, .delta = s};
	struct ts_finding found = {
		.rule = "accept-queue",
		.id = "accept-queue/net.core.somaxconn/netns:7/port:80",
		.outcome = TS_OUTCOME_RECOMMEND,
		.setting = "net.core.somaxconn",
		.netns = "7",
		.port = "80",
		.device = "",
		.cgroup = "",
		.comm = "ngi\"nx",
		.current = "128",
		.proposed = "4096",
		.cause = "",
		.acquits = "",
		.harm = 812,
		.harm_unit = "connections",
		.confidence = 0.9,
	};
	struct ts_rule_result result = {.rule = &rule, .outcome = TS_OUTCOME_RECOMMEND};
	struct ts_report report = {
		.window = &window, .finding = &found, .findings = 1, .rule = &result, .rules = 1};
	struct ts_openmetrics what = {.snapshot = s, .report = &report};
	char *text = text_of(&what);

	assert_true(
		has(text,
		    "\ntunescope_finding{id=\"accept-queue/net.core.somaxconn/netns:7/port:80\","
		    "rule=\"accept-queue\",outcome=\"recommend\",setting=\"net.core.somaxconn\","
		    "current=\"128\",proposed=\"4096\",netns=\"7\",port=\"80\",comm=\"ngi\\\"nx\"} "
		    "1\n"));
	assert_true(has(text, "port:80\",unit=\"connections\"} 812\n"));
	assert_true(sample(text, "tunescope_findings_window_seconds") == 60.5);
	free(text);
	report.findings = 0;
	result.outcome = TS_OUTCOME_QUIET;
	text = text_of(&what);
	assert_false(has(text, "tunescope_finding{"));
	assert_true(sample(text, "tunescope_rule{rule=\"accept-queue\",outcome=\"quiet\"}") == 1);
	free(text);
	ts_snapshot_free(s);
}

static void settings_are_numbers_where_they_are_one_number(void **state)
{
	struct ts_snapshot *s = ts_snapshot_new();
	char *text;

	ts_snapshot_setting(s, TS_SETTING_SOMAXCONN, "7", TS_STATUS_OK, "4096", "", "");
	ts_snapshot_setting(s, TS_SETTING_TCP_RMEM, "7", TS_STATUS_OK, "4096 131072 6291456", "",
			    "");
	ts_snapshot_setting(s, TS_SETTING_BLOCK_SCHEDULER, "sda", TS_STATUS_OK, "none", "none bfq",
			    "");
	ts_snapshot_setting(s, TS_SETTING_DIRTY_RATIO, "", TS_STATUS_FAILED, "", "", "torn");
	text = snapshot_text(s, TS_PROMETHEUS_TEXT);
	assert_true(sample(text,
			   "tunescope_setting_value{name=\"net.core.somaxconn\",scope=\"netns\","
			   "netns=\"7\"}") == 4096);
	assert_true(sample(text, "tunescope_setting{name=\"net.ipv4.tcp_rmem\",scope=\"netns\","
				 "netns=\"7\",value=\"4096 131072 6291456\"}") == 1);
	assert_true(sample(text, "tunescope_setting{name=\"scheduler\",scope=\"device\",device="
				 "\"sda\",value=\"none\"}") == 1);
	assert_false(has(text, "vm.dirty_ratio"));
	free(text);
	ts_snapshot_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_name_follows_the_conventions),
		cmocka_unit_test(a_counter_is_called_total_as_each_format_wants_it),
		cmocka_unit_test(what_is_not_measured_has_a_status_and_no_sample),
		cmocka_unit_test(classic_buckets_are_ours_put_together),
		cmocka_unit_test(quantiles_agree_within_a_bucket),
		cmocka_unit_test(names_from_outside_cannot_break_the_text),
		cmocka_unit_test(numbers_read_back_as_they_were),
		cmocka_unit_test(time_is_added_as_each_format_wants_it),
		cmocka_unit_test(who_is_in_stays_in_and_the_rest_is_counted),
		cmocka_unit_test(a_peak_is_held_for_a_minute),
		cmocka_unit_test(findings_are_there_as_long_as_they_hold),
		cmocka_unit_test(settings_are_numbers_where_they_are_one_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
