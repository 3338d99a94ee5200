// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPU quotas of cgroups and what they cost: cpu.stat of every cgroup that has one, in the first
 * version's hierarchy with the cpu controller, in the unified one, or in both.
 *
 * Which cgroups have one is found by going through all of them: again when that has cost less than
 * 1/3000 of the time since (each second on most hosts), and at least every nine seconds. What the
 * known ones count is read in each snapshot.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup_accounts.h"
#include "cgroup_mounts.h"
#include "clock.h"
#include "proc_stat.h"

#define DIRECTORIES_MAX 4096 /* visited in a snapshot */
#define SUFFERERS_MAX	8
#define TASKS_LOOKED_AT 64
#define QUOTA_UNLIMITED 0.0
#define COST_SHARE	3000
#define WALK_AFTER_NS	9000000000ull

struct hierarchy {
	struct ts_cgroup_mount mount;
	struct ts_cgroup_accounts accounts;
	__u64 walked_ns, cost_ns; /* when it was gone through, and the CPU time that took */
	__u64 unvisited;
};

struct cgroups {
	struct hierarchy hierarchy[TS_CGROUP_MOUNTS];
	int hierarchies;
};

/* One reading of one hierarchy; when it is a walk, breadth first. */
struct walk {
	const struct ts_cgroup_mount *mount;
	struct ts_cgroup_accounts *accounts;
	char **queue; /* paths below the mount; "" is the root */
	size_t queued, capacity;
	__u64 unvisited;
	char why[256]; /* first failure */
	bool failed;
};

static bool enqueue(struct walk *walk, const char *parent, const char *name)
{
	char *path;

	if (walk->queued == walk->capacity) {
		size_t capacity = walk->capacity ? walk->capacity * 2 : 64;
		char **larger = reallocarray(walk->queue, capacity, sizeof *larger);

		if (!larger)
			return false;
		walk->queue = larger;
		walk->capacity = capacity;
	}
	if (asprintf(&path, "%s/%s", parent, name) < 0)
		return false;
	walk->queue[walk->queued++] = path;
	return true;
}

static bool is_positive(const char *text, __u64 *value)
{
	return text && ts_is_number(text, value) && *value;
}

/* "max 100000" or "10000 100000"; *cpus stays QUOTA_UNLIMITED for the first. */
static int read_unified_limit(int directory, double *cpus, const char **file)
{
	char buffer[64], *text = buffer;
	const char *word;
	__u64 quota, period;
	ssize_t length;

	*file = "cpu.max";
	length = ts_read_small(directory, *file, buffer, sizeof buffer);
	if (length < 0)
		return (int)length;
	word = ts_take_word(&text);
	if (word && !strcmp(word, "max"))
		return 0;
	if (!is_positive(word, &quota) || !is_positive(ts_take_word(&text), &period))
		return -EPROTO;
	*cpus = (double)quota / (double)period;
	return 0;
}

/* The same in two files, with -1 for max. */
static int read_version_1_limit(int directory, double *cpus, const char **file)
{
	static const char *const files[] = {"cpu.cfs_quota_us", "cpu.cfs_period_us"};
	__u64 value[2];

	for (int i = 0; i < 2; i++) {
		char text[32];
		ssize_t length;

		*file = files[i];
		length = ts_read_small(directory, *file, text, sizeof text);
		if (length < 0)
			return (int)length;
		if (!i && !strcmp(text, "-1"))
			return 0;
		if (!is_positive(text, &value[i]))
			return -EPROTO;
	}
	*cpus = (double)value[0] / (double)value[1];
	return 0;
}

