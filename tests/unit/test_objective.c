// SPDX-License-Identifier: GPL-2.0-only
/* Measures from windows, objectives from measures, alert rules from objectives. */
#include "../rules/fixture.h"

#include "../../user/core/render/alert_rules.h"
#include "../../user/core/render/openmetrics.h"
#include "../../user/core/render/render.h"

static void use(struct fixture *f, const char *text)
{
	if (ts_profile_parse(text, "test.conf", &f->profile))
		fail_msg("%s", text);
}

#define NO_DEFAULTS \
	"[objective HighResponseTime]\nenabled = no\n[objective HighErrorRate]\nenabled = no\n"

static const struct ts_objective_result *result(const struct fixture *f, size_t i)
{
	assert_true(i < f->report->objectives);
	return &f->report->objective[i];
}

static void expect(const struct fixture *f, size_t i, const char *name, const char *where,
		   enum ts_objective_state state, double value, __u64 samples)
{
	const struct ts_objective_result *r = result(f, i);

	assert_string_equal(r->objective->name, name);
	assert_string_equal(*r->device ? r->device : r->port, where);
	assert_string_equal(ts_objective_state_name(r->state), ts_objective_state_name(state));
	assert_int_equal(r->samples, samples);
	if (isnan(value))
		assert_true(isnan(r->value) && *r->why);
	else if (!(fabs(r->value - value) <= 1e-3 * fabs(value) + 1e-12))
		fail_msg("%s is %g, expected %g", name, r->value, value);
	else
		assert_string_equal(r->why, "");
}

/* Every port is judged by its own exchanges; too few are no data, never zero. */
static void response_times(void **state)
{
	struct fixture f;

	fixture_open(&f);
	use(&f, "[objective HighErrorRate]\nenabled = no\n");
	fixture_latency(&f, TCP_SERVICE_TIME, 3, 0.1, 90, HOME, "service", "80");
	fixture_latency(&f, TCP_SERVICE_TIME, 3, 0.9, 10, HOME, "service", "80");
	fixture_latency(&f, TCP_SERVICE_TIME, 3, 0.1, 96, HOME, "service", "81");
	fixture_latency(&f, TCP_SERVICE_TIME, 3, 0.9, 4, HOME, "service", "81");
	fixture_latency(&f, TCP_SERVICE_TIME, 3, 2, 19, HOME, "service", "82");
	fixture_latency(&f, TCP_SERVICE_TIME, 3, 2, 50, HOME, "outbound", "5432");
	fixture_latency(&f, TCP_SERVICE_TIME, 3, 2, 50, "other", "other", "other");
	fixture_latency(&f, TCP_SERVICE_TIME, 3, 3, 40, SERVER, "service", "80");
	fixture_judge(&f);
	assert_int_equal(f.report->objectives, 3);
	assert_true(result(&f, 0)->value > 2.7 && result(&f, 0)->value <= 3.1);
	assert_string_equal(result(&f, 0)->netns, SERVER);
	assert_int_equal(result(&f, 0)->state, TS_OBJECTIVE_WARNING);
	assert_true(result(&f, 1)->value > 0.8 && result(&f, 1)->value <= 0.93);
	assert_string_equal(result(&f, 1)->netns, HOME);
	assert_int_equal(result(&f, 1)->state, TS_OBJECTIVE_WARNING);
	assert_int_equal(result(&f, 1)->samples, 100);
	assert_string_equal(result(&f, 2)->port, "81");
	assert_int_equal(result(&f, 2)->state, TS_OBJECTIVE_ON_TARGET);
	fixture_close(&f);
}

static void nothing_seen_is_no_data(void **state)
{
	struct fixture f;

	fixture_open(&f);
	use(&f, "[objective Port]\nmeasure = service-time-p95\nport = 82\nwarning = 1s\n");
	fixture_latency(&f, TCP_SERVICE_TIME, 3, 2, 19, HOME, "service", "82");
	fixture_latency(&f, TCP_SERVICE_TIME, 3, 2, 19, HOME, "service", "83");
	fixture_latency(&f, TCP_SERVICE_TIME, 3, 2, 18, HOME, "service", "84");
	fixture_judge(&f);
	assert_int_equal(f.report->objectives, 3);
	expect(&f, 0, "HighErrorRate", "", TS_OBJECTIVE_NO_DATA, NAN, 0);
	expect(&f, 1, "HighResponseTime", "82", TS_OBJECTIVE_NO_DATA, NAN, 19);
	expect(&f, 2, "Port", "82", TS_OBJECTIVE_NO_DATA, NAN, 19);
	assert_string_equal(result(&f, 0)->why, "no connections seen; at least 20 are needed");
	assert_string_equal(result(&f, 2)->why, "19 exchanges seen; at least 20 are needed");
	fixture_close(&f);
}

