/* SPDX-License-Identifier: GPL-2.0-only */
/* What the JSON of a report and that of a window have in common. */
#ifndef TUNESCOPE_JSON_PARTS_H
#define TUNESCOPE_JSON_PARTS_H

#include <jansson.h>
#include "../report.h"

struct ts_json {
	struct ts_arena *arena;
	const struct ts_window *window;
	const struct ts_report *report; /* NULL: a window alone */
	const bool *family;		/* those wanted, by id; NULL: all */
};

json_t *ts_json_text(const struct ts_json *w, const char *value);
/* Whole numbers look like it; what is not a number is null. */
json_t *ts_json_number(double value);
json_t *ts_json_whole(__u64 value);
/* A decimal number as a number, anything else as text. */
json_t *ts_json_number_or_text(const struct ts_json *w, const char *value);
json_t *ts_json_labels(const struct ts_json *w, enum ts_family_id id, const char *const *label);
json_t *ts_json_sufferer(const struct ts_json *w, const struct ts_sufferer *sufferer);

struct ts_objective_result;
json_t *ts_json_objective(const struct ts_json *w, const struct ts_objective_result *result);

struct ts_audit;
json_t *ts_json_audit(const struct ts_json *w, const struct ts_audit *audit);

/* Of the window: */
json_t *ts_json_host(const struct ts_json *w);
json_t *ts_json_families(const struct ts_json *w);
json_t *ts_json_settings(const struct ts_json *w);
json_t *ts_json_namespaces(const struct ts_json *w);
json_t *ts_json_cost(const struct ts_json *w);

#endif
