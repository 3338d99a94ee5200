// SPDX-License-Identifier: GPL-2.0-only
/* The /proc and /sys sources on trees with known, missing and hostile content. */
#include "proc_support.h"

#include "../../user/core/settings.h"
#include "../../user/live/clock.h"
#include "../../user/live/settings_read.h"

#define V1 "sys/fs/cgroup/cpu,cpuacct"
#define V2 "sys/fs/cgroup/unified tree"

static const char *own_netns(const struct rig *rig)
{
	return rig->netns.entry[0].label;
}

static void cpu_time_is_read_without_guest_time(void **state)
{
	struct ts_snapshot *s = rig_measure(*state, &ts_source_proc_cpu);
	__u64 tick = 1000000000ull / (__u64)sysconf(_SC_CLK_TCK);

	assert_int_equal(s->family[TS_FAMILY_CPU_TIME].count, 3 * 8);
	assert_int_equal(counter(s, TS_FAMILY_CPU_TIME, "0", "user"), 100 * tick);
	assert_int_equal(counter(s, TS_FAMILY_CPU_TIME, "1", "iowait"), 10 * tick);
	assert_int_equal(counter(s, TS_FAMILY_CPU_TIME, "3", "softirq"), 8 * tick);
	assert_int_equal(counter(s, TS_FAMILY_CPU_TIME, "3", "steal"), 3 * tick);
	assert_null(ts_snapshot_find(s, TS_FAMILY_CPU_TIME, TS_LABELS("2", "user", "", "")));
	assert_true(gauge(s, TS_FAMILY_TASKS, "running", "") == 3);
	assert_true(gauge(s, TS_FAMILY_TASKS, "blocked", "") == 2);
}

static void cpus_slow_and_fast(void **state)
{
	struct rig *rig = *state;
	struct ts_snapshot *s;

	assert_int_equal(rig_open_source(rig, &ts_source_cpufreq), 0);
	for (__u64 second = 1; second <= 5; second++)
		rig->source->tick(&rig->live, rig->state,
				  ts_clock_ns(CLOCK_MONOTONIC) + 1000000000ull * second);
	s = rig_snapshot(rig);
	assert_int_equal(counter(s, TS_FAMILY_CPU_SPEED, "0", "slow"), 5);
	assert_int_equal(counter(s, TS_FAMILY_CPU_SPEED, "0", "full"), 0);
	assert_int_equal(counter(s, TS_FAMILY_CPU_SPEED, "2", "full"), 5);
	assert_int_equal(s->family[TS_FAMILY_CPU_SPEED].count, 4);
}

static void memory_is_read_in_bytes(void **state)
{
	struct ts_snapshot *s = rig_measure(*state, &ts_source_proc_memory);
	double page = (double)sysconf(_SC_PAGESIZE);

	assert_true(gauge(s, TS_FAMILY_MEMORY, "total", "") == 8000000.0 * 1024);
	assert_true(gauge(s, TS_FAMILY_MEMORY, "cached", "") == 2500000.0 * 1024);
	assert_true(gauge(s, TS_FAMILY_MEMORY, "swap-free", "") == 1900000.0 * 1024);
	assert_true(gauge(s, TS_FAMILY_MEMORY, "dirty-limit", "") == 300000 * page);
	assert_true(gauge(s, TS_FAMILY_MEMORY, "dirty-background-limit", "") == 150000 * page);
	assert_int_equal(s->family[TS_FAMILY_MEMORY].count, 11);
	assert_int_equal(counter(s, TS_FAMILY_VM_EVENTS, "allocstall_movable", ""), 14);
	assert_int_equal(counter(s, TS_FAMILY_VM_EVENTS, "nr_written", ""), 3900);
	/* not an event, and one this kernel does not have */
	assert_null(ts_snapshot_find(s, TS_FAMILY_VM_EVENTS, TS_LABELS("nr_dirty", "", "", "")));
	assert_null(ts_snapshot_find(s, TS_FAMILY_VM_EVENTS, TS_LABELS("zswpin", "", "", "")));
}

