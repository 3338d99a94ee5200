// SPDX-License-Identifier: GPL-2.0-only
/* A guide's settings against windows made by hand; recommendations that contradict each other. */
#include "fixture.h"

#include "../../user/core/audit.h"

/* The verdict on one setting of which this was read. */
static const struct ts_audit_item *audit(struct fixture *f, const char *name, const char *asked,
					 const char *scope, const char *value, const char *refused)
{
	static struct ts_wanted wanted;
	static struct ts_reading reading;
	struct ts_audit *result;

	memset(&wanted, 0, sizeof wanted);
	snprintf(wanted.name, sizeof wanted.name, "%s", name);
	snprintf(wanted.value, sizeof wanted.value, "%s", asked);
	reading = (struct ts_reading){&wanted, scope, value, "it is not there", refused};
	result = ts_audit_make(f->report, &reading, 1);
	assert_int_equal(result->items, 1);
	assert_int_equal(
		ts_audit_wrong(result),
		result->item[0].verdict == TS_AUDIT_NEEDED ||
			(result->item[0].verdict == TS_AUDIT_HARMFUL && result->item[0].is_set));
	return &result->item[0];
}

static void expect(const struct ts_audit_item *item, enum ts_audit_verdict verdict, const char *why)
{
	assert_string_equal(ts_audit_verdict_name(item->verdict), ts_audit_verdict_name(verdict));
	assert_contains(item->why, why);
}

/* Drops at the accept queue of a listener that stands at somaxconn. */
static void overflow(struct fixture *f, const char *netns)
{
	fixture_setting(f, TS_SETTING_SOMAXCONN, netns, "16", "");
	fixture_gauge(f, TCP_LISTENER_BACKLOG, 16, netns, "80");
	fixture_gauge(f, TCP_ACCEPT_QUEUE_PEAK, 17, netns, "80");
	fixture_gauge(f, TCP_LISTENER_BURST, 80, netns, "80");
	fixture_counter(f, TCP_LISTENER_DROPS, 300, netns, "80");
	fixture_counter(f, TCP_ACCEPT_QUEUE_SAMPLES, 90, netns, "80", "empty");
	fixture_counter(f, TCP_ACCEPT_QUEUE_SAMPLES, 10, netns, "80", "full");
	fixture_counter(f, NETWORK_COUNTERS, 300, netns, "ListenOverflows");
	fixture_counter(f, NETWORK_COUNTERS, 300, netns, "ListenDrops");
	fixture_counter(f, TCP_CONNECTIONS, 5000, netns, "service", "80");
}

static void what_a_rule_found_is_needed(void **state)
{
	const char *name = "net.core.somaxconn";
	const struct ts_audit_item *item;
	struct fixture f;

	fixture_open(&f);
	overflow(&f, HOME);
	fixture_judge(&f);
	item = audit(&f, name, "65535", "", "16", "");
	expect(item, TS_AUDIT_NEEDED, item->proposed);
	assert_string_equal(item->rule, "accept-queue");
	assert_true(*item->proposed);
	/* What the guide says may still be too little. */
	expect(audit(&f, name, "16", "", "16", ""), TS_AUDIT_NEEDED, "");
	fixture_close(&f);

	/* A guide that would lower it makes worse what was found. */
	fixture_open(&f);
	overflow(&f, HOME);
	fixture_judge(&f);
	expect(audit(&f, name, "8", "", "16", ""), TS_AUDIT_HARMFUL, "what was measured asks for");
	fixture_close(&f);

	/* In a namespace of its own it says nothing about this one. */
	fixture_open(&f);
	overflow(&f, SERVER);
	fixture_judge(&f);
	assert_true(audit(&f, name, "65535", "", "16", "")->verdict != TS_AUDIT_NEEDED);
	expect(audit(&f, name, "65535", SERVER, "16", ""), TS_AUDIT_NEEDED, "");
	fixture_close(&f);
}

