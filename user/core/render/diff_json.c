// SPDX-License-Identifier: GPL-2.0-only
/* A comparison of runs for programs: JSON (docs/diff.schema.json), CSV. */
#include "diff.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "csv.h"
#include "json_parts.h"
#include "../arena.h"

#define SCHEMA "tunescope.diff/1"

static json_t *runs(const struct ts_json *w, const struct ts_diff *diff, int side)
{
	json_t *array = json_array();

	for (size_t i = 0; i < diff->runs[side]; i++) {
		const struct ts_run *run = diff->run[side][i];
		const struct ts_compared_run *used = &diff->comparison->run[side][i];
		json_t *object = json_object();

		if (run->facts.known) {
			json_object_set_new(object, "command", ts_json_text(w, run->facts.command));
			json_object_set_new(object, "number", json_integer(run->facts.number));
			json_object_set_new(object, "exit_status",
					    json_integer(run->facts.exit_status));
			json_object_set_new(object, "wall_seconds",
					    ts_json_number(run->facts.wall_seconds));
		}
		json_object_set_new(object, "seconds", ts_json_number(run->summary->seconds));
		json_object_set_new(object, "used", json_boolean(used->used));
		json_object_set_new(object, "foreign_share",
				    ts_json_number(used->interference.foreign));
		json_object_set_new(object, "steal_share",
				    ts_json_number(used->interference.steal));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *side(const struct ts_json *w, const struct ts_diff *diff, int k)
{
	json_t *object = json_object();

	json_object_set_new(object, "name", ts_json_text(w, diff->set[k]->name));
	json_object_set_new(object, "runs", runs(w, diff, k));
	json_object_set_new(object, "clean_runs",
			    json_integer((json_int_t)diff->comparison->clean[k]));
	json_object_set_new(object, "left_out", json_integer((json_int_t)diff->left_out[k]));
	return object;
}

static json_t *values(const struct ts_side_values *values)
{
	json_t *object = json_object(), *array = json_array();

	for (size_t i = 0; i < values->runs; i++)
		json_array_append_new(array, ts_json_number(values->value[i]));
	json_object_set_new(object, "median", ts_json_number(values->median));
	json_object_set_new(object, "values", array);
	return object;
}

static const char *direction_name(enum ts_direction direction)
{
	static const char *const names[] = {"", "neutral", "up-is-worse", "down-is-worse"};

	return names[direction];
}

static void estimate(json_t *object, const struct ts_change *change)
{
	const struct {
		const char *key;
		double value;
	} numbers[] = {
		{"ratio", change->ratio},	{"ratio_low", change->low95},
		{"ratio_high", change->high95}, {"effect", change->effect},
		{"spread", change->spread},	{"p", change->p},
		{"p_holm", change->p_holm},
	};

	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		json_object_set_new(object, numbers[i].key,
				    change->estimated ? ts_json_number(numbers[i].value)
						      : json_null());
	json_object_set_new(object, "at_least", json_boolean(change->at_least));
	json_object_set_new(object, "runs_needed",
			    change->runs_needed ? json_integer((json_int_t)change->runs_needed)
						: json_null());
}

static json_t *change_object(const struct ts_json *w, const struct ts_change *change)
{
	json_t *object = json_object();

	json_object_set_new(object, "family", json_string(ts_families[change->family].name));
	json_object_set_new(object, "labels", ts_json_labels(w, change->family, change->label));
	json_object_set_new(object, "statistic", json_string(ts_statistic_name(change->statistic)));
	json_object_set_new(object, "unit",
			    json_string(ts_metric_unit(change->family, change->statistic)));
	json_object_set_new(object, "direction", json_string(direction_name(change->direction)));
	json_object_set_new(object, "verdict", json_string(ts_verdict_name(change->verdict)));
	json_object_set_new(object, "severity", json_string(ts_severity_name(change->severity)));
	json_object_set_new(object, "why", ts_json_text(w, change->why));
	json_object_set_new(object, "allowed", ts_json_number(change->allowed));
	json_object_set_new(object, "baseline", values(&change->side[0]));
	json_object_set_new(object, "current", values(&change->side[1]));
	estimate(object, change);
	return object;
}

static json_t *differences(const struct ts_json *w, const struct ts_diff *diff)
{
	json_t *array = json_array();

	for (size_t i = 0; i < diff->differences; i++) {
		const struct ts_difference *d = &diff->difference[i];
		json_t *object = json_object();

		json_object_set_new(object, "what", ts_json_text(w, d->what));
		json_object_set_new(object, "baseline", ts_json_text(w, d->value[0]));
		json_object_set_new(object, "current", ts_json_text(w, d->value[1]));
		json_object_set_new(object, "setting", json_boolean(d->setting));
		json_object_set_new(object, "comparable", json_boolean(!d->incomparable));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *check_object(const struct ts_json *w, const struct ts_check_verdict *check)
{
	json_t *object = json_object();

	json_object_set_new(object, "verdict", json_string(ts_verdict_name(check->verdict)));
	json_object_set_new(object, "severity", json_string(ts_severity_name(check->severity)));
	json_object_set_new(object, "fail_on", json_string(ts_severity_name(check->fail_on)));
	json_object_set_new(object, "exit_code", json_integer(check->exit_code));
	json_object_set_new(object, "confirmed", json_boolean(check->confirmed));
	json_object_set_new(object, "why", ts_json_text(w, check->why));
	return object;
}

int ts_render_diff_json(FILE *out, const struct ts_diff *diff, const struct ts_check_verdict *check)
{
	struct ts_json w = {.arena = ts_arena_new()};
	const struct ts_comparison *c = diff->comparison;
	json_t *root = json_object(), *changes = json_array();
	int error;

	json_object_set_new(root, "schema", json_string(SCHEMA));
	json_object_set_new(root, "verdict", json_string(ts_verdict_name(c->overall)));
	json_object_set_new(root, "severity", json_string(ts_severity_name(c->severity)));
	json_object_set_new(root, "why", ts_json_text(&w, c->why));
	json_object_set_new(root, "headline", ts_json_text(&w, ts_diff_headline(w.arena, diff)));
	json_object_set_new(root, "level", ts_json_number(c->level));
	json_object_set_new(root, "tests", json_integer((json_int_t)c->tests));
	json_object_set_new(root, "paired", json_boolean(diff->paired));
	if (check)
		json_object_set_new(root, "check", check_object(&w, check));
	json_object_set_new(root, "baseline", side(&w, diff, 0));
	json_object_set_new(root, "current", side(&w, diff, 1));
	json_object_set_new(root, "differences", differences(&w, diff));
	for (size_t i = 0; i < c->changes; i++)
		json_array_append_new(changes, change_object(&w, &c->change[i]));
	json_object_set_new(root, "changes", changes);
	error = json_dumpf(root, out, JSON_COMPACT | JSON_REAL_PRECISION(12)) ? -EIO : 0;
	if (!error)
		fputc('\n', out);
	json_decref(root);
	ts_arena_free(w.arena);
	return error;
}

/* ---- CSV: a row for each metric */

static void number(FILE *out, double value)
{
	fputc(',', out);
	if (isfinite(value))
		fprintf(out, "%.12g", value);
}

void ts_render_diff_csv(FILE *out, const struct ts_diff *diff)
{
	const struct ts_comparison *c = diff->comparison;
	struct ts_arena *arena = ts_arena_new();

	fputs("metric,statistic,unit,verdict,severity,baseline,current,ratio,ratio_low,ratio_high,"
	      "effect,p_holm,allowed,baseline_runs,current_runs,why\r\n",
	      out);
	for (size_t i = 0; i < c->changes; i++) {
		const struct ts_change *change = &c->change[i];
		bool known = change->estimated;

		ts_csv_text(out, ts_metric_series(arena, change->family, change->label));
		fprintf(out, ",%s,%s,%s,%s", ts_statistic_name(change->statistic),
			ts_metric_unit(change->family, change->statistic),
			ts_verdict_name(change->verdict), ts_severity_name(change->severity));
		number(out, change->side[0].median);
		number(out, change->side[1].median);
		number(out, known ? change->ratio : NAN);
		number(out, known ? change->low95 : NAN);
		number(out, known ? change->high95 : NAN);
		number(out, known ? change->effect : NAN);
		number(out, known ? change->p_holm : NAN);
		number(out, change->allowed);
		fprintf(out, ",%zu,%zu,", change->side[0].runs, change->side[1].runs);
		ts_csv_text(out, change->why);
		fputs("\r\n", out);
	}
	ts_arena_free(arena);
}
