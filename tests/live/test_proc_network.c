// SPDX-License-Identifier: GPL-2.0-only
/* The network sources and settings on the running kernel, in network namespaces of the test's own.
 */
#include "proc_support.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sched.h>
#include <sys/socket.h>

#include "../../user/core/settings.h"
#include "../../user/live/settings_read.h"
#include "../../user/live/settings_watch.h"

/* A network namespace of the test's own, and the label it has in series. */
static const char *make_netns(struct rig *rig)
{
	char name[64];

	snprintf(name, sizeof name, "proc-test-%d", getpid());
	snprintf(rig->cleanup, sizeof rig->cleanup, "ip netns del %s", name);
	shell("ip netns add %s && ip -n %s link set lo up", name, name);
	ts_netns_refresh(&rig->netns, "/proc");
	for (size_t i = 0; i < rig->netns.count; i++)
		if (rig->netns.entry[i].alive && !strcmp(rig->netns.entry[i].name, name))
			return rig->netns.entry[i].label;
	fail_msg("%s is not in the table", name);
	return NULL;
}

static const struct ts_netns_entry *find_entry(const struct rig *rig, const char *label)
{
	for (size_t i = 0; i < rig->netns.count; i++)
		if (!strcmp(rig->netns.entry[i].label, label))
			return &rig->netns.entry[i];
	return NULL;
}

/* UDP to a closed port, and more connections than a queue of one takes. */
static void make_network_events(int connections, int socket_of[8])
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	int udp = socket(AF_INET, SOCK_DGRAM, 0);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(udp >= 0 && listener >= 0);
	address.sin_port = htons(9);
	for (int i = 0; i < 7; i++) /* unconnected: an ICMP answer does not stop it */
		assert_int_equal(sendto(udp, "x", 1, 0, (struct sockaddr *)&address, size), 1);
	close(udp);
	address.sin_port = 0;
	assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	for (int i = 0; i < connections; i++) {
		socket_of[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(socket_of[i], (struct sockaddr *)&address, size);
		usleep(2000);
	}
	socket_of[connections] = listener;
}

static void network_counters_agree_with_nstat(void **state)
{
	struct rig *rig = *state;
	const char *label = make_netns(rig);
	const struct ts_netns_entry *entry = find_entry(rig, label);
	int socket_of[8] = {0};
	size_t compared = 0;
	struct ts_snapshot *s;
	double overflows;

	assert_int_equal(ts_netns_enter(&rig->netns, entry), 0);
	make_network_events(6, socket_of);
	ts_netns_leave(&rig->netns);
	/* SYN retransmissions go on meanwhile, from 1 s after the connect */
	s = rig_measure(rig, &ts_source_proc_net);
	assert_int_equal(counter(s, TS_FAMILY_NETWORK_COUNTERS, label, "UdpNoPorts"), 7);
	assert_int_equal(counter(s, TS_FAMILY_NETWORK_COUNTERS, label, "UdpOutDatagrams"), 7);
	assert_int_equal(counter(s, TS_FAMILY_NETWORK_COUNTERS, label, "TcpActiveOpens"), 6);
	overflows = reading("ip netns exec %s nstat -azs | awk '$1 == \"TcpExtListenOverflows\" "
			    "{print $2}'",
			    entry->name);
	assert_true(overflows > 0);
	assert_true(
		gauge(s, TS_FAMILY_SOCKETS_IN_USE, label, "in-use") ==
		reading("ip netns exec %s ss -s | awk '$1 == \"TCP\" {print $2}'", entry->name));
	for (int i = 0; i < 7; i++)
		close(socket_of[i]);
	usleep(50000);

	/* quiet now: every counter must be nstat's */
	s = rig_snapshot(rig);
	for (size_t i = 0; i < s->family[TS_FAMILY_NETWORK_COUNTERS].count; i++) {
		const struct ts_series *series = &s->family[TS_FAMILY_NETWORK_COUNTERS].series[i];
		double theirs;

		if (strcmp(series->label[0], label) || !series->counter)
			continue;
		theirs = reading("ip netns exec %s nstat -azs | awk -v n=%s '$1 == n || $1 == "
				 "\"TcpExt\" n {print $2}'",
				 entry->name, series->label[1]);
		if ((double)series->counter != theirs)
			fail_msg("%s: %llu, nstat %.0f", series->label[1],
				 (unsigned long long)series->counter, theirs);
		compared++;
	}
	assert_true(compared >= 15);
	assert_true(counter(s, TS_FAMILY_NETWORK_COUNTERS, label, "ListenOverflows") > 0);
	/* both namespaces, and the host-wide sums only once */
	assert_non_null(ts_snapshot_find(s, TS_FAMILY_SOCKETS_IN_USE,
					 TS_LABELS(rig->netns.entry[0].label, "orphan", "", "")));
	assert_null(
		ts_snapshot_find(s, TS_FAMILY_SOCKETS_IN_USE, TS_LABELS(label, "orphan", "", "")));
}

