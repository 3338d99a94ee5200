// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "block-queue"

struct disk {
	const char *name;
	double busy, in_flight;
	const char *scheduler, *choices;
	double nr_requests, tags, wbt, rotational; /* 0 tags, negative wbt: not there */
	double low, top;			   /* mean device latency */
	__u64 low_samples, top_samples;
	const char *top_depth;
	double alone, beside;
	__u64 alone_samples, beside_samples;
	double beside_one; /* write; 0: no read was */
};

/* The lab's: 64 requests at a time in the device, 4 in the queue. */
static const struct disk lab = {
	.name = "loop0",
	.busy = 9.8,
	.in_flight = 3.9,
	.scheduler = "none",
	.choices = "none mq-deadline kyber bfq",
	.nr_requests = 4,
	.tags = 128,
	.low = 0.0042,
	.top = 0.0043,
	.low_samples = 400,
	.top_samples = 8000,
	.top_depth = "4",
};
/* The lab's: reads beside writeback, no scheduler and no throttling. */
static const struct disk mixed = {
	.name = "loop0",
	.busy = 9.8,
	.in_flight = 90,
	.scheduler = "none",
	.choices = "none mq-deadline kyber bfq",
	.nr_requests = 128,
	.tags = 128,
	.low = 0.01,
	.top = 0.012,
	.low_samples = 40,
	.top_samples = 1000,
	.top_depth = "128",
	.alone = 0.0012,
	.beside = 0.4,
	.alone_samples = 30,
	.beside_samples = 25,
};

static void add_settings(struct fixture *f, const struct disk *d)
{
	fixture_setting(f, TS_SETTING_BLOCK_SCHEDULER, d->name, d->scheduler, d->choices);
	fixture_number(f, TS_SETTING_BLOCK_NR_REQUESTS, d->name, "%.0f", d->nr_requests);
	fixture_number(f, TS_SETTING_BLOCK_ROTATIONAL, d->name, "%.0f", d->rotational);
	if (d->tags > 0)
		fixture_number(f, TS_SETTING_BLOCK_HARDWARE_TAGS, d->name, "%.0f", d->tags);
	if (d->wbt >= 0)
		fixture_number(f, TS_SETTING_BLOCK_WBT_LATENCY, d->name, "%.0f", d->wbt);
}

static void add_reads(struct fixture *f, const struct disk *d, const char *writes, double mean,
		      __u64 samples)
{
	if (!samples)
		return;
	fixture_counter(f, BLOCK_READ_BESIDE_WRITES, samples, d->name, writes);
	fixture_seconds(f, BLOCK_READ_BESIDE_SECONDS, mean * (double)samples, d->name, writes);
}

static void add(struct fixture *f, const struct disk *d)
{
	add_settings(f, d);
	fixture_seconds(f, DISK_BUSY, d->busy, d->name);
	fixture_seconds(f, DISK_WEIGHTED, d->busy * d->in_flight, d->name);
	fixture_counter(f, DISK_REQUESTS, d->top_samples + d->low_samples, d->name, "read");
	fixture_latency(f, BLOCK_LATENCY, TS_HISTOGRAM_SCALE_KEYED, d->top,
			d->top_samples + d->low_samples, d->name, "read");
	fixture_counter(f, BLOCK_DEPTH_REQUESTS, d->top_samples, d->name, "read", d->top_depth);
	fixture_seconds(f, BLOCK_DEPTH_SECONDS, d->top * (double)d->top_samples, d->name, "read",
			d->top_depth);
	fixture_counter(f, BLOCK_DEPTH_REQUESTS, d->low_samples, d->name, "read", "1");
	fixture_seconds(f, BLOCK_DEPTH_SECONDS, d->low * (double)d->low_samples, d->name, "read",
			"1");
	add_reads(f, d, "0", d->alone, d->alone_samples);
	if (d->beside_one > 0)
		add_reads(f, d, "1", d->beside_one, 200);
	add_reads(f, d, "128", d->beside, d->beside_samples);
}

static void judge(struct fixture *f, const struct disk *d)
{
	fixture_open(f);
	add(f, d);
	fixture_judge(f);
}