static void what_is_quiet_is_unnecessary(void **state)
{
	struct fixture f;

	fixture_open(&f);
	fixture_judge(&f);
	expect(audit(&f, "net.core.somaxconn", "65535", "", "4096", ""), TS_AUDIT_UNNECESSARY,
	       "accept-queue");
	expect(audit(&f, "net.core.somaxconn", "4096", "", "4096", ""), TS_AUDIT_SET, "");
	expect(audit(&f, "net.ipv4.tcp_rmem", "4096 87380 6291456", "", "4096\t87380\t6291456", ""),
	       TS_AUDIT_SET, "");
	expect(audit(&f, "kernel.nobody_knows", "1", "", "0", ""), TS_AUDIT_UNKNOWN,
	       "nothing that is measured");
	expect(audit(&f, "kernel.nobody_knows", "1", "", "", ""), TS_AUDIT_UNKNOWN,
	       "it is not there");
	expect(audit(&f, "kernel.pid_max", "32768", "", "4194304", ""), TS_AUDIT_UNNECESSARY,
	       "lower it");
	expect(audit(&f, "net.ipv4.tcp_rmem", "4096 87380 16777216", "", "4096\t131072\t33554432",
		     ""),
	       TS_AUDIT_UNNECESSARY, "lower it");
	expect(audit(&f, "net.ipv4.tcp_rmem", "4096 87380 67108864", "", "4096\t131072\t33554432",
		     ""),
	       TS_AUDIT_UNNECESSARY, "receive-buffer");
	fixture_close(&f);
}

static void what_was_not_measured_is_unknown(void **state)
{
	struct fixture f;

	fixture_open(&f);
	fixture_unsupported(&f, TS_FAMILY_TCP_LISTENER_DROPS, "no sock_diag");
	fixture_judge(&f);
	expect(audit(&f, "net.core.somaxconn", "65535", "", "4096", ""), TS_AUDIT_UNKNOWN,
	       "no sock_diag");
	fixture_close(&f);
}

static void what_would_harm(void **state)
{
	struct fixture f;

	fixture_open(&f);
	fixture_judge(&f);
	expect(audit(&f, "net.core.rmem_default", "134217728", "", "212992", ""), TS_AUDIT_HARMFUL,
	       "128 MiB");
	expect(audit(&f, "net.core.wmem_default", "134217728", "", "134217728", ""),
	       TS_AUDIT_HARMFUL, "128 MiB");
	expect(audit(&f, "net.core.wmem_default", "1048576", "", "212992", ""), TS_AUDIT_UNKNOWN,
	       "");
	expect(audit(&f, "net.core.rmem_default", "1048576", "", "212992", ""),
	       TS_AUDIT_UNNECESSARY, "");
	expect(audit(&f, "net.core.somaxconn", "99999999", "", "4096", "this kernel refuses it"),
	       TS_AUDIT_HARMFUL, "refuses");
	expect(audit(&f, "/sys/block/*/queue/scheduler", "deadline", "sda", "mq-deadline", ""),
	       TS_AUDIT_SET, "is called mq-deadline today");
	fixture_close(&f);
}

static const struct ts_audit_item *read_ahead(struct fixture *f, double reads, double sequential,
					      const char *asked)
{
	fixture_open(f);
	fixture_latency(f, BLOCK_LATENCY, 3, 0.001, (__u64)reads, "sda", "read");
	fixture_counter(f, BLOCK_SEQUENTIAL, sequential, "sda", "read");
	fixture_judge(f);
	return audit(f, "/sys/block/*/queue/read_ahead_kb", asked, "sda", "128", "");
}

