// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#define RULE "swappiness"
#define MIB  1048576.0
#define GIB  (1024 * MIB)

struct balance {
	double stalled;
	double freed_file, back_file, freed_programs, back_programs; /* bytes */
	double by_host;						     /* share */
	double swap, swapped, idle;
	double disks, read; /* seconds, bytes */
	const char *swappiness;
	const char *generations; /* lru_gen/enabled; NULL: this kernel has none */
	const char *cgroup;	 /* at whose limit memory is freed; NULL: none */
	double idle_in_cgroup;	 /* share of it */
};

/* Files are read again and again; what is in swap is not missed. */
static const struct balance cold_programs = {.stalled = 2,
					     .freed_file = 2 * GIB,
					     .back_file = 1.5 * GIB,
					     .by_host = 1,
					     .swap = 2 * GIB,
					     .swapped = 200 * MIB,
					     .swappiness = "1"};

/* The same at the limit of a memory cgroup: half of it belongs to programs that do not run. */
static const struct balance cold_in_cgroup = {.stalled = 2,
					      .freed_file = 2 * GIB,
					      .back_file = 1.5 * GIB,
					      .swap = 2 * GIB,
					      .swappiness = "1",
					      .cgroup = "web.service",
					      .idle_in_cgroup = 0.5};

/* Swap is read again and again; files are freed and not missed. */
static const struct balance cold_files = {.stalled = 2,
					  .freed_file = 1 * GIB,
					  .freed_programs = 1 * GIB,
					  .back_programs = 0.8 * GIB,
					  .by_host = 1,
					  .swap = 2 * GIB,
					  .swapped = 1 * GIB,
					  .swappiness = "100"};

static void judge(struct fixture *f, const struct balance *b)
{
	double freed = b->freed_file + b->freed_programs;

	fixture_open(f);
	fixture_setting(f, TS_SETTING_SWAPPINESS, "", b->swappiness, "");
	if (b->generations)
		fixture_setting(f, TS_SETTING_LRU_GEN, "", b->generations, "");
	fixture_seconds(f, PRESSURE, b->stalled, "memory", "some");
	fixture_counter(f, VM_EVENTS, b->freed_file / 4096, "pgsteal_file");
	fixture_counter(f, VM_EVENTS, b->freed_programs / 4096, "pgsteal_anon");
	fixture_counter(f, VM_EVENTS, b->back_file / 4096, "workingset_refault_file");
	fixture_counter(f, VM_EVENTS, b->back_programs / 4096, "pswpin");
	fixture_counter(f, VM_EVENTS, b->by_host * freed / 4096, "pgsteal_kswapd");
	fixture_gauge(f, MEMORY, 8 * GIB, "total");
	fixture_seconds(f, PRESSURE, b->disks, "io", "some");
	fixture_counter(f, VM_EVENTS, b->read / 1024, "pgpgin");
	fixture_gauge(f, IDLE_MEMORY, b->idle);
	if (b->cgroup)
		ts_snapshot_sufferer(f->later,
				     &(struct ts_sufferer){.family = TS_FAMILY_MEMORY_WAIT,
							   .label = {"cgroup", "", "", ""},
							   .pid = 77,
							   .comm = "worker",
							   .cgroup = b->cgroup,
							   .value = 1});
	fixture_gauge(f, CGROUP_IDLE_MEMORY, b->idle_in_cgroup, "web.service");
	fixture_gauge(f, MEMORY, b->swap, "swap-total");
	fixture_gauge(f, MEMORY, b->swap - b->swapped, "swap-free");
	fixture_judge(f);
}

static void outcome_is(const struct balance *b, enum ts_outcome outcome)
{
	struct fixture f;

	judge(&f, b);
	assert_int_equal(fixture_outcome(&f, RULE), outcome);
	assert_int_equal(fixture_count(&f, RULE, TS_OUTCOME_RECOMMEND),
			 outcome == TS_OUTCOME_RECOMMEND);
	fixture_close(&f);
}

static void both_directions(void **state)
{
	static const struct {
		const struct balance *balance;
		const char *apply, *undo;
	} rows[] = {
		{&cold_programs, "sysctl -w vm.swappiness=60", "sysctl -w vm.swappiness=1"},
		{&cold_files, "sysctl -w vm.swappiness=30", "sysctl -w vm.swappiness=100"},
		{&cold_in_cgroup, "sysctl -w vm.swappiness=60", "sysctl -w vm.swappiness=1"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct ts_finding *finding;
		struct fixture f;

		judge(&f, rows[i].balance);
		finding = fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL);
		assert_string_equal(finding->apply, rows[i].apply);
		assert_string_equal(finding->undo, rows[i].undo);
		fixture_close(&f);
	}
}

/* Freed by generations, only the end of the scale does anything; switched off, it is as ever. */
static void by_generations(void **state)
{
	static const struct {
		const char *generations, *swappiness;
		bool files;
		const char *proposed; /* NULL: nothing */
	} rows[] = {
		{"0x0007", "0", true, "200"},	{"0x0000", "0", true, "60"},
		{"0x0006", "0", true, "60"},	{"0x0007", "60", true, NULL},
		{"0x0007", "200", true, NULL},	{"0x0007", "200", false, NULL},
		{"0x0007", "100", false, NULL}, {"0x0000", "100", false, "30"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct balance b = rows[i].files ? cold_programs : cold_files;
		struct fixture f;

		b.generations = rows[i].generations;
		b.swappiness = rows[i].swappiness;
		if (!rows[i].proposed) {
			outcome_is(&b, TS_OUTCOME_INSUFFICIENT);
			continue;
		}
		judge(&f, &b);
		assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_RECOMMEND, NULL)->proposed,
				    rows[i].proposed);
		fixture_close(&f);
	}
}

