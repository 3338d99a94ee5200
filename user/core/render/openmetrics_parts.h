/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files openmetrics*.c share. */
#ifndef TUNESCOPE_OPENMETRICS_PARTS_H
#define TUNESCOPE_OPENMETRICS_PARTS_H

#include "openmetrics_text.h"

/* Of the label values. */
__u64 ts_series_hash(const struct ts_series *series);

/* Label sets of a family, and rows of settings and namespaces, that the limit took out. */
size_t ts_openmetrics_left_out(const struct ts_openmetrics_limit *limit, enum ts_family_id id);
size_t ts_openmetrics_facts_left_out(const struct ts_openmetrics_limit *limit);

void ts_openmetrics_write_findings(const struct ts_metric_out *out, const struct ts_report *report);

#endif