/* file: the inode of cpu.stat. */
static int read_throttling(const struct walk *walk, int directory, const char *path,
			   struct ts_cgroup_quota *quota, __u64 *file)
{
	const char *time_key = walk->mount->unified ? "throttled_usec" : "throttled_time";
	const struct {
		const char *key;
		__u64 *value;
	} wanted[] = {{"nr_periods", &quota->periods},
		      {"nr_throttled", &quota->throttled_periods},
		      {time_key, &quota->throttled_ns}};
	int descriptor = openat(directory, path, O_RDONLY | O_CLOEXEC);
	char buffer[4096], *text = buffer, *line;
	unsigned int found = 0;
	struct stat status;
	ssize_t length;

	if (descriptor < 0)
		return -errno;
	length = ts_read_open(descriptor, buffer, sizeof buffer);
	*file = !fstat(descriptor, &status) ? status.st_ino : 0;
	close(descriptor);
	if (length < 0)
		return (int)length;
	while ((line = ts_take_line(&text))) {
		const char *key = ts_take_word(&line);

		for (size_t i = 0; key && i < sizeof wanted / sizeof wanted[0]; i++)
			if (!strcmp(key, wanted[i].key)) {
				if (!ts_is_number(line, wanted[i].value))
					return -EPROTO;
				found |= 1u << i;
			}
	}
	if (found != 7 || quota->throttled_ns > ~0ull / 1000)
		return -EPROTO;
	quota->throttled_ns *= walk->mount->unified ? 1000 : 1;
	return 0;
}

static void fail(struct walk *walk, const char *path, const char *file, int error)
{
	char full[TS_PROC_PATH_MAX + 64];

	if (walk->failed)
		return;
	walk->failed = true;
	snprintf(full, sizeof full, "%s%s/%s", walk->mount->path, path, file);
	ts_proc_why(walk->why, full, error);
}

/* Removed meanwhile, or a cgroup without the controller: nothing to say about it. */
static bool is_absent(int error)
{
	return error == -ENOENT || error == -ENODEV;
}

static void visit_quota(struct walk *walk, int directory, __u64 inode, const char *path)
{
	struct ts_cgroup_quota quota = {0};
	const char *name;
	__u64 file = 0;
	int error = walk->mount->unified ? read_unified_limit(directory, &quota.cpus, &name)
					 : read_version_1_limit(directory, &quota.cpus, &name);

	if (!error && quota.cpus != QUOTA_UNLIMITED) {
		name = "cpu.stat";
		error = read_throttling(walk, directory, name, &quota, &file);
	}
	if (error) {
		if (!is_absent(error))
			fail(walk, path, name, error);
		return;
	}
	if (quota.cpus != QUOTA_UNLIMITED &&
	    !ts_cgroup_accounts_add(walk->accounts, path, inode, file, &quota))
		fail(walk, path, name, -ENOMEM);
}

static bool is_directory(int parent, const struct dirent *entry)
{
	struct stat stat;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return !fstatat(parent, entry->d_name, &stat, AT_SYMLINK_NOFOLLOW) && S_ISDIR(stat.st_mode);
}

static void visit_children(struct walk *walk, int directory, const char *path)
{
	struct dirent *entry;
	DIR *list;
	int copy;

	copy = dup(directory);
	list = copy < 0 ? NULL : fdopendir(copy);
	if (!list) {
		fail(walk, path, "", -errno);
		if (copy >= 0)
			close(copy);
		return;
	}
	while ((entry = readdir(list))) {
		if (entry->d_name[0] == '.' || !is_directory(directory, entry))
			continue;
		if (walk->queued >= DIRECTORIES_MAX)
			walk->unvisited++;
		else if (!enqueue(walk, path, entry->d_name))
			fail(walk, path, "", -ENOMEM);
	}
	closedir(list);
}

static void visit(struct walk *walk, const char *path)
{
	struct stat status = {0};
	char full[PATH_MAX];
	int directory;

	if (snprintf(full, sizeof full, "%s%s", walk->mount->path, path) >= (int)sizeof full) {
		walk->unvisited++;
		return;
	}
	directory = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (directory < 0) {
		if (!is_absent(-errno))
			fail(walk, path, "", -errno);
		return;
	}
	if (fstat(directory, &status) || !ts_cgroup_accounts_visit(walk->accounts, status.st_ino))
		fail(walk, path, "", -ENOMEM);
	visit_quota(walk, directory, status.st_ino, path);
	/* A leaf has two links, itself and its parent's: no need to list its many files. */
	if (status.st_nlink != 2)
		visit_children(walk, directory, path);
	close(directory);
}

