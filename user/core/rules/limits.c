// SPDX-License-Identifier: GPL-2.0-only
#include "limits.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../arena.h"

enum { FAILURES };

#define FORBIDDEN	    4 /* files, tasks: less is meant to forbid them */
#define RAISED_SINCE	    0.25
#define SECONDS_PER_FAILURE 1.0 /* for ranking: what failed has to be done again, if it can be */

/* A process that has given up what it may do (as sshd's before a login) is not short of it. */
static bool forbids(const struct ts_window *window, const struct ts_series *s)
{
	static const char own[] = "rlimit/";

	return !strncmp(s->label[0], own, sizeof own - 1) &&
	       ts_window_gauge(window, TS_FAMILY_LIMIT_ALLOWED, s->label, FORBIDDEN) < FORBIDDEN;
}

struct ts_limit_seen ts_limit_seen(const struct ts_rule_context *context, const char *limit)
{
	const struct ts_window *window = context->window;
	struct ts_limit_seen seen = {.owner = "", .process = ""};
	double most = 0, used, allowed;

	ts_for_each_series (s, window, TS_FAMILY_LIMIT_REACHED) {
		double errors;

		if (strcmp(s->label[0], limit) || forbids(window, s))
			continue;
		errors = (double)ts_window_counter(window, TS_FAMILY_LIMIT_ERRORS, s->label);
		seen.reached += (double)s->counter;
		seen.errors += errors;
		if ((double)s->counter + errors <= most)
			continue;
		most = (double)s->counter + errors;
		seen.owner = s->label[1];
		seen.process = s->label[2];
		seen.used = ts_window_gauge(window, TS_FAMILY_LIMIT_USED, s->label, 0);
		seen.allowed = ts_window_gauge(window, TS_FAMILY_LIMIT_ALLOWED, s->label, 0);
	}
	/* What the kernel counts for the whole host was looked at, too. */
	used = ts_window_gauge(window, TS_FAMILY_LIMIT_USED, TS_LABELS(limit, "", ""), NAN);
	allowed = ts_window_gauge(window, TS_FAMILY_LIMIT_ALLOWED, TS_LABELS(limit, "", ""), NAN);
	if (isnan(used) || isnan(allowed))
		return seen;
	if (used >= allowed && !seen.reached)
		seen.reached = 1;
	seen.used = fmax(seen.used, used);
	seen.allowed = fmax(seen.allowed, allowed);
	return seen;
}

static void add_evidence(struct ts_rule_context *context, struct ts_finding *f,
			 const struct ts_limit_row *row, const struct ts_limit_seen *seen)
{
	const char *const labels[TS_LABELS_MAX] = {row->limit, NULL, NULL};
	const struct ts_sufferer *worst =
		ts_window_sufferer(context->window, TS_FAMILY_LIMIT_REACHED, labels);
	double watched = ts_window_seconds(context->window, TS_FAMILY_LIMIT_WATCHED, NULL);

	ts_finding_judged(context, f, TS_FAMILY_LIMIT_REACHED, labels,
			  ts_text(context, "times that nothing was left of %s", row->limit),
			  seen->reached, "times", (__u64)seen->reached,
			  context->threshold[FAILURES]);
	if (!row->least && ts_rule_measured(context, TS_FAMILY_LIMIT_ERRORS))
		ts_finding_evidence(
			context, f, TS_FAMILY_LIMIT_ERRORS, labels,
			ts_text(context,
				"calls that failed with %s in the %.1f s they were watched",
				row->error, watched),
			seen->errors, "calls", (__u64)seen->errors);
	ts_finding_evidence(context, f, TS_FAMILY_LIMIT_USED, labels,
			    ts_text(context, "most %s in use", row->what), seen->used, row->what,
			    1);
	ts_finding_evidence(context, f, TS_FAMILY_LIMIT_ALLOWED, labels,
			    ts_text(context, "%s allowed", row->what), seen->allowed, row->what, 1);
	if (worst) {
		ts_finding_sufferer(context, f, worst);
		f->pid = worst->pid;
		f->comm = ts_arena_intern(context->report->arena, worst->comm);
	}
	f->harm = fmax(seen->errors, seen->reached);
	f->harm_unit = "calls that failed, or were bound to";
	f->harm_seconds = f->harm * SECONDS_PER_FAILURE;
	f->confidence = seen->errors ? 0.95 : 0.85;
}

/* " (nginx of user 33)", or "". */
static const char *who(struct ts_rule_context *context, const struct ts_limit_seen *seen)
{
	if (!*seen->process)
		return "";
	return ts_text(context, " (%s, %s)", seen->process, seen->owner);
}

