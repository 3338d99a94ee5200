// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recordings printed: every figure is there, none is made up, untrusted text does no harm. With
 * --samples DIRECTORY it writes recordings into files instead, for the tests of the command line.
 */
#include "recording_sample.h"

#include <jansson.h>

#include "../../user/core/render/dump.h"

#define HOSTILE "\033[31m\"a\",b\r\n=c\xff\xe2\x80\xae{}"

static char *dumped(void (*print)(const struct ts_dump *), const struct sample *s,
		    const struct ts_dump *wanted)
{
	struct ts_dump dump = *wanted;
	char *text = NULL;
	size_t size = 0;
	bool any = false;

	dump.recording = sample_read(s->bytes.data, s->bytes.length);
	dump.out = open_memstream(&text, &size);
	if (!dump.to_ns)
		dump.to_ns = UINT64_MAX;
	ts_for_each_family (id)
		any = any || dump.family[id];
	if (!any)
		memset(dump.family, true, sizeof dump.family);
	print(&dump);
	assert_int_equal(fclose(dump.out), 0);
	ts_recording_free(dump.recording);
	return text;
}

static void json(const struct ts_dump *dump)
{
	assert_int_equal(ts_dump_json(dump), 0);
}

static void assert_contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("missing: \"%s\" in:\n%.3000s", part, text);
}

static void assert_lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("there is: \"%s\" in:\n%.3000s", part, text);
}

static size_t count_of(const char *text, const char *part)
{
	size_t count = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		count++;
	return count;
}

/* Two windows, a change of a setting between them, then a lost frame and a third one. */
static void sample_with_a_gap(struct sample *s)
{
	sample_open(s);
	sample_add_context(s);
	sample_add_window(s, 3);
	s->somaxconn = "4096";
	sample_add_context(s);
	sample_add_window(s, 5);
	s->bytes.data[s->frame[s->frames - 1].offset + TS_FRAME_HEADER]++;
	sample_add_window(s, 7);
}

static void text_for_people(void **state)
{
	struct sample s;
	char *text;

	sample_with_a_gap(&s);
	text = dumped(ts_dump_text, &s, &(struct ts_dump){.utf8 = true});
	assert_contains(
		text,
		"# web1, Linux 6.18.0 x86_64, 2 CPUs, 8.00 GiB; recorded by tunescope 0.1.0\n");
	assert_contains(
		text, ": 2 frames of 10.0 s, 1 session (1 not ended: killed, or still running)\n");
	assert_contains(text, "# 1 place is damaged (checksum at ");
	assert_contains(text, "1 frame is missing (10.0 s)");
	assert_contains(text, "Z  window of 10.0 s, 10.0 s before it are missing; ");
	assert_contains(text, "Z  runq_latency  count=3 p50=");
	assert_contains(text, "Z  context_switches{kind=voluntary}  +7\n");
	assert_contains(text, "Z  cpu_seconds{cpu=0,mode=idle}  +1.75 s\n");
	assert_contains(text, "Z  tasks{state=running}  7\n");
	assert_contains(text, "  setting net.core.somaxconn{scope=4026531840} = 128\n");
	assert_contains(text, "  setting net.core.somaxconn{scope=4026531840} = 4096 (was 128)\n");
	assert_int_equal(count_of(text, "  setting vm.dirty_ratio = 20\n"), 1);
	assert_int_equal(count_of(text, "  pressure_seconds  disabled: psi=0 at boot\n"), 1);
	/* What did not happen, and what was not measured, has no line. */
	assert_lacks(text, "pressure_seconds{");
	assert_lacks(text, "+5\n");
	assert_lacks(text, "+0");
	free(text);
	sample_close(&s);
}