/* CPU ticks a task has used, and its name; 0 when it has gone. */
static __u64 task_ticks(const struct ts_live *live, __u64 pid, char comm[32])
{
	char path[TS_PROC_PATH_MAX], text[1024], *at, *open;
	__u64 ticks;
	size_t length;

	snprintf(path, sizeof path, "%.400s/%llu/stat", live->proc, (unsigned long long)pid);
	if (ts_read_small(AT_FDCWD, path, text, sizeof text) <= 0)
		return 0;
	/* "pid (name) state …": the name may hold anything, blanks and brackets included. */
	open = strchr(text, '(');
	at = strrchr(text, ')');
	if (!open || !at || at < open)
		return 0;
	length = (size_t)(at - open) - 1;
	snprintf(comm, 32, "%.*s", (int)(length < 31 ? length : 31), open + 1);
	return ts_process_ticks(text, &ticks) ? ticks : 0;
}

/* The whole lines among the first bytes of a file. */
static bool read_head(const char *path, char *text, size_t size)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = descriptor < 0 ? -1 : read(descriptor, text, size - 1);
	char *end;

	if (descriptor >= 0)
		close(descriptor);
	text[length > 0 ? length : 0] = '\0';
	end = strrchr(text, '\n');
	if (end)
		end[1] = '\0';
	return end;
}

/* The task of a cgroup that has used most CPU time, of the first few. */
static int busiest_task(const struct ts_live *live, const char *cgroup, char comm[32])
{
	/* The members of a threaded cgroup are only in the second file. */
	static const char *const files[] = {"cgroup.procs", "cgroup.threads", "tasks"};
	char path[PATH_MAX], text[8192], name[32];
	char *at = text, *line;
	bool found = false;
	__u64 most = 0, pid;
	int busiest = 0;

	comm[0] = '\0';
	for (size_t i = 0; !found && i < sizeof files / sizeof files[0]; i++) {
		if (snprintf(path, sizeof path, "%s/%s", cgroup, files[i]) >= (int)sizeof path)
			return 0;
		found = read_head(path, text, sizeof text);
	}
	for (int i = 0; found && i < TASKS_LOOKED_AT && (line = ts_take_line(&at)); i++) {
		__u64 ticks;

		/* 0 stands for a task of another pid namespace */
		if (!ts_is_number(line, &pid) || !pid || pid > INT_MAX)
			continue;
		ticks = task_ticks(live, pid, name);
		if (ticks > most || (!busiest && ticks)) {
			most = ticks;
			busiest = (int)pid;
			memcpy(comm, name, sizeof name);
		}
	}
	return busiest;
}

/* ---- Snapshots */

static void add_sufferer(struct ts_live *live, const struct ts_cgroup_mount *mount,
			 const struct ts_cgroup_account *account, struct ts_snapshot *snapshot)
{
	const char *label = *account->path ? account->path : "/";
	char full[PATH_MAX], comm[32] = "";
	struct ts_sufferer sufferer = {.family = TS_FAMILY_CGROUP_THROTTLED,
				       .label = {label, "", "", ""},
				       .comm = comm,
				       .cgroup = label,
				       .value = (double)account->since_ns / 1e9};

	if (snprintf(full, sizeof full, "%s%s", mount->path, account->path) < (int)sizeof full)
		sufferer.pid = busiest_task(live, full, comm);
	ts_snapshot_sufferer(snapshot, &sufferer);
}

