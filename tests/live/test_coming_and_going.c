// SPDX-License-Identifier: GPL-2.0-only
/*
 * Disks, cgroups and settings that come and go while snapshots are taken: a window counts what
 * happened in it and nothing else, and there is a bound to the number of series.
 */
#include "proc_support.h"

#include "../../user/core/window.h"
#include "../../user/live/cgroup_accounts.h"
#include "../../user/live/disk_accounts.h"
#include "../../user/live/settings_read.h"

extern const struct ts_source ts_source_diskstats;

#define MEDIUM "1048576"

/* A disk of the rig's /sys; size "0" is one without a medium. */
static void make_disk(struct rig *rig, const char *name, const char *iostats, const char *size)
{
	char path[128], text[32];

	shell("mkdir -p '%s/sys/block/%s/queue'", rig->root, name);
	snprintf(path, sizeof path, "sys/block/%s/queue/iostats", name);
	snprintf(text, sizeof text, "%s\n", iostats);
	rig_write(rig, path, text);
	snprintf(path, sizeof path, "sys/block/%s/size", name);
	snprintf(text, sizeof text, "%s\n", size);
	rig_write(rig, path, text);
}

struct disk_line {
	const char *name;
	unsigned int minor;
	unsigned long long reads, writes, busy_ms, weighted_ms;
};

static void write_disks(struct rig *rig, const struct disk_line *line, size_t lines)
{
	char *text = calloc(lines + 1, 160), *at = text;

	assert_non_null(text);
	for (size_t i = 0; i < lines; i++)
		at += sprintf(
			at, "   7 %7u %s %llu 0 %llu 0 %llu 0 %llu 0 0 %llu %llu 0 0 0 0 0 0\n",
			line[i].minor, line[i].name, line[i].reads, line[i].reads * 8,
			line[i].writes, line[i].writes * 8, line[i].busy_ms, line[i].weighted_ms);
	rig_write(rig, "proc/diskstats", text);
	free(text);
}

#define DISKS(...)                         \
	(struct disk_line[]){__VA_ARGS__}, \
		sizeof((struct disk_line[]){__VA_ARGS__}) / sizeof(struct disk_line)

/* What a window from the last snapshot to now holds. */
struct disk_window {
	struct ts_snapshot *earlier;
	struct ts_window window;
};

static void next_window(struct rig *rig, struct disk_window *w)
{
	struct ts_snapshot *later = ts_snapshot_new();

	ts_window_free(&w->window);
	rig->source->snapshot(&rig->live, rig->state, later);
	later->monotonic_ns = w->earlier ? w->earlier->monotonic_ns + 1 : 1;
	if (w->earlier) {
		assert_int_equal(ts_window_make(w->earlier, later, &w->window), 0);
		assert_int_equal(ts_window_status(&w->window, TS_FAMILY_DISK_REQUESTS),
				 TS_STATUS_OK);
	}
	ts_snapshot_free(w->earlier);
	w->earlier = later;
}

static void end_windows(struct disk_window *w)
{
	ts_window_free(&w->window);
	ts_snapshot_free(w->earlier);
}

static __u64 reads(const struct disk_window *w, const char *disk)
{
	return ts_window_counter(&w->window, TS_FAMILY_DISK_REQUESTS, TS_LABELS(disk, "read"));
}

static double busy(const struct disk_window *w, const char *disk)
{
	return ts_window_seconds(&w->window, TS_FAMILY_DISK_BUSY, TS_LABELS(disk));
}

static bool has_series(const struct disk_window *w, const char *disk)
{
	return ts_snapshot_find(w->earlier, TS_FAMILY_DISK_BUSY, TS_LABELS(disk, "", "", ""));
}