static void expect(const struct disk *d, enum ts_outcome outcome)
{
	struct fixture f;

	judge(&f, d);
	assert_string_equal(ts_outcome_name(fixture_outcome(&f, RULE)), ts_outcome_name(outcome));
	fixture_close(&f);
}

static void names_nr_requests(void **state)
{
	struct fixture f;
	const struct ts_finding *finding;

	judge(&f, &lab);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, "loop0");
	assert_string_equal(finding->setting, "/sys/block/loop0/queue/nr_requests");
	assert_string_equal(finding->current, "4");
	assert_string_equal(finding->proposed, "128");
	assert_string_equal(finding->apply, "echo 128 > /sys/block/loop0/queue/nr_requests");
	assert_string_equal(finding->undo, "echo 4 > /sys/block/loop0/queue/nr_requests");
	assert_string_equal(finding->id, "block-queue/nr_requests/device:loop0");
	fixture_close(&f);
}

static void the_proposal_is_what_the_kernel_takes(void **state)
{
	struct disk d = lab;
	struct fixture f;

	d.tags = 32;
	judge(&f, &d);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL)->proposed, "32");
	fixture_close(&f);
	d.scheduler = "mq-deadline";
	judge(&f, &d);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL)->proposed, "64");
	fixture_close(&f);
	d = lab, d.tags = 0;
	judge(&f, &d);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL)->proposed, "128");
	fixture_close(&f);
}

static void just_below_is_quiet(void **state)
{
	struct disk d = lab;

	d.in_flight = 3; /* three at a time is what was asked for */
	expect(&d, TS_OUTCOME_QUIET);
	d.in_flight = 3.3; /* a mean above three takes moments with four */
	expect(&d, TS_OUTCOME_RECOMMEND);
	d = lab, d.busy = 1.4;
	expect(&d, TS_OUTCOME_QUIET);
	d.busy = 1.5;
	expect(&d, TS_OUTCOME_RECOMMEND);
	d = lab, d.nr_requests = 1, d.in_flight = 1;
	expect(&d, TS_OUTCOME_QUIET);
}

static void a_saturated_device(void **state)
{
	struct disk d = lab;
	struct fixture f;
	const struct ts_finding *finding;

	d.nr_requests = 32, d.in_flight = 31.5, d.top_depth = "32", d.top = 0.064, d.low = 0.005;
	judge(&f, &d);
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, "loop0");
	assert_string_equal(finding->cause, "device-saturated");
	assert_string_equal(finding->acquits, "nr_requests");
	fixture_close(&f);
	/* The queue is not even full. */
	d.nr_requests = 128;
	judge(&f, &d);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, "loop0")->cause,
			    "device-saturated");
	fixture_close(&f);
	d.top = 0.019, d.low = 0.001; /* waits that hurt nobody */
	expect(&d, TS_OUTCOME_QUIET);
}

/* From the lab: the load runs already when tunescope starts, and the queue stays full. */
static void a_depth_that_never_varies(void **state)
{
	struct disk d = lab;
	struct fixture f;
	const struct ts_finding *finding;

	d.nr_requests = 32, d.in_flight = 32, d.top_depth = "32", d.low_samples = 0;
	d.top = 0.064, d.top_samples = 3000;
	judge(&f, &d);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, "loop0");
	assert_string_equal(finding->cause, "device-saturated");
	assert_string_equal(finding->acquits, "nr_requests");
	assert_contains(finding->remedy, "wait for each other");
	assert_true(finding->confidence < 0.7);
	fixture_close(&f);
	/* The first requests seen were not alone: the others were issued before. */
	d.low = d.top, d.low_samples = 15;
	expect(&d, TS_OUTCOME_NOT_A_SETTING);
	/* Just below the limit, or far below it. */
	d.low_samples = 0, d.nr_requests = 34;
	expect(&d, TS_OUTCOME_NOT_A_SETTING);
	d.nr_requests = 128;
	expect(&d, TS_OUTCOME_NOT_A_SETTING);
	/* A disk may take that long for one; or the queue is short, or empty now and then. */
	d.nr_requests = 32, d.top = 0.0299;
	expect(&d, TS_OUTCOME_INSUFFICIENT);
	d.top = 0.064, d.busy = 9.4;
	expect(&d, TS_OUTCOME_INSUFFICIENT);
	d.busy = 9.8, d.nr_requests = 8, d.in_flight = 7.9, d.top_depth = "8";
	expect(&d, TS_OUTCOME_NOT_A_SETTING);
	d.nr_requests = d.in_flight = 7;
	expect(&d, TS_OUTCOME_INSUFFICIENT);
	/* As slow when it is short: far away, not full. */
	d = lab, d.nr_requests = 32, d.in_flight = 32, d.top_depth = "32";
	d.low = d.top = 0.064, d.low_samples = 17;
	expect(&d, TS_OUTCOME_RECOMMEND);
}

