// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../user/core/profile.h"

/* Found from this file's own path: the tests run in any directory. */
static char *read_default_profile(void)
{
	const char *slash = strstr(__FILE__, "tests/unit/");
	char path[4096], *text;
	FILE *file;
	size_t length;

	snprintf(path, sizeof path, "%.*sprofiles/default.conf", (int)(slash - __FILE__), __FILE__);
	file = fopen(path, "r");
	if (!file)
		fail_msg("%s: %s", path, strerror(errno));
	text = calloc(1, 1 << 20);
	length = fread(text, 1, (1 << 20) - 1, file);
	assert_true(length > 0 && feof(file));
	fclose(file);
	return text;
}

/* Parses text and returns what was printed on stderr. */
static const char *message_of(const char *text, int *error, struct ts_profile *profile)
{
	static char message[2048];
	int saved = dup(STDERR_FILENO);
	FILE *file = tmpfile();
	size_t length;

	assert_non_null(file);
	assert_true(saved >= 0 && dup2(fileno(file), STDERR_FILENO) >= 0);
	*error = ts_profile_parse(text, "my.conf", profile);
	fflush(stderr);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	rewind(file);
	length = fread(message, 1, sizeof message - 1, file);
	message[length] = '\0';
	fclose(file);
	return message;
}

static void expect_error(const char *text, const char *part)
{
	struct ts_profile profile, before;
	const char *message;
	int error;

	ts_profile_defaults(&profile);
	profile.threshold[0][0] = 4711;
	before = profile;
	message = message_of(text, &error, &profile);
	assert_int_equal(error, -EINVAL);
	if (!strstr(message, part))
		fail_msg("\"%s\" does not contain \"%s\"", message, part);
	/* One line, and nothing was changed. */
	assert_ptr_equal(strchr(message, '\n'), message + strlen(message) - 1);
	assert_memory_equal(&profile, &before, sizeof profile);
}

static void parse(const char *text, struct ts_profile *profile)
{
	int error;
	const char *message = message_of(text, &error, profile);

	if (error)
		fail_msg("%s", message);
}

static void the_shipped_profile_is_the_built_in_one(void **state)
{
	struct ts_profile shipped, built_in;
	char *text = read_default_profile();

	memset(&shipped, 0xff, sizeof shipped);
	assert_int_equal(ts_profile_parse(text, "/etc/tunescope/default.conf", &shipped), 0);
	ts_profile_defaults(&built_in);
	assert_string_equal(shipped.name, "default");
	assert_memory_equal(shipped.enabled, built_in.enabled, sizeof shipped.enabled);
	for (size_t i = 0; i < ts_rules_count; i++)
		for (size_t k = 0; k < TS_RULE_THRESHOLDS_MAX; k++)
			assert_true(shipped.threshold[i][k] == built_in.threshold[i][k]);
	free(text);
}

/* A line "key =" in the section of its rule. */
static bool lists(const char *text, const char *rule, const char *key)
{
	char section[96], line[96];
	const char *at, *end, *found;

	snprintf(section, sizeof section, "\n[%s]\n", rule);
	snprintf(line, sizeof line, "\n%s = ", key);
	at = strstr(text, section);
	if (!at)
		return false;
	end = strstr(at + 2, "\n[");
	found = strstr(at, line);
	return found && (!end || found < end);
}

static void the_shipped_profile_lists_every_key(void **state)
{
	char *text = read_default_profile();

	for (size_t i = 0; i < ts_rules_count; i++) {
		const struct ts_rule *rule = ts_rules[i];

		assert_true(lists(text, rule->id, "enabled"));
		for (size_t k = 0; k < TS_RULE_THRESHOLDS_MAX && rule->thresholds[k].key; k++)
			if (!lists(text, rule->id, rule->thresholds[k].key))
				fail_msg("default.conf lacks %s of [%s]", rule->thresholds[k].key,
					 rule->id);
	}
	free(text);
}

