// SPDX-License-Identifier: GPL-2.0-only
/* What the report makes of the rules' findings: one for one thing, worst first, honest gaps. */
#include "../rules/fixture.h"

static void overflow(struct fixture *f, const char *netns, const char *port, double drops,
		     double burst)
{
	fixture_setting(f, TS_SETTING_SOMAXCONN, netns, "16", "");
	fixture_gauge(f, TCP_LISTENER_BACKLOG, 16, netns, port);
	fixture_gauge(f, TCP_ACCEPT_QUEUE_PEAK, 17, netns, port);
	fixture_gauge(f, TCP_LISTENER_BURST, burst, netns, port);
	fixture_counter(f, TCP_LISTENER_DROPS, drops, netns, port);
	fixture_counter(f, TCP_ACCEPT_QUEUE_SAMPLES, 90, netns, port, "empty");
	fixture_counter(f, TCP_ACCEPT_QUEUE_SAMPLES, 10, netns, port, "full");
	fixture_counter(f, NETWORK_COUNTERS, drops, netns, "ListenOverflows");
	fixture_counter(f, NETWORK_COUNTERS, drops, netns, "ListenDrops");
	fixture_counter(f, TCP_CONNECTIONS, 5000, netns, "service", port);
}

/* The SYN queue of another port of that namespace ends at the same limit. */
static void full_syn_queue(struct fixture *f, const char *netns, const char *port, double burst)
{
	fixture_setting(f, TS_SETTING_TCP_SYNCOOKIES, netns, "0", "");
	fixture_setting(f, TS_SETTING_TCP_MAX_SYN_BACKLOG, netns, "4096", "");
	fixture_gauge(f, TCP_LISTENER_BACKLOG, 16, netns, port);
	fixture_gauge(f, TCP_SYN_QUEUE_PEAK, 16, netns, port);
	fixture_gauge(f, TCP_LISTENER_BURST, burst, netns, port);
	fixture_counter(f, NETWORK_COUNTERS, 50, netns, "TCPReqQFullDrop");
}

static bool has_evidence_of(const struct ts_finding *finding, const char *port)
{
	for (size_t i = 0; i < finding->evidence_count; i++)
		for (size_t k = 0; k < TS_LABELS_MAX; k++)
			if (!strcmp(finding->evidence[i].label[k], port))
				return true;
	return false;
}

static void two_rules_one_setting(void **state)
{
	struct fixture f;
	const struct ts_finding *finding;

	fixture_open(&f);
	overflow(&f, SERVER, "9000", 300, 80);
	full_syn_queue(&f, SERVER, "8000", 3000);
	fixture_judge(&f);
	assert_int_equal(f.report->findings, 1);
	finding = &f.report->finding[0];
	assert_string_equal(finding->setting, "net.core.somaxconn");
	/* The larger demand decides, in every place. */
	assert_string_equal(finding->proposed, "8192");
	assert_contains(finding->apply, "somaxconn=8192");
	assert_contains(finding->computed, "3000");
	assert_string_equal(finding->port, "");
	assert_int_equal((int)finding->harm, 350);
	/* One title, of the worse place; where the other is, the evidence says. */
	assert_contains(finding->title, "(and 1 more place)");
	assert_null(strchr(finding->title, ';'));
	assert_true(has_evidence_of(finding, "9000") && has_evidence_of(finding, "8000"));
	assert_string_equal(finding->rule, "accept-queue");
	/* Both rules say what they found. */
	assert_int_equal(fixture_outcome(&f, "accept-queue"), TS_OUTCOME_RECOMMEND);
	assert_int_equal(fixture_outcome(&f, "syn-queue"), TS_OUTCOME_RECOMMEND);
	fixture_close(&f);
}

static void namespaces_stay_apart(void **state)
{
	struct fixture f;

	fixture_open(&f);
	overflow(&f, SERVER, "9000", 300, 80);
	overflow(&f, CONTAINER, "9000", 500, 80);
	fixture_judge(&f);
	assert_int_equal(f.report->findings, 2);
	assert_string_equal(f.report->finding[0].netns, CONTAINER); /* the worse one first */
	assert_string_equal(f.report->finding[1].netns, SERVER);
	fixture_close(&f);
}

