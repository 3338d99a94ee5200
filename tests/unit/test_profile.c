// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>
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
	assert_int_equal(shipped.objectives, built_in.objectives);
	assert_true(built_in.objectives >= 2);
	/* Written in the file, each of them, and not just left over from the defaults. */
	for (size_t i = 0; i < built_in.objectives; i++) {
		char section[96];

		snprintf(section, sizeof section, "\n[objective %s]\n", built_in.objective[i].name);
		assert_non_null(strstr(text, section));
		assert_memory_equal(&shipped.objective[i], &built_in.objective[i],
				    sizeof built_in.objective[i]);
	}
	assert_true(shipped.finding_for == built_in.finding_for);
	assert_true(shipped.scrape_interval == built_in.scrape_interval);
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
	assert_true(lists(text, "alerts", "finding_for") &&
		    lists(text, "alerts", "scrape_interval"));
	free(text);
}

/* "#   service-time-p50 -p95 -p99": the name, or its end after the stem on the same line. */
static bool documents(const char *text, const char *name)
{
	const char *stem_end = strstr(name, "-p50"), *at;
	char stem[64], *end;

	if (!stem_end)
		stem_end = strstr(name, "-p95");
	if (!stem_end)
		stem_end = strstr(name, "-p99");
	if (!stem_end)
		return strstr(text, name) != NULL;
	snprintf(stem, sizeof stem, "#   %.*s-p", (int)(stem_end - name), name);
	at = strstr(text, stem);
	end = at ? strchr(at + 4, '\n') : NULL;
	return at && strstr(at, stem_end) < end;
}

static void the_shipped_profile_explains_every_measure(void **state)
{
	char *text = read_default_profile();

	for (size_t i = 0; i < ts_measures_count; i++)
		if (!documents(text, ts_measures[i].name))
			fail_msg("default.conf does not say what %s is", ts_measures[i].name);
	free(text);
}

static const struct ts_objective *objective(const struct ts_profile *profile, const char *name)
{
	for (size_t i = 0; i < profile->objectives; i++)
		if (!strcmp(profile->objective[i].name, name))
			return &profile->objective[i];
	fail_msg("no objective %s", name);
	return NULL;
}

static void objectives_are_read(void **state)
{
	struct ts_profile profile;
	const struct ts_objective *o;

	/* In any order, beside those of the defaults; one of their name takes the place. */
	parse("[objective Api]\nwarning = 500 ms\ncritical=2\nfor = 90s\ntarget = 100ms ; inline\n"
	      "port = 08080\nmeasure = service-time-p95\n[accept-queue]\nsamples = 30\n"
	      "[objective HighErrorRate]\nmeasure = connection-error-share\nwarning = 1%\n"
	      "severity = page\n[objective\tDisk]\nmeasure = disk-utilisation\ndevice = dm-0\n"
	      "critical = 0.9\n[objective Traffic]\nmeasure = connection-rate\n"
	      "target = 1000\nwarning = 500/s\ncritical = 100\n[objective HighResponseTime]\n"
	      "enabled = no\n[alerts]\nfinding_for = 1h\nscrape_interval = 30\n",
	      &profile);
	assert_int_equal(profile.objectives, 5);
	o = objective(&profile, "Api");
	assert_string_equal(o->measure->name, "service-time-p95");
	assert_string_equal(o->port, "8080");
	assert_true(o->level[TS_LEVEL_TARGET] == 0.1 && o->level[TS_LEVEL_WARNING] == 0.5);
	assert_true(o->level[TS_LEVEL_CRITICAL] == 2 && o->for_seconds == 90 && o->enabled);
	o = objective(&profile, "HighErrorRate");
	assert_true(o == &profile.objective[1] && o->level[TS_LEVEL_WARNING] == 0.01);
	assert_true(isnan(o->level[TS_LEVEL_CRITICAL]) && o->for_seconds == 300);
	assert_string_equal(o->severity, "page");
	o = objective(&profile, "Disk");
	assert_string_equal(o->device, "dm-0");
	assert_true(o->level[TS_LEVEL_CRITICAL] == 0.9);
	o = objective(&profile, "Traffic");
	assert_true(o->level[TS_LEVEL_WARNING] == 500 && o->level[TS_LEVEL_CRITICAL] == 100);
	assert_false(objective(&profile, "HighResponseTime")->enabled);
	assert_true(profile.finding_for == 3600 && profile.scrape_interval == 30);
	assert_true(profile.threshold[0][1] == 30);
}

