// SPDX-License-Identifier: GPL-2.0-only
/*
 * The timeline and the page drawn from it. With --samples DIR the pages are written there instead,
 * for tests/cli/report.bats to look at with a browser.
 */
#include "html_sample.h"
#include "../../user/core/render/html.h"

static char *rendered(const struct ts_timeline *timeline)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	ts_render_html(out, timeline, NULL);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(strlen(text), length);
	return text;
}

static void contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("missing: %s", part);
}

static void lacks(const char *text, const char *part)
{
	const char *found = strstr(text, part);

	if (found)
		fail_msg("must not be there: %s in: %.120s", part, found);
}

static size_t occurrences(const char *text, const char *part)
{
	size_t count = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		count++;
	return count;
}

static const struct ts_track *track(const struct ts_timeline *timeline, enum ts_family_id family,
				    const char *const *labels)
{
	for (const struct ts_track *t = timeline->track[family]; t; t = t->next) {
		size_t i;

		for (i = 0; i < ts_families[family].labels; i++)
			if (strcmp(t->label[i], labels[i]))
				break;
		if (i == ts_families[family].labels)
			return t;
	}
	fail_msg("no such series of %s", ts_families[family].name);
	return NULL;
}

static const struct ts_mark *mark(const struct ts_timeline *timeline, enum ts_mark_kind kind,
				  size_t number)
{
	for (size_t i = 0; i < timeline->marks; i++)
		if (timeline->mark[i].kind == kind && !number--)
			return &timeline->mark[i];
	fail_msg("no such mark");
	return NULL;
}

/* --- samples */

static struct ts_timeline *sample_steady(size_t windows)
{
	struct sample s;

	sample_open(&s, 10, 10.0 * (double)windows);
	for (size_t i = 0; i < windows; i++)
		sample_window(&s, 10.0 * (double)i, 0.4, 0);
	return ts_timeline_finish(s.builder);
}

/* 20 windows; from the 8th to the 12th nothing was recorded, in the last five block failed. */
static struct ts_timeline *sample_gaps(void)
{
	struct sample s;

	sample_open(&s, 10, 200);
	for (size_t i = 0; i < 20; i++) {
		s.block_failed = i >= 15;
		if (i < 8 || i >= 12)
			sample_window(&s, 10.0 * (double)i, 0.4, 0);
	}
	return ts_timeline_finish(s.builder);
}

/* Drops in the windows 5 to 9; somaxconn is raised before the 15th. */
static struct ts_timeline *sample_change(void)
{
	struct sample s;

	sample_open(&s, 10, 300);
	for (size_t i = 0; i < 30; i++) {
		if (i == 15) {
			s.somaxconn = "4096";
			s.context++;
		}
		sample_window(&s, 10.0 * (double)i, 0.4, i >= 5 && i < 10 ? 400 : 0);
	}
	return ts_timeline_finish(s.builder);
}

static struct ts_timeline *sample_hostile(void)
{
	struct sample s;

	sample_open(&s, 10, 200);
	s.hostname = s.device = HOSTILE_HTML;
	s.comm = HOSTILE_HTML;
	for (size_t i = 0; i < 20; i++) {
		s.block_failed = i >= 15;
		s.why = HOSTILE_HTML;
		if (i == 10) {
			s.somaxconn = HOSTILE_HTML;
			s.context++;
		}
		sample_window(&s, 10.0 * (double)i, 0.4, 400);
	}
	return ts_timeline_finish(s.builder);
}

/* --- the timeline */

