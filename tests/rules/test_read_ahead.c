// SPDX-License-Identifier: GPL-2.0-only
/* Rules read-ahead and request-size. */
#include "fixture.h"

#define RULE "read-ahead"

struct disk {
	double busy, in_flight;
	double ahead;		 /* KiB */
	__u64 sequential, other; /* reads into the page cache … */
	double size;		 /* … in bytes each */
	__u64 direct;		 /* other reads */
	__u64 faults;
	double alone, beside; /* seconds: a read alone, and beside another */
	__u64 alone_samples;
	__u64 writes;
};

/* The lab's: 2 ms for each request of a sequential reader, 16 KiB of read-ahead. */
static const struct disk stream = {
	.busy = 9.8,
	.in_flight = 1.9,
	.ahead = 16,
	.sequential = 8500,
	.size = 32768,
	.alone = 0.0022,
	.beside = 0.0022,
	.alone_samples = 800,
};
/* A mapped file, page faults all over it. */
static const struct disk mapped = {
	.busy = 9.8,
	.in_flight = 1.0,
	.ahead = 1024,
	.other = 1500,
	.size = 1048576,
	.faults = 1500,
	.alone = 0.006,
	.alone_samples = 1500,
};
/* pread() of 4 KiB all over the device. */
static const struct disk random_reads = {
	.busy = 9.8,
	.in_flight = 1.0,
	.ahead = 128,
	.other = 4500,
	.size = 4096,
	.alone = 0.0021,
	.alone_samples = 4500,
};

static void add(struct fixture *f, const struct disk *d)
{
	__u64 reads = d->sequential + d->other + d->direct;

	fixture_number(f, TS_SETTING_BLOCK_READ_AHEAD, "sda", "%.0f", d->ahead);
	fixture_seconds(f, DISK_BUSY, d->busy, "sda");
	fixture_seconds(f, DISK_WEIGHTED, d->busy * d->in_flight, "sda");
	fixture_counter(f, DISK_REQUESTS, reads, "sda", "read");
	fixture_counter(f, DISK_REQUESTS, d->writes, "sda", "write");
	fixture_counter(f, BLOCK_BUFFERED_READS, d->sequential, "sda", "sequential");
	fixture_counter(f, BLOCK_BUFFERED_READS, d->other, "sda", "other");
	fixture_counter(f, BLOCK_BUFFERED_BYTES, d->size * (double)(d->sequential + d->other),
			"sda");
	fixture_counter(f, VM_EVENTS, d->faults, "pgmajfault");
	fixture_counter(f, BLOCK_DEPTH_REQUESTS, d->alone_samples, "sda", "read", "1");
	fixture_seconds(f, BLOCK_DEPTH_SECONDS, d->alone * (double)d->alone_samples, "sda", "read",
			"1");
	fixture_counter(f, BLOCK_DEPTH_REQUESTS, reads - d->alone_samples, "sda", "read", "2");
	fixture_seconds(f, BLOCK_DEPTH_SECONDS, d->beside * (double)(reads - d->alone_samples),
			"sda", "read", "2");
}

static void judge(struct fixture *f, const struct disk *d)
{
	fixture_open(f);
	add(f, d);
	fixture_judge(f);
}

static void expect(struct disk d, enum ts_outcome outcome)
{
	struct fixture f;

	judge(&f, &d);
	assert_string_equal(ts_outcome_name(fixture_outcome(&f, RULE)), ts_outcome_name(outcome));
	fixture_close(&f);
}

static void expect_cause(struct disk d, const char *cause, const char *acquitted)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, &d);
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, "sda");
	fixture_check_finding(finding);
	assert_string_equal(finding->cause, cause);
	assert_string_equal(finding->acquits, acquitted);
	fixture_close(&f);
}