static void no_setting(struct ts_rule_context *context, const struct ts_limit_row *row,
		       const struct ts_limit_seen *seen)
{
	static const char cgroup[] = "cgroup ";
	struct ts_finding *f = ts_finding_cause(context, row->cause, row->acquits);

	f->scope = TS_SCOPE_PROCESS;
	if (!strncmp(seen->owner, cgroup, sizeof cgroup - 1)) {
		f->scope = TS_SCOPE_CGROUP;
		f->cgroup =
			ts_arena_intern(context->report->arena, seen->owner + sizeof cgroup - 1);
	}
	ts_finding_identify(context, f, f->cause, "port");
	f->title = ts_text(context, "%s is used up: %.0f %s of %.0f%s", row->limit, seen->used,
			   row->what, seen->allowed, who(context, seen));
	f->remedy = row->remedy;
	add_evidence(context, f, row, seen);
}

/* A user namespace may allow less than the host does. */
static void of_namespace(struct ts_rule_context *context, const struct ts_limit_row *row,
			 const struct ts_limit_seen *seen, double current)
{
	struct ts_finding *f = ts_finding_cause(context, "user-namespace", row->limit);

	f->scope = TS_SCOPE_PROCESS;
	ts_finding_identify(context, f, f->cause, "port");
	f->title = ts_text(context, "%s of a user namespace is used up: %.0f %s of %.0f%s",
			   row->own, seen->used, row->what, seen->allowed, who(context, seen));
	f->remedy = ts_text(context,
			    "The host allows %.0f. Raise %s inside the container's user namespace "
			    "(nsenter -t PID -U --preserve-credentials sysctl -w %s=...).",
			    current, row->own, row->own);
	add_evidence(context, f, row, seen);
}

/*
 * Somebody has raised it since calls failed. Of files of the whole host the limit of then is not
 * known; but calls are watched only while much of it is in use.
 */
static bool was_lower(const struct ts_limit_row *row, const struct ts_limit_seen *seen,
		      double current)
{
	if (row->setting == TS_SETTING_FILE_MAX)
		return seen->used > 0 && seen->used < RAISED_SINCE * current;
	return seen->allowed > 0 && seen->allowed < current;
}

void ts_limit_propose(struct ts_rule_context *context, const struct ts_limit_row *row,
		      const struct ts_limit_seen *seen)
{
	double current = ts_window_setting_number(context->window, row->setting, "", 0, NAN);
	const char *computed = "";
	double wanted;
	struct ts_finding *f;
	bool is_set;

	if (isnan(current)) {
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"%s has nothing left, but its value could not be read",
					row->limit);
		return;
	}
	if (row->own && seen->allowed > 0 && seen->allowed < current) {
		of_namespace(context, row, seen, current);
		return;
	}
	if (was_lower(row, seen, current)) {
		ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"%s had nothing left%s, but has been raised since, to %.0f: "
			"observe for longer",
			row->limit, who(context, seen), current);
		return;
	}
	wanted = row->propose(context, seen, &computed);
	is_set = row->setting == TS_SETTING_OVERCOMMIT_MEMORY ? wanted == current
							      : wanted <= current;
	f = ts_finding_new(context, is_set ? TS_OUTCOME_ALREADY_SET : TS_OUTCOME_RECOMMEND);
	ts_finding_propose(context, f, row->setting, "", ts_text(context, "%.0f", wanted));
	ts_finding_identify(context, f, f->setting, "port");
	f->title = ts_text(context, "%s, now %s, has nothing left%s", f->setting, f->current,
			   who(context, seen));
	f->computed = computed;
	f->expect = row->expect;
	add_evidence(context, f, row, seen);
	if (f->outcome == TS_OUTCOME_RECOMMEND)
		return;
	f->proposed = f->apply = f->undo = f->computed = "";
	f->remedy = ts_text(
		context, "%s is as large as memory allows already: find out who holds so many %s.",
		f->setting, row->what);
}

enum ts_outcome ts_limits_judge(struct ts_rule_context *context, const struct ts_limit_row *rows,
				size_t count)
{
	double nearest = 0;
	const char *which = "";

	for (size_t i = 0; i < count; i++) {
		struct ts_limit_seen seen = ts_limit_seen(context, rows[i].limit);

		if (seen.allowed > 0 && seen.used / seen.allowed > nearest) {
			nearest = seen.used / seen.allowed;
			which = rows[i].limit;
		}
		if (seen.reached + seen.errors < context->threshold[FAILURES])
			continue;
		if (seen.reached < rows[i].least) {
			ts_rule_without_finding(
				context, TS_OUTCOME_INSUFFICIENT,
				"%s of %.0f was reached%s, but whether it was more than once, or "
				"for good, does not show: observe for at least %.0f s",
				rows[i].limit, seen.allowed, who(context, &seen),
				ceil(3 * context->window->seconds));
			continue;
		}
		if (rows[i].setting == TS_SETTING_COUNT)
			no_setting(context, &rows[i], &seen);
		else
			ts_limit_propose(context, &rows[i], &seen);
	}
	if (context->why)
		return context->outcome;
	if (!nearest)
		return ts_rule_without_finding(context, TS_OUTCOME_QUIET,
					       "nobody came near one of these limits");
	return ts_rule_without_finding(context, TS_OUTCOME_QUIET,
				       "no limit was used up; nearest was %s, with %.0f %% in use",
				       which, 100 * nearest);
}
