// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE	"direct-reclaim"
#define SETTING "vm.watermark_scale_factor"
#define MIB	1048576.0
#define GIB	(1024 * MIB)
#define PAGE	4096

struct host {
	double wait; /* seconds each */
	__u64 waits;
	double burst, bursts;
	double kswapd_seconds, reclaimable;
	double freed, looked_at, came_back, swapped, grown, risen, oom_kills;
	double factor;
	const char *kept; /* vm.min_free_kbytes; NULL: what the kernel computes for 8 GiB */
	const char *cgroup;
};

/* Bursts of 16 MiB in 8 GiB, of which half is clean cache. */
static const struct host bursty = {.wait = 0.01,
				   .waits = 200,
				   .burst = 16 * MIB,
				   .bursts = 8,
				   .kswapd_seconds = 2,
				   .reclaimable = 4 * GIB,
				   .freed = 2 * GIB,
				   .looked_at = 2.2 * GIB,
				   .factor = 10};

static void events(struct fixture *f, const char *event, double bytes)
{
	fixture_counter(f, VM_EVENTS, bytes / PAGE, event);
}

static void add(struct fixture *f, const struct host *h)
{
	fixture_number(f, TS_SETTING_WATERMARK_SCALE_FACTOR, "", "%.0f", h->factor);
	fixture_setting(f, TS_SETTING_MIN_FREE_KBYTES, "", h->kept ? h->kept : "11584", "");
	fixture_latency(f, MEMORY_WAIT, TS_HISTOGRAM_SCALE_KEYED, h->wait, h->waits, "host");
	fixture_gauge(f, MEMORY_WAIT_BURST, h->burst, NULL);
	fixture_counter(f, MEMORY_WAIT_BURSTS, h->bursts, NULL);
	fixture_seconds(f, KSWAPD_CPU, h->kswapd_seconds, "0");
	fixture_gauge(f, MEMORY, 8 * GIB, "total");
	fixture_gauge(f, MEMORY, 64 * MIB, "free");
	fixture_gauge(f, MEMORY, h->reclaimable, "available");
	fixture_gauge(f, MEMORY, 0, "dirty");
	fixture_gauge(f, MEMORY, 0, "writeback");
	events(f, "pgsteal_kswapd", h->freed / 2);
	events(f, "pgsteal_direct", h->freed / 2);
	events(f, "pgscan_kswapd", h->looked_at / 2);
	events(f, "pgscan_direct", h->looked_at / 2);
	events(f, "workingset_refault_file", h->came_back);
	events(f, "pswpout", h->swapped);
	fixture_counter(f, VM_EVENTS, h->oom_kills, "oom_kill");
	fixture_counter(f, ANONYMOUS_CHANGE, h->grown, "grown");
	fixture_gauge(f, ANONYMOUS_RISE, h->risen, NULL);
}

static void judge(struct fixture *f, const struct host *h)
{
	fixture_open(f);
	add(f, h);
	fixture_judge(f);
}

static void outcome_is(const struct host *h, enum ts_outcome outcome)
{
	struct fixture f;

	judge(&f, h);
	assert_int_equal(fixture_outcome(&f, RULE), outcome);
	fixture_close(&f);
}

static void cause_is(const struct host *h, const char *cause)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, h);
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL);
	assert_string_equal(finding->cause, cause);
	assert_string_equal(finding->acquits, SETTING);
	fixture_close(&f);
}

static void names_the_setting(void **state)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, &bursty);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL);
	assert_string_equal(finding->setting, SETTING);
	assert_string_equal(finding->current, "10");
	/* 8.2 MiB and four times 16 MiB of 8 GiB are 88 ten-thousandths. */
	assert_string_equal(finding->proposed, "90");
	assert_string_equal(finding->apply, "sysctl -w " SETTING "=90");
	assert_string_equal(finding->undo, "sysctl -w " SETTING "=10");
	fixture_close(&f);
}

/* The setting that is named, and its value: the same distance for either. */
static void proposes(const struct host *h, const char *setting, const char *value)
{
	const struct ts_finding *finding;
	struct fixture f;

	judge(&f, h);
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 1);
	finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL);
	assert_string_equal(finding->setting, setting);
	assert_string_equal(finding->proposed, value);
	fixture_close(&f);
}

static void less_is_kept_than_the_kernel_computes(void **state)
{
	struct host h = bursty;

	h.kept = "5793";
	proposes(&h, SETTING, "90");
	h.kept = "5792"; /* four times 8.2 MiB and 64 MiB */
	proposes(&h, "vm.min_free_kbytes", "295698");
	h.factor = 20; /* and still it was not enough */
	proposes(&h, SETTING, "100");
	h = bursty, h.kept = "1024", h.burst = 64 * MIB; /* more than may be lost for good */
	proposes(&h, SETTING, "330");
}

static void just_below(void **state)
{
	struct host h = bursty;

	h.waits = 29; /* 0.29 s of the 0.3 s that count */
	outcome_is(&h, TS_OUTCOME_QUIET);
	h.waits = 31;
	outcome_is(&h, TS_OUTCOME_RECOMMEND);
	h = bursty, h.waits = 19, h.wait = 1;
	outcome_is(&h, TS_OUTCOME_QUIET);
	h = bursty, h.bursts = 2;
	outcome_is(&h, TS_OUTCOME_INSUFFICIENT);
	h = bursty, h.looked_at = 4.1 * GIB;
	outcome_is(&h, TS_OUTCOME_INSUFFICIENT);
}