static void expect_proposal(struct disk d, const char *value)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, &d);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, "sda");
	fixture_check_finding(finding);
	assert_string_equal(finding->setting, "/sys/block/sda/queue/read_ahead_kb");
	assert_string_equal(finding->proposed, value);
	assert_string_equal(finding->takes_effect, "next-open");
	assert_int_equal(finding->scope, TS_SCOPE_DEVICE);
	fixture_close(&f);
}

static void a_stream_gets_more(void **state)
{
	struct disk d = stream;

	expect_proposal(d, "4096");
	/* Of a fast device less is needed. */
	d.alone = d.beside = 0.0002;
	expect_proposal(d, "512");
	/* A program that asks for more than the window gets nothing ahead of it. */
	d = stream;
	d.size = 131072;
	expect_proposal(d, "4096");
	d.size = 2621440;
	expect(d, TS_OUTCOME_QUIET);
}

static void just_below(void **state)
{
	struct disk d = stream;

	d.busy = 5.9;
	expect(d, TS_OUTCOME_QUIET);
	d = stream;
	d.writes = 3000;
	expect(d, TS_OUTCOME_QUIET);
	d = stream;
	d.other = 2500;
	d.sequential = 6000;
	expect(d, TS_OUTCOME_QUIET);
}

/* Tasks wait for CPUs, too: the device rests meanwhile, but not for want of somebody who waits. */
static void beside_busy_cpus(void **state)
{
	static const struct {
		double busy, cpus, disks; /* seconds */
		enum ts_outcome outcome;
	} rows[] = {
		{4, 9, 3, TS_OUTCOME_RECOMMEND},
		{4, 1, 3, TS_OUTCOME_QUIET},
		{4, 9, 1, TS_OUTCOME_QUIET}, /* a reader that has what it needs in time */
		{1.9, 9, 1.9, TS_OUTCOME_QUIET},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct disk d = stream;
		struct fixture f;

		d.busy = rows[i].busy;
		fixture_open(&f);
		add(&f, &d);
		fixture_seconds(&f, PRESSURE, rows[i].cpus, "cpu", "some");
		fixture_seconds(&f, PRESSURE, rows[i].disks, "io", "some");
		fixture_judge(&f);
		assert_int_equal(fixture_outcome(&f, RULE), rows[i].outcome);
		fixture_close(&f);
	}
}

static void add_stream(struct fixture *f)
{
	add(f, &stream);
}

static void behind_the_limit_of_a_cgroup(void **state)
{
	fixture_check_io_limit(RULE, add_stream, "sda", "read-bytes", "write-bytes");
}

/* What it proposed is enough. */
static void converges(void **state)
{
	struct disk d = stream;

	d.ahead = 4096;
	d.size = 1310720;
	d.alone = d.beside = 0.006;
	expect(d, TS_OUTCOME_QUIET);
	d = mapped;
	d.ahead = 8;
	d.size = 8192;
	expect_cause(d, "random-access", "read_ahead_kb");
}

/* Two at a time take longer: what is used up is bandwidth. */
static void full_bandwidth(void **state)
{
	struct disk d = stream;

	d.ahead = 128;
	d.size = 262144;
	d.alone = 0.0096;
	d.beside = 0.0134;
	expect(d, TS_OUTCOME_QUIET);
	d.alone_samples = 0;
	expect(d, TS_OUTCOME_INSUFFICIENT);
}

/* One request at a time, where read-ahead would have two under way: the program does without. */
static void a_stream_that_is_not_read_ahead(void **state)
{
	struct disk d = stream;

	d.in_flight = 1.02;
	expect_cause(d, "low-concurrency", "read_ahead_kb");
	d.size = 4096;
	expect_cause(d, "low-concurrency", "read_ahead_kb");
	d.ahead = 8; /* too small for a second part */
	d.size = 8192;
	expect_proposal(d, "4096");
	d = stream;
	d.in_flight = 1.02;
	d.alone = d.beside = 0.0004;
	expect(d, TS_OUTCOME_QUIET);
}

