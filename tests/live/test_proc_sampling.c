// SPDX-License-Identifier: GPL-2.0-only
/* What the /proc sources keep from one sample to the next: CPUs that come and go, counters that
 * wrap. */
#include "proc_support.h"

#include <time.h>

#define TICK_NS 100000000ull

static __u64 user_hz_ns(void)
{
	return 1000000000ull / (__u64)sysconf(_SC_CLK_TCK);
}

struct cpu_line {
	unsigned int cpu;
	unsigned long long user, idle, iowait;
};

static void write_stat(struct rig *rig, const struct cpu_line *line, size_t lines)
{
	char *text = calloc(lines + 1, 128), *at = text;

	assert_non_null(text);
	for (size_t i = 0; i < lines; i++)
		at += sprintf(at, "cpu%u %llu 0 0 %llu %llu 0 0 0 0 0\n", line[i].cpu, line[i].user,
			      line[i].idle, line[i].iowait);
	strcpy(at, "procs_running 1\nprocs_blocked 0\n");
	rig_write(rig, "proc/stat", text);
	free(text);
}

#define CPUS(...)                         \
	(struct cpu_line[]){__VA_ARGS__}, \
		sizeof((struct cpu_line[]){__VA_ARGS__}) / sizeof(struct cpu_line)

static void a_cpu_that_comes_and_goes_counts_no_foreign_time(void **state)
{
	struct rig *rig = *state;
	__u64 hz = user_hz_ns();
	struct ts_snapshot *s;

	write_stat(rig, CPUS({0, 100, 1000, 10}, {1, 200, 2000, 20}));
	rig_measure(rig, &ts_source_proc_cpu);

	/* CPU 1 goes: it stays where it was */
	write_stat(rig, CPUS({0, 110, 1000, 10}));
	s = rig_snapshot(rig);
	assert_int_equal(counter(s, TS_FAMILY_CPU_TIME, "0", "user"), 110 * hz);
	assert_int_equal(counter(s, TS_FAMILY_CPU_TIME, "1", "idle"), 2000 * hz);

	/* it comes back with time it did not spend, and goes on from where it was */
	write_stat(rig, CPUS({0, 120, 1000, 10}, {1, 200, 90000, 0}));
	s = rig_snapshot(rig);
	assert_int_equal(counter(s, TS_FAMILY_CPU_TIME, "1", "idle"), 2000 * hz);
	write_stat(rig, CPUS({0, 120, 1000, 10}, {1, 203, 90005, 1}));
	s = rig_snapshot(rig);
	assert_int_equal(counter(s, TS_FAMILY_CPU_TIME, "1", "user"), 203 * hz);
	assert_int_equal(counter(s, TS_FAMILY_CPU_TIME, "1", "idle"), 2005 * hz);
	assert_int_equal(counter(s, TS_FAMILY_CPU_TIME, "1", "iowait"), 21 * hz);

	/* one never seen before starts at 0: what it did before is not of this window */
	write_stat(rig, CPUS({0, 120, 1000, 10}, {1, 203, 90005, 1}, {5, 70, 80, 90}));
	s = rig_snapshot(rig);
	assert_int_equal(counter(s, TS_FAMILY_CPU_TIME, "5", "user"), 0);
	write_stat(rig, CPUS({0, 120, 1000, 10}, {1, 203, 90005, 1}, {5, 71, 80, 90}));
	s = rig_snapshot(rig);
	assert_int_equal(counter(s, TS_FAMILY_CPU_TIME, "5", "user"), hz);
}

static void iowait_that_goes_down_is_held(void **state)
{
	struct rig *rig = *state;
	__u64 hz = user_hz_ns();

	write_stat(rig, CPUS({0, 100, 1000, 50}));
	rig_measure(rig, &ts_source_proc_cpu);
	write_stat(rig, CPUS({0, 100, 1000, 48}));
	assert_int_equal(counter(rig_snapshot(rig), TS_FAMILY_CPU_TIME, "0", "iowait"), 50 * hz);
	write_stat(rig, CPUS({0, 100, 1000, 51}));
	assert_int_equal(counter(rig_snapshot(rig), TS_FAMILY_CPU_TIME, "0", "iowait"), 51 * hz);
}

