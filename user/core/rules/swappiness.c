// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory freed on the wrong side: files that are needed again while memory of programs that nobody
 * uses stays, or the other way round.
 */
#include "memory_wait.h"

#include <math.h>
#include <stdlib.h>

#include "../arena.h"

enum { STALL_SHARE, REFAULTS, CALM, ENOUGH, IDLE_SHARE };

#define PAGE_BYTES 4096.0
#define KIB	   1024.0
#define HOST_SHARE 0.7 /* of what was freed, by the host and not at the limit of a cgroup */
/* From below the second to the first, and from above the second to it: no way leads back and forth.
 */
#define USUAL 60.0
#define LOW   30.0
/*
 * With generations of memory every value in between leaves it to what comes back of either side;
 * only this one frees programs first (isolate_folios()).
 */
#define PROGRAMS_FIRST 200.0
#define LRU_GEN_CORE   0x1  /* of lru_gen/enabled */
#define SWAP_FREE      0.25 /* of the swap there is */

/* In the window: bytes freed of files and of programs, and those that came back. */
struct balance {
	double freed_file, freed_programs, back_file, back_programs;
	double by_host;					   /* share of what was freed */
	double stalled;					   /* seconds */
	double total, available, swap, swap_free, swapped; /* bytes, at its end */
	double idle;					   /* bytes of programs that did not run */
	/* Who freed most at the limit of a memory cgroup; how much of that they hold. */
	const char *cgroup;
	double idle_in_cgroup;
	double swappiness;
	bool generations;
};

/*
 * Time tasks waited for memory that had been taken away. The kernel counts only what had been used
 * more than once; what else is read again shows as waiting for disks.
 */
static double stalled(const struct ts_rule_context *context)
{
	const struct ts_window *window = context->window;
	double memory = ts_window_seconds(window, TS_FAMILY_PRESSURE, TS_LABELS("memory", "some"));
	double disks = ts_window_seconds(window, TS_FAMILY_PRESSURE, TS_LABELS("io", "some"));
	double read = KIB * ts_vm_event(context, "pgpgin");
	double again = PAGE_BYTES * ts_vm_event(context, "workingset_refault_file");

	return read > 0 ? fmax(memory, disks * fmin(again / read, 1)) : memory;
}

static bool has_generations(const struct ts_rule_context *context)
{
	const struct ts_setting_value *enabled =
		ts_window_setting(context->window, TS_SETTING_LRU_GEN, "");

	return enabled && enabled->status == TS_STATUS_OK &&
	       strtoul(enabled->value, NULL, 0) & LRU_GEN_CORE;
}

static struct balance measure(const struct ts_rule_context *context)
{
	struct balance b = {
		.freed_file = PAGE_BYTES * ts_vm_event(context, "pgsteal_file"),
		.freed_programs = PAGE_BYTES * ts_vm_event(context, "pgsteal_anon"),
		.back_file = PAGE_BYTES * ts_vm_event(context, "workingset_refault_file"),
		.back_programs = PAGE_BYTES * ts_vm_event(context, "pswpin"),
		.stalled = stalled(context),
		.total = ts_memory(context, "total"),
		.available = ts_memory(context, "available") - ts_memory(context, "free"),
		.swap = ts_memory(context, "swap-total"),
		.swap_free = ts_memory(context, "swap-free"),
		.idle = ts_rule_measured(context, TS_FAMILY_IDLE_MEMORY)
				? ts_window_gauge(context->window, TS_FAMILY_IDLE_MEMORY, NULL, 0)
				: 0,
		.swappiness = ts_window_setting_number(context->window, TS_SETTING_SWAPPINESS, "",
						       0, NAN),
		.generations = has_generations(context),
	};
	const struct ts_sufferer *worst = ts_memory_wait(context, "cgroup").worst;
	double freed = b.freed_file + b.freed_programs;
	double host = PAGE_BYTES * (ts_vm_event(context, "pgsteal_kswapd") +
				    ts_vm_event(context, "pgsteal_direct"));

	b.swapped = b.swap - b.swap_free;
	b.by_host = freed > 0 ? host / freed : 0;
	b.cgroup = worst ? worst->cgroup : "";
	if (ts_rule_measured(context, TS_FAMILY_CGROUP_IDLE_MEMORY))
		b.idle_in_cgroup = ts_window_gauge(context->window, TS_FAMILY_CGROUP_IDLE_MEMORY,
						   TS_LABELS(b.cgroup), 0);
	return b;
}