static void columns_hold_everything_once(void **state)
{
	struct ts_timeline *timeline = sample_steady(1000);
	const struct ts_track *runq = track(timeline, TS_FAMILY_RUNQ_LATENCY, NULL);
	const struct ts_track *listener =
		track(timeline, TS_FAMILY_TCP_CONNECTIONS,
		      (const char *const[]){SAMPLE_NETNS, "service", "8080"});
	__u64 count = 0, slots = 0;
	double sum = 0;
	size_t frames = 0;

	assert_in_range(timeline->columns, TS_TIMELINE_COLUMNS / 2, TS_TIMELINE_COLUMNS * 3 / 2);
	for (size_t i = 0; i < timeline->columns; i++) {
		const struct ts_column *column = &timeline->column[i];
		const struct ts_cell *cell = ts_track_cell(runq, i);

		assert_non_null(cell);
		count += cell->count;
		for (unsigned int k = 0; k < cell->slots; k++)
			slots += cell->slot[k];
		sum += ts_track_value(listener, i) * column->seconds;
		frames += column->frames;
		assert_true(cell->p50 <= cell->p95 && cell->p95 <= cell->p99 &&
			    cell->p99 <= cell->max);
		if (i)
			assert_int_equal(column->start_ns, timeline->column[i - 1].end_ns);
	}
	assert_int_equal(frames, 1000);
	assert_int_equal(count, runq->all->count);
	assert_int_equal(slots, count);
	assert_true(fabs(sum - 1600.0 * 1000) < 1);
	assert_true(fabs(listener->total - 1600.0 * 1000) < 1);
	assert_true(fabs(timeline->seconds - 10000) < 1e-6);
	assert_int_equal(timeline->findings, 0);
	ts_timeline_free(timeline);
}

static void what_is_not_measured_is_no_number(void **state)
{
	struct ts_timeline *timeline = sample_gaps();
	const struct ts_track *block =
		track(timeline, TS_FAMILY_BLOCK_LATENCY, (const char *const[]){"nvme0n1", "read"});

	assert_int_equal(timeline->columns, 16);
	assert_int_equal(timeline->column[8].start_ns - timeline->column[7].end_ns, 40 * SECOND);
	for (size_t i = 0; i < 16; i++) {
		bool measured = i < 11;

		assert_int_equal(ts_timeline_measured(timeline, i, TS_FAMILY_BLOCK_LATENCY),
				 measured);
		assert_int_equal(ts_track_cell(block, i) != NULL, measured);
	}
	assert_true(isnan(ts_track_value(
		track(timeline, TS_FAMILY_DISK_BUSY, (const char *const[]){"nvme0n1"}), 12)));
	assert_int_equal(timeline->outages, 13); /* the families of the block source */
	assert_string_equal(timeline->outage[0].why,
			    "the tracepoint block_rq_issue could not be attached");
	assert_int_equal((int)timeline->outage[0].seconds, 50);
	ts_timeline_free(timeline);
}

static void a_changed_setting_and_the_finding_before_it(void **state)
{
	struct ts_timeline *timeline = sample_change();
	const struct ts_mark *change = mark(timeline, TS_MARK_SETTING, 0);
	const struct ts_timeline_finding *found;

	assert_string_equal(change->name, "net.core.somaxconn");
	assert_string_equal(change->from, "128");
	assert_string_equal(change->to, "4096");
	assert_int_equal(change->at_ns, SAMPLE_START + 150 * SECOND);
	assert_int_equal(timeline->findings, 1);
	found = &timeline->finding[0];
	assert_string_equal(found->finding.rule, "accept-queue");
	assert_string_equal(found->finding.proposed, "4096");
	assert_int_equal(found->spans, 1);
	assert_int_equal(found->span[0].start_ns, SAMPLE_START + 50 * SECOND);
	assert_int_equal(found->span[0].end_ns, SAMPLE_START + 100 * SECOND);
	assert_int_equal(found->windows, 5);
	assert_false(found->over_all);
	assert_true(found->gone);
	assert_ptr_equal(&timeline->mark[found->change - 1], change);
	ts_timeline_free(timeline);
}

