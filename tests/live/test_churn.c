// SPDX-License-Identifier: GPL-2.0-only
/*
 * Namespaces, listeners and disks that come and go by the hundred while snapshots are taken twice a
 * second: what is shown stays bounded, right in sum, and never goes down, and so does what it
 * takes.
 */
#include "tcp_lab.h"
#include "own_descriptors.h"

#include <linux/loop.h>
#include <sys/mman.h>
#include "../../user/live/collect.h"
#include "../../user/live/task_names.h"

#define NAMESPACES  300
#define LATER	    20
#define FOREIGN	    150 /* connections of the rest of the host meanwhile, at most */
#define PORT	    9000
#define PORT_TEXT   "9000"
#define SERIES_MOST 257 /* of listeners or TCP: 256 and the other one */
#define DISKS	    100
#define DISKS_LATER 6
#define FIRST_DISK  200 /* numbers nobody else has */
#define DISK_BYTES  65536
#define READS	    4

struct watch {
	struct ts_collector *collector;
	struct ts_snapshot *first, *last;
	__u64 next_ns;
	__u64 passive_opens; /* seen in all windows together, of my namespaces and others */
	size_t descriptors;
	double resident; /* MiB */
};

static double resident_mib(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long pages = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%*u %lu", &pages), 1);
	fclose(file);
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1048576;
}

static const struct ts_series *find(const struct ts_family_data *data,
				    const struct ts_series *wanted, size_t *hint)
{
	for (size_t n = 0; n < data->count; n++) {
		const struct ts_series *s = &data->series[(*hint + n) % data->count];

		if (ts_series_matches(s, wanted->label)) {
			*hint = (size_t)(s - data->series) + 1;
			return s;
		}
	}
	return NULL;
}

/* No series is less than in the snapshot before, none stands there twice. */
static void check_order(const struct ts_snapshot *before, const struct ts_snapshot *after)
{
	ts_for_each_family (id) {
		const struct ts_family_data *data = &after->family[id];
		size_t hint = 0;

		if (id == TS_FAMILY_NETWORK_COUNTERS)
			assert_true(data->count <= (size_t)65 * 160);
		if (after->family[id].overflowed < before->family[id].overflowed)
			fail_msg("%s: fewer in other", ts_families[id].name);
		for (size_t i = 0; i < data->count; i++) {
			const struct ts_series *s = &data->series[i], *old;

			old = find(&before->family[id], s, &hint);
			if (!old)
				continue;
			if (ts_families[id].kind == TS_KIND_COUNTER && s->counter < old->counter)
				fail_msg("%s{%s,%s,%s} went down", ts_families[id].name,
					 s->label[0], s->label[1], s->label[2]);
			if (ts_families[id].kind == TS_KIND_HISTOGRAM &&
			    s->histogram->count < old->histogram->count)
				fail_msg("%s{%s,%s,%s} went down", ts_families[id].name,
					 s->label[0], s->label[1], s->label[2]);
		}
	}
}

static void take_one(struct watch *watch)
{
	struct ts_snapshot *snapshot = ts_collector_snapshot(watch->collector);
	struct ts_window window;

	if (watch->last) {
		check_order(watch->last, snapshot);
		assert_int_equal(ts_window_make(watch->last, snapshot, &window), 0);
		watch->passive_opens += ts_window_counter(&window, TS_FAMILY_NETWORK_COUNTERS,
							  TS_LABELS(NULL, "TcpPassiveOpens"));
		ts_window_free(&window);
	}
	if (watch->last != watch->first)
		ts_snapshot_free(watch->last);
	watch->last = snapshot;
	if (!watch->first)
		watch->first = snapshot;
}

/* Ticks and snapshots until so much time has passed. */
static void watch_for(struct watch *watch, unsigned int ms)
{
	__u64 end = clock_now_ns() + ms * 1000000ULL;

	do {
		ts_collector_tick(watch->collector);
		if (clock_now_ns() >= watch->next_ns) {
			take_one(watch);
			watch->next_ns = clock_now_ns() + 500000000ULL;
		}
		sleep_ms(100);
	} while (clock_now_ns() < end);
	take_one(watch);
}