static void scattered_faults_get_less(void **state)
{
	struct disk d = mapped;

	expect_proposal(d, "8");
	/* A window that is sent in two requests. */
	d.ahead = 2048;
	d.sequential = 1400;
	d.size = 1048576;
	d.alone_samples = 2900;
	expect_proposal(d, "8");
	/* In four, so that most of the reads follow each other, several at a time. */
	d.ahead = 4096;
	d.in_flight = 3.4;
	d.sequential = 4300;
	expect_proposal(d, "8");
	d.sequential = 7400; /* 1.48 windows for each fault */
	expect_proposal(d, "8");
	d.sequential = 7600; /* 1.52: a stream beside them */
	expect(d, TS_OUTCOME_QUIET);
	d.sequential = 1490; /* half a window */
	expect(d, TS_OUTCOME_QUIET);
}

static void random_reads_are_no_setting(void **state)
{
	expect_cause(random_reads, "random-access", "read_ahead_kb");
}

static void one_at_a_time_is_no_setting(void **state)
{
	struct disk d = random_reads;

	d.direct = d.other;
	d.other = 0;
	expect_cause(d, "low-concurrency", "nr_requests");
	d.in_flight = 3;
	expect(d, TS_OUTCOME_QUIET);
	d.in_flight = 1;
	d.alone = 0.0002;
	expect(d, TS_OUTCOME_QUIET);
}

static void one_write_at_a_time_is_no_setting(void **state)
{
	static const struct {
		double out_of_cache; /* of what is written */
		double seconds;	     /* each takes */
		__u64 alone, flushes;
		enum ts_outcome outcome;
	} rows[] = {
		{0.1, 0.004, 2400, 0, TS_OUTCOME_NOT_A_SETTING},
		{0.3, 0.004, 2400, 0, TS_OUTCOME_QUIET}, /* nobody waits for that */
		{0.1, 0.0004, 2400, 0, TS_OUTCOME_QUIET},
		{1.0, 0.004, 2400, 2400, TS_OUTCOME_NOT_A_SETTING}, /* O_SYNC */
		{1.0, 0.004, 2400, 470, TS_OUTCOME_QUIET},
		{0.1, 0.004, 1900, 0, TS_OUTCOME_QUIET}, /* others in flight */
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct disk d = {.busy = 9.8, .in_flight = 1, .ahead = 128, .writes = 2400};
		struct fixture f;

		fixture_open(&f);
		add(&f, &d);
		fixture_counter(&f, BLOCK_DEPTH_REQUESTS, rows[i].alone, "sda", "write", "1");
		fixture_counter(&f, BLOCK_DEPTH_REQUESTS, d.writes - rows[i].alone, "sda", "write",
				"2");
		fixture_counter(&f, BLOCK_DEPTH_REQUESTS, rows[i].flushes, "sda", "flush", "1");
		fixture_seconds(&f, BLOCK_DEPTH_SECONDS, rows[i].seconds * (double)d.writes, "sda",
				"write", "1");
		fixture_counter(&f, DISK_BYTES, 4096 * d.writes, "sda", "write");
		fixture_counter(&f, VM_EVENTS, rows[i].out_of_cache * (double)d.writes,
				"nr_written");
		fixture_judge(&f);
		assert_int_equal(fixture_outcome(&f, RULE), rows[i].outcome);
		if (rows[i].outcome == TS_OUTCOME_NOT_A_SETTING)
			assert_string_equal(
				fixture_finding(&f, RULE, rows[i].outcome, "sda")->cause,
				"low-concurrency");
		fixture_close(&f);
	}
}

/* ---- request-size */

static void cut(struct fixture *f, double limit, double size, __u64 requests, __u64 splits)
{
	fixture_open(f);
	fixture_number(f, TS_SETTING_BLOCK_MAX_SECTORS, "sda", "%.0f", limit);
	fixture_number(f, TS_SETTING_BLOCK_HARDWARE_SECTORS, "sda", "%.0f", 32767.0);
	fixture_seconds(f, DISK_BUSY, 9, "sda");
	ts_histogram_add(ts_snapshot_histogram(f->later, TS_FAMILY_BLOCK_IO_SIZE,
					       TS_LABELS("sda", "read"), TS_HISTOGRAM_SCALE_KEYED),
			 (__u64)size, requests);
	fixture_counter(f, BLOCK_SPLITS, splits, "sda", "read");
	fixture_judge(f);
}

