// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../user/core/profile.h"
#include "../../user/core/render/explain.h"
#include "../../user/core/settings.h"

static const struct ts_render_options plain = {.width = 80};

static char *explained(struct ts_subject subject, const struct ts_profile *profile)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	ts_explain_text(out, subject, profile, &plain);
	assert_int_equal(fclose(out), 0);
	return text;
}

static char *page(enum ts_explain_page which)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	ts_explain_markdown(out, which);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* The one thing a name stands for. */
static struct ts_subject only(const char *name)
{
	struct ts_subject found[TS_SUBJECTS_FOUND_MAX];
	size_t count = ts_subjects_find(name, found);

	if (count != 1)
		fail_msg("%s stands for %zu things", name, count);
	return found[0];
}

static void expect_name(const char *name, enum ts_subject_kind kind, const char *is)
{
	struct ts_subject subject = only(name);

	assert_int_equal(subject.kind, kind);
	assert_string_equal(ts_subject_name(subject), is);
}

/* Found from this file's own path: the tests run in any directory. */
static char *read_page(const char *name)
{
	const char *slash = strstr(__FILE__, "tests/unit/");
	char path[4096], *text = calloc(1, 1 << 20);
	FILE *file;

	snprintf(path, sizeof path, "%.*sdocs/%s.md", (int)(slash - __FILE__), __FILE__, name);
	file = fopen(path, "r");
	assert_non_null(text);
	if (file) {
		fread(text, 1, (1 << 20) - 1, file);
		assert_true(feof(file));
		fclose(file);
	}
	return text;
}

static void docs_are_those_of_the_tables(void **state)
{
	for (enum ts_explain_page which = 0; which < TS_EXPLAIN_PAGES; which++) {
		const char *name = ts_explain_page_names[which];
		char *made = page(which), *kept = read_page(name);
		size_t line = 1;

		for (size_t i = 0; made[i] && made[i] == kept[i]; i++)
			line += made[i] == '\n';
		if (strcmp(made, kept))
			fail_msg("docs/%s.md is out of date from line %zu on: run `make docs` and "
				 "commit docs/ together with the rows you have changed",
				 name, line);
		free(made);
		free(kept);
	}
}

static void everything_is_found_by_its_name(void **state)
{
	for (enum ts_subject_kind kind = 0; kind < TS_SUBJECT_KINDS; kind++) {
		assert_true(ts_subjects(kind) > 0);
		for (size_t i = 0; i < ts_subjects(kind); i++) {
			struct ts_subject found[TS_SUBJECTS_FOUND_MAX], s = {kind, i};
			size_t count = ts_subjects_find(ts_subject_name(s), found);
			bool there = false;

			for (size_t k = 0; k < count; k++)
				there = there || (found[k].kind == kind && found[k].index == i);
			if (!there)
				fail_msg("%s is not found by its name", ts_subject_name(s));
			assert_true(strlen(ts_subject_summary(s)) > 0);
		}
	}
}

static void everything_has_an_explanation(void **state)
{
	for (size_t i = 0; i < ts_rules_count; i++) {
		struct ts_subject s = {TS_SUBJECT_RULE, i};
		char *text = explained(s, NULL);

		if (strlen(ts_rules[i]->explanation) < 80)
			fail_msg("%s says too little about itself", ts_rules[i]->id);
		for (size_t k = 0; k < TS_RULE_THRESHOLDS_MAX && ts_rules[i]->thresholds[k].key;
		     k++)
			assert_non_null(strstr(text, ts_rules[i]->thresholds[k].key));
		free(text);
	}
	for (size_t i = 0; i < TS_SETTING_COUNT; i++)
		if (!ts_settings[i].meaning || !*ts_settings[i].meaning)
			fail_msg("%s has no meaning", ts_settings[i].name);
	ts_for_each_family (id)
		if (!*ts_family_reference((enum ts_family_id)id))
			fail_msg("%s: its source has no row in family_reference.c",
				 ts_families[id].name);
}

