// SPDX-License-Identifier: GPL-2.0-only
/* Tasks that move pages together before they get a large block of memory. */
#include "memory_wait.h"

#include <string.h>

#define FOR_HUGE_PAGES 0.5 /* huge pages asked for by a touch of memory, of the waits */

static const char *choice(const struct ts_rule_context *context, enum ts_setting_id id)
{
	const struct ts_setting_value *value = ts_window_setting(context->window, id, "");

	return value && value->status == TS_STATUS_OK ? value->value : "";
}

/* Since 4.11; before, only madvise was between all and nothing. */
static const char *deferred(const struct ts_rule_context *context)
{
	static const char wanted[] = "defer+madvise";
	const struct ts_setting_value *value =
		ts_window_setting(context->window, TS_SETTING_THP_DEFRAG, "");

	return value && strstr(value->choices, wanted) ? wanted : "madvise";
}

static double huge_pages_asked_for(const struct ts_rule_context *context)
{
	return ts_vm_event(context, "thp_fault_alloc") + ts_vm_event(context, "thp_fault_fallback");
}

static double huge_pages_reserved(const struct ts_rule_context *context)
{
	return ts_vm_event(context, "htlb_buddy_alloc_success") +
	       ts_vm_event(context, "htlb_buddy_alloc_fail");
}

static void add_evidence(struct ts_rule_context *context, struct ts_finding *finding,
			 const struct ts_memory_wait *wait)
{
	double stalls = ts_vm_event(context, "compact_stall");

	finding->confidence = 0.8;
	ts_memory_wait_evidence(context, finding, wait);
	ts_finding_evidence(context, finding, TS_FAMILY_VM_EVENTS, TS_LABELS("compact_stall"),
			    "times a task moved pages itself", stalls, "times", (__u64)stalls);
	ts_finding_evidence(context, finding, TS_FAMILY_VM_EVENTS, TS_LABELS("compact_fail"),
			    "of these in vain", ts_vm_event(context, "compact_fail"), "times",
			    (__u64)stalls);
	ts_finding_evidence(context, finding, TS_FAMILY_VM_EVENTS, TS_LABELS("thp_fault_alloc"),
			    "huge pages given or refused on a touch of memory",
			    huge_pages_asked_for(context), "huge pages", 1);
	ts_finding_evidence(context, finding, TS_FAMILY_VM_EVENTS,
			    TS_LABELS("htlb_buddy_alloc_success"),
			    "huge pages taken for a reservation, or not to be had for it",
			    huge_pages_reserved(context), "huge pages", 1);
}

static void recommend(struct ts_rule_context *context, const struct ts_memory_wait *wait)
{
	struct ts_finding *finding = ts_finding_new(context, TS_OUTCOME_RECOMMEND);
	const char *wanted = deferred(context);

	ts_finding_propose(context, finding, TS_SETTING_THP_DEFRAG, "", wanted);
	ts_finding_identify(context, finding, finding->setting, "port");
	finding->title = ts_text(context,
				 "Programs waited %.2f s until pages were moved together for huge "
				 "pages that they had not asked for",
				 wait->waited);
	finding->computed = ts_text(context,
				    "%s: who asks for huge pages waits for them, everybody else "
				    "gets small ones now and huge ones later",
				    wanted);
	finding->expect = ts_text(context,
				  "touching memory takes no more waits of %.1f ms (99th "
				  "percentile)",
				  1e3 * wait->p99);
	add_evidence(context, finding, wait);
}

static void no_setting(struct ts_rule_context *context, const struct ts_memory_wait *wait,
		       const char *cause, const char *what, const char *remedy)
{
	struct ts_finding *finding =
		ts_finding_cause(context, cause, "/sys/kernel/mm/transparent_hugepage/defrag");

	ts_finding_identify(context, finding, cause, "port");
	finding->title = ts_text(context, "Tasks waited %.2f s for %s", wait->waited, what);
	finding->remedy = remedy;
	add_evidence(context, finding, wait);
}