static void watch_open(struct watch *watch)
{
	*watch = (struct watch){0};
	assert_int_equal(ts_collector_open(&(struct ts_collect_options){0}, &watch->collector), 0);
	watch_for(watch, 500);
	watch->descriptors = open_descriptors();
	watch->resident = resident_mib();
}

/* With two snapshots of 64 namespaces in it, the heap is larger than at first; but not by wave. */
static void check_memory(const struct watch *watch)
{
#ifndef __SANITIZE_ADDRESS__ /* which keeps what was freed */
	assert_true(resident_mib() <= watch->resident + 16);
#endif
}

static void watch_close(struct watch *watch)
{
	if (watch->last != watch->first)
		ts_snapshot_free(watch->last);
	ts_snapshot_free(watch->first);
	ts_collector_close(watch->collector);
}

/* ---- namespaces: each lives in a process that listens, has one connection, and waits */

struct cell {
	pid_t pid;
	char label[24];
};

static struct cell cells[NAMESPACES];

static void one_connection(void)
{
	struct sockaddr_in in = address_of("127.0.0.1", PORT);
	int listener = socket(AF_INET, SOCK_STREAM, 0), client, server, on = 1;
	char byte;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(listener, (void *)&in, sizeof in) || listen(listener, 8))
		_exit(2);
	client = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(client, (void *)&in, sizeof in))
		_exit(3);
	server = accept(listener, NULL, NULL);
	if (send(client, "x", 1, 0) != 1 || recv(server, &byte, 1, 0) != 1 ||
	    send(server, "x", 1, 0) != 1 || recv(client, &byte, 1, 0) != 1)
		_exit(4);
	close(client);
	recv(server, &byte, 1, 0);
	close(server);
}