static void other_names(void **state)
{
	expect_name("somaxconn", TS_SUBJECT_SETTING, "net.core.somaxconn");
	expect_name("net/core/somaxconn", TS_SUBJECT_SETTING, "net.core.somaxconn");
	expect_name("/proc/sys/net/core/somaxconn", TS_SUBJECT_SETTING, "net.core.somaxconn");
	expect_name("/sys/block/nvme0n1/queue/nr_requests", TS_SUBJECT_SETTING, "nr_requests");
	expect_name("tunescope_runq_latency_seconds", TS_SUBJECT_SIGNAL, "runq_latency");
	expect_name("tunescope_runq_latency_seconds_bucket", TS_SUBJECT_SIGNAL, "runq_latency");
	expect_name("tunescope_tcp_resets_total", TS_SUBJECT_SIGNAL, "tcp_resets");
	expect_name("service-time-p95", TS_SUBJECT_MEASURE, "service-time-p95");
}

static void a_measure_without_its_percentile_is_all_of_them(void **state)
{
	struct ts_subject found[TS_SUBJECTS_FOUND_MAX];

	assert_int_equal(ts_subjects_find("service-time", found), 3);
	assert_string_equal(ts_subject_name(found[0]), "service-time-p50");
	assert_string_equal(ts_subject_name(found[2]), "service-time-p99");
}

static void what_is_none(void **state)
{
	static const char *const names[] = {"",
					    "/",
					    "/proc/sys/",
					    "/sys/block/sda/queue",
					    "/sys/block//queue/nr_requestsx",
					    "tunescope_",
					    "-p95",
					    "net.core",
					    "proc/sys/net/core/somaxconn"};
	struct ts_subject found[TS_SUBJECTS_FOUND_MAX];

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (ts_subjects_find(names[i], found))
			fail_msg("\"%s\" is taken for %s", names[i], ts_subject_name(found[0]));
}

static void near_misses(void **state)
{
	const char *near[TS_SUBJECTS_NEAR_MAX];

	assert_int_equal(ts_subjects_near("smaxconn", near), 1);
	assert_string_equal(near[0], "net.core.somaxconn");
	assert_true(ts_subjects_near("accept-que", near) > 0);
	assert_string_equal(near[0], "accept-queue");
	/* Never more than there is room for, the nearest first. */
	assert_int_equal(ts_subjects_near("tcp_", near), TS_SUBJECTS_NEAR_MAX);
	assert_int_equal(ts_subjects_near("quetzalcoatl", near), 0);
}

static void thresholds_are_those_of_the_profile(void **state)
{
	static struct ts_profile profile;
	struct ts_subject rule = only("accept-queue");
	char *text;

	ts_profile_defaults(&profile);
	text = explained(rule, &profile);
	assert_non_null(strstr(text, "dropped_connections = 5:"));
	assert_null(strstr(text, "by default"));
	free(text);

	snprintf(profile.name, sizeof profile.name, "mine");
	profile.threshold[rule.index][0] = 7;
	profile.enabled[rule.index] = false;
	text = explained(rule, &profile);
	assert_non_null(strstr(text, "dropped_connections = 7:"));
	assert_non_null(strstr(text, "mine, by default 5"));
	assert_non_null(strstr(text, "mine switches it off"));
	free(text);
}

static void a_setting_names_its_rules(void **state)
{
	char *text = explained(only("net.core.somaxconn"), NULL);

	assert_non_null(strstr(text, "accept-queue"));
	assert_non_null(strstr(text, "/proc/sys/net/core/somaxconn"));
	free(text);
	text = explained(only("scheduler"), NULL);
	assert_non_null(strstr(text, "/sys/block/DEVICE/queue/scheduler"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(docs_are_those_of_the_tables),
		cmocka_unit_test(everything_is_found_by_its_name),
		cmocka_unit_test(everything_has_an_explanation),
		cmocka_unit_test(other_names),
		cmocka_unit_test(a_measure_without_its_percentile_is_all_of_them),
		cmocka_unit_test(what_is_none),
		cmocka_unit_test(near_misses),
		cmocka_unit_test(thresholds_are_those_of_the_profile),
		cmocka_unit_test(a_setting_names_its_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
