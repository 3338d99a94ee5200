// SPDX-License-Identifier: GPL-2.0-only
/* The text report of fixtures made by hand: what it says, and that no name can harm a terminal. */
#include "render_fixture.h"
#include "../../user/core/render/bars.h"
#include "../../user/core/render/escape.h"
#include "../../user/core/render/units.h"

static const struct ts_render_options plain = {.width = 80};
static const struct ts_render_options wide = {.width = 120}; /* few lines are wrapped */

/* The caller frees it. */
static char *text_of(void (*fill)(struct fixture *), const struct ts_render_options *options)
{
	struct fixture f;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	fixture_open(&f);
	fill(&f);
	ts_render_text(out, &f.report, options);
	fixture_close(&f);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(strlen(text), size);
	return text;
}

static void assert_lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("must not appear: \"%s\" in:\n%s", part, text);
}

/* Where a part begins; fails when it is missing. */
static size_t position(const char *text, const char *part)
{
	assert_contains(text, part);
	return (size_t)(strstr(text, part) - text);
}

static size_t longest_line(const char *text, const char *except)
{
	size_t longest = 0;

	while (*text) {
		size_t length = strcspn(text, "\n"), columns = 0;

		for (size_t i = 0; i < length; i++)
			columns += ((unsigned char)text[i] & 0xc0) != 0x80;
		if (columns > longest && !(except && memmem(text, length, except, strlen(except))))
			longest = columns;
		text += length + (text[length] == '\n');
	}
	return longest;
}

static void fill_quiet(struct fixture *f)
{
	fixture_rule(f, 0, TS_OUTCOME_QUIET, "no connection was refused");
	fixture_rule(f, 5, TS_OUTCOME_UNAVAILABLE, "runq_latency was not measured");
}

static void fill_nothing(struct fixture *f)
{
	ts_for_each_family (id)
		ts_snapshot_family_status(f->window.delta, (enum ts_family_id)id, TS_STATUS_FAILED,
					  "it broke");
	fixture_rule(f, 5, TS_OUTCOME_UNAVAILABLE, "runq_latency was not measured");
}

static void nothing_wrong_is_said_plainly(void **state)
{
	char *text = text_of(fill_quiet, &wide);

	assert_contains(text, "Nothing to change: no rule found anything wrong");
	assert_contains(text, "1 rule quiet, 1 could not be judged");
	assert_contains(text, "Unavailable rule: runq_latency was not measured");
	assert_lacks(text, "Evidence");
	assert_true(position(text, "Nothing to change") < position(text, "Coverage"));
	free(text);
}

static void fill_open(struct fixture *f)
{
	fixture_rule(f, 0, TS_OUTCOME_QUIET, "no connection was refused");
	fixture_rule(f, 5, TS_OUTCOME_INSUFFICIENT, "sampled 4 times only");
}

static void what_needs_more_data_is_not_all_well(void **state)
{
	char *text = text_of(fill_open, &wide);

	assert_contains(text, "Nothing to change so far: no rule found anything wrong");
	assert_contains(text, "1 needs more data");
	assert_contains(text, "sampled 4 times only");
	free(text);
}

static void nothing_measured_is_not_nothing_wrong(void **state)
{
	char *text = text_of(fill_nothing, &plain);

	assert_contains(text, "Nothing could be judged");
	assert_lacks(text, "Nothing to change");
	assert_contains(text, "families were not measured");
	assert_contains(text, "sched, failed: it broke (runq_latency, oncpu_time");
	assert_lacks(text, "Histograms");
	free(text);
}

static void first_screen_answers(void **state)
{
	static const char *const in_order[] = {
		"web1, Linux 6.1.0, 2 CPUs, 4.00 GiB; 10.0 s until 2024-02-29T12:34:56Z",
		"1 setting to change, 1 problem that no setting fixes; 1 rule quiet, 1 already "
		"set,",
		"1. connections to port 8080 are refused",
		"connections refused with the queue full: 812 connections (threshold 0); harm:",
		"net.core.somaxconn: 128 -> 4096",
		"   type         nsenter --net=/proc/123/ns/net sysctl -w "
		"net.core.somaxconn=4096\n",
		"2. connections to port 80 are refused",
		"   cause        application-backlog\n",
		"   not to blame net.core.somaxconn, net.ipv4.tcp_max_syn_backlog\n",
		"   do           raise backlog= in the configuration of nginx\n",
		"3. the setting has that value",
		"4. too short to tell",
		"Not judged",
		"Evidence",
		"Coverage",
		"Rules",
		"Own cost",
	};
	char *text = text_of(fixture_each_outcome, &wide);

	for (size_t i = 1; i < sizeof in_order / sizeof in_order[0]; i++)
		if (position(text, in_order[i - 1]) >= position(text, in_order[i]))
			fail_msg("\"%s\" must stand before \"%s\":\n%s", in_order[i - 1],
				 in_order[i], text);
	free(text);
}