/* The kernel gives the number of a namespace that is gone to another one. */
static void another_namespace_of_the_same_number_is_no_change(void **state)
{
	static const char *const name[] = {"blue", "green", "red", "blue", "black", "white"};
	struct ts_timeline *timeline;
	struct sample s;
	char *page;

	sample_open(&s, 10, 600);
	for (size_t i = 0; i < 60; i++) {
		s.netns_name = name[i / 10];
		s.somaxconn = i < 10 ? "128" : i < 55 ? "4096" : "8192";
		s.context = (__u32)(i / 5);
		sample_window(&s, 10.0 * (double)i, 0.4, i >= 5 && i < 10 ? 400 : 0);
	}
	timeline = ts_timeline_finish(s.builder);
	assert_string_equal(mark(timeline, TS_MARK_SETTING, 0)->from, "4096");
	assert_int_equal(timeline->marks, 2);
	assert_int_equal(timeline->finding[0].spans, 1);
	assert_int_equal(timeline->netns_count, 1);
	assert_int_equal(timeline->netns[0].earlier_count, 4);
	page = rendered(timeline);
	contains(page, SAMPLE_NETNS " (blue, green, red, 1 more, white)");
	contains(page, "blue/…/white");
	free(page);
	ts_timeline_free(timeline);
}

/* A finding that came with the change is not "still there". */
static void a_finding_that_came_after_the_change(void **state)
{
	struct ts_timeline *timeline;
	struct sample s;
	char *page;

	sample_open(&s, 10, 300);
	for (size_t i = 0; i < 30; i++) {
		s.somaxconn = i < 10 ? "4096" : "128";
		s.context = i >= 10;
		sample_window(&s, 10.0 * (double)i, 0.4, i >= 12 ? 400 : 0);
	}
	timeline = ts_timeline_finish(s.builder);
	page = rendered(timeline);
	contains(page, "First seen after the change of net.core.somaxconn");
	lacks(page, "Still there");
	free(page);
	ts_timeline_free(timeline);
}

static void without_a_change_the_finding_stays(void **state)
{
	struct ts_timeline *timeline;
	struct sample s;

	sample_open(&s, 10, 300);
	for (size_t i = 0; i < 30; i++)
		sample_window(&s, 10.0 * (double)i, 0.4, i >= 5 && i < 10 ? 400 : 0);
	timeline = ts_timeline_finish(s.builder);
	assert_int_equal(timeline->findings, 1);
	assert_true(timeline->finding[0].over_all);
	assert_false(timeline->finding[0].gone);
	assert_int_equal((int)timeline->finding[0].finding.harm, 2000);
	ts_timeline_free(timeline);
}

static void sessions_boots_and_clock_steps_are_marked(void **state)
{
	struct ts_timeline *timeline;
	struct sample s;

	sample_open(&s, 10, 300);
	for (size_t i = 0; i < 30; i++) {
		s.session = 1 + i / 10;
		s.boot_id = i < 20 ? "one" : "two";
		s.clock_step_ns = i >= 5 ? 7 * SECOND : 0;
		sample_window(&s, 10.0 * (double)i, 0.4, 0);
	}
	timeline = ts_timeline_finish(s.builder);
	assert_int_equal(timeline->marks, 4);
	assert_int_equal(mark(timeline, TS_MARK_SESSION, 1)->at_ns, SAMPLE_START + 100 * SECOND);
	assert_int_equal(mark(timeline, TS_MARK_BOOT, 0)->at_ns, SAMPLE_START + 200 * SECOND);
	assert_int_equal((int)mark(timeline, TS_MARK_CLOCK, 0)->seconds, 7);
	ts_timeline_free(timeline);
}

/* One-second windows are judged ten at a time. */
static void short_windows_are_judged_together(void **state)
{
	struct ts_timeline *timeline;
	struct sample s;

	sample_open(&s, 1, 60);
	for (size_t i = 0; i < 60; i++)
		sample_window(&s, (double)i, 0.4, i >= 20 && i < 30 ? 40 : 0);
	timeline = ts_timeline_finish(s.builder);
	assert_int_equal(timeline->columns, 60);
	assert_int_equal(timeline->findings, 1);
	assert_int_equal(timeline->finding[0].windows, 1);
	assert_int_equal(timeline->finding[0].span[0].start_ns, SAMPLE_START + 20 * SECOND);
	assert_int_equal(timeline->finding[0].span[0].end_ns, SAMPLE_START + 30 * SECOND);
	ts_timeline_free(timeline);
}