static void the_order_does_not_depend_on_the_input(void **state)
{
	const char *id[2];
	struct fixture f;

	for (int swap = 0; swap < 2; swap++) {
		fixture_open(&f);
		overflow(&f, SERVER, swap ? "9000" : "8000", swap ? 300 : 100, 80);
		overflow(&f, SERVER, swap ? "8000" : "9000", swap ? 100 : 300, 80);
		fixture_judge(&f);
		assert_int_equal(f.report->findings, 1);
		id[swap] = "accept-queue/net.core.somaxconn/netns:" SERVER "/port:8000";
		assert_string_equal(f.report->finding[0].id, id[swap]);
		/* The worse one gives the title. */
		assert_contains(f.report->finding[0].title, "9000");
		fixture_close(&f);
	}
}

/* A host full of services with the same trouble: the report stays readable. */
static void many_places_one_title(void **state)
{
	struct fixture f;
	char port[8];

	fixture_open(&f);
	for (int i = 0; i < 40; i++) {
		snprintf(port, sizeof port, "%d", 8000 + i);
		overflow(&f, SERVER, port, i == 7 ? 900 : 300, 80);
	}
	fixture_judge(&f);
	assert_int_equal(f.report->findings, 1);
	assert_contains(f.report->finding[0].title, "8007");
	assert_contains(f.report->finding[0].title, "(and 39 more places)");
	assert_true(strlen(f.report->finding[0].title) < 200);
	fixture_close(&f);
}

static void an_idle_host(void **state)
{
	struct fixture f;

	fixture_open(&f);
	fixture_judge(&f);
	assert_int_equal(f.report->findings, 0);
	assert_int_equal(f.report->rules, ts_rules_count);
	for (size_t i = 0; i < f.report->rules; i++)
		assert_int_equal(fixture_outcome(&f, ts_rules[i]->id), TS_OUTCOME_QUIET);
	fixture_close(&f);
}

/* They came and went between the samples: that nothing was seen of them is no good sign. */
static void connections_that_were_never_seen(void **state)
{
	static const char *const about[] = {"receive-buffer", "send-buffer",   "window-scaling",
					    "write-ahead",    "idle-restart",  "congestion-control",
					    "keepalive",      "mtu-black-hole"};
	struct fixture f;

	for (int seen = 0; seen < 2; seen++) {
		fixture_open(&f);
		fixture_counter(&f, NETWORK_COUNTERS, 60, SERVER, "TcpOutSegs");
		fixture_counter(&f, NETWORK_COUNTERS, 40, CONTAINER, "TcpOutSegs");
		fixture_gauge(&f, TCP_LOCAL_PORTS, 5, SERVER, "10.0.0.1:80", "time-wait");
		if (seen)
			fixture_latency(&f, TCP_LIVE_SMOOTHED_RTT, 3, 0.01, 1, SERVER, "service",
					"80");
		fixture_judge(&f);
		for (size_t i = 0; i < sizeof about / sizeof *about; i++)
			assert_int_equal(fixture_outcome(&f, about[i]),
					 seen ? TS_OUTCOME_QUIET : TS_OUTCOME_INSUFFICIENT);
		assert_int_equal(fixture_outcome(&f, "local-ports"), TS_OUTCOME_QUIET);
		assert_int_equal(fixture_outcome(&f, "accept-queue"), TS_OUTCOME_QUIET);
		fixture_close(&f);
	}
	fixture_open(&f);
	fixture_counter(&f, NETWORK_COUNTERS, 99, SERVER, "TcpOutSegs");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, "receive-buffer"), TS_OUTCOME_QUIET);
	fixture_close(&f);
}

static void nothing_measured_is_not_quiet(void **state)
{
	struct fixture f;

	fixture_open(&f);
	for (int source = 0; source < TS_SOURCE_COUNT; source++)
		ts_snapshot_source_status(f.later, source, TS_STATUS_FAILED, "no privilege");
	fixture_judge(&f);
	for (size_t i = 0; i < f.report->rules; i++) {
		assert_int_equal(fixture_outcome(&f, ts_rules[i]->id), TS_OUTCOME_UNAVAILABLE);
		assert_contains(f.report->rule[i].why, "no privilege");
	}
	fixture_close(&f);

	/* A source that nobody asked is no better than one that failed; one that saw nothing is. */
	fixture_open(&f);
	ts_snapshot_source_status(f.later, TS_SOURCE_WRITEBACK, TS_STATUS_NO_DATA, "");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, "dirty-throttle"), TS_OUTCOME_UNAVAILABLE);
	fixture_close(&f);
	fixture_open(&f);
	ts_snapshot_source_status(f.later, TS_SOURCE_WRITEBACK, TS_STATUS_NO_DATA,
				  "no writer was paused yet");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, "dirty-throttle"), TS_OUTCOME_QUIET);
	fixture_close(&f);
}

