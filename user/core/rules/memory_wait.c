// SPDX-License-Identifier: GPL-2.0-only
#include "memory_wait.h"

#include <math.h>

#include "../arena.h"
#include "../histogram.h"

struct ts_memory_wait ts_memory_wait(const struct ts_rule_context *context, const char *kind)
{
	const struct ts_window *window = context->window;
	const struct ts_histogram *waits =
		ts_window_histogram(window, TS_FAMILY_MEMORY_WAIT, TS_LABELS(kind));
	struct ts_memory_wait wait = {
		.kind = kind,
		.freed = (double)ts_window_counter(window, TS_FAMILY_MEMORY_WAIT_FREED,
						   TS_LABELS(kind)),
		.worst = ts_window_sufferer(window, TS_FAMILY_MEMORY_WAIT, TS_LABELS(kind)),
	};

	if (waits && waits->count) {
		wait.count = waits->count;
		wait.waited = ts_histogram_sum(waits);
		wait.p99 = ts_histogram_quantile(waits, 0.99);
	}
	return wait;
}

bool ts_memory_wait_material(const struct ts_rule_context *context,
			     const struct ts_memory_wait *wait)
{
	return (double)wait->count >= context->threshold[TS_WAITS] &&
	       wait->waited >= context->threshold[TS_WAIT_SHARE] * context->window->seconds &&
	       wait->p99 >= context->threshold[TS_WAIT_P99];
}

void ts_memory_wait_evidence(struct ts_rule_context *context, struct ts_finding *finding,
			     const struct ts_memory_wait *wait)
{
	const char *const labels[TS_LABELS_MAX] = {wait->kind};

	ts_finding_judged(context, finding, TS_FAMILY_MEMORY_WAIT, labels,
			  "time tasks spent making room before they got memory", wait->waited, "s",
			  wait->count,
			  context->threshold[TS_WAIT_SHARE] * context->window->seconds);
	ts_finding_judged(context, finding, TS_FAMILY_MEMORY_WAIT, labels,
			  "99th percentile of these waits", 1e3 * wait->p99, "ms", wait->count,
			  1e3 * context->threshold[TS_WAIT_P99]);
	if (wait->worst) {
		ts_finding_sufferer(context, finding, wait->worst);
		finding->pid = wait->worst->pid;
		finding->comm = ts_arena_intern(context->report->arena, wait->worst->comm);
	}
	finding->harm = wait->waited;
	finding->harm_unit = "seconds tasks waited for memory";
	finding->harm_seconds = wait->waited;
}

double ts_vm_event(const struct ts_rule_context *context, const char *event)
{
	return (double)ts_window_counter(context->window, TS_FAMILY_VM_EVENTS, TS_LABELS(event));
}

double ts_memory(const struct ts_rule_context *context, const char *kind)
{
	return ts_window_gauge(context->window, TS_FAMILY_MEMORY, TS_LABELS(kind), NAN);
}

double ts_programs_grew(const struct ts_rule_context *context)
{
	const struct ts_window *window = context->window;

	return (double)ts_window_counter(window, TS_FAMILY_ANONYMOUS_CHANGE, TS_LABELS("grown")) -
	       (double)ts_window_counter(window, TS_FAMILY_ANONYMOUS_CHANGE, TS_LABELS("shrunk"));
}
