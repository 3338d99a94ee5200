// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#include <ctype.h>

#include "recorded.h"

void fixture_open(struct fixture *fixture)
{
	struct ts_host host = {
		.hostname = "fixture",
		.kernel = "6.18.0",
		.machine = "x86_64",
		.boot_id = "boot",
		.cpus = 2,
		.memory_bytes = 8ULL << 30,
		.tool_version = "0",
	};

	memset(fixture, 0, sizeof *fixture);
	fixture->earlier = ts_snapshot_new();
	fixture->later = ts_snapshot_new();
	fixture->earlier->host = fixture->later->host = host;
	fixture->earlier->monotonic_ns = 1000000000ULL;
	fixture->later->monotonic_ns = (1 + FIXTURE_SECONDS) * 1000000000ULL;
	for (int source = 0; source < TS_SOURCE_COUNT; source++) {
		ts_snapshot_source_status(fixture->earlier, source, TS_STATUS_OK, "");
		ts_snapshot_source_status(fixture->later, source, TS_STATUS_OK, "");
	}
	ts_snapshot_netns(fixture->later, &(struct ts_netns){HOME, "", 1, "init", true});
	ts_snapshot_netns(fixture->later, &(struct ts_netns){SERVER, "labsrv", 321, "srv", false});
	ts_snapshot_netns(fixture->later, &(struct ts_netns){CONTAINER, "", 4242, "app", false});
	ts_profile_defaults(&fixture->profile);
}

void fixture_judge(struct fixture *fixture)
{
	assert_int_equal(ts_window_make(fixture->earlier, fixture->later, &fixture->window), 0);
	fixture->report = ts_report_make(&fixture->window, &fixture->profile);
	assert_non_null(fixture->report);
	for (size_t i = 0; i < fixture->report->findings; i++)
		if (!fixture->no_commands)
			fixture_check_finding(&fixture->report->finding[i]);
	recorded_is_judged_alike(fixture->report);
}

void fixture_close(struct fixture *fixture)
{
	ts_report_free(fixture->report);
	if (fixture->window.delta)
		ts_window_free(&fixture->window);
	ts_snapshot_free(fixture->earlier);
	ts_snapshot_free(fixture->later);
}

void fixture_setting(struct fixture *fixture, enum ts_setting_id id, const char *scope,
		     const char *value, const char *choices)
{
	ts_snapshot_setting(fixture->later, id, scope, TS_STATUS_OK, value, choices, "");
}

void fixture_unsupported(struct fixture *fixture, enum ts_family_id id, const char *why)
{
	ts_snapshot_family_status(fixture->later, id, TS_STATUS_UNSUPPORTED, why);
}

const struct ts_rule_result *fixture_result(const struct fixture *fixture, const char *rule)
{
	for (size_t i = 0; i < fixture->report->rules; i++)
		if (!strcmp(fixture->report->rule[i].rule->id, rule))
			return &fixture->report->rule[i];
	fail_msg("no rule %s", rule);
	return NULL;
}

enum ts_outcome fixture_outcome(const struct fixture *fixture, const char *rule)
{
	const struct ts_rule_result *result = fixture_result(fixture, rule);

	/* Whatever it is, people are told why. */
	assert_true(*result->why);
	return result->outcome;
}

static bool is_at(const struct ts_finding *finding, const char *where)
{
	return !where || !strcmp(finding->netns, where) || !strcmp(finding->device, where) ||
	       !strcmp(finding->cgroup, where);
}

const struct ts_finding *fixture_finding(const struct fixture *fixture, const char *rule,
					 enum ts_outcome outcome, const char *where)
{
	const struct ts_finding *found = NULL;

	for (size_t i = 0; i < fixture->report->findings; i++) {
		const struct ts_finding *f = &fixture->report->finding[i];

		if (strcmp(f->rule, rule) || f->outcome != outcome || !is_at(f, where))
			continue;
		if (found)
			fail_msg("two findings: %s and %s", found->id, f->id);
		found = f;
	}
	if (!found)
		fail_msg("no finding %s of %s; it says %s: %s", ts_outcome_name(outcome), rule,
			 ts_outcome_name(fixture_result(fixture, rule)->outcome),
			 fixture_result(fixture, rule)->why);
	return found;
}