static void what_is_not_measured_says_why(void **state)
{
	struct fixture f;

	fixture_open(&f);
	use(&f, "");
	fixture_latency(&f, TCP_SERVICE_TIME, 3, 2, 50, HOME, "service", "82");
	fixture_counter(&f, TCP_CONNECTIONS, 50, HOME, "service", "82");
	fixture_unsupported(&f, TS_FAMILY_TCP_RESETS, "no such tracepoint");
	fixture_judge(&f);
	expect(&f, 1, "HighErrorRate", "", TS_OBJECTIVE_NO_DATA, NAN, 0);
	assert_contains(result(&f, 1)->why,
			"tcp_resets was not measured (tcp, unsupported: no such");
	fixture_close(&f);
}

static void error_shares(void **state)
{
	struct fixture f;

	fixture_open(&f);
	use(&f, NO_DEFAULTS "[objective Errors]\nmeasure = connection-error-share\n"
			    "target = 1%\nwarning = 3%\ncritical = 5%\n");
	/* 4 resets and 20 attempts dropped of 120. */
	fixture_counter(&f, TCP_CONNECTIONS, 100, HOME, "service", "80");
	fixture_counter(&f, TCP_RESETS, 3, HOME, "service", "80", "sent");
	fixture_counter(&f, TCP_RESETS, 1, HOME, "service", "80", "received");
	fixture_counter(&f, TCP_LISTENER_DROPS, 20, HOME, "80");
	fixture_counter(&f, TCP_CONNECTIONS, 100, HOME, "service", "81");
	fixture_counter(&f, TCP_RESETS, 4, HOME, "service", "81", "sent");
	fixture_counter(&f, TCP_CONNECTIONS, 100, HOME, "service", "82");
	fixture_counter(&f, TCP_RESETS, 2, HOME, "service", "82", "sent");
	fixture_counter(&f, TCP_CONNECTIONS, 100, HOME, "service", "83");
	/* Several resets of one connection are one connection at most. */
	fixture_counter(&f, TCP_CONNECTIONS, 20, HOME, "service", "84");
	fixture_counter(&f, TCP_RESETS, 30, HOME, "service", "84", "sent");
	/* Calls of this host, and the same port elsewhere, are others. */
	fixture_counter(&f, TCP_CONNECTIONS, 100, HOME, "outbound", "80");
	fixture_counter(&f, TCP_RESETS, 100, HOME, "outbound", "80", "received");
	fixture_counter(&f, TCP_CONNECTIONS, 19, SERVER, "service", "80");
	fixture_counter(&f, TCP_RESETS, 19, SERVER, "service", "80", "sent");
	/* Resets for what is no connection any more, and no connection at all. */
	fixture_counter(&f, TCP_RESETS, 19, CONTAINER, "service", "85", "sent");
	fixture_judge(&f);
	assert_int_equal(f.report->objectives, 5);
	expect(&f, 0, "Errors", "84", TS_OBJECTIVE_CRITICAL, 1, 20);
	expect(&f, 1, "Errors", "80", TS_OBJECTIVE_CRITICAL, 24.0 / 120, 120);
	expect(&f, 2, "Errors", "81", TS_OBJECTIVE_WARNING, 0.04, 100);
	expect(&f, 3, "Errors", "82", TS_OBJECTIVE_MISSED, 0.02, 100);
	expect(&f, 4, "Errors", "83", TS_OBJECTIVE_ON_TARGET, 0, 100);
	fixture_close(&f);
}