static void hundreds_of_cpus(void **state)
{
	struct rig *rig = *state;
	static struct cpu_line line[640];
	static char softnet[640 * 150];
	char *at = softnet, label[16];
	struct ts_snapshot *s;

	for (unsigned int i = 0; i < 640; i++) {
		line[i] = (struct cpu_line){2 * i, i, 1000, 0};
		at += sprintf(at,
			      "%08x %08x 00000000 00000000 00000000 00000000 00000000 00000000 "
			      "00000000 %08x 00000000 00000000 %08x 00000000 00000000\n",
			      i, 2 * i, 3 * i, 2 * i);
	}
	write_stat(rig, line, 640);
	rig_write(rig, "proc/net/softnet_stat", softnet);
	s = rig_measure(rig, &ts_source_proc_cpu);
	assert_int_equal(s->family[TS_FAMILY_CPU_TIME].count, 640 * 8);
	assert_int_equal(counter(s, TS_FAMILY_CPU_TIME, "1278", "user"), 639 * user_hz_ns());
	s = rig_measure(rig, &ts_source_softnet);
	assert_int_equal(s->family[TS_FAMILY_SOFTNET].count, 640 * 5);
	for (unsigned int i = 0; i < 640; i++) {
		snprintf(label, sizeof label, "%u", 2 * i);
		assert_int_equal(counter(s, TS_FAMILY_SOFTNET, label, "dropped"), 2 * i);
		assert_int_equal(counter(s, TS_FAMILY_SOFTNET, label, "received-rps"), 3 * i);
	}
}

#define SOFTNET_ROW(processed, dropped, tail)                                                    \
	processed " " dropped " 00000000 00000000 00000000 00000000 00000000 00000000 00000000 " \
		  "00000000 00000000" tail "\n"

/* Before 5.10 a row does not say which CPU it is of: rows are the online CPUs in order. */
static void rows_without_a_cpu_number(void **state)
{
	struct rig *rig = *state;
	struct ts_snapshot *s;

	write_stat(rig, CPUS({0, 1, 1, 1}, {4, 1, 1, 1}));
	rig_write(rig, "proc/net/softnet_stat",
		  SOFTNET_ROW("00000011", "00000000", "") SOFTNET_ROW("00000022", "00000007", ""));
	s = rig_measure(rig, &ts_source_softnet);
	assert_int_equal(counter(s, TS_FAMILY_SOFTNET, "0", "processed"), 0x11);
	assert_int_equal(counter(s, TS_FAMILY_SOFTNET, "4", "dropped"), 7);
	assert_int_equal(s->family[TS_FAMILY_SOFTNET_BURST].count, 2);
	/* more CPUs in one file than in the other: rows are counted */
	write_stat(rig, CPUS({0, 1, 1, 1}));
	s = rig_measure(rig, &ts_source_softnet);
	assert_int_equal(counter(s, TS_FAMILY_SOFTNET, "1", "dropped"), 7);
}

static void softnet_counters_wrap(void **state)
{
	struct rig *rig = *state;
	struct ts_snapshot *s;

	write_stat(rig, CPUS({0, 1, 1, 1}));
	rig_write(rig, "proc/net/softnet_stat", SOFTNET_ROW("fffffff0", "00000003", ""));
	s = rig_measure(rig, &ts_source_softnet);
	assert_int_equal(counter(s, TS_FAMILY_SOFTNET, "0", "processed"), 0xfffffff0u);
	/* drops before the first sample are no burst */
	assert_true(gauge(s, TS_FAMILY_SOFTNET_BURST, "0", "") == 0);
	rig_write(rig, "proc/net/softnet_stat", SOFTNET_ROW("00000010", "00000003", ""));
	s = rig_snapshot(rig);
	assert_int_equal(counter(s, TS_FAMILY_SOFTNET, "0", "processed"), 0x100000010ull);
}