#define MISTAKE(keys, part) \
	expect_error("[syn-queue]\n[objective X]\nmeasure = service-time-p95\n" keys "\n", part)

static void mistakes_in_objectives(void **state)
{
	expect_error("[objective X]\nmeasure = service-time-p59\nwarning = 1\n",
		     "my.conf:2: unknown measure \"service-time-p59\"; did you mean \"");
	expect_error("[objective X]\nmeasure = x\nwarning = 1\n",
		     "accepted: service-time-p50, service-time-p95,");
	expect_error("[objective X]\nmeasure = x\nwarning = 1\n", "io-pressure, file-handle-util");
	expect_error("\n[objective X]\nwarning = 1\n", "my.conf:2: [objective X] lacks measure");
	expect_error("[objective X]\n", "my.conf:1: [objective X] lacks measure");
	expect_error("[objective X]\n[syn-queue]\nenabled = maybe\n",
		     "my.conf:1: [objective X] lacks measure");
	expect_error("[objective]\n", "my.conf:1: [objective ]: accepted is a name");
	expect_error("[objective 1st]\n", "my.conf:1: [objective 1st]: accepted is a name");
	expect_error("[objective a{{b]\n", "accepted is a name of letters, digits");
	expect_error("[objective AbcdefghijabcdefghijabcdefghijabcdefghijK]\n",
		     "39 characters at most");
	expect_error("[objective TunescopeDown]\n", "those of its own alerts");
	expect_error("[objectiv X]\n", "unknown section \"objectiv X\"; did you mean \"objective ");
	expect_error("[alert]\n", "did you mean \"alerts\"?");
	MISTAKE("warnin = 1", "my.conf:4: unknown key in [objective X] \"warnin\"; did you mean");
	MISTAKE("target = 1\ntarget = 2", "my.conf:5: \"target\" is given twice");
	MISTAKE("for = 5m", "my.conf:2: [objective X] lacks a value to hold service-time-p95");
	MISTAKE("warning = 5%", "my.conf:4: warning = \"5%\": accepted is a time such as 500ms");
	MISTAKE("warning = -1", "accepted is a time");
	MISTAKE("warning = nan", "accepted is a time");
	MISTAKE("warning =", "accepted is a time");
	MISTAKE("warning = 2s\ncritical = 1s", "my.conf:5: critical = 1s is better than warning = "
					       "2s; accepted is one that is higher");
	MISTAKE("target = 1\nport = 0", "my.conf:5: port = \"0\": 1 to 65535 is accepted");
	MISTAKE("target = 1\nport = 8o", "1 to 65535 is accepted");
	MISTAKE("target = 1\nport = 99999999999999999999", "1 to 65535 is accepted");
	MISTAKE("target = 1\ndevice = sda", "is not measured for each device");
	MISTAKE("target = 1\nfor = 5 minutes", "my.conf:5: for = \"5 minutes\": accepted is");
	MISTAKE("target = 1\nfor = 25h", "24h at most");
	MISTAKE("target = 1\nenabled = perhaps", "yes or no is accepted");
	MISTAKE("warning = 1\ncritical = 2\nseverity = page",
		"my.conf:6: severity = page: with both");
	MISTAKE("warning = 1\nseverity = \"a b\"", "accepted is one word");
	MISTAKE("target = 1\n[objective X]\nmeasure = cpu-pressure\ntarget = 1",
		"my.conf:5: [objective X] is given twice");
	expect_error("[objective X]\nmeasure = cpu-utilisation\nport = 80\ntarget = 1\n",
		     "my.conf:3: port = 80: cpu-utilisation is not measured for each port");
	expect_error("[objective X]\nmeasure = disk-utilisation\ndevice = /dev/sda\ntarget = 1\n",
		     "(without /dev/)");
	expect_error("[objective X]\nmeasure = cpu-utilisation\ntarget = 101%\n", "100% at most");
	expect_error(
		"[objective X]\nmeasure = connection-rate\ntarget = 1\nwarning = 2\n",
		"my.conf:4: warning = 2 is better than target = 1; accepted is one that is lower");
	expect_error("[alerts]\nfinding_for = soon\n",
		     "my.conf:2: finding_for = \"soon\": accepted");
	expect_error("[alerts]\nscrape_interval = 0\n", "from 1s to 1h");
	expect_error("[alerts]\nfinding_four = 1\n", "did you mean \"finding_for\"?");
	expect_error("[alerts]\nfinding_for = 1\nfinding_for = 1\n",
		     "my.conf:3: \"finding_for\" is");
}