/* A build or a backup: as much time, in waits that nobody notices. */
static void short_waits_are_ordinary(void **state)
{
	struct host h = bursty;

	h.wait = 0.0001, h.waits = 20000;
	outcome_is(&h, TS_OUTCOME_QUIET);
}

static void look_alikes(void **state)
{
	struct host h = bursty;

	h.reclaimable = 0.5 * GIB, h.grown = 1 * GIB;
	cause_is(&h, "memory-leak");
	h.grown = 0;
	cause_is(&h, "memory-too-small");
	h = bursty, h.oom_kills = 1;
	cause_is(&h, "memory-too-small");
	h = bursty, h.came_back = 0.7 * GIB;
	cause_is(&h, "memory-too-small");
	h = bursty, h.swapped = 0.3 * GIB;
	cause_is(&h, "memory-too-small");
	h = bursty, h.grown = 1.1 * GIB;
	cause_is(&h, "large-allocation");
	h = bursty, h.risen = 1.1 * GIB; /* and fell again */
	cause_is(&h, "large-allocation");
	h = bursty, h.kswapd_seconds = 7.5;
	cause_is(&h, "sustained-allocation");
}

/* Where nothing can be freed nobody waits for it; somebody is killed. */
static void killed(void **state)
{
	struct host h = bursty;

	h.waits = 0, h.freed = h.looked_at = 0;
	outcome_is(&h, TS_OUTCOME_QUIET);
	h.oom_kills = 1;
	cause_is(&h, "memory-cgroup");
	h.reclaimable = 0.7 * GIB;
	cause_is(&h, "memory-too-small");
}

static void add_cgroup(struct fixture *f, double wait, __u64 waits, double came_back, double io)
{
	struct host h = bursty;

	h.waits = 0, h.freed = 0, h.looked_at = 0, h.came_back = came_back;
	add(f, &h);
	fixture_latency(f, MEMORY_WAIT, TS_HISTOGRAM_SCALE_KEYED, wait, waits, "cgroup");
	fixture_counter(f, MEMORY_WAIT_FREED, 2 * GIB, "cgroup");
	fixture_seconds(f, PRESSURE, io, "io", "some");
	ts_snapshot_sufferer(f->later, &(struct ts_sufferer){.family = TS_FAMILY_MEMORY_WAIT,
							     .label = {"cgroup", "", "", ""},
							     .pid = 77,
							     .comm = "worker",
							     .cgroup = "web.service",
							     .value = 1});
}

static void in_a_cgroup(void **state)
{
	static const struct {
		double wait;
		__u64 waits;
		double came_back, io;
		bool named;
	} rows[] = {
		{0.01, 200, 0, 0, true},
		{0.0001, 2000, 2 * GIB, 5, true}, /* clean files, read again and again */
		{0.0001, 2000, 2 * GIB, 0.2, false},
		{0.0001, 2000, 0.9 * GIB, 5, false}, /* a backup within it */
		{0.0001, 19, 2 * GIB, 5, false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct ts_finding *finding;
		struct fixture f;

		fixture_open(&f);
		add_cgroup(&f, rows[i].wait, rows[i].waits, rows[i].came_back, rows[i].io);
		fixture_judge(&f);
		assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND), 0);
		if (rows[i].named) {
			finding = fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL);
			assert_string_equal(finding->cause, "memory-cgroup");
			assert_string_equal(finding->cgroup, "web.service");
			assert_int_equal(finding->pid, 77);
		} else {
			assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_QUIET);
		}
		fixture_close(&f);
	}
}

/* The same bursts again, of which the new distance takes its share, and those no distance takes. */
static void converges(void **state)
{
	struct host h = bursty;

	h.factor = 50, h.waits = 20, h.burst = 1 * MIB;
	outcome_is(&h, TS_OUTCOME_QUIET);
	h = bursty, h.burst = 1 * GIB;
	outcome_is(&h, TS_OUTCOME_INSUFFICIENT);
	h = bursty, h.factor = 1000;
	outcome_is(&h, TS_OUTCOME_INSUFFICIENT);
}

static void unavailable(void **state)
{
	struct fixture f;

	fixture_open(&f);
	add(&f, &bursty);
	fixture_unsupported(&f, TS_FAMILY_MEMORY_WAIT, "no such tracepoint");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_UNAVAILABLE);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_setting),
		cmocka_unit_test(less_is_kept_than_the_kernel_computes),
		cmocka_unit_test(just_below),
		cmocka_unit_test(short_waits_are_ordinary),
		cmocka_unit_test(killed),
		cmocka_unit_test(look_alikes),
		cmocka_unit_test(in_a_cgroup),
		cmocka_unit_test(converges),
		cmocka_unit_test(unavailable),
	};

	return cmocka_run_group_tests_name("rule direct-reclaim", tests, NULL, NULL);
}