static void cut_requests(void **state)
{
	const struct ts_finding *finding;
	struct fixture f;

	cut(&f, 16, 16384, 6000, 5600);
	finding = fixture_finding(&f, "request-size", TS_OUTCOME_RECOMMEND, "sda");
	fixture_check_finding(finding);
	assert_string_equal(finding->setting, "/sys/block/sda/queue/max_sectors_kb");
	assert_string_equal(finding->proposed, "1024");
	fixture_close(&f);
}

static void expect_uncut(double limit, double size, __u64 requests, __u64 splits)
{
	struct fixture f;

	cut(&f, limit, size, requests, splits);
	assert_int_equal(fixture_outcome(&f, "request-size"), TS_OUTCOME_QUIET);
	fixture_close(&f);
}

static void requests_not_cut(void **state)
{
	expect_uncut(16, 16384, 6000, 0);	 /* asked for in that size */
	expect_uncut(16, 16384, 6000, 2300);	 /* most are */
	expect_uncut(16, 8192, 6000, 5600);	 /* cut for another reason */
	expect_uncut(1280, 1310720, 6000, 5600); /* the kernel's own limit */
}

/* Pages that are put together as far as the limit lets them be: shares of requests, of bytes. */
static void written_back(double size, double following, double out_of_cache,
			 enum ts_outcome outcome)
{
	const __u64 requests = 9800;
	struct fixture f;

	fixture_open(&f);
	fixture_number(&f, TS_SETTING_BLOCK_MAX_SECTORS, "sda", "%.0f", 128.0);
	fixture_number(&f, TS_SETTING_BLOCK_HARDWARE_SECTORS, "sda", "%.0f", 32767.0);
	fixture_seconds(&f, DISK_BUSY, 9, "sda");
	ts_histogram_add(ts_snapshot_histogram(f.later, TS_FAMILY_BLOCK_IO_SIZE,
					       TS_LABELS("sda", "write"), TS_HISTOGRAM_SCALE_KEYED),
			 (__u64)size, requests);
	fixture_counter(&f, BLOCK_SEQUENTIAL, following * requests, "sda", "write");
	fixture_counter(&f, VM_EVENTS, out_of_cache * size * requests / 4096, "nr_written");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, "request-size"), outcome);
	fixture_close(&f);
}

static void writes_out_of_the_cache(void **state)
{
	written_back(131072, 0.99, 1, TS_OUTCOME_RECOMMEND);
	written_back(120000, 0.99, 1, TS_OUTCOME_QUIET);   /* not all are as large */
	written_back(131072, 0.7, 1, TS_OUTCOME_QUIET);	   /* here and there */
	written_back(131072, 0.99, 0.7, TS_OUTCOME_QUIET); /* a program asked for that size */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stream_gets_more),
		cmocka_unit_test(just_below),
		cmocka_unit_test(beside_busy_cpus),
		cmocka_unit_test(behind_the_limit_of_a_cgroup),
		cmocka_unit_test(a_stream_that_is_not_read_ahead),
		cmocka_unit_test(converges),
		cmocka_unit_test(full_bandwidth),
		cmocka_unit_test(scattered_faults_get_less),
		cmocka_unit_test(random_reads_are_no_setting),
		cmocka_unit_test(one_at_a_time_is_no_setting),
		cmocka_unit_test(one_write_at_a_time_is_no_setting),
		cmocka_unit_test(cut_requests),
		cmocka_unit_test(requests_not_cut),
		cmocka_unit_test(writes_out_of_the_cache),
	};

	return cmocka_run_group_tests_name("read-ahead", tests, NULL, NULL);
}
