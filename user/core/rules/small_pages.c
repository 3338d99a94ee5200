// SPDX-License-Identifier: GPL-2.0-only
/* Programs that compute all over a large memory in small pages, because huge ones are not given. */
#include "../rule.h"

#include <math.h>
#include <string.h>

#include "../arena.h"

enum { BUSY, RANDOM, SAMPLES, BYTES };

struct small {
	const char *process;
	bool asked;
	double bytes, busy; /* seconds */
	double random, all; /* moments */
};

static struct small measure(const struct ts_rule_context *context, const struct ts_series *s)
{
	const struct ts_window *window = context->window;
	const char *process = s->label[0];

	return (struct small){
		.process = process,
		.asked = !strcmp(s->label[1], "asked"),
		.bytes = ts_window_gauge(window, TS_FAMILY_SMALL_PAGE_BYTES, s->label, 0),
		.busy = ts_window_seconds(window, TS_FAMILY_SMALL_PAGE_BUSY, TS_LABELS(process)),
		.random = (double)ts_window_counter(window, TS_FAMILY_SMALL_PAGE_SAMPLES,
						    TS_LABELS(process, "random")),
		.all = (double)ts_window_counter(window, TS_FAMILY_SMALL_PAGE_SAMPLES,
						 TS_LABELS(process)),
	};
}

static double share(const struct small *p)
{
	return p->all > 0 ? p->random / p->all : 0;
}

static void add_evidence(struct ts_rule_context *context, struct ts_finding *f,
			 const struct small *p)
{
	const char *const labels[TS_LABELS_MAX] = {p->process};
	const struct ts_sufferer *worst =
		ts_window_sufferer(context->window, TS_FAMILY_SMALL_PAGE_BYTES, labels);

	ts_finding_judged(context, f, TS_FAMILY_SMALL_PAGE_BYTES, labels,
			  "in small pages, in its largest mapping", p->bytes, "bytes", 1,
			  context->threshold[BYTES]);
	ts_finding_judged(context, f, TS_FAMILY_SMALL_PAGE_BUSY, labels,
			  "CPU time it had while looked at", p->busy, "s", 1,
			  context->threshold[BUSY] * context->window->seconds);
	if (p->all > 0)
		ts_finding_judged(
			context, f, TS_FAMILY_SMALL_PAGE_SAMPLES, TS_LABELS(p->process, "random"),
			"moments of it at accesses without an order, all over the mapping",
			100 * share(p), "%", (__u64)p->all, 100 * context->threshold[RANDOM]);
	if (worst) {
		ts_finding_sufferer(context, f, worst);
		f->pid = worst->pid;
		f->comm = ts_arena_intern(context->report->arena, worst->comm);
	}
	f->harm = p->busy * (p->asked ? 1 : share(p));
	f->harm_unit = p->asked ? "seconds of CPU time without the huge pages asked for"
				: "seconds of CPU time at such accesses";
	f->harm_seconds = f->harm;
}

static struct ts_finding *propose(struct ts_rule_context *context, const struct small *p,
				  const char *mode)
{
	struct ts_finding *f = ts_finding_new(context, TS_OUTCOME_RECOMMEND);

	ts_finding_propose(context, f, TS_SETTING_THP_ENABLED, "", mode);
	ts_finding_identify(context, f, f->setting, "port");
	f->confidence = 0.8;
	add_evidence(context, f, p);
	return f;
}

static void asked_in_vain(struct ts_rule_context *context, const struct small *p)
{
	struct ts_finding *f = propose(context, p, "madvise");

	f->title = ts_text(context, "%s asked for huge pages for %s, and gets none", p->process,
			   ts_rule_bytes_text(context, p->bytes));
	f->computed = "madvise: huge pages go to the programs that ask for them, and to no other";
	f->expect = "fewer page faults, and less CPU time to find out where pages are";
	f->remedy = "It acts on memory that is touched afterwards; what is there already becomes "
		    "huge only slowly.";
}

static void all_over(struct ts_rule_context *context, const struct small *p)
{
	struct ts_finding *f = propose(context, p, "always");

	f->risk = "a program that touches its memory here and there takes 2 MiB for each touch";
	f->title = ts_text(context,
			   "%s spends %.0f %% of its CPU time at accesses all over %s of small "
			   "pages",
			   p->process, 100 * share(p), ts_rule_bytes_text(context, p->bytes));
	f->computed = ts_text(context,
			      "no processor remembers where the %.0f pages of 4 KiB are, so each "
			      "access looks that up; of 2 MiB they are %.0f. always gives them to "
			      "programs that do not ask",
			      p->bytes / 4096, ceil(p->bytes / 2097152));
	f->expect = "less time for each of those accesses, and fewer page faults at the start";
	f->remedy = "It acts on memory that is touched afterwards; what is there already becomes "
		    "huge only slowly. For this program alone, instead: let it ask "
		    "(madvise(MADV_HUGEPAGE); GLIBC_TUNABLES=glibc.malloc.hugetlb=1 where malloc "
		    "is glibc's).";
}