static void settings_agree_with_sysctl(void **state)
{
	struct rig *rig = *state;
	const char *label = make_netns(rig);
	const struct ts_netns_entry *entry = find_entry(rig, label);
	size_t compared = 0;

	shell("ip netns exec %s sysctl -qw net.core.somaxconn=77 net.ipv4.tcp_rmem='4096 70000 "
	      "90000'",
	      entry->name);
	rig->last = ts_snapshot_new();
	ts_settings_snapshot(&rig->live, rig->last);
	for (size_t i = 0; i < rig->last->settings; i++) {
		const struct ts_setting_value *value = &rig->last->setting[i];
		const struct ts_setting *setting = &ts_settings[value->id];
		char prefix[128] = "", expected[256] = "", command[512];
		FILE *pipe;

		if (setting->kind != TS_SETTING_SYSCTL || value->status != TS_STATUS_OK)
			continue;
		if (!strcmp(value->scope, label))
			snprintf(prefix, sizeof prefix, "ip netns exec %s", entry->name);
		else if (*value->scope && strcmp(value->scope, rig->netns.entry[0].label))
			continue; /* somebody else's namespace */
		snprintf(command, sizeof command, "%s sysctl -n %s | tr '\\t' ' '", prefix,
			 setting->name);
		pipe = popen(command, "r");
		assert_non_null(pipe);
		assert_non_null(fgets(expected, sizeof expected, pipe));
		pclose(pipe);
		expected[strcspn(expected, "\n")] = '\0';
		assert_string_equal(value->value, expected);
		if (!strcmp(value->scope, label) && value->id == TS_SETTING_SOMAXCONN)
			assert_string_equal(value->value, "77");
		if (!strcmp(value->scope, label) && value->id == TS_SETTING_TCP_RMEM)
			assert_string_equal(value->value, "4096 70000 90000");
		compared++;
	}
	/* global ones, and those of two namespaces */
	assert_true(compared >= 16);
}

static double softnet_column(int column)
{
	double sum = 0;
	char line[512];
	FILE *file = fopen("/proc/net/softnet_stat", "r");

	assert_non_null(file);
	while (fgets(line, sizeof line, file)) {
		unsigned int value[3];

		assert_int_equal(sscanf(line, "%x %x %x", &value[0], &value[1], &value[2]), 3);
		sum += value[column];
	}
	fclose(file);
	return sum;
}

static double softnet_total(const struct ts_snapshot *s, const char *event)
{
	double sum = 0;

	ASSERT_OK(s, TS_FAMILY_SOFTNET);
	for (size_t i = 0; i < s->family[TS_FAMILY_SOFTNET].count; i++)
		if (!strcmp(s->family[TS_FAMILY_SOFTNET].series[i].label[1], event))
			sum += (double)s->family[TS_FAMILY_SOFTNET].series[i].counter;
	return sum;
}

/*
 * A veth pair whose packets RPS hands to CPU 1, where many packet sockets make each of them slow,
 * and a sender on CPU 0: more than netdev_max_backlog come in before CPU 1 is through with the
 * first.
 */
static void make_slow_receiver(struct rig *rig, int tap[400])
{
	const char *label = make_netns(rig);
	const struct ts_netns_entry *entry = find_entry(rig, label);
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	int taps = 0;

	shell("n=%s; ip -n $n link add pt0 type veth peer name pt1 && ip -n $n link set pt0 up && "
	      "ip -n $n link set pt1 up && ip -n $n addr add 10.99.0.1/24 dev pt0 && "
	      "ip -n $n neigh add 10.99.0.2 lladdr 02:00:00:00:00:09 dev pt0 && "
	      "ip netns exec $n sh -c 'echo 2 > /sys/class/net/pt1/queues/rx-0/rps_cpus'",
	      entry->name);
	assert_int_equal(ts_netns_enter(&rig->netns, entry), 0);
	address.sll_ifindex = (int)if_nametoindex("pt1");
	/* on the receiving end alone: the sender must stay fast */
	for (; taps < 400; taps++) {
		tap[taps] = socket(AF_PACKET, SOCK_RAW, 0);
		assert_true(tap[taps] >= 0);
		assert_int_equal(bind(tap[taps], (struct sockaddr *)&address, sizeof address), 0);
	}
	tap[taps] = -1;
}