static void json_lines(void **state)
{
	struct sample s;
	char *text, *line, *rest;
	json_t *root;

	sample_with_a_gap(&s);
	text = dumped(json, &s, &(struct ts_dump){0});
	assert_int_equal(count_of(text, "\n"), 2);
	line = strtok_r(text, "\n", &rest);
	root = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	assert_string_equal(json_string_value(json_object_get(root, "schema")),
			    "tunescope.window/1");
	assert_int_equal(json_array_size(json_object_get(root, "families")), TS_FAMILY_COUNT);
	assert_int_equal(json_array_size(json_object_get(root, "settings")), 2);
	assert_true(json_number_value(json_object_get(root, "missing_seconds")) == 0);
	json_decref(root);
	line = strtok_r(NULL, "\n", &rest);
	root = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	/* They have changed since the line before. */
	assert_int_equal(json_array_size(json_object_get(root, "settings")), 2);
	assert_true(json_number_value(json_object_get(root, "missing_seconds")) == 10);
	assert_true(json_number_value(json_object_get(root, "seconds")) == 10);
	json_decref(root);
	free(text);

	text = dumped(json, &s, &(struct ts_dump){.family = {[TS_FAMILY_TASKS] = true}});
	line = strtok_r(text, "\n", &rest);
	root = json_loads(line, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(root, "families")), 1);
	json_decref(root);
	free(text);
	sample_close(&s);
}

static void settings_are_told_once(void **state)
{
	struct sample s;
	char *text;

	sample_open(&s);
	sample_add_session(&s, 1, 3);
	text = dumped(json, &s, &(struct ts_dump){0});
	assert_int_equal(count_of(text, "\"settings\":["), 1);
	free(text);
	sample_close(&s);
}

static void comma_separated(void **state)
{
	static const char head[] = "time,seconds,family,unit,kind,state,field,value\r\n";
	struct sample s;
	char *text;

	sample_with_a_gap(&s);
	text = dumped(ts_dump_csv, &s,
		      &(struct ts_dump){.family = {[TS_FAMILY_RUNQ_LATENCY] = true,
						   [TS_FAMILY_CONTEXT_SWITCHES] = true,
						   [TS_FAMILY_TASKS] = true}});
	assert_int_equal(strncmp(text, head, sizeof head - 1), 0);
	assert_contains(text, "2026-09-21 14:13:30.000,10,runq_latency,seconds,,,count,3\r\n");
	assert_contains(text, "2026-09-21 14:13:30.000,10,runq_latency,seconds,,,max,4e-05\r\n");
	assert_contains(text,
			"2026-09-21 14:13:50.000,10,context_switches,count,voluntary,,delta,7\r\n");
	assert_contains(text, "2026-09-21 14:13:50.000,10,tasks,count,,running,value,7\r\n");
	/* A header; two windows of six figures, a delta and a value. */
	assert_int_equal(count_of(text, "\r\n"), 1 + 2 * 8);
	assert_int_equal(count_of(text, "\n"), 1 + 2 * 8);
	free(text);
	sample_close(&s);
}

/* Every line of a family stands together, and its counters only go up. */
static void openmetrics(void **state)
{
	struct sample s;
	char *text, *first, *second;

	sample_open(&s);
	sample_add_session(&s, 2, 4);
	text = dumped(ts_dump_openmetrics, &s, &(struct ts_dump){0});
	first = strstr(text, "tunescope_context_switches_total{kind=\"voluntary\"} 2 1790000010");
	second = strstr(text, "tunescope_context_switches_total{kind=\"voluntary\"} 5 1790000020");
	assert_true(first && second && first < second);
	assert_contains(second,
			"tunescope_context_switches_total{kind=\"voluntary\"} 9 1790000030");
	assert_int_equal(count_of(text, "# TYPE tunescope_context_switches counter\n"), 1);
	/* A gauge is what it was; a peak is not that of all windows before. */
	assert_contains(text, "tunescope_tasks{state=\"running\"} 3 1790000020");
	assert_contains(text, "tunescope_runq_latency_seconds_count 9 1790000030");
	assert_lacks(text, "tunescope_pressure_seconds_total{");
	assert_string_equal(text + strlen(text) - 6, "# EOF\n");
	free(text);
	sample_close(&s);
}

static void add_hostile(struct sample *s)
{
	struct ts_frame_header header;
	struct ts_window window;

	s->hostname = HOSTILE;
	sample_add_context(s);
	header = sample_header(s);
	window = sample_window(s, 1);
	ts_snapshot_counter(window.delta, TS_FAMILY_BLOCK_ERRORS, TS_LABELS(HOSTILE, "read"), 9);
	ts_snapshot_family_status(window.delta, TS_FAMILY_TCP_RESETS, TS_STATUS_FAILED, HOSTILE);
	ts_snapshot_sufferer(window.delta, &(struct ts_sufferer){
						   .family = TS_FAMILY_RUNQ_LATENCY,
						   .label = {"", "", "", ""},
						   .pid = 7,
						   .comm = HOSTILE,
						   .cgroup = HOSTILE,
						   .value = 1,
					   });
	header.context = ts_frame_context(&window);
	ts_frame_write_window(&window, &header, &s->bytes);
	ts_window_free(&window);
}