size_t fixture_count(const struct fixture *fixture, const char *rule, enum ts_outcome outcome)
{
	size_t count = 0;

	for (size_t i = 0; i < fixture->report->findings; i++)
		count += !strcmp(fixture->report->finding[i].rule, rule) &&
			 fixture->report->finding[i].outcome == outcome;
	return count;
}

/* Of the I/O limit of a cgroup, each second, so much was used in the window of ten. */
static void add_io_limit(struct fixture *f, const char *device, const char *kind, double limit,
			 double used)
{
	fixture_gauge(f, CGROUP_IO_LIMIT, limit, "/batch", device, kind);
	fixture_counter(f, CGROUP_IO_USED, used, "/batch", device, kind);
	fixture_seconds(f, CGROUP_IO_WATCHED, FIXTURE_SECONDS, "/batch", device, kind);
}

void fixture_check_io_limit(const char *rule, void (*add)(struct fixture *), const char *device,
			    const char *kind, const char *other_kind)
{
	const struct {
		const char *device, *kind;
		double used;
		enum ts_outcome outcome;
	} rows[] = {
		{device, kind, 8.6e6, TS_OUTCOME_INSUFFICIENT},
		{device, kind, 8.4e6, TS_OUTCOME_RECOMMEND},
		{device, other_kind, 8.6e6, TS_OUTCOME_RECOMMEND},
		{"sdz", kind, 8.6e6, TS_OUTCOME_RECOMMEND},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct fixture f;

		fixture_open(&f);
		add(&f);
		add_io_limit(&f, rows[i].device, rows[i].kind, 1e6, rows[i].used);
		fixture_judge(&f);
		assert_int_equal(fixture_outcome(&f, rule), rows[i].outcome);
		fixture_close(&f);
	}
}

static void check_command(const char *command)
{
	assert_true(*command);
	for (const char *c = command; *c; c++)
		assert_false(iscntrl((unsigned char)*c));
	assert_true(!strncmp(command, "sysctl -w ", 10) || !strncmp(command, "nsenter -", 9) ||
		    !strncmp(command, "echo ", 5) || !strncmp(command, "mount -o remount,", 17));
}

void fixture_check_finding(const struct ts_finding *finding)
{
	assert_true(*finding->title);
	assert_true(finding->evidence_count > 0);
	assert_true(finding->confidence > 0 && finding->confidence <= 1);
	assert_true(isfinite(finding->harm) && finding->harm >= 0);
	assert_true(isfinite(finding->harm_seconds) && finding->harm_seconds >= 0);
	assert_int_equal(strncmp(finding->id, finding->rule, strlen(finding->rule)), 0);
	for (size_t i = 0; i < finding->evidence_count; i++) {
		assert_true(*finding->evidence[i].what && *finding->evidence[i].unit);
		assert_true(isfinite(finding->evidence[i].value));
	}
	if (finding->outcome == TS_OUTCOME_RECOMMEND) {
		assert_true(*finding->setting && *finding->proposed && *finding->computed);
		assert_true(*finding->risk && *finding->takes_effect && *finding->expect);
		assert_string_equal(finding->cause, "");
		assert_string_not_equal(finding->proposed, finding->current);
		check_command(finding->apply);
		check_command(finding->undo);
	} else {
		assert_string_equal(finding->apply, "");
		assert_string_equal(finding->undo, "");
	}
	if (finding->outcome == TS_OUTCOME_NOT_A_SETTING) {
		assert_true(*finding->cause && *finding->remedy);
		assert_string_equal(finding->setting, "");
		assert_string_equal(finding->proposed, "");
	}
}

void assert_contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" does not contain \"%s\"", text, part);
}
