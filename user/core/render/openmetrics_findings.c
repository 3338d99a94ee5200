// SPDX-License-Identifier: GPL-2.0-only
/* What the rules say, as metrics: a finding is a label set that is there as long as it holds. */
#include "openmetrics_parts.h"

#include <string.h>

#include "../rule.h"

/* clang-format off */
static const struct ts_metric finding_metric = {"tunescope_finding", TS_KIND_GAUGE, "", "what is wrong now, by its stable id, as `tunescope advise` would say it of the last window; always 1, absent when it is gone"};
static const struct ts_metric harm_metric = {"tunescope_finding_harm", TS_KIND_GAUGE, "", "what a finding cost during the last window, in the unit of its label"};
static const struct ts_metric confidence_metric = {"tunescope_finding_confidence_ratio", TS_KIND_GAUGE, "ratio", "how sure a finding is, from 0 to 1"};
static const struct ts_metric rule_metric = {"tunescope_rule", TS_KIND_GAUGE, "", "what each rule says of the last window: recommend, not-a-setting, quiet, already-set, insufficient, unavailable, disabled; always 1"};
static const struct ts_metric window_metric = {"tunescope_findings_window_seconds", TS_KIND_GAUGE, "seconds", "length of the window that was judged last"};
static const struct ts_metric time_metric = {"tunescope_findings_timestamp_seconds", TS_KIND_GAUGE, "seconds", "when the window that was judged last ended, in seconds since 1970"};
/* clang-format on */

static void write_finding(const struct ts_metric_out *out, const struct ts_finding *finding)
{
	struct ts_metric_sample sample = ts_metric_begin(out, &finding_metric, "");
	const char *const labels[][2] = {
		{"id", finding->id},
		{"rule", finding->rule},
		{"outcome", ts_outcome_name(finding->outcome)},
		{"setting", finding->setting},
		{"current", finding->current},
		{"proposed", finding->proposed},
		{"cause", finding->cause},
		{"acquits", finding->acquits},
		{"netns", finding->netns},
		{"device", finding->device},
		{"cgroup", finding->cgroup},
		{"port", finding->port},
		{"comm", finding->comm},
	};

	for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
		ts_metric_label(&sample, labels[i][0], labels[i][1]);
	ts_metric_whole(&sample, 1);
}

/* An id stands once in each metric, should two findings ever share it. */
static bool told_before(const struct ts_report *report, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (!strcmp(report->finding[k].id, report->finding[i].id))
			return true;
	return false;
}

static void write_findings(const struct ts_metric_out *out, const struct ts_report *report)
{
	struct ts_metric_sample sample;

	ts_metric_header(out, &finding_metric);
	for (size_t i = 0; i < report->findings; i++)
		if (!told_before(report, i))
			write_finding(out, &report->finding[i]);
	ts_metric_header(out, &harm_metric);
	for (size_t i = 0; i < report->findings; i++) {
		if (told_before(report, i))
			continue;
		sample = ts_metric_begin(out, &harm_metric, "");
		ts_metric_label(&sample, "id", report->finding[i].id);
		ts_metric_label(&sample, "unit", report->finding[i].harm_unit);
		ts_metric_number(&sample, report->finding[i].harm);
	}
	ts_metric_header(out, &confidence_metric);
	for (size_t i = 0; i < report->findings; i++) {
		if (told_before(report, i))
			continue;
		sample = ts_metric_begin(out, &confidence_metric, "");
		ts_metric_label(&sample, "id", report->finding[i].id);
		ts_metric_number(&sample, report->finding[i].confidence);
	}
}

void ts_openmetrics_write_findings(const struct ts_metric_out *out, const struct ts_report *report)
{
	struct ts_metric_sample sample;

	if (report->findings)
		write_findings(out, report);
	ts_metric_header(out, &rule_metric);
	for (size_t i = 0; i < report->rules; i++) {
		sample = ts_metric_begin(out, &rule_metric, "");
		ts_metric_label(&sample, "rule", report->rule[i].rule->id);
		ts_metric_label(&sample, "outcome", ts_outcome_name(report->rule[i].outcome));
		ts_metric_whole(&sample, 1);
	}
	ts_metric_header(out, &window_metric);
	sample = ts_metric_begin(out, &window_metric, "");
	ts_metric_number(&sample, report->window->seconds);
	ts_metric_header(out, &time_metric);
	sample = ts_metric_begin(out, &time_metric, "");
	ts_metric_number(&sample, (double)report->window->delta->realtime_ns / 1e9);
}