static void pressure_without_full_for_cpu(void **state)
{
	struct ts_snapshot *s = rig_measure(*state, &ts_source_pressure);

	assert_int_equal(counter(s, TS_FAMILY_PRESSURE, "cpu", "some"), 4279283000ull);
	assert_int_equal(counter(s, TS_FAMILY_PRESSURE, "io", "full"), 70000001000ull);
	assert_int_equal(s->family[TS_FAMILY_PRESSURE].count, 5);
}

static void network_counters_keep_nstats_names(void **state)
{
	struct ts_snapshot *s = rig_measure(*state, &ts_source_proc_net);
	const char *netns = own_netns(*state);
	const struct {
		const char *name;
		__u64 value;
	} expected[] = {{"ListenOverflows", 1240}, {"ListenDrops", 1250},
			{"TCPTimeouts", 33},	   {"TCPAbortOnMemory", UINT64_MAX},
			{"TcpRetransSegs", 19},	   {"UdpRcvbufErrors", 811},
			{"IpReasmFails", 3},	   {"IpExtInOctets", 50255896}};

	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
		assert_int_equal(counter(s, TS_FAMILY_NETWORK_COUNTERS, netns, expected[i].name),
				 expected[i].value);
	/* neither counters nor asked for */
	assert_null(ts_snapshot_find(s, TS_FAMILY_NETWORK_COUNTERS,
				     TS_LABELS(netns, "TcpCurrEstab", "", "")));
	assert_null(ts_snapshot_find(s, TS_FAMILY_NETWORK_COUNTERS,
				     TS_LABELS(netns, "UdpLiteInDatagrams", "", "")));
	assert_true(gauge(s, TS_FAMILY_SOCKETS_IN_USE, netns, "in-use") == 26);
	assert_true(gauge(s, TS_FAMILY_SOCKETS_IN_USE, netns, "time-wait") == 1300);
	assert_true(gauge(s, TS_FAMILY_SOCKETS_IN_USE, netns, "orphan") == 2);
	assert_true(gauge(s, TS_FAMILY_SOCKETS_IN_USE, netns, "allocated") == 44);
	assert_int_equal(s->family[TS_FAMILY_SOCKETS_IN_USE].count, 4);
}

static void file_handles_are_read(void **state)
{
	struct ts_snapshot *s = rig_measure(*state, &ts_source_files);

	assert_true(gauge(s, TS_FAMILY_FILE_HANDLES, "allocated", "") == 1558);
	assert_true(gauge(s, TS_FAMILY_FILE_HANDLES, "maximum", "") == 2466177);
}

static void cgroups_of_both_versions_are_found(void **state)
{
	struct ts_snapshot *s = rig_measure(*state, &ts_source_cgroups);
	const char *db = "/system.slice/db.service";

	assert_true(gauge(s, TS_FAMILY_CGROUP_QUOTA, "/web", "") == 0.5);
	assert_true(gauge(s, TS_FAMILY_CGROUP_QUOTA, db, "") == 1.5);
	assert_int_equal(counter(s, TS_FAMILY_CGROUP_THROTTLED, "/web", ""), 7000000001ull);
	assert_int_equal(counter(s, TS_FAMILY_CGROUP_THROTTLED, db, ""), 4000000);
	assert_int_equal(counter(s, TS_FAMILY_CGROUP_PERIODS, db, "elapsed"), 40);
	assert_int_equal(counter(s, TS_FAMILY_CGROUP_PERIODS, "/web", "throttled"), 250);
	assert_int_equal(s->family[TS_FAMILY_CGROUP_QUOTA].count, 2);
	/* nothing is known about how long ago that was */
	assert_int_equal(s->sufferers, 0);
}