static void evidence_has_its_rows(void **state)
{
	static const char *const rows[] = {
		"812 connections, threshold 0",
		"1240",
		"tcp_listener_drops",
		"netns=4026532211",
		"port=8080",
		"nginx pid 123: 812",
		"confidence   90 %",
		"risk         some kernel memory",
		"next-listen",
		"   undo         nsenter --net=/proc/123/ns/net sysctl -w net.core.somaxconn=128\n",
	};
	char *text = text_of(fixture_each_outcome, &wide);
	const char *evidence = text + position(text, "\nEvidence\n");

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_contains(evidence, rows[i]);
	free(text);
}

static void every_rule_is_listed_with_its_outcome(void **state)
{
	struct fixture f;
	char *text = text_of(fixture_each_outcome, &plain);
	const char *table = text + position(text, "\nRules\n");

	fixture_open(&f);
	fixture_each_outcome(&f);
	for (size_t i = 0; i < f.report.rules; i++) {
		char row[80];

		snprintf(row, sizeof row, "  %-20s %-13s ", f.report.rule[i].rule->id,
			 ts_outcome_name(f.report.rule[i].outcome));
		assert_contains(table, row);
	}
	fixture_close(&f);
	free(text);
}

static void coverage_and_cost(void **state)
{
	char *text = text_of(fixture_measurements, &plain);

	assert_contains(text, "pressure, disabled: psi=0 at boot (pressure_seconds)");
	assert_contains(text, "tcp, unsupported: this kernel has no such tracepoint");
	assert_contains(text, "BPF program on_reset (tcp) not attached");
	assert_contains(text, "block_latency: 42 observations");
	assert_contains(text, "Lost events: 7");
	/* 65000 ns in 1000 runs; 1000 runs in half a second; 65 us of half a second */
	assert_contains(text, "65 ns");
	assert_contains(text, "2000/s");
	assert_contains(text, "0.0130 %");
	assert_contains(text, "runq_latency\n  165 observations; p50 ");
	assert_contains(text, "block_latency device=nvme0n1,op=read\n");
	assert_lacks(text, "block_io_size device");
	free(text);
}

static void everything_shows_all_histograms(void **state)
{
	struct ts_render_options all = {.width = 80, .everything = true};
	char *text = text_of(fixture_measurements, &all);

	assert_contains(text, "block_io_size device=nvme0n1,op=read\n");
	assert_contains(text, "KiB");
	free(text);
}

static void lines_keep_within_the_width(void **state)
{
	static const unsigned int widths[] = {40, 60, 80, 120};

	for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
		struct ts_render_options options = {.width = widths[w], .utf8 = true};

		for (size_t i = 0; i < 2; i++) {
			char *text = text_of(fixtures[i].fill, &options);
			size_t longest = longest_line(text, "nsenter");

			/* Tables have a width of their own, and long names are not torn apart. */
			if (longest > (widths[w] < 80 ? 80 : widths[w]))
				fail_msg("%zu columns of %u:\n%s", longest, widths[w], text);
			free(text);
		}
	}
}

static void paragraphs_are_narrow_where_asked(void **state)
{
	struct ts_render_options narrow = {.width = 40};
	char *text = text_of(fill_quiet, &narrow);

	text[position(text, "\nCoverage\n")] = '\0';
	assert_true(longest_line(text, NULL) <= 40);
	free(text);
}

static void without_utf8_all_is_ascii(void **state)
{
	for (size_t i = 0; i < FIXTURES; i++) {
		char *text = text_of(fixtures[i].fill, &plain);

		for (const char *c = text; *c; c++)
			if ((unsigned char)*c >= 0x7f || ((unsigned char)*c < 0x20 && *c != '\n'))
				fail_msg("byte %#x in %s", (unsigned char)*c, fixtures[i].name);
		free(text);
	}
}