static void add_evidence(struct ts_rule_context *context, struct ts_finding *finding,
			 const struct balance *b)
{
	ts_finding_judged(context, finding, TS_FAMILY_PRESSURE, TS_LABELS("memory", "some"),
			  "time in which some task waited for memory that had been taken away, or "
			  "for a disk that it was read from again",
			  b->stalled, "s", 1,
			  context->threshold[STALL_SHARE] * context->window->seconds);
	ts_finding_evidence(context, finding, TS_FAMILY_VM_EVENTS, TS_LABELS("pgsteal_file"),
			    "freed of files", b->freed_file, "bytes", 1);
	ts_finding_evidence(context, finding, TS_FAMILY_VM_EVENTS,
			    TS_LABELS("workingset_refault_file"), "of files, needed again",
			    b->back_file, "bytes", 1);
	ts_finding_evidence(context, finding, TS_FAMILY_VM_EVENTS, TS_LABELS("pgsteal_anon"),
			    "freed of programs (to swap)", b->freed_programs, "bytes", 1);
	ts_finding_evidence(context, finding, TS_FAMILY_VM_EVENTS, TS_LABELS("pswpin"),
			    "of programs, needed again", b->back_programs, "bytes", 1);
	ts_finding_evidence(context, finding, TS_FAMILY_MEMORY, TS_LABELS("swap-total"), "in swap",
			    b->swapped, "bytes", 1);
	if (b->idle > 0)
		ts_finding_judged(context, finding, TS_FAMILY_IDLE_MEMORY, NULL,
				  "held by processes that did not run", b->idle, "bytes", 1,
				  context->threshold[IDLE_SHARE] * b->total);
	finding->harm = b->stalled;
	finding->harm_unit = "seconds tasks waited for memory";
	finding->harm_seconds = b->stalled;
	finding->confidence = 0.75;
}

static void recommend(struct ts_rule_context *context, const struct balance *b, double wanted,
		      const char *title, const char *computed)
{
	struct ts_finding *finding = ts_finding_new(context, TS_OUTCOME_RECOMMEND);

	ts_finding_propose(context, finding, TS_SETTING_SWAPPINESS, "",
			   ts_text(context, "%.0f", wanted));
	ts_finding_identify(context, finding, finding->setting, "port");
	finding->title = title;
	finding->computed = computed;
	finding->expect = ts_text(context, "less than the %.1f s of waiting now, for the same work",
				  b->stalled);
	add_evidence(context, finding, b);
}

static void too_small(struct ts_rule_context *context, const struct balance *b, const char *title,
		      const char *remedy)
{
	struct ts_finding *finding = ts_finding_cause(context, "memory-too-small", "vm.swappiness");

	ts_finding_identify(context, finding, finding->cause, "port");
	finding->title = title;
	finding->remedy = remedy;
	add_evidence(context, finding, b);
}

/* Both sides are freed, what was freed of one is needed again, and what was freed of the other not.
 */
static bool comes_back(const struct ts_rule_context *context, double freed, double back)
{
	return freed >= context->threshold[ENOUGH] && back >= context->threshold[REFAULTS] * freed;
}

static bool stays_away(const struct ts_rule_context *context, double freed, double back)
{
	return freed >= context->threshold[ENOUGH] && back <= context->threshold[CALM] * freed;
}

static void raise_it(struct ts_rule_context *context, const struct balance *b, const char *title)
{
	if (b->generations)
		recommend(
			context, b, PROGRAMS_FIRST, title,
			"200: this kernel frees memory by generations (lru_gen/enabled), and takes "
			"what programs do not use first at this value only");
	else
		recommend(context, b, USUAL, title,
			  "60, the kernel's own value: what programs do not use makes room for "
			  "files");
}

static void raised_already(struct ts_rule_context *context, const struct balance *b)
{
	if (b->swap_free < SWAP_FREE * b->swap)
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"files that were freed are read again for %.1f s, but swap "
					"is full",
					b->stalled);
	else if (b->generations && b->swappiness < PROGRAMS_FIRST)
		ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"files that were freed are read again for %.1f s; vm.swappiness is %.0f, "
			"but where memory is freed by generations (lru_gen/enabled) no value below "
			"200 frees what programs do not use before files: try that if swap is fast "
			"and the %s held by processes that do not run are not needed soon",
			b->stalled, b->swappiness, ts_rule_bytes_text(context, b->idle));
	else
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"files that were freed are read again for %.1f s, but "
					"vm.swappiness is %.0f already",
					b->stalled, b->swappiness);
}