static void what_cannot_be_told(void **state)
{
	struct disk d = lab;
	struct fixture f;

	d.nr_requests = 32, d.in_flight = 32, d.top_depth = "32", d.low_samples = 4;
	judge(&f, &d);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_INSUFFICIENT);
	assert_contains(fixture_result(&f, RULE)->why, "the depth never varied");
	fixture_close(&f);
	d = lab, d.top = 1.5 * d.low;
	expect(&d, TS_OUTCOME_INSUFFICIENT);
	d = lab, d.in_flight = 6; /* several queues of 4 each: nobody knows how many */
	expect(&d, TS_OUTCOME_QUIET);
}

static void names_the_scheduler(void **state)
{
	struct disk d = mixed;
	struct fixture f;
	const struct ts_finding *finding;

	judge(&f, &d);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, "loop0");
	assert_string_equal(finding->setting, "/sys/block/loop0/queue/scheduler");
	assert_string_equal(finding->current, "none");
	assert_string_equal(finding->proposed, "bfq");
	assert_string_equal(finding->apply, "echo bfq > /sys/block/loop0/queue/scheduler");
	assert_string_equal(finding->undo, "echo none > /sys/block/loop0/queue/scheduler");
	assert_string_equal(finding->id, "block-queue/scheduler/device:loop0");
	fixture_close(&f);

	d.choices = "none mq-deadline bfq-like";
	judge(&f, &d);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL)->proposed,
			    "mq-deadline");
	fixture_close(&f);
	d.choices = "none";
	expect(&d, TS_OUTCOME_INSUFFICIENT);
}

/* Programs wait for each of these: they are not throttled, and the device is full. */
static void direct_writes_are_no_setting(void **state)
{
	static const char *const schedulers[] = {"none", "mq-deadline"};

	for (size_t i = 0; i < 2; i++) {
		struct disk d = mixed;
		struct fixture f;

		d.scheduler = schedulers[i];
		d.top = 0.08;
		fixture_open(&f);
		add(&f, &d);
		fixture_counter(&f, DISK_BYTES, 262e6, d.name, "write");
		fixture_counter(&f, VM_EVENTS, 34023, "nr_written");
		fixture_judge(&f);
		assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
		assert_string_equal(
			fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, "loop0")->cause,
			"device-saturated");
		fixture_close(&f);
	}
}

static void expect_target(const struct disk *d, const char *current, const char *proposed)
{
	struct fixture f;
	const struct ts_finding *finding;

	judge(&f, d);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, "loop0");
	assert_string_equal(finding->setting, "/sys/block/loop0/queue/wbt_lat_usec");
	assert_string_equal(finding->current, current);
	assert_string_equal(finding->proposed, proposed);
	assert_string_equal(finding->id, "block-queue/wbt_lat_usec/device:loop0");
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 1);
	fixture_close(&f);
}

static void judge_scheduler_is(const struct disk *d, const char *proposed)
{
	struct fixture f;

	judge(&f, d);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL)->proposed,
			    proposed);
	fixture_close(&f);
}