static void colors_only_when_asked(void **state)
{
	struct ts_render_options color = {.width = 80, .color = true};
	char *with = text_of(fixture_each_outcome, &color);
	char *without = text_of(fixture_each_outcome, &plain);
	char *out = with;

	assert_contains(with, "\033[");
	assert_lacks(without, "\033");
	/* The same text but for the colours. */
	for (const char *in = with; *in;) {
		if (*in == '\033') {
			in += strcspn(in, "m") + 1;
			continue;
		}
		*out++ = *in++;
	}
	*out = '\0';
	assert_string_equal(with, without);
	free(with);
	free(without);
}

static void hostile_text_is_harmless(void **state)
{
	struct ts_render_options utf8 = {.width = 80, .utf8 = true};
	char *text = text_of(fixture_hostile, &utf8);

	for (const char *c = text; *c;) {
		uint32_t code;
		size_t length = ts_utf8_decode(c, &code);

		if (!length)
			fail_msg("invalid UTF-8 at: %.40s", c);
		assert_true(code == '\n' || (code >= 0x20 && (code < 0x7f || code > 0x9f)));
		assert_true(code != 0x202e);
		c += length;
	}
	assert_contains(text, "\\x1b[31mA");
	assert_contains(text, "\\xe2\\x80\\xaeend");
	/* A forged line would begin with the text behind the newline. */
	assert_lacks(text, "\nroot#");
	free(text);
}

static void escaping(void **state)
{
	static const struct {
		const char *in, *utf8, *ascii, *clean;
	} cases[] = {
		{"", "", "", ""},
		{"nginx: worker", "nginx: worker", "nginx: worker", "nginx: worker"},
		{"h\xc3\xa9", "h\xc3\xa9", "h\\xc3\\xa9", "h\xc3\xa9"},
		{"\xf0\x9f\x90\xa7", "\xf0\x9f\x90\xa7", "\\xf0\\x9f\\x90\\xa7",
		 "\xf0\x9f\x90\xa7"},
		{"2 \xc3\x97 3 \xe2\x86\x92 6", "2 \xc3\x97 3 \xe2\x86\x92 6", "2 x 3 -> 6",
		 "2 \xc3\x97 3 \xe2\x86\x92 6"},
		{"\033[2J", "\\x1b[2J", "\\x1b[2J", "\033[2J"},
		{"a\nb\x7f", "a\\x0ab\\x7f", "a\\x0ab\\x7f", "a\nb\x7f"},
		{"\xff", "\\xff", "\\xff", "\xef\xbf\xbd"},
		{"\xc3", "\\xc3", "\\xc3", "\xef\xbf\xbd"}, /* cut short */
		{"\xc0\xaf", "\\xc0\\xaf", "\\xc0\\xaf", "\xef\xbf\xbd\xef\xbf\xbd"}, /* overlong */
		{"\xc2\x9b", "\\xc2\\x9b", "\\xc2\\x9b", "\xc2\x9b"}, /* C1 control */
		{"\xe2\x80\xae", "\\xe2\\x80\\xae", "\\xe2\\x80\\xae", "\xe2\x80\xae"},
	};
	struct ts_arena *arena = ts_arena_new();

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_string_equal(ts_escape_terminal(arena, cases[i].in), cases[i].utf8);
		assert_string_equal(ts_escape(arena, cases[i].in, false), cases[i].ascii);
		assert_string_equal(ts_utf8_clean(arena, cases[i].in), cases[i].clean);
	}
	ts_arena_free(arena);
}