static void files_come_back(struct ts_rule_context *context, const struct balance *b)
{
	if (!(b->swap > 0))
		too_small(
			context, b,
			"Files are read again and again because memory is too small for them, and "
			"there is no swap",
			"More memory, or less to run at once. Swap, in compressed memory (zram) "
			"where no fast disk is at hand, would make room of what programs do not "
			"use.");
	else if (comes_back(context, b->freed_programs, b->back_programs))
		too_small(context, b,
			  "Memory is too small: files are read again and again, and so is swap",
			  "More memory, or less to run at once.");
	else if (b->swappiness >= LOW || b->swap_free < SWAP_FREE * b->swap)
		raised_already(context, b);
	else if (stays_away(context, b->swapped, b->back_programs))
		raise_it(context, b,
			 ts_text(context,
				 "Files are read again for %.1f s, while %s of programs lie in "
				 "swap and are not missed",
				 b->stalled, ts_rule_bytes_text(context, b->swapped)));
	else if (b->idle >= context->threshold[IDLE_SHARE] * b->total)
		raise_it(context, b,
			 ts_text(context,
				 "Files are read again for %.1f s, while programs that do not run "
				 "keep %s in memory",
				 b->stalled, ts_rule_bytes_text(context, b->idle)));
	else
		ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"files that were freed are read again for %.1f s, but hardly anything is "
			"in swap, and processes that do not run hold %s: whether programs hold "
			"memory that they do not use does not show",
			b->stalled, ts_rule_bytes_text(context, b->idle));
}

/*
 * At the limit of a memory cgroup, too, what programs do not use would make room for files; but
 * only what those of the same cgroup hold. Nothing of programs is freed: then it is not their
 * memory that is needed again.
 */
static bool cgroup_keeps_programs(const struct ts_rule_context *context, const struct balance *b)
{
	return *b->cgroup && comes_back(context, b->freed_file, b->back_file) &&
	       b->freed_programs <= context->threshold[CALM] * b->freed_file &&
	       b->swap_free > SWAP_FREE * b->swap && b->swappiness < LOW &&
	       b->idle_in_cgroup >= context->threshold[IDLE_SHARE];
}

static void raise_for_cgroup(struct ts_rule_context *context, const struct balance *b)
{
	size_t before = context->report->findings;
	struct ts_finding *finding;

	raise_it(
		context, b,
		ts_text(context,
			"Files are read again for %.1f s in memory cgroup %s, while programs of it "
			"that do not run keep %.0f %% of its memory",
			b->stalled, b->cgroup, 100 * b->idle_in_cgroup));
	finding = &context->report->finding[before];
	finding->remedy = "A memory cgroup of version 1 took its value when it was made: it has to "
			  "be made anew (its service restarted), or told by its own "
			  "memory.swappiness.";
	ts_finding_judged(context, finding, TS_FAMILY_CGROUP_IDLE_MEMORY, TS_LABELS(b->cgroup),
			  "of the cgroup's memory, held by processes that did not run",
			  100 * b->idle_in_cgroup, "%", 1, 100 * context->threshold[IDLE_SHARE]);
}

