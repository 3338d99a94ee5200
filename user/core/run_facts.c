// SPDX-License-Identifier: GPL-2.0-only
#include "run_facts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 1000000

static const char *const side_names[] = {"alone", "baseline", "current"};

const char *ts_run_side_name(enum ts_run_side side)
{
	return side_names[side];
}

void ts_run_facts_put(struct ts_snapshot *snapshot, const struct ts_run_facts *facts)
{
	char number[32];

	ts_snapshot_fact(snapshot, "run.command", facts->command);
	snprintf(number, sizeof number, "%u", facts->number);
	ts_snapshot_fact(snapshot, "run.number", number);
	ts_snapshot_fact(snapshot, "run.side", side_names[facts->side]);
	ts_snapshot_fact(snapshot, "run.scope", facts->scope);
	if (!facts->ended)
		return;
	snprintf(number, sizeof number, "%d", facts->exit_status);
	ts_snapshot_fact(snapshot, "run.exit_status", number);
	snprintf(number, sizeof number, "%.9f", facts->wall_seconds);
	ts_snapshot_fact(snapshot, "run.wall_seconds", number);
}

static const char *value_of(const struct ts_snapshot *snapshot, const char *key)
{
	for (size_t i = 0; i < snapshot->facts; i++)
		if (!strcmp(snapshot->fact[i].key, key))
			return snapshot->fact[i].value;
	return NULL;
}

static bool number_of(const struct ts_snapshot *snapshot, const char *key, double most,
		      double *number)
{
	const char *text = value_of(snapshot, key);
	char *end;

	if (!text || !*text)
		return false;
	*number = strtod(text, &end);
	return !*end && *number >= 0 && *number <= most;
}

struct ts_run_facts ts_run_facts_get(const struct ts_snapshot *snapshot)
{
	struct ts_run_facts facts = {.command = "", .scope = "host"};
	const char *command = value_of(snapshot, "run.command");
	const char *side = value_of(snapshot, "run.side"), *scope = value_of(snapshot, "run.scope");
	double number, status;

	if (!command || !number_of(snapshot, "run.number", NUMBER_MAX, &number))
		return facts;
	facts.known = true;
	facts.command = command;
	facts.number = (unsigned int)number;
	facts.scope = scope && !strcmp(scope, "cmd") ? "cmd" : "host";
	for (int i = TS_RUN_ALONE; side && i <= TS_RUN_CURRENT; i++)
		if (!strcmp(side, side_names[i]))
			facts.side = (enum ts_run_side)i;
	facts.ended = number_of(snapshot, "run.exit_status", 255, &status) &&
		      number_of(snapshot, "run.wall_seconds", 1e9, &facts.wall_seconds);
	if (facts.ended)
		facts.exit_status = (int)status;
	return facts;
}