static void shares_of_the_host(void **state)
{
	struct fixture f;

	fixture_open(&f);
	use(&f,
	    NO_DEFAULTS "[objective Cpu]\nmeasure = cpu-utilisation\ntarget = 80%\n"
			"[objective Iowait]\nmeasure = cpu-iowait-share\nwarning = 10%\n"
			"[objective Memory]\nmeasure = memory-utilisation\ncritical = 70%\n"
			"[objective Disk]\nmeasure = disk-utilisation\nwarning = 80%\n"
			"[objective Pressure]\nmeasure = io-pressure\nwarning = 10%\n"
			"[objective NoPressure]\nmeasure = cpu-pressure\nwarning = 10%\n"
			"[objective Files]\nmeasure = file-handle-utilisation\nwarning = 50%\n");
	for (int cpu = 0; cpu < 2; cpu++) {
		const char *name = cpu ? "1" : "0";

		fixture_seconds(&f, CPU_TIME, 4, name, "user");
		fixture_seconds(&f, CPU_TIME, 1, name, "steal");
		fixture_seconds(&f, CPU_TIME, 3, name, "idle");
		fixture_seconds(&f, CPU_TIME, 2, name, "iowait");
	}
	fixture_gauge(&f, MEMORY, 8e9, "total");
	fixture_gauge(&f, MEMORY, 2e9, "available");
	fixture_seconds(&f, DISK_BUSY, 9, "sda");
	fixture_seconds(&f, DISK_BUSY, 10.02, "sdb");
	fixture_seconds(&f, PRESSURE, 0.5, "io", "some");
	fixture_seconds(&f, PRESSURE, 9, "io", "full");
	fixture_gauge(&f, FILE_HANDLES, 600, "allocated");
	fixture_gauge(&f, FILE_HANDLES, 1000, "maximum");
	fixture_judge(&f);
	assert_int_equal(f.report->objectives, 8);
	expect(&f, 0, "Memory", "", TS_OBJECTIVE_CRITICAL, 0.75, 1);
	expect(&f, 1, "Iowait", "", TS_OBJECTIVE_WARNING, 0.2, 20000);
	expect(&f, 2, "Disk", "sdb", TS_OBJECTIVE_WARNING, 1, 10000);
	expect(&f, 3, "Files", "", TS_OBJECTIVE_WARNING, 0.6, 1);
	expect(&f, 4, "Disk", "sda", TS_OBJECTIVE_WARNING, 0.9, 10000);
	expect(&f, 5, "Cpu", "", TS_OBJECTIVE_ON_TARGET, 0.5, 20000);
	expect(&f, 6, "Pressure", "", TS_OBJECTIVE_ON_TARGET, 0.05, 10000);
	expect(&f, 7, "NoPressure", "", TS_OBJECTIVE_NO_DATA, NAN, 0);
	fixture_close(&f);
}

static void latencies_of_devices_and_calls(void **state)
{
	struct fixture f;

	fixture_open(&f);
	use(&f, NO_DEFAULTS "[objective Block]\nmeasure = block-latency-p95\ndevice = sda\n"
			    "warning = 10ms\n"
			    "[objective Call]\nmeasure = call-time-p50\nport = 5432\ntarget = 1s\n"
			    "[objective Connect]\nmeasure = connect-latency-p99\ntarget = 1s\n"
			    "[objective Queue]\nmeasure = run-queue-latency-p99\ntarget = 1s\n"
			    "[objective Traffic]\nmeasure = connection-rate\nwarning = 100\n");
	/* Reads and writes together; flushes are neither. */
	fixture_latency(&f, BLOCK_LATENCY, 3, 0.001, 90, "sda", "read");
	fixture_latency(&f, BLOCK_LATENCY, 3, 0.1, 10, "sda", "write");
	fixture_latency(&f, BLOCK_LATENCY, 3, 10, 100, "sda", "flush");
	fixture_latency(&f, BLOCK_LATENCY, 3, 10, 100, "sdb", "read");
	fixture_latency(&f, TCP_SERVICE_TIME, 3, 0.25, 10, HOME, "outbound", "5432");
	fixture_latency(&f, TCP_CONNECT_LATENCY, 3, 0.25, 99, HOME, "5432");
	fixture_latency(&f, RUNQ_LATENCY, 4, 0.25, 100);
	fixture_counter(&f, TCP_CONNECTIONS, 500, HOME, "service", "80");
	fixture_counter(&f, TCP_CONNECTIONS, 5000, HOME, "service", "81");
	fixture_judge(&f);
	assert_int_equal(f.report->objectives, 6);
	assert_string_equal(result(&f, 0)->objective->name, "Block");
	assert_true(result(&f, 0)->value > 0.08 && result(&f, 0)->value <= 0.11);
	assert_int_equal(result(&f, 0)->samples, 100);
	/* Lower is worse. */
	expect(&f, 1, "Traffic", "80", TS_OBJECTIVE_WARNING, 50, 500);
	assert_int_equal(result(&f, 2)->state, TS_OBJECTIVE_ON_TARGET);
	expect(&f, 4, "Traffic", "81", TS_OBJECTIVE_ON_TARGET, 500, 5000);
	expect(&f, 5, "Connect", "5432", TS_OBJECTIVE_NO_DATA, NAN, 99);
	fixture_close(&f);
}