static void disks_count_what_a_window_saw(void **state)
{
	struct rig *rig = *state;
	struct disk_window w = {0};

	make_disk(rig, "sda", "1", MEDIUM);
	make_disk(rig, "loop0", "0", MEDIUM);
	make_disk(rig, "loop1", "1", "0");
	write_disks(rig, DISKS({"sda", 0, 1000, 10, 5000, 9000}, {"sda1", 1, 900, 9, 1, 1},
			       {"loop0", 2, 700, 7, 70, 70}, {"loop1", 3, 800, 8, 80, 80}));
	assert_int_equal(rig_open_source(rig, &ts_source_diskstats), 0);
	next_window(rig, &w);
	/* cumulative since boot; without partitions, disks that do not count or have no medium */
	assert_int_equal(counter(w.earlier, TS_FAMILY_DISK_REQUESTS, "sda", "read"), 1000);
	assert_false(has_series(&w, "sda1"));
	assert_false(has_series(&w, "loop0"));
	assert_false(has_series(&w, "loop1"));

	/* loop0 counts from now on, loop1 gets a medium again, loop2 is new and has been used */
	make_disk(rig, "loop0", "1", MEDIUM);
	make_disk(rig, "loop1", "1", MEDIUM);
	make_disk(rig, "loop2", "1", MEDIUM);
	write_disks(rig, DISKS({"sda", 0, 1010, 10, 5100, 9000}, {"sda1", 1, 910, 9, 2, 2},
			       {"loop0", 2, 701, 7, 71, 71}, {"loop1", 3, 802, 8, 82, 82},
			       {"loop2", 4, 55, 5, 5, 5}));
	next_window(rig, &w);
	assert_int_equal(reads(&w, "sda"), 10);
	assert_true(busy(&w, "sda") == 0.1);
	assert_int_equal(reads(&w, "loop0"), 1);
	assert_int_equal(reads(&w, "loop1"), 2);
	assert_true(busy(&w, "loop1") == 0.002);
	assert_int_equal(reads(&w, "loop2"), 55);
	assert_false(has_series(&w, "sda1"));

	/* loop0 goes; loop2 is removed and another one made in its place */
	write_disks(rig, DISKS({"sda", 0, 1010, 10, 5100, 9000}, {"loop1", 3, 802, 8, 82, 82},
			       {"loop2", 4, 20, 9, 1, 1}));
	next_window(rig, &w);
	assert_int_equal(reads(&w, "sda"), 0);
	assert_false(has_series(&w, "loop0"));
	assert_int_equal(reads(&w, "loop2"), 20);

	/* and comes back, with what it did meanwhile */
	write_disks(rig, DISKS({"loop0", 2, 3, 0, 0, 0}, {"sda", 0, 1011, 10, 5100, 9000}));
	next_window(rig, &w);
	assert_int_equal(reads(&w, "loop0"), 3);
	assert_int_equal(reads(&w, "sda"), 1);
	end_windows(&w);
}

/* The kernel counts milliseconds in 32 bits: 49 days, or a day and a half with 32 in flight. */
static void milliseconds_of_a_disk_wrap(void **state)
{
	struct rig *rig = *state;
	struct disk_window w = {0};

	make_disk(rig, "sda", "1", MEDIUM);
	write_disks(rig, DISKS({"sda", 0, 10, 10, 4294967290, 4294967000}));
	assert_int_equal(rig_open_source(rig, &ts_source_diskstats), 0);
	next_window(rig, &w);
	write_disks(rig, DISKS({"sda", 0, 11, 10, 4, 704}));
	next_window(rig, &w);
	assert_true(busy(&w, "sda") == 0.010);
	assert_true(ts_window_seconds(&w.window, TS_FAMILY_DISK_WEIGHTED, NULL) == 1.0);
	end_windows(&w);
}

#define MANY (TS_DISKS_SHOWN + 44)

static void more_disks_than_series(void **state)
{
	static struct disk_line line[MANY];
	static char name[MANY][16];
	struct rig *rig = *state;
	struct disk_window w = {0};
	const struct ts_family_data *data;

	shell("cd '%s/sys/block' && for i in $(seq 0 %d); do mkdir -p loop$i/queue; "
	      "echo 1 > loop$i/queue/iostats; echo 8 > loop$i/size; done",
	      rig->root, MANY - 1);
	for (unsigned int i = 0; i < MANY; i++) {
		snprintf(name[i], sizeof name[i], "loop%u", i);
		line[i] = (struct disk_line){name[i], i, 100, 1, 10, 10};
	}
	write_disks(rig, line, MANY);
	assert_int_equal(rig_open_source(rig, &ts_source_diskstats), 0);
	next_window(rig, &w);
	for (unsigned int i = 0; i < MANY; i++)
		line[i].reads += 2;
	write_disks(rig, line, MANY);
	next_window(rig, &w);
	data = &w.window.delta->family[TS_FAMILY_DISK_BUSY];
	assert_int_equal(data->count, TS_DISKS_SHOWN + 1);
	assert_int_equal(reads(&w, NULL), 2 * MANY);
	assert_int_equal(reads(&w, "other"), 2 * (MANY - TS_DISKS_SHOWN));
	assert_int_equal(w.window.delta->family[TS_FAMILY_DISK_REQUESTS].overflowed,
			 2 * (MANY - TS_DISKS_SHOWN));

	/* some go: their places are free for those that had none; nothing is counted twice */
	for (unsigned int i = 0; i < MANY; i++)
		line[i].reads += 3;
	write_disks(rig, line + 100, MANY - 100);
	next_window(rig, &w);
	assert_int_equal(reads(&w, NULL), 3 * (MANY - 100));
	next_window(rig, &w);
	assert_int_equal(reads(&w, NULL), 0);
	for (unsigned int i = 0; i < MANY; i++)
		line[i].reads += 1;
	write_disks(rig, line + 100, MANY - 100);
	next_window(rig, &w);
	assert_int_equal(reads(&w, NULL), MANY - 100);
	assert_int_equal(reads(&w, "other"), 0);
	assert_int_equal(reads(&w, name[MANY - 1]), 1);
	end_windows(&w);
}