/* A scheduler is set, or the target is no target. */
static void names_writeback_throttling(void **state)
{
	struct disk d = mixed;

	d.scheduler = "mq-deadline";
	expect_target(&d, "0", "3000");
	d.alone = 0.0004;
	expect_target(&d, "0", "2000");
	d.alone = 0.04, d.beside = 3;
	expect_target(&d, "0", "75000");
	d.alone_samples = 0; /* no read alone is faster than the time between two completions */
	expect_target(&d, "0", "19000");
	d.rotational = 1;
	expect_target(&d, "0", "75000");
	d = mixed, d.wbt = 24000;
	expect_target(&d, "24000", "3000");
	d.wbt = 23900; /* not that far from what is wanted */
	expect(&d, TS_OUTCOME_ALREADY_SET);
	d = mixed, d.scheduler = "mq-deadline", d.wbt = -1; /* no throttling to be had */
	judge_scheduler_is(&d, "bfq");
	d = mixed, d.scheduler = "bfq", d.wbt = 75000;
	expect(&d, TS_OUTCOME_ALREADY_SET);
	/* Reads that are as slow without any write. */
	d = mixed, d.scheduler = "mq-deadline", d.alone = 0.1;
	expect(&d, TS_OUTCOME_QUIET);
}

/* From the lab: 64 writes at a time in the device, one is let through; reads take 4 ms at best. */
static const struct disk held_back = {
	.name = "loop0",
	.busy = 9.5,
	.in_flight = 1.3,
	.scheduler = "none",
	.choices = "none mq-deadline kyber bfq",
	.nr_requests = 128,
	.tags = 128,
	.wbt = 2000,
	.low = 0.0041,
	.top = 0.0041,
	.low_samples = 700,
	.top_samples = 700,
	.top_depth = "2",
	.beside_one = 0.0042,
};

static void judge_paused(struct fixture *f, const struct disk *d, double seconds)
{
	fixture_open(f);
	add(f, d);
	fixture_latency(f, DIRTY_THROTTLE_PAUSE, TS_HISTOGRAM_SCALE_KEYED, seconds / 20, 20,
			d->name);
	fixture_seconds(f, DIRTY_THROTTLE_SPAN, 9, d->name);
	fixture_seconds(f, DIRTY_THROTTLE_BUSY, 9, d->name);
	fixture_counter(f, VM_EVENTS, 1 << 18, "nr_dirtied");
	fixture_judge(f);
}

static void writes_are_held_back_for_nothing(void **state)
{
	struct disk d = held_back;
	struct fixture f;
	const struct ts_finding *finding;

	judge_paused(&f, &d, 4);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, "loop0");
	assert_string_equal(finding->setting, "/sys/block/loop0/queue/wbt_lat_usec");
	assert_string_equal(finding->proposed, "9000");
	/* And nobody says that the device cannot take more. */
	assert_int_equal(fixture_count(&f, "dirty-throttle", TS_OUTCOME_NOT_A_SETTING), 0);
	assert_int_equal(fixture_outcome(&f, "dirty-throttle"), TS_OUTCOME_INSUFFICIENT);
	assert_contains(fixture_result(&f, "dirty-throttle")->why, "wbt_lat_usec");
	fixture_close(&f);

	d.wbt = 4200; /* reads are fast enough: throttling ends, and the device is what is slow */
	judge_paused(&f, &d, 4);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	assert_int_equal(fixture_count(&f, "dirty-throttle", TS_OUTCOME_NOT_A_SETTING), 1);
	fixture_close(&f);
	d = held_back; /* writers that hardly wait */
	judge_paused(&f, &d, 0.29);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
	d.in_flight = 16.1; /* many at a time: it is slow for other reasons */
	judge_paused(&f, &d, 4);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
	d = held_back, d.beside_one = 1.31 * d.low; /* a write takes from the read: it is full */
	judge_paused(&f, &d, 4);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
	fixture_close(&f);
}

/* One device, one thing to do: that it is full is why the order matters. */
static void a_full_device_beside_the_scheduler(void **state)
{
	struct disk d = mixed;
	struct fixture f;

	d.top = 0.5, d.low = 0.01;
	judge(&f, &d);
	fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, "loop0");
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_NOT_A_SETTING), 0);
	fixture_close(&f);
	/* The scheduler does what it can: now it is told. */
	d.scheduler = "bfq", d.wbt = -1;
	expect(&d, TS_OUTCOME_NOT_A_SETTING);
}