static void cell_start(struct cell *cell)
{
	int ready[2];
	char path[64], byte;
	struct stat status;

	assert_int_equal(pipe(ready), 0);
	cell->pid = fork();
	if (!cell->pid) {
		struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
		int s;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET))
			_exit(1);
		s = socket(AF_INET, SOCK_DGRAM, 0);
		if (ioctl(s, SIOCSIFFLAGS, &request))
			_exit(1);
		one_connection();
		if (write(ready[1], "r", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	snprintf(path, sizeof path, "/proc/%d/ns/net", (int)cell->pid);
	assert_int_equal(stat(path, &status), 0);
	snprintf(cell->label, sizeof cell->label, "%llu", (unsigned long long)status.st_ino);
}

static void cell_stop(struct cell *cell)
{
	if (!cell->pid)
		return;
	kill(cell->pid, SIGKILL);
	waitpid(cell->pid, NULL, 0);
	cell->pid = 0;
}

static int stop_cells(void **state)
{
	for (size_t i = 0; i < NAMESPACES; i++)
		cell_stop(&cells[i]);
	return 0;
}

static bool is_mine(const char *label)
{
	for (size_t i = 0; i < NAMESPACES; i++)
		if (cells[i].pid && !strcmp(cells[i].label, label))
			return true;
	return false;
}

/* Number of my namespaces that have a series of a family. */
static size_t named(const struct ts_snapshot *snapshot, enum ts_family_id id,
		    const char *const *labels)
{
	const struct ts_family_data *data = &snapshot->family[id];
	size_t count = 0;

	for (size_t i = 0; i < data->count; i++)
		count += ts_series_matches(&data->series[i], labels) &&
			 is_mine(data->series[i].label[0]);
	return count;
}

static __u64 in_other(const struct watch *watch, enum ts_family_id id, const char *const *labels)
{
	const struct ts_series *now = ts_snapshot_find(watch->last, id, labels);
	const struct ts_series *then = ts_snapshot_find(watch->first, id, labels);

	return (now ? now->counter : 0) - (then ? then->counter : 0);
}

static void check_bounds(const struct watch *watch)
{
	const struct ts_snapshot *s = watch->last;
	__u64 closed = 0;

	assert_true(s->netns_count <= 64);
	assert_true(s->family[TS_FAMILY_TCP_CONNECTIONS].count <= SERIES_MOST);
	assert_true(s->family[TS_FAMILY_TCP_LISTENER_DROPS].count <= SERIES_MOST);
	assert_in_range(named(s, TS_FAMILY_NETWORK_COUNTERS, TS_LABELS(NULL, "TcpPassiveOpens")),
			30, 64);
	assert_in_range(named(s, TS_FAMILY_TCP_LISTENER_DROPS, NULL), 30, 64);
	assert_true(s->family[TS_FAMILY_TCP_LISTENER_DROPS].overflowed > 0);
	assert_true(s->family[TS_FAMILY_NETWORK_COUNTERS].overflowed > 0);
	assert_true(s->family[TS_FAMILY_TCP_CONNECTIONS].overflowed > 0);
	assert_non_null(strstr(s->family[TS_FAMILY_NETWORK_COUNTERS].why,
			       "network namespaces are counted together as other"));
	assert_non_null(
		ts_snapshot_find(s, TS_FAMILY_TCP_LISTENER_DROPS, TS_LABELS("other", "other")));
	/* Each connection has two ends, here with a series of their own or there with the rest. */
	closed = named(s, TS_FAMILY_TCP_CONNECTIONS, NULL) +
		 in_other(watch, TS_FAMILY_TCP_CONNECTIONS, TS_LABELS("other", "other", "other"));
	print_message("# %zu TCP series of mine, %llu connections in all\n",
		      named(s, TS_FAMILY_TCP_CONNECTIONS, NULL), closed);
	/* In "other" may be some of the rest of the host's. */
	assert_in_range(closed, 2 * NAMESPACES, 2 * (watch->passive_opens + FOREIGN));
}

/* Those with series of their own give room to others, whose history must not count once more. */
static void stop_some_named(const struct watch *watch, size_t many)
{
	for (size_t i = 0; i < NAMESPACES && many; i++) {
		if (!ts_snapshot_find(watch->last, TS_FAMILY_NETWORK_COUNTERS,
				      TS_LABELS(cells[i].label, "TcpPassiveOpens")))
			continue;
		cell_stop(&cells[i]);
		many--;
	}
	assert_int_equal(many, 0);
}

static void test_namespaces(void **state)
{
	struct watch watch;
	size_t before, after;

	watch_open(&watch);
	for (size_t i = 0; i < NAMESPACES; i++) {
		cell_start(&cells[i]);
		if (i % 50 == 49)
			watch_for(&watch, 100);
	}
	watch_for(&watch, 6000);
	check_bounds(&watch);
	print_message("# TcpPassiveOpens in all windows: %llu\n", watch.passive_opens);
	assert_in_range(watch.passive_opens, NAMESPACES, NAMESPACES + FOREIGN);
	assert_true(open_descriptors() <= watch.descriptors + 70 + TS_TASK_NAMES);

	stop_some_named(&watch, 25);
	watch_for(&watch, 3000);
	before = named(watch.last, TS_FAMILY_NETWORK_COUNTERS, TS_LABELS(NULL, "TcpPassiveOpens"));
	assert_in_range(before, 30, 64);
	assert_in_range(watch.passive_opens, NAMESPACES, NAMESPACES + FOREIGN);

	stop_cells(NULL);
	watch_for(&watch, 11000); /* gone, at rest, free */
	after = watch.last->family[TS_FAMILY_TCP_LISTENER_DROPS].overflowed;
	for (size_t i = 0; i < LATER; i++)
		cell_start(&cells[i]);
	watch_for(&watch, 1500);
	assert_int_equal(named(watch.last, TS_FAMILY_TCP_CONNECTIONS, NULL), 2 * LATER);
	for (size_t i = 0; i < LATER; i++) {
		const struct ts_series *s =
			ts_snapshot_find(watch.last, TS_FAMILY_TCP_CONNECTIONS,
					 TS_LABELS(cells[i].label, "service", PORT_TEXT));
		const struct ts_series *rtt =
			ts_snapshot_find(watch.last, TS_FAMILY_TCP_SMOOTHED_RTT,
					 TS_LABELS(cells[i].label, "service", PORT_TEXT));

		assert_int_equal(s->counter, 1);
		assert_non_null(rtt);
		assert_int_equal(rtt->histogram->count, 1);
		assert_true(rtt->histogram->max >= rtt->histogram->sum);
	}
	assert_int_equal(watch.last->family[TS_FAMILY_TCP_LISTENER_DROPS].overflowed, after);
	stop_cells(NULL);
	watch_for(&watch, 2500);
	print_message("# descriptors %zu, before %zu; resident %.1f MiB, before %.1f\n",
		      open_descriptors(), watch.descriptors, resident_mib(), watch.resident);
	assert_true(open_descriptors() <= watch.descriptors + 4 + TS_TASK_NAMES);
	check_memory(&watch);
	watch_close(&watch);
}

/* ---- listeners */

static void test_listeners(void **state)
{
	struct watch watch;
	struct space space;
	int listener[NAMESPACES], later;
	const struct ts_snapshot *s;

	make_space(&space);
	watch_open(&watch);
	for (unsigned int i = 0; i < NAMESPACES; i++)
		listener[i] = listen_on(&space, PORT + i, 8);
	watch_for(&watch, 1000);
	s = watch.last;
	assert_int_equal(s->family[TS_FAMILY_TCP_LISTENER_DROPS].count, SERIES_MOST);
	assert_true(s->family[TS_FAMILY_TCP_LISTENER_DROPS].overflowed > 0);
	assert_non_null(
		ts_snapshot_find(s, TS_FAMILY_TCP_LISTENER_DROPS, TS_LABELS("other", "other")));
	for (size_t i = 0; i < NAMESPACES; i++)
		close(listener[i]);
	watch_for(&watch, 1000);
	/* Places of those that are closed are given to new ones. */
	later = listen_on(&space, PORT + NAMESPACES, 8);
	watch_for(&watch, 1000);
	assert_non_null(ts_snapshot_find(watch.last, TS_FAMILY_TCP_LISTENER_DROPS,
					 TS_LABELS(space.label, "9300")));
	close(later);
	watch_close(&watch);
	drop_space(&space);
}

/* ---- disks */

static int disk_attached[DISKS + DISKS_LATER];

static int loop_control(unsigned long request, int number)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), result;

	assert_true(control >= 0);
	result = ioctl(control, request, number);
	close(control);
	return result < 0 ? -errno : result;
}