static void units(void **state)
{
	struct ts_arena *arena = ts_arena_new();
	const struct {
		const char *got, *expected;
	} cases[] = {
		{ts_human_seconds(arena, 0), "0 s"},
		{ts_human_seconds(arena, 1e-9), "1.00 ns"},
		{ts_human_seconds(arena, 999.7e-6), "1.00 ms"},
		{ts_human_seconds(arena, 12.34e-6), "12.3 us"},
		{ts_human_seconds(arena, 0.1234), "123 ms"},
		{ts_human_seconds(arena, 59.95), "60.0 s"},
		{ts_human_seconds(arena, 1200), "20.0 min"},
		{ts_human_seconds(arena, 86400), "24.0 h"},
		{ts_human_seconds(arena, NAN), "n/a"},
		{ts_human_bytes(arena, 0), "0 B"},
		{ts_human_bytes(arena, 1023), "1023 B"},
		{ts_human_bytes(arena, 4096), "4.00 KiB"},
		{ts_human_bytes(arena, 1.5 * 0x1p30), "1.50 GiB"},
		{ts_human_number(arena, 1240), "1240"},
		{ts_human_number(arena, 0.5), "0.50"},
		{ts_human_number(arena, 1.8e19), "18.0 E"},
		{ts_human_number(arena, INFINITY), "infinite"},
		{ts_human_value(arena, 0.25, "seconds"), "250 ms"},
		{ts_human_value(arena, 2048, "bytes"), "2.00 KiB"},
		{ts_human_value(arena, 3, "requests"), "3 requests"},
		{ts_utc_time(arena, 0), "1970-01-01T00:00:00Z"},
		{ts_utc_time(arena, 951827696000000000ULL), "2000-02-29T12:34:56Z"},
		{ts_utc_time(arena, 4107542399000000000ULL), "2100-02-28T23:59:59Z"},
		{ts_utc_time(arena, 4107542400000000000ULL), "2100-03-01T00:00:00Z"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_string_equal(cases[i].got, cases[i].expected);
	ts_arena_free(arena);
}

/* Bars keep every observation, join without gaps and stay a dozen, for any histogram. */
static void bars_keep_every_observation(void **state)
{
	struct ts_arena *arena = ts_arena_new();
	unsigned int seed = 1;

	for (int round = 0; round < 400; round++) {
		unsigned int scale =
			round % 2 ? TS_HISTOGRAM_SCALE_GLOBAL : TS_HISTOGRAM_SCALE_KEYED;
		enum ts_unit unit = round % 3 ? TS_UNIT_SECONDS : TS_UNIT_BYTES;
		struct ts_histogram *h = ts_histogram_new(arena, scale, unit);
		struct ts_bar bar[TS_BARS_MAX];
		__u64 total = 0, largest = 0, least = UINT64_MAX;
		size_t bars;

		for (int i = 0; i < round; i++) {
			__u64 value = (__u64)rand_r(&seed) >> (rand_r(&seed) % 31);

			value <<= rand_r(&seed) % 8;
			ts_histogram_add(h, value, 1);
			largest = value > largest ? value : largest;
			least = value < least ? value : least;
		}
		bars = ts_bars_make(h, bar);
		assert_true(bars <= TS_BARS_MAX);
		assert_int_equal(bars == 0, round == 0);
		for (size_t i = 0; i < bars; i++) {
			total += bar[i].count;
			assert_true(bar[i].low < bar[i].high);
			if (i)
				assert_true(bar[i].low == bar[i - 1].high);
		}
		assert_int_equal(total, round);
		if (bars) {
			double base = unit == TS_UNIT_SECONDS ? 1e-9 : 1;

			assert_true(bar[0].count && bar[bars - 1].count);
			assert_true(bar[0].low <= (double)least * base);
			assert_true(bar[bars - 1].high >= (double)largest * base);
		}
	}
	ts_arena_free(arena);
}

static void huge_values_render_as_text(void **state)
{
	char *text = text_of(fixture_huge, &plain);

	assert_contains(text, "18.0 E connections");
	assert_contains(text, "not a number: n/a");
	assert_lacks(text, "nan");
	assert_lacks(text, " inf ");
	assert_true(longest_line(text, "nsenter") <= 80 + 320); /* 1e300 has no shorter form */
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_wrong_is_said_plainly),
		cmocka_unit_test(what_needs_more_data_is_not_all_well),
		cmocka_unit_test(nothing_measured_is_not_nothing_wrong),
		cmocka_unit_test(first_screen_answers),
		cmocka_unit_test(evidence_has_its_rows),
		cmocka_unit_test(every_rule_is_listed_with_its_outcome),
		cmocka_unit_test(coverage_and_cost),
		cmocka_unit_test(everything_shows_all_histograms),
		cmocka_unit_test(lines_keep_within_the_width),
		cmocka_unit_test(paragraphs_are_narrow_where_asked),
		cmocka_unit_test(without_utf8_all_is_ascii),
		cmocka_unit_test(colors_only_when_asked),
		cmocka_unit_test(hostile_text_is_harmless),
		cmocka_unit_test(escaping),
		cmocka_unit_test(units),
		cmocka_unit_test(bars_keep_every_observation),
		cmocka_unit_test(huge_values_render_as_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