struct step {
	unsigned int drops;	 /* in this tick */
	unsigned int idle, busy; /* USER_HZ ticks */
};

/* Drives the softnet source with steps of CPU 0 and returns the snapshot after them. */
static struct ts_snapshot *drive(struct rig *rig, const struct step *step, size_t steps,
				 struct cpu_line *cpu, unsigned int *dropped)
{
	struct timespec now;
	__u64 clock;
	char text[256];

	clock_gettime(CLOCK_MONOTONIC, &now);
	clock = (__u64)now.tv_sec * 1000000000ull - (steps + 1) * TICK_NS;
	for (size_t i = 0; i < steps; i++) {
		cpu->idle += step[i].idle;
		cpu->user += step[i].busy;
		*dropped += step[i].drops;
		write_stat(rig, cpu, 1);
		snprintf(text, sizeof text, SOFTNET_ROW("00000001", "%08x", ""), *dropped);
		rig_write(rig, "proc/net/softnet_stat", text);
		clock += TICK_NS;
		if (rig->state)
			ts_source_softnet.tick(&rig->live, rig->state, clock);
		else
			assert_int_equal(rig_open_source(rig, &ts_source_softnet), 0);
	}
	return rig_snapshot(rig);
}

static void cpu_time_is_taken_around_the_drops_only(void **state)
{
	static const struct step first[] = {
		{0, 0, 0},  {0, 10, 0}, /* read for the first time, and then five ticks later: */
		{0, 10, 0}, {0, 10, 0}, {0, 8, 2},  {0, 7, 3},
		{90, 4, 6}, {0, 5, 5},	{0, 9, 1}, /* two more count */
		{0, 10, 0}, {0, 10, 0}, {0, 10, 0},
	};
	static const struct step second[] = {
		{0, 10, 0},  {0, 6, 4}, {0, 5, 5},  {40, 1, 9}, /* read in the first and the last */
		{70, 0, 10}, /* their surroundings overlap and count once */
		{0, 3, 7},   {0, 2, 8}, {0, 10, 0}, {0, 10, 0},
	};
	static const struct step third[] = {
		{0, 10, 0},						 /* read */
		{0, 9, 1},  {0, 9, 1}, {0, 9, 1},  {0, 9, 1}, {0, 9, 1}, /* read again */
		{9, 3, 7}, /* too short for what was before: all of the above counts, too */
		{0, 4, 6},  {0, 2, 8}, {0, 10, 0},
	};
	struct cpu_line cpu = {0, 500, 5000, 0};
	unsigned int dropped = 1000;
	struct rig *rig = *state;
	__u64 hz = user_hz_ns();
	struct ts_snapshot *s;

	s = drive(rig, first, sizeof first / sizeof first[0], &cpu, &dropped);
	assert_int_equal(counter(s, TS_FAMILY_SOFTNET_BUSY, "0", "total"), 70 * hz);
	assert_int_equal(counter(s, TS_FAMILY_SOFTNET_BUSY, "0", "idle"), 53 * hz);
	assert_true(gauge(s, TS_FAMILY_SOFTNET_BURST, "0", "") == 90);
	assert_int_equal(counter(s, TS_FAMILY_SOFTNET, "0", "dropped"), 1090);

	s = drive(rig, second, sizeof second / sizeof second[0], &cpu, &dropped);
	assert_int_equal(counter(s, TS_FAMILY_SOFTNET_BUSY, "0", "total"), (70 + 60) * hz);
	assert_int_equal(counter(s, TS_FAMILY_SOFTNET_BUSY, "0", "idle"), (53 + 17) * hz);
	assert_true(gauge(s, TS_FAMILY_SOFTNET_BURST, "0", "") == 70);

	/* nothing since: the burst is over, the rest stays */
	s = rig_snapshot(rig);
	assert_true(gauge(s, TS_FAMILY_SOFTNET_BURST, "0", "") == 0);
	assert_int_equal(counter(s, TS_FAMILY_SOFTNET_BUSY, "0", "total"), 130 * hz);

	s = drive(rig, third, sizeof third / sizeof third[0], &cpu, &dropped);
	assert_int_equal(counter(s, TS_FAMILY_SOFTNET_BUSY, "0", "total"), (130 + 80) * hz);
	assert_int_equal(counter(s, TS_FAMILY_SOFTNET_BUSY, "0", "idle"), (70 + 54) * hz);
}