static void read_ahead_by_how_the_device_is_read(void **state)
{
	struct fixture f;

	expect(read_ahead(&f, 1000, 50, "4096"), TS_AUDIT_HARMFUL, "95 % of 1000 reads");
	fixture_close(&f);
	expect(read_ahead(&f, 1000, 50, "256"), TS_AUDIT_UNNECESSARY, "not a stream");
	fixture_close(&f);
	expect(read_ahead(&f, 1000, 500, "4096"), TS_AUDIT_UNNECESSARY, "not a stream");
	fixture_close(&f);
	assert_true(read_ahead(&f, 1000, 950, "4096")->verdict != TS_AUDIT_HARMFUL);
	fixture_close(&f);
	expect(read_ahead(&f, 100, 0, "4096"), TS_AUDIT_UNKNOWN, "100 reads");
	fixture_close(&f);
}

/* --- recommendations that contradict each other */

static struct ts_finding *recommend(struct ts_rule_context *context, const char *setting,
				    const char *current, const char *proposed, double harm)
{
	struct ts_finding *finding = ts_finding_new(context, TS_OUTCOME_RECOMMEND);

	finding->id = ts_text(context, "%s/%s/%s", context->rule->id, setting, proposed);
	finding->title = ts_text(context, "%s is in the way", setting);
	finding->setting = setting;
	finding->current = current;
	finding->proposed = proposed;
	finding->apply = "sysctl -w";
	finding->computed = "measured";
	finding->harm_seconds = harm;
	return finding;
}

static struct ts_report *merged(struct fixture *f, const char *current, const char *one,
				const char *other, const char *third)
{
	static const struct ts_rule rules[] = {{.id = "first"}, {.id = "second"}, {.id = "third"}};
	const char *const proposed[] = {one, other, third};
	struct ts_rule_context context = {.window = &f->window};

	fixture_open(f);
	fixture_judge(f);
	context.report = f->report;
	for (size_t i = 0; i < 3; i++) {
		context.rule = &rules[i];
		if (proposed[i])
			recommend(&context, "vm.dirty_ratio", current, proposed[i], 10 - (double)i);
	}
	ts_findings_merge(&context);
	return f->report;
}

static void rules_that_agree_are_one_finding(void **state)
{
	struct fixture f;
	struct ts_report *report = merged(&f, "10", "20", "40", "30");

	assert_int_equal(report->findings, 1);
	assert_int_equal(report->finding[0].outcome, TS_OUTCOME_RECOMMEND);
	assert_string_equal(report->finding[0].proposed, "40");
	fixture_close(&f);
}

static void rules_that_disagree_are_a_conflict(void **state)
{
	static const char *const orders[][3] = {
		{"20", "5", NULL}, {"5", "20", NULL}, {"20", "5", "30"}, {"20", "30", "5"}};

	for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
		struct fixture f;
		struct ts_report *report =
			merged(&f, "10", orders[i][0], orders[i][1], orders[i][2]);
		const struct ts_finding *finding = &report->finding[0];

		assert_int_equal(report->findings, 1);
		assert_int_equal(finding->outcome, TS_OUTCOME_NOT_A_SETTING);
		assert_string_equal(finding->cause, TS_CAUSE_CONFLICT);
		assert_string_equal(finding->id, "conflict/vm.dirty_ratio");
		assert_string_equal(finding->apply, "");
		assert_string_equal(finding->setting, "");
		assert_string_equal(finding->acquits, "vm.dirty_ratio");
		assert_contains(finding->remedy, "asks for 5");
		assert_contains(finding->remedy, "first asks for");
		fixture_close(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_rule_found_is_needed),
		cmocka_unit_test(what_is_quiet_is_unnecessary),
		cmocka_unit_test(what_was_not_measured_is_unknown),
		cmocka_unit_test(what_would_harm),
		cmocka_unit_test(read_ahead_by_how_the_device_is_read),
		cmocka_unit_test(rules_that_agree_are_one_finding),
		cmocka_unit_test(rules_that_disagree_are_a_conflict),
	};

	return cmocka_run_group_tests_name("audit and conflicts", tests, NULL, NULL);
}