static int open_disk(int number)
{
	char path[32];
	struct stat status;

	snprintf(path, sizeof path, "/dev/loop%d", number);
	/* Without udev nobody makes the node. */
	if (stat(path, &status))
		assert_int_equal(mknod(path, S_IFBLK | 0600,
				       (dev_t)(7 << 8 | (number & 0xff) | (number & ~0xff) << 12)),
				 0);
	return open(path, O_RDWR | O_CLOEXEC | O_DIRECT);
}

static void attach(int number, int file)
{
	struct loop_config config = {.fd = (__u32)file};
	int disk;

	assert_int_equal(loop_control(LOOP_CTL_ADD, number), number);
	disk = open_disk(number);
	assert_true(disk >= 0);
	assert_int_equal(ioctl(disk, LOOP_CONFIGURE, &config), 0);
	disk_attached[number - FIRST_DISK] = disk;
}

static void detach(int number)
{
	int disk = disk_attached[number - FIRST_DISK], result = -EBUSY;
	char path[32];

	if (!disk)
		return;
	ioctl(disk, LOOP_CLR_FD, 0);
	close(disk);
	for (int tries = 0; result == -EBUSY && tries < 50; tries++) {
		result = loop_control(LOOP_CTL_REMOVE, number);
		if (result == -EBUSY)
			sleep_ms(10);
	}
	snprintf(path, sizeof path, "/dev/loop%d", number);
	unlink(path);
	disk_attached[number - FIRST_DISK] = 0;
}