static void hostile_text(void **state)
{
	struct sample s;
	char *text;
	json_t *root;

	sample_open(&s);
	add_hostile(&s);
	text = dumped(ts_dump_text, &s, &(struct ts_dump){.utf8 = true});
	assert_contains(text, "block_errors{device=\\x1b[31m\"a\",b\\x0d\\x0a="
			      "c\\xff\\xe2\\x80\\xae{},op=read}  +9\n");
	assert_contains(text, "tcp_resets  failed: \\x1b[31m");
	assert_null(strchr(text, '\033'));
	assert_null(strchr(text, '\r'));
	free(text);

	text = dumped(ts_dump_csv, &s,
		      &(struct ts_dump){.family = {[TS_FAMILY_BLOCK_ERRORS] = true}});
	assert_contains(text, ",\"\033[31m\"\"a\"\",b\r\n=c\xff\xe2\x80\xae{}\",read,delta,9\r\n");
	free(text);

	text = dumped(json, &s, &(struct ts_dump){0});
	assert_int_equal(count_of(text, "\n"), 1);
	root = json_loads(text, 0, NULL);
	assert_non_null(root);
	json_decref(root);
	free(text);
	sample_close(&s);
}

static void a_slice(void **state)
{
	struct sample s;
	char *text;

	sample_open(&s);
	sample_add_session(&s, 1, 5);
	text = dumped(ts_dump_text, &s,
		      &(struct ts_dump){.from_ns = SAMPLE_EPOCH + 12 * SAMPLE_SECOND,
					.to_ns = SAMPLE_EPOCH + 34 * SAMPLE_SECOND});
	assert_int_equal(count_of(text, "window of 10.0 s"), 2);
	assert_contains(text, "  tasks{state=running}  2\n");
	assert_contains(text, "  tasks{state=running}  3\n");
	/* The header is that of the whole recording. */
	assert_contains(text, ": 5 frames of 10.0 s, 1 session\n# nothing is damaged or missing\n");
	free(text);
	sample_close(&s);
}

static void write_sample(const char *directory, const char *name, const struct sample *s)
{
	char path[4096];
	FILE *out;

	snprintf(path, sizeof path, "%s/%s.tsrec", directory, name);
	out = fopen(path, "w");
	if (!out || fwrite(s->bytes.data, 1, s->bytes.length, out) != s->bytes.length ||
	    fclose(out)) {
		perror(path);
		exit(1);
	}
}

/* whole, gap, hostile; boots: two boots and a clock that is set; old: settings changed */
static int write_samples(const char *directory)
{
	struct sample s;

	sample_open(&s);
	sample_add_session(&s, 1, 30);
	write_sample(directory, "whole", &s);
	sample_close(&s);
	sample_with_a_gap(&s);
	write_sample(directory, "gap", &s);
	sample_close(&s);
	sample_open(&s);
	add_hostile(&s);
	write_sample(directory, "hostile", &s);
	sample_close(&s);
	sample_open(&s);
	sample_add_session(&s, 1, 6);
	s.session = 3;
	s.sequence = 0;
	s.boot_id = "boot-b";
	s.boottime_ns = 30 * SAMPLE_SECOND;
	s.realtime_ns += 3600 * SAMPLE_SECOND;
	sample_add_context(&s);
	sample_add_window(&s, 7);
	s.realtime_ns += 1800 * SAMPLE_SECOND;
	sample_add_window(&s, 8);
	write_sample(directory, "boots", &s);
	sample_close(&s);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_for_people),
		cmocka_unit_test(json_lines),
		cmocka_unit_test(settings_are_told_once),
		cmocka_unit_test(comma_separated),
		cmocka_unit_test(openmetrics),
		cmocka_unit_test(hostile_text),
		cmocka_unit_test(a_slice),
	};

	if (argc == 3 && !strcmp(argv[1], "--samples"))
		return write_samples(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