static void just_below(void **state)
{
	struct balance b = cold_programs;

	b.stalled = 0.49; /* of the 0.5 s that count */
	outcome_is(&b, TS_OUTCOME_QUIET);
	b.disks = 0.98, b.read = 3 * GIB; /* half of what was read had been taken away */
	outcome_is(&b, TS_OUTCOME_QUIET);
	b.disks = 1.02;
	outcome_is(&b, TS_OUTCOME_RECOMMEND);
	b = cold_programs, b.back_file = 0.5 * GIB;
	outcome_is(&b, TS_OUTCOME_QUIET);
	b = cold_programs, b.swapped = 4 * MIB; /* too little to tell */
	outcome_is(&b, TS_OUTCOME_INSUFFICIENT);
	b.idle = 0.39 * GIB; /* of the 0.4 GiB that count */
	outcome_is(&b, TS_OUTCOME_INSUFFICIENT);
	b.idle = 0.41 * GIB;
	outcome_is(&b, TS_OUTCOME_RECOMMEND);
	b = cold_files, b.freed_file = 4 * MIB;
	outcome_is(&b, TS_OUTCOME_INSUFFICIENT);
	b = cold_files, b.back_file = 0.1 * GIB;
	outcome_is(&b, TS_OUTCOME_INSUFFICIENT);
}

static void look_alikes(void **state)
{
	struct balance b = cold_programs;
	struct fixture f;

	b.swap = b.swapped = 0; /* none */
	judge(&f, &b);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL)->cause,
			    "memory-too-small");
	fixture_close(&f);
	b = cold_files, b.back_file = 0.5 * GIB; /* both come back */
	judge(&f, &b);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL)->cause,
			    "memory-too-small");
	fixture_close(&f);
	b = cold_programs, b.by_host = 0.2; /* a memory cgroup's limit */
	outcome_is(&b, TS_OUTCOME_QUIET);
	b = cold_programs, b.swap = b.swapped = 0, b.idle = 2 * GIB; /* nowhere to go */
	judge(&f, &b);
	assert_string_equal(fixture_finding(&f, RULE, TS_OUTCOME_NOT_A_SETTING, NULL)->cause,
			    "memory-too-small");
	fixture_close(&f);
	b = cold_programs, b.swapped = 1.6 * GIB; /* swap is full */
	outcome_is(&b, TS_OUTCOME_INSUFFICIENT);
}

/* The limit itself is to blame, as the rule direct-reclaim says. */
static void limit_of_a_cgroup(void **state)
{
	struct balance b = cold_in_cgroup;

	b.idle_in_cgroup = 0.049;
	outcome_is(&b, TS_OUTCOME_QUIET);
	b.idle_in_cgroup = 0.051;
	outcome_is(&b, TS_OUTCOME_RECOMMEND);
	b = cold_in_cgroup, b.cgroup = "other.service"; /* those that do not run are elsewhere */
	outcome_is(&b, TS_OUTCOME_QUIET);
	b = cold_in_cgroup, b.swap = 0;
	outcome_is(&b, TS_OUTCOME_QUIET);
	b = cold_in_cgroup, b.swapped = 1.6 * GIB; /* full */
	outcome_is(&b, TS_OUTCOME_QUIET);
	b = cold_in_cgroup, b.freed_programs = 0.2 * GIB; /* they make room already */
	outcome_is(&b, TS_OUTCOME_QUIET);
	b = cold_in_cgroup, b.back_file = 0.5 * GIB;
	outcome_is(&b, TS_OUTCOME_QUIET);
	b = cold_in_cgroup, b.swappiness = "60";
	outcome_is(&b, TS_OUTCOME_QUIET);
}

/* Whatever it finds next, it does not go back and forth. */
static void converges(void **state)
{
	struct balance b = cold_programs;

	b.swappiness = "60";
	outcome_is(&b, TS_OUTCOME_INSUFFICIENT);
	b.idle = 4 * GIB;
	outcome_is(&b, TS_OUTCOME_INSUFFICIENT);
	b.swappiness = "30";
	outcome_is(&b, TS_OUTCOME_INSUFFICIENT);
	b = cold_files, b.swappiness = "30";
	outcome_is(&b, TS_OUTCOME_INSUFFICIENT);
}

static void unavailable(void **state)
{
	struct fixture f;

	fixture_open(&f);
	fixture_unsupported(&f, TS_FAMILY_PRESSURE, "psi=0");
	fixture_judge(&f);
	assert_int_equal(fixture_outcome(&f, RULE), TS_OUTCOME_UNAVAILABLE);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_directions),   cmocka_unit_test(by_generations),
		cmocka_unit_test(just_below),	     cmocka_unit_test(look_alikes),
		cmocka_unit_test(limit_of_a_cgroup), cmocka_unit_test(converges),
		cmocka_unit_test(unavailable),
	};

	return cmocka_run_group_tests_name("rule swappiness", tests, NULL, NULL);
}
