// SPDX-License-Identifier: GPL-2.0-only
/* What a client's headers ask for, and what an address to listen on may be. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../user/live/http.h"

static void the_format_that_is_asked_for(void **state)
{
	static const struct {
		const char *accept;
		enum ts_http_question format;
	} cases[] = {
		{NULL, TS_HTTP_PROMETHEUS},
		{"", TS_HTTP_PROMETHEUS},
		{"*/*", TS_HTTP_PROMETHEUS},
		{"text/plain", TS_HTTP_PROMETHEUS},
		{"application/openmetrics-text", TS_HTTP_OPENMETRICS},
		/* Prometheus 2.42, 2.5x and 3 */
		{"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version="
		 "0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		 TS_HTTP_OPENMETRICS},
		{"application/"
		 "openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/"
		 "openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;q=0.3,*/*;q=0.2",
		 TS_HTTP_OPENMETRICS},
		/* a browser */
		{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
		 TS_HTTP_PROMETHEUS},
		{"text/plain;q=0.9, application/openmetrics-text; q=0.5", TS_HTTP_PROMETHEUS},
		{"application/openmetrics-text;q=0", TS_HTTP_PROMETHEUS},
		{"APPLICATION/OpenMetrics-Text", TS_HTTP_OPENMETRICS},
		{"application/openmetrics-text-not", TS_HTTP_PROMETHEUS},
		{",,;;q=,q=1,application/openmetrics-text;q=1;", TS_HTTP_OPENMETRICS},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (ts_http_accepted(cases[i].accept) != cases[i].format)
			fail_msg("%s", cases[i].accept);
}

static void gzip_only_for_who_takes_it(void **state)
{
	assert_true(ts_http_takes_gzip("gzip"));
	assert_true(ts_http_takes_gzip("deflate, gzip;q=1.0, *;q=0.5"));
	assert_true(ts_http_takes_gzip("GZIP"));
	assert_false(ts_http_takes_gzip(NULL));
	assert_false(ts_http_takes_gzip(""));
	assert_false(ts_http_takes_gzip("identity"));
	assert_false(ts_http_takes_gzip("gzip;q=0"));
	assert_false(ts_http_takes_gzip("gzipped"));
}

/* Binds; whether others can reach it. */
static bool listens(const char *address, const char *expected)
{
	bool exposed = false;
	char name[128] = "";
	int descriptor = ts_http_listen(address, name, &exposed);

	if (descriptor < 0)
		fail_msg("%s: %s", address, strerror(-descriptor));
	close(descriptor);
	assert_string_equal(name, expected);
	return exposed;
}

static void addresses_of_both_kinds(void **state)
{
	char name[128];
	bool exposed;

	assert_false(listens("127.0.0.1:39471", "127.0.0.1:39471"));
	assert_false(listens("127.1.2.3:39471", "127.1.2.3:39471"));
	assert_false(listens("[::1]:39471", "[::1]:39471"));
	assert_true(listens("0.0.0.0:39471", "0.0.0.0:39471"));
	assert_true(listens(":39471", "[::]:39471"));
	assert_int_equal(ts_http_listen("192.0.2.77:39471", name, &exposed), -EADDRNOTAVAIL);
	assert_int_equal(ts_http_listen("host.invalid:39471", name, &exposed), -EADDRNOTAVAIL);
	assert_int_equal(ts_http_listen("[127.0.0.1:39471", name, &exposed), -EINVAL);
	assert_int_equal(ts_http_listen("127.0.0.1:065536", name, &exposed), -EINVAL);
	assert_int_equal(ts_http_listen("", name, &exposed), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_format_that_is_asked_for),
		cmocka_unit_test(gzip_only_for_who_takes_it),
		cmocka_unit_test(addresses_of_both_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