static void the_table_of_rules_is_sound(void **state)
{
	assert_true(ts_rules_count == 8 && ts_rules_count <= TS_RULES_MAX);
	for (size_t i = 0; i < ts_rules_count; i++) {
		const struct ts_rule *rule = ts_rules[i];

		assert_ptr_equal(ts_rule_by_id(rule->id), rule);
		assert_true(strlen(rule->title) > 5 && strlen(rule->explanation) > 200);
		assert_non_null(strstr(rule->explanation, "Source: "));
		assert_true(rule->needs[0] != TS_FAMILY_COUNT);
		for (size_t k = 0; k < TS_RULE_THRESHOLDS_MAX && rule->thresholds[k].key; k++) {
			const struct ts_threshold *t = &rule->thresholds[k];

			assert_true(t->minimum < t->maximum);
			assert_true(t->value >= t->minimum && t->value <= t->maximum);
			assert_true(*t->unit && strlen(t->meaning) > 15);
		}
	}
	assert_null(ts_rule_by_id("nonsense"));
}

static void values_and_switches(void **state)
{
	struct ts_profile profile;

	parse("; comment\n[accept-queue]\ndropped_connections = 12 ; inline\n\n[block-queue]\n"
	      "enabled = No\n[accept-queue]\r\nfull_share=0.25\r\n",
	      &profile);
	assert_string_equal(profile.name, "my");
	assert_true(profile.threshold[0][0] == 12);
	assert_true(profile.threshold[0][2] == 0.25);
	assert_true(profile.enabled[0]);
	assert_false(profile.enabled[5]);
	assert_string_equal(ts_rules[5]->id, "block-queue");
	parse("", &profile);
	assert_true(profile.threshold[0][0] == 5);
	parse("\xEF\xBB\xBF[accept-queue]\nenabled = off", &profile);
	assert_false(profile.enabled[0]);
}

static void mistakes_are_told_with_file_and_line(void **state)
{
	expect_error("\n\n[accept-quene]\n", "my.conf:3: unknown section \"accept-quene\"; did you "
					     "mean \"accept-queue\"?");
	expect_error("[nonsense]\n", "accepted: accept-queue, syn-queue, receive-buffer,");
	expect_error("[syn-queue]\nqueue_shares = 1\n",
		     "my.conf:2: unknown key in [syn-queue] \"queue_shares\"; did you mean "
		     "\"queue_share\"?");
	expect_error("[syn-queue]\nxyz = 1\n",
		     "accepted: enabled, dropped_connections, queue_share");
	expect_error("[syn-queue]\nqueue_share = 7\n",
		     "my.conf:2: queue_share = 7 is out of range; 0.05 to 1 ");
	expect_error("[syn-queue]\nqueue_share = nan\n",
		     "my.conf:2: queue_share = \"nan\" is not a");
	expect_error("[syn-queue]\nqueue_share = 0.5x\n", "is not a number");
	expect_error("[syn-queue]\nqueue_share =\n", "is not a number");
	expect_error("[syn-queue]\nenabled = perhaps\n",
		     "my.conf:2: enabled = \"perhaps\": yes or no");
	expect_error("[syn-queue]\nqueue_share = 1\n\nqueue_share = 1\n",
		     "my.conf:4: \"queue_share\" is given twice");
	expect_error("enabled = no\n", "my.conf:1: \"enabled\" stands before the first [section]");
}

static void the_first_mistake_is_the_one_told(void **state)
{
	expect_error("[syn-queue]\nnot ini at all\nqueue_share = 7\n", "my.conf:2: not understood");
	expect_error("[syn-queue]\nqueue_share = 7\nnot ini at all\n",
		     "my.conf:2: queue_share = 7");
	expect_error("[syn-queue\n", "my.conf:1: not understood");
}

static void odd_input(void **state)
{
	char text[4096];

	memset(text, 'a', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	expect_error(text, "my.conf:1: the line is longer than");
	memcpy(text, "[syn-queue]\n#", 13);
	expect_error(text, "my.conf:2: the line is longer than");
	memset(text, '[', sizeof text - 1);
	expect_error(text, "my.conf:1: ");
	expect_error("[\x1b[31m]\n", "my.conf:1: unknown section");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_shipped_profile_is_the_built_in_one),
		cmocka_unit_test(the_shipped_profile_lists_every_key),
		cmocka_unit_test(the_table_of_rules_is_sound),
		cmocka_unit_test(values_and_switches),
		cmocka_unit_test(mistakes_are_told_with_file_and_line),
		cmocka_unit_test(the_first_mistake_is_the_one_told),
		cmocka_unit_test(odd_input),
	};

	return cmocka_run_group_tests_name("profiles", tests, NULL, NULL);
}
