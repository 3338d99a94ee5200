// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "access-times"

struct load {
	const char *mount;
	double read, other; /* inodes */
	double writes, bytes;
};

/* Many small files are read again and again. */
static const struct load lab = {
	.mount = "/srv/files", .read = 4000, .other = 3, .writes = 300, .bytes = 4 << 20};

static void judge(struct fixture *f, const struct load *l)
{
	fixture_open(f);
	fixture_counter(f, INODE_UPDATES, l->read, "sda", l->mount, "read");
	fixture_counter(f, INODE_UPDATES, l->other, "sda", l->mount, "other");
	fixture_counter(f, DISK_REQUESTS, l->writes, "sda", "write");
	fixture_counter(f, DISK_REQUESTS, 700, "sda", "read");
	fixture_counter(f, DISK_BYTES, l->bytes, "sda", "write");
	fixture_seconds(f, DISK_BUSY, 5, "sda");
	fixture_judge(f);
}

static void expect(const struct load *l, enum ts_outcome outcome)
{
	struct fixture f;

	judge(&f, l);
	assert_string_equal(ts_outcome_name(fixture_outcome(&f, RULE)), ts_outcome_name(outcome));
	fixture_close(&f);
}

static void names_the_option(void **state)
{
	struct load l = lab;
	struct fixture f;
	const struct ts_finding *finding;

	judge(&f, &l);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, "sda");
	assert_string_equal(finding->setting, "mount/srv/files/atime");
	assert_string_equal(finding->current, "strictatime");
	assert_string_equal(finding->proposed, "noatime");
	assert_string_equal(finding->apply, "mount -o remount,noatime /srv/files");
	assert_string_equal(finding->undo, "mount -o remount,strictatime /srv/files");
	assert_true(finding->harm == 1.5);
	fixture_close(&f);
	l.mount = "/";
	judge(&f, &l);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, "sda");
	assert_string_equal(finding->setting, "mount/atime");
	assert_string_equal(finding->apply, "mount -o remount,noatime /");
	fixture_close(&f);
	l.mount = "/a b$(x)";
	judge(&f, &l);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL)->apply,
			    "mount -o remount,noatime '/a b$(x)'");
	fixture_close(&f);
}

static void just_below_is_quiet(void **state)
{
	struct load l = lab;

	l.read = 99, l.bytes = 1 << 20;
	expect(&l, TS_OUTCOME_QUIET);
	l.read = 100;
	expect(&l, TS_OUTCOME_RECOMMEND);
	l = lab, l.bytes = 65535; /* a device that hardly writes */
	expect(&l, TS_OUTCOME_QUIET);
}

static void written_for_other_reasons(void **state)
{
	struct load l = lab;

	l.other = 1001; /* files are written as well */
	expect(&l, TS_OUTCOME_QUIET);
	l = lab, l.bytes = 100 << 20; /* more than times take: one large file is written */
	expect(&l, TS_OUTCOME_QUIET);
}

static void not_measured(void **state)
{
	struct fixture f;

	fixture_open(&f);
	fixture_unsupported(&f, TS_FAMILY_INODE_UPDATES, "no such tracepoint");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_UNAVAILABLE);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_option),
		cmocka_unit_test(just_below_is_quiet),
		cmocka_unit_test(written_for_other_reasons),
		cmocka_unit_test(not_measured),
	};

	return cmocka_run_group_tests_name("rule access-times", tests, NULL, NULL);
}