/* The counters of a CPU that was offline go on, or begin anew: neither is of this window. */
static void a_cpu_that_comes_back_has_not_received_anything(void **state)
{
	static const char *const second_cpu[] = {
		"00000100 00000007 ", NULL, "00000001 00000000 ",
		"00000004 00000002 ", NULL, "00000900 00000009 ",
		"00000901 00000009 ",
	};
	static const unsigned int processed[] = {0x100, 0x100, 0x100, 0x103, 0x103, 0x103, 0x104};
	static const unsigned int dropped[] = {7, 7, 7, 9, 9, 9, 9};
	static const unsigned int burst[] = {0, 0, 0, 2, 0, 0, 0};
	const char *rest = "00000000 00000000 00000000 00000000 00000000 00000000 00000000 "
			   "00000000 00000000 00000000";
	struct rig *rig = *state;

	write_stat(rig, CPUS({0, 1, 1, 1}, {1, 1, 1, 1}));
	for (size_t i = 0; i < sizeof second_cpu / sizeof second_cpu[0]; i++) {
		char text[512];
		int length = snprintf(text, sizeof text, "00000001 00000000 %s 00000000\n", rest);
		struct ts_snapshot *s;

		if (second_cpu[i])
			snprintf(text + length, sizeof text - (size_t)length, "%s%s 00000001\n",
				 second_cpu[i], rest);
		rig_write(rig, "proc/net/softnet_stat", text);
		s = i ? rig_snapshot(rig) : rig_measure(rig, &ts_source_softnet);
		assert_int_equal(counter(s, TS_FAMILY_SOFTNET, "1", "processed"), processed[i]);
		assert_int_equal(counter(s, TS_FAMILY_SOFTNET, "1", "dropped"), dropped[i]);
		assert_true(gauge(s, TS_FAMILY_SOFTNET_BURST, "1", "") == burst[i]);
	}
}

/* Drops between the last tick and the snapshot are explained, too. */
static void drops_right_before_the_snapshot(void **state)
{
	static const struct step steps[] = {{0, 0, 0}, {0, 10, 0}, {0, 9, 1}, {0, 8, 2}};
	struct cpu_line cpu = {0, 500, 5000, 0};
	unsigned int dropped = 0;
	struct rig *rig = *state;
	__u64 hz = user_hz_ns();
	struct ts_snapshot *s;

	s = drive(rig, steps, sizeof steps / sizeof steps[0], &cpu, &dropped);
	assert_int_equal(counter(s, TS_FAMILY_SOFTNET_BUSY, "0", "total"), 0);
	cpu.user += 3;
	write_stat(rig, &cpu, 1);
	rig_write(rig, "proc/net/softnet_stat", SOFTNET_ROW("00000001", "00000005", ""));
	s = rig_snapshot(rig);
	assert_true(gauge(s, TS_FAMILY_SOFTNET_BURST, "0", "") == 5);
	/* since the first reading of the CPU's time: two ticks, and what came now */
	assert_int_equal(counter(s, TS_FAMILY_SOFTNET_BUSY, "0", "total"), (20 + 3) * hz);
	assert_int_equal(counter(s, TS_FAMILY_SOFTNET_BUSY, "0", "idle"), 17 * hz);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_fixture, teardown)
		TEST(a_cpu_that_comes_and_goes_counts_no_foreign_time),
		TEST(iowait_that_goes_down_is_held),
		TEST(hundreds_of_cpus),
		TEST(rows_without_a_cpu_number),
		TEST(softnet_counters_wrap),
		TEST(cpu_time_is_taken_around_the_drops_only),
		TEST(drops_right_before_the_snapshot),
		TEST(a_cpu_that_comes_back_has_not_received_anything),
	};

	return cmocka_run_group_tests_name("proc sampling", tests, NULL, NULL);
}
