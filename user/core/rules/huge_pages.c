// SPDX-License-Identifier: GPL-2.0-only
/* Memory taken by huge pages of which next to nothing is used. */
#include "../rule.h"

#include <string.h>

#include "../arena.h"

enum { SAMPLES, EMPTY_SHARE, HUGE_BYTES };

struct waste {
	const char *process;
	double empty, looked, bytes;
};

static double share(const struct waste *waste)
{
	return waste->looked ? waste->empty / waste->looked : 0;
}

static struct waste measure(const struct ts_rule_context *context, const char *process)
{
	const struct ts_window *window = context->window;
	struct waste w = {.process = process};

	w.empty = (double)ts_window_counter(window, TS_FAMILY_HUGE_PAGE_SAMPLES,
					    TS_LABELS(process, "empty"));
	w.looked =
		(double)ts_window_counter(window, TS_FAMILY_HUGE_PAGE_SAMPLES, TS_LABELS(process));
	w.bytes = ts_window_gauge(window, TS_FAMILY_HUGE_PAGE_BYTES, TS_LABELS(process), 0);
	return w;
}

static void add_evidence(struct ts_rule_context *context, struct ts_finding *f,
			 const struct waste *w)
{
	const char *const process[TS_LABELS_MAX] = {w->process};
	const struct ts_sufferer *worst =
		ts_window_sufferer(context->window, TS_FAMILY_HUGE_PAGE_BYTES, process);

	ts_finding_judged(context, f, TS_FAMILY_HUGE_PAGE_SAMPLES, TS_LABELS(w->process, "empty"),
			  "pages within its huge pages that hold nothing but zeroes",
			  100 * share(w), "%", (__u64)w->looked,
			  100 * context->threshold[EMPTY_SHARE]);
	ts_finding_judged(context, f, TS_FAMILY_HUGE_PAGE_BYTES, process, "memory in huge pages",
			  w->bytes, "bytes", 1, context->threshold[HUGE_BYTES]);
	ts_finding_evidence(context, f, TS_FAMILY_VM_EVENTS, TS_LABELS("thp_fault_alloc"),
			    "huge pages given out on a first touch, by anybody",
			    (double)ts_window_counter(context->window, TS_FAMILY_VM_EVENTS,
						      TS_LABELS("thp_fault_alloc")),
			    "huge pages", 1);
	if (worst) {
		ts_finding_sufferer(context, f, worst);
		f->pid = worst->pid;
		f->comm = ts_arena_intern(context->report->arena, worst->comm);
	}
	f->harm = w->bytes * share(w);
	f->harm_unit = "bytes of memory taken and not used";
	f->harm_seconds = 1;
	f->confidence = 0.9;
}

static void recommend(struct ts_rule_context *context, const struct waste *w)
{
	struct ts_finding *f = ts_finding_new(context, TS_OUTCOME_RECOMMEND);

	ts_finding_propose(context, f, TS_SETTING_THP_ENABLED, "", "madvise");
	ts_finding_identify(context, f, f->setting, "port");
	f->title = ts_text(context, "%s takes %s in huge pages and uses %.0f %% of it", w->process,
			   ts_rule_bytes_text(context, w->bytes), 100 * (1 - share(w)));
	f->computed = "madvise: huge pages go to the programs that ask for them, and to no other";
	f->expect = ts_text(context, "about %s less memory for the same work",
			    ts_rule_bytes_text(context, w->bytes * share(w)));
	add_evidence(context, f, w);
}

/* The one that wastes most decides: the setting is there once. */
static enum ts_outcome judge(struct ts_rule_context *context)
{
	const struct ts_setting_value *enabled =
		ts_window_setting(context->window, TS_SETTING_THP_ENABLED, "");
	struct waste worst = {.process = ""};
	bool few = false;

	if (!enabled || enabled->status != TS_STATUS_OK || strcmp(enabled->value, "always"))
		return ts_rule_without_finding(
			context, TS_OUTCOME_QUIET,
			"huge pages are not given to programs that do not ask "
			"for them");
	ts_for_each_series (s, context->window, TS_FAMILY_HUGE_PAGE_BYTES) {
		struct waste w = measure(context, s->label[0]);

		few = few || (w.looked && w.looked < context->threshold[SAMPLES]);
		if (w.looked >= context->threshold[SAMPLES] &&
		    w.bytes >= context->threshold[HUGE_BYTES] &&
		    w.bytes * share(&w) >= worst.bytes * share(&worst))
			worst = w;
	}
	if (share(&worst) >= context->threshold[EMPTY_SHARE])
		recommend(context, &worst);
	else if (!worst.looked && few)
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"too few huge pages were looked into: observe for longer");
	if (context->why)
		return context->outcome;
	return ts_rule_without_finding(context, TS_OUTCOME_QUIET,
				       "no process holds many huge pages that it does not use");
}

const struct ts_rule ts_rule_huge_pages = {
	.id = "huge-pages",
	.title = "Memory in huge pages that are not used",
	.needs = {TS_FAMILY_HUGE_PAGE_SAMPLES, TS_FAMILY_HUGE_PAGE_BYTES, TS_FAMILY_VM_EVENTS,
		  TS_FAMILY_COUNT},
	.settings = {TS_SETTING_THP_ENABLED, TS_SETTING_COUNT},
	.thresholds =
		{[SAMPLES] = {"samples", 32, 8, 1e6, "pages",
			      "pages within huge pages needed to judge"},
		 [EMPTY_SHARE] = {"empty_share", 0.75, 0.1, 1, "share of the pages",
				  "pages that hold nothing but zeroes, from which on it is waste"},
		 [HUGE_BYTES] = {"huge_bytes", 268435456, 2097152, 1e15, "bytes",
				 "memory one process must hold in huge pages to be judged"}},
	.judge = judge,
	.explanation =
		"With transparent huge pages set to always, the first touch of any byte takes 2 "
		"MiB. A "
		"program that touches its memory here and there then holds hundreds of times what "
		"it "
		"uses.\n"
		"Convicts always: three quarters of the pages looked into, within the huge pages "
		"of a "
		"process that holds 256 MiB of them, hold nothing but zeroes (as the kernel itself "
		"judges "
		"before it splits an underused huge page). Only whether a page is empty is kept.\n"
		"Acquits it: pages that are used: huge pages then save time, and stay.\n"
		"Trade-off: with madvise programs that would gain and do not ask run with small "
		"pages.\n"
		"Where more huge pages would help is the business of small-pages.\n"
		"Source: do_huge_pmd_anonymous_page(), thp_underused(); "
		"Documentation/admin-guide/mm/transhuge.rst.",
};