static void a_throttled_cgroup_is_named_with_its_busiest_task(void **state)
{
	struct rig *rig = *state;
	struct ts_snapshot *s;

	rig_measure(rig, &ts_source_cgroups);
	rig_write(rig, V1 "/web/cpu.stat",
		  "nr_periods 1010\nnr_throttled 260\nthrottled_time 7500000001\n");
	s = rig_snapshot(rig);
	assert_int_equal(s->sufferers, 1);
	assert_string_equal(s->sufferer[0].cgroup, "/web");
	assert_string_equal(s->sufferer[0].label[0], "/web");
	assert_int_equal(s->sufferer[0].pid, 701);
	assert_string_equal(s->sufferer[0].comm, "spin ner");
	assert_true(s->sufferer[0].value == 0.5);
	/* quiet since */
	assert_int_equal(rig_snapshot(rig)->sufferers, 0);
	/* removed and made anew: its time starts at 0 again; a name with brackets is taken whole */
	rig_write(rig, V1 "/web/cpu.stat",
		  "nr_periods 10\nnr_throttled 1\nthrottled_time 250000000\n");
	rig_write(rig, V1 "/web/cgroup.procs", "0\n700\n99999\n");
	s = rig_snapshot(rig);
	assert_int_equal(s->sufferers, 1);
	assert_true(s->sufferer[0].value == 0.25);
	assert_int_equal(s->sufferer[0].pid, 700);
	assert_string_equal(s->sufferer[0].comm, "a) R (b)");
}

static void cgroups_of_one_version_only(void **state)
{
	struct rig *rig = *state;
	struct ts_snapshot *s;

	rig_write(rig, "proc/self/mountinfo",
		  "41 31 0:38 / /sys/fs/cgroup/unified\\040tree rw - cgroup2 cgroup2 rw\n");
	s = rig_measure(rig, &ts_source_cgroups);
	assert_int_equal(s->family[TS_FAMILY_CGROUP_QUOTA].count, 1);
	assert_true(gauge(s, TS_FAMILY_CGROUP_QUOTA, "/system.slice/db.service", "") == 1.5);

	rig_write(rig, "proc/self/mountinfo",
		  "32 31 0:29 /docker/1 /nowhere rw - cgroup cgroup rw,cpu,cpuacct\n"
		  "33 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
		  "34 31 0:29 / /elsewhere rw - cgroup cgroup rw,cpu,cpuacct\n");
	s = rig_measure(rig, &ts_source_cgroups);
	assert_int_equal(s->family[TS_FAMILY_CGROUP_QUOTA].count, 1);
	assert_true(gauge(s, TS_FAMILY_CGROUP_QUOTA, "/web", "") == 0.5);

	/* no quota anywhere is a measurement */
	rig_write(rig, V1 "/web/cpu.cfs_quota_us", "-1\n");
	s = rig_measure(rig, &ts_source_cgroups);
	ASSERT_OK(s, TS_FAMILY_CGROUP_THROTTLED);
	assert_int_equal(s->family[TS_FAMILY_CGROUP_THROTTLED].count, 0);

	/* cpuset alone does not hold quotas */
	rig_write(rig, "proc/self/mountinfo",
		  "33 31 0:30 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n");
	assert_int_not_equal(rig_open_source(rig, &ts_source_cgroups), 0);
	assert_int_equal(rig->status, TS_STATUS_UNSUPPORTED);
}

static void more_cgroups_than_are_visited_are_counted(void **state)
{
	struct rig *rig = *state;
	struct ts_snapshot *s;

	/* 1 root, 4 of the fixture, 4100 more in each of two levels */
	shell("cd '%s/" V2 "' && seq -f '%%04g' 4100 | xargs mkdir", rig->root);
	rig_write(rig, "proc/self/mountinfo",
		  "41 31 0:38 / /sys/fs/cgroup/unified\\040tree rw - cgroup2 cgroup2 rw\n");
	s = rig_measure(rig, &ts_source_cgroups);
	ASSERT_OK(s, TS_FAMILY_CGROUP_THROTTLED);
	assert_non_null(strstr(s->family[TS_FAMILY_CGROUP_THROTTLED].why, "not looked at"));
}

