// SPDX-License-Identifier: GPL-2.0-only
/*
 * The /proc and /sys sources on the running kernel, with real events, against readings taken by
 * other programs. A cumulative value is read by them just before and just after: ours must lie
 * between.
 */
#include "proc_support.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>

#include "../../user/core/settings.h"
#include "../../user/live/host.h"
#include "../../user/live/own_cost.h"
#include "../../user/live/procfile.h"
#include "../../user/live/settings_read.h"

static void spin(double seconds)
{
	double end = now_seconds() + seconds;

	while (now_seconds() < end)
		;
}

/* A child that runs until the test ends; it dies with this process whatever happens. */
static int spinner(int cpu)
{
	int parent = getpid(), child = fork();

	assert_true(child >= 0);
	if (child)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	if (cpu >= 0) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET((unsigned int)cpu, &set);
		sched_setaffinity(0, sizeof set, &set);
	}
	for (;;)
		spin(1);
}

static void end_child(int child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static __u64 cpu_total(const struct ts_snapshot *s, const char *mode)
{
	__u64 sum = 0;

	for (size_t i = 0; i < s->family[TS_FAMILY_CPU_TIME].count; i++)
		if (!strcmp(s->family[TS_FAMILY_CPU_TIME].series[i].label[1], mode))
			sum += s->family[TS_FAMILY_CPU_TIME].series[i].counter;
	return sum;
}

static double awk_cpu(int column)
{
	return reading("awk -v hz=$(getconf CLK_TCK) '/^cpu[0-9]/ {s += $%d} END "
		       "{printf \"%%.2f\\n\", s / hz}' /proc/stat",
		       column);
}

static void cpu_time_agrees_with_awk(void **state)
{
	static const struct {
		const char *mode;
		int column;
	} modes[] = {{"user", 2}, {"nice", 3},	  {"system", 4},
		     {"irq", 7},  {"softirq", 8}, {"steal", 9}};
	struct rig *rig = *state;

	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
		double before = awk_cpu(modes[i].column), ours, after;

		ours = (double)cpu_total(rig_measure(rig, &ts_source_proc_cpu), modes[i].mode) /
		       1e9;
		after = awk_cpu(modes[i].column);
		if (ours < before - 0.001 || ours > after + 0.001)
			fail_msg("%s: %f not in %f..%f", modes[i].mode, ours, before, after);
	}
}

static void cpu_time_follows_a_load(void **state)
{
	struct rig *rig = *state;
	struct rusage start, end;
	double used, before;
	struct ts_snapshot *s = rig_measure(rig, &ts_source_proc_cpu);

	before = (double)cpu_total(s, "user") + (double)cpu_total(s, "system");
	getrusage(RUSAGE_SELF, &start);
	spin(0.5);
	getrusage(RUSAGE_SELF, &end);
	s = rig_snapshot(rig);
	used = (double)(end.ru_utime.tv_sec - start.ru_utime.tv_sec) +
	       (double)(end.ru_utime.tv_usec - start.ru_utime.tv_usec) / 1e6;
	/* others use it as well; the kernel counts in ticks, per mode and CPU */
	assert_true(((double)cpu_total(s, "user") + (double)cpu_total(s, "system") - before) / 1e9 >
		    used - 0.05);
	assert_true(gauge(s, TS_FAMILY_TASKS, "running", "") >= 1);
}

static double awk_value(const char *file, const char *key)
{
	return reading("awk '$1 == \"%s\" {print $2}' %s", key, file);
}

static void memory_agrees_with_awk(void **state)
{
	struct rig *rig = *state;
	double page = reading("getconf PAGESIZE"), before, limit;
	struct ts_snapshot *s = rig_measure(rig, &ts_source_proc_memory);

	assert_true(gauge(s, TS_FAMILY_MEMORY, "total", "") ==
		    awk_value("/proc/meminfo", "MemTotal:") * 1024);
	assert_true(gauge(s, TS_FAMILY_MEMORY, "swap-total", "") ==
		    awk_value("/proc/meminfo", "SwapTotal:") * 1024);
	/* free memory moves, and the limits with it */
	limit = awk_value("/proc/vmstat", "nr_dirty_threshold") * page;
	assert_true(gauge(s, TS_FAMILY_MEMORY, "dirty-limit", "") > 0.8 * limit);
	assert_true(gauge(s, TS_FAMILY_MEMORY, "dirty-limit", "") < 1.2 * limit);
	before = awk_value("/proc/meminfo", "MemAvailable:") * 1024;
	assert_true(gauge(s, TS_FAMILY_MEMORY, "available", "") > 0.8 * before);
	assert_true(gauge(s, TS_FAMILY_MEMORY, "available", "") < 1.2 * before);
}