static void so_many_objectives_and_no_more(void **state)
{
	static char text[TS_OBJECTIVES_MAX * 80];
	struct ts_profile profile;
	size_t used = 0;

	/* Two of the defaults stand there already. */
	for (int i = 0; i < TS_OBJECTIVES_MAX - 2; i++)
		used += (size_t)snprintf(text + used, sizeof text - used,
					 "[objective O%d]\nmeasure = cpu-pressure\ntarget = 1%%\n",
					 i);
	parse(text, &profile);
	assert_int_equal(profile.objectives, TS_OBJECTIVES_MAX);
	snprintf(text + used, sizeof text - used,
		 "[objective One]\nmeasure = cpu-pressure\ntarget = 1%%\n");
	expect_error(text, "at most 64 objectives are accepted");
}

static void the_table_of_rules_is_sound(void **state)
{
	assert_true(ts_rules_count >= 8 && ts_rules_count <= TS_RULES_MAX);
	for (size_t i = 0; i < ts_rules_count; i++) {
		const struct ts_rule *rule = ts_rules[i];

		assert_ptr_equal(ts_rule_by_id(rule->id), rule);
		assert_true(strlen(rule->title) > 5 && strlen(rule->explanation) > 200);
		if (!rule->reference && !strstr(rule->explanation, "Source: "))
			fail_msg("%s does not say where it is from (.reference)", rule->id);
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
	for (size_t i = 0; i < ts_rules_count; i++)
		assert_int_equal(profile.enabled[i], strcmp(ts_rules[i]->id, "block-queue") != 0);
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

static void settings_of_guides(void **state)
{
	static struct ts_profile profile;

	parse("[settings]\nnet.core.somaxconn = 65535\n"
	      "/sys/block/*/queue/scheduler = deadline\nrlimit/nofile@nginx = 65536\n"
	      "mount/noatime = yes\nnet.ipv4.tcp_rmem = 4096 87380 16777216\n",
	      &profile);
	assert_int_equal(profile.wants, 5);
	assert_string_equal(profile.wanted[0].name, "net.core.somaxconn");
	assert_string_equal(profile.wanted[4].value, "4096 87380 16777216");
	expect_error("[settings]\nsomaxconn = 1\n", "my.conf:2: \"somaxconn\": accepted are");
	expect_error("[settings]\n/etc/passwd = 1\n", "accepted are");
	expect_error("[settings]\n/sys/../etc/passwd = 1\n", "accepted are");
	expect_error("[settings]\nvm.swappiness =\n", "accepted are 1 to");
	expect_error("[settings]\nvm.swappiness = 1\nvm.swappiness = 2\n", "given twice");
	expect_error("[setings]\n", "did you mean \"settings\"");
}

static void objectives_elsewhere(void **state)
{
	static struct ts_profile profile;
	size_t i;

	parse("[objective Hits]\nmeasure = elsewhere\nwhere = ask redis-cli\n", &profile);
	for (i = 0; strcmp(profile.objective[i].name, "Hits"); i++)
		assert_true(i < profile.objectives);
	assert_string_equal(profile.objective[i].where, "ask redis-cli");
	expect_error("[objective A]\nmeasure = elsewhere\n", "lacks where");
	expect_error("[objective A]\nmeasure = elsewhere\nwhere = x\ntarget = 5%\n",
		     "my.conf:4: target: of what is measured elsewhere");
	expect_error("[objective A]\nmeasure = cpu-utilisation\nwhere = x\ntarget = 5%\n",
		     "is measured here");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_of_guides),
		cmocka_unit_test(objectives_elsewhere),
		cmocka_unit_test(the_shipped_profile_is_the_built_in_one),
		cmocka_unit_test(the_shipped_profile_lists_every_key),
		cmocka_unit_test(the_shipped_profile_explains_every_measure),
		cmocka_unit_test(the_table_of_rules_is_sound),
		cmocka_unit_test(objectives_are_read),
		cmocka_unit_test(mistakes_in_objectives),
		cmocka_unit_test(so_many_objectives_and_no_more),
		cmocka_unit_test(values_and_switches),
		cmocka_unit_test(mistakes_are_told_with_file_and_line),
		cmocka_unit_test(the_first_mistake_is_the_one_told),
		cmocka_unit_test(odd_input),
	};

	return cmocka_run_group_tests_name("profiles", tests, NULL, NULL);
}