static void psi_that_is_off_is_not_psi_that_is_missing(void **state)
{
	struct rig *rig = *state;

	rig_write(rig, "proc/pressure", NULL);
	assert_int_not_equal(rig_open_source(rig, &ts_source_pressure), 0);
	assert_int_equal(rig->status, TS_STATUS_UNSUPPORTED);
	assert_string_equal(rig->why, "this kernel has no PSI");

	rig_write(rig, "proc/cmdline", "ro psi=1 quiet psi=0\n");
	assert_int_not_equal(rig_open_source(rig, &ts_source_pressure), 0);
	assert_int_equal(rig->status, TS_STATUS_DISABLED);
	assert_non_null(strstr(rig->why, "psi=1"));

	rig_write(rig, "proc/cmdline", "ro psi=off psi=1\n");
	assert_int_not_equal(rig_open_source(rig, &ts_source_pressure), 0);
	assert_int_equal(rig->status, TS_STATUS_UNSUPPORTED);
}

static void settings_of_a_fixture(void **state)
{
	static const struct {
		enum ts_setting_id id;
		const char *scope; /* NULL: the namespace */
		enum ts_status status;
		const char *value, *choices;
	} expected[] = {
		{TS_SETTING_SOMAXCONN, NULL, TS_STATUS_OK, "128", ""},
		{TS_SETTING_TCP_RMEM, NULL, TS_STATUS_OK, "4096 131072 6291456", ""},
		{TS_SETTING_IP_LOCAL_PORT_RANGE, NULL, TS_STATUS_OK, "32768 60999", ""},
		{TS_SETTING_TCP_TW_REUSE, NULL, TS_STATUS_UNSUPPORTED, "", ""},
		{TS_SETTING_RMEM_MAX, "", TS_STATUS_OK, "212992", ""},
		{TS_SETTING_DIRTY_RATIO, "", TS_STATUS_FAILED, "", ""},
		{TS_SETTING_DIRTY_BYTES, "", TS_STATUS_FAILED, "", ""},
		{TS_SETTING_SCHED_AUTOGROUP, "", TS_STATUS_UNSUPPORTED, "", ""},
		{TS_SETTING_CPU_GOVERNOR, "", TS_STATUS_OK, "schedutil", ""},
		{TS_SETTING_BLOCK_SCHEDULER, "sda", TS_STATUS_OK, "mq-deadline",
		 "none mq-deadline bfq"},
		{TS_SETTING_BLOCK_NR_REQUESTS, "sda", TS_STATUS_OK, "64", ""},
		{TS_SETTING_BLOCK_HARDWARE_TAGS, "sda", TS_STATUS_OK, "256", ""},
		{TS_SETTING_BLOCK_WBT_LATENCY, "sda", TS_STATUS_UNSUPPORTED, "", ""},
	};
	struct rig *rig = *state;

	rig_write(rig, "proc/sys/vm/dirty_ratio", "twenty\n");
	rig_write(rig, "proc/sys/vm/dirty_bytes", "");
	rig->last = ts_snapshot_new();
	ts_settings_snapshot(&rig->live, rig->last);
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
		const char *scope = expected[i].scope ? expected[i].scope : own_netns(rig);
		const struct ts_setting_value *found = NULL;

		for (size_t j = 0; j < rig->last->settings; j++)
			if (rig->last->setting[j].id == expected[i].id &&
			    !strcmp(rig->last->setting[j].scope, scope))
				found = &rig->last->setting[j];
		if (!found)
			fail_msg("%s not read", ts_settings[expected[i].id].name);
		if (found->status != expected[i].status)
			fail_msg("%s: %s %s", ts_settings[expected[i].id].name,
				 ts_status_name(found->status), found->why);
		assert_string_equal(found->value, expected[i].value);
		assert_string_equal(found->choices, expected[i].choices);
		assert_int_equal(!*found->why, found->status == TS_STATUS_OK);
	}
	for (size_t j = 0; j < rig->last->settings; j++)
		assert_string_not_equal(rig->last->setting[j].scope, "loop0"); /* empty */
}

static const char *somaxconn_now(struct rig *rig)
{
	ts_snapshot_free(rig->last);
	rig->last = ts_snapshot_new();
	ts_settings_snapshot(&rig->live, rig->last);
	for (size_t i = 0; i < rig->last->settings; i++)
		if (rig->last->setting[i].id == TS_SETTING_SOMAXCONN &&
		    !strcmp(rig->last->setting[i].scope, own_netns(rig)))
			return rig->last->setting[i].value;
	return "";
}