static void page_faults_are_counted(void **state)
{
	struct rig *rig = *state;
	double before = awk_value("/proc/vmstat", "pgfault"), after;
	__u64 first = counter(rig_measure(rig, &ts_source_proc_memory), TS_FAMILY_VM_EVENTS,
			      "pgfault", ""),
	      second;
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size = 3000 * page;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(memory != MAP_FAILED);
	madvise(memory, size, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < size; i += page)
		memory[i] = 1;
	munmap(memory, size);
	second = counter(rig_snapshot(rig), TS_FAMILY_VM_EVENTS, "pgfault", "");
	after = awk_value("/proc/vmstat", "pgfault");
	assert_true((double)first >= before && (double)second <= after);
	assert_true(second - first >= 3000);
}

static double awk_pressure(const char *resource, const char *kind)
{
	return reading("sed -n 's/^%s .*total=//p' /proc/pressure/%s", kind, resource);
}

static void pressure_follows_contention(void **state)
{
	struct rig *rig = *state;
	double before = awk_pressure("cpu", "some"), after;
	__u64 first, second;
	int one, two;

	first = counter(rig_measure(rig, &ts_source_pressure), TS_FAMILY_PRESSURE, "cpu", "some");
	assert_true((double)first / 1000 >= before);
	one = spinner(0);
	two = spinner(0);
	usleep(500000);
	end_child(one);
	end_child(two);
	second = counter(rig_snapshot(rig), TS_FAMILY_PRESSURE, "cpu", "some");
	after = awk_pressure("cpu", "some");
	assert_true((double)second / 1000 <= after);
	/* two tasks on one CPU: somebody waited most of the time */
	assert_true(second - first > 200000000ull);
	counter(rig->last, TS_FAMILY_PRESSURE, "io", "full");
	counter(rig->last, TS_FAMILY_PRESSURE, "memory", "some");
}

/* The kernel itself answers EOPNOTSUPP here: the members of a threaded cgroup, in place of PSI. */
static void psi_that_refuses_to_be_read_is_disabled(void **state)
{
	struct rig *rig = *state;
	char mount[128] = "";
	FILE *pipe = popen("awk '/ - cgroup2 / {print $5; exit}' /proc/self/mountinfo", "r");

	assert_non_null(pipe);
	assert_non_null(fgets(mount, sizeof mount, pipe));
	pclose(pipe);
	mount[strcspn(mount, "\n")] = '\0';
	snprintf(rig->cleanup, sizeof rig->cleanup, "rmdir '%s/proc-test-%d/t' '%s/proc-test-%d'",
		 mount, getpid(), mount, getpid());
	shell("mkdir -p '%s/proc-test-%d/t' && echo threaded > '%s/proc-test-%d/t/cgroup.type'",
	      mount, getpid(), mount, getpid());
	for (const char *const *name = (const char *const[]){"cpu", "memory", "io", NULL}; *name;
	     name++)
		shell("ln -sf '%s/proc-test-%d/t/cgroup.procs' '%s/proc/pressure/%s'", mount,
		      getpid(), rig->root, *name);
	rig_measure(rig, &ts_source_pressure);
	assert_int_equal(rig->last->family[TS_FAMILY_PRESSURE].status, TS_STATUS_DISABLED);
	assert_non_null(strstr(rig->last->family[TS_FAMILY_PRESSURE].why, "psi=1"));
	assert_int_equal(rig->last->family[TS_FAMILY_PRESSURE].count, 0);
}