/* ---- cgroups */

struct cgroup_row {
	const char *path;
	unsigned int directory;
	__u64 periods; /* 0: it has no quota */
};

/* A reading that goes through all of them. */
static void read_cgroups(struct ts_cgroup_accounts *accounts, const struct cgroup_row *row,
			 size_t rows)
{
	ts_cgroup_accounts_begin(accounts);
	for (size_t i = 0; i < rows; i++) {
		const struct ts_cgroup_quota quota = {1.5, row[i].periods, row[i].periods / 2,
						      row[i].periods * 1000};

		assert_true(ts_cgroup_accounts_visit(accounts, row[i].directory));
		if (row[i].periods)
			assert_true(ts_cgroup_accounts_add(accounts, row[i].path, row[i].directory,
							   row[i].directory + 1, &quota));
	}
	ts_cgroup_accounts_end(accounts);
}

static const struct ts_cgroup_account *account_of(const struct ts_cgroup_accounts *accounts,
						  const char *path)
{
	for (size_t i = 0; i < accounts->count; i++)
		if (!strcmp(accounts->account[i].path, path))
			return &accounts->account[i];
	return NULL;
}

#define CGROUPS(...)                        \
	(struct cgroup_row[]){__VA_ARGS__}, \
		sizeof((struct cgroup_row[]){__VA_ARGS__}) / sizeof(struct cgroup_row)

static void cgroups_count_what_a_window_saw(void **state)
{
	struct ts_cgroup_accounts accounts = {0};
	const struct ts_cgroup_quota known = {1.5, 1008, 504, 1008000};

	read_cgroups(&accounts, CGROUPS({"", 1, 0}, {"/web", 10, 1000}, {"/db", 20, 0}));
	assert_int_equal(account_of(&accounts, "/web")->total.periods, 1000);
	assert_int_equal(account_of(&accounts, "/web")->since_ns, 0);
	assert_null(account_of(&accounts, "/db"));

	/* an older one gets its quota back; a new one has been throttled since it was made */
	read_cgroups(&accounts,
		     CGROUPS({"", 1, 0}, {"/web", 10, 1004}, {"/db", 20, 700}, {"/job", 30, 6}));
	assert_int_equal(account_of(&accounts, "/web")->total.periods, 1004);
	assert_int_equal(account_of(&accounts, "/web")->since_ns, 4000);
	assert_int_equal(account_of(&accounts, "/db")->total.periods, 0);
	assert_int_equal(account_of(&accounts, "/job")->total.periods, 6);
	assert_int_equal(account_of(&accounts, "/job")->since_ns, 6000);

	/* between two walks, what is known is read; the rest has lost its quota or is gone */
	ts_cgroup_accounts_begin(&accounts);
	assert_true(ts_cgroup_accounts_add(&accounts, "/web", 0, 11, &known));
	ts_cgroup_accounts_end(&accounts);
	assert_int_equal(accounts.count, 1);
	assert_int_equal(account_of(&accounts, "/web")->total.periods, 1008);

	/* made anew under the old name, with more in it than the old one had */
	read_cgroups(&accounts, CGROUPS({"", 1, 0}, {"/web", 50, 1100}));
	assert_int_equal(account_of(&accounts, "/web")->total.periods, 1008 + 1100);
	assert_int_equal(account_of(&accounts, "/web")->since_ns, 1100000);
	ts_cgroup_accounts_free(&accounts);
}