/* A socket may only have some hundred packets on their way: many sockets send 64 each. */
static int burst(int packets)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9)};
	struct mmsghdr message[64] = {0};
	struct iovec data = {.iov_base = "x", .iov_len = 1};
	int sent = 0;

	inet_pton(AF_INET, "10.99.0.2", &address.sin_addr);
	for (int i = 0; i < 64; i++)
		message[i].msg_hdr = (struct msghdr){.msg_name = &address,
						     .msg_namelen = sizeof address,
						     .msg_iov = &data,
						     .msg_iovlen = 1};
	while (sent < packets) {
		int udp = socket(AF_INET, SOCK_DGRAM, 0);
		int got = sendmmsg(udp, message, 64, MSG_DONTWAIT);

		close(udp);
		if (got <= 0)
			break;
		sent += got;
	}
	return sent;
}

static void run_ticks(struct rig *rig, int ticks)
{
	for (int i = 0; i < ticks; i++) {
		usleep(100000);
		rig->source->tick(&rig->live, rig->state, (__u64)(now_seconds() * 1e9));
	}
}

static void backlog_drops_agree_with_softnet_stat(void **state)
{
	struct rig *rig = *state;
	double dropped_before, dropped, total, idle, elapsed, largest = 0;
	double limit = reading("sysctl -n net.core.netdev_max_backlog");
	static int tap[401];
	struct ts_snapshot *s;
	cpu_set_t all, first;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		fail_msg("this test needs two CPUs");
	rig_measure(rig, &ts_source_softnet);
	dropped_before = softnet_total(rig->last, "dropped");
	elapsed = now_seconds();
	run_ticks(rig, 3);
	make_slow_receiver(rig, tap);
	sched_getaffinity(0, sizeof all, &all);
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	sched_setaffinity(0, sizeof first, &first);
	assert_true(burst((int)limit * 4) > limit);
	sched_setaffinity(0, sizeof all, &all);
	for (int i = 0; tap[i] >= 0; i++)
		close(tap[i]);
	ts_netns_leave(&rig->netns);
	run_ticks(rig, 4);

	total = softnet_column(1);
	s = rig_snapshot(rig);
	dropped = softnet_total(s, "dropped");
	assert_true(dropped >= total && dropped <= softnet_column(1));
	assert_true(dropped - dropped_before > limit / 10);
	for (size_t i = 0; i < s->family[TS_FAMILY_SOFTNET_BURST].count; i++)
		if (s->family[TS_FAMILY_SOFTNET_BURST].series[i].gauge > largest)
			largest = s->family[TS_FAMILY_SOFTNET_BURST].series[i].gauge;
	assert_true(largest > 0 && largest <= dropped - dropped_before);
	/* half a second or so of CPU 1, never more than has passed */
	elapsed = now_seconds() - elapsed;
	total = (double)counter(s, TS_FAMILY_SOFTNET_BUSY, "1", "total") / 1e9;
	idle = (double)counter(s, TS_FAMILY_SOFTNET_BUSY, "1", "idle") / 1e9;
	assert_true(total > 0.1 && total <= elapsed + 0.1);
	assert_true(idle >= 0 && idle <= total);
}

/* Written with the value it has, so that nothing changes. */
static void a_setting_that_is_written_is_noticed(void **state)
{
	static const char path[] = "/proc/sys/net/unix/max_dgram_qlen";
	struct ts_settings_watch watch = {.descriptor = -1};
	int setting = open(path, O_RDWR | O_CLOEXEC);
	struct rig *rig = *state;
	char value[32];
	ssize_t length;

	assert_true(setting >= 0);
	length = read(setting, value, sizeof value);
	assert_true(length > 0);
	assert_true(ts_settings_watch_written(&watch, &rig->live));
	assert_true(watch.descriptor >= 0);
	/* Others may write theirs meanwhile, but not all the time. */
	for (int i = 0; ts_settings_watch_written(&watch, &rig->live); i++)
		assert_true(i < 100);
	assert_int_equal(pwrite(setting, value, (size_t)length, 0), length);
	assert_true(ts_settings_watch_written(&watch, &rig->live));
	ts_settings_watch_close(&watch);
	close(setting);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_machine, teardown)
		TEST(network_counters_agree_with_nstat),
		TEST(settings_agree_with_sysctl),
		TEST(a_setting_that_is_written_is_noticed),
		TEST(backlog_drops_agree_with_softnet_stat),
	};

	return cmocka_run_group_tests_name("proc network", tests, NULL, NULL);
}
