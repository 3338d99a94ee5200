// SPDX-License-Identifier: GPL-2.0-only
/*
 * The JSON report of fixtures made by hand. With --samples DIRECTORY it writes them into files
 * instead, for the test that validates them against docs/report.schema.json.
 */
#include "render_fixture.h"
#include <jansson.h>

static json_t *json_of(void (*fill)(struct fixture *))
{
	struct fixture f;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	json_error_t error;
	json_t *root;

	assert_non_null(out);
	fixture_open(&f);
	fill(&f);
	assert_int_equal(ts_render_json(out, &f.report), 0);
	fixture_close(&f);
	assert_int_equal(fclose(out), 0);
	root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		fail_msg("%s at %d: %.200s", error.text, error.position, text);
	free(text);
	return root;
}

static const char *string_at(json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	if (!json_is_string(value))
		fail_msg("%s is not a string", key);
	return json_string_value(value);
}

static json_t *named(json_t *array, const char *key, const char *name)
{
	size_t i;
	json_t *object;

	json_array_foreach(array, i,
			   object) if (!strcmp(string_at(object, key), name)) return object;
	fail_msg("there is no %s %s", key, name);
	return NULL;
}

static void json_holds_the_contract(void **state)
{
	static const char *const keys[] = {"schema", "host",	   "window",   "findings",
					   "rules",  "objectives", "families", "cost"};
	json_t *root = json_of(fixture_each_outcome), *findings, *finding, *evidence;

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		assert_non_null(json_object_get(root, keys[i]));
	assert_string_equal(string_at(root, "schema"), "tunescope.report/1");
	assert_int_equal(json_array_size(json_object_get(root, "families")), TS_FAMILY_COUNT);
	assert_int_equal(json_array_size(json_object_get(root, "rules")), FIXTURE_RULES);

	findings = json_object_get(root, "findings");
	assert_int_equal(json_array_size(findings), 4);
	finding = json_array_get(findings, 0);
	assert_string_equal(string_at(finding, "outcome"), "recommend");
	assert_string_equal(string_at(finding, "setting"), "net.core.somaxconn");
	assert_string_equal(string_at(finding, "proposed"), "4096");
	assert_null(json_object_get(finding, "cause"));
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(finding, "scope"), "netns")),
		4026532211);
	evidence = json_array_get(json_object_get(finding, "evidence"), 0);
	assert_int_equal(json_integer_value(json_object_get(evidence, "value")), 812);
	assert_int_equal(json_integer_value(json_object_get(evidence, "samples")), 1240);
	assert_string_equal(string_at(json_object_get(evidence, "labels"), "port"), "8080");

	finding = json_array_get(findings, 1);
	assert_string_equal(string_at(finding, "outcome"), "not-a-setting");
	assert_string_equal(string_at(finding, "cause"), "application-backlog");
	assert_int_equal(json_array_size(json_object_get(finding, "acquits")), 2);
	assert_string_equal(string_at(finding, "setting"), "");
	json_decref(root);
}

static void json_holds_the_measurements(void **state)
{
	json_t *root = json_of(fixture_measurements), *families, *family, *series, *cost, *pair;
	json_int_t total = 0;
	size_t i;

	families = json_object_get(root, "families");
	family = named(families, "name", "runq_latency");
	assert_string_equal(string_at(family, "status"), "ok");
	series = json_array_get(json_object_get(family, "series"), 0);
	assert_int_equal(json_integer_value(json_object_get(series, "count")), 165);
	assert_true(json_number_value(json_object_get(series, "max")) == 0.025);
	assert_true(fabs(json_number_value(json_object_get(series, "sum")) - 0.05255) < 1e-12);
	json_array_foreach(json_object_get(series, "buckets"), i, pair) total +=
		json_integer_value(json_array_get(pair, 1));
	assert_int_equal(total, 165);

	family = named(families, "name", "cpu_seconds");
	series = json_array_get(json_object_get(family, "series"), 0);
	assert_true(json_number_value(json_object_get(series, "value")) == 2.5);

	family = named(families, "name", "pressure_seconds");
	assert_string_equal(string_at(family, "status"), "disabled");
	assert_string_equal(string_at(family, "why"), "psi=0 at boot");
	assert_int_equal(json_array_size(json_object_get(family, "series")), 0);

	cost = json_object_get(root, "cost");
	assert_int_equal(json_object_size(json_object_get(cost, "bpf_ns_per_event")), 1);
	assert_int_equal(json_integer_value(json_object_get(
				 json_object_get(cost, "bpf_ns_per_event"), "on_switch")),
			 65);
	assert_int_equal(json_integer_value(json_object_get(cost, "lost_events")), 7);
	json_decref(root);
}

static void json_of_hostile_text_is_valid(void **state)
{
	json_t *root = json_of(fixture_hostile), *finding;

	finding = json_array_get(json_object_get(root, "findings"), 0);
	assert_contains(string_at(finding, "title"), "\033[31mA");
	assert_contains(string_at(finding, "title"), "\xef\xbf\xbd");
	/* Not a number: stays text. */
	assert_true(json_is_string(json_object_get(json_object_get(finding, "scope"), "port")));
	json_decref(root);
}

static void json_numbers_are_finite_or_null(void **state)
{
	json_t *root = json_of(fixture_huge), *finding, *evidence, *series, *families;

	finding = json_array_get(json_object_get(root, "findings"), 0);
	evidence = json_object_get(finding, "evidence");
	assert_true(json_number_value(json_object_get(json_array_get(evidence, 0), "value")) ==
		    1.8e19);
	assert_true(json_is_null(json_object_get(json_array_get(evidence, 1), "value")));
	assert_true(json_is_null(json_object_get(json_array_get(evidence, 2), "value")));

	families = json_object_get(root, "families");
	series = json_array_get(
		json_object_get(named(families, "name", "task_migrations"), "series"), 0);
	assert_true(json_number_value(json_object_get(series, "value")) > 1.8e19);
	series = json_array_get(json_object_get(named(families, "name", "offcpu_time"), "series"),
				0);
	assert_int_equal(json_integer_value(json_object_get(series, "count")), 0);
	assert_true(json_is_null(json_object_get(series, "p50")));
	json_decref(root);
}

static void json_reports_a_full_device(void **state)
{
	FILE *full = fopen("/dev/full", "w");
	struct fixture f;
	int error;

	assert_non_null(full);
	setvbuf(full, NULL, _IONBF, 0);
	fixture_open(&f);
	fixture_each_outcome(&f);
	error = ts_render_json(full, &f.report);
	fixture_close(&f);
	assert_true(error < 0);
	assert_true(ferror(full));
	fclose(full);
}

static int write_samples(const char *directory)
{
	for (size_t i = 0; i < FIXTURES; i++) {
		char path[4096];
		struct fixture f;
		FILE *out;
		int error;

		snprintf(path, sizeof path, "%s/%s.json", directory, fixtures[i].name);
		out = fopen(path, "w");
		if (!out)
			return 1;
		fixture_open(&f);
		fixtures[i].fill(&f);
		error = ts_render_json(out, &f.report);
		fixture_close(&f);
		if (fclose(out) || error)
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_holds_the_contract),
		cmocka_unit_test(json_holds_the_measurements),
		cmocka_unit_test(json_of_hostile_text_is_valid),
		cmocka_unit_test(json_numbers_are_finite_or_null),
		cmocka_unit_test(json_reports_a_full_device),
	};

	if (argc == 3 && !strcmp(argv[1], "--samples"))
		return write_samples(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