/* What is kept from one snapshot to the next is not kept when it has been written. */
static void a_changed_setting_is_in_the_next_snapshot(void **state)
{
	struct rig *rig = *state;

	rig->live.settings = ts_settings_cache_open();
	assert_non_null(rig->live.settings);
	assert_string_equal(somaxconn_now(rig), "128");
	assert_string_equal(somaxconn_now(rig), "128");
	rig_write(rig, "proc/sys/net/core/somaxconn", "4096\n");
	assert_string_equal(somaxconn_now(rig), "4096");
	assert_string_equal(somaxconn_now(rig), "4096");
	ts_settings_cache_close(rig->live.settings);
	rig->live.settings = NULL;
}

/* One file of a good tree is replaced (or removed): only its families fail, and say why. */
struct hostile {
	const struct ts_source *source;
	enum ts_family_id family;
	const char *file;
	const char *text;
	const char *why;
};

#define STAT_END "procs_running 1\nprocs_blocked 0\n"
#define ROW	 "00000001 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 "

static const struct hostile hostile[] = {
	{&ts_source_proc_cpu, TS_FAMILY_CPU_TIME, "proc/stat", NULL, "No such file"},
	{&ts_source_proc_cpu, TS_FAMILY_CPU_TIME, "proc/stat", "", "empty"},
	{&ts_source_proc_cpu, TS_FAMILY_CPU_TIME, "proc/stat", "cpu  1 2\n", "stat"},
	{&ts_source_proc_cpu, TS_FAMILY_CPU_TIME, "proc/stat", "cpu0 1 2 3 4 5 6 7\n" STAT_END,
	 "stat"},
	{&ts_source_proc_cpu, TS_FAMILY_CPU_TIME, "proc/stat", "cpu0 1 2 3 4 5 6 7 8\n", "stat"},
	{&ts_source_proc_cpu, TS_FAMILY_CPU_TIME, "proc/stat",
	 "cpu0 1 2 3 4 5 6 7 8\n" STAT_END "intr 1 2", "cut short"},
	{&ts_source_proc_cpu, TS_FAMILY_CPU_TIME, "proc/stat", "cpu0 1 2 3 4 5 6 7 -8\n" STAT_END,
	 "stat"},
	{&ts_source_proc_cpu, TS_FAMILY_CPU_TIME, "proc/stat",
	 "cpu0 1 2 3 4 5 6 7 99999999999999999999\n" STAT_END, "stat"},
	{&ts_source_proc_cpu, TS_FAMILY_CPU_TIME, "proc/stat",
	 "cpu4000000000 1 2 3 4 5 6 7 8\n" STAT_END, "stat"},
	{&ts_source_proc_cpu, TS_FAMILY_TASKS, "proc/stat",
	 "cpu1 1 2 3 4 5 6 7 8\ncpu1 1 2 3 4 5 6 7 8\n" STAT_END, "stat"},
	{&ts_source_proc_memory, TS_FAMILY_MEMORY, "proc/meminfo", NULL, "No such file"},
	{&ts_source_proc_memory, TS_FAMILY_MEMORY, "proc/meminfo", "MemTotal: 5 kB\n", "meminfo"},
	{&ts_source_proc_memory, TS_FAMILY_MEMORY, "proc/meminfo",
	 "MemTotal: 18446744073709551615 kB\n", "meminfo"},
	{&ts_source_proc_memory, TS_FAMILY_VM_EVENTS, "proc/vmstat", "pgfault 1\n", "vmstat"},
	{&ts_source_proc_memory, TS_FAMILY_VM_EVENTS, "proc/vmstat", "pgfault\n", "vmstat"},
	{&ts_source_proc_memory, TS_FAMILY_MEMORY, "proc/vmstat", "pgfault 1 2", "cut short"},
	{&ts_source_pressure, TS_FAMILY_PRESSURE, "proc/pressure/io", "", "empty"},
	{&ts_source_pressure, TS_FAMILY_PRESSURE, "proc/pressure/io", NULL, "No such file"},
	{&ts_source_pressure, TS_FAMILY_PRESSURE, "proc/pressure/io", "some avg10=0.00\n", "io"},
	{&ts_source_pressure, TS_FAMILY_PRESSURE, "proc/pressure/io", "some total=x\n", "io"},
	{&ts_source_pressure, TS_FAMILY_PRESSURE, "proc/pressure/io", "half total=1\n", "io"},
	{&ts_source_pressure, TS_FAMILY_PRESSURE, "proc/pressure/io", "full total=1\n", "io"},
	{&ts_source_pressure, TS_FAMILY_PRESSURE, "proc/pressure/io",
	 "some total=18446744073709551615\n", "io"},
	{&ts_source_proc_net, TS_FAMILY_NETWORK_COUNTERS, "proc/thread-self/net/snmp", NULL,
	 "No such file"},
	{&ts_source_proc_net, TS_FAMILY_NETWORK_COUNTERS, "proc/thread-self/net/snmp",
	 "Tcp: ActiveOpens RetransSegs\nTcp: 1\n", "snmp"},
	{&ts_source_proc_net, TS_FAMILY_NETWORK_COUNTERS, "proc/thread-self/net/snmp",
	 "Tcp: ActiveOpens\nTcp: 1 2\n", "snmp"},
	{&ts_source_proc_net, TS_FAMILY_NETWORK_COUNTERS, "proc/thread-self/net/snmp",
	 "Tcp: ActiveOpens\nUdp: 1\n", "snmp"},
	{&ts_source_proc_net, TS_FAMILY_NETWORK_COUNTERS, "proc/thread-self/net/snmp",
	 "Tcp: ActiveOpens\n", "snmp"},
	{&ts_source_proc_net, TS_FAMILY_NETWORK_COUNTERS, "proc/thread-self/net/netstat",
	 "TcpExt: ListenDrops\nTcpExt: -1\n", "netstat"},
	{&ts_source_proc_net, TS_FAMILY_NETWORK_COUNTERS, "proc/thread-self/net/netstat", "\n\n",
	 "netstat"},
	{&ts_source_proc_net, TS_FAMILY_SOCKETS_IN_USE, "proc/thread-self/net/sockstat",
	 "TCP: inuse\n", "sockstat"},
	{&ts_source_proc_net, TS_FAMILY_SOCKETS_IN_USE, "proc/thread-self/net/sockstat",
	 "UDP: inuse 1\n", "sockstat"},
	{&ts_source_softnet, TS_FAMILY_SOFTNET, "proc/net/softnet_stat", NULL, "No such file"},
	{&ts_source_softnet, TS_FAMILY_SOFTNET, "proc/net/softnet_stat", ROW "\n", "softnet_stat"},
	{&ts_source_softnet, TS_FAMILY_SOFTNET, "proc/net/softnet_stat", ROW "00000000 xyz\n",
	 "softnet_stat"},
	{&ts_source_softnet, TS_FAMILY_SOFTNET, "proc/net/softnet_stat", ROW "00000000 100000000\n",
	 "softnet_stat"},
	{&ts_source_softnet, TS_FAMILY_SOFTNET, "proc/net/softnet_stat",
	 ROW "00000000 00000000 00000000 ffffffff\n", "softnet_stat"},
	{&ts_source_softnet, TS_FAMILY_SOFTNET_BUSY, "proc/stat", "cpu0 1\n", "stat"},
	{&ts_source_files, TS_FAMILY_FILE_HANDLES, "proc/sys/fs/file-nr", "", "empty"},
	{&ts_source_files, TS_FAMILY_FILE_HANDLES, "proc/sys/fs/file-nr", "12\t0\n", "file-nr"},
	{&ts_source_files, TS_FAMILY_FILE_HANDLES, "proc/sys/fs/file-nr", "12\t13\t14\n",
	 "file-nr"},
	{&ts_source_cgroups, TS_FAMILY_CGROUP_THROTTLED, "proc/self/mountinfo", NULL,
	 "No such file"},
	{&ts_source_cgroups, TS_FAMILY_CGROUP_THROTTLED, "proc/self/mountinfo", "1 2 3\n",
	 "mountinfo"},
	{&ts_source_cgroups, TS_FAMILY_CGROUP_QUOTA, V1 "/web/cpu.cfs_quota_us", "much\n",
	 "web/cpu.cfs_quota_us"},
	{&ts_source_cgroups, TS_FAMILY_CGROUP_QUOTA, V1 "/web/cpu.cfs_period_us", "0\n",
	 "web/cpu.cfs_period_us"},
	{&ts_source_cgroups, TS_FAMILY_CGROUP_QUOTA, V1 "/web/cpu.stat", "nr_periods 1\n",
	 "web/cpu.stat"},
	{&ts_source_cgroups, TS_FAMILY_CGROUP_PERIODS, V2 "/system.slice/db.service/cpu.max", "5\n",
	 "cpu.max"},
	{&ts_source_cgroups, TS_FAMILY_CGROUP_PERIODS, V2 "/system.slice/db.service/cpu.stat",
	 "nr_periods 1\nnr_throttled x\nthrottled_usec 1\n", "cpu.stat"},
};

