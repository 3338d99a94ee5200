// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "keepalive"

struct service {
	const char *time, *interval, *probes; /* NULL: not read */
	double gone, present, unknown;
	double empty, waiting; /* samples of the accept queue */
};

/* The lab's: eight clients that vanished hold all that the service has. */
static const struct service lab = {"7200", "1", "3", 8, 0, 0, 0, 82};

static void judge(struct fixture *f, const struct service *s)
{
	fixture_open(f);
	fixture_setting(f, TS_SETTING_SOMAXCONN, SERVER, "4096", "");
	if (s->time) {
		fixture_setting(f, TS_SETTING_TCP_KEEPALIVE_TIME, SERVER, s->time, "");
		fixture_setting(f, TS_SETTING_TCP_KEEPALIVE_INTVL, SERVER, s->interval, "");
		fixture_setting(f, TS_SETTING_TCP_KEEPALIVE_PROBES, SERVER, s->probes, "");
	}
	fixture_gauge(f, TCP_LISTENER_BACKLOG, 4096, SERVER, "9000");
	fixture_counter(f, TCP_ACCEPT_QUEUE_SAMPLES, s->empty, SERVER, "9000", "empty");
	fixture_counter(f, TCP_ACCEPT_QUEUE_SAMPLES, s->waiting, SERVER, "9000", "partial");
	fixture_gauge(f, TCP_SILENT, s->gone, SERVER, "service", "9000", "gone");
	fixture_gauge(f, TCP_SILENT, s->present, SERVER, "service", "9000", "present");
	fixture_gauge(f, TCP_SILENT, s->unknown, SERVER, "service", "9000", "unknown");
	fixture_judge(f);
}

static void expect(const struct service *s, enum ts_outcome outcome)
{
	struct fixture f;

	judge(&f, s);
	assert_string_equal(ts_outcome_name(fixture_outcome(&f, RULE)), ts_outcome_name(outcome));
	fixture_close(&f);
}

static void names_the_time(void **state)
{
	struct service s = lab;
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, &lab);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	assert_string_equal(finding->setting, "net.ipv4.tcp_keepalive_time");
	assert_string_equal(finding->current, "7200");
	assert_string_equal(finding->proposed, "2");
	assert_null(strstr(finding->apply, "intvl"));
	fixture_close(&f);
	/* The kernel's defaults: eleven minutes of probes are shortened, too. */
	s.interval = "75", s.probes = "9";
	judge(&f, &s);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, SERVER);
	assert_contains(finding->apply, "net.ipv4.tcp_keepalive_intvl=1");
	assert_contains(finding->apply, "net.ipv4.tcp_keepalive_probes=3");
	assert_contains(finding->undo, "net.ipv4.tcp_keepalive_intvl=75");
	fixture_close(&f);
}

static void just_below_is_quiet(void **state)
{
	struct service s = lab;

	s.gone = 1;
	expect(&s, TS_OUTCOME_QUIET);
	s.gone = 2;
	expect(&s, TS_OUTCOME_RECOMMEND);
	s.empty = 42, s.waiting = 40; /* nobody waits for long */
	expect(&s, TS_OUTCOME_QUIET);
}

static void idle_clients(void **state)
{
	struct service s = lab;
	struct fixture f;

	s.gone = 0, s.present = 8;
	judge(&f, &s);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, SERVER)->cause,
			    "low-concurrency");
	fixture_close(&f);
	/* Of other hosts nothing is known. */
	s.present = 0, s.unknown = 8;
	expect(&s, TS_OUTCOME_INSUFFICIENT);
	s.gone = 3;
	expect(&s, TS_OUTCOME_INSUFFICIENT);
	/* Away for a moment: seen both ways. */
	s.gone = s.present = 6, s.unknown = 0;
	expect(&s, TS_OUTCOME_INSUFFICIENT);
	s.present = 5;
	expect(&s, TS_OUTCOME_RECOMMEND);
	s.present = 0, s.unknown = 6; /* before it was looked at more closely */
	expect(&s, TS_OUTCOME_RECOMMEND);
}

static void converges(void **state)
{
	struct service s = lab;

	s.time = "2";
	expect(&s, TS_OUTCOME_INSUFFICIENT);
	s.gone = 0;
	expect(&s, TS_OUTCOME_QUIET);
	s = lab, s.time = NULL;
	expect(&s, TS_OUTCOME_INSUFFICIENT);
}

static void not_measured(void **state)
{
	struct fixture f;

	fixture_open(&f);
	fixture_unsupported(&f, TS_FAMILY_TCP_SILENT, "no iterator");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_UNAVAILABLE);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_time), cmocka_unit_test(just_below_is_quiet),
		cmocka_unit_test(idle_clients),	  cmocka_unit_test(converges),
		cmocka_unit_test(not_measured),
	};

	return cmocka_run_group_tests_name("rule keepalive", tests, NULL, NULL);
}