/* A loop device of the test's own, whose scheduler is looked at with cat. */
static void settings_of_a_device(void **state)
{
	struct rig *rig = *state;
	char device[64] = "", list[256] = "", marked[128];
	const struct ts_setting_value *found = NULL;
	FILE *pipe;

	snprintf(rig->cleanup, sizeof rig->cleanup,
		 "losetup -d $(losetup -j /tmp/proc-test-%d -O NAME -n); rm /tmp/proc-test-%d",
		 getpid(), getpid());
	shell("truncate -s 4M /tmp/proc-test-%d", getpid());
	snprintf(list, sizeof list, "losetup -f --show /tmp/proc-test-%d", getpid());
	pipe = popen(list, "r");
	assert_non_null(pipe);
	assert_non_null(fgets(device, sizeof device, pipe));
	pclose(pipe);
	device[strcspn(device, "\n")] = '\0';
	rig->last = ts_snapshot_new();
	ts_settings_snapshot(&rig->live, rig->last);
	for (size_t i = 0; i < rig->last->settings; i++)
		if (rig->last->setting[i].id == TS_SETTING_BLOCK_SCHEDULER &&
		    !strcmp(rig->last->setting[i].scope, device + strlen("/dev/")))
			found = &rig->last->setting[i];
	assert_non_null(found);
	assert_int_equal(found->status, TS_STATUS_OK);
	snprintf(marked, sizeof marked, "[%s]", found->value);
	snprintf(list, sizeof list, "cat /sys/block/%s/queue/scheduler", device + strlen("/dev/"));
	pipe = popen(list, "r");
	assert_non_null(pipe);
	assert_non_null(fgets(list, sizeof list, pipe));
	pclose(pipe);
	assert_non_null(strstr(list, marked));
	assert_non_null(strstr(found->choices, found->value));
	assert_null(strchr(found->choices, '['));
}