static int detach_all(void **state)
{
	for (int i = 0; i < DISKS + DISKS_LATER; i++)
		detach(FIRST_DISK + i);
	return 0;
}

static void read_disk(int number)
{
	void *buffer = NULL;

	assert_int_equal(posix_memalign(&buffer, 4096, 4096), 0);
	for (int i = 0; i < READS; i++)
		assert_int_equal(pread(disk_attached[number - FIRST_DISK], buffer, 4096, i * 4096),
				 4096);
	free(buffer);
}

static __u64 reads_of(const struct ts_snapshot *snapshot, const char *device)
{
	const struct ts_series *s = ts_snapshot_find(snapshot, TS_FAMILY_BLOCK_DEVICE_LATENCY,
						     TS_LABELS(device, "read"));

	return s ? s->histogram->count : 0;
}

static __u64 reads_of_number(const struct ts_snapshot *snapshot, int number)
{
	char name[32];

	snprintf(name, sizeof name, "loop%d", number);
	return reads_of(snapshot, name);
}

static void test_disks(void **state)
{
	int file = memfd_create("disk", MFD_CLOEXEC);
	struct watch watch;
	size_t shown = 0;
	__u64 reads = 0;

	assert_int_equal(ftruncate(file, DISK_BYTES), 0);
	watch_open(&watch);
	reads = reads_of(watch.last, "other");
	for (int i = 0; i < DISKS; i++) {
		attach(FIRST_DISK + i, file);
		read_disk(FIRST_DISK + i);
	}
	watch_for(&watch, 500);
	reads = reads_of(watch.last, "other") - reads;
	for (int i = 0; i < DISKS; i++) {
		__u64 own = reads_of_number(watch.last, FIRST_DISK + i);

		assert_true(!own || own == READS);
		reads += own;
		shown += own != 0;
	}
	print_message("# %zu disks shown, %llu reads in all\n", shown, reads);
	assert_in_range(shown, 1, 32);
	assert_true(reads >= DISKS * READS);
	assert_true(watch.last->family[TS_FAMILY_BLOCK_DEVICE_LATENCY].overflowed > 0);

	for (int i = 0; i < DISKS; i++)
		detach(FIRST_DISK + i);
	watch_for(&watch, 11000);
	assert_int_equal(reads_of_number(watch.last, FIRST_DISK), 0);
	for (int i = 0; i < DISKS_LATER; i++) {
		attach(FIRST_DISK + DISKS + i, file);
		read_disk(FIRST_DISK + DISKS + i);
	}
	watch_for(&watch, 500);
	for (int i = 0; i < DISKS_LATER; i++)
		assert_int_equal(reads_of_number(watch.last, FIRST_DISK + DISKS + i), READS);
	detach_all(NULL);
	watch_for(&watch, 500);
	print_message("# descriptors %zu, before %zu; resident %.1f MiB, before %.1f\n",
		      open_descriptors(), watch.descriptors, resident_mib(), watch.resident);
	/* Some are kept for disks by their place in a table, not by their number. */
	assert_true(open_descriptors() <= watch.descriptors + 64 + TS_TASK_NAMES);
	check_memory(&watch);
	watch_close(&watch);
	close(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_namespaces, stop_cells),
		cmocka_unit_test(test_listeners),
		cmocka_unit_test_teardown(test_disks, detach_all),
	};

	return cmocka_run_group_tests_name("churn", tests, NULL, NULL);
}