static void judge_process(struct ts_rule_context *context, const struct small *p, bool never)
{
	if (p->bytes < context->threshold[BYTES] ||
	    p->busy < context->threshold[BUSY] * context->window->seconds)
		return;
	if (p->asked) {
		if (never)
			asked_in_vain(context, p);
		return;
	}
	if (!ts_rule_measured(context, TS_FAMILY_SMALL_PAGE_SAMPLES))
		ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"%s computes on %s in small pages, but how it accesses them is not known "
			"(%s)",
			p->process, ts_rule_bytes_text(context, p->bytes),
			ts_window_why(context->window, TS_FAMILY_SMALL_PAGE_SAMPLES));
	else if (p->all < context->threshold[SAMPLES])
		ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"%s computes on %s in small pages, but was looked at for %.0f moments "
			"only: observe for at least %.0f s",
			p->process, ts_rule_bytes_text(context, p->bytes), p->all,
			ceil(3 * context->window->seconds));
	else if (share(p) >= context->threshold[RANDOM])
		all_over(context, p);
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	const struct ts_setting_value *enabled =
		ts_window_setting(context->window, TS_SETTING_THP_ENABLED, "");
	struct small worst = {.process = ""};

	if (!enabled || enabled->status != TS_STATUS_OK || !strcmp(enabled->value, "always"))
		return ts_rule_without_finding(context, TS_OUTCOME_QUIET,
					       "huge pages are given to everybody already, or the "
					       "kernel has none");
	ts_for_each_series (s, context->window, TS_FAMILY_SMALL_PAGE_BYTES) {
		struct small p = measure(context, s);

		if (!ts_rule_is_other(s) && p.busy * (p.asked ? 1 : share(&p)) >=
						    worst.busy * (worst.asked ? 1 : share(&worst)))
			worst = p;
	}
	judge_process(context, &worst, !strcmp(enabled->value, "never"));
	return ts_rule_without_finding(
		context, TS_OUTCOME_QUIET,
		"no program is at work all over a large memory in small pages");
}

const struct ts_rule ts_rule_small_pages = {
	.id = "small-pages",
	.title = "Large memory in small pages",
	.needs = {TS_FAMILY_SMALL_PAGE_BYTES, TS_FAMILY_SMALL_PAGE_BUSY, TS_FAMILY_COUNT},
	.settings = {TS_SETTING_THP_ENABLED, TS_SETTING_COUNT},
	.thresholds = {[BUSY] = {"busy_share", 0.25, 0.01, 1000, "share of the window",
				 "CPU time of the program while it was looked at, from which on it "
				 "matters"},
		       [RANDOM] = {"random_share", 0.5, 0.05, 1, "share of that time",
				   "at accesses without an order, all over its largest mapping"},
		       [SAMPLES] = {"samples", 300, 50, 1e6, "moments",
				    "looked at, needed to judge"},
		       [BYTES] = {"bytes", 268435456, 2097152, 1e15, "bytes",
				  "memory in small pages in that mapping"}},
	.judge = judge,
	.explanation =
		"A processor remembers where some thousand pages are (TLB). Small pages of 4 KiB "
		"that come to a few MiB, huge ones of 2 MiB to some GiB; what is not among them is "
		"looked up in tables, within a virtual machine in those of two.\n"
		"Convicts never: a program that computes asked for huge pages for a large mapping "
		"(madvise) and has none.\n"
		"Convicts madvise or never: a program spends more than half of its CPU time at "
		"accesses to one mapping of 256 MiB and more, filled to four fifths, all over it "
		"and without an order. That is seen without hardware counters, which virtual "
		"machines mostly lack: of moments of its CPU time the instruction and the "
		"registers "
		"tell the address.\n"
		"Acquits them: memory that is gone through in order (the next page is looked up "
		"ahead), a small part of it used mostly, time spent elsewhere, a mapping that is "
		"hardly filled (huge pages would take memory, see huge-pages).\n"
		"Trade-off: with always each program gets huge pages at its first touch. Those of "
		"a "
		"program that is careful with its memory grow; a large fork() copies more.\n"
		"On x86-64; elsewhere only what asked for huge pages in vain is seen. How much "
		"time "
		"it saves shows only by trying.",
	.reference = "do_huge_pmd_anonymous_page(), thp_vma_allowable_orders(); "
		     "Documentation/admin-guide/mm/transhuge.rst",
};