static void hostile_content_fails_with_a_reason(void **state)
{
	for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
		const struct hostile *row = &hostile[i];
		struct rig *rig = rig_new("sane");
		enum ts_status status;
		const char *why;

		*state = rig; /* so that the teardown finds the one that fails */
		rig_write(rig, row->file, row->text);
		if (rig_open_source(rig, row->source)) {
			status = rig->status;
			why = rig->why;
		} else {
			rig_snapshot(rig);
			status = rig->last->family[row->family].status;
			why = rig->last->family[row->family].why;
		}
		if (status != TS_STATUS_FAILED || !strstr(why, row->why))
			fail_msg("row %zu, %s: %s \"%s\"", i, row->file, ts_status_name(status),
				 why);
		if (i + 1 < sizeof hostile / sizeof hostile[0])
			assert_int_equal(teardown(state), 0);
	}
}

static int no_setup(void **state)
{
	*state = NULL;
	return 0;
}

/* A failed reading does not stay: the next good one counts again. */
static void a_source_recovers(void **state)
{
	struct rig *rig = *state;
	struct ts_snapshot *s = rig_measure(rig, &ts_source_files);

	ASSERT_OK(s, TS_FAMILY_FILE_HANDLES);
	rig_write(rig, "proc/sys/fs/file-nr", "");
	s = rig_snapshot(rig);
	assert_int_equal(s->family[TS_FAMILY_FILE_HANDLES].status, TS_STATUS_FAILED);
	assert_int_equal(s->family[TS_FAMILY_FILE_HANDLES].count, 0);
	rig_write(rig, "proc/sys/fs/file-nr", "7\t0\t9\n");
	s = rig_snapshot(rig);
	assert_true(gauge(s, TS_FAMILY_FILE_HANDLES, "allocated", "") == 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_fixture, teardown)
		TEST(cpu_time_is_read_without_guest_time),
		TEST(cpus_slow_and_fast),
		TEST(memory_is_read_in_bytes),
		TEST(pressure_without_full_for_cpu),
		TEST(network_counters_keep_nstats_names),
		TEST(file_handles_are_read),
		TEST(cgroups_of_both_versions_are_found),
		TEST(a_throttled_cgroup_is_named_with_its_busiest_task),
		TEST(cgroups_of_one_version_only),
		TEST(more_cgroups_than_are_visited_are_counted),
		TEST(psi_that_is_off_is_not_psi_that_is_missing),
		TEST(settings_of_a_fixture),
		TEST(a_changed_setting_is_in_the_next_snapshot),
		TEST(a_source_recovers),
		cmocka_unit_test_setup_teardown(hostile_content_fails_with_a_reason, no_setup,
						teardown),
	};

	return cmocka_run_group_tests_name("proc fixtures", tests, NULL, NULL);
}