static void file_handles_follow_open_files(void **state)
{
	struct rig *rig = *state;
	double before, after, theirs;
	static int descriptor[3000];

	setrlimit(RLIMIT_NOFILE, &(struct rlimit){4096, 4096});
	before = gauge(rig_measure(rig, &ts_source_files), TS_FAMILY_FILE_HANDLES, "allocated", "");
	for (int i = 0; i < 3000; i++)
		assert_true((descriptor[i] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0);
	after = gauge(rig_snapshot(rig), TS_FAMILY_FILE_HANDLES, "allocated", "");
	theirs = reading("cut -f1 /proc/sys/fs/file-nr");
	assert_true(gauge(rig->last, TS_FAMILY_FILE_HANDLES, "maximum", "") ==
		    reading("cut -f3 /proc/sys/fs/file-nr"));
	for (int i = 0; i < 3000; i++)
		close(descriptor[i]);
	/* others open and close files, and the kernel's sum may be off by a batch per CPU */
	assert_true(after - before > 2000);
	assert_true(after > theirs - 1000 && after < theirs + 1000);
}

static double cgroup_stat(const char *path, const char *key)
{
	return reading("awk '$1 == \"%s\" {print $2}' %s/cpu.stat", key, path);
}

static void a_throttled_cgroup_agrees_with_its_cpu_stat(void **state)
{
	struct rig *rig = *state;
	double time_before, time, periods_before, periods;
	char path[128], label[64], comm[16];
	const struct ts_sufferer *sufferer = NULL;
	struct ts_snapshot *s;

	snprintf(label, sizeof label, "/proc-test-%d", getpid());
	snprintf(path, sizeof path, "/sys/fs/cgroup/cpu%s", label);
	snprintf(rig->cleanup, sizeof rig->cleanup, "rmdir %s", path);
	shell("mkdir %s && echo 10000 > %s/cpu.cfs_quota_us", path, path);
	rig_measure(rig, &ts_source_cgroups);
	assert_int_equal(counter(rig->last, TS_FAMILY_CGROUP_THROTTLED, label, ""), 0);
	rig->child = spinner(-1);
	shell("echo %d > %s/cgroup.procs", rig->child, path);
	usleep(700000);
	time_before = cgroup_stat(path, "throttled_time");
	periods_before = cgroup_stat(path, "nr_throttled");
	s = rig_snapshot(rig);
	time = (double)counter(s, TS_FAMILY_CGROUP_THROTTLED, label, "");
	periods = (double)counter(s, TS_FAMILY_CGROUP_PERIODS, label, "throttled");
	assert_true(time <= cgroup_stat(path, "throttled_time"));
	assert_true(periods <= cgroup_stat(path, "nr_throttled"));
	assert_true(time_before > 0 && time >= time_before);
	assert_true(periods_before > 0 && periods >= periods_before);
	assert_true(gauge(s, TS_FAMILY_CGROUP_QUOTA, label, "") == 0.1);
	for (size_t i = 0; i < s->sufferers && !sufferer; i++)
		if (!strcmp(s->sufferer[i].cgroup, label))
			sufferer = &s->sufferer[i];
	assert_non_null(sufferer);
	assert_int_equal(sufferer->pid, rig->child);
	prctl(PR_GET_NAME, comm); /* the child's, too */
	assert_string_equal(sufferer->comm, comm);
	assert_true(sufferer->value == time / 1e9);
}

static void host_agrees_with_uname(void **state)
{
	struct rig *rig = *state;
	char boot_id[64] = "";
	struct utsname names;
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");

	assert_non_null(file);
	assert_non_null(fgets(boot_id, sizeof boot_id, file));
	fclose(file);
	boot_id[strcspn(boot_id, "\n")] = '\0';
	assert_int_equal(uname(&names), 0);
	rig->last = ts_snapshot_new();
	ts_host_snapshot(rig->last);
	assert_string_equal(rig->last->host.boot_id, boot_id);
	assert_string_equal(rig->last->host.hostname, names.nodename);
	assert_string_equal(rig->last->host.kernel, names.release);
	assert_int_equal(rig->last->host.cpus, (int)reading("getconf _NPROCESSORS_ONLN"));
	assert_true((double)rig->last->host.memory_bytes ==
		    awk_value("/proc/meminfo", "MemTotal:") * 1024);
}

/* A pipe, as files of debugfs, has no position to read from. */
static void what_has_no_position_is_read_once(void **state)
{
	int end[2];
	char text[16];

	assert_int_equal(pipe(end), 0);
	assert_int_equal(write(end[1], "700000\n", 7), 7);
	close(end[1]);
	assert_int_equal(ts_read_open(end[0], text, sizeof text), 6);
	assert_string_equal(text, "700000");
	assert_int_equal(ts_read_open(end[0], text, sizeof text), 0);
	close(end[0]);
}

static void own_cost_grows_with_use(void **state)
{
	struct rig *rig = *state;
	size_t size = 32u << 20;
	__u64 cpu, resident;
	char *memory;

	rig->last = ts_snapshot_new();
	ts_own_cost_snapshot(rig->last);
	cpu = rig->last->cost.user_cpu_ns;
	resident = rig->last->cost.rss_bytes;
	assert_true(resident > 0);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(memory != MAP_FAILED);
	memset(memory, 1, size);
	spin(0.1);
	ts_snapshot_free(rig->last);
	rig->last = ts_snapshot_new();
	ts_own_cost_snapshot(rig->last);
	assert_true(rig->last->cost.rss_bytes >= resident + size * 9 / 10);
	munmap(memory, size);
	ts_own_cost_snapshot(rig->last);
	assert_true(rig->last->cost.peak_rss_bytes >= resident + size * 9 / 10);
	assert_true(rig->last->cost.rss_bytes < resident + size / 2);
	assert_true(rig->last->cost.user_cpu_ns > cpu);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_machine, teardown)
		TEST(cpu_time_agrees_with_awk),
		TEST(cpu_time_follows_a_load),
		TEST(memory_agrees_with_awk),
		TEST(page_faults_are_counted),
		TEST(pressure_follows_contention),
		cmocka_unit_test_setup_teardown(psi_that_refuses_to_be_read_is_disabled,
						setup_fixture, teardown),
		TEST(settings_of_a_device),
		cmocka_unit_test(what_has_no_position_is_read_once),
		TEST(file_handles_follow_open_files),
		TEST(a_throttled_cgroup_agrees_with_its_cpu_stat),
		TEST(host_agrees_with_uname),
		TEST(own_cost_grows_with_use),
	};

	return cmocka_run_group_tests_name("proc", tests, NULL, NULL);
}