static void add_sufferers(struct ts_live *live, const struct hierarchy *hierarchy,
			  struct ts_snapshot *snapshot)
{
	const struct ts_cgroup_accounts *accounts = &hierarchy->accounts;
	const struct ts_cgroup_account *worst[SUFFERERS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < accounts->count; i++) {
		const struct ts_cgroup_account *account = &accounts->account[i];
		size_t at = count;

		if (!account->since_ns)
			continue;
		while (at && worst[at - 1]->since_ns < account->since_ns)
			at--;
		if (at == SUFFERERS_MAX)
			continue;
		count += count < SUFFERERS_MAX;
		memmove(&worst[at + 1], &worst[at], (count - at - 1) * sizeof *worst);
		worst[at] = account;
	}
	for (size_t i = 0; i < count; i++)
		add_sufferer(live, &hierarchy->mount, worst[i], snapshot);
}

static void add_series(struct ts_snapshot *snapshot, const char *label,
		       const struct ts_cgroup_quota *quota)
{
	ts_snapshot_gauge(snapshot, TS_FAMILY_CGROUP_QUOTA, TS_LABELS(label), quota->cpus);
	ts_snapshot_counter(snapshot, TS_FAMILY_CGROUP_PERIODS, TS_LABELS(label, "elapsed"),
			    quota->periods);
	ts_snapshot_counter(snapshot, TS_FAMILY_CGROUP_PERIODS, TS_LABELS(label, "throttled"),
			    quota->throttled_periods);
	ts_snapshot_counter(snapshot, TS_FAMILY_CGROUP_THROTTLED, TS_LABELS(label),
			    quota->throttled_ns);
}

static void add_hierarchies(const struct cgroups *state, struct ts_snapshot *snapshot)
{
	struct ts_cgroup_quota other = {0};
	bool any_other = false;
	__u64 overflowed = 0;

	for (int i = 0; i < state->hierarchies; i++) {
		const struct ts_cgroup_accounts *accounts = &state->hierarchy[i].accounts;

		for (size_t k = 0; k < accounts->count; k++)
			if (accounts->account[k].shown)
				add_series(snapshot,
					   *accounts->account[k].path ? accounts->account[k].path
								      : "/",
					   &accounts->account[k].total);
		any_other = any_other || accounts->any_other;
		other.cpus += accounts->other.cpus;
		other.periods += accounts->other.periods;
		other.throttled_periods += accounts->other.throttled_periods;
		other.throttled_ns += accounts->other.throttled_ns;
		overflowed += accounts->overflowed;
	}
	if (!any_other)
		return;
	add_series(snapshot, "other", &other);
	snapshot->family[TS_FAMILY_CGROUP_PERIODS].overflowed = overflowed;
	snapshot->family[TS_FAMILY_CGROUP_THROTTLED].overflowed = overflowed;
}

static void walk_hierarchy(struct walk *walk)
{
	size_t next = 0;

	walk->queue = malloc(64 * sizeof *walk->queue);
	walk->capacity = 64;
	if (walk->queue)
		walk->queue[0] = strdup("");
	if (!walk->queue || !walk->queue[0]) {
		fail(walk, "", "", -ENOMEM);
	} else {
		for (walk->queued = 1; next < walk->queued; next++) {
			visit(walk, walk->queue[next]);
			free(walk->queue[next]);
		}
	}
	free(walk->queue);
	walk->queue = NULL;
}

/* The cgroups with a quota that are known, without looking for others. */
static void read_known(struct walk *walk)
{
	struct ts_cgroup_accounts *accounts = walk->accounts;

	for (size_t i = 0; i < accounts->sorted; i++) {
		struct ts_cgroup_quota quota = {.cpus = accounts->account[i].last.cpus};
		const char *path = accounts->account[i].path;
		char full[PATH_MAX];
		__u64 file;
		int error;

		snprintf(full, sizeof full, "%s%s/cpu.stat", walk->mount->path, path);
		error = read_throttling(walk, AT_FDCWD, full, &quota, &file);
		if (!error && !ts_cgroup_accounts_add(accounts, path, 0, file, &quota))
			error = -ENOMEM;
		if (error && !is_absent(error))
			fail(walk, path, "cpu.stat", error);
	}
}