static void judge_huge_pages(struct ts_rule_context *context, const struct ts_memory_wait *wait)
{
	bool everybody = !strcmp(choice(context, TS_SETTING_THP_DEFRAG), "always") &&
			 !strcmp(choice(context, TS_SETTING_THP_ENABLED), "always");

	if (huge_pages_asked_for(context) < FOR_HUGE_PAGES * (double)wait->count &&
	    huge_pages_reserved(context) < FOR_HUGE_PAGES * (double)wait->count)
		no_setting(
			context, wait, "large-blocks",
			"blocks of 2 MiB and more that are no huge pages of programs",
			"Files are cached in large blocks where their file system and the reader "
			"let it, and a program that reads much then waits for room now and then; "
			"drivers may ask for such blocks, too. No setting of huge pages helps.");
	else if (huge_pages_asked_for(context) < FOR_HUGE_PAGES * (double)wait->count)
		no_setting(
			context, wait, "huge-page-reservation",
			"huge pages that are being reserved",
			"Reserve huge pages (vm.nr_hugepages) when the host starts, while memory "
			"is not fragmented: hugepages= on the kernel command line.");
	else if (everybody)
		recommend(context, wait);
	else
		no_setting(context, wait, "huge-pages-asked-for",
			   "huge pages that their programs had asked for",
			   "They ask by madvise(MADV_HUGEPAGE), mostly to gain by it. Where the "
			   "waits matter more, switch that off in the program.");
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	struct ts_memory_wait huge = ts_memory_wait(context, "huge-page");
	struct ts_memory_wait other = ts_memory_wait(context, "compaction");

	if (ts_memory_wait_material(context, &huge))
		judge_huge_pages(context, &huge);
	if (ts_memory_wait_material(context, &other))
		no_setting(context, &other, "large-blocks",
			   "large blocks of memory that are no huge pages",
			   "The kernel, mostly a driver, asks for them: smaller buffers (MTU, ring "
			   "sizes), or more free memory. It has nothing to do with huge pages.");
	if (context->why)
		return context->outcome;
	return ts_rule_without_finding(
		context, TS_OUTCOME_QUIET,
		"tasks waited %.3f s until pages were moved together (threshold %.2f s)",
		huge.waited + other.waited,
		context->threshold[TS_WAIT_SHARE] * context->window->seconds);
}

const struct ts_rule ts_rule_compaction = {
	.id = "compaction",
	.title = "Waiting for large blocks of memory",
	.needs = {TS_FAMILY_MEMORY_WAIT, TS_FAMILY_VM_EVENTS, TS_FAMILY_COUNT},
	.settings = {TS_SETTING_THP_DEFRAG, TS_SETTING_COUNT},
	.thresholds = {TS_MEMORY_WAIT_THRESHOLDS},
	.judge = judge,
	.explanation =
		"A huge page needs 2 MiB of memory that lie together. When memory is fragmented, "
		"the kernel moves pages to make such room; "
		"/sys/kernel/mm/transparent_hugepage/defrag says whether the one who touches "
		"memory "
		"waits for it.\n"
		"Convicts always: tasks wait for huge pages for more than 3 % of the time, 2 ms "
		"and "
		"more at a time, and everybody gets them (enabled and defrag are both always).\n"
		"Acquits it: programs that ask for huge pages (huge-pages-asked-for); huge pages "
		"that are being reserved (huge-page-reservation); other large blocks, for jumbo "
		"frames or large buffers of drivers, or files cached in blocks of that size "
		"(large-blocks). Those a network driver takes "
		"in "
		"an interrupt wait for nothing and are not seen here: they fail, and the kernel "
		"logs "
		"it.\n"
		"vm.compaction_proactiveness makes room in the background, at a price in CPU time; "
		"it is not proposed. Trade-off: memory is in small pages for longer.",
	.reference = "__alloc_pages_direct_compact(), vma_thp_gfp_mask(); "
		     "Documentation/admin-guide/mm/transhuge.rst",
};
