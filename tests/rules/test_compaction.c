// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "compaction"
#define PATH "/sys/kernel/mm/transparent_hugepage/defrag"

struct wait {
	const char *kind, *enabled, *defrag, *choices;
	double seconds;
	__u64 waits, touches, reserved;
};

#define CHOICES "always defer defer+madvise madvise never"

static const struct wait for_everybody = {"huge-page", "always", "always", CHOICES,
					  0.02,	       100,	 100,	   0};

static void judge(struct fixture *f, const struct wait *w)
{
	fixture_open(f);
	fixture_setting(f, TS_SETTING_THP_ENABLED, "", w->enabled, "always madvise never");
	fixture_setting(f, TS_SETTING_THP_DEFRAG, "", w->defrag, w->choices);
	fixture_latency(f, MEMORY_WAIT, TS_HISTOGRAM_SCALE_KEYED, w->seconds, w->waits, w->kind);
	fixture_counter(f, VM_EVENTS, w->touches / 2, "thp_fault_alloc");
	fixture_counter(f, VM_EVENTS, w->touches / 2, "thp_fault_fallback");
	fixture_counter(f, VM_EVENTS, w->reserved, "htlb_buddy_alloc_success");
	fixture_counter(f, VM_EVENTS, w->waits, "compact_stall");
	fixture_judge(f);
}

static void names_the_setting(void **state)
{
	struct wait w = for_everybody;
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, &w);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL);
	assert_string_equal(finding->setting, PATH);
	assert_string_equal(finding->apply, "echo defer+madvise > " PATH);
	assert_string_equal(finding->undo, "echo always > " PATH);
	fixture_close(&f);

	w.choices = "always madvise never";
	judge(&f, &w);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL)->proposed,
			    "madvise");
	fixture_close(&f);
}

static void quiet(const struct wait *w)
{
	struct fixture f;

	judge(&f, w);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	assert_int_equal(f.report->findings, 0);
	fixture_close(&f);
}

static void just_below(void **state)
{
	struct wait w = for_everybody;

	w.seconds = 0.01, w.waits = 29; /* 0.29 s of the 0.3 s that count */
	quiet(&w);
	w = for_everybody, w.seconds = 0.001, w.waits = 10000;
	quiet(&w);
	w = for_everybody, w.waits = 19, w.seconds = 1;
	quiet(&w);
}

static void cause_is(const struct wait *w, const char *cause)
{
	struct fixture f;

	judge(&f, w);
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL)->cause,
			    cause);
	fixture_close(&f);
}

static void look_alikes(void **state)
{
	struct wait w = for_everybody;

	w.defrag = "madvise";
	cause_is(&w, "huge-pages-asked-for");
	w = for_everybody, w.enabled = "madvise";
	cause_is(&w, "huge-pages-asked-for");
	w = for_everybody, w.touches = 49, w.reserved = 50;
	cause_is(&w, "huge-page-reservation");
	w.reserved = 49; /* the page cache, of a program that reads much */
	cause_is(&w, "large-blocks");
	w = for_everybody, w.kind = "compaction";
	cause_is(&w, "large-blocks");
}

/* Another kind of wait is another rule's. */
static void of_another_rule(void **state)
{
	struct wait w = for_everybody;
	struct fixture f;

	w.kind = "node";
	judge(&f, &w);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_setting),
		cmocka_unit_test(just_below),
		cmocka_unit_test(look_alikes),
		cmocka_unit_test(of_another_rule),
	};

	return cmocka_run_group_tests_name("rule compaction", tests, NULL, NULL);
}