static void read_hierarchy(struct hierarchy *hierarchy, struct walk *walk)
{
	__u64 now = ts_clock_ns(CLOCK_MONOTONIC), age = now - hierarchy->walked_ns, begin;

	*walk = (struct walk){.mount = &hierarchy->mount, .accounts = &hierarchy->accounts};
	ts_cgroup_accounts_begin(&hierarchy->accounts);
	if (hierarchy->walked_ns && age < WALK_AFTER_NS && age < hierarchy->cost_ns * COST_SHARE) {
		read_known(walk);
	} else {
		begin = ts_clock_ns(CLOCK_THREAD_CPUTIME_ID);
		walk_hierarchy(walk);
		hierarchy->walked_ns = now;
		hierarchy->cost_ns = ts_clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin;
		hierarchy->unvisited = walk->unvisited;
	}
	ts_cgroup_accounts_end(&hierarchy->accounts);
	if (walk->failed)
		hierarchy->walked_ns =
			0; /* what could not be read is no longer known: look again */
}

static void cgroups_close(void *opaque)
{
	struct cgroups *state = opaque;

	for (int i = 0; i < TS_CGROUP_MOUNTS; i++)
		ts_cgroup_accounts_free(&state->hierarchy[i].accounts);
	free(state);
}

static int cgroups_open(struct ts_live *live, void **opaque, enum ts_status *status, char why[256])
{
	struct cgroups *state = calloc(1, sizeof *state);
	struct ts_cgroup_mount mount[TS_CGROUP_MOUNTS];
	char path[TS_PROC_PATH_MAX] = "/proc/self/mountinfo";

	*opaque = state;
	*status = TS_STATUS_FAILED;
	if (!state) {
		ts_proc_why(why, path, -ENOMEM);
		return -ENOMEM;
	}
	state->hierarchies = ts_cgroup_mounts(live, "cpu", mount, path);
	for (int i = 0; i < state->hierarchies; i++)
		state->hierarchy[i].mount = mount[i];
	if (state->hierarchies > 0)
		return 0;
	if (state->hierarchies < 0) {
		int error = state->hierarchies;

		ts_proc_why(why, path, error);
		cgroups_close(state);
		return error;
	}
	*status = TS_STATUS_UNSUPPORTED;
	snprintf(why, 256, "no cgroup hierarchy with the cpu controller is mounted");
	cgroups_close(state);
	return -ENOENT;
}

static void cgroups_snapshot(struct ts_live *live, void *opaque, struct ts_snapshot *snapshot)
{
	struct cgroups *state = opaque;
	enum ts_status status = TS_STATUS_OK;
	__u64 unvisited = 0;
	char why[256] = "";

	for (int i = 0; i < state->hierarchies; i++) {
		struct walk walk;

		read_hierarchy(&state->hierarchy[i], &walk);
		add_sufferers(live, &state->hierarchy[i], snapshot);
		unvisited += state->hierarchy[i].unvisited;
		if (walk.failed) {
			status = TS_STATUS_FAILED;
			snprintf(why, sizeof why, "%s", walk.why);
		}
	}
	add_hierarchies(state, snapshot);
	if (unvisited && status == TS_STATUS_OK)
		snprintf(why, sizeof why,
			 "at least %llu cgroups beyond the first %d were not looked at",
			 (unsigned long long)unvisited, DIRECTORIES_MAX);
	/* No cgroup with a quota is a measurement, too: nobody is throttled. */
	ts_snapshot_source_status(snapshot, TS_SOURCE_CGROUPS, status, why);
}

const struct ts_source ts_source_cgroups = {
	.id = TS_SOURCE_CGROUPS,
	.open = cgroups_open,
	.snapshot = cgroups_snapshot,
	.close = cgroups_close,
};