static void reads_just_fast_enough(void **state)
{
	struct disk d = mixed;

	d.alone = 0.0401;
	expect(&d, TS_OUTCOME_QUIET);
	d.alone = 0.0399;
	expect(&d, TS_OUTCOME_RECOMMEND);
	d = mixed, d.beside_samples = 7;
	expect(&d, TS_OUTCOME_QUIET);
	d = mixed, d.alone = 0.0005, d.beside = 0.019;
	expect(&d, TS_OUTCOME_QUIET);
	/* No read alone: compared with the time between two completions (9 ms). */
	d = mixed, d.alone_samples = 0;
	expect(&d, TS_OUTCOME_RECOMMEND);
	d.beside = 0.09;
	expect(&d, TS_OUTCOME_QUIET);
}

static void writes_are_held_back_already(void **state)
{
	struct disk d = mixed;

	d.wbt = 2000;
	expect(&d, TS_OUTCOME_ALREADY_SET);
	d = mixed, d.scheduler = "bfq", d.wbt = -1;
	expect(&d, TS_OUTCOME_ALREADY_SET);
}

static void converges(void **state)
{
	struct disk d = lab;

	d.nr_requests = 128, d.in_flight = 62; /* what fio asks for now gets through */
	expect(&d, TS_OUTCOME_QUIET);
	d.in_flight = 128, d.top_depth = "128"; /* all the driver takes, and flat still */
	expect(&d, TS_OUTCOME_ALREADY_SET);
	d = mixed, d.scheduler = "bfq", d.wbt = -1, d.beside = 0.003;
	expect(&d, TS_OUTCOME_QUIET);
}

static void two_devices(void **state)
{
	struct disk other = lab;
	struct fixture f;

	other.name = "nvme0n1", other.top = 3 * other.low;
	fixture_open(&f);
	add(&f, &lab);
	add(&f, &other);
	fixture_judge(&f);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL)->device, "loop0");
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL)->device,
			    "nvme0n1");
	fixture_close(&f);
}

static void not_measured(void **state)
{
	struct fixture f;

	fixture_open(&f);
	add(&f, &lab);
	fixture_unsupported(&f, TS_FAMILY_BLOCK_DEPTH_SECONDS, "no block_rq_issue");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_UNAVAILABLE);
	assert_contains(fixture_result(&f, RULE)->why, "no block_rq_issue");
	fixture_close(&f);
}

static void hostile_names(void **state)
{
	struct disk d = lab;
	struct fixture f;

	d.name = "a b'$(x)!c";
	judge(&f, &d);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL)->apply,
			    "echo 128 > '/sys/block/a b'\\''$(x)!c/queue/nr_requests'");
	fixture_close(&f);
	d.name = "../../etc";
	fixture_open(&f);
	f.no_commands = true;
	add(&f, &d);
	fixture_judge(&f);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL)->apply, "");
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_nr_requests),
		cmocka_unit_test(the_proposal_is_what_the_kernel_takes),
		cmocka_unit_test(just_below_is_quiet),
		cmocka_unit_test(a_saturated_device),
		cmocka_unit_test(a_depth_that_never_varies),
		cmocka_unit_test(what_cannot_be_told),
		cmocka_unit_test(names_the_scheduler),
		cmocka_unit_test(direct_writes_are_no_setting),
		cmocka_unit_test(names_writeback_throttling),
		cmocka_unit_test(writes_are_held_back_for_nothing),
		cmocka_unit_test(a_full_device_beside_the_scheduler),
		cmocka_unit_test(reads_just_fast_enough),
		cmocka_unit_test(writes_are_held_back_already),
		cmocka_unit_test(converges),
		cmocka_unit_test(two_devices),
		cmocka_unit_test(not_measured),
		cmocka_unit_test(hostile_names),
	};

	return cmocka_run_group_tests_name("rule block-queue", tests, NULL, NULL);
}