static void more_cgroups_than_series(void **state)
{
	static struct cgroup_row row[TS_CGROUPS_SHOWN + 10];
	static char path[TS_CGROUPS_SHOWN + 10][16];
	const size_t rows = TS_CGROUPS_SHOWN + 10;
	struct ts_cgroup_accounts accounts = {0};
	__u64 sum;

	for (unsigned int i = 0; i < rows; i++) {
		snprintf(path[i], sizeof path[i], "/job%u", i);
		row[i] = (struct cgroup_row){path[i], 100 + 2 * i, 1};
	}
	read_cgroups(&accounts, row, rows);
	for (unsigned int round = 0; round < 50; round++) {
		/* the last ten become others of new names: a place is found, or they are "other" */
		for (unsigned int i = 0; i < rows; i++)
			row[i].periods++;
		for (size_t i = rows - 10; i < rows; i++) {
			snprintf(path[i], sizeof path[i], "/r%u-%zu", round, i);
			row[i].directory = 1000 * (round + 1) + 2 * (unsigned int)i;
			row[i].periods = 1;
		}
		read_cgroups(&accounts, row, rows);
		assert_int_equal(accounts.count, rows);
		assert_int_equal(accounts.shown, TS_CGROUPS_SHOWN);
	}
	sum = accounts.other.periods;
	for (size_t i = 0; i < accounts.count; i++)
		sum += accounts.account[i].shown ? accounts.account[i].total.periods : 0;
	/* 51 of each that stayed, and one of each of the others */
	assert_int_equal(sum, 51 * TS_CGROUPS_SHOWN + 10 * 51);
	assert_int_equal(accounts.overflowed, accounts.other.periods);
	assert_true(accounts.other.cpus == 15);
	ts_cgroup_accounts_free(&accounts);
}

/* ---- settings */

static const struct ts_setting_value *setting(const struct ts_snapshot *s, enum ts_setting_id id,
					      const char *scope)
{
	for (size_t i = 0; i < s->settings; i++)
		if (s->setting[i].id == id && !strcmp(s->setting[i].scope, scope))
			return &s->setting[i];
	return NULL;
}

static struct ts_snapshot *read_settings(struct rig *rig)
{
	ts_snapshot_free(rig->last);
	rig->last = ts_snapshot_new();
	ts_settings_snapshot(&rig->live, rig->last);
	return rig->last;
}

static void settings_are_followed(void **state)
{
	struct rig *rig = *state;
	struct ts_snapshot *s;
	size_t settings;
	double end;

	rig->live.settings = ts_settings_cache_open();
	assert_non_null(rig->live.settings);
	s = read_settings(rig);
	settings = s->settings;
	assert_string_equal(setting(s, TS_SETTING_RMEM_MAX, "")->value, "212992");
	assert_string_equal(setting(s, TS_SETTING_BLOCK_NR_REQUESTS, "sda")->value, "64");
	assert_int_equal(read_settings(rig)->settings, settings);

	/* at once: global ones, and devices that come and go */
	rig_write(rig, "proc/sys/net/core/rmem_max", "9\n");
	make_disk(rig, "sdb", "1", MEDIUM);
	rig_write(rig, "sys/block/sdb/queue/nr_requests", "31\n");
	s = read_settings(rig);
	assert_string_equal(setting(s, TS_SETTING_RMEM_MAX, "")->value, "9");
	assert_string_equal(setting(s, TS_SETTING_BLOCK_NR_REQUESTS, "sdb")->value, "31");
	rig_write(rig, "sys/block/sdb/size", "0\n");
	assert_null(setting(read_settings(rig), TS_SETTING_BLOCK_NR_REQUESTS, "sdb"));
	rig_write(rig, "sys/block/sdb", NULL);
	assert_int_equal(read_settings(rig)->settings, settings);

	/* within nine seconds */
	rig_write(rig, "sys/block/sda/queue/nr_requests", "65\n");
	end = now_seconds() + 10;
	do
		s = read_settings(rig);
	while (strcmp(setting(s, TS_SETTING_BLOCK_NR_REQUESTS, "sda")->value, "65") &&
	       now_seconds() < end && !usleep(20000));
	assert_string_equal(setting(s, TS_SETTING_BLOCK_NR_REQUESTS, "sda")->value, "65");
	assert_int_equal(s->settings, settings);
	ts_settings_cache_close(rig->live.settings);
	rig->live.settings = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_fixture, teardown)
		TEST(disks_count_what_a_window_saw),
		TEST(milliseconds_of_a_disk_wrap),
		TEST(more_disks_than_series),
		cmocka_unit_test(cgroups_count_what_a_window_saw),
		cmocka_unit_test(more_cgroups_than_series),
		TEST(settings_are_followed),
	};

	return cmocka_run_group_tests_name("coming and going", tests, NULL, NULL);
}