static char *rendered(void (*render)(FILE *, const void *), const void *what)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	render(out, what);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void render_rules(FILE *out, const void *profile)
{
	ts_render_alert_rules(out, profile);
}

static void render_page(FILE *out, const void *report)
{
	ts_render_text(out, report, &(struct ts_render_options){.width = 120});
}

static void the_page_shows_the_worst_ports(void **state)
{
	struct fixture f;
	char *text;

	fixture_open(&f);
	use(&f, "");
	fixture_latency(&f, TCP_SERVICE_TIME, 3, 3, 40, SERVER, "service", "80");
	fixture_latency(&f, TCP_SERVICE_TIME, 3, 2, 40, HOME, "service", "81");
	fixture_latency(&f, TCP_SERVICE_TIME, 3, 0.2, 40, HOME, "service", "82");
	fixture_latency(&f, TCP_SERVICE_TIME, 3, 0.1, 40, HOME, "service", "83");
	fixture_counter(&f, TCP_CONNECTIONS, 40, HOME, "service", "81");
	fixture_counter(&f, TCP_CONNECTIONS, 40, HOME, "service", "82");
	fixture_judge(&f);
	text = rendered(render_page, f.report);
	assert_contains(text,
			"Objectives\n   warning   HighResponseTime port 80 (network namespace "
			"labsrv): service-time-p95 ");
	assert_contains(text, "   warning   HighResponseTime port 81: service-time-p95 ");
	assert_contains(text, "   ok        HighErrorRate port 81: connection-error-share 0 % "
			      "(critical above 5 %)\n");
	assert_contains(text, " more on target (--all shows them)\n");
	assert_null(strstr(text, "port 83"));
	free(text);
	fixture_close(&f);
}

/* Each expression is about metrics that exist, with every placeholder filled in. */
static void every_measure_makes_a_rule(void **state)
{
	struct ts_profile profile;
	char text[256], name[TS_OPENMETRICS_NAME_MAX], *rules;

	for (size_t i = 0; i < ts_measures_count; i++) {
		const struct ts_measure *measure = &ts_measures[i];

		assert_ptr_equal(ts_measure_by_name(measure->name), measure);
		/* What is measured elsewhere has nothing to alert on. */
		if (!strcmp(measure->name, TS_MEASURE_ELSEWHERE))
			continue;
		assert_true(measure->needs_count && measure->least && *measure->sample);
		assert_true(strlen(measure->what) > 10 && strlen(measure->meaning) > 20);
		snprintf(text, sizeof text, "[objective X]\nmeasure = %s\nwarning = 0.25\n",
			 measure->name);
		assert_int_equal(ts_profile_parse(text, "x.conf", &profile), 0);
		rules = rendered(render_rules, &profile);
		assert_contains(rules, "- alert: X\n");
		assert_null(strchr(rules, '@'));
		for (size_t n = 0; n < measure->needs_count; n++)
			assert_contains(rules, ts_openmetrics_name(measure->needs[n], name));
		free(rules);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(response_times),
		cmocka_unit_test(nothing_seen_is_no_data),
		cmocka_unit_test(what_is_not_measured_says_why),
		cmocka_unit_test(error_shares),
		cmocka_unit_test(shares_of_the_host),
		cmocka_unit_test(latencies_of_devices_and_calls),
		cmocka_unit_test(the_page_shows_the_worst_ports),
		cmocka_unit_test(every_measure_makes_a_rule),
	};

	return cmocka_run_group_tests_name("objectives", tests, NULL, NULL);
}