/* --- the page */

static void the_page_names_what_matters(void **state)
{
	struct ts_timeline *timeline = sample_change();
	char *page = rendered(timeline);

	contains(page, "<h1>web1</h1>");
	contains(page, "Linux 6.1.0-26-amd64");
	contains(page, "2026-03-23 12:00:00");
	contains(page, "net.core.somaxconn: 128 → 4096");
	contains(page, "<pre>sysctl -w net.core.somaxconn=4096</pre>");
	contains(page, "Not seen any more after the change of net.core.somaxconn: 128 → 4096");
	contains(page, "class=\"mark\"");
	contains(page, "class=\"bar past\"");
	contains(page, "aria-label=\"Heatmap: Run-queue latency over time\"");
	contains(page, "Content-Security-Policy");
	lacks(page, "http://www.w3.org/1999"); /* nothing but the SVG namespace is named */
	assert_int_equal(occurrences(page, "http:"),
			 occurrences(page, "http://www.w3.org/2000/svg"));
	lacks(page, "https:");
	lacks(page, "style=\"");
	lacks(page, "nan");
	lacks(page, "inf,");
	free(page);
	ts_timeline_free(timeline);
}

/* Of 40 %, 62 % are user time; the listener accepts 160 connections a second. */
static void charts_show_the_right_figures(void **state)
{
	struct ts_timeline *timeline = sample_steady(50);
	char *page = rendered(timeline);
	const char *row = strstr(page, "</svg> user</td>"), *mean;

	assert_non_null(row);
	mean = strstr(row, "<td class=\"n\">");
	assert_non_null(mean);
	assert_in_range((int)atof(mean + strlen("<td class=\"n\">")), 22, 28);
	contains(page, "<td class=\"w\">service, port 8080</td><td class=\"n\">80000</td>"
		       "<td class=\"n\">160/s</td><td class=\"n\">160/s</td>");
	free(page);
	ts_timeline_free(timeline);
}

static void gaps_are_hatched(void **state)
{
	struct ts_timeline *timeline = sample_gaps(), *steady = sample_steady(20);
	char *page = rendered(timeline), *whole = rendered(steady);

	/* 40 of 200 s, beginning after 80: in every chart. */
	contains(page, "<rect class=\"gap\" x=\"40.00%\" y=\"0\" width=\"20.00%\"");
	/* The last 50 s in the charts of block devices. */
	contains(page, "<rect class=\"gap\" x=\"75.00%\" y=\"0\" width=\"25.00%\"");
	contains(page, "\"missing\":[11,12,13,14,15]");
	contains(page, "could not be attached");
	lacks(whole, "class=\"gap\" x");
	free(page);
	free(whole);
	ts_timeline_free(timeline);
	ts_timeline_free(steady);
}

static void hostile_names_stay_text(void **state)
{
	struct ts_timeline *timeline = sample_hostile(), *tame = sample_gaps();
	char *page = rendered(timeline), *other = rendered(tame);

	assert_true(timeline->findings > 0);
	lacks(page, "<img");
	lacks(page, "<!--");
	lacks(page, "]]>");
	lacks(page, "</script>&lt;");
	lacks(page, "onload='");
	lacks(page, "\xe2\x80\xae");
	contains(page, "&lt;/script&gt;&lt;img src=x");
	contains(page, "\\u003c/script\\u003e");
	for (const char *c = page; *c; c++)
		assert_true((unsigned char)*c >= ' ' || *c == '\n' || *c == '\t');
	assert_int_equal(occurrences(page, "<script>"), 1);
	assert_int_equal(occurrences(page, "<script"), occurrences(page, "</script>"));
	assert_int_equal(occurrences(other, "<script>"), 1);
	free(page);
	free(other);
	ts_timeline_free(timeline);
	ts_timeline_free(tame);
}

