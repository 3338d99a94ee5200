// SPDX-License-Identifier: GPL-2.0-only
/* A cgroup that may not read or write more: its tasks wait while the device has time. */
#include "cgroup_io.h"

#include <math.h>
#include <string.h>

#include "../arena.h"

enum { AT_LIMIT, WATCHED };

struct use {
	const char *cgroup, *device, *kind;
	double each_second, allowed, watched;
};

static struct use measure(const struct ts_rule_context *context, const struct ts_series *s)
{
	const struct ts_window *w = context->window;
	struct use use = {
		.cgroup = s->label[0],
		.device = s->label[1],
		.kind = s->label[2],
		.allowed = ts_window_gauge(w, TS_FAMILY_CGROUP_IO_LIMIT, s->label, NAN),
		.watched = ts_window_seconds(w, TS_FAMILY_CGROUP_IO_WATCHED, s->label),
	};

	if (use.watched > 0)
		use.each_second = (double)s->counter / use.watched;
	return use;
}

/* NULL: none. */
static const char *at_limit_on(const struct ts_rule_context *context, const char *device,
			       const char *what)
{
	ts_for_each_series (s, context->window, TS_FAMILY_CGROUP_IO_USED) {
		struct use use = measure(context, s);

		if (!ts_rule_is_other(s) && !strcmp(use.device, device) &&
		    !strncmp(use.kind, what, strlen(what)) && use.watched >= TS_CGROUP_IO_WATCHED &&
		    use.allowed > 0 && use.each_second >= TS_CGROUP_IO_AT_LIMIT * use.allowed)
			return use.cgroup;
	}
	return NULL;
}

bool ts_cgroup_io_explains(struct ts_rule_context *context, const char *device, const char *what)
{
	const char *cgroup = at_limit_on(context, device, what);

	if (!cgroup)
		return false;
	ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
				"%s is kept waiting by the I/O limit of cgroup %s (see the rule "
				"cgroup-io): what it could do without does not show",
				device, cgroup);
	return true;
}

static const char *amount(struct ts_rule_context *context, const struct use *use, double value)
{
	return strstr(use->kind, "bytes") ? ts_rule_bytes_text(context, value)
					  : ts_text(context, "%.0f requests", value);
}

static void held_back(struct ts_rule_context *context, const struct use *use)
{
	const char *const labels[TS_LABELS_MAX] = {use->cgroup, use->device, use->kind};
	struct ts_finding *f = ts_finding_cause(context, "cgroup-io-limit",
						ts_settings[TS_SETTING_BLOCK_NR_REQUESTS].name);
	const char *doing = strstr(use->kind, "read") ? "read from" : "written to";

	f->scope = TS_SCOPE_CGROUP;
	f->cgroup = ts_arena_intern(context->report->arena, use->cgroup);
	f->device = ts_arena_intern(context->report->arena, use->device);
	ts_finding_identify(context, f, f->cause, "port");
	f->title =
		ts_text(context,
			"Cgroup %s is held back by its own I/O limit: %s are %s %s each second, of "
			"%s allowed",
			use->cgroup, amount(context, use, use->each_second), doing, use->device,
			amount(context, use, use->allowed));
	f->remedy =
		"No setting of the device is to blame: it has time meanwhile. Raise the cgroup's "
		"limit (io.max, blkio.throttle.*; IOReadBandwidthMax= and the like of a "
		"systemd unit, --device-read-bps and the like of a container) or have its "
		"programs ask for less.";
	f->confidence = 0.9;
	ts_finding_judged(context, f, TS_FAMILY_CGROUP_IO_USED, labels,
			  "used of the limit, each second", use->each_second,
			  strstr(use->kind, "bytes") ? "bytes" : "requests",
			  (__u64)(use->each_second * use->watched),
			  context->threshold[AT_LIMIT] * use->allowed);
	ts_finding_evidence(context, f, TS_FAMILY_CGROUP_IO_LIMIT, labels, "allowed each second",
			    use->allowed, strstr(use->kind, "bytes") ? "bytes" : "requests", 1);
	f->harm = use->watched;
	f->harm_unit = "seconds at the limit";
	f->harm_seconds = use->watched;
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	double most = 0;

	ts_for_each_series (s, context->window, TS_FAMILY_CGROUP_IO_USED) {
		struct use use = measure(context, s);

		if (ts_rule_is_other(s) || !(use.allowed > 0) ||
		    use.watched < context->threshold[WATCHED])
			continue;
		most = fmax(most, use.each_second / use.allowed);
		if (use.each_second >= context->threshold[AT_LIMIT] * use.allowed)
			held_back(context, &use);
	}
	if (context->why)
		return context->outcome;
	if (!most)
		return ts_rule_without_finding(context, TS_OUTCOME_QUIET,
					       "no cgroup uses anything of an I/O limit");
	return ts_rule_without_finding(
		context, TS_OUTCOME_QUIET,
		"no cgroup is at its I/O limit (the nearest uses %.0f %% of it)", 100 * most);
}

const struct ts_rule ts_rule_cgroup_io = {
	.id = "cgroup-io",
	.title = "I/O limits of cgroups",
	.needs = {TS_FAMILY_CGROUP_IO_LIMIT, TS_FAMILY_CGROUP_IO_USED, TS_FAMILY_CGROUP_IO_WATCHED,
		  TS_FAMILY_COUNT},
	.settings = {TS_SETTING_COUNT},
	.thresholds = {[AT_LIMIT] = {"at_limit", TS_CGROUP_IO_AT_LIMIT, 0.1, 1,
				     "share of the limit",
				     "used of it each second, from which on it holds tasks back"},
		       [WATCHED] = {"watched_seconds", TS_CGROUP_IO_WATCHED, 0.1, 3600, "seconds",
				    "so long it must have been watched"}},
	.judge = judge,
	.explanation =
		"What is beyond a cgroup's limit on reading or writing (io.max, blkio.throttle.*) "
		"waits before there is a request: its tasks are slow, no request is, and the "
		"device "
		"is idle meanwhile.\n"
		"Named as the cause (cgroup-io-limit): a cgroup that uses 85 % or more of such a "
		"limit, on average over the time it was watched. It acquits every setting of the "
		"device.\n"
		"Not seen: limits of fewer seconds than that, and those of cgroups made after "
		"tasks "
		"last waited for disks. What the page cache writes back counts for the cgroup only "
		"in the unified hierarchy.",
	.reference = "blk_throtl_bio(); Documentation/admin-guide/cgroup-v2.rst, "
		     "Documentation/admin-guide/cgroup-v1/blkio-controller.rst",
};