static void a_profile_switches_rules_off(void **state)
{
	struct fixture f;

	fixture_open(&f);
	f.profile.enabled[0] = false;
	overflow(&f, SERVER, "9000", 300, 80);
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, "accept-queue"), TS_OUTCOME_DISABLED);
	assert_int_equal(f.report->findings, 0);
	fixture_close(&f);
}

static void thresholds_come_from_the_profile(void **state)
{
	struct fixture f;

	fixture_open(&f);
	assert_int_equal(ts_profile_parse("[accept-queue]\ndropped_connections = 301\n", "x.conf",
					  &f.profile),
			 0);
	overflow(&f, SERVER, "9000", 300, 80);
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, "accept-queue"), TS_OUTCOME_QUIET);
	fixture_close(&f);
}

static void names_and_orders_of_outcomes(void **state)
{
	assert_string_equal(ts_outcome_name(TS_OUTCOME_NOT_A_SETTING), "not-a-setting");
	assert_int_equal(ts_outcome_stronger(TS_OUTCOME_NOT_A_SETTING, TS_OUTCOME_RECOMMEND),
			 TS_OUTCOME_RECOMMEND);
	assert_int_equal(ts_outcome_stronger(TS_OUTCOME_QUIET, TS_OUTCOME_INSUFFICIENT),
			 TS_OUTCOME_INSUFFICIENT);
	assert_int_equal(ts_round_up_power_of_two(17, 1, 1024), 32);
	assert_int_equal(ts_round_up_power_of_two(32, 1, 1024), 32);
	assert_int_equal(ts_round_up_power_of_two(3, 100, 1024), 100);
	assert_int_equal(ts_round_up_power_of_two(1e30, 1, 65535), 65535);
}

/* The table that collecting, judging and showing iterate. */
static void settings_are_sound(void **state)
{
	static const char *const begins[] = {
		[TS_SETTING_SYSCTL] = "/proc/sys/",
		[TS_SETTING_BLOCK_QUEUE] = "/sys/block/%s/",
		[TS_SETTING_NET_QUEUE] = "/sys/class/net/%s/queues/",
		[TS_SETTING_SYSFS] = "/sys/",
		[TS_SETTING_MOUNT] = "/proc/self/mountinfo",
	};

	for (int id = 0; id < TS_SETTING_COUNT; id++) {
		const struct ts_setting *s = &ts_settings[id];

		assert_int_equal(ts_setting_by_name(s->name), id);
		assert_true(*s->meaning && *s->unit && s->arity <= 3);
		assert_true(s->minimum <= s->maximum);
		assert_int_equal(strncmp(s->path, begins[s->kind], strlen(begins[s->kind])), 0);
		assert_int_equal(strstr(s->path, "%s") != NULL, s->scope == TS_SCOPE_DEVICE);
		for (size_t i = 0; i < 2; i++)
			assert_true(s->coupled[i] <= TS_SETTING_COUNT && (int)s->coupled[i] != id);
	}
	assert_int_equal(ts_setting_by_name("net.core.nonsense"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_rules_one_setting),
		cmocka_unit_test(namespaces_stay_apart),
		cmocka_unit_test(the_order_does_not_depend_on_the_input),
		cmocka_unit_test(many_places_one_title),
		cmocka_unit_test(an_idle_host),
		cmocka_unit_test(connections_that_were_never_seen),
		cmocka_unit_test(nothing_measured_is_not_quiet),
		cmocka_unit_test(a_profile_switches_rules_off),
		cmocka_unit_test(thresholds_come_from_the_profile),
		cmocka_unit_test(names_and_orders_of_outcomes),
		cmocka_unit_test(settings_are_sound),
	};

	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
