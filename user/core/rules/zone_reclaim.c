// SPDX-License-Identifier: GPL-2.0-only
/* Tasks that free memory of their own NUMA node although others have some: vm.zone_reclaim_mode. */
#include "memory_wait.h"

#include <math.h>

enum { FREE_ELSEWHERE = TS_WAIT_OWN };

static void recommend(struct ts_rule_context *context, const struct ts_memory_wait *wait,
		      double free_bytes)
{
	struct ts_finding *finding = ts_finding_new(context, TS_OUTCOME_RECOMMEND);
	double done = ts_vm_event(context, "zone_reclaim_success");
	double failed = ts_vm_event(context, "zone_reclaim_failed");

	ts_finding_propose(context, finding, TS_SETTING_ZONE_RECLAIM_MODE, "", "0");
	ts_finding_identify(context, finding, finding->setting, "port");
	finding->title = ts_text(context,
				 "Tasks waited %.2f s to free memory of their own NUMA node, with "
				 "%s free on the host",
				 wait->waited, ts_rule_bytes_text(context, free_bytes));
	finding->computed = "0, the kernel's own value: memory of another node is given before any "
			    "is freed";
	finding->expect = "no task waits for that; some memory is on another node, and caches that "
			  "were thrown away stay";
	finding->confidence = 0.85;
	ts_memory_wait_evidence(context, finding, wait);
	ts_finding_evidence(context, finding, TS_FAMILY_VM_EVENTS, NULL,
			    "times that a node freed enough, or did not", done + failed, "times",
			    (__u64)(done + failed));
	ts_finding_judged(context, finding, TS_FAMILY_MEMORY, TS_LABELS("free"),
			  "memory free on the host", free_bytes, "bytes", 1,
			  context->threshold[FREE_ELSEWHERE] * ts_memory(context, "total"));
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	struct ts_memory_wait wait = ts_memory_wait(context, "node");
	double free_bytes = ts_memory(context, "free");
	double total = ts_memory(context, "total");
	double mode =
		ts_window_setting_number(context->window, TS_SETTING_ZONE_RECLAIM_MODE, "", 0, NAN);

	if (!ts_memory_wait_material(context, &wait))
		return ts_rule_without_finding(
			context, TS_OUTCOME_QUIET,
			"tasks waited %.3f s to free memory of one NUMA "
			"node (threshold %.2f s)",
			wait.waited, context->threshold[TS_WAIT_SHARE] * context->window->seconds);
	if (isnan(mode) || isnan(free_bytes) || isnan(total))
		return ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					       "tasks waited %.2f s to free memory of one NUMA "
					       "node, but vm.zone_reclaim_mode could not be read",
					       wait.waited);
	if (mode == 0)
		return ts_rule_without_finding(context, TS_OUTCOME_QUIET,
					       "vm.zone_reclaim_mode is 0 by now");
	if (free_bytes < context->threshold[FREE_ELSEWHERE] * total)
		return ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"tasks waited %.2f s to free memory of one NUMA node, but the others have "
			"next to nothing free either",
			wait.waited);
	recommend(context, &wait, free_bytes);
	return context->outcome;
}

const struct ts_rule ts_rule_zone_reclaim = {
	.id = "zone-reclaim",
	.title = "Memory freed although another node has some",
	.needs = {TS_FAMILY_MEMORY_WAIT, TS_FAMILY_MEMORY, TS_FAMILY_VM_EVENTS, TS_FAMILY_COUNT},
	.settings = {TS_SETTING_ZONE_RECLAIM_MODE, TS_SETTING_COUNT},
	.thresholds = {TS_MEMORY_WAIT_THRESHOLDS,
		       [FREE_ELSEWHERE] = {"free_elsewhere", 0.1, 0.01, 0.9, "share of memory",
					   "memory that must be free on the host, or freeing it "
					   "was needed anyway"}},
	.judge = judge,
	.explanation =
		"With vm.zone_reclaim_mode set, a task whose NUMA node is full frees caches of "
		"that "
		"node before it takes free memory of another.\n"
		"Convicts it: tasks wait for that for more than 3 % of the time, 2 ms and more at "
		"a "
		"time, while a tenth of the host's memory is free.\n"
		"Acquits it: next to nothing free on the other nodes either; waits of other kinds "
		"(rule direct-reclaim).\n"
		"Trade-off: it can pay for work that is cut up by nodes and must stay there; the "
		"kernel no longer switches it on by itself.",
	.reference = "node_reclaim(), get_page_from_freelist(); "
		     "Documentation/admin-guide/sysctl/vm.rst",
};
