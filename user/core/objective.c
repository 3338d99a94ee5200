// SPDX-License-Identifier: GPL-2.0-only
#include "objective.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "profile.h"

const char *const ts_level_names[TS_LEVEL_COUNT] = {
	[TS_LEVEL_TARGET] = "target",
	[TS_LEVEL_WARNING] = "warning",
	[TS_LEVEL_CRITICAL] = "critical",
};

const char *ts_objective_state_name(enum ts_objective_state state)
{
	static const char *const names[] = {
		[TS_OBJECTIVE_NO_DATA] = "no-data",   [TS_OBJECTIVE_ON_TARGET] = "target",
		[TS_OBJECTIVE_MISSED] = "missed",     [TS_OBJECTIVE_WARNING] = "warning",
		[TS_OBJECTIVE_CRITICAL] = "critical",
	};

	return names[state];
}

/* The value is beyond the level, in the direction that is worse. */
static bool is_beyond(const struct ts_objective *objective, enum ts_level level, double value)
{
	/* Never true of NAN. */
	return objective->measure->lower_is_worse ? value < objective->level[level]
						  : value > objective->level[level];
}

static enum ts_objective_state state_of(const struct ts_objective *objective, double value)
{
	static const enum ts_objective_state beyond[] = {
		[TS_LEVEL_TARGET] = TS_OBJECTIVE_MISSED,
		[TS_LEVEL_WARNING] = TS_OBJECTIVE_WARNING,
		[TS_LEVEL_CRITICAL] = TS_OBJECTIVE_CRITICAL,
	};

	for (int level = TS_LEVEL_CRITICAL; level >= TS_LEVEL_TARGET; level--)
		if (is_beyond(objective, (enum ts_level)level, value))
			return beyond[level];
	return TS_OBJECTIVE_ON_TARGET;
}

static struct ts_objective_result *add(struct ts_report *report,
				       const struct ts_objective *objective)
{
	struct ts_objective_result *result;

	report->objective = ts_arena_grow(report->arena, report->objective, report->objectives,
					  &report->objectives_capacity, sizeof *report->objective);
	result = &report->objective[report->objectives++];
	*result = (struct ts_objective_result){
		.objective = objective,
		.netns = "",
		.port = objective->port,
		.device = objective->device,
		.value = NAN,
		.why = "",
	};
	return result;
}

/* Whether the objective is about that port and device. */
static bool about(const struct ts_objective *objective, const struct ts_measured *measured)
{
	return (!*objective->port || !strcmp(objective->port, measured->port)) &&
	       (!*objective->device || !strcmp(objective->device, measured->device));
}

static void add_known(struct ts_report *report, const struct ts_objective *objective,
		      const struct ts_measured *measured)
{
	struct ts_objective_result *result = add(report, objective);

	result->netns = measured->netns;
	result->port = measured->port;
	result->device = measured->device;
	result->value = measured->value;
	result->samples = measured->samples;
	result->state = state_of(objective, measured->value);
}

/* No value anywhere: the one that came closest to enough samples says why. */
static void add_unknown(struct ts_report *report, const struct ts_objective *objective,
			const struct ts_measured *most, const char *why)
{
	struct ts_objective_result *result = add(report, objective);

	result->state = TS_OBJECTIVE_NO_DATA;
	result->samples = most ? most->samples : 0;
	result->too_little = ts_measure_measured(objective->measure, report->window);
	if (most)
		result->why = most->why;
	else if (*why)
		result->why = why;
	else
		result->why =
			ts_arena_printf(report->arena, "no %s seen; at least %llu are needed",
					objective->measure->sample, objective->measure->least);
	if (most && !*objective->port && !*objective->device) {
		result->netns = most->netns;
		result->port = most->port;
		result->device = most->device;
	}
}

static void judge(struct ts_report *report, const struct ts_objective *objective)
{
	const struct ts_measured *measured, *most = NULL;
	size_t count, known = 0;
	const char *why;

	if (*objective->where) {
		add(report, objective)->why = ts_arena_printf(
			report->arena, "the kernel does not see it; %s", objective->where);
		return;
	}
	measured = ts_measure(objective->measure, report->window, report->arena, &count, &why);
	for (size_t i = 0; i < count; i++) {
		if (!about(objective, &measured[i]))
			continue;
		if (measured[i].known) {
			add_known(report, objective, &measured[i]);
			known++;
		} else if (!most || measured[i].samples > most->samples) {
			most = &measured[i];
		}
	}
	if (!known)
		add_unknown(report, objective, most, why);
}

/* How far the value is beyond the worst level that it is beyond, in times. */
static double excess(const struct ts_objective_result *result)
{
	const struct ts_objective *objective = result->objective;

	for (int level = TS_LEVEL_CRITICAL; level >= TS_LEVEL_TARGET; level--)
		if (!isnan(objective->level[level])) {
			double at = objective->level[level];
			double times = objective->measure->lower_is_worse ? at / result->value
									  : result->value / at;

			return isnan(times) ? 0 : times;
		}
	return 0;
}

static int text_order(const struct ts_objective_result *a, const struct ts_objective_result *b)
{
	int order = strcmp(a->objective->name, b->objective->name);

	if (!order)
		order = strcmp(a->netns, b->netns);
	if (!order)
		order = strcmp(a->port, b->port);
	return order ? order : strcmp(a->device, b->device);
}

static int worse(const void *a, const void *b)
{
	const struct ts_objective_result *x = a, *y = b;
	double p, q;

	if (x->state != y->state)
		return x->state < y->state ? 1 : -1;
	if (x->state == TS_OBJECTIVE_NO_DATA)
		return text_order(x, y);
	p = excess(x);
	q = excess(y);
	if (p != q)
		return p < q ? 1 : -1;
	return text_order(x, y);
}

void ts_objectives_judge(struct ts_report *report)
{
	const struct ts_profile *profile = report->profile;

	for (size_t i = 0; i < profile->objectives; i++)
		if (profile->objective[i].enabled)
			judge(report, &profile->objective[i]);
	if (report->objectives)
		qsort(report->objective, report->objectives, sizeof *report->objective, worse);
}