static void nothing_and_next_to_nothing(void **state)
{
	struct ts_profile profile;
	struct ts_timeline *timeline;
	char *page;

	ts_profile_defaults(&profile);
	timeline = ts_timeline_finish(ts_timeline_start(0, 0, &profile));
	assert_int_equal(timeline->columns, 0);
	page = rendered(timeline);
	contains(page, "Nothing could be judged");
	contains(page, "Host unknown");
	free(page);
	ts_timeline_free(timeline);
	timeline = sample_steady(1);
	assert_int_equal(timeline->columns, 1);
	page = rendered(timeline);
	contains(page, "Run-queue latency");
	free(page);
	ts_timeline_free(timeline);
}

/* Hundreds of series: bounded in the picture, complete in the tables. */
static void many_series_stay_readable(void **state)
{
	struct ts_timeline *timeline;
	struct sample s;
	char *page;

	sample_open(&s, 10, 600);
	s.extra_series = 250;
	for (size_t i = 0; i < 60; i++)
		sample_window(&s, 10.0 * (double)i, 0.4, 0);
	timeline = ts_timeline_finish(s.builder);
	assert_int_equal(timeline->tracks[TS_FAMILY_TCP_CONNECTIONS], 251);
	page = rendered(timeline);
	contains(page, "The largest 8 of 250 series are drawn");
	for (size_t i = 0; i < 250; i++) {
		char port[32];

		snprintf(port, sizeof port, "outbound, port %zu<", 10000 + i);
		contains(page, port);
	}
	assert_true(strlen(page) < 1500000);
	free(page);
	ts_timeline_free(timeline);
}

static void a_day_fits(void **state)
{
	struct ts_timeline *timeline = sample_day(60);
	char *page = rendered(timeline);

	assert_int_equal(timeline->findings, 2);
	assert_in_range(strlen(page), 100000, 2000000);
	free(page);
	ts_timeline_free(timeline);
}

static void write_page(const char *directory, const char *name, struct ts_timeline *timeline)
{
	char path[4096];
	FILE *out;

	snprintf(path, sizeof path, "%s/%s.html", directory, name);
	out = fopen(path, "w");
	if (!out) {
		perror(path);
		exit(1);
	}
	ts_render_html(out, timeline, NULL);
	if (fclose(out)) {
		perror(path);
		exit(1);
	}
	ts_timeline_free(timeline);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_hold_everything_once),
		cmocka_unit_test(what_is_not_measured_is_no_number),
		cmocka_unit_test(a_changed_setting_and_the_finding_before_it),
		cmocka_unit_test(another_namespace_of_the_same_number_is_no_change),
		cmocka_unit_test(a_finding_that_came_after_the_change),
		cmocka_unit_test(without_a_change_the_finding_stays),
		cmocka_unit_test(sessions_boots_and_clock_steps_are_marked),
		cmocka_unit_test(short_windows_are_judged_together),
		cmocka_unit_test(the_page_names_what_matters),
		cmocka_unit_test(charts_show_the_right_figures),
		cmocka_unit_test(gaps_are_hatched),
		cmocka_unit_test(hostile_names_stay_text),
		cmocka_unit_test(nothing_and_next_to_nothing),
		cmocka_unit_test(many_series_stay_readable),
		cmocka_unit_test(a_day_fits),
	};

	if (argc == 3 && !strcmp(argv[1], "--samples")) {
		write_page(argv[2], "day", sample_day(30));
		write_page(argv[2], "gaps", sample_gaps());
		write_page(argv[2], "change", sample_change());
		write_page(argv[2], "hostile", sample_hostile());
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