static void programs_come_back(struct ts_rule_context *context, const struct balance *b)
{
	if (comes_back(context, b->freed_file, b->back_file))
		too_small(context, b,
			  "Memory is too small: swap is read again and again, and so are files",
			  "More memory, or less to run at once.");
	else if (b->swappiness <= LOW)
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"what was swapped out is read again for %.1f s, but "
					"vm.swappiness is %.0f already",
					b->stalled, b->swappiness);
	else if (!stays_away(context, b->freed_file, b->back_file))
		ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"what was swapped out is read again for %.1f s, but hardly any files were "
			"freed: whether they are missed does not show",
			b->stalled);
	else if (b->generations)
		ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"what was swapped out is read again for %.1f s; vm.swappiness is %.0f, but "
			"where memory is freed by generations (lru_gen/enabled) a lower one has "
			"not "
			"been seen to help",
			b->stalled, b->swappiness);
	else
		recommend(
			context, b, LOW,
			ts_text(context,
				"What was swapped out is read again for %.1f s, while %s of files "
				"were freed and not missed",
				b->stalled, ts_rule_bytes_text(context, b->freed_file)),
			"30: files are freed before programs, more often than with the kernel's "
			"own 60");
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	struct balance b = measure(context);
	bool files = comes_back(context, b.freed_file, b.back_file);
	bool programs = comes_back(context, b.freed_programs, b.back_programs);

	if (b.stalled < context->threshold[STALL_SHARE] * context->window->seconds ||
	    (!files && !programs))
		return ts_rule_without_finding(
			context, TS_OUTCOME_QUIET,
			"tasks waited %.3f s for memory that had been taken away (threshold %.2f "
			"s), or it was not needed again",
			b.stalled, context->threshold[STALL_SHARE] * context->window->seconds);
	if (b.by_host < HOST_SHARE && cgroup_keeps_programs(context, &b)) {
		raise_for_cgroup(context, &b);
		return TS_OUTCOME_QUIET;
	}
	if (b.by_host < HOST_SHARE)
		return ts_rule_without_finding(
			context, TS_OUTCOME_QUIET,
			"%.0f %% of what was freed was freed at the limit of memory cgroups: see "
			"the rule direct-reclaim",
			100 * (1 - b.by_host));
	if (isnan(b.swappiness) || isnan(b.total))
		return ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					       "vm.swappiness could not be read");
	if (files)
		files_come_back(context, &b);
	else
		programs_come_back(context, &b);
	return context->outcome;
}

const struct ts_rule ts_rule_swappiness = {
	.id = "swappiness",
	.title = "Memory freed on the wrong side",
	.needs = {TS_FAMILY_PRESSURE, TS_FAMILY_VM_EVENTS, TS_FAMILY_MEMORY, TS_FAMILY_COUNT},
	.settings = {TS_SETTING_SWAPPINESS, TS_SETTING_COUNT},
	.thresholds =
		{[STALL_SHARE] = {"stall_share", 0.05, 0.001, 1, "share of the window",
				  "time in which some task waits for memory that was taken away, "
				  "from which on it is a symptom"},
		 [REFAULTS] = {"refaults", 0.3, 0.01, 1, "share of what was freed",
			       "from here on what is freed of one side was in use"},
		 [CALM] = {"calm", 0.05, 0, 0.5, "share of what was freed",
			   "up to here the other side does not miss what was freed"},
		 [ENOUGH] = {"enough_bytes", 8388608, 4096, 1e15, "bytes",
			     "so much must have been freed of a side to judge it"},
		 [IDLE_SHARE] = {"idle_share", 0.05, 0.001, 1, "share of memory",
				 "held by processes that do not run, from which on it makes room "
				 "for files"}},
	.judge = judge,
	.explanation =
		"When memory is short the kernel frees pages of files, which can be read again, "
		"and "
		"pages of programs, which go to swap. vm.swappiness says how dear swap is beside "
		"reading files.\n"
		"Convicts it: tasks wait for more than 5 % of the time for memory that was taken "
		"away (also for a disk, by the share of what is read again); what was freed of one "
		"side is needed again, and of the other side enough "
		"was freed and hardly anything of it is missed. Then more is to be freed there: "
		"files are read again while what lies in swap stays there (raise it), or swap is "
		"read again while files are not (lower it).\n"
		"Nothing is in swap yet when it is very low: then memory of processes that had no "
		"CPU time meanwhile, and 5 % of all, convicts it. The same at the limit of a "
		"memory "
		"cgroup: 5 % of its memory, of processes of its own, while nothing of programs is "
		"freed and swap has room.\n"
		"Acquits it: no swap, or both sides come back (memory-too-small); what is else "
		"freed at the limit of a memory cgroup (rule direct-reclaim). Whether a process "
		"that runs "
		"holds memory that it does not use cannot be told from outside.\n"
		"Only two values are proposed: 60, the kernel's own, and 30. Values up to 200 "
		"(since 5.8) suit swap in compressed memory.\n"
		"Where memory is freed by generations (lru_gen/enabled, since 6.1), values in "
		"between leave the choice to what comes back of either side, and programs are only "
		"freed first at 200: that is proposed instead of 60, and nothing instead of 30.",
	.reference = "get_scan_count(), isolate_folios(), mm/workingset.c; "
		     "Documentation/admin-guide/sysctl/vm.rst, "
		     "Documentation/admin-guide/mm/multigen_lru.rst",
};
